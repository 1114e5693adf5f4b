/*-------------------------------------------------------------------------
 *
 * frame.c
 *	  What a check asks of any page, and of the data of any graph, by itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/check/check.h"

static bool
is_known_kind(uint8 kind)
{
	switch (kind)
	{
		case OMEN_PAGE_FREE:
		case OMEN_PAGE_NODE:
		case OMEN_PAGE_UPPER:
		case OMEN_PAGE_POSTING:
		case OMEN_PAGE_PAYLOAD:
		case OMEN_PAGE_MEAN:
		case OMEN_PAGE_GROUP:
		case OMEN_PAGE_DIRECTORY:
		case OMEN_PAGE_META:
			return true;
		default:
			return false;
	}
}

/* NULL if a page's frame is one that its readers accept. */
const char *
omen_check_frame_flaw(Page page, BlockNumber block)
{
	PageHeader	header = (PageHeader) page;
	const OmenPageOpaqueData *opaque = OmenPageGetOpaque(page);

	if (header->pd_special != OMEN_PAGE_START + OMEN_PAGE_CAPACITY ||
		PageGetPageSize(page) != BLCKSZ ||
		PageGetPageLayoutVersion(page) != PG_PAGE_LAYOUT_VERSION)
		return "page header is damaged";
	if (opaque->page_id != OMEN_PAGE_ID)
		return "special space is not that of an index of omendb";
	if (opaque->block != block)
		return psprintf("page is a copy of that of block %u", opaque->block);
	if (!is_known_kind(opaque->kind))
		return "page is of no kind";
	return NULL;
}

/* Values of a graph's data that only mislead. */
void
omen_check_graph_values(OmenCheck *check, const OmenGraphData *data,
						int64 block, int slot)
{
	/* infinite if some vector's norm is beyond float32 */
	if (!(data->radius >= 0) ||
		(!omen_metrics[check->meta.metric].is_product && data->radius != 0))
		omen_check_report(check, "meta", block, slot, "radius is %g",
						  data->radius);
	if (data->entry_level > OMEN_MAX_LEVEL)
		omen_check_report(check, "meta", block, slot,
						  "layer of the entry point is %u", data->entry_level);
	if (data->mode == OMEN_MODE_FLAT &&
		(data->root != OMEN_INVALID_ID || data->entry != OMEN_INVALID_ID))
		omen_check_report(check, "meta", block, slot,
						  "flat list has a root or an entry point");
	if ((data->root == OMEN_INVALID_ID && data->root_version != 0) ||
		(data->entry == OMEN_INVALID_ID &&
		 (data->entry_version != 0 || data->entry_level != 0)))
		omen_check_report(check, "meta", block, slot,
						  "version or layer of a root or an entry point that "
						  "there is not");
}
