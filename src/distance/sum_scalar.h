/*
 * sum_scalar.h
 *		Sums over two arrays in portable C, for kernel_scalar.c and others that
 *		read elements in another way.
 *
 * Purpose: have the order of additions, which the documented precision relies
 * on, in one place.
 */
#ifndef OMEN_SUM_SCALAR_H
#define OMEN_SUM_SCALAR_H

#include <math.h>
#include <stddef.h>

#include "distance.h"

#define LANES OMEN_KERNEL_LANES

/* Add the partial sums pairwise, which the documented precision relies on. */
static inline float
add_lanes(float *lane)
{
	for (size_t half = LANES / 2; half > 0; half /= 2)
		for (size_t i = 0; i < half; i++)
			lane[i] += lane[i + half];
	return lane[0];
}

static inline float
l2sq_term(float x, float y)
{
	float		diff = x - y;

	return diff * diff;
}

static inline float
ip_term(float x, float y)
{
	return x * y;
}

static inline float
l1_term(float x, float y)
{
	return fabsf(x - y);
}

/*
 * Define the kernel that sums term(a_i, b_i) of elements of a type, of which
 * read makes floats.
 */
#define DEFINE_SUM(name, type, read, term) \
	static float name(const type *a, const type *b, size_t dim) \
	{ \
		float lane[LANES] = {0.0f}; \
		size_t whole = dim - dim % LANES; \
\
		for (size_t i = 0; i < whole; i += LANES) \
			for (size_t j = 0; j < LANES; j++) \
				lane[j] += term(read(a[i + j]), read(b[i + j])); \
		for (size_t i = whole; i < dim; i++) \
			lane[i - whole] += term(read(a[i]), read(b[i])); \
		return add_lanes(lane); \
	}

/* Define the kernels of distances, from such a type. */
#define DEFINE_DISTANCES(type, read) \
	DEFINE_SUM(l2sq, type, read, l2sq_term) \
	DEFINE_SUM(ip, type, read, ip_term) \
	DEFINE_SUM(l1, type, read, l1_term) \
\
	static void cosine(const type *a, const type *b, size_t dim, float *ab, \
					   float *aa, float *bb) \
	{ \
		*ab = ip(a, b, dim); \
		*aa = ip(a, a, dim); \
		*bb = ip(b, b, dim); \
	}

#endif							/* OMEN_SUM_SCALAR_H */
