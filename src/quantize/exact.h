/*
 * exact.h
 *		What makes floating-point code of this folder give the same bits
 *		everywhere: no contraction, short vectors of plain lanes.
 *
 * Purpose: to be included, last, by the .c files whose results are stored on
 * disk, and by no others.
 *
 * Contraction (a * b + c rounded once) would make the bits depend on whether
 * the target has FMA.  clang obeys the standard pragma; gcc ignores that one
 * and has its own.  The vector types are the compilers' generic ones: each
 * lane is an IEEE 754 operation of its own, so they are as exact as scalars
 * on targets with and without vector registers.  Nothing here reorders sums.
 */
#ifndef OMEN_EXACT_H
#define OMEN_EXACT_H

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#elif defined(__AARCH64EL__) && defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#ifdef __FAST_MATH__
#error "codes are stored on disk and must not depend on fast-math rewriting"
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

typedef float Float4 __attribute__((vector_size(16)));
typedef double Double2 __attribute__((vector_size(16)));
typedef uint32_t Word4 __attribute__((vector_size(16)));

static inline Float4
load_float4(const float *p)
{
	Float4		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
store_float4(float *p, Float4 v)
{
	memcpy(p, &v, sizeof(v));
}

static inline Double2
load_double2(const float *p)
{
	Double2		v = {p[0], p[1]};

	return v;
}

/* Lanes of a where the mask is set, of b elsewhere. */
static inline Float4
choose(Word4 mask, Float4 a, Float4 b)
{
	return (Float4) (((Word4) a & mask) | ((Word4) b & ~mask));
}

/* Store the 16 lanes, each of 0..255, as bytes. */
static inline void
store_bytes16(uint8_t *p, Word4 a, Word4 b, Word4 c, Word4 d)
{
#ifdef __SSE2__
	__m128i		ab = _mm_packs_epi32((__m128i) a, (__m128i) b);
	__m128i		cd = _mm_packs_epi32((__m128i) c, (__m128i) d);

	_mm_storeu_si128((__m128i *) p, _mm_packus_epi16(ab, cd));
#elif defined(__AARCH64EL__) && defined(__ARM_NEON)
	uint16x8_t	ab = vuzp1q_u16((uint16x8_t) a, (uint16x8_t) b);
	uint16x8_t	cd = vuzp1q_u16((uint16x8_t) c, (uint16x8_t) d);

	vst1q_u8(p, vuzp1q_u8((uint8x16_t) ab, (uint8x16_t) cd));
#else
	for (int i = 0; i < 4; i++)
	{
		p[i] = (uint8_t) a[i];
		p[i + 4] = (uint8_t) b[i];
		p[i + 8] = (uint8_t) c[i];
		p[i + 12] = (uint8_t) d[i];
	}
#endif
}

#endif							/* OMEN_EXACT_H */
