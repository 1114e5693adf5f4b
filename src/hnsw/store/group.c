/*-------------------------------------------------------------------------
 *
 * group.c
 *	  The records of groups: reading them, making new ones, and their keys.
 *
 * A record is a slot of a GROUP page; the slot's id is the group's.  It does not
 * move.  What is in its OmenGraphData is graph_place.c's business, which of its
 * pages has room group_pages.c's, and how it is found by its hash directory.c's.
 *
 * A key is some bytes here; keys/prefix.c knows what they say.  What does not
 * fit the record stands in further slots of GROUP pages, which are written
 * first.  A crash before the record leaves them behind.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"

void
omen_group_report(const OmenIndex *ix, uint32 id)
{
	ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
					errmsg("record of group %u in index \"%s\" is corrupted",
						   id, RelationGetRelationName(ix->pages.rel)),
					errhint("Please REINDEX it.")));
}

/*
 * Pin and lock the page of a slot of a GROUP page; NULL with nothing held if it
 * is not in use, or no slot.  A page of nodes may be locked.
 */
static OmenGroupRecord *
visit(OmenIndex *ix, uint32 id, uint8 flag, int lockmode, Buffer *buf)
{
	BlockNumber block = id / OMEN_GROUPS_PER_PAGE;
	uint32		slot = id % OMEN_GROUPS_PER_PAGE;
	OmenPageOpaque opaque;

	if (block == OMEN_META_BLOCK || !omen_block_exists(&ix->pages, block))
		return NULL;
	*buf = omen_pin(&ix->pages, block);
	if (!omen_page_seems(*buf, OMEN_PAGE_GROUP))
	{
		ReleaseBuffer(*buf);
		return NULL;
	}
	LockBuffer(*buf, lockmode);
	opaque = omen_check_page(ix->pages.rel, *buf);
	if (opaque != NULL && opaque->kind == OMEN_PAGE_GROUP &&
		slot < opaque->used)
	{
		OmenGroupRecord *record = omen_page_group(BufferGetPage(*buf), slot);

		if (record->flags == flag)
			return record;
	}
	UnlockReleaseBuffer(*buf);
	return NULL;
}

/* The record of a group, its page locked; NULL if there is none of this id. */
OmenGroupRecord *
omen_group_visit(OmenIndex *ix, uint32 id, int lockmode, Buffer *buf)
{
	return visit(ix, id, OMEN_GROUP_USED, lockmode, buf);
}

/* Copy a record.  False if there is none of this id. */
bool
omen_group_read(OmenIndex *ix, uint32 id, OmenGroupRecord *record)
{
	Buffer		buf;
	OmenGroupRecord *found = omen_group_visit(ix, id, BUFFER_LOCK_SHARE, &buf);

	if (found == NULL)
		return false;
	*record = *found;
	UnlockReleaseBuffer(buf);
	return true;
}

/* The same of a group that must be there. */
void
omen_group_get(OmenIndex *ix, OmenNodeRef group, OmenGroupRecord *record)
{
	if (!omen_group_read(ix, group.id, record) ||
		record->version != group.version)
		omen_group_report(ix, group.id);
}

/* ---------- keys ---------- */

/*
 * Copy the key of a record, of which the caller has a copy; there is room for
 * OMEN_MAX_GROUP_KEY bytes.  An error if it is damaged.
 */
void
omen_group_key(OmenIndex *ix, const OmenGroupRecord *record, uint8 *key)
{
	uint32		done = Min(record->key_bytes, OMEN_GROUP_KEY_BYTES);
	uint32		more = record->more;

	if (record->key_bytes > OMEN_MAX_GROUP_KEY)
		omen_group_report(ix, more);
	memcpy(key, record->key, done);
	while (done < record->key_bytes)
	{
		Buffer		buf;
		OmenGroupRecord *slot =
			visit(ix, more, OMEN_GROUP_KEY, BUFFER_LOCK_SHARE, &buf);
		OmenGroupKeyPart part;

		if (slot == NULL)
			omen_group_report(ix, more);
		memcpy(&part, slot, sizeof(part));
		UnlockReleaseBuffer(buf);
		if (part.bytes !=
			Min(record->key_bytes - done, OMEN_GROUP_PART_BYTES))
			omen_group_report(ix, more);
		memcpy(key + done, part.key, part.bytes);
		done += part.bytes;
		more = part.more;
	}
}

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

static void
fill_record(OmenGroupRecord *record, uint64 hash, uint8 nulls, const uint8 *key,
			uint32 key_bytes, uint32 more)
{
	record->flags = OMEN_GROUP_USED;
	record->nulls = nulls;
	record->key_bytes = key_bytes;
	record->hash = hash;
	omen_graph_data_init(&record->graph);
	record->chain = InvalidBlockNumber;
	record->upper_chain = InvalidBlockNumber;
	record->room_node = InvalidBlockNumber;
	record->room_upper = InvalidBlockNumber;
	for (int i = 0; i < OMEN_GROUP_BLOCKS; i++)
		record->blocks[i] = InvalidBlockNumber;
	record->more = more;
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
	leaf = omen_directory_prepare(ix, hash, group.id);
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	leaf_page = omen_change_page(&change, leaf);
	page = omen_change_page(&change, buf);
	if (omen_page_take_slot(ix, page) != slot)
		elog(ERROR, "slot of a group was taken by somebody else");
	record = omen_page_group(page, slot);
	fill_record(record, hash, nulls, key, key_bytes, more);
	group.version = record->version;
	omen_directory_put(leaf_page, hash, group.id, group.version);
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	UnlockReleaseBuffer(leaf);
	return group;
}
