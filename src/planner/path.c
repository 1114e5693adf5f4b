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
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "hnsw/distance_cost.h"
#include "planner/peer_cost.h"
#include "planner/semi_join.h"
#include "planner/spheres.h"
#include "filter/filter_keys.h"
#include "filter/plan.h"
#include "filter/policy.h"
#include "tuning.h"
#include "utils/lsyscache.h"
#include "utils/spccache.h"

static set_rel_pathlist_hook_type previous_hook = NULL;

/* ---------- what PostgreSQL's own paths have to say ---------- */

static bool
is_ours(const IndexOptInfo *index)
{
	return index->amcostestimate == omen_hnsw_cost_estimate;
}

/* What an index was like before it was changed for a while. */
typedef struct ChangedIndex
{
	IndexOptInfo *index;
	bool		amhasgettuple;
	List	   *indrestrictinfo;
} ChangedIndex;

/* Have an index give bitmaps only, by all clauses but for some. */
static IndexOptInfo *
bitmaps_only(IndexOptInfo *index, const List *without, List **changed)
{
	ChangedIndex *before = palloc(sizeof(ChangedIndex));

	before->index = index;
	before->amhasgettuple = index->amhasgettuple;
	before->indrestrictinfo = index->indrestrictinfo;
	*changed = lappend(*changed, before);
	index->amhasgettuple = false;
	index->indrestrictinfo =
		list_difference_ptr(index->indrestrictinfo, without);
	return index;
}

static void
restore_indexes(const List *changed)
{
	ListCell   *lc;

	foreach (lc, changed)
	{
		ChangedIndex *before = lfirst(lc);

		before->index->amhasgettuple = before->amhasgettuple;
		before->index->indrestrictinfo = before->indrestrictinfo;
	}
}

/*
 * The paths that PostgreSQL makes for a table from one index of ours, or from
 * all others as bitmaps only, by all clauses of the WHERE but for some.
 *
 * create_index_paths() knows only the lists of the table's RelOptInfo and adds
 * what it finds to them.  So for its sake these are others for a while: the
 * indexes are those that are asked about, no path is there that could suppress
 * one of theirs, and an index of others has no plain scan, so that bitmaps are
 * all that it gives.  Everything is put back before anybody else looks.  (An
 * error in between ends the planning of the query, and with it the RelOptInfo
 * and the PlannerInfo, which live in its memory; nothing here outlives them.)
 */
static List *
paths_by_indexes(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *ours,
				 const List *without)
{
	List	   *indexes = rel->indexlist;
	List	   *pathlist = rel->pathlist;
	List	   *partial = rel->partial_pathlist;
	List	   *clauses = rel->baserestrictinfo;
	List	   *pathkeys = root->query_pathkeys;
	List	   *changed = NIL;
	List	   *found;
	ListCell   *lc;

	rel->indexlist = NIL;
	rel->pathlist = NIL;
	rel->partial_pathlist = NIL;
	rel->baserestrictinfo = list_difference_ptr(clauses, without);
	foreach (lc, indexes)
	{
		IndexOptInfo *index = lfirst(lc);

		if (ours ? index != ours : is_ours(index))
			continue;
		if (!ours)
			index = bitmaps_only(index, without, &changed);
		rel->indexlist = lappend(rel->indexlist, index);
	}
	/* of ORDER BY distance, id we are responsible for the distance */
	if (ours)
		root->query_pathkeys = list_make1(linitial(pathkeys));

	create_index_paths(root, rel);

	found = rel->pathlist;
	restore_indexes(changed);
	list_free(rel->indexlist);
	rel->baserestrictinfo = clauses;
	rel->indexlist = indexes;
	rel->pathlist = pathlist;
	rel->partial_pathlist = partial;
	root->query_pathkeys = pathkeys;
	return found;
}

/* Is an index one of groups? */
static bool
has_groups(const IndexOptInfo *index)
{
	return omen_leading_columns(index) > 0;
}

/* The path by an index of ours in the order that is wanted, or NULL. */
static IndexPath *
ordered_path_by(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index)
{
	ListCell   *lc;

	foreach (lc, paths_by_indexes(root, rel, index, NIL))
	{
		IndexPath  *path = lfirst(lc);

		if (IsA(path, IndexPath) && path->path.pathkeys != NIL &&
			list_length(path->indexorderbys) == 1 &&
			path->path.param_info == NULL)
			return path;
	}
	return NULL;
}

/* An index of ours in the order that is wanted. */
typedef struct OrderedIndex
{
	IndexPath  *path;			/* NULL: there is none */
	OmenFilterKeys keys;		/* what its filter keys tell */
	double		key_selectivity; /* the part of the rows that passes by them */
	bool		is_of_groups;	/* it is an index of groups */
	OmenGroupsAsked asked;		/* of one of groups: those that are searched */
	double		part;			/* of the rows that is in these; else 1 */
} OrderedIndex;

/* The part of the rows that pass by clauses; 1 if there are none. */
static double
part_passing(PlannerInfo *root, RelOptInfo *rel, const List *clauses)
{
	return Max(clauselist_selectivity(root, (List *) clauses, rel->relid, JOIN_INNER,
									  NULL),
			   OMEN_TINY_PART);
}

static bool needs_count(PlannerInfo *root, const IndexOptInfo *index);

/*
 * Is nothing to be filtered: is there no WHERE, or does it ask for whole groups?
 * What a partial index's condition implies is none.
 */
static bool
is_unfiltered(const OrderedIndex *ordered)
{
	return list_difference_ptr(ordered->path->indexinfo->indrestrictinfo,
							   ordered->keys.prefix.infos) == NIL;
}

/*
 * Is an index of groups to be scanned as PostgreSQL has it?  If it is not known
 * which are asked for; or if nothing but these are, where an index without
 * groups would be, and PostgreSQL has seen which.
 */
static bool
is_for_plain_scan(PlannerInfo *root, const OrderedIndex *ordered)
{
	return ordered->is_of_groups &&
		   (!ordered->keys.tells_groups ||
			(is_unfiltered(ordered) &&
			 !needs_count(root, ordered->path->indexinfo) &&
			 ordered->path->path.total_cost < OMEN_UNWANTED_COST));
}

/*
 * The path that PostgreSQL would make if it knew all the clauses that say which
 * groups are asked for.  Before 17 it drops = ANY on a later column from a path
 * with an order, and before 16 it knows no boolean columns of ours.
 */
static IndexPath *
path_of_groups(PlannerInfo *root, const OrderedIndex *ordered)
{
	const OmenGroupClauses *told = &ordered->keys.prefix;
	const IndexPath *path = ordered->path;
	List	   *clauses = NIL;

	for (int i = 0; i < list_length(told->clauses); i++)
	{
		IndexClause *clause = makeNode(IndexClause);

		clause->rinfo = list_nth(told->infos, i);
		clause->indexquals = list_make1(
			make_simple_restrictinfo(root, list_nth(told->clauses, i)));
		clause->indexcol = list_nth_int(told->columns, i) - 1;
		clauses = lappend(clauses, clause);
	}
	return create_index_path(root, path->indexinfo, clauses,
							 path->indexorderbys, path->indexorderbycols,
							 path->path.pathkeys, ForwardScanDirection, false,
							 NULL, 1.0, false);
}

/*
 * What there is to know of an index of ours.  False if it is of no use, or
 * PostgreSQL is to scan it.
 */
static bool
look_at_index(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index,
			  OrderedIndex *ordered)
{
	int			leading = omen_leading_columns(index);

	memset(ordered, 0, sizeof(OrderedIndex));
	ordered->path = ordered_path_by(root, rel, index);
	if (ordered->path == NULL)
		return false;
	ordered->is_of_groups = leading > 0;
	ordered->part = 1;
	omen_filter_keys_find(root, rel, index, &ordered->keys);
	if (is_for_plain_scan(root, ordered))
		return false;
	ordered->key_selectivity = part_passing(root, rel, ordered->keys.told);
	if (leading == 0)
		return true;
	omen_groups_asked(root, index, leading, &ordered->keys.prefix,
					  &ordered->asked);
	ordered->part = Max(Min(ordered->asked.nodes / Max(index->tuples, 1), 1),
						OMEN_TINY_PART);
	ordered->path = path_of_groups(root, ordered);
	return true;
}

/*
 * The best of these paths, by indexes of groups or by others: by the index
 * whose keys let the fewest rows pass, and of such the cheapest.
 */
static OrderedIndex
find_ordered_index(PlannerInfo *root, RelOptInfo *rel, bool of_groups)
{
	OrderedIndex best = {.key_selectivity = INFINITY, .part = 1};
	ListCell   *lc;

	foreach (lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(lc);
		OrderedIndex ordered;

		if (!is_ours(index) || has_groups(index) != of_groups ||
			!look_at_index(root, rel, index, &ordered))
			continue;
		if (ordered.part * ordered.key_selectivity <
				best.part * best.key_selectivity ||
			(ordered.part * ordered.key_selectivity ==
				 best.part * best.key_selectivity &&
			 ordered.path->path.total_cost < best.path->path.total_cost))
			best = ordered;
	}
	return best;
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

/* The best bitmap of rows that pass all clauses but for some, or NULL. */
static BitmapHeapPath *
best_bitmap_path(PlannerInfo *root, RelOptInfo *rel, const List *without)
{
	ListCell   *lc;

	foreach (lc, paths_by_indexes(root, rel, NULL, without))
	{
		BitmapHeapPath *path = lfirst(lc);

		if (IsA(path, BitmapHeapPath) && path->path.param_info == NULL)
			return path;
	}
	return NULL;
}

/* The part of a table's rows that a bitmap has. */
static double
part_in_bitmap(const BitmapHeapPath *bitmap)
{
	Selectivity part;
	Cost		cost;

	cost_bitmap_tree_node(bitmap->bitmapqual, &cost, &part);
	return part;
}

/*
 * The best bitmap of rows that pass, or NULL.  In an index of groups the clauses
 * that ask for these tell nothing more, so what other indexes know of them is of
 * no use, unless it is beside the rest of the WHERE.
 */
static BitmapHeapPath *
find_bitmap_path(PlannerInfo *root, RelOptInfo *rel,
				 const OrderedIndex *ordered)
{
	const List *prefix = ordered->keys.prefix.infos;
	BitmapHeapPath *all;
	BitmapHeapPath *rest;

	if (!ordered->is_of_groups)
		return best_bitmap_path(root, rel, NIL);
	if (is_unfiltered(ordered))
		return NULL;
	all = best_bitmap_path(root, rel, NIL);
	rest = best_bitmap_path(root, rel, prefix);
	if (all == NULL ||
		part_in_bitmap(all) >
			OMEN_BITMAP_TELLS_MORE * part_passing(root, rel, prefix))
		return rest;
	return rest == NULL || all->path.total_cost < rest->path.total_cost ? all
																		: rest;
}

static bool
has_index_of_ours(RelOptInfo *rel)
{
	ListCell   *lc;

	foreach (lc, rel->indexlist)
	{
		if (is_ours(lfirst(lc)))
			return true;
	}
	return false;
}

/* ---------- how many rows are wanted ---------- */

/*
 * Do the rows of this table become the query's, so that LIMIT counts them?
 * (Or those of its partitions, merged.)
 */
static bool
limit_counts_rows(PlannerInfo *root)
{
	const Query *parse = root->parse;

	return parse->limitCount != NULL && !parse->hasAggs &&
		   !parse->hasWindowFuncs && !parse->hasTargetSRFs &&
		   parse->groupClause == NIL && parse->groupingSets == NIL &&
		   parse->distinctClause == NIL && parse->setOperations == NULL &&
		   bms_membership(root->all_baserels) == BMS_SINGLETON;
}

static double
estimate_wanted(PlannerInfo *root, RelOptInfo *rel)
{
	double		wanted;

	if (root->limit_tuples >= 0 && limit_counts_rows(root))
		wanted = root->limit_tuples;
	else if (root->tuple_fraction >= 1)
		wanted = root->tuple_fraction;
	else
		wanted = Min(root->tuple_fraction * rel->rows, OMEN_MAX_WANTED_UNKNOWN);
	return Max(wanted, 1);
}

static Expr *
no_number(void)
{
	return (Expr *) makeNullConst(INT8OID, -1, InvalidOid);
}

/* A copy of LIMIT or OFFSET; NULL if the executor cannot evaluate it. */
static Expr *
copy_bound(Node *bound)
{
	if (contain_subplans(bound) || contain_volatile_functions(bound))
		return NULL;
	return bound ? (Expr *) copyObject(bound) : no_number();
}

/*
 * Have expressions tell the executor how many rows are wanted, if LIMIT and
 * OFFSET do.
 */
static void
note_wanted(PlannerInfo *root, OmenScanParts *parts)
{
	parts->limit = copy_bound(root->parse->limitCount);
	parts->offset = copy_bound(root->parse->limitOffset);
	parts->plan.limit_known =
		limit_counts_rows(root) && parts->limit && parts->offset;
	if (!parts->plan.limit_known)
	{
		parts->limit = no_number();
		parts->offset = no_number();
	}
}

/* Does it matter which rows are at the same distance as the last? */
static bool
has_more_order(PlannerInfo *root)
{
	return list_length(root->query_pathkeys) > 1 ||
		   root->parse->limitOption == LIMIT_OPTION_WITH_TIES;
}

/* ---------- costs ---------- */

/*
 * How many rows pass, if so many do by statistics, which may not know the groups
 * as the index does.
 */
static double
passing_rows(double rows, const OrderedIndex *ordered)
{
	if (!ordered->is_of_groups)
		return rows;
	return rows * ordered->part / ordered->asked.part;
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
	plan->wanted = estimate_wanted(root, rel);
	plan->extra = has_more_order(root);
	plan->m = search.m;
	plan->visit_cost = search.per_visit;
	plan->distance_cost =
		omen_distance_cost(root, index_opclass(index)->type, orderby->args,
						   true);
	/* but for the WHERE, which is priced when it is known how often it is */
	plan->row_cost = OMEN_ROW_COST * cpu_tuple_cost;
	plan->table_cost =
		rel->pages * seq_page_cost_here + plan->rows * cpu_tuple_cost;
	plan->full_scan_cost = omen_full_scan_cost(index, plan->nodes);
	plan->is_unfiltered = is_unfiltered(ordered);
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
	note_wanted(root, &parts);
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

/*
 * Without a WHERE, does a query ask for more than a plain index scan can
 * promise?  That has as many rows as its candidate list holds; beyond, rows may
 * be late.  And its order is the distance's alone: of rows at one distance
 * somebody has to know where they end.
 */
static bool
needs_count(PlannerInfo *root, const IndexOptInfo *index)
{
	OmenScanParts parts = {0};

	note_wanted(root, &parts);
	return parts.plan.limit_known &&
		   (root->limit_tuples < 0 ||
			root->limit_tuples > omen_ef_search_of_oid(index->indexoid) ||
			has_more_order(root));
}

/* The same of whichever of a table's indexes is used. */
static bool
may_need_count(PlannerInfo *root, const RelOptInfo *rel)
{
	ListCell   *lc;

	foreach (lc, rel->indexlist)
	{
		if (is_ours(lfirst(lc)) && !has_groups(lfirst(lc)) &&
			needs_count(root, lfirst(lc)))
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

/*
 * Take out plain scans of our indexes, which promise less; but of groups only
 * if nothing takes their place.
 */
static void
remove_plain_paths(RelOptInfo *rel, bool even_of_groups)
{
	ListCell   *lc;

	foreach (lc, rel->pathlist)
	{
		IndexPath  *path = lfirst(lc);

		if (IsA(path, IndexPath) && is_ours(path->indexinfo) &&
			path->path.param_info == NULL &&
			(even_of_groups || !has_groups(path->indexinfo)))
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
	remove_plain_paths(rel, true);
	/* one of them may have kept out what was disabled */
	if (!has_path_by_itself(rel))
		add_path(rel, create_seqscan_path(root, rel, rel->lateral_relids, 0));
}

/* Offer the best scan by indexes of groups, or by others. */
static void
add_best_path(PlannerInfo *root, RelOptInfo *rel, bool of_groups)
{
	OrderedIndex ordered = find_ordered_index(root, rel, of_groups);

	if (ordered.path == NULL || (!of_groups && is_unfiltered(&ordered) &&
								 !needs_count(root, ordered.path->indexinfo)))
		return;
	remove_plain_paths(rel, of_groups);
	add_scan_path(root, rel, &ordered, find_bitmap_path(root, rel, &ordered));
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
	add_best_path(root, rel, false);
	add_best_path(root, rel, true);
}

/* Have the planner ask us; once, from _PG_init. */
void
omen_custom_path_init(void)
{
	previous_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = set_rel_pathlist;
}
