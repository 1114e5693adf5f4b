/*-------------------------------------------------------------------------
 *
 * distance_cost.c
 *	  What computing a distance costs, for the planner.
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
#include "planner/distance_cost.h"
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
 * The cost of one call of a distance function or operator, without that of its
 * arguments' own functions; by_scan if one of our scans computes it.
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
		Node	   *arg = strip_implicit_coercions(lfirst(lc));
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
	return cost + cpu_operator_cost * dims / type->dims_per_operator;
}

/* What a support function of a type's distance functions answers. */
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

/* The support functions of all distance functions of a type. */
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
