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

#include "filter/cost.h"
#include "nodes/extensible.h"
#include "nodes/pg_list.h"

/*
 * What the node is to do.  The planner fixes the expressions in `exprs`, so
 * what is read from a plan is not what was put into its path.
 */
typedef struct OmenScanParts
{
	Oid			index;
	OmenScanPlan plan;
	Expr	   *orderby;		/* an OpExpr */
	Expr	   *limit;			/* int8, a NULL if there is none */
	Expr	   *offset;			/* likewise */
	List	   *key_clauses;	/* that are tested on filter keys */
	List	   *key_columns;	/* the index's columns of their comparisons */
	List	   *spheres;		/* that rows that pass lie in */
} OmenScanParts;

/* plan.c */
extern void omen_scan_parts_pack(const OmenScanParts *parts, List **exprs,
								 List **numbers);
extern void omen_scan_parts_unpack(const CustomScan *scan,
								   OmenScanParts *parts);

/* exec.c */
extern const CustomScanMethods omen_custom_scan_methods;
extern void omen_custom_scan_init(void);

/* planner/path.c */
extern void omen_custom_path_init(void);

/* Settings, in guc.c. */
extern bool omen_enable_scan;
extern int	omen_filter_strategy;	/* OmenStrategy */
extern int	omen_scan_mem;		/* kB */

#define OMEN_DEFAULT_SCAN_MEM 65536 /* kB */

#endif							/* OMEN_FILTER_PLAN_H */
