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
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "hnsw/group_cost.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "pause.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

/* ---------- what is asked for ---------- */

/*
 * Scan keys for clauses whose values are known by now; NULL if one is not.
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
	}
	return keys;
}

/* ---------- reading ---------- */

/*
 * How many nodes a group has.  VACUUM has counted them, and what it allows for
 * beside them (vacuum_counts.c) is hardly ever used.  Since then, or without
 * that, it is known how many slots they may fill: of the page that they came to
 * last half, and of those that are kept for a small group half at least.
 */
static double
nodes_of(const OmenIndex *ix, const OmenGroupRecord *record)
{
	double		limit = (double) record->graph.node_limit;
	double		counted = (double) record->graph.vacuum_nodes;
	double		dead = (double) record->graph.vacuum_dead;
	double		per_page = ix->layout.node.per_page;

	if (counted > 0)
		return counted + Max(limit - counted - dead - 2 * per_page, 0);
	return Max(limit - per_page / 2, limit / 2);
}

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
		sizes->nodes[sizes->count++] = nodes_of(ix, &record);
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
 * Read the sizes of the groups that clauses ask for.  False if they are not
 * known: a value is not known yet, or anything is odd.
 */
bool
omen_group_sizes_read(PlannerInfo *root, Oid indexoid,
					  const OmenGroupClauses *told, OmenGroupSizes *sizes)
{
	Relation	index;
	MemoryContext context;
	MemoryContext old;
	ScanKey		keys;
	bool		is_read = false;

	memset(sizes, 0, sizeof(OmenGroupSizes));
	/* there is no subtransaction then */
	if (IsInParallelMode())
		return false;
	sizes->nodes = palloc(OMEN_MAX_GROUPS_PRICED * sizeof(double));
	context = AllocSetContextCreate(CurrentMemoryContext, "omen group sizes",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	index = index_open(indexoid, NoLock);
	keys = known_keys(root, index, told);
	if (keys != NULL)
		is_read =
			try_to_read_sizes(index, keys, list_length(told->clauses), sizes);
	index_close(index, NoLock);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	if (!is_read)
		memset(sizes, 0, sizeof(OmenGroupSizes));
	return is_read;
}
