/*-------------------------------------------------------------------------
 *
 * dense_distance.c
 *	  The distances between two dense vectors, as SQL calls them.
 *
 * Thin wrappers around a type's kernels, which sum in single precision.
 *
 * The functions of operators that an index can be ordered by first ask
 * whether the scan that returned the row has computed the distance already.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "types/dense.h"
#include "types/detoast.h"
#include "utils/float.h"

static inline OmenDense *
getarg_vector(FunctionCallInfo fcinfo, int argno)
{
	return (OmenDense *) omen_getarg_detoasted(fcinfo, argno);
}

typedef float (*Kernel)(const OmenDense *a, const OmenDense *b);

/* Apply a kernel to the first two arguments. */
static double
call_kernel(const OmenDenseType *type, FunctionCallInfo fcinfo, Kernel kernel)
{
	OmenDense  *a = getarg_vector(fcinfo, 0);
	OmenDense  *b = getarg_vector(fcinfo, 1);

	omen_dense_check_same_dim(type, a, b);
	return (double) kernel(a, b);
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
omen_dense_l2_distance(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	PG_RETURN_FLOAT8(sqrt(call_kernel(type, fcinfo, type->l2sq)));
}

Datum
omen_dense_l2_squared_distance(const OmenDenseType *type,
							   FunctionCallInfo fcinfo)
{
	PG_RETURN_FLOAT8(call_kernel(type, fcinfo, type->l2sq));
}

Datum
omen_dense_inner_product(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	PG_RETURN_FLOAT8(call_kernel(type, fcinfo, type->ip));
}

Datum
omen_dense_negative_inner_product(const OmenDenseType *type,
								  FunctionCallInfo fcinfo)
{
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	PG_RETURN_FLOAT8(-call_kernel(type, fcinfo, type->ip));
}

/* One minus the cosine of the angle; NaN if a vector has no direction. */
Datum
omen_dense_cosine_distance(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *a;
	OmenDense  *b;
	float		ab;
	float		aa;
	float		bb;
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	a = getarg_vector(fcinfo, 0);
	b = getarg_vector(fcinfo, 1);
	omen_dense_check_same_dim(type, a, b);
	type->cosine(a, b, &ab, &aa, &bb);

	/* In double precision the product of the norms cannot overflow. */
	PG_RETURN_FLOAT8(
		1.0 - clamp_cosine((double) ab / sqrt((double) aa * (double) bb)));
}

Datum
omen_dense_l1_distance(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	PG_RETURN_FLOAT8(call_kernel(type, fcinfo, type->l1));
}

/* The angle between two vectors of norm 1, divided by pi. */
Datum
omen_dense_spherical_distance(const OmenDenseType *type,
							  FunctionCallInfo fcinfo)
{
	double		cosine = call_kernel(type, fcinfo, type->ip);

	PG_RETURN_FLOAT8(acos(clamp_cosine(cosine)) / M_PI);
}
