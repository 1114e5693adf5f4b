/*-------------------------------------------------------------------------
 *
 * cost.c
 *	  What finding the nearest rows that pass a filter costs, by each way.
 *
 * Used by the planner with estimates, and while a plan runs with what has been
 * counted.  Plain C, without a server.  See README for the formulas.
 *
 *-------------------------------------------------------------------------
 */
#include "filter/cost.h"

#include <math.h>

#include "hnsw/scan/growth.h"
#include "hnsw/visits.h"
#include "tuning.h"

/*
 * Visits of a search with a list of ef, which holds all nodes at the most; of
 * each of several groups.
 */
static double
visits(const OmenScanPlan *plan, double ef)
{
	double		groups = fmax(plan->groups, 1);
	double		nodes = plan->nodes / groups;

	return groups * omen_expected_visits(nodes, plan->m, fmin(ef, nodes));
}

/* How many of some rows of the table may be looked up: those in the groups. */
static double
rows_searched(const OmenScanPlan *plan, double rows)
{
	return plan->groups > 0 ? fmin(rows, plan->nodes) : rows;
}

/* Computing the distances of the rows that go out, and of some in vain. */
static double
result_distances_cost(const OmenScanPlan *plan)
{
	return OMEN_FILTERED_ROWS_PER_RESULT * plan->wanted * plan->distance_cost;
}

/* ---------- a set of TIDs ---------- */

/* Making it of a bitmap. */
double
omen_set_cost(double bitmap_cost, double tids, double operator_cost)
{
	return bitmap_cost + tids * OMEN_SET_TID_COST * operator_cost;
}

/* The part of the rows of a set that pass the rest of the filter. */
static double
passing_part(const OmenScanPlan *plan)
{
	return fmin(plan->passing / fmax(plan->bitmap_tids, 1), 1);
}

/* The part of the nodes that pass, with a set of this many TIDs. */
double
omen_set_selectivity(const OmenScanPlan *plan, double tids)
{
	return fmin(tids * passing_part(plan) / fmax(plan->nodes, 1), 1);
}

/* ---------- pre-filtering ---------- */

/* All rows of a set of this many TIDs, one by one. */
double
omen_row_by_row_cost(const OmenScanPlan *plan, double tids)
{
	return tids * (plan->row_cost + passing_part(plan) * plan->distance_cost);
}

/* All rows of the table. */
static double
table_cost(const OmenScanPlan *plan)
{
	return plan->table_cost + plan->passing * plan->distance_cost;
}

/*
 * A look at all nodes, and at the codes of those that may pass, of which the
 * nearest rows are looked up.
 */
static double
full_scan_cost(const OmenScanPlan *plan, double nodes, double rows)
{
	return plan->full_scan_cost +
		   OMEN_FULL_SCAN_CODE_COST * nodes * plan->visit_cost +
		   fmin(rows, nodes) * OMEN_LOOKUP_COST * plan->row_cost +
		   result_distances_cost(plan);
}

/*
 * The nodes that may pass by their keys, or without these all of the groups
 * that are searched.
 */
static double
key_scan_cost(const OmenScanPlan *plan)
{
	return full_scan_cost(plan, plan->key_selectivity * plan->nodes,
						  omen_key_walk_rows(plan));
}

/*
 * Is a look at all nodes' keys cheaper than reading the table?  Keys may tell
 * little.
 */
bool
omen_key_scan_pays(const OmenScanPlan *plan)
{
	return key_scan_cost(plan) <= table_cost(plan);
}

/*
 * May all rows that pass be found by a look at nodes, without a set?  If keys
 * tell which may, or if it is a part of the index.
 */
bool
omen_has_node_scan(const OmenScanPlan *plan)
{
	return plan->has_keys || plan->groups > 0;
}

/*
 * The same with a set of TIDs, whose nodes take longer to tell.  In groups only
 * a part of its rows are met.
 */
double
omen_set_scan_cost(const OmenScanPlan *plan, double tids)
{
	double		met = plan->groups > 0
					 ? tids * fmin(plan->nodes / fmax(plan->rows, 1), 1)
					 : tids;

	return full_scan_cost(plan, met,
						  OMEN_FILTERED_ROWS_PER_RESULT * plan->wanted /
							  fmax(passing_part(plan), OMEN_TINY_PART)) +
		   plan->nodes * OMEN_SET_TEST_COST * plan->operator_cost;
}

/* All rows of a set that is there, in the cheaper way. */
double
omen_exact_set_cost(const OmenScanPlan *plan, double tids)
{
	return fmin(omen_row_by_row_cost(plan, tids),
				omen_set_scan_cost(plan, tids));
}

/* All rows of a set that is yet to be made of the bitmap. */
double
omen_exact_bitmap_cost(const OmenScanPlan *plan)
{
	return plan->bitmap_cost + omen_exact_set_cost(plan, plan->bitmap_tids);
}

/* All rows that pass, without a set. */
double
omen_exact_no_set_cost(const OmenScanPlan *plan)
{
	double		table = table_cost(plan);

	return omen_has_node_scan(plan) ? fmin(table, key_scan_cost(plan)) : table;
}

/* Exact, as it is planned: with the bitmap if there is one. */
double
omen_exact_plan_cost(const OmenScanPlan *plan)
{
	return plan->has_bitmap ? omen_exact_bitmap_cost(plan)
							: omen_exact_no_set_cost(plan);
}

/* The same if all rows that pass are asked for, and so have to be sorted. */
double
omen_exact_all_cost(const OmenScanPlan *plan)
{
	OmenScanPlan all = *plan;
	double		rows = fmax(plan->passing, 1);
	double		comparisons = rows * log2(fmax(rows, 2));

	all.wanted = rows;
	return omen_exact_plan_cost(&all) +
		   comparisons * OMEN_SORT_COMPARISON_COST * plan->operator_cost;
}

/* ---------- in-filter traversal ---------- */

/*
 * Size of the candidate list of a walk, which holds nodes that may pass only:
 * as many as would be in a list of all nodes that is as good, but enough for
 * the rows that are wanted, and never more than ef_search.
 */
double
omen_walk_list(const OmenScanPlan *plan, double selectivity)
{
	double		least = fmax(OMEN_WALK_LIST_OF_WANTED * plan->wanted,
						plan->ef_search / OMEN_WALK_LIST_PART);
	double as_good = omen_list_size(selectivity, plan->ef_search) * selectivity;

	return fmin(plan->ef_search, fmax(least, as_good));
}

/*
 * Nodes visited until the list is full of nodes that pass.  As many nodes have
 * to be walked through as would be in the list if all passed.
 */
double
omen_walk_visits(const OmenScanPlan *plan, double selectivity)
{
	return visits(plan, omen_walk_list(plan, selectivity) /
							fmax(selectivity, OMEN_TINY_PART));
}

/* A walk by a set that is there. */
double
omen_walk_cost(const OmenScanPlan *plan, double selectivity)
{
	return omen_walk_visits(plan, selectivity) * plan->visit_cost +
		   OMEN_FILTERED_ROWS_PER_RESULT * plan->wanted *
			   (plan->row_cost + plan->distance_cost);
}

/* A walk by a set that is yet to be made of the bitmap. */
double
omen_bitmap_walk_cost(const OmenScanPlan *plan, double selectivity)
{
	return plan->bitmap_cost + omen_walk_cost(plan, selectivity);
}

/* Rows looked up that have passed by their keys, until enough pass at all. */
double
omen_key_walk_rows(const OmenScanPlan *plan)
{
	return plan->wanted *
		   fmax(plan->key_selectivity / fmax(plan->selectivity, OMEN_TINY_PART),
				OMEN_FILTERED_ROWS_PER_RESULT);
}

/* A walk by filter keys. */
double
omen_key_walk_cost(const OmenScanPlan *plan)
{
	double		rows =
		rows_searched(plan, fmin(omen_key_walk_rows(plan), plan->rows));
	double		list = fmax(omen_walk_list(plan, plan->key_selectivity), rows);

	return visits(plan, list / fmax(plan->key_selectivity, OMEN_TINY_PART)) *
			   plan->visit_cost +
		   rows * OMEN_LOOKUP_COST * plan->row_cost +
		   result_distances_cost(plan);
}

/* ---------- post-filtering ---------- */

/* Rows looked at until enough have passed. */
static double
sweep_rows(const OmenScanPlan *plan)
{
	return plan->wanted / fmax(plan->selectivity, OMEN_TINY_PART);
}

/* The size of the list that all this is expected to take. */
double
omen_sweep_list(const OmenScanPlan *plan)
{
	return fmax(omen_list_size(plan->selectivity, plan->ef_search),
				sweep_rows(plan));
}

double
omen_sweep_cost(const OmenScanPlan *plan)
{
	double		rows = rows_searched(plan, fmin(sweep_rows(plan), plan->rows));

	return visits(plan, omen_sweep_list(plan)) * plan->visit_cost +
		   rows * OMEN_LOOKUP_COST * plan->row_cost +
		   result_distances_cost(plan);
}

/* A search that needs no filter, or whose nearest rows all pass. */
double
omen_nearest_cost(const OmenScanPlan *plan)
{
	return omen_walk_cost(plan, 1);
}
