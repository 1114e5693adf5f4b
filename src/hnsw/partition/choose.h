/*-------------------------------------------------------------------------
 *
 * choose.h
 *	  Which candidates of a point become edges, for the steps that prune and
 *	  write.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_CHOOSE_H
#define OMEN_CHOOSE_H

#include "hnsw/partition/partition.h"

typedef struct OmenChooser OmenChooser;

extern OmenChooser *omen_chooser_create(OmenBuild *build, OmenPoints *points);
extern uint32 omen_sort_near(OmenNear *near, uint32 count);
extern bool omen_is_clear(OmenChooser *chooser, uint32 position,
						  const OmenNear *near, uint32 count);
extern uint32 omen_measure_near(OmenChooser *chooser, uint32 position,
								OmenNear *near, uint32 count);
extern uint32 omen_choose(OmenChooser *chooser, uint32 position, bool is_narrow,
						  OmenNear *near, uint32 count, uint32 most,
						  uint32 least);

#endif							/* OMEN_CHOOSE_H */
