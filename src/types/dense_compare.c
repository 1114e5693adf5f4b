/*-------------------------------------------------------------------------
 *
 * dense_compare.c
 *	  The order of dense vectors, and hashes that agree with it.
 *
 * Vectors are ordered by their elements, the first that differs deciding; if
 * one is the beginning of the other, the shorter comes first.  Zero and minus
 * zero are equal, so equal vectors need not be the same bytes: the B-tree
 * operator class must not declare them image-equal, and the hash functions
 * treat the two zeroes as one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "types/dense.h"

/*
 * Compare the first two arguments and free what was detoasted: index code
 * expects its support functions not to leak.
 */
static int
compare_args(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *a = PG_GETARG_OMEN_DENSE_P(0);
	OmenDense  *b = PG_GETARG_OMEN_DENSE_P(1);
	int			result = type->compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

Datum
omen_dense_lt(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	PG_RETURN_BOOL(compare_args(type, fcinfo) < 0);
}

Datum
omen_dense_le(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	PG_RETURN_BOOL(compare_args(type, fcinfo) <= 0);
}

Datum
omen_dense_eq(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	PG_RETURN_BOOL(compare_args(type, fcinfo) == 0);
}

Datum
omen_dense_ne(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	PG_RETURN_BOOL(compare_args(type, fcinfo) != 0);
}

Datum
omen_dense_ge(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	PG_RETURN_BOOL(compare_args(type, fcinfo) >= 0);
}

Datum
omen_dense_gt(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	PG_RETURN_BOOL(compare_args(type, fcinfo) > 0);
}

Datum
omen_dense_cmp(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	PG_RETURN_INT32(compare_args(type, fcinfo));
}

/* Hash the elements of the first argument; seed 0 gives the plain hash. */
static uint64
hash_arg(const OmenDenseType *type, FunctionCallInfo fcinfo, uint64 seed)
{
	OmenDense  *vector = PG_GETARG_OMEN_DENSE_P(0);
	Size		size = sizeof(float) * vector->dim;
	float	   *x = (float *) palloc(size);
	const float *elements = type->floats(vector, x);
	uint64		hash;

	/* Adding zero turns minus zero into zero and nothing else. */
	for (int i = 0; i < vector->dim; i++)
		x[i] = elements[i] + 0.0f;
	hash = hash_bytes_extended((unsigned char *) x, (int) size, seed);

	pfree(x);
	PG_FREE_IF_COPY(vector, 0);
	return hash;
}

/*
 * The low 32 bits of the extended hash with seed 0 must be the plain hash,
 * and are.
 */
Datum
omen_dense_hash(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	PG_RETURN_UINT32((uint32) hash_arg(type, fcinfo, 0));
}

Datum
omen_dense_hash_extended(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	PG_RETURN_INT64(
		(int64) hash_arg(type, fcinfo, (uint64) PG_GETARG_INT64(1)));
}
