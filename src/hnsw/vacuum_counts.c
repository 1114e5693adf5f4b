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
 *	- of all that had none, those that have one by now.  VACUUM puts each page
 *	  on which it frees slots first on its list, and that raises no limit;
 *	- a page's worth, for the page that was being filled when VACUUM began;
 *	- another if slots were freed, for the page that is being filled now: it
 *	  may be one of those;
 *	- for a group, another, for slots kept for it on a shared page;
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
 * counted.
 */
void
omen_vacuum_store_counts(OmenGraph *graph, uint64 nodes,
						 const OmenNodeList *dead, uint64 freed,
						 uint64 old_limit)
{
	uint32		pages = 1 + (freed > 0) + omen_graph_is_group(graph);
	uint64		limit = nodes + (dead->count - freed) +
				   count_with_row(graph->ix, dead) +
				   pages * graph->ix->layout.node.per_page;
	OmenGraphChange change;
	OmenGraphData *data = omen_graph_change_begin(graph, &change);

	data->node_limit = limit + (data->node_limit - old_limit);
	data->vacuum_nodes = nodes;
	data->vacuum_dead = dead->count - freed;
	omen_graph_change_commit(&change);
}
