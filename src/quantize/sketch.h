/*
 * sketch.h
 *		A sparse vector of many dimensions as a dense one of few, which keeps
 *		distances on average.
 *
 * Purpose: what a graph of sparse vectors is searched with.  The bits are part
 * of the on-disk format, as those of codes are.
 *
 * Each index goes to OMEN_SKETCH_PLACES coordinates out of dim, one in each of
 * as many blocks, with a sign, all of which a hash says (a count sketch).  Then
 * a squared distance of two sketches is that of the vectors on average, with a
 * standard deviation of sqrt(2 / dim) of it; an inner product has one of up to
 * sqrt(2 / dim) of the product of the norms.
 */
#ifndef OMEN_SKETCH_H
#define OMEN_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "../distance/sparse.h"

/*
 * Coordinates of a sketch: a compromise between the recall of a search, which
 * is that of twice as many rows with half as many coordinates, and bytes.
 * measured: see hnsw/README
 */
#define OMEN_SKETCH_DIMS 1024

/*
 * Of a vector, so many coordinates an index.  More make outliers rarer, which
 * come of two large elements in one coordinate.  A power of four.
 */
#define OMEN_SKETCH_PLACES 4

/*
 * The sketch of a sparse vector, dim floats, dim a multiple of
 * OMEN_SKETCH_PLACES.  With roots, of the square root of each element,
 * negative ones by an index of their own: squared L2 distances of those are
 * at most L1 distances of the vectors, and as much where only one of two
 * vectors has an element.  What overflows is the largest float.
 *
 * The sketch of a vector that is not zero is not zero either.
 */
extern void omen_sketch(OmenSparse sparse, bool roots, uint32_t dim,
						float *out);

#endif							/* OMEN_SKETCH_H */
