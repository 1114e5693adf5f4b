/*-------------------------------------------------------------------------
 *
 * vector_compare.c
 *	  The order of vectors, and hashes that agree with it.
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
#include "types/vector.h"

OMEN_FUNCTION(omen_vector_lt);
OMEN_FUNCTION(omen_vector_le);
OMEN_FUNCTION(omen_vector_eq);
OMEN_FUNCTION(omen_vector_ne);
OMEN_FUNCTION(omen_vector_ge);
OMEN_FUNCTION(omen_vector_gt);
OMEN_FUNCTION(omen_vector_cmp);
OMEN_FUNCTION(omen_vector_hash);
OMEN_FUNCTION(omen_vector_hash_extended);

/* By elements from the first on, then by dimensions: < 0, 0 or > 0. */
int
omen_vector_compare(const OmenVector *a, const OmenVector *b)
{
	int			common = Min(a->dim, b->dim);

	for (int i = 0; i < common; i++)
	{
		if (a->x[i] < b->x[i])
			return -1;
		if (a->x[i] > b->x[i])
			return 1;
	}

	return (a->dim > b->dim) - (a->dim < b->dim);
}

/*
 * Compare the first two arguments and free what was detoasted: index code
 * expects its support functions not to leak.
 */
static int
compare_args(FunctionCallInfo fcinfo)
{
	OmenVector *a = PG_GETARG_OMEN_VECTOR_P(0);
	OmenVector *b = PG_GETARG_OMEN_VECTOR_P(1);
	int			result = omen_vector_compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

Datum
omen_vector_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) < 0);
}

Datum
omen_vector_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) <= 0);
}

Datum
omen_vector_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) == 0);
}

Datum
omen_vector_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) != 0);
}

Datum
omen_vector_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) >= 0);
}

Datum
omen_vector_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) > 0);
}

Datum
omen_vector_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_args(fcinfo));
}

/* Hash the elements of the first argument; seed 0 gives the plain hash. */
static uint64
hash_arg(FunctionCallInfo fcinfo, uint64 seed)
{
	OmenVector *vector = PG_GETARG_OMEN_VECTOR_P(0);
	Size		size = sizeof(float) * vector->dim;
	float	   *x = (float *) palloc(size);
	uint64		hash;

	/* Adding zero turns minus zero into zero and nothing else. */
	for (int i = 0; i < vector->dim; i++)
		x[i] = vector->x[i] + 0.0f;
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
omen_vector_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT32((uint32) hash_arg(fcinfo, 0));
}

Datum
omen_vector_hash_extended(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) hash_arg(fcinfo, (uint64) PG_GETARG_INT64(1)));
}
