/*
 * transform.c
 *		From a vector to what is encoded; see transform.h.
 *
 * Purpose: as there.  Bits of the result are part of the on-disk format: the
 * order of every operation here is fixed for good.
 */
#include "transform.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "codec.h"
#include "rotation.h"
#include "exact.h"

/* Vectors with a larger coordinate are encoded as if multiplied by SHRINK. */
#define LARGEST_COORDINATE 0x1.0p96f
#define SHRINK 0x1.0p-64f

/*
 * Squared norms for which float32 sums of products are as precise as the
 * cosine bound assumes, the lower one for each dimension.
 */
#define LARGEST_COSINE_SUMSQ 0x1.0p126
#define SMALLEST_COSINE_SUMSQ 0x1.0p-120

float
omen_round_up(double bound)
{
	if (bound == 0.0)
		return 0.0f;
	bound = bound * (1.0 + 0x1.0p-22) + 0x1.0p-148;
	return bound < FLT_MAX ? (float) bound : INFINITY;
}

double
omen_sum_squares(const float *x, uint32_t dim)
{
	Double2		low = {0.0, 0.0};
	Double2		high = {0.0, 0.0};
	uint32_t	i = 0;

	for (; i + LANES <= dim; i += LANES)
	{
		Double2		v = load_double2(x + i);
		Double2		w = load_double2(x + i + 2);

		low += v * v;
		high += w * w;
	}
	for (; i < dim; i++)
		low[0] += (double) x[i] * x[i];
	return (low[0] + low[1]) + (high[0] + high[1]);
}

double
omen_norm_factor(const OmenQuantizer *q)
{
	return omen_quantizer_metric(q)->sums_absolutes ? (double) q->dim
													: sqrt((double) q->dim);
}

/* Is every coordinate, in absolute value, at most limit? */
static bool
is_within(const float *x, uint32_t dim, float limit)
{
	Word4		within = {~0u, ~0u, ~0u, ~0u};
	uint32_t	i = 0;

	for (; i + LANES <= dim; i += LANES)
	{
		Float4		v = load_float4(x + i);

		within &= (Word4) (v <= limit) & (Word4) (v >= -limit);
	}
	for (; i < dim; i++)
		if (!(x[i] <= limit && x[i] >= -limit))
			return false;
	return (within[0] & within[1] & within[2] & within[3]) != 0;
}

/* Normalise x into out.  False if it has no direction. */
static bool
normalize(const float *x, uint32_t dim, float *out, double *error)
{
	double		sumsq = omen_sum_squares(x, dim);
	double		inverse;

	if (sumsq == 0.0)
		return false;
	inverse = 1.0 / sqrt(sumsq);
	for (uint32_t i = 0; i < dim; i++)
		out[i] = (float) ((double) x[i] * inverse);
	*error = 1.01 * UNIT_ROUNDOFF + dim * 0x1.0p-149;
	if (sumsq > LARGEST_COSINE_SUMSQ || sumsq < SMALLEST_COSINE_SUMSQ * dim)
		*error = INFINITY;
	return true;
}

bool
omen_transform_vector(const OmenQuantizer *q, const float *x, float *out,
					  double *error)
{
	*error = 0.0;
	if (omen_quantizer_metric(q)->needs_direction)
	{
		if (!normalize(x, q->dim, out, error))
			return false;
	}
	else if (!omen_quantizer_codec(q)->is_quantized ||
			 is_within(x, q->dim, LARGEST_COORDINATE))
		memcpy(out, x, sizeof(float) * (size_t) q->dim);
	else
	{
		for (uint32_t i = 0; i < q->dim; i++)
			out[i] = x[i] * SHRINK;
		*error = INFINITY;
	}
	if (q->rotated)
		omen_rotate(omen_quantizer_signs(q), q->dim, out);
	return true;
}

void
omen_centre(const OmenQuantizer *q, float *y)
{
	const float *mean = omen_quantizer_mean(q);
	uint32_t	i = 0;

	if (mean == NULL)
		return;
	for (; i + LANES <= q->dim; i += LANES)
		store_float4(y + i, load_float4(y + i) - load_float4(mean + i));
	for (; i < q->dim; i++)
		y[i] -= mean[i];
}

double
omen_bring_to_length(const OmenQuantizer *q, float *y)
{
	double		norm = sqrt(omen_sum_squares(y, q->dim));
	double		scale;

	if (!(norm > 0.0 && norm < INFINITY))
		return 1.0;
	scale = ldexp(1.0, ilogb(norm));
	for (uint32_t i = 0; i < q->dim; i++)
		y[i] = (float) (y[i] / scale);
	return scale;
}

/*
 * The least squared norm of a mean that is taken off a query.  Squares of the
 * rows' own units.  guess: the norm, 2^-48, is the square of float32's
 * rounding, and far from the least float32 there is
 */
#define SMALLEST_MEAN_SUMSQ 0x1.0p-96

double
omen_take_off_mean(const OmenQuantizer *q, float *y)
{
	const float *mean = omen_quantizer_mean(q);
	double		product = 0.0;
	double		share;

	for (uint32_t i = 0; mean != NULL && i < q->dim; i++)
		product += (double) y[i] * mean[i];
	/* with a mean of hardly any length products underflow, and it is no loss */
	if (mean == NULL || q->mean_sumsq < SMALLEST_MEAN_SUMSQ)
		return 0.0;
	share = product / q->mean_sumsq;
	for (uint32_t i = 0; i < q->dim; i++)
		y[i] = (float) (y[i] - share * mean[i]);
	return share;
}
