/*
 * block_neon.c
 *		The blocked kernels for NEON: with products of bytes widened to 16 bits,
 *		with dot products of four bytes, and with products of matrices of two
 *		by eight bytes.
 *
 * Purpose: speed, by the contract of block.h.  What not every such CPU has is
 * asked for by an attribute of the function, so the file is compiled with the
 * flags of all others; no such function may run before dispatch.c has asked the
 * CPU.
 *
 * All three have panels of one form.  Columns stand in groups; of a group there
 * come the first few bytes of each column, as many as one instruction takes,
 * then the next few bytes of each, and so on.  Rows that are computed together
 * are copied to the same form, a stretch at a time.
 */
#include "block_panel.h"
#include "kernels.h"

#ifdef OMEN_KERNELS_NEON

#include <arm_neon.h>
#include <string.h>

#define TARGET
#define INLINE static inline __attribute__((always_inline))

/*
 * The compiler has fused operations, and fuses intrinsics.  And what multiplies
 * uses all registers: gcc would move products away from where they are added
 * up, until there are too few.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#define IN_ORDER __attribute__((optimize("fp-contract=off,no-schedule-insns")))
#else
#define IN_ORDER
#endif

/* integers of one register */
#define WIDTH 4

/* Bytes of one register, of which codes are padded to a multiple. */
#define CHUNK 16

/* The most rows that are computed together. */
#define ROWS 8

/* Dimensions of a stretch, a multiple of CHUNK. */
#define DEPTH 1024

/* Rows, side by side, and their dots with all columns. */
typedef struct Tile
{
	uint8_t		codes[ROWS * DEPTH];
	uint32_t	dot[ROWS][OMEN_PANEL];
} Tile;

INLINE size_t
padded(size_t dim)
{
	return (dim + CHUNK - 1) & ~(size_t) (CHUNK - 1);
}

/* Copy some bytes, CHUNK of them if bits of each are to be flipped. */
INLINE void
copy_unit(uint8_t *to, const uint8_t *from, size_t unit, uint8_t flip)
{
	if (flip == 0)
		memcpy(to, from, unit);
	else
		vst1q_u8(to, veorq_u8(vld1q_u8(from), vdupq_n_u8(flip)));
}

/*
 * Copy bytes to number `which` of `count` that stand side by side, `unit` bytes
 * of each.
 */
INLINE void
interleave(uint8_t *to, uint32_t which, uint32_t count, size_t unit,
		   uint8_t flip, const uint8_t *from, size_t bytes)
{
	size_t		apart = count * unit;
	size_t		i = 0;

	to += which * unit;
	for (; i + 4 * unit <= bytes; i += 4 * unit, to += 4 * apart)
	{
		copy_unit(to, from + i, unit, flip);
		copy_unit(to + apart, from + i + unit, unit, flip);
		copy_unit(to + 2 * apart, from + i + 2 * unit, unit, flip);
		copy_unit(to + 3 * apart, from + i + 3 * unit, unit, flip);
	}
	for (; i + unit <= bytes; i += unit, to += apart)
		copy_unit(to, from + i, unit, flip);
	for (; i < bytes; i++)
		*to++ = from[i] ^ flip;
}

/*
 * Copy a stretch of n rows to where there is room for `count`, and fill them up
 * to a multiple of CHUNK.
 */
INLINE void
copy_rows(Tile *tile, const uint8_t *const *rows, uint32_t n, uint32_t count,
		  size_t unit, uint8_t flip, size_t first, size_t depth)
{
	if (n < count || depth < padded(depth))
		memset(tile->codes, 0, count * padded(depth));
	for (uint32_t r = 0; r < n; r++)
		interleave(tile->codes, r, count, unit, flip, rows[r] + first, depth);
}

/* Pack columns that stand in groups, with so many bytes of each at a time. */
INLINE void
pack_groups(uint8_t *columns, const uint8_t *const *codes, uint32_t count,
			size_t dim, uint32_t group, size_t unit, uint8_t flip)
{
	size_t		length = padded(dim);

	memset(columns, 0, OMEN_PANEL * length);
	for (uint32_t c = 0; c < count; c++)
		interleave(columns + c / group * group * length, c % group, group, unit,
				   flip, codes[c], dim);
}

/* ---------- from dots to distances ---------- */

INLINE float32x4_t
multiply(float row, const float *columns)
{
	return vmulq_f32(vdupq_n_f32(row), vld1q_f32(columns));
}

INLINE float32x4_t
add(float row, const float *columns)
{
	return vaddq_f32(vdupq_n_f32(row), vld1q_f32(columns));
}

INLINE float32x4_t
subtract(float row, const float *columns)
{
	return vsubq_f32(vdupq_n_f32(row), vld1q_f32(columns));
}

/* From dots of one row and WIDTH columns; see omen_finish_distance. */
INLINE float32x4_t
finish(const OmenPointTerms *row, const PanelHead *head, uint32_t column,
	   int32x4_t dot)
{
	float32x4_t f = vcvtq_f32_s32(dot);
	float32x4_t t = vsubq_f32(f, multiply(row->sum, head->sum + column));
	float32x4_t s = multiply(row->scale, head->scale + column);
	float32x4_t p = vmulq_f32(s, t);
	float32x4_t q = multiply(row->level, head->level + column);
	float32x4_t r = vaddq_f32(p, q);
	float32x4_t n = add(row->sumsq, head->sumsq + column);
	float32x4_t e = subtract(row->added, head->added + column);
	float32x4_t d = vaddq_f32(vsubq_f32(n, r), vmulq_f32(e, e));

	/* the first keeps a NaN, the second gives the number if one is */
	return vminnmq_f32(vmaxq_f32(vdupq_n_f32(0.0f), d), vdupq_n_f32(INFINITY));
}

INLINE int32x4_t
load_dot(const uint32_t *dot, int32_t shift)
{
	return vsubq_s32(vreinterpretq_s32_u32(vld1q_u32(dot)), vdupq_n_s32(shift));
}

/* The distances of n rows, the first of which is number `first`, from dots. */
INLINE void
finish_rows(const Tile *tile, const PanelHead *head,
			const OmenPointTerms *const *terms, uint32_t n, bool is_shifted,
			size_t dim, float *out, size_t out_stride)
{
	for (uint32_t r = 0; r < n; r++, out += out_stride)
	{
		OmenPointTerms row = *terms[r];
		/* what makes of products of bytes those of bytes less 128 */
		int32_t		shift = is_shifted ? 0 : row.sum128 + 16384 * (int32_t) dim;

		/* two registers of each, which one instruction loads */
		for (uint32_t c = 0; c < OMEN_PANEL; c += 2 * WIDTH)
		{
			float32x4_t low =
				finish(&row, head, c, load_dot(tile->dot[r] + c, shift));
			float32x4_t high =
				finish(&row, head, c + WIDTH,
					   load_dot(tile->dot[r] + c + WIDTH, shift));

			vst1q_f32(out + c, low);
			vst1q_f32(out + c + WIDTH, high);
		}
	}
}

/* ---------- loops over rows ---------- */

#define EACH_1(what) what(0)
#define EACH_2(what) EACH_1(what) what(1)
#define EACH_3(what) EACH_2(what) what(2)
#define EACH_4(what) EACH_3(what) what(3)
#define EACH_5(what) EACH_4(what) what(4)
#define EACH_6(what) EACH_5(what) what(5)
#define EACH_7(what) EACH_6(what) what(6)
#define EACH_8(what) EACH_7(what) what(7)

/*
 * A function that adds depth dimensions, a multiple of CHUNK, to the dots of
 * some rows and all columns.  These begin at from, and the groups of them are
 * length dimensions long.
 */
typedef void (*AddRows)(Tile *tile, const uint8_t *from, size_t depth,
						size_t length);

/* How distances are computed from the terms of points and what adds rows. */
typedef struct Way
{
	uint32_t	rows;			/* the most that are computed together */
	uint32_t	group;			/* columns of a group */
	size_t		unit;			/* bytes of each that stand together */
	uint32_t	step;			/* of how many rows each of add_rows adds */
	AddRows		add_rows[ROWS]; /* one step, two and so on */
} Way;

static size_t
panel_bytes(size_t dim)
{
	return sizeof(PanelHead) + OMEN_PANEL * padded(dim);
}

INLINE void
compute_distances(const PanelHead *head, const uint8_t *const *rows,
				  const OmenPointTerms *const *terms, uint32_t nrows,
				  size_t dim, float *out, size_t out_stride, const Way *way)
{
	const uint8_t *columns = (const uint8_t *) (head + 1);
	Tile		tile;

	for (uint32_t first = 0; first < nrows; first += way->rows)
	{
		uint32_t	n = nrows - first < way->rows ? nrows - first : way->rows;
		uint32_t	steps = (n + way->step - 1) / way->step;

		for (uint32_t r = 0; r < steps * way->step; r++)
			memcpy(tile.dot[r], head->minus_sum128, sizeof(tile.dot[r]));
		for (size_t i = 0; i < dim; i += DEPTH)
		{
			size_t		depth = dim - i < DEPTH ? dim - i : DEPTH;

			copy_rows(&tile, rows + first, n, steps * way->step, way->unit, 0,
					  i, depth);
			way->add_rows[steps - 1](&tile, columns + way->group * i,
									 padded(depth), padded(dim));
		}
		finish_rows(&tile, head, terms + first, n, false, dim,
					out + first * out_stride, out_stride);
	}
}

/* ---------- products widened to 16 bits ---------- */

/*
 * Bytes have 128 taken off them, so that two products can be added up in 16
 * bits, unless all four numbers are -128.  A panel in which a column has that
 * in two places that meet is marked.
 */
typedef struct WidePanelHead
{
	PanelHead	head;
	uint32_t	is_full;
	uint32_t	unused[15];
} WidePanelHead;

#define SIGN 128				/* flipping it takes 128 off */
#define WIDE_ROWS 4
#define WIDE_GROUP 4

static size_t
wide_panel_bytes(size_t dim)
{
	return sizeof(WidePanelHead) + OMEN_PANEL * padded(dim);
}

/* Are there two of -128 that meet? */
INLINE bool
is_full(const uint8_t *bytes, size_t n)
{
	uint8x16_t	full = vdupq_n_u8(0);

	for (size_t i = 0; i < n; i += CHUNK)
	{
		uint8x16_t	lowest = vceqq_u8(vld1q_u8(bytes + i), vdupq_n_u8(SIGN));

		full = vorrq_u8(full, vandq_u8(lowest, vextq_u8(lowest, lowest, 8)));
	}
	return vmaxvq_u8(full) != 0;
}

static void
wide_pack(void *panel, const uint8_t *const *codes,
		  const OmenPointTerms *const *terms, uint32_t count, size_t dim)
{
	WidePanelHead *head = panel;
	uint8_t	   *columns = (uint8_t *) (head + 1);

	set_panel_head(&head->head, terms, count);
	pack_groups(columns, codes, count, dim, WIDE_GROUP, CHUNK, SIGN);
	head->is_full = is_full(columns, OMEN_PANEL * padded(dim));
}

INLINE int32x4_t
add_wide(int32x4_t acc, int8x16_t x, int8x16_t y)
{
	int16x8_t	sum = vmull_s8(vget_low_s8(x), vget_low_s8(y));

	return vpadalq_s16(acc, vmlal_high_s8(sum, x, y));
}

INLINE int32x4_t
add_full(int32x4_t acc, int8x16_t x, int8x16_t y)
{
	acc = vpadalq_s16(acc, vmull_s8(vget_low_s8(x), vget_low_s8(y)));
	return vpadalq_s16(acc, vmull_high_s8(x, y));
}

INLINE int8x16_t
load_bytes(const uint8_t *p)
{
	return vreinterpretq_s8_u8(vld1q_u8(p));
}

#define START_WIDE(r) \
	int32x4_t acc##r##0 = vdupq_n_s32(0); \
	int32x4_t acc##r##1 = acc##r##0; \
	int32x4_t acc##r##2 = acc##r##0; \
	int32x4_t acc##r##3 = acc##r##0;

#define ADD_WIDE(r) ADD_WITH(add_wide, r)
#define ADD_FULL(r) ADD_WITH(add_full, r)
#define LOAD_WIDE(r) int8x16_t x##r = load_bytes(row + CHUNK * (r));
#define ADD_WITH(add_products, r) \
	acc##r##0 = add_products(acc##r##0, x##r, y0); \
	acc##r##1 = add_products(acc##r##1, x##r, y1); \
	acc##r##2 = add_products(acc##r##2, x##r, y2); \
	acc##r##3 = add_products(acc##r##3, x##r, y3);

#define STORE_WIDE(r) \
	acc##r##0 = vpaddq_s32(vpaddq_s32(acc##r##0, acc##r##1), \
						   vpaddq_s32(acc##r##2, acc##r##3)); \
	vst1q_u32(tile->dot[r] + column, \
			  vaddq_u32(vld1q_u32(tile->dot[r] + column), \
						vreinterpretq_u32_s32(acc##r##0)));

#define DEFINE_WIDE(name, each, rows, what) \
	IN_ORDER static void name(Tile *tile, const uint8_t *from, size_t depth, \
							  size_t length) \
	{ \
		for (uint32_t column = 0; column < OMEN_PANEL; column += WIDE_GROUP) \
		{ \
			const uint8_t *row = tile->codes; \
			const uint8_t *at = from + column * length; \
			const uint8_t *end = at + WIDE_GROUP * depth; \
\
			each(START_WIDE); \
			for (; at < end; at += WIDE_GROUP * CHUNK, row += (rows) *CHUNK) \
			{ \
				int8x16_t y0 = load_bytes(at); \
				int8x16_t y1 = load_bytes(at + CHUNK); \
				int8x16_t y2 = load_bytes(at + 2 * CHUNK); \
				int8x16_t y3 = load_bytes(at + 3 * CHUNK); \
				each(LOAD_WIDE); \
\
				each(what); \
			} \
			each(STORE_WIDE); \
		} \
	}

DEFINE_WIDE(wide_one_row, EACH_1, 1, ADD_WIDE)
DEFINE_WIDE(wide_two_rows, EACH_2, 2, ADD_WIDE)
DEFINE_WIDE(wide_three_rows, EACH_3, 3, ADD_WIDE)
DEFINE_WIDE(wide_four_rows, EACH_4, 4, ADD_WIDE)
DEFINE_WIDE(full_one_row, EACH_1, 1, ADD_FULL)
DEFINE_WIDE(full_two_rows, EACH_2, 2, ADD_FULL)
DEFINE_WIDE(full_three_rows, EACH_3, 3, ADD_FULL)
DEFINE_WIDE(full_four_rows, EACH_4, 4, ADD_FULL)

static void
wide_distances(const void *panel, const uint8_t *const *rows,
			   const OmenPointTerms *const *terms, uint32_t nrows, size_t dim,
			   float *out, size_t out_stride)
{
	static const AddRows wide[] = {wide_one_row, wide_two_rows, wide_three_rows,
								   wide_four_rows};
	static const AddRows full[] = {full_one_row, full_two_rows, full_three_rows,
								   full_four_rows};
	const WidePanelHead *head = panel;
	const uint8_t *columns = (const uint8_t *) (head + 1);
	Tile		tile;

	for (uint32_t first = 0; first < nrows; first += WIDE_ROWS)
	{
		uint32_t	n = nrows - first < WIDE_ROWS ? nrows - first : WIDE_ROWS;
		AddRows		add_rows = head->is_full ? full[n - 1] : wide[n - 1];

		memset(tile.dot, 0, n * sizeof(tile.dot[0]));
		for (size_t i = 0; i < dim; i += DEPTH)
		{
			size_t		depth = dim - i < DEPTH ? dim - i : DEPTH;

			copy_rows(&tile, rows + first, n, n, CHUNK, SIGN, i, depth);
			add_rows(&tile, columns + WIDE_GROUP * i, padded(depth),
					 padded(dim));
		}
		finish_rows(&tile, &head->head, terms + first, n, true, dim,
					out + first * out_stride, out_stride);
	}
}

#ifdef OMEN_KERNELS_DOTPROD

/* ---------- dot products and products of matrices ---------- */

/* Columns of a group, and bytes of each that an instruction takes. */
#define GROUP 8
#define DOT_UNIT 4
#define MATRIX_UNIT 8

static void
dot_pack(void *panel, const uint8_t *const *codes,
		 const OmenPointTerms *const *terms, uint32_t count, size_t dim)
{
	PanelHead  *head = panel;

	set_panel_head(head, terms, count);
	pack_groups((uint8_t *) (head + 1), codes, count, dim, GROUP, DOT_UNIT, 0);
}

#define START_DOT(r) \
	uint32x4_t low##r = vld1q_u32(tile->dot[r] + column); \
	uint32x4_t high##r = vld1q_u32(tile->dot[r] + column + WIDTH);

#define LOAD_DOT(r) uint8x16_t x##r = vld1q_u8(row + CHUNK * (r));

#define ADD_DOT_0(r) ADD_DOT(r, 0)
#define ADD_DOT_1(r) ADD_DOT(r, 1)
#define ADD_DOT_2(r) ADD_DOT(r, 2)
#define ADD_DOT_3(r) ADD_DOT(r, 3)
#define ADD_DOT(r, lane) \
	low##r = vdotq_laneq_u32(low##r, low_columns, x##r, lane); \
	high##r = vdotq_laneq_u32(high##r, high_columns, x##r, lane);

#define STORE_DOT(r) \
	vst1q_u32(tile->dot[r] + column, low##r); \
	vst1q_u32(tile->dot[r] + column + WIDTH, high##r);

#define ADD_COLUMNS(each, which) \
	low_columns = vld1q_u8(at + 2 * CHUNK * (which)); \
	high_columns = vld1q_u8(at + 2 * CHUNK * (which) + CHUNK); \
	each(ADD_DOT_##which);

#define DEFINE_DOT(name, each, rows) \
	OMEN_TARGET_DOTPROD static void name(Tile *tile, const uint8_t *from, \
										 size_t depth, size_t length) \
	{ \
		for (uint32_t column = 0; column < OMEN_PANEL; column += GROUP) \
		{ \
			const uint8_t *row = tile->codes; \
			const uint8_t *at = from + column * length; \
			const uint8_t *end = at + GROUP * depth; \
\
			each(START_DOT); \
			for (; at < end; at += GROUP * CHUNK, row += (rows) *CHUNK) \
			{ \
				uint8x16_t low_columns; \
				uint8x16_t high_columns; \
				each(LOAD_DOT); \
\
				ADD_COLUMNS(each, 0) \
				ADD_COLUMNS(each, 1) \
				ADD_COLUMNS(each, 2) \
				ADD_COLUMNS(each, 3) \
			} \
			each(STORE_DOT); \
		} \
	}

DEFINE_DOT(dot_one_row, EACH_1, 1)
DEFINE_DOT(dot_two_rows, EACH_2, 2)
DEFINE_DOT(dot_three_rows, EACH_3, 3)
DEFINE_DOT(dot_four_rows, EACH_4, 4)
DEFINE_DOT(dot_five_rows, EACH_5, 5)
DEFINE_DOT(dot_six_rows, EACH_6, 6)
DEFINE_DOT(dot_seven_rows, EACH_7, 7)
DEFINE_DOT(dot_eight_rows, EACH_8, 8)

static void
dot_distances(const void *panel, const uint8_t *const *rows,
			  const OmenPointTerms *const *terms, uint32_t nrows, size_t dim,
			  float *out, size_t out_stride)
{
	static const Way way = {.rows = 8,
							.group = GROUP,
							.unit = CHUNK,
							.step = 1,
							.add_rows = {dot_one_row, dot_two_rows,
										 dot_three_rows, dot_four_rows,
										 dot_five_rows, dot_six_rows,
										 dot_seven_rows, dot_eight_rows}};

	compute_distances(panel, rows, terms, nrows, dim, out, out_stride, &way);
}

static void
matrix_pack(void *panel, const uint8_t *const *codes,
			const OmenPointTerms *const *terms, uint32_t count, size_t dim)
{
	PanelHead  *head = panel;

	set_panel_head(head, terms, count);
	pack_groups((uint8_t *) (head + 1), codes, count, dim, GROUP, MATRIX_UNIT,
				0);
}

/* Sums of two rows, by two columns: those of the first row stand first. */
#define START_MATRIX(p) \
	uint32x4_t acc##p##0 = vdupq_n_u32(0); \
	uint32x4_t acc##p##1 = acc##p##0; \
	uint32x4_t acc##p##2 = acc##p##0; \
	uint32x4_t acc##p##3 = acc##p##0;

#define LOAD_MATRIX(p) uint8x16_t x##p = vld1q_u8(row + CHUNK * (p));

#define ADD_MATRIX(p) \
	acc##p##0 = vmmlaq_u32(acc##p##0, x##p, y0); \
	acc##p##1 = vmmlaq_u32(acc##p##1, x##p, y1); \
	acc##p##2 = vmmlaq_u32(acc##p##2, x##p, y2); \
	acc##p##3 = vmmlaq_u32(acc##p##3, x##p, y3);

#define STORE_MATRIX(p) \
	add_to_dots(tile->dot[2 * (p)] + column, acc##p##0, acc##p##1); \
	add_to_dots(tile->dot[2 * (p)] + column + WIDTH, acc##p##2, acc##p##3);

/* Add to the dots of two rows and four columns. */
INLINE void
add_to_dots(uint32_t *dot, uint32x4_t left, uint32x4_t right)
{
	uint64x2_t	a = vreinterpretq_u64_u32(left);
	uint64x2_t	b = vreinterpretq_u64_u32(right);
	uint32x4_t	upper = vreinterpretq_u32_u64(vzip1q_u64(a, b));
	uint32x4_t	lower = vreinterpretq_u32_u64(vzip2q_u64(a, b));

	vst1q_u32(dot, vaddq_u32(vld1q_u32(dot), upper));
	dot += OMEN_PANEL;
	vst1q_u32(dot, vaddq_u32(vld1q_u32(dot), lower));
}

#define DEFINE_MATRIX(name, each, pairs) \
	OMEN_TARGET_I8MM static void name(Tile *tile, const uint8_t *from, \
									  size_t depth, size_t length) \
	{ \
		for (uint32_t column = 0; column < OMEN_PANEL; column += GROUP) \
		{ \
			const uint8_t *row = tile->codes; \
			const uint8_t *at = from + column * length; \
			const uint8_t *end = at + GROUP * depth; \
\
			each(START_MATRIX); \
			for (; at < end; at += GROUP * MATRIX_UNIT, row += (pairs) *CHUNK) \
			{ \
				uint8x16_t y0 = vld1q_u8(at); \
				uint8x16_t y1 = vld1q_u8(at + CHUNK); \
				uint8x16_t y2 = vld1q_u8(at + 2 * CHUNK); \
				uint8x16_t y3 = vld1q_u8(at + 3 * CHUNK); \
				each(LOAD_MATRIX); \
\
				each(ADD_MATRIX); \
			} \
			each(STORE_MATRIX); \
		} \
	}

DEFINE_MATRIX(matrix_two_rows, EACH_1, 1)
DEFINE_MATRIX(matrix_four_rows, EACH_2, 2)
DEFINE_MATRIX(matrix_six_rows, EACH_3, 3)
DEFINE_MATRIX(matrix_eight_rows, EACH_4, 4)

static void
matrix_distances(const void *panel, const uint8_t *const *rows,
				 const OmenPointTerms *const *terms, uint32_t nrows, size_t dim,
				 float *out, size_t out_stride)
{
	static const Way way = {.rows = 8,
							.group = GROUP,
							.unit = MATRIX_UNIT,
							.step = 2,
							.add_rows = {matrix_two_rows, matrix_four_rows,
										 matrix_six_rows, matrix_eight_rows}};

	compute_distances(panel, rows, terms, nrows, dim, out, out_stride, &way);
}

#endif

#include "narrow_neon.h"
#include "nearest_neon.h"

const OmenBlockKernels omen_block_neon = {
	.panels = {wide_panel_bytes, wide_pack, wide_distances},
	.narrow_panels = {panel_bytes, narrow_pack, narrow_distances},
	.narrow = make_narrow,
	.nearest = nearest,
};

#ifdef OMEN_KERNELS_DOTPROD
const OmenBlockKernels omen_block_neon_dotprod = {
	.panels = {panel_bytes, dot_pack, dot_distances},
	.narrow_panels = {panel_bytes, dot_pack, dot_distances},	/* as fast */
	.narrow = make_narrow,
	.nearest = nearest,
};

const OmenBlockKernels omen_block_neon_i8mm = {
	.panels = {panel_bytes, matrix_pack, matrix_distances},
	.narrow_panels = {panel_bytes, matrix_pack, matrix_distances}, /* as fast */
	.narrow = make_narrow,
	.nearest = nearest,
};
#endif

#endif							/* OMEN_KERNELS_NEON */
