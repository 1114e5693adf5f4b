/*
 * test_half.c
 *		Halves: conversion bit by bit, and the kernels of every table this
 *		machine can run against sums in double precision.
 *
 * Purpose: every half as a float, and of floats all that lie where rounding
 * could go wrong; all tables must give the same bits.  Distances are within the
 * error that distance.h promises.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/distance/distance.h"
#include "../../src/distance/half.h"
#include "check.h"
#include "random.h"
#include "sample.h"

#define ALL_DIMS 1100

/* Two rounds of the loop that takes most at a time, 64 numbers, and tails. */
#define TAIL_DIMS 160

#define HALVES 65536
#define LARGEST 0x7bff			/* the largest finite half */

static const char *const table_names[] = {"scalar", "avx2", "avx512", "neon",
										  "neon_i8mm"};

#define N_TABLES (sizeof(table_names) / sizeof(table_names[0]))

static uint32_t
float_bits(float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static float
bits_float(uint32_t bits)
{
	float		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* What a half stands for, by the definition; not for NaN. */
static double
half_value(uint16_t half)
{
	int			exponent = half >> 10 & 31;
	int			mantissa = half & 1023;
	double		size;

	if (exponent == 31)
		size = INFINITY;
	else if (exponent == 0)
		size = ldexp(mantissa, -24);
	else
		size = ldexp(1024 + mantissa, exponent - 25);
	return (half & 0x8000) ? -size : size;
}

static bool
is_nan(uint16_t half)
{
	return (half & 0x7fff) > 0x7c00;
}

/* ---------- conversion ---------- */

static void
check_to_float(const char *name, uint16_t half, float got)
{
	if (is_nan(half))
	{
		uint32_t	bits = (uint32_t) (half & 0x8000) << 16 | 0x7fc00000u |
						(uint32_t) (half & 0x3ff) << 13;

		CHECK_MSG(float_bits(got) == bits, "%s: half %04x became %08x", name,
				  half, float_bits(got));
		return;
	}
	CHECK_MSG(got == half_value(half) && !signbit(got) == !(half & 0x8000),
			  "%s: half %04x became %.9g", name, half, got);
}

/* All halves, in arrays that begin and end anywhere. */
static void
test_to_floats(const char *name, const OmenHalfKernels *kernels)
{
	uint16_t   *from = malloc(HALVES * sizeof(uint16_t));
	float	   *to = malloc(HALVES * sizeof(float));

	for (int i = 0; i < HALVES; i++)
		from[i] = (uint16_t) i;
	kernels->to_floats(from, HALVES, to);
	for (int i = 0; i < HALVES; i++)
		check_to_float(name, from[i], to[i]);

	/* the last of an array is read as those before it */
	for (size_t dim = 0; dim <= 70; dim++)
	{
		uint16_t   *part = malloc(dim * sizeof(uint16_t) + 1);
		float	   *result = malloc(dim * sizeof(float) + 1);

		for (size_t i = 0; i < dim; i++)
			part[i] = (uint16_t) (random_u64() >> 20);
		kernels->to_floats(part, dim, result);
		for (size_t i = 0; i < dim; i++)
			check_to_float(name, part[i], result[i]);
		free(part);
		free(result);
	}
	free(from);
	free(to);
}

/* Floats, and what they must become. */
typedef struct Expected
{
	float	   *from;
	uint16_t   *to;
	size_t		count;
} Expected;

#define ROOM (12 * 32768)

static void
expect(Expected *expected, float from, uint16_t to)
{
	if (expected->count == ROOM)
		abort();
	expected->from[expected->count] = from;
	expected->to[expected->count++] = to;
}

/* Both signs of a finite or infinite float. */
static void
expect_both(Expected *expected, float from, uint16_t to)
{
	expect(expected, from, to);
	expect(expected, -from, to | 0x8000);
}

/*
 * Each half, what lies in the middle between it and the next, and the floats
 * next to these.  Beyond the largest, the next would be 65536.
 */
static void
expect_finite(Expected *expected)
{
	for (uint16_t half = 0; half <= LARGEST; half++)
	{
		float		value = (float) half_value(half);
		double		next = half == LARGEST ? 65536.0 : half_value(half + 1);
		float		middle = (float) ((half_value(half) + next) / 2);

		expect_both(expected, value, half);
		expect_both(expected, nextafterf(value, INFINITY), half);
		if (half > 0)
			expect_both(expected, nextafterf(value, 0.0f), half);
		expect_both(expected, nextafterf(middle, 0.0f), half);
		expect_both(expected, middle, half & 1 ? half + 1 : half);
		expect_both(expected, nextafterf(middle, INFINITY), half + 1);
	}
}

static void
expect_special(Expected *expected)
{
	expect_both(expected, OMEN_HALF_OVERFLOW, 0x7c00);
	expect_both(expected, nextafterf(OMEN_HALF_OVERFLOW, 0.0f), LARGEST);
	expect_both(expected, 65536.0f, 0x7c00);
	expect_both(expected, 1e10f, 0x7c00);
	expect_both(expected, FLT_MAX, 0x7c00);
	expect_both(expected, INFINITY, 0x7c00);
	expect_both(expected, OMEN_HALF_VANISHING, 0);
	expect_both(expected, nextafterf(OMEN_HALF_VANISHING, 1.0f), 1);
	expect_both(expected, FLT_MIN, 0);
	expect_both(expected, FLT_TRUE_MIN, 0);
	expect_both(expected, 0x1.fffffcp-127f, 0);
	for (int shift = 0; shift < 23; shift++)
	{
		/* NaN keeps what there is room for, and is quiet */
		uint32_t	payload = 1u << shift;
		uint16_t	to = (uint16_t) (0x7e00 | payload >> 13);

		expect(expected, bits_float(0x7f800000u | payload), to);
		expect(expected, bits_float(0xff800000u | payload), to | 0x8000);
	}
}

/* Any float is as near to what it becomes as to the neighbors of that. */
static void
expect_random(Expected *expected)
{
	for (int i = 0; i < 50000; i++)
	{
		/* exponents that matter, and somewhat beyond */
		uint32_t	exponent = 127 - 30 + (uint32_t) (random_u64() % 50);
		float		value =
			bits_float(exponent << 23 | (uint32_t) (random_u64() >> 41));
		int			low = 0;
		int			high = 0x7c00;

		/* the halves in order of size; the value is between low and high */
		while (high - low > 1)
		{
			int			middle = (low + high) / 2;

			if (half_value((uint16_t) middle) <= value)
				low = middle;
			else
				high = middle;
		}
		if (value >= OMEN_HALF_OVERFLOW)
			low = 0x7c00;
		else if (low < LARGEST)
		{
			double		below = value - half_value((uint16_t) low);
			double		above = half_value((uint16_t) high) - value;

			if (above < below || (above == below && (low & 1)))
				low = high;
		}
		expect_both(expected, value, (uint16_t) low);
	}
}

static void
test_from_floats(const char *name, const OmenHalfKernels *kernels)
{
	Expected	expected = {malloc(ROOM * sizeof(float)),
						 malloc(ROOM * sizeof(uint16_t)), 0};
	uint16_t   *got = malloc(ROOM * sizeof(uint16_t));

	expect_finite(&expected);
	CHECK(expected.count == 2 * (6 * (LARGEST + 1) - 1));
	kernels->from_floats(expected.from, expected.count, got);
	for (size_t i = 0; i < expected.count; i++)
		CHECK_MSG(got[i] == expected.to[i], "%s: %.9g became %04x, not %04x",
				  name, expected.from[i], got[i], expected.to[i]);

	expected.count = 0;
	expect_special(&expected);
	expect_random(&expected);
	kernels->from_floats(expected.from, expected.count, got);
	for (size_t i = 0; i < expected.count; i++)
		CHECK_MSG(got[i] == expected.to[i], "%s: %.9g became %04x, not %04x",
				  name, expected.from[i], got[i], expected.to[i]);

	/* arrays of any length, and nothing behind them */
	for (size_t dim = 0; dim <= 70; dim++)
	{
		float	   *part = malloc(dim * sizeof(float) + 1);
		uint16_t   *result = malloc((dim + 1) * sizeof(uint16_t));

		memcpy(part, expected.from + 400, dim * sizeof(float));
		result[dim] = 0x1234;
		kernels->from_floats(part, dim, result);
		CHECK(memcmp(result, expected.to + 400, dim * sizeof(uint16_t)) == 0);
		CHECK(result[dim] == 0x1234);
		free(part);
		free(result);
	}
	free(expected.from);
	free(expected.to);
	free(got);
}

/* ---------- distances ---------- */

typedef enum Pattern
{
	PATTERN_RANDOM,
	PATTERN_SAME_SIGN,			/* long sums of one sign: rounding shows */
	PATTERN_CLOSE,				/* b within a few units of a */
	PATTERN_TINY,				/* denormals */
	PATTERN_LARGE,				/* up to the largest */
	N_PATTERNS
} Pattern;

static uint16_t
random_half(Pattern pattern)
{
	uint16_t	bits = (uint16_t) (random_u64() >> 30);

	switch (pattern)
	{
		case PATTERN_SAME_SIGN:
			return (uint16_t) (0x3c00 | (bits & 0x3ff));
		case PATTERN_TINY:
			return bits & 0x83ff;
		case PATTERN_LARGE:
			return (uint16_t) ((bits & 0x8000) | (0x7800 + (bits & 0x3ff)));
		default:
			/* any that is finite */
			return (bits & 0x7c00) == 0x7c00 ? bits & 0x8000 : bits;
	}
}

static void
check_sum(const char *name, const char *kernel, size_t dim, float result,
		  double exact, double size)
{
	double		allowed = omen_kernel_error(dim) * size;

	CHECK_MSG(fabs(result - exact) <= allowed,
			  "%s %s, dim %zu: %.9g instead of %.17g, off by %g, allowed %g",
			  name, kernel, dim, result, exact, fabs(result - exact), allowed);
}

static void
check_distances(const char *name, const OmenHalfKernels *kernels,
				const uint16_t *a, const uint16_t *b, size_t dim)
{
	double		l2 = 0.0;
	double		l1 = 0.0;
	double		ab = 0.0;
	double		ab_size = 0.0;
	double		aa = 0.0;
	double		bb = 0.0;
	float		got_ab;
	float		got_aa;
	float		got_bb;

	for (size_t i = 0; i < dim; i++)
	{
		double		x = half_value(a[i]);
		double		y = half_value(b[i]);

		l2 += (x - y) * (x - y);
		l1 += fabs(x - y);
		ab += x * y;
		ab_size += fabs(x * y);
		aa += x * x;
		bb += y * y;
	}
	check_sum(name, "l2sq", dim, kernels->l2sq(a, b, dim), l2, l2);
	check_sum(name, "l1", dim, kernels->l1(a, b, dim), l1, l1);
	check_sum(name, "ip", dim, kernels->ip(a, b, dim), ab, ab_size);
	kernels->cosine(a, b, dim, &got_ab, &got_aa, &got_bb);
	check_sum(name, "cosine ab", dim, got_ab, ab, ab_size);
	check_sum(name, "cosine aa", dim, got_aa, aa, aa);
	check_sum(name, "cosine bb", dim, got_bb, bb, bb);
	CHECK(kernels->l2sq(a, a, dim) == 0.0f);
	CHECK(kernels->l1(b, b, dim) == 0.0f);
}

/* The same bits as of the floats that the halves are. */
static void
check_same(const OmenKernels *kernels, const uint16_t *a, const uint16_t *b,
		   size_t dim)
{
	const OmenHalfKernels *half = kernels->half;
	static float x[OMEN_MAX_DIM];
	static float y[OMEN_MAX_DIM];
	float		of_halves[3];
	float		of_floats[3];

	half->to_floats(a, dim, x);
	half->to_floats(b, dim, y);
	CHECK_MSG(half->l2sq(a, b, dim) == kernels->l2sq(x, y, dim),
			  "%s l2sq of floats, dim %zu", kernels->name, dim);
	CHECK_MSG(half->ip(a, b, dim) == kernels->ip(x, y, dim),
			  "%s ip of floats, dim %zu", kernels->name, dim);
	CHECK_MSG(half->l1(a, b, dim) == kernels->l1(x, y, dim),
			  "%s l1 of floats, dim %zu", kernels->name, dim);
	half->cosine(a, b, dim, &of_halves[0], &of_halves[1], &of_halves[2]);
	kernels->cosine(x, y, dim, &of_floats[0], &of_floats[1], &of_floats[2]);
	for (int i = 0; i < 3; i++)
		CHECK_MSG(of_halves[i] == of_floats[i],
				  "%s cosine of floats, dim %zu, sum %d", kernels->name, dim,
				  i);
}

/* Arrays of just the size, so that sanitizers see more read, and not aligned. */
static void
check_dim(const char *name, const OmenKernels *table, size_t dim)
{
	uint16_t   *space_a = malloc((dim + 1) * sizeof(uint16_t));
	uint16_t   *space_b = malloc((dim + 3) * sizeof(uint16_t));
	uint16_t   *a = space_a + 1;
	uint16_t   *b = space_b + 3;

	for (int pattern = 0; pattern < N_PATTERNS; pattern++)
	{
		for (size_t i = 0; i < dim; i++)
		{
			a[i] = random_half((Pattern) pattern);
			b[i] = random_half((Pattern) pattern);
			if (pattern == PATTERN_CLOSE)
				b[i] = (uint16_t) (a[i] ^ (random_u64() >> 60 & 3));
		}
		check_distances(name, table->half, a, b, dim);
		check_same(table, a, b, dim);
	}
	free(space_a);
	free(space_b);
}

/* Nothing at all has distance 0. */
static void
check_empty(const OmenHalfKernels *kernels)
{
	uint16_t	half = 0x3c00;
	float		ab;
	float		aa;
	float		bb;

	CHECK(kernels->l2sq(&half, &half, 0) == 0.0f);
	CHECK(kernels->ip(&half, &half, 0) == 0.0f);
	CHECK(kernels->l1(&half, &half, 0) == 0.0f);
	kernels->cosine(&half, &half, 0, &ab, &aa, &bb);
	CHECK(ab == 0.0f && aa == 0.0f && bb == 0.0f);
}

/* ---------- tables ---------- */

/*
 * Can this machine run that table?  Where some are emulated only those are
 * tried: the others are what they are without it.
 */
static bool
is_runnable(const char *name)
{
#ifdef OMEN_EMULATE_AVX512
	return strcmp(name, "avx512") == 0;
#endif
	return omen_kernels_available(name);
}

int
main(void)
{
	for (size_t i = 0; i < N_TABLES; i++)
	{
		const char *name = table_names[i];
		const OmenKernels *table = omen_kernels_table(name);

		if (table == NULL || !is_runnable(name))
		{
			printf("%s: not here\n", name);
			continue;
		}
		printf("%s\n", name);
		test_to_floats(name, table->half);
		test_from_floats(name, table->half);
		for (size_t dim = 1; dim <= ALL_DIMS; dim++)
			if (is_tried(dim, TAIL_DIMS))
				check_dim(name, table, dim);
		check_dim(name, table, OMEN_MAX_DIM - 1);
		check_dim(name, table, OMEN_MAX_DIM);
		check_empty(table->half);
	}
	return check_finish();
}
