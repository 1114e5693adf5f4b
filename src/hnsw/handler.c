/*-------------------------------------------------------------------------
 *
 * handler.c
 *	  What the access method omen_hnsw can do, for PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/vacuum.h"
#include "compat.h"
#include "hnsw/hnsw.h"
#include "omendb.h"

OMEN_FUNCTION(omen_hnsw_handler);

Datum
omen_hnsw_handler(PG_FUNCTION_ARGS)
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

	PG_RETURN_POINTER(am);
}
