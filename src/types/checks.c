/*-------------------------------------------------------------------------
 *
 * checks.c
 *	  Checks that all types of vectors share, and what they say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "types/checks.h"
#include "types/soft_error.h"
#include "utils/float.h"

bool
omen_check_dim(const char *type, int dim, int max_dim, Node *escontext)
{
	if (dim < 1)
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s must have at least 1 dimension", type)));

	if (dim > max_dim)
		ereturn(escontext, false,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s cannot have more than %d dimensions", type,
						max_dim)));

	return true;
}

bool
omen_check_typmod(int32 typmod, int dim, Node *escontext)
{
	if (typmod != -1 && typmod != dim)
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", typmod, dim)));

	return true;
}

bool
omen_reject_element(const char *type, float value, Node *escontext)
{
	if (isnan(value))
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("NaN not allowed in %s", type)));

	ereturn(escontext, false,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("infinite value not allowed in %s", type)));
}

bool
omen_reject_syntax(const char *type, const char *text, const char *detail,
				   Node *escontext)
{
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"", type, text),
			 detail ? errdetail_internal("%s", detail) : 0));
}

bool
omen_reject_range(const char *type, const char *text, size_t length,
				  Node *escontext)
{
	ereturn(escontext, false,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("\"%s\" is out of range for type %s",
					pnstrdup(text, length), type)));
}

bool
omen_reject_text(const char *type, int max_dim, const char *text,
				 OmenTextResult result, Node *escontext)
{
	switch (result.status)
	{
		case OMEN_TEXT_NO_BRACKET:
			return omen_reject_syntax(
				type, text, _("Vector contents must start with \"[\"."),
				escontext);
		case OMEN_TEXT_JUNK:
			return omen_reject_syntax(type, text,
									  _("Junk after closing right brace."),
									  escontext);
		case OMEN_TEXT_EMPTY:
			return omen_check_dim(type, 0, max_dim, escontext);
		case OMEN_TEXT_TOO_MANY:
			return omen_check_dim(type, max_dim + 1, max_dim, escontext);
		case OMEN_TEXT_RANGE:
			return omen_reject_range(type, text + result.position,
									 result.length, escontext);
		case OMEN_TEXT_NAN:
			return omen_reject_element(type, get_float4_nan(), escontext);
		case OMEN_TEXT_INFINITE:
			return omen_reject_element(type, get_float4_infinity(), escontext);
		case OMEN_TEXT_OK:
		case OMEN_TEXT_SYNTAX:
			break;
	}

	return omen_reject_syntax(type, text, NULL, escontext);
}

void
omen_dims_differ(const char *type, int a, int b)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
					errmsg("different %s dimensions %d and %d", type, a, b)));
}

int32
omen_typmod_in(const char *type, int max_dim, ArrayType *modifiers)
{
	int32	   *values;
	int			count;

	values = ArrayGetIntegerTypmods(modifiers, &count);

	if (count != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid type modifier")));

	if (values[0] < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type %s must be at least 1", type)));

	if (values[0] > max_dim)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("dimensions for type %s cannot exceed %d", type,
							   max_dim)));

	return values[0];
}

void
omen_check_unused(int unused)
{
	if (unused != 0)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("expected unused to be 0, not %d", unused)));
}

void
omen_check_received(StringInfo buf, Size bytes)
{
	if ((Size) (buf->len - buf->cursor) < bytes)
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
						errmsg("insufficient data left in message")));
}
