/*-------------------------------------------------------------------------
 *
 * filter_keys.h
 *	  The part of a WHERE that can be tested on an index's filter keys.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FILTER_KEYS_H
#define OMEN_FILTER_KEYS_H

#include "postgres.h"

#include "access/skey.h"
#include "hnsw/group_cost.h"
#include "hnsw/keys/keys.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"

typedef struct OmenFilterKeys
{
	/*
	 * In an index of groups the clauses that say which.  They are the first of
	 * `clauses`, too.
	 */
	OmenGroupClauses prefix;
	bool		tells_groups;	/* they do, for each leading column */
	/*
	 * Clauses of the WHERE of which keys tell all or a part, to be estimated:
	 * RestrictInfos, or the part.
	 */
	List	   *told;
	/*
	 * The same as they are to be tested, one for each: comparisons with the
	 * column on the left, and such joined by AND and OR.
	 */
	List	   *clauses;
	/* Of each comparison, in their order, the number of the index's column. */
	List	   *columns;
} OmenFilterKeys;

extern void omen_filter_keys_find(PlannerInfo *root, RelOptInfo *rel,
								  IndexOptInfo *index, OmenFilterKeys *keys);

/* The same in the executor. */
typedef struct OmenFilterKeyState
{
	int			count;
	ScanKey		scankeys;		/* as of the last evaluation */
	OmenKeyStep *steps;			/* how they are joined */
	ExprState **values;			/* NULL where there is none */
} OmenFilterKeyState;

extern void omen_filter_keys_init(OmenFilterKeyState *state, Relation index,
								  List *clauses, List *columns,
								  PlanState *parent);
extern void omen_filter_keys_evaluate(OmenFilterKeyState *state,
									  ExprContext *econtext);

#endif							/* OMEN_FILTER_KEYS_H */
