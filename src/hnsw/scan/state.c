/*-------------------------------------------------------------------------
 *
 * state.c
 *	  Beginning, repeating and ending an index scan, and what it counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "executor/executor.h"
#include "hnsw/scan/scan.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

OmenCounters omen_last_scan_counters;
Oid			omen_last_scan_index;
OmenEfSearch omen_last_scan_ef_search;

IndexScanDesc
omen_hnsw_begin_scan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw scan",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OmenScanState *state = palloc0(sizeof(OmenScanState));

	state->context = context;
	state->at_end.func = omen_fetch_forget_distance;
	MemoryContextRegisterResetCallback(context, &state->at_end);
	state->unordered.tids.context = context;
	state->pending.tids.context = context;
	state->pending.nans.context = context;
	state->ix = omen_index_open(index, false);
	state->graph = omen_graph_open(state->ix, 0);
	state->groups.index = state->graph;
	omen_require_catalog(state->ix);
	state->opclass = omen_opclass(index);
	state->columns = omen_index_columns(index);
	state->keys = omen_keys_open(index);
	state->prefix = omen_prefix_open(index);
	state->search = omen_search_create(state->graph);
	state->groups.shared = state->search;
	state->query.code = palloc(omen_query_bytes(state->ix->quantizer));
	state->query.space =
		omen_encode_space(state->opclass->type, state->ix->meta.dims);
	state->query_context =
		AllocSetContextCreate(context, "omen_hnsw query", ALLOCSET_SMALL_SIZES);
	state->fetch.row_context =
		AllocSetContextCreate(context, "omen_hnsw row", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);
	scan->opaque = state;
	return scan;
}

/*
 * Begin anew.  What only a filtered scan keeps is for omen_filtered_begin(),
 * which comes next if it is to be one.
 */
void
omen_hnsw_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys,
				 int norderbys)
{
	OmenScanState *state = scan->opaque;

	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
	if (orderbys && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys,
				scan->numberOfOrderBys * sizeof(ScanKeyData));

	omen_fetch_forget_distance(NULL);
	omen_scan_forget_groups(state);
	MemoryContextReset(state->query_context);
	state->phase = OMEN_SCAN_START;
	state->query.has_origin = false;
	omen_pending_clear(state);
	state->pending.tested = 0;
	state->pending.last_distance = -INFINITY;
	state->unordered.tids.count = 0;
	state->unordered.next = 0;
	state->fetch.passes = NULL;
	if (state->fetch.table)
	{
		omen_toast_reader_pause(state->fetch.toast);
		table_index_fetch_reset(state->fetch.table);
	}
}

void
omen_hnsw_end_scan(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	if (state->fetch.table)
	{
		omen_toast_reader_end(state->fetch.toast);
		table_index_fetch_end(state->fetch.table);
	}
	if (state->fetch.slot)
		ExecDropSingleTupleTableSlot(state->fetch.slot);
	if (state->fetch.estate)
		FreeExecutorState(state->fetch.estate);
	MemoryContextDelete(state->context);
	scan->opaque = NULL;
}

/* What a scan has taken so far, over all its rescans. */
void
omen_scan_counters(IndexScanDesc scan, OmenCounters *total)
{
	const OmenScanState *state = scan->opaque;
	const OmenCounters *last = &state->search->counters;

	*total = state->earlier;
	total->hops += last->hops;
	total->visits += last->visits;
	total->distances += last->distances;
	total->reranked += last->reranked;
	total->late += last->late;
}

/* This is the scan that omen_hnsw_last_scan() tells of. */
void
omen_scan_note_last(IndexScanDesc scan)
{
	const OmenScanState *state = scan->opaque;

	omen_last_scan_counters = state->search->counters;
	omen_last_scan_index = RelationGetRelid(scan->indexRelation);
	omen_last_scan_ef_search = state->ef_search;
}

/*
 * Begin with the query: take it in, and what is asked of filter keys.  How
 * those are joined is said by steps; NULL: all must hold.
 */
void
omen_scan_prepare(IndexScanDesc scan, const struct OmenKeyStep *steps)
{
	OmenScanState *state = scan->opaque;

	if (scan->numberOfOrderBys != 1)
		elog(ERROR, "cannot scan omen_hnsw index without order");
	if (!IsMVCCSnapshot(scan->xs_snapshot))
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("index \"%s\" can be scanned with an MVCC snapshot only",
					RelationGetRelationName(scan->indexRelation))));

	pgstat_count_index_scan(scan->indexRelation);
	omen_count_search(scan);
	omen_scan_counters(scan, &state->earlier);
	memset(&state->search->counters, 0, sizeof(OmenCounters));
	state->ef_search = omen_ef_search_of(scan->indexRelation);
	omen_fetch_prepare(scan);
	if (!state->groups.are_known)
		omen_scan_choose_groups(scan, steps);
	omen_scan_refresh_groups(state);
	omen_query_encode(scan);
	omen_search_for_query(state->search, &state->query.header,
						  state->query.code);
	omen_query_compile_keys(scan, steps);
}
