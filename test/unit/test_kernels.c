/*
 * test_kernels.c
 *		Every kernel of every table this machine can run, against sums in
 *		double precision, within the error that distance.h promises.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/distance/distance.h"
#include "check.h"
#include "random.h"
#include "sample.h"
#include "tables.h"

#define ALL_DIMS 1100

/* Two rounds of the loop that takes most at a time, 64 bytes of two numbers. */
#define TAIL_DIMS 256

/* What the tests fill arrays with. */
typedef enum Pattern
{
	PATTERN_RANDOM,
	PATTERN_SAME_SIGN,			/* long sums of one sign: rounding shows */
	PATTERN_CLOSE,				/* b within a few units of a */
	PATTERN_TINY,				/* products underflow */
	PATTERN_STUCK, /* one large term, to which others add nothing */
	N_PATTERNS
} Pattern;

/* Arrays that end where their memory ends, so that sanitizers see overruns. */
typedef struct Arrays
{
	void	   *memory[4];
	float	   *a;
	float	   *b;
	uint8_t	   *a8;
	uint8_t	   *b8;
	size_t		dim;
} Arrays;

static void *
allocate(Arrays *arrays, int which, size_t bytes, size_t offset)
{
	arrays->memory[which] = malloc(bytes + offset);
	if (arrays->memory[which] == NULL)
		abort();
	return (char *) arrays->memory[which] + offset;
}

/* offset moves the arrays off any alignment but that of their elements. */
static Arrays
make_arrays(size_t dim, size_t offset)
{
	Arrays		arrays = {.dim = dim};

	arrays.a =
		allocate(&arrays, 0, dim * sizeof(float), offset * sizeof(float));
	arrays.b =
		allocate(&arrays, 1, dim * sizeof(float), 3 * offset * sizeof(float));
	arrays.a8 = allocate(&arrays, 2, dim, offset);
	arrays.b8 = allocate(&arrays, 3, dim, 3 * offset);
	return arrays;
}

static void
free_arrays(Arrays *arrays)
{
	for (int i = 0; i < 4; i++)
		free(arrays->memory[i]);
}

static void
fill(Arrays *arrays, Pattern pattern)
{
	for (size_t i = 0; i < arrays->dim; i++)
	{
		float		x = random_float();
		float		y = random_float();

		if (pattern == PATTERN_SAME_SIGN)
		{
			x = 1.0f + fabsf(x);
			y = fabsf(y);
		}
		else if (pattern == PATTERN_CLOSE)
			y = x + 0x1.0p-20f * y;
		else if (pattern == PATTERN_TINY)
		{
			x *= 0x1.0p-70f;
			y *= 0x1.0p-70f;
		}
		else if (pattern == PATTERN_STUCK)
		{
			x = i == 0 ? 0x1.0p13f : 2.0f;
			y = i == 0 ? 0x1.0p12f : 1.0f;
		}
		arrays->a[i] = x;
		arrays->b[i] = y;
		arrays->a8[i] = (uint8_t) random_u64();
		arrays->b8[i] = (uint8_t) (random_u64() >> 8);
		if (pattern == PATTERN_SAME_SIGN)
			arrays->a8[i] = arrays->b8[i] = 255;
	}
}

/* A float result against the exact sum and the exact sum of |terms|. */
static void
check_sum(const OmenKernels *kernels, const char *kernel, size_t dim,
		  float result, double exact, double size)
{
	double		allowed = omen_kernel_error(dim) * size + dim * 0x1.0p-149;

	CHECK_MSG(fabs(result - exact) <= allowed,
			  "%s %s, dim %zu: %.9g instead of %.17g, off by %g, allowed %g",
			  kernels->name, kernel, dim, result, exact, fabs(result - exact),
			  allowed);
}

static void
check_float_kernels(const OmenKernels *kernels, const Arrays *arrays)
{
	const float *a = arrays->a;
	const float *b = arrays->b;
	size_t		dim = arrays->dim;
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
		double		x = a[i];
		double		y = b[i];

		l2 += (x - y) * (x - y);
		l1 += fabs(x - y);
		ab += x * y;
		ab_size += fabs(x * y);
		aa += x * x;
		bb += y * y;
	}
	check_sum(kernels, "l2sq", dim, kernels->l2sq(a, b, dim), l2, l2);
	check_sum(kernels, "l1", dim, kernels->l1(a, b, dim), l1, l1);
	check_sum(kernels, "ip", dim, kernels->ip(a, b, dim), ab, ab_size);
	kernels->cosine(a, b, dim, &got_ab, &got_aa, &got_bb);
	check_sum(kernels, "cosine ab", dim, got_ab, ab, ab_size);
	check_sum(kernels, "cosine aa", dim, got_aa, aa, aa);
	check_sum(kernels, "cosine bb", dim, got_bb, bb, bb);
	CHECK(kernels->l2sq(a, a, dim) == 0.0f);
	CHECK(kernels->l1(b, b, dim) == 0.0f);
}

/* What is split, of just the size, and what is not aligned. */
static void
check_split(const OmenKernels *kernels, const uint8_t *a, const uint8_t *b,
			size_t dim, uint64_t dot)
{
	uint8_t	   *space = malloc(OMEN_SPLIT_BYTES(dim) + 1);
	uint8_t	   *split = space + 1;

	if (space == NULL)
		abort();
	for (size_t i = 0; i < dim; i++)
	{
		split[i] = a[i];
		split[dim + i] = a[i] & 15;
		split[2 * dim + i] = a[i] >> 4;
	}
	CHECK_MSG(kernels->ip_split_u8(split, b, dim) == dot,
			  "%s ip_split_u8, dim %zu: %u instead of %llu", kernels->name, dim,
			  (unsigned) kernels->ip_split_u8(split, b, dim),
			  (unsigned long long) dot);
	free(space);
}

static void
check_byte_kernels(const OmenKernels *kernels, const Arrays *arrays)
{
	const uint8_t *a = arrays->a8;
	const uint8_t *b = arrays->b8;
	const float offset_a = -1.25f;
	const float offset_b = 0.3f;
	const float step_a = 0.0123f;
	const float step_b = 0.0045f;
	size_t		dim = arrays->dim;
	uint64_t	dot = 0;
	double		l1 = 0.0;
	double		allowed;
	float		got;

	for (size_t i = 0; i < dim; i++)
	{
		dot += (uint64_t) a[i] * b[i];
		l1 += fabs(((double) offset_a + (double) step_a * a[i]) -
				   ((double) offset_b + (double) step_b * b[i]));
	}
	CHECK_MSG(kernels->ip_u8(a, b, dim) == dot,
			  "%s ip_u8, dim %zu: %u instead of %llu", kernels->name, dim,
			  (unsigned) kernels->ip_u8(a, b, dim), (unsigned long long) dot);

	check_split(kernels, a, b, dim, dot);

	got = kernels->l1_u8(a, b, dim, offset_a, step_a, offset_b, step_b);
	allowed = omen_kernel_error(dim) * l1 + dim * 2.0 * 0x1.0p-24 *
												(fabs(offset_a) + 255 * step_a +
												 fabs(offset_b) + 255 * step_b);
	CHECK_MSG(fabs(got - l1) <= allowed,
			  "%s l1_u8, dim %zu: %.9g instead of %.17g", kernels->name, dim,
			  got, l1);
	CHECK(kernels->l1_u8(a, a, dim, offset_a, step_a, offset_a, step_a) ==
		  0.0f);
}

/*
 * Pack the lowest bits of dim bytes, 4 or 2 of each, as distance.h says, into
 * so many bytes.
 */
static void
pack(const uint8_t *from, size_t dim, int bits, size_t bytes, uint8_t *to)
{
	memset(to, 0, bytes);
	for (size_t i = 0; i < dim; i++)
		to[i % bytes] |= (uint8_t) ((from[i] & ((1 << bits) - 1))
									<< (i / bytes * (size_t) bits));
}

typedef uint32_t (*Product)(const uint8_t *a, const uint8_t *b, size_t dim);

/* Products of bytes and numbers of so many bits, and of two such. */
static void
check_packed(const OmenKernels *kernels, const Arrays *arrays, int bits,
			 Product mixed, Product both)
{
	size_t		dim = arrays->dim;
	size_t bytes = bits == 4 ? OMEN_PACKED_BYTES(dim) : OMEN_QUARTER_BYTES(dim);
	/* of just the size, and not aligned, so that sanitizers see more read */
	uint8_t	   *space = malloc(2 * bytes + 1);
	uint8_t	   *a = space + 1;
	uint8_t	   *b = a + bytes;
	uint64_t	sum_mixed = 0;
	uint64_t	sum_both = 0;
	int			mask = (1 << bits) - 1;

	pack(arrays->a8, dim, bits, bytes, a);
	pack(arrays->b8, dim, bits, bytes, b);
	for (size_t i = 0; i < dim; i++)
	{
		sum_mixed += (uint64_t) (arrays->a8[i] * (arrays->b8[i] & mask));
		sum_both +=
			(uint64_t) ((arrays->a8[i] & mask) * (arrays->b8[i] & mask));
	}
	CHECK_MSG(mixed(arrays->a8, b, dim) == sum_mixed,
			  "%s ip_u8_u%d, dim %zu: %u instead of %llu", kernels->name, bits,
			  dim, (unsigned) mixed(arrays->a8, b, dim),
			  (unsigned long long) sum_mixed);
	CHECK_MSG(both(a, b, dim) == sum_both,
			  "%s ip_u%d, dim %zu: %u instead of %llu", kernels->name, bits,
			  dim, (unsigned) both(a, b, dim), (unsigned long long) sum_both);
	free(space);
}

static void
check_packed_kernels(const OmenKernels *kernels, const Arrays *arrays)
{
	check_packed(kernels, arrays, 4, kernels->ip_u8_u4, kernels->ip_u4);
	check_packed(kernels, arrays, 2, kernels->ip_u8_u2, kernels->ip_u2);
}

static void
check_mixed_kernel(const OmenKernels *kernels, const Arrays *arrays)
{
	size_t		dim = arrays->dim;
	double		sum = 0.0;
	double		size = 0.0;

	for (size_t i = 0; i < dim; i++)
	{
		sum += (double) arrays->a[i] * arrays->b8[i];
		size += fabs((double) arrays->a[i] * arrays->b8[i]);
	}
	check_sum(kernels, "ip_f32_u8", dim,
			  kernels->ip_f32_u8(arrays->a, arrays->b8, dim), sum, size);
}

static void
check_dim(const OmenKernels *kernels, size_t dim)
{
	for (size_t offset = 0; offset < 2; offset++)
	{
		Arrays		arrays = make_arrays(dim, offset);

		for (int pattern = 0; pattern < N_PATTERNS; pattern++)
		{
			fill(&arrays, (Pattern) pattern);
			check_float_kernels(kernels, &arrays);
			check_byte_kernels(kernels, &arrays);
			check_packed_kernels(kernels, &arrays);
			check_mixed_kernel(kernels, &arrays);
		}
		free_arrays(&arrays);
	}
}

/* Sums too large for float32 are infinite. */
static void
check_overflow(const OmenKernels *kernels)
{
	float		a[40];
	float		b[40];

	for (int i = 0; i < 40; i++)
	{
		a[i] = FLT_MAX;
		b[i] = -FLT_MAX;
	}
	CHECK(isinf(kernels->l2sq(a, b, 40)));
	CHECK(isinf(kernels->l1(a, b, 40)));
	CHECK(kernels->ip(a, b, 40) == -INFINITY);
}

/* Nothing at all has distance 0, whatever the pointers. */
static void
check_empty(const OmenKernels *kernels)
{
	float		x = 1.0f;
	uint8_t		byte = 1;

	CHECK(kernels->l2sq(&x, &x, 0) == 0.0f);
	CHECK(kernels->ip(&x, &x, 0) == 0.0f);
	CHECK(kernels->l1(&x, &x, 0) == 0.0f);
	CHECK(kernels->ip_u8(&byte, &byte, 0) == 0);
	CHECK(kernels->ip_split_u8(&byte, &byte, 0) == 0);
	CHECK(kernels->ip_u8_u4(&byte, &byte, 0) == 0);
	CHECK(kernels->ip_u4(&byte, &byte, 0) == 0);
	CHECK(kernels->ip_u8_u2(&byte, &byte, 0) == 0);
	CHECK(kernels->ip_u2(&byte, &byte, 0) == 0);
	CHECK(kernels->l1_u8(&byte, &byte, 0, 1, 1, 2, 2) == 0.0f);
	CHECK(kernels->ip_f32_u8(&x, &byte, 0) == 0.0f);
}

static void
test_tables(void)
{
	for (size_t i = 0; i < N_TABLES; i++)
	{
		const OmenKernels *kernels = omen_kernels_table(table_names[i]);

		if (kernels == NULL || !is_runnable(table_names[i]))
		{
			printf("%s: not here\n", table_names[i]);
			continue;
		}
		printf("%s\n", table_names[i]);
		for (size_t dim = 1; dim <= ALL_DIMS; dim++)
			if (is_tried(dim, TAIL_DIMS))
				check_dim(kernels, dim);
		check_dim(kernels, OMEN_MAX_DIM - 1);
		check_dim(kernels, OMEN_MAX_DIM);
		check_overflow(kernels);
		check_empty(kernels);
	}
}

static void
test_dispatch(void)
{
	const char *expected = getenv("OMEN_TEST_BEST");
	const char *last = NULL;
	const OmenKernels *best;

	CHECK(omen_kernels == omen_kernels_table("scalar"));
	omen_kernels_init();
	best = omen_kernels;
	CHECK(best != NULL);
	CHECK(omen_kernels_available(best->name));

	CHECK(omen_kernels_select("scalar"));
	CHECK(omen_kernels == omen_kernels_table("scalar"));
	CHECK(!omen_kernels_select("sse9"));
	CHECK(!omen_kernels_available(""));
	CHECK(omen_kernels_table("sse9") == NULL);
	CHECK(omen_kernels == omen_kernels_table("scalar"));
	CHECK(omen_kernels_select("auto"));
	CHECK(omen_kernels == best);

	for (size_t i = 0; i < N_TABLES; i++)
	{
		const char *name = table_names[i];

		if (is_variant(name))
		{
			CHECK(!omen_kernels_select(name));
			continue;
		}
		CHECK(omen_kernels_select(name) == omen_kernels_available(name));
		if (omen_kernels_available(name))
			CHECK(strcmp(omen_kernels->name, name) == 0);
	}
	/* the best is the last of those that this machine has */
	for (size_t i = 0; i < N_TABLES; i++)
		if (omen_kernels_available(table_names[i]))
			last = table_names[i];
	CHECK(strcmp(best->name, last) == 0);

	/* whoever emulates a CPU knows which one it has */
	if (expected != NULL)
		CHECK_MSG(strcmp(best->name, expected) == 0, "%s instead of %s",
				  best->name, expected);
}

int
main(void)
{
	test_dispatch();
	test_tables();
	return check_finish();
}
