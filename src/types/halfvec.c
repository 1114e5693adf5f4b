/*-------------------------------------------------------------------------
 *
 * halfvec.c
 *	  The type halfvec: what differs from other dense vectors, and its SQL
 *	  functions.
 *
 * The kernel table is read at every call, because a setting may replace it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "distance/half.h"
#include "types/halfvec.h"
#include "types/sphere.h"
#include "types/type.h"
#include "types/vector.h"
#include "tuning.h"

StaticAssertDecl(offsetof(OmenHalfvec, x) == sizeof(OmenDense),
				 "elements of a halfvec follow what all dense vectors have");

static const uint16 *
halves_of(const OmenDense *vector)
{
	return ((const OmenHalfvec *) vector)->x;
}

static const float *
halfvec_floats(const OmenDense *vector, float *scratch)
{
	omen_kernels->half->to_floats(halves_of(vector), (size_t) vector->dim,
								  scratch);
	return scratch;
}

static void
halfvec_put(const float *from, OmenDense *to)
{
	omen_kernels->half->from_floats(from, (size_t) to->dim,
									((OmenHalfvec *) to)->x);
}

/*
 * A number in the order of halves: with a sign they are the greater the
 * smaller.  Zero and minus zero are one.
 */
static int
rank(uint16 half)
{
	int			size = half & 0x7fff;

	return (half & 0x8000) ? -size : size;
}

static int
halfvec_compare(const OmenDense *a, const OmenDense *b)
{
	const uint16 *x = halves_of(a);
	const uint16 *y = halves_of(b);
	int			common = Min(a->dim, b->dim);

	for (int i = 0; i < common; i++)
	{
		int			r = rank(x[i]);
		int			s = rank(y[i]);

		if (r != s)
			return r < s ? -1 : 1;
	}

	return (a->dim > b->dim) - (a->dim < b->dim);
}

static float
halfvec_l2sq(const OmenDense *a, const OmenDense *b)
{
	return omen_kernels->half->l2sq(halves_of(a), halves_of(b),
									(size_t) a->dim);
}

static float
halfvec_ip(const OmenDense *a, const OmenDense *b)
{
	return omen_kernels->half->ip(halves_of(a), halves_of(b), (size_t) a->dim);
}

static float
halfvec_l1(const OmenDense *a, const OmenDense *b)
{
	return omen_kernels->half->l1(halves_of(a), halves_of(b), (size_t) a->dim);
}

static void
halfvec_cosine(const OmenDense *a, const OmenDense *b, float *ab, float *aa,
			   float *bb)
{
	omen_kernels->half->cosine(halves_of(a), halves_of(b), (size_t) a->dim, ab,
							   aa, bb);
}

const OmenDenseType omen_dense_halfvec = {
	.name = "halfvec",
	.element_bytes = sizeof(uint16),
	.overflow = OMEN_HALF_OVERFLOW,
	.vanishing = OMEN_HALF_VANISHING,
	.floats = halfvec_floats,
	.put = halfvec_put,
	.compare = halfvec_compare,
	.l2sq = halfvec_l2sq,
	.ip = halfvec_ip,
	.l1 = halfvec_l1,
	.cosine = halfvec_cosine,
};

/* ---------- functions ---------- */

OMEN_DENSE_FUNCTION(omen_halfvec_in, omen_dense_in, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_out, omen_dense_out, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_typmod_in, omen_dense_typmod_in,
					omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_recv, omen_dense_recv, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_send, omen_dense_send, omen_dense_halfvec)

OMEN_DENSE_FUNCTION(omen_halfvec_add, omen_dense_add, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_sub, omen_dense_sub, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_mul, omen_dense_mul, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_concat, omen_dense_concat, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_dims, omen_dense_dims, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_norm, omen_dense_norm, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_l2_normalize, omen_dense_l2_normalize,
					omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_subvector, omen_dense_subvector,
					omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_binary_quantize, omen_dense_binary_quantize,
					omen_dense_halfvec)

OMEN_DENSE_FUNCTION(omen_halfvec_lt, omen_dense_lt, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_le, omen_dense_le, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_eq, omen_dense_eq, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_ne, omen_dense_ne, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_ge, omen_dense_ge, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_gt, omen_dense_gt, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_cmp, omen_dense_cmp, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_hash, omen_dense_hash, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_hash_extended, omen_dense_hash_extended,
					omen_dense_halfvec)

OMEN_DENSE_FUNCTION(omen_halfvec_l2_distance, omen_dense_l2_distance,
					omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_l2_squared_distance,
					omen_dense_l2_squared_distance, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_inner_product, omen_dense_inner_product,
					omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_negative_inner_product,
					omen_dense_negative_inner_product, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_cosine_distance, omen_dense_cosine_distance,
					omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_l1_distance, omen_dense_l1_distance,
					omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_spherical_distance,
					omen_dense_spherical_distance, omen_dense_halfvec)

OMEN_DENSE_FUNCTION(omen_halfvec, omen_dense_to_typmod, omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_array_to_halfvec, omen_dense_from_array,
					omen_dense_halfvec)
OMEN_DENSE_FUNCTION(omen_halfvec_to_float4, omen_dense_to_float4,
					omen_dense_halfvec)

OMEN_FUNCTION(omen_halfvec_to_vector);
OMEN_FUNCTION(omen_vector_to_halfvec);

Datum
omen_halfvec_to_vector(PG_FUNCTION_ARGS)
{
	return omen_dense_convert(&omen_dense_halfvec, &omen_dense_vector, fcinfo);
}

Datum
omen_vector_to_halfvec(PG_FUNCTION_ARGS)
{
	return omen_dense_convert(&omen_dense_vector, &omen_dense_halfvec, fcinfo);
}

OMEN_FUNCTION(omen_halfvec_accum);
OMEN_FUNCTION(omen_halfvec_avg);

Datum
omen_halfvec_accum(PG_FUNCTION_ARGS)
{
	return omen_dense_accum(&omen_dense_halfvec, "halfvec_accum", fcinfo);
}

Datum
omen_halfvec_avg(PG_FUNCTION_ARGS)
{
	return omen_dense_avg(&omen_dense_halfvec, "halfvec_avg", fcinfo);
}

/* ---------- spheres ---------- */

OMEN_FUNCTION(omen_halfvec_sphere);

Datum
omen_halfvec_sphere(PG_FUNCTION_ARGS)
{
	return omen_make_sphere(fcinfo);
}

OMEN_WITHIN_FUNCTION(omen_halfvec_l2_within, omen_halfvec_l2_distance)
OMEN_WITHIN_FUNCTION(omen_halfvec_ip_within,
					 omen_halfvec_negative_inner_product)
OMEN_WITHIN_FUNCTION(omen_halfvec_cosine_within, omen_halfvec_cosine_distance)
OMEN_WITHIN_FUNCTION(omen_halfvec_l1_within, omen_halfvec_l1_distance)

/* ---------- as the index and the planner know it ---------- */

static const float *
indexed_floats(const struct varlena *value, const OmenQuantizer *q,
			   float *scratch)
{
	return halfvec_floats((const OmenDense *) value, scratch);
}

static Size
indexed_bytes(int dims)
{
	return omen_dense_bytes(&omen_dense_halfvec, dims);
}

static bool
indexed_equal(const struct varlena *a, const struct varlena *b)
{
	return halfvec_compare((const OmenDense *) a, (const OmenDense *) b) == 0;
}

const OmenType omen_halfvec_type = {
	.name = "halfvec",
	.lengths = "halfvec dimensions",
	.max_dims = OMEN_MAX_DIM,
	.dims_per_operator = OMEN_HALFVEC_DIMS_PER_OPERATOR,
	.dims = omen_dense_value_dims,
	.floats = indexed_floats,
	.bytes = indexed_bytes,
	.equal = indexed_equal,
};
