/*-------------------------------------------------------------------------
 *
 * wanted.h
 *	  How many rows a query wants of a table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_WANTED_H
#define OMEN_WANTED_H

#include "postgres.h"

#include "filter/plan.h"
#include "nodes/pathnodes.h"

extern double omen_estimate_wanted(PlannerInfo *root, RelOptInfo *rel);
extern void omen_note_wanted(PlannerInfo *root, OmenScanParts *parts);
extern bool omen_has_more_order(PlannerInfo *root);
extern bool omen_needs_count(PlannerInfo *root, const IndexOptInfo *index);

#endif							/* OMEN_WANTED_H */
