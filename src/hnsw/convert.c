/*-------------------------------------------------------------------------
 *
 * convert.c
 *	  From the flat list that a small index is to a graph.
 *
 * A list that has grown too long is turned into a graph where it stands, in
 * steps that each leave a list that a scan reads in full:
 *
 *	1. the quantizer's mean is computed from the list and stored (epoch 1);
 *	2. codes of epoch 0 are made anew, a page at a time;
 *	3. the members are linked one by one, like inserted nodes;
 *	4. the metapage says that the index is a graph.
 *
 * A crash or an error leaves it at some point of that; whoever finds the list
 * too long next goes on.
 *
 * The flat list's lock is a heavyweight lock on a tuple of the index that does
 * not exist (block 0, offset 1), so that it takes part in deadlock detection:
 * share to add to the list or to look for dead rows in it, exclusive to
 * convert.  It matters only while the index is a list; nobody takes it for a
 * graph.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "hnsw/hnsw.h"
#include "miscadmin.h"
#include "pause.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

/* ---------- the lock ---------- */

void
omen_flat_lock(Relation index, LOCKMODE mode)
{
	ItemPointerData tag;

	ItemPointerSet(&tag, OMEN_META_BLOCK, 1);
	LockTuple(index, &tag, mode);
}

bool
omen_flat_try_lock(Relation index, LOCKMODE mode)
{
	ItemPointerData tag;

	ItemPointerSet(&tag, OMEN_META_BLOCK, 1);
	return omen_conditional_lock_tuple(index, &tag, mode);
}

void
omen_flat_unlock(Relation index, LOCKMODE mode)
{
	ItemPointerData tag;

	ItemPointerSet(&tag, OMEN_META_BLOCK, 1);
	UnlockTuple(index, &tag, mode);
}

/* ---------- small parts ---------- */

/*
 * Has the list grown too long?  All its pages but the one being filled count
 * as full.
 */
bool
omen_flat_is_full(const OmenIndex *ix)
{
	OmenMetaPageData meta;

	omen_meta_read(ix->pages.rel, &meta);
	return meta.graph.mode == OMEN_MODE_CONVERTING ||
		   (meta.graph.mode == OMEN_MODE_FLAT &&
			meta.graph.node_limit >=
				OMEN_FLAT_NODES + ix->layout.node.per_page);
}

void
omen_set_mode(OmenIndex *ix, OmenMode mode)
{
	Buffer		buf = ReadBuffer(ix->pages.rel, OMEN_META_BLOCK);
	OmenChange	change;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	OmenPageGetMeta(omen_change_page(&change, buf))->graph.mode = mode;
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	omen_index_refresh(ix);
}

/*
 * The top layer of the node of a row: geometric with 1/m, from the heap TID
 * and the index's seed, so that equal heaps give equal graphs.
 */
uint32
omen_choose_level(const OmenIndex *ix, ItemPointer tid)
{
	uint64		key = ((uint64) ItemPointerGetBlockNumber(tid) << 16) |
				 ItemPointerGetOffsetNumber(tid);
	/* in (0, 1] */
	double uniform =
		((double) (omen_mix(key ^ omen_mix(ix->meta.seed)) >> 11) + 1.0) /
		9007199254740992.0;
	double level = floor(-log(uniform) / log((double) ix->meta.m));

	return (uint32) Min(level, (double) OMEN_MAX_LEVEL);
}

/* ---------- the members ---------- */

/* The members of the list: nodes that have the flag and a row. */
static OmenNodeRef *
list_members(OmenIndex *ix, uint32 *count)
{
	const OmenPlane *plane = &ix->layout.node;
	BlockNumber nblocks = RelationGetNumberOfBlocks(ix->pages.rel);
	uint32		room = 2048;
	OmenNodeRef *members = palloc(room * sizeof(OmenNodeRef));

	*count = 0;
	for (BlockNumber block = OMEN_META_BLOCK + 1; block < nblocks; block++)
	{
		Buffer		buf = omen_pin(&ix->pages, block);
		OmenPageOpaque opaque;

		/* a page has fewer slots than this; allocate before locking */
		if (room - *count < plane->per_page)
		{
			room *= 2;
			members =
				repalloc_huge(members, mul_size(room, sizeof(OmenNodeRef)));
		}
		LockBuffer(buf, BUFFER_LOCK_SHARE);
		opaque = omen_check_page(ix->pages.rel, buf);
		for (uint32 i = 0; opaque && opaque->kind == OMEN_PAGE_NODE &&
						   i < omen_used_slots(ix, opaque);
			 i++)
		{
			OmenSlotHeader *slot = omen_page_slot(BufferGetPage(buf), plane, i);

			if ((slot->flags & OMEN_SLOT_FLAT) != 0 && omen_node_has_row(slot))
			{
				members[*count].id = block * plane->per_page + i;
				members[*count].version = slot->version;
				(*count)++;
			}
		}
		UnlockReleaseBuffer(buf);
		CHECK_FOR_INTERRUPTS();
	}
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
	bool		found = false;

	if (slot == NULL)
		return false;
	*member = *slot;
	*header = *omen_slot_code_header(slot);
	if (slot->version == node.version)
	{
		found = true;
		if (ix->layout.out_of_line)
			found =
				omen_payload_read(ix, OMEN_PAGE_PAYLOAD, slot->payload, node.id,
								  node.version, code, ix->layout.code_bytes);
		else
			memcpy(code, omen_slot_code(&ix->layout, slot),
				   ix->layout.code_bytes);
	}
	UnlockReleaseBuffer(buf);
	return found;
}

/* ---------- 1: the quantizer ---------- */

/*
 * The mean of the members, and the norm of the longest for inner product.
 */
static void
freeze_quantizer(OmenIndex *ix, const OmenNodeRef *members, uint32 count)
{
	bool		has_mean = omen_is_rotated(ix->meta.storage, ix->meta.metric);
	uint32		dims = ix->meta.dims;
	double	   *sum = palloc0(dims * sizeof(double));
	float	   *x = palloc(dims * sizeof(float));
	uint8	   *code = palloc(ix->layout.code_bytes);
	double		longest = 0;
	uint32		used = 0;

	for (uint32 i = 0; i < count; i++)
	{
		OmenSlotHeader member;
		OmenCodeHeader header;

		if (!read_member(ix, members[i], &member, &header, code) ||
			member.epoch != 0)
			continue;
		if (ix->meta.metric == OMEN_METRIC_IP)
			longest = Max(longest, omen_code_sumsq(ix->origin, &header));
		omen_decode(ix->origin, &header, code, x);
		for (uint32 d = 0; d < dims; d++)
			sum[d] += x[d];
		used++;
	}
	for (uint32 d = 0; d < dims; d++)
		x[d] = used > 0 ? (float) (sum[d] / used) : 0;
	omen_meta_freeze(ix, has_mean ? x : NULL, (float) sqrt(longest));
}

/* ---------- 2: the codes ---------- */

static void
recode_member(OmenIndex *ix, OmenNodeRef node, uint8 *code, float *scratch)
{
	const OmenPlane *plane = &ix->layout.node;
	OmenSlotHeader old;
	OmenCodeHeader old_header;
	OmenCodeHeader header;
	BlockNumber payload = InvalidBlockNumber;
	OmenChange	change;
	OmenSlotHeader *slot;
	Buffer		buf;

	if (!read_member(ix, node, &old, &old_header, code) ||
		old.epoch == ix->meta.graph.epoch)
		return;
	omen_recode(ix->origin, ix->quantizer, &old_header, code, scratch, &header,
				code);
	if (ix->layout.out_of_line)
		payload = omen_payload_write(ix, OMEN_PAGE_PAYLOAD, node.id,
									 node.version, code, ix->layout.code_bytes);

	buf = omen_pin(&ix->pages, omen_id_block(plane, node.id));
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	slot = omen_page_slot(omen_change_page(&change, buf), plane,
						  omen_id_slot(plane, node.id));
	slot->epoch = ix->meta.graph.epoch;
	slot->payload = payload;
	omen_slot_set_code(&ix->layout, slot, &header, code);
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	if (ix->layout.out_of_line)
		omen_payload_free(ix, old.payload, node.id);
}

/* ---------- 3: the edges ---------- */

static void
write_member_edges(OmenIndex *ix, OmenNodeRef node, const OmenLinkPlan *plan)
{
	const OmenPlane *plane = &ix->layout.node;
	Buffer		buf = omen_pin(&ix->pages, omen_id_block(plane, node.id));
	OmenChange	change;
	OmenSlotHeader *slot;

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, &ix->pages);
	slot = omen_page_slot(omen_change_page(&change, buf), plane,
						  omen_id_slot(plane, node.id));
	slot->level = plan->level;
	omen_link_write_edges(plane, slot, plan, 0);
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
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
		omen_index_refresh(ix);
		omen_link_plan(ins->search, &header, ins->code, level, node.id,
					   ins->ef_construction, &plan);
		write_member_edges(ix, node, &plan);
		if (omen_link_connect(ix, node, &header, ins->code, old.payload, &plan))
			break;
		omen_link_pause(ix, &tries);
	}
}

/*
 * A conversion that was cut may have made a member the root, and no more.  It
 * must be linked before others find their parents in it.
 */
static void
root_first(const OmenIndex *ix, OmenNodeRef *members, uint32 count)
{
	for (uint32 i = 1; i < count; i++)
	{
		if (members[i].id == ix->meta.graph.root)
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
	OmenIndex  *ix = ins->ix;
	MemoryContext context;
	MemoryContext member_context;
	MemoryContext old;
	OmenNodeRef *members;
	uint32		count;

	omen_index_refresh(ix);
	if (ix->meta.graph.mode == OMEN_MODE_GRAPH)
		return;

	context = AllocSetContextCreate(ins->context, "omen_hnsw conversion",
									ALLOCSET_DEFAULT_SIZES);
	member_context =
		AllocSetContextCreate(context, "omen_hnsw conversion of a node",
							  ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	members = list_members(ix, &count);
	if (ix->meta.graph.mode == OMEN_MODE_FLAT && ix->meta.graph.epoch == 0)
		freeze_quantizer(ix, members, count);
	OMEN_PAUSE("convert-frozen");
	omen_set_mode(ix, OMEN_MODE_CONVERTING);
	root_first(ix, members, count);
	for (uint32 i = 0; i < count; i++)
	{
		recode_member(ix, members[i], ins->code, ins->scratch);
		OMEN_PAUSE("convert-coded");
	}
	for (uint32 i = 0; i < count; i++)
	{
		MemoryContextSwitchTo(member_context);
		link_member(ins, members[i]);
		MemoryContextReset(member_context);
		OMEN_PAUSE("convert-linked");
	}
	omen_set_mode(ix, OMEN_MODE_GRAPH);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
