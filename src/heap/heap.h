/*-------------------------------------------------------------------------
 *
 * heap.h
 *	  Rows of a table, fetched with fewer waits for memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_HEAP_H
#define OMEN_HEAP_H

#include "postgres.h"

#include "access/relscan.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

extern void omen_heap_expect(IndexFetchTableData *fetch, BlockNumber block);
extern void omen_heap_remember(IndexFetchTableData *fetch, BlockNumber block);
extern void omen_heap_prefetch(Relation rel, const ItemPointerData *tid);
extern void omen_heap_prefetch_row(Relation rel, const ItemPointerData *tid,
								   Size bytes);

#endif							/* OMEN_HEAP_H */
