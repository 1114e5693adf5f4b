/*
 * sparse.h
 *		Distances of sparse arrays: sorted indices, and a value for each.
 *
 * Purpose: what distance.h has for plain arrays, for vectors of which only the
 * numbers that are not zero are kept.  One table of functions per instruction
 * set, which is the member sparse of OmenKernels.  As the rest of this folder
 * it must not know about PostgreSQL or types of vectors; it never allocates
 * and never fails.
 *
 * Contract: indices ascend, none twice, and are at least 0.  Arrays need only
 * the alignment of their elements, may be the same, and nothing outside them
 * is read.  A count may be 0.
 *
 * Precision: terms are formed in float32, one for each index of the one or the
 * other array, and summed in float32 or better over at least OMEN_KERNEL_LANES
 * partial sums, so that the error bound of distance.h holds with the sum of the
 * two counts for dim.
 */
#ifndef OMEN_SPARSE_H
#define OMEN_SPARSE_H

#include <stddef.h>
#include <stdint.h>

typedef struct OmenSparse
{
	const int32_t *indices;
	const float *values;
	size_t		count;
} OmenSparse;

typedef struct OmenSparseKernels
{
	/* sum of (a_i - b_i)^2, of a_i * b_i, and of |a_i - b_i| */
	float (*l2sq)(OmenSparse a, OmenSparse b);
	float (*ip)(OmenSparse a, OmenSparse b);
	float (*l1)(OmenSparse a, OmenSparse b);
} OmenSparseKernels;

extern const OmenSparseKernels omen_sparse_scalar;

#endif							/* OMEN_SPARSE_H */
