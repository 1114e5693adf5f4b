/*-------------------------------------------------------------------------
 *
 * payload.c
 *	  Bytes too large for a slot: a chain of pages with an owner.
 *
 * A node's code that does not fit a slot, and the quantizer's mean.  The pages
 * are written before anything points at them, last part first, and name their
 * owner, so that a reader that follows a stale pointer sees that the page is
 * somebody else's, and VACUUM finds pages whose owner is gone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"

static inline OmenPayloadHeader *
payload_header(Page page)
{
	return (OmenPayloadHeader *) PageGetContents(page);
}

static inline char *
payload_bytes(Page page)
{
	return PageGetContents(page) + sizeof(OmenPayloadHeader);
}

/* Pages that so many bytes take. */
uint32
omen_payload_parts(uint32 nbytes)
{
	return (nbytes + OMEN_PAYLOAD_BYTES - 1) / OMEN_PAYLOAD_BYTES;
}

static void
fill_part(Page page, BlockNumber block, OmenPageKind kind,
		  const OmenPayloadHeader *header, const char *bytes, BlockNumber next)
{
	omen_page_init(page, block, kind);
	OmenPageGetOpaque(page)->next = next;
	*payload_header(page) = *header;
	memcpy(payload_bytes(page), bytes, header->bytes);
	((PageHeader) page)->pd_lower =
		OMEN_PAGE_START + sizeof(OmenPayloadHeader) + header->bytes;
}

/* Write one part; returns its block. */
static BlockNumber
write_part(OmenIndex *ix, OmenPageKind kind, const OmenPayloadHeader *header,
		   const char *bytes, BlockNumber next)
{
	Buffer		buf = omen_page_free(ix);
	BlockNumber block = BufferGetBlockNumber(buf);
	OmenChange	change;

	omen_change_begin(&change, &ix->pages);
	fill_part(omen_change_new_page(&change, buf), block, kind, header, bytes,
			  next);
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	return block;
}

/*
 * Write bytes into pages of the kind (PAYLOAD or MEAN); returns the first
 * block.  The caller holds no buffer lock.
 */
BlockNumber
omen_payload_write(OmenIndex *ix, OmenPageKind kind, uint32 owner,
				   uint16 owner_version, const void *bytes, uint32 nbytes)
{
	uint32		nparts = omen_payload_parts(nbytes);
	BlockNumber next = InvalidBlockNumber;

	for (uint32 part = nparts; part-- > 0;)
	{
		uint32		start = part * OMEN_PAYLOAD_BYTES;
		OmenPayloadHeader header = {0};

		header.owner = owner;
		header.owner_version = owner_version;
		header.part = part;
		header.bytes = Min(OMEN_PAYLOAD_BYTES, nbytes - start);
		next =
			write_part(ix, kind, &header, (const char *) bytes + start, next);
	}
	return next;
}

/*
 * Write bytes into consecutive PAYLOAD pages from first on, which a build has
 * added to the file for them.
 */
void
omen_payload_place(OmenIndex *ix, BlockNumber first, uint32 owner,
				   uint16 owner_version, const void *bytes, uint32 nbytes)
{
	uint32		nparts = omen_payload_parts(nbytes);

	Assert(ix->pages.building);
	for (uint32 part = 0; part < nparts; part++)
	{
		uint32		start = part * OMEN_PAYLOAD_BYTES;
		OmenPayloadHeader header = {0};
		Buffer		buf = ReadBufferExtended(ix->pages.rel, MAIN_FORKNUM,
										first + part, RBM_ZERO_AND_LOCK, NULL);

		header.owner = owner;
		header.owner_version = owner_version;
		header.part = part;
		header.bytes = Min(OMEN_PAYLOAD_BYTES, nbytes - start);
		fill_part(BufferGetPage(buf), first + part, OMEN_PAGE_PAYLOAD, &header,
				  (const char *) bytes + start,
				  part + 1 < nparts ? first + part + 1 : InvalidBlockNumber);
		MarkBufferDirty(buf);
		UnlockReleaseBuffer(buf);
	}
}

/*
 * Read what omen_payload_write() wrote.  False if the pages are not, or no
 * longer, the owner's.  The caller may hold a share lock on the owner's page.
 */
bool
omen_payload_read(OmenIndex *ix, OmenPageKind kind, BlockNumber first,
				  uint32 owner, uint16 owner_version, void *bytes,
				  uint32 nbytes)
{
	uint32		done = 0;
	BlockNumber block = first;

	for (uint16 part = 0; done < nbytes; part++)
	{
		Buffer		buf;
		Page		page;
		OmenPageOpaque opaque;
		OmenPayloadHeader header = {0};

		if (block == OMEN_META_BLOCK || block == InvalidBlockNumber ||
			!omen_block_exists(&ix->pages, block))
			return false;
		buf = omen_pin(&ix->pages, block);
		if (!omen_page_seems(buf, kind))
		{
			ReleaseBuffer(buf);
			return false;
		}
		LockBuffer(buf, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buf);
		opaque = omen_check_page(ix->pages.rel, buf);
		if (opaque != NULL && opaque->kind == kind)
			header = *payload_header(page);
		if (header.owner == owner && header.owner_version == owner_version &&
			header.part == part && header.bytes > 0 &&
			header.bytes <= OMEN_PAYLOAD_BYTES && header.bytes <= nbytes - done)
		{
			memcpy((char *) bytes + done, payload_bytes(page), header.bytes);
			block = opaque->next;
		}
		else
			header.bytes = 0;
		UnlockReleaseBuffer(buf);
		if (header.bytes == 0)
			return false;
		done += header.bytes;
	}
	return true;
}

/*
 * Make a page of payload a free one if it is still the owner's; returns the
 * page that followed it.
 */
static BlockNumber
free_part(OmenIndex *ix, BlockNumber block, uint32 owner)
{
	Buffer		buf = omen_pin(&ix->pages, block);
	BlockNumber next = InvalidBlockNumber;
	OmenPageOpaque opaque;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	opaque = omen_check_page(ix->pages.rel, buf);
	if (opaque != NULL && opaque->kind == OMEN_PAGE_PAYLOAD &&
		payload_header(BufferGetPage(buf))->owner == owner)
	{
		OmenChange	change;

		next = opaque->next;
		omen_change_begin(&change, &ix->pages);
		omen_page_init(omen_change_new_page(&change, buf), block,
					   OMEN_PAGE_FREE);
		omen_change_commit(&change);
		omen_page_list(ix, buf);
	}
	UnlockReleaseBuffer(buf);
	return next;
}

/*
 * Free a chain of payload pages.  Nothing may point at it any more.
 */
void
omen_payload_free(OmenIndex *ix, BlockNumber first, uint32 owner)
{
	BlockNumber block = first;

	while (block != InvalidBlockNumber && block != OMEN_META_BLOCK &&
		   omen_block_exists(&ix->pages, block))
		block = free_part(ix, block, owner);
}

/*
 * Was the insert of this node cut before it pointed at its payload?  That it
 * has no row says that no insert is still at it: VACUUM takes a row out when
 * its transaction is over.
 */
static bool
is_abandoned(const OmenSlotHeader *slot)
{
	return slot->payload == InvalidBlockNumber && !omen_node_has_row(slot);
}

/*
 * Free a payload page that nobody will use: a crash or an error came between
 * writing it and using it, or between freeing its owner and it.  The owner may
 * well be there: VACUUM leaves a few nodes without a row where they are.
 */
void
omen_payload_reclaim(OmenIndex *ix, BlockNumber block)
{
	const OmenPlane *plane = &ix->layout.node;
	Buffer		buf = omen_pin(&ix->pages, block);
	OmenPayloadHeader header = {0};
	OmenPageOpaque opaque;
	OmenSlotHeader *slot;
	bool		owned = false;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	opaque = omen_check_page(ix->pages.rel, buf);
	if (opaque != NULL && opaque->kind == OMEN_PAGE_PAYLOAD)
		header = *payload_header(BufferGetPage(buf));
	UnlockReleaseBuffer(buf);
	if (header.bytes == 0)
		return;

	slot = omen_visit(ix, plane, header.owner, &buf);
	if (slot != NULL)
	{
		owned = slot->version == header.owner_version && !is_abandoned(slot);
		UnlockReleaseBuffer(buf);
	}
	if (!owned)
		(void) free_part(ix, block, header.owner);
}
