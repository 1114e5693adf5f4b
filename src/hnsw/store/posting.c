/*-------------------------------------------------------------------------
 *
 * posting.c
 *	  Heap TIDs: of a node, beyond the one in its slot, and of the side lists.
 *
 * Where a chain begins changes only under the exclusive lock of the owner's
 * page (the node's, or the metapage for a side list); its further links are
 * changed by VACUUM only.  The TIDs
 * in a chunk change under the lock of the chunk's own page, so that VACUUM
 * strips dead TIDs page by page without knowing whose they are; a chunk that
 * has become empty takes new TIDs if it is the first of its chain; the others
 * VACUUM takes out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"
#include "miscadmin.h"
#include "pause.h"
#include "utils/memutils.h"

/* How often a chain that breaks off is read before it counts as broken. */
#define MAX_WALKS 100

void
omen_tid_list_add(OmenTidList *list, ItemPointer tid)
{
	if (list->count == list->room)
	{
		list->room = Max(16, list->room * 2);
		if (list->tids == NULL)
			list->tids = MemoryContextAllocHuge(
				list->context ? list->context : CurrentMemoryContext,
				mul_size(list->room, sizeof(ItemPointerData)));
		else
			list->tids =
				repalloc_huge(list->tids,
							  mul_size(list->room, sizeof(ItemPointerData)));
	}
	list->tids[list->count++] = *tid;
}

/* Whose a chain of chunks is: a node's, or a side list. */
typedef struct ChainOwner
{
	OmenNodeRef node;			/* zeros for a side list */
	OmenSide	side;
} ChainOwner;

static inline ChainOwner
owner_of_node(OmenNodeRef node)
{
	ChainOwner	owner = {node, OMEN_SIDE_NONE};

	return owner;
}

static inline ChainOwner
owner_of_side(OmenSide side)
{
	ChainOwner	owner = {{0, 0}, side};

	return owner;
}

static inline bool
is_owned_by(const OmenPostingChunk *chunk, ChainOwner owner)
{
	return chunk->owner == owner.node.id &&
		   chunk->owner_version == owner.node.version &&
		   omen_chunk_side(chunk) == owner.side;
}

static inline BlockNumber
chunk_block(uint32 id)
{
	return id / OMEN_CHUNKS_PER_PAGE;
}

/*
 * Has a walk along a chain gone round in a circle (R. Brent, "An improved Monte
 * Carlo factorization algorithm", 1980)?  Of a damaged chain this says so after
 * a few times as many steps as it has chunks.  All bytes zero at the start.
 */
typedef struct ChainWalk
{
	uint32		mark;			/* where the walk was */
	uint64		since;			/* steps that it has taken since then */
	uint64		until;			/* steps after which the mark moves here */
} ChainWalk;

static bool
goes_round(ChainWalk *walk, uint32 id)
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

/*
 * Pin and lock the page of a chunk; NULL with nothing held if there is no such
 * chunk of this owner.
 */
static OmenPostingChunk *
visit_chunk(OmenIndex *ix, uint32 id, ChainOwner owner, int lockmode,
			Buffer *buf)
{
	BlockNumber block = chunk_block(id);
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
static bool
append_to_chunk(OmenIndex *ix, uint32 id, ChainOwner owner, ItemPointer tid)
{
	Buffer		buf;
	OmenPostingChunk *chunk;
	OmenChange	change;

	if (id == OMEN_INVALID_ID)
		return false;
	chunk = visit_chunk(ix, id, owner, BUFFER_LOCK_EXCLUSIVE, &buf);
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

/* Fill a fresh chunk on a page from omen_change_page(); returns its id. */
static uint32
new_chunk(OmenIndex *ix, Page page, BlockNumber block, ChainOwner owner,
		  uint32 next, ItemPointer tid)
{
	uint32		slot = omen_page_take_slot(ix, page);
	OmenPostingChunk *chunk = omen_page_chunk(page, slot);

	chunk->owner = owner.node.id;
	chunk->owner_version = owner.node.version;
	chunk->flags = OMEN_SLOT_USED | owner.side;
	chunk->count = 1;
	chunk->next = next;
	chunk->tids[0] = *tid;
	return block * OMEN_CHUNKS_PER_PAGE + slot;
}

/*
 * May a row be attached to this node?  Its insert must have finished linking
 * (else a crash could cut a committed row off), VACUUM must not have condemned
 * it, and it must be of the very same code.
 */
static bool
may_attach(OmenIndex *ix, const OmenSlotHeader *slot, OmenNodeRef node,
		   const OmenCodeHeader *header, const void *code)
{
	uint8		refused = OMEN_SLOT_LINKING | OMEN_SLOT_CONDEMNED;

	/* a member of the flat list is whole as it is while there is a list */
	if (ix->meta.graph.mode == OMEN_MODE_GRAPH)
		refused |= OMEN_SLOT_FLAT;
	if (slot->version != node.version || (slot->flags & refused) != 0 ||
		slot->epoch != ix->meta.graph.epoch ||
		omen_slot_code_header(slot)->offset != header->offset ||
		omen_slot_code_header(slot)->step != header->step)
		return false;
	if (ix->layout.out_of_line)
		return omen_payload_read(ix, OMEN_PAGE_PAYLOAD, slot->payload, node.id,
								 node.version, ix->code_space,
								 ix->layout.code_bytes) &&
			   memcmp(ix->code_space, code, ix->layout.code_bytes) == 0;
	return memcmp(omen_slot_code(&ix->layout, slot), code,
				  ix->layout.code_bytes) == 0;
}

/*
 * Attach with the node's page locked exclusively.  keys are the row's; NULL if
 * they differ from those of the node.
 */
static void
attach_locked(OmenIndex *ix, Buffer buf, OmenNodeRef node,
			  const OmenCodeHeader *header, const OmenRowKeys *keys,
			  ItemPointer tid)
{
	const OmenPlane *plane = &ix->layout.node;
	uint32		slotno = omen_id_slot(plane, node.id);
	OmenSlotHeader *slot = omen_page_slot(BufferGetPage(buf), plane, slotno);
	bool		needs_inline = !ItemPointerIsValid(&slot->u.node.heaptid);
	bool raises_error = omen_slot_code_header(slot)->error < header->error;
	bool		takes_keys = !omen_node_has_row(slot) && keys != NULL;
	bool		mixes = !takes_keys && (slot->flags & OMEN_SLOT_MIXED) == 0 &&
				 (keys == NULL || !omen_slot_has_keys(&ix->layout, slot, keys));
	ChainOwner	owner = owner_of_node(node);
	Buffer		chunkbuf = InvalidBuffer;
	OmenCodeHeader *own;
	OmenChange	change;

	/*
	 * The slot goes first where its error bound has to grow, or its keys no
	 * longer hold: both must be true of the new row before a scan can see it.
	 */
	if (raises_error || needs_inline || mixes)
	{
		omen_change_begin(&change, &ix->pages);
		slot = omen_page_slot(omen_change_page(&change, buf), plane, slotno);
		own = omen_slot_code_header(slot);
		own->error = Max(own->error, header->error);
		if (mixes)
			slot->flags |= OMEN_SLOT_MIXED;
		if (takes_keys)
		{
			slot->flags &= ~OMEN_SLOT_MIXED;
			omen_slot_set_keys(&ix->layout, slot, keys);
		}
		if (needs_inline)
			slot->u.node.heaptid = *tid;
		omen_change_commit(&change);
		if (needs_inline)
			return;
		slot = omen_page_slot(BufferGetPage(buf), plane, slotno);
	}
	if (append_to_chunk(ix, slot->u.node.posting, owner, tid))
		return;

	chunkbuf = omen_page_with_room(ix, OMEN_PAGE_POSTING);
	omen_change_begin(&change, &ix->pages);
	slot = omen_page_slot(omen_change_page(&change, buf), plane, slotno);
	slot->u.node.posting = new_chunk(ix, omen_change_page(&change, chunkbuf),
									 BufferGetBlockNumber(chunkbuf), owner,
									 slot->u.node.posting, tid);
	omen_change_commit(&change);
	UnlockReleaseBuffer(chunkbuf);
}

/*
 * Let a node stand for one more heap row, whose vector has the same code.
 */
OmenAttach
omen_posting_attach(OmenIndex *ix, OmenNodeRef node,
					const OmenCodeHeader *header, const void *code,
					const OmenRowKeys *keys, ItemPointer tid)
{
	const OmenPlane *plane = &ix->layout.node;
	BlockNumber block = omen_id_block(plane, node.id);
	OmenAttach	result = OMEN_ATTACH_REFUSED;
	Buffer		buf = omen_pin(&ix->pages, block);
	OmenPageOpaque opaque;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	opaque = omen_check_page(ix->pages.rel, buf);
	if (opaque != NULL && opaque->kind == OMEN_PAGE_NODE &&
		omen_id_slot(plane, node.id) < opaque->used)
	{
		OmenSlotHeader *slot = omen_page_slot(BufferGetPage(buf), plane,
											  omen_id_slot(plane, node.id));

		if ((slot->flags & OMEN_SLOT_USED) != 0 &&
			may_attach(ix, slot, node, header, code))
		{
			attach_locked(ix, buf, node, header, keys, tid);
			result = OMEN_ATTACHED;
		}
	}
	UnlockReleaseBuffer(buf);
	return result;
}

/*
 * Let a node stand for one more row of which a build knows that its code is
 * the node's, and whether its keys are; error is the bound of the row's own.
 * Nobody else sees the index.
 */
void
omen_posting_attach_known(OmenIndex *ix, OmenNodeRef node, float error,
						  bool same_keys, ItemPointer tid)
{
	const OmenPlane *plane = &ix->layout.node;
	Buffer		buf = omen_pin(&ix->pages, omen_id_block(plane, node.id));
	OmenCodeHeader header = {0};
	OmenRowKeys keys;
	OmenSlotHeader *slot;

	Assert(ix->pages.building);
	header.error = error;
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	slot =
		omen_page_slot(BufferGetPage(buf), plane, omen_id_slot(plane, node.id));
	keys.nulls = slot->u.node.key_nulls;
	memcpy(keys.words, omen_slot_keys(plane, slot), ix->layout.key_bytes);
	attach_locked(ix, buf, node, &header, same_keys ? &keys : NULL, tid);
	UnlockReleaseBuffer(buf);
}

static uint32 *
side_head(OmenMetaPageData *meta, OmenSide side)
{
	return side == OMEN_SIDE_NULL ? &meta->graph.side_null
								  : &meta->graph.side_nan;
}

/*
 * Add a row whose vector is NULL or has no direction to its side list.
 */
void
omen_posting_attach_side(OmenIndex *ix, OmenSide side, ItemPointer tid)
{
	ChainOwner	owner = owner_of_side(side);
	Buffer		metabuf;
	Buffer		chunkbuf;
	OmenChange	change;
	OmenMetaPageData meta;
	uint32	   *head;

	omen_meta_read(ix->pages.rel, &meta);
	if (append_to_chunk(ix, *side_head(&meta, side), owner, tid))
		return;

	chunkbuf = omen_page_with_room(ix, OMEN_PAGE_POSTING);
	metabuf = ReadBuffer(ix->pages.rel, OMEN_META_BLOCK);
	LockBuffer(metabuf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	head = side_head(OmenPageGetMeta(omen_change_page(&change, metabuf)), side);
	*head = new_chunk(ix, omen_change_page(&change, chunkbuf),
					  BufferGetBlockNumber(chunkbuf), owner, *head, tid);
	omen_change_commit(&change);
	UnlockReleaseBuffer(metabuf);
	UnlockReleaseBuffer(chunkbuf);
}

static void
report_broken_chain(OmenIndex *ix)
{
	ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
					errmsg("a list of rows in index \"%s\" is corrupted",
						   RelationGetRelationName(ix->pages.rel)),
					errhint("Please REINDEX it.")));
}

/* Where the chain of an owner begins. */
static uint32
chain_head(OmenIndex *ix, ChainOwner owner)
{
	OmenSlotHeader *slot;
	uint32		head = OMEN_INVALID_ID;
	Buffer		buf;

	if (owner.side != OMEN_SIDE_NONE)
	{
		OmenMetaPageData meta;

		omen_meta_read(ix->pages.rel, &meta);
		return *side_head(&meta, owner.side);
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

static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare(unconstify(void *, a), unconstify(void *, b));
}

/* Is a TID in a list twice, from start on? */
static bool
has_twice(const OmenTidList *list, uint32 start)
{
	uint32		count = list->count - start;
	Size		bytes = mul_size(count, sizeof(ItemPointerData));
	ItemPointerData *copy = palloc_extended(bytes, MCXT_ALLOC_HUGE);
	bool		twice = false;

	memcpy(copy, list->tids + start, bytes);
	qsort(copy, count, sizeof(ItemPointerData), compare_tids);
	for (uint32 i = 1; i < count && !twice; i++)
		twice = ItemPointerEquals(&copy[i - 1], &copy[i]);
	pfree(copy);
	return twice;
}

/*
 * Add the TIDs of a chain to a list.  False if the chain broke off, or has come
 * to be another on the way: read it again.  No lock may be held.
 *
 * A chunk that VACUUM takes out names its owner no more, unless it becomes the
 * owner's again, as a new first one: then whoever was on the way there goes
 * through chunks that he has read before.
 */
static bool
walk_chain(OmenIndex *ix, uint32 first, ChainOwner owner, OmenTidList *list)
{
	ChainWalk	walk = {0};
	uint32		start = list->count;
	uint32		next;

	for (uint32 id = first; id != OMEN_INVALID_ID; id = next)
	{
		Buffer		buf;
		OmenPostingChunk *chunk;
		OmenPostingChunk copy;

		CHECK_FOR_INTERRUPTS();
		if (goes_round(&walk, id))
			return false;
		chunk = visit_chunk(ix, id, owner, BUFFER_LOCK_SHARE, &buf);
		if (chunk == NULL)
			return false;
		copy = *chunk;
		UnlockReleaseBuffer(buf);
		for (int i = 0; i < copy.count; i++)
			omen_tid_list_add(list, &copy.tids[i]);
		next = copy.next;
		OMEN_PAUSE(list->count - start < 3 * OMEN_CHUNK_TIDS ? "chain-chunk"
															 : "chain-third");
	}
	return list->count - start <= OMEN_CHUNK_TIDS ||
		   chain_head(ix, owner) == first || !has_twice(list, start);
}

/* The same for the chain of a node. */
bool
omen_posting_walk(OmenIndex *ix, uint32 first, OmenNodeRef node,
				  OmenTidList *list)
{
	return walk_chain(ix, first, owner_of_node(node), list);
}

/*
 * Add all TIDs of a node to a list.  False if the node is gone; what it stood
 * for was dead then.
 *
 * The chain is read without the node's lock: its chunks name their
 * owner, and new ones are added at the front.  If VACUUM has taken a chunk out
 * meanwhile, it is read again.
 */
bool
omen_posting_collect(OmenIndex *ix, OmenNodeRef node, OmenTidList *list)
{
	uint32		start = list->count;

	for (int try = 0; try < MAX_WALKS; try++)
	{
		Buffer		buf;
		OmenSlotHeader *slot = omen_visit(ix, &ix->layout.node, node.id, &buf);
		ItemPointerData tid;
		uint32		posting;
		bool		whole = true;

		if (slot == NULL)
			return false;
		if (slot->version != node.version)
		{
			UnlockReleaseBuffer(buf);
			return false;
		}
		tid = slot->u.node.heaptid;
		posting = slot->u.node.posting;
		UnlockReleaseBuffer(buf);

		list->count = start;
		if (ItemPointerIsValid(&tid))
			omen_tid_list_add(list, &tid);
		OMEN_PAUSE("chain-slot");
		if (posting != OMEN_INVALID_ID)
			whole = omen_posting_walk(ix, posting, node, list);
		if (whole)
			return list->count > start;
		CHECK_FOR_INTERRUPTS();
	}
	report_broken_chain(ix);
	return false;
}

void
omen_posting_collect_side(OmenIndex *ix, OmenSide side, OmenTidList *list)
{
	ChainOwner	owner = owner_of_side(side);
	uint32		start = list->count;

	for (int try = 0; try < MAX_WALKS; try++)
	{
		OmenMetaPageData meta;

		omen_meta_read(ix->pages.rel, &meta);
		list->count = start;
		if (walk_chain(ix, *side_head(&meta, side), owner, list))
			return;
		CHECK_FOR_INTERRUPTS();
	}
	report_broken_chain(ix);
}

/* ---------- for VACUUM ---------- */

/*
 * Take one empty chunk out of its chain, where it follows another.
 */
static void
unlink_chunk(OmenIndex *ix, uint32 previous, uint32 id, ChainOwner owner)
{
	bool		same_page = chunk_block(previous) == chunk_block(id);
	OmenPostingChunk *before;
	OmenPostingChunk *chunk;
	Buffer		before_buf;
	Buffer		buf;
	OmenChange	change;
	Page		before_page;
	Page		page;

	before =
		visit_chunk(ix, previous, owner, BUFFER_LOCK_EXCLUSIVE, &before_buf);
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
		chunk = visit_chunk(ix, id, owner, BUFFER_LOCK_EXCLUSIVE, &buf);
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
compact_chain(OmenIndex *ix, ChainOwner owner)
{
	uint32		previous = OMEN_INVALID_ID;
	uint32		id = chain_head(ix, owner);
	ChainWalk	walk = {0};

	while (id != OMEN_INVALID_ID && !goes_round(&walk, id))
	{
		Buffer		buf;
		OmenPostingChunk *chunk =
			visit_chunk(ix, id, owner, BUFFER_LOCK_SHARE, &buf);
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
omen_posting_compact(OmenIndex *ix, OmenNodeRef node)
{
	compact_chain(ix, owner_of_node(node));
}

void
omen_posting_compact_side(OmenIndex *ix, OmenSide side)
{
	compact_chain(ix, owner_of_side(side));
}

/* Free a chunk of an owner; returns the next one of its chain. */
static uint32
free_chunk(OmenIndex *ix, uint32 id, ChainOwner owner)
{
	Buffer		buf;
	OmenPostingChunk *chunk =
		visit_chunk(ix, id, owner, BUFFER_LOCK_EXCLUSIVE, &buf);
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
chain_is_empty(OmenIndex *ix, uint32 first, ChainOwner owner)
{
	ChainWalk	walk = {0};
	uint32		id = first;

	while (id != OMEN_INVALID_ID)
	{
		Buffer		buf;
		OmenPostingChunk *chunk =
			visit_chunk(ix, id, owner, BUFFER_LOCK_SHARE, &buf);
		bool		empty;

		/* a broken chain, or one with a cycle, is left alone */
		if (chunk == NULL)
			return false;
		empty = chunk->count == 0 && !goes_round(&walk, id);
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
omen_posting_drop_empty(OmenIndex *ix, OmenNodeRef node)
{
	const OmenPlane *plane = &ix->layout.node;
	Buffer		buf = omen_pin(&ix->pages, omen_id_block(plane, node.id));
	uint32		slotno = omen_id_slot(plane, node.id);
	OmenSlotHeader *slot;
	OmenChange	change;
	uint32		first;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	/* a chain may lead back here; see omen_page_seems() */
	(void) omen_check_page(ix->pages.rel, buf);
	slot = omen_page_slot(BufferGetPage(buf), plane, slotno);
	first = slot->u.node.posting;
	if ((slot->flags & OMEN_SLOT_USED) == 0 || slot->version != node.version ||
		ItemPointerIsValid(&slot->u.node.heaptid) ||
		!chain_is_empty(ix, first, owner_of_node(node)))
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
		first = free_chunk(ix, first, owner_of_node(node));
	UnlockReleaseBuffer(buf);
	return true;
}

/*
 * Is a chunk on the chain of its owner?  Only VACUUM changes links behind the
 * first, so the owner need not be locked.
 */
static bool
is_on_chain(OmenIndex *ix, ChainOwner owner, uint32 id)
{
	uint32		at = chain_head(ix, owner);
	ChainWalk	walk = {0};

	while (at != OMEN_INVALID_ID && at != id)
	{
		Buffer		buf;
		OmenPostingChunk *chunk =
			visit_chunk(ix, at, owner, BUFFER_LOCK_SHARE, &buf);

		/* a damaged chain may hold anything */
		if (chunk == NULL)
			return true;
		at = chunk->next;
		UnlockReleaseBuffer(buf);
		if (goes_round(&walk, at))
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
omen_posting_reclaim(OmenIndex *ix, uint32 id)
{
	Buffer		buf = omen_pin(&ix->pages, chunk_block(id));
	OmenPostingChunk copy;
	ChainOwner	owner;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	copy = *omen_page_chunk(BufferGetPage(buf), id % OMEN_CHUNKS_PER_PAGE);
	UnlockReleaseBuffer(buf);
	if ((copy.flags & OMEN_SLOT_USED) == 0 || copy.count > 0 ||
		omen_chunk_side(&copy) != OMEN_SIDE_NONE)
		return;

	owner.node.id = copy.owner;
	owner.node.version = copy.owner_version;
	owner.side = OMEN_SIDE_NONE;
	if (!is_on_chain(ix, owner, id))
		(void) free_chunk(ix, id, owner);
}
