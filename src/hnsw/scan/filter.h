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
#include "hnsw/scan/growth.h"
#include "storage/itemptr.h"

/* What is asked of the rows.  A scan takes a copy. */
typedef struct OmenFilter
{
	/*
	 * May the row of a TID, as indexes have it, pass?  Asked if `terms` say
	 * so, with pages locked: must not fail, allocate or wait.
	 */
	bool (*may_pass)(void *arg, ItemPointer tid);
	/*
	 * How tests of filter keys are joined, one for each; NULL: all must hold.
	 */
	const struct OmenKeyStep *key_steps;
	/* Does a row pass, which the snapshot sees?  May fail. */
	bool (*passes)(void *arg, TupleTableSlot *slot);
	/*
	 * How much may a search do that has come so far?  No more than it has done,
	 * and it gives up.  NULL: no more than `budget`.
	 */
	OmenScanBudget (*more)(void *arg, const OmenSearchProgress *progress);
	void	   *arg;			/* of these; lives as long as the scan */

	double		radius;			/* no row passes that is farther */
	Size		memory;			/* for what was met, and for rows; bytes */
	OmenSearchTerms terms;
	OmenScanBudget budget;		/* to begin with */
} OmenFilter;

typedef enum OmenFilteredResult
{
	OMEN_FILTERED_ROW,			/* there is a row */
	OMEN_FILTERED_END,			/* all rows that pass have gone out */
	OMEN_FILTERED_GAVE_UP		/* the graph gives no more: go on exactly */
} OmenFilteredResult;

/* The TIDs that an exact scan is to look at.  False at the end. */
typedef bool (*OmenTidSource)(void *arg, ItemPointer tid);

#endif							/* OMEN_FILTER_H */
