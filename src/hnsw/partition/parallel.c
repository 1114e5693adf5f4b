/*-------------------------------------------------------------------------
 *
 * parallel.c
 *	  Parallel workers of a build.
 *
 * What is known from the start (OmenBuildShared, the quantizer) is in the
 * segment of the parallel context.  What workers do is the caller's to say.
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
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

/* Keys of the parallel context's table of contents. */
#define KEY_SHARED UINT64CONST(0x6F6D656E00000001)
#define KEY_QUANTIZER UINT64CONST(0x6F6D656E00000002)
#define KEY_QUERY UINT64CONST(0x6F6D656E00000003)
#define KEY_WAL_USAGE UINT64CONST(0x6F6D656E00000004)
#define KEY_BUFFER_USAGE UINT64CONST(0x6F6D656E00000005)

/* Locks of the leader, which workers have, too. */
#define HEAP_LOCK(task) \
	((task)->concurrent ? ShareUpdateExclusiveLock : ShareLock)
#define INDEX_LOCK(task) \
	((task)->concurrent ? RowExclusiveLock : AccessExclusiveLock)

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

/* ---------- what is shared from the start ---------- */

static void
expect(ParallelContext *context, Size bytes)
{
	shm_toc_estimate_chunk(&context->estimator, bytes);
	shm_toc_estimate_keys(&context->estimator, 1);
}

static void *
share(ParallelContext *context, uint64 key, Size bytes)
{
	void	   *memory = shm_toc_allocate(context->toc, bytes);

	shm_toc_insert(context->toc, key, memory);
	return memory;
}

/* A copy of something; nothing if there are no bytes of it. */
static void
share_copy(ParallelContext *context, uint64 key, const void *from, Size bytes)
{
	if (bytes > 0)
		memcpy(share(context, key, bytes), from, bytes);
}

/*
 * Get ready for workers that start with a function, named entry; NULL if there
 * are none to be had.  Then build has a view of what they will share, which the
 * caller fills before it launches them.
 */
OmenBuildWorkers *
omen_workers_create(OmenBuild *build, int wanted, const char *entry)
{
	OmenBuildWorkers *workers;
	Size query_bytes = debug_query_string ? strlen(debug_query_string) + 1 : 0;
	Size		quantizer_bytes =
		build->quantizer ? omen_quantizer_bytes(build->quantizer) : 0;
	Size		shared_bytes = omen_shared_bytes(wanted + 1);
	Size		wal_bytes = mul_size(sizeof(WalUsage), wanted);
	Size		buffer_bytes = mul_size(sizeof(BufferUsage), wanted);
	ParallelContext *context;
	OmenBuildShared *shared;

	EnterParallelMode();
	context = CreateParallelContext("omendb", entry, wanted);
	expect(context, shared_bytes);
	expect(context, quantizer_bytes);
	expect(context, query_bytes);
	expect(context, wal_bytes);
	expect(context, buffer_bytes);
	InitializeParallelDSM(context);
	if (context->seg == NULL)
	{
		/* no segment was available: do without workers */
		DestroyParallelContext(context);
		ExitParallelMode();
		return NULL;
	}

	shared = share(context, KEY_SHARED, shared_bytes);
	memset(shared, 0, shared_bytes);
	share_copy(context, KEY_QUANTIZER, build->quantizer, quantizer_bytes);
	share_copy(context, KEY_QUERY, debug_query_string, query_bytes);
	SharedFileSetInit(&shared->team.files, context->seg);
	omen_build_join(build, shared);

	workers = palloc(sizeof(OmenBuildWorkers));
	workers->context = context;
	workers->wal_usage = share(context, KEY_WAL_USAGE, wal_bytes);
	workers->buffer_usage = share(context, KEY_BUFFER_USAGE, buffer_bytes);
	return workers;
}

/* Launch workers, as many as there are; returns how many. */
int
omen_workers_launch(OmenBuildWorkers *workers)
{
	LaunchParallelWorkers(workers->context);
	/* one that was launched and cannot start is an error, better early */
	WaitForParallelWorkersToAttach(workers->context);
	return workers->context->nworkers_launched;
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

/* ---------- a worker ---------- */

/* What a worker sees; it opens heap and index. */
static void
open_worker(OmenBuild *build, dsm_segment *segment, shm_toc *toc)
{
	OmenBuildShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	OmenBuildTask *task = &shared->task;

	omen_build_join(build, shared);
	build->shape = task->shape;
	build->heap = table_open(task->heap_oid, HEAP_LOCK(task));
	build->index = index_open(task->index_oid, INDEX_LOCK(task));
	build->index_info = BuildIndexInfo(build->index);
	build->index_info->ii_Concurrent = task->concurrent;
	build->opclass = omen_opclass(build->index);
	build->columns = omen_index_columns(build->index);
	build->prefix = omen_prefix_open(build->index);
	build->ix = omen_index_open(build->index, true);
	build->graph = omen_graph_open(build->ix, 0);
	build->quantizer = shm_toc_lookup(toc, KEY_QUANTIZER, true);
	build->pool_view = omen_pool_view_create();
	build->participant = ParallelWorkerNumber + 1;
	build->context = CurrentMemoryContext;
	build->step_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw build step",
							  ALLOCSET_DEFAULT_SIZES);
	SharedFileSetAttach(&shared->team.files, segment);
}

/* From the start of a worker to its end. */
void
omen_worker_run(dsm_segment *segment, shm_toc *toc, OmenWorkerMain work)
{
	OmenBuild	build = {0};
	WalUsage   *wal_usage = shm_toc_lookup(toc, KEY_WAL_USAGE, false);
	BufferUsage *buffer_usage = shm_toc_lookup(toc, KEY_BUFFER_USAGE, false);

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	open_worker(&build, segment, toc);
	InstrStartParallelQuery();
	work(&build);
	InstrEndParallelQuery(&buffer_usage[ParallelWorkerNumber],
						  &wal_usage[ParallelWorkerNumber]);
	omen_arena_detach(&build);
	omen_pool_detach(&build);
	index_close(build.index, INDEX_LOCK(build.task));
	table_close(build.heap, HEAP_LOCK(build.task));
}
