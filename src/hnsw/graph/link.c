/*-------------------------------------------------------------------------
 *
 * link.c
 *	  Making a node part of the graph.
 *
 * A node is linked in steps, each one WAL record or a few, after each of which
 * the graph is whole:
 *
 *	1. its slot is written with OMEN_SLOT_LINKING and its own edges (insert.c);
 *	2. it gets a parent: an edge with the parent flag, from a node that is
 *	   linked itself; or it becomes the root;
 *	3. for each of its upper layers, from 1 up: the upper slot is written with
 *	   its edges, then the edges back to it;
 *	4. the edges back to it in layer 0;
 *	5. the entry point moves to it if it is of a higher layer;
 *	6. OMEN_SLOT_LINKING is cleared.
 *
 * An edge back is added to one neighbor's page at a time, by compare-and-set of
 * what was read before.  What a crash leaves behind after 1 to 5 has no
 * committed row: its heap tuple is dead, and VACUUM removes the node like any
 * other.
 *
 * Parents form a tree from the root: a node's parent was linked before it, and
 * edges with the flag are pruned by nobody.  So layer 0 is reachable from the
 * root whatever the heuristic drops.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/graph/graph.h"
#include "hnsw/store/code.h"
#include "miscadmin.h"
#include "pause.h"
#include "utils/memutils.h"

/* Times that a compare-and-set is tried before a plain decision is made. */
#define MAX_TRIES 5

/* How often, and after which pause, linking a node is tried again. */
#define MAX_RETRIES 1000
#define RETRY_MICROSECONDS 1000

/* Steps down the tree of parents; a deeper one is a damaged one. */
#define MAX_DEPTH 1000

typedef enum LinkResult
{
	LINK_DONE,
	LINK_FULL,					/* it is the parent of as many as may be */
	LINK_GONE					/* the slot is freed or condemned */
} LinkResult;

/* An edge to be added. */
typedef struct NewEdge
{
	uint32		id;
	uint16		version;
	float		distance;
	bool		parent;
	bool		force;			/* even if the node has children enough */
	const OmenCodeHeader *header;	/* of the target */
	uint8	   *code;
} NewEdge;

/* ---------- planning ---------- */

/*
 * The results of a search as candidates, nearest first.  A slot that is the
 * node itself is left out.
 */
static uint32
search_results(OmenSearch *search, uint32 self, OmenCandidate **candidates)
{
	uint32		count = 0;

	qsort(search->nearest, search->nnearest, sizeof(OmenHeapItem),
		  omen_heap_item_compare);
	*candidates = palloc0(Max(search->nnearest, 1) * sizeof(OmenCandidate));
	for (uint32 i = 0; i < search->nnearest; i++)
	{
		OmenSeen   *seen = &search->seen[search->nearest[i].seen];
		OmenCandidate *c = &(*candidates)[count];

		if (seen->id == self)
			continue;
		c->distance = seen->distance;
		c->id = seen->id;
		c->version = seen->version;
		c->linked = (seen->flags & OMEN_SEEN_LINKING) == 0;
		count++;
	}
	return count;
}

/* Drop what was not chosen, keeping the order. */
static uint32
keep_chosen(OmenCandidate *candidates, uint32 count)
{
	uint32		kept = 0;

	for (uint32 i = 0; i < count; i++)
	{
		if (candidates[i].chosen)
			candidates[kept++] = candidates[i];
	}
	return kept;
}

static void
plan_layer(OmenSearch *search, uint32 layer, uint32 self, OmenLinkPlan *plan)
{
	OmenCandidate *candidates;
	uint32		count = search_results(search, self, &candidates);

	if (layer == 0)
		plan->has_equal =
			omen_equal_among(search, candidates, count, &plan->equal);
	(void) omen_select_neighbors(search->graph, search->plane, candidates,
								 count, search->ix->meta.m);
	plan->count[layer] = keep_chosen(candidates, count);
	plan->neighbors[layer] = candidates;
}

/*
 * Search the graph for the neighbors of a new node.  self is the node's id if
 * it has a slot already, or OMEN_INVALID_ID.  The plan is made in the current
 * memory context; header and code must live as long.
 */
void
omen_link_plan(OmenSearch *search, const OmenCodeHeader *header,
			   const uint8 *code, uint32 level, uint32 self,
			   uint32 ef_construction, OmenLinkPlan *plan)
{
	OmenIndex  *ix = search->ix;
	const OmenGraphData *data = &search->graph->data;
	OmenStarts	starts;
	uint32		top;

	memset(plan, 0, sizeof(OmenLinkPlan));
	plan->level = level;
	plan->empty = data->root == OMEN_INVALID_ID;
	plan->entry_level = data->entry == OMEN_INVALID_ID ? 0 : data->entry_level;
	if (plan->empty)
		return;

	omen_search_for_link(search, header, code);
	top = Min(level, plan->entry_level);
	if (!omen_descend(search, top, &starts) && top > 0)
	{
		/* the way down has broken off: be content with layer 0 */
		top = 0;
		plan->level = 0;
	}
	for (uint32 layer = top; layer > 0; layer--)
	{
		omen_search_start(search, &ix->layout.upper, ef_construction);
		(void) omen_seed_all(search, &starts);
		omen_search_run(search);
		plan_layer(search, layer, OMEN_INVALID_ID, plan);
		omen_below(search, 1, &starts);
	}
	omen_search_start(search, &ix->layout.node, ef_construction);
	if (self != OMEN_INVALID_ID)
		(void) omen_search_mark(search, self);
	if (!omen_seed_all(search, &starts))
		(void) omen_search_seed(search, omen_graph_root(search->graph));
	omen_search_run(search);
	plan_layer(search, 0, self, plan);
}

/* ---------- writing ---------- */

/*
 * Write the planned edges of a layer into a slot (of a page being changed), as
 * many as fit; the nearest come first.
 */
void
omen_link_write_edges(const OmenPlane *plane, OmenSlotHeader *slot,
					  const OmenLinkPlan *plan, uint32 layer)
{
	uint32		ids[OMEN_MAX_CAPACITY];
	uint8		tags[OMEN_MAX_CAPACITY];
	uint32		count = plan->count[layer];

	Assert(count <= plane->capacity);
	for (uint32 i = 0; i < count; i++)
	{
		ids[i] = plan->neighbors[layer][i].id;
		tags[i] = OmenVersionTag(plan->neighbors[layer][i].version);
	}
	omen_slot_put_first(plane, slot, ids, tags, count, 0);
}

/* Write the slot of a node in an upper layer; returns its id and version. */
static OmenNodeRef
write_upper_slot(OmenGraph *graph, OmenNodeRef node, OmenNodeRef below,
				 const OmenCodeHeader *header, const uint8 *code,
				 BlockNumber payload, const OmenLinkPlan *plan, uint32 layer)
{
	const OmenPlane *plane = &graph->ix->layout.upper;
	const OmenNodeRef nowhere = {OMEN_INVALID_ID, 0};
	OmenNewSlot fresh = {0};
	OmenSlotChange change;
	OmenSlotHeader *slot;
	OmenNodeRef ref;

	fresh.flags = OMEN_SLOT_USED;
	fresh.level = layer;
	fresh.payload = payload;
	fresh.header = header;
	fresh.code = code;
	fresh.node = node;
	fresh.below = layer > 1 ? below : nowhere;
	slot = omen_slot_new(&change, graph, plane, &fresh, &ref);
	omen_link_write_edges(plane, slot, plan, layer);
	omen_slot_change_commit(&change);
	return ref;
}

/* ---------- back-links ---------- */

/*
 * The candidates for the edges of a full slot: the targets that it has, and
 * the new one.  Stale edges drop out.
 */
static uint32
shrink_candidates(OmenGraph *graph, const OmenPlane *plane, OmenNodeRef ref,
				  const OmenEdges *edges, const NewEdge *new_edge,
				  OmenCandidate *candidates)
{
	OmenIndex  *ix = graph->ix;
	OmenCodeHeader header;
	uint8	   *own = palloc(ix->layout.code_bytes);
	uint32		count = 0;

	if (!omen_load_code(ix, plane, ref.id, ref.version, &header, own))
		return 0;
	for (int i = 0; i < edges->degree; i++)
	{
		OmenCandidate *c = &candidates[count];

		if (!omen_edge_candidate(graph, plane, edges->ids[i], edges->tags[i],
								 c))
			continue;
		c->keep = c->parent;
		c->distance = omen_link_distance(ix->quantizer, graph->data.radius,
										 &header, own, &c->header, c->code);
		count++;
	}
	memset(&candidates[count], 0, sizeof(OmenCandidate));
	candidates[count].distance = new_edge->distance;
	candidates[count].id = new_edge->id;
	candidates[count].version = new_edge->version;
	candidates[count].parent = new_edge->parent;
	candidates[count].keep = new_edge->parent;
	candidates[count].header = *new_edge->header;
	candidates[count].code = new_edge->code;
	return count + 1;
}

/*
 * Prune the edges of a full slot together with the new one, to fewer than it
 * has room for: the next few back-links then cost nothing.
 */
static LinkResult
shrink_edges(OmenGraph *graph, const OmenPlane *plane, OmenNodeRef ref,
			 const OmenEdges *old, const NewEdge *new_edge, OmenEdges *edges)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw pruning",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext outer = MemoryContextSwitchTo(context);
	OmenCandidate *candidates =
		palloc0((plane->capacity + 1) * sizeof(OmenCandidate));
	uint32		count =
		shrink_candidates(graph, plane, ref, old, new_edge, candidates);
	LinkResult	result = LINK_GONE;

	qsort(candidates, count, sizeof(OmenCandidate), omen_candidate_compare);
	(void) omen_select_neighbors(graph, plane, candidates, count,
								 omen_most_when_pruned(plane, old->degree));
	if (count > 0)
		result = omen_edges_chosen(plane, candidates, count, edges) ? LINK_DONE
																	: LINK_FULL;
	MemoryContextSwitchTo(outer);
	MemoryContextDelete(context);
	return result;
}

static uint32
count_parents(const OmenEdges *edges)
{
	uint32		count = 0;

	for (int i = 0; i < edges->degree; i++)
		count += (edges->tags[i] & OMEN_TAG_PARENT) != 0;
	return count;
}

/*
 * Give up edges that are no parent's for one that is.  False if there are not
 * enough.
 */
static bool
replace_any_edge(const OmenPlane *plane, OmenEdges *edges,
				 const NewEdge *new_edge)
{
	OmenEdges	others = *edges;

	edges->degree = 0;
	omen_edges_append(edges, new_edge->id,
					  OmenVersionTag(new_edge->version) | OMEN_TAG_PARENT);
	for (int parents = 1; parents >= 0; parents--)
	{
		for (int i = 0; i < others.degree; i++)
		{
			if (((others.tags[i] & OMEN_TAG_PARENT) != 0) == parents &&
				!omen_edges_add(plane, edges, others.ids[i], others.tags[i]) &&
				parents)
				return false;
		}
	}
	return true;
}

/*
 * Add an edge to a slot: where there is room, as it is; where there is none,
 * by pruning.  With new_edge->parent the edge is there afterwards unless the
 * result says otherwise; without, pruning may have dropped it.
 */
static LinkResult
add_edge(OmenGraph *graph, const OmenPlane *plane, OmenNodeRef to,
		 const NewEdge *new_edge)
{
	uint8		tag = OmenVersionTag(new_edge->version) |
				(new_edge->parent ? OMEN_TAG_PARENT : 0);

	for (int try = 0;; try++)
	{
		OmenEdges	old;
		OmenEdges	edges;
		LinkResult	result;
		int			at;

		CHECK_FOR_INTERRUPTS();
		if (!omen_edges_read(graph, plane, to, &old))
			return LINK_GONE;
		edges = old;
		at = omen_edges_find(&old, new_edge->id, new_edge->version);
		if (at >= 0 &&
			(!new_edge->parent || (old.tags[at] & OMEN_TAG_PARENT) != 0))
			return LINK_DONE;
		if (new_edge->parent &&
			count_parents(&old) >=
				(new_edge->force ? plane->capacity : omen_most_children(plane)))
			return LINK_FULL;
		result = LINK_DONE;
		if (at >= 0)
		{
			edges.tags[at] |= OMEN_TAG_PARENT;
			if (!omen_edges_trim(plane, &edges))
				return LINK_FULL;
		}
		else if (omen_edges_add(plane, &edges, new_edge->id, tag))
			;
		else if (try < MAX_TRIES)
			result = shrink_edges(graph, plane, to, &old, new_edge, &edges);
		else if (!new_edge->parent)
			return LINK_DONE;
		else if (!replace_any_edge(plane, &edges, new_edge))
			return LINK_FULL;
		if (result != LINK_DONE)
			return result;
		OMEN_PAUSE(new_edge->parent ? "link-parent" : "link-back");
		if (omen_edges_replace(graph, plane, to, &old, &edges))
			return LINK_DONE;
	}
}

/* ---------- parents ---------- */

/* A child of the node, by its parent edges; false if it has none but `not`. */
static bool
some_child(OmenGraph *graph, OmenNodeRef node, OmenNodeRef not, uint32 salt,
		   OmenNodeRef *child)
{
	OmenIndex  *ix = graph->ix;
	OmenEdges	edges;
	const OmenPlane *plane = &ix->layout.node;

	if (!omen_edges_read(graph, plane, node, &edges))
		return false;
	for (uint32 i = 0; i < edges.degree; i++)
	{
		uint32		at = (i + salt) % edges.degree;
		Buffer		buf;
		OmenSlotHeader *slot;
		bool		valid;

		if ((edges.tags[at] & OMEN_TAG_PARENT) == 0 || edges.ids[at] == not .id)
			continue;
		slot = omen_visit(ix, plane, edges.ids[at], &buf);
		if (slot == NULL)
			continue;
		child->id = edges.ids[at];
		child->version = slot->version;
		valid = omen_slot_is_of(graph, plane, slot) &&
				OmenVersionTag(slot->version) ==
					(edges.tags[at] & OMEN_TAG_VERSION) &&
				(slot->flags & (OMEN_SLOT_CONDEMNED | OMEN_SLOT_LINKING |
								OMEN_SLOT_FLAT)) == 0;
		UnlockReleaseBuffer(buf);
		if (valid)
			return true;
	}
	return false;
}

/*
 * Make a linked node the parent of another, or if it has as many children as
 * may be one of them, and so on: the tree's leaves always have room.  The
 * child must not be an ancestor of start.  False if start has gone.
 */
bool
omen_link_adopt(OmenGraph *graph, OmenNodeRef start, OmenNodeRef child,
				float distance)
{
	OmenIndex  *ix = graph->ix;
	const OmenPlane *plane = &ix->layout.node;
	NewEdge		edge = {0};
	OmenNodeRef parent = start;
	OmenCodeHeader header;
	bool		adopted = false;

	edge.id = child.id;
	edge.version = child.version;
	edge.distance = distance;
	edge.parent = true;
	edge.header = &header;
	edge.code = palloc(ix->layout.code_bytes);
	if (!omen_load_code(ix, plane, child.id, child.version, &header, edge.code))
		return true;			/* nobody is there to be adopted */

	for (uint32 depth = 0;; depth++)
	{
		OmenNodeRef next = parent;
		LinkResult	result;

		if (parent.id == child.id)
			break;
		result = add_edge(graph, plane, parent, &edge);
		if (result == LINK_FULL &&
			(depth == MAX_DEPTH ||
			 !some_child(graph, parent, child, child.id + depth, &next)))
		{
			/* its children are on their way in or out: one more, then */
			edge.force = true;
			result = add_edge(graph, plane, parent, &edge);
			next = parent;
		}
		adopted = result == LINK_DONE;
		if (result != LINK_FULL || next.id == parent.id)
			break;
		parent = next;
	}
	pfree(edge.code);
	return adopted;
}

/*
 * Give a new node its parent among its neighbors: the nearest that has few
 * enough children, else somebody below the nearest.
 */
static bool
parent_among_neighbors(OmenGraph *graph, OmenNodeRef node,
					   const OmenCodeHeader *header, const uint8 *code,
					   const OmenLinkPlan *plan)
{
	OmenIndex  *ix = graph->ix;
	NewEdge		edge = {0};

	edge.id = node.id;
	edge.version = node.version;
	edge.parent = true;
	edge.header = header;
	edge.code = unconstify(uint8 *, code);
	for (int descend = 0; descend < 2; descend++)
	{
		for (uint32 i = 0; i < plan->count[0]; i++)
		{
			OmenCandidate *c = &plan->neighbors[0][i];
			OmenNodeRef neighbor;

			if (!c->linked)
				continue;
			neighbor.id = c->id;
			neighbor.version = c->version;
			edge.distance = c->distance;
			if (descend ? omen_link_adopt(graph, neighbor, node, c->distance)
						: add_edge(graph, &ix->layout.node, neighbor, &edge) ==
							  LINK_DONE)
				return true;
		}
	}
	return false;
}

/*
 * Give a new node its parent: one of its neighbors, else somebody below the
 * root.  False if there is no root to hang it on, or none that can be reached
 * after MAX_TRIES times.
 */
static bool
find_parent(OmenGraph *graph, OmenNodeRef node, const OmenCodeHeader *header,
			const uint8 *code, const OmenLinkPlan *plan)
{
	for (int attempt = 0; attempt < MAX_TRIES; attempt++)
	{
		OmenNodeRef root;

		if (parent_among_neighbors(graph, node, header, code, plan))
			return true;
		omen_graph_refresh(graph);
		root.id = graph->data.root;
		root.version = graph->data.root_version;
		if (root.id == OMEN_INVALID_ID)
			return false;
		if (omen_link_adopt(graph, root, node, 0))
			return true;
	}
	return false;
}

/* ---------- the steps ---------- */

static void
clear_linking(OmenIndex *ix, OmenNodeRef node)
{
	OmenSlotChange change;
	OmenSlotHeader *slot =
		omen_slot_change_begin(&change, ix, &ix->layout.node, node.id);

	slot->flags &= ~(OMEN_SLOT_LINKING | OMEN_SLOT_FLAT);
	omen_slot_change_commit(&change);
}

/*
 * Make a node the root of an empty graph.  False if another came first.
 */
static bool
become_root(OmenGraph *graph, OmenNodeRef node)
{
	OmenGraphChange change;
	OmenGraphData *data = omen_graph_change_begin(graph, &change);

	if (data->root != OMEN_INVALID_ID)
	{
		omen_graph_change_abort(&change);
		return false;
	}
	data->root = node.id;
	data->root_version = node.version;
	omen_graph_change_commit(&change);
	return true;
}

/* Start searches at an upper slot if it is of a higher layer than the entry. */
static void
raise_entry(OmenGraph *graph, OmenNodeRef upper, uint32 level)
{
	OmenGraphChange change;
	OmenGraphData *data = omen_graph_change_begin(graph, &change);

	if (data->entry != OMEN_INVALID_ID && data->entry_level >= level)
	{
		omen_graph_change_abort(&change);
		return;
	}
	data->entry = upper.id;
	data->entry_version = upper.version;
	data->entry_level = level;
	omen_graph_change_commit(&change);
}

/* Let the neighbors of a slot lead back to it, as far as they have room. */
void
omen_link_back(OmenGraph *graph, const OmenPlane *plane, OmenNodeRef slot,
			   const OmenCodeHeader *header, const uint8 *code,
			   const OmenCandidate *neighbors, uint32 count)
{
	NewEdge		edge = {0};

	edge.id = slot.id;
	edge.version = slot.version;
	edge.parent = false;
	edge.header = header;
	edge.code = unconstify(uint8 *, code);
	for (uint32 i = 0; i < count; i++)
	{
		const OmenCandidate *c = &neighbors[i];
		OmenNodeRef neighbor = {c->id, c->version};

		edge.distance = c->distance;
		(void) add_edge(graph, plane, neighbor, &edge);
	}
}

/*
 * Steps 2 to 6 for a node whose slot has been written with its edges.  False if
 * it could become neither a child nor the root, as when another became the root
 * meanwhile: the caller makes a new plan, writes the edges, and calls again.
 */
bool
omen_link_connect(OmenGraph *graph, OmenNodeRef node,
				  const OmenCodeHeader *header, const uint8 *code,
				  BlockNumber payload, const OmenLinkPlan *plan)
{
	OmenIndex  *ix = graph->ix;
	OmenNodeRef top = node;

	if (plan->empty)
	{
		if (!become_root(graph, node))
			return false;
	}
	else if (graph->data.root == node.id &&
			 graph->data.root_version == node.version)
	{
		/* a conversion that was cut had made it the root */
	}
	else if (!find_parent(graph, node, header, code, plan) &&
			 !become_root(graph, node))
		return false;

	OMEN_PAUSE("link-adopted");
	for (uint32 layer = 1; layer <= plan->level; layer++)
	{
		top = write_upper_slot(graph, node, top, header, code, payload, plan,
							   layer);
		omen_link_back(graph, &ix->layout.upper, top, header, code,
					   plan->neighbors[layer], plan->count[layer]);
	}
	omen_link_back(graph, &ix->layout.node, node, header, code,
				   plan->neighbors[0], plan->count[0]);
	OMEN_PAUSE("link-entry");
	if (plan->level > 0)
		raise_entry(graph, top, plan->level);
	OMEN_PAUSE("link-clear");
	clear_linking(ix, node);
	return true;
}

/*
 * Before a node that omen_link_connect() refused is tried again.  Mostly
 * another first row was first, and there is somebody to link to now; or all
 * that could be the parent were on their way in or out.  Should it go on,
 * something is wrong with the tree of parents.
 */
void
omen_link_pause(OmenIndex *ix, int *tries)
{
	CHECK_FOR_INTERRUPTS();
	if (*tries > 0)
		pg_usleep(RETRY_MICROSECONDS);
	if (++*tries > MAX_RETRIES)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("could not link a new node in index \"%s\"",
							   RelationGetRelationName(ix->pages.rel)),
						errhint("Please REINDEX it.")));
}
