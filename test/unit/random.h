/*
 * random.h
 *		Reproducible random numbers for the unit tests.
 *
 * Purpose: the same numbers, to the bit, on every machine; so nothing but
 * integers and exact float operations.
 */
#ifndef OMEN_TEST_RANDOM_H
#define OMEN_TEST_RANDOM_H

#include <stdint.h>

static uint64_t random_state = 1;

static inline uint64_t
random_u64(void)
{
	/* Marsaglia's xorshift, with a multiplication to hide its linearity */
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

/* Uniform in -1..1, a multiple of 2^-23. */
static inline float
random_float(void)
{
	return (float) ((int32_t) (random_u64() >> 40) - (1 << 23)) * 0x1.0p-23f;
}

/* Roughly normal, of variance 1. */
static inline float
random_normal(void)
{
	float		sum = 0.0f;

	for (int i = 0; i < 12; i++)
		sum += random_float();
	return sum * 0.5f;
}

#endif							/* OMEN_TEST_RANDOM_H */
