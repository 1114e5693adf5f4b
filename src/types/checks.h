/*-------------------------------------------------------------------------
 *
 * checks.h
 *	  Checks that all types of vectors share, and what they say.
 *
 * A type is told by its name and the most dimensions that it can have.
 * Messages are those that client libraries know from pgvector; do not reword
 * them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_CHECKS_H
#define OMEN_CHECKS_H

#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/nodes.h"
#include "types/vector_text.h"
#include "utils/array.h"

/*
 * These report to escontext when it is an ErrorSaveContext, and then return
 * false; otherwise they raise an error.
 */
extern bool omen_check_dim(const char *type, int dim, int max_dim,
						   Node *escontext);
extern bool omen_check_typmod(int32 typmod, int dim, Node *escontext);

/* Report why value is not finite. */
extern bool omen_reject_element(const char *type, float value, Node *escontext);

/* Report that text is not a value of the type; detail may be NULL. */
extern bool omen_reject_syntax(const char *type, const char *text,
							   const char *detail, Node *escontext);

/*
 * Report that a number is too large for the type: length bytes of text.
 */
extern bool omen_reject_range(const char *type, const char *text, size_t length,
							  Node *escontext);

/*
 * Report what omen_vector_text_parse() found wrong; result.status is not
 * OMEN_TEXT_OK.
 */
extern bool omen_reject_text(const char *type, int max_dim, const char *text,
							 OmenTextResult result, Node *escontext);

/* Raise the error of two values that have not as many dimensions. */
pg_noreturn extern void omen_dims_differ(const char *type, int a, int b);

/* The type modifier is the number of dimensions itself. */
extern int32 omen_typmod_in(const char *type, int max_dim,
							ArrayType *modifiers);

/* Raise an error unless the field of binary forms that is not used is zero. */
extern void omen_check_unused(int unused);

/* Raise an error unless so many bytes more have been received. */
extern void omen_check_received(StringInfo buf, Size bytes);

#endif							/* OMEN_CHECKS_H */
