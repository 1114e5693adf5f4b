/*-------------------------------------------------------------------------
 *
 * semi_join.c
 *	  EXISTS and IN beside an order by distance and a LIMIT.
 *
 * PostgreSQL makes a semi join of them, and an anti join of NOT EXISTS.  A scan
 * in the order of distance below a join does not know how many of its rows the
 * join throws away, so it cannot promise as many as there are.  Two plans can:
 *
 *	- the join without such a scan, all of whose rows are sorted.  It is the
 *	  better one where few rows match, and other indexes find them;
 *	- a scan of ours with EXISTS or IN as a part of its WHERE, evaluated on rows
 *	  as they are met: by a hash table where the subquery does not depend on the
 *	  row, else by running it.
 *
 * So such a query is planned twice, and the cheaper plan taken.  For the second
 * the subqueries are hidden from the planner, which else would join them, by
 * "IS TRUE", which makes no difference in a WHERE; the node does without it
 * again.  How many rows match is known from the first, which estimates a join;
 * of a subquery in a WHERE the planner assumes one half.
 *
 * The first statement of a session may be planned before this library is there
 * to plan it twice; it gets the join.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amapi.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "filter/plan.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "planner/semi_join.h"
#include "tuning.h"
#include "utils/catcache.h"
#include "utils/syscache.h"

static planner_hook_type previous_planner = NULL;
static create_upper_paths_hook_type previous_upper_paths = NULL;

/* What the first plan has told of a table whose rows are semi-joined. */
typedef struct Matching
{
	Oid			relid;
	double		part;			/* of its rows, that match */
} Matching;

/* What is known of the statement that is being planned twice. */
typedef struct Planning
{
	List	   *matching;		/* Matching */
} Planning;

/* NULL if none is. */
static Planning *planning = NULL;

/* ---------- which queries ---------- */

/* Does an operator order by distance in an operator family of ours? */
static bool
is_distance(Oid operator)
{
	Oid			am = get_index_am_oid("omen_hnsw", true);
	CatCList *list = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(operator));
	bool		found = false;

	for (int i = 0; i < list->n_members && !found; i++)
	{
		Form_pg_amop amop = (Form_pg_amop) GETSTRUCT(&list->members[i]->tuple);

		found = amop->amopmethod == am && amop->amoppurpose == AMOP_ORDER;
	}
	ReleaseSysCacheList(list);
	return OidIsValid(am) && found;
}

/* Is this EXISTS, NOT EXISTS or IN, of which a join would be made? */
static bool
becomes_join(Node *clause)
{
	if (is_notclause(clause))
	{
		Node	   *arg = (Node *) get_notclausearg((Expr *) clause);

		return IsA(arg, SubLink) &&
			   ((SubLink *) arg)->subLinkType == EXISTS_SUBLINK;
	}
	return IsA(clause, SubLink) &&
		   (((SubLink *) clause)->subLinkType == EXISTS_SUBLINK ||
			((SubLink *) clause)->subLinkType == ANY_SUBLINK);
}

/* Does one of the clauses that AND joins become a join? */
static bool
has_join_in(Node *quals)
{
	ListCell   *lc;

	if (quals == NULL)
		return false;
	if (!is_andclause(quals))
		return becomes_join(quals);
	foreach (lc, ((BoolExpr *) quals)->args)
	{
		if (has_join_in(lfirst(lc)))
			return true;
	}
	return false;
}

/* Are its rows those of one table, so many of them, by distance? */
static bool
is_limited_order(const Query *query)
{
	RangeTblEntry *rte;
	Expr	   *first;

	if (query->commandType != CMD_SELECT || query->limitCount == NULL ||
		query->sortClause == NIL || query->hasAggs || query->hasWindowFuncs ||
		query->hasTargetSRFs || query->groupClause != NIL ||
		query->groupingSets != NIL || query->distinctClause != NIL ||
		query->setOperations != NULL ||
		list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), RangeTblRef))
		return false;
	rte =
		rt_fetch(linitial_node(RangeTblRef, query->jointree->fromlist)->rtindex,
				 query->rtable);
	first = (Expr *) get_sortgroupclause_expr(linitial_node(SortGroupClause,
															query->sortClause),
											  query->targetList);
	return rte->rtekind == RTE_RELATION && IsA(first, OpExpr) &&
		   is_distance(((OpExpr *) first)->opno);
}

static bool
is_ours(const Query *query)
{
	return query->hasSubLinks && has_join_in(query->jointree->quals) &&
		   is_limited_order(query);
}

/* Is it or is there below a query of this kind? */
static bool
contains_ours(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return is_ours((Query *) node) ||
			   query_tree_walker((Query *) node, contains_ours, context, 0);
	return expression_tree_walker(node, contains_ours, context);
}

/* ---------- the two plans ---------- */

/* Wrap what would become a join; AND is gone through. */
static Node *
hide_in(Node *quals)
{
	ListCell   *lc;

	if (quals == NULL)
		return NULL;
	if (becomes_join(quals))
	{
		BooleanTest *test = makeNode(BooleanTest);

		test->arg = (Expr *) quals;
		test->booltesttype = IS_TRUE;
		test->location = -1;
		return (Node *) test;
	}
	if (is_andclause(quals))
	{
		foreach (lc, ((BoolExpr *) quals)->args)
			lfirst(lc) = hide_in(lfirst(lc));
	}
	return quals;
}

/* Hide subqueries in a query that may be changed, and in those below it. */
static bool
hide_sublinks(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		if (is_ours(query))
			query->jointree->quals = hide_in(query->jointree->quals);
		return query_tree_walker(query, hide_sublinks, context, 0);
	}
	return expression_tree_walker(node, hide_sublinks, context);
}

/* Clauses of a plan without what hid them. */
List *
omen_unhide_sublinks(List *quals)
{
	List	   *shown = NIL;
	ListCell   *lc;

	foreach (lc, quals)
	{
		BooleanTest *test = lfirst(lc);

		if (IsA(test, BooleanTest) && test->booltesttype == IS_TRUE &&
			contain_subplans((Node *) test->arg))
			shown = lappend(shown, test->arg);
		else
			shown = lappend(shown, test);
	}
	return shown;
}

static PlannedStmt *
plan_once(Query *query, const char *string, int options, ParamListInfo params)
{
	if (previous_planner)
		return previous_planner(query, string, options, params);
	return standard_planner(query, string, options, params);
}

static PlannedStmt *
plan_twice(Query *query, const char *string, int options, ParamListInfo params)
{
	Query	   *hidden = copyObject(query);
	PlannedStmt *joined = plan_once(query, string, options, params);
	PlannedStmt *filtered;

	(void) hide_sublinks((Node *) hidden, NULL);
	filtered = plan_once(hidden, string, options, params);
	return filtered->planTree->total_cost < joined->planTree->total_cost
			   ? filtered
			   : joined;
}

static PlannedStmt *
plan_statement(Query *query, const char *string, int options,
			   ParamListInfo params)
{
	Planning   *outer = planning;
	Planning	mine = {NIL};
	bool is_twice = omen_enable_scan && contains_ours((Node *) query, NULL);
	PlannedStmt *volatile result;

	if (!is_twice && outer == NULL)
		return plan_once(query, string, options, params);
	/* planning may run functions, whose statements are planned meanwhile */
	planning = is_twice ? &mine : NULL;
	PG_TRY();
	{
		result = is_twice ? plan_twice(query, string, options, params)
						  : plan_once(query, string, options, params);
	}
	PG_FINALLY();
	{
		planning = outer;
	}
	PG_END_TRY();
	return result;
}

/* ---------- what the planner asks meanwhile ---------- */

/*
 * The table on the left side of all joins, if they are semi joins and anti
 * joins only; 0 if there are others or none.
 */
static Index
left_of_semi_joins(const Query *parse)
{
	Node	   *node = (Node *) parse->jointree;
	bool		any = false;

	for (;;)
	{
		if (IsA(node, FromExpr) &&
			list_length(((FromExpr *) node)->fromlist) == 1)
			node = linitial(((FromExpr *) node)->fromlist);
		else if (IsA(node, JoinExpr) &&
				 (((JoinExpr *) node)->jointype == JOIN_SEMI ||
				  ((JoinExpr *) node)->jointype == JOIN_ANTI))
		{
			node = ((JoinExpr *) node)->larg;
			any = true;
		}
		else
			break;
	}
	return any && IsA(node, RangeTblRef) ? ((RangeTblRef *) node)->rtindex : 0;
}

/* The table of the query that a relation is, or is a part of. */
static Index
table_of(const RelOptInfo *rel)
{
	if (rel->top_parent_relids)
		return (Index) bms_singleton_member(rel->top_parent_relids);
	return rel->relid;
}

/*
 * Does a LIMIT count rows of this relation that semi joins have left?  Then a
 * scan in the order of distance may give too few.
 */
bool
omen_is_semi_joined(PlannerInfo *root, RelOptInfo *rel)
{
	return root->parse->limitCount != NULL &&
		   left_of_semi_joins(root->parse) == table_of(rel);
}

/*
 * The part of a relation's rows that the hidden subqueries let pass, as the
 * first plan has estimated it; negative if there is none.
 */
double
omen_matching_part(PlannerInfo *root, RelOptInfo *rel)
{
	Oid			relid = planner_rt_fetch(table_of(rel), root)->relid;
	ListCell   *lc;

	foreach (lc, planning ? planning->matching : NIL)
	{
		Matching   *known = lfirst(lc);

		if (known->relid == relid)
			return known->part;
	}
	return -1;
}

/* Remember which part of a table's rows a join leaves. */
static void
note_matching(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel,
			  RelOptInfo *output_rel, void *extra)
{
	Index		left;
	Matching   *known;

	if (previous_upper_paths)
		previous_upper_paths(root, stage, input_rel, output_rel, extra);
	if (stage != UPPERREL_ORDERED || planning == NULL ||
		root->parse->limitCount == NULL)
		return;
	left = left_of_semi_joins(root->parse);
	if (left == 0 || root->simple_rel_array[left] == NULL)
		return;
	known = palloc(sizeof(Matching));
	known->relid = planner_rt_fetch(left, root)->relid;
	known->part =
		Min(input_rel->rows / Max(root->simple_rel_array[left]->rows, 1), 1);
	planning->matching = lappend(planning->matching, known);
}

/* Have the planner ask us; once, from _PG_init. */
void
omen_semi_join_init(void)
{
	previous_planner = planner_hook;
	planner_hook = plan_statement;
	previous_upper_paths = create_upper_paths_hook;
	create_upper_paths_hook = note_matching;
}
