/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  How large things are: leaves, partitions, and memory.
 *
 * Nothing here looks at data.  The sizes of leaves decide the graph; they
 * depend on the index's options and on the number of points (and, for very
 * large tables in little memory, on maintenance_work_mem), never on the number
 * of participants.  The sizes of partitions decide only how much memory an
 * item takes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "hnsw/partition/groups.h"

/* A leaf's codes, packed as columns, should stay in the cache of a core. */
#define LEAF_BYTES (4 * 1024 * 1024)

/*
 * From so many points on each is in more leaves: the more leaves there are, the
 * less of a point's neighborhood lies in its own.
 */
#define MANY_POINTS 80000
#define MORE_OVERLAP 2

/* Up to so many centers are all looked at for each point. */
#define MAX_CENTERS 8192
#define MAX_CENTERS_L1 1024

/* Beyond that they are in groups of so many. */
#define GROUP_CENTERS 128

/*
 * Centers, which are in memory twice while they are packed, take no more than
 * this part of maintenance_work_mem.  If all do not fit, leaves are made
 * larger and split again later.
 */
#define CENTERS_SHARE 16

/* What a participant gets at least, however small maintenance_work_mem is. */
#define MIN_WORK_MEMORY (4 * 1024 * 1024)
#define MIN_CACHE_MEMORY (2 * 1024 * 1024)

/* Items of a step, where there are enough points, for an even end of it. */
#define WANTED_ITEMS 32
#define MIN_POINTS_OF_ITEM 2000

/*
 * Bytes of the table's rows that are one partition, of maintenance_work_mem;
 * and what buffers of streams may take of it, where that is small.
 */
#define PART_SHARE 64
#define BUFFERS_SHARE 16
#define MIN_PARTS 16

/* Fewer rows than these are no partition of their own. */
#define MIN_PART_ROWS 2000
#define WANTED_PARTS 64

/*
 * The part of maintenance_work_mem beyond which the rows of a group are too
 * many for one participant.  A graph takes eight times its rows while it is
 * made, so four of them are made in all of it.
 */
#define LARGE_SHARE 32

/*
 * From so many dimensions on narrow codes are compared.  In few dimensions six
 * bits of each are too few to tell neighbors apart; in many the errors of all
 * coordinates make up for each other.  The fewest measured: bench/RESULTS.md,
 * "Six bits", uniform.
 */
#define NARROW_DIMS 64

/*
 * ef_construction decides in how many leaves a point is, and how large they
 * are.  Fitted so that a graph answers at equal recall with no more distances
 * than one built by insertion with the same ef_construction: 64 gives 8 leaves
 * of 700 points.
 */
void
omen_plan_shape(OmenBuildShape *shape, OmenMetric metric, OmenStorage storage,
				uint32 dims, uint32 m, uint32 ef_construction, uint32 key_bytes)
{
	uint32		leaf_size = 540 + ef_construction * 5 / 2;

	memset(shape, 0, sizeof(OmenBuildShape));
	shape->dims = dims;
	shape->compared = omen_metrics[metric].compared;
	shape->length = dims;
	if (shape->compared == OMEN_COMPARED_GRID)
		shape->code_stride = TYPEALIGN(8, dims * sizeof(uint16));
	else
	{
		if (shape->compared != OMEN_COMPARED_CODES)
			shape->length = OMEN_BIT_BYTES(dims);
		shape->code_stride = TYPEALIGN(8, OMEN_BLOCK_STRIDE(shape->length));
	}
	if (!omen_builds_by_codes(storage, metric))
		shape->index_bytes = (uint32) omen_storage_bytes(storage, dims);
	shape->index_bytes = TYPEALIGN(8, shape->index_bytes);
	leaf_size = Min(leaf_size, 1024);
	leaf_size = Min(leaf_size, LEAF_BYTES / shape->code_stride);
	shape->leaf_size = Max(leaf_size, 4 * m);
	if (shape->compared == OMEN_COMPARED_CODES && dims >= NARROW_DIMS &&
		!omen_metrics[metric].is_sketched)
	{
		shape->narrow_at = shape->code_stride;
		shape->code_stride += sizeof(OmenPointTerms);
	}
	shape->point_bytes = sizeof(OmenPointTerms) + shape->code_stride;
	shape->key_bytes = key_bytes;
	shape->row_bytes = sizeof(OmenRow) + shape->code_stride +
					   shape->index_bytes + shape->key_bytes;

	shape->overlap =
		Max(4, Min((uint32) ceil(log2(ef_construction)) + 2, OMEN_MAX_OVERLAP));
	shape->per_leaf = Max(6, Min((5 * m + 7) / 8, OMEN_MAX_PER_LEAF - 1));
	shape->candidates = 3 * m;
	shape->least_edges = 3 * m / 8;
	shape->coarse_edges = Max(1, m / 16);
}

/* Partitions for so many bytes of which one at a time is in memory. */
static uint32
count_parts(double bytes, uint64 points, const OmenBuildMemory *memory)
{
	double		parts = ceil(bytes / (memory->work / 3));
	double		most = Max(1, memory->work / 8 / BLCKSZ);
	double		wanted = Min((double) WANTED_ITEMS * memory->sharers,
						(double) (points / MIN_POINTS_OF_ITEM + 1));

	parts = Max(parts, wanted);
	return (uint32) Min(parts, Min(most, (double) OMEN_MAX_PARTS));
}

static void
plan_leaves(const OmenBuildShape *shape, uint64 points, Size memory,
			OmenBuildLayer *plan)
{
	uint32		most =
		shape->compared == OMEN_COMPARED_GRID ? MAX_CENTERS_L1 : MAX_CENTERS;
	double		fit = (double) memory / CENTERS_SHARE / shape->point_bytes;
	uint32		overlap = shape->overlap;

	if (points >= MANY_POINTS)
		overlap = Min(overlap + MORE_OVERLAP, OMEN_MAX_OVERLAP);
	plan->leaves = 1;
	plan->groups = 1;
	plan->probes = 1;
	if (points > shape->leaf_size * 3 / 2)
		plan->leaves =
			(uint32) Min((double) points * overlap / shape->leaf_size,
						 Max(fit, MAX_CENTERS_L1));
	plan->overlap = Min(overlap, plan->leaves);
	plan->at_home = plan->leaves > 1
						? shape->per_leaf
						: Min(shape->candidates, OMEN_MAX_PER_LEAF);
	plan->sampled = Min(shape->candidates * 5 / 6, OMEN_MAX_PER_LEAF);
	if (plan->layer > 0)
	{
		/* few points, and a way that is lost here is not found again below */
		plan->at_home = OMEN_MAX_PER_LEAF;
		plan->sampled = OMEN_MAX_PER_LEAF;
	}
	if (plan->leaves > most)
	{
		plan->groups = plan->leaves / GROUP_CENTERS;
		plan->probes = (uint32) ceil(2 * sqrt((double) plan->groups));
		plan->probes = Min(plan->probes, Min(plan->groups, OMEN_NEAREST_MAX));
	}
}

/*
 * Plan the layer of so many points.  Leaves the places on disk to the caller.
 */
void
omen_plan_layer(const OmenBuildShape *shape, const OmenLayout *layout,
				const OmenBuildMemory *memory, uint32 layer, uint64 points,
				OmenBuildLayer *plan)
{
	const OmenPlane *plane = layer == 0 ? &layout->node : &layout->upper;
	uint64		of_point;
	uint64		pages;
	uint32		parts;

	plan->layer = layer;
	plan->points = (uint32) points;
	plan_leaves(shape, points, memory->total, plan);

	of_point = shape->row_bytes + plan->overlap * sizeof(uint32);
	parts = count_parts((double) points * of_point, points, memory);
	plan->place_parts = Min(parts, plan->leaves);

	of_point = plan->overlap * (sizeof(OmenMember) + sizeof(uint32));
	parts = count_parts((double) points * of_point, points, memory);
	plan->leaf_parts = Min(Max(parts, plan->place_parts), plan->leaves);

	/* candidates, or edges in both directions and what sorts them */
	of_point = Max(omen_candidate_room(shape, plan) * sizeof(OmenNear),
				   3 * plane->capacity * sizeof(OmenNear));
	parts = count_parts((double) points * of_point, points, memory);
	pages = (points + plane->per_page - 1) / plane->per_page;
	plan->range_slots =
		(uint32) Min((pages + parts - 1) / parts * plane->per_page,
					 (uint64) OMEN_MAX_ID);
	plan->ranges = (plan->points - 1) / plan->range_slots + 1;
}

static Size
take(Size *size, Size bytes)
{
	Size		at = TYPEALIGN(64, *size);

	*size = add_size(at, bytes);
	return at;
}

/*
 * Lay out the arena for so many rows.  Centers and leaves are those of one
 * layer at a time, and layer 0, which has been planned as layers[0], has the
 * most; points, and what slots need, are there for all layers at once if they
 * are for layer 0, and most_points says how many each may have.  Returns its
 * size.
 */
Size
omen_plan_arena(const OmenBuildShape *shape, OmenArena *arena,
				OmenBuildLayer *layers, uint64 rows, const uint64 *most_points)
{
	const OmenBuildLayer *bottom = &layers[0];
	Size		size = 0;
	bool		is_narrow = shape->narrow_at > 0;
	Size		bits = (rows + 63) / 64 * sizeof(uint64);
	/* each group starts a panel of its own */
	uint32		centers = bottom->leaves + bottom->groups * OMEN_PANEL;

	arena->dup_bits_at = take(&size, bits);
	arena->copied_bits_at = take(&size, bits);
	arena->leaf_count_at =
		take(&size, mul_size(bottom->leaves, sizeof(pg_atomic_uint32)));
	arena->group_start_at =
		take(&size, mul_size(bottom->groups + 1, sizeof(uint32)));
	arena->centers_at =
		take(&size, omen_columns_bytes(shape, is_narrow, centers));
	arena->group_centers_at =
		take(&size, omen_columns_bytes(shape, is_narrow, bottom->groups));
	for (int l = 0; l <= OMEN_MAX_LEVEL && most_points[l] > 0; l++)
	{
		/* no layer has more leaves than points, nor than layer 0 */
		uint64		leaves = Min(most_points[l], bottom->leaves);

		layers[l].has_points = bottom->has_points;
		layers[l].has_nodes = bottom->has_nodes;
		layers[l].leaf_start_at =
			take(&size, mul_size(leaves + 1, sizeof(uint32)));
		if (l > 0)
			layers[l].down_at =
				take(&size, mul_size(most_points[l], sizeof(uint32)));
		if (bottom->has_points)
			layers[l].points_at =
				take(&size, mul_size(most_points[l], shape->point_bytes));
		if (bottom->has_nodes)
			layers[l].nodes_at =
				take(&size, mul_size(most_points[l], omen_node_bytes(shape)));
	}
	return size;
}

/*
 * Divide maintenance_work_mem while the table is read.  Of a table that fits as
 * a whole, finding leaves takes more than twice what there is then.
 */
void
omen_plan_scan(OmenBuildMemory *memory)
{
	memory->pool = memory->total / 2;
	memory->work = Max(memory->total / 2 / memory->sharers, MIN_WORK_MEMORY);
	memory->cache = 0;
}

/* Partitions of so many rows by hash, while the table is read. */
uint32
omen_plan_hash_parts(const OmenBuildMemory *memory, double rows)
{
	double		parts = rows * 64 / memory->work;

	return (uint32) Max(1, Min(parts, 64));
}

/* How many partitions rows go to, by the hash of their group's key. */
void
omen_plan_groups(OmenBuild *build, double rows)
{
	Size		total = build->team->memory.total;
	double		bytes = rows * (build->shape.row_bytes + sizeof(OmenGroupRow));
	double		parts = bytes / (total / PART_SHARE);
	double		most = Max(MIN_PARTS, total / BUFFERS_SHARE / OMEN_POOL_BLOCK);

	parts = Max(parts, Min(WANTED_PARTS, rows / MIN_PART_ROWS));
	build->groups->count =
		(uint32) Max(1, Min(parts, Min(most, OMEN_MAX_PARTS)));
}

/*
 * Rows of a group of more bytes are not kept in memory.  Does not depend on how
 * many participants there are, as places on disk depend on it.
 */
Size
omen_large_bytes(const OmenBuild *build)
{
	return Max(build->team->memory.total / LARGE_SHARE,
			   (Size) 2 * OMEN_FLAT_NODES * build->shape.row_bytes);
}

/*
 * Divide what is left of it after the arena and all that stays.  If the arena
 * has the points, most goes to what steps pass on; else to the participants'
 * caches of points, and what steps pass on goes through files.
 */
void
omen_plan_memory(OmenBuildMemory *memory, Size taken, bool has_points)
{
	Size		left = taken < memory->total ? memory->total - taken : 0;
	Size		each = left / memory->sharers;

	memory->work = Max(each / 4, MIN_WORK_MEMORY);
	if (has_points)
	{
		Size		work = memory->work * memory->sharers;

		/* an item takes as much as it may only if there is no more left */
		memory->pool = Max(left / 2, left > work ? left - work : 0);
		memory->cache = 0;
	}
	else
	{
		memory->pool = 0;
		memory->cache = Max(each / 4 * 3, MIN_CACHE_MEMORY);
	}
}
