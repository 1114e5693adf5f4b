/*-------------------------------------------------------------------------
 *
 * filter_keys.c
 *	  The part of a WHERE that can be tested on an index's filter keys.
 *
 * PostgreSQL finds clauses for indexes by itself, but hands them to an ordered
 * scan only in part: IN on later columns from 17 on, boolean columns of other
 * access methods than its own from 16 on.  Here all are found, in all versions:
 * comparisons of a key column with something that does not depend on the row,
 * = ANY, several of them joined by OR, IS [NOT] NULL, and boolean columns.
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
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "planner/filter_keys.h"
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

/* Is there nothing to evaluate, which may fail where OR would have spared it? */
static bool
is_at_hand(Node *value)
{
	while (IsA(value, RelabelType))
		value = (Node *) ((RelabelType *) value)->arg;
	return IsA(value, Const) || IsA(value, Param);
}

/* Comparisons of one kind with one column, of which any may hold. */
static Expr *
match_or(IndexOptInfo *index, int column, BoolExpr *or_clause)
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
			!is_at_hand(lsecond(match->args)))
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
match_clause(IndexOptInfo *index, int column, Node *clause)
{
	if (IsA(clause, OpExpr))
		return match_operator(index, column, (OpExpr *) clause);
	if (IsA(clause, ScalarArrayOpExpr))
		return match_any(index, column, (ScalarArrayOpExpr *) clause);
	if (is_orclause(clause))
		return match_or(index, column, (BoolExpr *) clause);
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
 * Find the clauses of a table's WHERE that an index's key columns can be tested
 * for.
 */
void
omen_filter_keys_find(RelOptInfo *rel, IndexOptInfo *index,
					  OmenFilterKeys *keys)
{
	ListCell   *lc;

	memset(keys, 0, sizeof(OmenFilterKeys));
	foreach (lc, index->indrestrictinfo)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, lc);

		if (info->pseudoconstant ||
			!restriction_is_securely_promotable(info, rel))
			continue;
		for (int column = 1; column < index->nkeycolumns; column++)
		{
			Expr *clause = match_clause(index, column, (Node *) info->clause);

			if (clause == NULL)
				continue;
			keys->infos = lappend(keys->infos, info);
			keys->clauses = lappend(keys->clauses, clause);
			keys->columns = lappend_int(keys->columns, column + 1);
		}
	}
}

/* ---------- evaluating them ---------- */

/* What a clause compares with, its operator, and flags for the scan key. */
static Expr *
take_apart(Expr *clause, Oid *opno, Oid *collation, int *flags)
{
	*opno = InvalidOid;
	*collation = InvalidOid;
	switch (nodeTag(clause))
	{
		case T_NullTest:
			*flags = SK_ISNULL | (((NullTest *) clause)->nulltesttype == IS_NULL
									  ? SK_SEARCHNULL
									  : SK_SEARCHNOTNULL);
			return NULL;
		case T_OpExpr:
			*flags = 0;
			*opno = ((OpExpr *) clause)->opno;
			*collation = ((OpExpr *) clause)->inputcollid;
			return lsecond(((OpExpr *) clause)->args);
		case T_ScalarArrayOpExpr:
			*flags = SK_SEARCHARRAY;
			*opno = ((ScalarArrayOpExpr *) clause)->opno;
			*collation = ((ScalarArrayOpExpr *) clause)->inputcollid;
			return lsecond(((ScalarArrayOpExpr *) clause)->args);
		default:
			elog(ERROR, "unrecognized node type: %d", (int) nodeTag(clause));
			return NULL;
	}
}

/* Prepare scan keys, in the current memory context. */
void
omen_filter_keys_init(OmenFilterKeyState *state, Relation index, List *clauses,
					  List *columns, PlanState *parent)
{
	state->count = list_length(columns);
	state->scankeys = palloc0(Max(state->count, 1) * sizeof(ScanKeyData));
	state->values = palloc0(Max(state->count, 1) * sizeof(ExprState *));
	for (int i = 0; i < state->count; i++)
	{
		ScanKey		key = &state->scankeys[i];
		int			column = list_nth_int(columns, i);
		Oid			left = InvalidOid;
		Oid			right = InvalidOid;
		int			strategy = InvalidStrategy;
		Oid			opno;
		Oid			collation;
		int			flags;
		Expr	   *value =
			take_apart(list_nth(clauses, i), &opno, &collation, &flags);

		if (OidIsValid(opno))
			get_op_opfamily_properties(opno, index->rd_opfamily[column - 1],
									   false, &strategy, &left, &right);
		ScanKeyEntryInitialize(key, flags, (AttrNumber) column,
							   (StrategyNumber) strategy, right, collation,
							   OidIsValid(opno) ? get_opcode(opno) : InvalidOid,
							   (Datum) 0);
		if (value)
			state->values[i] = ExecInitExpr(value, parent);
	}
}

/* Evaluate what the clauses compare with. */
void
omen_filter_keys_evaluate(OmenFilterKeyState *state, ExprContext *econtext)
{
	for (int i = 0; i < state->count; i++)
	{
		ScanKey		key = &state->scankeys[i];
		bool		isnull;

		if (state->values[i] == NULL)
			continue;
		key->sk_argument =
			ExecEvalExprSwitchContext(state->values[i], econtext, &isnull);
		key->sk_flags &= ~SK_ISNULL;
		if (isnull)
			key->sk_flags |= SK_ISNULL;
	}
}
