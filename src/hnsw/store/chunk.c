/*-------------------------------------------------------------------------
 *
 * chunk.c
 *	  Chunks of heap TIDs, one by one, and the chains that they form.
 *
 * A chunk names its owner, so that whoever follows a chain without the owner's
 * lock sees a chunk that has become somebody else's.  What is on a chain, and
 * who may change it, is posting.c's business.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/chunk.h"

/* ---------- chains ---------- */

bool
omen_chain_goes_round(OmenChainWalk *walk, uint32 id)
{
	if (walk->until > 0 && walk->mark == id)
		return true;
	if (walk->since++ == walk->until)
	{
		walk->mark = id;
		walk->since = 0;
		walk->until = Max(1, walk->until * 2);
	}
	return false;
}

/* Where the chain of a side list begins. */
uint32 *
omen_side_head(OmenGraphData *data, OmenSide side)
{
	return side == OMEN_SIDE_NULL ? &data->side_null : &data->side_nan;
}

/* Where the chain of an owner begins. */
uint32
omen_chain_head(const OmenGraph *graph, OmenChainOwner owner)
{
	OmenIndex  *ix = graph->ix;
	OmenSlotHeader *slot;
	uint32		head = OMEN_INVALID_ID;
	Buffer		buf;

	if (owner.side != OMEN_SIDE_NONE)
	{
		OmenGraphData data;

		omen_graph_read(graph, &data);
		return *omen_side_head(&data, owner.side);
	}
	slot = omen_visit(ix, &ix->layout.node, owner.node.id, &buf);
	if (slot != NULL)
	{
		if (slot->version == owner.node.version)
			head = slot->u.node.posting;
		UnlockReleaseBuffer(buf);
	}
	return head;
}

/* ---------- chunks ---------- */

static inline bool
is_owned_by(const OmenPostingChunk *chunk, OmenChainOwner owner)
{
	return chunk->owner == owner.node.id &&
		   chunk->owner_version == owner.node.version &&
		   omen_chunk_side(chunk) == owner.side;
}

/*
 * Pin and lock the page of a chunk; NULL with nothing held if there is no such
 * chunk of this owner.
 */
OmenPostingChunk *
omen_chunk_visit(OmenIndex *ix, uint32 id, OmenChainOwner owner, int lockmode,
				 Buffer *buf)
{
	BlockNumber block = omen_chunk_block(id);
	uint32		slot = id % OMEN_CHUNKS_PER_PAGE;
	OmenPageOpaque opaque;

	if (block == OMEN_META_BLOCK || !omen_block_exists(&ix->pages, block))
		return NULL;
	*buf = omen_pin(&ix->pages, block);
	if (!omen_page_seems(*buf, OMEN_PAGE_POSTING))
	{
		ReleaseBuffer(*buf);
		return NULL;
	}
	LockBuffer(*buf, lockmode);
	opaque = omen_check_page(ix->pages.rel, *buf);
	if (opaque != NULL && opaque->kind == OMEN_PAGE_POSTING &&
		slot < opaque->used)
	{
		OmenPostingChunk *chunk = omen_page_chunk(BufferGetPage(*buf), slot);

		if ((chunk->flags & OMEN_SLOT_USED) != 0 && is_owned_by(chunk, owner) &&
			chunk->count <= OMEN_CHUNK_TIDS)
			return chunk;
	}
	UnlockReleaseBuffer(*buf);
	return NULL;
}

/*
 * Append a TID to a chunk that has room.  False if it has not.
 */
bool
omen_chunk_append(OmenIndex *ix, uint32 id, OmenChainOwner owner,
				  ItemPointer tid)
{
	Buffer		buf;
	OmenPostingChunk *chunk;
	OmenChange	change;

	if (id == OMEN_INVALID_ID)
		return false;
	chunk = omen_chunk_visit(ix, id, owner, BUFFER_LOCK_EXCLUSIVE, &buf);
	if (chunk == NULL)
		return false;
	if (chunk->count == OMEN_CHUNK_TIDS)
	{
		UnlockReleaseBuffer(buf);
		return false;
	}
	omen_change_begin(&change, &ix->pages);
	chunk = omen_page_chunk(omen_change_page(&change, buf),
							id % OMEN_CHUNKS_PER_PAGE);
	chunk->tids[chunk->count++] = *tid;
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	return true;
}

/*
 * Fill a fresh chunk, before `next` of its chain, on a page that takes part in
 * a change; returns its id.
 */
uint32
omen_chunk_new(OmenIndex *ix, OmenChange *change, Buffer buf,
			   OmenChainOwner owner, uint32 next, ItemPointer tid)
{
	Page		page = omen_change_page(change, buf);
	uint32		slot = omen_page_take_slot(ix, page);
	OmenPostingChunk *chunk = omen_page_chunk(page, slot);

	chunk->owner = owner.node.id;
	chunk->owner_version = owner.node.version;
	chunk->flags = OMEN_SLOT_USED | owner.side;
	chunk->count = 1;
	chunk->next = next;
	chunk->tids[0] = *tid;
	return BufferGetBlockNumber(buf) * OMEN_CHUNKS_PER_PAGE + slot;
}
