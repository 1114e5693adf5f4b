/*
 * half.h
 *		Numbers of 16 bits (IEEE 754 binary16, "half"): conversion and
 *		distances.
 *
 * Purpose: what distance.h has for floats, for arrays of halves.  One table of
 * functions per instruction set, which is the member half of OmenKernels.  As
 * the rest of this folder it must not know about PostgreSQL or types of
 * vectors; it never allocates and never fails.
 *
 * A half is kept as its bits.  Every half is a float as well, so distances are
 * those of the converted values, with the contract of distance.h: float32
 * terms, as many partial sums, and the error omen_kernel_error.  They are added
 * in the order that the table's kernels of floats have, so that the result is
 * the same bits.
 *
 * A float becomes the nearest half, of two as near the one whose last bit is
 * zero; from OMEN_HALF_OVERFLOW on that is infinity.  All tables give the same
 * bits, NaN included, which keeps the upper bits of its payload.
 */
#ifndef OMEN_HALF_H
#define OMEN_HALF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A float of at least this size becomes an infinite half. */
#define OMEN_HALF_OVERFLOW 65520.0f

/* A float of at most this size becomes zero. */
#define OMEN_HALF_VANISHING 0x1.0p-25f

typedef struct OmenHalfKernels
{
	/* dim numbers converted; the arrays do not overlap */
	void (*to_floats)(const uint16_t *from, size_t dim, float *to);
	void (*from_floats)(const float *from, size_t dim, uint16_t *to);

	/* as those of OmenKernels, of the converted values */
	float (*l2sq)(const uint16_t *a, const uint16_t *b, size_t dim);
	float (*ip)(const uint16_t *a, const uint16_t *b, size_t dim);
	float (*l1)(const uint16_t *a, const uint16_t *b, size_t dim);
	void (*cosine)(const uint16_t *a, const uint16_t *b, size_t dim, float *ab,
				   float *aa, float *bb);
} OmenHalfKernels;

/*
 * The tables, for kernel_*.c, which make them a part of theirs.  Those of an
 * instruction set exist where kernels.h says that it is compiled in.
 */
extern const OmenHalfKernels omen_half_scalar;
extern const OmenHalfKernels omen_half_avx2;
extern const OmenHalfKernels omen_half_avx512;
extern const OmenHalfKernels omen_half_neon;
extern const OmenHalfKernels omen_half_neon_fhm;

/* Neither NaN nor infinite? */
static inline bool
omen_half_is_finite(uint16_t half)
{
	return (half & 0x7c00) != 0x7c00;
}

/* A half as a float, which is exact. */
static inline float
omen_half_to_float(uint16_t half)
{
	uint32_t	size = half & 0x7fffu;
	uint32_t	bits = size << 13;
	float		value;

	/*
	 * With the exponent of a half in its place a float is too small by 2^112;
	 * multiplying by that also makes normal what a half has as a denormal.
	 */
	memcpy(&value, &bits, sizeof(value));
	value *= 0x1.0p112f;
	memcpy(&bits, &value, sizeof(bits));

	/*
	 * Infinity has its own exponent, and NaN as well, which becomes quiet.
	 * Without branches, so that compilers do it for several at a time.
	 */
	bits |= (uint32_t) - (size >= 0x7c00u) & 0x7f800000u;
	bits |= (uint32_t) - (size > 0x7c00u) & 0x400000u;
	bits |= (uint32_t) (half & 0x8000u) << 16;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* The half nearest to a float. */
static inline uint16_t
omen_half_from_float(float value)
{
	uint32_t	bits;
	uint32_t	sign;

	memcpy(&bits, &value, sizeof(bits));
	sign = bits >> 16 & 0x8000u;
	bits &= 0x7fffffffu;

	if (bits > 0x7f800000u)
		return (uint16_t) (sign | 0x7e00u | (bits >> 13 & 0x3ffu));
	if (bits >= 0x47800000u)	/* 65536 */
		return (uint16_t) (sign | 0x7c00u);
	if (bits < 0x38800000u)		/* 2^-14: becomes a denormal or zero */
	{
		/* floats from 0.5 on are as far apart as halves are here */
		memcpy(&value, &bits, sizeof(value));
		value += 0.5f;
		memcpy(&bits, &value, sizeof(bits));
		return (uint16_t) (sign | (bits - 0x3f000000u));
	}
	/* a carry out of the mantissa goes where it should, to infinity at last */
	bits += 0xfffu + (bits >> 13 & 1u);
	return (uint16_t) (sign | (bits - 0x38000000u) >> 13);
}

#endif							/* OMEN_HALF_H */
