/*
 * sketch.c
 *		A sparse vector of many dimensions as a dense one of few; see sketch.h.
 *
 * Purpose: the same bits on every machine and compiler: float32 operations of
 * IEEE 754 in the order of the elements, and of libm the square root.
 */
#include "sketch.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "exact.h"

/* Bits of a hash for each place: one for the sign, the others for where. */
#define PLACE_BITS 16
#define WHERE_BITS (PLACE_BITS - 1)

_Static_assert(OMEN_SKETCH_PLACES *PLACE_BITS == 64,
			   "a hash has as many bits as all places need");
_Static_assert(OMEN_SKETCH_DIMS % OMEN_SKETCH_PLACES == 0,
			   "places are in blocks of the same size");

/* What makes the norm of a sketch that of the vector: 1 / sqrt(places). */
#define SCALE 0.5f

/* Well mixed bits of a number (splitmix64). */
static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static void
add_element(uint64_t key, float value, uint32_t block, float *out)
{
	uint64_t	bits = mix(key);

	for (uint32_t place = 0; place < OMEN_SKETCH_PLACES; place++)
	{
		uint32_t	field = (uint32_t) (bits & ((1u << PLACE_BITS) - 1));
		uint32_t	where = ((field >> 1) * block) >> WHERE_BITS;

		out[place * block + where] += (field & 1) != 0 ? value : -value;
		bits >>= PLACE_BITS;
	}
}

void
omen_sketch(OmenSparse sparse, bool roots, uint32_t dim, float *out)
{
	uint32_t	block = dim / OMEN_SKETCH_PLACES;
	bool		is_zero = true;

	memset(out, 0, dim * sizeof(float));
	for (size_t i = 0; i < sparse.count; i++)
	{
		uint64_t	index = (uint64_t) sparse.indices[i];
		float		value = sparse.values[i];

		if (roots)
			add_element(2 * index + (value < 0), SCALE * sqrtf(fabsf(value)),
						block, out);
		else
			add_element(index, SCALE * value, block, out);
	}
	for (uint32_t i = 0; i < dim; i++)
	{
		if (!(fabsf(out[i]) <= FLT_MAX))
			out[i] = out[i] < 0 ? -FLT_MAX : FLT_MAX;
		is_zero = is_zero && out[i] == 0.0f;
	}

	/* all that there was met its like, or was too small to be halved */
	if (is_zero && sparse.count > 0)
		out[0] = FLT_MIN;
}
