/*
 * test_sparse.c
 *		Distances of sparse arrays, by every table this machine can run,
 *		against sums in double precision, within the error that sparse.h
 *		promises.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/distance/distance.h"
#include "../../src/distance/sparse.h"
#include "check.h"
#include "random.h"
#include "sample.h"
#include "tables.h"

/* An array whose parts end where their memory ends. */
typedef struct Array
{
	int32_t	   *indices;
	float	   *values;
	size_t		count;
} Array;

/*
 * Elements at random below dim, each index with the probability 1 / every.
 */
static Array
make_array(size_t count, int every, float size)
{
	Array		array;
	int32_t		index = -1;

	array.indices = malloc(count * sizeof(int32_t));
	array.values = malloc(count * sizeof(float));
	array.count = count;
	for (size_t i = 0; i < count; i++)
	{
		index += 1 + (int32_t) (random_u64() % (uint64_t) every);
		array.indices[i] = index;
		array.values[i] = random_float() * size;
	}
	return array;
}

static void
free_array(Array array)
{
	free(array.indices);
	free(array.values);
}

static OmenSparse
sparse(Array array)
{
	return (OmenSparse){array.indices, array.values, array.count};
}

/* The three sums, and the sums of the sizes of their terms. */
typedef struct Sums
{
	double		l2sq;
	double		ip;
	double		l1;
	double		ip_terms;
} Sums;

static void
add_pair(Sums *sums, float x, float y)
{
	double		diff = (double) x - y;

	sums->l2sq += diff * diff;
	sums->l1 += fabs(diff);
	sums->ip += (double) x * y;
	sums->ip_terms += fabs((double) x * y);
}

static Sums
expected_sums(Array a, Array b)
{
	Sums		sums = {0};

	for (size_t i = 0; i < a.count; i++)
	{
		float		y = 0.0f;

		for (size_t j = 0; j < b.count; j++)
			if (b.indices[j] == a.indices[i])
				y = b.values[j];
		add_pair(&sums, a.values[i], y);
	}
	for (size_t j = 0; j < b.count; j++)
	{
		size_t		i = 0;

		while (i < a.count && a.indices[i] != b.indices[j])
			i++;
		if (i == a.count)
			add_pair(&sums, 0.0f, b.values[j]);
	}
	return sums;
}

static void
close_to(const char *what, double result, double expected, double terms,
		 size_t count)
{
	double		allowed =
		omen_kernel_error(count) * terms + (double) count * 0x1.0p-149;

	CHECK_MSG(fabs(result - expected) <= allowed,
			  "%s of %zu elements: %.9g, not %.9g", what, count, result,
			  expected);
}

static void
test_pair(const OmenSparseKernels *table, Array a, Array b)
{
	Sums		sums = expected_sums(a, b);
	OmenSparse	x = sparse(a);
	OmenSparse	y = sparse(b);
	size_t		count = a.count + b.count;

	close_to("l2sq", table->l2sq(x, y), sums.l2sq, sums.l2sq, count);
	close_to("ip", table->ip(x, y), sums.ip, sums.ip_terms, count);
	close_to("l1", table->l1(x, y), sums.l1, sums.l1, count);
	CHECK(table->l2sq(x, x) == 0.0f && table->l1(y, y) == 0.0f);
}

static void
test_table(const OmenSparseKernels *table)
{
	static const int every[] = {1, 2, 3, 20, 1000};

	random_state = 28;
	for (size_t n = 0; n <= 70; n++)
		for (size_t m = 0; m <= 70; m += 1 + (is_sampled() ? n % 3 : 0))
		{
			int			e = every[random_u64() % 5];
			Array		a = make_array(n, e, 1.0f);
			Array		b = make_array(m, every[random_u64() % 5], 1.0f);

			test_pair(table, a, b);
			free_array(a);
			free_array(b);
		}
	for (int round = 0; round < 60; round++)
	{
		float		size = round % 3 == 0 ? 0x1p-75f : 1.0f;
		Array		a = make_array(random_u64() % 1200, every[round % 5], size);
		Array b = make_array(random_u64() % 1200, every[round / 5 % 5], size);

		test_pair(table, a, b);
		free_array(a);
		free_array(b);
	}
}

/* As many elements as a sparse vector may have, and the largest index. */
static void
test_limits(const OmenSparseKernels *table)
{
	Array		a = make_array(16000, 2, 1.0f);
	Array		b = make_array(16000, 2, 1.0f);
	int32_t		last[] = {0, 999999999};
	float		ones[] = {1.0f, FLT_MAX};
	OmenSparse	c = {last, ones, 2};
	OmenSparse	d = {last + 1, ones, 1};

	b.indices[15999] = 999999999;
	test_pair(table, a, b);
	CHECK(table->ip(c, d) == FLT_MAX && table->ip(d, c) == FLT_MAX);
	CHECK(isinf(table->l2sq(c, d)) && table->l1(d, d) == 0.0f);
	free_array(a);
	free_array(b);
}

int
main(void)
{
	for (size_t i = 0; i < N_TABLES; i++)
	{
		const OmenKernels *table = omen_kernels_table(table_names[i]);

		if (table == NULL || !omen_kernels_available(table->name))
			continue;
		test_table(table->sparse);
		test_limits(table->sparse);
	}
	return check_finish();
}
