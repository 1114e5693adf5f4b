/*
 * kernel_avx2.c
 *		The kernels for AVX2 with FMA.
 *
 * Purpose: speed, by the contract of distance.h.  Every function here carries
 * its target as an attribute, so the file is compiled with the flags of all
 * others; nothing here may run before dispatch.c has asked the CPU.
 */
#include "bits.h"
#include "block.h"
#include "half.h"
#include "kernels.h"
#include "sparse.h"

#ifdef OMEN_KERNELS_X86

#include "sum_avx2.h"

/*
 * Loading 16 bytes from &byte_mask[n] gives 16 - n zeroes and then n bytes of
 * ones.
 */
static const uint8_t byte_mask[32] = {0,   0,	0,	 0,	  0,   0,	0,	 0,
									  0,   0,	0,	 0,	  0,   0,	0,	 0,
									  255, 255, 255, 255, 255, 255, 255, 255,
									  255, 255, 255, 255, 255, 255, 255, 255};

INLINE uint32_t
add_words(__m256i v)
{
	__m128i		sum = _mm_add_epi32(_mm256_castsi256_si128(v),
								_mm256_extracti128_si256(v, 1));

	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
	return (uint32_t) _mm_cvtsi128_si32(sum);
}

INLINE __m256
load_floats(const float *p)
{
	return _mm256_loadu_ps(p);
}

INLINE __m256
load_first_floats(const float *p, size_t n)
{
	return _mm256_maskload_ps(p, first_words(n));
}

DEFINE_DISTANCES(float, load_floats, load_first_floats)

/*
 * Add 32 products.  Even and odd bytes are widened by a mask and a shift:
 * unlike widening loads these do not compete for the one shuffle unit.
 */
INLINE void
ip_u8_add(__m256i *even, __m256i *odd, __m256i x, __m256i y)
{
	__m256i		low = _mm256_set1_epi16(0xff);

	*even =
		_mm256_add_epi32(*even, _mm256_madd_epi16(_mm256_and_si256(x, low),
												  _mm256_and_si256(y, low)));
	*odd = _mm256_add_epi32(*odd, _mm256_madd_epi16(_mm256_srli_epi16(x, 8),
													_mm256_srli_epi16(y, 8)));
}

INLINE __m256i
load_u8(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *) p);
}

/* 16 bytes, and zeroes */
INLINE __m256i
load_half_u8(const uint8_t *p)
{
	return _mm256_zextsi128_si256(_mm_loadu_si128((const __m128i *) p));
}

/* 8 bytes, and zeroes */
INLINE __m256i
load_quarter_u8(const uint8_t *p)
{
	return _mm256_zextsi128_si256(_mm_loadl_epi64((const __m128i *) p));
}

TARGET static uint32_t
ip_u8(const uint8_t *a, const uint8_t *b, size_t dim)
{
	__m256i		even0 = _mm256_setzero_si256();
	__m256i		even1 = _mm256_setzero_si256();
	__m256i		odd0 = _mm256_setzero_si256();
	__m256i		odd1 = _mm256_setzero_si256();
	size_t		i = 0;

	if (dim < 16)
	{
		uint32_t	sum = 0;

		for (; i < dim; i++)
			sum += (uint32_t) a[i] * b[i];
		return sum;
	}

	for (; i + 64 <= dim; i += 64)
	{
		ip_u8_add(&even0, &odd0, load_u8(a + i), load_u8(b + i));
		ip_u8_add(&even1, &odd1, load_u8(a + i + 32), load_u8(b + i + 32));
	}
	if (i + 32 <= dim)
	{
		ip_u8_add(&even0, &odd0, load_u8(a + i), load_u8(b + i));
		i += 32;
	}
	if (i + 16 <= dim)
	{
		ip_u8_add(&even1, &odd1, load_half_u8(a + i), load_half_u8(b + i));
		i += 16;
	}
	if (i < dim)
	{
		/* the last 16 bytes, less those already counted */
		__m256i		mask = load_half_u8(byte_mask + (dim - i));

		ip_u8_add(&even0, &odd0,
				  _mm256_and_si256(mask, load_half_u8(a + dim - 16)),
				  load_half_u8(b + dim - 16));
	}
	return add_words(_mm256_add_epi32(_mm256_add_epi32(even0, even1),
									  _mm256_add_epi32(odd0, odd1)));
}

/* Add sums of pairs, of 16 bits. */
INLINE __m256i
add_pairs(__m256i sum, __m256i pairs)
{
	return _mm256_add_epi32(sum,
							_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/*
 * Products of bytes and the halves of others, those of two pairs added up: at
 * most 2 * 255 * 15 each, so that four such sums fit 16 bits.
 */
typedef struct SplitPairs
{
	__m256i		low;
	__m256i		high;
} SplitPairs;

INLINE SplitPairs
split_pairs(__m256i x, __m256i low, __m256i high)
{
	SplitPairs	pairs = {_mm256_maddubs_epi16(x, low),
						_mm256_maddubs_epi16(x, high)};

	return pairs;
}

INLINE SplitPairs
add_split(SplitPairs a, SplitPairs b)
{
	SplitPairs	sum = {_mm256_add_epi16(a.low, b.low),
					  _mm256_add_epi16(a.high, b.high)};

	return sum;
}

INLINE SplitPairs
split_pairs_at(const uint8_t *b, const uint8_t *low, const uint8_t *high)
{
	return split_pairs(load_u8(b), load_u8(low), load_u8(high));
}

TARGET static uint32_t
ip_split_u8(const uint8_t *a, const uint8_t *b, size_t dim)
{
	const uint8_t *low = a + dim;
	const uint8_t *high = low + dim;
	__m256i		sum_low = _mm256_setzero_si256();
	__m256i		sum_high = _mm256_setzero_si256();
	SplitPairs	rest = {sum_low, sum_low};	/* of less than 128 */
	size_t		i = 0;

	if (dim < 16)
		return ip_u8(a, b, dim);

	for (; i + 128 <= dim; i += 128)
	{
		SplitPairs	first = split_pairs_at(b + i, low + i, high + i);
		SplitPairs	second =
			split_pairs_at(b + i + 32, low + i + 32, high + i + 32);
		SplitPairs	third =
			split_pairs_at(b + i + 64, low + i + 64, high + i + 64);
		SplitPairs	fourth =
			split_pairs_at(b + i + 96, low + i + 96, high + i + 96);
		SplitPairs	all =
			add_split(add_split(first, second), add_split(third, fourth));

		sum_low = add_pairs(sum_low, all.low);
		sum_high = add_pairs(sum_high, all.high);
	}
	for (; i + 32 <= dim; i += 32)
		rest = add_split(rest, split_pairs_at(b + i, low + i, high + i));
	sum_low = add_pairs(sum_low, rest.low);
	sum_high = add_pairs(sum_high, rest.high);
	if (i < dim)
	{
		/* two times 16 bytes at most, the last less those already counted */
		SplitPairs	last = {_mm256_setzero_si256(), _mm256_setzero_si256()};

		if (i + 16 <= dim)
		{
			last = split_pairs(load_half_u8(b + i), load_half_u8(low + i),
							   load_half_u8(high + i));
			i += 16;
		}
		if (i < dim)
		{
			__m256i		mask = load_half_u8(byte_mask + (dim - i));
			size_t		at = dim - 16;

			last = add_split(
				last,
				split_pairs(_mm256_and_si256(mask, load_half_u8(b + at)),
							load_half_u8(low + at), load_half_u8(high + at)));
		}
		sum_low = add_pairs(sum_low, last.low);
		sum_high = add_pairs(sum_high, last.high);
	}
	return add_words(_mm256_add_epi32(sum_low, _mm256_slli_epi32(sum_high, 4)));
}

INLINE __m256i
low_halves(__m256i packed)
{
	return _mm256_and_si256(packed, _mm256_set1_epi8(15));
}

INLINE __m256i
high_halves(__m256i packed)
{
	return low_halves(_mm256_srli_epi16(packed, 4));
}

/*
 * Products of bytes and packed numbers of 0..15, those of two pairs added up:
 * at most 4 * 255 * 15, so that two of these sums fit 16 bits, too.
 */
INLINE __m256i
u8_u4_pairs(__m256i low, __m256i high, __m256i packed)
{
	return _mm256_add_epi16(_mm256_maddubs_epi16(low, low_halves(packed)),
							_mm256_maddubs_epi16(high, high_halves(packed)));
}

TARGET static uint32_t
ip_u8_u4(const uint8_t *a, const uint8_t *b, size_t dim)
{
	size_t		half = OMEN_PACKED_BYTES(dim);
	const uint8_t *high = a + half;
	size_t		nhigh = dim - half;
	__m256i		sum0 = _mm256_setzero_si256();
	__m256i		sum1 = _mm256_setzero_si256();
	uint32_t	rest = 0;
	size_t		i = 0;

	for (; i + 64 <= nhigh; i += 64)
	{
		__m256i		pairs0 =
			u8_u4_pairs(load_u8(a + i), load_u8(high + i), load_u8(b + i));
		__m256i		pairs1 =
			u8_u4_pairs(load_u8(a + i + 32), load_u8(high + i + 32),
						load_u8(b + i + 32));

		sum0 = add_pairs(sum0, _mm256_add_epi16(pairs0, pairs1));
	}
	if (i + 32 <= nhigh)
	{
		sum0 = add_pairs(sum0, u8_u4_pairs(load_u8(a + i), load_u8(high + i),
										   load_u8(b + i)));
		i += 32;
	}
	if (i + 16 <= nhigh)
	{
		sum1 = add_pairs(sum1, u8_u4_pairs(load_half_u8(a + i),
										   load_half_u8(high + i),
										   load_half_u8(b + i)));
		i += 16;
	}
	if (i + 8 <= nhigh)
	{
		sum0 = add_pairs(sum0, u8_u4_pairs(load_quarter_u8(a + i),
										   load_quarter_u8(high + i),
										   load_quarter_u8(b + i)));
		i += 8;
	}
	for (; i < nhigh; i++)
		rest +=
			(uint32_t) a[i] * (b[i] & 15) + (uint32_t) high[i] * (b[i] >> 4);
	if (i < half)
		rest += (uint32_t) a[i] * (b[i] & 15);
	return add_words(_mm256_add_epi32(sum0, sum1)) + rest;
}

/* The same of two packed arrays: at most 4 * 15 * 15. */
INLINE __m256i
u4_pairs(__m256i x, __m256i y)
{
	return u8_u4_pairs(low_halves(x), high_halves(x), y);
}

TARGET static uint32_t
ip_u4(const uint8_t *a, const uint8_t *b, size_t dim)
{
	size_t		bytes = OMEN_PACKED_BYTES(dim);
	__m256i		sum = _mm256_setzero_si256();
	__m256i		pairs = _mm256_setzero_si256();
	uint32_t	rest = 0;
	size_t		i = 0;

	for (; i + 128 <= bytes; i += 128)
	{
		__m256i		four = _mm256_setzero_si256();

		for (size_t k = i; k < i + 128; k += 32)
			four = _mm256_add_epi16(four,
									u4_pairs(load_u8(a + k), load_u8(b + k)));
		sum = add_pairs(sum, four);
	}
	/* at most three times, and twice more */
	for (; i + 32 <= bytes; i += 32)
		pairs =
			_mm256_add_epi16(pairs, u4_pairs(load_u8(a + i), load_u8(b + i)));
	if (i + 16 <= bytes)
	{
		pairs = _mm256_add_epi16(pairs, u4_pairs(load_half_u8(a + i),
												 load_half_u8(b + i)));
		i += 16;
	}
	if (i + 8 <= bytes)
	{
		pairs = _mm256_add_epi16(pairs, u4_pairs(load_quarter_u8(a + i),
												 load_quarter_u8(b + i)));
		i += 8;
	}
	for (; i < bytes; i++)
		rest += (uint32_t) (a[i] & 15) * (b[i] & 15) +
				(uint32_t) (a[i] >> 4) * (b[i] >> 4);
	return add_words(add_pairs(sum, pairs)) + rest;
}

/* Number `which` of each byte's four. */
INLINE __m256i
quarters(__m256i packed, int which)
{
	return _mm256_and_si256(_mm256_srli_epi16(packed, 2 * which),
							_mm256_set1_epi8(3));
}

/*
 * Add 128 products of bytes and packed numbers of 0..3.  Pairs of them, four
 * times at most 2 * 255 * 3, fit 16 bits.
 */
INLINE __m256i
add_quarters(__m256i sum, const __m256i *x, __m256i packed)
{
	__m256i		pairs01 =
		_mm256_add_epi16(_mm256_maddubs_epi16(x[0], quarters(packed, 0)),
						 _mm256_maddubs_epi16(x[1], quarters(packed, 1)));
	__m256i		pairs23 =
		_mm256_add_epi16(_mm256_maddubs_epi16(x[2], quarters(packed, 2)),
						 _mm256_maddubs_epi16(x[3], quarters(packed, 3)));

	return add_pairs(sum, _mm256_add_epi16(pairs01, pairs23));
}

TARGET static uint32_t
ip_u8_u2(const uint8_t *a, const uint8_t *b, size_t dim)
{
	size_t		quarter = OMEN_QUARTER_BYTES(dim);
	/* the last quarter is the shortest */
	size_t		whole = dim > 3 * quarter ? dim - 3 * quarter : 0;
	__m256i		sum = _mm256_setzero_si256();
	__m256i		x[4];
	uint32_t	rest = 0;
	size_t		i = 0;

	for (; i + 32 <= whole; i += 32)
	{
		for (int k = 0; k < 4; k++)
			x[k] = load_u8(a + (size_t) k * quarter + i);
		sum = add_quarters(sum, x, load_u8(b + i));
	}
	if (i + 16 <= whole)
	{
		for (int k = 0; k < 4; k++)
			x[k] = load_half_u8(a + (size_t) k * quarter + i);
		sum = add_quarters(sum, x, load_half_u8(b + i));
		i += 16;
	}
	for (; i < quarter; i++)
		for (size_t k = 0; k < 4 && k * quarter + i < dim; k++)
			rest += (uint32_t) a[k * quarter + i] * (b[i] >> 2 * k & 3);
	return add_words(sum) + rest;
}

TARGET static uint32_t
ip_u2(const uint8_t *a, const uint8_t *b, size_t dim)
{
	size_t		bytes = OMEN_QUARTER_BYTES(dim);
	__m256i		sum = _mm256_setzero_si256();
	__m256i		x[4];
	uint32_t	rest = 0;
	size_t		i = 0;

	for (; i + 32 <= bytes; i += 32)
	{
		for (int k = 0; k < 4; k++)
			x[k] = quarters(load_u8(a + i), k);
		sum = add_quarters(sum, x, load_u8(b + i));
	}
	for (; i < bytes; i++)
		for (int k = 0; k < 4; k++)
			rest += (uint32_t) (a[i] >> 2 * k & 3) * (b[i] >> 2 * k & 3);
	return add_words(sum) + rest;
}

/* Eight codes decoded. */
INLINE __m256
decode(__m128i codes, __m256 offset, __m256 step)
{
	__m256		x = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(codes));

	return _mm256_fmadd_ps(step, x, offset);
}

INLINE __m128i
load_8_u8(const uint8_t *p)
{
	return _mm_loadl_epi64((const __m128i *) p);
}

TARGET static float
l1_u8(const uint8_t *a, const uint8_t *b, size_t dim, float offset_a,
	  float step_a, float offset_b, float step_b)
{
	__m256		oa = _mm256_set1_ps(offset_a);
	__m256		ob = _mm256_set1_ps(offset_b);
	__m256		sa = _mm256_set1_ps(step_a);
	__m256		sb = _mm256_set1_ps(step_b);
	__m256		acc0 = _mm256_setzero_ps();
	__m256		acc1 = _mm256_setzero_ps();
	__m256		acc2 = _mm256_setzero_ps();
	__m256		acc3 = _mm256_setzero_ps();
	size_t		i = 0;

	for (; i + 32 <= dim; i += 32)
	{
		acc0 = l1_add(acc0, decode(load_8_u8(a + i), oa, sa),
					  decode(load_8_u8(b + i), ob, sb));
		acc1 = l1_add(acc1, decode(load_8_u8(a + i + 8), oa, sa),
					  decode(load_8_u8(b + i + 8), ob, sb));
		acc2 = l1_add(acc2, decode(load_8_u8(a + i + 16), oa, sa),
					  decode(load_8_u8(b + i + 16), ob, sb));
		acc3 = l1_add(acc3, decode(load_8_u8(a + i + 24), oa, sa),
					  decode(load_8_u8(b + i + 24), ob, sb));
	}
	for (; i + 8 <= dim; i += 8)
		acc0 = l1_add(acc0, decode(load_8_u8(a + i), oa, sa),
					  decode(load_8_u8(b + i), ob, sb));
	acc0 = _mm256_add_ps(_mm256_add_ps(acc0, acc1), _mm256_add_ps(acc2, acc3));

	if (i < dim)
	{
		uint8_t		last_a[8] = {0};
		uint8_t		last_b[8] = {0};
		__m256		keep = _mm256_castsi256_ps(first_words(dim - i));
		__m256		x;
		__m256		y;

		for (size_t j = 0; i + j < dim; j++)
		{
			last_a[j] = a[i + j];
			last_b[j] = b[i + j];
		}
		x = _mm256_and_ps(keep, decode(load_8_u8(last_a), oa, sa));
		y = _mm256_and_ps(keep, decode(load_8_u8(last_b), ob, sb));
		acc0 = l1_add(acc0, x, y);
	}
	return add_floats(acc0);
}

/* Eight codes as floats. */
INLINE __m256
floats_of_u8(__m128i codes)
{
	return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(codes));
}

TARGET static float
ip_f32_u8(const float *a, const uint8_t *b, size_t dim)
{
	__m256		acc0 = _mm256_setzero_ps();
	__m256		acc1 = _mm256_setzero_ps();
	__m256		acc2 = _mm256_setzero_ps();
	__m256		acc3 = _mm256_setzero_ps();
	size_t		i = 0;

	for (; i + 32 <= dim; i += 32)
	{
		acc0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i),
							   floats_of_u8(load_8_u8(b + i)), acc0);
		acc1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8),
							   floats_of_u8(load_8_u8(b + i + 8)), acc1);
		acc2 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 16),
							   floats_of_u8(load_8_u8(b + i + 16)), acc2);
		acc3 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 24),
							   floats_of_u8(load_8_u8(b + i + 24)), acc3);
	}
	for (; i + 8 <= dim; i += 8)
		acc0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i),
							   floats_of_u8(load_8_u8(b + i)), acc0);
	acc0 = _mm256_add_ps(_mm256_add_ps(acc0, acc1), _mm256_add_ps(acc2, acc3));

	if (i < dim)
	{
		uint8_t		last[8] = {0};

		for (size_t j = 0; i + j < dim; j++)
			last[j] = b[i + j];
		acc1 = _mm256_maskload_ps(a + i, first_words(dim - i));
		acc0 = _mm256_fmadd_ps(acc1, floats_of_u8(load_8_u8(last)), acc0);
	}
	return add_floats(acc0);
}

/*
 * Add 16 differences.  They fit 16 bits with a sign, and pairs of them are
 * added up by a multiplication with ones.
 */
INLINE __m256i
l1_u16_add(__m256i acc, __m256i x, __m256i y)
{
	__m256i		diff = _mm256_abs_epi16(_mm256_sub_epi16(x, y));

	return _mm256_add_epi32(acc, _mm256_madd_epi16(diff, _mm256_set1_epi16(1)));
}

INLINE __m256i
load_u16(const uint16_t *p)
{
	return _mm256_loadu_si256((const __m256i *) p);
}

/* 8 values, and zeroes */
INLINE __m256i
load_half_u16(const uint16_t *p)
{
	return _mm256_zextsi128_si256(_mm_loadu_si128((const __m128i *) p));
}

TARGET static uint32_t
l1_u16(const uint16_t *a, const uint16_t *b, size_t dim)
{
	__m256i		acc0 = _mm256_setzero_si256();
	__m256i		acc1 = _mm256_setzero_si256();
	uint32_t	sum;
	size_t		i = 0;

	for (; i + 32 <= dim; i += 32)
	{
		acc0 = l1_u16_add(acc0, load_u16(a + i), load_u16(b + i));
		acc1 = l1_u16_add(acc1, load_u16(a + i + 16), load_u16(b + i + 16));
	}
	if (i + 16 <= dim)
	{
		acc0 = l1_u16_add(acc0, load_u16(a + i), load_u16(b + i));
		i += 16;
	}
	if (i + 8 <= dim)
	{
		acc1 = l1_u16_add(acc1, load_half_u16(a + i), load_half_u16(b + i));
		i += 8;
	}
	sum = add_words(_mm256_add_epi32(acc0, acc1));
	for (; i < dim; i++)
		sum +=
			a[i] < b[i] ? (uint32_t) (b[i] - a[i]) : (uint32_t) (a[i] - b[i]);
	return sum;
}

const OmenKernels omen_kernels_avx2 = {
	.name = "avx2",
	.l2sq = l2sq,
	.ip = ip,
	.l1 = l1,
	.cosine = cosine,
	.ip_u8 = ip_u8,
	.ip_split_u8 = ip_split_u8,
	.ip_u8_u4 = ip_u8_u4,
	.ip_u4 = ip_u4,
	.ip_u8_u2 = ip_u8_u2,
	.ip_u2 = ip_u2,
	.l1_u8 = l1_u8,
	.ip_f32_u8 = ip_f32_u8,
	.l1_u16 = l1_u16,
	.block = &omen_block_avx2,
	.half = &omen_half_avx2,
	.sparse = &omen_sparse_scalar,
	.bits = &omen_bits_avx2,
};

#endif							/* OMEN_KERNELS_X86 */
