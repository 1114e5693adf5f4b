/*-------------------------------------------------------------------------
 *
 * sparse_text.c
 *	  Parse and print the text form of a sparse vector, and look for what is
 *	  wrong with its elements.
 *
 * Pure C: no postgres.h, no allocation, no errors raised.  What the user is
 * told about bad input is decided by the caller.
 *
 *-------------------------------------------------------------------------
 */
#include "sparse_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

size_t
omen_sparse_text_capacity(const char *text)
{
	size_t		count = 1;

	/* Each comma is followed by at most one element. */
	for (; *text != '\0'; text++)
		count += (*text == ',');
	return count;
}

/*
 * Read the integer at p, where no whitespace is; *end is p if there is none.
 * One beyond the range becomes the end of it.
 */
static int32_t
parse_integer(const char *p, const char **end)
{
	char	   *number_end;
	long long	number = strtoll(p, &number_end, 10);

	*end = number_end;
	if (number > INT32_MAX)
		return INT32_MAX;
	if (number < INT32_MIN)
		return INT32_MIN;
	return (int32_t) number;
}

/*
 * Does the number from p to end, which was read as zero, have a digit other
 * than zero?  Then it was too small.
 */
static bool
has_digits(const char *p, const char *end)
{
	bool		is_hex = memchr(p, 'x', (size_t) (end - p)) != NULL ||
				  memchr(p, 'X', (size_t) (end - p)) != NULL;

	for (; p < end; p++)
	{
		if (is_hex ? (*p == 'p' || *p == 'P') : (*p == 'e' || *p == 'E'))
			return false;
		if ((*p >= '1' && *p <= '9') || (*p >= 'a' && *p <= 'f') ||
			(*p >= 'A' && *p <= 'F'))
			return true;
	}
	return false;
}

/* Read the value at p, where no whitespace is. */
static OmenSparseStatus
parse_value(const char *p, float *value, const char **end)
{
	switch (omen_text_element(p, INFINITY, value, end))
	{
		case OMEN_TEXT_OK:
			if (*value == 0.0f && has_digits(p, *end))
				return OMEN_SPARSE_RANGE;
			return OMEN_SPARSE_OK;
		case OMEN_TEXT_RANGE:
			return OMEN_SPARSE_RANGE;
		case OMEN_TEXT_NAN:
			return OMEN_SPARSE_NAN;
		case OMEN_TEXT_INFINITE:
			return OMEN_SPARSE_INFINITE;
		default:
			return OMEN_SPARSE_SYNTAX;
	}
}

/*
 * Read "index:value" at p.  *end is the byte behind it, or of what is wrong
 * the beginning; *wrong_end, then, is the byte behind a number at fault.
 */
static OmenSparseStatus
parse_element(const char *p, OmenSparseElement *element, const char **end,
			  const char **wrong_end)
{
	OmenSparseStatus status;
	int32_t		index;

	p = omen_text_skip_space(p);
	index = parse_integer(p, end);
	*wrong_end = *end;
	if (*end == p)
		return OMEN_SPARSE_SYNTAX;
	/* The smallest has no predecessor; both are out of bounds. */
	element->index = index == INT32_MIN ? index : index - 1;

	p = omen_text_skip_space(*end);
	*end = *wrong_end = p;
	if (*p != ':')
		return OMEN_SPARSE_SYNTAX;
	p = omen_text_skip_space(p + 1);
	status = parse_value(p, &element->value, wrong_end);
	*end = status == OMEN_SPARSE_OK ? *wrong_end : p;
	return status;
}

static OmenSparseResult
stop(OmenSparseResult result, OmenSparseStatus status, const char *text,
	 const char *p, const char *end)
{
	result.status = status;
	result.position = (size_t) (p - text);
	result.length = (size_t) (end - p);
	return result;
}

/* What follows the closing brace at p: "/dim". */
static OmenSparseResult
parse_dim(OmenSparseResult result, const char *text, const char *p)
{
	const char *end;

	p = omen_text_skip_space(p + 1);
	if (*p != '/')
		return stop(result, OMEN_SPARSE_NO_DIM, text, p, p);
	p = omen_text_skip_space(p + 1);
	result.dim = parse_integer(p, &end);
	if (end == p)
		return stop(result, OMEN_SPARSE_SYNTAX, text, p, p);
	p = omen_text_skip_space(end);
	return stop(result, *p == '\0' ? OMEN_SPARSE_OK : OMEN_SPARSE_JUNK, text, p,
				p);
}

OmenSparseResult
omen_sparse_text_parse(const char *text, OmenSparseElement *elements)
{
	OmenSparseResult result = {OMEN_SPARSE_OK, 0, 0, 0, 0};
	const char *p = omen_text_skip_space(text);
	const char *end;

	if (*p != '{')
		return stop(result, OMEN_SPARSE_NO_BRACE, text, p, p);
	p = omen_text_skip_space(p + 1);
	if (*p == '}')
		return parse_dim(result, text, p);

	for (;;)
	{
		OmenSparseElement *element = &elements[result.count];
		OmenSparseStatus status = parse_element(p, element, &p, &end);

		if (status != OMEN_SPARSE_OK)
			return stop(result, status, text, p, end);
		result.count += (element->value != 0.0f);

		p = omen_text_skip_space(p);
		if (*p == '}')
			return parse_dim(result, text, p);
		if (*p != ',')
			return stop(result, OMEN_SPARSE_SYNTAX, text, p, p);
		p++;
	}
}

/* Write a number that is not negative; returns the byte behind it. */
static char *
print_integer(int32_t number, char *out)
{
	char		digits[10];
	int			count = 0;

	do
	{
		digits[count++] = (char) ('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (count > 0)
		*out++ = digits[--count];
	return out;
}

size_t
omen_sparse_text_print(const int32_t *indices, const float *values, int count,
					   int32_t dim, OmenFloatPrinter print, char *out)
{
	char	   *p = out;

	*p++ = '{';
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			*p++ = ',';
		p = print_integer(indices[i] + 1, p);
		*p++ = ':';
		p += print(values[i], p);
	}
	*p++ = '}';
	*p++ = '/';
	p = print_integer(dim, p);
	*p = '\0';
	return (size_t) (p - out);
}

OmenSparseFlaw
omen_sparse_indices_flaw(const int32_t *indices, int count, int32_t dim)
{
	for (int i = 0; i < count; i++)
	{
		if (indices[i] < 0 || indices[i] >= dim)
			return OMEN_SPARSE_OUT_OF_BOUNDS;
		if (i > 0 && indices[i] < indices[i - 1])
			return OMEN_SPARSE_UNORDERED;
		if (i > 0 && indices[i] == indices[i - 1])
			return OMEN_SPARSE_TWICE;
	}
	return OMEN_SPARSE_SOUND;
}

OmenSparseFlaw
omen_sparse_values_flaw(const float *values, int count, int *at)
{
	for (*at = 0; *at < count; (*at)++)
	{
		if (!isfinite(values[*at]))
			return OMEN_SPARSE_NOT_FINITE;
		if (values[*at] == 0.0f)
			return OMEN_SPARSE_ZERO;
	}
	return OMEN_SPARSE_SOUND;
}
