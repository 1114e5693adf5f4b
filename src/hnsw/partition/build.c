/*-------------------------------------------------------------------------
 *
 * build.c
 *	  A build as a whole: participants, the table, the job, the rest.
 *
 * Reads the table, has the graph of its rows made by a job (job.c), and adds
 * what has no place in a graph.  Then all is written to WAL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "commands/progress.h"
#include "compat.h"
#include "hnsw/partition/partition.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"

/* Blocks of the table that are one item, where it is small. */
#define LEAST_CHUNK_BLOCKS 8

/* Values of the grid that L1 is computed on. */
#define GRID_VALUES 32767

/* ---------- the table ---------- */

/* Rows that the table is expected to have. */
static double
expected_rows(Relation heap)
{
	BlockNumber pages;
	double		tuples;
	double		visible;

	table_relation_estimate_size(heap, NULL, &pages, &tuples, &visible);
	return tuples;
}

/* Read the table, all of it for one job. */
static void
scan_table(OmenBuild *build)
{
	const OmenBuildTask *task = build->task;
	OmenBuildJob *job = build->job;
	double		rows = expected_rows(build->heap);
	double		parts = rows * 64 / build->team->memory.work;

	job->hash_parts = (uint32) Max(1, Min(parts, 64));
	job->layer.chunks =
		(uint32) (((uint64) task->heap_blocks + task->chunk_blocks - 1) /
				  task->chunk_blocks);
	pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_TOTAL, task->heap_blocks);
	omen_run_step(build, OMEN_STEP_SCAN, job->layer.chunks, (uint64) rows);
}

/* Rows without a place in the graph, in the order of the table. */
static void
add_side_rows(OmenBuild *build, const OmenChunk *chunks, uint32 count)
{
	OmenRowReader *reader =
		omen_rows_open(build, "side", 0, 0, sizeof(OmenSideRow));
	OmenSideRow side;

	for (uint32 i = 0; i < count; i++)
	{
		if (chunks[i].side_rows == 0)
			continue;
		omen_rows_seek(reader, chunks[i].participant, chunks[i].side_start);
		for (uint32 r = 0; r < chunks[i].side_rows; r++)
		{
			CHECK_FOR_INTERRUPTS();
			omen_rows_read(reader, &side);
			omen_posting_attach_side(build->ix, side.owner, &side.tid);
		}
	}
	omen_rows_close(reader);
	omen_part_delete(build, "side", 0, 0);
}

/* The graph, and rows without a place in it. */
static void
fill_index(OmenBuild *build)
{
	OmenBuildJob *job = build->job;
	uint32		nchunks;
	OmenChunk  *chunks;

	omen_job_begin(build);
	scan_table(build);
	nchunks = job->layer.chunks;
	chunks = palloc(nchunks * sizeof(OmenChunk));
	memcpy(chunks, job->chunks, nchunks * sizeof(OmenChunk));
	omen_job_run(build);
	add_side_rows(build, chunks, nchunks);
	pfree(chunks);
}

/* ---------- the whole ---------- */

static void
init_task(OmenBuildTask *task, const OmenBuildInput *input,
		  const OmenBuildShape *shape)
{
	task->heap_oid = RelationGetRelid(input->heap);
	task->index_oid = RelationGetRelid(input->index);
	task->concurrent = input->index_info->ii_Concurrent;
	task->needs_wal = RelationNeedsWAL(input->index);
	task->heap_blocks = RelationGetNumberOfBlocks(input->heap);
	task->chunk_blocks =
		Max(LEAST_CHUNK_BLOCKS,
			(BlockNumber) (((uint64) task->heap_blocks + OMEN_MAX_CHUNKS - 1) /
						   OMEN_MAX_CHUNKS));
	task->shape = *shape;
	task->grid_offset = input->grid_low;
	task->grid_scale = input->grid_high > input->grid_low
						   ? GRID_VALUES / (input->grid_high - input->grid_low)
						   : 0;
}

static void
init_team(OmenBuildTeam *team, int participants)
{
	team->participants = participants;
	team->memory.total = (Size) maintenance_work_mem * 1024;
	pg_atomic_init_u32(&team->next_item, 0);
	pg_atomic_init_u64(&team->done, 0);
	pg_atomic_init_u64(&team->blocks_done, 0);
	pg_atomic_init_u64(&team->heap_tuples, 0);
	pg_atomic_init_u64(&team->index_tuples, 0);
	pg_atomic_init_u32(&team->broken_hot_chain, 0);

	/* before there are workers: alone they would go on without the leader */
	BarrierInit(&team->barrier, 0);
	(void) BarrierAttach(&team->barrier);
}

/* With the participants that there are. */
static void
build_with(OmenBuild *build, IndexBuildResult *result)
{
	OmenBuildTeam *team = build->team;

	fill_index(build);
	if (build->task->needs_wal)
	{
		BlockNumber nblocks = RelationGetNumberOfBlocks(build->index);

		omen_run_step(build, OMEN_STEP_LOG, omen_log_items(nblocks), nblocks);
	}
	omen_run_step(build, OMEN_STEP_DONE, 0, 0);
	(void) BarrierDetach(&team->barrier);

	result->heap_tuples = (double) pg_atomic_read_u64(&team->heap_tuples);
	result->index_tuples = (double) pg_atomic_read_u64(&team->index_tuples);
	if (pg_atomic_read_u32(&team->broken_hot_chain))
		build->index_info->ii_BrokenHotChain = true;
}

/*
 * Remove the files of a build without workers, whichever way it ends.  The
 * server looks for interrupts between files, and a cancel that comes when a
 * build is done would leave the rest of them.
 */
static void
delete_files(int code, Datum files)
{
	HOLD_INTERRUPTS();
	FileSetDeleteAll((FileSet *) DatumGetPointer(files));
	RESUME_INTERRUPTS();
}

/* The backend alone. */
static void
build_alone(OmenBuild *build, IndexBuildResult *result)
{
	FileSetInit(build->files);
	PG_ENSURE_ERROR_CLEANUP(delete_files, PointerGetDatum(build->files));
	{
		build_with(build, result);
	}
	PG_END_ENSURE_ERROR_CLEANUP(delete_files, PointerGetDatum(build->files));
	delete_files(0, PointerGetDatum(build->files));
}

static void
init_build(OmenBuild *build, const OmenBuildInput *input)
{
	const OmenIndex *ix = input->ix;

	build->heap = input->heap;
	build->index = input->index;
	build->index_info = input->index_info;
	build->opclass = omen_opclass(input->index);
	build->ix = input->ix;
	build->quantizer = input->quantizer;
	build->report = true;
	build->context = CurrentMemoryContext;
	build->job_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw build job",
							  ALLOCSET_DEFAULT_SIZES);
	build->step_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw build step",
							  ALLOCSET_DEFAULT_SIZES);
	omen_plan_shape(&build->shape, ix->meta.metric, ix->meta.storage,
					ix->meta.dims, ix->meta.m, ix->meta.ef_construction,
					ix->layout.key_bytes);
}

/* Fill an index of which the metapage, and the quantizer, have been written. */
void
omen_build_graph(const OmenBuildInput *input, IndexBuildResult *result)
{
	OmenBuild	build = {0};
	OmenBuildWorkers *workers = NULL;
	OmenBuildMemory *memory;
	int			wanted =
		omen_workers_wanted(input->heap, input->index, input->index_info);

	init_build(&build, input);
	if (wanted > 0)
		workers = omen_workers_create(&build, wanted);
	if (workers == NULL)
	{
		OmenBuildShared *shared = omen_alloc(sizeof(OmenBuildShared));

		memset(shared, 0, sizeof(OmenBuildShared));
		omen_build_join(&build, shared);
		wanted = 0;
	}
	init_task(build.task, input, &build.shape);
	init_team(build.team, wanted + 1);

	/* memory is divided among those that are there */
	memory = &build.team->memory;
	memory->sharers = 1;
	if (workers)
		memory->sharers += omen_workers_launch(workers);
	omen_plan_memory(memory, 0, true);
	if (workers == NULL)
		build_alone(&build, result);
	else
	{
		build_with(&build, result);
		omen_arena_detach(&build);
		omen_workers_finish(workers);
	}
}
