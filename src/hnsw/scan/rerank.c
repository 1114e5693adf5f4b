/*-------------------------------------------------------------------------
 *
 * rerank.c
 *	  From candidates to rows in the exact order of their distance.
 *
 * Candidates wait in a heap by lower bound of their distance, rows that were
 * fetched wait in another by their true distance, computed by the operator's
 * own function on the stored value.  A row goes out when its distance is not
 * above the bound of any candidate; so about as many rows are fetched as are
 * returned.  Before a row is fetched, the bound of its candidate is made
 * better from the query itself, which costs less than a row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/heapam.h"
#include "catalog/index.h"
#include "compat.h"
#include "executor/executor.h"
#include "hnsw/scan/scan.h"
#include "miscadmin.h"
#include "types/detoast.h"
#include "utils/memutils.h"

/*
 * How many pending nodes are located at a time.  More would be fetched in vain
 * when no further row is asked for.
 */
#define LOOK_AHEAD 3

/* ---------- heaps ---------- */

/* Push down and pull up in a heap whose items start with the key, a double. */
#define HEAP_PUSH(heap, count, item, key) \
	do \
	{ \
		uint32 p_ = (count)++; \
		while (p_ > 0 && (item).key < (heap)[(p_ - 1) / 2].key) \
		{ \
			(heap)[p_] = (heap)[(p_ - 1) / 2]; \
			p_ = (p_ - 1) / 2; \
		} \
		(heap)[p_] = (item); \
	} while (0)

#define HEAP_POP(heap, count, top, key) \
	do \
	{ \
		uint32 p_ = 0; \
		uint32 n_ = --(count); \
		(top) = (heap)[0]; \
		for (;;) \
		{ \
			uint32 c_ = 2 * p_ + 1; \
			if (c_ >= n_) \
				break; \
			if (c_ + 1 < n_ && (heap)[c_ + 1].key < (heap)[c_].key) \
				c_++; \
			if (!((heap)[c_].key < (heap)[n_].key)) \
				break; \
			(heap)[p_] = (heap)[c_]; \
			p_ = c_; \
		} \
		(heap)[p_] = (heap)[n_]; \
	} while (0)

/*
 * Room in an array of the scan's for one item more; returns the array, which may
 * have moved.
 */
void *
omen_scan_room(OmenScanState *state, void *array, uint32 *room, uint32 count,
			   Size item)
{
	if (count < *room)
		return array;
	*room = Max(64, *room * 2);
	if (array == NULL)
		return MemoryContextAllocHuge(state->context, mul_size(*room, item));
	return repalloc_huge(array, mul_size(*room, item));
}

/* Let a candidate wait for its turn. */
void
omen_rerank_add(OmenScanState *state, OmenPendingNode item)
{
	state->nodes = omen_scan_room(state, state->nodes, &state->nodes_room,
								  state->nnodes, sizeof(OmenPendingNode));
	HEAP_PUSH(state->nodes, state->nnodes, item, bound);
}

/* Let a row wait for its turn. */
void
omen_rerank_add_row(OmenScanState *state, OmenPendingRow item)
{
	state->rows = omen_scan_room(state, state->rows, &state->rows_room,
								 state->nrows, sizeof(OmenPendingRow));
	HEAP_PUSH(state->rows, state->nrows, item, distance);
}

/* What is needed to read heap rows; once per scan. */
void
omen_rerank_prepare(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old;

	if (state->fetch)
		return;
	old = MemoryContextSwitchTo(state->context);
	state->slot = table_slot_create(scan->heapRelation, NULL);
	state->fetch = table_index_fetch_begin(scan->heapRelation);
	state->toast = omen_toast_reader_create(false);
	fmgr_info_copy(&state->distance, &scan->orderByData->sk_func,
				   state->context);
	if (scan->indexRelation->rd_index->indkey.values[0] == 0)
	{
		state->index_info = BuildIndexInfo(scan->indexRelation);
		state->estate = CreateExecutorState();
	}
	MemoryContextSwitchTo(old);
}

/* ---------- rows ---------- */

/* The indexed value of a row. */
static Datum
indexed_value(IndexScanDesc scan, TupleTableSlot *slot, bool *isnull)
{
	OmenScanState *state = scan->opaque;
	AttrNumber	column = scan->indexRelation->rd_index->indkey.values[0];
	Datum		values[INDEX_MAX_KEYS];
	bool		isnulls[INDEX_MAX_KEYS];

	if (column != 0)
		return slot_getattr(slot, column, isnull);
	/* an expression may wait for anything, and VACUUM for our pins */
	omen_toast_reader_pause(state->toast);
	GetPerTupleExprContext(state->estate)->ecxt_scantuple = slot;
	FormIndexDatum(state->index_info, slot, state->estate, values, isnulls);
	*isnull = isnulls[0];
	return values[0];
}

/* Does the filter of the scan, if it has one, let a visible row pass? */
static bool
passes(OmenScanState *state, TupleTableSlot *slot)
{
	if (state->filter == NULL)
		return true;
	/* here, too, anything may be waited for */
	omen_toast_reader_pause(state->toast);
	return state->filter->passes(state->filter->arg, slot);
}

/*
 * Can a heap TID be a row's?  Reading another block would fail in a way that does
 * not tell which file is damaged, or even add one to the table.  What TIDs another
 * table access method has is not known.
 */
bool
omen_rerank_may_be_row(IndexScanDesc scan, ItemPointer tid)
{
	OmenScanState *state = scan->opaque;
	Relation	heap = scan->heapRelation;
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(tid);

	if (likely(ItemPointerIsValid(tid) && block < state->heap_blocks))
		return true;
	if (!ItemPointerIsValid(tid))
		return false;
	if (heap->rd_tableam != GetHeapamTableAmRoutine())
		return true;
	state->heap_blocks = RelationGetNumberOfBlocks(heap);
	return block < state->heap_blocks;
}

/* Raise an error if a heap TID of the index's can be no row's. */
void
omen_rerank_check_tid(IndexScanDesc scan, ItemPointer tid)
{
	if (likely(omen_rerank_may_be_row(scan, tid)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" contains a row (%u,%u) that cannot be in "
					"table \"%s\"",
					RelationGetRelationName(scan->indexRelation),
					ItemPointerGetBlockNumberNoCheck(tid),
					ItemPointerGetOffsetNumberNoCheck(tid),
					RelationGetRelationName(scan->heapRelation)),
			 errhint("Please REINDEX it.")));
}

/* Fetch a row into state->slot and get at the indexed value. */
static OmenFetched
fetch_value(IndexScanDesc scan, ItemPointer tid, Datum *value)
{
	OmenScanState *state = scan->opaque;
	BlockNumber block;
	ItemPointerData fetched = *tid;
	bool		call_again = false;
	bool		found;
	bool		isnull;
	MemoryContext old;

	omen_rerank_check_tid(scan, tid);
	block = ItemPointerGetBlockNumber(tid);
	/* what the fetch allocates is to live as long as it */
	old = MemoryContextSwitchTo(state->context);
	omen_heap_expect(state->fetch, block);
	found = table_index_fetch_tuple(state->fetch, &fetched, scan->xs_snapshot,
									state->slot, &call_again, NULL);
	omen_heap_remember(state->fetch, block);
	MemoryContextSwitchTo(old);
	if (!found || !passes(state, state->slot))
		return OMEN_ROW_GONE;
	*value = indexed_value(scan, state->slot, &isnull);
	return isnull ? OMEN_ROW_NULL : OMEN_ROW_FOUND;
}

/* The true distance of a row, from the indexed value. */
static OmenFetched
measure(IndexScanDesc scan, Datum value, OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;

	row->toast_relid = InvalidOid;
	if ((scan->orderByData->sk_flags & SK_ISNULL) != 0)
		return OMEN_ROW_NULL;
	state->is_toasted =
		omen_toast_identity(value, &row->toast_relid, &row->toast_valueid);
	value = PointerGetDatum(omen_toast_read(state->toast, value));
	row->distance = DatumGetFloat8(
		FunctionCall2Coll(&state->distance, scan->orderByData->sk_collation,
						  value, state->query));
	state->search->counters.reranked++;
	return OMEN_ROW_FOUND;
}

static void
forget_row(OmenScanState *state, MemoryContext old)
{
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row_context);
	if (state->estate)
		ResetPerTupleExprContext(state->estate);
}

/* Fetch a row and compute its true distance. */
OmenFetched
omen_rerank_fetch(IndexScanDesc scan, ItemPointer tid, OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->row_context);
	Datum		value;
	OmenFetched result = fetch_value(scan, tid, &value);

	row->tid = *tid;
	row->version = state->slot->tts_tid;
	if (result == OMEN_ROW_FOUND)
		result = measure(scan, value, row);
	forget_row(state, old);
	ExecClearTuple(state->slot);
	return result;
}

/* The same for a visible row that is at hand, and which is left there. */
OmenFetched
omen_rerank_measure(IndexScanDesc scan, TupleTableSlot *slot,
					OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->row_context);
	OmenFetched result = OMEN_ROW_GONE;

	row->tid = slot->tts_tid;
	row->version = slot->tts_tid;
	if (passes(state, slot))
	{
		bool		isnull;
		Datum		value = indexed_value(scan, slot, &isnull);

		result = isnull ? OMEN_ROW_NULL : measure(scan, value, row);
	}
	forget_row(state, old);
	return result;
}

/*
 * Is a better bound to be computed for a node, before its row is looked up?
 * Not if the row may well be filtered out: looking it up costs as much.
 */
static inline bool
wants_refining(const OmenScanState *state, const OmenPendingNode *node)
{
	return state->about_rest.is_known && !node->is_refined &&
		   (state->filter == NULL || omen_filter_is_inside(state->filter));
}

/*
 * Learn where the values of the nodes are whose turn it is about to be, and
 * have them brought towards the processor.  The pointers stay good as long as
 * the scan's snapshot sees their rows.
 */
static void
look_ahead(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	if (!state->is_toasted || state->index_info)
		return;
	/* what is first in a heap comes soon, if not quite in this order */
	for (uint32 i = 0; i < Min(state->nnodes, LOOK_AHEAD); i++)
	{
		OmenPendingNode *node = &state->nodes[i];
		Datum		value;

		if (node->was_looked_up || !ItemPointerIsValid(&node->tid) ||
			wants_refining(state, node))
			continue;
		node->was_looked_up = true;
		if (fetch_value(scan, &node->tid, &value) != OMEN_ROW_FOUND)
			node->is_gone = true;
		else if (omen_toast_is_read_here(value))
		{
			memcpy(node->pointer, DatumGetPointer(value), TOAST_POINTER_SIZE);
			node->version = state->slot->tts_tid;
			node->is_located = true;
			omen_toast_prefetch(value);
		}
	}
	ExecClearTuple(state->slot);
}

/*
 * Put the nearest pending node in its place by a better bound, computed from
 * the query itself and not from its code.  Costs a fraction of what fetching
 * the row costs that then need not be fetched.
 */
static void
refine_nearest(OmenScanState *state)
{
	OmenIndex  *ix = state->ix;
	OmenPendingNode nearest;
	OmenSlotHeader *slot;
	Buffer		buf;

	HEAP_POP(state->nodes, state->nnodes, nearest, bound);
	nearest.is_refined = true;
	slot = omen_visit(ix, &ix->layout.node, nearest.node.id, &buf);
	if (slot == NULL)
		return;					/* freed, so its rows were dead */
	if (slot->version == nearest.node.version &&
		slot->epoch == ix->quantizer_epoch)
	{
		const void *code =
			omen_readable_code(ix, &ix->layout.node, nearest.node.id, slot);

		if (code != NULL)
		{
			float		distance =
				omen_query_distance(ix->quantizer, &state->header, state->code,
									omen_slot_code_header(slot), code);
			double		bound =
				omen_refined_bound(ix->quantizer, &state->header, state->rest,
								   &state->about_rest,
								   omen_slot_code_header(slot), code, distance);

			nearest.bound = Max(nearest.bound, bound);
		}
	}
	UnlockReleaseBuffer(buf);
	omen_rerank_add(state, nearest);
}

/* Let a row wait for its turn. */
static void
take_row(OmenScanState *state, OmenPendingRow row)
{
	if (isnan(row.distance))
		omen_tid_list_add(&state->nans, &row.tid);
	else if (row.distance < state->last_distance)
		state->search->counters.late++;
	else
		omen_rerank_add_row(state, row);
}

/* Look up the rows of the nearest pending node. */
static void
rerank_nearest(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	OmenPendingNode nearest;
	OmenPendingRow row;

	CHECK_FOR_INTERRUPTS();
	look_ahead(scan);
	HEAP_POP(state->nodes, state->nnodes, nearest, bound);
	state->tested++;
	if (nearest.is_gone)
		return;
	if (nearest.is_located)
	{
		MemoryContext old = MemoryContextSwitchTo(state->row_context);

		row.tid = nearest.tid;
		row.version = nearest.version;
		(void) measure(scan, PointerGetDatum(nearest.pointer), &row);
		forget_row(state, old);
		take_row(state, row);
		return;
	}
	state->tids.count = 0;
	if (ItemPointerIsValid(&nearest.tid))
		omen_tid_list_add(&state->tids, &nearest.tid);
	else if (!omen_posting_collect(state->ix, nearest.node, &state->tids))
		return;
	for (uint32 i = 0; i < state->tids.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (state->filter && state->filter->may_pass &&
			!state->filter->may_pass(state->filter->arg, &state->tids.tids[i]))
			continue;
		if (omen_rerank_fetch(scan, &state->tids.tids[i], &row) ==
			OMEN_ROW_FOUND)
			take_row(state, row);
	}
}

/*
 * Let the operator's function know what it would compute for the row that goes
 * out: the executor is about to ask.
 */
static void
tell_distance(OmenScanState *state, const OmenPendingRow *row)
{
	if (row->toast_relid == InvalidOid)
		return;
	omen_known_distance.function = state->distance.fn_oid;
	omen_known_distance.toast_relid = row->toast_relid;
	omen_known_distance.toast_valueid = row->toast_valueid;
	omen_known_distance.query =
		(struct varlena *) DatumGetPointer(state->query);
	omen_known_distance.result = row->distance;
}

/* Also called when the scan's memory goes away, be it by an error. */
void
omen_forget_distance(void *arg)
{
	omen_known_distance.function = InvalidOid;
}

/*
 * Take the next row in order, if there is one among what was found so far.
 */
bool
omen_rerank_take(IndexScanDesc scan, OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;

	for (;;)
	{
		if (state->nrows > 0 &&
			(state->nnodes == 0 ||
			 state->rows[0].distance <= state->nodes[0].bound))
		{
			HEAP_POP(state->rows, state->nrows, *row, distance);
			return true;
		}
		if (state->nnodes == 0 || omen_filtered_is_spent(state) ||
			omen_filtered_is_beyond(state))
			return false;
		if (wants_refining(state, &state->nodes[0]))
			refine_nearest(state);
		else
			rerank_nearest(scan);
	}
}

/* Let a row that was taken go out; what is found later and nearer is late. */
void
omen_rerank_send(IndexScanDesc scan, const OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;

	state->last_distance = row->distance;
	scan->xs_heaptid = row->tid;
	/* a filtered scan does not go by the index's TID */
	if (scan->xs_heapfetch && state->filter == NULL)
		omen_heap_expect(scan->xs_heapfetch,
						 ItemPointerGetBlockNumber(&row->tid));
	tell_distance(state, row);
}
