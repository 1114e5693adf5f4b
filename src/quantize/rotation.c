/*
 * rotation.c
 *		A random rotation that costs dim * log(dim); see rotation.h.
 *
 * Purpose: as there.  Bits of the result are part of the on-disk format: the
 * order of every operation here is fixed for good.
 */
#include <stdbool.h>

#include "rotation.h"
#include "exact.h"

#define SQRT_HALF 0.70710678118654752440f

#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(v, w, i, j, k, l) __builtin_shufflevector(v, w, i, j, k, l)
#else
#define SHUFFLE(v, w, i, j, k, l) __builtin_shuffle(v, w, (Int4) {i, j, k, l})
#endif

/* The largest power of two that is <= dim. */
static uint32_t
block_length(uint32_t dim)
{
	uint32_t	len = 1;

	while (len <= dim / 2)
		len *= 2;
	return len;
}

int
omen_rotation_rounds(uint32_t dim)
{
	/* with a power of two, each round reaches every coordinate */
	return block_length(dim) == dim ? 3 : 4;
}

double
omen_rotation_error(int rounds, uint32_t dim)
{
	int			stages = 0;

	while ((UINT32_C(2) << stages) <= dim)
		stages++;

	/*
	 * Each stage rounds once; scaling twice, counting its constant; mixing
	 * the halves three times.  All are of norm one otherwise.
	 */
	return 1.01 * rounds * (stages + 5) * 0x1.0p-24;
}

/* The next output of the splitmix64 generator. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t	z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
omen_rotation_signs(uint64_t seed, uint32_t dim, uint8_t *signs)
{
	uint64_t	bits = 0;

	for (uint32_t i = 0; i < dim; i++)
	{
		if (i % 8 == 0)
			bits = next_random(&seed);
		signs[i] = (uint8_t) bits;
		bits >>= 8;
	}
}

/* Flip the signs of one round. */
static void
flip_signs(const uint8_t *signs, int round, uint32_t dim, float *x)
{
	uint32_t	i = 0;

	for (; i + 4 <= dim; i += 4)
	{
		Int4		bits = {signs[i], signs[i + 1], signs[i + 2], signs[i + 3]};

		bits = (bits << (31 - round)) & INT32_MIN;
		store_float4(x + i, (Float4) ((Int4) load_float4(x + i) ^ bits));
	}
	for (; i < dim; i++)
		if (signs[i] >> round & 1)
			x[i] = -x[i];
}

/* The fast Hadamard transform of fewer than eight floats, scaled. */
static void
transform_short(float *x, uint32_t len, float scale)
{
	for (uint32_t half = len / 2; half > 0; half /= 2)
		for (uint32_t base = 0; base < len; base += 2 * half)
			for (uint32_t i = base; i < base + half; i++)
			{
				float		a = x[i];
				float		b = x[i + half];

				x[i] = a + b;
				x[i + half] = a - b;
			}
	for (uint32_t i = 0; i < len; i++)
		x[i] *= scale;
}

/* Two stages of the transform: butterflies over each block's quarters. */
static void
transform_quarters(float *x, uint32_t len, uint32_t block)
{
	uint32_t	quarter = block / 4;

	for (uint32_t base = 0; base < len; base += block)
		for (uint32_t i = base; i < base + quarter; i += 4)
		{
			Float4		a = load_float4(x + i);
			Float4		b = load_float4(x + i + quarter);
			Float4		c = load_float4(x + i + 2 * quarter);
			Float4		d = load_float4(x + i + 3 * quarter);
			Float4		ac = a + c;
			Float4		bd = b + d;

			a = a - c;
			b = b - d;
			store_float4(x + i, ac + bd);
			store_float4(x + i + quarter, ac - bd);
			store_float4(x + i + 2 * quarter, a + b);
			store_float4(x + i + 3 * quarter, a - b);
		}
}

/*
 * The last two stages, or with eights three, on blocks of eight floats, and
 * the scaling.  Leaves the results of each block permuted: as good a rotation.
 */
static void
transform_last(float *x, uint32_t len, bool eights, float scale)
{
	for (uint32_t i = 0; i < len; i += 8)
	{
		Float4		a = load_float4(x + i);
		Float4		b = load_float4(x + i + 4);
		Float4		low;
		Float4		high;

		if (eights)
		{
			low = a + b;
			high = a - b;
			a = low;
			b = high;
		}
		low = SHUFFLE(a, b, 0, 1, 4, 5);
		high = SHUFFLE(a, b, 2, 3, 6, 7);
		a = low + high;
		b = low - high;
		low = SHUFFLE(a, b, 0, 2, 4, 6);
		high = SHUFFLE(a, b, 1, 3, 5, 7);
		store_float4(x + i, (low + high) * scale);
		store_float4(x + i + 4, (low - high) * scale);
	}
}

/* The fast Hadamard transform of len floats, a power of two, orthonormal. */
static void
transform(float *x, uint32_t len)
{
	float		scale = 1.0f;
	uint32_t	block;

	for (block = len; block >= 4; block /= 4)
		scale *= 0.5f;
	if (block == 2)
		scale *= SQRT_HALF;

	if (len < 8)
	{
		transform_short(x, len, scale);
		return;
	}
	for (block = len; block >= 16; block /= 4)
		transform_quarters(x, len, block);
	transform_last(x, len, block == 8, scale);
}

/* Mix the two halves; an odd coordinate in the middle stays as it is. */
static void
mix_halves(float *x, uint32_t dim)
{
	uint32_t	half = dim / 2;
	float	   *y = x + (dim - half);
	uint32_t	i = 0;

	for (; i + 4 <= half; i += 4)
	{
		Float4		a = load_float4(x + i);
		Float4		b = load_float4(y + i);

		store_float4(x + i, (a + b) * SQRT_HALF);
		store_float4(y + i, (a - b) * SQRT_HALF);
	}
	for (; i < half; i++)
	{
		float		a = x[i];
		float		b = y[i];

		x[i] = (a + b) * SQRT_HALF;
		y[i] = (a - b) * SQRT_HALF;
	}
}

void
omen_rotate(const uint8_t *signs, int rounds, uint32_t dim, float *x)
{
	uint32_t	len = block_length(dim);

	for (int round = 0; round < rounds; round++)
	{
		flip_signs(signs, round, dim, x);
		transform(round % 2 == 0 ? x : x + (dim - len), len);
		if (len < dim)
			mix_halves(x, dim);
	}
}
