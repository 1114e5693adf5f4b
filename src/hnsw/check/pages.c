/*-------------------------------------------------------------------------
 *
 * pages.c
 *	  First pass of a check: each page and each slot by itself.
 *
 * Reports what is wrong without a look at any other page, and notes in a few
 * bytes a slot what the further passes have to know.  Must not follow ids.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/check/check.h"
#include "hnsw/keys/keys.h"
#include "utils/memutils.h"

static bool
is_zero(const void *bytes, Size count)
{
	for (Size i = 0; i < count; i++)
	{
		if (((const char *) bytes)[i] != 0)
			return false;
	}
	return true;
}

/* ---------- the metapage ---------- */

/*
 * Values without which nothing else can be judged.  NULL if they are fine,
 * else what is wrong.
 */
static const char *
find_meta_flaw(const OmenMetaPageData *meta)
{
	OmenLayout	layout;

	if (meta->magic != OMEN_MAGIC)
		return "is not that of an omen_hnsw index";
	if (meta->version != OMEN_FORMAT_VERSION)
		return "has another format version";
	if (meta->dims < 1 || meta->dims > OMEN_MAX_DIM)
		return "has an invalid number of dimensions";
	if (meta->m < OMEN_MIN_M || meta->m > OMEN_MAX_M)
		return "has an invalid m";
	if (!omen_codes_exist(meta->storage, meta->metric) ||
		omen_meta_graph_data(meta).mode > OMEN_MODE_GRAPH)
		return "has an invalid metric, storage or mode";
	if (meta->layout != 0 || meta->key_bytes % sizeof(uint64) != 0 ||
		meta->key_bytes > OMEN_MAX_KEY_BYTES)
		return "describes slots with parts that this version does not know";
	omen_layout_init(&layout, meta->storage, meta->dims, meta->m,
					 meta->key_bytes);
	if (meta->node_stride != layout.node.stride ||
		meta->upper_stride != layout.upper.stride)
		return "describes another slot layout";
	return NULL;
}

/* Values that only mislead. */
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
	if (data->epoch != 0 && !omen_is_rotated(meta->storage, meta->metric))
		omen_check_report(check, "meta", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "epoch is %u, but codes of this kind have no mean",
						  data->epoch);
	if (!is_zero(&meta->reserved1, sizeof(meta->reserved1)) ||
		!is_zero(&meta->reserved2, sizeof(meta->reserved2)) ||
		!is_zero(data->reserved, sizeof(data->reserved)))
		omen_check_report(check, "meta", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "reserved fields are in use");
	/* infinite if some vector's norm is beyond float32 */
	if (!(data->radius >= 0) ||
		(!omen_metrics[meta->metric].is_product && data->radius != 0))
		omen_check_report(check, "meta", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "radius is %g", data->radius);
	if (data->entry_level > OMEN_MAX_LEVEL)
		omen_check_report(check, "meta", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "layer of the entry point is %u", data->entry_level);
	if (data->mode == OMEN_MODE_FLAT &&
		(data->root != OMEN_INVALID_ID || data->entry != OMEN_INVALID_ID))
		omen_check_report(check, "meta", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "flat list has a root or an entry point");
}

static const OmenPageOpaqueData *
find_opaque(Page page)
{
	return (const OmenPageOpaqueData *) ((const char *) page + BLCKSZ -
										 MAXALIGN(sizeof(OmenPageOpaqueData)));
}

/* NULL if a page's frame is as omen_page_init() makes it. */
static const char *
find_frame_flaw(Page page)
{
	PageHeader	header = (PageHeader) page;
	const OmenPageOpaqueData *opaque = find_opaque(page);

	if (header->pd_special != BLCKSZ - MAXALIGN(sizeof(OmenPageOpaqueData)) ||
		PageGetPageSize(page) != BLCKSZ ||
		PageGetPageLayoutVersion(page) != PG_PAGE_LAYOUT_VERSION)
		return "page header is damaged";
	if (opaque->page_id != OMEN_PAGE_ID)
		return "special space is not that of an omen_hnsw index";
	if (opaque->kind > OMEN_PAGE_META)
		return "page is of no kind";
	return NULL;
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
	flaw = PageIsNew(page) ? "is all zeros" : find_frame_flaw(page);
	if (flaw == NULL && find_opaque(page)->kind != OMEN_PAGE_META)
		flaw = "is of another kind";
	if (flaw == NULL)
	{
		memcpy(&check->meta, PageGetContents(page), sizeof(OmenMetaPageData));
		check->graph_data = omen_meta_graph_data(&check->meta);
		flaw = find_meta_flaw(&check->meta);
	}
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
	check_meta_values(check);
	omen_layout_init(&check->layout, check->meta.storage, check->meta.dims,
					 check->meta.m, check->meta.key_bytes);
	return true;
}

/* ---------- heap TIDs ---------- */

static void
note_tid(OmenCheck *check, const char *kind, const ItemPointerData *tid,
		 BlockNumber block, int slot)
{
	OmenCheckTid *note;
	BlockNumber heap_block = ItemPointerGetBlockNumberNoCheck(tid);
	OffsetNumber heap_offset = ItemPointerGetOffsetNumberNoCheck(tid);

	if (heap_offset < FirstOffsetNumber || heap_offset > MaxOffsetNumber ||
		heap_block >= check->heap_blocks)
	{
		omen_check_report(check, kind, block, slot,
						  "heap TID (%u,%u) is not in the table", heap_block,
						  heap_offset);
		return;
	}
	check->tids = omen_check_grow(check->tids, sizeof(OmenCheckTid),
								  check->ntids, &check->tids_room);
	note = &check->tids[check->ntids++];
	note->tid = *tid;
	note->block = block;
	note->slot = slot;
}

/* ---------- slots ---------- */

/* NULL if the flags of a node may be so, in the index's mode. */
static const char *
find_node_flaw(const OmenCheck *check, const OmenSlotHeader *slot)
{
	uint8 known = OMEN_SLOT_USED | OMEN_SLOT_LINKING | OMEN_SLOT_CONDEMNED |
				  OMEN_SLOT_FLAT |
				  (check->layout.key_bytes > 0 ? OMEN_SLOT_MIXED : 0);
	bool		is_flat = (slot->flags & OMEN_SLOT_FLAT) != 0;

	if ((slot->flags & OMEN_SLOT_USED) == 0 || (slot->flags & ~known) != 0 ||
		(is_flat && (slot->flags & OMEN_SLOT_LINKING) != 0))
		return "has impossible flags";
	if (slot->level > OMEN_MAX_LEVEL)
		return "has an impossible level";
	if (slot->u.node.key_nulls >> check->columns.filters != 0)
		return "has a NULL key of a column that there is not";
	if ((slot->flags & OMEN_SLOT_CONDEMNED) != 0 &&
		(omen_node_has_row(slot) || check->graph_data.mode == OMEN_MODE_FLAT))
		return "is about to be freed, but has rows or is in a flat list";
	if (check->graph_data.mode == OMEN_MODE_FLAT && !is_flat)
		return "is a node of a graph in a flat list";
	if (check->graph_data.mode == OMEN_MODE_FLAT &&
		(slot->degree > 0 || slot->level > 0))
		return "is a member of a flat list with edges or a level";
	if (!check->layout.out_of_line && slot->payload != InvalidBlockNumber)
		return "has payload, but codes of this index lie in the slots";
	return NULL;
}

static const char *
find_upper_flaw(const OmenCheck *check, const OmenSlotHeader *slot)
{
	uint8		known = OMEN_SLOT_USED | OMEN_SLOT_CONDEMNED;

	if ((slot->flags & OMEN_SLOT_USED) == 0 || (slot->flags & ~known) != 0)
		return "has impossible flags";
	if (slot->level < 1 || slot->level > OMEN_MAX_LEVEL)
		return "is of an impossible layer";
	if (check->graph_data.mode == OMEN_MODE_FLAT)
		return "is of an upper layer, but the index is a flat list";
	if (!check->layout.out_of_line && slot->payload != InvalidBlockNumber)
		return "has payload, but codes of this index lie in the slots";
	return NULL;
}

/*
 * A member of the list that a graph was made of, with a row, and never linked.
 * Without a row, or without its payload (its insert was cut), it was left out
 * on purpose.
 */
static bool
was_forgotten(const OmenCheck *check, const OmenSlotHeader *slot)
{
	return check->graph_data.mode == OMEN_MODE_GRAPH &&
		   (slot->flags & OMEN_SLOT_FLAT) != 0 &&
		   ItemPointerIsValid(&slot->u.node.heaptid) &&
		   !(check->layout.out_of_line && slot->payload == InvalidBlockNumber);
}

/* What nodes and upper slots have in common. */
static void
check_slot(OmenCheck *check, const OmenPlane *plane, OmenSlotHeader *slot,
		   BlockNumber block, int slotno, const char *flaw)
{
	bool		is_upper = plane->kind == OMEN_PAGE_UPPER;

	if (flaw != NULL)
		omen_check_report(check, "slot", block, slotno, "slot %s", flaw);
	if (slot->degree > plane->capacity)
		omen_check_report(check, "degree", block, slotno,
						  "slot has %u edges, and room for %u", slot->degree,
						  plane->capacity);
	omen_check_code_header(check, slot, is_upper, block, slotno);
	if (!check->layout.out_of_line)
		omen_check_code(check, slot, omen_slot_code(plane, slot), block,
						slotno);
}

static void
note_node(OmenCheck *check, OmenSlotHeader *slot, BlockNumber block, int slotno)
{
	OmenCheckNode *note;

	check->nodes = omen_check_grow(check->nodes, sizeof(OmenCheckNode),
								   check->nnodes, &check->nodes_room);
	note = &check->nodes[check->nnodes];
	memset(note, 0, sizeof(OmenCheckNode));
	note->version = slot->version;
	if (check->layout.out_of_line)
	{
		check->payloads = omen_check_grow(check->payloads, sizeof(BlockNumber),
										  check->nnodes, &check->payloads_room);
		check->payloads[check->nnodes] = slot->payload;
	}
	check->nnodes++;
	if (slot->flags == 0)
		return;

	check_slot(check, &check->layout.node, slot, block, slotno,
			   find_node_flaw(check, slot));
	if (was_forgotten(check, slot))
		omen_check_report(check, "unlinked", block, slotno,
						  "node has a row, but no place in the graph");
	/* without this flag nobody takes it for a node */
	if ((slot->flags & OMEN_SLOT_USED) == 0)
		return;
	if (ItemPointerIsValid(&slot->u.node.heaptid))
		note_tid(check, "slot", &slot->u.node.heaptid, block, slotno);
	note->flags = slot->flags & (OMEN_SLOT_USED | OMEN_SLOT_LINKING |
								 OMEN_SLOT_CONDEMNED | OMEN_SLOT_FLAT);
	note->level = slot->level;
}

static void
note_upper(OmenCheck *check, OmenSlotHeader *slot, BlockNumber block,
		   int slotno)
{
	OmenCheckUpper *note;

	check->uppers = omen_check_grow(check->uppers, sizeof(OmenCheckUpper),
									check->nuppers, &check->uppers_room);
	note = &check->uppers[check->nuppers++];
	memset(note, 0, sizeof(OmenCheckUpper));
	note->version = slot->version;
	if (slot->flags == 0)
		return;

	check_slot(check, &check->layout.upper, slot, block, slotno,
			   find_upper_flaw(check, slot));
	note->node = slot->u.upper.node;
	note->node_version = slot->u.upper.node_version;
	if ((slot->flags & OMEN_SLOT_USED) != 0)
		note->flags = slot->flags & (OMEN_SLOT_USED | OMEN_SLOT_CONDEMNED);
	note->level = slot->level;
}

static void
note_chunk(OmenCheck *check, const OmenPostingChunk *chunk, BlockNumber block,
		   int slotno)
{
	OmenCheckChunk *note;

	check->chunks = omen_check_grow(check->chunks, sizeof(OmenCheckChunk),
									check->nchunks, &check->chunks_room);
	note = &check->chunks[check->nchunks++];
	memset(note, 0, sizeof(OmenCheckChunk));
	if (chunk->flags == 0)
		return;

	if (chunk->flags != OMEN_SLOT_USED)
		omen_check_report(check, "slot", block, slotno,
						  "chunk has impossible flags");
	if (chunk->count > OMEN_CHUNK_TIDS)
		omen_check_report(check, "posting", block, slotno,
						  "chunk has %u heap TIDs, and room for %d",
						  chunk->count, OMEN_CHUNK_TIDS);
	note->flags = chunk->flags & OMEN_SLOT_USED;
	note->owner = chunk->owner;
	note->owner_version = chunk->owner_version;
	note->next = chunk->next;
	/* nobody reads a chunk that claims to have more */
	if (chunk->count <= OMEN_CHUNK_TIDS && note->flags != 0)
		note->count = chunk->count;
	for (int i = 0; i < note->count; i++)
		note_tid(check, "posting", &chunk->tids[i], block, slotno);
}

/* ---------- pages ---------- */

/* Slots of a page, by its kind. */
static void
note_slots(OmenCheck *check, BlockNumber block)
{
	Page		page = check->page.data;
	const OmenPageOpaqueData *opaque = find_opaque(page);
	uint32		used = check->blocks[block].used;
	uint32		in_use = 0;

	for (uint32 i = 0; i < used; i++)
	{
		uint8		flags;

		if (opaque->kind == OMEN_PAGE_POSTING)
		{
			flags = omen_page_chunk(page, i)->flags;
			note_chunk(check, omen_page_chunk(page, i), block, i);
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
				note_node(check, slot, block, i);
			else
				note_upper(check, slot, block, i);
		}
		in_use += flags != 0;
	}
	if (opaque->live != in_use)
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "page claims %u slots in use, and has %u",
						  opaque->live, in_use);
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
	OmenCheckBlock *note = &check->blocks[block];
	uint32		stride;
	uint32		slots = slots_of_kind(check, opaque->kind, &stride);

	if (opaque->used > slots)
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "page claims %u slots, and has room for %u",
						  opaque->used, slots);
	note->used = Min(opaque->used, slots);
	note->base = opaque->kind == OMEN_PAGE_NODE
					 ? check->nnodes
					 : (opaque->kind == OMEN_PAGE_UPPER ? check->nuppers
														: check->nchunks);
	if ((uint64) block * slots + slots > OMEN_MAX_ID)
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "no id can name the slots of this page");
	check_bounds(check, block, OMEN_PAGE_START + (Size) note->used * stride);
	note_slots(check, block);
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
	OmenCheckBlock *note = &check->blocks[block];
	bool		has_slots = opaque->kind == OMEN_PAGE_NODE ||
					 opaque->kind == OMEN_PAGE_UPPER ||
					 opaque->kind == OMEN_PAGE_POSTING;

	note->kind = opaque->kind;
	note->next = opaque->next;
	note->flags = opaque->flags & OMEN_PAGE_LISTED;
	if ((opaque->flags & ~OMEN_PAGE_LISTED) != 0 || opaque->reserved1 != 0 ||
		opaque->reserved2 != 0)
		omen_check_report(
			check, "page", block, OMEN_CHECK_PAGE,
			"special space has unknown flags or reserved fields in use");
	if (!has_slots && (opaque->used != 0 || opaque->live != 0))
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "page claims %u slots, but is of a kind without",
						  opaque->used);
	if (has_slots)
		check_slot_page(check, block);
	else if (opaque->kind == OMEN_PAGE_FREE)
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

	check->blocks =
		palloc_extended(mul_size(check->nblocks, sizeof(OmenCheckBlock)),
						MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check->blocks[OMEN_META_BLOCK].kind = OMEN_PAGE_META;
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < check->nblocks;
		 block++)
	{
		OmenCheckBlock *note = &check->blocks[block];
		const char *flaw = NULL;

		note->kind = OMEN_CHECK_DAMAGED;
		note->next = InvalidBlockNumber;
		if (!omen_check_read(check, block, page))
			continue;
		if (PageIsNew(page) && is_zero(page, BLCKSZ))
		{
			note->kind = OMEN_CHECK_NEW;
			continue;
		}
		flaw = find_frame_flaw(page);
		if (flaw == NULL && find_opaque(page)->kind == OMEN_PAGE_META)
			flaw = "page is a second metapage";
		if (flaw != NULL)
			omen_check_report(check, "page", block, OMEN_CHECK_PAGE, "%s",
							  flaw);
		else
			check_page(check, block);
	}
}
