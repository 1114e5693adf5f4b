/*
 * quantizer.c
 *		Lay out and fill in a quantizer; see quantizer.h.
 *
 * Purpose: as there.  The sums over the mean become part of codes on disk.
 */
#include "quantizer.h"

#include <string.h>

#include "codec.h"
#include "rotation.h"
#include "exact.h"

size_t
omen_quantizer_size(OmenMetric metric, OmenStorage storage, uint32_t dim)
{
	size_t		size = sizeof(OmenQuantizer);

	if (omen_is_rotated(storage, metric))
		size += sizeof(float) * (size_t) dim +
				sizeof(uint32_t) * omen_rotation_words(dim);
	return (size + 7) & ~(size_t) 7;
}

void
omen_quantizer_init(OmenQuantizer *q, OmenMetric metric, OmenStorage storage,
					uint32_t dim, uint64_t seed, const float *mean)
{
	memset(q, 0, omen_quantizer_size(metric, storage, dim));
	q->size = (uint32_t) omen_quantizer_size(metric, storage, dim);
	q->dim = dim;
	q->metric = (uint8_t) metric;
	q->storage = (uint8_t) storage;
	q->seed = seed;
	q->mean_at = (uint32_t) sizeof(OmenQuantizer);

	if (!omen_is_rotated(storage, metric))
		return;

	q->rotated = 1;
	q->signs_at = q->mean_at + (uint32_t) sizeof(float) * dim;
	omen_rotation_signs(seed, dim, (uint32_t *) ((char *) q + q->signs_at));

	if (mean == NULL)
		return;
	q->centred = 1;
	memcpy((char *) q + q->mean_at, mean, sizeof(float) * (size_t) dim);
	for (uint32_t i = 0; i < dim; i++)
	{
		q->mean_sum += mean[i];
		q->mean_sumsq += (double) mean[i] * mean[i];
	}
}
