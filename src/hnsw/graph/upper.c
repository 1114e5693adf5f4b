/*-------------------------------------------------------------------------
 *
 * upper.c
 *	  The way down through the upper layers.
 *
 * An upper slot is one node in one layer.  It holds the id of its node, and
 * of its slot one layer below, each with the version it had: a slot that was
 * freed and reused meanwhile is seen and left out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/graph/graph.h"

/*
 * Where the nearest slot that a search of an upper layer found continues in
 * the layer below: the id of an upper slot, or of a node from layer 1.
 * OMEN_INVALID_ID if it has gone.
 */
static uint32
slot_below(OmenSearch *search, const OmenSeen *nearest)
{
	Buffer		buf;
	OmenSlotHeader *slot =
		omen_visit(search->ix, search->plane, nearest->id, &buf);
	uint32		below = OMEN_INVALID_ID;

	if (slot == NULL)
		return OMEN_INVALID_ID;
	if (slot->version == nearest->version)
		below = slot->level > 1 ? slot->u.upper.down : slot->u.upper.node;
	UnlockReleaseBuffer(buf);
	return below;
}

/*
 * Walk greedily from the entry point down to a layer.  *start is the slot to
 * start at there.  False if the graph has no such layer: *start is then the
 * root for layer 0, and OMEN_INVALID_ID above.
 */
bool
omen_descend(OmenSearch *search, const OmenCodeHeader *header, const void *code,
			 uint32 layer, uint32 *start)
{
	const OmenMetaPageData *meta = &search->ix->meta;
	uint32		id = meta->entry;

	*start = layer == 0 ? meta->root : OMEN_INVALID_ID;
	if (id == OMEN_INVALID_ID || meta->entry_level < layer)
		return false;

	for (uint32 l = meta->entry_level; l > layer; l--)
	{
		omen_search_start(search, &search->ix->layout.upper, header, code, 1);
		if (!omen_search_seed(search, id))
			return false;
		omen_search_run(search);
		if (search->nnearest == 0)
			return false;
		id = slot_below(search, &search->seen[search->nearest[0].seen]);
		if (id == OMEN_INVALID_ID)
			return false;
	}
	*start = id;
	return true;
}
