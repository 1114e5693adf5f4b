#include "postgres.h"
#include "hnsw/hnsw.h"
IndexBulkDeleteResult *
omen_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
				 IndexBulkDeleteCallback callback, void *callback_state)
{
	return stats;
}
IndexBulkDeleteResult *
omen_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	return stats;
}
