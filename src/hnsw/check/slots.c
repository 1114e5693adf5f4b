/*-------------------------------------------------------------------------
 *
 * slots.c
 *	  First pass of a check: each slot by itself.
 *
 * Reports what is wrong without a look at any other slot, and notes in a few
 * bytes a slot what the further passes have to know.  Must not follow ids.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/check/check.h"

/* ---------- heap TIDs ---------- */

static void
note_tid(OmenCheck *check, const char *kind, const ItemPointerData *tid,
		 BlockNumber block, int slot)
{
	OmenCheckTid *note;
	BlockNumber heap_block = ItemPointerGetBlockNumberNoCheck(tid);
	OffsetNumber heap_offset = ItemPointerGetOffsetNumberNoCheck(tid);

	if (heap_offset < FirstOffsetNumber || heap_offset > MaxOffsetNumber ||
		heap_block >= check->heap_blocks)
	{
		omen_check_report(check, kind, block, slot,
						  "heap TID (%u,%u) is not in the table", heap_block,
						  heap_offset);
		return;
	}
	check->seen.tids =
		omen_check_grow(check->seen.tids, sizeof(OmenCheckTid),
						check->seen.ntids, &check->seen.tids_room);
	note = &check->seen.tids[check->seen.ntids++];
	note->tid = *tid;
	note->block = block;
	note->slot = slot;
}

/* ---------- slots ---------- */

/* What the graph, or the list, that a slot is of is at the moment. */
static OmenMode
mode_of(const OmenCheck *check, const OmenPlane *plane,
		const OmenSlotHeader *slot)
{
	uint32		group = omen_check_group_of(check, plane, slot);

	return group == OMEN_CHECK_NO_GROUP ||
				   omen_check_is_leaving(&check->groups.list[group])
			   ? OMEN_MODE_CONVERTING
			   : (OmenMode) check->groups.list[group].record.graph.mode;
}

/* NULL if the flags of a node may be so, in the index's mode. */
static const char *
find_node_flaw(const OmenCheck *check, const OmenSlotHeader *slot)
{
	OmenMode	mode = mode_of(check, &check->layout.node, slot);

	uint8 known = OMEN_SLOT_USED | OMEN_SLOT_LINKING | OMEN_SLOT_CONDEMNED |
				  OMEN_SLOT_FLAT |
				  (check->layout.key_bytes > 0 ? OMEN_SLOT_MIXED : 0);
	int			keys = check->columns.filters;
	bool		is_flat = (slot->flags & OMEN_SLOT_FLAT) != 0;

	if ((slot->flags & OMEN_SLOT_USED) == 0 || (slot->flags & ~known) != 0 ||
		(is_flat && (slot->flags & OMEN_SLOT_LINKING) != 0))
		return "has impossible flags";
	if (slot->level > OMEN_MAX_LEVEL)
		return "has an impossible level";
	if (!ItemPointerIsValid(&slot->u.node.heaptid) &&
		ItemPointerGetBlockNumberNoCheck(&slot->u.node.heaptid) !=
			InvalidBlockNumber)
		return "has half a heap TID";
	if (slot->u.node.key_nulls >> keys != 0)
		return "has a NULL key of a column that there is not";
	if ((slot->flags & OMEN_SLOT_CONDEMNED) != 0 &&
		(omen_node_has_row(slot) || mode == OMEN_MODE_FLAT))
		return "is about to be freed, but has rows or is in a flat list";
	if (mode == OMEN_MODE_FLAT && !is_flat)
		return "is a node of a graph in a flat list";
	if (mode == OMEN_MODE_FLAT && (slot->degree > 0 || slot->level > 0))
		return "is a member of a flat list with edges or a level";
	if (!check->layout.out_of_line && slot->payload != InvalidBlockNumber)
		return "has payload, but codes of this index lie in the slots";
	return NULL;
}

static const char *
find_upper_flaw(const OmenCheck *check, const OmenSlotHeader *slot)
{
	uint8		known = OMEN_SLOT_USED | OMEN_SLOT_CONDEMNED;

	if ((slot->flags & OMEN_SLOT_USED) == 0 || (slot->flags & ~known) != 0)
		return "has impossible flags";
	if (slot->level < 1 || slot->level > OMEN_MAX_LEVEL)
		return "is of an impossible layer";
	if (mode_of(check, &check->layout.upper, slot) == OMEN_MODE_FLAT)
		return "is of an upper layer, but the index is a flat list";
	if (!check->layout.out_of_line && slot->payload != InvalidBlockNumber)
		return "has payload, but codes of this index lie in the slots";
	return NULL;
}

/*
 * A member of the list that a graph was made of, with a row, and never linked.
 * Without a row, or without its payload (its insert was cut), it was left out
 * on purpose.
 */
static bool
was_forgotten(const OmenCheck *check, const OmenSlotHeader *slot)
{
	return mode_of(check, &check->layout.node, slot) == OMEN_MODE_GRAPH &&
		   (slot->flags & OMEN_SLOT_FLAT) != 0 &&
		   ItemPointerIsValid(&slot->u.node.heaptid) &&
		   !(check->layout.out_of_line && slot->payload == InvalidBlockNumber);
}

/* Report what is left in a slot that is not in use. */
static void
check_free_slot(OmenCheck *check, const OmenPlane *plane,
				const OmenSlotHeader *slot, BlockNumber block, int slotno)
{
	OmenSlotHeader header = *slot;

	header.version = 0;
	if (!omen_check_is_zero(&header, sizeof(header)) ||
		!omen_check_is_zero(slot + 1, plane->stride - sizeof(OmenSlotHeader)))
		omen_check_report(check, "slot", block, slotno,
						  "slot is not in use, but not empty");
}

/* Report what stands in a slot that is kept for a group, beside its name. */
static void
check_reserved(OmenCheck *check, const OmenSlotHeader *slot, BlockNumber block,
			   int slotno)
{
	const OmenPlane *plane = &check->layout.node;
	OmenSlotHeader header = *slot;
	const char *start = (const char *) slot;
	uint32		end = plane->group_offset + sizeof(uint32);

	header.version = 0;
	header.flags = 0;
	omen_check_slot_group(check, plane, slot, block, slotno);
	if (!omen_check_is_zero(&header, sizeof(header)) ||
		!omen_check_is_zero(slot + 1,
							plane->group_offset - sizeof(OmenSlotHeader)) ||
		!omen_check_is_zero(start + end, plane->stride - end))
		omen_check_report(check, "slot", block, slotno,
						  "slot is only kept for a group, but not empty");
}

/*
 * Report what stands in the gaps that alignment makes, and where the members of
 * a list would have edges; there a code out of line may have a note.  (Where a
 * slot of a graph has fewer edges than it had once, the old ones may still be
 * seen.)
 */
static void
check_gaps(OmenCheck *check, const OmenPlane *plane, const OmenSlotHeader *slot,
		   BlockNumber block, int slotno)
{
	const char *start = (const char *) slot;
	uint32		note_bytes = check->layout.out_of_line ? sizeof(uint32) : 0;
	uint32		code_end =
		plane->code_offset +
		(check->layout.out_of_line ? 0 : check->layout.code_bytes);
	uint32		edges_end = mode_of(check, plane, slot) == OMEN_MODE_FLAT
						   ? plane->edges_offset + note_bytes
						   : plane->edges_offset + plane->edge_bytes;
	uint32		gap_end =
		plane->group_offset != 0 ? plane->group_offset : plane->keys_offset;

	if (!omen_check_is_zero(start + code_end, gap_end - code_end) ||
		!omen_check_is_zero(start + edges_end, plane->stride - edges_end))
		omen_check_report(check, "slot", block, slotno,
						  "slot has something where there is nothing");
}

/* What nodes and upper slots have in common. */
static void
check_slot(OmenCheck *check, const OmenPlane *plane, OmenSlotHeader *slot,
		   BlockNumber block, int slotno, const char *flaw)
{
	bool		is_upper = plane->kind == OMEN_PAGE_UPPER;
	uint32		ids[OMEN_MAX_CAPACITY];
	uint8		tags[OMEN_MAX_CAPACITY];

	omen_check_slot_group(check, plane, slot, block, slotno);
	if (flaw != NULL)
		omen_check_report(check, "slot", block, slotno, "slot %s", flaw);
	if (slot->degree > plane->capacity)
		omen_check_report(check, "degree", block, slotno,
						  "slot has %u edges, and room for %u", slot->degree,
						  plane->capacity);
	else if (omen_slot_get_edges(plane, slot, ids, tags) < 0)
		omen_check_report(check, "edge", block, slotno,
						  "slot has no %u edges where it should", slot->degree);
	check_gaps(check, plane, slot, block, slotno);
	omen_check_code_header(check, slot, is_upper, block, slotno);
	if (!check->layout.out_of_line)
		omen_check_code(check, slot, omen_slot_code(plane, slot), block,
						slotno);
}

void
omen_check_note_node(OmenCheck *check, OmenSlotHeader *slot, BlockNumber block,
					 int slotno)
{
	OmenCheckNode *note;

	check->seen.nodes =
		omen_check_grow(check->seen.nodes, sizeof(OmenCheckNode),
						check->seen.nnodes, &check->seen.nodes_room);
	note = &check->seen.nodes[check->seen.nnodes];
	memset(note, 0, sizeof(OmenCheckNode));
	note->version = slot->version;
	if (check->layout.out_of_line)
	{
		check->seen.payloads =
			omen_check_grow(check->seen.payloads, sizeof(BlockNumber),
							check->seen.nnodes, &check->seen.payloads_room);
		check->seen.payloads[check->seen.nnodes] = slot->payload;
	}
	check->seen.nnodes++;
	note->group = OMEN_CHECK_NO_GROUP;
	if (slot->flags == 0)
	{
		check_free_slot(check, &check->layout.node, slot, block, slotno);
		return;
	}
	note->group = omen_check_group_of(check, &check->layout.node, slot);
	if (omen_check_has_groups(check) && slot->flags == OMEN_SLOT_RESERVED)
	{
		check_reserved(check, slot, block, slotno);
		return;
	}

	check_slot(check, &check->layout.node, slot, block, slotno,
			   find_node_flaw(check, slot));
	if (was_forgotten(check, slot))
		omen_check_report(check, "unlinked", block, slotno,
						  "node has a row, but no place in the graph");
	/* without this flag nobody takes it for a node */
	if ((slot->flags & OMEN_SLOT_USED) == 0)
		return;
	if (ItemPointerIsValid(&slot->u.node.heaptid))
		note_tid(check, "slot", &slot->u.node.heaptid, block, slotno);
	note->flags = slot->flags & (OMEN_SLOT_USED | OMEN_SLOT_LINKING |
								 OMEN_SLOT_CONDEMNED | OMEN_SLOT_FLAT);
	note->level = slot->level;
	note->code = omen_check_hash_code(check, &check->layout.node, slot);
}

void
omen_check_note_upper(OmenCheck *check, OmenSlotHeader *slot, BlockNumber block,
					  int slotno)
{
	OmenCheckUpper *note;

	check->seen.uppers =
		omen_check_grow(check->seen.uppers, sizeof(OmenCheckUpper),
						check->seen.nuppers, &check->seen.uppers_room);
	note = &check->seen.uppers[check->seen.nuppers++];
	memset(note, 0, sizeof(OmenCheckUpper));
	note->version = slot->version;
	note->group = OMEN_CHECK_NO_GROUP;
	if (slot->flags == 0)
	{
		check_free_slot(check, &check->layout.upper, slot, block, slotno);
		return;
	}
	note->group = omen_check_group_of(check, &check->layout.upper, slot);

	check_slot(check, &check->layout.upper, slot, block, slotno,
			   find_upper_flaw(check, slot));
	note->node = slot->u.upper.node;
	note->node_version = slot->u.upper.node_version;
	if ((slot->flags & OMEN_SLOT_USED) != 0)
		note->flags = slot->flags & (OMEN_SLOT_USED | OMEN_SLOT_CONDEMNED);
	note->level = slot->level;
}

void
omen_check_note_chunk(OmenCheck *check, const OmenPostingChunk *chunk,
					  BlockNumber block, int slotno)
{
	OmenCheckChunk *note;

	check->seen.chunks =
		omen_check_grow(check->seen.chunks, sizeof(OmenCheckChunk),
						check->seen.nchunks, &check->seen.chunks_room);
	note = &check->seen.chunks[check->seen.nchunks++];
	memset(note, 0, sizeof(OmenCheckChunk));
	if (chunk->flags == 0)
	{
		if (!omen_check_is_zero(chunk, sizeof(OmenPostingChunk)))
			omen_check_report(check, "slot", block, slotno,
							  "chunk is not in use, but not empty");
		return;
	}

	if (chunk->flags != OMEN_SLOT_USED &&
		chunk->flags != (OMEN_SLOT_USED | OMEN_CHUNK_NULL) &&
		chunk->flags != (OMEN_SLOT_USED | OMEN_CHUNK_NAN))
		omen_check_report(check, "slot", block, slotno,
						  "chunk has impossible flags");
	if (chunk->count > OMEN_CHUNK_TIDS)
		omen_check_report(check, "posting", block, slotno,
						  "chunk has %u heap TIDs, and room for %d",
						  chunk->count, OMEN_CHUNK_TIDS);
	if ((chunk->flags & OMEN_SLOT_USED) != 0)
		note->flags =
			chunk->flags & (OMEN_SLOT_USED | OMEN_CHUNK_NULL | OMEN_CHUNK_NAN);
	note->owner = chunk->owner;
	note->owner_version = chunk->owner_version;
	note->next = chunk->next;
	/* nobody reads a chunk that claims to have more */
	if (chunk->count <= OMEN_CHUNK_TIDS && note->flags != 0)
		note->count = chunk->count;
	for (int i = 0; i < note->count; i++)
		note_tid(check, "posting", &chunk->tids[i], block, slotno);
}
