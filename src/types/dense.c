/*-------------------------------------------------------------------------
 *
 * dense.c
 *	  Making vectors whose elements lie side by side, and reading them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "types/dense.h"
#include "utils/float.h"

StaticAssertDecl(OMEN_MAX_DIM <= PG_INT16_MAX,
				 "the number of dimensions must fit into a vector");

OmenDense *
omen_dense_new(const OmenDenseType *type, int dim)
{
	OmenDense  *result;
	Size		bytes;

	omen_check_dim(type->name, dim, OMEN_MAX_DIM, NULL);

	bytes = omen_dense_bytes(type, dim);
	result = (OmenDense *) palloc0(bytes);
	SET_VARSIZE(result, bytes);
	result->dim = (int16) dim;
	return result;
}

const float *
omen_dense_floats(const OmenDenseType *type, const OmenDense *vector)
{
	float	   *scratch = type->put == NULL
						 ? NULL
						 : (float *) palloc(sizeof(float) * vector->dim);

	return type->floats(vector, scratch);
}

float *
omen_dense_room(const OmenDenseType *type, OmenDense *vector)
{
	if (type->put == NULL)
		return (float *) omen_dense_elements(vector);
	return (float *) palloc(sizeof(float) * vector->dim);
}

/* Keep the floats, which are in range. */
static void
put(const OmenDenseType *type, float *room, OmenDense *vector)
{
	if (type->put == NULL)
		return;
	type->put(room, vector);
	pfree(room);
}

/* A separate pass lets the compiler vectorise the arithmetic before. */
void
omen_dense_computed(const OmenDenseType *type, float *room, OmenDense *vector)
{
	for (int i = 0; i < vector->dim; i++)
		if (unlikely(fabsf(room[i]) >= type->overflow))
			float_overflow_error();
	put(type, room, vector);
}

/* Report a float that is none of a type's elements. */
static void
reject(const OmenDenseType *type, float value)
{
	char		text[FLOAT_SHORTEST_DECIMAL_LEN];

	if (!isfinite(value))
	{
		omen_reject_element(type->name, value, NULL);
		return;
	}
	float_to_shortest_decimal_buf(value, text);
	omen_reject_range(type->name, text, strlen(text), NULL);
}

void
omen_dense_converted(const OmenDenseType *type, float *room, OmenDense *vector)
{
	for (int i = 0; i < vector->dim; i++)
	{
		/* which NaN is not */
		if (unlikely(!(fabsf(room[i]) < type->overflow)))
			reject(type, room[i]);
	}
	put(type, room, vector);
}
