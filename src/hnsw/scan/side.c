/*-------------------------------------------------------------------------
 *
 * side.c
 *	  TIDs without an order: those of side lists, and of all nodes of an index
 *	  where the query has no distance to anything.
 *
 * Changes the part `unordered` of a scan, and its phase.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/scan/scan.h"
#include "miscadmin.h"

/*
 * Go on to the rows of a side list.  NaN sorts above all numbers and below
 * NULL: rows that turned out to be at no distance go with those that have no
 * direction.
 */
void
omen_side_begin(OmenScanState *state, OmenSide side, OmenScanPhase phase)
{
	OmenUnordered *unordered = &state->unordered;
	const OmenTidList *nans = &state->pending.nans;

	unordered->tids.count = 0;
	unordered->next = 0;
	if (side == OMEN_SIDE_NAN)
	{
		for (uint32 i = 0; i < nans->count; i++)
			omen_tid_list_add(&unordered->tids, &nans->tids[i]);
	}
	/* whichever was searched last */
	omen_scan_turn_to(state, 0);
	do
		omen_posting_collect_side(state->graph, side, &unordered->tids);
	while (omen_scan_next_group(state));
	state->phase = phase;
}

/*
 * Find the nodes of a page, which is locked meanwhile.  Returns how many; none
 * if it is a page of something else.
 */
static uint32
nodes_of_page(OmenGraph *graph, BlockNumber block, OmenNodeRef *refs)
{
	OmenIndex  *ix = graph->ix;
	Buffer		buf = omen_pin(&ix->pages, block);
	OmenSlotWalk walk;
	OmenSlotHeader *slot;
	uint32		count = 0;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	omen_slots_begin_graph(&walk, graph, &ix->layout.node, buf);
	while ((slot = omen_next_slot(&walk)) != NULL)
		refs[count++] = omen_walk_ref(&walk, slot);
	UnlockReleaseBuffer(buf);
	return count;
}

/* The next page of the groups that are asked for. */
static bool
next_page(OmenScanState *state, BlockNumber *block)
{
	OmenUnordered *unordered = &state->unordered;

	while (!omen_graph_next_page(&unordered->pages, block))
	{
		if (!omen_scan_next_group(state))
			return false;
		omen_graph_pages(&unordered->pages, state->graph);
	}
	return true;
}

/*
 * Without a distance: the TIDs of the next node page that has some.  False if
 * there is none.
 */
bool
omen_side_next_page(OmenScanState *state)
{
	OmenIndex  *ix = state->ix;
	OmenUnordered *unordered = &state->unordered;
	OmenNodeRef *refs = palloc(ix->layout.node.per_page * sizeof(OmenNodeRef));
	BlockNumber block;

	unordered->tids.count = 0;
	unordered->next = 0;
	while (unordered->tids.count == 0 && next_page(state, &block))
	{
		uint32		count = nodes_of_page(state->graph, block, refs);

		for (uint32 i = 0; i < count; i++)
			(void) omen_posting_collect(state->graph, refs[i],
										&unordered->tids);
		CHECK_FOR_INTERRUPTS();
	}
	pfree(refs);
	return unordered->tids.count > 0;
}

/* Begin where all TIDs are asked for, in any order: with those of nodes. */
void
omen_side_begin_all(OmenScanState *state)
{
	OmenUnordered *unordered = &state->unordered;

	omen_scan_turn_to(state, 0);
	unordered->tids.count = 0;
	unordered->next = 0;
	omen_graph_pages(&unordered->pages, state->graph);
	state->phase = OMEN_SCAN_UNORDERED;
}

/*
 * Go on where all TIDs are asked for, in any order: to the next page of nodes,
 * or to a side list.  False at the end.
 */
bool
omen_side_advance(OmenScanState *state)
{
	switch (state->phase)
	{
		case OMEN_SCAN_UNORDERED:
			if (!omen_side_next_page(state))
				omen_side_begin(state, OMEN_SIDE_NAN, OMEN_SCAN_SIDE_NAN);
			return true;
		case OMEN_SCAN_SIDE_NAN:
			omen_side_begin(state, OMEN_SIDE_NULL, OMEN_SCAN_SIDE_NULL);
			return true;
		default:
			return false;
	}
}

/* The next TID of the list in use, or NULL. */
ItemPointer
omen_side_next_tid(OmenUnordered *unordered)
{
	if (unordered->next >= unordered->tids.count)
		return NULL;
	return &unordered->tids.tids[unordered->next++];
}
