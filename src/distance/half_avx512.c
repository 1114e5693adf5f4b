/*
 * half_avx512.c
 *		The kernels of halves for AVX-512 (F, BW, VL).
 *
 * Purpose: speed, by the contract of half.h.  Every function here carries its
 * target as an attribute, so the file is compiled with the flags of all others;
 * nothing here may run before dispatch.c has asked the CPU.  It is emulated as
 * kernel_avx512.c is.
 */
#include "half.h"
#include "kernels.h"

#ifdef OMEN_KERNELS_X86

#include "sum_avx512.h"

INLINE __m512
load_halves(const uint16_t *p)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) p));
}

INLINE __m512
load_first_halves(const uint16_t *p, size_t n)
{
	return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_floats(n), p));
}

DEFINE_DISTANCES(uint16_t, load_halves, load_first_halves)

TARGET static void
to_floats(const uint16_t *from, size_t dim, float *to)
{
	size_t		i = 0;

	for (; i + WIDTH <= dim; i += WIDTH)
		_mm512_storeu_ps(to + i, load_halves(from + i));
	if (i < dim)
		_mm512_mask_storeu_ps(to + i, first_floats(dim - i),
							  load_first_halves(from + i, dim - i));
}

TARGET static void
from_floats(const float *from, size_t dim, uint16_t *to)
{
	size_t		i = 0;

	for (; i + WIDTH <= dim; i += WIDTH)
		_mm256_storeu_si256((__m256i *) (to + i),
							_mm512_cvtps_ph(_mm512_loadu_ps(from + i),
											_MM_FROUND_TO_NEAREST_INT));
	if (i < dim)
	{
		__mmask16	mask = first_floats(dim - i);
		__m512		x = _mm512_maskz_loadu_ps(mask, from + i);

		_mm256_mask_storeu_epi16(to + i, mask,
								 _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
	}
}

const OmenHalfKernels omen_half_avx512 = {
	.to_floats = to_floats,
	.from_floats = from_floats,
	.l2sq = l2sq,
	.ip = ip,
	.l1 = l1,
	.cosine = cosine,
};

#endif							/* OMEN_KERNELS_X86 */
