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
		{
			__m128i		w0 = load_wide(codes[c] + i);
			__m128i		w1 = load_wide(codes[c + 1] + i);
			__m128i		w2 = load_wide(codes[c + 2] + i);
			__m128i		w3 = load_wide(codes[c + 3] + i);
			__m128i		low01 = _mm_unpacklo_epi32(w0, w1);
			__m128i		low23 = _mm_unpacklo_epi32(w2, w3);
			__m128i		high01 = _mm_unpackhi_epi32(w0, w1);
			__m128i		high23 = _mm_unpackhi_epi32(w2, w3);
			__m128i	   *at = (__m128i *) (to + i * OMEN_PANEL);

			_mm_store_si128(at, _mm_unpacklo_epi64(low01, low23));
			_mm_store_si128(at + 16, _mm_unpackhi_epi64(low01, low23));
			_mm_store_si128(at + 32, _mm_unpacklo_epi64(high01, high23));
			_mm_store_si128(at + 48, _mm_unpackhi_epi64(high01, high23));
		}
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
	.nearest = nearest,
};

#endif							/* OMEN_KERNELS_X86 */
