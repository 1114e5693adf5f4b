/*-------------------------------------------------------------------------
 *
 * search.c
 *	  Best-first search of one layer.
 *
 * Algorithm 2 of Malkov and Yashunin, "Efficient and robust approximate
 * nearest neighbor search using Hierarchical Navigable Small World graphs",
 * with these differences:
 *
 * - Every slot that was met is remembered with its distance, so that a search
 *   can go on where it stopped with a larger ef, as if it had been started
 *   with that ef (omen_search_grow).
 * - Slots that cannot be results (nodes without rows) are walked through.
 * - An edge whose target has another version by now is skipped.
 *
 * Searches of scans and of VACUUM look at slots without pin and lock; see
 * "Looking without a lock" in the README.  Those for neighbors of a new node
 * lock one page at a time, share, with a few pages pinned ahead so that their
 * bytes are on the way while distances are computed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "array.h"
#include "hnsw/graph/graph.h"
#include "hnsw/store/code.h"
#include "miscadmin.h"
#include "pause.h"
#include "port/pg_bitutils.h"
#include "tuning.h"
#include "utils/memutils.h"

/*
 * How many pages are pinned beyond the one in use.  The array in which a
 * backend counts its own pins without a hash table has 8 entries, and the
 * executor holds pins, too.
 */
#define PINS_AHEAD 4

#define VISITED_MIN 1024

/*
 * 2^32 over the golden ratio: products with it, of which the highest bits
 * count, spread ids that follow one another evenly (Knuth, The Art of Computer
 * Programming 3, 6.4), but not those a Fibonacci number apart, so high bits are
 * mixed into low ones before.  With a hash that mixes all bits searches took
 * 1.02 to 1.03 times as long as with the product alone.
 */
#define GOLDEN_RATIO UINT32_C(0x9e3779b9)

/* ---------- heaps ---------- */

/* Of the frontier: nearest on top. */
#define OMEN_HEAP_NAME frontier
#define OMEN_HEAP_ITEM OmenHeapItem
#define OMEN_HEAP_ABOVE(a, b) ((a)->distance < (b)->distance)
#include "binary_heap.h"

/* Of the results: farthest on top. */
#define OMEN_HEAP_NAME nearest
#define OMEN_HEAP_ITEM OmenHeapItem
#define OMEN_HEAP_ABOVE(a, b) ((a)->distance > (b)->distance)
#include "binary_heap.h"

/* Nearest first; ties in the order met. */
int
omen_heap_item_compare(const void *a, const void *b)
{
	const OmenHeapItem *x = a;
	const OmenHeapItem *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->seen < y->seen ? -1 : (x->seen > y->seen ? 1 : 0);
}

static void
push_frontier(OmenSearch *search, float distance, uint32 seen)
{
	OmenHeapItem item = {distance, seen};

	OMEN_GROW(search->context, search->frontier, search->frontier_room,
			  search->nfrontier + 1);
	frontier_push(search->frontier, &search->nfrontier, item);
}

/* Keep a result if it is among the ef nearest. */
static void
keep_nearest(OmenSearch *search, float distance, uint32 seen)
{
	OmenHeapItem item = {distance, seen};

	if (search->nnearest < search->ef)
		nearest_push(search->nearest, &search->nnearest, item);
	else if (distance < search->nearest[0].distance)
		nearest_replace(search->nearest, search->nnearest, item);
}

/* Would a slot at this distance matter to the search? */
static inline bool
is_near(const OmenSearch *search, float distance)
{
	return search->nnearest < search->ef ||
		   distance < search->nearest[0].distance;
}

/* ---------- the set of visited ids ---------- */

static inline uint32
visited_slot(const OmenSearch *search, uint32 id)
{
	uint32		pos = ((id ^ id >> 15) * GOLDEN_RATIO) >> search->visited_shift;

	while (search->visited[pos] != 0 && search->visited[pos] != id)
		pos = (pos + 1) & search->visited_mask;
	return pos;
}

static void
visited_resize(OmenSearch *search, uint32 size)
{
	if (size > search->visited_room)
	{
		if (search->visited)
			pfree(search->visited);
		search->visited =
			MemoryContextAllocHuge(search->context,
								   mul_size(size, sizeof(uint32)));
		search->visited_room = size;
	}
	Assert(size >= VISITED_MIN);
	search->visited_mask = size - 1;
	search->visited_shift = 32 - pg_leftmost_one_pos32(size);
	memset(search->visited, 0, (Size) size * sizeof(uint32));
}

static void
visited_grow(OmenSearch *search)
{
	uint32		old_size = search->visited_mask + 1;
	uint32	   *old;

	if (old_size > PG_UINT32_MAX / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("search of index \"%s\" met too many nodes",
						RelationGetRelationName(search->ix->pages.rel))));
	old = palloc_extended(mul_size(old_size, sizeof(uint32)), MCXT_ALLOC_HUGE);
	memcpy(old, search->visited, (Size) old_size * sizeof(uint32));
	visited_resize(search, old_size * 2);
	for (uint32 i = 0; i < old_size; i++)
	{
		if (old[i] != 0)
			search->visited[visited_slot(search, old[i])] = old[i];
	}
	pfree(old);
}

/*
 * Mark an id as visited.  False if it was.  (No slot has the id 0: block 0 is
 * the metapage.)
 */
bool
omen_search_mark(OmenSearch *search, uint32 id)
{
	uint32		pos = visited_slot(search, id);

	if (search->visited[pos] == id)
		return false;
	search->visited[pos] = id;
	if (unlikely(++search->nvisited * 2 > search->visited_mask))
		visited_grow(search);
	return true;
}

/* Has the slot of this id been looked at by this search? */
static bool
has_met(const OmenSearch *search, uint32 id)
{
	return search->visited[visited_slot(search, id)] == id;
}

/* ---------- the search ---------- */

OmenSearch *
omen_search_create(OmenGraph *graph)
{
	OmenSearch *search = palloc0(sizeof(OmenSearch));

	search->graph = graph;
	search->ix = graph->ix;
	search->most_visits = PG_UINT64_MAX;
	search->context = CurrentMemoryContext;
	return search;
}

/*
 * What is searched for from now on: what is nearest to a query.  Its code must
 * live as long as the searches.
 */
void
omen_search_for_query(OmenSearch *search, const OmenQueryHeader *query,
					  const void *code)
{
	search->query = query;
	search->header = &query->code;
	search->code = code;
	search->distance =
		omen_quantizer_functions(search->ix->quantizer)->query_distance;
}

/* The same: neighbors of a node, by the distance that nodes are linked by. */
void
omen_search_for_link(OmenSearch *search, const OmenCodeHeader *header,
					 const void *code)
{
	search->query = NULL;
	search->header = header;
	search->code = code;
}

/*
 * Let a search of another graph of the same index be for the same query, under
 * the same filter, and go on counting where that one is.
 */
void
omen_search_take_over(OmenSearch *search, const OmenSearch *from)
{
	search->query = from->query;
	search->header = from->header;
	search->code = from->code;
	search->distance = from->distance;
	search->may_peek = from->may_peek;
	search->may_pass = from->may_pass;
	search->pass_arg = from->pass_arg;
	search->key_tests = from->key_tests;
	search->most_visits = from->most_visits;
	search->counters = from->counters;
}

/* Begin a search of a plane. */
void
omen_search_start(OmenSearch *search, const OmenPlane *plane, uint32 ef)
{
	uint32		size = Max(VISITED_MIN, pg_nextpower2_32(Min(ef, 16384) * 32));

	search->plane = plane;
	search->ef = ef;
	search->nseen = 0;
	search->nfrontier = 0;
	search->nnearest = 0;
	OMEN_GROW(search->context, search->nearest, search->nearest_room, ef);
	search->nvisited = 0;
	visited_resize(search, size);
}

/*
 * End a search for the sake of a look at all slots: what it has met and nobody
 * has taken counts as not met from now on, since the list was too short for it.
 */
void
omen_search_end(OmenSearch *search)
{
	visited_resize(search, search->visited_mask + 1);
	search->nvisited = 0;
	for (uint32 i = 0; i < search->nseen; i++)
	{
		if ((search->seen[i].flags & OMEN_SEEN_TAKEN) != 0)
			(void) omen_search_mark(search, search->seen[i].id);
	}
}

/*
 * Does the filter let a node pass?  One with several rows is for whoever takes
 * the results to look into.
 */
bool
omen_search_may_pass(const OmenSearch *search, OmenSlotHeader *slot)
{
	ItemPointerData tid = slot->u.node.heaptid;

	if (!omen_keys_may_pass(search->key_tests, &search->ix->layout.node, slot))
		return false;
	return search->may_pass == NULL ||
		   slot->u.node.posting != OMEN_INVALID_ID ||
		   !ItemPointerIsValid(&tid) ||
		   search->may_pass(search->pass_arg, &tid);
}

/* May the slot be a result of this search? */
static inline uint16
seen_flags(const OmenSearch *search, OmenSlotHeader *slot)
{
	uint16		flags = OMEN_SEEN_RESULT;

	if (search->plane->kind == OMEN_PAGE_NODE)
	{
		if (!omen_node_has_row(slot))
			flags = 0;
		else if (unlikely(search->may_pass != NULL ||
						  search->key_tests != NULL) &&
				 !omen_search_may_pass(search, slot))
			flags = OMEN_SEEN_FILTERED;
	}
	if (search->query == NULL &&
		(slot->flags & (OMEN_SLOT_CONDEMNED | OMEN_SLOT_FLAT)) != 0)
		flags = 0;
	if ((slot->flags & OMEN_SLOT_LINKING) != 0)
		flags |= OMEN_SEEN_LINKING;
	return flags;
}

static inline uint32
remember(OmenSearch *search, uint32 id, float distance, uint16 version,
		 uint16 flags)
{
	OmenSeen   *seen;

	OMEN_GROW(search->context, search->seen, search->seen_room,
			  search->nseen + 1);
	seen = &search->seen[search->nseen];
	seen->distance = distance;
	seen->id = id;
	seen->version = version;
	seen->flags = flags;
	return search->nseen++;
}

/*
 * Distance of the target to a code.  A new node lies on the sphere with the
 * others; a query does not.
 */
static inline float
target_distance(const OmenSearch *search, const OmenCodeHeader *header,
				const void *code)
{
	const OmenQuantizer *quantizer = search->ix->quantizer;

	if (search->query == NULL)
		return omen_link_distance(quantizer, search->graph->data.radius,
								  search->header, search->code, header, code);
	return search->distance(quantizer, search->query, search->code, header,
							code);
}

/* A slot that is near will be expanded soon. */
static inline void
prefetch_edges(const OmenPlane *plane, const OmenSlotHeader *slot)
{
	omen_prefetch_bytes((const char *) slot + plane->edges_offset,
						plane->edge_bytes);
}

/* What a search wants to know of a slot. */
typedef struct Glance
{
	float		distance;
	uint16		version;
	uint16		flags;			/* OMEN_SEEN_* */
} Glance;

/*
 * Glance at a slot.  False if its version differs in the bits of the mask, or
 * if it is another group's, or has no code that this search can read.  Its page
 * is locked, or it was peeked at.
 */
static inline bool
glance_at(OmenSearch *search, uint32 id, uint16 version, uint16 mask,
		  OmenSlotHeader *slot, Glance *glance)
{
	const void *code;

	glance->version = slot->version;
	if (unlikely(((glance->version ^ version) & mask) != 0 ||
				 slot->epoch != search->ix->quantizer_epoch ||
				 !omen_slot_is_of(search->graph, search->plane, slot)))
		return false;
	code = omen_readable_code(search->ix, search->plane, id, slot);
	if (unlikely(code == NULL))
		return false;
	glance->flags = seen_flags(search, slot);
	glance->distance =
		target_distance(search, omen_slot_code_header(search->plane, slot),
						code);
	return true;
}

/*
 * Remember a slot that was glanced at, and give it its place in the heaps.
 *
 * Only such slots count as visited: a stale edge to a slot must not hide the
 * good ones that lead to the slot's new node.
 */
static inline void
take_in(OmenSearch *search, uint32 id, const OmenSlotHeader *slot,
		const Glance *glance)
{
	uint32		seen =
		remember(search, id, glance->distance, glance->version, glance->flags);

	(void) omen_search_mark(search, id);
	search->counters.distances++;
	if (is_near(search, glance->distance))
	{
		push_frontier(search, glance->distance, seen);
		prefetch_edges(search->plane, slot);
		if ((glance->flags & OMEN_SEEN_RESULT) != 0)
			keep_nearest(search, glance->distance, seen);
	}
}

/* Look at one slot, whose page is pinned and is released. */
static void
examine_pinned(OmenSearch *search, uint32 id, uint16 version, uint16 mask,
			   Buffer buf)
{
	OmenSlotHeader *slot = omen_pinned_slot(search->ix, search->plane, id, buf);
	Glance		glance;

	search->counters.visits++;
	if (unlikely(slot == NULL))
	{
		ReleaseBuffer(buf);
		return;
	}
	if (glance_at(search, id, version, mask, slot, &glance))
		take_in(search, id, slot, &glance);
	UnlockReleaseBuffer(buf);
}

/* Look at one slot without a pin.  False if that is not possible. */
static bool
examine_peeking(OmenSearch *search, uint32 id, uint16 version, uint16 mask)
{
	Buffer		buf;
	OmenSlotHeader *slot = omen_peek(search->ix, search->plane, id, &buf);
	Glance		glance;
	bool		is_good;

	if (unlikely(slot == NULL))
		return false;
	is_good = glance_at(search, id, version, mask, slot, &glance);
	if (unlikely(!omen_peek_held(&search->ix->pages,
								 omen_id_block(search->plane, id), buf)))
		return false;
	/*
	 * A node that is met is not looked at again, so what would keep its row
	 * from being found has to be true; nor can a search live with NaN.  (What
	 * a filter keeps out is so common that it is believed: the worst is that a
	 * row is not found whose TID has just changed.  So is what is no neighbor.)
	 */
	if (is_good &&
		((search->plane->kind == OMEN_PAGE_NODE && search->query != NULL &&
		  (glance.flags & (OMEN_SEEN_RESULT | OMEN_SEEN_FILTERED)) == 0) ||
		 isnan(glance.distance)))
		return false;
	search->counters.visits++;
	if (is_good)
		take_in(search, id, slot, &glance);
	return true;
}

/* Look at one slot, without a pin if that is possible. */
static void
examine(OmenSearch *search, uint32 id, uint16 version, uint16 mask)
{
	if (!search->may_peek || !examine_peeking(search, id, version, mask))
		examine_pinned(search, id, version, mask,
					   omen_pin(&search->ix->pages,
								omen_id_block(search->plane, id)));
}

/*
 * Start from a slot, too.  False if it is not there, or was met before.
 */
bool
omen_search_seed(OmenSearch *search, OmenNodeRef ref)
{
	BlockNumber block = omen_id_block(search->plane, ref.id);
	uint32		before = search->nseen;

	if (ref.id == OMEN_INVALID_ID || block == OMEN_META_BLOCK ||
		!omen_block_exists(&search->ix->pages, block) ||
		has_met(search, ref.id))
		return false;
	examine(search, ref.id, ref.version, 0xFFFF);
	return search->nseen > before;
}

/*
 * Copy the edges of a slot.  Returns how many; none if the slot has another
 * version by now.  Its page is locked, or it was peeked at.
 */
static uint32
copy_edges(OmenSearch *search, const OmenSeen *from, OmenSlotHeader *slot,
		   uint32 *ids, uint8 *tags)
{
	int			degree;

	if (slot->version != from->version)
		return 0;
	/* not by a macro, which would copy twice, and what changes differently */
	degree = omen_slot_get_edges(search->plane, slot, ids, tags);
	return (uint32) Max(degree, 0);
}

/* The same of a slot that has to be found. */
static uint32
read_edges(OmenSearch *search, const OmenSeen *from, uint32 *ids, uint8 *tags)
{
	uint32		degree;
	Buffer		buf;
	OmenSlotHeader *slot;

	if (search->may_peek)
	{
		slot = omen_peek(search->ix, search->plane, from->id, &buf);
		if (likely(slot != NULL))
		{
			degree = copy_edges(search, from, slot, ids, tags);
			if (likely(omen_peek_held(&search->ix->pages,
									  omen_id_block(search->plane, from->id),
									  buf)))
				return degree;
		}
	}
	slot = omen_visit(search->ix, search->plane, from->id, &buf);
	if (slot == NULL)
		return 0;
	degree = copy_edges(search, from, slot, ids, tags);
	UnlockReleaseBuffer(buf);
	return degree;
}

/*
 * Copy the edges of a slot to targets not visited yet.  Returns how many.
 */
static uint32
unvisited_neighbors(OmenSearch *search, const OmenSeen *from, uint32 *ids,
					uint8 *tags)
{
	uint32		degree = read_edges(search, from, ids, tags);
	uint32		count = 0;

	for (uint32 i = 0; i < degree; i++)
	{
		BlockNumber block = omen_id_block(search->plane, ids[i]);

		if (likely(block != OMEN_META_BLOCK &&
				   omen_block_exists(&search->ix->pages, block)) &&
			!has_met(search, ids[i]))
		{
			ids[count] = ids[i];
			tags[count++] = OmenVersionTag(tags[i]);
		}
	}
	return count;
}

/* Prefetch the first slots of a hop. */
static void
prefetch_slots(const OmenSearch *search, const uint32 *ids, uint32 count)
{
	bool twice = omen_prefetched_bytes(search->plane) >= OMEN_ASK_TWICE_BYTES;

	for (int times = twice ? 2 : 1; times > 0; times--)
	{
		for (uint32 i = 0; i < count; i++)
			omen_prefetch_slot(search->ix, search->plane, ids[i]);
	}
}

/* Look at some slots in their pages, without pins where that is possible. */
static void
examine_peeks(OmenSearch *search, const uint32 *ids, const uint8 *tags,
			  uint32 count)
{
	uint32		bytes = omen_prefetched_bytes(search->plane);
	uint32		ahead = Max(OMEN_BYTES_AHEAD / (bytes + OMEN_BYTES_BESIDE), 1);

	prefetch_slots(search, ids, Min(count, ahead));
	for (uint32 i = 0; i < count; i++)
	{
		if (i + ahead < count)
			omen_prefetch_slot(search->ix, search->plane, ids[i + ahead]);
		examine(search, ids[i], tags[i], OMEN_TAG_VERSION);
	}
}

/* Look at some slots in their pages, a few of which are pinned ahead. */
static void
examine_pages(OmenSearch *search, const uint32 *ids, const uint8 *tags,
			  uint32 count)
{
	Buffer		bufs[OMEN_MAX_CAPACITY];
	uint32		pinned = 0;

	prefetch_slots(search, ids, count);
	for (uint32 i = 0; i < count; i++)
	{
		for (; pinned < count && pinned <= i + PINS_AHEAD; pinned++)
		{
			bufs[pinned] = omen_pin(&search->ix->pages,
									omen_id_block(search->plane, ids[pinned]));
		}
		examine_pinned(search, ids[i], tags[i], OMEN_TAG_VERSION, bufs[i]);
	}
}

/* Look at the neighbors of a slot. */
static void
expand(OmenSearch *search, uint32 which)
{
	uint32		ids[OMEN_MAX_CAPACITY];
	uint8		tags[OMEN_MAX_CAPACITY];
	OmenSeen	from = search->seen[which];
	uint32		count;

	search->seen[which].flags |= OMEN_SEEN_EXPANDED;
	search->counters.hops++;
	count = unvisited_neighbors(search, &from, ids, tags);
	OMEN_PAUSE("search-edges");
	if (search->may_peek)
		examine_peeks(search, ids, tags, count);
	else
		examine_pages(search, ids, tags, count);
}

/*
 * Search until nothing nearer than the ef nearest results is left to expand.
 */
void
omen_search_run(OmenSearch *search)
{
	while (search->nfrontier > 0)
	{
		OmenHeapItem next;

		if ((search->nnearest == search->ef &&
			 search->frontier[0].distance > search->nearest[0].distance) ||
			search->counters.visits >= search->most_visits)
			break;
		next = frontier_pop(search->frontier, &search->nfrontier);
		if ((search->seen[next.seen].flags & OMEN_SEEN_EXPANDED) != 0)
			continue;
		expand(search, next.seen);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Let the search hold more results and go on from all it has met, as if it had
 * had this ef from the start.
 */
void
omen_search_grow(OmenSearch *search, uint32 ef)
{
	search->ef = ef;
	OMEN_GROW(search->context, search->nearest, search->nearest_room, ef);
	search->nnearest = 0;
	search->nfrontier = 0;
	for (uint32 i = 0; i < search->nseen; i++)
	{
		OmenSeen   *seen = &search->seen[i];

		if ((seen->flags & OMEN_SEEN_RESULT) != 0)
			keep_nearest(search, seen->distance, i);
	}
	/* what is farther would not be expanded before the next time */
	for (uint32 i = 0; i < search->nseen; i++)
	{
		OmenSeen   *seen = &search->seen[i];

		if ((seen->flags & OMEN_SEEN_EXPANDED) == 0 &&
			(search->nnearest < search->ef ||
			 seen->distance <= search->nearest[0].distance))
			push_frontier(search, seen->distance, i);
	}
	omen_search_run(search);
}
