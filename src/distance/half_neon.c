/*
 * half_neon.c
 *		The kernels of halves for NEON, and for CPUs that multiply halves to
 *		floats.
 *
 * Purpose: speed, by the contract of half.h.  What not every such CPU has is
 * asked for by an attribute of the function, so the file is compiled with the
 * flags of all others; no such function may run before dispatch.c has asked the
 * CPU.
 *
 * Only conversions and FMLAL are used, never arithmetic in 16 bits: the product
 * of two halves is a float without rounding, and added as a float.
 */
#include "half.h"
#include "kernels.h"

#ifdef OMEN_KERNELS_NEON

#include "sum_neon.h"

INLINE float16x8_t
load_register(const uint16_t *p)
{
	return vreinterpretq_f16_u16(vld1q_u16(p));
}

INLINE Floats
load_halves(const uint16_t *p)
{
	float16x8_t halves = load_register(p);

	return (Floats){vcvt_f32_f16(vget_low_f16(halves)),
					vcvt_high_f32_f16(halves)};
}

/* The first n, less than WIDTH or all, and zeroes, as they are in to. */
INLINE const uint16_t *
first_halves(const uint16_t *p, size_t n, uint16_t *to)
{
	if (n == WIDTH)
		return p;
	for (size_t i = 0; i < WIDTH; i++)
		to[i] = i < n ? p[i] : 0;
	return to;
}

INLINE Floats
load_first_halves(const uint16_t *p, size_t n)
{
	uint16_t	first[WIDTH];

	return load_halves(first_halves(p, n, first));
}

DEFINE_DISTANCES(uint16_t, load_halves, load_first_halves)

static void
to_floats(const uint16_t *from, size_t dim, float *to)
{
	size_t		i = 0;

	for (; i + WIDTH <= dim; i += WIDTH)
	{
		Floats		x = load_halves(from + i);

		vst1q_f32(to + i, x.low);
		vst1q_f32(to + i + 4, x.high);
	}
	for (; i < dim; i++)
		to[i] = omen_half_to_float(from[i]);
}

static void
from_floats(const float *from, size_t dim, uint16_t *to)
{
	size_t		i = 0;

	for (; i + WIDTH <= dim; i += WIDTH)
	{
		float16x4_t low = vcvt_f16_f32(vld1q_f32(from + i));
		float16x8_t both = vcvt_high_f16_f32(low, vld1q_f32(from + i + 4));

		vst1q_u16(to + i, vreinterpretq_u16_f16(both));
	}
	for (; i < dim; i++)
		to[i] = omen_half_from_float(from[i]);
}

const OmenHalfKernels omen_half_neon = {
	.to_floats = to_floats,
	.from_floats = from_floats,
	.l2sq = l2sq,
	.ip = ip,
	.l1 = l1,
	.cosine = cosine,
};

#ifdef OMEN_KERNELS_DOTPROD

/*
 * ---------- products of halves ----------
 *
 * In the order of all other tables, so that the sums are the same, too.
 */

static inline __attribute__((always_inline)) OMEN_TARGET_FHM Floats
ip_add_fhm(Floats acc, float16x8_t x, float16x8_t y)
{
	return (Floats){vfmlalq_low_f16(acc.low, x, y),
					vfmlalq_high_f16(acc.high, x, y)};
}

INLINE float16x8_t
load_first_register(const uint16_t *p, size_t n)
{
	uint16_t	first[WIDTH];

	return load_register(first_halves(p, n, first));
}

#undef TARGET
#define TARGET OMEN_TARGET_FHM

DEFINE_SUM(ip_fhm, uint16_t, load_register, load_first_register, ip_add_fhm)

/* Sums of a_i * b_i, a_i^2 and b_i^2. */
typedef struct Products
{
	Floats		ab;
	Floats		aa;
	Floats		bb;
} Products;

static inline __attribute__((always_inline)) OMEN_TARGET_FHM void
add_products(Products *sum, float16x8_t x, float16x8_t y)
{
	sum->ab = ip_add_fhm(sum->ab, x, y);
	sum->aa = ip_add_fhm(sum->aa, x, x);
	sum->bb = ip_add_fhm(sum->bb, y, y);
}

TARGET static void
cosine_fhm(const uint16_t *a, const uint16_t *b, size_t dim, float *ab,
		   float *aa, float *bb)
{
	Products	sum0 = {ZEROES, ZEROES, ZEROES};
	Products	sum1 = {ZEROES, ZEROES, ZEROES};
	size_t		i = 0;

	for (; i + 2 * WIDTH <= dim; i += 2 * WIDTH)
	{
		add_products(&sum0, load_register(a + i), load_register(b + i));
		add_products(&sum1, load_register(a + i + WIDTH),
					 load_register(b + i + WIDTH));
	}
	for (; i < dim; i += WIDTH)
	{
		size_t		n = dim - i < WIDTH ? dim - i : WIDTH;

		add_products(&sum0, load_first_register(a + i, n),
					 load_first_register(b + i, n));
	}
	*ab = add_floats(PLUS(sum0.ab, sum1.ab));
	*aa = add_floats(PLUS(sum0.aa, sum1.aa));
	*bb = add_floats(PLUS(sum0.bb, sum1.bb));
}

const OmenHalfKernels omen_half_neon_fhm = {
	.to_floats = to_floats,
	.from_floats = from_floats,
	.l2sq = l2sq,
	.ip = ip_fhm,
	.l1 = l1,
	.cosine = cosine_fhm,
};

#endif

#endif							/* OMEN_KERNELS_NEON */
