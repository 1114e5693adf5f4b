/*-------------------------------------------------------------------------
 *
 * distance_cost.h
 *	  What computing a distance costs, for the planner.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_DISTANCE_COST_H
#define OMEN_DISTANCE_COST_H

#include "postgres.h"

#include "hnsw/columns.h"
#include "nodes/pathnodes.h"
#include "types/type.h"

extern double omen_distance_cost(PlannerInfo *root, const OmenType *type,
								 const List *args, bool by_scan);
extern double omen_untold_cost(PlannerInfo *root, const OmenOpclass *opclass,
							   const OpExpr *distance);

#endif							/* OMEN_DISTANCE_COST_H */
