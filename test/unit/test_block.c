/*
 * test_block.c
 *		The blocked kernels of every table this machine can run, to the bit
 *		against their definition, and that against double precision.
 *
 * Here the definition is written down again, through volatile variables, so
 * that no compiler fuses its operations whatever its flags.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/distance/block.h"
#include "check.h"
#include "random.h"
#include "sample.h"
#include "tables.h"

#define ALL_DIMS 300

/* Of narrow codes, all up to this. */
#define NARROW_DIMS 1100

/* Four rounds of the loop that takes most of a code at a time, 16 bytes. */
#define TAIL_DIMS 64
/* Two rounds of 64 numbers. */
#define TAIL_NUMBERS 128
#define MAX_ROWS 70

/* The tables that can be run, by what they are called here. */
static const OmenKernels *tables[N_TABLES];
static const char *names[N_TABLES];
static size_t n_tables = 0;

static void *
allocate(size_t bytes)
{
	/* what is not written must not look as if it were */
	void	   *memory = malloc(bytes > 0 ? bytes : 1);

	if (memory == NULL)
		abort();
	memset(memory, 0xa5, bytes);
	return memory;
}

static void *
allocate_panel(const OmenPanelKernels *kernels, size_t dim)
{
	size_t		bytes = kernels->panel_bytes(dim);
	void	   *panel = aligned_alloc(64, bytes);

	if (panel == NULL)
		abort();
	CHECK(bytes % 64 == 0);
	memset(panel, 0xa5, bytes);
	return panel;
}

/* A point, its code ending where its memory ends, and its decoded vector. */
typedef struct Point
{
	OmenPointTerms *terms;
	uint8_t	   *code;
	uint8_t	   *memory;
	double		offset;
	double		step;
} Point;

/* What points are made of. */
typedef enum Pattern
{
	PATTERN_RANDOM,
	PATTERN_EXTREME,			/* only 0 and 255 */
	PATTERN_LOW,				/* all 0: the largest sums */
	PATTERN_HIGH,
	PATTERN_COPY,				/* as the first random one */
	PATTERN_ADDED,				/* with one more coordinate */
	PATTERN_LARGE,				/* at +infinity, or next to it */
	PATTERN_NAN,				/* terms of which infinities cancel */
	N_PATTERNS
} Pattern;

static uint8_t
make_byte(Pattern pattern, bool is_narrow)
{
	uint64_t	bits = random_u64();
	unsigned	dropped = is_narrow ? OMEN_NARROWED : 0;

	if (pattern == PATTERN_EXTREME)
		return (bits >> 40 & 1 ? 255 : 0) >> dropped;
	if (pattern == PATTERN_LOW)
		return 0;
	if (pattern == PATTERN_HIGH)
		return 255 >> dropped;
	return (uint8_t) (bits >> 32) >> dropped;
}

static void
make_terms(Point *point, size_t dim, Pattern pattern)
{
	OmenPointTerms *t = point->terms;
	double		sumsq = 0.0;
	int64_t		sum = 0;

	for (size_t i = 0; i < dim; i++)
	{
		double		x = point->offset + point->step * point->code[i];

		sumsq += x * x;
		sum += point->code[i] - 128;
	}
	t->scale = (float) (sqrt(2.0) * point->step);
	t->sum = (float) ((double) sum / sqrt((double) dim));
	t->level = (float) (sqrt(2.0 * (double) dim) *
						(point->offset +
						 point->step * (128.0 + (double) sum / (double) dim)));
	t->sumsq = (float) sumsq;
	t->added = pattern == PATTERN_ADDED ? random_float() : 0.0f;
	t->sum128 = (int32_t) (128 * sum);
	if (pattern == PATTERN_LARGE)
		t->sumsq = random_u64() >> 63 ? INFINITY : FLT_MAX;
	if (pattern == PATTERN_NAN)
	{
		t->scale = INFINITY;
		t->level = random_u64() >> 63 ? INFINITY : -INFINITY;
	}
}

/* Bytes from a number to one that some table multiplies beside it. */
#define APART 8

/*
 * first, if not NULL, is what a copy copies.  With apart no two numbers are 0
 * that some table would have to add up in another way.
 */
static Point
make_point(size_t dim, bool is_narrow, Pattern pattern, const Point *first,
		   bool apart)
{
	size_t		stride = OMEN_BLOCK_STRIDE(dim);
	size_t		shift = random_u64() >> 62;
	Point		point;

	point.terms = allocate(sizeof(OmenPointTerms));
	point.memory = allocate(stride + shift);
	point.code = point.memory + shift;
	point.step = 0.01 + 0.005 * random_float();
	point.offset = -128.0 * point.step + 0.2 * random_float();
	for (size_t i = 0; i < stride; i++)
		point.code[i] = i < dim ? make_byte(pattern, is_narrow) : 0;
	if (pattern == PATTERN_COPY && first != NULL)
	{
		point.step = first->step;
		point.offset = first->offset;
		memcpy(point.code, first->code, dim);
	}
	for (size_t i = APART; apart && i < dim; i++)
		if (point.code[i] == 0 && point.code[i - APART] == 0)
			point.code[i] = 1;
	make_terms(&point, dim, pattern);
	return point;
}

static void
free_point(Point *point)
{
	free(point->terms);
	free(point->memory);
}

/* Rows and columns, and the distances that all tables must give. */
typedef struct Set
{
	size_t		dim;
	bool		is_narrow;
	uint32_t	nrows;
	Point		rows[MAX_ROWS];
	Point		columns[OMEN_PANEL];
	float		expected[MAX_ROWS][OMEN_PANEL];
} Set;

/* The definition, of block.h. */
static float
define_distance(const OmenPointTerms *a, const OmenPointTerms *b, int32_t dot)
{
	volatile float f = (float) dot;
	volatile float sums = a->sum * b->sum;
	volatile float t = f - sums;
	volatile float scales = a->scale * b->scale;
	volatile float p = scales * t;
	volatile float q = a->level * b->level;
	volatile float r = p + q;
	volatile float n = a->sumsq + b->sumsq;
	volatile float e = a->added - b->added;
	volatile float esq = e * e;
	volatile float rest = n - r;
	volatile float d = rest + esq;

	if (d != d || d > FLT_MAX)
		return INFINITY;
	return d < 0.0f ? 0.0f : d;
}

static int32_t
define_dot(const Point *a, const Point *b, size_t dim)
{
	int32_t		dot = 0;

	for (size_t i = 0; i < dim; i++)
		dot += (a->code[i] - 128) * (b->code[i] - 128);
	return dot;
}

/* The definition against the truth. */
static void
check_definition(const Point *a, const Point *b, size_t dim, float got)
{
	const OmenPointTerms *ta = a->terms;
	const OmenPointTerms *tb = b->terms;
	double		e = (double) ta->added - tb->added;
	double		exact = e * e;
	double		size;

	if (!isfinite(ta->sumsq + tb->sumsq) || ta->sumsq == FLT_MAX ||
		tb->sumsq == FLT_MAX || !isfinite(ta->scale + tb->scale))
		return;
	for (size_t i = 0; i < dim; i++)
	{
		double		x = a->offset + a->step * a->code[i];
		double		y = b->offset + b->step * b->code[i];

		exact += (x - y) * (x - y);
	}

	/* each of its parts is rounded a few times, and so is their sum */
	size = (double) ta->sumsq + tb->sumsq + e * e +
		   fabs((double) ta->level * tb->level) +
		   fabs((double) ta->scale * tb->scale) *
			   (fabs((double) define_dot(a, b, dim)) +
				fabs((double) ta->sum * tb->sum));
	CHECK_MSG(fabs(got - exact) <= 8 * 0x1.0p-24 * size,
			  "dim %zu: %.9g instead of %.17g, of parts of %g", dim, got, exact,
			  size);
}

static Set *
make_set(size_t dim, bool is_narrow, uint32_t nrows, bool apart)
{
	Set		   *set = allocate(sizeof(Set));

	set->dim = dim;
	set->is_narrow = is_narrow;
	set->nrows = nrows;
	for (uint32_t c = 0; c < OMEN_PANEL; c++)
		set->columns[c] = make_point(dim, is_narrow, (Pattern) (c % N_PATTERNS),
									 &set->columns[0], apart);
	for (uint32_t r = 0; r < nrows; r++)
	{
		/* the same patterns, but each meets each */
		Pattern		pattern = (Pattern) ((r + r / N_PATTERNS) % N_PATTERNS);

		set->rows[r] =
			make_point(dim, is_narrow, pattern, &set->columns[0], false);
		for (uint32_t c = 0; c < OMEN_PANEL; c++)
		{
			int32_t		dot = define_dot(&set->rows[r], &set->columns[c], dim);

			set->expected[r][c] =
				define_distance(set->rows[r].terms, set->columns[c].terms, dot);
			check_definition(&set->rows[r], &set->columns[c], dim,
							 set->expected[r][c]);
		}
	}
	return set;
}

static void
free_set(Set *set)
{
	for (uint32_t r = 0; r < set->nrows; r++)
		free_point(&set->rows[r]);
	for (uint32_t c = 0; c < OMEN_PANEL; c++)
		free_point(&set->columns[c]);
	free(set);
}

static bool
same_bits(float a, float b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* The pair function of a table, from a to b and from b to a. */
static void
check_pairs(size_t table, const Set *set)
{
	const OmenKernels *before = omen_kernels;

	omen_kernels = tables[table];
	for (uint32_t r = 0; r < set->nrows; r++)
		for (uint32_t c = 0; c < OMEN_PANEL; c++)
		{
			const Point *a = &set->rows[r];
			const Point *b = &set->columns[c];
			float		there = omen_pair_distance(a->terms, a->code, b->terms,
											 b->code, set->dim);
			float		back = omen_pair_distance(b->terms, b->code, a->terms,
											a->code, set->dim);

			CHECK_MSG(same_bits(there, set->expected[r][c]) &&
						  same_bits(back, there),
					  "%s pair, dim %zu: %.9g and %.9g instead of %.9g",
					  names[table], set->dim, there, back, set->expected[r][c]);
		}
	omen_kernels = before;
}

/* nrows rows from first on, against the first ncolumns columns. */
static void
check_block(size_t table, const Set *set, uint32_t first, uint32_t nrows,
			uint32_t ncolumns)
{
	const OmenBlockKernels *block = tables[table]->block;
	const OmenPanelKernels *kernels =
		set->is_narrow ? &block->narrow_panels : &block->panels;
	void	   *panel = allocate_panel(kernels, set->dim);
	size_t		out_stride = OMEN_PANEL + nrows % 3;
	size_t		n_out = nrows == 0 ? 0 : (nrows - 1) * out_stride + OMEN_PANEL;
	float	   *out = allocate(n_out * sizeof(float));
	const uint8_t **codes = allocate(ncolumns * sizeof(*codes));
	const OmenPointTerms **terms = allocate(ncolumns * sizeof(*terms));
	const uint8_t **row_codes = allocate(nrows * sizeof(*codes));
	const OmenPointTerms **row_terms = allocate(nrows * sizeof(*terms));
	uint32_t	untouched = 0xa5a5a5a5;
	long		wrong = 0;

	for (uint32_t c = 0; c < ncolumns; c++)
	{
		codes[c] = set->columns[c].code;
		terms[c] = set->columns[c].terms;
	}
	for (uint32_t r = 0; r < nrows; r++)
	{
		row_codes[r] = set->rows[first + r].code;
		row_terms[r] = set->rows[first + r].terms;
	}
	kernels->pack(panel, codes, terms, ncolumns, set->dim);
	kernels->distances(panel, row_codes, row_terms, nrows, set->dim, out,
					   out_stride);

	for (size_t i = 0; i < n_out; i++)
	{
		size_t		r = i / out_stride;
		size_t		c = i % out_stride;

		if (c >= OMEN_PANEL)
			wrong += memcmp(&out[i], &untouched, sizeof(float)) != 0;
		else if (c >= ncolumns)
			wrong += !same_bits(out[i], INFINITY);
		else
			wrong += !same_bits(out[i], set->expected[first + r][c]);
	}
	CHECK_MSG(wrong == 0, "%s%s, dim %zu, %u rows, %u columns: %ld wrong",
			  names[table], set->is_narrow ? ", narrow" : "", set->dim, nrows,
			  ncolumns, wrong);

	free(panel);
	free(out);
	free(codes);
	free(terms);
	free(row_codes);
	free(row_terms);
}

/* All tables for one dimension, with some numbers of rows and columns. */
static void
check_dim(size_t dim, bool is_narrow, bool apart)
{
	Set		   *set = make_set(dim, is_narrow, 2 * N_PATTERNS + 3, apart);

	for (size_t table = 0; table < n_tables; table++)
	{
		check_pairs(table, set);
		check_block(table, set, 0, set->nrows, OMEN_PANEL);
		for (uint32_t nrows = 0; nrows < 8; nrows++)
			check_block(table, set, nrows, nrows,
						1 + (uint32_t) (random_u64() % OMEN_PANEL));
	}
	free_set(set);
}

/* All numbers of rows and of columns. */
static void
check_shapes(size_t dim, bool is_narrow, bool apart)
{
	Set		   *set = make_set(dim, is_narrow, MAX_ROWS, apart);

	for (size_t table = 0; table < n_tables; table++)
	{
		for (uint32_t nrows = 0; nrows <= MAX_ROWS; nrows++)
			check_block(table, set, 0, nrows, OMEN_PANEL - nrows % 3);
		for (uint32_t ncolumns = 0; ncolumns <= OMEN_PANEL; ncolumns++)
			check_block(table, set, 0, 1 + ncolumns % 13, ncolumns);
	}
	free_set(set);
}

static void
test_distances(bool is_narrow)
{
	static const size_t more[] = {767,	768,  784,	1000, 1023, 1024,
								  1025, 1027, 1028, 2048, 2051, OMEN_MAX_DIM};

	for (size_t dim = 1; dim <= ALL_DIMS; dim++)
		if (is_tried(dim, TAIL_DIMS))
			check_dim(dim, is_narrow, dim % 2 == 0);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (is_tried(more[i], 1000))
			check_dim(more[i], is_narrow, i % 2 == 0);
	check_shapes(3, is_narrow, false);
	check_shapes(37, is_narrow, true);
	check_shapes(37, is_narrow, false);
	check_shapes(128, is_narrow, true);
}

/* The worst sums: everything as large as codes and dimension allow. */
static void
test_largest(bool is_narrow)
{
	const size_t dim = OMEN_MAX_DIM;
	Set		   *set = make_set(dim, is_narrow, MAX_ROWS, false);

	CHECK(define_dot(&set->rows[PATTERN_LOW], &set->columns[PATTERN_LOW],
					 dim) == (int32_t) (16384 * dim));
	for (size_t table = 0; table < n_tables; table++)
		check_block(table, set, 0, MAX_ROWS, OMEN_PANEL);
	free_set(set);
}

/* Where steps, stretches and the last few bytes begin differs with each. */
static void
test_narrow_dims(void)
{
	for (size_t dim = ALL_DIMS + 1; dim <= NARROW_DIMS; dim++)
	{
		Set		   *set;

		if (!is_tried(dim, TAIL_DIMS))
			continue;
		set = make_set(dim, true, N_PATTERNS, false);
		for (size_t table = 0; table < n_tables; table++)
		{
			check_pairs(table, set);
			check_block(table, set, 0, N_PATTERNS, OMEN_PANEL);
		}
		free_set(set);
	}
}

static void
check_narrow_code(size_t table, size_t bytes)
{
	uint8_t	   *code = allocate(bytes);
	uint8_t	   *narrow = allocate(bytes);
	uint32_t	sum = 0;
	long		wrong = 0;

	for (size_t i = 0; i < bytes; i++)
		code[i] = bytes % 3 == 0 ? 255 : (uint8_t) (random_u64() >> 32);
	tables[table]->block->narrow(code, bytes, narrow);
	for (size_t i = 0; i < bytes; i++)
	{
		sum += narrow[i];
		wrong += narrow[i] != code[i] >> OMEN_NARROWED;
	}
	CHECK_MSG(wrong == 0 && omen_narrow_sum(narrow, bytes) == sum,
			  "%s, narrow code of %zu bytes: %ld wrong", names[table], bytes,
			  wrong);
	free(code);
	free(narrow);
}

static void
test_narrow_code(void)
{
	for (size_t table = 0; table < n_tables; table++)
		for (size_t bytes = 0; bytes <= 2048; bytes += 8)
			check_narrow_code(table, bytes);
}

/* What the values are in which the nearest are looked for. */
typedef enum Values
{
	VALUES_RANDOM,
	VALUES_CLOSE,				/* differ in their last bits only */
	VALUES_FEW,					/* five values */
	VALUES_EQUAL,
	VALUES_ZERO,
	VALUES_INFINITE,
	VALUES_HALF_INFINITE,
	VALUES_MOST_INFINITE,
	VALUES_EXTREME,				/* FLT_MAX, subnormal, zero */
	VALUES_ASCENDING,
	VALUES_DESCENDING,
	VALUES_EQUAL_BUT_FEW,		/* a few smaller ones, late */
	VALUES_ONE_LANE,			/* the small ones all 64 apart */
	VALUES_ALL_BUT_A_LANE,		/* equal, and a lane of larger ones */
	N_VALUES
} Values;

static float
make_value(Values kind, uint32_t i, uint32_t count)
{
	static const float extreme[] = {0.0f,	 0x1.0p-149f, FLT_MIN,	1.0f,
									FLT_MAX, 0x1.8p127f,  INFINITY, FLT_MAX};
	uint32_t	bits = (uint32_t) (random_u64() >> 32);

	switch (kind)
	{
		case VALUES_CLOSE:
			return 1.0f + (float) (bits % 1024) * FLT_EPSILON;
		case VALUES_FEW:
			return (float) (bits % 5);
		case VALUES_EQUAL:
			return 0.75f;
		case VALUES_ZERO:
			return 0.0f;
		case VALUES_INFINITE:
			return INFINITY;
		case VALUES_HALF_INFINITE:
			return bits % 2 ? INFINITY : (float) (bits >> 8);
		case VALUES_MOST_INFINITE:
			return bits % 30 ? INFINITY : (float) (bits >> 8);
		case VALUES_EXTREME:
			return extreme[bits % 8];
		case VALUES_ASCENDING:
			return (float) i;
		case VALUES_DESCENDING:
			return (float) (count - i);
		case VALUES_EQUAL_BUT_FEW:
			return i > count / 2 && bits % 16 == 0 ? 1.0f : 2.0f;
		case VALUES_ONE_LANE:
			return i % 64 == 7 ? (float) (bits >> 24) : 1e6f + (float) i;
		case VALUES_ALL_BUT_A_LANE:
			return i % 64 == 7 ? 2.0f : 1.0f;
		default:
			return fabsf(random_float());
	}
}

typedef struct Entry
{
	float		value;
	uint32_t	index;
} Entry;

static int
compare_entries(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static void
check_nearest(size_t table, const float *values, const Entry *sorted,
			  uint32_t count, uint32_t k, Values kind)
{
	const OmenBlockKernels *block = tables[table]->block;
	uint32_t	room = (count + 63) / 64 * 64;
	float	   *copy = allocate(room * sizeof(float));
	uint32_t   *index = allocate(k * sizeof(uint32_t));
	float	   *value = allocate(k * sizeof(float));
	uint32_t	untouched = 0xa5a5a5a5;
	uint32_t	expected = 0;
	uint32_t	got;
	bool		right;

	while (expected < k && expected < count && isfinite(sorted[expected].value))
		expected++;
	memcpy(copy, values, count * sizeof(float));
	got = block->nearest(copy, count, k, index, value);

	right = got == expected;
	for (uint32_t i = 0; right && i < got; i++)
		right =
			index[i] == sorted[i].index && same_bits(value[i], sorted[i].value);
	CHECK_MSG(right, "%s nearest, %u of %u, kind %d: %u, expected %u",
			  names[table], k, count, (int) kind, got, expected);

	right = memcmp(copy, values, count * sizeof(float)) == 0;
	for (uint32_t i = count; i < room; i++)
		right = right && (same_bits(copy[i], INFINITY) ||
						  memcmp(&copy[i], &untouched, sizeof(float)) == 0);
	CHECK_MSG(right, "%s nearest changes values, %u of %u", names[table], k,
			  count);
	free(copy);
	free(index);
	free(value);
}

static void
check_values(uint32_t count, Values kind)
{
	static const uint32_t ks[] = {0,  1,  2,   3,	7,	 10, 15, 16,
								  17, 23, 24,  25,	31,	 32, 48, 63,
								  64, 65, 100, 128, 199, 200};
	float	   *values = allocate(count * sizeof(float));
	Entry	   *sorted = allocate(count * sizeof(Entry));

	for (uint32_t i = 0; i < count; i++)
	{
		values[i] = make_value(kind, i, count);
		sorted[i].value = values[i];
		sorted[i].index = i;
	}
	qsort(sorted, count, sizeof(Entry), compare_entries);
	for (size_t i = 0; i < sizeof(ks) / sizeof(ks[0]); i++)
		for (size_t table = 0; table < n_tables; table++)
			check_nearest(table, values, sorted, count, ks[i], kind);
	free(values);
	free(sorted);
}

static void
test_nearest(void)
{
	static const uint32_t more[] = {255, 256, 257,	319,  320,	321,
									511, 700, 1000, 1024, 5000, 50000};

	for (int kind = 0; kind < N_VALUES; kind++)
	{
		for (uint32_t count = 0; count <= 210; count++)
			if (is_tried(count, TAIL_NUMBERS))
				check_values(count, (Values) kind);
		for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
			if (is_tried(more[i], 1000))
				check_values(more[i], (Values) kind);
	}
}

static void
check_l1_u16(const OmenKernels *kernels, const char *name, size_t dim)
{
	for (size_t shift = 0; shift < 2; shift++)
		for (int pattern = 0; pattern < 4; pattern++)
		{
			uint16_t   *a_memory = allocate((dim + shift) * sizeof(uint16_t));
			uint16_t *b_memory = allocate((dim + 3 * shift) * sizeof(uint16_t));
			uint16_t   *a = a_memory + shift;
			uint16_t   *b = b_memory + 3 * shift;
			uint64_t	sum = 0;

			for (size_t i = 0; i < dim; i++)
			{
				uint64_t	bits = random_u64();

				a[i] = (uint16_t) (bits >> 49);
				b[i] = (uint16_t) (bits >> 17 & 0x7fff);
				if (pattern == 1 || pattern == 2)
				{
					a[i] = pattern == 1 ? 32767 : 0;
					b[i] = 32767 - a[i];
				}
				else if (pattern == 3)	/* almost equal */
				{
					a[i] %= 3;
					b[i] %= 3;
				}
				sum += (uint64_t) (a[i] > b[i] ? a[i] - b[i] : b[i] - a[i]);
			}
			CHECK_MSG(kernels->l1_u16(a, b, dim) == sum,
					  "%s l1_u16, dim %zu: %u instead of %llu", name, dim,
					  (unsigned) kernels->l1_u16(a, b, dim),
					  (unsigned long long) sum);
			CHECK(kernels->l1_u16(b, b, dim) == 0);
			free(a_memory);
			free(b_memory);
		}
}

static void
test_l1_u16(void)
{
	for (size_t table = 0; table < n_tables; table++)
	{
		for (size_t dim = 0; dim <= 4 * ALL_DIMS; dim++)
			if (is_tried(dim, TAIL_NUMBERS))
				check_l1_u16(tables[table], names[table], dim);
		check_l1_u16(tables[table], names[table], OMEN_MAX_DIM - 1);
		check_l1_u16(tables[table], names[table], OMEN_MAX_DIM);
	}
}

/* One table borrows from another, which is not emulated. */
static bool
has_own_blocks(const char *name)
{
	const OmenKernels *avx2 = omen_kernels_table("avx2");

	return avx2 == NULL || omen_kernels_available("avx2") ||
		   omen_kernels_table(name)->block != avx2->block;
}

static void
find_tables(void)
{
	for (size_t i = 0; i < N_TABLES; i++)
	{
		const OmenKernels *table = omen_kernels_table(table_names[i]);

		if (table == NULL || !is_runnable(table_names[i]) ||
			!has_own_blocks(table_names[i]))
		{
			printf("%s: not here\n", table_names[i]);
			continue;
		}
		printf("%s\n", table_names[i]);
		tables[n_tables] = table;
		names[n_tables++] = table_names[i];
	}
#ifdef OMEN_EMULATE_AVX512
	CHECK(n_tables >= 1 && tables[0] != omen_kernels_table("scalar"));
#else
	CHECK(n_tables >= 1 && tables[0] == omen_kernels_table("scalar"));
#endif
}

int
main(void)
{
	find_tables();
	for (int is_narrow = 0; is_narrow < 2; is_narrow++)
	{
		test_distances(is_narrow);
		test_largest(is_narrow);
	}
	test_narrow_dims();
	test_narrow_code();
	test_nearest();
	test_l1_u16();
	return check_finish();
}
