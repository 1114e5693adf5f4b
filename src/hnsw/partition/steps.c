/*-------------------------------------------------------------------------
 *
 * steps.c
 *	  The steps of a build, and who takes them.
 *
 * The leader prepares a step, everybody takes items of it until there are
 * none, and so on: two arrivals at a barrier for each step.  A worker that
 * starts late joins where the others are; one that never starts is not waited
 * for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "commands/progress.h"
#include "compat.h"
#include "hnsw/partition/partition.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

/* Blocks of the table that are one item, where it is small. */
#define LEAST_CHUNK_BLOCKS 8

/* Blocks of the index that are one item when WAL is written. */
#define LOG_BLOCKS 512

/* Values of the grid that L1 is computed on. */
#define GRID_VALUES 32767

/* ---------- taking a step ---------- */

/* The next item of the step; false if there are none. */
bool
omen_next_item(OmenBuild *build, uint32 *item)
{
	*item = pg_atomic_fetch_add_u32(&build->shared->next_item, 1);
	return *item < build->shared->items;
}

/* So many more tuples have been dealt with in this step. */
void
omen_build_progress(OmenBuild *build, uint64 tuples)
{
	uint64 done = pg_atomic_add_fetch_u64(&build->shared->done, (int64) tuples);

	if (!build->report)
		return;
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) done);
	if (build->shared->step == OMEN_STEP_SCAN)
		pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE,
									 (int64) pg_atomic_read_u64(
										 &build->shared->blocks_done));
}

/* Write a part of the index to WAL. */
static void
step_log(OmenBuild *build)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(build->index);
	uint32		item;

	while (omen_next_item(build, &item))
	{
		BlockNumber start = item * LOG_BLOCKS;
		BlockNumber end = Min(start + LOG_BLOCKS, nblocks);

		log_newpage_range(build->index, MAIN_FORKNUM, start, end, true);
		omen_build_progress(build, end - start);
	}
}

static void
take_step(OmenBuild *build)
{
	MemoryContext old = MemoryContextSwitchTo(build->step_context);

	switch (build->shared->step)
	{
		case OMEN_STEP_SCAN:
			omen_step_scan(build);
			break;
		case OMEN_STEP_CARVE:
			omen_step_carve(build);
			break;
		case OMEN_STEP_PLACE:
			omen_step_place(build);
			break;
		case OMEN_STEP_COMPARE:
			omen_step_compare(build);
			break;
		case OMEN_STEP_PRUNE:
			omen_step_prune(build);
			break;
		case OMEN_STEP_WRITE:
			omen_step_write(build);
			break;
		case OMEN_STEP_LOG:
			step_log(build);
			break;
		case OMEN_STEP_DONE:
			break;
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(build->step_context);
}

/*
 * What a worker does until the leader says that all is done.  Even phases of
 * the barrier prepare a step, odd ones take it.
 */
void
omen_build_work(OmenBuild *build)
{
	Barrier	   *barrier = &build->shared->barrier;
	int			phase = BarrierAttach(barrier);

	for (;;)
	{
		if (phase % 2 == 0)
			(void) BarrierArriveAndWait(barrier, PG_WAIT_EXTENSION);
		phase = 0;
		if (build->shared->step == OMEN_STEP_DONE)
			break;
		omen_arena_attach(build);
		take_step(build);
		(void) BarrierArriveAndWait(barrier, PG_WAIT_EXTENSION);
	}
	(void) BarrierDetach(barrier);
}

/* Let everybody take a step that the leader has prepared. */
static void
run_step(OmenBuild *build, OmenBuildStep step, uint32 items, uint64 tuples)
{
	OmenBuildShared *shared = build->shared;

	shared->step = step;
	shared->items = items;
	pg_atomic_write_u32(&shared->next_item, 0);
	omen_build_phase_start(build, OMEN_PHASE_OF_STEP(step), tuples);
	(void) BarrierArriveAndWait(&shared->barrier, PG_WAIT_EXTENSION);
	if (step != OMEN_STEP_DONE)
	{
		take_step(build);
		(void) BarrierArriveAndWait(&shared->barrier, PG_WAIT_EXTENSION);
	}
}

/* Tell that a phase has begun, and how many tuples it deals with. */
void
omen_build_phase_start(OmenBuild *build, int64 phase, uint64 tuples)
{
	const int	columns[] = {PROGRESS_CREATEIDX_SUBPHASE,
						   PROGRESS_CREATEIDX_TUPLES_TOTAL,
						   PROGRESS_CREATEIDX_TUPLES_DONE};
	const int64 values[] = {phase, (int64) tuples, 0};

	pg_atomic_write_u64(&build->shared->done, 0);
	pgstat_progress_update_multi_param(3, columns, values);
}

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

static void
scan_table(OmenBuild *build)
{
	OmenBuildShared *shared = build->shared;
	uint32		chunks =
		(uint32) (((uint64) shared->heap_blocks + shared->chunk_blocks - 1) /
				  shared->chunk_blocks);

	shared->layer.chunks = chunks;
	pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_TOTAL,
								 shared->heap_blocks);
	run_step(build, OMEN_STEP_SCAN, chunks,
			 (uint64) expected_rows(build->heap));
}

/*
 * Find equal rows, number the others; returns the number of points.
 */
static uint64
find_points(OmenBuild *build, uint64 *rows, uint64 *copies)
{
	OmenBuildShared *shared = build->shared;
	Size		bytes;

	*rows = 0;
	for (uint32 i = 0; i < shared->layer.chunks; i++)
	{
		shared->chunks[i].first = *rows;
		*rows += shared->chunks[i].rows;
	}
	omen_build_phase_start(build, OMEN_PHASE_EQUAL, *rows);
	bytes = (*rows + 63) / 64 * sizeof(uint64);
	build->dup_bits = omen_alloc(bytes);
	build->copied_bits = omen_alloc(bytes);
	memset(build->dup_bits, 0, bytes);
	memset(build->copied_bits, 0, bytes);
	*copies = *rows > 0 ? omen_find_equal(build, *rows) : 0;
	return *rows - *copies;
}

/* Norm of the longest vector; the radius that inserts will link with, too. */
static void
fix_radius(OmenBuild *build)
{
	OmenIndex  *ix = build->ix;
	uint64		bits = pg_atomic_read_u64(&build->shared->longest);
	double		longest;
	OmenChange	change;
	Buffer		buf;

	if (ix->meta.metric != OMEN_METRIC_IP)
		return;
	memcpy(&longest, &bits, sizeof(longest));
	build->shared->radius = (float) sqrt(longest);
	buf = ReadBuffer(ix->pages.rel, OMEN_META_BLOCK);
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	OmenPageGetMeta(omen_change_page(&change, buf))->graph.radius =
		build->shared->radius;
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	omen_index_refresh(ix);
}

/* ---------- layers ---------- */

/*
 * Make room for the arena, and decide whether the points fit as well.
 * layers[0] is planned; of the others, how many points they may have.
 */
static void
plan_memory(OmenBuild *build, uint64 rows, uint64 points)
{
	OmenBuildShared *shared = build->shared;
	OmenBuildLayer *layers = shared->layers;
	Size		memory = (Size) maintenance_work_mem * 1024;
	Size		bits = (rows + 63) / 64 * sizeof(uint64);
	uint64		most_points[OMEN_MAX_LEVEL + 1] = {points};
	uint64		above = 0;
	Size		size;

	for (int l = OMEN_MAX_LEVEL; l > 0; l--)
	{
		above += pg_atomic_read_u64(&shared->levels[l]);
		most_points[l] = Min(above, points);
	}
	layers[0].in_memory = true;
	omen_plan_layer(&build->shape, &build->ix->layout, 0, points, memory,
					shared->work_memory, shared->sharers, &layers[0]);
	size = omen_plan_arena(shared, rows, most_points);
	if (size > memory / 2 || !omen_arena_create(build, size))
	{
		layers[0].in_memory = false;
		size = omen_plan_arena(shared, rows, most_points);
		if (!omen_arena_create(build, size))
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("could not get %zu bytes of shared memory for the "
							"build of index \"%s\"",
							size, RelationGetRelationName(build->index)),
					 errhint("Reduce max_parallel_maintenance_workers to 0.")));
	}
	shared->layer.in_memory = layers[0].in_memory;
	omen_plan_memory(shared, size < memory ? memory - size : 0);

	/* the bits of rows, for all to see */
	memcpy(build->arena + shared->dup_bits_at, build->dup_bits, bits);
	memcpy(build->arena + shared->copied_bits_at, build->copied_bits, bits);
	pfree(build->dup_bits);
	pfree(build->copied_bits);
}

/* Add blocks to the index; returns the first. */
static BlockNumber
add_blocks(OmenBuild *build, uint64 blocks)
{
	BlockNumber first = RelationGetNumberOfBlocks(build->index);

	if (first + blocks >= MaxBlockNumber)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("index \"%s\" would have too many pages",
							   RelationGetRelationName(build->index))));
	omen_extend_by(build->index, (BlockNumber) blocks);
	return first;
}

/* Add the pages that the layer's slots take. */
static void
add_layer_blocks(OmenBuild *build, OmenBuildLayer *layer)
{
	OmenBuildShared *shared = build->shared;
	const OmenLayout *layout = &build->ix->layout;
	uint32		per_page = omen_plane(build->ix, layer->layer)->per_page;
	BlockNumber blocks =
		(BlockNumber) (((uint64) layer->points + per_page - 1) / per_page);

	layer->first_block = add_blocks(build, blocks);
	if (((uint64) layer->first_block + blocks) * per_page > OMEN_MAX_ID)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" cannot have more than %u slots",
						RelationGetRelationName(build->index), OMEN_MAX_ID)));
	if (layer->layer > 0)
		return;
	shared->node_block = layer->first_block;
	if (layout->out_of_line)
	{
		shared->payload_parts = omen_payload_parts(layout->code_bytes);
		shared->payload_block =
			add_blocks(build, (uint64) layer->points * shared->payload_parts);
	}
}

/* Let shared->layer be this one. */
static void
set_layer(OmenBuild *build, const OmenBuildLayer *layer)
{
	build->shared->layer = *layer;
	omen_arena_attach(build);
}

/*
 * Find the leaves of a layer's points and put them in their order.  What is in
 * the next layer is known then: returns how many points.
 */
static uint64
order_layer(OmenBuild *build, OmenBuildLayer *layer)
{
	OmenBuildShared *shared = build->shared;
	MemoryContext old = MemoryContextSwitchTo(build->step_context);
	uint64		above = 0;

	omen_plan_layer(&build->shape, &build->ix->layout, layer->layer,
					layer->points, (Size) maintenance_work_mem * 1024,
					shared->work_memory, shared->sharers, layer);
	set_layer(build, layer);
	omen_build_phase_start(build, OMEN_PHASE_OF_STEP(OMEN_STEP_CARVE),
						   layer->points);
	omen_prepare_carve(build);
	MemoryContextSwitchTo(old);
	MemoryContextReset(build->step_context);
	run_step(build, OMEN_STEP_CARVE, layer->chunks, layer->points);
	omen_part_delete(build, "rows", layer->layer, 0);

	memset(shared->next_chunks, 0, layer->place_parts * sizeof(OmenChunk));
	omen_prepare_place(build);
	run_step(build, OMEN_STEP_PLACE, layer->place_parts, layer->points);
	for (uint32 i = 0; i < layer->place_parts; i++)
	{
		shared->chunks[i] = shared->next_chunks[i];
		shared->chunks[i].first = above;
		above += shared->chunks[i].rows;
	}
	add_layer_blocks(build, layer);
	return above;
}

/* Find the edges of a layer's points and write its slots. */
static void
link_layer(OmenBuild *build, const OmenBuildLayer *layer)
{
	set_layer(build, layer);
	run_step(build, OMEN_STEP_COMPARE, layer->leaf_parts,
			 (uint64) layer->points * layer->overlap);
	run_step(build, OMEN_STEP_PRUNE, layer->ranges, layer->points);
	run_step(build, OMEN_STEP_WRITE, layer->ranges, layer->points);
	if (!layer->in_memory)
		omen_placed_delete(build, "points");
	omen_placed_delete(build, "nodes");
}

/*
 * Build all layers: ordered from the bottom up, since a layer's points come
 * from the one below; linked from the top down, since edges come from the one
 * above.
 */
static void
build_layers(OmenBuild *build)
{
	OmenBuildShared *shared = build->shared;
	OmenBuildLayer *layers = shared->layers;
	uint32		top = 0;
	uint64		above;

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
	shared->top = top;
	for (uint32 l = top + 1; l-- > 0;)
		link_layer(build, &layers[l]);
}

/* ---------- what is left for the leader ---------- */

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
 * Write root and entry point, from the top layer, into the metapage.  Returns
 * the root's id.
 */
static uint32
finish_meta(OmenBuild *build, const OmenBuildLayer *bottom,
			const OmenBuildLayer *top)
{
	OmenIndex  *ix = build->ix;
	uint32		root = bottom->first_block * ix->layout.node.per_page;
	uint32		entry = OMEN_INVALID_ID;
	OmenMetaPageData *meta;
	OmenChange	change;
	Buffer		buf;

	if (top->layer > 0)
	{
		entry = top->first_block * ix->layout.upper.per_page;
		root = node_of_slot(build, entry);
	}
	buf = ReadBuffer(ix->pages.rel, OMEN_META_BLOCK);
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	meta = OmenPageGetMeta(omen_change_page(&change, buf));
	meta->graph.root = root;
	meta->graph.root_version = 0;
	meta->graph.entry = entry;
	meta->graph.entry_version = 0;
	meta->graph.entry_level = top->layer;
	meta->graph.node_limit =
		((uint64) bottom->points + ix->layout.node.per_page - 1) /
		ix->layout.node.per_page * ix->layout.node.per_page;
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	omen_index_refresh(ix);
	return root;
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
			omen_posting_attach_side(build->ix, side.side, &side.tid);
		}
	}
	omen_rows_close(reader);
	omen_part_delete(build, "side", 0, 0);
}

/* The graph of so many points. */
static void
build_points(OmenBuild *build, uint64 rows, uint64 points, uint64 copies)
{
	OmenBuildLayer *layers = build->shared->layers;
	OmenBuildLayer *bottom = &layers[0];
	uint32		root;

	fix_radius(build);
	plan_memory(build, rows, points);
	bottom->points = (uint32) points;
	bottom->chunks = build->shared->layer.chunks;
	build_layers(build);
	root = finish_meta(build, bottom, &layers[build->shared->top]);

	omen_build_phase_start(build, OMEN_PHASE_PARENTS, points);
	omen_link_parents(build, bottom->points, bottom->first_block,
					  root - bottom->first_block *
								 build->ix->layout.node.per_page);
	for (uint32 l = 0; l <= build->shared->top; l++)
		list_last_page(build, &layers[l]);
	omen_build_phase_start(build, OMEN_PHASE_COPIES, copies);
	omen_attach_equal(build, bottom->first_block);
}

/* The graph, and rows without a place in it. */
static void
fill_index(OmenBuild *build)
{
	OmenBuildShared *shared = build->shared;
	uint32		nchunks = shared->layer.chunks;
	OmenChunk  *chunks = palloc(nchunks * sizeof(OmenChunk));
	uint64		rows;
	uint64		copies;
	uint64		points = find_points(build, &rows, &copies);

	memcpy(chunks, shared->chunks, nchunks * sizeof(OmenChunk));
	if (points > OMEN_MAX_ID)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" cannot have more than %u slots",
						RelationGetRelationName(build->index), OMEN_MAX_ID)));
	if (points > 0)
		build_points(build, rows, points, copies);
	add_side_rows(build, chunks, nchunks);
	pfree(chunks);
}

/* ---------- the whole ---------- */

static void
init_shared(OmenBuild *build, OmenBuildShared *shared,
			const OmenBuildShape *shape, int participants, float grid_low,
			float grid_high)
{
	Size		memory = (Size) maintenance_work_mem * 1024;
	double		parts;

	shared->heap_oid = RelationGetRelid(build->heap);
	shared->index_oid = RelationGetRelid(build->index);
	shared->concurrent = build->index_info->ii_Concurrent;
	shared->needs_wal = RelationNeedsWAL(build->index);
	shared->participants = participants;
	shared->sharers = participants;
	shared->heap_blocks = RelationGetNumberOfBlocks(build->heap);
	shared->chunk_blocks =
		Max(LEAST_CHUNK_BLOCKS, (BlockNumber) (((uint64) shared->heap_blocks +
												OMEN_MAX_CHUNKS - 1) /
											   OMEN_MAX_CHUNKS));
	shared->shape = *shape;
	shared->grid_offset = grid_low;
	shared->grid_scale =
		grid_high > grid_low ? GRID_VALUES / (grid_high - grid_low) : 0;
	shared->layer.in_memory = true;
	omen_plan_memory(shared, memory);
	parts = expected_rows(build->heap) * 64 / shared->work_memory;
	shared->hash_parts = (uint32) Max(1, Min(parts, 64));
	pg_atomic_init_u32(&shared->next_item, 0);
	pg_atomic_init_u64(&shared->done, 0);
	pg_atomic_init_u64(&shared->blocks_done, 0);
	pg_atomic_init_u64(&shared->heap_tuples, 0);
	pg_atomic_init_u64(&shared->index_tuples, 0);
	for (int l = 0; l <= OMEN_MAX_LEVEL; l++)
		pg_atomic_init_u64(&shared->levels[l], 0);
	pg_atomic_init_u64(&shared->longest, 0);
	pg_atomic_init_u32(&shared->broken_hot_chain, 0);

	/* before there are workers: alone they would go on without the leader */
	BarrierInit(&shared->barrier, 0);
	(void) BarrierAttach(&shared->barrier);
}

static void
build_with(OmenBuild *build, double *heap_tuples, double *index_tuples)
{
	OmenBuildShared *shared = build->shared;
	BlockNumber nblocks;

	scan_table(build);
	fill_index(build);
	nblocks = RelationGetNumberOfBlocks(build->index);
	if (shared->needs_wal)
		run_step(build, OMEN_STEP_LOG, (nblocks + LOG_BLOCKS - 1) / LOG_BLOCKS,
				 nblocks);
	run_step(build, OMEN_STEP_DONE, 0, 0);
	(void) BarrierDetach(&shared->barrier);

	*heap_tuples = (double) pg_atomic_read_u64(&shared->heap_tuples);
	*index_tuples = (double) pg_atomic_read_u64(&shared->index_tuples);
	if (pg_atomic_read_u32(&shared->broken_hot_chain))
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
build_alone(OmenBuild *build, const OmenBuildShape *shape, float grid_low,
			float grid_high, double *heap_tuples, double *index_tuples)
{
	OmenBuildShared *shared = omen_alloc(sizeof(OmenBuildShared));

	memset(shared, 0, sizeof(OmenBuildShared));
	init_shared(build, shared, shape, 1, grid_low, grid_high);
	build->shared = shared;
	FileSetInit(&shared->files.fs);
	build->files = &shared->files.fs;
	PG_ENSURE_ERROR_CLEANUP(delete_files, PointerGetDatum(build->files));
	{
		build_with(build, heap_tuples, index_tuples);
	}
	PG_END_ENSURE_ERROR_CLEANUP(delete_files, PointerGetDatum(build->files));
	delete_files(0, PointerGetDatum(build->files));
}

/*
 * Fill an index of which the metapage, and the quantizer, have been written.
 * quantizer is that of the build codes, NULL for L1, whose coordinates lie
 * mostly between grid_low and grid_high.
 */
void
omen_build_graph(Relation heap, Relation index, IndexInfo *index_info,
				 OmenIndex *ix, const OmenQuantizer *quantizer, float grid_low,
				 float grid_high, double *heap_tuples, double *index_tuples)
{
	OmenBuild	build = {0};
	OmenBuildShape shape;
	OmenBuildWorkers *workers = NULL;
	int			wanted = omen_workers_wanted(heap, index, index_info);

	build.heap = heap;
	build.index = index;
	build.index_info = index_info;
	build.opclass = omen_opclass(index);
	build.ix = ix;
	build.quantizer = quantizer;
	build.report = true;
	build.context = CurrentMemoryContext;
	build.step_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw build step",
							  ALLOCSET_DEFAULT_SIZES);
	omen_plan_shape(&shape, ix->meta.metric, ix->meta.storage, ix->meta.dims,
					ix->meta.m, ix->meta.ef_construction, ix->layout.key_bytes);
	build.shape = shape;
	if (wanted > 0)
		workers = omen_workers_start(&build, wanted, &shape, grid_low,
									 grid_high, init_shared);
	if (workers == NULL)
		build_alone(&build, &shape, grid_low, grid_high, heap_tuples,
					index_tuples);
	else
	{
		build_with(&build, heap_tuples, index_tuples);
		omen_arena_detach(&build);
		omen_workers_finish(workers);
	}
}
