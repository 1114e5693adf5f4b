/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Last pass of a check: the index against the rows of its table.
 *
 * Three promises: each row that a snapshot sees is in the index; the code that
 * stands for a row is no farther from its vector than the code's error bound;
 * and a node's filter keys are those of its rows.  Runs after the structure has
 * been looked at, and trusts no more of it than those passes found to be whole.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "hnsw/check/check.h"
#include "hnsw/keys/keys.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* What it takes to read the rows of the table. */
typedef struct RowReader
{
	OmenCheck  *check;
	IndexInfo  *index_info;
	IndexFetchTableData *fetch;
	TupleTableSlot *slot;
	EState	   *estate;
	float	   *floats;			/* space for a converted value */
	OmenKeys   *keys;			/* of the columns to filter by, or NULL */
	OmenRowKeys row_keys;		/* space for the keys of a row */
	MemoryContext row_context;
} RowReader;

/* ---------- each row is in the index ---------- */

static void
find_row(Relation index, ItemPointer tid, Datum *values, bool *isnull,
		 bool tuple_is_alive, void *arg)
{
	OmenCheck  *check = arg;
	uint64		low = 0;
	uint64		high = check->ntids;

	CHECK_FOR_INTERRUPTS();
	while (low < high)
	{
		uint64		middle = low + (high - low) / 2;

		if (ItemPointerCompare(&check->tids[middle].tid, tid) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == check->ntids || !ItemPointerEquals(&check->tids[low].tid, tid))
		omen_check_report(check, "heap", OMEN_CHECK_NOWHERE, OMEN_CHECK_PAGE,
						  "row (%u,%u) is not in the index",
						  ItemPointerGetBlockNumber(tid),
						  ItemPointerGetOffsetNumber(tid));
}

/*
 * Scan the table as a build of the index would, with the snapshot.
 */
static void
check_completeness(OmenCheck *check)
{
	IndexInfo  *info = BuildIndexInfo(check->index);
	TableScanDesc scan = table_beginscan_strat(check->heap, check->snapshot, 0,
											   NULL, true, true);

	/* rows are those of the snapshot only if the build is a concurrent one */
	info->ii_Concurrent = true;
	(void) table_index_build_scan(check->heap, check->index, info, true, false,
								  find_row, check, scan);
}

/* ---------- each code is that of its rows ---------- */

static void
open_reader(RowReader *reader, OmenCheck *check)
{
	memset(reader, 0, sizeof(RowReader));
	reader->check = check;
	reader->index_info = BuildIndexInfo(check->index);
	reader->slot = table_slot_create(check->heap, NULL);
	reader->fetch = table_index_fetch_begin(check->heap);
	reader->estate = CreateExecutorState();
	GetPerTupleExprContext(reader->estate)->ecxt_scantuple = reader->slot;
	reader->keys = omen_keys_open(check->index);
	reader->floats = palloc(check->opclass->type->max_dims * sizeof(float));
	reader->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw check of a row",
							  ALLOCSET_DEFAULT_SIZES);
}

static void
close_reader(RowReader *reader)
{
	table_index_fetch_end(reader->fetch);
	ExecDropSingleTupleTableSlot(reader->slot);
	FreeExecutorState(reader->estate);
	MemoryContextDelete(reader->row_context);
}

/*
 * Is the value what the index says?  header and code are NULL for a row on a
 * side list, whose owner then tells which.  NULL if it is.
 */
static const char *
find_value_flaw(RowReader *reader, Datum value, bool isnull, uint32 owner,
				const OmenQuantizer *quantizer, const OmenCodeHeader *header,
				const void *code)
{
	OmenCheck  *check = reader->check;
	struct varlena *detoasted;
	const float *floats;

	if (owner == OMEN_OWNER_NULL)
		return isnull ? NULL : "is on the list of NULLs, but has a vector";
	if (isnull)
		return "has no vector";
	detoasted = PG_DETOAST_DATUM(value);
	if (check->opclass->type->dims(detoasted) != (int) check->meta.dims)
		return "has another number of dimensions";
	floats = check->opclass->type->floats(detoasted, reader->floats);
	if (owner == OMEN_OWNER_NAN)
		return omen_transform(check->origin, floats, check->scratch)
				   ? "is on the list of rows without a direction, but has one"
				   : NULL;
	/* not even NaN, the error without a direction, is within the bound */
	if (!(omen_code_error(quantizer, floats, check->scratch, header, code) <=
		  header->error))
		return "is farther from its code than the code's error bound";
	return NULL;
}

/* Are the filter keys of a node those of its row?  A side list has none. */
static void
check_keys(RowReader *reader, ItemPointer tid, const Datum *values,
		   const bool *isnull, OmenSlotHeader *slot, BlockNumber block,
		   int slotno)
{
	OmenCheck  *check = reader->check;

	if (reader->keys == NULL || slot == NULL ||
		(slot->flags & OMEN_SLOT_MIXED) != 0)
		return;
	omen_keys_encode(reader->keys, values, isnull, &reader->row_keys);
	if (!omen_slot_has_keys(&check->layout, slot, &reader->row_keys))
		omen_check_report(check, "key", block, slotno,
						  "row (%u,%u) has other filter keys than its node",
						  ItemPointerGetBlockNumber(tid),
						  ItemPointerGetOffsetNumber(tid));
}

/*
 * Compare one row, if the snapshot sees it, with what stands for it: a node's
 * slot and code, or a side list.
 */
static void
check_row(RowReader *reader, ItemPointer tid, uint32 owner,
		  const OmenQuantizer *quantizer, OmenSlotHeader *node,
		  const void *code, BlockNumber block, int slotno)
{
	OmenCheck  *check = reader->check;
	int			vector = check->columns.vector - 1;
	ItemPointerData fetched = *tid;
	bool		call_again = false;
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	const char *flaw;
	MemoryContext old;

	CHECK_FOR_INTERRUPTS();
	if (ItemPointerGetBlockNumberNoCheck(tid) >= check->heap_blocks ||
		ItemPointerGetOffsetNumberNoCheck(tid) < FirstOffsetNumber ||
		ItemPointerGetOffsetNumberNoCheck(tid) > MaxOffsetNumber ||
		!table_index_fetch_tuple(reader->fetch, &fetched, check->snapshot,
								 reader->slot, &call_again, NULL))
		return;
	old = MemoryContextSwitchTo(reader->row_context);
	FormIndexDatum(reader->index_info, reader->slot, reader->estate, values,
				   isnull);
	flaw = find_value_flaw(reader, values[vector], isnull[vector], owner,
						   quantizer, node ? &node->code : NULL, code);
	check_keys(reader, tid, values, isnull, node, block, slotno);
	MemoryContextSwitchTo(old);
	if (flaw != NULL)
		omen_check_report(check, "code", block, slotno, "row (%u,%u) %s",
						  ItemPointerGetBlockNumber(tid),
						  ItemPointerGetOffsetNumber(tid), flaw);
	MemoryContextReset(reader->row_context);
	ResetPerTupleExprContext(reader->estate);
	ExecClearTuple(reader->slot);
}

/* The rows on a chain.  No longer than there are chunks, in any case. */
static void
check_chain_rows(RowReader *reader, uint32 first, uint32 owner,
				 const OmenQuantizer *quantizer, OmenSlotHeader *node,
				 const void *code)
{
	OmenCheck  *check = reader->check;
	uint64		steps = 0;
	uint64		ordinal;

	for (uint32 id = first; id != OMEN_INVALID_ID && steps < check->nchunks;
		 steps++)
	{
		BlockNumber block = id / OMEN_CHUNKS_PER_PAGE;
		OmenPostingChunk chunk;

		if (omen_check_find(check, OMEN_PAGE_POSTING, OMEN_CHUNKS_PER_PAGE, id,
							&ordinal) != OMEN_CHECK_FOUND ||
			check->chunks[ordinal].owner != owner ||
			!omen_check_read(check, block, check->side.data))
			return;
		chunk = *omen_page_chunk(check->side.data, id % OMEN_CHUNKS_PER_PAGE);
		for (int i = 0; i < check->chunks[ordinal].count; i++)
			check_row(reader, &chunk.tids[i], owner, quantizer, node, code,
					  block, id % OMEN_CHUNKS_PER_PAGE);
		id = check->chunks[ordinal].next;
	}
}

/* The code of a node, or NULL if it cannot be read. */
static const void *
find_code(OmenCheck *check, OmenSlotHeader *slot, uint32 id)
{
	if (!check->layout.out_of_line)
		return omen_slot_code(&check->layout.node, slot);
	if (omen_check_gather(check, OMEN_PAGE_PAYLOAD, slot->payload, id,
						  slot->version, check->code, check->layout.code_bytes))
		return check->code;
	return NULL;
}

static void
check_node_rows(RowReader *reader, OmenSlotHeader *slot, BlockNumber block,
				int slotno)
{
	OmenCheck  *check = reader->check;
	uint32		id = block * check->layout.node.per_page + slotno;
	const OmenQuantizer *quantizer = slot->epoch == check->graph_data.epoch
										 ? check->quantizer
										 : check->origin;
	const void *code = find_code(check, slot, id);

	if (code == NULL)
		return;
	if (ItemPointerIsValid(&slot->u.node.heaptid))
		check_row(reader, &slot->u.node.heaptid, id, quantizer, slot, code,
				  block, slotno);
	check_chain_rows(reader, slot->u.node.posting, id, quantizer, slot, code);
}

static void
check_codes(OmenCheck *check)
{
	const OmenPlane *plane = &check->layout.node;
	RowReader	reader;

	open_reader(&reader, check);
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < check->nblocks;
		 block++)
	{
		const OmenCheckBlock *note = &check->blocks[block];

		if (note->kind != OMEN_PAGE_NODE ||
			!omen_check_read(check, block, check->page.data))
			continue;
		for (uint32 i = 0; i < note->used; i++)
		{
			OmenSlotHeader *slot = omen_page_slot(check->page.data, plane, i);

			if ((slot->flags & OMEN_SLOT_USED) != 0)
				check_node_rows(&reader, slot, block, i);
		}
	}
	check_chain_rows(&reader, check->graph_data.side_null, OMEN_OWNER_NULL,
					 NULL, NULL, NULL);
	check_chain_rows(&reader, check->graph_data.side_nan, OMEN_OWNER_NAN, NULL,
					 NULL, NULL);
	close_reader(&reader);
}

/*
 * Compare the index with the rows that check->snapshot sees.  The heap TIDs
 * of the index must be sorted.
 */
void
omen_check_rows(OmenCheck *check)
{
	check_completeness(check);
	if (check->quantizer != NULL)
		check_codes(check);
}
