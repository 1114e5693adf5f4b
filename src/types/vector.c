/*-------------------------------------------------------------------------
 *
 * vector.c
 *	  Input, output and type modifier of the vector type, and the checks its
 *	  other functions share.
 *
 * Messages are those that client libraries know from pgvector; do not reword
 * them.  The syntax of the text form is the business of vector_text.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "types/soft_error.h"
#include "types/vector.h"
#include "types/vector_text.h"
#include "utils/array.h"
#include "utils/float.h"

OMEN_FUNCTION(omen_vector_in);
OMEN_FUNCTION(omen_vector_out);
OMEN_FUNCTION(omen_vector_typmod_in);
OMEN_FUNCTION(omen_vector_recv);
OMEN_FUNCTION(omen_vector_send);

StaticAssertDecl(OMEN_MAX_DIM <= PG_INT16_MAX,
				 "the number of dimensions must fit into a vector");
StaticAssertDecl(OMEN_TEXT_ELEMENT_LEN >= FLOAT_SHORTEST_DECIMAL_LEN - 1,
				 "a printed element must fit into its buffer");

OmenVector *
omen_vector_new(int dim)
{
	OmenVector *result;

	omen_vector_check_dim(dim, NULL);

	result = (OmenVector *) palloc0(OMEN_VECTOR_SIZE(dim));
	SET_VARSIZE(result, OMEN_VECTOR_SIZE(dim));
	result->dim = (int16) dim;
	return result;
}

bool
omen_vector_check_dim(int dim, Node *escontext)
{
	if (dim < 1)
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("vector must have at least 1 dimension")));

	if (dim > OMEN_MAX_DIM)
		ereturn(escontext, false,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("vector cannot have more than %d dimensions",
						OMEN_MAX_DIM)));

	return true;
}

bool
omen_vector_check_typmod(int32 typmod, int dim, Node *escontext)
{
	if (typmod != -1 && typmod != dim)
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", typmod, dim)));

	return true;
}

/* Report why value is not finite. */
static bool
reject_element(float value, Node *escontext)
{
	if (isnan(value))
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("NaN not allowed in vector")));

	ereturn(escontext, false,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("infinite value not allowed in vector")));
}

void
omen_vector_check_element(float value)
{
	if (unlikely(!isfinite(value)))
		(void) reject_element(value, NULL);
}

void
omen_vector_dims_differ(int a, int b)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
					errmsg("different vector dimensions %d and %d", a, b)));
}

/* Report that text is not a vector; detail may be NULL. */
static bool
reject_syntax(const char *text, const char *detail, Node *escontext)
{
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type vector: \"%s\"", text),
			 detail ? errdetail_internal("%s", detail) : 0));
}

/* Report what the parser found wrong; result.status is not OMEN_TEXT_OK. */
static bool
reject_text(const char *text, OmenTextResult result, Node *escontext)
{
	switch (result.status)
	{
		case OMEN_TEXT_NO_BRACKET:
			return reject_syntax(text,
								 _("Vector contents must start with \"[\"."),
								 escontext);
		case OMEN_TEXT_JUNK:
			return reject_syntax(text, _("Junk after closing right brace."),
								 escontext);
		case OMEN_TEXT_EMPTY:
			return omen_vector_check_dim(0, escontext);
		case OMEN_TEXT_TOO_MANY:
			return omen_vector_check_dim(OMEN_MAX_DIM + 1, escontext);
		case OMEN_TEXT_RANGE:
			ereturn(escontext, false,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("\"%s\" is out of range for type vector",
							pnstrdup(text + result.position, result.length))));
		case OMEN_TEXT_NAN:
			return reject_element(get_float4_nan(), escontext);
		case OMEN_TEXT_INFINITE:
			return reject_element(get_float4_infinity(), escontext);
		case OMEN_TEXT_OK:
		case OMEN_TEXT_SYNTAX:
			break;
	}

	return reject_syntax(text, NULL, escontext);
}

Datum
omen_vector_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	int			capacity = omen_vector_text_capacity(text, OMEN_MAX_DIM);
	OmenVector *result = omen_vector_new(capacity);
	OmenTextResult parsed =
		omen_vector_text_parse(text, result->x, OMEN_MAX_DIM);

	if (parsed.status != OMEN_TEXT_OK)
	{
		(void) reject_text(text, parsed, fcinfo->context);
		PG_RETURN_NULL();
	}
	if (!omen_vector_check_typmod(typmod, parsed.dim, fcinfo->context))
		PG_RETURN_NULL();

	/* Every comma of a valid vector stands between two elements. */
	Assert(parsed.dim == capacity);

	PG_RETURN_OMEN_VECTOR_P(result);
}

Datum
omen_vector_out(PG_FUNCTION_ARGS)
{
	OmenVector *vector = PG_GETARG_OMEN_VECTOR_P(0);
	char	   *out = palloc(OMEN_TEXT_SIZE(vector->dim));

	omen_vector_text_print(vector->x, vector->dim,
						   float_to_shortest_decimal_bufn, out);

	PG_FREE_IF_COPY(vector, 0);
	PG_RETURN_CSTRING(out);
}

/* The type modifier is the number of dimensions itself. */
Datum
omen_vector_typmod_in(PG_FUNCTION_ARGS)
{
	ArrayType  *modifiers = PG_GETARG_ARRAYTYPE_P(0);
	int32	   *values;
	int			count;

	values = ArrayGetIntegerTypmods(modifiers, &count);

	if (count != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid type modifier")));

	if (values[0] < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type vector must be at least 1")));

	if (values[0] > OMEN_MAX_DIM)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("dimensions for type vector cannot exceed %d",
							   OMEN_MAX_DIM)));

	PG_RETURN_INT32(values[0]);
}

/* int16 dim, int16 zero, dim * float4, all in network byte order */
Datum
omen_vector_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int16		dim = (int16) pq_getmsgint(buf, sizeof(int16));
	int16		unused = (int16) pq_getmsgint(buf, sizeof(int16));
	OmenVector *result;

	omen_vector_check_dim(dim, NULL);
	omen_vector_check_typmod(typmod, dim, NULL);

	if (unused != 0)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("expected unused to be 0, not %d", unused)));

	/* Do not allocate what the sender only claims to have sent. */
	if (buf->len - buf->cursor < dim * (int) sizeof(float))
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
						errmsg("insufficient data left in message")));

	result = omen_vector_new(dim);
	for (int i = 0; i < dim; i++)
	{
		result->x[i] = pq_getmsgfloat4(buf);
		omen_vector_check_element(result->x[i]);
	}

	PG_RETURN_OMEN_VECTOR_P(result);
}

Datum
omen_vector_send(PG_FUNCTION_ARGS)
{
	OmenVector *vector = PG_GETARG_OMEN_VECTOR_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint16(&buf, vector->dim);
	pq_sendint16(&buf, vector->unused);
	for (int i = 0; i < vector->dim; i++)
		pq_sendfloat4(&buf, vector->x[i]);

	PG_FREE_IF_COPY(vector, 0);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}
