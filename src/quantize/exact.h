/*
 * exact.h
 *		What makes floating-point code of this folder give the same bits
 *		everywhere: no contraction, short vectors of plain lanes.
 *
 * Purpose: to be included, last, by the .c files whose results are stored on
 * disk, and by no others.
 *
 * Contraction (a * b + c rounded once) would make the bits depend on whether
 * the target has FMA.  clang obeys the standard pragma; gcc ignores that one
 * and has its own.  The vector types are the compilers' generic ones: each
 * lane is an IEEE 754 operation of its own, so they are as exact as scalars
 * on targets with and without vector registers.  Nothing here reorders sums.
 */
#ifndef OMEN_EXACT_H
#define OMEN_EXACT_H

#include <stdint.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "codes are stored on disk and must not depend on fast-math rewriting"
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize ("fp-contract=off")
#endif

typedef float Float4 __attribute__((vector_size(16)));
typedef int32_t Int4 __attribute__((vector_size(16)));
typedef double Double2 __attribute__((vector_size(16)));

static inline Float4
load_float4(const float *p)
{
	Float4		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
store_float4(float *p, Float4 v)
{
	memcpy(p, &v, sizeof(v));
}

#endif							/* OMEN_EXACT_H */
