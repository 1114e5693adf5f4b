/*
 * metric.h
 *		What differs between metrics: one OmenMetricTraits a metric.
 *
 * Purpose: the facts that encoding, bounds, graphs and builds go by, so that
 * nobody asks which metric it is.  A later metric is a number here, an entry
 * in metric.c, and an entry in each kind of code that goes with it (codec.h).
 */
#ifndef OMEN_METRIC_H
#define OMEN_METRIC_H

#include <stdbool.h>

struct		OmenQuantizer;
struct		OmenCodeHeader;
struct		OmenQueryHeader;

/* On disk: the numbers are for good. */
typedef enum OmenMetric
{
	OMEN_METRIC_L2 = 0,
	OMEN_METRIC_IP = 1,
	OMEN_METRIC_COSINE = 2,
	OMEN_METRIC_L1 = 3,
	OMEN_METRIC_HAMMING = 4,
	OMEN_METRIC_JACCARD = 5,

	/* of sparse vectors, by their sketches; see sketch.h */
	OMEN_METRIC_SKETCH_L2 = 6,
	OMEN_METRIC_SKETCH_IP = 7,
	OMEN_METRIC_SKETCH_COSINE = 8,
	OMEN_METRIC_SKETCH_L1 = 9	/* L2 of the sketches of roots */
} OmenMetric;

#define OMEN_METRICS 10

/* What a build compares points by. */
typedef enum OmenCompared
{
	OMEN_COMPARED_CODES = 0,	/* codes of eight bits: distance/block.h */
	OMEN_COMPARED_GRID,			/* integers on one grid */
	OMEN_COMPARED_HAMMING,		/* bits: distance/bits.h */
	OMEN_COMPARED_JACCARD
} OmenCompared;

typedef struct OmenMetricTraits
{
	const char *name;			/* as SQL functions take and return it */
	const char *label;			/* in messages */

	/*
	 * Minus a product, and so no metric: a vector is not what is nearest to
	 * itself, and nodes are linked on a sphere; see augment.h.
	 */
	bool		is_product;

	/* Vectors are normalised; one of norm zero has no code. */
	bool		needs_direction;

	/*
	 * Of a product: nodes are linked by the angle between them instead; see
	 * augment.h.
	 */
	bool		links_by_angle;

	/*
	 * Of sketches: distances are not those of the vectors, but near them.  So
	 * no bound is certain; the others allow for OMEN_SKETCH_SIGMAS standard
	 * deviations.
	 */
	bool		is_sketched;

	/* Distances survive a rotation. */
	bool		is_rotatable;

	/* Norms, of errors, are sums of absolute values, not of squares. */
	bool		sums_absolutes;

	OmenCompared compared;		/* what a build compares; see records.h */

	/*
	 * Lower bound of what the SQL operator returns for the vectors behind two
	 * codes whose distance is given.  Of the node's error, `part` may point at
	 * the query.  Errors are finite, and distance is not NaN.  NULL where codes
	 * are the values themselves, see OmenCodecMetric.exact.
	 */
	double (*lower_bound)(const struct OmenQuantizer *q,
						  const struct OmenQueryHeader *query,
						  const struct OmenCodeHeader *node, double distance,
						  double part);

	/*
	 * The same from a lower bound of the L2 distance of the vectors, which
	 * for cosine are the normalised ones; NULL if that says nothing.
	 */
	double (*bound_from_l2)(const struct OmenQuantizer *q, double distance);
} OmenMetricTraits;

#define OMEN_SKETCH_SIGMAS 3.0

extern const OmenMetricTraits omen_metrics[OMEN_METRICS];

/* The metric of that name, not of sketches; false if there is none. */
extern bool omen_metric_find(const char *name, OmenMetric *metric);

#endif							/* OMEN_METRIC_H */
