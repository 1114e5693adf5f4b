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
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"

/* Clauses as found, as they are to be tested, and columns; lists of one length. */
typedef struct OmenFilterKeys
{
	List	   *infos;			/* RestrictInfos */
	List	   *clauses;		/* the column on the left */
	List	   *columns;		/* numbers of the index's columns */
} OmenFilterKeys;

extern void omen_filter_keys_find(RelOptInfo *rel, IndexOptInfo *index,
								  OmenFilterKeys *keys);

/* The same in the executor. */
typedef struct OmenFilterKeyState
{
	int			count;
	ScanKey		scankeys;		/* as of the last evaluation */
	ExprState **values;			/* NULL where there is none */
} OmenFilterKeyState;

extern void omen_filter_keys_init(OmenFilterKeyState *state, Relation index,
								  List *clauses, List *columns,
								  PlanState *parent);
extern void omen_filter_keys_evaluate(OmenFilterKeyState *state,
									  ExprContext *econtext);

#endif							/* OMEN_FILTER_KEYS_H */
