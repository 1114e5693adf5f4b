/*-------------------------------------------------------------------------
 *
 * keys.h
 *	  Filter keys: further columns of an index, kept beside the vector's code.
 *
 * USING omen_hnsw (embedding, tenant_id, created_at): what a row has in the
 * columns after the vector's is stored with its node in a fixed number of
 * 64-bit words, so that a search can tell which nodes cannot pass a WHERE while
 * it walks.  The words are an image of the value, not the value itself: what
 * they let pass is tested again on the row.
 *
 * Images, by the form of a column:
 *
 *	  NUMBER	1 word	numbers of all kinds, dates, times, enums (by OID):
 *						ordered as the values are.  Exact but for numeric,
 *						which is rounded to float8
 *	  HASHED	2 words	the 64-bit hash of the type's own hash function; and
 *						the first 8 bytes of text, ordered as in collation
 *						"C", or of a uuid
 *	  ARRAY		4 words	the union of what the elements are: 2 bits of 256 each
 *
 * A node that stands for several rows whose keys differ has the flag
 * OMEN_SLOT_MIXED; its keys say nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_KEYS_H
#define OMEN_KEYS_H

#include "postgres.h"

#include "access/skey.h"
#include "fmgr.h"
#include "hnsw/store/store.h"
#include "port/pg_bitutils.h"
#include "utils/relcache.h"

/*
 * Strategy numbers of the operators on keys: those of B-trees for the first
 * five.  (The vector's operator classes have a strategy 1 of their own.)
 */
#define OMEN_KEY_LESS 1
#define OMEN_KEY_LESS_EQUAL 2
#define OMEN_KEY_EQUAL 3
#define OMEN_KEY_GREATER_EQUAL 4
#define OMEN_KEY_GREATER 5
#define OMEN_KEY_OVERLAPS 6		/* && */
#define OMEN_KEY_CONTAINS 7		/* @> */
#define OMEN_KEY_CONTAINED 8	/* <@ */
#define OMEN_KEY_STRATEGIES 8

#define OMEN_ARRAY_WORDS 4

typedef enum OmenKeyForm
{
	OMEN_KEY_NUMBER,
	OMEN_KEY_HASHED,
	OMEN_KEY_ARRAY
} OmenKeyForm;

/* A key column, as an index has it. */
typedef struct OmenKeyColumn
{
	OmenKeyForm form;
	Oid			type;			/* that the operator class is for */
	Oid			collation;
	uint32		first;			/* of its words in a slot */
	uint32		words;
	bool		is_byte_order;	/* HASHED: ordered as their bytes are */
	FmgrInfo	hash;			/* of values, or of an array's elements */
	Oid			element;		/* type of an array's elements */
	int16		element_length;
	bool		element_by_value;
	char		element_align;
} OmenKeyColumn;

typedef struct OmenKeys
{
	int			first;			/* attribute number of the first column */
	uint32		count;			/* columns, in the order of the index */
	uint32		words;			/* of all */
	OmenKeyColumn columns[FLEXIBLE_ARRAY_MEMBER];
} OmenKeys;

/* What is asked of a word, or of the words of an array. */
typedef enum OmenKeyTestKind
{
	OMEN_TEST_RANGE,			/* low <= word <= high */
	OMEN_TEST_LIST,				/* word is one of `values`, which are sorted */
	OMEN_TEST_OVERLAPS,			/* has all bits of one of `values` */
	OMEN_TEST_CONTAINS,			/* has all bits of `values` */
	OMEN_TEST_CONTAINED,		/* has no bits but those of `values` */
	OMEN_TEST_NULL,
	OMEN_TEST_NOT_NULL,
	OMEN_TEST_ALWAYS,			/* what cannot be told */
	OMEN_TEST_NEVER
} OmenKeyTestKind;

/*
 * What follows a test that holds, and one that does not: another test, by its
 * number, which is higher; or the answer.  So tests are joined by AND and OR.
 */
typedef struct OmenKeyStep
{
	uint32		if_holds;
	uint32		if_fails;
} OmenKeyStep;

#define OMEN_KEYS_PASS PG_UINT32_MAX
#define OMEN_KEYS_FAIL (PG_UINT32_MAX - 1)

typedef struct OmenKeyTest
{
	OmenKeyTestKind kind;
	OmenKeyStep step;
	uint32		column;			/* which null bit */
	uint32		word;
	uint64		low;
	uint64		high;
	uint32		count;			/* values; words of an array count as one */
	uint64	   *values;
} OmenKeyTest;

typedef struct OmenKeyTests
{
	bool		never;			/* no row passes */
	uint64		words;			/* which of them are looked at, one bit each */
	uint32		first;			/* of the tests */
	uint32		count;
	OmenKeyTest tests[FLEXIBLE_ARRAY_MEMBER];
} OmenKeyTests;

/* columns.c */
extern uint32 omen_keys_bytes(Relation index);
extern bool omen_key_is_ordered(Oid type, Oid collation);
extern OmenKeys *omen_keys_open(Relation index);
extern void omen_keys_encode(OmenKeys *keys, const Datum *values,
							 const bool *isnull, OmenRowKeys *row);
extern bool omen_key_number(Oid type, Datum value, uint64 *image);
extern uint64 omen_key_hash(OmenKeyColumn *column, Datum value);
extern uint64 omen_key_prefix(const OmenKeyColumn *column, Datum value);
extern void omen_key_add_element(uint64 *words, uint64 hash);
extern uint32 omen_key_elements(OmenKeyColumn *column, Datum array,
								uint64 **hashes, bool *has_null);

/* tests.c */
extern OmenKeyTests *omen_keys_compile(OmenKeys *keys, ScanKey scankeys,
									   int count, const OmenKeyStep *steps);
extern bool omen_keys_pass(const OmenKeyTests *tests, uint16 nulls,
						   const uint64 *words);

/*
 * May a node's row pass, by its keys?  The slot's page is locked or it was
 * peeked at.
 */
static inline bool
omen_keys_may_pass(const OmenKeyTests *tests, const OmenPlane *plane,
				   OmenSlotHeader *slot)
{
	if (tests == NULL || (slot->flags & OMEN_SLOT_MIXED) != 0)
		return true;
	return omen_keys_pass(tests, slot->u.node.key_nulls,
						  omen_slot_keys(plane, slot));
}

/* Bring the keys that are tested towards the processor. */
static inline void
omen_keys_prefetch(const OmenKeyTests *tests, const OmenPlane *plane,
				   OmenSlotHeader *slot)
{
	for (uint64 words = tests->words; words != 0; words &= words - 1)
		__builtin_prefetch(omen_slot_keys(plane, slot) +
						   pg_rightmost_one_pos64(words));
}

#endif							/* OMEN_KEYS_H */
