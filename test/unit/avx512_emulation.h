/*
 * avx512_emulation.h
 *		SIMDe's AVX-512, and what the sources for AVX-512 need that it lacks.
 *
 * Purpose: let the unit tests run those sources on CPUs without AVX-512; it is
 * included before them on the compiler's command line, together with
 * OMEN_EMULATE_AVX512.  It must never be part of the extension.  A masked
 * load here reads no byte that its mask leaves out, as the CPU promises, so
 * the address sanitizer sees the same accesses.
 */
#ifndef OMEN_AVX512_EMULATION_H
#define OMEN_AVX512_EMULATION_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>
#pragma GCC diagnostic pop

#include <string.h>

#include "distance/half.h"

#define __mmask16 uint16_t
#define __mmask64 uint64_t

static inline __m512
emulate_maskz_loadu_ps(uint16_t mask, const float *p)
{
	float		lane[16] = {0.0f};
	__m512		result;

	for (int i = 0; i < 16; i++)
		if (mask >> i & 1)
			lane[i] = p[i];
	memcpy(&result, lane, sizeof(result));
	return result;
}

static inline __m512i
emulate_maskz_loadu_epi8(uint64_t mask, const uint8_t *p)
{
	uint8_t		lane[64] = {0};
	__m512i		result;

	for (int i = 0; i < 64; i++)
		if (mask >> i & 1)
			lane[i] = p[i];
	memcpy(&result, lane, sizeof(result));
	return result;
}

static inline __m128i
emulate_maskz_loadu_epi8_128(uint16_t mask, const uint8_t *p)
{
	uint8_t		lane[16] = {0};
	__m128i		result;

	for (int i = 0; i < 16; i++)
		if (mask >> i & 1)
			lane[i] = p[i];
	memcpy(&result, lane, sizeof(result));
	return result;
}

static inline __m512i
emulate_madd_epi16(__m512i a, __m512i b)
{
	int16_t		x[32];
	int16_t		y[32];
	int32_t		sum[16];
	__m512i		result;

	memcpy(x, &a, sizeof(x));
	memcpy(y, &b, sizeof(y));
	for (int i = 0; i < 16; i++)
		sum[i] = x[2 * i] * y[2 * i] + x[2 * i + 1] * y[2 * i + 1];
	memcpy(&result, sum, sizeof(result));
	return result;
}

static inline __m512i
emulate_cvtepu8_epi32(__m128i a)
{
	uint8_t		x[16];
	int32_t		wide[16];
	__m512i		result;

	memcpy(x, &a, sizeof(x));
	for (int i = 0; i < 16; i++)
		wide[i] = x[i];
	memcpy(&result, wide, sizeof(result));
	return result;
}

static inline __m512
emulate_cvtepi32_ps(__m512i a)
{
	int32_t		x[16];
	float		lane[16];
	__m512		result;

	memcpy(x, &a, sizeof(x));
	for (int i = 0; i < 16; i++)
		lane[i] = (float) x[i];
	memcpy(&result, lane, sizeof(result));
	return result;
}

/* Sixteen halves, which convert as half.h says; that is tested elsewhere. */
static inline __m512
emulate_cvtph_ps(__m256i a)
{
	uint16_t	x[16];
	float		lane[16];
	__m512		result;

	memcpy(x, &a, sizeof(x));
	for (int i = 0; i < 16; i++)
		lane[i] = omen_half_to_float(x[i]);
	memcpy(&result, lane, sizeof(result));
	return result;
}

static inline __m256i
emulate_cvtps_ph(__m512 a)
{
	float		x[16];
	uint16_t	lane[16];
	__m256i		result;

	memcpy(x, &a, sizeof(x));
	for (int i = 0; i < 16; i++)
		lane[i] = omen_half_from_float(x[i]);
	memcpy(&result, lane, sizeof(result));
	return result;
}

static inline __m256i
emulate_maskz_loadu_epi16(uint16_t mask, const uint16_t *p)
{
	uint16_t	lane[16] = {0};
	__m256i		result;

	for (int i = 0; i < 16; i++)
		if (mask >> i & 1)
			lane[i] = p[i];
	memcpy(&result, lane, sizeof(result));
	return result;
}

static inline void
emulate_mask_storeu_epi16(uint16_t *p, uint16_t mask, __m256i a)
{
	uint16_t	lane[16];

	memcpy(lane, &a, sizeof(lane));
	for (int i = 0; i < 16; i++)
		if (mask >> i & 1)
			p[i] = lane[i];
}

static inline void
emulate_mask_storeu_ps(float *p, uint16_t mask, __m512 a)
{
	float		lane[16];

	memcpy(lane, &a, sizeof(lane));
	for (int i = 0; i < 16; i++)
		if (mask >> i & 1)
			p[i] = lane[i];
}

#undef _mm512_cvtph_ps
#undef _mm512_cvtps_ph
#undef _mm256_maskz_loadu_epi16
#undef _mm256_mask_storeu_epi16
#undef _mm512_mask_storeu_ps
#undef _mm512_maskz_loadu_ps
#undef _mm512_maskz_loadu_epi8
#undef _mm_maskz_loadu_epi8
#undef _mm512_madd_epi16
#undef _mm512_cvtepu8_epi32
#undef _mm512_cvtepi32_ps
#define _mm512_cvtph_ps(a) emulate_cvtph_ps(a)
#define _mm512_cvtps_ph(a, rounding) emulate_cvtps_ph(a)
#define _mm256_maskz_loadu_epi16(mask, p) emulate_maskz_loadu_epi16(mask, p)
#define _mm256_mask_storeu_epi16(p, mask, a) \
	emulate_mask_storeu_epi16(p, mask, a)
#define _mm512_mask_storeu_ps(p, mask, a) emulate_mask_storeu_ps(p, mask, a)
#define _mm512_maskz_loadu_ps(mask, p) emulate_maskz_loadu_ps(mask, p)
#define _mm512_maskz_loadu_epi8(mask, p) emulate_maskz_loadu_epi8(mask, p)
#define _mm_maskz_loadu_epi8(mask, p) emulate_maskz_loadu_epi8_128(mask, p)
#define _mm512_madd_epi16(a, b) emulate_madd_epi16(a, b)
#define _mm512_cvtepu8_epi32(a) emulate_cvtepu8_epi32(a)
#define _mm512_cvtepi32_ps(a) emulate_cvtepi32_ps(a)

#endif							/* OMEN_AVX512_EMULATION_H */
