/*-------------------------------------------------------------------------
 *
 * state.h
 *	  What executing "Omen Scan" keeps.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FILTER_STATE_H
#define OMEN_FILTER_STATE_H

#include "postgres.h"

#include "filter/filter_keys.h"
#include "filter/plan.h"
#include "filter/policy.h"
#include "filter/tid_set.h"
#include "hnsw/scan/filtered.h"
#include "nodes/execnodes.h"

/* What is evaluated, for each scan or each row. */
typedef struct OmenScanExpressions
{
	OpExpr	   *orderby;
	ExprState  *qual;			/* the WHERE */
	ExprState  *query;			/* what distances are from */
	ExprState  *limit;
	ExprState  *offset;
	OmenFilterKeyState keys;	/* what is tested on filter keys */
	List	   *spheres;		/* that rows that pass lie in; ExprStates */
} OmenScanExpressions;

/* For EXPLAIN, over all rescans. */
typedef struct OmenScanCounts
{
	uint64		ran[OMEN_STAGE_END];	/* by the stage that began */
	uint64		gave_up;		/* searches that did not find enough */
	double		tids;			/* in sets */
	uint64		sets;
} OmenScanCounts;

typedef struct OmenCustomScanState
{
	CustomScanState css;

	OmenScanExpressions exprs;
	PlanState  *bitmap;			/* gives the rows that may pass, or NULL */
	Relation	index;
	IndexScanDesc scan;

	OmenScanPlan planned;		/* as of planning */
	bool		is_started;
	OmenFilterFacts facts;		/* by which it goes on */
	OmenFilter	filter;			/* what the scan is asked for */
	OmenAllowance allowance;	/* of the search in use */
	OmenTidSet *set;			/* of rows that may pass, or NULL */
	MemoryContext set_context;	/* of the set */

	OmenScanCounts counts;
} OmenCustomScanState;

/* explain.c */
extern void omen_explain_custom_scan(CustomScanState *css, List *ancestors,
									 struct ExplainState *es);

#endif							/* OMEN_FILTER_STATE_H */
