/*-------------------------------------------------------------------------
 *
 * exec.c
 *	  Executing "Omen Scan".
 *
 * The node owns the WHERE and knows how many rows are wanted, so no row goes
 * out before as many have passed, or all rows that may pass have been looked
 * at; see hnsw/scan/filtered.c.  It runs one stage after the other until there
 * are as many rows as are asked for.  Which stage comes next, and how much it
 * may do, is not decided here but in policy.c and allowance.c, by the facts
 * that are gathered here.
 *
 * A set of TIDs is as of the moment when the bitmap was made.  What passes
 * under the scan's snapshot was there by then, and its line pointer stays,
 * since VACUUM leaves what a snapshot sees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "compat.h"
#include "executor/executor.h"
#include "filter/state.h"
#include "hnsw/hnsw.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "pgstat.h"
#include "types/sphere.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* How many rows may be wanted at most. */
#define MAX_WANTED PG_INT32_MAX

/* Settings, which guc.c registers: omendb.enable_scan and so on. */
bool		omen_enable_scan = true;
int			omen_filter_strategy = OMEN_STRATEGY_AUTO;
int			omen_scan_mem = OMEN_DEFAULT_SCAN_MEM;

static const CustomExecMethods exec_methods;

/* ---------- beginning and ending ---------- */

static Node *
create_state(CustomScan *scan)
{
	OmenCustomScanState *node =
		(OmenCustomScanState *) newNode(sizeof(OmenCustomScanState),
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

/* Prepare what is evaluated, but for filter keys. */
static void
init_expressions(OmenCustomScanState *node, const OmenScanParts *parts)
{
	OmenScanExpressions *exprs = &node->exprs;
	PlanState  *ps = &node->css.ss.ps;

	/* tested by us, before rows go out, and not by ExecScan() after that */
	exprs->qual = ExecInitQual(ps->plan->qual, ps);
	ps->qual = NULL;
	exprs->orderby = castNode(OpExpr, parts->orderby);
	exprs->query = ExecInitExpr(lsecond(exprs->orderby->args), ps);
	exprs->limit = ExecInitExpr(parts->limit, ps);
	exprs->offset = ExecInitExpr(parts->offset, ps);
	exprs->spheres = ExecInitExprList(parts->spheres, ps);
}

/* Open the index, and prepare to scan it. */
static void
init_index_scan(OmenCustomScanState *node, const OmenScanParts *parts,
				EState *estate)
{
	CustomScan *plan = castNode(CustomScan, node->css.ss.ps.plan);
	OmenFilterKeyState *keys = &node->exprs.keys;

	node->index =
		index_open(parts->index,
				   exec_rt_fetch(plan->scan.scanrelid, estate)->rellockmode);
	omen_filter_keys_init(keys, node->index, parts->key_clauses,
						  parts->key_columns, &node->css.ss.ps);
	node->scan =
		omen_index_beginscan(node->css.ss.ss_currentRelation, node->index,
							 estate->es_snapshot, keys->count, 1);
	node->set_context =
		AllocSetContextCreate(CurrentMemoryContext, "omen scan set",
							  ALLOCSET_DEFAULT_SIZES);
}

static void
begin_scan(CustomScanState *css, EState *estate, int eflags)
{
	OmenCustomScanState *node = (OmenCustomScanState *) css;
	CustomScan *plan = castNode(CustomScan, css->ss.ps.plan);
	OmenScanParts parts;

	omen_scan_parts_unpack(plan, &parts);
	node->planned = parts.plan;
	init_scan_slot(css, estate);
	init_expressions(node, &parts);
	if (plan->custom_plans != NIL)
	{
		node->bitmap =
			ExecInitNode(linitial(plan->custom_plans), estate, eflags);
		css->custom_ps = list_make1(node->bitmap);
		node->facts.set = OMEN_SET_UNMADE;
	}
	if ((eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
		init_index_scan(node, &parts, estate);
}

static void
end_scan(CustomScanState *css)
{
	OmenCustomScanState *node = (OmenCustomScanState *) css;

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
	OmenCustomScanState *node = (OmenCustomScanState *) css;

	node->is_started = false;
	if (node->bitmap && css->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(node->bitmap, css->ss.ps.chgParam);
	/* rows that pass are the same unless the filter's parameters changed */
	if (node->bitmap && node->bitmap->chgParam != NULL)
	{
		ExecReScan(node->bitmap);
		node->set = NULL;
		node->facts.set = OMEN_SET_UNMADE;
		node->facts.has_glanced = false;
	}
	ExecScanReScan(&css->ss);
}

/* ---------- the filter ---------- */

static bool
may_pass(void *arg, ItemPointer tid)
{
	return omen_tid_set_has(((OmenCustomScanState *) arg)->set, tid);
}

/* Does a row pass the WHERE? */
static bool
passes(void *arg, TupleTableSlot *slot)
{
	OmenCustomScanState *node = arg;
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;
	bool		result;

	ResetExprContext(econtext);
	econtext->ecxt_scantuple = slot;
	result = ExecQual(node->exprs.qual, econtext);
	if (!result)
		InstrCountFiltered1(node, 1);
	return result;
}

/* How many rows may pass, by the set. */
static double
rows_in_set(const OmenCustomScanState *node)
{
	const OmenTidSet *set = node->set;
	BlockNumber blocks;

	if (set->nlossy == 0)
		return set->ntids;
	blocks = RelationGetNumberOfBlocks(node->css.ss.ss_currentRelation);
	return set->ntids + set->nlossy * node->facts.plan.rows / Max(blocks, 1);
}

/* Make the set of rows that may pass, from what the bitmap says. */
static void
make_set(OmenCustomScanState *node)
{
	MemoryContext old;
	TIDBitmap  *bitmap;

	MemoryContextReset(node->set_context);
	/* index scans may keep what they allocate meanwhile */
	old = MemoryContextSwitchTo(node->css.ss.ps.state->es_query_cxt);
	bitmap = (TIDBitmap *) MultiExecProcNode(node->bitmap);
	if (bitmap == NULL || !IsA(bitmap, TIDBitmap))
		elog(ERROR, "unrecognized result from subplan");
	MemoryContextSwitchTo(node->set_context);
	node->set = omen_tid_set_create(bitmap, node->filter.memory);
	MemoryContextSwitchTo(old);
	tbm_free(bitmap);
	node->facts.has_made_set = true;
	if (node->set == NULL)
	{
		node->facts.set = OMEN_SET_TOO_LARGE;
		MemoryContextReset(node->set_context);
		return;
	}
	node->facts.set = OMEN_SET_MADE;
	node->facts.set_tids = rows_in_set(node);
	node->counts.sets++;
	node->counts.tids += node->facts.set_tids;
}

/* ---------- what is asked ---------- */

/*
 * Evaluate LIMIT and OFFSET, if they are known.  What is wrong with them is for
 * the Limit node to say.
 */
static uint64
count_wanted(OmenCustomScanState *node)
{
	const OmenScanPlan *plan = &node->facts.plan;
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;
	bool		isnull;
	int64		limit;
	int64		offset;

	if (!plan->limit_known)
		return (uint64) Min(node->planned.wanted, MAX_WANTED);
	limit = DatumGetInt64(
		ExecEvalExprSwitchContext(node->exprs.limit, econtext, &isnull));
	if (isnull)
		return MAX_WANTED;
	offset = DatumGetInt64(
		ExecEvalExprSwitchContext(node->exprs.offset, econtext, &isnull));
	if (isnull)
		offset = 0;
	return Min((uint64) Max(limit, 0) + (uint64) Max(offset, 0) +
				   (uint64) plan->extra,
			   MAX_WANTED);
}

/*
 * The radius of a sphere outside of which nothing passes: infinite if its
 * center is not the query, negatively so if nothing passes at all.
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
evaluate_radius(OmenCustomScanState *node)
{
	const OmenType *type = omen_opclass(node->index)->type;
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;
	bool		isnull;
	Datum		query =
		ExecEvalExprSwitchContext(node->exprs.query, econtext, &isnull);
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	double		least = INFINITY;
	ListCell   *lc;

	foreach (lc, isnull ? NIL : node->exprs.spheres)
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

/* Settings may have changed since the plan was made, or since the last row. */
static void
refresh_settings(OmenCustomScanState *node)
{
	OmenFilterFacts *facts = &node->facts;

	facts->setting = (OmenStrategy) omen_filter_strategy;
	facts->plan.ef_search = omen_ef_search_of(node->index).value;
	facts->plan.operator_cost = cpu_operator_cost;
}

/* ---------- the index scan ---------- */

/* Set the index scan to its beginning, with the query. */
static void
rescan_index(OmenCustomScanState *node)
{
	const OpExpr *orderby = node->exprs.orderby;
	ExprContext *econtext = node->css.ss.ps.ps_ExprContext;
	ScanKeyData key;
	bool		isnull;
	Datum		query =
		ExecEvalExprSwitchContext(node->exprs.query, econtext, &isnull);

	ScanKeyEntryInitialize(&key, SK_ORDER_BY | (isnull ? SK_ISNULL : 0), 1,
						   OMEN_DISTANCE_STRATEGY,
						   exprType(lsecond(orderby->args)),
						   orderby->inputcollid, orderby->opfuncid, query);
	omen_filter_keys_evaluate(&node->exprs.keys, econtext);
	index_rescan(node->scan, node->exprs.keys.scankeys, node->exprs.keys.count,
				 &key, 1);
}

/*
 * The plan was made for groups as large as statistics say that they are.  By
 * now it is known which are asked for, and they tell how large they are.
 */
static void
ask_groups(OmenCustomScanState *node)
{
	OmenFilterFacts *facts = &node->facts;
	uint32		count;
	double		nodes;

	if (omen_filtered_groups(node->scan, node->exprs.keys.steps, &count,
							 &nodes))
		omen_plan_for_groups(facts, count, nodes);
	else
		facts->plan.groups = 0;
}

/* ---------- stages ---------- */

/* Begin a scan: what is asked now, and nothing has run yet. */
static void
start(OmenCustomScanState *node)
{
	OmenFilterFacts *facts = &node->facts;

	node->is_started = true;
	facts->plan = node->planned;
	node->filter.passes = node->exprs.qual ? passes : NULL;
	node->filter.may_pass = may_pass;
	node->filter.key_steps = node->exprs.keys.steps;
	node->filter.arg = node;
	node->filter.memory = (Size) omen_scan_mem * 1024;
	node->filter.radius = evaluate_radius(node);
	facts->radius = node->filter.radius;
	facts->wanted = count_wanted(node);
	facts->plan.wanted = Max((double) facts->wanted, 1);
	refresh_settings(node);
	rescan_index(node);
	ask_groups(node);
	facts->last = OMEN_STAGE_START;
	facts->has_made_set = false;
	facts->has_failed = false;
	facts->rows_sent = 0;
	facts->swept_tested = 0;
	facts->swept_passed = 0;
}

/*
 * How much may the search do that has come so far?  What a sweep has seen is
 * kept for choosing what comes after it.
 */
static OmenScanBudget
more(void *arg, const OmenSearchProgress *progress)
{
	OmenCustomScanState *node = arg;
	OmenFilterFacts *facts = &node->facts;
	OmenScanBudget budget;

	refresh_settings(node);
	if (omen_stage_is_sweep(facts->last))
	{
		facts->swept_tested = progress->tested;
		facts->swept_passed = progress->passed;
	}
	node->allowance = omen_next_allowance(facts, &node->filter.terms,
										  node->allowance, progress);
	budget.max_work = node->allowance.max_work;
	/* what was a glance is a sweep from now on */
	if (facts->last == OMEN_STAGE_GLANCE && budget.max_work > progress->work)
		facts->last = OMEN_STAGE_SWEEP;
	return budget;
}

static bool
next_of_set(void *arg, ItemPointer tid)
{
	return omen_tid_set_next(arg, tid);
}

/* Look at all rows that may pass. */
static void
run_exactly(OmenCustomScanState *node)
{
	OmenTidSetWalk walk;

	if (omen_exact_goes_through_index(&node->facts) &&
		omen_filtered_close(node->scan, &node->filter))
		return;
	if (node->set == NULL)
	{
		omen_filtered_exact(node->scan, NULL, NULL);
		return;
	}
	omen_tid_set_walk(node->set, node->css.ss.ss_currentRelation, &walk);
	omen_filtered_exact(node->scan, next_of_set, &walk);
}

/* Begin a stage that finds rows. */
static void
run_stage(OmenCustomScanState *node, OmenStage stage)
{
	OmenFilterFacts *facts = &node->facts;
	OmenFilter *filter = &node->filter;
	bool		is_first = facts->last == OMEN_STAGE_START;

	filter->terms = omen_search_terms(facts, stage);
	if (stage != OMEN_STAGE_EXACT)
	{
		node->allowance = omen_first_allowance(facts, stage);
		filter->budget.max_work = node->allowance.max_work;
		filter->more = node->allowance.is_fixed ? NULL : more;
	}
	facts->last = stage;
	facts->has_glanced |= stage == OMEN_STAGE_GLANCE;
	node->counts.ran[stage]++;
	/* after a search, what it sent is not to be sent again */
	if (!is_first && stage != OMEN_STAGE_EXACT)
		rescan_index(node);
	if (is_first || stage != OMEN_STAGE_EXACT)
		omen_filtered_begin(node->scan, &node->filter);
	if (stage == OMEN_STAGE_EXACT)
		run_exactly(node);
}

/* Go on to the next stage, and make the set if that comes first. */
static void
run_next_stage(OmenCustomScanState *node)
{
	OmenFilterFacts *facts = &node->facts;
	OmenStage	stage;

	refresh_settings(node);
	while ((stage = omen_next_stage(facts)) == OMEN_STAGE_MAKE_SET)
		make_set(node);
	if (stage == OMEN_STAGE_END)
		facts->last = stage;
	else
		run_stage(node, stage);
}

/* The stage that ran has not found enough, or was allowed no more. */
static void
give_up(OmenCustomScanState *node)
{
	OmenFilterFacts *facts = &node->facts;

	/* an exact pass only had no room for all rows */
	if (facts->last != OMEN_STAGE_EXACT)
		node->counts.gave_up++;
	facts->has_failed |= facts->last != OMEN_STAGE_GLANCE;
	run_next_stage(node);
}

/* ---------- rows ---------- */

/* A row goes out.  After the first the search may go beyond what was wanted. */
static void
note_sent(OmenCustomScanState *node)
{
	OmenScanBudget budget;

	if (node->facts.rows_sent++ > 0)
		return;
	refresh_settings(node);
	node->allowance = omen_allowance_beyond(&node->facts, node->allowance);
	budget.max_work = node->allowance.max_work;
	omen_filtered_allow(node->scan, budget);
}

/* Fetch the row that goes out, and count it as any index scan's. */
static bool
fetch_row(OmenCustomScanState *node, ItemPointer version, TupleTableSlot *slot)
{
	pgstat_count_index_tuples(node->index, 1);
	if (!table_tuple_fetch_row_version(node->css.ss.ss_currentRelation, version,
									   node->scan->xs_snapshot, slot))
		return false;
	pgstat_count_heap_fetch(node->index);
	return true;
}

static TupleTableSlot *
next_row(ScanState *ss)
{
	OmenCustomScanState *node = (OmenCustomScanState *) ss;
	TupleTableSlot *slot = ss->ss_ScanTupleSlot;
	ItemPointerData version;

	if (!node->is_started)
	{
		start(node);
		run_next_stage(node);
	}
	while (node->facts.last != OMEN_STAGE_END)
	{
		CHECK_FOR_INTERRUPTS();
		switch (omen_filtered_next(node->scan, &version))
		{
			case OMEN_FILTERED_ROW:
				note_sent(node);
				if (fetch_row(node, &version, slot))
					return slot;
				break;
			case OMEN_FILTERED_END:
				return ExecClearTuple(slot);
			case OMEN_FILTERED_GAVE_UP:
				give_up(node);
				break;
		}
	}
	return ExecClearTuple(slot);
}

/* Does a row version that came about meanwhile still pass? */
static bool
recheck(ScanState *ss, TupleTableSlot *slot)
{
	OmenCustomScanState *node = (OmenCustomScanState *) ss;
	ExprContext *econtext = ss->ps.ps_ExprContext;

	econtext->ecxt_scantuple = slot;
	return ExecQualAndReset(node->exprs.qual, econtext);
}

static TupleTableSlot *
exec_scan(CustomScanState *css)
{
	return ExecScan(&css->ss, next_row, recheck);
}

static const CustomExecMethods exec_methods = {
	.CustomName = "Omen Scan",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = exec_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.ExplainCustomScan = omen_explain_custom_scan,
};

const CustomScanMethods omen_custom_scan_methods = {
	.CustomName = "Omen Scan",
	.CreateCustomScanState = create_state,
};

/* Have plans of this node recognised in other processes; from _PG_init. */
void
omen_custom_scan_init(void)
{
	RegisterCustomScanMethods(&omen_custom_scan_methods);
}
