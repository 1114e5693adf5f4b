/*-------------------------------------------------------------------------
 *
 * page.c
 *	  Which pages have slots to hand out.
 *
 * The lists of pages with room are page/list.c's; here stands where in the
 * metapage their heads are.  Those of a group's own pages are group_pages.c's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"

static BlockNumber
find_home(const OmenPageLists *lists, uint8 kind)
{
	return OMEN_META_BLOCK;
}

static BlockNumber *
find_head(const OmenPageLists *lists, Page home, uint8 kind)
{
	if (kind == OMEN_PAGE_GROUP)
		return &OmenPageGetMeta(home)->room_group;
	Assert(omen_list_of_kind(kind) >= 0);
	return &OmenPageGetMeta(home)->room[omen_list_of_kind(kind)];
}

static uint32
count_slots(const OmenPageLists *lists, uint8 kind)
{
	return omen_page_slots(lists->am, kind);
}

static uint32
count_slots_of_graph(const OmenPageLists *lists, uint8 kind)
{
	const OmenGraph *graph = lists->am;

	return omen_page_slots(graph->ix, kind);
}

/* A graph's limit is one of nodes. */
static Buffer
lock_graph(const OmenPageLists *lists, uint8 kind)
{
	return kind == OMEN_PAGE_NODE ? omen_graph_lock(lists->am) : InvalidBuffer;
}

/* All free slots of the page may get rows now. */
static void
raise_node_limit(const OmenPageLists *lists, Page told, uint8 kind)
{
	const OmenGraph *graph = lists->am;

	omen_graph_data_on(graph, told)->node_limit +=
		graph->ix->layout.node.per_page;
}

/* Heads of lists stand in the metapage. */
void
omen_page_lists_init(OmenIndex *ix)
{
	ix->lists.home = find_home;
	ix->lists.head = find_head;
	ix->lists.slots = count_slots;
	ix->lists.max_id = OMEN_MAX_ID;
	ix->lists.am = ix;
}

/* A page that belongs to nobody, exclusively locked; see page/list.c. */
Buffer
omen_page_free(OmenIndex *ix)
{
	return omen_list_free_page(&ix->pages, &ix->lists);
}

/*
 * A page of the kind that has a free slot for a graph, pinned and exclusively
 * locked.  The caller may hold an exclusive lock on a node's page when it asks
 * for a page of posting chunks, and no other lock.
 */
Buffer
omen_graph_page_with_room(OmenGraph *graph, OmenPageKind kind)
{
	OmenPageLists lists = graph->ix->lists;

	if (omen_graph_is_group(graph) && kind != OMEN_PAGE_POSTING)
		return omen_group_page_with_room(graph, kind);
	lists.slots = count_slots_of_graph;
	lists.lock_told = lock_graph;
	lists.opened = raise_node_limit;
	lists.am = graph;
	return omen_list_page_with_room(&graph->ix->pages, &lists, kind);
}

/*
 * How many nodes can come to the page that a graph's inserts fill: its free
 * slots.  Of a group, to the one of its own.
 */
uint32
omen_graph_free_slots(OmenGraph *graph)
{
	if (omen_graph_is_group(graph))
		return omen_group_first_free(graph);
	return omen_list_first_free(&graph->ix->pages, &graph->ix->lists,
								OMEN_PAGE_NODE);
}

/*
 * Put a page that has room, or is free, on the list of its kind, or of the
 * group that it is of.
 */
void
omen_page_list(OmenIndex *ix, Buffer buf)
{
	if (OmenPageGetOpaque(BufferGetPage(buf))->owner != 0)
		omen_group_page_list(ix, buf);
	else
		omen_list_add(&ix->pages, &ix->lists, buf);
}
