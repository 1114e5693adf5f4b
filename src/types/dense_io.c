/*-------------------------------------------------------------------------
 *
 * dense_io.c
 *	  Input, output and type modifier of dense vectors.
 *
 * The syntax of the text form is the business of vector_text.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "types/dense.h"

StaticAssertDecl(OMEN_TEXT_ELEMENT_LEN >= FLOAT_SHORTEST_DECIMAL_LEN - 1,
				 "a printed element must fit into its buffer");

Datum
omen_dense_in(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	char	   *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	int			capacity = omen_vector_text_capacity(text, OMEN_MAX_DIM);
	OmenDense  *result = omen_dense_new(type, capacity);
	float	   *x = omen_dense_room(type, result);
	OmenTextResult parsed =
		omen_vector_text_parse(text, x, OMEN_MAX_DIM, type->overflow);

	if (parsed.status != OMEN_TEXT_OK)
	{
		(void) omen_reject_text(type->name, OMEN_MAX_DIM, text, parsed,
								fcinfo->context);
		PG_RETURN_NULL();
	}
	if (!omen_check_typmod(typmod, parsed.dim, fcinfo->context))
		PG_RETURN_NULL();

	/* Every comma of a valid vector stands between two elements. */
	Assert(parsed.dim == capacity);
	omen_dense_converted(type, x, result);

	PG_RETURN_POINTER(result);
}

Datum
omen_dense_out(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *vector = PG_GETARG_OMEN_DENSE_P(0);
	char	   *out = palloc(OMEN_TEXT_SIZE(vector->dim));

	omen_vector_text_print(omen_dense_floats(type, vector), vector->dim,
						   float_to_shortest_decimal_bufn, out);

	PG_FREE_IF_COPY(vector, 0);
	PG_RETURN_CSTRING(out);
}

Datum
omen_dense_typmod_in(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	PG_RETURN_INT32(
		omen_typmod_in(type->name, OMEN_MAX_DIM, PG_GETARG_ARRAYTYPE_P(0)));
}

/* Take over the bits of an element in network byte order. */
static void
receive_element(StringInfo buf, Size bytes, void *element)
{
	if (bytes == sizeof(uint16))
		*(uint16 *) element = (uint16) pq_getmsgint(buf, sizeof(uint16));
	else
		*(uint32 *) element = (uint32) pq_getmsgint(buf, sizeof(uint32));
}

static void
send_element(StringInfo buf, Size bytes, const void *element)
{
	if (bytes == sizeof(uint16))
		pq_sendint16(buf, *(const uint16 *) element);
	else
		pq_sendint32(buf, *(const uint32 *) element);
}

/* int16 dim, int16 zero, dim elements, all in network byte order */
Datum
omen_dense_recv(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int16		dim = (int16) pq_getmsgint(buf, sizeof(int16));
	int16		unused = (int16) pq_getmsgint(buf, sizeof(int16));
	OmenDense  *result;
	char	   *elements;
	const float *x;

	omen_check_dim(type->name, dim, OMEN_MAX_DIM, NULL);
	omen_check_typmod(typmod, dim, NULL);
	omen_check_unused(unused);

	/* Do not allocate what the sender only claims to have sent. */
	omen_check_received(buf, type->element_bytes * (Size) dim);

	result = omen_dense_new(type, dim);
	elements = omen_dense_elements(result);
	for (int i = 0; i < dim; i++)
		receive_element(buf, type->element_bytes,
						elements + i * type->element_bytes);

	x = omen_dense_floats(type, result);
	for (int i = 0; i < dim; i++)
	{
		if (unlikely(!isfinite(x[i])))
			(void) omen_reject_element(type->name, x[i], NULL);
	}

	PG_RETURN_POINTER(result);
}

Datum
omen_dense_send(const OmenDenseType *type, FunctionCallInfo fcinfo)
{
	OmenDense  *vector = PG_GETARG_OMEN_DENSE_P(0);
	const char *elements = omen_dense_elements(vector);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint16(&buf, vector->dim);
	pq_sendint16(&buf, vector->unused);
	for (int i = 0; i < vector->dim; i++)
		send_element(&buf, type->element_bytes,
					 elements + i * type->element_bytes);

	PG_FREE_IF_COPY(vector, 0);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}
