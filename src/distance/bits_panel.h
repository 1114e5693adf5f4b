/*
 * bits_panel.h
 *		What a panel of bit strings begins with, for bits_*.c alone.
 *
 * Purpose: what the distances of a panel's columns need beside their bits.  The
 * codes behind it are laid out as each table likes.
 */
#ifndef OMEN_BITS_PANEL_H
#define OMEN_BITS_PANEL_H

#include "bits.h"

typedef struct BitsPanelHead
{
	int32_t		ones[OMEN_PANEL];
	float		beyond[OMEN_PANEL]; /* added: +infinity where no column is */
} BitsPanelHead;

_Static_assert(sizeof(BitsPanelHead) % 64 == 0, "codes must be aligned, too");

static inline void
set_bits_panel_head(BitsPanelHead *head, const OmenPointTerms *const *terms,
					uint32_t count)
{
	for (uint32_t c = 0; c < OMEN_PANEL; c++)
	{
		head->ones[c] = c < count ? terms[c]->ones : 0;
		head->beyond[c] = c < count ? 0.0f : INFINITY;
	}
}

/*
 * Pack words of four bytes: for each word of a code those of all columns, side
 * by side.
 */
static inline void
pack_bit_words(void *panel, const uint8_t *const *codes,
			   const OmenPointTerms *const *terms, uint32_t count, size_t dim)
{
	BitsPanelHead *head = panel;
	uint8_t	   *words = (uint8_t *) (head + 1);
	size_t		stride = OMEN_BLOCK_STRIDE(dim);

	set_bits_panel_head(head, terms, count);
	for (uint32_t c = 0; c < OMEN_PANEL; c++)
		for (size_t i = 0; i < stride; i += 4)
		{
			if (c < count)
				__builtin_memcpy(words + i * OMEN_PANEL + 4 * c, codes[c] + i,
								 4);
			else
				__builtin_memset(words + i * OMEN_PANEL + 4 * c, 0, 4);
		}
}

static inline size_t
bit_words_panel_bytes(size_t dim)
{
	return sizeof(BitsPanelHead) + OMEN_PANEL * OMEN_BLOCK_STRIDE(dim);
}

#endif							/* OMEN_BITS_PANEL_H */
