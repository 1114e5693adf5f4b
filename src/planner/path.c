/*-------------------------------------------------------------------------
 *
 * path.c
 *	  Planning "Omen Scan".
 *
 * Offered for a table with an index of ours whenever rows are wanted in the
 * index's order, not all of them, and there is a WHERE.  It takes the place of
 * the plain index scan, which cannot promise as many rows as there are.
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
#include "planner/distance_cost.h"
#include "filter/filter_keys.h"
#include "filter/plan.h"
#include "utils/lsyscache.h"
#include "utils/spccache.h"

/* Fetching a row from a cached page that nothing has led to. */
#define HEAP_ROW_COST (16 * cpu_tuple_cost)

/* How many rows are wanted if the planner does not say more than "a part". */
#define MOST_WANTED_UNKNOWN 100

static set_rel_pathlist_hook_type previous_hook = NULL;

/* ---------- what travels from the path to the plan to the executor ---------- */

/*
 * As a list of Floats, so that plans can be copied and sent.  With an exponent,
 * since a number without would be read as an Integer.
 */
List *
omen_filtered_plan_pack(const OmenFilteredPlan *plan)
{
	double		numbers[OMEN_FILTERED_NUMBERS] = {
		plan->rows,		   plan->passing,
		plan->tids,		   plan->selectivity,
		plan->wanted,	   plan->extra,
		plan->limit_known, plan->nodes,
		plan->m,		   plan->visit_cost,
		plan->row_cost,	   plan->distance_cost,
		plan->table_cost,  plan->bitmap_cost,
		plan->strategy,	   plan->key_selectivity,
		plan->has_keys,	   plan->pass_cost};
	List	   *list = NIL;

	for (int i = 0; i < OMEN_FILTERED_NUMBERS; i++)
		list = lappend(list, makeFloat(psprintf("%.17e", numbers[i])));
	return list;
}

void
omen_filtered_plan_unpack(List *packed, OmenFilteredPlan *plan)
{
	double		numbers[OMEN_FILTERED_NUMBERS];

	Assert(list_length(packed) == OMEN_FILTERED_NUMBERS);
	for (int i = 0; i < OMEN_FILTERED_NUMBERS; i++)
		numbers[i] = floatVal(list_nth(packed, i));
	plan->rows = numbers[0];
	plan->passing = numbers[1];
	plan->tids = numbers[2];
	plan->selectivity = numbers[3];
	plan->wanted = numbers[4];
	plan->extra = numbers[5];
	plan->limit_known = numbers[6];
	plan->nodes = numbers[7];
	plan->m = numbers[8];
	plan->visit_cost = numbers[9];
	plan->row_cost = numbers[10];
	plan->distance_cost = numbers[11];
	plan->table_cost = numbers[12];
	plan->bitmap_cost = numbers[13];
	plan->strategy = (OmenStrategy) numbers[14];
	plan->key_selectivity = numbers[15];
	plan->has_keys = numbers[16];
	plan->pass_cost = numbers[17];
}

/* ---------- what PostgreSQL's own paths have to say ---------- */

static bool
is_ours(const IndexOptInfo *index)
{
	return index->amcostestimate == omen_hnsw_cost_estimate;
}

/*
 * The paths that PostgreSQL makes for a table from one index of ours, or from all
 * others as bitmaps only.
 */
static List *
paths_by_indexes(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *ours)
{
	List	   *indexes = rel->indexlist;
	List	   *pathlist = rel->pathlist;
	List	   *partial = rel->partial_pathlist;
	List	   *pathkeys = root->query_pathkeys;
	List	   *hidden = NIL;
	List	   *found;
	ListCell   *lc;

	rel->indexlist = NIL;
	rel->pathlist = NIL;
	rel->partial_pathlist = NIL;
	foreach (lc, indexes)
	{
		IndexOptInfo *index = lfirst(lc);

		if (ours ? index != ours : is_ours(index))
			continue;
		rel->indexlist = lappend(rel->indexlist, index);
		if (!ours && index->amhasgettuple)
		{
			index->amhasgettuple = false;
			hidden = lappend(hidden, index);
		}
	}
	/* of ORDER BY distance, id we are responsible for the distance */
	if (ours)
		root->query_pathkeys = list_make1(linitial(pathkeys));

	create_index_paths(root, rel);

	found = rel->pathlist;
	foreach (lc, hidden)
		((IndexOptInfo *) lfirst(lc))->amhasgettuple = true;
	list_free(rel->indexlist);
	rel->indexlist = indexes;
	rel->pathlist = pathlist;
	rel->partial_pathlist = partial;
	root->query_pathkeys = pathkeys;
	return found;
}

/* The path by an index of ours in the order that is wanted, or NULL. */
static IndexPath *
ordered_path_by(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index)
{
	ListCell   *lc;

	foreach (lc, paths_by_indexes(root, rel, index))
	{
		IndexPath  *path = lfirst(lc);

		if (IsA(path, IndexPath) && path->path.pathkeys != NIL &&
			list_length(path->indexorderbys) == 1 &&
			path->path.param_info == NULL)
			return path;
	}
	return NULL;
}

/* The part of the rows that pass by what keys tell; 1 if that is nothing. */
static double
key_selectivity(PlannerInfo *root, RelOptInfo *rel, const OmenFilterKeys *keys)
{
	return Max(clauselist_selectivity(root, keys->told, rel->relid, JOIN_INNER,
									  NULL),
			   1e-9);
}

/*
 * The best of these paths: by the index whose keys let the fewest rows pass, and of
 * such the cheapest; and what those keys tell.
 */
static IndexPath *
find_ordered_path(PlannerInfo *root, RelOptInfo *rel, OmenFilterKeys *best_keys)
{
	IndexPath  *best = NULL;
	double		least = INFINITY;
	ListCell   *lc;

	foreach (lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(lc);
		IndexPath  *path =
			is_ours(index) ? ordered_path_by(root, rel, index) : NULL;
		OmenFilterKeys keys;
		double		part;

		if (path == NULL)
			continue;
		omen_filter_keys_find(root, rel, index, &keys);
		part = key_selectivity(root, rel, &keys);
		if (part < least ||
			(part == least && path->path.total_cost < best->path.total_cost))
		{
			best = path;
			*best_keys = keys;
			least = part;
		}
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

/* The best bitmap of rows that pass, or NULL. */
static BitmapHeapPath *
find_bitmap_path(PlannerInfo *root, RelOptInfo *rel)
{
	ListCell   *lc;

	foreach (lc, paths_by_indexes(root, rel, NULL))
	{
		BitmapHeapPath *path = lfirst(lc);

		if (IsA(path, BitmapHeapPath) && path->path.param_info == NULL)
			return path;
	}
	return NULL;
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
		wanted = Min(root->tuple_fraction * rel->rows, MOST_WANTED_UNKNOWN);
	return Max(wanted, 1);
}

/*
 * Expressions that tell the executor how many rows are wanted: LIMIT and
 * OFFSET, NULL where there is none.  False if they do not say.
 */
static bool
wanted_expressions(PlannerInfo *root, List **expressions)
{
	Node	   *parts[] = {root->parse->limitCount, root->parse->limitOffset};
	bool		known = limit_counts_rows(root);

	*expressions = NIL;
	for (int i = 0; i < 2; i++)
	{
		if (contain_subplans(parts[i]) || contain_volatile_functions(parts[i]))
			known = false;
		*expressions =
			lappend(*expressions,
					parts[i] ? copyObject(parts[i])
							 : (Node *) makeNullConst(INT8OID, -1, InvalidOid));
	}
	if (!known)
		*expressions = list_make2(makeNullConst(INT8OID, -1, InvalidOid),
								  makeNullConst(INT8OID, -1, InvalidOid));
	return known;
}

/* ---------- within a sphere ---------- */

/* Does a function go by the C function? */
static bool
function_is(Oid funcid, PGFunction address)
{
	FmgrInfo	info;

	fmgr_info(funcid, &info);
	return info.fn_addr == address;
}

/*
 * The clauses that ask for rows within a sphere, by the distance that is ordered
 * by.  Whether a sphere is around the query is seen when it is known.
 */
static List *
find_spheres(RelOptInfo *rel, IndexPath *ordered)
{
	OpExpr	   *distance = linitial_node(OpExpr, ordered->indexorderbys);
	const OmenOpclass *opclass = index_opclass(ordered->indexinfo);
	PGFunction	within = opclass->type->within[opclass->metric];
	List	   *found = NIL;
	ListCell   *lc;

	foreach (lc, rel->baserestrictinfo)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, lc);
		OpExpr	   *op = (OpExpr *) info->clause;

		if (!IsA(op, OpExpr) || list_length(op->args) != 2 ||
			!equal(linitial(op->args), linitial(distance->args)) ||
			contain_var_clause(lsecond(op->args)) ||
			contain_subplans(lsecond(op->args)) ||
			contain_volatile_functions(lsecond(op->args)))
			continue;
		set_opfuncid(op);
		if (within != NULL && function_is(op->opfuncid, within))
			found = lappend(found, info);
	}
	return found;
}

/*
 * A sphere that is small makes a sweep short: it ends at the radius.  How many
 * rows are within nobody knows; as many pass as by the rest of the WHERE.
 */
static void
estimate_spheres(PlannerInfo *root, RelOptInfo *rel, List *spheres,
				 OmenFilteredPlan *plan)
{
	List	   *others = list_difference_ptr(rel->baserestrictinfo, spheres);

	plan->wanted = Max(Min(plan->wanted, plan->passing), 1);
	plan->selectivity =
		clauselist_selectivity(root, others, rel->relid, JOIN_INNER, NULL);
	plan->passing = plan->selectivity * plan->rows;
}

/* ---------- costs ---------- */

/* Fill in what the strategies' costs follow from. */
static void
estimate(PlannerInfo *root, RelOptInfo *rel, IndexPath *ordered,
		 OmenFilteredPlan *plan)
{
	OmenSearchCost search;
	OpExpr	   *orderby = linitial_node(OpExpr, ordered->indexorderbys);
	double		seq_page_cost_here;

	omen_search_cost_init(&search, ordered->indexinfo,
						  ordered->indexinfo->tuples);
	get_tablespace_page_costs(rel->reltablespace, NULL, &seq_page_cost_here);

	plan->rows = Max(rel->tuples, 1);
	plan->nodes = search.nodes;
	plan->passing = rel->rows;
	plan->selectivity = Min(plan->passing / plan->nodes, 1);
	plan->wanted = estimate_wanted(root, rel);
	plan->extra = list_length(root->query_pathkeys) > 1 ||
				  root->parse->limitOption == LIMIT_OPTION_WITH_TIES;
	plan->m = search.m;
	plan->visit_cost = search.per_visit;
	plan->row_cost = HEAP_ROW_COST + rel->baserestrictcost.per_tuple;
	plan->distance_cost =
		omen_distance_cost(root, index_opclass(ordered->indexinfo)->type,
						   orderby->args, true);
	plan->table_cost =
		rel->pages * seq_page_cost_here +
		plan->rows * (cpu_tuple_cost + rel->baserestrictcost.per_tuple);
}

/* What filter keys tell, and what looking at them takes. */
static void
estimate_keys(PlannerInfo *root, RelOptInfo *rel, IndexPath *ordered,
			  const OmenFilterKeys *keys, OmenFilteredPlan *plan)
{
	plan->has_keys = keys->told != NIL;
	plan->key_selectivity = key_selectivity(root, rel, keys);
	plan->pass_cost = omen_pass_cost(root, ordered->indexinfo, plan->nodes);
}

/* The cheapest strategy, or the one that is asked for; its cost into *cost. */
static OmenStrategy
choose_strategy(const OmenFilteredPlan *plan, double *cost)
{
	bool		has_bitmap = plan->bitmap_cost >= 0;
	double		exact =
		has_bitmap ? plan->bitmap_cost + omen_exact_set_cost(plan, plan->tids)
				   : omen_whole_cost(plan);
	double		sweep = omen_sweep_cost(plan);
	double		graph = INFINITY;
	OmenStrategy strategy = (OmenStrategy) omen_filter_strategy;

	if (has_bitmap)
		graph = plan->bitmap_cost +
				omen_graph_cost(plan, omen_set_selectivity(plan, plan->tids));
	if (plan->has_keys)
		graph = Min(graph, omen_keys_cost(plan));
	if (strategy == OMEN_STRATEGY_AUTO)
	{
		/* what keys keep out need not be looked up in vain */
		strategy = plan->has_keys || graph < sweep ? OMEN_STRATEGY_GRAPH
												   : OMEN_STRATEGY_SWEEP;
		if (exact <= (strategy == OMEN_STRATEGY_GRAPH ? graph : sweep))
			strategy = OMEN_STRATEGY_EXACT;
	}
	/* without a set and keys there is nothing to walk by */
	else if (strategy == OMEN_STRATEGY_GRAPH && isinf(graph))
		graph = sweep;
	/* a walk may turn out to be in vain, after at most as much work */
	*cost = strategy == OMEN_STRATEGY_EXACT	  ? exact
			: strategy == OMEN_STRATEGY_GRAPH ? Min(graph, 2 * exact)
											  : Min(sweep, 2 * exact);
	return strategy;
}

/*
 * The first rows come when all that are wanted have been found; later ones
 * take as much each.  What the planner makes of it for as many rows as are
 * wanted is the cost of those.
 */
static void
set_costs(Path *path, const OmenFilteredPlan *plan, double cost,
		  QualCost *restrict_cost)
{
	double		per_row = cost / plan->wanted / 2;

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

static Plan *plan_filtered_path(PlannerInfo *root, RelOptInfo *rel,
								CustomPath *best_path, List *tlist,
								List *clauses, List *custom_plans);

static const CustomPathMethods path_methods = {
	.CustomName = "Omen Scan",
	.PlanCustomPath = plan_filtered_path,
};

static void
add_filtered_path(PlannerInfo *root, RelOptInfo *rel, IndexPath *ordered,
				  const OmenFilterKeys *keys, BitmapHeapPath *bitmap)
{
	CustomPath *path = makeNode(CustomPath);
	OmenFilteredPlan plan;
	List	   *spheres = find_spheres(rel, ordered);
	List	   *expressions;
	ListCell   *lc;
	double		cost;

	estimate(root, rel, ordered, &plan);
	plan.limit_known = wanted_expressions(root, &expressions);
	estimate_keys(root, rel, ordered, keys, &plan);
	expressions = list_concat(expressions, keys->clauses);
	if (spheres)
		estimate_spheres(root, rel, spheres, &plan);
	foreach (lc, spheres)
	{
		OpExpr	   *op = (OpExpr *) lfirst_node(RestrictInfo, lc)->clause;

		expressions = lappend(expressions, copyObject(lsecond(op->args)));
	}
	plan.tids = plan.rows;
	plan.bitmap_cost = -1;
	if (bitmap)
	{
		Selectivity part;

		cost_bitmap_tree_node(bitmap->bitmapqual, &plan.bitmap_cost, &part);
		plan.tids = Max(part * plan.rows, 1);
		plan.bitmap_cost = omen_set_cost(plan.bitmap_cost, plan.tids);
	}
	plan.strategy = choose_strategy(&plan, &cost);

	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.parallel_safe =
		rel->consider_parallel &&
		is_parallel_safe(root, (Node *) expressions) &&
		is_parallel_safe(root, (Node *) ordered->indexorderbys);
	path->path.rows = rel->rows;
	path->path.pathkeys = ordered->path.pathkeys;
	set_costs(&path->path, &plan, cost, &rel->baserestrictcost);
	path->path.startup_cost += rel->reltarget->cost.startup;
	path->path.total_cost += rel->reltarget->cost.startup +
							 rel->reltarget->cost.per_tuple * rel->rows;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_paths = bitmap ? list_make1(bitmap) : NIL;
	path->custom_private =
		list_make4(list_make1_oid(ordered->indexinfo->indexoid),
				   lcons(linitial(ordered->indexorderbys), expressions),
				   lcons_int(list_length(keys->clauses),
							 list_copy(keys->columns)),
				   omen_filtered_plan_pack(&plan));
	path->methods = &path_methods;
	add_path(rel, &path->path);
}

static Plan *
plan_filtered_path(PlannerInfo *root, RelOptInfo *rel, CustomPath *best_path,
				   List *tlist, List *clauses, List *custom_plans)
{
	CustomScan *scan = makeNode(CustomScan);

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = extract_actual_clauses(clauses, false);
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
	scan->custom_exprs = lsecond(best_path->custom_private);
	scan->custom_private = list_make3(linitial(best_path->custom_private),
									  lthird(best_path->custom_private),
									  lfourth(best_path->custom_private));
	scan->methods = &omen_filtered_scan_methods;
	return &scan->scan.plan;
}

/* ---------- the hook ---------- */

/* Is this a table whose rows are wanted by distance, not all, and filtered? */
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
		   rel->baserestrictinfo != NIL && root->query_pathkeys != NIL &&
		   omen_is_bounded(root) && has_index_of_ours(rel);
}

/* Take out plain scans of our indexes, which promise less. */
static void
remove_plain_paths(RelOptInfo *rel)
{
	ListCell   *lc;

	foreach (lc, rel->pathlist)
	{
		IndexPath  *path = lfirst(lc);

		if (IsA(path, IndexPath) && is_ours(path->indexinfo) &&
			path->path.param_info == NULL)
			rel->pathlist = foreach_delete_current(rel->pathlist, lc);
	}
}

static void
set_rel_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti,
				 RangeTblEntry *rte)
{
	IndexPath  *ordered;
	OmenFilterKeys keys = {NIL, NIL, NIL};

	if (previous_hook)
		previous_hook(root, rel, rti, rte);
	if (!is_candidate(root, rel, rte))
		return;
	ordered = find_ordered_path(root, rel, &keys);
	/* what a partial index's condition implies is no filter */
	if (ordered == NULL || ordered->indexinfo->indrestrictinfo == NIL)
		return;
	remove_plain_paths(rel);
	add_filtered_path(root, rel, ordered, &keys, find_bitmap_path(root, rel));
}

/* Have the planner ask us; once, from _PG_init. */
void
omen_filtered_path_init(void)
{
	previous_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = set_rel_pathlist;
}
