/*
 * fuzz_vector_text.c
 *		Fuzz target of the parser of vectors, of floats and of halves.
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

#include "../../src/distance/half.h"
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
parse(const char *text, float overflow, float **x)
{
	int			capacity = omen_vector_text_capacity(text, MAX_DIM);
	OmenTextResult result;

	demand(capacity >= 1 && capacity <= MAX_DIM);
	*x = malloc(sizeof(float) * (size_t) capacity);
	result = omen_vector_text_parse(text, *x, MAX_DIM, overflow);
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
	result = parse(out, INFINITY, &again);
	demand(result.status == OMEN_TEXT_OK && result.dim == dim);
	demand(memcmp(x, again, sizeof(float) * (size_t) dim) == 0);
	free(again);
	free(out);
}

/* Halves that were accepted are those of the text when it is printed, too. */
static void
round_trip_halves(float *x, int dim)
{
	for (int i = 0; i < dim; i++)
	{
		uint16_t	half = omen_half_from_float(x[i]);

		demand(omen_half_is_finite(half));
		x[i] = omen_half_to_float(half);
		demand(omen_half_from_float(x[i]) == half);
	}
	round_trip(x, dim);
}

/*
 * As halves a text is what it is as floats, but that fewer numbers are in
 * range.
 */
static void
compare(const OmenTextResult *floats, const OmenTextResult *halves)
{
	if (halves->status != OMEN_TEXT_RANGE)
		demand(memcmp(floats, halves, sizeof(*floats)) == 0);
	else if (floats->status == OMEN_TEXT_RANGE)
		demand(halves->position <= floats->position);
	else
		demand(floats->status == OMEN_TEXT_OK || floats->dim > halves->dim);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);
	float	   *x;
	float	   *y;
	OmenTextResult floats;
	OmenTextResult halves;

	memcpy(text, data, size);
	text[size] = '\0';

	floats = parse(text, INFINITY, &x);
	if (floats.status == OMEN_TEXT_OK)
	{
		for (int i = 0; i < floats.dim; i++)
			demand(isfinite(x[i]));
		round_trip(x, floats.dim);
	}
	halves = parse(text, OMEN_HALF_OVERFLOW, &y);
	if (halves.status == OMEN_TEXT_OK)
		round_trip_halves(y, halves.dim);
	compare(&floats, &halves);

	free(x);
	free(y);
	free(text);
	return 0;
}
