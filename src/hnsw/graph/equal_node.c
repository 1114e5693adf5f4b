/*-------------------------------------------------------------------------
 *
 * equal_node.c
 *	  Which node has the code of a new row, so that the row may share it.
 *
 * In a graph it is among the nearest that a search found, in a list any member
 * may be it.  A node whose rows have other filter keys is shared only when
 * there are OMEN_MAX_EQUAL such.  Whether a row is attached to what is found
 * here is decided under the node's lock, by omen_posting_attach().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "hnsw/graph/graph.h"
#include "hnsw/store/code.h"

/* Candidates at the distance of an equal one that are looked at. */
#define MAX_TRIED 16

/* What a node is to a new row. */
typedef enum NodeFit
{
	FIT_OTHER_CODE,
	FIT_OTHER_KEYS,
	FIT_MIXED, /* it stands for rows of different keys anyway */
	FIT_SAME
} NodeFit;

/* The new row, as far as it matters. */
typedef struct NewRow
{
	OmenGraph  *graph;
	const OmenCodeHeader *header;
	const void *code;
	const OmenRowKeys *keys;
	uint32		note;			/* omen_code_note(), for a list */
} NewRow;

static NodeFit
fit_keys(const NewRow *row, OmenSlotHeader *slot)
{
	const OmenLayout *layout = &row->graph->ix->layout;

	if (layout->key_bytes == 0 || !omen_node_has_row(slot) ||
		omen_slot_has_keys(layout, slot, row->keys))
		return FIT_SAME;
	return (slot->flags & OMEN_SLOT_MIXED) != 0 ? FIT_MIXED : FIT_OTHER_KEYS;
}

static NodeFit
fit_node(const NewRow *row, OmenNodeRef node)
{
	OmenIndex  *ix = row->graph->ix;
	const OmenPlane *plane = &ix->layout.node;
	Buffer		buf;
	OmenSlotHeader *slot = omen_visit(ix, plane, node.id, &buf);
	NodeFit		fit = FIT_OTHER_CODE;

	if (slot == NULL)
		return FIT_OTHER_CODE;
	if (slot->version == node.version &&
		omen_slot_is_of(row->graph, plane, slot) &&
		omen_has_code(ix, plane, node.id, slot, row->header, row->code))
		fit = fit_keys(row, slot);
	UnlockReleaseBuffer(buf);
	return fit;
}

/*
 * Does a node with an equal code stand among the nearest, that the row may be
 * attached to?  Equal codes are at no distance from each other, or for inner
 * product at the same distance as the code is from itself; ties and rounding
 * make it worth looking at a few.
 */
bool
omen_equal_among(const OmenSearch *search, const OmenCandidate *candidates,
				 uint32 count, OmenNodeRef *equal)
{
	OmenIndex  *ix = search->ix;
	NewRow		row = {search->graph, search->header, search->code,
				  search->link_keys, 0};
	float self = omen_link_distance(ix->quantizer, search->graph->data.radius,
									search->header, search->code,
									search->header, search->code);
	bool		is_mixed = false;
	uint32		equals = 0;
	uint32		tried = 0;

	for (uint32 i = 0; i < count && tried < MAX_TRIED; i++)
	{
		OmenNodeRef node = {candidates[i].id, candidates[i].version};
		NodeFit		fit;

		if (candidates[i].distance != self)
		{
			/* sorted: beyond this only farther ones, except with <#> */
			if (!omen_metrics[ix->meta.metric].is_product ||
				candidates[i].distance > self)
				break;
			continue;
		}
		tried++;
		fit = fit_node(&row, node);
		if (fit == FIT_OTHER_CODE)
			continue;
		if (equals++ == 0 || fit == FIT_SAME || (fit == FIT_MIXED && !is_mixed))
			*equal = node;
		is_mixed |= fit == FIT_MIXED;
		if (fit == FIT_SAME || equals == OMEN_MAX_EQUAL)
			return true;
	}
	return is_mixed;
}

/* What stands for a code that lies out of line: a hash, and not 0. */
uint32
omen_code_note(const OmenLayout *layout, const void *code)
{
	uint32		hash;

	if (!layout->out_of_line)
		return 0;
	hash = hash_bytes(code, (int) layout->code_bytes);
	return Max(hash, 1);
}

/*
 * Note in a member of the list (of a page being changed) what tells its code
 * from others, if that lies out of line: in the room for edges, which it has
 * none of.
 */
void
omen_note_code(const OmenIndex *ix, OmenSlotHeader *slot, const void *code)
{
	if (ix->layout.out_of_line)
		*omen_slot_note(&ix->layout.node, slot) =
			omen_code_note(&ix->layout, code);
}

/*
 * May a node have the row's code, which lies out of line?  Where nothing is
 * noted it may.
 */
static bool
is_note_alike(const OmenIndex *ix, OmenSlotHeader *slot, const NewRow *row)
{
	uint32		note = *omen_slot_note(&ix->layout.node, slot);

	return (slot->flags & OMEN_SLOT_FLAT) == 0 || slot->degree > 0 ||
		   note == 0 || note == row->note;
}

/*
 * May a member of the list have the row's code?  What its slot tells.
 */
static bool
is_alike(const OmenIndex *ix, OmenSlotHeader *slot, const NewRow *row)
{
	const OmenPlane *plane = &ix->layout.node;
	const OmenCodeHeader *own = omen_slot_code_header(plane, slot);

	if (own->offset != row->header->offset || own->step != row->header->step ||
		own->sum != row->header->sum || own->sumsq != row->header->sumsq)
		return false;
	if (ix->layout.out_of_line)
		return is_note_alike(ix, slot, row);
	return memcmp(omen_slot_code(plane, slot), row->code,
				  ix->layout.code_bytes) == 0;
}

/* The members on a page of the list that may have the row's code. */
static uint32
list_alike(const NewRow *row, Buffer buf, OmenNodeRef *alike)
{
	OmenIndex  *ix = row->graph->ix;
	uint32		count = 0;
	OmenSlotWalk walk;
	OmenSlotHeader *slot;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	omen_slots_begin_graph(&walk, row->graph, &ix->layout.node, buf);
	while ((slot = omen_next_slot(&walk)) != NULL)
	{
		if (is_alike(ix, slot, row))
			alike[count++] = omen_walk_ref(&walk, slot);
	}
	LockBuffer(buf, BUFFER_LOCK_UNLOCK);
	return count;
}

/*
 * Find a member of the flat list that has the same code, and the same keys
 * unless there are many such.
 */
bool
omen_equal_in_list(OmenGraph *graph, const OmenCodeHeader *header,
				   const void *code, const OmenRowKeys *keys,
				   OmenNodeRef *equal)
{
	NewRow		row = {graph, header, code, keys,
				  omen_code_note(&graph->ix->layout, code)};
	uint32		equals = 0;
	OmenGraphPages pages;
	BlockNumber block;

	omen_graph_pages(&pages, graph);
	while (omen_graph_next_page(&pages, &block))
	{
		Buffer		buf = omen_pin(&graph->ix->pages, block);
		OmenNodeRef alike[BLCKSZ / sizeof(OmenSlotHeader)];
		uint32		count = list_alike(&row, buf, alike);

		ReleaseBuffer(buf);
		for (uint32 i = 0; i < count; i++)
		{
			NodeFit		fit = fit_node(&row, alike[i]);

			*equal = alike[i];
			if (fit == FIT_SAME ||
				(fit != FIT_OTHER_CODE && ++equals == OMEN_MAX_EQUAL))
				return true;
		}
	}
	return false;
}
