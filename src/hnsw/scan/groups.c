/*-------------------------------------------------------------------------
 *
 * groups.c
 *	  Which groups of an index a scan is of.
 *
 * One is searched as an index without groups would be.  Of several all nodes
 * are looked at, group by group; if it is not known which, all of the index.
 *
 * Changes the scan's graph, and what its query says of groups.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/scan/scan.h"
#include "pause.h"
#include "utils/memutils.h"

/*
 * How many of the scan keys, from the first on, must hold, however they are
 * joined.
 */
static int
count_certain(IndexScanDesc scan, const struct OmenKeyStep *steps)
{
	int			count = 0;

	if (steps == NULL)
		return scan->numberOfKeys;
	while (count < scan->numberOfKeys &&
		   steps[count].if_fails == OMEN_KEYS_FAIL &&
		   (steps[count].if_holds == (uint32) count + 1 ||
			(steps[count].if_holds == OMEN_KEYS_PASS &&
			 count + 1 == scan->numberOfKeys)))
		count++;
	return count;
}

static int
compare_groups(const void *a, const void *b)
{
	const OmenNodeRef *x = a;
	const OmenNodeRef *y = b;

	return x->id < y->id ? -1 : (x->id > y->id ? 1 : 0);
}

/* Look up the groups of the values asked for.  False if it may be any. */
static bool
find_groups(OmenScanState *state, const OmenPrefixValues *asked)
{
	OmenScanQuery *query = &state->query;
	OmenPrefixKey key;
	uint32		found = 0;

	query->groups = palloc(asked->combinations * sizeof(OmenNodeRef));
	for (uint32 i = 0; i < asked->combinations; i++)
	{
		if (!omen_prefix_combine(state->prefix, asked, i, &key))
		{
			/* no row has such a value, but maybe an equal one of fewer bytes */
			if (!omen_prefix_is_exact(state->prefix))
				return false;
		}
		else if (omen_group_find(state->ix, state->prefix, &key,
								 &query->groups[found]))
			found++;
	}
	if (found > 0)
		qsort(query->groups, found, sizeof(OmenNodeRef), compare_groups);
	for (uint32 i = 0; i < found; i++)
	{
		if (i == 0 || query->groups[i].id != query->groups[i - 1].id)
			query->groups[query->ngroups++] = query->groups[i];
	}
	return true;
}

/*
 * In an index of groups, find those that are asked for, and turn to the first;
 * to all of them if that may be any.
 */
void
omen_scan_choose_groups(IndexScanDesc scan, const struct OmenKeyStep *steps)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);
	OmenNodeRef all = {0, 0};
	OmenPrefixValues asked = {0};

	state->query.ngroups = 0;
	omen_index_refresh(state->ix);
	switch (omen_prefix_asked(state->prefix, scan->keyData,
							  count_certain(scan, steps), &asked))
	{
		case OMEN_PREFIX_ANY:
			state->query.is_any_group = true;
			break;
		case OMEN_PREFIX_NONE:
			state->query.is_any_group = false;
			break;
		case OMEN_PREFIX_SOME:
			state->query.is_any_group = !find_groups(state, &asked);
			break;
	}
	if (state->query.is_any_group)
		state->query.ngroups = 0;
	omen_graph_choose(state->graph,
					  state->query.ngroups > 0 ? state->query.groups[0] : all);
	MemoryContextSwitchTo(old);
	OMEN_PAUSE("groups-found");
}

/* Are there no rows with what is asked for? */
bool
omen_scan_has_no_group(const OmenScanState *state)
{
	return !state->query.is_any_group && state->query.ngroups == 0;
}

/*
 * Turn to the group that comes after the one in use.  False, and the first is
 * in use again, if that was the last.
 */
bool
omen_scan_next_group(OmenScanState *state)
{
	const OmenScanQuery *query = &state->query;
	uint32		next = 0;

	if (query->ngroups < 2)
		return false;
	while (query->groups[next].id != state->graph->id)
		next++;
	next = (next + 1) % query->ngroups;
	omen_graph_choose(state->graph, query->groups[next]);
	omen_graph_refresh(state->graph);
	return next > 0;
}
