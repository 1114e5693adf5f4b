/*
 * codec_sq2.c
 *		OMEN_STORAGE_SQ2: each coordinate is one of four steps.
 *
 * Purpose: an OmenCodec (codec.h); made as codes of four bits are, and packed.
 * What a coordinate is off is a third of what it is, so only where there are
 * many coordinates does that cancel out.
 */
#include <string.h>

#include "codec.h"
#include "grid.h"
#include "exact.h"

#define LEVELS 3

/* Of four levels; J. Max, "Quantizing for minimum distortion", 1960. */
#define NORMAL_STEP 0.9957

static size_t
packed_bytes(uint32_t dim)
{
	return OMEN_QUARTER_BYTES(dim);
}

/* Pack numbers of 0..3; see distance.h. */
static void
pack_quarters(const uint8_t *numbers, uint32_t dim, uint8_t *packed)
{
	uint32_t	quarter = OMEN_QUARTER_BYTES(dim);

	memset(packed, 0, quarter);
	for (uint32_t first = 0, shift = 0; first < dim;
		 first += quarter, shift += 2)
		for (uint32_t i = first; i < first + quarter && i < dim; i++)
			packed[i - first] |= (uint8_t) (numbers[i] << shift);
}

static double
encode(const OmenQuantizer *q, float *y, OmenCodeHeader *hdr, void *code)
{
	/* a number needs less room than the float that it comes from */
	double		error =
		omen_grid_encode_fitted(q, y, LEVELS, NORMAL_STEP, hdr, (uint8_t *) y);

	pack_quarters((const uint8_t *) y, q->dim, (uint8_t *) code);
	return error;
}

static void
decode(const OmenQuantizer *q, const OmenCodeHeader *hdr, const void *code,
	   uint32_t first, uint32_t count, double *out)
{
	const uint8_t *packed = (const uint8_t *) code;
	uint32_t	quarter = OMEN_QUARTER_BYTES(q->dim);

	for (uint32_t i = 0; i < count; i++)
	{
		uint32_t	at = first + i;
		int			number = packed[at % quarter] >> at / quarter * 2 & 3;

		out[i] = (double) hdr->offset + (double) hdr->step * number;
	}
}

/* ---------- distances ---------- */

static inline uint32_t
dot_numbers(const OmenQuantizer *q, const void *ca, const void *cb)
{
	return omen_kernels->ip_u2((const uint8_t *) ca, (const uint8_t *) cb,
							   q->dim);
}

static inline uint32_t
dot_query(const OmenQuantizer *q, const void *query, const void *code)
{
	return omen_kernels->ip_u8_u2((const uint8_t *) query,
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

	for (uint32_t i = 0; i < OMEN_QUARTER_BYTES(dim); i++)
		for (int shift = 0; shift < 8; shift += 2)
		{
			uint32_t	number = packed[i] >> shift & 3;

			sum += number;
			sumsq += number * number;
		}
	return omen_grid_sums_differ(hdr, sum, sumsq, flaw, room);
}

const OmenCodec omen_codec_sq2 = {
	.name = "sq2",
	.encoder = 2,
	.least_dims = 256,
	.is_quantized = true,
	/* a fourth would have a third more rows fetched, for nothing seen */
	.sigmas = 3.0,
	.bytes = packed_bytes,
	.encode = encode,
	.decode = decode,
	ROTATED_METRICS,
	BYTE_QUERY,
	GRID_HOOKS,
	.code_flaw = code_flaw,
};
