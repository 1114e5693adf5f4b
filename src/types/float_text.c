/*-------------------------------------------------------------------------
 *
 * float_text.c
 *	  Read a decimal number as a float, faster than strtof().
 *
 * Loading vectors as text is mostly reading numbers, and the general case of
 * that is slow.  The numbers in vectors have a simple one: their digits form
 * an integer below 2^53, which a double holds exactly, as it does powers of
 * ten up to 10^22.  Multiplying or dividing the two rounds once, so the
 * double is the one nearest to the number, and rounding that to a float is
 * right unless the double lies in the middle between two floats (rounding is
 * monotonic, and those middles are doubles: the number lies on the same side
 * of every other middle as the double).
 *
 * Of longer numbers the first digits are read.  If the number they form and
 * the next larger one round to the same float, so does everything between.
 *
 * What this does not settle it leaves alone.  It must never guess.
 *
 *-------------------------------------------------------------------------
 */
#include "float_text.h"

#include <float.h>
#include <stdint.h>
#include <string.h>

/* Another digit may be added to a number up to here, and then one. */
#define LAST_EXTENSIBLE ((((uint64_t) 1 << 53) - 10) / 10)

/* The powers of ten that a double holds exactly. */
static const double powers_of_ten[] = {1e0,	 1e1,  1e2,	 1e3,  1e4,	 1e5,
									   1e6,	 1e7,  1e8,	 1e9,  1e10, 1e11,
									   1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
									   1e18, 1e19, 1e20, 1e21, 1e22};

#define LAST_POWER \
	((int) (sizeof(powers_of_ten) / sizeof(powers_of_ten[0])) - 1)

/* digits * 10^exponent; more if digits that are not zero were dropped */
typedef struct Decimal
{
	uint64_t	digits;
	int			exponent;
	bool		dropped;
} Decimal;

/* Append the digits at p and return where they end. */
static const char *
scan_digits(const char *p, Decimal *decimal, bool fraction)
{
	for (; *p >= '0' && *p <= '9'; p++)
	{
		int			digit = *p - '0';

		if (decimal->digits <= LAST_EXTENSIBLE)
		{
			decimal->digits = decimal->digits * 10 + (uint64_t) digit;
			decimal->exponent -= fraction;
		}
		else
		{
			decimal->dropped |= (digit != 0);
			decimal->exponent += !fraction;
		}
	}
	return p;
}

/*
 * Read the digits of an exponent, after its letter.  Returns where they end,
 * or NULL if there are none or the exponent is too large to be of interest.
 */
static const char *
scan_exponent(const char *p, Decimal *decimal)
{
	bool		negative = (*p == '-');
	const char *first;
	int			exponent = 0;

	p += (*p == '-' || *p == '+');
	for (first = p; *p >= '0' && *p <= '9'; p++)
	{
		exponent = exponent * 10 + (*p - '0');
		if (exponent > 1000)
			return NULL;
	}
	decimal->exponent += negative ? -exponent : exponent;
	return p > first ? p : NULL;
}

/*
 * The float nearest to digits * 10^exponent, for digits up to 2^53.  Returns
 * false if that is not certain.
 */
static bool
round_decimal(uint64_t digits, int exponent, float *value)
{
	double		nearest = (double) digits;
	uint64_t	bits;

	if (exponent < -LAST_POWER || exponent > LAST_POWER)
		return false;
	if (exponent < 0)
		nearest /= powers_of_ten[-exponent];
	else
		nearest *= powers_of_ten[exponent];

	/* Between 10^-22 and 2^53 * 10^22 every number is a normal float. */
	*value = (float) nearest;

	/* A float has 29 bits less; in the middle, the first of them is set. */
	memcpy(&bits, &nearest, sizeof(bits));
	return (bits & 0x1fffffff) != 0x10000000;
}

bool
omen_float_text_parse(const char *p, float *value, const char **end)
{
	Decimal		decimal = {0, 0, false};
	bool		negative = (*p == '-');
	const char *first;
	float		next;

	/* A double that is computed with more bits is rounded twice. */
	if (FLT_EVAL_METHOD != 0)
		return false;

	p += (*p == '-' || *p == '+');
	first = p;
	p = scan_digits(p, &decimal, false);
	if (*p == '.')
		p = scan_digits(p + 1, &decimal, true);
	if (p == first || (p == first + 1 && *first == '.'))
		return false;
	if (*p == 'e' || *p == 'E')
	{
		p = scan_exponent(p + 1, &decimal);
		if (p == NULL)
			return false;
	}
	else if (*p == 'x' || *p == 'X')
		return false;

	if (!round_decimal(decimal.digits, decimal.exponent, value))
		return false;
	if (decimal.dropped &&
		(!round_decimal(decimal.digits + 1, decimal.exponent, &next) ||
		 next != *value))
		return false;

	if (negative)
		*value = -*value;
	*end = p;
	return true;
}
