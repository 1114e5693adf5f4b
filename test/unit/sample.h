/*
 * sample.h
 *		Which of many cases a unit test tries where it tries a sample.
 *
 * Purpose: tell whether it does, by OMEN_TEST_SAMPLE in the environment, and
 * which sizes are in the sample.  "make check" tries all; other compilers and
 * emulators, where the same sources are run in another way, a sample.  It must
 * not know what is tested.
 */
#ifndef OMEN_TEST_SAMPLE_H
#define OMEN_TEST_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Sizes above those that are all in the sample are in it so far apart: with
 * all remainders by powers of two in turn. */
#define SAMPLE_STEP 37

static inline bool
is_sampled(void)
{
	static int	sampled = -1;

	if (sampled < 0)
	{
		const char *value = getenv("OMEN_TEST_SAMPLE");

		sampled = value != NULL && *value != '\0';
	}
	return sampled;
}

/*
 * Is a size to be tried?  all is up to where a kernel's loops and tails meet in
 * different ways; beyond it there are only more rounds of the loops.
 */
static inline bool
is_tried(size_t size, size_t all)
{
	return !is_sampled() || size <= all || size % SAMPLE_STEP == 0;
}

#endif							/* OMEN_TEST_SAMPLE_H */
