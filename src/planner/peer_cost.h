/*-------------------------------------------------------------------------
 *
 * peer_cost.h
 *	  What a sort by a distance costs that PostgreSQL takes for cheap.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_PEER_COST_H
#define OMEN_PEER_COST_H

#include "postgres.h"

#include "nodes/pathnodes.h"

extern void omen_charge_untold_order(PlannerInfo *root, RelOptInfo *rel);

#endif							/* OMEN_PEER_COST_H */
