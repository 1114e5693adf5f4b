/*
 * sparse_scalar.c
 *		Distances of sparse arrays in portable C, by merging.
 *
 * Purpose: be plainly right, and free of branches that a CPU would have to
 * guess: which array has the next index is as good as random.  It must not use
 * intrinsics.
 *
 * Sums are kept in double precision: one chain of additions hides behind that
 * of the merge, which is longer.
 */
#include <math.h>

#include "sparse.h"

/*
 * Define the kernel that sums term(a_i, b_i) over the indices that either
 * array has.
 */
#define DEFINE_UNION(name, term) \
	static float name(OmenSparse a, OmenSparse b) \
	{ \
		double sum = 0.0; \
		size_t i = 0; \
		size_t j = 0; \
\
		while (i < a.count && j < b.count) \
		{ \
			int32_t p = a.indices[i]; \
			int32_t q = b.indices[j]; \
			float x = p <= q ? a.values[i] : 0.0f; \
			float y = q <= p ? b.values[j] : 0.0f; \
\
			sum += term(x, y); \
			i += p <= q; \
			j += q <= p; \
		} \
		for (; i < a.count; i++) \
			sum += term(a.values[i], 0.0f); \
		for (; j < b.count; j++) \
			sum += term(0.0f, b.values[j]); \
		return (float) sum; \
	}

static inline float
l2sq_term(float x, float y)
{
	float		diff = x - y;

	return diff * diff;
}

static inline float
l1_term(float x, float y)
{
	return fabsf(x - y);
}

DEFINE_UNION(l2sq, l2sq_term)
DEFINE_UNION(l1, l1_term)

/* Indices that only one array has add nothing. */
static float
ip(OmenSparse a, OmenSparse b)
{
	double		sum = 0.0;
	size_t		i = 0;
	size_t		j = 0;

	while (i < a.count && j < b.count)
	{
		int32_t		p = a.indices[i];
		int32_t		q = b.indices[j];
		float		x = p == q ? a.values[i] : 0.0f;

		sum += x * b.values[j];
		i += p <= q;
		j += q <= p;
	}
	return (float) sum;
}

const OmenSparseKernels omen_sparse_scalar = {
	.l2sq = l2sq,
	.ip = ip,
	.l1 = l1,
};
