/*-------------------------------------------------------------------------
 *
 * halfvec.h
 *	  The halfvec type as it lies in memory.
 *
 * The layout is a contract with clients and with other extensions: it must
 * not change.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_HALFVEC_H
#define OMEN_HALFVEC_H

#include "types/dense.h"

/*
 * A vector of dim finite half-precision numbers, of which these are the bits,
 * 1 <= dim <= OMEN_MAX_DIM.  x[] is only 4-byte aligned.
 */
typedef struct OmenHalfvec
{
	int32		vl_len_;		/* varlena header; use SET_VARSIZE/VARSIZE */
	int16		dim;			/* number of elements */
	int16		unused;			/* always zero */
	uint16		x[FLEXIBLE_ARRAY_MEMBER];
} OmenHalfvec;

extern const OmenDenseType omen_dense_halfvec;

#endif							/* OMEN_HALFVEC_H */
