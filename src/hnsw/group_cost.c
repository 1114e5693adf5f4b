/*-------------------------------------------------------------------------
 *
 * group_cost.c
 *	  Which groups of an index a query asks for, for the planner, and how large
 *	  they are as far as is known.
 *
 * Statistics know the part of a table's rows that have some values.  The index
 * knows the very groups, where the values are known when the query is planned:
 * as constants, or as what stable functions give by now.  But what EXPLAIN says
 * depends on that, so a user who may not see a row would learn how many others
 * there are like it.  Therefore the index is asked only for whoever may select
 * all rows of the table, which is where PostgreSQL uses statistics whatever the
 * operator; or if row-level security itself asks for these groups, by all that
 * its policies say.  PostgreSQL goes further, and takes statistics where the
 * operator is leakproof; these tell of the few most common values only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "compat.h"
#include "hnsw/group_cost.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "tuning.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

/* How many columns of an index come before the vector. */
int
omen_leading_columns(const IndexOptInfo *index)
{
	Relation	rel = index_open(index->indexoid, NoLock);
	int			leading = omen_index_columns(rel).vector - 1;

	index_close(rel, NoLock);
	return leading;
}

/* ---------- what clauses tell ---------- */

/* Is an operator a leading column's "=", with something comparable? */
static bool
is_equality(const IndexOptInfo *index, int column, Oid opno)
{
	Oid			left;
	Oid			right;
	int			strategy;

	if (!op_in_opfamily(opno, index->opfamily[column]))
		return false;
	get_op_opfamily_properties(opno, index->opfamily[column], false, &strategy,
							   &left, &right);
	return strategy == OMEN_KEY_EQUAL &&
		   omen_prefix_is_comparable(index->opcintype[column], right);
}

/* Does a clause say which value a leading column has, the n-th from 0 on? */
bool
omen_tells_value(const IndexOptInfo *index, int column, Node *clause)
{
	if (IsA(clause, NullTest))
		return ((NullTest *) clause)->nulltesttype == IS_NULL;
	return IsA(clause, OpExpr) &&
		   is_equality(index, column, ((OpExpr *) clause)->opno);
}

/* Does a clause say that it is one of some? */
bool
omen_tells_some(const IndexOptInfo *index, int column, Node *clause)
{
	return IsA(clause, ScalarArrayOpExpr) &&
		   ((ScalarArrayOpExpr *) clause)->useOr &&
		   is_equality(index, column, ((ScalarArrayOpExpr *) clause)->opno);
}

/* The clauses on leading columns that PostgreSQL has found for a path. */
void
omen_groups_of_path(const IndexPath *path, int leading, OmenGroupClauses *told)
{
	ListCell   *lc;
	ListCell   *lq;

	memset(told, 0, sizeof(OmenGroupClauses));
	foreach (lc, path->indexclauses)
	{
		IndexClause *clause = lfirst_node(IndexClause, lc);

		if (clause->indexcol >= leading)
			continue;
		if (clause->lossy)
			told->lossy = lappend(told->lossy, clause->rinfo);
		foreach (lq, clause->indexquals)
		{
			told->infos = lappend(told->infos, clause->rinfo);
			told->clauses =
				lappend(told->clauses, lfirst_node(RestrictInfo, lq)->clause);
			told->columns = lappend_int(told->columns, clause->indexcol + 1);
		}
	}
}

/*
 * How many values clauses leave to a leading column; 0 if that may be any.
 */
static double
count_values(PlannerInfo *root, const IndexOptInfo *index, int column,
			 const OmenGroupClauses *told)
{
	double		count = 0;

	for (int i = 0; i < list_length(told->clauses); i++)
	{
		Node	   *clause = list_nth(told->clauses, i);

		if (list_nth_int(told->columns, i) != column + 1)
			continue;
		if (omen_tells_value(index, column, clause))
			return 1;
		if (omen_tells_some(index, column, clause))
		{
			double		some = omen_estimate_array_length(
				root, lsecond(((ScalarArrayOpExpr *) clause)->args));

			count = count == 0 ? Max(some, 1) : Min(count, Max(some, 1));
		}
	}
	return count;
}

/* ---------- may it be told ---------- */

/* The table's columns that the leading columns are; NULL for all. */
static Bitmapset *
table_columns(const IndexOptInfo *index, int leading)
{
	Bitmapset  *columns = NULL;

	for (int i = 0; i < leading; i++)
	{
		/* an expression may be of any */
		if (index->indexkeys[i] == 0)
			return NULL;
		columns =
			bms_add_member(columns, index->indexkeys[i] -
										FirstLowInvalidHeapAttributeNumber);
	}
	return columns;
}

/*
 * Is a qual one of the clauses, so that no group is asked for that it keeps out
 * (keys/prefix_scan.c)?  Of a LIKE the clauses say only how its pattern begins.
 */
static bool
is_clause_of(const OmenGroupClauses *told, const Node *qual)
{
	ListCell   *lc;

	foreach (lc, told->infos)
	{
		const RestrictInfo *info = lfirst_node(RestrictInfo, lc);

		if (equal(info->clause, qual))
			return !list_member_ptr(told->lossy, info);
	}
	return false;
}

/*
 * Does row-level security consist of nothing but clauses that ask for the
 * groups?  Then these are what the user may see.
 */
static bool
is_own_policy(PlannerInfo *root, const RelOptInfo *rel,
			  const OmenGroupClauses *told)
{
	const RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	ListCell   *lc;
	ListCell   *lq;

	/* a part of another table has that one's policies */
	if (rel->reloptkind != RELOPT_BASEREL || rte->securityQuals == NIL)
		return false;
	foreach (lc, rte->securityQuals)
	{
		foreach (lq, castNode(List, lfirst(lc)))
		{
			if (!is_clause_of(told, lfirst(lq)))
				return false;
		}
	}
	return true;
}

/* May this be a part of a view that is to keep its rows from its users? */
static bool
is_behind_barrier(const PlannerInfo *root)
{
	ListCell   *lc;

	for (root = root->parent_root; root != NULL; root = root->parent_root)
	{
		foreach (lc, root->parse->rtable)
		{
			const RangeTblEntry *rte = lfirst(lc);

			if (rte->rtekind == RTE_SUBQUERY && rte->security_barrier)
				return true;
		}
	}
	return false;
}

/* May whoever asks be told how large the groups are? */
static bool
may_be_told(PlannerInfo *root, const IndexOptInfo *index, int leading,
			const OmenGroupClauses *told)
{
	return !is_behind_barrier(root) &&
		   (omen_all_rows_selectable(root, index->rel->relid,
									 table_columns(index, leading)) ||
			is_own_policy(root, index->rel, told));
}

/* ---------- the groups ---------- */

/* What the index knows of the groups, if the user may be told. */
static void
read_groups(PlannerInfo *root, const IndexOptInfo *index, int leading,
			const OmenGroupClauses *told, OmenGroupsAsked *asked)
{
	double		scale;

	if (!may_be_told(root, index, leading, told) ||
		!omen_group_sizes_read(root, index->indexoid, told, &asked->sizes))
		return;
	scale = asked->sizes.asked / Max(asked->sizes.looked_up, 1);
	asked->nodes = 0;
	for (uint32 i = 0; i < asked->sizes.count; i++)
		asked->nodes += scale * asked->sizes.nodes[i];
	asked->count = Max(scale * asked->sizes.count, 1);
	asked->is_any = false;
}

/*
 * Find out what is known of the groups that clauses ask for, of an index that
 * has some.
 */
void
omen_groups_asked(PlannerInfo *root, const IndexOptInfo *index, int leading,
				  const OmenGroupClauses *told, OmenGroupsAsked *asked)
{
	double		part;

	memset(asked, 0, sizeof(OmenGroupsAsked));
	asked->count = 1;
	for (int column = 0; column < leading; column++)
		asked->count *= count_values(root, index, column, told);
	asked->is_told = asked->count > 0;
	if (!asked->is_told)
		return;
	part = clauselist_selectivity(root, told->infos, index->rel->relid,
								  JOIN_INNER, NULL);
	asked->part = Max(part, OMEN_TINY_PART);
	asked->nodes = asked->part * index->tuples;
	asked->is_any = asked->count > OMEN_MAX_ASKED;
	read_groups(root, index, leading, told, asked);
}
