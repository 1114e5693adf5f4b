/*-------------------------------------------------------------------------
 *
 * full_scan.c
 *	  Looking at all nodes of an index, or of a group, in the order of pages.
 *
 * Finds what a search of the graph did not reach, and what passes a filter if
 * that is so rare that a walk to it would take longer.  A full scan waits for
 * memory, not for the processor: of most nodes it looks at the header and the
 * keys only.  So those of the next page are fetched while a page is looked at,
 * and the codes of nodes that may pass while the page after it is.
 *
 * One page of nodes is locked at a time, share, and two are pinned; codes out
 * of line are read from a page of their own while that lock is held.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/scan/scan.h"
#include "miscadmin.h"
#include "utils/rel.h"

/*
 * Bring what find_passing() will look at of each slot of a page towards the
 * processor: of the header what tells whether the node may pass, and the keys.
 */
static void
prefetch_page(OmenScanState *state, BlockNumber block)
{
	const OmenPlane *plane = &state->ix->layout.node;
	const OmenKeyTests *tests = state->search->key_tests;
	Page		page = omen_prefetch_pinning(&state->ix->pages, block);

	for (uint32 i = 0; page != NULL && i < plane->per_page; i++)
	{
		OmenSlotHeader *slot = omen_page_slot(page, plane, i);

		omen_prefetch_bytes(slot, offsetof(OmenSlotHeader, payload));
		if (tests)
			omen_keys_prefetch(tests, plane, slot);
	}
}

/*
 * The slots of a page whose nodes may pass; the page stays pinned if there are
 * some.
 */
typedef struct PassingSlots
{
	BlockNumber block;
	Buffer		buf;
	uint32		count;
	uint32		slots[FLEXIBLE_ARRAY_MEMBER];
} PassingSlots;

static bool
may_pass(const OmenScanState *state, OmenSlotHeader *slot)
{
	return (slot->flags & OMEN_SLOT_USED) != 0 && omen_node_has_row(slot) &&
		   (state->graph->id == 0 ||
			omen_slot_is_of(state->graph, &state->ix->layout.node, slot)) &&
		   omen_search_may_pass(state->search, slot);
}

/*
 * Find the slots of a page whose nodes may pass, and bring their codes towards
 * the processor.
 */
static void
find_passing(OmenScanState *state, BlockNumber block, PassingSlots *passing)
{
	OmenIndex  *ix = state->ix;
	const OmenPlane *plane = &ix->layout.node;
	OmenSlotWalk walk;
	OmenSlotHeader *slot;

	passing->block = block;
	passing->buf = omen_pin(&ix->pages, block);
	passing->count = 0;
	LockBuffer(passing->buf, BUFFER_LOCK_SHARE);
	omen_slots_begin_graph(&walk, state->graph, plane, passing->buf);
	while ((slot = omen_next_slot(&walk)) != NULL)
	{
		if (!may_pass(state, slot))
			continue;
		passing->slots[passing->count++] = walk.slotno;
		omen_prefetch_bytes(omen_slot_code(plane, slot),
							plane->keys_offset - plane->code_offset);
	}
	LockBuffer(passing->buf, BUFFER_LOCK_UNLOCK);
	state->search->counters.visits++;
	if (passing->count == 0)
		ReleaseBuffer(passing->buf);
}

/*
 * Make those nodes pending that no search has met.  They are judged again,
 * since the page was not locked meanwhile.  False if the quantizer has changed;
 * then nothing was done.
 */
static bool
take_passing(OmenScanState *state, const PassingSlots *passing,
			 OmenPendingNode *found)
{
	OmenIndex  *ix = state->ix;
	const OmenPlane *plane = &ix->layout.node;
	uint32		count = 0;
	bool		is_readable = true;

	LockBuffer(passing->buf, BUFFER_LOCK_SHARE);
	for (uint32 i = 0; i < passing->count && is_readable; i++)
	{
		OmenSlotHeader *slot = omen_page_slot(BufferGetPage(passing->buf),
											  plane, passing->slots[i]);
		OmenPendingNode *node = &found[count];

		if (!may_pass(state, slot))
			continue;
		*node = omen_pending_node(
			state, passing->block * plane->per_page + passing->slots[i], slot);
		node->is_refined = slot->epoch != ix->quantizer_epoch;
		/* what is looked at to the last is to be exact */
		is_readable =
			omen_query_bound(state, node->node.id, slot, true, &node->bound);
		count++;
	}
	LockBuffer(passing->buf, BUFFER_LOCK_UNLOCK);
	if (!is_readable)
		return false;
	ReleaseBuffer(passing->buf);
	state->search->counters.distances += count;
	for (uint32 i = 0; i < count; i++)
	{
		if (omen_search_mark(state->search, found[i].node.id))
			omen_pending_add_node(state, found[i]);
	}
	return true;
}

/*
 * The same; if the quantizer has changed, with the new one.
 */
static void
take_passing_surely(IndexScanDesc scan, const PassingSlots *passing,
					OmenPendingNode *found)
{
	OmenScanState *state = scan->opaque;

	if (passing->count == 0 || take_passing(state, passing, found))
		return;
	/* the flat list is being converted: take the new quantizer, too */
	omen_query_encode_origin(state);
	omen_graph_refresh(state->graph);
	omen_query_encode(scan);
	if (!take_passing(state, passing, found))
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" contains codes of an unknown "
							   "quantizer at block %u",
							   RelationGetRelationName(scan->indexRelation),
							   passing->block),
						errhint("Please REINDEX it.")));
}

/* Are more nodes pending than there is memory for? */
static bool
is_full(const OmenPending *pending, Size memory)
{
	return pending->nnodes > memory / sizeof(OmenPendingNode);
}

/*
 * Look at all nodes of the group in use.  While the codes of one page are on
 * their way the next page is looked at.
 */
static void
scan_pages(IndexScanDesc scan, Size memory, PassingSlots **passing,
		   OmenPendingNode *found)
{
	OmenScanState *state = scan->opaque;
	OmenGraphPages pages;
	BlockNumber block;
	int			turn = 0;

	omen_graph_pages(&pages, state->graph);
	while (omen_graph_next_page(&pages, &block))
	{
		CHECK_FOR_INTERRUPTS();
		if (is_full(&state->pending, memory))
			break;
		prefetch_page(state, omen_graph_coming_page(&pages));
		find_passing(state, block, passing[turn]);
		turn = 1 - turn;
		take_passing_surely(scan, passing[turn], found);
		passing[turn]->count = 0;
	}
	for (int i = 0; i < 2; i++)
	{
		take_passing_surely(scan, passing[i], found);
		passing[i]->count = 0;
	}
}

/*
 * Make all nodes of the group in use pending that no search has met.  False if
 * there are more than memory has room for.
 */
bool
omen_full_scan(IndexScanDesc scan, Size memory)
{
	OmenScanState *state = scan->opaque;
	uint32		per_page = state->ix->layout.node.per_page;
	OmenPendingNode *found = palloc(per_page * sizeof(OmenPendingNode));
	PassingSlots *passing[2];

	for (int i = 0; i < 2; i++)
	{
		passing[i] =
			palloc(offsetof(PassingSlots, slots) + per_page * sizeof(uint32));
		passing[i]->count = 0;
	}
	if (!state->query.has_origin && state->ix->quantizer_epoch != 0)
		omen_query_encode_origin(state);
	scan_pages(scan, memory, passing, found);
	for (int i = 0; i < 2; i++)
		pfree(passing[i]);
	pfree(found);
	if (is_full(&state->pending, memory))
		return false;
	state->groups.all[state->groups.current].is_whole = true;
	return true;
}

/*
 * The same after the group's search has given all that it can.
 */
bool
omen_full_scan_rest(IndexScanDesc scan, Size memory)
{
	OmenScanState *state = scan->opaque;
	bool		is_whole;

	omen_search_end(state->search);
	is_whole = omen_full_scan(scan, memory);
	if (omen_scan_is_whole(state))
		state->phase = OMEN_SCAN_FULL;
	return is_whole;
}

/*
 * Forget what was found and look at all nodes of all groups that may pass.  No
 * row has gone out.  False if there are more than memory has room for.
 */
bool
omen_full_scan_afresh(IndexScanDesc scan, Size memory)
{
	OmenScanState *state = scan->opaque;

	omen_scan_share_search(state);
	omen_search_start(state->search, &state->ix->layout.node, state->ef);
	omen_pending_clear(state);
	state->phase = OMEN_SCAN_FULL;
	do
	{
		if (!omen_full_scan(scan, memory))
			return false;
	} while (omen_scan_next_group(state));
	return true;
}
