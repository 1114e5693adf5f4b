/*-------------------------------------------------------------------------
 *
 * format.h
 *	  The on-disk format of an omen_hnsw index, byte by byte.
 *
 * An index is one relation fork of standard pages.  Block 0 is the metapage;
 * every other block is of the kind that its special space names.  All
 * integers are in the byte order of the machine, as everywhere in PostgreSQL.
 * Sizes and offsets are asserted in format_check.c.
 *
 * A page of 8 kB, here one of slots (NODE, UPPER or POSTING):
 *
 *	     0	+---------------------------------------------------+
 *			|  PageHeaderData                                   |
 *	    24	+---------------------------------------------------+
 *			|  slot 0  |  slot 1  |  ...  |  slot (used - 1)    |
 *			+---------------------------------------------------+ pd_lower
 *			|  zeros                                            |
 *	  8168	+---------------------------------------------------+ pd_upper,
 *			|  OmenPageOpaqueData (special space; see page.h)   | pd_special
 *	  8192	+---------------------------------------------------+
 *
 * pd_lower is the end of the last slot ever handed out.  What stands in place
 * of the slots on pages of other kinds, up to pd_lower:
 *
 *	  META		OmenMetaPageData
 *	  NODE		slots of layout->node.stride bytes: one node of layer 0 each
 *	  UPPER		slots of layout->upper.stride bytes: one node in one layer >= 1
 *	  POSTING	OmenPostingChunk slots: further heap TIDs of a node
 *	  PAYLOAD	OmenPayloadHeader, then bytes of a code too large for a slot
 *	  MEAN		OmenPayloadHeader, then bytes of the quantizer's mean
 *	  GROUP		OmenGroupRecord slots: what is kept of one group of rows
 *	  DIRECTORY	OmenDirectoryHeader, then OmenDirectoryEntry items
 *	  FREE		nothing
 *
 * Slot ids: block * slots_per_page + slot, 32 bits, never reused for another
 * kind: NODE and UPPER pages keep their kind for the life of the index, so
 * that a slot's version outlives the slot's use and a stale edge is seen.
 *
 * Node slot (stride fixed per index, a slot never spans pages):
 *
 *	  OFFSET			SIZE			DESCRIPTION
 *	  0					24				OmenSlotHeader
 *	  24				header bytes	header of the code, as long as its kind
 *										needs, or none (OmenCodec)
 *	  code_offset		code_bytes		code, absent when it lies out of line
 *										zeros up to a multiple of 8
 *	  group_offset		8				in an index of groups: id of the group,
 *										4 bytes, and 4 of zeros; else absent
 *	  keys_offset		key_bytes		filter keys of the node's rows: 64-bit
 *										words, see hnsw/keys/keys.h
 *	  edges_offset		edge_bytes		edges, each with the id of the neighbor
 *										and a tag: low 7 bits of its slot's
 *										version, and OMEN_TAG_PARENT
 *										zeros up to a multiple of 8: the stride
 *
 * capacity is 2 * m in layer 0 and m above.  An upper slot is laid out alike,
 * without keys; edges there are ids of upper slots of the same layer.  Edges
 * are packed (edge_code.c), into 2 to 3 bytes each of a room that a million
 * slots ask for, and what else a page has to give; before version 4 they stood
 * as 4 * capacity bytes of ids and 1 * capacity of tags.  A slot that is not in
 * use is all zeros but for its version.  What stands in the room for edges
 * beyond them says nothing, but for the first 4 bytes of a member of the flat
 * list whose code lies out of line: a hash of the code, or 0.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FORMAT_H
#define OMEN_FORMAT_H

#include "postgres.h"

#include "page/page.h"
#include "quantize/codes.h"
#include "storage/block.h"
#include "storage/itemptr.h"

#define OMEN_MAGIC 0x4E454D4F	/* "OMEN" in little-endian byte order */

/*
 * The version that is written, and the oldest that is read: 2 had no
 * value_dims, which were dims, and edges were not packed before 4.
 */
#define OMEN_FORMAT_VERSION 4
#define OMEN_OLDEST_FORMAT_VERSION 2
#define OMEN_PACKED_VERSION 4

#define OMEN_META_BLOCK ((BlockNumber) 0)

/* An id that is no slot's, and the largest that is one. */
#define OMEN_INVALID_ID ((uint32) 0xFFFFFFFF)
#define OMEN_MAX_ID ((uint32) 0xFFFFFFF0)

/* What m may be; layer 0 has room for 2 * m edges of a node. */
#define OMEN_MIN_M 2
#define OMEN_MAX_M 100

/* Highest layer that a node may have. */
#define OMEN_MAX_LEVEL 15

/*
 * Kinds of pages; see page.h for the range.  Gaps are for kinds to come.
 */
typedef enum OmenPageKind
{
	OMEN_PAGE_FREE = OMEN_KIND_FREE,
	OMEN_PAGE_NODE = 0x10,
	OMEN_PAGE_UPPER = 0x11,
	OMEN_PAGE_POSTING = 0x12,
	OMEN_PAGE_GROUP = 0x13,
	OMEN_PAGE_PAYLOAD = 0x14,
	OMEN_PAGE_MEAN = 0x15,
	OMEN_PAGE_DIRECTORY = 0x16,
	OMEN_PAGE_META = 0x1F
} OmenPageKind;

#define OMEN_MAX_PAGE_KIND OMEN_PAGE_META

/* The lists of pages with room that the metapage heads, by place in room[]. */
typedef enum OmenPageList
{
	OMEN_LIST_FREE = 0,
	OMEN_LIST_NODE = 1,
	OMEN_LIST_UPPER = 2,
	OMEN_LIST_POSTING = 3
} OmenPageList;

#define OMEN_PAGE_LISTS 4

/*
 * Slot header, of nodes and of upper slots.  The fields up to epoch and from
 * payload on stand at the same place in both.
 *
 *	  OFFSET	SIZE	DESCRIPTION
 *	  0			1		flags: OMEN_SLOT_*; 0 = slot not in use
 *	  1			1		level: node: its top layer; upper slot: its layer
 *	  2			2		version: bumped when the slot is freed
 *	  4			2		degree: edges in use, from the front
 *	  6			2		epoch: of the quantizer that made the code
 *	  8			6		node: heap TID, invalid when there is none here
 *	  14		2		node: bit n: the key of column n + 2 is NULL
 *	  16		4		node: id of the first posting chunk, or OMEN_INVALID_ID
 *	  8			4		upper slot: id of its node
 *	  12		4		upper slot: id of its slot one layer below, or
 *						OMEN_INVALID_ID in layer 1
 *	  16		2		upper slot: version of its node
 *	  18		2		upper slot: version of the slot one layer below
 *	  20		4		payload: first block of the code out of line (of its
 *						node, for an upper slot), or InvalidBlockNumber
 */
typedef struct OmenSlotHeader
{
	uint8		flags;
	uint8		level;
	uint16		version;
	uint16		degree;
	uint16		epoch;
	union
	{
		struct
		{
			ItemPointerData heaptid;
			uint16		key_nulls;
			uint32		posting;
		}			node;
		struct
		{
			uint32		node;
			uint32		down;
			uint16		node_version;
			uint16		down_version;
		}			upper;
	}			u;
	BlockNumber payload;
} OmenSlotHeader;

#define OMEN_SLOT_USED 0x01
/* Not linked yet: its insert runs, or was cut by an error or a crash. */
#define OMEN_SLOT_LINKING 0x02
/* About to be freed by VACUUM: still navigable, takes no edge and no TID. */
#define OMEN_SLOT_CONDEMNED 0x04
/* Member of the flat list that a small index is: has no edges. */
#define OMEN_SLOT_FLAT 0x08
/* Stands for rows of different filter keys, so that its keys say nothing. */
#define OMEN_SLOT_MIXED 0x10
/*
 * Not in use, but kept for a node of the group that it names: nothing else is
 * set.  In an index of groups, on pages that several groups share.
 */
#define OMEN_SLOT_RESERVED 0x20

/*
 * Columns after the vector's, one a bit of key_nulls, and bytes of their keys.
 */
#define OMEN_MAX_KEYS 16
#define OMEN_MAX_KEY_WORDS (4 * OMEN_MAX_KEYS)
#define OMEN_MAX_KEY_BYTES (8 * OMEN_MAX_KEY_WORDS)

/* Edge tags. */
#define OMEN_TAG_VERSION 0x7F	/* low bits of the target's slot version */
#define OMEN_TAG_PARENT 0x80 /* this edge is what keeps the target reachable */

#define OmenVersionTag(version) ((uint8) ((version) &OMEN_TAG_VERSION))

/*
 * Posting chunk: heap TIDs of a node beyond the one in its slot, or of a side
 * list.  Chunks form a chain; chunk ids are block * OMEN_CHUNKS_PER_PAGE +
 * slot.
 *
 *	  OFFSET	SIZE	DESCRIPTION
 *	  0			4		owner: node id; or for a side list the group's, 0 in
 *						an index without groups
 *	  4			2		owner_version: of the node's slot, or the group's
 *	  6			1		flags: OMEN_SLOT_USED, and for a side list which one
 *						(OMEN_CHUNK_*); or 0 = free
 *	  7			1		count: TIDs in use, from the front
 *	  8			4		next: id of the next chunk, or OMEN_INVALID_ID
 *	  12		60		tids
 */
#define OMEN_CHUNK_NULL 0x02	/* of the rows whose vector is NULL */
#define OMEN_CHUNK_NAN 0x04		/* of the rows without a direction */

#define OMEN_CHUNK_TIDS 10

typedef struct OmenPostingChunk
{
	uint32		owner;
	uint16		owner_version;
	uint8		flags;
	uint8		count;
	uint32		next;
	ItemPointerData tids[OMEN_CHUNK_TIDS];
} OmenPostingChunk;

#define OMEN_CHUNKS_PER_PAGE \
	((uint32) (OMEN_PAGE_CAPACITY / sizeof(OmenPostingChunk)))

/*
 * What a PAYLOAD or MEAN page starts with.  The parts are chained by the
 * special space's next.
 *
 *	  OFFSET	SIZE	DESCRIPTION
 *	  0			4		owner: node id, or 0 for a mean
 *	  4			2		owner_version: of the node's slot; the epoch of a mean
 *	  6			2		part: 0, 1, ...
 *	  8			4		bytes: used on this page
 *	  12		4		reserved, 0
 */
typedef struct OmenPayloadHeader
{
	uint32		owner;
	uint16		owner_version;
	uint16		part;
	uint32		bytes;
	uint32		reserved;
} OmenPayloadHeader;

#define OMEN_PAYLOAD_BYTES \
	((uint32) (OMEN_PAGE_CAPACITY - sizeof(OmenPayloadHeader)))

/* What an index is at the moment. */
typedef enum OmenMode
{
	OMEN_MODE_FLAT = 0,			/* a list of nodes without edges */
	OMEN_MODE_CONVERTING = 1,	/* the list is being linked */
	OMEN_MODE_GRAPH = 2
} OmenMode;

/*
 * One graph, or the flat list that it was made from or will be.
 *
 *	  OFFSET	SIZE	DESCRIPTION
 *	  0			4		root: node from which layer 0 is reachable
 *	  4			4		entry: upper slot where a search starts, or
 *						OMEN_INVALID_ID (start at the root)
 *	  8			2		root_version
 *	  10		2		entry_version
 *	  12		2		entry_level: layer of the entry point
 *	  14		2		epoch: of the quantizer, 0 = mean of zero
 *	  16		4		mean: first block of the mean, or InvalidBlockNumber
 *	  20		4		side_null: first chunk of the rows whose vector is NULL
 *	  24		4		side_nan: first chunk of the rows without a direction
 *	  28		4		radius: of the sphere that inner product is linked on,
 *						the norm of the longest vector at the build; else 0
 *	  32		8		node_limit: no more nodes than this have a row
 *	  40		8		vacuum_nodes: nodes with rows, counted by the last
 *						VACUUM that removed rows; else 0
 *	  48		8		vacuum_dead: nodes without rows, likewise
 *	  56		1		mode: OmenMode
 *	  57		7		reserved, 0
 */
typedef struct OmenGraphData
{
	uint32		root;
	uint32		entry;
	uint16		root_version;
	uint16		entry_version;
	uint16		entry_level;
	uint16		epoch;
	BlockNumber mean;
	uint32		side_null;
	uint32		side_nan;
	float		radius;
	uint64		node_limit;
	uint64		vacuum_nodes;
	uint64		vacuum_dead;
	uint8		mode;
	uint8		reserved[7];
} OmenGraphData;

/*
 * Groups: the rows of an index that have the same values in the columns before
 * the vector's.  Each is a graph, or a list, of its own.
 *
 * What is kept of one: a slot of a GROUP page, whose id is the group's.  Slots
 * do not move.
 *
 *	  OFFSET	SIZE	DESCRIPTION
 *	  0			1		flags: OMEN_GROUP_*; 0 = slot not in use
 *	  1			1		nulls: bit n: column n + 1 is NULL
 *	  2			2		version: bumped when the slot is freed
 *	  4			2		key_bytes: of the key
 *	  6			2		key_sum: omen_group_key_sum(), of the key
 *	  8			8		hash: of the key
 *	  16		64		graph: OmenGraphData; epoch and mean are the index's
 *	  80		4		chain: first NODE page that is the group's own
 *	  84		4		upper_chain: the same of UPPER pages
 *	  88		4		room_node: first own NODE page with room
 *	  92		4		room_upper: the same of UPPER pages
 *	  96		32		blocks[8]: pages shared with other groups on which it
 *						has, or had, slots; then InvalidBlockNumber
 *	  128		4		more: slot with what does not fit of the key, or
 *						OMEN_INVALID_ID
 *	  132		36		key: its first bytes (keys/prefix.h), then zeros
 */
#define OMEN_GROUP_USED 0x01
/* Not a group, but an OmenGroupKeyPart. */
#define OMEN_GROUP_KEY 0x02
/* It has no rows, gets none any more, and is being taken apart. */
#define OMEN_GROUP_LEAVING 0x04

/* Of a group's id in a slot, with zeros up to a multiple of 8. */
#define OMEN_GROUP_WORD_BYTES 8

#define OMEN_GROUP_BLOCKS 8
#define OMEN_GROUP_KEY_BYTES 36

typedef struct OmenGroupRecord
{
	uint8		flags;
	uint8		nulls;
	uint16		version;
	uint16		key_bytes;
	uint16		key_sum;
	uint64		hash;
	OmenGraphData graph;
	BlockNumber chain;
	BlockNumber upper_chain;
	BlockNumber room_node;
	BlockNumber room_upper;
	BlockNumber blocks[OMEN_GROUP_BLOCKS];
	uint32		more;
	uint8		key[OMEN_GROUP_KEY_BYTES];
} OmenGroupRecord;

/*
 * A slot of a GROUP page that goes on with a key.
 *
 *	  OFFSET	SIZE	DESCRIPTION
 *	  0			1		flags: OMEN_GROUP_KEY
 *	  1			1		reserved1, 0
 *	  2			2		version
 *	  4			2		bytes: of the key that stand here
 *	  6			2		reserved2, 0
 *	  8			4		more: the next such slot, or OMEN_INVALID_ID
 *	  12		156		key
 */
#define OMEN_GROUP_PART_BYTES 156

typedef struct OmenGroupKeyPart
{
	uint8		flags;
	uint8		reserved1;
	uint16		version;
	uint16		bytes;
	uint16		reserved2;
	uint32		more;
	uint8		key[OMEN_GROUP_PART_BYTES];
} OmenGroupKeyPart;

#define OMEN_GROUPS_PER_PAGE \
	((uint32) (OMEN_PAGE_CAPACITY / sizeof(OmenGroupRecord)))

/* What leading columns there may be, and how long their key. */
#define OMEN_MAX_LEADING 4
#define OMEN_MAX_GROUP_KEY 2000

/*
 * Directory: a B-link tree (P. Lehman and S. Yao, "Efficient locking for
 * concurrent operations on B-trees", 1981) of the groups, by (hash, id).  The
 * special space's next is the page to the right, and used the entries.
 *
 * Header of a page:
 *
 *	  OFFSET	SIZE	DESCRIPTION
 *	  0			8		high_hash: all entries here and below are less than
 *	  8			4		high_group	(high_hash, high_group), if there is a page
 *						to the right; else 0
 *	  12		2		level: 0 for a leaf
 *	  14		2		reserved, 0
 *
 * Entry, sorted by (hash, group):
 *
 *	  0			8		hash
 *	  8			4		group: id
 *	  12		4		link: version of the group; or above the leaves the
 *						page with entries from (hash, group) on
 */
typedef struct OmenDirectoryHeader
{
	uint64		high_hash;
	uint32		high_group;
	uint16		level;
	uint16		reserved;
} OmenDirectoryHeader;

typedef struct OmenDirectoryEntry
{
	uint64		hash;
	uint32		group;
	uint32		link;
} OmenDirectoryEntry;

#define OMEN_DIRECTORY_ENTRIES \
	((uint32) ((OMEN_PAGE_CAPACITY - sizeof(OmenDirectoryHeader)) / \
			   sizeof(OmenDirectoryEntry)))

/* A directory of more levels is a damaged one. */
#define OMEN_DIRECTORY_MAX_LEVEL 16

/*
 * Metapage.
 *
 * The version stands twice, plain and complemented, so that a version of a
 * later omendb can be told from damage.  Magic number, version, and complement
 * stand where they do in every version from 2 on.
 *
 *	  OFFSET	SIZE	DESCRIPTION
 *	  0			4		magic: OMEN_MAGIC
 *	  4			4		version: OMEN_FORMAT_VERSION
 *	  8			4		version_complement: ~version
 *	  12		2		encoder: OMEN_ENCODER_VERSION, of what made the codes
 *	  14		2		key_bytes: filter keys in a slot, 8 a word
 *	  16		4		dims: coordinates of every code in the index
 *	  20		2		m
 *	  22		2		ef_construction at the time of the build
 *	  24		8		seed: of the rotation and of the levels
 *	  32		1		metric: OmenMetric
 *	  33		1		storage: OmenStorage
 *	  34		1		layout: 0 (one node a slot, own code, no neighbor codes)
 *	  35		1		reserved1, 0
 *	  36		2		reserved2, 0
 *	  38		2		second_epoch: for a second mean, 0
 *	  40		4		second_mean: its first block, InvalidBlockNumber
 *	  44		4		calibration: first block of one, InvalidBlockNumber
 *	  48		4		node_stride, for a check against this code's layout
 *	  52		4		upper_stride, likewise
 *	  56		16		room[4]: first page with room, by OmenPageList
 *	  72		64		graph: OmenGraphData
 *	  136		4		value_dims: dimensions of every value; dims are those
 *						of what a code is of; 0 in version 2
 *	  140		1		leading: columns before the vector's, which make the
 *						groups of an index; 0: it has none, and what follows
 *						is 0
 *	  141		3		reserved3, 0
 *	  144		4		directory: root page, or InvalidBlockNumber
 *	  148		4		room_group: first GROUP page with room
 *	  152		48		reserved4, 0
 */
typedef struct OmenMetaPageData
{
	uint32		magic;
	uint32		version;
	uint32		version_complement;
	uint16		encoder;
	uint16		key_bytes;
	uint32		dims;
	uint16		m;
	uint16		ef_construction;
	uint64		seed;
	uint8		metric;
	uint8		storage;
	uint8		layout;
	uint8		reserved1;
	uint16		reserved2;
	uint16		second_epoch;
	BlockNumber second_mean;
	BlockNumber calibration;
	uint32		node_stride;
	uint32		upper_stride;
	BlockNumber room[OMEN_PAGE_LISTS];
	OmenGraphData graph;
	uint32		value_dims;
	uint8		leading;
	uint8		reserved3[3];
	BlockNumber directory;
	BlockNumber room_group;
	uint8		reserved4[48];
} OmenMetaPageData;

#define OmenPageGetMeta(page) ((OmenMetaPageData *) PageGetContents(page))

#endif							/* OMEN_FORMAT_H */
