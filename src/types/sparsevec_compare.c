/*-------------------------------------------------------------------------
 *
 * sparsevec_compare.c
 *	  The order of sparse vectors, and hashes that agree with it.
 *
 * The order is that of the vectors with all their zeroes, as vectors and
 * arrays have it: by elements, the first that differs deciding; if one is the
 * beginning of the other, the shorter comes first.  As zeroes are not stored,
 * equal sparse vectors are the same bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "types/sparsevec.h"

OMEN_FUNCTION(omen_sparsevec_lt);
OMEN_FUNCTION(omen_sparsevec_le);
OMEN_FUNCTION(omen_sparsevec_eq);
OMEN_FUNCTION(omen_sparsevec_ne);
OMEN_FUNCTION(omen_sparsevec_ge);
OMEN_FUNCTION(omen_sparsevec_gt);
OMEN_FUNCTION(omen_sparsevec_cmp);
OMEN_FUNCTION(omen_sparsevec_hash);
OMEN_FUNCTION(omen_sparsevec_hash_extended);

/* The index of element i; behind the last, that of the vector's end. */
static inline int32
index_of(const OmenSparsevec *vector, int i)
{
	return i < vector->nnz ? vector->indices[i] : vector->dim;
}

int
omen_sparsevec_compare(const OmenSparsevec *a, const OmenSparsevec *b)
{
	OmenSparse	x = omen_sparsevec_sparse(a);
	OmenSparse	y = omen_sparsevec_sparse(b);

	for (int i = 0; i < Max(a->nnz, b->nnz); i++)
	{
		int32		p = index_of(a, i);
		int32		q = index_of(b, i);
		int32		next = Min(p, q);
		float		u;
		float		v;

		/* one is over here, and the other goes on */
		if (next >= a->dim || next >= b->dim)
			break;
		u = p == next ? x.values[i] : 0.0f;
		v = q == next ? y.values[i] : 0.0f;
		if (u < v)
			return -1;
		if (u > v)
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
	OmenSparsevec *a = PG_GETARG_OMEN_SPARSEVEC_P(0);
	OmenSparsevec *b = PG_GETARG_OMEN_SPARSEVEC_P(1);
	int			result = omen_sparsevec_compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

Datum
omen_sparsevec_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) < 0);
}

Datum
omen_sparsevec_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) <= 0);
}

Datum
omen_sparsevec_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) == 0);
}

Datum
omen_sparsevec_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) != 0);
}

Datum
omen_sparsevec_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) >= 0);
}

Datum
omen_sparsevec_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) > 0);
}

Datum
omen_sparsevec_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_args(fcinfo));
}

/* Hash all of the first argument; seed 0 gives the plain hash. */
static uint64
hash_arg(FunctionCallInfo fcinfo, uint64 seed)
{
	OmenSparsevec *vector = PG_GETARG_OMEN_SPARSEVEC_P(0);
	Size size = OMEN_SPARSEVEC_SIZE(vector->nnz) - offsetof(OmenSparsevec, dim);
	uint64		hash =
		hash_bytes_extended((unsigned char *) &vector->dim, (int) size, seed);

	PG_FREE_IF_COPY(vector, 0);
	return hash;
}

/*
 * The low 32 bits of the extended hash with seed 0 must be the plain hash,
 * and are.
 */
Datum
omen_sparsevec_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT32((uint32) hash_arg(fcinfo, 0));
}

Datum
omen_sparsevec_hash_extended(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) hash_arg(fcinfo, (uint64) PG_GETARG_INT64(1)));
}
