/*
 * kernels.c
 *		How long the distance kernels and the encoding take.
 *
 * Purpose: print nanoseconds per call of every kernel this machine can run,
 * of the distance between two codes and of encoding, on data in the first
 * level of cache.  Vectors are taken from a small pool, so that a call does
 * not depend on the one before; the same of halves.  Then, of the blocked kernels, nanoseconds
 * per pair of points in a leaf, and per point for the nearest in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../src/distance/block.h"
#include "../src/distance/distance.h"
#include "../src/distance/half.h"
#include "../src/quantize/codes.h"

#define POOL 4					/* vectors that take turns, a power of two */
#define MAX_DIM 1536
#define REPEATS 5				/* the fastest counts */
#define LEAF 700				/* points of a leaf */
#define NEAREST 10

static const uint32_t dims[] = {128, 768, 784, 1536};

#define N_DIMS (sizeof(dims) / sizeof(dims[0]))

static float floats[POOL][MAX_DIM];
static uint8_t bytes[POOL][MAX_DIM];
static uint16_t halves[POOL][MAX_DIM];
static volatile double sink;

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

/* Set result to the nanoseconds one evaluation of call, of index i, takes. */
#define MEASURE(result, calls, call) \
	do \
	{ \
		double best_ = 1e9; \
		for (int repeat_ = 0; repeat_ < REPEATS; repeat_++) \
		{ \
			double start_ = seconds(); \
			double sum_ = 0.0; \
			double took_; \
			for (int i = 0; i < (calls); i++) \
				sum_ += (call); \
			took_ = (seconds() - start_) / (calls) *1e9; \
			sink = sum_; \
			if (took_ < best_) \
				best_ = took_; \
		} \
		(result) = best_; \
	} while (0)

static double
run_cosine(const float *a, const float *b, size_t dim)
{
	float		ab;
	float		aa;
	float		bb;

	omen_kernels->cosine(a, b, dim, &ab, &aa, &bb);
	return ab + aa + bb;
}

/* Sum of |a_i - b_i| of 16-bit values, a pass over memory as ip_u8 is. */
static double
run_l1_u16(int i, size_t dim)
{
	static uint16_t words[POOL][MAX_DIM];

	return omen_kernels->l1_u16(words[i & (POOL - 1)],
								words[(i / POOL) & (POOL - 1)], dim);
}

#define A floats[i & (POOL - 1)]
#define B floats[(i / POOL) & (POOL - 1)]
#define A8 bytes[i & (POOL - 1)]
#define B8 bytes[(i / POOL) & (POOL - 1)]
#define A16 halves[i & (POOL - 1)]
#define B16 halves[(i / POOL) & (POOL - 1)]
#define CALLS 200000

static void
bench_kernels(uint32_t dim)
{
	double		ns[7];

	MEASURE(ns[0], CALLS, omen_kernels->l2sq(A, B, dim));
	MEASURE(ns[1], CALLS, omen_kernels->ip(A, B, dim));
	MEASURE(ns[2], CALLS, omen_kernels->l1(A, B, dim));
	MEASURE(ns[3], CALLS, run_cosine(A, B, dim));
	MEASURE(ns[4], CALLS, omen_kernels->ip_u8(A8, B8, dim));
	MEASURE(ns[5], CALLS,
			omen_kernels->l1_u8(A8, B8, dim, 0.1f, 0.2f, 0.3f, 0.4f));
	MEASURE(ns[6], CALLS, run_l1_u16(i, dim));
	printf("%-12s %5u %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f\n",
		   omen_kernels->name, dim, ns[0], ns[1], ns[2], ns[3], ns[4], ns[5],
		   ns[6]);
}

static double
run_half_cosine(const uint16_t *a, const uint16_t *b, size_t dim)
{
	float		ab;
	float		aa;
	float		bb;

	omen_kernels->half->cosine(a, b, dim, &ab, &aa, &bb);
	return ab + aa + bb;
}

static double
run_to_floats(const uint16_t *from, size_t dim)
{
	static float to[MAX_DIM];

	omen_kernels->half->to_floats(from, dim, to);
	return to[0];
}

static double
run_from_floats(const float *from, size_t dim)
{
	static uint16_t to[MAX_DIM];

	omen_kernels->half->from_floats(from, dim, to);
	return to[0];
}

static void
bench_halves(uint32_t dim)
{
	const OmenHalfKernels *half = omen_kernels->half;
	double		ns[6];

	MEASURE(ns[0], CALLS, half->l2sq(A16, B16, dim));
	MEASURE(ns[1], CALLS, half->ip(A16, B16, dim));
	MEASURE(ns[2], CALLS, half->l1(A16, B16, dim));
	MEASURE(ns[3], CALLS, run_half_cosine(A16, B16, dim));
	MEASURE(ns[4], CALLS, run_to_floats(A16, dim));
	MEASURE(ns[5], CALLS, run_from_floats(A, dim));
	printf("%-12s %5u %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f\n",
		   omen_kernels->name, dim, ns[0], ns[1], ns[2], ns[3], ns[4], ns[5]);
}

/* Codes of one kind: encoding, and distances of two and of a query and one. */
static void
bench_codes(OmenMetric metric, OmenStorage storage, uint32_t dim)
{
	static float scratch[MAX_DIM];
	OmenCodeHeader headers[POOL];
	OmenQueryHeader query;
	OmenQueryRest about;
	OmenQuantizer *q = malloc(omen_quantizer_size(metric, storage, dim));
	uint8_t	   *code = malloc(sizeof(float) * (size_t) dim);
	double		ns[3];

	if (q == NULL || code == NULL)
		abort();
	omen_quantizer_init(q, metric, storage, dim, 1,
						metric == OMEN_METRIC_L1 ? NULL : floats[0]);
	MEASURE(ns[0], CALLS / 10,
			omen_encode(q, A, scratch, &headers[i & (POOL - 1)], A8));
	MEASURE(ns[1], CALLS,
			omen_code_distance(q, &headers[i & (POOL - 1)], A8,
							   &headers[(i / POOL) & (POOL - 1)], B8));
	(void) omen_encode_query(q, floats[1], scratch, &query, code, &about);
	MEASURE(ns[2], CALLS,
			omen_query_distance(q, &query, code, &headers[i & (POOL - 1)], A8));
	printf("%-12s %-8s %-8s %5u %8.1f %8.1f %8.1f\n", omen_kernels->name,
		   omen_metrics[metric].name, omen_codecs[storage]->name, dim, ns[0],
		   ns[1], ns[2]);
	free(code);
	free(q);
}

/* All pairs of a leaf, and from its distances the nearest of each point. */
static void
bench_block(size_t dim)
{
	static OmenPointTerms terms[LEAF];
	static const OmenPointTerms *all_terms[LEAF];
	static const uint8_t *all_codes[LEAF];
	const OmenBlockKernels *block = omen_kernels->block;
	const size_t row = (LEAF + OMEN_PANEL - 1) / OMEN_PANEL * OMEN_PANEL;
	size_t		stride = OMEN_BLOCK_STRIDE(dim);
	uint8_t	   *codes = calloc(LEAF, stride);
	float	   *out = malloc(sizeof(float) * row * LEAF);
	void	   *panel = aligned_alloc(64, block->panels.panel_bytes(dim));
	uint32_t	index[NEAREST];
	float		value[NEAREST];
	double		best[3] = {1e9, 1e9, 1e9};

	if (codes == NULL || out == NULL || panel == NULL)
		abort();
	for (int p = 0; p < LEAF; p++)
	{
		for (size_t i = 0; i < dim; i++)
			codes[p * stride + i] = (uint8_t) rand();
		terms[p].scale = 0.1f;
		terms[p].sumsq = 200.0f * (float) dim;
		all_terms[p] = &terms[p];
		all_codes[p] = codes + p * stride;
	}

	for (int repeat = 0; repeat < 4 * REPEATS; repeat++)
	{
		double		took[3] = {0.0, 0.0, 0.0};
		double		start;

		for (uint32_t c = 0; c < LEAF; c += OMEN_PANEL)
		{
			uint32_t	count = LEAF - c < OMEN_PANEL ? LEAF - c : OMEN_PANEL;

			start = seconds();
			block->panels.pack(panel, all_codes + c, all_terms + c, count, dim);
			took[0] += seconds() - start;
			start = seconds();
			block->panels.distances(panel, all_codes, all_terms, LEAF, dim, out + c,
							 row);
			took[1] += seconds() - start;
		}
		start = seconds();
		for (int p = 0; p < LEAF; p++)
			sink = block->nearest(out + p * row, LEAF, NEAREST, index, value);
		took[2] = seconds() - start;
		for (int i = 0; i < 3; i++)
			if (took[i] < best[i])
				best[i] = took[i];
	}
	printf("%-12s %5zu %8.3f %8.3f %8.1f\n", omen_kernels->name, dim,
		   best[0] * 1e9 / LEAF / LEAF, best[1] * 1e9 / LEAF / LEAF,
		   best[2] * 1e9 / LEAF);
	free(codes);
	free(out);
	free(panel);
}

int
main(void)
{
	static const char *const tables[] = {"scalar", "avx2",		   "avx512",
										 "neon",   "neon_dotprod", "neon_i8mm"};
	const int	ntables = sizeof(tables) / sizeof(tables[0]);

	for (int v = 0; v < POOL; v++)
		for (int i = 0; i < MAX_DIM; i++)
		{
			floats[v][i] = (float) rand() / (float) RAND_MAX - 0.5f;
			bytes[v][i] = (uint8_t) rand();
			halves[v][i] = omen_half_from_float(floats[v][i]);
		}

	printf("%-12s %5s %8s %8s %8s %8s %8s %8s %8s\n", "table", "dim", "l2sq",
		   "ip", "l1", "cosine", "ip_u8", "l1_u8", "l1_u16");
	for (int t = 0; t < ntables; t++)
		if (omen_kernels_select(tables[t]))
			for (size_t d = 0; d < N_DIMS; d++)
				bench_kernels(dims[d]);

	printf("\n%-12s %5s %8s %8s %8s %8s %8s %8s   of halves\n", "table", "dim",
		   "l2sq", "ip", "l1", "cosine", "to_float", "to_half");
	for (int t = 0; t < ntables; t++)
		if (omen_kernels_select(tables[t]))
			for (size_t d = 0; d < N_DIMS; d++)
				bench_halves(dims[d]);

	printf("\n%-12s %-8s %-8s %5s %8s %8s %8s\n", "table", "metric", "storage",
		   "dim", "encode", "distance", "query");
	omen_kernels_init();
	for (size_t d = 0; d < N_DIMS; d++)
		for (int metric = 0; metric < OMEN_METRICS; metric++)
			for (int storage = 0; storage < OMEN_STORAGES; storage++)
				if (omen_codes_exist((uint32_t) storage, (uint32_t) metric) &&
					omen_is_quantized((OmenStorage) storage))
					bench_codes((OmenMetric) metric, (OmenStorage) storage,
								dims[d]);

	printf("\n%-12s %5s %8s %8s %8s\n", "table", "dim", "pack", "block",
		   "nearest");
	for (int t = 0; t < ntables; t++)
		if (omen_kernels_select(tables[t]))
			for (size_t d = 0; d < 3; d++)
				bench_block(dims[d]);
	return 0;
}
