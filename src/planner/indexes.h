/*-------------------------------------------------------------------------
 *
 * indexes.h
 *	  What the indexes of a table know of a query.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_INDEXES_H
#define OMEN_INDEXES_H

#include "postgres.h"

#include "filter/filter_keys.h"
#include "hnsw/group_cost.h"
#include "nodes/pathnodes.h"

/* An index of ours in the order that is wanted. */
typedef struct OrderedIndex
{
	IndexPath  *path;			/* NULL: there is none */
	OmenFilterKeys keys;		/* what its filter keys tell */
	double		key_selectivity; /* the part of the rows that passes by them */
	bool		is_of_groups;	/* it is an index of groups */
	OmenGroupsAsked asked;		/* of one of groups: those that are searched */
	double		part;			/* of the rows that is in these; else 1 */
} OrderedIndex;

extern bool omen_is_ours(const IndexOptInfo *index);
extern bool omen_has_groups(const IndexOptInfo *index);
extern bool omen_is_unfiltered(const OrderedIndex *ordered);
extern OrderedIndex omen_find_ordered_index(PlannerInfo *root, RelOptInfo *rel,
											bool of_groups, List **others);
extern BitmapHeapPath *omen_best_bitmap_path(PlannerInfo *root, RelOptInfo *rel,
											 const List *without);
extern bool omen_tells_more(PlannerInfo *root, RelOptInfo *rel,
							const OrderedIndex *ordered,
							const BitmapHeapPath *bitmap);

#endif							/* OMEN_INDEXES_H */
