/*-------------------------------------------------------------------------
 *
 * inspect.h
 *	  What is told to people of a graph.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_INSPECT_H
#define OMEN_INSPECT_H

#include "postgres.h"

#include "hnsw/store/format.h"

extern const char *omen_mode_name(const OmenGraphData *data);
extern int	omen_count_layers(const OmenGraphData *data);

#endif							/* OMEN_INSPECT_H */
