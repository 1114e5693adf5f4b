/*-------------------------------------------------------------------------
 *
 * condemned.c
 *	  Slots that are being taken out: condemning them, finding them by the edges
 *	  that lead to them, giving them back.
 *
 * What becomes of those edges, and of the nodes that they were parents of, is
 * repair.c's and adopt.c's business.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/graph/repair.h"
#include "pause.h"
#include "utils/memutils.h"

/* ---------- the set ---------- */

/* Room for the edges of count slots. */
void
omen_condemned_allocate(OmenRepair *repair, uint64 count)
{
	uint32		capacity = repair->plane->capacity;
	uint32 *ids = palloc_extended(mul_size(mul_size(Max(count, 1), capacity),
										   sizeof(uint32)),
								  MCXT_ALLOC_HUGE);
	uint8	   *tags =
		palloc_extended(mul_size(Max(count, 1), capacity), MCXT_ALLOC_HUGE);

	repair->slots =
		palloc_extended(mul_size(Max(count, 1), sizeof(OmenCondemned)),
						MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	repair->count = count;
	for (uint64 i = 0; i < count; i++)
	{
		repair->slots[i].ids = ids + i * capacity;
		repair->slots[i].tags = tags + i * capacity;
	}
}

/* Leave out slots that were marked by an invalid id. */
void
omen_condemned_drop_invalid(OmenRepair *repair)
{
	uint64		kept = 0;

	for (uint64 i = 0; i < repair->count; i++)
	{
		if (repair->slots[i].ref.id != OMEN_INVALID_ID)
			repair->slots[kept++] = repair->slots[i];
	}
	repair->count = kept;
}

/* Make the set ready to be asked. */
void
omen_condemned_ready(OmenRepair *repair)
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
OmenCondemned *
omen_condemned_find(const OmenRepair *repair, uint32 id, uint8 tag)
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
OmenCondemned *
omen_condemned_leaving(const OmenRepair *repair, uint32 id, uint8 tag)
{
	OmenCondemned *c = omen_condemned_find(repair, id, tag);

	return c != NULL && !c->keep ? c : NULL;
}

bool
omen_condemned_any(const OmenRepair *repair, const uint32 *ids,
				   const uint8 *tags, uint32 degree)
{
	for (uint32 i = 0; i < degree; i++)
	{
		if (omen_condemned_leaving(repair, ids[i], tags[i]) != NULL)
			return true;
	}
	return false;
}

/* ---------- condemning ---------- */

void
omen_condemned_remember(OmenRepair *repair, OmenCondemned *slot,
						OmenSlotHeader *page_slot)
{
	int			degree =
		omen_slot_get_edges(repair->plane, page_slot, slot->ids, slot->tags);

	slot->degree = Max(degree, 0);
	slot->payload = page_slot->payload;
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
void
omen_condemn_page(OmenRepair *repair, uint64 from, uint64 to)
{
	OmenIndex  *ix = repair->ix;
	OmenSlotChange change;

	(void) omen_slot_change_begin(&change, ix, repair->plane,
								  repair->slots[from].ref.id);
	for (uint64 i = from; i < to; i++)
	{
		OmenCondemned *c = &repair->slots[i];
		OmenSlotHeader *slot =
			omen_page_slot(change.page, repair->plane,
						   omen_id_slot(repair->plane, c->ref.id));

		if (is_dead_node(slot, c->ref.version))
		{
			slot->flags |= OMEN_SLOT_CONDEMNED;
			omen_condemned_remember(repair, c, slot);
		}
		else
			c->ref.id = OMEN_INVALID_ID;
	}
	omen_slot_change_commit(&change);
}

/* Call a function for each run of slots on the same page. */
void
omen_condemned_each_page(OmenRepair *repair,
						 void (*act)(OmenRepair *, uint64, uint64))
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

/* ---------- freeing ---------- */

/* Give the slots that stand on one page back, and their payload. */
void
omen_condemned_free_page(OmenRepair *repair, uint64 from, uint64 to)
{
	OmenIndex  *ix = repair->ix;
	const OmenPlane *plane = repair->plane;
	OmenSlotChange change;
	bool		any = false;

	(void) omen_slot_change_begin(&change, ix, plane,
								  repair->slots[from].ref.id);
	for (uint64 i = from; i < to; i++)
	{
		if (repair->slots[i].keep)
			continue;
		omen_page_give_slot(ix, change.page,
							omen_id_slot(plane, repair->slots[i].ref.id));
		any = true;
	}
	if (any)
		omen_slot_change_commit_freed(&change, ix);
	else
		omen_slot_change_abort(&change);

	for (uint64 i = from;
		 i < to && ix->layout.out_of_line && plane->kind == OMEN_PAGE_NODE; i++)
	{
		if (!repair->slots[i].keep)
			omen_payload_free(ix, repair->slots[i].payload,
							  repair->slots[i].ref.id);
	}
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
	omen_slot_change_commit_freed(&change, ix);
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
	{
		freed += free_flat_node(graph->ix, dead[i]);
		OMEN_PAUSE("flat-freed");
	}
	return freed;
}
