/*
 * narrow_neon.h
 *		Narrow codes with NEON, for block_neon.c.
 *
 * Purpose: have of narrow codes what a CPU with and without dot products of
 * bytes does in another way than with whole codes.  Products of narrow codes
 * are small: many are added up before 16 bits are too few.
 */
#ifndef OMEN_NARROW_NEON_H
#define OMEN_NARROW_NEON_H

/* Dimensions whose products are added up in 16 bits, in eight sums. */
#define SUMMED 128

_Static_assert(SUMMED / 8 * (OMEN_NARROW_END - 1) * (OMEN_NARROW_END - 1) <=
				   UINT16_MAX,
			   "sums fit 16 bits");

INLINE uint8x16_t
narrow_of(uint8x16_t code)
{
	return vshrq_n_u8(code, OMEN_NARROWED);
}

INLINE uint8x8_t
narrow_half_of(uint8x8_t code)
{
	return vshr_n_u8(code, OMEN_NARROWED);
}

static void
make_narrow(const uint8_t *code, size_t bytes, uint8_t *to)
{
	size_t		i = 0;

	for (; i + 32 <= bytes; i += 32)
	{
		uint8x16_t	first = vld1q_u8(code + i);
		uint8x16_t	second = vld1q_u8(code + i + 16);

		vst1q_u8(to + i, narrow_of(first));
		vst1q_u8(to + i + 16, narrow_of(second));
	}
	for (; i < bytes; i += 8)
		vst1_u8(to + i, narrow_half_of(vld1_u8(code + i)));
}

INLINE uint16x8_t
multiply_narrow(uint8x16_t x, uint8x16_t y)
{
	return vmlal_high_u8(vmull_u8(vget_low_u8(x), vget_low_u8(y)), x, y);
}

INLINE uint16x8_t
add_narrow(uint16x8_t acc, uint8x16_t x, uint8x16_t y)
{
	return vmlal_high_u8(vmlal_u8(acc, vget_low_u8(x), vget_low_u8(y)), x, y);
}

/* ---------- blocks, without dot products ---------- */

#define NARROW_ROWS 6

static void
narrow_pack(void *panel, const uint8_t *const *codes,
			const OmenPointTerms *const *terms, uint32_t count, size_t dim)
{
	PanelHead  *head = panel;

	set_panel_head(head, terms, count);
	pack_groups((uint8_t *) (head + 1), codes, count, dim, WIDE_GROUP, CHUNK,
				0);
}

#define NARROW_SUMS(r) \
	uint16x8_t acc##r##0; \
	uint16x8_t acc##r##1; \
	uint16x8_t acc##r##2; \
	uint16x8_t acc##r##3;

#define MULTIPLY_NARROW(r) \
	x = vld1q_u8(row + CHUNK * (r)); \
	acc##r##0 = multiply_narrow(x, y0); \
	acc##r##1 = multiply_narrow(x, y1); \
	acc##r##2 = multiply_narrow(x, y2); \
	acc##r##3 = multiply_narrow(x, y3);

#define ADD_NARROW(r) \
	x = vld1q_u8(row + CHUNK * (r)); \
	acc##r##0 = add_narrow(acc##r##0, x, y0); \
	acc##r##1 = add_narrow(acc##r##1, x, y1); \
	acc##r##2 = add_narrow(acc##r##2, x, y2); \
	acc##r##3 = add_narrow(acc##r##3, x, y3);

#define STORE_NARROW(r) \
	add_sums(tile->dot[r] + column, acc##r##0, acc##r##1, acc##r##2, acc##r##3);

/* Add to the dots of a row and four columns. */
INLINE void
add_sums(uint32_t *dot, uint16x8_t first, uint16x8_t second, uint16x8_t third,
		 uint16x8_t fourth)
{
	uint32x4_t	low = vpaddq_u32(vpaddlq_u16(first), vpaddlq_u16(second));
	uint32x4_t	high = vpaddq_u32(vpaddlq_u16(third), vpaddlq_u16(fourth));

	vst1q_u32(dot, vaddq_u32(vld1q_u32(dot), vpaddq_u32(low, high)));
}

#define LOAD_NARROW_COLUMNS \
	y0 = vld1q_u8(at); \
	y1 = vld1q_u8(at + CHUNK); \
	y2 = vld1q_u8(at + 2 * CHUNK); \
	y3 = vld1q_u8(at + 3 * CHUNK); \
	at += WIDE_GROUP * CHUNK;

#define DEFINE_NARROW(name, each, rows) \
	IN_ORDER static void name(Tile *tile, const uint8_t *from, size_t depth, \
							  size_t length) \
	{ \
		const uint8_t *row = tile->codes; \
		uint32_t column = 0; \
\
		for (; column < OMEN_PANEL; column += WIDE_GROUP, row = tile->codes) \
		{ \
			const uint8_t *at = from + column * length; \
			size_t left = depth; \
\
			while (left > 0) \
			{ \
				size_t most = left < SUMMED ? left : SUMMED; \
				const uint8_t *end = at + WIDE_GROUP * most; \
				uint8x16_t x; \
				uint8x16_t y0; \
				uint8x16_t y1; \
				uint8x16_t y2; \
				uint8x16_t y3; \
				each(NARROW_SUMS); \
\
				left -= most; \
				LOAD_NARROW_COLUMNS; \
				each(MULTIPLY_NARROW); \
				row += (rows) *CHUNK; \
				while (at < end) \
				{ \
					LOAD_NARROW_COLUMNS; \
					each(ADD_NARROW); \
					row += (rows) *CHUNK; \
				} \
				each(STORE_NARROW); \
			} \
		} \
	}

DEFINE_NARROW(narrow_one_row, EACH_1, 1)
DEFINE_NARROW(narrow_two_rows, EACH_2, 2)
DEFINE_NARROW(narrow_three_rows, EACH_3, 3)
DEFINE_NARROW(narrow_four_rows, EACH_4, 4)
DEFINE_NARROW(narrow_five_rows, EACH_5, 5)
DEFINE_NARROW(narrow_six_rows, EACH_6, 6)

static void
narrow_distances(const void *panel, const uint8_t *const *rows,
				 const OmenPointTerms *const *terms, uint32_t nrows, size_t dim,
				 float *out, size_t out_stride)
{
	static const Way way = {.rows = NARROW_ROWS,
							.step = 1,
							.group = WIDE_GROUP,
							.unit = CHUNK,
							.add_rows = {narrow_one_row, narrow_two_rows,
										 narrow_three_rows, narrow_four_rows,
										 narrow_five_rows, narrow_six_rows}};

	compute_distances(panel, rows, terms, nrows, dim, out, out_stride, &way);
}

#endif							/* OMEN_NARROW_NEON_H */
