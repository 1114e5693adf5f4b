/*-------------------------------------------------------------------------
 *
 * groups.c
 *	  Groups of an index, as a check sees them: their records, keys, and pages.
 *
 * Records are read before all else, since they say what the slots of a group
 * are: a list's or a graph's.  Which rows a group has is rows.c's question, how
 * it is found directory.c's.
 *
 * An index without groups is one here, of id 0, so that whoever asks for the
 * graph of a slot need not care.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/check/check.h"
#include "miscadmin.h"

bool
omen_check_has_groups(const OmenCheck *check)
{
	return check->layout.group_bytes > 0;
}

static OmenCheckGroup *
add_group(OmenCheck *check, uint32 id, BlockNumber block, int slot)
{
	OmenCheckGroup *group;

	check->groups.list =
		omen_check_grow(check->groups.list, sizeof(OmenCheckGroup),
						check->groups.count, &check->groups.room);
	group = &check->groups.list[check->groups.count++];
	memset(group, 0, sizeof(OmenCheckGroup));
	group->id = id;
	group->block = block;
	group->slot = slot;
	return group;
}

/* ---------- finding them ---------- */

/* Which group has an id. */
uint32
omen_check_group(const OmenCheck *check, uint32 id)
{
	uint64		low = 0;
	uint64		high = check->groups.count;

	while (low < high)
	{
		uint64		middle = low + (high - low) / 2;

		if (check->groups.list[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < check->groups.count && check->groups.list[low].id == id
			   ? (uint32) low
			   : OMEN_CHECK_NO_GROUP;
}

/* Which group a slot is of, by what it says. */
uint32
omen_check_group_of(const OmenCheck *check, const OmenPlane *plane,
					const OmenSlotHeader *slot)
{
	return plane->group_offset == 0
			   ? 0
			   : omen_check_group(check, *omen_slot_group(plane, slot));
}

/* ---------- records ---------- */

/* Is so much of a record as anybody relies on fine?  NULL if it is. */
static const char *
find_record_flaw(const OmenCheck *check, const OmenGroupRecord *record)
{
	const OmenGraphData *data = &record->graph;
	uint32		inlined = Min(record->key_bytes, OMEN_GROUP_KEY_BYTES);
	bool		ended = false;

	if (!omen_check_is_zero(data->reserved, sizeof(data->reserved)))
		return "has reserved fields in use";
	if (record->nulls >> check->meta.leading != 0)
		return "has a NULL in a column that there is not";
	if (record->key_bytes > OMEN_MAX_GROUP_KEY)
		return "has a key that is too long";
	if ((record->more != OMEN_INVALID_ID) !=
		(record->key_bytes > OMEN_GROUP_KEY_BYTES))
		return "has a key that goes on, or does not, against its length";
	if (!omen_check_is_zero(record->key + inlined,
							OMEN_GROUP_KEY_BYTES - inlined))
		return "has something behind its key";
	if (data->mode > OMEN_MODE_GRAPH)
		return "has an invalid mode";
	if (data->epoch != 0 || data->mean != InvalidBlockNumber)
		return "has a mean of its own";
	for (int i = 0; i < OMEN_GROUP_BLOCKS; i++)
	{
		if (ended && record->blocks[i] != InvalidBlockNumber)
			return "has a gap among its shared pages";
		ended = record->blocks[i] == InvalidBlockNumber;
	}
	return NULL;
}

/* Take the records of a page in. */
static void
read_records(OmenCheck *check, BlockNumber block)
{
	Page		page = check->page.data;
	uint32		used = Min(OmenPageGetOpaque(page)->used, OMEN_GROUPS_PER_PAGE);

	for (uint32 i = 0; i < used; i++)
	{
		const OmenGroupRecord *record = omen_page_group(page, i);
		const char *flaw;
		bool		is_group;

		if (record->flags == OMEN_GROUP_KEY)
			continue;
		if (record->flags == 0)
		{
			OmenGroupRecord copy = *record;

			copy.version = 0;
			if (!omen_check_is_zero(&copy, sizeof(copy)))
				omen_check_report(check, "group", block, i,
								  "record is not in use, but not empty");
			continue;
		}
		is_group = (record->flags & ~OMEN_GROUP_LEAVING) == OMEN_GROUP_USED;
		flaw = !is_group ? "has impossible flags"
						 : find_record_flaw(check, record);
		if (flaw != NULL)
			omen_check_report(check, "group", block, i, "record %s", flaw);
		if (!is_group)
			continue;
		add_group(check, block * OMEN_GROUPS_PER_PAGE + i, block, i)->record =
			*record;
		omen_check_graph_values(check, &record->graph, block, i);
	}
}

/*
 * Read the records of all groups.  What is wrong with pages as such is for the
 * first pass to report.
 */
void
omen_check_read_groups(OmenCheck *check)
{
	if (!omen_check_has_groups(check))
	{
		add_group(check, 0, OMEN_META_BLOCK, OMEN_CHECK_PAGE)->record.graph =
			check->graph_data;
		return;
	}
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < check->nblocks;
		 block++)
	{
		Page		page = check->page.data;

		if (omen_check_read(check, block, page) &&
			omen_check_frame_flaw(page, block) == NULL &&
			OmenPageGetOpaque(page)->kind == OMEN_PAGE_GROUP)
			read_records(check, block);
	}
}

/* ---------- slots ---------- */

/* Is a page one of those that a group shares with others? */
static bool
is_shared_by(const OmenGroupRecord *record, BlockNumber block)
{
	for (int i = 0; i < OMEN_GROUP_BLOCKS; i++)
	{
		if (record->blocks[i] == block)
			return true;
	}
	return false;
}

/* Report a slot that names a group which does not have it. */
void
omen_check_slot_group(OmenCheck *check, const OmenPlane *plane,
					  const OmenSlotHeader *slot, BlockNumber block, int slotno)
{
	uint32		owner = check->seen.blocks[block].owner;
	uint32		group = omen_check_group_of(check, plane, slot);
	uint32		id;

	if (!omen_check_has_groups(check))
		return;
	id = *omen_slot_group(plane, slot);
	if (group == OMEN_CHECK_NO_GROUP)
		omen_check_report(check, "slot", block, slotno,
						  "slot is of a group %u that there is not", id);
	else if (owner != 0
				 ? owner != id
				 : (plane->kind != OMEN_PAGE_NODE ||
					!is_shared_by(&check->groups.list[group].record, block)))
		omen_check_report(check, "slot", block, slotno,
						  "slot is of group %u, on a page that is not", id);
	if (omen_slot_group(plane, slot)[1] != 0)
		omen_check_report(check, "slot", block, slotno,
						  "slot has something where there is nothing");
}

/* ---------- keys ---------- */

/* Mark which slots of GROUP pages are parts of keys. */
typedef struct KeyParts
{
	uint64	   *met;			/* bit by slot of the GROUP pages, by block */
} KeyParts;

/* The part of a key in a slot; false if there is none. */
static bool
read_part(OmenCheck *check, uint32 id, OmenGroupKeyPart *part)
{
	BlockNumber block = id / OMEN_GROUPS_PER_PAGE;
	uint32		slot = id % OMEN_GROUPS_PER_PAGE;

	if (block == OMEN_META_BLOCK || block >= check->nblocks ||
		check->seen.blocks[block].kind != OMEN_PAGE_GROUP ||
		slot >= check->seen.blocks[block].used ||
		!omen_check_read(check, block, check->side.data))
		return false;
	memcpy(part, omen_page_group(check->side.data, slot), sizeof(*part));
	return part->flags == OMEN_GROUP_KEY;
}

/* Put a group's key together. */
static void
gather_key(OmenCheck *check, OmenCheckGroup *group, KeyParts *parts)
{
	const OmenGroupRecord *record = &group->record;
	uint32		done = Min(record->key_bytes, OMEN_GROUP_KEY_BYTES);
	uint32		more = record->more;
	uint8	   *key;

	if (record->key_bytes > OMEN_MAX_GROUP_KEY)
		return;
	key = palloc(Max(record->key_bytes, 1));
	memcpy(key, record->key, done);
	while (done < record->key_bytes)
	{
		OmenGroupKeyPart part;
		uint64		bit = (uint64) (more / OMEN_GROUPS_PER_PAGE) * 64 +
					 more % OMEN_GROUPS_PER_PAGE;

		if (!read_part(check, more, &part) ||
			part.bytes !=
				Min(record->key_bytes - done, OMEN_GROUP_PART_BYTES) ||
			(parts->met[bit / 64] & (UINT64CONST(1) << bit % 64)) != 0)
		{
			omen_check_report(check, "group", group->block, group->slot,
							  "key breaks off: slot %u does not go on with it",
							  more);
			pfree(key);
			return;
		}
		parts->met[bit / 64] |= UINT64CONST(1) << bit % 64;
		memcpy(key + done, part.key, part.bytes);
		done += part.bytes;
		more = part.more;
	}
	if (omen_group_key_sum(key, record->key_bytes) != record->key_sum)
	{
		omen_check_report(check, "group", group->block, group->slot,
						  "key has another sum");
		pfree(key);
		return;
	}
	group->key = key;
}

/* Report parts of keys that no record leads to. */
static void
report_parts(OmenCheck *check, const KeyParts *parts)
{
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < check->nblocks;
		 block++)
	{
		const OmenCheckBlock *note = &check->seen.blocks[block];

		if (note->kind != OMEN_PAGE_GROUP ||
			!omen_check_read(check, block, check->side.data))
			continue;
		for (uint32 i = 0; i < note->used; i++)
		{
			if (omen_page_group(check->side.data, i)->flags == OMEN_GROUP_KEY &&
				(parts->met[block] & (UINT64CONST(1) << i)) == 0)
				omen_check_report_leftover(check, "orphan_key", block, i,
										   "part of a key is no group's");
		}
	}
}

/*
 * Report keys that no values have.  They must not come before functions of
 * their types, so they count as not readable.
 */
static void
check_values(OmenCheck *check, OmenPrefix *prefix)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw check of a key",
							  ALLOCSET_DEFAULT_SIZES);

	for (uint64 i = 0; i < check->groups.count; i++)
	{
		OmenCheckGroup *group = &check->groups.list[i];
		const OmenGroupRecord *record = &group->record;
		MemoryContext old = MemoryContextSwitchTo(context);
		bool		is_sound =
			group->key == NULL ||
			omen_prefix_is_sound(prefix, record->hash, record->nulls,
								 group->key, record->key_bytes);

		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
		if (is_sound)
			continue;
		omen_check_report(check, "group", group->block, group->slot,
						  "key is none that values with its hash have");
		pfree(group->key);
		group->key = NULL;
	}
	MemoryContextDelete(context);
}

static int
compare_hashes(const void *a, const void *b)
{
	const OmenCheckGroup *x = *(OmenCheckGroup *const *) a;
	const OmenCheckGroup *y = *(OmenCheckGroup *const *) b;

	if (x->record.hash != y->record.hash)
		return x->record.hash < y->record.hash ? -1 : 1;
	return x->id < y->id ? -1 : (x->id > y->id ? 1 : 0);
}

/* Are the keys of two groups equal? */
static bool
have_equal_keys(OmenPrefix *prefix, const OmenCheckGroup *a,
				const OmenCheckGroup *b)
{
	OmenPrefixKey key;

	if (a->key == NULL || b->key == NULL || omen_check_is_leaving(a) ||
		omen_check_is_leaving(b))
		return false;
	key.nulls = a->record.nulls;
	key.count = a->record.key_bytes;
	memcpy(key.bytes, a->key, key.count);
	return omen_prefix_is_equal(prefix, &key, b->record.nulls, b->key,
								b->record.key_bytes);
}

/* Report groups with equal keys.  These have one hash. */
static void
check_equal_keys(OmenCheck *check, OmenPrefix *prefix)
{
	OmenCheckGroup **sorted =
		palloc_extended(mul_size(Max(check->groups.count, 1),
								 sizeof(OmenCheckGroup *)),
						MCXT_ALLOC_HUGE);

	for (uint64 i = 0; i < check->groups.count; i++)
		sorted[i] = &check->groups.list[i];
	qsort(sorted, check->groups.count, sizeof(OmenCheckGroup *),
		  compare_hashes);
	for (uint64 i = 1; i < check->groups.count; i++)
	{
		for (uint64 j = i;
			 j-- > 0 && sorted[j]->record.hash == sorted[i]->record.hash;)
		{
			CHECK_FOR_INTERRUPTS();
			if (have_equal_keys(prefix, sorted[j], sorted[i]))
				omen_check_report(check, "group", sorted[i]->block,
								  sorted[i]->slot,
								  "group %u has the same values as group %u",
								  sorted[i]->id, sorted[j]->id);
		}
	}
	pfree(sorted);
}

/* ---------- pages ---------- */

/*
 * Follow the chain of a group's own pages of a kind, and mark them: their owner
 * is taken off the notes, so that what is left was not met.
 */
static void
check_chain(OmenCheck *check, const OmenCheckGroup *group, BlockNumber first,
			uint8 kind, bool *met)
{
	for (BlockNumber block = first; block != InvalidBlockNumber;
		 block = check->seen.blocks[block].chain)
	{
		const OmenCheckBlock *note =
			block < check->nblocks ? &check->seen.blocks[block] : NULL;
		const char *flaw = NULL;

		CHECK_FOR_INTERRUPTS();
		if (block == OMEN_META_BLOCK || note == NULL)
			flaw = "does not exist";
		else if (note->kind == OMEN_CHECK_DAMAGED)
			flaw = "is damaged";
		else if (note->kind != kind)
			flaw = "is of another kind";
		else if (note->owner != group->id)
			flaw = "is not the group's";
		else if (met[block])
			flaw = "is on the chain already";
		if (flaw != NULL)
		{
			omen_check_report(check, "group", group->block, group->slot,
							  "chain of pages breaks off: block %u %s", block,
							  flaw);
			return;
		}
		met[block] = true;
	}
}

/*
 * The pages that a group shares with others, or shared.  One that became empty
 * may be another's own by now.
 */
static void
check_shared(OmenCheck *check, const OmenCheckGroup *group)
{
	for (int i = 0; i < OMEN_GROUP_BLOCKS; i++)
	{
		BlockNumber block = group->record.blocks[i];

		if (block == InvalidBlockNumber)
			continue;
		if (block == OMEN_META_BLOCK || block >= check->nblocks ||
			(check->seen.blocks[block].kind != OMEN_CHECK_DAMAGED &&
			 check->seen.blocks[block].kind != OMEN_PAGE_NODE))
			omen_check_report(check, "group", group->block, group->slot,
							  "group has slots on block %u, which is no page "
							  "of nodes",
							  block);
	}
}

/*
 * Check what is kept of each group, but for its nodes.
 */
void
omen_check_groups(OmenCheck *check)
{
	OmenPrefix *prefix;
	KeyParts	parts;
	bool	   *met;

	if (!omen_check_has_groups(check))
		return;
	StaticAssertStmt(OMEN_GROUPS_PER_PAGE <= 64, "a word has too few bits");
	parts.met = palloc_extended(mul_size(check->nblocks, sizeof(uint64)),
								MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	met = palloc_extended(check->nblocks, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < check->groups.count; i++)
	{
		OmenCheckGroup *group = &check->groups.list[i];

		gather_key(check, group, &parts);
		check_shared(check, group);
		check_chain(check, group, group->record.chain, OMEN_PAGE_NODE, met);
		check_chain(check, group, group->record.upper_chain, OMEN_PAGE_UPPER,
					met);
	}
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < check->nblocks;
		 block++)
	{
		const OmenCheckBlock *note = &check->seen.blocks[block];

		if (!met[block] && note->owner != 0 && note->kind != OMEN_CHECK_DAMAGED)
			omen_check_report(check, "group", block, OMEN_CHECK_PAGE,
							  "page is group %u's, and not on its chain",
							  note->owner);
	}
	report_parts(check, &parts);
	prefix = omen_prefix_open(check->index);
	check_values(check, prefix);
	check_equal_keys(check, prefix);
	pfree(met);
}
