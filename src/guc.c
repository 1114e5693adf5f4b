/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  Definitions of all configuration parameters, in alphabetical order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "distance/distance.h"
#include "fmgr.h"
#include "guc.h"
#include "hnsw/hnsw.h"
#include "omendb.h"
#include "pause.h"
#include "filter/plan.h"
#include "utils/builtins.h"
#include "utils/guc.h"

static const struct config_enum_entry strategies[] = {
	{"auto", OMEN_STRATEGY_AUTO, false},
	{"exact", OMEN_STRATEGY_EXACT, false},
	{"graph", OMEN_STRATEGY_GRAPH, false},
	{"sweep", OMEN_STRATEGY_SWEEP, false},
	{NULL, 0, false}};

/* Those of other processors, too. */
static const char *const simd_names[] = {"scalar", "avx2",		   "avx512",
										 "neon",   "neon_dotprod", "neon_i8mm"};

static char *simd_setting = NULL;
static bool old_enable_scan = true;

static bool
check_simd(char **newval, void **extra, GucSource source)
{
	if (strcmp(*newval, "auto") == 0 || omen_kernels_available(*newval))
		return true;
	for (size_t i = 0; i < lengthof(simd_names); i++)
		if (strcmp(*newval, simd_names[i]) == 0)
		{
			GUC_check_errdetail("This processor does not support it.");
			return false;
		}
	GUC_check_errdetail("Valid values are \"auto\", \"scalar\", \"avx2\", "
						"\"avx512\", \"neon\", \"neon_dotprod\" and "
						"\"neon_i8mm\".");
	return false;
}

static void
assign_simd(const char *newval, void *extra)
{
	(void) omen_kernels_select(newval);
}

/* What was renamed before anything was released says so when it is used. */
static bool
refuse_renamed(bool *newval, void **extra, GucSource source)
{
	if (source == PGC_S_DEFAULT)
		return true;
	GUC_check_errcode(ERRCODE_UNDEFINED_OBJECT);
	GUC_check_errmsg("unrecognized configuration parameter "
					 "\"omendb.enable_filtered_scan\"");
	GUC_check_errhint("It is now called \"omendb.enable_scan\".");
	return false;
}

void
omen_guc_init(void)
{
	DefineCustomIntVariable(
		"omendb.ef_search",
		"Size of the candidate list of a search in layer 0 of an omen_hnsw "
		"index.",
		"More finds more of the true nearest neighbors, and takes longer.",
		&omen_ef_search, OMEN_DEFAULT_EF_SEARCH, OMEN_MIN_EF_SEARCH,
		OMEN_MAX_EF_SEARCH, PGC_USERSET, GUC_EXPLAIN, NULL, NULL, NULL);
	DefineCustomBoolVariable("omendb.enable_filtered_scan",
							 "Renamed to omendb.enable_scan.", NULL,
							 &old_enable_scan, true, PGC_USERSET,
							 GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL |
								 GUC_NOT_IN_SAMPLE,
							 refuse_renamed, NULL, NULL);
	DefineCustomBoolVariable(
		"omendb.enable_scan",
		"Enables the planner's use of Omen Scan on omen_hnsw indexes.",
		"Without it a query with a filter may return fewer rows than match.",
		&omen_enable_scan, true, PGC_USERSET, GUC_EXPLAIN, NULL, NULL, NULL);
	DefineCustomEnumVariable(
		"omendb.filter_strategy",
		"How filtered scans find the rows that match.",
		"\"auto\" chooses by cost; the others are for trying them out.",
		&omen_filter_strategy, OMEN_STRATEGY_AUTO, strategies, PGC_USERSET,
		GUC_EXPLAIN, NULL, NULL, NULL);
#ifdef OMEN_PAUSE_POINTS
	omen_pause_init();
#endif
	DefineCustomIntVariable(
		"omendb.scan_mem",
		"Memory for what a filtered scan has met, and for rows.",
		"A scan that needs more looks at all rows that match, some at a time.",
		&omen_scan_mem, OMEN_DEFAULT_SCAN_MEM, 64, MAX_KILOBYTES, PGC_USERSET,
		GUC_UNIT_KB | GUC_EXPLAIN, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"omendb.simd", "Instruction set that distances are computed with.",
		"\"auto\" chooses the best that the processor has.", &simd_setting,
		"auto", PGC_USERSET, 0, check_simd, assign_simd, NULL);
	MarkGUCPrefixReserved("omendb");
}

OMEN_FUNCTION(omen_simd);

/* The name of the instruction set in use. */
Datum
omen_simd(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(omen_kernels->name));
}
