/*-------------------------------------------------------------------------
 *
 * points.c
 *	  The points of a layer, by position.
 *
 * If maintenance_work_mem has room for all of them they are in the arena.
 * Else they are in a file, and each participant keeps blocks of it that it
 * used last, in sets of a few.  Positions follow the leaves, and so do those
 * who ask, so that most is found in the cache.  Blocks are small: what misses
 * is a single point, mostly.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/partition.h"

#define BLOCK_BYTES 4096

/* Blocks of a set; any of them may hold any block of the set's. */
#define WAYS 4

typedef struct CachedBlock
{
	uint32		block;			/* plus one; 0 = nothing */
	uint32		used;			/* when it was last asked for */
} CachedBlock;

struct OmenPoints
{
	const OmenBuildShape *shape;
	Size		record;
	uint32		count;
	char	   *memory;			/* of all; or NULL */
	OmenPlacedFile *file;
	uint32		per_block;
	uint32		sets;
	uint32		clock;
	CachedBlock *cached;		/* WAYS of each set */
	char	   *cache;
};

OmenPoints *
omen_points_open(OmenBuild *build)
{
	OmenPoints *points = palloc0(sizeof(OmenPoints));
	Size		blocks;

	points->shape = &build->shape;
	points->record = build->shape.point_bytes;
	points->count = build->job->layer.points;
	points->file = omen_placed_open(build, OMEN_PLACED_POINTS);
	points->memory = omen_placed_all(points->file);
	if (points->memory != NULL)
		return points;
	points->per_block = Max(1, BLOCK_BYTES / points->record);
	blocks = build->team->memory.cache / (points->per_block * points->record);
	blocks = Min(blocks, points->count / points->per_block + 1);
	points->sets = (uint32) Max(1, (blocks + WAYS - 1) / WAYS);
	points->cached =
		palloc0(mul_size(points->sets * WAYS, sizeof(CachedBlock)));
	points->cache =
		omen_alloc(mul_size(mul_size(points->sets * WAYS, points->per_block),
							points->record));
	return points;
}

void
omen_points_write(OmenPoints *points, uint32 position, const void *records,
				  uint32 count)
{
	omen_placed_write(points->file, position, records, count);
}

/* Find a block in its set, or read it over the one unused for longest. */
static const char *
cached_block(OmenPoints *points, uint32 block)
{
	uint32		first = block % points->sets * WAYS;
	uint32		oldest = first;
	Size		bytes = points->per_block * points->record;
	uint32		from = block * points->per_block;

	points->clock++;
	for (uint32 way = first; way < first + WAYS; way++)
	{
		CachedBlock *cached = &points->cached[way];

		if (likely(cached->block == block + 1))
		{
			cached->used = points->clock;
			return points->cache + way * bytes;
		}
		/* differences, since the clock may wrap around */
		if (points->clock - cached->used >
			points->clock - points->cached[oldest].used)
			oldest = way;
	}
	points->cached[oldest].block = 0;
	omen_placed_read(points->file, from, points->cache + oldest * bytes,
					 Min(points->per_block, points->count - from));
	points->cached[oldest].block = block + 1;
	points->cached[oldest].used = points->clock;
	return points->cache + oldest * bytes;
}

/* Where a point is: if not in memory, until another is asked for. */
static const char *
find_point(OmenPoints *points, uint32 position)
{
	if (points->memory)
		return points->memory + (Size) position * points->record;
	return cached_block(points, position / points->per_block) +
		   position % points->per_block * points->record;
}

/*
 * A point.  It may be copied to space, which has room for it and must stay as
 * it is while the point is used.
 */
const char *
omen_points_get(OmenPoints *points, uint32 position, void *space)
{
	const char *point = find_point(points, position);

	if (points->memory)
		return point;
	memcpy(space, point, points->record);
	return space;
}

/* The same with a narrow code, which is made in space. */
const char *
omen_points_narrow(OmenPoints *points, uint32 position, void *space)
{
	omen_make_narrow(points->shape,
					 omen_point_code(find_point(points, position)), space);
	return space;
}

/* The point will be asked for soon. */
void
omen_points_prefetch(OmenPoints *points, uint32 position)
{
	const char *point;

	if (points->memory == NULL)
		return;
	point = points->memory + (Size) position * points->record;
	for (Size i = 0; i < Min(points->record, 1024); i += 64)
		__builtin_prefetch(point + i);
}

void
omen_points_close(OmenPoints *points)
{
	omen_placed_close(points->file);
}
