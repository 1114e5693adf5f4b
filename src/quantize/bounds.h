/*
 * bounds.h
 *		What a distance of codes says about the vectors behind them.
 *
 * Purpose: the hooks of an OmenMetricTraits, see metric.h.  Private to this
 * folder; others call omen_lower_bound and its like, in codes.h.
 */
#ifndef OMEN_BOUNDS_H
#define OMEN_BOUNDS_H

#include "quantizer.h"

extern double omen_bound_by_l2(const OmenQuantizer *q,
							   const OmenQueryHeader *query,
							   const OmenCodeHeader *node, double distance,
							   double part);
extern double omen_bound_by_product(const OmenQuantizer *q,
									const OmenQueryHeader *query,
									const OmenCodeHeader *node, double distance,
									double part);
extern double omen_bound_by_l1(const OmenQuantizer *q,
							   const OmenQueryHeader *query,
							   const OmenCodeHeader *node, double distance,
							   double part);
extern double omen_bound_by_sketch_product(const OmenQuantizer *q,
										   const OmenQueryHeader *query,
										   const OmenCodeHeader *node,
										   double distance, double part);
extern double omen_l2_from_sketch(const OmenQuantizer *q, double distance);
extern double omen_cosine_from_sketch(const OmenQuantizer *q, double distance);
extern double omen_l1_from_sketch(const OmenQuantizer *q, double distance);
extern double omen_l2_from_l2(const OmenQuantizer *q, double distance);
extern double omen_cosine_from_l2(const OmenQuantizer *q, double distance);

#endif							/* OMEN_BOUNDS_H */
