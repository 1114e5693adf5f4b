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
 * ef of the search of layer 1; that of the layers above is 1, as in the paper.
 * What layer 1 misses is lost where vectors form clusters that lie apart: a
 * search of layer 0 that begins in the wrong one stays there.
 */
#define EF_LAYER_1 4

static const OmenNodeRef nowhere = {OMEN_INVALID_ID, 0};

/*
 * Where a slot that a search of an upper layer met continues in the layer
 * below: an upper slot, or a node from layer 1.  Nowhere if it has gone.
 */
static OmenNodeRef
slot_below(OmenSearch *search, const OmenSeen *seen)
{
	Buffer		buf;
	OmenSlotHeader *slot =
		omen_visit(search->ix, search->plane, seen->id, &buf);
	OmenNodeRef below = nowhere;

	if (slot == NULL)
		return below;
	if (slot->version == seen->version)
	{
		bool		is_last = slot->level <= 1;

		below.id = is_last ? slot->u.upper.node : slot->u.upper.down;
		below.version =
			is_last ? slot->u.upper.node_version : slot->u.upper.down_version;
	}
	UnlockReleaseBuffer(buf);
	return below;
}

/*
 * Where the results of a search of an upper layer continue in the layer below:
 * the nearest that is still there.  Sorts the results.
 */
OmenNodeRef
omen_below(OmenSearch *search)
{
	OmenNodeRef below = nowhere;

	qsort(search->nearest, search->nnearest, sizeof(OmenHeapItem),
		  omen_heap_item_compare);
	for (uint32 i = 0; i < search->nnearest && below.id == OMEN_INVALID_ID; i++)
		below = slot_below(search, &search->seen[search->nearest[i].seen]);
	return below;
}

/*
 * Walk greedily from the entry point down to a layer.  *start is the slot to
 * start at there.  False if the graph has no such layer, or the way breaks
 * off: *start is then the root for layer 0, and nowhere above.
 */
bool
omen_descend(OmenSearch *search, const OmenCodeHeader *header, const void *code,
			 uint32 layer, OmenNodeRef *start)
{
	const OmenGraphData *data = &search->graph->data;
	OmenNodeRef here = {data->entry, data->entry_version};

	*start = nowhere;
	if (layer == 0)
	{
		start->id = data->root;
		start->version = data->root_version;
	}
	if (here.id == OMEN_INVALID_ID || data->entry_level < layer)
		return false;

	for (uint32 l = data->entry_level; l > layer; l--)
	{
		omen_search_start(search, &search->ix->layout.upper, header, code,
						  l == 1 ? EF_LAYER_1 : 1);
		if (!omen_search_seed(search, here))
			return false;
		omen_search_run(search);
		here = omen_below(search);
		if (here.id == OMEN_INVALID_ID)
			return false;
	}
	*start = here;
	return true;
}
