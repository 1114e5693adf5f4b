/*-------------------------------------------------------------------------
 *
 * page.c
 *	  Slots handed out and taken back, and which pages have some.
 *
 * The slots of a page are numbered from 0; "used" says how many have ever been
 * handed out, "live" how many are in use.  The lists of pages with room are
 * page/list.c's; here stands where in the metapage their heads are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"

/* Slots that a page of the kind has. */
uint32
omen_page_slots(const OmenIndex *ix, OmenPageKind kind)
{
	switch (kind)
	{
		case OMEN_PAGE_NODE:
			return ix->layout.node.per_page;
		case OMEN_PAGE_UPPER:
			return ix->layout.upper.per_page;
		case OMEN_PAGE_POSTING:
			return OMEN_CHUNKS_PER_PAGE;
		case OMEN_PAGE_GROUP:
			return OMEN_GROUPS_PER_PAGE;
		default:
			return 0;
	}
}

/* Bytes of a slot of the kind. */
static uint32
page_stride(const OmenIndex *ix, OmenPageKind kind)
{
	switch (kind)
	{
		case OMEN_PAGE_NODE:
			return ix->layout.node.stride;
		case OMEN_PAGE_UPPER:
			return ix->layout.upper.stride;
		case OMEN_PAGE_POSTING:
			return sizeof(OmenPostingChunk);
		case OMEN_PAGE_GROUP:
			return sizeof(OmenGroupRecord);
		default:
			return 0;
	}
}

/* ---------- lists of pages with room ---------- */

static BlockNumber
find_home(const OmenPageLists *lists, uint8 kind)
{
	return OMEN_META_BLOCK;
}

static BlockNumber *
find_head(const OmenPageLists *lists, Page home, uint8 kind)
{
	if (kind == OMEN_PAGE_GROUP)
		return &OmenPageGetMeta(home)->room_group;
	Assert(omen_list_of_kind(kind) >= 0);
	return &OmenPageGetMeta(home)->room[omen_list_of_kind(kind)];
}

static uint32
count_slots(const OmenPageLists *lists, uint8 kind)
{
	return omen_page_slots(lists->am, kind);
}

static uint32
count_slots_of_graph(const OmenPageLists *lists, uint8 kind)
{
	const OmenGraph *graph = lists->am;

	return omen_page_slots(graph->ix, kind);
}

/* A graph's limit is one of nodes. */
static Buffer
lock_graph(const OmenPageLists *lists, uint8 kind)
{
	return kind == OMEN_PAGE_NODE ? omen_graph_lock(lists->am) : InvalidBuffer;
}

/* All free slots of the page may get rows now. */
static void
raise_node_limit(const OmenPageLists *lists, Page told, uint8 kind)
{
	const OmenGraph *graph = lists->am;

	omen_graph_data_on(graph, told)->node_limit +=
		graph->ix->layout.node.per_page;
}

/* Heads of lists stand in the metapage. */
void
omen_page_lists_init(OmenIndex *ix)
{
	ix->lists.home = find_home;
	ix->lists.head = find_head;
	ix->lists.slots = count_slots;
	ix->lists.max_id = OMEN_MAX_ID;
	ix->lists.am = ix;
}

/* A page that belongs to nobody, exclusively locked; see page/list.c. */
Buffer
omen_page_free(OmenIndex *ix)
{
	return omen_list_free_page(&ix->pages, &ix->lists);
}

/*
 * A page of the kind that has a free slot for a graph, pinned and exclusively
 * locked.  The caller may hold an exclusive lock on a node's page when it asks
 * for a page of posting chunks, and no other lock.
 */
Buffer
omen_graph_page_with_room(OmenGraph *graph, OmenPageKind kind)
{
	OmenPageLists lists = graph->ix->lists;

	if (omen_graph_is_group(graph) && kind != OMEN_PAGE_POSTING)
		return omen_group_page_with_room(graph, kind);
	lists.slots = count_slots_of_graph;
	lists.lock_told = lock_graph;
	lists.opened = raise_node_limit;
	lists.am = graph;
	return omen_list_page_with_room(&graph->ix->pages, &lists, kind);
}

/*
 * Put a page that has room, or is free, on the list of its kind, or of the group
 * that it is of.
 */
void
omen_page_list(OmenIndex *ix, Buffer buf)
{
	if (OmenPageGetOpaque(BufferGetPage(buf))->owner != 0)
		omen_group_page_list(ix, buf);
	else
		omen_list_add(&ix->pages, &ix->lists, buf);
}

/* ---------- slots ---------- */

/* Is a slot of a page in use, or kept for somebody? */
static bool
slot_in_use(const OmenIndex *ix, Page page, uint32 slot)
{
	/* flags of groups stand where those of slots do */
	OmenPageKind kind = OmenPageGetOpaque(page)->kind;
	char	   *start =
		(char *) page + OMEN_PAGE_START + (Size) slot * page_stride(ix, kind);

	return kind == OMEN_PAGE_POSTING ? ((OmenPostingChunk *) start)->flags != 0
									 : ((OmenSlotHeader *) start)->flags != 0;
}

/* A free slot of a page: one never used, or one that was given back. */
uint32
omen_page_free_slot(const OmenIndex *ix, Page page)
{
	OmenPageOpaque opaque = OmenPageGetOpaque(page);
	uint32		slots = omen_page_slots(ix, opaque->kind);

	if (opaque->used < slots)
		return opaque->used;
	for (uint32 slot = 0; slot < slots; slot++)
	{
		if (!slot_in_use(ix, page, slot))
			return slot;
	}
	ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
					errmsg("index \"%s\" contains a page that claims to have "
						   "room and has none",
						   RelationGetRelationName(ix->pages.rel)),
					errhint("Please REINDEX it.")));
}

/*
 * Hand out a slot of a page that has one (page: from omen_change_page(), with
 * nothing written yet).  The slot keeps the version of its last use;
 * everything else in it is the caller's to write.
 */
uint32
omen_page_take_slot(OmenIndex *ix, Page page)
{
	OmenPageOpaque opaque = OmenPageGetOpaque(page);
	uint32		stride = page_stride(ix, opaque->kind);
	uint32		slot = omen_page_free_slot(ix, page);

	if (slot == opaque->used)
	{
		opaque->used++;
		((PageHeader) page)->pd_lower = OMEN_PAGE_START + opaque->used * stride;
		memset((char *) page + OMEN_PAGE_START + (Size) slot * stride, 0,
			   stride);
	}
	opaque->live++;
	return slot;
}

/*
 * Take a slot back (page: from omen_change_page()).  The slot of a node gets
 * its next version, so that no edge to it is taken for good.
 */
void
omen_page_give_slot(OmenIndex *ix, Page page, uint32 slot)
{
	OmenPageOpaque opaque = OmenPageGetOpaque(page);
	uint32		stride = page_stride(ix, opaque->kind);
	char	   *start = (char *) page + OMEN_PAGE_START + (Size) slot * stride;

	if (opaque->kind == OMEN_PAGE_POSTING)
		memset(start, 0, stride);
	else
	{
		uint16		version = ((OmenSlotHeader *) start)->version;

		memset(start, 0, stride);
		((OmenSlotHeader *) start)->version = version + 1;
	}
	opaque->live--;
}
