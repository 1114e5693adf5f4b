/*-------------------------------------------------------------------------
 *
 * prefix_text.c
 *	  The values of leading columns as text, for people.
 *
 * A key comes from pages that may be damaged, and functions of types rely on
 * what they are given.  So it is looked at first: arrays as to whether all of
 * them is there, and every key as to whether it has the hash that its group is
 * found by.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "compat.h"
#include "hnsw/keys/prefix.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

typedef struct OutputColumn
{
	FmgrInfo	output;

	/* of an array's elements; InvalidOid if it is none */
	Oid			element;
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

		getTypeOutputInfo(type, &output, &is_varlena);
		fmgr_info(output, &column->output);
		column->element = get_element_type(type);
		if (OidIsValid(column->element))
			get_typlenbyvalalign(column->element, &column->length,
								 &column->by_value, &column->align);
	}
	return texts;
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
		VARSIZE(at) < VARHDRSZ || VARSIZE(at) > size - start)
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

		if (!isnull[i] && OidIsValid(column->element) &&
			!is_whole_array(column,
							(const ArrayType *) DatumGetPointer(values[i])))
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
