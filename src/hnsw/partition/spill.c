/*-------------------------------------------------------------------------
 *
 * spill.c
 *	  What one step of a build passes on to the next, in partitions.
 *
 * Of each partition every participant writes a stream of its own; when the
 * step has ended, whoever takes the partition reads them all, once.  A stream
 * is a chain of blocks of the pool, and what does not fit there follows in a
 * temporary file.  All files are in one file set, which is deleted with the
 * build.
 *
 * Where the streams of a participant are stands in a block of the pool, too,
 * their directory; if it has none, they are all in files.
 *
 * A file belongs to the participant that has it open.  Memory is that of the
 * current context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/partition/partition.h"
#include "miscadmin.h"

/* A stream, as others find it in the directory. */
typedef struct Stream
{
	uint32		first;			/* block */
	uint32		last;
	uint32		blocks;
	uint16		last_bytes;		/* in the last block */
	bool		in_file;		/* more is in a file */
} Stream;

StaticAssertDecl(OMEN_MAX_PARTS * sizeof(Stream) <= OMEN_POOL_BLOCK,
				 "a directory is a block");

/* Where the number of a directory's block stands. */
static uint32 *
directory(OmenBuild *build, OmenSpillKind kind, uint32 layer, int participant)
{
	return &build->spills[((Size) participant * OMEN_SPILL_KINDS + kind) *
							  OMEN_SPILL_LAYERS +
						  layer];
}

/* A stream that is known of; NULL if there is no directory. */
static Stream *
find_stream(OmenBuild *build, OmenSpillKind kind, uint32 layer, int participant,
			uint32 part)
{
	uint32		block = *directory(build, kind, layer, participant);

	if (block == OMEN_NO_BLOCK)
		return NULL;
	return (Stream *) omen_pool_block(build, block) + part;
}

static void
file_name(char *path, OmenSpillKind kind, uint32 layer, int participant,
		  uint32 part)
{
	static const char *const names[] = {
		[OMEN_SPILL_ROWS] = "rows",			[OMEN_SPILL_MOVED] = "moved",
		[OMEN_SPILL_HASHES] = "hashes",		[OMEN_SPILL_SIDE] = "side",
		[OMEN_SPILL_LATER] = "later",		[OMEN_SPILL_HOMES] = "homes",
		[OMEN_SPILL_MEMBERS] = "members",	[OMEN_SPILL_COPIED] = "copied",
		[OMEN_SPILL_NEAR] = "near",			[OMEN_SPILL_EDGES] = "edges",
		[OMEN_SPILL_BY_HASH] = "byhash",	[OMEN_SPILL_GROUPS] = "groups",
		[OMEN_SPILL_LISTS] = "lists",		[OMEN_SPILL_GRAPHS] = "graphs",
		[OMEN_SPILL_LARGE] = "large",		[OMEN_SPILL_PLANS] = "plans",
		[OMEN_SPILL_ATTACHED] = "attached",
	};

	if (kind >= OMEN_SPILL_COARSE)
		snprintf(path, MAXPGPATH, "coarse%d.%u.%d.%u", kind - OMEN_SPILL_COARSE,
				 layer, participant, part);
	else
		snprintf(path, MAXPGPATH, "%s.%u.%d.%u", names[kind], layer,
				 participant, part);
}

static void
report_short_read(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_IO_ERROR),
			 errmsg("unexpected end of a temporary file of an index build")));
}

/* ---------- writing ---------- */

/* A stream that is being written. */
typedef struct Writer
{
	Stream		stream;
	char	   *at;				/* in the last block */
	Size		room;			/* bytes left there */
	BufFile	   *file;			/* once there is no more memory */
} Writer;

struct OmenSpill
{
	OmenBuild  *build;
	OmenSpillKind kind;
	uint32		layer;
	uint32		parts;
	bool		memory;			/* there may be some */
	uint64		file_bytes;
	MemoryContext context; /* of its files: those of a job may end earlier */
	Writer	   *writers;
};

OmenSpill *
omen_spill_begin(OmenBuild *build, OmenSpillKind kind, uint32 layer,
				 uint32 parts)
{
	OmenSpill  *spill = palloc(sizeof(OmenSpill));

	Assert(parts <= OMEN_MAX_PARTS);
	spill->build = build;
	spill->kind = kind;
	spill->layer = layer;
	spill->parts = parts;
	/* what stays to the end must not keep a pool that is closed */
	spill->memory = kind != OMEN_SPILL_LATER && kind != OMEN_SPILL_LARGE;
	spill->file_bytes = 0;
	spill->context = CurrentMemoryContext;
	spill->writers = palloc0(parts * sizeof(Writer));
	return spill;
}

/* Make the directory, before the first block is written; false = no memory. */
static bool
make_directory(OmenSpill *spill)
{
	OmenBuild  *build = spill->build;
	uint32	   *block =
		directory(build, spill->kind, spill->layer, build->participant);

	if (!spill->memory || *block != OMEN_NO_BLOCK)
		return spill->memory;
	*block = omen_pool_take(build);
	spill->memory = *block != OMEN_NO_BLOCK;
	if (spill->memory)
		memset(omen_pool_block(build, *block), 0, OMEN_POOL_BLOCK);
	return spill->memory;
}

/* Go on in another block; false if there is no memory. */
static bool
next_block(OmenSpill *spill, Writer *writer)
{
	OmenBuild  *build = spill->build;
	Stream	   *stream = &writer->stream;
	uint32		block;

	if (!make_directory(spill))
		return false;
	block = omen_pool_take(build);
	if (block == OMEN_NO_BLOCK)
		return false;
	if (stream->blocks == 0)
		stream->first = block;
	else
		*omen_pool_next(build, stream->last) = block;
	stream->last = block;
	stream->blocks++;
	writer->at = omen_pool_block(build, block);
	writer->room = OMEN_POOL_BLOCK;
	return true;
}

static void
begin_file(OmenSpill *spill, uint32 part)
{
	OmenBuild  *build = spill->build;
	Writer	   *writer = &spill->writers[part];
	MemoryContext old = MemoryContextSwitchTo(spill->context);
	char		path[MAXPGPATH];

	file_name(path, spill->kind, spill->layer, build->participant, part);
	writer->file = BufFileCreateFileSet(build->files, path);
	MemoryContextSwitchTo(old);
	writer->stream.in_file = true;
}

/* Write what does not fit the block at hand. */
static void
write_on(OmenSpill *spill, uint32 part, const char *data, Size bytes)
{
	Writer	   *writer = &spill->writers[part];

	while (bytes > 0 && writer->file == NULL)
	{
		Size		some = Min(bytes, writer->room);

		if (some == 0)
		{
			if (!next_block(spill, writer))
				begin_file(spill, part);
			continue;
		}
		memcpy(writer->at, data, some);
		writer->at += some;
		writer->room -= some;
		data += some;
		bytes -= some;
	}
	if (bytes > 0)
	{
		omen_buffile_write(writer->file, data, bytes);
		spill->file_bytes += bytes;
	}
}

void
omen_spill_write(OmenSpill *spill, uint32 part, const void *data, Size bytes)
{
	Writer	   *writer = &spill->writers[part];

	Assert(part < spill->parts);
	if (unlikely(bytes > writer->room))
	{
		write_on(spill, part, data, bytes);
		return;
	}
	memcpy(writer->at, data, bytes);
	writer->at += bytes;
	writer->room -= bytes;
}

/* Let others read what was written. */
void
omen_spill_end(OmenSpill *spill)
{
	OmenBuild  *build = spill->build;

	for (uint32 part = 0; part < spill->parts; part++)
	{
		Writer	   *writer = &spill->writers[part];
		Stream	   *known = find_stream(build, spill->kind, spill->layer,
									build->participant, part);

		if (known)
		{
			writer->stream.last_bytes = OMEN_POOL_BLOCK - writer->room;
			*known = writer->stream;
		}
		if (writer->file)
		{
			BufFileExportFileSet(writer->file);
			BufFileClose(writer->file);
		}
	}
	pg_atomic_fetch_add_u64(&build->team->file_bytes,
							(int64) spill->file_bytes);
	pfree(spill->writers);
	pfree(spill);
}

/* ---------- deleting ---------- */

static void
delete_blocks(OmenBuild *build, Stream *stream)
{
	if (stream->blocks > 0)
		omen_pool_give(build, stream->first, stream->last, stream->blocks);
	stream->blocks = 0;
}

/* Delete a partition, which nobody reads any more. */
void
omen_spill_delete(OmenBuild *build, OmenSpillKind kind, uint32 layer,
				  uint32 part)
{
	for (int p = 0; p < build->team->participants; p++)
	{
		Stream	   *stream = find_stream(build, kind, layer, p, part);
		char		path[MAXPGPATH];

		if (stream)
			delete_blocks(build, stream);
		if (stream && !stream->in_file)
			continue;
		file_name(path, kind, layer, p, part);
		BufFileDeleteFileSet(build->files, path, true);
		if (stream)
			stream->in_file = false;
	}
}

/*
 * Forget all partitions, which have been deleted, for the next ones of this
 * kind.  The leader does this, between steps.
 */
void
omen_spill_forget(OmenBuild *build, OmenSpillKind kind, uint32 layer)
{
	for (int p = 0; p < build->team->participants; p++)
	{
		uint32	   *block = directory(build, kind, layer, p);

		if (*block == OMEN_NO_BLOCK)
			continue;
#ifdef USE_ASSERT_CHECKING
		for (uint32 part = 0; part < OMEN_MAX_PARTS; part++)
		{
			Stream	   *stream = find_stream(build, kind, layer, p, part);

			Assert(stream->blocks == 0 && !stream->in_file);
		}
#endif
		omen_pool_give(build, *block, *block, 1);
		*block = OMEN_NO_BLOCK;
	}
}

/* ---------- reading ---------- */

/* Be at the first byte of a block, which so many others follow. */
static void
enter_block(OmenSpillSource *source, uint32 block, uint32 others)
{
	source->block = block;
	source->blocks = others;
	source->at = omen_pool_block(source->build, block);
	source->left = others > 0 ? OMEN_POOL_BLOCK : source->last_bytes;
}

/* Begin to read what a participant wrote into a partition. */
static void
open_source(OmenSpillSource *source, int participant)
{
	const Stream *stream =
		find_stream(source->build, source->kind, source->layer, participant,
					source->part);

	source->participant = participant;
	source->left = 0;
	source->blocks = 0;
	source->in_file = stream == NULL || stream->in_file;
	source->file = NULL;
	if (stream && stream->blocks > 0)
	{
		source->last_bytes = stream->last_bytes;
		enter_block(source, stream->first, stream->blocks - 1);
	}
}

/* Without a directory it is only seen now whether there is a file. */
static void
open_file(OmenSpillSource *source)
{
	char		path[MAXPGPATH];

	file_name(path, source->kind, source->layer, source->participant,
			  source->part);
	source->file =
		BufFileOpenFileSet(source->build->files, path, O_RDONLY, true);
	source->in_file = source->file != NULL;
}

static void
close_source(OmenSpillSource *source)
{
	if (source->file)
		BufFileClose(source->file);
	source->file = NULL;
	source->in_file = false;
	source->left = 0;
	source->blocks = 0;
}

/* Read so many bytes, or what there is.  Returns how many. */
static Size
read_source(OmenSpillSource *source, char *data, Size bytes)
{
	Size		done = 0;

	while (done < bytes && (source->left > 0 || source->blocks > 0))
	{
		Size		some = Min(bytes - done, source->left);

		if (some == 0)
		{
			enter_block(source, *omen_pool_next(source->build, source->block),
						source->blocks - 1);
			continue;
		}
		memcpy(data + done, source->at, some);
		source->at += some;
		source->left -= some;
		done += some;
	}
	if (done < bytes && source->in_file)
	{
		if (source->file == NULL)
			open_file(source);
		if (source->file)
			done += omen_buffile_read(source->file, data + done, bytes - done);
	}
	return done;
}

void
omen_unspill_begin(OmenUnspill *un, OmenBuild *build, OmenSpillKind kind,
				   uint32 layer, uint32 part)
{
	memset(un, 0, sizeof(OmenUnspill));
	un->source.build = build;
	un->source.kind = kind;
	un->source.layer = layer;
	un->source.part = part;
	un->source.participant = -1;
	un->stop = build->team->participants;
}

/* Read only what one participant wrote. */
void
omen_unspill_begin_one(OmenUnspill *un, OmenBuild *build, OmenSpillKind kind,
					   uint32 layer, uint32 part, int participant)
{
	omen_unspill_begin(un, build, kind, layer, part);
	un->source.participant = participant - 1;
	un->stop = participant + 1;
}

/* The next record; false if there is none. */
bool
omen_unspill_next(OmenUnspill *un, void *data, Size bytes)
{
	OmenSpillSource *source = &un->source;

	if (++un->records % 1024 == 0)
		CHECK_FOR_INTERRUPTS();
	if (likely(bytes <= source->left))
	{
		memcpy(data, source->at, bytes);
		source->at += bytes;
		source->left -= bytes;
		return true;
	}
	for (;;)
	{
		Size		read = read_source(source, data, bytes);

		if (likely(read == bytes))
			return true;
		if (read != 0)
			report_short_read();
		close_source(source);
		if (source->participant + 1 >= un->stop)
			return false;
		open_source(source, source->participant + 1);
	}
}

/* The rest of a record of which omen_unspill_next() read the beginning. */
void
omen_unspill_rest(OmenUnspill *un, void *data, Size bytes)
{
	if (read_source(&un->source, data, bytes) != bytes)
		report_short_read();
}

/* Stop reading. */
void
omen_unspill_end(OmenUnspill *un, bool delete)
{
	OmenSpillSource *source = &un->source;

	close_source(source);
	if (delete)
		omen_spill_delete(source->build, source->kind, source->layer,
						  source->part);
}

/* ---------- rows ---------- */

/* A stream that is read in any order. */
typedef struct RowStream
{
	OmenSpillSource source;
	bool		is_open;
	uint32		nblocks;
	uint32	   *blocks;			/* of the pool, in order */
	uint64		in_memory;		/* bytes in these */
} RowStream;

struct OmenRowReader
{
	OmenBuild  *build;
	OmenSpillKind kind;
	uint32		layer;
	uint32		part;
	Size		record;
	RowStream  *current;		/* that is read */
	RowStream  *streams;		/* of each participant */
};

/* Read a partition's records in any order. */
OmenRowReader *
omen_rows_open(OmenBuild *build, OmenSpillKind kind, uint32 layer, uint32 part,
			   Size record)
{
	OmenRowReader *reader = palloc(sizeof(OmenRowReader));

	reader->build = build;
	reader->kind = kind;
	reader->layer = layer;
	reader->part = part;
	reader->record = record;
	reader->current = NULL;
	reader->streams = palloc0(build->team->participants * sizeof(RowStream));
	return reader;
}

static void
open_stream(OmenRowReader *reader, int participant, RowStream *rows)
{
	OmenSpillSource *source = &rows->source;
	uint32		block;

	source->build = reader->build;
	source->kind = reader->kind;
	source->layer = reader->layer;
	source->part = reader->part;
	open_source(source, participant);
	rows->is_open = true;
	if (source->left == 0)
		return;
	rows->nblocks = source->blocks + 1;
	rows->in_memory =
		(uint64) source->blocks * OMEN_POOL_BLOCK + source->last_bytes;
	rows->blocks = omen_alloc(mul_size(rows->nblocks, sizeof(uint32)));
	block = source->block;
	for (uint32 i = 0; i < rows->nblocks; i++)
	{
		rows->blocks[i] = block;
		block = *omen_pool_next(reader->build, block);
	}
}

/* Read from a byte of the stream on. */
static void
seek_stream(RowStream *rows, uint64 at)
{
	OmenSpillSource *source = &rows->source;
	uint64		in_file = 0;

	source->left = 0;
	source->blocks = 0;
	if (at < rows->in_memory)
	{
		uint32		n = (uint32) (at / OMEN_POOL_BLOCK);

		enter_block(source, rows->blocks[n], rows->nblocks - 1 - n);
		source->at += at % OMEN_POOL_BLOCK;
		source->left -= at % OMEN_POOL_BLOCK;
	}
	else
		in_file = at - rows->in_memory;
	if (source->file == NULL && in_file > 0)
		open_file(source);
	if (source->file &&
		BufFileSeek(source->file, 0, (off_t) in_file, SEEK_SET) != 0)
		report_short_read();
}

void
omen_rows_seek(OmenRowReader *reader, uint32 participant, uint64 row)
{
	RowStream  *rows = &reader->streams[participant];

	if (!rows->is_open)
		open_stream(reader, participant, rows);
	seek_stream(rows, row * reader->record);
	reader->current = rows;
}

void
omen_rows_read(OmenRowReader *reader, void *record)
{
	if (read_source(&reader->current->source, record, reader->record) !=
		reader->record)
		report_short_read();
}

void
omen_rows_close(OmenRowReader *reader)
{
	for (int p = 0; p < reader->build->team->participants; p++)
	{
		close_source(&reader->streams[p].source);
		if (reader->streams[p].blocks)
			pfree(reader->streams[p].blocks);
	}
	pfree(reader->streams);
	pfree(reader);
}
