/*
 * test_sparse_text.c
 *		Unit tests of the parser and printer of sparse vectors, and of the
 *		checks of their elements.
 *
 * Purpose: what the parser accepts, where it stops and why, and that what is
 * printed reads back the same.  How PostgreSQL words its errors is tested in
 * sql/sparsevec_type.sql.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/types/sparse_text.h"
#include "check.h"

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
 * address sanitizer sees a write past it.  The caller frees *elements.
 */
static OmenSparseResult
parse(const char *text, OmenSparseElement **elements)
{
	*elements =
		malloc(sizeof(OmenSparseElement) * omen_sparse_text_capacity(text));
	return omen_sparse_text_parse(text, *elements);
}

/* Accepted, and printed as expected: elements in the order of the text. */
static void
accepts(const char *text, const char *expected)
{
	OmenSparseElement *elements;
	OmenSparseResult result = parse(text, &elements);
	int32_t		indices[16];
	float		values[16];
	char		out[OMEN_SPARSE_TEXT_SIZE(16)];
	size_t		length;

	if (CHECK_MSG(result.status == OMEN_SPARSE_OK, "\"%s\": status %d", text,
				  (int) result.status))
	{
		CHECK(result.position == strlen(text));
		for (int i = 0; i < result.count; i++)
		{
			indices[i] = elements[i].index;
			values[i] = elements[i].value;
		}
		length = omen_sparse_text_print(indices, values, result.count,
										result.dim, print_float, out);
		CHECK(length == strlen(out) &&
			  length < OMEN_SPARSE_TEXT_SIZE(result.count));
		CHECK_MSG(strcmp(out, expected) == 0, "\"%s\": %s", text, out);
	}
	free(elements);
}

/* Refused, at this byte, with this many bytes of a number. */
static void
refuses(const char *text, OmenSparseStatus status, size_t position,
		size_t length)
{
	OmenSparseElement *elements;
	OmenSparseResult result = parse(text, &elements);

	CHECK_MSG(result.status == status, "\"%s\": status %d", text,
			  (int) result.status);
	CHECK_MSG(result.position == position && result.length == length,
			  "\"%s\": at %zu, %zu bytes", text, result.position,
			  result.length);
	free(elements);
}

static void
test_accepted(void)
{
	accepts("{}/1", "{}/1");
	accepts("{1:0,2:-0}/2", "{}/2");
	accepts("{1:1.5,3:3.5}/5", "{1:1.5,3:3.5}/5");
	accepts("{3:1,1:2,3:3}/3", "{3:1,1:2,3:3}/3");
	accepts(" {\t1\n: 0x10 ,\v2\f:\r-2} / 7 ", "{1:16,2:-2}/7");
	accepts("{1:0.0e9,2:0x0p4,3:1e-45}/3", "{3:1.40129846e-45}/3");
	accepts("{1:1}/99999999999999999999", "{1:1}/2147483647");
	accepts("{2147483647:1}/1", "{2147483647:1}/1");
}

static void
test_refused(void)
{
	refuses("", OMEN_SPARSE_NO_BRACE, 0, 0);
	refuses(" [1]", OMEN_SPARSE_NO_BRACE, 1, 0);
	refuses("{", OMEN_SPARSE_SYNTAX, 1, 0);
	refuses("{,", OMEN_SPARSE_SYNTAX, 1, 0);
	refuses("{1", OMEN_SPARSE_SYNTAX, 2, 0);
	refuses("{1:", OMEN_SPARSE_SYNTAX, 3, 0);
	refuses("{1:1", OMEN_SPARSE_SYNTAX, 4, 0);
	refuses("{1:1,", OMEN_SPARSE_SYNTAX, 5, 0);
	refuses("{1:1}", OMEN_SPARSE_NO_DIM, 5, 0);
	refuses("{1:1}/", OMEN_SPARSE_SYNTAX, 6, 0);
	refuses("{1:1}/1 1", OMEN_SPARSE_JUNK, 8, 0);
	refuses("{1: nan}/1", OMEN_SPARSE_NAN, 4, 3);
	refuses("{1:-inf}/1", OMEN_SPARSE_INFINITE, 3, 4);
	refuses("{1:1e39}/1", OMEN_SPARSE_RANGE, 3, 4);
	refuses("{1:1,2:-1e-50 }/1", OMEN_SPARSE_RANGE, 7, 6);
	refuses("{1:0x0.8p-300}/1", OMEN_SPARSE_RANGE, 3, 10);
}

static void
test_flaws(void)
{
	const int32_t good[] = {0, 2, 9};
	const int32_t twice[] = {0, 2, 2};
	const int32_t back[] = {0, 2, 1};
	const int32_t below[] = {-1, 2, 9};
	const float values[] = {1.0f, -0x1p-149f, 0x1.fffffep127f};
	const float zero[] = {1.0f, -0.0f, INFINITY};
	const float infinite[] = {1.0f, NAN, 0.0f};
	int			at;

	CHECK(omen_sparse_indices_flaw(NULL, 0, 1) == OMEN_SPARSE_SOUND);
	CHECK(omen_sparse_indices_flaw(good, 3, 10) == OMEN_SPARSE_SOUND);
	CHECK(omen_sparse_indices_flaw(good, 3, 9) == OMEN_SPARSE_OUT_OF_BOUNDS);
	CHECK(omen_sparse_indices_flaw(below, 3, 10) == OMEN_SPARSE_OUT_OF_BOUNDS);
	CHECK(omen_sparse_indices_flaw(twice, 3, 10) == OMEN_SPARSE_TWICE);
	CHECK(omen_sparse_indices_flaw(back, 3, 10) == OMEN_SPARSE_UNORDERED);
	CHECK(omen_sparse_values_flaw(values, 3, &at) == OMEN_SPARSE_SOUND);
	CHECK(omen_sparse_values_flaw(zero, 3, &at) == OMEN_SPARSE_ZERO && at == 1);
	CHECK(omen_sparse_values_flaw(infinite, 3, &at) == OMEN_SPARSE_NOT_FINITE &&
		  at == 1);
}

int
main(void)
{
	test_accepted();
	test_refused();
	test_flaws();
	return check_finish();
}
