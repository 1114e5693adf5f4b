/*-------------------------------------------------------------------------
 *
 * write.c
 *	  Sixth step: add edges back, write the slots.
 *
 * An item is a partition of the edges by the position of the slot that is to
 * have them.  A slot with more edges than it has room for is pruned.  Pages
 * are made in private memory and copied to the buffer whole: the buffer is
 * locked for no longer than that.  The leader has extended the file; which
 * page a position is on, all know.
 *
 * When the index is done, its pages are written to WAL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xloginsert.h"
#include "hnsw/partition/choose.h"
#include "miscadmin.h"

/* Of more candidates than so many times the capacity the nearest are enough. */
#define CANDIDATES_PER_EDGE 4

typedef struct WriteState
{
	OmenBuild  *build;
	const OmenPlane *plane;
	OmenPoints *points;
	OmenChooser *chooser;
	OmenPlacedFile *nodes;
	char	   *node_space;		/* what the slots of a page need */
	uint32		nodes_first;	/* positions of these */
	uint32		nodes_end;
	char	   *point;			/* space for a point */
	PGAlignedBlock page;
} WriteState;

/* Blocks of the index that are one item when WAL is written. */
#define LOG_BLOCKS 512

/* The edges of a stretch of slots. */
typedef struct Stretch
{
	uint32		first;			/* position */
	uint32		points;
	uint64	   *end;			/* where each slot's edges end */
	OmenNear   *near;
} Stretch;

/* ---------- slots ---------- */

static uint32
slot_id(const WriteState *state, uint32 slot)
{
	const OmenBuildLayer *layer = &state->build->job->layer;

	return layer->first_block * state->plane->per_page + slot;
}

static uint32
node_id(const OmenBuild *build, uint32 position)
{
	return build->job->node_block * build->ix->layout.node.per_page + position;
}

static BlockNumber
payload_block(const OmenBuild *build, uint32 position)
{
	if (!build->ix->layout.out_of_line)
		return InvalidBlockNumber;
	return build->job->payload_block + position * build->job->payload_parts;
}

/* What a slot says of its node, or a node of its row. */
static void
fill_links(WriteState *state, OmenNewSlot *fresh, const OmenRow *row,
		   uint32 position)
{
	OmenBuild  *build = state->build;
	const OmenBuildLayer *layer = &build->job->layer;

	if (layer->layer == 0)
	{
		fresh->level = row->level;
		fresh->tid = row->tid;
		fresh->key_nulls = row->key_nulls;
		fresh->key_words = (const char *) (row + 1) + build->shape.index_bytes;
		fresh->payload = payload_block(build, position);
		return;
	}
	fresh->level = layer->layer;
	fresh->node.id = node_id(build, row->node);
	fresh->below.id = layer->layer == 1
						  ? OMEN_INVALID_ID
						  : build->job->layers[layer->layer - 1].first_block *
									state->plane->per_page +
								row->down;
	fresh->payload = payload_block(build, row->node);
}

/* What the slot at a position needs, read a page of slots at a time. */
static const OmenRow *
node_at(WriteState *state, uint32 position)
{
	Size		bytes = omen_node_bytes(&state->build->shape);

	if (position < state->nodes_first || position >= state->nodes_end)
	{
		state->nodes_first = position;
		state->nodes_end = Min(position + state->plane->per_page,
							   state->build->job->layer.points);
		omen_placed_read(state->nodes, position, state->node_space,
						 state->nodes_end - position);
	}
	return (const OmenRow *) (state->node_space +
							  (position - state->nodes_first) * bytes);
}

/*
 * Give a slot its edges, the first of those that fit.  Versions are 0, and so
 * are tags; children will have some that are not.
 */
static void
put_edges(WriteState *state, OmenSlotHeader *slot, const OmenNear *near,
		  uint32 degree)
{
	const OmenPlane *plane = state->plane;
	uint32		ids[OMEN_MAX_CAPACITY];
	uint8		tags[OMEN_MAX_CAPACITY] = {0};

	for (uint32 i = 0; i < degree; i++)
		ids[i] = slot_id(state, (uint32) near[i]);
	omen_slot_put_first(plane, slot, ids, tags, degree,
						omen_most_children(plane));
}

static void
fill_slot(WriteState *state, OmenSlotHeader *slot, uint32 position,
		  const OmenNear *near, uint32 degree)
{
	OmenBuild  *build = state->build;
	const OmenRow *row = node_at(state, position);
	OmenNewSlot fresh = {0};

	fresh.flags = OMEN_SLOT_USED;
	fresh.header = &row->header;
	fresh.code = row + 1;
	if (build->shape.index_bytes == 0)
		fresh.code = omen_point_code(
			omen_points_get(state->points, position, state->point));
	fill_links(state, &fresh, row, position);
	memset(slot, 0, state->plane->stride);
	omen_slot_init(build->ix, state->plane, slot, &fresh);
	if (state->plane->group_offset != 0)
		*omen_slot_group(state->plane, slot) = build->job->group.id;
	if (build->ix->layout.out_of_line && build->job->layer.layer == 0)
	{
		OmenNodeRef node = {slot_id(state, position), 0};
		OmenPayload payload =
			omen_code_payload(&build->ix->layout, node, fresh.payload);

		omen_payload_place(build->ix, &payload, fresh.code);
	}
	put_edges(state, slot, near, degree);
}

/* ---------- pages ---------- */

/* The page that follows one of a group's on the chain of these. */
static BlockNumber
next_own_page(const WriteState *state, BlockNumber block)
{
	const OmenBuildJob *job = state->build->job;
	const OmenBuildLayer *layer = &job->layer;
	uint32		last = (layer->points - 1) / state->plane->per_page;

	if (block < layer->first_block + last)
		return block + 1;
	/* pages of all upper layers are one chain */
	return layer->layer > 0 && layer->layer < job->top
			   ? job->layers[layer->layer + 1].first_block
			   : InvalidBlockNumber;
}

static void
begin_page(WriteState *state, BlockNumber block)
{
	Page		page = (Page) state->page.data;
	OmenPageOpaque opaque = OmenPageGetOpaque(page);

	omen_page_init(page, block, state->plane->kind);
	if (state->plane->group_offset == 0)
		return;
	opaque->owner = state->build->job->group.id;
	opaque->chain = next_own_page(state, block);
}

/* Copy the page, of which `used` slots are filled, to its buffer. */
static void
put_page(WriteState *state, uint32 used)
{
	Page		page = (Page) state->page.data;
	OmenPageOpaque opaque = OmenPageGetOpaque(page);

	opaque->used = used;
	opaque->live = used;
	((PageHeader) page)->pd_lower =
		OMEN_PAGE_START + used * state->plane->stride;
	omen_put_page(&state->build->ix->pages, page);
}

/*
 * The edges of a slot, no more than it has room for.  A quarter of them may be
 * coarse ones: the heuristic would drop these, as there is always somebody on
 * the way.
 */
static uint32
final_edges(WriteState *state, OmenNear *near, uint32 count)
{
	uint32		capacity = state->plane->capacity;
	OmenNear	coarse[OMEN_MAX_CAPACITY];
	uint32		ncoarse = 0;
	uint32		fine;
	OmenTargets targets = {{0}};

	count = omen_sort_near(near, count);
	for (fine = 0; fine < count && (near[fine] & OMEN_COARSE) == 0; fine++)
		omen_note_target(&targets, near[fine]);
	for (uint32 i = fine; i < count && ncoarse < capacity / 4; i++)
	{
		if (!omen_has_target(&targets, near, fine, near[i]))
			coarse[ncoarse++] = near[i];
	}
	if (fine > capacity - ncoarse)
		fine = omen_choose(state->chooser, 0, false, near,
						   Min(fine, CANDIDATES_PER_EDGE * capacity),
						   capacity - ncoarse, 0);
	memcpy(near + fine, coarse, ncoarse * sizeof(OmenNear));
	return fine + ncoarse;
}

static void
write_slots(WriteState *state, Stretch *stretch)
{
	const OmenBuildLayer *layer = &state->build->job->layer;
	uint32		per_page = state->plane->per_page;

	/* a stretch starts with a page */
	for (uint32 i = 0; i < stretch->points; i++)
	{
		uint32		position = stretch->first + i;
		uint32		at = position % per_page;
		uint64		start = i == 0 ? 0 : stretch->end[i - 1];
		OmenNear   *near = stretch->near + start;
		uint32		degree =
			final_edges(state, near, (uint32) (stretch->end[i] - start));

		if (at == 0)
		{
			CHECK_FOR_INTERRUPTS();
			begin_page(state, layer->first_block + position / per_page);
		}
		fill_slot(state,
				  omen_page_slot((Page) state->page.data, state->plane, at),
				  position, near, degree);
		if (at == per_page - 1 || i == stretch->points - 1)
			put_page(state, at + 1);
	}
}

/* ---------- a partition ---------- */

/* Where edges come from: this layer, and each above.  False = no more. */
static bool
edge_kind(const OmenBuild *build, uint32 number, OmenSpillKind *kind)
{
	const OmenBuildJob *job = build->job;

	*kind = number == 0 ? OMEN_SPILL_EDGES
						: OMEN_SPILL_COARSE + job->layer.layer + number;
	return job->layer.layer + number <= job->top;
}

/* How many edges each slot of a partition gets. */
static uint32 *
count_edges(WriteState *state, uint32 part, uint32 first, uint32 points)
{
	OmenBuild  *build = state->build;
	uint32	   *counts = omen_alloc(mul_size(points, sizeof(uint32)));
	OmenEdgeRecord edge;
	OmenUnspill un;
	OmenSpillKind kind;

	memset(counts, 0, points * sizeof(uint32));
	for (uint32 f = 0; edge_kind(build, f, &kind); f++)
	{
		omen_unspill_begin(&un, build, kind, build->job->layer.layer, part);
		while (omen_unspill_next(&un, &edge, sizeof(edge)))
			counts[edge.position - first]++;
		omen_unspill_end(&un, false);
	}
	return counts;
}

static void
write_stretch(WriteState *state, uint32 part, Stretch *stretch,
			  const uint32 *counts, bool is_last)
{
	OmenBuild  *build = state->build;
	OmenEdgeRecord edge;
	OmenUnspill un;
	OmenSpillKind kind;
	uint64		sum = 0;

	stretch->end = omen_alloc(mul_size(stretch->points, sizeof(uint64)));
	for (uint32 i = 0; i < stretch->points; i++)
	{
		stretch->end[i] = sum;
		sum += counts[i];
	}
	stretch->near = omen_alloc(mul_size(sum, sizeof(OmenNear)));
	for (uint32 f = 0; edge_kind(build, f, &kind); f++)
	{
		omen_unspill_begin(&un, build, kind, build->job->layer.layer, part);
		while (omen_unspill_next(&un, &edge, sizeof(edge)))
		{
			uint32		i = edge.position - stretch->first;

			if (i < stretch->points)
				stretch->near[stretch->end[i]++] =
					omen_near(edge.distance, edge.target) |
					(f > 0 ? OMEN_COARSE : 0);
		}
		omen_unspill_end(&un, is_last);
	}
	write_slots(state, stretch);
	omen_build_progress(build, stretch->points);
	pfree(stretch->near);
	pfree(stretch->end);
}

/*
 * A partition whose edges do not fit in memory is read for each stretch of
 * it.  Stretches end where pages do.
 */
static void
write_partition(WriteState *state, uint32 part)
{
	OmenBuild  *build = state->build;
	const OmenBuildLayer *layer = &build->job->layer;
	uint32		first = omen_range_start(layer, part);
	uint32		end = omen_range_start(layer, part + 1);
	uint32		per_page = state->plane->per_page;
	uint64		most = build->team->memory.work / sizeof(OmenNear) / 2;
	uint32	   *counts = count_edges(state, part, first, end - first);
	Stretch		stretch;

	for (uint32 at = first; at < end; at += stretch.points)
	{
		uint64		edges = 0;
		uint32		stop = at;

		while (stop < end)
		{
			uint32		page_end = Min(stop + per_page, end);

			for (uint32 i = stop; i < page_end; i++)
				edges += counts[i - first];
			if (edges > most && stop > at)
				break;
			stop = page_end;
		}
		stretch.first = at;
		stretch.points = stop - at;
		write_stretch(state, part, &stretch, counts + (at - first),
					  stop == end);
	}
	pfree(counts);
}

void
omen_step_write(OmenBuild *build)
{
	const OmenBuildShape *shape = &build->shape;
	WriteState	state = {0};
	uint32		item;

	state.build = build;
	state.plane = omen_plane(build->ix, build->job->layer.layer);
	state.points = omen_points_open(build);
	state.chooser = omen_chooser_create(build, state.points);
	state.nodes = omen_placed_open(build, OMEN_PLACED_NODES);
	state.node_space =
		omen_alloc(mul_size(state.plane->per_page, omen_node_bytes(shape)));
	state.point = palloc(shape->point_bytes);
	while (omen_next_item(build, &item))
		write_partition(&state, item);
	omen_points_close(state.points);
	omen_placed_close(state.nodes);
}

/* ---------- WAL ---------- */

/* Items that so many blocks are. */
uint32
omen_log_items(BlockNumber blocks)
{
	return (blocks + LOG_BLOCKS - 1) / LOG_BLOCKS;
}

/* Write a part of the index to WAL. */
void
omen_step_log(OmenBuild *build)
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
