/*
 * bits_neon.c
 *		The kernels of bit strings for NEON.
 *
 * Purpose: speed, by the contract of bits.h, with what every Arm CPU of 64 bits
 * has: an instruction that counts the bits of each byte.  Counts are added up
 * as bytes as long as these have room.
 *
 * A panel holds words of four bytes, see bits_panel.h.
 */
#include "bits_panel.h"
#include "kernels.h"

#ifdef OMEN_KERNELS_NEON

#include <arm_neon.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* The compiler has fused operations, and fuses intrinsics. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#endif

/* bytes, and 32-bit words, of one register */
#define BYTES 16
#define WIDTH 4

/* So many counts of a byte's bits a byte has room for. */
#define MAX_ADDED 31

/* Less than a register, zeros behind it. */
INLINE uint8x16_t
load_rest(const uint8_t *p, size_t bytes)
{
	uint8_t		space[BYTES] = {0};

	memcpy(space, p, bytes);
	return vld1q_u8(space);
}

/* Four sums of the bytes of four. */
INLINE uint32x4_t
add_counts(uint32x4_t acc, uint8x16_t counts)
{
	return vpadalq_u16(acc, vpaddlq_u8(counts));
}

/* Define the kernel that counts the ones of a combination of two strings. */
#define DEFINE_COUNT(name, combine) \
	static uint32_t name(const uint8_t *a, const uint8_t *b, size_t bytes) \
	{ \
		uint32x4_t acc = vdupq_n_u32(0); \
		uint8x16_t n; \
		size_t i = 0; \
\
		for (; i + 8 * BYTES <= bytes; i += 8 * BYTES) \
		{ \
			n = vcntq_u8(combine(vld1q_u8(a + i), vld1q_u8(b + i))); \
			for (size_t j = i + BYTES; j < i + 8 * BYTES; j += BYTES) \
				n = vaddq_u8(n, vcntq_u8(combine(vld1q_u8(a + j), \
												 vld1q_u8(b + j)))); \
			acc = add_counts(acc, n); \
		} \
		n = vdupq_n_u8(0); \
		for (; i + BYTES <= bytes; i += BYTES) \
			n = vaddq_u8(n, \
						 vcntq_u8(combine(vld1q_u8(a + i), vld1q_u8(b + i)))); \
		if (i < bytes) \
			n = vaddq_u8(n, vcntq_u8(combine(load_rest(a + i, bytes - i), \
											 load_rest(b + i, bytes - i)))); \
		return vaddvq_u32(add_counts(acc, n)); \
	}

DEFINE_COUNT(hamming, veorq_u8)
DEFINE_COUNT(both_ones, vandq_u8)
DEFINE_COUNT(either_ones, vorrq_u8)

static void
overlap(const uint8_t *a, const uint8_t *b, size_t bytes, uint32_t *both,
		uint32_t *either)
{
	*both = both_ones(a, b, bytes);
	*either = either_ones(a, b, bytes);
}

static uint32_t
ones(const uint8_t *a, size_t bytes)
{
	return both_ones(a, a, bytes);
}

/* ---------- panels ---------- */

#define EACH_PART(what, combine) \
	what(0, combine) what(1, combine) what(2, combine) what(3, combine) \
		what(4, combine) what(5, combine) what(6, combine) what(7, combine) \
			what(8, combine) what(9, combine) what(10, combine) \
				what(11, combine) what(12, combine) what(13, combine) \
					what(14, combine) what(15, combine)

#define START_PART(k, combine) uint8x16_t n##k = vdupq_n_u8(0);

#define ADD_PART(k, combine) \
	n##k = vaddq_u8(n##k, \
					vcntq_u8(combine(word, vld1q_u8(columns + BYTES * (k)))));

#define STORE_PART(k, combine) \
	vst1q_u32(count + WIDTH * (k), \
			  add_counts(vld1q_u32(count + WIDTH * (k)), n##k));

/*
 * Define the function that adds to the counts of all columns those of a
 * stretch of the row, a multiple of four bytes of up to MAX_ADDED words.
 */
#define DEFINE_STRETCH(name, combine) \
	static void name(const uint8_t *row, const uint8_t *columns, size_t bytes, \
					 uint32_t *count) \
	{ \
		EACH_PART(START_PART, combine) \
\
		for (size_t i = 0; i < bytes; i += 4) \
		{ \
			uint32_t four; \
			uint8x16_t word; \
\
			memcpy(&four, row + i, sizeof(four)); \
			word = vreinterpretq_u8_u32(vdupq_n_u32(four)); \
			EACH_PART(ADD_PART, combine) \
			columns += 4 * OMEN_PANEL; \
		} \
		EACH_PART(STORE_PART, combine) \
	}

DEFINE_STRETCH(add_differing, veorq_u8)
DEFINE_STRETCH(add_both, vandq_u8)

INLINE float32x4_t
finish_hamming(uint32x4_t count, uint32x4_t all)
{
	(void) all;
	return vcvtq_f32_u32(count);
}

/* See omen_jaccard_float. */
INLINE float32x4_t
finish_jaccard(uint32x4_t both, uint32x4_t all)
{
	uint32x4_t	either = vsubq_u32(all, both);
	/* minus one where there is nothing: then the quotient is of 1 and 1 */
	uint32x4_t	empty = vceqzq_u32(either);
	uint32x4_t	differing = vsubq_u32(either, both);

	return vdivq_f32(vcvtq_f32_u32(vsubq_u32(differing, empty)),
					 vcvtq_f32_u32(vsubq_u32(either, empty)));
}

#define DEFINE_DISTANCES(name, add_stretch, finish) \
	static void name(const void *panel, const uint8_t *const *rows, \
					 const OmenPointTerms *const *terms, uint32_t nrows, \
					 size_t dim, float *out, size_t out_stride) \
	{ \
		const BitsPanelHead *head = panel; \
		const uint8_t *columns = (const uint8_t *) (head + 1); \
		size_t stride = OMEN_BLOCK_STRIDE(dim); \
\
		for (uint32_t r = 0; r < nrows; r++, out += out_stride) \
		{ \
			uint32_t count[OMEN_PANEL] = {0}; \
			uint32x4_t row_ones = vdupq_n_u32((uint32_t) terms[r]->ones); \
\
			for (size_t i = 0; i < stride; i += 4 * MAX_ADDED) \
				add_stretch(rows[r] + i, columns + i * OMEN_PANEL, \
							stride - i < 4 * MAX_ADDED ? stride - i \
													   : 4 * MAX_ADDED, \
							count); \
			for (uint32_t c = 0; c < OMEN_PANEL; c += WIDTH) \
			{ \
				uint32x4_t column_ones = \
					vreinterpretq_u32_s32(vld1q_s32(head->ones + c)); \
				float32x4_t distance = \
					finish(vld1q_u32(count + c), \
						   vaddq_u32(row_ones, column_ones)); \
\
				vst1q_f32(out + c, \
						  vaddq_f32(distance, vld1q_f32(head->beyond + c))); \
			} \
		} \
	}

DEFINE_DISTANCES(hamming_distances, add_differing, finish_hamming)
DEFINE_DISTANCES(jaccard_distances, add_both, finish_jaccard)

const OmenBitKernels omen_bits_neon = {
	.hamming = hamming,
	.both = both_ones,
	.overlap = overlap,
	.ones = ones,
	.hamming_panels = {bit_words_panel_bytes, pack_bit_words,
					   hamming_distances},
	.jaccard_panels = {bit_words_panel_bytes, pack_bit_words,
					   jaccard_distances},
};

#endif							/* OMEN_KERNELS_NEON */
