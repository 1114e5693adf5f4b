/*-------------------------------------------------------------------------
 *
 * directory_build.c
 *	  Writing a whole directory at once, level by level from the leaves up.
 *
 * By CREATE INDEX: entries come in their order, pages follow each other, and
 * nobody else sees them yet.  Pages are left with some room, so that groups
 * that come later do not split them all at once.  How the directory is read,
 * and changed from then on, is directory.c's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "array.h"
#include "hnsw/store/store.h"
#include "miscadmin.h"

/* Entries that a page is given: nine tenths of those that it has room for. */
#define ENTRIES_GIVEN (OMEN_DIRECTORY_ENTRIES * 9 / 10)

/* Pages that the directory of so many groups takes. */
BlockNumber
omen_directory_pages(uint64 groups)
{
	uint64		pages = 0;
	uint64		level = groups;

	while (level > 0)
	{
		level = (level + ENTRIES_GIVEN - 1) / ENTRIES_GIVEN;
		pages += level;
		if (level == 1)
			break;
	}
	return (BlockNumber) pages;
}

static void
begin_page(OmenDirectoryWriter *writer)
{
	Page		page = (Page) writer->page.data;
	OmenDirectoryHeader *header = (OmenDirectoryHeader *) PageGetContents(page);

	omen_page_init(page, writer->block, OMEN_PAGE_DIRECTORY);
	memset(header, 0, sizeof(OmenDirectoryHeader));
	header->level = writer->level;
	writer->count = 0;
}

/* Write the page at hand; others of its level follow from (hash, group) on. */
static void
end_page(OmenDirectoryWriter *writer, const OmenDirectoryEntry *next)
{
	Page		page = (Page) writer->page.data;
	OmenDirectoryHeader *header = (OmenDirectoryHeader *) PageGetContents(page);

	if (next)
	{
		header->high_hash = next->hash;
		header->high_group = next->group;
		OmenPageGetOpaque(page)->next = writer->block + 1;
	}
	OmenPageGetOpaque(page)->used = writer->count;
	((PageHeader) page)->pd_lower = OMEN_PAGE_START +
									sizeof(OmenDirectoryHeader) +
									writer->count * sizeof(OmenDirectoryEntry);
	omen_put_page(&writer->ix->pages, page);
	writer->block++;
}

/* Begin with the leaves; there are as many pages as there will be. */
void
omen_directory_write_begin(OmenDirectoryWriter *writer, OmenIndex *ix,
						   BlockNumber block)
{
	memset(writer, 0, sizeof(OmenDirectoryWriter));
	writer->ix = ix;
	writer->block = block;
}

/* What leads to the page at hand: all that is less than what follows it. */
static void
note_above(OmenDirectoryWriter *writer, const OmenDirectoryEntry *first)
{
	OmenDirectoryEntry entry = *first;

	if (writer->nabove == 0)
		entry.hash = entry.group = 0;
	entry.link = writer->block;
	OMEN_GROW(CurrentMemoryContext, writer->above, writer->room,
			  writer->nabove + 1);
	writer->above[writer->nabove++] = entry;
}

static void
put_entry(OmenDirectoryWriter *writer, const OmenDirectoryEntry *entry)
{
	OmenDirectoryEntry *entries;

	if (writer->count == ENTRIES_GIVEN)
	{
		end_page(writer, entry);
		writer->count = 0;
	}
	if (writer->count == 0)
	{
		note_above(writer, entry);
		begin_page(writer);
	}
	entries = (OmenDirectoryEntry *) (PageGetContents(writer->page.data) +
									  sizeof(OmenDirectoryHeader));
	entries[writer->count++] = *entry;
}

/* The entry of the next group. */
void
omen_directory_write(OmenDirectoryWriter *writer, uint64 hash, uint32 group,
					 uint32 link)
{
	OmenDirectoryEntry entry = {hash, group, link};

	put_entry(writer, &entry);
}

static void
set_root(OmenIndex *ix, BlockNumber block)
{
	Buffer		buf = ReadBuffer(ix->pages.rel, OMEN_META_BLOCK);
	OmenChange	change;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	OmenPageGetMeta(omen_change_page(&change, buf))->directory = block;
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	omen_index_refresh(ix);
}

/* Write the levels above the leaves, and let the metapage lead to the root. */
void
omen_directory_write_end(OmenDirectoryWriter *writer)
{
	if (writer->count == 0)
		return;
	end_page(writer, NULL);
	while (writer->nabove > 1)
	{
		OmenDirectoryEntry *entries = writer->above;
		uint32		count = writer->nabove;

		CHECK_FOR_INTERRUPTS();
		writer->above = NULL;
		writer->nabove = writer->room = 0;
		writer->count = 0;
		writer->level++;
		for (uint32 i = 0; i < count; i++)
			put_entry(writer, &entries[i]);
		end_page(writer, NULL);
		pfree(entries);
	}
	set_root(writer->ix, writer->block - 1);
}
