/*-------------------------------------------------------------------------
 *
 * vector_arith.c
 *	  Functions that make something new of the elements of vectors.
 *
 * Elementwise arithmetic, concatenation and parts, norm and normalisation,
 * and one bit per element.  Results out of the range of a float are errors:
 * a vector never holds an infinite value.  Distances are elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "types/vector.h"
#include "utils/float.h"
#include "utils/varbit.h"

OMEN_FUNCTION(omen_vector_add);
OMEN_FUNCTION(omen_vector_sub);
OMEN_FUNCTION(omen_vector_mul);
OMEN_FUNCTION(omen_vector_concat);
OMEN_FUNCTION(omen_vector_dims);
OMEN_FUNCTION(omen_vector_norm);
OMEN_FUNCTION(omen_vector_l2_normalize);
OMEN_FUNCTION(omen_vector_subvector);
OMEN_FUNCTION(omen_vector_binary_quantize);

/*
 * Raise an error if an element of a result overflowed.  A separate pass lets
 * the compiler vectorise the arithmetic.
 */
static void
check_overflow(const OmenVector *result)
{
	for (int i = 0; i < result->dim; i++)
		if (unlikely(isinf(result->x[i])))
			float_overflow_error();
}

Datum
omen_vector_add(PG_FUNCTION_ARGS)
{
	OmenVector *a = PG_GETARG_OMEN_VECTOR_P(0);
	OmenVector *b = PG_GETARG_OMEN_VECTOR_P(1);
	OmenVector *result;

	omen_vector_check_same_dim(a, b);
	result = omen_vector_new(a->dim);
	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] + b->x[i];
	check_overflow(result);

	PG_RETURN_OMEN_VECTOR_P(result);
}

Datum
omen_vector_sub(PG_FUNCTION_ARGS)
{
	OmenVector *a = PG_GETARG_OMEN_VECTOR_P(0);
	OmenVector *b = PG_GETARG_OMEN_VECTOR_P(1);
	OmenVector *result;

	omen_vector_check_same_dim(a, b);
	result = omen_vector_new(a->dim);
	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] - b->x[i];
	check_overflow(result);

	PG_RETURN_OMEN_VECTOR_P(result);
}

Datum
omen_vector_mul(PG_FUNCTION_ARGS)
{
	OmenVector *a = PG_GETARG_OMEN_VECTOR_P(0);
	OmenVector *b = PG_GETARG_OMEN_VECTOR_P(1);
	OmenVector *result;

	omen_vector_check_same_dim(a, b);
	result = omen_vector_new(a->dim);
	for (int i = 0; i < a->dim; i++)
		result->x[i] = a->x[i] * b->x[i];

	for (int i = 0; i < a->dim; i++)
	{
		if (unlikely(isinf(result->x[i])))
			float_overflow_error();
		if (unlikely(result->x[i] == 0.0f && a->x[i] != 0.0f &&
					 b->x[i] != 0.0f))
			float_underflow_error();
	}

	PG_RETURN_OMEN_VECTOR_P(result);
}

Datum
omen_vector_concat(PG_FUNCTION_ARGS)
{
	OmenVector *a = PG_GETARG_OMEN_VECTOR_P(0);
	OmenVector *b = PG_GETARG_OMEN_VECTOR_P(1);
	OmenVector *result = omen_vector_new((int) a->dim + (int) b->dim);

	memcpy(result->x, a->x, sizeof(float) * a->dim);
	memcpy(result->x + a->dim, b->x, sizeof(float) * b->dim);

	PG_RETURN_OMEN_VECTOR_P(result);
}

Datum
omen_vector_dims(PG_FUNCTION_ARGS)
{
	OmenVector *a = PG_GETARG_OMEN_VECTOR_P(0);

	PG_RETURN_INT32(a->dim);
}

/* The Euclidean norm, in double precision so that it cannot overflow. */
static double
norm(const OmenVector *a)
{
	double		sum = 0.0;

	for (int i = 0; i < a->dim; i++)
		sum += (double) a->x[i] * (double) a->x[i];
	return sqrt(sum);
}

Datum
omen_vector_norm(PG_FUNCTION_ARGS)
{
	OmenVector *a = PG_GETARG_OMEN_VECTOR_P(0);

	PG_RETURN_FLOAT8(norm(a));
}

/* A vector of norm 1 in the direction of the argument; zero stays zero. */
Datum
omen_vector_l2_normalize(PG_FUNCTION_ARGS)
{
	OmenVector *a = PG_GETARG_OMEN_VECTOR_P(0);
	OmenVector *result = omen_vector_new(a->dim);
	double		length = norm(a);

	if (length > 0)
	{
		for (int i = 0; i < a->dim; i++)
			result->x[i] = (float) (a->x[i] / length);
	}

	PG_RETURN_OMEN_VECTOR_P(result);
}

/*
 * Elements start .. start + count - 1, counted from 1; what lies outside the
 * vector is left out, as substring() does.
 */
Datum
omen_vector_subvector(PG_FUNCTION_ARGS)
{
	OmenVector *a = PG_GETARG_OMEN_VECTOR_P(0);
	int64		first = PG_GETARG_INT32(1);
	int64		end = first + PG_GETARG_INT32(2);
	OmenVector *result;

	/* 64 bits: first + count overflows 32. */
	first = Max(first, 1);
	end = Min(end, (int64) a->dim + 1);

	result = omen_vector_new((int) Max(end - first, 0));
	memcpy(result->x, a->x + (first - 1), sizeof(float) * result->dim);

	PG_RETURN_OMEN_VECTOR_P(result);
}

/* One bit per element, set where the element is positive. */
Datum
omen_vector_binary_quantize(PG_FUNCTION_ARGS)
{
	OmenVector *a = PG_GETARG_OMEN_VECTOR_P(0);
	VarBit	   *result = (VarBit *) palloc0(VARBITTOTALLEN(a->dim));
	bits8	   *bits = VARBITS(result);

	SET_VARSIZE(result, VARBITTOTALLEN(a->dim));
	VARBITLEN(result) = a->dim;

	for (int i = 0; i < a->dim; i++)
		bits[i / BITS_PER_BYTE] |= (a->x[i] > 0.0f)
								   << (BITS_PER_BYTE - 1 - i % BITS_PER_BYTE);

	PG_RETURN_VARBIT_P(result);
}
