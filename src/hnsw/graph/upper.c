/*-------------------------------------------------------------------------
 *
 * upper.c
 *	  The upper layers: how many a node is in, and the way down through them.
 *
 * An upper slot is one node in one layer.  It holds the id of its node, and
 * of its slot one layer below, each with the version it had: a slot that was
 * freed and reused meanwhile is seen and left out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "hnsw/graph/graph.h"
#include "quantize/augment.h"
#include "tuning.h"

static const OmenNodeRef nowhere = {OMEN_INVALID_ID, 0};

/*
 * The top layer of the node of a row: geometric with 1/m, from the heap TID
 * and the index's seed, so that equal heaps give equal graphs.
 */
uint32
omen_choose_level(const OmenIndex *ix, ItemPointer tid)
{
	uint64		key = ((uint64) ItemPointerGetBlockNumber(tid) << 16) |
				 ItemPointerGetOffsetNumber(tid);
	/* in (0, 1] */
	double uniform =
		((double) (omen_mix(key ^ omen_mix(ix->meta.seed)) >> 11) + 1.0) /
		9007199254740992.0;
	double level = floor(-log(uniform) / log((double) ix->meta.m));

	return (uint32) Min(level, (double) OMEN_MAX_LEVEL);
}

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
 * at most `most` of those that are still there, nearest first.  Sorts the
 * results.
 */
void
omen_below(OmenSearch *search, uint32 most, OmenStarts *starts)
{
	starts->count = 0;
	qsort(search->nearest, search->nnearest, sizeof(OmenHeapItem),
		  omen_heap_item_compare);
	for (uint32 i = 0; i < search->nnearest && starts->count < most; i++)
	{
		OmenNodeRef below =
			slot_below(search, &search->seen[search->nearest[i].seen]);

		if (below.id != OMEN_INVALID_ID)
			starts->refs[starts->count++] = below;
	}
}

/* Let a search begin at each of these; false if none of them is there. */
bool
omen_seed_all(OmenSearch *search, const OmenStarts *starts)
{
	bool		any = false;

	for (uint32 i = 0; i < starts->count; i++)
		any |= omen_search_seed(search, starts->refs[i]);
	return any;
}

/*
 * The part of the longest vector's squared norm that a slot's vector lacks; 0
 * if it has gone.  It is looked at without a pin, as in a search, since all
 * searches look at the same few.
 */
static double
missing_norm(OmenSearch *search, const OmenSeen *seen)
{
	OmenIndex  *ix = search->ix;
	double		radius = search->graph->data.radius;
	Buffer		buf;
	OmenSlotHeader *slot;
	OmenCodeHeader header;
	uint16		epoch;

	slot = search->may_peek ? omen_peek(ix, search->plane, seen->id, &buf)
							: omen_visit(ix, search->plane, seen->id, &buf);
	if (slot == NULL)
		return 0;
	header = *omen_slot_code_header(search->plane, slot);
	epoch = slot->epoch;
	if (!search->may_peek)
		UnlockReleaseBuffer(buf);
	else if (!omen_peek_held(&ix->pages, omen_id_block(search->plane, seen->id),
							 buf))
		return 0;
	if (epoch != ix->quantizer_epoch)
		return 0;
	return 1 - omen_code_sumsq(ix->quantizer, &header) / (radius * radius);
}

/*
 * Has a search by inner product met vectors of different lengths?  Looks at a
 * few of the slots that it has met, which are not only its results: these are
 * long.
 */
static bool
has_met_lengths(OmenSearch *search)
{
	uint32		step = search->nseen / OMEN_NORMS_LOOKED_AT + 1;

	if (search->query == NULL ||
		!omen_metrics[search->ix->meta.metric].is_product)
		return false;
	for (uint32 i = 0; i < search->nseen; i += step)
	{
		if (missing_norm(search, &search->seen[i]) > OMEN_NORMS_DIFFER)
			return true;
	}
	return false;
}

/*
 * Search an upper layer from *starts on, and put into it where the layer below
 * is to be searched from.  *is_wide says whether to look at more of it than
 * usual, which what is met may show to be needed.  False if the way breaks off.
 */
static bool
step_down(OmenSearch *search, uint32 layer, bool *is_wide, OmenStarts *starts)
{
	bool		is_last = layer == 1;

	omen_search_start(search, &search->ix->layout.upper,
					  is_last ? OMEN_LAYER_1_EF : OMEN_UPPER_EF);
	if (!omen_seed_all(search, starts))
		return false;
	omen_search_run(search);
	*is_wide = *is_wide || has_met_lengths(search);
	if (*is_wide)
		omen_search_grow(search, is_last ? OMEN_PRODUCT_LAYER_1_EF
										 : OMEN_PRODUCT_UPPER_EF);
	omen_below(search, *is_wide ? OMEN_PRODUCT_STARTS : 1, starts);
	return starts->count > 0;
}

/* The root of layer 0. */
OmenNodeRef
omen_graph_root(const OmenGraph *graph)
{
	OmenNodeRef root = {graph->data.root, graph->data.root_version};

	return root;
}

/*
 * Walk greedily from the entry point down to a layer.  *starts is where to
 * start there.  False if the graph has no such layer, or the way breaks off:
 * the start is then the root for layer 0, and there is none above.
 */
bool
omen_descend(OmenSearch *search, uint32 layer, OmenStarts *starts)
{
	const OmenGraphData *data = &search->graph->data;
	bool		is_there =
		data->entry != OMEN_INVALID_ID && data->entry_level >= layer;
	bool		is_wide = false;

	starts->count = 1;
	starts->refs[0].id = data->entry;
	starts->refs[0].version = data->entry_version;
	for (uint32 l = data->entry_level; is_there && l > layer; l--)
		is_there = step_down(search, l, &is_wide, starts);
	if (is_there)
		return true;
	starts->count = layer == 0 ? 1 : 0;
	starts->refs[0] = omen_graph_root(search->graph);
	return false;
}
