/*
 * codes.c
 *		Encode vectors, and bound what a distance between codes can hide.
 *
 * Purpose: see codes.h.  The bits that omen_encode, omen_transform and
 * omen_recode produce are part of the on-disk format: the order of every
 * operation on that way is fixed for good.
 */
#include "codes.h"

#include <float.h>
#include <string.h>

#include "rotation.h"
#include "exact.h"

/* Half the distance from 1 to the next float: one rounding is within this. */
#define UNIT_ROUNDOFF 0x1.0p-24

/* Generous allowance for a dozen roundings in double precision. */
#define DOUBLE_SLACK 0x1.0p-48

/* Vectors with a larger coordinate are encoded as if multiplied by SHRINK. */
#define LARGEST_COORDINATE 0x1.0p96f
#define SHRINK 0x1.0p-64f

/*
 * Squared norms for which float32 sums of products are as precise as the
 * cosine bound assumes, the lower one for each dimension.
 */
#define LARGEST_COSINE_SUMSQ 0x1.0p126
#define SMALLEST_COSINE_SUMSQ 0x1.0p-120

/* Adding this to a float of 0..2^22 rounds it to an integer. */
#define ROUNDING_SHIFT 0x1.0p23f

/* Coordinates that are quantised at a time. */
#define BLOCK 16

/* Independent sums over the coordinates: fixed, as it decides the bits. */
#define LANES 4

static inline const uint32_t *
quantizer_signs(const OmenQuantizer *q)
{
	return (const uint32_t *) ((const char *) q + q->signs_at);
}

size_t
omen_quantizer_size(OmenMetric metric, OmenStorage storage, uint32_t dim)
{
	size_t		size = sizeof(OmenQuantizer);

	if (omen_is_rotated(storage, metric))
		size += sizeof(float) * (size_t) dim +
				sizeof(uint32_t) * omen_rotation_words(dim);
	return (size + 7) & ~(size_t) 7;
}

void
omen_quantizer_init(OmenQuantizer *q, OmenMetric metric, OmenStorage storage,
					uint32_t dim, uint64_t seed, const float *mean)
{
	memset(q, 0, omen_quantizer_size(metric, storage, dim));
	q->size = (uint32_t) omen_quantizer_size(metric, storage, dim);
	q->dim = dim;
	q->metric = (uint8_t) metric;
	q->storage = (uint8_t) storage;
	q->seed = seed;
	q->mean_at = (uint32_t) sizeof(OmenQuantizer);

	if (!omen_is_rotated(storage, metric))
		return;

	q->rotated = 1;
	q->signs_at = q->mean_at + (uint32_t) sizeof(float) * dim;
	omen_rotation_signs(seed, dim, (uint32_t *) ((char *) q + q->signs_at));

	if (mean == NULL)
		return;
	q->centred = 1;
	memcpy((char *) q + q->mean_at, mean, sizeof(float) * (size_t) dim);
	for (uint32_t i = 0; i < dim; i++)
	{
		q->mean_sum += mean[i];
		q->mean_sumsq += (double) mean[i] * mean[i];
	}
}

/* The float at or, slightly, above a non-negative bound. */
static float
round_up(double bound)
{
	if (bound == 0.0)
		return 0.0f;
	bound = bound * (1.0 + 0x1.0p-22) + 0x1.0p-148;
	return bound < FLT_MAX ? (float) bound : INFINITY;
}

/* Squared norm, in double precision. */
static double
sum_squares(const float *x, uint32_t dim)
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
	double		sumsq = sum_squares(x, dim);
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

/*
 * omen_transform, and a bound of what it did to the vector by rounding or
 * shrinking; except for the rotation, which quantize accounts for.
 */
static bool
transform_vector(const OmenQuantizer *q, const float *x, float *out,
				 double *error)
{
	*error = 0.0;
	if (q->metric == OMEN_METRIC_COSINE)
	{
		if (!normalize(x, q->dim, out, error))
			return false;
	}
	else if (q->storage == OMEN_STORAGE_FULL ||
			 is_within(x, q->dim, LARGEST_COORDINATE))
		memcpy(out, x, sizeof(float) * (size_t) q->dim);
	else
	{
		for (uint32_t i = 0; i < q->dim; i++)
			out[i] = x[i] * SHRINK;
		*error = INFINITY;
	}
	if (q->rotated)
		omen_rotate(quantizer_signs(q), q->dim, out);
	return true;
}

bool
omen_transform(const OmenQuantizer *q, const float *x, float *out)
{
	double		error;

	return transform_vector(q, x, out, &error);
}

/* Subtract the mean, if there is one. */
static void
centre(const OmenQuantizer *q, float *y)
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

/* Lanes of a where the mask is set, of b elsewhere. */
static inline Float4
choose(Word4 mask, Float4 a, Float4 b)
{
	return (Float4) (((Word4) a & mask) | ((Word4) b & ~mask));
}

static void
find_range(const float *y, uint32_t dim, float *smallest, float *largest)
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
	Float4		errors[4];		/* of the rounding errors squared (L1: their
								 * absolute values), in steps */
} RoundingSums;

/* The codes of four coordinates, given in steps from the offset. */
static inline Word4
round_lanes(Float4 v, bool l1, RoundingSums *sums, int n)
{
	Float4		shifted = v + ROUNDING_SHIFT;
	Float4		error = v - (shifted - ROUNDING_SHIFT);
	Word4		rounded = (Word4) shifted & 0xff;

	if (l1)
		sums->errors[n] += (Float4) ((Word4) error & UINT32_C(0x7fffffff));
	else
		sums->errors[n] += error * error;
	sums->codes += rounded;
	return rounded;
}

static inline void
round_block(const float *y, float offset, float inverse, bool l1,
			RoundingSums *sums, uint8_t *code)
{
	Float4		v0 = (load_float4(y) - offset) * inverse;
	Float4		v1 = (load_float4(y + 4) - offset) * inverse;
	Float4		v2 = (load_float4(y + 8) - offset) * inverse;
	Float4		v3 = (load_float4(y + 12) - offset) * inverse;

	store_bytes16(code, round_lanes(v0, l1, sums, 0),
				  round_lanes(v1, l1, sums, 1), round_lanes(v2, l1, sums, 2),
				  round_lanes(v3, l1, sums, 3));
}

/*
 * Fill code, and the sums of the header, from offset and step (not 0).
 * Returns the norm of the rounding errors, in steps.
 */
static double
round_coordinates(const float *y, uint32_t dim, bool l1, OmenCodeHeader *hdr,
				  uint8_t *code)
{
	float		inverse = (float) (1.0 / (double) hdr->step);
	RoundingSums sums;
	Float4		errors;
	double		error;
	uint32_t	i = 0;

	memset(&sums, 0, sizeof(sums));
	for (; i + BLOCK <= dim; i += BLOCK)
		round_block(y + i, hdr->offset, inverse, l1, &sums, code + i);
	if (i < dim)
	{
		float		last[BLOCK];
		uint8_t		last_code[BLOCK];

		/* filled up with what becomes code 0 without an error */
		for (uint32_t j = 0; j < BLOCK; j++)
			last[j] = i + j < dim ? y[i + j] : hdr->offset;
		round_block(last, hdr->offset, inverse, l1, &sums, last_code);
		memcpy(code + i, last_code, dim - i);
	}

	hdr->sum = sums.codes[0] + sums.codes[1] + sums.codes[2] + sums.codes[3];
	hdr->sumsq = omen_kernels->ip_u8(code, code, dim);	/* exact in any table */
	errors =
		(sums.errors[0] + sums.errors[1]) + (sums.errors[2] + sums.errors[3]);
	error = ((double) errors[0] + errors[1]) + ((double) errors[2] + errors[3]);
	return l1 ? error : sqrt(error);
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

/* Bound of the size of a decoded coordinate. */
static inline double
largest_decoded(const OmenCodeHeader *hdr)
{
	return fabs((double) hdr->offset) + 255.0 * hdr->step;
}

/*
 * The factor from the size of a coordinate to the norm of a vector whose dim
 * coordinates all have that size.
 */
static inline double
norm_factor(const OmenQuantizer *q)
{
	return q->metric == OMEN_METRIC_L1 ? (double) q->dim
									   : sqrt((double) q->dim);
}

/* Upper bound of the squared norm of the decoded vector, centred as it is. */
static double
decoded_sumsq(const OmenQuantizer *q, const OmenCodeHeader *hdr)
{
	double		dim = q->dim;
	double		offset = hdr->offset;
	double		step = hdr->step;
	double		size = largest_decoded(hdr);
	double		sumsq;

	sumsq = offset * (dim * offset + 2.0 * step * hdr->sum) +
			step * step * hdr->sumsq;
	sumsq += DOUBLE_SLACK * dim * size * size;
	return sumsq > 0.0 ? sumsq : 0.0;
}

/*
 * Quantise y, rotated and centred, into code, a byte of 0..levels for each
 * coordinate, and all of the header but error.  code may be where y is.
 * Returns a bound of how far the code is from y before y was rounded by the
 * subtraction of the mean.
 */
static double
quantize(const OmenQuantizer *q, const float *y, int levels,
		 OmenCodeHeader *hdr, uint8_t *code)
{
	float		smallest;
	float		largest;
	double		error = 0.0;
	double		rounding;		/* further errors, of each coordinate */

	find_range(y, q->dim, &smallest, &largest);
	hdr->offset = smallest;
	hdr->step = (float) (((double) largest - smallest) / levels);
	if (hdr->step >= FLT_MIN)
	{
		/* the errors were measured in float32: three roundings of up to levels */
		double steps = round_coordinates(y, q->dim, q->metric == OMEN_METRIC_L1,
										 hdr, code);

		error = steps * (1.0 + omen_kernel_error(q->dim)) * hdr->step;
		rounding = 4.0 * (levels + 1) * UNIT_ROUNDOFF * hdr->step;
	}
	else
	{
		/* no reciprocal: as good as constant */
		hdr->step = 0.0f;
		hdr->sum = 0;
		hdr->sumsq = 0;
		memset(code, 0, q->dim);
		rounding = (double) largest - smallest;
	}
	if (q->centred)
		rounding += UNIT_ROUNDOFF * largest_decoded(hdr);

	hdr->mean_dot = q->metric == OMEN_METRIC_IP && q->centred
						? (float) dot_mean(q, hdr, code) + 0.0f
						: 0.0f;
	return error + rounding * norm_factor(q);
}

#define LEVELS_SQ8 255
#define LEVELS_SQ4 15

/* Pack numbers of 0..15; see distance.h. */
static void
pack_halves(const uint8_t *numbers, uint32_t dim, uint8_t *packed)
{
	uint32_t	half = OMEN_PACKED_BYTES(dim);

	for (uint32_t i = 0; i + half < dim; i++)
		packed[i] = (uint8_t) (numbers[i] | numbers[half + i] << 4);
	if (half > dim - half)
		packed[half - 1] = numbers[half - 1];
}

/* The number that a code has for a coordinate. */
static inline uint8_t
number_at(const OmenQuantizer *q, const uint8_t *code, uint32_t i)
{
	uint32_t	half = OMEN_PACKED_BYTES(q->dim);

	if (q->storage == OMEN_STORAGE_SQ8)
		return code[i];
	return i < half ? code[i] & 15 : code[i - half] >> 4;
}

/*
 * Quantise as quantize() does, into a code as it is stored.  Leaves y without
 * its contents.
 */
static double
quantize_stored(const OmenQuantizer *q, float *y, OmenCodeHeader *hdr,
				uint8_t *code)
{
	double		error;

	if (q->storage == OMEN_STORAGE_SQ8)
		return quantize(q, y, LEVELS_SQ8, hdr, code);
	/* a number needs less room than the float that it comes from */
	error = quantize(q, y, LEVELS_SQ4, hdr, (uint8_t *) y);
	pack_halves((const uint8_t *) y, q->dim, code);
	return error;
}

/* Bound of the rounding errors of the rotation of what the code stands for. */
static double
rotation_slack(const OmenQuantizer *q, const OmenCodeHeader *hdr, double error)
{
	double norm = sqrt(decoded_sumsq(q, hdr)) + error + sqrt(q->mean_sumsq);

	return omen_rotation_error(q->dim) * norm + q->dim * 0x1.0p-145;
}

/* FULL: the floats themselves. */
static bool
encode_full(const OmenQuantizer *q, const float *x, OmenCodeHeader *hdr,
			float *code)
{
	double		error;

	if (!transform_vector(q, x, code, &error))
		return false;
	memset(hdr, 0, sizeof(*hdr));
	hdr->error = round_up(error);
	if (q->metric == OMEN_METRIC_IP)
		hdr->offset = round_up(sqrt(sum_squares(x, q->dim)));
	return true;
}

/* The error of a code of what took `before` to transform. */
static float
whole_error(const OmenQuantizer *q, const OmenCodeHeader *hdr, double before,
			double error)
{
	if (q->rotated)
		error += rotation_slack(q, hdr, error);
	return round_up(before + error);
}

bool
omen_encode(const OmenQuantizer *q, const float *x, float *scratch,
			OmenCodeHeader *hdr, void *code)
{
	double		before;
	double		error;

	if (q->storage == OMEN_STORAGE_FULL)
		return encode_full(q, x, hdr, (float *) code);

	if (!transform_vector(q, x, scratch, &before))
		return false;
	centre(q, scratch);
	error = quantize_stored(q, scratch, hdr, (uint8_t *) code);
	hdr->error = whole_error(q, hdr, before, error);
	return true;
}

void
omen_decode(const OmenQuantizer *q, const OmenCodeHeader *hdr, const void *code,
			float *out)
{
	const uint8_t *bytes = (const uint8_t *) code;

	if (q->storage == OMEN_STORAGE_FULL)
	{
		memcpy(out, code, omen_code_bytes(q));
		return;
	}
	for (uint32_t i = 0; i < q->dim; i++)
		out[i] = (float) ((double) hdr->offset +
						  (double) hdr->step * number_at(q, bytes, i));
}

void
omen_recode(const OmenQuantizer *from, const OmenQuantizer *to,
			const OmenCodeHeader *hin, const void *cin, float *scratch,
			OmenCodeHeader *hout, void *cout)
{
	const uint8_t *bytes = (const uint8_t *) cin;
	const float *old_mean = omen_quantizer_mean(from);
	const float *new_mean = omen_quantizer_mean(to);
	double		error = hin->error;
	double		size = largest_decoded(hin);

	if (!from->rotated)
	{
		memmove(cout, cin, omen_code_bytes(from));
		*hout = *hin;
		return;
	}
	for (uint32_t i = 0; i < from->dim; i++)
	{
		double		x = (double) hin->offset +
				   (double) hin->step * number_at(from, bytes, i);

		if (old_mean != NULL)
			x += old_mean[i];
		if (new_mean != NULL)
			x -= new_mean[i];
		scratch[i] = (float) x;
	}

	/* what the conversion to float32 and the sums before it rounded off */
	size = size * sqrt((double) from->dim) + sqrt(from->mean_sumsq) +
		   sqrt(to->mean_sumsq);
	error += size * (UNIT_ROUNDOFF + DOUBLE_SLACK);
	error += quantize_stored(to, scratch, hout, (uint8_t *) cout);
	hout->error = round_up(error);
}

double
omen_code_error(const OmenQuantizer *q, const float *x, float *scratch,
				const OmenCodeHeader *hdr, const void *code)
{
	const float *mean = omen_quantizer_mean(q);
	const float *floats = (const float *) code;
	const uint8_t *bytes = (const uint8_t *) code;
	double		error;
	double		sum = 0.0;

	if (!transform_vector(q, x, scratch, &error))
		return NAN;
	if (error == INFINITY)
		return INFINITY;
	for (uint32_t i = 0; i < q->dim; i++)
	{
		double		e = scratch[i];

		if (q->storage == OMEN_STORAGE_FULL)
			e -= floats[i];
		else
			e -= (double) hdr->offset +
				 (double) hdr->step * number_at(q, bytes, i);
		if (mean != NULL)
			e -= mean[i];
		sum += q->metric == OMEN_METRIC_L1 ? fabs(e) : e * e;
	}
	return q->metric == OMEN_METRIC_L1 ? sum : sqrt(sum);
}

/*
 * Lower bound of the L2 distance between the decoded vectors, given their
 * squared distance as omen_code_distance computed it.
 */
static double
decoded_l2(const OmenQuantizer *q, const OmenCodeHeader *ha,
		   const OmenCodeHeader *hb, double distance)
{
	double		size = largest_decoded(ha) + largest_decoded(hb);
	double		sumsq;

	if (q->storage == OMEN_STORAGE_FULL)
		sumsq = distance * (1.0 - omen_kernel_error(q->dim));
	else
		sumsq = distance * (1.0 - 2.0 * UNIT_ROUNDOFF) -
				DOUBLE_SLACK * q->dim * size * size;
	sumsq -= q->dim * 0x1.0p-149;
	return sumsq > 0.0 ? sqrt(sumsq) : 0.0;
}

/*
 * The rounding error of a node with SQ4 is as long as a neighbor is far, and a
 * bound that allowed for its pointing straight at the query would say nothing.
 * After the random rotation it points anywhere: its part along a given
 * direction is that of a random vector of dim coordinates, of a standard
 * deviation of 1 / sqrt(dim) of its length.  SIGMAS of these are allowed for.
 * With few coordinates the error is far from random, and counts in full.
 */
#define SIGMAS 4.0
#define FEW_COORDINATES 64

static inline double
likely_part(const OmenQuantizer *q)
{
	return q->storage != OMEN_STORAGE_SQ4 || q->dim < FEW_COORDINATES
			   ? 1.0
			   : SIGMAS / sqrt((double) q->dim);
}

/*
 * Lower bound of the L2 distance of a query and a node, d being the distance of
 * the decoded vectors, and e the node's error, of which `part` may point at the
 * query.  If it is independent of the query,
 * d^2 = truth^2 + e^2 +- 2 * part * truth * e.
 */
static double
bound_past_error(double d, double e, double part)
{
	double		truth = d * d - e * e;

	if (part == 1.0)
		return d - e;
	if (truth < 0.0)
		truth = 0.0;
	return sqrt(part * part * e * e + truth) - part * e;
}

/* What a float32 kernel may return, at least, for L2 distance d. */
static double
bound_l2(const OmenQuantizer *q, double d)
{
	double		sumsq =
		d * d * (1.0 - omen_kernel_error(q->dim)) - q->dim * 0x1.0p-149;

	return sumsq > 0.0 ? sqrt(sumsq) * (1.0 - DOUBLE_SLACK) : 0.0;
}

/* 1 - cos is half the squared distance of the normalised vectors. */
static double
bound_cosine(const OmenQuantizer *q, double d)
{
	return d * d * 0.5 - 2.0 * omen_kernel_error(q->dim) - 4.0 * UNIT_ROUNDOFF;
}

/* The same two steps for L1. */
static double
bound_l1(const OmenQuantizer *q, const OmenCodeHeader *ha,
		 const OmenCodeHeader *hb, double distance)
{
	double		kernel = 1.0 - omen_kernel_error(q->dim);
	double		d = distance * kernel;

	/* each decoded coordinate is rounded twice */
	if (q->storage == OMEN_STORAGE_SQ8)
		d -= 2.01 * UNIT_ROUNDOFF * q->dim *
				 (largest_decoded(ha) + largest_decoded(hb)) +
			 q->dim * 0x1.0p-148;
	d = (d - ha->error - hb->error) * kernel;
	return d > 0.0 ? d : 0.0;
}

/* Upper bound of the norm of the whole decoded vector, the mean added back. */
static double
whole_norm(const OmenQuantizer *q, const OmenCodeHeader *hdr)
{
	double		sumsq;

	if (q->storage == OMEN_STORAGE_FULL)
		return hdr->offset;
	sumsq = decoded_sumsq(q, hdr) + 2.0 * hdr->mean_dot + q->mean_sumsq;
	sumsq += 4.0 * UNIT_ROUNDOFF * fabs((double) hdr->mean_dot) +
			 DOUBLE_SLACK * q->dim * q->mean_sumsq + 0x1.0p-148;
	return sumsq > 0.0 ? sqrt(sumsq) * (1.0 + DOUBLE_SLACK) : 0.0;
}

static double
bound_ip(const OmenQuantizer *q, const OmenCodeHeader *ha,
		 const OmenCodeHeader *hb, double distance, double part)
{
	double		norm_a = whole_norm(q, ha);
	double		norm_b = whole_norm(q, hb);
	double		size_a = largest_decoded(ha);
	double		size_b = largest_decoded(hb);
	double		kernel = omen_kernel_error(q->dim);
	double		largest = (norm_a + ha->error) * (norm_b + hb->error);
	double		product = -distance;

	/* a float32 sum could overflow on its way, and be anything */
	if (!(largest < FLT_MAX / 2))
		return -INFINITY;

	if (q->storage == OMEN_STORAGE_FULL)
		product += kernel * norm_a * norm_b;
	else
		product +=
			2.0 * UNIT_ROUNDOFF *
				(fabs(distance) + fabs((double) ha->mean_dot) +
				 fabs((double) hb->mean_dot)) +
			DOUBLE_SLACK * (q->dim * size_a * size_b + q->dim * q->mean_sumsq);
	product += q->dim * 0x1.0p-148;

	product += norm_a * hb->error * part + norm_b * ha->error +
			   (double) ha->error * hb->error;
	product += kernel * largest + q->dim * 0x1.0p-149;
	return -product - DOUBLE_SLACK * fabs(product);
}

/* Lower bound, with so much of the node's error pointing at the query. */
static double
lower_bound(const OmenQuantizer *q, const OmenCodeHeader *query,
			const OmenCodeHeader *node, float graph_distance, double part)
{
	double		distance = graph_distance;
	double		d;

	if (!(query->error < INFINITY && node->error < INFINITY) || isnan(distance))
		return -INFINITY;
	if (distance > FLT_MAX)
		distance = FLT_MAX;		/* it may be no more than that */

	switch (q->metric)
	{
		case OMEN_METRIC_IP:
			return bound_ip(q, query, node, distance, part);
		case OMEN_METRIC_L1:
			return bound_l1(q, query, node, distance);
		default:
			d = bound_past_error(decoded_l2(q, query, node, distance),
								 node->error, part) -
				query->error;
			if (d < 0.0)
				d = 0.0;
			return q->metric == OMEN_METRIC_COSINE ? bound_cosine(q, d)
												   : bound_l2(q, d);
	}
}

double
omen_lower_bound(const OmenQuantizer *q, const OmenCodeHeader *query,
				 const OmenCodeHeader *node, float graph_distance)
{
	return lower_bound(q, query, node, graph_distance, likely_part(q));
}

double
omen_certain_bound(const OmenQuantizer *q, const OmenCodeHeader *query,
				   const OmenCodeHeader *node, float graph_distance)
{
	return lower_bound(q, query, node, graph_distance, 1.0);
}

/*
 * Replace the transformed and centred query by what its code leaves out.  Sums
 * are kept in four parts, for the processor to work on at the same time.
 */
static void
find_rest(const OmenQuantizer *q, double before, const OmenCodeHeader *hdr,
		  const uint8_t *code, float *rest, OmenQueryRest *about)
{
	double		sum[4] = {0};
	double		sumsq[4] = {0};
	double		with_code[4] = {0};

	for (uint32_t i = 0; i < q->dim; i++)
	{
		double decoded = (double) hdr->offset + (double) hdr->step * code[i];

		rest[i] = (float) ((double) rest[i] - decoded);
		sum[i % 4] += rest[i];
		sumsq[i % 4] += (double) rest[i] * rest[i];
		with_code[i % 4] += rest[i] * decoded;
	}
	about->sum = (sum[0] + sum[1]) + (sum[2] + sum[3]);
	about->sumsq = (sumsq[0] + sumsq[1]) + (sumsq[2] + sumsq[3]);
	about->with_code =
		(with_code[0] + with_code[1]) + (with_code[2] + with_code[3]);

	/* the rest was rounded to float32, and so was what the mean left over */
	about->error = before + UNIT_ROUNDOFF * sqrt(about->sumsq) +
				   UNIT_ROUNDOFF * 2.0 * largest_decoded(hdr) * norm_factor(q) +
				   q->dim * 0x1.0p-145;
	about->error += rotation_slack(q, hdr, sqrt(about->sumsq));
	about->is_known = about->error < INFINITY;
}

bool
omen_encode_query(const OmenQuantizer *q, const float *x, float *rest,
				  OmenCodeHeader *hdr, void *code, OmenQueryRest *about)
{
	double		before;
	double		error;

	about->is_known = false;
	if (q->storage == OMEN_STORAGE_FULL)
		return encode_full(q, x, hdr, (float *) code);

	if (!transform_vector(q, x, rest, &before))
		return false;
	centre(q, rest);
	error = quantize(q, rest, LEVELS_SQ8, hdr, (uint8_t *) code);
	hdr->error = whole_error(q, hdr, before, error);
	/* where the nodes' own errors are larger the rest would not help */
	if (q->rotated && q->storage == OMEN_STORAGE_SQ8 &&
		q->metric != OMEN_METRIC_IP && before < INFINITY)
		find_rest(q, before, hdr, (const uint8_t *) code, rest, about);
	return true;
}

double
omen_refined_bound(const OmenQuantizer *q, const OmenCodeHeader *query,
				   const float *rest, const OmenQueryRest *about,
				   const OmenCodeHeader *node, const void *code,
				   float graph_distance)
{
	double		size = largest_decoded(query) + largest_decoded(node);
	double		step = node->step;
	double		dot;
	double		sumsq;
	double		d;

	if (!(node->error < INFINITY) || !(graph_distance <= FLT_MAX))
		return -INFINITY;

	/* |query + rest - node|^2, of the decoded query and node */
	dot = omen_kernels->ip_f32_u8(rest, (const uint8_t *) code, q->dim);
	sumsq = (double) graph_distance * (1.0 - 2.0 * UNIT_ROUNDOFF) +
			2.0 * (about->with_code - node->offset * about->sum - step * dot) +
			about->sumsq;

	/* what float32 may have made of the product, and double of the sums */
	sumsq -= 2.0 * step * omen_kernel_error(q->dim) *
			 sqrt(about->sumsq * node->sumsq);
	sumsq -= DOUBLE_SLACK * q->dim * size * size + q->dim * 0x1.0p-149;

	d = sumsq > 0.0 ? sqrt(sumsq) - about->error - node->error : 0.0;
	if (d < 0.0)
		d = 0.0;
	return q->metric == OMEN_METRIC_COSINE ? bound_cosine(q, d)
										   : bound_l2(q, d);
}
