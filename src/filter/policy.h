/*-------------------------------------------------------------------------
 *
 * policy.h
 *	  How a filtered scan goes on: which stage comes next, and how much it may
 *	  do.
 *
 * Plain C, without a server: functions of what is known, which they only read.
 * README of this folder has the table of stages.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FILTER_POLICY_H
#define OMEN_FILTER_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "filter/cost.h"
#include "hnsw/scan/growth.h"

/* What a scan does, in the order in which one may follow another. */
typedef enum OmenStage
{
	/* nothing has run */
	OMEN_STAGE_START,
	/* post-filtering of a few rows, to see whether what is near passes */
	OMEN_STAGE_GLANCE,
	/* post-filtering */
	OMEN_STAGE_SWEEP,
	/* in-filter traversal by filter keys */
	OMEN_STAGE_KEY_WALK,
	/* making the set of TIDs; then the next stage is asked for again */
	OMEN_STAGE_MAKE_SET,
	/* in-filter traversal by a set of TIDs, and by keys if there are some */
	OMEN_STAGE_SET_WALK,
	/* pre-filtering */
	OMEN_STAGE_EXACT,
	/* there is nothing to be found, or nothing left */
	OMEN_STAGE_END
} OmenStage;

/* The set of TIDs that may pass. */
typedef enum OmenSetState
{
	OMEN_SET_NO_BITMAP,			/* there is nothing to make it of */
	OMEN_SET_UNMADE,
	OMEN_SET_MADE,
	OMEN_SET_TOO_LARGE			/* for the memory allowed */
} OmenSetState;

/* All that a choice depends on. */
typedef struct OmenFilterFacts
{
	/* what is asked; `plan.wanted` is what is now, and 1 at least */
	OmenScanPlan plan;
	OmenStrategy setting;		/* omendb.filter_strategy */
	uint64_t	wanted;			/* rows; may be 0 */
	double		radius;			/* no row passes that is farther: INFINITY if
								 * none is known, -INFINITY if none passes */

	/* kept from one scan to the next as long as the filter is the same */
	OmenSetState set;
	double		set_tids;		/* in it, if it is made */
	bool		has_glanced;	/* there has been a glance */

	/* what this scan has done */
	OmenStage	last;			/* that ran */
	bool		has_made_set;	/* it was made, or found too large, for it */
	bool		has_failed;		/* a search gave up, other than a glance */
	uint64_t	rows_sent;

	/* rows that a sweep had tested, and those that passed, when it was decided
	 * last whether it goes on; not if what it sees does not count */
	uint64_t	swept_tested;
	uint64_t	swept_passed;
} OmenFilterFacts;

/* How much a search may do, in visits of slots. */
typedef struct OmenAllowance
{
	uint64_t	max_work;		/* as of now */
	uint64_t	first;			/* whatever it sees */
	uint64_t	total;			/* of a walk: in all, if it goes well */
	bool		is_fixed;		/* nothing that it sees changes that */
} OmenAllowance;

static inline bool
omen_stage_is_walk(OmenStage stage)
{
	return stage == OMEN_STAGE_KEY_WALK || stage == OMEN_STAGE_SET_WALK;
}

static inline bool
omen_stage_is_sweep(OmenStage stage)
{
	return stage == OMEN_STAGE_GLANCE || stage == OMEN_STAGE_SWEEP;
}

/* policy.c */
extern OmenStrategy omen_plan_strategy(const OmenScanPlan *plan,
									   OmenStrategy setting, double *cost);
extern void omen_plan_for_groups(OmenFilterFacts *facts, double groups,
								 double nodes);
extern OmenStage omen_next_stage(const OmenFilterFacts *facts);
extern bool omen_exact_goes_through_index(const OmenFilterFacts *facts);

/* known.c */
extern double omen_known_selectivity(const OmenFilterFacts *facts);
extern double omen_known_exact_cost(const OmenFilterFacts *facts);
extern double omen_known_walk_cost(const OmenFilterFacts *facts);
extern double omen_known_walk_cost_as_seen(const OmenFilterFacts *facts);
extern double omen_known_other_cost(const OmenFilterFacts *facts,
									double selectivity);
extern double omen_known_planned_cost(const OmenFilterFacts *facts);
extern double omen_known_sweep_cost(const OmenFilterFacts *facts, double rows);
extern double omen_known_glance_list(const OmenFilterFacts *facts);
extern double omen_known_glance_cost(const OmenFilterFacts *facts);
extern bool omen_keys_tell_all(const OmenFilterFacts *facts);

/* allowance.c */
extern OmenSearchTerms omen_search_terms(const OmenFilterFacts *facts,
										 OmenStage stage);
extern OmenAllowance omen_first_allowance(const OmenFilterFacts *facts,
										  OmenStage stage);
extern OmenAllowance omen_next_allowance(const OmenFilterFacts *facts,
										 const OmenSearchTerms *terms,
										 OmenAllowance so_far,
										 const OmenSearchProgress *progress);
extern OmenAllowance omen_allowance_beyond(const OmenFilterFacts *facts,
										   OmenAllowance so_far);

#endif							/* OMEN_FILTER_POLICY_H */
