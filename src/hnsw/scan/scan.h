/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  What an index scan keeps, shared by scan.c, which finds candidates, and
 *	  rerank.c, which makes rows in order of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_SCAN_H
#define OMEN_SCAN_H

#include "postgres.h"

#include "access/detoast.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "hnsw/scan/filtered.h"
#include "hnsw/hnsw.h"
#include "heap/heap.h"
#include "heap/toast.h"
#include "nodes/execnodes.h"

/* A candidate that waits for its true distance. */
typedef struct OmenPendingNode
{
	double		bound;			/* lower bound of the operator's result */
	OmenNodeRef node;
	ItemPointerData tid;		/* of the only row, or invalid */
	ItemPointerData version;	/* of that row, once it was looked up */
	bool		is_refined;		/* the bound is as good as it gets */
	bool		was_looked_up;	/* ahead of its turn, whatever was found */
	bool		is_gone;		/* the row is not visible, or NULL */
	bool		is_located;		/* `pointer` is known */
	char		pointer[TOAST_POINTER_SIZE];	/* to the row's value */
} OmenPendingNode;

/* A row that waits for its turn. */
typedef struct OmenPendingRow
{
	double		distance;		/* the operator's result */
	ItemPointerData tid;		/* what the index has */
	ItemPointerData version;	/* the tuple that the snapshot sees */
	Oid			toast_relid;	/* where its vector lies, or InvalidOid */
	Oid			toast_valueid;
} OmenPendingRow;

typedef enum OmenScanPhase
{
	OMEN_SCAN_START,
	OMEN_SCAN_GRAPH,			/* results of a search of the graph */
	OMEN_SCAN_CLOSING,			/* everything that the search did not meet */
	OMEN_SCAN_SIDE_NAN,
	OMEN_SCAN_SIDE_NULL,
	OMEN_SCAN_EXACT,			/* all rows have been looked at */
	OMEN_SCAN_DONE
} OmenScanPhase;

typedef struct OmenScanState
{
	OmenIndex  *ix;
	const OmenOpclass *opclass;
	OmenKeys   *keys;			/* columns, or NULL */
	OmenSearch *search;
	OmenScanPhase phase;

	uint32		ef;				/* of the search to begin with */

	/* the query */
	Datum		query;			/* detoasted, in query_context */
	bool		no_distance; /* NULL or without direction: any order will do */
	OmenKeyTests *key_tests;	/* what is asked of filter keys, or NULL */
	const float *query_floats;
	OmenCodeHeader header;
	uint8	   *code;
	float	   *rest;			/* what the code leaves out of the query */
	OmenQueryRest about_rest;
	OmenCodeHeader origin_header;	/* the same for codes of epoch 0 */
	uint8	   *origin_code;
	bool		has_origin;

	/* what was found */
	OmenPendingNode *nodes;		/* min-heap by bound */
	uint32		nnodes;
	uint32		nodes_room;
	OmenPendingRow *rows;		/* min-heap by distance */
	uint32		nrows;
	uint32		rows_room;
	OmenTidList tids;			/* of one node, or of a side list */
	OmenTidList nans;			/* rows whose distance is not a number */
	OmenTidList nulls;			/* rows without a value, of an exact pass */
	uint32		next_tid;		/* of a side list */
	BlockNumber next_block;		/* of a pass without order */
	double		last_distance;	/* of the row that went out last */
	OmenCounters earlier;		/* what scans before a rescan took */

	/* of a filtered scan, else NULL and unused; see filtered.c */
	const OmenFilter *filter;
	OmenPendingRow *held;		/* nearest first: what goes out next */
	uint32		nheld;
	uint32		next_held;
	uint32		held_room;
	bool		is_settled;		/* what was wanted has been found */
	bool		is_beyond;		/* what is pending is outside the radius */
	uint64		tested;			/* nodes whose rows were looked up */
	bool		is_cut;			/* the last search ended before its time */
	OmenTidList sent;			/* versions of the rows that went out */
	OmenPendingRow cut;			/* rows from here on were left out */
	bool		has_cut;

	/* getting at rows */
	IndexFetchTableData *fetch;
	BlockNumber heap_blocks;	/* blocks of the table known to exist */
	OmenToastReader *toast;
	bool		is_toasted;		/* the value read last was */
	TupleTableSlot *slot;
	IndexInfo  *index_info;		/* for an index on an expression */
	EState	   *estate;
	FmgrInfo	distance;		/* the operator's function */

	MemoryContext context;		/* lives as long as the scan */
	MemoryContextCallback at_end;	/* when it goes away */
	MemoryContext query_context;	/* reset by each rescan */
	MemoryContext row_context;	/* reset for each row */
} OmenScanState;


/* scan.c */
extern void omen_scan_prepare(IndexScanDesc scan);
extern void omen_scan_start(IndexScanDesc scan);
extern bool omen_scan_search_on(OmenScanState *state);
extern void omen_scan_encode_query(IndexScanDesc scan);
extern void omen_scan_encode_origin(OmenScanState *state);
extern OmenPendingNode omen_scan_pending(uint32 id, const OmenSlotHeader *slot);
extern bool omen_scan_bound(OmenScanState *state, uint32 id,
							OmenSlotHeader *slot, bool is_certain,
							double *bound);
extern void omen_scan_side_list(OmenScanState *state, OmenSide side,
								OmenScanPhase phase);

/* pass.c */
extern bool omen_scan_all_pages(IndexScanDesc scan, Size memory);
extern bool omen_scan_close(IndexScanDesc scan, Size memory);

/* filtered.c */
extern void omen_filtered_reset(OmenScanState *state);
extern void omen_filtered_start(OmenScanState *state);
extern bool omen_filtered_is_spent(const OmenScanState *state);
extern uint32 omen_filtered_next_ef(const OmenScanState *state);
extern bool omen_filtered_is_beyond(OmenScanState *state);

/* rerank.c */

/* What became of a row that was looked up. */
typedef enum OmenFetched
{
	OMEN_ROW_GONE,				/* not visible, or filtered out */
	OMEN_ROW_NULL,				/* has no value */
	OMEN_ROW_FOUND
} OmenFetched;

extern void *omen_scan_room(OmenScanState *state, void *array, uint32 *room,
							uint32 count, Size item);
extern void omen_rerank_prepare(IndexScanDesc scan);
extern bool omen_rerank_may_be_row(IndexScanDesc scan, ItemPointer tid);
extern void omen_rerank_check_tid(IndexScanDesc scan, ItemPointer tid);
extern void omen_rerank_add(OmenScanState *state, OmenPendingNode item);
extern void omen_rerank_add_row(OmenScanState *state, OmenPendingRow row);
extern bool omen_rerank_take(IndexScanDesc scan, OmenPendingRow *row);
extern void omen_rerank_send(IndexScanDesc scan, const OmenPendingRow *row);
extern OmenFetched omen_rerank_fetch(IndexScanDesc scan, ItemPointer tid,
									 OmenPendingRow *row);
extern OmenFetched omen_rerank_measure(IndexScanDesc scan, TupleTableSlot *slot,
									   OmenPendingRow *row);
extern void omen_forget_distance(void *arg);

#endif							/* OMEN_SCAN_H */
