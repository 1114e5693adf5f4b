/*-------------------------------------------------------------------------
 *
 * parallel.c
 *	  Parallel workers of a build, and the memory they share.
 *
 * What is known from the start (OmenBuildShared, the quantizer) is in the
 * segment of the parallel context.  The arena, whose size is known only after
 * the table has been read, is a segment of its own.  Without workers both are
 * ordinary memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "compat.h"
#include "executor/instrument.h"
#include "hnsw/partition/partition.h"
#include "miscadmin.h"
#include "omendb.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* Keys of the parallel context's table of contents. */
#define KEY_SHARED UINT64CONST(0x6F6D656E00000001)
#define KEY_QUANTIZER UINT64CONST(0x6F6D656E00000002)
#define KEY_QUERY UINT64CONST(0x6F6D656E00000003)
#define KEY_WAL_USAGE UINT64CONST(0x6F6D656E00000004)
#define KEY_BUFFER_USAGE UINT64CONST(0x6F6D656E00000005)

struct OmenBuildWorkers
{
	ParallelContext *context;
	WalUsage   *wal_usage;		/* of each worker */
	BufferUsage *buffer_usage;
};

/*
 * How many workers this build may ask for.  From PostgreSQL 17 on the server
 * has asked for access methods that say they can build in parallel; before,
 * only for B-trees, and we ask ourselves.
 */
int
omen_workers_wanted(Relation heap, Relation index, IndexInfo *index_info)
{
	if (!IsNormalProcessingMode() ||
		index->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		return 0;
	return omen_build_workers(heap, index, index_info);
}

/*
 * Start workers; NULL if there are none to be had.
 */
OmenBuildWorkers *
omen_workers_start(OmenBuild *build, int wanted, const OmenBuildShape *shape,
				   float grid_low, float grid_high, OmenInitShared init)
{
	OmenBuildWorkers *workers = palloc(sizeof(OmenBuildWorkers));
	Size query_bytes = debug_query_string ? strlen(debug_query_string) + 1 : 0;
	ParallelContext *context;
	OmenBuildShared *shared;

	EnterParallelMode();
	context = CreateParallelContext("omendb", "omen_build_worker", wanted);
	shm_toc_estimate_chunk(&context->estimator, sizeof(OmenBuildShared));
	shm_toc_estimate_keys(&context->estimator, 1);
	if (build->quantizer)
	{
		shm_toc_estimate_chunk(&context->estimator,
							   omen_quantizer_bytes(build->quantizer));
		shm_toc_estimate_keys(&context->estimator, 1);
	}
	if (query_bytes > 0)
	{
		shm_toc_estimate_chunk(&context->estimator, query_bytes);
		shm_toc_estimate_keys(&context->estimator, 1);
	}
	shm_toc_estimate_chunk(&context->estimator,
						   mul_size(sizeof(WalUsage), context->nworkers));
	shm_toc_estimate_chunk(&context->estimator,
						   mul_size(sizeof(BufferUsage), context->nworkers));
	shm_toc_estimate_keys(&context->estimator, 2);
	InitializeParallelDSM(context);
	if (context->seg == NULL)
	{
		/* no segment was available: do without workers */
		DestroyParallelContext(context);
		ExitParallelMode();
		return NULL;
	}

	shared = shm_toc_allocate(context->toc, sizeof(OmenBuildShared));
	memset(shared, 0, sizeof(OmenBuildShared));
	init(build, shared, shape, wanted + 1, grid_low, grid_high);
	SharedFileSetInit(&shared->files, context->seg);
	shm_toc_insert(context->toc, KEY_SHARED, shared);
	if (build->quantizer)
	{
		void	   *quantizer =
			shm_toc_allocate(context->toc,
							 omen_quantizer_bytes(build->quantizer));

		memcpy(quantizer, build->quantizer,
			   omen_quantizer_bytes(build->quantizer));
		shm_toc_insert(context->toc, KEY_QUANTIZER, quantizer);
	}
	if (query_bytes > 0)
	{
		char	   *query = shm_toc_allocate(context->toc, query_bytes);

		memcpy(query, debug_query_string, query_bytes);
		shm_toc_insert(context->toc, KEY_QUERY, query);
	}
	workers->wal_usage =
		shm_toc_allocate(context->toc,
						 mul_size(sizeof(WalUsage), context->nworkers));
	shm_toc_insert(context->toc, KEY_WAL_USAGE, workers->wal_usage);
	workers->buffer_usage =
		shm_toc_allocate(context->toc,
						 mul_size(sizeof(BufferUsage), context->nworkers));
	shm_toc_insert(context->toc, KEY_BUFFER_USAGE, workers->buffer_usage);
	LaunchParallelWorkers(context);
	/* one that was launched and cannot start is an error, better early */
	WaitForParallelWorkersToAttach(context);
	build->shared = shared;
	build->files = &shared->files.fs;
	/* memory is divided among those that are there */
	shared->sharers = context->nworkers_launched + 1;
	workers->context = context;
	return workers;
}

void
omen_workers_finish(OmenBuildWorkers *workers)
{
	WaitForParallelWorkersToFinish(workers->context);
	for (int i = 0; i < workers->context->nworkers_launched; i++)
		InstrAccumParallelQuery(&workers->buffer_usage[i],
								&workers->wal_usage[i]);
	DestroyParallelContext(workers->context);
	ExitParallelMode();
	pfree(workers);
}

/* ---------- the arena ---------- */

/*
 * Get memory for the arena.  False if there is not so much shared memory: a
 * small /dev/shm is not an error, since there are files.
 */
bool
omen_arena_create(OmenBuild *build, Size size)
{
	OmenBuildShared *shared = build->shared;
	ResourceOwner old = CurrentResourceOwner;
	MemoryContext context = CurrentMemoryContext;
	volatile bool created = true;

	if (shared->participants == 1)
	{
		build->arena =
			(char *) TYPEALIGN(64, MemoryContextAllocHuge(build->context,
														  add_size(size, 64)));
		return true;
	}

	/* a failed attempt is undone by its own resource owner */
	CurrentResourceOwner = ResourceOwnerCreate(old, "omen_hnsw arena");
	PG_TRY();
	{
		build->arena_segment = dsm_create(size, 0);
	}
	PG_CATCH();
	{
		int			code = geterrcode();
		ResourceOwner failed = CurrentResourceOwner;

		if (ERRCODE_TO_CATEGORY(code) != ERRCODE_INSUFFICIENT_RESOURCES)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		CurrentResourceOwner = old;
		ResourceOwnerRelease(failed, RESOURCE_RELEASE_BEFORE_LOCKS, false,
							 false);
		ResourceOwnerRelease(failed, RESOURCE_RELEASE_LOCKS, false, false);
		ResourceOwnerRelease(failed, RESOURCE_RELEASE_AFTER_LOCKS, false,
							 false);
		ResourceOwnerDelete(failed);
		created = false;
	}
	PG_END_TRY();
	CurrentResourceOwner = old;
	if (!created)
		return false;
	shared->arena_handle = dsm_segment_handle(build->arena_segment);
	build->arena = dsm_segment_address(build->arena_segment);
	return true;
}

/* See the arena, if there is one by now. */
void
omen_arena_attach(OmenBuild *build)
{
	OmenBuildShared *shared = build->shared;

	if (build->arena == NULL)
	{
		if (shared->arena_handle == DSM_HANDLE_INVALID)
			return;
		build->arena_segment = dsm_attach(shared->arena_handle);
		if (build->arena_segment == NULL)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("could not map dynamic shared memory "
								   "segment")));
		build->arena = dsm_segment_address(build->arena_segment);
	}
	/* rows are told apart in layer 0 only */
	build->dup_bits = NULL;
	build->copied_bits = NULL;
	if (shared->layer.layer == 0)
	{
		build->dup_bits = (uint64 *) (build->arena + shared->dup_bits_at);
		build->copied_bits = (uint64 *) (build->arena + shared->copied_bits_at);
	}
}

/* Give the arena up, which commit would complain about otherwise. */
void
omen_arena_detach(OmenBuild *build)
{
	if (build->arena_segment)
		dsm_detach(build->arena_segment);
	build->arena_segment = NULL;
	build->arena = NULL;
}

/* ---------- a worker ---------- */

/* Called by the server by its name. */
extern PGDLLEXPORT void omen_build_worker(dsm_segment *segment, shm_toc *toc);

void
omen_build_worker(dsm_segment *segment, shm_toc *toc)
{
	OmenBuildShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	LOCKMODE	heap_lock =
		shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE	index_lock =
		shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	OmenBuild	build = {0};
	WalUsage   *wal_usage;
	BufferUsage *buffer_usage;

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	build.shared = shared;
	build.shape = shared->shape;
	build.heap = table_open(shared->heap_oid, heap_lock);
	build.index = index_open(shared->index_oid, index_lock);
	build.index_info = BuildIndexInfo(build.index);
	build.index_info->ii_Concurrent = shared->concurrent;
	build.opclass = omen_opclass(build.index);
	build.columns = omen_index_columns(build.index);
	build.ix = omen_index_open(build.index, true);
	build.graph = omen_graph_open(build.ix, 0);
	build.quantizer = shm_toc_lookup(toc, KEY_QUANTIZER, true);
	build.participant = ParallelWorkerNumber + 1;
	build.context = CurrentMemoryContext;
	build.step_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw build step",
							  ALLOCSET_DEFAULT_SIZES);
	SharedFileSetAttach(&shared->files, segment);
	build.files = &shared->files.fs;
	InstrStartParallelQuery();
	omen_build_work(&build);
	wal_usage = shm_toc_lookup(toc, KEY_WAL_USAGE, false);
	buffer_usage = shm_toc_lookup(toc, KEY_BUFFER_USAGE, false);
	InstrEndParallelQuery(&buffer_usage[ParallelWorkerNumber],
						  &wal_usage[ParallelWorkerNumber]);
	omen_arena_detach(&build);
	index_close(build.index, index_lock);
	table_close(build.heap, heap_lock);
}
