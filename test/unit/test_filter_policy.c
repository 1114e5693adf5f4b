/*
 * test_filter_policy.c
 *		Unit tests of how a filtered scan goes on.
 *
 * Purpose: every line of the table of stages in src/filter/README, also those
 * that no query of the regression tests comes to; how much each stage may do,
 * and by what it goes on; and how long candidate lists have to be.  That scans
 * then find the right rows is tested in sql/hnsw_filter.sql.
 */
#include <math.h>
#include <string.h>

#include "check.h"
#include "filter/policy.h"
#include "hnsw/visits.h"
#include "tuning.h"

/* Rows of the table, and nodes of the index. */
#define ROWS 100000.0

/* ---------- facts to begin with ---------- */

/*
 * A table of vectors in TOAST, of which this part passes an expression that
 * nothing else tells about; ten rows are wanted, and nothing has run.
 */
static OmenFilterFacts
expression(double selectivity)
{
	OmenFilterFacts facts = {.plan = {.rows = ROWS,
									  .passing = selectivity * ROWS,
									  .nodes = ROWS,
									  .selectivity = selectivity,
									  .bitmap_tids = ROWS,
									  .key_selectivity = 1,
									  .wanted = 10,
									  .limit_known = true,
									  .m = 16,
									  .visit_cost = 0.1,
									  .row_cost = 0.17,
									  .distance_cost = 0.3,
									  .table_cost = 3000,
									  .full_scan_cost = 1400,
									  .ef_search = 50,
									  .operator_cost = 0.0025,
									  .strategy = OMEN_STRATEGY_SWEEP},
							 .setting = OMEN_STRATEGY_AUTO,
							 .wanted = 10,
							 .radius = INFINITY,
							 .set = OMEN_SET_NO_BITMAP,
							 .last = OMEN_STAGE_START};
	double		cost;

	facts.plan.strategy =
		omen_plan_strategy(&facts.plan, OMEN_STRATEGY_AUTO, &cost);
	return facts;
}

static void
plan_again(OmenFilterFacts *facts)
{
	double		cost;

	facts->plan.strategy =
		omen_plan_strategy(&facts->plan, OMEN_STRATEGY_AUTO, &cost);
}

/* The same with a bitmap that tells all. */
static OmenFilterFacts
bitmap(double selectivity)
{
	OmenFilterFacts facts = expression(selectivity);

	facts.set = OMEN_SET_UNMADE;
	facts.plan.has_bitmap = true;
	facts.plan.bitmap_tids = selectivity * ROWS;
	facts.plan.bitmap_cost = omen_set_cost(5 + 0.01 * facts.plan.bitmap_tids,
										   facts.plan.bitmap_tids, 0.0025);
	plan_again(&facts);
	return facts;
}

/* The same with filter keys, by which this part of the nodes passes. */
static OmenFilterFacts
with_keys(OmenFilterFacts facts, double key_selectivity)
{
	facts.plan.has_keys = true;
	facts.plan.key_selectivity = key_selectivity;
	plan_again(&facts);
	return facts;
}

/* Without a filter, so many rows wanted. */
static OmenFilterFacts
unfiltered(double wanted)
{
	OmenFilterFacts facts = expression(1);

	facts.plan.is_unfiltered = true;
	facts.plan.wanted = wanted;
	facts.wanted = (uint64_t) wanted;
	return with_keys(facts, 1);
}

static OmenFilterFacts
planned(OmenFilterFacts facts, OmenStrategy strategy)
{
	facts.plan.strategy = strategy;
	return facts;
}

static OmenFilterFacts
asked(OmenFilterFacts facts, OmenStrategy strategy)
{
	facts.setting = strategy;
	return facts;
}

/* The set was made for this scan. */
static OmenFilterFacts
made(OmenFilterFacts facts, double tids)
{
	facts.set = OMEN_SET_MADE;
	facts.set_tids = tids;
	facts.has_made_set = true;
	return facts;
}

static OmenFilterFacts
too_large(OmenFilterFacts facts)
{
	facts.set = OMEN_SET_TOO_LARGE;
	facts.has_made_set = true;
	return facts;
}

/* A stage has given up. */
static OmenFilterFacts
after(OmenFilterFacts facts, OmenStage stage)
{
	facts.last = stage;
	facts.has_failed |= stage != OMEN_STAGE_GLANCE;
	facts.has_glanced |= stage == OMEN_STAGE_GLANCE;
	return facts;
}

static OmenFilterFacts
within(OmenFilterFacts facts, double radius)
{
	facts.radius = radius;
	return facts;
}

static OmenFilterFacts
wanting(OmenFilterFacts facts, uint64_t rows)
{
	facts.wanted = rows;
	facts.plan.wanted = rows;
	return facts;
}

static OmenFilterFacts
sent(OmenFilterFacts facts)
{
	facts.rows_sent = 10;
	return facts;
}

/* A sweep saw rows, of which some passed. */
static OmenFilterFacts
having_seen(OmenFilterFacts facts, uint64_t tested, uint64_t passed)
{
	facts.swept_tested = tested;
	facts.swept_passed = passed;
	return facts;
}

/* ---------- which stage comes next ---------- */

static const char *
name_of(OmenStage stage)
{
	static const char *const names[] = {
		[OMEN_STAGE_START] = "start",		[OMEN_STAGE_GLANCE] = "glance",
		[OMEN_STAGE_SWEEP] = "sweep",		[OMEN_STAGE_KEY_WALK] = "key walk",
		[OMEN_STAGE_MAKE_SET] = "make set", [OMEN_STAGE_SET_WALK] = "set walk",
		[OMEN_STAGE_EXACT] = "exact",		[OMEN_STAGE_END] = "end"};

	return names[stage];
}

static void
check_next(OmenFilterFacts facts, OmenStage expected, const char *what,
		   int line)
{
	OmenStage	next = omen_next_stage(&facts);

	CHECK_MSG(next == expected, "line %d, %s: %s in place of %s", line, what,
			  name_of(next), name_of(expected));
}

#define NEXT(facts, stage) \
	check_next((facts), OMEN_STAGE_##stage, #facts, __LINE__)

/* With a bitmap that tells all. */
static void
test_first_with_bitmap(void)
{
	/* few pass: what is near is looked at once, and else the set */
	CHECK(bitmap(0.005).plan.strategy == OMEN_STRATEGY_EXACT);
	NEXT(bitmap(0.01), GLANCE);
	NEXT(after(bitmap(0.01), OMEN_STAGE_GLANCE), MAKE_SET);
	NEXT(after(made(bitmap(0.01), 5000), OMEN_STAGE_GLANCE), SET_WALK);
	NEXT(after(made(bitmap(0.01), 200), OMEN_STAGE_GLANCE), EXACT);

	/* so few that a glance takes a larger part of that than it may */
	NEXT(bitmap(0.0002), MAKE_SET);
	NEXT(made(bitmap(0.0002), 20), EXACT);

	/* nor is there one before the set is made if there was one before */
	{
		OmenFilterFacts facts = bitmap(0.01);

		facts.has_glanced = true;
		NEXT(facts, MAKE_SET);
		/* but there is with a set of an earlier scan */
		facts = made(facts, 5000);
		facts.has_made_set = false;
		NEXT(facts, GLANCE);
		/* and none of what this scan has made, which cannot be undone */
		facts.has_made_set = true;
		NEXT(facts, SET_WALK);
	}

	/* many pass: a sweep finds them */
	CHECK(bitmap(0.5).plan.strategy == OMEN_STRATEGY_SWEEP);
	NEXT(bitmap(0.5), SWEEP);
}

/* The set's true size decides, whatever was planned. */
static void
test_size_of_set(void)
{
	OmenFilterFacts exact = planned(bitmap(0.01), OMEN_STRATEGY_EXACT);
	OmenFilterFacts graph = planned(bitmap(0.01), OMEN_STRATEGY_GRAPH);

	NEXT(made(exact, 30), EXACT);
	NEXT(made(graph, 30), EXACT);
	NEXT(made(exact, 20000), SET_WALK);
	NEXT(made(graph, 20000), SET_WALK);
	/* fewer than are wanted */
	NEXT(made(wanting(graph, 1000), 900), EXACT);
	NEXT(made(wanting(graph, 0), 0), EXACT);
	/* a radius may end a walk soon, so it is tried where exact is cheaper */
	NEXT(made(exact, 600), EXACT);
	NEXT(made(within(exact, 1), 600), SET_WALK);
	NEXT(made(within(exact, 1), 3), EXACT);
}

static void
test_set_too_large(void)
{
	OmenFilterFacts exact = planned(bitmap(0.02), OMEN_STRATEGY_EXACT);
	OmenFilterFacts graph = planned(bitmap(0.02), OMEN_STRATEGY_GRAPH);

	/* at once */
	NEXT(too_large(exact), EXACT);
	NEXT(too_large(graph), SWEEP);
	NEXT(too_large(planned(with_keys(graph, 0.02), OMEN_STRATEGY_GRAPH)),
		 KEY_WALK);
	/* known from an earlier scan: nothing to be made, and no glance before */
	{
		OmenFilterFacts facts = graph;

		facts.set = OMEN_SET_TOO_LARGE;
		NEXT(facts, SWEEP);
	}
	/* after a glance, which a sweep that was planned comes after */
	NEXT(after(too_large(graph), OMEN_STAGE_GLANCE), SWEEP);
	NEXT(after(too_large(exact), OMEN_STAGE_GLANCE), EXACT);
	/* but not after the glance became a sweep, nor after rows went out */
	NEXT(after(too_large(graph), OMEN_STAGE_SWEEP), EXACT);
	NEXT(after(too_large(sent(graph)), OMEN_STAGE_GLANCE), EXACT);
}

/* With filter keys and no bitmap. */
static void
test_keys(void)
{
	OmenFilterFacts few = with_keys(expression(0.001), 0.001);
	OmenFilterFacts some = with_keys(expression(0.02), 0.02);
	OmenFilterFacts none;

	CHECK(few.plan.strategy == OMEN_STRATEGY_EXACT);
	CHECK(some.plan.strategy == OMEN_STRATEGY_GRAPH);
	NEXT(few, GLANCE);
	NEXT(some, KEY_WALK);
	NEXT(after(few, OMEN_STAGE_GLANCE), EXACT);
	NEXT(after(some, OMEN_STAGE_KEY_WALK), EXACT);
	/* a glance is not worth while before a look at few nodes */
	none = few;
	none.plan.full_scan_cost = 20;
	none.plan.table_cost = 30;
	plan_again(&none);
	NEXT(none, EXACT);
	/* after a sweep: a walk by keys, if that is cheaper than exact */
	NEXT(after(some, OMEN_STAGE_SWEEP), KEY_WALK);
	NEXT(after(some, OMEN_STAGE_GLANCE), KEY_WALK);
	NEXT(after(few, OMEN_STAGE_SWEEP), EXACT);
	NEXT(after(sent(some), OMEN_STAGE_SWEEP), EXACT);
	/* within a radius it is tried without a glance */
	NEXT(within(few, 1), KEY_WALK);
}

/* With filter keys and a bitmap. */
static void
test_keys_and_bitmap(void)
{
	OmenFilterFacts all = with_keys(bitmap(0.02), 0.02);
	OmenFilterFacts part =
		planned(with_keys(bitmap(0.003), 0.9), OMEN_STRATEGY_GRAPH);
	OmenFilterFacts made_before;

	/* keys that tell all come before a set that has yet to be made */
	CHECK(all.plan.strategy == OMEN_STRATEGY_GRAPH);
	NEXT(all, KEY_WALK);
	/* those that tell a part come after it */
	NEXT(part, MAKE_SET);
	NEXT(made(part, 2000), SET_WALK);
	/* a set that is there is used beside the keys */
	made_before = made(all, 2000);
	made_before.has_made_set = false;
	NEXT(made_before, SET_WALK);

	/* after a walk by keys: the set, and a walk by it if it tells more */
	NEXT(after(all, OMEN_STAGE_KEY_WALK), MAKE_SET);
	NEXT(after(made(all, 2000), OMEN_STAGE_KEY_WALK), EXACT);
	NEXT(after(part, OMEN_STAGE_KEY_WALK), MAKE_SET);
	NEXT(after(made(part, 2000), OMEN_STAGE_KEY_WALK), SET_WALK);
	NEXT(after(made(part, 30), OMEN_STAGE_KEY_WALK), EXACT);
	NEXT(after(too_large(part), OMEN_STAGE_KEY_WALK), EXACT);

	/* where exact is planned a glance comes first */
	NEXT(planned(all, OMEN_STRATEGY_EXACT), GLANCE);
	/* and a set too large leaves the keys */
	NEXT(after(too_large(planned(all, OMEN_STRATEGY_EXACT)), OMEN_STAGE_GLANCE),
		 KEY_WALK);
}

/* Nothing tells what passes. */
static void
test_nothing_known(void)
{
	OmenFilterFacts few = expression(0.001);
	OmenFilterFacts small;

	CHECK(few.plan.strategy == OMEN_STRATEGY_EXACT);
	NEXT(few, GLANCE);
	NEXT(after(few, OMEN_STAGE_GLANCE), EXACT);
	CHECK(expression(0.3).plan.strategy == OMEN_STRATEGY_SWEEP);
	NEXT(expression(0.3), SWEEP);
	NEXT(after(expression(0.3), OMEN_STAGE_SWEEP), EXACT);
	/* a walk that is planned has nothing to go by */
	NEXT(planned(few, OMEN_STRATEGY_GRAPH), SWEEP);

	/* of a small table all is looked at */
	small = few;
	small.plan.rows = small.plan.nodes = 900;
	small.plan.table_cost = 30;
	small.plan.passing = 2;
	plan_again(&small);
	NEXT(small, EXACT);
	/* a table read so fast that a glance would take a fifth of that */
	small = few;
	small.plan.table_cost = 150;
	small.plan.passing = 0;
	plan_again(&small);
	NEXT(small, EXACT);

	/* exact goes on where memory did not do */
	NEXT(after(few, OMEN_STAGE_EXACT), EXACT);
	NEXT(after(few, OMEN_STAGE_END), END);
}

static void
test_radius(void)
{
	OmenFilterFacts facts = bitmap(0.01);

	/* nothing is within */
	NEXT(within(facts, -INFINITY), END);
	NEXT(within(after(facts, OMEN_STAGE_SWEEP), -INFINITY), END);
	/* it may end any search, so no glance comes first */
	NEXT(within(facts, 1), MAKE_SET);
	NEXT(within(expression(0.001), 1), SWEEP);
	NEXT(within(expression(0.3), 1), SWEEP);
	NEXT(after(within(expression(0.3), 1), OMEN_STAGE_SWEEP), EXACT);
}

/* A strategy that is asked for is taken, as far as there is one. */
static void
test_setting(void)
{
	OmenFilterFacts sets = bitmap(0.01);
	OmenFilterFacts keys = with_keys(expression(0.02), 0.02);
	OmenFilterFacts none = expression(0.3);

	NEXT(asked(sets, OMEN_STRATEGY_SWEEP), SWEEP);
	NEXT(asked(sets, OMEN_STRATEGY_GRAPH), MAKE_SET);
	NEXT(made(asked(sets, OMEN_STRATEGY_GRAPH), 1), SET_WALK);
	NEXT(too_large(asked(sets, OMEN_STRATEGY_GRAPH)), SWEEP);
	NEXT(asked(sets, OMEN_STRATEGY_EXACT), MAKE_SET);
	NEXT(made(asked(sets, OMEN_STRATEGY_EXACT), 50000), EXACT);
	NEXT(too_large(asked(sets, OMEN_STRATEGY_EXACT)), EXACT);
	NEXT(asked(keys, OMEN_STRATEGY_SWEEP), SWEEP);
	NEXT(asked(keys, OMEN_STRATEGY_GRAPH), KEY_WALK);
	NEXT(asked(keys, OMEN_STRATEGY_EXACT), EXACT);
	NEXT(asked(none, OMEN_STRATEGY_SWEEP), SWEEP);
	NEXT(asked(none, OMEN_STRATEGY_GRAPH), SWEEP);
	NEXT(asked(none, OMEN_STRATEGY_EXACT), EXACT);
	/* a sweep that was asked for and ended is followed by no other search by
	 * keys, but by one by a set, which has to be made anyway */
	NEXT(after(asked(keys, OMEN_STRATEGY_SWEEP), OMEN_STAGE_SWEEP), EXACT);
	NEXT(after(asked(sets, OMEN_STRATEGY_SWEEP), OMEN_STAGE_SWEEP), MAKE_SET);
	NEXT(after(made(asked(sets, OMEN_STRATEGY_SWEEP), 20000), OMEN_STAGE_SWEEP),
		 SET_WALK);
	NEXT(after(made(asked(sets, OMEN_STRATEGY_GRAPH), 20000),
			   OMEN_STAGE_SET_WALK),
		 EXACT);
}

/* What follows a sweep by a set goes by the rows that it saw pass. */
static void
test_after_sweep(void)
{
	OmenFilterFacts facts =
		made(planned(bitmap(0.1), OMEN_STRATEGY_SWEEP), 10000);

	facts = after(facts, OMEN_STAGE_SWEEP);
	NEXT(facts, SET_WALK);
	NEXT(having_seen(facts, 1000, 100), SET_WALK);
	/* hardly any is near: a walk would take longer than exact */
	NEXT(having_seen(facts, 100000, 1), EXACT);
	/* none at all says nothing */
	NEXT(having_seen(facts, 1000, 0), SET_WALK);
	/* what is found now would be late; the set is of use for exact */
	NEXT(sent(facts), EXACT);
	facts.set = OMEN_SET_UNMADE;
	NEXT(sent(facts), MAKE_SET);
	/* a walk by the set has nothing left that knows more */
	NEXT(after(facts, OMEN_STAGE_SET_WALK), MAKE_SET);
	NEXT(after(made(facts, 10000), OMEN_STAGE_SET_WALK), EXACT);
}

static void
test_way_of_exact(void)
{
	OmenFilterFacts keys = with_keys(expression(0.02), 0.02);
	OmenFilterFacts vague = with_keys(expression(0.0001), 0.9);
	OmenFilterFacts many = made(bitmap(0.3), 30000);
	OmenFilterFacts few = made(bitmap(0.0003), 30);
	OmenFilterFacts none = expression(0.1);

	CHECK(omen_exact_goes_through_index(&keys));
	CHECK(!omen_exact_goes_through_index(&vague));
	CHECK(omen_exact_goes_through_index(&many));
	CHECK(!omen_exact_goes_through_index(&few));
	CHECK(!omen_exact_goes_through_index(&none));
}

/* Groups of an index: what was planned for some is planned again for others. */
static void
test_groups(void)
{
	OmenFilterFacts facts = expression(0.3);

	CHECK(facts.plan.strategy == OMEN_STRATEGY_SWEEP);
	CHECK(!omen_exact_goes_through_index(&facts));
	omen_plan_for_groups(&facts, 3, 300);
	CHECK(facts.plan.groups == 3 && facts.plan.nodes == 300);
	CHECK(fabs(facts.plan.passing - 90) < 1e-6 &&
		  facts.plan.selectivity == 0.3);
	CHECK(fabs(facts.plan.full_scan_cost - 1400 * 300.0 / ROWS) < 1e-6);
	/* the groups' rows are looked at, and not the table */
	CHECK(facts.plan.table_cost == 300 * facts.plan.row_cost);
	CHECK(omen_known_exact_cost(&facts) < 100);
	CHECK(omen_exact_goes_through_index(&facts) ==
		  omen_key_scan_pays(&facts.plan));

	/* there and back, by way of none */
	omen_plan_for_groups(&facts, 0, 0);
	CHECK(facts.plan.groups == 1 && facts.plan.nodes == 1);
	omen_plan_for_groups(&facts, 1, ROWS);
	CHECK(fabs(facts.plan.passing - 0.3 * ROWS) < 1e-6);
	CHECK(facts.plan.strategy == OMEN_STRATEGY_SWEEP);
}

static void
test_plan(void)
{
	OmenFilterFacts facts = expression(0.0001);
	double		exact = omen_exact_no_set_cost(&facts.plan);
	double		cost;

	CHECK(omen_plan_strategy(&facts.plan, OMEN_STRATEGY_EXACT, &cost) ==
		  OMEN_STRATEGY_EXACT);
	CHECK(cost == exact);
	/* what is in vain takes twice as long at worst */
	CHECK(omen_plan_strategy(&facts.plan, OMEN_STRATEGY_SWEEP, &cost) ==
		  OMEN_STRATEGY_SWEEP);
	CHECK(cost == OMEN_MAX_COST_OF_EXACT * exact);
	CHECK(omen_plan_strategy(&facts.plan, OMEN_STRATEGY_AUTO, &cost) ==
		  OMEN_STRATEGY_EXACT);
	/* all rows take longer exactly than the wanted ones, since they are sorted */
	CHECK(omen_exact_plan_cost(&facts.plan) == exact);
	CHECK(omen_exact_all_cost(&facts.plan) > exact);
	CHECK(omen_exact_all_cost(&facts.plan) < 1.1 * exact);
	/* a walk by nothing is a sweep */
	facts = expression(0.5);
	CHECK(omen_plan_strategy(&facts.plan, OMEN_STRATEGY_GRAPH, &cost) ==
		  OMEN_STRATEGY_GRAPH);
	CHECK(cost == omen_sweep_cost(&facts.plan));
	/* with keys nothing is swept */
	facts = with_keys(expression(0.9), 0.9);
	CHECK(facts.plan.strategy == OMEN_STRATEGY_GRAPH);
	/* of two walks the cheaper one counts */
	facts = with_keys(bitmap(0.02), 0.02);
	(void) omen_plan_strategy(&facts.plan, OMEN_STRATEGY_GRAPH, &cost);
	CHECK(cost == omen_key_walk_cost(&facts.plan));
	CHECK(cost < omen_bitmap_walk_cost(&facts.plan, 0.02));
}

/* ---------- terms ---------- */

static void
test_terms(void)
{
	OmenFilterFacts facts = made(with_keys(bitmap(0.02), 0.1), 2000);
	OmenFilterFacts keys = with_keys(expression(0.001), 0.1);
	OmenSearchTerms terms = omen_search_terms(&facts, OMEN_STAGE_SWEEP);

	CHECK(!terms.tests_tids && !terms.tests_keys);
	CHECK(terms.wanted == 10 && terms.ef_search == 50);
	CHECK(terms.pass_rate == 0.02);
	/* no longer than a list of all nodes may become by itself */
	CHECK(terms.ef == (uint32_t) (OMEN_MAX_STRETCH * 50));
	terms = omen_search_terms(&facts, OMEN_STAGE_GLANCE);
	CHECK(!omen_search_is_inside(&terms));
	CHECK(terms.ef == (uint32_t) (OMEN_GLANCE_STRETCH * 10));
	terms = omen_search_terms(&facts, OMEN_STAGE_SET_WALK);
	CHECK(terms.tests_tids && terms.tests_keys);
	CHECK(terms.pass_rate == 1);
	CHECK(terms.usual_visits == (uint64_t) omen_walk_visits(&facts.plan, 0.02));
	terms = omen_search_terms(&facts, OMEN_STAGE_EXACT);
	CHECK(terms.tests_tids && terms.tests_keys);

	/* of what passes by keys a hundredth passes at all */
	terms = omen_search_terms(&keys, OMEN_STAGE_KEY_WALK);
	CHECK(!terms.tests_tids && terms.tests_keys);
	CHECK(fabs(terms.pass_rate - 0.01) < 1e-9);
	CHECK(terms.ef == (uint32_t) omen_key_walk_rows(&keys.plan));
	keys.plan.selectivity = 1e-6;
	CHECK(omen_search_terms(&keys, OMEN_STAGE_KEY_WALK).ef ==
		  OMEN_MAX_FIRST_LIST);
	/* within a radius there may be fewer */
	facts = within(keys, 1);
	CHECK(omen_search_terms(&facts, OMEN_STAGE_KEY_WALK).ef <= 50);
	CHECK(omen_search_terms(&facts, OMEN_STAGE_SWEEP).ef == 50);
	/* no list is longer to begin with */
	facts = wanting(expression(0.5), 1000000);
	CHECK(omen_search_terms(&facts, OMEN_STAGE_SWEEP).ef ==
		  OMEN_MAX_FIRST_LIST);
	CHECK(omen_search_terms(&facts, OMEN_STAGE_GLANCE).ef ==
		  OMEN_MAX_FIRST_LIST);
}

/* ---------- first allowances ---------- */

/* What a cost is in work. */
static uint64_t
work_of(const OmenFilterFacts *facts, double cost)
{
	return (uint64_t) (cost / facts->plan.visit_cost);
}

static void
check_first(OmenFilterFacts facts, OmenStage stage, double cost, int line)
{
	OmenAllowance allowance = omen_first_allowance(&facts, stage);
	uint64_t	expected = work_of(&facts, cost) + OMEN_MIN_WORK;

	/* one of rounding */
	CHECK_MSG(allowance.max_work + 1 >= expected &&
				  allowance.max_work <= expected + 1,
			  "line %d: %lu in place of %lu", line,
			  (unsigned long) allowance.max_work, (unsigned long) expected);
	CHECK_MSG(allowance.first ==
				  (stage == OMEN_STAGE_GLANCE ? 0 : allowance.max_work),
			  "line %d", line);
}

#define FIRST(facts, stage, cost) \
	check_first((facts), OMEN_STAGE_##stage, (cost), __LINE__)

static void
test_first_allowance_of_sweep(void)
{
	OmenFilterFacts facts = expression(0.3);
	double		exact = omen_known_exact_cost(&facts);
	double		sweep = omen_sweep_cost(&facts.plan);

	/* reading a table costs less than PostgreSQL says */
	CHECK(exact == OMEN_TABLE_UNIT * omen_exact_no_set_cost(&facts.plan));
	FIRST(facts, SWEEP, OMEN_SWEEP_FIRST_OF_EXPECTED * sweep);
	FIRST(within(facts, 1), SWEEP, OMEN_SWEEP_FIRST_SHARE * exact);

	facts = expression(0.002);
	exact = omen_known_exact_cost(&facts);
	FIRST(facts, SWEEP, OMEN_SWEEP_FIRST_SHARE * exact);
	FIRST(within(facts, 1), SWEEP,
		  fmin(OMEN_SWEEP_FIRST_OF_EXPECTED * omen_sweep_cost(&facts.plan),
			   exact));
	FIRST(facts, GLANCE, OMEN_GLANCE_SHARE * exact);

	/* what is planned may be less than exact */
	facts = bitmap(0.05);
	CHECK(omen_known_planned_cost(&facts) < omen_known_exact_cost(&facts));
	FIRST(facts, GLANCE, OMEN_GLANCE_SHARE * omen_known_planned_cost(&facts));
}

static void
test_first_allowance_of_walk(void)
{
	OmenFilterFacts facts = made(bitmap(0.05), 5000);
	double		exact = omen_known_exact_cost(&facts);
	double		walk = omen_known_walk_cost(&facts);

	CHECK(walk < exact && walk > OMEN_WALK_SHORT_LIMIT * exact);
	FIRST(facts, SET_WALK, OMEN_WALK_FIRST_SHARE * exact);
	FIRST(within(facts, 1), SET_WALK, OMEN_WALK_RADIUS_SHARE * exact);
	/* after another search less, but as much as a sweep's rows ask for */
	facts = after(facts, OMEN_STAGE_SWEEP);
	FIRST(facts, SET_WALK, OMEN_WALK_SECOND_SHARE * exact);
	FIRST(having_seen(facts, 200, 10), SET_WALK,
		  fmax(OMEN_WALK_SECOND_SHARE * exact, OMEN_SLACK * walk));
	FIRST(having_seen(facts, 20000, 1), SET_WALK,
		  OMEN_WALK_TOTAL_SHARE_OF_TWO * exact);
	/* a glance is no other search */
	facts = made(bitmap(0.05), 5000);
	FIRST(after(facts, OMEN_STAGE_GLANCE), SET_WALK,
		  OMEN_WALK_FIRST_SHARE * exact);

	/* one that is short as a rule may lead far if that is little */
	facts = after(made(bitmap(0.9), 90000), OMEN_STAGE_SWEEP);
	exact = omen_known_exact_cost(&facts);
	walk = omen_known_walk_cost(&facts);
	CHECK(walk < OMEN_WALK_SHORT_LIMIT * exact);
	FIRST(facts, SET_WALK,
		  fmin(OMEN_WALK_SHORT_SHARE * exact,
			   fmax(OMEN_WALK_FIRST_OF_USUAL * walk,
					OMEN_WALK_MIN_FIRST_SHARE * exact)));

	/* where exact is cheaper it is tried for what is near only */
	facts = within(made(bitmap(0.003), 300), 1);
	exact = omen_known_exact_cost(&facts);
	CHECK(omen_known_walk_cost(&facts) > exact);
	FIRST(facts, SET_WALK,
		  fmin(OMEN_GLANCE_SHARE * exact,
			   OMEN_DOUBTFUL_WALK_OF_NEAREST * omen_nearest_cost(&facts.plan)));
}

static void
test_total_of_walk(void)
{
	OmenFilterFacts keys = with_keys(expression(0.05), 0.05);
	OmenFilterFacts both = with_keys(bitmap(0.05), 0.5);
	OmenFilterFacts facts = made(bitmap(0.05), 5000);
	double		exact = omen_known_exact_cost(&facts);
	OmenAllowance allowance;

	/* the only one */
	CHECK(omen_first_allowance(&facts, OMEN_STAGE_SET_WALK).total ==
		  work_of(&facts, OMEN_WALK_TOTAL_SHARE * exact));
	CHECK(omen_first_allowance(&keys, OMEN_STAGE_KEY_WALK).total ==
		  work_of(&keys, OMEN_WALK_TOTAL_SHARE * omen_known_exact_cost(&keys)));
	/* one of two: another would follow, or has been */
	CHECK(omen_first_allowance(&both, OMEN_STAGE_KEY_WALK).total ==
		  work_of(&both,
				  OMEN_WALK_TOTAL_SHARE_OF_TWO * omen_known_exact_cost(&both)));
	facts = after(facts, OMEN_STAGE_SWEEP);
	CHECK(omen_first_allowance(&facts, OMEN_STAGE_SET_WALK).total ==
		  work_of(&facts, OMEN_WALK_TOTAL_SHARE_OF_TWO * exact));
	/* keys that tell all are not followed by another */
	both.plan.key_selectivity = 0.05;
	CHECK(omen_first_allowance(&both, OMEN_STAGE_KEY_WALK).total ==
		  work_of(&both, OMEN_WALK_TOTAL_SHARE * omen_known_exact_cost(&both)));
	/* no more than to begin with where exact is cheaper */
	facts = made(bitmap(0.003), 300);
	allowance = omen_first_allowance(&facts, OMEN_STAGE_SET_WALK);
	CHECK(allowance.total == allowance.max_work);
}

static void
test_fixed_allowance(void)
{
	OmenFilterFacts facts = expression(0.3);
	OmenAllowance allowance = omen_first_allowance(&facts, OMEN_STAGE_SWEEP);
	OmenSearchTerms terms = omen_search_terms(&facts, OMEN_STAGE_SWEEP);
	OmenSearchProgress progress = {.tested = 1000, .work = UINT64_MAX / 2};

	CHECK(!allowance.is_fixed);
	facts = within(facts, 1);
	allowance = omen_first_allowance(&facts, OMEN_STAGE_SWEEP);
	CHECK(allowance.is_fixed && allowance.max_work < UINT64_MAX);
	facts = asked(expression(0.3), OMEN_STRATEGY_SWEEP);
	allowance = omen_first_allowance(&facts, OMEN_STAGE_SWEEP);
	CHECK(allowance.is_fixed && allowance.max_work == UINT64_MAX);
	facts.last = OMEN_STAGE_SWEEP;
	allowance = omen_next_allowance(&facts, &terms, allowance, &progress);
	CHECK(allowance.max_work == UINT64_MAX);
	facts = asked(made(bitmap(0.05), 5000), OMEN_STRATEGY_GRAPH);
	allowance = omen_first_allowance(&facts, OMEN_STAGE_SET_WALK);
	CHECK(allowance.is_fixed && allowance.max_work == UINT64_MAX);
	/* an exact one that gave up is no search */
	facts = asked(expression(0.3), OMEN_STRATEGY_EXACT);
	CHECK(!omen_first_allowance(&facts, OMEN_STAGE_SWEEP).is_fixed);
}

/* ---------- going on ---------- */

/* A search that runs. */
typedef struct Running
{
	OmenFilterFacts facts;
	OmenSearchTerms terms;
	OmenAllowance allowance;
} Running;

static Running
run(OmenFilterFacts facts, OmenStage stage)
{
	Running		running;

	running.terms = omen_search_terms(&facts, stage);
	running.allowance = omen_first_allowance(&facts, stage);
	running.facts = facts;
	running.facts.last = stage;
	return running;
}

/* What it may do after it has done this part of its allowance. */
static OmenAllowance
next_of(const Running *running, double part, OmenSearchProgress progress)
{
	progress.work = (uint64_t) (part * running->allowance.max_work);
	return omen_next_allowance(&running->facts, &running->terms,
							   running->allowance, &progress);
}

static bool
goes_on(const Running *running, double part, OmenSearchProgress progress)
{
	return next_of(running, part, progress).max_work >
		   (uint64_t) (part * running->allowance.max_work);
}

static void
test_sweep_goes_on(void)
{
	Running		sweep = run(expression(0.02), OMEN_STAGE_SWEEP);
	OmenSearchProgress good = {.tested = 120,
							   .passed = 4,
							   .ef = 115,
							   .next_ef = 200};
	OmenSearchProgress bad = {.tested = 2000,
							  .passed = 1,
							  .ef = 2000,
							  .next_ef = 4000};
	OmenAllowance next;

	/* rows pass as expected: on, whatever it has taken so far */
	CHECK(goes_on(&sweep, 0.5, good));
	next = next_of(&sweep, 1, good);
	CHECK(next.max_work > sweep.allowance.max_work + OMEN_MIN_WORK);
	/* never less than it was allowed before */
	next = next_of(&sweep, 0.01, good);
	CHECK(next.max_work >= sweep.allowance.max_work);
	/* hardly any pass: until the first allowance is used up, and not on */
	CHECK(goes_on(&sweep, 0.9, bad));
	CHECK(next_of(&sweep, 0.9, bad).max_work == sweep.allowance.max_work);
	CHECK(!goes_on(&sweep, 1, bad));
	/* not if more has been spent than anything else would take */
	CHECK(!goes_on(&sweep, 20, good));
	/* a longer list than rows that are left may take what that takes */
	good.next_ef = 5000;
	CHECK(next_of(&sweep, 1, good).max_work > next_of(&sweep, 1, bad).max_work);
}

static void
test_glance_goes_on(void)
{
	OmenFilterFacts facts = bitmap(0.01);
	Running		glance = run(facts, OMEN_STAGE_GLANCE);
	Running		sweep = run(facts, OMEN_STAGE_SWEEP);
	OmenSearchProgress all = {.tested = 15,
							  .passed = 9,
							  .ef = 15,
							  .next_ef = 50};
	OmenSearchProgress none = {.tested = 15,
							   .passed = 0,
							   .ef = 15,
							   .next_ef = 50};
	OmenSearchProgress progress = {.tested = 15, .ef = 15, .next_ef = 50};
	int			differ = 0;

	CHECK(goes_on(&glance, 0.3, all));
	/* one look has to do */
	CHECK(!goes_on(&glance, 0, none));
	CHECK(goes_on(&sweep, 0.3, none));
	/* that a few pass by chance is not enough, as it is for a sweep */
	sweep.allowance.first = 0;
	for (double part = 0.001; part < 0.2; part *= 1.1)
	{
		glance.facts.plan.selectivity = sweep.facts.plan.selectivity = part;
		glance.terms.pass_rate = sweep.terms.pass_rate = part;
		CHECK(!goes_on(&glance, 0.1, progress) ||
			  goes_on(&sweep, 0.1, progress));
		if (goes_on(&glance, 0.1, progress) != goes_on(&sweep, 0.1, progress))
			differ++;
	}
	CHECK(differ > 0);
}

static void
test_walk_goes_on(void)
{
	Running		walk = run(made(bitmap(0.05), 5000), OMEN_STAGE_SET_WALK);
	OmenSearchProgress half = {.hit_limit = true, .found = 25, .ef = 50};
	OmenSearchProgress few = {.hit_limit = true, .found = 2, .ef = 50};
	OmenSearchProgress full = {.tested = 10,
							   .passed = 5,
							   .found = 50,
							   .ef = 50};
	OmenSearchProgress vain = {.tested = 200,
							   .passed = 0,
							   .found = 50,
							   .ef = 50};
	OmenAllowance next;

	/* nothing is asked before the first allowance is used up */
	CHECK(next_of(&walk, 0.9, few).max_work == walk.allowance.max_work);
	/* its list fills up: as far as that promises, with some slack */
	next = next_of(&walk, 1, half);
	CHECK(next.max_work > walk.allowance.max_work);
	CHECK(next.max_work <= walk.allowance.total);
	/* it does not */
	CHECK(!goes_on(&walk, 1, few));
	/* not even if it did, beyond the total */
	CHECK(!goes_on(&walk, 4.1, half));
	/* full, and rows pass */
	next = next_of(&walk, 1, full);
	CHECK(next.max_work > walk.allowance.max_work);
	/* full, and no row passes */
	CHECK(!goes_on(&walk, 1, vain));
	/* one that is full may take more than one that is not */
	walk.allowance.total = (uint64_t) (2.8 * walk.allowance.max_work);
	walk.terms.wanted = 1;
	full.passed = 1;
	full.tested = 50;
	CHECK(goes_on(&walk, 2.5, full));
	walk.allowance.total = (uint64_t) (2.4 * walk.allowance.max_work);
	CHECK(!goes_on(&walk, 2.5, full));
}

static void
test_beyond(void)
{
	OmenFilterFacts facts = expression(0.3);
	OmenAllowance allowance = {.max_work = 5};

	/* as much as exact, and never less than before */
	CHECK(omen_allowance_beyond(&facts, allowance).max_work ==
		  work_of(&facts, omen_known_exact_cost(&facts)));
	allowance.max_work = UINT64_MAX;
	CHECK(omen_allowance_beyond(&facts, allowance).max_work == UINT64_MAX);
}

/* ---------- candidate lists ---------- */

static void
test_list_size(void)
{
	CHECK(omen_list_size(1, 50) == 50);
	CHECK(fabs(omen_list_size(0.5, 50) - 50 * sqrt(2)) < 1e-9);
	CHECK(omen_list_size(0.01, 50) == 50 * OMEN_MAX_STRETCH);
	CHECK(omen_list_size(0, 50) == 50 * OMEN_MAX_STRETCH);
}

static void
test_rows_to_test(void)
{
	/* by what is expected, and then by what is seen */
	CHECK(fabs(omen_rows_to_test(10, 0.1, 0, 0) - 100) < 1e-9);
	CHECK(omen_rows_to_test(10, 0.1, 1000, 1) > 4000);
	CHECK(omen_rows_to_test(10, 0.1, 1000, 9) < 1200);
	CHECK(omen_rows_to_test(10, 0.1, 30, 10) == 30);
	CHECK(omen_rows_to_test(10, 0.1, 30, 25) == 30);
	CHECK(isfinite(omen_rows_to_test(10, 0, 0, 0)));
}

static void
test_next_list(void)
{
	OmenSearchTerms sweep = {.wanted = 10, .pass_rate = 0.1, .ef_search = 50};
	OmenSearchTerms walk = {.tests_keys = true,
							.wanted = 10,
							.pass_rate = 1,
							.ef_search = 50};
	OmenSearchProgress progress = {.tested = 100, .passed = 5, .ef = 100};
	OmenSearchProgress more;

	CHECK(omen_next_list(&walk, &progress) == OMEN_LIST_GROWTH * 100);
	/* some of the way to where enough pass */
	CHECK(omen_next_list(&sweep, &progress) > 100 * OMEN_LIST_MIN_GROWTH);
	CHECK(omen_next_list(&sweep, &progress) < 200);
	progress.passed = 0;
	CHECK(omen_next_list(&sweep, &progress) == 100 * OMEN_LIST_MAX_GROWTH);
	/* never shorter than ef_search */
	more = progress;
	more.ef = more.tested = 10;
	CHECK(omen_next_list(&sweep, &more) == 50);
	/* enough pass, but the list is shorter than a part this small needs */
	progress.passed = 20;
	progress.ef = 60;
	CHECK(omen_next_list(&sweep, &progress) ==
		  (uint32_t) omen_list_size(0.2, 50) + 1);
	/* or than what was tested, nearly */
	progress.tested = 140;
	progress.passed = 40;
	progress.ef = 120;
	CHECK(omen_next_list(&sweep, &progress) ==
		  140 + 120 / OMEN_LIST_MARGIN + 1);
	/* or by far */
	progress.tested = 500;
	progress.passed = 200;
	CHECK(omen_next_list(&sweep, &progress) == 240);
	/* what stopped on its way goes on with the list that it has */
	progress.hit_limit = true;
	CHECK(omen_next_list(&sweep, &progress) == 120);
	CHECK(omen_next_list(&walk, &progress) == 120);
}

static void
test_list_suffices(void)
{
	OmenSearchTerms sweep = {.wanted = 10, .ef_search = 50, .ef = 15};
	OmenSearchTerms walk = {.tests_tids = true,
							.wanted = 10,
							.ef_search = 50,
							.ef = 20,
							.usual_visits = 1000};
	OmenSearchProgress progress = {.tested = 12, .passed = 10, .ef = 15};

	/* a glance that finds enough is as good as any search only then */
	CHECK(!omen_list_suffices(&sweep, &progress));
	progress.ef = 50;
	CHECK(omen_list_suffices(&sweep, &progress));
	/* as long as was looked at, and as what passed asks for */
	progress.tested = 51;
	CHECK(!omen_list_suffices(&sweep, &progress));
	progress.ef = 100;
	progress.tested = 100;
	progress.passed = 50;
	CHECK(omen_list_suffices(&sweep, &progress));
	progress.passed = 1;
	progress.ef = (uint32_t) (50 * OMEN_MAX_STRETCH / OMEN_LIST_SLACK);
	progress.tested = 90;
	CHECK(!omen_list_suffices(&sweep, &progress));
	progress.ef++;
	CHECK(omen_list_suffices(&sweep, &progress));

	/* a walk of about the usual length */
	progress.ef = 20;
	progress.tested = 40;
	progress.visits = 1000;
	CHECK(omen_list_suffices(&walk, &progress));
	/* one that ended near */
	progress.visits = 1000 / OMEN_WALK_SHORT - 1;
	CHECK(!omen_list_suffices(&walk, &progress));
	progress.ef = 50;
	CHECK(omen_list_suffices(&walk, &progress));
	/* one that led far */
	progress.visits = OMEN_WALK_LONG * 1000;
	walk.ef = 30;
	CHECK(!omen_list_suffices(&walk, &progress));
	progress.ef = OMEN_WALK_LONG_LIST * 30;
	CHECK(omen_list_suffices(&walk, &progress));
	/* keys need not tell all */
	walk.tests_tids = false;
	walk.tests_keys = true;
	progress.visits = 1000;
	CHECK(omen_list_suffices(&walk, &progress));
	progress.tested = 61;
	CHECK(!omen_list_suffices(&walk, &progress));
}

static void
test_visits(void)
{
	CHECK(omen_expected_visits(OMEN_FLAT_NODES, 16, 10) == OMEN_FLAT_NODES);
	CHECK(omen_expected_visits(4000, 16, 1000) == 4000);
	CHECK(omen_scans_all_nodes(4000, 1000) &&
		  !omen_scans_all_nodes(4001, 1000));
	for (double ef = 1; ef < 10000; ef *= 2)
		CHECK(omen_expected_visits(1e6, 16, ef) <
			  omen_expected_visits(1e6, 16, 2 * ef));
	for (double nodes = 1e4; nodes < 1e8; nodes *= 10)
		CHECK(omen_expected_visits(nodes, 16, 50) <
			  omen_expected_visits(10 * nodes, 16, 50));
}

/*
 * Without a filter neither the stage nor the list depends on how many rows are
 * wanted, until a quarter of all are.
 */
static void
test_unfiltered(void)
{
	OmenFilterFacts other_limit = unfiltered(10);

	for (double wanted = 1; wanted < 0.24 * ROWS; wanted *= 3)
	{
		OmenFilterFacts facts = unfiltered(wanted);
		OmenSearchTerms terms = omen_search_terms(&facts, OMEN_STAGE_KEY_WALK);
		OmenAllowance allowance =
			omen_first_allowance(&facts, OMEN_STAGE_KEY_WALK);

		NEXT(facts, KEY_WALK);
		CHECK(terms.is_unfiltered);
		CHECK(terms.ef == 50);
		CHECK(allowance.is_fixed);
		CHECK(allowance.max_work == UINT64_MAX);
	}
	NEXT(unfiltered(0.26 * ROWS), EXACT);
	NEXT(after(unfiltered(1000), OMEN_STAGE_KEY_WALK), EXACT);
	/* the plan may have been made for another LIMIT */
	other_limit.plan.wanted = 0.5 * ROWS;
	NEXT(other_limit, EXACT);
	NEXT(asked(unfiltered(10), OMEN_STRATEGY_EXACT), EXACT);
	NEXT(asked(unfiltered(10), OMEN_STRATEGY_SWEEP), KEY_WALK);
}

int
main(void)
{
	test_first_with_bitmap();
	test_size_of_set();
	test_set_too_large();
	test_keys();
	test_keys_and_bitmap();
	test_nothing_known();
	test_unfiltered();
	test_radius();
	test_setting();
	test_after_sweep();
	test_way_of_exact();
	test_groups();
	test_plan();
	test_terms();
	test_first_allowance_of_sweep();
	test_first_allowance_of_walk();
	test_total_of_walk();
	test_fixed_allowance();
	test_sweep_goes_on();
	test_glance_goes_on();
	test_walk_goes_on();
	test_beyond();
	test_list_size();
	test_rows_to_test();
	test_next_list();
	test_list_suffices();
	test_visits();
	return check_finish();
}
