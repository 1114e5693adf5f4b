/*-------------------------------------------------------------------------
 *
 * float_text.h
 *	  Read a decimal number as a float.
 *
 * Pure C.  It must not include postgres.h, allocate memory or raise errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FLOAT_TEXT_H
#define OMEN_FLOAT_TEXT_H

#include <stdbool.h>

/*
 * Read the decimal number at p, which ends at some byte that is not part of
 * it.  If it is one of the many whose value is easily found, store exactly
 * what strtof() would return, let *end point behind the number as strtof()
 * would, and return true.  Otherwise return false: strtof() has to decide,
 * also on what is not a number.
 */
extern bool omen_float_text_parse(const char *p, float *value,
								  const char **end);

#endif							/* OMEN_FLOAT_TEXT_H */
