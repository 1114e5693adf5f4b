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

/* Does a row with this value of a column pass all scan keys of it? */
static bool
may_pass(int attno, ScanKey keys, int count, Datum value, bool isnull)
{
	for (int i = 0; i < count; i++)
	{
		ScanKey		key = &keys[i];

		if (key->sk_attno != attno)
			continue;
		if (is_null_test(key))
		{
			if (((key->sk_flags & SK_SEARCHNULL) != 0) != isnull)
				return false;
		}
		else if (isnull || (key->sk_flags & SK_ISNULL) != 0)
			return false;
		else if ((key->sk_flags & SK_SEARCHARRAY) == 0 &&
				 !DatumGetBool(FunctionCall2Coll(&key->sk_func,
												 key->sk_collation, value,
												 key->sk_argument)))
			return false;
	}
	return true;
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
		ArrayType  *array = DatumGetArrayTypeP(key->sk_argument);
		int16		length;
		bool		by_value;
		char		align;

		type = ARR_ELEMTYPE(array);
		get_typlenbyvalalign(type, &length, &by_value, &align);
		deconstruct_array(array, type, length, by_value, align, &given, &isnull,
						  &count);
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

/* Leave out those of a column's values that other scan keys keep out. */
static void
keep_passing(int attno, ScanKey keys, int count, OmenPrefixValues *asked)
{
	uint32		number = attno - 1;
	uint32		kept = 0;

	for (uint32 i = 0; i < asked->count[number]; i++)
	{
		Datum		value = asked->values[number][i];

		if (may_pass(attno, keys, count, value, asked->isnull[number]))
			asked->values[number][kept++] = value;
	}
	asked->count[number] = kept;
}

/*
 * Find what the scan keys of one column say.  One that has one value is enough;
 * arrays are for where there is none.
 */
static OmenPrefixAsked
asked_of_column(const OmenPrefix *prefix, int attno, ScanKey keys, int count,
				OmenPrefixValues *asked)
{
	const OmenPrefixColumn *column = &prefix->columns[attno - 1];
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
	keep_passing(attno, keys, count, asked);
	return asked->count[attno - 1] > 0 ? OMEN_PREFIX_SOME : OMEN_PREFIX_NONE;
}

/*
 * Which groups do scan keys ask for?  In the current memory context.  May leave
 * memory behind.
 */
OmenPrefixAsked
omen_prefix_asked(const OmenPrefix *prefix, ScanKey keys, int count,
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
