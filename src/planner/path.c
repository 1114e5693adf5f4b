/*-------------------------------------------------------------------------
 *
 * path.c
 *	  Planning "Omen Scan".
 *
 * Offered for a table with an index of ours whenever rows are wanted in the
 * index's order, not all of them, and there is a WHERE, or more are wanted than
 * a candidate list holds.  It takes the place of the plain index scan, which
 * cannot promise as many rows as there are.
 *
 * The set of rows that pass comes from the indexes that PostgreSQL itself
 * would use for the WHERE: it is asked for its best bitmap heap path, and the
 * bitmap below that becomes the node's child.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "catalog/pg_class.h"
#include "compat.h"
#include "hnsw/hnsw.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "hnsw/distance_cost.h"
#include "planner/indexes.h"
#include "planner/peer_cost.h"
#include "planner/semi_join.h"
#include "planner/spheres.h"
#include "planner/wanted.h"
#include "filter/filter_keys.h"
#include "filter/plan.h"
#include "filter/policy.h"
#include "tuning.h"
#include "utils/lsyscache.h"
#include "utils/spccache.h"

static set_rel_pathlist_hook_type previous_hook = NULL;

/* ---------- costs ---------- */

/*
 * How many rows pass, if so many do by statistics, which may not know the
 * groups as the index does.
 */
static double
passing_rows(double rows, const OrderedIndex *ordered)
{
	if (!ordered->is_of_groups)
		return rows;
	return rows * ordered->part / ordered->asked.part;
}

/* The operator class of the column that is ordered by. */
static const OmenOpclass *
index_opclass(const IndexOptInfo *info)
{
	Relation	index = index_open(info->indexoid, NoLock);
	const OmenOpclass *opclass = omen_opclass(index);

	index_close(index, NoLock);
	return opclass;
}

/* What the table, the index and the query are like, bitmaps aside. */
static void
estimate(PlannerInfo *root, RelOptInfo *rel, const OrderedIndex *ordered,
		 OmenScanPlan *plan)
{
	OmenSearchCost search;
	OpExpr	   *orderby = linitial_node(OpExpr, ordered->path->indexorderbys);
	IndexOptInfo *index = ordered->path->indexinfo;
	double		seq_page_cost_here;

	omen_search_cost_init(&search, index, index->tuples * ordered->part);
	get_tablespace_page_costs(rel->reltablespace, NULL, &seq_page_cost_here);

	plan->rows = Max(rel->tuples, 1);
	plan->nodes = search.nodes;
	plan->passing = passing_rows(rel->rows, ordered);
	plan->groups = ordered->asked.count;
	plan->selectivity = Min(plan->passing / plan->nodes, 1);
	plan->wanted = omen_estimate_wanted(root, rel);
	plan->extra = omen_has_more_order(root);
	plan->m = search.m;
	plan->visit_cost = search.per_visit;
	plan->distance_cost = omen_distance_cost(root, index_opclass(index)->type,
											 orderby->args, true);
	/* but for the WHERE, which is priced when it is known how often it is */
	plan->row_cost = OMEN_ROW_COST * cpu_tuple_cost;
	plan->table_cost =
		rel->pages * seq_page_cost_here + plan->rows * cpu_tuple_cost;
	plan->full_scan_cost = omen_full_scan_cost(index, plan->nodes);
	plan->is_unfiltered = omen_is_unfiltered(ordered);
	plan->has_keys = ordered->keys.told != NIL || plan->is_unfiltered;
	plan->key_selectivity = ordered->key_selectivity;
	plan->ef_search = omen_ef_search_of_oid(index->indexoid);
	plan->operator_cost = cpu_operator_cost;
}

/* How many rows pass, if subqueries in the WHERE were planned as joins. */
static void
note_matching_rows(PlannerInfo *root, RelOptInfo *rel, List *spheres,
				   const OrderedIndex *ordered, OmenScanPlan *plan)
{
	double		part =
		omen_matching_part(root, rel,
						   list_difference_ptr(rel->baserestrictinfo, spheres));

	if (part < 0)
		return;
	plan->passing = clamp_row_est(passing_rows(part * plan->rows, ordered));
	plan->selectivity = Min(plan->passing / plan->nodes, 1);
}

/* The same of spheres, which say nothing of how many pass. */
static void
note_spheres(PlannerInfo *root, RelOptInfo *rel, List *spheres,
			 const OrderedIndex *ordered, OmenScanParts *parts)
{
	OmenScanPlan *plan = &parts->plan;

	omen_note_spheres(root, rel, spheres, parts);
	if (spheres == NIL || !ordered->is_of_groups)
		return;
	plan->passing = passing_rows(plan->passing, ordered);
	plan->selectivity = Min(plan->passing / plan->nodes, 1);
}

/* How often the WHERE is evaluated, as far as the planner knows. */
static double
expected_tests(const OmenScanPlan *plan)
{
	return Min(plan->wanted / Max(plan->selectivity, OMEN_TINY_PART),
			   plan->rows);
}

/* What evaluating the WHERE costs, once and for each row. */
static QualCost
price_filter(PlannerInfo *root, RelOptInfo *rel, OmenScanPlan *plan)
{
	QualCost	cost;

	omen_cost_filter(root, rel->baserestrictinfo, expected_tests(plan), &cost);
	plan->row_cost += cost.per_tuple;
	if (plan->groups > 0)
		/* the table is never read, but the rows of the groups may be */
		plan->table_cost = plan->nodes * plan->row_cost;
	else
		plan->table_cost += plan->rows * cost.per_tuple;
	return cost;
}

/* What the bitmap of rows that may pass is like, if there is one. */
static void
estimate_bitmap(BitmapHeapPath *bitmap, OmenScanPlan *plan)
{
	Selectivity part;
	Cost		cost;

	plan->has_bitmap = bitmap != NULL;
	plan->bitmap_tids = plan->rows;
	if (bitmap == NULL)
		return;
	cost_bitmap_tree_node(bitmap->bitmapqual, &cost, &part);
	plan->bitmap_tids = Max(part * plan->rows, 1);
	plan->bitmap_cost =
		omen_set_cost(cost, plan->bitmap_tids, cpu_operator_cost);
}

/*
 * The first rows come when all that are wanted have been found; later ones
 * take as much each, but all of them no more than exact does, which the scan
 * turns to in the end.  What the planner makes of it for as many rows as are
 * wanted is the cost of those.
 */
static void
set_costs(Path *path, const OmenScanPlan *plan, double cost,
		  const QualCost *restrict_cost)
{
	double		per_row = Min(cost / plan->wanted / OMEN_RUN_COST_PART,
						 omen_exact_all_cost(plan) / Max(path->rows, 1));

	cost += restrict_cost->startup;
	if (path->rows <= plan->wanted)
	{
		path->startup_cost = cost;
		path->total_cost = cost;
		return;
	}
	path->startup_cost = cost - per_row * plan->wanted;
	path->total_cost = path->startup_cost + per_row * path->rows;
}

/* ---------- the path and the plan ---------- */

static Plan *plan_scan_path(PlannerInfo *root, RelOptInfo *rel,
							CustomPath *best_path, List *tlist, List *clauses,
							List *custom_plans);

static const CustomPathMethods path_methods = {
	.CustomName = "Omen Scan",
	.PlanCustomPath = plan_scan_path,
};

/* Of costs, what one way or another of finding rows takes. */
static void
price_path(Path *path, const RelOptInfo *rel, const OrderedIndex *ordered,
		   const QualCost *filter, OmenScanPlan *plan)
{
	const PathTarget *target = rel->reltarget;
	double		cost;

	plan->strategy =
		omen_plan_strategy(plan, (OmenStrategy) omen_filter_strategy, &cost);
	path->rows = rel->rows;
	if (plan->is_unfiltered && plan->strategy != OMEN_STRATEGY_EXACT)
	{
		/* as many rows by an index scan would cost the same */
		path->startup_cost = ordered->path->path.startup_cost;
		path->total_cost = ordered->path->path.total_cost;
		return;
	}
	set_costs(path, plan, cost, filter);
	path->startup_cost += target->cost.startup;
	path->total_cost +=
		target->cost.startup + target->cost.per_tuple * rel->rows;
}

static void
add_scan_path(PlannerInfo *root, RelOptInfo *rel, const OrderedIndex *ordered,
			  BitmapHeapPath *bitmap)
{
	CustomPath *path = makeNode(CustomPath);
	OmenScanParts parts = {0};
	List	   *spheres = omen_find_spheres(rel, ordered->path);
	QualCost	filter;
	List	   *exprs;
	List	   *numbers;

	parts.index = ordered->path->indexinfo->indexoid;
	parts.orderby = linitial(ordered->path->indexorderbys);
	parts.key_clauses = ordered->keys.clauses;
	parts.key_columns = ordered->keys.columns;
	estimate(root, rel, ordered, &parts.plan);
	omen_note_wanted(root, &parts);
	note_spheres(root, rel, spheres, ordered, &parts);
	note_matching_rows(root, rel, spheres, ordered, &parts.plan);
	filter = price_filter(root, rel, &parts.plan);
	estimate_bitmap(bitmap, &parts.plan);
	price_path(&path->path, rel, ordered, &filter, &parts.plan);
	omen_scan_parts_pack(&parts, &exprs, &numbers);

	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.parallel_safe =
		rel->consider_parallel && is_parallel_safe(root, (Node *) exprs);
	path->path.pathkeys = ordered->path->path.pathkeys;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_paths = bitmap ? list_make1(bitmap) : NIL;
	path->custom_private = list_make2(exprs, numbers);
	path->methods = &path_methods;
	add_path(rel, &path->path);
}

static Plan *
plan_scan_path(PlannerInfo *root, RelOptInfo *rel, CustomPath *best_path,
			   List *tlist, List *clauses, List *custom_plans)
{
	CustomScan *scan = makeNode(CustomScan);
	OmenScanParts parts;

	scan->scan.plan.targetlist = tlist;
	scan->scan.scanrelid = rel->relid;
	scan->flags = best_path->flags;
	if (custom_plans != NIL)
	{
		Plan	   *child = linitial(custom_plans);

		/* what does not depend on the row is tested once, above it; and us */
		if (IsA(child, Result))
			child = outerPlan(child);
		/* of the bitmap heap scan only what makes its bitmap */
		scan->custom_plans =
			list_make1(outerPlan(castNode(BitmapHeapScan, child)));
	}
	scan->custom_exprs = linitial(best_path->custom_private);
	scan->custom_private = lsecond(best_path->custom_private);
	omen_scan_parts_unpack(scan, &parts);
	scan->scan.plan.qual =
		omen_final_filter(extract_actual_clauses(clauses, false),
						  expected_tests(&parts.plan));
	scan->methods = &omen_custom_scan_methods;
	return &scan->scan.plan;
}

/* ---------- the hook ---------- */

/* Has a table an index of ours? */
static bool
has_index_of_ours(RelOptInfo *rel)
{
	ListCell   *lc;

	foreach (lc, rel->indexlist)
	{
		if (omen_is_ours(lfirst(lc)))
			return true;
	}
	return false;
}

/* The same of whichever of a table's indexes is used. */
static bool
may_need_count(PlannerInfo *root, const RelOptInfo *rel)
{
	ListCell   *lc;

	foreach (lc, rel->indexlist)
	{
		if (omen_is_ours(lfirst(lc)) && !omen_has_groups(lfirst(lc)) &&
			omen_needs_count(root, lfirst(lc)))
			return true;
	}
	return false;
}

/* Is this a table whose rows are wanted by distance, and not all? */
static bool
is_candidate(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte)
{
	return omen_enable_scan && enable_indexscan && !IS_DUMMY_REL(rel) &&
		   (rel->reloptkind == RELOPT_BASEREL ||
			rel->reloptkind == RELOPT_OTHER_MEMBER_REL) &&
		   rte->rtekind == RTE_RELATION && !rte->inh &&
		   rte->tablesample == NULL &&
		   (rte->relkind == RELKIND_RELATION ||
			rte->relkind == RELKIND_MATVIEW) &&
		   root->query_pathkeys != NIL && omen_is_bounded(root) &&
		   has_index_of_ours(rel) &&
		   (rel->baserestrictinfo != NIL || may_need_count(root, rel) ||
			omen_is_semi_joined(root, rel));
}

/* Take out plain scans of our indexes, which promise less; but not of some. */
static void
remove_plain_paths(RelOptInfo *rel, const List *others)
{
	ListCell   *lc;

	foreach (lc, rel->pathlist)
	{
		IndexPath  *path = lfirst(lc);

		if (IsA(path, IndexPath) && omen_is_ours(path->indexinfo) &&
			path->path.param_info == NULL &&
			!list_member_ptr(others, path->indexinfo))
			rel->pathlist = foreach_delete_current(rel->pathlist, lc);
	}
}

/* Is there a path that needs nothing of other tables? */
static bool
has_path_by_itself(const RelOptInfo *rel)
{
	ListCell   *lc;

	foreach (lc, rel->pathlist)
	{
		if (((Path *) lfirst(lc))->param_info == NULL)
			return true;
	}
	return false;
}

/* The same where nothing takes their place. */
static void
remove_ordered_paths(PlannerInfo *root, RelOptInfo *rel)
{
	remove_plain_paths(rel, NIL);
	/* one of them may have kept out what was disabled */
	if (!has_path_by_itself(rel))
		add_path(rel, create_seqscan_path(root, rel, rel->lateral_relids, 0));
}

/*
 * Offer the scan with the best bitmap.  In an index of groups with the best by
 * the rest of the WHERE, and with the best by all of it, if that tells more
 * than which rows are in the groups.
 */
static void
add_scan_paths(PlannerInfo *root, RelOptInfo *rel, const OrderedIndex *ordered)
{
	const List *prefix = ordered->keys.prefix.infos;
	BitmapHeapPath *bitmap;

	if (ordered->is_of_groups && omen_is_unfiltered(ordered))
	{
		add_scan_path(root, rel, ordered, NULL);
		return;
	}
	if (ordered->is_of_groups)
		add_scan_path(root, rel, ordered,
					  omen_best_bitmap_path(root, rel, prefix));
	bitmap = omen_best_bitmap_path(root, rel, NIL);
	if (!ordered->is_of_groups ||
		(bitmap != NULL && omen_tells_more(root, rel, ordered, bitmap)))
		add_scan_path(root, rel, ordered, bitmap);
}

/*
 * Offer the best scan by indexes of groups, or by others, in place of plain
 * ones by such indexes.
 */
static void
add_best_path(PlannerInfo *root, RelOptInfo *rel, bool of_groups)
{
	List	   *others = NIL;
	OrderedIndex ordered =
		omen_find_ordered_index(root, rel, of_groups, &others);
	ListCell   *lc;

	if (ordered.path == NULL ||
		(!of_groups && omen_is_unfiltered(&ordered) &&
		 !omen_needs_count(root, ordered.path->indexinfo)))
		return;
	foreach (lc, rel->indexlist)
	{
		if (omen_is_ours(lfirst(lc)) &&
			omen_has_groups(lfirst(lc)) != of_groups)
			others = lappend(others, lfirst(lc));
	}
	remove_plain_paths(rel, others);
	add_scan_paths(root, rel, &ordered);
}

static void
set_rel_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti,
				 RangeTblEntry *rte)
{
	if (previous_hook)
		previous_hook(root, rel, rti, rte);
	omen_charge_untold_order(root, rel);
	if (!is_candidate(root, rel, rte))
		return;
	if (omen_is_semi_joined(root, rel))
	{
		remove_ordered_paths(root, rel);
		return;
	}
	/* of two at one cost the first stays */
	add_best_path(root, rel, true);
	add_best_path(root, rel, false);
}

/* Have the planner ask us; once, from _PG_init. */
void
omen_custom_path_init(void)
{
	previous_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = set_rel_pathlist;
}
