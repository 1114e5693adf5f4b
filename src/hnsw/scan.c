/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Index scans: rows in the exact order of their distance.
 *
 * Candidates are found by the distance of codes; what goes out is ordered by
 * the operator's own function on the stored value.  Each candidate has a
 * lower bound of its true distance.  A row goes out when its true distance is
 * not above the bound of any candidate that has not been looked at; so about
 * as many heap rows are fetched as are returned.
 *
 * A scan goes on for as long as it is asked: when the ef_search nearest are
 * used up, the search continues with twice as many; when the graph is
 * exhausted, a pass over all slots finds what it did not reach; rows without a
 * direction come last.  The order always wins: a row that turns up after a
 * farther one went out is dropped, and counted as late.
 *
 * A scan holds no lock and no pin between calls, but for the pins of the heap
 * page that it fetched last and of the one that the executor fetches next, and
 * AccessShareLock on the TOAST table that it read vectors from.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "compat.h"
#include "executor/executor.h"
#include "hnsw/hnsw.h"
#include "hnsw/store/toast.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "types/detoast.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* A candidate that waits for its true distance. */
typedef struct PendingNode
{
	double		bound;			/* lower bound of the operator's result */
	OmenNodeRef node;
	ItemPointerData tid;		/* of the only row, or invalid */
	bool		is_refined;		/* the bound is as good as it gets */
	bool		was_looked_up;	/* ahead of its turn, whatever was found */
	bool		is_gone;		/* the row is not visible, or NULL */
	bool		is_located;		/* `pointer` is known */
	char		pointer[TOAST_POINTER_SIZE];	/* to the row's value */
} PendingNode;

/* A row that waits for its turn. */
typedef struct PendingRow
{
	double		distance;		/* the operator's result */
	ItemPointerData tid;
	Oid			toast_relid;	/* where its vector lies, or InvalidOid */
	Oid			toast_valueid;
} PendingRow;

/*
 * How many pending nodes are located at a time.  More would be fetched in vain
 * when no further row is asked for.
 */
#define LOOK_AHEAD 3

typedef enum ScanPhase
{
	PHASE_START,
	PHASE_GRAPH,				/* results of a search of the graph */
	PHASE_CLOSING,				/* everything that the search did not meet */
	PHASE_SIDE_NAN,
	PHASE_SIDE_NULL,
	PHASE_DONE
} ScanPhase;

typedef struct OmenScanState
{
	OmenIndex  *ix;
	const OmenOpclass *opclass;
	OmenSearch *search;
	ScanPhase	phase;

	/* the query */
	Datum		query;			/* detoasted, in query_context */
	bool		no_distance; /* NULL or without direction: any order will do */
	const float *query_floats;
	OmenCodeHeader header;
	uint8	   *code;
	float	   *rest;			/* what the code leaves out of the query */
	OmenQueryRest about_rest;
	OmenCodeHeader origin_header;	/* the same for codes of epoch 0 */
	uint8	   *origin_code;
	bool		has_origin;

	/* what was found */
	PendingNode *nodes;			/* min-heap by bound */
	uint32		nnodes;
	uint32		nodes_room;
	PendingRow *rows;			/* min-heap by distance */
	uint32		nrows;
	uint32		rows_room;
	OmenTidList tids;			/* of one node, or of a side list */
	OmenTidList nans;			/* rows whose distance is not a number */
	uint32		next_tid;		/* of a side list */
	BlockNumber next_block;		/* of a pass without order */
	double		last_distance;	/* of the row that went out last */
	OmenCounters earlier;		/* what scans before a rescan took */

	/* getting at rows */
	IndexFetchTableData *fetch;
	OmenToastReader *toast;
	bool		is_toasted;		/* the value read last was */
	TupleTableSlot *slot;
	IndexInfo  *index_info;		/* for an index on an expression */
	EState	   *estate;
	FmgrInfo	distance;		/* the operator's function */

	MemoryContext context;		/* lives as long as the scan */
	MemoryContextCallback at_end;	/* when it goes away */
	MemoryContext query_context;	/* reset by each rescan */
	MemoryContext row_context;	/* reset for each row */
} OmenScanState;

OmenCounters omen_last_scan_counters;

static void forget_distance(void *arg);

/* ---------- heaps ---------- */

/* Push down and pull up in a heap whose items start with the key, a double. */
#define HEAP_PUSH(heap, count, item, key) \
	do \
	{ \
		uint32 p_ = (count)++; \
		while (p_ > 0 && (item).key < (heap)[(p_ - 1) / 2].key) \
		{ \
			(heap)[p_] = (heap)[(p_ - 1) / 2]; \
			p_ = (p_ - 1) / 2; \
		} \
		(heap)[p_] = (item); \
	} while (0)

#define HEAP_POP(heap, count, top, key) \
	do \
	{ \
		uint32 p_ = 0; \
		uint32 n_ = --(count); \
		(top) = (heap)[0]; \
		for (;;) \
		{ \
			uint32 c_ = 2 * p_ + 1; \
			if (c_ >= n_) \
				break; \
			if (c_ + 1 < n_ && (heap)[c_ + 1].key < (heap)[c_].key) \
				c_++; \
			if (!((heap)[c_].key < (heap)[n_].key)) \
				break; \
			(heap)[p_] = (heap)[c_]; \
			p_ = c_; \
		} \
		(heap)[p_] = (heap)[n_]; \
	} while (0)

static void *
ensure_room(OmenScanState *state, void *array, uint32 *room, uint32 count,
			Size item)
{
	if (count < *room)
		return array;
	*room = Max(64, *room * 2);
	if (array == NULL)
		return MemoryContextAllocHuge(state->context, mul_size(*room, item));
	return repalloc_huge(array, mul_size(*room, item));
}

static void
push_node(OmenScanState *state, PendingNode item)
{
	state->nodes = ensure_room(state, state->nodes, &state->nodes_room,
							   state->nnodes, sizeof(PendingNode));
	HEAP_PUSH(state->nodes, state->nnodes, item, bound);
}

static void
push_row(OmenScanState *state, PendingRow item)
{
	state->rows = ensure_room(state, state->rows, &state->rows_room,
							  state->nrows, sizeof(PendingRow));
	HEAP_PUSH(state->rows, state->nrows, item, distance);
}

/* ---------- beginning and ending ---------- */

IndexScanDesc
omen_begin_scan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw scan",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	OmenScanState *state = palloc0(sizeof(OmenScanState));

	state->context = context;
	state->tids.context = context;
	state->at_end.func = forget_distance;
	MemoryContextRegisterResetCallback(context, &state->at_end);
	state->nans.context = context;
	state->ix = omen_index_open(index, false);
	state->opclass = omen_opclass(index);
	state->search = omen_search_create(state->ix);
	state->code = palloc(omen_query_bytes(state->ix->quantizer));
	state->rest = palloc(state->ix->meta.dims * sizeof(float));
	state->query_context =
		AllocSetContextCreate(context, "omen_hnsw query", ALLOCSET_SMALL_SIZES);
	state->row_context =
		AllocSetContextCreate(context, "omen_hnsw row", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);
	scan->opaque = state;
	return scan;
}

void
omen_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys,
			int norderbys)
{
	OmenScanState *state = scan->opaque;

	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
	if (orderbys && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys,
				scan->numberOfOrderBys * sizeof(ScanKeyData));

	forget_distance(NULL);
	MemoryContextReset(state->query_context);
	state->phase = PHASE_START;
	state->nnodes = 0;
	state->nrows = 0;
	state->tids.count = 0;
	state->nans.count = 0;
	state->next_tid = 0;
	state->has_origin = false;
	state->last_distance = -INFINITY;
	if (state->fetch)
	{
		omen_toast_reader_pause(state->toast);
		table_index_fetch_reset(state->fetch);
	}
}

void
omen_end_scan(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	if (state->fetch)
	{
		omen_toast_reader_end(state->toast);
		table_index_fetch_end(state->fetch);
	}
	if (state->slot)
		ExecDropSingleTupleTableSlot(state->slot);
	if (state->estate)
		FreeExecutorState(state->estate);
	MemoryContextDelete(state->context);
	scan->opaque = NULL;
}

/* What a scan has taken so far, over all its rescans. */
void
omen_scan_counters(IndexScanDesc scan, OmenCounters *total)
{
	const OmenScanState *state = scan->opaque;
	const OmenCounters *last = &state->search->counters;

	*total = state->earlier;
	total->hops += last->hops;
	total->visits += last->visits;
	total->distances += last->distances;
	total->reranked += last->reranked;
	total->late += last->late;
}

/* What is needed to read heap rows; once per scan. */
static void
prepare_fetch(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old;

	if (state->fetch)
		return;
	old = MemoryContextSwitchTo(state->context);
	state->slot = table_slot_create(scan->heapRelation, NULL);
	state->fetch = table_index_fetch_begin(scan->heapRelation);
	state->toast = omen_toast_reader_create(false);
	fmgr_info_copy(&state->distance, &scan->orderByData->sk_func,
				   state->context);
	if (scan->indexRelation->rd_index->indkey.values[0] == 0)
	{
		state->index_info = BuildIndexInfo(scan->indexRelation);
		state->estate = CreateExecutorState();
		GetPerTupleExprContext(state->estate)->ecxt_scantuple = state->slot;
	}
	MemoryContextSwitchTo(old);
}

/* ---------- the query ---------- */

/*
 * Encode the query for the quantizer of the moment.  Sets no_distance if the
 * query is NULL, or has no direction where that matters.
 */
static void
encode_query(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	ScanKey		key = scan->orderByData;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);

	state->no_distance = (key->sk_flags & SK_ISNULL) != 0;
	if (!state->no_distance)
	{
		/* a copy: the executor frees its own before a rescan tells us */
		struct varlena *value = PG_DETOAST_DATUM_COPY(key->sk_argument);
		int			dims = state->opclass->dims(value);

		if (dims != (int) state->ix->meta.dims)
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
							errmsg("different vector dimensions %d and %d",
								   (int) state->ix->meta.dims, dims)));
		state->query = PointerGetDatum(value);
		state->query_floats =
			state->opclass->floats(value, palloc(dims * sizeof(float)));
		state->no_distance =
			!omen_encode_query(state->ix->quantizer, state->query_floats,
							   state->rest, &state->header, state->code,
							   &state->about_rest);
	}
	MemoryContextSwitchTo(old);
}

/* Encode the query for codes of epoch 0, too. */
static void
encode_query_origin(OmenScanState *state)
{
	OmenQueryRest unused;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);

	state->origin_code = palloc(omen_query_bytes(state->ix->origin));
	(void) omen_encode_query(state->ix->origin, state->query_floats,
							 palloc(state->ix->meta.dims * sizeof(float)),
							 &state->origin_header, state->origin_code,
							 &unused);
	state->has_origin = true;
	MemoryContextSwitchTo(old);
}

/*
 * The TID of a node that stands for one row, so that the node need not be
 * visited again; else an invalid one.
 */
static ItemPointerData
only_row(const OmenSlotHeader *slot)
{
	ItemPointerData tid = slot->u.node.heaptid;

	if (slot->u.node.posting != OMEN_INVALID_ID)
		ItemPointerSetInvalid(&tid);
	return tid;
}

/* ---------- passes over all slots ---------- */

/*
 * Lower bound for a node whose page is locked, one that is certain or one that
 * holds as good as always (see omen_lower_bound).  False if its code cannot be
 * read with what this scan knows of quantizers.
 */
static bool
bound_of_slot(OmenScanState *state, uint32 id, OmenSlotHeader *slot,
			  bool is_certain, double *bound)
{
	OmenIndex  *ix = state->ix;
	const OmenQuantizer *quantizer = ix->quantizer;
	const OmenCodeHeader *header = &state->header;
	const void *code = state->code;
	const void *slot_code = omen_readable_code(ix, &ix->layout.node, id, slot);
	float		distance;

	/* no payload: its insert has not come that far, and nobody can see it */
	*bound = INFINITY;
	if (slot_code == NULL)
		return true;
	if (slot->epoch != ix->quantizer_epoch)
	{
		if (slot->epoch != 0)
			return false;
		quantizer = ix->origin;
		header = &state->origin_header;
		code = state->origin_code;
	}
	distance =
		omen_query_distance(quantizer, header, code, &slot->code, slot_code);
	*bound = is_certain
				 ? omen_certain_bound(quantizer, header, &slot->code, distance)
				 : omen_lower_bound(quantizer, header, &slot->code, distance);
	return true;
}

/*
 * Make the nodes of one page pending that no search has met.  False if the
 * quantizer has changed meanwhile; then nothing was done.
 */
static bool
scan_page(OmenScanState *state, BlockNumber block, PendingNode *found)
{
	OmenIndex  *ix = state->ix;
	const OmenPlane *plane = &ix->layout.node;
	Buffer		buf = omen_pin(ix, block);
	OmenPageOpaque opaque;
	uint32		count = 0;
	bool		readable = true;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	opaque = omen_check_page(ix->rel, buf);
	for (uint32 i = 0; opaque && opaque->kind == OMEN_PAGE_NODE &&
					   i < omen_used_slots(ix, opaque) && readable;
		 i++)
	{
		OmenSlotHeader *slot = omen_page_slot(BufferGetPage(buf), plane, i);

		if ((slot->flags & OMEN_SLOT_USED) == 0 || !omen_node_has_row(slot))
			continue;
		found[count].node.id = block * plane->per_page + i;
		found[count].node.version = slot->version;
		found[count].tid = only_row(slot);
		found[count].was_looked_up = false;
		found[count].is_gone = false;
		found[count].is_located = false;
		found[count].is_refined = slot->epoch != ix->quantizer_epoch;

		/* what is looked at to the last is to be exact */
		readable = bound_of_slot(state, found[count].node.id, slot, true,
								 &found[count].bound);
		count++;
		state->search->counters.distances++;
	}
	state->search->counters.visits++;
	UnlockReleaseBuffer(buf);
	for (uint32 i = 0; i < count && readable; i++)
	{
		if (omen_search_mark(state->search, found[i].node.id))
			push_node(state, found[i]);
	}
	return readable;
}

/* Make all nodes pending that no search has met. */
static void
scan_all_pages(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	PendingNode *found =
		palloc(state->ix->layout.node.per_page * sizeof(PendingNode));
	BlockNumber nblocks = RelationGetNumberOfBlocks(scan->indexRelation);

	if (!state->has_origin && state->ix->meta.epoch != 0)
		encode_query_origin(state);
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < nblocks; block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (scan_page(state, block, found))
			continue;
		/* the flat list is being converted: take the new quantizer, too */
		encode_query_origin(state);
		omen_index_refresh(state->ix);
		encode_query(scan);
		if (!scan_page(state, block, found))
			ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
							errmsg("index \"%s\" contains codes of an unknown "
								   "quantizer at block %u",
								   RelationGetRelationName(scan->indexRelation),
								   block),
							errhint("Please REINDEX it.")));
	}
	pfree(found);
}

/* ---------- the graph ---------- */

/*
 * Make the results of the search pending that were not so before.
 */
static uint32
take_results(OmenScanState *state)
{
	OmenSearch *search = state->search;
	OmenIndex  *ix = state->ix;
	uint32		taken = 0;

	for (uint32 i = 0; i < search->nnearest; i++)
	{
		OmenSeen   *seen = &search->seen[search->nearest[i].seen];
		OmenSlotHeader *slot;
		PendingNode item;
		Buffer		buf;
		bool		is_readable;

		if ((seen->flags & OMEN_SEEN_TAKEN) != 0)
			continue;
		seen->flags |= OMEN_SEEN_TAKEN;
		taken++;
		slot = omen_visit(ix, &ix->layout.node, seen->id, &buf);
		if (slot == NULL)
			continue;
		item.node.id = seen->id;
		item.node.version = slot->version;
		item.tid = only_row(slot);
		item.is_refined = false;
		item.was_looked_up = false;
		item.is_gone = false;
		item.is_located = false;

		/*
		 * The search looked without a lock, and what it saw may have been on
		 * its way; nobody will look again.  So all that counts is read anew.
		 */
		is_readable = slot->epoch == ix->quantizer_epoch &&
					  bound_of_slot(state, seen->id, slot, false, &item.bound);
		UnlockReleaseBuffer(buf);
		if (!is_readable)
			continue;
		omen_heap_prefetch(state->fetch->rel, &item.tid);
		push_node(state, item);
	}
	return taken;
}

static OmenNodeRef
root_of(const OmenIndex *ix)
{
	OmenNodeRef root = {ix->meta.root, ix->meta.root_version};

	return root;
}

static void
search_graph(OmenScanState *state)
{
	OmenSearch *search = state->search;
	OmenNodeRef start;
	OmenNodeRef root = root_of(state->ix);

	search->may_peek = !state->ix->layout.out_of_line &&
					   !RelationUsesLocalBuffers(state->ix->rel);
	(void) omen_descend(search, &state->header, state->code, 0, &start);
	omen_search_start(search, &state->ix->layout.node, &state->header,
					  state->code, omen_ef_search);
	if (!omen_search_seed(search, start))
		(void) omen_search_seed(search, root);
	omen_search_run(search);
	(void) take_results(state);
}

/* Go on where the search stopped; false if it has met all it can reach. */
static bool
search_on(OmenScanState *state)
{
	OmenSearch *search = state->search;

	if (search->nfrontier == 0)
	{
		/* the descent may have led to a corner that the root knows a way out of */
		if (!omen_search_seed(search, root_of(state->ix)) &&
			search->nnearest < search->ef)
			return false;
	}
	if (search->ef > PG_INT32_MAX / 2)
		return false;
	omen_search_grow(search, search->ef * 2);
	return take_results(state) > 0;
}

/* ---------- rows ---------- */

/* The indexed value of the row in state->slot. */
static Datum
indexed_value(IndexScanDesc scan, bool *isnull)
{
	OmenScanState *state = scan->opaque;
	AttrNumber	column = scan->indexRelation->rd_index->indkey.values[0];
	Datum		values[INDEX_MAX_KEYS];
	bool		isnulls[INDEX_MAX_KEYS];

	if (column != 0)
		return slot_getattr(state->slot, column, isnull);
	/* an expression may wait for anything, and VACUUM for our pins */
	omen_toast_reader_pause(state->toast);
	FormIndexDatum(state->index_info, state->slot, state->estate, values,
				   isnulls);
	*isnull = isnulls[0];
	return values[0];
}

/*
 * Fetch a row into state->slot and get at the indexed value.  False if the
 * snapshot does not see the row, or the value is NULL.
 */
static bool
fetch_value(IndexScanDesc scan, ItemPointer tid, Datum *value)
{
	OmenScanState *state = scan->opaque;
	BlockNumber block = ItemPointerGetBlockNumber(tid);
	ItemPointerData fetched = *tid;
	bool		call_again = false;
	bool		found;
	bool		isnull;
	MemoryContext old;

	/* what the fetch allocates is to live as long as it */
	old = MemoryContextSwitchTo(state->context);
	omen_heap_expect(state->fetch, block);
	found = table_index_fetch_tuple(state->fetch, &fetched, scan->xs_snapshot,
									state->slot, &call_again, NULL);
	omen_heap_remember(state->fetch, block);
	MemoryContextSwitchTo(old);
	if (!found)
		return false;
	*value = indexed_value(scan, &isnull);
	return !isnull;
}

/* The true distance of a row, from the indexed value. */
static void
measure(IndexScanDesc scan, ItemPointer tid, Datum value, PendingRow *row)
{
	OmenScanState *state = scan->opaque;

	row->tid = *tid;
	row->toast_relid = InvalidOid;
	state->is_toasted =
		omen_toast_identity(value, &row->toast_relid, &row->toast_valueid);
	value = PointerGetDatum(omen_toast_read(state->toast, value));
	row->distance = DatumGetFloat8(
		FunctionCall2Coll(&state->distance, scan->orderByData->sk_collation,
						  value, state->query));
	state->search->counters.reranked++;
}

/*
 * Fetch a row and compute its true distance.  False if the snapshot does not
 * see it, or it has none.
 */
static bool
fetch_row(IndexScanDesc scan, ItemPointer tid, PendingRow *row)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->row_context);
	Datum		value;
	bool		found = fetch_value(scan, tid, &value);

	if (found)
		measure(scan, tid, value, row);
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row_context);
	if (state->estate)
		ResetPerTupleExprContext(state->estate);
	ExecClearTuple(state->slot);
	return found;
}

/*
 * Learn where the values of the nodes are whose turn it is about to be, and
 * have them brought towards the processor.  The pointers stay good as long as
 * the scan's snapshot sees their rows.
 */
static void
look_ahead(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	if (!state->is_toasted || state->index_info)
		return;
	/* what is first in a heap comes soon, if not quite in this order */
	for (uint32 i = 0; i < Min(state->nnodes, LOOK_AHEAD); i++)
	{
		PendingNode *node = &state->nodes[i];
		Datum		value;

		if (node->was_looked_up || !ItemPointerIsValid(&node->tid) ||
			(state->about_rest.is_known && !node->is_refined))
			continue;
		node->was_looked_up = true;
		if (!fetch_value(scan, &node->tid, &value))
			node->is_gone = true;
		else if (omen_toast_is_read_here(value))
		{
			memcpy(node->pointer, DatumGetPointer(value), TOAST_POINTER_SIZE);
			node->is_located = true;
			omen_toast_prefetch(value);
		}
	}
	ExecClearTuple(state->slot);
}

/*
 * Put the nearest pending node in its place by a better bound, computed from
 * the query itself and not from its code.  Costs a fraction of what fetching
 * the row costs that then need not be fetched.
 */
static void
refine_nearest(OmenScanState *state)
{
	OmenIndex  *ix = state->ix;
	PendingNode nearest;
	OmenSlotHeader *slot;
	Buffer		buf;

	HEAP_POP(state->nodes, state->nnodes, nearest, bound);
	nearest.is_refined = true;
	slot = omen_visit(ix, &ix->layout.node, nearest.node.id, &buf);
	if (slot == NULL)
		return;					/* freed, so its rows were dead */
	if (slot->version == nearest.node.version &&
		slot->epoch == ix->quantizer_epoch)
	{
		const void *code =
			omen_readable_code(ix, &ix->layout.node, nearest.node.id, slot);

		if (code != NULL)
		{
			float		distance =
				omen_query_distance(ix->quantizer, &state->header, state->code,
									&slot->code, code);
			double bound = omen_refined_bound(ix->quantizer, &state->header,
											  state->rest, &state->about_rest,
											  &slot->code, code, distance);

			nearest.bound = Max(nearest.bound, bound);
		}
	}
	UnlockReleaseBuffer(buf);
	push_node(state, nearest);
}

/* Let a row wait for its turn. */
static void
take_row(OmenScanState *state, PendingRow row)
{
	if (isnan(row.distance))
		omen_tid_list_add(&state->nans, &row.tid);
	else if (row.distance < state->last_distance)
		state->search->counters.late++;
	else
		push_row(state, row);
}

/* Look up the rows of the nearest pending node. */
static void
rerank_nearest(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	PendingNode nearest;
	PendingRow	row;

	CHECK_FOR_INTERRUPTS();
	look_ahead(scan);
	HEAP_POP(state->nodes, state->nnodes, nearest, bound);
	if (nearest.is_gone)
		return;
	if (nearest.is_located)
	{
		MemoryContext old = MemoryContextSwitchTo(state->row_context);

		measure(scan, &nearest.tid, PointerGetDatum(nearest.pointer), &row);
		MemoryContextSwitchTo(old);
		MemoryContextReset(state->row_context);
		take_row(state, row);
		return;
	}
	state->tids.count = 0;
	if (ItemPointerIsValid(&nearest.tid))
		omen_tid_list_add(&state->tids, &nearest.tid);
	else if (!omen_posting_collect(state->ix, nearest.node, &state->tids))
		return;
	for (uint32 i = 0; i < state->tids.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (fetch_row(scan, &state->tids.tids[i], &row))
			take_row(state, row);
	}
}

/*
 * Let the operator's function know what it would compute for the row that goes
 * out: the executor is about to ask.
 */
static void
tell_distance(OmenScanState *state, const PendingRow *row)
{
	if (row->toast_relid == InvalidOid)
		return;
	omen_known_distance.function = state->distance.fn_oid;
	omen_known_distance.toast_relid = row->toast_relid;
	omen_known_distance.toast_valueid = row->toast_valueid;
	omen_known_distance.query =
		(struct varlena *) DatumGetPointer(state->query);
	omen_known_distance.result = row->distance;
}

/* Also called when the scan's memory goes away, be it by an error. */
static void
forget_distance(void *arg)
{
	omen_known_distance.function = InvalidOid;
}

/*
 * The next row in order, if there is one among what was found so far.
 */
static bool
next_in_order(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	for (;;)
	{
		PendingRow	row;

		if (state->nrows > 0 &&
			(state->nnodes == 0 ||
			 state->rows[0].distance <= state->nodes[0].bound))
		{
			HEAP_POP(state->rows, state->nrows, row, distance);
			state->last_distance = row.distance;
			scan->xs_heaptid = row.tid;
			if (scan->xs_heapfetch)
				omen_heap_expect(scan->xs_heapfetch,
								 ItemPointerGetBlockNumber(&row.tid));
			tell_distance(state, &row);
			return true;
		}
		if (state->nnodes == 0)
			return false;
		if (state->about_rest.is_known && !state->nodes[0].is_refined)
			refine_nearest(state);
		else
			rerank_nearest(scan);
	}
}

/* The next TID of the list in state->tids. */
static bool
next_of_list(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	if (state->next_tid >= state->tids.count)
		return false;
	scan->xs_heaptid = state->tids.tids[state->next_tid++];
	return true;
}

/* ---------- phases ---------- */

static void
start_scan(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	OmenIndex  *ix = state->ix;
	uint64		few;

	if (scan->numberOfOrderBys != 1)
		elog(ERROR, "cannot scan omen_hnsw index without order");
	if (!IsMVCCSnapshot(scan->xs_snapshot))
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("index \"%s\" can be scanned with an MVCC snapshot only",
					RelationGetRelationName(scan->indexRelation))));

	pgstat_count_index_scan(scan->indexRelation);
	omen_count_search(scan);
	omen_scan_counters(scan, &state->earlier);
	memset(&state->search->counters, 0, sizeof(OmenCounters));
	prepare_fetch(scan);
	omen_index_refresh(ix);
	encode_query(scan);
	few = Max(OMEN_FLAT_NODES, 4 * (uint64) omen_ef_search);
	omen_search_start(state->search, &ix->layout.node, &state->header,
					  state->code, Max(1, omen_ef_search));
	state->phase = PHASE_GRAPH;
	if (state->no_distance)
	{
		state->next_block = OMEN_META_BLOCK + 1;
		return;
	}
	if (ix->meta.mode != OMEN_MODE_GRAPH ||
		ix->meta.node_limit <= few + ix->layout.node.per_page)
	{
		/* few enough to look at all of them */
		scan_all_pages(scan);
		state->phase = PHASE_CLOSING;
	}
	else
		search_graph(state);
}

/* Without a distance: the TIDs of the next node page that has some. */
static bool
collect_next_page(OmenScanState *state)
{
	OmenIndex  *ix = state->ix;
	const OmenPlane *plane = &ix->layout.node;
	OmenNodeRef *refs = palloc(plane->per_page * sizeof(OmenNodeRef));

	state->tids.count = 0;
	state->next_tid = 0;
	while (state->tids.count == 0 && omen_block_exists(ix, state->next_block))
	{
		Buffer		buf = omen_pin(ix, state->next_block);
		OmenPageOpaque opaque;
		uint32		count = 0;

		LockBuffer(buf, BUFFER_LOCK_SHARE);
		opaque = omen_check_page(ix->rel, buf);
		for (uint32 i = 0; opaque && opaque->kind == OMEN_PAGE_NODE &&
						   i < omen_used_slots(ix, opaque);
			 i++)
		{
			OmenSlotHeader *slot = omen_page_slot(BufferGetPage(buf), plane, i);

			if ((slot->flags & OMEN_SLOT_USED) == 0)
				continue;
			refs[count].id = state->next_block * plane->per_page + i;
			refs[count++].version = slot->version;
		}
		UnlockReleaseBuffer(buf);
		for (uint32 i = 0; i < count; i++)
			(void) omen_posting_collect(ix, refs[i], &state->tids);
		state->next_block++;
		CHECK_FOR_INTERRUPTS();
	}
	pfree(refs);
	return state->tids.count > 0;
}

/*
 * Go on to the rows of a side list.  NaN sorts above all numbers and below
 * NULL: rows that turned out to be at no distance go with those that have no
 * direction.
 */
static void
start_side_list(OmenScanState *state, uint32 owner, ScanPhase phase)
{
	state->tids.count = 0;
	state->next_tid = 0;
	if (owner == OMEN_OWNER_NAN)
	{
		for (uint32 i = 0; i < state->nans.count; i++)
			omen_tid_list_add(&state->tids, &state->nans.tids[i]);
	}
	omen_posting_collect_side(state->ix, owner, &state->tids);
	state->phase = phase;
}

/*
 * Find more: true if there is a chance of further rows.
 */
static bool
advance(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	switch (state->phase)
	{
		case PHASE_GRAPH:
			if (state->no_distance)
			{
				if (collect_next_page(state))
					return true;
				start_side_list(state, OMEN_OWNER_NAN, PHASE_SIDE_NAN);
			}
			else if (!search_on(state))
			{
				scan_all_pages(scan);
				state->phase = PHASE_CLOSING;
			}
			return true;
		case PHASE_CLOSING:
			start_side_list(state, OMEN_OWNER_NAN, PHASE_SIDE_NAN);
			return true;
		case PHASE_SIDE_NAN:
			start_side_list(state, OMEN_OWNER_NULL, PHASE_SIDE_NULL);
			return true;
		default:
			state->phase = PHASE_DONE;
			return false;
	}
}

bool
omen_get_tuple(IndexScanDesc scan, ScanDirection dir)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);
	bool		found = false;

	Assert(ScanDirectionIsForward(dir));
	forget_distance(NULL);
	if (state->phase == PHASE_START)
		start_scan(scan);
	while (!found && state->phase != PHASE_DONE)
	{
		bool ordered = !state->no_distance && state->phase <= PHASE_CLOSING;

		found = ordered ? next_in_order(scan) : next_of_list(scan);
		if (!found && !advance(scan))
			break;
	}
	if (state->phase == PHASE_DONE)
		omen_toast_reader_end(state->toast);
	else
		omen_toast_reader_pause(state->toast);
	omen_last_scan_counters = state->search->counters;
	scan->xs_recheck = false;
	scan->xs_recheckorderby = false;
	MemoryContextSwitchTo(old);
	return found;
}
