/*-------------------------------------------------------------------------
 *
 * spheres.c
 *	  Spheres in a WHERE that let a search end at their radius.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "filter/plan.h"
#include "hnsw/columns.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "planner/spheres.h"
#include "utils/lsyscache.h"

/* The function that asks for it by a distance of an index; or invalid. */
static Oid
within_function(const IndexOptInfo *index, int column)
{
	return get_opfamily_proc(index->opfamily[column], index->opcintype[column],
							 index->opcintype[column], OMEN_WITHIN_PROC);
}

/*
 * The clauses that ask for rows within a sphere, by the distance that is
 * ordered by.  Whether a sphere is around the query is seen when it is known.
 */
List *
omen_find_spheres(RelOptInfo *rel, IndexPath *ordered)
{
	OpExpr	   *distance = linitial_node(OpExpr, ordered->indexorderbys);
	Oid			within = within_function(ordered->indexinfo,
								 linitial_int(ordered->indexorderbycols));
	List	   *found = NIL;
	ListCell   *lc;

	foreach (lc, rel->baserestrictinfo)
	{
		RestrictInfo *info = lfirst_node(RestrictInfo, lc);
		OpExpr	   *op = (OpExpr *) info->clause;

		if (!IsA(op, OpExpr) || list_length(op->args) != 2 ||
			!equal(linitial(op->args), linitial(distance->args)) ||
			contain_var_clause(lsecond(op->args)) ||
			contain_subplans(lsecond(op->args)) ||
			contain_volatile_functions(lsecond(op->args)))
			continue;
		set_opfuncid(op);
		if (OidIsValid(within) && op->opfuncid == within)
			found = lappend(found, info);
	}
	return found;
}

/*
 * A sphere that is small makes a sweep short: it ends at the radius.  How many
 * rows are within nobody knows; as many pass as by the rest of the WHERE.
 */
static void
estimate_spheres(PlannerInfo *root, RelOptInfo *rel, List *spheres,
				 OmenScanPlan *plan)
{
	List	   *others = list_difference_ptr(rel->baserestrictinfo, spheres);

	plan->wanted = Max(Min(plan->wanted, plan->passing), 1);
	plan->selectivity =
		clauselist_selectivity(root, others, rel->relid, JOIN_INNER, NULL);
	plan->passing = plan->selectivity * plan->rows;
}

/* Take in the spheres that rows that pass lie in. */
void
omen_note_spheres(PlannerInfo *root, RelOptInfo *rel, List *spheres,
				  OmenScanParts *parts)
{
	ListCell   *lc;

	if (spheres)
		estimate_spheres(root, rel, spheres, &parts->plan);
	foreach (lc, spheres)
	{
		OpExpr	   *op = (OpExpr *) lfirst_node(RestrictInfo, lc)->clause;

		parts->spheres = lappend(parts->spheres, copyObject(lsecond(op->args)));
	}
}
