/*-------------------------------------------------------------------------
 *
 * tests.c
 *	  Scan keys on key columns, as tests of the words that slots hold.
 *
 * A test may let pass what the operator would not, never the other way round.
 * What cannot be told from the words has a test that always holds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "hnsw/keys/keys.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Elements of an array of which a column's arrays are to have any. */
#define MAX_ELEMENTS 256

/* ---------- ranges of images ---------- */

/* Images that an operator lets pass; none if low > high. */
typedef struct Range
{
	uint64		low;
	uint64		high;
} Range;

static const Range no_image = {1, 0};
static const Range any_image = {0, PG_UINT64_MAX};

/* What compares so with an image that is exact, or rounded. */
static Range
range_of(int strategy, uint64 image, bool is_exact)
{
	Range		range = any_image;

	switch (strategy)
	{
		case OMEN_KEY_LESS:
			if (is_exact && image == 0)
				return no_image;
			range.high = is_exact ? image - 1 : image;
			break;
		case OMEN_KEY_LESS_EQUAL:
			range.high = image;
			break;
		case OMEN_KEY_EQUAL:
			range.low = image;
			range.high = image;
			break;
		case OMEN_KEY_GREATER_EQUAL:
			range.low = image;
			break;
		case OMEN_KEY_GREATER:
			if (is_exact && image == PG_UINT64_MAX)
				return no_image;
			range.low = is_exact ? image + 1 : image;
			break;
	}
	return range;
}

/*
 * A date compared with a timestamp: with the day that it is in, of which the
 * timestamp may be the beginning or a later moment.
 */
static Range
range_of_dates(int strategy, Timestamp moment)
{
	int64		day = moment / USECS_PER_DAY;
	bool		is_later;
	uint64		image;

	if (TIMESTAMP_NOT_FINITE(moment))
		day = TIMESTAMP_IS_NOBEGIN(moment) ? DATEVAL_NOBEGIN : DATEVAL_NOEND;
	else if (moment % USECS_PER_DAY < 0)
		day--;
	is_later = !TIMESTAMP_NOT_FINITE(moment) && moment != day * USECS_PER_DAY;
	(void) omen_key_number(INT8OID, Int64GetDatum(day), &image);
	if (is_later && strategy == OMEN_KEY_EQUAL)
		return no_image;
	if (is_later && strategy == OMEN_KEY_LESS)
		strategy = OMEN_KEY_LESS_EQUAL;
	if (is_later && strategy == OMEN_KEY_GREATER_EQUAL)
		strategy = OMEN_KEY_GREATER;
	return range_of(strategy, image, true);
}

/*
 * The moment that a date, or a timestamp without time zone, stands for where it
 * is compared with the timestamps of a column.  False if it has no place among
 * them.
 */
static bool
moment_of(Oid column_type, Oid type, Datum value, int64 *moment)
{
	int			overflow = 0;

	if (type == column_type)
		*moment = DatumGetTimestamp(value);
	else if (type == DATEOID && column_type == TIMESTAMPOID)
		*moment =
			date2timestamp_opt_overflow(DatumGetDateADT(value), &overflow);
	else if (type == DATEOID)
		*moment =
			date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
	else if (type == TIMESTAMPOID)
		*moment = timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value),
													 &overflow);
	else
		return false;
	return overflow == 0;
}

/* What a number column lets pass; false if that cannot be told. */
static bool
range_of_numbers(const OmenKeyColumn *column, int strategy, Oid type,
				 Datum value, Range *range)
{
	int64		moment;
	uint64		image;

	switch (column->type)
	{
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			if (!moment_of(column->type, type, value, &moment))
				return false;
			(void) omen_key_number(INT8OID, Int64GetDatum(moment), &image);
			break;
		case DATEOID:
			if (type == TIMESTAMPOID)
			{
				*range = range_of_dates(strategy, DatumGetTimestamp(value));
				return true;
			}
			if (type != DATEOID)
				return false;
			(void) omen_key_number(type, value, &image);
			break;
		case ANYENUMOID:
			/* the order of the labels is the catalog's, not that of the OIDs */
			if (strategy != OMEN_KEY_EQUAL)
				return false;
			(void) omen_key_number(ANYENUMOID, value, &image);
			break;
		default:
			if (!omen_key_number(type, value, &image))
				return false;
			break;
	}
	*range = range_of(strategy, image, column->type != NUMERICOID);
	return true;
}

/* What a hashed column lets pass, and by which of its words. */
static bool
range_of_hashed(OmenKeyColumn *column, int strategy, Oid type, Datum value,
				uint32 *word, Range *range)
{
	if (type != column->type)
		return false;
	if (strategy == OMEN_KEY_EQUAL)
	{
		*word = 0;
		*range = range_of(strategy, omen_key_hash(column, value), true);
		return true;
	}
	if (!column->is_byte_order)
		return false;
	*word = 1;
	*range = range_of(strategy, omen_key_prefix(column, value), false);
	return true;
}

static bool
find_range(OmenKeyColumn *column, int strategy, Oid type, Datum value,
		   uint32 *word, Range *range)
{
	*word = 0;
	if (column->form == OMEN_KEY_NUMBER)
		return range_of_numbers(column, strategy, type, value, range);
	if (column->form == OMEN_KEY_HASHED)
		return range_of_hashed(column, strategy, type, value, word, range);
	return false;
}

/* ---------- one scan key ---------- */

static int
compare_words(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : (x > y ? 1 : 0);
}

/* "= ANY (array)", or another comparison.  False if there is no test for it. */
static bool
compile_any(OmenKeyColumn *column, ScanKey key, Oid type, OmenKeyTest *test)
{
	ArrayType  *array = DatumGetArrayTypeP(key->sk_argument);
	Oid			element = ARR_ELEMTYPE(array);
	Range		hull = no_image;
	Datum	   *values;
	bool	   *isnull;
	int			count;
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(element, &length, &by_value, &align);
	deconstruct_array(array, element, length, by_value, align, &values, &isnull,
					  &count);
	test->kind = OMEN_TEST_LIST;
	test->values = palloc(Max(count, 1) * sizeof(uint64));
	for (int i = 0; i < count; i++)
	{
		Range		range;

		if (isnull[i])
			continue;
		if (!find_range(column, key->sk_strategy, type, values[i], &test->word,
						&range))
			return false;
		if (range.low > range.high)
			continue;
		test->values[test->count++] = range.low;
		hull.high =
			hull.low > hull.high ? range.high : Max(hull.high, range.high);
		hull.low = test->count == 1 ? range.low : Min(hull.low, range.low);
	}
	qsort(test->values, test->count, sizeof(uint64), compare_words);
	if (key->sk_strategy != OMEN_KEY_EQUAL)
		test->kind = OMEN_TEST_RANGE;
	test->low = hull.low;
	test->high = hull.high;
	return true;
}

static bool
compile_array(OmenKeyColumn *column, ScanKey key, OmenKeyTest *test)
{
	uint64	   *hashes;
	bool		has_null;
	uint32		count =
		omen_key_elements(column, key->sk_argument, &hashes, &has_null);
	bool		is_overlap = key->sk_strategy == OMEN_KEY_OVERLAPS;
	Size		room = is_overlap ? Max(count, 1) : 1;

	/* each is looked for in each node */
	if (is_overlap && count > MAX_ELEMENTS)
		return false;
	test->values = palloc0(room * OMEN_ARRAY_WORDS * sizeof(uint64));
	test->count = is_overlap ? count : 1;
	for (uint32 i = 0; i < count; i++)
		omen_key_add_element(test->values +
								 (is_overlap ? i * OMEN_ARRAY_WORDS : 0),
							 hashes[i]);
	switch (key->sk_strategy)
	{
		case OMEN_KEY_OVERLAPS:
			test->kind = OMEN_TEST_OVERLAPS;
			return true;
		case OMEN_KEY_CONTAINS:
		case OMEN_KEY_EQUAL:
			/* an array that is equal has the same elements, at least */
			test->kind = OMEN_TEST_CONTAINS;
			return true;
		case OMEN_KEY_CONTAINED:
			test->kind = OMEN_TEST_CONTAINED;
			return true;
		default:
			return false;
	}
}

/* Make a test of a scan key.  False if there is none. */
static bool
compile_key(OmenKeys *keys, ScanKey key, OmenKeyTest *test)
{
	uint32		number = key->sk_attno - keys->first;
	OmenKeyColumn *column = &keys->columns[number];
	Oid type = OidIsValid(key->sk_subtype) ? key->sk_subtype : column->type;
	Range		range;

	test->column = number;
	if ((key->sk_flags & (SK_SEARCHNULL | SK_SEARCHNOTNULL)) != 0)
	{
		test->kind = (key->sk_flags & SK_SEARCHNULL) != 0 ? OMEN_TEST_NULL
														  : OMEN_TEST_NOT_NULL;
		return true;
	}
	if (column->form == OMEN_KEY_ARRAY)
	{
		if ((key->sk_flags & SK_SEARCHARRAY) != 0 ||
			!compile_array(column, key, test))
			return false;
	}
	else if ((key->sk_flags & SK_SEARCHARRAY) != 0)
	{
		if (!compile_any(column, key, type, test))
			return false;
	}
	else
	{
		if (!find_range(column, key->sk_strategy, type, key->sk_argument,
						&test->word, &range))
			return false;
		test->kind = OMEN_TEST_RANGE;
		test->low = range.low;
		test->high = range.high;
	}
	test->word += column->first;
	return true;
}

/* Is this a test that nothing passes? */
static bool
is_never(const OmenKeyTest *test)
{
	switch (test->kind)
	{
		case OMEN_TEST_RANGE:
			return test->low > test->high;
		case OMEN_TEST_LIST:
		case OMEN_TEST_OVERLAPS:
			return test->count == 0;
		default:
			return false;
	}
}

/* The test of a scan key; one that always holds if nothing can be told. */
static void
make_test(OmenKeys *keys, ScanKey key, OmenKeyTest *test)
{
	bool		is_null_test =
		(key->sk_flags & (SK_SEARCHNULL | SK_SEARCHNOTNULL)) != 0;

	memset(test, 0, sizeof(OmenKeyTest));
	/* operators are strict */
	if ((key->sk_flags & SK_ISNULL) != 0 && !is_null_test)
		test->kind = OMEN_TEST_NEVER;
	/* of the vector only that it is NULL, or not, can be asked */
	else if (key->sk_attno < keys->first || !compile_key(keys, key, test))
		test->kind = OMEN_TEST_ALWAYS;
	else if (is_never(test))
		test->kind = OMEN_TEST_NEVER;
}

/* Which words a test looks at. */
static uint64
words_of(const OmenKeyTest *test)
{
	uint64		words;

	switch (test->kind)
	{
		case OMEN_TEST_RANGE:
		case OMEN_TEST_LIST:
			words = 1;
			break;
		case OMEN_TEST_OVERLAPS:
		case OMEN_TEST_CONTAINS:
		case OMEN_TEST_CONTAINED:
			words = (1 << OMEN_ARRAY_WORDS) - 1;
			break;
		default:
			words = 0;
			break;
	}
	return words << test->word;
}

/*
 * Where a step leads, past tests that tell nothing.  Those have been looked at.
 */
static uint32
step_past(const OmenKeyTests *tests, uint32 target)
{
	const OmenKeyTest *test;

	if (target >= tests->count)
		return target;
	test = &tests->tests[target];
	if (test->kind == OMEN_TEST_NEVER)
		return test->step.if_fails;
	if (test->kind == OMEN_TEST_ALWAYS ||
		test->step.if_holds == test->step.if_fails)
		return test->step.if_holds;
	return target;
}

/*
 * Make tests of scan keys, which all must hold, or are joined by `steps`.  NULL
 * if there is nothing to test.  In the current memory context.
 */
OmenKeyTests *
omen_keys_compile(OmenKeys *keys, ScanKey scankeys, int count,
				  const OmenKeyStep *steps)
{
	OmenKeyTests *tests;

	if (keys == NULL || count == 0)
		return NULL;
	tests = palloc(add_size(offsetof(OmenKeyTests, tests),
							mul_size(count, sizeof(OmenKeyTest))));
	tests->count = count;
	tests->words = 0;
	for (int i = count - 1; i >= 0; i--)
	{
		OmenKeyTest *test = &tests->tests[i];
		OmenKeyStep step = {OMEN_KEYS_PASS, OMEN_KEYS_FAIL};

		if (steps)
			step = steps[i];
		else if (i + 1 < count)
			step.if_holds = i + 1;
		make_test(keys, &scankeys[i], test);
		tests->words |= words_of(test);
		test->step.if_holds = step_past(tests, step.if_holds);
		test->step.if_fails = step_past(tests, step.if_fails);
	}
	tests->first = step_past(tests, 0);
	tests->never = tests->first == OMEN_KEYS_FAIL;
	if (tests->first == OMEN_KEYS_PASS)
	{
		pfree(tests);
		return NULL;
	}
	return tests;
}

/* ---------- testing ---------- */

static bool
has_bits(const uint64 *words, const uint64 *bits)
{
	uint64		missing = 0;

	for (int i = 0; i < OMEN_ARRAY_WORDS; i++)
		missing |= bits[i] & ~words[i];
	return missing == 0;
}

static bool
is_in_list(const OmenKeyTest *test, uint64 word)
{
	uint32		low = 0;
	uint32		high = test->count;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (test->values[middle] < word)
			low = middle + 1;
		else
			high = middle;
	}
	return low < test->count && test->values[low] == word;
}

static bool
overlaps(const OmenKeyTest *test, const uint64 *words)
{
	for (uint32 i = 0; i < test->count; i++)
	{
		if (has_bits(words, test->values + i * OMEN_ARRAY_WORDS))
			return true;
	}
	return false;
}

/* Does a test hold for a row with such keys? */
static inline bool
holds(const OmenKeyTest *test, uint16 nulls, const uint64 *words)
{
	const uint64 *word = words + test->word;
	bool		isnull = (nulls & (1 << test->column)) != 0;

	if (test->kind == OMEN_TEST_NULL)
		return isnull;
	if (isnull)
		return false;
	switch (test->kind)
	{
		case OMEN_TEST_RANGE:
			return *word >= test->low && *word <= test->high;
		case OMEN_TEST_LIST:
			return *word >= test->low && *word <= test->high &&
				   is_in_list(test, *word);
		case OMEN_TEST_OVERLAPS:
			return overlaps(test, word);
		case OMEN_TEST_CONTAINS:
			return has_bits(word, test->values);
		case OMEN_TEST_CONTAINED:
			return has_bits(test->values, word);
		case OMEN_TEST_NULL:
		case OMEN_TEST_NOT_NULL:
		case OMEN_TEST_ALWAYS:
			return true;
		case OMEN_TEST_NEVER:
			break;
	}
	return false;
}

/* May a row with such keys pass? */
bool
omen_keys_pass(const OmenKeyTests *tests, uint16 nulls, const uint64 *words)
{
	uint32		next = tests->first;

	while (next < tests->count)
	{
		const OmenKeyTest *test = &tests->tests[next];

		next = holds(test, nulls, words) ? test->step.if_holds
										 : test->step.if_fails;
	}
	return next == OMEN_KEYS_PASS;
}
