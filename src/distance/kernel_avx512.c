/*
 * kernel_avx512.c
 *		The kernels for AVX-512 (F, BW, VL), with and without VNNI.
 *
 * Purpose: speed, by the contract of distance.h.  Every function here carries
 * its target as an attribute, so the file is compiled with the flags of all
 * others; nothing here may run before dispatch.c has asked the CPU.
 *
 * With OMEN_EMULATE_AVX512 the unit tests supply the intrinsics in portable C,
 * so that they can run this file on any CPU.
 */
#include "bits.h"
#include "block.h"
#include "half.h"
#include "kernels.h"
#include "sparse.h"

#ifdef OMEN_KERNELS_X86

#include "sum_avx512.h"

#ifdef OMEN_EMULATE_AVX512
#define TARGET_VNNI
#else
#define TARGET_VNNI \
	__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#endif

/* bytes of one register */
#define BYTES 64

/* A mask of the first n bytes of a register. */
INLINE __mmask64
first_bytes(size_t n)
{
	return n < BYTES ? (__mmask64) ((UINT64_C(1) << n) - 1) : ~(__mmask64) 0;
}

INLINE uint32_t
add_words(__m512i v)
{
	__m256i		half = _mm256_add_epi32(_mm512_castsi512_si256(v),
									_mm512_extracti64x4_epi64(v, 1));
	__m128i		sum = _mm_add_epi32(_mm256_castsi256_si128(half),
								_mm256_extracti128_si256(half, 1));

	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
	return (uint32_t) _mm_cvtsi128_si32(sum);
}

INLINE __m512
load_floats(const float *p)
{
	return _mm512_loadu_ps(p);
}

INLINE __m512
load_first_floats(const float *p, size_t n)
{
	return _mm512_maskz_loadu_ps(first_floats(n), p);
}

DEFINE_DISTANCES(float, load_floats, load_first_floats)

/* Add 64 products; even and odd bytes are widened by a mask and a shift. */
INLINE void
ip_u8_add(__m512i *even, __m512i *odd, __m512i x, __m512i y)
{
	__m512i		low = _mm512_set1_epi16(0xff);

	*even =
		_mm512_add_epi32(*even, _mm512_madd_epi16(_mm512_and_si512(x, low),
												  _mm512_and_si512(y, low)));
	*odd = _mm512_add_epi32(*odd, _mm512_madd_epi16(_mm512_srli_epi16(x, 8),
													_mm512_srli_epi16(y, 8)));
}

TARGET static uint32_t
ip_u8(const uint8_t *a, const uint8_t *b, size_t dim)
{
	__m512i		even0 = _mm512_setzero_si512();
	__m512i		even1 = _mm512_setzero_si512();
	__m512i		odd0 = _mm512_setzero_si512();
	__m512i		odd1 = _mm512_setzero_si512();
	size_t		i = 0;

	for (; i + 2 * BYTES <= dim; i += 2 * BYTES)
	{
		ip_u8_add(&even0, &odd0, _mm512_loadu_si512(a + i),
				  _mm512_loadu_si512(b + i));
		ip_u8_add(&even1, &odd1, _mm512_loadu_si512(a + i + BYTES),
				  _mm512_loadu_si512(b + i + BYTES));
	}
	if (i + BYTES <= dim)
	{
		ip_u8_add(&even0, &odd0, _mm512_loadu_si512(a + i),
				  _mm512_loadu_si512(b + i));
		i += BYTES;
	}
	if (i < dim)
	{
		__mmask64	mask = first_bytes(dim - i);

		ip_u8_add(&even1, &odd1, _mm512_maskz_loadu_epi8(mask, a + i),
				  _mm512_maskz_loadu_epi8(mask, b + i));
	}
	return add_words(_mm512_add_epi32(_mm512_add_epi32(even0, even1),
									  _mm512_add_epi32(odd0, odd1)));
}

/*
 * The instruction multiplies unsigned by signed bytes, so b is moved down by
 * 128 and 128 * sum(a) is added back.  The lanes wrap around; the result is
 * right modulo 2^32, and the true sum is below that.
 */
TARGET_VNNI static uint32_t
ip_u8_vnni(const uint8_t *a, const uint8_t *b, size_t dim)
{
	__m512i		top = _mm512_set1_epi8((char) 0x80);
	__m512i		ones = _mm512_set1_epi8(1);
	__m512i		dot0 = _mm512_setzero_si512();
	__m512i		dot1 = _mm512_setzero_si512();
	__m512i		sum0 = _mm512_setzero_si512();
	__m512i		sum1 = _mm512_setzero_si512();
	__m512i		x;
	__m512i		y;
	size_t		i = 0;

	for (; i + 2 * BYTES <= dim; i += 2 * BYTES)
	{
		x = _mm512_loadu_si512(a + i);
		y = _mm512_xor_si512(top, _mm512_loadu_si512(b + i));
		dot0 = _mm512_dpbusd_epi32(dot0, x, y);
		sum0 = _mm512_dpbusd_epi32(sum0, x, ones);
		x = _mm512_loadu_si512(a + i + BYTES);
		y = _mm512_xor_si512(top, _mm512_loadu_si512(b + i + BYTES));
		dot1 = _mm512_dpbusd_epi32(dot1, x, y);
		sum1 = _mm512_dpbusd_epi32(sum1, x, ones);
	}
	if (i + BYTES <= dim)
	{
		x = _mm512_loadu_si512(a + i);
		y = _mm512_xor_si512(top, _mm512_loadu_si512(b + i));
		dot0 = _mm512_dpbusd_epi32(dot0, x, y);
		sum0 = _mm512_dpbusd_epi32(sum0, x, ones);
		i += BYTES;
	}
	if (i < dim)
	{
		__mmask64	mask = first_bytes(dim - i);

		x = _mm512_maskz_loadu_epi8(mask, a + i);
		y = _mm512_xor_si512(top, _mm512_maskz_loadu_epi8(mask, b + i));
		dot1 = _mm512_dpbusd_epi32(dot1, x, y);
		sum1 = _mm512_dpbusd_epi32(sum1, x, ones);
	}
	dot0 = _mm512_add_epi32(dot0, dot1);
	sum0 = _mm512_slli_epi32(_mm512_add_epi32(sum0, sum1), 7);
	return add_words(_mm512_add_epi32(dot0, sum0));
}

/*
 * Add 64 products of bytes and numbers of 0..15.  Pairs of them, at most
 * 2 * 255 * 15, fit the 16 bits that the first instruction has.
 */
INLINE __m512i
add_small(__m512i sum, __m512i x, __m512i small)
{
	__m512i		pairs = _mm512_maddubs_epi16(x, small);

	return _mm512_add_epi32(sum,
							_mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}

INLINE __m512i
low_halves(__m512i packed)
{
	return _mm512_and_si512(packed, _mm512_set1_epi8(15));
}

INLINE __m512i
high_halves(__m512i packed)
{
	return low_halves(_mm512_srli_epi16(packed, 4));
}

/* Define the kernels of packed arrays with a way to add 64 products. */
#define DEFINE_PACKED(name_u8_u4, name_u4, target, add) \
	target static uint32_t name_u8_u4(const uint8_t *a, const uint8_t *b, \
									  size_t dim) \
	{ \
		size_t half = OMEN_PACKED_BYTES(dim); \
		const uint8_t *high = a + half; \
		size_t nhigh = dim - half; \
		__m512i sum0 = _mm512_setzero_si512(); \
		__m512i sum1 = _mm512_setzero_si512(); \
		__m512i packed; \
		size_t i = 0; \
\
		for (; i + BYTES <= nhigh; i += BYTES) \
		{ \
			packed = _mm512_loadu_si512(b + i); \
			sum0 = add(sum0, _mm512_loadu_si512(a + i), low_halves(packed)); \
			sum1 = \
				add(sum1, _mm512_loadu_si512(high + i), high_halves(packed)); \
		} \
		if (i < half) \
		{ \
			__mmask64 mask_low = first_bytes(half - i); \
			__mmask64 mask_high = first_bytes(nhigh - i); \
\
			packed = _mm512_maskz_loadu_epi8(mask_low, b + i); \
			sum0 = add(sum0, _mm512_maskz_loadu_epi8(mask_low, a + i), \
					   low_halves(packed)); \
			sum1 = add(sum1, _mm512_maskz_loadu_epi8(mask_high, high + i), \
					   high_halves(packed)); \
		} \
		return add_words(_mm512_add_epi32(sum0, sum1)); \
	} \
\
	target static uint32_t name_u4(const uint8_t *a, const uint8_t *b, \
								   size_t dim) \
	{ \
		size_t bytes = OMEN_PACKED_BYTES(dim); \
		__m512i sum0 = _mm512_setzero_si512(); \
		__m512i sum1 = _mm512_setzero_si512(); \
\
		for (size_t i = 0; i < bytes; i += BYTES) \
		{ \
			__mmask64 mask = first_bytes(bytes - i); \
			__m512i x = _mm512_maskz_loadu_epi8(mask, a + i); \
			__m512i y = _mm512_maskz_loadu_epi8(mask, b + i); \
\
			sum0 = add(sum0, low_halves(x), low_halves(y)); \
			sum1 = add(sum1, high_halves(x), high_halves(y)); \
		} \
		return add_words(_mm512_add_epi32(sum0, sum1)); \
	}

DEFINE_PACKED(ip_u8_u4, ip_u4, TARGET, add_small)

/* numbers of 0..15 are signed bytes as well */
DEFINE_PACKED(ip_u8_u4_vnni, ip_u4_vnni, TARGET_VNNI, _mm512_dpbusd_epi32)

/* Number `which` of each byte's four. */
INLINE __m512i
quarters(__m512i packed, int which)
{
	return _mm512_and_si512(_mm512_srli_epi16(packed, 2 * which),
							_mm512_set1_epi8(3));
}

/*
 * Define the kernels of numbers of two bits in the same way.  Each quarter of
 * the bytes goes with one of the numbers of each packed byte.
 */
#define DEFINE_QUARTERS(name_u8_u2, name_u2, target, add) \
	target static uint32_t name_u8_u2(const uint8_t *a, const uint8_t *b, \
									  size_t dim) \
	{ \
		size_t quarter = OMEN_QUARTER_BYTES(dim); \
		size_t whole = dim > 3 * quarter ? dim - 3 * quarter : 0; \
		__m512i sum0 = _mm512_setzero_si512(); \
		__m512i sum1 = _mm512_setzero_si512(); \
		__m512i packed; \
		size_t i = 0; \
\
		for (; i + BYTES <= whole; i += BYTES) \
		{ \
			const uint8_t *x = a + i; \
\
			packed = _mm512_loadu_si512(b + i); \
			sum0 = add(sum0, _mm512_loadu_si512(x), quarters(packed, 0)); \
			sum1 = add(sum1, _mm512_loadu_si512(x + quarter), \
					   quarters(packed, 1)); \
			sum0 = add(sum0, _mm512_loadu_si512(x + 2 * quarter), \
					   quarters(packed, 2)); \
			sum1 = add(sum1, _mm512_loadu_si512(x + 3 * quarter), \
					   quarters(packed, 3)); \
		} \
		for (; i < quarter; i += BYTES) \
		{ \
			packed = _mm512_maskz_loadu_epi8(first_bytes(quarter - i), b + i); \
			for (size_t k = 0; k < 4 && k * quarter + i < dim; k++) \
			{ \
				size_t at = k * quarter + i; \
				size_t end = \
					(k + 1) * quarter < dim ? (k + 1) * quarter : dim; \
				__m512i x = \
					_mm512_maskz_loadu_epi8(first_bytes(end - at), a + at); \
\
				sum0 = add(sum0, x, quarters(packed, (int) k)); \
			} \
		} \
		return add_words(_mm512_add_epi32(sum0, sum1)); \
	} \
\
	target static uint32_t name_u2(const uint8_t *a, const uint8_t *b, \
								   size_t dim) \
	{ \
		size_t bytes = OMEN_QUARTER_BYTES(dim); \
		__m512i sum0 = _mm512_setzero_si512(); \
		__m512i sum1 = _mm512_setzero_si512(); \
\
		for (size_t i = 0; i < bytes; i += BYTES) \
		{ \
			__mmask64 mask = first_bytes(bytes - i); \
			__m512i x = _mm512_maskz_loadu_epi8(mask, a + i); \
			__m512i y = _mm512_maskz_loadu_epi8(mask, b + i); \
\
			sum0 = add(sum0, quarters(x, 0), quarters(y, 0)); \
			sum1 = add(sum1, quarters(x, 1), quarters(y, 1)); \
			sum0 = add(sum0, quarters(x, 2), quarters(y, 2)); \
			sum1 = add(sum1, quarters(x, 3), quarters(y, 3)); \
		} \
		return add_words(_mm512_add_epi32(sum0, sum1)); \
	}

DEFINE_QUARTERS(ip_u8_u2, ip_u2, TARGET, add_small)
DEFINE_QUARTERS(ip_u8_u2_vnni, ip_u2_vnni, TARGET_VNNI, _mm512_dpbusd_epi32)

/* Sixteen codes decoded. */
INLINE __m512
decode(__m128i codes, __m512 offset, __m512 step)
{
	__m512		x = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(codes));

	return _mm512_fmadd_ps(step, x, offset);
}

INLINE __m128i
load_16_u8(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *) p);
}

TARGET static float
l1_u8(const uint8_t *a, const uint8_t *b, size_t dim, float offset_a,
	  float step_a, float offset_b, float step_b)
{
	__m512		oa = _mm512_set1_ps(offset_a);
	__m512		ob = _mm512_set1_ps(offset_b);
	__m512		sa = _mm512_set1_ps(step_a);
	__m512		sb = _mm512_set1_ps(step_b);
	__m512		acc0 = _mm512_setzero_ps();
	__m512		acc1 = _mm512_setzero_ps();
	__m512		acc2 = _mm512_setzero_ps();
	__m512		acc3 = _mm512_setzero_ps();
	size_t		i = 0;

	for (; i + 64 <= dim; i += 64)
	{
		acc0 = l1_add(acc0, decode(load_16_u8(a + i), oa, sa),
					  decode(load_16_u8(b + i), ob, sb));
		acc1 = l1_add(acc1, decode(load_16_u8(a + i + 16), oa, sa),
					  decode(load_16_u8(b + i + 16), ob, sb));
		acc2 = l1_add(acc2, decode(load_16_u8(a + i + 32), oa, sa),
					  decode(load_16_u8(b + i + 32), ob, sb));
		acc3 = l1_add(acc3, decode(load_16_u8(a + i + 48), oa, sa),
					  decode(load_16_u8(b + i + 48), ob, sb));
	}
	for (; i + WIDTH <= dim; i += WIDTH)
		acc0 = l1_add(acc0, decode(load_16_u8(a + i), oa, sa),
					  decode(load_16_u8(b + i), ob, sb));
	acc0 = _mm512_add_ps(_mm512_add_ps(acc0, acc1), _mm512_add_ps(acc2, acc3));

	if (i < dim)
	{
		__mmask16	mask = first_floats(dim - i);
		__m512		x = decode(_mm_maskz_loadu_epi8(mask, a + i), oa, sa);
		__m512		y = decode(_mm_maskz_loadu_epi8(mask, b + i), ob, sb);

		acc0 = l1_add(acc0, _mm512_maskz_mov_ps(mask, x),
					  _mm512_maskz_mov_ps(mask, y));
	}
	return add_floats(acc0);
}

/* Sixteen codes as floats. */
INLINE __m512
floats_of_u8(__m128i codes)
{
	return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(codes));
}

TARGET static float
ip_f32_u8(const float *a, const uint8_t *b, size_t dim)
{
	__m512		acc0 = _mm512_setzero_ps();
	__m512		acc1 = _mm512_setzero_ps();
	__m512		acc2 = _mm512_setzero_ps();
	__m512		acc3 = _mm512_setzero_ps();
	size_t		i = 0;

	for (; i + 64 <= dim; i += 64)
	{
		acc0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i),
							   floats_of_u8(load_16_u8(b + i)), acc0);
		acc1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16),
							   floats_of_u8(load_16_u8(b + i + 16)), acc1);
		acc2 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 32),
							   floats_of_u8(load_16_u8(b + i + 32)), acc2);
		acc3 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 48),
							   floats_of_u8(load_16_u8(b + i + 48)), acc3);
	}
	for (; i + WIDTH <= dim; i += WIDTH)
		acc0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i),
							   floats_of_u8(load_16_u8(b + i)), acc0);
	acc0 = _mm512_add_ps(_mm512_add_ps(acc0, acc1), _mm512_add_ps(acc2, acc3));

	if (i < dim)
	{
		__mmask16	mask = first_floats(dim - i);

		acc0 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, a + i),
							   floats_of_u8(_mm_maskz_loadu_epi8(mask, b + i)),
							   acc0);
	}
	return add_floats(acc0);
}

/*
 * Add 32 differences.  They fit 16 bits with a sign, and pairs of them are
 * added up by a multiplication with ones.
 */
INLINE __m512i
l1_u16_add(__m512i acc, __m512i x, __m512i y)
{
	__m512i		diff = _mm512_abs_epi16(_mm512_sub_epi16(x, y));

	return _mm512_add_epi32(acc, _mm512_madd_epi16(diff, _mm512_set1_epi16(1)));
}

/* The first n values, n less than a register has, and zeroes. */
INLINE __m512i
load_first_u16(const uint16_t *p, size_t n)
{
	return _mm512_maskz_loadu_epi8(first_bytes(2 * n), (const uint8_t *) p);
}

TARGET static uint32_t
l1_u16(const uint16_t *a, const uint16_t *b, size_t dim)
{
	__m512i		acc0 = _mm512_setzero_si512();
	__m512i		acc1 = _mm512_setzero_si512();
	size_t		i = 0;

	for (; i + 64 <= dim; i += 64)
	{
		acc0 = l1_u16_add(acc0, _mm512_loadu_si512(a + i),
						  _mm512_loadu_si512(b + i));
		acc1 = l1_u16_add(acc1, _mm512_loadu_si512(a + i + 32),
						  _mm512_loadu_si512(b + i + 32));
	}
	if (i + 32 <= dim)
	{
		acc0 = l1_u16_add(acc0, _mm512_loadu_si512(a + i),
						  _mm512_loadu_si512(b + i));
		i += 32;
	}
	if (i < dim)
	{
		acc1 = l1_u16_add(acc1, load_first_u16(a + i, dim - i),
						  load_first_u16(b + i, dim - i));
	}
	return add_words(_mm512_add_epi32(acc0, acc1));
}

const OmenKernels omen_kernels_avx512 = {
	.name = "avx512",
	.l2sq = l2sq,
	.ip = ip,
	.l1 = l1,
	.cosine = cosine,
	.ip_u8 = ip_u8,
	.ip_split_u8 = ip_u8,		/* halves are of no help */
	.ip_u8_u4 = ip_u8_u4,
	.ip_u4 = ip_u4,
	.ip_u8_u2 = ip_u8_u2,
	.ip_u2 = ip_u2,
	.l1_u8 = l1_u8,
	.ip_f32_u8 = ip_f32_u8,
	.l1_u16 = l1_u16,
	.block = &omen_block_avx2,	/* no narrow products without VNNI */
	.half = &omen_half_avx512,
	.sparse = &omen_sparse_scalar,
	.bits = &omen_bits_avx2,
};

#define VNNI_KERNELS \
	.name = "avx512", .l2sq = l2sq, .ip = ip, .l1 = l1, .cosine = cosine, \
	.ip_u8 = ip_u8_vnni, .ip_split_u8 = ip_u8_vnni, .ip_u8_u4 = ip_u8_u4_vnni, \
	.ip_u4 = ip_u4_vnni, .ip_u8_u2 = ip_u8_u2_vnni, .ip_u2 = ip_u2_vnni, \
	.l1_u8 = l1_u8, .ip_f32_u8 = ip_f32_u8, .l1_u16 = l1_u16, \
	.block = &omen_block_avx512_vnni, .half = &omen_half_avx512, \
	.sparse = &omen_sparse_scalar

const OmenKernels omen_kernels_avx512_vnni = {
	VNNI_KERNELS, .bits = &omen_bits_avx2,	/* nothing that counts bits */
};

/* The same where there is VPOPCNTDQ, too. */
const OmenKernels omen_kernels_avx512_vpopcnt = {
	VNNI_KERNELS,
	.bits = &omen_bits_avx512_vpopcnt,
};

#endif							/* OMEN_KERNELS_X86 */
