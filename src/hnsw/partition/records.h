/*-------------------------------------------------------------------------
 *
 * records.h
 *	  What the steps of a build deal with and pass on: rows, points, edges.
 *
 * Formats and arithmetic only; must not know who takes the steps, nor where
 * records are kept.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_RECORDS_H
#define OMEN_RECORDS_H

#include "postgres.h"

#include "distance/bits.h"
#include "hnsw/store/store.h"
#include "utils/memutils.h"

/* Leaves that a point may be in. */
#define OMEN_MAX_OVERLAP 12

/* Neighbors that a point may take from one leaf. */
#define OMEN_MAX_PER_LEAF 64

/* One point in so many is of the sample whose nearest are candidates, too. */
#define OMEN_SAMPLE_RATE 8

/* Neighbors that are considered for a point, from all its leaves. */
#define OMEN_MAX_CANDIDATES ((OMEN_MAX_OVERLAP + 1) * OMEN_MAX_PER_LEAF)

/* Partitions that a participant writes at once; each takes a buffer. */
#define OMEN_MAX_PARTS 512

/* Chunks of the table, or of the points of a layer, that rows are read by. */
#define OMEN_MAX_CHUNKS 4096

/*
 * How the build compares vectors, and how large its records are.  Derived
 * from the index; equal in all participants.
 *
 * L2, inner product and cosine distance are computed from 8-bit codes (those
 * of the index, or with storage = full others made for the build) or narrow
 * ones, L1 from 15-bit integers on one grid, those of bit strings from the
 * bits: in integers, so that every instruction set gives the same graph.
 */
typedef struct OmenBuildShape
{
	uint32		dims;
	OmenCompared compared;		/* what of the build codes; see metric.h */
	uint32		length;			/* of a build code, as the kernels count it */
	uint32		code_stride;	/* bytes of a build code, padded, with narrow
								 * terms */
	uint32		narrow_at;		/* where those are in it; 0 = there are none,
								 * and no narrow codes */
	uint32		index_bytes;	/* bytes of the index's code, if it is another;
								 * else 0 */
	uint32		key_bytes;		/* of the filter keys */
	uint32		point_bytes;	/* of a point: terms and build code */
	uint32		row_bytes;		/* of a row: OmenRow, build code, index code,
								 * keys */
	uint32		overlap; /* leaves that a point is in, but for large tables */
	uint32		leaf_size;		/* points of a leaf, on average */
	uint32		per_leaf;		/* neighbors that a point takes from a leaf */
	uint32		candidates;		/* neighbors considered, from all leaves */
	uint32		coarse_edges;	/* forward edges of a point that are repeated
								 * in the layers below */
	uint32		least_edges;	/* forward edges of a point, if there are
								 * candidates */
} OmenBuildShape;

/*
 * A row on its way into the index; followed by its build code, the index's code
 * if that is another, and its filter keys.
 */
typedef struct OmenRow
{
	uint64		locator;		/* order of rows: chunk << 32 | row in it; above
								 * layer 0 the position in the layer below */
	uint32		node;			/* above layer 0: position in layer 0 */
	uint32		down;			/* above layer 0: position one layer below */
	ItemPointerData tid;
	uint16		level;			/* top layer of its node */
	uint16		key_nulls;
	OmenCodeHeader header;		/* of the index's code */
	OmenPointTerms terms;		/* of the build code; until the radius is known
								 * "added" is the squared norm */
} OmenRow;

#define OMEN_ROW_CODE(row) ((uint8 *) (row) + sizeof(OmenRow))

/* What a slot needs beside the point: the row without its build code. */
static inline Size
omen_node_bytes(const OmenBuildShape *shape)
{
	return sizeof(OmenRow) + shape->index_bytes + shape->key_bytes;
}

/* A chunk of rows: what one participant wrote in one go. */
typedef struct OmenChunk
{
	uint32		participant;
	uint32		rows;
	uint64		start;			/* number of its first row in the file */
	uint64		first;			/* rows of the chunks before */
	uint64		side_start;		/* likewise, of rows without a place in the
								 * graph */
	uint32		side_rows;
} OmenChunk;

/* A row with a NULL vector or one without a direction. */
typedef struct OmenSideRow
{
	OmenSide	side;
	ItemPointerData tid;
} OmenSideRow;

/* A candidate or an edge: the distance's bits above the position. */
typedef uint64 OmenNear;

static inline OmenNear
omen_near(float distance, uint32 position)
{
	uint32		bits;

	/* not negative, so the bits order as the numbers do */
	memcpy(&bits, &distance, sizeof(bits));
	return ((uint64) bits << 32) | position;
}

/*
 * What is near in a sample of the points only, or in the layer above: sorts
 * behind all others, since the sign of a distance is always 0.
 */
#define OMEN_COARSE (UINT64CONST(1) << 63)

static inline float
omen_near_distance(OmenNear near)
{
	uint32		bits = (uint32) ((near & ~OMEN_COARSE) >> 32);
	float		distance;

	memcpy(&distance, &bits, sizeof(distance));
	return distance;
}

/* Some targets, to find out quickly that another is not among them. */
typedef struct OmenTargets
{
	uint64		bits[4];		/* one for each number that a hash gives */
} OmenTargets;

static inline uint32
omen_target_hash(OmenNear edge)
{
	/* the upper byte of a product with 2^32 / golden ratio */
	return (uint32) edge * UINT32_C(0x9e3779b1) >> 24;
}

static inline void
omen_note_target(OmenTargets *targets, OmenNear edge)
{
	uint32		hash = omen_target_hash(edge);

	targets->bits[hash / 64] |= UINT64CONST(1) << hash % 64;
}

/* Is the same target among these, which have been noted? */
static inline bool
omen_has_target(const OmenTargets *targets, const OmenNear *near, uint32 count,
				OmenNear edge)
{
	uint32		hash = omen_target_hash(edge);

	if ((targets->bits[hash / 64] >> hash % 64 & 1) == 0)
		return false;
	for (uint32 i = 0; i < count; i++)
	{
		if ((uint32) near[i] == (uint32) edge)
			return true;
	}
	return false;
}

/* What comes out of a leaf for one of its points. */
typedef struct OmenLeafRecord
{
	uint32		position;
	uint32		count;
	OmenNear	near[FLEXIBLE_ARRAY_MEMBER]; /* count of them, nearest first */
} OmenLeafRecord;

/* An edge on its way to the slot that is to have it. */
typedef struct OmenEdgeRecord
{
	uint32		position;		/* the slot's */
	uint32		target;
	float		distance;
} OmenEdgeRecord;

/* Membership of a point in a leaf. */
typedef struct OmenMember
{
	uint32		leaf;
	uint32		position;
} OmenMember;

/* Where a point that stands for several rows has its place. */
typedef struct OmenPlaced
{
	uint64		locator;
	uint32		position;
} OmenPlaced;

/* ---------- points ---------- */

/*
 * Terms and build code of a point.  Behind the code may be other terms: those
 * of the narrow code that is made of it (distance/block.h) where many are
 * compared with many.  As it is compared there a point is these terms and that
 * code.
 */

static inline const OmenPointTerms *
omen_point_terms(const char *point)
{
	return (const OmenPointTerms *) point;
}

static inline const uint8 *
omen_point_code(const char *point)
{
	return (const uint8 *) point + sizeof(OmenPointTerms);
}

/* Of a build code, if there are any. */
static inline OmenPointTerms *
omen_narrow_terms(const OmenBuildShape *shape, const uint8 *code)
{
	return (OmenPointTerms *) (code + shape->narrow_at);
}

/* A point with a narrow code, in `point`. */
static inline void
omen_make_narrow(const OmenBuildShape *shape, const uint8 *code, char *point)
{
	memcpy(point, code + shape->narrow_at, sizeof(OmenPointTerms));
	omen_kernels->block->narrow(code, shape->narrow_at,
								(uint8 *) point + sizeof(OmenPointTerms));
}

/*
 * A squared distance is clear if it is so many times what errors of narrow
 * codes add to it.  A ratio; bench/RESULTS.md, "Six bits", has recall with it.
 */
#define OMEN_CLEAR 8

/*
 * Is a squared distance clear that a narrow code, with such terms, told?  Each
 * number of a narrow code is up to half a step off: a squared distance is too
 * large by a sixth of a squared step a dimension, on average.
 */
static inline bool
omen_narrow_is_clear(const OmenBuildShape *shape, const OmenPointTerms *narrow,
					 float distance)
{
	float error = (float) shape->dims * (narrow->scale * narrow->scale) / 12;

	return distance >= OMEN_CLEAR * error;
}

/* Jaccard distance, of which the counts of ones are known. */
static inline float
omen_point_jaccard(const OmenBuildShape *shape, const char *a, const char *b)
{
	uint32		both = omen_kernels->bits->both(omen_point_code(a),
										   omen_point_code(b), shape->length);
	uint32		ones =
		(uint32) (omen_point_terms(a)->ones + omen_point_terms(b)->ones);

	return omen_jaccard_float(both, ones - both);
}

/* Distance of two points: squared L2, L1, or that of bits. */
static inline float
omen_point_distance(const OmenBuildShape *shape, const char *a, const char *b)
{
	switch (shape->compared)
	{
		case OMEN_COMPARED_GRID:
			return (float) omen_kernels->l1_u16(
				(const uint16 *) omen_point_code(a),
				(const uint16 *) omen_point_code(b), shape->length);
		case OMEN_COMPARED_HAMMING:
			return (float) omen_kernels->bits->hamming(omen_point_code(a),
													   omen_point_code(b),
													   shape->length);
		case OMEN_COMPARED_JACCARD:
			return omen_point_jaccard(shape, a, b);
		default:
			return omen_pair_distance(omen_point_terms(a), omen_point_code(a),
									  omen_point_terms(b), omen_point_code(b),
									  shape->length);
	}
}

/* ---------- small parts ---------- */

static inline void *
omen_alloc(Size bytes)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(bytes, 1));
}

static inline bool
omen_bit_get(const uint64 *bits, uint64 i)
{
	return (bits[i / 64] >> (i % 64)) & 1;
}

static inline void
omen_bit_set(uint64 *bits, uint64 i)
{
	bits[i / 64] |= UINT64CONST(1) << (i % 64);
}

#endif							/* OMEN_RECORDS_H */
