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
 * to plan it twice; it gets the join.  Hooks of others below ours see such a
 * statement planned twice.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amapi.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_class.h"
#include "compat.h"
#include "filter/plan.h"
#include "hnsw/hnsw.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "planner/peer_plan.h"
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
	PlannerInfo *user;			/* of the second plan, that has been told */
} Matching;

/* The statement that is being planned. */
typedef struct Planning
{
	List	   *relids;			/* tables for whose sake it is planned twice */
	bool		is_joining;		/* the first plan is being made */
	List	   *matching;		/* Matching, in the order of queries */
	bool		meets_peers;	/* distances of another library may be known */
} Planning;

/* NULL outside; and while a statement is planned that the library came to. */
static Planning *planning = NULL;

/* ---------- which queries ---------- */

/* Does an operator order by distance in an operator family of ours? */
static bool
is_distance(Oid operator)
{
	CatCList *list = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(operator));
	bool		found = false;

	for (int i = 0; i < list->n_members && !found; i++)
	{
		Form_pg_amop amop = (Form_pg_amop) GETSTRUCT(&list->members[i]->tuple);

		found = amop->amoppurpose == AMOP_ORDER &&
				omen_is_access_method(amop->amopmethod);
	}
	ReleaseSysCacheList(list);
	return found;
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

/* The only entry of a query's FROM; NULL if there are more, or joins. */
static RangeTblEntry *
only_entry(const Query *query)
{
	Node	   *from;

	if (list_length(query->jointree->fromlist) != 1)
		return NULL;
	from = linitial(query->jointree->fromlist);
	return IsA(from, RangeTblRef)
			   ? rt_fetch(((RangeTblRef *) from)->rtindex, query->rtable)
			   : NULL;
}

/* Does a query give rows of its FROM, each once, but for LIMIT? */
static bool
gives_rows(const Query *query)
{
	return query->commandType == CMD_SELECT && !query->hasAggs &&
		   !query->hasWindowFuncs && !query->hasTargetSRFs &&
		   query->groupClause == NIL && query->groupingSets == NIL &&
		   query->distinctClause == NIL && query->setOperations == NULL;
}

/* Is this a view, or a subquery, that the planner makes a part of the query? */
static bool
is_pulled_up(const RangeTblEntry *rte)
{
	const Query *query = rte->subquery;

	return rte->rtekind == RTE_SUBQUERY && !rte->security_barrier &&
		   gives_rows(query) && query->limitCount == NULL &&
		   query->limitOffset == NULL && query->sortClause == NIL &&
		   query->rowMarks == NIL && query->cteList == NIL;
}

/* Are rows wanted by distance, and so many of them? */
static bool
is_limited_order(const Query *query)
{
	Expr	   *first;

	if (!gives_rows(query) || query->limitCount == NULL ||
		query->sortClause == NIL)
		return false;
	first = (Expr *) get_sortgroupclause_expr(linitial_node(SortGroupClause,
															query->sortClause),
											  query->targetList);
	return IsA(first, OpExpr) && is_distance(((OpExpr *) first)->opno);
}

/*
 * The table whose rows a query gives so many of, by distance, with a subquery
 * that would become a join in its WHERE, or in that of a view of the table;
 * invalid if the query is of another kind.
 */
static Oid
table_to_filter(Query *query)
{
	bool		any = false;

	if (!is_limited_order(query))
		return InvalidOid;
	for (;;)
	{
		RangeTblEntry *rte = only_entry(query);

		any |= query->hasSubLinks && has_join_in(query->jointree->quals);
		if (rte == NULL)
			return InvalidOid;
		if (rte->rtekind == RTE_RELATION)
			return any ? rte->relid : InvalidOid;
		if (!is_pulled_up(rte))
			return InvalidOid;
		query = rte->subquery;
	}
}

/* May there be such a query?  A quick no for the most. */
static bool
may_be_filtered(const Query *query)
{
	ListCell   *lc;

	if (query->hasSubLinks || query->cteList != NIL)
		return true;
	foreach (lc, query->rtable)
	{
		if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_SUBQUERY)
			return true;
	}
	return false;
}

/* Collect the tables of such queries, of this one and of those below it. */
static bool
collect_tables(Node *node, void *context)
{
	List	  **relids = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Oid			relid = table_to_filter((Query *) node);

		if (OidIsValid(relid))
			*relids = lappend_oid(*relids, relid);
		return query_tree_walker((Query *) node, collect_tables, context, 0);
	}
	return expression_tree_walker(node, collect_tables, context);
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

/* The same in the WHERE of a query, and of views that its rows come from. */
static void
hide_in_query(Query *query)
{
	for (;;)
	{
		RangeTblEntry *rte = only_entry(query);

		query->jointree->quals = hide_in(query->jointree->quals);
		if (rte->rtekind == RTE_RELATION)
			break;
		query = rte->subquery;
	}
}

/* Hide subqueries in a query that may be changed, and in those below it. */
static bool
hide_sublinks(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		if (OidIsValid(table_to_filter((Query *) node)))
			hide_in_query((Query *) node);
		return query_tree_walker((Query *) node, hide_sublinks, context, 0);
	}
	return expression_tree_walker(node, hide_sublinks, context);
}

static PlannedStmt *
plan_once(Query *query, const char *string, int options, ParamListInfo params)
{
	if (previous_planner)
		return previous_planner(query, string, options, params);
	return standard_planner(query, string, options, params);
}

/* Is a plan better than another?  What is disabled counts first. */
static bool
is_better(const Plan *plan, const Plan *other)
{
	if (OmenDisabledNodes(plan) != OmenDisabledNodes(other))
		return OmenDisabledNodes(plan) < OmenDisabledNodes(other);
	return plan->total_cost < other->total_cost;
}

static PlannedStmt *
plan_twice(Query *query, const char *string, int options, ParamListInfo params)
{
	Query	   *hidden = copyObject(query);
	PlannedStmt *joined;
	PlannedStmt *filtered;

	planning->is_joining = true;
	joined = plan_once(query, string, options, params);
	planning->is_joining = false;
	(void) hide_sublinks((Node *) hidden, NULL);
	filtered = plan_once(hidden, string, options, params);
	return is_better(filtered->planTree, joined->planTree) ? filtered : joined;
}

static PlannedStmt *
plan_statement(Query *query, const char *string, int options,
			   ParamListInfo params)
{
	/* planning may run functions, whose statements are planned meanwhile */
	Planning   *outer = planning;
	Planning	mine = {NIL};
	PlannedStmt *volatile result = NULL;

	if (omen_enable_scan && may_be_filtered(query))
		(void) collect_tables((Node *) query, &mine.relids);
	planning = &mine;
	PG_TRY();
	{
		result = mine.relids != NIL ? plan_twice(query, string, options, params)
									: plan_once(query, string, options, params);
		if (mine.meets_peers)
			omen_repeat_distances(result);
	}
	PG_FINALLY();
	{
		planning = outer;
	}
	PG_END_TRY();
	return result;
}

/* ---------- what the planner asks meanwhile ---------- */

/* The statement has a table with an index by another library's distances. */
void
omen_note_peers(void)
{
	if (planning)
		planning->meets_peers = true;
}

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
 * scan in the order of distance may give too few, and is not to be used if
 * there is another plan; or if nobody knows yet whether there is.
 */
bool
omen_is_semi_joined(PlannerInfo *root, RelOptInfo *rel)
{
	Index		table = table_of(rel);

	if (root->parse->limitCount == NULL ||
		left_of_semi_joins(root->parse) != table)
		return false;
	return planning == NULL ||
		   (planning->is_joining &&
			list_member_oid(planning->relids,
							planner_rt_fetch(table, root)->relid));
}

/* What the first plan has told of a relation's table; negative if nothing. */
static double
known_part(PlannerInfo *root, RelOptInfo *rel)
{
	Oid			relid = planner_rt_fetch(table_of(rel), root)->relid;
	ListCell   *lc;

	foreach (lc, planning ? planning->matching : NIL)
	{
		Matching   *known = lfirst(lc);

		/* several queries may be of one table: each is told of its own */
		if (known->relid != relid || (known->user && known->user != root))
			continue;
		known->user = root;
		return known->part;
	}
	return -1;
}

/*
 * The part of a relation's rows that passes these clauses, if there are hidden
 * subqueries among them that the first plan has estimated; else negative.
 */
double
omen_matching_part(PlannerInfo *root, RelOptInfo *rel, List *clauses)
{
	List	   *others = NIL;
	double		part;
	ListCell   *lc;

	foreach (lc, clauses)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, lc);

		if (!contain_subplans((Node *) info->clause))
			others = lappend(others, info);
	}
	if (list_length(others) == list_length(clauses))
		return -1;
	part = known_part(root, rel);
	if (part < 0)
		return -1;
	return part *
		   clauselist_selectivity(root, others, rel->relid, JOIN_INNER, NULL);
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
		!planning->is_joining || root->parse->limitCount == NULL)
		return;
	left = left_of_semi_joins(root->parse);
	if (left == 0 || root->simple_rel_array[left] == NULL)
		return;
	known = palloc0(sizeof(Matching));
	known->relid = planner_rt_fetch(left, root)->relid;
	known->part =
		Min(input_rel->rows / Max(root->simple_rel_array[left]->rows, 1), 1);
	planning->matching = lappend(planning->matching, known);
}

/* ---------- the filter ---------- */

/* The cheaper way to evaluate EXISTS: by a hash table, or each time anew. */
static SubPlan *
cheaper_alternative(const AlternativeSubPlan *alternatives, double calls)
{
	SubPlan	   *best = NULL;
	double		best_cost = 0;
	ListCell   *lc;

	foreach (lc, alternatives->subplans)
	{
		SubPlan	   *plan = lfirst_node(SubPlan, lc);
		double		cost = plan->startup_cost + calls * plan->per_call_cost;

		if (best == NULL || cost < best_cost)
		{
			best = plan;
			best_cost = cost;
		}
	}
	return best;
}

/*
 * Put the cheaper way into the place of all.  What is not chosen is initialised
 * and never run.  The planner chooses, too, but too late for us, and by all
 * rows of the table.
 */
static Node *
choose_alternatives(Node *node, void *context)
{
	const double *calls = context;

	if (node != NULL && IsA(node, AlternativeSubPlan))
		node =
			(Node *) cheaper_alternative((AlternativeSubPlan *) node, *calls);
	return expression_tree_mutator(node, choose_alternatives, context);
}

/*
 * What evaluating a WHERE costs that is evaluated so often.  (The planner
 * prices one way to evaluate a subquery, and may run another.)
 */
void
omen_cost_filter(PlannerInfo *root, List *clauses, double calls, QualCost *cost)
{
	List	   *quals = extract_actual_clauses(clauses, false);

	cost_qual_eval(cost, (List *) choose_alternatives((Node *) quals, &calls),
				   root);
}

/*
 * The clauses of a plan as they are evaluated so often: without what hid
 * subqueries, and with the way chosen to evaluate each.
 */
List *
omen_final_filter(List *quals, double calls)
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
	return (List *) choose_alternatives((Node *) shown, &calls);
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
