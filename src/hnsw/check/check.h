/*-------------------------------------------------------------------------
 *
 * check.h
 *	  Proving that an index is what it promises to be: what the parts of
 *	  omen_hnsw_check() share.
 *
 * Nothing on a page is trusted: every count, id and offset is checked against
 * its range before it is used, and no chain is followed for longer than there
 * are links.  Pages are looked at as copies, so no lock and no pin is held
 * while anything else happens.  Nothing here changes an index.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_CHECK_H
#define OMEN_CHECK_H

#include "postgres.h"

#include "access/xlogdefs.h"
#include "hnsw/hnsw.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "utils/snapshot.h"

/* What is known of a block, beside OmenPageKind. */
#define OMEN_CHECK_NEW 0xFE		/* all zeros: added, never written */
#define OMEN_CHECK_DAMAGED 0xFF /* cannot be read as a page of any kind */

typedef struct OmenCheckBlock
{
	BlockNumber next;			/* as on the page */
	uint32		base;			/* ordinal, in its kind, of the first slot */
	uint16		used;			/* slots that may be looked at */
	uint8		kind;
	uint8		flags;			/* OMEN_PAGE_LISTED, OMEN_CHECK_* */
	uint32		owner;			/* group that alone has the page, or 0 */
	BlockNumber chain;			/* next page of it */
} OmenCheckBlock;

#define OMEN_CHECK_HAS_ROOM 0x40	/* some slots are not in use */
#define OMEN_CHECK_MET 0x80		/* its list, or its owner's chain, leads here */

/*
 * What is known of the slots of each kind, by ordinal: the slots of all pages
 * of the kind, counted in the order of the file.  A slot not in use has no
 * flags.
 */
typedef struct OmenCheckNode
{
	uint32		code;			/* hash of the code and its header */
	uint16		version;
	uint16		layers;			/* bit n: it has an upper slot in layer n */
	uint8		flags;			/* OMEN_SLOT_*, OMEN_CHECK_* */
	uint8		level;
	uint32		group;			/* which one, or OMEN_CHECK_NO_GROUP */
} OmenCheckNode;

#define OMEN_CHECK_HAS_PARENT 0x40
#define OMEN_CHECK_REACHED 0x80

typedef struct OmenCheckUpper
{
	uint32		node;
	uint16		node_version;
	uint16		version;
	uint8		flags;
	uint8		level;
	uint32		group;
} OmenCheckUpper;

#define OMEN_CHECK_NO_GROUP PG_UINT32_MAX

/*
 * A group: a graph or a list.  An index without groups is one, of id 0, whose
 * data are the metapage's.
 */
typedef struct OmenCheckGroup
{
	uint32		id;
	OmenGroupRecord record;
	uint8	   *key;			/* NULL if it cannot be read */
	uint64		nodes_with_rows;
	uint32		entries;		/* of the directory that lead here */
	bool		has_linked;		/* it has nodes that were linked */
	BlockNumber block;			/* where the record is, for reports */
	int			slot;
} OmenCheckGroup;

typedef struct OmenCheckChunk
{
	uint32		owner;
	uint32		next;
	uint16		owner_version;
	uint8		flags;			/* as on the chunk, and OMEN_CHECK_REACHED */
	uint8		count;
} OmenCheckChunk;

/* A heap TID, and the slot that holds it. */
typedef struct OmenCheckTid
{
	ItemPointerData tid;
	uint16		slot;
	BlockNumber block;
} OmenCheckTid;

/* What the first pass has noted of pages and slots. */
typedef struct OmenCheckSeen
{
	OmenCheckBlock *blocks;
	OmenCheckNode *nodes;
	OmenCheckUpper *uppers;
	OmenCheckChunk *chunks;
	BlockNumber *payloads;		/* of each node; NULL if codes lie in slots */
	uint64		nnodes;
	uint64		nuppers;
	uint64		nchunks;
	uint64		ntids;
	OmenCheckTid *tids;			/* sorted once all are known */
	uint64		nodes_room;
	uint64		uppers_room;
	uint64		chunks_room;
	uint64		payloads_room;
	uint64		tids_room;
} OmenCheckSeen;

/* All of them, by id. */
typedef struct OmenCheckGroups
{
	OmenCheckGroup *list;
	uint64		count;
	uint64		room;
} OmenCheckGroups;

typedef struct OmenCheck
{
	/* what is checked */
	Relation	heap;
	Relation	index;
	const OmenOpclass *opclass;
	OmenIndexColumns columns;
	BlockNumber nblocks;
	BlockNumber heap_blocks;
	Snapshot	snapshot;		/* of the rows that must be there, or NULL */
	OmenMetaPageData meta;
	OmenGraphData graph_data;	/* as in meta */
	OmenLayout	layout;
	OmenQuantizer *quantizer;	/* of graph_data.epoch */
	OmenQuantizer *origin;		/* of epoch 0 */

	/* reading */
	BufferAccessStrategy strategy;
	XLogRecPtr	since;			/* in recovery: pages newer than this have
								 * changed during the check */
	bool		changed;
	char	  **kept;			/* by block: a copy of what was read, or NULL */
	BlockNumber kept_blocks;	/* of the first so many blocks */
	PGAlignedBlock page;		/* the page of a pass */
	PGAlignedBlock side;		/* one that a page of the pass leads to */
	uint8	   *code;			/* a code gathered from payload pages */
	uint8	   *other_code;		/* one that a row was encoded to */
	OmenEncodeSpace space;

	OmenCheckSeen seen;			/* what was found on the pages */

	OmenCheckGroups groups;

	/*
	 * parent edges: of node n, children[first_child[n] .. first_child[n + 1])
	 */
	uint64	   *first_child;
	uint32	   *children;
	uint64		nchildren;
	uint64		children_room;

	/* where violations go */
	ReturnSetInfo *result;
} OmenCheck;

/* Columns of omen_hnsw_check(), as the install script declares it. */
#define OMEN_CHECK_COLUMNS 5

/* A slot in the words of a violation: no block, or no slot of it. */
#define OMEN_CHECK_NOWHERE ((int64) -1)
#define OMEN_CHECK_PAGE (-1)

/* read.c */
extern void omen_check_report(OmenCheck *check, const char *kind, int64 block,
							  int slot, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
extern void omen_check_report_leftover(OmenCheck *check, const char *kind,
									   int64 block, int slot,
									   const char *format, ...)
	__attribute__((format(printf, 5, 6)));
extern bool omen_check_read(OmenCheck *check, BlockNumber block, Page copy);
extern void *omen_check_grow(void *array, Size item, uint64 count,
							 uint64 *room);

/* frame.c */
extern const char *omen_check_frame_flaw(Page page, BlockNumber block);
extern void omen_check_graph_values(OmenCheck *check, const OmenGraphData *data,
									int64 block, int slot);

/* pages.c */
extern bool omen_check_meta(OmenCheck *check);
extern void omen_check_pages(OmenCheck *check);

/* groups.c */
extern bool omen_check_has_groups(const OmenCheck *check);
extern void omen_check_read_groups(OmenCheck *check);
extern uint32 omen_check_group(const OmenCheck *check, uint32 id);
extern uint32 omen_check_group_of(const OmenCheck *check,
								  const OmenPlane *plane,
								  const OmenSlotHeader *slot);
extern void omen_check_slot_group(OmenCheck *check, const OmenPlane *plane,
								  const OmenSlotHeader *slot, BlockNumber block,
								  int slotno);
extern void omen_check_groups(OmenCheck *check);

/* directory.c */
extern void omen_check_directory(OmenCheck *check);

/* slots.c */
extern void omen_check_note_node(OmenCheck *check, OmenSlotHeader *slot,
								 BlockNumber block, int slotno);
extern void omen_check_note_upper(OmenCheck *check, OmenSlotHeader *slot,
								  BlockNumber block, int slotno);
extern void omen_check_note_chunk(OmenCheck *check,
								  const OmenPostingChunk *chunk,
								  BlockNumber block, int slotno);

/* chains.c */
typedef enum OmenCheckFound
{
	OMEN_CHECK_FOUND,			/* *ordinal is the slot's */
	OMEN_CHECK_NO_SLOT,			/* no slot has, or ever had, this id */
	OMEN_CHECK_UNKNOWN			/* the page it would be on is damaged */
} OmenCheckFound;

extern OmenCheckFound omen_check_find(const OmenCheck *check, OmenPageKind kind,
									  uint32 per_page, uint32 id,
									  uint64 *ordinal);
extern void omen_check_mean(OmenCheck *check);
extern uint32 omen_check_posting(OmenCheck *check, uint32 first,
								 OmenNodeRef node, OmenSide side, int64 block,
								 int slot);
extern bool omen_check_payload(OmenCheck *check, const OmenPayload *payload,
							   void *bytes, int64 block, int slot);
extern bool omen_check_gather(OmenCheck *check, const OmenPayload *payload,
							  void *bytes);
extern void omen_check_lists(OmenCheck *check);
extern void omen_check_leftovers(OmenCheck *check);
extern void omen_check_tids(OmenCheck *check);

/* code.c */
extern void omen_check_code_header(OmenCheck *check, const OmenSlotHeader *slot,
								   bool is_upper, BlockNumber block,
								   int slotno);
extern void omen_check_code(OmenCheck *check, const OmenSlotHeader *slot,
							const void *code, BlockNumber block, int slotno);
extern uint32 omen_check_hash_code(const OmenCheck *check,
								   const OmenPlane *plane,
								   const OmenSlotHeader *slot);

/* links.c */
extern void omen_check_links(OmenCheck *check);
extern void omen_check_reach(OmenCheck *check);

/* rows.c */
extern void omen_check_rows(OmenCheck *check);

/* The side list of a group, as its chunks name it. */
static inline OmenNodeRef
omen_check_side_owner(const OmenCheckGroup *group)
{
	OmenNodeRef owner = {group->id, group->record.version};

	return owner;
}

/* Is a group being taken apart?  Then its graph is no whole one. */
static inline bool
omen_check_is_leaving(const OmenCheckGroup *group)
{
	return (group->record.flags & OMEN_GROUP_LEAVING) != 0;
}

/* Are so many bytes zero? */
static inline bool
omen_check_is_zero(const void *bytes, Size count)
{
	for (Size i = 0; i < count; i++)
	{
		if (((const char *) bytes)[i] != 0)
			return false;
	}
	return true;
}

/* The side list that a chunk is of. */
static inline OmenSide
omen_check_side(const OmenCheckChunk *chunk)
{
	return (OmenSide) (chunk->flags & (OMEN_CHUNK_NULL | OMEN_CHUNK_NAN));
}

/*
 * Has this node been linked?  Members of the flat list have not, nor has a
 * node of which the insert runs or was cut.
 */
static inline bool
omen_check_is_linked(uint8 flags)
{
	return (flags & (OMEN_SLOT_USED | OMEN_SLOT_LINKING | OMEN_SLOT_FLAT)) ==
		   OMEN_SLOT_USED;
}

#endif							/* OMEN_CHECK_H */
