/*-------------------------------------------------------------------------
 *
 * check.c
 *	  omen_hnsw_check(): each broken promise of an index, as a row.
 *
 * An index that is as it should be gives no rows of severity "error".  kind is
 * one of
 *
 *		meta			the metapage makes no sense, or not with the catalog
 *		page			a page's frame, its bounds, its counts of slots
 *		list			the lists of pages with room
 *		slot			flags, level, or other fields of a slot
 *		degree			more edges than a slot has room for
 *		edge			an edge that leads where no edge can lead
 *		self_edge, duplicate_edge
 *		parent			a node without a parent; a parent edge to nobody
 *		unreachable		a node that has a parent, but none below the root
 *		unlinked		a row's node that the making of the graph left out
 *		root, entry		where searches start
 *		upper			an upper slot and its node, or the slot below, disagree
 *		posting			chains of heap TIDs
 *		orphan_chunk	leftover: chunks without heap TIDs that are nobody's
 *		tid_duplicate	a heap TID that the index has twice
 *		payload			codes out of line, and the quantizer's mean
 *		orphan_payload	leftover: pages of payload that are nobody's
 *		lost_space		leftover: pages with room that are on no list
 *		code			a code whose header, sums, or error bound are wrong
 *		other_code		a code that is not the one of a row
 *		key				filter keys that are not the row's, or leading columns
 *						that are not those of its group
 *		group			records of groups, their keys, and whose pages are
 *		directory		how groups are found
 *		orphan_key		leftover: parts of a group's key that are nobody's
 *		heap			a row of the table that the index lacks
 *
 * Rows of severity "leftover" are what a crash may leave behind, or an insert
 * that failed.  They do no harm, and VACUUM takes most of them back: payload
 * once the node that it names is gone.  Everything else is damage.
 *
 * On a primary nothing changes while a check runs: it holds a share lock on
 * the table and the index.  During recovery there is no such lock.  Then pages
 * that replay has changed since the check began are noticed, and the check
 * starts over.
 *
 * The passes are in the folder check/.  They take about 24 bytes of memory for
 * each node and 12 for each row.  Pages are kept for the later passes as far as
 * maintenance_work_mem goes; beyond that, those with slots and codes are read
 * again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "catalog/index.h"
#include "compat.h"
#include "funcapi.h"
#include "hnsw/check/check.h"
#include "hnsw/named_index.h"
#include "miscadmin.h"
#include "omendb.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Times that a check is begun during recovery before it is given up. */
#define MAX_TRIES 3

/* The table and the index, open, and whose rights were in force before. */
typedef struct CheckedIndex
{
	Relation	heap;
	Relation	index;
	LOCKMODE	lockmode;
	Oid			user;
	int			security_context;
	int			guc_level;
} CheckedIndex;

/* ---------- which index ---------- */

static void
require_valid_index(Relation index)
{
	omen_require_hnsw_index(index);
	if (!index->rd_index->indisvalid)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("index \"%s\" is not valid",
							   RelationGetRelationName(index))));
}

/*
 * Lock and open the index and its table, table first as everywhere.  What runs
 * from here on, the index's expressions above all, runs with the rights of the
 * table's owner.
 */
static void
open_index(Oid index_oid, CheckedIndex *opened)
{
	Oid			heap_oid = IndexGetRelation(index_oid, true);

	opened->lockmode = RecoveryInProgress() ? AccessShareLock : ShareLock;
	opened->heap = NULL;
	GetUserIdAndSecContext(&opened->user, &opened->security_context);
	opened->guc_level = NewGUCNestLevel();
	if (OidIsValid(heap_oid))
	{
		opened->heap = table_open(heap_oid, opened->lockmode);
		SetUserIdAndSecContext(opened->heap->rd_rel->relowner,
							   opened->security_context |
								   SECURITY_RESTRICTED_OPERATION);
		omen_restrict_search_path();
	}
	/* complains if it is something else, or gone */
	opened->index = index_open(index_oid, opened->lockmode);
	require_valid_index(opened->index);
	if (opened->heap == NULL || IndexGetRelation(index_oid, false) != heap_oid)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("table of index \"%s\" was dropped",
							   RelationGetRelationName(opened->index))));
}

/* The locks stay until the end of the transaction only if an error ends it. */
static void
close_index(CheckedIndex *opened)
{
	AtEOXact_GUC(false, opened->guc_level);
	SetUserIdAndSecContext(opened->user, opened->security_context);
	index_close(opened->index, opened->lockmode);
	table_close(opened->heap, opened->lockmode);
}

/* ---------- one check ---------- */

/*
 * A snapshot for the rows that the index must have.  Taken before the index is
 * read, so that what it sees was put into the index before.
 */
static Snapshot
take_snapshot(Relation index)
{
	Snapshot	snapshot = RegisterSnapshot(GetTransactionSnapshot());

	/*
	 * An index that was made over broken HOT chains lacks row versions that
	 * only old snapshots see.
	 */
	if (IsolationUsesXactSnapshot() && index->rd_index->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(
								   index->rd_indextuple->t_data),
							   snapshot->xmin))
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("index \"%s\" cannot be checked with a snapshot "
							   "of this transaction",
							   RelationGetRelationName(index)),
						errhint("Check it in a transaction of isolation level "
								"READ COMMITTED.")));
	return snapshot;
}

static void
run_passes(OmenCheck *check)
{
	if (!omen_check_meta(check))
		return;
	check->code = palloc(check->layout.code_bytes);
	check->other_code = palloc(check->layout.code_bytes);
	check->space = omen_encode_space(check->opclass->type, check->meta.dims);
	omen_check_read_groups(check);
	omen_check_pages(check);
	omen_check_mean(check);
	omen_check_links(check);
	omen_check_reach(check);
	omen_check_groups(check);
	omen_check_directory(check);
	omen_check_lists(check);
	omen_check_leftovers(check);
	omen_check_tids(check);
	if (check->snapshot != NULL)
		omen_check_rows(check);
}

/*
 * Check once.  False if replay changed the index meanwhile, so that what was
 * found means nothing.
 */
static bool
try_check(const CheckedIndex *opened, bool heap_all_indexed,
		  ReturnSetInfo *result)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw check",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OmenCheck  *check = palloc0(sizeof(OmenCheck));
	bool		changed;

	check->heap = opened->heap;
	check->index = opened->index;
	check->result = result;
	check->opclass = omen_opclass(opened->index);
	check->columns = omen_index_columns(opened->index);
	check->strategy = GetAccessStrategy(BAS_BULKREAD);
	if (RecoveryInProgress())
		check->since = GetXLogReplayRecPtr(NULL);
	if (heap_all_indexed)
		check->snapshot = take_snapshot(opened->index);
	check->nblocks = RelationGetNumberOfBlocks(opened->index);
	check->heap_blocks = RelationGetNumberOfBlocks(opened->heap);
	run_passes(check);
	if (check->snapshot != NULL)
		UnregisterSnapshot(check->snapshot);
	FreeAccessStrategy(check->strategy);
	changed = check->changed;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return !changed;
}

OMEN_FUNCTION(omen_hnsw_check);

/*
 * omen_hnsw_check(index regclass, heapallindexed boolean)
 */
Datum
omen_hnsw_check(PG_FUNCTION_ARGS)
{
	Oid			index_oid = PG_GETARG_OID(0);
	bool		heap_all_indexed = PG_GETARG_BOOL(1);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	CheckedIndex opened;

	omen_init_materialized_srf(fcinfo);
	if (result->setDesc->natts != OMEN_CHECK_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("function omen_hnsw_check is of another version of "
						"omendb"),
				 errhint("Drop extension omendb and create it again.")));
	open_index(index_oid, &opened);
	if (omen_has_no_contents(opened.index))
		ereport(
			NOTICE,
			(errmsg(
				"index \"%s\" is unlogged and has no contents during recovery",
				RelationGetRelationName(opened.index))));
	else
	{
		for (int tries = 1; !try_check(&opened, heap_all_indexed, result);
			 tries++)
		{
			if (tries == MAX_TRIES)
				ereport(
					ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("index \"%s\" changed while it was being checked",
							RelationGetRelationName(opened.index)),
					 errhint("Pause recovery with pg_wal_replay_pause().")));
			tuplestore_clear(result->setResult);
		}
	}
	close_index(&opened);
	return (Datum) 0;
}
