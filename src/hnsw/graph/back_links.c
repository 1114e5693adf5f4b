/*-------------------------------------------------------------------------
 *
 * back_links.c
 *	  Edges back to slots that neighbors were searched for.
 *
 * They are not made one by one, but gathered, and made for all slots of a page
 * together: to find out what has changed on a page, for WAL, takes longer than
 * to choose an edge.  Until then condemned slots still lead where they did.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "array.h"
#include "compat.h"
#include "hnsw/graph/repair.h"
#include "hnsw/store/code.h"
#include "utils/memutils.h"

/* Times that a compare-and-set is tried on one slot. */
#define MAX_TRIES 10

/* An edge to be made: from a neighbor to the slot that it was found for. */
typedef struct OmenBackLink
{
	OmenNodeRef from;
	OmenNodeRef to;
	float		distance;
} OmenBackLink;

/* By the slot that the edge is from, nearest first. */
static int
compare_links(const void *a, const void *b)
{
	const OmenBackLink *x = a;
	const OmenBackLink *y = b;

	if (x->from.id != y->from.id)
		return x->from.id < y->from.id ? -1 : 1;
	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->to.id < y->to.id ? -1 : (x->to.id > y->to.id ? 1 : 0);
}

/* An edge to `to` from a neighbor that was found for it. */
void
omen_back_links_add(OmenRepair *repair, OmenNodeRef to,
					const OmenCandidate *from)
{
	OmenBackLink *link;

	OMEN_GROW(repair->context, repair->back_links, repair->back_links_room,
			  repair->nback_links + 1);
	link = &repair->back_links[repair->nback_links++];
	link->from.id = from->id;
	link->from.version = from->version;
	link->to = to;
	link->distance = from->distance;
}

/*
 * Choose among the edges of a full slot and those to be added, as when one is
 * added: down to three quarters of its capacity.
 */
static void
prune(OmenRepair *repair, OmenRewrite *slot, const OmenBackLink *links,
	  uint32 count)
{
	const OmenPlane *plane = repair->plane;
	OmenCandidate *candidates =
		palloc((plane->capacity + count) * sizeof(OmenCandidate));
	OmenOwnCode own = {slot->ref};
	uint32		ncandidates = 0;

	own.code = palloc(repair->ix->layout.code_bytes);
	if (!omen_load_code(repair->ix, plane, slot->ref.id, slot->ref.version,
						&own.header, own.code))
		return;
	for (int i = 0; i < slot->edges.degree; i++)
	{
		OmenCandidate *c = &candidates[ncandidates];

		if (omen_repair_candidate(repair, &own, slot->edges.ids[i],
								  slot->edges.tags[i], c))
		{
			c->keep = c->parent;
			ncandidates++;
		}
	}
	for (uint32 i = 0; i < count; i++)
	{
		OmenNodeRef to = links[i].to;

		if (omen_edges_find(&slot->edges, to.id, to.version) < 0 &&
			(i == 0 || to.id != links[i - 1].to.id))
			ncandidates += omen_repair_candidate(repair, &own, to.id,
												 OmenVersionTag(to.version),
												 &candidates[ncandidates]);
	}
	qsort(candidates, ncandidates, sizeof(OmenCandidate),
		  omen_candidate_compare);
	(void) omen_select_neighbors(repair->graph, plane, candidates, ncandidates,
								 omen_most_when_pruned(plane));
	omen_edges_chosen(plane, candidates, ncandidates, &slot->edges);
}

/*
 * Find out what the edges of a slot shall be with those to be added.  False if
 * it has gone, or has them.
 */
static bool
plan_links(OmenRepair *repair, OmenRewrite *slot, const OmenBackLink *links,
		   uint32 count)
{
	slot->ref = links[0].from;
	if (!omen_edges_read(repair->graph, repair->plane, slot->ref, &slot->old))
		return false;
	slot->edges = slot->old;
	for (uint32 i = 0; i < count; i++)
	{
		OmenNodeRef to = links[i].to;

		if (omen_edges_find(&slot->edges, to.id, to.version) >= 0)
			continue;
		if (slot->edges.degree == repair->plane->capacity)
		{
			prune(repair, slot, &links[i], count - i);
			return true;
		}
		omen_edges_append(&slot->edges, to.id, OmenVersionTag(to.version));
	}
	return slot->edges.degree > slot->old.degree;
}

/* How many of the edges are from the first one's slot. */
static uint32
count_of_slot(const OmenBackLink *links, uint32 count)
{
	uint32		same = 1;

	while (same < count && links[same].from.id == links[0].from.id)
		same++;
	return same;
}

/* The same by itself for a slot that somebody has changed meanwhile. */
static void
write_again(OmenRepair *repair, OmenRewrite *slot, const OmenBackLink *links,
			uint32 count)
{
	uint32		first = 0;

	while (links[first].from.id != slot->ref.id)
		first++;
	count = count_of_slot(&links[first], count - first);
	for (int try = 0; try < MAX_TRIES && !slot->is_written; try++)
	{
		MemoryContextReset(repair->step_context);
		if (!plan_links(repair, slot, &links[first], count))
			return;
		omen_rewrite(repair, slot, 1);
	}
}

/* Make those that are from slots of the first one's page; returns how many. */
static uint32
write_page(OmenRepair *repair, OmenRewrite *slots, const OmenBackLink *links,
		   uint32 count)
{
	BlockNumber block = omen_id_block(repair->plane, links[0].from.id);
	MemoryContext old = MemoryContextSwitchTo(repair->step_context);
	uint32		planned = 0;
	uint32		done = 0;

	while (done < count &&
		   omen_id_block(repair->plane, links[done].from.id) == block)
	{
		uint32		same = count_of_slot(&links[done], count - done);

		planned += plan_links(repair, &slots[planned], &links[done], same);
		done += same;
		MemoryContextReset(repair->step_context);
	}
	omen_rewrite(repair, slots, planned);
	for (uint32 i = 0; i < planned; i++)
		write_again(repair, &slots[i], links, count);
	MemoryContextReset(repair->step_context);
	MemoryContextSwitchTo(old);
	return done;
}

/*
 * Make the edges that were gathered, if they are at least so many.  Not while
 * something is in use in the context for a step.
 */
void
omen_back_links_write(OmenRepair *repair, uint32 least)
{
	OmenRewrite *slots;
	uint32		done = 0;

	if (repair->nback_links < Max(least, 1))
		return;
	slots =
		palloc_extended(mul_size(repair->plane->per_page, sizeof(OmenRewrite)),
						MCXT_ALLOC_HUGE);
	qsort(repair->back_links, repair->nback_links, sizeof(OmenBackLink),
		  compare_links);
	while (done < repair->nback_links)
	{
		done += write_page(repair, slots, &repair->back_links[done],
						   repair->nback_links - done);
		omen_vacuum_delay_point();
	}
	repair->nback_links = 0;
	pfree(slots);
}
