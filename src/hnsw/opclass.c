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

#define DEFINE_VECTOR_SUPPORT(name, metric_) \
	OMEN_FUNCTION(name); \
	Datum name(PG_FUNCTION_ARGS) \
	{ \
		static const OmenOpclass opclass = {.metric = metric_, \
											.max_dims = OMEN_MAX_DIM, \
											.dims = vector_dims, \
											.floats = vector_floats}; \
		PG_RETURN_POINTER(&opclass); \
	} \
	extern int omen_dummy_##name

DEFINE_VECTOR_SUPPORT(omen_vector_l2_support, OMEN_METRIC_L2);
DEFINE_VECTOR_SUPPORT(omen_vector_ip_support, OMEN_METRIC_IP);
DEFINE_VECTOR_SUPPORT(omen_vector_cosine_support, OMEN_METRIC_COSINE);
DEFINE_VECTOR_SUPPORT(omen_vector_l1_support, OMEN_METRIC_L1);

/* The operator class of an index's first column. */
const OmenOpclass *
omen_opclass(Relation index)
{
	FmgrInfo   *procinfo = index_getprocinfo(index, 1, OMEN_SUPPORT_PROC);

	return (const OmenOpclass *) DatumGetPointer(
		FunctionCall1(procinfo, PointerGetDatum(NULL)));
}
