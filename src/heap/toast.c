/*-------------------------------------------------------------------------
 *
 * toast.c
 *	  Reading many TOASTed values of one table.
 *
 * Only what is stored uncompressed in a TOAST table of the heap access method
 * is read here, which vectors are: their storage is EXTERNAL.  All else is
 * left to the server.
 *
 * Most of the time that a value takes is spent waiting for memory, one line
 * after the other: on the way down the index, and in the table of buffers.  So
 * every backend remembers where it found values ("places"): TID and buffer of
 * the first chunk, and of each that does not stand right behind the one before
 * it.  A place is a guess.  What stands there must be the chunk that is looked
 * for, and visible; if not, the index is asked.
 *
 * The scan of the index is kept, and restarted for each value.  Between reads
 * it may hold pins of a leaf page and a heap page.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/toast_internals.h"
#include "common/hashfn.h"
#include "compat.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "page/page.h"
#include "heap/toast.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

/* Columns of a TOAST table. */
#define CHUNK_ID 1
#define CHUNK_SEQ 2
#define CHUNK_DATA 3

/* Where a chunk was found; 20 bytes. */
typedef struct Place
{
	Oid			valueid;
	int32		seq;
	Buffer		buffer;
	ItemPointerData tid;
	uint16		start;			/* the tuple's offset in the page */
} Place;

/*
 * Values that one COPY stored have consecutive ids, so that they do not drive
 * each other out.  The memory is 1.25 MB for each backend that reads any.
 */
#define PLACES 65536

/* Bytes of a chunk's tuple but for its data; see access/heaptoast.h. */
#define CHUNK_OVERHEAD \
	((int) (MAXALIGN(SizeofHeapTupleHeader) + sizeof(Oid) + sizeof(int32) + \
			VARHDRSZ))

static Place *places = NULL;

struct OmenToastReader
{
	bool		once;			/* no value is read twice */
	Oid			relid;			/* TOAST table that is open, or InvalidOid */
	bool		is_heap;		/* of the access method that is read here */
	Relation	rel;
	Relation   *indexes;
	int			nindexes;
	OmenToastSnapshot snapshot_space;
	Snapshot	snapshot;
	IndexScanDesc scan;			/* NULL until a value was not found otherwise */
	TupleTableSlot *slot;
	bool		is_paused;		/* no pins are held */
	struct varlena *value;		/* space for a value */
	Size		value_room;
	MemoryContext context;
};

OmenToastReader *
omen_toast_reader_create(bool once)
{
	OmenToastReader *reader = palloc0(sizeof(OmenToastReader));

	reader->context = CurrentMemoryContext;
	reader->once = once;
	reader->is_paused = true;
	return reader;
}

static void
open_table(OmenToastReader *reader, Oid relid)
{
	MemoryContext old = MemoryContextSwitchTo(reader->context);

	omen_toast_reader_end(reader);
	reader->rel = table_open(relid, AccessShareLock);
	reader->relid = relid;
	reader->is_heap = reader->rel->rd_tableam == GetHeapamTableAmRoutine();
	reader->snapshot = omen_toast_snapshot(&reader->snapshot_space);
	MemoryContextSwitchTo(old);
}

/* The index is opened when it is asked for the first time. */
static void
open_index(OmenToastReader *reader)
{
	int			valid = toast_open_indexes(reader->rel, AccessShareLock,
								   &reader->indexes, &reader->nindexes);

	reader->slot = table_slot_create(reader->rel, NULL);
	reader->scan = omen_index_beginscan(reader->rel, reader->indexes[valid],
										reader->snapshot, 1, 0);
}

void
omen_toast_reader_pause(OmenToastReader *reader)
{
	MemoryContext old;

	if (reader->is_paused)
		return;
	old = MemoryContextSwitchTo(reader->context);
	ExecClearTuple(reader->slot);
	/* one key, which stays as it is */
	index_rescan(reader->scan, NULL, 1, NULL, 0);
	reader->is_paused = true;
	MemoryContextSwitchTo(old);
}

void
omen_toast_reader_end(OmenToastReader *reader)
{
	if (reader->relid == InvalidOid)
		return;
	if (reader->scan)
	{
		index_endscan(reader->scan);
		ExecDropSingleTupleTableSlot(reader->slot);
		toast_close_indexes(reader->indexes, reader->nindexes, AccessShareLock);
		reader->scan = NULL;
	}
	table_close(reader->rel, AccessShareLock);
	reader->relid = InvalidOid;
	reader->is_paused = true;
}

static void
make_room(OmenToastReader *reader, Size bytes)
{
	if (bytes <= reader->value_room)
		return;
	if (reader->value)
		pfree(reader->value);
	reader->value = NULL;
	reader->value_room = 0;
	reader->value = MemoryContextAlloc(reader->context, bytes);
	reader->value_room = bytes;
}

/* ---------- places ---------- */

static inline Place *
place_of(Oid relid, Oid valueid, int32 seq)
{
	uint32		from = relid;

	if (seq > 0)
		from ^= murmurhash32(valueid ^ ((uint32) seq << 16));
	return &places[(murmurhash32(from) + valueid) % PLACES];
}

/* Remember where the chunk in the slot stands. */
static void
remember_place(Oid relid, Oid valueid, int32 seq, TupleTableSlot *slot)
{
	BufferHeapTupleTableSlot *held = (BufferHeapTupleTableSlot *) slot;
	Place	   *place;

	if (places == NULL)
		places =
			MemoryContextAllocZero(TopMemoryContext, PLACES * sizeof(Place));
	place = place_of(relid, valueid, seq);
	place->valueid = valueid;
	place->seq = seq;
	place->buffer = held->buffer;
	place->tid = slot->tts_tid;
	place->start = (uint16) ((char *) held->base.tuple->t_data -
							 (char *) BufferGetPage(held->buffer));
}

/* Where a chunk was found, or NULL. */
static const Place *
find_place(Oid relid, Oid valueid, int32 seq)
{
	const Place *place;

	if (places == NULL)
		return NULL;
	place = place_of(relid, valueid, seq);
	return place->valueid == valueid && place->seq == seq ? place : NULL;
}

/* ---------- chunks ---------- */

/*
 * Copy a chunk from its tuple.  False if the tuple is not this chunk of this
 * value, or not of this size.
 */
static bool
copy_chunk(const OmenToastReader *reader, HeapTuple tuple, Oid valueid,
		   int32 seq, char *to, Size bytes)
{
	TupleDesc	desc = RelationGetDescr(reader->rel);
	bool		isnull[3];
	Datum		id = fastgetattr(tuple, CHUNK_ID, desc, &isnull[0]);
	Datum		number = fastgetattr(tuple, CHUNK_SEQ, desc, &isnull[1]);
	Datum		data = fastgetattr(tuple, CHUNK_DATA, desc, &isnull[2]);
	struct varlena *chunk = (struct varlena *) DatumGetPointer(data);

	if (isnull[0] || isnull[1] || isnull[2] ||
		DatumGetObjectId(id) != valueid || DatumGetInt32(number) != seq ||
		VARATT_IS_EXTERNAL(chunk) || VARATT_IS_COMPRESSED(chunk) ||
		VARSIZE_ANY_EXHDR(chunk) != bytes)
		return false;
	memcpy(to, VARDATA_ANY(chunk), bytes);
	return true;
}

/* The same of what stands on a locked page, if it is visible. */
static bool
copy_from_page(OmenToastReader *reader, Buffer buffer, OffsetNumber offset,
			   Oid valueid, int32 seq, char *to, Size bytes)
{
	Page		page = BufferGetPage(buffer);
	ItemId		item;
	HeapTupleData tuple;

	if (offset > PageGetMaxOffsetNumber(page))
		return false;
	item = PageGetItemId(page, offset);
	if (!ItemIdIsNormal(item))
		return false;
	tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple.t_len = ItemIdGetLength(item);
	tuple.t_tableOid = reader->relid;
	ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), offset);
	return HeapTupleSatisfiesVisibility(&tuple, reader->snapshot, buffer) &&
		   copy_chunk(reader, &tuple, valueid, seq, to, bytes);
}

/*
 * Read a value where it was found before.  False if it is not there, or not
 * all of it.  Pins and locks one page at a time, and none when it returns.
 */
static bool
read_at_places(OmenToastReader *reader, Oid valueid, char *to, Size bytes)
{
	Buffer		buffer = InvalidBuffer;
	OffsetNumber offset = InvalidOffsetNumber;
	int32		seq = 0;
	Size		done = 0;

	while (done < bytes)
	{
		Size		here = Min(bytes - done, TOAST_MAX_CHUNK_SIZE);
		const Place *place;

		if (BufferIsValid(buffer))
		{
			if (copy_from_page(reader, buffer, ++offset, valueid, seq,
							   to + done, here))
			{
				done += here;
				seq++;
				continue;
			}
			UnlockReleaseBuffer(buffer);
			buffer = InvalidBuffer;
		}
		place = find_place(reader->relid, valueid, seq);
		if (place == NULL ||
			!omen_pin_remembered(reader->rel,
								 ItemPointerGetBlockNumber(&place->tid),
								 place->buffer))
			return false;
		buffer = place->buffer;
		offset = ItemPointerGetOffsetNumber(&place->tid);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (!copy_from_page(reader, buffer, offset, valueid, seq, to + done,
							here))
			break;
		done += here;
		seq++;
	}
	if (BufferIsValid(buffer))
		UnlockReleaseBuffer(buffer);
	return done == bytes;
}

/* Read a value by the index, and remember where its chunks are. */
static void
read_by_index(OmenToastReader *reader, Oid valueid, char *to, Size bytes)
{
	/* the scan keeps some of what it allocates as it goes */
	MemoryContext old = MemoryContextSwitchTo(reader->context);
	TupleTableSlot *slot;
	ItemPointerData last;
	ScanKeyData key;
	int32		seq = 0;

	if (reader->scan == NULL)
		open_index(reader);
	slot = reader->slot;
	ItemPointerSetInvalid(&last);
	ScanKeyInit(&key, CHUNK_ID, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(valueid));
	reader->is_paused = false;
	index_rescan(reader->scan, &key, 1, NULL, 0);
	for (Size done = 0; done < bytes; seq++)
	{
		Size		here = Min(bytes - done, TOAST_MAX_CHUNK_SIZE);

		if (!index_getnext_slot(reader->scan, ForwardScanDirection, slot) ||
			!copy_chunk(reader, ((BufferHeapTupleTableSlot *) slot)->base.tuple,
						valueid, seq, to + done, here))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("missing or unexpected chunk number %d for toast "
							"value %u in %s",
							seq, valueid,
							RelationGetRelationName(reader->rel))));
		ItemPointerSetOffsetNumber(&last,
								   ItemPointerGetOffsetNumberNoCheck(&last) +
									   1);
		if (!reader->once &&
			(seq == 0 || !ItemPointerEquals(&last, &slot->tts_tid)))
			remember_place(reader->relid, valueid, seq, slot);
		last = slot->tts_tid;
		done += here;
	}
	MemoryContextSwitchTo(old);
}

/* ---------- values ---------- */

/* The pointer to a value that is read here; false if it is not. */
static bool
get_pointer(Datum value, struct varatt_external *pointer)
{
	struct varlena *datum = (struct varlena *) DatumGetPointer(value);

	if (!VARATT_IS_EXTERNAL_ONDISK(datum))
		return false;
	VARATT_EXTERNAL_GET_POINTER(*pointer, datum);
	/* not compressed; the server's macro compares numbers of different signs */
	return (Size) VARATT_EXTERNAL_GET_EXTSIZE(*pointer) ==
		   (Size) pointer->va_rawsize - VARHDRSZ;
}

bool
omen_toast_is_read_here(Datum value)
{
	struct varatt_external pointer;

	return get_pointer(value, &pointer);
}

struct varlena *
omen_toast_read(OmenToastReader *reader, Datum value)
{
	struct varatt_external pointer;
	Size		bytes;

	if (!get_pointer(value, &pointer))
		return PG_DETOAST_DATUM(value);
	if (pointer.va_toastrelid != reader->relid)
		open_table(reader, pointer.va_toastrelid);
	if (!reader->is_heap)
		return PG_DETOAST_DATUM(value);

	bytes = VARATT_EXTERNAL_GET_EXTSIZE(pointer);
	make_room(reader, add_size(bytes, VARHDRSZ));
	if (reader->once || !read_at_places(reader, pointer.va_valueid,
										VARDATA(reader->value), bytes))
		read_by_index(reader, pointer.va_valueid, VARDATA(reader->value),
					  bytes);
	SET_VARSIZE(reader->value, bytes + VARHDRSZ);
	return reader->value;
}

/*
 * Bring a value towards the processor, as far as it stands on the page of its
 * first chunk: all of a vector of 1,000 dimensions, mostly.
 */
void
omen_toast_prefetch(Datum value)
{
	struct varatt_external pointer;
	const Place *place;
	int			first;
	int			others;

	if (!get_pointer(value, &pointer))
		return;
	place = find_place(pointer.va_toastrelid, pointer.va_valueid, 0);
	if (place == NULL)
		return;
	first =
		(int) Min(VARATT_EXTERNAL_GET_EXTSIZE(pointer), TOAST_MAX_CHUNK_SIZE);
	others = (int) Min(VARATT_EXTERNAL_GET_EXTSIZE(pointer) - first, BLCKSZ);
	others += (others + (int) TOAST_MAX_CHUNK_SIZE - 1) /
			  (int) TOAST_MAX_CHUNK_SIZE * CHUNK_OVERHEAD;
	/* further chunks that fitted on the page stand before the first */
	omen_prefetch_page(place->buffer, place->start - others,
					   place->start + CHUNK_OVERHEAD + first);
}
