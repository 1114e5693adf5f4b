/*-------------------------------------------------------------------------
 *
 * merge.c
 *	  Reading what all participants wrote into a partition, in one order.
 *
 * Items come to participants in ascending order, so what each of them writes is
 * in order already, by a number that its records begin with.  Merged, records
 * come in the same order whoever wrote them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/groups.h"

typedef struct Stream
{
	OmenUnspill un;
	bool		has;			/* a record, of which the head has been read */
	char	   *head;
} Stream;

struct OmenMerge
{
	OmenBuild  *build;
	OmenSpillKind kind;
	uint32		layer;
	uint32		part;
	Size		head;			/* bytes that are read at first */
	int			count;
	int			current;		/* the stream of the present record; or -1 */
	Stream	   *streams;		/* of each participant */
};

static void
read_head(OmenMerge *merge, int number)
{
	Stream	   *stream = &merge->streams[number];

	stream->has = omen_unspill_next(&stream->un, stream->head, merge->head);
}

/* Records begin with `head` bytes, and these with a uint64 to merge by. */
OmenMerge *
omen_merge_begin(OmenBuild *build, OmenSpillKind kind, uint32 layer,
				 uint32 part, Size head)
{
	OmenMerge  *merge = palloc0(sizeof(OmenMerge));

	merge->build = build;
	merge->kind = kind;
	merge->layer = layer;
	merge->part = part;
	merge->head = head;
	merge->count = build->team->participants;
	merge->current = -1;
	merge->streams = palloc0(merge->count * sizeof(Stream));
	for (int i = 0; i < merge->count; i++)
	{
		merge->streams[i].head = palloc(head);
		omen_unspill_begin_one(&merge->streams[i].un, build, kind, layer, part,
							   i);
		read_head(merge, i);
	}
	return merge;
}

/* The head of the next record; NULL if there is none. */
const void *
omen_merge_next(OmenMerge *merge)
{
	int			least = -1;

	if (merge->current >= 0)
		read_head(merge, merge->current);
	for (int i = 0; i < merge->count; i++)
	{
		const Stream *stream = &merge->streams[i];

		if (stream->has &&
			(least < 0 || *(const uint64 *) stream->head <
							  *(const uint64 *) merge->streams[least].head))
			least = i;
	}
	merge->current = least;
	return least < 0 ? NULL : merge->streams[least].head;
}

/* What follows the head of the present record; all of it must be read. */
void
omen_merge_rest(OmenMerge *merge, void *data, Size bytes)
{
	omen_unspill_rest(&merge->streams[merge->current].un, data, bytes);
}

void
omen_merge_end(OmenMerge *merge, bool delete)
{
	for (int i = 0; i < merge->count; i++)
	{
		omen_unspill_end(&merge->streams[i].un, false);
		pfree(merge->streams[i].head);
	}
	if (delete)
		omen_spill_delete(merge->build, merge->kind, merge->layer, merge->part);
	pfree(merge->streams);
	pfree(merge);
}
