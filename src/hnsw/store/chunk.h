/*-------------------------------------------------------------------------
 *
 * chunk.h
 *	  Chunks of heap TIDs, one by one, and the chains that they form.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_CHUNK_H
#define OMEN_CHUNK_H

#include "hnsw/store/store.h"

/*
 * Has a walk along a chain gone round in a circle (R. Brent, "An improved Monte
 * Carlo factorization algorithm", 1980)?  Of a damaged chain this says so after
 * a few times as many steps as it has chunks.  All bytes zero at the start.
 */
typedef struct OmenChainWalk
{
	uint32		mark;			/* where the walk was */
	uint64		since;			/* steps that it has taken since then */
	uint64		until;			/* steps after which the mark moves here */
} OmenChainWalk;

extern bool omen_chain_goes_round(OmenChainWalk *walk, uint32 id);
extern uint32 *omen_side_head(OmenGraphData *data, uint32 owner);
extern uint32 omen_chain_head(const OmenGraph *graph, OmenNodeRef owner);
extern OmenPostingChunk *omen_chunk_visit(OmenIndex *ix, uint32 id,
										  OmenNodeRef owner, int lockmode,
										  Buffer *buf);
extern bool omen_chunk_append(OmenIndex *ix, uint32 id, OmenNodeRef owner,
							  ItemPointer tid);
extern uint32 omen_chunk_new(OmenIndex *ix, OmenChange *change, Buffer buf,
							 OmenNodeRef owner, uint32 next, ItemPointer tid);

static inline BlockNumber
omen_chunk_block(uint32 id)
{
	return id / OMEN_CHUNKS_PER_PAGE;
}

#endif							/* OMEN_CHUNK_H */
