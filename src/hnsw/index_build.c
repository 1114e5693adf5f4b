/*-------------------------------------------------------------------------
 *
 * index_build.c
 *	  CREATE INDEX: from a heap to a whole index.
 *
 * The quantizer's mean comes from a deterministic sample of the heap; then the
 * rows go through the same steps as inserted ones, without WAL of their own;
 * at the end the relation is logged whole.  What fills the index is behind
 * fill_index(): it is given the heap, and leaves the pages of a graph.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "compat.h"
#include "hnsw/hnsw.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"

/*
 * The rotation and the levels are drawn from this seed.  It is no secret, and
 * equal indexes on equal heaps are worth more than another draw.
 */
#define DEFAULT_SEED UINT64CONST(0x6F6D656E68736E77)

/* The sample: so many stretches of so many blocks, and rows from each. */
#define SAMPLE_RANGES 64
#define SAMPLE_RANGE_BLOCKS 32
#define SAMPLE_RANGE_ROWS 256

/* pg_stat_progress_create_index: phases after the server's own first one. */
#define PHASE_SAMPLE 2
#define PHASE_INSERT 3
#define PHASE_LOG 4

typedef struct BuildState
{
	Relation	heap;
	Relation	index;
	IndexInfo  *index_info;
	const OmenOpclass *opclass;
	OmenInserter *inserter;
	double		tuples;			/* rows indexed */

	/* the sample */
	double	   *sum;			/* of transformed vectors */
	float	   *floats;
	float	   *transformed;
	double		longest;		/* squared norm of the longest of them */
	uint64		sampled;
	uint64		range_rows;		/* rows met in this stretch */
	uint64		met;			/* rows met in all */
	MemoryContext row_context;
} BuildState;

char *
omen_build_phase(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case PHASE_SAMPLE:
			return "sampling vectors";
		case PHASE_INSERT:
			return "inserting rows";
		case PHASE_LOG:
			return "writing WAL";
		default:
			return NULL;
	}
}

/* The dimensions of the indexed column, after checking them. */
static int
column_dims(Relation index, const OmenOpclass *opclass)
{
	int			dims = TupleDescAttr(RelationGetDescr(index), 0)->atttypmod;

	if (dims < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("column does not have dimensions"),
						errhint("Declare the column, or cast the expression, "
								"with a number of dimensions.")));
	if (dims > opclass->max_dims)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("column cannot have more than %d dimensions for "
							   "omen_hnsw index",
							   opclass->max_dims)));
	return dims;
}

static void
create_meta(Relation index, ForkNumber fork)
{
	const OmenOpclass *opclass = omen_opclass(index);
	int			m = omen_options_m(index);
	int			ef_construction = omen_options_ef_construction(index);

	if (ef_construction < 2 * m)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("ef_construction must be greater than or equal to 2 * m")));
	omen_meta_create(index, fork, opclass->metric, omen_options_storage(index),
					 column_dims(index, opclass), m, ef_construction,
					 DEFAULT_SEED);
}

/* ---------- the sample ---------- */

static void
sample_row(Relation index, ItemPointer tid, Datum *values, bool *isnull,
		   bool tuple_is_alive, void *arg)
{
	BuildState *state = arg;
	OmenIndex  *ix = state->inserter->ix;
	MemoryContext old;
	struct varlena *value;

	if (isnull[0])
		return;
	state->met++;
	if (state->range_rows++ >= SAMPLE_RANGE_ROWS)
		return;

	old = MemoryContextSwitchTo(state->row_context);
	value = PG_DETOAST_DATUM(values[0]);
	if (state->opclass->dims(value) == (int) ix->meta.dims &&
		omen_transform(ix->quantizer,
					   state->opclass->floats(value, state->floats),
					   state->transformed))
	{
		double		sumsq = 0;

		for (uint32 d = 0; d < ix->meta.dims; d++)
		{
			state->sum[d] += state->transformed[d];
			sumsq += (double) state->transformed[d] * state->transformed[d];
		}
		state->longest = Max(state->longest, sumsq);
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
 * With enough rows in the sample the index starts as a graph, with the mean of
 * the sample.  With fewer it starts as a flat list.
 */
static void
choose_quantizer(BuildState *state)
{
	OmenIndex  *ix = state->inserter->ix;
	uint32		dims = ix->meta.dims;
	bool		has_mean;

	state->sum = palloc0(dims * sizeof(double));
	state->floats = palloc(dims * sizeof(float));
	state->transformed = palloc(dims * sizeof(float));
	sample_heap(state);
	if (state->met <= OMEN_FLAT_NODES || state->sampled == 0)
		return;

	has_mean = ix->meta.storage == OMEN_STORAGE_SQ8 &&
			   ix->meta.metric != OMEN_METRIC_L1;
	for (uint32 d = 0; d < dims; d++)
		state->transformed[d] = (float) (state->sum[d] / state->sampled);
	omen_meta_freeze(ix, has_mean ? state->transformed : NULL,
					 ix->meta.metric == OMEN_METRIC_IP
						 ? (float) sqrt(state->longest)
						 : 0);
	omen_set_mode(ix, OMEN_MODE_GRAPH);
}

/* ---------- the rows ---------- */

static void
add_row(Relation index, ItemPointer tid, Datum *values, bool *isnull,
		bool tuple_is_alive, void *arg)
{
	BuildState *state = arg;

	CHECK_FOR_INTERRUPTS();
	omen_inserter_add(state->inserter, values[0], isnull[0], tid, false);
	state->tuples++;
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE,
								 (int64) state->tuples);
}

/* Fill an index of which the metapage is written.  Returns the heap's rows. */
static double
fill_index(BuildState *state)
{
	double		heap_tuples;

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_SAMPLE);
	choose_quantizer(state);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_INSERT);
	heap_tuples =
		table_index_build_scan(state->heap, state->index, state->index_info,
							   false, true, add_row, state, NULL);
	return heap_tuples;
}

IndexBuildResult *
omen_build(Relation heap, Relation index, IndexInfo *index_info)
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
	state.inserter = omen_inserter_create(index, true);
	state.row_context = AllocSetContextCreate(context, "omen_hnsw sample",
											  ALLOCSET_DEFAULT_SIZES);
	result->heap_tuples = fill_index(&state);
	result->index_tuples = state.tuples;

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_LOG);
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0,
						  RelationGetNumberOfBlocks(index), true);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return result;
}

/* The init fork of an unlogged index: a metapage. */
void
omen_build_empty(Relation index)
{
	create_meta(index, INIT_FORKNUM);
}
