/*-------------------------------------------------------------------------
 *
 * sparsevec.c
 *	  Input, output and type modifier of the sparsevec type, and the checks
 *	  its other functions share.
 *
 * Messages are those that client libraries know from pgvector; do not reword
 * them.  The syntax of the text form is the business of sparse_text.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "types/soft_error.h"
#include "types/sparse_text.h"
#include "types/sparsevec.h"
#include "utils/float.h"

OMEN_FUNCTION(omen_sparsevec_in);
OMEN_FUNCTION(omen_sparsevec_out);
OMEN_FUNCTION(omen_sparsevec_typmod_in);
OMEN_FUNCTION(omen_sparsevec_recv);
OMEN_FUNCTION(omen_sparsevec_send);

static const char *const type_name = "sparsevec";

static bool
check_dim(int dim, Node *escontext)
{
	return omen_check_dim(type_name, dim, OMEN_SPARSE_MAX_DIM, escontext);
}

void
omen_sparsevec_check_dim(int dim)
{
	(void) check_dim(dim, NULL);
}

/* May a sparse vector have so many elements that are not zero? */
static bool
check_count(Size nnz, Node *escontext)
{
	if (nnz > OMEN_SPARSE_MAX_COUNT)
		ereturn(escontext, false,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("sparsevec cannot have more than %d non-zero elements",
						OMEN_SPARSE_MAX_COUNT)));
	return true;
}

static bool
check_indices(const int32 *indices, int nnz, int dim, Node *escontext)
{
	switch (omen_sparse_indices_flaw(indices, nnz, dim))
	{
		case OMEN_SPARSE_OUT_OF_BOUNDS:
			ereturn(escontext, false,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("sparsevec index out of bounds")));
		case OMEN_SPARSE_UNORDERED:
			ereturn(escontext, false,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("sparsevec indices must be in ascending order")));
		case OMEN_SPARSE_TWICE:
			ereturn(escontext, false,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("sparsevec indices must not contain duplicates")));
		default:
			return true;
	}
}

OmenSparsevec *
omen_sparsevec_new(int dim, int nnz)
{
	Size		size = OMEN_SPARSEVEC_SIZE(nnz);
	OmenSparsevec *result;

	omen_sparsevec_check_dim(dim);
	(void) check_count(nnz, NULL);
	result = (OmenSparsevec *) palloc(size);
	SET_VARSIZE(result, size);
	result->dim = dim;
	result->nnz = nnz;
	result->unused = 0;
	return result;
}

/* Report what the parser found wrong; result.status is not OMEN_SPARSE_OK. */
static bool
reject_text(const char *text, OmenSparseResult result, Node *escontext)
{
	const char *detail = NULL;

	switch (result.status)
	{
		case OMEN_SPARSE_NO_BRACE:
			detail = _("Vector contents must start with \"{\".");
			break;
		case OMEN_SPARSE_NO_DIM:
			detail = _("Unexpected end of input.");
			break;
		case OMEN_SPARSE_JUNK:
			detail = _("Junk after closing.");
			break;
		case OMEN_SPARSE_RANGE:
			return omen_reject_range(type_name, text + result.position,
									 result.length, escontext);
		case OMEN_SPARSE_NAN:
			return omen_reject_element(type_name, get_float4_nan(), escontext);
		case OMEN_SPARSE_INFINITE:
			return omen_reject_element(type_name, get_float4_infinity(),
									   escontext);
		case OMEN_SPARSE_OK:
		case OMEN_SPARSE_SYNTAX:
			break;
	}

	return omen_reject_syntax(type_name, text, detail, escontext);
}

static int
compare_elements(const void *a, const void *b)
{
	int32		x = ((const OmenSparseElement *) a)->index;
	int32		y = ((const OmenSparseElement *) b)->index;

	return (x > y) - (x < y);
}

/*
 * A sparse vector of elements in any order; NULL if what is wrong was reported
 * to escontext.
 */
static OmenSparsevec *
make_from_elements(OmenSparseElement *elements, int nnz, int dim,
				   Node *escontext)
{
	OmenSparsevec *result = omen_sparsevec_new(dim, nnz);
	float	   *values = omen_sparsevec_values(result);

	/* looks first whether they are in order already */
	qsort(elements, nnz, sizeof(OmenSparseElement), compare_elements);
	for (int i = 0; i < nnz; i++)
	{
		result->indices[i] = elements[i].index;
		values[i] = elements[i].value;
	}
	if (!check_indices(result->indices, nnz, dim, escontext))
		return NULL;
	return result;
}

Datum
omen_sparsevec_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	Size		capacity = omen_sparse_text_capacity(text);
	OmenSparseElement *elements;
	OmenSparseResult parsed;
	OmenSparsevec *result;

	if (!check_count(capacity, fcinfo->context))
		PG_RETURN_NULL();
	elements = palloc(sizeof(OmenSparseElement) * capacity);
	parsed = omen_sparse_text_parse(text, elements);

	if (parsed.status != OMEN_SPARSE_OK)
	{
		(void) reject_text(text, parsed, fcinfo->context);
		PG_RETURN_NULL();
	}
	if (!check_dim(parsed.dim, fcinfo->context) ||
		!omen_check_typmod(typmod, parsed.dim, fcinfo->context))
		PG_RETURN_NULL();

	result =
		make_from_elements(elements, parsed.count, parsed.dim, fcinfo->context);
	pfree(elements);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_OMEN_SPARSEVEC_P(result);
}

Datum
omen_sparsevec_out(PG_FUNCTION_ARGS)
{
	OmenSparsevec *vector = PG_GETARG_OMEN_SPARSEVEC_P(0);
	char	   *out = palloc(OMEN_SPARSE_TEXT_SIZE(vector->nnz));

	omen_sparse_text_print(vector->indices, omen_sparsevec_values(vector),
						   vector->nnz, vector->dim,
						   float_to_shortest_decimal_bufn, out);

	PG_FREE_IF_COPY(vector, 0);
	PG_RETURN_CSTRING(out);
}

/* The type modifier is the number of dimensions itself. */
Datum
omen_sparsevec_typmod_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(omen_typmod_in(type_name, OMEN_SPARSE_MAX_DIM,
								   PG_GETARG_ARRAYTYPE_P(0)));
}

/* Raise an error unless the header of a binary form is right. */
static void
check_header(int32 dim, int32 nnz, int32 unused, int32 typmod)
{
	omen_sparsevec_check_dim(dim);
	if (nnz < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("sparsevec cannot have negative number of elements")));
	(void) check_count(nnz, NULL);
	if (nnz > dim)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg(
					 "sparsevec cannot have more elements than dimensions")));
	omen_check_typmod(typmod, dim, NULL);
	omen_check_unused(unused);
}

/*
 * int32 dim, int32 nnz, int32 zero, nnz * int32 index from 0, nnz * float4, all
 * in network byte order
 */
Datum
omen_sparsevec_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int32		dim = (int32) pq_getmsgint(buf, sizeof(int32));
	int32		nnz = (int32) pq_getmsgint(buf, sizeof(int32));
	int32		unused = (int32) pq_getmsgint(buf, sizeof(int32));
	OmenSparsevec *result;
	float	   *values;
	int			at;

	check_header(dim, nnz, unused, PG_GETARG_INT32(2));

	/* Do not allocate what the sender only claims to have sent. */
	omen_check_received(buf, (sizeof(int32) + sizeof(float)) * (Size) nnz);

	result = omen_sparsevec_new(dim, nnz);
	values = omen_sparsevec_values(result);
	for (int i = 0; i < nnz; i++)
		result->indices[i] = (int32) pq_getmsgint(buf, sizeof(int32));
	(void) check_indices(result->indices, nnz, dim, NULL);

	for (int i = 0; i < nnz; i++)
		values[i] = pq_getmsgfloat4(buf);
	switch (omen_sparse_values_flaw(values, nnz, &at))
	{
		case OMEN_SPARSE_NOT_FINITE:
			(void) omen_reject_element(type_name, values[at], NULL);
			break;
		case OMEN_SPARSE_ZERO:
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
							errmsg("binary representation of sparsevec cannot "
								   "contain zero values")));
			break;
		default:
			break;
	}

	PG_RETURN_OMEN_SPARSEVEC_P(result);
}

Datum
omen_sparsevec_send(PG_FUNCTION_ARGS)
{
	OmenSparsevec *vector = PG_GETARG_OMEN_SPARSEVEC_P(0);
	float	   *values = omen_sparsevec_values(vector);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint32(&buf, vector->dim);
	pq_sendint32(&buf, vector->nnz);
	pq_sendint32(&buf, vector->unused);
	for (int i = 0; i < vector->nnz; i++)
		pq_sendint32(&buf, vector->indices[i]);
	for (int i = 0; i < vector->nnz; i++)
		pq_sendfloat4(&buf, values[i]);

	PG_FREE_IF_COPY(vector, 0);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}
