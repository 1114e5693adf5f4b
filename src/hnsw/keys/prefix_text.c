/*-------------------------------------------------------------------------
 *
 * prefix_text.c
 *	  The values of leading columns as text, for people.
 *
 * A key comes from pages that may be damaged, and functions of types rely on
 * what they are given.  So it is looked at first: as to whether all of a value
 * is there, where a type has a header that says more than a length, and as to
 * whether the key has the hash that its group is found by.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "hnsw/keys/prefix.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

typedef struct OutputColumn
{
	Oid			type;			/* without what a domain adds */
	FmgrInfo	output;

	/* of an array's elements; InvalidOid if it is none */
	Oid			element;
	Oid			element_type;	/* without what a domain adds */
	int16		length;
	bool		by_value;
	char		align;
} OutputColumn;

struct OmenPrefixTexts
{
	OmenPrefix *prefix;
	OutputColumn columns[OMEN_MAX_LEADING];
};

/* In the current memory context, in which the prefix is, too. */
OmenPrefixTexts *
omen_prefix_texts_open(Relation index, OmenPrefix *prefix)
{
	OmenPrefixTexts *texts = palloc0(sizeof(OmenPrefixTexts));

	texts->prefix = prefix;
	for (uint32 i = 0; i < prefix->count; i++)
	{
		OutputColumn *column = &texts->columns[i];
		Oid			type =
			getBaseType(TupleDescAttr(RelationGetDescr(index), i)->atttypid);
		Oid			output;
		bool		is_varlena;

		column->type = type;
		getTypeOutputInfo(type, &output, &is_varlena);
		fmgr_info(output, &column->output);
		column->element = get_element_type(type);
		if (!OidIsValid(column->element))
			continue;
		column->element_type = getBaseType(column->element);
		get_typlenbyvalalign(column->element, &column->length,
							 &column->by_value, &column->align);
	}
	return texts;
}

/* ---------- values ---------- */

/* Do bytes reach as far as the first of them say that a number does? */
static bool
is_whole_numeric(const char *bytes, Size count)
{
	uint16		header;

	if (count < sizeof(header))
		return false;
	memcpy(&header, bytes, sizeof(header));
	/* a header of two words, unless one of its highest bits says otherwise */
	return (header & 0x8000) != 0 || count >= 2 * sizeof(header);
}

static bool
is_whole_address(const char *bytes, Size count)
{
	Size		header = offsetof(inet_struct, ipaddr);

	if (count < header)
		return false;
	switch (((const inet_struct *) bytes)->family)
	{
		case PGSQL_AF_INET:
			return count >= header + 4;
		case PGSQL_AF_INET6:
			return count >= header + 16;
		default:
			return false;
	}
}

/*
 * Is all of an uncompressed value there that its bytes say is?  Those of types
 * that are not named may be any, as far as the server's own are concerned.
 */
static bool
is_whole_value(Oid type, const struct varlena *value)
{
	const char *bytes = VARDATA(value);
	Size		count = VARSIZE(value) - VARHDRSZ;

	switch (type)
	{
		case NUMERICOID:
			return is_whole_numeric(bytes, count);
		case INETOID:
		case CIDROID:
			return is_whole_address(bytes, count);
		default:
			return true;
	}
}

/* ---------- arrays ---------- */

/*
 * Where an array's element ends that may begin at offset, or 0 if that is
 * beyond size, or it is none that an array has.
 */
static Size
element_end(const OutputColumn *column, const char *array, Size offset,
			Size size)
{
	Size		start = att_align_nominal(offset, column->align);
	const char *at = array + start;

	if (column->length > 0)
		return start + column->length <= size ? start + column->length : 0;
	if (column->length == -2)
		return start < size && memchr(at, 0, size - start) != NULL
				   ? start + strlen(at) + 1
				   : 0;
	/* elements of arrays are neither compressed nor packed */
	if (start > size || size - start < VARHDRSZ || !VARATT_IS_4B_U(at) ||
		VARSIZE(at) < VARHDRSZ || VARSIZE(at) > size - start ||
		!is_whole_value(column->element_type, (const struct varlena *) at))
		return 0;
	return start + VARSIZE(at);
}

/* Is all there that the header of an array says is? */
static bool
is_whole_array(const OutputColumn *column, const ArrayType *array)
{
	Size		size = VARSIZE(array);
	uint64		items = 1;
	const bits8 *present;
	Size		offset;

	if (size < sizeof(ArrayType) || ARR_NDIM(array) < 0 ||
		ARR_NDIM(array) > MAXDIM || ARR_ELEMTYPE(array) != column->element ||
		size < ARR_OVERHEAD_NONULLS(ARR_NDIM(array)))
		return false;
	for (int i = 0; i < ARR_NDIM(array); i++)
	{
		/* one bit for each is the least that they take */
		items *= (uint64) Max(ARR_DIMS(array)[i], 0);
		if (items > 8 * size)
			return false;
	}
	if (ARR_NDIM(array) == 0)
		items = 0;
	if (ARR_HASNULL(array) &&
		((Size) ARR_DATA_OFFSET(array) > size ||
		 (Size) ARR_DATA_OFFSET(array) <
			 ARR_OVERHEAD_WITHNULLS(ARR_NDIM(array), items)))
		return false;
	present = ARR_NULLBITMAP(array);
	offset = ARR_DATA_OFFSET(array);
	for (uint64 i = 0; i < items; i++)
	{
		if (present != NULL && (present[i / 8] & (1 << i % 8)) == 0)
			continue;
		offset = element_end(column, (const char *) array, offset, size);
		if (offset == 0)
			return false;
	}
	return true;
}

/* ---------- keys ---------- */

/* Are the values fit for functions of their types? */
static bool
is_sound(const OmenPrefixTexts *texts, uint64 hash, const Datum *values,
		 const bool *isnull)
{
	OmenPrefixKey key;

	for (uint32 i = 0; i < texts->prefix->count; i++)
	{
		const OutputColumn *column = &texts->columns[i];

		if (isnull[i] || texts->prefix->columns[i].length != -1)
			continue;
		if (OidIsValid(column->element)
				? !is_whole_array(column, (const ArrayType *) DatumGetPointer(
											  values[i]))
				: !is_whole_value(column->type, (const struct varlena *)
													DatumGetPointer(values[i])))
			return false;
	}
	return omen_prefix_encode(texts->prefix, values, isnull, &key) &&
		   key.hash == hash;
}

/*
 * What a key says, as Datums of type text, one for each leading column.  False
 * if no values have this key and hash.  May leave memory behind.
 */
bool
omen_prefix_texts(OmenPrefixTexts *texts, uint64 hash, uint8 nulls,
				  const uint8 *bytes, uint32 count, Datum *values, bool *isnull)
{
	if (!omen_prefix_decode(texts->prefix, nulls, bytes, count, values,
							isnull) ||
		!is_sound(texts, hash, values, isnull))
		return false;
	for (uint32 i = 0; i < texts->prefix->count; i++)
	{
		char	   *text;

		if (isnull[i])
			continue;
		text = OutputFunctionCall(&texts->columns[i].output, values[i]);
		if (!pg_verifymbstr(text, strlen(text), true))
			return false;
		values[i] = CStringGetTextDatum(text);
	}
	return true;
}
