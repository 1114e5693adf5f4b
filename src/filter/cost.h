/*-------------------------------------------------------------------------
 *
 * cost.h
 *	  What the planner knows of a filtered scan, and what each way to run it
 *	  costs.
 *
 * Plain C, without a server, so that choices can be tested without one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FILTER_COST_H
#define OMEN_FILTER_COST_H

#include <stdbool.h>

/* How rows that pass are found: the setting's values, and what is planned. */
typedef enum OmenStrategy
{
	OMEN_STRATEGY_AUTO,
	/* all rows that pass, sorted by distance: pre-filtering */
	OMEN_STRATEGY_EXACT,
	/* a walk through the graph that knows what may pass, by TIDs or by the
	 * nodes' filter keys: in-filter traversal */
	OMEN_STRATEGY_GRAPH,
	/* rows by distance, each of which is tested: post-filtering */
	OMEN_STRATEGY_SWEEP
} OmenStrategy;

/*
 * FIELD(type, name): what the planner knows and the executor decides by.  Costs
 * are in the planner's units.  Of a sphere in the WHERE only `wanted` takes
 * notice.  All fields travel with the plan, so they stand here once.
 */
#define OMEN_SCAN_PLAN_FIELDS(FIELD) \
	/* rows of the table, and those of them that pass, as estimated */ \
	FIELD(double, rows) \
	FIELD(double, passing) \
	/* nodes of the index, or of the groups of it that are searched; the part \
	 * of them that passes; and how many groups, or 0 if it has none */ \
	FIELD(double, nodes) \
	FIELD(double, selectivity) \
	FIELD(double, groups) \
	/* is there a bitmap of rows that may pass?  How many it has, and what \
	 * making a set of TIDs of it costs */ \
	FIELD(bool, has_bitmap) \
	FIELD(double, bitmap_tids) \
	FIELD(double, bitmap_cost) \
	/* are there filter keys to test?  The part of the nodes that passes by \
	 * them */ \
	FIELD(bool, has_keys) \
	FIELD(double, key_selectivity) \
	/* is nothing to be filtered?  Then has_keys, though there are none: they \
	 * tell that all nodes pass */ \
	FIELD(bool, is_unfiltered) \
	/* rows that are asked for; whether LIMIT tells; how many are needed \
	 * beyond it, to see where equal rows end */ \
	FIELD(double, wanted) \
	FIELD(bool, limit_known) \
	FIELD(double, extra) \
	/* of the graph */ \
	FIELD(double, m) \
	/* visiting a slot in a search */ \
	FIELD(double, visit_cost) \
	/* fetching a row and evaluating the WHERE */ \
	FIELD(double, row_cost) \
	/* computing the distance of a row */ \
	FIELD(double, distance_cost) \
	/* reading the whole table, and evaluating the WHERE */ \
	FIELD(double, table_cost) \
	/* looking at all nodes, in the order of pages */ \
	FIELD(double, full_scan_cost) \
	/* settings: as of planning; as of now while the plan runs */ \
	FIELD(double, ef_search) \
	FIELD(double, operator_cost) \
	/* what to begin with */ \
	FIELD(OmenStrategy, strategy)

#define OMEN_DECLARE_FIELD(type, name) type name;

typedef struct OmenScanPlan
{
	OMEN_SCAN_PLAN_FIELDS(OMEN_DECLARE_FIELD)
} OmenScanPlan;

#undef OMEN_DECLARE_FIELD

/* A set of TIDs. */
extern double omen_set_cost(double bitmap_cost, double tids,
							double operator_cost);
extern double omen_set_selectivity(const OmenScanPlan *plan, double tids);

/* Pre-filtering. */
extern double omen_row_by_row_cost(const OmenScanPlan *plan, double tids);
extern double omen_set_scan_cost(const OmenScanPlan *plan, double tids);
extern double omen_exact_set_cost(const OmenScanPlan *plan, double tids);
extern double omen_exact_bitmap_cost(const OmenScanPlan *plan);
extern bool omen_has_node_scan(const OmenScanPlan *plan);
extern bool omen_key_scan_pays(const OmenScanPlan *plan);
extern double omen_exact_no_set_cost(const OmenScanPlan *plan);
extern double omen_exact_plan_cost(const OmenScanPlan *plan);
extern double omen_exact_all_cost(const OmenScanPlan *plan);

/* In-filter traversal. */
extern double omen_walk_list(const OmenScanPlan *plan, double selectivity);
extern double omen_walk_visits(const OmenScanPlan *plan, double selectivity);
extern double omen_walk_cost(const OmenScanPlan *plan, double selectivity);
extern double omen_bitmap_walk_cost(const OmenScanPlan *plan,
									double selectivity);
extern double omen_key_walk_rows(const OmenScanPlan *plan);
extern double omen_key_walk_cost(const OmenScanPlan *plan);

/* Post-filtering. */
extern double omen_sweep_list(const OmenScanPlan *plan);
extern double omen_sweep_cost(const OmenScanPlan *plan);
extern double omen_nearest_cost(const OmenScanPlan *plan);

#endif							/* OMEN_FILTER_COST_H */
