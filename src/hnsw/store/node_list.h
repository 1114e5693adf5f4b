/*-------------------------------------------------------------------------
 *
 * node_list.h
 *	  A list of nodes that grows.
 *
 * Begins as zeros.  What it holds lives in the memory context that is current
 * when it first grows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_NODE_LIST_H
#define OMEN_NODE_LIST_H

#include "postgres.h"

#include "array.h"
#include "hnsw/store/store.h"

typedef struct OmenNodeList
{
	OmenNodeRef *refs;
	uint32		count;
	uint32		room;
} OmenNodeList;

static inline void
omen_node_list_add(OmenNodeList *list, OmenNodeRef ref)
{
	OMEN_GROW(CurrentMemoryContext, list->refs, list->room, list->count + 1);
	list->refs[list->count++] = ref;
}

#endif							/* OMEN_NODE_LIST_H */
