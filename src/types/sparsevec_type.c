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
#include "types/sparsevec_within.h"
#include "types/type.h"

static int
sparsevec_dims(const struct varlena *value)
{
	return ((const OmenSparsevec *) value)->dim;
}

/* How many are not zero nobody tells the planner. */
static int
sparsevec_elements(int dims)
{
	return Min(dims, OMEN_SPARSE_TYPICAL_ELEMENTS);
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
	.max_dims = OMEN_SPARSE_MAX_DIM,
	.elements_per_operator = OMEN_SPARSE_ELEMENTS_PER_OPERATOR,
	.dims = sparsevec_dims,
	.elements = sparsevec_elements,
	.bytes = sparsevec_bytes,
	.equal = sparsevec_equal,
};
