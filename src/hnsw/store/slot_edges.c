/*-------------------------------------------------------------------------
 *
 * slot_edges.c
 *	  The edges of a slot, as they stand on its page.
 *
 * They are a set: they come out in the order of their ids, whatever order they
 * were put in.  An index of an older format has them as two arrays, ids and
 * tags, which keep their order; its slots have room for as many edges as a slot
 * may have.  Packed ones (edge_code.c) have room for so many bytes, and the
 * more slots an index has, the fewer edges these are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/edge_code.h"
#include "hnsw/store/store.h"

StaticAssertDecl(OMEN_MAX_PACKED >= OMEN_MAX_CAPACITY,
				 "a slot may have more edges than can be packed");

/*
 * Copy the edges of a slot out; ids and tags have room for as many as a slot
 * may have.  Returns how many there are, or -1 if what stands there are no
 * edges.  The slot's page is locked, or was peeked at: then its bytes may be
 * any.
 */
int
omen_slot_get_edges(const OmenPlane *plane, const OmenSlotHeader *slot,
					uint32 *ids, uint8 *tags)
{
	uint32		degree = *(const volatile uint16 *) &slot->degree;
	const uint8 *bytes = (const uint8 *) slot + plane->edges_offset;

	if (degree > plane->capacity)
		return -1;
	if (plane->is_packed)
		return omen_unpack(bytes, plane->edge_bytes, degree, ids, tags)
				   ? (int) degree
				   : -1;
	memcpy(ids, bytes, degree * sizeof(uint32));
	memcpy(tags, bytes + plane->capacity * sizeof(uint32), degree);
	return degree;
}

/* Do edges fit a slot? */
bool
omen_slot_fits(const OmenPlane *plane, const uint32 *ids, const uint8 *tags,
			   uint32 count)
{
	OmenPackedEdge sorted[OMEN_MAX_CAPACITY];

	if (count > plane->capacity)
		return false;
	if (!plane->is_packed)
		return true;
	omen_pack_sort(ids, tags, count, sorted);
	return omen_pack_bytes(sorted, count) <= plane->edge_bytes;
}

/*
 * Put as many of some edges as fit, the first of them, into a slot of a page
 * that is being changed.  A byte of the room is left for each, but no more than
 * so many.
 */
void
omen_slot_put_first(const OmenPlane *plane, OmenSlotHeader *slot,
					const uint32 *ids, const uint8 *tags, uint32 count,
					uint32 spare)
{
	OmenPackedEdge sorted[OMEN_MAX_CAPACITY];

	Assert(count <= plane->capacity);
	if (!plane->is_packed)
	{
		omen_slot_put_edges(plane, slot, ids, tags, count);
		return;
	}
	for (;; count--)
	{
		omen_pack_sort(ids, tags, count, sorted);
		if (omen_pack_bytes(sorted, count) + Min(spare, count) <=
			plane->edge_bytes)
			break;
	}
	omen_pack(sorted, count, (uint8 *) slot + plane->edges_offset);
	slot->degree = count;
}

/* Put edges that fit into a slot of a page that is being changed. */
void
omen_slot_put_edges(const OmenPlane *plane, OmenSlotHeader *slot,
					const uint32 *ids, const uint8 *tags, uint32 count)
{
	OmenPackedEdge sorted[OMEN_MAX_CAPACITY];
	uint8	   *bytes = (uint8 *) slot + plane->edges_offset;

	Assert(omen_slot_fits(plane, ids, tags, count));
	if (plane->is_packed)
	{
		omen_pack_sort(ids, tags, count, sorted);
		if (omen_pack_bytes(sorted, count) > plane->edge_bytes)
			elog(ERROR, "%u edges do not fit a slot", count);
		omen_pack(sorted, count, bytes);
	}
	else
	{
		memcpy(bytes, ids, count * sizeof(uint32));
		memcpy(bytes + plane->capacity * sizeof(uint32), tags, count);
	}
	slot->degree = count;
}
