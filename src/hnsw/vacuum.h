/*-------------------------------------------------------------------------
 *
 * vacuum.h
 *	  What VACUUM of an index and of its groups share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_VACUUM_H
#define OMEN_VACUUM_H

#include "hnsw/hnsw.h"
#include "hnsw/store/node_list.h"

/* Dead nodes are worth a repair from this share of all nodes on. */
#define OMEN_REPAIR_SHARE 0.03

extern int	omen_vacuum_compare(const void *a, const void *b);

/* vacuum_counts.c */
extern void omen_vacuum_store_counts(OmenGraph *graph, uint64 nodes,
									 const OmenNodeList *dead, uint64 freed,
									 uint64 old_limit, uint32 old_free);

/* vacuum_groups.c */
typedef struct OmenVacuumGroups OmenVacuumGroups;

extern OmenVacuumGroups *omen_vacuum_groups(OmenIndex *ix);
extern void omen_vacuum_meet_groups(OmenVacuumGroups *groups, Buffer buf);
extern void omen_vacuum_meet_records(OmenVacuumGroups *groups, Buffer buf);
extern void omen_vacuum_note_node(OmenVacuumGroups *groups,
								  const OmenSlotHeader *slot, OmenNodeRef ref);
extern void omen_vacuum_note_reserved(OmenVacuumGroups *groups, Page page);
extern void omen_vacuum_note_lost_room(OmenVacuumGroups *groups, uint32 id,
									   uint32 slots);
extern void omen_vacuum_note_empty(OmenVacuumGroups *groups, OmenNodeRef ref);
extern void omen_vacuum_note_side(OmenVacuumGroups *groups, OmenNodeRef group,
								  OmenSide side);
extern void omen_vacuum_finish_groups(OmenVacuumGroups *groups, bool removed);

#endif							/* OMEN_VACUUM_H */
