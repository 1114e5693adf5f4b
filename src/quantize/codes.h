/*
 * codes.h
 *		Codes: the compact form of a vector that a graph is searched with.
 *
 * Purpose: turn a float vector into a code (8 bits a coordinate, or the floats
 * themselves), estimate distances between codes, and say how far the truth
 * can be from the estimate.  This folder must not know about PostgreSQL, about
 * pages or about graphs; it never allocates (callers give memory) and never
 * fails.
 *
 * OMEN_STORAGE_SQ8: the vector (normalised first for cosine) is rotated at
 * random (rotation.h), centred on a mean, and each coordinate rounded to one
 * of 256 steps between the vector's own smallest and largest coordinate.  L1
 * does not survive a rotation: its codes stay in the original coordinates
 * without a mean.  OMEN_STORAGE_FULL: the floats (normalised for cosine),
 * neither rotated nor centred.
 *
 * Encoding, transforming and recoding give the same bits on every machine and
 * compiler: float32 and float64 operations of IEEE 754 in a fixed order,
 * nothing contracted, and of libm only the square root.  Distances and bounds
 * may differ in their last bits from one kernel table to another; the bounds
 * hold for all of them.
 *
 * Input vectors are finite.  Where the arithmetic ends (a norm beyond 2^96,
 * with SQ8; for cosine a squared norm near the limits of float32, which the
 * operator's own sums would leave) the error is +infinity, so nothing is
 * concluded from the code; no input produces a NaN.
 */
#ifndef OMEN_CODES_H
#define OMEN_CODES_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../distance/distance.h"

#define OMEN_MAX_CODE_DIM 16000

typedef enum OmenMetric
{
	OMEN_METRIC_L2 = 0,
	OMEN_METRIC_IP = 1,
	OMEN_METRIC_COSINE = 2,
	OMEN_METRIC_L1 = 3
} OmenMetric;

typedef enum OmenStorage
{
	OMEN_STORAGE_SQ8 = 0,
	OMEN_STORAGE_FULL = 1,
	OMEN_STORAGE_SQ4 = 2		/* not for L1 */
} OmenStorage;

#define OMEN_STORAGES 3

/* Is a vector kept as numbers on a grid over its range? */
static inline bool
omen_is_quantized(OmenStorage storage)
{
	return storage != OMEN_STORAGE_FULL;
}

/* Are codes those of the rotated and centred vector? */
static inline bool
omen_is_rotated(OmenStorage storage, OmenMetric metric)
{
	return omen_is_quantized(storage) && metric != OMEN_METRIC_L1;
}

/*
 * From so many dimensions on, four bits of each coordinate are the better
 * choice: the errors of coordinates cancel out in a distance, the more so the
 * more there are, and half the bytes are read.  Figures in the README of
 * hnsw/.
 */
#define OMEN_SQ4_DIMS 1000

/* Do a kind of code and a metric go together? */
static inline bool
omen_storage_fits(OmenStorage storage, OmenMetric metric)
{
	return storage != OMEN_STORAGE_SQ4 || metric != OMEN_METRIC_L1;
}

/* What a vector is kept as if nobody says. */
static inline OmenStorage
omen_storage_default(OmenMetric metric, uint32_t dims)
{
	return dims >= OMEN_SQ4_DIMS && omen_storage_fits(OMEN_STORAGE_SQ4, metric)
			   ? OMEN_STORAGE_SQ4
			   : OMEN_STORAGE_SQ8;
}

/* Bytes of a code of dim coordinates. */
static inline size_t
omen_storage_bytes(OmenStorage storage, uint32_t dim)
{
	switch (storage)
	{
		case OMEN_STORAGE_FULL:
			return sizeof(float) * (size_t) dim;
		case OMEN_STORAGE_SQ4:
			return OMEN_PACKED_BYTES(dim);
		default:
			return dim;
	}
}

/*
 * What belongs to one code; stored on disk beside it.  24 bytes, no padding.
 * For OMEN_STORAGE_FULL everything but error is zero, except that offset is
 * an upper bound of the vector's norm for IP.
 */
typedef struct OmenCodeHeader
{
	float		offset; /* decoded coordinate i is offset + step * code[i] */
	float		step;
	uint32_t	sum;			/* sum of code[i] */
	uint32_t	sumsq;			/* sum of code[i]^2 */
	float		mean_dot;		/* inner product of the decoded vector and the
								 * rotated mean; 0 except for IP */
	float		error;			/* upper bound of the norm (L2; L1 for L1) of
								 * encoded minus decoded vector; +inf if
								 * nothing can be said */
} OmenCodeHeader;

_Static_assert(sizeof(OmenCodeHeader) == 24,
			   "OmenCodeHeader is an on-disk format");

/* Bytes of it that a kind of code needs on disk. */
static inline size_t
omen_code_header_bytes(OmenStorage storage)
{
	(void) storage;
	return sizeof(OmenCodeHeader);
}

/*
 * Which bits omen_encode and omen_recode make of a vector.  Whoever changes them
 * raises this: an index keeps the version that its codes were made by.
 */
#define OMEN_ENCODER_VERSION 1

/*
 * How the codes of one index are made.  One flat piece of memory, aligned to
 * 8 bytes, of omen_quantizer_size() bytes: this struct and behind it the
 * arrays it points to by byte offsets, so it can be moved with memcpy.
 * Private to this folder; use omen_quantizer_mean to read the mean.
 */
typedef struct OmenQuantizer
{
	uint32_t	size;			/* bytes of the whole */
	uint32_t	dim;
	uint8_t		metric;			/* OmenMetric */
	uint8_t		storage;		/* OmenStorage */
	uint8_t		rotated;		/* are codes of the rotated vector? */
	uint8_t		centred;		/* is there a mean? */
	uint32_t	mean_at;		/* where float mean[dim] starts */
	uint32_t	signs_at; /* where the uint32_t words of omen_rotate start */
	uint32_t	unused;
	uint64_t	seed;			/* of the rotation */
	double		mean_sum;		/* sum of the mean's coordinates */
	double		mean_sumsq;		/* squared norm of the mean */
} OmenQuantizer;

/* Bytes a quantizer needs.  dim is 1..OMEN_MAX_CODE_DIM. */
extern size_t omen_quantizer_size(OmenMetric metric, OmenStorage storage,
								  uint32_t dim);

/*
 * Fill in a quantizer.  mean has dim finite coordinates as omen_transform
 * returns them, or is NULL for zero; L1 and OMEN_STORAGE_FULL ignore it.
 */
extern void omen_quantizer_init(OmenQuantizer *q, OmenMetric metric,
								OmenStorage storage, uint32_t dim,
								uint64_t seed, const float *mean);

/* The mean, dim floats, or NULL if this quantizer has none. */
static inline const float *
omen_quantizer_mean(const OmenQuantizer *q)
{
	return q->centred ? (const float *) ((const char *) q + q->mean_at) : NULL;
}

static inline size_t
omen_code_bytes(const OmenQuantizer *q)
{
	return omen_storage_bytes((OmenStorage) q->storage, q->dim);
}

/*
 * Bytes of a query's code: with SQ4 a query has eight bits for each
 * coordinate, since only the codes that are many have to be small.
 */
static inline size_t
omen_query_bytes(const OmenQuantizer *q)
{
	return q->storage == OMEN_STORAGE_SQ4 ? q->dim : omen_code_bytes(q);
}

/*
 * Encode x.  scratch has room for dim floats and must not overlap x.  FULL
 * codes are written as floats: code must be aligned for them, here and below.
 * Returns false, and writes nothing useful, if the metric is cosine and x has
 * no direction (norm zero).
 */
extern bool omen_encode(const OmenQuantizer *q, const float *x, float *scratch,
						OmenCodeHeader *hdr, void *code);

/*
 * What is encoded before the mean is subtracted: x normalised (cosine) and
 * rotated.  For accumulating the mean.  out has room for dim floats and must
 * not overlap x.  False as in omen_encode.
 */
extern bool omen_transform(const OmenQuantizer *q, const float *x, float *out);

/* The decoded vector, rotated and centred, rounded to float32. */
extern void omen_decode(const OmenQuantizer *q, const OmenCodeHeader *hdr,
						const void *code, float *out);

/*
 * Encode again under another mean.  Both quantizers must agree in everything
 * else.  The new error is the sum of the old and of this step's, so still a
 * bound.  scratch has room for dim floats; cout may be cin, hout may be hin.
 */
extern void omen_recode(const OmenQuantizer *from, const OmenQuantizer *to,
						const OmenCodeHeader *hin, const void *cin,
						float *scratch, OmenCodeHeader *hout, void *cout);

/*
 * A lower bound of what the SQL operator of this metric (L2 distance, not
 * squared; negative inner product; cosine distance 1 - cos; L1 distance)
 * returns for the two vectors behind the codes, as computed with any kernel
 * table.  graph_distance is omen_query_distance of the two.  -inf if nothing
 * can be said.  With SQ4 and at least 64 dimensions the bound is not certain,
 * but missed as seldom as four standard deviations are; and it is not the
 * same with query and node exchanged.
 */
extern double omen_lower_bound(const OmenQuantizer *q,
							   const OmenCodeHeader *query,
							   const OmenCodeHeader *node,
							   float graph_distance);

/* The same, and certain whatever the storage. */
extern double omen_certain_bound(const OmenQuantizer *q,
								 const OmenCodeHeader *query,
								 const OmenCodeHeader *node,
								 float graph_distance);

/*
 * What a query's code leaves out: the rest of the vector.  With it a bound
 * need not allow for the error of the query's code, which halves the gap
 * between bound and truth.
 */
typedef struct OmenQueryRest
{
	bool		is_known;		/* only with SQ8 for L2 and cosine */
	double		sum;			/* of the rest's coordinates */
	double		sumsq;
	double		with_code;		/* inner product with the decoded code */
	double		error;			/* what the rest does not say either */
} OmenQueryRest;

/*
 * Encode a query, into omen_query_bytes() bytes, and compute the rest into
 * rest, dim floats, where that is known.  But for SQ4 the code is that of
 * omen_encode.
 */
extern bool omen_encode_query(const OmenQuantizer *q, const float *x,
							  float *rest, OmenCodeHeader *hdr, void *code,
							  OmenQueryRest *about);

/*
 * As omen_lower_bound, with the rest of the query.  Costs a pass over the
 * node's code.
 */
extern double omen_refined_bound(const OmenQuantizer *q,
								 const OmenCodeHeader *query, const float *rest,
								 const OmenQueryRest *about,
								 const OmenCodeHeader *node, const void *code,
								 float graph_distance);

/*
 * How far the code really is from x, in the norm of hdr->error, up to the
 * float32 rounding of the rotation; for checking that it is <= hdr->error.
 * scratch has room for dim floats.  NaN if x has no direction under cosine;
 * +inf where the error is declared infinite.
 */
extern double omen_code_error(const OmenQuantizer *q, const float *x,
							  float *scratch, const OmenCodeHeader *hdr,
							  const void *code);

/*
 * Squared L2 distance of two codes on a grid, from the inner product of their
 * numbers.  The integer part of it is exact, and so arranged that equal codes
 * have distance exactly 0 and close ones lose nothing to cancellation.
 */
static inline double
omen_grid_l2sq(const OmenQuantizer *q, const OmenCodeHeader *ha,
			   const OmenCodeHeader *hb, uint32_t dot)
{
	double		delta = (double) ha->offset - (double) hb->offset;
	double		sa = ha->step;
	double		sb = hb->step;
	double		diffsq = (double) ((int64_t) ha->sumsq + (int64_t) hb->sumsq -
							  2 * (int64_t) dot);
	double		result;

	result = sa * sb * diffsq +
			 (sa - sb) * (sa * (double) ha->sumsq - sb * (double) hb->sumsq) +
			 delta * ((double) q->dim * delta +
					  2.0 * (sa * (double) ha->sum - sb * (double) hb->sum));
	return result > 0.0 ? result : 0.0;
}

/* Inner product of the vectors, the mean added back, in the same way. */
static inline double
omen_grid_ip(const OmenQuantizer *q, const OmenCodeHeader *ha,
			 const OmenCodeHeader *hb, uint32_t dot)
{
	double		oa = ha->offset;
	double		ob = hb->offset;
	double		sa = ha->step;
	double		sb = hb->step;

	return oa * ((double) q->dim * ob + sb * (double) hb->sum) +
		   sa * (ob * (double) ha->sum + sb * (double) dot) +
		   (double) ha->mean_dot + (double) hb->mean_dot + q->mean_sumsq;
}

/* Distance of two codes on a grid, from the inner product of their numbers. */
static inline float
omen_grid_distance(const OmenQuantizer *q, const OmenCodeHeader *ha,
				   const OmenCodeHeader *hb, uint32_t dot)
{
	if (q->metric == OMEN_METRIC_IP)
		return (float) -omen_grid_ip(q, ha, hb, dot);
	return (float) omen_grid_l2sq(q, ha, hb, dot);
}

/*
 * The distance the graph is built and searched with, smaller is nearer: for
 * L2 and cosine the squared L2 distance (of the normalised vectors for
 * cosine), for IP minus the inner product, for L1 the L1 distance; of the
 * decoded vectors.  Never NaN; +inf if too large for float32.
 */
static inline float
omen_code_distance(const OmenQuantizer *q, const OmenCodeHeader *ha,
				   const void *ca, const OmenCodeHeader *hb, const void *cb)
{
	float		product;

	if (q->storage == OMEN_STORAGE_SQ8)
	{
		if (q->metric == OMEN_METRIC_L1)
			return omen_kernels->l1_u8((const uint8_t *) ca,
									   (const uint8_t *) cb, q->dim, ha->offset,
									   ha->step, hb->offset, hb->step);
		return omen_grid_distance(q, ha, hb,
								  omen_kernels->ip_u8((const uint8_t *) ca,
													  (const uint8_t *) cb,
													  q->dim));
	}
	if (q->storage == OMEN_STORAGE_SQ4)
		return omen_grid_distance(q, ha, hb,
								  omen_kernels->ip_u4((const uint8_t *) ca,
													  (const uint8_t *) cb,
													  q->dim));

	switch (q->metric)
	{
		case OMEN_METRIC_IP:
			product = omen_kernels->ip((const float *) ca, (const float *) cb,
									   q->dim);
			/* a product too large for float32 can be infinity - infinity */
			return product == product ? -product : INFINITY;
		case OMEN_METRIC_L1:
			return omen_kernels->l1((const float *) ca, (const float *) cb,
									q->dim);
		default:
			return omen_kernels->l2sq((const float *) ca, (const float *) cb,
									  q->dim);
	}
}

/* The same of a query's code and a node's. */
static inline float
omen_query_distance(const OmenQuantizer *q, const OmenCodeHeader *query,
					const void *query_code, const OmenCodeHeader *node,
					const void *code)
{
	if (q->storage == OMEN_STORAGE_SQ4)
		return omen_grid_distance(
			q, query, node,
			omen_kernels->ip_u8_u4((const uint8_t *) query_code,
								   (const uint8_t *) code, q->dim));
	return omen_code_distance(q, query, query_code, node, code);
}

#endif							/* OMEN_CODES_H */
