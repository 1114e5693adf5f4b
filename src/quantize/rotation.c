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

#define SIGN_BIT UINT32_C(0x80000000)

#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(v, w, i, j, k, l) __builtin_shufflevector(v, w, i, j, k, l)
#else
#define SHUFFLE(v, w, i, j, k, l) __builtin_shuffle(v, w, (Word4){i, j, k, l})
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

/*
 * Rounds after which a single coordinate is spread well over all others,
 * wherever it was: in three rounds one outside the blocks' overlap is not.
 */
static int
count_rounds(uint32_t dim)
{
	return block_length(dim) == dim ? 3 : 4;
}

double
omen_rotation_error(uint32_t dim)
{
	int			stages = 0;

	while ((UINT32_C(2) << stages) <= dim)
		stages++;

	/*
	 * Each stage rounds once; scaling twice, counting its constant; mixing
	 * the halves three times.  All are of norm one otherwise.
	 */
	return 1.01 * count_rounds(dim) * (stages + 5) * 0x1.0p-24;
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

/*
 * The signs of a round: for each group of GROUP coordinates four words, one
 * for each lane of a Float4, which hold the sign of the group's n-th Float4
 * at the n-th bit from the top.
 */
#define GROUP 128

static uint32_t
words_per_round(uint32_t dim)
{
	return (dim + GROUP - 1) / GROUP * 4;
}

size_t
omen_rotation_words(uint32_t dim)
{
	return (size_t) words_per_round(dim) * (size_t) count_rounds(dim);
}

void
omen_rotation_signs(uint64_t seed, uint32_t dim, uint32_t *signs)
{
	size_t		words = omen_rotation_words(dim);

	for (size_t i = 0; i < words; i++)
		signs[i] = (uint32_t) (next_random(&seed) >> 32);
}

/* Flip the signs of a group, or of the n coordinates that the last has. */
static void
flip_group(const uint32_t *signs, float *x, size_t n)
{
	Word4		bits;
	size_t		i = 0;

	memcpy(&bits, signs, sizeof(bits));
	for (; i + 4 <= n; i += 4)
	{
		Word4		flip = bits & SIGN_BIT;

		store_float4(x + i, (Float4) ((Word4) load_float4(x + i) ^ flip));
		bits += bits;
	}
	for (size_t lane = 0; i + lane < n; lane++)
		if (bits[lane] & SIGN_BIT)
			x[i + lane] = -x[i + lane];
}

/* Flip the signs of one round. */
static void
flip_signs(const uint32_t *signs, size_t dim, float *x)
{
	size_t		i;

	for (i = 0; i + GROUP <= dim; i += GROUP, signs += 4)
		flip_group(signs, x + i, GROUP);
	if (i < dim)
		flip_group(signs, x + i, dim - i);
}

/* The fast Hadamard transform of fewer than eight floats, scaled. */
static void
transform_short(float *x, size_t len, float scale)
{
	for (size_t half = len / 2; half > 0; half /= 2)
		for (size_t base = 0; base < len; base += 2 * half)
			for (size_t i = base; i < base + half; i++)
			{
				float		a = x[i];
				float		b = x[i + half];

				x[i] = a + b;
				x[i + half] = a - b;
			}
	for (size_t i = 0; i < len; i++)
		x[i] *= scale;
}

/* Two stages of the transform: butterflies over each block's quarters. */
static void
transform_quarters(float *x, size_t len, size_t block)
{
	size_t		quarter = block / 4;

	for (float *p = x; p < x + len; p += 3 * quarter)
		for (float *end = p + quarter; p < end; p += 4)
		{
			Float4		a = load_float4(p);
			Float4		b = load_float4(p + quarter);
			Float4		c = load_float4(p + 2 * quarter);
			Float4		d = load_float4(p + 3 * quarter);
			Float4		ac = a + c;
			Float4		bd = b + d;

			a = a - c;
			b = b - d;
			store_float4(p, ac + bd);
			store_float4(p + quarter, ac - bd);
			store_float4(p + 2 * quarter, a + b);
			store_float4(p + 3 * quarter, a - b);
		}
}

/*
 * The last two stages of two blocks of four floats, and the scaling.  The
 * results of each pair of blocks are left permuted: as good a rotation.
 */
static inline void
transform_last(float *x, Float4 a, Float4 b, float scale)
{
	Float4		low = SHUFFLE(a, b, 0, 1, 4, 5);
	Float4		high = SHUFFLE(a, b, 2, 3, 6, 7);

	a = low + high;
	b = low - high;
	low = SHUFFLE(a, b, 0, 2, 4, 6);
	high = SHUFFLE(a, b, 1, 3, 5, 7);
	store_float4(x, (low + high) * scale);
	store_float4(x + 4, (low - high) * scale);
}

static void
transform_fours(float *x, size_t len, float scale)
{
	for (size_t i = 0; i < len; i += 8)
		transform_last(x + i, load_float4(x + i), load_float4(x + i + 4),
					   scale);
}

/* The last three stages. */
static void
transform_eights(float *x, size_t len, float scale)
{
	for (size_t i = 0; i < len; i += 8)
	{
		Float4		a = load_float4(x + i);
		Float4		b = load_float4(x + i + 4);

		transform_last(x + i, a + b, a - b, scale);
	}
}

/* The fast Hadamard transform of len floats, a power of two, orthonormal. */
static void
transform(float *x, size_t len)
{
	float		scale = 1.0f;
	size_t		block;

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
	if (block == 8)
		transform_eights(x, len, scale);
	else
		transform_fours(x, len, scale);
}

/* Mix the two halves; an odd coordinate in the middle stays as it is. */
static void
mix_halves(float *x, size_t dim)
{
	size_t		half = dim / 2;
	float	   *y = x + (dim - half);
	size_t		i = 0;

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
omen_rotate(const uint32_t *signs, uint32_t dim, float *x)
{
	uint32_t	len = block_length(dim);
	int			rounds = count_rounds(dim);

	for (int round = 0; round < rounds; round++)
	{
		flip_signs(signs, dim, x);
		signs += words_per_round(dim);
		transform(round % 2 == 0 ? x : x + (dim - len), len);
		if (len < dim)
			mix_halves(x, dim);
	}
}
