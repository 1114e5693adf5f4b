/*-------------------------------------------------------------------------
 *
 * rerank.c
 *	  From candidates to rows in the exact order of their distance.
 *
 * Candidates wait in a heap by lower bound of their distance, rows that were
 * fetched wait in another by their true distance.  A row goes out when its
 * distance is not above the bound of any candidate; so about as many rows are
 * fetched as are returned.  Where bounds are the distances themselves, the rows
 * at one distance go by block, so that no more of them are fetched.  Before a
 * row is fetched, the bound of its candidate is made better from the query
 * itself, which costs less than a row.
 *
 * Whoever wants a row repeats omen_rerank_take(), which knows whether there is
 * one, and omen_rerank_nearest(), a step towards that, and decides between the
 * two whether to go on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "executor/executor.h"
#include "heap/heap.h"
#include "hnsw/scan/scan.h"
#include "hnsw/store/code.h"
#include "miscadmin.h"
#include "tuning.h"

/*
 * Is a node to be visited before its row is looked up?  If that was not done
 * under a lock, and for a better bound; but not for that if the row may well be
 * filtered out: looking it up costs as much.
 */
static inline bool
wants_visit(const OmenScanState *state, const OmenPendingNode *node)
{
	return node->is_glimpsed ||
		   (state->query.about_rest.is_known && !node->is_refined &&
			!state->pending.is_post_filtering);
}

/*
 * Locate the values of the nodes whose turn it is about to be, if vectors are
 * TOASTed.
 */
static void
look_ahead(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	OmenPending *pending = &state->pending;

	if (!state->fetch.is_toasted || state->fetch.index_info)
		return;
	/* what is first in a heap comes soon, if not quite in this order */
	for (uint32 i = 0; i < Min(pending->nnodes, OMEN_VECTORS_AHEAD); i++)
	{
		OmenPendingNode *node = &pending->nodes[i];

		if (!node->was_looked_up && ItemPointerIsValid(&node->tid) &&
			!wants_visit(state, node))
			omen_fetch_locate(scan, node);
	}
	ExecClearTuple(state->fetch.slot);
}

/*
 * Take in what is known of a pending node when its page is locked.  False if it
 * has gone, so that its rows were dead.
 */
static bool
read_node(OmenScanState *state, OmenSlotHeader *slot, OmenPendingNode *node)
{
	double		bound;

	if (slot->version != node->node.version)
		return false;
	if (node->is_glimpsed)
	{
		/* what was seen without a lock counts no more */
		node->bound = -INFINITY;
		omen_pending_read_tid(node, slot);
		node->is_glimpsed = false;
	}
	if (slot->epoch == state->ix->quantizer_epoch)
	{
		bound = omen_query_refined_bound(state, node->node.id, slot);
		node->bound = Max(node->bound, bound);
	}
	node->is_refined = true;
	return true;
}

/*
 * Put the nearest pending node in its place by a better bound.  Costs a
 * fraction of what fetching the row costs that then need not be fetched.
 */
static void
refine_nearest(OmenScanState *state)
{
	OmenIndex  *ix = state->ix;
	OmenPendingNode nearest = omen_pending_take_node(&state->pending);
	OmenSlotHeader *slot;
	Buffer		buf;
	bool		is_there;

	slot = omen_visit(ix, &ix->layout.node, nearest.node.id, &buf);
	if (slot == NULL)
		return;
	is_there = read_node(state, slot, &nearest);
	UnlockReleaseBuffer(buf);
	if (!is_there)
		return;
	/* most whose bound is refined are looked up soon */
	omen_heap_prefetch_row(state->fetch.table->rel, &nearest.tid, BLCKSZ);
	omen_pending_add_node(state, nearest);
}

/* Let a row wait for its turn, unless that is over. */
static void
take_row(OmenScanState *state, OmenPendingRow row)
{
	OmenPending *pending = &state->pending;
	OmenPendingGroup *group = &pending->groups[row.group];

	group->found++;
	if (isnan(row.distance))
		omen_tid_list_add(&pending->nans, &row.tid);
	else if (row.distance < pending->last_distance)
		state->search->counters.late++;
	else
	{
		group->passed++;
		omen_pending_add_row(state, row);
	}
}

/*
 * Is a node's bound its distance?  Where codes are the values themselves, and
 * the node's could be read.
 */
static inline bool
is_distance_known(const OmenScanState *state, const OmenPendingNode *node)
{
	return omen_quantizer_functions(state->ix->quantizer)->exact != NULL &&
		   isfinite(node->bound);
}

/* Look up the rows of a node. */
static void
look_up(IndexScanDesc scan, OmenPendingNode *node)
{
	OmenScanState *state = scan->opaque;
	const OmenSearch *search = state->search;
	OmenTidList *tids = &state->pending.tids;
	bool		is_known = is_distance_known(state, node);
	OmenPendingRow row;

	tids->count = 0;
	if (ItemPointerIsValid(&node->tid))
		omen_tid_list_add(tids, &node->tid);
	else if (!omen_posting_collect(state->groups.all[node->group].graph,
								   node->node, tids))
		return;
	row.group = node->group;
	for (uint32 i = 0; i < tids->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		/* the search does not know each TID of a node of several rows */
		if (search->may_pass &&
			!search->may_pass(search->pass_arg, &tids->tids[i]))
			continue;
		if ((is_known
				 ? omen_fetch_known_row(scan, &tids->tids[i], node->bound, &row)
				 : omen_fetch_row(scan, &tids->tids[i], &row)) ==
			OMEN_ROW_FOUND)
			take_row(state, row);
	}
}

/* Look up the rows of the nearest pending node. */
static void
look_up_nearest(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	OmenPendingNode nearest;
	OmenPendingRow row;

	look_ahead(scan);
	nearest = omen_pending_take_node(&state->pending);
	state->pending.tested++;
	state->pending.groups[nearest.group].tested++;
	if (nearest.is_gone)
		return;
	if (!nearest.is_located)
	{
		look_up(scan, &nearest);
		return;
	}
	omen_fetch_located(scan, &nearest, &row);
	row.group = nearest.group;
	take_row(state, row);
}

/*
 * Does nothing wait that the search of a group has found?  Then what comes next
 * may be of that group, and is not known.
 */
bool
omen_rerank_is_dry(const OmenScanState *state, uint32 group)
{
	return state->phase == OMEN_SCAN_GRAPH &&
		   !state->groups.all[group].is_whole &&
		   state->pending.groups[group].waiting == 0;
}

/*
 * Without a filter: are most of a group's nodes of rows that are gone, and not
 * vacuumed?  Then no row is to go out before as many are known as a candidate
 * list holds.  What a list of dead rows has left is little, and what comes
 * later may be late: a table that was emptied would seem to have fewer rows
 * than it has.  Once all nodes have been looked at nothing can be.
 */
bool
omen_rerank_waits_for(const OmenScanState *state, uint32 group)
{
	const OmenPendingGroup *pending = &state->pending.groups[group];

	return state->phase == OMEN_SCAN_GRAPH &&
		   !state->groups.all[group].is_whole && pending->found < state->ef &&
		   pending->tested >= OMEN_BLOAT_MIN_TESTED &&
		   pending->found < OMEN_BLOAT_SHARE * pending->tested;
}

/* The same of any of the groups. */
bool
omen_rerank_waits(const OmenScanState *state)
{
	if (state->phase != OMEN_SCAN_GRAPH)
		return false;
	for (uint32 i = 0; i < state->groups.count; i++)
	{
		if (omen_rerank_waits_for(state, i))
			return true;
	}
	return false;
}

/*
 * Has the candidate list of a group given as many rows as it is good for?  At
 * its end it lacks more of what is near than at its beginning, so one that had
 * to grow is not used to its end.  That does not depend on how many rows are
 * wanted: a query for more rows begins with those that one for fewer gives.  Of
 * sketches any list lacks some.
 */
bool
omen_rerank_is_used_up(const OmenScanState *state, uint32 group)
{
	const OmenSearch *search = state->groups.all[group].search;
	double		taken = state->pending.groups[group].taken;

	if (state->phase != OMEN_SCAN_GRAPH || state->groups.all[group].is_whole)
		return false;
	if (omen_metrics[state->ix->meta.metric].is_sketched)
		return taken >= search->ef / OMEN_SKETCH_LIST_OF_TAKEN;
	return search->ef > state->ef && taken >= search->ef / OMEN_LIST_OF_TAKEN;
}

/*
 * Is there a group of which more has to be found before another row goes out?
 * Lists that are used up, but not dry, count if that is asked for.
 */
bool
omen_rerank_lacks_some(const OmenScanState *state, bool used_up)
{
	if (state->phase != OMEN_SCAN_GRAPH)
		return false;
	for (uint32 i = 0; i < state->groups.count; i++)
	{
		if (omen_rerank_is_dry(state, i) ||
			(used_up && omen_rerank_is_used_up(state, i)))
			return true;
	}
	return false;
}

/*
 * May the nearest pending node have a row that comes before one that is known?
 * Of rows at one distance, which are many where that is a small integer, one
 * that lies before it in the table does.
 */
static inline bool
may_come_before(const OmenPendingNode *node, const OmenPendingRow *row)
{
	if (node->bound != row->distance)
		return node->bound < row->distance;
	return omen_pending_block(node) <=
		   ItemPointerGetBlockNumberNoCheck(&row->version);
}

/*
 * Take the next row in order, if it is known by now which that is.
 */
bool
omen_rerank_take(OmenPending *pending, OmenPendingRow *row)
{
	if (pending->nrows == 0 ||
		(pending->nnodes > 0 &&
		 may_come_before(&pending->nodes[0], &pending->rows[0])))
		return false;
	*row = omen_pending_take_row(pending);
	pending->groups[row->group].taken++;
	return true;
}

/*
 * Get to know more of the nearest pending node, of which there is one: a better
 * bound, or its rows.
 */
void
omen_rerank_nearest(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	CHECK_FOR_INTERRUPTS();
	if (wants_visit(state, &state->pending.nodes[0]))
		refine_nearest(state);
	else
		look_up_nearest(scan);
}

/* Let a row that was taken go out; what is found later and nearer is late. */
void
omen_rerank_send(OmenScanState *state, const OmenPendingRow *row)
{
	state->pending.last_distance = row->distance;
	omen_fetch_tell_distance(state, row);
}
