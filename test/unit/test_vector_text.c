/*
 * test_vector_text.c
 *		Unit tests of the parser and printer of vectors.
 *
 * Purpose: what the parser accepts, where it stops and why, and that what is
 * printed reads back the same.  How PostgreSQL words its errors is tested in
 * sql/vector_type.sql.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/types/vector_text.h"
#include "check.h"

#define MAX_DIM 8

/* Nine digits are enough for any float; the server's printer is shorter. */
static int
print_float(float value, char *buf)
{
	char		text[32];
	int			length = snprintf(text, sizeof(text), "%.9g", (double) value);

	memcpy(buf, text, (size_t) length);
	return length;
}

/*
 * Parse into memory of exactly the size the parser asks for, so that the
 * address sanitizer sees a write past it.  The caller frees *x.
 */
static OmenTextResult
parse(const char *text, float **x)
{
	int			capacity = omen_vector_text_capacity(text, MAX_DIM);

	CHECK_MSG(capacity >= 1 && capacity <= MAX_DIM, "capacity %d for \"%s\"",
			  capacity, text);
	*x = malloc(sizeof(float) * (size_t) capacity);
	return omen_vector_text_parse(text, *x, MAX_DIM, INFINITY);
}

static void
accepts(const char *text, int dim, const float *expected)
{
	float	   *x;
	OmenTextResult result = parse(text, &x);

	if (CHECK_MSG(result.status == OMEN_TEXT_OK, "\"%s\": status %d", text,
				  (int) result.status) &&
		CHECK_MSG(result.dim == dim, "\"%s\": %d elements", text, result.dim))
	{
		CHECK_MSG(memcmp(x, expected, sizeof(float) * (size_t) dim) == 0,
				  "\"%s\": wrong elements", text);
		CHECK_MSG(omen_vector_text_capacity(text, MAX_DIM) == dim,
				  "\"%s\": capacity is not exact", text);
		CHECK(result.position == strlen(text));
	}
	free(x);
}

/* position and length: where the parser must stop, and at how long a number */
static void
refuses(const char *text, OmenTextStatus status, size_t position, size_t length)
{
	float	   *x;
	OmenTextResult result = parse(text, &x);

	CHECK_MSG(result.status == status, "\"%s\": status %d, not %d", text,
			  (int) result.status, (int) status);
	CHECK_MSG(result.position == position, "\"%s\": position %zu, not %zu",
			  text, result.position, position);
	CHECK_MSG(result.length == length, "\"%s\": length %zu, not %zu", text,
			  result.length, length);
	free(x);
}

#define ACCEPTS(text, ...) \
	accepts(text, (int) (sizeof((float[]){__VA_ARGS__}) / sizeof(float)), \
			(const float[]){__VA_ARGS__})

static void
test_accepted(void)
{
	ACCEPTS("[1]", 1);
	ACCEPTS("[1,2,3]", 1, 2, 3);
	ACCEPTS("[1,2,3,4,5,6,7,8]", 1, 2, 3, 4, 5, 6, 7, 8);
	ACCEPTS("[-1.5,+2.5,.5,5.]", -1.5f, 2.5f, 0.5f, 5);
	ACCEPTS("[1e2,1E-2,1e+2]", 100, 0.01f, 100);
	ACCEPTS("[0x1p-1]", 0.5f);
	ACCEPTS("[0,-0]", 0.0f, -0.0f);
	ACCEPTS(" \t\n\v\f\r[ 1\t,\n2\v]\f\r", 1, 2);
}

/* What is too small for a float rounds to a denormal or to zero. */
static void
test_underflow(void)
{
	ACCEPTS("[1e-45,-1e-45]", 0x1p-149f, -0x1p-149f);
	ACCEPTS("[1e-46,-1e-46]", 0.0f, -0.0f);
	ACCEPTS("[1e-99999]", 0.0f);
}

static void
test_refused(void)
{
	refuses("", OMEN_TEXT_NO_BRACKET, 0, 0);
	refuses("  1", OMEN_TEXT_NO_BRACKET, 2, 0);
	refuses("(1)", OMEN_TEXT_NO_BRACKET, 0, 0);
	refuses("[]", OMEN_TEXT_EMPTY, 1, 0);
	refuses("[ \v]", OMEN_TEXT_EMPTY, 3, 0);
	refuses("[", OMEN_TEXT_SYNTAX, 1, 0);
	refuses("[1", OMEN_TEXT_SYNTAX, 2, 0);
	refuses("[1 ", OMEN_TEXT_SYNTAX, 3, 0);
	refuses("[1,", OMEN_TEXT_SYNTAX, 3, 0);
	refuses("[1,]", OMEN_TEXT_SYNTAX, 3, 0);
	refuses("[,1]", OMEN_TEXT_SYNTAX, 1, 0);
	refuses("[1,,2]", OMEN_TEXT_SYNTAX, 3, 0);
	refuses("[1 2]", OMEN_TEXT_SYNTAX, 3, 0);
	refuses("[1.2.3]", OMEN_TEXT_SYNTAX, 4, 0);
	refuses("[- 1]", OMEN_TEXT_SYNTAX, 1, 0);
	refuses("[x]", OMEN_TEXT_SYNTAX, 1, 0);
	refuses("[1\xa0]", OMEN_TEXT_SYNTAX, 2, 0);
	refuses("[1]2", OMEN_TEXT_JUNK, 3, 0);
	refuses("[1]  ]", OMEN_TEXT_JUNK, 5, 0);
}

static void
test_numbers_refused(void)
{
	refuses("[nan]", OMEN_TEXT_NAN, 1, 3);
	refuses("[0,-NAN]", OMEN_TEXT_NAN, 3, 4);
	refuses("[inf]", OMEN_TEXT_INFINITE, 1, 3);
	refuses("[ -Infinity]", OMEN_TEXT_INFINITE, 2, 9);
	refuses("[1e39]", OMEN_TEXT_RANGE, 1, 4);
	refuses("[1,-1e99999,2]", OMEN_TEXT_RANGE, 3, 8);
	refuses("[3.4028236e38]", OMEN_TEXT_RANGE, 1, 12);
	ACCEPTS("[3.4028235e38]", 0x1.fffffep127f);
}

/* Where fewer numbers are in range, what is as large is refused, exactly. */
static void
test_range(void)
{
	float		x[2];
	const char *end;
	OmenTextResult result =
		omen_vector_text_parse("[65519.9, -65520 ]", x, MAX_DIM, 65520.0f);

	CHECK(result.status == OMEN_TEXT_RANGE);
	CHECK(result.dim == 1 && x[0] == 65519.9f);
	CHECK(result.position == 10 && result.length == 6);
	result = omen_vector_text_parse("[1,inf]", x, MAX_DIM, 65520.0f);
	CHECK(result.status == OMEN_TEXT_INFINITE);
	result = omen_vector_text_parse("[1,nan]", x, MAX_DIM, 65520.0f);
	CHECK(result.status == OMEN_TEXT_NAN);
	result = omen_vector_text_parse("[1,1e39]", x, MAX_DIM, 65520.0f);
	CHECK(result.status == OMEN_TEXT_RANGE && result.position == 3);

	CHECK(omen_text_element("0x1p4]", 16.0f, x, &end) == OMEN_TEXT_RANGE);
	CHECK(omen_text_element("-15.5]", 16.0f, x, &end) == OMEN_TEXT_OK);
	CHECK(x[0] == -15.5f && *end == ']');
	CHECK(*omen_text_skip_space(" \v\n1 ") == '1');
}

/* The limit comes before whatever is wrong behind it. */
static void
test_too_many(void)
{
	refuses("[1,2,3,4,5,6,7,8,9]", OMEN_TEXT_TOO_MANY, 17, 0);
	refuses("[1,2,3,4,5,6,7,8,x", OMEN_TEXT_TOO_MANY, 17, 0);
	refuses("[1,2,3,4,5,6,7,8,]", OMEN_TEXT_TOO_MANY, 17, 0);
	refuses("[1,2,3,4,5,6,7,8", OMEN_TEXT_SYNTAX, 16, 0);
}

static void
test_print(void)
{
	const float x[] = {1, -2.5f, 0, -0.0f};
	char		out[OMEN_TEXT_SIZE(4)];

	CHECK(omen_vector_text_print(x, 4, print_float, out) == 13);
	CHECK(strcmp(out, "[1,-2.5,0,-0]") == 0);
	CHECK(omen_vector_text_print(x, 1, print_float, out) == 3);
	CHECK(strcmp(out, "[1]") == 0);
}

/* Floats of all magnitudes, and the longest texts, survive a round trip. */
static void
test_round_trip(void)
{
	uint32_t	bits = 1;

	for (int round = 0; round < 20000; round++)
	{
		float		x[MAX_DIM];
		float	   *read;
		char		out[OMEN_TEXT_SIZE(MAX_DIM)];
		OmenTextResult result;

		for (int i = 0; i < MAX_DIM; i++)
		{
			bits = bits * 1664525 + 1013904223;
			memcpy(&x[i], &bits, sizeof(float));
			if (!isfinite(x[i]))
				x[i] = -1.17549435e-38f;
		}
		CHECK(omen_vector_text_print(x, MAX_DIM, print_float, out) ==
			  strlen(out));
		result = parse(out, &read);
		CHECK_MSG(result.status == OMEN_TEXT_OK && result.dim == MAX_DIM &&
					  memcmp(x, read, sizeof(x)) == 0,
				  "%s does not read back", out);
		free(read);
	}
}

int
main(void)
{
	test_accepted();
	test_underflow();
	test_refused();
	test_numbers_refused();
	test_range();
	test_too_many();
	test_print();
	test_round_trip();
	return check_finish();
}
