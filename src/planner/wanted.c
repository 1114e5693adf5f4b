/*-------------------------------------------------------------------------
 *
 * wanted.c
 *	  How many rows a query wants of a table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "hnsw/hnsw.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "planner/wanted.h"
#include "tuning.h"

/*
 * Do the rows of this table become the query's, so that LIMIT counts them?
 * (Or those of its partitions, merged.)
 */
static bool
limit_counts_rows(PlannerInfo *root)
{
	const Query *parse = root->parse;

	return parse->limitCount != NULL && !parse->hasAggs &&
		   !parse->hasWindowFuncs && !parse->hasTargetSRFs &&
		   parse->groupClause == NIL && parse->groupingSets == NIL &&
		   parse->distinctClause == NIL && parse->setOperations == NULL &&
		   bms_membership(root->all_baserels) == BMS_SINGLETON;
}

double
omen_estimate_wanted(PlannerInfo *root, RelOptInfo *rel)
{
	double		wanted;

	if (root->limit_tuples >= 0 && limit_counts_rows(root))
		wanted = root->limit_tuples;
	else if (root->tuple_fraction >= 1)
		wanted = root->tuple_fraction;
	else
		wanted = Min(root->tuple_fraction * rel->rows, OMEN_MAX_WANTED_UNKNOWN);
	return Max(wanted, 1);
}

static Expr *
no_number(void)
{
	return (Expr *) makeNullConst(INT8OID, -1, InvalidOid);
}

/* A copy of LIMIT or OFFSET; NULL if the executor cannot evaluate it. */
static Expr *
copy_bound(Node *bound)
{
	if (contain_subplans(bound) || contain_volatile_functions(bound))
		return NULL;
	return bound ? (Expr *) copyObject(bound) : no_number();
}

/*
 * Have expressions tell the executor how many rows are wanted, if LIMIT and
 * OFFSET do.
 */
void
omen_note_wanted(PlannerInfo *root, OmenScanParts *parts)
{
	parts->limit = copy_bound(root->parse->limitCount);
	parts->offset = copy_bound(root->parse->limitOffset);
	parts->plan.limit_known =
		limit_counts_rows(root) && parts->limit && parts->offset;
	if (!parts->plan.limit_known)
	{
		parts->limit = no_number();
		parts->offset = no_number();
	}
}

/* Does it matter which rows are at the same distance as the last? */
bool
omen_has_more_order(PlannerInfo *root)
{
	return list_length(root->query_pathkeys) > 1 ||
		   root->parse->limitOption == LIMIT_OPTION_WITH_TIES;
}

/*
 * Without a WHERE, does a query ask for more than a plain index scan can
 * promise?  That has as many rows as its candidate list holds; beyond, rows may
 * be late.  And its order is the distance's alone: of rows at one distance
 * somebody has to know where they end.
 */
bool
omen_needs_count(PlannerInfo *root, const IndexOptInfo *index)
{
	OmenScanParts parts = {0};

	omen_note_wanted(root, &parts);
	return parts.plan.limit_known &&
		   (root->limit_tuples < 0 ||
			root->limit_tuples > omen_ef_search_of_oid(index->indexoid) ||
			omen_has_more_order(root));
}
