/*-------------------------------------------------------------------------
 *
 * vector.h
 *	  The vector type as it lies in memory, and the checks every function on
 *	  vectors shares.
 *
 * The layout is a contract with clients and with other extensions: it must
 * not change.  Distances are not computed here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_VECTOR_H
#define OMEN_VECTOR_H

#include "compat.h"
#include "distance/distance.h"
#include "omendb.h"

#include "nodes/nodes.h"

/*
 * A vector of dim finite single-precision numbers, 1 <= dim <= OMEN_MAX_DIM.
 * x[] is only 4-byte aligned.
 */
typedef struct OmenVector
{
	int32		vl_len_;		/* varlena header; use SET_VARSIZE/VARSIZE */
	int16		dim;			/* number of elements */
	int16		unused;			/* always zero */
	float		x[FLEXIBLE_ARRAY_MEMBER];
} OmenVector;

#define OMEN_VECTOR_SIZE(dim) \
	(offsetof(OmenVector, x) + sizeof(float) * (Size) (dim))

#define DatumGetOmenVectorP(d) ((OmenVector *) PG_DETOAST_DATUM(d))
#define DatumGetOmenVectorPCopy(d) ((OmenVector *) PG_DETOAST_DATUM_COPY(d))
#define PG_GETARG_OMEN_VECTOR_P(n) DatumGetOmenVectorP(PG_GETARG_DATUM(n))
#define PG_RETURN_OMEN_VECTOR_P(v) PG_RETURN_POINTER(v)

/*
 * Allocate a zeroed vector in the current memory context.  Raises an error
 * if a vector cannot have dim dimensions.
 */
extern OmenVector *omen_vector_new(int dim);

/*
 * The checks below report to escontext when it is an ErrorSaveContext, and
 * then return false; otherwise they raise an error.
 */
extern bool omen_vector_check_dim(int dim, Node *escontext);
extern bool omen_vector_check_typmod(int32 typmod, int dim, Node *escontext);

/* Raise an error unless value may be an element of a vector. */
extern void omen_vector_check_element(float value);

extern int	omen_vector_compare(const OmenVector *a, const OmenVector *b);

/* Raise the error of omen_vector_check_same_dim(). */
pg_noreturn extern void omen_vector_dims_differ(int a, int b);

/* Raise an error unless the two vectors have the same number of elements. */
static inline void
omen_vector_check_same_dim(const OmenVector *a, const OmenVector *b)
{
	if (unlikely(a->dim != b->dim))
		omen_vector_dims_differ(a->dim, b->dim);
}

#endif							/* OMEN_VECTOR_H */
