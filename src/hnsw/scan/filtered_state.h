/*-------------------------------------------------------------------------
 *
 * filtered_state.h
 *	  What a filtered scan keeps, and functions that its files share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FILTERED_STATE_H
#define OMEN_FILTERED_STATE_H

#include "hnsw/scan/filtered.h"
#include "hnsw/scan/scan.h"

/* What an exact scan has found (exact.c), beside the rows that are pending. */
typedef struct OmenExactScan
{
	OmenTidList nans;			/* versions of rows at no distance */
	OmenTidList nulls;			/* of rows without a value */
	uint32		next_unordered; /* of the two, to go out */
	bool		is_truncated;	/* there was no room for all rows: */
	OmenPendingRow truncated_from;	/* from this one on they were left out */
} OmenExactScan;

typedef struct OmenFilteredState
{
	OmenFilter	filter;
	OmenScanBudget budget;		/* of the search in use, as of now */
	OmenPendingRow *held;		/* nearest first: what goes out next */
	uint32		nheld;
	uint32		next_held;
	uint32		held_room;
	bool		is_settled;		/* what was wanted has been found */
	bool		is_closed;		/* by omen_filtered_close() */
	bool		is_beyond;		/* what is pending is outside the radius */
	OmenTidList sent;			/* versions of the rows that went out */
	OmenExactScan exact;
} OmenFilteredState;

/* ---------- budget.c ---------- */

extern uint64 omen_budget_work(const OmenScanState *state);
extern bool omen_budget_is_spent(const OmenScanState *state);
extern bool omen_budget_hit_limit(const OmenScanState *state);
extern void omen_budget_limit_search(OmenScanState *state);

/* ---------- exact.c ---------- */

extern void omen_exact_reset(OmenExactScan *exact);
extern OmenFilteredResult omen_exact_next(IndexScanDesc scan,
										  ItemPointer version);

#endif							/* OMEN_FILTERED_STATE_H */
