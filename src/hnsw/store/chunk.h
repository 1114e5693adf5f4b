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

/* Whose a chain of chunks is: a node's, or a side list. */
typedef struct OmenChainOwner
{
	OmenNodeRef node;			/* for a side list the group; or zeros */
	OmenSide	side;
} OmenChainOwner;

static inline OmenChainOwner
omen_owner_node(OmenNodeRef node)
{
	OmenChainOwner owner = {node, OMEN_SIDE_NONE};

	return owner;
}

static inline OmenChainOwner
omen_owner_side(const OmenGraph *graph, OmenSide side)
{
	OmenChainOwner owner = {{graph->id, graph->version}, side};

	return owner;
}

/* Whose a chunk says that it is. */
static inline OmenChainOwner
omen_owner_of(const OmenPostingChunk *chunk)
{
	OmenChainOwner owner = {{chunk->owner, chunk->owner_version},
							omen_chunk_side(chunk)};

	return owner;
}

extern bool omen_chain_goes_round(OmenChainWalk *walk, uint32 id);
extern uint32 *omen_side_head(OmenGraphData *data, OmenSide side);
extern uint32 omen_chain_head(const OmenGraph *graph, OmenChainOwner owner);
extern OmenPostingChunk *omen_chunk_visit(OmenIndex *ix, uint32 id,
										  OmenChainOwner owner, int lockmode,
										  Buffer *buf);
extern bool omen_chunk_append(OmenIndex *ix, uint32 id, OmenChainOwner owner,
							  ItemPointer tid);
extern uint32 omen_chunk_new(OmenIndex *ix, OmenChange *change, Buffer buf,
							 OmenChainOwner owner, uint32 next,
							 ItemPointer tid);

static inline BlockNumber
omen_chunk_block(uint32 id)
{
	return id / OMEN_CHUNKS_PER_PAGE;
}

#endif							/* OMEN_CHUNK_H */
