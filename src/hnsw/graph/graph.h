/*-------------------------------------------------------------------------
 *
 * graph.h
 *	  The graph: searching it, choosing neighbors, linking and repairing.
 *
 * Above the store (pages and slots), below the access method's callbacks.
 * Nothing here knows SQL types, heap rows or scans.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_GRAPH_H
#define OMEN_GRAPH_H

#include "postgres.h"

#include "hnsw/keys/keys.h"
#include "hnsw/store/store.h"
#include "quantize/codec.h"
#include "tuning.h"

/* ---------- search.c ---------- */

/* A slot that a search has met. */
typedef struct OmenSeen
{
	float		distance;		/* omen_query_distance() to the target */
	uint32		id;
	uint16		version;
	uint16		flags;			/* OMEN_SEEN_* */
} OmenSeen;

#define OMEN_SEEN_RESULT 0x01	/* may be among the results */
#define OMEN_SEEN_EXPANDED 0x02 /* its neighbors have been looked at */
#define OMEN_SEEN_TAKEN 0x04	/* the caller has taken it as a result */
#define OMEN_SEEN_LINKING 0x08	/* was not linked when met */
#define OMEN_SEEN_FILTERED 0x10 /* has a row, which the filter keeps out */

/* An entry of the heaps: a distance, and where the slot is in seen[]. */
typedef struct OmenHeapItem
{
	float		distance;
	uint32		seen;
} OmenHeapItem;

typedef struct OmenCounters
{
	uint64		hops;			/* nodes whose neighbors were looked at */
	uint64		visits;			/* slots visited */
	uint64		distances;		/* distances computed */
	uint64		reranked;		/* rows fetched for their true distance */
	uint64		late;			/* rows dropped, found after a farther one */
} OmenCounters;

/*
 * A search of one plane (layer 0, or one upper layer) for what is nearest to a
 * target.  Memory hangs in the context current at omen_search_create() and is
 * reused from one search to the next.
 */
typedef struct OmenSearch
{
	OmenGraph  *graph;
	OmenIndex  *ix;				/* of the graph */
	const OmenPlane *plane;
	const OmenQueryHeader *query;	/* the target is a query, or if NULL a */
	const OmenCodeHeader *header;	/* node that neighbors are looked for */
	const void *code;			/* of either */
	OmenQueryDistance distance; /* of a query's code and a node's */
	const OmenRowKeys *link_keys;	/* of the new node's row */
	uint32		ef;				/* how many results are kept */

	OmenSeen   *seen;			/* all slots met, in the order met */
	uint32		nseen;
	uint32		seen_room;
	OmenHeapItem *frontier;		/* min-heap: met, near, not expanded */
	uint32		nfrontier;
	uint32		frontier_room;
	OmenHeapItem *nearest;		/* max-heap: the ef nearest results */
	uint32		nnearest;
	uint32		nearest_room;

	uint32	   *visited;		/* open-addressing set of ids, 0 = empty */
	uint32		visited_mask;
	uint32		visited_shift;	/* bits of a hash that do not count */
	uint32		visited_room;	/* entries allocated */
	uint32		nvisited;

	bool		may_peek;		/* at slots without pins; see search.c */

	/*
	 * Of layer 0: may a node whose only row has this TID be a result?  NULL:
	 * every node with a row may.  Called with a page locked, so it must not
	 * fail, allocate or wait.
	 */
	bool (*may_pass)(void *arg, ItemPointer tid);
	void	   *pass_arg;
	const OmenKeyTests *key_tests;	/* or NULL; of layer 0, of its keys */
	uint64		most_visits;	/* the search stops at so many */

	OmenCounters counters;
	MemoryContext context;
} OmenSearch;

/* Has a search done all that it may? */
static inline bool
omen_search_is_spent(const OmenSearch *search)
{
	return search->counters.visits >= search->most_visits;
}

extern OmenSearch *omen_search_create(OmenGraph *graph);
extern void omen_search_for_query(OmenSearch *search,
								  const OmenQueryHeader *query,
								  const void *code);
extern void omen_search_for_link(OmenSearch *search,
								 const OmenCodeHeader *header,
								 const void *code);
extern void omen_search_take_over(OmenSearch *search, const OmenSearch *from);
extern void omen_search_start(OmenSearch *search, const OmenPlane *plane,
							  uint32 ef);
extern bool omen_search_seed(OmenSearch *search, OmenNodeRef ref);
extern void omen_search_run(OmenSearch *search);
extern void omen_search_grow(OmenSearch *search, uint32 ef);
extern void omen_search_end(OmenSearch *search);
extern bool omen_search_mark(OmenSearch *search, uint32 id);
extern bool omen_search_may_pass(const OmenSearch *search,
								 OmenSlotHeader *slot);
extern int	omen_heap_item_compare(const void *a, const void *b);

/* ---------- upper.c ---------- */

/* Where the search of a layer is to begin. */
typedef struct OmenStarts
{
	uint32		count;
	OmenNodeRef refs[OMEN_PRODUCT_STARTS];
} OmenStarts;

extern bool omen_descend(OmenSearch *search, uint32 layer, OmenStarts *starts);
extern void omen_below(OmenSearch *search, uint32 most, OmenStarts *starts);
extern bool omen_seed_all(OmenSearch *search, const OmenStarts *starts);
extern OmenNodeRef omen_graph_root(const OmenGraph *graph);
extern uint32 omen_choose_level(const OmenIndex *ix, ItemPointer tid);

/* ---------- select.c ---------- */

/* A slot that may become a neighbor of another. */
typedef struct OmenCandidate
{
	float		distance;		/* to the slot whose neighbor it may become */
	uint32		id;
	uint16		version;
	bool		linked;			/* it was linked, so it may be a parent */
	bool		parent;			/* the edge to it has the parent flag */
	bool		keep;			/* chosen whatever the heuristic says */
	bool		chosen;
	OmenCodeHeader header;
	uint8	   *code;			/* NULL until loaded */
} OmenCandidate;

extern uint32 omen_select_neighbors(OmenGraph *graph, const OmenPlane *plane,
									OmenCandidate *candidates, uint32 count,
									uint32 most);
extern int	omen_candidate_compare(const void *a, const void *b);

/* ---------- edges.c ---------- */

/* The edges of a slot as they were when somebody looked. */
typedef struct OmenEdges
{
	uint16		version;
	uint16		degree;
	bool		has_row;		/* of layer 0: it stands for a row */
	OmenCodeHeader header;
	uint32		ids[OMEN_MAX_CAPACITY];
	uint8		tags[OMEN_MAX_CAPACITY];
} OmenEdges;

extern bool omen_edges_read(OmenGraph *graph, const OmenPlane *plane,
							OmenNodeRef ref, OmenEdges *edges);
extern bool omen_edges_replace(OmenGraph *graph, const OmenPlane *plane,
							   OmenNodeRef ref, const OmenEdges *old,
							   const OmenEdges *edges);
extern bool omen_edges_put(const OmenPlane *plane, OmenSlotHeader *slot,
						   const OmenEdges *old, const OmenEdges *edges);
extern int	omen_edges_find(const OmenEdges *edges, uint32 id, uint16 version);
extern bool omen_edges_fit(const OmenPlane *plane, const OmenEdges *edges);
extern void omen_edges_append(OmenEdges *edges, uint32 id, uint8 tag);
extern bool omen_edges_add(const OmenPlane *plane, OmenEdges *edges, uint32 id,
						   uint8 tag);
extern bool omen_edges_trim(const OmenPlane *plane, OmenEdges *edges);
extern bool omen_edges_chosen(const OmenPlane *plane,
							  const OmenCandidate *candidates, uint32 count,
							  OmenEdges *edges);
extern bool omen_edge_target(OmenGraph *graph, const OmenPlane *plane,
							 uint32 id, uint8 tag, OmenNodeRef *target);
extern bool omen_edge_candidate(OmenGraph *graph, const OmenPlane *plane,
								uint32 id, uint8 tag, OmenCandidate *candidate);

/* ---------- equal_node.c ---------- */

/*
 * Nodes of one code, for rows of different filter keys, before rows share one.
 * Each more would make the others harder to get past; a node that is shared
 * has no keys.
 */
#define OMEN_MAX_EQUAL 4

extern bool omen_equal_among(const OmenSearch *search,
							 const OmenCandidate *candidates, uint32 count,
							 OmenNodeRef *equal);
extern uint32 omen_code_note(const OmenLayout *layout, const void *code);
extern void omen_note_code(const OmenIndex *ix, OmenSlotHeader *slot,
						   const void *code);
extern bool omen_equal_in_list(OmenGraph *graph, const OmenCodeHeader *header,
							   const void *code, const OmenRowKeys *keys,
							   OmenNodeRef *equal);

/* ---------- link.c ---------- */

/* The neighbors that a new node is to have. */
typedef struct OmenLinkPlan
{
	uint32		level;
	uint32		entry_level;	/* of the graph when the plan was made */
	bool		empty;			/* there was no graph to search */
	bool		has_equal;		/* a node that the row may be attached to */
	OmenNodeRef equal;
	uint32		count[OMEN_MAX_LEVEL + 1];
	OmenCandidate *neighbors[OMEN_MAX_LEVEL + 1];	/* nearest first */
} OmenLinkPlan;

extern void omen_link_plan(OmenSearch *search, const OmenCodeHeader *header,
						   const uint8 *code, uint32 level, uint32 self,
						   uint32 ef_construction, OmenLinkPlan *plan);
extern void omen_link_write_edges(const OmenPlane *plane, OmenSlotHeader *slot,
								  const OmenLinkPlan *plan, uint32 layer);
extern void omen_link_back(OmenGraph *graph, const OmenPlane *plane,
						   OmenNodeRef slot, const OmenCodeHeader *header,
						   const uint8 *code, const OmenCandidate *neighbors,
						   uint32 count);
extern bool omen_link_connect(OmenGraph *graph, OmenNodeRef node,
							  const OmenCodeHeader *header, const uint8 *code,
							  BlockNumber payload, const OmenLinkPlan *plan);
extern void omen_link_pause(OmenIndex *ix, int *tries);
extern bool omen_link_adopt(OmenGraph *graph, OmenNodeRef start,
							OmenNodeRef child, float distance);

/*
 * How many children a node may have.  Parent edges are not chosen for the
 * search, so they must not take over: with inner product a few long vectors
 * are nearest to everything, and as parents of everything they would lead
 * nowhere else.
 */
static inline uint32
omen_most_children(const OmenPlane *plane)
{
	return Max(2, plane->capacity / 4);
}

/*
 * How many edges are left when those of a slot, so many, are pruned because one
 * more does not fit: the next few then cost nothing.  There are fewer than its
 * capacity where their bytes fill it.
 */
static inline uint32
omen_most_when_pruned(const OmenPlane *plane, uint32 degree)
{
	uint32		most = plane->capacity - Max(1, plane->capacity / 4);

	return Min(most, Max(1, degree - Max(1, degree / 16)));
}

/* ---------- repair.c, and condemned.c for lists ---------- */

extern uint64 omen_repair(OmenGraph *graph, OmenNodeRef *dead, uint64 ndead,
						  Size memory);
extern uint64 omen_free_flat(OmenGraph *graph, OmenNodeRef *dead, uint64 ndead);

#endif							/* OMEN_GRAPH_H */
