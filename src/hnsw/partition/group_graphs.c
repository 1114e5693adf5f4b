/*-------------------------------------------------------------------------
 *
 * group_graphs.c
 *	  In an index of groups: make the graphs of those that are no lists.
 *
 * The graph of a group is a job like that of a whole table, to which the rows
 * are passed on that have been found to be the group's.  It is the job of all
 * participants, or of one: then he is a team of his own, with his own memory
 * and files, which goes from graph to graph.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/groups.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

/* Rows of a chunk, of which all participants take some. */
#define MIN_CHUNK_ROWS 1000

/* The part of maintenance_work_mem that those who work alone have together. */
#define ALONE_SHARE 2

/* ---------- a job ---------- */

/* Pass a group's rows on to its job. */
static void
pass_rows(OmenBuild *build, OmenBuild *from, const OmenGraphPlan *plan)
{
	OmenBuildJob *job = build->job;
	Size		bytes = build->shape.row_bytes;
	OmenRow	   *row = palloc(bytes);
	OmenRowReader *reader =
		omen_rows_open(from, plan->kind, 0, plan->part, bytes);
	OmenSpill  *rows = omen_spill_begin(build, OMEN_SPILL_ROWS, 0, 1);
	OmenSpill  *hashes =
		omen_spill_begin(build, OMEN_SPILL_HASHES, 0, job->hash_parts);
	uint32		of_chunk = Max(MIN_CHUNK_ROWS,
						  (plan->rows + OMEN_MAX_CHUNKS - 1) / OMEN_MAX_CHUNKS);

	omen_rows_seek(reader, plan->participant, plan->start);
	for (uint32 i = 0; i < plan->rows; i++)
	{
		OmenChunk  *chunk = &job->chunks[i / of_chunk];
		uint64		record[2];

		if (chunk->rows++ == 0)
		{
			CHECK_FOR_INTERRUPTS();
			chunk->participant = build->participant;
			chunk->start = i;
		}
		omen_rows_read(reader, row);
		row->locator = ((uint64) (i / of_chunk) << 32) | (i % of_chunk);
		row->node = row->down = 0;
		pg_atomic_fetch_add_u64(&job->levels[row->level], 1);
		record[0] = omen_row_hash(build, row);
		record[1] = row->locator;
		omen_spill_write(rows, 0, row, bytes);
		omen_spill_write(hashes,
						 (uint32) ((record[0] >> 32) * job->hash_parts >> 32),
						 record, sizeof(record));
	}
	job->layer.chunks = (plan->rows + of_chunk - 1) / of_chunk;
	omen_spill_end(rows);
	omen_spill_end(hashes);
	omen_rows_close(reader);
	pfree(row);
}

/*
 * Make the graph of a group, of rows that `from` has: the same, or the team
 * that the one who makes it is of.
 */
void
omen_make_graph(OmenBuild *build, OmenBuild *from, const OmenGraphPlan *plan)
{
	OmenBuildJob *job = build->job;
	uint64		longest;

	omen_job_begin(build);
	job->group = plan->group;
	if (plan->block != 0)
	{
		job->next_block = plan->block;
		job->end_block = plan->block + plan->blocks;
	}
	memcpy(&longest, &plan->longest, sizeof(longest));
	pg_atomic_write_u64(&job->longest, longest);
	job->hash_parts = omen_plan_hash_parts(&build->team->memory, plan->rows);
	omen_graph_choose(build->graph, plan->group);
	omen_graph_refresh(build->graph);
	pass_rows(build, from, plan);
	omen_job_run(build);
	if (job->next_block != job->end_block)
		elog(ERROR, "a graph takes fewer pages than are kept for it");
}

/* ---------- one participant alone ---------- */

/* A team of one participant of another. */
static OmenBuild *
make_team(OmenBuild *build)
{
	Size		bytes = omen_shared_bytes(1);
	OmenBuildShared *shared = omen_alloc(bytes);
	OmenBuild  *alone = palloc(sizeof(OmenBuild));
	Size		memory = build->team->memory.total / ALONE_SHARE;

	*alone = *build;
	memset(shared, 0, bytes);
	omen_build_join(alone, shared);
	*alone->task = *build->task;
	omen_build_prepare(alone, 1, memory / build->team->memory.sharers);
	alone->team->memory.sharers = 1;
	memset(&alone->arena_view, 0, sizeof(OmenArenaView));
	alone->graph = omen_graph_open(build->ix, 0);
	alone->participant = 0;
	alone->report = false;
	alone->dup_bits = NULL;
	alone->copied_bits = NULL;
	omen_build_make_contexts(alone);
	FileSetInit(alone->files);
	return alone;
}

/* Make the graphs that are planned, as long as there are some. */
static void
make_graphs(OmenBuild *build, OmenBuild *alone)
{
	OmenRowReader *plans =
		omen_rows_open(build, OMEN_SPILL_PLANS, 0, 0, sizeof(OmenGraphPlan));
	uint32		item;

	while (omen_next_item(build, &item))
	{
		OmenGraphPlan plan;

		CHECK_FOR_INTERRUPTS();
		omen_rows_seek(plans, 0, item);
		omen_rows_read(plans, &plan);
		alone->later.order = item;
		omen_make_graph(alone, build, &plan);
		omen_build_progress(build, plan.rows);
	}
	omen_rows_close(plans);
}

void
omen_step_graphs(OmenBuild *build)
{
	OmenBuild  *alone = make_team(build);

	build->later.spill = omen_spill_begin(build, OMEN_SPILL_ATTACHED, 1, 1);
	alone->later.spill = build->later.spill;
	PG_ENSURE_ERROR_CLEANUP(omen_build_delete_files,
							PointerGetDatum(alone->files));
	{
		make_graphs(build, alone);
	}
	PG_END_ENSURE_ERROR_CLEANUP(omen_build_delete_files,
								PointerGetDatum(alone->files));
	omen_build_delete_files(0, PointerGetDatum(alone->files));
	pg_atomic_fetch_add_u64(&build->team->file_bytes,
							(int64) pg_atomic_read_u64(
								&alone->team->file_bytes));
	omen_spill_end(build->later.spill);
	build->later.spill = NULL;
}
