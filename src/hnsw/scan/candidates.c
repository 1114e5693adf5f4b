/*-------------------------------------------------------------------------
 *
 * candidates.c
 *	  Finding candidates, by the distance of codes: a search of the graph, or a
 *	  look at all nodes if there are few.
 *
 * What the search is to keep out, and how far it may go, is set in
 * state->search by whoever runs the scan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "heap/heap.h"
#include "hnsw/scan/scan.h"
#include "pause.h"

/*
 * Bring rows towards the processor that are about to be tested, nearly in this
 * order.
 */
static void
prefetch_rows(const OmenScanState *state)
{
	const OmenPending *pending = &state->pending;

	for (uint32 i = 0; i < Min(pending->nnodes, OMEN_MAX_ROWS_AHEAD); i++)
		omen_heap_prefetch_row(state->fetch.table->rel, &pending->nodes[i].tid,
							   OMEN_ROW_HEAD_BYTES);
}

/*
 * Make a result of the search pending.
 *
 * The search looked without a lock, and what it saw may have been on its way.
 * So all that counts is read anew.
 */
static void
take_result(OmenScanState *state, uint32 id)
{
	OmenIndex  *ix = state->ix;
	Buffer		buf;
	OmenSlotHeader *slot = omen_visit(ix, &ix->layout.node, id, &buf);
	OmenPendingNode node;
	bool		is_readable;

	if (slot == NULL)
		return;
	node = omen_pending_node(state, id, slot);
	is_readable = slot->epoch == ix->quantizer_epoch &&
				  omen_query_bound(state, id, slot, false, &node.bound);
	UnlockReleaseBuffer(buf);
	if (!is_readable)
		return;
	omen_heap_prefetch(state->fetch.table->rel, &node.tid);
	omen_pending_add_node(state, node);
}

/*
 * Is each node read under a lock in any case before its row is looked up?  Not
 * under a filter by TID, which the search asked of the one that it saw.
 */
static inline bool
may_glimpse(const OmenScanState *state)
{
	return state->search->may_peek && state->query.about_rest.is_known &&
		   !state->pending.is_post_filtering && state->search->may_pass == NULL;
}

/*
 * Make a result pending without a lock, by the distance that the search saw, to
 * be read anew when its turn comes (rerank.c), which for most it never does.
 * False if it has to be looked at under the lock now.
 *
 * If what was seen was on its way the node may have its turn too late, and its
 * row be late.
 */
static bool
glimpse_result(OmenScanState *state, const OmenSeen *seen)
{
	OmenIndex  *ix = state->ix;
	const OmenPlane *plane = &ix->layout.node;
	Buffer		buf;
	OmenSlotHeader *slot;
	OmenCodeHeader header;
	OmenPendingNode node;
	uint16		epoch;

	if (!may_glimpse(state))
		return false;
	slot = omen_peek(ix, plane, seen->id, &buf);
	if (slot == NULL)
		return false;
	node = omen_pending_node(state, seen->id, slot);
	header = *omen_slot_code_header(plane, slot);
	epoch = slot->epoch;
	if (!omen_peek_held(&ix->pages, omen_id_block(plane, seen->id), buf) ||
		node.node.version != seen->version || epoch != ix->quantizer_epoch)
		return false;
	node.is_glimpsed = true;
	node.bound = omen_lower_bound(ix->quantizer, &state->query.header, &header,
								  seen->distance);
	omen_heap_prefetch(state->fetch.table->rel, &node.tid);
	omen_pending_add_node(state, node);
	return true;
}

/*
 * Make the results of the search pending that were not so before.  Returns how
 * many there were.
 */
static uint32
take_results(OmenScanState *state)
{
	OmenSearch *search = state->search;
	uint32		taken = 0;

	for (uint32 i = 0; i < search->nnearest; i++)
	{
		OmenSeen   *seen = &search->seen[search->nearest[i].seen];

		if ((seen->flags & OMEN_SEEN_TAKEN) != 0)
			continue;
		seen->flags |= OMEN_SEEN_TAKEN;
		taken++;
		if (!glimpse_result(state, seen))
			take_result(state, seen->id);
	}
	if (state->pending.is_post_filtering)
		prefetch_rows(state);
	return taken;
}

/*
 * Note what a search of the group in use has done since it had made so many
 * visits.
 */
static void
note_search(OmenScanState *state, uint64 before)
{
	OmenScanGroup *group = &state->groups.all[state->groups.current];
	const OmenSearch *search = state->search;

	group->is_searched = true;
	group->visits += search->counters.visits - before;
	group->is_cut = omen_search_is_spent(search);
}

/* Search the graph of the group in use. */
static void
search_graph(OmenScanState *state)
{
	OmenSearch *search = state->search;
	uint64		before = search->counters.visits;
	OmenStarts	starts;

	search->may_peek = !state->ix->layout.out_of_line &&
					   !RelationUsesLocalBuffers(state->ix->pages.rel);
	(void) omen_descend(search, 0, &starts);
	omen_search_start(search, &state->ix->layout.node, state->ef);
	if (!omen_seed_all(search, &starts))
		(void) omen_search_seed(search, omen_graph_root(state->graph));
	omen_search_run(search);
	note_search(state, before);
	OMEN_PAUSE("scan-searched");
	(void) take_results(state);
	OMEN_PAUSE("scan-taken");
}

/*
 * Is a look at all nodes the better way?  If there are so few that a search is
 * not worth while; and if nothing is known of distances, by which it would go.
 */
static bool
looks_at_all(const OmenScanState *state)
{
	const OmenGraph *graph = state->graph;
	double		nodes =
		(double) graph->data.node_limit - graph->ix->layout.node.per_page;

	return graph->data.mode != OMEN_MODE_GRAPH ||
		   omen_scans_all_nodes(nodes, state->ef_search.value) ||
		   omen_query_overflows(state->ix->quantizer, &state->query.header,
								graph->data.radius);
}

/*
 * Find the first candidates of all groups, each by its own means.  One whose
 * turn comes when no more is allowed is searched later, if more is.
 */
static void
start_groups(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	bool		is_first = true;

	omen_pending_clear(state);
	do
	{
		OmenScanGroup *group = &state->groups.all[state->groups.current];

		if (looks_at_all(state))
		{
			if (is_first)
				omen_search_start(state->search, &state->ix->layout.node,
								  state->ef);
			is_first = false;
			(void) omen_full_scan(scan, SIZE_MAX);
			continue;
		}
		omen_scan_own_search(state);
		if (state->groups.count > 1 && omen_search_is_spent(state->search))
		{
			omen_search_start(state->search, &state->ix->layout.node,
							  state->ef);
			group->is_cut = true;
		}
		else
			search_graph(state);
	} while (omen_scan_next_group(state));
	state->phase = omen_scan_is_whole(state) ? OMEN_SCAN_FULL : OMEN_SCAN_GRAPH;
}

/* Find the first candidates, with the list that state->ef says. */
void
omen_candidates_start(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	const OmenKeyTests *key_tests = state->query.key_tests;

	if ((key_tests && key_tests->never) || state->groups.count == 0)
		state->phase = OMEN_SCAN_DONE;
	else if (state->query.no_distance)
		omen_side_begin_all(state);
	else
		start_groups(scan);
}

/*
 * Go on where the search of the group in use stopped, with a list of next_ef.
 * False if that gives nothing: it has met all it can reach, or may do no more.
 */
bool
omen_candidates_search_on(OmenScanState *state, uint32 next_ef)
{
	OmenScanGroup *group = &state->groups.all[state->groups.current];
	OmenSearch *search = state->search;
	uint64		before = search->counters.visits;

	group->is_cut = false;
	if (!group->is_searched)
	{
		search_graph(state);
		return true;
	}
	if (search->nfrontier == 0)
	{
		/* the root may know a way out of where the descent has led to */
		if (!omen_search_seed(search, omen_graph_root(state->graph)) &&
			search->nnearest < search->ef)
			return false;
	}
	group->is_cut = omen_search_is_spent(search);
	if (search->ef > PG_INT32_MAX / 2 || group->is_cut)
		return false;
	omen_search_grow(search, next_ef);
	note_search(state, before);
	return take_results(state) > 0;
}
