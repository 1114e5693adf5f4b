/*-------------------------------------------------------------------------
 *
 * inspect.c
 *	  What an index consists of, and what the last scan took, as SQL rows.
 *
 * For a healthy index; whether it is one, check.c finds out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "compat.h"
#include "funcapi.h"
#include "hnsw/hnsw.h"
#include "hnsw/inspect.h"
#include "hnsw/named_index.h"
#include "miscadmin.h"
#include "omendb.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#define INFO_COLUMNS 25
#define LAST_SCAN_COLUMNS 8


/* What is counted in a pass over all pages. */
typedef struct IndexCounts
{
	uint64		pages[OMEN_MAX_PAGE_KIND + 1];	/* by OmenPageKind */
	uint64		nodes;			/* with rows */
	uint64		dead_nodes;		/* without */
	uint64		rows;
	uint64		edges;			/* in layer 0 */
	uint64		groups;
	uint64		graph_groups;	/* those that are graphs */
	int			levels;			/* most layers that a graph has */
} IndexCounts;

/* A node whose slot does not tell whether it has rows. */
typedef struct ChainHead
{
	OmenNodeRef node;
	uint32		first;
} ChainHead;

static const char *const mode_names[] = {"flat", "converting", "graph"};

/* ---------- one graph ---------- */

/* What a graph, or list, is; there is no other mode than these. */
const char *
omen_mode_name(const OmenGraphData *data)
{
	return mode_names[data->mode];
}

/* Layers of a graph, layer 0 included; 0 of a list. */
int
omen_count_layers(const OmenGraphData *data)
{
	if (data->mode == OMEN_MODE_FLAT)
		return 0;
	return data->entry == OMEN_INVALID_ID ? 1 : data->entry_level + 1;
}

/* ---------- counting ---------- */

/* Count one node; true if only its chain knows whether it has rows. */
static bool
count_node(IndexCounts *counts, const OmenSlotHeader *slot)
{
	counts->edges += slot->degree;
	if (ItemPointerIsValid(&slot->u.node.heaptid))
	{
		counts->nodes++;
		counts->rows++;
		return false;
	}
	if (slot->u.node.posting != OMEN_INVALID_ID)
		return true;
	counts->dead_nodes++;
	return false;
}

/*
 * Count the nodes of a locked page.  Those of which only the chain knows
 * whether they have rows go to heads; returns how many.
 */
static uint32
count_nodes(OmenIndex *ix, Buffer buf, IndexCounts *counts, ChainHead *heads)
{
	uint32		nheads = 0;
	OmenSlotWalk walk;
	OmenSlotHeader *slot;

	omen_slots_begin(&walk, ix, &ix->layout.node, buf);
	while ((slot = omen_next_slot(&walk)) != NULL)
	{
		if (!count_node(counts, slot))
			continue;
		heads[nheads].node = omen_walk_ref(&walk, slot);
		heads[nheads++].first = slot->u.node.posting;
	}
	return nheads;
}

static void
count_chunks(Page page, IndexCounts *counts)
{
	uint32		used = Min(OmenPageGetOpaque(page)->used, OMEN_CHUNKS_PER_PAGE);

	for (uint32 i = 0; i < used; i++)
	{
		const OmenPostingChunk *chunk = omen_page_chunk(page, i);

		if ((chunk->flags & OMEN_SLOT_USED) != 0)
			counts->rows += Min(chunk->count, OMEN_CHUNK_TIDS);
	}
}

static void
count_groups(Page page, IndexCounts *counts)
{
	uint32		used = Min(OmenPageGetOpaque(page)->used, OMEN_GROUPS_PER_PAGE);

	for (uint32 i = 0; i < used; i++)
	{
		const OmenGroupRecord *record = omen_page_group(page, i);

		/* those that are being taken apart are none any more */
		if (record->flags != OMEN_GROUP_USED)
			continue;
		counts->groups++;
		counts->graph_groups += record->graph.mode == OMEN_MODE_GRAPH;
		counts->levels = Max(counts->levels, omen_count_layers(&record->graph));
	}
}

static void
count_page(OmenGraph *graph, BlockNumber block, BufferAccessStrategy strategy,
		   IndexCounts *counts, ChainHead *heads, OmenTidList *tids)
{
	OmenIndex  *ix = graph->ix;
	Buffer		buf = ReadBufferExtended(ix->pages.rel, MAIN_FORKNUM, block,
									RBM_NORMAL, strategy);
	uint32		nheads = 0;
	OmenPageOpaque opaque;
	uint8		kind;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	opaque = omen_check_page(ix->pages.rel, buf);
	/* a page that was never written is as good as free */
	kind = opaque == NULL ? OMEN_PAGE_FREE : opaque->kind;
	if (kind <= OMEN_MAX_PAGE_KIND)
		counts->pages[kind]++;
	if (kind == OMEN_PAGE_NODE)
		nheads = count_nodes(ix, buf, counts, heads);
	else if (kind == OMEN_PAGE_POSTING)
		count_chunks(BufferGetPage(buf), counts);
	else if (kind == OMEN_PAGE_GROUP)
		count_groups(BufferGetPage(buf), counts);
	UnlockReleaseBuffer(buf);

	for (uint32 i = 0; i < nheads; i++)
	{
		tids->count = 0;
		(void) omen_posting_walk(graph, heads[i].first, heads[i].node, tids);
		if (tids->count > 0)
			counts->nodes++;
		else
			counts->dead_nodes++;
	}
}

static void
count_index(OmenGraph *graph, BlockNumber nblocks, IndexCounts *counts)
{
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	ChainHead  *heads =
		palloc(graph->ix->layout.node.per_page * sizeof(ChainHead));
	OmenTidList tids = {0};

	for (BlockNumber block = 0; block < nblocks; block++)
	{
		CHECK_FOR_INTERRUPTS();
		count_page(graph, block, strategy, counts, heads, &tids);
	}
	FreeAccessStrategy(strategy);
}

/* ---------- the rows ---------- */

/* What the index is: a list, a graph, or as many of these as it has groups. */
static const char *
mode_of(const OmenGraph *graph)
{
	return graph->ix->layout.group_bytes > 0 ? "groups"
											 : omen_mode_name(&graph->data);
}

static void
fill_info(const OmenGraph *graph, const IndexCounts *counts,
		  BlockNumber nblocks, Datum *values, bool *nulls)
{
	const OmenMetaPageData *meta = &graph->ix->meta;
	const OmenGraphData *data = &graph->data;
	uint64		in_use = counts->nodes + counts->dead_nodes;
	int			i = 0;

	values[i++] = CStringGetTextDatum(mode_of(graph));
	values[i++] = CStringGetTextDatum(omen_metrics[meta->metric].name);
	values[i++] = CStringGetTextDatum(omen_codecs[meta->storage]->name);
	values[i++] = Int32GetDatum(meta->value_dims);
	values[i++] = Int32GetDatum(meta->m);
	values[i++] = Int32GetDatum(meta->ef_construction);
	values[i++] = Int32GetDatum(data->epoch);
	values[i++] = Int32GetDatum(meta->version);
	values[i++] = Int32GetDatum(meta->leading);
	values[i++] = Int64GetDatum(counts->groups);
	values[i++] = Int64GetDatum(counts->graph_groups);
	values[i++] = Int64GetDatum(counts->nodes);
	values[i++] = Int64GetDatum(counts->dead_nodes);
	values[i++] = Int64GetDatum(counts->rows);
	values[i++] = Int32GetDatum(counts->levels);
	nulls[i] = in_use == 0;
	values[i++] =
		Float8GetDatum(in_use > 0 ? (double) counts->edges / in_use : 0);
	values[i++] = Int64GetDatum(nblocks);
	values[i++] = Int64GetDatum(counts->pages[OMEN_PAGE_NODE]);
	values[i++] = Int64GetDatum(counts->pages[OMEN_PAGE_UPPER]);
	values[i++] = Int64GetDatum(counts->pages[OMEN_PAGE_POSTING]);
	values[i++] = Int64GetDatum(counts->pages[OMEN_PAGE_PAYLOAD]);
	values[i++] = Int64GetDatum(counts->pages[OMEN_PAGE_GROUP]);
	values[i++] = Int64GetDatum(counts->pages[OMEN_PAGE_DIRECTORY]);
	values[i++] = Int64GetDatum(counts->pages[OMEN_PAGE_FREE]);
	nulls[i] = counts->nodes == 0;
	values[i++] = Float8GetDatum(
		counts->nodes > 0 ? (double) nblocks * BLCKSZ / counts->nodes : 0);
	Assert(i == INFO_COLUMNS);
}

/*
 * Reading a whole index takes time, and tells how many rows there are: for its
 * owner, and for those who may look into all tables so (as with pgstattuple).
 */
static void
require_rights(Relation index)
{
	if (!omen_owns_relation(RelationGetRelid(index), GetUserId()) &&
		!has_privs_of_role(GetUserId(), ROLE_PG_STAT_SCAN_TABLES))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX,
					   RelationGetRelationName(index));
}

OMEN_FUNCTION(omen_hnsw_info);

/*
 * omen_hnsw_info(index regclass): one row.  Counts while others go on, so what
 * changes meanwhile may be counted either way.
 */
Datum
omen_hnsw_info(PG_FUNCTION_ARGS)
{
	Relation	index = index_open(PG_GETARG_OID(0), AccessShareLock);
	IndexCounts counts = {0};
	Datum		values[INFO_COLUMNS] = {0};
	bool		nulls[INFO_COLUMNS] = {0};
	BlockNumber nblocks;
	OmenGraph  *graph;

	omen_require_hnsw_index(index);
	require_rights(index);
	omen_require_contents(index);
	graph = omen_graph_open(omen_index_open(index, false), 0);
	counts.levels = omen_count_layers(&graph->data);
	nblocks = RelationGetNumberOfBlocks(index);
	count_index(graph, nblocks, &counts);
	fill_info(graph, &counts, nblocks, values, nulls);
	index_close(index, AccessShareLock);
	PG_RETURN_DATUM(omen_return_row(fcinfo, values, nulls));
}

OMEN_FUNCTION(omen_hnsw_last_scan);

/*
 * omen_hnsw_last_scan(): what the last scan of an omen_hnsw index in this
 * session has taken so far, and of which index.  One row.  What a statement
 * takes in parallel workers, or in other partitions, is not in it.
 */
Datum
omen_hnsw_last_scan(PG_FUNCTION_ARGS)
{
	const OmenCounters *counters = &omen_last_scan_counters;
	Datum		values[LAST_SCAN_COLUMNS];
	bool		nulls[LAST_SCAN_COLUMNS] = {0};

	values[0] = Int64GetDatum(counters->hops);
	values[1] = Int64GetDatum(counters->visits);
	values[2] = Int64GetDatum(counters->distances);
	values[3] = Int64GetDatum(counters->reranked);
	values[4] = Int64GetDatum(counters->late);
	values[5] = ObjectIdGetDatum(omen_last_scan_index);
	values[6] = Int32GetDatum(omen_last_scan_ef_search.value);
	values[7] =
		CStringGetTextDatum(omen_ef_search_origin(&omen_last_scan_ef_search));
	nulls[5] = !OidIsValid(omen_last_scan_index);
	nulls[6] = nulls[5];
	nulls[7] = nulls[5];
	PG_RETURN_DATUM(omen_return_row(fcinfo, values, nulls));
}
