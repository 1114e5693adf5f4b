/*-------------------------------------------------------------------------
 *
 * sparsevec.h
 *	  The sparsevec type as it lies in memory, and the checks every function
 *	  on sparse vectors shares.
 *
 * The layout is a contract with clients and with other extensions: it must
 * not change.  Distances are not computed here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_SPARSEVEC_H
#define OMEN_SPARSEVEC_H

#include "compat.h"
#include "distance/sparse.h"
#include "omendb.h"
#include "types/checks.h"

/* Dimensions, and elements that are not zero, of a sparse vector. */
#define OMEN_SPARSE_MAX_DIM 1000000000
#define OMEN_SPARSE_MAX_COUNT 16000

/*
 * A vector of dim numbers, 1 <= dim <= OMEN_SPARSE_MAX_DIM, of which nnz <=
 * Min(dim, OMEN_SPARSE_MAX_COUNT) are not zero and finite.  Their indices, from
 * 0, ascend; the values, floats, lie behind all of them.  Only 4-byte aligned.
 */
typedef struct OmenSparsevec
{
	int32		vl_len_;		/* varlena header; use SET_VARSIZE/VARSIZE */
	int32		dim;			/* number of elements */
	int32		nnz;			/* of those that are not zero */
	int32		unused;			/* always zero */
	int32		indices[FLEXIBLE_ARRAY_MEMBER];
} OmenSparsevec;

#define OMEN_SPARSEVEC_SIZE(nnz) \
	(offsetof(OmenSparsevec, indices) + \
	 (sizeof(int32) + sizeof(float)) * (Size) (nnz))

#define DatumGetOmenSparsevecP(d) ((OmenSparsevec *) PG_DETOAST_DATUM(d))
#define PG_GETARG_OMEN_SPARSEVEC_P(n) DatumGetOmenSparsevecP(PG_GETARG_DATUM(n))
#define PG_RETURN_OMEN_SPARSEVEC_P(v) PG_RETURN_POINTER(v)

static inline float *
omen_sparsevec_values(OmenSparsevec *vector)
{
	return (float *) (vector->indices + vector->nnz);
}

/* As the kernels take it. */
static inline OmenSparse
omen_sparsevec_sparse(const OmenSparsevec *vector)
{
	return (OmenSparse){vector->indices,
						(const float *) (vector->indices + vector->nnz),
						(size_t) vector->nnz};
}

/*
 * Allocate a sparse vector in the current memory context, its indices and
 * values not set.  Raises an error if there cannot be one.
 */
extern OmenSparsevec *omen_sparsevec_new(int dim, int nnz);

/* Raise an error unless a sparse vector may have so many dimensions. */
extern void omen_sparsevec_check_dim(int dim);

/* Make one of count floats, leaving out zeroes; they must be finite. */
extern OmenSparsevec *omen_sparsevec_from_floats(const float *x, int count);

extern int	omen_sparsevec_compare(const OmenSparsevec *a,
								   const OmenSparsevec *b);

/* Raise an error unless the two have the same number of dimensions. */
static inline void
omen_sparsevec_check_same_dim(const OmenSparsevec *a, const OmenSparsevec *b)
{
	if (unlikely(a->dim != b->dim))
		omen_dims_differ("sparsevec", a->dim, b->dim);
}

/* Distances that operators return. */
extern PGDLLEXPORT Datum omen_sparsevec_l2_distance(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum
	omen_sparsevec_negative_inner_product(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_sparsevec_cosine_distance(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_sparsevec_l1_distance(PG_FUNCTION_ARGS);

#endif							/* OMEN_SPARSEVEC_H */
