/*
 * test_graph_data.c
 *		Unit tests of where the data of graphs lie.
 *
 * Purpose: an index has one graph today, but nothing may rely on that.  Two
 * more are held by hand here, whose data lie on a page of their own, beside
 * each other; what is done to one of the three must not be seen in another.
 *
 * The sources include the server's headers.  Buffers, locks and generic WAL are
 * played by a few pages in memory: what is changed is written to a copy of the
 * page, which takes its place when the change is committed.  What of the server
 * is not played here is not linked, and must not be called.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "hnsw/store/store.h"
#include "miscadmin.h"

/* the server has its own */
#undef fprintf
#undef printf
#undef vfprintf
#include "check.h"

#define PAGES 24
#define FIRST_FREE 8 /* blocks from here on are on the list of free ones */

/* ---------- pages in memory ---------- */

static PGAlignedBlock pages[PAGES];
static BlockNumber npages = PAGES - 1;
static int	locks[PAGES];		/* 0, or a lock mode */
static int	pins[PAGES];
static int	wrong_locks;		/* locked twice, or unlocked without a lock */

char	   *BufferBlocks = pages[0].data;
int			wal_level = WAL_LEVEL_REPLICA;
volatile sig_atomic_t InterruptPending = false;

static BlockNumber
block_of(Buffer buf)
{
	return (BlockNumber) buf - 1;
}

static Buffer
pin(BlockNumber block)
{
	pins[block]++;
	return (Buffer) block + 1;
}

Buffer
ReadBuffer(Relation reln, BlockNumber blockNum)
{
	return pin(blockNum);
}

BlockNumber
BufferGetBlockNumber(Buffer buffer)
{
	return block_of(buffer);
}

void
LockBuffer(Buffer buffer, int mode)
{
	int		   *lock = &locks[block_of(buffer)];

	wrong_locks += (mode == BUFFER_LOCK_UNLOCK) == (*lock == 0);
	*lock = mode;
}

void
ReleaseBuffer(Buffer buffer)
{
	pins[block_of(buffer)]--;
}

void
UnlockReleaseBuffer(Buffer buffer)
{
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	ReleaseBuffer(buffer);
}

void
MarkBufferDirty(Buffer buffer)
{
}

void
PageInit(Page page, Size pageSize, Size specialSize)
{
	PageHeader	header = (PageHeader) page;

	memset(page, 0, pageSize);
	header->pd_lower = SizeOfPageHeaderData;
	header->pd_upper = header->pd_special = pageSize - MAXALIGN(specialSize);
	PageSetPageSizeAndVersion(page, pageSize, PG_PAGE_LAYOUT_VERSION);
}

/* Is nothing locked and nothing pinned any more? */
static bool
all_released(void)
{
	for (int i = 0; i < PAGES; i++)
	{
		if (locks[i] != 0 || pins[i] != 0)
			return false;
	}
	return wrong_locks == 0;
}

/* ---------- generic WAL ---------- */

struct GenericXLogState
{
	int			count;
	Buffer		buffers[MAX_GENERIC_XLOG_PAGES];
	PGAlignedBlock images[MAX_GENERIC_XLOG_PAGES];
};

static GenericXLogState record;
static int	commits;

GenericXLogState *
GenericXLogStart(Relation relation)
{
	record.count = 0;
	return &record;
}

Page
GenericXLogRegisterBuffer(GenericXLogState *state, Buffer buffer, int flags)
{
	int			i;

	CHECK(locks[block_of(buffer)] == BUFFER_LOCK_EXCLUSIVE);
	for (i = 0; i < state->count && state->buffers[i] != buffer; i++)
		;
	if (i == state->count)
	{
		state->buffers[state->count++] = buffer;
		memcpy(state->images[i].data, BufferGetPage(buffer), BLCKSZ);
	}
	return (Page) state->images[i].data;
}

XLogRecPtr
GenericXLogFinish(GenericXLogState *state)
{
	for (int i = 0; i < state->count; i++)
		memcpy(BufferGetPage(state->buffers[i]), state->images[i].data, BLCKSZ);
	commits++;
	return 0;
}

void
GenericXLogAbort(GenericXLogState *state)
{
}

/* ---------- what else is called ---------- */

static char arena[4096];
static Size arena_used;

void *
palloc0(Size size)
{
	char	   *place = arena + arena_used;

	arena_used += MAXALIGN(size);
	if (arena_used > sizeof(arena))
		abort();
	return place;
}

bool
omen_block_exists(OmenPages *index_pages, BlockNumber block)
{
	return block < npages;
}

OmenPageOpaque
omen_check_page(Relation rel, Buffer buf)
{
	return OmenPageGetOpaque(BufferGetPage(buf));
}

bool
omen_page_seems(Buffer buf, uint8 kind)
{
	return OmenPageGetOpaque(BufferGetPage(buf))->kind == kind;
}

void
omen_meta_read(Relation rel, OmenMetaPageData *meta)
{
	CHECK(locks[OMEN_META_BLOCK] == 0);
	*meta = *OmenPageGetMeta((Page) pages[OMEN_META_BLOCK].data);
}

void
omen_index_refresh(OmenIndex *ix)
{
	omen_meta_read(ix->pages.rel, &ix->meta);
}

BlockNumber
omen_payload_write(OmenIndex *index, const OmenPayload *payload,
				   const void *bytes)
{
	return 5;
}

/* ---------- three graphs ---------- */

#define OWN_PAGE 3

static FormData_pg_class class;
static RelationData rel;
static OmenIndex ix;
static OmenGraph *first;		/* the index's own */
static OmenGraph second;		/* on OWN_PAGE */
static OmenGraph third;			/* beside it */

static OmenGraphData
on_page(const OmenGraph *graph)
{
	return *(OmenGraphData *) (pages[graph->block].data + graph->offset);
}

static bool
same(const OmenGraphData *a, const OmenGraphData *b)
{
	return memcmp(a, b, sizeof(OmenGraphData)) == 0;
}

static void
hold_by_hand(OmenGraph *graph, uint32 id, uint32 offset)
{
	OmenMetaPageData meta = {0};
	OmenGraphData data;

	omen_meta_init_graph(&meta);
	data = omen_meta_graph_data(&meta);
	memcpy(pages[OWN_PAGE].data + offset, &data, sizeof(data));
	graph->ix = &ix;
	graph->id = id;
	graph->block = OWN_PAGE;
	graph->offset = offset;
	omen_graph_refresh(graph);
}

static void
start(void)
{
	Page		meta_page = (Page) pages[OMEN_META_BLOCK].data;
	OmenMetaPageData *meta = OmenPageGetMeta(meta_page);

	class.relpersistence = RELPERSISTENCE_PERMANENT;
	rel.rd_rel = &class;
	ix.pages.rel = &rel;
	omen_page_init(meta_page, OMEN_META_BLOCK, OMEN_PAGE_META);
	omen_page_init((Page) pages[OWN_PAGE].data, OWN_PAGE, OMEN_PAGE_NODE);
	((PageHeader) pages[OWN_PAGE].data)->pd_lower = 1024;
	omen_meta_init_graph(meta);
	for (int i = 0; i < OMEN_PAGE_LISTS; i++)
		meta->room[i] = InvalidBlockNumber;
	for (BlockNumber block = FIRST_FREE; block < PAGES; block++)
	{
		Page		page = (Page) pages[block].data;

		omen_page_init(page, block, OMEN_PAGE_FREE);
		OmenPageGetOpaque(page)->flags = OMEN_PAGE_LISTED;
		OmenPageGetOpaque(page)->next =
			block + 1 < PAGES ? block + 1 : InvalidBlockNumber;
	}
	meta->room[OMEN_LIST_FREE] = FIRST_FREE;
	ix.layout.node.per_page = 20;
	ix.layout.node.stride = 400;
	ix.layout.upper.per_page = 30;
	ix.layout.upper.stride = 250;
	omen_page_lists_init(&ix);
	omen_index_refresh(&ix);
	first = omen_graph_open(&ix, 0);
	hold_by_hand(&second, 1, 128);
	hold_by_hand(&third, 2, 128 + sizeof(OmenGraphData));
	CHECK(all_released());
}

/* What is done to one of them, and that the others are as they were. */
static void
alone(const char *what, OmenGraph *graph, void (*act)(OmenGraph *))
{
	OmenGraph  *graphs[] = {first, &second, &third};
	OmenGraphData before[3];
	OmenGraphData held[3];
	int			committed = commits;

	for (int i = 0; i < 3; i++)
	{
		omen_graph_refresh(graphs[i]);
		before[i] = on_page(graphs[i]);
		held[i] = graphs[i]->data;
		CHECK_MSG(same(&before[i], &held[i]), "%s: graph %d is not read", what,
				  i);
	}
	act(graph);
	CHECK_MSG(commits > committed, "%s: nothing was committed", what);
	CHECK_MSG(all_released(), "%s: something is locked or pinned", what);
	for (int i = 0; i < 3; i++)
	{
		OmenGraphData after = on_page(graphs[i]);
		OmenGraphData read;

		omen_graph_read(graphs[i], &read);
		CHECK_MSG(same(&read, &after), "%s: graph %d is read wrongly", what, i);
		CHECK_MSG(same(&before[i], &after) == (graphs[i] != graph),
				  "%s: wrong change of graph %d", what, i);
		CHECK_MSG(graphs[i] == graph || same(&graphs[i]->data, &held[i]),
				  "%s: the copy of graph %d has changed", what, i);
		omen_graph_refresh(graphs[i]);
		CHECK_MSG(same(&graphs[i]->data, &after),
				  "%s: graph %d is refreshed wrongly", what, i);
	}
}

static void
set_root(OmenGraph *graph)
{
	OmenGraphChange change;
	OmenGraphData *data = omen_graph_change_begin(graph, &change);
	OmenGraphData before = on_page(graph);

	CHECK(same(data, &before));
	CHECK(locks[graph->block] == BUFFER_LOCK_EXCLUSIVE);
	data->root = 77 + graph->id;
	data->root_version++;
	CHECK(on_page(graph).root == before.root);
	omen_graph_change_commit(&change);
	CHECK(on_page(graph).root == 77 + graph->id);
}

static void
change_mode(OmenGraph *graph)
{
	omen_graph_set_mode(graph, OMEN_MODE_GRAPH);
	CHECK(graph->data.mode == OMEN_MODE_GRAPH);
}

static void
freeze(OmenGraph *graph)
{
	float		mean[1] = {0};

	omen_graph_freeze(graph, mean, 2.5);
	CHECK(graph->data.epoch == 1 && graph->data.mean == 5 &&
		  graph->data.radius == 2.5);
}

/* A page that changes together with the data. */
static void
join(OmenGraph *graph)
{
	OmenChange	change;
	Buffer		other = ReadBuffer(&rel, 6);
	Buffer		buf;

	LockBuffer(other, BUFFER_LOCK_EXCLUSIVE);
	omen_page_init((Page) pages[6].data, 6, OMEN_PAGE_POSTING);
	buf = omen_graph_lock(graph);
	omen_change_begin(&change, &ix.pages);
	omen_graph_join(graph, &change, buf)->side_null = 500 + graph->id;
	OmenPageGetOpaque(omen_change_page(&change, other))->live = 7;
	CHECK(on_page(graph).side_null != 500 + graph->id);
	omen_change_commit(&change);
	UnlockReleaseBuffer(buf);
	UnlockReleaseBuffer(other);
	CHECK(OmenPageGetOpaque((Page) pages[6].data)->live == 7);
}

/* A page of slots raises the limit of the graph that asks for it. */
static void
take_new_page(OmenGraph *graph)
{
	uint64		limit = on_page(graph).node_limit;
	Buffer		buf;

	/* what was on the list before is full now */
	for (int i = 0; i < PAGES; i++)
		OmenPageGetOpaque((Page) pages[i].data)->live = 20;
	buf = omen_graph_page_with_room(graph, OMEN_PAGE_NODE);
	CHECK(locks[block_of(buf)] == BUFFER_LOCK_EXCLUSIVE);
	CHECK(on_page(graph).node_limit == limit + ix.layout.node.per_page);
	UnlockReleaseBuffer(buf);
}

/* Nor does a page of another kind, or what was given up. */
static void
test_unchanged(OmenGraph *graph)
{
	OmenGraphData before = on_page(graph);
	OmenGraphData after;
	OmenGraphChange change;

	UnlockReleaseBuffer(omen_graph_page_with_room(graph, OMEN_PAGE_UPPER));
	(void) omen_graph_change_begin(graph, &change);
	omen_graph_change_abort(&change);
	after = on_page(graph);
	CHECK(same(&before, &after));
	CHECK(all_released());
}

/* A walk sees each page once, also those that are added on the way. */
static void
test_pages(OmenGraph *graph)
{
	OmenGraphPages walk;
	BlockNumber block;
	BlockNumber expected = OMEN_META_BLOCK + 1;

	omen_graph_pages(&walk, graph);
	while (omen_graph_next_page(&walk, &block))
	{
		CHECK(block == expected);
		expected++;
		CHECK(omen_graph_coming_page(&walk) == expected);
		if (block == 2)
			npages++;
	}
	CHECK(expected == npages);
}

int
main(void)
{
	OmenGraph  *graphs[] = {NULL, &second, &third};

	start();
	graphs[0] = first;
	for (int i = 0; i < 3; i++)
	{
		alone("root", graphs[i], set_root);
		alone("mode", graphs[i], change_mode);
		alone("freeze", graphs[i], freeze);
		alone("join", graphs[i], join);
		alone("new page", graphs[i], take_new_page);
		test_unchanged(graphs[i]);
	}
	test_pages(first);
	test_pages(&second);
	return check_finish();
}
