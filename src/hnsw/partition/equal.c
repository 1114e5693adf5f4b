/*-------------------------------------------------------------------------
 *
 * equal.c
 *	  Rows with equal codes share one node.
 *
 * The leader finds them, before leaves are made: a leaf of copies could
 * neither be split nor searched.  Of rows with equal codes the first in the
 * order of rows becomes the point; the others are "copies", left out of all
 * that follows and attached to the point's node when it has been written.
 *
 * Hashes are read a partition at a time, twice: to find the first row of each
 * hash, then to compare the codes of the others with the first's.  A table of
 * hashes that does not fit in memory is made in several passes over the
 * partition, each for a part of the hashes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "executor/tuptable.h"
#include "hnsw/partition/groups.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/tuplesort.h"

/* A row as the partitions name it. */
typedef struct HashRecord
{
	uint64		hash;
	uint64		locator;
} HashRecord;

typedef struct HashEntry
{
	uint64		hash;
	uint64		first;			/* the first row of the hash, or NO_ROW */
	bool		several;
} HashEntry;

#define NO_ROW PG_UINT64_MAX

/*
 * What the leader may have for a table of hashes, and for each of the two
 * sorts: parts of maintenance_work_mem.
 */
#define HASHES_SHARE 4
#define SORT_SHARE 4

/* Memory that a copy takes in a sort, by what the server's sort allocates. */
#define SORT_BYTES 112

/*
 * The rows that are copies, from when they are found to when their points
 * have been written.
 */
struct OmenEqual
{
	OmenBuild  *build;
	HashEntry  *table;
	uint64		mask;
	uint64		copies;
	OmenRowReader *rows;
	OmenRow	   *row;			/* spaces for rows that are compared */
	OmenRow	   *first;
	Tuplesortstate *sort;		/* of the copies; NULL while there are none */
	TupleTableSlot *in;
	TupleTableSlot *out;
};

/* ---------- copies, sorted by what they are copies of ---------- */

static Size
sort_memory(const OmenBuild *build)
{
	return Max(build->team->memory.total / SORT_SHARE, 64 * 1024);
}

/* What the copies that were found keep in memory until they are attached. */
Size
omen_copies_bytes(const OmenBuild *build)
{
	return Min(build->job->copies * SORT_BYTES, sort_memory(build));
}

/*
 * Sort of (row or point, TID or position, error, keys as the point's): by the
 * first two.
 */
static Tuplesortstate *
begin_sort(OmenEqual *state)
{
	TupleDesc	desc = CreateTemplateTupleDesc(4);
	AttrNumber	columns[2] = {1, 2};
	Oid			operators[2] = {Int8LessOperator, Int8LessOperator};
	Oid			collations[2] = {InvalidOid, InvalidOid};
	bool		nulls_first[2] = {false, false};

	TupleDescInitEntry(desc, 1, "row", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 2, "what", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 3, "error", FLOAT4OID, -1, 0);
	TupleDescInitEntry(desc, 4, "same_keys", BOOLOID, -1, 0);
	if (state->in == NULL)
	{
		state->in = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
		state->out = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	}
	return tuplesort_begin_heap(desc, 2, columns, operators, collations,
								nulls_first,
								(int) (sort_memory(state->build) / 1024), NULL,
								0);
}

/* Done with a sort; what of it was in a file is the build's. */
static void
end_sort(OmenEqual *state, Tuplesortstate *sort)
{
	TuplesortInstrumentation stats;

	tuplesort_get_stats(sort, &stats);
	if (stats.spaceType == SORT_SPACE_TYPE_DISK)
		pg_atomic_fetch_add_u64(&state->build->team->file_bytes,
								(int64) stats.spaceUsed * 1024);
	tuplesort_end(sort);
}

static void
put_sort(OmenEqual *state, Tuplesortstate *sort, uint64 row, uint64 what,
		 float error, bool is_same)
{
	TupleTableSlot *slot = state->in;

	ExecClearTuple(slot);
	slot->tts_values[0] = Int64GetDatum((int64) row);
	slot->tts_values[1] = Int64GetDatum((int64) what);
	slot->tts_values[2] = Float4GetDatum(error);
	slot->tts_values[3] = BoolGetDatum(is_same);
	memset(slot->tts_isnull, 0, 4 * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(sort, slot);
}

static bool
get_sort(OmenEqual *state, Tuplesortstate *sort, uint64 *row, uint64 *what,
		 float *error, bool *is_same)
{
	TupleTableSlot *slot = state->out;

	if (!tuplesort_gettupleslot(sort, true, false, slot, NULL))
		return false;
	slot_getallattrs(slot);
	*row = (uint64) DatumGetInt64(slot->tts_values[0]);
	*what = (uint64) DatumGetInt64(slot->tts_values[1]);
	*error = DatumGetFloat4(slot->tts_values[2]);
	*is_same = DatumGetBool(slot->tts_values[3]);
	return true;
}

/* TIDs as numbers in their order. */
static inline uint64
tid_number(const ItemPointerData *tid)
{
	return ((uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16) |
		   ItemPointerGetOffsetNumberNoCheck(tid);
}

static inline ItemPointerData
number_tid(uint64 number)
{
	ItemPointerData tid;

	ItemPointerSet(&tid, (BlockNumber) (number >> 16),
				   (OffsetNumber) (number & 0xFFFF));
	return tid;
}

/* ---------- finding them ---------- */

static uint64
ordinal(const OmenBuildJob *job, uint64 locator)
{
	return job->chunks[locator >> 32].first + (uint32) locator;
}

static HashEntry *
find_entry(OmenEqual *state, uint64 hash)
{
	uint64		at = omen_mix(hash) & state->mask;

	while (state->table[at].first != NO_ROW && state->table[at].hash != hash)
		at = (at + 1) & state->mask;
	return &state->table[at];
}

static void
read_row(OmenEqual *state, uint64 locator, OmenRow *row)
{
	const OmenChunk *chunk = &state->build->job->chunks[locator >> 32];

	omen_rows_seek(state->rows, chunk->participant,
				   chunk->start + (uint32) locator);
	omen_rows_read(state->rows, row);
}

/* Do two rows have the same filter keys? */
bool
omen_same_keys(const OmenBuild *build, const OmenRow *a, const OmenRow *b)
{
	Size		skip = build->shape.code_stride + build->shape.index_bytes;

	return a->key_nulls == b->key_nulls &&
		   memcmp(OMEN_ROW_CODE(a) + skip, OMEN_ROW_CODE(b) + skip,
				  build->shape.key_bytes) == 0;
}

/* Do two rows have the same code, as an insert would see it? */
bool
omen_same_code(const OmenBuild *build, const OmenRow *a, const OmenRow *b)
{
	Size skip = build->shape.index_bytes > 0 ? build->shape.code_stride : 0;

	return a->header.offset == b->header.offset &&
		   a->header.step == b->header.step &&
		   memcmp(OMEN_ROW_CODE(a) + skip, OMEN_ROW_CODE(b) + skip,
				  build->ix->layout.code_bytes) == 0;
}

static void
note_copy(OmenEqual *state, const OmenRow *first, const OmenRow *row)
{
	OmenBuild  *build = state->build;

	if (state->sort == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(build->job_context);

		state->sort = begin_sort(state);
		MemoryContextSwitchTo(old);
	}
	omen_bit_set(build->dup_bits, ordinal(build->job, row->locator));
	omen_bit_set(build->copied_bits, ordinal(build->job, first->locator));
	put_sort(state, state->sort, first->locator, tid_number(&row->tid),
			 row->header.error, omen_same_keys(build, first, row));
	state->copies++;
}

/* One pass over a partition, for one part of its hashes. */
static void
find_in_part(OmenEqual *state, uint32 part, uint32 pass, uint32 passes)
{
	OmenBuild  *build = state->build;
	HashRecord	record;
	OmenUnspill un;
	bool		several = false;

	for (uint64 i = 0; i <= state->mask; i++)
		state->table[i].first = NO_ROW;
	omen_unspill_begin(&un, build, OMEN_SPILL_HASHES, 0, part);
	while (omen_unspill_next(&un, &record, sizeof(record)))
	{
		HashEntry  *entry;

		CHECK_FOR_INTERRUPTS();
		if (record.hash % passes != pass)
			continue;
		entry = find_entry(state, record.hash);
		if (entry->first == NO_ROW)
		{
			entry->hash = record.hash;
			entry->first = record.locator;
			entry->several = false;
		}
		else
		{
			entry->first = Min(entry->first, record.locator);
			entry->several = several = true;
		}
		omen_build_progress(build, 1);
	}
	omen_unspill_end(&un, false);

	omen_unspill_begin(&un, build, OMEN_SPILL_HASHES, 0, part);
	while (several && omen_unspill_next(&un, &record, sizeof(record)))
	{
		HashEntry  *entry;

		CHECK_FOR_INTERRUPTS();
		if (record.hash % passes != pass)
			continue;
		entry = find_entry(state, record.hash);
		if (!entry->several || entry->first == record.locator)
			continue;
		if (state->first->locator != entry->first)
			read_row(state, entry->first, state->first);
		read_row(state, record.locator, state->row);
		if (omen_same_code(build, state->first, state->row))
			note_copy(state, state->first, state->row);
	}
	omen_unspill_end(&un, pass == passes - 1);
}

/* Hashes of the largest partition, so that one table serves all. */
static uint64
largest_part(OmenBuild *build, uint64 rows)
{
	uint64		largest = 0;
	HashRecord	record;

	if (build->job->hash_parts == 1)
		return rows;
	for (uint32 part = 0; part < build->job->hash_parts; part++)
	{
		OmenUnspill un;
		uint64		count = 0;

		omen_unspill_begin(&un, build, OMEN_SPILL_HASHES, 0, part);
		while (omen_unspill_next(&un, &record, sizeof(record)))
			count++;
		omen_unspill_end(&un, false);
		largest = Max(largest, count);
		CHECK_FOR_INTERRUPTS();
	}
	return largest;
}

static uint64 *
no_bits(OmenBuild *build)
{
	Size		bytes = (build->job->rows + 63) / 64 * sizeof(uint64);
	uint64	   *bits = MemoryContextAllocHuge(build->job_context, bytes);

	memset(bits, 0, bytes);
	return bits;
}

/*
 * Find the rows that are copies of others.  Marks them, and what they are
 * copies of, in build->dup_bits and build->copied_bits, and counts them.
 */
void
omen_step_equal(OmenBuild *build)
{
	OmenEqual  *state =
		MemoryContextAllocZero(build->job_context, sizeof(OmenEqual));
	uint64		largest = largest_part(build, build->job->rows);
	uint64		room =
		Max(build->team->memory.total / HASHES_SHARE / sizeof(HashEntry), 1024);
	uint64		size = pg_nextpower2_64(Max(largest * 2, 1024));
	uint32		passes = 1;

	if (build->job->rows == 0)
		return;
	build->dup_bits = no_bits(build);
	build->copied_bits = no_bits(build);
	state->build = build;
	while (size > room && size > 1024)
	{
		size /= 2;
		passes *= 2;
	}
	state->mask = size - 1;
	state->table = omen_alloc(mul_size(size, sizeof(HashEntry)));
	state->rows =
		omen_rows_open(build, OMEN_SPILL_ROWS, 0, 0, build->shape.row_bytes);
	state->row = palloc(build->shape.row_bytes);
	state->first = palloc(build->shape.row_bytes);
	state->first->locator = NO_ROW;
	for (uint32 part = 0; part < build->job->hash_parts; part++)
		for (uint32 pass = 0; pass < passes; pass++)
			find_in_part(state, part, pass, passes);
	omen_rows_close(state->rows);
	pfree(state->table);
	build->equal = state;
	build->job->copies = state->copies;
}

/* ---------- attaching them ---------- */

/* The positions of points that there are copies of, by row. */
static Tuplesortstate *
sort_places(OmenEqual *state)
{
	Tuplesortstate *sort = begin_sort(state);
	OmenPlaced	placed;
	OmenUnspill un;

	omen_unspill_begin(&un, state->build, OMEN_SPILL_COPIED, 0, 0);
	while (omen_unspill_next(&un, &placed, sizeof(placed)))
	{
		CHECK_FOR_INTERRUPTS();
		put_sort(state, sort, placed.locator, placed.position, 0, true);
	}
	omen_unspill_end(&un, true);
	tuplesort_performsort(sort);
	return sort;
}

/* Attach the copies to the nodes of their points, which have been written. */
void
omen_step_copies(OmenBuild *build)
{
	OmenEqual  *state = build->equal;
	uint32 first_id = build->job->node_block * build->ix->layout.node.per_page;
	Tuplesortstate *places;
	uint64		place_of = NO_ROW;
	uint64		position = 0;
	uint64		row;
	uint64		number;
	float		error;
	bool		is_same;

	if (state->sort == NULL)
		return;
	tuplesort_performsort(state->sort);
	places = sort_places(state);
	while (get_sort(state, state->sort, &row, &number, &error, &is_same))
	{
		ItemPointerData tid = number_tid(number);
		OmenNodeRef node = {0, 0};
		float		no_error;
		bool		unused;

		CHECK_FOR_INTERRUPTS();
		while (place_of != row)
		{
			if (!get_sort(state, places, &place_of, &position, &no_error,
						  &unused))
				elog(ERROR, "a row's equal has no place in the index");
		}
		node.id = first_id + (uint32) position;
		if (build->later.spill)
			omen_attach_later(build, node, error, is_same, &tid);
		else
			omen_posting_attach_known(build->graph, node, error, is_same, &tid);
		omen_build_progress(build, 1);
	}
	end_sort(state, places);
	end_sort(state, state->sort);
	state->sort = NULL;
}
