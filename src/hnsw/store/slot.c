/*-------------------------------------------------------------------------
 *
 * slot.c
 *	  Visiting the slots of nodes and of upper slots.
 *
 * A slot is visited with its page pinned and share-locked.  What is not in use
 * is as good as not there: an edge may outlive its target.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"

/* Bytes of a slot that are prefetched; the hardware goes on from there. */
#define PREFETCH_BYTES 1024

/*
 * Bring a slot towards the processor before its page is pinned: the buffer's
 * descriptor, the special space, and the slot with its code.  The buffer is
 * the remembered one; if it holds another page by now, nothing is lost but a
 * few cache lines.
 */
void
omen_prefetch_slot(OmenIndex *ix, const OmenPlane *plane, uint32 id)
{
	Page page = omen_prefetch_pinning(&ix->pages, omen_id_block(plane, id));
	const char *slot;

	if (unlikely(page == NULL))
		return;
	slot = (const char *) omen_page_slot(page, plane, omen_id_slot(plane, id));
	omen_prefetch_bytes(slot, Min(plane->ids_offset, PREFETCH_BYTES));
}

/*
 * Lock a pinned page (share) and return the slot of the id, or NULL with the
 * lock released if there is no such slot in use.  The pin stays in either
 * case.
 *
 * "No such slot" is ordinary: an edge may outlive its target.
 */
OmenSlotHeader *
omen_pinned_slot(OmenIndex *ix, const OmenPlane *plane, uint32 id, Buffer buf)
{
	Page		page;
	OmenPageOpaque opaque;
	uint32		slotno = omen_id_slot(plane, id);

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buf);
	opaque = omen_check_page(ix->pages.rel, buf);
	if (likely(opaque != NULL && opaque->kind == plane->kind &&
			   slotno < opaque->used))
	{
		OmenSlotHeader *slot = omen_page_slot(page, plane, slotno);

		if (likely((slot->flags & OMEN_SLOT_USED) != 0 &&
				   slot->degree <= plane->capacity))
			return slot;
	}
	LockBuffer(buf, BUFFER_LOCK_UNLOCK);
	return NULL;
}

/*
 * Pin and share-lock the page of a slot; NULL, and nothing held, if the slot
 * is not in use.
 */
OmenSlotHeader *
omen_visit(OmenIndex *ix, const OmenPlane *plane, uint32 id, Buffer *buf)
{
	BlockNumber block = omen_id_block(plane, id);
	OmenSlotHeader *slot;

	if (unlikely(block == OMEN_META_BLOCK ||
				 !omen_block_exists(&ix->pages, block)))
		return NULL;
	*buf = omen_pin(&ix->pages, block);
	slot = omen_pinned_slot(ix, plane, id, *buf);
	if (unlikely(slot == NULL))
		ReleaseBuffer(*buf);
	return slot;
}

/*
 * A slot as it stands in a buffer, with neither pin nor lock, or NULL if its
 * page is not where it was seen last, or the slot is not in use: then visit it.
 * What is read there may be any bytes; see omen_peek_page().
 */
OmenSlotHeader *
omen_peek(OmenIndex *ix, const OmenPlane *plane, uint32 id, Buffer *buffer)
{
	uint32		slotno = omen_id_slot(plane, id);
	Page		page = omen_peek_page(&ix->pages, omen_id_block(plane, id),
							   plane->kind, slotno, buffer);
	OmenSlotHeader *slot;

	if (unlikely(page == NULL))
		return NULL;
	slot = omen_page_slot(page, plane, slotno);
	return likely((slot->flags & OMEN_SLOT_USED) != 0) ? slot : NULL;
}
