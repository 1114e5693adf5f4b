/*-------------------------------------------------------------------------
 *
 * exec.c
 *	  Executing "Omen Scan".
 *
 * The node owns the WHERE and knows how many rows are wanted, so no row goes
 * out before as many have passed, or all rows that may pass have been looked
 * at; see hnsw/scan/filtered.c.  It begins with the strategy that the planner chose, or
 * with a short look at what is near, and corrects that (choice.c) by what
 * it counts: how many rows the bitmap really has, and how far a search had to go.
 * A search that takes as long as looking at all rows that pass would take gives up,
 * and those are looked at; so the worst is two to 2.6 times that.
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
#include "hnsw/hnsw.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "filter/state.h"
#include "types/vector_within.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

/* How many rows may be wanted at most. */
#define MOST_WANTED PG_INT32_MAX

static const CustomExecMethods exec_methods;

/* ---------- beginning and ending ---------- */

static Node *
create_state(CustomScan *scan)
{
	OmenFilteredScanState *node =
		(OmenFilteredScanState *) newNode(sizeof(OmenFilteredScanState),
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
	return list_copy_tail(lsecond(plan->custom_private), 1);
}

/* How many clauses they are tested for. */
static int
key_clause_count(const CustomScan *plan)
{
	return linitial_int(lsecond(plan->custom_private));
}

/* Those clauses, after the order, LIMIT and OFFSET. */
static List *
key_clauses(const CustomScan *plan)
{
	return list_copy_head(list_copy_tail(plan->custom_exprs, 3),
						  key_clause_count(plan));
}

static void
begin_scan(CustomScanState *css, EState *estate, int eflags)
{
	OmenFilteredScanState *node = (OmenFilteredScanState *) css;
	CustomScan *plan = castNode(CustomScan, css->ss.ps.plan);
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
													3 + key_clause_count(plan)),
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
	omen_filter_keys_init(&node->keys, node->index, key_clauses(plan),
						  key_columns(plan), &css->ss.ps);
	node->filter.key_steps = node->keys.steps;
	node->scan = omen_index_beginscan(css->ss.ss_currentRelation, node->index,
									  estate->es_snapshot, node->keys.count, 1);
	node->context =
		AllocSetContextCreate(CurrentMemoryContext, "omen filtered scan",
							  ALLOCSET_DEFAULT_SIZES);
}

static void
end_scan(CustomScanState *css)
{
	OmenFilteredScanState *node = (OmenFilteredScanState *) css;

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
	OmenFilteredScanState *node = (OmenFilteredScanState *) css;

	node->is_started = false;
	if (node->bitmap && css->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(node->bitmap, css->ss.ps.chgParam);
	/* rows that pass are the same unless the filter's parameters changed */
	if (node->bitmap && node->bitmap->chgParam != NULL)
	{
		ExecReScan(node->bitmap);
		node->set = NULL;
		node->is_too_large = false;
		node->has_glanced = false;
	}
	ExecScanReScan(&css->ss);
}

/* ---------- the filter ---------- */

static bool
may_pass(void *arg, ItemPointer tid)
{
	return omen_tid_set_has(((OmenFilteredScanState *) arg)->set, tid);
}

/* Does a row pass the WHERE? */
static bool
passes(void *arg, TupleTableSlot *slot)
{
	OmenFilteredScanState *node = arg;
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;
	bool		result;

	ResetExprContext(econtext);
	econtext->ecxt_scantuple = slot;
	result = ExecQual(node->qual, econtext);
	if (!result)
		InstrCountFiltered1(node, 1);
	return result;
}

/* Make the set of rows that may pass, from what the bitmap says. */
static void
make_set(OmenFilteredScanState *node)
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
	node->tids += omen_rows_in_set(node);
}

/* ---------- strategies ---------- */

/*
 * Evaluate LIMIT and OFFSET, if they are known.  What is wrong with them is for
 * the Limit node to say.
 */
static uint64
count_wanted(OmenFilteredScanState *node)
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
radius_of_sphere(const OmenType *type, Datum sphere, Datum query)
{
	Datum		center;
	double		radius;

	if (!omen_sphere_parts(sphere, &center, &radius) || isnan(radius))
		return -INFINITY;
	if (!type->equal(PG_DETOAST_DATUM(query), PG_DETOAST_DATUM(center)))
		return INFINITY;
	return radius;
}

/* The radius outside of which nothing passes, by all spheres. */
static double
evaluate_radius(OmenFilteredScanState *node)
{
	const OmenType *type = omen_opclass(node->index)->type;
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
		double		radius =
			isnull ? -INFINITY : radius_of_sphere(type, sphere, query);

		least = Min(least, radius);
	}
	MemoryContextSwitchTo(old);
	return least;
}

static bool
next_of_set(void *arg, ItemPointer tid)
{
	return omen_tid_set_next(arg, tid);
}

/* Look at all rows that may pass. */
static void
run_exactly(OmenFilteredScanState *node)
{
	OmenTidSetWalk walk;

	if (node->bitmap != NULL)
		make_set(node);
	node->strategy = OMEN_STRATEGY_EXACT;
	node->ran[OMEN_STRATEGY_EXACT]++;
	node->filter.may_pass = node->set ? may_pass : NULL;
	node->filter.use_keys = node->keys.count > 0;
	if (omen_goes_through_index(node) && omen_filtered_close(node->scan))
		return;
	if (node->set == NULL)
	{
		omen_filtered_exact(node->scan, NULL, NULL);
		return;
	}
	omen_tid_set_walk(node->set, node->css.ss.ss_currentRelation, &walk);
	omen_filtered_exact(node->scan, next_of_set, &walk);
}

/* Begin to search, with the set or without. */
static void
run_search(OmenFilteredScanState *node, OmenStrategy strategy)
{
	const OmenFilteredPlan *plan = &node->plan;
	OmenFilter *filter = &node->filter;
	bool		is_walk = strategy == OMEN_STRATEGY_GRAPH;
	double		passing = node->set
						 ? omen_set_selectivity(plan, omen_rows_in_set(node))
						 : plan->key_selectivity;

	node->strategy = strategy;
	if (is_walk)
		node->is_glance = false;
	node->ran[strategy]++;
	filter->may_pass = is_walk && node->set ? may_pass : NULL;
	filter->use_keys = is_walk && node->keys.count > 0;
	/* of what is looked up */
	filter->pass_rate = is_walk ? Min(plan->selectivity / Max(passing, 1e-9), 1)
								: plan->selectivity;
	filter->ef = (uint32) omen_ef_to_begin(node, strategy, passing);
	filter->usual_visits =
		is_walk ? (uint64) omen_graph_visits(plan, passing) : PG_UINT64_MAX / 2;
	omen_limit_work(node, strategy);
}

/* Set the scan to its beginning, with the query and the filter. */
static void
start_index_scan(OmenFilteredScanState *node)
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
start(OmenFilteredScanState *node)
{
	OmenStrategy strategy = omen_filter_strategy != OMEN_STRATEGY_AUTO
								? (OmenStrategy) omen_filter_strategy
								: node->plan.strategy;

	node->is_started = true;
	node->has_sent = false;
	node->has_given_up = false;
	node->tests = 0;
	node->filter.passes = passes;
	node->filter.arg = node;
	node->filter.memory = (Size) omen_scan_mem * 1024;
	node->filter.ef = omen_ef_search;
	node->filter.radius = evaluate_radius(node);
	node->filter.wanted = count_wanted(node);
	node->plan.wanted = Max((double) node->filter.wanted, 1);
	if (node->filter.radius == -INFINITY)
		return;
	node->is_glance = omen_glance_comes_first(node);
	if (node->is_glance)
	{
		node->has_glanced = true;
		strategy = OMEN_STRATEGY_SWEEP;
	}
	else if (strategy != OMEN_STRATEGY_SWEEP && node->bitmap != NULL &&
			 !(strategy == OMEN_STRATEGY_GRAPH && omen_keys_come_first(node)))
	{
		make_set(node);
		if (node->set)
			strategy = omen_choose_with_filter(node);
	}
	else if (strategy == OMEN_STRATEGY_EXACT && node->bitmap == NULL)
	{
		strategy = omen_choose_with_filter(node);
		node->is_glance = strategy != OMEN_STRATEGY_EXACT;
	}
	start_index_scan(node);
	if (strategy == OMEN_STRATEGY_EXACT)
		run_exactly(node);
	else
		run_search(node, node->set || node->keys.count > 0
							 ? strategy
							 : OMEN_STRATEGY_SWEEP);
}

/*
 * A search has not found enough.  If it did not know the set of rows that pass
 * it may go on as a walk that does, if that looks better now; else all of those
 * rows are looked at.
 */
static void
go_on(OmenFilteredScanState *node)
{
	bool		was_glance;
	bool		was_walk;

	if (node->strategy == OMEN_STRATEGY_EXACT)
	{
		/* what memory allowed is used up */
		run_exactly(node);
		return;
	}
	was_glance = node->is_glance;
	was_walk = node->strategy == OMEN_STRATEGY_GRAPH;
	node->gave_up++;
	node->has_given_up |= !was_glance;
	if (node->filter.may_pass == NULL && node->bitmap != NULL)
	{
		make_set(node);
		if (node->set && !node->has_sent &&
			!(was_walk && omen_keys_tell_all(node)) &&
			omen_choose_with_filter(node) == OMEN_STRATEGY_GRAPH)
		{
			start_index_scan(node);
			run_search(node, OMEN_STRATEGY_GRAPH);
			return;
		}
	}
	if (was_glance && node->bitmap != NULL && node->set == NULL &&
		!node->has_sent && node->plan.strategy == OMEN_STRATEGY_GRAPH)
	{
		/* without a set, which is too large, a sweep is what is left */
		node->is_glance = false;
		start_index_scan(node);
		run_search(node, OMEN_STRATEGY_SWEEP);
		return;
	}
	if (node->strategy == OMEN_STRATEGY_SWEEP && node->keys.count > 0 &&
		!node->has_sent && node->set == NULL &&
		omen_filter_strategy == OMEN_STRATEGY_AUTO &&
		omen_keys_cost(&node->plan) < omen_scan_exact_cost(node))
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
	OmenFilteredScanState *node = (OmenFilteredScanState *) ss;
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
					omen_allow_beyond(node);
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
	OmenFilteredScanState *node = (OmenFilteredScanState *) ss;
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
strategies_that_ran(const OmenFilteredScanState *node)
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
explain_counters(const OmenFilteredScanState *node, ExplainState *es)
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
	OmenFilteredScanState *node = (OmenFilteredScanState *) css;
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
	if (key_clauses(plan) != NIL)
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
	.CustomName = "Omen Scan",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = exec_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.ExplainCustomScan = explain_scan,
};

const CustomScanMethods omen_filtered_scan_methods = {
	.CustomName = "Omen Scan",
	.CreateCustomScanState = create_state,
};

/* Have plans of this node recognised in other processes; from _PG_init. */
void
omen_filtered_scan_init(void)
{
	RegisterCustomScanMethods(&omen_filtered_scan_methods);
}
