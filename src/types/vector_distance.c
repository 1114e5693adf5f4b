/*-------------------------------------------------------------------------
 *
 * vector_distance.c
 *	  The distances between two vectors, as SQL calls them.
 *
 * Thin wrappers around the kernels, which sum in single precision.  The
 * kernel table is read at every call, because a setting may replace it.
 *
 * The functions of operators that an index can be ordered by first ask
 * whether the scan that returned the row has computed the distance already.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "distance/distance.h"
#include "types/detoast.h"
#include "types/vector.h"
#include "utils/float.h"

OMEN_FUNCTION(omen_l2_distance);
OMEN_FUNCTION(omen_vector_l2_squared_distance);
OMEN_FUNCTION(omen_inner_product);
OMEN_FUNCTION(omen_vector_negative_inner_product);
OMEN_FUNCTION(omen_cosine_distance);
OMEN_FUNCTION(omen_l1_distance);
OMEN_FUNCTION(omen_vector_spherical_distance);

static inline OmenVector *
getarg_vector(FunctionCallInfo fcinfo, int argno)
{
	return (OmenVector *) omen_getarg_detoasted(fcinfo, argno);
}

typedef float (*Kernel)(const float *a, const float *b, size_t dim);

/* Apply a kernel to the first two arguments. */
static double
call_kernel(FunctionCallInfo fcinfo, Kernel kernel)
{
	OmenVector *a = getarg_vector(fcinfo, 0);
	OmenVector *b = getarg_vector(fcinfo, 1);

	omen_vector_check_same_dim(a, b);
	return (double) kernel(a->x, b->x, (size_t) a->dim);
}

/* Rounding can carry a cosine beyond its range; NaN stays NaN. */
static double
clamp_cosine(double cosine)
{
	if (cosine > 1.0)
		return 1.0;
	if (cosine < -1.0)
		return -1.0;
	return cosine;
}

Datum
omen_l2_distance(PG_FUNCTION_ARGS)
{
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	PG_RETURN_FLOAT8(sqrt(call_kernel(fcinfo, omen_kernels->l2sq)));
}

Datum
omen_vector_l2_squared_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(call_kernel(fcinfo, omen_kernels->l2sq));
}

Datum
omen_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(call_kernel(fcinfo, omen_kernels->ip));
}

Datum
omen_vector_negative_inner_product(PG_FUNCTION_ARGS)
{
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	PG_RETURN_FLOAT8(-call_kernel(fcinfo, omen_kernels->ip));
}

/* One minus the cosine of the angle; NaN if a vector has no direction. */
Datum
omen_cosine_distance(PG_FUNCTION_ARGS)
{
	OmenVector *a;
	OmenVector *b;
	float		ab;
	float		aa;
	float		bb;
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	a = getarg_vector(fcinfo, 0);
	b = getarg_vector(fcinfo, 1);
	omen_vector_check_same_dim(a, b);
	omen_kernels->cosine(a->x, b->x, (size_t) a->dim, &ab, &aa, &bb);

	/* In double precision the product of the norms cannot overflow. */
	PG_RETURN_FLOAT8(
		1.0 - clamp_cosine((double) ab / sqrt((double) aa * (double) bb)));
}

Datum
omen_l1_distance(PG_FUNCTION_ARGS)
{
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	PG_RETURN_FLOAT8(call_kernel(fcinfo, omen_kernels->l1));
}

/* The angle between two vectors of norm 1, divided by pi. */
Datum
omen_vector_spherical_distance(PG_FUNCTION_ARGS)
{
	double		cosine = call_kernel(fcinfo, omen_kernels->ip);

	PG_RETURN_FLOAT8(acos(clamp_cosine(cosine)) / M_PI);
}
