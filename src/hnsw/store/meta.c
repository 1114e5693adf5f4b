/*-------------------------------------------------------------------------
 *
 * meta.c
 *	  The metapage, and what is derived from it: layout and quantizer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xloginsert.h"
#include "compat.h"
#include "hnsw/columns.h"
#include "hnsw/store/edge_code.h"
#include "hnsw/store/store.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * What a backend keeps of an index in its relcache entry.  One chunk, as
 * rd_amcache must be; the relcache frees it at any invalidation, so users
 * copy from it.
 */
typedef struct OmenRelCache
{
	uint16		epoch;
	uint64		padding;		/* keeps the quantizer aligned to 8 bytes */
} OmenRelCache;

/* ---------- layout ---------- */

/*
 * Slots get as much room for edges as there is on a page of so many, as far as
 * they may need it.
 */
static void
share_rest(OmenPlane *plane)
{
	uint32 stride = TYPEALIGN_DOWN(8, OMEN_PAGE_CAPACITY / plane->per_page);
	uint32		most =
		TYPEALIGN(8, plane->edges_offset + omen_pack_most(plane->capacity));

	plane->stride = Max(plane->stride, Min(stride, most));
	plane->edge_bytes = plane->stride - plane->edges_offset;
}

static void
init_plane(OmenPlane *plane, OmenPageKind kind, bool is_packed,
		   uint32 header_bytes, uint32 inline_code, uint32 group_bytes,
		   uint32 key_bytes, uint32 capacity)
{
	uint32		code_end;

	plane->kind = kind;
	plane->capacity = capacity;
	plane->code_offset = sizeof(OmenSlotHeader) + header_bytes;
	code_end = TYPEALIGN(8, plane->code_offset + inline_code);
	plane->group_offset = group_bytes > 0 ? code_end : 0;
	plane->keys_offset = code_end + group_bytes;
	plane->edges_offset = plane->keys_offset + key_bytes;
	plane->is_packed = is_packed;
	plane->edge_bytes = is_packed ? omen_pack_room(capacity)
								  : capacity * (sizeof(uint32) + sizeof(uint8));
	plane->stride = TYPEALIGN(8, plane->edges_offset + plane->edge_bytes);
	plane->per_page = OMEN_PAGE_CAPACITY / plane->stride;
	if (is_packed && plane->per_page > 0)
		share_rest(plane);
}

/*
 * Lay out the slots of an index of some version of the format, in groups or
 * not.  A code goes out of line when a node with it does not fit a page.
 */
void
omen_layout_init(OmenLayout *layout, uint32 version, OmenStorage storage,
				 uint32 dims, uint32 m, uint32 key_bytes, bool has_groups)
{
	bool		is_packed = version >= OMEN_PACKED_VERSION;
	uint32		header_bytes = omen_codecs[storage]->header_bytes;
	uint32		group_bytes = has_groups ? OMEN_GROUP_WORD_BYTES : 0;

	layout->key_bytes = key_bytes;
	layout->group_bytes = group_bytes;
	layout->code_bytes = (uint32) omen_storage_bytes(storage, dims);
	layout->header_bytes = header_bytes;
	layout->out_of_line = false;
	init_plane(&layout->node, OMEN_PAGE_NODE, is_packed, header_bytes,
			   layout->code_bytes, group_bytes, key_bytes, 2 * m);
	if (layout->node.per_page == 0)
	{
		layout->out_of_line = true;
		init_plane(&layout->node, OMEN_PAGE_NODE, is_packed, header_bytes, 0,
				   group_bytes, key_bytes, 2 * m);
	}
	init_plane(&layout->upper, OMEN_PAGE_UPPER, is_packed, header_bytes,
			   layout->out_of_line ? 0 : layout->code_bytes, group_bytes, 0, m);
}

/* ---------- creating ---------- */

static void
fill_meta(Page page, OmenMetric metric, OmenStorage storage, uint32 dims,
		  uint32 value_dims, int m, int ef_construction, uint64 seed,
		  uint32 key_bytes, uint32 leading)
{
	OmenMetaPageData *meta;
	OmenLayout	layout;

	omen_page_init(page, OMEN_META_BLOCK, OMEN_PAGE_META);
	meta = OmenPageGetMeta(page);
	omen_layout_init(&layout, OMEN_FORMAT_VERSION, storage, dims, m, key_bytes,
					 leading > 0);

	memset(meta, 0, sizeof(OmenMetaPageData));
	meta->magic = OMEN_MAGIC;
	meta->version = OMEN_FORMAT_VERSION;
	meta->version_complement = ~meta->version;
	meta->encoder = omen_codecs[storage]->encoder;
	meta->dims = dims;
	meta->value_dims = value_dims;
	meta->m = m;
	meta->ef_construction = ef_construction;
	meta->metric = metric;
	meta->storage = storage;
	meta->key_bytes = key_bytes;
	meta->seed = seed;
	meta->leading = leading;
	if (leading > 0)
	{
		meta->directory = InvalidBlockNumber;
		meta->room_group = InvalidBlockNumber;
	}
	for (int i = 0; i < OMEN_PAGE_LISTS; i++)
		meta->room[i] = InvalidBlockNumber;
	meta->second_mean = InvalidBlockNumber;
	meta->calibration = InvalidBlockNumber;
	omen_meta_init_graph(meta);
	meta->node_stride = layout.node.stride;
	meta->upper_stride = layout.upper.stride;
	((PageHeader) page)->pd_lower = OMEN_PAGE_START + sizeof(OmenMetaPageData);
}

/*
 * Write the metapage of an empty index as the first block of a fork.
 *
 * The main fork is logged by the build when it is done.  An init fork must be
 * logged here and now, although its relation is not logged: it is what
 * recovery and a promoted standby make the main fork from.
 */
void
omen_meta_create(Relation rel, ForkNumber fork, OmenMetric metric,
				 OmenStorage storage, uint32 dims, uint32 value_dims, int m,
				 int ef_construction, uint64 seed, uint32 key_bytes,
				 uint32 leading)
{
	Buffer		buf = omen_extend_fork(rel, fork);

	Assert(BufferGetBlockNumber(buf) == OMEN_META_BLOCK);
	START_CRIT_SECTION();
	fill_meta(BufferGetPage(buf), metric, storage, dims, value_dims, m,
			  ef_construction, seed, key_bytes, leading);
	MarkBufferDirty(buf);
	if (fork == INIT_FORKNUM)
		log_newpage_buffer(buf, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buf);
}

/* ---------- reading ---------- */

/*
 * The version of the encoder that codes as this index has them are made by now.
 * A kind of code that does not exist is the business of omen_meta_flaw().
 */
static uint16
present_encoder(const OmenMetaPageData *meta)
{
	return meta->storage < OMEN_STORAGES ? omen_codecs[meta->storage]->encoder
										 : meta->encoder;
}

/*
 * What a metapage says of its format, and of the encoder of the codes.  Version
 * 1 did not stand twice.
 */
OmenFormat
omen_meta_format(const OmenMetaPageData *meta)
{
	if (meta->version == 1)
		return OMEN_FORMAT_OLDER;
	if (meta->version == 0 || meta->version_complement != ~meta->version)
		return OMEN_FORMAT_DAMAGED;
	if (meta->version > OMEN_FORMAT_VERSION)
		return OMEN_FORMAT_LATER;
	if (meta->version < OMEN_OLDEST_FORMAT_VERSION)
		return OMEN_FORMAT_OLDER;
	if (meta->encoder == 0)
		return OMEN_FORMAT_DAMAGED;
	if (meta->encoder > OMEN_ENCODER_VERSION)
		return OMEN_FORMAT_LATER;
	if (meta->encoder != present_encoder(meta))
		return meta->encoder > present_encoder(meta) ? OMEN_FORMAT_LATER
													 : OMEN_FORMAT_OLDER;
	return OMEN_FORMAT_PRESENT;
}

/*
 * Give a metapage of an older format that is still read the fields of the
 * present one.  The page itself stays as it is.
 */
void
omen_meta_complete(OmenMetaPageData *meta)
{
	if (meta->version == 2 && meta->value_dims == 0)
		meta->value_dims = meta->dims;
}

/*
 * What is wrong with a metapage of the present format, without which nothing
 * else can be told; NULL if nothing.
 */
const char *
omen_meta_flaw(const OmenMetaPageData *meta)
{
	static const uint8 zeros[sizeof(meta->reserved4)];
	OmenGraphData data = omen_meta_graph_data(meta);
	OmenLayout	layout;

	if (meta->m < OMEN_MIN_M || meta->m > OMEN_MAX_M)
		return "has an invalid m";
	if (!omen_codes_exist(meta->storage, meta->metric) ||
		data.mode > OMEN_MODE_GRAPH)
		return "has an invalid metric, storage or mode";
	if (meta->dims < 1 || meta->dims > omen_codecs[meta->storage]->max_dim)
		return "has an invalid number of dimensions";
	if (meta->value_dims < 1 || meta->value_dims > PG_INT32_MAX)
		return "has an invalid number of dimensions of values";
	if (meta->layout != 0 || meta->key_bytes % sizeof(uint64) != 0 ||
		meta->key_bytes > OMEN_MAX_KEY_BYTES)
		return "describes slots with parts that this version does not know";
	if (meta->reserved1 != 0 || meta->reserved2 != 0 ||
		meta->second_epoch != 0 || meta->second_mean != InvalidBlockNumber ||
		meta->calibration != InvalidBlockNumber ||
		memcmp(meta->reserved3, zeros, sizeof(meta->reserved3)) != 0 ||
		memcmp(meta->reserved4, zeros, sizeof(meta->reserved4)) != 0 ||
		memcmp(data.reserved, zeros, sizeof(data.reserved)) != 0)
		return "has reserved fields in use";
	if (meta->leading > OMEN_MAX_LEADING ||
		(meta->leading == 0 && (meta->directory != 0 || meta->room_group != 0)))
		return "has a directory of groups without columns that make them";
	omen_layout_init(&layout, meta->version, meta->storage, meta->dims, meta->m,
					 meta->key_bytes, meta->leading > 0);
	if (meta->node_stride != layout.node.stride ||
		meta->upper_stride != layout.upper.stride)
		return "describes another slot layout";
	return NULL;
}

/* Refuse an index of a format, or with codes, that this version cannot read. */
static void
refuse_format(Relation rel, const OmenMetaPageData *meta, bool is_later)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 is_later ? errmsg("index \"%s\" was made by a later version of "
							   "omendb",
							   RelationGetRelationName(rel))
					  : errmsg("index \"%s\" was made by an earlier version of "
							   "omendb",
							   RelationGetRelationName(rel)),
			 meta->version > OMEN_FORMAT_VERSION ||
					 meta->version < OMEN_OLDEST_FORMAT_VERSION
				 ? errdetail("It has format version %u, but this version of "
							 "omendb reads versions %d to %d.",
							 meta->version, OMEN_OLDEST_FORMAT_VERSION,
							 OMEN_FORMAT_VERSION)
				 : errdetail("Its codes are of encoder version %u, but this "
							 "version of omendb makes version %u.",
							 meta->encoder,
							 meta->encoder > OMEN_ENCODER_VERSION
								 ? OMEN_ENCODER_VERSION
								 : present_encoder(meta)),
			 is_later ? errhint("Update omendb, or REINDEX the index.")
					  : errhint("Please REINDEX it.")));
}

static void
report_damaged_meta(Relation rel, const char *flaw)
{
	ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
					errmsg("metapage of index \"%s\" is corrupted",
						   RelationGetRelationName(rel)),
					errdetail("It %s.", flaw), errhint("Please REINDEX it.")));
}

/*
 * Copy the metapage out as it stands on the page, which may be of another
 * version: its special space is looked at only if it is not.
 */
static void
copy_meta(Relation rel, OmenMetaPageData *meta)
{
	Buffer		buf = ReadBuffer(rel, OMEN_META_BLOCK);

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	memcpy(meta, OmenPageGetMeta(BufferGetPage(buf)), sizeof(OmenMetaPageData));
	if (meta->magic == OMEN_MAGIC &&
		omen_meta_format(meta) == OMEN_FORMAT_PRESENT)
	{
		OmenPageOpaque opaque = omen_check_page(rel, buf);

		if (opaque == NULL || opaque->kind != OMEN_PAGE_META)
			omen_report_corruption(rel, buf);
	}
	UnlockReleaseBuffer(buf);
}

/*
 * Copy the metapage out, after checking it.  Whatever version is on disk, what
 * the caller gets is of the present one: a format that is still read is
 * translated here.
 */
void
omen_meta_read(Relation rel, OmenMetaPageData *meta)
{
	OmenFormat	format;
	const char *flaw;

	copy_meta(rel, meta);
	if (meta->magic != OMEN_MAGIC)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" is not an omen_hnsw index",
							   RelationGetRelationName(rel)),
						errhint("Please REINDEX it.")));
	format = omen_meta_format(meta);
	if (format == OMEN_FORMAT_DAMAGED)
		report_damaged_meta(rel, "does not tell its version");
	if (format != OMEN_FORMAT_PRESENT)
		refuse_format(rel, meta, format == OMEN_FORMAT_LATER);
	omen_meta_complete(meta);
	flaw = omen_meta_flaw(meta);
	if (flaw != NULL)
		report_damaged_meta(rel, flaw);
}

/* Make a quantizer of an index, with that mean or without one. */
static void
init_quantizer(const OmenIndex *ix, OmenQuantizer *q, const float *mean)
{
	omen_quantizer_init(q, ix->meta.metric, ix->meta.storage, ix->meta.dims,
						ix->meta.seed, mean);
	if (omen_opclass(ix->pages.rel)->is_peer)
		omen_quantizer_sums_anyhow(q);
}

/* Make the quantizer that has the mean of a graph, in rd_indexcxt for reuse. */
static OmenRelCache *
load_quantizer(OmenIndex *ix, const OmenGraphData *data)
{
	Size		size =
		omen_quantizer_size(ix->meta.metric, ix->meta.storage, ix->meta.dims);
	OmenRelCache *cache;
	float	   *mean = NULL;

	if (data->mean != InvalidBlockNumber)
	{
		OmenPayload payload =
			omen_mean_payload(ix->meta.dims, data->epoch, data->mean);

		mean = palloc(ix->meta.dims * sizeof(float));
		if (!omen_payload_read(ix, &payload, mean))
			ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
							errmsg("quantizer of index \"%s\" is corrupted",
								   RelationGetRelationName(ix->pages.rel)),
							errhint("Please REINDEX it.")));
	}
	cache = MemoryContextAlloc(ix->pages.rel->rd_indexcxt,
							   sizeof(OmenRelCache) + size);
	cache->epoch = data->epoch;
	init_quantizer(ix, (OmenQuantizer *) (cache + 1), mean);
	if (mean)
		pfree(mean);
	return cache;
}

static void
copy_quantizer(OmenIndex *ix)
{
	OmenGraphData data = omen_meta_graph_data(&ix->meta);
	OmenRelCache *cache = ix->pages.rel->rd_amcache;
	Size		size =
		omen_quantizer_size(ix->meta.metric, ix->meta.storage, ix->meta.dims);

	if (cache == NULL || cache->epoch != data.epoch)
	{
		cache = load_quantizer(ix, &data);
		if (ix->pages.rel->rd_amcache)
			pfree(ix->pages.rel->rd_amcache);
		ix->pages.rel->rd_amcache = cache;
	}
	if (ix->quantizer == NULL)
		ix->quantizer = MemoryContextAlloc(ix->context, size);
	memcpy(ix->quantizer, cache + 1, size);
	ix->quantizer_epoch = data.epoch;
}

/* Do both describe slots and codes of the same kind? */
static bool
is_same_layout(const OmenMetaPageData *a, const OmenMetaPageData *b)
{
	return a->version == b->version && a->dims == b->dims &&
		   a->value_dims == b->value_dims && a->metric == b->metric &&
		   a->storage == b->storage && a->m == b->m &&
		   a->key_bytes == b->key_bytes && a->leading == b->leading &&
		   a->seed == b->seed;
}

/*
 * Read the metapage anew, and the quantizer if it is another one by now.  What
 * slots and codes are like never changes while an index is open: layout, memory
 * and the quantizer without a mean were made for that.
 */
void
omen_index_refresh(OmenIndex *ix)
{
	OmenMetaPageData meta;

	omen_meta_read(ix->pages.rel, &meta);
	if (!is_same_layout(&meta, &ix->meta))
		report_damaged_meta(ix->pages.rel, "is of another index than it was");
	ix->meta = meta;
	if (ix->quantizer == NULL ||
		ix->quantizer_epoch != omen_meta_graph_data(&ix->meta).epoch)
		copy_quantizer(ix);
}

/*
 * Start to look at an index's pages, but not at codes: there is no quantizer.
 * Allocates in the current memory context, to be freed with it.
 */
OmenIndex *
omen_index_look(Relation rel)
{
	OmenIndex  *ix = palloc0(sizeof(OmenIndex));

	ix->pages.rel = rel;
	ix->context = CurrentMemoryContext;
	omen_page_lists_init(ix);
	ix->pages.nblocks = RelationGetNumberOfBlocks(rel);
	if (ix->pages.nblocks == 0)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" has no pages",
							   RelationGetRelationName(rel)),
						errhint("Please REINDEX it.")));
	omen_meta_read(rel, &ix->meta);
	omen_layout_init(&ix->layout, ix->meta.version, ix->meta.storage,
					 ix->meta.dims, ix->meta.m, ix->meta.key_bytes,
					 ix->meta.leading > 0);
	return ix;
}

/* Start to work with an index; likewise. */
OmenIndex *
omen_index_open(Relation rel, bool building)
{
	OmenIndex  *ix = omen_index_look(rel);

	ix->pages.building = building;
	copy_quantizer(ix);
	ix->origin = palloc(
		omen_quantizer_size(ix->meta.metric, ix->meta.storage, ix->meta.dims));
	init_quantizer(ix, ix->origin, NULL);
	ix->code_space = palloc(ix->layout.code_bytes);
	return ix;
}
