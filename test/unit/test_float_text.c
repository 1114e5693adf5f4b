/*
 * test_float_text.c
 *		Unit tests of reading decimal numbers as floats.
 *
 * Purpose: whatever the reader settles itself must be what strtof() says, to
 * the last bit and to the byte where the number ends; and it must settle
 * what vectors are made of.
 */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/types/float_text.h"
#include "check.h"
#include "random.h"

static bool
same_bits(float a, float b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* Compare with strtof(); returns whether there was something to. */
static bool
settled(const char *text)
{
	float		value;
	const char *end;
	char	   *strtof_end;
	float		expected = strtof(text, &strtof_end);

	if (!omen_float_text_parse(text, &value, &end))
		return false;
	CHECK_MSG(same_bits(value, expected), "%s: %.9g, not %.9g", text,
			  (double) value, (double) expected);
	CHECK_MSG(end == strtof_end, "%s: ends at %td, not %td", text, end - text,
			  strtof_end - text);
	return true;
}

static void
test_settled(void)
{
	static const char *const texts[] = {"0",
										"-0",
										"+0",
										"0.0",
										"-.0",
										"1",
										"-1",
										"+1",
										"007",
										"1.",
										".5",
										"-.5",
										"1.5]",
										"2,3",
										"3 ",
										"4e1",
										"5E+1",
										"6e-1",
										"0.1",
										"0.30000001",
										"16777216",
										"16777218",
										"33554432",
										"1e22",
										"1e-22",
										"123456789e-20",
										"0.123456789012345678901234567890",
										"9007199254740991",
										"90071992547409910000",
										"-1234567.1234567",
										"1.0000000000000000000",
										"0.000000000000000000001",
										"3.0.5",
										"1e5e5"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK_MSG(settled(texts[i]), "%s was left to strtof", texts[i]);
}

static void
test_left_alone(void)
{
	static const char *const texts[] = {"",
										"-",
										"+",
										".",
										"-.",
										"x",
										"e5",
										".e5",
										"1e",
										"1e+",
										"1e-x",
										"nan",
										"inf",
										"-infinity",
										"0x1p3",
										"-0X1",
										"1e99",
										"1e-99",
										"1e2147483648",
										"0e99",
										"16777217",
										"16777217.00000000000000000000",
										"1.000000059604644775390625",
										"--1",
										" 1"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK_MSG(!settled(texts[i]), "%s was settled", texts[i]);
}

/* A float of any sign, with an exponent in low..high - 1. */
static float
random_scaled(int low, int high)
{
	int			exponent = low + (int) (random_u64() % (uint64_t) (high - low));

	return ldexpf(random_float() + 2.0f, exponent) *
		   (random_u64() & 1 ? 1.0f : -1.0f);
}

/* The texts that clients send: shortest or full digits of float or double. */
static void
test_ordinary(void)
{
	static const char *const formats[] = {"%.9g", "%.17g", "%.6f", "%.8e",
										  "%.16e"};
	const size_t count = sizeof(formats) / sizeof(formats[0]);
	int			fast = 0;

	for (int i = 0; i < 200000; i++)
	{
		char		text[64];
		double		value = (double) random_scaled(-12, 12);

		value += value * (double) (random_u64() >> 11) * 0x1p-80;
		snprintf(text, sizeof(text), formats[(size_t) i % count], value);
		fast += settled(text);
	}
	CHECK_MSG(fast > 199900, "only %d of 200000 were settled", fast);
}

/* Numbers around the middle between two floats, and the middle itself. */
static void
test_middles(void)
{
	for (int i = 0; i < 200000; i++)
	{
		char		text[128];
		float		low = fabsf(random_scaled(-30, 30));
		double middle = ((double) low + (double) nextafterf(low, FLT_MAX)) / 2;
		int			precision = 8 + (int) (random_u64() % 40);
		size_t		length;

		snprintf(text, sizeof(text), "%.*f", precision, middle);
		(void) settled(text);

		/* one unit more or less in the last digit */
		length = strlen(text);
		text[length - 1] = (char) ('0' + random_u64() % 10);
		(void) settled(text);

		/* a digit far behind */
		strcpy(text + length, "00000000000000000000001");
		(void) settled(text);
	}
}

/* Any digits, any exponent, any bits. */
static void
test_random(void)
{
	for (int i = 0; i < 200000; i++)
	{
		char		text[64];
		int			length = 1 + (int) (random_u64() % 30);
		int			point = (int) (random_u64() % 40);
		uint32_t	bits = (uint32_t) random_u64();
		float		value;

		for (int j = 0; j < length; j++)
			text[j] = (char) ('0' + random_u64() % 10);
		if (point < length)
			text[point] = '.';
		snprintf(text + length, sizeof(text) - (size_t) length, "e%d",
				 (int) (random_u64() % 80) - 50);
		(void) settled(text);

		memcpy(&value, &bits, sizeof(value));
		snprintf(text, sizeof(text), "%.9g", (double) value);
		(void) settled(text);
	}
}

int
main(void)
{
	test_settled();
	test_left_alone();
	test_ordinary();
	test_middles();
	test_random();
	return check_finish();
}
