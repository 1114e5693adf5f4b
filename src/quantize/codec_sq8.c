/*
 * codec_sq8.c
 *		OMEN_STORAGE_SQ8: each coordinate is one of 256 steps.
 *
 * Purpose: an OmenCodec (codec.h).  The vector (normalised first for cosine) is
 * rotated at random, centred on a mean, and each coordinate rounded to a step
 * between the vector's own smallest and largest coordinate.  L1 does not
 * survive a rotation: its codes stay in the original coordinates without a
 * mean.
 */
#include <string.h>

#include "codec.h"
#include "grid.h"
#include "exact.h"

/* Put the halves of dim bytes behind them; see distance.h. */
static void
split_bytes(uint8_t *bytes, uint32_t dim)
{
	uint8_t	   *low = bytes + dim;
	uint8_t	   *high = low + dim;
	uint32_t	i = 0;

	for (; i + sizeof(uint64_t) <= dim; i += sizeof(uint64_t))
	{
		uint64_t	word;
		uint64_t	halves;

		memcpy(&word, bytes + i, sizeof(word));
		halves = word & UINT64_C(0x0f0f0f0f0f0f0f0f);
		memcpy(low + i, &halves, sizeof(halves));
		halves = word >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f);
		memcpy(high + i, &halves, sizeof(halves));
	}
	for (; i < dim; i++)
	{
		low[i] = bytes[i] & 15;
		high[i] = bytes[i] >> 4;
	}
}

static double
encode(const OmenQuantizer *q, float *y, OmenCodeHeader *hdr, void *code)
{
	return omen_grid_encode_bytes(q, y, hdr, code);
}

/*
 * A query is compared with many nodes, so its numbers are split for that.  (For
 * L1 that is of no use.)
 */
static size_t
query_bytes(uint32_t dim)
{
	return OMEN_SPLIT_BYTES(dim);
}

static double
encode_query(const OmenQuantizer *q, const float *y, OmenCodeHeader *hdr,
			 void *code)
{
	double		error = omen_grid_encode_bytes(q, y, hdr, code);

	split_bytes((uint8_t *) code, q->dim);
	return error;
}

static void
decode(const OmenQuantizer *q, const OmenCodeHeader *hdr, const void *code,
	   uint32_t first, uint32_t count, double *out)
{
	const uint8_t *numbers = (const uint8_t *) code + first;
	uint32_t	i = 0;

	(void) q;
	for (; i + 2 <= count; i += 2)
	{
		Double2		two = {numbers[i], numbers[i + 1]};

		two = (double) hdr->offset + (double) hdr->step * two;
		memcpy(out + i, &two, sizeof(two));
	}
	if (i < count)
		out[i] = (double) hdr->offset + (double) hdr->step * numbers[i];
}

/* ---------- distances ---------- */

static inline uint32_t
dot_numbers(const OmenQuantizer *q, const void *ca, const void *cb)
{
	return omen_kernels->ip_u8((const uint8_t *) ca, (const uint8_t *) cb,
							   q->dim);
}

static inline uint32_t
dot_query(const OmenQuantizer *q, const void *query, const void *code)
{
	return omen_kernels->ip_split_u8((const uint8_t *) query,
									 (const uint8_t *) code, q->dim);
}

#include "grid_distances.h"

static float
l1_distance(const OmenQuantizer *q, const OmenCodeHeader *ha, const void *ca,
			const OmenCodeHeader *hb, const void *cb)
{
	return omen_kernels->l1_u8((const uint8_t *) ca, (const uint8_t *) cb,
							   q->dim, ha->offset, ha->step, hb->offset,
							   hb->step);
}

static float
l1_of_query(const OmenQuantizer *q, const OmenQueryHeader *query,
			const void *query_code, const OmenCodeHeader *node,
			const void *code)
{
	return l1_distance(q, &query->code, query_code, node, code);
}

static float
rest_product(const float *rest, const void *code, uint32_t dim)
{
	return omen_kernels->ip_f32_u8(rest, (const uint8_t *) code, dim);
}

/* ---------- checks ---------- */

static bool
code_flaw(uint32_t dim, const OmenCodeHeader *hdr, const void *code, char *flaw,
		  size_t room)
{
	const uint8_t *numbers = (const uint8_t *) code;
	uint32_t	sum = 0;
	uint32_t	sumsq = 0;

	for (uint32_t i = 0; i < dim; i++)
	{
		sum += numbers[i];
		sumsq += (uint32_t) numbers[i] * numbers[i];
	}
	return omen_grid_sums_differ(hdr, sum, sumsq, flaw, room);
}

const OmenCodec omen_codec_sq8 = {
	.name = "sq8",
	.encoder = 1,
	.is_quantized = true,
	.is_build_code = true,
	.bytes = omen_grid_bytes,
	.query_bytes = query_bytes,
	.encode = encode,
	.encode_query = encode_query,
	.decode = decode,
	.metrics = {GRID_METRICS, [OMEN_METRIC_L1] = {.distance = l1_distance,
												  .query_distance = l1_of_query,
												  .decoded_bound =
													  omen_grid_bound_l1}},
	.rest_product = rest_product,
	GRID_HOOKS,
	.code_flaw = code_flaw,
};
