/*-------------------------------------------------------------------------
 *
 * sparse_text.h
 *	  The text form of a sparse vector, "{1:1.5,3:3.5}/5", and what the
 *	  elements of one have to be.
 *
 * Pure C, so that it can be tested and fuzzed without a server.  It must not
 * include postgres.h, allocate memory or raise errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_SPARSE_TEXT_H
#define OMEN_SPARSE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "vector_text.h"

/*
 * An element that is not zero.  In text, indices count from 1; here, and in
 * memory, from 0.
 */
typedef struct OmenSparseElement
{
	int32_t		index;
	float		value;
} OmenSparseElement;

typedef enum OmenSparseStatus
{
	OMEN_SPARSE_OK,
	OMEN_SPARSE_NO_BRACE,		/* does not start with "{" */
	OMEN_SPARSE_NO_DIM,			/* no "/" follows the closing "}" */
	OMEN_SPARSE_JUNK,			/* something follows the dimensions */
	OMEN_SPARSE_SYNTAX,			/* anything else that is not a vector */
	OMEN_SPARSE_RANGE,			/* a number too large, or small, for a float */
	OMEN_SPARSE_NAN,
	OMEN_SPARSE_INFINITE
} OmenSparseStatus;

typedef struct OmenSparseResult
{
	OmenSparseStatus status;
	int			count;			/* elements stored so far */
	int32_t		dim;			/* may be anything, if the status is OK */
	size_t		position;		/* byte offset where the parser stopped */
	size_t		length;			/* bytes of the number at fault, or 0 */
} OmenSparseResult;

/*
 * The number of elements that parsing text can store: what to allocate, if
 * that many are allowed, before omen_sparse_text_parse().
 */
extern size_t omen_sparse_text_capacity(const char *text);

/*
 * Parse the zero-terminated text into elements, which has room for
 * omen_sparse_text_capacity(text).  They come in the order of the text;
 * those that are zero are left out.  Indices and dimensions beyond what an
 * int32_t holds come as the largest or smallest that there is.  Neither is
 * checked.  The numeric locale must be "C".
 */
extern OmenSparseResult omen_sparse_text_parse(const char *text,
											   OmenSparseElement *elements);

/* Bytes that a printed sparse vector needs at most, with its terminator. */
#define OMEN_SPARSE_TEXT_SIZE(count) \
	(((size_t) (count)) * (OMEN_TEXT_ELEMENT_LEN + 13) + 16)

/*
 * Print to out, which has OMEN_SPARSE_TEXT_SIZE(count) bytes.  Returns the
 * length without the terminator.
 */
extern size_t omen_sparse_text_print(const int32_t *indices,
									 const float *values, int count,
									 int32_t dim, OmenFloatPrinter print,
									 char *out);

/* What may be wrong with the elements of a sparse vector. */
typedef enum OmenSparseFlaw
{
	OMEN_SPARSE_SOUND,
	OMEN_SPARSE_OUT_OF_BOUNDS,	/* an index below 0 or not below dim */
	OMEN_SPARSE_UNORDERED,		/* an index smaller than the one before */
	OMEN_SPARSE_TWICE,			/* an index equal to the one before */
	OMEN_SPARSE_ZERO,			/* a value */
	OMEN_SPARSE_NOT_FINITE		/* a value */
} OmenSparseFlaw;

/* The first flaw of indices, and of values; *at is the element that has it. */
extern OmenSparseFlaw omen_sparse_indices_flaw(const int32_t *indices,
											   int count, int32_t dim);
extern OmenSparseFlaw omen_sparse_values_flaw(const float *values, int count,
											  int *at);

#endif							/* OMEN_SPARSE_TEXT_H */
