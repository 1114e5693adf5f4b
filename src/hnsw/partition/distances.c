/*-------------------------------------------------------------------------
 *
 * distances.c
 *	  Comparing many points with many others at once.
 *
 * Hides that 8-bit codes and bits are packed into panels for the blocked
 * kernels of distance/block.h and bits.h, and that L1 has no such kernel.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "distance/mirror.h"
#include "hnsw/partition/partition.h"
#include "miscadmin.h"

/* The blocked kernels for what is compared; NULL if there are none. */
static const OmenPanelKernels *
panel_kernels(const OmenBuildShape *shape, bool is_narrow)
{
	switch (shape->compared)
	{
		case OMEN_COMPARED_GRID:
			return NULL;
		case OMEN_COMPARED_HAMMING:
			return &omen_kernels->bits->hamming_panels;
		case OMEN_COMPARED_JACCARD:
			return &omen_kernels->bits->jaccard_panels;
		default:
			return is_narrow ? &omen_kernels->block->narrow_panels
							 : &omen_kernels->block->panels;
	}
}

/* Memory for so many columns; those of whole codes take at least as much. */
Size
omen_columns_bytes(const OmenBuildShape *shape, bool is_narrow, uint32 count)
{
	const OmenPanelKernels *kernels = panel_kernels(shape, is_narrow);

	if (kernels == NULL)
		return mul_size(count, shape->point_bytes);
	return mul_size(OMEN_PADDED(count) / OMEN_PANEL,
					kernels->panel_bytes(shape->length));
}

void
omen_columns_pack(const OmenBuildShape *shape, const OmenColumns *columns,
				  const char *const *points)
{
	const OmenPanelKernels *kernels = panel_kernels(shape, columns->is_narrow);
	Size		panel_bytes;
	const uint8 *codes[OMEN_PANEL];
	const OmenPointTerms *terms[OMEN_PANEL];

	if (kernels == NULL)
	{
		for (uint32 i = 0; i < columns->count; i++)
			memcpy(columns->memory + (Size) i * shape->point_bytes, points[i],
				   shape->point_bytes);
		return;
	}
	panel_bytes = kernels->panel_bytes(shape->length);
	for (uint32 start = 0; start < columns->count; start += OMEN_PANEL)
	{
		uint32		count = Min(columns->count - start, OMEN_PANEL);

		for (uint32 i = 0; i < count; i++)
		{
			codes[i] = omen_point_code(points[start + i]);
			terms[i] = omen_point_terms(points[start + i]);
		}
		kernels->pack(columns->memory + start / OMEN_PANEL * panel_bytes, codes,
					  terms, count, shape->length);
	}
}

/* Distances of rows, at most OMEN_PANEL, to the columns of one panel. */
static void
panel_distances(const OmenBuildShape *shape, const OmenColumns *columns,
				uint32 panel, const char *const *rows, uint32 nrows, float *out,
				Size out_stride)
{
	const OmenPanelKernels *kernels = panel_kernels(shape, columns->is_narrow);
	Size		panel_bytes;
	const uint8 *codes[OMEN_PANEL];
	const OmenPointTerms *terms[OMEN_PANEL];

	Assert(nrows <= OMEN_PANEL);
	if (kernels == NULL)
	{
		uint32		start = panel * OMEN_PANEL;
		uint32		count = Min(columns->count - start, OMEN_PANEL);

		for (uint32 r = 0; r < nrows; r++)
			for (uint32 c = 0; c < count; c++)
				out[r * out_stride + c] = omen_point_distance(
					shape, rows[r],
					columns->memory + (Size) (start + c) * shape->point_bytes);
		return;
	}
	for (uint32 r = 0; r < nrows; r++)
	{
		codes[r] = omen_point_code(rows[r]);
		terms[r] = omen_point_terms(rows[r]);
	}
	panel_bytes = kernels->panel_bytes(shape->length);
	kernels->distances(columns->memory + panel * panel_bytes, codes, terms,
					   nrows, shape->length, out, out_stride);
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
	for (uint32 start = 0; start < columns->count; start += OMEN_PANEL)
		panel_distances(shape, columns, start / OMEN_PANEL, rows, nrows,
						out + start, out_stride);
}

/*
 * Distances of the columns' points to each other, points being all of them:
 * those of the columns of one panel, which is done for one panel after the
 * other.  As a distance is the same in both directions, each pair is computed
 * once, but for those within a panel.  Then the OMEN_PANEL rows of the panel's
 * points are complete, in the form of omen_columns_distances; out has a row
 * for each point.
 */
void
omen_columns_mutual(const OmenBuildShape *shape, const OmenColumns *columns,
					const char *const *points, uint32 panel, float *out,
					Size out_stride)
{
	uint32		count = columns->count;
	uint32		start = panel * OMEN_PANEL;

	for (uint32 row = start; row < count; row += OMEN_PANEL)
	{
		uint32		nrows = Min(OMEN_PANEL, count - row);
		float	   *block = out + row * out_stride + start;

		CHECK_FOR_INTERRUPTS();
		panel_distances(shape, columns, panel, points + row, nrows, block,
						out_stride);
		if (row > start)
			omen_mirror(block, nrows, OMEN_PANEL,
						out + start * out_stride + row, out_stride);
	}
}
