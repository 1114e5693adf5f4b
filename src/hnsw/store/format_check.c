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

#define ASSERT_FIELD(type, field, offset, bytes) \
	StaticAssertDecl(offsetof(type, field) == (offset) && \
						 sizeof(((type *) 0)->field) == (bytes), \
					 #type "." #field " has moved")

StaticAssertDecl(sizeof(OmenPageOpaqueData) == 16, "special space has changed");
ASSERT_FIELD(OmenPageOpaqueData, next, 0, 4);
ASSERT_FIELD(OmenPageOpaqueData, kind, 4, 1);
ASSERT_FIELD(OmenPageOpaqueData, flags, 5, 1);
ASSERT_FIELD(OmenPageOpaqueData, used, 6, 2);
ASSERT_FIELD(OmenPageOpaqueData, live, 8, 2);
ASSERT_FIELD(OmenPageOpaqueData, page_id, 14, 2);

StaticAssertDecl(sizeof(OmenCodeHeader) == 24, "code header has changed");
ASSERT_FIELD(OmenCodeHeader, offset, 0, 4);
ASSERT_FIELD(OmenCodeHeader, step, 4, 4);
ASSERT_FIELD(OmenCodeHeader, sum, 8, 4);
ASSERT_FIELD(OmenCodeHeader, sumsq, 12, 4);
ASSERT_FIELD(OmenCodeHeader, mean_dot, 16, 4);
ASSERT_FIELD(OmenCodeHeader, error, 20, 4);

StaticAssertDecl(sizeof(OmenSlotHeader) == 48, "slot header has changed");
ASSERT_FIELD(OmenSlotHeader, flags, 0, 1);
ASSERT_FIELD(OmenSlotHeader, level, 1, 1);
ASSERT_FIELD(OmenSlotHeader, version, 2, 2);
ASSERT_FIELD(OmenSlotHeader, degree, 4, 2);
ASSERT_FIELD(OmenSlotHeader, epoch, 6, 2);
ASSERT_FIELD(OmenSlotHeader, u.node.heaptid, 8, 6);
ASSERT_FIELD(OmenSlotHeader, u.node.key_nulls, 14, 2);
ASSERT_FIELD(OmenSlotHeader, u.node.posting, 16, 4);
ASSERT_FIELD(OmenSlotHeader, u.upper.node, 8, 4);
ASSERT_FIELD(OmenSlotHeader, u.upper.down, 12, 4);
ASSERT_FIELD(OmenSlotHeader, u.upper.node_version, 16, 2);
ASSERT_FIELD(OmenSlotHeader, u.upper.down_version, 18, 2);
ASSERT_FIELD(OmenSlotHeader, payload, 20, 4);
ASSERT_FIELD(OmenSlotHeader, code, 24, 24);

StaticAssertDecl(sizeof(OmenPostingChunk) == 72, "posting chunk has changed");
ASSERT_FIELD(OmenPostingChunk, owner_version, 4, 2);
ASSERT_FIELD(OmenPostingChunk, flags, 6, 1);
ASSERT_FIELD(OmenPostingChunk, count, 7, 1);
ASSERT_FIELD(OmenPostingChunk, next, 8, 4);
ASSERT_FIELD(OmenPostingChunk, tids, 12, 60);

StaticAssertDecl(sizeof(OmenPayloadHeader) == 16, "payload header has changed");
ASSERT_FIELD(OmenPayloadHeader, owner_version, 4, 2);
ASSERT_FIELD(OmenPayloadHeader, part, 6, 2);
ASSERT_FIELD(OmenPayloadHeader, bytes, 8, 4);

StaticAssertDecl(sizeof(OmenGraphData) == 64, "graph data has changed");
ASSERT_FIELD(OmenGraphData, root, 0, 4);
ASSERT_FIELD(OmenGraphData, entry, 4, 4);
ASSERT_FIELD(OmenGraphData, root_version, 8, 2);
ASSERT_FIELD(OmenGraphData, entry_version, 10, 2);
ASSERT_FIELD(OmenGraphData, entry_level, 12, 2);
ASSERT_FIELD(OmenGraphData, epoch, 14, 2);
ASSERT_FIELD(OmenGraphData, mean, 16, 4);
ASSERT_FIELD(OmenGraphData, side_null, 20, 4);
ASSERT_FIELD(OmenGraphData, side_nan, 24, 4);
ASSERT_FIELD(OmenGraphData, radius, 28, 4);
ASSERT_FIELD(OmenGraphData, node_limit, 32, 8);
ASSERT_FIELD(OmenGraphData, vacuum_nodes, 40, 8);
ASSERT_FIELD(OmenGraphData, vacuum_dead, 48, 8);
ASSERT_FIELD(OmenGraphData, mode, 56, 1);

StaticAssertDecl(sizeof(OmenMetaPageData) == 120, "metapage has changed");
ASSERT_FIELD(OmenMetaPageData, dims, 8, 4);
ASSERT_FIELD(OmenMetaPageData, m, 12, 2);
ASSERT_FIELD(OmenMetaPageData, metric, 16, 1);
ASSERT_FIELD(OmenMetaPageData, key_bytes, 20, 2);
ASSERT_FIELD(OmenMetaPageData, seed, 24, 8);
ASSERT_FIELD(OmenMetaPageData, node_stride, 32, 4);
ASSERT_FIELD(OmenMetaPageData, upper_stride, 36, 4);
ASSERT_FIELD(OmenMetaPageData, room, 40, 16);
ASSERT_FIELD(OmenMetaPageData, graph, 56, 64);
