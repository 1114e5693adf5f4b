/*-------------------------------------------------------------------------
 *
 * index_build.c
 *	  CREATE INDEX: from a heap to a whole index.
 *
 * The quantizer's mean comes from a deterministic sample of the heap.  A table
 * of few rows is inserted row by row, without WAL, and the relation logged
 * whole at the end; for a larger one partition/ makes a graph of all rows at
 * once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "commands/defrem.h"
#include "compat.h"
#include "hnsw/partition/partition.h"
#include "hnsw/hnsw.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"

/*
 * The rotation, the levels and the leaves are drawn from this seed, unless the
 * option names another.  It is no secret, and equal indexes on equal heaps are
 * worth more than another draw.
 */
#define DEFAULT_SEED UINT64CONST(0x6F6D656E68736E77)

/* The sample: so many stretches of so many blocks, and rows from each. */
#define SAMPLE_RANGES 64
#define SAMPLE_RANGE_BLOCKS 32
#define SAMPLE_RANGE_ROWS 256

typedef struct BuildState
{
	Relation	heap;
	Relation	index;
	IndexInfo  *index_info;
	const OmenOpclass *opclass;
	OmenInserter *inserter;
	double		tuples;			/* rows indexed */

	/* the sample */
	OmenQuantizer *quantizer;	/* of build codes, without a mean */
	double	   *sum;			/* of transformed vectors */
	float	   *floats;			/* NULL if the type has none: nor the others */
	float	   *transformed;
	double		sumsq;			/* of all their coordinates */
	float		lowest;			/* of their coordinates */
	float		highest;
	uint64		sampled;
	uint64		range_rows;		/* rows met in this stretch */
	uint64		met;			/* rows met in all */
	MemoryContext row_context;
} BuildState;

char *
omen_hnsw_build_phase(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case OMEN_PHASE_SAMPLE:
			return "sampling vectors";
		case OMEN_PHASE_INSERT:
			return "inserting rows";
		default:
			return omen_step_name(phase - OMEN_PHASE_STEPS);
	}
}

/* The dimensions of the indexed column, after checking them. */
static int
column_dims(Relation index, const OmenOpclass *opclass)
{
	int			dims = omen_vector_typmod(index);

	if (dims < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("column does not have dimensions"),
						errhint("Declare the column, or cast the expression, "
								"with a number of dimensions.")));
	if (dims > opclass->type->max_dims)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("column cannot have more than %d dimensions for "
							   "%s index",
							   opclass->type->max_dims,
							   get_am_name(index->rd_rel->relam))));
	return dims;
}

static void
create_meta(Relation index, ForkNumber fork)
{
	const OmenOpclass *opclass;
	OmenGraphShape shape;
	int			m = omen_options_m(index);
	int			ef_construction = omen_options_ef_construction(index);
	int			seed = omen_options_seed(index);
	int			dims;
	OmenStorage storage;

	omen_check_columns(index);
	opclass = omen_opclass(index);
	dims = column_dims(index, opclass);
	shape = omen_graph_shape(opclass, dims);
	storage = omen_options_storage(index, shape.metric, shape.dims);

	if (ef_construction < 2 * m)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("ef_construction must be greater than or equal to 2 * m")));
	omen_options_check_storage(storage, shape.metric, shape.dims);
	omen_meta_create(index, fork, shape.metric, storage, shape.dims, dims, m,
					 ef_construction, seed == 0 ? DEFAULT_SEED : omen_mix(seed),
					 omen_keys_bytes(index),
					 omen_index_columns(index).vector - 1);
}

/* ---------- the sample ---------- */

static void
sample_row(Relation index, ItemPointer tid, Datum *values, bool *isnull,
		   bool tuple_is_alive, void *arg)
{
	BuildState *state = arg;
	OmenIndex  *ix = state->inserter->ix;
	int			vector = state->inserter->columns.vector - 1;
	MemoryContext old;
	struct varlena *value;

	if (isnull[vector])
		return;
	state->met++;
	if (state->floats == NULL || state->range_rows++ >= SAMPLE_RANGE_ROWS)
		return;

	old = MemoryContextSwitchTo(state->row_context);
	value = PG_DETOAST_DATUM(values[vector]);
	if (state->opclass->type->dims(value) == (int) ix->meta.value_dims &&
		omen_transform(state->quantizer,
					   state->opclass->type->floats(value, state->quantizer,
													state->floats),
					   state->transformed))
	{
		double		sumsq = 0;

		for (uint32 d = 0; d < ix->meta.dims; d++)
		{
			float		x = state->transformed[d];

			state->sum[d] += x;
			sumsq += (double) x * x;
			state->lowest = Min(state->lowest, x);
			state->highest = Max(state->highest, x);
		}
		state->sumsq += sumsq;
		state->sampled++;
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row_context);
}

/*
 * Sample the heap, for the mean and for whether the index will be more than a
 * flat list.
 */
static void
sample_heap(BuildState *state)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(state->heap);
	BlockNumber ranges =
		Min(SAMPLE_RANGES,
			(nblocks + SAMPLE_RANGE_BLOCKS - 1) / SAMPLE_RANGE_BLOCKS);

	for (BlockNumber i = 0; i < ranges; i++)
	{
		BlockNumber start = (BlockNumber) ((uint64) nblocks * i / ranges);
		BlockNumber end = (BlockNumber) ((uint64) nblocks * (i + 1) / ranges);

		state->range_rows = 0;
		table_index_build_range_scan(state->heap, state->index,
									 state->index_info, false, false, false,
									 start,
									 Min(end - start, SAMPLE_RANGE_BLOCKS),
									 sample_row, state, NULL);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Where the coordinates of the sample lie, for the grid of L1: within six
 * standard deviations, so that a few that lie far out do not make it useless
 * for the others.
 */
static void
limit_range(BuildState *state)
{
	double count = (double) state->sampled * state->inserter->ix->meta.dims;
	double		sum = 0;
	double		mean;
	double		reach;

	for (uint32 d = 0; d < state->inserter->ix->meta.dims; d++)
		sum += state->sum[d];
	mean = sum / count;
	reach = 6 * sqrt(Max(state->sumsq / count - mean * mean, 0));
	if (!(reach < FLT_MAX / 4))
		return;
	state->lowest = Max(state->lowest, (float) (mean - reach));
	state->highest = Min(state->highest, (float) (mean + reach));
}

/* A quantizer of the codes that a build compares; see partition.h. */
static OmenQuantizer *
build_quantizer(const OmenIndex *ix, const float *mean)
{
	OmenQuantizer *quantizer =
		palloc(omen_quantizer_size(ix->meta.metric, OMEN_BUILD_STORAGE,
								   ix->meta.dims));

	omen_quantizer_init(quantizer, ix->meta.metric, OMEN_BUILD_STORAGE,
						ix->meta.dims, ix->meta.seed, mean);
	return quantizer;
}

/* Space for a sample of floats. */
static void
prepare_sample(BuildState *state)
{
	uint32		dims = state->inserter->ix->meta.dims;

	state->sum = palloc0(dims * sizeof(double));
	state->floats = palloc(dims * sizeof(float));
	state->transformed = palloc(dims * sizeof(float));
	state->quantizer = build_quantizer(state->inserter->ix, NULL);
	state->lowest = FLT_MAX;
	state->highest = -FLT_MAX;
}

/*
 * With enough rows in the sample the index is built as a graph, with the mean
 * of the sample if its codes have one.  With fewer it starts as a flat list;
 * false.
 */
static bool
choose_quantizer(BuildState *state)
{
	OmenIndex  *ix = state->inserter->ix;
	uint32		dims = ix->meta.dims;
	bool		has_mean = omen_has_mean(ix->meta.storage, ix->meta.metric);

	if (state->opclass->type->floats != NULL)
		prepare_sample(state);
	sample_heap(state);
	if (state->met <= OMEN_FLAT_NODES)
		return false;
	if (state->floats != NULL)
	{
		if (state->sampled == 0)
			return false;
		limit_range(state);
		for (uint32 d = 0; d < dims; d++)
			state->transformed[d] = (float) (state->sum[d] / state->sampled);
	}
	/* the radius is known when all rows have been read */
	omen_graph_freeze(state->inserter->graph,
					  has_mean ? state->transformed : NULL, 0);
	if (state->inserter->prefix == NULL)
		omen_graph_set_mode(state->inserter->graph, OMEN_MODE_GRAPH);
	return true;
}

/* ---------- the rows ---------- */

static void
add_row(Relation index, ItemPointer tid, Datum *values, bool *isnull,
		bool tuple_is_alive, void *arg)
{
	BuildState *state = arg;

	CHECK_FOR_INTERRUPTS();
	omen_inserter_add(state->inserter, values, isnull, tid, false);
	state->tuples++;
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE,
								 (int64) state->tuples);
}

/* A small table: insert its rows one by one. */
static void
insert_rows(BuildState *state, IndexBuildResult *result)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE,
								 OMEN_PHASE_INSERT);
	result->heap_tuples =
		table_index_build_scan(state->heap, state->index, state->index_info,
							   false, true, add_row, state, NULL);
	result->index_tuples = state->tuples;
	if (RelationNeedsWAL(state->index))
		log_newpage_range(state->index, MAIN_FORKNUM, 0,
						  RelationGetNumberOfBlocks(state->index), true);
}

/*
 * A larger one: build a graph, or that of each group, which is logged as well.
 */
static void
build_graph(BuildState *state, IndexBuildResult *result)
{
	OmenIndex  *ix = state->inserter->ix;
	OmenBuildInput input = {0};

	input.heap = state->heap;
	input.index = state->index;
	input.index_info = state->index_info;
	input.graph = state->inserter->graph;
	input.grid_low = state->lowest;
	input.grid_high = state->highest;
	if (omen_metrics[ix->meta.metric].compared != OMEN_COMPARED_GRID)
		input.quantizer =
			omen_builds_by_codes(ix->meta.storage, ix->meta.metric)
				? ix->quantizer
				: build_quantizer(ix, omen_has_mean(OMEN_BUILD_STORAGE,
													ix->meta.metric)
										  ? state->transformed
										  : NULL);
	omen_build_graph(&input, result);
}

IndexBuildResult *
omen_hnsw_build(Relation heap, Relation index, IndexInfo *index_info)
{
	BuildState	state = {0};
	IndexBuildResult *result = palloc(sizeof(IndexBuildResult));
	MemoryContext context;
	MemoryContext old;

	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data",
			 RelationGetRelationName(index));

	context = AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw build",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	create_meta(index, MAIN_FORKNUM);
	state.heap = heap;
	state.index = index;
	state.index_info = index_info;
	state.opclass = omen_opclass(index);
	state.inserter = omen_inserter_create(heap, index, true);
	state.row_context = AllocSetContextCreate(context, "omen_hnsw sample",
											  ALLOCSET_DEFAULT_SIZES);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE,
								 OMEN_PHASE_SAMPLE);
	if (choose_quantizer(&state))
		build_graph(&state, result);
	else
		insert_rows(&state, result);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return result;
}

/* The init fork of an unlogged index: a metapage. */
void
omen_hnsw_build_empty(Relation index)
{
	create_meta(index, INIT_FORKNUM);
}
