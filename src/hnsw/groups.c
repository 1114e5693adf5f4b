/*-------------------------------------------------------------------------
 *
 * groups.c
 *	  Which group a row or a query is of, and the locks that go with groups.
 *
 * Locks are heavyweight ones on tuples of the index that do not exist:
 *
 *	(group's id, 1)	what a group is: a list or a graph.  Each insert into one
 *					holds it, share, from having found the group until its row
 *					is linked; a conversion exclusively, which it never waits
 *					for.  (0, 1) is that of an index without groups.
 *	(0, 2)			what groups there are: who makes a new one holds it
 *					exclusively, from looking again whether there is one until
 *					it is there.
 *
 * The second is held while "=" of an operator class is called, which may do
 * anything.  No page is locked then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/hnsw.h"
#include "pause.h"
#include "storage/lmgr.h"

/* ---------- locks ---------- */

static ItemPointerData
lock_tag(const OmenGraph *graph)
{
	ItemPointerData tag;

	ItemPointerSet(&tag, graph->id, 1);
	return tag;
}

void
omen_flat_lock(const OmenGraph *graph, LOCKMODE mode)
{
	ItemPointerData tag = lock_tag(graph);

	LockTuple(graph->ix->pages.rel, &tag, mode);
}

bool
omen_flat_try_lock(const OmenGraph *graph, LOCKMODE mode)
{
	ItemPointerData tag = lock_tag(graph);

	return omen_conditional_lock_tuple(graph->ix->pages.rel, &tag, mode);
}

void
omen_flat_unlock(const OmenGraph *graph, LOCKMODE mode)
{
	ItemPointerData tag = lock_tag(graph);

	UnlockTuple(graph->ix->pages.rel, &tag, mode);
}

static void
lock_directory(OmenIndex *ix)
{
	ItemPointerData tag;

	ItemPointerSet(&tag, 0, 2);
	if (!ix->pages.building)
		LockTuple(ix->pages.rel, &tag, ExclusiveLock);
}

static void
unlock_directory(OmenIndex *ix)
{
	ItemPointerData tag;

	ItemPointerSet(&tag, 0, 2);
	if (!ix->pages.building)
		UnlockTuple(ix->pages.rel, &tag, ExclusiveLock);
}

/* ---------- finding a group ---------- */

/* Has the group of a record the key? */
static bool
has_key(OmenIndex *ix, OmenPrefix *prefix, const OmenPrefixKey *key,
		const OmenGroupRecord *record)
{
	uint8		bytes[OMEN_MAX_GROUP_KEY];

	omen_group_key(ix, record, bytes);
	return omen_prefix_is_same(key, record->nulls, bytes, record->key_bytes) ||
		   (!omen_prefix_is_exact(prefix) &&
			omen_prefix_is_equal(prefix, key, record->nulls, bytes,
								 record->key_bytes));
}

/*
 * Find the group of a key.  False if there is none.  Goes by what was known of
 * the directory at the last refresh, or later.  May leave memory behind.
 */
bool
omen_group_find(OmenIndex *ix, OmenPrefix *prefix, const OmenPrefixKey *key,
				OmenNodeRef *group)
{
	OmenNodeRef *found;
	uint32		count = omen_directory_find(ix, key->hash, &found);

	for (uint32 i = 0; i < count; i++)
	{
		OmenGroupRecord record;

		omen_group_get(ix, found[i], &record);
		if (record.hash != key->hash)
			omen_group_report(ix, found[i].id);
		if (has_key(ix, prefix, key, &record))
		{
			*group = found[i];
			return true;
		}
	}
	return false;
}

/* Find the group of a key, or make it. */
OmenNodeRef
omen_group_need(OmenIndex *ix, OmenPrefix *prefix, const OmenPrefixKey *key)
{
	OmenNodeRef group;

	if (omen_group_find(ix, prefix, key, &group))
		return group;
	OMEN_PAUSE("group-missing");
	lock_directory(ix);
	omen_index_refresh(ix);
	if (!omen_group_find(ix, prefix, key, &group))
		group = omen_group_create(ix, key->hash, key->nulls, key->bytes,
								  key->count);
	unlock_directory(ix);
	return group;
}
