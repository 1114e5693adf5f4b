/*-------------------------------------------------------------------------
 *
 * peer_within.c
 *	  Whether a value of another library's type lies within a sphere, by its
 *	  own distance.
 *
 * One function for all types and distances.  SQL functions made of it are
 * support functions of operator classes; the distance is that of the class
 * which the function that is called belongs to.  So no name is looked up, and
 * it is the same distance as in "distance < radius" to the last bit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_amproc.h"
#include "fmgr.h"
#include "hnsw/columns.h"
#include "omendb.h"
#include "types/vector_within.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

OMEN_FUNCTION(omen_peer_within);

/* The distance of the operator class that a function is a support function of.
 */
static Oid
distance_of_class(Oid within)
{
	Relation	procs = table_open(AccessMethodProcedureRelationId,
								   AccessShareLock);
	SysScanDesc scan = systable_beginscan(procs, InvalidOid, false, NULL, 0,
										  NULL);
	Oid			distance = InvalidOid;
	HeapTuple	tuple;

	while (!OidIsValid(distance) &&
		   HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(tuple);

		if (proc->amproc == within && proc->amprocnum == OMEN_WITHIN_PROC)
			distance = get_opfamily_member(proc->amprocfamily,
										   proc->amproclefttype,
										   proc->amprocrighttype,
										   OMEN_DISTANCE_STRATEGY);
	}
	systable_endscan(scan);
	table_close(procs, AccessShareLock);
	if (!OidIsValid(distance))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("function %s belongs to no operator class",
						get_func_name(within))));
	return get_opcode(distance);
}

/* The distance, looked up once for each expression. */
static FmgrInfo *
distance_function(FmgrInfo *within)
{
	FmgrInfo   *distance = within->fn_extra;

	if (distance == NULL)
	{
		distance = MemoryContextAllocZero(within->fn_mcxt, sizeof(FmgrInfo));
		fmgr_info_cxt(distance_of_class(within->fn_oid), distance,
					  within->fn_mcxt);
		within->fn_extra = distance;
	}
	return distance;
}

/* Is the distance smaller than the radius?  One that is NaN is not. */
Datum
omen_peer_within(PG_FUNCTION_ARGS)
{
	FmgrInfo   *distance = distance_function(fcinfo->flinfo);
	Datum		center;
	double		radius;

	if (!omen_sphere_parts(PG_GETARG_DATUM(1), &center, &radius))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(DatumGetFloat8(FunctionCall2Coll(distance,
													PG_GET_COLLATION(),
													PG_GETARG_DATUM(0),
													center)) < radius);
}
