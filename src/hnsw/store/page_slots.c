/*-------------------------------------------------------------------------
 *
 * page_slots.c
 *	  Slots of a page handed out and taken back.
 *
 * The slots of a page are numbered from 0; "used" says how many have ever been
 * handed out, "live" how many are in use, or kept for somebody.
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
