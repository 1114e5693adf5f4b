/*-------------------------------------------------------------------------
 *
 * vector_within.h
 *	  Whether a vector lies within a sphere: operators that ask for a range.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_VECTOR_WITHIN_H
#define OMEN_VECTOR_WITHIN_H

#include "postgres.h"

#include "fmgr.h"
#include "types/vector.h"

extern PGDLLEXPORT Datum omen_vector_l2_within(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_vector_ip_within(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_vector_cosine_within(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_vector_l1_within(PG_FUNCTION_ARGS);

/*
 * Take a vector_sphere apart; false if a part is NULL.  The center is a value
 * as it is in the tuple.
 */
extern bool omen_sphere_parts(Datum sphere, Datum *center, double *radius);

/*
 * The result of an operator between a value and a sphere: is the distance of
 * the two smaller than the radius?  One that is NaN is not.
 */
extern Datum omen_within(FunctionCallInfo fcinfo, PGFunction distance);

#endif							/* OMEN_VECTOR_WITHIN_H */
