/*-------------------------------------------------------------------------
 *
 * prefix_sound.c
 *	  Keys from pages that may be damaged: are they fit for functions of types?
 *
 * Functions of types rely on what they are given.  So a key is looked at before
 * any of them gets its values: as to whether all of a value is there, where a
 * type has a header that says more than a length, and as to whether the key has
 * the hash that its group is found by.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "hnsw/keys/prefix.h"
#include "utils/array.h"
#include "utils/inet.h"

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
element_end(const OmenPrefixColumn *column, const char *array, Size offset,
			Size size)
{
	Size		start = att_align_nominal(offset, column->element_align);
	const char *at = array + start;

	if (column->element_length > 0)
		return start + column->element_length <= size
				   ? start + column->element_length
				   : 0;
	if (column->element_length == -2)
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
is_whole_array(const OmenPrefixColumn *column, const ArrayType *array)
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

/* Is all of each value there? */
static bool
are_whole(const OmenPrefix *prefix, const Datum *values, const bool *isnull)
{
	for (uint32 i = 0; i < prefix->count; i++)
	{
		const OmenPrefixColumn *column = &prefix->columns[i];
		const struct varlena *value;

		if (isnull[i] || column->length != -1)
			continue;
		value = (const struct varlena *) DatumGetPointer(values[i]);
		if (OidIsValid(column->element)
				? !is_whole_array(column, (const ArrayType *) value)
				: !is_whole_value(column->value_type, value))
			return false;
	}
	return true;
}

/*
 * The values of a key that a page has, to be given to functions of their types.
 * False if no values have this key and hash: it is damaged.  May leave memory
 * behind.
 */
bool
omen_prefix_values(OmenPrefix *prefix, uint64 hash, uint8 nulls,
				   const uint8 *bytes, uint32 count, Datum *values,
				   bool *isnull)
{
	OmenPrefixKey key;

	return omen_prefix_decode(prefix, nulls, bytes, count, values, isnull) &&
		   are_whole(prefix, values, isnull) &&
		   omen_prefix_encode(prefix, values, isnull, &key) && key.hash == hash;
}

/* Is a key one that some values have? */
bool
omen_prefix_is_sound(OmenPrefix *prefix, uint64 hash, uint8 nulls,
					 const uint8 *bytes, uint32 count)
{
	Datum		values[OMEN_MAX_LEADING];
	bool		isnull[OMEN_MAX_LEADING];

	return omen_prefix_values(prefix, hash, nulls, bytes, count, values,
							  isnull);
}
