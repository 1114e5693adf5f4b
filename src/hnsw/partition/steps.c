/*-------------------------------------------------------------------------
 *
 * steps.c
 *	  The steps of a build, and how the participants take one.
 *
 * The leader prepares a step, everybody takes items of it until there are
 * none, and so on: two arrivals at a barrier for each step.  A worker that
 * starts late joins where the others are; one that never starts is not waited
 * for.  A step that the leader takes alone needs no barrier: workers wait for
 * the next one meanwhile.
 *
 * Must not know in which order steps are taken, nor what for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/groups.h"
#include "pgstat.h"
#include "utils/memutils.h"

typedef struct Step
{
	const char *name;			/* as pg_stat_progress_create_index shows it */
	void (*prepare)(OmenBuild *build);	/* the leader's part before it */
	void (*take)(OmenBuild *build);
	bool		alone;			/* the leader takes it */
} Step;

/*
 * Nothing: what a participant has mapped of a pool or an arena that was given
 * up it lets go of when a step begins, and the system has the memory back when
 * all have.
 */
static void
release(OmenBuild *build)
{
}

/* Jobs of one participant each, which consist of steps as well. */
static void
make_graphs(OmenBuild *build)
{
	build->make_graphs(build);
}

static const Step steps[] = {
	[OMEN_STEP_SCAN] = {"scanning table", NULL, omen_step_scan},
	[OMEN_STEP_EQUAL] = {"finding equal vectors", NULL, omen_step_equal, true},
	[OMEN_STEP_CARVE] = {"assigning vectors to leaves", omen_prepare_carve,
						 omen_step_carve},
	[OMEN_STEP_PLACE] = {"ordering vectors", omen_prepare_place,
						 omen_step_place},
	[OMEN_STEP_COMPARE] = {"comparing vectors within leaves", NULL,
						   omen_step_compare},
	[OMEN_STEP_PRUNE] = {"choosing neighbors", NULL, omen_step_prune},
	[OMEN_STEP_WRITE] = {"writing pages", NULL, omen_step_write},
	[OMEN_STEP_PARENTS] = {"choosing parents", NULL, omen_step_parents, true},
	[OMEN_STEP_COPIES] = {"attaching equal vectors", NULL, omen_step_copies,
						  true},
	[OMEN_STEP_CUT] = {"sorting rows by group", NULL, omen_step_cut},
	[OMEN_STEP_LISTS] = {"writing small groups", NULL, omen_step_lists},
	[OMEN_STEP_GRAPHS] = {"making graphs of groups", NULL, make_graphs},
	[OMEN_STEP_LOG] = {"writing WAL", NULL, omen_step_log},
	[OMEN_STEP_RELEASE] = {"releasing memory", NULL, release},
};

/* What a step is called; NULL if there is no such step. */
char *
omen_step_name(int64 step)
{
	if (step < 0 || step >= (int64) lengthof(steps))
		return NULL;
	return unconstify(char *, steps[step].name);
}

/* Do a part of a step, in memory that is gone afterwards. */
static void
do_part(OmenBuild *build, void (*part)(OmenBuild *build))
{
	MemoryContext old = MemoryContextSwitchTo(build->step_context);

	part(build);
	MemoryContextSwitchTo(old);
	MemoryContextReset(build->step_context);
}

static void
arrive(OmenBuild *build)
{
	(void) BarrierArriveAndWait(&build->team->barrier, PG_WAIT_EXTENSION);
}

/*
 * Take a step, everybody together; as long as there are workers, the leader
 * calls this for all that they do, and at last for OMEN_STEP_DONE.
 */
void
omen_run_step(OmenBuild *build, OmenBuildStep step, uint32 items, uint64 tuples)
{
	OmenBuildTeam *team = build->team;

	omen_pool_tidy(build);
	team->step = step;
	team->items = items;
	pg_atomic_write_u32(&team->next_item, 0);
	omen_build_phase_start(build, OMEN_PHASE_OF_STEP(step), tuples);
	if (step == OMEN_STEP_DONE)
	{
		arrive(build);
		return;
	}
	omen_arena_attach(build);
	if (steps[step].prepare)
		do_part(build, steps[step].prepare);
	if (!steps[step].alone)
		arrive(build);
	do_part(build, steps[step].take);
	if (!steps[step].alone)
		arrive(build);
}

/*
 * What a worker does until the leader says that all is done.  Even phases of
 * the barrier prepare a step, odd ones take it.
 */
void
omen_work(OmenBuild *build)
{
	Barrier	   *barrier = &build->team->barrier;
	int			phase = BarrierAttach(barrier);

	for (;;)
	{
		if (phase % 2 == 0)
			arrive(build);
		phase = 0;
		if (build->team->step == OMEN_STEP_DONE)
			break;
		omen_arena_attach(build);
		omen_pool_attach(build);
		do_part(build, steps[build->team->step].take);
		arrive(build);
	}
	(void) BarrierDetach(barrier);
}
