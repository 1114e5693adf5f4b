/*-------------------------------------------------------------------------
 *
 * vacuum.c
 *	  Removing dead rows from an index.
 *
 * One sequential pass takes dead heap TIDs out of node slots and posting
 * chunks.  Each TID is asked about once, with no lock held: CREATE INDEX
 * CONCURRENTLY lists the index that way.  A page is locked exclusively only if
 * it has dead TIDs.  A node that has lost its last row stays in the graph.
 *
 * When such nodes have become more than a few per cent, they are taken out:
 * graph/repair.c.  So its cost is spread over many deletions.  What is done
 * with the nodes of each group of an index is in vacuum_groups.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "commands/vacuum.h"
#include "compat.h"
#include "hnsw/hnsw.h"
#include "hnsw/vacuum.h"
#include "miscadmin.h"
#include "pause.h"
#include "utils/memutils.h"

/* A heap TID and where it was met. */
typedef struct TidPlace
{
	ItemPointerData tid;
	uint16		slot;
	uint16		item;			/* within a chunk */
	bool		dead;
} TidPlace;

typedef struct VacuumState
{
	OmenGraph  *graph;
	OmenIndex  *ix;				/* of the graph */
	IndexBulkDeleteCallback callback;
	void	   *callback_state;
	TidPlace   *places;			/* of one page */
	uint32		nplaces;
	double		kept;			/* TIDs that stay */
	double		removed;
	uint64		nodes;			/* with a row, as far as the slot tells */
	OmenNodeList dead;			/* nodes without a row */
	OmenNodeList suspects;		/* nodes whose chain may be empty */
	OmenNodeList empty_chunks;	/* ids of chunks without TIDs */
	OmenNodeList owners;		/* nodes that these chunks name */
	uint8		sides;			/* OMEN_CHUNK_*: side lists that have such */
	OmenNodeList payload;		/* blocks of payload */
	bool		condemned;		/* a VACUUM was cut before */
	uint32		lost_room;		/* slots for nodes that no list had */
	OmenVacuumGroups *groups;	/* of an index that has some, else NULL */
} VacuumState;

/* Something that has an id, or a block number, and no version. */
static void
add_id(OmenNodeList *list, uint32 id)
{
	OmenNodeRef ref = {id, 0};

	omen_node_list_add(list, ref);
}

/* ---------- the pass over TIDs ---------- */

static void
add_place(VacuumState *state, ItemPointer tid, uint32 slot, uint32 item)
{
	TidPlace   *place = &state->places[state->nplaces++];

	place->tid = *tid;
	place->slot = slot;
	place->item = item;
	place->dead = false;
}

/* Chunks handed out on a page, whatever a damaged one claims. */
static uint32
used_chunks(Page page)
{
	return Min(OmenPageGetOpaque(page)->used, OMEN_CHUNKS_PER_PAGE);
}

static void
list_chunk_tids(VacuumState *state, Page page)
{
	for (uint32 i = 0; i < used_chunks(page); i++)
	{
		OmenPostingChunk *chunk = omen_page_chunk(page, i);

		for (uint32 j = 0; (chunk->flags & OMEN_SLOT_USED) != 0 &&
						   j < chunk->count && j < OMEN_CHUNK_TIDS;
			 j++)
			add_place(state, &chunk->tids[j], i, j);
	}
}

/* Note the TIDs of a locked page, of nodes or of chunks. */
static void
list_tids(VacuumState *state, Buffer buf)
{
	Page		page = BufferGetPage(buf);
	OmenSlotWalk walk;
	OmenSlotHeader *slot;

	state->nplaces = 0;
	if (OmenPageGetOpaque(page)->kind != OMEN_PAGE_NODE)
	{
		list_chunk_tids(state, page);
		return;
	}
	omen_slots_begin(&walk, state->ix, &state->ix->layout.node, buf);
	while ((slot = omen_next_slot(&walk)) != NULL)
	{
		if (ItemPointerIsValid(&slot->u.node.heaptid))
			add_place(state, &slot->u.node.heaptid, walk.slotno, 0);
	}
}

/* Ask about the TIDs that were noted.  True if some are dead. */
static bool
ask(VacuumState *state)
{
	bool		any = false;

	for (uint32 i = 0; i < state->nplaces; i++)
	{
		TidPlace   *place = &state->places[i];

		place->dead = state->callback(&place->tid, state->callback_state);
		any |= place->dead;
		if (place->dead)
			state->removed++;
		else
			state->kept++;
	}
	return any;
}

static void
remove_from_chunk(OmenPostingChunk *chunk, ItemPointer tid)
{
	for (int i = 0; i < Min(chunk->count, OMEN_CHUNK_TIDS); i++)
	{
		if (ItemPointerEquals(&chunk->tids[i], tid))
		{
			chunk->count--;
			chunk->tids[i] = chunk->tids[chunk->count];
			return;
		}
	}
}

/*
 * Remove the dead TIDs.  The page may have changed since they were noted, but
 * a dead TID stays where it is until VACUUM removes it.
 */
static void
remove_dead(VacuumState *state, Buffer buf)
{
	OmenIndex  *ix = state->ix;
	OmenChange	change;
	Page		page;
	bool		is_node;

	omen_change_begin(&change, &ix->pages);
	page = omen_change_page(&change, buf);
	is_node = OmenPageGetOpaque(page)->kind == OMEN_PAGE_NODE;
	for (uint32 i = 0; i < state->nplaces; i++)
	{
		TidPlace   *place = &state->places[i];

		if (!place->dead)
			continue;
		if (is_node)
		{
			OmenSlotHeader *slot =
				omen_page_slot(page, &ix->layout.node, place->slot);

			if (ItemPointerEquals(&slot->u.node.heaptid, &place->tid))
				ItemPointerSetInvalid(&slot->u.node.heaptid);
		}
		else
			remove_from_chunk(omen_page_chunk(page, place->slot), &place->tid);
	}
	omen_change_commit(&change);
}

/* Note the chunks of a locked page in which nothing is left. */
static void
classify_chunks(VacuumState *state, Page page, BlockNumber block)
{
	for (uint32 i = 0; i < used_chunks(page); i++)
	{
		OmenPostingChunk *chunk = omen_page_chunk(page, i);
		OmenNodeRef owner = {chunk->owner, chunk->owner_version};

		if ((chunk->flags & OMEN_SLOT_USED) == 0 || chunk->count > 0)
			continue;
		add_id(&state->empty_chunks, block * OMEN_CHUNKS_PER_PAGE + i);
		if (omen_chunk_side(chunk) != OMEN_SIDE_NONE && state->groups)
			omen_vacuum_note_side(state->groups, owner, omen_chunk_side(chunk));
		else if (omen_chunk_side(chunk) != OMEN_SIDE_NONE)
			state->sides |= omen_chunk_side(chunk);
		else
			omen_node_list_add(&state->owners, owner);
	}
}

/* Sort the slots of a locked page by what is left in them. */
static void
classify(VacuumState *state, Buffer buf, BlockNumber block)
{
	Page		page = BufferGetPage(buf);
	OmenSlotWalk walk;
	OmenSlotHeader *slot;

	if (OmenPageGetOpaque(page)->kind != OMEN_PAGE_NODE)
	{
		classify_chunks(state, page, block);
		return;
	}
	if (state->groups)
		omen_vacuum_note_reserved(state->groups, page);
	omen_slots_begin(&walk, state->ix, &state->ix->layout.node, buf);
	while ((slot = omen_next_slot(&walk)) != NULL)
	{
		state->condemned |= (slot->flags & OMEN_SLOT_CONDEMNED) != 0;
		if (state->groups)
			omen_vacuum_note_node(state->groups, slot,
								  omen_walk_ref(&walk, slot));
		if (!omen_node_has_row(slot))
			omen_node_list_add(&state->dead, omen_walk_ref(&walk, slot));
		else if (ItemPointerIsValid(&slot->u.node.heaptid))
			state->nodes++;
		else
			omen_node_list_add(&state->suspects, omen_walk_ref(&walk, slot));
	}
}

/* Is this a page that nobody has, and that is on no list? */
static bool
is_lost(Relation rel, Buffer buf)
{
	OmenPageOpaque opaque = omen_check_page(rel, buf);

	return opaque == NULL || (opaque->kind == OMEN_PAGE_FREE &&
							  (opaque->flags & OMEN_PAGE_LISTED) == 0);
}

/*
 * Is this a page with a free slot, and on no list?  A crash leaves one, between
 * freeing the slot and listing the page.
 */
static bool
has_lost_room(OmenIndex *ix, Buffer buf)
{
	OmenPageOpaque opaque = omen_check_page(ix->pages.rel, buf);

	return opaque != NULL && (opaque->flags & OMEN_PAGE_LISTED) == 0 &&
		   opaque->live < omen_page_slots(ix, opaque->kind);
}

/*
 * Nodes can come to a locked page's free slots when it is listed, which raises
 * no limit.  Of a page that groups share they are kept for one before that.
 */
static void
note_lost_room(VacuumState *state, Page page)
{
	OmenPageOpaque opaque = OmenPageGetOpaque(page);
	uint32		slots = omen_page_slots(state->ix, opaque->kind) - opaque->live;

	if (opaque->kind != OMEN_PAGE_NODE)
		return;
	if (state->groups == NULL)
		state->lost_room += slots;
	else if (opaque->owner != 0)
		omen_vacuum_note_lost_room(state->groups, opaque->owner, slots);
}

/*
 * Put a lost page on the list of free ones, and one with lost room on the list
 * of its kind.  A crash leaves lost pages between adding one to the relation or
 * taking it off the list and giving it a purpose; otherwise that happens under
 * one exclusive lock.
 */
static void
reclaim_page(VacuumState *state, Buffer buf)
{
	OmenIndex  *ix = state->ix;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	if (has_lost_room(ix, buf))
	{
		note_lost_room(state, BufferGetPage(buf));
		omen_page_list(ix, buf);
	}
	else if (is_lost(ix->pages.rel, buf))
	{
		OmenChange	change;

		omen_change_begin(&change, &ix->pages);
		omen_page_init(omen_change_new_page(&change, buf),
					   BufferGetBlockNumber(buf), OMEN_PAGE_FREE);
		omen_change_commit(&change);
		omen_page_list(ix, buf);
	}
	LockBuffer(buf, BUFFER_LOCK_UNLOCK);
}

static void
vacuum_page(VacuumState *state, BlockNumber block)
{
	OmenIndex  *ix = state->ix;
	Buffer		buf = omen_pin(&ix->pages, block);
	OmenPageOpaque opaque;
	bool		has_tids;
	bool		lost;
	bool		is_payload;
	bool		has_records;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	opaque = omen_check_page(ix->pages.rel, buf);
	has_tids =
		opaque != NULL &&
		(opaque->kind == OMEN_PAGE_NODE || opaque->kind == OMEN_PAGE_POSTING) &&
		opaque->used <= omen_page_slots(ix, opaque->kind);
	if (has_tids)
		list_tids(state, buf);
	lost = is_lost(ix->pages.rel, buf) || has_lost_room(ix, buf);
	is_payload = opaque != NULL && opaque->kind == OMEN_PAGE_PAYLOAD;
	has_records = opaque != NULL && opaque->kind == OMEN_PAGE_GROUP;
	LockBuffer(buf, BUFFER_LOCK_UNLOCK);

	if (lost)
		reclaim_page(state, buf);
	if (is_payload)
		add_id(&state->payload, block);
	if (has_records && state->groups)
		omen_vacuum_meet_records(state->groups, buf);
	if (has_tids)
	{
		bool		any = ask(state);

		if (state->groups)
			omen_vacuum_meet_groups(state->groups, buf);
		if (any)
			OMEN_PAUSE("vacuum-asked");
		LockBuffer(buf, any ? BUFFER_LOCK_EXCLUSIVE : BUFFER_LOCK_SHARE);
		if (any)
			remove_dead(state, buf);
		classify(state, buf, block);
		LockBuffer(buf, BUFFER_LOCK_UNLOCK);
	}
	ReleaseBuffer(buf);
}

/* Nodes that only have a chain left: do they have a row? */
static void
check_suspects(VacuumState *state)
{
	for (uint64 i = 0; i < state->suspects.count; i++)
	{
		OmenNodeRef ref = state->suspects.refs[i];

		if (omen_posting_drop_empty(state->graph, ref))
		{
			omen_node_list_add(&state->dead, ref);
			if (state->groups)
				omen_vacuum_note_empty(state->groups, ref);
		}
		else
			state->nodes++;
		omen_vacuum_delay_point();
	}
	if (state->owners.count > 0)
		qsort(state->owners.refs, state->owners.count, sizeof(OmenNodeRef),
			  omen_vacuum_compare);
	for (uint64 i = 0; i < state->owners.count; i++)
	{
		if (i == 0 || omen_vacuum_compare(&state->owners.refs[i - 1],
										  &state->owners.refs[i]) != 0)
			omen_posting_compact(state->graph, state->owners.refs[i]);
		omen_vacuum_delay_point();
	}
	if ((state->sides & OMEN_SIDE_NULL) != 0)
		omen_posting_compact_side(state->graph, OMEN_SIDE_NULL);
	if ((state->sides & OMEN_SIDE_NAN) != 0)
		omen_posting_compact_side(state->graph, OMEN_SIDE_NAN);
	/* what is empty now is the first of a chain, or on none */
	for (uint64 i = 0; i < state->empty_chunks.count; i++)
	{
		omen_posting_reclaim(state->graph, state->empty_chunks.refs[i].id);
		omen_vacuum_delay_point();
	}
	if (state->dead.count > 0)
		qsort(state->dead.refs, state->dead.count, sizeof(OmenNodeRef),
			  omen_vacuum_compare);
}

/*
 * Free payload without an owner.  After dead nodes were freed, so that what an
 * insert wrote before it was cut goes with the node that it wrote it for.
 */
static void
reclaim_payload(VacuumState *state)
{
	for (uint64 i = 0; i < state->payload.count; i++)
	{
		omen_payload_reclaim(state->ix, state->payload.refs[i].id);
		omen_vacuum_delay_point();
	}
}

/* ---------- callbacks ---------- */

/* Take dead nodes out, if there is reason enough.  Returns how many. */
static uint64
remove_nodes(VacuumState *state)
{
	OmenGraph  *graph = state->graph;

	if (state->dead.count == 0 || (state->removed == 0 && !state->condemned) ||
		graph->data.mode == OMEN_MODE_CONVERTING)
		return 0;
	if (graph->data.mode == OMEN_MODE_FLAT)
		return omen_free_flat(graph, state->dead.refs, state->dead.count);

	/*
	 * A VACUUM that was cut may have freed some of the nodes that those it left
	 * condemned are parents of; what it began is finished, however little.
	 */
	if (!state->condemned &&
		state->dead.count <
			OMEN_REPAIR_SHARE * (state->nodes + state->dead.count))
		return 0;
	return omen_repair(graph, state->dead.refs, state->dead.count,
					   (Size) maintenance_work_mem * 1024);
}

IndexBulkDeleteResult *
omen_hnsw_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
					  IndexBulkDeleteCallback callback, void *callback_state)
{
	Relation	index = info->index;
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw vacuum",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	VacuumState state = {0};
	bool		locked;
	uint64		old_limit;
	uint32		old_free;
	uint64		freed = 0;

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));

	old = MemoryContextSwitchTo(context);
	state.ix = omen_index_open(index, false);
	state.graph = omen_graph_open(state.ix, 0);
	state.callback = callback;
	state.callback_state = callback_state;
	state.places =
		palloc(OMEN_PAGE_CAPACITY / sizeof(ItemPointerData) * sizeof(TidPlace));

	if (state.ix->layout.group_bytes > 0)
		state.groups = omen_vacuum_groups(state.ix);
	/* a flat list stays one while it is looked through */
	locked = state.groups == NULL && state.graph->data.mode != OMEN_MODE_GRAPH;
	if (locked)
		omen_flat_lock(state.graph, ShareLock);
	omen_graph_refresh(state.graph);
	old_limit = state.graph->data.node_limit;
	old_free = omen_graph_free_slots(state.graph);

	for (BlockNumber block = OMEN_META_BLOCK + 1;
		 omen_block_exists(&state.ix->pages, block); block++)
	{
		omen_vacuum_delay_point();
		vacuum_page(&state, block);
	}
	OMEN_PAUSE("vacuum-passed");
	check_suspects(&state);
	OMEN_PAUSE("vacuum-counted");
	if (state.groups)
		omen_vacuum_finish_groups(state.groups, state.removed > 0);
	else
		freed = remove_nodes(&state);
	reclaim_payload(&state);
	if (state.removed > 0 && state.groups == NULL)
		omen_vacuum_store_counts(state.graph, state.nodes, &state.dead, freed,
								 old_limit, old_free + state.lost_room);
	if (locked)
		omen_flat_unlock(state.graph, ShareLock);

	stats->estimated_count = false;
	stats->num_index_tuples = state.kept;
	stats->tuples_removed += state.removed;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return stats;
}

IndexBulkDeleteResult *
omen_hnsw_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	if (info->analyze_only)
		return stats;
	if (stats == NULL)
	{
		/* nothing was deleted, so nothing was counted */
		stats = palloc0(sizeof(IndexBulkDeleteResult));
		stats->estimated_count = true;
		stats->num_index_tuples = info->num_heap_tuples;
	}
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}
