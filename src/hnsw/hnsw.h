/*-------------------------------------------------------------------------
 *
 * hnsw.h
 *	  The access method omen_hnsw: what its callbacks share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_HNSW_H
#define OMEN_HNSW_H

#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/reloptions.h"
#include "hnsw/columns.h"
#include "hnsw/ef_search.h"
#include "hnsw/graph/graph.h"
#include "hnsw/keys/prefix.h"
#include "hnsw/store/store.h"
#include "hnsw/visits.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "tuning.h"
#include "types/encode.h"

/* Reloptions. */
#define OMEN_DEFAULT_M 16
#define OMEN_DEFAULT_EF_CONSTRUCTION 64
#define OMEN_MIN_EF_CONSTRUCTION 4
#define OMEN_MAX_EF_CONSTRUCTION 1000

/*
 * GUC omendb.ef_search; see also ef_search.c.  With 50 recall is about what
 * other indexes have at 40, which do not search by codes in a graph that is
 * built at once.
 */
#define OMEN_DEFAULT_EF_SEARCH 50
#define OMEN_MIN_EF_SEARCH 1
#define OMEN_MAX_EF_SEARCH 10000

typedef struct OmenOptions
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int			m;
	int			ef_construction;
	int			storage;		/* OmenStorage, or -1 */
	int			seed;
} OmenOptions;

extern int	omen_ef_search;

/* options.c */
extern void omen_options_init(void);
extern bytea *omen_hnsw_options(Datum reloptions, bool validate);
extern bytea *omen_alias_options(Datum reloptions, bool validate);
extern bool omen_is_alias(Relation index);
extern int	omen_options_m(Relation index);
extern int	omen_options_ef_construction(Relation index);
extern int	omen_options_seed(Relation index);
extern OmenStorage omen_options_storage(Relation index, OmenMetric metric,
										int dims);
extern void omen_options_check_storage(OmenStorage storage, OmenMetric metric,
									   uint32 dims);

/* validate.c */
extern bool omen_hnsw_validate(Oid opclassoid);
extern bool omen_hnsw_property(Oid index_oid, int attno, IndexAMProperty prop,
							   const char *propname, bool *res, bool *isnull);

/* cost.c */

/* What searches of an index cost, in the planner's units. */
typedef struct OmenSearchCost
{
	IndexOptInfo *index;
	const OmenOpclass *opclass; /* of the index's vectors */
	double		nodes;
	double		m;
	bool		is_sketched;	/* it knows sketches of the vectors */
	double		per_visit;		/* of a slot on a cached page */
} OmenSearchCost;

extern void omen_search_cost_init(OmenSearchCost *cost, IndexOptInfo *index,
								  double nodes);
extern double omen_full_scan_cost(PlannerInfo *root, const IndexOptInfo *index,
								  double nodes);
extern bool omen_is_bounded(PlannerInfo *root);
extern int	omen_leading_columns(const IndexOptInfo *index);
extern bool omen_tells_value(const IndexOptInfo *index, int column,
							 Node *clause);
extern void omen_hnsw_cost_estimate(PlannerInfo *root, IndexPath *path,
									double loop_count, Cost *startup,
									Cost *total, Selectivity *selectivity,
									double *correlation, double *pages);

/* columns.c */

/* opclass.c */
extern Datum omen_key_support(PG_FUNCTION_ARGS);
extern const char *omen_catalog_flaw(Relation index,
									 const OmenMetaPageData *meta);
extern void omen_require_catalog(const OmenIndex *ix);
extern void omen_check_columns(Relation index);

/* insert.c */

/* What inserting rows into one index takes; reused from row to row. */
typedef struct OmenInserter
{
	OmenGraph  *graph;
	OmenIndex  *ix;				/* of the graph */
	Relation	heap;
	const OmenOpclass *opclass;
	OmenIndexColumns columns;
	OmenSearch *search;
	int			ef_construction;
	OmenEncodeSpace space;
	uint8	   *code;
	OmenCodeHeader header;
	OmenKeys   *keys;			/* of the columns to filter by, or NULL */
	OmenRowKeys row_keys;		/* of the row */
	OmenPrefix *prefix;			/* of the leading columns, or NULL */
	OmenPrefixKey *group_key;	/* of the row; with prefix only */
	MemoryContext context;		/* all of the above */
	MemoryContext row_context;	/* what one row takes; reset after each */
} OmenInserter;

extern OmenInserter *omen_inserter_create(Relation heap, Relation index,
										  bool building);
extern void omen_inserter_add(OmenInserter *ins, const Datum *values,
							  const bool *isnull, ItemPointer tid,
							  bool unchanged);
extern bool omen_hnsw_insert(Relation index, Datum *values, bool *isnull,
							 ItemPointer heap_tid, Relation heap,
							 IndexUniqueCheck check_unique,
							 bool index_unchanged, IndexInfo *index_info);

/* member_rows.c */
typedef struct OmenMemberRows OmenMemberRows;

extern OmenMemberRows *omen_member_rows_open(OmenInserter *ins);
extern void omen_member_rows_close(OmenMemberRows *rows);
extern bool omen_member_encode(OmenMemberRows *rows, OmenNodeRef node,
							   const OmenCodeHeader *old_header, uint8 *code,
							   OmenCodeHeader *header);

/* groups.c */
extern bool omen_group_find(OmenIndex *ix, OmenPrefix *prefix,
							const OmenPrefixKey *key, OmenNodeRef *group);
extern void omen_group_encode(OmenIndex *ix, OmenPrefix *prefix,
							  const Datum *values, const bool *isnull,
							  OmenPrefixKey *key);
extern void omen_directory_lock(OmenIndex *ix);
extern void omen_directory_unlock(OmenIndex *ix);
extern OmenNodeRef omen_group_need(OmenIndex *ix, OmenPrefix *prefix,
								   const OmenPrefixKey *key);
extern void omen_flat_lock(const OmenGraph *graph, LOCKMODE mode);
extern bool omen_flat_try_lock(const OmenGraph *graph, LOCKMODE mode);
extern void omen_flat_unlock(const OmenGraph *graph, LOCKMODE mode);

/* convert.c */
extern bool omen_flat_is_full(const OmenGraph *graph);
extern void omen_flat_convert(OmenInserter *ins);

/* handler.c */
extern bool omen_is_access_method(Oid am);

/* index_build.c */
extern IndexBuildResult *omen_hnsw_build(Relation heap, Relation index,
										 IndexInfo *index_info);
extern void omen_hnsw_build_empty(Relation index);
extern char *omen_hnsw_build_phase(int64 phase);

/* scan/state.c */
extern IndexScanDesc omen_hnsw_begin_scan(Relation index, int nkeys,
										  int norderbys);
extern void omen_hnsw_rescan(IndexScanDesc scan, ScanKey keys, int nkeys,
							 ScanKey orderbys, int norderbys);
extern void omen_hnsw_end_scan(IndexScanDesc scan);
extern void omen_scan_counters(IndexScanDesc scan, OmenCounters *total);
extern OmenCounters omen_last_scan_counters;
extern Oid	omen_last_scan_index;
extern OmenEfSearch omen_last_scan_ef_search;

/* scan/plain.c */
extern bool omen_hnsw_get_tuple(IndexScanDesc scan, ScanDirection dir);

/* explain.c */
struct		ExplainState;
extern void omen_explain_init(void);
extern void omen_explain_counters(struct ExplainState *es,
								  const OmenCounters *counters);
extern void omen_explain_ef_search(struct ExplainState *es,
								   const OmenEfSearch *ef_search);

/* vacuum.c */
extern IndexBulkDeleteResult *omen_hnsw_bulk_delete(
	IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
	IndexBulkDeleteCallback callback, void *callback_state);
extern IndexBulkDeleteResult *omen_hnsw_vacuum_cleanup(
	IndexVacuumInfo *info, IndexBulkDeleteResult *stats);

#endif							/* OMEN_HNSW_H */
