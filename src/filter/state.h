/*-------------------------------------------------------------------------
 *
 * state.h
 *	  What executing "Omen Scan" and choosing how it goes on share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FILTER_STATE_H
#define OMEN_FILTER_STATE_H

#include "postgres.h"

#include "hnsw/scan/filtered.h"
#include "nodes/execnodes.h"
#include "filter/filter_keys.h"
#include "filter/plan.h"
#include "filter/tid_set.h"

typedef struct OmenFilteredScanState
{
	CustomScanState css;

	OmenFilteredPlan plan;
	double		expected; /* how many rows the planner thought are wanted */
	OpExpr	   *orderby;
	ExprState  *qual;			/* the WHERE */
	ExprState  *query;			/* what distances are from */
	ExprState  *limit;
	ExprState  *offset;
	OmenFilterKeyState keys;	/* what is tested on filter keys */
	List	   *spheres;		/* that rows that pass lie in; ExprStates */
	PlanState  *bitmap;			/* gives the rows that pass, or NULL */

	Relation	index;
	IndexScanDesc scan;
	OmenFilter	filter;
	OmenTidSet *set;			/* of rows that may pass, or NULL */
	bool		is_too_large;	/* the set, for omendb.scan_mem */
	MemoryContext context;		/* of the set */
	bool		is_started;
	bool		has_sent;		/* rows have gone out */
	bool		has_given_up;	/* a search has, but for a short look */
	bool		is_glance;		/* the search in use is a short look */
	bool		has_glanced;	/* one has been, since the filter changed */
	uint64		first_work; /* that the search in use was allowed at first */
	uint64		most_walk;		/* that a walk may do in all, if it goes well */
	double		tests; /* rows to look at in all, as a sweep saw; or 0 */
	OmenStrategy strategy;		/* in use */

	/* for EXPLAIN, over all rescans */
	uint64		ran[OMEN_STRATEGY_SWEEP + 1];	/* by strategy */
	uint64		gave_up;		/* walks that did not find enough */
	double		tids;			/* in sets */
	uint64		sets;
} OmenFilteredScanState;

/* choice.c */
extern double omen_rows_in_set(const OmenFilteredScanState *node);
extern double omen_scan_exact_cost(const OmenFilteredScanState *node);
extern bool omen_keys_come_first(const OmenFilteredScanState *node);
extern bool omen_keys_tell_all(const OmenFilteredScanState *node);
extern bool omen_glance_comes_first(const OmenFilteredScanState *node);
extern OmenStrategy omen_choose_with_filter(const OmenFilteredScanState *node);
extern bool omen_goes_through_index(const OmenFilteredScanState *node);
extern double omen_ef_to_begin(const OmenFilteredScanState *node,
							   OmenStrategy strategy, double passing);
extern void omen_limit_work(OmenFilteredScanState *node, OmenStrategy strategy);
extern void omen_allow_beyond(OmenFilteredScanState *node);

#endif							/* OMEN_FILTER_STATE_H */
