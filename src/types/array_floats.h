/*-------------------------------------------------------------------------
 *
 * array_floats.h
 *	  The elements of an SQL array as floats, for casts to types of vectors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_ARRAY_FLOATS_H
#define OMEN_ARRAY_FLOATS_H

#include "postgres.h"

#include "utils/array.h"

/*
 * The number of elements; raises an error unless the array has at most one
 * dimension and no nulls.
 */
extern int	omen_array_length(ArrayType *array);

/*
 * Convert the elements, count of them, of integer[], real[], double
 * precision[] or numeric[]; raises an error for arrays of another type.  They
 * may come out infinite or NaN.
 */
extern void omen_array_floats(ArrayType *array, int count, float *x);

#endif							/* OMEN_ARRAY_FLOATS_H */
