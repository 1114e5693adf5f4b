/*-------------------------------------------------------------------------
 *
 * handler.c
 *	  What the access method omen_hnsw can do, for PostgreSQL.
 *
 * Extension vector, omendb by pgvector's names, has it also as hnsw; and an
 * access method ivfflat that cannot do anything but say what to use.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "compat.h"
#include "hnsw/hnsw.h"
#include "omendb.h"

OMEN_FUNCTION(omen_hnsw_handler);
OMEN_FUNCTION(omen_alias_handler);
OMEN_FUNCTION(omen_ivfflat_handler);

static IndexAmRoutine *
make_routine(void)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	am->amstrategies = 0;		/* operators are told by their family entries */
	am->amsupport = OMEN_SUPPORT_PROCS;
	am->amoptsprocnum = 0;
	am->amcanorder = false;
	am->amcanorderbyop = true;
	am->amcanbackward = false;
	am->amcanunique = false;
	am->amcanmulticol = true;
	am->amoptionalkey = true;
	am->amsearcharray = true;
	am->amsearchnulls = true;
	am->amstorage = false;
	am->amclusterable = false;
	am->ampredlocks = false;
	am->amcanparallel = false;
	am->amcaninclude = false;
	am->amusemaintenanceworkmem = true;
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
	am->amkeytype = InvalidOid;
	omen_set_version_fields(am);

	am->ambuild = omen_hnsw_build;
	am->ambuildempty = omen_hnsw_build_empty;
	am->aminsert = omen_hnsw_insert;
	am->ambulkdelete = omen_hnsw_bulk_delete;
	am->amvacuumcleanup = omen_hnsw_vacuum_cleanup;
	am->amcanreturn = NULL;
	am->amcostestimate = omen_hnsw_cost_estimate;
	am->amoptions = omen_hnsw_options;
	am->amproperty = omen_hnsw_property;
	am->ambuildphasename = omen_hnsw_build_phase;
	am->amvalidate = omen_hnsw_validate;
	am->amadjustmembers = NULL;
	am->ambeginscan = omen_hnsw_begin_scan;
	am->amrescan = omen_hnsw_rescan;
	am->amgettuple = omen_hnsw_get_tuple;
	am->amgetbitmap = NULL;
	am->amendscan = omen_hnsw_end_scan;
	am->ammarkpos = NULL;
	am->amrestrpos = NULL;
	am->amestimateparallelscan = NULL;
	am->aminitparallelscan = NULL;
	am->amparallelrescan = NULL;

	return am;
}

Datum
omen_hnsw_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(make_routine());
}

/* The same as hnsw: told apart by its options, see omen_is_alias(). */
Datum
omen_alias_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = make_routine();

	am->amoptions = omen_alias_options;
	PG_RETURN_POINTER(am);
}

/* Is an access method ours, by whatever name? */
bool
omen_is_access_method(Oid am)
{
	IndexAmRoutine *routine = GetIndexAmRoutineByAmId(am, false);

	return routine != NULL &&
		   routine->amcostestimate == omen_hnsw_cost_estimate;
}

/* An index of that name would be another one, so there is none. */
Datum
omen_ivfflat_handler(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("access method \"ivfflat\" is not supported"),
			 errdetail("This extension is omendb, which has graphs only."),
			 errhint("Write USING hnsw with the same operator class, and "
					 "WITH (m = 16, ef_construction = 64) or no WITH in place "
					 "of lists.")));
	PG_RETURN_NULL();
}
