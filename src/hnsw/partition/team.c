/*-------------------------------------------------------------------------
 *
 * team.c
 *	  Those who work together at a build, before they do.
 *
 * What they share is set up once, by the leader, and is that of any number of
 * jobs.  Must not know what they will do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/partition.h"
#include "miscadmin.h"
#include "utils/memutils.h"

static void
init_team(OmenBuildTeam *team, int participants, Size memory)
{
	team->participants = participants;
	team->memory.total = memory;
	pg_atomic_init_u32(&team->next_item, 0);
	pg_atomic_init_u64(&team->done, 0);
	pg_atomic_init_u64(&team->blocks_done, 0);
	pg_atomic_init_u64(&team->heap_tuples, 0);
	pg_atomic_init_u64(&team->index_tuples, 0);
	pg_atomic_init_u64(&team->file_bytes, 0);
	pg_atomic_init_u32(&team->broken_hot_chain, 0);

	/* before there are workers: alone they would go on without the leader */
	BarrierInit(&team->barrier, 0);
	(void) BarrierAttach(&team->barrier);
}

/* Get so many participants ready, who have so much memory, but for the task. */
void
omen_build_prepare(OmenBuild *build, int participants, Size memory)
{
	Size		spills =
		omen_shared_bytes(participants) - offsetof(OmenBuildShared, spills);

	init_team(build->team, participants, memory);
	omen_pool_init(build->pool);
	/* of nothing there is anything yet */
	memset(build->spills, 0xFF, spills);
	StaticAssertStmt(OMEN_NO_BLOCK == 0xFFFFFFFF, "all bits are set");
}

/*
 * Remove the files of a build without workers, whichever way it ends.  The
 * server looks for interrupts between files, and a cancel that comes when a
 * build is done would leave the rest of them.
 */
void
omen_build_delete_files(int code, Datum files)
{
	HOLD_INTERRUPTS();
	FileSetDeleteAll((FileSet *) DatumGetPointer(files));
	RESUME_INTERRUPTS();
}

/* Memory for jobs and steps, below that at hand. */
void
omen_build_make_contexts(OmenBuild *build)
{
	build->pool_view = omen_pool_view_create();
	build->context = CurrentMemoryContext;
	build->job_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw build job",
							  ALLOCSET_DEFAULT_SIZES);
	build->step_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen_hnsw build step",
							  ALLOCSET_DEFAULT_SIZES);
}
