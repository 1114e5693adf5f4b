/*-------------------------------------------------------------------------
 *
 * read_table.c
 *	  First step: read the table, encode its vectors.
 *
 * An item is a chunk of the table's blocks.  Each row is written to the
 * participant's stream of rows, and the hash of its code to a partition by
 * hash, for equal.c.  Rows without a place in the graph go to a stream of their
 * own.  In an index of groups all go to a partition by the hash of their
 * group's key, for group_cut.c.  The order of rows is that of the scan: by
 * block, and within a block as the table access method gives them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "catalog/index.h"
#include "common/hashfn.h"
#include "compat.h"
#include "hnsw/partition/groups.h"
#include "heap/toast.h"
#include "miscadmin.h"
#include "types/encode.h"
#include "utils/memutils.h"

/* Rows are counted into the shared progress this many at a time. */
#define PROGRESS_ROWS 64

typedef struct RowScan
{
	OmenBuild  *build;
	OmenSpill  *rows;
	OmenSpill  *hashes;
	OmenSpill  *side;
	OmenSpill  *by_hash;		/* of groups; then none of the others */
	OmenChunk  *chunk;
	uint32		chunk_number;
	uint64		nrows;			/* written by this participant */
	uint64		nside;
	uint32		unreported;
	double		sumsq;			/* squared norm of the row's vector, for inner
								 * product; */
	double		longest;		/* and the largest so far */
	uint64		levels[OMEN_MAX_LEVEL + 1]; /* rows by top layer */
	OmenRow	   *row;			/* space for a row */
	uint8	   *narrow;			/* and a narrow code */
	OmenEncodeSpace space;
	OmenToastReader *toast;
	OmenKeys   *keys;			/* columns, or NULL */
	OmenRowKeys row_keys;		/* space for the keys of a row */
	OmenPrefixKey *group_key;	/* and for the key of its group */
	MemoryContext row_context;
} RowScan;

/* The numbers of a code, and what their grid is. */
typedef struct CodeSums
{
	double		offset;
	double		step;
	uint32		sum;
	uint32		sumsq;
} CodeSums;

/* Those of a narrow code, which is made in space. */
static CodeSums
narrow_sums(const OmenBuildShape *shape, const OmenCodeHeader *header,
			const uint8 *code, uint8 *space)
{
	const uint32 values = 1 << OMEN_NARROWED;
	CodeSums	sums;

	omen_kernels->block->narrow(code, shape->narrow_at, space);
	/* a number stands for the middle of those that become it */
	sums.offset = header->offset + (values - 1) / 2.0 * header->step;
	sums.step = (double) values * header->step;
	sums.sum = omen_narrow_sum(space, shape->narrow_at);
	sums.sumsq = omen_kernels->ip_u8(space, space, shape->dims);
	return sums;
}

/*
 * What the distances of a build code are computed from; see block.h.  Where
 * nodes are linked by angles that is of the vector brought to a norm of 1,
 * whose own may be beyond float32; there is no mean.
 */
static void
fill_code_terms(const OmenQuantizer *q, const CodeSums *sums,
				OmenPointTerms *terms)
{
	uint32		dim = omen_quantizer_dim(q);
	double		dims = dim;
	double		sum = sums->sum;
	double		mean = sums->offset + sums->step * sum / dims;
	double		centered = sum - 128.0 * dims;
	double		spread = (double) sums->sumsq - sum * sum / dims;
	double		sumsq = dims * mean * mean +
				   sums->step * sums->step * (spread > 0 ? spread : 0);
	double		norm = 1;

	if (omen_quantizer_metric(q)->links_by_angle && sumsq > 0)
		norm = sqrt(sumsq);
	terms->scale = (float) (sqrt(2.0) * sums->step / norm);
	terms->sum = (float) (centered / sqrt(dims));
	terms->level = (float) (sqrt(2.0 * dims) * mean / norm);
	terms->sumsq = (float) (sumsq / (norm * norm));
	terms->added = 0;
	terms->sum128 = 128 * ((int32) sums->sum - 128 * (int32) dim);
}

/* The same of bits; see bits.h. */
static void
fill_bit_terms(const OmenBuildShape *shape, const uint8 *code,
			   OmenPointTerms *terms)
{
	memset(terms, 0, sizeof(OmenPointTerms));
	terms->ones = (int32) omen_kernels->bits->ones(code, shape->length);
}

/* Coordinates on the grid, for L1. */
static void
encode_grid(const OmenBuildTask *task, const float *x, uint32 dims,
			uint16 *code)
{
	for (uint32 i = 0; i < dims; i++)
	{
		float		steps = (x[i] - task->grid_offset) * task->grid_scale;

		code[i] = steps > 0 ? (uint16) Min(steps + 0.5f, 32767.0f) : 0;
	}
}

/* Fill state->row from the floats of a vector. */
static bool
encode_floats(RowScan *state, const float *x)
{
	OmenBuild  *build = state->build;
	const OmenBuildShape *shape = &build->shape;
	OmenRow	   *row = state->row;
	uint8	   *code = OMEN_ROW_CODE(row);
	uint8	   *index_code = code + shape->code_stride;
	OmenCodeHeader header;
	CodeSums	sums;

	if (shape->index_bytes > 0 &&
		!omen_encode(build->ix->quantizer, x, state->space.scratch,
					 &row->header, index_code))
		return false;
	if (shape->compared == OMEN_COMPARED_GRID)
	{
		encode_grid(build->task, x, shape->dims, (uint16 *) code);
		return true;
	}
	if (!omen_encode(build->quantizer, x, state->space.scratch, &header, code))
		return false;
	if (shape->index_bytes == 0)
		row->header = header;
	sums = (CodeSums){header.offset, header.step, header.sum, header.sumsq};
	fill_code_terms(build->quantizer, &sums, &row->terms);
	if (shape->narrow_at > 0)
	{
		sums = narrow_sums(shape, &header, code, state->narrow);
		fill_code_terms(build->quantizer, &sums,
						omen_narrow_terms(shape, code));
	}
	if (omen_quantizer_metric(build->quantizer)->is_product)
	{
		state->sumsq = omen_code_sumsq(build->quantizer, &header);
		if (!omen_quantizer_metric(build->quantizer)->links_by_angle)
			row->terms.added = (float) state->sumsq;
		state->longest = Max(state->longest, state->sumsq);
	}
	return true;
}

/*
 * Fill state->row from a value.  False if it has no direction.
 */
static bool
encode_row(RowScan *state, Datum value)
{
	OmenBuild  *build = state->build;
	const OmenBuildShape *shape = &build->shape;
	const OmenType *type = build->opclass->type;
	uint8	   *code = OMEN_ROW_CODE(state->row);
	struct varlena *detoasted = omen_toast_read(state->toast, value);
	int			dims = type->dims(detoasted);

	if (dims != (int) build->ix->meta.value_dims)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("expected %d dimensions, not %d",
							   (int) build->ix->meta.value_dims, dims)));
	if (type->floats != NULL)
		return encode_floats(state,
							 type->floats(detoasted, build->ix->quantizer,
										  state->space.floats));
	/* codes of the type's own, which are compared as they are */
	Assert(shape->index_bytes == 0);
	if (!type->encode(build->ix->quantizer, detoasted, &state->row->header,
					  code))
		return false;
	fill_bit_terms(shape, code, &state->row->terms);
	return true;
}

/* Of what equal codes have in common; see omen_same_code(). */
uint64
omen_row_hash(const OmenBuild *build, const OmenRow *row)
{
	const OmenBuildShape *shape = &build->shape;
	const uint8 *code = OMEN_ROW_CODE(row);
	float		range[2] = {row->header.offset, row->header.step};

	if (shape->index_bytes > 0)
		code += shape->code_stride;
	return hash_bytes_extended(
		code, build->ix->layout.code_bytes,
		hash_bytes_extended((const unsigned char *) range, sizeof(range), 0));
}

/* Take in what the row has in the columns to filter by. */
static void
encode_keys(RowScan *state, const Datum *values, const bool *isnull)
{
	const OmenBuildShape *shape = &state->build->shape;

	omen_keys_encode(state->keys, values, isnull, &state->row_keys);
	state->row->key_nulls = state->row_keys.nulls;
	memcpy(OMEN_ROW_CODE(state->row) + shape->code_stride + shape->index_bytes,
		   state->row_keys.words, shape->key_bytes);
}

static void
count_row(RowScan *state)
{
	if (++state->unreported == PROGRESS_ROWS)
	{
		omen_build_progress(state->build, state->unreported);
		state->unreported = 0;
	}
}

/* ---------- passing rows on ---------- */

static void
put_side_row(RowScan *state, OmenSide kind, ItemPointer tid)
{
	OmenSideRow side;

	memset(&side, 0, sizeof(side));
	side.side = kind;
	side.tid = *tid;
	omen_spill_write(state->side, 0, &side, sizeof(side));
}

static void
put_row(RowScan *state)
{
	OmenBuild  *build = state->build;
	OmenRow	   *row = state->row;
	uint64		record[2];

	row->locator = ((uint64) state->chunk_number << 32) | state->chunk->rows;
	state->levels[row->level]++;
	record[0] = omen_row_hash(build, row);
	record[1] = row->locator;
	omen_spill_write(state->rows, 0, row, build->shape.row_bytes);
	omen_spill_write(state->hashes,
					 (uint32) ((record[0] >> 32) * build->job->hash_parts >>
							   32),
					 record, sizeof(record));
}

/* A row of a group, whose key is in state->group_key. */
static void
put_group_row(RowScan *state, OmenSide kind, ItemPointer tid)
{
	OmenBuild  *build = state->build;
	const OmenPrefixKey *key = state->group_key;
	OmenGroupRow head;
	uint32 part = (uint32) ((key->hash >> 32) * build->groups->count >> 32);

	memset(&head, 0, sizeof(head));
	head.order = ((uint64) state->chunk_number << 32) |
				 (state->chunk->rows + state->chunk->side_rows);
	head.hash = key->hash;
	head.sumsq = state->sumsq;
	head.tid = *tid;
	head.key_bytes = key->count;
	head.nulls = key->nulls;
	head.side = kind;
	if (kind == OMEN_SIDE_NONE)
		head.code_hash = omen_row_hash(build, state->row);
	omen_spill_write(state->by_hash, part, &head, sizeof(head));
	omen_spill_write(state->by_hash, part, key->bytes, key->count);
	if (kind == OMEN_SIDE_NONE)
		omen_spill_write(state->by_hash, part, state->row,
						 build->shape.row_bytes);
}

/*
 * What a row is besides its code, and its group.  Returns the side list that it
 * goes to, if it has no place in a graph.
 */
static OmenSide
fill_row(RowScan *state, ItemPointer tid, Datum *values, bool *isnull)
{
	OmenBuild  *build = state->build;
	OmenRow	   *row = state->row;
	int			vector = build->columns.vector - 1;

	state->sumsq = 0;
	if (build->prefix)
		omen_group_encode(build->ix, build->prefix, values, isnull,
						  state->group_key);
	if (isnull[vector])
		return OMEN_SIDE_NULL;
	if (!encode_row(state, values[vector]))
		return OMEN_SIDE_NAN;
	encode_keys(state, values, isnull);
	row->node = 0;
	row->down = 0;
	row->tid = *tid;
	row->level = omen_choose_level(build->ix, tid);
	return OMEN_SIDE_NONE;
}

static void
scan_row(Relation index, ItemPointer tid, Datum *values, bool *isnull,
		 bool tuple_is_alive, void *arg)
{
	RowScan	   *state = arg;
	OmenBuild  *build = state->build;
	MemoryContext old;
	OmenSide	side;

	CHECK_FOR_INTERRUPTS();
	old = MemoryContextSwitchTo(state->row_context);
	side = fill_row(state, tid, values, isnull);
	MemoryContextSwitchTo(build->step_context);
	if (build->prefix)
		put_group_row(state, side, tid);
	else if (side != OMEN_SIDE_NONE)
		put_side_row(state, side, tid);
	else
		put_row(state);
	if (side == OMEN_SIDE_NONE)
	{
		state->chunk->rows++;
		state->nrows++;
	}
	else
	{
		state->chunk->side_rows++;
		state->nside++;
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row_context);
	count_row(state);
}

static void
scan_chunk(RowScan *state, uint32 chunk)
{
	OmenBuild  *build = state->build;
	OmenBuildTeam *team = build->team;
	const OmenBuildTask *task = build->task;
	BlockNumber start = chunk * task->chunk_blocks;
	BlockNumber blocks = Min(task->chunk_blocks, task->heap_blocks - start);
	double		tuples;

	state->chunk_number = chunk;
	state->chunk = &build->job->chunks[chunk];
	state->chunk->participant = build->participant;
	state->chunk->rows = 0;
	state->chunk->start = state->nrows;
	state->chunk->side_start = state->nside;
	state->chunk->side_rows = 0;
	tuples =
		table_index_build_range_scan(build->heap, build->index,
									 build->index_info, false, false, false,
									 start, blocks, scan_row, state, NULL);
	pg_atomic_fetch_add_u64(&team->heap_tuples, (uint64) tuples);
	pg_atomic_fetch_add_u64(&team->index_tuples,
							state->chunk->rows + state->chunk->side_rows);
	pg_atomic_fetch_add_u64(&team->blocks_done, blocks);
	omen_build_progress(build, state->unreported);
	state->unreported = 0;
}

/* Raise the shared squared norm of the longest vector. */
static void
share_longest(OmenBuildJob *job, double longest)
{
	uint64		bits;
	uint64		seen = pg_atomic_read_u64(&job->longest);

	/* not negative, so the bits order as the numbers do */
	memcpy(&bits, &longest, sizeof(bits));
	while (seen < bits &&
		   !pg_atomic_compare_exchange_u64(&job->longest, &seen, bits))
		;
}

/* Where rows go: those of groups elsewhere. */
static void
open_spills(RowScan *state)
{
	OmenBuild  *build = state->build;

	if (build->prefix)
	{
		state->group_key = palloc(sizeof(OmenPrefixKey));
		state->by_hash = omen_spill_begin(build, OMEN_SPILL_BY_HASH, 0,
										  build->groups->count);
		return;
	}
	state->rows = omen_spill_begin(build, OMEN_SPILL_ROWS, 0, 1);
	state->hashes =
		omen_spill_begin(build, OMEN_SPILL_HASHES, 0, build->job->hash_parts);
	state->side = omen_spill_begin(build, OMEN_SPILL_SIDE, 0, 1);
}

static void
close_spills(RowScan *state)
{
	if (state->by_hash)
	{
		omen_spill_end(state->by_hash);
		return;
	}
	omen_spill_end(state->rows);
	omen_spill_end(state->hashes);
	omen_spill_end(state->side);
}

void
omen_step_scan(OmenBuild *build)
{
	OmenBuildShape *shape = &build->shape;
	RowScan		state = {0};
	uint32		chunk;

	state.build = build;
	open_spills(&state);
	state.row = palloc0(shape->row_bytes);
	state.narrow = palloc(shape->code_stride);
	state.space = omen_encode_space(build->opclass->type, shape->dims);
	state.toast = omen_toast_reader_create(true);
	state.keys = omen_keys_open(build->index);
	state.row_context =
		AllocSetContextCreate(build->step_context, "omen_hnsw build row",
							  ALLOCSET_DEFAULT_SIZES);
	while (omen_next_item(build, &chunk))
		scan_chunk(&state, chunk);
	omen_toast_reader_end(state.toast);
	share_longest(build->job, state.longest);
	for (int l = 0; l <= OMEN_MAX_LEVEL; l++)
		pg_atomic_fetch_add_u64(&build->job->levels[l],
								(int64) state.levels[l]);
	if (build->index_info->ii_BrokenHotChain)
		pg_atomic_write_u32(&build->team->broken_hot_chain, 1);
	close_spills(&state);
}
