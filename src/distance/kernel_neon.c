/*
 * kernel_neon.c
 *		The kernels for NEON: what every Arm CPU of 64 bits has, and dot
 *		products of bytes where there are any.
 *
 * Purpose: speed, by the contract of distance.h.  What not every such CPU has
 * is asked for by an attribute of the function, so the file is compiled with
 * the flags of all others; no such function may run before dispatch.c has asked
 * the CPU.
 */
#include "bits.h"
#include "block.h"
#include "half.h"
#include "kernels.h"
#include "sparse.h"

#ifdef OMEN_KERNELS_NEON

#include "sum_neon.h"

/*
 * Loading 16 bytes from &byte_mask[n] gives 16 - n zeroes and then n bytes of
 * ones; the same from &byte_mask[32 - n] n bytes of ones, and then zeroes.
 */
static const uint8_t byte_mask[48] = {0,   0,	0,	 0,	  0,   0,	0,	 0,
									  0,   0,	0,	 0,	  0,   0,	0,	 0,
									  255, 255, 255, 255, 255, 255, 255, 255,
									  255, 255, 255, 255, 255, 255, 255, 255,
									  0,   0,	0,	 0,	  0,   0,	0,	 0,
									  0,   0,	0,	 0,	  0,   0,	0,	 0};

/* ---------- floats ---------- */

INLINE Floats
load_floats(const float *p)
{
	return (Floats){vld1q_f32(p), vld1q_f32(p + 4)};
}

/* The first n, and zeroes. */
INLINE Floats
load_first_floats(const float *p, size_t n)
{
	float		first[WIDTH] = {0.0f};

	if (n == WIDTH)
		return load_floats(p);
	for (size_t i = 0; i < n; i++)
		first[i] = p[i];
	return load_floats(first);
}

DEFINE_DISTANCES(float, load_floats, load_first_floats)

/* ---------- products of bytes and packed numbers ---------- */

/* Two or four times 16 bytes. */
typedef struct Halves
{
	uint8x16_t	low;
	uint8x16_t	high;
} Halves;

typedef struct Quarters
{
	uint8x16_t	first;
	uint8x16_t	second;
	uint8x16_t	third;
	uint8x16_t	fourth;
} Quarters;

INLINE Halves
split_halves(uint8x16_t packed)
{
	return (Halves){vandq_u8(packed, vdupq_n_u8(15)), vshrq_n_u8(packed, 4)};
}

INLINE Halves
load_two(const uint8_t *low, const uint8_t *high)
{
	return (Halves){vld1q_u8(low), vld1q_u8(high)};
}

/*
 * All are there at once: so compilers see that an instruction can load two of
 * them, which they else overlook where a function has a target of its own.
 */
INLINE Quarters
load_four(const uint8_t *from, size_t apart)
{
	Quarters	v = {vld1q_u8(from), vld1q_u8(from + apart),
				  vld1q_u8(from + 2 * apart), vld1q_u8(from + 3 * apart)};

	__asm__("" : "+w"(v.first), "+w"(v.second), "+w"(v.third), "+w"(v.fourth));
	return v;
}

/* Numbers of four packed ones of each byte: first, second and so on. */
INLINE Quarters
split_quarters(uint8x16_t packed)
{
	uint8x16_t	mask = vdupq_n_u8(3);

	return (
		Quarters){vandq_u8(packed, mask), vandq_u8(vshrq_n_u8(packed, 2), mask),
				  vandq_u8(vshrq_n_u8(packed, 4), mask), vshrq_n_u8(packed, 6)};
}

INLINE uint32x4_t
add_bytes(uint32x4_t acc, uint8x16_t x, uint8x16_t y)
{
	acc = vpadalq_u16(acc, vmull_u8(vget_low_u8(x), vget_low_u8(y)));
	return vpadalq_u16(acc, vmull_high_u8(x, y));
}

/* Add 16 products of a byte and up to 15 to eight sums of up to four. */
INLINE uint16x8_t
add_small(uint16x8_t acc, uint8x16_t x, uint8x16_t y)
{
	acc = vmlal_u8(acc, vget_low_u8(x), vget_low_u8(y));
	return vmlal_high_u8(acc, x, y);
}

INLINE uint16x8_t
multiply_two(Halves x, Halves y)
{
	uint16x8_t	sum = vmull_u8(vget_low_u8(x.low), vget_low_u8(y.low));

	sum = vmlal_high_u8(sum, x.low, y.low);
	return add_small(sum, x.high, y.high);
}

INLINE uint32x4_t
add_two(uint32x4_t acc, Halves x, Halves y)
{
	return vpadalq_u16(acc, multiply_two(x, y));
}

/* Eight products fit 16 bits, too. */
INLINE uint32x4_t
add_twice(uint32x4_t acc, Halves x, Halves y, Halves v, Halves w)
{
	uint16x8_t	sum = add_small(multiply_two(x, y), v.low, w.low);

	return vpadalq_u16(acc, add_small(sum, v.high, w.high));
}

/* Eight products of a byte and up to 3 fit 16 bits, too. */
INLINE uint32x4_t
add_four(uint32x4_t acc, Quarters x, Quarters y)
{
	uint16x8_t	sum = vmull_u8(vget_low_u8(x.first), vget_low_u8(y.first));

	sum = vmlal_high_u8(sum, x.first, y.first);
	sum = add_small(sum, x.second, y.second);
	sum = add_small(sum, x.third, y.third);
	return vpadalq_u16(acc, add_small(sum, x.fourth, y.fourth));
}

#define PRODUCT_TARGET
#define PRODUCT(name) name
#define ADD_BYTES(acc, x, y) add_bytes(acc, x, y)
#define ADD_TWO(acc, x, y) add_two(acc, x, y)
#define ADD_TWICE(acc, x, y, v, w) add_twice(acc, x, y, v, w)
#define ADD_FOUR(acc, x, y) add_four(acc, x, y)
#include "products_neon.h"

#ifdef OMEN_KERNELS_DOTPROD

static inline __attribute__((always_inline)) OMEN_TARGET_DOTPROD uint32x4_t
add_four_dotprod(uint32x4_t acc, Quarters x, Quarters y)
{
	acc = vdotq_u32(acc, x.first, y.first);
	acc = vdotq_u32(acc, x.second, y.second);
	acc = vdotq_u32(acc, x.third, y.third);
	return vdotq_u32(acc, x.fourth, y.fourth);
}

#define PRODUCT_TARGET OMEN_TARGET_DOTPROD
#define PRODUCT(name) name##_dotprod
#define ADD_BYTES(acc, x, y) vdotq_u32(acc, x, y)
#define ADD_TWO(acc, x, y) \
	vdotq_u32(vdotq_u32(acc, (x).low, (y).low), (x).high, (y).high)
#define ADD_TWICE(acc, x, y, v, w) ADD_TWO(ADD_TWO(acc, x, y), v, w)
#define ADD_FOUR(acc, x, y) add_four_dotprod(acc, x, y)
#include "products_neon.h"

#endif

/* ---------- codes and floats ---------- */

/* 16 floats */
typedef struct Sixteen
{
	Floats		first;
	Floats		second;
} Sixteen;

INLINE Sixteen
sixteen_zeroes(void)
{
	return (Sixteen){ZEROES, ZEROES};
}

INLINE float
add_sixteen(Sixteen v)
{
	return add_floats(PLUS(v.first, v.second));
}

/*
 * Sixteen bytes as floats, not in order: first those that are the lowest of
 * words of four, and so on.  A number that is not the lowest is converted as if
 * it had a fraction, which takes out its shift.
 */
INLINE Sixteen
spread_u8(uint8x16_t bytes)
{
	uint32x4_t	words = vreinterpretq_u32_u8(bytes);
	uint32x4_t	second = vandq_u32(words, vdupq_n_u32(0xff00));
	uint32x4_t	third = vandq_u32(words, vdupq_n_u32(0xff0000));

	return (Sixteen){{vcvtq_f32_u32(vandq_u32(words, vdupq_n_u32(0xff))),
					  vcvtq_n_f32_u32(second, 8)},
					 {vcvtq_n_f32_u32(third, 16),
					  vcvtq_f32_u32(vshrq_n_u32(words, 24))}};
}

/* Sixteen codes decoded, in the order of spread_u8. */
INLINE Sixteen
decode(uint8x16_t codes, float32x4_t offset, float32x4_t step)
{
	Sixteen		x = spread_u8(codes);

	return (Sixteen){{vfmaq_f32(offset, step, x.first.low),
					  vfmaq_f32(offset, step, x.first.high)},
					 {vfmaq_f32(offset, step, x.second.low),
					  vfmaq_f32(offset, step, x.second.high)}};
}

/* Less than 16 bytes, and zeroes. */
INLINE uint8x16_t
load_first_u8(const uint8_t *p, size_t n)
{
	uint8_t		first[16] = {0};

	for (size_t i = 0; i < n; i++)
		first[i] = p[i];
	return vld1q_u8(first);
}

/* What of the floats of spread_u8 is of the first n bytes, n less than 16. */
INLINE Sixteen
keep_first(Sixteen x, size_t n)
{
	/* one or zero for each byte */
	Sixteen		keep =
		spread_u8(vandq_u8(vld1q_u8(byte_mask + 32 - n), vdupq_n_u8(1)));

	return (Sixteen){{vmulq_f32(x.first.low, keep.first.low),
					  vmulq_f32(x.first.high, keep.first.high)},
					 {vmulq_f32(x.second.low, keep.second.low),
					  vmulq_f32(x.second.high, keep.second.high)}};
}

static float
l1_u8(const uint8_t *a, const uint8_t *b, size_t dim, float offset_a,
	  float step_a, float offset_b, float step_b)
{
	float32x4_t oa = vdupq_n_f32(offset_a);
	float32x4_t ob = vdupq_n_f32(offset_b);
	float32x4_t sa = vdupq_n_f32(step_a);
	float32x4_t sb = vdupq_n_f32(step_b);
	Sixteen		acc = sixteen_zeroes();
	size_t		i = 0;

	for (; i + 16 <= dim; i += 16)
	{
		Sixteen		x = decode(vld1q_u8(a + i), oa, sa);
		Sixteen		y = decode(vld1q_u8(b + i), ob, sb);

		acc.first = l1_add(acc.first, x.first, y.first);
		acc.second = l1_add(acc.second, x.second, y.second);
	}
	if (i < dim)
	{
		size_t		n = dim - i;
		Sixteen		x = decode(load_first_u8(a + i, n), oa, sa);
		Sixteen		y = decode(load_first_u8(b + i, n), ob, sb);

		/* decoded values are finite */
		x = keep_first(x, n);
		y = keep_first(y, n);
		acc.first = l1_add(acc.first, x.first, y.first);
		acc.second = l1_add(acc.second, x.second, y.second);
	}
	return add_sixteen(acc);
}

/* Floats that are bytes of 16, those that a table puts into words. */
INLINE float32x4_t
floats_of_u8(uint8x16_t bytes, uint8x16_t table)
{
	return vcvtq_f32_u32(vreinterpretq_u32_u8(vqtbl1q_u8(bytes, table)));
}

INLINE Sixteen
ip_f32_u8_add(Sixteen acc, const float *a, uint8x16_t b)
{
	/* there is no byte 255 */
	const uint8x16_t table = {0, 255, 255, 255, 1, 255, 255, 255,
							  2, 255, 255, 255, 3, 255, 255, 255};
	const uint8x16_t four = vreinterpretq_u8_u32(vdupq_n_u32(4));
	uint8x16_t	table1 = vaddq_u8(table, four);
	uint8x16_t	table2 = vaddq_u8(table1, four);
	uint8x16_t	table3 = vaddq_u8(table2, four);

	acc.first =
		ip_add(acc.first, load_floats(a),
			   (Floats){floats_of_u8(b, table), floats_of_u8(b, table1)});
	acc.second =
		ip_add(acc.second, load_floats(a + WIDTH),
			   (Floats){floats_of_u8(b, table2), floats_of_u8(b, table3)});
	return acc;
}

static float
ip_f32_u8(const float *a, const uint8_t *b, size_t dim)
{
	Sixteen		acc = sixteen_zeroes();
	size_t		i = 0;

	for (; i + 16 <= dim; i += 16)
		acc = ip_f32_u8_add(acc, a + i, vld1q_u8(b + i));
	if (i < dim)
	{
		float		last[16] = {0.0f};

		for (size_t j = 0; i + j < dim; j++)
			last[j] = a[i + j];
		acc = ip_f32_u8_add(acc, last, load_first_u8(b + i, dim - i));
	}
	return add_sixteen(acc);
}

/* ---------- numbers of 16 bits ---------- */

INLINE uint32x4_t
l1_u16_add(uint32x4_t acc, uint16x8_t x, uint16x8_t y)
{
	return vpadalq_u16(acc, vabdq_u16(x, y));
}

static uint32_t
l1_u16(const uint16_t *a, const uint16_t *b, size_t dim)
{
	uint32x4_t	acc0 = vdupq_n_u32(0);
	uint32x4_t	acc1 = vdupq_n_u32(0);
	uint32_t	sum;
	size_t		i = 0;

	for (; i + 32 <= dim; i += 32)
	{
		uint16x8_t	x0 = vld1q_u16(a + i);
		uint16x8_t	x1 = vld1q_u16(a + i + 8);
		uint16x8_t	x2 = vld1q_u16(a + i + 16);
		uint16x8_t	x3 = vld1q_u16(a + i + 24);

		acc0 = l1_u16_add(acc0, x0, vld1q_u16(b + i));
		acc1 = l1_u16_add(acc1, x1, vld1q_u16(b + i + 8));
		acc0 = l1_u16_add(acc0, x2, vld1q_u16(b + i + 16));
		acc1 = l1_u16_add(acc1, x3, vld1q_u16(b + i + 24));
	}
	for (; i + 8 <= dim; i += 8)
		acc0 = l1_u16_add(acc0, vld1q_u16(a + i), vld1q_u16(b + i));
	sum = vaddvq_u32(vaddq_u32(acc0, acc1));
	for (; i < dim; i++)
		sum +=
			a[i] < b[i] ? (uint32_t) (b[i] - a[i]) : (uint32_t) (a[i] - b[i]);
	return sum;
}

/* ---------- tables ---------- */

#define NEON_KERNELS \
	.l2sq = l2sq, .ip = ip, .l1 = l1, .cosine = cosine, .l1_u8 = l1_u8, \
	.ip_f32_u8 = ip_f32_u8, .l1_u16 = l1_u16, .sparse = &omen_sparse_scalar, \
	.bits = &omen_bits_neon

const OmenKernels omen_kernels_neon = {
	.name = "neon",
	NEON_KERNELS,
	.ip_u8 = ip_u8,
	.ip_split_u8 = ip_u8,		/* halves are of no help */
	.ip_u8_u4 = ip_u8_u4,
	.ip_u4 = ip_u4,
	.ip_u8_u2 = ip_u8_u2,
	.ip_u2 = ip_u2,
	.block = &omen_block_neon,
	.half = &omen_half_neon,
};

#ifdef OMEN_KERNELS_DOTPROD

#define DOTPROD_KERNELS \
	NEON_KERNELS, .ip_u8 = ip_u8_dotprod, .ip_split_u8 = ip_u8_dotprod, \
				  .ip_u8_u4 = ip_u8_u4_dotprod, .ip_u4 = ip_u4_dotprod, \
				  .ip_u8_u2 = ip_u8_u2_dotprod, .ip_u2 = ip_u2_dotprod

const OmenKernels omen_kernels_neon_dotprod = {
	.name = "neon_dotprod",
	DOTPROD_KERNELS,
	.block = &omen_block_neon_dotprod,
	.half = &omen_half_neon,
};

/* Products of matrices are for blocks; CPUs that have them multiply halves. */
const OmenKernels omen_kernels_neon_i8mm = {
	.name = "neon_i8mm",
	DOTPROD_KERNELS,
	.block = &omen_block_neon_i8mm,
	.half = &omen_half_neon_fhm,
};

#endif

#endif							/* OMEN_KERNELS_NEON */
