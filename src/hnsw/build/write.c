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
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/build/build.h"
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
	const OmenBuildLayer *layer = &state->build->shared->layer;

	return layer->first_block * state->plane->per_page + layer->slot_base +
		   slot;
}

static uint32
node_id(const OmenBuild *build, uint32 position)
{
	return build->shared->node_block * build->ix->layout.node.per_page +
		   position;
}

static BlockNumber
payload_block(const OmenBuild *build, uint32 position)
{
	if (!build->ix->layout.out_of_line)
		return InvalidBlockNumber;
	return build->shared->payload_block +
		   position * build->shared->payload_parts;
}

/* What stands in a slot of the node's kind, or of the upper kind. */
static void
fill_links(WriteState *state, OmenSlotHeader *slot, const OmenRow *row,
		   uint32 position)
{
	OmenBuild  *build = state->build;
	const OmenBuildLayer *layer = &build->shared->layer;

	if (layer->layer == 0)
	{
		slot->level = row->level;
		slot->u.node.heaptid = row->tid;
		slot->u.node.posting = OMEN_INVALID_ID;
		slot->payload = payload_block(build, position);
		return;
	}
	slot->level = layer->layer;
	slot->u.upper.node = node_id(build, row->node);
	slot->u.upper.down = layer->layer == 1
							 ? OMEN_INVALID_ID
							 : layer->first_block * state->plane->per_page +
								   layer->down_base + row->down;
	slot->payload = payload_block(build, row->node);
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
							   state->build->shared->layer.points);
		omen_placed_read(state->nodes, position, state->node_space,
						 state->nodes_end - position);
	}
	return (const OmenRow *) (state->node_space +
							  (position - state->nodes_first) * bytes);
}

static void
fill_slot(WriteState *state, OmenSlotHeader *slot, uint32 position,
		  const OmenNear *near, uint32 degree)
{
	OmenBuild  *build = state->build;
	const OmenRow *row = node_at(state, position);
	uint32	   *ids = omen_slot_ids(state->plane, slot);
	const uint8 *code = (const uint8 *) (row + 1);

	memset(slot, 0, state->plane->stride);
	slot->flags = OMEN_SLOT_USED;
	slot->epoch = build->ix->meta.epoch;
	slot->degree = degree;
	slot->code = row->header;
	fill_links(state, slot, row, position);
	if (build->shape.index_bytes == 0)
		code = omen_point_code(
			omen_points_get(state->points, position, state->point));
	if (!build->ix->layout.out_of_line)
		memcpy(omen_slot_code(slot), code, build->ix->layout.code_bytes);
	else if (build->shared->layer.layer == 0)
		omen_payload_place(build->ix, payload_block(build, position),
						   slot_id(state, position), 0, code,
						   build->ix->layout.code_bytes);
	/* versions are 0, and so are tags */
	for (uint32 i = 0; i < degree; i++)
		ids[i] = slot_id(state, (uint32) near[i]);
}

/* ---------- pages ---------- */

/* Copy the finished page to its buffer. */
static void
put_page(WriteState *state, BlockNumber block, bool is_new)
{
	Relation	index = state->build->ix->rel;
	Buffer		buf =
		ReadBufferExtended(index, MAIN_FORKNUM, block,
						   is_new ? RBM_ZERO_AND_LOCK : RBM_NORMAL, NULL);

	if (!is_new)
		LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	memcpy(BufferGetPage(buf), state->page.data, BLCKSZ);
	MarkBufferDirty(buf);
	UnlockReleaseBuffer(buf);
}

/* Begin a page, or go on with one on which the layer before ended. */
static bool
begin_page(WriteState *state, BlockNumber block, uint32 slot)
{
	Buffer		buf;

	if (slot == 0)
	{
		omen_page_init((Page) state->page.data, state->plane->kind);
		return true;
	}
	buf = ReadBuffer(state->build->ix->rel, block);
	LockBuffer(buf, BUFFER_LOCK_SHARE);
	memcpy(state->page.data, BufferGetPage(buf), BLCKSZ);
	UnlockReleaseBuffer(buf);
	return false;
}

static void
end_page(WriteState *state, BlockNumber block, uint32 used, bool is_new)
{
	Page		page = (Page) state->page.data;
	OmenPageOpaque opaque = OmenPageGetOpaque(page);

	opaque->used = used;
	opaque->live = used;
	((PageHeader) page)->pd_lower =
		OMEN_PAGE_START + used * state->plane->stride;
	put_page(state, block, is_new);
}

/* The edges of a slot, sorted and no more than it has room for. */
static uint32
final_edges(WriteState *state, OmenNear *near, uint32 count)
{
	uint32		capacity = state->plane->capacity;

	count = omen_sort_near(near, count);
	if (count <= capacity)
		return count;
	count = Min(count, CANDIDATES_PER_EDGE * capacity);
	return omen_choose(state->chooser, near, count, capacity, 0);
}

static void
write_slots(WriteState *state, Stretch *stretch)
{
	const OmenBuildLayer *layer = &state->build->shared->layer;
	uint32		per_page = state->plane->per_page;
	bool		is_new = false;
	bool		open = false;
	BlockNumber block = 0;
	uint32		at = 0;

	for (uint32 i = 0; i < stretch->points; i++)
	{
		uint32		position = stretch->first + i;
		uint32		slot = layer->slot_base + position;
		uint64		start = i == 0 ? 0 : stretch->end[i - 1];
		OmenNear   *near = stretch->near + start;
		uint32		degree =
			final_edges(state, near, (uint32) (stretch->end[i] - start));

		if (!open)
		{
			CHECK_FOR_INTERRUPTS();
			block = layer->first_block + slot / per_page;
			is_new = begin_page(state, block, slot % per_page);
			open = true;
		}
		at = slot % per_page;
		fill_slot(state,
				  omen_page_slot((Page) state->page.data, state->plane, at),
				  position, near, degree);
		if (at == per_page - 1)
		{
			end_page(state, block, per_page, is_new);
			open = false;
		}
	}
	if (open)
		end_page(state, block, at + 1, is_new);
}

/* ---------- a partition ---------- */

/* How many edges each slot of a partition gets. */
static uint32 *
count_edges(WriteState *state, uint32 part, uint32 first, uint32 points)
{
	OmenBuild  *build = state->build;
	uint32	   *counts = omen_alloc(mul_size(points, sizeof(uint32)));
	OmenEdgeRecord edge;
	OmenUnspill un;

	memset(counts, 0, points * sizeof(uint32));
	omen_unspill_begin(&un, build, "edges", build->shared->layer.layer, part);
	while (omen_unspill_next(&un, &edge, sizeof(edge)))
		counts[edge.position - first]++;
	omen_unspill_end(&un, false);
	return counts;
}

static void
write_stretch(WriteState *state, uint32 part, Stretch *stretch,
			  const uint32 *counts, bool is_last)
{
	OmenBuild  *build = state->build;
	OmenEdgeRecord edge;
	OmenUnspill un;
	uint64		sum = 0;

	stretch->end = omen_alloc(mul_size(stretch->points, sizeof(uint64)));
	for (uint32 i = 0; i < stretch->points; i++)
	{
		stretch->end[i] = sum;
		sum += counts[i];
	}
	stretch->near = omen_alloc(mul_size(sum, sizeof(OmenNear)));
	omen_unspill_begin(&un, build, "edges", build->shared->layer.layer, part);
	while (omen_unspill_next(&un, &edge, sizeof(edge)))
	{
		uint32		i = edge.position - stretch->first;

		if (i < stretch->points)
			stretch->near[stretch->end[i]++] =
				omen_near(edge.distance, edge.target);
	}
	omen_unspill_end(&un, is_last);
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
	const OmenBuildLayer *layer = &build->shared->layer;
	uint32		first = omen_range_start(layer, part);
	uint32		end = omen_range_start(layer, part + 1);
	uint32		per_page = state->plane->per_page;
	uint64		most = build->shared->work_memory / sizeof(OmenNear) / 2;
	uint32	   *counts = count_edges(state, part, first, end - first);
	Stretch		stretch;

	for (uint32 at = first; at < end; at += stretch.points)
	{
		uint64		edges = 0;
		uint32		stop = at;

		while (stop < end)
		{
			uint32		page_end =
				stop + per_page - (layer->slot_base + stop) % per_page;

			page_end = Min(page_end, end);
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
	state.plane = omen_plane(build->ix, build->shared->layer.layer);
	state.points = omen_points_open(build);
	state.chooser = omen_chooser_create(build, state.points);
	state.nodes = omen_placed_open(build, "nodes", omen_node_bytes(shape));
	state.node_space =
		omen_alloc(mul_size(state.plane->per_page, omen_node_bytes(shape)));
	state.point = palloc(shape->point_bytes);
	while (omen_next_item(build, &item))
		write_partition(&state, item);
	omen_points_close(state.points);
	omen_placed_close(state.nodes);
}
