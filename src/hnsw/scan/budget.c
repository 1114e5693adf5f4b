/*-------------------------------------------------------------------------
 *
 * budget.c
 *	  What a filtered scan has done, and whether that is all that it may do.
 *
 * Counts, and keeps to what the caller allows; how much that is the caller
 * decides, see filter/allowance.c.  Work is counted in visits of slots; looking
 * up a row is worth as many as the filter says.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/scan/filtered_state.h"

/*
 * Bytes that a slot takes in a search that has met it: in seen[], in the set of
 * visited ids when that is half full, and in the heaps.
 */
#define BYTES_PER_VISIT \
	(sizeof(OmenSeen) + 2 * sizeof(uint32) + 2 * sizeof(OmenHeapItem))

/* What has been done, in visits of slots. */
uint64
omen_budget_work(const OmenScanState *state)
{
	return state->search->counters.visits +
		   (uint64) (state->pending.tested *
					 state->filtered->filter.terms.row_work);
}

/* Has the scan done as much as it may? */
bool
omen_budget_is_spent(const OmenScanState *state)
{
	return state->phase == OMEN_SCAN_GRAPH &&
		   omen_budget_work(state) >= state->filtered->budget.max_work;
}

/* Did a search stop at its limit, which has not gone on since? */
bool
omen_budget_hit_limit(const OmenScanState *state)
{
	for (uint32 i = 0; i < state->groups.count; i++)
	{
		if (state->groups.all[i].is_cut)
			return true;
	}
	return false;
}

/* Let searches do what is left of the work, within memory. */
void
omen_budget_limit_search(OmenScanState *state)
{
	OmenFilteredState *filtered = state->filtered;
	uint64		max_work = filtered->budget.max_work;
	OmenSearch *search = state->search;
	uint64		done = omen_budget_work(state);

	search->most_visits = search->counters.visits;
	if (done < max_work)
		search->most_visits =
			Min(search->most_visits + Min(max_work - done, PG_INT64_MAX),
				filtered->filter.memory / BYTES_PER_VISIT);
}
