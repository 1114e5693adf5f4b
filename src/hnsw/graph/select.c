/*-------------------------------------------------------------------------
 *
 * select.c
 *	  Which candidates become neighbors.
 *
 * Algorithm 4 of the HNSW paper, without extending the candidates and without
 * keeping pruned ones: a candidate is chosen if it is nearer to the node than
 * to every neighbor chosen before it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/graph/graph.h"

/* Kept ones first, then nearest first; ties by id, for a repeatable build. */
int
omen_candidate_compare(const void *a, const void *b)
{
	const OmenCandidate *x = a;
	const OmenCandidate *y = b;

	if (x->keep != y->keep)
		return x->keep ? -1 : 1;
	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->id < y->id ? -1 : (x->id > y->id ? 1 : 0);
}

/*
 * Copy a slot's code out.  False if the slot has another version by now.
 */
bool
omen_load_code(OmenIndex *ix, const OmenPlane *plane, uint32 id, uint16 version,
			   OmenCodeHeader *header, uint8 *code)
{
	Buffer		buf;
	OmenSlotHeader *slot = omen_visit(ix, plane, id, &buf);
	bool		found = false;

	if (slot == NULL)
		return false;
	if (slot->version == version && slot->epoch == ix->quantizer_epoch)
	{
		*header = *omen_slot_code_header(slot);
		if (!ix->layout.out_of_line)
		{
			memcpy(code, omen_slot_code(&ix->layout, slot),
				   ix->layout.code_bytes);
			found = true;
		}
		else if (plane->kind == OMEN_PAGE_NODE)
			found = omen_payload_read(ix, OMEN_PAGE_PAYLOAD, slot->payload, id,
									  version, code, ix->layout.code_bytes);
		else
			found = omen_payload_read(ix, OMEN_PAGE_PAYLOAD, slot->payload,
									  slot->u.upper.node,
									  slot->u.upper.node_version, code,
									  ix->layout.code_bytes);
	}
	UnlockReleaseBuffer(buf);
	return found;
}

/*
 * Is a candidate no nearer to one that was chosen than to the slot itself?  Nor
 * a copy of it, where both are copies of the slot: one leads to the others.
 */
static bool
is_needed_beside(const OmenIndex *ix, const OmenCandidate *c,
				 const OmenCandidate *chosen)
{
	const OmenQuantizer *quantizer = ix->quantizer;
	float		radius = ix->meta.graph.radius;
	float between = omen_link_distance(quantizer, radius, &c->header, c->code,
									   &chosen->header, chosen->code);

	if (between != c->distance)
		return between > c->distance;
	return between > omen_link_distance(quantizer, radius, &c->header, c->code,
										&c->header, c->code);
}

/*
 * Choose at most `most` of the candidates, which are sorted by
 * omen_candidate_compare(); those with keep set are chosen in any case.
 * Sets chosen in each, and returns how many.
 *
 * Candidates whose code is NULL are loaded as they are looked at, into
 * memory of the current context; one that has gone is not chosen.
 */
uint32
omen_select_neighbors(OmenIndex *ix, const OmenPlane *plane,
					  OmenCandidate *candidates, uint32 count, uint32 most)
{
	uint32		nchosen = 0;
	uint32		nkept = 0;		/* they come first */
	OmenCandidate **chosen = palloc(Max(count, 1) * sizeof(OmenCandidate *));
	uint8	   *spare = NULL;

	for (uint32 i = 0; i < count; i++)
	{
		OmenCandidate *c = &candidates[i];
		bool		loaded = c->code != NULL;

		c->chosen = false;
		if (nchosen >= most && !c->keep)
			continue;
		if (!loaded)
		{
			if (spare == NULL)
				spare = palloc(ix->layout.code_bytes);
			if (!omen_load_code(ix, plane, c->id, c->version, &c->header,
								spare))
				continue;
			c->code = spare;
		}
		c->chosen = true;
		for (uint32 j = nkept; j < nchosen && !c->keep && c->chosen; j++)
			c->chosen = is_needed_beside(ix, c, chosen[j]);
		if (c->chosen)
		{
			nkept += c->keep;
			chosen[nchosen++] = c;
			if (!loaded)
				spare = NULL;	/* the candidate has it now */
		}
		else if (!loaded)
			c->code = NULL;
	}
	pfree(chosen);
	return nchosen;
}
