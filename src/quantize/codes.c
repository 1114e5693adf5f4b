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
#define UNIT_ROUNDOFF	0x1.0p-24

/* Generous allowance for a dozen roundings in double precision. */
#define DOUBLE_SLACK	0x1.0p-48

/* Largest squared norm that is encoded faithfully: that of 2^96. */
#define LARGEST_SUMSQ	0x1.0p192

/* Larger vectors are encoded as if multiplied by this. */
#define SHRINK			0x1.0p-64f

/*
 * Squared norms for which float32 sums of products are as precise as the
 * cosine bound assumes, the lower one for each dimension.
 */
#define LARGEST_COSINE_SUMSQ	0x1.0p126
#define SMALLEST_COSINE_SUMSQ	0x1.0p-120

/* Adding this to a float of 0..2^22 rounds it to an integer. */
#define ROUNDING_SHIFT	0x1.0p23f

/* Independent sums over the coordinates: fixed, as it decides the bits. */
#define LANES 4

static inline bool
is_rotated(const OmenQuantizer *q)
{
	return q->rounds > 0;
}

static inline const uint8_t *
quantizer_signs(const OmenQuantizer *q)
{
	return (const uint8_t *) q + q->signs_at;
}

/* Does a quantizer of this kind rotate, and have room for a mean? */
static bool
has_rotation(OmenMetric metric, OmenStorage storage)
{
	return storage == OMEN_STORAGE_SQ8 && metric != OMEN_METRIC_L1;
}

size_t
omen_quantizer_size(OmenMetric metric, OmenStorage storage, uint32_t dim)
{
	size_t		size = sizeof(OmenQuantizer);

	if (has_rotation(metric, storage))
		size += (sizeof(float) + 1) * (size_t) dim;
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

	if (!has_rotation(metric, storage))
		return;

	q->rounds = (uint8_t) omen_rotation_rounds(dim);
	q->signs_at = q->mean_at + (uint32_t) sizeof(float) * dim;
	omen_rotation_signs(seed, dim, (uint8_t *) q + q->signs_at);

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
	double		lane[LANES] = {0.0};
	uint32_t	i = 0;

	for (; i + LANES <= dim; i += LANES)
		for (int j = 0; j < LANES; j++)
			lane[j] += (double) x[i + j] * x[i + j];
	for (; i < dim; i++)
		lane[0] += (double) x[i] * x[i];
	return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

/*
 * Copy x to out, normalised for cosine, shrunk when too large.  *error is set
 * to a bound of the norm of what rounding did to it, *norm to a bound of the
 * norm of out.  False if there is no direction, which only cosine needs.
 */
static bool
load_vector(const OmenQuantizer *q, const float *x, float *out,
			double *error, double *norm)
{
	uint32_t	dim = q->dim;
	double		sumsq = sum_squares(x, dim);
	double		inverse;

	*error = 0.0;
	if (q->metric == OMEN_METRIC_COSINE)
	{
		if (sumsq == 0.0)
			return false;
		inverse = 1.0 / sqrt(sumsq);
		for (uint32_t i = 0; i < dim; i++)
			out[i] = (float) ((double) x[i] * inverse);
		*norm = 1.001;
		*error = 1.01 * UNIT_ROUNDOFF + dim * 0x1.0p-149;
		if (sumsq > LARGEST_COSINE_SUMSQ ||
			sumsq < SMALLEST_COSINE_SUMSQ * dim)
			*error = INFINITY;
		return true;
	}

	*norm = sqrt(sumsq) * (1.0 + DOUBLE_SLACK * dim);
	if (q->storage == OMEN_STORAGE_FULL || sumsq <= LARGEST_SUMSQ)
	{
		memcpy(out, x, sizeof(float) * (size_t) dim);
		return true;
	}
	for (uint32_t i = 0; i < dim; i++)
		out[i] = x[i] * SHRINK;
	*norm *= SHRINK;
	*error = INFINITY;
	return true;
}

/* omen_transform, with the bounds of load_vector. */
static bool
transform_vector(const OmenQuantizer *q, const float *x, float *out,
				 double *error, double *norm)
{
	if (!load_vector(q, x, out, error, norm))
		return false;
	if (is_rotated(q))
	{
		omen_rotate(quantizer_signs(q), q->rounds, q->dim, out);
		*error += omen_rotation_error(q->rounds, q->dim) * *norm +
			q->dim * 0x1.0p-145;
	}
	return true;
}

bool
omen_transform(const OmenQuantizer *q, const float *x, float *out)
{
	double		error;
	double		norm;

	return transform_vector(q, x, out, &error, &norm);
}

/* Lanes of a where the mask is set, of b elsewhere. */
static inline Float4
choose(Int4 mask, Float4 a, Float4 b)
{
	return (Float4) (((Int4) a & mask) | ((Int4) b & ~mask));
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

			lows = choose(v < lows, v, lows);
			highs = choose(v > highs, v, highs);
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

/* Fill code, and sum of the header, from offset and step. */
static void
round_coordinates(const float *y, uint32_t dim, OmenCodeHeader *hdr,
				  uint8_t *code)
{
	float		inverse = hdr->step > 0.0f ? (float) (1.0 / hdr->step) : 0.0f;
	Int4		sums = {0, 0, 0, 0};
	uint32_t	sum;
	uint32_t	i = 0;

	for (; i + LANES <= dim; i += LANES)
	{
		Float4		v = (load_float4(y + i) - hdr->offset) * inverse;
		Int4		rounded = (Int4) (v + ROUNDING_SHIFT) & 0xff;

		sums += rounded;
		for (int j = 0; j < LANES; j++)
			code[i + j] = (uint8_t) rounded[j];
	}
	sum = (uint32_t) (sums[0] + sums[1] + sums[2] + sums[3]);
	for (; i < dim; i++)
	{
		float		v = (y[i] - hdr->offset) * inverse + ROUNDING_SHIFT;

		code[i] = (uint8_t) (v - ROUNDING_SHIFT);
		sum += code[i];
	}
	hdr->sum = sum;
	hdr->sumsq = omen_kernels->ip_u8(code, code, dim);	/* exact in any table */
}

/* How far coordinate i of y is from its code. */
static inline double
rounding_of(const OmenCodeHeader *hdr, float y, uint8_t code)
{
	return (double) y - ((double) hdr->offset + (double) hdr->step * code);
}

/* Norm of y minus the decoded code: L1 for L1, else L2. */
static double
measure_error(const OmenQuantizer *q, const float *y,
			  const OmenCodeHeader *hdr, const uint8_t *code)
{
	double		lane[LANES] = {0.0};
	uint32_t	dim = q->dim;
	uint32_t	i = 0;
	double		e;

	if (q->metric == OMEN_METRIC_L1)
	{
		for (; i < dim; i++)
			lane[i % LANES] += fabs(rounding_of(hdr, y[i], code[i]));
		return (lane[0] + lane[1]) + (lane[2] + lane[3]);
	}

	for (; i + LANES <= dim; i += LANES)
		for (int j = 0; j < LANES; j++)
		{
			e = rounding_of(hdr, y[i + j], code[i + j]);
			lane[j] += e * e;
		}
	for (; i < dim; i++)
	{
		e = rounding_of(hdr, y[i], code[i]);
		lane[0] += e * e;
	}
	return sqrt((lane[0] + lane[1]) + (lane[2] + lane[3]));
}

/* Inner product of the mean and the decoded code. */
static double
dot_mean(const OmenQuantizer *q, const OmenCodeHeader *hdr,
		 const uint8_t *code)
{
	const float *mean = omen_quantizer_mean(q);
	double		lane[LANES] = {0.0};
	uint32_t	i = 0;

	for (; i + LANES <= q->dim; i += LANES)
		for (int j = 0; j < LANES; j++)
			lane[j] += (double) mean[i + j] * code[i + j];
	for (; i < q->dim; i++)
		lane[0] += (double) mean[i] * code[i];
	return (double) hdr->offset * q->mean_sum +
		(double) hdr->step * ((lane[0] + lane[1]) + (lane[2] + lane[3]));
}

/* Bound of the size of a decoded coordinate. */
static inline double
largest_decoded(const OmenCodeHeader *hdr)
{
	return fabs((double) hdr->offset) + 255.0 * hdr->step;
}

/*
 * Quantise y, which is rotated and centred.  y was rounded once when it was
 * centred, and before that strayed by at most error from what it stands for.
 */
static void
quantize(const OmenQuantizer *q, const float *y, double error,
		 OmenCodeHeader *hdr, uint8_t *code)
{
	uint32_t	dim = q->dim;
	float		smallest;
	float		largest;
	double		rounding;

	find_range(y, dim, &smallest, &largest);
	hdr->offset = smallest;
	hdr->step = (float) (((double) largest - smallest) / 255.0);
	if (hdr->step < FLT_MIN)
	{
		/* no reciprocal: as good as constant */
		hdr->offset = (float) (((double) largest + smallest) * 0.5) + 0.0f;
		hdr->step = 0.0f;
	}
	round_coordinates(y, dim, hdr, code);
	hdr->mean_dot = q->metric == OMEN_METRIC_IP && q->centred ?
		(float) dot_mean(q, hdr, code) + 0.0f : 0.0f;

	rounding = largest_decoded(hdr) * (q->centred ? UNIT_ROUNDOFF : DOUBLE_SLACK);
	rounding *= q->metric == OMEN_METRIC_L1 ? (double) dim : sqrt((double) dim);
	hdr->error = round_up(error + measure_error(q, y, hdr, code) * 1.000001 + rounding);
}

/* FULL: the floats themselves. */
static bool
encode_full(const OmenQuantizer *q, const float *x, OmenCodeHeader *hdr,
			float *code)
{
	double		error;
	double		norm;

	if (!load_vector(q, x, code, &error, &norm))
		return false;
	memset(hdr, 0, sizeof(*hdr));
	hdr->error = round_up(error);
	if (q->metric == OMEN_METRIC_IP)
		hdr->offset = round_up(norm);
	return true;
}

bool
omen_encode(const OmenQuantizer *q, const float *x, float *scratch,
			OmenCodeHeader *hdr, void *code)
{
	const float *mean = omen_quantizer_mean(q);
	double		error;
	double		norm;

	if (q->storage == OMEN_STORAGE_FULL)
		return encode_full(q, x, hdr, (float *) code);

	if (!transform_vector(q, x, scratch, &error, &norm))
		return false;
	if (mean != NULL)
		for (uint32_t i = 0; i < q->dim; i++)
			scratch[i] -= mean[i];
	quantize(q, scratch, error, hdr, (uint8_t *) code);
	return true;
}

void
omen_decode(const OmenQuantizer *q, const OmenCodeHeader *hdr,
			const void *code, float *out)
{
	const uint8_t *bytes = (const uint8_t *) code;

	if (q->storage == OMEN_STORAGE_FULL)
	{
		memcpy(out, code, omen_code_bytes(q));
		return;
	}
	for (uint32_t i = 0; i < q->dim; i++)
		out[i] = (float) ((double) hdr->offset + (double) hdr->step * bytes[i]);
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

	if (!is_rotated(from))
	{
		memmove(cout, cin, omen_code_bytes(from));
		*hout = *hin;
		return;
	}
	for (uint32_t i = 0; i < from->dim; i++)
	{
		double		x = (double) hin->offset + (double) hin->step * bytes[i];

		if (old_mean != NULL)
			x += old_mean[i];
		if (new_mean != NULL)
			x -= new_mean[i];
		scratch[i] = (float) x;
	}

	/* what the conversion to float32 and the sums before it rounded off */
	size = size * sqrt((double) from->dim) +
		sqrt(from->mean_sumsq) + sqrt(to->mean_sumsq);
	error += size * (UNIT_ROUNDOFF + DOUBLE_SLACK);
	quantize(to, scratch, error, hout, (uint8_t *) cout);
}

double
omen_code_error(const OmenQuantizer *q, const float *x, float *scratch,
				const OmenCodeHeader *hdr, const void *code)
{
	const float *mean = omen_quantizer_mean(q);
	const float *floats = (const float *) code;
	double		error;
	double		norm;
	double		sumsq = 0.0;

	if (!transform_vector(q, x, scratch, &error, &norm))
		return NAN;
	if (error == INFINITY)
		return INFINITY;
	if (q->storage == OMEN_STORAGE_SQ8)
	{
		if (mean != NULL)
			for (uint32_t i = 0; i < q->dim; i++)
				scratch[i] -= mean[i];
		return measure_error(q, scratch, hdr, (const uint8_t *) code);
	}
	for (uint32_t i = 0; i < q->dim; i++)
	{
		double		e = (double) scratch[i] - floats[i];

		if (q->metric == OMEN_METRIC_L1)
			sumsq += fabs(e);
		else
			sumsq += e * e;
	}
	return q->metric == OMEN_METRIC_L1 ? sumsq : sqrt(sumsq);
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

/* What a float32 kernel may return, at least, for L2 distance d. */
static double
bound_l2(const OmenQuantizer *q, double d)
{
	double		sumsq = d * d * (1.0 - omen_kernel_error(q->dim)) -
		q->dim * 0x1.0p-149;

	return sumsq > 0.0 ? sqrt(sumsq) * (1.0 - DOUBLE_SLACK) : 0.0;
}

/* 1 - cos is half the squared distance of the normalised vectors. */
static double
bound_cosine(const OmenQuantizer *q, double d)
{
	return d * d * 0.5 -
		2.0 * omen_kernel_error(q->dim) - 4.0 * UNIT_ROUNDOFF;
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
			(largest_decoded(ha) + largest_decoded(hb)) + q->dim * 0x1.0p-148;
	d = (d - ha->error - hb->error) * kernel;
	return d > 0.0 ? d : 0.0;
}

/* Upper bound of the norm of the whole decoded vector, the mean added back. */
static double
whole_norm(const OmenQuantizer *q, const OmenCodeHeader *hdr)
{
	double		o = hdr->offset;
	double		s = hdr->step;
	double		size = largest_decoded(hdr);
	double		sumsq;

	if (q->storage == OMEN_STORAGE_FULL)
		return o;
	sumsq = o * (q->dim * o + 2.0 * s * hdr->sum) + s * s * hdr->sumsq +
		2.0 * hdr->mean_dot + q->mean_sumsq;
	sumsq += 4.0 * UNIT_ROUNDOFF * fabs((double) hdr->mean_dot) +
		DOUBLE_SLACK * q->dim * (size * size + q->mean_sumsq) + 0x1.0p-148;
	return sumsq > 0.0 ? sqrt(sumsq) * (1.0 + DOUBLE_SLACK) : 0.0;
}

static double
bound_ip(const OmenQuantizer *q, const OmenCodeHeader *ha,
		 const OmenCodeHeader *hb, double distance)
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
		product += 2.0 * UNIT_ROUNDOFF *
			(fabs(distance) + fabs((double) ha->mean_dot) + fabs((double) hb->mean_dot)) +
			DOUBLE_SLACK * (q->dim * size_a * size_b + q->dim * q->mean_sumsq);
	product += q->dim * 0x1.0p-148;

	product += norm_a * hb->error + norm_b * ha->error +
		(double) ha->error * hb->error;
	product += kernel * largest + q->dim * 0x1.0p-149;
	return -product - DOUBLE_SLACK * fabs(product);
}

double
omen_lower_bound(const OmenQuantizer *q, const OmenCodeHeader *query,
				 const OmenCodeHeader *node, float graph_distance)
{
	double		distance = graph_distance;
	double		d;

	if (!(query->error < INFINITY && node->error < INFINITY) ||
		isnan(distance))
		return -INFINITY;
	if (distance > FLT_MAX)
		distance = FLT_MAX;		/* it may be no more than that */

	switch (q->metric)
	{
		case OMEN_METRIC_IP:
			return bound_ip(q, query, node, distance);
		case OMEN_METRIC_L1:
			return bound_l1(q, query, node, distance);
		default:
			d = decoded_l2(q, query, node, distance) -
				query->error - node->error;
			if (d < 0.0)
				d = 0.0;
			return q->metric == OMEN_METRIC_COSINE ?
				bound_cosine(q, d) : bound_l2(q, d);
	}
}
