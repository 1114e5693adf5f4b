/*
 * quantizer.h
 *		How the codes of one index are made, and what a code begins with.
 *
 * Purpose: hold what encoding and distances are computed from, in one piece of
 * memory.  What differs between kinds of codes is in codec.h, what differs
 * between metrics in metric.h.
 */
#ifndef OMEN_QUANTIZER_H
#define OMEN_QUANTIZER_H

#include <stddef.h>
#include <stdint.h>

#include "../distance/distance.h"
#include "metric.h"

/* Kinds of codes.  On disk: the numbers are for good. */
typedef enum OmenStorage
{
	OMEN_STORAGE_SQ8 = 0,
	OMEN_STORAGE_FULL = 1,
	OMEN_STORAGE_SQ4 = 2,
	OMEN_STORAGE_SQ2 = 3,
	OMEN_STORAGE_BITS = 4
} OmenStorage;

#define OMEN_STORAGES 5

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

/*
 * What belongs to the code of a query.  The code is of the query less `share`
 * times the mean.  That is the mean itself, as of nodes.
 *
 * An inner product scales with the query.  So for that metric the query is
 * brought to a length of about 1 first, divided by `scale`, a power of two, and
 * graph distances are those of what it is then; and as much of the mean is
 * taken off as it has of it: q - share * mean is orthogonal to the mean.  A
 * short query would drown in the mean's coordinates, a long one overflow.
 */
typedef struct OmenQueryHeader
{
	OmenCodeHeader code;
	double		scale;			/* 1 but for IP */
	double		share;
	double		with_mean;		/* inner product of the decoded query, what was
								 * taken off added back, and the mean; for IP */
} OmenQueryHeader;

/*
 * One flat piece of memory, aligned to 8 bytes, of omen_quantizer_size()
 * bytes: this struct and behind it the arrays it points to by byte offsets.
 * No pointers, so it can be moved with memcpy, also to another process.
 * Private to this folder; the functions below tell others what they need.
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
	uint32_t	sums_anyhow;	/* see omen_quantizer_sums_anyhow */
	uint64_t	seed;			/* of the rotation */
	double		mean_sum;		/* sum of the mean's coordinates */
	double		mean_sumsq;		/* squared norm of the mean */
} OmenQuantizer;

/* Bytes a quantizer needs.  dim is from 1 to OmenCodec.max_dim. */
extern size_t omen_quantizer_size(OmenMetric metric, OmenStorage storage,
								  uint32_t dim);

/*
 * Fill in a quantizer.  mean has dim finite coordinates as omen_transform
 * returns them, or is NULL for zero; it is ignored where codes are not
 * rotated.
 */
extern void omen_quantizer_init(OmenQuantizer *q, OmenMetric metric,
								OmenStorage storage, uint32_t dim,
								uint64_t seed, const float *mean);

/*
 * Have bounds hold for operators that sum in float32 in any order, and not only
 * for those that are computed with the kernels.
 */
static inline void
omen_quantizer_sums_anyhow(OmenQuantizer *q)
{
	q->sums_anyhow = 1;
}

/*
 * Worst-case error of a sum that an operator computes, relative to that of
 * |terms|.
 */
static inline double
omen_operator_error(const OmenQuantizer *q)
{
	return q->sums_anyhow ? omen_any_sum_error(q->dim)
						  : omen_kernel_error(q->dim);
}

/* Bytes of a quantizer that there is. */
static inline size_t
omen_quantizer_bytes(const OmenQuantizer *q)
{
	return q->size;
}

static inline uint32_t
omen_quantizer_dim(const OmenQuantizer *q)
{
	return q->dim;
}

static inline const OmenMetricTraits *
omen_quantizer_metric(const OmenQuantizer *q)
{
	return &omen_metrics[q->metric];
}

/* The mean, dim floats, or NULL if this quantizer has none. */
static inline const float *
omen_quantizer_mean(const OmenQuantizer *q)
{
	return q->centred ? (const float *) ((const char *) q + q->mean_at) : NULL;
}

/* The signs that a rotation flips; see rotation.h. */
static inline const uint32_t *
omen_quantizer_signs(const OmenQuantizer *q)
{
	return (const uint32_t *) ((const char *) q + q->signs_at);
}

#endif							/* OMEN_QUANTIZER_H */
