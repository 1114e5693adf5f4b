/*-------------------------------------------------------------------------
 *
 * groups.h
 *	  Building an index of groups.
 *
 * Rows are partitioned by the hash of their group's key while the table is
 * read.  Each partition is cut into groups; then it is known what there is of
 * them, and where on disk each has its place.  Lists are written as they are,
 * and each graph is a job of its own, of one participant, or of all together if
 * it is large; see "Groups" in README.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_PARTITION_GROUPS_H
#define OMEN_PARTITION_GROUPS_H

#include "hnsw/partition/partition.h"

/*
 * A row on its way to its group; followed by the key, and by the row if it has
 * a place in a graph.
 */
typedef struct OmenGroupRow
{
	uint64		order;			/* of rows, as they come from the table */
	uint64		hash;			/* of the key */
	uint64		code_hash;		/* of the row's code */
	double		sumsq;			/* for inner product: the squared norm */
	ItemPointerData tid;
	uint16		key_bytes;
	uint8		nulls;			/* of the key */
	uint8		side;			/* OmenSide */
} OmenGroupRow;

/* How the nodes of a group are made. */
typedef enum OmenGroupKind
{
	OMEN_GROUP_LIST,
	OMEN_GROUP_GRAPH,			/* by one participant */
	OMEN_GROUP_LARGE			/* by all of them */
} OmenGroupKind;

/*
 * A group whose rows have been found; followed by its key.  Of those of one
 * partition the first is that of the least hash, and of these that of the first
 * row.
 *
 * In the rows of a list "node" is the number of the row's node in the list, and
 * "down" says whether its filter keys are the node's.
 */
typedef struct OmenBuildGroup
{
	uint64		hash;			/* of the key */
	uint64		order;			/* of its first row */
	double		longest;		/* squared norm of its longest vector */
	uint64		start;			/* of a graph: its first row in the stream */
	uint32		rows;			/* with a place in a graph or list */
	uint32		side_rows;		/* the others */
	uint32		nodes;			/* of a list */
	uint32		blocks;			/* of a graph by one: pages that it takes */
	uint16		key_bytes;
	uint8		nulls;
	uint8		kind;
} OmenBuildGroup;

/* A graph that is to be made of the rows of a group. */
typedef struct OmenGraphPlan
{
	OmenNodeRef group;
	OmenSpillKind kind;			/* where the rows are: */
	uint32		part;
	uint32		participant;
	uint64		start;
	uint32		rows;
	double		longest;
	BlockNumber block;			/* the first of its pages; 0: at the end */
	uint32		blocks;
} OmenGraphPlan;

/* Where a group has its place on disk. */
typedef struct OmenGroupPlace
{
	OmenNodeRef group;
	uint32		first_node;		/* of a list: number of its first among those of
								 * all lists */
} OmenGroupPlace;

/* The groups of a partition, one by one, with their places. */
typedef struct OmenGroupReader
{
	OmenBuild  *build;
	OmenUnspill un;
	uint32		left;
	uint32		record;			/* slots of GROUP pages so far, of all parts */
	uint32		node;			/* and nodes of lists */
	OmenBuildGroup group;
	OmenGroupPlace place;
	int			participant;	/* that wrote it */
	uint8		key[OMEN_MAX_GROUP_KEY];
} OmenGroupReader;

/* ---------- merge.c ---------- */

/* What all participants wrote into one partition, in one order. */
typedef struct OmenMerge OmenMerge;

extern OmenMerge *omen_merge_begin(OmenBuild *build, OmenSpillKind kind,
								   uint32 layer, uint32 part, Size head);
extern const void *omen_merge_next(OmenMerge *merge);
extern void omen_merge_rest(OmenMerge *merge, void *data, Size bytes);
extern void omen_merge_end(OmenMerge *merge, bool delete);

/* ---------- group_cut.c ---------- */

extern void omen_step_cut(OmenBuild *build);

/* ---------- group_lists.c ---------- */

extern void omen_step_lists(OmenBuild *build);
extern void omen_attach_later(OmenBuild *build, OmenNodeRef node, float error,
							  bool same_keys, const ItemPointerData *tid);
extern void omen_attach_copies(OmenBuild *build, uint32 layer);

/* ---------- group_graphs.c ---------- */

extern void omen_step_graphs(OmenBuild *build);
extern void omen_make_graph(OmenBuild *build, OmenBuild *from,
							const OmenGraphPlan *plan);

/* ---------- plan.c ---------- */

extern void omen_plan_groups(OmenBuild *build, double rows);
extern Size omen_large_bytes(const OmenBuild *build);

/* ---------- group_read.c ---------- */

extern void omen_groups_open(OmenGroupReader *reader, OmenBuild *build,
							 uint32 part);
extern bool omen_groups_next(OmenGroupReader *reader);

/* ---------- group_plan.c ---------- */

extern void omen_build_groups(OmenBuild *build);

#endif							/* OMEN_PARTITION_GROUPS_H */
