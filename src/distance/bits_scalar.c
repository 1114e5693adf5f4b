/*
 * bits_scalar.c
 *		The kernels of bit strings in portable C.
 *
 * Purpose: be plainly right, by the contract of bits.h.  It must not use
 * intrinsics, nor the compiler's population count, which without an
 * instruction for it is a call.
 *
 * A panel holds, behind its head, the columns one after the other.
 */
#include <string.h>

#include "bits_panel.h"

/* Sums of bits in pairs, in fours, in bytes; and of all bytes. */
static inline uint32_t
count_ones(uint64_t x)
{
	x -= x >> 1 & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) +
		(x >> 2 & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (uint32_t) (x * UINT64_C(0x0101010101010101) >> 56);
}

static inline uint64_t
load_word(const uint8_t *p)
{
	uint64_t	word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Less than a word, zeros behind it. */
static inline uint64_t
load_rest(const uint8_t *p, size_t bytes)
{
	uint64_t	word = 0;

	memcpy(&word, p, bytes);
	return word;
}

/* Define the kernel that counts the ones of a combination of two strings. */
#define DEFINE_COUNT(name, op) \
	static uint32_t name(const uint8_t *a, const uint8_t *b, size_t bytes) \
	{ \
		uint32_t sum = 0; \
		size_t i = 0; \
\
		for (; i + 8 <= bytes; i += 8) \
			sum += count_ones(load_word(a + i) op load_word(b + i)); \
		if (i < bytes) \
			sum += count_ones(load_rest(a + i, bytes - i) \
								  op load_rest(b + i, bytes - i)); \
		return sum; \
	}

DEFINE_COUNT(hamming, ^)
DEFINE_COUNT(both_ones, &)
DEFINE_COUNT(either_ones, |)

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

static size_t
panel_bytes(size_t dim)
{
	return (sizeof(BitsPanelHead) + OMEN_PANEL * dim + 63) & ~(size_t) 63;
}

static void
pack(void *panel, const uint8_t *const *codes,
	 const OmenPointTerms *const *terms, uint32_t count, size_t dim)
{
	BitsPanelHead *head = panel;
	uint8_t	   *columns = (uint8_t *) (head + 1);

	set_bits_panel_head(head, terms, count);
	memset(columns, 0, OMEN_PANEL * dim);
	for (uint32_t c = 0; c < count; c++)
		memcpy(columns + c * dim, codes[c], dim);
}

/* Define the distances by what is counted and what is made of it. */
#define DEFINE_DISTANCES(name, count, finish) \
	static void name(const void *panel, const uint8_t *const *rows, \
					 const OmenPointTerms *const *terms, uint32_t nrows, \
					 size_t dim, float *out, size_t out_stride) \
	{ \
		const BitsPanelHead *head = panel; \
		const uint8_t *columns = (const uint8_t *) (head + 1); \
\
		for (uint32_t r = 0; r < nrows; r++) \
			for (int c = 0; c < OMEN_PANEL; c++) \
			{ \
				uint32_t n = count(rows[r], columns + c * dim, dim); \
				uint32_t all = (uint32_t) (terms[r]->ones + head->ones[c]); \
\
				out[r * out_stride + c] = finish(n, all) + head->beyond[c]; \
			} \
	}

#define FINISH_HAMMING(n, all) ((void) (all), (float) (n))
#define FINISH_JACCARD(n, all) omen_jaccard_float((n), (all) - (n))

DEFINE_DISTANCES(hamming_distances, hamming, FINISH_HAMMING)
DEFINE_DISTANCES(jaccard_distances, both_ones, FINISH_JACCARD)

const OmenBitKernels omen_bits_scalar = {
	.hamming = hamming,
	.both = both_ones,
	.overlap = overlap,
	.ones = ones,
	.hamming_panels = {panel_bytes, pack, hamming_distances},
	.jaccard_panels = {panel_bytes, pack, jaccard_distances},
};
