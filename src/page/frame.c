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
