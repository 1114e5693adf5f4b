/*-------------------------------------------------------------------------
 *
 * dense.h
 *	  Types of vectors whose elements lie side by side: vector and halfvec.
 *
 * What differs between them is an OmenDenseType each.  Their SQL functions are
 * the ones declared here, called with it: OMEN_DENSE_FUNCTION makes a type's
 * function of one of these.  What a type looks like in memory is its own
 * header's business, as long as it begins as all do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_DENSE_H
#define OMEN_DENSE_H

#include "postgres.h"

#include "compat.h"
#include "distance/distance.h"
#include "omendb.h"
#include "types/checks.h"

/*
 * dim finite numbers, 1 <= dim <= OMEN_MAX_DIM, which follow.  They are only
 * 4-byte aligned.
 */
typedef struct OmenDense
{
	int32		vl_len_;		/* varlena header; use SET_VARSIZE/VARSIZE */
	int16		dim;			/* number of elements */
	int16		unused;			/* always zero */
} OmenDense;

typedef struct OmenDenseType
{
	const char *name;			/* in messages */
	Size		element_bytes;

	/*
	 * A float of at least this size would be an infinite element; one of at
	 * most this size would be zero.
	 */
	float		overflow;
	float		vanishing;

	/*
	 * Elements as floats: where they are, or in scratch, which has room for
	 * them.
	 */
	const float *(*floats)(const OmenDense *vector, float *scratch);

	/* Floats as elements; NULL if they are floats themselves. */
	void (*put)(const float *from, OmenDense *to);

	/* By elements from the first on, then by dimensions: < 0, 0 or > 0. */
	int (*compare)(const OmenDense *a, const OmenDense *b);

	/* Sums of the kernels, over vectors of as many dimensions. */
	float (*l2sq)(const OmenDense *a, const OmenDense *b);
	float (*ip)(const OmenDense *a, const OmenDense *b);
	float (*l1)(const OmenDense *a, const OmenDense *b);
	void (*cosine)(const OmenDense *a, const OmenDense *b, float *ab, float *aa,
				   float *bb);
} OmenDenseType;

/* The bytes of a vector. */
static inline Size
omen_dense_bytes(const OmenDenseType *type, int dim)
{
	return sizeof(OmenDense) + type->element_bytes * (Size) dim;
}

static inline void *
omen_dense_elements(const OmenDense *vector)
{
	return (char *) vector + sizeof(OmenDense);
}

/* The dimensions of a value, for an OmenType. */
static inline int
omen_dense_value_dims(const struct varlena *value)
{
	return ((const OmenDense *) value)->dim;
}

#define PG_GETARG_OMEN_DENSE_P(n) \
	((OmenDense *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

/*
 * Allocate a zeroed vector in the current memory context.  Raises an error if
 * a vector cannot have dim dimensions.
 */
extern OmenDense *omen_dense_new(const OmenDenseType *type, int dim);

/* The elements of a vector as floats, which need not be a copy. */
extern const float *omen_dense_floats(const OmenDenseType *type,
									  const OmenDense *vector);

/*
 * Room for floats that are to be a new vector's elements; and make them that,
 * if all are in the type's range, or raise an error.  What does not fit is an
 * overflow of what was computed, or a value that the type does not take.
 */
extern float *omen_dense_room(const OmenDenseType *type, OmenDense *vector);
extern void omen_dense_computed(const OmenDenseType *type, float *room,
								OmenDense *vector);
extern void omen_dense_converted(const OmenDenseType *type, float *room,
								 OmenDense *vector);

/* Raise an error unless the two vectors have the same number of elements. */
static inline void
omen_dense_check_same_dim(const OmenDenseType *type, const OmenDense *a,
						  const OmenDense *b)
{
	if (unlikely(a->dim != b->dim))
		omen_dims_differ(type->name, a->dim, b->dim);
}

/* ---------- SQL functions, but for the type ---------- */

/* Define the function name of a type by what it is for all. */
#define OMEN_DENSE_FUNCTION(name, function, type) \
	OMEN_FUNCTION(name); \
	Datum name(PG_FUNCTION_ARGS) \
	{ \
		return function(&(type), fcinfo); \
	}

#define OMEN_DENSE(name) \
	extern Datum name(const OmenDenseType *type, FunctionCallInfo fcinfo)

/* dense_io.c */
OMEN_DENSE(omen_dense_in);
OMEN_DENSE(omen_dense_out);
OMEN_DENSE(omen_dense_typmod_in);
OMEN_DENSE(omen_dense_recv);
OMEN_DENSE(omen_dense_send);

/* dense_arith.c */
OMEN_DENSE(omen_dense_add);
OMEN_DENSE(omen_dense_sub);
OMEN_DENSE(omen_dense_mul);
OMEN_DENSE(omen_dense_concat);
OMEN_DENSE(omen_dense_dims);
OMEN_DENSE(omen_dense_norm);
OMEN_DENSE(omen_dense_l2_normalize);
OMEN_DENSE(omen_dense_subvector);
OMEN_DENSE(omen_dense_binary_quantize);

/* dense_cast.c */
OMEN_DENSE(omen_dense_to_typmod);
OMEN_DENSE(omen_dense_from_array);
OMEN_DENSE(omen_dense_to_float4);
extern Datum omen_dense_convert(const OmenDenseType *from,
								const OmenDenseType *to,
								FunctionCallInfo fcinfo);

/* dense_compare.c */
OMEN_DENSE(omen_dense_lt);
OMEN_DENSE(omen_dense_le);
OMEN_DENSE(omen_dense_eq);
OMEN_DENSE(omen_dense_ne);
OMEN_DENSE(omen_dense_ge);
OMEN_DENSE(omen_dense_gt);
OMEN_DENSE(omen_dense_cmp);
OMEN_DENSE(omen_dense_hash);
OMEN_DENSE(omen_dense_hash_extended);

/* dense_distance.c */
OMEN_DENSE(omen_dense_l2_distance);
OMEN_DENSE(omen_dense_l2_squared_distance);
OMEN_DENSE(omen_dense_inner_product);
OMEN_DENSE(omen_dense_negative_inner_product);
OMEN_DENSE(omen_dense_cosine_distance);
OMEN_DENSE(omen_dense_l1_distance);
OMEN_DENSE(omen_dense_spherical_distance);

/* dense_agg.c; the name is that of the SQL function */
extern Datum omen_dense_accum(const OmenDenseType *type, const char *name,
							  FunctionCallInfo fcinfo);
extern Datum omen_dense_avg(const OmenDenseType *type, const char *name,
							FunctionCallInfo fcinfo);

#endif							/* OMEN_DENSE_H */
