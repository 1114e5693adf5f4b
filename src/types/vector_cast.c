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
#include "types/vector.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"

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

/* Convert the elements of a numeric[] without nulls. */
static void
convert_numerics(ArrayType *array, float *x)
{
	Datum	   *elements;
	int			count;

	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements,
					  NULL, &count);
	for (int i = 0; i < count; i++)
		x[i] = DatumGetFloat4(DirectFunctionCall1(numeric_float4, elements[i]));
	pfree(elements);
}

/*
 * Convert the count elements of an array without nulls, of whatever type.
 * Elements of fixed-width types lie side by side.
 */
static void
convert_elements(ArrayType *array, int count, float *x)
{
	const void *data = ARR_DATA_PTR(array);

	switch (ARR_ELEMTYPE(array))
	{
		case INT4OID:
			for (int i = 0; i < count; i++)
				x[i] = (float) ((const int32 *) data)[i];
			break;
		case FLOAT4OID:
			memcpy(x, data, sizeof(float4) * count);
			break;
		case FLOAT8OID:
			/* What overflows becomes infinite, and is refused as such. */
			for (int i = 0; i < count; i++)
				x[i] = (float) ((const float8 *) data)[i];
			break;
		case NUMERICOID:
			convert_numerics(array, x);
			break;
		default:
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
							errmsg("unsupported array type")));
	}
}

Datum
omen_array_to_vector(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int32		typmod = PG_GETARG_INT32(1);
	OmenVector *result;
	int			dim;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));

	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("array must not contain nulls")));

	/* An empty array has no dimensions, which omen_vector_new() refuses. */
	dim = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
	result = omen_vector_new(dim);
	omen_vector_check_typmod(typmod, dim, NULL);

	convert_elements(array, dim, result->x);
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
