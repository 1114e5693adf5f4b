/*-------------------------------------------------------------------------
 *
 * filtered_scan.c
 *	  Executing "Omen Filtered Scan".
 *
 * The node owns the WHERE and knows how many rows are wanted, so no row goes
 * out before as many have passed, or all rows that may pass have been looked
 * at; see hnsw/filtered.c.  It begins with the strategy that the planner chose
 * and corrects that by what it counts: how many rows the bitmap really has, and
 * how far a search had to go.  A search that takes as long as looking at all
 * rows that pass would take gives up, and those are looked at; so the worst is
 * two to two and a half times that.
 *
 * A set of TIDs is as of the moment when the bitmap was made.  What passes
 * under the scan's snapshot was there by then, and its line pointer stays, since
 * VACUUM leaves what a snapshot sees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "compat.h"
#include "executor/executor.h"
#include "hnsw/filtered.h"
#include "hnsw/hnsw.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "planner/filter_keys.h"
#include "planner/filtered.h"
#include "planner/tid_set.h"
#include "types/vector_within.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

/*
 * A sweep that expects to look at many rows begins with a list of so many times
 * ef_search, or of what is wanted, and learns from these how many it will be.
 */
#define STRETCH_TO_BEGIN 2

/* No search begins with a longer list. */
#define MOST_EF_TO_BEGIN 10000

/* How many rows may be wanted at most. */
#define MOST_WANTED PG_INT32_MAX

/*
 * A walk that costs so many times what it would cost if rows passed at random
 * leads away from the query, to where it finds a part of the nearest only.
 */
#define MOST_OF_USUAL 20

/*
 * Searches that may turn out to be in vain take no more than these parts of what
 * looking at all rows that may pass takes: a sweep; a walk; a walk with a set
 * after another search, and one that is short as a rule; one where exact seems
 * cheaper.
 */
#define SHARE_OF_SWEEP 0.5
#define SHARE_OF_FIRST_WALK 0.5
#define SHARE_OF_WALK 0.15
#define SHARE_OF_SHORT_WALK 0.3
#define SHARE_OF_GLANCE 0.2

/* Visits that every search may make. */
#define LEAST_WORK 100

/*
 * A sweep that goes on may take so many times what it is expected to take then, and
 * in all so many times what anything else takes.
 */
#define SLACK 1.5
#define MOST_OF_OTHER 1.2

typedef struct FilteredScanState
{
	CustomScanState css;

	OmenFilteredPlan plan;
	double		expected; /* how many rows the planner thought are wanted */
	OpExpr	   *orderby;
	ExprState  *qual;			/* the WHERE */
	ExprState  *query;			/* what distances are from */
	ExprState  *limit;
	ExprState  *offset;
	OmenFilterKeyState keys;	/* what is tested on filter keys */
	List	   *spheres;		/* that rows that pass lie in; ExprStates */
	PlanState  *bitmap;			/* gives the rows that pass, or NULL */

	Relation	index;
	IndexScanDesc scan;
	OmenFilter	filter;
	OmenTidSet *set;			/* of rows that may pass, or NULL */
	bool		is_too_large;	/* the set, for omendb.scan_mem */
	MemoryContext context;		/* of the set */
	bool		is_started;
	bool		has_sent;		/* rows have gone out */
	bool		has_given_up;	/* a search has */
	uint64		first_work; /* that the search in use was allowed at first */
	OmenStrategy strategy;		/* in use */

	/* for EXPLAIN, over all rescans */
	uint64		ran[OMEN_STRATEGY_SWEEP + 1];	/* by strategy */
	uint64		gave_up;		/* walks that did not find enough */
	double		tids;			/* in sets */
	uint64		sets;
} FilteredScanState;

static const CustomExecMethods exec_methods;

/* ---------- beginning and ending ---------- */

static Node *
create_state(CustomScan *scan)
{
	FilteredScanState *node =
		(FilteredScanState *) newNode(sizeof(FilteredScanState),
									  T_CustomScanState);

	node->css.methods = &exec_methods;
	return (Node *) node;
}

/*
 * Have rows in slots of the table's own kind; PostgreSQL 15 knows virtual ones
 * only here.  What was compiled for the other kind is compiled again.
 */
static void
init_scan_slot(CustomScanState *css, EState *estate)
{
	Relation	rel = css->ss.ss_currentRelation;

	ExecInitScanTupleSlot(estate, &css->ss, RelationGetDescr(rel),
						  table_slot_callbacks(rel));
	ExecAssignScanProjectionInfo(&css->ss);
}

/* The index's columns that filter keys are tested for. */
static List *
key_columns(const CustomScan *plan)
{
	return lsecond(plan->custom_private);
}

/* The clauses that they are tested for, after the order, LIMIT and OFFSET. */
static List *
key_clauses(const CustomScan *plan)
{
	return list_copy_head(list_copy_tail(plan->custom_exprs, 3),
						  list_length(key_columns(plan)));
}

static void
begin_scan(CustomScanState *css, EState *estate, int eflags)
{
	FilteredScanState *node = (FilteredScanState *) css;
	CustomScan *plan = castNode(CustomScan, css->ss.ps.plan);
	List	   *columns = key_columns(plan);
	Oid			indexoid = linitial_oid(linitial(plan->custom_private));

	omen_filtered_plan_unpack(lthird(plan->custom_private), &node->plan);
	node->expected = node->plan.wanted;
	init_scan_slot(css, estate);
	/* tested by us, before rows go out, and not by ExecScan() after that */
	node->qual = ExecInitQual(plan->scan.plan.qual, &css->ss.ps);
	css->ss.ps.qual = NULL;
	node->orderby = linitial_node(OpExpr, plan->custom_exprs);
	node->query = ExecInitExpr(lsecond(node->orderby->args), &css->ss.ps);
	node->limit = ExecInitExpr(lsecond(plan->custom_exprs), &css->ss.ps);
	node->offset = ExecInitExpr(lthird(plan->custom_exprs), &css->ss.ps);
	node->spheres = ExecInitExprList(list_copy_tail(plan->custom_exprs,
													3 + list_length(columns)),
									 &css->ss.ps);
	if (plan->custom_plans != NIL)
	{
		node->bitmap =
			ExecInitNode(linitial(plan->custom_plans), estate, eflags);
		css->custom_ps = list_make1(node->bitmap);
	}
	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
		return;
	node->index =
		index_open(indexoid,
				   exec_rt_fetch(plan->scan.scanrelid, estate)->rellockmode);
	omen_filter_keys_init(&node->keys, node->index, key_clauses(plan), columns,
						  &css->ss.ps);
	node->scan = omen_index_beginscan(css->ss.ss_currentRelation, node->index,
									  estate->es_snapshot, node->keys.count, 1);
	node->context =
		AllocSetContextCreate(CurrentMemoryContext, "omen filtered scan",
							  ALLOCSET_DEFAULT_SIZES);
}

static void
end_scan(CustomScanState *css)
{
	FilteredScanState *node = (FilteredScanState *) css;

	if (node->bitmap)
		ExecEndNode(node->bitmap);
	if (node->scan)
		index_endscan(node->scan);
	if (node->index)
		index_close(node->index, NoLock);
}

static void
rescan(CustomScanState *css)
{
	FilteredScanState *node = (FilteredScanState *) css;

	node->is_started = false;
	if (node->bitmap && css->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(node->bitmap, css->ss.ps.chgParam);
	/* rows that pass are the same unless the filter's parameters changed */
	if (node->bitmap && node->bitmap->chgParam != NULL)
	{
		ExecReScan(node->bitmap);
		node->set = NULL;
		node->is_too_large = false;
	}
	ExecScanReScan(&css->ss);
}

/* ---------- the filter ---------- */

static bool
may_pass(void *arg, ItemPointer tid)
{
	return omen_tid_set_has(((FilteredScanState *) arg)->set, tid);
}

/* Does a row pass the WHERE? */
static bool
passes(void *arg, TupleTableSlot *slot)
{
	FilteredScanState *node = arg;
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;
	bool		result;

	ResetExprContext(econtext);
	econtext->ecxt_scantuple = slot;
	result = ExecQual(node->qual, econtext);
	if (!result)
		InstrCountFiltered1(node, 1);
	return result;
}

/* How many rows may pass, by the set. */
static double
rows_in_set(const FilteredScanState *node)
{
	double		per_block =
		node->plan.rows /
		Max(RelationGetNumberOfBlocks(node->css.ss.ss_currentRelation), 1);

	return node->set->ntids + node->set->nlossy * per_block;
}

/* Make the set of rows that may pass, from what the bitmap says. */
static void
make_set(FilteredScanState *node)
{
	MemoryContext old;
	TIDBitmap  *bitmap;

	if (node->set != NULL || node->is_too_large)
		return;
	MemoryContextReset(node->context);
	/* index scans may keep what they allocate meanwhile */
	old = MemoryContextSwitchTo(node->css.ss.ps.state->es_query_cxt);
	bitmap = (TIDBitmap *) MultiExecProcNode(node->bitmap);
	if (bitmap == NULL || !IsA(bitmap, TIDBitmap))
		elog(ERROR, "unrecognized result from subplan");
	MemoryContextSwitchTo(node->context);
	node->set = omen_tid_set_create(bitmap, node->filter.memory);
	MemoryContextSwitchTo(old);
	tbm_free(bitmap);
	if (node->set == NULL)
	{
		node->is_too_large = true;
		MemoryContextReset(node->context);
		return;
	}
	node->sets++;
	node->tids += rows_in_set(node);
}

/* ---------- strategies ---------- */

/*
 * Evaluate LIMIT and OFFSET, if they are known.  What is wrong with them is for
 * the Limit node to say.
 */
static uint64
count_wanted(FilteredScanState *node)
{
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;
	bool		isnull;
	int64		limit;
	int64		offset;

	if (node->plan.limit_known == 0)
		return (uint64) Min(node->expected, MOST_WANTED);
	limit = DatumGetInt64(
		ExecEvalExprSwitchContext(node->limit, econtext, &isnull));
	if (isnull)
		return MOST_WANTED;
	offset = DatumGetInt64(
		ExecEvalExprSwitchContext(node->offset, econtext, &isnull));
	if (isnull)
		offset = 0;
	return Min((uint64) Max(limit, 0) + (uint64) Max(offset, 0) +
				   (uint64) node->plan.extra,
			   MOST_WANTED);
}

/*
 * The radius of a sphere outside of which nothing passes: infinite if its center
 * is not the query, negatively so if nothing passes at all.
 */
static double
radius_of_sphere(Datum sphere, Datum query)
{
	Datum		center;
	double		radius;

	if (!omen_sphere_parts(sphere, &center, &radius) || isnan(radius))
		return -INFINITY;
	if (omen_vector_compare(DatumGetOmenVectorP(query),
							DatumGetOmenVectorP(center)) != 0)
		return INFINITY;
	return radius;
}

/* The radius outside of which nothing passes, by all spheres. */
static double
evaluate_radius(FilteredScanState *node)
{
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;
	bool		isnull;
	Datum query = ExecEvalExprSwitchContext(node->query, econtext, &isnull);
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	double		least = INFINITY;
	ListCell   *lc;

	foreach (lc, isnull ? NIL : node->spheres)
	{
		Datum		sphere =
			ExecEvalExpr((ExprState *) lfirst(lc), econtext, &isnull);
		double radius = isnull ? -INFINITY : radius_of_sphere(sphere, query);

		least = Min(least, radius);
	}
	MemoryContextSwitchTo(old);
	return least;
}

/* What looking at all rows that may pass costs, as far as is known by now. */
static double
exact_cost(const FilteredScanState *node)
{
	const OmenFilteredPlan *plan = &node->plan;

	if (node->set)
		return omen_exact_set_cost(plan, rows_in_set(node));
	if (node->bitmap && !node->is_too_large)
		return plan->bitmap_cost + omen_exact_set_cost(plan, plan->tids);
	return omen_whole_cost(plan);
}

static double
visit_cost(const FilteredScanState *node)
{
	return Max(node->plan.visit_cost, 1e-6);
}

/* What a cost is in visits of slots. */
static uint64
work_for(const FilteredScanState *node, double cost)
{
	return (uint64) Min(Max(cost, 0) / visit_cost(node),
						(double) (PG_INT64_MAX / 4));
}

/* A sweep over so many rows. */
static double
sweep_cost_of(const FilteredScanState *node, double rows)
{
	OmenFilteredPlan plan = node->plan;

	plan.wanted = Min(plan.wanted, Max(rows, 1));
	plan.selectivity = plan.wanted / Max(rows, 1);
	return omen_sweep_cost(&plan);
}

/*
 * Is a walk that tests keys to be tried before the set is made, if there is one
 * at all?
 */
static bool
keys_come_first(const FilteredScanState *node)
{
	const OmenFilteredPlan *plan = &node->plan;

	if (node->keys.count == 0)
		return false;
	return node->bitmap == NULL ||
		   omen_keys_cost(plan) <=
			   plan->bitmap_cost +
				   omen_graph_cost(plan,
								   omen_set_selectivity(plan, plan->tids));
}

/*
 * Choose how to go on with a set that is known, or with keys alone, or with neither:
 * exactly, or through the graph, which without a set or keys is a sweep.  Where that
 * would take longer it is still tried for a while, since rows that pass may be just
 * those that are near, and more than the planner thought; but not if there are few
 * rows.
 */
static OmenStrategy
choose_with_filter(FilteredScanState *node)
{
	if (omen_filter_strategy == OMEN_STRATEGY_EXACT ||
		omen_filter_strategy == OMEN_STRATEGY_GRAPH)
		return (OmenStrategy) omen_filter_strategy;
	if ((node->set && rows_in_set(node) <= node->filter.wanted) ||
		exact_cost(node) <= 2 * omen_nearest_cost(&node->plan))
		return OMEN_STRATEGY_EXACT;
	if (node->set == NULL && node->keys.count == 0 &&
		SHARE_OF_GLANCE * exact_cost(node) <
			sweep_cost_of(node, Max(node->plan.wanted, omen_ef_search)))
		return OMEN_STRATEGY_EXACT;
	return OMEN_STRATEGY_GRAPH;
}

/*
 * What a search may cost before something else is better.  So nothing costs
 * much more than twice what looking at all rows that may pass costs.
 */
static double
allowed_cost(FilteredScanState *node, OmenStrategy strategy)
{
	const OmenFilteredPlan *plan = &node->plan;
	double		exact = exact_cost(node);
	double		share = SHARE_OF_FIRST_WALK;
	double		graph;

	if (strategy == OMEN_STRATEGY_SWEEP)
	{
		double		sweep = 1.2 * omen_sweep_cost(plan);

		/* a radius ends it, or else is_worth_sweeping() sees how it is going */
		if (!isinf(node->filter.radius))
			return Min(Max(sweep, SHARE_OF_SWEEP * exact), exact);
		if (plan->strategy == OMEN_STRATEGY_EXACT)
			return SHARE_OF_GLANCE * exact;
		return Min(sweep, SHARE_OF_SWEEP * exact);
	}
	graph = omen_keys_cost(plan);
	if (node->set)
	{
		graph = omen_graph_cost(plan,
								omen_set_selectivity(plan, rows_in_set(node)));
		/* it is worth while to go far where that would still be little */
		if (node->has_given_up)
			share = graph < 0.05 * exact ? SHARE_OF_SHORT_WALK : SHARE_OF_WALK;
	}
	if (graph < exact)
		return Min(share * exact, Max(MOST_OF_USUAL * graph, 0.06 * exact));
	return Min(SHARE_OF_GLANCE * exact, 1.5 * omen_nearest_cost(plan));
}

/* The least that anything but a sweep would cost, if so many rows pass. */
static double
cost_without_sweep(const FilteredScanState *node, double selectivity)
{
	const OmenFilteredPlan *plan = &node->plan;
	double		cost = exact_cost(node);

	if (node->set)
		cost = Min(cost, omen_graph_cost(plan, selectivity));
	else if (node->bitmap && !node->is_too_large)
		cost =
			Min(cost, plan->bitmap_cost + omen_graph_cost(plan, selectivity));
	if (node->keys.count > 0)
		cost = Min(cost, omen_keys_cost(plan));
	return cost;
}

/*
 * Is a sweep to go on?  Until it has taken what it was allowed to begin with, so that
 * it has seen something; and then as long as what is left of it, going by the rows
 * that have passed, is less than what anything else would take, and not much of that
 * has been spent.
 */
static bool
is_worth_sweeping(void *arg, uint64 tested, uint64 passed, uint32 ef,
				  uint64 work)
{
	FilteredScanState *node = arg;
	OmenFilter *filter = &node->filter;
	double		tests = omen_filtered_tests(filter, tested, passed);
	double		done = sweep_cost_of(node, (double) tested);
	double		rest = sweep_cost_of(node, tests) - done;
	double		other =
		cost_without_sweep(node, Min(filter->wanted / Max(tests, 1), 1));
	double		most = MOST_OF_OTHER * other - work * visit_cost(node);

	if (rest > Min(other, most))
		return work < node->first_work;
	/* the next list may be longer than that */
	rest = sweep_cost_of(node, Max(tests, ef)) - done;
	filter->most_work =
		Max(filter->most_work,
			work + LEAST_WORK + work_for(node, Min(SLACK * rest, most)));
	return true;
}

static bool
next_of_set(void *arg, ItemPointer tid)
{
	return omen_tid_set_next(arg, tid);
}

/*
 * Are all rows that may pass to be found by a pass over the index's nodes, and
 * not one by one, or by one over the table?
 */
static bool
goes_through_index(const FilteredScanState *node)
{
	double		rows;

	if (node->set == NULL)
		return node->keys.count > 0;
	rows = rows_in_set(node);
	return omen_set_pass_cost(&node->plan, rows) <
		   omen_exact_cost(&node->plan, rows);
}

/* Look at all rows that may pass. */
static void
run_exactly(FilteredScanState *node)
{
	OmenTidSetWalk walk;

	if (node->bitmap != NULL)
		make_set(node);
	node->strategy = OMEN_STRATEGY_EXACT;
	node->ran[OMEN_STRATEGY_EXACT]++;
	node->filter.may_pass = node->set ? may_pass : NULL;
	node->filter.use_keys = node->keys.count > 0;
	if (goes_through_index(node) && omen_filtered_close(node->scan))
		return;
	if (node->set == NULL)
	{
		omen_filtered_exact(node->scan, NULL, NULL);
		return;
	}
	omen_tid_set_walk(node->set, node->css.ss.ss_currentRelation, &walk);
	omen_filtered_exact(node->scan, next_of_set, &walk);
}

/* How much a search may do. */
static void
limit_work(FilteredScanState *node, OmenStrategy strategy)
{
	OmenFilter *filter = &node->filter;

	filter->row_work =
		Min(OMEN_LOOKUP_COST * node->plan.row_cost / visit_cost(node), 1e9);
	filter->most_work =
		work_for(node, allowed_cost(node, strategy)) + LEAST_WORK;
	/* where exact seemed cheaper one look has to do */
	node->first_work =
		node->plan.strategy == OMEN_STRATEGY_EXACT ? 0 : filter->most_work;
	filter->is_worth = NULL;
	/* a strategy that is asked for is for trying it out */
	if (omen_filter_strategy == OMEN_STRATEGY_GRAPH ||
		omen_filter_strategy == OMEN_STRATEGY_SWEEP)
		filter->most_work = PG_UINT64_MAX;
	/* within a radius there may be far fewer rows than are wanted */
	else if (strategy == OMEN_STRATEGY_SWEEP && isinf(filter->radius))
		filter->is_worth = is_worth_sweeping;
}

/* The size of the candidate list that a search begins with. */
static double
ef_to_begin(const FilteredScanState *node, OmenStrategy strategy,
			double passing)
{
	const OmenFilteredPlan *plan = &node->plan;
	const OmenFilter *filter = &node->filter;
	double		ef = omen_ef_search;

	if (strategy == OMEN_STRATEGY_GRAPH)
	{
		ef = Max(omen_walk_ef(plan, passing), 1);
		if (filter->use_keys && node->set == NULL && isinf(filter->radius))
			ef = Max(ef, Min(omen_keys_rows(plan), MOST_EF_TO_BEGIN));
	}
	/* within a radius there may be far fewer rows than are wanted */
	else if (isinf(filter->radius))
	{
		/* where exact seemed cheaper it is a short look */
		if (plan->strategy == OMEN_STRATEGY_EXACT)
			ef = Max(ef, plan->wanted);
		else
			ef = Min(omen_sweep_ef(plan),
					 STRETCH_TO_BEGIN * Max(ef, plan->wanted));
		ef = Min(ef, MOST_EF_TO_BEGIN);
	}
	return ef;
}

/* Begin to search, with the set or without. */
static void
run_search(FilteredScanState *node, OmenStrategy strategy)
{
	const OmenFilteredPlan *plan = &node->plan;
	OmenFilter *filter = &node->filter;
	bool		is_walk = strategy == OMEN_STRATEGY_GRAPH;
	double passing = node->set ? omen_set_selectivity(plan, rows_in_set(node))
							   : plan->key_selectivity;

	node->strategy = strategy;
	node->ran[strategy]++;
	filter->may_pass = is_walk && node->set ? may_pass : NULL;
	filter->use_keys = is_walk && node->keys.count > 0;
	filter->pass_rate = plan->selectivity;
	filter->ef = (uint32) ef_to_begin(node, strategy, passing);
	filter->usual_visits =
		is_walk ? (uint64) omen_graph_visits(plan, passing) : PG_UINT64_MAX / 2;
	limit_work(node, strategy);
}

/* Set the scan to its beginning, with the query and the filter. */
static void
start_index_scan(FilteredScanState *node)
{
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;
	ScanKeyData key;
	bool		isnull;
	Datum query = ExecEvalExprSwitchContext(node->query, econtext, &isnull);

	ScanKeyEntryInitialize(&key, SK_ORDER_BY | (isnull ? SK_ISNULL : 0), 1,
						   OMEN_DISTANCE_STRATEGY,
						   exprType(lsecond(node->orderby->args)),
						   node->orderby->inputcollid, node->orderby->opfuncid,
						   query);
	omen_filter_keys_evaluate(&node->keys, econtext);
	index_rescan(node->scan, node->keys.scankeys, node->keys.count, &key, 1);
	omen_filtered_begin(node->scan, &node->filter);
}

static void
start(FilteredScanState *node)
{
	OmenStrategy strategy = omen_filter_strategy != OMEN_STRATEGY_AUTO
								? (OmenStrategy) omen_filter_strategy
								: node->plan.strategy;

	node->is_started = true;
	node->has_sent = false;
	node->has_given_up = false;
	node->filter.passes = passes;
	node->filter.arg = node;
	node->filter.memory = (Size) omen_scan_mem * 1024;
	node->filter.ef = omen_ef_search;
	node->filter.radius = evaluate_radius(node);
	node->filter.wanted = count_wanted(node);
	node->plan.wanted = Max((double) node->filter.wanted, 1);
	if (node->filter.radius == -INFINITY)
		return;
	if (strategy != OMEN_STRATEGY_SWEEP && node->bitmap != NULL &&
		!(strategy == OMEN_STRATEGY_GRAPH && keys_come_first(node)))
	{
		make_set(node);
		if (node->set)
			strategy = choose_with_filter(node);
	}
	else if (strategy == OMEN_STRATEGY_EXACT && node->bitmap == NULL)
		strategy = choose_with_filter(node);
	start_index_scan(node);
	if (strategy == OMEN_STRATEGY_EXACT)
		run_exactly(node);
	else
		run_search(node, node->set || node->keys.count > 0
							 ? strategy
							 : OMEN_STRATEGY_SWEEP);
}

/*
 * What was wanted has been found.  If more is asked for, that may take as much as an
 * exact pass would, after which rows may be late.
 */
static void
allow_beyond(FilteredScanState *node)
{
	node->filter.most_work =
		Max(node->filter.most_work, work_for(node, exact_cost(node)));
}

/*
 * A search has not found enough.  If it did not know the set of rows that pass
 * it may go on as a walk that does, if that looks better now; else all of those
 * rows are looked at.
 */
static void
go_on(FilteredScanState *node)
{
	if (node->strategy == OMEN_STRATEGY_EXACT)
	{
		/* what memory allowed is used up */
		run_exactly(node);
		return;
	}
	node->gave_up++;
	node->has_given_up = true;
	if (node->filter.may_pass == NULL && node->bitmap != NULL)
	{
		make_set(node);
		if (node->set && !node->has_sent &&
			choose_with_filter(node) == OMEN_STRATEGY_GRAPH)
		{
			start_index_scan(node);
			run_search(node, OMEN_STRATEGY_GRAPH);
			return;
		}
	}
	if (node->strategy == OMEN_STRATEGY_SWEEP && node->keys.count > 0 &&
		!node->has_sent && node->set == NULL &&
		omen_filter_strategy == OMEN_STRATEGY_AUTO &&
		omen_keys_cost(&node->plan) < exact_cost(node))
	{
		start_index_scan(node);
		run_search(node, OMEN_STRATEGY_GRAPH);
		return;
	}
	run_exactly(node);
}

/* ---------- rows ---------- */

static TupleTableSlot *
next_row(ScanState *ss)
{
	FilteredScanState *node = (FilteredScanState *) ss;
	TupleTableSlot *slot = ss->ss_ScanTupleSlot;
	ItemPointerData version;

	if (!node->is_started)
		start(node);
	/* in an empty sphere */
	if (node->filter.radius == -INFINITY)
		return ExecClearTuple(slot);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		switch (omen_filtered_next(node->scan, &version))
		{
			case OMEN_FILTERED_ROW:
				if (!node->has_sent)
					allow_beyond(node);
				node->has_sent = true;
				if (table_tuple_fetch_row_version(ss->ss_currentRelation,
												  &version,
												  node->scan->xs_snapshot,
												  slot))
					return slot;
				break;
			case OMEN_FILTERED_END:
				return ExecClearTuple(slot);
			case OMEN_FILTERED_GAVE_UP:
				go_on(node);
				break;
		}
	}
}

/* Does a row version that came about meanwhile still pass? */
static bool
recheck(ScanState *ss, TupleTableSlot *slot)
{
	FilteredScanState *node = (FilteredScanState *) ss;
	ExprContext *econtext = ss->ps.ps_ExprContext;

	econtext->ecxt_scantuple = slot;
	return ExecQualAndReset(node->qual, econtext);
}

static TupleTableSlot *
exec_scan(CustomScanState *css)
{
	return ExecScan(&css->ss, next_row, recheck);
}

/* ---------- EXPLAIN ---------- */

static const char *
strategy_name(OmenStrategy strategy)
{
	static const char *const names[] = {"auto", "exact", "graph", "sweep"};

	return names[strategy];
}

/*
 * Which strategies ran, in the order in which one follows another, and how often
 * if more than once.
 */
static char *
strategies_that_ran(const FilteredScanState *node)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = OMEN_STRATEGY_SWEEP; i >= OMEN_STRATEGY_EXACT; i--)
	{
		if (node->ran[i] == 0)
			continue;
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
						 strategy_name(i));
		if (node->ran[i] > 1)
			appendStringInfo(&text, " (" UINT64_FORMAT ")", node->ran[i]);
	}
	return text.data;
}

static void
explain_counters(const FilteredScanState *node, ExplainState *es)
{
	OmenCounters counters;

	ExplainPropertyText("Strategies Used", strategies_that_ran(node), es);
	if (node->sets > 0)
		ExplainPropertyFloat("Actual Selectivity", NULL,
							 node->tids / node->sets / node->plan.nodes, 6, es);
	if (node->gave_up > 0)
		ExplainPropertyInteger("Searches Given Up", NULL, node->gave_up, es);
	omen_scan_counters(node->scan, &counters);
	omen_explain_counters(es, &counters);
}

static void
explain_scan(CustomScanState *css, List *ancestors, ExplainState *es)
{
	FilteredScanState *node = (FilteredScanState *) css;
	CustomScan *plan = castNode(CustomScan, css->ss.ps.plan);
	List	   *context =
		set_deparse_context_plan(es->deparse_cxt, &plan->scan.plan, ancestors);
	bool		prefix = list_length(es->rtable) > 1 || es->verbose;

	ExplainPropertyText("Index",
						get_rel_name(
							linitial_oid(linitial(plan->custom_private))),
						es);
	ExplainPropertyText("Order By",
						deparse_expression((Node *) node->orderby, context,
										   prefix, false),
						es);
	if (key_columns(plan) != NIL)
		ExplainPropertyText("Key Filter",
							deparse_expression((Node *) make_ands_explicit(
												   key_clauses(plan)),
											   context, prefix, false),
							es);
	ExplainPropertyText("Strategy", strategy_name(node->plan.strategy), es);
	if (es->costs)
		ExplainPropertyFloat("Estimated Selectivity", NULL,
							 node->plan.selectivity, 6, es);
	if (es->analyze && node->ran[OMEN_STRATEGY_EXACT] +
							   node->ran[OMEN_STRATEGY_GRAPH] +
							   node->ran[OMEN_STRATEGY_SWEEP] >
						   0)
		explain_counters(node, es);
}

static const CustomExecMethods exec_methods = {
	.CustomName = "Omen Filtered Scan",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = exec_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.ExplainCustomScan = explain_scan,
};

const CustomScanMethods omen_filtered_scan_methods = {
	.CustomName = "Omen Filtered Scan",
	.CreateCustomScanState = create_state,
};

/* Have plans of this node recognised in other processes; from _PG_init. */
void
omen_filtered_scan_init(void)
{
	RegisterCustomScanMethods(&omen_filtered_scan_methods);
}
