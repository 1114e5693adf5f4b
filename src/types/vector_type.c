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
	.max_dims = OMEN_MAX_DIM,
	.dims_per_operator = OMEN_VECTOR_DIMS_PER_OPERATOR,
	.dims = vector_dims,
	.floats = vector_floats,
	.bytes = vector_bytes,
	.equal = vector_equal,
};
