/*
 * codes.h
 *		Codes: the compact form of a vector that a graph is searched with.
 *
 * Purpose: turn a float vector into a code (some bits a coordinate, or the
 * floats themselves), estimate distances between codes, and say how far the
 * truth can be from the estimate.  This folder must not know about PostgreSQL,
 * about pages or about graphs; it never allocates (callers give memory) and
 * never fails.
 *
 * Kinds of codes are a table, see codec.h and the codec_*.c; metrics another,
 * see metric.h.  How the codes of one index are made is its quantizer
 * (quantizer.h).
 *
 * Encoding, transforming and recoding give the same bits on every machine and
 * compiler: float32 and float64 operations of IEEE 754 in a fixed order,
 * nothing contracted, and of libm only the square root.  Distances and bounds
 * may differ in their last bits from one kernel table to another; the bounds
 * hold for all of them.
 *
 * Input vectors are finite.  Where the arithmetic ends (a norm beyond 2^96,
 * with codes on a grid; for cosine a squared norm near the limits of float32,
 * which the operator's own sums would leave) the error is +infinity, so nothing
 * is concluded from the code; no input produces a NaN.
 */
#ifndef OMEN_CODES_H
#define OMEN_CODES_H

#include "codec.h"

/*
 * Which bits omen_encode and omen_recode make of a vector.  Whoever changes
 * them, of any kind of code, raises this, and sets OmenCodec.encoder of the
 * kinds that are changed to it: an index keeps the version of its kind.
 * 2: four bits on a grid that fits the vector, not from end to end; two bits.
 */
#define OMEN_ENCODER_VERSION 2

static inline size_t
omen_code_bytes(const OmenQuantizer *q)
{
	return omen_quantizer_codec(q)->bytes(q->dim);
}

/* Bytes of a query's code, which may say more than a node's. */
static inline size_t
omen_query_bytes(const OmenQuantizer *q)
{
	return omen_quantizer_codec(q)->query_bytes(q->dim);
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
 * can be said.  With SQ4 or SQ2 and at least 64 dimensions the bound is not
 * certain, but missed as seldom as four standard deviations are, or three; and
 * it is not the same with query and node exchanged.
 */
extern double omen_lower_bound(const OmenQuantizer *q,
							   const OmenQueryHeader *query,
							   const OmenCodeHeader *node,
							   float graph_distance);

/* The same, and certain whatever the kind of code. */
extern double omen_certain_bound(const OmenQuantizer *q,
								 const OmenQueryHeader *query,
								 const OmenCodeHeader *node,
								 float graph_distance);

/*
 * One of the two, for a query's code and a node's; where codes are the values
 * themselves, what the operator returns.
 */
extern double omen_node_bound(const OmenQuantizer *q,
							  const OmenQueryHeader *query,
							  const void *query_code,
							  const OmenCodeHeader *node, const void *code,
							  bool is_certain);

/*
 * May products of a query and vectors of this norm overflow float32, in the
 * operator, in a code's header or in the graph?  Then codes say nothing of
 * their order.
 */
extern bool omen_query_overflows(const OmenQuantizer *q,
								 const OmenQueryHeader *query, double norm);

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
 * rest, dim floats, where that is known.  But for SQ4, SQ2 and inner product
 * the code is that of omen_encode, with SQ8 followed by its halves.
 */
extern bool omen_encode_query(const OmenQuantizer *q, const float *x,
							  float *rest, OmenQueryHeader *query, void *code,
							  OmenQueryRest *about);

/*
 * As omen_lower_bound, with the rest of the query.  Costs a pass over the
 * node's code.
 */
extern double omen_refined_bound(const OmenQuantizer *q,
								 const OmenQueryHeader *query,
								 const float *rest, const OmenQueryRest *about,
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
 * Minus the cosine of two decoded vectors, whatever their norms; 0 where one of
 * them has none.  There must be no mean.
 */
extern float omen_code_angle(const OmenQuantizer *q, const OmenCodeHeader *ha,
							 const void *ca, const OmenCodeHeader *hb,
							 const void *cb);

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
	return omen_quantizer_functions(q)->distance(q, ha, ca, hb, cb);
}

/* The same of a query's code and a node's; for IP divided by query->scale. */
static inline float
omen_query_distance(const OmenQuantizer *q, const OmenQueryHeader *query,
					const void *query_code, const OmenCodeHeader *node,
					const void *code)
{
	return omen_quantizer_functions(q)->query_distance(q, query, query_code,
													   node, code);
}

/*
 * What is wrong with a header or a code that was read from a page; NULL or
 * false if nothing is.  has_mean_dot: may the header have an inner product with
 * the mean?  What is wrong with a code is written to flaw, room bytes.
 *
 * What overflows float32 is no flaw: error is infinite where nothing can be
 * concluded from the code, and the products of long vectors are.
 */
extern const char *omen_header_flaw(OmenStorage storage, OmenMetric metric,
									const OmenCodeHeader *hdr,
									bool has_mean_dot);
extern bool omen_code_flaw(OmenStorage storage, uint32_t dim,
						   const OmenCodeHeader *hdr, const void *code,
						   char *flaw, size_t room);

#endif							/* OMEN_CODES_H */
