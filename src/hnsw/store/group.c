/*-------------------------------------------------------------------------
 *
 * group.c
 *	  The records of groups, and their keys: reading them.
 *
 * A record is a slot of a GROUP page; the slot's id is the group's.  It does
 * not move.  What is in its OmenGraphData is graph_place.c's business, which
 * of its pages has room group_pages.c's, and how it is found by its hash
 * directory.c's.
 *
 * A key is some bytes here; keys/prefix.c knows what they say.  What does not
 * fit the record stands in further slots of GROUP pages.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"
#include "port/pg_crc32c.h"

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

		if ((record->flags & ~OMEN_GROUP_LEAVING) == flag)
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
		record->version != group.version ||
		record->graph.mode > OMEN_MODE_GRAPH)
		omen_group_report(ix, group.id);
}

/* Is a group there, and stays? */
bool
omen_group_is_there(OmenIndex *ix, OmenNodeRef group)
{
	OmenGroupRecord record;

	return omen_group_read(ix, group.id, &record) &&
		   record.version == group.version &&
		   (record.flags & OMEN_GROUP_LEAVING) == 0;
}

/* ---------- keys ---------- */

/* Lock the page of a slot that goes on with a key, exclusively, or NULL. */
OmenGroupKeyPart *
omen_group_part_visit(OmenIndex *ix, uint32 id, Buffer *buf)
{
	return (OmenGroupKeyPart *) visit(ix, id, OMEN_GROUP_KEY,
									  BUFFER_LOCK_EXCLUSIVE, buf);
}

/*
 * A sum of a key.  Functions of types trust the values that they are given, and
 * some do not survive those of a damaged page.
 */
uint16
omen_group_key_sum(const uint8 *key, uint32 bytes)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, key, bytes);
	FIN_CRC32C(crc);
	return (uint16) (crc ^ crc >> 16);
}

/* A group does not have its key: it is damaged, unless the group has gone. */
static void
report_key(OmenIndex *ix, uint32 id, const OmenGroupRecord *record)
{
	OmenGroupRecord now;

	if (omen_group_read(ix, id, &now) && now.version == record->version)
		omen_group_report(ix, id);
}

/*
 * Copy the key of a group, of whose record the caller has a copy; there is room
 * for OMEN_MAX_GROUP_KEY bytes.  False if the group has gone meanwhile, and an
 * error if its key is damaged.
 */
bool
omen_group_key(OmenIndex *ix, uint32 id, const OmenGroupRecord *record,
			   uint8 *key)
{
	uint32		done = Min(record->key_bytes, OMEN_GROUP_KEY_BYTES);
	uint32		more = record->more;

	if (record->key_bytes > OMEN_MAX_GROUP_KEY)
		omen_group_report(ix, id);
	memcpy(key, record->key, done);
	while (done < record->key_bytes)
	{
		Buffer		buf;
		OmenGroupRecord *slot =
			visit(ix, more, OMEN_GROUP_KEY, BUFFER_LOCK_SHARE, &buf);
		OmenGroupKeyPart part;

		if (slot != NULL)
		{
			memcpy(&part, slot, sizeof(part));
			UnlockReleaseBuffer(buf);
		}
		if (slot == NULL ||
			part.bytes != Min(record->key_bytes - done, OMEN_GROUP_PART_BYTES))
		{
			report_key(ix, id, record);
			return false;
		}
		memcpy(key + done, part.key, part.bytes);
		done += part.bytes;
		more = part.more;
	}
	if (omen_group_key_sum(key, record->key_bytes) != record->key_sum)
	{
		report_key(ix, id, record);
		return false;
	}
	return true;
}
