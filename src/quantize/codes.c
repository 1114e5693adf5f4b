/*
 * codes.c
 *		Encode vectors, and measure what a code leaves out; see codes.h.
 *
 * Purpose: what is done to every vector, whatever the kind of code.  The bits
 * that omen_encode, omen_transform and omen_recode produce are part of the
 * on-disk format: the order of every operation on that way is fixed for good.
 */
#include "codes.h"

#include <math.h>
#include <string.h>

#include "rotation.h"
#include "transform.h"
#include "exact.h"

/* What underflow may take from a coordinate while it is rotated. */
#define ROTATION_UNDERFLOW 0x1.0p-145

/* Coordinates that are decoded at a time, on the stack. */
#define BLOCK 64

bool
omen_transform(const OmenQuantizer *q, const float *x, float *out)
{
	double		error;

	return omen_transform_vector(q, x, out, &error);
}

/* ---------- encoding ---------- */

/*
 * Bound of the rounding errors of the rotation of what the code stands for,
 * beside `share` times the mean.
 */
static double
rotation_slack(const OmenQuantizer *q, const OmenCodeHeader *hdr, double error,
			   double share)
{
	double norm = sqrt(omen_quantizer_codec(q)->sumsq_bound(q, hdr)) + error +
				  fabs(share) * sqrt(q->mean_sumsq);

	return omen_rotation_error(q->dim) * norm + q->dim * ROTATION_UNDERFLOW;
}

/* The error of a code of what took `before` to transform. */
static float
whole_error(const OmenQuantizer *q, const OmenCodeHeader *hdr, double before,
			double error, double share)
{
	if (q->rotated)
		error += rotation_slack(q, hdr, error, share);
	return omen_round_up(before + error);
}

bool
omen_encode(const OmenQuantizer *q, const float *x, float *scratch,
			OmenCodeHeader *hdr, void *code)
{
	double		before;
	double		error;

	if (!omen_transform_vector(q, x, scratch, &before))
		return false;
	omen_centre(q, scratch);
	error = omen_quantizer_codec(q)->encode(q, scratch, hdr, code);
	hdr->error = whole_error(q, hdr, before, error, 1.0);
	return true;
}

/* What find_rest adds up, of two coordinates at a time. */
typedef struct RestSums
{
	Double2		sum;
	Double2		sumsq;
	Double2		with_code;
} RestSums;

static inline void
add_rest(RestSums *sums, Double2 rest, Double2 values)
{
	sums->sum += rest;
	sums->sumsq += rest * rest;
	sums->with_code += rest * values;
}

/* Two coordinates, of which the codes stand for these values. */
static inline void
take_rest(RestSums *sums, float *rest, const double *values)
{
	Double2		of_code;
	Double2		left;

	memcpy(&of_code, values, sizeof(of_code));
	left = load_double2(rest) - of_code;
	rest[0] = (float) left[0];
	rest[1] = (float) left[1];
	add_rest(sums, load_double2(rest), of_code);
}

/* One, beside which there is no other. */
static inline void
take_rest_of_one(RestSums *sums, float *rest, double value)
{
	Double2		of_code = {value, 0.0};
	Double2		left = {0.0, 0.0};

	*rest = (float) ((double) *rest - value);
	left[0] = *rest;
	add_rest(sums, left, of_code);
}

static inline double
add_two(Double2 v)
{
	return v[0] + v[1];
}

/*
 * Replace the transformed and centred query by what its code leaves out.  Sums
 * are kept in four parts, for the processor to work on at the same time.
 */
static void
find_rest(const OmenQuantizer *q, double before, const OmenCodeHeader *hdr,
		  const void *code, float *rest, OmenQueryRest *about)
{
	const OmenCodec *codec = omen_quantizer_codec(q);
	double		values[BLOCK];
	RestSums	even;
	RestSums	odd;

	memset(&even, 0, sizeof(even));
	memset(&odd, 0, sizeof(odd));
	for (uint32_t first = 0; first < q->dim; first += BLOCK)
	{
		uint32_t	count = q->dim - first < BLOCK ? q->dim - first : BLOCK;
		uint32_t	j = 0;

		codec->decode(q, hdr, code, first, count, values);
		for (; j + 4 <= count; j += 4)
		{
			take_rest(&even, rest + first + j, values + j);
			take_rest(&odd, rest + first + j + 2, values + j + 2);
		}
		for (; j < count; j++)
			take_rest_of_one(&even, rest + first + j, values[j]);
	}
	about->sum = add_two(even.sum + odd.sum);
	about->sumsq = add_two(even.sumsq + odd.sumsq);
	about->with_code = add_two(even.with_code + odd.with_code);

	/* the rest was rounded to float32, and so was what the mean left over */
	about->error =
		before + UNIT_ROUNDOFF * sqrt(about->sumsq) +
		UNIT_ROUNDOFF * 2.0 * codec->largest(hdr) * omen_norm_factor(q) +
		q->dim * ROTATION_UNDERFLOW;
	about->error += rotation_slack(q, hdr, sqrt(about->sumsq), 1.0);
	about->is_known = about->error < INFINITY;
}

bool
omen_encode_query(const OmenQuantizer *q, const float *x, float *rest,
				  OmenQueryHeader *query, void *code, OmenQueryRest *about)
{
	const OmenCodec *codec = omen_quantizer_codec(q);
	OmenCodeHeader *hdr = &query->code;
	double		before;
	double		error;

	about->is_known = false;
	if (!omen_transform_vector(q, x, rest, &before))
		return false;
	query->scale = 1.0;
	query->share = 1.0;
	if (omen_quantizer_metric(q)->is_product)
	{
		query->scale = omen_bring_to_length(q, rest);
		/* with what the rotation of a short one lost by underflow */
		if (q->rotated)
			before += q->dim * ROTATION_UNDERFLOW;
		before = before / query->scale + q->dim * 0x1.0p-149;
		query->share = omen_take_off_mean(q, rest);
	}
	else
		omen_centre(q, rest);
	error = codec->encode_query(q, rest, hdr, code);
	query->with_mean = hdr->mean_dot + query->share * q->mean_sumsq;
	hdr->error = whole_error(q, hdr, before, error, query->share);
	if (codec->rest_product != NULL && q->rotated &&
		omen_quantizer_metric(q)->bound_from_l2 != NULL && before < INFINITY)
		find_rest(q, before, hdr, code, rest, about);
	return true;
}

/* ---------- decoding ---------- */

void
omen_decode(const OmenQuantizer *q, const OmenCodeHeader *hdr, const void *code,
			float *out)
{
	double		values[BLOCK];

	for (uint32_t first = 0; first < q->dim; first += BLOCK)
	{
		uint32_t	count = q->dim - first < BLOCK ? q->dim - first : BLOCK;

		omen_quantizer_codec(q)->decode(q, hdr, code, first, count, values);
		for (uint32_t j = 0; j < count; j++)
			out[first + j] = (float) values[j];
	}
}

void
omen_recode(const OmenQuantizer *from, const OmenQuantizer *to,
			const OmenCodeHeader *hin, const void *cin, float *scratch,
			OmenCodeHeader *hout, void *cout)
{
	const OmenCodec *codec = omen_quantizer_codec(from);
	const float *old_mean = omen_quantizer_mean(from);
	const float *new_mean = omen_quantizer_mean(to);
	double		error = hin->error;
	double		size;
	double		values[BLOCK];

	if (!from->rotated)
	{
		memmove(cout, cin, omen_code_bytes(from));
		*hout = *hin;
		return;
	}
	for (uint32_t first = 0; first < from->dim; first += BLOCK)
	{
		uint32_t count = from->dim - first < BLOCK ? from->dim - first : BLOCK;

		codec->decode(from, hin, cin, first, count, values);
		for (uint32_t j = 0; j < count; j++)
		{
			if (old_mean != NULL)
				values[j] += old_mean[first + j];
			if (new_mean != NULL)
				values[j] -= new_mean[first + j];
			scratch[first + j] = (float) values[j];
		}
	}

	/* what the conversion to float32 and the sums before it rounded off */
	size = codec->largest(hin) * sqrt((double) from->dim) +
		   sqrt(from->mean_sumsq) + sqrt(to->mean_sumsq);
	error += size * (UNIT_ROUNDOFF + DOUBLE_SLACK);
	error += codec->encode(to, scratch, hout, cout);
	hout->error = omen_round_up(error);
}

float
omen_code_angle(const OmenQuantizer *q, const OmenCodeHeader *ha,
				const void *ca, const OmenCodeHeader *hb, const void *cb)
{
	const OmenCodec *codec = omen_quantizer_codec(q);
	double		a[BLOCK];
	double		b[BLOCK];
	double		dot = 0.0;
	double		norm_a = 0.0;
	double		norm_b = 0.0;

	for (uint32_t first = 0; first < q->dim; first += BLOCK)
	{
		uint32_t	count = q->dim - first < BLOCK ? q->dim - first : BLOCK;

		codec->decode(q, ha, ca, first, count, a);
		codec->decode(q, hb, cb, first, count, b);
		for (uint32_t j = 0; j < count; j++)
		{
			dot += a[j] * b[j];
			norm_a += a[j] * a[j];
			norm_b += b[j] * b[j];
		}
	}
	if (!(norm_a > 0.0 && norm_b > 0.0))
		return 0.0f;
	return (float) (-dot / (sqrt(norm_a) * sqrt(norm_b)));
}

/* ---------- checks ---------- */

double
omen_code_error(const OmenQuantizer *q, const float *x, float *scratch,
				const OmenCodeHeader *hdr, const void *code)
{
	const float *mean = omen_quantizer_mean(q);
	bool		absolutes = omen_quantizer_metric(q)->sums_absolutes;
	double		values[BLOCK];
	double		error;
	double		sum = 0.0;

	if (!omen_transform_vector(q, x, scratch, &error))
		return NAN;
	if (error == INFINITY)
		return INFINITY;
	for (uint32_t first = 0; first < q->dim; first += BLOCK)
	{
		uint32_t	count = q->dim - first < BLOCK ? q->dim - first : BLOCK;

		omen_quantizer_codec(q)->decode(q, hdr, code, first, count, values);
		for (uint32_t j = 0; j < count; j++)
		{
			double		e = scratch[first + j] - values[j];

			if (mean != NULL)
				e -= mean[first + j];
			sum += absolutes ? fabs(e) : e * e;
		}
	}
	return absolutes ? sum : sqrt(sum);
}

const char *
omen_header_flaw(OmenStorage storage, OmenMetric metric,
				 const OmenCodeHeader *hdr, bool has_mean_dot)
{
	/* infinite where the arithmetic ends: nothing is concluded from the code */
	if (isnan(hdr->error) || hdr->error < 0)
		return "error bound of the code is no bound";
	/* a product may be beyond float32 with long vectors and a long mean */
	if (isnan(hdr->mean_dot))
		return "inner product with the mean is no number";
	if (hdr->mean_dot != 0 && !has_mean_dot)
		return "inner product with the mean, where there is none";
	return omen_codecs[storage]->header_flaw(&omen_metrics[metric], hdr);
}

bool
omen_code_flaw(OmenStorage storage, uint32_t dim, const OmenCodeHeader *hdr,
			   const void *code, char *flaw, size_t room)
{
	return omen_codecs[storage]->code_flaw(dim, hdr, code, flaw, room);
}
