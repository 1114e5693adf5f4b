/*-------------------------------------------------------------------------
 *
 * pass.c
 *	  A pass over all nodes of an index, in the order of pages.
 *
 * Finds what a search of the graph did not reach, and the rows of a filter that so
 * few pass that a walk to them would take longer.  Such a pass waits for memory, not
 * for the processor: of most nodes it looks at the header and the keys only.  So those
 * of the next page are fetched while a page is looked at, and the codes of nodes that
 * may pass while the page after it is.  (60,000 nodes of 784 bytes and 16 keys, of which
 * one is tested: 1.4 milliseconds where 1 % pass, and 3.6 before.)
 *
 * One page of nodes is locked at a time, share, and two are pinned; codes out of line
 * are read from a page of their own while that lock is held.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/scan/scan.h"
#include "miscadmin.h"
#include "utils/rel.h"

/*
 * Bring what find_passing() will look at of each slot of a page towards the processor: of
 * the header what tells whether the node may pass, and the keys.
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

/* The slots of a page whose nodes may pass; the page stays pinned if there are some. */
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
		   omen_search_may_pass(state->search, slot);
}

/*
 * Find the slots of a page whose nodes may pass, and bring their codes towards the
 * processor.
 */
static void
find_passing(OmenScanState *state, BlockNumber block, PassingSlots *passing)
{
	OmenIndex  *ix = state->ix;
	const OmenPlane *plane = &ix->layout.node;
	OmenPageOpaque opaque;

	passing->block = block;
	passing->buf = omen_pin(&ix->pages, block);
	passing->count = 0;
	LockBuffer(passing->buf, BUFFER_LOCK_SHARE);
	opaque = omen_check_page(ix->pages.rel, passing->buf);
	for (uint32 i = 0; opaque && opaque->kind == OMEN_PAGE_NODE &&
					   i < omen_used_slots(ix, opaque);
		 i++)
	{
		OmenSlotHeader *slot =
			omen_page_slot(BufferGetPage(passing->buf), plane, i);

		if (!may_pass(state, slot))
			continue;
		passing->slots[passing->count++] = i;
		omen_prefetch_bytes(omen_slot_code(&ix->layout, slot),
							plane->keys_offset - ix->layout.code_offset);
	}
	LockBuffer(passing->buf, BUFFER_LOCK_UNLOCK);
	state->search->counters.visits++;
	if (passing->count == 0)
		ReleaseBuffer(passing->buf);
}

/*
 * Make those nodes pending that no search has met.  They are judged again, since the
 * page was not locked meanwhile.  False if the quantizer has changed; then nothing was
 * done.
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
		*node = omen_scan_pending(passing->block * plane->per_page +
									  passing->slots[i],
								  slot);
		node->is_refined = slot->epoch != ix->quantizer_epoch;
		/* what is looked at to the last is to be exact */
		is_readable =
			omen_scan_bound(state, node->node.id, slot, true, &node->bound);
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
			omen_rerank_add(state, found[i]);
	}
	return true;
}

/* The same, and if the quantizer has changed with the new one. */
static void
take_passing_surely(IndexScanDesc scan, const PassingSlots *passing,
					OmenPendingNode *found)
{
	OmenScanState *state = scan->opaque;

	if (passing->count == 0 || take_passing(state, passing, found))
		return;
	/* the flat list is being converted: take the new quantizer, too */
	omen_scan_encode_origin(state);
	omen_index_refresh(state->ix);
	omen_scan_encode_query(scan);
	if (!take_passing(state, passing, found))
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" contains codes of an unknown "
							   "quantizer at block %u",
							   RelationGetRelationName(scan->indexRelation),
							   passing->block),
						errhint("Please REINDEX it.")));
}

/*
 * Make all nodes pending that no search has met.  False if there are more than
 * memory has room for.  While the codes of one page are on their way the next page is
 * looked at.
 */
bool
omen_scan_all_pages(IndexScanDesc scan, Size memory)
{
	OmenScanState *state = scan->opaque;
	uint32		per_page = state->ix->layout.node.per_page;
	OmenPendingNode *found = palloc(per_page * sizeof(OmenPendingNode));
	BlockNumber nblocks = RelationGetNumberOfBlocks(scan->indexRelation);
	PassingSlots *passing[2];

	for (int i = 0; i < 2; i++)
	{
		passing[i] =
			palloc(offsetof(PassingSlots, slots) + per_page * sizeof(uint32));
		passing[i]->count = 0;
	}
	if (!state->has_origin && state->ix->meta.graph.epoch != 0)
		omen_scan_encode_origin(state);
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < nblocks; block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (state->nnodes > memory / sizeof(OmenPendingNode))
			break;
		prefetch_page(state, block + 1);
		find_passing(state, block, passing[block % 2]);
		take_passing_surely(scan, passing[(block + 1) % 2], found);
		passing[(block + 1) % 2]->count = 0;
	}
	for (int i = 0; i < 2; i++)
	{
		take_passing_surely(scan, passing[i], found);
		pfree(passing[i]);
	}
	pfree(found);
	return state->nnodes <= memory / sizeof(OmenPendingNode);
}

/*
 * Forget what was found and look at all nodes that may pass.  No row has gone
 * out.  False if there are more than memory has room for.
 */
bool
omen_scan_close(IndexScanDesc scan, Size memory)
{
	OmenScanState *state = scan->opaque;

	omen_search_start(state->search, &state->ix->layout.node, &state->header,
					  state->code, state->ef);
	state->nnodes = 0;
	state->nrows = 0;
	state->nans.count = 0;
	state->phase = OMEN_SCAN_CLOSING;
	return omen_scan_all_pages(scan, memory);
}
