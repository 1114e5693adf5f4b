/*-------------------------------------------------------------------------
 *
 * growth.h
 *	  What a filtered search is told and tells in numbers, and how long its
 *	  candidate list has to be.
 *
 * Plain C, without a server: these are passed by value between a scan and its
 * caller, and decided by without either.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_GROWTH_H
#define OMEN_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

/* What a search is to find, and how it begins. */
typedef struct OmenSearchTerms
{
	/* What keeps nodes out of the candidate list that cannot pass. */
	bool		tests_tids;
	bool		tests_keys;

	/* All nodes pass.  What is found is final: see omen_rerank_is_used_up(). */
	bool		is_unfiltered;

	uint64_t	wanted;			/* rows; none goes out before they are found */
	double		pass_rate;		/* part of the rows looked up, as expected */
	uint32_t	ef_search;		/* the setting */
	uint32_t	ef;				/* size of the candidate list to begin with */
	uint64_t	usual_visits;	/* of a walk in which rows pass at random */
	double		row_work;		/* of looking up a row, in visits of slots */
} OmenSearchTerms;

/* How much a search may do; then it gives up. */
typedef struct OmenScanBudget
{
	uint64_t	max_work;		/* in all, in visits of slots */
} OmenScanBudget;

/* How far a search has come that has not found what is wanted. */
typedef struct OmenSearchProgress
{
	uint64_t	tested;			/* nodes whose rows were looked up */
	uint64_t	passed;			/* rows that passed */
	uint64_t	visits;			/* of slots */
	uint64_t	work;			/* done in all, in visits of slots */
	uint32_t	found;			/* nodes in the candidate list */
	uint32_t	ef;				/* size of that list */
	uint32_t	next_ef;		/* its size if the search goes on */
	bool		hit_limit;		/* it stopped at its limit, with its candidate
								 * list not yet complete */
} OmenSearchProgress;

/*
 * Are nodes that cannot pass kept out of the candidate list (in-filter
 * traversal)?  Else rows are tested when they are looked up (post-filtering).
 */
static inline bool
omen_search_is_inside(const OmenSearchTerms *terms)
{
	return terms->tests_tids || terms->tests_keys;
}

extern double omen_list_size(double selectivity, double ef_search);
extern double omen_rows_to_test(uint64_t wanted, double pass_rate,
								uint64_t tested, uint64_t passed);
extern uint32_t omen_next_list(const OmenSearchTerms *terms,
							   const OmenSearchProgress *progress);
extern bool omen_list_suffices(const OmenSearchTerms *terms,
							   const OmenSearchProgress *progress);

#endif							/* OMEN_GROWTH_H */
