/*
 * block_avx2.c
 *		The blocked kernels for AVX2.
 *
 * Purpose: speed, by the contract of block.h.  Every function here carries
 * its target as an attribute, so the file is compiled with the flags of all
 * others; nothing here may run before dispatch.c has asked the CPU.
 *
 * A panel holds, behind its head, the codes less 128 as int16: for each two
 * dimensions two values of each column, side by side.  Rows are widened to
 * the same form a stretch at a time.  Where a code is padded the panel is
 * zero.
 *
 * A panel of narrow codes holds them less NARROW_MIDDLE as signed bytes: for
 * each four dimensions four of each column.  Rows are taken as they are: one
 * instruction multiplies 32 bytes of a row by as many of columns, and sums
 * pairs of the products in 16 bits, in which those of a few steps are added up
 * before they are widened.
 */
#include "block_panel.h"
#include "kernels.h"

#ifdef OMEN_KERNELS_X86

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline)) TARGET

/* The compiler may have been told that there is FMA; gcc fuses intrinsics. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#endif

/* floats of one register */
#define WIDTH 8

/* Rows and columns that are computed together: 12 registers of dots. */
#define ROWS 6
#define COLUMNS (2 * WIDTH)

/* Dimensions of a stretch, a multiple of 4. */
#define DEPTH 1024

/* Rows, widened, and their dots with all columns. */
typedef struct Tile
{
	int16_t		code[ROWS][DEPTH];
	int32_t		dot[ROWS][OMEN_PANEL];
} Tile;

static size_t
panel_bytes(size_t dim)
{
	return sizeof(PanelHead) +
		   OMEN_PANEL * sizeof(int16_t) * OMEN_BLOCK_STRIDE(dim);
}

/* Eight bytes less 128. */
INLINE __m128i
load_wide(const uint8_t *code)
{
	return _mm_sub_epi16(_mm_cvtepu8_epi16(
							 _mm_loadl_epi64((const __m128i *) code)),
						 _mm_set1_epi16(128));
}

/* Words of four columns become four words of each of four places. */
INLINE void
store_matrix(void *to, __m128i w0, __m128i w1, __m128i w2, __m128i w3)
{
	__m128i		low01 = _mm_unpacklo_epi32(w0, w1);
	__m128i		low23 = _mm_unpacklo_epi32(w2, w3);
	__m128i		high01 = _mm_unpackhi_epi32(w0, w1);
	__m128i		high23 = _mm_unpackhi_epi32(w2, w3);
	__m128i	   *at = to;

	_mm_store_si128(at, _mm_unpacklo_epi64(low01, low23));
	_mm_store_si128(at + 16, _mm_unpackhi_epi64(low01, low23));
	_mm_store_si128(at + 32, _mm_unpacklo_epi64(high01, high23));
	_mm_store_si128(at + 48, _mm_unpackhi_epi64(high01, high23));
}

TARGET static void
pack(void *panel, const uint8_t *const *codes,
	 const OmenPointTerms *const *terms, uint32_t count, size_t dim)
{
	PanelHead  *head = panel;
	int16_t	   *columns = (int16_t *) (head + 1);
	size_t		stride = OMEN_BLOCK_STRIDE(dim);
	uint32_t	c = 0;

	set_panel_head(head, terms, count);

	/* four columns, 8 values of each, as a matrix of 4 by 4 pairs */
	for (; c + 4 <= count; c += 4)
	{
		int16_t	   *to = columns + 2 * c;
		size_t		i = 0;

		for (; i + 8 <= dim; i += 8)
			store_matrix(to + i * OMEN_PANEL, load_wide(codes[c] + i),
						 load_wide(codes[c + 1] + i),
						 load_wide(codes[c + 2] + i),
						 load_wide(codes[c + 3] + i));
		for (; i < stride; i++)
			for (uint32_t j = 0; j < 4; j++)
				to[(i & ~(size_t) 1) * OMEN_PANEL + 2 * j + i % 2] =
					i < dim ? (int16_t) (codes[c + j][i] - 128) : 0;
	}
	for (; c < OMEN_PANEL; c++)
		for (size_t i = 0; i < stride; i++)
			columns[(i & ~(size_t) 1) * OMEN_PANEL + 2 * c + i % 2] =
				c < count && i < dim ? (int16_t) (codes[c][i] - 128) : 0;
}

/* Widen depth bytes, a multiple of 4. */
INLINE void
widen(const uint8_t *code, size_t depth, int16_t *wide)
{
	size_t		i = 0;

	for (; i + 8 <= depth; i += 8)
		_mm_storeu_si128((__m128i *) (wide + i), load_wide(code + i));
	for (; i < depth; i++)
		wide[i] = (int16_t) (code[i] - 128);
}

INLINE __m256i
broadcast_pair(const int16_t *p)
{
	int32_t		word;

	memcpy(&word, p, sizeof(word));
	return _mm256_set1_epi32(word);
}

INLINE __m256i
load_words(const void *p)
{
	return _mm256_loadu_si256((const __m256i *) p);
}

#define EACH_ROW_1(what) what(0)
#define EACH_ROW_2(what) EACH_ROW_1(what) what(1)
#define EACH_ROW_3(what) EACH_ROW_2(what) what(2)
#define EACH_ROW_4(what) EACH_ROW_3(what) what(3)
#define EACH_ROW_5(what) EACH_ROW_4(what) what(4)
#define EACH_ROW_6(what) EACH_ROW_5(what) what(5)

#define START_ROW(r) \
	__m256i low##r = load_words(tile->dot[r] + column); \
	__m256i high##r = load_words(tile->dot[r] + column + WIDTH);

#define ADD_ROW(r) \
	pair = broadcast_pair(tile->code[r] + i); \
	low##r = _mm256_add_epi32(low##r, _mm256_madd_epi16(pair, low_columns)); \
	high##r = _mm256_add_epi32(high##r, _mm256_madd_epi16(pair, high_columns));

#define STORE_ROW(r) \
	_mm256_storeu_si256((__m256i *) (tile->dot[r] + column), low##r); \
	_mm256_storeu_si256((__m256i *) (tile->dot[r] + column + WIDTH), high##r);

/*
 * Define the function that adds depth dimensions to the dots of so many rows
 * and COLUMNS columns; from is where these begin in the panel.
 */
#define DEFINE_ROWS(name, each_row) \
	TARGET static void name(Tile *tile, uint32_t column, const int16_t *from, \
							size_t depth) \
	{ \
		each_row(START_ROW); \
\
		for (size_t i = 0; i < depth; i += 2) \
		{ \
			__m256i low_columns = load_words(from); \
			__m256i high_columns = load_words(from + 2 * WIDTH); \
			__m256i pair; \
\
			each_row(ADD_ROW); \
			from += 2 * OMEN_PANEL; \
		} \
		each_row(STORE_ROW); \
	}

DEFINE_ROWS(add_one_row, EACH_ROW_1)
DEFINE_ROWS(add_two_rows, EACH_ROW_2)
DEFINE_ROWS(add_three_rows, EACH_ROW_3)
DEFINE_ROWS(add_four_rows, EACH_ROW_4)
DEFINE_ROWS(add_five_rows, EACH_ROW_5)
DEFINE_ROWS(add_six_rows, EACH_ROW_6)

/* The function for so many rows. */
static void (*const add_rows[ROWS + 1])(Tile *, uint32_t, const int16_t *,
										size_t) = {
	[1] = add_one_row,	 [2] = add_two_rows,  [3] = add_three_rows,
	[4] = add_four_rows, [5] = add_five_rows, [6] = add_six_rows,
};

INLINE __m256
multiply(float row, const float *columns)
{
	return _mm256_mul_ps(_mm256_set1_ps(row), _mm256_loadu_ps(columns));
}

INLINE __m256
add(float row, const float *columns)
{
	return _mm256_add_ps(_mm256_set1_ps(row), _mm256_loadu_ps(columns));
}

INLINE __m256
subtract(float row, const float *columns)
{
	return _mm256_sub_ps(_mm256_set1_ps(row), _mm256_loadu_ps(columns));
}

/* From dots of one row and WIDTH columns; see omen_finish_distance. */
INLINE __m256
finish(const OmenPointTerms *row, const PanelHead *head, uint32_t column,
	   __m256i dot)
{
	__m256		f = _mm256_cvtepi32_ps(dot);
	__m256		t = _mm256_sub_ps(f, multiply(row->sum, head->sum + column));
	__m256		s = multiply(row->scale, head->scale + column);
	__m256		p = _mm256_mul_ps(s, t);
	__m256		q = multiply(row->level, head->level + column);
	__m256		r = _mm256_add_ps(p, q);
	__m256		n = add(row->sumsq, head->sumsq + column);
	__m256		e = subtract(row->added, head->added + column);
	__m256		d = _mm256_add_ps(_mm256_sub_ps(n, r), _mm256_mul_ps(e, e));

	/* both give the second operand if one is NaN */
	return _mm256_min_ps(_mm256_max_ps(_mm256_setzero_ps(), d),
						 _mm256_set1_ps(INFINITY));
}

TARGET static void
distances(const void *panel, const uint8_t *const *rows,
		  const OmenPointTerms *const *terms, uint32_t nrows, size_t dim,
		  float *out, size_t out_stride)
{
	const PanelHead *head = panel;
	const int16_t *columns = (const int16_t *) (head + 1);
	size_t		stride = OMEN_BLOCK_STRIDE(dim);
	Tile		tile;

	for (uint32_t first = 0; first < nrows; first += ROWS)
	{
		uint32_t	n = nrows - first < ROWS ? nrows - first : ROWS;

		memset(tile.dot, 0, n * sizeof(tile.dot[0]));
		for (size_t i = 0; i < stride; i += DEPTH)
		{
			size_t		depth = stride - i < DEPTH ? stride - i : DEPTH;

			for (uint32_t r = 0; r < n; r++)
				widen(rows[first + r] + i, depth, tile.code[r]);
			for (uint32_t c = 0; c < OMEN_PANEL; c += COLUMNS)
				add_rows[n](&tile, c, columns + i * OMEN_PANEL + 2 * c, depth);
		}
		for (uint32_t r = 0; r < n; r++)
		{
			OmenPointTerms row = *terms[first + r];
			float	   *to = out + (first + r) * out_stride;

			for (uint32_t c = 0; c < OMEN_PANEL; c += WIDTH)
				_mm256_storeu_ps(to + c, finish(&row, head, c,
												load_words(tile.dot[r] + c)));
		}
	}
}

/* ---------- narrow codes ---------- */

/* What is subtracted from columns, so that they are signed and small. */
#define NARROW_MIDDLE (OMEN_NARROW_END / 2)

/*
 * Steps of four dimensions whose products are added up in 16 bits: each adds
 * two, of a row's number and a column's.
 */
#define NARROW_STEPS 8

_Static_assert(NARROW_STEPS * 2 * (OMEN_NARROW_END - 1) * NARROW_MIDDLE <=
				   INT16_MAX,
			   "sums fit 16 bits");

/*
 * Dimensions of a stretch, a multiple of those of NARROW_STEPS, and rows that
 * are compared stretch by stretch: what they need of the panel stays in the
 * fastest cache.
 */
#define NARROW_DEPTH 256
#define NARROW_ROWS 64

static size_t
narrow_panel_bytes(size_t dim)
{
	return sizeof(PanelHead) + OMEN_PANEL * OMEN_BLOCK_STRIDE(dim);
}

INLINE __m128i
load_narrow(const uint8_t *code)
{
	return _mm_sub_epi8(_mm_loadu_si128((const __m128i *) code),
						_mm_set1_epi8(NARROW_MIDDLE));
}

TARGET static void
narrow_pack(void *panel, const uint8_t *const *codes,
			const OmenPointTerms *const *terms, uint32_t count, size_t dim)
{
	PanelHead  *head = panel;
	int8_t	   *columns = (int8_t *) (head + 1);
	size_t		stride = OMEN_BLOCK_STRIDE(dim);
	uint32_t	c = 0;

	set_panel_head(head, terms, count);

	/* four columns, 16 bytes of each, as a matrix of 4 by 4 words */
	for (; c + 4 <= count; c += 4)
	{
		int8_t	   *to = columns + 4 * c;
		size_t		i = 0;

		for (; i + 16 <= stride; i += 16)
			store_matrix(to + i * OMEN_PANEL, load_narrow(codes[c] + i),
						 load_narrow(codes[c + 1] + i),
						 load_narrow(codes[c + 2] + i),
						 load_narrow(codes[c + 3] + i));
		for (; i < stride; i++)
			for (uint32_t j = 0; j < 4; j++)
				to[(i & ~(size_t) 3) * OMEN_PANEL + 4 * j + i % 4] =
					(int8_t) (codes[c + j][i] - NARROW_MIDDLE);
	}
	for (; c < OMEN_PANEL; c++)
		for (size_t i = 0; i < stride; i++)
			columns[(i & ~(size_t) 3) * OMEN_PANEL + 4 * c + i % 4] =
				c < count ? (int8_t) (codes[c][i] - NARROW_MIDDLE) : 0;
}

/*
 * The steps of some dimensions: rows in registers of their own, two of sums
 * for each, of the columns in ymm12 and ymm13.  Written in assembler since
 * compilers run out of registers: they copy sums from step to step.
 */
#define EACH_SUM_1(what) what(0, 0, 1)
#define EACH_SUM_2(what) EACH_SUM_1(what) what(1, 2, 3)
#define EACH_SUM_3(what) EACH_SUM_2(what) what(2, 4, 5)
#define EACH_SUM_4(what) EACH_SUM_3(what) what(3, 6, 7)
#define EACH_SUM_5(what) EACH_SUM_4(what) what(4, 8, 9)
#define EACH_SUM_6(what) EACH_SUM_5(what) what(5, 10, 11)

#define LOAD_COLUMNS \
	"vmovdqu (%[from]), %%ymm12\n\t" \
	"vmovdqu 32(%[from]), %%ymm13\n\t"

#define FIRST_STEP(row, low, high) \
	"vpbroadcastd (%[row" #row "], %[i]), %%ymm14\n\t" \
	"vpmaddubsw %%ymm12, %%ymm14, %%ymm" #low "\n\t" \
	"vpmaddubsw %%ymm13, %%ymm14, %%ymm" #high "\n\t"

#define NEXT_STEP(row, low, high) \
	"vpbroadcastd (%[row" #row "], %[i]), %%ymm14\n\t" \
	"vpmaddubsw %%ymm12, %%ymm14, %%ymm15\n\t" \
	"vpmaddubsw %%ymm13, %%ymm14, %%ymm14\n\t" \
	"vpaddw %%ymm15, %%ymm" #low ", %%ymm" #low "\n\t" \
	"vpaddw %%ymm14, %%ymm" #high ", %%ymm" #high "\n\t"

/* 4 * OMEN_PANEL bytes from one row's dots to the next one's */
#define ADD_TO_DOTS(row, low, high) \
	"vpmaddwd %[ones], %%ymm" #low ", %%ymm14\n\t" \
	"vpmaddwd %[ones], %%ymm" #high ", %%ymm15\n\t" \
	"vpaddd 256*" #row "(%[dot]), %%ymm14, %%ymm14\n\t" \
	"vpaddd 32+256*" #row "(%[dot]), %%ymm15, %%ymm15\n\t" \
	"vmovdqu %%ymm14, 256*" #row "(%[dot])\n\t" \
	"vmovdqu %%ymm15, 32+256*" #row "(%[dot])\n\t"

_Static_assert(sizeof(int32_t) * OMEN_PANEL == 256, "ADD_TO_DOTS knows it");

/*
 * Define the function that adds dimensions from i to depth to the dots of so
 * many rows and COLUMNS columns; from is where these begin in the panel.
 */
#define DEFINE_NARROW_ROWS(name, each_sum) \
	TARGET static void name(const uint8_t *const *row, size_t i, size_t depth, \
							const int8_t *from, int32_t *dot) \
	{ \
		static const _Alignas(32) int16_t ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, \
													  1, 1, 1, 1, 1, 1, 1, 1}; \
\
		while (i < depth) \
		{ \
			size_t end = i + 4 * NARROW_STEPS; \
\
			end = end < depth ? end : depth; \
			__asm__ volatile( \
				LOAD_COLUMNS each_sum( \
					FIRST_STEP) "jmp 2f\n" \
								"1:\t" LOAD_COLUMNS each_sum( \
									NEXT_STEP) "2:\tadd $256, %[from]\n\t" \
											   "add $4, %[i]\n\t" \
											   "cmp %[end], %[i]\n\t" \
											   "jb 1b\n\t" each_sum( \
												   ADD_TO_DOTS) \
				: [from] "+r"(from), [i] "+r"(i) \
				: [end] "r"(end), [dot] "r"(dot), [row0] "r"(row[0]), \
				  [row1] "r"(row[1]), [row2] "r"(row[2]), [row3] "r"(row[3]), \
				  [row4] "r"(row[4]), [row5] "r"(row[5]), [ones] "m"(ones) \
				: "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", \
				  "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", \
				  "xmm12", "xmm13", "xmm14", "xmm15"); \
		} \
	}

DEFINE_NARROW_ROWS(narrow_one_row, EACH_SUM_1)
DEFINE_NARROW_ROWS(narrow_two_rows, EACH_SUM_2)
DEFINE_NARROW_ROWS(narrow_three_rows, EACH_SUM_3)
DEFINE_NARROW_ROWS(narrow_four_rows, EACH_SUM_4)
DEFINE_NARROW_ROWS(narrow_five_rows, EACH_SUM_5)
DEFINE_NARROW_ROWS(narrow_six_rows, EACH_SUM_6)

/* The function for so many rows. */
static void (*const narrow_rows[ROWS + 1])(const uint8_t *const *, size_t,
										   size_t, const int8_t *,
										   int32_t *) = {
	[1] = narrow_one_row,	[2] = narrow_two_rows,	[3] = narrow_three_rows,
	[4] = narrow_four_rows, [5] = narrow_five_rows, [6] = narrow_six_rows,
};

/*
 * What is added to the products of a row and the columns, as they are in the
 * panel: for the sum of (a - 128) * (b - 128).
 */
TARGET static void
start_dots(const PanelHead *head, const OmenPointTerms *row, size_t dim,
		   int32_t *dot)
{
	int32_t		sum = row->sum128 / 128 + 128 * (int32_t) dim;
	__m256i		of_row = _mm256_set1_epi32((128 - NARROW_MIDDLE) * sum);

	for (uint32_t c = 0; c < OMEN_PANEL; c += WIDTH)
		_mm256_storeu_si256((__m256i *) (dot + c),
							_mm256_sub_epi32(load_words(head->minus_sum128 + c),
											 of_row));
}

/* Distances of at most NARROW_ROWS rows. */
TARGET static void
narrow_block(const PanelHead *head, const uint8_t *const *rows,
			 const OmenPointTerms *const *terms, uint32_t nrows, size_t dim,
			 float *out, size_t out_stride)
{
	const int8_t *columns = (const int8_t *) (head + 1);
	size_t		stride = OMEN_BLOCK_STRIDE(dim);
	int32_t		dot[NARROW_ROWS][OMEN_PANEL];

	for (uint32_t r = 0; r < nrows; r++)
		start_dots(head, terms[r], dim, dot[r]);
	for (size_t i = 0; i < stride; i += NARROW_DEPTH)
	{
		size_t depth = stride - i < NARROW_DEPTH ? stride : i + NARROW_DEPTH;

		for (uint32_t first = 0; first < nrows; first += ROWS)
		{
			uint32_t	n = nrows - first < ROWS ? nrows - first : ROWS;
			const uint8_t *row[ROWS];

			for (uint32_t r = 0; r < ROWS; r++)
				row[r] = rows[first + (r < n ? r : 0)];
			for (uint32_t c = 0; c < OMEN_PANEL; c += COLUMNS)
				narrow_rows[n](row, i, depth, columns + i * OMEN_PANEL + 4 * c,
							   dot[first] + c);
		}
	}
	for (uint32_t r = 0; r < nrows; r++)
	{
		OmenPointTerms row = *terms[r];
		float	   *to = out + r * out_stride;

		for (uint32_t c = 0; c < OMEN_PANEL; c += WIDTH)
			_mm256_storeu_ps(to + c,
							 finish(&row, head, c, load_words(dot[r] + c)));
	}
}

static void
narrow_distances(const void *panel, const uint8_t *const *rows,
				 const OmenPointTerms *const *terms, uint32_t nrows, size_t dim,
				 float *out, size_t out_stride)
{
	for (uint32_t first = 0; first < nrows; first += NARROW_ROWS)
		narrow_block(panel, rows + first, terms + first,
					 nrows - first < NARROW_ROWS ? nrows - first : NARROW_ROWS,
					 dim, out + first * out_stride, out_stride);
}

INLINE __m256i
narrow_of(__m256i code)
{
	return _mm256_and_si256(_mm256_srli_epi16(code, OMEN_NARROWED),
							_mm256_set1_epi8(OMEN_NARROW_END - 1));
}

INLINE __m128i
narrow_half_of(__m128i code)
{
	return _mm_and_si128(_mm_srli_epi16(code, OMEN_NARROWED),
						 _mm_set1_epi8(OMEN_NARROW_END - 1));
}

TARGET static void
make_narrow(const uint8_t *code, size_t bytes, uint8_t *to)
{
	size_t		i = 0;

	for (; i + 32 <= bytes; i += 32)
		_mm256_storeu_si256((__m256i *) (to + i),
							narrow_of(load_words(code + i)));
	for (; i < bytes; i += 8)
		_mm_storel_epi64((__m128i *) (to + i),
						 narrow_half_of(
							 _mm_loadl_epi64((const __m128i *) (code + i))));
}

/* ---------- the nearest ---------- */

/* One bit for each of 8 values above limit. */
INLINE uint32_t
above_8(const float *values, int32_t limit)
{
	__m256i		above =
		_mm256_cmpgt_epi32(load_words(values), _mm256_set1_epi32(limit));

	return (uint32_t) _mm256_movemask_ps(_mm256_castsi256_ps(above));
}

INLINE uint32_t
above_16(const float *values, int32_t limit)
{
	return above_8(values, limit) | above_8(values + 8, limit) << 8;
}

INLINE uint32_t
up_to_16(const float *values, int32_t limit)
{
	return above_16(values, limit) ^ 0xffff;
}

INLINE uint32_t
above_32(const float *values, int32_t limit)
{
	return above_16(values, limit) | above_16(values + 16, limit) << 16;
}

INLINE uint64_t
up_to_64(const float *values, int32_t limit)
{
	uint64_t	high = above_32(values + 32, limit);

	return ~(above_32(values, limit) | high << 32);
}

/* Define the reduction of 64 integers to one, halving them. */
#define DEFINE_REDUCE(name, op256, op128) \
	INLINE int32_t name(const __m256i *m) \
	{ \
		__m256i v = op256(op256(op256(m[0], m[1]), op256(m[2], m[3])), \
						  op256(op256(m[4], m[5]), op256(m[6], m[7]))); \
		__m128i x = \
			op128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)); \
\
		x = op128(x, _mm_shuffle_epi32(x, 0x4e)); \
		x = op128(x, _mm_shuffle_epi32(x, 0xb1)); \
		return _mm_cvtsi128_si32(x); \
	}

DEFINE_REDUCE(lowest_of, _mm256_min_epi32, _mm_min_epi32)
DEFINE_REDUCE(highest_of, _mm256_max_epi32, _mm_max_epi32)

INLINE void
minima_of_64(const float *values, uint32_t count, float *minima,
			 int32_t *lowest, int32_t *highest)
{
	__m256i		m[8];

	for (int j = 0; j < 8; j++)
	{
		m[j] = _mm256_castps_si256(_mm256_set1_ps(INFINITY));
		for (uint32_t i = 0; i < count; i += 64)
			m[j] = _mm256_min_epi32(m[j], load_words(values + i + WIDTH * j));
		_mm256_storeu_si256((__m256i *) (minima + WIDTH * j), m[j]);
	}
	*lowest = lowest_of(m);
	*highest = highest_of(m);
}

#include "block_nearest.h"

const OmenBlockKernels omen_block_avx2 = {
	.panels = {panel_bytes, pack, distances},
	.narrow_panels = {narrow_panel_bytes, narrow_pack, narrow_distances},
	.narrow = make_narrow,
	.nearest = nearest,
};

#endif							/* OMEN_KERNELS_X86 */
