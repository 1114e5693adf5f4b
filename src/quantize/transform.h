/*
 * transform.h
 *		From a vector to what is encoded: normalised, rotated, centred.
 *
 * Purpose: the steps that all kinds of codes share, and how errors are
 * rounded.  Private to this folder.
 */
#ifndef OMEN_TRANSFORM_H
#define OMEN_TRANSFORM_H

#include "quantizer.h"

/* Half the distance from 1 to the next float: one rounding is within this. */
#define UNIT_ROUNDOFF 0x1.0p-24

/* Generous allowance for a dozen roundings in double precision. */
#define DOUBLE_SLACK 0x1.0p-48

/* Independent sums over the coordinates: fixed, as it decides the bits. */
#define LANES 4

/* The float at or, slightly, above a non-negative bound. */
extern float omen_round_up(double bound);

/* Squared norm, in double precision. */
extern double omen_sum_squares(const float *x, uint32_t dim);

/*
 * The factor from the size of a coordinate to the norm of a vector whose dim
 * coordinates all have that size.
 */
extern double omen_norm_factor(const OmenQuantizer *q);

/*
 * omen_transform, and a bound of what it did to the vector by rounding or
 * shrinking; except for the rotation, which whoever encodes accounts for.
 */
extern bool omen_transform_vector(const OmenQuantizer *q, const float *x,
								  float *out, double *error);

/* Subtract the mean, if there is one. */
extern void omen_centre(const OmenQuantizer *q, float *y);

/*
 * Divide a vector by a power of two, so that its norm is 1 to 2; returns that.
 * Nothing is rounded but what is 2^-126 of the norm and less.
 */
extern double omen_bring_to_length(const OmenQuantizer *q, float *y);

/*
 * Subtract from a query as much of the mean as leaves nothing in its direction;
 * returns how many times the mean that is.  Each coordinate is rounded once.
 */
extern double omen_take_off_mean(const OmenQuantizer *q, float *y);

#endif							/* OMEN_TRANSFORM_H */
