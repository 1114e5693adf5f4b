/*-------------------------------------------------------------------------
 *
 * array_floats.c
 *	  The elements of an SQL array as floats, for casts to types of vectors.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "types/array_floats.h"
#include "utils/builtins.h"
#include "utils/float.h"

int
omen_array_length(ArrayType *array)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));

	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("array must not contain nulls")));

	return ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
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

/* Elements of fixed-width types lie side by side. */
void
omen_array_floats(ArrayType *array, int count, float *x)
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
