/*-------------------------------------------------------------------------
 *
 * sparsevec_distance.c
 *	  The distances between two sparse vectors, and their norms, as SQL calls
 *	  them.
 *
 * Thin wrappers around the kernels.  The kernel table is read at every call,
 * because a setting may replace it.
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
#include "types/sparsevec.h"

OMEN_FUNCTION(omen_sparsevec_l2_distance);
OMEN_FUNCTION(omen_sparsevec_l2_squared_distance);
OMEN_FUNCTION(omen_sparsevec_inner_product);
OMEN_FUNCTION(omen_sparsevec_negative_inner_product);
OMEN_FUNCTION(omen_sparsevec_cosine_distance);
OMEN_FUNCTION(omen_sparsevec_l1_distance);
OMEN_FUNCTION(omen_sparsevec_l2_norm);
OMEN_FUNCTION(omen_sparsevec_l2_normalize);

typedef float (*Kernel)(OmenSparse a, OmenSparse b);

/* The first two arguments, of which the dimensions are found equal. */
static void
get_args(FunctionCallInfo fcinfo, OmenSparse *a, OmenSparse *b)
{
	OmenSparsevec *x = (OmenSparsevec *) omen_getarg_detoasted(fcinfo, 0);
	OmenSparsevec *y = (OmenSparsevec *) omen_getarg_detoasted(fcinfo, 1);

	omen_sparsevec_check_same_dim(x, y);
	*a = omen_sparsevec_sparse(x);
	*b = omen_sparsevec_sparse(y);
}

/* Apply a kernel to the first two arguments. */
static double
call_kernel(FunctionCallInfo fcinfo, Kernel kernel)
{
	OmenSparse	a;
	OmenSparse	b;

	get_args(fcinfo, &a, &b);
	return (double) kernel(a, b);
}

Datum
omen_sparsevec_l2_distance(PG_FUNCTION_ARGS)
{
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	PG_RETURN_FLOAT8(sqrt(call_kernel(fcinfo, omen_kernels->sparse->l2sq)));
}

Datum
omen_sparsevec_l2_squared_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(call_kernel(fcinfo, omen_kernels->sparse->l2sq));
}

Datum
omen_sparsevec_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(call_kernel(fcinfo, omen_kernels->sparse->ip));
}

Datum
omen_sparsevec_negative_inner_product(PG_FUNCTION_ARGS)
{
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	PG_RETURN_FLOAT8(-call_kernel(fcinfo, omen_kernels->sparse->ip));
}

/* Squared norm in single precision, as the product is that it goes with. */
static double
sumsq(OmenSparse a)
{
	return (double) omen_kernels->ip(a.values, a.values, a.count);
}

/*
 * One minus the cosine of the angle; NaN if a vector has no direction.
 * Rounding can carry a cosine beyond its range.
 */
Datum
omen_sparsevec_cosine_distance(PG_FUNCTION_ARGS)
{
	OmenSparse	a;
	OmenSparse	b;
	double		cosine;
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	get_args(fcinfo, &a, &b);
	/* In double precision the product of the norms cannot overflow. */
	cosine = omen_kernels->sparse->ip(a, b) / sqrt(sumsq(a) * sumsq(b));
	if (isnan(cosine))
		PG_RETURN_FLOAT8(cosine);
	PG_RETURN_FLOAT8(1.0 - Max(Min(cosine, 1.0), -1.0));
}

Datum
omen_sparsevec_l1_distance(PG_FUNCTION_ARGS)
{
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	PG_RETURN_FLOAT8(call_kernel(fcinfo, omen_kernels->sparse->l1));
}

/* The Euclidean norm, in double precision so that it cannot overflow. */
static double
norm(OmenSparse a)
{
	double		sum = 0.0;

	for (size_t i = 0; i < a.count; i++)
		sum += (double) a.values[i] * (double) a.values[i];
	return sqrt(sum);
}

Datum
omen_sparsevec_l2_norm(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(
		norm(omen_sparsevec_sparse(PG_GETARG_OMEN_SPARSEVEC_P(0))));
}

/*
 * A sparse vector of norm 1 in the direction of the argument; zero stays zero.
 * Elements that become zero are left out.
 */
Datum
omen_sparsevec_l2_normalize(PG_FUNCTION_ARGS)
{
	OmenSparsevec *vector = PG_GETARG_OMEN_SPARSEVEC_P(0);
	OmenSparse	a = omen_sparsevec_sparse(vector);
	OmenSparsevec *result;
	float	   *values;
	double		length = norm(a);
	int			nnz = 0;

	for (size_t i = 0; i < a.count; i++)
		nnz += ((float) (a.values[i] / length) != 0.0f);
	result = omen_sparsevec_new(vector->dim, nnz);
	values = omen_sparsevec_values(result);
	nnz = 0;
	for (size_t i = 0; i < a.count; i++)
	{
		float		value = (float) (a.values[i] / length);

		if (value == 0.0f)
			continue;
		result->indices[nnz] = a.indices[i];
		values[nnz++] = value;
	}

	PG_RETURN_OMEN_SPARSEVEC_P(result);
}
