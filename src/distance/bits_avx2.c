/*
 * bits_avx2.c
 *		The kernels of bit strings for AVX2.
 *
 * Purpose: speed, by the contract of bits.h.  Every function here carries its
 * target as an attribute, so the file is compiled with the flags of all others;
 * nothing here may run before dispatch.c has asked the CPU.
 *
 * Bits are counted with a table of 16 bytes, one for each half of a byte, that
 * is looked up 32 times at once (W. Mula, N. Kurz, D. Lemire, "Faster
 * Population Counts Using AVX2 Instructions", 2018).  Counts are added up as
 * bytes as long as these have room.
 *
 * A panel holds words of four bytes, see bits_panel.h.
 */
#include "bits_panel.h"
#include "kernels.h"

#ifdef OMEN_KERNELS_X86

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline)) TARGET

/* bytes, and 32-bit words, of one register */
#define BYTES 32
#define WIDTH 8

/* So many counts of a byte's bits a byte has room for. */
#define MAX_ADDED 31

/* The ones of each byte. */
INLINE __m256i
count_bytes(__m256i v)
{
	const __m256i table =
		_mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1,
						 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
	const __m256i mask = _mm256_set1_epi8(15);
	__m256i		low = _mm256_and_si256(v, mask);
	__m256i		high = _mm256_and_si256(_mm256_srli_epi16(v, 4), mask);

	return _mm256_add_epi8(_mm256_shuffle_epi8(table, low),
						   _mm256_shuffle_epi8(table, high));
}

/* Four sums of eight bytes each. */
INLINE __m256i
sum_bytes(__m256i v)
{
	return _mm256_sad_epu8(v, _mm256_setzero_si256());
}

INLINE uint32_t
add_sums(__m256i v)
{
	__m128i		sum = _mm_add_epi64(_mm256_castsi256_si128(v),
								_mm256_extracti128_si256(v, 1));

	sum = _mm_add_epi64(sum, _mm_unpackhi_epi64(sum, sum));
	return (uint32_t) _mm_cvtsi128_si32(sum);
}

INLINE __m256i
load_bytes(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *) p);
}

/* Less than a register, zeros behind it. */
INLINE __m256i
load_rest(const uint8_t *p, size_t bytes)
{
	uint8_t		space[BYTES] = {0};

	memcpy(space, p, bytes);
	return load_bytes(space);
}

/* Define the kernel that counts the ones of a combination of two strings. */
#define DEFINE_COUNT(name, combine) \
	TARGET static uint32_t name(const uint8_t *a, const uint8_t *b, \
								size_t bytes) \
	{ \
		__m256i acc = _mm256_setzero_si256(); \
		__m256i n; \
		size_t i = 0; \
\
		for (; i + 4 * BYTES <= bytes; i += 4 * BYTES) \
		{ \
			n = count_bytes(combine(load_bytes(a + i), load_bytes(b + i))); \
			for (size_t j = i + BYTES; j < i + 4 * BYTES; j += BYTES) \
				n = _mm256_add_epi8(n, \
									count_bytes(combine(load_bytes(a + j), \
														load_bytes(b + j)))); \
			acc = _mm256_add_epi64(acc, sum_bytes(n)); \
		} \
		n = _mm256_setzero_si256(); \
		for (; i + BYTES <= bytes; i += BYTES) \
			n = _mm256_add_epi8(n, count_bytes(combine(load_bytes(a + i), \
													   load_bytes(b + i)))); \
		if (i < bytes) \
			n = _mm256_add_epi8(n, count_bytes( \
									   combine(load_rest(a + i, bytes - i), \
											   load_rest(b + i, bytes - i)))); \
		return add_sums(_mm256_add_epi64(acc, sum_bytes(n))); \
	}

DEFINE_COUNT(hamming, _mm256_xor_si256)
DEFINE_COUNT(both_ones, _mm256_and_si256)
DEFINE_COUNT(either_ones, _mm256_or_si256)

TARGET static void
overlap(const uint8_t *a, const uint8_t *b, size_t bytes, uint32_t *both,
		uint32_t *either)
{
	*both = both_ones(a, b, bytes);
	*either = either_ones(a, b, bytes);
}

TARGET static uint32_t
ones(const uint8_t *a, size_t bytes)
{
	return both_ones(a, a, bytes);
}

/* ---------- panels ---------- */

INLINE __m256i
load_words(const void *p)
{
	return _mm256_loadu_si256((const __m256i *) p);
}

/* Sums of four bytes each. */
INLINE __m256i
sum_words(__m256i v)
{
	return _mm256_madd_epi16(_mm256_maddubs_epi16(v, _mm256_set1_epi8(1)),
							 _mm256_set1_epi16(1));
}

#define EACH_PART(what, combine) \
	what(0, combine) what(1, combine) what(2, combine) what(3, combine) \
		what(4, combine) what(5, combine) what(6, combine) what(7, combine)

#define START_PART(k, combine) __m256i n##k = _mm256_setzero_si256();

#define ADD_PART(k, combine) \
	n##k = _mm256_add_epi8( \
		n##k, count_bytes(combine(word, load_words(columns + BYTES * (k)))));

#define STORE_PART(k, combine) \
	_mm256_storeu_si256((__m256i *) (count + WIDTH * (k)), \
						_mm256_add_epi32(load_words(count + WIDTH * (k)), \
										 sum_words(n##k)));

/*
 * Define the function that adds to the counts of all columns those of a
 * stretch of the row, a multiple of four bytes of up to MAX_ADDED words.
 */
#define DEFINE_STRETCH(name, combine) \
	TARGET static void name(const uint8_t *row, const uint8_t *columns, \
							size_t bytes, int32_t *count) \
	{ \
		EACH_PART(START_PART, combine) \
\
		for (size_t i = 0; i < bytes; i += 4) \
		{ \
			int32_t four; \
			__m256i word; \
\
			memcpy(&four, row + i, sizeof(four)); \
			word = _mm256_set1_epi32(four); \
			EACH_PART(ADD_PART, combine) \
			columns += 4 * OMEN_PANEL; \
		} \
		EACH_PART(STORE_PART, combine) \
	}

DEFINE_STRETCH(add_differing, _mm256_xor_si256)
DEFINE_STRETCH(add_both, _mm256_and_si256)

INLINE __m256
finish_hamming(__m256i count, __m256i all)
{
	(void) all;
	return _mm256_cvtepi32_ps(count);
}

/* See omen_jaccard_float. */
INLINE __m256
finish_jaccard(__m256i both, __m256i all)
{
	__m256i		either = _mm256_sub_epi32(all, both);
	/* minus one where there is nothing: then the quotient is of 1 and 1 */
	__m256i		empty = _mm256_cmpeq_epi32(either, _mm256_setzero_si256());
	__m256i		differing = _mm256_sub_epi32(either, both);

	return _mm256_div_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(differing, empty)),
						 _mm256_cvtepi32_ps(_mm256_sub_epi32(either, empty)));
}

#define DEFINE_DISTANCES(name, add_stretch, finish) \
	TARGET static void name(const void *panel, const uint8_t *const *rows, \
							const OmenPointTerms *const *terms, \
							uint32_t nrows, size_t dim, float *out, \
							size_t out_stride) \
	{ \
		const BitsPanelHead *head = panel; \
		const uint8_t *columns = (const uint8_t *) (head + 1); \
		size_t stride = OMEN_BLOCK_STRIDE(dim); \
\
		for (uint32_t r = 0; r < nrows; r++, out += out_stride) \
		{ \
			int32_t count[OMEN_PANEL] = {0}; \
			__m256i row_ones = _mm256_set1_epi32(terms[r]->ones); \
\
			for (size_t i = 0; i < stride; i += 4 * MAX_ADDED) \
				add_stretch(rows[r] + i, columns + i * OMEN_PANEL, \
							stride - i < 4 * MAX_ADDED ? stride - i \
													   : 4 * MAX_ADDED, \
							count); \
			for (uint32_t c = 0; c < OMEN_PANEL; c += WIDTH) \
				_mm256_storeu_ps( \
					out + c, \
					_mm256_add_ps( \
						finish(load_words(count + c), \
							   _mm256_add_epi32(row_ones, \
												load_words(head->ones + c))), \
						_mm256_loadu_ps(head->beyond + c))); \
		} \
	}

DEFINE_DISTANCES(hamming_distances, add_differing, finish_hamming)
DEFINE_DISTANCES(jaccard_distances, add_both, finish_jaccard)

const OmenBitKernels omen_bits_avx2 = {
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
