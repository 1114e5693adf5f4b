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
#include "catalog/storage.h"
#include "commands/progress.h"
#include "compat.h"
#include "hnsw/partition/groups.h"
#include "miscadmin.h"
#include "omendb.h"
#include "pause.h"
#include "storage/ipc.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"

/* Blocks of the table that are one item, where it is small. */
#define MIN_CHUNK_BLOCKS 8

/* The part of maintenance_work_mem that rows without a place may take. */
#define SIDE_SHARE 16

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

	if (build->prefix)
		omen_plan_groups(build, rows);
	job->hash_parts = omen_plan_hash_parts(&build->team->memory, rows);
	job->layer.chunks =
		(uint32) (((uint64) task->heap_blocks + task->chunk_blocks - 1) /
				  task->chunk_blocks);
	pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_TOTAL, task->heap_blocks);
	omen_run_step(build, OMEN_STEP_SCAN, job->layer.chunks, (uint64) rows);
}

/* ---------- rows without a place in a graph ---------- */

/* In the order of the table, kept until the graph has been made. */
typedef struct SideRows
{
	uint64		count;
	OmenSideRow *rows;			/* NULL if they are in a file */
} SideRows;

/*
 * Take them out of what the scan has passed on, which is the job's from here
 * on.
 */
static void
keep_side_rows(OmenBuild *build, SideRows *side)
{
	const OmenBuildJob *job = build->job;
	Size		most = build->team->memory.total / SIDE_SHARE;
	OmenRowReader *reader =
		omen_rows_open(build, OMEN_SPILL_SIDE, 0, 0, sizeof(OmenSideRow));
	OmenSpill  *spill = omen_spill_begin(build, OMEN_SPILL_LATER, 0, 1);
	uint64		at = 0;
	OmenSideRow row;

	side->count = 0;
	side->rows = NULL;
	for (uint32 i = 0; i < job->layer.chunks; i++)
		side->count += job->chunks[i].side_rows;
	if (side->count <= most / sizeof(OmenSideRow))
		side->rows = omen_alloc(side->count * sizeof(OmenSideRow));
	for (uint32 i = 0; i < job->layer.chunks; i++)
	{
		const OmenChunk *chunk = &job->chunks[i];

		if (chunk->side_rows > 0)
			omen_rows_seek(reader, chunk->participant, chunk->side_start);
		for (uint32 r = 0; r < chunk->side_rows; r++)
		{
			CHECK_FOR_INTERRUPTS();
			omen_rows_read(reader, &row);
			if (side->rows)
				side->rows[at++] = row;
			else
				omen_spill_write(spill, 0, &row, sizeof(row));
		}
	}
	omen_spill_end(spill);
	omen_rows_close(reader);
	omen_spill_delete(build, OMEN_SPILL_SIDE, 0, 0);
	omen_spill_forget(build, OMEN_SPILL_SIDE, 0);
}

static void
add_side_rows(OmenBuild *build, SideRows *side)
{
	OmenUnspill un;
	OmenSideRow row;

	omen_unspill_begin(&un, build, OMEN_SPILL_LATER, 0, 0);
	for (uint64 i = 0; i < side->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (side->rows)
			row = side->rows[i];
		else if (!omen_unspill_next(&un, &row, sizeof(row)))
			elog(ERROR, "rows of an index build are missing");
		omen_posting_attach_side(build->graph, row.side, &row.tid);
	}
	omen_unspill_end(&un, side->rows == NULL);
	if (side->rows)
		pfree(side->rows);
}

/* The graph of the table, and rows without a place in it. */
static void
fill_index(OmenBuild *build)
{
	SideRows	side;

	omen_job_begin(build);
	scan_table(build);
	if (build->prefix)
	{
		omen_build_groups(build);
		return;
	}
	keep_side_rows(build, &side);
	omen_job_run(build);
	add_side_rows(build, &side);
}

#ifdef OMEN_PAUSE_POINTS
/*
 * For a test: fill the index again, as builds of several graphs would fill it
 * with one after the other, after it has been made what it was.
 */
static void
fill_again(OmenBuild *build, const OmenMetaPageData *meta, BlockNumber nblocks)
{
	OmenIndex  *ix = build->ix;
	OmenChange	change;
	Buffer		buf = ReadBuffer(build->index, OMEN_META_BLOCK);

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	*OmenPageGetMeta(omen_change_page(&change, buf)) = *meta;
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	RelationTruncate(build->index, nblocks);
	ix->pages.nblocks = nblocks;
	omen_graph_refresh(build->graph);
	pg_atomic_write_u64(&build->team->blocks_done, 0);
	pg_atomic_write_u64(&build->team->heap_tuples, 0);
	pg_atomic_write_u64(&build->team->index_tuples, 0);
	fill_index(build);
}
#endif

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
		Max(MIN_CHUNK_BLOCKS,
			(BlockNumber) (((uint64) task->heap_blocks + OMEN_MAX_CHUNKS - 1) /
						   OMEN_MAX_CHUNKS));
	task->shape = *shape;
	task->grid_offset = input->grid_low;
	task->grid_scale = input->grid_high > input->grid_low
						   ? GRID_VALUES / (input->grid_high - input->grid_low)
						   : 0;
}

/* With the participants that there are. */
static void
build_with(OmenBuild *build, IndexBuildResult *result)
{
	OmenBuildTeam *team = build->team;

#ifdef OMEN_PAUSE_POINTS
	OmenMetaPageData meta = build->ix->meta;
	BlockNumber before = RelationGetNumberOfBlocks(build->index);
#endif

	fill_index(build);
#ifdef OMEN_PAUSE_POINTS
	for (int i = 1; i < omen_build_rounds; i++)
		fill_again(build, &meta, before);
#endif
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
	if (pg_atomic_read_u64(&team->file_bytes) > 0)
		ereport(DEBUG1,
				(errmsg_internal("build of index \"%s\" wrote %llu kB to "
								 "temporary files",
								 RelationGetRelationName(build->index),
								 (unsigned long long) (pg_atomic_read_u64(
														   &team->file_bytes) /
													   1024))));
}

/* The backend alone. */
static void
build_alone(OmenBuild *build, IndexBuildResult *result)
{
	FileSetInit(build->files);
	PG_ENSURE_ERROR_CLEANUP(omen_build_delete_files,
							PointerGetDatum(build->files));
	{
		build_with(build, result);
	}
	PG_END_ENSURE_ERROR_CLEANUP(omen_build_delete_files,
								PointerGetDatum(build->files));
	omen_build_delete_files(0, PointerGetDatum(build->files));
}

static void
init_build(OmenBuild *build, const OmenBuildInput *input)
{
	const OmenIndex *ix = input->graph->ix;

	build->heap = input->heap;
	build->index = input->index;
	build->index_info = input->index_info;
	build->opclass = omen_opclass(input->index);
	build->columns = omen_index_columns(input->index);
	build->graph = input->graph;
	build->ix = input->graph->ix;
	build->quantizer = input->quantizer;
	build->prefix = omen_prefix_open(input->index);
	build->make_graphs = omen_step_graphs;
	build->report = true;
	omen_build_make_contexts(build);
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
	int			launched = 0;
	int			wanted =
		omen_workers_wanted(input->heap, input->index, input->index_info);

	init_build(&build, input);
	if (wanted > 0)
		workers = omen_workers_create(&build, wanted, "omen_build_worker");
	if (workers == NULL)
	{
		Size		bytes = omen_shared_bytes(1);
		OmenBuildShared *shared = omen_alloc(bytes);

		memset(shared, 0, bytes);
		omen_build_join(&build, shared);
		wanted = 0;
	}
	init_task(build.task, input, &build.shape);
	omen_build_prepare(&build, wanted + 1, (Size) maintenance_work_mem * 1024);
	if (workers)
		launched = omen_workers_launch(workers);
	ereport(DEBUG1,
			(errmsg_internal("building index \"%s\" with %d parallel workers",
							 RelationGetRelationName(input->index), launched)));
	/* memory is divided among those that are there */
	build.team->memory.sharers = launched + 1;
	if (workers == NULL)
		build_alone(&build, result);
	else
	{
		build_with(&build, result);
		omen_arena_detach(&build);
		omen_pool_detach(&build);
		omen_workers_finish(workers);
	}
}

/* ---------- workers ---------- */

static void
work(OmenBuild *build)
{
	build->make_graphs = omen_step_graphs;
	omen_work(build);
}

/* What the server starts a worker with, by its name. */
extern PGDLLEXPORT void omen_build_worker(dsm_segment *segment, shm_toc *toc);

void
omen_build_worker(dsm_segment *segment, shm_toc *toc)
{
	omen_worker_run(segment, toc, work);
}
