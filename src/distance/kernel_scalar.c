/*
 * kernel_scalar.c
 *		The kernels in portable C: the reference, and all there is on CPUs
 *		without a table of their own.
 *
 * Purpose: be plainly right.  It must not use intrinsics.  The partial sums
 * are arrays so that a compiler may keep them in vector registers.
 */
#include <stdlib.h>

#include "bits.h"
#include "block.h"
#include "half.h"
#include "kernels.h"
#include "sparse.h"
#include "sum_scalar.h"

/* Floats need not be converted. */
#define READ_FLOAT(x) (x)

DEFINE_DISTANCES(float, READ_FLOAT)

static uint32_t
ip_u8(const uint8_t *a, const uint8_t *b, size_t dim)
{
	uint32_t	sum = 0;

	for (size_t i = 0; i < dim; i++)
		sum += (uint32_t) a[i] * b[i];
	return sum;
}

static uint32_t
ip_u8_u4(const uint8_t *a, const uint8_t *b, size_t dim)
{
	size_t		half = OMEN_PACKED_BYTES(dim);
	uint32_t	sum = 0;

	for (size_t i = 0; i < half; i++)
		sum += (uint32_t) a[i] * (b[i] & 15);
	for (size_t i = half; i < dim; i++)
		sum += (uint32_t) a[i] * (b[i - half] >> 4);
	return sum;
}

static uint32_t
ip_u4(const uint8_t *a, const uint8_t *b, size_t dim)
{
	uint32_t	sum = 0;

	for (size_t i = 0; i < OMEN_PACKED_BYTES(dim); i++)
		sum += (uint32_t) (a[i] & 15) * (b[i] & 15) +
			   (uint32_t) (a[i] >> 4) * (b[i] >> 4);
	return sum;
}

static uint32_t
ip_u8_u2(const uint8_t *a, const uint8_t *b, size_t dim)
{
	size_t		quarter = OMEN_QUARTER_BYTES(dim);
	uint32_t	sum = 0;

	for (size_t first = 0, shift = 0; first < dim; first += quarter, shift += 2)
		for (size_t i = first; i < first + quarter && i < dim; i++)
			sum += (uint32_t) a[i] * (b[i - first] >> shift & 3);
	return sum;
}

static uint32_t
ip_u2(const uint8_t *a, const uint8_t *b, size_t dim)
{
	uint32_t	sum = 0;

	for (size_t i = 0; i < OMEN_QUARTER_BYTES(dim); i++)
		for (int shift = 0; shift < 8; shift += 2)
			sum += (uint32_t) (a[i] >> shift & 3) * (b[i] >> shift & 3);
	return sum;
}

static inline float
decode(uint8_t code, float offset, float step)
{
	return offset + step * (float) code;
}

static float
l1_u8(const uint8_t *a, const uint8_t *b, size_t dim, float offset_a,
	  float step_a, float offset_b, float step_b)
{
	float		lane[LANES] = {0.0f};
	size_t		whole = dim - dim % LANES;

	for (size_t i = 0; i < whole; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			lane[j] += l1_term(decode(a[i + j], offset_a, step_a),
							   decode(b[i + j], offset_b, step_b));
	for (size_t i = whole; i < dim; i++)
		lane[i - whole] += l1_term(decode(a[i], offset_a, step_a),
								   decode(b[i], offset_b, step_b));
	return add_lanes(lane);
}

static float
ip_f32_u8(const float *a, const uint8_t *b, size_t dim)
{
	float		lane[LANES] = {0.0f};
	size_t		whole = dim - dim % LANES;

	for (size_t i = 0; i < whole; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			lane[j] += a[i + j] * (float) b[i + j];
	for (size_t i = whole; i < dim; i++)
		lane[i - whole] += a[i] * (float) b[i];
	return add_lanes(lane);
}

static uint32_t
l1_u16(const uint16_t *a, const uint16_t *b, size_t dim)
{
	uint32_t	sum = 0;

	for (size_t i = 0; i < dim; i++)
		sum += (uint32_t) abs((int32_t) a[i] - (int32_t) b[i]);
	return sum;
}

const OmenKernels omen_kernels_scalar = {
	.name = "scalar",
	.l2sq = l2sq,
	.ip = ip,
	.l1 = l1,
	.cosine = cosine,
	.ip_u8 = ip_u8,
	.ip_split_u8 = ip_u8,		/* halves are of no help */
	.ip_u8_u4 = ip_u8_u4,
	.ip_u4 = ip_u4,
	.ip_u8_u2 = ip_u8_u2,
	.ip_u2 = ip_u2,
	.l1_u8 = l1_u8,
	.ip_f32_u8 = ip_f32_u8,
	.l1_u16 = l1_u16,
	.block = &omen_block_scalar,
	.half = &omen_half_scalar,
	.sparse = &omen_sparse_scalar,
	.bits = &omen_bits_scalar,
};
