/*
 * block_avx512.c
 *		The blocked kernels for AVX-512 (F, BW, VL) with VNNI.
 *
 * Purpose: speed, by the contract of block.h.  Every function here carries
 * its target as an attribute, so the file is compiled with the flags of all
 * others; nothing here may run before dispatch.c has asked the CPU.
 *
 * A panel holds, behind its head, the codes less 128 as signed bytes: for
 * each four dimensions four bytes of each column, side by side.  One
 * instruction multiplies those of 16 columns by four bytes of a row, which
 * are unsigned, and adds the products up; so dots start from minus 128 times
 * the sum of the column, and end exact.  Where a code is padded its bytes in
 * the row are zero and add nothing.
 *
 * With OMEN_EMULATE_AVX512 the unit tests supply the intrinsics in portable C,
 * so that they can run this file on any CPU.
 */
#include "block_panel.h"
#include "kernels.h"

#ifdef OMEN_KERNELS_X86

#include <string.h>

#ifdef OMEN_EMULATE_AVX512
#define TARGET
#define INLINE static inline
#else
#include <immintrin.h>
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define INLINE static inline __attribute__((always_inline)) TARGET
#endif

/* gcc fuses intrinsics; clang only what is one expression */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#endif

/* floats of one register */
#define WIDTH 16

/* Rows that are computed together: their dots fill 24 of 32 registers. */
#define ROWS 6

/*
 * acc += products of unsigned and signed bytes.  With its intrinsic gcc 12
 * copies accumulators and runs out of registers.
 */
#ifdef OMEN_EMULATE_AVX512
#define ADD_DOT(acc, row, columns) \
	((acc) = _mm512_dpbusd_epi32((acc), (row), (columns)))
#else
#define ADD_DOT(acc, row, columns) \
	__asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(row), "v"(columns))
#endif

static size_t
panel_bytes(size_t dim)
{
	return sizeof(PanelHead) + OMEN_PANEL * OMEN_BLOCK_STRIDE(dim);
}

INLINE __m128i
load_signed(const uint8_t *code)
{
	return _mm_xor_si128(_mm_loadu_si128((const __m128i *) code),
						 _mm_set1_epi8((char) 0x80));
}

TARGET static void
pack(void *panel, const uint8_t *const *codes,
	 const OmenPointTerms *const *terms, uint32_t count, size_t dim)
{
	PanelHead  *head = panel;
	uint8_t	   *columns = (uint8_t *) (head + 1);
	size_t		stride = OMEN_BLOCK_STRIDE(dim);
	uint32_t	c = 0;

	set_panel_head(head, terms, count);

	/* four columns, 16 bytes of each, as a matrix of 4 by 4 words */
	for (; c + 4 <= count; c += 4)
	{
		uint8_t	   *to = columns + 4 * c;
		size_t		i = 0;

		for (; i + 16 <= stride; i += 16)
		{
			__m128i		w0 = load_signed(codes[c] + i);
			__m128i		w1 = load_signed(codes[c + 1] + i);
			__m128i		w2 = load_signed(codes[c + 2] + i);
			__m128i		w3 = load_signed(codes[c + 3] + i);
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
				to[(i & ~(size_t) 3) * OMEN_PANEL + 4 * j + i % 4] =
					codes[c + j][i] ^ 0x80;
	}
	for (; c < OMEN_PANEL; c++)
		for (size_t i = 0; i < stride; i++)
			columns[(i & ~(size_t) 3) * OMEN_PANEL + 4 * c + i % 4] =
				c < count ? codes[c][i] ^ 0x80 : 0;
}

INLINE __m512
multiply(float row, const float *columns)
{
	return _mm512_mul_ps(_mm512_set1_ps(row), _mm512_loadu_ps(columns));
}

INLINE __m512
add(float row, const float *columns)
{
	return _mm512_add_ps(_mm512_set1_ps(row), _mm512_loadu_ps(columns));
}

INLINE __m512
subtract(float row, const float *columns)
{
	return _mm512_sub_ps(_mm512_set1_ps(row), _mm512_loadu_ps(columns));
}

/* From dots of one row and WIDTH columns; see omen_finish_distance. */
INLINE __m512
finish(const OmenPointTerms *row, const PanelHead *head, int column,
	   __m512i dot)
{
	__m512		f = _mm512_cvtepi32_ps(dot);
	__m512		t = _mm512_sub_ps(f, multiply(row->sum, head->sum + column));
	__m512		s = multiply(row->scale, head->scale + column);
	__m512		p = _mm512_mul_ps(s, t);
	__m512		q = multiply(row->level, head->level + column);
	__m512		r = _mm512_add_ps(p, q);
	__m512		n = add(row->sumsq, head->sumsq + column);
	__m512		e = subtract(row->added, head->added + column);
	__m512		d = _mm512_add_ps(_mm512_sub_ps(n, r), _mm512_mul_ps(e, e));

	/* both give the second operand if one is NaN */
	return _mm512_min_ps(_mm512_max_ps(_mm512_setzero_ps(), d),
						 _mm512_set1_ps(INFINITY));
}

INLINE __m512i
broadcast_4_bytes(const uint8_t *p)
{
	int32_t		word;

	memcpy(&word, p, sizeof(word));
	return _mm512_set1_epi32(word);
}

#define EACH_ROW_1(what) what(0)
#define EACH_ROW_2(what) EACH_ROW_1(what) what(1)
#define EACH_ROW_3(what) EACH_ROW_2(what) what(2)
#define EACH_ROW_4(what) EACH_ROW_3(what) what(3)
#define EACH_ROW_5(what) EACH_ROW_4(what) what(4)
#define EACH_ROW_6(what) EACH_ROW_5(what) what(5)

/* the row and its dots, of 16 columns each */
#define START_ROW(r) \
	const uint8_t *row##r = rows[r]; \
	__m512i dot0_##r = start0; \
	__m512i dot1_##r = start1; \
	__m512i dot2_##r = start2; \
	__m512i dot3_##r = start3;

#define ADD_ROW(r) \
	bytes = broadcast_4_bytes(row##r + i); \
	ADD_DOT(dot0_##r, bytes, columns0); \
	ADD_DOT(dot1_##r, bytes, columns1); \
	ADD_DOT(dot2_##r, bytes, columns2); \
	ADD_DOT(dot3_##r, bytes, columns3);

#define FINISH_ROW(r) \
	row = *terms[r]; \
	_mm512_storeu_ps(out, finish(&row, head, 0, dot0_##r)); \
	_mm512_storeu_ps(out + WIDTH, finish(&row, head, WIDTH, dot1_##r)); \
	_mm512_storeu_ps(out + 2 * WIDTH, \
					 finish(&row, head, 2 * WIDTH, dot2_##r)); \
	_mm512_storeu_ps(out + 3 * WIDTH, \
					 finish(&row, head, 3 * WIDTH, dot3_##r)); \
	out += out_stride;

/* Define the function for so many rows. */
#define DEFINE_ROWS(name, each_row) \
	TARGET static void name(const PanelHead *head, const uint8_t *const *rows, \
							const OmenPointTerms *const *terms, size_t stride, \
							float *out, size_t out_stride) \
	{ \
		const uint8_t *columns = (const uint8_t *) (head + 1); \
		__m512i start0 = _mm512_loadu_si512(head->minus_sum128); \
		__m512i start1 = _mm512_loadu_si512(head->minus_sum128 + WIDTH); \
		__m512i start2 = _mm512_loadu_si512(head->minus_sum128 + 2 * WIDTH); \
		__m512i start3 = _mm512_loadu_si512(head->minus_sum128 + 3 * WIDTH); \
		OmenPointTerms row; \
		each_row(START_ROW); \
\
		for (size_t i = 0; i < stride; i += 4) \
		{ \
			__m512i columns0 = _mm512_loadu_si512(columns); \
			__m512i columns1 = _mm512_loadu_si512(columns + 64); \
			__m512i columns2 = _mm512_loadu_si512(columns + 128); \
			__m512i columns3 = _mm512_loadu_si512(columns + 192); \
			__m512i bytes; \
\
			each_row(ADD_ROW); \
			columns += 4 * OMEN_PANEL; \
		} \
		each_row(FINISH_ROW); \
	}

DEFINE_ROWS(one_row, EACH_ROW_1)
DEFINE_ROWS(two_rows, EACH_ROW_2)
DEFINE_ROWS(three_rows, EACH_ROW_3)
DEFINE_ROWS(four_rows, EACH_ROW_4)
DEFINE_ROWS(five_rows, EACH_ROW_5)
DEFINE_ROWS(six_rows, EACH_ROW_6)

static void
distances(const void *panel, const uint8_t *const *rows,
		  const OmenPointTerms *const *terms, uint32_t nrows, size_t dim,
		  float *out, size_t out_stride)
{
	size_t		stride = OMEN_BLOCK_STRIDE(dim);

	for (; nrows >= ROWS; nrows -= ROWS)
	{
		six_rows(panel, rows, terms, stride, out, out_stride);
		rows += ROWS;
		terms += ROWS;
		out += ROWS * out_stride;
	}
	switch (nrows)
	{
		case 5:
			five_rows(panel, rows, terms, stride, out, out_stride);
			break;
		case 4:
			four_rows(panel, rows, terms, stride, out, out_stride);
			break;
		case 3:
			three_rows(panel, rows, terms, stride, out, out_stride);
			break;
		case 2:
			two_rows(panel, rows, terms, stride, out, out_stride);
			break;
		case 1:
			one_row(panel, rows, terms, stride, out, out_stride);
			break;
		default:
			break;
	}
}

INLINE uint32_t
up_to_16(const float *values, int32_t limit)
{
	return _mm512_cmple_epi32_mask(_mm512_loadu_si512(values),
								   _mm512_set1_epi32(limit));
}

INLINE uint32_t
up_to_32(const float *values, int32_t limit)
{
	return up_to_16(values, limit) | up_to_16(values + 16, limit) << 16;
}

INLINE uint64_t
up_to_64(const float *values, int32_t limit)
{
	uint64_t	high = up_to_32(values + 32, limit);

	return up_to_32(values, limit) | high << 32;
}

/* Define the reduction of 16 integers to one, halving them. */
#define DEFINE_REDUCE(name, op256, op128) \
	INLINE int32_t name(__m512i v) \
	{ \
		__m256i half = \
			op256(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1)); \
		__m128i x = op128(_mm256_castsi256_si128(half), \
						  _mm256_extracti128_si256(half, 1)); \
\
		x = op128(x, _mm_shuffle_epi32(x, 0x4e)); \
		x = op128(x, _mm_shuffle_epi32(x, 0xb1)); \
		return _mm_cvtsi128_si32(x); \
	}

DEFINE_REDUCE(lowest_of, _mm256_min_epi32, _mm_min_epi32)
DEFINE_REDUCE(highest_of, _mm256_max_epi32, _mm_max_epi32)

INLINE __m512i
narrow_of(__m512i code)
{
	return _mm512_and_si512(_mm512_srli_epi16(code, OMEN_NARROWED),
							_mm512_set1_epi8(OMEN_NARROW_END - 1));
}

TARGET static void
make_narrow(const uint8_t *code, size_t bytes, uint8_t *to)
{
	size_t		i = 0;

	for (; i + 64 <= bytes; i += 64)
		_mm512_storeu_si512(to + i, narrow_of(_mm512_loadu_si512(code + i)));
	for (; i < bytes; i += 8)
		_mm_storel_epi64((__m128i *) (to + i),
						 _mm512_castsi512_si128(
							 narrow_of(_mm512_castsi128_si512(_mm_loadl_epi64(
								 (const __m128i *) (code + i))))));
}

INLINE void
minima_of_64(const float *values, uint32_t count, float *minima,
			 int32_t *lowest, int32_t *highest)
{
	__m512i		m0 = _mm512_castps_si512(_mm512_set1_ps(INFINITY));
	__m512i		m1 = m0;
	__m512i		m2 = m0;
	__m512i		m3 = m0;

	for (uint32_t i = 0; i < count; i += 64)
	{
		m0 = _mm512_min_epi32(m0, _mm512_loadu_si512(values + i));
		m1 = _mm512_min_epi32(m1, _mm512_loadu_si512(values + i + 16));
		m2 = _mm512_min_epi32(m2, _mm512_loadu_si512(values + i + 32));
		m3 = _mm512_min_epi32(m3, _mm512_loadu_si512(values + i + 48));
	}
	_mm512_storeu_si512(minima, m0);
	_mm512_storeu_si512(minima + 16, m1);
	_mm512_storeu_si512(minima + 32, m2);
	_mm512_storeu_si512(minima + 48, m3);
	*lowest = lowest_of(
		_mm512_min_epi32(_mm512_min_epi32(m0, m1), _mm512_min_epi32(m2, m3)));
	*highest = highest_of(
		_mm512_max_epi32(_mm512_max_epi32(m0, m1), _mm512_max_epi32(m2, m3)));
}

#include "block_nearest.h"

const OmenBlockKernels omen_block_avx512_vnni = {
	.panels = {panel_bytes, pack, distances},
	.narrow_panels = {panel_bytes, pack, distances},	/* as fast */
	.narrow = make_narrow,
	.nearest = nearest,
};

#endif							/* OMEN_KERNELS_X86 */
