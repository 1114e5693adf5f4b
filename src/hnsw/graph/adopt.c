/*-------------------------------------------------------------------------
 *
 * adopt.c
 *	  New parents for the nodes below one that is being taken out.
 *
 * Whoever has a condemned child adopts the living nodes that parent edges lead
 * to from there through condemned ones.  Which slots are condemned, and what
 * becomes of other edges, is not decided here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/graph/repair.h"
#include "hnsw/store/node_list.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * The nearest descendants of a condemned node that stay, along parent edges
 * through condemned nodes only; these nodes are returned in *through, and their
 * number.  Goes by a list, not by recursion: chains may be long.  (The
 * condemned nodes among them are a tree, so each is met once; the bound guards
 * against a damaged one.)
 */
static uint64
living_descendants(OmenRepair *repair, OmenCondemned *start,
				   OmenNodeList *children, OmenCondemned ***through)
{
	uint64		room = 64;
	OmenCondemned **queue = palloc(room * sizeof(OmenCondemned *));
	uint64		head = 0;
	uint64		tail = 0;

	queue[tail++] = start;
	while (head < tail && head <= repair->count)
	{
		const OmenCondemned *c = queue[head++];

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < c->degree; i++)
		{
			OmenCondemned *next;
			OmenNodeRef child;

			if ((c->tags[i] & OMEN_TAG_PARENT) == 0)
				continue;
			next = omen_condemned_find(repair, c->ids[i], c->tags[i]);
			if (next == NULL)
			{
				if (omen_edge_target(repair->graph, repair->plane, c->ids[i],
									 c->tags[i], &child))
					omen_node_list_add(children, child);
				continue;
			}
			if (tail == room)
			{
				room *= 2;
				queue = repalloc_huge(queue,
									  mul_size(room, sizeof(OmenCondemned *)));
			}
			queue[tail++] = next;
		}
	}
	*through = queue;
	return tail;
}

/*
 * Let a node adopt the living descendants of a condemned child.  If that fails
 * for one of them, none of the condemned nodes in between is freed.
 */
void
omen_adopt_descendants(OmenRepair *repair, OmenNodeRef parent,
					   OmenCondemned *child)
{
	OmenNodeList children = {0};
	OmenCondemned **through;
	uint64		nthrough;
	bool		failed = false;

	nthrough = living_descendants(repair, child, &children, &through);
	for (uint32 i = 0; i < children.count; i++)
	{
		if (children.refs[i].id != parent.id &&
			!omen_link_adopt(repair->graph, parent, children.refs[i], 0))
			failed = true;
	}
	for (uint64 i = 0; failed && i < nthrough; i++)
		through[i]->keep = true;
}
