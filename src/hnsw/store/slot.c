/*-------------------------------------------------------------------------
 *
 * slot.c
 *	  The slots of nodes and of upper layers: visiting them one by one or page
 *	  by page, changing them, writing new ones.
 *
 * A slot is visited with its page pinned and share-locked.  What is not in use
 * is as good as not there: an edge may outlive its target.
 *
 * What a slot's edges are is not known here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"

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
	omen_prefetch_about(slot, omen_prefetched_bytes(plane));
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

/* ---------- page by page ---------- */

/*
 * Begin a walk over the slots in use on a page of which the caller has the
 * lock.  There are none on a page of another kind.
 */
void
omen_slots_begin(OmenSlotWalk *walk, OmenIndex *ix, const OmenPlane *plane,
				 Buffer buf)
{
	/* a page of zeros is of another kind, too */
	(void) omen_check_page(ix->pages.rel, buf);
	omen_slots_begin_page(walk, plane, BufferGetPage(buf),
						  BufferGetBlockNumber(buf));
}

/* The same of the slots of a graph, whose page may have others, too. */
void
omen_slots_begin_graph(OmenSlotWalk *walk, const OmenGraph *graph,
					   const OmenPlane *plane, Buffer buf)
{
	omen_slots_begin(walk, graph->ix, plane, buf);
	if (plane->group_offset != 0)
		walk->group = graph->id;
}

/* The same of a page that is known to be one of ours, or the change of one. */
void
omen_slots_begin_page(OmenSlotWalk *walk, const OmenPlane *plane, Page page,
					  BlockNumber block)
{
	OmenPageOpaque opaque = OmenPageGetOpaque(page);

	walk->plane = plane;
	walk->page = page;
	walk->first = block * plane->per_page;
	walk->slotno = 0;
	walk->next = 0;
	walk->group = 0;
	walk->used =
		opaque->kind == plane->kind ? Min(opaque->used, plane->per_page) : 0;
}

/* ---------- changing ---------- */

/*
 * Lock the page of a slot exclusively and begin to change the slot, which is
 * returned, to be written to.  Its page must be of the plane's kind.  What the
 * slot is can be seen there; if it is not what the caller means, nothing may be
 * written before omen_slot_change_abort().
 */
OmenSlotHeader *
omen_slot_change_begin(OmenSlotChange *change, OmenIndex *ix,
					   const OmenPlane *plane, uint32 id)
{
	change->buf = omen_pin(&ix->pages, omen_id_block(plane, id));
	LockBuffer(change->buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change->pages, &ix->pages);
	change->page = omen_change_page(&change->pages, change->buf);
	return omen_page_slot(change->page, plane, omen_id_slot(plane, id));
}

void
omen_slot_change_commit(OmenSlotChange *change)
{
	omen_change_commit(&change->pages);
	UnlockReleaseBuffer(change->buf);
}

/* The same where slots of the page were given back: it has room then. */
void
omen_slot_change_commit_freed(OmenSlotChange *change, OmenIndex *ix)
{
	omen_change_commit(&change->pages);
	omen_page_list(ix, change->buf);
	UnlockReleaseBuffer(change->buf);
}

void
omen_slot_change_abort(OmenSlotChange *change)
{
	omen_change_abort(&change->pages);
	UnlockReleaseBuffer(change->buf);
}

/* ---------- new slots ---------- */

/*
 * Fill a slot that has been handed out (of a page being changed), all but its
 * edges, of which it has none.  It keeps its version.
 */
void
omen_slot_init(OmenIndex *ix, const OmenPlane *plane, OmenSlotHeader *slot,
			   const OmenNewSlot *fresh)
{
	slot->flags = fresh->flags;
	slot->level = fresh->level;
	slot->degree = 0;
	slot->epoch = ix->quantizer_epoch;
	slot->payload = fresh->payload;
	omen_slot_set_code(&ix->layout, plane, slot, fresh->header, fresh->code);
	if (plane->kind == OMEN_PAGE_NODE)
	{
		slot->u.node.heaptid = fresh->tid;
		slot->u.node.posting = OMEN_INVALID_ID;
		slot->u.node.key_nulls = fresh->key_nulls;
		memcpy(omen_slot_keys(plane, slot), fresh->key_words,
			   ix->layout.key_bytes);
	}
	else
	{
		slot->u.upper.node = fresh->node.id;
		slot->u.upper.node_version = fresh->node.version;
		slot->u.upper.down = fresh->below.id;
		slot->u.upper.down_version = fresh->below.version;
	}
}

/*
 * Take a slot on a page with room for the graph and fill it.  The caller puts
 * its edges into what is returned, and then calls omen_slot_change_commit():
 * until then nobody sees the slot.
 */
OmenSlotHeader *
omen_slot_new(OmenSlotChange *change, OmenGraph *graph, const OmenPlane *plane,
			  const OmenNewSlot *fresh, OmenNodeRef *ref)
{
	OmenIndex  *ix = graph->ix;
	OmenSlotHeader *slot;
	uint32		slotno;

	change->buf = omen_graph_page_with_room(graph, plane->kind);
	omen_change_begin(&change->pages, &ix->pages);
	change->page = omen_change_page(&change->pages, change->buf);
	slotno = omen_graph_is_group(graph)
				 ? omen_group_take_slot(graph, change->page)
				 : omen_page_take_slot(ix, change->page);
	slot = omen_page_slot(change->page, plane, slotno);
	omen_slot_init(ix, plane, slot, fresh);
	if (plane->group_offset != 0)
		*omen_slot_group(plane, slot) = graph->id;
	ref->id = BufferGetBlockNumber(change->buf) * plane->per_page + slotno;
	ref->version = slot->version;
	return slot;
}
