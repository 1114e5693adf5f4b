/*-------------------------------------------------------------------------
 *
 * policy.c
 *	  Which way a filtered scan is planned to go, and which stage comes next
 *	  while it runs.
 *
 * The planner chose by estimates.  While the scan runs the same is decided
 * again by what is known by then.  Plain C, without a server: nothing here runs
 * a stage.  README has the table of stages.
 *
 *-------------------------------------------------------------------------
 */
#include "filter/policy.h"

#include <math.h>

#include "tuning.h"

/* ---------- planning ---------- */

/* The cheaper of the walks that there are; infinite if there is none. */
static double
planned_walk_cost(const OmenScanPlan *plan)
{
	double		cost = INFINITY;

	if (plan->has_bitmap)
		cost = omen_bitmap_walk_cost(plan,
									 omen_set_selectivity(plan,
														  plan->bitmap_tids));
	if (plan->has_keys)
		cost = fmin(cost, omen_key_walk_cost(plan));
	return cost;
}

/*
 * Without a filter.  By how many rows are wanted, and not by costs, which would
 * part the pages of a result sooner.
 */
static OmenStrategy
unfiltered_strategy(const OmenScanPlan *plan)
{
	return plan->wanted >= OMEN_EXACT_PART * plan->nodes ? OMEN_STRATEGY_EXACT
														 : OMEN_STRATEGY_GRAPH;
}

/* The cheapest strategy, or the one that is asked for; its cost into *cost. */
OmenStrategy
omen_plan_strategy(const OmenScanPlan *plan, OmenStrategy setting, double *cost)
{
	double		exact = omen_exact_plan_cost(plan);
	double		sweep = omen_sweep_cost(plan);
	double		walk = planned_walk_cost(plan);
	OmenStrategy strategy = setting;

	if (strategy == OMEN_STRATEGY_AUTO && plan->is_unfiltered)
		strategy = unfiltered_strategy(plan);
	else if (strategy == OMEN_STRATEGY_AUTO)
	{
		/* what keys keep out need not be looked up in vain */
		strategy = plan->has_keys || walk < sweep ? OMEN_STRATEGY_GRAPH
												  : OMEN_STRATEGY_SWEEP;
		if (exact <= (strategy == OMEN_STRATEGY_GRAPH ? walk : sweep))
			strategy = OMEN_STRATEGY_EXACT;
	}
	/* without a set and keys there is nothing to walk by */
	else if (strategy == OMEN_STRATEGY_GRAPH && isinf(walk))
		walk = sweep;
	if (strategy == OMEN_STRATEGY_EXACT)
		*cost = exact;
	else
		/* it may turn out to be in vain, after at most as much work */
		*cost = fmin(strategy == OMEN_STRATEGY_GRAPH ? walk : sweep,
					 OMEN_MAX_COST_OF_EXACT * exact);
	return strategy;
}

/* ---------- running ---------- */

/*
 * Plan again, for groups that turn out to be so many and to have so many nodes
 * in all.  The same part of them passes as was expected.  All rows that may
 * pass are those that the groups tell, so nobody has to read the table.
 */
void
omen_plan_for_groups(OmenFilterFacts *facts, double groups, double nodes)
{
	OmenScanPlan *plan = &facts->plan;
	double		ratio;
	double		cost;

	nodes = fmax(nodes, 1);
	ratio = nodes / fmax(plan->nodes, 1);
	plan->groups = fmax(groups, 1);
	plan->nodes = nodes;
	plan->passing *= ratio;
	plan->full_scan_cost *= ratio;
	plan->table_cost = nodes * plan->row_cost;
	plan->strategy = omen_plan_strategy(plan, OMEN_STRATEGY_AUTO, &cost);
}

/*
 * Is a glance to be tried before anything is done with a set, or by keys?  If
 * rows that pass are just those that are near, it finds them for a small part
 * of what is planned, going on as a sweep.  Only once before the set is made,
 * which is made for all scans with the same filter.
 */
static bool
glance_comes_first(const OmenFilterFacts *facts)
{
	const OmenScanPlan *plan = &facts->plan;

	if (facts->setting != OMEN_STRATEGY_AUTO || facts->has_made_set ||
		!isinf(facts->radius) || plan->strategy == OMEN_STRATEGY_SWEEP)
		return false;
	if (facts->set == OMEN_SET_TOO_LARGE ||
		(facts->set == OMEN_SET_UNMADE && facts->has_glanced))
		return false;
	/* a walk by keys finds what is near as fast; and without keys and a set
	 * there is nothing that it would come before */
	if (plan->has_keys ? plan->strategy != OMEN_STRATEGY_EXACT
					   : facts->set == OMEN_SET_NO_BITMAP)
		return false;
	return omen_known_glance_cost(facts) <
			   OMEN_GLANCE_SHARE * omen_known_planned_cost(facts) &&
		   omen_known_sweep_cost(facts, plan->wanted) <
			   omen_known_planned_cost(facts);
}

/*
 * Is a walk by keys to be tried before the set is made, if there is one at all?
 */
static bool
keys_come_first(const OmenFilterFacts *facts)
{
	const OmenScanPlan *plan = &facts->plan;

	if (!plan->has_keys)
		return false;
	return facts->set == OMEN_SET_NO_BITMAP ||
		   omen_key_walk_cost(plan) <=
			   omen_bitmap_walk_cost(plan,
									 omen_set_selectivity(plan,
														  plan->bitmap_tids));
}

/*
 * Is the graph to be searched, by the set that is known, or by keys alone, or
 * by neither?  Else all rows that may pass are to be looked at.
 *
 * Where a search would take longer it is still tried if nothing tells what
 * passes, or within a radius, since rows that pass may be just those that are
 * near, and more than the planner thought; but not if there are few rows, nor
 * with a set or keys: before those a glance is for just that, unless it would
 * cost too much.
 */
static bool
search_pays(const OmenFilterFacts *facts)
{
	double		exact = omen_known_exact_cost(facts);
	bool		has_set = facts->set == OMEN_SET_MADE;

	if (facts->setting == OMEN_STRATEGY_EXACT ||
		facts->setting == OMEN_STRATEGY_GRAPH)
		return facts->setting == OMEN_STRATEGY_GRAPH;
	if (exact <= OMEN_EXACT_OF_NEAREST * omen_nearest_cost(&facts->plan) ||
		exact < omen_known_walk_cost_as_seen(facts))
		return false;
	if (has_set || facts->plan.has_keys)
		return !isinf(facts->radius) || exact > omen_known_walk_cost(facts);
	return OMEN_GLANCE_SHARE * exact >= omen_known_glance_cost(facts);
}

/* A walk by what is there; without a set and keys that is a sweep. */
static OmenStage
walk_by_what_is_there(const OmenFilterFacts *facts)
{
	if (facts->set == OMEN_SET_MADE)
		return OMEN_STAGE_SET_WALK;
	return facts->plan.has_keys ? OMEN_STAGE_KEY_WALK : OMEN_STAGE_SWEEP;
}

/* Without a bitmap, where exact is planned or asked for. */
static OmenStage
first_without_bitmap(const OmenFilterFacts *facts)
{
	if (!search_pays(facts))
		return OMEN_STAGE_EXACT;
	if (facts->plan.has_keys)
		return OMEN_STAGE_KEY_WALK;
	/* where exact seems cheaper one look has to do; but a radius may end it */
	return isinf(facts->radius) ? OMEN_STAGE_GLANCE : OMEN_STAGE_SWEEP;
}

static OmenStage
first_stage(const OmenFilterFacts *facts)
{
	OmenStrategy strategy = facts->setting != OMEN_STRATEGY_AUTO
								? facts->setting
								: facts->plan.strategy;

	if (facts->plan.is_unfiltered)
	{
		/* the plan may have been made for another LIMIT */
		if (facts->setting == OMEN_STRATEGY_AUTO)
			strategy = unfiltered_strategy(&facts->plan);
		return strategy == OMEN_STRATEGY_EXACT ? OMEN_STAGE_EXACT
											   : OMEN_STAGE_KEY_WALK;
	}
	if (glance_comes_first(facts))
		return OMEN_STAGE_GLANCE;
	if (strategy == OMEN_STRATEGY_SWEEP)
		return OMEN_STAGE_SWEEP;
	if (strategy == OMEN_STRATEGY_GRAPH && keys_come_first(facts))
		return walk_by_what_is_there(facts);
	switch (facts->set)
	{
		case OMEN_SET_UNMADE:
			return OMEN_STAGE_MAKE_SET;
		case OMEN_SET_MADE:
			return search_pays(facts) ? OMEN_STAGE_SET_WALK : OMEN_STAGE_EXACT;
		case OMEN_SET_NO_BITMAP:
			if (strategy == OMEN_STRATEGY_EXACT)
				return first_without_bitmap(facts);
			break;
		case OMEN_SET_TOO_LARGE:
			if (strategy == OMEN_STRATEGY_EXACT)
				return OMEN_STAGE_EXACT;
			break;
	}
	return walk_by_what_is_there(facts);
}

/* Does a walk by the set know more than the search that gave up? */
static bool
set_tells_more(const OmenFilterFacts *facts)
{
	if (facts->set != OMEN_SET_MADE || facts->last == OMEN_STAGE_SET_WALK)
		return false;
	return facts->last != OMEN_STAGE_KEY_WALK || !omen_keys_tell_all(facts);
}

/*
 * A search has not found enough.  If it did not know what passes, another may
 * that does, if that looks better now; else all rows that may pass are looked
 * at.
 */
static OmenStage
stage_after_search(const OmenFilterFacts *facts)
{
	const OmenScanPlan *plan = &facts->plan;

	if (facts->set == OMEN_SET_UNMADE)
		return OMEN_STAGE_MAKE_SET;
	/* what another search finds may be late */
	if (facts->rows_sent > 0)
		return OMEN_STAGE_EXACT;
	if (set_tells_more(facts) && search_pays(facts))
		return OMEN_STAGE_SET_WALK;
	/* a glance came before a set that turned out to be too large */
	if (facts->last == OMEN_STAGE_GLANCE && facts->set == OMEN_SET_TOO_LARGE &&
		plan->strategy == OMEN_STRATEGY_GRAPH)
		return OMEN_STAGE_SWEEP;
	if (omen_stage_is_sweep(facts->last) && plan->has_keys &&
		facts->set != OMEN_SET_MADE && facts->setting == OMEN_STRATEGY_AUTO &&
		omen_key_walk_cost(plan) < omen_known_exact_cost(facts))
		return OMEN_STAGE_KEY_WALK;
	return OMEN_STAGE_EXACT;
}

/* What comes after the stage that ran last, which gave no more rows. */
OmenStage
omen_next_stage(const OmenFilterFacts *facts)
{
	if (facts->radius == -INFINITY)
		return OMEN_STAGE_END;
	switch (facts->last)
	{
		case OMEN_STAGE_START:
			return first_stage(facts);
		case OMEN_STAGE_EXACT:
			/* what memory allowed is used up */
			return OMEN_STAGE_EXACT;
		case OMEN_STAGE_END:
			return OMEN_STAGE_END;
		default:
			return stage_after_search(facts);
	}
}

/*
 * Are all rows that may pass to be found by a look at the index's nodes, and
 * not one by one, or by reading the table?
 */
bool
omen_exact_goes_through_index(const OmenFilterFacts *facts)
{
	const OmenScanPlan *plan = &facts->plan;

	if (facts->set != OMEN_SET_MADE)
		return omen_has_node_scan(plan) && omen_key_scan_pays(plan);
	return omen_set_scan_cost(plan, facts->set_tids) <
		   omen_row_by_row_cost(plan, facts->set_tids);
}
