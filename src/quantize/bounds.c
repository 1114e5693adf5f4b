/*
 * bounds.c
 *		Bound what a distance between codes can hide; see codes.h.
 *
 * Purpose: lower bounds of what the SQL operators return.  Nothing here is
 * stored, and nothing asks of which kind a code is or which metric it has:
 * codec.h and metric.h tell.
 */
#include "bounds.h"

#include <float.h>
#include <math.h>

#include "codes.h"
#include "transform.h"

/*
 * The rounding error of a node with few bits a coordinate is as long as a
 * neighbor is far, and a bound that allowed for its pointing straight at the
 * query would say nothing.  After the random rotation it points anywhere: its
 * part along a given direction is that of a random vector of dim coordinates,
 * of a standard deviation of 1 / sqrt(dim) of its length.  Some of these are
 * allowed for; see OmenCodec.sigmas.  The error of the query's code points
 * anywhere, too, and independently: it is a fifteenth of the node's with four
 * bits, but half as much again as these deviations if it counted in full.  With
 * few coordinates errors are far from random, and count in full.
 *
 * Bounds above the truth, of 40,000 queries and normally distributed vectors of
 * 64 to 1536 dimensions, unrelated, near and very near: 0 to 2 with four bits
 * and four deviations, 0 to 54 with two bits and three, as of a normal
 * distribution at most.  Of the hundred rows nearest to 200 queries, 20,000
 * rows of sentences, embeddings and large (bench/datasets.py): none of 20,000
 * with four bits, 1 to 6 with two.
 */
#define FEW_COORDINATES 64

static inline double
likely_part(const OmenQuantizer *q)
{
	double		sigmas = omen_quantizer_codec(q)->sigmas;

	return sigmas == 0.0 || q->dim < FEW_COORDINATES
			   ? 1.0
			   : sigmas / sqrt((double) q->dim);
}

/*
 * Lower bound of the L2 distance between the decoded vectors, given their
 * squared distance as omen_query_distance computed it.
 */
static double
decoded_l2(const OmenQuantizer *q, const OmenQueryHeader *query,
		   const OmenCodeHeader *node, double distance)
{
	double		sumsq =
		omen_quantizer_functions(q)->decoded_bound(q, query, node, distance) -
		q->dim * 0x1.0p-149;

	return sumsq > 0.0 ? sqrt(sumsq) : 0.0;
}

/* The length of two errors that are independent of each other. */
static inline double
joint_error(double one, double other)
{
	return sqrt(one * one + other * other);
}

/*
 * Lower bound of the L2 distance of a query and a node, d being the distance of
 * the decoded vectors.  Of what the two codes are off `part` may point from one
 * to the other.  If that is independent of where they are, and e long,
 * d^2 = truth^2 + e^2 +- 2 * part * truth * e.
 */
static double
bound_past_errors(double d, double query_error, double node_error, double part)
{
	double		e = joint_error(query_error, node_error);
	double		truth = d * d - e * e;

	if (part == 1.0)
		return d - node_error - query_error;
	if (truth < 0.0)
		truth = 0.0;
	return sqrt(part * part * e * e + truth) - part * e;
}

/* What the operator may return, at least, for that L2 distance. */
double
omen_l2_from_l2(const OmenQuantizer *q, double distance)
{
	double		sumsq = distance * distance * (1.0 - omen_operator_error(q)) -
				   q->dim * 0x1.0p-149;

	return sumsq > 0.0 ? sqrt(sumsq) * (1.0 - DOUBLE_SLACK) : 0.0;
}

/* 1 - cos is half the squared distance of the normalised vectors. */
double
omen_cosine_from_l2(const OmenQuantizer *q, double distance)
{
	return distance * distance * 0.5 - 2.0 * omen_operator_error(q) -
		   4.0 * UNIT_ROUNDOFF;
}

/* ---------- of sketches: see sketch.h ---------- */

/*
 * Worst-case error of a sum over the elements of vectors that are sketched,
 * which may be more than a sketch has coordinates.
 */
static double
sketched_error(const OmenQuantizer *q)
{
	return q->sums_anyhow ? omen_any_sum_error(OMEN_MAX_DIM)
						  : omen_kernel_error(q->dim);
}

/*
 * What the squared distance of two vectors may be, at least, given that of
 * their sketches: it is within some standard deviations of its own.
 */
static double
sketched_l2sq(const OmenQuantizer *q, double distance)
{
	double		deviation = sqrt(2.0 / q->dim);

	return distance * distance / (1.0 + OMEN_SKETCH_SIGMAS * deviation);
}

double
omen_l2_from_sketch(const OmenQuantizer *q, double distance)
{
	return omen_l2_from_l2(q, sqrt(sketched_l2sq(q, distance)));
}

/*
 * Sketches are normalised themselves, which makes up for what they are too long
 * or too short: the cosine c has a standard deviation of (1 - c^2) / sqrt(dim).
 */
double
omen_cosine_from_sketch(const OmenQuantizer *q, double distance)
{
	double		cosine = fmax(1.0 - distance * distance * 0.5, -1.0);
	double		deviation = (1.0 - cosine * cosine) / sqrt((double) q->dim);

	return 1.0 - cosine - OMEN_SKETCH_SIGMAS * deviation -
		   2.0 * sketched_error(q) - 4.0 * UNIT_ROUNDOFF;
}

/* An L1 distance is at least the squared L2 distance of the roots. */
double
omen_l1_from_sketch(const OmenQuantizer *q, double distance)
{
	return sketched_l2sq(q, distance) * (1.0 - sketched_error(q));
}

double
omen_bound_by_l2(const OmenQuantizer *q, const OmenQueryHeader *query,
				 const OmenCodeHeader *node, double distance, double part)
{
	double		d = bound_past_errors(decoded_l2(q, query, node, distance),
								 query->code.error, node->error, part);

	if (d < 0.0)
		d = 0.0;
	return omen_quantizer_metric(q)->bound_from_l2(q, d);
}

double
omen_bound_by_l1(const OmenQuantizer *q, const OmenQueryHeader *query,
				 const OmenCodeHeader *node, double distance, double part)
{
	double		d =
		omen_quantizer_functions(q)->decoded_bound(q, query, node, distance);

	(void) part;
	d = (d - query->code.error - node->error) * (1.0 - omen_operator_error(q));
	return d > 0.0 ? d : 0.0;
}

double
omen_bound_by_product(const OmenQuantizer *q, const OmenQueryHeader *query,
					  const OmenCodeHeader *node, double distance, double part)
{
	const OmenCodec *codec = omen_quantizer_codec(q);
	double		query_norm = codec->query_norm_bound(q, query);
	double		query_error = query->code.error;
	double		node_norm = codec->norm_bound(q, node);
	double largest = (query_norm + query_error) * (node_norm + node->error);
	double		product;

	/* a float32 sum could overflow on its way, and be anything: of ours, or of
	 * the operator's */
	if (!(fmax(query->scale, 1.0) * largest < FLT_MAX / 2))
		return -INFINITY;
	largest *= query->scale;

	product =
		-omen_quantizer_functions(q)->decoded_bound(q, query, node, distance);
	product += q->dim * 0x1.0p-148;
	product += part == 1.0
				   ? query_norm * node->error + node_norm * query_error +
						 query_error * node->error
				   : part * joint_error(joint_error(query_norm * node->error,
													node_norm * query_error),
										query_error * node->error);
	product *= query->scale;
	product += omen_operator_error(q) * largest + q->dim * 0x1.0p-149;
	return -product - DOUBLE_SLACK * fabs(product);
}

/*
 * The product of two sketches has a squared deviation of (n^2 + p^2) / dim, n
 * being the product of the norms, and p that of the vectors.
 */
double
omen_bound_by_sketch_product(const OmenQuantizer *q,
							 const OmenQueryHeader *query,
							 const OmenCodeHeader *node, double distance,
							 double part)
{
	const OmenCodec *codec = omen_quantizer_codec(q);
	double		bound = omen_bound_by_product(q, query, node, distance, part);
	double		norms = query->scale * codec->query_norm_bound(q, query) *
				   codec->norm_bound(q, node);

	return bound -
		   OMEN_SKETCH_SIGMAS * sqrt((norms * norms + bound * bound) / q->dim);
}

/* Lower bound, with so much of the node's error pointing at the query. */
static double
lower_bound(const OmenQuantizer *q, const OmenQueryHeader *query,
			const OmenCodeHeader *node, float graph_distance, double part)
{
	double		distance = graph_distance;

	if (!(query->code.error < INFINITY && node->error < INFINITY) ||
		isnan(distance))
		return -INFINITY;
	if (distance > FLT_MAX)
		distance = FLT_MAX;		/* it may be no more than that */
	return omen_quantizer_metric(q)->lower_bound(q, query, node, distance,
												 part);
}

double
omen_lower_bound(const OmenQuantizer *q, const OmenQueryHeader *query,
				 const OmenCodeHeader *node, float graph_distance)
{
	return lower_bound(q, query, node, graph_distance, likely_part(q));
}

double
omen_certain_bound(const OmenQuantizer *q, const OmenQueryHeader *query,
				   const OmenCodeHeader *node, float graph_distance)
{
	if (omen_quantizer_metric(q)->is_sketched)
		return -INFINITY;
	return lower_bound(q, query, node, graph_distance, 1.0);
}

double
omen_node_bound(const OmenQuantizer *q, const OmenQueryHeader *query,
				const void *query_code, const OmenCodeHeader *node,
				const void *code, bool is_certain)
{
	const OmenCodecMetric *functions = omen_quantizer_functions(q);
	float		distance;

	if (functions->exact != NULL)
		return functions->exact(q, query_code, code);
	distance = functions->query_distance(q, query, query_code, node, code);
	return is_certain ? omen_certain_bound(q, query, node, distance)
					  : omen_lower_bound(q, query, node, distance);
}

bool
omen_query_overflows(const OmenQuantizer *q, const OmenQueryHeader *query,
					 double norm)
{
	double		largest;

	if (!omen_quantizer_metric(q)->is_product)
		return false;
	if (query->code.error == INFINITY)
		return true;
	largest = fmax(query->scale, 1.0) *
			  omen_quantizer_codec(q)->query_norm_bound(q, query);
	/* or those of such vectors with each other, by which the graph was made */
	largest = fmax(largest, fmax(sqrt(q->mean_sumsq), norm));
	return !(largest * norm < FLT_MAX / 2);
}

double
omen_refined_bound(const OmenQuantizer *q, const OmenQueryHeader *query,
				   const float *rest, const OmenQueryRest *about,
				   const OmenCodeHeader *node, const void *code,
				   float graph_distance)
{
	const OmenCodec *codec = omen_quantizer_codec(q);
	double		size = codec->largest(&query->code) + codec->largest(node);
	double		step = node->step;
	double		dot;
	double		sumsq;
	double		d;

	if (!(node->error < INFINITY) || !(graph_distance <= FLT_MAX))
		return -INFINITY;

	/* |query + rest - node|^2, of the decoded query and node */
	dot = codec->rest_product(rest, code, q->dim);
	sumsq = (double) graph_distance * (1.0 - 2.0 * UNIT_ROUNDOFF) +
			2.0 * (about->with_code - node->offset * about->sum - step * dot) +
			about->sumsq;

	/* what float32 may have made of the product, and double of the sums */
	sumsq -= 2.0 * step * omen_kernel_error(q->dim) *
			 sqrt(about->sumsq * node->sumsq);
	sumsq -= DOUBLE_SLACK * q->dim * size * size + q->dim * 0x1.0p-149;

	d = sumsq > 0.0 ? sqrt(sumsq) - about->error - node->error : 0.0;
	if (d < 0.0)
		d = 0.0;
	return omen_quantizer_metric(q)->bound_from_l2(q, d);
}
