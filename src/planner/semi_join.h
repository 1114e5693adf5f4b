/*-------------------------------------------------------------------------
 *
 * semi_join.h
 *	  EXISTS and IN beside an order by distance and a LIMIT.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_SEMI_JOIN_H
#define OMEN_SEMI_JOIN_H

#include "postgres.h"

#include "nodes/pathnodes.h"

extern void omen_note_peers(void);
extern bool omen_is_semi_joined(PlannerInfo *root, RelOptInfo *rel);
extern double omen_matching_part(PlannerInfo *root, RelOptInfo *rel,
								 List *clauses);
extern void omen_cost_filter(PlannerInfo *root, List *clauses, double calls,
							 QualCost *cost);
extern List *omen_final_filter(List *quals, double calls);
extern void omen_semi_join_init(void);

#endif							/* OMEN_SEMI_JOIN_H */
