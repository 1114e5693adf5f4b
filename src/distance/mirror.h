/*
 * mirror.h
 *		A transposed copy of a block of floats.
 *
 * Purpose: a distance is the same in both directions, so that a block of them
 * is copied to its other place more cheaply than computed there.  Four rows and
 * columns go through registers at a time, with what any processor of the kind
 * has; nothing is chosen at run time.
 */
#ifndef OMEN_MIRROR_H
#define OMEN_MIRROR_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* to[c * stride + r] = from[r * stride + c] for r and c below 4. */
static inline void
omen_mirror_4(const float *from, float *to, size_t stride)
{
#if defined(__SSE__)
	__m128		r0 = _mm_loadu_ps(from);
	__m128		r1 = _mm_loadu_ps(from + stride);
	__m128		r2 = _mm_loadu_ps(from + 2 * stride);
	__m128		r3 = _mm_loadu_ps(from + 3 * stride);

	_MM_TRANSPOSE4_PS(r0, r1, r2, r3);
	_mm_storeu_ps(to, r0);
	_mm_storeu_ps(to + stride, r1);
	_mm_storeu_ps(to + 2 * stride, r2);
	_mm_storeu_ps(to + 3 * stride, r3);
#elif defined(__aarch64__)
	float32x4x4_t rows = {{vld1q_f32(from), vld1q_f32(from + stride),
						   vld1q_f32(from + 2 * stride),
						   vld1q_f32(from + 3 * stride)}};
	float		turned[16];

	vst4q_f32(turned, rows);
	for (int c = 0; c < 4; c++)
		vst1q_f32(to + c * stride, vld1q_f32(turned + 4 * c));
#else
	for (int c = 0; c < 4; c++)
		for (int r = 0; r < 4; r++)
			to[c * stride + r] = from[r * stride + c];
#endif
}

/*
 * to[c * stride + r] = from[r * stride + c] for each r below rows and c below
 * columns, which is a multiple of 4.
 */
static inline void
omen_mirror(const float *from, uint32_t rows, uint32_t columns, float *to,
			size_t stride)
{
	uint32_t	whole = rows & ~3u;

	for (uint32_t c = 0; c < columns; c += 4)
		for (uint32_t r = 0; r < whole; r += 4)
			omen_mirror_4(from + r * stride + c, to + c * stride + r, stride);
	for (uint32_t c = 0; c < columns; c++)
		for (uint32_t r = whole; r < rows; r++)
			to[c * stride + r] = from[r * stride + c];
}

#endif							/* OMEN_MIRROR_H */
