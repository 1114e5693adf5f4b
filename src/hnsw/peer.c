/*-------------------------------------------------------------------------
 *
 * peer.c
 *	  Functions on values of another library's types, by its own distances.
 *
 * Each is one function for all types and distances.  SQL functions made of it
 * are support functions of operator classes, and the distance is that of the
 * class which the function that is called belongs to.  So no name is looked up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_amproc.h"
#include "compat.h"
#include "fmgr.h"
#include "hnsw/columns.h"
#include "omendb.h"
#include "types/detoast.h"
#include "types/sphere.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

OMEN_FUNCTION(omen_peer_within);
OMEN_FUNCTION(omen_peer_distance);

/* What an expression keeps from call to call. */
typedef struct PeerCall
{
	FmgrInfo	distance;		/* the operator's function */
	FmgrInfo	known;			/* what omen_distance_known() keeps for it */
} PeerCall;

/* What has been looked up: pg_amproc has no index by function. */
typedef struct ClassOperator
{
	Oid			function;		/* a support function; hash key */
	Oid			distance;
} ClassOperator;

static HTAB *class_operators = NULL;

/* An operator class has changed, or may have. */
static void
forget_operators(Datum arg, int cacheid, uint32 hashvalue)
{
	if (class_operators)
		hash_destroy(class_operators);
	class_operators = NULL;
}

static void
create_operators(void)
{
	static bool is_registered = false;
	HASHCTL		control = {.keysize = sizeof(Oid),
					   .entrysize = sizeof(ClassOperator),
					   .hcxt = CacheMemoryContext};

	if (!is_registered)
		CacheRegisterSyscacheCallback(AMPROCNUM, forget_operators, (Datum) 0);
	is_registered = true;
	class_operators = hash_create("omendb distance operators", 32, &control,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* The distance operator of the class that a function is a support function of.
 */
static Oid
look_up_operator(Oid function)
{
	Relation	procs =
		table_open(AccessMethodProcedureRelationId, AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(procs, InvalidOid, false, NULL, 0, NULL);
	Oid			distance = InvalidOid;
	HeapTuple	tuple;

	while (!OidIsValid(distance) &&
		   HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(tuple);

		if (proc->amproc == function)
			distance =
				get_opfamily_member(proc->amprocfamily, proc->amproclefttype,
									proc->amprocrighttype,
									OMEN_DISTANCE_STRATEGY);
	}
	systable_endscan(scan);
	table_close(procs, AccessShareLock);
	if (!OidIsValid(distance))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("function %s belongs to no operator class",
							   get_func_name(function))));
	return distance;
}

static Oid
operator_of_class(Oid function)
{
	ClassOperator *known =
		class_operators
			? hash_search(class_operators, &function, HASH_FIND, NULL)
			: NULL;
	Oid			distance;

	if (known)
		return known->distance;
	distance = look_up_operator(function);
	/* that may have been when everything known was forgotten */
	if (class_operators == NULL)
		create_operators();
	known = hash_search(class_operators, &function, HASH_ENTER, NULL);
	known->distance = distance;
	return distance;
}

/*
 * The distance of a function, looked up once for each expression.  Whoever may
 * not call it gets it by no other name.
 */
static PeerCall *
peer_call(FmgrInfo *flinfo)
{
	PeerCall   *call = flinfo->fn_extra;

	if (call == NULL)
	{
		Oid			distance = get_opcode(operator_of_class(flinfo->fn_oid));

		if (!omen_may_call(distance))
			aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION,
						   get_func_name(distance));
		call = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(PeerCall));
		fmgr_info_cxt(distance, &call->distance, flinfo->fn_mcxt);
		call->known = call->distance;
		flinfo->fn_extra = call;
	}
	return call;
}

/*
 * Does a value lie within a sphere?  The same as "distance < radius" to the
 * last bit.  A distance that is NaN is not smaller.
 */
Datum
omen_peer_within(PG_FUNCTION_ARGS)
{
	FmgrInfo   *distance = &peer_call(fcinfo->flinfo)->distance;
	Datum		center;
	double		radius;

	if (!omen_sphere_parts(PG_GETARG_DATUM(1), &center, &radius))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(
		DatumGetFloat8(FunctionCall2Coll(distance, PG_GET_COLLATION(),
										 PG_GETARG_DATUM(0), center)) < radius);
}

/*
 * The distance of two values.  Plans have it in place of the operator's
 * function where a scan of our index returns the row, see planner/peer_plan.c.
 */
Datum
omen_peer_distance(PG_FUNCTION_ARGS)
{
	PeerCall   *call = peer_call(fcinfo->flinfo);
	double		known;
	LOCAL_FCINFO(ask, 2);

	InitFunctionCallInfoData(*ask, &call->known, 2, PG_GET_COLLATION(), NULL,
							 NULL);
	ask->args[0] = fcinfo->args[0];
	ask->args[1] = fcinfo->args[1];
	if (omen_distance_known(ask, &known))
		PG_RETURN_FLOAT8(known);
	return FunctionCall2Coll(&call->distance, PG_GET_COLLATION(),
							 PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
}
