/*-------------------------------------------------------------------------
 *
 * vector_cast.c
 *	  Conversion between vectors and arrays, and to a number of dimensions.
 *
 * SQL calls each of these as cast(value, typmod, is_explicit).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "types/array_floats.h"
#include "types/vector.h"

OMEN_FUNCTION(omen_vector);
OMEN_FUNCTION(omen_array_to_vector);
OMEN_FUNCTION(omen_vector_to_float4);

/* vector -> vector(n): the dimensions must be right already */
Datum
omen_vector(PG_FUNCTION_ARGS)
{
	OmenVector *vector = PG_GETARG_OMEN_VECTOR_P(0);

	omen_vector_check_typmod(PG_GETARG_INT32(1), vector->dim, NULL);

	PG_RETURN_OMEN_VECTOR_P(vector);
}

Datum
omen_array_to_vector(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int32		typmod = PG_GETARG_INT32(1);
	OmenVector *result;
	int			dim;

	/* An empty array has no dimensions, which omen_vector_new() refuses. */
	dim = omen_array_length(array);
	result = omen_vector_new(dim);
	omen_vector_check_typmod(typmod, dim, NULL);

	omen_array_floats(array, dim, result->x);
	for (int i = 0; i < dim; i++)
		omen_vector_check_element(result->x[i]);

	PG_RETURN_OMEN_VECTOR_P(result);
}

Datum
omen_vector_to_float4(PG_FUNCTION_ARGS)
{
	OmenVector *vector = PG_GETARG_OMEN_VECTOR_P(0);
	Size		size = ARR_OVERHEAD_NONULLS(1) + sizeof(float4) * vector->dim;
	ArrayType  *result = (ArrayType *) palloc0(size);

	SET_VARSIZE(result, size);
	result->ndim = 1;
	result->dataoffset = 0;		/* no null bitmap */
	result->elemtype = FLOAT4OID;
	ARR_DIMS(result)[0] = vector->dim;
	ARR_LBOUND(result)[0] = 1;
	memcpy(ARR_DATA_PTR(result), vector->x, sizeof(float4) * vector->dim);

	PG_RETURN_ARRAYTYPE_P(result);
}
