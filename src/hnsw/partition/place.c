/*-------------------------------------------------------------------------
 *
 * place.c
 *	  Third step: put points in the order of their homes.
 *
 * An item is a partition of the rows by home leaf.  A point's position is its
 * rank by home leaf and, in a leaf, by the order of rows.  The point and what
 * its slot will need are written at that position, its memberships to
 * partitions by leaf, and points of the next layer to its rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/partition.h"
#include "miscadmin.h"

/* Points and rows are written this many bytes at a time. */
#define WRITE_BYTES (256 * 1024)

/* One record of a partition: where it stands, and what it sorts by. */
typedef struct PlaceKey
{
	uint64		locator;
	uint32		leaf;
	uint32		participant;	/* that wrote it, */
	uint32		record;			/* number of it among what that wrote, */
	uint32		number;			/* and among all */
} PlaceKey;

typedef struct PlaceState
{
	OmenBuild  *build;
	OmenPoints *points;
	OmenPlacedFile *nodes;
	OmenSpill  *members;
	OmenSpill  *copied;
	OmenSpill  *next_rows;
	uint64		nnext;			/* rows written for the next layer */
	Size		record_bytes;
	char	   *records;		/* of a partition, if they fit in memory; */
	OmenRowReader *reader;		/* else what reads them */
	char	   *record;			/* space for one */
	uint32		batch;			/* records written at a time */
	uint32		count;			/* gathered */
	uint32		first;			/* position of the first of them */
	char	   *out_points;
	char	   *out_nodes;
} PlaceState;

#define ST_SORT sort_keys
#define ST_ELEMENT_TYPE PlaceKey
#define ST_COMPARE(a, b) \
	((a)->leaf != (b)->leaf ? ((a)->leaf < (b)->leaf ? -1 : 1) \
							: ((a)->locator < (b)->locator ? -1 : 1))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* ---------- reading a partition ---------- */

/*
 * Read a partition for its keys, and keep its records if they fit in memory:
 * else they are read again one by one.  Returns the keys, unsorted.
 */
static PlaceKey *
load_partition(PlaceState *state, uint32 part, uint32 count)
{
	OmenBuild  *build = state->build;
	const OmenBuildLayer *layer = &build->job->layer;
	Size		bytes = state->record_bytes;
	bool		keep = mul_size(count, bytes) <= build->team->memory.work;
	PlaceKey   *keys = omen_alloc(mul_size(count, sizeof(PlaceKey)));
	uint32		of_participant = 0;
	int			participant = -1;
	OmenUnspill un;

	state->records = keep ? omen_alloc(mul_size(count, bytes)) : NULL;
	omen_unspill_begin(&un, build, OMEN_SPILL_HOMES, layer->layer, part);
	for (uint32 i = 0; i < count; i++)
	{
		char	   *record = keep ? state->records + i * bytes : state->record;

		if (!omen_unspill_next(&un, record, bytes))
			elog(ERROR, "a partition of an index build lacks records");
		if (un.source.participant != participant)
			of_participant = 0;
		participant = un.source.participant;
		keys[i].leaf = *(const uint32 *) record;
		keys[i].participant = participant;
		keys[i].record = of_participant++;
		keys[i].number = i;
		memcpy(&keys[i].locator,
			   record + layer->overlap * sizeof(uint32) +
				   offsetof(OmenRow, locator),
			   sizeof(uint64));
	}
	omen_unspill_end(&un, keep);
	if (!keep)
		state->reader =
			omen_rows_open(build, OMEN_SPILL_HOMES, layer->layer, part, bytes);
	return keys;
}

static const char *
record_of(PlaceState *state, const PlaceKey *key)
{
	if (state->records)
		return state->records + key->number * state->record_bytes;
	omen_rows_seek(state->reader, key->participant, key->record);
	omen_rows_read(state->reader, state->record);
	return state->record;
}

/* Forget the partition. */
static void
unload_partition(PlaceState *state, uint32 part)
{
	if (state->records)
	{
		pfree(state->records);
		return;
	}
	omen_rows_close(state->reader);
	omen_spill_delete(state->build, OMEN_SPILL_HOMES,
					  state->build->job->layer.layer, part);
}

/* ---------- passing records on ---------- */

static void
flush(PlaceState *state)
{
	omen_points_write(state->points, state->first, state->out_points,
					  state->count);
	omen_placed_write(state->nodes, state->first, state->out_nodes,
					  state->count);
	state->first += state->count;
	state->count = 0;
}

/* A point of the next layer. */
static void
pass_up(PlaceState *state, OmenRow *row, uint32 position, OmenChunk *chunk)
{
	uint64		locator = row->locator;
	uint32		node = row->node;
	uint32		down = row->down;

	row->locator = position;
	row->down = position;
	if (state->build->job->layer.layer == 0)
		row->node = position;
	omen_spill_write(state->next_rows, 0, row, state->build->shape.row_bytes);
	chunk->rows++;
	state->nnext++;
	row->locator = locator;
	row->node = node;
	row->down = down;
}

static void
write_members(PlaceState *state, const uint32 *leaves, uint32 position)
{
	const OmenBuildLayer *layer = &state->build->job->layer;

	for (uint32 i = 0; i < layer->overlap; i++)
	{
		OmenMember	member;
		bool		twice = false;

		for (uint32 j = 0; j < i; j++)
			twice |= leaves[j] == leaves[i];
		if (twice)
			continue;
		member.leaf = leaves[i];
		member.position = position;
		omen_spill_write(state->members,
						 omen_part_of_leaf(leaves[i], layer->leaf_parts,
										   layer->leaves),
						 &member, sizeof(member));
	}
}

/* Write a record at the next position. */
static void
place_record(PlaceState *state, const char *record, OmenRow *row,
			 uint32 position, OmenChunk *chunk)
{
	OmenBuild  *build = state->build;
	const OmenBuildShape *shape = &build->shape;
	const OmenBuildLayer *layer = &build->job->layer;
	char *point = state->out_points + (Size) state->count * shape->point_bytes;
	char	   *node = state->out_nodes + state->count * omen_node_bytes(shape);

	/* a record may stand anywhere in memory */
	memcpy(row, record + layer->overlap * sizeof(uint32), shape->row_bytes);
	memcpy(point, &row->terms, sizeof(OmenPointTerms));
	memcpy(point + sizeof(OmenPointTerms), OMEN_ROW_CODE(row),
		   shape->code_stride);
	memcpy(node, row, sizeof(OmenRow));
	memcpy(node + sizeof(OmenRow), OMEN_ROW_CODE(row) + shape->code_stride,
		   shape->index_bytes + shape->key_bytes);
	write_members(state, (const uint32 *) record, position);

	if (layer->layer == 0 && build->copied_bits != NULL)
	{
		const OmenChunk *from = &build->job->chunks[row->locator >> 32];

		if (omen_bit_get(build->copied_bits,
						 from->first + (uint32) row->locator))
		{
			OmenPlaced	placed;

			memset(&placed, 0, sizeof(placed));
			placed.locator = row->locator;
			placed.position = position;
			omen_spill_write(state->copied, 0, &placed, sizeof(placed));
		}
	}
	if (layer->layer > 0)
		omen_positions_below(build, layer->layer)[position] = row->down;
	if (row->level > layer->layer)
		pass_up(state, row, position, chunk);
	if (++state->count == state->batch)
		flush(state);
}

static void
place_partition(PlaceState *state, uint32 part)
{
	OmenBuild  *build = state->build;
	const OmenBuildLayer *layer = &build->job->layer;
	const uint32 *leaf_start = omen_leaf_starts(build);
	uint32		first =
		leaf_start[omen_first_leaf(part, layer->place_parts, layer->leaves)];
	uint32		end = leaf_start[omen_first_leaf(part + 1, layer->place_parts,
											layer->leaves)];
	uint32		count = end - first;
	OmenChunk  *chunk = &build->job->next_chunks[part];
	PlaceKey   *keys = load_partition(state, part, count);
	OmenRow	   *row = palloc(build->shape.row_bytes);

	chunk->participant = build->participant;
	chunk->rows = 0;
	chunk->start = state->nnext;
	chunk->first = 0;
	sort_keys(keys, count);

	state->first = first;
	for (uint32 i = 0; i < count; i++)
	{
		place_record(state, record_of(state, &keys[i]), row, first + i, chunk);
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	flush(state);
	omen_build_progress(build, count);
	unload_partition(state, part);
	pfree(keys);
	pfree(row);
}

/* ---------- the step ---------- */

/* Where each leaf's points start; the leader does this, before the step. */
void
omen_prepare_place(OmenBuild *build)
{
	OmenBuildJob *job = build->job;
	pg_atomic_uint32 *counts = omen_leaf_counts(build);
	uint32	   *leaf_start = omen_leaf_starts(build);
	uint32		sum = 0;

	memset(job->next_chunks, 0, job->layer.place_parts * sizeof(OmenChunk));
	for (uint32 i = 0; i < job->layer.leaves; i++)
	{
		leaf_start[i] = sum;
		sum += pg_atomic_read_u32(&counts[i]);
	}
	leaf_start[job->layer.leaves] = sum;
	Assert(sum == job->layer.points);
	omen_placed_create(build, OMEN_PLACED_POINTS);
	omen_placed_create(build, OMEN_PLACED_NODES);
}

void
omen_step_place(OmenBuild *build)
{
	const OmenBuildShape *shape = &build->shape;
	const OmenBuildLayer *layer = &build->job->layer;
	PlaceState	state = {0};
	uint32		item;

	state.build = build;
	state.points = omen_points_open(build);
	state.nodes = omen_placed_open(build, OMEN_PLACED_NODES);
	state.members = omen_spill_begin(build, OMEN_SPILL_MEMBERS, layer->layer,
									 layer->leaf_parts);
	state.copied = omen_spill_begin(build, OMEN_SPILL_COPIED, layer->layer, 1);
	state.next_rows =
		omen_spill_begin(build, OMEN_SPILL_ROWS, layer->layer + 1, 1);
	state.record_bytes = layer->overlap * sizeof(uint32) + shape->row_bytes;
	state.record = palloc(state.record_bytes);
	state.batch = Max(1, WRITE_BYTES / shape->row_bytes);
	state.out_points = omen_alloc(mul_size(state.batch, shape->point_bytes));
	state.out_nodes = omen_alloc(mul_size(state.batch, omen_node_bytes(shape)));
	while (omen_next_item(build, &item))
		place_partition(&state, item);
	omen_points_close(state.points);
	omen_placed_close(state.nodes);
	omen_spill_end(state.members);
	omen_spill_end(state.copied);
	omen_spill_end(state.next_rows);
}
