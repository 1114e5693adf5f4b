/*
 * codec_full.c
 *		OMEN_STORAGE_FULL: the floats, normalised for cosine.
 *
 * Purpose: an OmenCodec (codec.h); neither rotated nor centred.  Codes are read
 * and written as floats: they must be aligned for them.  Of the header only
 * error is in use, and for IP offset, an upper bound of the norm.
 */
#include "codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "transform.h"
#include "exact.h"

static size_t
bytes(uint32_t dim)
{
	return sizeof(float) * (size_t) dim;
}

static double
encode_query(const OmenQuantizer *q, const float *y, OmenCodeHeader *hdr,
			 void *code)
{
	memcpy(code, y, bytes(q->dim));
	memset(hdr, 0, sizeof(*hdr));
	if (omen_quantizer_metric(q)->is_product)
		hdr->offset = omen_round_up(sqrt(omen_sum_squares(y, q->dim)));
	return 0.0;
}

static double
encode(const OmenQuantizer *q, float *y, OmenCodeHeader *hdr, void *code)
{
	return encode_query(q, y, hdr, code);
}

static void
decode(const OmenQuantizer *q, const OmenCodeHeader *hdr, const void *code,
	   uint32_t first, uint32_t count, double *out)
{
	const float *x = (const float *) code + first;

	(void) q;
	(void) hdr;
	for (uint32_t i = 0; i < count; i++)
		out[i] = x[i];
}

/* ---------- distances ---------- */

static float
l2_distance(const OmenQuantizer *q, const OmenCodeHeader *ha, const void *ca,
			const OmenCodeHeader *hb, const void *cb)
{
	(void) ha;
	(void) hb;
	return omen_kernels->l2sq((const float *) ca, (const float *) cb, q->dim);
}

static float
ip_distance(const OmenQuantizer *q, const OmenCodeHeader *ha, const void *ca,
			const OmenCodeHeader *hb, const void *cb)
{
	float		product =
		omen_kernels->ip((const float *) ca, (const float *) cb, q->dim);

	(void) ha;
	(void) hb;
	/* a product too large for float32 can be infinity - infinity */
	return product == product ? -product : INFINITY;
}

static float
l1_distance(const OmenQuantizer *q, const OmenCodeHeader *ha, const void *ca,
			const OmenCodeHeader *hb, const void *cb)
{
	(void) ha;
	(void) hb;
	return omen_kernels->l1((const float *) ca, (const float *) cb, q->dim);
}

static float
l2_of_query(const OmenQuantizer *q, const OmenQueryHeader *query,
			const void *query_code, const OmenCodeHeader *node,
			const void *code)
{
	return l2_distance(q, &query->code, query_code, node, code);
}

static float
ip_of_query(const OmenQuantizer *q, const OmenQueryHeader *query,
			const void *query_code, const OmenCodeHeader *node,
			const void *code)
{
	return ip_distance(q, &query->code, query_code, node, code);
}

static float
l1_of_query(const OmenQuantizer *q, const OmenQueryHeader *query,
			const void *query_code, const OmenCodeHeader *node,
			const void *code)
{
	return l1_distance(q, &query->code, query_code, node, code);
}

/* ---------- bounds ---------- */

static double
sumsq(const OmenQuantizer *q, const OmenCodeHeader *hdr)
{
	double		norm = hdr->offset;

	(void) q;
	return norm * norm;
}

static double
norm_bound(const OmenQuantizer *q, const OmenCodeHeader *hdr)
{
	(void) q;
	return hdr->offset;
}

static double
query_norm_bound(const OmenQuantizer *q, const OmenQueryHeader *query)
{
	return norm_bound(q, &query->code);
}

/* All terms of these sums have one sign. */
static double
bound_sum(const OmenQuantizer *q, const OmenQueryHeader *query,
		  const OmenCodeHeader *node, double distance)
{
	(void) query;
	(void) node;
	return distance * (1.0 - omen_kernel_error(q->dim));
}

static double
bound_product(const OmenQuantizer *q, const OmenQueryHeader *query,
			  const OmenCodeHeader *node, double distance)
{
	return distance - omen_kernel_error(q->dim) * query_norm_bound(q, query) *
						  norm_bound(q, node);
}

/* ---------- checks ---------- */

static const char *
header_flaw(const OmenMetricTraits *metric, const OmenCodeHeader *hdr)
{
	/* the norm's bound, for inner product, may be beyond float32 */
	if (isnan(hdr->offset) || hdr->offset < 0 ||
		(!metric->is_product && hdr->offset != 0))
		return "bound of the norm makes no sense";
	if (hdr->step != 0 || hdr->sum != 0 || hdr->sumsq != 0)
		return "header has fields that codes of floats do not have";
	return NULL;
}

static bool
code_flaw(uint32_t dim, const OmenCodeHeader *hdr, const void *code, char *flaw,
		  size_t room)
{
	const float *x = (const float *) code;

	(void) hdr;
	for (uint32_t i = 0; i < dim; i++)
	{
		if (isfinite(x[i]))
			continue;
		snprintf(flaw, room, "coordinate %u of the code is not finite", i);
		return true;
	}
	return false;
}

#define IP_METRIC \
	{ \
		.distance = ip_distance, .query_distance = ip_of_query, \
		.decoded_bound = bound_product \
	}
#define L2_METRIC \
	{ \
		.distance = l2_distance, .query_distance = l2_of_query, \
		.decoded_bound = bound_sum \
	}

const OmenCodec omen_codec_full = {
	.name = "full",
	.header_bytes = sizeof(OmenCodeHeader),
	.max_dim = OMEN_MAX_DIM,
	.encoder = 1,
	.bytes = bytes,
	.query_bytes = bytes,
	.encode = encode,
	.encode_query = encode_query,
	.decode = decode,
	.metrics = {[OMEN_METRIC_L2] = L2_METRIC,
				[OMEN_METRIC_IP] = IP_METRIC,
				[OMEN_METRIC_COSINE] = L2_METRIC,
				OMEN_SKETCH_METRICS(L2_METRIC, IP_METRIC),
				[OMEN_METRIC_L1] = {.distance = l1_distance,
									.query_distance = l1_of_query,
									.decoded_bound = bound_sum}},
	.sumsq = sumsq,
	.norm_bound = norm_bound,
	.query_norm_bound = query_norm_bound,
	.header_flaw = header_flaw,
	.code_flaw = code_flaw,
};
