/*-------------------------------------------------------------------------
 *
 * vacuum_counts.c
 *	  What VACUUM leaves in a graph's data: how many nodes there are.
 *
 * The counts are those of the pass over all pages.  node_limit bounds the nodes
 * that have a row now, and those that rows can come to before it is raised
 * again.  So it is the sum of
 *
 *	- the nodes that had a row when the pass went by;
 *	- those that had none and were not freed: a row may come to any of them;
 *	- if some were freed, of all that had none those that have one by now:
 *	  VACUUM puts each page on which it frees slots first on its list, and that
 *	  raises no limit;
 *	- the free slots of the page that was being filled when VACUUM began, and
 *	  if it freed some, of the one that is being filled now.  Of a group a
 *	  page's worth at most, and those that were kept for it on shared pages;
 *	- those of pages that a crash had left on no list, and VACUUM put on one;
 *	- what others have added to the limit meanwhile, for pages that were new,
 *	  or came first when the one before was full.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/vacuum.h"

/* How many nodes, or such as have their slots now, have a row? */
static uint64
count_with_row(OmenIndex *ix, const OmenNodeList *nodes)
{
	uint64		count = 0;

	for (uint32 i = 0; i < nodes->count; i++)
	{
		Buffer		buf;
		OmenSlotHeader *slot =
			omen_visit(ix, &ix->layout.node, nodes->refs[i].id, &buf);

		if (slot != NULL)
		{
			count += omen_node_has_row(slot);
			UnlockReleaseBuffer(buf);
		}
		omen_vacuum_delay_point();
	}
	return count;
}

/*
 * Store what was counted: nodes with a row, and those without, of which so many
 * have been freed.  old_limit is node_limit as it was before the first was
 * counted, and old_free how many slots nodes could come to then.
 */
void
omen_vacuum_store_counts(OmenGraph *graph, uint64 nodes,
						 const OmenNodeList *dead, uint64 freed,
						 uint64 old_limit, uint32 old_free)
{
	uint64		limit = nodes + (dead->count - freed) + old_free;
	OmenGraphChange change;
	OmenGraphData *data;

	/* in this order, so that who comes in between is counted twice at most */
	if (freed > 0)
	{
		limit += omen_graph_free_slots(graph);
		limit += count_with_row(graph->ix, dead);
	}
	data = omen_graph_change_begin(graph, &change);
	data->node_limit = limit + (data->node_limit - old_limit);
	data->vacuum_nodes = nodes;
	data->vacuum_dead = dead->count - freed;
	omen_graph_change_commit(&change);
}
