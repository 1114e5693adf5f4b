/*-------------------------------------------------------------------------
 *
 * sparsevec_cast.c
 *	  Conversion of sparse vectors from and to vectors and arrays, and to a
 *	  number of dimensions.
 *
 * SQL calls each of these as cast(value, typmod, is_explicit).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "types/array_floats.h"
#include "types/halfvec.h"
#include "types/sparsevec.h"
#include "types/vector.h"

OMEN_FUNCTION(omen_sparsevec);
OMEN_FUNCTION(omen_vector_to_sparsevec);
OMEN_FUNCTION(omen_sparsevec_to_vector);
OMEN_FUNCTION(omen_halfvec_to_sparsevec);
OMEN_FUNCTION(omen_sparsevec_to_halfvec);
OMEN_FUNCTION(omen_array_to_sparsevec);

/* sparsevec -> sparsevec(n): the dimensions must be right already */
Datum
omen_sparsevec(PG_FUNCTION_ARGS)
{
	OmenSparsevec *vector = PG_GETARG_OMEN_SPARSEVEC_P(0);

	omen_check_typmod(PG_GETARG_INT32(1), vector->dim, NULL);

	PG_RETURN_OMEN_SPARSEVEC_P(vector);
}

OmenSparsevec *
omen_sparsevec_from_floats(const float *x, int count)
{
	OmenSparsevec *result;
	float	   *values;
	int			nnz = 0;

	for (int i = 0; i < count; i++)
		nnz += (x[i] != 0.0f);

	result = omen_sparsevec_new(count, nnz);
	values = omen_sparsevec_values(result);
	nnz = 0;
	for (int i = 0; i < count; i++)
	{
		if (x[i] == 0.0f)
			continue;
		result->indices[nnz] = i;
		values[nnz++] = x[i];
	}
	return result;
}

/* Of a dense vector. */
static Datum
from_dense(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *vector = PG_GETARG_OMEN_DENSE_P(0);

	omen_check_typmod(PG_GETARG_INT32(1), vector->dim, NULL);

	PG_RETURN_OMEN_SPARSEVEC_P(
		omen_sparsevec_from_floats(omen_dense_floats(type, vector),
								   vector->dim));
}

/* To a dense vector. */
static Datum
to_dense(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenSparsevec *vector = PG_GETARG_OMEN_SPARSEVEC_P(0);
	OmenDense  *result = omen_dense_new(type, vector->dim);
	float	   *values = omen_sparsevec_values(vector);
	float	   *x;

	omen_check_typmod(PG_GETARG_INT32(1), vector->dim, NULL);

	x = omen_dense_room(type, result);
	memset(x, 0, sizeof(float) * (Size) vector->dim);
	for (int i = 0; i < vector->nnz; i++)
		x[vector->indices[i]] = values[i];
	omen_dense_converted(type, x, result);

	PG_RETURN_POINTER(result);
}

Datum
omen_vector_to_sparsevec(PG_FUNCTION_ARGS)
{
	return from_dense(&omen_dense_vector, fcinfo);
}

Datum
omen_halfvec_to_sparsevec(PG_FUNCTION_ARGS)
{
	return from_dense(&omen_dense_halfvec, fcinfo);
}

Datum
omen_sparsevec_to_vector(PG_FUNCTION_ARGS)
{
	return to_dense(&omen_dense_vector, fcinfo);
}

Datum
omen_sparsevec_to_halfvec(PG_FUNCTION_ARGS)
{
	return to_dense(&omen_dense_halfvec, fcinfo);
}

Datum
omen_array_to_sparsevec(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			count = omen_array_length(array);
	OmenSparsevec *result;
	float	   *x;

	omen_sparsevec_check_dim(count);
	omen_check_typmod(PG_GETARG_INT32(1), count, NULL);

	/* An array is of less than 1 GB, and so are its elements as floats. */
	x = palloc(sizeof(float) * (Size) count);
	omen_array_floats(array, count, x);
	result = omen_sparsevec_from_floats(x, count);
	for (int i = 0; i < result->nnz; i++)
	{
		float		value = omen_sparsevec_values(result)[i];

		if (unlikely(!isfinite(value)))
			(void) omen_reject_element("sparsevec", value, NULL);
	}
	pfree(x);

	PG_RETURN_OMEN_SPARSEVEC_P(result);
}
