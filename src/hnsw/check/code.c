/*-------------------------------------------------------------------------
 *
 * code.c
 *	  Codes by themselves: headers that make sense, and sums that are those of
 *	  the bytes.
 *
 * Whether a code is that of its row is rows.c's question.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "hnsw/check/check.h"

/* NULL if the header of a code may be so. */
static const char *
find_header_flaw(const OmenCheck *check, const OmenCodeHeader *header,
				 bool has_mean_dot)
{
	/* infinite where the arithmetic ends: nothing is concluded from the code */
	if (isnan(header->error) || header->error < 0)
		return "error bound of the code is no bound";
	/* a product may be beyond float32 with long vectors and a long mean */
	if (isnan(header->mean_dot))
		return "inner product with the mean is no number";
	if (header->mean_dot != 0 && !has_mean_dot)
		return "inner product with the mean, where there is none";
	if (check->meta.storage == OMEN_STORAGE_FULL)
	{
		/* the norm's bound, for inner product, may be beyond float32 */
		if (isnan(header->offset) || header->offset < 0 ||
			(check->meta.metric != OMEN_METRIC_IP && header->offset != 0))
			return "bound of the norm makes no sense";
		if (header->step != 0 || header->sum != 0 || header->sumsq != 0)
			return "header has fields that codes of floats do not have";
		return NULL;
	}
	if (!isfinite(header->offset))
		return "offset of the code is not finite";
	if (!isfinite(header->step) || header->step < 0)
		return "step of the code makes no sense";
	return NULL;
}

/*
 * Check the epoch and the header of the code of a slot.
 */
void
omen_check_code_header(OmenCheck *check, const OmenSlotHeader *slot,
					   bool is_upper, BlockNumber block, int slotno)
{
	bool		has_mean_dot =
		slot->epoch != 0 && check->meta.metric == OMEN_METRIC_IP &&
		omen_is_rotated(check->meta.storage, check->meta.metric);
	const char *flaw =
		find_header_flaw(check, omen_slot_code_header(slot), has_mean_dot);
	/* searches skip what is linked with a code of another epoch */
	bool		must_be_current = is_upper || omen_check_is_linked(slot->flags);

	if (slot->epoch != check->meta.graph.epoch &&
		(must_be_current || slot->epoch != 0))
		omen_check_report(check, "code", block, slotno,
						  "code is of epoch %u, in an index of epoch %u",
						  slot->epoch, check->meta.graph.epoch);
	if (flaw != NULL)
		omen_check_report(check, "code", block, slotno, "%s", flaw);
}

static void
check_bytes(OmenCheck *check, const OmenCodeHeader *header, const uint8 *code,
			BlockNumber block, int slotno)
{
	bool		is_packed = check->meta.storage == OMEN_STORAGE_SQ4;
	uint32 bytes = omen_storage_bytes(check->meta.storage, check->meta.dims);
	uint32		sum = 0;
	uint32		sumsq = 0;

	for (uint32 i = 0; i < bytes; i++)
	{
		uint32		high = is_packed ? code[i] >> 4 : 0;
		uint32		low = is_packed ? code[i] & 15 : code[i];

		sum += low + high;
		sumsq += low * low + high * high;
	}
	if (sum != header->sum || sumsq != header->sumsq)
		omen_check_report(
			check, "code", block, slotno,
			"sums of the code are %u and %u, but its header says %u and %u",
			sum, sumsq, header->sum, header->sumsq);
}

static void
check_floats(OmenCheck *check, const float *code, BlockNumber block, int slotno)
{
	for (uint32 i = 0; i < check->meta.dims; i++)
	{
		if (!isfinite(code[i]))
		{
			omen_check_report(check, "code", block, slotno,
							  "coordinate %u of the code is not finite", i);
			return;
		}
	}
}

/*
 * Check the bytes of the code of a slot against its header.
 */
void
omen_check_code(OmenCheck *check, const OmenSlotHeader *slot, const void *code,
				BlockNumber block, int slotno)
{
	if (check->meta.storage == OMEN_STORAGE_FULL)
		check_floats(check, code, block, slotno);
	else
		check_bytes(check, omen_slot_code_header(slot), code, block, slotno);
}

/*
 * A hash of what an upper slot must have in common with its node: the code, if
 * it lies in the slot, and its header but for the error bound, which a row that
 * is attached to the node raises there alone.
 */
uint32
omen_check_hash_code(const OmenCheck *check, const OmenSlotHeader *slot)
{
	OmenCodeHeader header = *omen_slot_code_header(slot);
	uint32		hash;

	header.error = 0;
	hash = hash_bytes((const unsigned char *) &header, sizeof(header));
	if (!check->layout.out_of_line)
		hash =
			hash_combine(hash, hash_bytes(omen_slot_code(&check->layout, slot),
										  check->layout.code_bytes));
	return hash;
}
