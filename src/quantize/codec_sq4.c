/*
 * codec_sq4.c
 *		OMEN_STORAGE_SQ4: each coordinate is one of 16 steps.
 *
 * Purpose: an OmenCodec (codec.h); made as codes of eight bits are, and packed.
 * Only the codes that are many have to be small, so a query has eight bits for
 * each coordinate.  Not for L1: a vector that is not rotated has coordinates
 * that so few steps say too little of.
 */
#include "codec.h"
#include "grid.h"
#include "exact.h"

#define LEVELS 15

static size_t
packed_bytes(uint32_t dim)
{
	return OMEN_PACKED_BYTES(dim);
}

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

static double
encode(const OmenQuantizer *q, float *y, OmenCodeHeader *hdr, void *code)
{
	/* a number needs less room than the float that it comes from */
	double		error = omen_grid_encode(q, y, LEVELS, hdr, (uint8_t *) y);

	pack_halves((const uint8_t *) y, q->dim, (uint8_t *) code);
	return error;
}

static void
decode(const OmenQuantizer *q, const OmenCodeHeader *hdr, const void *code,
	   uint32_t first, uint32_t count, double *out)
{
	const uint8_t *packed = (const uint8_t *) code;
	uint32_t	half = OMEN_PACKED_BYTES(q->dim);

	for (uint32_t i = 0; i < count; i++)
	{
		uint32_t	at = first + i;
		uint8_t number = at < half ? packed[at] & 15 : packed[at - half] >> 4;

		out[i] = (double) hdr->offset + (double) hdr->step * number;
	}
}

/* ---------- distances ---------- */

static inline uint32_t
dot_numbers(const OmenQuantizer *q, const void *ca, const void *cb)
{
	return omen_kernels->ip_u4((const uint8_t *) ca, (const uint8_t *) cb,
							   q->dim);
}

static inline uint32_t
dot_query(const OmenQuantizer *q, const void *query, const void *code)
{
	return omen_kernels->ip_u8_u4((const uint8_t *) query,
								  (const uint8_t *) code, q->dim);
}

static float
l2_distance(const OmenQuantizer *q, const OmenCodeHeader *ha, const void *ca,
			const OmenCodeHeader *hb, const void *cb)
{
	return omen_grid_l2sq(q, ha, hb, dot_numbers(q, ca, cb));
}

static float
ip_distance(const OmenQuantizer *q, const OmenCodeHeader *ha, const void *ca,
			const OmenCodeHeader *hb, const void *cb)
{
	return omen_grid_product(q, ha, hb, dot_numbers(q, ca, cb));
}

static float
l2_of_query(const OmenQuantizer *q, const OmenQueryHeader *query,
			const void *query_code, const OmenCodeHeader *node,
			const void *code)
{
	return omen_grid_l2sq(q, &query->code, node,
						  dot_query(q, query_code, code));
}

static float
ip_of_query(const OmenQuantizer *q, const OmenQueryHeader *query,
			const void *query_code, const OmenCodeHeader *node,
			const void *code)
{
	return omen_grid_query_product(q, query, node,
								   dot_query(q, query_code, code));
}

/* ---------- checks ---------- */

static bool
code_flaw(uint32_t dim, const OmenCodeHeader *hdr, const void *code, char *flaw,
		  size_t room)
{
	const uint8_t *packed = (const uint8_t *) code;
	uint32_t	sum = 0;
	uint32_t	sumsq = 0;

	for (uint32_t i = 0; i < OMEN_PACKED_BYTES(dim); i++)
	{
		uint32_t	low = packed[i] & 15;
		uint32_t	high = packed[i] >> 4;

		sum += low + high;
		sumsq += low * low + high * high;
	}
	return omen_grid_sums_differ(hdr, sum, sumsq, flaw, room);
}

#define IP_METRIC \
	{ \
		ip_distance, ip_of_query, omen_grid_bound_product \
	}
#define L2_METRIC \
	{ \
		l2_distance, l2_of_query, omen_grid_bound_l2sq \
	}

const OmenCodec omen_codec_sq4 = {
	.name = "sq4",
	.header_bytes = sizeof(OmenCodeHeader),
	.max_dim = OMEN_MAX_DIM,
	.is_quantized = true,
	.sigmas = 4.0,
	.bytes = packed_bytes,
	.query_bytes = omen_grid_bytes,
	.encode = encode,
	.encode_query = omen_grid_encode_bytes,
	.decode = decode,
	.metrics = {[OMEN_METRIC_L2] = L2_METRIC,
				[OMEN_METRIC_IP] = IP_METRIC,
				[OMEN_METRIC_COSINE] = L2_METRIC,
				OMEN_SKETCH_METRICS(L2_METRIC, IP_METRIC)},
	.sumsq = omen_grid_sumsq,
	.norm_bound = omen_grid_norm_bound,
	.query_norm_bound = omen_grid_query_norm_bound,
	.sumsq_bound = omen_grid_sumsq_bound,
	.largest = omen_grid_largest,
	.header_flaw = omen_grid_header_flaw,
	.code_flaw = code_flaw,
};
