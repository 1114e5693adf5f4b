/*-------------------------------------------------------------------------
 *
 * group_cost.h
 *	  For the planner: which groups a query asks for, and how large they are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_GROUP_COST_H
#define OMEN_GROUP_COST_H

#include "hnsw/hnsw.h"

/* The clauses of a WHERE that are about the leading columns of an index. */
typedef struct OmenGroupClauses
{
	List	   *infos;			/* as they stand in the WHERE: RestrictInfos */
	List	   *clauses;		/* of each, with the column on the left */
	List	   *columns;		/* of each, the index's column, from 1 on */
	List	   *lossy;			/* infos of which clauses are only a part */
} OmenGroupClauses;

/* What is read of groups: the nodes of each that there is. */
typedef struct OmenGroupSizes
{
	double		asked;			/* combinations of values asked for */
	uint32		looked_up;		/* of these, as many as were looked up */
	uint32		count;			/* groups that were found */
	double	   *nodes;			/* of each */
} OmenGroupSizes;

/* The groups that a query asks for. */
typedef struct OmenGroupsAsked
{
	bool		is_told;		/* each leading column has one of some values */
	bool		is_any;			/* but too many to look each up */
	double		part;			/* of the rows in them, by statistics */
	double		count;			/* of groups, 1 at least */
	double		nodes;			/* in all of them, by what is known */
	OmenGroupSizes sizes;		/* as far as they are known */
} OmenGroupsAsked;

/* group_cost.c */
extern int	omen_leading_columns(const IndexOptInfo *index);
extern bool omen_tells_value(const IndexOptInfo *index, int column,
							 Node *clause);
extern bool omen_tells_some(const IndexOptInfo *index, int column,
							Node *clause);
extern void omen_groups_of_path(const IndexPath *path, int leading,
								OmenGroupClauses *told);
extern void omen_groups_asked(PlannerInfo *root, const IndexOptInfo *index,
							  int leading, const OmenGroupClauses *told,
							  OmenGroupsAsked *asked);

/* group_size.c */
extern bool omen_group_sizes_read(PlannerInfo *root, Oid index,
								  const OmenGroupClauses *told,
								  OmenGroupSizes *sizes);

#endif							/* OMEN_GROUP_COST_H */
