/*-------------------------------------------------------------------------
 *
 * page.c
 *	  Pages with room: which page takes the next slot of a kind.
 *
 * The metapage heads, for each listed kind, a chain of pages that have a free
 * slot (for OMEN_PAGE_FREE: of pages that belong to nobody).  The chain is
 * WAL-logged with the pages, so that it is exact after a crash and on a
 * standby, where a free space map would not be.  Only the first page of a
 * chain is filled; it leaves the chain when somebody finds it full.  So the
 * metapage is written once per page of slots, not once per slot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/store/store.h"
#include "miscadmin.h"

/* Times that the head of the list of free pages is asked for. */
#define MAX_TRIES 1000

void
omen_page_init(Page page, OmenPageKind kind)
{
	OmenPageOpaque opaque;

	PageInit(page, BLCKSZ, sizeof(OmenPageOpaqueData));
	opaque = OmenPageGetOpaque(page);
	opaque->next = InvalidBlockNumber;
	opaque->kind = kind;
	opaque->page_id = OMEN_PAGE_ID;
}

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
		default:
			return 0;
	}
}

/* The metapage, and the page of a graph's data, which may be the same one. */
typedef struct LockedHead
{
	Buffer		meta;
	Buffer		data;			/* invalid if no graph is concerned */
} LockedHead;

/*
 * Lock what a list of pages begins with exclusively, and the data of the graph
 * whose slots are on them, if that is to be told.
 */
static LockedHead
lock_head(OmenIndex *ix, OmenGraph *graph)
{
	LockedHead	head;

	head.data = graph ? omen_graph_lock(graph) : InvalidBuffer;
	if (graph && BufferGetBlockNumber(head.data) == OMEN_META_BLOCK)
	{
		head.meta = head.data;
		return head;
	}
	head.meta = ReadBuffer(ix->pages.rel, OMEN_META_BLOCK);
	LockBuffer(head.meta, BUFFER_LOCK_EXCLUSIVE);
	return head;
}

static void
unlock_head(LockedHead head)
{
	UnlockReleaseBuffer(head.meta);
	if (BufferIsValid(head.data) && head.data != head.meta)
		UnlockReleaseBuffer(head.data);
}

static void
report_damaged_list(OmenIndex *ix, BlockNumber block)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" has a damaged list of pages with room at "
					"block %u",
					RelationGetRelationName(ix->pages.rel), block),
			 errhint("Please REINDEX it.")));
}

static BlockNumber
first_with_room(OmenIndex *ix, OmenPageKind kind)
{
	Buffer		buf = ReadBuffer(ix->pages.rel, OMEN_META_BLOCK);
	BlockNumber block;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	block = OmenPageGetMeta(BufferGetPage(buf))->room[kind];
	UnlockReleaseBuffer(buf);
	return block;
}

/*
 * Take an exclusively locked page off the head of its chain.  Does nothing if
 * somebody else changed the head meanwhile.  graph is the one that is to know
 * of the next page, or NULL.
 */
static void
unlist(OmenIndex *ix, OmenGraph *graph, Buffer buf, OmenPageKind kind)
{
	LockedHead	head = lock_head(ix, graph);
	OmenPageOpaque opaque = OmenPageGetOpaque(BufferGetPage(buf));

	if (OmenPageGetMeta(BufferGetPage(head.meta))->room[kind] ==
			BufferGetBlockNumber(buf) &&
		(opaque->flags & OMEN_PAGE_LISTED) != 0)
	{
		OmenChange	change;
		OmenMetaPageData *meta;
		OmenGraphData *data = NULL;
		Page		page;

		omen_change_begin(&change, &ix->pages);
		page = omen_change_page(&change, buf);
		meta = OmenPageGetMeta(omen_change_page(&change, head.meta));
		opaque = OmenPageGetOpaque(page);
		/* the next page's free slots may all get rows now */
		if (graph && opaque->next != InvalidBlockNumber)
			data = omen_graph_join(graph, &change, head.data);
		if (data)
			data->node_limit += ix->layout.node.per_page;
		meta->room[kind] = opaque->next;
		opaque->next = InvalidBlockNumber;
		opaque->flags &= ~OMEN_PAGE_LISTED;
		omen_change_commit(&change);
	}
	unlock_head(head);
}

/*
 * A page that belongs to nobody, exclusively locked.  Its contents are
 * whatever they are: the caller initializes it in the change that gives it a
 * purpose.  A crash before that leaks the page until the next VACUUM.
 */
Buffer
omen_page_free(OmenIndex *ix)
{
	BlockNumber block;
	Buffer		buf;

	/* others may be faster, but not for ever: then the list is damaged */
	for (int tries = 0;
		 tries < MAX_TRIES &&
		 (block = first_with_room(ix, OMEN_PAGE_FREE)) != InvalidBlockNumber;
		 tries++)
	{
		OmenPageOpaque opaque;
		bool		listed;

		if (!omen_block_exists(&ix->pages, block))
			break;
		buf = ReadBuffer(ix->pages.rel, block);
		if (!omen_page_seems(buf, OMEN_PAGE_FREE))
		{
			ReleaseBuffer(buf);
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
		opaque = omen_check_page(ix->pages.rel, buf);
		listed = opaque != NULL && opaque->kind == OMEN_PAGE_FREE &&
				 (opaque->flags & OMEN_PAGE_LISTED) != 0;
		if (listed)
		{
			unlist(ix, NULL, buf, OMEN_PAGE_FREE);
			if ((opaque->flags & OMEN_PAGE_LISTED) == 0)
				return buf;
		}
		UnlockReleaseBuffer(buf);
		CHECK_FOR_INTERRUPTS();
	}

	buf = omen_extend_fork(ix->pages.rel, MAIN_FORKNUM);
	return buf;
}

/* Raise an error if slots of a page would have ids beyond the largest. */
static void
check_ids(OmenIndex *ix, Buffer buf, OmenPageKind kind)
{
	uint64		block = BufferGetBlockNumber(buf);

	if ((block + 1) * omen_page_slots(ix, kind) > OMEN_MAX_ID)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" cannot have more than %u slots",
						RelationGetRelationName(ix->pages.rel), OMEN_MAX_ID)));
}

/*
 * Give a page a kind and make it the head of the kind's chain.  graph is the
 * one that is to know of it, or NULL.
 */
static void
start_page(OmenIndex *ix, OmenGraph *graph, Buffer buf, OmenPageKind kind)
{
	LockedHead	head = lock_head(ix, graph);
	OmenChange	change;
	OmenMetaPageData *meta;
	OmenGraphData *data = NULL;
	OmenPageOpaque opaque;
	Page		page;

	omen_change_begin(&change, &ix->pages);
	page = omen_change_new_page(&change, buf);
	meta = OmenPageGetMeta(omen_change_page(&change, head.meta));
	if (graph)
		data = omen_graph_join(graph, &change, head.data);
	omen_page_init(page, kind);
	opaque = OmenPageGetOpaque(page);
	opaque->flags = OMEN_PAGE_LISTED;
	opaque->next = meta->room[kind];
	meta->room[kind] = BufferGetBlockNumber(buf);
	if (data)
		data->node_limit += ix->layout.node.per_page;
	omen_change_commit(&change);
	unlock_head(head);
}

/*
 * A page of the kind that has a free slot for a graph, pinned and exclusively
 * locked.  The caller may hold an exclusive lock on a node's page when it asks
 * for a page of posting chunks, and no other lock.
 */
Buffer
omen_graph_page_with_room(OmenGraph *graph, OmenPageKind kind)
{
	OmenIndex  *ix = graph->ix;
	/* its limit is one of nodes */
	OmenGraph  *told = kind == OMEN_PAGE_NODE ? graph : NULL;
	BlockNumber block;
	Buffer		buf;

	for (int tries = 0;
		 (block = first_with_room(ix, kind)) != InvalidBlockNumber; tries++)
	{
		OmenPageOpaque opaque;

		if (!omen_block_exists(&ix->pages, block))
			report_damaged_list(ix, block);
		buf = ReadBuffer(ix->pages.rel, block);
		if (!omen_page_seems(buf, kind) || tries == MAX_TRIES)
			report_damaged_list(ix, block);
		LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
		opaque = omen_check_page(ix->pages.rel, buf);
		if (opaque == NULL || opaque->kind != kind)
			report_damaged_list(ix, block);
		if (opaque->live < omen_page_slots(ix, kind))
			return buf;
		unlist(ix, told, buf, kind);
		UnlockReleaseBuffer(buf);
		CHECK_FOR_INTERRUPTS();
	}

	buf = omen_page_free(ix);
	check_ids(ix, buf, kind);
	start_page(ix, told, buf, kind);
	return buf;
}

/* Is a slot of a page in use? */
static bool
slot_in_use(const OmenIndex *ix, Page page, uint32 slot)
{
	OmenPageKind kind = OmenPageGetOpaque(page)->kind;
	char	   *start =
		(char *) page + OMEN_PAGE_START + (Size) slot * page_stride(ix, kind);

	return kind == OMEN_PAGE_POSTING ? ((OmenPostingChunk *) start)->flags != 0
									 : ((OmenSlotHeader *) start)->flags != 0;
}

/* A free slot of a page: one never used, or one that was given back. */
static uint32
find_free_slot(const OmenIndex *ix, Page page)
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
	uint32		slot = find_free_slot(ix, page);

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

/*
 * Put a page that has room, or that is to be free, on the chain of its kind
 * unless it is there.  The buffer is pinned and exclusively locked.  A page
 * that no kind can use any more has become OMEN_PAGE_FREE before.
 */
void
omen_page_list(OmenIndex *ix, Buffer buf)
{
	OmenPageOpaque opaque = OmenPageGetOpaque(BufferGetPage(buf));
	OmenPageKind kind = opaque->kind;
	OmenChange	change;
	OmenMetaPageData *meta;
	LockedHead	head;

	if ((opaque->flags & OMEN_PAGE_LISTED) != 0)
		return;
	head = lock_head(ix, NULL);
	omen_change_begin(&change, &ix->pages);
	opaque = OmenPageGetOpaque(omen_change_page(&change, buf));
	meta = OmenPageGetMeta(omen_change_page(&change, head.meta));
	opaque->next = meta->room[kind];
	opaque->flags |= OMEN_PAGE_LISTED;
	meta->room[kind] = BufferGetBlockNumber(buf);
	omen_change_commit(&change);
	unlock_head(head);
}
