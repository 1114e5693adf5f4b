/*-------------------------------------------------------------------------
 *
 * group_cut.c
 *	  In an index of groups: find the rows of each.
 *
 * An item is a partition of the rows by the hash of their group's key.  It is
 * read once to find its groups and to count their rows; then, for as many
 * groups at a time as have room in memory, to put rows of a group together.
 * Groups come in the order of their hashes, rows in that of the table.  A group
 * that may be too large for memory is passed on as it is read.
 *
 * Keys are equal if their bytes are, or "=" says so; no page is locked then.
 * Also counted is what the groups will take on disk, which needs rows of equal
 * codes to be told: they share a node.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "array.h"
#include "hnsw/partition/groups.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* A row that is kept until its group is passed on; followed by the row. */
typedef struct KeptRow
{
	struct KeptRow *next;		/* of its group */
	uint64		code_hash;
	ItemPointerData tid;
	uint8		side;			/* OmenSide; then no row follows */
} KeptRow;

#define ROW_OF(kept) ((OmenRow *) ((char *) (kept) + MAXALIGN(sizeof(KeptRow))))

typedef struct CutGroup
{
	OmenBuildGroup group;
	struct CutGroup *same_hash;
	bool		is_wanted;		/* its rows are kept now */
	KeptRow	   *first;
	KeptRow	   *last;
	uint8		key[FLEXIBLE_ARRAY_MEMBER];
} CutGroup;

typedef struct HashEntry
{
	uint64		hash;
	CutGroup   *first;
} HashEntry;

typedef struct CutState
{
	OmenBuild  *build;
	OmenSpill  *groups;
	OmenSpill  *side;
	OmenSpill  *rows[OMEN_GROUP_LARGE + 1]; /* by kind of group */
	uint64		nrows[OMEN_GROUP_LARGE + 1];	/* written of the partition */
	OmenGroupPart *part;
	uint32		part_number;
	HTAB	   *by_hash;
	CutGroup  **list;			/* of the partition */
	uint32		count;
	uint32		room;
	OmenPrefixKey key;			/* of the row that is read */
	OmenRow	   *row;			/* space for one */
	MemoryContext part_context; /* the groups */
	MemoryContext kept_context; /* and rows */
	MemoryContext row_context;	/* for "=" */
	bool		is_alone;		/* one group only is passed on now */
} CutState;

typedef CutGroup *CutGroupPointer;

#define ST_SORT sort_groups
#define ST_ELEMENT_TYPE CutGroupPointer
#define ST_COMPARE(a, b) \
	((*(a))->group.hash != (*(b))->group.hash \
		 ? ((*(a))->group.hash < (*(b))->group.hash ? -1 : 1) \
		 : ((*(a))->group.order < (*(b))->group.order ? -1 : 1))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* ---------- groups ---------- */

/* Has a group the key of the row that is read? */
static bool
has_key(CutState *state, const CutGroup *group)
{
	OmenPrefix *prefix = state->build->prefix;
	const OmenPrefixKey *key = &state->key;
	bool		equal = omen_prefix_is_same(key, group->group.nulls, group->key,
									 group->group.key_bytes);

	if (!equal && !omen_prefix_is_exact(prefix))
	{
		MemoryContext old = MemoryContextSwitchTo(state->row_context);

		equal = omen_prefix_is_equal(prefix, key, group->group.nulls,
									 group->key, group->group.key_bytes);
		MemoryContextSwitchTo(old);
		MemoryContextReset(state->row_context);
	}
	return equal;
}

static CutGroup *
new_group(CutState *state, const OmenGroupRow *head)
{
	CutGroup   *group =
		MemoryContextAllocZero(state->part_context,
							   offsetof(CutGroup, key) + state->key.count);

	group->group.hash = head->hash;
	group->group.order = head->order;
	group->group.key_bytes = head->key_bytes;
	group->group.nulls = head->nulls;
	memcpy(group->key, state->key.bytes, head->key_bytes);
	OMEN_GROW(state->part_context, state->list, state->room, state->count + 1);
	state->list[state->count++] = group;
	return group;
}

/* The group of the row that is read; it is made if there is none. */
static CutGroup *
find_group(CutState *state, const OmenGroupRow *head)
{
	bool		found;
	HashEntry  *entry =
		hash_search(state->by_hash, &head->hash, HASH_ENTER, &found);
	CutGroup   *group;

	if (!found)
		entry->first = NULL;
	for (group = entry->first; group != NULL; group = group->same_hash)
	{
		if (has_key(state, group))
			return group;
	}
	group = new_group(state, head);
	group->same_hash = entry->first;
	entry->first = group;
	return group;
}

/* ---------- reading the partition ---------- */

/* The next row, and its key; what is in it is read later.  NULL: no more. */
static const OmenGroupRow *
next_row(CutState *state, OmenMerge *merge)
{
	const OmenGroupRow *head = omen_merge_next(merge);

	if (head == NULL)
		return NULL;
	state->key.hash = head->hash;
	state->key.nulls = head->nulls;
	state->key.count = head->key_bytes;
	omen_merge_rest(merge, state->key.bytes, head->key_bytes);
	return head;
}

static OmenMerge *
begin_pass(CutState *state)
{
	return omen_merge_begin(state->build, OMEN_SPILL_BY_HASH, 0,
							state->part_number, sizeof(OmenGroupRow));
}

/* Find the groups, and count their rows. */
static void
count_groups(CutState *state)
{
	Size		row_bytes = state->build->shape.row_bytes;
	OmenMerge  *merge = begin_pass(state);
	const OmenGroupRow *head;

	while ((head = next_row(state, merge)) != NULL)
	{
		OmenBuildGroup *group = &find_group(state, head)->group;

		if (head->side != OMEN_SIDE_NONE)
		{
			group->side_rows++;
			continue;
		}
		omen_merge_rest(merge, state->row, row_bytes);
		group->rows++;
		group->longest = Max(group->longest, head->sumsq);
	}
	omen_merge_end(merge, false);
	sort_groups(state->list, state->count);
}

static bool
is_large(const CutState *state, const CutGroup *group)
{
	return (uint64) group->group.rows * state->build->shape.row_bytes >
		   omen_large_bytes(state->build);
}

/* ---------- passing rows on ---------- */

static void
put_side_row(CutState *state, uint8 side, const ItemPointerData *tid)
{
	OmenSideRow row;

	memset(&row, 0, sizeof(row));
	row.side = side;
	row.tid = *tid;
	omen_spill_write(state->side, state->part_number, &row, sizeof(row));
}

static void
put_row(CutState *state, OmenGroupKind kind, const OmenRow *row)
{
	omen_spill_write(state->rows[kind], state->part_number, row,
					 state->build->shape.row_bytes);
	state->nrows[kind]++;
}

static void
put_group(CutState *state, const CutGroup *group)
{
	omen_spill_write(state->groups, state->part_number, &group->group,
					 sizeof(OmenBuildGroup));
	omen_spill_write(state->groups, state->part_number, group->key,
					 group->group.key_bytes);
	state->part->groups++;
	state->part->records += omen_group_slots(group->group.key_bytes);
	if (group->group.kind == OMEN_GROUP_LIST)
		state->part->nodes += group->group.nodes;
}

/* ---------- nodes ---------- */

/*
 * Give each row of a group the number of its node: that of the first with the
 * same code.  Rows whose codes share a hash are compared with the first of it
 * only, as omen_step_equal() does.  Returns how many nodes there are.
 */
static uint32
number_nodes(CutState *state, const CutGroup *group)
{
	const OmenBuild *build = state->build;
	uint64		size = pg_nextpower2_64((uint64) group->group.rows * 2 + 1);
	KeptRow	  **table =
		MemoryContextAllocExtended(state->kept_context,
								   size * sizeof(KeptRow *),
								   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint32		nodes = 0;

	for (KeptRow *kept = group->first; kept != NULL; kept = kept->next)
	{
		OmenRow	   *row = ROW_OF(kept);
		uint64		at = omen_mix(kept->code_hash) & (size - 1);

		if (kept->side != OMEN_SIDE_NONE)
			continue;
		while (table[at] != NULL && table[at]->code_hash != kept->code_hash)
			at = (at + 1) & (size - 1);
		if (table[at] == NULL)
			table[at] = kept;
		if (table[at] != kept && omen_same_code(build, ROW_OF(table[at]), row))
		{
			row->node = ROW_OF(table[at])->node;
			row->down = omen_same_keys(build, ROW_OF(table[at]), row);
		}
		else
			row->node = nodes++;
	}
	pfree(table);
	return nodes;
}

/* Pages that the graph of a group takes, of which nodes have been numbered. */
static uint32
count_blocks(const CutState *state, const CutGroup *group, uint32 nodes)
{
	const OmenLayout *layout = &state->build->ix->layout;
	uint32		of_level[OMEN_MAX_LEVEL + 1] = {0};
	uint32 blocks = (nodes + layout->node.per_page - 1) / layout->node.per_page;
	uint32		above = 0;
	uint32		next = 0;

	if (layout->out_of_line)
		blocks += nodes * omen_payload_parts(layout->code_bytes);
	for (KeptRow *kept = group->first; kept != NULL; kept = kept->next)
	{
		if (kept->side != OMEN_SIDE_NONE || ROW_OF(kept)->node != next)
			continue;
		next++;
		of_level[ROW_OF(kept)->level]++;
	}
	for (int l = OMEN_MAX_LEVEL; l > 0; l--)
	{
		above += of_level[l];
		blocks += (above + layout->upper.per_page - 1) / layout->upper.per_page;
	}
	return blocks;
}

/* Pass a group on whose rows have been kept. */
static void
pass_group(CutState *state, CutGroup *group)
{
	uint32		nodes = number_nodes(state, group);

	group->group.kind = OMEN_GROUP_LIST;
	group->group.nodes = nodes;
	if (nodes > OMEN_FLAT_NODES)
	{
		group->group.kind = OMEN_GROUP_GRAPH;
		group->group.blocks = count_blocks(state, group, nodes);
	}
	group->group.start = state->nrows[group->group.kind];
	for (KeptRow *kept = group->first; kept != NULL; kept = kept->next)
	{
		if (kept->side != OMEN_SIDE_NONE)
			put_side_row(state, kept->side, &kept->tid);
		else
			put_row(state, group->group.kind, ROW_OF(kept));
	}
	put_group(state, group);
	omen_build_progress(state->build,
						group->group.rows + group->group.side_rows);
	group->first = group->last = NULL;
}

/* ---------- a stretch of groups ---------- */

/* Keep a row of a group that is wanted; or pass it on if that is large. */
static void
take_row(CutState *state, OmenMerge *merge, const OmenGroupRow *head,
		 CutGroup *group)
{
	bool		has_row = head->side == OMEN_SIDE_NONE;
	Size		bytes = has_row ? state->build->shape.row_bytes : 0;
	KeptRow	   *kept;

	/* there may be any number of them */
	if (!has_row && state->is_alone)
	{
		put_side_row(state, head->side, &head->tid);
		return;
	}
	if (group->group.kind == OMEN_GROUP_LARGE)
	{
		omen_merge_rest(merge, state->row, bytes);
		put_row(state, OMEN_GROUP_LARGE, state->row);
		return;
	}
	kept = MemoryContextAlloc(state->kept_context,
							  MAXALIGN(sizeof(KeptRow)) + bytes);
	kept->next = NULL;
	kept->code_hash = head->code_hash;
	kept->tid = head->tid;
	kept->side = head->side;
	if (has_row)
		omen_merge_rest(merge, ROW_OF(kept), bytes);
	if (group->last == NULL)
		group->first = kept;
	else
		group->last->next = kept;
	group->last = kept;
}

/* Groups from one on whose rows have room in memory, or a large one alone. */
static uint32
end_of_stretch(CutState *state, uint32 first)
{
	Size		row = state->build->shape.row_bytes + sizeof(KeptRow);
	Size		most = state->build->team->memory.work / 2;
	Size		bytes = 0;
	uint32		end;

	if (is_large(state, state->list[first]))
	{
		state->list[first]->group.kind = OMEN_GROUP_LARGE;
		return first + 1;
	}
	for (end = first; end < state->count; end++)
	{
		const OmenBuildGroup *group = &state->list[end]->group;

		bytes += ((Size) group->rows + group->side_rows) * row;
		if (end > first && (bytes > most || is_large(state, state->list[end])))
			break;
	}
	return end;
}

/* Read the partition for the rows of some groups, and pass these on. */
static void
cut_stretch(CutState *state, uint32 first, uint32 end)
{
	OmenMerge  *merge = begin_pass(state);
	const OmenGroupRow *head;
	CutGroup   *large = state->list[first];

	state->is_alone = end == first + 1;
	for (uint32 i = first; i < end; i++)
		state->list[i]->is_wanted = true;
	while ((head = next_row(state, merge)) != NULL)
	{
		CutGroup   *group = find_group(state, head);

		if (group->is_wanted)
			take_row(state, merge, head, group);
		else if (head->side == OMEN_SIDE_NONE)
			omen_merge_rest(merge, state->row, state->build->shape.row_bytes);
	}
	omen_merge_end(merge, end == state->count);
	for (uint32 i = first; i < end; i++)
	{
		CHECK_FOR_INTERRUPTS();
		state->list[i]->is_wanted = false;
		if (state->list[i]->group.kind != OMEN_GROUP_LARGE)
			pass_group(state, state->list[i]);
	}
	if (large->group.kind == OMEN_GROUP_LARGE)
	{
		large->group.start = state->nrows[OMEN_GROUP_LARGE] - large->group.rows;
		put_group(state, large);
		omen_build_progress(state->build,
							large->group.rows + large->group.side_rows);
	}
	MemoryContextReset(state->kept_context);
}

/* ---------- the step ---------- */

static void
cut_partition(CutState *state, uint32 part)
{
	HASHCTL		control = {0};

	state->part_number = part;
	state->part = &state->build->groups->parts[part];
	memset(state->part, 0, sizeof(OmenGroupPart));
	memset(state->nrows, 0, sizeof(state->nrows));
	state->list = NULL;
	state->count = state->room = 0;
	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(HashEntry);
	control.hcxt = state->part_context;
	state->by_hash = hash_create("omen_hnsw groups of a build", 1024, &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	count_groups(state);
	if (state->count == 0)
		omen_spill_delete(state->build, OMEN_SPILL_BY_HASH, 0, part);
	for (uint32 first = 0, end; first < state->count; first = end)
	{
		end = end_of_stretch(state, first);
		cut_stretch(state, first, end);
	}
	hash_destroy(state->by_hash);
	MemoryContextReset(state->part_context);
}

static MemoryContext
make_context(OmenBuild *build, const char *name)
{
	return AllocSetContextCreateInternal(build->step_context, name,
										 ALLOCSET_DEFAULT_SIZES);
}

/* Cut the rows into groups. */
void
omen_step_cut(OmenBuild *build)
{
	uint32		parts = build->groups->count;
	CutState	state = {0};
	uint32		item;

	state.build = build;
	state.groups = omen_spill_begin(build, OMEN_SPILL_GROUPS, 0, parts);
	state.side = omen_spill_begin(build, OMEN_SPILL_SIDE, 0, parts);
	state.rows[OMEN_GROUP_LIST] =
		omen_spill_begin(build, OMEN_SPILL_LISTS, 0, parts);
	state.rows[OMEN_GROUP_GRAPH] =
		omen_spill_begin(build, OMEN_SPILL_GRAPHS, 0, parts);
	state.rows[OMEN_GROUP_LARGE] =
		omen_spill_begin(build, OMEN_SPILL_LARGE, 0, parts);
	state.row = palloc(build->shape.row_bytes);
	state.part_context = make_context(build, "omen_hnsw groups of a build");
	/* without a gap behind each row */
	state.kept_context =
		GenerationContextCreate(build->step_context, "omen_hnsw rows of groups",
								ALLOCSET_DEFAULT_SIZES);
	state.row_context = make_context(build, "omen_hnsw row of a group");
	while (omen_next_item(build, &item))
		cut_partition(&state, item);
	omen_spill_end(state.groups);
	omen_spill_end(state.side);
	for (int kind = 0; kind <= OMEN_GROUP_LARGE; kind++)
		omen_spill_end(state.rows[kind]);
}
