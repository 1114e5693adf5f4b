/*-------------------------------------------------------------------------
 *
 * peer_plan.h
 *	  Distances of another library's that a plan need not compute again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_PEER_PLAN_H
#define OMEN_PEER_PLAN_H

#include "postgres.h"

#include "nodes/plannodes.h"

extern void omen_repeat_distances(PlannedStmt *statement);

#endif							/* OMEN_PEER_PLAN_H */
