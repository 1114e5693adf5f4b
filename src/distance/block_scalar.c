/*
 * block_scalar.c
 *		The blocked kernels in portable C.
 *
 * Purpose: be plainly right, by the contract of block.h.  It must not use
 * intrinsics; the inner loop has a constant length so that a compiler may use
 * vector registers.
 *
 * A panel holds, behind its head, the codes less 128 as int16, the columns of
 * one dimension side by side.
 */
#include "block_panel.h"

static size_t
panel_bytes(size_t dim)
{
	return sizeof(PanelHead) + OMEN_PANEL * sizeof(int16_t) * dim;
}

static void
pack(void *panel, const uint8_t *const *codes,
	 const OmenPointTerms *const *terms, uint32_t count, size_t dim)
{
	PanelHead  *head = panel;
	int16_t	   *columns = (int16_t *) (head + 1);

	set_panel_head(head, terms, count);
	for (uint32_t c = 0; c < OMEN_PANEL; c++)
		for (size_t i = 0; i < dim; i++)
			columns[i * OMEN_PANEL + c] =
				c < count ? (int16_t) (codes[c][i] - 128) : 0;
}

static void
distances(const void *panel, const uint8_t *const *rows,
		  const OmenPointTerms *const *terms, uint32_t nrows, size_t dim,
		  float *out, size_t out_stride)
{
	const PanelHead *head = panel;
	const int16_t *columns = (const int16_t *) (head + 1);

	for (uint32_t r = 0; r < nrows; r++)
	{
		int32_t		dot[OMEN_PANEL] = {0};

		for (size_t i = 0; i < dim; i++)
		{
			const int16_t *column = columns + i * OMEN_PANEL;
			int32_t		x = rows[r][i] - 128;

			for (int c = 0; c < OMEN_PANEL; c++)
				dot[c] += x * column[c];
		}
		for (int c = 0; c < OMEN_PANEL; c++)
		{
			OmenPointTerms t = {.scale = head->scale[c],
								.sum = head->sum[c],
								.level = head->level[c],
								.sumsq = head->sumsq[c],
								.added = head->added[c]};

			out[r * out_stride + c] =
				omen_finish_distance(terms[r], &t, dot[c]);
		}
	}
}

static void
make_narrow(const uint8_t *code, size_t bytes, uint8_t *to)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = code[i] >> OMEN_NARROWED;
}

/* Keep a sorted list of the smallest so far. */
static uint32_t
nearest(float *values, uint32_t count, uint32_t k, uint32_t *index,
		float *value)
{
	uint32_t	n = 0;

	if (k == 0)
		return 0;
	for (uint32_t i = 0; i < count; i++)
	{
		float		v = values[i];
		uint32_t	at;

		if (!(v < INFINITY) || (n == k && v >= value[n - 1]))
			continue;
		if (n < k)
			n++;
		for (at = n - 1; at > 0 && value[at - 1] > v; at--)
		{
			value[at] = value[at - 1];
			index[at] = index[at - 1];
		}
		value[at] = v;
		index[at] = i;
	}
	return n;
}

const OmenBlockKernels omen_block_scalar = {
	.panels = {panel_bytes, pack, distances},
	.narrow_panels = {panel_bytes, pack, distances},
	.narrow = make_narrow,
	.nearest = nearest,
};
