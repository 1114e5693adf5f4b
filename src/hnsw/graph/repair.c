/*-------------------------------------------------------------------------
 *
 * repair.c
 *	  Taking dead nodes out of the graph, and their slots back.
 *
 * Nodes without rows stay in the graph, navigable, until VACUUM finds them
 * worth the trouble.  Then, for as many as fit in memory at a time:
 *
 *	1. they are condemned, all but the root: from then on nobody links to them,
 *	   adopts by them or attaches a row to them; their edges are remembered;
 *	2. one pass over all nodes: who has a condemned child adopts the child's
 *	   living descendants; then edges to condemned nodes are replaced by the
 *	   best of what those nodes had as neighbors, without any search;
 *	3. the same, without parents, in the upper layers; the entry point moves if
 *	   it must;
 *	4. their slots are freed, with a new version.
 *
 * A crash in between leaves condemned nodes, which the next VACUUM finds again.
 * An insert that runs meanwhile may have chosen a condemned neighbor before it
 * was one; its edge becomes stale, and is skipped by its version.
 *
 * Only one VACUUM works on an index at a time; the server sees to that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/graph/repair.h"
#include "hnsw/store/code.h"
#include "miscadmin.h"
#include "pause.h"
#include "utils/memutils.h"

/* Times that a compare-and-set is tried on one slot. */
#define MAX_TRIES 10

/* Candidates for a slot's edges, in times of its capacity. */
#define ENOUGH_CANDIDATES 4

/* ---------- the steps 2 and 3: edges ---------- */

static bool
is_among(const OmenCandidate *candidates, uint32 count, uint32 id)
{
	for (uint32 i = 0; i < count; i++)
	{
		if (candidates[i].id == id)
			return true;
	}
	return false;
}

/* Make a target a candidate for an edge of the slot whose code is given. */
static bool
make_candidate(OmenGraph *graph, const OmenPlane *plane, uint32 id, uint8 tag,
			   const OmenCodeHeader *header, const uint8 *code, bool keep,
			   OmenCandidate *candidate)
{
	OmenIndex  *ix = graph->ix;
	OmenNodeRef target;

	if (!omen_edge_target(graph, plane, id, tag, &target))
		return false;
	memset(candidate, 0, sizeof(OmenCandidate));
	candidate->id = id;
	candidate->version = target.version;
	candidate->parent = (tag & OMEN_TAG_PARENT) != 0;
	candidate->keep = keep;
	candidate->code = palloc(ix->layout.code_bytes);
	if (!omen_load_code(ix, plane, id, target.version, &candidate->header,
						candidate->code))
		return false;
	candidate->distance =
		omen_link_distance(ix->quantizer, graph->data.radius, header, code,
						   &candidate->header, candidate->code);
	return true;
}

/*
 * Candidates for the edges of a slot: the targets that stay, and the
 * neighbors of those that go, until there are plenty.
 */
static uint32
repair_candidates(OmenRepair *repair, OmenNodeRef ref, const OmenEdges *old,
				  const OmenCodeHeader *header, const uint8 *code,
				  OmenCandidate *candidates)
{
	OmenGraph  *graph = repair->graph;
	uint32		most = ENOUGH_CANDIDATES * repair->plane->capacity;
	uint32		count = 0;

	for (int i = 0; i < old->degree; i++)
	{
		if (omen_condemned_leaving(repair, old->ids[i], old->tags[i]) == NULL &&
			make_candidate(graph, repair->plane, old->ids[i], old->tags[i],
						   header, code, true, &candidates[count]))
			count++;
	}
	for (int i = 0; i < old->degree; i++)
	{
		OmenCondemned *c =
			omen_condemned_leaving(repair, old->ids[i], old->tags[i]);

		for (int j = 0; c != NULL && j < c->degree && count < most; j++)
		{
			if (c->ids[j] != ref.id &&
				omen_condemned_leaving(repair, c->ids[j], c->tags[j]) == NULL &&
				!is_among(candidates, count, c->ids[j]) &&
				make_candidate(graph, repair->plane, c->ids[j],
							   c->tags[j] & OMEN_TAG_VERSION, header, code,
							   false, &candidates[count]))
				count++;
		}
	}
	return count;
}

/*
 * Replace a slot's edges to condemned ones.  The other edges stay: most of
 * them lead back to later nodes and were never chosen by the heuristic, and
 * without them a graph gets sparser with each VACUUM.
 */
static void
repair_edges(OmenRepair *repair, OmenNodeRef ref)
{
	OmenIndex  *ix = repair->ix;
	const OmenPlane *plane = repair->plane;

	for (int try = 0; try < MAX_TRIES;
		 try++, MemoryContextReset(CurrentMemoryContext))
	{
		OmenEdges	old;
		OmenEdges	edges;
		OmenCodeHeader header;
		uint8	   *code = palloc(ix->layout.code_bytes);
		OmenCandidate *candidates;
		uint32		count;

		if (!omen_edges_read(repair->graph, plane, ref, &old) ||
			!omen_condemned_any(repair, old.ids, old.tags, old.degree) ||
			!omen_load_code(ix, plane, ref.id, ref.version, &header, code))
			return;
		candidates =
			palloc(ENOUGH_CANDIDATES * plane->capacity * sizeof(OmenCandidate));
		count = repair_candidates(repair, ref, &old, &header, code, candidates);
		qsort(candidates, count, sizeof(OmenCandidate), omen_candidate_compare);
		(void) omen_select_neighbors(repair->graph, plane, candidates, count,
									 Max(old.degree, ix->meta.m));
		edges = old;
		edges.degree = 0;
		for (uint32 i = 0; i < count && edges.degree < plane->capacity; i++)
		{
			if (!candidates[i].chosen)
				continue;
			edges.ids[edges.degree] = candidates[i].id;
			edges.tags[edges.degree++] =
				OmenVersionTag(candidates[i].version) |
				(candidates[i].parent ? OMEN_TAG_PARENT : 0);
		}
		OMEN_PAUSE("repair-edges");
		if (omen_edges_replace(repair->graph, plane, ref, &old, &edges))
			return;
	}
}

/* Repair one slot of layer 0: first its condemned children, then its edges. */
static void
repair_node(OmenRepair *repair, OmenNodeRef ref)
{
	OmenEdges	edges;

	if (!omen_edges_read(repair->graph, repair->plane, ref, &edges))
		return;
	for (int i = 0; i < edges.degree; i++)
	{
		OmenCondemned *child;

		if ((edges.tags[i] & OMEN_TAG_PARENT) == 0)
			continue;
		child = omen_condemned_find(repair, edges.ids[i], edges.tags[i]);
		if (child != NULL)
			omen_adopt_descendants(repair, ref, child);
	}
	repair_edges(repair, ref);
}

/*
 * OmenRepair the slots of one page, and tell its kind.
 */
static OmenPageKind
repair_page(OmenRepair *repair, BlockNumber block,
			void (*act)(OmenRepair *, OmenNodeRef))
{
	OmenIndex  *ix = repair->ix;
	const OmenPlane *plane = repair->plane;
	Buffer		buf = omen_pin(&ix->pages, block);
	OmenNodeRef *affected = palloc(plane->per_page * sizeof(OmenNodeRef));
	uint32		count = 0;
	OmenPageKind kind = OMEN_PAGE_FREE;
	OmenPageOpaque opaque;
	OmenSlotWalk walk;
	OmenSlotHeader *slot;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	opaque = omen_check_page(ix->pages.rel, buf);
	if (opaque != NULL)
		kind = opaque->kind;
	omen_slots_begin(&walk, ix, plane, buf);
	while ((slot = omen_next_slot(&walk)) != NULL)
	{
		if ((slot->flags & OMEN_SLOT_CONDEMNED) == 0 &&
			slot->degree <= plane->capacity &&
			omen_condemned_any(repair, omen_slot_ids(plane, slot),
							   omen_slot_tags(plane, slot), slot->degree))
			affected[count++] = omen_walk_ref(&walk, slot);
	}
	UnlockReleaseBuffer(buf);

	for (uint32 i = 0; i < count; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(repair->step_context);

		act(repair, affected[i]);
		MemoryContextSwitchTo(old);
		MemoryContextReset(repair->step_context);
	}
	pfree(affected);
	return kind;
}

/* The pass over all pages; remembers which are pages of upper slots. */
static void
repair_layer0(OmenRepair *repair)
{
	uint64		room = 64;
	OmenGraphPages pages;
	BlockNumber block;

	repair->upper_pages = palloc(room * sizeof(BlockNumber));
	repair->nupper_pages = 0;
	omen_graph_pages(&pages, repair->graph);
	while (omen_graph_next_page(&pages, &block))
	{
		OmenPageKind kind = repair_page(repair, block, repair_node);

		if (kind == OMEN_PAGE_UPPER)
		{
			if (repair->nupper_pages == room)
			{
				room *= 2;
				repair->upper_pages =
					repalloc_huge(repair->upper_pages,
								  mul_size(room, sizeof(BlockNumber)));
			}
			repair->upper_pages[repair->nupper_pages++] = block;
		}
		omen_vacuum_delay_point();
	}
}

/* ---------- the step 3: upper layers ---------- */

/* The best slot to start searches at: of those that stay, of the top layer. */
typedef struct EntryChoice
{
	OmenNodeRef ref;
	uint32		level;
} EntryChoice;

/*
 * Condemn the upper slots on a page whose nodes are, or that belong to no
 * node any more; remember the rest's highest.
 */
static void
condemn_upper_page(OmenRepair *upper, const OmenRepair *nodes,
				   BlockNumber block, EntryChoice *choice)
{
	OmenIndex  *ix = upper->ix;
	const OmenPlane *plane = upper->plane;
	uint64		found = upper->count;
	OmenSlotChange change;
	OmenSlotWalk walk;
	OmenSlotHeader *slot;

	(void) omen_slot_change_begin(&change, ix, plane, block * plane->per_page);
	omen_slots_begin_page(&walk, plane, change.page, block);
	while ((slot = omen_next_slot(&walk)) != NULL)
	{
		OmenCondemned *c = &upper->slots[upper->count];

		if (omen_condemned_find(nodes, slot->u.upper.node,
								OmenVersionTag(slot->u.upper.node_version)) ==
			NULL)
		{
			if (slot->level > choice->level)
			{
				choice->level = slot->level;
				choice->ref = omen_walk_ref(&walk, slot);
			}
			continue;
		}
		slot->flags |= OMEN_SLOT_CONDEMNED;
		c->ref = omen_walk_ref(&walk, slot);
		omen_condemned_remember(upper, c, slot);
		upper->count++;
	}
	if (upper->count > found)
		omen_slot_change_commit(&change);
	else
		omen_slot_change_abort(&change);
}

/* Let searches start elsewhere if the entry point is condemned. */
static void
replace_entry(OmenRepair *upper, const EntryChoice *choice)
{
	OmenGraphChange change;
	OmenGraphData *data = omen_graph_change_begin(upper->graph, &change);

	if (data->entry != OMEN_INVALID_ID &&
		omen_condemned_find(upper, data->entry,
							OmenVersionTag(data->entry_version)) != NULL)
	{
		data->entry = choice->level > 0 ? choice->ref.id : OMEN_INVALID_ID;
		data->entry_version = choice->ref.version;
		data->entry_level = choice->level;
		omen_graph_change_commit(&change);
	}
	else
		omen_graph_change_abort(&change);
	omen_graph_refresh(upper->graph);
}

static void
repair_upper(OmenRepair *nodes)
{
	OmenIndex  *ix = nodes->ix;
	OmenRepair	upper = *nodes;
	EntryChoice choice = {{OMEN_INVALID_ID, 0}, 0};

	if (nodes->nupper_pages == 0)
		return;
	upper.plane = &ix->layout.upper;
	/* no more than one page's slots beyond what is condemned at a time */
	omen_condemned_allocate(&upper, mul_size(nodes->nupper_pages,
											 upper.plane->per_page));
	upper.count = 0;
	for (uint64 i = 0; i < nodes->nupper_pages; i++)
	{
		condemn_upper_page(&upper, nodes, nodes->upper_pages[i], &choice);
		omen_vacuum_delay_point();
	}
	omen_condemned_ready(&upper);
	OMEN_PAUSE("repair-entry");
	replace_entry(&upper, &choice);
	for (uint64 i = 0; i < nodes->nupper_pages; i++)
	{
		(void) repair_page(&upper, nodes->upper_pages[i], repair_edges);
		omen_vacuum_delay_point();
	}
	omen_condemned_each_page(&upper, omen_condemned_free_page);
}

/* ---------- the whole ---------- */

/*
 * The root stays where it is even when it is dead: one navigable slot is
 * cheaper than moving the tree.
 */
static void
spare_root(OmenRepair *repair)
{
	omen_graph_refresh(repair->graph);
	for (uint64 i = 0; i < repair->count; i++)
	{
		if (repair->slots[i].ref.id == repair->graph->data.root)
			repair->slots[i].ref.id = OMEN_INVALID_ID;
	}
	omen_condemned_drop_invalid(repair);
}

static uint64
repair_batch(OmenGraph *graph, const OmenNodeRef *dead, uint64 count)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw repair",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OmenRepair	repair = {0};
	uint64		freed = 0;

	repair.graph = graph;
	repair.ix = graph->ix;
	repair.plane = &graph->ix->layout.node;
	repair.step_context =
		AllocSetContextCreate(context, "omen_hnsw repair of a slot",
							  ALLOCSET_DEFAULT_SIZES);
	omen_condemned_allocate(&repair, count);
	for (uint64 i = 0; i < count; i++)
		repair.slots[i].ref = dead[i];
	spare_root(&repair);
	omen_condemned_each_page(&repair, omen_condemn_page);
	omen_condemned_drop_invalid(&repair);
	omen_condemned_ready(&repair);
	OMEN_PAUSE("repair-condemned");
	repair_layer0(&repair);
	OMEN_PAUSE("repair-adopted");
	repair_upper(&repair);
	OMEN_PAUSE("repair-done");
	omen_condemned_each_page(&repair, omen_condemned_free_page);
	for (uint64 i = 0; i < repair.count; i++)
		freed += !repair.slots[i].keep;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return freed;
}

/*
 * Take dead nodes, sorted by id, out of the graph.  Uses about as much memory
 * as given, in bytes.  Returns how many were freed.
 */
uint64
omen_repair(OmenGraph *graph, OmenNodeRef *dead, uint64 ndead, Size memory)
{
	Size each = sizeof(OmenCondemned) + graph->ix->layout.node.capacity * 5;
	uint64		batch = Max(memory / each, 1024);
	uint64		freed = 0;

	for (uint64 start = 0; start < ndead; start += batch)
		freed += repair_batch(graph, dead + start, Min(batch, ndead - start));
	return freed;
}
