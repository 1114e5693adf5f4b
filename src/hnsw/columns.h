/*-------------------------------------------------------------------------
 *
 * columns.h
 *	  Operator classes, and what they tell of the columns of an index: which is
 *	  the vector's, and which are to filter by.
 *
 * The operator classes tell that, not the numbers of the columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_COLUMNS_H
#define OMEN_COLUMNS_H

#include "postgres.h"

#include "quantize/metric.h"
#include "types/type.h"
#include "utils/relcache.h"

/*
 * Support functions.  That of every operator class: internal -> internal.  What
 * it returns begins with whether the class is for vectors.
 */
#define OMEN_SUPPORT_PROC 1

/*
 * Of a class for vectors, if there is one: the function that asks whether a
 * vector lies within a sphere, by the distance of the class.
 */
#define OMEN_WITHIN_PROC 2

/*
 * Of a class whose operators are another library's: a function that gives the
 * same as the distance operator's, and asks first whether a scan has computed
 * it already.
 */
#define OMEN_REPEATED_PROC 3
#define OMEN_SUPPORT_PROCS 3
#define OMEN_DISTANCE_STRATEGY 1

/*
 * What an operator class's support function returns.  Static; nobody frees it.
 */
typedef struct OmenOpclass
{
	bool		is_vector;		/* false: of a key column; nothing follows */
	const OmenType *type;
	OmenMetric	metric;

	/*
	 * Its operators are another library's: they sum in float32, in an order
	 * that is theirs, and tell nobody what they cost.
	 */
	bool		is_peer;
} OmenOpclass;

/* The key columns of an index, by their attribute numbers. */
typedef struct OmenIndexColumns
{
	int			count;			/* of all */
	int			vectors;		/* of those with a vector's operator class */
	int			vector;			/* the first of these; 0 if there is none */
	int			first_filter;	/* the first to filter by: after the vector */
	int			filters;		/* how many there are of these, to the last */
} OmenIndexColumns;

extern OmenIndexColumns omen_index_columns(Relation index);
extern const OmenOpclass *omen_opclass(Relation index);
extern int32 omen_vector_typmod(Relation index);

/* What the graph of a column of so many dimensions is made of. */
static inline OmenGraphShape
omen_graph_shape(const OmenOpclass *opclass, int dims)
{
	OmenGraphShape same = {opclass->metric, dims};

	return opclass->type->graph_shape == NULL
			   ? same
			   : opclass->type->graph_shape(opclass->metric, dims);
}

extern bool omen_opclass_is_vector(Oid opclass);

#endif							/* OMEN_COLUMNS_H */
