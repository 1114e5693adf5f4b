/*-------------------------------------------------------------------------
 *
 * plan.h
 *	  The plan node "Omen Scan": rows that pass a filter, by distance.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FILTER_PLAN_H
#define OMEN_FILTER_PLAN_H

#include "postgres.h"

#include "nodes/extensible.h"
#include "nodes/pathnodes.h"

/* How the rows that pass are found. */
typedef enum OmenStrategy
{
	OMEN_STRATEGY_AUTO,
	/* all rows that pass, sorted by distance */
	OMEN_STRATEGY_EXACT,
	/* a walk through the graph that knows the rows that pass: their TIDs, or by
	 * the nodes' filter keys */
	OMEN_STRATEGY_GRAPH,
	/* rows by distance, of which those that do not pass are thrown away */
	OMEN_STRATEGY_SWEEP
} OmenStrategy;

/*
 * What the planner knows and the executor decides by, in the planner's units.
 * Travels through the plan as a list of numbers.
 */
typedef struct OmenFilteredPlan
{
	double		rows;			/* of the table */
	double		passing;		/* of them, as estimated; a sphere aside */
	double		tids;			/* of them that the bitmap has, likewise */
	double		selectivity; /* part of the index's nodes that pass, likewise */
	double		wanted;			/* how many are asked for, as far as known */
	double		extra;			/* beyond LIMIT, to see where equal rows end */
	double		limit_known;	/* is LIMIT what it is about? 0 or 1 */
	double		nodes;			/* of the index */
	double		m;
	double		visit_cost;		/* of a node, in a search */
	double		row_cost;		/* to fetch a row and to evaluate the filter */
	double		distance_cost;	/* to compute the distance of a row */
	double		table_cost;		/* to read the whole table, and filter it */
	double		bitmap_cost;	/* to make the set of TIDs; negative: none */
	double		key_selectivity; /* part of the nodes that pass by their keys */
	double		has_keys;		/* 0 or 1 */
	double		pass_cost; /* to look at all nodes, in the order of pages */
	OmenStrategy strategy;		/* to begin with */
} OmenFilteredPlan;

#define OMEN_FILTERED_NUMBERS 18

/*
 * A row that is looked up because it is near, and not in its turn, lies anywhere, and
 * its node is looked at again; but it was fetched ahead, and no vector is.  In
 * row_cost.
 */
#define OMEN_LOOKUP_COST 1.5

/* cost.c */
extern double omen_exact_cost(const OmenFilteredPlan *plan, double tids);
extern double omen_set_selectivity(const OmenFilteredPlan *plan, double tids);
extern double omen_walk_ef(const OmenFilteredPlan *plan, double selectivity);
extern double omen_graph_visits(const OmenFilteredPlan *plan,
								double selectivity);
extern double omen_graph_cost(const OmenFilteredPlan *plan, double selectivity);
extern double omen_keys_rows(const OmenFilteredPlan *plan);
extern double omen_keys_cost(const OmenFilteredPlan *plan);
extern bool omen_keys_pass_pays(const OmenFilteredPlan *plan);
extern double omen_set_pass_cost(const OmenFilteredPlan *plan, double tids);
extern double omen_exact_set_cost(const OmenFilteredPlan *plan, double tids);
extern double omen_whole_cost(const OmenFilteredPlan *plan);
extern double omen_sweep_ef(const OmenFilteredPlan *plan);
extern double omen_sweep_cost(const OmenFilteredPlan *plan);
extern double omen_nearest_cost(const OmenFilteredPlan *plan);
extern double omen_set_cost(double bitmap_cost, double tids);

/* planner/path.c */
extern List *omen_filtered_plan_pack(const OmenFilteredPlan *plan);
extern void omen_filtered_plan_unpack(List *packed, OmenFilteredPlan *plan);
extern void omen_filtered_path_init(void);

/* exec.c */
extern const CustomScanMethods omen_filtered_scan_methods;
extern void omen_filtered_scan_init(void);

/* Settings, in guc.c. */
extern bool omen_enable_scan;
extern int	omen_filter_strategy;	/* OmenStrategy */
extern int	omen_scan_mem;		/* kB */

#endif							/* OMEN_FILTER_PLAN_H */
