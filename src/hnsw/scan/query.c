/*-------------------------------------------------------------------------
 *
 * query.c
 *	  The query of a scan: its codes, and what they tell of a node.
 *
 * Changes the part `query` of a scan.  Knows nothing of rows of the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "hnsw/scan/scan.h"
#include "hnsw/store/code.h"
#include "utils/memutils.h"

/*
 * Encode the query for the quantizer of the moment.  Sets no_distance if the
 * query is NULL, or has no direction where that matters.
 */
void
omen_query_encode(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	OmenScanQuery *query = &state->query;
	ScanKey		key = scan->orderByData;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);

	query->no_distance = (key->sk_flags & SK_ISNULL) != 0;
	if (!query->no_distance)
	{
		/* a copy: the executor frees its own before a rescan tells us */
		struct varlena *value = PG_DETOAST_DATUM_COPY(key->sk_argument);
		int			dims = state->opclass->type->dims(value);

		if (dims != (int) state->ix->meta.value_dims)
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
							errmsg("different %s %d and %d",
								   state->opclass->type->lengths,
								   (int) state->ix->meta.value_dims, dims)));
		query->value = PointerGetDatum(value);
		query->no_distance =
			!omen_encode_query_value(state->opclass->type, state->ix->quantizer,
									 value, &query->space, &query->header,
									 query->code, &query->about_rest);
	}
	MemoryContextSwitchTo(old);
}

/* Encode the query for codes of epoch 0, too. */
void
omen_query_encode_origin(OmenScanState *state)
{
	OmenScanQuery *query = &state->query;
	OmenQueryRest unused;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);
	/* not the space that the rest of the query is in */
	OmenEncodeSpace space =
		omen_encode_space(state->opclass->type, state->ix->meta.dims);

	query->origin_code = palloc(omen_query_bytes(state->ix->origin));
	(void) omen_encode_query_value(state->opclass->type, state->ix->origin,
								   (struct varlena *) DatumGetPointer(
									   query->value),
								   &space, &query->origin_header,
								   query->origin_code, &unused);
	query->has_origin = true;
	MemoryContextSwitchTo(old);
}

/*
 * Take in what is asked of the columns after the vector's, and how that is
 * joined; NULL: all must hold.
 */
void
omen_query_compile_keys(IndexScanDesc scan, const struct OmenKeyStep *steps)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);

	state->query.key_tests = omen_keys_compile(state->keys, scan->keyData,
											   scan->numberOfKeys, steps);
	MemoryContextSwitchTo(old);
}

/*
 * Lower bound for a node whose page is locked, one that is certain or one that
 * holds as good as always (see omen_lower_bound).  False if its code cannot be
 * read with what this scan knows of quantizers.
 */
bool
omen_query_bound(OmenScanState *state, uint32 id, OmenSlotHeader *slot,
				 bool is_certain, double *bound)
{
	OmenIndex  *ix = state->ix;
	const OmenScanQuery *query = &state->query;
	const OmenQuantizer *quantizer = ix->quantizer;
	const OmenQueryHeader *header = &query->header;
	const void *code = query->code;
	const void *slot_code = omen_readable_code(ix, &ix->layout.node, id, slot);

	/* no payload: its insert has not come that far, and nobody can see it */
	*bound = INFINITY;
	if (slot_code == NULL)
		return true;
	if (slot->epoch != ix->quantizer_epoch)
	{
		if (slot->epoch != 0)
			return false;
		quantizer = ix->origin;
		header = &query->origin_header;
		code = query->origin_code;
	}
	*bound = omen_node_bound(quantizer, header, code,
							 omen_slot_code_header(&ix->layout.node, slot),
							 slot_code, is_certain);
	return true;
}

/*
 * A better bound for a node of the quantizer's epoch whose page is locked,
 * computed from the query itself and not from its code.  -infinity if the
 * node's code cannot be read.
 */
double
omen_query_refined_bound(OmenScanState *state, uint32 id, OmenSlotHeader *slot)
{
	OmenIndex  *ix = state->ix;
	const OmenScanQuery *query = &state->query;
	const void *code = omen_readable_code(ix, &ix->layout.node, id, slot);
	const OmenCodeHeader *header =
		omen_slot_code_header(&ix->layout.node, slot);
	float		distance;

	if (code == NULL)
		return -INFINITY;
	distance = omen_query_distance(ix->quantizer, &query->header, query->code,
								   header, code);
	return omen_refined_bound(ix->quantizer, &query->header,
							  query->space.scratch, &query->about_rest, header,
							  code, distance);
}
