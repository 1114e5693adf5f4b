/*-------------------------------------------------------------------------
 *
 * cost.c
 *	  What a scan of an index costs, for the planner.
 *
 * A scan pays for its search before the first row, and then a heap fetch and a
 * distance for each row.  That is worth it only if few rows are wanted: without
 * an ORDER BY on the distance, or without a bound on the number of rows, the
 * path is priced so that nothing prefers it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "compat.h"
#include "hnsw/distance_cost.h"
#include "hnsw/hnsw.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "tuning.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

/* The cost of reading pages, of which as many are cached as can be. */
static double
page_cost(PlannerInfo *root, IndexOptInfo *index, double visits)
{
	double		pages = Max(index->pages, 1);
	double uncached = pages / (pages + Max((double) effective_cache_size, 1));
	double		fetched = Min(visits, pages);
	double		random_page_cost_here;

	get_tablespace_page_costs(index->reltablespace, &random_page_cost_here,
							  NULL);
	return fetched * uncached * random_page_cost_here;
}

static void
read_parameters(Oid indexoid, OmenSearchCost *cost, double *code_bytes)
{
	Relation	rel = index_open(indexoid, NoLock);
	OmenGraphShape shape =
		omen_graph_shape(omen_opclass(rel), Max(omen_vector_typmod(rel), 1));

	cost->m = omen_options_m(rel);
	cost->opclass = omen_opclass(rel);
	cost->is_sketched = omen_metrics[shape.metric].is_sketched;
	*code_bytes = (double) omen_storage_bytes(
		omen_options_storage(rel, shape.metric, shape.dims), shape.dims);
	index_close(rel, NoLock);
}

/* What searches of an index, or of a part of its nodes, cost. */
void
omen_search_cost_init(OmenSearchCost *cost, IndexOptInfo *index, double nodes)
{
	double		code_bytes;

	cost->index = index;
	cost->nodes = Max(nodes, 1.0);
	read_parameters(index->indexoid, cost, &code_bytes);
	cost->per_visit =
		OMEN_VISIT_COST * cpu_index_tuple_cost +
		cpu_operator_cost * code_bytes / OMEN_CODE_BYTES_PER_OPERATOR;
}

/* The cost of one search. */
static double
search_cost(PlannerInfo *root, const OmenSearchCost *cost, double ef)
{
	double		visits = omen_expected_visits(cost->nodes, cost->m, ef);

	return visits * cost->per_visit + page_cost(root, cost->index, visits);
}

/* The cost of a look at each of the nodes, in the order of pages. */
double
omen_full_scan_cost(PlannerInfo *root, const IndexOptInfo *index, double nodes)
{
	double		pages = Max(index->pages, 1);
	double uncached = pages / (pages + Max((double) effective_cache_size, 1));
	double		seq_page_cost_here;

	get_tablespace_page_costs(index->reltablespace, NULL, &seq_page_cost_here);
	return pages * uncached * seq_page_cost_here +
		   Max(nodes, 1.0) * OMEN_FULL_SCAN_NODE_COST * cpu_index_tuple_cost;
}

/*
 * Are some rows wanted, and not all?  A LIMIT says so, or a cursor, but not if
 * something is computed from all rows first.  (The subquery of ANY or ALL is
 * planned for half of its rows, without any promise.)
 */
bool
omen_is_bounded(PlannerInfo *root)
{
	const Query *parse = root->parse;

	if (parse->hasAggs || parse->hasWindowFuncs || parse->groupClause != NIL ||
		parse->groupingSets != NIL)
		return false;
	if (parse->limitCount == NULL && root->query_level > 1 &&
		root->tuple_fraction == 0.5)
		return false;
	return root->limit_tuples >= 0 || root->tuple_fraction > 0;
}

/* Does a clause say which value a leading column has, the n-th from 0 on? */
bool
omen_tells_value(const IndexOptInfo *index, int column, Node *clause)
{
	Oid			left;
	Oid			right;
	int			strategy;

	if (IsA(clause, NullTest))
		return ((NullTest *) clause)->nulltesttype == IS_NULL;
	if (!IsA(clause, OpExpr))
		return false;
	get_op_opfamily_properties(((OpExpr *) clause)->opno,
							   index->opfamily[column], false, &strategy, &left,
							   &right);
	return strategy == OMEN_KEY_EQUAL &&
		   omen_prefix_is_comparable(index->opcintype[column], right);
}

/* Does a clause say that it is one of some? */
static bool
tells_some(const IndexOptInfo *index, int column, Node *clause)
{
	Oid			left;
	Oid			right;
	int			strategy;

	if (!IsA(clause, ScalarArrayOpExpr) ||
		!((ScalarArrayOpExpr *) clause)->useOr)
		return false;
	get_op_opfamily_properties(((ScalarArrayOpExpr *) clause)->opno,
							   index->opfamily[column], false, &strategy, &left,
							   &right);
	return strategy == OMEN_KEY_EQUAL &&
		   omen_prefix_is_comparable(index->opcintype[column], right);
}

/*
 * The part of the rows that is in the groups that a path is about; or 0.
 * *is_some: there may be several of these.
 */
static double
group_part(PlannerInfo *root, const IndexPath *path, int leading, bool *is_some)
{
	const IndexOptInfo *index = path->indexinfo;
	List	   *told = NIL;
	ListCell   *lc;
	ListCell   *lq;

	*is_some = false;
	for (int column = 0; column < leading; column++)
	{
		bool		is_told = false;
		bool		is_one_of = false;

		foreach (lc, path->indexclauses)
		{
			IndexClause *clause = lfirst_node(IndexClause, lc);

			foreach (lq, clause->indexquals)
			{
				RestrictInfo *qual = lfirst_node(RestrictInfo, lq);

				if (clause->indexcol != column)
					continue;
				told = lappend(told, qual);
				is_told |=
					omen_tells_value(index, column, (Node *) qual->clause);
				is_one_of |= tells_some(index, column, (Node *) qual->clause);
			}
		}
		if (!is_told && !is_one_of)
			return 0;
		*is_some |= !is_told;
	}
	return Max(clauselist_selectivity(root, told, index->rel->relid, JOIN_INNER,
									  NULL),
			   OMEN_TINY_PART);
}

/* How many columns of an index come before the vector. */
int
omen_leading_columns(const IndexOptInfo *index)
{
	Relation	rel = index_open(index->indexoid, NoLock);
	int			leading = omen_index_columns(rel).vector - 1;

	index_close(rel, NoLock);
	return leading;
}

/* No path like this is ever wanted. */
static void
price_unwanted(IndexPath *path, Cost *startup, Cost *total)
{
	*startup = OMEN_UNWANTED_COST;
	*total = OMEN_UNWANTED_COST;
	omen_disable_path(&path->path);
}

/* Are more rows wanted than sketches give?  Then all are looked at. */
static bool
looks_at_all_rows(PlannerInfo *root, const OmenSearchCost *search, double ef)
{
	double		wanted = root->limit_tuples >= 0 ? root->limit_tuples
					: root->tuple_fraction < 1
						? root->tuple_fraction * search->nodes
						: root->tuple_fraction;

	return search->is_sketched && !omen_scans_all_nodes(search->nodes, ef) &&
		   wanted > omen_rows_by_sketches(ef);
}

/*
 * The cost until a first row comes, of a part of the index: a group, all of
 * one, or some groups, of which all nodes are looked at.
 */
static double
startup_cost(PlannerInfo *root, const IndexOptInfo *index,
			 const OmenSearchCost *search, double part, bool is_some,
			 double per_distance)
{
	double		ef = omen_ef_search_of_oid(index->indexoid);
	double		all = part * omen_full_scan_cost(root, index, index->tuples);
	double		cost;

	if (is_some)
		return search->nodes * search->per_visit + all;
	cost = search_cost(root, search, ef);
	if (looks_at_all_rows(root, search, ef))
		cost += all + search->nodes * (per_distance + cpu_tuple_cost);
	return cost;
}

void
omen_hnsw_cost_estimate(PlannerInfo *root, IndexPath *path, double loop_count,
						Cost *startup, Cost *total, Selectivity *selectivity,
						double *correlation, double *pages)
{
	IndexOptInfo *index = path->indexinfo;
	int			leading = omen_leading_columns(index);
	double		part = 1.0;
	bool		is_some = false;
	OmenSearchCost search;
	QualCost	distance_cost;

	*selectivity = 1.0;
	*correlation = 0.0;
	*pages = index->pages;
	/* in a join an order is of no use, and rows may be lacking for its sake */
	if (path->indexorderbys == NIL || path->path.param_info != NULL ||
		!omen_is_bounded(root))
	{
		price_unwanted(path, startup, total);
		return;
	}
	/* without all leading columns it would be a look at everything */
	if (leading > 0)
	{
		part = group_part(root, path, leading, &is_some);
		if (part == 0)
		{
			price_unwanted(path, startup, total);
			return;
		}
		*selectivity = part;
	}

	omen_search_cost_init(&search, index, index->tuples * part);
	cost_qual_eval(&distance_cost, path->indexorderbys, root);
	distance_cost.per_tuple +=
		omen_untold_cost(root, search.opclass,
						 linitial_node(OpExpr, path->indexorderbys));

	*startup = startup_cost(root, index, &search, part, is_some,
							distance_cost.per_tuple) +
			   distance_cost.startup;
	*total = *startup +
			 search.nodes * OMEN_PLAIN_ROWS_PER_RESULT *
				 (search.per_visit + distance_cost.per_tuple + cpu_tuple_cost);
}
