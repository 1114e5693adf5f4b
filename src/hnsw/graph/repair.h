/*-------------------------------------------------------------------------
 *
 * repair.h
 *	  What the parts of repair share: the slots that are being taken out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_REPAIR_H
#define OMEN_REPAIR_H

#include "hnsw/graph/graph.h"

/* A condemned slot and the edges that it had. */
typedef struct OmenCondemned
{
	OmenNodeRef ref;
	uint16		degree;
	bool		keep;			/* it cannot be freed this time */
	BlockNumber payload;
	uint32	   *ids;
	uint8	   *tags;
} OmenCondemned;

typedef struct OmenRepair
{
	OmenGraph  *graph;
	OmenIndex  *ix;				/* of the graph */
	const OmenPlane *plane;
	OmenCondemned *slots;		/* sorted by id */
	uint64		count;
	uint64	   *bitmap;			/* ids of them, for a quick no */
	uint64		bitmap_bits;
	BlockNumber *upper_pages;	/* met in the pass over all pages */
	uint32		nupper_pages;
	uint32		upper_pages_room;
	OmenSearch *search;			/* for new neighbors */
	struct OmenBackLink *back_links;	/* edges to be made for a page */
	uint32		nback_links;
	uint32		back_links_room;
	MemoryContext context;		/* what lives as long as this */
	uint32		search_ef;
	MemoryContext page_context; /* what the slots of one page take */
	MemoryContext step_context; /* what one slot takes */
} OmenRepair;

/* ---------- condemned.c ---------- */

extern void omen_condemned_allocate(OmenRepair *repair, uint64 count);
extern void omen_condemned_remember(OmenRepair *repair, OmenCondemned *slot,
									OmenSlotHeader *page_slot);
extern void omen_condemned_drop_invalid(OmenRepair *repair);
extern void omen_condemned_ready(OmenRepair *repair);
extern OmenCondemned *omen_condemned_find(const OmenRepair *repair, uint32 id,
										  uint8 tag);
extern OmenCondemned *omen_condemned_leaving(const OmenRepair *repair,
											 uint32 id, uint8 tag);
extern bool omen_condemned_any(const OmenRepair *repair, const uint32 *ids,
							   const uint8 *tags, uint32 degree);
extern void omen_condemned_each_page(OmenRepair *repair,
									 void (*act)(OmenRepair *, uint64, uint64));
extern void omen_condemn_page(OmenRepair *repair, uint64 from, uint64 to);
extern void omen_condemned_free_page(OmenRepair *repair, uint64 from,
									 uint64 to);

/* ---------- adopt.c ---------- */

extern void omen_adopt_descendants(OmenRepair *repair, OmenNodeRef parent,
								   OmenCondemned *child);

/* ---------- rewrite.c ---------- */

/* The code of a slot whose neighbors are being chosen. */
typedef struct OmenOwnCode
{
	OmenNodeRef ref;
	OmenCodeHeader header;
	uint8	   *code;
} OmenOwnCode;

/* A slot, and what its edges shall be. */
typedef struct OmenRewrite
{
	OmenNodeRef ref;
	OmenEdges	old;
	OmenEdges	edges;
	bool		is_written;
} OmenRewrite;

extern bool omen_repair_candidate(OmenRepair *repair, const OmenOwnCode *own,
								  uint32 id, uint8 tag,
								  OmenCandidate *candidate);
extern void omen_rewrite(OmenRepair *repair, OmenRewrite *slots, uint32 count);

/* ---------- back_links.c ---------- */

extern void omen_back_links_add(OmenRepair *repair, OmenNodeRef to,
								const OmenCandidate *from);
extern void omen_back_links_forget(OmenRepair *repair, OmenNodeRef to);
extern void omen_back_links_write(OmenRepair *repair);

/* ---------- rewire.c ---------- */

extern void omen_rewire(OmenRepair *repair, const OmenNodeRef *refs,
						uint32 count);
extern uint32 omen_rewire_ef(const OmenIndex *ix);

#endif							/* OMEN_REPAIR_H */
