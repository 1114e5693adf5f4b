/*-------------------------------------------------------------------------
 *
 * prefix_scan.c
 *	  What scan keys say of leading columns: which groups a scan is of.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "hnsw/keys/keys.h"
#include "hnsw/keys/prefix.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* ---------- values of other types ---------- */

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static bool
is_float(Oid type)
{
	return type == FLOAT4OID || type == FLOAT8OID;
}

static bool
is_local_time(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID;
}

/*
 * Is it known which value of a column's type equals one of another type?
 */
bool
omen_prefix_is_comparable(Oid type, Oid other)
{
	return type == other || !OidIsValid(other) ||
		   (is_integer(type) && is_integer(other)) ||
		   (is_float(type) && is_float(other)) ||
		   (is_local_time(type) && is_local_time(other));
}

static bool
convert_integer(Oid type, Oid other, Datum value, Datum *result)
{
	int64		number = other == INT2OID ? DatumGetInt16(value)
									: (other == INT4OID ? DatumGetInt32(value)
														: DatumGetInt64(value));

	if (type == INT2OID)
	{
		*result = Int16GetDatum((int16) number);
		return number >= PG_INT16_MIN && number <= PG_INT16_MAX;
	}
	if (type == INT4OID)
	{
		*result = Int32GetDatum((int32) number);
		return number >= PG_INT32_MIN && number <= PG_INT32_MAX;
	}
	*result = Int64GetDatum(number);
	return true;
}

static bool
convert_float(Oid type, Oid other, Datum value, Datum *result)
{
	double		number =
		other == FLOAT4OID ? DatumGetFloat4(value) : DatumGetFloat8(value);

	if (type == FLOAT8OID)
	{
		*result = Float8GetDatum(number);
		return true;
	}
	*result = Float4GetDatum((float4) number);
	return isnan(number) || (double) (float4) number == number;
}

static bool
convert_time(Oid type, Datum value, Datum *result)
{
	int			overflow = 0;

	if (type == TIMESTAMPOID)
	{
		*result = TimestampGetDatum(
			date2timestamp_opt_overflow(DatumGetDateADT(value), &overflow));
		return overflow == 0;
	}
	if (TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value)))
	{
		DateADT		date;

		if (TIMESTAMP_IS_NOBEGIN(DatumGetTimestamp(value)))
			DATE_NOBEGIN(date);
		else
			DATE_NOEND(date);
		*result = DateADTGetDatum(date);
		return true;
	}
	if (DatumGetTimestamp(value) % USECS_PER_DAY != 0)
		return false;
	*result =
		DateADTGetDatum((DateADT) (DatumGetTimestamp(value) / USECS_PER_DAY));
	return true;
}

/*
 * The value of a column's type that equals one of another type; false if there
 * is none.
 */
static bool
convert(Oid type, Oid other, Datum value, Datum *result)
{
	*result = value;
	if (type == other || !OidIsValid(other))
		return true;
	if (is_integer(type))
		return convert_integer(type, other, value, result);
	if (is_float(type))
		return convert_float(type, other, value, result);
	return convert_time(type, value, result);
}

/* ---------- scan keys ---------- */

static bool
is_null_test(const ScanKeyData *key)
{
	return (key->sk_flags & (SK_SEARCHNULL | SK_SEARCHNOTNULL)) != 0;
}

/* What a scan key's array has. */
static int
elements_of(const ScanKeyData *key, Oid *type, Datum **elements, bool **isnull)
{
	ArrayType  *array = DatumGetArrayTypeP(key->sk_argument);
	int			count;
	int16		length;
	bool		by_value;
	char		align;

	*type = ARR_ELEMTYPE(array);
	get_typlenbyvalalign(*type, &length, &by_value, &align);
	deconstruct_array(array, *type, length, by_value, align, elements, isnull,
					  &count);
	return count;
}

/* The values of an equality, or of several in an array. */
static uint32
values_of_key(const OmenPrefixColumn *column, const ScanKeyData *key,
			  Datum **values)
{
	Oid type = OidIsValid(key->sk_subtype) ? key->sk_subtype : column->type;
	Datum	   *given;
	bool	   *isnull;
	int			count = 1;
	uint32		found = 0;

	if ((key->sk_flags & SK_SEARCHARRAY) != 0)
	{
		count = elements_of(key, &type, &given, &isnull);
		/* what looks the same, as varchar and text do */
		if (!omen_prefix_is_comparable(column->type, type) ||
			type == column->type)
			type = key->sk_subtype;
	}
	else
	{
		given = palloc(sizeof(Datum));
		isnull = palloc0(sizeof(bool));
		given[0] = key->sk_argument;
	}
	*values = palloc(Max(count, 1) * sizeof(Datum));
	for (int i = 0; i < count; i++)
	{
		if (!isnull[i] &&
			convert(column->type, type, given[i], &(*values)[found]))
			found++;
	}
	return found;
}

/* Does a key say which values a column has? */
static bool
tells_values(const OmenPrefixColumn *column, const ScanKeyData *key)
{
	return !is_null_test(key) && key->sk_strategy == OMEN_KEY_EQUAL &&
		   omen_prefix_is_comparable(column->type, key->sk_subtype);
}

/*
 * Does a key have more than so many elements that each value of a column may
 * have to be compared with?
 */
bool
omen_prefix_key_is_long(Relation index, const ScanKeyData *key, int most)
{
	Oid			type = index->rd_opcintype[key->sk_attno - 1];
	ArrayType  *array;

	if ((key->sk_flags & SK_SEARCHARRAY) == 0 ||
		(key->sk_flags & SK_ISNULL) != 0 ||
		(key->sk_strategy == OMEN_KEY_EQUAL &&
		 omen_prefix_is_comparable(type, key->sk_subtype)))
		return false;
	array = DatumGetArrayTypeP(key->sk_argument);
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) > most;
}

/* ---------- which values pass ---------- */

/* A value, and its hash. */
typedef struct HashedValue
{
	uint64		hash;
	Datum		value;
} HashedValue;

static int
compare_hashes(const void *a, const void *b)
{
	const HashedValue *x = a;
	const HashedValue *y = b;

	return x->hash < y->hash ? -1 : (x->hash > y->hash ? 1 : 0);
}

/* Where the first of some sorted hashes is that is no less than one. */
static uint32
first_hash(const HashedValue *sorted, uint32 count, uint64 hash)
{
	uint32		low = 0;
	uint32		high = count;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (sorted[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_among(OmenPrefixColumn *column, const HashedValue *sorted, uint32 count,
		 Datum value)
{
	uint64		hash = omen_prefix_hash(column, value);

	for (uint32 i = first_hash(sorted, count, hash);
		 i < count && sorted[i].hash == hash; i++)
	{
		if (DatumGetBool(FunctionCall2Coll(&column->equal, column->collation,
										   value, sorted[i].value)))
			return true;
	}
	return false;
}

/*
 * Leave out those of some values that are not among those of an array.  Both
 * may be long, so they are not compared each with each.
 */
static uint32
keep_those_among(OmenPrefixColumn *column, const ScanKeyData *key,
				 Datum *values, uint32 count)
{
	Datum	   *others;
	uint32		nothers = values_of_key(column, key, &others);
	HashedValue *sorted = palloc(Max(nothers, 1) * sizeof(HashedValue));
	uint32		kept = 0;

	for (uint32 i = 0; i < nothers; i++)
	{
		sorted[i].hash = omen_prefix_hash(column, others[i]);
		sorted[i].value = others[i];
	}
	qsort(sorted, nothers, sizeof(HashedValue), compare_hashes);
	for (uint32 i = 0; i < count; i++)
	{
		if (is_among(column, sorted, nothers, values[i]))
			values[kept++] = values[i];
	}
	return kept;
}

static bool
holds(ScanKey key, Datum value, Datum argument)
{
	return DatumGetBool(
		FunctionCall2Coll(&key->sk_func, key->sk_collation, value, argument));
}

/*
 * Leave out those of some values for which a comparison does not hold, with any
 * of these.
 */
static uint32
keep_those_that_hold(ScanKey key, const Datum *arguments, const bool *isnull,
					 int narguments, Datum *values, uint32 count)
{
	uint32		kept = 0;

	for (uint32 i = 0; i < count; i++)
	{
		int			j = 0;

		CHECK_FOR_INTERRUPTS();
		while (j < narguments &&
			   (isnull[j] || !holds(key, values[i], arguments[j])))
			j++;
		if (j < narguments)
			values[kept++] = values[i];
	}
	return kept;
}

/* Leave out those of a column's values that a scan key keeps out. */
static void
keep_passing(OmenPrefixColumn *column, ScanKey key, Datum *values, bool isnull,
			 uint32 *count)
{
	Datum	   *elements;
	bool	   *nulls;
	bool		never = false;
	Oid			type;
	int			nelements;

	if (is_null_test(key))
	{
		if (((key->sk_flags & SK_SEARCHNULL) != 0) != isnull)
			*count = 0;
	}
	else if (isnull)
		*count = 0;				/* operators are strict */
	else if ((key->sk_flags & SK_SEARCHARRAY) == 0)
		*count = keep_those_that_hold(key, &key->sk_argument, &never, 1, values,
									  *count);
	else if (tells_values(column, key))
		*count = keep_those_among(column, key, values, *count);
	else
	{
		nelements = elements_of(key, &type, &elements, &nulls);
		*count = keep_those_that_hold(key, elements, nulls, nelements, values,
									  *count);
	}
}

/* ---------- what scan keys ask for ---------- */

/*
 * Find what the scan keys of one column say.  The values are those of one key,
 * of an array only if none has just one; the others keep some of them out.
 */
static OmenPrefixAsked
asked_of_column(OmenPrefix *prefix, int attno, ScanKey keys, int count,
				OmenPrefixValues *asked)
{
	OmenPrefixColumn *column = &prefix->columns[attno - 1];
	const ScanKeyData *found = NULL;

	for (int i = 0; i < count; i++)
	{
		const ScanKeyData *key = &keys[i];

		if (key->sk_attno != attno)
			continue;
		/* operators are strict */
		if ((key->sk_flags & SK_ISNULL) != 0 && !is_null_test(key))
			return OMEN_PREFIX_NONE;
		if ((key->sk_flags & SK_SEARCHNULL) != 0 ||
			(tells_values(column, key) &&
			 (found == NULL || (key->sk_flags & SK_SEARCHARRAY) == 0)))
			found = key;
		if ((key->sk_flags & SK_SEARCHNULL) != 0)
			break;
	}
	if (found == NULL)
		return OMEN_PREFIX_ANY;
	asked->isnull[attno - 1] = (found->sk_flags & SK_SEARCHNULL) != 0;
	if (asked->isnull[attno - 1])
	{
		asked->values[attno - 1] = palloc0(sizeof(Datum));
		asked->count[attno - 1] = 1;
	}
	else
		asked->count[attno - 1] =
			values_of_key(column, found, &asked->values[attno - 1]);
	for (int i = 0; i < count; i++)
	{
		if (keys[i].sk_attno == attno && &keys[i] != found)
			keep_passing(column, &keys[i], asked->values[attno - 1],
						 asked->isnull[attno - 1], &asked->count[attno - 1]);
	}
	return asked->count[attno - 1] > 0 ? OMEN_PREFIX_SOME : OMEN_PREFIX_NONE;
}

/*
 * Which groups do scan keys ask for?  In the current memory context.  May leave
 * memory behind.
 */
OmenPrefixAsked
omen_prefix_asked(OmenPrefix *prefix, ScanKey keys, int count,
				  OmenPrefixValues *asked)
{
	OmenPrefixAsked result = OMEN_PREFIX_SOME;
	uint64		combinations = 1;

	for (uint32 i = 0; i < prefix->count; i++)
	{
		OmenPrefixAsked of_column =
			asked_of_column(prefix, i + 1, keys, count, asked);

		if (of_column == OMEN_PREFIX_NONE)
			return OMEN_PREFIX_NONE;
		if (of_column == OMEN_PREFIX_ANY)
			result = OMEN_PREFIX_ANY;
		else
			combinations = Min(combinations * asked->count[i],
							   (uint64) OMEN_MAX_ASKED + 1);
	}
	if (result == OMEN_PREFIX_SOME && combinations > OMEN_MAX_ASKED)
		return OMEN_PREFIX_ANY;
	asked->combinations = (uint32) combinations;
	return result;
}

/*
 * The key of one combination of the values asked for.  False if it is too long.
 */
bool
omen_prefix_combine(OmenPrefix *prefix, const OmenPrefixValues *asked,
					uint32 number, OmenPrefixKey *key)
{
	Datum		values[OMEN_MAX_LEADING];

	for (uint32 i = 0; i < prefix->count; i++)
	{
		values[i] = asked->values[i][number % asked->count[i]];
		number /= asked->count[i];
	}
	return omen_prefix_encode(prefix, values, asked->isnull, key);
}
