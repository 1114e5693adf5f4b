/*-------------------------------------------------------------------------
 *
 * group_size.c
 *	  How many nodes the groups have that a query asks for, read while it is
 *	  planned.
 *
 * Whether the user may be told is for the caller to know.
 *
 * Planning must neither fail nor wait for this.  Only pages are locked, share;
 * what is evaluated has been, by the planner's own estimates.  Whatever goes
 * wrong all the same, since pages are damaged or "=" of somebody's operator
 * class fails, ends a subtransaction, and the size is not known.  Interrupts
 * wait until that has ended: within one a standby would answer a conflict by
 * ending the session.
 *
 * What was read is kept until the query is planned.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "hnsw/group_cost.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "pause.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

/* ---------- what is asked for ---------- */

/*
 * The longest array that values are compared with one by one.  Elements.
 * guess: there may be many values, too, and nobody can interrupt it.
 */
#define MAX_COMPARED 100

/*
 * Scan keys for clauses whose values are known by now; NULL if one is not, or
 * if finding out what they ask for may take long.
 */
static ScanKey
known_keys(PlannerInfo *root, Relation index, const OmenGroupClauses *told)
{
	int			count = list_length(told->clauses);
	ScanKey		keys = palloc0(count * sizeof(ScanKeyData));

	for (int i = 0; i < count; i++)
	{
		Expr	   *value = omen_clause_key(index, list_nth(told->clauses, i),
									  list_nth_int(told->columns, i), &keys[i]);
		Const	   *known;

		if (value == NULL)
			continue;
		known = (Const *) estimate_expression_value(root, (Node *) value);
		if (!IsA(known, Const))
			return NULL;
		omen_key_set_value(&keys[i], known->constvalue, known->constisnull);
		if (omen_prefix_key_is_long(index, &keys[i], MAX_COMPARED))
			return NULL;
	}
	return keys;
}

/* ---------- reading ---------- */

static bool
is_among(const OmenNodeRef *groups, uint32 count, uint32 id)
{
	for (uint32 i = 0; i < count; i++)
	{
		if (groups[i].id == id)
			return true;
	}
	return false;
}

/* Look up what is asked for, each group once. */
static void
look_up(OmenIndex *ix, OmenPrefix *prefix, const OmenPrefixValues *asked,
		OmenGroupSizes *sizes)
{
	OmenNodeRef groups[OMEN_MAX_GROUPS_PRICED];
	OmenPrefixKey key;
	OmenGroupRecord record;

	sizes->asked = asked->combinations;
	sizes->looked_up = Min(asked->combinations, OMEN_MAX_GROUPS_PRICED);
	for (uint32 i = 0; i < sizes->looked_up; i++)
	{
		OmenNodeRef *group = &groups[sizes->count];

		if (!omen_prefix_combine(prefix, asked, i, &key) ||
			!omen_group_find(ix, prefix, &key, group) ||
			is_among(groups, sizes->count, group->id) ||
			!omen_group_read(ix, group->id, &record))
			continue;
		sizes->nodes[sizes->count++] =
			omen_group_expected_nodes(ix, &record.graph);
	}
}

/* False if it is not known which groups are asked for. */
static bool
read_sizes(Relation index, ScanKey keys, int count, OmenGroupSizes *sizes)
{
	OmenIndex  *ix = omen_index_look(index);
	OmenPrefix *prefix = omen_prefix_open(index);
	OmenPrefixValues asked = {0};

	if (prefix == NULL || ix->meta.leading != prefix->count)
		return false;
	switch (omen_prefix_asked(prefix, keys, count, &asked))
	{
		case OMEN_PREFIX_SOME:
			look_up(ix, prefix, &asked, sizes);
			return true;
		case OMEN_PREFIX_NONE:
			return true;
		default:
			return false;
	}
}

/* The same; false if that fails. */
static bool
try_to_read_sizes(Relation index, ScanKey keys, int count,
				  OmenGroupSizes *sizes)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool is_read = false;

	BeginInternalSubTransaction(NULL);
	HOLD_INTERRUPTS();
	OMEN_PASS_BY(true);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		is_read = read_sizes(index, keys, count, sizes);
		RESUME_INTERRUPTS();
	}
	PG_CATCH();
	{
		/* the error has ended that interrupts are held */
		MemoryContextSwitchTo(context);
		FlushErrorState();
		is_read = false;
	}
	PG_END_TRY();
	/* committing it would begin another command, in the middle of one maybe */
	RollbackAndReleaseCurrentSubTransaction();
	OMEN_PASS_BY(false);
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return is_read;
}

/*
 * What the index knows of the groups that clauses ask for.  False if a value is
 * not known yet, or anything is odd.
 */
static bool
ask_index(PlannerInfo *root, Oid indexoid, const OmenGroupClauses *told,
		  OmenGroupSizes *sizes)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "omen group sizes",
							  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Relation	index = index_open(indexoid, NoLock);
	ScanKey		keys = known_keys(root, index, told);
	bool		is_read = false;

	if (keys != NULL)
		is_read =
			try_to_read_sizes(index, keys, list_length(told->clauses), sizes);
	index_close(index, NoLock);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return is_read;
}

/* ---------- what has been read ---------- */

/*
 * How many of what was read last are looked through.  Entries.  guess: the
 * indexes of one table are priced one after the other
 */
#define KEPT_TO_LOOK_AT 8

/*
 * What an index said while a query is planned, kept with that query's planner:
 * an index is priced for each of its paths, and a look takes as long as all the
 * rest of that.
 */
typedef struct KeptSizes
{
	dlist_node	place;
	MemoryContextCallback forget;
	const PlannerInfo *root;
	Oid			index;
	OmenGroupClauses told;		/* without infos */
	bool		is_read;
	OmenGroupSizes sizes;
} KeptSizes;

/* The newest first. */
static dlist_head kept_sizes = DLIST_STATIC_INIT(kept_sizes);

static void
forget_kept(void *arg)
{
	dlist_delete(&((KeptSizes *) arg)->place);
}

static const KeptSizes *
find_kept(const PlannerInfo *root, Oid index, const OmenGroupClauses *told)
{
	int			left = KEPT_TO_LOOK_AT;
	dlist_iter	iter;

	dlist_foreach(iter, &kept_sizes)
	{
		const KeptSizes *kept = dlist_container(KeptSizes, place, iter.cur);

		if (kept->root == root && kept->index == index &&
			equal(kept->told.columns, told->columns) &&
			equal(kept->told.clauses, told->clauses))
			return kept;
		if (--left == 0)
			break;
	}
	return NULL;
}

/* Ask the index, and keep what it says. */
static const KeptSizes *
read_and_keep(PlannerInfo *root, Oid index, const OmenGroupClauses *told)
{
	MemoryContext old = MemoryContextSwitchTo(root->planner_cxt);
	KeptSizes  *kept = palloc0(sizeof(KeptSizes));

	kept->root = root;
	kept->index = index;
	kept->told.clauses = copyObject(told->clauses);
	kept->told.columns = list_copy(told->columns);
	kept->sizes.nodes = palloc(OMEN_MAX_GROUPS_PRICED * sizeof(double));
	kept->is_read = ask_index(root, index, told, &kept->sizes);
	kept->forget.func = forget_kept;
	kept->forget.arg = kept;
	dlist_push_head(&kept_sizes, &kept->place);
	MemoryContextRegisterResetCallback(root->planner_cxt, &kept->forget);
	MemoryContextSwitchTo(old);
	return kept;
}

/*
 * Find out how large the groups are that clauses ask for.  False if it is not
 * known.
 */
bool
omen_group_sizes_read(PlannerInfo *root, Oid index,
					  const OmenGroupClauses *told, OmenGroupSizes *sizes)
{
	const KeptSizes *kept;

	memset(sizes, 0, sizeof(OmenGroupSizes));
	/* there is no subtransaction then */
	if (IsInParallelMode())
		return false;
	kept = find_kept(root, index, told);
	if (kept == NULL)
		kept = read_and_keep(root, index, told);
	if (kept->is_read)
		*sizes = kept->sizes;
	return kept->is_read;
}
