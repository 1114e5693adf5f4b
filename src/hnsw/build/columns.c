/*-------------------------------------------------------------------------
 *
 * columns.c
 *	  Comparing many points with many others at once.
 *
 * Hides that 8-bit codes are packed into panels for the blocked kernels of
 * distance/block.h, and that L1 has no such kernel.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/build/build.h"

/* Memory for so many columns. */
Size
omen_columns_bytes(const OmenBuildShape *shape, uint32 count)
{
	if (shape->l1)
		return mul_size(count, shape->point_bytes);
	return mul_size(OMEN_PADDED(count) / OMEN_PANEL,
					omen_kernels->block->panel_bytes(shape->dims));
}

void
omen_columns_pack(const OmenBuildShape *shape, const OmenColumns *columns,
				  const char *const *points)
{
	Size		panel_bytes;
	const uint8 *codes[OMEN_PANEL];
	const OmenPointTerms *terms[OMEN_PANEL];

	if (shape->l1)
	{
		for (uint32 i = 0; i < columns->count; i++)
			memcpy(columns->memory + (Size) i * shape->point_bytes, points[i],
				   shape->point_bytes);
		return;
	}
	panel_bytes = omen_kernels->block->panel_bytes(shape->dims);
	for (uint32 start = 0; start < columns->count; start += OMEN_PANEL)
	{
		uint32		count = Min(columns->count - start, OMEN_PANEL);

		for (uint32 i = 0; i < count; i++)
		{
			codes[i] = omen_point_code(points[start + i]);
			terms[i] = omen_point_terms(points[start + i]);
		}
		omen_kernels->block->pack(columns->memory +
									  start / OMEN_PANEL * panel_bytes,
								  codes, terms, count, shape->dims);
	}
}

/*
 * Distances of rows to all columns: out[r * out_stride + c], for which each
 * row of out has OMEN_PADDED(count) elements.  At most OMEN_PANEL rows.
 */
void
omen_columns_distances(const OmenBuildShape *shape, const OmenColumns *columns,
					   const char *const *rows, uint32 nrows, float *out,
					   Size out_stride)
{
	Size		panel_bytes;
	const uint8 *codes[OMEN_PANEL];
	const OmenPointTerms *terms[OMEN_PANEL];

	Assert(nrows <= OMEN_PANEL);
	if (shape->l1)
	{
		for (uint32 r = 0; r < nrows; r++)
			for (uint32 c = 0; c < columns->count; c++)
				out[r * out_stride + c] =
					omen_point_distance(shape, rows[r],
										columns->memory +
											(Size) c * shape->point_bytes);
		return;
	}
	for (uint32 r = 0; r < nrows; r++)
	{
		codes[r] = omen_point_code(rows[r]);
		terms[r] = omen_point_terms(rows[r]);
	}
	panel_bytes = omen_kernels->block->panel_bytes(shape->dims);
	for (uint32 start = 0; start < columns->count; start += OMEN_PANEL)
		omen_kernels->block->distances(columns->memory +
										   start / OMEN_PANEL * panel_bytes,
									   codes, terms, nrows, shape->dims,
									   out + start, out_stride);
}
