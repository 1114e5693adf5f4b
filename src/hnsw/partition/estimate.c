/*-------------------------------------------------------------------------
 *
 * estimate.c
 *	  What a build will take, asked before it is started.
 *
 * Uses the plan of the build itself, for rows that are all different.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "compat.h"
#include "funcapi.h"
#include "hnsw/partition/partition.h"
#include "hnsw/named_index.h"
#include "miscadmin.h"
#include "omendb.h"
#include "postmaster/bgworker_internals.h"
#include "utils/builtins.h"

#define ESTIMATE_COLUMNS 3

typedef struct Estimate
{
	double		index;			/* bytes */
	double		memory;
	double		temporary;
} Estimate;

/* Report a name that is none. */
pg_noreturn static void
refuse_name(const char *what, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for parameter \"%s\": \"%s\"", what, name)));
}

static void
check_range(const char *what, int64 value, int64 least, int64 most)
{
	if (value < least || value > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%lld is outside the valid range for parameter \"%s\" "
						"(%lld .. %lld)",
						(long long) value, what, (long long) least,
						(long long) most)));
}

/* Pages of the finished index. */
static double
index_pages(const OmenLayout *layout, uint64 rows, uint32 m)
{
	double		pages = 1;
	double		slots = rows;

	pages += ceil(slots / layout->node.per_page);
	if (layout->out_of_line)
		pages += slots * omen_payload_parts(layout->code_bytes);
	/* one node in m is in the next layer, and so on */
	slots /= m - 1;
	return pages + ceil(slots / layout->upper.per_page);
}

/* Bytes that steps pass on, when there are most of them. */
typedef struct PassedOn
{
	double		scanned;		/* when the table has been read, */
	double		carved;			/* when leaves have been found, */
	double		linked;			/* when edges have been */
	double		placed;			/* and by position, not in the arena */
} PassedOn;

static void
pass_on(const OmenBuildShape *shape, const OmenBuildLayer *layer,
		const OmenBuildMemory *memory, double rows, PassedOn *bytes)
{
	double		row = shape->row_bytes;
	double		homes = row + layer->overlap * sizeof(uint32);
	double		near = layer->overlap * offsetof(OmenLeafRecord, near) +
				  omen_candidate_room(shape, layer) * sizeof(OmenNear);
	double		edges = 1.4 * shape->candidates / 3 * sizeof(OmenEdgeRecord);
	/* streams that are open at once end in blocks of their own */
	double		ends = (double) memory->sharers * OMEN_POOL_BLOCK *
				  (layer->leaf_parts + 2 * layer->ranges);

	bytes->scanned = rows * (row + 2 * sizeof(uint64));
	bytes->carved = rows * (row + homes) + ends;
	bytes->linked = rows * (row / 15 + near + edges) + ends;
	bytes->placed = 0;
	if (!layer->has_points)
		bytes->placed += rows * shape->point_bytes;
	if (!layer->has_nodes)
		bytes->placed += rows * omen_node_bytes(shape);
}

static double
beyond(double bytes, double limit)
{
	return bytes > limit ? bytes - limit : 0;
}

/* What of that is in files at once, at most. */
static double
temporary_bytes(const PassedOn *bytes, const OmenBuildMemory *memory,
				bool has_points)
{
	double		pool = (double) memory->total / 2;
	double		carved =
		beyond(bytes->scanned, pool) + (bytes->carved - bytes->scanned);

	if (has_points)
		carved = Max(beyond(bytes->scanned, pool),
					 beyond(bytes->carved, memory->pool));
	return Max(carved, beyond(bytes->linked, memory->pool) + bytes->placed);
}

/* And what in memory, beside what participants have and the arena. */
static double
pool_bytes(const PassedOn *bytes, const OmenBuildMemory *memory)
{
	return Min(Max(bytes->carved, bytes->linked), memory->pool);
}

/* Memory that a participant takes besides the arena. */
static double
work_bytes(const OmenBuildShape *shape, const OmenBuildLayer *layer,
		   const OmenBuildMemory *memory)
{
	uint32		leaf = shape->leaf_size + shape->leaf_size / 2;
	double		place = (double) layer->points / layer->place_parts *
				   (shape->row_bytes + layer->overlap * sizeof(uint32));
	double		prune = (double) Min(layer->points, layer->range_slots) *
				   omen_candidate_room(shape, layer) * sizeof(OmenNear);
	double		compare = (double) leaf * shape->point_bytes +
					 omen_columns_bytes(shape, false, leaf) +
					 omen_compare_bytes(shape, leaf);
	double buffers = (double) BLCKSZ * Max(layer->leaf_parts, layer->ranges);

	/* what is larger than that is not kept in memory */
	return memory->cache + buffers + compare +
		   Min(Max(place, prune), (double) memory->work);
}

/* Lay out the arena as a build does; returns its size. */
static Size
choose_arena(const OmenBuildShape *shape, const OmenBuildMemory *memory,
			 OmenBuildLayer *layers, uint64 rows, const uint64 *most_points)
{
	OmenArena	arena;
	Size		size;

	layers[0].has_points = true;
	layers[0].has_nodes = true;
	size = omen_plan_arena(shape, &arena, layers, rows, most_points);
	if (size <= memory->total / 2)
		return size;
	layers[0].has_nodes = false;
	size = omen_plan_arena(shape, &arena, layers, rows, most_points);
	if (size <= memory->total / 2)
		return size;
	layers[0].has_points = false;
	return omen_plan_arena(shape, &arena, layers, rows, most_points);
}

static void
estimate(const OmenBuildShape *shape, const OmenLayout *layout,
		 OmenBuildMemory *memory, uint64 rows, uint32 m, Estimate *result)
{
	OmenBuildLayer layers[OMEN_MAX_LEVEL + 1] = {0};
	uint64		most_points[OMEN_MAX_LEVEL + 1] = {rows};
	PassedOn	bytes;
	double		work;
	Size		size;

	for (int l = 1; l <= OMEN_MAX_LEVEL; l++)
		most_points[l] = most_points[l - 1] / m;

	omen_plan_scan(memory);
	omen_plan_layer(shape, layout, memory, 0, rows, &layers[0]);
	size = choose_arena(shape, memory, layers, rows, most_points);
	omen_plan_memory(memory, size, layers[0].has_points);
	omen_plan_layer(shape, layout, memory, 0, rows, &layers[0]);
	result->index = index_pages(layout, rows, m) * BLCKSZ;
	pass_on(shape, &layers[0], memory, rows, &bytes);
	result->temporary = temporary_bytes(&bytes, memory, layers[0].has_points);
	work = work_bytes(shape, &layers[0], memory) * memory->sharers;
	/* while leaves are found, and from then on */
	result->memory = size + Max(Min(bytes.scanned, (double) memory->total / 2),
								pool_bytes(&bytes, memory) + work);
}

OMEN_FUNCTION(omen_hnsw_build_estimate);

/*
 * omen_hnsw_build_estimate(rows, dims, m, ef_construction, storage, metric,
 * workers): one row with the bytes of the index, of memory (of all
 * participants, under the present maintenance_work_mem) and of temporary
 * files.
 */
Datum
omen_hnsw_build_estimate(PG_FUNCTION_ARGS)
{
	int64		rows = PG_GETARG_INT64(0);
	int			dims = PG_GETARG_INT32(1);
	int			m = PG_GETARG_INT32(2);
	int			ef_construction = PG_GETARG_INT32(3);
	char	   *storage_name = text_to_cstring(PG_GETARG_TEXT_PP(4));
	char	   *metric_name = text_to_cstring(PG_GETARG_TEXT_PP(5));
	OmenStorage storage;
	OmenMetric	metric;
	int			workers = PG_GETARG_INT32(6);
	OmenBuildMemory memory = {(Size) maintenance_work_mem * 1024, 0};
	OmenBuildShape shape;
	Estimate	result;
	OmenLayout	layout;
	Datum		values[ESTIMATE_COLUMNS];
	bool		nulls[ESTIMATE_COLUMNS] = {0};

	if (!omen_metric_find(metric_name, &metric))
		refuse_name("metric", metric_name);
	check_range("rows", rows, 1, OMEN_MAX_ID);
	check_range("m", m, OMEN_MIN_M, OMEN_MAX_M);
	check_range("ef_construction", ef_construction, 2 * m,
				OMEN_MAX_EF_CONSTRUCTION);
	if (strcmp(storage_name, "auto") == 0)
		storage = omen_storage_default(metric, dims);
	else if (!omen_storage_find(storage_name, &storage))
		refuse_name("storage", storage_name);
	omen_options_check_storage(storage, metric, Max(dims, 1));
	check_range("dims", dims, 1, omen_codecs[storage]->max_dim);
	check_range("workers", workers, 0, MAX_PARALLEL_WORKER_LIMIT);
	omen_layout_init(&layout, OMEN_FORMAT_VERSION, storage, dims, m, 0, false);
	omen_plan_shape(&shape, metric, storage, dims, m, ef_construction, 0);
	memory.sharers = workers + 1;
	estimate(&shape, &layout, &memory, rows, m, &result);
	values[0] = Int64GetDatum((int64) result.index);
	values[1] = Int64GetDatum((int64) result.memory);
	values[2] = Int64GetDatum((int64) result.temporary);
	PG_RETURN_DATUM(omen_return_row(fcinfo, values, nulls));
}
