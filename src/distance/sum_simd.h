/*
 * sum_simd.h
 *		The loops of sums over two arrays, whatever the registers.
 *
 * Purpose: have them, and the order of additions, in one place for all
 * instruction sets and all types of elements.  Only sum_*.h include it, and
 * define before it the registers (FLOATS, WIDTH, ZEROES, PLUS, add_floats) and
 * the terms (l2sq_add, ip_add, l1_add).
 */
#ifndef OMEN_SUM_SIMD_H
#define OMEN_SUM_SIMD_H

/*
 * Define the kernel that adds up terms with add, of elements of a type, of
 * which load makes floats: of WIDTH of them, and load_first of the first n,
 * with zeroes behind them.  Four accumulators hide the latency of additions.
 */
#define DEFINE_SUM(name, type, load, load_first, add) \
	TARGET static float name(const type *a, const type *b, size_t dim) \
	{ \
		FLOATS acc0 = ZEROES; \
		FLOATS acc1 = ZEROES; \
		FLOATS acc2 = ZEROES; \
		FLOATS acc3 = ZEROES; \
		size_t i = 0; \
\
		for (; i + 4 * WIDTH <= dim; i += 4 * WIDTH) \
		{ \
			acc0 = add(acc0, load(a + i), load(b + i)); \
			acc1 = add(acc1, load(a + i + WIDTH), load(b + i + WIDTH)); \
			acc2 = \
				add(acc2, load(a + i + 2 * WIDTH), load(b + i + 2 * WIDTH)); \
			acc3 = \
				add(acc3, load(a + i + 3 * WIDTH), load(b + i + 3 * WIDTH)); \
		} \
		if (i + 2 * WIDTH <= dim) \
		{ \
			acc0 = add(acc0, load(a + i), load(b + i)); \
			acc1 = add(acc1, load(a + i + WIDTH), load(b + i + WIDTH)); \
			i += 2 * WIDTH; \
		} \
		if (i + WIDTH <= dim) \
		{ \
			acc2 = add(acc2, load(a + i), load(b + i)); \
			i += WIDTH; \
		} \
		if (i < dim) \
			acc3 = add(acc3, load_first(a + i, dim - i), \
					   load_first(b + i, dim - i)); \
		return add_floats(PLUS(PLUS(acc0, acc1), PLUS(acc2, acc3))); \
	}

/* Define the kernels of distances, from such a type. */
#define DEFINE_DISTANCES(type, load, load_first) \
	DEFINE_SUM(l2sq, type, load, load_first, l2sq_add) \
	DEFINE_SUM(ip, type, load, load_first, ip_add) \
	DEFINE_SUM(l1, type, load, load_first, l1_add) \
\
	TARGET static void cosine(const type *a, const type *b, size_t dim, \
							  float *ab, float *aa, float *bb) \
	{ \
		FLOATS ab0 = ZEROES; \
		FLOATS ab1 = ZEROES; \
		FLOATS aa0 = ZEROES; \
		FLOATS aa1 = ZEROES; \
		FLOATS bb0 = ZEROES; \
		FLOATS bb1 = ZEROES; \
		size_t i = 0; \
\
		for (; i + 2 * WIDTH <= dim; i += 2 * WIDTH) \
		{ \
			FLOATS x0 = load(a + i); \
			FLOATS x1 = load(a + i + WIDTH); \
			FLOATS y0 = load(b + i); \
			FLOATS y1 = load(b + i + WIDTH); \
\
			ab0 = ip_add(ab0, x0, y0); \
			ab1 = ip_add(ab1, x1, y1); \
			aa0 = ip_add(aa0, x0, x0); \
			aa1 = ip_add(aa1, x1, x1); \
			bb0 = ip_add(bb0, y0, y0); \
			bb1 = ip_add(bb1, y1, y1); \
		} \
		for (; i < dim; i += WIDTH) \
		{ \
			size_t n = dim - i < WIDTH ? dim - i : WIDTH; \
			FLOATS x = load_first(a + i, n); \
			FLOATS y = load_first(b + i, n); \
\
			ab0 = ip_add(ab0, x, y); \
			aa0 = ip_add(aa0, x, x); \
			bb0 = ip_add(bb0, y, y); \
		} \
		*ab = add_floats(PLUS(ab0, ab1)); \
		*aa = add_floats(PLUS(aa0, aa1)); \
		*bb = add_floats(PLUS(bb0, bb1)); \
	}

#endif							/* OMEN_SUM_SIMD_H */
