/*-------------------------------------------------------------------------
 *
 * code.h
 *	  Reading the code of a slot, wherever it lies.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_CODE_H
#define OMEN_CODE_H

#include "hnsw/store/store.h"

extern const void *omen_gathered_code(OmenIndex *ix, const OmenPlane *plane,
									  uint32 id, const OmenSlotHeader *slot);
extern bool omen_copy_code(OmenIndex *ix, const OmenPlane *plane, uint32 id,
						   OmenSlotHeader *slot, void *code);
extern bool omen_load_code(OmenIndex *ix, const OmenPlane *plane, uint32 id,
						   uint16 version, OmenCodeHeader *header, void *code);
extern bool omen_has_code(OmenIndex *ix, const OmenPlane *plane, uint32 id,
						  OmenSlotHeader *slot, const OmenCodeHeader *header,
						  const void *code);

/*
 * The code of a slot whose page is locked or which was peeked at, where it
 * lies, or NULL if its payload is gone.  A code out of line is gathered in
 * ix->code_space, until the next call.  Inline since searches ask on each
 * visit.
 */
static inline const void *
omen_readable_code(OmenIndex *ix, const OmenPlane *plane, uint32 id,
				   OmenSlotHeader *slot)
{
	if (likely(!ix->layout.out_of_line))
		return omen_slot_code(plane, slot);
	return omen_gathered_code(ix, plane, id, slot);
}

/* Are two codes the same, bit for bit?  Their error bounds may differ. */
static inline bool
omen_is_same_code(const OmenLayout *layout, const OmenCodeHeader *header,
				  const void *code, const OmenCodeHeader *other,
				  const void *other_code)
{
	return memcmp(header, other, offsetof(OmenCodeHeader, error)) == 0 &&
		   memcmp(code, other_code, layout->code_bytes) == 0;
}

#endif							/* OMEN_CODE_H */
