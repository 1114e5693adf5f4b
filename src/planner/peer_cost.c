/*-------------------------------------------------------------------------
 *
 * peer_cost.c
 *	  What a sort by a distance costs that PostgreSQL takes for cheap.
 *
 * Our distance functions tell the planner what they cost, others do not.  By
 * their price a sequential scan and a sort look like next to nothing beside a
 * scan of our index, which knows better.  So where rows are wanted by such a
 * distance, paths that have yet to compute it are charged for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "compat.h"
#include "hnsw/distance_cost.h"
#include "hnsw/group_cost.h"
#include "hnsw/hnsw.h"
#include "planner/peer_cost.h"
#include "planner/semi_join.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* The distance of this index that a pathkey orders by, or NULL. */
static OpExpr *
distance_of_pathkey(const PathKey *pathkey, const RelOptInfo *rel,
					const IndexOptInfo *index)
{
	OmenMembers members;
	EquivalenceMember *member;

	omen_members_begin(&members, pathkey->pk_eclass, rel->relids);
	while ((member = omen_members_next(&members)) != NULL)
	{
		OpExpr	   *op = (OpExpr *) member->em_expr;

		if (IsA(op, OpExpr) && bms_equal(member->em_relids, rel->relids) &&
			SearchSysCacheExists3(
				AMOPOPID, ObjectIdGetDatum(op->opno), CharGetDatum(AMOP_ORDER),
				ObjectIdGetDatum(index->opfamily[omen_leading_columns(index)])))
			return op;
	}
	return NULL;
}

/*
 * What PostgreSQL does not know that the order costs for each row.  Notes that
 * it is by another library's distance.
 */
static double
untold_cost_of_order(PlannerInfo *root, const RelOptInfo *rel)
{
	ListCell   *lc;

	foreach (lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(lc);
		OpExpr	   *distance;
		Relation	relation;
		const OmenOpclass *opclass;

		if (index->amcostestimate != omen_hnsw_cost_estimate)
			continue;
		distance =
			distance_of_pathkey(linitial(root->query_pathkeys), rel, index);
		if (distance == NULL)
			continue;
		relation = index_open(index->indexoid, NoLock);
		opclass = omen_opclass(relation);
		index_close(relation, NoLock);
		if (opclass->is_peer)
			omen_note_peers();
		return omen_untold_cost(root, opclass, distance);
	}
	return 0;
}

static void
charge_paths(PlannerInfo *root, List *paths, double cost)
{
	ListCell   *lc;

	foreach (lc, paths)
	{
		Path	   *path = lfirst(lc);

		if (path->pathkeys != NIL &&
			linitial(path->pathkeys) == linitial(root->query_pathkeys))
			continue;
		path->total_cost += cost * path->rows;
	}
}

/* Charge the paths of a table that have yet to compute what they are sorted by.
 */
void
omen_charge_untold_order(PlannerInfo *root, RelOptInfo *rel)
{
	double		cost;

	if (root->query_pathkeys == NIL || !omen_is_bounded(root))
		return;
	cost = untold_cost_of_order(root, rel);
	if (cost <= 0)
		return;
	charge_paths(root, rel->pathlist, cost);
	charge_paths(root, rel->partial_pathlist, cost);
}
