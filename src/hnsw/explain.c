/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  What a scan did, in EXPLAIN (ANALYZE).
 *
 * From PostgreSQL 18 on, which lets extensions add to the lines of a plan
 * node.  Before, omen_hnsw_last_scan() tells.  The library is loaded when the
 * planner first meets an index of ours, so before the plan is printed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/hnsw.h"

/* The lines of a scan's counters. */
void
omen_explain_counters(ExplainState *es, const OmenCounters *counters)
{
	if (es->format == EXPLAIN_FORMAT_TEXT)
	{
		appendStringInfoSpaces(es->str, es->indent * 2);
		appendStringInfo(es->str,
						 "Graph: hops=" UINT64_FORMAT " visits=" UINT64_FORMAT
						 " distances=" UINT64_FORMAT " reranked=" UINT64_FORMAT
						 " late=" UINT64_FORMAT "\n",
						 counters->hops, counters->visits, counters->distances,
						 counters->reranked, counters->late);
		return;
	}
	ExplainPropertyUInteger("Graph Hops", NULL, counters->hops, es);
	ExplainPropertyUInteger("Graph Visits", NULL, counters->visits, es);
	ExplainPropertyUInteger("Graph Distances", NULL, counters->distances, es);
	ExplainPropertyUInteger("Reranked Rows", NULL, counters->reranked, es);
	ExplainPropertyUInteger("Late Rows", NULL, counters->late, es);
}

/* Where the length of the candidate list is from, if not from our setting. */
void
omen_explain_ef_search(ExplainState *es, const OmenEfSearch *ef_search)
{
	if (ef_search->rank == OMEN_SET_NOWHERE ||
		strcmp(ef_search->name, "omendb.ef_search") == 0)
		return;
	ExplainPropertyText("Candidate List",
						psprintf("%d by %s", ef_search->value,
								 omen_ef_search_origin(ef_search)),
						es);
}

#ifdef OMEN_HAS_EXPLAIN_HOOK

static explain_per_node_hook_type previous_hook = NULL;

/* The scan of an omen_hnsw index that a plan node has run, or NULL. */
static IndexScanDesc
scan_of(PlanState *planstate)
{
	IndexScanState *state;

	if (!IsA(planstate, IndexScanState))
		return NULL;
	state = (IndexScanState *) planstate;
	if (state->iss_ScanDesc == NULL || state->iss_RelationDesc == NULL ||
		state->iss_RelationDesc->rd_indam->amgettuple != omen_hnsw_get_tuple)
		return NULL;
	return state->iss_ScanDesc;
}

static void
explain_node(PlanState *planstate, List *ancestors, const char *relationship,
			 const char *plan_name, ExplainState *es)
{
	IndexScanDesc scan = es->analyze ? scan_of(planstate) : NULL;

	if (scan)
	{
		OmenCounters counters;

		OmenEfSearch ef_search = omen_ef_search_of(scan->indexRelation);

		omen_scan_counters(scan, &counters);
		omen_explain_counters(es, &counters);
		omen_explain_ef_search(es, &ef_search);
	}
	if (previous_hook)
		previous_hook(planstate, ancestors, relationship, plan_name, es);
}

/* Have EXPLAIN ask us; once, from _PG_init. */
void
omen_explain_init(void)
{
	previous_hook = explain_per_node_hook;
	explain_per_node_hook = explain_node;
}

#else

void
omen_explain_init(void)
{
}

#endif
