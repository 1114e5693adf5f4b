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
#include "hnsw/group_cost.h"
#include "hnsw/hnsw.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "tuning.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

/* The part of an index's pages that has to be read: as many are cached as can
 * be.
 */
static double
uncached_part(const IndexOptInfo *index)
{
	double		pages = Max(index->pages, 1);

	return pages / (pages + Max((double) effective_cache_size, 1));
}

/* How many pages so many of an index's nodes are on. */
static double
pages_of_nodes(const IndexOptInfo *index, double nodes)
{
	double		pages = Max(index->pages, 1);

	return pages * Min(nodes / Max(index->tuples, 1), 1);
}

/* The cost of reading pages here and there, of those that so many nodes are on.
 */
static double
page_cost(const IndexOptInfo *index, double visits, double nodes)
{
	double		fetched = Min(visits, Max(pages_of_nodes(index, nodes), 1));
	double		random_page_cost_here;

	get_tablespace_page_costs(index->reltablespace, &random_page_cost_here,
							  NULL);
	return fetched * uncached_part(index) * random_page_cost_here;
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

/* The cost of one search, of so many nodes. */
static double
search_cost(const OmenSearchCost *cost, double nodes, double ef)
{
	double		visits = omen_expected_visits(nodes, cost->m, ef);

	return visits * cost->per_visit + page_cost(cost->index, visits, nodes);
}

/* The cost of finding a group. */
static double
lookup_cost(const OmenSearchCost *cost)
{
	return OMEN_GROUP_LOOKUP_PAGES * cost->per_visit +
		   page_cost(cost->index, OMEN_GROUP_LOOKUP_PAGES, cost->index->tuples);
}

/*
 * The cost of a search of each of the groups that are asked for: of each by
 * itself where they are known, else as if they were of one size.
 */
static double
groups_cost(const OmenSearchCost *cost, const OmenGroupsAsked *asked, double ef)
{
	const OmenGroupSizes *sizes = &asked->sizes;
	double		lookups = asked->count * lookup_cost(cost);
	double		found = 0;

	if (sizes->nodes == NULL)
		return lookups + asked->count *
							 search_cost(cost, asked->nodes / asked->count, ef);
	for (uint32 i = 0; i < sizes->count; i++)
		found += search_cost(cost, sizes->nodes[i], ef);
	return lookups + found * asked->count / Max(sizes->count, 1);
}

/* The cost of a look at so many of an index's nodes, in the order of pages. */
double
omen_full_scan_cost(const IndexOptInfo *index, double nodes)
{
	double		seq_page_cost_here;

	get_tablespace_page_costs(index->reltablespace, NULL, &seq_page_cost_here);
	return pages_of_nodes(index, nodes) * uncached_part(index) *
			   seq_page_cost_here +
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
 * The cost until a first row comes: of a search of an index, or of some groups
 * of one.
 */
static double
startup_cost(PlannerInfo *root, const OmenSearchCost *search,
			 const OmenGroupsAsked *asked, double per_distance)
{
	double		ef = omen_ef_search_of_oid(search->index->indexoid);
	double		all = omen_full_scan_cost(search->index, search->nodes);
	double		cost;

	/* nobody looks for so many groups */
	if (asked && asked->is_any)
		return omen_full_scan_cost(search->index, search->index->tuples) +
			   search->index->tuples * search->per_visit;
	cost = asked ? groups_cost(search, asked, ef)
				 : search_cost(search, search->nodes, ef);
	if (looks_at_all_rows(root, search, ef))
		cost += all + search->nodes * (per_distance + cpu_tuple_cost);
	return cost;
}

/*
 * Price a path that is wanted; of some groups if `asked` is not NULL.  How many
 * rows it gives PostgreSQL knows by statistics, so it is by these that they
 * cost something each, unless there are not as many.
 */
static void
price(PlannerInfo *root, const IndexPath *path, const OmenGroupsAsked *asked,
	  Cost *startup, Cost *total, Selectivity *selectivity)
{
	IndexOptInfo *index = path->indexinfo;
	OmenSearchCost search;
	QualCost	distance_cost;
	double		rows = index->tuples;

	omen_search_cost_init(&search, index, asked ? asked->nodes : rows);
	cost_qual_eval(&distance_cost, path->indexorderbys, root);
	distance_cost.per_tuple +=
		omen_untold_cost(root, search.opclass,
						 linitial_node(OpExpr, path->indexorderbys));
	if (asked)
	{
		rows = Min(asked->part * rows, search.nodes);
		*selectivity = Max(rows / Max(index->tuples, 1), OMEN_TINY_PART);
	}
	*startup = startup_cost(root, &search, asked, distance_cost.per_tuple) +
			   distance_cost.startup;
	*total = *startup +
			 Max(rows, 1.0) * OMEN_PLAIN_ROWS_PER_RESULT *
				 (search.per_visit + distance_cost.per_tuple + cpu_tuple_cost);
}

void
omen_hnsw_cost_estimate(PlannerInfo *root, IndexPath *path, double loop_count,
						Cost *startup, Cost *total, Selectivity *selectivity,
						double *correlation, double *pages)
{
	IndexOptInfo *index = path->indexinfo;
	int			leading = omen_leading_columns(index);
	OmenGroupClauses told;
	OmenGroupsAsked asked;

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
	if (leading == 0)
	{
		price(root, path, NULL, startup, total, selectivity);
		return;
	}
	omen_groups_of_path(path, leading, &told);
	omen_groups_asked(root, index, leading, &told, &asked);
	/* without all leading columns it would be a look at everything */
	if (asked.is_told)
		price(root, path, &asked, startup, total, selectivity);
	else
		price_unwanted(path, startup, total);
}
