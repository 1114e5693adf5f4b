/*-------------------------------------------------------------------------
 *
 * pages.c
 *	  First pass of a check: the metapage, and each page by itself.
 *
 * Reports what is wrong without a look at any other page.  What is in slots is
 * slots.c's.  Must not follow ids.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xlog.h"
#include "hnsw/check/check.h"
#include "utils/memutils.h"

/* ---------- the metapage ---------- */

/*
 * Values without which nothing else can be judged.  NULL if they are fine,
 * else what is wrong.  Makes the metapage one of the present format.
 */
static const char *
find_meta_flaw(OmenMetaPageData *meta)
{
	if (meta->magic != OMEN_MAGIC)
		return "is not that of an omen_hnsw index";
	switch (omen_meta_format(meta))
	{
		case OMEN_FORMAT_DAMAGED:
			return "does not tell its version";
		case OMEN_FORMAT_OLDER:
			return "was made by an earlier version of omendb";
		case OMEN_FORMAT_LATER:
			return "was made by a later version of omendb";
		default:
			omen_meta_complete(meta);
			return omen_meta_flaw(meta);
	}
}

/* Values of the metapage that only mislead. */
static void
check_meta_values(OmenCheck *check)
{
	const OmenMetaPageData *meta = &check->meta;
	const OmenGraphData *data = &check->graph_data;

	if (data->epoch > 1)
		omen_check_report(check, "meta", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "epoch is %u", data->epoch);
	if ((data->epoch != 0) != (data->mean != InvalidBlockNumber))
		omen_check_report(check, "meta", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "epoch is %u, and block of the mean %u", data->epoch,
						  data->mean);
	if (data->epoch != 0 && !omen_has_mean(meta->storage, meta->metric))
		omen_check_report(check, "meta", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "epoch is %u, but codes of this kind have no mean",
						  data->epoch);
	if (meta->ef_construction < OMEN_MIN_EF_CONSTRUCTION ||
		meta->ef_construction > OMEN_MAX_EF_CONSTRUCTION)
		omen_check_report(check, "meta", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "ef_construction is %u", meta->ef_construction);
	omen_check_graph_values(check, data, OMEN_META_BLOCK, OMEN_CHECK_PAGE);
}

static const OmenPageOpaqueData *
find_opaque(Page page)
{
	return OmenPageGetOpaque(page);
}

/* May a page be one of a group's own?  Whether it is, groups.c finds out. */
static bool
may_have_owner(const OmenCheck *check, const OmenPageOpaqueData *opaque)
{
	return omen_check_has_groups(check) && opaque->owner != 0 &&
		   (opaque->kind == OMEN_PAGE_NODE || opaque->kind == OMEN_PAGE_UPPER);
}

/*
 * Parts of a page's frame that hardly anybody looks at.  No page of ours has
 * flags, or dead line pointers, in its header.  A page whose last change is yet
 * to come cannot be written out.
 */
static void
check_frame(OmenCheck *check, BlockNumber block)
{
	Page		page = check->page.data;
	PageHeader	header = (PageHeader) page;
	const OmenPageOpaqueData *opaque = find_opaque(page);

	if (header->pd_flags != 0 || header->pd_prune_xid != InvalidTransactionId)
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "page header has flags %#x and prune xid %u",
						  header->pd_flags, header->pd_prune_xid);
	if (!RecoveryInProgress() && PageGetLSN(page) > GetXLogInsertRecPtr())
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "page was changed at %X/%X, which is beyond the end "
						  "of the log",
						  LSN_FORMAT_ARGS(PageGetLSN(page)));
	if ((opaque->flags & ~OMEN_PAGE_LISTED) != 0 ||
		((opaque->owner != 0 || opaque->chain != 0) &&
		 !may_have_owner(check, opaque)))
		omen_check_report(
			check, "page", block, OMEN_CHECK_PAGE,
			"special space has unknown flags or reserved fields in use");
}

/* Report a wrong end of the contents; it is what WAL keeps of the page. */
static void
check_bounds(OmenCheck *check, BlockNumber block, Size end)
{
	Page		page = check->page.data;
	PageHeader	header = (PageHeader) page;

	if (header->pd_lower != end || header->pd_upper != header->pd_special)
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "pd_lower is %u and pd_upper %u, expected %zu and %u",
						  header->pd_lower, header->pd_upper, end,
						  header->pd_special);
	for (Size i = end; i < header->pd_special; i++)
	{
		if (((const char *) page)[i] != 0)
		{
			omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
							  "byte %zu, beyond the contents, is not zero", i);
			break;
		}
	}
}

/* Report counts of slots of a page that has none. */
static void
check_no_slots(OmenCheck *check, BlockNumber block)
{
	const OmenPageOpaqueData *opaque = find_opaque(check->page.data);

	if (opaque->used != 0 || opaque->live != 0)
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "page claims %u slots, %u of them in use, but is of "
						  "a kind without",
						  opaque->used, opaque->live);
}

/*
 * Read and check the metapage, and lay the slots out by it.  False if nothing
 * further can be checked.
 */
bool
omen_check_meta(OmenCheck *check)
{
	Page		page = check->page.data;
	const char *flaw;

	if (check->nblocks == 0)
	{
		omen_check_report(check, "meta", OMEN_CHECK_NOWHERE, OMEN_CHECK_PAGE,
						  "index has no metapage");
		return false;
	}
	if (!omen_check_read(check, OMEN_META_BLOCK, page))
		return false;
	/* the version first: another one may have another frame */
	memcpy(&check->meta, PageGetContents(page), sizeof(OmenMetaPageData));
	check->graph_data = omen_meta_graph_data(&check->meta);
	flaw = PageIsNew(page) ? "is all zeros" : find_meta_flaw(&check->meta);
	if (flaw == NULL)
		flaw = omen_check_frame_flaw(page, OMEN_META_BLOCK);
	if (flaw == NULL && find_opaque(page)->kind != OMEN_PAGE_META)
		flaw = "is of another kind";
	if (flaw == NULL)
		flaw = omen_catalog_flaw(check->index, &check->meta);
	if (flaw != NULL)
	{
		omen_check_report(check, "meta", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "metapage: %s", flaw);
		return false;
	}
	check_bounds(check, OMEN_META_BLOCK,
				 OMEN_PAGE_START + sizeof(OmenMetaPageData));
	check_frame(check, OMEN_META_BLOCK);
	check_no_slots(check, OMEN_META_BLOCK);
	if (find_opaque(page)->flags != 0 ||
		find_opaque(page)->next != InvalidBlockNumber)
		omen_check_report(check, "list", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "metapage says that it is on a list");
	check_meta_values(check);
	omen_layout_init(&check->layout, check->meta.version, check->meta.storage,
					 check->meta.dims, check->meta.m, check->meta.key_bytes,
					 check->meta.leading > 0);
	return true;
}

/* ---------- pages ---------- */

/* Slots of a page, by its kind, of which it has room for so many. */
static void
note_slots(OmenCheck *check, BlockNumber block, uint32 slots)
{
	Page		page = check->page.data;
	const OmenPageOpaqueData *opaque = find_opaque(page);
	uint32		used = check->seen.blocks[block].used;
	uint32		in_use = 0;

	for (uint32 i = 0; i < used; i++)
	{
		uint8		flags;

		if (opaque->kind == OMEN_PAGE_GROUP)
			flags = omen_page_group(page, i)->flags;
		else if (opaque->kind == OMEN_PAGE_POSTING)
		{
			flags = omen_page_chunk(page, i)->flags;
			omen_check_note_chunk(check, omen_page_chunk(page, i), block, i);
		}
		else
		{
			OmenSlotHeader *slot = omen_page_slot(page,
												  opaque->kind == OMEN_PAGE_NODE
													  ? &check->layout.node
													  : &check->layout.upper,
												  i);

			flags = slot->flags;
			if (opaque->kind == OMEN_PAGE_NODE)
				omen_check_note_node(check, slot, block, i);
			else
				omen_check_note_upper(check, slot, block, i);
		}
		in_use += flags != 0;
	}
	if (opaque->live != in_use)
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "page claims %u slots in use, and has %u",
						  opaque->live, in_use);
	if (in_use < slots)
		check->seen.blocks[block].flags |= OMEN_CHECK_HAS_ROOM;
}

/* Slots that a page of the kind has room for, and their size. */
static uint32
slots_of_kind(const OmenCheck *check, uint8 kind, uint32 *stride)
{
	switch (kind)
	{
		case OMEN_PAGE_NODE:
			*stride = check->layout.node.stride;
			return check->layout.node.per_page;
		case OMEN_PAGE_UPPER:
			*stride = check->layout.upper.stride;
			return check->layout.upper.per_page;
		case OMEN_PAGE_POSTING:
			*stride = sizeof(OmenPostingChunk);
			return OMEN_CHUNKS_PER_PAGE;
		case OMEN_PAGE_GROUP:
			*stride = sizeof(OmenGroupRecord);
			return OMEN_GROUPS_PER_PAGE;
		default:
			*stride = 0;
			return 0;
	}
}

/* A page of slots. */
static void
check_slot_page(OmenCheck *check, BlockNumber block)
{
	const OmenPageOpaqueData *opaque = find_opaque(check->page.data);
	OmenCheckBlock *note = &check->seen.blocks[block];
	uint32		stride;
	uint32		slots = slots_of_kind(check, opaque->kind, &stride);

	if (opaque->used > slots)
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "page claims %u slots, and has room for %u",
						  opaque->used, slots);
	note->used = Min(opaque->used, slots);
	note->base = opaque->kind == OMEN_PAGE_NODE
					 ? check->seen.nnodes
					 : (opaque->kind == OMEN_PAGE_UPPER ? check->seen.nuppers
														: check->seen.nchunks);
	if ((uint64) block * slots + slots > OMEN_MAX_ID)
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "no id can name the slots of this page");
	check_bounds(check, block, OMEN_PAGE_START + (Size) note->used * stride);
	note_slots(check, block, slots);
}

/* A page of PAYLOAD or MEAN: a header and bytes. */
static void
check_payload_page(OmenCheck *check, BlockNumber block)
{
	const OmenPayloadHeader *header =
		(const OmenPayloadHeader *) PageGetContents(check->page.data);

	if (header->bytes == 0 || header->bytes > OMEN_PAYLOAD_BYTES ||
		header->reserved != 0)
		omen_check_report(check, "payload", block, OMEN_CHECK_PAGE,
						  "page claims %u bytes, and has room for %u",
						  header->bytes, OMEN_PAYLOAD_BYTES);
	else
		check_bounds(check, block,
					 OMEN_PAGE_START + sizeof(OmenPayloadHeader) +
						 header->bytes);
}

static void
check_page(OmenCheck *check, BlockNumber block)
{
	const OmenPageOpaqueData *opaque = find_opaque(check->page.data);
	OmenCheckBlock *note = &check->seen.blocks[block];
	bool		has_slots =
		opaque->kind == OMEN_PAGE_NODE || opaque->kind == OMEN_PAGE_UPPER ||
		opaque->kind == OMEN_PAGE_POSTING || opaque->kind == OMEN_PAGE_GROUP;

	note->owner = opaque->owner;
	note->chain = opaque->chain;
	note->kind = opaque->kind;
	note->next = opaque->next;
	note->flags = opaque->flags & OMEN_PAGE_LISTED;
	check_frame(check, block);
	if (has_slots)
	{
		check_slot_page(check, block);
		return;
	}
	if (opaque->kind == OMEN_PAGE_DIRECTORY)
		return;
	check_no_slots(check, block);
	if (opaque->kind == OMEN_PAGE_FREE)
		check_bounds(check, block, OMEN_PAGE_START);
	else
		check_payload_page(check, block);
}

/*
 * Check all pages but the metapage, and note what is on them.
 */
void
omen_check_pages(OmenCheck *check)
{
	Page		page = check->page.data;

	check->seen.blocks =
		palloc_extended(mul_size(check->nblocks, sizeof(OmenCheckBlock)),
						MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check->seen.blocks[OMEN_META_BLOCK].kind = OMEN_PAGE_META;
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < check->nblocks;
		 block++)
	{
		OmenCheckBlock *note = &check->seen.blocks[block];
		const char *flaw = NULL;

		note->kind = OMEN_CHECK_DAMAGED;
		note->next = InvalidBlockNumber;
		if (!omen_check_read(check, block, page))
			continue;
		if (PageIsNew(page) && omen_check_is_zero(page, BLCKSZ))
		{
			note->kind = OMEN_CHECK_NEW;
			continue;
		}
		flaw = omen_check_frame_flaw(page, block);
		if (flaw == NULL && find_opaque(page)->kind == OMEN_PAGE_META)
			flaw = "page is a second metapage";
		if (flaw != NULL)
			omen_check_report(check, "page", block, OMEN_CHECK_PAGE, "%s",
							  flaw);
		else
			check_page(check, block);
	}
}
