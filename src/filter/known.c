/*-------------------------------------------------------------------------
 *
 * known.c
 *	  What each way to go on costs, as far as is known while a scan runs.
 *
 * With the set of TIDs made, by its size; and by the rows that a sweep has
 * seen pass.  Plain C, without a server; decides nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "filter/policy.h"

#include <math.h>

#include "hnsw/visits.h"
#include "tuning.h"

/* The part of the nodes that pass, by what a walk would test. */
double
omen_known_selectivity(const OmenFilterFacts *facts)
{
	if (facts->set == OMEN_SET_MADE)
		return omen_set_selectivity(&facts->plan, facts->set_tids);
	return facts->plan.key_selectivity;
}

/* A look at all rows that may pass. */
double
omen_known_exact_cost(const OmenFilterFacts *facts)
{
	const OmenScanPlan *plan = &facts->plan;

	if (facts->set == OMEN_SET_MADE)
		return omen_exact_set_cost(plan, facts->set_tids);
	if (facts->set == OMEN_SET_UNMADE)
		return omen_exact_bitmap_cost(plan);
	if (omen_has_node_scan(plan))
		return omen_exact_no_set_cost(plan);
	return OMEN_TABLE_UNIT * omen_exact_no_set_cost(plan);
}

/* A walk by the set that is there, or by keys. */
double
omen_known_walk_cost(const OmenFilterFacts *facts)
{
	if (facts->set == OMEN_SET_MADE)
		return omen_walk_cost(&facts->plan, omen_known_selectivity(facts));
	return omen_key_walk_cost(&facts->plan);
}

/*
 * A walk by the set, if rows that pass are as rare all around as a sweep saw
 * near the query; 0 if none has passed, which does not tell how rare they are.
 */
double
omen_known_walk_cost_as_seen(const OmenFilterFacts *facts)
{
	double		tests;

	if (facts->swept_passed == 0)
		return 0;
	tests = omen_rows_to_test(facts->wanted, facts->plan.selectivity,
							  facts->swept_tested, facts->swept_passed);
	return omen_walk_cost(&facts->plan, fmin(facts->wanted / tests, 1));
}

/* The cheapest of all but a sweep, if this part of the nodes passes. */
double
omen_known_other_cost(const OmenFilterFacts *facts, double selectivity)
{
	const OmenScanPlan *plan = &facts->plan;
	double		cost = omen_known_exact_cost(facts);

	if (facts->set == OMEN_SET_MADE)
		cost = fmin(cost, omen_walk_cost(plan, selectivity));
	else if (facts->set == OMEN_SET_UNMADE)
		cost = fmin(cost, omen_bitmap_walk_cost(plan, selectivity));
	if (plan->has_keys)
		cost = fmin(cost, omen_key_walk_cost(plan));
	return cost;
}

/* What is planned: the cheapest of all but a sweep, by the set's size. */
double
omen_known_planned_cost(const OmenFilterFacts *facts)
{
	double		tids =
		facts->set == OMEN_SET_MADE ? facts->set_tids : facts->plan.bitmap_tids;

	return omen_known_other_cost(facts,
								 omen_set_selectivity(&facts->plan, tids));
}

/* A sweep over this many rows. */
double
omen_known_sweep_cost(const OmenFilterFacts *facts, double rows)
{
	OmenScanPlan plan = facts->plan;

	rows = fmax(rows, 1);
	plan.wanted = fmin(plan.wanted, rows);
	plan.selectivity = plan.wanted / rows;
	return omen_sweep_cost(&plan);
}

/*
 * The list of a glance: as long as tells whether what is near passes.  If it
 * does the list becomes as long as any search's.
 */
double
omen_known_glance_list(const OmenFilterFacts *facts)
{
	double		wanted = facts->plan.wanted;

	return fmax(wanted,
				fmin(OMEN_GLANCE_STRETCH * wanted, facts->plan.ef_search));
}

/*
 * A glance of which nothing comes.  If there are few nodes a search looks at
 * all of them.
 */
double
omen_known_glance_cost(const OmenFilterFacts *facts)
{
	const OmenScanPlan *plan = &facts->plan;
	double		list = omen_known_glance_list(facts);

	if (omen_scans_all_nodes(plan->nodes, plan->ef_search))
		list = fmax(list, plan->nodes);
	return omen_expected_visits(plan->nodes, plan->m, fmin(list, plan->nodes)) *
			   plan->visit_cost +
		   list * OMEN_LOOKUP_COST * plan->row_cost;
}

/* Do keys tell about all that the set would tell? */
bool
omen_keys_tell_all(const OmenFilterFacts *facts)
{
	const OmenScanPlan *plan = &facts->plan;

	return plan->has_keys &&
		   plan->key_selectivity <=
			   OMEN_KEYS_TELL_ALL *
				   omen_set_selectivity(plan, plan->bitmap_tids);
}
