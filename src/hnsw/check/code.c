/*-------------------------------------------------------------------------
 *
 * code.c
 *	  Codes by themselves: headers that make sense, and codes that agree with
 *	  them.
 *
 * What that means each kind of code knows, see quantize/codec.h.  Whether a
 * code is that of its row is rows.c's question.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "hnsw/check/check.h"

/*
 * Check the epoch and the header of the code of a slot.
 */
void
omen_check_code_header(OmenCheck *check, const OmenSlotHeader *slot,
					   bool is_upper, BlockNumber block, int slotno)
{
	const OmenPlane *plane =
		is_upper ? &check->layout.upper : &check->layout.node;
	bool		has_mean_dot = slot->epoch != 0 &&
						omen_metrics[check->meta.metric].is_product &&
						omen_has_mean(check->meta.storage, check->meta.metric);
	const char *flaw =
		omen_header_flaw(check->meta.storage, check->meta.metric,
						 omen_slot_code_header(plane, slot), has_mean_dot);
	/* searches skip what is linked with a code of another epoch */
	bool		must_be_current = is_upper || omen_check_is_linked(slot->flags);

	if (slot->epoch != check->graph_data.epoch &&
		(must_be_current || slot->epoch != 0))
		omen_check_report(check, "code", block, slotno,
						  "code is of epoch %u, in an index of epoch %u",
						  slot->epoch, check->graph_data.epoch);
	if (flaw != NULL)
		omen_check_report(check, "code", block, slotno, "%s", flaw);
}

/*
 * Check the bytes of the code of a slot against its header.
 */
void
omen_check_code(OmenCheck *check, const OmenSlotHeader *slot, const void *code,
				BlockNumber block, int slotno)
{
	char		flaw[200];

	if (omen_code_flaw(check->meta.storage, check->meta.dims,
					   omen_slot_code_header(&check->layout.node, slot), code,
					   flaw, sizeof(flaw)))
		omen_check_report(check, "code", block, slotno, "%s", flaw);
}

/*
 * A hash of what an upper slot must have in common with its node: the code, if
 * it lies in the slot, and its header but for the error bound, which a row that
 * is attached to the node raises there alone.
 */
uint32
omen_check_hash_code(const OmenCheck *check, const OmenPlane *plane,
					 const OmenSlotHeader *slot)
{
	OmenCodeHeader header = *omen_slot_code_header(plane, slot);
	uint32		hash;

	header.error = 0;
	hash = hash_bytes((const unsigned char *) &header, sizeof(header));
	if (!check->layout.out_of_line)
		hash = hash_combine(hash, hash_bytes(omen_slot_code(plane, slot),
											 check->layout.code_bytes));
	return hash;
}
