/*
 * fuzz_vector_text.c
 *		Fuzz target of the parser of vectors.
 *
 * Purpose: any bytes at all must be parsed without touching memory outside
 * the text and the elements asked for, and what is accepted must be finite
 * and survive being printed.  A broken promise aborts.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/types/vector_text.h"

/* Small, so that inputs reach the limit. */
#define MAX_DIM 64

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(int promise)
{
	if (!promise)
		abort();
}

static int
print_float(float value, char *buf)
{
	char		text[32];
	int			length = snprintf(text, sizeof(text), "%.9g", (double) value);

	demand(length <= OMEN_TEXT_ELEMENT_LEN);
	memcpy(buf, text, (size_t) length);
	return length;
}

static OmenTextResult
parse(const char *text, float **x)
{
	int			capacity = omen_vector_text_capacity(text, MAX_DIM);
	OmenTextResult result;

	demand(capacity >= 1 && capacity <= MAX_DIM);
	*x = malloc(sizeof(float) * (size_t) capacity);
	result = omen_vector_text_parse(text, *x, MAX_DIM, INFINITY);
	demand(result.dim >= 0 && result.dim <= capacity);
	demand(result.position + result.length <= strlen(text));
	demand(result.status != OMEN_TEXT_OK || result.dim == capacity);
	return result;
}

static void
round_trip(const float *x, int dim)
{
	char	   *out = malloc(OMEN_TEXT_SIZE(dim));
	float	   *again;
	OmenTextResult result;

	demand(omen_vector_text_print(x, dim, print_float, out) == strlen(out));
	result = parse(out, &again);
	demand(result.status == OMEN_TEXT_OK && result.dim == dim);
	demand(memcmp(x, again, sizeof(float) * (size_t) dim) == 0);
	free(again);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);
	float	   *x;
	OmenTextResult result;

	memcpy(text, data, size);
	text[size] = '\0';

	result = parse(text, &x);
	if (result.status == OMEN_TEXT_OK)
	{
		for (int i = 0; i < result.dim; i++)
			demand(isfinite(x[i]));
		round_trip(x, result.dim);
	}

	free(x);
	free(text);
	return 0;
}
