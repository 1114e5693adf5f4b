/*
 * instructions.c
 *		Call one kernel of one table a number of times, for
 *		instructions.py, which counts what that takes.
 *
 *		instructions TABLE KERNEL DIM CALLS
 *
 * Purpose: do nothing else, and the same but for the calls whatever their
 * number, so that the difference between two runs is that of the calls.
 * Without arguments it prints the kernels, and what one call of each handles:
 * so many numbers for each dimension.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/distance/bits.h"
#include "../src/distance/block.h"
#include "../src/distance/distance.h"
#include "../src/distance/half.h"

#define MAX_DIM 2048

/* Rows of a block: so many at a time as any table takes, and again. */
#define ROWS 24

static float floats[2][MAX_DIM];
static uint16_t halves[2][MAX_DIM];
static uint8_t bytes[OMEN_PANEL + ROWS][MAX_DIM];
static uint8_t narrow_bytes[OMEN_PANEL + ROWS][MAX_DIM];
static uint8_t split[OMEN_SPLIT_BYTES(MAX_DIM)];	/* whatever halves */
static OmenPointTerms terms[OMEN_PANEL + ROWS];
static const uint8_t *codes[OMEN_PANEL + ROWS];
static const uint8_t *narrow_codes[OMEN_PANEL + ROWS];
static const OmenPointTerms *all_terms[OMEN_PANEL + ROWS];
static float out[ROWS * OMEN_PANEL];
static volatile double sink;

/*
 * Numbers are made once, few of them, and copied: each instruction that makes
 * them is counted, too.  Codes are as those of real vectors, seldom at the end
 * of their range.
 */
#define PATTERN 256

static void
fill(void)
{
	static float some_floats[PATTERN];
	static uint16_t some_halves[PATTERN];
	static uint8_t some_codes[2 * PATTERN];
	static uint8_t some_narrow[2 * PATTERN];
	uint32_t	random = 1;

	for (int i = 0; i < PATTERN; i++)
	{
		random = random * 1664525 + 1013904223;
		some_floats[i] = (float) (random >> 9) * 0x1.0p-23f;
		some_halves[i] = (uint16_t) (0x3800 + (random >> 22));
		some_codes[i] =
			(uint8_t) (64 + (random >> 26) + (random >> 19 & 63) % 65);
		some_codes[PATTERN + i] = some_codes[i];
		some_narrow[i] = some_codes[i] >> OMEN_NARROWED;
		some_narrow[PATTERN + i] = some_narrow[i];
	}
	for (int i = 0; i < MAX_DIM; i += PATTERN)
		for (int v = 0; v < 2; v++)
		{
			memcpy(floats[v] + i, some_floats, sizeof(some_floats));
			memcpy(halves[v] + i, some_halves, sizeof(some_halves));
		}
	for (int p = 0; p < OMEN_PANEL + ROWS; p++)
	{
		for (int i = 0; i < MAX_DIM; i += PATTERN)
		{
			memcpy(bytes[p] + i, some_codes + p, PATTERN);
			memcpy(narrow_bytes[p] + i, some_narrow + p, PATTERN);
		}
		codes[p] = bytes[p];
		narrow_codes[p] = narrow_bytes[p];
		all_terms[p] = &terms[p];
		terms[p].scale = 0.1f;
		terms[p].sumsq = 200.0f;
	}
}

/* ---------- one call ---------- */

#define KERNEL_OF(name, table, ...) \
	static void run_##name(size_t dim) \
	{ \
		sink = omen_kernels->table(__VA_ARGS__, dim); \
	}

#define KERNEL(name, ...) KERNEL_OF(name, name, __VA_ARGS__)

#define COSINE(name, table, ...) \
	static void run_##name(size_t dim) \
	{ \
		float ab; \
		float aa; \
		float bb; \
\
		omen_kernels->table(__VA_ARGS__, dim, &ab, &aa, &bb); \
		sink = ab; \
	}

KERNEL(l2sq, floats[0], floats[1])
KERNEL(ip, floats[0], floats[1])
KERNEL(l1, floats[0], floats[1])
COSINE(cosine, cosine, floats[0], floats[1])
KERNEL(ip_f32_u8, floats[0], bytes[0])
KERNEL(ip_u8, bytes[0], bytes[1])
KERNEL(ip_split_u8, split, bytes[1])
KERNEL(ip_u8_u4, bytes[0], bytes[1])
KERNEL(ip_u4, bytes[0], bytes[1])
KERNEL(ip_u8_u2, bytes[0], bytes[1])
KERNEL(ip_u2, bytes[0], bytes[1])
KERNEL(l1_u16, halves[0], halves[1])
KERNEL_OF(half_l2sq, half->l2sq, halves[0], halves[1])
KERNEL_OF(half_ip, half->ip, halves[0], halves[1])
KERNEL_OF(half_l1, half->l1, halves[0], halves[1])
COSINE(half_cosine, half->cosine, halves[0], halves[1])

static void
run_l1_u8(size_t dim)
{
	sink = omen_kernels->l1_u8(bytes[0], bytes[1], dim, 0.1f, 0.2f, 0.3f, 0.4f);
}

static void
run_half_to_floats(size_t dim)
{
	static float to[MAX_DIM];

	omen_kernels->half->to_floats(halves[0], dim, to);
}

static void
run_half_from_floats(size_t dim)
{
	static uint16_t to[MAX_DIM];

	omen_kernels->half->from_floats(floats[0], dim, to);
}

static void
run_narrow(size_t dim)
{
	static uint8_t to[MAX_DIM];

	omen_kernels->block->narrow(bytes[0], dim, to);
}

/* What all of this takes without a kernel. */
static float
no_kernel(const float *a, const float *b, size_t dim)
{
	(void) a;
	(void) b;
	(void) dim;
	return 0.0f;
}

static float (*volatile nothing)(const float *, const float *,
								 size_t) = no_kernel;

static void
run_nothing(size_t dim)
{
	sink = nothing(floats[0], floats[1], dim);
}

/* Bit strings have a bit for each dimension. */
static void
run_hamming(size_t dim)
{
	sink = omen_kernels->bits->hamming(bytes[0], bytes[1], dim / 8);
}

static void
run_overlap(size_t dim)
{
	uint32_t	both;
	uint32_t	either;

	omen_kernels->bits->overlap(bytes[0], bytes[1], dim / 8, &both, &either);
	sink = both;
}

/* Of panels, packing them is part of neither call. */
static void *panel;

static void
run_panels(const OmenPanelKernels *panels, const uint8_t *const *of, size_t dim,
		   bool is_packed)
{
	if (panel == NULL)
	{
		panel = aligned_alloc(64, panels->panel_bytes(dim));
		if (panel == NULL)
			abort();
		panels->pack(panel, of, all_terms, OMEN_PANEL, dim);
	}
	if (is_packed)
		panels->distances(panel, of + OMEN_PANEL, all_terms + OMEN_PANEL,
						  ROWS, dim, out, OMEN_PANEL);
	else
		panels->pack(panel, of, all_terms, OMEN_PANEL, dim);
}

static void
run_block(size_t dim)
{
	run_panels(&omen_kernels->block->panels, codes, dim, true);
}

static void
run_pack(size_t dim)
{
	run_panels(&omen_kernels->block->panels, codes, dim, false);
}

static void
run_narrow_block(size_t dim)
{
	run_panels(&omen_kernels->block->narrow_panels, narrow_codes, dim, true);
}

static void
run_narrow_pack(size_t dim)
{
	run_panels(&omen_kernels->block->narrow_panels, narrow_codes, dim, false);
}

static void
run_hamming_block(size_t dim)
{
	run_panels(&omen_kernels->bits->hamming_panels, codes, dim / 8, true);
}

static void
run_jaccard_block(size_t dim)
{
	run_panels(&omen_kernels->bits->jaccard_panels, codes, dim / 8, true);
}

/* The 10 nearest of as many as there are dimensions. */
static void
run_nearest(size_t dim)
{
	uint32_t	index[10];
	float		value[10];

	sink = omen_kernels->block->nearest(floats[0], (uint32_t) dim, 10, index,
										value);
}

/* ---------- which ---------- */

#define ENTRY(name, numbers) {#name, run_##name, numbers}

static const struct
{
	const char *name;
	void		(*run) (size_t dim);
	int			numbers;
}			kernels[] = {
	ENTRY(nothing, 1),
	ENTRY(l2sq, 1),
	ENTRY(ip, 1),
	ENTRY(l1, 1),
	ENTRY(cosine, 1),
	ENTRY(ip_f32_u8, 1),
	ENTRY(ip_u8, 1),
	ENTRY(ip_split_u8, 1),
	ENTRY(ip_u8_u4, 1),
	ENTRY(ip_u4, 1),
	ENTRY(ip_u8_u2, 1),
	ENTRY(ip_u2, 1),
	ENTRY(l1_u8, 1),
	ENTRY(l1_u16, 1),
	ENTRY(narrow, 1),
	ENTRY(block, ROWS *OMEN_PANEL),
	ENTRY(pack, OMEN_PANEL),
	ENTRY(narrow_block, ROWS *OMEN_PANEL),
	ENTRY(narrow_pack, OMEN_PANEL),
	ENTRY(nearest, 1),
	ENTRY(half_l2sq, 1),
	ENTRY(half_ip, 1),
	ENTRY(half_l1, 1),
	ENTRY(half_cosine, 1),
	ENTRY(half_to_floats, 1),
	ENTRY(half_from_floats, 1),
	ENTRY(hamming, 1),
	ENTRY(overlap, 1),
	ENTRY(hamming_block, ROWS *OMEN_PANEL),
	ENTRY(jaccard_block, ROWS *OMEN_PANEL),
};

#define N_KERNELS (sizeof(kernels) / sizeof(kernels[0]))

int
main(int argc, char **argv)
{
	size_t		dim;
	int			calls;

	if (argc != 5)
	{
		for (size_t k = 0; k < N_KERNELS; k++)
			printf("%s %d\n", kernels[k].name, kernels[k].numbers);
		return argc != 1;
	}
	dim = strtoul(argv[3], NULL, 10);
	calls = atoi(argv[4]);
	if (dim > MAX_DIM || !omen_kernels_select(argv[1]))
		return 2;
	fill();
	for (size_t k = 0; k < N_KERNELS; k++)
		if (strcmp(kernels[k].name, argv[2]) == 0)
		{
			for (int i = 0; i < calls; i++)
				kernels[k].run(dim);
			return 0;
		}
	return 2;
}
