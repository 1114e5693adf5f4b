/*
 * sum_avx512.h
 *		Sums over two arrays with AVX-512 (F, BW, VL), for kernel_avx512.c and
 *		others that read elements in another way.
 *
 * Purpose: be what sum_simd.h needs of these registers.  Who includes it is
 * compiled only where kernels.h says so.
 *
 * With OMEN_EMULATE_AVX512 the unit tests supply the intrinsics in portable C,
 * so that they can run what includes this on any CPU.
 */
#ifndef OMEN_SUM_AVX512_H
#define OMEN_SUM_AVX512_H

#include <stddef.h>
#include <stdint.h>

#ifdef OMEN_EMULATE_AVX512
#define TARGET
#define INLINE static inline
#else
#include <immintrin.h>
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl")))
#define INLINE static inline __attribute__((always_inline)) TARGET
#endif

/* a register, the floats in it, and what is done to all of them */
#define FLOATS __m512
#define WIDTH 16
#define ZEROES _mm512_setzero_ps()
#define PLUS(x, y) _mm512_add_ps(x, y)

/* A mask of the first n floats of a register. */
INLINE __mmask16
first_floats(size_t n)
{
	return (__mmask16) ((1u << n) - 1);
}

/* Halve by halve, so that each value passes through four additions. */
INLINE float
add_floats(__m512 v)
{
	__m512i		bits = _mm512_castps_si512(v);
	__m256i		high = _mm512_extracti64x4_epi64(bits, 1);
	__m256		half =
		_mm256_add_ps(_mm512_castps512_ps256(v), _mm256_castsi256_ps(high));
	__m128		sum = _mm_add_ps(_mm256_castps256_ps128(half),
							_mm256_extractf128_ps(half, 1));

	sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
	sum = _mm_add_ss(sum, _mm_movehdup_ps(sum));
	return _mm_cvtss_f32(sum);
}

INLINE __m512
l2sq_add(__m512 acc, __m512 x, __m512 y)
{
	__m512		diff = _mm512_sub_ps(x, y);

	return _mm512_fmadd_ps(diff, diff, acc);
}

INLINE __m512
ip_add(__m512 acc, __m512 x, __m512 y)
{
	return _mm512_fmadd_ps(x, y, acc);
}

INLINE __m512
l1_add(__m512 acc, __m512 x, __m512 y)
{
	return _mm512_add_ps(acc, _mm512_abs_ps(_mm512_sub_ps(x, y)));
}

#include "sum_simd.h"

#endif							/* OMEN_SUM_AVX512_H */
