/*-------------------------------------------------------------------------
 *
 * peer_plan.c
 *	  Distances of another library's that a plan need not compute again.
 *
 * A row that a scan of our index returns has been compared with the query
 * already.  The executor asks for the distance once more, if only to have the
 * column that is ordered by, and that a vector lies in the TOAST table makes it
 * the most expensive part of a row.  Our own distance functions are told what a
 * scan knows (types/detoast.h).  Others cannot be; so where the target list of
 * such a scan has their operator, it goes by a function of ours that can, and
 * that calls theirs where nothing is known.
 *
 * A plan is changed when it is finished, so that no expression is compared with
 * another any more, and rows of any kind of scan get their distances so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "filter/plan.h"
#include "hnsw/hnsw.h"
#include "nodes/nodeFuncs.h"
#include "planner/peer_plan.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* An operator, and what to call in place of its function. */
typedef struct Repeated
{
	Oid			operator;
	Oid			function;
} Repeated;

static bool
replace_function(Node *node, void *context)
{
	const Repeated *repeated = context;

	if (node == NULL)
		return false;
	if (IsA(node, OpExpr) && ((OpExpr *) node)->opno == repeated->operator)
		((OpExpr *) node)->opfuncid = repeated->function;
	return expression_tree_walker(node, replace_function, context);
}

/* Replace the function in what a scan of an index gives. */
static void
repeat_in_scan(Plan *plan, Oid indexoid)
{
	Relation	index = index_open(indexoid, NoLock);
	Repeated	repeated = {InvalidOid, InvalidOid};

	if (index->rd_indam->aminsert == omen_hnsw_insert &&
		omen_opclass(index)->is_peer)
	{
		int			vector = omen_index_columns(index).vector - 1;
		Oid			family = index->rd_opfamily[vector];
		Oid			type = index->rd_opcintype[vector];

		repeated.operator=
			get_opfamily_member(family, type, type, OMEN_DISTANCE_STRATEGY);
		repeated.function =
			get_opfamily_proc(family, type, type, OMEN_REPEATED_PROC);
	}
	if (OidIsValid(repeated.function))
		(void) replace_function((Node *) plan->targetlist, &repeated);
	index_close(index, NoLock);
}

static void repeat_in_plan(Plan *plan);

static void
repeat_in_plans(List *plans)
{
	ListCell   *lc;

	foreach (lc, plans)
		repeat_in_plan(lfirst(lc));
}

static void
repeat_in_plan(Plan *plan)
{
	OmenScanParts parts;

	if (plan == NULL)
		return;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			repeat_in_scan(plan, ((IndexScan *) plan)->indexid);
			break;
		case T_CustomScan:
			if (((CustomScan *) plan)->methods == &omen_custom_scan_methods)
			{
				omen_scan_parts_unpack((CustomScan *) plan, &parts);
				repeat_in_scan(plan, parts.index);
			}
			repeat_in_plans(((CustomScan *) plan)->custom_plans);
			break;
		case T_Append:
			repeat_in_plans(((Append *) plan)->appendplans);
			break;
		case T_MergeAppend:
			repeat_in_plans(((MergeAppend *) plan)->mergeplans);
			break;
		case T_SubqueryScan:
			repeat_in_plan(((SubqueryScan *) plan)->subplan);
			break;
		default:
			break;
	}
	repeat_in_plan(plan->lefttree);
	repeat_in_plan(plan->righttree);
}

/* Have a statement's plan compute no distance again that a scan knows. */
void
omen_repeat_distances(PlannedStmt *statement)
{
	repeat_in_plan(statement->planTree);
	repeat_in_plans(statement->subplans);
}
