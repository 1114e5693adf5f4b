/*-------------------------------------------------------------------------
 *
 * choice.c
 *	  Choosing how "Omen Scan" goes on, by what it has counted.
 *
 * The planner chose a strategy by estimates.  Here are the decisions that are
 * made again while the node runs: with the set of TIDs made, or by the rows that
 * have passed so far; how much a search may do before something else is better;
 * and how far it looks at first.  Nothing here runs a scan.  See README,
 * "Corrections at run time".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "hnsw/hnsw.h"
#include "filter/state.h"
#include "utils/rel.h"

/*
 * A short look begins with one of so many times what is wanted, or of ef_search if
 * that is between the two.
 */
#define STRETCH_OF_GLANCE 1.5

/* No search begins with a longer list. */
#define MOST_EF_TO_BEGIN 10000

/*
 * A walk that costs so many times what it would cost if rows passed at random
 * leads away from the query, to where it finds a part of the nearest only.
 */
#define MOST_OF_USUAL 20

/*
 * Searches that may turn out to be in vain take no more than these parts of what
 * looking at all rows that may pass takes: a sweep; a walk, before it is seen how it is
 * going, and within a radius, where that tells nothing; a walk with a set after another
 * search, likewise, and one that is short as a rule; a short look, or a walk where exact
 * seems cheaper.
 */
#define SHARE_OF_SWEEP 0.3
#define SHARE_OF_FIRST_WALK 0.25
#define SHARE_OF_WALK_WITHIN 0.5
#define SHARE_OF_WALK 0.15
#define SHARE_OF_SHORT_WALK 0.3
#define SHARE_OF_GLANCE 0.2

/*
 * One short look before a set of TIDs is made or used, or before an exact pass by
 * keys, may cost this part of what is planned.
 */
#define SHARE_OF_FIRST_GLANCE 0.2

/*
 * In all a walk that goes well may take this part, and that before or after another
 * search; and so many times that if its list is full, and it is to end soon.
 */
#define MOST_OF_WALK 1.0
#define MOST_OF_WALK_OF_TWO 0.6
#define MOST_IF_FULL 1.3

/* When the list of a walk is full it still looks around. */
#define SLACK_OF_WALK 1.3

/*
 * A short look goes on as a search if that is expected to take no more than so much of
 * what anything else takes, and not because one row of a few passes by chance.
 */
#define MOST_AFTER_GLANCE 0.5

/* Keys that let no more than so many times the rows of a set pass tell as much. */
#define ALL_THAT_PASSES 1.2

/* Visits that every search may make. */
#define LEAST_WORK 100

/*
 * A sweep that goes on may take so many times what it is expected to take then, and
 * in all so many times what anything else takes.
 */
#define SLACK 1.5
#define MOST_OF_OTHER 1.2

/*
 * PostgreSQL's cost of reading a table, most of which is cached as a rule, is of units
 * that take so much of the time of ours.
 */
#define UNIT_OF_TABLE 0.6

/* How many rows may pass, by the set. */
double
omen_rows_in_set(const OmenFilteredScanState *node)
{
	BlockNumber blocks;

	if (node->set->nlossy == 0)
		return node->set->ntids;
	blocks = RelationGetNumberOfBlocks(node->css.ss.ss_currentRelation);
	return node->set->ntids +
		   node->set->nlossy * node->plan.rows / Max(blocks, 1);
}

/* What looking at all rows that may pass costs, as far as is known by now. */
double
omen_scan_exact_cost(const OmenFilteredScanState *node)
{
	const OmenFilteredPlan *plan = &node->plan;

	if (node->set)
		return omen_exact_set_cost(plan, omen_rows_in_set(node));
	if (node->bitmap && !node->is_too_large)
		return plan->bitmap_cost + omen_exact_set_cost(plan, plan->tids);
	if (plan->has_keys)
		return omen_whole_cost(plan);
	return UNIT_OF_TABLE * omen_whole_cost(plan);
}

static double
visit_cost(const OmenFilteredScanState *node)
{
	return Max(node->plan.visit_cost, 1e-6);
}

/* What a cost is in visits of slots. */
static uint64
work_for(const OmenFilteredScanState *node, double cost)
{
	return (uint64) Min(Max(cost, 0) / visit_cost(node),
						(double) (PG_INT64_MAX / 4));
}

/* A sweep over so many rows. */
static double
sweep_cost_of(const OmenFilteredScanState *node, double rows)
{
	OmenFilteredPlan plan = node->plan;

	plan.wanted = Min(plan.wanted, Max(rows, 1));
	plan.selectivity = plan.wanted / Max(rows, 1);
	return omen_sweep_cost(&plan);
}

/*
 * Is a walk that tests keys to be tried before the set is made, if there is one
 * at all?
 */
bool
omen_keys_come_first(const OmenFilteredScanState *node)
{
	const OmenFilteredPlan *plan = &node->plan;

	if (node->keys.count == 0)
		return false;
	return node->bitmap == NULL ||
		   omen_keys_cost(plan) <=
			   plan->bitmap_cost +
				   omen_graph_cost(plan,
								   omen_set_selectivity(plan, plan->tids));
}

/* Do keys tell about all that the set would tell? */
bool
omen_keys_tell_all(const OmenFilteredScanState *node)
{
	return node->keys.count > 0 &&
		   node->plan.key_selectivity <=
			   ALL_THAT_PASSES *
				   omen_set_selectivity(&node->plan, node->plan.tids);
}

/* The least that anything but a sweep would cost, if so many rows pass. */
static double
cost_without_sweep(const OmenFilteredScanState *node, double selectivity)
{
	const OmenFilteredPlan *plan = &node->plan;
	double		cost = omen_scan_exact_cost(node);

	if (node->set)
		cost = Min(cost, omen_graph_cost(plan, selectivity));
	else if (node->bitmap && !node->is_too_large)
		cost =
			Min(cost, plan->bitmap_cost + omen_graph_cost(plan, selectivity));
	if (node->keys.count > 0)
		cost = Min(cost, omen_keys_cost(plan));
	return cost;
}

/*
 * The list of a short look: as long as tells whether what is near passes.  If it does
 * the list becomes as long as any search's.
 */
static double
glance_ef(const OmenFilteredScanState *node)
{
	double		wanted = node->plan.wanted;

	return Max(wanted, Min(STRETCH_OF_GLANCE * wanted, omen_ef_search));
}

/*
 * What a short look costs if nothing comes of it.  If there are few nodes a search
 * looks at all of them.
 */
static double
glance_cost(const OmenFilteredScanState *node)
{
	const OmenFilteredPlan *plan = &node->plan;
	double		ef = glance_ef(node);

	if (omen_scans_all_nodes(plan->nodes, omen_ef_search))
		ef = Max(ef, plan->nodes);
	return omen_expected_visits(plan->nodes, plan->m, Min(ef, plan->nodes)) *
			   plan->visit_cost +
		   ef * OMEN_LOOKUP_COST * plan->row_cost;
}

/* What is planned costs: anything but a sweep. */
static double
planned_cost(const OmenFilteredScanState *node)
{
	double		tids = node->set ? omen_rows_in_set(node) : node->plan.tids;

	return cost_without_sweep(node, omen_set_selectivity(&node->plan, tids));
}

/*
 * Is a short sweep to be tried before anything is done with a set?  If rows that
 * pass are just those that are near, it finds them for a small part of what is
 * planned, going on as any sweep.  Only once if the set is not made yet, which is
 * made for all rescans.
 */
bool
omen_glance_comes_first(const OmenFilteredScanState *node)
{
	const OmenFilteredPlan *plan = &node->plan;

	/* a walk by keys finds those as fast */
	if (node->keys.count > 0 && plan->strategy != OMEN_STRATEGY_EXACT)
		return false;
	if (node->bitmap != NULL && node->set == NULL &&
		(node->has_glanced || node->is_too_large))
		return false;
	return omen_filter_strategy == OMEN_STRATEGY_AUTO &&
		   plan->strategy != OMEN_STRATEGY_SWEEP &&
		   (node->bitmap != NULL || node->keys.count > 0) &&
		   isinf(node->filter.radius) &&
		   glance_cost(node) < SHARE_OF_FIRST_GLANCE * planned_cost(node) &&
		   sweep_cost_of(node, plan->wanted) < planned_cost(node);
}

/* What a walk with the set that is there costs. */
static double
set_walk_cost(const OmenFilteredScanState *node)
{
	return omen_graph_cost(&node->plan,
						   omen_set_selectivity(&node->plan,
												omen_rows_in_set(node)));
}

/*
 * What a walk with a set costs, if rows that pass are as rare all around as a sweep
 * saw near the query; 0 if none has.
 */
static double
walk_cost_as_seen(const OmenFilteredScanState *node)
{
	if (node->tests == 0)
		return 0;
	return omen_graph_cost(&node->plan,
						   Min(node->filter.wanted / node->tests, 1));
}

/* What a walk by the set that is there costs, or by keys. */
static double
walk_cost(const OmenFilteredScanState *node)
{
	return node->set ? set_walk_cost(node) : omen_keys_cost(&node->plan);
}

/*
 * Choose how to go on with a set that is known, or with keys alone, or with neither:
 * exactly, or through the graph, which without a set or keys is a sweep.  Where that
 * would take longer it is still tried for a while if nothing tells what passes, or
 * within a radius, since rows that pass may be just those that are near, and more than
 * the planner thought; but not if there are few rows, nor with a set or keys: before
 * that a short look is for just that, unless it would cost too much.
 */
OmenStrategy
omen_choose_with_filter(const OmenFilteredScanState *node)
{
	double		exact = omen_scan_exact_cost(node);
	bool		is_inside = node->set != NULL || node->keys.count > 0;

	if (omen_filter_strategy == OMEN_STRATEGY_EXACT ||
		omen_filter_strategy == OMEN_STRATEGY_GRAPH)
		return (OmenStrategy) omen_filter_strategy;
	if ((node->set && omen_rows_in_set(node) <= node->filter.wanted) ||
		exact <= 2 * omen_nearest_cost(&node->plan))
		return OMEN_STRATEGY_EXACT;
	if (exact < walk_cost_as_seen(node))
		return OMEN_STRATEGY_EXACT;
	if (is_inside && isinf(node->filter.radius) && exact <= walk_cost(node))
		return OMEN_STRATEGY_EXACT;
	if (!is_inside && SHARE_OF_GLANCE * exact < glance_cost(node))
		return OMEN_STRATEGY_EXACT;
	return OMEN_STRATEGY_GRAPH;
}

/*
 * How much of what an exact pass costs a walk with a set may take, after another
 * search has given up.  It is worth while to go far where that would still be
 * little, and as far as it takes if rows that pass are as rare as a sweep saw.
 */
static double
share_of_walk(const OmenFilteredScanState *node, double graph, double exact)
{
	double share = graph < 0.05 * exact ? SHARE_OF_SHORT_WALK : SHARE_OF_WALK;

	return Max(share, Min(SLACK * walk_cost_as_seen(node) / exact,
						  MOST_OF_WALK_OF_TWO));
}

/*
 * What a search may cost before something else is better.  So nothing costs more
 * than two to 2.6 times what looking at all rows that may pass costs.
 */
static double
allowed_cost(const OmenFilteredScanState *node, OmenStrategy strategy)
{
	const OmenFilteredPlan *plan = &node->plan;
	double		exact = omen_scan_exact_cost(node);
	double		share;
	double		graph;

	if (strategy == OMEN_STRATEGY_SWEEP)
	{
		double		sweep = 1.2 * omen_sweep_cost(plan);

		/* a radius ends it, or else is_worth_sweeping() sees how it is going */
		if (!isinf(node->filter.radius))
			return Min(Max(sweep, SHARE_OF_SWEEP * exact), exact);
		if (node->is_glance)
			return SHARE_OF_GLANCE * planned_cost(node);
		return Min(sweep, SHARE_OF_SWEEP * exact);
	}
	graph = walk_cost(node);
	share =
		isinf(node->filter.radius) ? SHARE_OF_FIRST_WALK : SHARE_OF_WALK_WITHIN;
	if (node->set && node->has_given_up)
		share = share_of_walk(node, graph, exact);
	if (graph < exact)
		return Min(share * exact, Max(MOST_OF_USUAL * graph, 0.06 * exact));
	return Min(SHARE_OF_GLANCE * exact, 1.5 * omen_nearest_cost(plan));
}

/*
 * Is a sweep to go on?  Until it has taken what it was allowed to begin with, so that
 * it has seen something; and then as long as what is left of it, going by the rows
 * that have passed, is less than what anything else would take, and not much of that
 * has been spent.
 */
static bool
is_worth_sweeping(void *arg, const OmenFilterProgress *progress)
{
	OmenFilteredScanState *node = arg;
	OmenFilter *filter = &node->filter;
	double		tests =
		omen_filtered_tests(filter, progress->tested, progress->passed);
	double		done = sweep_cost_of(node, (double) progress->tested);
	double		rest = sweep_cost_of(node, tests) - done;
	double		other =
		cost_without_sweep(node, Min(filter->wanted / Max(tests, 1), 1));
	double most = MOST_OF_OTHER * other - progress->work * visit_cost(node);

	/* that none has passed does not tell how rare they are */
	node->tests = progress->passed > 0 ? tests : 0;
	if (rest > Min(node->is_glance ? MOST_AFTER_GLANCE * other : other, most))
		return progress->work < node->first_work;
	/* the next list may be longer than that */
	rest = sweep_cost_of(node, Max(tests, progress->next_ef)) - done;
	filter->most_work =
		Max(filter->most_work, progress->work + LEAST_WORK +
								   work_for(node, Min(SLACK * rest, most)));
	/* what was a short look is a search as any from now on */
	node->is_glance = false;
	return true;
}

/*
 * Is a walk to go on?  When it has done what it was allowed to begin with, it is seen
 * how much of its list is full: rows that pass are found as it goes outwards, and where
 * they lie elsewhere there are few.  Or, if it is, how many of its rows have passed.
 */
static bool
is_worth_walking(void *arg, const OmenFilterProgress *progress)
{
	OmenFilteredScanState *node = arg;
	OmenFilter *filter = &node->filter;
	double		done = (double) progress->found / Max(progress->ef, 1);
	double		most = node->most_walk;
	double		total;

	if (progress->work < filter->most_work)
		return true;
	if (done >= 1)
		most *= MOST_IF_FULL;
	if (!progress->hit_limit)
		done = progress->tested /
			   omen_filtered_tests(filter, progress->tested, progress->passed);
	total = SLACK_OF_WALK * progress->work / Max(done, 1e-9);
	if (total > most)
		return false;
	filter->most_work = (uint64) Min(SLACK * total, most);
	return progress->work < filter->most_work;
}

/* What a walk that goes well may do in all. */
static uint64
most_walk(const OmenFilteredScanState *node)
{
	double		exact = omen_scan_exact_cost(node);
	bool is_one_of_two = node->has_given_up || (node->bitmap && !node->set &&
												!omen_keys_tell_all(node));

	/* nor more than it was allowed to begin with, if it was not to be expected */
	if (exact <= walk_cost(node))
		return node->filter.most_work;
	return work_for(node, (is_one_of_two ? MOST_OF_WALK_OF_TWO : MOST_OF_WALK) *
							  exact);
}

/*
 * Are all rows that may pass to be found by a pass over the index's nodes, and
 * not one by one, or by one over the table?
 */
bool
omen_goes_through_index(const OmenFilteredScanState *node)
{
	double		rows;

	if (node->set == NULL)
		return node->keys.count > 0 && omen_keys_pass_pays(&node->plan);
	rows = omen_rows_in_set(node);
	return omen_set_pass_cost(&node->plan, rows) <
		   omen_exact_cost(&node->plan, rows);
}

/* How much a search may do. */
void
omen_limit_work(OmenFilteredScanState *node, OmenStrategy strategy)
{
	OmenFilter *filter = &node->filter;

	filter->row_work =
		Min(OMEN_LOOKUP_COST * node->plan.row_cost / visit_cost(node), 1e9);
	filter->most_work =
		work_for(node, allowed_cost(node, strategy)) + LEAST_WORK;
	/* where something else seemed cheaper one look has to do */
	node->first_work = node->is_glance ? 0 : filter->most_work;
	filter->is_worth = NULL;
	/* a strategy that is asked for is for trying it out */
	if (omen_filter_strategy == OMEN_STRATEGY_GRAPH ||
		omen_filter_strategy == OMEN_STRATEGY_SWEEP)
		filter->most_work = PG_UINT64_MAX;
	/* within a radius there may be far fewer rows than are wanted */
	else if (strategy == OMEN_STRATEGY_SWEEP && isinf(filter->radius))
		filter->is_worth = is_worth_sweeping;
	else if (strategy == OMEN_STRATEGY_GRAPH && isinf(filter->radius))
	{
		filter->is_worth = is_worth_walking;
		node->most_walk = most_walk(node);
	}
}

/* The size of the candidate list that a search begins with. */
double
omen_ef_to_begin(const OmenFilteredScanState *node, OmenStrategy strategy,
				 double passing)
{
	const OmenFilteredPlan *plan = &node->plan;
	const OmenFilter *filter = &node->filter;
	double		ef = omen_ef_search;

	if (strategy == OMEN_STRATEGY_GRAPH)
	{
		ef = Max(omen_walk_ef(plan, passing), 1);
		if (filter->use_keys && node->set == NULL && isinf(filter->radius))
			ef = Max(ef, Min(omen_keys_rows(plan), MOST_EF_TO_BEGIN));
	}
	/* within a radius there may be far fewer rows than are wanted */
	else if (isinf(filter->radius))
	{
		if (node->is_glance)
			ef = glance_ef(node);
		else
		{
			/* what it sees tells how many rows it will have to look at */
			ef = Min(omen_sweep_ef(plan),
					 OMEN_MAX_STRETCH * Max(ef, plan->wanted));
		}
		ef = Min(ef, MOST_EF_TO_BEGIN);
	}
	return ef;
}

/*
 * What was wanted has been found.  If more is asked for, that may take as much as an
 * exact pass would, after which rows may be late.
 */
void
omen_allow_beyond(OmenFilteredScanState *node)
{
	node->filter.most_work =
		Max(node->filter.most_work, work_for(node, omen_scan_exact_cost(node)));
}
