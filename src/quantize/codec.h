/*
 * codec.h
 *		What differs between kinds of codes: one OmenCodec a kind.
 *
 * Purpose: the table that encoding, distances, bounds and checks go through, so
 * that nobody asks of which kind a code is.  A later kind is a file
 * codec_NAME.c, its entry here and in codec.c, a number and OMEN_STORAGES in
 * quantizer.h, and if it needs them kernels in distance/.  Where its name is
 * listed for users the compiler says so.
 */
#ifndef OMEN_CODEC_H
#define OMEN_CODEC_H

#include "quantizer.h"

/* A distance of two codes of nodes. */
typedef float (*OmenCodeDistance)(const OmenQuantizer *q,
								  const OmenCodeHeader *ha, const void *ca,
								  const OmenCodeHeader *hb, const void *cb);

/* One of a query's code and a node's. */
typedef float (*OmenQueryDistance)(const OmenQuantizer *q,
								   const OmenQueryHeader *query,
								   const void *query_code,
								   const OmenCodeHeader *node,
								   const void *code);

/* What a kind of code does for one metric. */
typedef struct OmenCodecMetric
{
	OmenCodeDistance distance;	/* NULL: they do not go together */
	OmenQueryDistance query_distance;

	/*
	 * Lower bound of the distance of the decoded vectors, given the one that
	 * was computed: for L2 and cosine squared, for IP minus the product.
	 */
	double (*decoded_bound)(const OmenQuantizer *q,
							const OmenQueryHeader *query,
							const OmenCodeHeader *node, double distance);

	/*
	 * What the SQL operator returns for the two values, where codes are the
	 * values themselves; else NULL.  With it no bounds are needed.
	 */
	double (*exact)(const OmenQuantizer *q, const void *query_code,
					const void *code);
} OmenCodecMetric;

/* What goes with all metrics of sketches, of OmenCodec.metrics. */
#define OMEN_SKETCH_METRICS(l2, ip) \
	[OMEN_METRIC_SKETCH_L2] = l2, [OMEN_METRIC_SKETCH_IP] = ip, \
	[OMEN_METRIC_SKETCH_COSINE] = l2, [OMEN_METRIC_SKETCH_L1] = l2

typedef struct OmenCodec
{
	const char *name;			/* as the option "storage" calls it */
	uint32_t	header_bytes;	/* of what is stored in front of a code; 0 if
								 * its header is all zeros */
	uint16_t	encoder;		/* the OMEN_ENCODER_VERSION (codes.h) that its
								 * bits were changed in last */
	bool		is_implied;		/* follows from the type, and is no option */

	/* Of a vector with fewer dimensions a code says too little. */
	uint32_t	least_dims;
	uint32_t	max_dim;

	/* Numbers on a grid over the vector's range; else the floats. */
	bool		is_quantized;

	/* What a build compares, unless that is on a grid: see metric.h. */
	bool		is_build_code;

	/*
	 * Standard deviations of a node's error along the direction to the query
	 * that omen_lower_bound allows for; 0 for all of the error.
	 */
	double		sigmas;

	size_t (*bytes)(uint32_t dim);
	size_t (*query_bytes)(uint32_t dim);

	/*
	 * The rest is NULL in a kind that is not made of floats: its type encodes
	 * values by itself.
	 *
	 * Encode y, transformed and centred: fill in code, and of the header all
	 * but error.  Returns a bound of how far the code is from y before y was
	 * rounded by the subtraction of the mean.  encode may leave y without its
	 * contents, encode_query does not.
	 */
	double (*encode)(const OmenQuantizer *q, float *y, OmenCodeHeader *hdr,
					 void *code);
	double (*encode_query)(const OmenQuantizer *q, const float *y,
						   OmenCodeHeader *hdr, void *code);

	/* What coordinates first, first + 1, ... stand for, count of them. */
	void (*decode)(const OmenQuantizer *q, const OmenCodeHeader *hdr,
				   const void *code, uint32_t first, uint32_t count,
				   double *out);

	OmenCodecMetric metrics[OMEN_METRICS];

	/*
	 * Inner product of floats and the numbers of a code; NULL if the rest of
	 * a query is of no help, because nodes' own errors are larger.
	 */
	float (*rest_product)(const float *rest, const void *code, uint32_t dim);

	/* Squared norm of the vector behind a code, the mean added back (IP). */
	double (*sumsq)(const OmenQuantizer *q, const OmenCodeHeader *hdr);

	/* Upper bounds of its norm, and of that of the vector behind a query's. */
	double (*norm_bound)(const OmenQuantizer *q, const OmenCodeHeader *hdr);
	double (*query_norm_bound)(const OmenQuantizer *q,
							   const OmenQueryHeader *query);

	/*
	 * Of kinds that may be rotated: upper bounds of the squared norm of the
	 * decoded vector, centred as it is, and of the size of its coordinates.
	 */
	double (*sumsq_bound)(const OmenQuantizer *q, const OmenCodeHeader *hdr);
	double (*largest)(const OmenCodeHeader *hdr);

	/* See omen_header_flaw and omen_code_flaw in codes.h. */
	const char *(*header_flaw)(const OmenMetricTraits *metric,
							   const OmenCodeHeader *hdr);
	bool (*code_flaw)(uint32_t dim, const OmenCodeHeader *hdr, const void *code,
					  char *flaw, size_t room);
} OmenCodec;

extern const OmenCodec omen_codec_sq8;
extern const OmenCodec omen_codec_sq4;
extern const OmenCodec omen_codec_sq2;
extern const OmenCodec omen_codec_full;
extern const OmenCodec omen_codec_bits;

extern const OmenCodec *const omen_codecs[OMEN_STORAGES];

static inline const OmenCodec *
omen_quantizer_codec(const OmenQuantizer *q)
{
	return omen_codecs[q->storage];
}

/* What the kind of code does for the metric. */
static inline const OmenCodecMetric *
omen_quantizer_functions(const OmenQuantizer *q)
{
	return &omen_codecs[q->storage]->metrics[q->metric];
}

/* Is a vector kept as numbers on a grid over its range? */
static inline bool
omen_is_quantized(OmenStorage storage)
{
	return omen_codecs[storage]->is_quantized;
}

/* Are codes those of the rotated and centred vector? */
static inline bool
omen_is_rotated(OmenStorage storage, OmenMetric metric)
{
	return omen_is_quantized(storage) && omen_metrics[metric].is_rotatable;
}

/*
 * Is the mean of the vectors subtracted from them?  Not where angles count,
 * which are those between the vectors as they are.
 */
static inline bool
omen_has_mean(OmenStorage storage, OmenMetric metric)
{
	return omen_is_rotated(storage, metric) &&
		   !omen_metrics[metric].links_by_angle;
}

/* Do a kind of code and a metric go together? */
static inline bool
omen_storage_fits(OmenStorage storage, OmenMetric metric)
{
	return omen_codecs[storage] != NULL &&
		   omen_codecs[storage]->metrics[metric].distance != NULL;
}

/* The same of numbers that may be of no kind and no metric. */
static inline bool
omen_codes_exist(uint32_t storage, uint32_t metric)
{
	return storage < OMEN_STORAGES && metric < OMEN_METRICS &&
		   omen_storage_fits((OmenStorage) storage, (OmenMetric) metric);
}

/* Bytes of a code of dim coordinates. */
static inline size_t
omen_storage_bytes(OmenStorage storage, uint32_t dim)
{
	return omen_codecs[storage]->bytes(dim);
}

/* The kind of code that a build makes where an index's own will not do. */
#define OMEN_BUILD_STORAGE OMEN_STORAGE_SQ8

/* Does a build compare the index's own codes? */
static inline bool
omen_builds_by_codes(OmenStorage storage, OmenMetric metric)
{
	return omen_codecs[storage]->is_build_code &&
		   omen_metrics[metric].compared != OMEN_COMPARED_GRID;
}

/* The kind of that name; false if there is none. */
extern bool omen_storage_find(const char *name, OmenStorage *storage);

/* What a vector is kept as if nobody says. */
extern OmenStorage omen_storage_default(OmenMetric metric, uint32_t dims);

#endif							/* OMEN_CODEC_H */
