/*-------------------------------------------------------------------------
 *
 * groups.c
 *	  Which group a row or a query is of, and the locks that go with groups.
 *
 * Locks are heavyweight ones on tuples of the index that do not exist:
 *
 *	(group's id, 1)	what a group is: a list or a graph.  Each insert into one
 *					holds it, share, from having found the group until its row
 *					is linked; a conversion exclusively, and VACUUM when it
 *					takes an empty one apart, which never wait for it.  (0, 1)
 *					is that of an index without groups.
 *	(0, 2)			what groups there are: who makes a new one holds it
 *					exclusively, from looking again whether there is one until
 *					it is there; and VACUUM while it takes one out.
 *
 * The second is held while "=" of an operator class is called, which may do
 * anything.  No page is locked then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/hnsw.h"
#include "miscadmin.h"
#include "pause.h"
#include "storage/lmgr.h"

/* Times that a group is looked up that has gone in the middle of that. */
#define MAX_LOOKS 100

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

void
omen_directory_lock(OmenIndex *ix)
{
	ItemPointerData tag;

	ItemPointerSet(&tag, 0, 2);
	if (!ix->pages.building)
		LockTuple(ix->pages.rel, &tag, ExclusiveLock);
}

void
omen_directory_unlock(OmenIndex *ix)
{
	ItemPointerData tag;

	ItemPointerSet(&tag, 0, 2);
	if (!ix->pages.building)
		UnlockTuple(ix->pages.rel, &tag, ExclusiveLock);
}

/* ---------- finding a group ---------- */

/*
 * Make the key of a row's group.  An error if it is too long.  May leave memory
 * behind.
 */
void
omen_group_encode(OmenIndex *ix, OmenPrefix *prefix, const Datum *values,
				  const bool *isnull, OmenPrefixKey *key)
{
	if (omen_prefix_encode(prefix, values, isnull, key))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("values of the columns before the vector are too long for "
					"index \"%s\"",
					RelationGetRelationName(ix->pages.rel)),
			 errdetail("They can have %d bytes in all.", OMEN_MAX_GROUP_KEY),
			 errhint("Consider an index with an expression that is shorter in "
					 "their place, such as an MD5 hash.")));
}

/* Has the group of a record the key?  Not if it has gone meanwhile. */
static bool
has_key(OmenIndex *ix, OmenPrefix *prefix, const OmenPrefixKey *key, uint32 id,
		const OmenGroupRecord *record, bool *has_gone)
{
	uint8		bytes[OMEN_MAX_GROUP_KEY];

	*has_gone = !omen_group_key(ix, id, record, bytes);
	if (*has_gone)
		return false;
	if (omen_prefix_is_same(key, record->nulls, bytes, record->key_bytes))
		return true;
	if (omen_prefix_is_exact(prefix))
		return false;
	/* its sum agrees, but NULLs and hash are in no sum */
	if (!omen_prefix_is_sound(prefix, record->hash, record->nulls, bytes,
							  record->key_bytes))
		omen_group_report(ix, id);
	return omen_prefix_is_equal(prefix, key, record->nulls, bytes,
								record->key_bytes);
}

/* What was found of a key. */
typedef enum Found
{
	FOUND_IT,
	FOUND_NONE,
	FOUND_GAP					/* an entry whose group has gone meanwhile */
} Found;

static Found
look_up(OmenIndex *ix, OmenPrefix *prefix, const OmenPrefixKey *key,
		OmenNodeRef *group)
{
	OmenNodeRef *found;
	uint32		count = omen_directory_find(ix, key->hash, &found);
	Found		result = FOUND_NONE;

	for (uint32 i = 0; i < count; i++)
	{
		OmenGroupRecord record;
		bool		has_gone = false;

		*group = found[i];
		if (!omen_group_read(ix, group->id, &record) ||
			record.version != group->version)
		{
			result = FOUND_GAP;
			continue;
		}
		if (record.hash != key->hash || record.graph.mode > OMEN_MODE_GRAPH)
			omen_group_report(ix, group->id);
		OMEN_PAUSE("group-read");
		if ((record.flags & OMEN_GROUP_LEAVING) == 0 &&
			has_key(ix, prefix, key, group->id, &record, &has_gone))
			return FOUND_IT;
		if (has_gone)
			result = FOUND_GAP;
	}
	return result;
}

/*
 * Find the group of a key.  False if there is none.  Goes by what was known of
 * the directory at the last refresh, or later.  May leave memory behind.
 *
 * A group may go between the look at its entry and that at its record, but not
 * again and again.
 */
bool
omen_group_find(OmenIndex *ix, OmenPrefix *prefix, const OmenPrefixKey *key,
				OmenNodeRef *group)
{
	for (int try = 0; try < MAX_LOOKS; try++)
	{
		Found		found = look_up(ix, prefix, key, group);

		if (found != FOUND_GAP)
			return found == FOUND_IT;
		CHECK_FOR_INTERRUPTS();
	}
	omen_group_report(ix, group->id);
}

/* Find the group of a key, or make it. */
OmenNodeRef
omen_group_need(OmenIndex *ix, OmenPrefix *prefix, const OmenPrefixKey *key)
{
	OmenNodeRef group;

	if (omen_group_find(ix, prefix, key, &group))
		return group;
	OMEN_PAUSE("group-missing");
	omen_directory_lock(ix);
	omen_index_refresh(ix);
	if (!omen_group_find(ix, prefix, key, &group))
		group = omen_group_create(ix, key->hash, key->nulls, key->bytes,
								  key->count);
	omen_directory_unlock(ix);
	return group;
}
