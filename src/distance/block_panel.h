/*
 * block_panel.h
 *		What a panel begins with, for block_*.c alone.
 *
 * Purpose: the terms of a panel's columns, column by column.  The codes
 * behind them are laid out as each table likes.
 */
#ifndef OMEN_BLOCK_PANEL_H
#define OMEN_BLOCK_PANEL_H

#include "block.h"

typedef struct PanelHead
{
	float		scale[OMEN_PANEL];
	float		sum[OMEN_PANEL];
	float		level[OMEN_PANEL];
	float		sumsq[OMEN_PANEL];
	float		added[OMEN_PANEL];
	int32_t		minus_sum128[OMEN_PANEL];
} PanelHead;

_Static_assert(sizeof(PanelHead) % 64 == 0, "codes must be aligned, too");

static inline void
set_panel_head(PanelHead *head, const OmenPointTerms *const *terms,
			   uint32_t count)
{
	static const OmenPointTerms nowhere = {.sumsq = INFINITY};

	for (uint32_t c = 0; c < OMEN_PANEL; c++)
	{
		const OmenPointTerms *t = c < count ? terms[c] : &nowhere;

		head->scale[c] = t->scale;
		head->sum[c] = t->sum;
		head->level[c] = t->level;
		head->sumsq[c] = t->sumsq;
		head->added[c] = t->added;
		head->minus_sum128[c] = -t->sum128;
	}
}

#endif							/* OMEN_BLOCK_PANEL_H */
