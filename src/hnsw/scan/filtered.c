/*-------------------------------------------------------------------------
 *
 * filtered.c
 *	  Index scans that know which rows are wanted, and how many.
 *
 * Rows that pass are held back until as many are found as are wanted: as long
 * as none has gone out, none can be late.  If a search does not find them, it
 * goes on with a longer candidate list, as any scan does.
 *
 * With a filter by TID or by keys, nodes that do not pass are walked through
 * and are no results, so the candidate list holds nodes that may pass only.
 * Without one, rows are fetched in the order of their nodes until enough have
 * passed; what a search finds of the r nearest is good if its candidate list is
 * longer than r, so it is made so (growth.c).
 *
 * Where the graph does not give enough, or would take longer than the caller
 * allows (budget.c), the scan gives up, and its caller has it look at all nodes
 * that may pass, or at rows one by one (exact.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "array.h"
#include "hnsw/scan/filtered_state.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* ---------- beginning ---------- */

static OmenFilteredState *
create_filtered_state(MemoryContext context)
{
	OmenFilteredState *filtered =
		MemoryContextAllocZero(context, sizeof(OmenFilteredState));

	filtered->sent.context = context;
	filtered->exact.nans.context = context;
	filtered->exact.nulls.context = context;
	return filtered;
}

/*
 * Make a scan a filtered one; after amrescan, before the first row.  The query
 * is copied.
 */
void
omen_filtered_begin(IndexScanDesc scan, const OmenFilter *filter)
{
	OmenScanState *state = scan->opaque;
	OmenFilteredState *filtered = state->filtered;

	if (filtered == NULL)
		state->filtered = filtered = create_filtered_state(state->context);
	filtered->filter = *filter;
	filtered->budget = filter->budget;
	filtered->nheld = 0;
	filtered->next_held = 0;
	filtered->is_settled = false;
	filtered->is_closed = false;
	filtered->is_beyond = false;
	filtered->sent.count = 0;
	omen_exact_reset(&filtered->exact);
	state->fetch.passes = filter->passes;
	state->fetch.pass_arg = filter->arg;
	omen_scan_prepare(scan, filter->key_steps);
}

/* Tell the search of the filter. */
static void
ask_search(OmenScanState *state)
{
	const OmenFilter *filter = &state->filtered->filter;
	const OmenSearchTerms *terms = &filter->terms;
	OmenSearch *search = state->search;

	state->ef = terms->ef;
	state->pending.is_post_filtering = !omen_search_is_inside(terms);
	search->may_pass = terms->tests_tids ? filter->may_pass : NULL;
	search->pass_arg = filter->arg;
	search->key_tests = terms->tests_keys ? state->query.key_tests : NULL;
	search->most_visits = PG_UINT64_MAX;
	omen_budget_limit_search(state);
}

/* ---------- how it is going ---------- */

/* How many rows have passed, whether their turn has come or not. */
static uint64
count_passed(const OmenScanState *state)
{
	uint64		passed = 0;

	for (uint32 i = 0; i < state->groups.count; i++)
		passed += state->pending.groups[i].passed;
	return passed;
}

/* How far the search of a group has come. */
static OmenSearchProgress
progress_of_group(const OmenScanState *state, uint32 which)
{
	const OmenScanGroup *group = &state->groups.all[which];
	const OmenPendingGroup *pending = &state->pending.groups[which];
	OmenSearchTerms terms = state->filtered->filter.terms;
	uint64		passed = count_passed(state);
	OmenSearchProgress progress = {.tested = pending->tested,
								   .passed = pending->passed,
								   .visits = group->visits,
								   .work = omen_budget_work(state),
								   .found = group->search->nnearest,
								   .ef = group->search->ef,
								   .hit_limit = group->is_cut};

	/* what others have need not be found here */
	terms.wanted =
		pending->passed + (terms.wanted > passed ? terms.wanted - passed : 0);
	progress.next_ef = omen_next_list(&terms, &progress);
	return progress;
}

/* How far all searches have come, as if they were one. */
static OmenSearchProgress
progress_of(const OmenScanState *state)
{
	OmenSearchProgress progress = {.tested = state->pending.tested,
								   .passed = count_passed(state),
								   .visits = state->search->counters.visits,
								   .work = omen_budget_work(state),
								   .hit_limit = omen_budget_hit_limit(state)};

	for (uint32 i = 0; i < state->groups.count; i++)
	{
		const OmenScanGroup *group = &state->groups.all[i];

		if (group->is_whole)
			continue;
		progress.found += group->search->nnearest;
		progress.ef += group->search->ef;
	}
	progress.next_ef =
		omen_next_list(&state->filtered->filter.terms, &progress);
	return progress;
}

/* Has the search of a group gone far enough to rely on what it found? */
static bool
group_suffices(const OmenScanState *state, uint32 which)
{
	OmenSearchTerms terms = state->filtered->filter.terms;
	OmenSearchProgress progress;

	if (state->groups.all[which].is_whole)
		return true;
	/* of all of them */
	terms.usual_visits /= state->groups.count;
	progress = progress_of_group(state, which);
	return omen_list_suffices(&terms, &progress);
}

/* The same of all searches. */
static bool
suffices(const OmenScanState *state)
{
	const OmenSearchTerms *terms = &state->filtered->filter.terms;

	if (state->phase == OMEN_SCAN_FULL)
		return true;
	if (omen_budget_hit_limit(state) ||
		(omen_search_is_inside(terms) && omen_budget_is_spent(state)))
		return false;
	for (uint32 i = 0; i < state->groups.count; i++)
	{
		if (!group_suffices(state, i))
			return false;
	}
	return true;
}

/* ---------- rows by the graph ---------- */

/*
 * Is the nearest that is pending outside the radius?  Then so is all that a
 * search would find now, which goes outwards.
 */
static bool
is_beyond(OmenScanState *state)
{
	OmenFilteredState *filtered = state->filtered;

	if (state->pending.nodes[0].bound > filtered->filter.radius)
		filtered->is_beyond = true;
	return filtered->is_beyond;
}

/*
 * Take the next row in order, as far as the work allowed and the radius go.
 */
static bool
take_row(IndexScanDesc scan, OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;
	bool		is_unfiltered = state->filtered->filter.terms.is_unfiltered;

	if (omen_rerank_lacks_some(state,
							   is_unfiltered && !omen_rerank_waits(state)))
		return false;
	while ((is_unfiltered && omen_rerank_waits(state)) ||
		   !omen_rerank_take(&state->pending, row))
	{
		if (state->pending.nnodes == 0 || omen_budget_is_spent(state) ||
			is_beyond(state))
			return false;
		omen_rerank_nearest(scan);
		if (omen_rerank_lacks_some(state, false))
			return false;
	}
	return true;
}

/*
 * Hold a row.  It is farther than those held before, but for one whose bound
 * was only likely (see omen_lower_bound), which finds its place.
 */
static void
hold_row(OmenScanState *state, const OmenPendingRow *row)
{
	OmenFilteredState *filtered = state->filtered;
	uint32		place = filtered->nheld;

	OMEN_GROW(state->context, filtered->held, filtered->held_room, place + 1);
	for (; place > 0 && filtered->held[place - 1].distance > row->distance;
		 place--)
		filtered->held[place] = filtered->held[place - 1];
	filtered->held[place] = *row;
	filtered->nheld++;
	if (filtered->filter.terms.is_unfiltered)
		state->pending.last_distance = row->distance;
}

/*
 * Hold the rows that are wanted, as far as they are known and in order.  True
 * if those are all, and they can be relied on.
 */
static bool
settle(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	OmenFilteredState *filtered = state->filtered;
	OmenPendingRow row;

	while (filtered->nheld < filtered->filter.terms.wanted &&
		   take_row(scan, &row))
		hold_row(state, &row);
	return filtered->nheld >= filtered->filter.terms.wanted && suffices(state);
}

/* What is found now may be nearer than what is held, if that is not final. */
static void
unsettle(OmenScanState *state)
{
	OmenFilteredState *filtered = state->filtered;

	filtered->is_beyond = false;
	if (filtered->filter.terms.is_unfiltered)
		return;
	for (uint32 i = 0; i < filtered->nheld; i++)
		omen_pending_add_row(state, filtered->held[i]);
	filtered->nheld = 0;
}

/* Is all that is left outside the radius, so that nothing more passes? */
static bool
ends_at_radius(const OmenScanState *state)
{
	return state->filtered->is_beyond && suffices(state);
}

/* Has more of a group to be found before anything else? */
static bool
wants_more(const OmenScanState *state, uint32 which)
{
	return state->groups.all[which].is_cut ||
		   omen_rerank_is_dry(state, which) ||
		   (state->filtered->filter.terms.is_unfiltered &&
			(omen_rerank_is_used_up(state, which) ||
			 omen_rerank_waits_for(state, which))) ||
		   !group_suffices(state, which);
}

/*
 * Search a group further.  Of several groups one that has no more to be found
 * by a search is looked at to the last.  False if that is all that there is to
 * be done, or there is no memory for it.
 */
static bool
search_group_further(IndexScanDesc scan, uint32 which)
{
	OmenScanState *state = scan->opaque;
	const OmenScanGroup *group = &state->groups.all[which];
	OmenSearchProgress progress = progress_of_group(state, which);

	omen_scan_turn_to(state, which);
	/* the end of a search that hit its limit may have nothing that is nearer */
	if (omen_candidates_search_on(state, progress.next_ef) ||
		progress.hit_limit)
		return true;
	if (state->groups.count == 1)
		return false;
	return group->is_cut ||
		   omen_full_scan_rest(scan, state->filtered->filter.memory);
}

/*
 * Search on, where more has to be found, or else everywhere.  False if that
 * gives nothing, or no more is allowed.
 */
static bool
search_further(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	bool		is_somewhere = false;

	omen_budget_limit_search(state);
	if (omen_search_is_spent(state->search))
		return false;
	for (uint32 i = 0; i < state->groups.count; i++)
		is_somewhere |= wants_more(state, i);
	for (uint32 i = 0; i < state->groups.count; i++)
	{
		if (!state->groups.all[i].is_whole &&
			(!is_somewhere || wants_more(state, i)) &&
			!search_group_further(scan, i))
			return false;
	}
	return true;
}

/* Have the caller say how much a scan that has not settled may do by now. */
static void
ask_for_more(OmenScanState *state)
{
	OmenFilteredState *filtered = state->filtered;
	OmenSearchProgress progress;

	if (filtered->filter.more == NULL)
		return;
	progress = progress_of(state);
	filtered->budget = filtered->filter.more(filtered->filter.arg, &progress);
}

/*
 * Is there anything left to do with the list as it is, now that more is
 * allowed?  Not for a walk (in-filter traversal) that stopped on its way: its
 * list is not yet what it will be.
 */
static bool
has_left_pending(const OmenScanState *state)
{
	const OmenFilteredState *filtered = state->filtered;

	if (omen_budget_hit_limit(state) &&
		omen_search_is_inside(&filtered->filter.terms))
		return false;
	return state->pending.nnodes > 0 ||
		   filtered->nheld >= filtered->filter.terms.wanted;
}

/*
 * Go on with a scan that has not settled: with what was left pending, or by
 * searching on.  False if it is to give up.
 */
static bool
go_on(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	bool		was_spent = omen_budget_is_spent(state);
	bool		is_good;

	ask_for_more(state);
	if (was_spent && !omen_budget_is_spent(state) && has_left_pending(state))
	{
		omen_budget_limit_search(state);
		return true;
	}
	is_good = search_further(scan);
	unsettle(state);
	return is_good;
}

/*
 * Is a row missing that was nearer than rows that are held, though all of the
 * groups has been looked at, one after another?  None has gone out, so that is
 * not final: a pass over all of them at once has no late rows.
 */
static bool
lacks_late_rows(const OmenScanState *state)
{
	const OmenFilteredState *filtered = state->filtered;

	return state->groups.count > 1 && filtered->filter.terms.is_unfiltered &&
		   state->phase == OMEN_SCAN_FULL && !filtered->is_closed &&
		   filtered->sent.count == 0 &&
		   filtered->nheld < filtered->filter.terms.wanted &&
		   state->search->counters.late > 0;
}

/* Find the rows that are wanted.  False if the graph does not give them. */
static bool
find_wanted(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;

	while (!settle(scan))
	{
		/* all that have a distance, or all within the radius, are known */
		if (state->phase == OMEN_SCAN_FULL || ends_at_radius(state))
			break;
		if (!go_on(scan))
			return false;
	}
	if (lacks_late_rows(state))
		return false;
	state->filtered->is_settled = true;
	return true;
}

/*
 * Look at all nodes that may pass, instead of searching on.  The filter takes
 * the place of the one before: it may know more than the search that gave up.
 * False if that cannot be: rows have gone out already, or there are too many
 * nodes.
 */
bool
omen_filtered_close(IndexScanDesc scan, const OmenFilter *filter)
{
	OmenScanState *state = scan->opaque;
	OmenFilteredState *filtered = state->filtered;
	MemoryContext old;
	bool		is_closed = true;

	if (state->query.no_distance || state->phase == OMEN_SCAN_EXACT ||
		filtered->sent.count > 0)
		return false;
	old = MemoryContextSwitchTo(state->query_context);
	filtered->filter = *filter;
	ask_search(state);
	filtered->nheld = 0;
	state->pending.last_distance = -INFINITY;
	state->search->counters.late = 0;	/* they are found anew */
	filtered->is_closed = true;
	if ((state->query.key_tests && state->query.key_tests->never) ||
		state->groups.count == 0)
		state->phase = OMEN_SCAN_DONE;
	else
		is_closed = omen_full_scan_afresh(scan, filtered->filter.memory);
	MemoryContextSwitchTo(old);
	return is_closed;
}

/*
 * Let a scan do this much in all, from now on; its search may have settled.
 */
void
omen_filtered_allow(IndexScanDesc scan, OmenScanBudget budget)
{
	((OmenScanState *) scan->opaque)->filtered->budget = budget;
}

/* ---------- the next row ---------- */

/*
 * The next row of the list in use that passes; its distance is of no use.
 */
static bool
next_of_list(IndexScanDesc scan, ItemPointer version)
{
	OmenScanState *state = scan->opaque;
	const OmenFilter *filter = &state->filtered->filter;
	OmenPendingRow row;
	ItemPointer tid;

	while ((tid = omen_side_next_tid(&state->unordered)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if ((filter->terms.tests_tids && !filter->may_pass(filter->arg, tid)) ||
			omen_fetch_row(scan, tid, &row) == OMEN_ROW_GONE)
			continue;
		*version = row.version;
		return true;
	}
	return false;
}

/*
 * After all nodes: the rows that have no distance, whose lists are looked
 * through one after the other.
 */
static OmenFilteredResult
next_without_distance(IndexScanDesc scan, ItemPointer version)
{
	OmenScanState *state = scan->opaque;

	if (state->phase == OMEN_SCAN_FULL)
		omen_side_begin(state, OMEN_SIDE_NAN, OMEN_SCAN_SIDE_NAN);
	if (next_of_list(scan, version))
		return OMEN_FILTERED_ROW;
	if (state->phase == OMEN_SCAN_SIDE_NULL)
		return OMEN_FILTERED_END;
	omen_side_begin(state, OMEN_SIDE_NULL, OMEN_SCAN_SIDE_NULL);
	return next_of_list(scan, version) ? OMEN_FILTERED_ROW : OMEN_FILTERED_END;
}

/*
 * The next row of a query without a distance, and without a filter: in the
 * order in which a plain index scan gives them.
 */
static OmenFilteredResult
next_in_any_order(IndexScanDesc scan, ItemPointer version)
{
	OmenScanState *state = scan->opaque;

	while (!next_of_list(scan, version))
	{
		if (!omen_side_advance(state))
			return OMEN_FILTERED_END;
	}
	return OMEN_FILTERED_ROW;
}

/*
 * The next row that has a distance: of those held, and then beyond what was
 * wanted.  False if there is none within the radius, or the search gives no
 * more.
 */
static bool
next_with_distance(IndexScanDesc scan, OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;
	OmenFilteredState *filtered = state->filtered;

	if (filtered->next_held < filtered->nheld)
	{
		*row = filtered->held[filtered->next_held++];
		return true;
	}
	while (!take_row(scan, row))
	{
		if (state->phase != OMEN_SCAN_GRAPH || ends_at_radius(state))
			return false;
		filtered->is_beyond = false;
		if (!search_further(scan))
			return false;
	}
	return true;
}

/* The next row of a scan that has settled. */
static OmenFilteredResult
next_settled(IndexScanDesc scan, ItemPointer version)
{
	OmenScanState *state = scan->opaque;
	OmenPendingRow row;

	if (next_with_distance(scan, &row))
	{
		omen_rerank_send(state, &row);
		omen_tid_list_add(&state->filtered->sent, &row.version);
		*version = row.version;
		return OMEN_FILTERED_ROW;
	}
	if (ends_at_radius(state))
		return OMEN_FILTERED_END;
	if (state->phase == OMEN_SCAN_GRAPH)
		return OMEN_FILTERED_GAVE_UP;
	return next_without_distance(scan, version);
}

static OmenFilteredResult
next_row(IndexScanDesc scan, ItemPointer version)
{
	OmenScanState *state = scan->opaque;

	if (state->phase == OMEN_SCAN_START)
	{
		ask_search(state);
		omen_candidates_start(scan);
	}
	if (state->query.no_distance && state->phase != OMEN_SCAN_EXACT &&
		state->filtered->filter.terms.is_unfiltered)
		return next_in_any_order(scan, version);
	switch (state->phase)
	{
		case OMEN_SCAN_DONE:
			return OMEN_FILTERED_END;
		case OMEN_SCAN_EXACT:
			return omen_exact_next(scan, version);
		case OMEN_SCAN_UNORDERED:
			return OMEN_FILTERED_GAVE_UP;
		default:
			if (!state->filtered->is_settled && !find_wanted(scan))
				return OMEN_FILTERED_GAVE_UP;
			return next_settled(scan, version);
	}
}

/*
 * The next row that passes; `version` is the tuple that the snapshot sees.  If
 * the scan gives up, the caller is to call omen_filtered_close() or
 * omen_filtered_exact(), and may then go on.
 */
OmenFilteredResult
omen_filtered_next(IndexScanDesc scan, ItemPointer version)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);
	OmenFilteredResult result;

	omen_fetch_forget_distance(NULL);
	result = next_row(scan, version);
	omen_toast_reader_pause(state->fetch.toast);
	omen_scan_note_last(scan);
	MemoryContextSwitchTo(old);
	return result;
}
