/*-------------------------------------------------------------------------
 *
 * sphere.h
 *	  Whether a vector lies within a sphere: operators that ask for a range.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_SPHERE_H
#define OMEN_SPHERE_H

#include "postgres.h"

#include "fmgr.h"
#include "omendb.h"

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

/*
 * Take a sphere apart; false if a part is NULL.  The center is a value as it
 * is in the tuple.
 */
extern bool omen_sphere_parts(Datum sphere, Datum *center, double *radius);

/* Define the operator's function name by the one for the distance. */
#define OMEN_WITHIN_FUNCTION(name, distance) \
	OMEN_FUNCTION(name); \
	Datum name(PG_FUNCTION_ARGS) \
	{ \
		return omen_within(fcinfo, distance); \
	}

#endif							/* OMEN_SPHERE_H */
