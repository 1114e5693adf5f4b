/*-------------------------------------------------------------------------
 *
 * filter.h
 *	  What a filtered scan is asked for: which rows, and how many.
 *
 * An index scan as PostgreSQL knows it learns neither how many rows are wanted
 * nor which of its rows the executor throws away.  A filtered scan is told
 * both, and so can see to it that as many go out as there are, in the right
 * order.  How much it may do is its caller's to say; nothing here knows what
 * else the caller could do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FILTER_H
#define OMEN_FILTER_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "storage/itemptr.h"

/* How far a search has come that has not found what is wanted. */
typedef struct OmenFilterProgress
{
	uint64		tested;			/* nodes whose rows were looked up */
	uint64		passed;			/* rows that passed */
	bool		hit_limit;		/* it stopped at its limit, with its candidate
								 * list not yet complete */
	uint32		found;			/* nodes in the candidate list */
	uint32		ef;				/* size of that list */
	uint32		next_ef;		/* its size if the search goes on */
	uint64		work;			/* done, in visits of slots */
} OmenFilterProgress;

/*
 * What is asked of the rows.  The caller's; lives as long as the scan, which
 * only reads it.
 */
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
	 * Is the scan to search on?  May raise most_work.  NULL: as far as
	 * most_work allows.
	 */
	bool (*is_worth)(void *arg, const OmenFilterProgress *progress);
	void	   *arg;

	double		radius;			/* no row passes that is farther */
	uint64		wanted;			/* rows; none goes out before they are found */
	double		pass_rate;		/* part of the rows tested that is expected to
								 * pass */
	uint32		ef;				/* size of the candidate list to begin with */
	uint64		most_work;		/* limit of the work done, in visits of slots;
								 * the scan gives up there */
	uint64		usual_visits;	/* that a search takes if rows pass at random */
	double		row_work;		/* what looking up a row counts as, in visits
								 * of slots */
	Size		memory;			/* bytes for slots met, and for rows */
} OmenFilter;

/*
 * Are nodes that cannot pass kept out of the candidate list (in-filter
 * traversal)?  Else rows are tested when they are looked up (post-filtering).
 */
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

/* The TIDs that an exact scan is to look at.  False at the end. */
typedef bool (*OmenTidSource)(void *arg, ItemPointer tid);

#endif							/* OMEN_FILTER_H */
