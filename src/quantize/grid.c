/*
 * grid.c
 *		Codes that are numbers on a grid; see grid.h.
 *
 * Purpose: as there.  The numbers and headers are part of the on-disk format:
 * the order of every operation that leads to them is fixed for good.
 */
#include "grid.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "transform.h"
#include "exact.h"

/* The largest number of eight bits. */
#define LEVELS 255

/* ---------- encoding ---------- */

void
omen_grid_range(const float *y, uint32_t dim, float *smallest, float *largest)
{
	float		low = y[0];
	float		high = y[0];
	uint32_t	i = 0;

	if (dim >= LANES)
	{
		Float4		lows = load_float4(y);
		Float4		highs = lows;

		for (; i + LANES <= dim; i += LANES)
		{
			Float4		v = load_float4(y + i);

			lows = choose((Word4) (v < lows), v, lows);
			highs = choose((Word4) (v > highs), v, highs);
		}
		for (int j = 0; j < LANES; j++)
		{
			low = lows[j] < low ? lows[j] : low;
			high = highs[j] > high ? highs[j] : high;
		}
	}
	for (; i < dim; i++)
	{
		low = y[i] < low ? y[i] : low;
		high = y[i] > high ? y[i] : high;
	}
	/* the sign of a zero depends on the order; zeroes compare equal */
	*smallest = low + 0.0f;
	*largest = high + 0.0f;
}

/* Sums that round_block adds to. */
typedef struct RoundingSums
{
	Word4		codes;			/* of the codes */
	Float4		errors[4];		/* of the rounding errors squared, or of their
								 * absolute values, in steps */
} RoundingSums;

/* The codes of four coordinates, given in steps from the offset. */
static inline Word4
round_lanes(Float4 v, bool absolutes, RoundingSums *sums, int n)
{
	Float4		shifted = v + ROUNDING_SHIFT;
	Float4		error = v - (shifted - ROUNDING_SHIFT);
	Word4		rounded = (Word4) shifted & 0xff;

	if (absolutes)
		sums->errors[n] += (Float4) ((Word4) error & UINT32_C(0x7fffffff));
	else
		sums->errors[n] += error * error;
	sums->codes += rounded;
	return rounded;
}

static inline void
round_block(const float *y, float offset, float inverse, bool absolutes,
			RoundingSums *sums, uint8_t *code)
{
	Float4		v0 = (load_float4(y) - offset) * inverse;
	Float4		v1 = (load_float4(y + 4) - offset) * inverse;
	Float4		v2 = (load_float4(y + 8) - offset) * inverse;
	Float4		v3 = (load_float4(y + 12) - offset) * inverse;

	store_bytes16(code, round_lanes(v0, absolutes, sums, 0),
				  round_lanes(v1, absolutes, sums, 1),
				  round_lanes(v2, absolutes, sums, 2),
				  round_lanes(v3, absolutes, sums, 3));
}

/*
 * Fill code, and the sums of the header, from offset and step (not 0).
 * Returns the norm of the rounding errors, in steps: L2, or L1 if absolutes.
 */
static double
round_coordinates(const float *y, uint32_t dim, bool absolutes,
				  OmenCodeHeader *hdr, uint8_t *code)
{
	float		inverse = (float) (1.0 / (double) hdr->step);
	RoundingSums sums;
	Float4		errors;
	double		error;
	uint32_t	i = 0;

	memset(&sums, 0, sizeof(sums));
	for (; i + GRID_BLOCK <= dim; i += GRID_BLOCK)
		round_block(y + i, hdr->offset, inverse, absolutes, &sums, code + i);
	if (i < dim)
	{
		float		last[GRID_BLOCK];
		uint8_t		last_code[GRID_BLOCK];

		/* filled up with what becomes code 0 without an error */
		for (uint32_t j = 0; j < GRID_BLOCK; j++)
			last[j] = i + j < dim ? y[i + j] : hdr->offset;
		round_block(last, hdr->offset, inverse, absolutes, &sums, last_code);
		memcpy(code + i, last_code, dim - i);
	}

	hdr->sum = sums.codes[0] + sums.codes[1] + sums.codes[2] + sums.codes[3];
	hdr->sumsq = omen_kernels->ip_u8(code, code, dim);	/* exact in any table */
	errors =
		(sums.errors[0] + sums.errors[1]) + (sums.errors[2] + sums.errors[3]);
	error = ((double) errors[0] + errors[1]) + ((double) errors[2] + errors[3]);
	return absolutes ? error : sqrt(error);
}

/* Inner product of the mean and the decoded code. */
static double
dot_mean(const OmenQuantizer *q, const OmenCodeHeader *hdr, const uint8_t *code)
{
	const float *mean = omen_quantizer_mean(q);
	Double2		low = {0.0, 0.0};
	Double2		high = {0.0, 0.0};
	uint32_t	i = 0;

	for (; i + LANES <= q->dim; i += LANES)
	{
		Double2		v = {code[i], code[i + 1]};
		Double2		w = {code[i + 2], code[i + 3]};

		low += v * load_double2(mean + i);
		high += w * load_double2(mean + i + 2);
	}
	for (; i < q->dim; i++)
		low[0] += (double) mean[i] * code[i];
	return (double) hdr->offset * q->mean_sum +
		   (double) hdr->step * ((low[0] + low[1]) + (high[0] + high[1]));
}

double
omen_grid_finish(const OmenQuantizer *q, double size, double error,
				 double rounding, OmenCodeHeader *hdr, const uint8_t *numbers)
{
	if (q->centred)
		rounding += UNIT_ROUNDOFF * size;

	hdr->mean_dot = omen_quantizer_metric(q)->is_product && q->centred
						? (float) dot_mean(q, hdr, numbers) + 0.0f
						: 0.0f;
	return error + rounding * omen_norm_factor(q);
}

double
omen_grid_encode_constant(const OmenQuantizer *q, float smallest, float largest,
						  OmenCodeHeader *hdr, uint8_t *numbers)
{
	hdr->offset = smallest;
	hdr->step = 0.0f;
	hdr->sum = 0;
	hdr->sumsq = 0;
	memset(numbers, 0, q->dim);
	return omen_grid_finish(q, omen_grid_largest(hdr), 0.0,
							(double) largest - smallest, hdr, numbers);
}

double
omen_grid_encode_bytes(const OmenQuantizer *q, const float *y,
					   OmenCodeHeader *hdr, void *code)
{
	bool		absolutes = omen_quantizer_metric(q)->sums_absolutes;
	uint8_t	   *numbers = (uint8_t *) code;
	float		smallest;
	float		largest;
	double		steps;

	omen_grid_range(y, q->dim, &smallest, &largest);
	hdr->offset = smallest;
	hdr->step = (float) (((double) largest - smallest) / LEVELS);
	if (!(hdr->step >= FLT_MIN))
		return omen_grid_encode_constant(q, smallest, largest, hdr, numbers);
	steps = round_coordinates(y, q->dim, absolutes, hdr, numbers);
	/* the errors were measured in float32: three roundings of up to LEVELS */
	return omen_grid_finish(q, omen_grid_largest(hdr),
							steps * (1.0 + omen_kernel_error(q->dim)) *
								hdr->step,
							4.0 * (LEVELS + 1) * UNIT_ROUNDOFF * hdr->step, hdr,
							numbers);
}

size_t
omen_grid_bytes(uint32_t dim)
{
	return dim;
}

/* ---------- sizes of what a code stands for ---------- */

double
omen_grid_largest(const OmenCodeHeader *hdr)
{
	return fabs((double) hdr->offset) + (double) LEVELS * hdr->step;
}

double
omen_grid_sumsq_bound(const OmenQuantizer *q, const OmenCodeHeader *hdr)
{
	double		dim = q->dim;
	double		offset = hdr->offset;
	double		step = hdr->step;
	double		size = omen_grid_largest(hdr);
	double		sumsq;

	sumsq = offset * (dim * offset + 2.0 * step * hdr->sum) +
			step * step * hdr->sumsq;
	sumsq += DOUBLE_SLACK * dim * size * size;
	return sumsq > 0.0 ? sumsq : 0.0;
}

double
omen_grid_sumsq(const OmenQuantizer *q, const OmenCodeHeader *hdr)
{
	double		offset = hdr->offset;
	double		step = hdr->step;

	return q->dim * offset * offset + 2.0 * offset * step * hdr->sum +
		   step * step * hdr->sumsq + 2.0 * hdr->mean_dot + q->mean_sumsq;
}

double
omen_grid_norm_bound(const OmenQuantizer *q, const OmenCodeHeader *hdr)
{
	double		sumsq;

	sumsq = omen_grid_sumsq_bound(q, hdr) + 2.0 * hdr->mean_dot + q->mean_sumsq;
	sumsq += 4.0 * UNIT_ROUNDOFF * fabs((double) hdr->mean_dot) +
			 DOUBLE_SLACK * q->dim * q->mean_sumsq + 0x1.0p-148;
	return sumsq > 0.0 ? sqrt(sumsq) * (1.0 + DOUBLE_SLACK) : 0.0;
}

/* |code + share * mean|^2, by the product of the two. */
double
omen_grid_query_norm_bound(const OmenQuantizer *q, const OmenQueryHeader *query)
{
	double		share = query->share;
	double		sumsq = omen_grid_sumsq_bound(q, &query->code);
	double		of_mean = share * share * q->mean_sumsq;

	sumsq += 4.0 * DOUBLE_SLACK * q->dim * (sumsq + of_mean) +
			 4.0 * UNIT_ROUNDOFF * fabs(share * (double) query->code.mean_dot) +
			 (1.0 + fabs(share)) * 0x1.0p-148;
	sumsq += 2.0 * share * query->with_mean - of_mean;
	return sumsq > 0.0 ? sqrt(sumsq) * (1.0 + DOUBLE_SLACK) : 0.0;
}

/* ---------- bounds of distances ---------- */

double
omen_grid_bound_l2sq(const OmenQuantizer *q, const OmenQueryHeader *query,
					 const OmenCodeHeader *node, double distance)
{
	double size = omen_grid_largest(&query->code) + omen_grid_largest(node);

	return distance * (1.0 - 2.0 * UNIT_ROUNDOFF) -
		   DOUBLE_SLACK * q->dim * size * size;
}

double
omen_grid_bound_product(const OmenQuantizer *q, const OmenQueryHeader *query,
						const OmenCodeHeader *node, double distance)
{
	double		size_q = omen_grid_largest(&query->code);
	double		size_n = omen_grid_largest(node);
	double		share = fabs(query->share);
	double		mean = sqrt(q->mean_sumsq);
	double of_mean = share != 0.0 ? share * fabs((double) node->mean_dot) : 0.0;

	/* a product with the mean, in float32, may have underflowed, too */
	return distance -
		   (2.0 * UNIT_ROUNDOFF *
				(fabs(distance) + fabs((double) query->code.mean_dot) +
				 of_mean) +
			(1.0 + share) * 0x1.0p-149 +
			DOUBLE_SLACK * q->dim *
				(size_q * size_n + mean * (size_q + share * (size_n + mean))));
}

/* Each decoded coordinate is rounded twice. */
double
omen_grid_bound_l1(const OmenQuantizer *q, const OmenQueryHeader *query,
				   const OmenCodeHeader *node, double distance)
{
	return distance * (1.0 - omen_kernel_error(q->dim)) -
		   (2.01 * UNIT_ROUNDOFF * q->dim *
				(omen_grid_largest(&query->code) + omen_grid_largest(node)) +
			q->dim * 0x1.0p-148);
}

/* ---------- checks ---------- */

const char *
omen_grid_header_flaw(const OmenMetricTraits *metric, const OmenCodeHeader *hdr)
{
	(void) metric;
	if (!isfinite(hdr->offset))
		return "offset of the code is not finite";
	if (!isfinite(hdr->step) || hdr->step < 0)
		return "step of the code makes no sense";
	return NULL;
}

bool
omen_grid_sums_differ(const OmenCodeHeader *hdr, uint32_t sum, uint32_t sumsq,
					  char *flaw, size_t room)
{
	if (sum == hdr->sum && sumsq == hdr->sumsq)
		return false;
	snprintf(flaw, room,
			 "sums of the code are %u and %u, but its header says %u and %u",
			 sum, sumsq, hdr->sum, hdr->sumsq);
	return true;
}
