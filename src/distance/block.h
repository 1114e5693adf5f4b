/*
 * block.h
 *		Distances of many points to many points, from 8-bit codes.
 *
 * Purpose: the squared distances of all pairs out of two sets of decoded
 * codes, several times as fast as pair by pair, and the smallest of a row of
 * them.  One table of functions per instruction set, which is the member
 * block of OmenKernels.  As the rest of this folder it must not know about
 * PostgreSQL or about the headers of codes; it never allocates and never
 * fails.
 *
 * Use: up to OMEN_PANEL points, the columns, are packed into a panel, in a
 * layout of the table's own; then come the distances of any number of other
 * points, the rows, to all columns at once.
 *
 * The distance of points a and b is |x - y|^2 + (added_a - added_b)^2, with
 * the decoded vectors x and y.  The inner product of the codes is exact; the
 * rest is float32 in the order written down in omen_finish_distance, nothing
 * fused or reordered.  So all tables give the same bits, the distance is the
 * same from a to b as from b to a, and omen_pair_distance agrees with both.
 * It is at least +0, never -0 or NaN; what cannot be computed is +infinity.
 */
#ifndef OMEN_BLOCK_H
#define OMEN_BLOCK_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "distance.h"

/* Columns of a panel. */
#define OMEN_PANEL 64

/* The most neighbours that nearest looks for. */
#define OMEN_NEAREST_MAX 200

/*
 * Bytes from one code to the next.  The functions of a table read that many
 * of each code; those behind its dim bytes must be zero.
 */
#define OMEN_BLOCK_STRIDE(dim) (((size_t) (dim) + 3) & ~(size_t) 3)

/*
 * Narrow codes are codes without their lowest bits, of so many of which the
 * numbers that are left are below OMEN_NARROW_END: products of them are summed
 * in 16 bits, which is twice as fast where there is no better instruction.
 */
#define OMEN_NARROWED 2
#define OMEN_NARROW_END (256 >> OMEN_NARROWED)

/* What the distances of a point are computed from beside its code. */
typedef struct OmenPointTerms
{
	float		scale;			/* sqrt(2) * step of the code */
	float		sum; /* sum of (code[i] - 128), divided by sqrt(dim) */
	float		level; /* sqrt(2 * dim) * mean of the decoded coordinates */
	float		sumsq;			/* squared norm of the decoded vector */
	float		added; /* one more coordinate, for inner product; else 0 */
	union
	{
		int32_t		sum128;		/* 128 * sum of (code[i] - 128), exact */
		int32_t		ones; /* of bits, which need nothing else: see bits.h */
	};
} OmenPointTerms;

_Static_assert(sizeof(OmenPointTerms) == 24, "OmenPointTerms has no padding");

/*
 * The functions of a table.  dim is 1..OMEN_MAX_DIM.  Codes and output
 * need no alignment beyond that of their elements; a panel is aligned to 64
 * bytes and belongs to the table that packed it.
 */
typedef struct OmenPanelKernels
{
	/* Bytes of a panel, a multiple of 64. */
	size_t (*panel_bytes)(size_t dim);

	/*
	 * Pack count points, at most OMEN_PANEL, as columns of a panel.  Columns
	 * beyond count are at distance +infinity from everything.
	 */
	void (*pack)(void *panel, const uint8_t *const *codes,
				 const OmenPointTerms *const *terms, uint32_t count,
				 size_t dim);

	/*
	 * Distances of nrows points, any number, to the OMEN_PANEL columns:
	 * out[r * out_stride + c] is that of row r and column c.
	 */
	void (*distances)(const void *panel, const uint8_t *const *rows,
					  const OmenPointTerms *const *terms, uint32_t nrows,
					  size_t dim, float *out, size_t out_stride);
} OmenPanelKernels;

typedef struct OmenBlockKernels
{
	OmenPanelKernels panels;	/* of 8-bit codes */
	OmenPanelKernels narrow_panels; /* of narrow codes */

	/* Make a narrow code of bytes, a multiple of 8, of a code. */
	void (*narrow)(const uint8_t *code, size_t bytes, uint8_t *to);

	/*
	 * The k smallest of count values, or as many as are not +infinity; k is
	 * at most OMEN_NEAREST_MAX.  Values are as distances returns them: no NaN,
	 * none negative, no -0.  Sets index and value, room for k each, ordered by
	 * value and by index where values are equal, and returns their number.
	 *
	 * There must be room up to the next multiple of 64 values; those beyond
	 * count may be overwritten with +infinity.
	 */
	uint32_t (*nearest)(float *values, uint32_t count, uint32_t k,
						uint32_t *index, float *value);
} OmenBlockKernels;

/* The sum of the bytes of a narrow code, of a multiple of 8 of them. */
static inline uint32_t
omen_narrow_sum(const uint8_t *narrow, size_t bytes)
{
	const uint64_t pairs = UINT64_C(0x00ff00ff00ff00ff);
	uint32_t	sum = 0;

	for (size_t i = 0; i < bytes; i += 8)
	{
		uint64_t	word;

		memcpy(&word, narrow + i, 8);
		word = (word & pairs) + (word >> 8 & pairs);
		sum += (uint32_t) (word * UINT64_C(0x0001000100010001) >> 48);
	}
	return sum;
}

/*
 * The tables, for kernel_*.c, which make them a part of theirs.  Those of an
 * instruction set exist where kernels.h says that it is compiled in.
 */
extern const OmenBlockKernels omen_block_scalar;
extern const OmenBlockKernels omen_block_avx2;
extern const OmenBlockKernels omen_block_avx512_vnni;
extern const OmenBlockKernels omen_block_neon;
extern const OmenBlockKernels omen_block_neon_dotprod;
extern const OmenBlockKernels omen_block_neon_i8mm;

/*
 * clang fuses within an expression, which the standard pragma prevents; gcc
 * ignores that one and has its own.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

/*
 * The distance, from dot = sum of (a[i] - 128) * (b[i] - 128).  Every table
 * does exactly these operations.
 */
static inline float
omen_finish_distance(const OmenPointTerms *ta, const OmenPointTerms *tb,
					 int32_t dot)
{
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif
	float		t = (float) dot - ta->sum * tb->sum;
	float		p = (ta->scale * tb->scale) * t;
	float		q = ta->level * tb->level;
	float		r = p + q;		/* twice the inner product */
	float		n = ta->sumsq + tb->sumsq;
	float		e = ta->added - tb->added;
	float		d = (n - r) + e * e;
	float		m = (0.0f > d) ? 0.0f : d;

	/* NaN is not less */
	return (m < INFINITY) ? m : INFINITY;
}

/* The distance of one pair, as the table in use computes it. */
static inline float
omen_pair_distance(const OmenPointTerms *ta, const uint8_t *a,
				   const OmenPointTerms *tb, const uint8_t *b, size_t dim)
{
	int64_t		dot = omen_kernels->ip_u8(a, b, dim);

	/* a[i] * b[i] with both moved down by 128 */
	dot -= (int64_t) ta->sum128 + tb->sum128 + 16384 * (int64_t) dim;
	return omen_finish_distance(ta, tb, (int32_t) dot);
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

#endif							/* OMEN_BLOCK_H */
