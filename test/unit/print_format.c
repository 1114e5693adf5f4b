/*
 * print_format.c
 *		Say where everything is on the pages of an index.
 *
 * Purpose: tests that look at pages, or damage them, take offsets from here
 * (test/perl/OmenFormat.pm), so that they stand in src/hnsw/store alone.  Each
 * line is a name and a value; of a field also its size.  Offsets of the
 * metapage, of payload and of page headers and special spaces are from the start
 * of a page, those of slots and chunks from the start of these.
 *
 * Includes the server's headers, and must not need anything of the server to
 * link.
 */
#include "postgres.h"

#include <stdio.h>

#include "hnsw/store/format.h"
#include "hnsw/store/format_fields.h"

/* src/port makes these its own */
#undef printf

#define PRINT(name, value) printf("%s %lu\n", name, (unsigned long) (value))

#define PRINT_FIELD(prefix, start, type, field, name, bytes) \
	printf("%s_%s %lu %d\n", prefix, #name, \
		   (unsigned long) ((start) + offsetof(type, field)), bytes);

/* Where the special space is, and the code's header in a slot. */
#define SPECIAL (OMEN_PAGE_START + OMEN_PAGE_CAPACITY)
#define CODE_HEADER sizeof(OmenSlotHeader)

#define PRINT_SPECIAL(type, field, name, offset, bytes) \
	PRINT_FIELD("PAGE", SPECIAL, type, field, name, bytes)
#define PRINT_META(type, field, name, offset, bytes) \
	PRINT_FIELD("META", OMEN_PAGE_START, type, field, name, bytes)
#define PRINT_PAYLOAD(type, field, name, offset, bytes) \
	PRINT_FIELD("PAYLOAD", OMEN_PAGE_START, type, field, name, bytes)
#define PRINT_SLOT(type, field, name, offset, bytes) \
	PRINT_FIELD("SLOT", 0, type, field, name, bytes)
#define PRINT_NODE(type, field, name, offset, bytes) \
	PRINT_FIELD("NODE", 0, type, field, name, bytes)
#define PRINT_UPPER(type, field, name, offset, bytes) \
	PRINT_FIELD("UPPER", 0, type, field, name, bytes)
#define PRINT_CODE(type, field, name, offset, bytes) \
	PRINT_FIELD("CODE", CODE_HEADER, type, field, name, bytes)
#define PRINT_CHUNK(type, field, name, offset, bytes) \
	PRINT_FIELD("CHUNK", 0, type, field, name, bytes)
#define PRINT_GROUP(type, field, name, offset, bytes) \
	PRINT_FIELD("GROUP", 0, type, field, name, bytes)
#define PRINT_DIRECTORY(type, field, name, offset, bytes) \
	PRINT_FIELD("DIRECTORY", OMEN_PAGE_START, type, field, name, bytes)

static void
print_fields(void)
{
	PRINT_FIELD("PD", 0, PageHeaderData, pd_lsn, LSN, 8)
	PRINT_FIELD("PD", 0, PageHeaderData, pd_checksum, CHECKSUM, 2)
	PRINT_FIELD("PD", 0, PageHeaderData, pd_flags, FLAGS, 2)
	PRINT_FIELD("PD", 0, PageHeaderData, pd_lower, LOWER, 2)
	PRINT_FIELD("PD", 0, PageHeaderData, pd_upper, UPPER, 2)
	PRINT_FIELD("PD", 0, PageHeaderData, pd_special, SPECIAL, 2)
	PRINT_FIELD("PD", 0, PageHeaderData, pd_pagesize_version, VERSION, 2)
	PRINT_FIELD("PD", 0, PageHeaderData, pd_prune_xid, PRUNE_XID, 4)
	PRINT_FIELD("TID", 0, ItemPointerData, ip_blkid.bi_hi, BLOCK_HIGH, 2)
	PRINT_FIELD("TID", 0, ItemPointerData, ip_blkid.bi_lo, BLOCK_LOW, 2)
	PRINT_FIELD("TID", 0, ItemPointerData, ip_posid, OFFSET, 2)
	OMEN_SPECIAL_FIELDS(PRINT_SPECIAL)
	OMEN_META_FIELDS(PRINT_META)
	OMEN_PAYLOAD_FIELDS(PRINT_PAYLOAD)
	OMEN_SLOT_FIELDS(PRINT_SLOT)
	OMEN_NODE_FIELDS(PRINT_NODE)
	OMEN_UPPER_FIELDS(PRINT_UPPER)
	OMEN_CODE_FIELDS(PRINT_CODE)
	OMEN_CHUNK_FIELDS(PRINT_CHUNK)
	OMEN_GROUP_FIELDS(PRINT_GROUP)
	OMEN_DIRECTORY_FIELDS(PRINT_DIRECTORY)
}

static void
print_numbers(void)
{
	PRINT("FORMAT_VERSION", OMEN_FORMAT_VERSION);
	PRINT("MAGIC", OMEN_MAGIC);
	PRINT("KIND_FREE", OMEN_PAGE_FREE);
	PRINT("KIND_NODE", OMEN_PAGE_NODE);
	PRINT("KIND_UPPER", OMEN_PAGE_UPPER);
	PRINT("KIND_POSTING", OMEN_PAGE_POSTING);
	PRINT("KIND_PAYLOAD", OMEN_PAGE_PAYLOAD);
	PRINT("KIND_MEAN", OMEN_PAGE_MEAN);
	PRINT("KIND_GROUP", OMEN_PAGE_GROUP);
	PRINT("KIND_DIRECTORY", OMEN_PAGE_DIRECTORY);
	PRINT("KIND_META", OMEN_PAGE_META);
	PRINT("LISTED", OMEN_PAGE_LISTED);
	PRINT("USED", OMEN_SLOT_USED);
	PRINT("LINKING", OMEN_SLOT_LINKING);
	PRINT("CONDEMNED", OMEN_SLOT_CONDEMNED);
	PRINT("FLAT", OMEN_SLOT_FLAT);
	PRINT("MIXED", OMEN_SLOT_MIXED);
	PRINT("RESERVED", OMEN_SLOT_RESERVED);
	PRINT("SIDE_NULL", OMEN_CHUNK_NULL);
	PRINT("SIDE_NAN", OMEN_CHUNK_NAN);
	PRINT("PARENT", OMEN_TAG_PARENT);
	PRINT("MODE_FLAT", OMEN_MODE_FLAT);
	PRINT("MODE_GRAPH", OMEN_MODE_GRAPH);
	PRINT("NONE", OMEN_INVALID_ID);
}

int
main(void)
{
	PRINT("PAGE", BLCKSZ);
	PRINT("PAGE_START", OMEN_PAGE_START);
	PRINT("SPECIAL", SPECIAL);
	/* bytes of a slot before its code, whatever the kind of code as yet */
	PRINT("HEADER", CODE_HEADER + sizeof(OmenCodeHeader));
	PRINT("CHUNK", sizeof(OmenPostingChunk));
	PRINT("GROUP", sizeof(OmenGroupRecord));
	PRINT("DIRECTORY_ENTRY", sizeof(OmenDirectoryEntry));
	PRINT("PAYLOAD_START", OMEN_PAGE_START + sizeof(OmenPayloadHeader));
	PRINT("META_END", OMEN_PAGE_START + sizeof(OmenMetaPageData));
	print_numbers();
	print_fields();
	return 0;
}
