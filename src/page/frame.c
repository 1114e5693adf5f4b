/*-------------------------------------------------------------------------
 *
 * frame.c
 *	  What all pages of an index have in common: the page header, and the
 *	  special space that says which page this is.
 *
 * Must not know what stands between the two, nor lock anything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "page/page.h"
#include "storage/buf_internals.h"

/* Make an empty page of what may have been anything. */
void
omen_page_init(Page page, BlockNumber block, uint8 kind)
{
	OmenPageOpaque opaque;

	PageInit(page, BLCKSZ, sizeof(OmenPageOpaqueData));
	opaque = OmenPageGetOpaque(page);
	opaque->next = InvalidBlockNumber;
	opaque->block = block;
	opaque->kind = kind;
	opaque->page_id = OMEN_PAGE_ID;
}

/* May be called with pages locked: an error releases them. */
void
omen_report_corruption(Relation rel, Buffer buf)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" contains corrupted page at block %u",
					RelationGetRelationName(rel), BufferGetBlockNumber(buf)),
			 errhint("Please REINDEX it.")));
}

/* BufferGetBlockNumber(), of a buffer that is known to be pinned. */
static inline BlockNumber
block_of(Buffer buf)
{
	return BufferIsLocal(buf) ? BufferGetBlockNumber(buf)
							  : GetBufferDescriptor(buf - 1)->tag.blockNum;
}

/*
 * The special space of a locked page, after a check that it is one of ours, and
 * the one that was asked for: a copy of another page would be read like any, and
 * rows be found twice or not at all.  A page that was added but never written (a
 * crash does that) is all zeros: NULL.
 *
 * The page's header is not looked at unless something is wrong: a search would
 * wait for one more cache line on each of its visits.
 */
OmenPageOpaque
omen_check_page(Relation rel, Buffer buf)
{
	Page		page = BufferGetPage(buf);
	OmenPageOpaque opaque = OmenPageGetOpaque(page);

	if (likely(opaque->page_id == OMEN_PAGE_ID &&
			   opaque->block == block_of(buf)))
		return opaque;
	if (opaque->page_id == OMEN_PAGE_ID || !PageIsNew(page))
		omen_report_corruption(rel, buf);
	return NULL;
}

/*
 * Is a pinned page of the kind, as far as one can tell without a lock?
 *
 * For pages that are looked up while another is locked.  A damaged id may lead
 * to the very page that is locked, and nobody can interrupt who waits for
 * himself.  That page has been found to be one of ours and where it belongs, and
 * is of another kind.  Pages that slots are on keep theirs for life; a page that
 * is to become payload has done so before anything points at it.  So where this
 * says no, there is nothing to be found; where it says yes the caller looks
 * again under the lock, and that is where a page that is not ours, or names
 * another block, is reported: without a lock it may be in the middle of a change.
 * (During recovery a page is all zeros for a moment, before a full image is put
 * in its place.)
 */
bool
omen_page_seems(Buffer buf, uint8 kind)
{
	OmenPageOpaque opaque = OmenPageGetOpaque(BufferGetPage(buf));

	return opaque->page_id != OMEN_PAGE_ID || opaque->kind == kind ||
		   opaque->block != block_of(buf);
}
