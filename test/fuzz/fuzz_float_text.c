/*
 * fuzz_float_text.c
 *		Fuzz target of reading decimal numbers.
 *
 * Purpose: what the reader settles must be what strtof() returns.  A
 * difference aborts.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/types/float_text.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);
	float		value;
	const char *end;

	memcpy(text, data, size);
	text[size] = '\0';

	if (omen_float_text_parse(text, &value, &end))
	{
		char	   *expected_end;
		float		expected = strtof(text, &expected_end);

		if (memcmp(&value, &expected, sizeof(value)) != 0 ||
			end != expected_end)
			abort();
	}

	free(text);
	return 0;
}
