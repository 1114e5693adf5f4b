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
 * The executor asks whether ours may be called, which nobody who wrote the
 * operator knows of; ours asks about theirs.  So for whoever may not call ours
 * nothing is replaced, and a plan is made anew when that changes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "compat.h"
#include "filter/plan.h"
#include "hnsw/hnsw.h"
#include "nodes/nodeFuncs.h"
#include "planner/peer_plan.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* An operator, and what to call in place of its function. */
typedef struct Repeated
{
	Oid			operator;
	Oid			function;
	bool		is_used;		/* it was called for somewhere */
} Repeated;

static bool
replace_function(Node *node, void *context)
{
	Repeated   *repeated = context;

	if (node == NULL)
		return false;
	if (IsA(node, OpExpr) && ((OpExpr *) node)->opno == repeated->operator)
	{
		((OpExpr *) node)->opfuncid = repeated->function;
		repeated->is_used = true;
	}
	return expression_tree_walker(node, replace_function, context);
}

/* Have a plan made anew when a function that it calls is another. */
static void
depend_on_function(PlannedStmt *statement, Oid function)
{
	PlanInvalItem *item;
	uint32 hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
	ListCell   *lc;

	foreach (lc, statement->invalItems)
	{
		item = lfirst_node(PlanInvalItem, lc);
		if (item->cacheId == PROCOID && item->hashValue == hash)
			return;
	}
	item = makeNode(PlanInvalItem);
	item->cacheId = PROCOID;
	item->hashValue = hash;
	statement->invalItems = lappend(statement->invalItems, item);
}

/* Replace the function in what a scan of an index gives. */
static void
repeat_in_scan(PlannedStmt *statement, Plan *plan, Oid indexoid)
{
	Relation	index = index_open(indexoid, NoLock);
	Repeated	repeated = {InvalidOid, InvalidOid, false};

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
	index_close(index, NoLock);
	if (!OidIsValid(repeated.function))
		return;
	if (omen_may_call(repeated.function))
		(void) replace_function((Node *) plan->targetlist, &repeated);
	if (repeated.is_used)
		depend_on_function(statement, repeated.function);
}

static void repeat_in_plan(PlannedStmt *statement, Plan *plan);

static void
repeat_in_plans(PlannedStmt *statement, List *plans)
{
	ListCell   *lc;

	foreach (lc, plans)
		repeat_in_plan(statement, lfirst(lc));
}

static void
repeat_in_plan(PlannedStmt *statement, Plan *plan)
{
	OmenScanParts parts;

	if (plan == NULL)
		return;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			repeat_in_scan(statement, plan, ((IndexScan *) plan)->indexid);
			break;
		case T_CustomScan:
			if (((CustomScan *) plan)->methods == &omen_custom_scan_methods)
			{
				omen_scan_parts_unpack((CustomScan *) plan, &parts);
				repeat_in_scan(statement, plan, parts.index);
			}
			repeat_in_plans(statement, ((CustomScan *) plan)->custom_plans);
			break;
		case T_Append:
			repeat_in_plans(statement, ((Append *) plan)->appendplans);
			break;
		case T_MergeAppend:
			repeat_in_plans(statement, ((MergeAppend *) plan)->mergeplans);
			break;
		case T_SubqueryScan:
			repeat_in_plan(statement, ((SubqueryScan *) plan)->subplan);
			break;
		default:
			break;
	}
	repeat_in_plan(statement, plan->lefttree);
	repeat_in_plan(statement, plan->righttree);
}

/* Have a statement's plan compute no distance again that a scan knows. */
void
omen_repeat_distances(PlannedStmt *statement)
{
	repeat_in_plan(statement, statement->planTree);
	repeat_in_plans(statement, statement->subplans);
}
