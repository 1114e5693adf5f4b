/*-------------------------------------------------------------------------
 *
 * placed.c
 *	  Records of all points of a layer, each at its position.
 *
 * Written and read by all participants, and there until the layer is done: in
 * the arena if there is room (omen_plan_arena), else in a file of the build's
 * file set.  The file is not counted against temp_file_limit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/partition.h"
#include "pgstat.h"
#include "storage/fd.h"

struct OmenPlacedFile
{
	char	   *memory;			/* of all; or NULL */
	File		file;
	Size		record;
};

static void
file_name(char *path, const OmenBuild *build, OmenPlacedKind kind)
{
	snprintf(path, MAXPGPATH, "%s.%u.0.0",
			 kind == OMEN_PLACED_POINTS ? "points" : "nodes",
			 build->job->layer.layer);
}

static Size
record_bytes(const OmenBuild *build, OmenPlacedKind kind)
{
	return kind == OMEN_PLACED_POINTS ? build->shape.point_bytes
									  : omen_node_bytes(&build->shape);
}

/* The leader does this, before the layer's points are placed. */
void
omen_placed_create(OmenBuild *build, OmenPlacedKind kind)
{
	char		path[MAXPGPATH];

	if (omen_placed_memory(build, kind) != NULL)
		return;
	file_name(path, build, kind);
	FileClose(FileSetCreate(build->files, path));
	pg_atomic_fetch_add_u64(&build->team->file_bytes,
							(int64) mul_size(build->job->layer.points,
											 record_bytes(build, kind)));
}

/* And this when the layer is done. */
void
omen_placed_delete(OmenBuild *build, OmenPlacedKind kind)
{
	char		path[MAXPGPATH];

	if (omen_placed_memory(build, kind) != NULL)
		return;
	file_name(path, build, kind);
	(void) FileSetDelete(build->files, path, false);
}

OmenPlacedFile *
omen_placed_open(OmenBuild *build, OmenPlacedKind kind)
{
	OmenPlacedFile *placed = palloc0(sizeof(OmenPlacedFile));
	char		path[MAXPGPATH];

	placed->record = record_bytes(build, kind);
	placed->memory = omen_placed_memory(build, kind);
	if (placed->memory != NULL)
		return placed;
	file_name(path, build, kind);
	placed->file = FileSetOpen(build->files, path, O_RDWR);
	if (placed->file <= 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open temporary file \"%s\": %m", path)));
	return placed;
}

/* All records, if they are in memory; else NULL. */
char *
omen_placed_all(const OmenPlacedFile *placed)
{
	return placed->memory;
}

void
omen_placed_write(OmenPlacedFile *placed, uint32 position, const void *records,
				  uint32 count)
{
	const char *data = records;
	off_t		at = (off_t) position * placed->record;
	Size		left = (Size) count * placed->record;

	if (placed->memory != NULL)
	{
		memcpy(placed->memory + at, data, left);
		return;
	}
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

static void
read_file(OmenPlacedFile *placed, off_t at, char *data, Size left)
{
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
			ereport(ERROR, (errcode(ERRCODE_IO_ERROR),
							errmsg("unexpected end of a temporary file of an "
								   "index build")));
		data += part;
		at += part;
		left -= part;
	}
}

void
omen_placed_read(OmenPlacedFile *placed, uint32 position, void *records,
				 uint32 count)
{
	off_t		at = (off_t) position * placed->record;
	Size		bytes = (Size) count * placed->record;

	if (placed->memory != NULL)
		memcpy(records, placed->memory + at, bytes);
	else
		read_file(placed, at, records, bytes);
}

void
omen_placed_close(OmenPlacedFile *placed)
{
	if (placed->memory == NULL)
		FileClose(placed->file);
	pfree(placed);
}
