/*-------------------------------------------------------------------------
 *
 * upper_cache.c
 *	  Copies of upper slots in a backend's own memory.
 *
 * Every search walks down through the upper layers, past the same few slots at
 * the top.  Reading them from shared buffers takes a third of a search's time,
 * and pinning them makes all searches write to the same cache lines.  So a
 * backend keeps copies of the slots that its scans met, as far as
 * omendb.upper_cache_size goes; the top comes first.
 *
 * A copy may be out of date.  That costs a detour, and is never wrong: what it
 * leads to is told apart by versions, and the way down only decides where the
 * search of layer 0 begins.  All copies are dropped when the metapage tells
 * that a VACUUM removed rows, that the entry point moved or that nodes were
 * added by the thousand, and each is read again from time to time.
 *
 * Only scans use copies.  What links nodes reads the slots.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "compat.h"
#include "hnsw/graph/graph.h"
#include "utils/memutils.h"

/* Indexes whose slots are kept at a time. */
#define CACHES 2

/* A copy is read again after so many descents, give or take as many. */
#define DESCENTS_PER_COPY 512

/* New nodes after which all copies are dropped. */
#define NODES_PER_STAMP 4096

#define CACHE_LINE 64

/* What has to be equal for copies to be used. */
typedef struct CacheStamp
{
	OmenRelFileLocator locator;
	uint32		entry;
	uint16		entry_version;
	uint16		epoch;
	uint64		vacuum_nodes;
	uint64		vacuum_dead;
	uint64		nodes;			/* in steps of NODES_PER_STAMP */
} CacheStamp;

typedef struct CachedSlot
{
	uint32		id;
	uint32		until;			/* the descent that reads it again */
} CachedSlot;

struct OmenUpperCache
{
	CacheStamp	stamp;
	uint32		descents;
	uint32		count;			/* copies */
	uint32		room;			/* copies that memory was allocated for */
	uint32		most;			/* copies that may be */
	Size		stride;			/* of a copy, whole cache lines */
	CachedSlot *kept;			/* of each copy */
	char	   *copies;
	uint32	   *table;			/* open addressing: number of a copy + 1, or 0 */
	uint32		table_mask;
	MemoryContext context;		/* of the arrays; NULL if there are none */
};

/* In kB; see guc.c. */
int			omen_upper_cache_size = OMEN_DEFAULT_UPPER_CACHE;

static OmenUpperCache caches[CACHES];
static int	last_used = 0;

static void
make_stamp(const OmenIndex *ix, CacheStamp *stamp)
{
	const OmenMetaPageData *meta = &ix->meta;

	/* compared byte by byte, so there must be no garbage between */
	memset(stamp, 0, sizeof(*stamp));
	stamp->locator = OmenRelLocator(ix->rel);
	stamp->entry = meta->entry;
	stamp->entry_version = meta->entry_version;
	stamp->epoch = meta->epoch;
	stamp->vacuum_nodes = meta->vacuum_nodes;
	stamp->vacuum_dead = meta->vacuum_dead;
	stamp->nodes = meta->node_limit / NODES_PER_STAMP;
}

/* Start anew for an index. */
static void
reset_cache(OmenUpperCache *cache, const OmenIndex *ix, const CacheStamp *stamp)
{
	Size		bytes = (Size) omen_upper_cache_size * 1024;

	if (cache->context)
		MemoryContextDelete(cache->context);
	memset(cache, 0, sizeof(*cache));
	cache->stamp = *stamp;
	cache->stride = TYPEALIGN(CACHE_LINE, ix->layout.upper.stride);
	cache->most = (uint32) (bytes / cache->stride);
}

/*
 * The copies of an index's upper slots, or NULL if none are to be kept.  Valid
 * until the next call.
 */
OmenUpperCache *
omen_upper_cache(const OmenIndex *ix)
{
	CacheStamp	stamp;
	int			found = -1;

	/* other backends' versions of a temporary index do not exist */
	if (omen_upper_cache_size == 0 || ix->layout.out_of_line)
		return NULL;
	make_stamp(ix, &stamp);
	for (int i = 0; i < CACHES; i++)
	{
		if (memcmp(&caches[i].stamp.locator, &stamp.locator,
				   sizeof(stamp.locator)) == 0)
			found = i;
	}
	if (found < 0)
		found = (last_used + 1) % CACHES;
	last_used = found;
	if (memcmp(&caches[found].stamp, &stamp, sizeof(stamp)) != 0 ||
		caches[found].most !=
			(Size) omen_upper_cache_size * 1024 /
				TYPEALIGN(CACHE_LINE, ix->layout.upper.stride))
		reset_cache(&caches[found], ix, &stamp);
	caches[found].descents++;
	return &caches[found];
}

/* Where the table has an id, or room for it. */
static inline uint32 *
table_entry(const OmenUpperCache *cache, uint32 id)
{
	uint32		at = murmurhash32(id) & cache->table_mask;

	while (cache->table[at] != 0 && cache->kept[cache->table[at] - 1].id != id)
		at = (at + 1) & cache->table_mask;
	return &cache->table[at];
}

static inline OmenSlotHeader *
copy_at(const OmenUpperCache *cache, uint32 number)
{
	return (OmenSlotHeader *) (cache->copies + number * cache->stride);
}

/* Make room for twice as many copies. */
static void
grow_cache(OmenUpperCache *cache)
{
	uint32		room = Min(Max(64, cache->room * 2), cache->most);
	uint32		table_size = pg_nextpower2_32(room * 2);
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "omen_hnsw upper layers",
							  ALLOCSET_DEFAULT_SIZES);
	char	   *copies =
		(char *) TYPEALIGN(CACHE_LINE,
						   MemoryContextAllocHuge(context, room * cache->stride +
														   CACHE_LINE));
	CachedSlot *kept = MemoryContextAlloc(context, room * sizeof(CachedSlot));

	if (cache->count > 0)
	{
		memcpy(copies, cache->copies, cache->count * cache->stride);
		memcpy(kept, cache->kept, cache->count * sizeof(CachedSlot));
	}
	cache->table =
		MemoryContextAllocZero(context, table_size * sizeof(uint32));
	cache->table_mask = table_size - 1;
	cache->copies = copies;
	cache->kept = kept;
	cache->room = room;
	for (uint32 i = 0; i < cache->count; i++)
		*table_entry(cache, kept[i].id) = i + 1;
	if (cache->context)
		MemoryContextDelete(cache->context);
	cache->context = context;
}

/*
 * The copy of an upper slot, if there is one that is good for a while.
 */
OmenSlotHeader *
omen_upper_copy(const OmenUpperCache *cache, uint32 id)
{
	uint32		number;

	if (cache->table == NULL)
		return NULL;
	number = *table_entry(cache, id);
	if (number == 0 || cache->kept[number - 1].until <= cache->descents)
		return NULL;
	return copy_at(cache, number - 1);
}

/* Bring a copy towards the processor. */
void
omen_upper_prefetch(const OmenUpperCache *cache, uint32 id)
{
	uint32		number;

	if (cache->table == NULL)
		return;
	number = *table_entry(cache, id);
	if (number == 0)
		return;
	for (Size at = 0; at < cache->stride; at += CACHE_LINE)
		__builtin_prefetch((char *) copy_at(cache, number - 1) + at);
}

/*
 * Make room for a slot that is about to be read: where its copy goes, or NULL
 * if there is no room.  Allocates, so no page may be locked.
 */
OmenSlotHeader *
omen_upper_keep(OmenUpperCache *cache, uint32 id)
{
	uint32	   *entry;

	if (cache->count == cache->room && cache->room < cache->most)
		grow_cache(cache);
	if (cache->table == NULL)
		return NULL;
	entry = table_entry(cache, id);
	if (*entry == 0)
	{
		if (cache->count == cache->room)
			return NULL;
		*entry = ++cache->count;
		cache->kept[*entry - 1].id = id;
	}
	/* not all at once */
	cache->kept[*entry - 1].until = cache->descents + DESCENTS_PER_COPY +
									murmurhash32(id) % DESCENTS_PER_COPY;
	return copy_at(cache, *entry - 1);
}
