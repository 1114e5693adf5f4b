/*
 * grid.h
 *		Codes that are numbers on a grid over each vector's own range.
 *
 * Purpose: what the kinds of codes with such numbers share, however many bits
 * a number has and however they are packed.  Private to this folder.
 *
 * Coordinate i is offset + step * number[i].
 */
#ifndef OMEN_GRID_H
#define OMEN_GRID_H

#include "quantizer.h"

/*
 * Squared L2 distance of two codes on a grid, from the inner product of their
 * numbers.  The integer part of it is exact, and so arranged that equal codes
 * have distance exactly 0 and close ones lose nothing to cancellation.
 */
static inline float
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
	return (float) (result > 0.0 ? result : 0.0);
}

/*
 * Minus the inner product of the vectors, the mean added back, in the same
 * way.
 */
static inline float
omen_grid_product(const OmenQuantizer *q, const OmenCodeHeader *ha,
				  const OmenCodeHeader *hb, uint32_t dot)
{
	double		oa = ha->offset;
	double		ob = hb->offset;
	double		sa = ha->step;
	double		sb = hb->step;

	return (float) -(oa * ((double) q->dim * ob + sb * (double) hb->sum) +
					 sa * (ob * (double) ha->sum + sb * (double) dot) +
					 (double) ha->mean_dot + (double) hb->mean_dot +
					 q->mean_sumsq);
}

/* The same of a query and a node. */
static inline float
omen_grid_query_product(const OmenQuantizer *q, const OmenQueryHeader *query,
						const OmenCodeHeader *node, uint32_t dot)
{
	double		oq = query->code.offset;
	double		on = node->offset;
	double		sq = query->code.step;
	double		sn = node->step;
	/* which may be infinite, but not where nothing was taken off */
	double		of_mean =
		query->share != 0.0 ? query->share * (double) node->mean_dot : 0.0;

	return (float) -(oq * ((double) q->dim * on + sn * (double) node->sum) +
					 sq * (on * (double) query->code.sum + sn * (double) dot) +
					 of_mean + query->with_mean);
}

/* Coordinates that are quantised at a time. */
#define GRID_BLOCK 16

/* Adding this to a float of 0..2^22 rounds it to an integer. */
#define ROUNDING_SHIFT 0x1.0p23f

/* The smallest and the largest of some coordinates. */
extern void omen_grid_range(const float *y, uint32_t dim, float *smallest,
							float *largest);

/*
 * The end of all encoding: fill in what the header says of the mean, and return
 * the bound of the error.  size is that of the largest coordinate that was
 * encoded, error the norm of the errors as measured, and rounding what may be
 * in each coordinate beside it.
 */
extern double omen_grid_finish(const OmenQuantizer *q, double size,
							   double error, double rounding,
							   OmenCodeHeader *hdr, const uint8_t *numbers);

/* Encode what is as good as constant: there is no reciprocal of a step. */
extern double omen_grid_encode_constant(const OmenQuantizer *q, float smallest,
										float largest, OmenCodeHeader *hdr,
										uint8_t *numbers);

/*
 * Encode with numbers of 0..levels, few of them, on the grid that fits y best;
 * a byte each, and numbers may be where y is.  normal_step is the step, in
 * standard deviations, of the grid that fits normally distributed coordinates.
 * See grid_fit.c.  Not for metrics that sum absolute values.
 */
extern double omen_grid_encode_fitted(const OmenQuantizer *q, const float *y,
									  int levels, double normal_step,
									  OmenCodeHeader *hdr, uint8_t *numbers);

/* The hooks of an OmenCodec, see codec.h. */
extern double omen_grid_bound_l2sq(const OmenQuantizer *q,
								   const OmenQueryHeader *query,
								   const OmenCodeHeader *node, double distance);
extern double omen_grid_bound_product(const OmenQuantizer *q,
									  const OmenQueryHeader *query,
									  const OmenCodeHeader *node,
									  double distance);
extern double omen_grid_bound_l1(const OmenQuantizer *q,
								 const OmenQueryHeader *query,
								 const OmenCodeHeader *node, double distance);
extern double omen_grid_sumsq(const OmenQuantizer *q,
							  const OmenCodeHeader *hdr);
extern double omen_grid_norm_bound(const OmenQuantizer *q,
								   const OmenCodeHeader *hdr);
extern double omen_grid_query_norm_bound(const OmenQuantizer *q,
										 const OmenQueryHeader *query);
extern double omen_grid_sumsq_bound(const OmenQuantizer *q,
									const OmenCodeHeader *hdr);
extern double omen_grid_largest(const OmenCodeHeader *hdr);
extern const char *omen_grid_header_flaw(const OmenMetricTraits *metric,
										 const OmenCodeHeader *hdr);

/* Are the sums in the header those of the numbers?  True if not. */
extern bool omen_grid_sums_differ(const OmenCodeHeader *hdr, uint32_t sum,
								  uint32_t sumsq, char *flaw, size_t room);

/* Bytes of a code with a number in each byte. */
extern size_t omen_grid_bytes(uint32_t dim);

/* Encode with a number of eight bits in each byte. */
extern double omen_grid_encode_bytes(const OmenQuantizer *q, const float *y,
									 OmenCodeHeader *hdr, void *code);

#endif							/* OMEN_GRID_H */
