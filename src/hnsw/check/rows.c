/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Last pass of a check: the index against the rows of its table.
 *
 * Four promises: each row that a snapshot sees is in the index; the code that
 * stands for a row is no farther from its vector than the code's error bound,
 * and is what the vector is encoded to, bit for bit; and a node's filter keys
 * are those of its rows.  Runs after the structure has been looked at, and
 * trusts no more of it than those passes found to be whole.
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
#include "hnsw/store/code.h"
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
	OmenKeys   *keys;			/* of the columns to filter by, or NULL */
	OmenRowKeys row_keys;		/* space for the keys of a row */
	OmenPrefix *prefix;			/* of the leading columns, or NULL */
	OmenPrefixKey prefix_key;	/* space for the key of a row */
	MemoryContext row_context;
} RowReader;

/* ---------- each row is in the index ---------- */

static void
find_row(Relation index, ItemPointer tid, Datum *values, bool *isnull,
		 bool tuple_is_alive, void *arg)
{
	OmenCheck  *check = arg;
	uint64		low = 0;
	uint64		high = check->seen.ntids;

	CHECK_FOR_INTERRUPTS();
	while (low < high)
	{
		uint64		middle = low + (high - low) / 2;

		if (ItemPointerCompare(&check->seen.tids[middle].tid, tid) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == check->seen.ntids ||
		!ItemPointerEquals(&check->seen.tids[low].tid, tid))
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
	reader->prefix = omen_prefix_open(check->index);
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
 * What stands for a row: a node, or a side list.
 */
typedef struct Stand
{
	OmenNodeRef node;			/* for a side list its group, or zeros */
	OmenSide	side;
	uint32		group;			/* which one, or OMEN_CHECK_NO_GROUP */
	OmenSlotHeader *slot;		/* of the node; NULL for a side list */
	const void *code;			/* of the node; NULL if it cannot be read */
} Stand;

/* A row, for the reports on it. */
typedef struct Place
{
	ItemPointer tid;
	BlockNumber block;			/* where the index has the TID */
	int			slotno;
} Place;

static void
report_row(OmenCheck *check, const char *kind, const Place *place,
		   const char *flaw)
{
	omen_check_report(check, kind, place->block, place->slotno,
					  "row (%u,%u) %s", ItemPointerGetBlockNumber(place->tid),
					  ItemPointerGetOffsetNumber(place->tid), flaw);
}

/*
 * Encode a value as its node was.  What was a member of a flat list may have
 * been encoded without a mean, and that code encoded again with it; the two
 * ways may come to the same code with different bounds.  False if the node's
 * code is neither; else *error is the bound that the vector's own code has.
 */
static bool
encode_again(OmenCheck *check, const struct varlena *value, const Stand *stand,
			 float *error)
{
	const OmenType *type = check->opclass->type;
	const OmenCodeHeader *stored =
		omen_slot_code_header(&check->layout.node, stand->slot);
	bool		is_first = stand->slot->epoch != check->graph_data.epoch;
	OmenCodeHeader header;
	bool		is_same;

	*error = INFINITY;
	is_same =
		omen_encode_value(type, is_first ? check->origin : check->quantizer,
						  value, &check->space, &header, check->other_code) &&
		omen_is_same_code(&check->layout, stored, stand->code, &header,
						  check->other_code);
	if (is_same)
		*error = header.error;
	if (is_first || check->graph_data.epoch == 0 ||
		(is_same && header.error <= stored->error) ||
		!omen_encode_value(type, check->origin, value, &check->space, &header,
						   check->other_code))
		return is_same;
	omen_recode(check->origin, check->quantizer, &header, check->other_code,
				check->space.scratch, &header, check->other_code);
	if (!omen_is_same_code(&check->layout, stored, stand->code, &header,
						   check->other_code))
		return is_same;
	*error = Min(*error, header.error);
	return true;
}

/*
 * Is the code of a node within its error bound?  One that is the value itself
 * has no error.
 */
static bool
is_near_enough(OmenCheck *check, const struct varlena *value,
			   const Stand *stand)
{
	const OmenType *type = check->opclass->type;
	const OmenCodeHeader *header =
		omen_slot_code_header(&check->layout.node, stand->slot);
	const OmenQuantizer *quantizer =
		stand->slot->epoch == check->graph_data.epoch ? check->quantizer
													  : check->origin;

	/* not even NaN, the error without a direction, is within the bound */
	return type->floats == NULL ||
		   omen_code_error(quantizer,
						   type->floats(value, quantizer, check->space.floats),
						   check->space.scratch, header,
						   stand->code) <= header->error;
}

/* Is the code of a row's node that of the row, and near enough? */
static void
check_row_code(OmenCheck *check, const struct varlena *value,
			   const Stand *stand, const Place *place)
{
	float		error;

	if (!is_near_enough(check, value, stand))
		report_row(check, "code", place,
				   "is farther from its code than the code's error bound");
	if (!encode_again(check, value, stand, &error))
		report_row(check, "other_code", place, "has another code");
	else if (!(error <=
			   omen_slot_code_header(&check->layout.node, stand->slot)->error))
		report_row(check, "code", place,
				   "has a larger error bound than its node's code");
}

/* Has a value no direction, where that matters? */
static bool
has_no_direction(OmenCheck *check, const struct varlena *value)
{
	OmenCodeHeader header;

	return !omen_encode_value(check->opclass->type, check->origin, value,
							  &check->space, &header, check->other_code);
}

/*
 * Is the value what the index says?
 */
static void
check_value(RowReader *reader, Datum value, bool isnull, const Stand *stand,
			const Place *place)
{
	OmenCheck  *check = reader->check;
	struct varlena *detoasted;

	if (isnull || stand->side == OMEN_SIDE_NULL)
	{
		if (!isnull)
			report_row(check, "code", place,
					   "is on the list of NULLs, but has a vector");
		else if (stand->side != OMEN_SIDE_NULL)
			report_row(check, "code", place, "has no vector");
		return;
	}
	detoasted = PG_DETOAST_DATUM(value);
	if (check->opclass->type->dims(detoasted) != (int) check->meta.value_dims)
	{
		report_row(check, "code", place, "has another number of dimensions");
		return;
	}
	if (stand->side == OMEN_SIDE_NONE)
		check_row_code(check, detoasted, stand, place);
	else if (!has_no_direction(check, detoasted))
		report_row(check, "code", place,
				   "is on the list of rows without a direction, but has one");
}

/*
 * Is the node one that a row may have which others see?  An insert that was not
 * cut has linked its node, and pointed it at its payload.
 */
static const char *
find_stand_flaw(const Stand *stand)
{
	if (stand->slot == NULL)
		return NULL;
	if ((stand->slot->flags & OMEN_SLOT_LINKING) != 0)
		return "is in a node that is not linked yet";
	if (stand->code == NULL)
		return "is in a node without a code";
	return NULL;
}

/* Are the filter keys of a node those of its row?  A side list has none. */
static void
check_keys(RowReader *reader, const Datum *values, const bool *isnull,
		   OmenSlotHeader *slot, const Place *place)
{
	OmenCheck  *check = reader->check;

	if (reader->keys == NULL || slot == NULL ||
		(slot->flags & OMEN_SLOT_MIXED) != 0)
		return;
	omen_keys_encode(reader->keys, values, isnull, &reader->row_keys);
	if (!omen_slot_has_keys(&check->layout, slot, &reader->row_keys))
		report_row(check, "key", place, "has other filter keys than its node");
}

/* Are the leading columns of a row those of its group? */
static void
check_group_key(RowReader *reader, const Datum *values, const bool *isnull,
				uint32 group, const Place *place)
{
	OmenCheck  *check = reader->check;
	OmenPrefixKey *key = &reader->prefix_key;
	const OmenCheckGroup *own;

	if (reader->prefix == NULL || group == OMEN_CHECK_NO_GROUP)
		return;
	own = &check->groups.list[group];
	if (own->key == NULL)
		return;
	if (!omen_prefix_encode(reader->prefix, values, isnull, key) ||
		key->hash != own->record.hash ||
		!omen_prefix_is_equal(reader->prefix, key, own->record.nulls, own->key,
							  own->record.key_bytes))
		report_row(check, "key", place,
				   "has other values in leading columns than its group");
}

/*
 * Compare one row, if the snapshot sees it, with what stands for it.
 */
static void
check_row(RowReader *reader, ItemPointer tid, const Stand *stand,
		  BlockNumber block, int slotno)
{
	OmenCheck  *check = reader->check;
	int			vector = check->columns.vector - 1;
	ItemPointerData fetched = *tid;
	bool		call_again = false;
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	Place		place = {tid, block, slotno};
	const char *flaw = find_stand_flaw(stand);
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
	if (flaw != NULL)
		report_row(check, "slot", &place, flaw);
	else
		check_value(reader, values[vector], isnull[vector], stand, &place);
	check_keys(reader, values, isnull, stand->slot, &place);
	check_group_key(reader, values, isnull, stand->group, &place);
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->row_context);
	ResetPerTupleExprContext(reader->estate);
	ExecClearTuple(reader->slot);
}

/* The rows on a chain.  No longer than there are chunks, in any case. */
static void
check_chain_rows(RowReader *reader, uint32 first, const Stand *stand)
{
	OmenCheck  *check = reader->check;
	uint64		steps = 0;
	uint64		ordinal;

	for (uint32 id = first;
		 id != OMEN_INVALID_ID && steps < check->seen.nchunks; steps++)
	{
		BlockNumber block = id / OMEN_CHUNKS_PER_PAGE;
		OmenPostingChunk chunk;

		if (omen_check_find(check, OMEN_PAGE_POSTING, OMEN_CHUNKS_PER_PAGE, id,
							&ordinal) != OMEN_CHECK_FOUND ||
			check->seen.chunks[ordinal].owner != stand->node.id ||
			omen_check_side(&check->seen.chunks[ordinal]) != stand->side ||
			!omen_check_read(check, block, check->side.data))
			return;
		chunk = *omen_page_chunk(check->side.data, id % OMEN_CHUNKS_PER_PAGE);
		for (int i = 0; i < check->seen.chunks[ordinal].count; i++)
			check_row(reader, &chunk.tids[i], stand, block,
					  id % OMEN_CHUNKS_PER_PAGE);
		id = check->seen.chunks[ordinal].next;
	}
}

/* The code of a node, or NULL if it cannot be read. */
static const void *
find_code(OmenCheck *check, OmenSlotHeader *slot, uint32 id)
{
	OmenNodeRef node = {id, slot->version};
	OmenPayload payload =
		omen_code_payload(&check->layout, node, slot->payload);

	if (!check->layout.out_of_line)
		return omen_slot_code(&check->layout.node, slot);
	return omen_check_gather(check, &payload, check->code) ? check->code : NULL;
}

static void
check_node_rows(RowReader *reader, OmenSlotHeader *slot, BlockNumber block,
				int slotno)
{
	OmenCheck  *check = reader->check;
	Stand		stand = {0};

	stand.node.id = block * check->layout.node.per_page + slotno;
	stand.node.version = slot->version;
	stand.slot = slot;
	stand.group = omen_check_group_of(check, &check->layout.node, slot);
	stand.code = find_code(check, slot, stand.node.id);
	if (ItemPointerIsValid(&slot->u.node.heaptid))
		check_row(reader, &slot->u.node.heaptid, &stand, block, slotno);
	check_chain_rows(reader, slot->u.node.posting, &stand);
}

static void
check_side_rows(RowReader *reader, uint32 group, uint32 first, OmenSide side)
{
	Stand		stand = {0};

	stand.node = omen_check_side_owner(&reader->check->groups.list[group]);
	stand.side = side;
	stand.group = group;
	check_chain_rows(reader, first, &stand);
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
		const OmenCheckBlock *note = &check->seen.blocks[block];

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
	for (uint32 i = 0; i < check->groups.count; i++)
	{
		const OmenGraphData *data = &check->groups.list[i].record.graph;

		check_side_rows(&reader, i, data->side_null, OMEN_SIDE_NULL);
		check_side_rows(&reader, i, data->side_nan, OMEN_SIDE_NAN);
	}
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
