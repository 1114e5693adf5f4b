/*-------------------------------------------------------------------------
 *
 * opclass.c
 *	  What the access method has to know of an operator class: the support
 *	  functions, and what they must agree with.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "compat.h"
#include "hnsw/columns.h"
#include "hnsw/hnsw.h"
#include "hnsw/keys/keys.h"
#include "omendb.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/*
 * Operator classes by what they are for, a type and a metric: define the
 * support functions that tell it, one for our operators and one for those of
 * pgvector, whose values are laid out as ours.
 */
#define DEFINE_ONE(name, type, metric, is_peer) \
	OMEN_FUNCTION(name); \
	Datum name(PG_FUNCTION_ARGS) \
	{ \
		static const OmenOpclass opclass = {true, &type, metric, is_peer}; \
\
		PG_RETURN_POINTER(&opclass); \
	}

#define DEFINE_SUPPORT(class, type, metric) \
	DEFINE_ONE(omen_##class##_support, type, metric, false) \
	DEFINE_ONE(omen_peer_##class##_support, type, metric, true)

DEFINE_SUPPORT(vector_l2, omen_vector_type, OMEN_METRIC_L2)
DEFINE_SUPPORT(vector_ip, omen_vector_type, OMEN_METRIC_IP)
DEFINE_SUPPORT(vector_cosine, omen_vector_type, OMEN_METRIC_COSINE)
DEFINE_SUPPORT(vector_l1, omen_vector_type, OMEN_METRIC_L1)

DEFINE_SUPPORT(halfvec_l2, omen_halfvec_type, OMEN_METRIC_L2)
DEFINE_SUPPORT(halfvec_ip, omen_halfvec_type, OMEN_METRIC_IP)
DEFINE_SUPPORT(halfvec_cosine, omen_halfvec_type, OMEN_METRIC_COSINE)
DEFINE_SUPPORT(halfvec_l1, omen_halfvec_type, OMEN_METRIC_L1)

DEFINE_SUPPORT(sparsevec_l2, omen_sparsevec_type, OMEN_METRIC_L2)
DEFINE_SUPPORT(sparsevec_ip, omen_sparsevec_type, OMEN_METRIC_IP)
DEFINE_SUPPORT(sparsevec_cosine, omen_sparsevec_type, OMEN_METRIC_COSINE)
DEFINE_SUPPORT(sparsevec_l1, omen_sparsevec_type, OMEN_METRIC_L1)

DEFINE_SUPPORT(bit_hamming, omen_bit_type, OMEN_METRIC_HAMMING)
DEFINE_SUPPORT(bit_jaccard, omen_bit_type, OMEN_METRIC_JACCARD)

/* Columns to filter by: what is kept of them follows from their type. */
static const OmenOpclass key_column = {.is_vector = false};

OMEN_FUNCTION(omen_key_support);

Datum
omen_key_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&key_column);
}

/*
 * What is wrong with a metapage by what the catalog says of the index; NULL if
 * nothing is.  A column may have lost its number of dimensions, but it cannot
 * have got another without a new index.
 */
const char *
omen_catalog_flaw(Relation index, const OmenMetaPageData *meta)
{
	int32		typmod = omen_vector_typmod(index);
	OmenGraphShape shape =
		omen_graph_shape(omen_opclass(index), (int) meta->value_dims);

	if (meta->metric != shape.metric)
		return "has another metric than the operator class";
	if (meta->dims != (uint32) shape.dims)
		return "has codes of another number of dimensions than its values";
	if (typmod > 0 && (uint32) typmod != meta->value_dims)
		return "has another number of dimensions than the column";
	if (meta->leading != omen_index_columns(index).vector - 1)
		return "has other columns before the vector than the index in the "
			   "catalog";
	if (meta->key_bytes != omen_keys_bytes(index))
		return "has other key columns than the index in the catalog";
	return NULL;
}

/*
 * Raise an error if there is such a flaw.  Without it, rows and queries would
 * be said to be wrong that are not.
 */
void
omen_require_catalog(const OmenIndex *ix)
{
	const char *flaw = omen_catalog_flaw(ix->pages.rel, &ix->meta);

	if (flaw != NULL)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("metapage of index \"%s\" is corrupted",
							   RelationGetRelationName(ix->pages.rel)),
						errdetail_internal("The metapage %s.", flaw),
						errhint("Please REINDEX it.")));
}

/*
 * The server takes a column of another type than the operator class's, if its
 * values look the same: bit varying for bit.  But its lengths may differ.
 */
static void
check_type(Relation index, int attno)
{
	Oid type = TupleDescAttr(RelationGetDescr(index), attno - 1)->atttypid;

	if (getBaseType(type) != index->rd_opcintype[attno - 1])
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("type not supported for %s index",
						get_am_name(index->rd_rel->relam)),
				 errdetail("The column is of type %s, the operator class is "
						   "for type %s.",
						   format_type_be(type),
						   format_type_be(index->rd_opcintype[attno - 1]))));
}

/* Report columns that an index cannot have so. */
void
omen_check_columns(Relation index)
{
	OmenIndexColumns columns = omen_index_columns(index);

	if (columns.vectors != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 columns.vectors == 0
					 ? errmsg("omen_hnsw index must have a vector column")
					 : errmsg("omen_hnsw index cannot have more than one "
							  "vector column"),
				 errhint("Columns to filter by follow the vector.")));
	omen_prefix_check(index);
	check_type(index, columns.vector);
	if (columns.filters > OMEN_MAX_KEYS)
		ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS),
						errmsg("omen_hnsw index cannot have more than %d "
							   "columns after the vector",
							   OMEN_MAX_KEYS)));
}
