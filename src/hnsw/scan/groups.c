/*-------------------------------------------------------------------------
 *
 * groups.c
 *	  Which groups of an index a scan is of, and which of them is in use.
 *
 * Each is searched, or looked at to the last, as an index without groups would
 * be; what is found of all of them waits together, and so comes out in one
 * order.  If it is not known which groups are asked for, all of the index is
 * looked at, as if it were one group; and an index without groups is one.
 *
 * Searches of groups are one search in all but the graph: they are for the same
 * query, under the same filter, and one goes on counting where another has
 * stopped.
 *
 * Changes the scan's graph and search, and its part `groups`.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "array.h"
#include "hnsw/scan/filtered.h"
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

/*
 * Look up the groups of the values asked for, in order of ids.  False if it may
 * be any.
 */
static bool
find_groups(OmenScanState *state, const OmenPrefixValues *asked,
			OmenNodeRef **found, uint32 *count)
{
	OmenNodeRef *groups = palloc(asked->combinations * sizeof(OmenNodeRef));
	OmenPrefixKey key;
	uint32		nfound = 0;

	for (uint32 i = 0; i < asked->combinations; i++)
	{
		if (!omen_prefix_combine(state->prefix, asked, i, &key))
		{
			/* no row has such a value, but maybe an equal one of fewer bytes */
			if (!omen_prefix_is_exact(state->prefix))
				return false;
		}
		else if (omen_group_find(state->ix, state->prefix, &key,
								 &groups[nfound]))
			nfound++;
	}
	if (nfound > 0)
		qsort(groups, nfound, sizeof(OmenNodeRef), compare_groups);
	*count = 0;
	for (uint32 i = 0; i < nfound; i++)
	{
		if (i == 0 || groups[i].id != groups[i - 1].id)
			groups[(*count)++] = groups[i];
	}
	*found = groups;
	return true;
}

/*
 * The scan is of these groups; if it may be any, or there are none in this
 * index, of all of it.
 */
static void
set_groups(OmenScanState *state, const OmenNodeRef *refs, uint32 count)
{
	OmenScanGroups *groups = &state->groups;
	uint32		room = Max(count, 1);
	OmenGraph  *graphs = palloc0(room * sizeof(OmenGraph));

	groups->count = count;
	groups->are_known = true;
	groups->all = palloc0(room * sizeof(OmenScanGroup));
	state->pending.groups = palloc0(room * sizeof(OmenPendingGroup));
	for (uint32 i = 0; i < room; i++)
	{
		groups->all[i].graph = groups->is_any ? groups->index : &graphs[i];
		groups->all[i].search = groups->shared;
		if (groups->is_any || count == 0)
			continue;
		graphs[i].ix = state->ix;
		omen_graph_choose(&graphs[i], refs[i]);
	}
	if (count > 0)
		omen_scan_turn_to(state, 0);
}

/*
 * Find the groups that are asked for, and turn to the first.  How what the scan
 * keys ask is joined is said by steps; NULL: all must hold.
 */
void
omen_scan_choose_groups(IndexScanDesc scan, const struct OmenKeyStep *steps)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);
	OmenPrefixAsked said = OMEN_PREFIX_ANY;
	OmenPrefixValues asked = {0};
	OmenNodeRef *found = NULL;
	uint32		count = 0;

	if (state->prefix)
	{
		omen_index_refresh(state->ix);
		said = omen_prefix_asked(state->prefix, scan->keyData,
								 count_certain(scan, steps), &asked);
	}
	if (said == OMEN_PREFIX_SOME && !find_groups(state, &asked, &found, &count))
		said = OMEN_PREFIX_ANY;
	state->groups.is_any = said == OMEN_PREFIX_ANY;
	set_groups(state, found, state->groups.is_any ? 1 : count);
	MemoryContextSwitchTo(old);
	OMEN_PAUSE("groups-found");
}

/*
 * Read the data of all groups anew, and the quantizer, which is never older
 * than they.
 */
void
omen_scan_refresh_groups(OmenScanState *state)
{
	OmenScanGroups *groups = &state->groups;

	if (groups->count == 1)
	{
		omen_graph_refresh(state->graph);
		return;
	}
	for (uint32 i = 0; i < groups->count; i++)
		omen_graph_read(groups->all[i].graph, &groups->all[i].graph->data);
	omen_index_refresh(state->ix);
}

/* Have another group in use, of those asked for. */
void
omen_scan_turn_to(OmenScanState *state, uint32 which)
{
	OmenScanGroup *group = &state->groups.all[which];

	if (group->search != state->search)
		omen_search_take_over(group->search, state->search);
	state->groups.current = which;
	state->graph = group->graph;
	state->search = group->search;
	state->search->graph = group->graph;
}

/*
 * The same with the next one.  False, and the first is in use, if there is
 * none.
 */
bool
omen_scan_next_group(OmenScanState *state)
{
	uint32		next = state->groups.current + 1;

	if (next >= state->groups.count)
		next = 0;
	omen_scan_turn_to(state, next);
	return next > 0;
}

/*
 * Give the group in use a search of its own.  One group alone has the one that
 * others share that are not searched.
 */
void
omen_scan_own_search(OmenScanState *state)
{
	OmenScanGroups *groups = &state->groups;
	MemoryContext old;

	if (groups->count == 1)
		return;
	if (groups->nsearches == groups->searches_made)
	{
		old = MemoryContextSwitchTo(state->context);
		OMEN_GROW(state->context, groups->searches, groups->searches_room,
				  groups->searches_made + 1);
		groups->searches[groups->searches_made++] =
			omen_search_create(state->graph);
		MemoryContextSwitchTo(old);
	}
	groups->all[groups->current].search = groups->searches[groups->nsearches++];
	omen_scan_turn_to(state, groups->current);
}

/* Have all groups, none of which is searched any more, share one search. */
void
omen_scan_share_search(OmenScanState *state)
{
	OmenScanGroups *groups = &state->groups;

	for (uint32 i = 0; i < groups->count; i++)
	{
		groups->all[i].search = groups->shared;
		groups->all[i].is_whole = false;
		groups->all[i].is_cut = false;
	}
	groups->nsearches = 0;
	omen_scan_turn_to(state, 0);
}

/* Forget the groups, before another query. */
void
omen_scan_forget_groups(OmenScanState *state)
{
	OmenScanGroups *groups = &state->groups;

	if (state->search != groups->shared)
		omen_search_take_over(groups->shared, state->search);
	state->graph = groups->index;
	state->search = groups->shared;
	state->search->graph = state->graph;
	state->pending.groups = NULL;
	groups->all = NULL;
	groups->count = 0;
	groups->current = 0;
	groups->nsearches = 0;
	groups->are_known = false;
	groups->is_any = false;
}

/* Have all nodes of all groups been looked at? */
bool
omen_scan_is_whole(const OmenScanState *state)
{
	const OmenScanGroups *groups = &state->groups;

	for (uint32 i = 0; i < groups->count; i++)
	{
		if (!groups->all[i].is_whole)
			return false;
	}
	return true;
}

/*
 * After amrescan, and before omen_filtered_begin(): how many groups are asked
 * for, and how many nodes they have, give or take some.  False if the index has
 * no groups, or it may be any.
 */
bool
omen_filtered_groups(IndexScanDesc scan, const struct OmenKeyStep *steps,
					 uint32 *count, double *nodes)
{
	OmenScanState *state = scan->opaque;
	const OmenScanGroups *groups = &state->groups;

	*count = 0;
	*nodes = 0;
	if (state->prefix == NULL)
		return false;
	omen_scan_choose_groups(scan, steps);
	omen_scan_refresh_groups(state);
	*count = groups->count;
	for (uint32 i = 0; i < groups->count; i++)
		*nodes +=
			omen_group_expected_nodes(state->ix, &groups->all[i].graph->data);
	return !groups->is_any;
}
