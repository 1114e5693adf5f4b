/*
 * products_neon.h
 *		The loops of inner products of bytes and of packed numbers with NEON,
 *		whatever multiplies.
 *
 * Purpose: have them in one place for CPUs with and without dot products.  Only
 * kernel_neon.c includes it, once for each, and defines before it
 *
 *	PRODUCT_TARGET			what the functions need of the CPU
 *	PRODUCT(name)			what they are called
 *	ADD_BYTES(acc, x, y)	add products of 16 bytes to four sums
 *	ADD_TWO(acc, x, y)		the same of Halves, those of y being at most 15
 *	ADD_TWICE(acc, x, y, v, w)	that of x and y, and of v and w
 *	ADD_FOUR(acc, x, y)		the same of Quarters, those of y being at most 3
 *
 * This file takes them away again.
 */

PRODUCT_TARGET static uint32_t
PRODUCT(ip_u8)(const uint8_t *a, const uint8_t *b, size_t dim)
{
	uint32x4_t	sum0 = vdupq_n_u32(0);
	uint32x4_t	sum1 = vdupq_n_u32(0);
	uint32x4_t	sum2 = vdupq_n_u32(0);
	uint32x4_t	sum3 = vdupq_n_u32(0);
	size_t		i = 0;

	if (dim < 16)
	{
		uint32_t	rest = 0;

		for (; i < dim; i++)
			rest += (uint32_t) a[i] * b[i];
		return rest;
	}

	for (; i + 64 <= dim; i += 64)
	{
		Quarters	x = load_four(a + i, 16);
		Quarters	y = load_four(b + i, 16);

		sum0 = ADD_BYTES(sum0, x.first, y.first);
		sum1 = ADD_BYTES(sum1, x.second, y.second);
		sum2 = ADD_BYTES(sum2, x.third, y.third);
		sum3 = ADD_BYTES(sum3, x.fourth, y.fourth);
	}
	for (; i + 16 <= dim; i += 16)
		sum0 = ADD_BYTES(sum0, vld1q_u8(a + i), vld1q_u8(b + i));
	if (i < dim)
	{
		/* the last 16 bytes, less those already counted */
		uint8x16_t	mask = vld1q_u8(byte_mask + (dim - i));

		sum1 = ADD_BYTES(sum1, vandq_u8(mask, vld1q_u8(a + dim - 16)),
						 vld1q_u8(b + dim - 16));
	}
	return vaddvq_u32(vaddq_u32(vaddq_u32(sum0, sum1), vaddq_u32(sum2, sum3)));
}

PRODUCT_TARGET static uint32_t
PRODUCT(ip_u8_u4)(const uint8_t *a, const uint8_t *b, size_t dim)
{
	size_t		half = OMEN_PACKED_BYTES(dim);
	const uint8_t *high = a + half;
	size_t		nhigh = dim - half;
	uint32x4_t	sum0 = vdupq_n_u32(0);
	uint32x4_t	sum1 = vdupq_n_u32(0);
	uint32_t	rest = 0;
	size_t		i = 0;

	for (; i + 64 <= nhigh; i += 64)
	{
		Quarters	x = load_four(a + i, 16);
		Quarters	y = load_four(high + i, 16);
		Quarters	packed = load_four(b + i, 16);

		sum0 = ADD_TWICE(sum0, ((Halves){x.first, y.first}),
						 split_halves(packed.first),
						 ((Halves){x.second, y.second}),
						 split_halves(packed.second));
		sum1 = ADD_TWICE(sum1, ((Halves){x.third, y.third}),
						 split_halves(packed.third),
						 ((Halves){x.fourth, y.fourth}),
						 split_halves(packed.fourth));
	}
	for (; i + 16 <= nhigh; i += 16)
		sum0 = ADD_TWO(sum0, load_two(a + i, high + i),
					   split_halves(vld1q_u8(b + i)));
	for (; i < nhigh; i++)
		rest +=
			(uint32_t) a[i] * (b[i] & 15) + (uint32_t) high[i] * (b[i] >> 4);
	if (i < half)
		rest += (uint32_t) a[i] * (b[i] & 15);
	return vaddvq_u32(vaddq_u32(sum0, sum1)) + rest;
}

PRODUCT_TARGET static uint32_t
PRODUCT(ip_u4)(const uint8_t *a, const uint8_t *b, size_t dim)
{
	size_t		bytes = OMEN_PACKED_BYTES(dim);
	uint32x4_t	sum0 = vdupq_n_u32(0);
	uint32x4_t	sum1 = vdupq_n_u32(0);
	uint32_t	rest = 0;
	size_t		i = 0;

	for (; i + 32 <= bytes; i += 32)
	{
		Halves		x = load_two(a + i, a + i + 16);
		Halves		y = load_two(b + i, b + i + 16);

		sum0 = ADD_TWO(sum0, split_halves(x.low), split_halves(y.low));
		sum1 = ADD_TWO(sum1, split_halves(x.high), split_halves(y.high));
	}
	if (i + 16 <= bytes)
	{
		sum0 = ADD_TWO(sum0, split_halves(vld1q_u8(a + i)),
					   split_halves(vld1q_u8(b + i)));
		i += 16;
	}
	for (; i < bytes; i++)
		rest += (uint32_t) (a[i] & 15) * (b[i] & 15) +
				(uint32_t) (a[i] >> 4) * (b[i] >> 4);
	return vaddvq_u32(vaddq_u32(sum0, sum1)) + rest;
}

PRODUCT_TARGET static uint32_t
PRODUCT(ip_u8_u2)(const uint8_t *a, const uint8_t *b, size_t dim)
{
	size_t		quarter = OMEN_QUARTER_BYTES(dim);
	/* the last quarter is the shortest */
	size_t		whole = dim > 3 * quarter ? dim - 3 * quarter : 0;
	uint32x4_t	sum0 = vdupq_n_u32(0);
	uint32x4_t	sum1 = vdupq_n_u32(0);
	uint32_t	rest = 0;
	size_t		i = 0;

	for (; i + 32 <= whole; i += 32)
	{
		uint8x16_t	packed0 = vld1q_u8(b + i);
		uint8x16_t	packed1 = vld1q_u8(b + i + 16);
		Quarters	x0 = load_four(a + i, quarter);
		Quarters	x1 = load_four(a + i + 16, quarter);

		sum0 = ADD_FOUR(sum0, x0, split_quarters(packed0));
		sum1 = ADD_FOUR(sum1, x1, split_quarters(packed1));
	}
	if (i + 16 <= whole)
	{
		sum0 = ADD_FOUR(sum0, load_four(a + i, quarter),
						split_quarters(vld1q_u8(b + i)));
		i += 16;
	}
	for (; i < quarter; i++)
		for (size_t k = 0; k < 4 && k * quarter + i < dim; k++)
			rest += (uint32_t) a[k * quarter + i] * (b[i] >> 2 * k & 3);
	return vaddvq_u32(vaddq_u32(sum0, sum1)) + rest;
}

PRODUCT_TARGET static uint32_t
PRODUCT(ip_u2)(const uint8_t *a, const uint8_t *b, size_t dim)
{
	size_t		bytes = OMEN_QUARTER_BYTES(dim);
	uint32x4_t	sum0 = vdupq_n_u32(0);
	uint32x4_t	sum1 = vdupq_n_u32(0);
	uint32_t	rest = 0;
	size_t		i = 0;

	for (; i + 32 <= bytes; i += 32)
	{
		Halves		x = load_two(a + i, a + i + 16);
		Halves		y = load_two(b + i, b + i + 16);

		sum0 = ADD_FOUR(sum0, split_quarters(x.low), split_quarters(y.low));
		sum1 = ADD_FOUR(sum1, split_quarters(x.high), split_quarters(y.high));
	}
	if (i + 16 <= bytes)
	{
		sum0 = ADD_FOUR(sum0, split_quarters(vld1q_u8(a + i)),
						split_quarters(vld1q_u8(b + i)));
		i += 16;
	}
	for (; i < bytes; i++)
		for (int k = 0; k < 4; k++)
			rest += (uint32_t) (a[i] >> 2 * k & 3) * (b[i] >> 2 * k & 3);
	return vaddvq_u32(vaddq_u32(sum0, sum1)) + rest;
}

#undef PRODUCT_TARGET
#undef PRODUCT
#undef ADD_BYTES
#undef ADD_TWO
#undef ADD_TWICE
#undef ADD_FOUR
