/*-------------------------------------------------------------------------
 *
 * opclass.c
 *	  What the access method has to know of an operator class: the support
 *	  functions, and how to ask for them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/hnsw.h"
#include "omendb.h"
#include "types/vector.h"

static int
vector_dims(const struct varlena *value)
{
	return ((const OmenVector *) value)->dim;
}

static const float *
vector_floats(const struct varlena *value, float *scratch)
{
	return ((const OmenVector *) value)->x;
}

#define VECTOR_OPCLASS(metric_) \
	{ \
		.metric = (metric_), .max_dims = OMEN_MAX_DIM, .dims = vector_dims, \
		.floats = vector_floats \
	}

static const OmenOpclass vector_l2 = VECTOR_OPCLASS(OMEN_METRIC_L2);
static const OmenOpclass vector_ip = VECTOR_OPCLASS(OMEN_METRIC_IP);
static const OmenOpclass vector_cosine = VECTOR_OPCLASS(OMEN_METRIC_COSINE);
static const OmenOpclass vector_l1 = VECTOR_OPCLASS(OMEN_METRIC_L1);

OMEN_FUNCTION(omen_vector_l2_support);
OMEN_FUNCTION(omen_vector_ip_support);
OMEN_FUNCTION(omen_vector_cosine_support);
OMEN_FUNCTION(omen_vector_l1_support);

Datum
omen_vector_l2_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&vector_l2);
}

Datum
omen_vector_ip_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&vector_ip);
}

Datum
omen_vector_cosine_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&vector_cosine);
}

Datum
omen_vector_l1_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&vector_l1);
}

/* The operator class of an index's first column. */
const OmenOpclass *
omen_opclass(Relation index)
{
	FmgrInfo   *procinfo = index_getprocinfo(index, 1, OMEN_SUPPORT_PROC);

	return (const OmenOpclass *) DatumGetPointer(
		FunctionCall1(procinfo, PointerGetDatum(NULL)));
}
