/*
 * metric.c
 *		The table of metrics; see metric.h.
 */
#include "metric.h"

#include <string.h>

#include "bounds.h"

const OmenMetricTraits omen_metrics[OMEN_METRICS] = {
	[OMEN_METRIC_L2] = {.name = "l2",
						.label = "L2 distance",
						.is_rotatable = true,
						.lower_bound = omen_bound_by_l2,
						.bound_from_l2 = omen_l2_from_l2},
	[OMEN_METRIC_IP] = {.name = "ip",
						.label = "inner product",
						.is_product = true,
						.is_rotatable = true,
						.lower_bound = omen_bound_by_product},
	[OMEN_METRIC_COSINE] = {.name = "cosine",
							.label = "cosine distance",
							.needs_direction = true,
							.is_rotatable = true,
							.lower_bound = omen_bound_by_l2,
							.bound_from_l2 = omen_cosine_from_l2},
	[OMEN_METRIC_L1] = {.name = "l1",
						.label = "L1 distance",
						.sums_absolutes = true,
						.compared = OMEN_COMPARED_GRID,
						.lower_bound = omen_bound_by_l1},
	[OMEN_METRIC_HAMMING] = {.name = "hamming",
							 .label = "Hamming distance",
							 .compared = OMEN_COMPARED_HAMMING},
	[OMEN_METRIC_JACCARD] = {.name = "jaccard",
							 .label = "Jaccard distance",
							 .compared = OMEN_COMPARED_JACCARD},
	[OMEN_METRIC_SKETCH_L2] = {.name = "l2",
							   .label = "L2 distance",
							   .is_sketched = true,
							   .is_rotatable = true,
							   .lower_bound = omen_bound_by_l2,
							   .bound_from_l2 = omen_l2_from_sketch},
	[OMEN_METRIC_SKETCH_IP] = {.name = "ip",
							   .label = "inner product",
							   .is_product = true,
							   .links_by_angle = true,
							   .is_sketched = true,
							   .is_rotatable = true,
							   .lower_bound = omen_bound_by_sketch_product},
	[OMEN_METRIC_SKETCH_COSINE] = {.name = "cosine",
								   .label = "cosine distance",
								   .needs_direction = true,
								   .is_sketched = true,
								   .is_rotatable = true,
								   .lower_bound = omen_bound_by_l2,
								   .bound_from_l2 = omen_cosine_from_sketch},
	[OMEN_METRIC_SKETCH_L1] = {.name = "l1",
							   .label = "L1 distance",
							   .is_sketched = true,
							   .is_rotatable = true,
							   .lower_bound = omen_bound_by_l2,
							   .bound_from_l2 = omen_l1_from_sketch},
};

bool
omen_metric_find(const char *name, OmenMetric *metric)
{
	for (int i = 0; i < OMEN_METRICS; i++)
	{
		if (strcmp(omen_metrics[i].name, name) == 0)
		{
			*metric = (OmenMetric) i;
			return true;
		}
	}
	return false;
}
