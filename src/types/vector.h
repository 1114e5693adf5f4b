/*-------------------------------------------------------------------------
 *
 * vector.h
 *	  The vector type as it lies in memory.
 *
 * The layout is a contract with clients and with other extensions: it must
 * not change.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_VECTOR_H
#define OMEN_VECTOR_H

#include "types/dense.h"

/*
 * A vector of dim finite single-precision numbers, 1 <= dim <= OMEN_MAX_DIM.
 * x[] is only 4-byte aligned.
 */
typedef struct OmenVector
{
	int32		vl_len_;		/* varlena header; use SET_VARSIZE/VARSIZE */
	int16		dim;			/* number of elements */
	int16		unused;			/* always zero */
	float		x[FLEXIBLE_ARRAY_MEMBER];
} OmenVector;

extern const OmenDenseType omen_dense_vector;

#endif							/* OMEN_VECTOR_H */
