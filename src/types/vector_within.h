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

/*
 * What SQL calls as sphere(center, radius): the two as a row of the type that
 * the function returns.
 */
extern Datum omen_make_sphere(FunctionCallInfo fcinfo);

/*
 * What an operator asks: is the distance of its left side to the center
 * smaller than the radius?  One that is NaN is not.
 */
extern Datum omen_within(FunctionCallInfo fcinfo, PGFunction distance);

extern PGDLLEXPORT Datum omen_vector_l2_within(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_vector_ip_within(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_vector_cosine_within(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_vector_l1_within(PG_FUNCTION_ARGS);

/*
 * Take a sphere apart; false if a part is NULL.  The center is a value
 * as it is in the tuple.
 */
extern bool omen_sphere_parts(Datum sphere, Datum *center, double *radius);

#endif							/* OMEN_VECTOR_WITHIN_H */
