/*-------------------------------------------------------------------------
 *
 * group_create.c
 *	  Making the record of a new group, with its key and its entry in the
 *	  directory.
 *
 * What does not fit the record of the key is written first, part by part.  A
 * crash before the record leaves that behind; VACUUM does not take it back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"
#include "pause.h"

/* Write a slot that goes on with a key; returns its id. */
static uint32
write_part(OmenIndex *ix, const uint8 *bytes, uint32 count, uint32 more)
{
	Buffer		buf =
		omen_list_page_with_room(&ix->pages, &ix->lists, OMEN_PAGE_GROUP);
	OmenChange	change;
	OmenGroupKeyPart *part;
	Page		page;
	uint32		slot;

	omen_change_begin(&change, &ix->pages);
	page = omen_change_page(&change, buf);
	slot = omen_page_take_slot(ix, page);
	part = (OmenGroupKeyPart *) omen_page_group(page, slot);
	part->flags = OMEN_GROUP_KEY;
	part->bytes = count;
	part->more = more;
	memcpy(part->key, bytes, count);
	omen_change_commit(&change);
	slot += BufferGetBlockNumber(buf) * OMEN_GROUPS_PER_PAGE;
	UnlockReleaseBuffer(buf);
	return slot;
}

/* Write what of a key does not fit the record, last part first. */
static uint32
write_rest(OmenIndex *ix, const uint8 *key, uint32 key_bytes)
{
	uint32		more = OMEN_INVALID_ID;
	uint32		parts;

	if (key_bytes <= OMEN_GROUP_KEY_BYTES)
		return OMEN_INVALID_ID;
	key += OMEN_GROUP_KEY_BYTES;
	key_bytes -= OMEN_GROUP_KEY_BYTES;
	parts = (key_bytes + OMEN_GROUP_PART_BYTES - 1) / OMEN_GROUP_PART_BYTES;
	while (parts-- > 0)
	{
		uint32		start = parts * OMEN_GROUP_PART_BYTES;

		more = write_part(ix, key + start,
						  Min(key_bytes - start, OMEN_GROUP_PART_BYTES), more);
	}
	return more;
}

/* ---------- making one ---------- */

/*
 * What the record of a group without rows has: all but its version, and where
 * its key goes on.
 */
void
omen_group_record_init(OmenGroupRecord *record, uint64 hash, uint8 nulls,
					   const uint8 *key, uint32 key_bytes)
{
	record->flags = OMEN_GROUP_USED;
	record->nulls = nulls;
	record->key_bytes = key_bytes;
	record->key_sum = omen_group_key_sum(key, key_bytes);
	record->hash = hash;
	omen_graph_data_init(&record->graph);
	record->chain = InvalidBlockNumber;
	record->upper_chain = InvalidBlockNumber;
	record->room_node = InvalidBlockNumber;
	record->room_upper = InvalidBlockNumber;
	for (int i = 0; i < OMEN_GROUP_BLOCKS; i++)
		record->blocks[i] = InvalidBlockNumber;
	record->more = OMEN_INVALID_ID;
	memcpy(record->key, key, Min(key_bytes, OMEN_GROUP_KEY_BYTES));
}

/*
 * Make a record for a new group, and its entry in the directory.  The caller
 * sees to it that nobody else makes one meanwhile.
 */
OmenNodeRef
omen_group_create(OmenIndex *ix, uint64 hash, uint8 nulls, const uint8 *key,
				  uint32 key_bytes)
{
	uint32		more = write_rest(ix, key, key_bytes);
	Buffer		buf =
		omen_list_page_with_room(&ix->pages, &ix->lists, OMEN_PAGE_GROUP);
	OmenNodeRef group;
	OmenChange	change;
	OmenGroupRecord *record;
	Buffer		leaf;
	Page		leaf_page;
	Page		page;
	uint32		slot;

	/* nobody else takes a slot, so it can be let go of meanwhile */
	slot = omen_page_free_slot(ix, BufferGetPage(buf));
	group.id = BufferGetBlockNumber(buf) * OMEN_GROUPS_PER_PAGE + slot;
	LockBuffer(buf, BUFFER_LOCK_UNLOCK);
	OMEN_PAUSE("group-slot");
	leaf = omen_directory_prepare(ix, hash, group.id);
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	if (omen_page_free_slot(ix, BufferGetPage(buf)) != slot)
		elog(ERROR, "slot of a group was taken by somebody else");
	omen_change_begin(&change, &ix->pages);
	leaf_page = omen_change_page(&change, leaf);
	page = omen_change_page(&change, buf);
	(void) omen_page_take_slot(ix, page);
	record = omen_page_group(page, slot);
	omen_group_record_init(record, hash, nulls, key, key_bytes);
	record->more = more;
	group.version = record->version;
	omen_directory_put(leaf_page, hash, group.id, group.version);
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	UnlockReleaseBuffer(leaf);
	return group;
}
