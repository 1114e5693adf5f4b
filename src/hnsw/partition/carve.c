/*-------------------------------------------------------------------------
 *
 * carve.c
 *	  Second step: find the leaves of every point.
 *
 * A leaf is what is near a center, and centers are points drawn at random.
 * Every point goes to the leaves of its nearest centers; the nearest is its
 * home.  No iterations: that a leaf is round does not matter, only that
 * neighbors share one.
 *
 * Looking at all centers for each point costs the square of the number of
 * points.  Where there are many, centers are in groups around centers of
 * their own, and only the groups nearest to a point are looked at; how many
 * grows with the root of their number, since recall of the graph suffers with
 * a fixed number.
 *
 * Leaves are numbered so that near ones follow each other: nodes are written
 * in the order of their homes, and what is near should share pages.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "hnsw/partition/partition.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

/* Rows that are compared with a group of centers at a time: so many, or so
 * many bytes of them. */
#define BATCH_ROWS 1024
#define BATCH_BYTES (4 * 1024 * 1024)

/* Rows of one call of the kernel. */
#define TILE_ROWS 24

#define SEED_CENTER UINT64CONST(0x63656E74)
#define SEED_GROUP UINT64CONST(0x67726F75)

/* Where the rows of the layer are. */
static OmenSpillKind
row_kind(const OmenBuild *build)
{
	return build->job->layer.layer == 0 ? build->job->row_kind
										: OMEN_SPILL_ROWS;
}

/* A row as a point, as it is compared with many. */
static void
make_point(const OmenBuild *build, OmenRow *row, char *point)
{
	const OmenBuildShape *shape = &build->shape;

	if (shape->narrow_at > 0)
	{
		omen_make_narrow(shape, OMEN_ROW_CODE(row), point);
		return;
	}
	memcpy(point, &row->terms, sizeof(OmenPointTerms));
	memcpy(point + sizeof(OmenPointTerms), OMEN_ROW_CODE(row),
		   shape->code_stride);
}

/*
 * For inner product: the coordinate that puts a point on the sphere, once the
 * radius is known.
 */
static void
add_coordinate(const OmenBuild *build, OmenRow *row)
{
	const OmenMetricTraits *metric = &omen_metrics[build->ix->meta.metric];
	double		rest;

	if (!metric->is_product || metric->links_by_angle ||
		build->job->layer.layer > 0)
		return;
	rest = (double) build->job->radius * build->job->radius - row->terms.added;
	row->terms.added = rest > 0 ? (float) sqrt(rest) : 0;
	if (build->shape.narrow_at > 0)
		omen_narrow_terms(&build->shape, OMEN_ROW_CODE(row))->added =
			row->terms.added;
}

/* Where some points start that follow each other. */
static const char **
point_pointers(const OmenBuild *build, const char *points, uint32 count)
{
	const char **pointers =
		palloc_extended(mul_size(Max(count, 1), sizeof(char *)),
						MCXT_ALLOC_HUGE);

	for (uint32 i = 0; i < count; i++)
		pointers[i] = points + (Size) i * build->shape.point_bytes;
	return pointers;
}

/* ---------- centers ---------- */

/*
 * `count` points, drawn at random one from each of as many equal stretches of
 * all points, in their order.
 */
static const char **
draw_points(OmenBuild *build, uint32 count, uint64 seed)
{
	const OmenBuildJob *job = build->job;
	OmenRowReader *reader =
		omen_rows_open(build, row_kind(build), build->job->layer.layer, 0,
					   build->shape.row_bytes);
	OmenRow	   *row = palloc(build->shape.row_bytes);
	char	   *points = omen_alloc(mul_size(count, build->shape.point_bytes));
	uint64		total = job->layer.points;
	uint64		point = 0;		/* points passed */
	uint32		chunk = 0;
	uint32		at = 0;			/* row in the chunk */

	for (uint32 i = 0; i < count; i++)
	{
		uint64		from = total * i / count;
		uint64		to = total * (i + 1) / count;
		uint64		wanted = from + omen_mix(seed ^ omen_mix(i)) % (to - from);

		CHECK_FOR_INTERRUPTS();
		for (;; at++)
		{
			while (at == job->chunks[chunk].rows)
			{
				chunk++;
				at = 0;
			}
			if (build->dup_bits &&
				omen_bit_get(build->dup_bits, job->chunks[chunk].first + at))
				continue;
			if (point == wanted)
				break;
			point++;
		}
		omen_rows_seek(reader, job->chunks[chunk].participant,
					   job->chunks[chunk].start + at);
		omen_rows_read(reader, row);
		add_coordinate(build, row);
		make_point(build, row, points + (Size) i * build->shape.point_bytes);
	}
	omen_rows_close(reader);
	pfree(row);
	return point_pointers(build, points, count);
}

/*
 * An order of points in which each is followed by one that is near: by the
 * nearest not yet taken.
 */
static uint32 *
chain_order(const OmenBuild *build, const char **points, uint32 count)
{
	uint32	   *order = palloc(Max(count, 1) * sizeof(uint32));
	bool	   *taken = palloc0(Max(count, 1) * sizeof(bool));
	uint32		here = 0;

	for (uint32 n = 0; n < count; n++)
	{
		uint32		nearest = 0;
		float		best = 0;
		bool		any = false;

		order[n] = here;
		taken[here] = true;
		for (uint32 i = 0; i < count; i++)
		{
			float		distance;

			if (taken[i])
				continue;
			distance =
				omen_point_distance(&build->shape, points[here], points[i]);
			if (!any || distance < best)
			{
				nearest = i;
				best = distance;
				any = true;
			}
		}
		here = nearest;
		CHECK_FOR_INTERRUPTS();
	}
	pfree(taken);
	return order;
}

/*
 * For each of the points, the number of the nearest column.
 */
static uint32 *
nearest_columns(const OmenBuild *build, const OmenColumns *columns,
				const char **points, uint32 count)
{
	Size		stride = OMEN_PADDED(columns->count);
	float	   *out = omen_alloc(TILE_ROWS * stride * sizeof(float));
	uint32	   *nearest = omen_alloc(mul_size(Max(count, 1), sizeof(uint32)));

	for (uint32 start = 0; start < count; start += TILE_ROWS)
	{
		uint32		rows = Min(TILE_ROWS, count - start);

		CHECK_FOR_INTERRUPTS();
		omen_columns_distances(&build->shape, columns, points + start, rows,
							   out, stride);
		for (uint32 r = 0; r < rows; r++)
		{
			float		distance;

			nearest[start + r] = 0;
			(void) omen_kernels->block->nearest(out + r * stride,
												columns->count, 1,
												&nearest[start + r], &distance);
		}
	}
	pfree(out);
	return nearest;
}

/* Centers of groups, for an order of the leaves even where one is enough. */
static uint32
count_groups(const OmenBuildLayer *layer)
{
	return layer->groups > 1 ? layer->groups
							 : Max(1, Min(layer->leaves / 32, 256));
}

/* Pack the centers of a group, from a column on: a panel of its own's. */
static void
pack_group(OmenBuild *build, const char **points, uint32 count, uint32 column)
{
	OmenColumns columns = {count, build->shape.narrow_at > 0,
						   omen_centers(build, column)};

	omen_columns_pack(&build->shape, &columns, points);
}

/* The points in the order of their groups, of which `ends` gets the ends. */
static const char **
sort_by(const char **points, const uint32 *group_of, uint32 count,
		uint32 groups, uint32 *ends)
{
	const char **sorted = omen_alloc(mul_size(count, sizeof(char *)));
	uint32		sum = 0;

	for (uint32 i = 0; i < count; i++)
		ends[group_of[i]]++;
	for (uint32 g = 0; g < groups; g++)
	{
		uint32		n = ends[g];

		ends[g] = sum;
		sum += n;
	}
	for (uint32 i = 0; i < count; i++)
		sorted[ends[group_of[i]]++] = points[i];
	return sorted;
}

/*
 * Draw the centers of groups, and pack them in the order of a chain: in the
 * arena if points are to be compared with them, too.
 */
static OmenColumns
pack_group_centers(OmenBuild *build, uint32 groups)
{
	OmenColumns columns = {groups, build->shape.narrow_at > 0,
						   omen_group_centers(build)};
	const char **points =
		draw_points(build, groups, SEED_GROUP ^ build->ix->meta.seed);
	uint32	   *order = chain_order(build, points, groups);
	const char **sorted = palloc(groups * sizeof(char *));

	for (uint32 g = 0; g < groups; g++)
		sorted[g] = points[order[g]];
	if (build->job->layer.groups == 1)
		columns.memory = (char *) TYPEALIGN(
			64, omen_alloc(omen_columns_bytes(&build->shape, columns.is_narrow,
											  groups) +
						   64));
	omen_columns_pack(&build->shape, &columns, sorted);
	return columns;
}

/* Pack the centers of leaves, sorted by group; ends are the groups'. */
static void
pack_centers(OmenBuild *build, const char **sorted, const uint32 *ends)
{
	const OmenBuildLayer *layer = &build->job->layer;
	uint32	   *group_start = omen_group_starts(build);
	uint32		column = 0;

	group_start[0] = 0;
	group_start[layer->groups] = layer->leaves;
	if (layer->groups == 1)
	{
		pack_group(build, sorted, layer->leaves, 0);
		return;
	}
	for (uint32 g = 0; g < layer->groups; g++)
	{
		uint32		first = g == 0 ? 0 : ends[g - 1];

		CHECK_FOR_INTERRUPTS();
		group_start[g] = first;
		pack_group(build, sorted + first, ends[g] - first, column);
		column += OMEN_PADDED(ends[g] - first);
	}
}

/*
 * Draw the centers, number them, and pack them into the arena.  The leader
 * does this, before the step.
 */
void
omen_prepare_carve(OmenBuild *build)
{
	const OmenBuildLayer *layer = &build->job->layer;
	pg_atomic_uint32 *counts = omen_leaf_counts(build);
	uint32		groups = count_groups(layer);
	uint32	   *ends = palloc0((groups + 1) * sizeof(uint32));
	const char **points;
	uint32	   *group_of;
	OmenColumns columns;

	for (uint32 i = 0; i < layer->leaves; i++)
		pg_atomic_init_u32(&counts[i], 0);
	if (layer->leaves == 1)
		return;
	points =
		draw_points(build, layer->leaves, SEED_CENTER ^ build->ix->meta.seed);
	columns = pack_group_centers(build, groups);
	group_of = nearest_columns(build, &columns, points, layer->leaves);
	pack_centers(build, sort_by(points, group_of, layer->leaves, groups, ends),
				 ends);
}

/* ---------- points ---------- */

typedef struct CarveState
{
	OmenBuild  *build;
	OmenSpill  *spill;
	uint32		batch;			/* rows that a batch has room for */
	uint32		count;			/* rows in the batch */
	char	   *rows;
	char	   *points;			/* and as points */
	const char **pointers;
	float	   *out;
	Size		out_stride;
	uint32	   *leaves;			/* the nearest centers so far: overlap of
								 * each row, sorted */
	float	   *distances;
	uint32	   *found;			/* how many of them */
	uint32	   *column_of_group;
	uint32	   *probed;			/* groups to look at: probes of each row */
	uint32	   *by_group;		/* the same as rows, sorted by group */
	uint32	   *group_end;		/* where a group's rows end there */
	const char **chosen;		/* rows that look at a group */
	uint32	   *chosen_row;
} CarveState;

/* Merge centers, sorted by distance, into the nearest of a row. */
static void
merge_nearest(CarveState *state, uint32 row, uint32 overlap, uint32 first_leaf,
			  const uint32 *index, const float *value, uint32 count)
{
	uint32	   *leaves = state->leaves + (Size) row * overlap;
	float	   *distances = state->distances + (Size) row * overlap;
	uint32		found = state->found[row];

	for (uint32 i = 0; i < count; i++)
	{
		uint32		leaf = first_leaf + index[i];
		uint32		at;

		if (found == overlap && value[i] > distances[found - 1])
			break;
		for (at = found; at > 0 && (distances[at - 1] > value[i] ||
									(distances[at - 1] == value[i] &&
									 leaves[at - 1] > leaf));
			 at--)
			;
		if (at == overlap)
			continue;
		if (found < overlap)
			found++;
		memmove(leaves + at + 1, leaves + at,
				(found - 1 - at) * sizeof(uint32));
		memmove(distances + at + 1, distances + at,
				(found - 1 - at) * sizeof(float));
		leaves[at] = leaf;
		distances[at] = value[i];
	}
	state->found[row] = found;
}

/* Compare rows of the batch with the centers of a group. */
static void
look_at_group(CarveState *state, uint32 group, uint32 nrows)
{
	OmenBuild  *build = state->build;
	const uint32 *group_start = omen_group_starts(build);
	uint32		overlap = build->job->layer.overlap;
	OmenColumns columns;

	columns.count = group_start[group + 1] - group_start[group];
	columns.is_narrow = build->shape.narrow_at > 0;
	columns.memory = omen_centers(build, state->column_of_group[group]);
	if (columns.count == 0)
		return;
	for (uint32 start = 0; start < nrows; start += TILE_ROWS)
	{
		uint32		rows = Min(TILE_ROWS, nrows - start);

		CHECK_FOR_INTERRUPTS();
		omen_columns_distances(&build->shape, &columns, state->chosen + start,
							   rows, state->out, state->out_stride);
		for (uint32 r = 0; r < rows; r++)
		{
			uint32		index[OMEN_MAX_OVERLAP];
			float		value[OMEN_MAX_OVERLAP];
			uint32		count =
				omen_kernels->block->nearest(state->out + r * state->out_stride,
											 columns.count, overlap, index,
											 value);

			merge_nearest(state, state->chosen_row[start + r], overlap,
						  group_start[group], index, value, count);
		}
	}
}

/* Which groups each row of the batch looks at. */
static void
find_groups(CarveState *state)
{
	OmenBuild  *build = state->build;
	OmenBuildLayer *layer = &build->job->layer;
	float	   *value = palloc(layer->probes * sizeof(float));
	OmenColumns columns;

	columns.count = layer->groups;
	columns.is_narrow = build->shape.narrow_at > 0;
	columns.memory = omen_group_centers(build);
	for (uint32 start = 0; start < state->count; start += TILE_ROWS)
	{
		uint32		rows = Min(TILE_ROWS, state->count - start);

		CHECK_FOR_INTERRUPTS();
		omen_columns_distances(&build->shape, &columns, state->pointers + start,
							   rows, state->out, state->out_stride);
		for (uint32 r = 0; r < rows; r++)
		{
			uint32 *probed = state->probed + (Size) (start + r) * layer->probes;
			uint32		count =
				omen_kernels->block->nearest(state->out + r * state->out_stride,
											 layer->groups, layer->probes,
											 probed, value);

			for (; count < layer->probes; count++)
				probed[count] = layer->groups;	/* none */
		}
	}
	pfree(value);
}

/* List the rows that look at each group. */
static void
sort_by_group(CarveState *state)
{
	OmenBuildLayer *layer = &state->build->job->layer;
	uint32		probes = state->count * layer->probes;
	uint32		sum = 0;

	memset(state->group_end, 0, (layer->groups + 1) * sizeof(uint32));
	for (uint32 i = 0; i < probes; i++)
		state->group_end[state->probed[i]]++;
	for (uint32 g = 0; g <= layer->groups; g++)
	{
		uint32		rows = state->group_end[g];

		state->group_end[g] = sum;
		sum += rows;
	}
	for (uint32 i = 0; i < probes; i++)
		state->by_group[state->group_end[state->probed[i]]++] =
			i / layer->probes;
}

static void
find_leaves(CarveState *state)
{
	OmenBuildLayer *layer = &state->build->job->layer;

	memset(state->found, 0, state->count * sizeof(uint32));
	if (layer->leaves == 1)
		return;
	if (layer->groups == 1)
	{
		for (uint32 r = 0; r < state->count; r++)
		{
			state->chosen[r] = state->pointers[r];
			state->chosen_row[r] = r;
		}
		look_at_group(state, 0, state->count);
		return;
	}
	find_groups(state);
	sort_by_group(state);
	for (uint32 g = 0; g < layer->groups; g++)
	{
		uint32		first = g == 0 ? 0 : state->group_end[g - 1];
		uint32		rows = state->group_end[g] - first;

		for (uint32 i = 0; i < rows; i++)
		{
			uint32		row = state->by_group[first + i];

			state->chosen_row[i] = row;
			state->chosen[i] = state->pointers[row];
		}
		look_at_group(state, g, rows);
	}
}

/* Find the leaves of the rows in the batch, and pass the rows on. */
static void
finish_batch(CarveState *state)
{
	OmenBuild  *build = state->build;
	OmenBuildLayer *layer = &build->job->layer;
	pg_atomic_uint32 *counts = omen_leaf_counts(build);

	find_leaves(state);
	for (uint32 r = 0; r < state->count; r++)
	{
		uint32	   *leaves = state->leaves + (Size) r * layer->overlap;
		uint32		part;

		/* vectors at no finite distance from any center: spread them */
		if (state->found[r] == 0)
		{
			const OmenRow *row =
				(const OmenRow *) (state->rows +
								   (Size) r * build->shape.row_bytes);

			leaves[0] = (uint32) (omen_mix(row->locator) % layer->leaves);
			state->found[r] = 1;
		}
		/* a leaf that comes twice is left out when leaves are made */
		for (uint32 i = state->found[r]; i < layer->overlap; i++)
			leaves[i] = leaves[0];
		part = omen_part_of_leaf(leaves[0], layer->place_parts, layer->leaves);
		omen_spill_write(state->spill, part, leaves,
						 layer->overlap * sizeof(uint32));
		omen_spill_write(state->spill, part,
						 state->rows + (Size) r * build->shape.row_bytes,
						 build->shape.row_bytes);
		pg_atomic_fetch_add_u32(&counts[leaves[0]], 1);
	}
	omen_build_progress(build, state->count);
	state->count = 0;
}

static void
carve_chunk(CarveState *state, OmenRowReader *reader, const OmenChunk *chunk)
{
	OmenBuild  *build = state->build;

	if (chunk->rows == 0)
		return;
	omen_rows_seek(reader, chunk->participant, chunk->start);
	for (uint32 i = 0; i < chunk->rows; i++)
	{
		OmenRow	   *row = (OmenRow *) (state->rows + (Size) state->count *
													  build->shape.row_bytes);

		omen_rows_read(reader, row);
		if (build->dup_bits && omen_bit_get(build->dup_bits, chunk->first + i))
			continue;
		add_coordinate(build, row);
		make_point(build, row,
				   state->points +
					   (Size) state->count * build->shape.point_bytes);
		if (++state->count == state->batch)
			finish_batch(state);
	}
}

/* The largest number of columns that rows are compared with at once. */
static uint32
most_columns(const OmenBuild *build)
{
	const OmenBuildLayer *layer = &build->job->layer;
	const uint32 *group_start = omen_group_starts(build);
	uint32		most = layer->groups;

	for (uint32 g = 0; g < layer->groups && layer->leaves > 1; g++)
		most = Max(most, group_start[g + 1] - group_start[g]);
	return most;
}

static void
number_columns(CarveState *state)
{
	const OmenBuildLayer *layer = &state->build->job->layer;
	const uint32 *group_start = omen_group_starts(state->build);
	uint32		column = 0;

	state->column_of_group = palloc(layer->groups * sizeof(uint32));
	for (uint32 g = 0; g < layer->groups && layer->leaves > 1; g++)
	{
		state->column_of_group[g] = column;
		column += OMEN_PADDED(group_start[g + 1] - group_start[g]);
	}
}

void
omen_step_carve(OmenBuild *build)
{
	OmenBuildLayer *layer = &build->job->layer;
	Size		overlap = layer->overlap;
	CarveState	state = {0};
	OmenRowReader *reader =
		omen_rows_open(build, row_kind(build), build->job->layer.layer, 0,
					   build->shape.row_bytes);
	Size		batch;
	uint32		item;

	state.build = build;
	state.spill = omen_spill_begin(build, OMEN_SPILL_HOMES, layer->layer,
								   layer->place_parts);
	batch =
		Max(TILE_ROWS, Min(BATCH_ROWS, BATCH_BYTES / build->shape.row_bytes));
	state.batch = batch;
	state.rows = omen_alloc(mul_size(batch, build->shape.row_bytes));
	state.points = omen_alloc(mul_size(batch, build->shape.point_bytes));
	state.pointers = point_pointers(build, state.points, batch);
	state.out_stride = OMEN_PADDED(most_columns(build));
	state.out = omen_alloc(TILE_ROWS * state.out_stride * sizeof(float));
	state.leaves = palloc0(batch * overlap * sizeof(uint32));
	state.distances = palloc(batch * overlap * sizeof(float));
	state.found = palloc(batch * sizeof(uint32));
	state.probed = palloc(batch * layer->probes * sizeof(uint32));
	state.by_group = palloc(batch * layer->probes * sizeof(uint32));
	state.group_end = palloc((layer->groups + 1) * sizeof(uint32));
	state.chosen = palloc(batch * sizeof(char *));
	state.chosen_row = palloc(batch * sizeof(uint32));
	number_columns(&state);
	while (omen_next_item(build, &item))
		carve_chunk(&state, reader, &build->job->chunks[item]);
	if (state.count > 0)
		finish_batch(&state);
	omen_rows_close(reader);
	omen_spill_end(state.spill);
}
