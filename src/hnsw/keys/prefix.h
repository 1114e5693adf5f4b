/*-------------------------------------------------------------------------
 *
 * prefix.h
 *	  Leading columns: those before the vector, by which rows make groups.
 *
 * USING omen_hnsw (tenant_id, embedding): rows of one tenant_id are a group, a
 * graph of their own.  Which group a row is of is decided by the "=" of the
 * operator class, as it is there; NULL is a value like others.
 *
 * A key is what a group's record has of the values, all of them, one column
 * after the other.  Numbers, enums and uuids stand as they are, floats with
 * one zero and one NaN, text by its bytes if the collation takes only equal
 * bytes as equal, and char(n) without its blanks at the end: there, equal
 * bytes are equal values and no others.  Of all other types the value stands
 * that came first, detoasted, and "=" is asked.
 *
 * A value of variable length has its length before it, 2 bytes, but in the last
 * column.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_PREFIX_H
#define OMEN_PREFIX_H

#include "postgres.h"

#include "access/skey.h"
#include "fmgr.h"
#include "hnsw/store/format.h"
#include "utils/relcache.h"

typedef enum OmenPrefixForm
{
	OMEN_PREFIX_FIXED,			/* as many bytes as the type has */
	OMEN_PREFIX_FLOAT,
	OMEN_PREFIX_TEXT,
	OMEN_PREFIX_DATUM			/* other bytes may be equal, too */
} OmenPrefixForm;

typedef struct OmenPrefixColumn
{
	OmenPrefixForm form;
	Oid			type;			/* that the operator class is for */
	Oid			collation;
	int16		length;			/* of the column's type */
	bool		by_value;
	bool		is_padded;		/* blanks at the end say nothing */
	FmgrInfo	hash;			/* extended */
	FmgrInfo	equal;
	Oid			value_type;		/* of the column, without what a domain adds */

	/* of an array's elements; InvalidOid if it is none */
	Oid			element;
	Oid			element_type;	/* without what a domain adds */
	int16		element_length;
	char		element_align;
} OmenPrefixColumn;

typedef struct OmenPrefix
{
	uint32		count;			/* columns, from the first of the index on */
	OmenPrefixColumn columns[OMEN_MAX_LEADING];
} OmenPrefix;

/* The values of leading columns. */
typedef struct OmenPrefixKey
{
	uint64		hash;
	uint8		nulls;			/* bit n: of column n + 1 */
	uint32		count;			/* bytes */
	uint8		bytes[OMEN_MAX_GROUP_KEY];
} OmenPrefixKey;

/* What scan keys say of the group. */
typedef enum OmenPrefixAsked
{
	OMEN_PREFIX_SOME,			/* of these groups */
	OMEN_PREFIX_NONE,			/* no row passes */
	OMEN_PREFIX_ANY				/* it may be any */
} OmenPrefixAsked;

/*
 * More combinations of values than this are not looked up one by one.
 */
#define OMEN_MAX_ASKED 1000

/* The values of leading columns that are asked for: each with each. */
typedef struct OmenPrefixValues
{
	uint32		count[OMEN_MAX_LEADING];
	Datum	   *values[OMEN_MAX_LEADING];
	bool		isnull[OMEN_MAX_LEADING];	/* then it is one */
	uint32		combinations;
} OmenPrefixValues;

/* What turns keys into text; prefix_text.c's own. */
typedef struct OmenPrefixTexts OmenPrefixTexts;

/* prefix.c */
extern OmenPrefix *omen_prefix_open(Relation index);
extern void omen_prefix_check(Relation index);
extern bool omen_prefix_encode(OmenPrefix *prefix, const Datum *values,
							   const bool *isnull, OmenPrefixKey *key);
extern uint64 omen_prefix_hash(OmenPrefixColumn *column, Datum value);
extern bool omen_prefix_is_exact(const OmenPrefix *prefix);
extern bool omen_prefix_is_same(const OmenPrefixKey *key, uint8 nulls,
								const uint8 *bytes, uint32 count);
extern bool omen_prefix_is_equal(OmenPrefix *prefix, const OmenPrefixKey *key,
								 uint8 nulls, const uint8 *bytes, uint32 count);
extern bool omen_prefix_decode(const OmenPrefix *prefix, uint8 nulls,
							   const uint8 *bytes, uint32 count, Datum *values,
							   bool *isnull);

/* prefix_sound.c */
extern bool omen_prefix_values(OmenPrefix *prefix, uint64 hash, uint8 nulls,
							   const uint8 *bytes, uint32 count, Datum *values,
							   bool *isnull);
extern bool omen_prefix_is_sound(OmenPrefix *prefix, uint64 hash, uint8 nulls,
								 const uint8 *bytes, uint32 count);

/* prefix_text.c */
extern OmenPrefixTexts *omen_prefix_texts_open(OmenPrefix *prefix);
extern bool omen_prefix_texts(OmenPrefixTexts *texts, uint64 hash, uint8 nulls,
							  const uint8 *bytes, uint32 count, Datum *values,
							  bool *isnull);

/* prefix_scan.c */
extern bool omen_prefix_is_comparable(Oid type, Oid other);
extern bool omen_prefix_key_is_long(Relation index, const ScanKeyData *key,
									int most);
extern OmenPrefixAsked omen_prefix_asked(OmenPrefix *prefix, ScanKey keys,
										 int count, OmenPrefixValues *asked);
extern bool omen_prefix_combine(OmenPrefix *prefix,
								const OmenPrefixValues *asked, uint32 number,
								OmenPrefixKey *key);

#endif							/* OMEN_PREFIX_H */
