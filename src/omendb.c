/*-------------------------------------------------------------------------
 *
 * omendb.c
 *	  What happens when the server loads the library.
 *
 * Only the module's magic block and its initialisation; each layer defines
 * and registers what is its own.
 *
 *-------------------------------------------------------------------------
 */
#include "omendb.h"

#include "distance/distance.h"
#include "guc.h"
#include "planner/semi_join.h"
#include "hnsw/hnsw.h"
#include "filter/plan.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	omen_kernels_init();
	omen_guc_init();
	omen_options_init();
	omen_explain_init();
	omen_custom_scan_init();
	omen_custom_path_init();
	omen_semi_join_init();
}
