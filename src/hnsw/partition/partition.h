/*-------------------------------------------------------------------------
 *
 * partition.h
 *	  Building a graph from a whole table at once.
 *
 * Rows are not inserted one by one.  All vectors are encoded, cut into
 * overlapping leaves of neighbors, compared with all others of their leaves,
 * and linked to the best; src/hnsw/partition/README tells how and why.  What does
 * not fit maintenance_work_mem goes through temporary files, partitioned so
 * that each later step reads them once, a partition at a time.
 *
 * The work is a list of steps (steps.c).  In each, all participants (the
 * backend that runs CREATE INDEX, and its parallel workers) take items from a
 * counter until there are none.  Between steps the leader alone prepares the
 * next.  What a step produces does not depend on who took which item, so that
 * the index is the same for any number of workers.
 *
 * Words.  A "row" is a heap row with its code; rows of equal code are one
 * "point".  A point's "position" is its place in the index: slots of a layer
 * are handed out by position.  A "leaf" is a set of points that are compared
 * with each other; each point is in several, the first being its "home".
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_PARTITION_H
#define OMEN_PARTITION_H

#include "postgres.h"

#include "distance/block.h"
#include "hnsw/hnsw.h"
#include "port/atomics.h"
#include "storage/barrier.h"
#include "storage/buffile.h"
#include "storage/dsm.h"
#include "storage/sharedfileset.h"

/* Leaves that a point may be in. */
#define OMEN_MAX_OVERLAP 12

/* Neighbors that a point may take from one leaf. */
#define OMEN_MAX_PER_LEAF 64

/* One point in so many is of the sample whose nearest are candidates, too. */
#define OMEN_SAMPLE_RATE 8

/* Neighbors that are considered for a point, from all its leaves. */
#define OMEN_MAX_CANDIDATES ((OMEN_MAX_OVERLAP + 1) * OMEN_MAX_PER_LEAF)

/* Partitions that a participant writes at once; each takes a buffer. */
#define OMEN_MAX_PARTS 512

/* Chunks of the table, or of the points of a layer, that rows are read by. */
#define OMEN_MAX_CHUNKS 4096

/*
 * How the build compares vectors, and how large its records are.  Derived
 * from the index; equal in all participants.
 *
 * L2, inner product and cosine distance are computed from 8-bit codes (those
 * of the index, or with storage = full others made for the build), L1 from
 * 15-bit integers on one grid: in integers, so that every instruction set
 * gives the same graph.
 */
typedef struct OmenBuildShape
{
	uint32		dims;
	bool		l1;
	uint32		code_stride;	/* bytes of a build code, padded */
	uint32		index_bytes;	/* bytes of the index's code, if it is another;
								 * else 0 */
	uint32		key_bytes;		/* of the filter keys */
	uint32		point_bytes;	/* of a point: terms and build code */
	uint32		row_bytes;		/* of a row: OmenRow, build code, index code,
								 * keys */
	uint32		overlap; /* leaves that a point is in, but for large tables */
	uint32		leaf_size;		/* points of a leaf, on average */
	uint32		per_leaf;		/* neighbors that a point takes from a leaf */
	uint32		candidates;		/* neighbors considered, from all leaves */
	uint32		coarse_edges;	/* forward edges of a point that are repeated
								 * in the layers below */
	uint32		least_edges;	/* forward edges of a point, if there are
								 * candidates */
} OmenBuildShape;

/*
 * A row on its way into the index; followed by its build code, the index's code
 * if that is another, and its filter keys.
 */
typedef struct OmenRow
{
	uint64		locator;		/* order of rows: chunk << 32 | row in it; above
								 * layer 0 the position in the layer below */
	uint32		node;			/* above layer 0: position in layer 0 */
	uint32		down;			/* above layer 0: position one layer below */
	ItemPointerData tid;
	uint16		level;			/* top layer of its node */
	uint16		key_nulls;
	OmenCodeHeader header;		/* of the index's code */
	OmenPointTerms terms;		/* of the build code; until the radius is known
								 * "added" is the squared norm */
} OmenRow;

#define OMEN_ROW_CODE(row) ((uint8 *) (row) + sizeof(OmenRow))

/* A chunk of rows: what one participant wrote in one go. */
typedef struct OmenChunk
{
	uint32		participant;
	uint32		rows;
	uint64		start;			/* number of its first row in the file */
	uint64		first;			/* rows of the chunks before */
	uint64		side_start;		/* likewise, of rows without a place in the
								 * graph */
	uint32		side_rows;
} OmenChunk;

/* A row with a NULL vector or one without a direction. */
typedef struct OmenSideRow
{
	OmenSide	side;
	ItemPointerData tid;
} OmenSideRow;

/* A candidate or an edge: the distance's bits above the position. */
typedef uint64 OmenNear;

static inline OmenNear
omen_near(float distance, uint32 position)
{
	uint32		bits;

	/* not negative, so the bits order as the numbers do */
	memcpy(&bits, &distance, sizeof(bits));
	return ((uint64) bits << 32) | position;
}

/*
 * What is near in a sample of the points only, or in the layer above: sorts
 * behind all others, since the sign of a distance is always 0.
 */
#define OMEN_COARSE (UINT64CONST(1) << 63)

static inline float
omen_near_distance(OmenNear near)
{
	uint32		bits = (uint32) ((near & ~OMEN_COARSE) >> 32);
	float		distance;

	memcpy(&distance, &bits, sizeof(distance));
	return distance;
}

/* Is the same target among these? */
static inline bool
omen_has_target(const OmenNear *near, uint32 count, OmenNear edge)
{
	for (uint32 i = 0; i < count; i++)
	{
		if ((uint32) near[i] == (uint32) edge)
			return true;
	}
	return false;
}

/* What comes out of a leaf for one of its points. */
typedef struct OmenLeafRecord
{
	uint32		position;
	uint32		count;
	OmenNear	near[FLEXIBLE_ARRAY_MEMBER]; /* count of them, nearest first */
} OmenLeafRecord;

/* An edge on its way to the slot that is to have it. */
typedef struct OmenEdgeRecord
{
	uint32		position;		/* the slot's */
	uint32		target;
	float		distance;
} OmenEdgeRecord;

/* Membership of a point in a leaf. */
typedef struct OmenMember
{
	uint32		leaf;
	uint32		position;
} OmenMember;

/* Where a point that stands for several rows has its place. */
typedef struct OmenPlaced
{
	uint64		locator;
	uint32		position;
} OmenPlaced;

/* One layer that is being built. */
typedef struct OmenBuildLayer
{
	uint32		layer;
	uint32		points;
	uint32		chunks;
	uint32		leaves;
	uint32		overlap;		/* leaves that a point is in, in this layer */
	uint32		at_home;		/* neighbors that a point takes from its home */
	uint32		sampled;		/* and from a sample of its home */
	uint32		groups;			/* of leaves; 1 = all centers are looked at */
	uint32		probes;			/* groups that are looked at for a point */
	uint32		place_parts;	/* partitions of the rows by home leaf */
	uint32		leaf_parts;		/* partitions of the memberships by leaf */
	uint32		range_slots;	/* slots of a partition by position */
	uint32		ranges;			/* partitions by position */
	BlockNumber first_block;	/* of its slots */
	bool		in_memory;		/* the points are in the arena */
	Size		points_at;		/* there */
	Size		down_at;		/* positions one layer below, in the arena */
	Size		leaf_start_at;	/* first position of each leaf, in the arena */
} OmenBuildLayer;

/* Steps, in the order of their work on one layer. */
typedef enum OmenBuildStep
{
	OMEN_STEP_SCAN,				/* read and encode the table */
	OMEN_STEP_CARVE,			/* find the leaves of every point */
	OMEN_STEP_PLACE,			/* put points in the order of their leaves */
	OMEN_STEP_COMPARE,			/* compare the points of each leaf */
	OMEN_STEP_PRUNE,			/* choose forward edges */
	OMEN_STEP_WRITE,			/* add backward edges, write slots */
	OMEN_STEP_LOG,				/* write WAL */
	OMEN_STEP_DONE
} OmenBuildStep;

/* Phases that pg_stat_progress_create_index shows; 1 is the server's own. */
typedef enum OmenBuildPhase
{
	OMEN_PHASE_SAMPLE = 2,
	OMEN_PHASE_INSERT,
	OMEN_PHASE_EQUAL,
	OMEN_PHASE_PARENTS,
	OMEN_PHASE_COPIES,
	OMEN_PHASE_STEPS			/* and the steps follow */
} OmenBuildPhase;

#define OMEN_PHASE_OF_STEP(step) (OMEN_PHASE_STEPS + (int64) (step))

/* What all participants share; in dynamic shared memory if there are workers. */
typedef struct OmenBuildShared
{
	/* set before there are workers */
	Oid			heap_oid;
	Oid			index_oid;
	bool		concurrent;
	bool		needs_wal;
	int			participants;	/* at most */
	int			sharers;		/* that are there to share the memory */
	BlockNumber heap_blocks;
	BlockNumber chunk_blocks;
	Size		work_memory;	/* that one participant may use for an item */
	Size		cache_memory;	/* and to cache points that are in a file */
	OmenBuildShape shape;
	uint32		hash_parts;		/* partitions of the rows by hash */
	float		grid_offset;	/* L1: the grid's */
	float		grid_scale;

	/* the step that is being taken; set by the leader between steps */
	OmenBuildStep step;
	OmenBuildLayer layer;
	OmenBuildLayer layers[OMEN_MAX_LEVEL + 1];	/* all, as far as ordered */
	uint32		top;			/* the highest of them */
	float		radius;			/* inner product: norm of the longest vector */
	uint32		items;
	BlockNumber node_block;		/* first of layer 0 */
	BlockNumber payload_block;	/* first of the codes out of line */
	uint32		payload_parts;	/* pages of each */
	dsm_handle	arena_handle;
	Size		dup_bits_at;	/* places in the arena */
	Size		copied_bits_at;
	Size		leaf_count_at;
	Size		group_start_at;
	Size		centers_at;
	Size		group_centers_at;

	/* changed by all */
	pg_atomic_uint32 next_item;
	pg_atomic_uint64 done;		/* tuples, of the step */
	pg_atomic_uint64 blocks_done;
	pg_atomic_uint64 heap_tuples;
	pg_atomic_uint64 index_tuples;
	pg_atomic_uint64 levels[OMEN_MAX_LEVEL + 1];	/* rows by top layer */
	pg_atomic_uint64 longest;	/* squared norm of the longest vector: the bits
								 * of a double */
	pg_atomic_uint32 broken_hot_chain;
	Barrier		barrier;

	SharedFileSet files;
	OmenChunk	chunks[OMEN_MAX_CHUNKS];	/* of this layer */
	OmenChunk	next_chunks[OMEN_MAX_CHUNKS];	/* of the next layer */
} OmenBuildShared;

/* One participant's view. */
typedef struct OmenBuild
{
	OmenBuildShared *shared;
	OmenBuildShape shape;		/* copy */
	Relation	heap;
	Relation	index;
	IndexInfo  *index_info;
	const OmenOpclass *opclass;
	OmenIndex  *ix;
	const OmenQuantizer *quantizer; /* of the build codes */
	FileSet	   *files;
	int			participant;	/* 0 is the leader */
	bool		report;			/* tell the progress; the leader's */
	dsm_segment *arena_segment;
	char	   *arena;
	uint64	   *dup_bits;		/* of rows: copies of others */
	uint64	   *copied_bits;	/* of rows: others are copies of it */
	struct OmenEqual *equal;	/* the copies; the leader's */
	MemoryContext context;
	MemoryContext step_context; /* reset after each step */
} OmenBuild;

typedef struct OmenEqual OmenEqual;

/* ---------- plan.c ---------- */

extern void omen_plan_shape(OmenBuildShape *shape, OmenMetric metric,
							OmenStorage storage, uint32 dims, uint32 m,
							uint32 ef_construction, uint32 key_bytes);
extern void omen_plan_layer(const OmenBuildShape *shape,
							const OmenLayout *layout, uint32 layer,
							uint64 points, Size memory, Size work_memory,
							int participants, OmenBuildLayer *plan);
extern Size omen_plan_arena(OmenBuildShared *shared, uint64 rows,
							const uint64 *most_points);
extern void omen_plan_memory(OmenBuildShared *shared, Size memory);

/* ---------- steps.c ---------- */

extern void omen_build_graph(Relation heap, Relation index,
							 IndexInfo *index_info, OmenIndex *ix,
							 const OmenQuantizer *quantizer, float grid_low,
							 float grid_high, double *heap_tuples,
							 double *index_tuples);
extern void omen_build_work(OmenBuild *build);
extern bool omen_next_item(OmenBuild *build, uint32 *item);
extern void omen_build_phase_start(OmenBuild *build, int64 phase,
								   uint64 tuples);
extern void omen_build_progress(OmenBuild *build, uint64 tuples);

/* ---------- parallel.c ---------- */

/* Workers, as the leader knows them. */
typedef struct OmenBuildWorkers OmenBuildWorkers;

/* Fills what the participants share before there are workers. */
typedef void (*OmenInitShared)(OmenBuild *build, OmenBuildShared *shared,
							   const OmenBuildShape *shape, int participants,
							   float grid_low, float grid_high);

extern int	omen_workers_wanted(Relation heap, Relation index,
								IndexInfo *index_info);
extern OmenBuildWorkers *omen_workers_start(OmenBuild *build, int wanted,
											const OmenBuildShape *shape,
											float grid_low, float grid_high,
											OmenInitShared init);
extern void omen_workers_finish(OmenBuildWorkers *workers);
extern bool omen_arena_create(OmenBuild *build, Size size);
extern void omen_arena_attach(OmenBuild *build);
extern void omen_arena_detach(OmenBuild *build);

/* ---------- spill.c ---------- */

/* Partitioned temporary files that one participant writes. */
typedef struct OmenSpill OmenSpill;

extern OmenSpill *omen_spill_begin(OmenBuild *build, const char *name,
								   uint32 layer, uint32 parts);
extern void omen_spill_write(OmenSpill *spill, uint32 part, const void *data,
							 Size bytes);
extern void omen_spill_end(OmenSpill *spill);

/* What all participants wrote into one partition. */
typedef struct OmenUnspill
{
	OmenBuild  *build;
	const char *name;
	uint32		layer;
	uint32		part;
	int			participant;
	uint32		records; /* read, for a look at interrupts now and then */
	BufFile	   *file;
} OmenUnspill;

extern void omen_unspill_begin(OmenUnspill *un, OmenBuild *build,
							   const char *name, uint32 layer, uint32 part);
extern bool omen_unspill_next(OmenUnspill *un, void *data, Size bytes);
extern void omen_unspill_rest(OmenUnspill *un, void *data, Size bytes);
extern void omen_unspill_end(OmenUnspill *un, bool delete);
extern void omen_part_delete(OmenBuild *build, const char *name, uint32 layer,
							 uint32 part);

/* Rows, read by chunk. */
typedef struct OmenRowReader OmenRowReader;

extern OmenRowReader *omen_rows_open(OmenBuild *build, const char *name,
									 uint32 layer, uint32 part, Size record);
extern void omen_rows_seek(OmenRowReader *reader, uint32 participant,
						   uint64 row);
extern void omen_rows_read(OmenRowReader *reader, void *record);
extern void omen_rows_close(OmenRowReader *reader);

/* Records by position, in one file. */
typedef struct OmenPlacedFile OmenPlacedFile;

extern void omen_placed_create(OmenBuild *build, const char *name);
extern void omen_placed_delete(OmenBuild *build, const char *name);
extern OmenPlacedFile *omen_placed_open(OmenBuild *build, const char *name,
										Size record);
extern void omen_placed_write(OmenPlacedFile *file, uint32 position,
							  const void *records, uint32 count);
extern void omen_placed_read(OmenPlacedFile *file, uint32 position,
							 void *records, uint32 count);
extern void omen_placed_close(OmenPlacedFile *file);

/* ---------- points.c ---------- */

/* Points by position, in memory or in a file with a cache. */
typedef struct OmenPoints OmenPoints;

extern OmenPoints *omen_points_open(OmenBuild *build);
extern void omen_points_write(OmenPoints *points, uint32 position,
							  const void *records, uint32 count);
extern const char *omen_points_get(OmenPoints *points, uint32 position,
								   void *space);
extern void omen_points_prefetch(OmenPoints *points, uint32 position);
extern void omen_points_close(OmenPoints *points);

static inline const OmenPointTerms *
omen_point_terms(const char *point)
{
	return (const OmenPointTerms *) point;
}

static inline const uint8 *
omen_point_code(const char *point)
{
	return (const uint8 *) point + sizeof(OmenPointTerms);
}

/* Distance of two points: squared L2, or L1. */
static inline float
omen_point_distance(const OmenBuildShape *shape, const char *a, const char *b)
{
	if (shape->l1)
		return (float) omen_kernels->l1_u16((const uint16 *) omen_point_code(a),
											(const uint16 *) omen_point_code(b),
											shape->dims);
	return omen_pair_distance(omen_point_terms(a), omen_point_code(a),
							  omen_point_terms(b), omen_point_code(b),
							  shape->dims);
}

/* ---------- one file for each step ---------- */

extern void omen_step_scan(OmenBuild *build);
extern uint64 omen_find_equal(OmenBuild *build, uint64 rows);
extern void omen_attach_equal(OmenBuild *build, BlockNumber first_block);
extern void omen_prepare_carve(OmenBuild *build);
extern void omen_step_carve(OmenBuild *build);
extern Size omen_node_bytes(const OmenBuildShape *shape);
extern void omen_prepare_place(OmenBuild *build);
extern void omen_step_place(OmenBuild *build);
extern void omen_step_compare(OmenBuild *build);
extern Size omen_compare_bytes(const OmenBuildShape *shape, uint32 most);
extern void omen_step_prune(OmenBuild *build);
extern void omen_step_write(OmenBuild *build);
extern void omen_link_parents(OmenBuild *build, uint32 points,
							  BlockNumber first_block, uint32 root);

/* ---------- columns.c ---------- */

/*
 * Points that many others are compared with at once: packed into panels, or
 * for L1 one after the other.
 */
typedef struct OmenColumns
{
	uint32		count;
	char	   *memory;			/* omen_columns_bytes(), aligned to 64 */
} OmenColumns;

extern Size omen_columns_bytes(const OmenBuildShape *shape, uint32 count);
extern void omen_columns_pack(const OmenBuildShape *shape,
							  const OmenColumns *columns,
							  const char *const *points);
extern void omen_columns_distances(const OmenBuildShape *shape,
								   const OmenColumns *columns,
								   const char *const *rows, uint32 nrows,
								   float *out, Size out_stride);
extern void omen_columns_mutual(const OmenBuildShape *shape,
								const OmenColumns *columns,
								const char *const *points, uint32 panel,
								float *out, Size out_stride);

#define OMEN_PADDED(count) TYPEALIGN(OMEN_PANEL, (count))

/* ---------- choose.c ---------- */

typedef struct OmenChooser OmenChooser;

extern OmenChooser *omen_chooser_create(OmenBuild *build, OmenPoints *points);
extern uint32 omen_sort_near(OmenNear *near, uint32 count);
extern uint32 omen_choose(OmenChooser *chooser, OmenNear *near, uint32 count,
						  uint32 most, uint32 least);

/* ---------- small parts ---------- */

static inline void *
omen_alloc(Size bytes)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(bytes, 1));
}

/* Candidates that the leaves of a point give it, at most. */
static inline uint32
omen_candidate_room(const OmenBuildShape *shape, const OmenBuildLayer *layer)
{
	return (layer->overlap - 1) * shape->per_leaf + layer->at_home +
		   layer->sampled;
}

static inline uint32
omen_part_of_leaf(uint32 leaf, uint32 parts, uint32 leaves)
{
	return (uint32) ((uint64) leaf * parts / leaves);
}

/* The first leaf of a partition, so that omen_part_of_leaf() agrees. */
static inline uint32
omen_first_leaf(uint32 part, uint32 parts, uint32 leaves)
{
	return (uint32) (((uint64) part * leaves + parts - 1) / parts);
}

/* Partitions by position; they end where pages do. */
static inline uint32
omen_range_of(const OmenBuildLayer *layer, uint32 position)
{
	return position / layer->range_slots;
}

static inline uint32
omen_range_start(const OmenBuildLayer *layer, uint32 range)
{
	return (uint32) Min((uint64) range * layer->range_slots, layer->points);
}

static inline bool
omen_bit_get(const uint64 *bits, uint64 i)
{
	return (bits[i / 64] >> (i % 64)) & 1;
}

static inline void
omen_bit_set(uint64 *bits, uint64 i)
{
	bits[i / 64] |= UINT64CONST(1) << (i % 64);
}

#endif							/* OMEN_PARTITION_H */
