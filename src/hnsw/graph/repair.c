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
 *	   living descendants; then edges to condemned nodes are replaced, see
 *	   rewire.c;
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

#include "array.h"
#include "compat.h"
#include "hnsw/graph/repair.h"
#include "miscadmin.h"
#include "pause.h"
#include "utils/memutils.h"

/* Let a slot of layer 0 adopt what is below its condemned children. */
static void
adopt(OmenRepair *repair, OmenNodeRef ref)
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
}

/* Repair the slots of one page that lead to condemned ones. */
static void
repair_slots(OmenRepair *repair, const OmenNodeRef *affected, uint32 count)
{
	MemoryContext old = MemoryContextSwitchTo(repair->page_context);

	for (uint32 i = 0; i < count && repair->plane->kind == OMEN_PAGE_NODE; i++)
	{
		MemoryContextSwitchTo(repair->step_context);
		adopt(repair, affected[i]);
		MemoryContextSwitchTo(repair->page_context);
		MemoryContextReset(repair->step_context);
	}
	omen_rewire(repair, affected, count);
	MemoryContextSwitchTo(old);
	MemoryContextReset(repair->page_context);
}

/* Repair one page, and tell its kind. */
static OmenPageKind
repair_page(OmenRepair *repair, BlockNumber block)
{
	OmenIndex  *ix = repair->ix;
	const OmenPlane *plane = repair->plane;
	Buffer		buf = omen_pin(&ix->pages, block);
	OmenNodeRef *affected = palloc(plane->per_page * sizeof(OmenNodeRef));
	uint32		count = 0;
	OmenPageKind kind = OMEN_PAGE_FREE;
	uint32		ids[OMEN_MAX_CAPACITY];
	uint8		tags[OMEN_MAX_CAPACITY];
	OmenPageOpaque opaque;
	OmenSlotWalk walk;
	OmenSlotHeader *slot;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	opaque = omen_check_page(ix->pages.rel, buf);
	if (opaque != NULL)
		kind = opaque->kind;
	omen_slots_begin_graph(&walk, repair->graph, plane, buf);
	while ((slot = omen_next_slot(&walk)) != NULL)
	{
		int			degree = omen_slot_get_edges(plane, slot, ids, tags);

		if ((slot->flags & OMEN_SLOT_CONDEMNED) == 0 && degree > 0 &&
			omen_condemned_any(repair, ids, tags, degree))
			affected[count++] = omen_walk_ref(&walk, slot);
	}
	UnlockReleaseBuffer(buf);

	repair_slots(repair, affected, count);
	pfree(affected);
	return kind;
}

/* Remember a page of upper slots. */
static void
note_upper_page(OmenRepair *repair, BlockNumber block)
{
	OMEN_GROW(CurrentMemoryContext, repair->upper_pages,
			  repair->upper_pages_room, repair->nupper_pages + 1);
	repair->upper_pages[repair->nupper_pages++] = block;
}

static int
compare_blocks(const void *a, const void *b)
{
	const BlockNumber *x = a;
	const BlockNumber *y = b;

	return *x < *y ? -1 : (*x > *y ? 1 : 0);
}

/*
 * The pass over all pages; remembers which are pages of upper slots.  Those of
 * a group are on a chain of their own.
 */
static void
repair_layer0(OmenRepair *repair)
{
	OmenGraphPages pages;
	BlockNumber block;

	omen_graph_pages(&pages, repair->graph);
	while (omen_graph_next_page(&pages, &block))
	{
		if (repair_page(repair, block) == OMEN_PAGE_UPPER)
			note_upper_page(repair, block);
		omen_vacuum_delay_point();
	}
	if (!omen_graph_is_group(repair->graph))
		return;
	omen_graph_upper_pages(&pages, repair->graph);
	while (omen_graph_next_page(&pages, &block))
		note_upper_page(repair, block);
	/* slots are condemned in their order, to be found by their ids */
	if (repair->nupper_pages > 0)
		qsort(repair->upper_pages, repair->nupper_pages, sizeof(BlockNumber),
			  compare_blocks);
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
		(void) repair_page(&upper, nodes->upper_pages[i]);
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
	repair.context = context;
	repair.step_context =
		AllocSetContextCreate(context, "omen_hnsw repair of a slot",
							  ALLOCSET_DEFAULT_SIZES);
	repair.page_context =
		AllocSetContextCreate(context, "omen_hnsw repair of a page",
							  ALLOCSET_DEFAULT_SIZES);
	repair.search = omen_search_create(graph);
	repair.search->may_peek = !graph->ix->layout.out_of_line &&
							  !RelationUsesLocalBuffers(graph->ix->pages.rel);
	repair.search_ef = omen_rewire_ef(graph->ix);
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
