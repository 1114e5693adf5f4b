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
#include "types/array_floats.h"
#include "types/dense.h"

/* To the same type with dimensions, which must be right already. */
Datum
omen_dense_to_typmod(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *vector = PG_GETARG_OMEN_DENSE_P(0);

	omen_check_typmod(PG_GETARG_INT32(1), vector->dim, NULL);

	PG_RETURN_POINTER(vector);
}

Datum
omen_dense_from_array(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int32		typmod = PG_GETARG_INT32(1);
	OmenDense  *result;
	float	   *x;
	int			dim;

	/* An empty array has no dimensions, which omen_dense_new() refuses. */
	dim = omen_array_length(array);
	result = omen_dense_new(type, dim);
	omen_check_typmod(typmod, dim, NULL);

	x = omen_dense_room(type, result);
	omen_array_floats(array, dim, x);
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
