/*-------------------------------------------------------------------------
 *
 * cost.c
 *	  What finding the nearest rows that pass a filter costs, by strategy.
 *
 * Used by the planner with estimates, and by the executor with what it has
 * counted.  See README for the formulas.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "hnsw/scan/filtered.h"
#include "hnsw/hnsw.h"
#include "optimizer/optimizer.h"
#include "filter/plan.h"

/* Rows looked up for one that is returned, about. */
#define ROWS_PER_RESULT 1.3

/* Taking a TID from a bitmap into a set, in cpu_operator_cost. */
#define TID_COST 3

/* Looking a node's TID up in a set, likewise. */
#define TEST_COST 6

/*
 * What a node that may pass takes more in a pass, in the cost of visiting it in a search:
 * its code is compared to the last bit, and it is put in order.
 */
#define CODE_COST 1.5

/* The part of the rows of a set that pass the rest of the filter. */
static double
passing_part(const OmenFilteredPlan *plan)
{
	return Min(plan->passing / Max(plan->tids, 1), 1);
}

/* All rows of a set of so many TIDs. */
double
omen_exact_cost(const OmenFilteredPlan *plan, double tids)
{
	return tids * (plan->row_cost + passing_part(plan) * plan->distance_cost);
}

/* The part of the nodes that pass, with a set of so many TIDs. */
double
omen_set_selectivity(const OmenFilteredPlan *plan, double tids)
{
	return Min(tids * passing_part(plan) / Max(plan->nodes, 1), 1);
}

/* All rows of the table. */
static double
table_cost(const OmenFilteredPlan *plan, double passing)
{
	return plan->table_cost + passing * plan->distance_cost;
}

/*
 * Size of the candidate list of a walk that knows what passes: of nodes that do.
 * As many as would be in a list of all nodes, but half as many again as are wanted
 * and a third of ef_search at least: a list as short as what is wanted finds a part
 * of it only.
 */
double
omen_walk_ef(const OmenFilteredPlan *plan, double selectivity)
{
	double		least = Max(1.5 * plan->wanted, omen_ef_search / 3.0);

	return Min(omen_ef_search,
			   Max(least, omen_filtered_list(selectivity) * selectivity));
}

/*
 * Nodes visited until the candidate list is full of nodes that pass.  As many
 * nodes have to be walked through as would be results if all passed.
 */
double
omen_graph_visits(const OmenFilteredPlan *plan, double selectivity)
{
	double		ef = omen_walk_ef(plan, selectivity) / Max(selectivity, 1e-9);

	return omen_expected_visits(plan->nodes, plan->m, Min(ef, plan->nodes));
}

double
omen_graph_cost(const OmenFilteredPlan *plan, double selectivity)
{
	return omen_graph_visits(plan, selectivity) * plan->visit_cost +
		   ROWS_PER_RESULT * plan->wanted *
			   (plan->row_cost + plan->distance_cost);
}

/* Rows looked up that have passed by their keys, until enough pass at all. */
double
omen_keys_rows(const OmenFilteredPlan *plan)
{
	return plan->wanted *
		   Max(plan->key_selectivity / Max(plan->selectivity, 1e-9),
			   ROWS_PER_RESULT);
}

/* A walk that tests keys. */
double
omen_keys_cost(const OmenFilteredPlan *plan)
{
	double		rows = Min(omen_keys_rows(plan), plan->rows);
	double		ef = Max(omen_walk_ef(plan, plan->key_selectivity), rows) /
				Max(plan->key_selectivity, 1e-9);
	double		visits =
		omen_expected_visits(plan->nodes, plan->m, Min(ef, plan->nodes));

	return visits * plan->visit_cost +
		   rows * OMEN_LOOKUP_COST * plan->row_cost +
		   ROWS_PER_RESULT * plan->wanted * plan->distance_cost;
}

/*
 * A look at all nodes, and at the codes of those that may pass, of which the
 * nearest are looked up.
 */
static double
pass_cost(const OmenFilteredPlan *plan, double nodes, double rows)
{
	return plan->pass_cost + CODE_COST * nodes * plan->visit_cost +
		   Min(rows, nodes) * OMEN_LOOKUP_COST * plan->row_cost +
		   ROWS_PER_RESULT * plan->wanted * plan->distance_cost;
}

static double
keys_pass_cost(const OmenFilteredPlan *plan)
{
	return pass_cost(plan, plan->key_selectivity * plan->nodes,
					 omen_keys_rows(plan));
}

/* Is that cheaper than to read the table?  Keys may tell little. */
bool
omen_keys_pass_pays(const OmenFilteredPlan *plan)
{
	return keys_pass_cost(plan) <= table_cost(plan, plan->passing);
}

/* The same with a set of TIDs, whose nodes take longer to tell. */
double
omen_set_pass_cost(const OmenFilteredPlan *plan, double tids)
{
	return pass_cost(plan, tids,
					 ROWS_PER_RESULT * plan->wanted /
						 Max(passing_part(plan), 1e-9)) +
		   plan->nodes * TEST_COST * cpu_operator_cost;
}

/* All rows of a set, one way or the other. */
double
omen_exact_set_cost(const OmenFilteredPlan *plan, double tids)
{
	return Min(omen_exact_cost(plan, tids), omen_set_pass_cost(plan, tids));
}

/* All rows that pass, without a bitmap. */
double
omen_whole_cost(const OmenFilteredPlan *plan)
{
	double		table = table_cost(plan, plan->passing);

	return plan->has_keys ? Min(table, keys_pass_cost(plan)) : table;
}

/* A search that needs no filter, or whose nearest rows all pass. */
double
omen_nearest_cost(const OmenFilteredPlan *plan)
{
	return omen_graph_cost(plan, 1);
}

/* To make a set of TIDs of a bitmap. */
double
omen_set_cost(double bitmap_cost, double tids)
{
	return bitmap_cost + tids * TID_COST * cpu_operator_cost;
}

/* Rows looked at until enough have passed. */
static double
sweep_rows(const OmenFilteredPlan *plan)
{
	return plan->wanted / Max(plan->selectivity, 1e-9);
}

/* The size of a sweep's candidate list to begin with. */
double
omen_sweep_ef(const OmenFilteredPlan *plan)
{
	return Max(omen_filtered_list(plan->selectivity), sweep_rows(plan));
}

double
omen_sweep_cost(const OmenFilteredPlan *plan)
{
	double		rows = Min(sweep_rows(plan), plan->rows);
	double		visits = omen_expected_visits(plan->nodes, plan->m,
										 Min(omen_sweep_ef(plan), plan->nodes));

	return visits * plan->visit_cost +
		   rows * OMEN_LOOKUP_COST * plan->row_cost +
		   ROWS_PER_RESULT * plan->wanted * plan->distance_cost;
}
