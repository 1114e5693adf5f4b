/*
 * test_rewire.c
 *		Unit tests of new edges for slots that lead to condemned ones.
 *
 * Purpose: graphs by hand, too small for chance, in which one thing that
 * src/hnsw/graph/rewire.c does is all that keeps a point within reach.  That
 * searches then find as many rows as before is tested in test/t/025_losses.pl.
 *
 * The sources include the server's headers.  Pages are played by an array that
 * needs no locks, memory by one that is never given back.  What of the server is
 * not played here is not linked, and must not be called.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "commands/vacuum.h"
#include "hnsw/graph/repair.h"
#include "hnsw/store/code.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

/* the server has its own */
#undef fprintf
#undef printf
#undef vfprintf
#undef qsort
#include "check.h"

#define DIMS 2
#define M 4
#define PAGES 4
#define MAX_POINTS 40

/* ---------- memory ---------- */

#define ARENA (8 * 1024 * 1024)

static char arena[ARENA] pg_attribute_aligned(MAXIMUM_ALIGNOF);
static Size arena_used;
static int	switches;			/* a context is only an address here */

MemoryContext CurrentMemoryContext = (MemoryContext) &switches;
volatile sig_atomic_t InterruptPending = false;

/* Each piece has its size in front. */
static void *
take(Size size)
{
	char	   *place = arena + arena_used;

	arena_used += MAXALIGN(size) + MAXIMUM_ALIGNOF;
	if (arena_used > ARENA)
		abort();
	*(Size *) place = size;
	return memset(place + MAXIMUM_ALIGNOF, 0, size);
}

void *
palloc(Size size)
{
	return take(size);
}

void *
palloc0(Size size)
{
	return take(size);
}

void *
palloc_extended(Size size, int flags)
{
	return take(size);
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return take(size);
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return take(size);
}

void *
repalloc_huge(void *pointer, Size size)
{
	Size		before = *(Size *) ((char *) pointer - MAXIMUM_ALIGNOF);

	return memcpy(take(size), pointer, Min(before, size));
}

void
pfree(void *pointer)
{
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name,
							  Size minContextSize, Size initBlockSize,
							  Size maxBlockSize)
{
	return parent;
}

void
MemoryContextReset(MemoryContext context)
{
}

void
MemoryContextDelete(MemoryContext context)
{
}

Size
mul_size(Size s1, Size s2)
{
	return s1 * s2;
}

Size
add_size(Size s1, Size s2)
{
	return s1 + s2;
}

void
pg_qsort(void *base, size_t nel, size_t elsize,
		 int (*cmp)(const void *, const void *))
{
	qsort(base, nel, elsize, cmp);
}

/* ---------- pages ---------- */

static PGAlignedBlock pages[PAGES];
static OmenIndex ix;
static OmenGraph graph;

static const OmenPlane *
plane(void)
{
	return &ix.layout.node;
}

static OmenSlotHeader *
slot_of(uint32 id)
{
	return omen_page_slot((Page) pages[omen_id_block(plane(), id)].data,
						  plane(), omen_id_slot(plane(), id));
}

OmenSlotHeader *
omen_visit(OmenIndex *index, const OmenPlane *of, uint32 id, Buffer *buf)
{
	OmenSlotHeader *slot = slot_of(id);

	*buf = omen_id_block(of, id) + 1;
	return (slot->flags & OMEN_SLOT_USED) != 0 ? slot : NULL;
}

Buffer
omen_pin(OmenPages *of, BlockNumber block)
{
	return block + 1;
}

OmenSlotHeader *
omen_pinned_slot(OmenIndex *index, const OmenPlane *of, uint32 id, Buffer buf)
{
	return omen_visit(index, of, id, &buf);
}

bool
omen_block_exists(OmenPages *of, BlockNumber block)
{
	return block < PAGES;
}

bool
omen_copy_code(OmenIndex *index, const OmenPlane *of, uint32 id,
			   OmenSlotHeader *slot, void *code)
{
	memcpy(code, omen_slot_code(of, slot), index->layout.code_bytes);
	return true;
}

bool
omen_load_code(OmenIndex *index, const OmenPlane *of, uint32 id, uint16 version,
			   OmenCodeHeader *header, void *code)
{
	*header = *omen_slot_code_header(of, slot_of(id));
	return omen_copy_code(index, of, id, slot_of(id), code);
}

/* What somebody else does before a page is locked for a change, once. */
static void (*meanwhile)(void);

OmenSlotHeader *
omen_slot_change_begin(OmenSlotChange *change, OmenIndex *index,
					   const OmenPlane *of, uint32 id)
{
	void (*now)(void) = meanwhile;

	meanwhile = NULL;
	if (now != NULL)
		now();
	change->page = (Page) pages[omen_id_block(of, id)].data;
	return slot_of(id);
}

/* Nothing to be done when it is over, nor to be fetched early. */
void
omen_slot_change_commit(OmenSlotChange *change)
{
}

void
omen_slot_change_abort(OmenSlotChange *change)
{
}

void
omen_prefetch_slot(OmenIndex *index, const OmenPlane *of, uint32 id)
{
}

void
ReleaseBuffer(Buffer buffer)
{
}

void
UnlockReleaseBuffer(Buffer buffer)
{
}

#if PG_VERSION_NUM >= 180000
void
vacuum_delay_point(bool is_analyze)
#else
void
vacuum_delay_point(void)
#endif
{
}

/* ---------- graphs by hand ---------- */

static OmenNodeRef condemned[MAX_POINTS];
static uint32 ncondemned;
static uint32 npoints;

/* Begin a graph without nodes. */
static void
begin_graph(void)
{
	Size bytes = omen_quantizer_size(OMEN_METRIC_L2, OMEN_STORAGE_FULL, DIMS);

	arena_used = 0;
	memset(pages, 0, sizeof(pages));
	memset(&ix, 0, sizeof(ix));
	memset(&graph, 0, sizeof(graph));
	omen_layout_init(&ix.layout, OMEN_FORMAT_VERSION, OMEN_STORAGE_FULL, DIMS,
					 M, 0, false);
	ix.meta.m = M;
	ix.quantizer = palloc(bytes);
	omen_quantizer_init(ix.quantizer, OMEN_METRIC_L2, OMEN_STORAGE_FULL, DIMS,
						0, NULL);
	graph.ix = &ix;
	ncondemned = 0;
	npoints = 0;
}

/* A node of one row; its id. */
static uint32
point(float x, float y)
{
	uint32		id = plane()->per_page + npoints++;
	OmenSlotHeader *slot = slot_of(id);
	float		scratch[DIMS];

	slot->flags = OMEN_SLOT_USED;
	ItemPointerSet(&slot->u.node.heaptid, 1, npoints);
	slot->u.node.posting = OMEN_INVALID_ID;
	slot->payload = InvalidBlockNumber;
	CHECK(omen_encode(ix.quantizer, (float[DIMS]){x, y}, scratch,
					  (OmenCodeHeader *) (slot + 1),
					  omen_slot_code(plane(), slot)));
	return id;
}

/* One that has lost its row and is taken out. */
static uint32
condemned_point(float x, float y)
{
	uint32		id = point(x, y);
	OmenSlotHeader *slot = slot_of(id);

	slot->flags |= OMEN_SLOT_CONDEMNED;
	ItemPointerSetInvalid(&slot->u.node.heaptid);
	condemned[ncondemned++].id = id;
	return id;
}

static void
edge(uint32 from, uint32 to)
{
	OmenSlotHeader *slot = slot_of(from);
	uint32		ids[OMEN_MAX_CAPACITY];
	uint8		tags[OMEN_MAX_CAPACITY] = {0};

	CHECK(omen_slot_get_edges(plane(), slot, ids, tags) == slot->degree);
	ids[slot->degree] = to;
	CHECK(omen_slot_fits(plane(), ids, tags, slot->degree + 1));
	omen_slot_put_edges(plane(), slot, ids, tags, slot->degree + 1);
}

static void
edge_and_back(uint32 a, uint32 b)
{
	edge(a, b);
	edge(b, a);
}

static bool
leads(uint32 from, uint32 to)
{
	OmenSlotHeader *slot = slot_of(from);
	uint32		ids[OMEN_MAX_CAPACITY];
	uint8		tags[OMEN_MAX_CAPACITY];
	int			degree = omen_slot_get_edges(plane(), slot, ids, tags);

	for (int i = 0; i < degree; i++)
	{
		if (ids[i] == to)
			return true;
	}
	return false;
}

/* Rewire slots of one page, with all that was condemned known. */
static void
rewire(const uint32 *ids, uint32 count)
{
	OmenRepair	repair = {.graph = &graph, .ix = &ix, .plane = plane()};
	OmenNodeRef refs[MAX_POINTS] = {0};

	repair.context = CurrentMemoryContext;
	repair.step_context = CurrentMemoryContext;
	repair.page_context = CurrentMemoryContext;
	repair.search = omen_search_create(&graph);
	repair.search_ef = omen_rewire_ef(&ix);
	omen_condemned_allocate(&repair, ncondemned);
	for (uint32 i = 0; i < ncondemned; i++)
	{
		repair.slots[i].ref = condemned[i];
		omen_condemned_remember(&repair, &repair.slots[i],
								slot_of(condemned[i].id));
	}
	omen_condemned_ready(&repair);
	for (uint32 i = 0; i < count; i++)
		refs[i].id = ids[i];
	omen_rewire(&repair, refs, count);
	for (uint32 i = 0; i < count * ncondemned; i++)
		CHECK_MSG(!leads(ids[i % count], condemned[i / count].id),
				  "an edge to %u is left", condemned[i / count].id);
}

/* ---------- what is tested ---------- */

/* A node, and what is beyond a ring of nodes that are taken out. */
static uint32 inner;
static uint32 beyond[8];

static void
make_ring(void)
{
	uint32		ring[4];

	begin_graph();
	inner = point(0, 0);
	for (int i = 0; i < 4; i++)
		ring[i] = condemned_point(1 - (i & 1) * 2, 1 - (i & 2));
	for (int i = 0; i < 8; i++)
		beyond[i] =
			point((1 - (i & 1) * 2) * (3 + i / 4), (1 - (i & 2)) * (3 + i / 4));
	for (int i = 0; i < 4; i++)
	{
		edge_and_back(inner, ring[i]);
		edge(ring[i], ring[(i + 1) % 4]);
		edge(ring[i], beyond[i]);
		edge_and_back(beyond[i], beyond[i + 4]);
	}
}

/*
 * A node all of whose edges go: what is found for it lies beyond the condemned
 * ones, and has lost nothing itself.  Nothing else leads to the node, so it is
 * out of reach unless these lead back.
 */
static void
test_links_back(void)
{
	make_ring();
	rewire(&inner, 1);
	for (int i = 0; i < 4; i++)
	{
		CHECK_MSG(leads(inner, beyond[i]), "the node has no edge to %d", i);
		CHECK_MSG(leads(beyond[i], inner), "%d has no edge back", i);
		CHECK_MSG(!leads(inner, beyond[i + 4]) && !leads(beyond[i + 4], inner),
				  "the farther one of %d is linked, too", i);
	}
}

/*
 * The same node, which gets another edge while its edges are planned; and what
 * goes leads to a new node by then.  With an edge to that it needs none to one
 * beyond, and the plan that had it is dropped with its edges back.
 */
static uint32 new_node;

static void
link_others(void)
{
	edge(inner, point(-9, -9.5f));
	new_node = point(1.1f, 1.1f);
	edge(condemned[0].id, new_node);
}

static void
test_planned_again(void)
{
	make_ring();
	meanwhile = link_others;
	rewire(&inner, 1);
	CHECK(meanwhile == NULL);
	CHECK(leads(inner, new_node) && leads(new_node, inner));
	CHECK(!leads(inner, beyond[0]));
	CHECK_MSG(!leads(beyond[0], inner), "an edge back that was dropped");
	for (int i = 1; i < 4; i++)
		CHECK(leads(inner, beyond[i]) && leads(beyond[i], inner));
}

/*
 * A node that keeps most of its edges, and loses one that was its way to
 * somewhere else, through so many condemned ones.
 */
static void
test_way_behind(uint32 length)
{
	uint32		node;
	uint32		end;
	uint32		last;

	begin_graph();
	node = point(0, 0);
	for (int i = 0; i < 3; i++)
	{
		uint32		near = point(-1, i - 1);

		edge_and_back(node, near);
	}
	last = node;
	for (uint32 i = 0; i < length; i++)
	{
		uint32		next = condemned_point(2 + i, 0);

		edge_and_back(last, next);
		last = next;
	}
	end = point(2 + length, 0);
	edge_and_back(last, end);
	rewire(&node, 1);
	CHECK_MSG(leads(node, end), "no way through %u condemned ones", length);
	CHECK_MSG(slot_of(node)->degree == 4, "%u edges instead of 4",
			  slot_of(node)->degree);
}

/* There is no room for an edge back: the slot keeps those it has. */
static void
test_no_room(void)
{
	uint32		node;
	uint32		full;
	OmenEdges	before;
	OmenEdges	after;
	OmenSlotHeader *slot;

	begin_graph();
	node = point(0, 0);
	full = point(3, 0);
	slot = slot_of(full);
	for (int i = 0; i < 3; i++)
	{
		uint32		gone = condemned_point(1, i - 1);

		edge_and_back(node, gone);
		edge(gone, full);
	}
	while (slot->degree < plane()->capacity)
		edge_and_back(full, point(9 + slot->degree, 0));
	CHECK(omen_edges_read(&graph, plane(), (OmenNodeRef){full, 0}, &before));
	before.tags[6] |= OMEN_TAG_PARENT;
	omen_slot_put_edges(plane(), slot, before.ids, before.tags, before.degree);
	rewire(&node, 1);
	CHECK(leads(node, full));
	CHECK(omen_edges_read(&graph, plane(), (OmenNodeRef){full, 0}, &after));
	CHECK(after.degree == before.degree &&
		  memcmp(after.ids, before.ids, before.degree * sizeof(uint32)) == 0 &&
		  memcmp(after.tags, before.tags, before.degree) == 0);
}

/*
 * Two nodes of a page that the same neighbor is found for, which leads to one of
 * them already, and has room for one edge more.
 */
static void
test_one_place(void)
{
	uint32		nodes[2];
	uint32		neighbor;

	begin_graph();
	nodes[0] = point(0, 0);
	nodes[1] = point(3, -3.5f);
	neighbor = point(3, 0);
	edge(neighbor, nodes[1]);
	for (int i = 0; i < 3; i++)
	{
		uint32		gone = condemned_point(1, i - 1);

		edge_and_back(nodes[0], gone);
		edge_and_back(nodes[1], gone);
		edge(gone, neighbor);
	}
	while (slot_of(neighbor)->degree < plane()->capacity - 1)
		edge_and_back(neighbor, point(9 + slot_of(neighbor)->degree, 0));
	rewire(nodes, 2);
	CHECK(leads(nodes[0], neighbor) && leads(nodes[1], neighbor));
	CHECK(leads(neighbor, nodes[0]) && leads(neighbor, nodes[1]));
	CHECK(slot_of(neighbor)->degree == plane()->capacity);
}

int
main(void)
{
	test_links_back();
	test_planned_again();
	test_no_room();
	test_one_place();
	for (uint32 length = 1; length <= 5; length++)
		test_way_behind(length);
	return check_finish();
}
