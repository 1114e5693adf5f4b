/*-------------------------------------------------------------------------
 *
 * tid_set.c
 *	  A set of heap TIDs with a fast test for membership.
 *
 * What an index scan into a TIDBitmap gives, which can be iterated only, as a
 * bit map of offsets for each heap block, found by a hash of the block's
 * number.  Blocks that the TIDBitmap has no room for in detail stay as they
 * are: every TID of such a block may be in the set.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "compat.h"
#include "miscadmin.h"
#include "filter/tid_set.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

static OmenTidSetBlock *
add_block(OmenTidSet *set, uint32 *room)
{
	if (set->nblocks == *room)
	{
		*room = Max(64, *room * 2);
		set->blocks =
			set->blocks
				? repalloc_huge(set->blocks,
								mul_size(*room, sizeof(OmenTidSetBlock)))
				: palloc_extended(mul_size(*room, sizeof(OmenTidSetBlock)),
								  MCXT_ALLOC_HUGE);
	}
	memset(&set->blocks[set->nblocks], 0, sizeof(OmenTidSetBlock));
	return &set->blocks[set->nblocks++];
}

/* Have the blocks found by their numbers. */
static void
build_table(OmenTidSet *set)
{
	uint32		size = pg_nextpower2_32(Max(set->nblocks, 8) * 2);

	set->mask = size - 1;
	set->table = palloc_extended(mul_size(size, sizeof(uint32)),
								 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < set->nblocks; i++)
	{
		uint32		pos = murmurhash32(set->blocks[i].block) & set->mask;

		while (set->table[pos] != 0)
			pos = (pos + 1) & set->mask;
		set->table[pos] = i + 1;
	}
}

/* What a block takes in blocks and in the table, which is half full at most. */
#define BYTES_PER_BLOCK (sizeof(OmenTidSetBlock) + 4 * sizeof(uint32))

/*
 * The set of a bitmap, in the current memory context; NULL if it would take
 * more than so many bytes.
 */
OmenTidSet *
omen_tid_set_create(TIDBitmap *bitmap, Size most)
{
	OmenTidSet *set = palloc0(sizeof(OmenTidSet));
	OmenBitmapWalk walk;
	uint32		room = 0;

	omen_bitmap_walk_begin(&walk, bitmap);
	while (omen_bitmap_walk_next(&walk))
	{
		OmenTidSetBlock *block;

		CHECK_FOR_INTERRUPTS();
		if (set->nblocks >= most / BYTES_PER_BLOCK)
		{
			set = NULL;
			break;
		}
		block = add_block(set, &room);
		block->block = walk.block;
		block->is_lossy = walk.count < 0;
		if (block->is_lossy)
			set->nlossy++;
		for (int i = 0; i < walk.count; i++)
		{
			block->words[walk.offsets[i] / 64] |= UINT64CONST(1)
												  << (walk.offsets[i] % 64);
			set->ntids++;
		}
	}
	omen_bitmap_walk_end(&walk);
	if (set)
		build_table(set);
	return set;
}

/* Is a TID in the set, or may it be? */
bool
omen_tid_set_has(const OmenTidSet *set, ItemPointer tid)
{
	BlockNumber number = ItemPointerGetBlockNumberNoCheck(tid);
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(tid);
	uint32		pos = murmurhash32(number) & set->mask;

	while (set->table[pos] != 0)
	{
		const OmenTidSetBlock *block = &set->blocks[set->table[pos] - 1];

		if (block->block == number)
			return block->is_lossy ||
				   (offset <= MaxHeapTuplesPerPage &&
					(block->words[offset / 64] >> (offset % 64) & 1) != 0);
		pos = (pos + 1) & set->mask;
	}
	return false;
}

/* How many line pointers a block of a table has. */
static OffsetNumber
last_offset(Relation heap, BlockNumber block)
{
	Buffer		buf;
	OffsetNumber last;

	if (block >= RelationGetNumberOfBlocks(heap))
		return 0;
	buf = ReadBuffer(heap, block);
	LockBuffer(buf, BUFFER_LOCK_SHARE);
	last = PageGetMaxOffsetNumber(BufferGetPage(buf));
	UnlockReleaseBuffer(buf);
	return last;
}

/* Begin to walk through a set of TIDs of a table. */
void
omen_tid_set_walk(const OmenTidSet *set, Relation heap, OmenTidSetWalk *walk)
{
	walk->set = set;
	walk->heap = heap;
	walk->block = 0;
	walk->offset = FirstOffsetNumber;
}

/*
 * The first offset of the set in a block from `offset` on, or
 * InvalidOffsetNumber.
 */
static OffsetNumber
next_offset(const OmenTidSetBlock *block, OffsetNumber offset)
{
	uint32		word = offset / 64;
	uint64		bits;

	if (word >= lengthof(block->words))
		return InvalidOffsetNumber;
	bits = block->words[word] & (PG_UINT64_MAX << (offset % 64));
	while (bits == 0)
	{
		if (++word >= lengthof(block->words))
			return InvalidOffsetNumber;
		bits = block->words[word];
	}
	return word * 64 + pg_rightmost_one_pos64(bits);
}

/*
 * The next TID in the order of the heap; of a lossy block, each there can be.
 */
bool
omen_tid_set_next(OmenTidSetWalk *walk, ItemPointer tid)
{
	for (; walk->block < walk->set->nblocks; walk->block++)
	{
		const OmenTidSetBlock *block = &walk->set->blocks[walk->block];
		OffsetNumber offset = walk->offset;

		if (!block->is_lossy)
			offset = next_offset(block, offset);
		else
		{
			if (offset == FirstOffsetNumber)
				walk->last = last_offset(walk->heap, block->block);
			if (offset > walk->last)
				offset = InvalidOffsetNumber;
		}
		if (offset != InvalidOffsetNumber)
		{
			walk->offset = offset + 1;
			ItemPointerSet(tid, block->block, offset);
			return true;
		}
		walk->offset = FirstOffsetNumber;
	}
	return false;
}
