/*-------------------------------------------------------------------------
 *
 * work.c
 *	  Taking part in a build: whose items they are, and how far all have come.
 *
 * What the steps themselves call.  Must not know the steps, nor who prepares
 * them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/progress.h"
#include "hnsw/partition/partition.h"
#include "utils/backend_progress.h"

/* Bytes of what so many participants share. */
Size
omen_shared_bytes(int participants)
{
	return add_size(offsetof(OmenBuildShared, spills),
					mul_size(participants, OMEN_SPILL_KINDS *
											   OMEN_SPILL_LAYERS *
											   sizeof(uint32)));
}

/* See what the participants share. */
void
omen_build_join(OmenBuild *build, OmenBuildShared *shared)
{
	build->task = &shared->task;
	build->team = &shared->team;
	build->arena = &shared->arena;
	build->pool = &shared->pool;
	build->job = &shared->job;
	build->groups = &shared->groups;
	build->spills = shared->spills;
	build->files = &shared->team.files.fs;
}

/* The next item of the step; false if there are none. */
bool
omen_next_item(OmenBuild *build, uint32 *item)
{
	*item = pg_atomic_fetch_add_u32(&build->team->next_item, 1);
	return *item < build->team->items;
}

/* So many more tuples have been dealt with in this step. */
void
omen_build_progress(OmenBuild *build, uint64 tuples)
{
	OmenBuildTeam *team = build->team;
	uint64		done = pg_atomic_add_fetch_u64(&team->done, (int64) tuples);

	if (!build->report)
		return;
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) done);
	if (team->step == OMEN_STEP_SCAN)
		pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE,
									 (int64) pg_atomic_read_u64(
										 &team->blocks_done));
}

/* Tell that a phase has begun, and how many tuples it deals with. */
void
omen_build_phase_start(OmenBuild *build, int64 phase, uint64 tuples)
{
	const int	columns[] = {PROGRESS_CREATEIDX_SUBPHASE,
						   PROGRESS_CREATEIDX_TUPLES_TOTAL,
						   PROGRESS_CREATEIDX_TUPLES_DONE};
	const int64 values[] = {phase, (int64) tuples, 0};

	pg_atomic_write_u64(&build->team->done, 0);
	if (!build->report)
		return;
	pgstat_progress_update_multi_param(3, columns, values);
}
