/*
 * half_avx2.c
 *		The kernels of halves for AVX2 with FMA and F16C.
 *
 * Purpose: speed, by the contract of half.h.  Every function here carries its
 * target as an attribute, so the file is compiled with the flags of all others;
 * nothing here may run before dispatch.c has asked the CPU.
 */
#include "half.h"
#include "kernels.h"

#ifdef OMEN_KERNELS_X86

#define TARGET __attribute__((target("avx2,fma,f16c")))
#include "sum_avx2.h"

INLINE __m256
load_halves(const uint16_t *p)
{
	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) p));
}

/* The first n, less than WIDTH or all, and zeroes. */
INLINE __m256
load_first_halves(const uint16_t *p, size_t n)
{
	uint16_t	first[WIDTH] = {0};

	if (n == WIDTH)
		return load_halves(p);
	for (size_t i = 0; i < n; i++)
		first[i] = p[i];
	return load_halves(first);
}

DEFINE_DISTANCES(uint16_t, load_halves, load_first_halves)

TARGET static void
to_floats(const uint16_t *from, size_t dim, float *to)
{
	size_t		i = 0;

	for (; i + WIDTH <= dim; i += WIDTH)
		_mm256_storeu_ps(to + i, load_halves(from + i));
	for (; i < dim; i++)
		to[i] = _cvtsh_ss(from[i]);
}

TARGET static void
from_floats(const float *from, size_t dim, uint16_t *to)
{
	size_t		i = 0;

	for (; i + WIDTH <= dim; i += WIDTH)
		_mm_storeu_si128((__m128i *) (to + i),
						 _mm256_cvtps_ph(_mm256_loadu_ps(from + i),
										 _MM_FROUND_TO_NEAREST_INT));
	for (; i < dim; i++)
		to[i] = _cvtss_sh(from[i], _MM_FROUND_TO_NEAREST_INT);
}

const OmenHalfKernels omen_half_avx2 = {
	.to_floats = to_floats,
	.from_floats = from_floats,
	.l2sq = l2sq,
	.ip = ip,
	.l1 = l1,
	.cosine = cosine,
};

#endif							/* OMEN_KERNELS_X86 */
