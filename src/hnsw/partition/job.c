/*-------------------------------------------------------------------------
 *
 * job.c
 *	  A job: the graph of some rows, from the rows to the last edge.
 *
 * It begins with rows that are to be read; of them it leaves a graph in the
 * index, and nothing else.  Any number of jobs may follow each other with the
 * same participants and memory.  Must not know where the rows came from, nor
 * what else the index has.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "hnsw/partition/partition.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* ---------- memory and blocks ---------- */

/*
 * Move the rows to a file, so that the pool can be given up: the server has
 * less shared memory than it may take, and the rest needs some, too.
 */
static void
move_rows(OmenBuild *build)
{
	OmenBuildJob *job = build->job;
	Size		bytes = build->shape.row_bytes;
	OmenRow	   *row = palloc(bytes);
	uint64		moved = 0;
	OmenRowReader *reader;
	OmenSpill  *spill;

	if (job->row_kind == OMEN_SPILL_MOVED)
		return;
	omen_pool_limit(build, 0);
	reader = omen_rows_open(build, OMEN_SPILL_ROWS, 0, 0, bytes);
	spill = omen_spill_begin(build, OMEN_SPILL_MOVED, 0, 1);
	for (uint32 i = 0; i < job->layer.chunks; i++)
	{
		OmenChunk  *chunk = &job->chunks[i];

		if (chunk->rows > 0)
			omen_rows_seek(reader, chunk->participant, chunk->start);
		for (uint32 r = 0; r < chunk->rows; r++)
		{
			CHECK_FOR_INTERRUPTS();
			omen_rows_read(reader, row);
			omen_spill_write(spill, 0, row, bytes);
		}
		chunk->participant = build->participant;
		chunk->start = moved;
		moved += chunk->rows;
	}
	omen_spill_end(spill);
	omen_rows_close(reader);
	omen_spill_delete(build, OMEN_SPILL_ROWS, 0, 0);
	omen_spill_forget(build, OMEN_SPILL_ROWS, 0);
	omen_pool_tidy(build);
	/* workers have it mapped until a step makes them see that it is gone */
	if (build->team->participants > 1)
		omen_run_step(build, OMEN_STEP_RELEASE, 0, 0);
	job->row_kind = OMEN_SPILL_MOVED;
	pfree(row);
}

/* Lay out the arena with, or without, what is there of all points. */
static Size
lay_out_arena(OmenBuild *build, bool has_points, bool has_nodes)
{
	OmenBuildJob *job = build->job;
	uint64		most_points[OMEN_MAX_LEVEL + 1] = {job->points};
	uint64		above = 0;

	for (int l = OMEN_MAX_LEVEL; l > 0; l--)
	{
		above += pg_atomic_read_u64(&job->levels[l]);
		most_points[l] = Min(above, job->points);
	}
	job->layers[0].has_points = has_points;
	job->layers[0].has_nodes = has_nodes;
	return omen_plan_arena(&build->shape, build->arena, job->layers, job->rows,
						   most_points);
}

/*
 * Make an arena with all points, and with what slots need if that has room,
 * too.  False if that is not to be: *is_short if the server has too little
 * shared memory.
 */
static bool
make_large_arena(OmenBuild *build, Size *size, bool *is_short)
{
	Size		half = build->team->memory.total / 2;

	*is_short = false;
	for (int has_nodes = 1; has_nodes >= 0; has_nodes--)
	{
		*size = lay_out_arena(build, true, has_nodes);
		if (*size > half)
			continue;
		if (omen_arena_create(build, *size))
			return true;
		*is_short = true;
	}
	return false;
}

/* Make room for the arena, and divide the rest. */
static void
plan_memory(OmenBuild *build)
{
	OmenBuildJob *job = build->job;
	OmenBuildMemory *memory = &build->team->memory;
	Size		size;
	bool		is_short;
	bool		made;

	omen_plan_layer(&build->shape, &build->ix->layout, memory, 0, job->points,
					&job->layers[0]);
	if (omen_pool_is_short(build))
		move_rows(build);
	made = make_large_arena(build, &size, &is_short);
	if (!made && is_short)
	{
		move_rows(build);
		made = make_large_arena(build, &size, &is_short);
	}
	if (!made)
	{
		size = lay_out_arena(build, false, false);
		made = omen_arena_create(build, size);
	}
	if (!made)
	{
		move_rows(build);
		made = omen_arena_create(build, size);
	}
	if (!made)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not get %zu bytes of shared memory for the "
						"build of index \"%s\"",
						size, RelationGetRelationName(build->index)),
				 errhint("Reduce max_parallel_maintenance_workers to 0.")));
	omen_plan_memory(memory, add_size(size, omen_copies_bytes(build)),
					 job->layers[0].has_points);
	omen_pool_limit(build,
					job->row_kind == OMEN_SPILL_MOVED ? 0 : memory->pool);
	omen_arena_take_bits(build, (job->rows + 63) / 64 * sizeof(uint64));
}

/* Add blocks to the index; returns the first. */
BlockNumber
omen_add_blocks(OmenBuild *build, uint64 blocks)
{
	BlockNumber first = RelationGetNumberOfBlocks(build->index);

	if (first + blocks >= MaxBlockNumber)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("index \"%s\" would have too many pages",
							   RelationGetRelationName(build->index))));
	omen_extend_by(build->index, (BlockNumber) blocks);
	return first;
}

void
omen_check_slots(OmenBuild *build, uint64 slots)
{
	if (slots > OMEN_MAX_ID)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" cannot have more than %u slots",
						RelationGetRelationName(build->index), OMEN_MAX_ID)));
}

/* The job's next blocks. */
static BlockNumber
take_blocks(OmenBuild *build, uint64 blocks)
{
	OmenBuildJob *job = build->job;
	BlockNumber first = job->next_block;

	if (job->end_block == 0)
		return omen_add_blocks(build, blocks);
	if (blocks > job->end_block - first)
		elog(ERROR, "a graph takes more pages than are kept for it");
	job->next_block += (BlockNumber) blocks;
	return first;
}

/* Add the pages that the layer's slots take. */
static void
add_layer_blocks(OmenBuild *build, OmenBuildLayer *layer)
{
	OmenBuildJob *job = build->job;
	const OmenLayout *layout = &build->ix->layout;
	uint32		per_page = omen_plane(build->ix, layer->layer)->per_page;
	BlockNumber blocks =
		(BlockNumber) (((uint64) layer->points + per_page - 1) / per_page);

	layer->first_block = take_blocks(build, blocks);
	omen_check_slots(build, ((uint64) layer->first_block + blocks) * per_page);
	if (layer->layer > 0)
		return;
	job->node_block = layer->first_block;
	if (layout->out_of_line)
	{
		job->payload_parts = omen_payload_parts(layout->code_bytes);
		job->payload_block =
			take_blocks(build, (uint64) layer->points * job->payload_parts);
	}
}

/* ---------- layers ---------- */

/*
 * Find the leaves of a layer's points and put them in their order.  What is in
 * the next layer is known then: returns how many points.
 */
static uint64
order_layer(OmenBuild *build, OmenBuildLayer *layer)
{
	OmenBuildJob *job = build->job;
	uint64		above = 0;

	omen_plan_layer(&build->shape, &build->ix->layout, &build->team->memory,
					layer->layer, layer->points, layer);
	job->layer = *layer;
	omen_run_step(build, OMEN_STEP_CARVE, layer->chunks, layer->points);
	omen_spill_delete(build, OMEN_SPILL_ROWS, layer->layer, 0);
	omen_spill_forget(build, OMEN_SPILL_ROWS, layer->layer);
	if (layer->layer == 0 && job->row_kind == OMEN_SPILL_MOVED)
		omen_spill_delete(build, OMEN_SPILL_MOVED, 0, 0);
	omen_run_step(build, OMEN_STEP_PLACE, layer->place_parts, layer->points);
	omen_spill_forget(build, OMEN_SPILL_HOMES, layer->layer);
	for (uint32 i = 0; i < layer->place_parts; i++)
	{
		job->chunks[i] = job->next_chunks[i];
		job->chunks[i].first = above;
		above += job->chunks[i].rows;
	}
	add_layer_blocks(build, layer);
	return above;
}

/* Find the edges of a layer's points and write its slots. */
static void
link_layer(OmenBuild *build, const OmenBuildLayer *layer)
{
	OmenBuildJob *job = build->job;

	job->layer = *layer;
	omen_run_step(build, OMEN_STEP_COMPARE, layer->leaf_parts,
				  (uint64) layer->points * layer->overlap);
	omen_spill_forget(build, OMEN_SPILL_MEMBERS, layer->layer);
	omen_run_step(build, OMEN_STEP_PRUNE, layer->ranges, layer->points);
	omen_spill_forget(build, OMEN_SPILL_NEAR, layer->layer);
	omen_run_step(build, OMEN_STEP_WRITE, layer->ranges, layer->points);
	omen_spill_forget(build, OMEN_SPILL_EDGES, layer->layer);
	for (uint32 l = layer->layer + 1; l <= job->top; l++)
		omen_spill_forget(build, OMEN_SPILL_COARSE + l, layer->layer);
	omen_placed_delete(build, OMEN_PLACED_POINTS);
	omen_placed_delete(build, OMEN_PLACED_NODES);
}

/*
 * Build all layers: ordered from the bottom up, since a layer's points come
 * from the one below; linked from the top down, since edges come from the one
 * above.
 */
static void
build_layers(OmenBuild *build)
{
	OmenBuildJob *job = build->job;
	OmenBuildLayer *layers = job->layers;
	uint32		top = 0;
	uint64		above;

	layers[0].points = (uint32) job->points;
	layers[0].chunks = job->layer.chunks;
	for (;;)
	{
		above = order_layer(build, &layers[top]);
		if (above == 0)
			break;
		layers[top + 1].layer = top + 1;
		layers[top + 1].points = (uint32) above;
		layers[top + 1].chunks = layers[top].place_parts;
		top++;
	}
	job->top = top;
	for (uint32 l = top + 1; l-- > 0;)
		link_layer(build, &layers[l]);
}

/* ---------- the graph as a whole ---------- */

/* Norm of the longest vector; the radius that inserts will link with, too. */
static void
find_radius(OmenBuild *build)
{
	uint64		bits = pg_atomic_read_u64(&build->job->longest);
	double		longest;

	memcpy(&longest, &bits, sizeof(longest));
	if (omen_metrics[build->ix->meta.metric].is_product)
		build->job->radius = (float) sqrt(longest);
}

/* The node of an upper slot. */
static uint32
node_of_slot(OmenBuild *build, uint32 id)
{
	OmenIndex  *ix = build->ix;
	Buffer		buf;
	OmenSlotHeader *slot = omen_visit(ix, &ix->layout.upper, id, &buf);
	uint32		node;

	if (slot == NULL)
		elog(ERROR, "the entry point of a new index is missing");
	node = slot->u.upper.node;
	UnlockReleaseBuffer(buf);
	return node;
}

/* List a layer's last page if it has room. */
static void
list_last_page(OmenBuild *build, const OmenBuildLayer *layer)
{
	uint32		per_page = omen_plane(build->ix, layer->layer)->per_page;
	Buffer		buf;

	if (layer->points % per_page == 0)
		return;
	buf =
		ReadBuffer(build->index, layer->first_block + layer->points / per_page);
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_page_list(build->ix, buf);
	UnlockReleaseBuffer(buf);
}

/*
 * Write the data of a graph: root and entry point, from the top layer, and the
 * radius.
 */
static void
finish_graph(OmenBuild *build)
{
	OmenIndex  *ix = build->ix;
	OmenBuildJob *job = build->job;
	const OmenBuildLayer *top = &job->layers[job->top];
	uint32		first_id = job->node_block * ix->layout.node.per_page;
	uint32		root = first_id;
	uint32		entry = OMEN_INVALID_ID;
	OmenGraphChange change;
	OmenGraphData *data;

	if (top->layer > 0)
	{
		entry = top->first_block * ix->layout.upper.per_page;
		root = node_of_slot(build, entry);
	}
	data = omen_graph_change_begin(build->graph, &change);
	data->root = root;
	data->root_version = 0;
	data->entry = entry;
	data->entry_version = 0;
	data->entry_level = top->layer;
	data->node_limit = (job->points + ix->layout.node.per_page - 1) /
					   ix->layout.node.per_page * ix->layout.node.per_page;
	data->radius = job->radius;
	omen_graph_change_commit(&change);
	if (omen_graph_is_group(build->graph))
		omen_group_become_graph(build->graph, job->node_block,
								top->layer > 0 ? job->layers[1].first_block
											   : InvalidBlockNumber);
	omen_graph_refresh(build->graph);
	job->root = root - first_id;
}

/* The graph of the points that there are. */
static void
build_points(OmenBuild *build)
{
	OmenBuildJob *job = build->job;

	omen_check_slots(build, job->points);
	find_radius(build);
	plan_memory(build);
	build_layers(build);
	finish_graph(build);
	omen_run_step(build, OMEN_STEP_PARENTS, 0, job->points);
	for (uint32 l = 0; l <= job->top; l++)
		list_last_page(build, &job->layers[l]);
	omen_run_step(build, OMEN_STEP_COPIES, 0, job->copies);
	omen_spill_forget(build, OMEN_SPILL_COPIED, 0);
}

/* ---------- the job ---------- */

/* Forget the job before, and get ready for the rows of another. */
void
omen_job_begin(OmenBuild *build)
{
	OmenBuildJob *job = build->job;

	MemoryContextReset(build->job_context);
	build->equal = NULL;
	build->dup_bits = NULL;
	build->copied_bits = NULL;
	memset(job, 0, sizeof(OmenBuildJob));
	for (int l = 0; l <= OMEN_MAX_LEVEL; l++)
		pg_atomic_init_u64(&job->levels[l], 0);
	pg_atomic_init_u64(&job->longest, 0);
	omen_plan_scan(&build->team->memory);
	omen_pool_open(build, build->team->memory.pool);
}

/* Build the graph of the rows that have been read, in job->layer.chunks. */
void
omen_job_run(OmenBuild *build)
{
	OmenBuildJob *job = build->job;

	for (uint32 i = 0; i < job->layer.chunks; i++)
	{
		job->chunks[i].first = job->rows;
		job->rows += job->chunks[i].rows;
	}
	omen_run_step(build, OMEN_STEP_EQUAL, 0, job->rows);
	omen_spill_forget(build, OMEN_SPILL_HASHES, 0);
	job->points = job->rows - job->copies;
	if (job->points > 0)
		build_points(build);
	/* nothing is left for the next job */
	Assert(build->pool->used == 0);
}
