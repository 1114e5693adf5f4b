/*
 * bits.h
 *		Distances of bit strings, one pair at a time and many to many.
 *
 * Purpose: count the bits in which two strings of bytes differ, or that they
 * have in common.  One table of functions per instruction set, which is the
 * member bits of OmenKernels.  As the rest of this folder it must not know
 * about PostgreSQL; it never allocates and never fails.
 *
 * Strings are of any number of bytes, also none, up to OMEN_MAX_BITS bits, and
 * need no alignment; nothing outside them is read.  Counts are exact.
 */
#ifndef OMEN_BITS_H
#define OMEN_BITS_H

#include "block.h"

/* Bits that an index on bit strings may have. */
#define OMEN_MAX_BITS 64000

/* Bytes of so many bits. */
#define OMEN_BIT_BYTES(bits) (((size_t) (bits) + 7) / 8)

typedef struct OmenBitKernels
{
	/* bits that are set in one of the two alone */
	uint32_t (*hamming)(const uint8_t *a, const uint8_t *b, size_t bytes);

	/* bits that are set in both */
	uint32_t (*both)(const uint8_t *a, const uint8_t *b, size_t bytes);

	/* the same, and bits that are set in at least one */
	void (*overlap)(const uint8_t *a, const uint8_t *b, size_t bytes,
					uint32_t *both, uint32_t *either);

	/* bits that are set */
	uint32_t (*ones)(const uint8_t *a, size_t bytes);

	/*
	 * Many to many, dim being the number of bytes: the Hamming distance, and
	 * omen_jaccard_float.  Of the terms of a point only ones is looked at.
	 */
	OmenPanelKernels hamming_panels;
	OmenPanelKernels jaccard_panels;
} OmenBitKernels;

extern const OmenBitKernels omen_bits_scalar;
extern const OmenBitKernels omen_bits_avx2;
extern const OmenBitKernels omen_bits_avx512_vpopcnt;
extern const OmenBitKernels omen_bits_neon;

/*
 * One minus the part that two sets have in common, by the sizes of what they
 * have in common and of the union; two that are empty have nothing.
 */
static inline double
omen_jaccard(uint32_t both, uint32_t either)
{
	return both == 0 ? 1.0 : 1.0 - (double) both / (double) either;
}

/*
 * The same for a graph: one division of integers that float32 can tell apart,
 * so that all tables give the same bits.
 */
static inline float
omen_jaccard_float(uint32_t both, uint32_t either)
{
	return both == 0 ? 1.0f : (float) (either - both) / (float) either;
}

#endif							/* OMEN_BITS_H */
