/*-------------------------------------------------------------------------
 *
 * vector_text.h
 *	  The text form of vectors, "[1,2,3]": parser and printer.
 *
 * Elements are read as floats, whatever they become; what is too large for
 * them is for the caller to say.
 *
 * Pure C, so that it can be tested and fuzzed without a server.  It must not
 * include postgres.h, allocate memory or raise errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_VECTOR_TEXT_H
#define OMEN_VECTOR_TEXT_H

#include <stddef.h>

typedef enum OmenTextStatus
{
	OMEN_TEXT_OK,
	OMEN_TEXT_NO_BRACKET,		/* does not start with "[" */
	OMEN_TEXT_EMPTY,			/* "[]" */
	OMEN_TEXT_TOO_MANY,			/* more elements than allowed */
	OMEN_TEXT_SYNTAX,			/* anything else that is not a vector */
	OMEN_TEXT_RANGE,			/* a number too large for an element */
	OMEN_TEXT_NAN,
	OMEN_TEXT_INFINITE,
	OMEN_TEXT_JUNK				/* something follows the closing "]" */
} OmenTextStatus;

typedef struct OmenTextResult
{
	OmenTextStatus status;
	int			dim;			/* elements stored so far */
	size_t		position;		/* byte offset where the parser stopped */
	size_t		length;			/* bytes of the number at fault, or 0 */
} OmenTextResult;

/*
 * Write the shortest decimal that reads back as value to buf, without a
 * terminator, and return the number of bytes: at most OMEN_TEXT_ELEMENT_LEN.
 */
typedef int (*OmenFloatPrinter)(float value, char *buf);

#define OMEN_TEXT_ELEMENT_LEN 15

/* Bytes that a printed vector needs at most, with its terminator. */
#define OMEN_TEXT_SIZE(dim) (((size_t) (dim)) * (OMEN_TEXT_ELEMENT_LEN + 1) + 3)

/*
 * The number of elements that parsing text can store, or max_dim if that is
 * less: what to allocate before omen_vector_text_parse().
 */
extern int	omen_vector_text_capacity(const char *text, int max_dim);

/*
 * Parse the zero-terminated text into x, which has room for
 * omen_vector_text_capacity(text, max_dim) elements.  A number is out of range
 * if its float is of at least the size overflow, which is INFINITY where floats
 * are kept.  The numeric locale must be "C".
 */
extern OmenTextResult omen_vector_text_parse(const char *text, float *x,
											 int max_dim, float overflow);

/* Parts of that: the first byte at or behind p that is no whitespace. */
extern const char *omen_text_skip_space(const char *p);

/*
 * The number at p, where no whitespace is.  *end is set to the byte behind it,
 * or to p if there is none.
 */
extern OmenTextStatus omen_text_element(const char *p, float overflow,
										float *value, const char **end);

/*
 * Print the dim elements of x to out, which has OMEN_TEXT_SIZE(dim) bytes.
 * Returns the length without the terminator.
 */
extern size_t omen_vector_text_print(const float *x, int dim,
									 OmenFloatPrinter print, char *out);

#endif							/* OMEN_VECTOR_TEXT_H */
