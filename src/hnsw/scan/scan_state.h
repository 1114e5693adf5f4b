/*-------------------------------------------------------------------------
 *
 * scan_state.h
 *	  What an index scan keeps, in parts by who works with them.
 *
 * Each part names the file that it belongs to.  What only a filtered scan keeps
 * is in filtered_state.h, and nothing here knows of filters.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_SCAN_STATE_H
#define OMEN_SCAN_STATE_H

#include "postgres.h"

#include "access/detoast.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "heap/toast.h"
#include "hnsw/hnsw.h"
#include "nodes/execnodes.h"

/* A candidate that waits for its true distance. */
typedef struct OmenPendingNode
{
	double		bound;			/* lower bound of the operator's result */
	OmenNodeRef node;
	uint32		group;			/* of the scan's */
	ItemPointerData tid;		/* of the only row, or invalid; to prefetch
								 * only while the node is glimpsed */
	ItemPointerData version;	/* of that row, once it was looked up */
	bool		is_glimpsed;	/* the node was not looked at under a lock */
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
	uint32		group;			/* of the scan's */
} OmenPendingRow;

/* Where a scan stands; it goes on from each to a later one. */
typedef enum OmenScanPhase
{
	OMEN_SCAN_START,
	OMEN_SCAN_UNORDERED,		/* without a distance: all pages in turn */
	OMEN_SCAN_GRAPH,			/* results of a search of the graph */
	OMEN_SCAN_FULL,				/* all nodes have been looked at */
	OMEN_SCAN_SIDE_NAN,
	OMEN_SCAN_SIDE_NULL,
	OMEN_SCAN_EXACT,			/* all rows have been looked at */
	OMEN_SCAN_DONE
} OmenScanPhase;

/* The query, and its codes (query.c). */
typedef struct OmenScanQuery
{
	Datum		value;			/* detoasted, in query_context */
	bool		no_distance; /* NULL or without direction: any order will do */
	OmenKeyTests *key_tests;	/* what is asked of filter keys, or NULL */
	OmenQueryHeader header;
	uint8	   *code;
	OmenEncodeSpace space;		/* and what the code leaves out of the query */
	OmenQueryRest about_rest;
	OmenQueryHeader origin_header;	/* the same for codes of epoch 0 */
	uint8	   *origin_code;
	bool		has_origin;
} OmenScanQuery;

/* Getting at rows of the table (fetch.c). */
typedef struct OmenRowFetch
{
	IndexFetchTableData *table;
	BlockNumber heap_blocks;	/* blocks of the table known to exist */
	OmenToastReader *toast;
	bool		is_toasted;		/* the value read last was */
	TupleTableSlot *slot;
	IndexInfo  *index_info;		/* for an index on an expression */
	EState	   *estate;
	FmgrInfo	distance;		/* the operator's function */
	MemoryContext row_context;	/* reset for each row */

	/* does a visible row count?  NULL: yes.  May fail, and wait for anything */
	bool (*passes)(void *arg, TupleTableSlot *slot);
	void	   *pass_arg;
} OmenRowFetch;

/* What was found of one of the scan's groups. */
typedef struct OmenPendingGroup
{
	uint32		waiting;		/* nodes and rows that are pending */
	uint64		tested;			/* nodes whose rows were looked up */
	uint64		found;			/* rows that they had, */
	uint64		passed;			/* those of them that have a place in order, */
	uint64		taken;			/* and those that were taken in order */
} OmenPendingGroup;

/* What was found and waits for its turn (pending.c, rerank.c). */
typedef struct OmenPending
{
	OmenPendingNode *nodes;		/* min-heap by bound */
	uint32		nnodes;
	uint32		nodes_room;
	OmenPendingRow *rows;		/* min-heap by distance */
	uint32		nrows;
	uint32		rows_room;
	OmenTidList nans;			/* rows whose distance is not a number */
	OmenTidList tids;			/* of the node that is being looked up */
	bool		is_post_filtering;	/* rows may fail a test when looked up */
	uint64		tested;			/* nodes whose rows were looked up */
	OmenPendingGroup *groups;	/* one for each of the scan's */
	double		last_distance;	/* of the row that went out last */
} OmenPending;

/* Rows without an order (side.c). */
typedef struct OmenUnordered
{
	OmenTidList tids;			/* of a page of nodes, or of a side list */
	uint32		next;			/* of them to go out */
	OmenGraphPages pages;		/* of nodes, if there is no distance at all */
} OmenUnordered;

/*
 * One of the groups that are asked for, each of which is searched, or looked at
 * to the last; or all of an index without groups, as if it were one.
 */
typedef struct OmenScanGroup
{
	OmenGraph  *graph;
	OmenSearch *search;			/* its own if it is searched */
	bool		is_searched;	/* its search has begun */
	bool		is_whole;		/* all of its nodes were looked at */
	bool		is_cut;			/* its search was allowed no more */
	uint64		visits;			/* of slots, by its search */
} OmenScanGroup;

/* The groups of a scan, and which of them is in use (groups.c). */
typedef struct OmenScanGroups
{
	OmenGraph  *index;			/* all of it */
	OmenSearch *shared;			/* of all groups that have none of their own */
	OmenScanGroup *all;			/* by id; in query_context, as graphs are */
	uint32		count;			/* 0: no row has what is asked for */
	uint32		current;		/* whose graph and search are the scan's */
	bool		are_known;		/* they were looked up for this query */
	bool		is_any;			/* it may be any: `all` is the whole index */
	OmenSearch **searches;		/* one after the other, to be used again */
	uint32		nsearches;		/* in use for this query */
	uint32		searches_made;
	uint32		searches_room;
} OmenScanGroups;

typedef struct OmenScanState
{
	OmenGraph  *graph;			/* of the group in use */
	OmenIndex  *ix;				/* of the graph */
	const OmenOpclass *opclass;
	OmenIndexColumns columns;
	OmenKeys   *keys;			/* of the columns to filter by, or NULL */
	OmenPrefix *prefix;			/* of the leading columns, or NULL */
	OmenSearch *search;			/* of the group in use */
	OmenScanGroups groups;
	OmenEfSearch ef_search;		/* the setting, when the scan began */
	uint32		ef;				/* of the search to begin with */
	OmenScanPhase phase;

	OmenScanQuery query;
	OmenRowFetch fetch;
	OmenPending pending;
	OmenUnordered unordered;
	struct OmenFilteredState *filtered; /* of a filtered scan, else NULL */

	OmenCounters earlier;		/* what scans before a rescan took */
	MemoryContext context;		/* lives as long as the scan */
	MemoryContextCallback at_end;	/* when it goes away */
	MemoryContext query_context;	/* reset by each rescan */
} OmenScanState;

#endif							/* OMEN_SCAN_STATE_H */
