/*
 * block_nearest.h
 *		The smallest of many values, for block_avx2.c, block_avx512.c and
 *		nearest_neon.h.
 *
 * Purpose: define nearest, by the contract of block.h, in terms of a few
 * vector operations that the file including this has defined before, and with
 * its TARGET and INLINE.  Floats that are not negative are ordered as their
 * bits are as integers, so "up to limit" means integers throughout, limit is
 * often one less than the bits of a value, and +infinity is just above the
 * bits of FLT_MAX.
 *
 *	uint64_t up_to_64(const float *values, int32_t limit)
 *	uint32_t up_to_16(const float *values, int32_t limit)
 *		which of 64 or 16 values are up to limit, one bit each
 *	void minima_of_64(const float *values, uint32_t count, float *minima,
 *					  int32_t *lowest, int32_t *highest)
 *		the minima of the values i, i + 64, i + 128 and so on, for each i < 64;
 *		and the lowest and the highest of these, as bits
 *
 * How it works: if k of the minima are up to a limit, at least k values are,
 * and while k is small against 64 few more than k.  Such a limit is found by
 * bisection, whatever is up to it is listed, and the short list is sorted by
 * counting how many of its members come before each.
 */
#include <string.h>

/* Values that are listed: more only if a great many are equal. */
#define LIST 256

/* So many more than k need not be told apart by bisection. */
#define SPARE(k) (2 + (k) / 8)

_Static_assert(LIST >= OMEN_NEAREST_MAX + SPARE(OMEN_NEAREST_MAX),
			   "what find_limit finds must fit");

/* The largest k for which the minima give a good limit. */
#define K_OF_MINIMA 24

#define FLT_MAX_BITS 0x7f7fffff

INLINE int32_t
bits_of(float value)
{
	int32_t		bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* How many are up to limit?  count is a multiple of 64. */
INLINE uint32_t
count_up_to(const float *values, uint32_t count, int32_t limit)
{
	uint32_t	n = 0;

	for (uint32_t i = 0; i < count; i += 64)
		n += (uint32_t) __builtin_popcountll(up_to_64(values + i, limit));
	return n;
}

/*
 * A limit that k values are up to, and if they are not equal at most SPARE(k)
 * others.  None may be below lowest.  If fewer than k are up to the limit
 * given, it is returned.
 */
INLINE int32_t
find_limit(const float *values, uint32_t count, uint32_t k, int32_t lowest,
		   int32_t limit)
{
	uint32_t	spare = SPARE(k);
	int32_t		below = lowest - 1; /* fewer than k are up to this */

	while (limit - below > 1)
	{
		int32_t		middle = below + (limit - below) / 2;
		uint32_t	n = count_up_to(values, count, middle);

		below = n < k ? middle : below;
		limit = n < k ? limit : middle;
		if (n - k <= spare)		/* unsigned: nor is n less than k */
			break;
	}
	return limit;
}

/* List the indices of what is up to limit, or of the first LIST and more. */
INLINE uint32_t
list_up_to(const float *values, uint32_t count, int32_t limit, uint32_t *list)
{
	uint32_t	n = 0;

	for (uint32_t i = 0; i < count && n <= LIST; i += 64)
	{
		uint64_t	found = up_to_64(values + i, limit);

		/* there are seldom more than two, and branches would be guesses */
		for (int twice = 0; twice < 2; twice++)
		{
			list[n] = i + (uint32_t) __builtin_ctzll(found | UINT64_C(1) << 63);
			n += found != 0;
			found &= found - 1;
		}
		for (; found != 0; found &= found - 1)
			list[n++] = i + (uint32_t) __builtin_ctzll(found);
	}
	return n;
}

/* Order n listed values into index and value, and cut off behind k. */
INLINE uint32_t
order_list(const float *values, const uint32_t *list, uint32_t n, uint32_t k,
		   uint32_t *index, float *value)
{
	float		listed[LIST + 16];

	for (uint32_t i = 0; i < n; i++)
		listed[i] = values[list[i]];
	for (uint32_t i = n; i < n + 16; i++)
		listed[i] = INFINITY;

	for (uint32_t i = 0; i < n; i++)
	{
		int32_t		bits = bits_of(listed[i]);
		uint32_t	own = i & ~15u;
		uint32_t	earlier = (1u << (i - own)) - 1;
		uint32_t	rank;

		/* among equals the one with the lower index comes before */
		rank = (uint32_t) __builtin_popcount(
			up_to_16(listed + own, bits - 1) |
			(up_to_16(listed + own, bits) & earlier));
		for (uint32_t j = 0; j < own; j += 16)
			rank += (uint32_t) __builtin_popcount(up_to_16(listed + j, bits));
		for (uint32_t j = own + 16; j < n; j += 16)
			rank +=
				(uint32_t) __builtin_popcount(up_to_16(listed + j, bits - 1));
		if (rank < k)
		{
			index[rank] = list[i];
			value[rank] = listed[i];
		}
	}
	return n < k ? n : k;
}

TARGET static uint32_t
nearest(float *values, uint32_t count, uint32_t k, uint32_t *index,
		float *value)
{
	_Alignas(64) float minima[64];
	uint32_t	list[LIST + 64 + 2];
	uint32_t	whole = (count + 63) & ~63u;
	uint32_t	n;
	int32_t		lowest;
	int32_t		limit;

	if (k == 0)
		return 0;
	for (uint32_t i = count; i < whole; i++)
		values[i] = INFINITY;

	minima_of_64(values, whole, minima, &lowest, &limit);
	if (limit > FLT_MAX_BITS)
		limit = FLT_MAX_BITS;
	if (k <= K_OF_MINIMA)
		limit = find_limit(minima, 64, k, lowest, limit);
	else
	{
		if (count_up_to(values, whole, limit) < k)
			limit = FLT_MAX_BITS;
		if (count_up_to(values, whole, limit) > k)
			limit = find_limit(values, whole, k, lowest, limit);
	}

	n = list_up_to(values, whole, limit, list);
	if (n <= LIST)
		return order_list(values, list, n, k, index, value);

	/*
	 * Too many: most are equal to the last one wanted.  Order what is less,
	 * then take the first of the equal ones.
	 */
	limit = find_limit(values, whole, k, lowest, limit);
	n = list_up_to(values, whole, limit - 1, list);
	n = order_list(values, list, n, k, index, value);
	for (uint32_t i = 0; n < k; i += 64)
	{
		uint64_t	equal =
			up_to_64(values + i, limit) & ~up_to_64(values + i, limit - 1);

		for (; equal != 0 && n < k; equal &= equal - 1)
		{
			index[n] = i + (uint32_t) __builtin_ctzll(equal);
			value[n] = values[index[n]];
			n++;
		}
	}
	return n;
}
