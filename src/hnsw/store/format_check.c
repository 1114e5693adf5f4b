/*-------------------------------------------------------------------------
 *
 * format_check.c
 *	  Compile-time assertions of the on-disk format.
 *
 * Emits no code.  Whoever makes one of these fail has changed the format and
 * must raise OMEN_FORMAT_VERSION.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/format.h"
#include "hnsw/store/format_fields.h"

/* Each field is where the list says, and as large. */
#define ASSERT_FIELD(type, field, name, offset, bytes) \
	StaticAssertDecl(offsetof(type, field) == (offset) && \
						 sizeof(((type *) 0)->field) == (bytes), \
					 #type "." #field " has moved");

OMEN_SPECIAL_FIELDS(ASSERT_FIELD)
OMEN_META_FIELDS(ASSERT_FIELD)
OMEN_SLOT_FIELDS(ASSERT_FIELD)
OMEN_NODE_FIELDS(ASSERT_FIELD)
OMEN_UPPER_FIELDS(ASSERT_FIELD)
OMEN_CODE_FIELDS(ASSERT_FIELD)
OMEN_CHUNK_FIELDS(ASSERT_FIELD)
OMEN_PAYLOAD_FIELDS(ASSERT_FIELD)
OMEN_GROUP_FIELDS(ASSERT_FIELD)
OMEN_GROUP_PART_FIELDS(ASSERT_FIELD)
OMEN_DIRECTORY_FIELDS(ASSERT_FIELD)
OMEN_DIRECTORY_ENTRY_FIELDS(ASSERT_FIELD)

/* No struct has a field or a gap that its list does not have. */
#define ADD_BYTES(type, field, name, offset, bytes) +(bytes)
#define ASSERT_SIZE(type, size, fields) \
	StaticAssertDecl(sizeof(type) == (size) && (0 fields) == (size), \
					 #type " has changed");

ASSERT_SIZE(OmenPageOpaqueData, 24, OMEN_SPECIAL_FIELDS(ADD_BYTES))
ASSERT_SIZE(OmenMetaPageData, 200, OMEN_META_FIELDS(ADD_BYTES))
ASSERT_SIZE(OmenGraphData, 64, OMEN_GRAPH_FIELDS(ADD_BYTES))
ASSERT_SIZE(OmenSlotHeader, 24,
			OMEN_SLOT_FIELDS(ADD_BYTES) OMEN_NODE_FIELDS(ADD_BYTES))
ASSERT_SIZE(OmenSlotHeader, 24,
			OMEN_SLOT_FIELDS(ADD_BYTES) OMEN_UPPER_FIELDS(ADD_BYTES))
ASSERT_SIZE(OmenCodeHeader, 24, OMEN_CODE_FIELDS(ADD_BYTES))
ASSERT_SIZE(OmenPostingChunk, 72, OMEN_CHUNK_FIELDS(ADD_BYTES))
ASSERT_SIZE(OmenPayloadHeader, 16, OMEN_PAYLOAD_FIELDS(ADD_BYTES))
ASSERT_SIZE(OmenGroupRecord, 168, OMEN_GROUP_FIELDS(ADD_BYTES))
ASSERT_SIZE(OmenGroupKeyPart, 168, OMEN_GROUP_PART_FIELDS(ADD_BYTES))
ASSERT_SIZE(OmenDirectoryHeader, 16, OMEN_DIRECTORY_FIELDS(ADD_BYTES))
ASSERT_SIZE(OmenDirectoryEntry, 16, OMEN_DIRECTORY_ENTRY_FIELDS(ADD_BYTES))

StaticAssertDecl(sizeof(ItemPointerData) == 6, "heap TIDs have changed");
StaticAssertDecl(SizeOfPageHeaderData == 24 && OMEN_PAGE_START == 24,
				 "contents of pages have moved");
StaticAssertDecl(offsetof(OmenMetaPageData, graph) == 72,
				 "graph data has moved");

/* A special space of one cache line, at the end of any page. */
StaticAssertDecl(OMEN_PAGE_START + OMEN_PAGE_CAPACITY == BLCKSZ - 24,
				 "special space has moved");

/* Numbers and letters on disk. */
StaticAssertDecl(OMEN_PAGE_FREE == 0x00 && OMEN_PAGE_NODE == 0x10 &&
					 OMEN_PAGE_UPPER == 0x11 && OMEN_PAGE_POSTING == 0x12 &&
					 OMEN_PAGE_GROUP == 0x13 && OMEN_PAGE_PAYLOAD == 0x14 &&
					 OMEN_PAGE_MEAN == 0x15 && OMEN_PAGE_DIRECTORY == 0x16 &&
					 OMEN_PAGE_META == 0x1F,
				 "kinds of pages have changed");
StaticAssertDecl(OMEN_MODE_FLAT == 0 && OMEN_MODE_CONVERTING == 1 &&
					 OMEN_MODE_GRAPH == 2,
				 "modes have changed");
StaticAssertDecl(OMEN_METRIC_L2 == 0 && OMEN_METRIC_IP == 1 &&
					 OMEN_METRIC_COSINE == 2 && OMEN_METRIC_L1 == 3 &&
					 OMEN_METRIC_HAMMING == 4 && OMEN_METRIC_JACCARD == 5 &&
					 OMEN_METRIC_SKETCH_L2 == 6 && OMEN_METRIC_SKETCH_IP == 7 &&
					 OMEN_METRIC_SKETCH_COSINE == 8 &&
					 OMEN_METRIC_SKETCH_L1 == 9 && OMEN_METRICS == 10,
				 "metrics have changed");
StaticAssertDecl(OMEN_STORAGE_SQ8 == 0 && OMEN_STORAGE_FULL == 1 &&
					 OMEN_STORAGE_SQ4 == 2 && OMEN_STORAGE_SQ2 == 3 &&
					 OMEN_STORAGE_BITS == 4 && OMEN_STORAGES == 5,
				 "storages have changed");
StaticAssertDecl(OMEN_SLOT_USED == 0x01 && OMEN_SLOT_LINKING == 0x02 &&
					 OMEN_SLOT_CONDEMNED == 0x04 && OMEN_SLOT_FLAT == 0x08 &&
					 OMEN_SLOT_MIXED == 0x10 && OMEN_SLOT_RESERVED == 0x20,
				 "flags of slots have changed");
StaticAssertDecl(OMEN_GROUP_USED == 0x01 && OMEN_GROUP_KEY == 0x02 &&
					 OMEN_GROUP_LEAVING == 0x04,
				 "flags of groups have changed");
StaticAssertDecl(OMEN_CHUNK_NULL == 0x02 && OMEN_CHUNK_NAN == 0x04,
				 "flags of chunks have changed");
StaticAssertDecl(OMEN_TAG_VERSION == 0x7F && OMEN_TAG_PARENT == 0x80,
				 "tags of edges have changed");
StaticAssertDecl(OMEN_PAGE_LISTED == 0x01, "flags of pages have changed");
StaticAssertDecl(OMEN_MAGIC == 0x4E454D4F && OMEN_PAGE_ID == 0xFFB0,
				 "what tells our pages has changed");
