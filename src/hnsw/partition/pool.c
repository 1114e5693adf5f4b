/*-------------------------------------------------------------------------
 *
 * pool.c
 *	  Memory for what one step passes on to the next, in blocks.
 *
 * Records go through memory as long as there is some, and through temporary
 * files from then on (spill.c).  Any participant takes blocks and gives them
 * back.  The pool grows as blocks are needed, up to a limit, by segments: of
 * dynamic shared memory if there are workers, which each of them maps when it
 * meets a block of it; else of ordinary memory.
 *
 * A small /dev/shm is not an error: if no segment is to be had the pool is
 * closed, that is gives no more blocks, and all that comes goes through files.
 * The leader gives the memory of a closed pool up when nobody has a block.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/partition.h"
#include "pgstat.h"
#include "utils/memutils.h"

/* Blocks of the first segment, and the part of all that a later one adds. */
#define FIRST_BLOCKS 96
#define GROWTH 4

/* A segment, as this participant sees it: chains of its blocks, then these. */
typedef struct Segment
{
	uint32	   *next;			/* NULL = not mapped */
	char	   *blocks;
	dsm_segment *dsm;			/* what to give up: with workers, */
	void	   *chunk;			/* without */
} Segment;

struct OmenPoolView
{
	uint32		generation;
	Segment		segments[OMEN_POOL_SEGMENTS];
};

/* Before there are workers. */
void
omen_pool_init(OmenPool *pool)
{
	SpinLockInit(&pool->lock);
	ConditionVariableInit(&pool->grown);
	pool->free = OMEN_NO_BLOCK;
}

OmenPoolView *
omen_pool_view_create(void)
{
	return palloc0(sizeof(OmenPoolView));
}

/* ---------- segments ---------- */

static Size
chain_bytes(uint32 blocks)
{
	return TYPEALIGN(64, (Size) blocks * sizeof(uint32));
}

static Size
segment_bytes(uint32 blocks)
{
	return add_size(chain_bytes(blocks), mul_size(blocks, OMEN_POOL_BLOCK));
}

static void
see_segment(Segment *segment, void *memory, uint32 blocks)
{
	segment->next = memory;
	segment->blocks = (char *) memory + chain_bytes(blocks);
}

/* The segment that a block is in, mapped; and the number of the block there. */
static Segment *
find_segment(OmenBuild *build, uint32 *block)
{
	const OmenPool *pool = build->pool;
	Segment	   *segment;
	uint32		s = 0;

	while (*block >= pool->first[s + 1])
		s++;
	segment = &build->pool_view->segments[s];
	if (unlikely(segment->next == NULL))
	{
		segment->dsm = omen_segment_attach(pool->handles[s]);
		see_segment(segment, dsm_segment_address(segment->dsm),
					pool->first[s + 1] - pool->first[s]);
	}
	*block -= pool->first[s];
	return segment;
}

static void
forget_segments(OmenPoolView *view)
{
	for (int s = 0; s < OMEN_POOL_SEGMENTS; s++)
	{
		Segment	   *segment = &view->segments[s];

		if (segment->dsm)
			dsm_detach(segment->dsm);
		if (segment->chunk)
			pfree(segment->chunk);
		memset(segment, 0, sizeof(Segment));
	}
}

/*
 * Make a segment of so many blocks; false if there is not so much memory.  Only
 * one participant does this at a time.
 */
static bool
make_segment(OmenBuild *build, uint32 blocks)
{
	OmenPool   *pool = build->pool;
	Segment	   *segment = &build->pool_view->segments[pool->segments];
	Size		size = segment_bytes(blocks);

	if (build->team->participants == 1)
	{
		segment->chunk =
			MemoryContextAllocExtended(build->context, size,
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
		if (segment->chunk == NULL)
			return false;
		see_segment(segment, segment->chunk, blocks);
		return true;
	}
	segment->dsm = omen_segment_create(size);
	if (segment->dsm == NULL)
		return false;
	pool->handles[pool->segments] = dsm_segment_handle(segment->dsm);
	see_segment(segment, dsm_segment_address(segment->dsm), blocks);
	return true;
}

/* Let the pool grow; "growing" has been set, and is reset. */
static void
grow(OmenBuild *build)
{
	OmenPool   *pool = build->pool;
	uint32		blocks = Max(FIRST_BLOCKS, pool->blocks / GROWTH);
	bool		made;

	blocks = Min(blocks, pool->limit - pool->blocks);
	made = make_segment(build, blocks);

	SpinLockAcquire(&pool->lock);
	if (made)
	{
		pool->blocks += blocks;
		pool->segments++;
		pool->first[pool->segments] = pool->blocks;
	}
	else
	{
		pool->limit = 0;
		pool->is_short = true;
	}
	pool->growing = false;
	SpinLockRelease(&pool->lock);
	ConditionVariableBroadcast(&pool->grown);
}

/* ---------- blocks ---------- */

char *
omen_pool_block(OmenBuild *build, uint32 block)
{
	Segment	   *segment = find_segment(build, &block);

	return segment->blocks + (Size) block * OMEN_POOL_BLOCK;
}

/* The block that follows one in a chain; may be changed. */
uint32 *
omen_pool_next(OmenBuild *build, uint32 block)
{
	Segment	   *segment = find_segment(build, &block);

	return &segment->next[block];
}

typedef enum TakeResult
{
	TAKEN,
	TAKE_AGAIN,
	TAKE_GROW,
	TAKE_WAIT,
	TAKE_NONE
} TakeResult;

/*
 * Try to take a block.  next is where the block that follows `head` stands; if
 * that is the first free one by now, too, it is taken.
 */
static TakeResult
try_take(OmenPool *pool, uint32 head, const uint32 *next, uint32 *block)
{
	TakeResult	result = TAKEN;

	SpinLockAcquire(&pool->lock);
	if (pool->limit == 0)
		result = TAKE_NONE;
	else if (pool->free != head)
		result = TAKE_AGAIN;
	else if (head != OMEN_NO_BLOCK)
	{
		*block = head;
		pool->free = *next;
	}
	else if (pool->fresh < pool->blocks)
		*block = pool->fresh++;
	else if (pool->growing)
		result = TAKE_WAIT;
	else if (pool->blocks < pool->limit && pool->segments < OMEN_POOL_SEGMENTS)
	{
		pool->growing = true;
		result = TAKE_GROW;
	}
	else
		result = TAKE_NONE;
	if (result == TAKEN)
		pool->used++;
	SpinLockRelease(&pool->lock);
	return result;
}

/* A block to write to; OMEN_NO_BLOCK if there is none to be had. */
uint32
omen_pool_take(OmenBuild *build)
{
	OmenPool   *pool = build->pool;
	uint32		block = OMEN_NO_BLOCK;

	for (;;)
	{
		/* its chain must be mapped before the lock is taken */
		uint32		head = *(volatile uint32 *) &pool->free;
		const uint32 *next = NULL;

		pg_read_barrier();
		if (head != OMEN_NO_BLOCK)
			next = omen_pool_next(build, head);
		switch (try_take(pool, head, next, &block))
		{
			case TAKEN:
				ConditionVariableCancelSleep();
				return block;
			case TAKE_NONE:
				ConditionVariableCancelSleep();
				return OMEN_NO_BLOCK;
			case TAKE_GROW:
				grow(build);
				break;
			case TAKE_WAIT:
				ConditionVariableSleep(&pool->grown, PG_WAIT_EXTENSION);
				break;
			case TAKE_AGAIN:
				break;
		}
	}
}

/* Give back a chain of so many blocks. */
void
omen_pool_give(OmenBuild *build, uint32 first, uint32 last, uint32 count)
{
	OmenPool   *pool = build->pool;
	uint32	   *next = omen_pool_next(build, last);

	SpinLockAcquire(&pool->lock);
	*next = pool->free;
	pool->free = first;
	pool->used -= count;
	SpinLockRelease(&pool->lock);
}

/* ---------- the pool as a whole ---------- */

/* Let the pool take memory for another job, up to a limit. */
void
omen_pool_open(OmenBuild *build, Size bytes)
{
	build->pool->is_short = false;
	omen_pool_limit(build, bytes);
}

/*
 * How much memory the pool may take; none closes it.  What it has it keeps.
 * The leader says so, between steps.
 */
void
omen_pool_limit(OmenBuild *build, Size bytes)
{
	OmenPool   *pool = build->pool;
	Size		blocks = bytes / (OMEN_POOL_BLOCK + sizeof(uint32));

	if (pool->is_short)
		return;
	pool->limit = (uint32) Min(blocks, OMEN_NO_BLOCK - 1);
	if (pool->limit > 0)
		pool->limit = Max(pool->limit, pool->blocks);
}

/* Has the server less shared memory than the pool may take? */
bool
omen_pool_is_short(const OmenBuild *build)
{
	return build->pool->is_short;
}

/* The leader gives up the memory of a closed pool, if nobody has any of it. */
void
omen_pool_tidy(OmenBuild *build)
{
	OmenPool   *pool = build->pool;

	if (pool->limit > 0 || pool->used > 0 || pool->segments == 0)
		return;
	pool->free = OMEN_NO_BLOCK;
	pool->fresh = 0;
	pool->blocks = 0;
	pool->segments = 0;
	pool->generation++;
	omen_pool_attach(build);
}

/* See the pool as it is in the next step. */
void
omen_pool_attach(OmenBuild *build)
{
	OmenPoolView *view = build->pool_view;

	if (view->generation != build->pool->generation)
		forget_segments(view);
	view->generation = build->pool->generation;
}

/* Give all memory up, which commit would complain about otherwise. */
void
omen_pool_detach(OmenBuild *build)
{
	forget_segments(build->pool_view);
}
