/*-------------------------------------------------------------------------
 *
 * format_fields.h
 *	  Every field on disk, with its offset and its size, as lists for the
 *	  preprocessor.
 *
 * FIELD(type, field, name, offset, bytes) is whatever the includer makes of it:
 * format_check.c an assertion, test/unit/print_format.c a line for the tests.
 * name is what the tests call it.  Each list is complete: its bytes add up to
 * the struct's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FORMAT_FIELDS_H
#define OMEN_FORMAT_FIELDS_H

#define OMEN_SPECIAL_FIELDS(FIELD) \
	FIELD(OmenPageOpaqueData, next, NEXT, 0, 4) \
	FIELD(OmenPageOpaqueData, block, BLOCK, 4, 4) \
	FIELD(OmenPageOpaqueData, owner, OWNER, 8, 4) \
	FIELD(OmenPageOpaqueData, chain, CHAIN, 12, 4) \
	FIELD(OmenPageOpaqueData, kind, KIND, 16, 1) \
	FIELD(OmenPageOpaqueData, flags, FLAGS, 17, 1) \
	FIELD(OmenPageOpaqueData, used, USED, 18, 2) \
	FIELD(OmenPageOpaqueData, live, LIVE, 20, 2) \
	FIELD(OmenPageOpaqueData, page_id, ID, 22, 2)

#define OMEN_META_FIELDS(FIELD) \
	FIELD(OmenMetaPageData, magic, MAGIC, 0, 4) \
	FIELD(OmenMetaPageData, version, VERSION, 4, 4) \
	FIELD(OmenMetaPageData, version_complement, VERSION_COMPLEMENT, 8, 4) \
	FIELD(OmenMetaPageData, encoder, ENCODER, 12, 2) \
	FIELD(OmenMetaPageData, key_bytes, KEY_BYTES, 14, 2) \
	FIELD(OmenMetaPageData, dims, DIMS, 16, 4) \
	FIELD(OmenMetaPageData, m, M, 20, 2) \
	FIELD(OmenMetaPageData, ef_construction, EF_CONSTRUCTION, 22, 2) \
	FIELD(OmenMetaPageData, seed, SEED, 24, 8) \
	FIELD(OmenMetaPageData, metric, METRIC, 32, 1) \
	FIELD(OmenMetaPageData, storage, STORAGE, 33, 1) \
	FIELD(OmenMetaPageData, layout, LAYOUT, 34, 1) \
	FIELD(OmenMetaPageData, reserved1, RESERVED1, 35, 1) \
	FIELD(OmenMetaPageData, reserved2, RESERVED2, 36, 2) \
	FIELD(OmenMetaPageData, second_epoch, SECOND_EPOCH, 38, 2) \
	FIELD(OmenMetaPageData, second_mean, SECOND_MEAN, 40, 4) \
	FIELD(OmenMetaPageData, calibration, CALIBRATION, 44, 4) \
	FIELD(OmenMetaPageData, node_stride, NODE_STRIDE, 48, 4) \
	FIELD(OmenMetaPageData, upper_stride, UPPER_STRIDE, 52, 4) \
	FIELD(OmenMetaPageData, room[OMEN_LIST_FREE], ROOM_FREE, 56, 4) \
	FIELD(OmenMetaPageData, room[OMEN_LIST_NODE], ROOM_NODE, 60, 4) \
	FIELD(OmenMetaPageData, room[OMEN_LIST_UPPER], ROOM_UPPER, 64, 4) \
	FIELD(OmenMetaPageData, room[OMEN_LIST_POSTING], ROOM_POSTING, 68, 4) \
	OMEN_GRAPH_FIELDS(FIELD) \
	FIELD(OmenMetaPageData, value_dims, VALUE_DIMS, 136, 4) \
	FIELD(OmenMetaPageData, leading, LEADING, 140, 1) \
	FIELD(OmenMetaPageData, reserved3, RESERVED3, 141, 3) \
	FIELD(OmenMetaPageData, directory, DIRECTORY, 144, 4) \
	FIELD(OmenMetaPageData, room_group, ROOM_GROUP, 148, 4) \
	FIELD(OmenMetaPageData, reserved4, RESERVED4, 152, 48)

#define OMEN_GRAPH_FIELDS(FIELD) \
	FIELD(OmenMetaPageData, graph.root, ROOT, 72 + 0, 4) \
	FIELD(OmenMetaPageData, graph.entry, ENTRY, 72 + 4, 4) \
	FIELD(OmenMetaPageData, graph.root_version, ROOT_VERSION, 72 + 8, 2) \
	FIELD(OmenMetaPageData, graph.entry_version, ENTRY_VERSION, 72 + 10, 2) \
	FIELD(OmenMetaPageData, graph.entry_level, ENTRY_LEVEL, 72 + 12, 2) \
	FIELD(OmenMetaPageData, graph.epoch, EPOCH, 72 + 14, 2) \
	FIELD(OmenMetaPageData, graph.mean, MEAN, 72 + 16, 4) \
	FIELD(OmenMetaPageData, graph.side_null, SIDE_NULL, 72 + 20, 4) \
	FIELD(OmenMetaPageData, graph.side_nan, SIDE_NAN, 72 + 24, 4) \
	FIELD(OmenMetaPageData, graph.radius, RADIUS, 72 + 28, 4) \
	FIELD(OmenMetaPageData, graph.node_limit, NODE_LIMIT, 72 + 32, 8) \
	FIELD(OmenMetaPageData, graph.vacuum_nodes, VACUUM_NODES, 72 + 40, 8) \
	FIELD(OmenMetaPageData, graph.vacuum_dead, VACUUM_DEAD, 72 + 48, 8) \
	FIELD(OmenMetaPageData, graph.mode, MODE, 72 + 56, 1) \
	FIELD(OmenMetaPageData, graph.reserved, RESERVED, 72 + 57, 7)

/* A slot's header, where nodes and upper slots agree. */
#define OMEN_SLOT_FIELDS(FIELD) \
	FIELD(OmenSlotHeader, flags, FLAGS, 0, 1) \
	FIELD(OmenSlotHeader, level, LEVEL, 1, 1) \
	FIELD(OmenSlotHeader, version, VERSION, 2, 2) \
	FIELD(OmenSlotHeader, degree, DEGREE, 4, 2) \
	FIELD(OmenSlotHeader, epoch, EPOCH, 6, 2) \
	FIELD(OmenSlotHeader, payload, PAYLOAD, 20, 4)

/* Where they do not. */
#define OMEN_NODE_FIELDS(FIELD) \
	FIELD(OmenSlotHeader, u.node.heaptid, TID, 8, 6) \
	FIELD(OmenSlotHeader, u.node.key_nulls, KEY_NULLS, 14, 2) \
	FIELD(OmenSlotHeader, u.node.posting, POSTING, 16, 4)

#define OMEN_UPPER_FIELDS(FIELD) \
	FIELD(OmenSlotHeader, u.upper.node, NODE, 8, 4) \
	FIELD(OmenSlotHeader, u.upper.down, DOWN, 12, 4) \
	FIELD(OmenSlotHeader, u.upper.node_version, NODE_VERSION, 16, 2) \
	FIELD(OmenSlotHeader, u.upper.down_version, DOWN_VERSION, 18, 2)

/* Behind a slot's header. */
#define OMEN_CODE_FIELDS(FIELD) \
	FIELD(OmenCodeHeader, offset, OFFSET, 0, 4) \
	FIELD(OmenCodeHeader, step, STEP, 4, 4) \
	FIELD(OmenCodeHeader, sum, SUM, 8, 4) \
	FIELD(OmenCodeHeader, sumsq, SUMSQ, 12, 4) \
	FIELD(OmenCodeHeader, mean_dot, MEAN_DOT, 16, 4) \
	FIELD(OmenCodeHeader, error, ERROR_BOUND, 20, 4)

#define OMEN_CHUNK_FIELDS(FIELD) \
	FIELD(OmenPostingChunk, owner, OWNER, 0, 4) \
	FIELD(OmenPostingChunk, owner_version, OWNER_VERSION, 4, 2) \
	FIELD(OmenPostingChunk, flags, FLAGS, 6, 1) \
	FIELD(OmenPostingChunk, count, COUNT, 7, 1) \
	FIELD(OmenPostingChunk, next, NEXT, 8, 4) \
	FIELD(OmenPostingChunk, tids, TIDS, 12, 60)

#define OMEN_PAYLOAD_FIELDS(FIELD) \
	FIELD(OmenPayloadHeader, owner, OWNER, 0, 4) \
	FIELD(OmenPayloadHeader, owner_version, OWNER_VERSION, 4, 2) \
	FIELD(OmenPayloadHeader, part, PART, 6, 2) \
	FIELD(OmenPayloadHeader, bytes, BYTES, 8, 4) \
	FIELD(OmenPayloadHeader, reserved, RESERVED, 12, 4)

#define OMEN_GROUP_FIELDS(FIELD) \
	FIELD(OmenGroupRecord, flags, FLAGS, 0, 1) \
	FIELD(OmenGroupRecord, nulls, NULLS, 1, 1) \
	FIELD(OmenGroupRecord, version, VERSION, 2, 2) \
	FIELD(OmenGroupRecord, key_bytes, KEY_BYTES, 4, 2) \
	FIELD(OmenGroupRecord, key_sum, KEY_SUM, 6, 2) \
	FIELD(OmenGroupRecord, hash, HASH, 8, 8) \
	FIELD(OmenGroupRecord, graph, GRAPH, 16, 64) \
	FIELD(OmenGroupRecord, chain, CHAIN, 80, 4) \
	FIELD(OmenGroupRecord, upper_chain, UPPER_CHAIN, 84, 4) \
	FIELD(OmenGroupRecord, room_node, ROOM_NODE, 88, 4) \
	FIELD(OmenGroupRecord, room_upper, ROOM_UPPER, 92, 4) \
	FIELD(OmenGroupRecord, blocks, BLOCKS, 96, 32) \
	FIELD(OmenGroupRecord, more, MORE, 128, 4) \
	FIELD(OmenGroupRecord, key, KEY, 132, 36)

#define OMEN_GROUP_PART_FIELDS(FIELD) \
	FIELD(OmenGroupKeyPart, flags, FLAGS, 0, 1) \
	FIELD(OmenGroupKeyPart, reserved1, RESERVED1, 1, 1) \
	FIELD(OmenGroupKeyPart, version, VERSION, 2, 2) \
	FIELD(OmenGroupKeyPart, bytes, BYTES, 4, 2) \
	FIELD(OmenGroupKeyPart, reserved2, RESERVED2, 6, 2) \
	FIELD(OmenGroupKeyPart, more, MORE, 8, 4) \
	FIELD(OmenGroupKeyPart, key, KEY, 12, 156)

#define OMEN_DIRECTORY_FIELDS(FIELD) \
	FIELD(OmenDirectoryHeader, high_hash, HIGH_HASH, 0, 8) \
	FIELD(OmenDirectoryHeader, high_group, HIGH_GROUP, 8, 4) \
	FIELD(OmenDirectoryHeader, level, LEVEL, 12, 2) \
	FIELD(OmenDirectoryHeader, reserved, RESERVED, 14, 2)

#define OMEN_DIRECTORY_ENTRY_FIELDS(FIELD) \
	FIELD(OmenDirectoryEntry, hash, HASH, 0, 8) \
	FIELD(OmenDirectoryEntry, group, GROUP, 8, 4) \
	FIELD(OmenDirectoryEntry, link, LINK, 12, 4)

#endif							/* OMEN_FORMAT_FIELDS_H */
