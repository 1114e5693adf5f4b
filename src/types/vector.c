/*-------------------------------------------------------------------------
 *
 * vector.c
 *	  The type vector: what differs from other dense vectors, and its SQL
 *	  functions.
 *
 * The kernel table is read at every call, because a setting may replace it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "types/sphere.h"
#include "types/type.h"
#include "types/vector.h"
#include "tuning.h"

StaticAssertDecl(offsetof(OmenVector, x) == sizeof(OmenDense),
				 "elements of a vector follow what all dense vectors have");

static const float *
floats_of(const OmenDense *vector)
{
	return ((const OmenVector *) vector)->x;
}

static const float *
vector_floats(const OmenDense *vector, float *scratch)
{
	return floats_of(vector);
}

static int
vector_compare(const OmenDense *a, const OmenDense *b)
{
	const float *x = floats_of(a);
	const float *y = floats_of(b);
	int			common = Min(a->dim, b->dim);

	for (int i = 0; i < common; i++)
	{
		if (x[i] < y[i])
			return -1;
		if (x[i] > y[i])
			return 1;
	}

	return (a->dim > b->dim) - (a->dim < b->dim);
}

static float
vector_l2sq(const OmenDense *a, const OmenDense *b)
{
	return omen_kernels->l2sq(floats_of(a), floats_of(b), (size_t) a->dim);
}

static float
vector_ip(const OmenDense *a, const OmenDense *b)
{
	return omen_kernels->ip(floats_of(a), floats_of(b), (size_t) a->dim);
}

static float
vector_l1(const OmenDense *a, const OmenDense *b)
{
	return omen_kernels->l1(floats_of(a), floats_of(b), (size_t) a->dim);
}

static void
vector_cosine(const OmenDense *a, const OmenDense *b, float *ab, float *aa,
			  float *bb)
{
	omen_kernels->cosine(floats_of(a), floats_of(b), (size_t) a->dim, ab, aa,
						 bb);
}

const OmenDenseType omen_dense_vector = {
	.name = "vector",
	.element_bytes = sizeof(float),
	.overflow = INFINITY,
	.vanishing = 0.0f,
	.floats = vector_floats,
	.put = NULL,
	.compare = vector_compare,
	.l2sq = vector_l2sq,
	.ip = vector_ip,
	.l1 = vector_l1,
	.cosine = vector_cosine,
};

/* ---------- functions ---------- */

OMEN_DENSE_FUNCTION(omen_vector_in, omen_dense_in, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_out, omen_dense_out, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_typmod_in, omen_dense_typmod_in,
					omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_recv, omen_dense_recv, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_send, omen_dense_send, omen_dense_vector)

OMEN_DENSE_FUNCTION(omen_vector_add, omen_dense_add, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_sub, omen_dense_sub, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_mul, omen_dense_mul, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_concat, omen_dense_concat, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_dims, omen_dense_dims, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_norm, omen_dense_norm, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_l2_normalize, omen_dense_l2_normalize,
					omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_subvector, omen_dense_subvector,
					omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_binary_quantize, omen_dense_binary_quantize,
					omen_dense_vector)

OMEN_DENSE_FUNCTION(omen_vector_lt, omen_dense_lt, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_le, omen_dense_le, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_eq, omen_dense_eq, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_ne, omen_dense_ne, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_ge, omen_dense_ge, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_gt, omen_dense_gt, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_cmp, omen_dense_cmp, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_hash, omen_dense_hash, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_hash_extended, omen_dense_hash_extended,
					omen_dense_vector)

OMEN_DENSE_FUNCTION(omen_vector_l2_distance, omen_dense_l2_distance,
					omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_l2_squared_distance,
					omen_dense_l2_squared_distance, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_inner_product, omen_dense_inner_product,
					omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_negative_inner_product,
					omen_dense_negative_inner_product, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_cosine_distance, omen_dense_cosine_distance,
					omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_l1_distance, omen_dense_l1_distance,
					omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_spherical_distance,
					omen_dense_spherical_distance, omen_dense_vector)

OMEN_DENSE_FUNCTION(omen_vector, omen_dense_to_typmod, omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_array_to_vector, omen_dense_from_array,
					omen_dense_vector)
OMEN_DENSE_FUNCTION(omen_vector_to_float4, omen_dense_to_float4,
					omen_dense_vector)

OMEN_FUNCTION(omen_vector_accum);
OMEN_FUNCTION(omen_vector_avg);

Datum
omen_vector_accum(PG_FUNCTION_ARGS)
{
	return omen_dense_accum(&omen_dense_vector, "vector_accum", fcinfo);
}

Datum
omen_vector_avg(PG_FUNCTION_ARGS)
{
	return omen_dense_avg(&omen_dense_vector, "vector_avg", fcinfo);
}

/* ---------- spheres ---------- */

OMEN_FUNCTION(omen_vector_sphere);

Datum
omen_vector_sphere(PG_FUNCTION_ARGS)
{
	return omen_make_sphere(fcinfo);
}

OMEN_WITHIN_FUNCTION(omen_vector_l2_within, omen_vector_l2_distance)
OMEN_WITHIN_FUNCTION(omen_vector_ip_within, omen_vector_negative_inner_product)
OMEN_WITHIN_FUNCTION(omen_vector_cosine_within, omen_vector_cosine_distance)
OMEN_WITHIN_FUNCTION(omen_vector_l1_within, omen_vector_l1_distance)

/* ---------- as the index and the planner know it ---------- */

static const float *
indexed_floats(const struct varlena *value, const OmenQuantizer *q,
			   float *scratch)
{
	return vector_floats((const OmenDense *) value, scratch);
}

static Size
indexed_bytes(int dims)
{
	return omen_dense_bytes(&omen_dense_vector, dims);
}

static bool
indexed_equal(const struct varlena *a, const struct varlena *b)
{
	return vector_compare((const OmenDense *) a, (const OmenDense *) b) == 0;
}

const OmenType omen_vector_type = {
	.name = "vector",
	.lengths = "vector dimensions",
	.max_dims = OMEN_MAX_DIM,
	.dims_per_operator = OMEN_VECTOR_DIMS_PER_OPERATOR,
	.dims = omen_dense_value_dims,
	.floats = indexed_floats,
	.bytes = indexed_bytes,
	.equal = indexed_equal,
};
