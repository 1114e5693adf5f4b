/*
 * bits_avx512.c
 *		The kernels of bit strings for AVX-512 (F, BW, VL) with VPOPCNTDQ.
 *
 * Purpose: speed, by the contract of bits.h.  Every function here carries its
 * target as an attribute, so the file is compiled with the flags of all others;
 * nothing here may run before dispatch.c has asked the CPU.
 *
 * A panel holds words of four bytes, see bits_panel.h: one instruction counts
 * the ones of those of 16 columns.
 *
 * With OMEN_EMULATE_AVX512 the unit tests supply the intrinsics in portable C,
 * so that they can run this file on any CPU.
 */
#include "bits_panel.h"
#include "kernels.h"

#ifdef OMEN_KERNELS_X86

#include <string.h>

#ifdef OMEN_EMULATE_AVX512
#define TARGET
#define INLINE static inline
#else
#include <immintrin.h>
#define TARGET \
	__attribute__((target("avx512f,avx512bw,avx512vl,avx512vpopcntdq")))
#define INLINE static inline __attribute__((always_inline)) TARGET
#endif

/* bytes, and 32-bit words, of one register */
#define BYTES 64
#define WIDTH 16

/* Rows that are compared with a panel together: 16 registers of counts. */
#define ROWS 4

INLINE __m512i
load_bytes(const void *p)
{
	return _mm512_loadu_si512(p);
}

/* Less than a register, zeros behind it. */
INLINE __m512i
load_rest(const uint8_t *p, size_t bytes)
{
	return _mm512_maskz_loadu_epi8((__mmask64) ((UINT64_C(1) << bytes) - 1), p);
}

/* The sum of 16 counts. */
INLINE uint32_t
add_counts(__m512i v)
{
	__m256i		half = _mm256_add_epi32(_mm512_castsi512_si256(v),
									_mm512_extracti64x4_epi64(v, 1));
	__m128i		sum = _mm_add_epi32(_mm256_castsi256_si128(half),
								_mm256_extracti128_si256(half, 1));

	sum = _mm_add_epi32(sum, _mm_unpackhi_epi64(sum, sum));
	return (uint32_t) (_mm_cvtsi128_si32(sum) + _mm_extract_epi32(sum, 1));
}

/* Add the ones of a combination to the counts. */
#define ADD(acc, combine, x, y) \
	acc = _mm512_add_epi32(acc, _mm512_popcnt_epi32(combine((x), (y))))

/* Define the kernel that counts the ones of a combination of two strings. */
#define DEFINE_COUNT(name, combine) \
	TARGET static uint32_t name(const uint8_t *a, const uint8_t *b, \
								size_t bytes) \
	{ \
		__m512i acc0 = _mm512_setzero_si512(); \
		__m512i acc1 = acc0; \
		size_t i = 0; \
\
		for (; i + 2 * BYTES <= bytes; i += 2 * BYTES) \
		{ \
			ADD(acc0, combine, load_bytes(a + i), load_bytes(b + i)); \
			ADD(acc1, combine, load_bytes(a + i + BYTES), \
				load_bytes(b + i + BYTES)); \
		} \
		if (i + BYTES <= bytes) \
		{ \
			ADD(acc0, combine, load_bytes(a + i), load_bytes(b + i)); \
			i += BYTES; \
		} \
		if (i < bytes) \
			ADD(acc1, combine, load_rest(a + i, bytes - i), \
				load_rest(b + i, bytes - i)); \
		return add_counts(_mm512_add_epi32(acc0, acc1)); \
	}

DEFINE_COUNT(hamming, _mm512_xor_si512)
DEFINE_COUNT(both_ones, _mm512_and_si512)

TARGET static uint32_t
ones(const uint8_t *a, size_t bytes)
{
	return both_ones(a, a, bytes);
}

TARGET static void
overlap(const uint8_t *a, const uint8_t *b, size_t bytes, uint32_t *both,
		uint32_t *either)
{
	__m512i		in_both = _mm512_setzero_si512();
	__m512i		in_either = in_both;
	size_t		i = 0;

	for (; i + BYTES <= bytes; i += BYTES)
	{
		__m512i		x = load_bytes(a + i);
		__m512i		y = load_bytes(b + i);

		ADD(in_both, _mm512_and_si512, x, y);
		ADD(in_either, _mm512_or_si512, x, y);
	}
	if (i < bytes)
	{
		__m512i		x = load_rest(a + i, bytes - i);
		__m512i		y = load_rest(b + i, bytes - i);

		ADD(in_both, _mm512_and_si512, x, y);
		ADD(in_either, _mm512_or_si512, x, y);
	}
	*both = add_counts(in_both);
	*either = add_counts(in_either);
}

/* ---------- panels ---------- */

INLINE __m512
finish_hamming(__m512i count, __m512i all)
{
	(void) all;
	return _mm512_cvtepi32_ps(count);
}

/* See omen_jaccard_float. */
INLINE __m512
finish_jaccard(__m512i both, __m512i all)
{
	__m512i		either = _mm512_sub_epi32(all, both);
	__m512i		differing = _mm512_sub_epi32(either, both);
	/* of nothing the quotient is of 1 and 1 */
	__m512i		one = _mm512_set1_epi32(1);
	__m512i		least = _mm512_max_epi32(either, one);

	differing = _mm512_add_epi32(differing, _mm512_sub_epi32(least, either));
	return _mm512_div_ps(_mm512_cvtepi32_ps(differing),
						 _mm512_cvtepi32_ps(least));
}

#define EACH_ROW_1(what, combine) what(0, combine)
#define EACH_ROW_4(what, combine) \
	what(0, combine) what(1, combine) what(2, combine) what(3, combine)

/* the row and its counts, of 16 columns each */
#define START_ROW(r, combine) \
	const uint8_t *row##r = rows[r]; \
	__m512i count0_##r = _mm512_setzero_si512(); \
	__m512i count1_##r = count0_##r; \
	__m512i count2_##r = count0_##r; \
	__m512i count3_##r = count0_##r;

#define ADD_ROW(r, combine) \
	memcpy(&four, row##r + i, sizeof(four)); \
	word = _mm512_set1_epi32(four); \
	ADD(count0_##r, combine, word, columns0); \
	ADD(count1_##r, combine, word, columns1); \
	ADD(count2_##r, combine, word, columns2); \
	ADD(count3_##r, combine, word, columns3);

/* "combine" is how to finish here */
#define FINISH_PART(r, part, combine) \
	_mm512_storeu_ps( \
		out + (part) *WIDTH, \
		_mm512_add_ps( \
			combine(count##part##_##r, \
					_mm512_add_epi32(_mm512_set1_epi32(terms[r]->ones), \
									 _mm512_loadu_si512(head->ones + \
														(part) *WIDTH))), \
			_mm512_loadu_ps(head->beyond + (part) *WIDTH)));

#define FINISH_ROW(r, combine) \
	FINISH_PART(r, 0, combine) \
	FINISH_PART(r, 1, combine) \
	FINISH_PART(r, 2, combine) \
	FINISH_PART(r, 3, combine) \
	out += out_stride;

/* Define the function for so many rows. */
#define DEFINE_ROWS(name, each_row, combine, finish) \
	TARGET static void name(const BitsPanelHead *head, \
							const uint8_t *const *rows, \
							const OmenPointTerms *const *terms, size_t stride, \
							float *out, size_t out_stride) \
	{ \
		const uint8_t *columns = (const uint8_t *) (head + 1); \
		each_row(START_ROW, combine); \
\
		for (size_t i = 0; i < stride; i += 4) \
		{ \
			__m512i columns0 = load_bytes(columns); \
			__m512i columns1 = load_bytes(columns + BYTES); \
			__m512i columns2 = load_bytes(columns + 2 * BYTES); \
			__m512i columns3 = load_bytes(columns + 3 * BYTES); \
			__m512i word; \
			int32_t four; \
\
			each_row(ADD_ROW, combine); \
			columns += 4 * OMEN_PANEL; \
		} \
		each_row(FINISH_ROW, finish); \
	}

DEFINE_ROWS(hamming_row, EACH_ROW_1, _mm512_xor_si512, finish_hamming)
DEFINE_ROWS(hamming_rows, EACH_ROW_4, _mm512_xor_si512, finish_hamming)
DEFINE_ROWS(jaccard_row, EACH_ROW_1, _mm512_and_si512, finish_jaccard)
DEFINE_ROWS(jaccard_rows, EACH_ROW_4, _mm512_and_si512, finish_jaccard)

#define DEFINE_DISTANCES(name, one_row, four_rows) \
	static void name(const void *panel, const uint8_t *const *rows, \
					 const OmenPointTerms *const *terms, uint32_t nrows, \
					 size_t dim, float *out, size_t out_stride) \
	{ \
		size_t stride = OMEN_BLOCK_STRIDE(dim); \
		uint32_t r = 0; \
\
		for (; r + ROWS <= nrows; r += ROWS) \
			four_rows(panel, rows + r, terms + r, stride, \
					  out + r * out_stride, out_stride); \
		for (; r < nrows; r++) \
			one_row(panel, rows + r, terms + r, stride, out + r * out_stride, \
					out_stride); \
	}

DEFINE_DISTANCES(hamming_distances, hamming_row, hamming_rows)
DEFINE_DISTANCES(jaccard_distances, jaccard_row, jaccard_rows)

const OmenBitKernels omen_bits_avx512_vpopcnt = {
	.hamming = hamming,
	.both = both_ones,
	.overlap = overlap,
	.ones = ones,
	.hamming_panels = {bit_words_panel_bytes, pack_bit_words,
					   hamming_distances},
	.jaccard_panels = {bit_words_panel_bytes, pack_bit_words,
					   jaccard_distances},
};

#endif							/* OMEN_KERNELS_X86 */
