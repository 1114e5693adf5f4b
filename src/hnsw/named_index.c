/*-------------------------------------------------------------------------
 *
 * named_index.c
 *	  The index that an SQL function is called for: whether it is one of ours
 *	  that this session can look into.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "compat.h"
#include "funcapi.h"
#include "hnsw/hnsw.h"
#include "hnsw/named_index.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Indexes of partitions that an error message names. */
#define MAX_LEAVES_NAMED 10

/*
 * The index of a partitioned table has no pages.  Raise an error that names the
 * indexes of its partitions, which have.
 */
static void
report_partitioned(Relation index)
{
	List *all = find_all_inheritors(RelationGetRelid(index), NoLock, NULL);
	StringInfoData leaves;
	int			count = 0;
	ListCell   *lc;

	initStringInfo(&leaves);
	foreach (lc, all)
	{
		Oid			leaf = lfirst_oid(lc);

		if (get_rel_relkind(leaf) != RELKIND_INDEX)
			continue;
		if (++count <= MAX_LEAVES_NAMED)
			appendStringInfo(&leaves, "%s\"%s\"", count > 1 ? ", " : "",
							 get_rel_name(leaf));
	}
	if (count > MAX_LEAVES_NAMED)
		appendStringInfoString(&leaves, ", ...");
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is an index of a partitioned table",
					RelationGetRelationName(index)),
			 count == 0
				 ? errdetail("The table has no partitions.")
				 : errdetail_plural("Its partition has the index %s.",
									"Its partitions have the indexes %s.",
									count, leaves.data),
			 errhint("Call the function for each relid with isleaf of "
					 "pg_partition_tree(%s).",
					 quote_literal_cstr(RelationGetRelationName(index)))));
}

/* Raise an error unless this is an index of ours that this session can read. */
void
omen_require_hnsw_index(Relation index)
{
	if (index->rd_rel->relkind == RELKIND_PARTITIONED_INDEX &&
		index->rd_indam->aminsert == omen_hnsw_insert)
		report_partitioned(index);
	if (index->rd_rel->relkind != RELKIND_INDEX ||
		index->rd_indam->aminsert != omen_hnsw_insert)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not an omen_hnsw index",
							   RelationGetRelationName(index))));
	if (RELATION_IS_OTHER_TEMP(index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary indexes of other sessions")));
}

/* Is this an unlogged index on a standby, of which there are no pages? */
bool
omen_has_no_contents(Relation index)
{
	return RecoveryInProgress() &&
		   index->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED;
}

/* Raise an error unless there is something in the index to look at. */
void
omen_require_contents(Relation index)
{
	if (!index->rd_index->indisready)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("index \"%s\" has not been built",
							   RelationGetRelationName(index))));
	if (omen_has_no_contents(index))
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg(
				 "index \"%s\" is unlogged and has no contents during recovery",
				 RelationGetRelationName(index))));
}

/* A row of a function that returns one. */
Datum
omen_return_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
