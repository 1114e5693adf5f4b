/*-------------------------------------------------------------------------
 *
 * insert.c
 *	  Adding one row to an index.
 *
 * In an index of groups the row's group comes first, and all else is within it:
 * a row goes, in this order of preference, to a side list if its vector is
 * NULL or has no direction; to the flat list while the index is one; to the
 * node that has the same code; to a node of its own.  The order of writes, and
 * what a crash between them leaves, is described in src/hnsw/README.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/hnsw.h"
#include "miscadmin.h"
#include "pause.h"
#include "utils/memutils.h"

/* ef of the search for an equal node, when the vector has not changed. */
#define UNCHANGED_EF 16

/*
 * Everything is allocated in the current memory context.
 */
OmenInserter *
omen_inserter_create(Relation heap, Relation index, bool building)
{
	OmenInserter *ins = palloc0(sizeof(OmenInserter));

	ins->context = CurrentMemoryContext;
	ins->heap = heap;
	ins->ix = omen_index_open(index, building);
	ins->graph = omen_graph_open(ins->ix, 0);
	omen_require_catalog(ins->ix);
	ins->opclass = omen_opclass(index);
	ins->columns = omen_index_columns(index);
	ins->search = omen_search_create(ins->graph);
	ins->ef_construction = omen_options_ef_construction(index);
	ins->space = omen_encode_space(ins->opclass->type, ins->ix->meta.dims);
	ins->code = palloc(ins->ix->layout.code_bytes);
	ins->keys = omen_keys_open(index);
	ins->search->link_keys = &ins->row_keys;
	ins->prefix = omen_prefix_open(index);
	if (ins->prefix)
		ins->group_key = palloc(sizeof(OmenPrefixKey));
	ins->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw insert",
							  ALLOCSET_DEFAULT_SIZES);
	return ins;
}

/* ---------- writing a node ---------- */

/*
 * Write a slot for the row in ins->header and ins->code.  Without a plan the
 * slot is a member of the flat list, and has no edges.
 */
static OmenNodeRef
write_slot(OmenInserter *ins, ItemPointer tid, const OmenLinkPlan *plan)
{
	const OmenPlane *plane = &ins->ix->layout.node;
	OmenNewSlot fresh = {0};
	OmenSlotChange change;
	OmenSlotHeader *slot;
	OmenNodeRef node;

	fresh.flags = OMEN_SLOT_USED | (plan ? OMEN_SLOT_LINKING : OMEN_SLOT_FLAT);
	fresh.level = plan ? plan->level : 0;
	fresh.payload = InvalidBlockNumber;
	fresh.header = &ins->header;
	fresh.code = ins->code;
	fresh.tid = *tid;
	fresh.key_nulls = ins->row_keys.nulls;
	fresh.key_words = ins->row_keys.words;
	slot = omen_slot_new(&change, ins->graph, plane, &fresh, &node);
	if (plan)
		omen_link_write_edges(plane, slot, plan, 0);
	else
		omen_note_code(ins->ix, slot, ins->code);
	omen_slot_change_commit(&change);
	return node;
}

/*
 * Write a node's code into payload pages and let its slot point there.  Until
 * then the slot is nobody's neighbor, and has no readable code.
 */
static BlockNumber
write_payload(OmenInserter *ins, OmenNodeRef node)
{
	OmenIndex  *ix = ins->ix;
	OmenPayload payload =
		omen_code_payload(&ix->layout, node, InvalidBlockNumber);
	BlockNumber first = omen_payload_write(ix, &payload, ins->code);
	OmenSlotChange change;

	omen_slot_change_begin(&change, ix, &ix->layout.node, node.id)->payload =
		first;
	omen_slot_change_commit(&change);
	return first;
}

/* Write the edges of a new plan into a node that has a slot. */
static void
rewrite_edges(OmenIndex *ix, OmenNodeRef node, const OmenLinkPlan *plan)
{
	const OmenPlane *plane = &ix->layout.node;
	OmenSlotChange change;
	OmenSlotHeader *slot = omen_slot_change_begin(&change, ix, plane, node.id);

	omen_link_write_edges(plane, slot, plan, 0);
	omen_slot_change_commit(&change);
}

/* ---------- the graph ---------- */

/*
 * UPDATE of other columns: the vector is that of a row version that is in the
 * index already, so a short search will meet it.
 */
static bool
attach_unchanged(OmenInserter *ins, ItemPointer tid)
{
	OmenLinkPlan plan;

	omen_link_plan(ins->search, &ins->header, ins->code, 0, OMEN_INVALID_ID,
				   UNCHANGED_EF, &plan);
	return plan.has_equal &&
		   omen_posting_attach(ins->graph, plan.equal, &ins->header, ins->code,
							   &ins->row_keys, tid) == OMEN_ATTACHED;
}

static void
add_to_graph(OmenInserter *ins, ItemPointer tid, bool unchanged)
{
	OmenIndex  *ix = ins->ix;
	uint32		level = omen_choose_level(ix, tid);
	OmenLinkPlan plan;
	OmenNodeRef node;
	BlockNumber payload = InvalidBlockNumber;
	int			tries = 0;

	if (unchanged && attach_unchanged(ins, tid))
		return;

	omen_link_plan(ins->search, &ins->header, ins->code, level, OMEN_INVALID_ID,
				   ins->ef_construction, &plan);
	OMEN_PAUSE("insert-planned");
	if (plan.has_equal &&
		omen_posting_attach(ins->graph, plan.equal, &ins->header, ins->code,
							&ins->row_keys, tid) == OMEN_ATTACHED)
		return;

	node = write_slot(ins, tid, &plan);
	if (ix->layout.out_of_line)
		payload = write_payload(ins, node);
	OMEN_PAUSE("insert-written");
	while (!omen_link_connect(ins->graph, node, &ins->header, ins->code,
							  payload, &plan))
	{
		omen_link_pause(ix, &tries);
		MemoryContextReset(ins->row_context);	/* the plan was in there */
		omen_graph_refresh(ins->graph);
		omen_link_plan(ins->search, &ins->header, ins->code, level, node.id,
					   ins->ef_construction, &plan);
		rewrite_edges(ix, node, &plan);
	}
}

/* ---------- the flat list ---------- */

/*
 * Add a row to the flat list.  The caller holds the flat list's lock, share:
 * the index does not become a graph meanwhile.
 */
static void
add_to_list(OmenInserter *ins, ItemPointer tid)
{
	OmenNodeRef node;

	if (omen_equal_in_list(ins->graph, &ins->header, ins->code, &ins->row_keys,
						   &node) &&
		omen_posting_attach(ins->graph, node, &ins->header, ins->code,
							&ins->row_keys, tid) == OMEN_ATTACHED)
		return;
	node = write_slot(ins, tid, NULL);
	if (ins->ix->layout.out_of_line)
		(void) write_payload(ins, node);
}

/* ---------- a row ---------- */

/* Encode the value; false if it has no direction. */
static bool
encode(OmenInserter *ins, Datum value)
{
	struct varlena *detoasted = PG_DETOAST_DATUM(value);
	int			dims = ins->opclass->type->dims(detoasted);

	if (dims != (int) ins->ix->meta.value_dims)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("expected %d dimensions, not %d",
							   (int) ins->ix->meta.value_dims, dims)));
	return omen_encode_value(ins->opclass->type, ins->ix->quantizer, detoasted,
							 &ins->space, &ins->header, ins->code);
}

/*
 * Add to the flat list if the index is one, and make it a graph if it has
 * become too long.  False if it is a graph already.
 */
static bool
try_add_to_list(OmenInserter *ins, Datum value, ItemPointer tid)
{
	OmenGraph  *graph = ins->graph;
	bool		building = ins->ix->pages.building;
	bool		is_list;

	OMEN_PAUSE("list-unlocked");
	if (!building)
		omen_flat_lock(graph, ShareLock);
	omen_graph_refresh(graph);
	OMEN_PAUSE("list-locked");
	is_list = graph->data.mode != OMEN_MODE_GRAPH;
	if (is_list)
	{
		/* the quantizer may be another one than before the lock */
		(void) encode(ins, value);
		add_to_list(ins, tid);
	}
	if (!building)
		omen_flat_unlock(graph, ShareLock);

	if (is_list && omen_flat_is_full(graph))
	{
		if (building)
			omen_flat_convert(ins);
		else if (omen_flat_try_lock(graph, ExclusiveLock))
		{
			omen_flat_convert(ins);
			omen_flat_unlock(graph, ExclusiveLock);
		}
	}
	return is_list;
}

/*
 * Turn to the group that a row is of, and keep it from being converted until
 * leave_group().
 */
static void
enter_group(OmenInserter *ins, const Datum *values, const bool *isnull)
{
	if (ins->prefix == NULL)
		return;
	omen_group_encode(ins->ix, ins->prefix, values, isnull, ins->group_key);
	for (;;)
	{
		/* by the directory as it was; whoever finds none there looks again */
		OmenNodeRef group =
			omen_group_need(ins->ix, ins->prefix, ins->group_key);

		omen_graph_choose(ins->graph, group);
		if (ins->ix->pages.building)
			break;
		OMEN_PAUSE("group-found");
		omen_flat_lock(ins->graph, ShareLock);
		if (omen_group_is_there(ins->ix, group))
			break;
		/* VACUUM took it apart meanwhile */
		omen_flat_unlock(ins->graph, ShareLock);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
leave_group(OmenInserter *ins)
{
	if (ins->prefix && !ins->ix->pages.building)
		omen_flat_unlock(ins->graph, ShareLock);
}

/*
 * Add one row, by the values of the index's columns.  unchanged: they are those
 * of an older version of the row.
 */
void
omen_inserter_add(OmenInserter *ins, const Datum *values, const bool *isnull,
				  ItemPointer tid, bool unchanged)
{
	OmenGraph  *graph = ins->graph;
	int			vector = ins->columns.vector - 1;
	Datum		value = values[vector];
	MemoryContext old = MemoryContextSwitchTo(ins->row_context);

	enter_group(ins, values, isnull);
	omen_graph_refresh(graph);
	omen_keys_encode(ins->keys, values, isnull, &ins->row_keys);
	if (isnull[vector])
		omen_posting_attach_side(graph, OMEN_SIDE_NULL, tid);
	else if (!encode(ins, value))
		omen_posting_attach_side(graph, OMEN_SIDE_NAN, tid);
	else if (graph->data.mode == OMEN_MODE_GRAPH)
		add_to_graph(ins, tid, unchanged);
	else if (!try_add_to_list(ins, value, tid))
	{
		/* it became a graph, and with that the quantizer another one */
		(void) encode(ins, value);
		add_to_graph(ins, tid, unchanged);
	}
	leave_group(ins);
	MemoryContextSwitchTo(old);
	MemoryContextReset(ins->row_context);
}

bool
omen_hnsw_insert(Relation index, Datum *values, bool *isnull,
				 ItemPointer heap_tid, Relation heap,
				 IndexUniqueCheck check_unique, bool index_unchanged,
				 IndexInfo *index_info)
{
	OmenInserter *ins = index_info->ii_AmCache;

	if (ins == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(index_info->ii_Context);

		ins = omen_inserter_create(heap, index, false);
		index_info->ii_AmCache = ins;
		MemoryContextSwitchTo(old);
	}
	omen_inserter_add(ins, values, isnull, heap_tid, index_unchanged);

	/* nothing is unique here */
	return false;
}
