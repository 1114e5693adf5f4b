/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Index scans: rows in the exact order of their distance.
 *
 * Candidates are found here, by the distance of codes; rerank.c makes rows in
 * order of them.
 *
 * A scan goes on for as long as it is asked: when the ef_search nearest are
 * used up, the search continues with twice as many; when the graph is
 * exhausted, a pass over all slots finds what it did not reach; rows without a
 * direction come last.  The order always wins: a row that turns up after a
 * farther one went out is dropped, and counted as late.
 *
 * A scan holds no lock and no pin between calls, but for the pins of the heap
 * page that it fetched last and of the one that the executor fetches next, and
 * AccessShareLock on the TOAST table that it read vectors from.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "executor/executor.h"
#include "hnsw/scan/scan.h"
#include "miscadmin.h"
#include "pause.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/*
 * How many pending rows are fetched ahead at a time: as many as stay in the
 * processor's caches until their turn comes.
 */
#define MOST_ROWS_AHEAD 2000

OmenCounters omen_last_scan_counters;

/* ---------- beginning and ending ---------- */

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
	state->tids.context = context;
	state->at_end.func = omen_forget_distance;
	MemoryContextRegisterResetCallback(context, &state->at_end);
	state->nans.context = context;
	state->nulls.context = context;
	state->sent.context = context;
	state->ix = omen_index_open(index, false);
	omen_require_catalog(state->ix);
	state->opclass = omen_opclass(index);
	state->keys = omen_keys_open(index);
	state->search = omen_search_create(state->ix);
	state->code = palloc(omen_query_bytes(state->ix->quantizer));
	state->rest = palloc(state->ix->meta.dims * sizeof(float));
	state->query_context =
		AllocSetContextCreate(context, "omen_hnsw query", ALLOCSET_SMALL_SIZES);
	state->row_context =
		AllocSetContextCreate(context, "omen_hnsw row", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);
	scan->opaque = state;
	return scan;
}

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

	omen_forget_distance(NULL);
	MemoryContextReset(state->query_context);
	state->phase = OMEN_SCAN_START;
	state->nnodes = 0;
	state->nrows = 0;
	state->tids.count = 0;
	state->nans.count = 0;
	state->nulls.count = 0;
	state->sent.count = 0;
	omen_filtered_reset(state);
	state->next_tid = 0;
	state->has_origin = false;
	state->last_distance = -INFINITY;
	if (state->fetch)
	{
		omen_toast_reader_pause(state->toast);
		table_index_fetch_reset(state->fetch);
	}
}

void
omen_hnsw_end_scan(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	if (state->fetch)
	{
		omen_toast_reader_end(state->toast);
		table_index_fetch_end(state->fetch);
	}
	if (state->slot)
		ExecDropSingleTupleTableSlot(state->slot);
	if (state->estate)
		FreeExecutorState(state->estate);
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

/* ---------- the query ---------- */

/*
 * Encode the query for the quantizer of the moment.  Sets no_distance if the
 * query is NULL, or has no direction where that matters.
 */
void
omen_scan_encode_query(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	ScanKey		key = scan->orderByData;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);

	state->no_distance = (key->sk_flags & SK_ISNULL) != 0;
	if (!state->no_distance)
	{
		/* a copy: the executor frees its own before a rescan tells us */
		struct varlena *value = PG_DETOAST_DATUM_COPY(key->sk_argument);
		int			dims = state->opclass->dims(value);

		if (dims != (int) state->ix->meta.dims)
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
							errmsg("different vector dimensions %d and %d",
								   (int) state->ix->meta.dims, dims)));
		state->query = PointerGetDatum(value);
		state->query_floats =
			state->opclass->floats(value, palloc(dims * sizeof(float)));
		state->no_distance =
			!omen_encode_query(state->ix->quantizer, state->query_floats,
							   state->rest, &state->header, state->code,
							   &state->about_rest);
	}
	MemoryContextSwitchTo(old);
}

/* Encode the query for codes of epoch 0, too. */
void
omen_scan_encode_origin(OmenScanState *state)
{
	OmenQueryRest unused;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);

	state->origin_code = palloc(omen_query_bytes(state->ix->origin));
	(void) omen_encode_query(state->ix->origin, state->query_floats,
							 palloc(state->ix->meta.dims * sizeof(float)),
							 &state->origin_header, state->origin_code,
							 &unused);
	state->has_origin = true;
	MemoryContextSwitchTo(old);
}

/* What is asked of the columns after the vector's. */
static void
compile_keys(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);

	state->key_tests =
		omen_keys_compile(state->keys, scan->keyData, scan->numberOfKeys,
						  state->filter ? state->filter->key_steps : NULL);
	MemoryContextSwitchTo(old);
}

/*
 * A node to be made pending whose bound is to come.  Its TID, if it stands for one row,
 * is kept so that the node need not be visited again.
 */
OmenPendingNode
omen_scan_pending(uint32 id, const OmenSlotHeader *slot)
{
	OmenPendingNode item;

	memset(&item, 0, offsetof(OmenPendingNode, pointer));
	item.node.id = id;
	item.node.version = slot->version;
	item.tid = slot->u.node.heaptid;
	if (slot->u.node.posting != OMEN_INVALID_ID)
		ItemPointerSetInvalid(&item.tid);
	return item;
}

/*
 * Lower bound for a node whose page is locked, one that is certain or one that
 * holds as good as always (see omen_lower_bound).  False if its code cannot be
 * read with what this scan knows of quantizers.
 */
bool
omen_scan_bound(OmenScanState *state, uint32 id, OmenSlotHeader *slot,
				bool is_certain, double *bound)
{
	OmenIndex  *ix = state->ix;
	const OmenQuantizer *quantizer = ix->quantizer;
	const OmenCodeHeader *header = &state->header;
	const void *code = state->code;
	const OmenCodeHeader *slot_header = omen_slot_code_header(slot);
	const void *slot_code = omen_readable_code(ix, &ix->layout.node, id, slot);
	float		distance;

	/* no payload: its insert has not come that far, and nobody can see it */
	*bound = INFINITY;
	if (slot_code == NULL)
		return true;
	if (slot->epoch != ix->quantizer_epoch)
	{
		if (slot->epoch != 0)
			return false;
		quantizer = ix->origin;
		header = &state->origin_header;
		code = state->origin_code;
	}
	distance =
		omen_query_distance(quantizer, header, code, slot_header, slot_code);
	*bound = is_certain
				 ? omen_certain_bound(quantizer, header, slot_header, distance)
				 : omen_lower_bound(quantizer, header, slot_header, distance);
	return true;
}

/* ---------- the graph ---------- */

/*
 * Make the results of the search pending that were not so before.
 */
static uint32
take_results(OmenScanState *state)
{
	OmenSearch *search = state->search;
	OmenIndex  *ix = state->ix;
	uint32		taken = 0;

	for (uint32 i = 0; i < search->nnearest; i++)
	{
		OmenSeen   *seen = &search->seen[search->nearest[i].seen];
		OmenSlotHeader *slot;
		OmenPendingNode item;
		Buffer		buf;
		bool		is_readable;

		if ((seen->flags & OMEN_SEEN_TAKEN) != 0)
			continue;
		seen->flags |= OMEN_SEEN_TAKEN;
		taken++;
		slot = omen_visit(ix, &ix->layout.node, seen->id, &buf);
		if (slot == NULL)
			continue;
		item = omen_scan_pending(seen->id, slot);

		/*
		 * The search looked without a lock, and what it saw may have been on
		 * its way; nobody will look again.  So all that counts is read anew.
		 */
		is_readable =
			slot->epoch == ix->quantizer_epoch &&
			omen_scan_bound(state, seen->id, slot, false, &item.bound);
		UnlockReleaseBuffer(buf);
		if (!is_readable)
			continue;
		omen_heap_prefetch(state->fetch->rel, &item.tid);
		omen_rerank_add(state, item);
	}
	/* a filter by rows is about to look at most of these; nearly in this order */
	if (state->filter != NULL && !omen_filter_is_inside(state->filter))
	{
		for (uint32 i = 0; i < Min(state->nnodes, MOST_ROWS_AHEAD); i++)
			omen_heap_prefetch_row(state->fetch->rel, &state->nodes[i].tid);
	}
	return taken;
}

static OmenNodeRef
root_of(const OmenIndex *ix)
{
	OmenNodeRef root = {ix->meta.graph.root, ix->meta.graph.root_version};

	return root;
}

static void
search_graph(OmenScanState *state)
{
	OmenSearch *search = state->search;
	OmenNodeRef start;
	OmenNodeRef root = root_of(state->ix);

	search->may_peek = !state->ix->layout.out_of_line &&
					   !RelationUsesLocalBuffers(state->ix->pages.rel);
	(void) omen_descend(search, &state->header, state->code, 0, &start);
	omen_search_start(search, &state->ix->layout.node, &state->header,
					  state->code, state->ef);
	if (!omen_search_seed(search, start))
		(void) omen_search_seed(search, root);
	omen_search_run(search);
	OMEN_PAUSE("scan-searched");
	(void) take_results(state);
	OMEN_PAUSE("scan-taken");
}

/* Go on where the search stopped; false if it has met all it can reach. */
bool
omen_scan_search_on(OmenScanState *state)
{
	OmenSearch *search = state->search;

	if (search->nfrontier == 0)
	{
		/* the descent may have led to a corner that the root knows a way out of */
		if (!omen_search_seed(search, root_of(state->ix)) &&
			search->nnearest < search->ef)
			return false;
	}
	if (search->ef > PG_INT32_MAX / 2 ||
		search->counters.visits >= search->most_visits)
		return false;
	omen_search_grow(search, omen_filtered_next_ef(state));
	return take_results(state) > 0;
}

/* The next row in order, if there is one among what was found so far. */
static bool
next_in_order(IndexScanDesc scan)
{
	OmenPendingRow row;

	if (!omen_rerank_take(scan, &row))
		return false;
	omen_rerank_send(scan, &row);
	return true;
}

/* The next TID of the list in state->tids. */
static bool
next_of_list(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	if (state->next_tid >= state->tids.count)
		return false;
	omen_rerank_check_tid(scan, &state->tids.tids[state->next_tid]);
	scan->xs_heaptid = state->tids.tids[state->next_tid++];
	return true;
}

/* ---------- phases ---------- */

/* Begin with the query: take it in. */
void
omen_scan_prepare(IndexScanDesc scan)
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
	omen_rerank_prepare(scan);
	omen_index_refresh(state->ix);
	omen_scan_encode_query(scan);
	compile_keys(scan);
}

/* Find the first candidates. */
void
omen_scan_start(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	OmenIndex  *ix = state->ix;
	uint64		few;

	omen_filtered_start(state);
	few = Max(OMEN_FLAT_NODES, 4 * (uint64) omen_ef_search);
	if (state->key_tests && state->key_tests->never)
	{
		state->phase = OMEN_SCAN_DONE;
		return;
	}
	state->phase = OMEN_SCAN_GRAPH;
	if (state->no_distance)
	{
		state->next_block = OMEN_META_BLOCK + 1;
		return;
	}
	if (ix->meta.graph.mode != OMEN_MODE_GRAPH ||
		ix->meta.graph.node_limit <= few + ix->layout.node.per_page)
	{
		/* few enough to look at all of them */
		(void) omen_scan_close(scan, SIZE_MAX);
	}
	else
		search_graph(state);
}

/* Without a distance: the TIDs of the next node page that has some. */
static bool
collect_next_page(OmenScanState *state)
{
	OmenIndex  *ix = state->ix;
	const OmenPlane *plane = &ix->layout.node;
	OmenNodeRef *refs = palloc(plane->per_page * sizeof(OmenNodeRef));

	state->tids.count = 0;
	state->next_tid = 0;
	while (state->tids.count == 0 &&
		   omen_block_exists(&ix->pages, state->next_block))
	{
		Buffer		buf = omen_pin(&ix->pages, state->next_block);
		OmenPageOpaque opaque;
		uint32		count = 0;

		LockBuffer(buf, BUFFER_LOCK_SHARE);
		opaque = omen_check_page(ix->pages.rel, buf);
		for (uint32 i = 0; opaque && opaque->kind == OMEN_PAGE_NODE &&
						   i < omen_used_slots(ix, opaque);
			 i++)
		{
			OmenSlotHeader *slot = omen_page_slot(BufferGetPage(buf), plane, i);

			if ((slot->flags & OMEN_SLOT_USED) == 0)
				continue;
			refs[count].id = state->next_block * plane->per_page + i;
			refs[count++].version = slot->version;
		}
		UnlockReleaseBuffer(buf);
		for (uint32 i = 0; i < count; i++)
			(void) omen_posting_collect(ix, refs[i], &state->tids);
		state->next_block++;
		CHECK_FOR_INTERRUPTS();
	}
	pfree(refs);
	return state->tids.count > 0;
}

/*
 * Go on to the rows of a side list.  NaN sorts above all numbers and below
 * NULL: rows that turned out to be at no distance go with those that have no
 * direction.
 */
void
omen_scan_side_list(OmenScanState *state, OmenSide side, OmenScanPhase phase)
{
	state->tids.count = 0;
	state->next_tid = 0;
	if (side == OMEN_SIDE_NAN)
	{
		for (uint32 i = 0; i < state->nans.count; i++)
			omen_tid_list_add(&state->tids, &state->nans.tids[i]);
	}
	omen_posting_collect_side(state->ix, side, &state->tids);
	state->phase = phase;
}

/*
 * Find more: true if there is a chance of further rows.
 */
static bool
advance(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	switch (state->phase)
	{
		case OMEN_SCAN_GRAPH:
			if (state->no_distance)
			{
				if (collect_next_page(state))
					return true;
				omen_scan_side_list(state, OMEN_SIDE_NAN, OMEN_SCAN_SIDE_NAN);
			}
			else if (!omen_scan_search_on(state))
			{
				(void) omen_scan_all_pages(scan, SIZE_MAX);
				state->phase = OMEN_SCAN_CLOSING;
			}
			return true;
		case OMEN_SCAN_CLOSING:
			omen_scan_side_list(state, OMEN_SIDE_NAN, OMEN_SCAN_SIDE_NAN);
			return true;
		case OMEN_SCAN_SIDE_NAN:
			omen_scan_side_list(state, OMEN_SIDE_NULL, OMEN_SCAN_SIDE_NULL);
			return true;
		default:
			state->phase = OMEN_SCAN_DONE;
			return false;
	}
}

bool
omen_hnsw_get_tuple(IndexScanDesc scan, ScanDirection dir)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);
	bool		found = false;

	Assert(ScanDirectionIsForward(dir));
	omen_forget_distance(NULL);
	if (state->phase == OMEN_SCAN_START)
	{
		omen_scan_prepare(scan);
		omen_scan_start(scan);
	}
	while (!found && state->phase != OMEN_SCAN_DONE)
	{
		bool ordered = !state->no_distance && state->phase <= OMEN_SCAN_CLOSING;

		found = ordered ? next_in_order(scan) : next_of_list(scan);
		if (!found && !advance(scan))
			break;
	}
	if (state->phase == OMEN_SCAN_DONE)
		omen_toast_reader_end(state->toast);
	else
		omen_toast_reader_pause(state->toast);
	omen_last_scan_counters = state->search->counters;
	/* keys tell what cannot pass, not what does */
	scan->xs_recheck = scan->numberOfKeys > 0;
	scan->xs_recheckorderby = false;
	MemoryContextSwitchTo(old);
	return found;
}
