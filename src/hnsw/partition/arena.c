/*-------------------------------------------------------------------------
 *
 * arena.c
 *	  Memory that all participants of a build look things up in.
 *
 * Its size is known only after the table has been read.  With workers it is a
 * segment of dynamic shared memory, which each maps when it comes to the next
 * step; without, ordinary memory.  A job that finds it large enough uses that
 * of the job before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/partition.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/*
 * Waits for the error of a participant that is gone.  Of 10 ms each, so 10 s in
 * all.  guess
 */
#define SEGMENT_GONE_WAITS 1000

/*
 * Make a segment of dynamic shared memory; NULL if there is not so much.  A
 * failed attempt is undone by its own resource owner.
 */
dsm_segment *
omen_segment_create(Size size)
{
	ResourceOwner old = CurrentResourceOwner;
	MemoryContext context = CurrentMemoryContext;
	dsm_segment *volatile segment = NULL;

	CurrentResourceOwner = ResourceOwnerCreate(old, "omen_hnsw build");
	PG_TRY();
	{
		segment = dsm_create(size, 0);
	}
	PG_CATCH();
	{
		int			code = geterrcode();
		ResourceOwner failed = CurrentResourceOwner;

		if (ERRCODE_TO_CATEGORY(code) != ERRCODE_INSUFFICIENT_RESOURCES)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		CurrentResourceOwner = old;
		ResourceOwnerRelease(failed, RESOURCE_RELEASE_BEFORE_LOCKS, false,
							 false);
		ResourceOwnerRelease(failed, RESOURCE_RELEASE_LOCKS, false, false);
		ResourceOwnerRelease(failed, RESOURCE_RELEASE_AFTER_LOCKS, false,
							 false);
		ResourceOwnerDelete(failed);
	}
	PG_END_TRY();
	CurrentResourceOwner = old;
	return segment;
}

/* Map a segment that another participant has made. */
dsm_segment *
omen_segment_attach(dsm_handle handle)
{
	dsm_segment *segment = dsm_attach(handle);

	/*
	 * Its maker is gone, by an error that is about to reach us as well: let
	 * that be the one that is told.
	 */
	for (int wait = 0; segment == NULL && wait < SEGMENT_GONE_WAITS; wait++)
	{
		CHECK_FOR_INTERRUPTS();
		pg_usleep(10000L);
	}
	if (segment == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("could not map dynamic shared memory segment")));
	return segment;
}

/*
 * Get memory for the arena.  False if there is not so much shared memory: a
 * small /dev/shm is not an error, since there are files.
 */
bool
omen_arena_create(OmenBuild *build, Size size)
{
	OmenArena  *arena = build->arena;
	OmenArenaView *view = &build->arena_view;

	if (view->memory != NULL && arena->size >= size)
		return true;
	omen_arena_detach(build);
	arena->size = 0;
	if (build->team->participants == 1)
	{
		view->chunk =
			MemoryContextAllocHuge(build->context, add_size(size, 64));
		view->memory = (char *) TYPEALIGN(64, view->chunk);
	}
	else
	{
		view->dsm = omen_segment_create(size);
		if (view->dsm == NULL)
			return false;
		view->memory = dsm_segment_address(view->dsm);
		view->handle = dsm_segment_handle(view->dsm);
		arena->handle = view->handle;
	}
	arena->size = size;
	return true;
}

/* See the arena, if there is one by now, as it is for the layer at hand. */
void
omen_arena_attach(OmenBuild *build)
{
	OmenArena  *arena = build->arena;
	OmenArenaView *view = &build->arena_view;

	if (arena->size == 0)
	{
		omen_arena_detach(build);
		return;
	}
	if (view->memory != NULL && view->handle != arena->handle)
		omen_arena_detach(build);
	if (view->memory == NULL)
	{
		view->dsm = omen_segment_attach(arena->handle);
		view->memory = dsm_segment_address(view->dsm);
		view->handle = arena->handle;
	}
	/* rows are told apart in layer 0 only */
	build->dup_bits = NULL;
	build->copied_bits = NULL;
	if (build->job->layer.layer == 0)
	{
		build->dup_bits = omen_arena_at(build, arena->dup_bits_at);
		build->copied_bits = omen_arena_at(build, arena->copied_bits_at);
	}
}

/* Give the arena up, which commit would complain about otherwise. */
void
omen_arena_detach(OmenBuild *build)
{
	OmenArenaView *view = &build->arena_view;

	if (view->dsm)
		dsm_detach(view->dsm);
	if (view->chunk)
		pfree(view->chunk);
	memset(view, 0, sizeof(OmenArenaView));
}

/* Move what was found of the rows to the arena, for all to see. */
void
omen_arena_take_bits(OmenBuild *build, Size bytes)
{
	const OmenArena *arena = build->arena;

	memcpy(omen_arena_at(build, arena->dup_bits_at), build->dup_bits, bytes);
	memcpy(omen_arena_at(build, arena->copied_bits_at), build->copied_bits,
		   bytes);
	pfree(build->dup_bits);
	pfree(build->copied_bits);
}

/* The centers of leaves from a column on, the first of a panel. */
char *
omen_centers(const OmenBuild *build, uint32 column)
{
	return (char *) omen_arena_at(build, build->arena->centers_at) +
		   omen_columns_bytes(&build->shape, build->shape.narrow_at > 0,
							  column);
}
