/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  What EXPLAIN says of an "Omen Scan".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "filter/state.h"
#include "hnsw/hnsw.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

static const char *
strategy_name(OmenStrategy strategy)
{
	static const char *const names[] = {[OMEN_STRATEGY_AUTO] = "auto",
										[OMEN_STRATEGY_EXACT] = "exact",
										[OMEN_STRATEGY_GRAPH] = "graph",
										[OMEN_STRATEGY_SWEEP] = "sweep"};

	return names[strategy];
}

/* How often stages of a strategy ran. */
static uint64
times_ran(const OmenCustomScanState *node, OmenStrategy strategy)
{
	const uint64 *ran = node->counts.ran;

	switch (strategy)
	{
		case OMEN_STRATEGY_EXACT:
			return ran[OMEN_STAGE_EXACT];
		case OMEN_STRATEGY_GRAPH:
			return ran[OMEN_STAGE_KEY_WALK] + ran[OMEN_STAGE_SET_WALK];
		case OMEN_STRATEGY_SWEEP:
			return ran[OMEN_STAGE_GLANCE] + ran[OMEN_STAGE_SWEEP];
		default:
			return 0;
	}
}

/*
 * Which strategies ran, in the order in which one follows another, and how
 * often if more than once.  "" if none did.
 */
static char *
strategies_that_ran(const OmenCustomScanState *node)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = OMEN_STRATEGY_SWEEP; i >= OMEN_STRATEGY_EXACT; i--)
	{
		uint64		times = times_ran(node, i);

		if (times == 0)
			continue;
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "",
						 strategy_name(i));
		if (times > 1)
			appendStringInfo(&text, " (" UINT64_FORMAT ")", times);
	}
	return text.data;
}

static void
explain_counts(const OmenCustomScanState *node, ExplainState *es)
{
	const OmenScanCounts *counts = &node->counts;
	char	   *used = strategies_that_ran(node);
	OmenCounters counters;

	if (used[0] == '\0')
		return;
	ExplainPropertyText("Strategies Used", used, es);
	if (counts->sets > 0)
		ExplainPropertyFloat("Actual Selectivity", NULL,
							 counts->tids / counts->sets /
								 node->facts.plan.nodes,
							 6, es);
	if (counts->gave_up > 0)
		ExplainPropertyInteger("Searches Given Up", NULL, counts->gave_up, es);
	omen_scan_counters(node->scan, &counters);
	omen_explain_counters(es, &counters);
}

static void
explain_ef_search(Oid indexoid, ExplainState *es)
{
	Relation	index = index_open(indexoid, AccessShareLock);
	OmenEfSearch ef_search = omen_ef_search_of(index);

	omen_explain_ef_search(es, &ef_search);
	index_close(index, AccessShareLock);
}

void
omen_explain_custom_scan(CustomScanState *css, List *ancestors,
						 ExplainState *es)
{
	CustomScan *scan = castNode(CustomScan, css->ss.ps.plan);
	List	   *context =
		set_deparse_context_plan(es->deparse_cxt, &scan->scan.plan, ancestors);
	bool		prefix = list_length(es->rtable) > 1 || es->verbose;
	OmenScanParts parts;
	Expr	   *keys;

	omen_scan_parts_unpack(scan, &parts);
	ExplainPropertyText("Index", get_rel_name(parts.index), es);
	ExplainPropertyText("Order By",
						deparse_expression((Node *) parts.orderby, context,
										   prefix, false),
						es);
	if (parts.key_clauses != NIL)
	{
		keys = make_ands_explicit(parts.key_clauses);
		ExplainPropertyText("Key Filter",
							deparse_expression((Node *) keys, context, prefix,
											   false),
							es);
	}
	ExplainPropertyText("Strategy", strategy_name(parts.plan.strategy), es);
	explain_ef_search(parts.index, es);
	if (es->costs)
		ExplainPropertyFloat("Estimated Selectivity", NULL,
							 parts.plan.selectivity, 6, es);
	if (es->analyze)
		explain_counts((OmenCustomScanState *) css, es);
}
