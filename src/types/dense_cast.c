/*-------------------------------------------------------------------------
 *
 * dense_cast.c
 *	  Conversion between dense vectors and arrays, and to a number of
 *	  dimensions.
 *
 * SQL calls each of these as cast(value, typmod, is_explicit).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "types/dense.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"

/* To the same type with dimensions, which must be right already. */
Datum
omen_dense_to_typmod(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *vector = PG_GETARG_OMEN_DENSE_P(0);

	omen_check_typmod(PG_GETARG_INT32(1), vector->dim, NULL);

	PG_RETURN_POINTER(vector);
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
omen_dense_from_array(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int32		typmod = PG_GETARG_INT32(1);
	OmenDense  *result;
	float	   *x;
	int			dim;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));

	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("array must not contain nulls")));

	/* An empty array has no dimensions, which omen_dense_new() refuses. */
	dim = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
	result = omen_dense_new(type, dim);
	omen_check_typmod(typmod, dim, NULL);

	x = omen_dense_room(type, result);
	convert_elements(array, dim, x);
	omen_dense_converted(type, x, result);

	PG_RETURN_POINTER(result);
}

Datum
omen_dense_to_float4(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *vector = PG_GETARG_OMEN_DENSE_P(0);
	Size		size = ARR_OVERHEAD_NONULLS(1) + sizeof(float4) * vector->dim;
	ArrayType  *result = (ArrayType *) palloc0(size);

	SET_VARSIZE(result, size);
	result->ndim = 1;
	result->dataoffset = 0;		/* no null bitmap */
	result->elemtype = FLOAT4OID;
	ARR_DIMS(result)[0] = vector->dim;
	ARR_LBOUND(result)[0] = 1;
	memcpy(ARR_DATA_PTR(result), omen_dense_floats(type, vector),
		   sizeof(float4) * vector->dim);

	PG_RETURN_ARRAYTYPE_P(result);
}

/*
 * Convert between types: the same numbers, as far as the other type has them.
 * cast(value, typmod, is_explicit)
 */
Datum
omen_dense_convert(const OmenDenseType *from, const OmenDenseType *to,
				   FunctionCallInfo fcinfo)
{
	OmenDense  *vector = PG_GETARG_OMEN_DENSE_P(0);
	OmenDense  *result;
	float	   *x;

	omen_check_typmod(PG_GETARG_INT32(1), vector->dim, NULL);
	result = omen_dense_new(to, vector->dim);
	x = omen_dense_room(to, result);
	memcpy(x, omen_dense_floats(from, vector), sizeof(float) * vector->dim);
	omen_dense_converted(to, x, result);

	PG_RETURN_POINTER(result);
}
