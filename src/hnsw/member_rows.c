/*-------------------------------------------------------------------------
 *
 * member_rows.c
 *	  Codes of members of the flat list, made from their rows.
 *
 * When a list becomes a graph its quantizer gets a mean, and each member
 * another code.  Made from the code that the member has it would not be the one
 * that an equal vector gets that comes later: rows of one vector would be on
 * two nodes, and a search for them might find one of the two.  So it is made
 * from the vector itself, which stands in the table.  Where that cannot be had,
 * because rows are gone or may not be looked at, whoever converts the list
 * makes it from the code.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "hnsw/hnsw.h"
#include "hnsw/store/code.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

struct OmenMemberRows
{
	OmenInserter *ins;
	Relation	heap;
	BlockNumber heap_blocks;
	AttrNumber	column;			/* of the vector; 0 if it is an expression */
	IndexFetchTableData *fetch;
	TupleTableSlot *slot;
	IndexInfo  *index_info;		/* of an expression, as is the next */
	EState	   *estate;
	uint32		rows_left;		/* that may still be looked at */
	OmenTidList tids;			/* of a member */
	uint8	   *own;			/* space for the code that it has */
	OmenCodeHeader own_header;
	MemoryContext row_context;
};

/*
 * May an expression be computed of any row?  Its functions may be found by the
 * search_path of whoever inserts, and must not be shown what he may not see.
 */
static bool
may_see_rows(Relation heap)
{
	Oid			relid = RelationGetRelid(heap);

	return pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		   check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

/*
 * Begin to read rows of the members of the list, in the current memory context.
 * NULL if there is nothing that rows would be of use for.
 */
OmenMemberRows *
omen_member_rows_open(OmenInserter *ins)
{
	OmenIndex  *ix = ins->ix;
	int			vector = ins->columns.vector - 1;
	AttrNumber	column = ix->pages.rel->rd_index->indkey.values[vector];
	OmenMemberRows *rows;

	if (!omen_has_mean(ix->meta.storage, ix->meta.metric) ||
		(column == 0 && !may_see_rows(ins->heap)))
		return NULL;
	rows = palloc0(sizeof(OmenMemberRows));
	rows->ins = ins;
	rows->heap = ins->heap;
	rows->heap_blocks = RelationGetNumberOfBlocks(ins->heap);
	rows->column = column;
	rows->fetch = table_index_fetch_begin(ins->heap);
	rows->slot = table_slot_create(ins->heap, NULL);
	if (column == 0)
	{
		rows->index_info = BuildIndexInfo(ix->pages.rel);
		rows->estate = CreateExecutorState();
		GetPerTupleExprContext(rows->estate)->ecxt_scantuple = rows->slot;
	}
	rows->rows_left = OMEN_CONVERT_MAX_ROWS;
	rows->tids.context = CurrentMemoryContext;
	rows->own = palloc(ix->layout.code_bytes);
	rows->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw member row",
							  ALLOCSET_DEFAULT_SIZES);
	return rows;
}

void
omen_member_rows_close(OmenMemberRows *rows)
{
	if (rows == NULL)
		return;
	table_index_fetch_end(rows->fetch);
	ExecDropSingleTupleTableSlot(rows->slot);
	if (rows->estate)
		FreeExecutorState(rows->estate);
	MemoryContextDelete(rows->row_context);
}

/*
 * The indexed value of a row, detoasted; NULL if it cannot be had.  Any row
 * version will do: all that a TID of the index leads to have the same value.
 * One whose insert may be rolled back meanwhile is looked at only if all of it
 * lies in the row, which is pinned.
 */
static const struct varlena *
read_value(OmenMemberRows *rows, ItemPointer tid)
{
	int			vector = rows->ins->columns.vector - 1;
	ItemPointerData fetched = *tid;
	SnapshotData snapshot;
	bool		call_again = false;
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	bool		is_in_doubt;

	InitDirtySnapshot(snapshot);
	if (ItemPointerGetBlockNumberNoCheck(tid) >= rows->heap_blocks ||
		!table_index_fetch_tuple(rows->fetch, &fetched, &snapshot, rows->slot,
								 &call_again, NULL))
		return NULL;
	is_in_doubt = TransactionIdIsValid(snapshot.xmin);
	if (rows->column != 0)
		values[vector] =
			slot_getattr(rows->slot, rows->column, &isnull[vector]);
	else if (is_in_doubt)
		return NULL;
	else
		FormIndexDatum(rows->index_info, rows->slot, rows->estate, values,
					   isnull);
	if (isnull[vector] ||
		(is_in_doubt && VARATT_IS_EXTERNAL(DatumGetPointer(values[vector]))))
		return NULL;
	return PG_DETOAST_DATUM(values[vector]);
}

/*
 * The code of a value.  False if it is not the value that the member's code was
 * made from.
 */
static bool
encode_value(OmenMemberRows *rows, const struct varlena *value,
			 const OmenCodeHeader *old_header, const uint8 *old_code,
			 OmenCodeHeader *header, uint8 *code)
{
	OmenInserter *ins = rows->ins;
	OmenIndex  *ix = ins->ix;
	const OmenType *type = ins->opclass->type;

	return type->dims(value) == (int) ix->meta.value_dims &&
		   omen_encode_value(type, ix->origin, value, &ins->space, header,
							 code) &&
		   omen_is_same_code(&ix->layout, header, code, old_header, old_code) &&
		   omen_encode_value(type, ix->quantizer, value, &ins->space, header,
							 code);
}

/* The same of a row. */
static bool
encode_row(OmenMemberRows *rows, ItemPointer tid, OmenCodeHeader *header,
		   uint8 *code)
{
	MemoryContext old = MemoryContextSwitchTo(rows->row_context);
	const struct varlena *value = read_value(rows, tid);
	bool		is_encoded =
		value != NULL &&
		encode_value(rows, value, &rows->own_header, rows->own, header, code);

	MemoryContextSwitchTo(old);
	if (rows->estate)
		ResetPerTupleExprContext(rows->estate);
	ExecClearTuple(rows->slot);
	MemoryContextReset(rows->row_context);
	return is_encoded;
}

/*
 * Make the code of all rows of a member, whose own code, of epoch 0, is given
 * and replaced.  False if not all of them could be looked at, or they are not
 * of one code any more; then code is as it was.
 */
bool
omen_member_encode(OmenMemberRows *rows, OmenNodeRef node,
				   const OmenCodeHeader *old_header, uint8 *code,
				   OmenCodeHeader *header)
{
	OmenIndex  *ix = rows->ins->ix;
	uint8	   *row_code = palloc(ix->layout.code_bytes);
	bool		is_whole;

	rows->tids.count = 0;
	is_whole = omen_posting_collect(rows->ins->graph, node, &rows->tids) &&
			   rows->tids.count <= rows->rows_left;
	rows->own_header = *old_header;
	memcpy(rows->own, code, ix->layout.code_bytes);
	for (uint32 i = 0; i < rows->tids.count && is_whole; i++)
	{
		OmenCodeHeader row_header;

		CHECK_FOR_INTERRUPTS();
		rows->rows_left--;
		is_whole =
			encode_row(rows, &rows->tids.tids[i], &row_header, row_code) &&
			(i == 0 || omen_is_same_code(&ix->layout, &row_header, row_code,
										 header, code));
		if (!is_whole)
			break;
		if (i > 0)
			row_header.error = Max(row_header.error, header->error);
		*header = row_header;
		memcpy(code, row_code, ix->layout.code_bytes);
	}
	table_index_fetch_reset(rows->fetch);
	if (!is_whole)
		memcpy(code, rows->own, ix->layout.code_bytes);
	pfree(row_code);
	return is_whole;
}
