/*-------------------------------------------------------------------------
 *
 * type.h
 *	  What differs between types that can be indexed: one OmenType a type.
 *
 * The index, the planner and filtered scans know a type by this alone.  A later
 * type is a file that defines its OmenType, a declaration here, and a line for
 * each of its operator classes in hnsw/opclass.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_TYPE_H
#define OMEN_TYPE_H

#include "postgres.h"

#include "fmgr.h"
#include "quantize/metric.h"

/* Values are detoasted, unless it says otherwise. */
typedef struct OmenType
{
	const char *name;			/* in messages */
	int			max_dims;		/* of an indexed column */

	/*
	 * Dimensions that a distance takes in in the time of one operator, for the
	 * planner.
	 */
	double		dims_per_operator;

	/* Dimensions of a value. */
	int (*dims)(const struct varlena *value);

	/*
	 * Its coordinates.  scratch has room for as many floats, for types that
	 * have to convert.
	 */
	const float *(*floats)(const struct varlena *value, float *scratch);

	/*
	 * Elements that are kept of a value of so many dimensions, for the planner:
	 * a guess.  NULL: all.
	 */
	int (*elements)(int dims);

	/* Bytes of a value of so many dimensions. */
	Size (*bytes)(int dims);

	/* Are two values equal, as the type's operator "=" has it? */
	bool (*equal)(const struct varlena *a, const struct varlena *b);

	/*
	 * By metric, the functions that ask whether a value is within a sphere;
	 * NULL if there is none.
	 */
	PGFunction	within[OMEN_METRICS];
} OmenType;

extern const OmenType omen_vector_type;
extern const OmenType omen_halfvec_type;
extern const OmenType omen_sparsevec_type;

#endif							/* OMEN_TYPE_H */
