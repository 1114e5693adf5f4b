/*-------------------------------------------------------------------------
 *
 * prefix.c
 *	  The values of leading columns: their keys, hashes and equality.
 *
 * Calls functions of operator classes, which may do anything: no page may be
 * locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/hash.h"
#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "hnsw/columns.h"
#include "hnsw/keys/keys.h"
#include "hnsw/keys/prefix.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/*
 * A test build may have so few hashes that different keys share them.
 */
#ifdef OMEN_TEST_FEW_HASHES
#define HASH_MASK UINT64CONST(0xF)
#else
#define HASH_MASK PG_UINT64_MAX
#endif

/* The hash of a NULL. */
#define NULL_HASH UINT64CONST(0x6E756C6C)

/* ---------- what an operator class tells ---------- */

/* The "=" of a leading column. */
static Oid
equality_of(Relation index, int attno)
{
	Oid			type = index->rd_opcintype[attno - 1];

	return get_opfamily_member(index->rd_opfamily[attno - 1], type, type,
							   OMEN_KEY_EQUAL);
}

/*
 * The extended hash function that goes with an "=": of a hash operator family
 * that has this very operator.
 */
static Oid
hash_of(Oid equality)
{
	CatCList *list = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(equality));
	Oid			hash = InvalidOid;

	for (int i = 0; i < list->n_members && !OidIsValid(hash); i++)
	{
		Form_pg_amop op = (Form_pg_amop) GETSTRUCT(&list->members[i]->tuple);

		if (op->amopmethod == HASH_AM_OID &&
			op->amopstrategy == HTEqualStrategyNumber)
			hash = get_opfamily_proc(op->amopfamily, op->amoplefttype,
									 op->amoplefttype, HASHEXTENDED_PROC);
	}
	ReleaseSysCacheList(list);
	return hash;
}

/* The type of a column, without what a domain adds. */
static Oid
column_type(Relation index, int attno)
{
	return getBaseType(
		TupleDescAttr(RelationGetDescr(index), attno - 1)->atttypid);
}

/* The hash function of a column; InvalidOid if it has none. */
static Oid
column_hash(Relation index, int attno)
{
	Oid			equality = equality_of(index, attno);
	Oid			hash = OidIsValid(equality) ? hash_of(equality) : InvalidOid;

	/* arrays have one only if their elements do */
	if (hash == F_HASH_ARRAY_EXTENDED)
		hash = lookup_type_cache(column_type(index, attno),
								 TYPECACHE_HASH_EXTENDED_PROC)
				   ->hash_extended_proc;
	return hash;
}

/*
 * Report leading columns that an index cannot have, and warn of those whose
 * values are compared in another way than people would think.
 */
void
omen_prefix_check(Relation index)
{
	OmenIndexColumns columns = omen_index_columns(index);

	if (columns.vector - 1 > OMEN_MAX_LEADING)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("omen_hnsw index cannot have more than %d columns "
						"before the vector",
						OMEN_MAX_LEADING),
				 errhint("Columns to filter by may follow the vector.")));
	for (int attno = 1; attno < columns.vector; attno++)
	{
		Oid			type = column_type(index, attno);
		Oid			own = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;

		if (!OidIsValid(column_hash(index, attno)))
			ereport(
				ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("column \"%s\" cannot come before the vector",
						NameStr(
							TupleDescAttr(RelationGetDescr(index), attno - 1)
								->attname)),
				 OidIsValid(equality_of(index, attno))
					 ? errdetail("The \"=\" of its operator class for type %s "
								 "has no extended hash function.",
								 format_type_be(index->rd_opcintype[attno - 1]))
					 : errdetail("Its operator class for type %s has no "
								 "\"=\".",
								 format_type_be(
									 index->rd_opcintype[attno - 1])),
				 errhint("Columns to filter by may follow the vector.")));
		if (OidIsValid(own) &&
			get_op_opfamily_strategy(own, index->rd_opfamily[attno - 1]) !=
				OMEN_KEY_EQUAL)
			ereport(WARNING,
					(errmsg("operator class of column \"%s\" does not have "
							"the \"=\" of type %s",
							NameStr(TupleDescAttr(RelationGetDescr(index),
												  attno - 1)
										->attname),
							format_type_be(type)),
					 errdetail("Queries that compare the column by it cannot "
							   "use the index."),
					 errhint("Create an operator class for the type, or name "
							 "one.")));
	}
}

static OmenPrefixForm
form_of(Relation index, int attno)
{
	Oid			collation = index->rd_indcollation[attno - 1];
	Oid			type = column_type(index, attno);

	/* what is known of "=" is known of the type's own */
	if (equality_of(index, attno) !=
		lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr)
		return OMEN_PREFIX_DATUM;
	switch (index->rd_opcintype[attno - 1])
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case ANYENUMOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case UUIDOID:
			return OMEN_PREFIX_FIXED;
		case FLOAT4OID:
		case FLOAT8OID:
			return OMEN_PREFIX_FLOAT;
		case TEXTOID:
		case BPCHAROID:
			return OidIsValid(collation) &&
						   get_collation_isdeterministic(collation)
					   ? OMEN_PREFIX_TEXT
					   : OMEN_PREFIX_DATUM;
		default:
			return OMEN_PREFIX_DATUM;
	}
}

static void
open_column(Relation index, int attno, OmenPrefixColumn *column)
{
	Oid			hash = column_hash(index, attno);
	bool		element_by_value;

	if (!OidIsValid(hash))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an extended hash function for "
						"type %s",
						format_type_be(index->rd_opcintype[attno - 1]))));
	column->form = form_of(index, attno);
	column->type = index->rd_opcintype[attno - 1];
	column->collation = index->rd_indcollation[attno - 1];
	column->value_type = column_type(index, attno);
	get_typlenbyval(column->value_type, &column->length, &column->by_value);
	column->is_padded = hash == F_HASHBPCHAREXTENDED;
	fmgr_info(hash, &column->hash);
	fmgr_info(get_opcode(equality_of(index, attno)), &column->equal);
	column->element = get_element_type(column->value_type);
	if (!OidIsValid(column->element))
		return;
	column->element_type = getBaseType(column->element);
	get_typlenbyvalalign(column->element, &column->element_length,
						 &element_by_value, &column->element_align);
}

/*
 * The leading columns of an index, or NULL if it has none.  In the current
 * memory context.
 */
OmenPrefix *
omen_prefix_open(Relation index)
{
	int			count = omen_index_columns(index).vector - 1;
	OmenPrefix *prefix;

	if (count <= 0)
		return NULL;
	prefix = palloc0(sizeof(OmenPrefix));
	prefix->count = Min(count, OMEN_MAX_LEADING);
	for (uint32 i = 0; i < prefix->count; i++)
		open_column(index, i + 1, &prefix->columns[i]);
	return prefix;
}

/* ---------- keys ---------- */

static bool
has_length(const OmenPrefix *prefix, uint32 number)
{
	return prefix->columns[number].length < 0 && number + 1 < prefix->count;
}

/* Zeros are equal, and so are all that are not a number. */
static Datum
one_of_equals(const OmenPrefixColumn *column, Datum value)
{
	double		number = column->type == FLOAT4OID ? DatumGetFloat4(value)
											  : DatumGetFloat8(value);

	if (isnan(number))
		number = NAN;
	else if (number == 0)
		number = 0;
	else
		return value;
	return column->type == FLOAT4OID ? Float4GetDatum((float4) number)
									 : Float8GetDatum(number);
}

/*
 * A char(n) without the blanks at its end.  What the hash function of the type
 * gives with a nondeterministic collation depends on them, though "=" does not.
 */
static Datum
without_blanks(Datum value)
{
	struct varlena *detoasted = PG_DETOAST_DATUM_PACKED(value);
	const char *start = VARDATA_ANY(detoasted);
	int			count = VARSIZE_ANY_EXHDR(detoasted);

	while (count > 0 && start[count - 1] == ' ')
		count--;
	return PointerGetDatum(cstring_to_text_with_len(start, count));
}

/* The bytes of a value; in memory of the current context, or the value's. */
static const void *
bytes_of(const OmenPrefixColumn *column, Datum value, Datum *space,
		 uint32 *count)
{
	if (column->form == OMEN_PREFIX_FLOAT)
		value = one_of_equals(column, value);
	if (column->by_value)
	{
		*space = 0;
		store_att_byval(space, value, column->length);
		*count = column->length;
		return space;
	}
	if (column->length == -1)
	{
		struct varlena *detoasted = PG_DETOAST_DATUM_PACKED(value);
		const char *start = VARDATA_ANY(detoasted);

		*count = VARSIZE_ANY_EXHDR(detoasted);
		return start;
	}
	*count = column->length == -2 ? strlen(DatumGetCString(value))
								  : (uint32) column->length;
	return DatumGetPointer(value);
}

static bool
add_bytes(OmenPrefixKey *key, const void *bytes, uint32 count)
{
	if (count > OMEN_MAX_GROUP_KEY - key->count)
		return false;
	memcpy(key->bytes + key->count, bytes, count);
	key->count += count;
	return true;
}

/* Add a value to a key.  False if there is no room for it. */
static bool
add_value(OmenPrefix *prefix, uint32 number, Datum value, OmenPrefixKey *key)
{
	Datum		space;
	uint32		count;
	const void *bytes =
		bytes_of(&prefix->columns[number], value, &space, &count);
	uint16		length = (uint16) Min(count, PG_UINT16_MAX);

	return (!has_length(prefix, number) ||
			add_bytes(key, &length, sizeof(length))) &&
		   add_bytes(key, bytes, count);
}

static uint64
hash_of_value(OmenPrefixColumn *column, Datum value)
{
	return DatumGetUInt64(FunctionCall2Coll(&column->hash, column->collation,
											value, UInt64GetDatum(0)));
}

/*
 * Make the key of the values of an index's first columns.  False if it is too
 * long.  May leave memory behind.
 */
bool
omen_prefix_encode(OmenPrefix *prefix, const Datum *values, const bool *isnull,
				   OmenPrefixKey *key)
{
	key->hash = 0;
	key->nulls = 0;
	key->count = 0;
	for (uint32 i = 0; i < prefix->count; i++)
	{
		OmenPrefixColumn *column = &prefix->columns[i];
		Datum		value = values[i];
		uint64		hash = NULL_HASH;

		if (!isnull[i] && column->is_padded)
			value = without_blanks(value);
		if (isnull[i])
			key->nulls |= 1 << i;
		else if (add_value(prefix, i, value, key))
			hash = hash_of_value(column, value);
		else
			return false;
		key->hash = omen_mix(key->hash ^ hash);
	}
	key->hash &= HASH_MASK;
	return true;
}

/*
 * The hash of one value, which equal ones have, too.  May leave memory behind.
 */
uint64
omen_prefix_hash(OmenPrefixColumn *column, Datum value)
{
	if (column->is_padded)
		value = without_blanks(value);
	return hash_of_value(column, value);
}

/* Has each group one key only, so that equal values have equal bytes? */
bool
omen_prefix_is_exact(const OmenPrefix *prefix)
{
	for (uint32 i = 0; i < prefix->count; i++)
	{
		if (prefix->columns[i].form == OMEN_PREFIX_DATUM)
			return false;
	}
	return true;
}

/* ---------- equality ---------- */

/* Has a group the same key, byte by byte? */
bool
omen_prefix_is_same(const OmenPrefixKey *key, uint8 nulls, const uint8 *bytes,
					uint32 count)
{
	return key->nulls == nulls && key->count == count &&
		   memcmp(key->bytes, bytes, count) == 0;
}

/* A key that is taken apart from the front. */
typedef struct KeyReader
{
	const uint8 *bytes;
	uint32		left;
} KeyReader;

/* The next value's bytes.  False if there are not as many. */
static bool
next_bytes(const OmenPrefix *prefix, uint32 number, KeyReader *reader,
		   KeyReader *value)
{
	uint32		count = reader->left;
	uint16		length;

	if (prefix->columns[number].length > 0)
		count = prefix->columns[number].length;
	else if (has_length(prefix, number))
	{
		if (reader->left < sizeof(length))
			return false;
		memcpy(&length, reader->bytes, sizeof(length));
		reader->bytes += sizeof(length);
		reader->left -= sizeof(length);
		count = length;
	}
	if (count > reader->left)
		return false;
	value->bytes = reader->bytes;
	value->left = count;
	reader->bytes += count;
	reader->left -= count;
	return true;
}

/* The value that some bytes are of. */
static Datum
value_of(const OmenPrefixColumn *column, const KeyReader *bytes)
{
	uint32		header = column->length == -1 ? VARHDRSZ : 0;
	char	   *value;

	if (column->by_value)
	{
		Datum		space = 0;

		memcpy(&space, bytes->bytes, bytes->left);
		space = fetch_att(&space, true, column->length);
		return space;
	}
	value = palloc0(header + bytes->left + 1);
	if (column->length == -1)
		SET_VARSIZE(value, header + bytes->left);
	memcpy(value + header, bytes->bytes, bytes->left);
	return PointerGetDatum(value);
}

/*
 * Take a key apart.  False if it is none that values of the columns have.  May
 * leave memory behind.
 */
bool
omen_prefix_decode(const OmenPrefix *prefix, uint8 nulls, const uint8 *bytes,
				   uint32 count, Datum *values, bool *isnull)
{
	KeyReader	reader = {bytes, count};

	for (uint32 i = 0; i < prefix->count; i++)
	{
		KeyReader	value;

		values[i] = (Datum) 0;
		isnull[i] = (nulls & (1 << i)) != 0;
		if (isnull[i])
			continue;
		if (!next_bytes(prefix, i, &reader, &value))
			return false;
		values[i] = value_of(&prefix->columns[i], &value);
	}
	return reader.left == 0 && nulls >> prefix->count == 0;
}

/* Are two values equal, by their bytes or else by "="? */
static bool
is_equal_value(OmenPrefixColumn *column, const KeyReader *a, const KeyReader *b)
{
	if (a->left == b->left && memcmp(a->bytes, b->bytes, a->left) == 0)
		return true;
	return column->form == OMEN_PREFIX_DATUM &&
		   DatumGetBool(FunctionCall2Coll(&column->equal, column->collation,
										  value_of(column, a),
										  value_of(column, b)));
}

/*
 * Has a group an equal key, which omen_prefix_is_sound() must have looked at?
 * May leave memory behind.
 */
bool
omen_prefix_is_equal(OmenPrefix *prefix, const OmenPrefixKey *key, uint8 nulls,
					 const uint8 *bytes, uint32 count)
{
	KeyReader	ours = {key->bytes, key->count};
	KeyReader	other = {bytes, count};

	if (key->nulls != nulls)
		return false;
	for (uint32 i = 0; i < prefix->count; i++)
	{
		KeyReader	a;
		KeyReader	b;

		if ((nulls & (1 << i)) != 0)
			continue;
		if (!next_bytes(prefix, i, &ours, &a) ||
			!next_bytes(prefix, i, &other, &b) ||
			!is_equal_value(&prefix->columns[i], &a, &b))
			return false;
	}
	return other.left == 0;
}
