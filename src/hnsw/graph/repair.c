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
#include "hnsw/graph/graph.h"
#include "miscadmin.h"
#include "pause.h"
#include "utils/memutils.h"

/* Times that a compare-and-set is tried on one slot. */
#define MAX_TRIES 10

/* Candidates for a slot's edges, in times of its capacity. */
#define ENOUGH_CANDIDATES 4

/* A condemned slot and the edges that it had. */
typedef struct Condemned
{
	OmenNodeRef ref;
	uint16		degree;
	bool		keep;			/* it cannot be freed this time */
	BlockNumber payload;
	uint32	   *ids;
	uint8	   *tags;
} Condemned;

typedef struct Repair
{
	OmenGraph  *graph;
	OmenIndex  *ix;				/* of the graph */
	const OmenPlane *plane;
	Condemned  *slots;			/* sorted by id */
	uint64		count;
	uint64	   *bitmap;			/* ids of them, for a quick no */
	uint64		bitmap_bits;
	BlockNumber *upper_pages;	/* met in the pass over all pages */
	uint64		nupper_pages;
	MemoryContext step_context; /* what one slot takes */
} Repair;

/* ---------- the set ---------- */

static void
build_bitmap(Repair *repair)
{
	repair->bitmap_bits =
		repair->count > 0 ? (uint64) repair->slots[repair->count - 1].ref.id + 1
						  : 0;
	repair->bitmap =
		palloc_extended(add_size(mul_size(repair->bitmap_bits / 64, 8), 8),
						MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < repair->count; i++)
		repair->bitmap[repair->slots[i].ref.id / 64] |=
			UINT64CONST(1) << (repair->slots[i].ref.id % 64);
}

/* The condemned slot that an edge leads to, or NULL. */
static Condemned *
find_condemned(const Repair *repair, uint32 id, uint8 tag)
{
	uint64		low = 0;
	uint64		high = repair->count;

	if (id >= repair->bitmap_bits ||
		(repair->bitmap[id / 64] & (UINT64CONST(1) << (id % 64))) == 0)
		return NULL;
	while (low < high)
	{
		uint64		middle = (low + high) / 2;

		if (repair->slots[middle].ref.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < repair->count && repair->slots[low].ref.id == id &&
		OmenVersionTag(repair->slots[low].ref.version) ==
			(tag & OMEN_TAG_VERSION))
		return &repair->slots[low];
	return NULL;
}

/* Does an edge lead to a slot that is going to be freed? */
static Condemned *
find_leaving(const Repair *repair, uint32 id, uint8 tag)
{
	Condemned  *c = find_condemned(repair, id, tag);

	return c != NULL && !c->keep ? c : NULL;
}

static bool
has_condemned_edge(const Repair *repair, const uint32 *ids, const uint8 *tags,
				   uint32 degree)
{
	for (uint32 i = 0; i < degree; i++)
	{
		if (find_leaving(repair, ids[i], tags[i]) != NULL)
			return true;
	}
	return false;
}

/* ---------- 1: condemning ---------- */

static void
remember_edges(Repair *repair, Condemned *slot, OmenSlotHeader *page_slot)
{
	slot->degree = Min(page_slot->degree, repair->plane->capacity);
	slot->payload = page_slot->payload;
	memcpy(slot->ids, omen_slot_ids(repair->plane, page_slot),
		   slot->degree * sizeof(uint32));
	memcpy(slot->tags, omen_slot_tags(repair->plane, page_slot), slot->degree);
}

/* May the node be condemned?  It may have got a row since it was seen. */
static bool
is_dead_node(const OmenSlotHeader *slot, uint16 version)
{
	return (slot->flags & OMEN_SLOT_USED) != 0 && slot->version == version &&
		   !omen_node_has_row(slot);
}

/*
 * Condemn the nodes that stand on one page: slots[from..to).  Those that may
 * not be are marked by an invalid id.
 */
static void
condemn_page(Repair *repair, uint64 from, uint64 to)
{
	OmenIndex  *ix = repair->ix;
	Buffer		buf =
		omen_pin(&ix->pages,
				 omen_id_block(repair->plane, repair->slots[from].ref.id));
	OmenChange	change;
	Page		page;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	page = omen_change_page(&change, buf);
	for (uint64 i = from; i < to; i++)
	{
		Condemned  *c = &repair->slots[i];
		OmenSlotHeader *slot =
			omen_page_slot(page, repair->plane,
						   omen_id_slot(repair->plane, c->ref.id));

		if (is_dead_node(slot, c->ref.version))
		{
			slot->flags |= OMEN_SLOT_CONDEMNED;
			remember_edges(repair, c, slot);
		}
		else
			c->ref.id = OMEN_INVALID_ID;
	}
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
}

/* Call a function for each run of slots on the same page. */
static void
for_each_page(Repair *repair, void (*act)(Repair *, uint64, uint64))
{
	uint64		from = 0;

	while (from < repair->count)
	{
		BlockNumber block =
			omen_id_block(repair->plane, repair->slots[from].ref.id);
		uint64		to = from + 1;

		while (to < repair->count &&
			   omen_id_block(repair->plane, repair->slots[to].ref.id) == block)
			to++;
		act(repair, from, to);
		omen_vacuum_delay_point();
		from = to;
	}
}

static void
drop_invalid(Repair *repair)
{
	uint64		kept = 0;

	for (uint64 i = 0; i < repair->count; i++)
	{
		if (repair->slots[i].ref.id != OMEN_INVALID_ID)
			repair->slots[kept++] = repair->slots[i];
	}
	repair->count = kept;
}

/* Room for the edges of count slots. */
static void
allocate_slots(Repair *repair, uint64 count)
{
	uint32		capacity = repair->plane->capacity;
	uint32 *ids = palloc_extended(mul_size(mul_size(Max(count, 1), capacity),
										   sizeof(uint32)),
								  MCXT_ALLOC_HUGE);
	uint8	   *tags =
		palloc_extended(mul_size(Max(count, 1), capacity), MCXT_ALLOC_HUGE);

	repair->slots = palloc_extended(mul_size(Max(count, 1), sizeof(Condemned)),
									MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	repair->count = count;
	for (uint64 i = 0; i < count; i++)
	{
		repair->slots[i].ids = ids + i * capacity;
		repair->slots[i].tags = tags + i * capacity;
	}
}

/* ---------- children ---------- */

typedef struct ChildList
{
	OmenNodeRef *refs;
	uint32		count;
	uint32		room;
} ChildList;

static void
add_child(ChildList *list, OmenNodeRef ref)
{
	if (list->count == list->room)
	{
		list->room = Max(64, list->room * 2);
		list->refs =
			list->refs
				? repalloc_huge(list->refs,
								mul_size(list->room, sizeof(OmenNodeRef)))
				: palloc(list->room * sizeof(OmenNodeRef));
	}
	list->refs[list->count++] = ref;
}

/*
 * The node that an edge leads to, if it is in use.  One that is condemned, but
 * not in this batch, counts only with the parent flag: what is below it must
 * not lose its path.
 */
static bool
edge_target(OmenIndex *ix, const OmenPlane *plane, uint32 id, uint8 tag,
			OmenNodeRef *target)
{
	Buffer		buf;
	OmenSlotHeader *slot = omen_visit(ix, plane, id, &buf);
	bool		valid;

	if (slot == NULL)
		return false;
	target->id = id;
	target->version = slot->version;
	valid = OmenVersionTag(slot->version) == (tag & OMEN_TAG_VERSION) &&
			((tag & OMEN_TAG_PARENT) != 0 ||
			 (slot->flags & OMEN_SLOT_CONDEMNED) == 0);
	UnlockReleaseBuffer(buf);
	return valid;
}

/*
 * The nearest descendants of a condemned node that stay, along parent edges
 * through condemned nodes only; these nodes are returned in *through, and their
 * number.  Goes by a list, not by recursion: chains may be long.  (The
 * condemned nodes among them are a tree, so each is met once; the bound guards
 * against a damaged one.)
 */
static uint64
living_descendants(Repair *repair, Condemned *start, ChildList *children,
				   Condemned ***through)
{
	uint64		room = 64;
	Condemned **queue = palloc(room * sizeof(Condemned *));
	uint64		head = 0;
	uint64		tail = 0;

	queue[tail++] = start;
	while (head < tail && head <= repair->count)
	{
		const Condemned *c = queue[head++];

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < c->degree; i++)
		{
			Condemned  *next;
			OmenNodeRef child;

			if ((c->tags[i] & OMEN_TAG_PARENT) == 0)
				continue;
			next = find_condemned(repair, c->ids[i], c->tags[i]);
			if (next == NULL)
			{
				if (edge_target(repair->ix, repair->plane, c->ids[i],
								c->tags[i], &child))
					add_child(children, child);
				continue;
			}
			if (tail == room)
			{
				room *= 2;
				queue =
					repalloc_huge(queue, mul_size(room, sizeof(Condemned *)));
			}
			queue[tail++] = next;
		}
	}
	*through = queue;
	return tail;
}

/*
 * Let a node adopt the living descendants of a condemned child.  If that fails
 * for one of them, none of the condemned nodes in between is freed.
 */
static void
adopt_descendants(Repair *repair, OmenNodeRef parent, Condemned *child)
{
	ChildList	children = {0};
	Condemned **through;
	uint64		nthrough;
	bool		failed = false;

	nthrough = living_descendants(repair, child, &children, &through);
	for (uint32 i = 0; i < children.count; i++)
	{
		if (children.refs[i].id != parent.id &&
			!omen_link_adopt(repair->graph, parent, children.refs[i], 0))
			failed = true;
	}
	for (uint64 i = 0; failed && i < nthrough; i++)
		through[i]->keep = true;
}

/* ---------- 2 and 3: edges ---------- */

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

	if (!edge_target(ix, plane, id, tag, &target))
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
repair_candidates(Repair *repair, OmenNodeRef ref, const OmenEdges *old,
				  const OmenCodeHeader *header, const uint8 *code,
				  OmenCandidate *candidates)
{
	OmenGraph  *graph = repair->graph;
	uint32		most = ENOUGH_CANDIDATES * repair->plane->capacity;
	uint32		count = 0;

	for (int i = 0; i < old->degree; i++)
	{
		if (find_leaving(repair, old->ids[i], old->tags[i]) == NULL &&
			make_candidate(graph, repair->plane, old->ids[i], old->tags[i],
						   header, code, true, &candidates[count]))
			count++;
	}
	for (int i = 0; i < old->degree; i++)
	{
		Condemned  *c = find_leaving(repair, old->ids[i], old->tags[i]);

		for (int j = 0; c != NULL && j < c->degree && count < most; j++)
		{
			if (c->ids[j] != ref.id &&
				find_leaving(repair, c->ids[j], c->tags[j]) == NULL &&
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
repair_edges(Repair *repair, OmenNodeRef ref)
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
			!has_condemned_edge(repair, old.ids, old.tags, old.degree) ||
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
repair_node(Repair *repair, OmenNodeRef ref)
{
	OmenEdges	edges;

	if (!omen_edges_read(repair->graph, repair->plane, ref, &edges))
		return;
	for (int i = 0; i < edges.degree; i++)
	{
		Condemned  *child;

		if ((edges.tags[i] & OMEN_TAG_PARENT) == 0)
			continue;
		child = find_condemned(repair, edges.ids[i], edges.tags[i]);
		if (child != NULL)
			adopt_descendants(repair, ref, child);
	}
	repair_edges(repair, ref);
}

/*
 * Repair the slots of one page, and tell its kind.
 */
static OmenPageKind
repair_page(Repair *repair, BlockNumber block,
			void (*act)(Repair *, OmenNodeRef))
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
			has_condemned_edge(repair, omen_slot_ids(plane, slot),
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
repair_layer0(Repair *repair)
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

/* ---------- 3: the upper layers ---------- */

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
condemn_upper_page(Repair *upper, const Repair *nodes, BlockNumber block,
				   EntryChoice *choice)
{
	OmenIndex  *ix = upper->ix;
	const OmenPlane *plane = upper->plane;
	Buffer		buf = omen_pin(&ix->pages, block);
	OmenChange	change;
	uint64		found = upper->count;
	OmenSlotWalk walk;
	OmenSlotHeader *slot;
	Page		page;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	page = omen_change_page(&change, buf);
	omen_slots_begin_page(&walk, plane, page, block);
	while ((slot = omen_next_slot(&walk)) != NULL)
	{
		Condemned  *c = &upper->slots[upper->count];

		if (find_condemned(nodes, slot->u.upper.node,
						   OmenVersionTag(slot->u.upper.node_version)) == NULL)
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
		remember_edges(upper, c, slot);
		upper->count++;
	}
	if (upper->count > found)
		omen_change_commit(&change);
	else
		omen_change_abort(&change);
	UnlockReleaseBuffer(buf);
}

/* Let searches start elsewhere if the entry point is condemned. */
static void
replace_entry(Repair *upper, const EntryChoice *choice)
{
	OmenGraphChange change;
	OmenGraphData *data = omen_graph_change_begin(upper->graph, &change);

	if (data->entry != OMEN_INVALID_ID &&
		find_condemned(upper, data->entry,
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

/* ---------- 4: freeing ---------- */

static void
free_page_slots(Repair *repair, uint64 from, uint64 to)
{
	OmenIndex  *ix = repair->ix;
	Buffer		buf =
		omen_pin(&ix->pages,
				 omen_id_block(repair->plane, repair->slots[from].ref.id));
	OmenChange	change;
	bool		any = false;
	Page		page;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	page = omen_change_page(&change, buf);
	for (uint64 i = from; i < to; i++)
	{
		if (repair->slots[i].keep)
			continue;
		omen_page_give_slot(ix, page,
							omen_id_slot(repair->plane,
										 repair->slots[i].ref.id));
		any = true;
	}
	if (any)
	{
		omen_change_commit(&change);
		omen_page_list(ix, buf);
	}
	else
		omen_change_abort(&change);
	UnlockReleaseBuffer(buf);

	for (uint64 i = from; i < to && ix->layout.out_of_line &&
						  repair->plane->kind == OMEN_PAGE_NODE;
		 i++)
	{
		if (!repair->slots[i].keep)
			omen_payload_free(ix, repair->slots[i].payload,
							  repair->slots[i].ref.id);
	}
}

static void
repair_upper(Repair *nodes)
{
	OmenIndex  *ix = nodes->ix;
	Repair		upper = *nodes;
	EntryChoice choice = {{OMEN_INVALID_ID, 0}, 0};

	if (nodes->nupper_pages == 0)
		return;
	upper.plane = &ix->layout.upper;
	/* no more than one page's slots beyond what is condemned at a time */
	allocate_slots(&upper,
				   mul_size(nodes->nupper_pages, upper.plane->per_page));
	upper.count = 0;
	for (uint64 i = 0; i < nodes->nupper_pages; i++)
	{
		condemn_upper_page(&upper, nodes, nodes->upper_pages[i], &choice);
		omen_vacuum_delay_point();
	}
	build_bitmap(&upper);
	OMEN_PAUSE("repair-entry");
	replace_entry(&upper, &choice);
	for (uint64 i = 0; i < nodes->nupper_pages; i++)
	{
		(void) repair_page(&upper, nodes->upper_pages[i], repair_edges);
		omen_vacuum_delay_point();
	}
	for_each_page(&upper, free_page_slots);
}

/* ---------- the whole ---------- */

/*
 * The root stays where it is even when it is dead: one navigable slot is
 * cheaper than moving the tree.
 */
static void
spare_root(Repair *repair)
{
	omen_graph_refresh(repair->graph);
	for (uint64 i = 0; i < repair->count; i++)
	{
		if (repair->slots[i].ref.id == repair->graph->data.root)
			repair->slots[i].ref.id = OMEN_INVALID_ID;
	}
	drop_invalid(repair);
}

static uint64
repair_batch(OmenGraph *graph, const OmenNodeRef *dead, uint64 count)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw repair",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Repair		repair = {0};
	uint64		freed = 0;

	repair.graph = graph;
	repair.ix = graph->ix;
	repair.plane = &graph->ix->layout.node;
	repair.step_context =
		AllocSetContextCreate(context, "omen_hnsw repair of a slot",
							  ALLOCSET_DEFAULT_SIZES);
	allocate_slots(&repair, count);
	for (uint64 i = 0; i < count; i++)
		repair.slots[i].ref = dead[i];
	spare_root(&repair);
	for_each_page(&repair, condemn_page);
	drop_invalid(&repair);
	build_bitmap(&repair);
	OMEN_PAUSE("repair-condemned");
	repair_layer0(&repair);
	OMEN_PAUSE("repair-adopted");
	repair_upper(&repair);
	OMEN_PAUSE("repair-done");
	for_each_page(&repair, free_page_slots);
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
	Size		each = sizeof(Condemned) + graph->ix->layout.node.capacity * 5;
	uint64		batch = Max(memory / each, 1024);
	uint64		freed = 0;

	for (uint64 start = 0; start < ndead; start += batch)
		freed += repair_batch(graph, dead + start, Min(batch, ndead - start));
	return freed;
}

/* Free one member of the flat list unless it has got a row. */
static bool
free_flat_node(OmenIndex *ix, OmenNodeRef ref)
{
	const OmenPlane *plane = &ix->layout.node;
	OmenSlotChange change;
	OmenSlotHeader *slot = omen_slot_change_begin(&change, ix, plane, ref.id);
	BlockNumber payload = slot->payload;

	if (!is_dead_node(slot, ref.version) || (slot->flags & OMEN_SLOT_FLAT) == 0)
	{
		omen_slot_change_abort(&change);
		return false;
	}
	omen_page_give_slot(ix, change.page, omen_id_slot(plane, ref.id));
	omen_change_commit(&change.pages);
	omen_page_list(ix, change.buf);
	UnlockReleaseBuffer(change.buf);
	if (ix->layout.out_of_line)
		omen_payload_free(ix, payload, ref.id);
	return true;
}

/*
 * Take dead nodes off the flat list: they have no edges.  The caller holds the
 * flat list's lock, share.  Returns how many were freed.
 */
uint64
omen_free_flat(OmenGraph *graph, OmenNodeRef *dead, uint64 ndead)
{
	uint64		freed = 0;

	for (uint64 i = 0; i < ndead; i++)
		freed += free_flat_node(graph->ix, dead[i]);
	return freed;
}
