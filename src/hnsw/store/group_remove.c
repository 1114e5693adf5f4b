/*-------------------------------------------------------------------------
 *
 * group_remove.c
 *	  Taking a group without rows apart: others have its slots and pages then.
 *
 * The caller holds the group's lock, exclusively, so no row comes meanwhile. 
 * The record says first that the group is LEAVING: from then on it is
 * nobody's, and who cuts this short leaves it to the next VACUUM.  Own pages
 * leave from the head of their list and of their chain, so both are whole at
 * each step.  They keep their kind, and become pages that groups share, or for
 * upper layers pages that any group may take.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/chunk.h"
#include "miscadmin.h"

/* The record of a graph on its page. */
static OmenGroupRecord *
record_on(const OmenGraph *graph, Page page)
{
	return omen_page_group(page, graph->id % OMEN_GROUPS_PER_PAGE);
}

/* Has the group a row? */
static bool
has_rows(OmenGraph *graph)
{
	const OmenPlane *plane = &graph->ix->layout.node;
	OmenTidList tids = {0};
	OmenGraphPages pages;
	BlockNumber block;
	bool		found = false;

	omen_posting_collect_side(graph, OMEN_SIDE_NULL, &tids);
	omen_posting_collect_side(graph, OMEN_SIDE_NAN, &tids);
	omen_graph_pages(&pages, graph);
	while (tids.count == 0 && !found && omen_graph_next_page(&pages, &block))
	{
		Buffer		buf = omen_pin(&graph->ix->pages, block);
		OmenSlotWalk walk;
		OmenSlotHeader *slot;

		LockBuffer(buf, BUFFER_LOCK_SHARE);
		omen_slots_begin_graph(&walk, graph, plane, buf);
		while (!found && (slot = omen_next_slot(&walk)) != NULL)
			found = omen_node_has_row(slot);
		UnlockReleaseBuffer(buf);
		CHECK_FOR_INTERRUPTS();
	}
	return found || tids.count > 0;
}

/* Say that the group is nobody's any more. */
static void
mark_leaving(OmenGraph *graph)
{
	Buffer		buf = omen_graph_lock(graph);
	OmenChange	change;

	omen_change_begin(&change, &graph->ix->pages);
	record_on(graph, omen_change_page(&change, buf))->flags |=
		OMEN_GROUP_LEAVING;
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
}

/* Lock a page that the record names, exclusively; the group's own or not. */
static Buffer
lock_named(OmenGraph *graph, BlockNumber block, OmenPageKind kind, bool is_own)
{
	OmenIndex  *ix = graph->ix;
	OmenPageOpaque opaque;
	Buffer		buf;

	if (block == OMEN_META_BLOCK || !omen_block_exists(&ix->pages, block))
		omen_group_report(ix, graph->id);
	buf = omen_pin(&ix->pages, block);
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	opaque = omen_check_page(ix->pages.rel, buf);
	if (opaque == NULL || opaque->kind != kind ||
		(is_own && opaque->owner != graph->id))
		omen_report_corruption(ix->pages.rel, buf);
	return buf;
}

/*
 * Take the first page off the group's list of pages with room; false at the
 * end.
 */
static bool
unlist_page(OmenGraph *graph, OmenPageKind kind)
{
	OmenIndex  *ix = graph->ix;
	OmenGroupRecord record;
	OmenNodeRef group = {graph->id, graph->version};
	BlockNumber block;
	Buffer		buf;
	Buffer		record_buf;
	OmenChange	change;
	OmenPageOpaque opaque;
	OmenGroupRecord *changed;

	omen_group_get(ix, group, &record);
	block = kind == OMEN_PAGE_NODE ? record.room_node : record.room_upper;
	if (block == InvalidBlockNumber)
		return false;
	buf = lock_named(graph, block, kind, true);
	record_buf = omen_graph_lock(graph);
	omen_change_begin(&change, &ix->pages);
	opaque = OmenPageGetOpaque(omen_change_page(&change, buf));
	changed = record_on(graph, omen_change_page(&change, record_buf));
	if (kind == OMEN_PAGE_NODE)
		changed->room_node = opaque->next;
	else
		changed->room_upper = opaque->next;
	opaque->next = InvalidBlockNumber;
	opaque->flags &= ~OMEN_PAGE_LISTED;
	omen_change_commit(&change);
	UnlockReleaseBuffer(record_buf);
	UnlockReleaseBuffer(buf);
	return true;
}

/* Give back all slots of a page that are the group's. */
static void
free_slots(OmenGraph *graph, const OmenPlane *plane, Page page)
{
	uint32		used = Min(OmenPageGetOpaque(page)->used, plane->per_page);

	for (uint32 i = 0; i < used; i++)
	{
		OmenSlotHeader *slot = omen_page_slot(page, plane, i);

		if (slot->flags != 0 && *omen_slot_group(plane, slot) == graph->id)
			omen_page_give_slot(graph->ix, page, i);
	}
}

/*
 * Take the first page off the chain of the group's own, with its slots, and put
 * it on the list of those that nobody has alone.  False at the end.
 */
static bool
let_page_go(OmenGraph *graph, const OmenPlane *plane)
{
	OmenIndex  *ix = graph->ix;
	OmenNodeRef group = {graph->id, graph->version};
	bool		is_node = plane->kind == OMEN_PAGE_NODE;
	OmenGroupRecord record;
	BlockNumber block;
	Buffer		buf;
	Buffer		record_buf;
	Buffer		metabuf;
	OmenChange	change;
	OmenPageOpaque opaque;
	OmenGroupRecord *changed;
	BlockNumber *head;
	Page		page;
	Page		meta;

	omen_group_get(ix, group, &record);
	block = is_node ? record.chain : record.upper_chain;
	if (block == InvalidBlockNumber)
		return false;
	buf = lock_named(graph, block, plane->kind, true);
	record_buf = omen_graph_lock(graph);
	metabuf = ReadBuffer(ix->pages.rel, OMEN_META_BLOCK);
	LockBuffer(metabuf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	page = omen_change_page(&change, buf);
	changed = record_on(graph, omen_change_page(&change, record_buf));
	meta = omen_change_page(&change, metabuf);
	free_slots(graph, plane, page);
	opaque = OmenPageGetOpaque(page);
	if (is_node)
		changed->chain = opaque->chain;
	else
		changed->upper_chain = opaque->chain;
	opaque->owner = 0;
	opaque->chain = 0;
	if ((opaque->flags & OMEN_PAGE_LISTED) == 0)
	{
		head = &OmenPageGetMeta(meta)->room[omen_list_of_kind(plane->kind)];
		opaque->next = *head;
		opaque->flags |= OMEN_PAGE_LISTED;
		*head = block;
	}
	omen_change_commit(&change);
	UnlockReleaseBuffer(metabuf);
	UnlockReleaseBuffer(record_buf);
	UnlockReleaseBuffer(buf);
	return true;
}

/* Give back the slots on the last page that is shared; false at the end. */
static bool
leave_shared_page(OmenGraph *graph)
{
	OmenIndex  *ix = graph->ix;
	OmenNodeRef group = {graph->id, graph->version};
	int			last = OMEN_GROUP_BLOCKS - 1;
	OmenGroupRecord record;
	Buffer		buf;
	Buffer		record_buf;
	OmenChange	change;

	omen_group_get(ix, group, &record);
	while (last >= 0 && record.blocks[last] == InvalidBlockNumber)
		last--;
	if (last < 0)
		return false;
	buf = lock_named(graph, record.blocks[last], OMEN_PAGE_NODE, false);
	record_buf = omen_graph_lock(graph);
	omen_change_begin(&change, &ix->pages);
	free_slots(graph, &ix->layout.node, omen_change_page(&change, buf));
	record_on(graph, omen_change_page(&change, record_buf))->blocks[last] =
		InvalidBlockNumber;
	omen_change_commit(&change);
	UnlockReleaseBuffer(record_buf);
	if (OmenPageGetOpaque(BufferGetPage(buf))->live < ix->layout.node.per_page)
		omen_page_list(ix, buf);
	UnlockReleaseBuffer(buf);
	return true;
}

/* Free the one chunk that is left of a side list without rows. */
static void
drop_side(OmenGraph *graph, OmenSide side)
{
	OmenIndex  *ix = graph->ix;
	OmenChainOwner owner = omen_owner_side(graph, side);
	uint32		id;
	OmenPostingChunk *chunk;
	Buffer		buf;
	Buffer		record_buf;
	OmenChange	change;

	omen_posting_compact_side(graph, side);
	id = omen_chain_head(graph, owner);
	if (id == OMEN_INVALID_ID)
		return;
	chunk = omen_chunk_visit(ix, id, owner, BUFFER_LOCK_EXCLUSIVE, &buf);
	if (chunk == NULL || chunk->count > 0 || chunk->next != OMEN_INVALID_ID)
		omen_group_report(ix, graph->id);
	record_buf = omen_graph_lock(graph);
	omen_change_begin(&change, &ix->pages);
	omen_page_give_slot(ix, omen_change_page(&change, buf),
						id % OMEN_CHUNKS_PER_PAGE);
	*omen_side_head(omen_graph_join(graph, &change, record_buf), side) =
		OMEN_INVALID_ID;
	omen_change_commit(&change);
	UnlockReleaseBuffer(record_buf);
	omen_page_list(ix, buf);
	UnlockReleaseBuffer(buf);
}

/*
 * Take a group apart, unless it has a row.  What is left is its record, with
 * its key, and its entry in the directory.  False if it stays.
 */
bool
omen_group_take_apart(OmenGraph *graph)
{
	if (has_rows(graph))
		return false;
	mark_leaving(graph);
	while (unlist_page(graph, OMEN_PAGE_NODE))
		CHECK_FOR_INTERRUPTS();
	while (unlist_page(graph, OMEN_PAGE_UPPER))
		CHECK_FOR_INTERRUPTS();
	while (let_page_go(graph, &graph->ix->layout.upper))
		CHECK_FOR_INTERRUPTS();
	while (let_page_go(graph, &graph->ix->layout.node))
		CHECK_FOR_INTERRUPTS();
	while (leave_shared_page(graph))
		CHECK_FOR_INTERRUPTS();
	drop_side(graph, OMEN_SIDE_NULL);
	drop_side(graph, OMEN_SIDE_NAN);
	return true;
}

/* Free what of a key did not fit a record that has gone. */
void
omen_group_free_key(OmenIndex *ix, const OmenGroupRecord *record)
{
	uint32		more = record->more;
	uint32		done = OMEN_GROUP_KEY_BYTES;

	while (done < record->key_bytes && more != OMEN_INVALID_ID)
	{
		Buffer		buf;
		OmenChange	change;
		OmenGroupKeyPart *part = omen_group_part_visit(ix, more, &buf);
		uint32		slot = more % OMEN_GROUPS_PER_PAGE;

		if (part == NULL)
			return;
		done += Max(part->bytes, 1);
		more = part->more;
		omen_change_begin(&change, &ix->pages);
		omen_page_give_slot(ix, omen_change_page(&change, buf), slot);
		omen_change_commit(&change);
		omen_page_list(ix, buf);
		UnlockReleaseBuffer(buf);
	}
}
