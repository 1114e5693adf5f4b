/*
 * sum_neon.h
 *		Sums over two arrays with NEON, for kernel_neon.c and others that read
 *		elements in another way.
 *
 * Purpose: be what sum_simd.h needs of these registers.  Eight floats are two
 * registers, so that there are as many partial sums as with AVX2.  Who includes
 * it is compiled only where kernels.h says so, and may define TARGET before, if
 * it needs more of the CPU than every one of 64 bits has.
 */
#ifndef OMEN_SUM_NEON_H
#define OMEN_SUM_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#ifndef TARGET
#define TARGET
#endif
#define INLINE static inline __attribute__((always_inline)) TARGET

typedef struct Floats
{
	float32x4_t low;
	float32x4_t high;
} Floats;

/* what is done to all floats */
#define FLOATS Floats
#define WIDTH 8
#define ZEROES zeroes()
#define PLUS(x, y) plus(x, y)

INLINE Floats
zeroes(void)
{
	return (Floats){vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)};
}

INLINE Floats
plus(Floats x, Floats y)
{
	return (Floats){vaddq_f32(x.low, y.low), vaddq_f32(x.high, y.high)};
}

INLINE float
add_floats(Floats v)
{
	return vaddvq_f32(vaddq_f32(v.low, v.high));
}

INLINE Floats
l2sq_add(Floats acc, Floats x, Floats y)
{
	float32x4_t low = vsubq_f32(x.low, y.low);
	float32x4_t high = vsubq_f32(x.high, y.high);

	return (Floats){vfmaq_f32(acc.low, low, low),
					vfmaq_f32(acc.high, high, high)};
}

INLINE Floats
ip_add(Floats acc, Floats x, Floats y)
{
	return (Floats){vfmaq_f32(acc.low, x.low, y.low),
					vfmaq_f32(acc.high, x.high, y.high)};
}

INLINE Floats
l1_add(Floats acc, Floats x, Floats y)
{
	return (Floats){vaddq_f32(acc.low, vabdq_f32(x.low, y.low)),
					vaddq_f32(acc.high, vabdq_f32(x.high, y.high))};
}

#include "sum_simd.h"

#endif							/* OMEN_SUM_NEON_H */
