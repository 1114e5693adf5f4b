/*
 * test_sketch.c
 *		Sketches of sparse vectors: their bits, how near their distances are to
 *		those of the vectors, and that bounds allow for that.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/quantize/augment.h"
#include "../../src/quantize/codes.h"
#include "../../src/quantize/sketch.h"
#include "check.h"
#include "random.h"

#define DIM OMEN_SKETCH_DIMS
#define COUNT 60
#define VALUE_DIMS 30522
#define PAIRS 3000

typedef struct Vector
{
	int32_t		indices[COUNT];
	float		values[COUNT];
	float		sketch[DIM];
	float		roots[DIM];
} Vector;

static OmenSparse
sparse(const Vector *v)
{
	return (OmenSparse){v->indices, v->values, COUNT};
}

/* Elements of one sign, or of both; some are shared by all vectors. */
static void
make_vector(Vector *v, bool signs)
{
	int32_t		index = -1;

	for (int i = 0; i < COUNT; i++)
	{
		volatile float product;

		index += 1 + (int32_t) (random_u64() % (i < COUNT / 2 ? 3 : 900));
		v->indices[i] = index;
		/* rounded before it is added to, whatever the compiler would do */
		product = random_normal() * random_normal();
		v->values[i] = 0.1f + product;
		if (!signs)
			v->values[i] = fabsf(v->values[i]);
	}
	omen_sketch(sparse(v), false, DIM, v->sketch);
	omen_sketch(sparse(v), true, DIM, v->roots);
}

static double
l2sq(const float *a, const float *b)
{
	double		sum = 0;

	for (int i = 0; i < DIM; i++)
		sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
	return sum;
}

/* ---------- bits ---------- */

static uint64_t
hash_floats(uint64_t hash, const float *x)
{
	for (int i = 0; i < DIM; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &x[i], sizeof(bits));
		hash = (hash ^ bits) * UINT64_C(0x100000001b3);
	}
	return hash;
}

/* An index keeps them: they may not change without a version. */
static void
test_bits(void)
{
	uint64_t	hash = UINT64_C(0xcbf29ce484222325);
	static Vector v;

	random_state = 7;
	for (int i = 0; i < 100; i++)
	{
		make_vector(&v, true);
		hash = hash_floats(hash_floats(hash, v.sketch), v.roots);
	}
	CHECK_MSG(hash == UINT64_C(0x71539878efd527cd), "checksum 0x%016llx",
			  (unsigned long long) hash);
}

/* ---------- distances ---------- */

static void
test_distances(bool signs)
{
	static Vector a;
	static Vector b;
	double		mean = 0;
	double		deviation = 0;
	double		ratio_l1 = 0;

	random_state = 8;
	for (int i = 0; i < PAIRS; i++)
	{
		double		true_l2sq;
		double		true_l1;
		double		e;

		make_vector(&a, signs);
		make_vector(&b, signs);
		true_l2sq = omen_kernels->sparse->l2sq(sparse(&a), sparse(&b));
		true_l1 = omen_kernels->sparse->l1(sparse(&a), sparse(&b));
		e = l2sq(a.sketch, b.sketch) / true_l2sq - 1;
		mean += e / PAIRS;
		deviation += e * e / PAIRS;
		ratio_l1 += l2sq(a.roots, b.roots) / true_l1 / PAIRS;
	}
	deviation = sqrt(deviation);
	CHECK_MSG(fabs(mean) < 0.004, "mean error %g", mean);
	CHECK_MSG(deviation < 1.05 * sqrt(2.0 / DIM) &&
				  deviation > 0.8 * sqrt(2.0 / DIM),
			  "deviation %g", deviation);
	/* less by what two roots of the same sign are nearer */
	CHECK_MSG(ratio_l1 > 0.7 && ratio_l1 < 1.0, "L1 by roots: %g", ratio_l1);
}

static void
test_limits(void)
{
	static float out[DIM];
	int32_t		indices[] = {5, 999999999};
	float		huge[] = {FLT_MAX, -FLT_MAX};
	float		tiny[] = {0x1p-149f, -0x1p-149f};
	bool		any = false;

	omen_sketch((OmenSparse){indices, huge, 0}, false, DIM, out);
	for (int i = 0; i < DIM; i++)
		CHECK(out[i] == 0.0f);
	for (int roots = 0; roots < 2; roots++)
	{
		omen_sketch((OmenSparse){indices, huge, 2}, roots != 0, DIM, out);
		for (int i = 0; i < DIM; i++)
			CHECK(fabsf(out[i]) <= FLT_MAX);
	}
	omen_sketch((OmenSparse){indices, tiny, 2}, false, DIM, out);
	for (int i = 0; i < DIM; i++)
		any |= out[i] != 0.0f;
	CHECK(any);
}

/* ---------- bounds ---------- */

static double
true_distance(OmenMetric metric, OmenSparse a, OmenSparse b)
{
	const OmenSparseKernels *k = omen_kernels->sparse;

	switch (metric)
	{
		case OMEN_METRIC_SKETCH_L2:
			return sqrt((double) k->l2sq(a, b));
		case OMEN_METRIC_SKETCH_IP:
			return -(double) k->ip(a, b);
		case OMEN_METRIC_SKETCH_COSINE:
			return 1.0 - (double) k->ip(a, b) /
							 sqrt((double) k->ip(a, a) * k->ip(b, b));
		default:
			return (double) k->l1(a, b);
	}
}

/*
 * Of three standard deviations, so a bound is above the truth once in some
 * hundreds at most; and it is not so low that it says nothing.
 */
static void
test_bounds(OmenMetric metric, OmenStorage storage)
{
	OmenQuantizer *q = malloc(omen_quantizer_size(metric, storage, DIM));
	float	   *scratch = malloc(DIM * sizeof(float));
	static Vector a;
	static Vector b;
	int			missed = 0;
	double		gap = 0;

	omen_quantizer_init(q, metric, storage, DIM, 28, NULL);
	random_state = 9;
	for (int i = 0; i < PAIRS; i++)
	{
		bool		roots = metric == OMEN_METRIC_SKETCH_L1;
		OmenCodeHeader header;
		OmenQueryHeader query;
		OmenQueryRest rest;
		void	   *code = calloc(1, omen_code_bytes(q));
		void	   *query_code = calloc(1, omen_query_bytes(q));
		double		truth;
		double		bound;
		float		distance;

		make_vector(&a, i % 2 != 0);
		make_vector(&b, i % 2 != 0);
		truth = true_distance(metric, sparse(&a), sparse(&b));
		CHECK(
			omen_encode(q, roots ? b.roots : b.sketch, scratch, &header, code));
		CHECK(omen_encode_query(q, roots ? a.roots : a.sketch, scratch, &query,
								query_code, &rest));
		distance = omen_query_distance(q, &query, query_code, &header, code);
		bound = omen_lower_bound(q, &query, &header, distance);
		missed += bound > truth;
		gap += (truth - bound) / fabs(truth) / PAIRS;
		CHECK(omen_certain_bound(q, &query, &header, distance) == -INFINITY);
		free(code);
		free(query_code);
	}
	CHECK_MSG(missed <= PAIRS / 200, "metric %d, storage %d: %d missed",
			  (int) metric, (int) storage, missed);
	if (metric != OMEN_METRIC_SKETCH_IP)
		CHECK_MSG(gap < 0.4, "metric %d, storage %d: gap %g", (int) metric,
				  (int) storage, gap);
	free(scratch);
	free(q);
}

/* Nodes of a product are linked by the angle, whatever their lengths. */
static void
test_links(void)
{
	OmenQuantizer *q = malloc(
		omen_quantizer_size(OMEN_METRIC_SKETCH_IP, OMEN_STORAGE_SQ8, DIM));
	float	   *scratch = malloc(DIM * sizeof(float));
	static Vector v[2];
	OmenCodeHeader headers[3];
	uint8_t		codes[3][DIM];
	double		cosine;
	float		link;

	omen_quantizer_init(q, OMEN_METRIC_SKETCH_IP, OMEN_STORAGE_SQ8, DIM, 1,
						NULL);
	random_state = 10;
	make_vector(&v[0], false);
	make_vector(&v[1], false);
	for (int i = 0; i < 2; i++)
		CHECK(omen_encode(q, v[i].sketch, scratch, &headers[i], codes[i]));
	for (int i = 0; i < DIM; i++)
		v[1].sketch[i] *= 8;
	CHECK(omen_encode(q, v[1].sketch, scratch, &headers[2], codes[2]));
	cosine = 1.0 - true_distance(OMEN_METRIC_SKETCH_COSINE, sparse(&v[0]),
								 sparse(&v[1]));
	link = omen_link_distance(q, 100, &headers[0], codes[0], &headers[1],
							  codes[1]);
	CHECK_MSG(fabs(link + cosine) < 0.15, "%g, not %g", link, -cosine);
	CHECK(fabsf(link - omen_link_distance(q, 100, &headers[0], codes[0],
										  &headers[2], codes[2])) < 1e-5f);
	CHECK(fabsf(omen_link_distance(q, 100, &headers[2], codes[2], &headers[1],
								   codes[1]) +
				1) < 1e-5f);
	free(scratch);
	free(q);
}

/*
 * Nor do norms matter whose product is beyond float32, at either end: linked by
 * such lengths two vectors are at the distance that they have by others.
 */
static void
test_long_links(OmenStorage storage)
{
	OmenQuantizer *q =
		malloc(omen_quantizer_size(OMEN_METRIC_SKETCH_IP, storage, DIM));
	float	   *scratch = malloc(DIM * sizeof(float));
	static const float lengths[] = {1, 0x1p+66f, 0x1p+90f, 0x1p-76f, 0x1p-100f};
	static Vector v[2];
	static float sketch[DIM];
	static float codes[2][DIM];
	OmenCodeHeader headers[2];
	float		usual = 0;

	omen_quantizer_init(q, OMEN_METRIC_SKETCH_IP, storage, DIM, 1, NULL);
	random_state = 11;
	make_vector(&v[0], false);
	make_vector(&v[1], false);
	for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
	{
		float		link;

		for (int i = 0; i < 2; i++)
		{
			for (int j = 0; j < DIM; j++)
				sketch[j] = v[i].sketch[j] * lengths[l];
			CHECK(omen_encode(q, sketch, scratch, &headers[i], codes[i]));
		}
		link = omen_link_distance(q, 100, &headers[0], codes[0], &headers[1],
								  codes[1]);
		if (l == 0)
			usual = link;
		CHECK_MSG(fabsf(link - usual) < 1e-3f, "%g, not %g, times %g", link,
				  usual, lengths[l]);
		link = omen_link_distance(q, 100, &headers[0], codes[0], &headers[0],
								  codes[0]);
		CHECK_MSG(fabsf(link + 1) < 1e-5f, "%g, not -1, times %g", link,
				  lengths[l]);
	}
	free(scratch);
	free(q);
}

/* None is NaN, however long the vectors. */
static void
test_longest_links(OmenStorage storage)
{
	OmenQuantizer *q =
		malloc(omen_quantizer_size(OMEN_METRIC_SKETCH_IP, storage, DIM));
	float	   *scratch = malloc(DIM * sizeof(float));
	static const int32_t indices[] = {1, 2};
	static const float values[] = {3e38f, 3e38f};
	static float sketch[DIM];
	static float code[DIM];
	OmenCodeHeader header;

	omen_quantizer_init(q, OMEN_METRIC_SKETCH_IP, storage, DIM, 1, NULL);
	omen_sketch((OmenSparse){indices, values, 2}, false, DIM, sketch);
	CHECK(omen_encode(q, sketch, scratch, &header, code));
	CHECK(!isnan(omen_link_distance(q, 100, &header, code, &header, code)));
	free(scratch);
	free(q);
}

int
main(void)
{
	static const OmenStorage storages[] = {OMEN_STORAGE_SQ8, OMEN_STORAGE_SQ4,
										   OMEN_STORAGE_FULL};

	omen_kernels_init();
	test_bits();
	test_distances(false);
	test_distances(true);
	test_limits();
	for (int metric = OMEN_METRIC_SKETCH_L2; metric < OMEN_METRICS; metric++)
		for (size_t s = 0; s < 3; s++)
			test_bounds((OmenMetric) metric, storages[s]);
	test_links();
	for (size_t i = 0; i < 3; i++)
	{
		test_long_links(storages[i]);
		test_longest_links(storages[i]);
	}
	return check_finish();
}
