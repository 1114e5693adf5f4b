/*
 * tables.h
 *		The kernel tables that a unit test can run.
 *
 * Purpose: name the tables, and tell which this machine can run: those that
 * dispatch.c would choose by their name, and the variants of AVX-512 that have
 * no more than the one it chooses.  It must not know what is tested.
 */
#ifndef OMEN_TEST_TABLES_H
#define OMEN_TEST_TABLES_H

#include <stdbool.h>
#include <string.h>

#include "../../src/distance/distance.h"

/* The variants of AVX-512 are those from "avx512" on: each has all of those
 * before it. */
static const char *const table_names[] = {"scalar",		   "avx2",
										  "avx512",		   "avx512vnni",
										  "avx512vpopcnt", "neon",
										  "neon_dotprod",  "neon_i8mm"};

#define N_TABLES (sizeof(table_names) / sizeof(table_names[0]))

static inline bool
is_avx512(const char *name)
{
	return strncmp(name, "avx512", 6) == 0;
}

/* Is it a variant, that dispatch.c chooses by itself? */
static inline bool
is_variant(const char *name)
{
	return is_avx512(name) && strcmp(name, "avx512") != 0;
}

/*
 * Can this machine run that table?  Where AVX-512 is emulated only its tables
 * are tried: the others are what they are without it.
 */
static inline bool
is_runnable(const char *name)
{
	const OmenKernels *before = omen_kernels;
	const OmenKernels *chosen;
	bool		found = false;

#ifdef OMEN_EMULATE_AVX512
	return is_avx512(name);
#endif
	if (!is_variant(name))
		return omen_kernels_available(name);
	if (!omen_kernels_select("avx512"))
		return false;
	chosen = omen_kernels;
	omen_kernels = before;
	for (size_t i = 0; i < N_TABLES; i++)
	{
		found |= strcmp(table_names[i], name) == 0;
		if (found && omen_kernels_table(table_names[i]) == chosen)
			return true;
	}
	return false;
}

#endif							/* OMEN_TEST_TABLES_H */
