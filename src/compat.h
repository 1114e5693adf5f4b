/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between the PostgreSQL versions that omendb supports.
 *
 * This is the only file that may look at PG_VERSION_NUM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_COMPAT_H
#define OMEN_COMPAT_H

#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/generic_xlog.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/toast_internals.h"
#include "catalog/pg_proc.h"
#include "commands/vacuum.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/tidbitmap.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "storage/buffile.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/smgr.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"

#if PG_VERSION_NUM < 150000
#error "omendb needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#include "commands/explain.h"

/* Extensions may add to what EXPLAIN says of a plan node. */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#define OMEN_HAS_EXPLAIN_HOOK 1
#endif

/* Says that a function never returns; older versions had a suffix instead. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* May a role do with a relation what its owner may? */
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_class.h"
#define omen_owns_relation(oid, role) \
	object_ownercheck(RelationRelationId, oid, role)
#else
#define omen_owns_relation(oid, role) pg_class_ownercheck(oid, role)
#endif

/* May whoever is in charge now call a function? */
static inline bool
omen_may_call(Oid function)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, GetUserId(),
						   ACL_EXECUTE) == ACLCHECK_OK;
#else
	return pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

/*
 * The members of an equivalence class, also those that are of a table as a part
 * of another.  Before 18 they are in one list.
 */
#if PG_VERSION_NUM >= 180000
typedef EquivalenceMemberIterator OmenMembers;
#define omen_members_begin setup_eclass_member_iterator
#define omen_members_next eclass_member_iterator_next
#else
typedef struct OmenMembers
{
	const List *list;
	int			next;
} OmenMembers;

static inline void
omen_members_begin(OmenMembers *members, const EquivalenceClass *class,
				   Relids relids)
{
	members->list = class->ec_members;
	members->next = 0;
}

/* NULL if there are no more. */
static inline EquivalenceMember *
omen_members_next(OmenMembers *members)
{
	if (members->next >= list_length(members->list))
		return NULL;
	return list_nth_node(EquivalenceMember, members->list, members->next++);
}
#endif

/*
 * A configuration parameter by its name, in lower case; NULL if there is none.
 * Before 16 they are in an array, in the order of their names.
 */
static inline const struct config_generic *
omen_find_parameter(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, 0);
#else
	struct config_generic **all = get_guc_variables();
	int			low = 0;
	int			high = GetNumConfigOptions();

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = pg_strcasecmp(name, all[middle]->name);

		if (order == 0)
			return all[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
#endif
}

/* The physical name of a relation, and the number in it. */
#if PG_VERSION_NUM >= 160000
#define OmenRelLocator(rel) ((rel)->rd_locator)
#define OmenRelNumber(rel) ((rel)->rd_locator.relNumber)
#else
#define OmenRelLocator(rel) ((rel)->rd_node)
#define OmenRelNumber(rel) ((rel)->rd_node.relNode)
#endif

/* Whether a buffer's tag is that of a block of a relation's main fork. */
#if PG_VERSION_NUM >= 160000
#define OmenTagIs(tag, rel, block) \
	(BufTagMatchesRelFileLocator(tag, &(rel)->rd_locator) && \
	 (tag)->blockNum == (block) && BufTagGetForkNum(tag) == MAIN_FORKNUM)
#else
#define OmenTagIs(tag, rel, block) \
	(RelFileNodeEquals((tag)->rnode, (rel)->rd_node) && \
	 (tag)->blockNum == (block) && (tag)->forkNum == MAIN_FORKNUM)
#endif

/*
 * Add a block to a fork; returned pinned, exclusively locked and all zeros.
 */
static inline Buffer
omen_extend_fork(Relation rel, ForkNumber fork)
{
	Buffer		buf;

#if PG_VERSION_NUM >= 160000
	buf = ExtendBufferedRel(BMR_REL(rel), fork, NULL, EB_LOCK_FIRST);
#else
	bool		locks = !RELATION_IS_LOCAL(rel);

	if (locks)
		LockRelationForExtension(rel, ExclusiveLock);
	buf = ReadBufferExtended(rel, fork, P_NEW, RBM_ZERO_AND_LOCK, NULL);
	if (locks)
		UnlockRelationForExtension(rel, ExclusiveLock);
#endif
	return buf;
}

/*
 * Add blocks of zeroes to the main fork of a relation that nobody else
 * extends.
 */
static inline void
omen_extend_by(Relation rel, BlockNumber blocks)
{
	SMgrRelation smgr = RelationGetSmgr(rel);
	BlockNumber first = smgrnblocks(smgr, MAIN_FORKNUM);

#if PG_VERSION_NUM >= 160000
	/* the server's own limit for one call is an int's */
	while (blocks > 0)
	{
		int			some = (int) Min(blocks, 1024);

		CHECK_FOR_INTERRUPTS();
		smgrzeroextend(smgr, MAIN_FORKNUM, first, some, false);
		first += some;
		blocks -= some;
	}
#else
	PGAlignedBlock zeroes;

	memset(zeroes.data, 0, BLCKSZ);
	for (BlockNumber i = 0; i < blocks; i++)
	{
		CHECK_FOR_INTERRUPTS();
		smgrextend(smgr, MAIN_FORKNUM, first + i, zeroes.data, false);
	}
#endif
}

/* BufFile's arguments became constant, and its way to report a short read
 * another. */
static inline void
omen_buffile_write(BufFile *file, const void *data, Size bytes)
{
	BufFileWrite(file, unconstify(void *, data), bytes);
}

static inline Size
omen_buffile_read(BufFile *file, void *data, Size bytes)
{
#if PG_VERSION_NUM >= 160000
	return BufFileReadMaybeEOF(file, data, bytes, true);
#else
	return BufFileRead(file, data, bytes);
#endif
}

/*
 * Workers to build an index with.  From 17 on the server has decided, for all
 * access methods that say they can; before, for B-trees only.
 */
static inline int
omen_build_workers(Relation heap, Relation index, IndexInfo *index_info)
{
#if PG_VERSION_NUM >= 170000
	return index_info->ii_ParallelWorkers;
#else
	return plan_create_index_workers(RelationGetRelid(heap),
									 RelationGetRelid(index));
#endif
}

/* ConditionalLockTuple() learned whether to log that it failed. */
static inline bool
omen_conditional_lock_tuple(Relation rel, ItemPointer tid, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 180000
	return ConditionalLockTuple(rel, tid, mode, false);
#else
	return ConditionalLockTuple(rel, tid, mode);
#endif
}

/*
 * Make the tuplestore that a set-returning function fills at once.  15.0 knew
 * the function by another name.
 */
static inline void
omen_init_materialized_srf(FunctionCallInfo fcinfo)
{
#if PG_VERSION_NUM >= 160000
	InitMaterializedSRF(fcinfo, 0);
#else
	SetSingleFuncCall(fcinfo, 0);
#endif
}

/*
 * Find objects in the system catalogs only, until the GUC nest level ends.
 * Before 17 no such thing is expected of code that runs as a table's owner.
 */
static inline void
omen_restrict_search_path(void)
{
#if PG_VERSION_NUM >= 170000
	RestrictSearchPath();
#endif
}

/* vacuum_delay_point() learned to ask whether ANALYZE calls. */
static inline void
omen_vacuum_delay_point(void)
{
#if PG_VERSION_NUM >= 180000
	vacuum_delay_point(false);
#else
	vacuum_delay_point();
#endif
}

/*
 * May whoever a query runs as select all rows of a table, by some of its
 * columns?  Minor releases of August 2025 learned to tell.  For earlier ones
 * nobody may.
 */
#if PG_VERSION_NUM >= 180000 || \
	(PG_VERSION_NUM >= 170006 && PG_VERSION_NUM < 180000) || \
	(PG_VERSION_NUM >= 160010 && PG_VERSION_NUM < 170000) || \
	(PG_VERSION_NUM >= 150014 && PG_VERSION_NUM < 160000)
#define omen_all_rows_selectable(root, relid, columns) \
	all_rows_selectable(root, relid, columns)
#else
#define omen_all_rows_selectable(root, relid, columns) ((void) (columns), false)
#endif

/* How many elements an array has; statistics may tell from 17 on. */
static inline double
omen_estimate_array_length(PlannerInfo *root, Node *array)
{
#if PG_VERSION_NUM >= 170000
	return estimate_array_length(root, array);
#else
	return (double) estimate_array_length(array);
#endif
}

/* The snapshot for TOAST tables became one for all. */
#if PG_VERSION_NUM >= 180000
typedef char OmenToastSnapshot;

static inline Snapshot
omen_toast_snapshot(OmenToastSnapshot *unused)
{
	(void) unused;
	return get_toast_snapshot();
}
#else
typedef SnapshotData OmenToastSnapshot;

static inline Snapshot
omen_toast_snapshot(OmenToastSnapshot *snapshot)
{
	init_toast_snapshot(snapshot);
	return snapshot;
}
#endif

/* Begin a scan by keys; the server learned to count its searches. */
static inline IndexScanDesc
omen_index_beginscan(Relation heap, Relation index, Snapshot snapshot,
					 int nkeys, int norderbys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(heap, index, snapshot, NULL, nkeys, norderbys);
#else
	return index_beginscan(heap, index, snapshot, nkeys, norderbys);
#endif
}

/*
 * A walk through a TIDBitmap, block by block.  What the server gives for a
 * block became opaque, and iterators of one process a type of their own.
 */
typedef struct OmenBitmapWalk
{
#if PG_VERSION_NUM >= 180000
	TBMPrivateIterator *iterator;
#else
	TBMIterator *iterator;
#endif
	BlockNumber block;
	int			count;			/* of offsets; -1 = any of the block */
	OffsetNumber offsets[MaxHeapTuplesPerPage];
} OmenBitmapWalk;

static inline void
omen_bitmap_walk_begin(OmenBitmapWalk *walk, TIDBitmap *bitmap)
{
#if PG_VERSION_NUM >= 180000
	walk->iterator = tbm_begin_private_iterate(bitmap);
#else
	walk->iterator = tbm_begin_iterate(bitmap);
#endif
}

static inline bool
omen_bitmap_walk_next(OmenBitmapWalk *walk)
{
#if PG_VERSION_NUM >= 180000
	TBMIterateResult result;

	if (!tbm_private_iterate(walk->iterator, &result))
		return false;
	walk->block = result.blockno;
	walk->count = result.lossy ? -1
							   : tbm_extract_page_tuple(&result, walk->offsets,
														MaxHeapTuplesPerPage);
#else
	TBMIterateResult *result = tbm_iterate(walk->iterator);

	if (result == NULL)
		return false;
	walk->block = result->blockno;
	walk->count = result->ntuples;
	if (walk->count > 0)
		memcpy(walk->offsets, result->offsets,
			   walk->count * sizeof(OffsetNumber));
#endif
	return true;
}

static inline void
omen_bitmap_walk_end(OmenBitmapWalk *walk)
{
#if PG_VERSION_NUM >= 180000
	tbm_end_private_iterate(walk->iterator);
#else
	tbm_end_iterate(walk->iterator);
#endif
}

/* Count one index scan, where the server also keeps it per plan node. */
#if PG_VERSION_NUM >= 180000
#define omen_count_search(scan) \
	do \
	{ \
		if ((scan)->instrument) \
			(scan)->instrument->nsearches++; \
	} while (0)
#else
#define omen_count_search(scan) ((void) 0)
#endif

/* Mark a path as one that only a lack of others may choose. */
#if PG_VERSION_NUM >= 180000
#define omen_disable_path(p) ((p)->disabled_nodes = 2)
#else
#define omen_disable_path(p) ((void) (p))
#endif

/* How much of a plan is disabled, where that is not a part of its cost. */
#if PG_VERSION_NUM >= 180000
#define OmenDisabledNodes(plan) ((plan)->disabled_nodes)
#else
#define OmenDisabledNodes(plan) ((void) (plan), 0)
#endif

/* Fields of the access method's routine that not all versions have. */
static inline void
omen_set_version_fields(IndexAmRoutine *am)
{
#if PG_VERSION_NUM >= 160000
	am->amsummarizing = false;
#endif
#if PG_VERSION_NUM >= 170000
	am->amcanbuildparallel = true;
	am->aminsertcleanup = NULL;
#endif
#if PG_VERSION_NUM >= 180000
	am->amcanhash = false;
	am->amconsistentequality = false;
	am->amconsistentordering = false;
	am->amgettreeheight = NULL;
	am->amtranslatestrategy = NULL;
	am->amtranslatecmptype = NULL;
#endif
	(void) am;
}

#endif							/* OMEN_COMPAT_H */
