/*-------------------------------------------------------------------------
 *
 * detoast.c
 *	  Fetching TOASTed values no more often than needed.
 *
 * What is kept from call to call hangs in fn_extra, and so lives as long as
 * the expression in its executor.  It is found by the value's TOAST pointer;
 * a TOASTed value never changes, and stays in its place as long as a snapshot
 * can see its row, which the one that the expression runs under does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "compat.h"
#include "types/detoast.h"
#include "utils/memutils.h"

OmenKnownDistance omen_known_distance;

/* The last TOASTed value of one argument. */
typedef struct KeptArgument
{
	Oid			relid;
	Oid			valueid;
	struct varlena *value;		/* NULL until it was passed twice */
} KeptArgument;

#define KEPT_ARGUMENTS 2

bool
omen_toast_identity(Datum value, Oid *relid, Oid *valueid)
{
	struct varlena *pointer = (struct varlena *) DatumGetPointer(value);
	struct varatt_external external;

	if (!VARATT_IS_EXTERNAL_ONDISK(pointer))
		return false;
	VARATT_EXTERNAL_GET_POINTER(external, pointer);
	*relid = external.va_toastrelid;
	*valueid = external.va_valueid;
	return true;
}

static KeptArgument *
kept_argument(FmgrInfo *flinfo, int argno)
{
	if (flinfo->fn_extra == NULL)
		flinfo->fn_extra =
			MemoryContextAllocZero(flinfo->fn_mcxt,
								   KEPT_ARGUMENTS * sizeof(KeptArgument));
	return (KeptArgument *) flinfo->fn_extra + argno;
}

struct varlena *
omen_getarg_detoasted(FunctionCallInfo fcinfo, int argno)
{
	Datum		datum = PG_GETARG_DATUM(argno);
	KeptArgument *kept;
	Oid			relid;
	Oid			valueid;

	if (fcinfo->flinfo == NULL || !omen_toast_identity(datum, &relid, &valueid))
		return PG_DETOAST_DATUM(datum);

	kept = kept_argument(fcinfo->flinfo, argno);
	if (kept->relid != relid || kept->valueid != valueid)
	{
		if (kept->value)
			pfree(kept->value);
		kept->value = NULL;
		kept->relid = relid;
		kept->valueid = valueid;
		return PG_DETOAST_DATUM(datum);
	}
	if (kept->value == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		kept->value = PG_DETOAST_DATUM(datum);
		MemoryContextSwitchTo(old);
	}
	return kept->value;
}

bool
omen_distance_known(FunctionCallInfo fcinfo, double *result)
{
	const OmenKnownDistance *known = &omen_known_distance;
	struct varlena *query;
	Oid			relid;
	Oid			valueid;

	if (known->function == InvalidOid || fcinfo->flinfo == NULL ||
		fcinfo->flinfo->fn_oid != known->function ||
		!omen_toast_identity(PG_GETARG_DATUM(0), &relid, &valueid) ||
		relid != known->toast_relid || valueid != known->toast_valueid)
		return false;

	query = omen_getarg_detoasted(fcinfo, 1);
	if (VARSIZE(query) != VARSIZE(known->query) ||
		memcmp(query, known->query, VARSIZE(query)) != 0)
		return false;
	*result = known->result;
	return true;
}
