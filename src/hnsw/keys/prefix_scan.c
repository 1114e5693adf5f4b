/*-------------------------------------------------------------------------
 *
 * prefix_scan.c
 *	  What scan keys say of leading columns: which group a scan is of.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "hnsw/keys/keys.h"
#include "hnsw/keys/prefix.h"
#include "utils/date.h"
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

/* What the scan keys of one column say. */
static OmenPrefixAsked
asked_of_column(const OmenPrefixColumn *column, int attno, ScanKey keys,
				int count, Datum *value, bool *isnull)
{
	for (int i = 0; i < count; i++)
	{
		ScanKey		key = &keys[i];

		if (key->sk_attno != attno)
			continue;
		/* operators are strict */
		if ((key->sk_flags & SK_ISNULL) != 0 && !is_null_test(key))
			return OMEN_PREFIX_NONE;
		*isnull = (key->sk_flags & SK_SEARCHNULL) != 0;
		if (*isnull)
			return OMEN_PREFIX_ONE;
		if (is_null_test(key) || (key->sk_flags & SK_SEARCHARRAY) != 0 ||
			key->sk_strategy != OMEN_KEY_EQUAL ||
			!omen_prefix_is_comparable(column->type, key->sk_subtype))
			continue;
		return convert(column->type, key->sk_subtype, key->sk_argument, value)
				   ? OMEN_PREFIX_ONE
				   : OMEN_PREFIX_NONE;
	}
	return OMEN_PREFIX_ANY;
}

/* May a row with this value of a column pass all scan keys of the column? */
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

/*
 * Which group do scan keys ask for?  If it is one, *key is its key.  May leave
 * memory behind.
 */
OmenPrefixAsked
omen_prefix_asked(OmenPrefix *prefix, ScanKey keys, int count,
				  OmenPrefixKey *key)
{
	Datum		values[OMEN_MAX_LEADING] = {0};
	bool		isnull[OMEN_MAX_LEADING] = {0};
	OmenPrefixAsked asked = OMEN_PREFIX_ONE;

	for (uint32 i = 0; i < prefix->count; i++)
	{
		OmenPrefixAsked of_column =
			asked_of_column(&prefix->columns[i], i + 1, keys, count, &values[i],
							&isnull[i]);

		if (of_column == OMEN_PREFIX_NONE ||
			(of_column == OMEN_PREFIX_ONE &&
			 !may_pass(i + 1, keys, count, values[i], isnull[i])))
			return OMEN_PREFIX_NONE;
		if (of_column == OMEN_PREFIX_ANY)
			asked = OMEN_PREFIX_ANY;
	}
	if (asked == OMEN_PREFIX_ONE &&
		!omen_prefix_encode(prefix, values, isnull, key))
		/* no row has such a value, but maybe an equal one of fewer bytes */
		return omen_prefix_is_exact(prefix) ? OMEN_PREFIX_NONE
											: OMEN_PREFIX_ANY;
	return asked;
}
