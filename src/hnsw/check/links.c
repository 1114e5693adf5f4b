/*-------------------------------------------------------------------------
 *
 * links.c
 *	  Second pass of a check: what slots say of other slots.
 *
 * Edges, the way down from upper slots, the chains that start at a node, and
 * at the end whether all of layer 0 is reachable.
 *
 * An edge may outlive its target: one with another version than the slot it
 * leads to, or to a slot not in use, is stale and no violation.  Only an edge
 * with the parent flag must lead somewhere.  Nodes of which the insert runs or
 * was cut, and nodes that VACUUM is about to free, need not be reachable:
 * neither has a row that anybody sees, or gets one.  If VACUUM was cut, some of
 * what these led to may be free already: children, and slots below.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/check/check.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* A slot of the pass. */
typedef struct Place
{
	const OmenPlane *plane;
	OmenSlotHeader *slot;
	uint32		id;
	uint64		ordinal;
	BlockNumber block;
	int			slotno;
} Place;

static OmenCheckFound
find_slot(const OmenCheck *check, const OmenPlane *plane, uint32 id,
		  uint64 *ordinal)
{
	return omen_check_find(check, plane->kind, plane->per_page, id, ordinal);
}

/* Is a node the root of its graph? */
static bool
is_root(const OmenCheck *check, const Place *node)
{
	uint32		group = check->seen.nodes[node->ordinal].group;

	return group != OMEN_CHECK_NO_GROUP &&
		   node->id == check->groups.list[group].record.graph.root &&
		   node->slot->version ==
			   check->groups.list[group].record.graph.root_version;
}

/* ---------- edges ---------- */

/*
 * Does the edge lead to a slot in use of the same group, of the version it was
 * made for?
 */
static bool
is_fresh(const OmenCheck *check, const Place *from, uint64 ordinal, uint8 tag)
{
	uint8		flags;
	uint16		version;
	bool		same_group;

	if (from->plane->kind == OMEN_PAGE_NODE)
	{
		flags = check->seen.nodes[ordinal].flags;
		version = check->seen.nodes[ordinal].version;
		same_group = check->seen.nodes[ordinal].group ==
					 check->seen.nodes[from->ordinal].group;
	}
	else
	{
		flags = check->seen.uppers[ordinal].flags;
		version = check->seen.uppers[ordinal].version;
		same_group = check->seen.uppers[ordinal].group ==
					 check->seen.uppers[from->ordinal].group;
	}
	return (flags & OMEN_SLOT_USED) != 0 && same_group &&
		   OmenVersionTag(version) == (tag & OMEN_TAG_VERSION);
}

static void
note_child(OmenCheck *check, uint32 child)
{
	check->children = omen_check_grow(check->children, sizeof(uint32),
									  check->nchildren, &check->children_room);
	check->children[check->nchildren++] = child;
}

/* An edge of layer 0 with the parent flag. */
static void
check_parent_edge(OmenCheck *check, const Place *from, int edge, bool fresh,
				  uint64 child)
{
	bool		is_parent =
		omen_check_is_linked(from->slot->flags) || is_root(check, from);

	if (!fresh)
	{
		if ((from->slot->flags & OMEN_SLOT_CONDEMNED) == 0)
			omen_check_report(
				check, "parent", from->block, from->slotno,
				"edge %d is that of a parent, but the child is gone", edge);
	}
	else if (is_parent)
	{
		check->seen.nodes[child].flags |= OMEN_CHECK_HAS_PARENT;
		note_child(check, (uint32) child);
	}
}

static void
check_edge(OmenCheck *check, const Place *from, int edge, uint32 id, uint8 tag)
{
	uint64		ordinal = 0;
	OmenCheckFound found = find_slot(check, from->plane, id, &ordinal);
	bool		is_upper = from->plane->kind == OMEN_PAGE_UPPER;
	bool		fresh = false;

	if (found == OMEN_CHECK_NO_SLOT)
		omen_check_report(
			check, "edge", from->block, from->slotno,
			"edge %d leads to %u, which is no slot of its layer's kind", edge,
			id);
	if (found == OMEN_CHECK_FOUND)
		fresh = is_fresh(check, from, ordinal, tag);
	if (fresh && id == from->id)
		omen_check_report(check, "self_edge", from->block, from->slotno,
						  "edge %d leads to its own slot", edge);
	if (is_upper && fresh &&
		check->seen.uppers[ordinal].level != from->slot->level)
		omen_check_report(check, "edge", from->block, from->slotno,
						  "edge %d leads from layer %u to layer %u", edge,
						  from->slot->level, check->seen.uppers[ordinal].level);
	if ((tag & OMEN_TAG_PARENT) == 0 || found == OMEN_CHECK_UNKNOWN)
		return;
	if (is_upper)
		omen_check_report(check, "parent", from->block, from->slotno,
						  "edge %d is that of a parent, in an upper layer",
						  edge);
	else
		check_parent_edge(check, from, edge, fresh, ordinal);
}

/* Report the same target twice.  A stale edge beside a fresh one is neither. */
static void
check_duplicates(OmenCheck *check, const Place *from, const uint32 *ids,
				 const uint8 *tags, int degree)
{
	for (int i = 1; i < degree; i++)
	{
		for (int j = 0; j < i; j++)
		{
			if (ids[j] != ids[i] ||
				((tags[j] ^ tags[i]) & OMEN_TAG_VERSION) != 0)
				continue;
			omen_check_report(check, "duplicate_edge", from->block,
							  from->slotno, "edges %d and %d both lead to %u",
							  j, i, ids[i]);
			break;
		}
	}
}

static void
check_edges(OmenCheck *check, const Place *from)
{
	uint32		ids[OMEN_MAX_CAPACITY];
	uint8		tags[OMEN_MAX_CAPACITY];
	/* what are no edges was reported by the first pass */
	int degree = omen_slot_get_edges(from->plane, from->slot, ids, tags);

	for (int i = 0; i < degree; i++)
		check_edge(check, from, i, ids[i], tags[i]);
	check_duplicates(check, from, ids, tags, degree);
}

/* ---------- nodes ---------- */

/*
 * A node whose payload was not written: its insert was cut.  One of the flat
 * list is not marked otherwise.
 */
static bool
may_lack_payload(const OmenSlotHeader *slot)
{
	return slot->payload == InvalidBlockNumber &&
		   (slot->flags & (OMEN_SLOT_LINKING | OMEN_SLOT_FLAT)) != 0;
}

/* Is what a member of the list has noted of its code, out of line, true? */
static void
check_note(OmenCheck *check, const Place *node, const void *code)
{
	OmenSlotHeader *slot = node->slot;
	uint32		note = *omen_slot_note(&check->layout.node, slot);

	if (check->graph_data.mode == OMEN_MODE_FLAT && note != 0 &&
		note != omen_code_note(&check->layout, code))
		omen_check_report(check, "code", node->block, node->slotno,
						  "hash of the code is that of another");
}

static void
check_node(OmenCheck *check, const Place *node)
{
	OmenSlotHeader *slot = node->slot;
	OmenNodeRef ref = {node->id, slot->version};
	OmenPayload payload = omen_code_payload(&check->layout, ref, slot->payload);
	uint32		tids = ItemPointerIsValid(&slot->u.node.heaptid) ? 1 : 0;

	check_edges(check, node);
	tids += omen_check_posting(check, slot->u.node.posting, ref, OMEN_SIDE_NONE,
							   node->block, node->slotno);
	if (check->seen.nodes[node->ordinal].group != OMEN_CHECK_NO_GROUP)
		check->groups.list[check->seen.nodes[node->ordinal].group]
			.nodes_with_rows += tids > 0;
	if (check->layout.out_of_line && !may_lack_payload(slot) &&
		omen_check_payload(check, &payload, check->code, node->block,
						   node->slotno))
	{
		omen_check_code(check, slot, check->code, node->block, node->slotno);
		check_note(check, node, check->code);
	}
}

/* ---------- upper slots ---------- */

/* NULL if an upper slot is rightly one of this node. */
static const char *
find_node_link_flaw(const OmenCheck *check, const OmenSlotHeader *slot,
					const OmenCheckNode *node, uint64 ordinal, uint32 group)
{
	if (node->group != group)
		return "is another group's";
	if ((node->flags & OMEN_SLOT_USED) == 0)
		return "is not in use";
	if (node->version != slot->u.upper.node_version)
		return "is another by now";
	if (node->level < slot->level)
		return "does not reach this layer";
	if ((slot->flags & OMEN_SLOT_CONDEMNED) != 0 &&
		(node->flags & OMEN_SLOT_CONDEMNED) == 0)
		return "stays, while the slot is about to be freed";
	if (node->code != omen_check_hash_code(check, &check->layout.upper, slot))
		return "has another code";
	/* cut inserts may be without payload */
	if (check->layout.out_of_line && omen_check_is_linked(node->flags) &&
		check->seen.payloads[ordinal] != slot->payload)
		return "has its payload elsewhere";
	return NULL;
}

/* The node of an upper slot; notes the layer there. */
static void
check_node_link(OmenCheck *check, const Place *upper)
{
	OmenSlotHeader *slot = upper->slot;
	uint64		ordinal = 0;
	OmenCheckFound found =
		find_slot(check, &check->layout.node, slot->u.upper.node, &ordinal);
	const char *flaw = "does not exist";

	if (found == OMEN_CHECK_UNKNOWN)
		return;
	if (found == OMEN_CHECK_FOUND)
	{
		OmenCheckNode *node = &check->seen.nodes[ordinal];

		flaw = find_node_link_flaw(check, slot, node, ordinal,
								   check->seen.uppers[upper->ordinal].group);
		if (flaw == NULL && slot->level <= OMEN_MAX_LEVEL)
			node->layers |= 1 << slot->level;
	}
	if (flaw != NULL)
		omen_check_report(check, "upper", upper->block, upper->slotno,
						  "node %u of the slot %s", slot->u.upper.node, flaw);
}

/* The slot one layer below an upper slot.  VACUUM may free it first. */
static void
check_down(OmenCheck *check, const Place *upper)
{
	OmenSlotHeader *slot = upper->slot;
	uint64		ordinal = 0;
	OmenCheckFound found;
	const OmenCheckUpper *below;
	const char *flaw = NULL;
	bool		is_condemned;

	if (slot->level <= 1)
	{
		if (slot->u.upper.down != OMEN_INVALID_ID)
			omen_check_report(check, "upper", upper->block, upper->slotno,
							  "slot of layer %u has a slot %u below",
							  slot->level, slot->u.upper.down);
		return;
	}
	found =
		find_slot(check, &check->layout.upper, slot->u.upper.down, &ordinal);
	if (found == OMEN_CHECK_UNKNOWN)
		return;
	is_condemned = (slot->flags & OMEN_SLOT_CONDEMNED) != 0;
	below = &check->seen.uppers[ordinal];
	if (found == OMEN_CHECK_NO_SLOT)
		flaw = "does not exist";
	else if ((below->flags & OMEN_SLOT_USED) == 0)
		flaw = is_condemned ? NULL : "is not in use";
	else if (below->version != slot->u.upper.down_version)
		flaw = is_condemned ? NULL : "is another by now";
	else if (below->level != slot->level - 1)
		flaw = "is not one layer below";
	else if (below->node != slot->u.upper.node ||
			 below->node_version != slot->u.upper.node_version)
		flaw = "is of another node";
	if (flaw != NULL)
		omen_check_report(check, "upper", upper->block, upper->slotno,
						  "slot %u below %s", slot->u.upper.down, flaw);
}

static void
check_upper(OmenCheck *check, const Place *upper)
{
	check_edges(check, upper);
	check_node_link(check, upper);
	check_down(check, upper);
}

/* ---------- the pass ---------- */

/*
 * Is the group of a slot being taken apart?  What its slots lead to may have
 * gone before them.
 */
static bool
is_of_leaving(const OmenCheck *check, const Place *place)
{
	uint32		group = place->plane->kind == OMEN_PAGE_NODE
					   ? check->seen.nodes[place->ordinal].group
					   : check->seen.uppers[place->ordinal].group;

	return group != OMEN_CHECK_NO_GROUP &&
		   omen_check_is_leaving(&check->groups.list[group]);
}

static void
check_page_links(OmenCheck *check, BlockNumber block)
{
	const OmenCheckBlock *note = &check->seen.blocks[block];
	bool		is_node = note->kind == OMEN_PAGE_NODE;
	Place		place;

	place.plane = is_node ? &check->layout.node : &check->layout.upper;
	place.block = block;
	for (uint32 i = 0; i < note->used; i++)
	{
		place.slot = omen_page_slot(check->page.data, place.plane, i);
		place.slotno = i;
		place.id = block * place.plane->per_page + i;
		place.ordinal = (uint64) note->base + i;
		if (is_node)
			check->first_child[place.ordinal] = check->nchildren;
		if ((place.slot->flags & OMEN_SLOT_USED) == 0 ||
			is_of_leaving(check, &place))
			continue;
		if (is_node)
			check_node(check, &place);
		else
			check_upper(check, &place);
	}
}

/*
 * A page that the second pass cannot read, though the first could: its nodes
 * have no children then.
 */
static void
skip_page(OmenCheck *check, BlockNumber block)
{
	const OmenCheckBlock *note = &check->seen.blocks[block];

	for (uint32 i = 0; note->kind == OMEN_PAGE_NODE && i < note->used; i++)
		check->first_child[note->base + i] = check->nchildren;
}

/* What a group's record, or the metapage, says of nodes and side lists. */
static void
check_group_links(OmenCheck *check, const OmenCheckGroup *group)
{
	const OmenGraphData *data = &group->record.graph;
	OmenNodeRef owner = omen_check_side_owner(group);

	(void) omen_check_posting(check, data->side_null, owner, OMEN_SIDE_NULL,
							  group->block, group->slot);
	(void) omen_check_posting(check, data->side_nan, owner, OMEN_SIDE_NAN,
							  group->block, group->slot);
	if (group->nodes_with_rows > data->node_limit)
		omen_check_report(
			check, "meta", group->block, group->slot,
			"index has " UINT64_FORMAT
			" nodes with rows, and claims to have no more than " UINT64_FORMAT,
			group->nodes_with_rows, data->node_limit);
	/* each had a slot then, and slots do not go away */
	if (data->vacuum_nodes > check->seen.nnodes ||
		data->vacuum_dead > check->seen.nnodes - data->vacuum_nodes)
		omen_check_report(check, "meta", group->block, group->slot,
						  "VACUUM has counted " UINT64_FORMAT
						  " nodes with rows and " UINT64_FORMAT
						  " without, but there are " UINT64_FORMAT " slots",
						  data->vacuum_nodes, data->vacuum_dead,
						  check->seen.nnodes);
}

/*
 * Check all that slots and the metapage refer to.  Gathers the parent edges
 * for omen_check_reach().
 */
void
omen_check_links(OmenCheck *check)
{
	check->first_child =
		palloc_extended(mul_size(check->seen.nnodes + 1, sizeof(uint64)),
						MCXT_ALLOC_HUGE);
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < check->nblocks;
		 block++)
	{
		uint8		kind = check->seen.blocks[block].kind;

		if (kind != OMEN_PAGE_NODE && kind != OMEN_PAGE_UPPER)
			continue;
		if (omen_check_read(check, block, check->page.data))
			check_page_links(check, block);
		else
			skip_page(check, block);
	}
	check->first_child[check->seen.nnodes] = check->nchildren;
	for (uint64 i = 0; i < check->groups.count; i++)
		check_group_links(check, &check->groups.list[i]);
}

/* ---------- what is reachable ---------- */

/* Mark all that parent edges lead to from the root. */
static void
mark_reachable(OmenCheck *check, uint64 root, uint32 *queue)
{
	uint64		head = 0;
	uint64		tail = 0;

	check->seen.nodes[root].flags |= OMEN_CHECK_REACHED;
	queue[tail++] = (uint32) root;
	while (head < tail)
	{
		uint32		node = queue[head++];

		for (uint64 i = check->first_child[node];
			 i < check->first_child[node + 1]; i++)
		{
			OmenCheckNode *child = &check->seen.nodes[check->children[i]];

			if ((child->flags & OMEN_CHECK_REACHED) != 0)
				continue;
			child->flags |= OMEN_CHECK_REACHED;
			queue[tail++] = check->children[i];
		}
		CHECK_FOR_INTERRUPTS();
	}
}

/* Where a search of layer 0 starts if nothing else is there. */
static void
check_root(OmenCheck *check, const OmenCheckGroup *group, uint32 *queue)
{
	const OmenGraphData *data = &group->record.graph;
	uint64		ordinal = 0;
	OmenCheckFound found;

	if (data->root == OMEN_INVALID_ID)
	{
		if (group->has_linked)
			omen_check_report(check, "root", group->block, group->slot,
							  "graph has nodes, but no root");
		return;
	}
	found = find_slot(check, &check->layout.node, data->root, &ordinal);
	if (found == OMEN_CHECK_FOUND &&
		(check->seen.nodes[ordinal].flags & OMEN_SLOT_USED) != 0 &&
		check->seen.nodes[ordinal].group == group - check->groups.list &&
		check->seen.nodes[ordinal].version == data->root_version)
	{
		mark_reachable(check, ordinal, queue);
		if ((check->seen.nodes[ordinal].flags & OMEN_SLOT_CONDEMNED) != 0)
			omen_check_report(check, "root", group->block, group->slot,
							  "root %u is about to be freed", data->root);
	}
	else
		omen_check_report(check, "root", group->block, group->slot,
						  "root %u is no node in use of that version",
						  data->root);
}

/* Where the way down starts. */
static void
check_entry(OmenCheck *check, const OmenCheckGroup *group)
{
	const OmenGraphData *data = &group->record.graph;
	uint64		ordinal = 0;
	const OmenCheckUpper *entry;
	OmenCheckFound found;

	if (data->entry == OMEN_INVALID_ID)
		return;
	found = find_slot(check, &check->layout.upper, data->entry, &ordinal);
	entry = &check->seen.uppers[ordinal];
	if (found != OMEN_CHECK_FOUND || (entry->flags & OMEN_SLOT_USED) == 0 ||
		entry->group != group - check->groups.list ||
		entry->version != data->entry_version)
		omen_check_report(
			check, "entry", group->block, group->slot,
			"entry point %u is no upper slot in use of that version",
			data->entry);
	else if (entry->level != data->entry_level)
		omen_check_report(check, "entry", group->block, group->slot,
						  "entry point %u is in layer %u, not %u", data->entry,
						  entry->level, data->entry_level);
}

/* The layer of the entry point; 0 if there is none. */
static uint32
entry_level(const OmenCheck *check, const OmenCheckNode *node)
{
	const OmenGraphData *data = &check->groups.list[node->group].record.graph;

	return data->entry == OMEN_INVALID_ID ? 0 : data->entry_level;
}

/* What must be true of a linked node, now that all links are known. */
static void
check_linked(OmenCheck *check, const OmenCheckNode *node, BlockNumber block,
			 int slotno)
{
	uint16		layers =
		(uint16) ((1 << (Min(node->level, OMEN_MAX_LEVEL) + 1)) - 2);

	if ((node->flags & OMEN_SLOT_CONDEMNED) != 0)
		return;
	if ((node->flags & OMEN_CHECK_REACHED) == 0)
	{
		if ((node->flags & OMEN_CHECK_HAS_PARENT) == 0)
			omen_check_report(check, "parent", block, slotno,
							  "node has no parent");
		else
			omen_check_report(check, "unreachable", block, slotno,
							  "no parents lead from the root to the node");
	}
	if ((node->layers & layers) != layers)
		omen_check_report(check, "upper", block, slotno,
						  "node of level %u lacks an upper slot", node->level);
	if (node->level > entry_level(check, node))
		omen_check_report(
			check, "entry", block, slotno,
			"node is of level %u, above the entry point in layer %u",
			node->level, entry_level(check, node));
}

/* Is a node one of a graph, which has to be reachable? */
static bool
is_in_graph(const OmenCheck *check, const OmenCheckNode *node)
{
	return omen_check_is_linked(node->flags) &&
		   node->group != OMEN_CHECK_NO_GROUP &&
		   !omen_check_is_leaving(&check->groups.list[node->group]) &&
		   check->groups.list[node->group].record.graph.mode != OMEN_MODE_FLAT;
}

/*
 * Check that each graph can be found from its root and its entry point.
 */
void
omen_check_reach(OmenCheck *check)
{
	uint32	   *queue =
		palloc_extended(mul_size(Max(check->seen.nnodes, 1), sizeof(uint32)),
						MCXT_ALLOC_HUGE);

	for (uint64 i = 0; i < check->seen.nnodes; i++)
	{
		if (is_in_graph(check, &check->seen.nodes[i]))
			check->groups.list[check->seen.nodes[i].group].has_linked = true;
	}
	for (uint64 i = 0; i < check->groups.count; i++)
	{
		if (check->groups.list[i].record.graph.mode == OMEN_MODE_FLAT ||
			omen_check_is_leaving(&check->groups.list[i]))
			continue;
		check_root(check, &check->groups.list[i], queue);
		check_entry(check, &check->groups.list[i]);
	}
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < check->nblocks;
		 block++)
	{
		const OmenCheckBlock *note = &check->seen.blocks[block];

		for (uint32 i = 0; note->kind == OMEN_PAGE_NODE && i < note->used; i++)
		{
			const OmenCheckNode *node = &check->seen.nodes[note->base + i];

			if (is_in_graph(check, node))
				check_linked(check, node, block, i);
		}
	}
	pfree(queue);
}
