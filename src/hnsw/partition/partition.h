/*-------------------------------------------------------------------------
 *
 * partition.h
 *	  Building a graph from a whole table at once.
 *
 * Rows are not inserted one by one.  All vectors are encoded, cut into
 * overlapping leaves of neighbors, compared with all others of their leaves,
 * and linked to the best; src/hnsw/partition/README tells how and why.  What
 * does not fit maintenance_work_mem goes through temporary files, partitioned
 * so that each later step reads them once, a partition at a time.
 *
 * The work is a list of steps (steps.c).  In each, all participants (the
 * backend that runs CREATE INDEX, and its parallel workers) take items from a
 * counter until there are none.  Between steps the leader alone prepares the
 * next.  What a step produces does not depend on who took which item, so that
 * the index is the same for any number of workers.
 *
 * A "job" is one graph, of rows that have been read.  What the participants
 * share to work at all, the "team", outlives it.
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

#include "hnsw/hnsw.h"
#include "hnsw/partition/records.h"
#include "port/atomics.h"
#include "storage/barrier.h"
#include "storage/buffile.h"
#include "storage/condition_variable.h"
#include "storage/dsm.h"
#include "storage/sharedfileset.h"
#include "storage/shm_toc.h"
#include "storage/spin.h"

/* Steps, in the order of their work. */
typedef enum OmenBuildStep
{
	OMEN_STEP_SCAN,				/* read and encode the table */
	OMEN_STEP_EQUAL,			/* find rows of equal codes */
	OMEN_STEP_CARVE,			/* find the leaves of every point */
	OMEN_STEP_PLACE,			/* put points in the order of their leaves */
	OMEN_STEP_COMPARE,			/* compare the points of each leaf */
	OMEN_STEP_PRUNE,			/* choose forward edges */
	OMEN_STEP_WRITE,			/* add backward edges, write slots */
	OMEN_STEP_PARENTS,			/* choose the parent of every node */
	OMEN_STEP_COPIES,			/* attach rows of equal codes */
	OMEN_STEP_CUT,				/* cut rows into groups */
	OMEN_STEP_LISTS,			/* write the lists of small groups */
	OMEN_STEP_GRAPHS,			/* make graphs of larger ones, one each */
	OMEN_STEP_LOG,				/* write WAL */
	OMEN_STEP_RELEASE,			/* let go of shared memory that was given up */
	OMEN_STEP_DONE				/* workers may go */
} OmenBuildStep;

/* Phases that pg_stat_progress_create_index shows; 1 is the server's own. */
typedef enum OmenBuildPhase
{
	OMEN_PHASE_SAMPLE = 2,
	OMEN_PHASE_INSERT,
	OMEN_PHASE_STEPS			/* and the steps follow */
} OmenBuildPhase;

#define OMEN_PHASE_OF_STEP(step) (OMEN_PHASE_STEPS + (int64) (step))

/* ---------- what is built ---------- */

/* What a build is asked for. */
typedef struct OmenBuildInput
{
	Relation	heap;
	Relation	index;
	IndexInfo  *index_info;
	OmenGraph  *graph;			/* metapage and quantizer have been written */
	const OmenQuantizer *quantizer; /* of the build codes; NULL for L1, whose */
	float		grid_low;		/* coordinates lie mostly between these */
	float		grid_high;
} OmenBuildInput;

/* The same for all participants to see. */
typedef struct OmenBuildTask
{
	Oid			heap_oid;
	Oid			index_oid;
	bool		concurrent;
	bool		needs_wal;
	BlockNumber heap_blocks;
	BlockNumber chunk_blocks;
	OmenBuildShape shape;
	float		grid_offset;	/* L1: the grid's */
	float		grid_scale;
} OmenBuildTask;

/* What steps pass on, in partitions. */
typedef enum OmenSpillKind
{
	OMEN_SPILL_ROWS,			/* rows of a layer */
	OMEN_SPILL_MOVED,			/* those of layer 0, moved out of memory */
	OMEN_SPILL_HASHES,			/* of rows */
	OMEN_SPILL_SIDE,			/* rows without a place in a graph */
	OMEN_SPILL_LATER,			/* those in order, if they are many */
	OMEN_SPILL_HOMES,			/* rows and their leaves, by home */
	OMEN_SPILL_MEMBERS,			/* memberships, by leaf */
	OMEN_SPILL_COPIED,			/* positions of points with copies */
	OMEN_SPILL_NEAR,			/* the nearest in a leaf, by position */
	OMEN_SPILL_EDGES,			/* by position */
	OMEN_SPILL_BY_HASH,			/* rows of groups, by hash of the key */
	OMEN_SPILL_GROUPS,			/* groups, by the same */
	OMEN_SPILL_LISTS,			/* rows of those that are lists, */
	OMEN_SPILL_GRAPHS,			/* of those that are graphs, */
	OMEN_SPILL_LARGE,			/* and of the largest */
	OMEN_SPILL_PLANS,			/* graphs, largest first */
	OMEN_SPILL_ATTACHED,		/* rows of equal codes, with their nodes */
	OMEN_SPILL_COARSE			/* edges repeated from a layer above: this, and
								 * the layer's number */
} OmenSpillKind;

#define OMEN_SPILL_KINDS (OMEN_SPILL_COARSE + OMEN_MAX_LEVEL + 1)

/* Rows may be passed on to a layer that there never is. */
#define OMEN_SPILL_LAYERS (OMEN_MAX_LEVEL + 2)

/* And by position, on all points of a layer. */
typedef enum OmenPlacedKind
{
	OMEN_PLACED_POINTS,			/* terms and build codes */
	OMEN_PLACED_NODES			/* what slots need besides */
} OmenPlacedKind;

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
	bool		has_points;		/* the arena does, they are in no file */
	bool		has_nodes;		/* likewise, what slots need */
	Size		points_at;		/* where they are there */
	Size		nodes_at;
	Size		down_at;		/* there, positions one layer below */
	Size		leaf_start_at;	/* there, the first position of each leaf */
} OmenBuildLayer;

/* One graph that is being built.  The leader changes it between steps. */
typedef struct OmenBuildJob
{
	uint32		hash_parts;		/* partitions of the rows by hash */
	OmenSpillKind row_kind;		/* where the rows of layer 0 are */
	uint64		rows;			/* with a place in the graph */
	uint64		copies;			/* of them, rows of the code of another */
	uint64		points;			/* the others */
	float		radius;			/* inner product: norm of the longest vector */
	uint32		top;			/* the highest layer */
	uint32		root;			/* position of the node that all hang below */
	OmenBuildLayer layer;		/* that is being worked on */
	OmenBuildLayer layers[OMEN_MAX_LEVEL + 1];	/* all, as far as ordered */
	BlockNumber node_block;		/* first of layer 0 */
	BlockNumber payload_block;	/* first of the codes out of line */
	uint32		payload_parts;	/* pages of each */

	/* of a group */
	OmenNodeRef group;			/* whose graph it is; of id 0: the index's */
	BlockNumber next_block;		/* of those that are kept for it, */
	BlockNumber end_block;		/* up to here; 0: it adds blocks at the end */

	/* changed by all while rows are read */
	pg_atomic_uint64 levels[OMEN_MAX_LEVEL + 1];	/* rows by top layer */
	pg_atomic_uint64 longest;	/* squared norm of the longest vector: the bits
								 * of a double */

	OmenChunk	chunks[OMEN_MAX_CHUNKS];	/* of this layer */
	OmenChunk	next_chunks[OMEN_MAX_CHUNKS];	/* of the next layer */
} OmenBuildJob;

/* ---------- who builds it ---------- */

/* How maintenance_work_mem is divided. */
typedef struct OmenBuildMemory
{
	Size		total;
	int			sharers;		/* participants that are there to share it */
	Size		work;			/* that each of them may use for an item */
	Size		cache;			/* and to cache points that are in a file */
	Size		pool;			/* for what steps pass on */
} OmenBuildMemory;

/*
 * What all look up at random, for one job: in dynamic shared memory if there
 * are workers.  Of each part where it starts; what layers have there stands
 * in OmenBuildLayer.
 */
typedef struct OmenArena
{
	dsm_handle	handle;
	Size		size;
	Size		dup_bits_at;
	Size		copied_bits_at;
	Size		leaf_count_at;
	Size		group_start_at;
	Size		centers_at;
	Size		group_centers_at;
} OmenArena;

#define OMEN_POOL_BLOCK 8192
#define OMEN_POOL_SEGMENTS 64
#define OMEN_NO_BLOCK PG_UINT32_MAX

/*
 * Memory for what steps pass on, in blocks; see pool.c.  The lock is for what
 * follows it.
 */
typedef struct OmenPool
{
	bool		is_short;		/* the server has no more shared memory */
	uint32		generation;		/* of segments: all are given up at once */
	dsm_handle	handles[OMEN_POOL_SEGMENTS];
	slock_t		lock;
	uint32		limit;			/* blocks that it may have; 0 = closed */
	uint32		blocks;			/* that it has */
	uint32		fresh;			/* the first that nobody has had yet */
	uint32		free;			/* the first of those given back */
	uint32		used;			/* that somebody has */
	uint32		segments;
	uint32		first[OMEN_POOL_SEGMENTS + 1];	/* block of each; and the end */
	bool		growing;		/* somebody makes a segment */
	ConditionVariable grown;	/* and is done */
} OmenPool;

/* How the participants work together, whatever at. */
typedef struct OmenBuildTeam
{
	int			participants;	/* at most */
	OmenBuildMemory memory;

	/* the step that is being taken; set by the leader between steps */
	OmenBuildStep step;
	uint32		items;

	/* changed by all */
	pg_atomic_uint32 next_item;
	pg_atomic_uint64 done;		/* tuples, of the step */
	pg_atomic_uint64 blocks_done;
	pg_atomic_uint64 heap_tuples;
	pg_atomic_uint64 index_tuples;
	pg_atomic_uint64 file_bytes;	/* written to temporary files */
	pg_atomic_uint32 broken_hot_chain;
	Barrier		barrier;

	SharedFileSet files;
} OmenBuildTeam;

/* Rows of an index of groups, by hash of the key: a part of them. */
typedef struct OmenGroupPart
{
	uint32		records;		/* slots of GROUP pages that its groups take */
	uint32		nodes;			/* of its lists */
	uint32		groups;
	uint32		first_record;	/* such slots of the parts before */
	uint32		first_node;
} OmenGroupPart;

/* What there is of groups.  Set by whoever has a part, then by the leader. */
typedef struct OmenBuildGroups
{
	uint32		count;			/* of parts; 0: the index has no groups */
	BlockNumber record_block;	/* first of their records, */
	BlockNumber node_block;		/* of the nodes of lists, */
	BlockNumber payload_block;	/* and of the codes of these out of line */
	OmenGroupPart parts[OMEN_MAX_PARTS];
} OmenBuildGroups;

/* What all share; in dynamic shared memory if there are workers. */
typedef struct OmenBuildShared
{
	OmenBuildTask task;
	OmenBuildTeam team;
	OmenArena	arena;
	OmenPool	pool;
	OmenBuildJob job;
	OmenBuildGroups groups;
	uint32		spills[FLEXIBLE_ARRAY_MEMBER]; /* block of the pool with what is
												* where: of each participant,
												* kind and layer */
} OmenBuildShared;

/* The arena, as one participant sees it. */
typedef struct OmenArenaView
{
	char	   *memory;
	dsm_segment *dsm;			/* what to give up: with workers, */
	void	   *chunk;			/* without */
	dsm_handle	handle;			/* of the former */
} OmenArenaView;

/* The pool, likewise. */
typedef struct OmenPoolView OmenPoolView;

/* Rows that are copies of others, as equal.c keeps them. */
typedef struct OmenEqual OmenEqual;

/* Records that one participant writes, in partitions. */
typedef struct OmenSpill OmenSpill;

/* Rows that are to be attached to nodes later, in an order. */
typedef struct OmenLater
{
	OmenSpill  *spill;			/* NULL: they are attached at once */
	uint64		order;			/* of the nodes at hand */
} OmenLater;

/* One participant's view. */
typedef struct OmenBuild
{
	OmenBuildTask *task;		/* shared, as all to arena_view */
	OmenBuildTeam *team;
	OmenBuildJob *job;
	OmenArena  *arena;
	OmenPool   *pool;
	OmenBuildGroups *groups;
	uint32	   *spills;
	OmenArenaView arena_view;
	OmenPoolView *pool_view;
	OmenBuildShape shape;		/* copy */
	Relation	heap;
	Relation	index;
	IndexInfo  *index_info;
	const OmenOpclass *opclass;
	OmenIndexColumns columns;
	OmenPrefix *prefix;			/* of an index of groups */
	OmenGraph  *graph;			/* to be built */
	OmenIndex  *ix;				/* of the graph */
	const OmenQuantizer *quantizer; /* of the build codes */
	FileSet	   *files;
	int			participant;	/* 0 is the leader */
	bool		report;			/* tell the progress; the leader's */
	uint64	   *dup_bits; /* of rows: copies of others; NULL above layer 0 */
	uint64	   *copied_bits;	/* of rows: others are copies of it */
	OmenEqual  *equal;			/* the copies; the leader's */
	void (*make_graphs)(struct OmenBuild *build);	/* a step that has jobs */
	OmenLater	later;			/* where the copies go, if not to their nodes */
	MemoryContext context;
	MemoryContext job_context;	/* reset after each job; the leader's */
	MemoryContext step_context; /* reset after each step */
} OmenBuild;

/* ---------- team.c ---------- */

extern void omen_build_prepare(OmenBuild *build, int participants, Size memory);
extern void omen_build_make_contexts(OmenBuild *build);
extern void omen_build_delete_files(int code, Datum files);

/* ---------- work.c ---------- */

extern Size omen_shared_bytes(int participants);
extern void omen_build_join(OmenBuild *build, OmenBuildShared *shared);
extern bool omen_next_item(OmenBuild *build, uint32 *item);
extern void omen_build_phase_start(OmenBuild *build, int64 phase,
								   uint64 tuples);
extern void omen_build_progress(OmenBuild *build, uint64 tuples);

/* ---------- arena.c ---------- */

extern dsm_segment *omen_segment_create(Size size);
extern dsm_segment *omen_segment_attach(dsm_handle handle);
extern bool omen_arena_create(OmenBuild *build, Size size);
extern void omen_arena_attach(OmenBuild *build);
extern void omen_arena_detach(OmenBuild *build);
extern void omen_arena_take_bits(OmenBuild *build, Size bytes);

static inline void *
omen_arena_at(const OmenBuild *build, Size at)
{
	return build->arena_view.memory + at;
}

/* Points of each leaf, counted while they are carved. */
static inline pg_atomic_uint32 *
omen_leaf_counts(const OmenBuild *build)
{
	return omen_arena_at(build, build->arena->leaf_count_at);
}

/* The first leaf of each group, and where the last group ends. */
static inline uint32 *
omen_group_starts(const OmenBuild *build)
{
	return omen_arena_at(build, build->arena->group_start_at);
}

/* The centers of leaves from a column on, the first of a panel; packed. */
extern char *omen_centers(const OmenBuild *build, uint32 column);

/* The centers of groups, packed. */
static inline char *
omen_group_centers(const OmenBuild *build)
{
	return omen_arena_at(build, build->arena->group_centers_at);
}

/* The first position of each leaf of the layer, and where the last ends. */
static inline uint32 *
omen_leaf_starts(const OmenBuild *build)
{
	return omen_arena_at(build, build->job->layer.leaf_start_at);
}

/* The position in the layer below of each point of a layer above 0. */
static inline uint32 *
omen_positions_below(const OmenBuild *build, uint32 layer)
{
	return omen_arena_at(build, build->job->layers[layer].down_at);
}

/* The layer's points, or what its slots need: NULL if that is in a file. */
static inline char *
omen_placed_memory(const OmenBuild *build, OmenPlacedKind kind)
{
	const OmenBuildLayer *layer = &build->job->layer;

	if (kind == OMEN_PLACED_POINTS)
		return layer->has_points ? omen_arena_at(build, layer->points_at)
								 : NULL;
	return layer->has_nodes ? omen_arena_at(build, layer->nodes_at) : NULL;
}

/* ---------- pool.c ---------- */

extern void omen_pool_init(OmenPool *pool);
extern OmenPoolView *omen_pool_view_create(void);
extern void omen_pool_open(OmenBuild *build, Size bytes);
extern void omen_pool_limit(OmenBuild *build, Size bytes);
extern bool omen_pool_is_short(const OmenBuild *build);
extern void omen_pool_tidy(OmenBuild *build);
extern void omen_pool_attach(OmenBuild *build);
extern void omen_pool_detach(OmenBuild *build);
extern uint32 omen_pool_take(OmenBuild *build);
extern void omen_pool_give(OmenBuild *build, uint32 first, uint32 last,
						   uint32 count);
extern char *omen_pool_block(OmenBuild *build, uint32 block);
extern uint32 *omen_pool_next(OmenBuild *build, uint32 block);

/* ---------- parallel.c ---------- */

/* Workers, as the leader knows them. */
typedef struct OmenBuildWorkers OmenBuildWorkers;

/* What a worker does once it is there. */
typedef void (*OmenWorkerMain)(OmenBuild *build);

extern int	omen_workers_wanted(Relation heap, Relation index,
								IndexInfo *index_info);
extern OmenBuildWorkers *omen_workers_create(OmenBuild *build, int wanted,
											 const char *entry);
extern int	omen_workers_launch(OmenBuildWorkers *workers);
extern void omen_workers_finish(OmenBuildWorkers *workers);
extern void omen_worker_run(dsm_segment *segment, shm_toc *toc,
							OmenWorkerMain work);

/* ---------- plan.c ---------- */

extern void omen_plan_shape(OmenBuildShape *shape, OmenMetric metric,
							OmenStorage storage, uint32 dims, uint32 m,
							uint32 ef_construction, uint32 key_bytes);
extern void omen_plan_layer(const OmenBuildShape *shape,
							const OmenLayout *layout,
							const OmenBuildMemory *memory, uint32 layer,
							uint64 points, OmenBuildLayer *plan);
extern Size omen_plan_arena(const OmenBuildShape *shape, OmenArena *arena,
							OmenBuildLayer *layers, uint64 rows,
							const uint64 *most_points);
extern void omen_plan_scan(OmenBuildMemory *memory);
extern uint32 omen_plan_hash_parts(const OmenBuildMemory *memory, double rows);
extern void omen_plan_memory(OmenBuildMemory *memory, Size taken,
							 bool has_points);

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

/* ---------- spill.c ---------- */

extern OmenSpill *omen_spill_begin(OmenBuild *build, OmenSpillKind kind,
								   uint32 layer, uint32 parts);
extern void omen_spill_write(OmenSpill *spill, uint32 part, const void *data,
							 Size bytes);
extern void omen_spill_end(OmenSpill *spill);
extern void omen_spill_delete(OmenBuild *build, OmenSpillKind kind,
							  uint32 layer, uint32 part);
extern void omen_spill_forget(OmenBuild *build, OmenSpillKind kind,
							  uint32 layer);

/* What a participant wrote into one partition, while it is read. */
typedef struct OmenSpillSource
{
	OmenBuild  *build;
	OmenSpillKind kind;
	uint32		layer;
	int			participant;
	uint32		part;
	const char *at;				/* in a block */
	Size		left;			/* bytes there */
	uint32		block;			/* that, */
	uint32		blocks;			/* and how many follow it */
	uint32		last_bytes;		/* in the last of them */
	bool		in_file;		/* more is in a file, perhaps */
	BufFile	   *file;			/* once it is open */
} OmenSpillSource;

/* What all participants wrote into one partition. */
typedef struct OmenUnspill
{
	OmenSpillSource source;
	int			stop;			/* before this participant */
	uint32		records; /* read, for a look at interrupts now and then */
} OmenUnspill;

extern void omen_unspill_begin(OmenUnspill *un, OmenBuild *build,
							   OmenSpillKind kind, uint32 layer, uint32 part);
extern void omen_unspill_begin_one(OmenUnspill *un, OmenBuild *build,
								   OmenSpillKind kind, uint32 layer,
								   uint32 part, int participant);
extern bool omen_unspill_next(OmenUnspill *un, void *data, Size bytes);
extern void omen_unspill_rest(OmenUnspill *un, void *data, Size bytes);
extern void omen_unspill_end(OmenUnspill *un, bool delete);

/* Records of the same length, read in any order. */
typedef struct OmenRowReader OmenRowReader;

extern OmenRowReader *omen_rows_open(OmenBuild *build, OmenSpillKind kind,
									 uint32 layer, uint32 part, Size record);
extern void omen_rows_seek(OmenRowReader *reader, uint32 participant,
						   uint64 row);
extern void omen_rows_read(OmenRowReader *reader, void *record);
extern void omen_rows_close(OmenRowReader *reader);

/* ---------- placed.c ---------- */

/* Records by position, in the arena or in one file. */
typedef struct OmenPlacedFile OmenPlacedFile;

extern void omen_placed_create(OmenBuild *build, OmenPlacedKind kind);
extern void omen_placed_delete(OmenBuild *build, OmenPlacedKind kind);
extern OmenPlacedFile *omen_placed_open(OmenBuild *build, OmenPlacedKind kind);
extern char *omen_placed_all(const OmenPlacedFile *placed);
extern void omen_placed_write(OmenPlacedFile *placed, uint32 position,
							  const void *records, uint32 count);
extern void omen_placed_read(OmenPlacedFile *placed, uint32 position,
							 void *records, uint32 count);
extern void omen_placed_close(OmenPlacedFile *placed);

/* ---------- points.c ---------- */

/* Points by position, in memory or in a file with a cache. */
typedef struct OmenPoints OmenPoints;

extern OmenPoints *omen_points_open(OmenBuild *build);
extern void omen_points_write(OmenPoints *points, uint32 position,
							  const void *records, uint32 count);
extern const char *omen_points_get(OmenPoints *points, uint32 position,
								   void *space);
extern const char *omen_points_narrow(OmenPoints *points, uint32 position,
									  void *space);
extern void omen_points_prefetch(OmenPoints *points, uint32 position);
extern void omen_points_close(OmenPoints *points);

/* ---------- distances.c ---------- */

/*
 * Points that many others are compared with at once: packed into panels, or
 * for L1 one after the other.
 */
typedef struct OmenColumns
{
	uint32		count;
	bool		is_narrow;		/* are codes narrow? */
	char	   *memory;			/* omen_columns_bytes(), aligned to 64 */
} OmenColumns;

extern Size omen_columns_bytes(const OmenBuildShape *shape, bool is_narrow,
							   uint32 count);
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

/* ---------- one file for each step ---------- */

extern void omen_step_scan(OmenBuild *build);
extern uint64 omen_row_hash(const OmenBuild *build, const OmenRow *row);
extern bool omen_same_code(const OmenBuild *build, const OmenRow *a,
						   const OmenRow *b);
extern bool omen_same_keys(const OmenBuild *build, const OmenRow *a,
						   const OmenRow *b);
extern void omen_step_equal(OmenBuild *build);
extern Size omen_copies_bytes(const OmenBuild *build);
extern void omen_prepare_carve(OmenBuild *build);
extern void omen_step_carve(OmenBuild *build);
extern void omen_prepare_place(OmenBuild *build);
extern void omen_step_place(OmenBuild *build);
extern void omen_step_compare(OmenBuild *build);
extern Size omen_compare_bytes(const OmenBuildShape *shape, uint32 most);
extern void omen_step_prune(OmenBuild *build);
extern void omen_step_write(OmenBuild *build);
extern void omen_step_parents(OmenBuild *build);
extern void omen_step_copies(OmenBuild *build);
extern void omen_step_log(OmenBuild *build);
extern uint32 omen_log_items(BlockNumber blocks);

/* ---------- steps.c ---------- */

extern void omen_run_step(OmenBuild *build, OmenBuildStep step, uint32 items,
						  uint64 tuples);
extern char *omen_step_name(int64 step);

/* What workers do once they are there. */
extern void omen_work(OmenBuild *build);

/* ---------- job.c ---------- */

extern void omen_job_begin(OmenBuild *build);
extern void omen_job_run(OmenBuild *build);
extern BlockNumber omen_add_blocks(OmenBuild *build, uint64 blocks);
extern void omen_check_slots(OmenBuild *build, uint64 slots);

/* ---------- build.c ---------- */

extern void omen_build_graph(const OmenBuildInput *input,
							 IndexBuildResult *result);

#endif							/* OMEN_PARTITION_H */
