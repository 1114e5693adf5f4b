/*-------------------------------------------------------------------------
 *
 * dense_arith.c
 *	  Functions that make something new of the elements of dense vectors.
 *
 * Elementwise arithmetic, concatenation and parts, norm and normalisation,
 * and one bit per element.  What is computed is computed in floats and then
 * becomes elements, which for halves is as good as if they had been added,
 * subtracted or multiplied themselves: a float has more than twice their bits.
 * Results out of the range of an element are errors: a vector never holds an
 * infinite value.  Distances are elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "types/dense.h"
#include "utils/float.h"
#include "utils/varbit.h"

/* Two vectors of as many dimensions, and room for what they become. */
typedef struct Operands
{
	int			dim;
	const float *a;
	const float *b;
	float	   *x;
	OmenDense  *result;
} Operands;

static Operands
getarg_operands(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *a = PG_GETARG_OMEN_DENSE_P(0);
	OmenDense  *b = PG_GETARG_OMEN_DENSE_P(1);
	Operands	operands;

	omen_dense_check_same_dim(type, a, b);
	operands.dim = a->dim;
	operands.a = omen_dense_floats(type, a);
	operands.b = omen_dense_floats(type, b);
	operands.result = omen_dense_new(type, a->dim);
	operands.x = omen_dense_room(type, operands.result);
	return operands;
}

Datum
omen_dense_add(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	Operands	operands = getarg_operands(type, fcinfo);

	for (int i = 0; i < operands.dim; i++)
		operands.x[i] = operands.a[i] + operands.b[i];
	omen_dense_computed(type, operands.x, operands.result);

	PG_RETURN_POINTER(operands.result);
}

Datum
omen_dense_sub(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	Operands	operands = getarg_operands(type, fcinfo);

	for (int i = 0; i < operands.dim; i++)
		operands.x[i] = operands.a[i] - operands.b[i];
	omen_dense_computed(type, operands.x, operands.result);

	PG_RETURN_POINTER(operands.result);
}

Datum
omen_dense_mul(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	Operands	operands = getarg_operands(type, fcinfo);
	const float *a = operands.a;
	const float *b = operands.b;
	float	   *x = operands.x;

	for (int i = 0; i < operands.dim; i++)
		x[i] = a[i] * b[i];

	for (int i = 0; i < operands.dim; i++)
	{
		if (unlikely(fabsf(x[i]) <= type->vanishing && a[i] != 0.0f &&
					 b[i] != 0.0f))
			float_underflow_error();
	}
	omen_dense_computed(type, x, operands.result);

	PG_RETURN_POINTER(operands.result);
}

Datum
omen_dense_concat(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *a = PG_GETARG_OMEN_DENSE_P(0);
	OmenDense  *b = PG_GETARG_OMEN_DENSE_P(1);
	OmenDense  *result = omen_dense_new(type, (int) a->dim + (int) b->dim);
	char	   *elements = omen_dense_elements(result);
	Size		bytes = type->element_bytes * a->dim;

	memcpy(elements, omen_dense_elements(a), bytes);
	memcpy(elements + bytes, omen_dense_elements(b),
		   type->element_bytes * b->dim);

	PG_RETURN_POINTER(result);
}

Datum
omen_dense_dims(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *a = PG_GETARG_OMEN_DENSE_P(0);

	PG_RETURN_INT32(a->dim);
}

/* The Euclidean norm, in double precision so that it cannot overflow. */
static double
norm(const float *x, int dim)
{
	double		sum = 0.0;

	for (int i = 0; i < dim; i++)
		sum += (double) x[i] * (double) x[i];
	return sqrt(sum);
}

Datum
omen_dense_norm(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *a = PG_GETARG_OMEN_DENSE_P(0);

	PG_RETURN_FLOAT8(norm(omen_dense_floats(type, a), a->dim));
}

/* A vector of norm 1 in the direction of the argument; zero stays zero. */
Datum
omen_dense_l2_normalize(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *a = PG_GETARG_OMEN_DENSE_P(0);
	const float *from = omen_dense_floats(type, a);
	OmenDense  *result = omen_dense_new(type, a->dim);
	float	   *x = omen_dense_room(type, result);
	double		length = norm(from, a->dim);

	for (int i = 0; i < a->dim; i++)
		x[i] = length > 0 ? (float) (from[i] / length) : 0.0f;
	omen_dense_computed(type, x, result);

	PG_RETURN_POINTER(result);
}

/*
 * Elements start .. start + count - 1, counted from 1; what lies outside the
 * vector is left out, as substring() does.
 */
Datum
omen_dense_subvector(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *a = PG_GETARG_OMEN_DENSE_P(0);
	const char *elements = omen_dense_elements(a);
	int64		first = PG_GETARG_INT32(1);
	int64		end = first + PG_GETARG_INT32(2);
	OmenDense  *result;

	/* 64 bits: first + count overflows 32. */
	first = Max(first, 1);
	end = Min(end, (int64) a->dim + 1);

	result = omen_dense_new(type, (int) Max(end - first, 0));
	memcpy(omen_dense_elements(result),
		   elements + (first - 1) * (int64) type->element_bytes,
		   type->element_bytes * result->dim);

	PG_RETURN_POINTER(result);
}

/* One bit per element, set where the element is positive. */
Datum
omen_dense_binary_quantize(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *a = PG_GETARG_OMEN_DENSE_P(0);
	const float *x = omen_dense_floats(type, a);
	VarBit	   *result = (VarBit *) palloc0(VARBITTOTALLEN(a->dim));
	bits8	   *bits = VARBITS(result);

	SET_VARSIZE(result, VARBITTOTALLEN(a->dim));
	VARBITLEN(result) = a->dim;

	for (int i = 0; i < a->dim; i++)
		bits[i / BITS_PER_BYTE] |= (x[i] > 0.0f)
								   << (BITS_PER_BYTE - 1 - i % BITS_PER_BYTE);

	PG_RETURN_VARBIT_P(result);
}
