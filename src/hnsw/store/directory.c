/*-------------------------------------------------------------------------
 *
 * directory.c
 *	  Where the groups of a hash are: a B-link tree.
 *
 * Readers go down with one page locked at a time, share.  A page that was split
 * since its parent was read is seen by its high key, and they go on to the
 * right.  Writers take turns (see groups.c), so one never meets another's split
 * half done; but for one that a crash cut: the right page then lacks its entry
 * in the parent for good, and is reached through its left neighbor.
 *
 * A split is one record, of both pages; the entry in the parent is another;
 * and a new root one with the metapage.  A root that was left behind by a new
 * one is still the leftmost page of its level, so a search may begin there.
 *
 * Several groups may have one hash.  Entries are sorted by hash and group, so
 * that these, too, have an order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "array.h"
#include "hnsw/store/store.h"
#include "miscadmin.h"

/* ---------- a page ---------- */

static inline OmenDirectoryHeader *
header_of(Page page)
{
	return (OmenDirectoryHeader *) PageGetContents(page);
}

static inline OmenDirectoryEntry *
entries_of(Page page)
{
	return (OmenDirectoryEntry *) (header_of(page) + 1);
}

static void
set_count(Page page, uint32 count)
{
	OmenPageGetOpaque(page)->used = count;
	((PageHeader) page)->pd_lower = OMEN_PAGE_START +
									sizeof(OmenDirectoryHeader) +
									count * sizeof(OmenDirectoryEntry);
}

/* Is (hash, group) less than the other? */
static inline bool
is_less(uint64 hash, uint32 group, uint64 other_hash, uint32 other_group)
{
	return hash != other_hash ? hash < other_hash : group < other_group;
}

/* How many of a page's entries are less. */
static uint32
count_less(Page page, uint64 hash, uint32 group)
{
	const OmenDirectoryEntry *entries = entries_of(page);
	uint32		low = 0;
	uint32		high = OmenPageGetOpaque(page)->used;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (is_less(entries[middle].hash, entries[middle].group, hash, group))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Pin and lock a page of the directory; an error if it is none. */
static Buffer
lock_page(OmenIndex *ix, BlockNumber block, int lockmode)
{
	Buffer		buf;
	OmenPageOpaque opaque;

	if (block == OMEN_META_BLOCK || !omen_block_exists(&ix->pages, block))
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("directory of index \"%s\" is corrupted at block %u",
						RelationGetRelationName(ix->pages.rel), block),
				 errhint("Please REINDEX it.")));
	buf = omen_pin(&ix->pages, block);
	LockBuffer(buf, lockmode);
	opaque = omen_check_page(ix->pages.rel, buf);
	if (opaque == NULL || opaque->kind != OMEN_PAGE_DIRECTORY ||
		opaque->used > OMEN_DIRECTORY_ENTRIES ||
		header_of(BufferGetPage(buf))->level > OMEN_DIRECTORY_MAX_LEVEL)
		omen_report_corruption(ix->pages.rel, buf);
	return buf;
}

/* ---------- going down ---------- */

/* Is the place of (hash, group) on a page to the right? */
static bool
is_right(Page page, uint64 hash, uint32 group)
{
	const OmenDirectoryHeader *header = header_of(page);

	return OmenPageGetOpaque(page)->next != InvalidBlockNumber &&
		   !is_less(hash, group, header->high_hash, header->high_group);
}

/* The page below that has the place of (hash, group). */
static BlockNumber
page_below(OmenIndex *ix, Buffer buf, uint64 hash, uint32 group)
{
	Page		page = BufferGetPage(buf);
	uint32		at = count_less(page, hash, group);

	if (OmenPageGetOpaque(page)->used == 0)
		omen_report_corruption(ix->pages.rel, buf);
	/* an entry says where what is not less begins */
	if (at < OmenPageGetOpaque(page)->used &&
		entries_of(page)[at].hash == hash &&
		entries_of(page)[at].group == group)
		return entries_of(page)[at].link;
	return entries_of(page)[at == 0 ? 0 : at - 1].link;
}

/*
 * Lock the page of a level that has the place of (hash, group).  The directory
 * is not empty, and has that level.
 */
static Buffer
find_page(OmenIndex *ix, uint64 hash, uint32 group, uint16 level, int lockmode)
{
	BlockNumber block = ix->meta.directory;
	int			above = OMEN_DIRECTORY_MAX_LEVEL + 1;
	BlockNumber steps = 0;

	for (;;)
	{
		Buffer		buf = lock_page(ix, block, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buf);
		int			here = header_of(page)->level;

		/* levels go down one by one, and no page comes twice */
		if (here < level || here > above ||
			(here != above && above <= OMEN_DIRECTORY_MAX_LEVEL) ||
			steps++ > ix->pages.nblocks)
			omen_report_corruption(ix->pages.rel, buf);
		above = here;
		if (here == level && lockmode == BUFFER_LOCK_EXCLUSIVE)
		{
			LockBuffer(buf, BUFFER_LOCK_UNLOCK);
			LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
		}
		if (is_right(page, hash, group))
			block = OmenPageGetOpaque(page)->next;
		else if (here == level)
			return buf;
		else
		{
			block = page_below(ix, buf, hash, group);
			above = here - 1;
		}
		UnlockReleaseBuffer(buf);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * The groups of a hash, in the current memory context; returns how many.  Goes
 * by what ix->meta has as the root, which may be an older one.
 */
uint32
omen_directory_find(OmenIndex *ix, uint64 hash, OmenNodeRef **groups)
{
	uint32		count = 0;
	uint32		room = 0;
	bool		goes_on = ix->meta.directory != InvalidBlockNumber;
	uint32		from = 0;

	*groups = NULL;
	while (goes_on)
	{
		OmenDirectoryEntry found[OMEN_DIRECTORY_ENTRIES];
		uint32		nfound = 0;
		Buffer		buf = find_page(ix, hash, from, 0, BUFFER_LOCK_SHARE);
		Page		page = BufferGetPage(buf);
		const OmenDirectoryEntry *entries = entries_of(page);
		uint32		used = OmenPageGetOpaque(page)->used;

		for (uint32 i = count_less(page, hash, from);
			 i < used && entries[i].hash == hash; i++)
			found[nfound++] = entries[i];
		goes_on = OmenPageGetOpaque(page)->next != InvalidBlockNumber &&
				  header_of(page)->high_hash == hash &&
				  header_of(page)->high_group > from;
		from = header_of(page)->high_group;
		UnlockReleaseBuffer(buf);
		OMEN_GROW(CurrentMemoryContext, *groups, room, count + nfound);
		for (uint32 i = 0; i < nfound; i++)
		{
			(*groups)[count].id = found[i].group;
			(*groups)[count++].version = (uint16) found[i].link;
		}
	}
	return count;
}

/*
 * Copy the entries of one leaf, from *place on, and say in *place where the
 * next one begins; there is none if *is_last.  entries has room for
 * OMEN_DIRECTORY_ENTRIES.  Returns how many they are.
 *
 * Groups that come or go while somebody walks so from leaf to leaf are met or
 * not; all others are met once.
 */
uint32
omen_directory_leaf(OmenIndex *ix, OmenDirectoryEntry *place,
					OmenDirectoryEntry *entries, bool *is_last)
{
	Buffer		buf;
	Page		page;
	const OmenDirectoryHeader *header;
	uint32		first;
	uint32		count;

	*is_last = true;
	if (ix->meta.directory == InvalidBlockNumber)
		return 0;
	buf = find_page(ix, place->hash, place->group, 0, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buf);
	header = header_of(page);
	first = count_less(page, place->hash, place->group);
	count = OmenPageGetOpaque(page)->used - first;
	memcpy(entries, &entries_of(page)[first],
		   count * sizeof(OmenDirectoryEntry));
	*is_last = OmenPageGetOpaque(page)->next == InvalidBlockNumber;
	place->hash = header->high_hash;
	place->group = header->high_group;
	UnlockReleaseBuffer(buf);
	return count;
}

/* ---------- adding ---------- */

/* Add an entry to a page with room, which takes part in a change. */
void
omen_directory_put(Page page, uint64 hash, uint32 group, uint32 link)
{
	OmenDirectoryEntry *entries = entries_of(page);
	uint32		used = OmenPageGetOpaque(page)->used;
	uint32		at = count_less(page, hash, group);

	memmove(&entries[at + 1], &entries[at],
			(used - at) * sizeof(OmenDirectoryEntry));
	entries[at].hash = hash;
	entries[at].group = group;
	entries[at].link = link;
	set_count(page, used + 1);
}

/* Make a new root: a leaf without entries, or above the root that there is. */
static void
make_root(OmenIndex *ix, uint16 level, const OmenDirectoryEntry *entry)
{
	Buffer		buf = omen_page_free(ix);
	Buffer		metabuf = ReadBuffer(ix->pages.rel, OMEN_META_BLOCK);
	BlockNumber block = BufferGetBlockNumber(buf);
	OmenChange	change;
	Page		page;
	Page		meta;

	LockBuffer(metabuf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	meta = omen_change_page(&change, metabuf);
	page = omen_change_new_page(&change, buf);
	omen_page_init(page, block, OMEN_PAGE_DIRECTORY);
	memset(header_of(page), 0, sizeof(OmenDirectoryHeader));
	header_of(page)->level = level;
	set_count(page, 0);
	if (entry != NULL)
	{
		omen_directory_put(page, 0, 0, OmenPageGetMeta(meta)->directory);
		omen_directory_put(page, entry->hash, entry->group, entry->link);
	}
	OmenPageGetMeta(meta)->directory = block;
	omen_change_commit(&change);
	UnlockReleaseBuffer(metabuf);
	UnlockReleaseBuffer(buf);
	ix->meta.directory = block;
}

/*
 * Split a locked page, which is unlocked.  *entry is what is to lead to the new
 * page.
 */
static void
split_page(OmenIndex *ix, Buffer buf, OmenDirectoryEntry *entry)
{
	Buffer		right_buf = omen_page_free(ix);
	BlockNumber block = BufferGetBlockNumber(right_buf);
	OmenChange	change;
	Page		left;
	Page		right;
	uint32		used;
	uint32		stay;

	omen_change_begin(&change, &ix->pages);
	left = omen_change_page(&change, buf);
	right = omen_change_new_page(&change, right_buf);
	used = OmenPageGetOpaque(left)->used;
	stay = used / 2;
	omen_page_init(right, block, OMEN_PAGE_DIRECTORY);
	*header_of(right) = *header_of(left);
	OmenPageGetOpaque(right)->next = OmenPageGetOpaque(left)->next;
	memcpy(entries_of(right), &entries_of(left)[stay],
		   (used - stay) * sizeof(OmenDirectoryEntry));
	set_count(right, used - stay);
	memset(&entries_of(left)[stay], 0,
		   (used - stay) * sizeof(OmenDirectoryEntry));
	set_count(left, stay);
	header_of(left)->high_hash = entries_of(right)[0].hash;
	header_of(left)->high_group = entries_of(right)[0].group;
	OmenPageGetOpaque(left)->next = block;
	entry->hash = entries_of(right)[0].hash;
	entry->group = entries_of(right)[0].group;
	entry->link = block;
	omen_change_commit(&change);
	UnlockReleaseBuffer(right_buf);
	UnlockReleaseBuffer(buf);
}

static uint16
root_level(OmenIndex *ix)
{
	Buffer		buf = lock_page(ix, ix->meta.directory, BUFFER_LOCK_SHARE);
	uint16		level = header_of(BufferGetPage(buf))->level;

	UnlockReleaseBuffer(buf);
	return level;
}

/*
 * Lock the page of a level that has the place of (hash, group), and has room
 * for it, exclusively.
 */
static Buffer
page_with_room(OmenIndex *ix, uint64 hash, uint32 group, uint16 level)
{
	for (;;)
	{
		Buffer buf = find_page(ix, hash, group, level, BUFFER_LOCK_EXCLUSIVE);
		OmenDirectoryEntry entry;

		if (OmenPageGetOpaque(BufferGetPage(buf))->used <
			OMEN_DIRECTORY_ENTRIES)
			return buf;
		split_page(ix, buf, &entry);
		if (root_level(ix) <= level)
			make_root(ix, level + 1, &entry);
		else
		{
			Buffer		above =
				page_with_room(ix, entry.hash, entry.group, level + 1);
			OmenChange	change;

			omen_change_begin(&change, &ix->pages);
			omen_directory_put(omen_change_page(&change, above), entry.hash,
							   entry.group, entry.link);
			omen_change_commit(&change);
			UnlockReleaseBuffer(above);
		}
	}
}

/*
 * Take a group's entry and its record out, in one record of the log.  Only one
 * session at a time may do so, or add something.
 */
void
omen_directory_remove(OmenIndex *ix, OmenNodeRef group, uint64 hash)
{
	Buffer		leaf;
	Buffer		buf;
	OmenChange	change;
	Page		page;
	Page		record_page;
	uint32		at;
	uint32		used;

	omen_index_refresh(ix);
	leaf = find_page(ix, hash, group.id, 0, BUFFER_LOCK_EXCLUSIVE);
	if (omen_group_visit(ix, group.id, BUFFER_LOCK_EXCLUSIVE, &buf) == NULL)
		omen_group_report(ix, group.id);
	omen_change_begin(&change, &ix->pages);
	page = omen_change_page(&change, leaf);
	record_page = omen_change_page(&change, buf);
	at = count_less(page, hash, group.id);
	used = OmenPageGetOpaque(page)->used;
	if (at < used && entries_of(page)[at].hash == hash &&
		entries_of(page)[at].group == group.id)
	{
		memmove(&entries_of(page)[at], &entries_of(page)[at + 1],
				(used - at - 1) * sizeof(OmenDirectoryEntry));
		memset(&entries_of(page)[used - 1], 0, sizeof(OmenDirectoryEntry));
		set_count(page, used - 1);
	}
	omen_page_give_slot(ix, record_page, group.id % OMEN_GROUPS_PER_PAGE);
	omen_change_commit(&change);
	omen_page_list(ix, buf);
	UnlockReleaseBuffer(buf);
	UnlockReleaseBuffer(leaf);
}

/*
 * Lock the leaf that an entry is to be put on, exclusively; it has room.  Only
 * one session at a time may add something.
 */
Buffer
omen_directory_prepare(OmenIndex *ix, uint64 hash, uint32 group)
{
	omen_index_refresh(ix);
	if (ix->meta.directory == InvalidBlockNumber)
		make_root(ix, 0, NULL);
	return page_with_room(ix, hash, group, 0);
}
