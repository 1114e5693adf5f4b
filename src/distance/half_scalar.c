/*
 * half_scalar.c
 *		The kernels of halves in portable C: the reference, and all there is on
 *		CPUs without a table of their own.
 *
 * Purpose: be plainly right.  It must not use intrinsics.
 */
#include "half.h"
#include "kernels.h"
#include "sum_scalar.h"

DEFINE_DISTANCES(uint16_t, omen_half_to_float)

/* By LANES, whose number compilers know. */
static void
to_floats(const uint16_t *from, size_t dim, float *to)
{
	size_t		whole = dim - dim % LANES;

	for (size_t i = 0; i < whole; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			to[i + j] = omen_half_to_float(from[i + j]);
	for (size_t i = whole; i < dim; i++)
		to[i] = omen_half_to_float(from[i]);
}

static void
from_floats(const float *from, size_t dim, uint16_t *to)
{
	for (size_t i = 0; i < dim; i++)
		to[i] = omen_half_from_float(from[i]);
}

const OmenHalfKernels omen_half_scalar = {
	.to_floats = to_floats,
	.from_floats = from_floats,
	.l2sq = l2sq,
	.ip = ip,
	.l1 = l1,
	.cosine = cosine,
};
