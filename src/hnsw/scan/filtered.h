/*-------------------------------------------------------------------------
 *
 * filtered.h
 *	  Index scans that know which rows are wanted, and how many.
 *
 * An index scan as PostgreSQL knows it learns neither how many rows are wanted
 * nor which of its rows the executor throws away.  A filtered scan is told
 * both, and so can see to it that as many go out as there are, in the right
 * order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FILTERED_H
#define OMEN_FILTERED_H

#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
#include "storage/itemptr.h"

/* A list of all nodes grows with a filter to so many times ef_search, by itself. */
#define OMEN_MOST_STRETCH 2.3

/* How far a search has come that has not found what is wanted. */
typedef struct OmenFilterProgress
{
	uint64		tested;			/* nodes whose rows were looked up */
	uint64		passed;			/* rows that passed */
	bool		is_cut;			/* the list is not yet what it will be */
	uint32		found;			/* nodes in the list that may pass */
	uint32		ef;				/* its size */
	uint32		next_ef;		/* and that of the next */
	uint64		work;			/* in visits of slots */
} OmenFilterProgress;

/* What is asked of the rows.  Lives as long as the scan. */
typedef struct OmenFilter
{
	/*
	 * May the row of a TID, as indexes have it, pass?  NULL if nothing is
	 * known by TIDs.  Called with pages locked: must not fail, allocate or
	 * wait.
	 */
	bool (*may_pass)(void *arg, ItemPointer tid);
	/* Are the filter keys that the scan has been given to be tested? */
	bool		use_keys;
	/* How they are joined, one for each; NULL: all must hold. */
	const struct OmenKeyStep *key_steps;
	/* Does a row pass, which the snapshot sees?  May fail. */
	bool (*passes)(void *arg, TupleTableSlot *slot);
	/*
	 * Is the scan to search on?  May raise most_work.  NULL: as far as most_work
	 * allows.
	 */
	bool (*is_worth)(void *arg, const OmenFilterProgress *progress);
	void	   *arg;

	double		radius;			/* no row passes that is farther */
	uint64		wanted;			/* rows; none goes out before they are found */
	double		pass_rate;		/* of the rows that are tested, as expected */
	uint32		ef;				/* size of the candidate list to begin with */
	uint64		most_work; /* in visits of slots, before the scan gives up */
	uint64		usual_visits;	/* of a search in which rows pass at random */
	double		row_work;		/* of looking up a row, in visits of slots */
	Size		memory;			/* for what was met, and for rows */
} OmenFilter;

/* Are rows that cannot pass kept out while nodes are found? */
static inline bool
omen_filter_is_inside(const OmenFilter *filter)
{
	return filter->may_pass != NULL || filter->use_keys;
}

typedef enum OmenFilteredResult
{
	OMEN_FILTERED_ROW,			/* there is a row */
	OMEN_FILTERED_END,			/* all rows that pass have gone out */
	OMEN_FILTERED_GAVE_UP		/* the graph gives no more: go on exactly */
} OmenFilteredResult;

/*
 * The TIDs that an exact pass is to look at.  False at the end.
 */
typedef bool (*OmenTidSource)(void *arg, ItemPointer tid);

extern void omen_filtered_begin(IndexScanDesc scan, const OmenFilter *filter);
extern OmenFilteredResult omen_filtered_next(IndexScanDesc scan,
											 ItemPointer version);
extern double omen_filtered_list(double selectivity);
extern double omen_filtered_tests(const OmenFilter *filter, uint64 tested,
								  uint64 passed);
extern bool omen_filtered_close(IndexScanDesc scan);
extern void omen_filtered_exact(IndexScanDesc scan, OmenTidSource source,
								void *arg);

#endif							/* OMEN_FILTERED_H */
