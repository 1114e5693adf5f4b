/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  What travels from the planner to the executor with an "Omen Scan".
 *
 * As lists, so that plans can be copied and sent to workers: expressions, for
 * the planner to fix (CustomScan.custom_exprs), and numbers (custom_private).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "filter/plan.h"
#include "nodes/value.h"

/* Expressions before those of keys and spheres. */
#define FIXED_EXPRESSIONS 3

/*
 * As Floats.  With an exponent, since a number without would be read as an
 * Integer.
 */
static List *
pack_plan(const OmenScanPlan *plan)
{
	List	   *packed = NIL;

#define PACK(type, name) \
	Assert(isfinite((double) plan->name)); \
	packed = lappend(packed, makeFloat(psprintf("%.17e", (double) plan->name)));
	OMEN_SCAN_PLAN_FIELDS(PACK)
#undef PACK
	return packed;
}

static void
unpack_plan(List *packed, OmenScanPlan *plan)
{
	ListCell   *next = list_head(packed);

#define UNPACK(type, name) \
	plan->name = (type) floatVal(lfirst(next)); \
	next = lnext(packed, next);
	OMEN_SCAN_PLAN_FIELDS(UNPACK)
#undef UNPACK
	Assert(next == NULL);
}

/* Into two lists.  The expressions are not copied. */
void
omen_scan_parts_pack(const OmenScanParts *parts, List **exprs, List **numbers)
{
	*exprs = list_make3(parts->orderby, parts->limit, parts->offset);
	*exprs = list_concat(*exprs, parts->key_clauses);
	*exprs = list_concat(*exprs, parts->spheres);
	*numbers =
		list_make4(list_make1_oid(parts->index),
				   list_make1_int(list_length(parts->key_clauses)),
				   list_copy(parts->key_columns), pack_plan(&parts->plan));
}

/* From a plan, whose expressions are not copied. */
void
omen_scan_parts_unpack(const CustomScan *scan, OmenScanParts *parts)
{
	List	   *exprs = scan->custom_exprs;
	List	   *numbers = scan->custom_private;
	int			nkeys = linitial_int(lsecond(numbers));

	parts->index = linitial_oid(linitial(numbers));
	parts->key_columns = lthird(numbers);
	unpack_plan(lfourth(numbers), &parts->plan);
	parts->orderby = linitial(exprs);
	parts->limit = lsecond(exprs);
	parts->offset = lthird(exprs);
	exprs = list_copy_tail(exprs, FIXED_EXPRESSIONS);
	parts->key_clauses = list_copy_head(exprs, nkeys);
	parts->spheres = list_copy_tail(exprs, nkeys);
}
