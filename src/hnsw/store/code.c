/*-------------------------------------------------------------------------
 *
 * code.c
 *	  Reading the code of a slot, wherever it lies.
 *
 * A code stands in its slot, or, if a slot with it does not fit a page, in
 * pages of payload that belong to the node.  A slot of an upper layer shares
 * those of its node.
 *
 * What codes mean is quantize/'s business.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/code.h"

const OmenCodeHeader omen_no_code_header = {0};

/* Copy the code of a slot, whose page is locked, out of its payload. */
static bool
gather(OmenIndex *ix, const OmenPlane *plane, uint32 id,
	   const OmenSlotHeader *slot, void *code)
{
	OmenNodeRef node = {id, slot->version};
	OmenPayload payload;

	if (plane->kind == OMEN_PAGE_UPPER)
	{
		node.id = slot->u.upper.node;
		node.version = slot->u.upper.node_version;
	}
	payload = omen_code_payload(&ix->layout, node, slot->payload);
	return omen_payload_read(ix, &payload, code);
}

/* See omen_readable_code(), which calls this if codes lie out of line. */
const void *
omen_gathered_code(OmenIndex *ix, const OmenPlane *plane, uint32 id,
				   const OmenSlotHeader *slot)
{
	return gather(ix, plane, id, slot, ix->code_space) ? ix->code_space : NULL;
}

/*
 * Copy the code of a slot whose page is locked.  False if its payload is gone.
 */
bool
omen_copy_code(OmenIndex *ix, const OmenPlane *plane, uint32 id,
			   OmenSlotHeader *slot, void *code)
{
	if (ix->layout.out_of_line)
		return gather(ix, plane, id, slot, code);
	memcpy(code, omen_slot_code(plane, slot), ix->layout.code_bytes);
	return true;
}

/*
 * Copy a slot's code out.  False if the slot has another version by now, or a
 * code of another quantizer than the index's.
 */
bool
omen_load_code(OmenIndex *ix, const OmenPlane *plane, uint32 id, uint16 version,
			   OmenCodeHeader *header, void *code)
{
	Buffer		buf;
	OmenSlotHeader *slot = omen_visit(ix, plane, id, &buf);
	bool		found;

	if (slot == NULL)
		return false;
	*header = *omen_slot_code_header(plane, slot);
	found = slot->version == version && slot->epoch == ix->quantizer_epoch &&
			omen_copy_code(ix, plane, id, slot, code);
	UnlockReleaseBuffer(buf);
	return found;
}

/*
 * Is this, byte by byte, the code of a slot whose page is locked?
 */
bool
omen_has_code(OmenIndex *ix, const OmenPlane *plane, uint32 id,
			  OmenSlotHeader *slot, const OmenCodeHeader *header,
			  const void *code)
{
	const OmenCodeHeader *own_header = omen_slot_code_header(plane, slot);
	const void *own;

	if (slot->epoch != ix->quantizer_epoch ||
		own_header->offset != header->offset ||
		own_header->step != header->step)
		return false;
	own = omen_readable_code(ix, plane, id, slot);
	return own != NULL && memcmp(own, code, ix->layout.code_bytes) == 0;
}
