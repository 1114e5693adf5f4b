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

/* How many pages the bytes take. */
uint32
omen_payload_parts(uint32 nbytes)
{
	return (nbytes + OMEN_PAYLOAD_BYTES - 1) / OMEN_PAYLOAD_BYTES;
}

/* What a part says of itself. */
static OmenPayloadHeader
part_header(const OmenPayload *payload, uint32 part)
{
	OmenPayloadHeader header = {0};

	header.owner = payload->owner.id;
	header.owner_version = payload->owner.version;
	header.part = part;
	header.bytes =
		Min(OMEN_PAYLOAD_BYTES, payload->nbytes - part * OMEN_PAYLOAD_BYTES);
	return header;
}

/* Fill the page of a part; bytes are those of the whole. */
static void
fill_part(Page page, BlockNumber block, const OmenPayload *payload, uint32 part,
		  const void *bytes, BlockNumber next)
{
	OmenPayloadHeader header = part_header(payload, part);

	omen_page_init(page, block, payload->kind);
	OmenPageGetOpaque(page)->next = next;
	*payload_header(page) = header;
	memcpy(payload_bytes(page),
		   (const char *) bytes + part * OMEN_PAYLOAD_BYTES, header.bytes);
	((PageHeader) page)->pd_lower =
		OMEN_PAGE_START + sizeof(OmenPayloadHeader) + header.bytes;
}

/*
 * Write bytes into pages; returns the first block.  The caller holds no buffer
 * lock.
 */
BlockNumber
omen_payload_write(OmenIndex *ix, const OmenPayload *payload, const void *bytes)
{
	BlockNumber next = InvalidBlockNumber;

	for (uint32 part = omen_payload_parts(payload->nbytes); part-- > 0;)
	{
		Buffer		buf = omen_page_free(ix);
		OmenChange	change;

		omen_change_begin(&change, &ix->pages);
		fill_part(omen_change_new_page(&change, buf), BufferGetBlockNumber(buf),
				  payload, part, bytes, next);
		omen_change_commit(&change);
		next = BufferGetBlockNumber(buf);
		UnlockReleaseBuffer(buf);
	}
	return next;
}

/*
 * Write bytes into consecutive pages from payload->first on, which a build has
 * added to the file for them.
 */
void
omen_payload_place(OmenIndex *ix, const OmenPayload *payload, const void *bytes)
{
	uint32		nparts = omen_payload_parts(payload->nbytes);

	Assert(ix->pages.building);
	for (uint32 part = 0; part < nparts; part++)
	{
		BlockNumber block = payload->first + part;
		Buffer		buf = ReadBufferExtended(ix->pages.rel, MAIN_FORKNUM, block,
										RBM_ZERO_AND_LOCK, NULL);

		fill_part(BufferGetPage(buf), block, payload, part, bytes,
				  part + 1 < nparts ? block + 1 : InvalidBlockNumber);
		MarkBufferDirty(buf);
		UnlockReleaseBuffer(buf);
	}
}

static bool
is_part(const OmenPayloadHeader *header, const OmenPayloadHeader *expected)
{
	return header->owner == expected->owner &&
		   header->owner_version == expected->owner_version &&
		   header->part == expected->part && header->bytes == expected->bytes;
}

/*
 * Copy a part's bytes.  False if the page is not, or no longer, that part of
 * the owner's; else *block becomes the next part's.
 */
static bool
read_part(OmenIndex *ix, const OmenPayload *payload, uint32 part,
		  BlockNumber *block, char *bytes)
{
	OmenPayloadHeader expected = part_header(payload, part);
	Buffer		buf;
	Page		page;
	OmenPageOpaque opaque;
	bool		found;

	if (*block == OMEN_META_BLOCK || *block == InvalidBlockNumber ||
		!omen_block_exists(&ix->pages, *block))
		return false;
	buf = omen_pin(&ix->pages, *block);
	if (!omen_page_seems(buf, payload->kind))
	{
		ReleaseBuffer(buf);
		return false;
	}
	LockBuffer(buf, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buf);
	opaque = omen_check_page(ix->pages.rel, buf);
	found = opaque != NULL && opaque->kind == payload->kind &&
			is_part(payload_header(page), &expected);
	if (found)
	{
		memcpy(bytes, payload_bytes(page), expected.bytes);
		*block = opaque->next;
	}
	UnlockReleaseBuffer(buf);
	return found;
}

/*
 * Read what omen_payload_write() wrote.  False if the pages are not, or no
 * longer, the owner's.  The caller may hold a share lock on the owner's page.
 */
bool
omen_payload_read(OmenIndex *ix, const OmenPayload *payload, void *bytes)
{
	uint32		nparts = omen_payload_parts(payload->nbytes);
	BlockNumber block = payload->first;

	for (uint32 part = 0; part < nparts; part++)
	{
		if (!read_part(ix, payload, part, &block,
					   (char *) bytes + part * OMEN_PAYLOAD_BYTES))
			return false;
	}
	return true;
}

/*
 * Make a page of payload a free one if it is still the owner's; returns the
 * page that followed it.
 */
static BlockNumber
free_part(OmenIndex *ix, OmenPageKind kind, BlockNumber block, uint32 owner)
{
	Buffer		buf = omen_pin(&ix->pages, block);
	BlockNumber next = InvalidBlockNumber;
	OmenPageOpaque opaque;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	opaque = omen_check_page(ix->pages.rel, buf);
	if (opaque != NULL && opaque->kind == kind &&
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

static void
free_chain(OmenIndex *ix, OmenPageKind kind, BlockNumber first, uint32 owner)
{
	BlockNumber block = first;

	while (block != InvalidBlockNumber && block != OMEN_META_BLOCK &&
		   omen_block_exists(&ix->pages, block))
		block = free_part(ix, kind, block, owner);
}

/*
 * Free a chain of payload pages.  Nothing may point at it any more.
 */
void
omen_payload_free(OmenIndex *ix, BlockNumber first, uint32 owner)
{
	free_chain(ix, OMEN_PAGE_PAYLOAD, first, owner);
}

/* Free the pages of a mean that nobody has read. */
void
omen_mean_free(OmenIndex *ix, BlockNumber first)
{
	free_chain(ix, OMEN_PAGE_MEAN, first, 0);
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
		(void) free_part(ix, OMEN_PAGE_PAYLOAD, block, header.owner);
}
