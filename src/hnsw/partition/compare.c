/*-------------------------------------------------------------------------
 *
 * compare.c
 *	  Fourth step: compare the points of each leaf with each other.
 *
 * An item is a partition of the memberships by leaf.  Each point of a leaf
 * keeps its nearest few there, written to partitions by position; in one leaf
 * a point comes once, so that nobody has to agree with anybody.
 *
 * Narrow codes are compared if there are any; rows of which they do not tell
 * who is nearest are compared again, by whole codes.
 *
 * A leaf that became too large is split: by centers drawn from its members,
 * each member going to the nearest.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/partition.h"
#include "miscadmin.h"

/* Rows of one call of the kernel. */
#define TILE_ROWS 24

/*
 * From so many dimensions on, the distances of a whole leaf are kept at a time,
 * so that each pair is computed once, and copied to its other place.
 * Dimensions, the fewest measured (bench/RESULTS.md, "Six bits").
 * L1 has no blocked kernel, and each distance is dear.
 */
#define MUTUAL_DIMS 128
#define IS_MUTUAL(shape) \
	((shape)->compared == OMEN_COMPARED_GRID || (shape)->length >= MUTUAL_DIMS)

/* Rows whose distances are as far apart as a power of two share cache sets. */
#define MUTUAL_GAP 16
#define DISTANCES_STRIDE(most) (OMEN_PADDED(most) + MUTUAL_GAP)

/*
 * If one row in so many is unclear, the rows that are left of a leaf are
 * compared by whole codes.  guess: then most others are unclear, too
 */
#define UNCLEAR_PART 4

/*
 * How many points are prefetched beyond the one that a narrow code is made of.
 * guess: a point of few dimensions is done before the second next is there
 */
#define POINTS_AHEAD 4

/* A leaf may be larger than planned by half. */
#define MAX_POINTS(shape) ((shape)->leaf_size + (shape)->leaf_size / 2)

/* Splitting that has not come to an end after so often never will. */
#define MAX_SPLITS 32

/* A leaf whose points are being compared. */
typedef struct Leaf
{
	const uint32 *positions;
	uint32		count;
	uint32		sampled;		/* the first so many are a sample */
	uint32	   *rows;			/* those whose nearest have not been passed on,
								 * ascending */
	uint32		left;			/* so many */
} Leaf;

typedef struct CompareState
{
	OmenBuild  *build;
	OmenPoints *points;
	OmenSpill  *spill;
	char	   *space;			/* for the points of a leaf */
	const char **pointers;
	OmenColumns columns;
	float	   *out;
	Size		out_stride;
	uint32		home_first;		/* positions whose home the leaf is */
	uint32		home_end;
	uint32	   *others;			/* space for positions of a leaf */
	uint32	   *rows;			/* and for numbers of its rows */
	float	   *sample;			/* space for distances to the sample */
	OmenLeafRecord *record;
	float	   *value;
	uint32	   *index;
} CompareState;

#define ST_SORT sort_positions
#define ST_ELEMENT_TYPE uint32
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : (*(a) > *(b) ? 1 : 0))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Memory for the distances that are kept at a time, up to `most` in a row. */
Size
omen_compare_bytes(const OmenBuildShape *shape, uint32 most)
{
	return mul_size(IS_MUTUAL(shape) ? most : TILE_ROWS,
					DISTANCES_STRIDE(most) * sizeof(float));
}

/* Load points as the columns have them. */
static void
load_points(CompareState *state, const uint32 *positions, uint32 count)
{
	Size		bytes = state->build->shape.point_bytes;

	for (uint32 i = 0; i < count; i++)
	{
		char	   *space = state->space + (Size) i * bytes;

		/* a narrow code is made of it at once */
		if (state->columns.is_narrow && i + POINTS_AHEAD < count)
			omen_points_prefetch(state->points, positions[i + POINTS_AHEAD]);
		state->pointers[i] =
			state->columns.is_narrow
				? omen_points_narrow(state->points, positions[i], space)
				: omen_points_get(state->points, positions[i], space);
	}
}

/* ---------- a leaf ---------- */

/*
 * Move a sample of a leaf's points to the front, keeping the order otherwise;
 * which points it is does not depend on the leaf.  Returns how many.
 */
static uint32
sample_first(CompareState *state, uint32 *positions, uint32 count)
{
	uint64		seed = state->build->ix->meta.seed;
	uint32		sampled = 0;
	uint32		others = 0;

	for (uint32 i = 0; i < count; i++)
	{
		if (omen_mix(positions[i] ^ seed) % OMEN_SAMPLE_RATE == 0)
			positions[sampled++] = positions[i];
		else
			state->others[others++] = positions[i];
	}
	memcpy(positions + sampled, state->others, others * sizeof(uint32));
	return sampled;
}

/* Add to the record the nearest of some columns. */
static void
add_nearest(CompareState *state, const uint32 *positions, float *distances,
			uint32 columns, uint32 most, OmenNear mark)
{
	OmenLeafRecord *record = state->record;
	uint32		count = omen_kernels->block->nearest(distances, columns, most,
												state->index, state->value);

	for (uint32 i = 0; i < count; i++)
		record->near[record->count++] =
			omen_near(state->value[i], positions[state->index[i]]) | mark;
}

/*
 * Do narrow codes tell the nearest of a row's point, which the record has, from
 * others?  They do if the farthest that it takes from any leaf is clear.
 */
static bool
is_clear(const CompareState *state, uint32 row)
{
	const OmenBuildShape *shape = &state->build->shape;
	const OmenLeafRecord *record = state->record;
	uint32		farthest = Min(record->count, shape->per_leaf);

	return farthest == 0 ||
		   omen_narrow_is_clear(shape, omen_point_terms(state->pointers[row]),
								omen_near_distance(record->near[farthest - 1]));
}

/*
 * Pass on what a row of the distances says is nearest to a point.  More at
 * home, where the leaf reaches as far in all directions; and there the nearest
 * of the sample, too.  False if that has to be found out from whole codes.
 */
static bool
emit_nearest(CompareState *state, const Leaf *leaf, uint32 row,
			 float *distances)
{
	const OmenBuildShape *shape = &state->build->shape;
	const OmenBuildLayer *layer = &state->build->job->layer;
	const uint32 *positions = leaf->positions;
	OmenLeafRecord *record = state->record;

	bool		at_home =
		positions[row] >= state->home_first && positions[row] < state->home_end;

	distances[row] = INFINITY;	/* itself */
	record->position = positions[row];
	record->count = 0;
	add_nearest(state, positions, distances, leaf->count,
				at_home ? layer->at_home : shape->per_leaf, 0);
	if (state->columns.is_narrow && !is_clear(state, row))
		return false;
	if (at_home)
	{
		/* the kernel may fill up what is behind them */
		memcpy(state->sample, distances, leaf->sampled * sizeof(float));
		add_nearest(state, positions, state->sample, leaf->sampled,
					layer->sampled, OMEN_COARSE);
	}
	omen_spill_write(state->spill, omen_range_of(layer, record->position),
					 record,
					 offsetof(OmenLeafRecord, near) +
						 record->count * sizeof(OmenNear));
	return true;
}

#ifdef USE_ASSERT_CHECKING
/* Whether one of a row's distances, some column's, is what it should be. */
static bool
is_distance(const CompareState *state, uint32 count, uint32 row,
			const float *distances)
{
	uint32		column = (uint32) (omen_mix(row) % count);

	return distances[column] == omen_point_distance(&state->build->shape,
													state->pointers[row],
													state->pointers[column]);
}
#endif

/*
 * The next rows that are left, of those that begin at `at`, get distances:
 * those of a panel, or a tile of rows.  Returns where they end.
 */
static uint32
compute_rows(CompareState *state, const Leaf *leaf, uint32 at, bool mutual,
			 uint32 tile)
{
	const OmenBuildShape *shape = &state->build->shape;
	const char *rows[TILE_ROWS];
	uint32		end = at;

	if (mutual)
	{
		omen_columns_mutual(shape, &state->columns, state->pointers, tile,
							state->out, state->out_stride);
		while (end < leaf->left && leaf->rows[end] < (tile + 1) * OMEN_PANEL)
			end++;
		return end;
	}
	for (; end < leaf->left && end < at + TILE_ROWS; end++)
		rows[end - at] = state->pointers[leaf->rows[end]];
	omen_columns_distances(shape, &state->columns, rows, end - at, state->out,
						   state->out_stride);
	return end;
}

/*
 * Pass on the nearest of the rows that are left, those that are unclear staying
 * so.  Where many are, no more are looked at.
 */
static void
compare_rows(CompareState *state, Leaf *leaf, bool is_narrow)
{
	bool		mutual =
		IS_MUTUAL(&state->build->shape) && leaf->left > leaf->count / 2;
	uint32		unclear = 0;
	uint32		at = 0;

	state->columns.is_narrow = is_narrow;
	state->columns.count = leaf->count;
	load_points(state, leaf->positions, leaf->count);
	omen_columns_pack(&state->build->shape, &state->columns, state->pointers);
	for (uint32 tile = 0;
		 at < leaf->left && unclear <= leaf->count / UNCLEAR_PART; tile++)
	{
		uint32		end;

		CHECK_FOR_INTERRUPTS();
		end = compute_rows(state, leaf, at, mutual, tile);
		for (uint32 i = at; i < end; i++)
		{
			uint32		row = leaf->rows[i];
			float	   *out =
				state->out + (mutual ? row : i - at) * state->out_stride;

			Assert(is_distance(state, leaf->count, row, out));
			if (!emit_nearest(state, leaf, row, out))
				leaf->rows[unclear++] = row;
		}
		at = end;
	}
	memmove(leaf->rows + unclear, leaf->rows + at,
			(leaf->left - at) * sizeof(uint32));
	leaf->left = unclear + leaf->left - at;
}

static void
compare_leaf(CompareState *state, uint32 *positions, uint32 count)
{
	Leaf		leaf = {positions, count, 0, state->rows, count};

	leaf.sampled = sample_first(state, positions, count);
	if (count < 2)
		return;
	for (uint32 i = 0; i < count; i++)
		leaf.rows[i] = i;
	if (state->build->shape.narrow_at > 0)
		compare_rows(state, &leaf, true);
	if (leaf.left > 0)
		compare_rows(state, &leaf, false);
	Assert(leaf.left == 0);
}

/* ---------- splitting ---------- */

/* For each member of a leaf the nearest of some centers among them. */
static void
assign_members(CompareState *state, const uint32 *positions, uint32 count,
			   uint32 centers, uint64 seed, uint32 *center_of)
{
	const OmenBuildShape *shape = &state->build->shape;
	uint32	   *drawn = palloc(centers * sizeof(uint32));

	for (uint32 c = 0; c < centers; c++)
	{
		uint64		from = (uint64) count * c / centers;
		uint64		to = (uint64) count * (c + 1) / centers;

		drawn[c] = positions[from + omen_mix(seed ^ omen_mix(c)) % (to - from)];
	}
	state->columns.is_narrow = shape->narrow_at > 0;
	load_points(state, drawn, centers);
	state->columns.count = centers;
	omen_columns_pack(shape, &state->columns, state->pointers);
	for (uint32 start = 0; start < count; start += TILE_ROWS)
	{
		uint32		rows = Min(TILE_ROWS, count - start);

		CHECK_FOR_INTERRUPTS();
		load_points(state, positions + start, rows);
		omen_columns_distances(shape, &state->columns, state->pointers, rows,
							   state->out, state->out_stride);
		for (uint32 r = 0; r < rows; r++)
		{
			float		distance;

			/* at no finite distance from any: anywhere */
			if (omen_kernels->block->nearest(state->out + r * state->out_stride,
											 centers, 1, &center_of[start + r],
											 &distance) == 0)
				center_of[start + r] = positions[start + r] % centers;
		}
	}
	pfree(drawn);
}

static void
split_leaf(CompareState *state, uint32 *positions, uint32 count, uint64 seed,
		   uint32 depth)
{
	const OmenBuildShape *shape = &state->build->shape;
	/* no more than a leaf's worth of centers: what is larger splits again */
	uint32		centers = Min((count + shape->leaf_size - 1) / shape->leaf_size,
						 shape->leaf_size);
	uint32	   *center_of;
	uint32	   *sorted;
	uint32	   *end;

	if (count <= MAX_POINTS(shape))
	{
		compare_leaf(state, positions, count);
		return;
	}
	if (depth == MAX_SPLITS)
	{
		for (uint32 i = 0; i < count; i += shape->leaf_size)
			compare_leaf(state, positions + i,
						 Min(shape->leaf_size, count - i));
		return;
	}
	center_of = omen_alloc(mul_size(count, sizeof(uint32)));
	sorted = omen_alloc(mul_size(count, sizeof(uint32)));
	end = palloc0((centers + 1) * sizeof(uint32));
	assign_members(state, positions, count, centers, seed, center_of);
	for (uint32 i = 0; i < count; i++)
		end[center_of[i] + 1]++;
	for (uint32 c = 0; c < centers; c++)
		end[c + 1] += end[c];
	for (uint32 i = 0; i < count; i++)
		sorted[end[center_of[i]]++] = positions[i];
	memcpy(positions, sorted, count * sizeof(uint32));
	pfree(sorted);
	pfree(center_of);
	for (uint32 c = 0; c < centers; c++)
	{
		uint32		start = c == 0 ? 0 : end[c - 1];

		/* where all went to one center, more centers would not help */
		split_leaf(state, positions + start, end[c] - start,
				   omen_mix(seed + c + 1),
				   end[c] - start == count ? MAX_SPLITS : depth + 1);
	}
	pfree(end);
}

/* ---------- a partition ---------- */

/* How many members each leaf of a partition has. */
static uint32 *
count_members(CompareState *state, uint32 part, uint32 first_leaf,
			  uint32 nleaves)
{
	OmenBuild  *build = state->build;
	uint32	   *counts = omen_alloc(mul_size(nleaves, sizeof(uint32)));
	OmenMember	member;
	OmenUnspill un;

	memset(counts, 0, nleaves * sizeof(uint32));
	omen_unspill_begin(&un, build, OMEN_SPILL_MEMBERS, build->job->layer.layer,
					   part);
	while (omen_unspill_next(&un, &member, sizeof(member)))
		counts[member.leaf - first_leaf]++;
	omen_unspill_end(&un, false);
	return counts;
}

/*
 * The members of some leaves of a partition, sorted by leaf; leaf_end gets
 * where each leaf's end.
 */
static uint32 *
load_members(CompareState *state, uint32 part, uint32 first_leaf,
			 uint32 nleaves, const uint32 *counts, uint32 *leaf_end,
			 bool is_last)
{
	OmenBuild  *build = state->build;
	uint64		sum = 0;
	uint32	   *positions;
	OmenMember	member;
	OmenUnspill un;

	for (uint32 i = 0; i < nleaves; i++)
	{
		leaf_end[i] = (uint32) sum;
		sum += counts[i];
	}
	positions = omen_alloc(mul_size(sum, sizeof(uint32)));
	omen_unspill_begin(&un, build, OMEN_SPILL_MEMBERS, build->job->layer.layer,
					   part);
	while (omen_unspill_next(&un, &member, sizeof(member)))
	{
		uint32		leaf = member.leaf - first_leaf;

		if (leaf < nleaves)
			positions[leaf_end[leaf]++] = member.position;
	}
	omen_unspill_end(&un, is_last);
	return positions;
}

/* Compare the points of some leaves of a partition. */
static void
compare_stretch(CompareState *state, uint32 part, uint32 first_leaf,
				uint32 nleaves, const uint32 *counts, bool is_last)
{
	OmenBuild  *build = state->build;
	const uint32 *leaf_start = omen_leaf_starts(build);
	uint32	   *leaf_end = omen_alloc(mul_size(nleaves, sizeof(uint32)));
	uint32 *positions = load_members(state, part, first_leaf, nleaves, counts,
									 leaf_end, is_last);

	for (uint32 i = 0; i < nleaves; i++)
	{
		uint32		start = i == 0 ? 0 : leaf_end[i - 1];
		uint32		count = leaf_end[i] - start;
		uint32		leaf = first_leaf + i;

		CHECK_FOR_INTERRUPTS();
		state->home_first = leaf_start[leaf];
		state->home_end = leaf_start[leaf + 1];
		/* participants wrote them in turns */
		sort_positions(positions + start, count);
		split_leaf(state, positions + start, count,
				   omen_mix(build->ix->meta.seed ^ leaf), 0);
		omen_build_progress(build, count);
	}
	pfree(positions);
	pfree(leaf_end);
}

/* A partition that does not fit in memory is read for each stretch of it. */
static void
compare_partition(CompareState *state, uint32 part)
{
	OmenBuild  *build = state->build;
	const OmenBuildLayer *layer = &build->job->layer;
	uint32		first = omen_first_leaf(part, layer->leaf_parts, layer->leaves);
	uint32		nleaves =
		omen_first_leaf(part + 1, layer->leaf_parts, layer->leaves) - first;
	uint64		most = build->team->memory.work / sizeof(uint32) / 2;
	uint32	   *counts = count_members(state, part, first, nleaves);

	for (uint32 at = 0; at < nleaves;)
	{
		uint64		members = counts[at];
		uint32		stop = at + 1;

		while (stop < nleaves && members + counts[stop] <= most)
			members += counts[stop++];
		compare_stretch(state, part, first + at, stop - at, counts + at,
						stop == nleaves);
		at = stop;
	}
	pfree(counts);
}

void
omen_step_compare(OmenBuild *build)
{
	const OmenBuildShape *shape = &build->shape;
	const OmenBuildLayer *layer = &build->job->layer;
	uint32		most = MAX_POINTS(shape);
	CompareState state = {0};
	uint32		item;

	state.build = build;
	state.points = omen_points_open(build);
	state.spill =
		omen_spill_begin(build, OMEN_SPILL_NEAR, layer->layer, layer->ranges);
	state.space = omen_alloc(mul_size(most, shape->point_bytes));
	state.pointers = palloc(most * sizeof(char *));
	state.columns.memory = (char *)
		TYPEALIGN(64, omen_alloc(omen_columns_bytes(shape, false, most) + 64));
	state.out_stride = DISTANCES_STRIDE(most);
	state.out = omen_alloc(omen_compare_bytes(shape, most));
	state.others = palloc(most * sizeof(uint32));
	state.rows = palloc(most * sizeof(uint32));
	state.sample = omen_alloc(OMEN_PADDED(most) * sizeof(float));
	state.record = palloc(offsetof(OmenLeafRecord, near) +
						  2 * OMEN_MAX_PER_LEAF * sizeof(OmenNear));
	state.value = palloc(OMEN_MAX_PER_LEAF * sizeof(float));
	state.index = palloc(OMEN_MAX_PER_LEAF * sizeof(uint32));
	while (omen_next_item(build, &item))
		compare_partition(&state, item);
	omen_points_close(state.points);
	omen_spill_end(state.spill);
}
