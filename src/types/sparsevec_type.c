/*-------------------------------------------------------------------------
 *
 * sparsevec_type.c
 *	  The type sparsevec as the index and the planner know it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tuning.h"
#include "types/sparsevec.h"
#include "types/sphere.h"
#include "types/type.h"

OMEN_FUNCTION(omen_sparsevec_sphere);

Datum
omen_sparsevec_sphere(PG_FUNCTION_ARGS)
{
	return omen_make_sphere(fcinfo);
}

OMEN_WITHIN_FUNCTION(omen_sparsevec_l2_within, omen_sparsevec_l2_distance)
OMEN_WITHIN_FUNCTION(omen_sparsevec_ip_within,
					 omen_sparsevec_negative_inner_product)
OMEN_WITHIN_FUNCTION(omen_sparsevec_cosine_within,
					 omen_sparsevec_cosine_distance)
OMEN_WITHIN_FUNCTION(omen_sparsevec_l1_within, omen_sparsevec_l1_distance)

static int
sparsevec_dims(const struct varlena *value)
{
	return ((const OmenSparsevec *) value)->dim;
}

/* How many are not zero nobody tells the planner. */
static int
sparsevec_elements(int dims)
{
	return Min(dims, OMEN_SPARSEVEC_TYPICAL_ELEMENTS);
}

static Size
sparsevec_bytes(int dims)
{
	return OMEN_SPARSEVEC_SIZE(sparsevec_elements(dims));
}

static bool
sparsevec_equal(const struct varlena *a, const struct varlena *b)
{
	return omen_sparsevec_compare((const OmenSparsevec *) a,
								  (const OmenSparsevec *) b) == 0;
}

const OmenType omen_sparsevec_type = {
	.name = "sparsevec",
	.lengths = "sparsevec dimensions",
	.max_dims = OMEN_SPARSE_MAX_DIM,
	.dims_per_operator = OMEN_SPARSEVEC_ELEMENTS_PER_OPERATOR,
	.dims = sparsevec_dims,
	.elements = sparsevec_elements,
	.bytes = sparsevec_bytes,
	.equal = sparsevec_equal,
};
