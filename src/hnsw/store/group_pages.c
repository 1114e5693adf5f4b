/*-------------------------------------------------------------------------
 *
 * group_pages.c
 *	  Which page takes the next slot of a group.
 *
 * A group of a few nodes has them on pages of which other groups have slots,
 * too (record->blocks).  So that it does not get one slot each on as many
 * pages, it is given some at a time, half of what it has: these are RESERVED,
 * name it, and count as live.  A group that would be given more than half a
 * page, or has slots on as many pages as its record has room for, gets pages
 * of its own from then on: they name it as their owner, and form a chain,
 * newest first.  Pages of upper layers are its own from the first.
 *
 * Nodes do not move: what a group has on shared pages stays there.
 *
 * The lists of own pages with room are as all others are (page/list.c); their
 * heads are in the record.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"
#include "miscadmin.h"

/* The fewest slots that a group is given on a shared page. */
#define MIN_RESERVED 2

/* Times that a page with room is asked for that turns out to be a group's. */
#define MAX_TRIES 1000

/* ---------- pages of its own ---------- */

static bool
is_own_kind(uint8 kind)
{
	return kind == OMEN_PAGE_NODE || kind == OMEN_PAGE_UPPER;
}

/* The record of a graph on its page. */
static OmenGroupRecord *
record_on(const OmenGraph *graph, Page page)
{
	return omen_page_group(page, graph->id % OMEN_GROUPS_PER_PAGE);
}

static BlockNumber
find_home(const OmenPageLists *lists, uint8 kind)
{
	const OmenGraph *graph = lists->am;

	return is_own_kind(kind) ? graph->block
							 : graph->ix->lists.home(&graph->ix->lists, kind);
}

static BlockNumber *
find_head(const OmenPageLists *lists, Page home, uint8 kind)
{
	const OmenGraph *graph = lists->am;

	if (!is_own_kind(kind))
		return graph->ix->lists.head(&graph->ix->lists, home, kind);
	return kind == OMEN_PAGE_NODE ? &record_on(graph, home)->room_node
								  : &record_on(graph, home)->room_upper;
}

static uint32
count_slots(const OmenPageLists *lists, uint8 kind)
{
	const OmenGraph *graph = lists->am;

	return omen_page_slots(graph->ix, kind);
}

static Buffer
lock_record(const OmenPageLists *lists, uint8 kind)
{
	return kind == OMEN_PAGE_NODE ? omen_graph_lock(lists->am) : InvalidBuffer;
}

/* All free slots of the page may get rows now. */
static void
raise_node_limit(const OmenPageLists *lists, Page told, uint8 kind)
{
	const OmenGraph *graph = lists->am;

	record_on(graph, told)->graph.node_limit += graph->ix->layout.node.per_page;
}

/* A page is the group's from now on. */
static void
add_to_chain(const OmenPageLists *lists, Page page, Page home)
{
	const OmenGraph *graph = lists->am;
	OmenPageOpaque opaque = OmenPageGetOpaque(page);
	OmenGroupRecord *record = record_on(graph, home);
	BlockNumber *chain =
		opaque->kind == OMEN_PAGE_NODE ? &record->chain : &record->upper_chain;

	opaque->owner = graph->id;
	opaque->chain = *chain;
	*chain = opaque->block;
}

/* A page is not one of those that the group shares with others any more. */
static void
forget_shared(OmenGroupRecord *record, BlockNumber block)
{
	int			kept = 0;

	for (int i = 0; i < OMEN_GROUP_BLOCKS; i++)
	{
		if (record->blocks[i] != block)
			record->blocks[kept++] = record->blocks[i];
	}
	while (kept < OMEN_GROUP_BLOCKS)
		record->blocks[kept++] = InvalidBlockNumber;
}

/* Note in a record, and on a page, that the page is the group's. */
static void
give_page(const OmenPageLists *lists, Page page, Page record_page)
{
	const OmenGraph *graph = lists->am;
	OmenPageOpaque opaque = OmenPageGetOpaque(page);
	BlockNumber *head = find_head(lists, record_page, opaque->kind);

	opaque->next = *head;
	*head = opaque->block;
	add_to_chain(lists, page, record_page);
	forget_shared(record_on(graph, record_page), opaque->block);
	if (opaque->kind == OMEN_PAGE_NODE)
		raise_node_limit(lists, record_page, opaque->kind);
}

/* Take the first page of a list that is nobody's alone off, for a group. */
static bool
take_first(const OmenPageLists *lists, Buffer buf, OmenPageKind kind)
{
	const OmenGraph *graph = lists->am;
	OmenIndex  *ix = graph->ix;
	Buffer		record_buf = omen_graph_lock(graph);
	Buffer		metabuf = ReadBuffer(ix->pages.rel, OMEN_META_BLOCK);
	BlockNumber *head;
	OmenChange	change;
	Page		page;
	Page		record_page;
	bool		is_first;

	LockBuffer(metabuf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	page = omen_change_page(&change, buf);
	record_page = omen_change_page(&change, record_buf);
	head = &OmenPageGetMeta(omen_change_page(&change, metabuf))
				->room[omen_list_of_kind(kind)];
	is_first = *head == BufferGetBlockNumber(buf);
	if (is_first)
	{
		*head = OmenPageGetOpaque(page)->next;
		give_page(lists, page, record_page);
		omen_change_commit(&change);
	}
	else
		omen_change_abort(&change);
	UnlockReleaseBuffer(metabuf);
	UnlockReleaseBuffer(record_buf);
	return is_first;
}

/* Take the page off that follows another, both of them locked. */
static void
take_second(const OmenPageLists *lists, Buffer first_buf, Buffer buf)
{
	const OmenGraph *graph = lists->am;
	Buffer		record_buf = omen_graph_lock(graph);
	OmenChange	change;
	Page		first;
	Page		page;
	Page		record_page;

	omen_change_begin(&change, &graph->ix->pages);
	first = omen_change_page(&change, first_buf);
	page = omen_change_page(&change, buf);
	record_page = omen_change_page(&change, record_buf);
	OmenPageGetOpaque(first)->next = OmenPageGetOpaque(page)->next;
	give_page(lists, page, record_page);
	omen_change_commit(&change);
	UnlockReleaseBuffer(record_buf);
}

/* Is a locked page on the list of those that are nobody's alone? */
static bool
is_for_all(const OmenIndex *ix, Buffer buf, OmenPageKind kind)
{
	OmenPageOpaque opaque = omen_check_page(ix->pages.rel, buf);

	return opaque != NULL && opaque->kind == kind && opaque->owner == 0 &&
		   (opaque->flags & OMEN_PAGE_LISTED) != 0;
}

/* Take the page that follows a locked one, if it is empty and not locked. */
static bool
take_next(const OmenPageLists *lists, Buffer first, OmenPageKind kind)
{
	const OmenGraph *graph = lists->am;
	OmenIndex  *ix = graph->ix;
	BlockNumber block = OmenPageGetOpaque(BufferGetPage(first))->next;
	bool		taken = false;
	Buffer		buf;

	if (block == InvalidBlockNumber || block == OMEN_META_BLOCK ||
		block == BufferGetBlockNumber(first) ||
		!omen_block_exists(&ix->pages, block))
		return false;
	buf = omen_pin(&ix->pages, block);
	/* two of a kind: never waited for */
	if (ConditionalLockBuffer(buf))
	{
		taken = is_for_all(ix, buf, kind) &&
				OmenPageGetOpaque(BufferGetPage(buf))->live == 0;
		if (taken)
			take_second(lists, first, buf);
		LockBuffer(buf, BUFFER_LOCK_UNLOCK);
	}
	ReleaseBuffer(buf);
	return taken;
}

/*
 * If the first or the second page of those with room that are nobody's alone is
 * empty, make it the group's.
 */
static bool
take_empty_page(const OmenPageLists *lists, uint8 kind)
{
	const OmenGraph *graph = lists->am;
	OmenIndex  *ix = graph->ix;
	BlockNumber block;
	bool		taken = false;
	Buffer		buf;

	if (!is_own_kind(kind))
		return false;
	block = ix->meta.room[omen_list_of_kind(kind)];
	if (block == InvalidBlockNumber || block == OMEN_META_BLOCK ||
		!omen_block_exists(&ix->pages, block))
		return false;
	buf = omen_pin(&ix->pages, block);
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	if (is_for_all(ix, buf, kind))
		taken = OmenPageGetOpaque(BufferGetPage(buf))->live == 0
					? take_first(lists, buf, kind)
					: take_next(lists, buf, kind);
	UnlockReleaseBuffer(buf);
	return taken;
}

static OmenPageLists
lists_of_group(const OmenGraph *graph)
{
	OmenPageLists lists = graph->ix->lists;

	lists.home = find_home;
	lists.head = find_head;
	lists.slots = count_slots;
	lists.lock_told = lock_record;
	lists.opened = raise_node_limit;
	lists.take_spare = take_empty_page;
	lists.started = add_to_chain;
	lists.am = graph;
	return lists;
}

static Buffer
own_page_with_room(OmenGraph *graph, OmenPageKind kind)
{
	OmenIndex  *ix = graph->ix;
	OmenPageLists lists = lists_of_group(graph);
	Buffer		buf = omen_list_page_with_room(&ix->pages, &lists, kind);

	if (OmenPageGetOpaque(BufferGetPage(buf))->owner != graph->id)
		omen_report_corruption(ix->pages.rel, buf);
	return buf;
}

/* Free slots of the page of its own that a group fills. */
uint32
omen_group_first_free(const OmenGraph *graph)
{
	OmenPageLists lists = lists_of_group(graph);

	return omen_list_first_free(&graph->ix->pages, &lists, OMEN_PAGE_NODE);
}

/* Put a page of a group's own that has room on the group's list. */
void
omen_group_page_list(OmenIndex *ix, Buffer buf)
{
	OmenGraph	graph = {.ix = ix};
	OmenPageLists lists = lists_of_group(&graph);
	OmenNodeRef group = {OmenPageGetOpaque(BufferGetPage(buf))->owner, 0};
	OmenGroupRecord record;

	if (ix->layout.group_bytes == 0 || !omen_group_read(ix, group.id, &record))
		omen_report_corruption(ix->pages.rel, buf);
	group.version = record.version;
	omen_graph_choose(&graph, group);
	omen_list_add(&ix->pages, &lists, buf);
}

/* ---------- pages shared with others ---------- */

static bool
is_reserved(const OmenGraph *graph, const OmenSlotHeader *slot)
{
	return slot->flags == OMEN_SLOT_RESERVED &&
		   *omen_slot_group(&graph->ix->layout.node, slot) == graph->id;
}

/*
 * Has a page a slot that is kept for the group?  Counts the group's slots, too.
 */
static bool
has_reserved(const OmenGraph *graph, Page page, uint32 *count)
{
	const OmenPlane *plane = &graph->ix->layout.node;
	uint32		used = Min(OmenPageGetOpaque(page)->used, plane->per_page);

	for (uint32 i = 0; i < used; i++)
	{
		const OmenSlotHeader *slot = omen_page_slot(page, plane, i);

		if (is_reserved(graph, slot))
			return true;
		*count +=
			slot->flags != 0 && *omen_slot_group(plane, slot) == graph->id;
	}
	return false;
}

/*
 * Find a page with a slot that is kept for the group, locked exclusively; or
 * InvalidBuffer, and *count is how many slots the group has.
 */
static Buffer
find_reserved(OmenGraph *graph, const OmenGroupRecord *record, uint32 *count)
{
	OmenIndex  *ix = graph->ix;

	*count = 0;
	for (int i = OMEN_GROUP_BLOCKS - 1; i >= 0; i--)
	{
		BlockNumber block = record->blocks[i];
		OmenPageOpaque opaque;
		Buffer		buf;

		if (block == InvalidBlockNumber)
			continue;
		if (block == OMEN_META_BLOCK || !omen_block_exists(&ix->pages, block))
			omen_group_report(ix, graph->id);
		buf = omen_pin(&ix->pages, block);
		LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
		opaque = omen_check_page(ix->pages.rel, buf);
		if (opaque == NULL || opaque->kind != OMEN_PAGE_NODE)
			omen_report_corruption(ix->pages.rel, buf);
		/* it may have become another group's own when it was empty */
		if (opaque->owner == 0 &&
			has_reserved(graph, BufferGetPage(buf), count))
			return buf;
		UnlockReleaseBuffer(buf);
	}
	return InvalidBuffer;
}

/* The place of a block in a record, or one for it; -1 if there is none. */
static int
find_place(const OmenGroupRecord *record, BlockNumber block)
{
	for (int i = 0; i < OMEN_GROUP_BLOCKS; i++)
	{
		if (record->blocks[i] == block ||
			record->blocks[i] == InvalidBlockNumber)
			return i;
	}
	return -1;
}

/* Keep slots of a locked page for the group, as many as it has of these. */
static bool
reserve_on(OmenGraph *graph, Buffer buf, uint32 count)
{
	OmenIndex  *ix = graph->ix;
	const OmenPlane *plane = &ix->layout.node;
	Buffer		record_buf = omen_graph_lock(graph);
	int			place = find_place(record_on(graph, BufferGetPage(record_buf)),
						   BufferGetBlockNumber(buf));
	OmenGroupRecord *record;
	OmenChange	change;
	Page		page;

	if (place < 0)
	{
		UnlockReleaseBuffer(record_buf);
		return false;
	}
	omen_change_begin(&change, &ix->pages);
	page = omen_change_page(&change, buf);
	record = record_on(graph, omen_change_page(&change, record_buf));
	count = Min(count, plane->per_page - OmenPageGetOpaque(page)->live);
	for (uint32 i = 0; i < count; i++)
	{
		OmenSlotHeader *slot =
			omen_page_slot(page, plane, omen_page_take_slot(ix, page));

		slot->flags = OMEN_SLOT_RESERVED;
		*omen_slot_group(plane, slot) = graph->id;
	}
	record->blocks[place] = BufferGetBlockNumber(buf);
	record->graph.node_limit += count;
	omen_change_commit(&change);
	UnlockReleaseBuffer(record_buf);
	return true;
}

/*
 * The first page with room that is nobody's alone, locked exclusively.  Between
 * the look at the list and the lock it may have become another group's own.
 */
static Buffer
shared_page_with_room(OmenIndex *ix)
{
	for (int tries = 0;; tries++)
	{
		Buffer		buf =
			omen_list_page_with_room(&ix->pages, &ix->lists, OMEN_PAGE_NODE);

		if (OmenPageGetOpaque(BufferGetPage(buf))->owner == 0)
			return buf;
		if (tries == MAX_TRIES)
			omen_report_corruption(ix->pages.rel, buf);
		UnlockReleaseBuffer(buf);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Have some slots of a shared page kept for the group, which has so many.  The
 * page, locked exclusively; or InvalidBuffer if the group is to have pages of
 * its own.
 */
static Buffer
reserve(OmenGraph *graph, uint32 has)
{
	OmenIndex  *ix = graph->ix;
	uint32		wanted = Max(MIN_RESERVED, has / 2);
	Buffer		buf;

	if (wanted > ix->layout.node.per_page / 2)
		return InvalidBuffer;
	buf = shared_page_with_room(ix);
	if (reserve_on(graph, buf, wanted))
		return buf;
	UnlockReleaseBuffer(buf);
	return InvalidBuffer;
}

/* ---------- the next slot ---------- */

/*
 * A page of nodes or upper slots that has one for a group, pinned and
 * exclusively locked.  The caller holds no other lock of a page.
 */
Buffer
omen_group_page_with_room(OmenGraph *graph, OmenPageKind kind)
{
	OmenNodeRef group = {graph->id, graph->version};
	OmenGroupRecord record;
	Buffer		buf = InvalidBuffer;
	uint32		has;

	omen_group_get(graph->ix, group, &record);
	if (kind == OMEN_PAGE_NODE && record.chain == InvalidBlockNumber)
	{
		buf = find_reserved(graph, &record, &has);
		if (!BufferIsValid(buf))
			buf = reserve(graph, has);
	}
	return BufferIsValid(buf) ? buf : own_page_with_room(graph, kind);
}

/*
 * Hand out a slot of that page (page: from omen_change_page(), with nothing
 * written yet), as omen_page_take_slot() does.
 */
uint32
omen_group_take_slot(OmenGraph *graph, Page page)
{
	const OmenPlane *plane = &graph->ix->layout.node;

	if (OmenPageGetOpaque(page)->owner != 0)
		return omen_page_take_slot(graph->ix, page);
	for (uint32 i = 0; i < plane->per_page; i++)
	{
		if (is_reserved(graph, omen_page_slot(page, plane, i)))
			return i;
	}
	elog(ERROR, "a page has no slot that is kept for group %u", graph->id);
}
