/*-------------------------------------------------------------------------
 *
 * prune.c
 *	  Fifth step: choose each point's forward edges.
 *
 * An item is a partition by position of what the leaves found.  The nearest of
 * all leaves of a point are its candidates; those chosen become edges, written
 * twice to partitions by position: to the point, and back to it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/build/build.h"
#include "miscadmin.h"

typedef struct PruneState
{
	OmenBuild  *build;
	OmenPoints *points;
	OmenChooser *chooser;
	OmenSpill  *spill;
	OmenLeafRecord *record;
} PruneState;

static void
write_edge(PruneState *state, uint32 position, uint32 target, float distance)
{
	OmenEdgeRecord edge;

	edge.position = position;
	edge.target = target;
	edge.distance = distance;
	omen_spill_write(state->spill,
					 omen_range_of(&state->build->shared->layer, position),
					 &edge, sizeof(edge));
}

static void
prune_point(PruneState *state, uint32 position, OmenNear *near, uint32 count)
{
	const OmenBuildShape *shape = &state->build->shape;

	count = omen_sort_near(near, count);
	count = Min(count, shape->candidates);
	count = omen_choose(state->chooser, near, count, state->build->ix->meta.m,
						shape->least_edges);
	for (uint32 i = 0; i < count; i++)
	{
		uint32		target = (uint32) near[i];
		float		distance = omen_near_distance(near[i]);

		write_edge(state, position, target, distance);
		write_edge(state, target, position, distance);
	}
}

/* Prune the points of positions first to end of a partition. */
static void
prune_stretch(PruneState *state, uint32 part, uint32 first, uint32 end,
			  bool is_last)
{
	OmenBuild  *build = state->build;
	const OmenBuildLayer *layer = &build->shared->layer;
	uint32		room = layer->overlap * build->shape.per_leaf;
	uint32		points = end - first;
	OmenNear   *near =
		omen_alloc(mul_size(mul_size(points, room), sizeof(OmenNear)));
	uint32	   *counts = omen_alloc(mul_size(points, sizeof(uint32)));
	OmenLeafRecord *record = state->record;
	OmenUnspill un;

	memset(counts, 0, points * sizeof(uint32));
	omen_unspill_begin(&un, build, "near", layer->layer, part);
	while (omen_unspill_next(&un, record, offsetof(OmenLeafRecord, near)))
	{
		uint32		point = record->position - first;

		omen_unspill_rest(&un, record->near, record->count * sizeof(OmenNear));
		if (point >= points)
			continue;			/* of another stretch */
		Assert(counts[point] + record->count <= room);
		memcpy(near + (Size) point * room + counts[point], record->near,
			   record->count * sizeof(OmenNear));
		counts[point] += record->count;
	}
	omen_unspill_end(&un, is_last);

	for (uint32 i = 0; i < points; i++)
	{
		prune_point(state, first + i, near + (Size) i * room, counts[i]);
		if (i % 256 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	omen_build_progress(build, points);
	pfree(counts);
	pfree(near);
}

/* A partition that does not fit in memory is read for each stretch of it. */
static void
prune_partition(PruneState *state, uint32 part)
{
	OmenBuild  *build = state->build;
	const OmenBuildLayer *layer = &build->shared->layer;
	uint32		first = omen_range_start(layer, part);
	uint32		end = omen_range_start(layer, part + 1);
	Size of_point = layer->overlap * build->shape.per_leaf * sizeof(OmenNear);
	uint32		most =
		(uint32) Min(build->shared->work_memory / of_point + 1, PG_INT32_MAX);

	while (first < end)
	{
		uint32		points = Min(end - first, most);

		prune_stretch(state, part, first, first + points,
					  first + points == end);
		first += points;
	}
}

void
omen_step_prune(OmenBuild *build)
{
	const OmenBuildLayer *layer = &build->shared->layer;
	PruneState	state = {0};
	uint32		item;

	state.build = build;
	state.points = omen_points_open(build);
	state.chooser = omen_chooser_create(build, state.points);
	state.spill = omen_spill_begin(build, "edges", layer->layer, layer->ranges);
	state.record = palloc(offsetof(OmenLeafRecord, near) +
						  OMEN_MAX_PER_LEAF * sizeof(OmenNear));
	while (omen_next_item(build, &item))
		prune_partition(&state, item);
	omen_points_close(state.points);
	omen_spill_end(state.spill);
}
