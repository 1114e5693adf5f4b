/*-------------------------------------------------------------------------
 *
 * plain.c
 *	  amgettuple: a scan that goes on for as long as it is asked.
 *
 * When the ef_search nearest are used up, the search continues with twice as
 * many; when the graph is exhausted, a full scan over all slots finds what it
 * did not reach; rows without a direction come last.  Of several groups each
 * goes on as its own candidates are used up.  The order always wins: a
 * row that turns up after a farther one went out is dropped, and counted as
 * late.
 *
 * A scan holds no lock and no pin between calls, but for the pins of the heap
 * page that it fetched last and of the one that the executor fetches next, and
 * AccessShareLock on the TOAST table that it read vectors from.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "heap/heap.h"
#include "hnsw/scan/scan.h"
#include "hnsw/visits.h"
#include "tuning.h"
#include "utils/memutils.h"

/* Take in the query and find the first candidates. */
static void
start(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	OmenSearch *search = state->search;

	omen_scan_prepare(scan, NULL);
	state->ef = (uint32) state->ef_search.value;
	state->pending.is_post_filtering = false;
	search->may_pass = NULL;
	search->pass_arg = NULL;
	search->key_tests = state->query.key_tests;
	search->most_visits = PG_UINT64_MAX;
	omen_candidates_start(scan);
}

/*
 * The group that the next row waits for: of which more has to be found, or to
 * be looked up.
 */
static uint32
wanting_group(const OmenScanState *state)
{
	uint32		count = state->groups.count;

	for (uint32 i = 0; i < count; i++)
	{
		if (omen_rerank_is_dry(state, i) || omen_rerank_is_used_up(state, i))
			return i;
	}
	for (uint32 i = 0; i < count; i++)
	{
		if (omen_rerank_waits_for(state, i))
			return i;
	}
	return state->groups.current;
}

/*
 * Find more of the group in use by a longer candidate list.  False if there is
 * nothing to be found, or the list would be longer than distances of sketches
 * are good for.
 */
static bool
search_on(OmenScanState *state)
{
	uint32		next = state->search->ef * OMEN_LIST_GROWTH;

	if (omen_metrics[state->ix->meta.metric].is_sketched &&
		next > omen_longest_sketch_list(state->ef))
		return false;
	return omen_candidates_search_on(state, next);
}

/* Find more.  Goes on to the next phase where there is nothing. */
static void
advance(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	switch (state->phase)
	{
		case OMEN_SCAN_GRAPH:
			omen_scan_turn_to(state, wanting_group(state));
			if (!search_on(state))
				(void) omen_full_scan_rest(scan, SIZE_MAX);
			break;
		case OMEN_SCAN_FULL:
			omen_side_begin(state, OMEN_SIDE_NAN, OMEN_SCAN_SIDE_NAN);
			break;
		default:
			if (!omen_side_advance(state))
				state->phase = OMEN_SCAN_DONE;
			break;
	}
}

/* The next row in order, if there is one among what was found so far. */
static bool
next_in_order(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	OmenPendingRow row;

	for (;;)
	{
		bool		waits = omen_rerank_waits(state);

		if (omen_rerank_lacks_some(state, !waits))
			return false;
		if (!waits && omen_rerank_take(&state->pending, &row))
			break;
		if (state->pending.nnodes == 0)
			return false;
		omen_rerank_nearest(scan);
	}
	omen_rerank_send(state, &row);
	scan->xs_heaptid = row.tid;
	if (scan->xs_heapfetch)
		omen_heap_expect(scan->xs_heapfetch,
						 ItemPointerGetBlockNumber(&row.tid));
	return true;
}

/* The next of those that have no order. */
static bool
next_unordered(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	ItemPointer tid = omen_side_next_tid(&state->unordered);

	if (tid == NULL)
		return false;
	omen_fetch_check_tid(scan, tid);
	scan->xs_heaptid = *tid;
	return true;
}

/* The next row of what was found so far. */
static bool
next_row(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	if (state->phase == OMEN_SCAN_GRAPH || state->phase == OMEN_SCAN_FULL)
		return next_in_order(scan);
	return next_unordered(scan);
}

bool
omen_hnsw_get_tuple(IndexScanDesc scan, ScanDirection dir)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);
	bool		found = false;

	Assert(ScanDirectionIsForward(dir));
	omen_fetch_forget_distance(NULL);
	if (state->phase == OMEN_SCAN_START)
		start(scan);
	while (!found && state->phase != OMEN_SCAN_DONE)
	{
		found = next_row(scan);
		if (!found)
			advance(scan);
	}
	if (state->phase == OMEN_SCAN_DONE)
		omen_toast_reader_end(state->fetch.toast);
	else
		omen_toast_reader_pause(state->fetch.toast);
	omen_scan_note_last(scan);
	/* keys tell what cannot pass, not what does */
	scan->xs_recheck = scan->numberOfKeys > 0;
	scan->xs_recheckorderby = false;
	MemoryContextSwitchTo(old);
	return found;
}
