/*-------------------------------------------------------------------------
 *
 * directory.c
 *	  The directory of groups, as a check sees it: a tree in order, that leads
 *	  to each group once.
 *
 * Goes from the root down level by level, along the links to the right.  Pages
 * without an entry above them are what a crash leaves, and no violation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/check/check.h"
#include "miscadmin.h"

/* The page that is looked at. */
typedef struct Place
{
	BlockNumber block;
	int			level;
	const OmenDirectoryHeader *header;
	const OmenDirectoryEntry *entries;
	uint32		count;
	BlockNumber next;
} Place;

static bool
is_less(uint64 hash, uint32 group, uint64 other_hash, uint32 other_group)
{
	return hash != other_hash ? hash < other_hash : group < other_group;
}

/* What is wrong with a page by itself; NULL if nothing. */
static const char *
find_page_flaw(const Place *place)
{
	const OmenDirectoryHeader *header = place->header;
	const OmenDirectoryEntry *entries = place->entries;

	if (header->level != place->level || header->reserved != 0)
		return "is of another level";
	if (place->level > 0 && place->count == 0)
		return "has no entry";
	if (place->next == InvalidBlockNumber &&
		(header->high_hash != 0 || header->high_group != 0))
		return "is the last, and has a high key";
	for (uint32 i = 1; i < place->count; i++)
	{
		if (!is_less(entries[i - 1].hash, entries[i - 1].group, entries[i].hash,
					 entries[i].group))
			return "has entries out of order";
	}
	if (place->next != InvalidBlockNumber && place->count > 0 &&
		!is_less(entries[place->count - 1].hash,
				 entries[place->count - 1].group, header->high_hash,
				 header->high_group))
		return "has entries beyond its high key";
	return NULL;
}

/*
 * Read a page of the directory (into check->page).  False, and a violation, if
 * it is none, or was met before.
 */
static bool
read_page(OmenCheck *check, BlockNumber block, int level, Place *place)
{
	Page		page = check->page.data;
	OmenCheckBlock *note =
		block < check->nblocks ? &check->seen.blocks[block] : NULL;
	Size		end;

	if (block == OMEN_META_BLOCK || note == NULL ||
		note->kind != OMEN_PAGE_DIRECTORY ||
		(note->flags & OMEN_CHECK_MET) != 0 ||
		!omen_check_read(check, block, page) ||
		OmenPageGetOpaque(page)->used > OMEN_DIRECTORY_ENTRIES)
	{
		omen_check_report(
			check, "directory", OMEN_CHECK_NOWHERE, OMEN_CHECK_PAGE,
			"block %u is no page of the directory, or comes twice", block);
		return false;
	}
	note->flags |= OMEN_CHECK_MET;
	place->block = block;
	place->level = level;
	place->header = (OmenDirectoryHeader *) PageGetContents(page);
	place->entries = (const OmenDirectoryEntry *) (place->header + 1);
	place->count = OmenPageGetOpaque(page)->used;
	place->next = OmenPageGetOpaque(page)->next;
	end = OMEN_PAGE_START + sizeof(OmenDirectoryHeader) +
		  place->count * sizeof(OmenDirectoryEntry);
	if (((PageHeader) page)->pd_lower != end ||
		OmenPageGetOpaque(page)->live != 0 ||
		OmenPageGetOpaque(page)->flags != 0 ||
		!omen_check_is_zero((char *) page + end,
							OMEN_PAGE_START + OMEN_PAGE_CAPACITY - end))
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "page of the directory has wrong bounds or counts");
	return true;
}

/* The entries of a leaf: does each lead to a group of that hash and version? */
static void
check_leaf(OmenCheck *check, const Place *place)
{
	for (uint32 i = 0; i < place->count; i++)
	{
		const OmenDirectoryEntry *entry = &place->entries[i];
		uint32		which = omen_check_group(check, entry->group);
		OmenCheckGroup *group;

		if (which == OMEN_CHECK_NO_GROUP)
		{
			omen_check_report(check, "directory", place->block, i,
							  "entry leads to group %u, which there is not",
							  entry->group);
			continue;
		}
		group = &check->groups.list[which];
		group->entries++;
		if (group->record.hash != entry->hash ||
			group->record.version != entry->link)
			omen_check_report(check, "directory", place->block, i,
							  "entry has another hash or version than group %u",
							  entry->group);
	}
}

/*
 * The entries of a page above the leaves: each leads to a page below that
 * begins there.
 */
static void
check_inner(OmenCheck *check, const Place *place)
{
	for (uint32 i = 0; i < place->count; i++)
	{
		const OmenDirectoryEntry *entry = &place->entries[i];
		const OmenDirectoryHeader *header;
		const OmenDirectoryEntry *first;
		uint32		used;

		if (entry->link == OMEN_META_BLOCK || entry->link >= check->nblocks ||
			check->seen.blocks[entry->link].kind != OMEN_PAGE_DIRECTORY ||
			!omen_check_read(check, entry->link, check->side.data))
		{
			omen_check_report(
				check, "directory", place->block, i,
				"entry leads to block %u, which is no page of the "
				"directory",
				entry->link);
			continue;
		}
		header = (OmenDirectoryHeader *) PageGetContents(check->side.data);
		first = (const OmenDirectoryEntry *) (header + 1);
		used = OmenPageGetOpaque(check->side.data)->used;
		if (header->level != place->level - 1 ||
			(used > 0 &&
			 is_less(first->hash, first->group, entry->hash, entry->group)) ||
			(OmenPageGetOpaque(check->side.data)->next != InvalidBlockNumber &&
			 !is_less(entry->hash, entry->group, header->high_hash,
					  header->high_group)))
			omen_check_report(check, "directory", place->block, i,
							  "entry leads to block %u, which begins elsewhere",
							  entry->link);
	}
}

/* Check a level from its leftmost page on. */
static void
check_level(OmenCheck *check, BlockNumber leftmost, int level)
{
	uint64		low_hash = 0;
	uint32		low_group = 0;
	Place		place;

	for (BlockNumber block = leftmost; block != InvalidBlockNumber;
		 block = place.next)
	{
		const char *flaw;

		CHECK_FOR_INTERRUPTS();
		if (!read_page(check, block, level, &place))
			return;
		flaw = find_page_flaw(&place);
		if (flaw == NULL && place.count > 0 &&
			is_less(place.entries[0].hash, place.entries[0].group, low_hash,
					low_group))
			flaw = "has entries before the high key of the page to its left";
		if (flaw != NULL)
			omen_check_report(check, "directory", block, OMEN_CHECK_PAGE,
							  "page of level %d %s", level, flaw);
		low_hash = place.header->high_hash;
		low_group = place.header->high_group;
		if (level == 0)
			check_leaf(check, &place);
		else
			check_inner(check, &place);
	}
}

/* The leftmost page one level below another, or InvalidBlockNumber. */
static BlockNumber
leftmost_below(OmenCheck *check, BlockNumber block)
{
	const OmenDirectoryHeader *header;

	if (block >= check->nblocks ||
		check->seen.blocks[block].kind != OMEN_PAGE_DIRECTORY ||
		!omen_check_read(check, block, check->page.data) ||
		OmenPageGetOpaque(check->page.data)->used == 0)
		return InvalidBlockNumber;
	header = (OmenDirectoryHeader *) PageGetContents(check->page.data);
	return ((const OmenDirectoryEntry *) (header + 1))->link;
}

/* The level of the root; -1 if there is none that can be read. */
static int
root_level(OmenCheck *check)
{
	BlockNumber root = check->meta.directory;
	const OmenDirectoryHeader *header =
		(OmenDirectoryHeader *) PageGetContents(check->page.data);

	if (root == InvalidBlockNumber)
		return -1;
	if (root == OMEN_META_BLOCK || root >= check->nblocks ||
		check->seen.blocks[root].kind != OMEN_PAGE_DIRECTORY ||
		!omen_check_read(check, root, check->page.data) ||
		header->level > OMEN_DIRECTORY_MAX_LEVEL)
	{
		omen_check_report(check, "directory", OMEN_META_BLOCK, OMEN_CHECK_PAGE,
						  "root %u is no page of the directory", root);
		return -1;
	}
	return header->level;
}

/*
 * Check the directory, and that it leads to each group.
 */
void
omen_check_directory(OmenCheck *check)
{
	BlockNumber leftmost = check->meta.directory;

	if (!omen_check_has_groups(check))
		return;
	for (int level = root_level(check); level >= 0; level--)
	{
		check_level(check, leftmost, level);
		if (level > 0)
			leftmost = leftmost_below(check, leftmost);
	}
	for (uint64 i = 0; i < check->groups.count; i++)
	{
		const OmenCheckGroup *group = &check->groups.list[i];

		if (group->entries != 1)
			omen_check_report(check, "directory", group->block, group->slot,
							  "group %u has %u entries in the directory",
							  group->id, group->entries);
	}
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < check->nblocks;
		 block++)
	{
		if (check->seen.blocks[block].kind == OMEN_PAGE_DIRECTORY &&
			(check->seen.blocks[block].flags & OMEN_CHECK_MET) == 0)
			omen_check_report(check, "directory", block, OMEN_CHECK_PAGE,
							  "page of the directory is on no level of it");
	}
}
