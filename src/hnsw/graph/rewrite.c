/*-------------------------------------------------------------------------
 *
 * rewrite.c
 *	  Writing the edges that repair has chosen, the slots of a page at a time.
 *
 * Which edges a slot should have is not decided here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/graph/repair.h"
#include "pause.h"

/* Make the target of an edge a candidate.  False if it has gone. */
bool
omen_repair_candidate(OmenRepair *repair, const OmenOwnCode *own, uint32 id,
					  uint8 tag, OmenCandidate *candidate)
{
	if (!omen_edge_candidate(repair->graph, repair->plane, id, tag, candidate))
		return false;
	candidate->distance =
		omen_link_distance(repair->ix->quantizer, repair->graph->data.radius,
						   &own->header, own->code, &candidate->header,
						   candidate->code);
	return true;
}

/*
 * Write the edges of slots of one page that nobody has changed meanwhile, in
 * one record.
 */
void
omen_rewrite(OmenRepair *repair, OmenRewrite *slots, uint32 count)
{
	const OmenPlane *plane = repair->plane;
	OmenSlotChange change;
	bool		any = false;

	if (count == 0)
		return;
	OMEN_PAUSE("repair-edges");
	(void) omen_slot_change_begin(&change, repair->ix, plane, slots[0].ref.id);
	for (uint32 i = 0; i < count; i++)
	{
		OmenSlotHeader *slot =
			omen_page_slot(change.page, plane,
						   omen_id_slot(plane, slots[i].ref.id));

		slots[i].is_written =
			omen_edges_put(plane, slot, &slots[i].old, &slots[i].edges);
		any |= slots[i].is_written;
	}
	if (any)
		omen_slot_change_commit(&change);
	else
		omen_slot_change_abort(&change);
}
