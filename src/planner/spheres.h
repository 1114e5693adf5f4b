/*-------------------------------------------------------------------------
 *
 * spheres.h
 *	  Spheres in a WHERE that let a search end at their radius.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_SPHERES_H
#define OMEN_SPHERES_H

#include "postgres.h"

#include "filter/plan.h"
#include "nodes/pathnodes.h"

extern List *omen_find_spheres(RelOptInfo *rel, IndexPath *ordered);
extern void omen_note_spheres(PlannerInfo *root, RelOptInfo *rel, List *spheres,
							  OmenScanParts *parts);

#endif							/* OMEN_SPHERES_H */
