/*-------------------------------------------------------------------------
 *
 * edge_code.h
 *	  Edges packed into the bytes of a slot: increasing numbers, of which a few
 *	  have a byte beside them.
 *
 * Neither pages nor PostgreSQL are known here, but for its names of integers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_EDGE_CODE_H
#define OMEN_EDGE_CODE_H

#include "postgres.h"

/* The most edges that are packed together. */
#define OMEN_MAX_PACKED 200

/* An edge to be packed: its id, and in the lowest 8 bits its tag. */
typedef uint64 OmenPackedEdge;

extern void omen_pack_sort(const uint32 *ids, const uint8 *tags, uint32 count,
						   OmenPackedEdge *sorted);
extern uint32 omen_pack_bytes(const OmenPackedEdge *sorted, uint32 count);
extern void omen_pack(const OmenPackedEdge *sorted, uint32 count, uint8 *bytes);
extern bool omen_unpack(const uint8 *bytes, uint32 room, uint32 count,
						uint32 *ids, uint8 *tags);
extern uint32 omen_pack_room(uint32 count);
extern uint32 omen_pack_most(uint32 count);

#endif							/* OMEN_EDGE_CODE_H */
