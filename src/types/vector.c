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
#include "types/checks.h"
#include "types/vector.h"
#include "types/vector_text.h"

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
	return omen_check_dim("vector", dim, OMEN_MAX_DIM, escontext);
}

bool
omen_vector_check_typmod(int32 typmod, int dim, Node *escontext)
{
	return omen_check_typmod(typmod, dim, escontext);
}

void
omen_vector_check_element(float value)
{
	if (unlikely(!isfinite(value)))
		(void) omen_reject_element("vector", value, NULL);
}

void
omen_vector_dims_differ(int a, int b)
{
	omen_dims_differ("vector", a, b);
}

Datum
omen_vector_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	int			capacity = omen_vector_text_capacity(text, OMEN_MAX_DIM);
	OmenVector *result = omen_vector_new(capacity);
	OmenTextResult parsed =
		omen_vector_text_parse(text, result->x, OMEN_MAX_DIM, INFINITY);

	if (parsed.status != OMEN_TEXT_OK)
	{
		(void) omen_reject_text("vector", OMEN_MAX_DIM, text, parsed,
								fcinfo->context);
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
	PG_RETURN_INT32(
		omen_typmod_in("vector", OMEN_MAX_DIM, PG_GETARG_ARRAYTYPE_P(0)));
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

	omen_check_unused(unused);

	/* Do not allocate what the sender only claims to have sent. */
	omen_check_received(buf, dim * sizeof(float));

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
