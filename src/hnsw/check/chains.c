/*-------------------------------------------------------------------------
 *
 * chains.c
 *	  What hangs together by ids and block numbers: posting chains, payload,
 *	  and the lists of pages with room.
 *
 * Each link may be met once only, so no chain is followed for ever.  Must not
 * know of edges.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "hnsw/check/check.h"
#include "miscadmin.h"

/*
 * The ordinal of the slot with this id.
 */
OmenCheckFound
omen_check_find(const OmenCheck *check, OmenPageKind kind, uint32 per_page,
				uint32 id, uint64 *ordinal)
{
	BlockNumber block = id / per_page;
	const OmenCheckBlock *note;

	if (id > OMEN_MAX_ID || block == OMEN_META_BLOCK || block >= check->nblocks)
		return OMEN_CHECK_NO_SLOT;
	note = &check->seen.blocks[block];
	if (note->kind == OMEN_CHECK_DAMAGED)
		return OMEN_CHECK_UNKNOWN;
	if (note->kind != kind || id % per_page >= note->used)
		return OMEN_CHECK_NO_SLOT;
	*ordinal = (uint64) note->base + id % per_page;
	return OMEN_CHECK_FOUND;
}

/* ---------- posting chains ---------- */

/*
 * Follow the chain of a node, or of a side list (of a group, or zeros), that
 * starts at a chunk, and mark its chunks.  block and slot are where it starts
 * from, for the report.  Returns how many heap TIDs are on it.
 */
uint32
omen_check_posting(OmenCheck *check, uint32 first, OmenNodeRef node,
				   OmenSide side, int64 block, int slot)
{
	uint32		tids = 0;
	uint32		id = first;

	while (id != OMEN_INVALID_ID)
	{
		OmenCheckChunk *chunk = NULL;
		uint64		ordinal = 0;
		OmenCheckFound found =
			omen_check_find(check, OMEN_PAGE_POSTING, OMEN_CHUNKS_PER_PAGE, id,
							&ordinal);
		const char *flaw = NULL;

		if (found == OMEN_CHECK_FOUND)
			chunk = &check->seen.chunks[ordinal];
		if (found == OMEN_CHECK_UNKNOWN)
			flaw = "is on a damaged page";
		else if (chunk == NULL)
			flaw = "does not exist";
		else if ((chunk->flags & OMEN_SLOT_USED) == 0)
			flaw = "is not in use";
		else if (chunk->owner != node.id ||
				 chunk->owner_version != node.version ||
				 omen_check_side(chunk) != side)
			flaw = "has another owner";
		else if ((chunk->flags & OMEN_CHECK_REACHED) != 0)
			flaw = "is on a chain already";
		if (flaw != NULL)
		{
			omen_check_report(check, "posting", block, slot,
							  "chain of heap TIDs breaks off: chunk %u %s", id,
							  flaw);
			break;
		}
		chunk->flags |= OMEN_CHECK_REACHED;
		tids += chunk->count;
		id = chunk->next;
		CHECK_FOR_INTERRUPTS();
	}
	return tids;
}

/* Why is a chunk in use on nobody's chain? */
static const char *
find_chunk_flaw(const OmenCheck *check, const OmenCheckChunk *chunk)
{
	uint64		ordinal;

	if (omen_check_side(chunk) != OMEN_SIDE_NONE)
		return "is not on its side list";
	if (omen_check_find(check, OMEN_PAGE_NODE, check->layout.node.per_page,
						chunk->owner, &ordinal) != OMEN_CHECK_FOUND ||
		(check->seen.nodes[ordinal].flags & OMEN_SLOT_USED) == 0 ||
		check->seen.nodes[ordinal].version != chunk->owner_version)
		return "belongs to a node that does not exist";
	return "is not on the chain of its node";
}

/* ---------- payload ---------- */

/* Is this part what a chain has to have here?  NULL if it is. */
static const char *
find_part_flaw(OmenCheck *check, const OmenPayloadHeader *expected)
{
	const OmenPayloadHeader *header =
		(const OmenPayloadHeader *) PageGetContents(check->side.data);

	if (header->owner != expected->owner ||
		header->owner_version != expected->owner_version)
		return "has another owner";
	if (header->part != expected->part)
		return "is another part";
	if (header->bytes != expected->bytes)
		return "has another number of bytes";
	return NULL;
}

/*
 * Copy the bytes of a chain of payload pages.  Reports violations, and marks
 * pages, only if report is set.
 */
static bool
follow_payload(OmenCheck *check, const OmenPayload *payload, void *bytes,
			   bool report, int64 at_block, int at_slot)
{
	OmenPayloadHeader expected = {0};
	BlockNumber block = payload->first;
	const char *flaw = NULL;
	uint32		done = 0;

	expected.owner = payload->owner.id;
	expected.owner_version = payload->owner.version;
	for (; done < payload->nbytes && flaw == NULL; expected.part++)
	{
		OmenCheckBlock *note = NULL;

		expected.bytes = Min(OMEN_PAYLOAD_BYTES, payload->nbytes - done);
		if (block != OMEN_META_BLOCK && block < check->nblocks)
			note = &check->seen.blocks[block];
		if (note == NULL)
			flaw = "does not exist";
		else if (note->kind == OMEN_CHECK_DAMAGED)
			flaw = "is damaged";
		else if (note->kind != payload->kind)
			flaw = "is of another kind";
		else if (report && (note->flags & OMEN_CHECK_MET) != 0)
			flaw = "is on a chain already";
		else if (!omen_check_read(check, block, check->side.data))
			flaw = "cannot be read";
		else
			flaw = find_part_flaw(check, &expected);
		if (flaw == NULL)
		{
			memcpy((char *) bytes + done,
				   PageGetContents(check->side.data) +
					   sizeof(OmenPayloadHeader),
				   expected.bytes);
			done += expected.bytes;
			if (report)
				note->flags |= OMEN_CHECK_MET;
			if (done == payload->nbytes && note->next != InvalidBlockNumber)
				flaw = "should be the last";
			else if (done < payload->nbytes)
				block = note->next;
		}
	}
	if (flaw != NULL && report)
		omen_check_report(check, "payload", at_block, at_slot,
						  "chain of payload breaks off: block %u %s", block,
						  flaw);
	return flaw == NULL;
}

/*
 * Check a chain of payload pages, mark them, and copy the bytes.  block and
 * slot are where the chain starts from, for the report.
 */
bool
omen_check_payload(OmenCheck *check, const OmenPayload *payload, void *bytes,
				   int64 block, int slot)
{
	return follow_payload(check, payload, bytes, true, block, slot);
}

/* Copy the bytes of a chain that has been checked. */
bool
omen_check_gather(OmenCheck *check, const OmenPayload *payload, void *bytes)
{
	return follow_payload(check, payload, bytes, false, OMEN_CHECK_NOWHERE,
						  OMEN_CHECK_PAGE);
}

/*
 * Check the mean, and make the quantizers of the index.  Leaves them NULL if
 * the mean cannot be read; codes of the current epoch then mean nothing.
 */
void
omen_check_mean(OmenCheck *check)
{
	const OmenMetaPageData *meta = &check->meta;
	const OmenGraphData *data = &check->graph_data;
	Size size = omen_quantizer_size(meta->metric, meta->storage, meta->dims);
	OmenPayload payload =
		omen_mean_payload(meta->dims, data->epoch, data->mean);
	float	   *mean = NULL;

	if (data->mean != InvalidBlockNumber)
	{
		mean = palloc(payload.nbytes);
		if (!omen_check_payload(check, &payload, mean, OMEN_META_BLOCK,
								OMEN_CHECK_PAGE))
			return;
		for (uint32 i = 0; i < meta->dims; i++)
		{
			if (isfinite(mean[i]))
				continue;
			omen_check_report(check, "payload", data->mean, OMEN_CHECK_PAGE,
							  "coordinate %u of the mean is not finite", i);
			return;
		}
	}
	check->quantizer = palloc(size);
	omen_quantizer_init(check->quantizer, meta->metric, meta->storage,
						meta->dims, meta->seed, mean);
	check->origin = palloc(size);
	omen_quantizer_init(check->origin, meta->metric, meta->storage, meta->dims,
						meta->seed, NULL);
}

/* ---------- lists of pages ---------- */

static const char *
find_listed_flaw(const OmenCheck *check, BlockNumber block, uint8 kind,
				 uint32 owner)
{
	const OmenCheckBlock *note;

	if (block == OMEN_META_BLOCK || block >= check->nblocks)
		return "does not exist";
	note = &check->seen.blocks[block];
	if (note->kind == OMEN_CHECK_DAMAGED)
		return "is damaged";
	if (note->kind != kind)
		return "is of another kind";
	if (note->owner != owner)
		return "is another group's";
	if ((note->flags & OMEN_PAGE_LISTED) == 0)
		return "does not say that it is on a list";
	if ((note->flags & OMEN_CHECK_MET) != 0)
		return "is on the list already";
	return NULL;
}

static void
check_list(OmenCheck *check, uint8 kind, uint32 owner, BlockNumber first)
{
	BlockNumber block = first;

	while (block != InvalidBlockNumber)
	{
		const char *flaw = find_listed_flaw(check, block, kind, owner);

		if (flaw != NULL)
		{
			omen_check_report(
				check, "list", block, OMEN_CHECK_PAGE,
				"list of pages of kind %#x breaks off: block %u %s", kind,
				block, flaw);
			return;
		}
		check->seen.blocks[block].flags |= OMEN_CHECK_MET;
		block = check->seen.blocks[block].next;
		CHECK_FOR_INTERRUPTS();
	}
}

static bool
has_list(uint8 kind)
{
	return kind == OMEN_PAGE_GROUP || omen_list_of_kind(kind) >= 0;
}

/*
 * A page that has room, or belongs to nobody, and is on no list is what a crash
 * may leave; it is wasted until VACUUM finds it, or frees a slot there.
 */
static void
check_unlisted(OmenCheck *check, BlockNumber block)
{
	const OmenCheckBlock *note = &check->seen.blocks[block];

	if (note->kind == OMEN_CHECK_NEW)
		omen_check_report_leftover(check, "lost_space", block, OMEN_CHECK_PAGE,
								   "page was never written");
	else if (!has_list(note->kind))
		return;
	else if (note->next != InvalidBlockNumber)
		omen_check_report(check, "list", block, OMEN_CHECK_PAGE,
						  "page is on no list, but leads to block %u",
						  note->next);
	else if (note->kind == OMEN_PAGE_FREE)
		omen_check_report_leftover(check, "lost_space", block, OMEN_CHECK_PAGE,
								   "page is free, but on no list");
	else if ((note->flags & OMEN_CHECK_HAS_ROOM) != 0)
		omen_check_report_leftover(check, "lost_space", block, OMEN_CHECK_PAGE,
								   "page has room, but is on no list");
}

/*
 * Check the lists of pages with room.
 */
void
omen_check_lists(OmenCheck *check)
{
	static const uint8 kinds[] = {OMEN_PAGE_FREE, OMEN_PAGE_NODE,
								  OMEN_PAGE_UPPER, OMEN_PAGE_POSTING};

	for (int i = 0; i < (int) lengthof(kinds); i++)
		check_list(check, kinds[i], 0,
				   check->meta.room[omen_list_of_kind(kinds[i])]);
	for (uint64 i = 0; omen_check_has_groups(check) && i < check->groups.count;
		 i++)
	{
		const OmenCheckGroup *group = &check->groups.list[i];

		check_list(check, OMEN_PAGE_NODE, group->id, group->record.room_node);
		check_list(check, OMEN_PAGE_UPPER, group->id, group->record.room_upper);
	}
	if (omen_check_has_groups(check))
		check_list(check, OMEN_PAGE_GROUP, 0, check->meta.room_group);
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < check->nblocks;
		 block++)
	{
		const OmenCheckBlock *note = &check->seen.blocks[block];

		if ((note->flags & OMEN_PAGE_LISTED) == 0)
			check_unlisted(check, block);
		else if (!has_list(note->kind))
			omen_check_report(check, "list", block, OMEN_CHECK_PAGE,
							  "page is of a kind of which there is no list");
		else if ((note->flags & OMEN_CHECK_MET) == 0)
			omen_check_report(check, "list", block, OMEN_CHECK_PAGE,
							  "page says that it is on a list, and is not");
	}
}

/* ---------- what is nobody's ---------- */

/*
 * An empty one was its node's until the chain was dropped.  Side lists lose a
 * chunk in one step.
 */
static bool
is_left_over(const OmenCheckChunk *chunk)
{
	return chunk->count == 0 && omen_check_side(chunk) == OMEN_SIDE_NONE;
}

static void
report_chunks(OmenCheck *check, BlockNumber block)
{
	const OmenCheckBlock *note = &check->seen.blocks[block];

	for (uint32 i = 0; i < note->used; i++)
	{
		const OmenCheckChunk *chunk = &check->seen.chunks[note->base + i];

		if ((chunk->flags & OMEN_SLOT_USED) == 0 ||
			(chunk->flags & OMEN_CHECK_REACHED) != 0)
			continue;
		if (is_left_over(chunk))
			omen_check_report_leftover(check, "orphan_chunk", block, i,
									   "chunk of node %u %s", chunk->owner,
									   find_chunk_flaw(check, chunk));
		else
			omen_check_report(check, "posting", block, i, "chunk of node %u %s",
							  chunk->owner, find_chunk_flaw(check, chunk));
	}
}

/*
 * Report chunks and payload pages that no chain has led to.
 */
void
omen_check_leftovers(OmenCheck *check)
{
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < check->nblocks;
		 block++)
	{
		const OmenCheckBlock *note = &check->seen.blocks[block];

		if (note->kind == OMEN_PAGE_POSTING)
			report_chunks(check, block);
		else if ((note->kind == OMEN_PAGE_PAYLOAD ||
				  note->kind == OMEN_PAGE_MEAN) &&
				 (note->flags & OMEN_CHECK_MET) == 0)
			omen_check_report_leftover(check, "orphan_payload", block,
									   OMEN_CHECK_PAGE,
									   "page is on no chain of payload");
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---------- heap TIDs ---------- */

static int
compare_tids(const void *a, const void *b)
{
	const OmenCheckTid *x = a;
	const OmenCheckTid *y = b;

	return ItemPointerCompare(unconstify(ItemPointerData *, &x->tid),
							  unconstify(ItemPointerData *, &y->tid));
}

/*
 * Sort the heap TIDs of the index, and report those that it has twice.
 */
void
omen_check_tids(OmenCheck *check)
{
	if (check->seen.ntids > 0)
		qsort(check->seen.tids, check->seen.ntids, sizeof(OmenCheckTid),
			  compare_tids);
	for (uint64 i = 1; i < check->seen.ntids; i++)
	{
		OmenCheckTid *tid = &check->seen.tids[i];

		if (compare_tids(tid - 1, tid) == 0)
			omen_check_report(
				check, "tid_duplicate", tid->block, tid->slot,
				"heap TID (%u,%u) is in block %u, slot %u as well",
				ItemPointerGetBlockNumber(&tid->tid),
				ItemPointerGetOffsetNumber(&tid->tid), tid[-1].block,
				tid[-1].slot);
		CHECK_FOR_INTERRUPTS();
	}
}
