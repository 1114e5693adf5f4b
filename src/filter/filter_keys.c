/*-------------------------------------------------------------------------
 *
 * filter_keys.c
 *	  The part of a WHERE that can be tested on an index's filter keys.
 *
 * PostgreSQL finds clauses for indexes by itself, but hands them to an ordered
 * scan only in part: IN on later columns from 17 on, boolean columns of other
 * access methods than its own from 16 on, and OR of several columns never.
 * Here all are found, in all versions: comparisons of a key column with
 * something that does not depend on the row, = ANY, IS [NOT] NULL, boolean
 * columns, and such joined by OR and AND, of which ANDs may be told in part.
 * Within OR only what compares with constants and parameters, since what it
 * compares with is evaluated first.
 *
 * Keys only tell which rows cannot pass; the WHERE is evaluated on the rows
 * that are left.  So a clause need not be taken out of it, and the operators of
 * key columns are never called here; what they compare with is evaluated once,
 * before there are rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "hnsw/hnsw.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "filter/filter_keys.h"
#include "tuning.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* ---------- finding them ---------- */

/* Can a value be known before the rows are? */
static bool
is_comparand(Node *value)
{
	return !contain_var_clause(value) && !contain_subplans(value) &&
		   !contain_volatile_functions(value);
}

static bool
collation_fits(const IndexOptInfo *index, int column, Oid collation)
{
	return !OidIsValid(index->indexcollations[column]) ||
		   index->indexcollations[column] == collation;
}

/* Is an operator one that a column's keys can be tested for? */
static bool
operator_fits(const IndexOptInfo *index, int column, Oid opno)
{
	int			strategy;

	if (!OidIsValid(opno))
		return false;
	strategy = get_op_opfamily_strategy(opno, index->opfamily[column]);
	/* what compares needs an order, but for "=" */
	if (strategy == InvalidStrategy)
		return false;
	return strategy == OMEN_KEY_EQUAL || strategy > OMEN_KEY_GREATER ||
		   omen_key_is_ordered(index->opcintype[column],
							   index->indexcollations[column]);
}

/* A comparison, with the column on the left; or NULL. */
static Expr *
match_operator(IndexOptInfo *index, int column, OpExpr *op)
{
	Oid			opno = op->opno;
	Node	   *left;
	Node	   *right;

	if (list_length(op->args) != 2 ||
		!collation_fits(index, column, op->inputcollid))
		return NULL;
	left = linitial(op->args);
	right = lsecond(op->args);
	if (!match_index_to_operand(left, column, index))
	{
		if (!match_index_to_operand(right, column, index))
			return NULL;
		opno = get_commutator(opno);
		right = left;
		left = lsecond(op->args);
	}
	if (!operator_fits(index, column, opno) || !is_comparand(right))
		return NULL;
	return make_opclause(opno, BOOLOID, false, (Expr *) copyObject(left),
						 (Expr *) copyObject(right), InvalidOid,
						 op->inputcollid);
}

static Expr *
match_any(IndexOptInfo *index, int column, ScalarArrayOpExpr *op)
{
	if (!op->useOr || !collation_fits(index, column, op->inputcollid) ||
		!match_index_to_operand(linitial(op->args), column, index) ||
		!operator_fits(index, column, op->opno) ||
		!is_comparand(lsecond(op->args)))
		return NULL;
	return (Expr *) copyObject(op);
}

/* Is a parameter what a subquery of this query, or of one around it, gives? */
static bool
is_of_subquery(PlannerInfo *root, const Param *param)
{
	ListCell   *lc;

	if (param->paramkind != PARAM_EXEC)
		return false;
	for (; root != NULL; root = root->parent_root)
	{
		foreach (lc, root->init_plans)
		{
			if (list_member_int(((SubPlan *) lfirst(lc))->setParam,
								param->paramid))
				return true;
		}
	}
	return false;
}

/*
 * Is there nothing to evaluate, which may fail where OR would have spared it?
 */
static bool
is_at_hand(PlannerInfo *root, Node *value)
{
	while (IsA(value, RelabelType))
		value = (Node *) ((RelabelType *) value)->arg;
	if (IsA(value, ArrayExpr))
	{
		ListCell   *lc;

		foreach (lc, ((ArrayExpr *) value)->elements)
		{
			if (!is_at_hand(root, lfirst(lc)))
				return false;
		}
		return true;
	}
	return IsA(value, Const) ||
		   (IsA(value, Param) && !is_of_subquery(root, (Param *) value));
}

/* Comparisons of one kind with one column, of which any may hold. */
static Expr *
match_alternatives(PlannerInfo *root, IndexOptInfo *index, int column,
				   BoolExpr *or_clause)
{
	ScalarArrayOpExpr *any = makeNode(ScalarArrayOpExpr);
	ArrayExpr  *array = makeNode(ArrayExpr);
	Expr	   *left = NULL;
	ListCell   *lc;

	foreach (lc, or_clause->args)
	{
		OpExpr	   *op = (OpExpr *) lfirst(lc);
		OpExpr	   *match;

		if (!IsA(op, OpExpr))
			return NULL;
		match = (OpExpr *) match_operator(index, column, op);
		if (match == NULL || (left && match->opno != any->opno) ||
			!is_at_hand(root, lsecond(match->args)))
			return NULL;
		left = linitial(match->args);
		any->opno = match->opno;
		any->inputcollid = match->inputcollid;
		array->element_typeid = exprType(lsecond(match->args));
		array->array_collid = exprCollation(lsecond(match->args));
		array->elements = lappend(array->elements, lsecond(match->args));
	}
	array->array_typeid = get_array_type(array->element_typeid);
	array->location = -1;
	if (!OidIsValid(array->array_typeid))
		return NULL;
	any->useOr = true;
	any->args = list_make2(left, array);
	any->location = -1;
	return (Expr *) any;
}

/* A boolean column as it stands, or its negation. */
static Expr *
match_boolean(IndexOptInfo *index, int column, Node *clause)
{
	bool		wanted = true;

	if (index->opcintype[column] != BOOLOID)
		return NULL;
	if (is_notclause(clause))
	{
		wanted = false;
		clause = (Node *) get_notclausearg(clause);
	}
	else if (IsA(clause, BooleanTest))
	{
		BooleanTest *test = (BooleanTest *) clause;

		if (test->booltesttype != IS_TRUE && test->booltesttype != IS_FALSE)
			return NULL;
		wanted = test->booltesttype == IS_TRUE;
		clause = (Node *) test->arg;
	}
	if (!match_index_to_operand(clause, column, index))
		return NULL;
	return make_opclause(BooleanEqualOperator, BOOLOID, false,
						 (Expr *) copyObject(clause),
						 (Expr *) makeBoolConst(wanted, false), InvalidOid,
						 InvalidOid);
}

static Expr *
match_clause(PlannerInfo *root, IndexOptInfo *index, int column, Node *clause)
{
	if (IsA(clause, OpExpr))
		return match_operator(index, column, (OpExpr *) clause);
	if (IsA(clause, ScalarArrayOpExpr))
		return match_any(index, column, (ScalarArrayOpExpr *) clause);
	if (is_orclause(clause))
		return match_alternatives(root, index, column, (BoolExpr *) clause);
	if (IsA(clause, NullTest))
	{
		NullTest   *test = (NullTest *) clause;

		return !test->argisrow &&
					   match_index_to_operand((Node *) test->arg, column, index)
				   ? (Expr *) copyObject(test)
				   : NULL;
	}
	return match_boolean(index, column, clause);
}

/*
 * A clause that the keys of one column tell, from the first to filter by on,
 * whose number is appended; or NULL.
 */
static Expr *
match_column(PlannerInfo *root, IndexOptInfo *index, int first, Node *clause,
			 List **columns)
{
	for (int column = first - 1; column < index->nkeycolumns; column++)
	{
		Expr	   *match = match_clause(root, index, column, clause);

		if (match)
		{
			*columns = lappend_int(*columns, column + 1);
			return match;
		}
	}
	return NULL;
}

/* Does a match compare with nothing that has to be evaluated? */
static bool
compares_with_what_is_at_hand(PlannerInfo *root, Expr *match)
{
	if (IsA(match, OpExpr))
		return is_at_hand(root, lsecond(((OpExpr *) match)->args));
	if (IsA(match, ScalarArrayOpExpr))
		return is_at_hand(root, lsecond(((ScalarArrayOpExpr *) match)->args));
	return true;
}

/*
 * What keys tell of a part of an OR: of all that OR joins, and of some at least
 * of what AND joins.  NULL if that is nothing.  *is_all becomes false if they
 * do not tell all.
 */
static Expr *
match_joined(PlannerInfo *root, IndexOptInfo *index, int first, Node *clause,
			 List **columns, bool *is_all)
{
	bool		is_or = is_orclause(clause);
	List	   *mine = NIL;
	List	   *matches = NIL;
	Expr	   *match;
	ListCell   *lc;

	check_stack_depth();
	match = match_column(root, index, first, clause, &mine);
	if (match)
	{
		if (!compares_with_what_is_at_hand(root, match))
			return NULL;
		*columns = list_concat(*columns, mine);
		return match;
	}
	if (!is_or && !is_andclause(clause))
		return NULL;
	foreach (lc, ((BoolExpr *) clause)->args)
	{
		match = match_joined(root, index, first, lfirst(lc), &mine, is_all);
		if (match)
			matches = lappend(matches, match);
		else if (is_or)
			return NULL;
		else
			*is_all = false;
	}
	if (matches == NIL)
		return NULL;
	*columns = list_concat(*columns, mine);
	if (list_length(matches) == 1)
		return linitial(matches);
	return is_or ? make_orclause(matches) : make_andclause(matches);
}

/* An OR that the keys of several columns tell something of; or NULL. */
static Expr *
match_or(PlannerInfo *root, IndexOptInfo *index, int first, Node *clause,
		 List **columns, bool *is_all)
{
	List	   *mine = NIL;
	Expr	   *match;

	if (!is_orclause(clause))
		return NULL;
	match = match_joined(root, index, first, clause, &mine, is_all);
	if (match == NULL || list_length(mine) > OMEN_MAX_OR_COMPARISONS)
		return NULL;
	*columns = list_concat(*columns, mine);
	return match;
}

/*
 * Find the clauses on a leading column, from 0 on.  False if none of them says
 * which value it has, or that it is one of some.
 *
 * All of them, not one that tells: of a group that row-level security keeps out
 * no row is looked at then, so that nobody learns how many there are.
 */
static bool
find_values(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index, int column,
			OmenGroupClauses *prefix)
{
	bool		tells = false;
	ListCell   *lc;

	foreach (lc, index->indrestrictinfo)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, lc);
		Node	   *match;

		if (info->pseudoconstant ||
			!restriction_is_securely_promotable(info, rel))
			continue;
		match =
			(Node *) match_clause(root, index, column, (Node *) info->clause);
		if (match == NULL)
			continue;
		tells |= omen_tells_value(index, column, match) ||
				 omen_tells_some(index, column, match);
		prefix->infos = lappend(prefix->infos, info);
		prefix->clauses = lappend(prefix->clauses, match);
		prefix->columns = lappend_int(prefix->columns, column + 1);
	}
	return tells;
}

/* Find the clauses that say which groups are asked for. */
static void
find_prefix(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index,
			int leading, OmenFilterKeys *keys)
{
	keys->tells_groups = leading > 0;
	for (int column = 0; column < leading; column++)
		keys->tells_groups &=
			find_values(root, rel, index, column, &keys->prefix);
	keys->clauses = list_copy(keys->prefix.clauses);
	keys->columns = list_copy(keys->prefix.columns);
}

/*
 * Find the clauses of a table's WHERE that an index's key columns can be tested
 * for, and those that say which groups are asked for.
 */
void
omen_filter_keys_find(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index,
					  OmenFilterKeys *keys)
{
	int			leading = omen_leading_columns(index);
	int			first = leading + 2;	/* the vector is between */
	ListCell   *lc;

	memset(keys, 0, sizeof(OmenFilterKeys));
	find_prefix(root, rel, index, leading, keys);
	foreach (lc, index->indrestrictinfo)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, lc);
		Node	   *clause = (Node *) info->clause;
		bool		is_all = true;
		Expr	   *match;

		if (info->pseudoconstant || list_member_ptr(keys->prefix.infos, info) ||
			!restriction_is_securely_promotable(info, rel))
			continue;
		match = match_column(root, index, first, clause, &keys->columns);
		if (match == NULL)
			match =
				match_or(root, index, first, clause, &keys->columns, &is_all);
		if (match == NULL)
			continue;
		keys->told =
			lappend(keys->told, is_all ? (Node *) info : (Node *) match);
		keys->clauses = lappend(keys->clauses, match);
	}
}

/* ---------- evaluating them ---------- */

/* Prepare a scan key for a comparison with an index's column. */
static void
init_key(OmenFilterKeyState *state, int i, Relation index, Expr *clause,
		 int column, PlanState *parent)
{
	Expr *value = omen_clause_key(index, clause, column, &state->scankeys[i]);

	if (value)
		state->values[i] = ExecInitExpr(value, parent);
}

/* How many comparisons a clause has. */
static int
count_comparisons(Node *clause)
{
	int			count = 0;
	ListCell   *lc;

	if (!IsA(clause, BoolExpr))
		return 1;
	foreach (lc, ((BoolExpr *) clause)->args)
		count += count_comparisons(lfirst(lc));
	return count;
}

/*
 * Append the comparisons of a clause, and fill in where each leads: to what it
 * joins next, or, from the last or where one decides, to what comes after the
 * clause.
 */
static void
join_comparisons(Node *clause, OmenKeyStep after, OmenKeyStep *steps,
				 List **comparisons)
{
	List	   *args;
	int			next = list_length(*comparisons);
	ListCell   *lc;

	if (!IsA(clause, BoolExpr))
	{
		steps[next] = after;
		*comparisons = lappend(*comparisons, clause);
		return;
	}
	args = ((BoolExpr *) clause)->args;
	foreach (lc, args)
	{
		OmenKeyStep step = after;

		next += count_comparisons(lfirst(lc));
		if (lc != list_last_cell(args))
		{
			if (is_orclause(clause))
				step.if_fails = next;
			else
				step.if_holds = next;
		}
		join_comparisons(lfirst(lc), step, steps, comparisons);
	}
}

/*
 * Prepare scan keys for clauses, which all must hold, in the current memory
 * context.  `columns` has the index's columns of their comparisons, in order.
 */
void
omen_filter_keys_init(OmenFilterKeyState *state, Relation index, List *clauses,
					  List *columns, PlanState *parent)
{
	OmenKeyStep after = {OMEN_KEYS_PASS, OMEN_KEYS_FAIL};
	List	   *comparisons = NIL;

	state->count = list_length(columns);
	if (state->count == 0)
		return;
	state->scankeys = palloc0(state->count * sizeof(ScanKeyData));
	state->steps = palloc0(state->count * sizeof(OmenKeyStep));
	state->values = palloc0(state->count * sizeof(ExprState *));
	join_comparisons((Node *) make_ands_explicit(clauses), after, state->steps,
					 &comparisons);
	Assert(list_length(comparisons) == state->count);
	for (int i = 0; i < state->count; i++)
		init_key(state, i, index, list_nth(comparisons, i),
				 list_nth_int(columns, i), parent);
}

/* Evaluate what the clauses compare with. */
void
omen_filter_keys_evaluate(OmenFilterKeyState *state, ExprContext *econtext)
{
	for (int i = 0; i < state->count; i++)
	{
		Datum		value;
		bool		isnull;

		if (state->values[i] == NULL)
			continue;
		value = ExecEvalExprSwitchContext(state->values[i], econtext, &isnull);
		omen_key_set_value(&state->scankeys[i], value, isnull);
	}
}
