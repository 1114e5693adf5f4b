/*-------------------------------------------------------------------------
 *
 * sparsevec_type.c
 *	  The type sparsevec as the index and the planner know it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "quantize/sketch.h"
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

/*
 * A graph of vectors with many dimensions is one of their sketches.  With few
 * it is what it would be of vectors.
 */
static OmenGraphShape
sparsevec_graph_shape(OmenMetric metric, int dims)
{
	static const OmenMetric sketched[] = {
		[OMEN_METRIC_L2] = OMEN_METRIC_SKETCH_L2,
		[OMEN_METRIC_IP] = OMEN_METRIC_SKETCH_IP,
		[OMEN_METRIC_COSINE] = OMEN_METRIC_SKETCH_COSINE,
		[OMEN_METRIC_L1] = OMEN_METRIC_SKETCH_L1};
	OmenGraphShape same = {metric, dims};
	OmenGraphShape sketch = {sketched[metric], OMEN_SKETCH_DIMS};

	return dims <= OMEN_SKETCH_DIMS ? same : sketch;
}

static const float *
sparsevec_floats(const struct varlena *value, const OmenQuantizer *q,
				 float *scratch)
{
	OmenSparse	sparse = omen_sparsevec_sparse((const OmenSparsevec *) value);

	if (omen_quantizer_metric(q)->is_sketched)
		omen_sketch(sparse, q->metric == OMEN_METRIC_SKETCH_L1,
					omen_quantizer_dim(q), scratch);
	else
	{
		memset(scratch, 0, omen_quantizer_dim(q) * sizeof(float));
		for (size_t i = 0; i < sparse.count; i++)
			scratch[sparse.indices[i]] = sparse.values[i];
	}
	return scratch;
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
	.graph_shape = sparsevec_graph_shape,
	.floats = sparsevec_floats,
	.elements = sparsevec_elements,
	.bytes = sparsevec_bytes,
	.equal = sparsevec_equal,
};
