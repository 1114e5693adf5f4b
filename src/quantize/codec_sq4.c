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

/* Of sixteen levels; J. Max, "Quantizing for minimum distortion", 1960. */
#define NORMAL_STEP 0.3352

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
	double		error =
		omen_grid_encode_fitted(q, y, LEVELS, NORMAL_STEP, hdr, (uint8_t *) y);

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

#include "grid_distances.h"

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

const OmenCodec omen_codec_sq4 = {
	.name = "sq4",
	.encoder = 2,
	.is_quantized = true,
	.sigmas = 4.0,
	.bytes = packed_bytes,
	.encode = encode,
	.decode = decode,
	ROTATED_METRICS,
	BYTE_QUERY,
	GRID_HOOKS,
	.code_flaw = code_flaw,
};
