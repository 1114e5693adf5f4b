/*-------------------------------------------------------------------------
 *
 * spill.c
 *	  Temporary files of a build.
 *
 * Three kinds, all in one file set that is deleted with the build: partitions
 * (a file for each participant and partition, read once, by whoever takes the
 * partition), rows (a file for each participant, read by chunk), and placed
 * records (one file for all, each record at its position).
 *
 * A file belongs to the participant that has it open; what one wrote, others
 * open after the step has ended.  Memory is that of the current context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/partition/partition.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"

static void
file_name(char *path, const char *name, uint32 layer, int participant,
		  uint32 part)
{
	snprintf(path, MAXPGPATH, "%s.%u.%d.%u", name, layer, participant, part);
}

static void
report_short_read(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_IO_ERROR),
			 errmsg("unexpected end of a temporary file of an index build")));
}

/* ---------- partitions ---------- */

struct OmenSpill
{
	OmenBuild  *build;
	const char *name;
	uint32		layer;
	uint32		parts;
	BufFile	  **files;			/* NULL until written to */
};

OmenSpill *
omen_spill_begin(OmenBuild *build, const char *name, uint32 layer, uint32 parts)
{
	OmenSpill  *spill = palloc(sizeof(OmenSpill));

	spill->build = build;
	spill->name = name;
	spill->layer = layer;
	spill->parts = parts;
	spill->files = palloc0(parts * sizeof(BufFile *));
	return spill;
}

void
omen_spill_write(OmenSpill *spill, uint32 part, const void *data, Size bytes)
{
	Assert(part < spill->parts);
	if (unlikely(spill->files[part] == NULL))
	{
		char		path[MAXPGPATH];

		file_name(path, spill->name, spill->layer, spill->build->participant,
				  part);
		spill->files[part] = BufFileCreateFileSet(spill->build->files, path);
	}
	omen_buffile_write(spill->files[part], data, bytes);
}

/* Let others read what was written. */
void
omen_spill_end(OmenSpill *spill)
{
	for (uint32 part = 0; part < spill->parts; part++)
	{
		if (spill->files[part] == NULL)
			continue;
		BufFileExportFileSet(spill->files[part]);
		BufFileClose(spill->files[part]);
	}
	pfree(spill->files);
	pfree(spill);
}

void
omen_unspill_begin(OmenUnspill *un, OmenBuild *build, const char *name,
				   uint32 layer, uint32 part)
{
	un->build = build;
	un->name = name;
	un->layer = layer;
	un->part = part;
	un->participant = -1;
	un->records = 0;
	un->file = NULL;
}

static bool
next_file(OmenUnspill *un)
{
	char		path[MAXPGPATH];

	if (un->file)
		BufFileClose(un->file);
	un->file = NULL;
	while (un->file == NULL)
	{
		if (++un->participant >= un->build->team->participants)
			return false;
		file_name(path, un->name, un->layer, un->participant, un->part);
		un->file = BufFileOpenFileSet(un->build->files, path, O_RDONLY, true);
	}
	return true;
}

/* The next record; false if there is none. */
bool
omen_unspill_next(OmenUnspill *un, void *data, Size bytes)
{
	if (++un->records % 1024 == 0)
		CHECK_FOR_INTERRUPTS();
	if (un->file == NULL && !next_file(un))
		return false;
	for (;;)
	{
		Size		read = omen_buffile_read(un->file, data, bytes);

		if (likely(read == bytes))
			return true;
		if (read != 0)
			report_short_read();
		if (!next_file(un))
			return false;
	}
}

/* The rest of a record of which omen_unspill_next() read the beginning. */
void
omen_unspill_rest(OmenUnspill *un, void *data, Size bytes)
{
	if (omen_buffile_read(un->file, data, bytes) != bytes)
		report_short_read();
}

/* Delete a partition, which nobody reads any more. */
void
omen_part_delete(OmenBuild *build, const char *name, uint32 layer, uint32 part)
{
	for (int p = 0; p < build->team->participants; p++)
	{
		char		path[MAXPGPATH];

		file_name(path, name, layer, p, part);
		BufFileDeleteFileSet(build->files, path, true);
	}
}

/* Stop reading. */
void
omen_unspill_end(OmenUnspill *un, bool delete)
{
	if (un->file)
		BufFileClose(un->file);
	un->file = NULL;
	if (delete)
		omen_part_delete(un->build, un->name, un->layer, un->part);
}

/* ---------- rows by chunk ---------- */

struct OmenRowReader
{
	OmenBuild  *build;
	const char *name;
	uint32		layer;
	uint32		part;
	Size		record;
	int			current;		/* participant whose file is read */
	BufFile	  **files;
};

/* Read a partition's records in any order. */
OmenRowReader *
omen_rows_open(OmenBuild *build, const char *name, uint32 layer, uint32 part,
			   Size record)
{
	OmenRowReader *reader = palloc(sizeof(OmenRowReader));

	reader->build = build;
	reader->name = name;
	reader->layer = layer;
	reader->part = part;
	reader->record = record;
	reader->current = -1;
	reader->files = palloc0(build->team->participants * sizeof(BufFile *));
	return reader;
}

void
omen_rows_seek(OmenRowReader *reader, uint32 participant, uint64 row)
{
	BufFile	  **file = &reader->files[participant];

	if (*file == NULL)
	{
		char		path[MAXPGPATH];

		file_name(path, reader->name, reader->layer, participant, reader->part);
		*file = BufFileOpenFileSet(reader->build->files, path, O_RDONLY, false);
	}
	if (BufFileSeek(*file, 0, (off_t) (row * reader->record), SEEK_SET) != 0)
		report_short_read();
	reader->current = participant;
}

void
omen_rows_read(OmenRowReader *reader, void *record)
{
	if (omen_buffile_read(reader->files[reader->current], record,
						  reader->record) != reader->record)
		report_short_read();
}

void
omen_rows_close(OmenRowReader *reader)
{
	for (int p = 0; p < reader->build->team->participants; p++)
	{
		if (reader->files[p])
			BufFileClose(reader->files[p]);
	}
	pfree(reader->files);
	pfree(reader);
}


/* ---------- placed records ---------- */

struct OmenPlacedFile
{
	File		file;
	Size		record;
};

void
omen_placed_create(OmenBuild *build, const char *name)
{
	char		path[MAXPGPATH];

	file_name(path, name, build->job->layer.layer, 0, 0);
	FileClose(FileSetCreate(build->files, path));
}

void
omen_placed_delete(OmenBuild *build, const char *name)
{
	char		path[MAXPGPATH];

	file_name(path, name, build->job->layer.layer, 0, 0);
	(void) FileSetDelete(build->files, path, false);
}

OmenPlacedFile *
omen_placed_open(OmenBuild *build, const char *name, Size record)
{
	OmenPlacedFile *placed = palloc(sizeof(OmenPlacedFile));
	char		path[MAXPGPATH];

	file_name(path, name, build->job->layer.layer, 0, 0);
	placed->file = FileSetOpen(build->files, path, O_RDWR);
	if (placed->file <= 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open temporary file \"%s\": %m", path)));
	placed->record = record;
	return placed;
}

void
omen_placed_write(OmenPlacedFile *placed, uint32 position, const void *records,
				  uint32 count)
{
	const char *data = records;
	off_t		at = (off_t) position * placed->record;
	Size		left = (Size) count * placed->record;

	while (left > 0)
	{
		int			part = (int) Min(left, (Size) 1 << 20);

		if (FileWrite(placed->file, unconstify(char *, data), part, at,
					  WAIT_EVENT_BUFFILE_WRITE) != part)
			ereport(ERROR, (errcode_for_file_access(),
							errmsg("could not write to file \"%s\": %m",
								   FilePathName(placed->file))));
		data += part;
		at += part;
		left -= part;
	}
}

void
omen_placed_read(OmenPlacedFile *placed, uint32 position, void *records,
				 uint32 count)
{
	char	   *data = records;
	off_t		at = (off_t) position * placed->record;
	Size		left = (Size) count * placed->record;

	while (left > 0)
	{
		int			part = (int) Min(left, (Size) 1 << 20);

		int			got =
			FileRead(placed->file, data, part, at, WAIT_EVENT_BUFFILE_READ);

		if (got < 0)
			ereport(ERROR, (errcode_for_file_access(),
							errmsg("could not read from file \"%s\": %m",
								   FilePathName(placed->file))));
		if (got != part)
			report_short_read();
		data += part;
		at += part;
		left -= part;
	}
}

void
omen_placed_close(OmenPlacedFile *placed)
{
	FileClose(placed->file);
	pfree(placed);
}
