/*-------------------------------------------------------------------------
 *
 * distance_cost.c
 *	  What computing a distance costs, for the planner, and other functions of
 *	  vectors that an index may be on.
 *
 * Most of it is getting at the vectors: one of more than some 500 dimensions
 * lies in the TOAST table, and fetching it takes longer than anything else that
 * happens to a row.  PostgreSQL itself does not know that, and would charge
 * every function call alike.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heaptoast.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "omendb.h"
#include "optimizer/cost.h"
#include "parser/parsetree.h"
#include "hnsw/distance_cost.h"
#include "tuning.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* May a column's values lie in the TOAST table? */
static bool
column_is_toastable(Oid relid, AttrNumber column)
{
	HeapTuple	tuple =
		SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(column));
	bool		result = false;

	if (HeapTupleIsValid(tuple))
	{
		char storage = ((Form_pg_attribute) GETSTRUCT(tuple))->attstorage;

		result =
			storage == TYPSTORAGE_EXTERNAL || storage == TYPSTORAGE_EXTENDED;
		ReleaseSysCache(tuple);
	}
	return result;
}

/*
 * Chunks in which a column of a table is stored apart from the row; 0 = none.
 */
static double
toast_chunks(PlannerInfo *root, const Var *var, Size bytes)
{
	RangeTblEntry *rte;

	if (root == NULL || bytes <= TOAST_TUPLE_TARGET || var->varlevelsup != 0 ||
		var->varattno <= 0 || IS_SPECIAL_VARNO(var->varno) ||
		(int) var->varno >= root->simple_rel_array_size)
		return 0;
	rte = planner_rt_fetch(var->varno, root);
	if (rte->rtekind != RTE_RELATION ||
		!column_is_toastable(rte->relid, var->varattno))
		return 0;
	return (double) ((bytes + TOAST_MAX_CHUNK_SIZE - 1) / TOAST_MAX_CHUNK_SIZE);
}

/*
 * An argument without coercions that do nothing, as far as it has the type of
 * the argument: where it gets that from another, that function pays for it.
 */
static Node *
own_value(Node *arg)
{
	Node	   *stripped = strip_implicit_coercions(arg);

	return exprType(stripped) == exprType(arg) ? stripped : arg;
}

/* What functions in arguments cost, those of an index on an expression. */
static double
arguments_cost(PlannerInfo *root, const List *args)
{
	double		cost = 0;
	ListCell   *lc;

	foreach (lc, args)
	{
		QualCost	of_one;

		cost_qual_eval_node(&of_one, lfirst(lc), root);
		cost += of_one.per_tuple;
	}
	return cost;
}

/*
 * The cost of one call of a distance function or operator.  by_scan if one of
 * our scans computes it: then with that of its arguments' own functions, which
 * otherwise the planner adds up itself.
 */
double
omen_distance_cost(PlannerInfo *root, const OmenType *type, const List *args,
				   bool by_scan)
{
	double		cost = cpu_operator_cost;
	int			dims = 0;
	ListCell   *lc;

	foreach (lc, args)
	{
		Node	   *arg = strip_implicit_coercions(lfirst(lc));

		dims = Max(dims, exprTypmod(arg));
	}
	foreach (lc, args)
	{
		Node	   *arg = own_value(lfirst(lc));
		double		chunks = IsA(arg, Var)
							? toast_chunks(root, (Var *) arg, type->bytes(dims))
							: 0;

		if (chunks > 0)
			cost += by_scan ? OMEN_TOAST_SCAN_FETCH_COST +
								  chunks * OMEN_TOAST_SCAN_CHUNK_COST
							: OMEN_TOAST_FETCH_COST +
								  chunks * OMEN_TOAST_CHUNK_COST;
	}
	if (type->elements)
		dims = type->elements(dims);
	if (by_scan)
		cost += arguments_cost(root, args);
	return cost + cpu_operator_cost * dims / type->dims_per_operator;
}

/*
 * What one call of a distance costs beyond what PostgreSQL thinks: it is told
 * of ours by a support function, but not of another library's.
 */
double
omen_untold_cost(PlannerInfo *root, const OmenOpclass *opclass,
				 const OpExpr *distance)
{
	QualCost	told;
	double		cost;

	if (!opclass->is_peer)
		return 0;
	cost_qual_eval_node(&told, (Node *) distance, root);
	cost = omen_distance_cost(root, opclass->type, distance->args, false) -
		   told.per_tuple;
	return Max(cost, 0);
}

/* What a type's support function answers. */
static Datum
answer_support_request(FunctionCallInfo fcinfo, const OmenType *type)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestCost *cost = (SupportRequestCost *) request;
	List	   *args = NIL;

	if (!IsA(request, SupportRequestCost) || cost->node == NULL)
		PG_RETURN_POINTER(NULL);
	if (IsA(cost->node, FuncExpr))
		args = ((FuncExpr *) cost->node)->args;
	else if (IsA(cost->node, OpExpr))
		args = ((OpExpr *) cost->node)->args;
	else
		PG_RETURN_POINTER(NULL);
	cost->startup = 0;
	cost->per_tuple = omen_distance_cost(cost->root, type, args, false);
	PG_RETURN_POINTER(cost);
}

/*
 * The support functions of a type's distance functions, and of those that take
 * one value, whose cost is that of getting at it, too.
 */
OMEN_FUNCTION(omen_distance_support);
OMEN_FUNCTION(omen_halfvec_distance_support);
OMEN_FUNCTION(omen_bit_distance_support);
OMEN_FUNCTION(omen_sparsevec_distance_support);

Datum
omen_distance_support(PG_FUNCTION_ARGS)
{
	return answer_support_request(fcinfo, &omen_vector_type);
}

Datum
omen_halfvec_distance_support(PG_FUNCTION_ARGS)
{
	return answer_support_request(fcinfo, &omen_halfvec_type);
}

Datum
omen_bit_distance_support(PG_FUNCTION_ARGS)
{
	return answer_support_request(fcinfo, &omen_bit_type);
}

Datum
omen_sparsevec_distance_support(PG_FUNCTION_ARGS)
{
	return answer_support_request(fcinfo, &omen_sparsevec_type);
}
