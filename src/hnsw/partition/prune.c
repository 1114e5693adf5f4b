/*-------------------------------------------------------------------------
 *
 * prune.c
 *	  Fifth step: choose each point's forward edges.
 *
 * An item is a partition by position of what the leaves found.  The nearest of
 * all leaves of a point are its candidates; those chosen become edges, written
 * twice to partitions by position: to the point, and back to it.
 *
 * Leaves know only what is near.  Where vectors form clusters that lie apart,
 * no edge would lead from one to the other, and a search that came down in the
 * wrong one could not leave it.  Insertion does not have that fault, since what
 * it inserts first has neighbors far away.  Hence the sample of a point's home
 * among its candidates, and the farthest edges of a layer are repeated in the
 * layers below ("coarse" there): its points are a sample of those below, and
 * what is near in a sample is farther away.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/choose.h"
#include "miscadmin.h"

/*
 * Candidates whose distances are computed from whole codes where narrow ones do
 * not tell the nearest: half as many again as are wanted.  guess
 */
#define MEASURED(shape) ((shape)->candidates * 3 / 2)

typedef struct PruneState
{
	OmenBuild  *build;
	OmenPoints *points;
	OmenChooser *chooser;
	OmenSpill  *spill;
	OmenSpill  *coarse[OMEN_MAX_LEVEL + 1]; /* for the layers below */
	OmenLeafRecord *record;
} PruneState;

/* An edge and the edge back. */
static void
write_edges(OmenSpill *spill, const OmenBuildLayer *layer, uint32 position,
			uint32 target, float distance)
{
	OmenEdgeRecord edge;

	edge.position = position;
	edge.target = target;
	edge.distance = distance;
	omen_spill_write(spill, omen_range_of(layer, position), &edge,
					 sizeof(edge));
	edge.position = target;
	edge.target = position;
	omen_spill_write(spill, omen_range_of(layer, target), &edge, sizeof(edge));
}

/*
 * The nearest candidates, `most` of them, and behind them those of the sample
 * that are not among these.
 */
static uint32
limit_candidates(OmenNear *near, uint32 count, uint32 most)
{
	uint32		fine = 0;
	uint32		kept;
	uint32		total;
	OmenTargets targets = {{0}};

	while (fine < count && (near[fine] & OMEN_COARSE) == 0)
		fine++;
	kept = Min(fine, most);
	for (uint32 i = 0; i < kept; i++)
		omen_note_target(&targets, near[i]);
	total = kept;
	for (uint32 i = fine; i < count; i++)
	{
		if (!omen_has_target(&targets, near, kept, near[i]))
			near[total++] = near[i];
	}
	return total;
}

/* Repeat an edge in all layers below. */
static void
repeat_edge(PruneState *state, uint32 position, uint32 target, float distance)
{
	const OmenBuildJob *job = state->build->job;

	for (uint32 l = job->layer.layer; l > 0; l--)
	{
		const uint32 *down = omen_positions_below(state->build, l);

		position = down[position];
		target = down[target];
		write_edges(state->coarse[l - 1], &job->layers[l - 1], position, target,
					distance);
	}
}

static void
prune_point(PruneState *state, uint32 position, OmenNear *near, uint32 count)
{
	const OmenBuildShape *shape = &state->build->shape;
	const OmenBuildJob *job = state->build->job;
	bool		is_narrow;

	count = omen_sort_near(near, count);
	is_narrow = shape->narrow_at > 0;
	if (is_narrow && !omen_is_clear(state->chooser, position, near, count))
	{
		count = limit_candidates(near, count, MEASURED(shape));
		count = omen_measure_near(state->chooser, position, near, count);
		is_narrow = false;
	}
	count = limit_candidates(near, count, shape->candidates);
	count = omen_choose(state->chooser, position, is_narrow, near, count,
						state->build->ix->meta.m, shape->least_edges);
	/* what was kept in spite of the rule stands behind what is far */
	count = omen_sort_near(near, count);
	for (uint32 i = 0; i < count; i++)
	{
		uint32		target = (uint32) near[i];
		float		distance = omen_near_distance(near[i]);

		write_edges(state->spill, &job->layer, position, target, distance);
		if (i + shape->coarse_edges >= count)
			repeat_edge(state, position, target, distance);
	}
}

/* Prune the points of positions first to end of a partition. */
static void
prune_stretch(PruneState *state, uint32 part, uint32 first, uint32 end,
			  bool is_last)
{
	OmenBuild  *build = state->build;
	const OmenBuildLayer *layer = &build->job->layer;
	uint32		room = omen_candidate_room(&build->shape, layer);
	uint32		points = end - first;
	OmenNear   *near =
		omen_alloc(mul_size(mul_size(points, room), sizeof(OmenNear)));
	uint32	   *counts = omen_alloc(mul_size(points, sizeof(uint32)));
	OmenLeafRecord *record = state->record;
	OmenUnspill un;

	memset(counts, 0, points * sizeof(uint32));
	omen_unspill_begin(&un, build, OMEN_SPILL_NEAR, layer->layer, part);
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
	const OmenBuildLayer *layer = &build->job->layer;
	uint32		first = omen_range_start(layer, part);
	uint32		end = omen_range_start(layer, part + 1);
	Size		of_point =
		omen_candidate_room(&build->shape, layer) * sizeof(OmenNear);
	uint32		most =
		(uint32) Min(build->team->memory.work / of_point + 1, PG_INT32_MAX);

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
	const OmenBuildLayer *layer = &build->job->layer;
	PruneState	state = {0};
	uint32		item;

	state.build = build;
	state.points = omen_points_open(build);
	state.chooser = omen_chooser_create(build, state.points);
	state.spill =
		omen_spill_begin(build, OMEN_SPILL_EDGES, layer->layer, layer->ranges);
	for (uint32 l = 0; l < layer->layer; l++)
	{
		state.coarse[l] =
			omen_spill_begin(build, OMEN_SPILL_COARSE + layer->layer, l,
							 build->job->layers[l].ranges);
	}
	state.record = palloc(offsetof(OmenLeafRecord, near) +
						  2 * OMEN_MAX_PER_LEAF * sizeof(OmenNear));
	while (omen_next_item(build, &item))
		prune_partition(&state, item);
	omen_points_close(state.points);
	omen_spill_end(state.spill);
	for (uint32 l = 0; l < layer->layer; l++)
		omen_spill_end(state.coarse[l]);
}
