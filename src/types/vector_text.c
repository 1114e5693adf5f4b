/*-------------------------------------------------------------------------
 *
 * vector_text.c
 *	  Parse and print the text form of vectors.
 *
 * Pure C: no postgres.h, no allocation, no errors raised.  What the user is
 * told about bad input is decided by the caller.
 *
 *-------------------------------------------------------------------------
 */
#include "vector_text.h"

#include "float_text.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * The whitespace of SQL and the vertical tab.  isspace() would depend on the
 * locale.
 */
static bool
is_space(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\v' ||
		   ch == '\f';
}

const char *
omen_text_skip_space(const char *p)
{
	while (is_space(*p))
		p++;
	return p;
}

static OmenTextResult
stop(OmenTextStatus status, int dim, const char *text, const char *p,
	 const char *end)
{
	OmenTextResult result;

	result.status = status;
	result.dim = dim;
	result.position = (size_t) (p - text);
	result.length = (size_t) (end - p);
	return result;
}

OmenTextStatus
omen_text_element(const char *p, float overflow, float *value, const char **end)
{
	char	   *number_end;

	if (!omen_float_text_parse(p, value, end))
	{
		/* strtof() skips whitespace by its own rules: p must not be at any */
		errno = 0;
		*value = strtof(p, &number_end);
		*end = number_end;

		if (number_end == p)
			return OMEN_TEXT_SYNTAX;

		/* One too small for a float is rounded, to zero or a denormal. */
		if (errno == ERANGE && isinf(*value))
			return OMEN_TEXT_RANGE;
		if (isnan(*value))
			return OMEN_TEXT_NAN;
		if (isinf(*value))
			return OMEN_TEXT_INFINITE;
	}
	return fabsf(*value) < overflow ? OMEN_TEXT_OK : OMEN_TEXT_RANGE;
}

int
omen_vector_text_capacity(const char *text, int max_dim)
{
	int			dim = 1;

	/* Each comma is followed by at most one element. */
	for (; *text != '\0' && dim < max_dim; text++)
		dim += (*text == ',');
	return dim;
}

OmenTextResult
omen_vector_text_parse(const char *text, float *x, int max_dim, float overflow)
{
	const char *p = omen_text_skip_space(text);
	const char *end;
	int			dim = 0;

	if (*p != '[')
		return stop(OMEN_TEXT_NO_BRACKET, 0, text, p, p);
	p = omen_text_skip_space(p + 1);
	if (*p == ']')
		return stop(OMEN_TEXT_EMPTY, 0, text, p, p);

	for (;;)
	{
		OmenTextStatus status;

		if (dim == max_dim)
			return stop(OMEN_TEXT_TOO_MANY, dim, text, p, p);

		p = omen_text_skip_space(p);
		status = omen_text_element(p, overflow, &x[dim], &end);
		if (status != OMEN_TEXT_OK)
			return stop(status, dim, text, p, end);
		dim++;

		p = omen_text_skip_space(end);
		if (*p == ']')
			break;
		if (*p != ',')
			return stop(OMEN_TEXT_SYNTAX, dim, text, p, p);
		p++;
	}

	p = omen_text_skip_space(p + 1);
	return stop(*p == '\0' ? OMEN_TEXT_OK : OMEN_TEXT_JUNK, dim, text, p, p);
}

size_t
omen_vector_text_print(const float *x, int dim, OmenFloatPrinter print,
					   char *out)
{
	char	   *p = out;

	*p++ = '[';
	for (int i = 0; i < dim; i++)
	{
		if (i > 0)
			*p++ = ',';
		p += print(x[i], p);
	}
	*p++ = ']';
	*p = '\0';
	return (size_t) (p - out);
}
