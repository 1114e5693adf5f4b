/*-------------------------------------------------------------------------
 *
 * inspect_groups.c
 *	  The groups of an index, one a row: omen_hnsw_groups().
 *
 * Goes by the directory, leaf by leaf, and tells what the records of groups
 * say.  Pages of nodes are not read, so that it takes a few page visits for
 * each hundred groups, and counts are what is known without looking.
 *
 * The leading columns' values are shown, of all rows, whoever may see these.
 * So it is for those who may read the columns, and not for those to whom
 * row-level security shows some rows only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/index.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "funcapi.h"
#include "hnsw/columns.h"
#include "hnsw/inspect.h"
#include "hnsw/keys/prefix.h"
#include "hnsw/hnsw.h"
#include "hnsw/named_index.h"
#include "miscadmin.h"
#include "omendb.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"

#define GROUPS_COLUMNS 8

/* What is needed to tell of a group. */
typedef struct GroupList
{
	OmenIndex  *ix;
	uint32		columns;		/* leading */
	OmenPrefixTexts *texts;
	MemoryContext row_context;	/* of one row */
	ReturnSetInfo *result;
} GroupList;

/* ---------- who may see it ---------- */

/* May somebody read the leading columns of an index, of whatever row? */
static bool
may_read_columns(Relation index, Oid table, int leading)
{
	if (pg_class_aclcheck(table, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return true;
	/* a predicate, or an expression, may be of any column */
	if (!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		return false;
	for (int i = 0; i < leading; i++)
	{
		AttrNumber	attno = index->rd_index->indkey.values[i];

		if (attno == 0 || pg_attribute_aclcheck(table, attno, GetUserId(),
												ACL_SELECT) != ACLCHECK_OK)
			return false;
	}
	return true;
}

static void
require_rights(Relation index, int leading)
{
	Oid			table = index->rd_index->indrelid;

	if (!may_read_columns(index, table, leading))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(table));
	if (check_enable_rls(table, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot show the groups of index \"%s\"",
						RelationGetRelationName(index)),
				 errdetail("Row-level security of table \"%s\" applies to "
						   "role \"%s\".",
						   get_rel_name(table),
						   GetUserNameFromId(GetUserId(), false))));
}

/* ---------- the rows ---------- */

static void
put_group(GroupList *list, OmenNodeRef group, const OmenGroupRecord *record)
{
	const OmenGraphData *data = &record->graph;
	uint8		bytes[OMEN_MAX_GROUP_KEY];
	Datum		key[OMEN_MAX_LEADING];
	bool		key_nulls[OMEN_MAX_LEADING];
	int			dims[1] = {(int) list->columns};
	int			lower_bounds[1] = {1};
	int32		shared = 0;
	Datum		values[GROUPS_COLUMNS];
	bool		nulls[GROUPS_COLUMNS] = {0};

	/* it may have gone meanwhile */
	if (!omen_group_key(list->ix, group.id, record, bytes))
		return;
	if (!omen_prefix_texts(list->texts, record->hash, record->nulls, bytes,
						   record->key_bytes, key, key_nulls))
		omen_group_report(list->ix, group.id);
	while (shared < OMEN_GROUP_BLOCKS &&
		   record->blocks[shared] != InvalidBlockNumber)
		shared++;
	values[0] = Int64GetDatum(group.id);
	values[1] = PointerGetDatum(construct_md_array(key, key_nulls, 1, dims,
												   lower_bounds, TEXTOID, -1,
												   false, 'i'));
	values[2] = CStringGetTextDatum(omen_mode_name(data));
	values[3] = Int32GetDatum(omen_count_layers(data));
	values[4] = Int64GetDatum((int64) data->node_limit);
	values[5] = Int64GetDatum((int64) data->vacuum_dead);
	values[6] = Int32GetDatum(shared);
	values[7] = BoolGetDatum(record->chain != InvalidBlockNumber);
	tuplestore_putvalues(list->result->setResult, list->result->setDesc, values,
						 nulls);
}

/* Tell of a group, if it is still there. */
static void
show_group(GroupList *list, const OmenDirectoryEntry *entry)
{
	OmenNodeRef group = {entry->group, (uint16) entry->link};
	OmenGroupRecord record;
	MemoryContext old;

	if (!omen_group_read(list->ix, group.id, &record) ||
		record.version != group.version ||
		(record.flags & OMEN_GROUP_LEAVING) != 0)
		return;
	if (record.hash != entry->hash || record.graph.mode > OMEN_MODE_GRAPH)
		omen_group_report(list->ix, group.id);
	old = MemoryContextSwitchTo(list->row_context);
	put_group(list, group, &record);
	MemoryContextSwitchTo(old);
	MemoryContextReset(list->row_context);
}

static void
show_groups(Relation index, ReturnSetInfo *result)
{
	OmenPrefix *prefix = omen_prefix_open(index);
	GroupList	list = {.ix = omen_index_open(index, false), .result = result};
	OmenDirectoryEntry *entries =
		palloc(OMEN_DIRECTORY_ENTRIES * sizeof(OmenDirectoryEntry));
	OmenDirectoryEntry place = {0};
	bool		is_last;

	omen_require_catalog(list.ix);
	list.columns = prefix->count;
	list.texts = omen_prefix_texts_open(prefix);
	list.row_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw group",
							  ALLOCSET_DEFAULT_SIZES);
	do
	{
		uint32 count = omen_directory_leaf(list.ix, &place, entries, &is_last);

		for (uint32 i = 0; i < count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			show_group(&list, &entries[i]);
		}
	} while (!is_last);
	MemoryContextDelete(list.row_context);
}

OMEN_FUNCTION(omen_hnsw_groups);

/*
 * omen_hnsw_groups(index regclass): one row a group.  Groups that come or go
 * meanwhile are among them or not.
 */
Datum
omen_hnsw_groups(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	index = index_open(PG_GETARG_OID(0), AccessShareLock);
	int			leading;

	omen_require_hnsw_index(index);
	leading = omen_index_columns(index).vector - 1;
	if (leading == 0)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("index \"%s\" has no groups",
							   RelationGetRelationName(index)),
						errdetail("It has no column before the vector.")));
	require_rights(index, leading);
	omen_require_contents(index);
	omen_init_materialized_srf(fcinfo);
	if (result->setDesc->natts != GROUPS_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function omen_hnsw_groups is of another version of "
						"omendb"),
				 errhint("Drop extension omendb and create it again.")));
	show_groups(index, result);
	index_close(index, AccessShareLock);
	return (Datum) 0;
}
