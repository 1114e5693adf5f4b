/*-------------------------------------------------------------------------
 *
 * columns.c
 *	  The columns of an index to filter by, and the images of their values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "hnsw/columns.h"
#include "hnsw/keys/keys.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#define SIGN_BIT (UINT64CONST(1) << 63)

/* ---------- numbers ---------- */

static inline uint64
image_of_integer(int64 value)
{
	return (uint64) value ^ SIGN_BIT;
}

/* Zeros are equal, and NaN is above all, as PostgreSQL has it. */
static uint64
image_of_float(double value)
{
	uint64		bits;

	if (isnan(value))
		return PG_UINT64_MAX;
	if (value == 0)
		value = 0;
	memcpy(&bits, &value, sizeof(bits));
	return (bits & SIGN_BIT) != 0 ? ~bits : bits | SIGN_BIT;
}

/*
 * The image of a value of a type whose values are numbers, ordered as these
 * are.  False for other types.
 */
bool
omen_key_number(Oid type, Datum value, uint64 *image)
{
	switch (type)
	{
		case BOOLOID:
			*image = image_of_integer(DatumGetBool(value));
			return true;
		case INT2OID:
			*image = image_of_integer(DatumGetInt16(value));
			return true;
		case INT4OID:
		case DATEOID:
			*image = image_of_integer(DatumGetInt32(value));
			return true;
		case INT8OID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*image = image_of_integer(DatumGetInt64(value));
			return true;
		case OIDOID:
		case ANYENUMOID:
			*image = image_of_integer(DatumGetObjectId(value));
			return true;
		case FLOAT4OID:
			*image = image_of_float(DatumGetFloat4(value));
			return true;
		case FLOAT8OID:
			*image = image_of_float(DatumGetFloat8(value));
			return true;
		case NUMERICOID:
			*image = image_of_float(DatumGetFloat8(
				DirectFunctionCall1(numeric_float8_no_overflow, value)));
			return true;
		default:
			return false;
	}
}

/* ---------- hashes ---------- */

/* By the type's own function, so that equal values are equal here. */
uint64
omen_key_hash(OmenKeyColumn *column, Datum value)
{
	return DatumGetUInt64(FunctionCall2Coll(&column->hash, column->collation,
											value, UInt64GetDatum(0)));
}

/* The first eight bytes of text or of a uuid; else 0. */
uint64
omen_key_prefix(const OmenKeyColumn *column, Datum value)
{
	uint64		prefix = 0;

	if (column->type == TEXTOID)
	{
		text	   *string = DatumGetTextPP(value);

		memcpy(&prefix, VARDATA_ANY(string),
			   Min(VARSIZE_ANY_EXHDR(string), sizeof(prefix)));
	}
	else if (column->type == UUIDOID)
		memcpy(&prefix, DatumGetUUIDP(value)->data, sizeof(prefix));
	return pg_ntoh64(prefix);
}

/* ---------- arrays ---------- */

/* An element is two bits. */
void
omen_key_add_element(uint64 *words, uint64 hash)
{
	const uint32 bits = OMEN_ARRAY_WORDS * 64;
	uint32		first = hash % bits;
	uint32		second = (hash >> 32) % bits;

	words[first / 64] |= UINT64CONST(1) << (first % 64);
	words[second / 64] |= UINT64CONST(1) << (second % 64);
}

/* The hashes of an array's elements; NULLs are left out. */
uint32
omen_key_elements(OmenKeyColumn *column, Datum array, uint64 **hashes,
				  bool *has_null)
{
	Datum	   *values;
	bool	   *isnull;
	int			count;
	uint32		found = 0;

	deconstruct_array(DatumGetArrayTypeP(array), column->element,
					  column->element_length, column->element_by_value,
					  column->element_align, &values, &isnull, &count);
	*hashes = palloc(Max(count, 1) * sizeof(uint64));
	*has_null = false;
	for (int i = 0; i < count; i++)
	{
		if (isnull[i])
			*has_null = true;
		else
			(*hashes)[found++] = omen_key_hash(column, values[i]);
	}
	return found;
}

static void
encode_array(OmenKeyColumn *column, Datum value, uint64 *words)
{
	uint64	   *hashes;
	bool		has_null;
	uint32		count = omen_key_elements(column, value, &hashes, &has_null);

	for (uint32 i = 0; i < count; i++)
		omen_key_add_element(words, hashes[i]);
}

/* ---------- the columns of an index ---------- */

static OmenKeyForm
form_of(Oid type)
{
	switch (type)
	{
		case ANYARRAYOID:
			return OMEN_KEY_ARRAY;
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case ANYENUMOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return OMEN_KEY_NUMBER;
		default:
			return OMEN_KEY_HASHED;
	}
}

static uint32
words_of(OmenKeyForm form)
{
	switch (form)
	{
		case OMEN_KEY_NUMBER:
			return 1;
		case OMEN_KEY_HASHED:
			return 2;
		case OMEN_KEY_ARRAY:
			break;
	}
	return OMEN_ARRAY_WORDS;
}

/*
 * Find what hashes the values of a column, or the elements of its arrays, as
 * the type's own "=" has it.
 */
static void
open_hash(OmenKeyColumn *column, Oid type)
{
	TypeCacheEntry *entry =
		lookup_type_cache(type, TYPECACHE_EQ_OPR |
									TYPECACHE_HASH_EXTENDED_PROC_FINFO);

	if (!OidIsValid(entry->hash_extended_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an extended hash function for "
						"type %s",
						format_type_be(type))));
	fmgr_info_copy(&column->hash, &entry->hash_extended_proc_finfo,
				   CurrentMemoryContext);
}

/* Is this the name of a locale that orders text by its bytes? */
static bool
is_c_locale(int cache, HeapTuple tuple, AttrNumber attribute)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(cache, tuple, attribute, &isnull);
	char	   *name = isnull ? NULL : TextDatumGetCString(value);

	return name && (strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0);
}

/*
 * Does a collation order text by its bytes?  (The server's own answer is in a
 * header that needs those of ICU.)
 */
static bool
is_byte_order(Oid collation)
{
	bool		is_default = collation == DEFAULT_COLLATION_OID;
	int			cache = is_default ? DATABASEOID : COLLOID;
	HeapTuple	tuple =
		SearchSysCache1(cache, ObjectIdGetDatum(is_default ? MyDatabaseId
														   : collation));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	if (is_default)
		result = ((Form_pg_database) GETSTRUCT(tuple))->datlocprovider ==
					 COLLPROVIDER_LIBC &&
				 is_c_locale(cache, tuple, Anum_pg_database_datcollate);
	else
		result = ((Form_pg_collation) GETSTRUCT(tuple))->collprovider ==
					 COLLPROVIDER_LIBC &&
				 is_c_locale(cache, tuple, Anum_pg_collation_collcollate);
	ReleaseSysCache(tuple);
	return result;
}

/* Are a type's images ordered as its values are? */
bool
omen_key_is_ordered(Oid type, Oid collation)
{
	switch (form_of(type))
	{
		case OMEN_KEY_NUMBER:
			return type != ANYENUMOID;
		case OMEN_KEY_HASHED:
			return type == UUIDOID ||
				   (type == TEXTOID && is_byte_order(collation));
		case OMEN_KEY_ARRAY:
			break;
	}
	return false;
}

/* How an index keeps the values of one of its columns. */
static void
open_column(Relation index, int attno, OmenKeyColumn *column)
{
	Oid			type = index->rd_opcintype[attno - 1];

	column->form = form_of(type);
	column->type = type;
	column->collation = index->rd_indcollation[attno - 1];
	column->words = words_of(column->form);
	if (column->form == OMEN_KEY_HASHED)
	{
		open_hash(column, type);
		column->is_byte_order = omen_key_is_ordered(type, column->collation);
	}
	else if (column->form == OMEN_KEY_ARRAY)
	{
		Oid array = TupleDescAttr(RelationGetDescr(index), attno - 1)->atttypid;

		column->element = get_base_element_type(array);
		get_typlenbyvalalign(column->element, &column->element_length,
							 &column->element_by_value, &column->element_align);
		open_hash(column, column->element);
	}
}

/* Bytes of the keys in a slot. */
uint32
omen_keys_bytes(Relation index)
{
	OmenIndexColumns columns = omen_index_columns(index);
	uint32		words = 0;

	for (int i = 0; i < columns.filters; i++)
		words += words_of(
			form_of(index->rd_opcintype[columns.first_filter - 1 + i]));
	return words * sizeof(uint64);
}

/*
 * The columns of an index to filter by, or NULL if it has none.  In the current
 * memory context.
 */
OmenKeys *
omen_keys_open(Relation index)
{
	OmenIndexColumns columns = omen_index_columns(index);
	int			count = columns.filters;
	OmenKeys   *keys;

	if (count == 0)
		return NULL;
	keys = palloc0(offsetof(OmenKeys, columns) + count * sizeof(OmenKeyColumn));
	keys->first = columns.first_filter;
	keys->count = count;
	for (int i = 0; i < count; i++)
	{
		open_column(index, keys->first + i, &keys->columns[i]);
		keys->columns[i].first = keys->words;
		keys->words += keys->columns[i].words;
	}
	return keys;
}

/* ---------- the keys of a row ---------- */

/*
 * Encode the values of an index's columns, as far as they are to filter by.
 * keys may be NULL.  May leave memory behind.
 */
void
omen_keys_encode(OmenKeys *keys, const Datum *values, const bool *isnull,
				 OmenRowKeys *row)
{
	row->nulls = 0;
	if (keys == NULL)
		return;
	memset(row->words, 0, keys->words * sizeof(uint64));
	for (uint32 i = 0; i < keys->count; i++)
	{
		OmenKeyColumn *column = &keys->columns[i];
		uint64	   *words = row->words + column->first;
		uint32		at = keys->first - 1 + i;
		Datum		value = values[at];

		if (isnull[at])
		{
			row->nulls |= 1 << i;
			continue;
		}
		switch (column->form)
		{
			case OMEN_KEY_NUMBER:
				(void) omen_key_number(column->type, value, words);
				break;
			case OMEN_KEY_HASHED:
				words[0] = omen_key_hash(column, value);
				words[1] = omen_key_prefix(column, value);
				break;
			case OMEN_KEY_ARRAY:
				encode_array(column, value, words);
				break;
		}
	}
}
