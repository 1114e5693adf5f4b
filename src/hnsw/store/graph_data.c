/*-------------------------------------------------------------------------
 *
 * graph_data.c
 *	  Reading and changing the data of a graph.
 *
 * Others hold an OmenGraph, read the copy in it, and change what is on the page
 * between omen_graph_change_begin() and omen_graph_change_commit().  Where that
 * is, graph_place.c knows.
 *
 * Must not know what root, entry point and lists are for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"
#include "pause.h"

/* ---------- reading ---------- */

/* Do the data lie on another page than the metapage, which is copied anyway? */
static bool
has_own_page(const OmenGraph *graph)
{
	return graph->block != OMEN_META_BLOCK;
}

/* The data of a group; those of an empty list if it has gone. */
static void
read_group(const OmenGraph *graph, OmenGraphData *data)
{
	OmenGroupRecord record;

	omen_graph_data_init(data);
	if (!omen_group_read(graph->ix, graph->id, &record) ||
		record.version != graph->version)
		return;
	if (record.graph.mode > OMEN_MODE_GRAPH)
		omen_group_report(graph->ix, graph->id);
	*data = record.graph;
}

static void
read_own_page(const OmenGraph *graph, OmenGraphData *data)
{
	Buffer		buf;

	if (omen_graph_is_group(graph))
	{
		read_group(graph, data);
		return;
	}
	buf = ReadBuffer(graph->ix->pages.rel, graph->block);
	LockBuffer(buf, BUFFER_LOCK_SHARE);
	*data = *omen_graph_data_on(graph, BufferGetPage(buf));
	UnlockReleaseBuffer(buf);
}

/*
 * Start to work with a graph of an index that has just been opened.  Allocates
 * in the current memory context.
 */
OmenGraph *
omen_graph_open(OmenIndex *ix, uint32 id)
{
	OmenGraph  *graph = palloc0(sizeof(OmenGraph));

	graph->ix = ix;
	graph->id = id;
	omen_graph_locate(graph);
	graph->data = omen_meta_graph_data(&ix->meta);
	return graph;
}

/*
 * Read the data anew, and the index's quantizer if it is another one by now.
 * The quantizer is never older than the data.
 */
void
omen_graph_refresh(OmenGraph *graph)
{
	if (has_own_page(graph))
		read_own_page(graph, &graph->data);
	omen_index_refresh(graph->ix);
	if (!has_own_page(graph))
		graph->data = omen_meta_graph_data(&graph->ix->meta);
}

/* Copy the data as they are now, and leave what the graph has of them. */
void
omen_graph_read(const OmenGraph *graph, OmenGraphData *data)
{
	OmenMetaPageData meta;

	if (has_own_page(graph))
	{
		read_own_page(graph, data);
		return;
	}
	omen_meta_read(graph->ix->pages.rel, &meta);
	*data = omen_meta_graph_data(&meta);
}

/*
 * How many nodes a group has, by its data, give or take some.  VACUUM has
 * counted them, and what it allows for beside them (vacuum_counts.c) is hardly
 * ever used: two pages, where many a group has a few rows.  Since then, or
 * without that, it is known how many slots they may fill: of the page that they
 * came to last half, and of those that are kept for a small group two thirds at
 * least.
 */
double
omen_group_expected_nodes(const OmenIndex *ix, const OmenGraphData *data)
{
	double		limit = (double) data->node_limit;
	double		counted = (double) data->vacuum_nodes;
	double		dead = (double) data->vacuum_dead;
	double		per_page = ix->layout.node.per_page;

	if (counted > 0)
		return counted + Max(limit - counted - dead - 2 * per_page, 0);
	return limit - Min(per_page / 2, limit / 6);
}

/* ---------- changing ---------- */

/*
 * Lock the data and begin to change them.  What they are is seen in what is
 * returned; others cannot change it until omen_graph_change_commit(), or
 * omen_graph_change_abort() if nothing was written.
 */
OmenGraphData *
omen_graph_change_begin(OmenGraph *graph, OmenGraphChange *change)
{
	change->buf = omen_graph_lock(graph);
	omen_change_begin(&change->pages, &graph->ix->pages);
	return omen_graph_join(graph, &change->pages, change->buf);
}

void
omen_graph_change_commit(OmenGraphChange *change)
{
	omen_change_commit(&change->pages);
	UnlockReleaseBuffer(change->buf);
}

void
omen_graph_change_abort(OmenGraphChange *change)
{
	omen_change_abort(&change->pages);
	UnlockReleaseBuffer(change->buf);
}

void
omen_graph_set_mode(OmenGraph *graph, OmenMode mode)
{
	OmenGraphChange change;

	omen_graph_change_begin(graph, &change)->mode = mode;
	omen_graph_change_commit(&change);
	omen_graph_refresh(graph);
}

/*
 * Freeze the quantizer that groups share: store a mean, unless somebody else
 * was first.
 */
static void
freeze_shared(OmenIndex *ix, const float *mean)
{
	OmenPayload payload =
		omen_mean_payload(ix->meta.dims, 1, InvalidBlockNumber);
	BlockNumber first = omen_payload_write(ix, &payload, mean);
	OmenGraph	shared = {.ix = ix};
	OmenGraphChange change;
	OmenGraphData *data;

	omen_graph_locate(&shared);
	data = omen_graph_change_begin(&shared, &change);
	if (data->epoch != 0)
	{
		omen_graph_change_abort(&change);
		omen_mean_free(ix, first);
		return;
	}
	data->mean = first;
	data->epoch = 1;
	omen_graph_change_commit(&change);
}

/*
 * Freeze the quantizer: store a mean (in rotated coordinates) and start epoch
 * 1, unless mean is NULL; and the radius for inner product.  Codes of epoch 0
 * remain readable, with a mean of zero.  The caller makes sure that no other
 * backend does the same with this graph.
 */
void
omen_graph_freeze(OmenGraph *graph, const float *mean, float radius)
{
	OmenIndex  *ix = graph->ix;
	OmenPayload payload =
		omen_mean_payload(ix->meta.dims, 1, InvalidBlockNumber);
	BlockNumber first = InvalidBlockNumber;
	OmenGraphChange change;
	OmenGraphData *data;

	if (omen_graph_is_group(graph) && mean != NULL)
	{
		freeze_shared(ix, mean);
		mean = NULL;
	}
	if (mean != NULL)
		first = omen_payload_write(ix, &payload, mean);
	data = omen_graph_change_begin(graph, &change);
	if (mean != NULL)
	{
		data->mean = first;
		data->epoch = 1;
	}
	data->radius = radius;
	omen_graph_change_commit(&change);
	omen_graph_refresh(graph);
}

/* ---------- pages ---------- */

/* How many pages of a chain are fetched ahead.  Pages.  guess */
#define PAGES_AHEAD 16

/* The pages of a group, as its record has them now; none if it has gone. */
static void
begin_group(OmenGraphPages *pages, OmenPageKind kind)
{
	OmenGroupRecord record;

	pages->kind = kind;
	pages->next = InvalidBlockNumber;
	if (!omen_group_read(pages->graph->ix, pages->graph->id, &record) ||
		record.version != pages->graph->version)
		return;
	if (kind != OMEN_PAGE_NODE)
	{
		pages->next = record.upper_chain;
		return;
	}
	pages->next = record.chain;
	pages->expected =
		record.graph.node_limit / pages->graph->ix->layout.node.per_page + 1;
	while (pages->nshared < OMEN_GROUP_BLOCKS &&
		   record.blocks[pages->nshared] != InvalidBlockNumber)
	{
		pages->shared[pages->nshared] = record.blocks[pages->nshared];
		omen_fetch_ahead(&pages->graph->ix->pages,
						 pages->shared[pages->nshared]);
		pages->nshared++;
	}
}

/* Begin a walk over the pages that may have slots of a graph. */
void
omen_graph_pages(OmenGraphPages *pages, OmenGraph *graph)
{
	memset(pages, 0, sizeof(OmenGraphPages));
	pages->graph = graph;
	if (omen_graph_is_group(graph))
		begin_group(pages, OMEN_PAGE_NODE);
	else
		pages->next = OMEN_META_BLOCK + 1;
}

/* The same over a group's pages of upper layers. */
void
omen_graph_upper_pages(OmenGraphPages *pages, OmenGraph *graph)
{
	Assert(omen_graph_is_group(graph));
	memset(pages, 0, sizeof(OmenGraphPages));
	pages->graph = graph;
	begin_group(pages, OMEN_PAGE_UPPER);
}

/*
 * Where the chain of a group's own pages goes on from one of these.  A page is
 * not the group's any more if that is being taken apart; else it is damaged.
 */
static BlockNumber
next_on_chain(const OmenGraphPages *pages, BlockNumber block, bool *is_own)
{
	const OmenGraph *graph = pages->graph;
	OmenIndex  *ix = graph->ix;
	OmenNodeRef group = {graph->id, graph->version};
	Buffer		buf = omen_pin(&ix->pages, block);
	BlockNumber next = InvalidBlockNumber;
	OmenPageOpaque opaque;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	opaque = omen_check_page(ix->pages.rel, buf);
	*is_own = opaque != NULL && opaque->kind == pages->kind &&
			  opaque->owner == graph->id;
	if (*is_own)
		next = opaque->chain;
	LockBuffer(buf, BUFFER_LOCK_UNLOCK);
	if (!*is_own && omen_group_is_there(ix, group))
		omen_report_corruption(ix->pages.rel, buf);
	ReleaseBuffer(buf);
	return next;
}

/*
 * Have pages fetched ahead that a chain is about to come to, if it goes on as
 * it went from this block on: by one block, as pages that were added one after
 * the other are, forwards or backwards.
 */
static void
fetch_chain_ahead(OmenGraphPages *pages, BlockNumber block)
{
	OmenPages  *all = &pages->graph->ix->pages;
	bool		is_forwards = pages->next == block + 1;
	BlockNumber end = Min(pages->steps + PAGES_AHEAD, pages->expected);

	if (pages->next == InvalidBlockNumber ||
		(!is_forwards && pages->next + 1 != block))
	{
		pages->asked = pages->steps;
		return;
	}
	for (pages->asked = Max(pages->asked, pages->steps); pages->asked < end;
		 pages->asked++)
	{
		BlockNumber distance = pages->asked - pages->steps;

		if (!is_forwards && distance >= pages->next)
			break;
		omen_fetch_ahead(all, is_forwards ? pages->next + distance
										  : pages->next - distance);
	}
}

/* The next page of a group.  That one of its chain comes twice is damage. */
static bool
next_of_group(OmenGraphPages *pages, BlockNumber *block)
{
	OmenIndex  *ix = pages->graph->ix;
	bool		is_own = true;

	if (pages->next_shared < pages->nshared)
	{
		*block = pages->shared[pages->next_shared++];
		if (*block == OMEN_META_BLOCK || !omen_block_exists(&ix->pages, *block))
			omen_group_report(ix, pages->graph->id);
		return true;
	}
	if (pages->next == InvalidBlockNumber)
		return false;
	OMEN_PAUSE("group-page");
	*block = pages->next;
	if (*block == OMEN_META_BLOCK || !omen_block_exists(&ix->pages, *block) ||
		pages->steps++ >= ix->pages.nblocks)
		omen_group_report(ix, pages->graph->id);
	pages->next = next_on_chain(pages, *block, &is_own);
	if (pages->kind == OMEN_PAGE_NODE)
		fetch_chain_ahead(pages, *block);
	return is_own;
}

/*
 * The next page of a graph; false at the end.  Pages of any kind are among
 * them, and whoever looks at one has to look at its kind, and at the group of
 * each slot.  Those that are added during the walk come at its end, if it is
 * not a group's.
 */
bool
omen_graph_next_page(OmenGraphPages *pages, BlockNumber *block)
{
	if (omen_graph_is_group(pages->graph))
		return next_of_group(pages, block);
	if (!omen_block_exists(&pages->graph->ix->pages, pages->next))
		return false;
	*block = pages->next++;
	return true;
}

/* The page that comes next, to be fetched ahead; it may not exist. */
BlockNumber
omen_graph_coming_page(const OmenGraphPages *pages)
{
	if (pages->next_shared < pages->nshared)
		return pages->shared[pages->next_shared];
	return pages->next;
}
