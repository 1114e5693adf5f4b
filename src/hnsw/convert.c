/*-------------------------------------------------------------------------
 *
 * convert.c
 *	  From the flat list that a small index is to a graph.
 *
 * A list that has grown too long is turned into a graph where it stands, in
 * steps that each leave a list that a scan reads in full:
 *
 *	1. the quantizer's mean is computed from the list and stored (epoch 1);
 *	2. codes of epoch 0 are made anew, from the rows (member_rows.c), or where
 *	   these cannot be read from the codes, a node at a time;
 *	3. the members are linked one by one, like inserted nodes;
 *	4. the metapage says that the index is a graph.
 *
 * A crash or an error leaves it at some point of that; whoever finds the list
 * too long next goes on.
 *
 * The flat list's lock (groups.c) is held share to add to the list or to look
 * for dead rows in it, and exclusive to convert.  In an index without groups it
 * matters only while that is a list; nobody takes it for a graph.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "array.h"
#include "compat.h"
#include "hnsw/hnsw.h"
#include "hnsw/store/code.h"
#include "miscadmin.h"
#include "pause.h"
#include "utils/memutils.h"

/*
 * Pages of the index, all over it, from which the mean of groups is taken.
 */
#define MEAN_PAGES 64

/* ---------- small parts ---------- */

/*
 * Has the list grown too long?  All its pages but the one being filled count
 * as full.
 */
bool
omen_flat_is_full(const OmenGraph *graph)
{
	OmenGraphData data;

	omen_graph_read(graph, &data);
	return data.mode == OMEN_MODE_CONVERTING ||
		   (data.mode == OMEN_MODE_FLAT &&
			data.node_limit >=
				OMEN_FLAT_NODES + graph->ix->layout.node.per_page);
}

/* ---------- the members ---------- */

/* Nodes that grow in number. */
typedef struct Members
{
	OmenNodeRef *refs;
	uint32		count;
	uint32		room;
} Members;

/*
 * Add the nodes of a page that have a row: all, or those of a graph that are
 * members of its list.
 */
static void
add_page(OmenIndex *ix, const OmenGraph *graph, BlockNumber block,
		 Members *members)
{
	const OmenPlane *plane = &ix->layout.node;
	Buffer		buf = omen_pin(&ix->pages, block);
	OmenSlotWalk walk;
	OmenSlotHeader *slot;

	/* a page has fewer slots than this; allocate before locking */
	OMEN_GROW(CurrentMemoryContext, members->refs, members->room,
			  members->count + plane->per_page);
	LockBuffer(buf, BUFFER_LOCK_SHARE);
	if (graph)
		omen_slots_begin_graph(&walk, graph, plane, buf);
	else
		omen_slots_begin(&walk, ix, plane, buf);
	while ((slot = omen_next_slot(&walk)) != NULL)
	{
		if ((graph == NULL || (slot->flags & OMEN_SLOT_FLAT) != 0) &&
			omen_node_has_row(slot))
			members->refs[members->count++] = omen_walk_ref(&walk, slot);
	}
	UnlockReleaseBuffer(buf);
	CHECK_FOR_INTERRUPTS();
}

/* The members of the list: nodes that have the flag and a row. */
static Members
list_members(OmenGraph *graph)
{
	OmenIndex  *ix = graph->ix;
	Members		members = {0};
	OmenGraphPages pages;
	BlockNumber block;

	omen_graph_pages(&pages, graph);
	while (omen_graph_next_page(&pages, &block))
		add_page(ix, graph, block, &members);
	return members;
}

/* Nodes of all groups, from pages all over the index. */
static Members
sample_groups(OmenIndex *ix)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(ix->pages.rel);
	BlockNumber step = Max(1, nblocks / MEAN_PAGES);
	Members		members = {0};

	for (BlockNumber block = OMEN_META_BLOCK + 1; block < nblocks;
		 block += step)
		add_page(ix, NULL, block, &members);
	return members;
}

/*
 * Read a member: its slot header, and its code (into space of code_bytes) with
 * the header of that.
 */
static bool
read_member(OmenIndex *ix, OmenNodeRef node, OmenSlotHeader *member,
			OmenCodeHeader *header, uint8 *code)
{
	Buffer		buf;
	OmenSlotHeader *slot = omen_visit(ix, &ix->layout.node, node.id, &buf);
	bool		found;

	if (slot == NULL)
		return false;
	*member = *slot;
	*header = *omen_slot_code_header(&ix->layout.node, slot);
	found = slot->version == node.version &&
			omen_copy_code(ix, &ix->layout.node, node.id, slot, code);
	UnlockReleaseBuffer(buf);
	return found;
}

/* ---------- 1: the quantizer ---------- */

/*
 * The mean of nodes, in rotated coordinates; of those whose codes were made
 * without one.
 */
static float *
mean_of(OmenIndex *ix, const Members *members, uint8 *code)
{
	uint32		dims = ix->meta.dims;
	double	   *sum = palloc0(dims * sizeof(double));
	float	   *x = palloc(dims * sizeof(float));
	uint32		used = 0;

	for (uint32 i = 0; i < members->count; i++)
	{
		OmenSlotHeader member;
		OmenCodeHeader header;

		if (!read_member(ix, members->refs[i], &member, &header, code) ||
			member.epoch != 0)
			continue;
		omen_decode(ix->origin, &header, code, x);
		for (uint32 d = 0; d < dims; d++)
			sum[d] += x[d];
		used++;
	}
	for (uint32 d = 0; d < dims; d++)
		x[d] = used > 0 ? (float) (sum[d] / used) : 0;
	pfree(sum);
	return x;
}

/* The squared norm of the longest member. */
static double
longest_of(OmenIndex *ix, const Members *members, uint8 *code)
{
	double		longest = 0;

	for (uint32 i = 0; i < members->count; i++)
	{
		OmenSlotHeader member;
		OmenCodeHeader header;

		if (read_member(ix, members->refs[i], &member, &header, code) &&
			(member.epoch == 0 || member.epoch == ix->quantizer_epoch))
		{
			double		sumsq =
				omen_code_sumsq(member.epoch == 0 ? ix->origin : ix->quantizer,
								&header);

			longest = Max(longest, sumsq);
		}
	}
	return longest;
}

/*
 * The mean of the members, and the norm of the longest for inner product.
 * Groups share a mean, that of all of them, which the first that is converted
 * finds.
 */
static void
freeze_quantizer(OmenGraph *graph, const Members *members)
{
	OmenIndex  *ix = graph->ix;
	uint8	   *code = palloc(ix->layout.code_bytes);
	float	   *mean = NULL;
	double		longest = 0;

	if (omen_has_mean(ix->meta.storage, ix->meta.metric) &&
		ix->quantizer_epoch == 0)
	{
		Members		sample =
			omen_graph_is_group(graph) ? sample_groups(ix) : *members;

		mean = mean_of(ix, &sample, code);
	}
	if (omen_metrics[ix->meta.metric].is_product)
		longest = longest_of(ix, members, code);
	OMEN_PAUSE("convert-mean");
	omen_graph_freeze(graph, mean, (float) sqrt(longest));
}

/* ---------- 2: the codes ---------- */

static void
recode_member(OmenInserter *ins, OmenMemberRows *rows, OmenNodeRef node)
{
	OmenIndex  *ix = ins->ix;
	uint8	   *code = ins->code;
	OmenSlotHeader old;
	OmenCodeHeader old_header;
	OmenCodeHeader header;
	OmenPayload payload =
		omen_code_payload(&ix->layout, node, InvalidBlockNumber);
	BlockNumber first = InvalidBlockNumber;
	OmenSlotChange change;
	OmenSlotHeader *slot;

	if (!read_member(ix, node, &old, &old_header, code) ||
		old.epoch == ix->quantizer_epoch)
		return;
	if (rows == NULL ||
		!omen_member_encode(rows, node, &old_header, code, &header))
		omen_recode(ix->origin, ix->quantizer, &old_header, code,
					ins->space.scratch, &header, code);
	if (ix->layout.out_of_line)
		first = omen_payload_write(ix, &payload, code);

	slot = omen_slot_change_begin(&change, ix, &ix->layout.node, node.id);
	slot->epoch = ix->quantizer_epoch;
	slot->payload = first;
	omen_slot_set_code(&ix->layout, &ix->layout.node, slot, &header, code);
	omen_note_code(ix, slot, code);
	omen_slot_change_commit(&change);
	if (ix->layout.out_of_line)
		omen_payload_free(ix, old.payload, node.id);
}

/* ---------- 3: the edges ---------- */

static void
write_member_edges(OmenIndex *ix, OmenNodeRef node, const OmenLinkPlan *plan)
{
	const OmenPlane *plane = &ix->layout.node;
	OmenSlotChange change;
	OmenSlotHeader *slot = omen_slot_change_begin(&change, ix, plane, node.id);

	slot->level = plan->level;
	omen_link_write_edges(plane, slot, plan, 0);
	omen_slot_change_commit(&change);
}

static void
link_member(OmenInserter *ins, OmenNodeRef node)
{
	OmenIndex  *ix = ins->ix;
	int			tries = 0;
	OmenSlotHeader old;
	OmenCodeHeader header;
	ItemPointerData tid;
	OmenLinkPlan plan;
	uint32		level;

	if (!read_member(ix, node, &old, &header, ins->code))
		return;
	tid = old.u.node.heaptid;
	if (!ItemPointerIsValid(&tid))
		ItemPointerSet(&tid, node.id, 1);
	level = omen_choose_level(ix, &tid);
	for (;;)
	{
		omen_graph_refresh(ins->graph);
		omen_link_plan(ins->search, &header, ins->code, level, node.id,
					   ins->ef_construction, &plan);
		write_member_edges(ix, node, &plan);
		if (omen_link_connect(ins->graph, node, &header, ins->code, old.payload,
							  &plan))
			break;
		omen_link_pause(ix, &tries);
	}
}

/*
 * A conversion that was cut may have made a member the root, and no more.  It
 * must be linked before others find their parents in it.
 */
static void
root_first(const OmenGraph *graph, OmenNodeRef *members, uint32 count)
{
	for (uint32 i = 1; i < count; i++)
	{
		if (members[i].id == graph->data.root)
		{
			OmenNodeRef first = members[0];

			members[0] = members[i];
			members[i] = first;
		}
	}
}

/*
 * Turn the flat list into a graph.  The caller holds the flat list's lock,
 * exclusive, or builds the index.  Uses ins->code and ins->header.
 */
void
omen_flat_convert(OmenInserter *ins)
{
	OmenGraph  *graph = ins->graph;
	MemoryContext context;
	MemoryContext member_context;
	MemoryContext old;
	OmenMemberRows *rows;
	Members		members;

	omen_graph_refresh(graph);
	if (graph->data.mode == OMEN_MODE_GRAPH)
		return;

	context = AllocSetContextCreate(ins->context, "omen_hnsw conversion",
									ALLOCSET_DEFAULT_SIZES);
	member_context =
		AllocSetContextCreate(context, "omen_hnsw conversion of a node",
							  ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	members = list_members(graph);
	if (graph->data.mode == OMEN_MODE_FLAT && graph->data.epoch == 0)
		freeze_quantizer(graph, &members);
	OMEN_PAUSE("convert-frozen");
	omen_graph_set_mode(graph, OMEN_MODE_CONVERTING);
	root_first(graph, members.refs, members.count);
	rows = omen_member_rows_open(ins);
	for (uint32 i = 0; i < members.count; i++)
	{
		recode_member(ins, rows, members.refs[i]);
		OMEN_PAUSE("convert-coded");
	}
	omen_member_rows_close(rows);
	for (uint32 i = 0; i < members.count; i++)
	{
		MemoryContextSwitchTo(member_context);
		link_member(ins, members.refs[i]);
		MemoryContextReset(member_context);
		OMEN_PAUSE("convert-linked");
	}
	omen_graph_set_mode(graph, OMEN_MODE_GRAPH);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
