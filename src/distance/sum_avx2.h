/*
 * sum_avx2.h
 *		Sums over two arrays with AVX2 and FMA, for kernel_avx2.c and others
 *		that read elements in another way.
 *
 * Purpose: be what sum_simd.h needs of these registers.  Who includes it is
 * compiled only where kernels.h says so, and may define TARGET
 * before, if it needs more of the CPU.
 */
#ifndef OMEN_SUM_AVX2_H
#define OMEN_SUM_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#ifndef TARGET
#define TARGET __attribute__((target("avx2,fma")))
#endif
#define INLINE static inline __attribute__((always_inline)) TARGET

/* a register, the floats in it, and what is done to all of them */
#define FLOATS __m256
#define WIDTH 8
#define ZEROES _mm256_setzero_ps()
#define PLUS(x, y) _mm256_add_ps(x, y)

/*
 * Loading WIDTH words from &word_mask[WIDTH - n] gives n words of ones and
 * then zeroes.
 */
static const int32_t word_mask[2 * WIDTH] = {-1, -1, -1, -1, -1, -1, -1, -1};

INLINE __m256i
first_words(size_t n)
{
	return _mm256_loadu_si256((const __m256i *) (word_mask + WIDTH - n));
}

INLINE float
add_floats(__m256 v)
{
	__m128		sum =
		_mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

	sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
	sum = _mm_add_ss(sum, _mm_movehdup_ps(sum));
	return _mm_cvtss_f32(sum);
}

INLINE __m256
l2sq_add(__m256 acc, __m256 x, __m256 y)
{
	__m256		diff = _mm256_sub_ps(x, y);

	return _mm256_fmadd_ps(diff, diff, acc);
}

INLINE __m256
ip_add(__m256 acc, __m256 x, __m256 y)
{
	return _mm256_fmadd_ps(x, y, acc);
}

INLINE __m256
l1_add(__m256 acc, __m256 x, __m256 y)
{
	__m256		diff = _mm256_sub_ps(x, y);

	return _mm256_add_ps(acc, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), diff));
}

#include "sum_simd.h"

#endif							/* OMEN_SUM_AVX2_H */
