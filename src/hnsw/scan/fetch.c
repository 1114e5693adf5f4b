/*-------------------------------------------------------------------------
 *
 * fetch.c
 *	  Getting at rows of the table: visible, with their true distance.
 *
 * The distance is computed by the operator's own function on the stored value.
 * Changes the part `fetch` of a scan.  Knows nothing of nodes but what a
 * pending one says of its row.
 *
 * Between calls the pins of the heap page that was fetched last and of TOAST
 * pages may stay; whoever runs a scan has the TOAST reader pause.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/heapam.h"
#include "catalog/index.h"
#include "compat.h"
#include "executor/executor.h"
#include "heap/heap.h"
#include "hnsw/scan/scan.h"
#include "types/detoast.h"
#include "utils/memutils.h"

/* The table's column that the index's vector is; 0 if it is an expression. */
static AttrNumber
vector_attribute(IndexScanDesc scan)
{
	const OmenScanState *state = scan->opaque;

	return scan->indexRelation->rd_index->indkey
		.values[state->columns.vector - 1];
}

/* What is needed to read heap rows; once per scan. */
void
omen_fetch_prepare(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	OmenRowFetch *fetch = &state->fetch;
	MemoryContext old;

	if (fetch->table)
		return;
	old = MemoryContextSwitchTo(state->context);
	fetch->slot = table_slot_create(scan->heapRelation, NULL);
	fetch->table = table_index_fetch_begin(scan->heapRelation);
	fetch->toast = omen_toast_reader_create(false);
	fmgr_info_copy(&fetch->distance, &scan->orderByData->sk_func,
				   state->context);
	if (vector_attribute(scan) == 0)
	{
		fetch->index_info = BuildIndexInfo(scan->indexRelation);
		fetch->estate = CreateExecutorState();
	}
	MemoryContextSwitchTo(old);
}

/* The indexed value of a row. */
static Datum
indexed_value(IndexScanDesc scan, TupleTableSlot *slot, bool *isnull)
{
	OmenScanState *state = scan->opaque;
	OmenRowFetch *fetch = &state->fetch;
	AttrNumber	column = vector_attribute(scan);
	int			vector = state->columns.vector - 1;
	Datum		values[INDEX_MAX_KEYS];
	bool		isnulls[INDEX_MAX_KEYS];

	if (column != 0)
		return slot_getattr(slot, column, isnull);
	/* an expression may wait for anything, and VACUUM for our pins */
	omen_toast_reader_pause(fetch->toast);
	GetPerTupleExprContext(fetch->estate)->ecxt_scantuple = slot;
	FormIndexDatum(fetch->index_info, slot, fetch->estate, values, isnulls);
	*isnull = isnulls[vector];
	return values[vector];
}

/* Does a visible row count? */
static bool
passes(OmenRowFetch *fetch, TupleTableSlot *slot)
{
	if (fetch->passes == NULL)
		return true;
	/* here, too, anything may be waited for */
	omen_toast_reader_pause(fetch->toast);
	return fetch->passes(fetch->pass_arg, slot);
}

/*
 * Can a heap TID be a row's?  Reading another block would fail in a way that
 * does not tell which file is damaged, or even add one to the table.  What TIDs
 * another table access method has is not known.
 */
bool
omen_fetch_may_be_row(IndexScanDesc scan, ItemPointer tid)
{
	OmenScanState *state = scan->opaque;
	Relation	heap = scan->heapRelation;
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(tid);

	if (likely(ItemPointerIsValid(tid) && block < state->fetch.heap_blocks))
		return true;
	if (!ItemPointerIsValid(tid))
		return false;
	if (heap->rd_tableam != GetHeapamTableAmRoutine())
		return true;
	state->fetch.heap_blocks = RelationGetNumberOfBlocks(heap);
	return block < state->fetch.heap_blocks;
}

/* Raise an error if a heap TID of the index's can be no row's. */
void
omen_fetch_check_tid(IndexScanDesc scan, ItemPointer tid)
{
	if (likely(omen_fetch_may_be_row(scan, tid)))
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

/* Fetch a row into the slot.  False if it is not visible, or does not count. */
static bool
fetch_tuple(IndexScanDesc scan, ItemPointer tid)
{
	OmenScanState *state = scan->opaque;
	OmenRowFetch *fetch = &state->fetch;
	BlockNumber block;
	ItemPointerData fetched = *tid;
	bool		call_again = false;
	bool		found;
	MemoryContext old;

	omen_fetch_check_tid(scan, tid);
	block = ItemPointerGetBlockNumber(tid);
	/* what the fetch allocates is to live as long as it */
	old = MemoryContextSwitchTo(state->context);
	omen_heap_expect(fetch->table, block);
	found = table_index_fetch_tuple(fetch->table, &fetched, scan->xs_snapshot,
									fetch->slot, &call_again, NULL);
	omen_heap_remember(fetch->table, block);
	MemoryContextSwitchTo(old);
	return found && passes(fetch, fetch->slot);
}

/* Fetch a row into the slot, and get at the indexed value. */
static OmenFetched
fetch_value(IndexScanDesc scan, ItemPointer tid, Datum *value)
{
	OmenScanState *state = scan->opaque;
	bool		isnull;

	if (!fetch_tuple(scan, tid))
		return OMEN_ROW_GONE;
	*value = indexed_value(scan, state->fetch.slot, &isnull);
	return isnull ? OMEN_ROW_NULL : OMEN_ROW_FOUND;
}

/* The true distance of a row, from the indexed value. */
static OmenFetched
measure(IndexScanDesc scan, Datum value, OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;
	OmenRowFetch *fetch = &state->fetch;

	row->toast_relid = InvalidOid;
	if ((scan->orderByData->sk_flags & SK_ISNULL) != 0)
		return OMEN_ROW_NULL;
	fetch->is_toasted =
		omen_toast_identity(value, &row->toast_relid, &row->toast_valueid);
	value = PointerGetDatum(omen_toast_read(fetch->toast, value));
	row->distance = DatumGetFloat8(
		FunctionCall2Coll(&fetch->distance, scan->orderByData->sk_collation,
						  value, state->query.value));
	state->search->counters.reranked++;
	return OMEN_ROW_FOUND;
}

static void
forget_row(OmenRowFetch *fetch, MemoryContext old)
{
	MemoryContextSwitchTo(old);
	MemoryContextReset(fetch->row_context);
	if (fetch->estate)
		ResetPerTupleExprContext(fetch->estate);
}

/* Fetch a row and compute its true distance. */
OmenFetched
omen_fetch_row(IndexScanDesc scan, ItemPointer tid, OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;
	OmenRowFetch *fetch = &state->fetch;
	MemoryContext old = MemoryContextSwitchTo(fetch->row_context);
	Datum		value;
	OmenFetched result = fetch_value(scan, tid, &value);

	row->tid = *tid;
	row->version = fetch->slot->tts_tid;
	if (result == OMEN_ROW_FOUND)
		result = measure(scan, value, row);
	forget_row(fetch, old);
	ExecClearTuple(fetch->slot);
	return result;
}

/*
 * The same where the distance is known from the index: nobody has to look at
 * the value, which may be an expression of one that lies elsewhere.
 */
OmenFetched
omen_fetch_known_row(IndexScanDesc scan, ItemPointer tid, double distance,
					 OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;
	OmenRowFetch *fetch = &state->fetch;
	MemoryContext old = MemoryContextSwitchTo(fetch->row_context);
	bool		found = fetch_tuple(scan, tid);

	row->tid = *tid;
	row->version = fetch->slot->tts_tid;
	row->distance = distance;
	row->toast_relid = InvalidOid;
	if (found)
		state->search->counters.reranked++;
	forget_row(fetch, old);
	ExecClearTuple(fetch->slot);
	return found ? OMEN_ROW_FOUND : OMEN_ROW_GONE;
}

/* The same for a visible row that is at hand, and which is left there. */
OmenFetched
omen_fetch_measure(IndexScanDesc scan, TupleTableSlot *slot,
				   OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;
	OmenRowFetch *fetch = &state->fetch;
	MemoryContext old = MemoryContextSwitchTo(fetch->row_context);
	OmenFetched result = OMEN_ROW_GONE;

	row->tid = slot->tts_tid;
	row->version = slot->tts_tid;
	if (passes(fetch, slot))
	{
		bool		isnull;
		Datum		value = indexed_value(scan, slot, &isnull);

		result = isnull ? OMEN_ROW_NULL : measure(scan, value, row);
	}
	forget_row(fetch, old);
	return result;
}

/*
 * Learn where the value of a node's only row is, ahead of its turn, and have it
 * brought towards the processor.  The pointer stays good as long as the scan's
 * snapshot sees the row.
 */
void
omen_fetch_locate(IndexScanDesc scan, OmenPendingNode *node)
{
	OmenScanState *state = scan->opaque;
	Datum		value;

	node->was_looked_up = true;
	if (fetch_value(scan, &node->tid, &value) != OMEN_ROW_FOUND)
		node->is_gone = true;
	else if (omen_toast_is_read_here(value))
	{
		memcpy(node->pointer, DatumGetPointer(value), TOAST_POINTER_SIZE);
		node->version = state->fetch.slot->tts_tid;
		node->is_located = true;
		omen_toast_prefetch(value);
	}
}

/* The distance of a row that was located. */
void
omen_fetch_located(IndexScanDesc scan, OmenPendingNode *node,
				   OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;
	OmenRowFetch *fetch = &state->fetch;
	MemoryContext old = MemoryContextSwitchTo(fetch->row_context);

	row->tid = node->tid;
	row->version = node->version;
	(void) measure(scan, PointerGetDatum(node->pointer), row);
	forget_row(fetch, old);
}

/*
 * Let the operator's function know what it would compute for the row that goes
 * out: the executor is about to ask.
 */
void
omen_fetch_tell_distance(OmenScanState *state, const OmenPendingRow *row)
{
	if (row->toast_relid == InvalidOid)
		return;
	omen_known_distance.function = state->fetch.distance.fn_oid;
	omen_known_distance.toast_relid = row->toast_relid;
	omen_known_distance.toast_valueid = row->toast_valueid;
	omen_known_distance.query =
		(struct varlena *) DatumGetPointer(state->query.value);
	omen_known_distance.result = row->distance;
}

/* Also called when the scan's memory goes away, be it by an error. */
void
omen_fetch_forget_distance(void *arg)
{
	omen_known_distance.function = InvalidOid;
}
