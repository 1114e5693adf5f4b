/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The pages of an index: opening, visiting, changing, allocating.
 *
 * The lowest layer of the access method.  It knows pages, slots, posting
 * chunks and payload, and where the data of a graph lie; nothing of edges and
 * searches.
 *
 * Lock order, for whoever holds more than one buffer lock: a node's page, then
 * pages of posting chunks, then the metapage.  Two pages of the same kind are
 * never locked together, but for VACUUM with two chunks.  See src/hnsw/README.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_STORE_H
#define OMEN_STORE_H

#include "postgres.h"

#include "hnsw/store/format.h"
#include "quantize/augment.h"
#include "quantize/codes.h"
#include "tuning.h"

/*
 * Where things stand in a slot of one kind.  Offsets are in bytes from the
 * start of the slot.
 */
typedef struct OmenPlane
{
	OmenPageKind kind;			/* OMEN_PAGE_NODE or OMEN_PAGE_UPPER */
	uint32		stride;			/* bytes of a slot */
	uint32		per_page;		/* slots on a page */
	uint32		capacity;		/* edges that a slot has room for */
	uint32		code_offset;
	uint32		group_offset;	/* 0: the index has no groups */
	uint32		keys_offset;
	uint32		edges_offset;
	uint32		edge_bytes;		/* room for edges */
	bool		is_packed;		/* edges are; else an array of each */
} OmenPlane;

typedef struct OmenLayout
{
	OmenPlane	node;
	OmenPlane	upper;
	uint32		header_bytes;	/* of a code's header */
	uint32		code_bytes;		/* of a code, wherever it lies */
	uint32		group_bytes;	/* of a slot's group; 0: there are none */
	uint32		key_bytes;		/* of a node's filter keys */
	bool		out_of_line;	/* codes lie in payload pages */
} OmenLayout;

/*
 * An index that somebody works with.  Everything hangs in the memory context
 * that was current at omen_index_open(); the relation is the caller's.
 */
typedef struct OmenIndex
{
	OmenPages	pages;
	OmenPageLists lists;		/* of pages with room */
	OmenMetaPageData meta;		/* as of the last omen_index_refresh() */
	OmenLayout	layout;
	OmenQuantizer *quantizer;	/* of the index's epoch, at the last refresh */
	OmenQuantizer *origin;		/* of epoch 0, for codes of the flat list */
	uint16		quantizer_epoch;
	uint8	   *code_space;		/* a code's worth of bytes, for a code that
								 * has to be gathered from payload pages */
	MemoryContext context;
} OmenIndex;

/* A node as told apart from a later user of the same slot. */
typedef struct OmenNodeRef
{
	uint32		id;
	uint16		version;
} OmenNodeRef;

/*
 * The lists of rows that have no place in a graph; values as on their chunks.
 */
typedef enum OmenSide
{
	OMEN_SIDE_NONE = 0,			/* it is a node's chain */
	OMEN_SIDE_NULL = OMEN_CHUNK_NULL,
	OMEN_SIDE_NAN = OMEN_CHUNK_NAN
} OmenSide;

/* What a metapage says of its version. */
typedef enum OmenFormat
{
	OMEN_FORMAT_PRESENT,		/* or one that is read as that */
	OMEN_FORMAT_OLDER,
	OMEN_FORMAT_LATER,
	OMEN_FORMAT_DAMAGED			/* nothing that can be relied on */
} OmenFormat;

/* The filter keys of a row; as many words as the index has. */
typedef struct OmenRowKeys
{
	uint16		nulls;			/* bit n: of column n + 2 */
	uint64		words[OMEN_MAX_KEY_WORDS];
} OmenRowKeys;

/* meta.c */
extern void omen_layout_init(OmenLayout *layout, uint32 version,
							 OmenStorage storage, uint32 dims, uint32 m,
							 uint32 key_bytes, bool has_groups);
/* dims are those of codes, value_dims those of values. */
extern void omen_meta_create(Relation rel, ForkNumber fork, OmenMetric metric,
							 OmenStorage storage, uint32 dims,
							 uint32 value_dims, int m, int ef_construction,
							 uint64 seed, uint32 key_bytes, uint32 leading);
extern OmenIndex *omen_index_look(Relation rel);
extern OmenIndex *omen_index_open(Relation rel, bool building);
extern void omen_index_refresh(OmenIndex *ix);
extern void omen_meta_read(Relation rel, OmenMetaPageData *meta);
extern OmenFormat omen_meta_format(const OmenMetaPageData *meta);
extern void omen_meta_complete(OmenMetaPageData *meta);
extern const char *omen_meta_flaw(const OmenMetaPageData *meta);

/* graph_data.c */

/* A graph of an index that somebody works with, or the list that it will be. */
typedef struct OmenGraph
{
	OmenIndex  *ix;
	uint32		id;				/* 0: the one of all rows of an index */
	uint16		version;		/* of a group's record */
	BlockNumber block;			/* where its data lie: the page, */
	uint32		offset;			/* and the place on it; graph_place.c's own */
	OmenGraphData data;			/* as of the last omen_graph_refresh() */
} OmenGraph;

/* A change of a graph's data that is under way. */
typedef struct OmenGraphChange
{
	OmenChange	pages;
	Buffer		buf;			/* the page of the data, exclusively locked */
} OmenGraphChange;

/*
 * A walk over the pages that may have slots of a graph: all of the index, or of
 * a group those that it shares with others, and then its own, of nodes.
 */
typedef struct OmenGraphPages
{
	OmenGraph  *graph;
	BlockNumber next;			/* of all pages, or of the group's own */

	/* of a group */
	BlockNumber shared[OMEN_GROUP_BLOCKS];
	uint32		nshared;
	uint32		next_shared;
	OmenPageKind kind;			/* of its own pages */
	BlockNumber steps;			/* that the chain of these has taken */
	BlockNumber expected;		/* how many there are, give or take some */
	BlockNumber asked;			/* steps that pages were fetched ahead for */
} OmenGraphPages;

/* graph_place.c */
extern void omen_graph_locate(OmenGraph *graph);
extern void omen_graph_choose(OmenGraph *graph, OmenNodeRef group);
extern OmenGraphData omen_meta_graph_data(const OmenMetaPageData *meta);
extern void omen_meta_init_graph(OmenMetaPageData *meta);
extern void omen_graph_data_init(OmenGraphData *data);
extern Buffer omen_graph_lock(const OmenGraph *graph);
extern OmenGraphData *omen_graph_data_on(const OmenGraph *graph, Page page);
extern OmenGraphData *omen_graph_join(const OmenGraph *graph,
									  OmenChange *change, Buffer buf);

/* graph_data.c */
extern OmenGraph *omen_graph_open(OmenIndex *ix, uint32 id);
extern void omen_graph_refresh(OmenGraph *graph);
extern void omen_graph_read(const OmenGraph *graph, OmenGraphData *data);
extern double omen_group_expected_nodes(const OmenIndex *ix,
										const OmenGraphData *data);
extern OmenGraphData *omen_graph_change_begin(OmenGraph *graph,
											  OmenGraphChange *change);
extern void omen_graph_change_commit(OmenGraphChange *change);
extern void omen_graph_change_abort(OmenGraphChange *change);
extern void omen_graph_set_mode(OmenGraph *graph, OmenMode mode);
extern void omen_graph_freeze(OmenGraph *graph, const float *mean,
							  float radius);
extern void omen_graph_pages(OmenGraphPages *pages, OmenGraph *graph);
extern void omen_graph_upper_pages(OmenGraphPages *pages, OmenGraph *graph);
extern bool omen_graph_next_page(OmenGraphPages *pages, BlockNumber *block);
extern BlockNumber omen_graph_coming_page(const OmenGraphPages *pages);

/* slot.c */
extern OmenSlotHeader *omen_visit(OmenIndex *ix, const OmenPlane *plane,
								  uint32 id, Buffer *buf);
extern OmenSlotHeader *omen_pinned_slot(OmenIndex *ix, const OmenPlane *plane,
										uint32 id, Buffer buf);
extern void omen_prefetch_slot(OmenIndex *ix, const OmenPlane *plane,
							   uint32 id);
extern OmenSlotHeader *omen_peek(OmenIndex *ix, const OmenPlane *plane,
								 uint32 id, Buffer *buffer);

/* slot_edges.c */
#define OMEN_MAX_CAPACITY (2 * OMEN_MAX_M)	/* edges that a slot may have */

extern int	omen_slot_get_edges(const OmenPlane *plane,
								const OmenSlotHeader *slot, uint32 *ids,
								uint8 *tags);
extern bool omen_slot_fits(const OmenPlane *plane, const uint32 *ids,
						   const uint8 *tags, uint32 count);
extern void omen_slot_put_first(const OmenPlane *plane, OmenSlotHeader *slot,
								const uint32 *ids, const uint8 *tags,
								uint32 count, uint32 spare);
extern void omen_slot_put_edges(const OmenPlane *plane, OmenSlotHeader *slot,
								const uint32 *ids, const uint8 *tags,
								uint32 count);

/* A walk over the slots in use on a page. */
typedef struct OmenSlotWalk
{
	const OmenPlane *plane;
	Page		page;
	uint32		first;			/* id of the page's first slot */
	uint32		used;			/* slots to be looked at */
	uint32		next;			/* of them */
	uint32		slotno;			/* of the slot that was returned last */
	uint32		group;			/* whose slots are to be met; 0: all */
} OmenSlotWalk;

/* A change of one slot, or of the page that it is on, that is under way. */
typedef struct OmenSlotChange
{
	OmenChange	pages;
	Buffer		buf;			/* exclusively locked */
	Page		page;			/* to be written to */
} OmenSlotChange;

/* What a new slot says, beside its edges. */
typedef struct OmenNewSlot
{
	uint8		flags;
	uint8		level;			/* of a node its top layer, else the slot's */
	BlockNumber payload;
	const OmenCodeHeader *header;
	const void *code;			/* for codes that lie in slots */

	/* of a node */
	ItemPointerData tid;
	uint16		key_nulls;
	const void *key_words;

	/* of a slot of an upper layer */
	OmenNodeRef node;
	OmenNodeRef below;			/* the slot one layer below, if there is one */
} OmenNewSlot;

extern void omen_slots_begin(OmenSlotWalk *walk, OmenIndex *ix,
							 const OmenPlane *plane, Buffer buf);
extern void omen_slots_begin_graph(OmenSlotWalk *walk, const OmenGraph *graph,
								   const OmenPlane *plane, Buffer buf);
extern void omen_slots_begin_page(OmenSlotWalk *walk, const OmenPlane *plane,
								  Page page, BlockNumber block);
extern OmenSlotHeader *omen_slot_change_begin(OmenSlotChange *change,
											  OmenIndex *ix,
											  const OmenPlane *plane,
											  uint32 id);
extern void omen_slot_change_commit(OmenSlotChange *change);
extern void omen_slot_change_commit_freed(OmenSlotChange *change,
										  OmenIndex *ix);
extern void omen_slot_change_abort(OmenSlotChange *change);
extern void omen_slot_init(OmenIndex *ix, const OmenPlane *plane,
						   OmenSlotHeader *slot, const OmenNewSlot *fresh);
extern OmenSlotHeader *omen_slot_new(OmenSlotChange *change, OmenGraph *graph,
									 const OmenPlane *plane,
									 const OmenNewSlot *fresh,
									 OmenNodeRef *ref);

/* page_slots.c */
extern uint32 omen_page_slots(const OmenIndex *ix, OmenPageKind kind);
extern uint32 omen_page_free_slot(const OmenIndex *ix, Page page);
extern uint32 omen_page_take_slot(OmenIndex *ix, Page page);
extern void omen_page_give_slot(OmenIndex *ix, Page page, uint32 slot);

/* page.c */
extern void omen_page_lists_init(OmenIndex *ix);
extern Buffer omen_graph_page_with_room(OmenGraph *graph, OmenPageKind kind);
extern Buffer omen_page_free(OmenIndex *ix);
extern uint32 omen_graph_free_slots(OmenGraph *graph);
extern void omen_page_list(OmenIndex *ix, Buffer buf);

/* group.c */
extern OmenGroupRecord *omen_group_visit(OmenIndex *ix, uint32 id, int lockmode,
										 Buffer *buf);
extern bool omen_group_read(OmenIndex *ix, uint32 id, OmenGroupRecord *record);
extern void omen_group_get(OmenIndex *ix, OmenNodeRef group,
						   OmenGroupRecord *record);
extern uint16 omen_group_key_sum(const uint8 *key, uint32 bytes);
extern bool omen_group_key(OmenIndex *ix, uint32 id,
						   const OmenGroupRecord *record, uint8 *key);
extern OmenGroupKeyPart *omen_group_part_visit(OmenIndex *ix, uint32 id,
											   Buffer *buf);
extern bool omen_group_is_there(OmenIndex *ix, OmenNodeRef group);
pg_noreturn extern void omen_group_report(const OmenIndex *ix, uint32 id);

/* group_create.c */
extern void omen_group_record_init(OmenGroupRecord *record, uint64 hash,
								   uint8 nulls, const uint8 *key,
								   uint32 key_bytes);
extern OmenNodeRef omen_group_create(OmenIndex *ix, uint64 hash, uint8 nulls,
									 const uint8 *key, uint32 key_bytes);

/* directory.c */
extern uint32 omen_directory_find(OmenIndex *ix, uint64 hash,
								  OmenNodeRef **groups);
extern uint32 omen_directory_leaf(OmenIndex *ix, OmenDirectoryEntry *place,
								  OmenDirectoryEntry *entries, bool *is_last);
extern Buffer omen_directory_prepare(OmenIndex *ix, uint64 hash, uint32 group);
extern void omen_directory_put(Page page, uint64 hash, uint32 group,
							   uint32 link);

extern void omen_directory_remove(OmenIndex *ix, OmenNodeRef group,
								  uint64 hash);

/* group_remove.c */
extern bool omen_group_take_apart(OmenGraph *graph);
extern void omen_group_free_key(OmenIndex *ix, const OmenGroupRecord *record);

/* directory_build.c */

/* A directory that is written from its first entry to its last. */
typedef struct OmenDirectoryWriter
{
	OmenIndex  *ix;
	BlockNumber block;			/* of the page at hand, and of those to come */
	uint16		level;
	uint32		count;			/* entries on that page */
	OmenDirectoryEntry *above;	/* what is to lead to the level's pages */
	uint32		nabove;
	uint32		room;
	PGAlignedBlock page;
} OmenDirectoryWriter;

extern BlockNumber omen_directory_pages(uint64 groups);
extern void omen_directory_write_begin(OmenDirectoryWriter *writer,
									   OmenIndex *ix, BlockNumber block);
extern void omen_directory_write(OmenDirectoryWriter *writer, uint64 hash,
								 uint32 group, uint32 link);
extern void omen_directory_write_end(OmenDirectoryWriter *writer);

/* group_build.c */

/* Records of groups that are written one after the other. */
typedef struct OmenGroupWriter
{
	OmenIndex  *ix;
	BlockNumber block;			/* of the page at hand */
	uint32		used;			/* slots of it */
	PGAlignedBlock page;
} OmenGroupWriter;

extern uint32 omen_group_slots(uint32 key_bytes);
extern void omen_group_write_begin(OmenGroupWriter *writer, OmenIndex *ix,
								   BlockNumber block);
extern uint32 omen_group_write(OmenGroupWriter *writer, OmenGroupRecord *record,
							   const uint8 *key);
extern void omen_group_write_end(OmenGroupWriter *writer);
extern void omen_group_become_graph(OmenGraph *graph, BlockNumber chain,
									BlockNumber upper_chain);

/* group_pages.c */
extern Buffer omen_group_page_with_room(OmenGraph *graph, OmenPageKind kind);
extern uint32 omen_group_take_slot(OmenGraph *graph, Page page);
extern uint32 omen_group_first_free(const OmenGraph *graph);
extern void omen_group_page_list(OmenIndex *ix, Buffer buf);

/* payload.c */

/* Bytes that lie in a chain of pages: whose they are, and where they begin. */
typedef struct OmenPayload
{
	OmenPageKind kind;			/* PAYLOAD or MEAN */
	OmenNodeRef owner;			/* a node; or 0 and the epoch of a mean */
	uint32		nbytes;
	BlockNumber first;			/* if they have been written */
} OmenPayload;

extern uint32 omen_payload_parts(uint32 nbytes);
extern BlockNumber omen_payload_write(OmenIndex *ix, const OmenPayload *payload,
									  const void *bytes);
extern void omen_payload_place(OmenIndex *ix, const OmenPayload *payload,
							   const void *bytes);
extern bool omen_payload_read(OmenIndex *ix, const OmenPayload *payload,
							  void *bytes);
extern void omen_payload_free(OmenIndex *ix, BlockNumber first, uint32 owner);
extern void omen_mean_free(OmenIndex *ix, BlockNumber first);
extern void omen_payload_reclaim(OmenIndex *ix, BlockNumber block);

/* The code of a node, where codes lie out of line. */
static inline OmenPayload
omen_code_payload(const OmenLayout *layout, OmenNodeRef node, BlockNumber first)
{
	OmenPayload payload = {OMEN_PAGE_PAYLOAD, node, layout->code_bytes, first};

	return payload;
}

/* The mean of a quantizer. */
static inline OmenPayload
omen_mean_payload(uint32 dims, uint16 epoch, BlockNumber first)
{
	OmenPayload payload = {OMEN_PAGE_MEAN,
						   {0, epoch},
						   dims * (uint32) sizeof(float),
						   first};

	return payload;
}

/* posting.c */
typedef struct OmenTidList
{
	MemoryContext context;		/* of tids; NULL for the current one */
	ItemPointerData *tids;
	uint32		count;
	uint32		room;
} OmenTidList;

typedef enum OmenAttach
{
	OMEN_ATTACHED,
	OMEN_ATTACH_REFUSED			/* the node is gone, condemned or unlinked */
} OmenAttach;

extern OmenAttach omen_posting_attach(OmenGraph *graph, OmenNodeRef node,
									  const OmenCodeHeader *header,
									  const void *code, const OmenRowKeys *keys,
									  ItemPointer tid);
extern void omen_posting_attach_known(OmenGraph *graph, OmenNodeRef node,
									  float error, bool same_keys,
									  ItemPointer tid);
extern void omen_posting_attach_side(OmenGraph *graph, OmenSide side,
									 ItemPointer tid);
extern bool omen_posting_collect(OmenGraph *graph, OmenNodeRef node,
								 OmenTidList *list);
extern void omen_posting_collect_side(OmenGraph *graph, OmenSide side,
									  OmenTidList *list);
extern void omen_tid_list_add(OmenTidList *list, ItemPointer tid);
extern bool omen_posting_walk(OmenGraph *graph, uint32 first, OmenNodeRef node,
							  OmenTidList *list);

/* posting_vacuum.c */
extern void omen_posting_compact(OmenGraph *graph, OmenNodeRef node);
extern void omen_posting_compact_side(OmenGraph *graph, OmenSide side);
extern bool omen_posting_drop_empty(OmenGraph *graph, OmenNodeRef node);
extern void omen_posting_reclaim(OmenGraph *graph, uint32 id);

/* A well mixed 64-bit hash (splitmix64, Steele, Lea and Flood 2014). */
static inline uint64
omen_mix(uint64 x)
{
	x += UINT64CONST(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

/*
 * Arithmetic on slots and their parts.
 */
static inline BlockNumber
omen_id_block(const OmenPlane *plane, uint32 id)
{
	return id / plane->per_page;
}

static inline uint32
omen_id_slot(const OmenPlane *plane, uint32 id)
{
	return id % plane->per_page;
}

/* Bytes of a slot that are prefetched. */
static inline uint32
omen_prefetched_bytes(const OmenPlane *plane)
{
	return Min(plane->edges_offset, OMEN_SLOT_PREFETCH_BYTES);
}

static inline OmenSlotHeader *
omen_page_slot(Page page, const OmenPlane *plane, uint32 slot)
{
	return (OmenSlotHeader *) ((char *) page + OMEN_PAGE_START +
							   (Size) slot * plane->stride);
}

/* Is this a group, of an index that consists of such? */
static inline bool
omen_graph_is_group(const OmenGraph *graph)
{
	return graph->id != 0 && graph->ix->layout.group_bytes != 0;
}

/* The id of the group that a slot is of; there must be groups. */
static inline uint32 *
omen_slot_group(const OmenPlane *plane, const OmenSlotHeader *slot)
{
	return (uint32 *) ((char *) slot + plane->group_offset);
}

/*
 * Is a slot one of this graph?  A tag that agrees by accident may lead to
 * another group's.
 */
static inline bool
omen_slot_is_of(const OmenGraph *graph, const OmenPlane *plane,
				const OmenSlotHeader *slot)
{
	return likely(plane->group_offset == 0) ||
		   *omen_slot_group(plane, slot) == graph->id;
}

/* The record of a group on its page. */
static inline OmenGroupRecord *
omen_page_group(Page page, uint32 slot)
{
	return (OmenGroupRecord *) ((char *) page + OMEN_PAGE_START +
								(Size) slot * sizeof(OmenGroupRecord));
}

/* The header of codes that have none on disk: all zeros. */
extern const OmenCodeHeader omen_no_code_header;

/* The header of a slot's code. */
static inline const OmenCodeHeader *
omen_slot_code_header(const OmenPlane *plane, const OmenSlotHeader *slot)
{
	return likely(plane->code_offset > sizeof(OmenSlotHeader))
			   ? (const OmenCodeHeader *) (slot + 1)
			   : &omen_no_code_header;
}

/* Raise the error bound of a slot's code, which then has a header. */
static inline void
omen_slot_raise_error(OmenSlotHeader *slot, float error)
{
	((OmenCodeHeader *) (slot + 1))->error = error;
}

/* The code, if it lies in the slot. */
static inline uint8 *
omen_slot_code(const OmenPlane *plane, const OmenSlotHeader *slot)
{
	return (uint8 *) slot + plane->code_offset;
}

/* Give a slot a code; one that lies out of line is written elsewhere. */
static inline void
omen_slot_set_code(const OmenLayout *layout, const OmenPlane *plane,
				   OmenSlotHeader *slot, const OmenCodeHeader *header,
				   const void *code)
{
	memcpy(slot + 1, header, layout->header_bytes);
	if (!layout->out_of_line)
		memcpy(omen_slot_code(plane, slot), code, layout->code_bytes);
}

static inline uint64 *
omen_slot_keys(const OmenPlane *plane, OmenSlotHeader *slot)
{
	return (uint64 *) ((char *) slot + plane->keys_offset);
}

/* Give a node the filter keys of a row. */
static inline void
omen_slot_set_keys(const OmenLayout *layout, OmenSlotHeader *slot,
				   const OmenRowKeys *keys)
{
	slot->u.node.key_nulls = keys->nulls;
	memcpy(omen_slot_keys(&layout->node, slot), keys->words, layout->key_bytes);
}

/* Are they all the same for a row and for those of a node? */
static inline bool
omen_slot_has_keys(const OmenLayout *layout, OmenSlotHeader *slot,
				   const OmenRowKeys *keys)
{
	return (slot->flags & OMEN_SLOT_MIXED) == 0 &&
		   slot->u.node.key_nulls == keys->nulls &&
		   memcmp(omen_slot_keys(&layout->node, slot), keys->words,
				  layout->key_bytes) == 0;
}

/*
 * What a member of the flat list, which has no edges, has in their place: a
 * hash of its code, or 0.
 */
static inline uint32 *
omen_slot_note(const OmenPlane *plane, OmenSlotHeader *slot)
{
	return (uint32 *) ((char *) slot + plane->edges_offset);
}

/* The side list that a chunk is of. */
static inline OmenSide
omen_chunk_side(const OmenPostingChunk *chunk)
{
	return (OmenSide) (chunk->flags & (OMEN_CHUNK_NULL | OMEN_CHUNK_NAN));
}

static inline OmenPostingChunk *
omen_page_chunk(Page page, uint32 slot)
{
	return (OmenPostingChunk *) ((char *) page + OMEN_PAGE_START +
								 (Size) slot * sizeof(OmenPostingChunk));
}

/* The place in the metapage of a kind's list of pages with room; -1 if none. */
static inline int
omen_list_of_kind(uint8 kind)
{
	switch (kind)
	{
		case OMEN_PAGE_FREE:
			return OMEN_LIST_FREE;
		case OMEN_PAGE_NODE:
			return OMEN_LIST_NODE;
		case OMEN_PAGE_UPPER:
			return OMEN_LIST_UPPER;
		case OMEN_PAGE_POSTING:
			return OMEN_LIST_POSTING;
		default:
			return -1;
	}
}

/* The next slot of a walk that is in use, or NULL. */
static inline OmenSlotHeader *
omen_next_slot(OmenSlotWalk *walk)
{
	while (walk->next < walk->used)
	{
		OmenSlotHeader *slot =
			omen_page_slot(walk->page, walk->plane, walk->next);

		walk->slotno = walk->next++;
		if ((slot->flags & OMEN_SLOT_USED) != 0 &&
			(likely(walk->group == 0) ||
			 *omen_slot_group(walk->plane, slot) == walk->group))
			return slot;
	}
	return NULL;
}

/* The slot that a walk has come to, as others are told. */
static inline OmenNodeRef
omen_walk_ref(const OmenSlotWalk *walk, const OmenSlotHeader *slot)
{
	OmenNodeRef ref = {walk->first + walk->slotno, slot->version};

	return ref;
}

static inline const OmenPlane *
omen_plane(const OmenIndex *ix, uint32 layer)
{
	return layer == 0 ? &ix->layout.node : &ix->layout.upper;
}

/* Does this node have a row, as far as its slot tells? */
static inline bool
omen_node_has_row(const OmenSlotHeader *slot)
{
	return ItemPointerIsValid(&slot->u.node.heaptid) ||
		   slot->u.node.posting != OMEN_INVALID_ID;
}

#endif							/* OMEN_STORE_H */
