/*
 * nearest_neon.h
 *		The smallest of many values with NEON, for block_neon.c.
 *
 * Purpose: be what block_nearest.h needs of these registers, WIDTH integers in
 * each.
 */
#ifndef OMEN_NEAREST_NEON_H
#define OMEN_NEAREST_NEON_H

INLINE int32x4_t
load_integers(const float *values)
{
	return vreinterpretq_s32_f32(vld1q_f32(values));
}

/* Eight or 16 numbers, all ones where each of as many values is up to limit. */
INLINE uint16x8_t
halves_up_to(const float *values, int32x4_t limits)
{
	return vuzp1q_u16(
		vreinterpretq_u16_u32(vcleq_s32(load_integers(values), limits)),
		vreinterpretq_u16_u32(vcleq_s32(load_integers(values + 4), limits)));
}

INLINE uint8x16_t
bytes_up_to(const float *values, int32_t limit)
{
	int32x4_t	limits = vdupq_n_s32(limit);

	return vuzp1q_u8(vreinterpretq_u8_u16(halves_up_to(values, limits)),
					 vreinterpretq_u8_u16(halves_up_to(values + 8, limits)));
}

/* The same with one bit of each byte, that which is its own of eight. */
INLINE uint8x16_t
bits_up_to(const float *values, int32_t limit)
{
	const uint8x16_t own =
		vreinterpretq_u8_u64(vdupq_n_u64(UINT64_C(0x8040201008040201)));

	return vandq_u8(bytes_up_to(values, limit), own);
}

INLINE uint32_t
up_to_16(const float *values, int32_t limit)
{
	uint8x16_t	sum = bits_up_to(values, limit);

	sum = vpaddq_u8(sum, sum);
	sum = vpaddq_u8(sum, sum);
	sum = vpaddq_u8(sum, sum);
	return vgetq_lane_u16(vreinterpretq_u16_u8(sum), 0);
}

INLINE uint64_t
up_to_64(const float *values, int32_t limit)
{
	uint8x16_t	low =
		vpaddq_u8(bits_up_to(values, limit), bits_up_to(values + 16, limit));
	uint8x16_t	high = vpaddq_u8(bits_up_to(values + 32, limit),
								bits_up_to(values + 48, limit));
	uint8x16_t	sum = vpaddq_u8(low, high);

	sum = vpaddq_u8(sum, sum);
	return vgetq_lane_u64(vreinterpretq_u64_u8(sum), 0);
}

INLINE void
minima_of_64(const float *values, uint32_t count, float *minima,
			 int32_t *lowest, int32_t *highest)
{
	int32x4_t	low = vdupq_n_s32(INT32_MAX);
	int32x4_t	high = vdupq_n_s32(0);

	for (int j = 0; j < 64; j += 4 * WIDTH)
	{
		int32x4_t	m0 = vreinterpretq_s32_f32(vdupq_n_f32(INFINITY));
		int32x4_t	m1 = m0;
		int32x4_t	m2 = m0;
		int32x4_t	m3 = m0;

		for (uint32_t i = 0; i < count; i += 64)
		{
			m0 = vminq_s32(m0, load_integers(values + i + j));
			m1 = vminq_s32(m1, load_integers(values + i + j + WIDTH));
			m2 = vminq_s32(m2, load_integers(values + i + j + 2 * WIDTH));
			m3 = vminq_s32(m3, load_integers(values + i + j + 3 * WIDTH));
		}
		vst1q_f32(minima + j, vreinterpretq_f32_s32(m0));
		vst1q_f32(minima + j + WIDTH, vreinterpretq_f32_s32(m1));
		vst1q_f32(minima + j + 2 * WIDTH, vreinterpretq_f32_s32(m2));
		vst1q_f32(minima + j + 3 * WIDTH, vreinterpretq_f32_s32(m3));
		low = vminq_s32(low, vminq_s32(vminq_s32(m0, m1), vminq_s32(m2, m3)));
		high = vmaxq_s32(high, vmaxq_s32(vmaxq_s32(m0, m1), vmaxq_s32(m2, m3)));
	}
	*lowest = vminvq_s32(low);
	*highest = vmaxvq_s32(high);
}

#include "block_nearest.h"

#endif							/* OMEN_NEAREST_NEON_H */
