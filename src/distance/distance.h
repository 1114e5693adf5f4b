/*
 * distance.h
 *		Distance kernels on plain arrays, one table per instruction set.
 *
 * Purpose: compute inner products and L2, L1 and cosine sums of float and
 * 8-bit vectors as fast as the CPU allows.  This folder must not know about
 * PostgreSQL (no postgres.h, no ereport, no palloc), about vector types, or
 * about codes and their headers; it never allocates and never fails.
 *
 * Common contract of the kernels: both arrays hold dim elements (one that is
 * split has more), need only the natural alignment of their element type, may
 * be the same array, and nothing outside them is read.  dim may be 0.
 *
 * Precision of the float kernels.  Terms are formed and summed in float32.
 * Every table spreads the terms over at least OMEN_KERNEL_LANES partial sums
 * which are then added pairwise (the AVX-512 table combines its four
 * accumulators first, then the lanes), so a term passes through at most dim /
 * OMEN_KERNEL_LANES + 9 additions, at most one more rounding for its
 * subtraction and, without FMA, one for its product.  With u = 2^-24 the result
 * differs from the exact one by at most
 *		omen_kernel_error(dim) * (sum of the absolute values of the terms)
 * plus dim * 2^-149 where products underflow.  For sums of squares and L1 all
 * terms have one sign, so that is a relative error.  Sums past FLT_MAX
 * become infinite (for ip and the product of cosine possibly NaN).
 */
#ifndef OMEN_DISTANCE_H
#define OMEN_DISTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each float kernel keeps at least this many independent partial sums. */
#define OMEN_KERNEL_LANES 16

/*
 * Dimensions that a vector, and an index on vectors, may have.  The integer
 * kernels are exact up to there.
 */
#define OMEN_MAX_DIM 16000

/* Bytes of a packed array of numbers of 4 bits, and of 2 bits. */
#define OMEN_PACKED_BYTES(dim) (((dim) + 1) / 2)
#define OMEN_QUARTER_BYTES(dim) (((dim) + 3) / 4)

/* Bytes of an array of bytes that is followed by their halves. */
#define OMEN_SPLIT_BYTES(dim) (3 * (size_t) (dim))

typedef struct OmenKernels
{
	const char *name;			/* as omen_kernels_select knows it */

	/* sum of (a_i - b_i)^2 */
	float (*l2sq)(const float *a, const float *b, size_t dim);

	/* sum of a_i * b_i */
	float (*ip)(const float *a, const float *b, size_t dim);

	/* sum of |a_i - b_i| */
	float (*l1)(const float *a, const float *b, size_t dim);

	/* the sums of a_i * b_i, a_i^2 and b_i^2 in one pass */
	void (*cosine)(const float *a, const float *b, size_t dim, float *ab,
				   float *aa, float *bb);

	/* sum of a_i * b_i, exact for dim <= OMEN_MAX_DIM */
	uint32_t (*ip_u8)(const uint8_t *a, const uint8_t *b, size_t dim);

	/*
	 * The same where a is many times the same, and has been split: it is
	 * followed by the low halves of its elements, 0..15, and then by the high
	 * ones, so that it has OMEN_SPLIT_BYTES(dim) bytes.
	 */
	uint32_t (*ip_split_u8)(const uint8_t *a, const uint8_t *b, size_t dim);

	/*
	 * The same where b, or both, are packed: byte j of a packed array of dim
	 * elements of 0..15 has element j in its low half, and element
	 * OMEN_PACKED_BYTES(dim) + j, or 0, in its high half.
	 */
	uint32_t (*ip_u8_u4)(const uint8_t *a, const uint8_t *b, size_t dim);
	uint32_t (*ip_u4)(const uint8_t *a, const uint8_t *b, size_t dim);

	/*
	 * The same of elements of 0..3: byte j has elements j, quarter + j, 2 *
	 * quarter + j and 3 * quarter + j, or 0 for those beyond dim, from its
	 * lowest bits up; quarter is OMEN_QUARTER_BYTES(dim).
	 */
	uint32_t (*ip_u8_u2)(const uint8_t *a, const uint8_t *b, size_t dim);
	uint32_t (*ip_u2)(const uint8_t *a, const uint8_t *b, size_t dim);

	/*
	 * Sum of |(offset_a + step_a * a_i) - (offset_b + step_b * b_i)|.  Exactly
	 * 0 for two equal encodings.  The decoded values must be finite; each is
	 * rounded at most twice before the subtraction.
	 */
	float (*l1_u8)(const uint8_t *a, const uint8_t *b, size_t dim,
				   float offset_a, float step_a, float offset_b, float step_b);

	/* sum of a_i * b_i, of floats and codes */
	float (*ip_f32_u8)(const float *a, const uint8_t *b, size_t dim);

	/*
	 * Sum of |a_i - b_i|, of values up to 32767; exact for dim <=
	 * OMEN_MAX_DIM.
	 */
	uint32_t (*l1_u16)(const uint16_t *a, const uint16_t *b, size_t dim);

	/* many points to many points: see block.h */
	const struct OmenBlockKernels *block;

	/* numbers of 16 bits: see half.h */
	const struct OmenHalfKernels *half;

	/* sparse arrays: see sparse.h */
	const struct OmenSparseKernels *sparse;

	/* bit strings: see bits.h */
	const struct OmenBitKernels *bits;
} OmenKernels;

/*
 * The table in use.  Never NULL: the scalar table until omen_kernels_init or
 * omen_kernels_select is called.
 */
extern const OmenKernels *omen_kernels;

/* Choose the best table the CPU and operating system support. */
extern void omen_kernels_init(void);

/*
 * Choose a table by name: "auto" (as omen_kernels_init), "scalar", "avx2",
 * "avx512", "neon", "neon_dotprod" or "neon_i8mm".  Returns false, and changes
 * nothing, if the name is unknown or the machine cannot run that table.
 */
extern bool omen_kernels_select(const char *name);

/* Would omen_kernels_select(name) succeed? */
extern bool omen_kernels_available(const char *name);

/*
 * The table of that name, or NULL if it is not compiled in.  For tests: the
 * machine may be unable to run it.
 */
extern const OmenKernels *omen_kernels_table(const char *name);

/*
 * The same for any function that sums float32 terms in float32, in whatever
 * order; twice that bounds a cosine of three such sums, terms of the second
 * order included.
 */
static inline double
omen_any_sum_error(size_t dim)
{
	double		roundings = ((double) dim + 12.0) * 0x1.0p-24;

	return roundings / (1.0 - 2.0 * roundings);
}

/* Worst-case error of the float kernels relative to the sum of |terms|. */
static inline double
omen_kernel_error(size_t dim)
{
	return ((double) (dim / OMEN_KERNEL_LANES) + 12.0) * 0x1.0p-24;
}

#endif							/* OMEN_DISTANCE_H */
