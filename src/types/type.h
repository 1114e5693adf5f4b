/*-------------------------------------------------------------------------
 *
 * type.h
 *	  What differs between types that can be indexed: one OmenType a type.
 *
 * The index, the planner and filtered scans know a type by this alone.  A later
 * type is a file that defines its OmenType, a declaration here, and a line for
 * each of its operator classes in hnsw/opclass.c.  Values are encoded through
 * encode.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_TYPE_H
#define OMEN_TYPE_H

#include "postgres.h"

#include "fmgr.h"
#include "quantize/codes.h"

/* What a graph of a column's values is made of. */
typedef struct OmenGraphShape
{
	OmenMetric	metric;
	int			dims;			/* coordinates of a code */
} OmenGraphShape;

/* Values are detoasted, unless it says otherwise. */
typedef struct OmenType
{
	const char *name;			/* in messages */
	const char *lengths;		/* what two values differ in, if not in kind */
	int			max_dims;		/* of an indexed column */

	/*
	 * Dimensions that a distance takes in in the time of one operator, for the
	 * planner.
	 */
	double		dims_per_operator;

	/* Dimensions of a value. */
	int (*dims)(const struct varlena *value);

	/*
	 * Of a column of so many dimensions and an operator class's metric; NULL:
	 * of just these.
	 */
	OmenGraphShape (*graph_shape)(OmenMetric metric, int dims);

	/*
	 * Its coordinates, as the quantizer takes them.  scratch has room for that
	 * many floats, for types that have to convert.  NULL: the type is not made
	 * of floats, and encodes by itself.
	 */
	const float *(*floats)(const struct varlena *value, const OmenQuantizer *q,
						   float *scratch);

	/*
	 * What omen_encode and omen_encode_query do, of the value itself; NULL for
	 * a type made of floats.  Whatever it allocates is freed after the row, or
	 * with the query.
	 */
	bool (*encode)(const OmenQuantizer *q, const struct varlena *value,
				   OmenCodeHeader *header, void *code);
	bool (*encode_query)(const OmenQuantizer *q, const struct varlena *value,
						 OmenQueryHeader *query, void *code);

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
extern const OmenType omen_bit_type;

#endif							/* OMEN_TYPE_H */
