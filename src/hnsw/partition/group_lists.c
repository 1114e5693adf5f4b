/*-------------------------------------------------------------------------
 *
 * group_lists.c
 *	  In an index of groups: write the lists, and attach rows of equal codes.
 *
 * An item is a partition of the groups.  Lists follow each other without gaps,
 * so that the nodes of several may stand on a page: then a participant that has
 * written a part of it, whose others are another's, adds his to the page.
 *
 * Rows that share a node with others, in lists and in graphs that one
 * participant made, are attached later by the leader alone: they need pages
 * that all groups share, which are given out in the order of asking.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/groups.h"
#include "miscadmin.h"

/* A row that shares a node. */
typedef struct AttachedRow
{
	uint64		order;			/* of those who made the nodes */
	OmenNodeRef node;
	float		error;			/* of the row's code */
	ItemPointerData tid;
	bool		same_keys;
} AttachedRow;

typedef struct ListState
{
	OmenBuild  *build;
	const OmenPlane *plane;
	const OmenGroupReader *reader;
	OmenRow	   *row;			/* space for one */
	uint32		next;			/* number of the next node, among all */
	uint32		from;			/* slots of the page: the first, */
	uint32		to;				/* and the end of those written */
	PGAlignedBlock page;
} ListState;

/* ---------- pages ---------- */

/* Does a list fill a page, by number among those of lists? */
static bool
fills_page(const ListState *state, uint32 number)
{
	uint32		first = state->reader->place.first_node;
	uint32		end = first + state->reader->group.nodes;

	return first <= number * state->plane->per_page &&
		   end >= (number + 1) * state->plane->per_page;
}

static void
begin_page(ListState *state)
{
	Page		page = (Page) state->page.data;
	uint32		number = state->next / state->plane->per_page;
	BlockNumber block = state->build->groups->node_block + number;
	OmenPageOpaque opaque = OmenPageGetOpaque(page);

	omen_page_init(page, block, OMEN_PAGE_NODE);
	state->from = state->to = state->next % state->plane->per_page;
	if (!fills_page(state, number))
		return;
	opaque->owner = state->reader->place.group.id;
	opaque->chain =
		fills_page(state, number + 1) ? block + 1 : InvalidBlockNumber;
}

/* Set what a page says of its slots. */
static void
set_used(const ListState *state, Page page, uint32 used, uint32 live)
{
	OmenPageGetOpaque(page)->used = used;
	OmenPageGetOpaque(page)->live = live;
	((PageHeader) page)->pd_lower =
		OMEN_PAGE_START + used * state->plane->stride;
}

/* Add slots to a page that others write, too. */
static void
add_slots(ListState *state)
{
	Page		from = (Page) state->page.data;
	OmenPageOpaque opaque = OmenPageGetOpaque(from);
	Buffer		buf = ReadBuffer(state->build->index, opaque->block);
	Page		page = BufferGetPage(buf);

	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	if (PageIsNew(page))
		omen_page_init(page, opaque->block, OMEN_PAGE_NODE);
	memcpy(omen_page_slot(page, state->plane, state->from),
		   omen_page_slot(from, state->plane, state->from),
		   (state->to - state->from) * state->plane->stride);
	opaque = OmenPageGetOpaque(page);
	set_used(state, page, Max(opaque->used, state->to),
			 opaque->live + state->to - state->from);
	MarkBufferDirty(buf);
	UnlockReleaseBuffer(buf);
}

/* Write the page at hand, if there is any. */
static void
end_page(ListState *state)
{
	uint32		slots = state->to - state->from;

	if (slots == state->plane->per_page)
	{
		set_used(state, (Page) state->page.data, slots, slots);
		omen_put_page(&state->build->ix->pages, (Page) state->page.data);
	}
	else if (slots > 0)
		add_slots(state);
	state->from = state->to = 0;
}

/* ---------- nodes ---------- */

/* The node of a row, and where its code lies if that is out of line. */
static OmenNodeRef
node_of(const ListState *state, uint32 number, BlockNumber *payload)
{
	const OmenBuildGroups *groups = state->build->groups;
	const OmenLayout *layout = &state->build->ix->layout;
	OmenNodeRef node = {groups->node_block * state->plane->per_page + number,
						0};

	*payload = InvalidBlockNumber;
	if (layout->out_of_line)
		*payload = groups->payload_block +
				   number * omen_payload_parts(layout->code_bytes);
	return node;
}

/* Fill the next slot. */
static void
put_node(ListState *state)
{
	OmenBuild  *build = state->build;
	const OmenBuildShape *shape = &build->shape;
	const OmenRow *row = state->row;
	OmenSlotHeader *slot;
	OmenNewSlot fresh = {0};
	OmenNodeRef node = node_of(state, state->next, &fresh.payload);

	if (state->to == state->from || state->to == state->plane->per_page)
	{
		CHECK_FOR_INTERRUPTS();
		end_page(state);
		begin_page(state);
	}
	slot = omen_page_slot((Page) state->page.data, state->plane, state->to);
	fresh.flags = OMEN_SLOT_USED | OMEN_SLOT_FLAT;
	fresh.header = &row->header;
	fresh.code = OMEN_ROW_CODE(row);
	if (shape->index_bytes > 0)
		fresh.code = OMEN_ROW_CODE(row) + shape->code_stride;
	fresh.tid = row->tid;
	fresh.key_nulls = row->key_nulls;
	fresh.key_words =
		OMEN_ROW_CODE(row) + shape->code_stride + shape->index_bytes;
	omen_slot_init(build->ix, state->plane, slot, &fresh);
	*omen_slot_group(state->plane, slot) = state->reader->place.group.id;
	omen_note_code(build->ix, slot, fresh.code);
	if (build->ix->layout.out_of_line)
	{
		OmenPayload payload =
			omen_code_payload(&build->ix->layout, node, fresh.payload);

		omen_payload_place(build->ix, &payload, fresh.code);
	}
	state->to++;
	state->next++;
}

/* ---------- lists ---------- */

static void
write_list(ListState *state, OmenUnspill *rows)
{
	const OmenBuildGroup *group = &state->reader->group;
	uint32		first = state->reader->place.first_node;

	for (uint32 i = 0; i < group->rows; i++)
	{
		OmenRow	   *row = state->row;

		if (!omen_unspill_next(rows, row, state->build->shape.row_bytes))
			elog(ERROR, "rows of an index build are missing");
		if (first + row->node == state->next)
			put_node(state);
		else
		{
			BlockNumber payload;
			OmenNodeRef node = node_of(state, first + row->node, &payload);

			omen_attach_later(state->build, node, row->header.error,
							  row->down != 0, &row->tid);
		}
	}
	omen_build_progress(state->build, group->rows);
}

void
omen_step_lists(OmenBuild *build)
{
	OmenGroupReader *reader = palloc(sizeof(OmenGroupReader));
	ListState	state = {0};
	uint32		item;

	state.build = build;
	state.plane = &build->ix->layout.node;
	state.reader = reader;
	state.row = palloc(build->shape.row_bytes);
	build->later.spill = omen_spill_begin(build, OMEN_SPILL_ATTACHED, 0, 1);
	while (omen_next_item(build, &item))
	{
		OmenUnspill rows;

		build->later.order = item;
		omen_groups_open(reader, build, item);
		omen_unspill_begin(&rows, build, OMEN_SPILL_LISTS, 0, item);
		state.next = reader->node;
		while (omen_groups_next(reader))
		{
			if (reader->group.kind == OMEN_GROUP_LIST)
				write_list(&state, &rows);
		}
		end_page(&state);
		omen_unspill_end(&rows, true);
	}
	omen_spill_end(build->later.spill);
	build->later.spill = NULL;
}

/* ---------- rows that share nodes ---------- */

/* Note a row that shares a node, to be attached to it later. */
void
omen_attach_later(OmenBuild *build, OmenNodeRef node, float error,
				  bool same_keys, const ItemPointerData *tid)
{
	AttachedRow row;

	memset(&row, 0, sizeof(row));
	row.order = build->later.order;
	row.node = node;
	row.error = error;
	row.tid = *tid;
	row.same_keys = same_keys;
	omen_spill_write(build->later.spill, 0, &row, sizeof(row));
}

/* Attach the rows that lists (0) or graphs (1) have noted. */
void
omen_attach_copies(OmenBuild *build, uint32 layer)
{
	OmenMerge  *merge = omen_merge_begin(build, OMEN_SPILL_ATTACHED, layer, 0,
										sizeof(AttachedRow));
	const AttachedRow *next;

	while ((next = omen_merge_next(merge)) != NULL)
	{
		AttachedRow row = *next;

		CHECK_FOR_INTERRUPTS();
		omen_posting_attach_known(build->graph, row.node, row.error,
								  row.same_keys, &row.tid);
	}
	omen_merge_end(merge, true);
	omen_spill_forget(build, OMEN_SPILL_ATTACHED, layer);
}
