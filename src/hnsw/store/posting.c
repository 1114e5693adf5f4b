/*-------------------------------------------------------------------------
 *
 * posting.c
 *	  Heap TIDs: of a node, beyond the one in its slot, and of the side lists.
 *
 * Where a chain begins changes only under the exclusive lock of the owner's
 * page (the node's, or the one with the graph's data for a side list); its
 * further links are changed by VACUUM only, in posting_vacuum.c.  The TIDs in a
 * chunk change under the lock of the chunk's own page, so that VACUUM strips
 * dead TIDs page by page without knowing whose they are; a chunk that has
 * become empty takes new TIDs if it is the first of its chain; the others
 * VACUUM takes out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/chunk.h"
#include "hnsw/store/code.h"
#include "miscadmin.h"
#include "pause.h"
#include "utils/memutils.h"

/* How often a chain that breaks off is read before it counts as broken. */
#define MAX_WALKS 100

void
omen_tid_list_add(OmenTidList *list, ItemPointer tid)
{
	if (list->count == list->room)
	{
		list->room = Max(16, list->room * 2);
		if (list->tids == NULL)
			list->tids = MemoryContextAllocHuge(
				list->context ? list->context : CurrentMemoryContext,
				mul_size(list->room, sizeof(ItemPointerData)));
		else
			list->tids =
				repalloc_huge(list->tids,
							  mul_size(list->room, sizeof(ItemPointerData)));
	}
	list->tids[list->count++] = *tid;
}

/* ---------- attaching ---------- */

/*
 * May a row be attached to this node?  Its insert must have finished linking
 * (else a crash could cut a committed row off), VACUUM must not have condemned
 * it, and it must be of the very same code.
 */
static bool
may_attach(OmenGraph *graph, OmenSlotHeader *slot, OmenNodeRef node,
		   const OmenCodeHeader *header, const void *code)
{
	OmenIndex  *ix = graph->ix;
	uint8		refused = OMEN_SLOT_LINKING | OMEN_SLOT_CONDEMNED;

	/* a member of the flat list is whole as it is while there is a list */
	if (graph->data.mode == OMEN_MODE_GRAPH)
		refused |= OMEN_SLOT_FLAT;
	return slot->version == node.version && (slot->flags & refused) == 0 &&
		   omen_slot_is_of(graph, &ix->layout.node, slot) &&
		   omen_has_code(ix, &ix->layout.node, node.id, slot, header, code);
}

/*
 * Attach with the node's page locked exclusively.  keys are the row's; NULL if
 * they differ from those of the node.
 */
static void
attach_locked(OmenGraph *graph, Buffer buf, OmenNodeRef node,
			  const OmenCodeHeader *header, const OmenRowKeys *keys,
			  ItemPointer tid)
{
	OmenIndex  *ix = graph->ix;
	const OmenPlane *plane = &ix->layout.node;
	uint32		slotno = omen_id_slot(plane, node.id);
	OmenSlotHeader *slot = omen_page_slot(BufferGetPage(buf), plane, slotno);
	bool		needs_inline = !ItemPointerIsValid(&slot->u.node.heaptid);
	bool		raises_error =
		omen_slot_code_header(plane, slot)->error < header->error;
	bool		takes_keys = !omen_node_has_row(slot) && keys != NULL;
	bool		mixes = !takes_keys && (slot->flags & OMEN_SLOT_MIXED) == 0 &&
				 (keys == NULL || !omen_slot_has_keys(&ix->layout, slot, keys));
	OmenChainOwner owner = omen_owner_node(node);
	Buffer		chunkbuf = InvalidBuffer;
	OmenChange	change;

	/*
	 * The slot goes first where its error bound has to grow, or its keys no
	 * longer hold: both must be true of the new row before a scan can see it.
	 */
	if (raises_error || needs_inline || mixes)
	{
		omen_change_begin(&change, &ix->pages);
		slot = omen_page_slot(omen_change_page(&change, buf), plane, slotno);
		if (raises_error)
			omen_slot_raise_error(slot, header->error);
		if (mixes)
			slot->flags |= OMEN_SLOT_MIXED;
		if (takes_keys)
		{
			slot->flags &= ~OMEN_SLOT_MIXED;
			omen_slot_set_keys(&ix->layout, slot, keys);
		}
		if (needs_inline)
			slot->u.node.heaptid = *tid;
		omen_change_commit(&change);
		if (needs_inline)
			return;
		slot = omen_page_slot(BufferGetPage(buf), plane, slotno);
	}
	if (omen_chunk_append(ix, slot->u.node.posting, owner, tid))
		return;

	chunkbuf = omen_graph_page_with_room(graph, OMEN_PAGE_POSTING);
	omen_change_begin(&change, &ix->pages);
	slot = omen_page_slot(omen_change_page(&change, buf), plane, slotno);
	slot->u.node.posting =
		omen_chunk_new(ix, &change, chunkbuf, owner, slot->u.node.posting, tid);
	omen_change_commit(&change);
	UnlockReleaseBuffer(chunkbuf);
}

/*
 * Let a node stand for one more heap row, whose vector has the same code.
 */
OmenAttach
omen_posting_attach(OmenGraph *graph, OmenNodeRef node,
					const OmenCodeHeader *header, const void *code,
					const OmenRowKeys *keys, ItemPointer tid)
{
	OmenIndex  *ix = graph->ix;
	const OmenPlane *plane = &ix->layout.node;
	BlockNumber block = omen_id_block(plane, node.id);
	OmenAttach	result = OMEN_ATTACH_REFUSED;
	Buffer		buf = omen_pin(&ix->pages, block);
	OmenPageOpaque opaque;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	opaque = omen_check_page(ix->pages.rel, buf);
	if (opaque != NULL && opaque->kind == OMEN_PAGE_NODE &&
		omen_id_slot(plane, node.id) < opaque->used)
	{
		OmenSlotHeader *slot = omen_page_slot(BufferGetPage(buf), plane,
											  omen_id_slot(plane, node.id));

		if ((slot->flags & OMEN_SLOT_USED) != 0 &&
			may_attach(graph, slot, node, header, code))
		{
			attach_locked(graph, buf, node, header, keys, tid);
			result = OMEN_ATTACHED;
		}
	}
	UnlockReleaseBuffer(buf);
	return result;
}

/*
 * Let a node stand for one more row of which a build knows that its code is
 * the node's, and whether its keys are; error is the bound of the row's own.
 * Nobody else sees the index.
 */
void
omen_posting_attach_known(OmenGraph *graph, OmenNodeRef node, float error,
						  bool same_keys, ItemPointer tid)
{
	OmenIndex  *ix = graph->ix;
	const OmenPlane *plane = &ix->layout.node;
	Buffer		buf = omen_pin(&ix->pages, omen_id_block(plane, node.id));
	OmenCodeHeader header = {0};
	OmenRowKeys keys;
	OmenSlotHeader *slot;

	Assert(ix->pages.building);
	header.error = error;
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	slot =
		omen_page_slot(BufferGetPage(buf), plane, omen_id_slot(plane, node.id));
	keys.nulls = slot->u.node.key_nulls;
	memcpy(keys.words, omen_slot_keys(plane, slot), ix->layout.key_bytes);
	attach_locked(graph, buf, node, &header, same_keys ? &keys : NULL, tid);
	UnlockReleaseBuffer(buf);
}

/*
 * Add a row whose vector is NULL or has no direction to its side list.
 */
void
omen_posting_attach_side(OmenGraph *graph, OmenSide side, ItemPointer tid)
{
	OmenIndex  *ix = graph->ix;
	Buffer		buf;
	Buffer		chunkbuf;
	OmenChange	change;
	OmenGraphData data;
	OmenChainOwner list = omen_owner_side(graph, side);
	uint32	   *head;

	omen_graph_read(graph, &data);
	if (omen_chunk_append(ix, *omen_side_head(&data, side), list, tid))
		return;

	chunkbuf = omen_graph_page_with_room(graph, OMEN_PAGE_POSTING);
	buf = omen_graph_lock(graph);
	omen_change_begin(&change, &ix->pages);
	head = omen_side_head(omen_graph_join(graph, &change, buf), side);
	*head = omen_chunk_new(ix, &change, chunkbuf, list, *head, tid);
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	UnlockReleaseBuffer(chunkbuf);
}

/* ---------- collecting ---------- */

static void
report_broken_chain(OmenIndex *ix)
{
	ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
					errmsg("a list of rows in index \"%s\" is corrupted",
						   RelationGetRelationName(ix->pages.rel)),
					errhint("Please REINDEX it.")));
}

static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare(unconstify(void *, a), unconstify(void *, b));
}

/* Is a TID in a list twice, from start on? */
static bool
has_twice(const OmenTidList *list, uint32 start)
{
	uint32		count = list->count - start;
	Size		bytes = mul_size(count, sizeof(ItemPointerData));
	ItemPointerData *copy = palloc_extended(bytes, MCXT_ALLOC_HUGE);
	bool		twice = false;

	memcpy(copy, list->tids + start, bytes);
	qsort(copy, count, sizeof(ItemPointerData), compare_tids);
	for (uint32 i = 1; i < count && !twice; i++)
		twice = ItemPointerEquals(&copy[i - 1], &copy[i]);
	pfree(copy);
	return twice;
}

/*
 * Add the TIDs of a chain to a list.  False if the chain broke off, or has come
 * to be another on the way: read it again.  No lock may be held.
 *
 * A chunk that VACUUM takes out names its owner no more, unless it becomes the
 * owner's again, as a new first one: then whoever was on the way there goes
 * through chunks that were read before.
 */
static bool
walk_chain(OmenGraph *graph, uint32 first, OmenChainOwner owner,
		   OmenTidList *list)
{
	OmenIndex  *ix = graph->ix;
	OmenChainWalk walk = {0};
	uint32		start = list->count;
	uint32		next;

	for (uint32 id = first; id != OMEN_INVALID_ID; id = next)
	{
		Buffer		buf;
		OmenPostingChunk *chunk;
		OmenPostingChunk copy;

		CHECK_FOR_INTERRUPTS();
		if (omen_chain_goes_round(&walk, id))
			return false;
		chunk = omen_chunk_visit(ix, id, owner, BUFFER_LOCK_SHARE, &buf);
		if (chunk == NULL)
			return false;
		copy = *chunk;
		UnlockReleaseBuffer(buf);
		for (int i = 0; i < copy.count; i++)
			omen_tid_list_add(list, &copy.tids[i]);
		next = copy.next;
		OMEN_PAUSE(list->count - start < 3 * OMEN_CHUNK_TIDS ? "chain-chunk"
															 : "chain-third");
	}
	return list->count - start <= OMEN_CHUNK_TIDS ||
		   omen_chain_head(graph, owner) == first || !has_twice(list, start);
}

/* The same for the chain of a node. */
bool
omen_posting_walk(OmenGraph *graph, uint32 first, OmenNodeRef node,
				  OmenTidList *list)
{
	return walk_chain(graph, first, omen_owner_node(node), list);
}

/*
 * Add all TIDs of a node to a list.  False if the node is gone; what it stood
 * for was dead then.
 *
 * The chain is read without the node's lock: its chunks name their
 * owner, and new ones are added at the front.  If VACUUM has taken a chunk out
 * meanwhile, it is read again.
 */
bool
omen_posting_collect(OmenGraph *graph, OmenNodeRef node, OmenTidList *list)
{
	OmenIndex  *ix = graph->ix;
	uint32		start = list->count;

	for (int try = 0; try < MAX_WALKS; try++)
	{
		Buffer		buf;
		OmenSlotHeader *slot = omen_visit(ix, &ix->layout.node, node.id, &buf);
		ItemPointerData tid;
		uint32		posting;
		bool		whole = true;

		if (slot == NULL)
			return false;
		if (slot->version != node.version)
		{
			UnlockReleaseBuffer(buf);
			return false;
		}
		tid = slot->u.node.heaptid;
		posting = slot->u.node.posting;
		UnlockReleaseBuffer(buf);

		list->count = start;
		if (ItemPointerIsValid(&tid))
			omen_tid_list_add(list, &tid);
		OMEN_PAUSE("chain-slot");
		if (posting != OMEN_INVALID_ID)
			whole = omen_posting_walk(graph, posting, node, list);
		if (whole)
			return list->count > start;
		CHECK_FOR_INTERRUPTS();
	}
	report_broken_chain(ix);
	return false;
}

/* Add the TIDs on a page of chunks that are on a side list of any group. */
static void
collect_page(OmenIndex *ix, BlockNumber block, OmenSide side, OmenTidList *list)
{
	Buffer		buf = omen_pin(&ix->pages, block);
	ItemPointerData tids[OMEN_CHUNKS_PER_PAGE * OMEN_CHUNK_TIDS];
	OmenPageOpaque opaque;
	uint32		count = 0;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	opaque = omen_check_page(ix->pages.rel, buf);
	for (uint32 i = 0; opaque != NULL && opaque->kind == OMEN_PAGE_POSTING &&
					   i < Min(opaque->used, OMEN_CHUNKS_PER_PAGE);
		 i++)
	{
		const OmenPostingChunk *chunk = omen_page_chunk(BufferGetPage(buf), i);

		if ((chunk->flags & OMEN_SLOT_USED) == 0 ||
			omen_chunk_side(chunk) != side)
			continue;
		for (int j = 0; j < Min(chunk->count, OMEN_CHUNK_TIDS); j++)
			tids[count++] = chunk->tids[j];
	}
	UnlockReleaseBuffer(buf);
	for (uint32 i = 0; i < count; i++)
		omen_tid_list_add(list, &tids[i]);
}

/* The same of all groups.  TIDs do not move from page to page. */
static void
collect_sides_of_all(OmenIndex *ix, OmenSide side, OmenTidList *list)
{
	for (BlockNumber block = OMEN_META_BLOCK + 1;
		 omen_block_exists(&ix->pages, block); block++)
	{
		collect_page(ix, block, side, list);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Add the TIDs of a side list; of the whole index, if it is one of groups,
 * those of all of them.
 */
void
omen_posting_collect_side(OmenGraph *graph, OmenSide side, OmenTidList *list)
{
	uint32		start = list->count;
	OmenChainOwner owner = omen_owner_side(graph, side);

	if (graph->id == 0 && graph->ix->layout.group_bytes > 0)
	{
		collect_sides_of_all(graph->ix, side, list);
		return;
	}
	for (int try = 0; try < MAX_WALKS; try++)
	{
		OmenGraphData data;

		omen_graph_read(graph, &data);
		list->count = start;
		if (walk_chain(graph, *omen_side_head(&data, side), owner, list))
			return;
		CHECK_FOR_INTERRUPTS();
	}
	report_broken_chain(graph->ix);
}
