/*-------------------------------------------------------------------------
 *
 * rewire.c
 *	  New edges for slots that have some to slots that are being taken out.
 *
 * An edge to a condemned slot is replaced by the best of what that slot had as
 * neighbors.  Where much of what a slot leads to is condemned, so are most of
 * these neighbors, and what is left of them is little to choose from: there the
 * graph is searched, as for a new node, and the neighbors that are found get an
 * edge back (back_links.c).  A condemned slot can be walked through, but is not
 * found.
 *
 * The other edges stay: most of them lead back to later nodes and were never
 * chosen by the heuristic, and without them a graph gets sparser with each
 * VACUUM.
 *
 * The slots of one page are rewired together: what their edges shall be is
 * computed without any lock, and then they are compared and written under one
 * exclusive lock, in one WAL record.  A slot that somebody has changed
 * meanwhile is rewired again, by itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "hnsw/graph/repair.h"
#include "hnsw/store/code.h"
#include "pause.h"
#include "utils/memutils.h"

/* Times that a compare-and-set is tried on one slot. */
#define MAX_TRIES 10

/*
 * Candidates for a slot's edges that are taken from condemned neighbors, in
 * times of its capacity.  guess
 */
#define ENOUGH_CANDIDATES 4

/*
 * The graph is searched if more than this part of a slot's edges leads to
 * condemned ones, or if fewer edges than that stay.  Parts of 1, and edges.
 * measured: of 10,000 points of 3 dimensions, m = 4, all but a quarter deleted,
 * recall 0.88 without, 0.99 with (bench/deletes.py); a third in place of a half
 * gives no more, and takes up to twice as long
 */
#define SEARCH_SHARE 0.5
#define SEARCH_IF_STAY 3

/*
 * ef of such a search, in times of m, and at least.  Results.  measured: twice
 * m lacks 0.7 percent of recall of 20,000 clustered points of 64 dimensions,
 * m = 16, of which three quarters are deleted; more than this gives no more.
 * Of the points of 3 dimensions above, m = 4, an ef of 16 finds as much as 24
 * in four fifths of the time, and 12 lacks 0.2 percent
 */
#define SEARCH_EF_OF_M 3
#define SEARCH_MIN_EF 16

/*
 * Slots that such a search visits at most, in times of its ef.  Where hardly
 * anything stays it would walk through the whole graph.  guess
 */
#define SEARCH_MAX_VISITS_OF_EF 256

/*
 * How many condemned slots are gone through for what is behind them; no less
 * than a slot has edges.  Slots.  guess
 */
#define MAX_REACHED (OMEN_MAX_CAPACITY + 300)

/* ---------- candidates ---------- */

static bool
is_among(const OmenCandidate *candidates, uint32 count, uint32 id)
{
	for (uint32 i = 0; i < count; i++)
	{
		if (candidates[i].id == id)
			return true;
	}
	return false;
}

/*
 * The targets that stay, to be kept.  *leaving gets the condemned slots that
 * the other edges lead to, and *nleaving how many there are.
 */
static uint32
staying_candidates(OmenRepair *repair, const OmenOwnCode *own,
				   const OmenEdges *old, OmenCandidate *candidates,
				   OmenCondemned **leaving, uint32 *nleaving)
{
	uint32		count = 0;

	*nleaving = 0;
	for (int i = 0; i < old->degree; i++)
	{
		OmenCondemned *c =
			omen_condemned_leaving(repair, old->ids[i], old->tags[i]);

		if (c != NULL)
			leaving[(*nleaving)++] = c;
		else if (omen_repair_candidate(repair, own, old->ids[i], old->tags[i],
									   &candidates[count]))
			candidates[count++].keep = true;
	}
	return count;
}

/* Add those neighbors of one that goes that stay, until there are plenty. */
static uint32
add_neighbors_of(OmenRepair *repair, const OmenOwnCode *own,
				 const OmenCondemned *c, OmenCandidate *candidates,
				 uint32 count)
{
	uint32		most = ENOUGH_CANDIDATES * repair->plane->capacity;

	for (int i = 0; i < c->degree && count < most; i++)
	{
		if (c->ids[i] != own->ref.id &&
			omen_condemned_leaving(repair, c->ids[i], c->tags[i]) == NULL &&
			!is_among(candidates, count, c->ids[i]) &&
			omen_repair_candidate(repair, own, c->ids[i],
								  c->tags[i] & OMEN_TAG_VERSION,
								  &candidates[count]))
			count++;
	}
	return count;
}

/* The slots that go to which one of them leads, if they are not there yet. */
static uint32
add_condemned_of(OmenRepair *repair, const OmenCondemned *c,
				 OmenCondemned **reached, uint32 count)
{
	for (int i = 0; i < c->degree && count < MAX_REACHED; i++)
	{
		OmenCondemned *next =
			omen_condemned_leaving(repair, c->ids[i], c->tags[i]);
		bool		is_new = next != NULL;

		for (uint32 j = 0; j < count && is_new; j++)
			is_new = reached[j] != next;
		if (is_new)
			reached[count++] = next;
	}
	return count;
}

/*
 * Add the neighbors of those that go.  If that gives fewer than edges go, there
 * was a way through them to somewhere else: go on through what is condemned
 * until as many have been found behind it.
 */
static uint32
add_their_neighbors(OmenRepair *repair, const OmenOwnCode *own,
					OmenCondemned **leaving, uint32 nleaving,
					OmenCandidate *candidates, uint32 kept)
{
	OmenCondemned *reached[MAX_REACHED];
	uint32		nreached = nleaving;
	uint32		count = kept;

	for (uint32 i = 0; i < nleaving; i++)
		count = add_neighbors_of(repair, own, leaving[i], candidates, count);
	if (count - kept >= nleaving)
		return count;
	memcpy(reached, leaving, nleaving * sizeof(OmenCondemned *));
	for (uint32 i = 0; i < nreached && count - kept < nleaving; i++)
	{
		if (i >= nleaving)
			count =
				add_neighbors_of(repair, own, reached[i], candidates, count);
		nreached = add_condemned_of(repair, reached[i], reached, nreached);
	}
	return count;
}

/* Add what a search finds that begins at the slot itself. */
static uint32
add_what_is_found(OmenRepair *repair, const OmenOwnCode *own,
				  OmenCandidate *candidates, uint32 count)
{
	OmenSearch *search = repair->search;
	uint32		kept = count;

	search->most_visits = search->counters.visits +
						  (uint64) SEARCH_MAX_VISITS_OF_EF * repair->search_ef;
	omen_search_for_link(search, &own->header, own->code);
	omen_search_start(search, repair->plane, repair->search_ef);
	(void) omen_search_seed(search, own->ref);
	omen_search_run(search);
	for (uint32 i = 0; i < search->nnearest; i++)
	{
		const OmenSeen *seen = &search->seen[search->nearest[i].seen];
		OmenCandidate *c = &candidates[count];

		if (seen->id == own->ref.id || is_among(candidates, kept, seen->id))
			continue;
		memset(c, 0, sizeof(OmenCandidate));
		c->distance = seen->distance;
		c->id = seen->id;
		c->version = seen->version;
		count++;
	}
	return count;
}

/* ---------- what the edges shall be ---------- */

/* Let the neighbors that are new lead back to a slot, once all are known. */
static void
remember_found(OmenRepair *repair, OmenNodeRef slot,
			   const OmenCandidate *candidates, uint32 count)
{
	for (uint32 i = 0; i < count; i++)
	{
		if (candidates[i].chosen && !candidates[i].keep)
			omen_back_links_add(repair, slot, &candidates[i]);
	}
}

/*
 * Is the graph to be searched for a slot with these edges, so many of which
 * lead to condemned ones?  Not for a node that has no row itself and is only to
 * be taken out with the next ones.
 */
static bool
wants_search(const OmenEdges *edges, uint32 nleaving)
{
	return edges->has_row && (nleaving > SEARCH_SHARE * edges->degree ||
							  edges->degree - nleaving < SEARCH_IF_STAY);
}

/*
 * How many edges a slot may have that had so many: one more, since new ones are
 * not quite as good, but no more than are left when it is pruned.
 */
static uint32
most_edges(const OmenPlane *plane, uint32 degree)
{
	return Max(degree,
			   Min(degree + 1, omen_most_when_pruned(plane, plane->capacity)));
}

/*
 * Find out what a slot's edges shall be.  False if it has gone, or has none to
 * a condemned one any more.  Leaves memory behind in the current context.
 */
static bool
plan_edges(OmenRepair *repair, OmenRewrite *slot)
{
	OmenIndex  *ix = repair->ix;
	const OmenPlane *plane = repair->plane;
	OmenCondemned *leaving[OMEN_MAX_CAPACITY];
	OmenCandidate *candidates =
		palloc(Max(ENOUGH_CANDIDATES * plane->capacity,
				   plane->capacity + repair->search_ef) *
			   sizeof(OmenCandidate));
	OmenOwnCode own = {slot->ref};
	bool		is_searched;
	uint32		nleaving;
	uint32		count;

	own.code = palloc(ix->layout.code_bytes);
	if (!omen_edges_read(repair->graph, plane, slot->ref, &slot->old) ||
		!omen_condemned_any(repair, slot->old.ids, slot->old.tags,
							slot->old.degree) ||
		!omen_load_code(ix, plane, slot->ref.id, slot->ref.version, &own.header,
						own.code))
		return false;
	count = staying_candidates(repair, &own, &slot->old, candidates, leaving,
							   &nleaving);
	is_searched = wants_search(&slot->old, nleaving);
	count = is_searched ? add_what_is_found(repair, &own, candidates, count)
						: add_their_neighbors(repair, &own, leaving, nleaving,
											  candidates, count);
	qsort(candidates, count, sizeof(OmenCandidate), omen_candidate_compare);
	(void) omen_select_neighbors(repair->graph, plane, candidates, count,
								 most_edges(plane, slot->old.degree));
	slot->edges = slot->old;
	if (!omen_edges_chosen(plane, candidates, count, &slot->edges))
		return false;
	if (is_searched)
		remember_found(repair, slot->ref, candidates, count);
	return true;
}

/* ---------- writing ---------- */

/*
 * Rewire a slot by itself that somebody has changed.  After that many times its
 * edges stay as they are: those to condemned slots become stale.
 */
static void
rewire_again(OmenRepair *repair, OmenRewrite *slot)
{
	for (int try = 0; try < MAX_TRIES && !slot->is_written; try++)
	{
		MemoryContextReset(repair->step_context);
		omen_back_links_forget(repair, slot->ref);
		if (!plan_edges(repair, slot))
			return;
		omen_rewrite(repair, slot, 1);
	}
	if (!slot->is_written)
		omen_back_links_forget(repair, slot->ref);
}

/*
 * Rewire slots of one page, none of which is condemned.
 */
void
omen_rewire(OmenRepair *repair, const OmenNodeRef *refs, uint32 count)
{
	MemoryContext page_context = CurrentMemoryContext;
	OmenRewrite *slots =
		palloc_extended(mul_size(Max(count, 1), sizeof(OmenRewrite)),
						MCXT_ALLOC_HUGE);
	uint32		planned = 0;

	for (uint32 i = 0; i < count; i++)
	{
		MemoryContextSwitchTo(repair->step_context);
		slots[planned].ref = refs[i];
		planned += plan_edges(repair, &slots[planned]);
		MemoryContextSwitchTo(page_context);
		MemoryContextReset(repair->step_context);
		omen_vacuum_delay_point();
	}
	omen_rewrite(repair, slots, planned);
	for (uint32 i = 0; i < planned; i++)
	{
		MemoryContextSwitchTo(repair->step_context);
		rewire_again(repair, &slots[i]);
		MemoryContextSwitchTo(page_context);
		MemoryContextReset(repair->step_context);
	}
	omen_back_links_write(repair);
	pfree(slots);
}

/* ef of the searches for new neighbors. */
uint32
omen_rewire_ef(const OmenIndex *ix)
{
	return Max(SEARCH_EF_OF_M * ix->meta.m, SEARCH_MIN_EF);
}
