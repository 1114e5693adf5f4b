/*-------------------------------------------------------------------------
 *
 * vector_type.c
 *	  The type vector as the index and the planner know it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tuning.h"
#include "types/type.h"
#include "types/vector.h"
#include "types/vector_within.h"

static int
vector_dims(const struct varlena *value)
{
	return ((const OmenVector *) value)->dim;
}

static const float *
vector_floats(const struct varlena *value, float *scratch)
{
	return ((const OmenVector *) value)->x;
}

static Size
vector_bytes(int dims)
{
	return OMEN_VECTOR_SIZE(dims);
}

static bool
vector_equal(const struct varlena *a, const struct varlena *b)
{
	return omen_vector_compare((const OmenVector *) a,
							   (const OmenVector *) b) == 0;
}

const OmenType omen_vector_type = {
	.name = "vector",
	.lengths = "vector dimensions",
	.max_dims = OMEN_MAX_DIM,
	.dims_per_operator = OMEN_VECTOR_DIMS_PER_OPERATOR,
	.dims = vector_dims,
	.floats = vector_floats,
	.bytes = vector_bytes,
	.equal = vector_equal,
	.within = {[OMEN_METRIC_L2] = omen_vector_l2_within,
			   [OMEN_METRIC_IP] = omen_vector_ip_within,
			   [OMEN_METRIC_COSINE] = omen_vector_cosine_within,
			   [OMEN_METRIC_L1] = omen_vector_l1_within},
};
