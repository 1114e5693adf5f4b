/*-------------------------------------------------------------------------
 *
 * growth.c
 *	  How long the candidate list of a filtered scan has to be.
 *
 * Decides, and changes nothing.  The numbers are in tuning.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "hnsw/scan/filtered_state.h"

/*
 * Size of the candidate list, of nodes whether they pass or not, that finds as
 * large a part of the nearest rows that pass as ef_search does of all rows.
 * The wanted rows are spread over more of the list then, and at its end it
 * lacks more than at its beginning.  There is a limit, since where few pass
 * more rows are looked at anyway.
 */
double
omen_filtered_list(double selectivity)
{
	return omen_ef_search *
		   Min(1 / sqrt(Max(selectivity, 1e-9)), OMEN_MAX_STRETCH);
}

/*
 * How many nodes have to be tested until as many rows pass as are wanted, given
 * how many were tested and passed so far.  What was expected counts as much as
 * one row that passed (the mean of a Gamma distribution with that prior).
 */
double
omen_filtered_tests(const OmenFilter *filter, uint64 tested, uint64 passed)
{
	double rate = (passed + 1.0) / (tested + 1 / Max(filter->pass_rate, 1e-9));

	return tested + (filter->wanted - Min(passed, filter->wanted)) / rate;
}

/* Rows that have passed, whether their turn has come or not. */
uint64
omen_growth_passed(const OmenScanState *state)
{
	return (uint64) state->filtered->nheld + state->pending.nrows;
}

/* The size that a post-filtering list should have, by what it has seen. */
static double
list_as_seen(const OmenScanState *state)
{
	return omen_filtered_list((double) omen_growth_passed(state) /
							  Max(state->pending.tested, 1));
}

/*
 * The size in which enough rows are expected to pass, or one on the way there.
 * It is never shorter than ef_search.
 */
static uint32
grow_towards_wanted(const OmenScanState *state)
{
	const OmenFilter *filter = state->filtered->filter;
	uint32		ef = state->search->ef;
	uint64		tested = state->pending.tested;
	double		tests =
		omen_filtered_tests(filter, tested, omen_growth_passed(state));
	double		least = ef * OMEN_LIST_MIN_GROWTH + 1;
	double		most = Min(ef * OMEN_LIST_MAX_GROWTH, PG_INT32_MAX);

	tests = tested + OMEN_LIST_STEP * (tests - tested);
	return (uint32) Max(Min(Max(tests, least), most), omen_ef_search);
}

/*
 * The next size of a post-filtering list: as long as enough rows need to pass;
 * then as long as is expected to find them all, by what passed so far; then a
 * bit more than the nodes that were tested, to be sure of these; or else the
 * same growth as any list's.
 */
static uint32
next_ef_post_filtering(const OmenScanState *state)
{
	uint32		ef = state->search->ef;
	uint64		tested = state->pending.tested;

	if (omen_growth_passed(state) < state->filtered->filter->wanted)
		return grow_towards_wanted(state);
	if (ef < list_as_seen(state))
		return (uint32) list_as_seen(state) + 1;
	if (tested > ef && tested < ef + ef / OMEN_LIST_NEARLY)
		return (uint32) tested + ef / OMEN_LIST_MARGIN + 1;
	return ef * OMEN_LIST_GROWTH;
}

/*
 * The size of the candidate list if the search goes on.  One that stopped at
 * its limit goes on with the list that it has.
 */
uint32
omen_growth_next_ef(const OmenScanState *state)
{
	uint32		ef = state->search->ef;

	if (state->filtered->hit_limit)
		return ef;
	if (omen_filter_is_inside(state->filtered->filter))
		return ef * OMEN_LIST_GROWTH;
	return next_ef_post_filtering(state);
}

/* Is a post-filtering list long enough, by what it has seen? */
static bool
suffices_post_filtering(const OmenScanState *state)
{
	uint32		ef = state->search->ef;

	/* a short look is to see what passes, and then becomes a search as any */
	return ef >= (uint32) omen_ef_search &&
		   ef * OMEN_LIST_SLACK >= list_as_seen(state);
}

/*
 * Do rows that pass lie nearer to the query than others do?  Then the list is
 * not one of many more nodes that do not pass, and what is expected of a list
 * of ef_search is had for little.
 */
static bool
was_short(const OmenScanState *state)
{
	return state->search->ef < (uint32) omen_ef_search &&
		   state->search->counters.visits <
			   state->filtered->filter->usual_visits / OMEN_WALK_SHORT;
}

/*
 * Do rows that pass lie farther from the query than others do?  There a search
 * comes in at a few places only, and needs a longer list.
 */
static bool
was_long(const OmenScanState *state)
{
	const OmenFilter *filter = state->filtered->filter;

	return state->search->counters.visits >=
			   OMEN_WALK_LONG * filter->usual_visits &&
		   state->search->ef < OMEN_WALK_LONG_LIST * filter->ef;
}

/* Has the search gone far enough to rely on what it found? */
bool
omen_growth_suffices(const OmenScanState *state)
{
	const OmenFilter *filter = state->filtered->filter;

	if (state->phase == OMEN_SCAN_FULL)
		return true;
	if (omen_budget_hit_limit(state))
		return false;
	/* keys need not say all, a set does */
	if (filter->may_pass == NULL && state->search->ef < state->pending.tested)
		return false;
	if (!omen_filter_is_inside(filter))
		return suffices_post_filtering(state);
	return !omen_budget_is_spent(state) && !was_short(state) &&
		   !was_long(state);
}
