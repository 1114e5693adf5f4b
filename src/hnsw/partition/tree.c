/*-------------------------------------------------------------------------
 *
 * tree.c
 *	  After layer 0 has been written: choose every node's parent.
 *
 * Parents make sure that all of layer 0 can be reached (see "Why everything is
 * reachable" in src/hnsw/README).  The leader walks the graph breadth first
 * from the root, and the edge by which it first comes to a node becomes the
 * node's parent edge; a node gets no more children than an insert would give
 * it.  Nodes that no edge leads to are adopted in the way of inserts.
 *
 * The walk goes window by window over the file, as far as it can in each, so
 * that an index larger than shared buffers is read a few times in order and
 * not in the order of the walk.  What is kept in memory is two bits a node and
 * the window's queue.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/partition.h"
#include "miscadmin.h"

/* Positions of a window. */
#define WINDOW (1 << 20)

typedef struct TreeState
{
	OmenBuild  *build;
	OmenIndex  *ix;
	const OmenPlane *plane;
	uint32		points;
	BlockNumber first_block;
	uint64	   *reached;		/* has a parent */
	uint64	   *expanded;		/* its edges were looked at */
	uint32		nreached;
	uint32		first;			/* the window's positions */
	uint32		end;
	uint32	   *queue;			/* of the window: room for all its positions */
	uint32		head;
	uint32		tail;
} TreeState;

static inline uint32
position_of(const TreeState *state, uint32 id)
{
	return id - state->first_block * state->plane->per_page;
}

static OmenNodeRef
node_ref(const TreeState *state, uint32 position)
{
	OmenNodeRef ref = {state->first_block * state->plane->per_page + position,
					   0};

	return ref;
}

static void
reach(TreeState *state, uint32 position)
{
	omen_bit_set(state->reached, position);
	state->nreached++;
	if (position >= state->first && position < state->end)
		state->queue[state->tail++] = position;
	if (state->nreached % 1024 == 0)
		omen_build_progress(state->build, 1024);
}

/* Become the parent of neighbors that have none yet. */
static void
expand(TreeState *state, uint32 position)
{
	OmenIndex  *ix = state->ix;
	const OmenPlane *plane = state->plane;
	uint32		id = node_ref(state, position).id;
	Buffer		buf = omen_pin(&ix->pages, omen_id_block(plane, id));
	uint32		children = 0;
	OmenSlotHeader *slot;
	uint32		ids[OMEN_MAX_CAPACITY];
	uint8		tags[OMEN_MAX_CAPACITY];
	bool		is_changed = false;
	int			degree;

	omen_bit_set(state->expanded, position);
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	slot = omen_page_slot(BufferGetPage(buf), plane, omen_id_slot(plane, id));
	degree = omen_slot_get_edges(plane, slot, ids, tags);
	for (int i = 0; i < degree; i++)
		children += (tags[i] & OMEN_TAG_PARENT) != 0;
	for (int i = 0; i < degree && children < omen_most_children(plane); i++)
	{
		uint32		target = position_of(state, ids[i]);

		if (omen_bit_get(state->reached, target))
			continue;
		tags[i] |= OMEN_TAG_PARENT;
		if (!omen_slot_fits(plane, ids, tags, degree))
		{
			tags[i] &= ~OMEN_TAG_PARENT;
			break;
		}
		children++;
		is_changed = true;
		reach(state, target);
	}
	if (is_changed)
		omen_slot_put_edges(plane, slot, ids, tags, degree);
	MarkBufferDirty(buf);
	UnlockReleaseBuffer(buf);
}

/* Expand what is in the queue, and what comes into it. */
static void
walk_queue(TreeState *state)
{
	while (state->head < state->tail)
	{
		expand(state, state->queue[state->head++]);
		if (state->head % 256 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Expand what is reached and not expanded, as far as the window goes.  False
 * if there was nothing.
 */
static bool
walk_window(TreeState *state)
{
	state->head = 0;
	state->tail = 0;
	for (uint32 p = state->first; p < state->end; p++)
	{
		if (omen_bit_get(state->reached, p) &&
			!omen_bit_get(state->expanded, p))
			state->queue[state->tail++] = p;
	}
	if (state->tail == 0)
		return false;
	walk_queue(state);
	return true;
}

/* Walk until nothing more is reached. */
static void
walk(TreeState *state, uint32 window)
{
	bool		any = true;

	while (any)
	{
		any = false;
		for (uint32 first = 0; first < state->points; first += window)
		{
			state->first = first;
			state->end = Min(first + window, state->points);
			any |= walk_window(state);
		}
		if (state->points <= window)
			break;
	}
}

/* A neighbor of a node that is reached; or OMEN_INVALID_ID. */
static uint32
reached_neighbor(TreeState *state, uint32 position)
{
	OmenEdges	edges;

	if (omen_edges_read(state->build->graph, state->plane,
						node_ref(state, position), &edges))
	{
		for (int i = 0; i < edges.degree; i++)
			if (omen_bit_get(state->reached, position_of(state, edges.ids[i])))
				return edges.ids[i];
	}
	return OMEN_INVALID_ID;
}

/*
 * Give parents to nodes that are not reached, and walk on from each: those
 * with a neighbor that is reached first, then the others below the root.
 */
static void
adopt_unreached(TreeState *state, uint32 window, uint32 root)
{
	bool		below_root = false;

	while (state->nreached < state->points)
	{
		uint32		before = state->nreached;

		for (uint32 p = 0; p < state->points; p++)
		{
			uint32		start;

			if (omen_bit_get(state->reached, p))
				continue;
			CHECK_FOR_INTERRUPTS();
			start = reached_neighbor(state, p);
			if (start == OMEN_INVALID_ID && below_root)
				start = node_ref(state, root).id;
			if (start == OMEN_INVALID_ID)
				continue;
			if (!omen_link_adopt(state->build->graph,
								 node_ref(state, position_of(state, start)),
								 node_ref(state, p), 0))
				elog(ERROR, "could not link node %u of a new index", p);

			/* others may be reached from it, in its window at first */
			state->first = p / window * window;
			state->end = Min(state->first + window, state->points);
			state->head = state->tail = 0;
			reach(state, p);
			walk_queue(state);
		}
		walk(state, window);
		below_root = state->nreached == before;
	}
}

/* Choose parents for all nodes of layer 0, below the root. */
void
omen_step_parents(OmenBuild *build)
{
	const OmenPlane *plane = &build->ix->layout.node;
	uint32		points = (uint32) build->job->points;
	uint32		root = build->job->root;
	Size		words = (points + 63) / 64;
	TreeState	state = {0};
	uint32		window;

	window = WINDOW;
	window = Min(window, points);
	state.build = build;
	state.ix = build->ix;
	state.plane = plane;
	state.points = points;
	state.first_block = build->job->node_block;
	state.reached = omen_alloc(words * sizeof(uint64));
	state.expanded = omen_alloc(words * sizeof(uint64));
	memset(state.reached, 0, words * sizeof(uint64));
	memset(state.expanded, 0, words * sizeof(uint64));
	state.queue = omen_alloc(mul_size(window, sizeof(uint32)));
	reach(&state, root);
	walk(&state, window);
	adopt_unreached(&state, window, root);
	pfree(state.queue);
	pfree(state.expanded);
	pfree(state.reached);
}
