/*-------------------------------------------------------------------------
 *
 * edges.c
 *	  The edges of a slot: copying them, and writing them back if they are still
 *	  the same.
 *
 * Whoever changes edges reads them under a share lock, computes without any
 * lock what they shall be, and compares and writes under the exclusive lock.
 * Which edges a slot should have is not known here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/graph/graph.h"
#include "hnsw/store/code.h"

/*
 * Copy the edges of a slot out.  False if it has gone or is condemned.
 */
bool
omen_edges_read(OmenGraph *graph, const OmenPlane *plane, OmenNodeRef ref,
				OmenEdges *copy)
{
	Buffer		buf;
	OmenSlotHeader *slot = omen_visit(graph->ix, plane, ref.id, &buf);
	int			degree = -1;
	bool		found;

	if (slot == NULL)
		return false;
	if (slot->version == ref.version &&
		(slot->flags & OMEN_SLOT_CONDEMNED) == 0 &&
		omen_slot_is_of(graph, plane, slot))
		degree = omen_slot_get_edges(plane, slot, copy->ids, copy->tags);
	found = degree >= 0;
	if (found)
	{
		copy->version = slot->version;
		copy->degree = degree;
		copy->has_row =
			plane->kind != OMEN_PAGE_NODE || omen_node_has_row(slot);
		copy->header = *omen_slot_code_header(plane, slot);
	}
	UnlockReleaseBuffer(buf);
	return found;
}

/*
 * Put new edges into a slot of a page that is being changed, if its edges are
 * still those of the copy.  False if they are not.
 */
bool
omen_edges_put(const OmenPlane *plane, OmenSlotHeader *slot,
			   const OmenEdges *old, const OmenEdges *edges)
{
	uint32		ids[OMEN_MAX_CAPACITY];
	uint8		tags[OMEN_MAX_CAPACITY];

	if (slot->version != old->version || (slot->flags & OMEN_SLOT_USED) == 0 ||
		(slot->flags & OMEN_SLOT_CONDEMNED) != 0 ||
		omen_slot_get_edges(plane, slot, ids, tags) != old->degree ||
		memcmp(ids, old->ids, old->degree * sizeof(uint32)) != 0 ||
		memcmp(tags, old->tags, old->degree) != 0)
		return false;
	omen_slot_put_edges(plane, slot, edges->ids, edges->tags, edges->degree);
	return true;
}

/*
 * Write new edges if the slot's are still those of the copy.
 */
bool
omen_edges_replace(OmenGraph *graph, const OmenPlane *plane, OmenNodeRef ref,
				   const OmenEdges *old, const OmenEdges *edges)
{
	OmenSlotChange change;
	OmenSlotHeader *slot =
		omen_slot_change_begin(&change, graph->ix, plane, ref.id);

	if (!omen_edges_put(plane, slot, old, edges))
	{
		omen_slot_change_abort(&change);
		return false;
	}
	omen_slot_change_commit(&change);
	return true;
}

/* Which edge leads to a target; -1 if there is none. */
int
omen_edges_find(const OmenEdges *edges, uint32 id, uint16 version)
{
	for (int i = 0; i < edges->degree; i++)
	{
		if (edges->ids[i] == id &&
			(edges->tags[i] & OMEN_TAG_VERSION) == OmenVersionTag(version))
			return i;
	}
	return -1;
}

void
omen_edges_append(OmenEdges *edges, uint32 id, uint8 tag)
{
	edges->ids[edges->degree] = id;
	edges->tags[edges->degree] = tag;
	edges->degree++;
}

/* May a slot have these edges? */
bool
omen_edges_fit(const OmenPlane *plane, const OmenEdges *edges)
{
	return omen_slot_fits(plane, edges->ids, edges->tags, edges->degree);
}

/* Append one if there is room for it. */
bool
omen_edges_add(const OmenPlane *plane, OmenEdges *edges, uint32 id, uint8 tag)
{
	if (edges->degree >= plane->capacity)
		return false;
	omen_edges_append(edges, id, tag);
	if (omen_edges_fit(plane, edges))
		return true;
	edges->degree--;
	return false;
}

/*
 * Drop edges that are no parent's, the last first, until the others fit.  False
 * if they never do.
 */
bool
omen_edges_trim(const OmenPlane *plane, OmenEdges *edges)
{
	for (int i = edges->degree - 1; i >= 0; i--)
	{
		if (omen_edges_fit(plane, edges))
			return true;
		if ((edges->tags[i] & OMEN_TAG_PARENT) != 0)
			continue;
		edges->degree--;
		memmove(&edges->ids[i], &edges->ids[i + 1],
				(edges->degree - i) * sizeof(uint32));
		memmove(&edges->tags[i], &edges->tags[i + 1], edges->degree - i);
	}
	return omen_edges_fit(plane, edges);
}

/*
 * The candidates that were chosen, as edges, as many as fit; those kept come
 * first.  False if not even those of children do.
 */
bool
omen_edges_chosen(const OmenPlane *plane, const OmenCandidate *candidates,
				  uint32 count, OmenEdges *edges)
{
	edges->degree = 0;
	for (uint32 i = 0; i < count && edges->degree < plane->capacity; i++)
	{
		if (candidates[i].chosen)
			omen_edges_append(edges, candidates[i].id,
							  OmenVersionTag(candidates[i].version) |
								  (candidates[i].parent ? OMEN_TAG_PARENT : 0));
	}
	return omen_edges_trim(plane, edges);
}

/*
 * Does an edge lead to this slot, whose page is locked?  To one that is
 * condemned only with the parent flag: what is below it must not lose its path,
 * and VACUUM finds its parent by that edge.  Never to another group's, whose
 * version looks the same by accident.
 */
static bool
leads_to(const OmenGraph *graph, const OmenPlane *plane,
		 const OmenSlotHeader *slot, uint8 tag)
{
	return omen_slot_is_of(graph, plane, slot) &&
		   OmenVersionTag(slot->version) == (tag & OMEN_TAG_VERSION) &&
		   ((tag & OMEN_TAG_PARENT) != 0 ||
			(slot->flags & OMEN_SLOT_CONDEMNED) == 0);
}

/* The slot that an edge leads to.  False if there is none. */
bool
omen_edge_target(OmenGraph *graph, const OmenPlane *plane, uint32 id, uint8 tag,
				 OmenNodeRef *target)
{
	Buffer		buf;
	OmenSlotHeader *slot = omen_visit(graph->ix, plane, id, &buf);
	bool		valid;

	if (slot == NULL)
		return false;
	target->id = id;
	target->version = slot->version;
	valid = leads_to(graph, plane, slot, tag);
	UnlockReleaseBuffer(buf);
	return valid;
}

/*
 * The same as a candidate for an edge, with its code, in the current memory
 * context; its distance is to come.  False also if the code cannot be read.
 */
bool
omen_edge_candidate(OmenGraph *graph, const OmenPlane *plane, uint32 id,
					uint8 tag, OmenCandidate *candidate)
{
	OmenIndex  *ix = graph->ix;
	uint8	   *code = palloc(ix->layout.code_bytes);
	Buffer		buf;
	OmenSlotHeader *slot = omen_visit(ix, plane, id, &buf);
	bool		valid;

	if (slot == NULL)
	{
		pfree(code);
		return false;
	}
	memset(candidate, 0, sizeof(OmenCandidate));
	candidate->id = id;
	candidate->version = slot->version;
	candidate->parent = (tag & OMEN_TAG_PARENT) != 0;
	candidate->header = *omen_slot_code_header(plane, slot);
	candidate->code = code;
	valid = leads_to(graph, plane, slot, tag) &&
			slot->epoch == ix->quantizer_epoch &&
			omen_copy_code(ix, plane, id, slot, code);
	UnlockReleaseBuffer(buf);
	if (!valid)
		pfree(code);
	return valid;
}
