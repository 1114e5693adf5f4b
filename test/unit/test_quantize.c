/*
 * test_quantize.c
 *		Rotation and codes: lengths kept, errors bounded, bits the same.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/quantize/codes.h"
#include "../../src/quantize/rotation.h"
#include "check.h"
#include "random.h"
#include "sample.h"

#define MAX_DIM 16000

static const uint32_t some_dims[] = {1,	   2,	 3,	   4,	 5,	   7,	8,
									 9,	   15,	 16,   17,	 31,   33,	64,
									 100,  128,	 255,  257,	 300,  768, 784,
									 1000, 1536, 2048, 4099, 16000};

#define N_DIMS (sizeof(some_dims) / sizeof(some_dims[0]))

/* Those of a sample: with each kind of tail, and with none. */
static const uint32_t sample_dims[] = {1, 3, 7, 16, 33, 100, 257, 784, 2048};

#define N_SAMPLE_DIMS (sizeof(sample_dims) / sizeof(sample_dims[0]))

static const char *const metric_names[] = {"l2", "ip",		"cosine",
										   "l1", "hamming", "jaccard"};

/* Of vectors of floats: the first of all. */
#define N_METRICS 4

/* The kinds of codes that are made of them. */
static const OmenStorage storages[] = {OMEN_STORAGE_SQ8, OMEN_STORAGE_FULL,
									   OMEN_STORAGE_SQ4};

#define N_STORAGES (sizeof(storages) / sizeof(storages[0]))

static void *
allocate(size_t bytes)
{
	void	   *memory = malloc(bytes);

	if (memory == NULL)
		abort();
	return memory;
}

/* Kinds of few bits: the bound that counts is likely, and queries have more. */
static bool
has_few_bits(OmenStorage storage)
{
	return storage == OMEN_STORAGE_SQ4 || storage == OMEN_STORAGE_SQ2;
}

/* The caller frees. */
static OmenQuantizer *
make_quantizer(OmenMetric metric, OmenStorage storage, uint32_t dim,
			   uint64_t seed, const float *mean)
{
	OmenQuantizer *q = allocate(omen_quantizer_size(metric, storage, dim));

	omen_quantizer_init(q, metric, storage, dim, seed, mean);
	return q;
}

static double
norm(const float *x, uint32_t dim)
{
	double		sum = 0.0;

	for (uint32_t i = 0; i < dim; i++)
		sum += (double) x[i] * x[i];
	return sqrt(sum);
}

static double
dot(const float *x, const float *y, uint32_t dim)
{
	double		sum = 0.0;

	for (uint32_t i = 0; i < dim; i++)
		sum += (double) x[i] * y[i];
	return sum;
}

/* The i-th of the dimensions to try, or 0 after the last. */
static uint32_t
dim_to_try(size_t i)
{
	if (is_sampled())
		return i < N_SAMPLE_DIMS ? sample_dims[i] : 0;
	return i < N_DIMS ? some_dims[i] : 0;
}

/* ---------- vectors ---------- */

typedef enum Shape
{
	SHAPE_NORMAL,
	SHAPE_OUTLIERS,				/* two coordinates dwarf the others */
	SHAPE_CONSTANT,
	SHAPE_ZERO,
	SHAPE_ONE_HOT,
	SHAPE_INTEGERS,				/* as pixels are */
	SHAPE_OFFSET,				/* small differences far from the origin */
	SHAPE_ALTERNATING,
	SHAPE_MIXED,				/* every magnitude there is */
	SHAPE_LARGE,				/* squares overflow float32 */
	SHAPE_HUGE,
	SHAPE_LARGEST,
	SHAPE_SMALL,				/* squares underflow float32 */
	SHAPE_SUBNORMAL,
	SHAPE_SMALLEST,
	N_SHAPES
} Shape;

static const char *const shape_names[] = {"normal", "outliers",	   "constant",
										  "zero",	"one-hot",	   "integers",
										  "offset", "alternating", "mixed",
										  "large",	"huge",		   "largest",
										  "small",	"subnormal",   "smallest"};

static void
fill_scaled(float *x, uint32_t dim, float scale)
{
	for (uint32_t i = 0; i < dim; i++)
		x[i] = random_float() * scale;
}

static void
fill_shape(Shape shape, float *x, uint32_t dim)
{
	uint32_t	at = (uint32_t) (random_u64() % dim);
	float		value = random_normal();

	memset(x, 0, sizeof(float) * dim);
	switch (shape)
	{
		case SHAPE_NORMAL:
		case SHAPE_OUTLIERS:
			for (uint32_t i = 0; i < dim; i++)
				x[i] = random_normal();
			if (shape == SHAPE_OUTLIERS)
			{
				x[at] = 1e4f;
				x[dim / 2] = -3e4f;
			}
			break;
		case SHAPE_CONSTANT:
			for (uint32_t i = 0; i < dim; i++)
				x[i] = value;
			break;
		case SHAPE_ZERO:
			break;
		case SHAPE_ONE_HOT:
			x[at] = value;
			break;
		case SHAPE_INTEGERS:
			for (uint32_t i = 0; i < dim; i++)
				x[i] = (float) (random_u64() & 255);
			break;
		case SHAPE_OFFSET:
			for (uint32_t i = 0; i < dim; i++)
				x[i] = 1e6f + random_float();
			break;
		case SHAPE_ALTERNATING:
			for (uint32_t i = 0; i < dim; i++)
				x[i] = i % 2 ? value : -value;
			break;
		case SHAPE_MIXED:
			for (uint32_t i = 0; i < dim; i++)
			{
				int			exponent = (int) (random_u64() % 180) - 100;

				x[i] = ldexpf(random_float(), exponent);
			}
			break;
		case SHAPE_LARGE:
			fill_scaled(x, dim, 1e20f);
			break;
		case SHAPE_HUGE:
			fill_scaled(x, dim, 1e33f);
			break;
		case SHAPE_LARGEST:
			for (uint32_t i = 0; i < dim; i++)
				x[i] = random_u64() & 1 ? FLT_MAX : -FLT_MAX;
			break;
		case SHAPE_SMALL:
			fill_scaled(x, dim, 1e-25f);
			break;
		case SHAPE_SUBNORMAL:
			fill_scaled(x, dim, 1e-40f);
			break;
		case SHAPE_SMALLEST:
			x[at] = FLT_TRUE_MIN;
			break;
		case N_SHAPES:
			break;
	}
}

/* Move each coordinate by a few units in its last place. */
static void
fill_close(const float *x, float *y, uint32_t dim)
{
	for (uint32_t i = 0; i < dim; i++)
	{
		y[i] = x[i];
		if (random_u64() & 1)
			y[i] = nextafterf(x[i], 0.0f);
	}
}

/* ---------- rotation ---------- */

static void
rotate(const uint32_t *signs, uint32_t dim, const float *x, float *out)
{
	memcpy(out, x, sizeof(float) * dim);
	omen_rotate(signs, dim, out);
}

static void
check_rotation(uint32_t dim)
{
	uint32_t   *signs = allocate(sizeof(uint32_t) * omen_rotation_words(dim));
	float	   *x = allocate(sizeof(float) * dim);
	float	   *y = allocate(sizeof(float) * dim);
	float	   *rx = allocate(sizeof(float) * dim);
	float	   *ry = allocate(sizeof(float) * dim);
	double		error = omen_rotation_error(dim);
	double		product;

	omen_rotation_signs(dim, dim, signs);
	CHECK(error < 5e-6);
	for (int shape = 0; shape < SHAPE_LARGE; shape++)
	{
		fill_shape((Shape) shape, x, dim);
		fill_shape(SHAPE_NORMAL, y, dim);
		rotate(signs, dim, x, rx);
		rotate(signs, dim, y, ry);
		product = norm(x, dim) * norm(y, dim);
		CHECK_MSG(fabs(norm(rx, dim) - norm(x, dim)) <= error * norm(x, dim),
				  "dim %u, %s: norm %.9g became %.9g", dim, shape_names[shape],
				  norm(x, dim), norm(rx, dim));
		CHECK_MSG(fabs(dot(rx, ry, dim) - dot(x, y, dim)) <=
					  2.01 * error * product + 1e-12 * product,
				  "dim %u, %s: inner product %.9g became %.9g", dim,
				  shape_names[shape], dot(x, y, dim), dot(rx, ry, dim));
	}
	free(signs);
	free(x);
	free(y);
	free(rx);
	free(ry);
}

/* One coordinate must not stay one coordinate, wherever it is. */
static void
check_spread(uint32_t dim)
{
	uint32_t   *signs = allocate(sizeof(uint32_t) * omen_rotation_words(dim));
	float	   *x = allocate(sizeof(float) * dim);

	omen_rotation_signs(7, dim, signs);
	for (uint32_t at = 0; at < dim; at++)
	{
		double		fourth = 0.0;

		memset(x, 0, sizeof(float) * dim);
		x[at] = 1.0f;
		omen_rotate(signs, dim, x);
		for (uint32_t i = 0; i < dim; i++)
			fourth += (double) x[i] * x[i] * x[i] * x[i];
		/* 3 / dim for a normal distribution, 1 for a single coordinate */
		CHECK_MSG(fourth < 16.0 / dim,
				  "dim %u, coordinate %u: fourth moment %g", dim, at,
				  fourth * dim);
	}
	free(signs);
	free(x);
}

static void
test_rotation(void)
{
	uint32_t	one[64];
	uint32_t	other[64];

	for (uint32_t dim = 1; dim <= 300; dim++)
		check_rotation(dim);
	for (uint32_t dim = 307; dim <= 2048; dim += 37)
		check_rotation(dim);
	check_rotation(2047);
	check_rotation(2048);
	check_rotation(16000);

	check_spread(96);
	check_spread(100);
	check_spread(128);
	check_spread(257);
	check_spread(768);

	omen_rotation_signs(1, 128, one);
	omen_rotation_signs(2, 128, other);
	CHECK(memcmp(one, other, sizeof(uint32_t) * omen_rotation_words(128)) != 0);
}

/* ---------- codes ---------- */

/* A vector and its code. */
typedef struct Coded
{
	float	   *x;
	void	   *code;
	OmenCodeHeader header;
	bool		encoded;		/* false: no direction */
} Coded;

static Coded
make_coded(uint32_t dim)
{
	Coded		coded = {.x = allocate(sizeof(float) * dim),
				   .code = allocate(sizeof(float) * dim)};

	return coded;
}

static void
free_coded(Coded *coded)
{
	free(coded->x);
	free(coded->code);
}

/* What the SQL operator returns, with one table of kernels. */
static double
operator_result(const OmenKernels *kernels, OmenMetric metric, const float *x,
				const float *y, uint32_t dim)
{
	float		ab;
	float		aa;
	float		bb;
	double		similarity;

	switch (metric)
	{
		case OMEN_METRIC_L2:
			return sqrt((double) kernels->l2sq(x, y, dim));
		case OMEN_METRIC_IP:
			return -(double) kernels->ip(x, y, dim);
		case OMEN_METRIC_L1:
			return kernels->l1(x, y, dim);
		default:
			break;
	}
	kernels->cosine(x, y, dim, &ab, &aa, &bb);
	similarity = ab / sqrt((double) aa * (double) bb);
	if (similarity > 1.0)
		similarity = 1.0;
	if (similarity < -1.0)
		similarity = -1.0;
	return 1.0 - similarity;
}

/* A node's header as that of a query, whose code is the same. */
static OmenQueryHeader
as_query(const OmenQuantizer *q, const OmenCodeHeader *header)
{
	OmenQueryHeader query = {*header, 1.0, 1.0,
							 header->mean_dot + q->mean_sumsq};

	return query;
}

/* A bound holds for every table, not only the one the codes used. */
static void
check_below_truth(const OmenQuantizer *q, const Coded *a, const Coded *b,
				  double bound, const char *what, const char *which)
{
	static const char *const tables[] = {"scalar", "avx2", "avx512", "neon"};

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
	{
		double		truth;

		if (!omen_kernels_available(tables[t]))
			continue;
		truth = operator_result(omen_kernels_table(tables[t]),
								(OmenMetric) q->metric, a->x, b->x, q->dim);
		/* NaN sorts after everything else */
		CHECK_MSG(isnan(truth) || bound <= truth,
				  "%s %s storage %d, dim %u: %s %.17g above %.17g (%s)",
				  metric_names[q->metric], what, q->storage, q->dim, which,
				  bound, truth, tables[t]);
	}
}

static void
check_bound(const OmenQuantizer *q, const Coded *a, const Coded *b,
			const char *what)
{
	float		distance =
		omen_code_distance(q, &a->header, a->code, &b->header, b->code);
	/* with four bits the other one is only likely, another test's matter */
	OmenQueryHeader query = as_query(q, &a->header);
	OmenQueryHeader other = as_query(q, &b->header);
	double		bound = omen_certain_bound(q, &query, &b->header, distance);

	CHECK_MSG(!isnan(distance) && !isnan(bound), "%s, dim %u: NaN", what,
			  q->dim);
	CHECK_MSG(has_few_bits((OmenStorage) q->storage) ||
				  bound == omen_lower_bound(q, &query, &b->header, distance),
			  "%s, dim %u: two bounds", what, q->dim);
	CHECK_MSG(bound == omen_certain_bound(q, &other, &a->header, distance) ||
				  q->metric == OMEN_METRIC_IP || omen_is_quantized(q->storage),
			  "%s, dim %u: not symmetric", what, q->dim);
	check_below_truth(q, a, b, bound, what, "bound");
}

/* The bounds of a query hold, too, the refined one among them. */
static void
check_query_bounds(const OmenQuantizer *q, const Coded *a, const Coded *b,
				   const char *what)
{
	float	   *rest = allocate(sizeof(float) * q->dim);
	uint8_t	   *code = allocate(omen_query_bytes(q));
	OmenQueryRest about;
	OmenQueryHeader header;
	float		distance = INFINITY;
	double		bound;

	/* the other's code may have been recoded; a query's never is */
	if (!omen_encode_query(q, a->x, rest, &header, code, &about))
		memset(&header, 0, sizeof(header));
	else
	{
		distance = omen_query_distance(q, &header, code, &b->header, b->code);
		bound = omen_certain_bound(q, &header, &b->header, distance);
		CHECK_MSG(!isnan(distance) && !isnan(bound), "%s, dim %u: NaN", what,
				  q->dim);
		check_below_truth(q, a, b, bound, what, "bound of a query");
	}
	if (about.is_known)
	{
		bound = omen_refined_bound(q, &header, rest, &about, &b->header,
								   b->code, distance);
		CHECK(q->storage == OMEN_STORAGE_SQ8);
		CHECK_MSG(!isnan(bound), "%s, dim %u: NaN", what, q->dim);
		check_below_truth(q, a, b, bound, what, "refined bound");
	}
	free(code);
	free(rest);
}

/* The number that a code on a grid has for a coordinate. */
static uint32_t
number_of(const OmenQuantizer *q, const uint8_t *code, uint32_t i)
{
	int			bits = q->storage == OMEN_STORAGE_SQ8	? 8
			   : q->storage == OMEN_STORAGE_SQ4 ? 4
												: 2;
	uint32_t	bytes = (uint32_t) omen_code_bytes(q);

	return (code[i % bytes] >> (i / bytes * (uint32_t) bits)) &
		   ((1u << bits) - 1);
}

static void
check_code(const OmenQuantizer *q, const Coded *coded, float *scratch,
		   const char *what)
{
	const OmenCodeHeader *hdr = &coded->header;
	const uint8_t *bytes = coded->code;
	double		error = omen_code_error(q, coded->x, scratch, hdr, coded->code);
	uint32_t	sum = 0;
	uint32_t	sumsq = 0;

	CHECK_MSG(
		(isfinite(hdr->offset) || q->storage == OMEN_STORAGE_FULL) &&
			isfinite(hdr->step) && hdr->step >= 0 && isfinite(hdr->mean_dot) &&
			hdr->error >= 0,
		"%s %s storage %d, dim %u: offset %g step %g mean_dot %g error %g",
		metric_names[q->metric], what, q->storage, q->dim, hdr->offset,
		hdr->step, hdr->mean_dot, hdr->error);
	CHECK_MSG(error <= hdr->error,
			  "%s %s storage %d, dim %u: error %.9g above bound %.9g",
			  metric_names[q->metric], what, q->storage, q->dim, error,
			  hdr->error);
	if (q->storage == OMEN_STORAGE_FULL)
		return;
	for (uint32_t i = 0; i < q->dim; i++)
	{
		uint32_t	number = number_of(q, bytes, i);

		sum += number;
		sumsq += number * number;
	}
	CHECK(hdr->sum == sum);
	CHECK(hdr->sumsq == sumsq);
	CHECK(omen_code_distance(q, hdr, bytes, hdr, bytes) == 0.0f ||
		  q->metric == OMEN_METRIC_IP);
}

/* omen_code_distance is the distance of the decoded vectors. */
static void
check_distance(const OmenQuantizer *q, const Coded *a, const Coded *b)
{
	const float *mean = omen_quantizer_mean(q);
	float	   *x = allocate(sizeof(float) * q->dim);
	float	   *y = allocate(sizeof(float) * q->dim);
	double		expected = 0.0;
	double		size = 0.0;
	double		distance =
		omen_code_distance(q, &a->header, a->code, &b->header, b->code);

	omen_decode(q, &a->header, a->code, x);
	omen_decode(q, &b->header, b->code, y);
	for (uint32_t i = 0; i < q->dim; i++)
	{
		double		m = mean != NULL ? mean[i] : 0.0;
		double		diff = (double) x[i] - y[i];

		if (q->metric == OMEN_METRIC_IP)
			expected -= (x[i] + m) * (y[i] + m);
		else
			expected += q->metric == OMEN_METRIC_L1 ? fabs(diff) : diff * diff;
		size += (double) x[i] * x[i] + (double) y[i] * y[i] + m * m;
	}
	if (q->metric == OMEN_METRIC_L1)
		size = sqrt(size * q->dim);
	CHECK_MSG(fabs(distance - expected) <= 1e-5 * size ||
				  (isinf(distance) && fabs(expected) > FLT_MAX),
			  "%s storage %d, dim %u: distance %.9g, of decoded vectors %.9g",
			  metric_names[q->metric], q->storage, q->dim, distance, expected);
	free(x);
	free(y);
}

/* A vector as a query has the code that it has as a row, but for products. */
static void
check_query_code(const OmenQuantizer *q, const Coded *coded, const char *what)
{
	float	   *rest = allocate(sizeof(float) * q->dim);
	uint8_t	   *code = allocate(omen_query_bytes(q));
	OmenQueryHeader header;
	OmenQueryRest about;
	bool encoded = omen_encode_query(q, coded->x, rest, &header, code, &about);
	/* a query for inner product is brought to another length first */
	bool		is_other = q->metric == OMEN_METRIC_IP;

	CHECK(encoded == coded->encoded);
	CHECK_MSG(!encoded || has_few_bits((OmenStorage) q->storage) || is_other ||
				  (memcmp(&header.code, &coded->header, sizeof(header.code)) ==
					   0 &&
				   memcmp(code, coded->code, omen_code_bytes(q)) == 0),
			  "%s, dim %u: another code as a query", what, q->dim);
	free(code);
	free(rest);
}

/* A mean as an index has: of transformed vectors. */
static void
make_mean(const OmenQuantizer *q, float *mean, float shift)
{
	float	   *x = allocate(sizeof(float) * q->dim);

	for (uint32_t i = 0; i < q->dim; i++)
		x[i] = random_normal() + shift;
	CHECK(omen_transform(q, x, mean));
	free(x);
}

static void
check_pair(const OmenQuantizer *q, const Coded *a, const Coded *b,
		   const char *what)
{
	if (!a->encoded || !b->encoded)
		return;
	check_bound(q, a, b, what);
	check_query_bounds(q, a, b, what);
}

/* The bound of an ordinary vector's error is little above the error. */
static void
check_error_is_close(const OmenQuantizer *q, const Coded *coded, float *scratch)
{
	double		error =
		omen_code_error(q, coded->x, scratch, &coded->header, coded->code);
	double		size = norm(coded->x, q->dim) + sqrt(q->mean_sumsq);

	if (q->metric == OMEN_METRIC_COSINE)
		size = 1.0 + sqrt(q->mean_sumsq);
	if (q->metric == OMEN_METRIC_L1)
		size *= sqrt(q->dim);
	CHECK_MSG(coded->header.error <= 1.001 * error + 1e-5 * size,
			  "%s storage %d, dim %u: bound %g of error %g",
			  metric_names[q->metric], q->storage, q->dim, coded->header.error,
			  error);
}

/* All shapes against one another under one quantizer. */
static void
check_shapes(const OmenQuantizer *q)
{
	float	   *scratch = allocate(sizeof(float) * q->dim);
	Coded		close = make_coded(q->dim);
	Coded		all[N_SHAPES];

	for (int i = 0; i < N_SHAPES; i++)
	{
		Coded	   *coded = &all[i];

		*coded = make_coded(q->dim);
		fill_shape((Shape) i, coded->x, q->dim);
		coded->encoded =
			omen_encode(q, coded->x, scratch, &coded->header, coded->code);
		check_query_code(q, coded, shape_names[i]);
		CHECK(coded->encoded ==
			  (q->metric != OMEN_METRIC_COSINE || norm(coded->x, q->dim) > 0));
		if (!coded->encoded)
			continue;
		check_code(q, coded, scratch, shape_names[i]);
		for (int j = 0; j <= i; j++)
			check_pair(q, coded, &all[j], shape_names[i]);

		fill_close(coded->x, close.x, q->dim);
		close.encoded =
			omen_encode(q, close.x, scratch, &close.header, close.code);
		check_pair(q, coded, &close, shape_names[i]);
	}

	check_error_is_close(q, &all[SHAPE_NORMAL], scratch);
	CHECK(isfinite(all[SHAPE_OUTLIERS].header.error));
	if (omen_is_quantized(q->storage) && q->metric != OMEN_METRIC_COSINE)
	{
		CHECK(all[SHAPE_HUGE].header.error == INFINITY || q->dim < 4);
		CHECK(all[SHAPE_LARGEST].header.error == INFINITY);
	}
	check_distance(q, &all[SHAPE_NORMAL], &all[SHAPE_ONE_HOT]);
	check_distance(q, &all[SHAPE_NORMAL], &all[SHAPE_INTEGERS]);
	check_distance(q, &all[SHAPE_NORMAL], &all[SHAPE_CONSTANT]);

	for (int i = 0; i < N_SHAPES; i++)
		free_coded(&all[i]);
	free_coded(&close);
	free(scratch);
}

static void
test_shapes(void)
{
	static float mean[MAX_DIM];

	for (int metric = 0; metric < N_METRICS; metric++)
		for (size_t d = 0; dim_to_try(d) != 0; d++)
			for (int kind = 0; kind < 8; kind++)
			{
				OmenStorage storage = kind == 3	 ? OMEN_STORAGE_FULL
									  : kind > 5 ? OMEN_STORAGE_SQ2
									  : kind > 3 ? OMEN_STORAGE_SQ4
												 : OMEN_STORAGE_SQ8;
				uint32_t	dim = dim_to_try(d);
				OmenQuantizer *q;

				if (!omen_storage_fits(storage, (OmenMetric) metric))
					continue;
				/*
				 * Without a mean, with one, with one far away, full; without a
				 * mean and with one in four bits, and in two.
				 */
				q = make_quantizer((OmenMetric) metric, storage, dim, 42, NULL);
				CHECK(omen_quantizer_mean(q) == NULL);
				if (kind == 1 || kind == 2 || kind == 5 || kind == 7)
				{
					make_mean(q, mean, kind == 2 ? 100.0f : 0.0f);
					free(q);
					q = make_quantizer((OmenMetric) metric, storage, dim, 42,
									   mean);
					CHECK((omen_quantizer_mean(q) != NULL) ==
						  (metric != OMEN_METRIC_L1));
				}
				CHECK(q->size ==
					  omen_quantizer_size((OmenMetric) metric, storage, dim));
				CHECK(omen_code_bytes(q) == (kind == 3	? 4 * (size_t) dim
											 : kind > 5 ? ((size_t) dim + 3) / 4
											 : kind > 3 ? ((size_t) dim + 1) / 2
														: (size_t) dim));
				check_shapes(q);
				free(q);
			}
}

/* Random neighbours: the bound is not only true but of use. */
static void
test_tightness(void)
{
	enum
	{
		DIM = 768,
		TRIES = 200
	};
	Coded		a = make_coded(DIM);
	Coded		b = make_coded(DIM);
	float		scratch[DIM];

	for (int metric = 0; metric < N_METRICS; metric++)
		for (int storage = 0; storage < 2; storage++)
		{
			OmenQuantizer *q =
				make_quantizer((OmenMetric) metric, (OmenStorage) storage, DIM,
							   5, NULL);

			for (int i = 0; i < TRIES; i++)
			{
				double		truth;
				OmenQueryHeader query;
				double		bound;
				double		scale;

				for (int j = 0; j < DIM; j++)
				{
					a.x[j] = random_normal();
					b.x[j] = a.x[j] * 0.7f + random_normal() * 0.7f;
				}
				CHECK(omen_encode(q, a.x, scratch, &a.header, a.code));
				CHECK(omen_encode(q, b.x, scratch, &b.header, b.code));
				check_bound(q, &a, &b, "random");
				check_query_bounds(q, &a, &b, "random");
				truth = operator_result(omen_kernels, (OmenMetric) metric, a.x,
										b.x, DIM);
				query = as_query(q, &a.header);
				bound =
					omen_lower_bound(q, &query, &b.header,
									 omen_code_distance(q, &a.header, a.code,
														&b.header, b.code));
				scale = metric == OMEN_METRIC_IP
							? norm(a.x, DIM) * norm(b.x, DIM)
							: truth;
				CHECK_MSG(truth - bound <=
							  (storage == OMEN_STORAGE_FULL ? 1e-4 : 0.06) *
								  scale,
						  "%s storage %d: bound %g of %g", metric_names[metric],
						  storage, bound, truth);
			}
			free(q);
		}
	free_coded(&a);
	free_coded(&b);
}

/*
 * Sums in which float32 drops many small terms, and more of them the fewer
 * partial sums a table keeps: distances of one table, bounds for another.
 */
static void
test_long_sums(void)
{
	static const char *const tables[] = {"scalar", "avx2", "avx512", "neon"};
	static float scratch[MAX_DIM];
	Coded		a = make_coded(MAX_DIM);
	Coded		b = make_coded(MAX_DIM);

	for (int metric = 0; metric < N_METRICS; metric++)
	{
		bool		sum_of_products = metric == OMEN_METRIC_IP;
		OmenQuantizer *q = make_quantizer((OmenMetric) metric,
										  OMEN_STORAGE_FULL, MAX_DIM, 0, NULL);

		for (int i = 0; i < MAX_DIM; i++)
		{
			a.x[i] = i == 0 ? 0x1.0p12f : 1.0f;
			b.x[i] = sum_of_products ? -a.x[i] : 0.0f;
		}
		b.x[1] = -1.0f;
		if (metric == OMEN_METRIC_L1)
			a.x[0] = 0x1.0p24f;
		CHECK(omen_encode(q, a.x, scratch, &a.header, a.code));
		CHECK(omen_encode(q, b.x, scratch, &b.header, b.code));
		for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		{
			if (!omen_kernels_select(tables[t]))
				continue;
			check_bound(q, &a, &b, "long sum");
			check_query_bounds(q, &a, &b, "long sum");
		}
		omen_kernels_init();
		free(q);
	}
	free_coded(&a);
	free_coded(&b);
}

/* What an operator of others may return, which has one running sum. */
static double
running_sums(OmenMetric metric, const float *x, const float *y, uint32_t dim)
{
	volatile float sum = 0.0f;
	volatile float xx = 0.0f;
	volatile float yy = 0.0f;

	for (uint32_t i = 0; i < dim; i++)
	{
		volatile float difference = x[i] - y[i];
		volatile float product = x[i] * y[i];
		volatile float square = difference * difference;

		sum += metric == OMEN_METRIC_L2	  ? square
			   : metric == OMEN_METRIC_L1 ? fabsf(difference)
										  : product;
		xx += x[i] * x[i];
		yy += y[i] * y[i];
	}
	if (metric == OMEN_METRIC_L2)
		return sqrt((double) sum);
	if (metric == OMEN_METRIC_COSINE)
		return 1.0 - sum / sqrt((double) xx * yy);
	return metric == OMEN_METRIC_IP ? -(double) sum : sum;
}

/*
 * Bounds for operators that sum in any order hold for the worst one, in which
 * 16,000 terms of the same size are lost one by one: a bound for our own is
 * greater than what that returns.
 */
static void
test_sums_of_others(void)
{
	static float scratch[MAX_DIM];
	Coded		a = make_coded(MAX_DIM);
	Coded		b = make_coded(MAX_DIM);

	for (int metric = 0; metric < N_METRICS; metric++)
	{
		OmenQuantizer *q = make_quantizer((OmenMetric) metric,
										  OMEN_STORAGE_FULL, MAX_DIM, 0, NULL);
		OmenQueryHeader query;
		double		result;
		float		distance;

		/* what is lost makes a distance smaller than it is */
		for (int i = 0; i < MAX_DIM; i++)
		{
			a.x[i] = 1.0f;
			b.x[i] = metric == OMEN_METRIC_IP ? -1.0f : 0.0f;
		}
		a.x[0] = metric == OMEN_METRIC_L1	? 0x1.0p24f
				 : metric == OMEN_METRIC_IP ? 0x1.0p13f
											: 0x1.0p12f;
		if (metric == OMEN_METRIC_IP || metric == OMEN_METRIC_COSINE)
			b.x[0] = 0x1.0p12f;
		CHECK(omen_encode(q, a.x, scratch, &a.header, a.code));
		CHECK(omen_encode(q, b.x, scratch, &b.header, b.code));
		query = as_query(q, &a.header);
		distance = omen_code_distance(q, &a.header, a.code, &b.header, b.code);
		result = running_sums((OmenMetric) metric, a.x, b.x, MAX_DIM);
		CHECK_MSG(omen_lower_bound(q, &query, &b.header, distance) > result,
				  "metric %d: a running sum is no worse than ours", metric);
		omen_quantizer_sums_anyhow(q);
		CHECK_MSG(omen_lower_bound(q, &query, &b.header, distance) <= result,
				  "metric %d: the bound is greater than a running sum", metric);
		free(q);
	}
	free_coded(&a);
	free_coded(&b);
}

/* Encode again under other means, several times over. */
static void
check_recode(OmenStorage storage)
{
	static float means[4][MAX_DIM];
	static float scratch[MAX_DIM];

	for (int metric = 0; metric < N_METRICS; metric++)
		for (size_t d = 0; dim_to_try(d) != 0; d++)
		{
			uint32_t	dim = dim_to_try(d);
			OmenQuantizer *q[4];

			if (!omen_storage_fits(storage, (OmenMetric) metric))
				continue;
			q[0] = make_quantizer((OmenMetric) metric, storage, dim, 9, NULL);
			for (int i = 1; i < 4; i++)
			{
				make_mean(q[0], means[i], (float) (i * i - 1));
				q[i] = make_quantizer((OmenMetric) metric, storage, dim, 9,
									  means[i]);
			}
			for (int shape = 0; shape < N_SHAPES; shape++)
			{
				Coded		a = make_coded(dim);
				Coded		b = make_coded(dim);
				float		before;

				fill_shape((Shape) shape, a.x, dim);
				fill_shape(SHAPE_NORMAL, b.x, dim);
				if (omen_encode(q[0], a.x, scratch, &a.header, a.code))
				{
					for (int i = 1; i < 4; i++)
					{
						before = a.header.error;
						omen_recode(q[i - 1], q[i], &a.header, a.code, scratch,
									&a.header, a.code);
						CHECK(a.header.error >= before);
						check_code(q[i], &a, scratch, shape_names[shape]);
						CHECK(
							omen_encode(q[i], b.x, scratch, &b.header, b.code));
						check_bound(q[i], &a, &b, shape_names[shape]);
						check_query_bounds(q[i], &a, &b, shape_names[shape]);
						if (isfinite(a.header.error))
							check_distance(q[i], &a, &b);
					}
				}
				free_coded(&a);
				free_coded(&b);
			}
			for (int i = 0; i < 4; i++)
				free(q[i]);
		}
}

static void
test_recode(void)
{
	check_recode(OMEN_STORAGE_SQ8);
	check_recode(OMEN_STORAGE_SQ4);
	check_recode(OMEN_STORAGE_SQ2);
}

/* ---------- four bits, and two ---------- */

/*
 * A query's distance to a code of few bits is that of what both stand for, and
 * the bound that is likely holds as often as its standard deviations do.
 */
static void
check_few_bits(OmenStorage storage, OmenMetric metric, uint32_t dim,
			   int most_missed, double most_gap)
{
	const int	tries = is_sampled() ? 1000 : 4000;
	static float mean[MAX_DIM];
	OmenQuantizer *plain = make_quantizer(metric, storage, dim, 11, NULL);
	OmenQuantizer *q;
	Coded		a = make_coded(dim);
	Coded		b = make_coded(dim);
	float	   *rest = allocate(sizeof(float) * dim);
	double		gap = 0;
	int			missed = 0;

	make_mean(plain, mean, 0.5f);
	q = make_quantizer(metric, storage, dim, 11, mean);
	for (int i = 0; i < tries; i++)
	{
		OmenQueryHeader query;
		OmenQueryRest about;
		double		truth;
		double		bound;
		double		decoded;
		double		distance;

		for (uint32_t j = 0; j < dim; j++)
		{
			a.x[j] = random_normal() + 0.5f;
			b.x[j] = a.x[j] * 0.8f + random_normal() * 0.5f;
		}
		CHECK(omen_encode_query(q, a.x, rest, &query, a.code, &about));
		CHECK(!about.is_known);
		CHECK(omen_encode(q, b.x, rest, &b.header, b.code));
		distance = omen_query_distance(q, &query, a.code, &b.header, b.code);
		bound = omen_lower_bound(q, &query, &b.header, (float) distance);
		distance *= query.scale;
		truth = operator_result(omen_kernels, metric, a.x, b.x, dim);
		missed += bound > truth;
		CHECK(omen_certain_bound(q, &query, &b.header,
								 (float) (distance / query.scale)) <= truth);
		gap += (truth - bound) / (metric == OMEN_METRIC_IP
									  ? norm(a.x, dim) * norm(b.x, dim)
									  : truth);

		/* the same distance from the numbers one by one */
		decoded = 0;
		for (uint32_t j = 0; j < dim; j++)
		{
			double		x = query.code.offset +
					   (double) query.code.step * ((uint8_t *) a.code)[j];
			double		y = b.header.offset +
					   (double) b.header.step * number_of(q, b.code, j);

			decoded +=
				metric == OMEN_METRIC_IP
					? -(x + query.share * mean[j]) * (y + mean[j]) * query.scale
					: (x - y) * (x - y);
		}
		CHECK_MSG(fabs(decoded - distance) <=
					  1e-5 * norm(a.x, dim) * norm(b.x, dim) + 1e-5,
				  "%s, dim %u: %.9g instead of %.9g", metric_names[metric], dim,
				  distance, decoded);
	}
	CHECK_MSG(missed <= most_missed * tries / 1000,
			  "storage %d, %s, dim %u: %d of %d bounds missed", storage,
			  metric_names[metric], dim, missed, tries);
	/* more than that far a bound would spare nothing */
	CHECK_MSG(gap / tries <= most_gap / sqrt(dim),
			  "storage %d, %s, dim %u: mean gap %g", storage,
			  metric_names[metric], dim, gap / tries);
	free_coded(&a);
	free_coded(&b);
	free(rest);
	free(plain);
	free(q);
}

static void
test_few_bits(void)
{
	static const uint32_t dims[] = {64, 101, 128, 768, 784};

	for (int metric = 0; metric < N_METRICS; metric++)
		for (size_t d = 0;
			 metric != OMEN_METRIC_L1 && d < sizeof(dims) / sizeof(dims[0]);
			 d++)
			if (!is_sampled() || dims[d] % 128 != 0)
			{
				check_few_bits(OMEN_STORAGE_SQ4, (OmenMetric) metric, dims[d],
							   1, 2.5);
				check_few_bits(OMEN_STORAGE_SQ2, (OmenMetric) metric, dims[d],
							   4, 5.5);
			}
}

/* ---------- grids that fit ---------- */

/* The error of a grid of so many levels from the smallest to the largest. */
static double
error_from_end_to_end(const float *y, uint32_t dim, int levels)
{
	double		smallest = y[0];
	double		largest = y[0];
	double		step;
	double		sum = 0.0;

	for (uint32_t i = 0; i < dim; i++)
	{
		smallest = fmin(smallest, y[i]);
		largest = fmax(largest, y[i]);
	}
	step = (largest - smallest) / levels;
	for (uint32_t i = 0; i < dim; i++)
	{
		double		v = (y[i] - smallest) / step;

		sum += (v - round(v)) * (v - round(v));
	}
	return sqrt(sum) * step;
}

/*
 * A grid that fits a normally distributed vector leaves out less by this part
 * than one from end to end, and what it leaves out is at a right angle to it.
 */
static void
check_fitted(OmenStorage storage, int levels, uint32_t dim, double part)
{
	const int	tries = is_sampled() ? 50 : 400;
	OmenQuantizer *q = make_quantizer(OMEN_METRIC_L2, storage, dim, 3, NULL);
	Coded		coded = make_coded(dim);
	float	   *y = allocate(sizeof(float) * dim);
	float	   *decoded = allocate(sizeof(float) * dim);
	double		error = 0.0;
	double		plain = 0.0;

	for (int i = 0; i < tries; i++)
	{
		double		length;

		fill_shape(SHAPE_NORMAL, coded.x, dim);
		CHECK(omen_encode(q, coded.x, y, &coded.header, coded.code));
		CHECK(omen_transform(q, coded.x, y));
		omen_decode(q, &coded.header, coded.code, decoded);
		error += coded.header.error / tries;
		plain += error_from_end_to_end(y, dim, levels) / tries;
		length = dot(y, decoded, dim) / dot(y, y, dim);
		CHECK_MSG(fabs(length - 1.0) < 1e-5,
				  "storage %d, dim %u: %.9g of a vector's length", storage, dim,
				  length);
	}
	CHECK_MSG(error < (1.0 - part) * plain,
			  "storage %d, dim %u: error %g, from end to end %g", storage, dim,
			  error, plain);
	free_coded(&coded);
	free(y);
	free(decoded);
	free(q);
}

/*
 * Means of many vectors, whose standard deviation is a thousandth; of four bits
 * the grids are 12.5 % and 17.1 % apart.
 */
static void
test_fitted(void)
{
	check_fitted(OMEN_STORAGE_SQ4, 15, 768, 0.11);
	check_fitted(OMEN_STORAGE_SQ4, 15, 1536, 0.16);
	check_fitted(OMEN_STORAGE_SQ2, 3, 768, 0.35);
}

/* ---------- products with short and long queries ---------- */

/*
 * The mean error of products with random rows far from the origin, as a part of
 * the query's norm and the rows' distance from their mean; and the mean gap of
 * bounds.
 */
static void
product_errors(OmenStorage storage, double scale, double *error, double *gap)
{
	enum
	{
		DIM = 64,
		TRIES = 200
	};
	static float mean[DIM];
	OmenQuantizer *plain =
		make_quantizer(OMEN_METRIC_IP, storage, DIM, 11, NULL);
	OmenQuantizer *q;
	Coded		a = make_coded(DIM);
	Coded		b = make_coded(DIM);
	float		rest[DIM];

	for (int j = 0; j < DIM; j++)
		a.x[j] = 5.0f;
	CHECK(omen_transform(plain, a.x, mean));
	q = make_quantizer(OMEN_METRIC_IP, storage, DIM, 11, mean);
	*error = 0;
	*gap = 0;
	for (int i = 0; i < TRIES; i++)
	{
		OmenQueryHeader query;
		OmenQueryRest about;
		float		distance;
		double		truth = 0;

		for (int j = 0; j < DIM; j++)
		{
			a.x[j] = (float) (scale * (random_normal() + 5.0f));
			b.x[j] = random_normal() + 5.0f;
			truth -= (double) a.x[j] * b.x[j];
		}
		CHECK(omen_encode_query(q, a.x, rest, &query, a.code, &about));
		CHECK(omen_encode(q, b.x, rest, &b.header, b.code));
		distance = omen_query_distance(q, &query, a.code, &b.header, b.code);
		*error += fabs(distance * query.scale - truth) / norm(a.x, DIM) /
				  sqrt(DIM) / TRIES;
		*gap += (truth - omen_lower_bound(q, &query, &b.header, distance)) /
				norm(a.x, DIM) / sqrt(DIM) / TRIES;
	}
	free_coded(&a);
	free_coded(&b);
	free(plain);
	free(q);
}

/* Bounds hold where products with the mean are hardly a float32 any more. */
static void
test_short_means(void)
{
	enum
	{
		DIM = 64
	};
	static const double lengths[] = {1e-44, 1e-40, 1e-30, 1e-24, 1e-23, 1e-15};
	float		mean[DIM];
	float		scratch[DIM];
	Coded		a = make_coded(DIM);
	Coded		b = make_coded(DIM);

	for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
		for (size_t s = 0; s < N_STORAGES; s++)
		{
			OmenQuantizer *q;

			/* parallel to the queries, of which it is a small part */
			for (int j = 0; j < DIM; j++)
				a.x[j] = (float) lengths[l];
			q = make_quantizer(OMEN_METRIC_IP, storages[s], DIM, 3, NULL);
			CHECK(omen_transform(q, a.x, mean));
			free(q);
			q = make_quantizer(OMEN_METRIC_IP, storages[s], DIM, 3, mean);
			for (int i = 0; i < 50; i++)
			{
				double		size = i % 2 ? lengths[l] : 1.0;

				for (int j = 0; j < DIM; j++)
				{
					a.x[j] = 1.0f + 0.01f * (float) (i % 5) * random_normal();
					b.x[j] = (float) (size * (1.7 + random_normal()));
				}
				CHECK(omen_encode(q, a.x, scratch, &a.header, a.code));
				CHECK(omen_encode(q, b.x, scratch, &b.header, b.code));
				check_query_bounds(q, &a, &b, "short mean");
			}
			free(q);
		}
	free_coded(&a);
	free_coded(&b);
}

/* How long a query is must not matter to what is nearest by inner product. */
static void
test_query_lengths(void)
{
	static const double scales[] = {1e-30, 1e-4, 0.01, 100, 1e4, 1e15};

	for (size_t s = 0; s < N_STORAGES; s++)
	{
		int			storage = storages[s];
		double		error;
		double		gap;

		product_errors((OmenStorage) storage, 1.0, &error, &gap);
		CHECK_MSG(error < (storage == OMEN_STORAGE_SQ2 ? 0.05 : 0.01),
				  "storage %d: error %g", storage, error);
		for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++)
		{
			double		other_error;
			double		other_gap;

			product_errors((OmenStorage) storage, scales[i], &other_error,
						   &other_gap);
			CHECK_MSG(other_error < 1.2 * error + 1e-6,
					  "storage %d, scale %g: error %g, not %g", storage,
					  scales[i], other_error, error);
			CHECK_MSG(other_gap < 1.2 * gap + 1e-6,
					  "storage %d, scale %g: gap %g, not %g", storage,
					  scales[i], other_gap, gap);
		}
	}
}

/* ---------- the same bits everywhere ---------- */

static uint64_t checksum;

/* FNV-1a, over the bytes of little-endian words. */
static void
add_checksum(const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		checksum =
			(checksum ^ ((const uint8_t *) bytes)[i]) * UINT64_C(1099511628211);
}

static void
add_encoding(const OmenQuantizer *q, const float *x)
{
	static float scratch[MAX_DIM];
	static float code[MAX_DIM];
	OmenCodeHeader header;

	if (!omen_encode(q, x, scratch, &header, code))
		return;
	add_checksum(&header, sizeof(header));
	add_checksum(code, omen_code_bytes(q));
}

/*
 * Encodings are on disk: a standby may have another CPU, the next minor
 * release may come from another compiler.  If this fails, either the build
 * breaks that, or the format was changed and all indexes must be rebuilt.
 */
static void
test_golden(void)
{
	static const uint64_t golden[N_METRICS] = {UINT64_C(0x8d1bc8f26268f822),
											   UINT64_C(0x07f3e4bd9911831a),
											   UINT64_C(0x7f6d6022109f7d44),
											   UINT64_C(0x4bc3e5f417706ddb)};
	static float x[MAX_DIM];
	static float y[MAX_DIM];
	static float mean[MAX_DIM];
	static float scratch[MAX_DIM];
	static uint8_t code[MAX_DIM];

	for (int metric = 0; metric < N_METRICS; metric++)
	{
		checksum = UINT64_C(14695981039346656037);
		random_state = 12345;
		for (size_t d = 0; d < N_DIMS; d++)
		{
			uint32_t	dim = some_dims[d];
			OmenQuantizer *full =
				make_quantizer((OmenMetric) metric, OMEN_STORAGE_FULL, dim, 0,
							   NULL);
			OmenQuantizer *plain =
				make_quantizer((OmenMetric) metric, OMEN_STORAGE_SQ8, dim, 77,
							   NULL);
			OmenQuantizer *centred;
			OmenCodeHeader header;

			fill_shape(SHAPE_NORMAL, y, dim);
			CHECK(omen_transform(plain, y, mean));
			centred = make_quantizer((OmenMetric) metric, OMEN_STORAGE_SQ8, dim,
									 77, mean);
			for (int shape = 0; shape < N_SHAPES; shape++)
			{
				fill_shape((Shape) shape, x, dim);
				add_encoding(full, x);
				add_encoding(plain, x);
				add_encoding(centred, x);
			}
			fill_shape(SHAPE_NORMAL, x, dim);
			CHECK(omen_encode(plain, x, scratch, &header, code));
			omen_recode(plain, centred, &header, code, scratch, &header, code);
			add_checksum(&header, sizeof(header));
			add_checksum(code, dim);
			free(full);
			free(plain);
			free(centred);
		}
		CHECK_MSG(checksum == golden[metric], "%s: checksum 0x%016llx",
				  metric_names[metric], (unsigned long long) checksum);
	}
}

/* The same for fewer bits. */
static void
check_golden(OmenStorage storage, const uint64_t *golden)
{
	static float x[MAX_DIM];
	static float mean[MAX_DIM];

	for (int metric = 0; metric < N_METRICS; metric++)
	{
		if (metric == OMEN_METRIC_L1)
			continue;
		checksum = UINT64_C(14695981039346656037);
		random_state = 12345;
		for (size_t d = 0; d < N_DIMS; d++)
		{
			uint32_t	dim = some_dims[d];
			OmenQuantizer *plain =
				make_quantizer((OmenMetric) metric, storage, dim, 77, NULL);
			OmenQuantizer *centred;

			fill_shape(SHAPE_NORMAL, x, dim);
			CHECK(omen_transform(plain, x, mean));
			centred =
				make_quantizer((OmenMetric) metric, storage, dim, 77, mean);
			for (int shape = 0; shape < N_SHAPES; shape++)
			{
				fill_shape((Shape) shape, x, dim);
				add_encoding(plain, x);
				add_encoding(centred, x);
			}
			free(plain);
			free(centred);
		}
		CHECK_MSG(checksum == golden[metric],
				  "storage %d, %s: checksum 0x%016llx", storage,
				  metric_names[metric], (unsigned long long) checksum);
	}
}

static void
test_golden_few_bits(void)
{
	static const uint64_t golden_sq4[N_METRICS] = {
		[OMEN_METRIC_L2] = UINT64_C(0x3d80ce2aaca9d566),
		[OMEN_METRIC_IP] = UINT64_C(0x1008630aea5502a9),
		[OMEN_METRIC_COSINE] = UINT64_C(0x7ae6a33a498e8948)};
	static const uint64_t golden_sq2[N_METRICS] = {
		[OMEN_METRIC_L2] = UINT64_C(0x05a55476cc4366a3),
		[OMEN_METRIC_IP] = UINT64_C(0x5e504d5f6221cc7a),
		[OMEN_METRIC_COSINE] = UINT64_C(0xa4cafe343cef1f61)};

	check_golden(OMEN_STORAGE_SQ4, golden_sq4);
	check_golden(OMEN_STORAGE_SQ2, golden_sq2);
}

/* ---------- the tables, and checks ---------- */

/* Kinds and metrics are found by name, and no others are there. */
static void
test_tables(void)
{
	OmenMetric	metric;
	OmenStorage storage;

	CHECK(OMEN_METRIC_SKETCH_L2 ==
		  sizeof(metric_names) / sizeof(metric_names[0]));
	/* those of sketches have the names of the others, which are found */
	for (int i = OMEN_METRIC_SKETCH_L2; i < OMEN_METRICS; i++)
	{
		CHECK(omen_metrics[i].is_sketched &&
			  omen_metric_find(omen_metrics[i].name, &metric) &&
			  !omen_metrics[metric].is_sketched &&
			  metric == (OmenMetric) (i - OMEN_METRIC_SKETCH_L2));
		CHECK(omen_storage_default((OmenMetric) i, 1024) == OMEN_STORAGE_SQ4);
	}
	for (int i = 0; i < OMEN_METRIC_SKETCH_L2; i++)
	{
		CHECK(strcmp(omen_metrics[i].name, metric_names[i]) == 0);
		CHECK(omen_metric_find(metric_names[i], &metric) &&
			  metric == (OmenMetric) i);
		CHECK(!omen_codes_exist(OMEN_STORAGES, (uint32_t) i));
		CHECK(omen_storage_fits(omen_storage_default((OmenMetric) i, 16000),
								(OmenMetric) i));
	}
	for (int i = 0; i < OMEN_STORAGES; i++)
	{
		bool		is_bits = i == OMEN_STORAGE_BITS;

		CHECK(!omen_codes_exist((uint32_t) i, OMEN_METRICS));
		if (omen_codecs[i] == NULL)
			continue;
		CHECK(omen_storage_find(omen_codecs[i]->name, &storage) &&
			  storage == (OmenStorage) i);
		CHECK(omen_codes_exist((uint32_t) i, OMEN_METRIC_L2) == !is_bits);
		CHECK(omen_codes_exist((uint32_t) i, OMEN_METRIC_HAMMING) == is_bits);
		CHECK(omen_codes_exist((uint32_t) i, OMEN_METRIC_JACCARD) == is_bits);
	}
	CHECK(!omen_metric_find("l3", &metric));
	CHECK(!omen_storage_find("sq9", &storage));
	CHECK(!omen_codes_exist(OMEN_STORAGE_SQ4, OMEN_METRIC_L1));
	CHECK(!omen_codes_exist(OMEN_STORAGE_SQ2, OMEN_METRIC_L1));
}

/* What was encoded has no flaw, and has one when a byte of it changes. */
static void
check_flaws(OmenMetric metric, OmenStorage storage)
{
	enum
	{
		DIM = 31
	};
	OmenQuantizer *q = make_quantizer(metric, storage, DIM, 3, NULL);
	Coded		coded = make_coded(DIM);
	float		scratch[DIM];
	char		flaw[200];
	float		nan = NAN;

	fill_shape(SHAPE_NORMAL, coded.x, DIM);
	CHECK(omen_encode(q, coded.x, scratch, &coded.header, coded.code));
	CHECK(omen_header_flaw(storage, metric, &coded.header, false) == NULL);
	CHECK(!omen_code_flaw(storage, DIM, &coded.header, coded.code, flaw,
						  sizeof(flaw)));
	for (size_t i = 0; i < omen_code_bytes(q); i += sizeof(float))
	{
		uint8_t	   *bytes = (uint8_t *) coded.code + i;
		uint8_t		before[sizeof(float)];

		memcpy(before, bytes, sizeof(before));
		if (omen_is_quantized(storage))
			bytes[0] ^= 0x01;	/* changes the sum, whatever it holds */
		else
			memcpy(bytes, &nan, sizeof(nan));
		CHECK(omen_code_flaw(storage, DIM, &coded.header, coded.code, flaw,
							 sizeof(flaw)) &&
			  strstr(flaw, "code") != NULL);
		memcpy(bytes, before, sizeof(before));
	}
	coded.header.step = -1.0f;
	CHECK(omen_header_flaw(storage, metric, &coded.header, false) != NULL);
	coded.header.step = 0.0f;
	coded.header.error = nan;
	CHECK(omen_header_flaw(storage, metric, &coded.header, false) != NULL);
	free_coded(&coded);
	free(q);
}

static void
test_flaws(void)
{
	for (int metric = 0; metric < N_METRICS; metric++)
		for (size_t s = 0; s < N_STORAGES; s++)
			if (omen_storage_fits(storages[s], (OmenMetric) metric))
				check_flaws((OmenMetric) metric, storages[s]);
}

/*
 * Codes that are the values themselves: bounds are what the operator returns,
 * and a bit behind the last is a flaw.
 */
static void
check_bits(uint32_t dim)
{
	OmenQuantizer *hamming =
		make_quantizer(OMEN_METRIC_HAMMING, OMEN_STORAGE_BITS, dim, 3, NULL);
	OmenQuantizer *jaccard =
		make_quantizer(OMEN_METRIC_JACCARD, OMEN_STORAGE_BITS, dim, 3, NULL);
	size_t		bytes = omen_code_bytes(hamming);
	uint8_t	   *a = allocate(bytes);
	uint8_t	   *b = allocate(bytes);
	OmenQueryHeader query = {.scale = 1.0, .share = 1.0};
	OmenCodeHeader node = {0};
	char		flaw[200];
	double		expected[2];
	uint32_t	differing = 0;
	uint32_t	both = 0;
	uint32_t	either = 0;

	CHECK(bytes == (dim + 7) / 8 && omen_query_bytes(hamming) == bytes);
	CHECK(omen_codecs[OMEN_STORAGE_BITS]->header_bytes == 0);
	memset(a, 0, bytes);
	memset(b, 0, bytes);
	for (uint32_t i = 0; i < dim; i++)
	{
		bool		x = random_u64() >> 63;
		bool		y = random_u64() >> 63;

		a[i / 8] |= (uint8_t) (x << (7 - i % 8));
		b[i / 8] |= (uint8_t) (y << (7 - i % 8));
		differing += x != y;
		both += x && y;
		either += x || y;
	}
	expected[0] = differing;
	expected[1] = both == 0 ? 1.0 : 1.0 - (double) both / either;
	for (int certain = 0; certain < 2; certain++)
	{
		CHECK(omen_node_bound(hamming, &query, a, &node, b, certain) ==
			  expected[0]);
		CHECK(omen_node_bound(jaccard, &query, a, &node, b, certain) ==
			  expected[1]);
	}
	CHECK(omen_code_distance(hamming, &node, a, &node, b) == expected[0]);
	CHECK(fabs(omen_query_distance(jaccard, &query, a, &node, b) -
			   expected[1]) < 0x1.0p-23);

	CHECK(
		!omen_code_flaw(OMEN_STORAGE_BITS, dim, &node, a, flaw, sizeof(flaw)));
	a[bytes - 1] |= 1;
	CHECK(omen_code_flaw(OMEN_STORAGE_BITS, dim, &node, a, flaw,
						 sizeof(flaw)) == (dim % 8 != 0));
	CHECK(omen_header_flaw(OMEN_STORAGE_BITS, OMEN_METRIC_HAMMING, &node,
						   false) == NULL);
	free(a);
	free(b);
	free(hamming);
	free(jaccard);
}

static void
test_bits(void)
{
	for (uint32_t dim = 1; dim <= 300; dim++)
		check_bits(dim);
	check_bits(63999);
	check_bits(64000);
}

/* A quantizer can be moved; nothing in it points into it. */
static void
test_moved(void)
{
	enum
	{
		DIM = 100
	};
	float		x[DIM];
	float		mean[DIM];
	float		scratch[DIM];
	uint8_t		code[2][DIM];
	OmenCodeHeader header[2];
	OmenQuantizer *q;
	OmenQuantizer *moved;
	size_t size = omen_quantizer_size(OMEN_METRIC_IP, OMEN_STORAGE_SQ8, DIM);

	fill_shape(SHAPE_NORMAL, x, DIM);
	fill_shape(SHAPE_NORMAL, mean, DIM);
	q = make_quantizer(OMEN_METRIC_IP, OMEN_STORAGE_SQ8, DIM, 3, mean);
	CHECK(omen_encode(q, x, scratch, &header[0], code[0]));
	moved = allocate(size);
	memcpy(moved, q, size);
	memset(q, 0xff, size);
	free(q);
	CHECK(omen_encode(moved, x, scratch, &header[1], code[1]));
	CHECK(memcmp(code[0], code[1], DIM) == 0);
	CHECK(memcmp(&header[0], &header[1], sizeof(header[0])) == 0);
	free(moved);
}

int
main(void)
{
	omen_kernels_init();
	test_rotation();
	test_shapes();
	test_tightness();
	test_long_sums();
	test_sums_of_others();
	test_recode();
	test_few_bits();
	test_fitted();
	test_query_lengths();
	test_short_means();
	test_tables();
	test_flaws();
	test_bits();
	test_moved();
	test_golden();
	test_golden_few_bits();
	return check_finish();
}
