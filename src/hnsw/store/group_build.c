/*-------------------------------------------------------------------------
 *
 * group_build.c
 *	  Writing the records of all groups of an index, one after the other.
 *
 * By CREATE INDEX: nobody else sees the index yet.  A slot with the rest of a
 * key comes before the record that leads to it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"
#include "miscadmin.h"

/* Slots of GROUP pages that a group with a key of so many bytes takes. */
uint32
omen_group_slots(uint32 key_bytes)
{
	if (key_bytes <= OMEN_GROUP_KEY_BYTES)
		return 1;
	key_bytes -= OMEN_GROUP_KEY_BYTES;
	return 1 + (key_bytes + OMEN_GROUP_PART_BYTES - 1) / OMEN_GROUP_PART_BYTES;
}

static void
begin_page(OmenGroupWriter *writer)
{
	omen_page_init((Page) writer->page.data, writer->block, OMEN_PAGE_GROUP);
	writer->used = 0;
}

static void
end_page(OmenGroupWriter *writer)
{
	Page		page = (Page) writer->page.data;

	OmenPageGetOpaque(page)->used = writer->used;
	OmenPageGetOpaque(page)->live = writer->used;
	((PageHeader) page)->pd_lower =
		OMEN_PAGE_START + writer->used * sizeof(OmenGroupRecord);
	omen_put_page(&writer->ix->pages, page);
	writer->block++;
}

/* Begin on a block; there are as many as there will be. */
void
omen_group_write_begin(OmenGroupWriter *writer, OmenIndex *ix,
					   BlockNumber block)
{
	writer->ix = ix;
	writer->block = block;
	begin_page(writer);
}

/* The next slot; *id is its own. */
static OmenGroupRecord *
next_slot(OmenGroupWriter *writer, uint32 *id)
{
	if (writer->used == OMEN_GROUPS_PER_PAGE)
	{
		CHECK_FOR_INTERRUPTS();
		end_page(writer);
		begin_page(writer);
	}
	*id = writer->block * OMEN_GROUPS_PER_PAGE + writer->used;
	return omen_page_group((Page) writer->page.data, writer->used++);
}

/*
 * Write a record, but for where its key goes on, and all of the key.  Returns
 * the group's id.
 */
uint32
omen_group_write(OmenGroupWriter *writer, OmenGroupRecord *record,
				 const uint8 *key)
{
	uint32		parts = omen_group_slots(record->key_bytes) - 1;
	uint32		done = OMEN_GROUP_KEY_BYTES;
	uint32		id;

	for (uint32 i = 0; i < parts; i++)
	{
		OmenGroupKeyPart *part = (OmenGroupKeyPart *) next_slot(writer, &id);

		if (i == 0)
			record->more = id;
		part->flags = OMEN_GROUP_KEY;
		part->bytes = Min(record->key_bytes - done, OMEN_GROUP_PART_BYTES);
		/* slots of pages that follow each other have ids that do */
		part->more = i + 1 < parts ? id + 1 : OMEN_INVALID_ID;
		memcpy(part->key, key + done, part->bytes);
		done += part->bytes;
	}
	*next_slot(writer, &id) = *record;
	return id;
}

void
omen_group_write_end(OmenGroupWriter *writer)
{
	OmenIndex  *ix = writer->ix;
	Buffer		buf;

	if (writer->used == 0)
		return;
	end_page(writer);
	if (writer->used == OMEN_GROUPS_PER_PAGE)
		return;
	buf = ReadBuffer(ix->pages.rel, writer->block - 1);
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_page_list(ix, buf);
	UnlockReleaseBuffer(buf);
}

/* The graph of a group has been written: its pages are these. */
void
omen_group_become_graph(OmenGraph *graph, BlockNumber chain,
						BlockNumber upper_chain)
{
	Buffer		buf = omen_graph_lock(graph);
	OmenChange	change;
	OmenGroupRecord *record;

	omen_change_begin(&change, &graph->ix->pages);
	record = omen_page_group(omen_change_page(&change, buf),
							 graph->id % OMEN_GROUPS_PER_PAGE);
	record->chain = chain;
	record->upper_chain = upper_chain;
	record->graph.mode = OMEN_MODE_GRAPH;
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
}
