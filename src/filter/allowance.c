/*-------------------------------------------------------------------------
 *
 * allowance.c
 *	  How a stage that searches begins, and how much it may do before something
 *	  else is better.
 *
 * Each search has a first allowance, and then goes on as long as what it has
 * seen promises an end that is worth it.  So nothing costs more than two to 2.6
 * times what exact does.  Plain C, without a server.  README has the table of
 * stages.
 *
 *-------------------------------------------------------------------------
 */
#include "filter/policy.h"

#include <math.h>

#include "tuning.h"

/* What is divided by in place of a cost that is nothing. */
#define TINY_COST 1e-6

/* More work than can be done, and more than a row can take. */
#define MAX_WORK (INT64_MAX / 4)
#define MAX_ROW_WORK 1e9

/* ---------- beginning ---------- */

/* The size of the candidate list that a walk begins with. */
static double
first_walk_list(const OmenFilterFacts *facts, OmenStage stage)
{
	const OmenScanPlan *plan = &facts->plan;
	double list = fmax(omen_walk_list(plan, omen_known_selectivity(facts)), 1);

	/* as a plain index scan, so that the pages of a result fit together */
	if (plan->is_unfiltered)
		return plan->ef_search;
	/* rows that pass by their keys may yet fail the rest of the filter */
	if (stage == OMEN_STAGE_KEY_WALK && isinf(facts->radius))
		list = fmax(list, fmin(omen_key_walk_rows(plan), OMEN_MAX_FIRST_LIST));
	return list;
}

/* The size of the candidate list that a search begins with. */
static double
first_list(const OmenFilterFacts *facts, OmenStage stage)
{
	const OmenScanPlan *plan = &facts->plan;
	double		list;

	if (omen_stage_is_walk(stage))
		return first_walk_list(facts, stage);
	/* within a radius there may be far fewer rows than are wanted */
	if (!isinf(facts->radius))
		return plan->ef_search;
	if (stage == OMEN_STAGE_GLANCE)
		list = omen_known_glance_list(facts);
	else
		/* what it sees tells how many rows it will have to look at */
		list = fmin(omen_sweep_list(plan),
					OMEN_MAX_STRETCH * fmax(plan->ef_search, plan->wanted));
	return fmin(list, OMEN_MAX_FIRST_LIST);
}

static double
visit_cost(const OmenFilterFacts *facts)
{
	return fmax(facts->plan.visit_cost, TINY_COST);
}

/* How a stage tests what may pass, and how its search begins. */
OmenSearchTerms
omen_search_terms(const OmenFilterFacts *facts, OmenStage stage)
{
	const OmenScanPlan *plan = &facts->plan;
	double		selectivity = omen_known_selectivity(facts);
	bool is_inside = omen_stage_is_walk(stage) || stage == OMEN_STAGE_EXACT;
	OmenSearchTerms terms = {
		.tests_tids = is_inside && facts->set == OMEN_SET_MADE,
		.tests_keys = is_inside && plan->has_keys,
		.is_unfiltered = plan->is_unfiltered,
		.wanted = facts->wanted,
		.pass_rate = plan->selectivity,
		.ef_search = (uint32_t) plan->ef_search,
		.ef = (uint32_t) first_list(facts, stage),
		.usual_visits = UINT64_MAX / 2,
		.row_work = fmin(OMEN_LOOKUP_COST * plan->row_cost / visit_cost(facts),
						 MAX_ROW_WORK)};

	if (omen_stage_is_walk(stage))
	{
		terms.pass_rate =
			fmin(plan->selectivity / fmax(selectivity, OMEN_TINY_PART), 1);
		terms.usual_visits = (uint64_t) omen_walk_visits(plan, selectivity);
	}
	return terms;
}

/* ---------- first allowance ---------- */

/* What a cost is in visits of slots. */
static uint64_t
work_for(const OmenFilterFacts *facts, double cost)
{
	return (uint64_t) fmin(fmax(cost, 0) / visit_cost(facts),
						   (double) MAX_WORK);
}

/* Of a glance or a sweep. */
static double
first_sweep_cost(const OmenFilterFacts *facts, OmenStage stage)
{
	double		exact = omen_known_exact_cost(facts);
	double		expected =
		OMEN_SWEEP_FIRST_OF_EXPECTED * omen_sweep_cost(&facts->plan);

	/* a radius ends it, or else it is seen how it is going */
	if (!isinf(facts->radius))
		return fmin(fmax(expected, OMEN_SWEEP_FIRST_SHARE * exact), exact);
	if (stage == OMEN_STAGE_GLANCE)
		return OMEN_GLANCE_SHARE * omen_known_planned_cost(facts);
	return fmin(expected, OMEN_SWEEP_FIRST_SHARE * exact);
}

/*
 * The part of exact that a walk by a set may take after another search has
 * given up.  It is worth while to go far where that would still be little, and
 * as far as it takes if rows that pass are as rare as a sweep saw.
 */
static double
second_walk_share(const OmenFilterFacts *facts, double walk, double exact)
{
	double		share = walk < OMEN_WALK_SHORT_LIMIT * exact
					   ? OMEN_WALK_SHORT_SHARE
					   : OMEN_WALK_SECOND_SHARE;
	double as_seen = OMEN_SLACK * omen_known_walk_cost_as_seen(facts) / exact;

	return fmax(share, fmin(as_seen, OMEN_WALK_TOTAL_SHARE_OF_TWO));
}

/* Of a walk. */
static double
first_walk_cost(const OmenFilterFacts *facts)
{
	double		exact = omen_known_exact_cost(facts);
	double		walk = omen_known_walk_cost(facts);
	double		share =
		isinf(facts->radius) ? OMEN_WALK_FIRST_SHARE : OMEN_WALK_RADIUS_SHARE;

	/* it is tried for what is near only, if it was not to be expected */
	if (walk >= exact)
		return fmin(OMEN_GLANCE_SHARE * exact,
					OMEN_DOUBTFUL_WALK_OF_NEAREST *
						omen_nearest_cost(&facts->plan));
	if (facts->set == OMEN_SET_MADE && facts->has_failed)
		share = second_walk_share(facts, walk, exact);
	return fmin(share * exact, fmax(OMEN_WALK_FIRST_OF_USUAL * walk,
									OMEN_WALK_MIN_FIRST_SHARE * exact));
}

/* What a walk may do in all if it goes well. */
static uint64_t
total_of_walk(const OmenFilterFacts *facts, uint64_t first)
{
	double		exact = omen_known_exact_cost(facts);
	bool		is_one_of_two =
		facts->has_failed ||
		(facts->set != OMEN_SET_NO_BITMAP && facts->set != OMEN_SET_MADE &&
		 !omen_keys_tell_all(facts));

	/* no more than it begins with, if it was not to be expected */
	if (exact <= omen_known_walk_cost(facts))
		return first;
	return work_for(facts, (is_one_of_two ? OMEN_WALK_TOTAL_SHARE_OF_TWO
										  : OMEN_WALK_TOTAL_SHARE) *
							   exact);
}

/* What a stage that searches may do to begin with. */
OmenAllowance
omen_first_allowance(const OmenFilterFacts *facts, OmenStage stage)
{
	bool		is_walk = omen_stage_is_walk(stage);
	double		cost =
		is_walk ? first_walk_cost(facts) : first_sweep_cost(facts, stage);
	OmenAllowance allowance = {.max_work =
								   work_for(facts, cost) + OMEN_MIN_WORK};

	/* a glance that finds nothing ends after one look */
	if (stage != OMEN_STAGE_GLANCE)
		allowance.first = allowance.max_work;
	if (is_walk)
		allowance.total = total_of_walk(facts, allowance.max_work);
	/* within a radius there may be far fewer rows than are wanted */
	allowance.is_fixed = !isinf(facts->radius);
	/* a strategy that is asked for is for trying it out; and what becomes of a
	 * search without a filter must not depend on costs */
	if (facts->setting == OMEN_STRATEGY_GRAPH ||
		facts->setting == OMEN_STRATEGY_SWEEP || facts->plan.is_unfiltered)
	{
		allowance.max_work = UINT64_MAX;
		allowance.is_fixed = true;
	}
	return allowance;
}

/* ---------- going on ---------- */

/* Rows that have to be tested in all, going by those that have passed. */
static double
rows_to_test(const OmenSearchTerms *terms, const OmenSearchProgress *progress)
{
	return omen_rows_to_test(terms->wanted, terms->pass_rate, progress->tested,
							 progress->passed);
}

/* A search that is to give up may do no more than it has done. */
static OmenAllowance
no_more(OmenAllowance so_far, const OmenSearchProgress *progress)
{
	so_far.max_work = progress->work;
	return so_far;
}

/*
 * Of a glance or a sweep: until it has taken its first allowance, so that it
 * has seen something; and then as long as what is left of it, going by the rows
 * that have passed, is less than what anything else would take, and not much of
 * that has been spent.
 */
static OmenAllowance
next_of_sweep(const OmenFilterFacts *facts, const OmenSearchTerms *terms,
			  OmenAllowance so_far, const OmenSearchProgress *progress)
{
	double		tests = rows_to_test(terms, progress);
	double		done = omen_known_sweep_cost(facts, progress->tested);
	double		rest = omen_known_sweep_cost(facts, tests) - done;
	double		other =
		omen_known_other_cost(facts, fmin(facts->wanted / fmax(tests, 1), 1));
	double		left =
		OMEN_SWEEP_MAX_OF_OTHER * other - progress->work * visit_cost(facts);
	double		share =
		facts->last == OMEN_STAGE_GLANCE ? OMEN_GLANCE_GOES_ON_SHARE : 1;
	uint64_t	next;

	if (rest > fmin(share * other, left))
		return progress->work < so_far.first ? so_far
											 : no_more(so_far, progress);
	/* the next list may be longer than that */
	rest = omen_known_sweep_cost(facts, fmax(tests, progress->next_ef)) - done;
	next = progress->work + OMEN_MIN_WORK +
		   work_for(facts, fmin(OMEN_SLACK * rest, left));
	if (next > so_far.max_work)
		so_far.max_work = next;
	return so_far;
}

/*
 * Which part of its way a walk has gone: how much of its list is full, since
 * rows that pass are found as it goes outwards, and where they lie elsewhere
 * there are few.  Or, if it is full, how many of its rows have passed.
 */
static double
part_done(const OmenSearchTerms *terms, const OmenSearchProgress *progress)
{
	if (progress->hit_limit)
		return (double) progress->found / fmax(progress->ef, 1);
	return progress->tested / rows_to_test(terms, progress);
}

/* Of a walk: as long as the part that it has done promises an end in time. */
static OmenAllowance
next_of_walk(const OmenSearchTerms *terms, OmenAllowance so_far,
			 const OmenSearchProgress *progress)
{
	double		most = so_far.total;
	double		total;

	if (progress->work < so_far.max_work)
		return so_far;
	if (progress->found >= fmax(progress->ef, 1))
		most *= OMEN_WALK_TOTAL_IF_FULL;
	total = OMEN_WALK_SLACK * progress->work /
			fmax(part_done(terms, progress), OMEN_TINY_PART);
	if (total > most)
		return no_more(so_far, progress);
	so_far.max_work = (uint64_t) fmin(OMEN_SLACK * total, most);
	return so_far;
}

/*
 * What a search may do that has come so far; facts->last is its stage.  It
 * gives up if that is no more than it has done.  A glance that goes on is a
 * sweep.
 */
OmenAllowance
omen_next_allowance(const OmenFilterFacts *facts, const OmenSearchTerms *terms,
					OmenAllowance so_far, const OmenSearchProgress *progress)
{
	if (so_far.is_fixed)
		return so_far;
	if (omen_stage_is_walk(facts->last))
		return next_of_walk(terms, so_far, progress);
	return next_of_sweep(facts, terms, so_far, progress);
}

/*
 * What was wanted has been found.  If more is asked for, that may take as much
 * as exact, after which rows may be late.
 */
OmenAllowance
omen_allowance_beyond(const OmenFilterFacts *facts, OmenAllowance so_far)
{
	uint64_t	work = work_for(facts, omen_known_exact_cost(facts));

	if (work > so_far.max_work)
		so_far.max_work = work;
	return so_far;
}
