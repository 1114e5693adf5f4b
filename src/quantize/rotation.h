/*
 * rotation.h
 *		A random rotation that costs dim * log(dim).
 *
 * Purpose: spread what a vector says evenly over its coordinates without
 * changing lengths and angles.  It must not know about codes, metrics or
 * means.
 *
 * Each round flips signs at random, applies the fast Hadamard transform to
 * the largest power-of-two block that fits, at the front and at the end of
 * the vector by turns, and, where that block is not the whole vector, mixes
 * its two halves (one step of Kac's walk).  No padding: any dim from 1 on.
 */
#ifndef OMEN_ROTATION_H
#define OMEN_ROTATION_H

#include <stddef.h>
#include <stdint.h>

/* How many words the random signs of all rounds take. */
extern size_t omen_rotation_words(uint32_t dim);

/* Draw the signs, omen_rotation_words(dim) words, from the seed. */
extern void omen_rotation_signs(uint64_t seed, uint32_t dim, uint32_t *signs);

/*
 * Rotate x in place.  The same bits on every machine.  Coordinates up to 2^96
 * do not overflow.
 */
extern void omen_rotate(const uint32_t *signs, uint32_t dim, float *x);

/*
 * Bound of the rounding: omen_rotate is within this factor times the norm of
 * x, plus dim * 2^-145 where coordinates are subnormal, of the exact rotation.
 */
extern double omen_rotation_error(uint32_t dim);

#endif							/* OMEN_ROTATION_H */
