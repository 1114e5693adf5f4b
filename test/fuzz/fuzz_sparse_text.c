/*
 * fuzz_sparse_text.c
 *		Fuzz target of the parser of sparse vectors, and of the checks of what
 *		comes in binary form.
 *
 * Purpose: any bytes at all must be parsed without touching memory outside
 * the text and the elements asked for, and what is accepted must be finite,
 * not zero, and survive being printed.  The same bytes, taken as indices and
 * values, must be called sound only if they are.  A broken promise aborts.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/types/sparse_text.h"

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

static OmenSparseResult
parse(const char *text, OmenSparseElement **elements)
{
	size_t		capacity = omen_sparse_text_capacity(text);
	OmenSparseResult result;

	demand(capacity >= 1 && capacity <= strlen(text) + 1);
	*elements = malloc(sizeof(OmenSparseElement) * capacity);
	result = omen_sparse_text_parse(text, *elements);
	demand(result.count >= 0 && (size_t) result.count <= capacity);
	demand(result.position + result.length <= strlen(text));
	return result;
}

/* Print what was accepted, if its indices and dimensions can be, and read. */
static void
round_trip(const OmenSparseElement *elements, OmenSparseResult parsed)
{
	size_t		room = (size_t) parsed.count + 1;
	int32_t	   *indices = malloc(sizeof(int32_t) * room);
	float	   *values = malloc(sizeof(float) * room);
	char	   *out = malloc(OMEN_SPARSE_TEXT_SIZE(parsed.count));
	OmenSparseElement *again;
	OmenSparseResult result;
	int			at;

	for (int i = 0; i < parsed.count; i++)
	{
		indices[i] = elements[i].index;
		values[i] = elements[i].value;
	}
	demand(omen_sparse_values_flaw(values, parsed.count, &at) ==
		   OMEN_SPARSE_SOUND);
	if (omen_sparse_indices_flaw(indices, parsed.count, parsed.dim) ==
			OMEN_SPARSE_SOUND &&
		parsed.dim > 0)
	{
		size_t length = omen_sparse_text_print(indices, values, parsed.count,
											   parsed.dim, print_float, out);

		demand(length == strlen(out) &&
			   length < OMEN_SPARSE_TEXT_SIZE(parsed.count));
		result = parse(out, &again);
		demand(result.status == OMEN_SPARSE_OK && result.dim == parsed.dim &&
			   result.count == parsed.count);
		demand(memcmp(again, elements,
					  sizeof(*again) * (size_t) parsed.count) == 0);
		free(again);
	}
	free(out);
	free(values);
	free(indices);
}

/* The bytes as what omen_sparsevec_recv() reads. */
static void
check_binary(const uint8_t *data, size_t size)
{
	int			count = (int) (size / (sizeof(int32_t) + sizeof(float)));
	int32_t	   *indices = malloc(sizeof(int32_t) * (size_t) count + 1);
	float	   *values = malloc(sizeof(float) * (size_t) count + 1);
	int32_t		dim = 1 + (size > 0 ? data[size - 1] : 0);
	int			at;

	memcpy(indices, data, sizeof(int32_t) * (size_t) count);
	memcpy(values, data + sizeof(int32_t) * (size_t) count,
		   sizeof(float) * (size_t) count);
	if (omen_sparse_indices_flaw(indices, count, dim) == OMEN_SPARSE_SOUND)
		for (int i = 0; i < count; i++)
			demand(indices[i] >= (i > 0 ? indices[i - 1] + 1 : 0) &&
				   indices[i] < dim);
	if (omen_sparse_values_flaw(values, count, &at) == OMEN_SPARSE_SOUND)
		for (int i = 0; i < count; i++)
			demand(isfinite(values[i]) && values[i] != 0.0f);
	else
		demand(at >= 0 && at < count);
	free(values);
	free(indices);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);
	OmenSparseElement *elements;
	OmenSparseResult result;

	memcpy(text, data, size);
	text[size] = '\0';

	result = parse(text, &elements);
	if (result.status == OMEN_SPARSE_OK)
		round_trip(elements, result);
	check_binary(data, size);

	free(elements);
	free(text);
	return 0;
}
