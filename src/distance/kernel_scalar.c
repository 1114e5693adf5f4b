/*
 * kernel_scalar.c
 *		The kernels in portable C: the reference, and all there is on CPUs
 *		without a table of their own.
 *
 * Purpose: be plainly right.  It must not use intrinsics.  The partial sums
 * are arrays so that a compiler may keep them in vector registers.
 */
#include <math.h>
#include <stdlib.h>

#include "block.h"
#include "kernels.h"

#define LANES OMEN_KERNEL_LANES

/* Add the partial sums pairwise, which the documented precision relies on. */
static float
add_lanes(float *lane)
{
	for (size_t half = LANES / 2; half > 0; half /= 2)
		for (size_t i = 0; i < half; i++)
			lane[i] += lane[i + half];
	return lane[0];
}

static inline float
l2sq_term(float x, float y)
{
	float		diff = x - y;

	return diff * diff;
}

static inline float
ip_term(float x, float y)
{
	return x * y;
}

static inline float
l1_term(float x, float y)
{
	return fabsf(x - y);
}

/* Define the kernel that sums term(a_i, b_i). */
#define DEFINE_SUM(name, term) \
	static float name(const float *a, const float *b, size_t dim) \
	{ \
		float lane[LANES] = {0.0f}; \
		size_t whole = dim - dim % LANES; \
\
		for (size_t i = 0; i < whole; i += LANES) \
			for (size_t j = 0; j < LANES; j++) \
				lane[j] += term(a[i + j], b[i + j]); \
		for (size_t i = whole; i < dim; i++) \
			lane[i - whole] += term(a[i], b[i]); \
		return add_lanes(lane); \
	}

DEFINE_SUM(l2sq, l2sq_term)
DEFINE_SUM(ip, ip_term)
DEFINE_SUM(l1, l1_term)

static void
cosine(const float *a, const float *b, size_t dim, float *ab, float *aa,
	   float *bb)
{
	*ab = ip(a, b, dim);
	*aa = ip(a, a, dim);
	*bb = ip(b, b, dim);
}

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
	.ip_u8_u4 = ip_u8_u4,
	.ip_u4 = ip_u4,
	.ip_u8_u2 = ip_u8_u2,
	.ip_u2 = ip_u2,
	.l1_u8 = l1_u8,
	.ip_f32_u8 = ip_f32_u8,
	.l1_u16 = l1_u16,
	.block = &omen_block_scalar,
};
