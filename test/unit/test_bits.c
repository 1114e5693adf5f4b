/*
 * test_bits.c
 *		The kernels of bit strings of every table this machine can run, against
 *		a count bit by bit.
 *
 * Strings end where their memory ends, so that the address sanitizer sees what
 * is read beyond them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/distance/bits.h"
#include "check.h"
#include "random.h"
#include "sample.h"
#include "tables.h"

/* Bytes of 1,100 bits, and two rounds of the longest loop. */
#define ALL_BYTES 138
#define TAIL_BYTES 130
#define MAX_BYTES OMEN_BIT_BYTES(OMEN_MAX_BITS)
#define MAX_ROWS 70

static const OmenKernels *tables[N_TABLES];
static const char *names[N_TABLES];
static size_t n_tables = 0;

static void *
allocate(size_t bytes)
{
	void	   *memory = malloc(bytes > 0 ? bytes : 1);

	if (memory == NULL)
		abort();
	memset(memory, 0xa5, bytes);
	return memory;
}

typedef enum Pattern
{
	PATTERN_RANDOM,
	PATTERN_NONE,				/* no bit is set */
	PATTERN_ALL,
	PATTERN_FEW,				/* one in 16 */
	PATTERN_COPY,				/* as the first */
	N_PATTERNS
} Pattern;

typedef struct String
{
	OmenPointTerms *terms;
	uint8_t	   *bits;
	uint8_t	   *memory;
} String;

/* padded: with the zeros behind it that panels ask for. */
static String
make_string(size_t bytes, Pattern pattern, const String *first, bool padded)
{
	size_t		length = padded ? OMEN_BLOCK_STRIDE(bytes) : bytes;
	size_t		shift = random_u64() >> 61;
	String		string;

	string.terms = allocate(sizeof(OmenPointTerms));
	string.memory = allocate(length + shift);
	string.bits = string.memory + shift;
	string.terms->ones = 0;
	for (size_t i = 0; i < length; i++)
	{
		uint64_t	random = random_u64();
		uint8_t		byte = (uint8_t) (random >> 32);

		if (pattern == PATTERN_FEW)
			byte &= (uint8_t) (random >> 40 & random >> 48 & random >> 24);
		if (pattern == PATTERN_NONE || i >= bytes)
			byte = 0;
		else if (pattern == PATTERN_ALL)
			byte = 255;
		else if (pattern == PATTERN_COPY && first != NULL)
			byte = first->bits[i];
		string.bits[i] = byte;
		for (int bit = 0; bit < 8; bit++)
			string.terms->ones += byte >> bit & 1;
	}
	return string;
}

static void
free_string(String *string)
{
	free(string->terms);
	free(string->memory);
}

/* What two strings have in common, and so on, bit by bit. */
typedef struct Counts
{
	uint32_t	differing;
	uint32_t	both;
	uint32_t	either;
} Counts;

static Counts
count_bits(const String *a, const String *b, size_t bytes)
{
	Counts		counts = {0, 0, 0};

	for (size_t i = 0; i < bytes; i++)
		for (int bit = 0; bit < 8; bit++)
		{
			int			x = a->bits[i] >> bit & 1;
			int			y = b->bits[i] >> bit & 1;

			counts.differing += x != y;
			counts.both += x == 1 && y == 1;
			counts.either += x == 1 || y == 1;
		}
	return counts;
}

/* ---------- one pair ---------- */

static void
check_pair(size_t bytes, Pattern pa, Pattern pb)
{
	String		a = make_string(bytes, pa, NULL, false);
	String		b = make_string(bytes, pb, &a, false);
	Counts		counts = count_bits(&a, &b, bytes);

	for (size_t t = 0; t < n_tables; t++)
	{
		const OmenBitKernels *kernels = tables[t]->bits;
		uint32_t	both = 0xa5a5a5a5;
		uint32_t	either = 0xa5a5a5a5;

		CHECK_MSG(kernels->hamming(a.bits, b.bits, bytes) == counts.differing,
				  "%s hamming of %zu bytes", names[t], bytes);
		CHECK_MSG(kernels->both(a.bits, b.bits, bytes) == counts.both,
				  "%s both of %zu bytes", names[t], bytes);
		CHECK_MSG(kernels->ones(a.bits, bytes) == (uint32_t) a.terms->ones,
				  "%s ones of %zu bytes", names[t], bytes);
		kernels->overlap(a.bits, b.bits, bytes, &both, &either);
		CHECK_MSG(both == counts.both && either == counts.either,
				  "%s overlap of %zu bytes", names[t], bytes);
		CHECK(kernels->hamming(a.bits, a.bits, bytes) == 0);
	}
	free_string(&a);
	free_string(&b);
}

static void
test_pairs(void)
{
	for (size_t bytes = 0; bytes <= 2 * ALL_BYTES; bytes++)
		if (is_tried(bytes, TAIL_BYTES))
			for (int pa = 0; pa < N_PATTERNS; pa++)
				for (int pb = 0; pb < N_PATTERNS; pb++)
					check_pair(bytes, (Pattern) pa, (Pattern) pb);
	for (size_t bytes = MAX_BYTES - 3; bytes <= MAX_BYTES; bytes++)
		for (int pa = 0; pa < N_PATTERNS; pa++)
			check_pair(bytes, (Pattern) pa, PATTERN_ALL);
}

/* ---------- many to many ---------- */

static bool
same_bits(float a, float b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* The distance, by its definition, through a volatile: nothing is fused. */
static float
define_distance(const Counts *counts, bool jaccard)
{
	volatile float above = (float) (counts->either - counts->both);
	volatile float below = (float) counts->either;
	volatile float quotient = counts->either > 0 ? above / below : 1.0f;

	return jaccard ? quotient : (float) counts->differing;
}

typedef struct Set
{
	size_t		bytes;
	uint32_t	nrows;
	String		columns[OMEN_PANEL];
	String		rows[MAX_ROWS];
	Counts		counts[MAX_ROWS][OMEN_PANEL];
} Set;

static Set *
make_set(size_t bytes, uint32_t nrows)
{
	Set		   *set = allocate(sizeof(Set));

	set->bytes = bytes;
	set->nrows = nrows;
	for (uint32_t c = 0; c < OMEN_PANEL; c++)
		set->columns[c] = make_string(bytes, (Pattern) (c % N_PATTERNS),
									  &set->columns[0], true);
	for (uint32_t r = 0; r < nrows; r++)
	{
		/* the same patterns, but each meets each */
		Pattern		pattern = (Pattern) ((r + r / N_PATTERNS) % N_PATTERNS);

		set->rows[r] = make_string(bytes, pattern, &set->columns[0], true);
		for (uint32_t c = 0; c < OMEN_PANEL; c++)
			set->counts[r][c] =
				count_bits(&set->rows[r], &set->columns[c], bytes);
	}
	return set;
}

static void
free_set(Set *set)
{
	for (uint32_t r = 0; r < set->nrows; r++)
		free_string(&set->rows[r]);
	for (uint32_t c = 0; c < OMEN_PANEL; c++)
		free_string(&set->columns[c]);
	free(set);
}

/* nrows rows from first on, against the first ncolumns columns. */
static void
check_block(size_t table, bool jaccard, const Set *set, uint32_t first,
			uint32_t nrows, uint32_t ncolumns)
{
	const OmenPanelKernels *panels = jaccard
										 ? &tables[table]->bits->jaccard_panels
										 : &tables[table]->bits->hamming_panels;
	size_t		panel_bytes = panels->panel_bytes(set->bytes);
	void	   *panel = aligned_alloc(64, panel_bytes);
	size_t		out_stride = OMEN_PANEL + nrows % 3;
	size_t		n_out = nrows == 0 ? 0 : (nrows - 1) * out_stride + OMEN_PANEL;
	float	   *out = allocate(n_out * sizeof(float));
	const uint8_t **codes = allocate(OMEN_PANEL * sizeof(*codes));
	const OmenPointTerms **terms = allocate(OMEN_PANEL * sizeof(*terms));
	const uint8_t **row_codes = allocate(nrows * sizeof(*codes));
	const OmenPointTerms **row_terms = allocate(nrows * sizeof(*terms));
	uint32_t	untouched = 0xa5a5a5a5;
	long		wrong = 0;

	if (panel == NULL)
		abort();
	CHECK(panel_bytes % 64 == 0);
	memset(panel, 0xa5, panel_bytes);
	for (uint32_t c = 0; c < ncolumns; c++)
	{
		codes[c] = set->columns[c].bits;
		terms[c] = set->columns[c].terms;
	}
	for (uint32_t r = 0; r < nrows; r++)
	{
		row_codes[r] = set->rows[first + r].bits;
		row_terms[r] = set->rows[first + r].terms;
	}
	panels->pack(panel, codes, terms, ncolumns, set->bytes);
	panels->distances(panel, row_codes, row_terms, nrows, set->bytes, out,
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
			wrong +=
				!same_bits(out[i], define_distance(&set->counts[first + r][c],
												   jaccard));
	}
	CHECK_MSG(wrong == 0, "%s, %s of %zu bytes, %u rows, %u columns: %ld wrong",
			  names[table], jaccard ? "jaccard" : "hamming", set->bytes, nrows,
			  ncolumns, wrong);
	free(panel);
	free(out);
	free(codes);
	free(terms);
	free(row_codes);
	free(row_terms);
}

static void
check_set(size_t bytes, uint32_t most_rows)
{
	Set		   *set = make_set(bytes, most_rows);

	for (size_t table = 0; table < n_tables; table++)
		for (int jaccard = 0; jaccard < 2; jaccard++)
		{
			check_block(table, jaccard, set, 0, most_rows, OMEN_PANEL);
			for (uint32_t nrows = 0; nrows < 9; nrows++)
				check_block(table, jaccard, set, nrows, nrows,
							1 + (uint32_t) (random_u64() % OMEN_PANEL));
		}
	free_set(set);
}

static void
test_panels(void)
{
	for (size_t bytes = 1; bytes <= ALL_BYTES; bytes++)
		if (is_tried(bytes, 66))
			check_set(bytes, 2 * N_PATTERNS + 9);
	check_set(1000, 17);
	check_set(MAX_BYTES - 1, 17);
	check_set(MAX_BYTES, 17);
	check_set(16, MAX_ROWS);
}

/* The one division, and the operator's two roundings. */
static void
test_jaccard(void)
{
	CHECK(omen_jaccard(0, 0) == 1.0 && omen_jaccard_float(0, 0) == 1.0f);
	CHECK(omen_jaccard(0, 7) == 1.0 && omen_jaccard_float(0, 7) == 1.0f);
	CHECK(omen_jaccard(7, 7) == 0.0 && omen_jaccard_float(7, 7) == 0.0f);
	CHECK(omen_jaccard(1, 3) == 1.0 - 1.0 / 3.0);
	for (int i = 0; i < 10000; i++)
	{
		uint32_t	either = 1 + (uint32_t) (random_u64() % OMEN_MAX_BITS);
		uint32_t	both = (uint32_t) (random_u64() % (either + 1));

		CHECK(fabs(omen_jaccard_float(both, either) -
				   omen_jaccard(both, either)) < 0x1.0p-24);
	}
}

/* One table borrows from another, which is not emulated. */
static bool
has_own_kernels(const char *name)
{
	const OmenKernels *avx2 = omen_kernels_table("avx2");

	return avx2 == NULL || omen_kernels_available("avx2") ||
		   omen_kernels_table(name)->bits != avx2->bits;
}

static void
find_tables(void)
{
	for (size_t i = 0; i < N_TABLES; i++)
	{
		const OmenKernels *table = omen_kernels_table(table_names[i]);

		if (table == NULL || !is_runnable(table_names[i]) ||
			!has_own_kernels(table_names[i]))
		{
			printf("%s: not here\n", table_names[i]);
			continue;
		}
		printf("%s\n", table_names[i]);
		tables[n_tables] = table;
		names[n_tables++] = table_names[i];
	}
	CHECK(n_tables >= 1);
}

int
main(void)
{
	find_tables();
	test_pairs();
	test_panels();
	test_jaccard();
	return check_finish();
}
