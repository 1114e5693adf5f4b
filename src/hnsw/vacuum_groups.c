/*-------------------------------------------------------------------------
 *
 * vacuum_groups.c
 *	  VACUUM of an index of groups: what becomes of the nodes of each.
 *
 * The pass over all pages is vacuum.c's.  It tells of each node here, which is
 * counted by its group; afterwards each group that has nodes without a row is
 * dealt with as an index without groups would be: of a list they are freed, a
 * graph is repaired if there are enough of them.  A group that has no row left
 * is taken apart.
 *
 * All groups are looked up before the pass, with the node_limit that they have
 * then: what is added to that limit meanwhile are nodes that may not have been
 * counted.  When the first node of a group is met that would be too late, as
 * others may have come to pages that had none when the pass went by.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/vacuum.h"
#include "miscadmin.h"
#include "pause.h"
#include "utils/hsearch.h"

/* A group that the pass has met. */
typedef struct VacuumedGroup
{
	uint32		id;				/* the key */
	uint16		version;
	bool		is_known;		/* it was there before nodes were counted */
	bool		condemned;		/* a VACUUM was cut before */
	bool		is_leaving;		/* likewise, while it took the group apart */
	bool		is_bare;		/* its record has no side lists */
	uint8		sides;			/* OMEN_CHUNK_*: lists with empty chunks */
	uint64		limit;			/* node_limit at that time */
	uint64		nodes;			/* with a row */
	uint32		open;			/* slots that were met, and that nodes can come
								 * to and raise no limit */
	OmenNodeList dead;			/* without */
} VacuumedGroup;

struct OmenVacuumGroups
{
	OmenIndex  *ix;
	OmenGraph  *graph;			/* of the group that is dealt with */
	HTAB	   *table;			/* of VacuumedGroup, by id */
	uint32	   *on_page;		/* ids on the page that is looked at */
};

int
omen_vacuum_compare(const void *a, const void *b)
{
	const OmenNodeRef *x = a;
	const OmenNodeRef *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (int) x->version - (int) y->version;
}

static VacuumedGroup *
find_group(OmenVacuumGroups *groups, uint32 id)
{
	bool		found;
	VacuumedGroup *group = hash_search(groups->table, &id, HASH_ENTER, &found);

	if (!found)
	{
		memset(group, 0, sizeof(VacuumedGroup));
		group->id = id;
	}
	return group;
}

/* Look up the groups of a leaf of the directory. */
static void
look_up_groups(OmenVacuumGroups *groups, const OmenDirectoryEntry *entries,
			   uint32 count)
{
	for (uint32 i = 0; i < count; i++)
	{
		VacuumedGroup *group;
		OmenGroupRecord record;

		omen_vacuum_delay_point();
		if (!omen_group_read(groups->ix, entries[i].group, &record) ||
			record.version != (uint16) entries[i].link)
			continue;
		group = find_group(groups, entries[i].group);
		group->version = record.version;
		group->limit = record.graph.node_limit;
		group->is_known = true;
	}
}

/* Those of which a damaged directory does not tell are not known. */
static void
look_up_all(OmenVacuumGroups *groups)
{
	OmenDirectoryEntry *entries =
		palloc(OMEN_DIRECTORY_ENTRIES * sizeof(OmenDirectoryEntry));
	OmenDirectoryEntry place = {0};
	OmenDirectoryEntry before;
	bool		is_last;

	do
	{
		uint32		count;

		before = place;
		count = omen_directory_leaf(groups->ix, &place, entries, &is_last);
		look_up_groups(groups, entries, count);
		omen_vacuum_delay_point();
	} while (!is_last &&
			 (place.hash > before.hash ||
			  (place.hash == before.hash && place.group > before.group)));
	pfree(entries);
}

/* In the current memory context, in which all of it stays. */
OmenVacuumGroups *
omen_vacuum_groups(OmenIndex *ix)
{
	OmenVacuumGroups *groups = palloc0(sizeof(OmenVacuumGroups));
	HASHCTL		control = {0};

	control.keysize = sizeof(uint32);
	control.entrysize = sizeof(VacuumedGroup);
	control.hcxt = CurrentMemoryContext;
	groups->ix = ix;
	groups->graph = omen_graph_open(ix, 0);
	groups->table = hash_create("omen_hnsw groups", 1024, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	groups->on_page = palloc(ix->layout.node.per_page * sizeof(uint32));
	look_up_all(groups);
	return groups;
}

/* ---------- the pass ---------- */

/*
 * Remember the groups of a pinned page before its nodes are counted.  Those
 * that have come since are not known; then their limit stays as it is.
 */
void
omen_vacuum_meet_groups(OmenVacuumGroups *groups, Buffer buf)
{
	const OmenPlane *plane = &groups->ix->layout.node;
	uint32		count = 0;
	OmenSlotWalk walk;
	OmenSlotHeader *slot;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	omen_slots_begin(&walk, groups->ix, plane, buf);
	while ((slot = omen_next_slot(&walk)) != NULL)
	{
		uint32		id = *omen_slot_group(plane, slot);

		if (count == 0 || groups->on_page[count - 1] != id)
			groups->on_page[count++] = id;
	}
	LockBuffer(buf, BUFFER_LOCK_UNLOCK);
	for (uint32 i = 0; i < count; i++)
	{
		VacuumedGroup *group = find_group(groups, groups->on_page[i]);
		OmenGroupRecord record;

		if (group->is_known || group->nodes > 0 || group->dead.count > 0)
			continue;
		if (!omen_group_read(groups->ix, group->id, &record))
			omen_group_report(groups->ix, group->id);
		group->version = record.version;
	}
}

/*
 * Note the groups of a pinned page of records: one may be met nowhere else, as
 * its insert failed, or as it could not be taken apart when it lost its rows.
 */
void
omen_vacuum_meet_records(OmenVacuumGroups *groups, Buffer buf)
{
	uint32		first = BufferGetBlockNumber(buf) * OMEN_GROUPS_PER_PAGE;
	OmenGroupRecord records[OMEN_GROUPS_PER_PAGE];
	uint32		used;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	used =
		Min(OmenPageGetOpaque(BufferGetPage(buf))->used, OMEN_GROUPS_PER_PAGE);
	for (uint32 i = 0; i < used; i++)
		records[i] = *omen_page_group(BufferGetPage(buf), i);
	LockBuffer(buf, BUFFER_LOCK_UNLOCK);
	for (uint32 i = 0; i < used; i++)
	{
		VacuumedGroup *group;

		if ((records[i].flags & OMEN_GROUP_USED) == 0)
			continue;
		group = find_group(groups, first + i);
		group->is_leaving = (records[i].flags & OMEN_GROUP_LEAVING) != 0;
		group->is_bare = records[i].graph.side_null == OMEN_INVALID_ID &&
						 records[i].graph.side_nan == OMEN_INVALID_ID;
	}
}

/* Count a node of a locked page. */
void
omen_vacuum_note_node(OmenVacuumGroups *groups, const OmenSlotHeader *slot,
					  OmenNodeRef ref)
{
	VacuumedGroup *group =
		find_group(groups, *omen_slot_group(&groups->ix->layout.node, slot));

	group->condemned |= (slot->flags & OMEN_SLOT_CONDEMNED) != 0;
	if (omen_node_has_row(slot))
		group->nodes++;
	else
		omen_node_list_add(&group->dead, ref);
}

/* Count the slots of a locked page that are kept for groups. */
void
omen_vacuum_note_reserved(OmenVacuumGroups *groups, Page page)
{
	const OmenPlane *plane = &groups->ix->layout.node;
	OmenPageOpaque opaque = OmenPageGetOpaque(page);
	uint32		used = Min(opaque->used, plane->per_page);

	for (uint32 i = 0; opaque->owner == 0 && i < used; i++)
	{
		OmenSlotHeader *slot = omen_page_slot(page, plane, i);

		if (slot->flags == OMEN_SLOT_RESERVED)
			find_group(groups, *omen_slot_group(plane, slot))->open++;
	}
}

/* A page of a group's own has so many slots that no list had. */
void
omen_vacuum_note_lost_room(OmenVacuumGroups *groups, uint32 id, uint32 slots)
{
	find_group(groups, id)->open += slots;
}

/* The same of a node that was taken for one with a row, and has none. */
void
omen_vacuum_note_empty(OmenVacuumGroups *groups, OmenNodeRef ref)
{
	const OmenPlane *plane = &groups->ix->layout.node;
	Buffer		buf;
	OmenSlotHeader *slot = omen_visit(groups->ix, plane, ref.id, &buf);
	uint32		id;
	VacuumedGroup *group;

	if (slot == NULL)
		return;
	id = *omen_slot_group(plane, slot);
	UnlockReleaseBuffer(buf);
	group = find_group(groups, id);
	group->nodes -= group->nodes > 0;
	omen_node_list_add(&group->dead, ref);
}

/* A side list of a group has an empty chunk. */
void
omen_vacuum_note_side(OmenVacuumGroups *groups, OmenNodeRef group,
					  OmenSide side)
{
	find_group(groups, group.id)->sides |= side;
}

/* ---------- afterwards ---------- */

/* Take the nodes of a group out that have no row, if there is reason enough. */
static uint64
remove_nodes(OmenGraph *graph, const VacuumedGroup *group)
{
	if (graph->data.mode == OMEN_MODE_CONVERTING)
		return 0;
	if (graph->data.mode == OMEN_MODE_FLAT)
		return omen_free_flat(graph, group->dead.refs, group->dead.count);
	if (!group->condemned &&
		group->dead.count <
			OMEN_REPAIR_SHARE * (group->nodes + group->dead.count))
		return 0;
	return omen_repair(graph, group->dead.refs, group->dead.count,
					   (Size) maintenance_work_mem * 1024);
}

/*
 * Store what was counted.  A page of its own may have been filled when the
 * group was looked up.
 */
static void
store_counts(OmenGraph *graph, const VacuumedGroup *group, uint64 freed)
{
	uint32		per_page = graph->ix->layout.node.per_page;

	/* omen_group_expected_nodes() takes it for two pages' worth */
	omen_vacuum_store_counts(graph, group->nodes, &group->dead, freed,
							 group->limit,
							 per_page + Max(per_page, group->open));
}

/*
 * Take a group apart that has no rows, if nobody is about to give it some. 
 * True if it is gone.
 */
static bool
remove_group(OmenGraph *graph)
{
	OmenIndex  *ix = graph->ix;
	OmenNodeRef ref = {graph->id, graph->version};
	OmenGroupRecord record;
	bool		gone;

	if (!omen_flat_try_lock(graph, ExclusiveLock))
		return false;
	omen_graph_refresh(graph);
	OMEN_PAUSE("group-locked");
	gone = omen_group_take_apart(graph);
	OMEN_PAUSE("group-apart");
	if (gone)
	{
		omen_group_get(ix, ref, &record);
		omen_directory_lock(ix);
		omen_directory_remove(ix, ref, record.hash);
		OMEN_PAUSE("group-removed");
		omen_group_free_key(ix, &record);
		omen_directory_unlock(ix);
	}
	omen_flat_unlock(graph, ExclusiveLock);
	return gone;
}

/* Is it likely that a group has no row left? */
static bool
seems_empty(const VacuumedGroup *group, bool removed)
{
	if (group->is_leaving)
		return true;
	if (group->nodes > 0)
		return false;
	return group->dead.count > 0 || group->sides != 0 ? removed
													  : group->is_bare;
}

static void
finish_group(OmenVacuumGroups *groups, VacuumedGroup *group, bool removed)
{
	OmenGraph  *graph = groups->graph;
	OmenNodeRef ref = {group->id, group->version};
	uint64		freed = 0;

	if (group->dead.count == 0 && group->sides == 0 &&
		!seems_empty(group, removed))
		return;
	if (!group->is_known)
	{
		OmenGroupRecord record;

		if (!omen_group_read(groups->ix, group->id, &record))
			return;
		ref.version = record.version;
	}
	omen_graph_choose(graph, ref);
	if (seems_empty(group, removed) && remove_group(graph))
		return;
	if (!omen_group_is_there(groups->ix, ref))
		return;
	/* a flat list stays one while its members are freed */
	omen_flat_lock(graph, ShareLock);
	omen_graph_refresh(graph);
	if ((group->sides & OMEN_SIDE_NULL) != 0)
		omen_posting_compact_side(graph, OMEN_SIDE_NULL);
	if ((group->sides & OMEN_SIDE_NAN) != 0)
		omen_posting_compact_side(graph, OMEN_SIDE_NAN);
	if (group->dead.count > 0 && (removed || group->condemned))
	{
		qsort(group->dead.refs, group->dead.count, sizeof(OmenNodeRef),
			  omen_vacuum_compare);
		freed = remove_nodes(graph, group);
		if (removed && group->is_known)
			store_counts(graph, group, freed);
	}
	omen_flat_unlock(graph, ShareLock);
}

/* Deal with the groups that were met; some rows were removed, or none. */
void
omen_vacuum_finish_groups(OmenVacuumGroups *groups, bool removed)
{
	HASH_SEQ_STATUS status;
	VacuumedGroup *group;

	hash_seq_init(&status, groups->table);
	while ((group = hash_seq_search(&status)) != NULL)
	{
		finish_group(groups, group, removed);
		omen_vacuum_delay_point();
	}
}
