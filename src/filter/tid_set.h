/*-------------------------------------------------------------------------
 *
 * tid_set.h
 *	  A set of heap TIDs with a fast test for membership.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_TID_SET_H
#define OMEN_TID_SET_H

#include "postgres.h"

#include "access/htup_details.h"
#include "nodes/tidbitmap.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

#define OMEN_TID_SET_WORDS ((MaxHeapTuplesPerPage + 64) / 64)

/* The TIDs of one block. */
typedef struct OmenTidSetBlock
{
	BlockNumber block;
	bool		is_lossy;		/* any TID of the block may be in the set */
	uint64		words[OMEN_TID_SET_WORDS];	/* bits by offset number */
} OmenTidSetBlock;

typedef struct OmenTidSet
{
	OmenTidSetBlock *blocks;	/* in the order of their numbers */
	uint32		nblocks;
	uint32		nlossy;
	uint32	   *table;			/* open addressing: place in blocks + 1, or 0 */
	uint32		mask;
	uint64		ntids;			/* without those of lossy blocks */
} OmenTidSet;

/* Where a walk through a set is. */
typedef struct OmenTidSetWalk
{
	const OmenTidSet *set;
	Relation	heap;
	uint32		block;
	OffsetNumber offset;		/* the next one to look at */
	OffsetNumber last;			/* of the block, once it was looked at */
} OmenTidSetWalk;

extern OmenTidSet *omen_tid_set_create(TIDBitmap *bitmap, Size most);
extern bool omen_tid_set_has(const OmenTidSet *set, ItemPointer tid);
extern void omen_tid_set_walk(const OmenTidSet *set, Relation heap,
							  OmenTidSetWalk *walk);
extern bool omen_tid_set_next(OmenTidSetWalk *walk, ItemPointer tid);

#endif							/* OMEN_TID_SET_H */
