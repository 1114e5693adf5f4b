/*-------------------------------------------------------------------------
 *
 * posting_vacuum.c
 *	  Taking empty chunks back, for VACUUM (vacuum.c, check_suspects()).
 *
 * Freed are: an empty chunk behind the first of its chain; all chunks of a
 * chain that is empty, with its node's page locked; and an empty chunk on no
 * chain, which a crash left.  Nobody else frees chunks.
 *
 * VACUUM alone changes links behind the first chunk of a chain, and there is
 * one VACUUM at a time.  An empty chunk that is the first takes the next TIDs,
 * and stays; a chain of nothing but empty ones is dropped with its node.  (A
 * side list keeps its first chunk.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/chunk.h"
#include "miscadmin.h"

/*
 * Take one empty chunk out of its chain, where it follows another.
 */
static void
unlink_chunk(OmenIndex *ix, uint32 previous, uint32 id, OmenChainOwner owner)
{
	bool		same_page = omen_chunk_block(previous) == omen_chunk_block(id);
	OmenPostingChunk *before;
	OmenPostingChunk *chunk;
	Buffer		before_buf;
	Buffer		buf;
	OmenChange	change;
	Page		before_page;
	Page		page;

	before = omen_chunk_visit(ix, previous, owner, BUFFER_LOCK_EXCLUSIVE,
							  &before_buf);
	if (before == NULL)
		return;
	if (same_page)
	{
		buf = before_buf;
		chunk = omen_page_chunk(BufferGetPage(buf), id % OMEN_CHUNKS_PER_PAGE);
	}
	else
	{
		/*
		 * The only place that locks two pages of a kind; nobody else waits
		 * for one with another locked, so the order does not matter.
		 */
		chunk = omen_chunk_visit(ix, id, owner, BUFFER_LOCK_EXCLUSIVE, &buf);
		if (chunk == NULL)
		{
			UnlockReleaseBuffer(before_buf);
			return;
		}
	}
	if (chunk->count == 0 && before->next == id)
	{
		uint32		next = chunk->next;

		omen_change_begin(&change, &ix->pages);
		before_page = omen_change_page(&change, before_buf);
		page = same_page ? before_page : omen_change_page(&change, buf);
		omen_page_chunk(before_page, previous % OMEN_CHUNKS_PER_PAGE)->next =
			next;
		omen_page_give_slot(ix, page, id % OMEN_CHUNKS_PER_PAGE);
		omen_change_commit(&change);
		omen_page_list(ix, buf);
	}
	if (!same_page)
		UnlockReleaseBuffer(buf);
	UnlockReleaseBuffer(before_buf);
}

/*
 * Take empty chunks out of a chain, all but the first, which takes the next
 * TIDs.  Only VACUUM changes links behind the first, so the owner need not be
 * locked.
 */
static void
compact_chain(OmenGraph *graph, OmenChainOwner owner)
{
	OmenIndex  *ix = graph->ix;
	uint32		previous = OMEN_INVALID_ID;
	uint32		id = omen_chain_head(graph, owner);
	OmenChainWalk walk = {0};

	while (id != OMEN_INVALID_ID && !omen_chain_goes_round(&walk, id))
	{
		Buffer		buf;
		OmenPostingChunk *chunk =
			omen_chunk_visit(ix, id, owner, BUFFER_LOCK_SHARE, &buf);
		OmenPostingChunk copy;

		if (chunk == NULL)
			return;
		copy = *chunk;
		UnlockReleaseBuffer(buf);
		if (copy.count == 0 && previous != OMEN_INVALID_ID)
			unlink_chunk(ix, previous, id, owner);
		else
			previous = id;
		id = copy.next;
		CHECK_FOR_INTERRUPTS();
	}
}

void
omen_posting_compact(OmenGraph *graph, OmenNodeRef node)
{
	compact_chain(graph, omen_owner_node(node));
}

void
omen_posting_compact_side(OmenGraph *graph, OmenSide side)
{
	compact_chain(graph, omen_owner_side(graph, side));
}

/* Free a chunk of an owner; returns the next one of its chain. */
static uint32
free_chunk(OmenIndex *ix, uint32 id, OmenChainOwner owner)
{
	Buffer		buf;
	OmenPostingChunk *chunk =
		omen_chunk_visit(ix, id, owner, BUFFER_LOCK_EXCLUSIVE, &buf);
	OmenChange	change;
	uint32		next;

	if (chunk == NULL)
		return OMEN_INVALID_ID;
	next = chunk->next;
	omen_change_begin(&change, &ix->pages);
	omen_page_give_slot(ix, omen_change_page(&change, buf),
						id % OMEN_CHUNKS_PER_PAGE);
	omen_change_commit(&change);
	omen_page_list(ix, buf);
	UnlockReleaseBuffer(buf);
	return next;
}

/* Is there no TID in a chain?  The owner's page is locked. */
static bool
chain_is_empty(OmenIndex *ix, uint32 first, OmenChainOwner owner)
{
	OmenChainWalk walk = {0};
	uint32		id = first;

	while (id != OMEN_INVALID_ID)
	{
		Buffer		buf;
		OmenPostingChunk *chunk =
			omen_chunk_visit(ix, id, owner, BUFFER_LOCK_SHARE, &buf);
		bool		empty;

		/* a broken chain, or one with a cycle, is left alone */
		if (chunk == NULL)
			return false;
		empty = chunk->count == 0 && !omen_chain_goes_round(&walk, id);
		id = chunk->next;
		UnlockReleaseBuffer(buf);
		if (!empty)
			return false;
	}
	return true;
}

/*
 * A node that has no TID in its slot: if its chain has none either, drop the
 * chain.  True if the node has no row then.
 */
bool
omen_posting_drop_empty(OmenGraph *graph, OmenNodeRef node)
{
	OmenIndex  *ix = graph->ix;
	const OmenPlane *plane = &ix->layout.node;
	Buffer		buf = omen_pin(&ix->pages, omen_id_block(plane, node.id));
	uint32		slotno = omen_id_slot(plane, node.id);
	OmenSlotHeader *slot;
	OmenChange	change;
	uint32		first;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	slot = omen_page_slot(BufferGetPage(buf), plane, slotno);
	first = slot->u.node.posting;
	if ((slot->flags & OMEN_SLOT_USED) == 0 || slot->version != node.version ||
		ItemPointerIsValid(&slot->u.node.heaptid) ||
		!chain_is_empty(ix, first, omen_owner_node(node)))
	{
		UnlockReleaseBuffer(buf);
		return false;
	}
	if (first != OMEN_INVALID_ID)
	{
		omen_change_begin(&change, &ix->pages);
		slot = omen_page_slot(omen_change_page(&change, buf), plane, slotno);
		slot->u.node.posting = OMEN_INVALID_ID;
		omen_change_commit(&change);
	}
	/* under the node's lock, so that no new chain starts meanwhile */
	while (first != OMEN_INVALID_ID)
		first = free_chunk(ix, first, omen_owner_node(node));
	UnlockReleaseBuffer(buf);
	return true;
}

/*
 * Is a chunk on the chain of its owner?  Only VACUUM changes links behind the
 * first, so the owner need not be locked.
 */
static bool
is_on_chain(OmenGraph *graph, OmenChainOwner owner, uint32 id)
{
	OmenIndex  *ix = graph->ix;
	uint32		at = omen_chain_head(graph, owner);
	OmenChainWalk walk = {0};

	while (at != OMEN_INVALID_ID && at != id)
	{
		Buffer		buf;
		OmenPostingChunk *chunk =
			omen_chunk_visit(ix, at, owner, BUFFER_LOCK_SHARE, &buf);

		/* a damaged chain may hold anything */
		if (chunk == NULL)
			return true;
		at = chunk->next;
		UnlockReleaseBuffer(buf);
		if (omen_chain_goes_round(&walk, at))
			return true;
		CHECK_FOR_INTERRUPTS();
	}
	return at == id;
}

/*
 * Free an empty chunk that no chain holds: a crash came while its chain was
 * dropped.  Its node may have got another chain since.
 */
void
omen_posting_reclaim(OmenGraph *graph, uint32 id)
{
	OmenIndex  *ix = graph->ix;
	Buffer		buf = omen_pin(&ix->pages, omen_chunk_block(id));
	OmenPostingChunk copy;
	OmenChainOwner owner;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	copy = *omen_page_chunk(BufferGetPage(buf), id % OMEN_CHUNKS_PER_PAGE);
	UnlockReleaseBuffer(buf);
	if ((copy.flags & OMEN_SLOT_USED) == 0 || copy.count > 0 ||
		omen_chunk_side(&copy) != OMEN_SIDE_NONE)
		return;

	owner = omen_owner_of(&copy);
	if (!is_on_chain(graph, owner, id))
		(void) free_chunk(ix, id, owner);
}
