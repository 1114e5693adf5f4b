/*-------------------------------------------------------------------------
 *
 * filtered.c
 *	  Index scans that know which rows are wanted, and how many.
 *
 * Rows that pass are held back until as many are found as are wanted: as long
 * as none has gone out, none can be late.  If a search does not find them, it
 * goes on with a longer candidate list, as any scan does.
 *
 * With a filter by TID, nodes that do not pass are walked through and are no
 * results, so the candidate list holds rows that may pass only.  Without one,
 * rows are fetched in the order of their nodes until enough have passed; what
 * a search finds of the r nearest is good if its candidate list is longer than
 * r, so it is made so.
 *
 * Where the graph does not give enough, or would take longer than to look at
 * all rows that may pass, the scan gives up, and its caller has it make an
 * exact pass: over the TIDs that the caller has, or else over the whole table.
 * That may come after rows have gone out, if more are asked for than were
 * wanted.  Then the rows that went out are left out, and those that should
 * have come before the last of them are late, as in any scan.
 *
 * What an exact pass finds is kept within the memory allowed: if that is
 * little, the nearest half is kept each time that it is full.  When those have
 * gone out another pass finds what comes after.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "hnsw/scan/scan.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* A sweep's list is long enough if it would have to be longer by no more than this. */
#define SLACK_OF_LIST 1.25

/* Rows of an exact pass that are fetched together. */
#define ROWS_AT_A_TIME 32

/* The part of the way to where enough rows are expected that a list grows. */
#define STEP 0.6

/*
 * Bytes that a slot takes in a search that has met it: in seen[], in the set of
 * visited ids when that is half full, and in the heaps.
 */
#define BYTES_PER_VISIT \
	(sizeof(OmenSeen) + 2 * sizeof(uint32) + 2 * sizeof(OmenHeapItem))

/* Forget the filter and what was held; on each rescan. */
void
omen_filtered_reset(OmenScanState *state)
{
	state->filter = NULL;
	state->nheld = 0;
	state->next_held = 0;
	state->is_settled = false;
	state->is_beyond = false;
	state->has_cut = false;
	state->tested = 0;
	state->is_cut = false;
	state->nulls.count = 0;
	state->sent.count = 0;
}

/* In visits of slots. */
static uint64
work_done(const OmenScanState *state)
{
	return state->search->counters.visits +
		   (uint64) (state->tested * state->filter->row_work);
}

/* Did the last search end because it was allowed no more? */
static bool
search_was_cut(const OmenScanState *state)
{
	return state->is_cut ||
		   state->search->counters.visits >= state->search->most_visits;
}

/* Let the search do what is left of the work, within memory. */
static void
limit_search(OmenScanState *state)
{
	const OmenFilter *filter = state->filter;
	OmenSearch *search = state->search;
	uint64		done;

	if (filter == NULL)
		return;
	state->is_cut = search_was_cut(state);
	done = work_done(state);
	search->most_visits = search->counters.visits;
	if (done < filter->most_work)
		search->most_visits =
			Min(search->most_visits +
					Min(filter->most_work - done, PG_INT64_MAX),
				filter->memory / BYTES_PER_VISIT);
}

/*
 * Is the nearest that a filtered scan has pending outside its radius?  Then so is
 * all that a search would find now, which goes outwards.
 */
bool
omen_filtered_is_beyond(OmenScanState *state)
{
	if (state->filter != NULL && state->nodes[0].bound > state->filter->radius)
		state->is_beyond = true;
	return state->is_beyond;
}

/* Tell the search of the filter, if there is one; when a scan starts. */
void
omen_filtered_start(OmenScanState *state)
{
	const OmenFilter *filter = state->filter;
	OmenSearch *search = state->search;

	state->ef = filter ? filter->ef : (uint32) omen_ef_search;
	search->may_pass = filter ? filter->may_pass : NULL;
	search->pass_arg = filter ? filter->arg : NULL;
	search->key_tests =
		filter == NULL || filter->use_keys ? state->key_tests : NULL;
	search->most_visits = PG_UINT64_MAX;
	state->is_cut = false;
	limit_search(state);
}

/* Has a filtered scan done as much as it may? */
bool
omen_filtered_is_spent(const OmenScanState *state)
{
	return state->filter != NULL && state->phase == OMEN_SCAN_GRAPH &&
		   work_done(state) >= state->filter->most_work;
}

/*
 * Make a scan a filtered one; after amrescan, before the first row.  The query
 * is copied.
 */
void
omen_filtered_begin(IndexScanDesc scan, const OmenFilter *filter)
{
	OmenScanState *state = scan->opaque;

	state->filter = filter;
	omen_scan_prepare(scan);
}

/*
 * Size of the candidate list, of nodes whether they pass or not, that finds as
 * large a part of the nearest rows that pass as ef_search does of all rows.  The
 * wanted rows are spread over more of the list then, and at its end it lacks more
 * than at its beginning.  (Measured; there is a limit, since where few pass more rows
 * are looked at anyway.)
 */
double
omen_filtered_list(double selectivity)
{
	return omen_ef_search *
		   Min(1 / sqrt(Max(selectivity, 1e-9)), OMEN_MOST_STRETCH);
}

/*
 * How many nodes have to be tested until as many rows pass as are wanted, after so
 * many that were and so many rows that passed.  What was expected counts as much as
 * one row that passed (the mean of a Gamma distribution with that prior).
 */
double
omen_filtered_tests(const OmenFilter *filter, uint64 tested, uint64 passed)
{
	double rate = (passed + 1.0) / (tested + 1 / Max(filter->pass_rate, 1e-9));

	return tested + (filter->wanted - Min(passed, filter->wanted)) / rate;
}

/* Rows that have passed, whether their turn has come or not. */
static uint64
passed(const OmenScanState *state)
{
	return (uint64) state->nheld + state->nrows;
}

/* The size that the list of a sweep should have, by what it has seen. */
static double
list_as_seen(const OmenScanState *state)
{
	return omen_filtered_list((double) passed(state) / Max(state->tested, 1));
}

/*
 * The next size of the candidate list: twice as long.  One of which rows are tested
 * only afterwards becomes as long as ef_search if it was not, and then grows with
 * what these have shown, a little at least, and no more than threefold, since the
 * next step may show something else; and not all the way, since steps cost less
 * than looking too far (it is shorter than that half the time).  If enough rows have
 * passed, and the list is only shorter than what was looked at, it needs no more than
 * to be sure of that.  A search that was cut goes on with the list that it has.
 */
uint32
omen_filtered_next_ef(const OmenScanState *state)
{
	const OmenFilter *filter = state->filter;
	uint32		ef = state->search->ef;

	if (filter == NULL)
		return ef * 2;
	if (state->is_cut)
		return ef;
	if (omen_filter_is_inside(filter))
		return ef * 2;
	if (passed(state) < filter->wanted)
	{
		double		tests =
			omen_filtered_tests(filter, state->tested, passed(state));

		tests = state->tested + STEP * (tests - state->tested);
		return (uint32) Max(Min(Max(tests, ef * 1.15 + 1),
								Min(ef * 3.0, PG_INT32_MAX)),
							omen_ef_search);
	}
	if (ef < list_as_seen(state))
		return (uint32) list_as_seen(state) + 1;
	if (state->tested > ef && state->tested < ef + ef / 2)
		return (uint32) state->tested + ef / 8 + 1;
	return ef * 2;
}

/* ---------- rows by the graph ---------- */

/*
 * Hold a row.  It is farther than those held before, but for one whose bound
 * was only likely (see omen_lower_bound), which finds its place.
 */
static void
hold_row(OmenScanState *state, const OmenPendingRow *row)
{
	uint32		place = state->nheld;

	state->held = omen_scan_room(state, state->held, &state->held_room,
								 state->nheld, sizeof(OmenPendingRow));
	for (; place > 0 && state->held[place - 1].distance > row->distance;
		 place--)
		state->held[place] = state->held[place - 1];
	state->held[place] = *row;
	state->nheld++;
}

/* Has the search gone far enough to rely on what it found? */
static bool
can_be_relied_on(const OmenScanState *state)
{
	const OmenSearch *search = state->search;

	if (state->phase == OMEN_SCAN_CLOSING)
		return true;
	if (search_was_cut(state))
		return false;
	/* keys need not say all, a set does */
	if (state->filter->may_pass == NULL && search->ef < state->tested)
		return false;
	/* a short look is to see what passes, and then becomes a search as any */
	if (!omen_filter_is_inside(state->filter))
		return search->ef >= (uint32) omen_ef_search &&
			   search->ef * SLACK_OF_LIST >= list_as_seen(state);
	if (omen_filtered_is_spent(state))
		return false;

	/*
	 * Rows that pass lie nearer to the query than others do.  Then the list is
	 * no longer one of many more nodes, and what is expected of a list of
	 * ef_search is had for little.
	 */
	if (search->ef < (uint32) omen_ef_search &&
		search->counters.visits < state->filter->usual_visits / 5)
		return false;

	/*
	 * Rows that pass lie farther from the query than others do, where a search
	 * comes in at a few places only.
	 */
	return search->counters.visits < 2 * state->filter->usual_visits ||
		   search->ef >= 2 * state->filter->ef;
}

/*
 * Hold the rows that are wanted, as far as they are known and in order.  True
 * if those are all, and they can be relied on.
 */
static bool
settle(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	OmenPendingRow row;

	while (state->nheld < state->filter->wanted && omen_rerank_take(scan, &row))
		hold_row(state, &row);
	return state->nheld >= state->filter->wanted && can_be_relied_on(state);
}

/* What is found now may be nearer than what is held. */
static void
unsettle(OmenScanState *state)
{
	state->is_beyond = false;
	for (uint32 i = 0; i < state->nheld; i++)
		omen_rerank_add_row(state, state->held[i]);
	state->nheld = 0;
}

/* Search on.  False if that gives nothing, or no more is allowed. */
static bool
search_further(OmenScanState *state)
{
	bool		was_cut;

	limit_search(state);
	was_cut = state->is_cut;
	if (state->search->counters.visits >= state->search->most_visits)
		return false;
	/* the end of a search that was cut may have nothing that is nearer */
	if (!omen_scan_search_on(state) && !was_cut)
		return false;
	state->is_cut = false;
	return true;
}

/*
 * May a scan that has not settled go on?  Tells how much more it may do.
 */
static bool
is_worth_while(OmenScanState *state)
{
	const OmenFilter *filter = state->filter;
	OmenFilterProgress progress;

	if (filter->is_worth == NULL)
		return true;
	progress.tested = state->tested;
	progress.passed = passed(state);
	progress.is_cut = state->is_cut;
	progress.found = state->search->nnearest;
	progress.ef = state->search->ef;
	progress.next_ef = omen_filtered_next_ef(state);
	progress.work = work_done(state);
	return filter->is_worth(filter->arg, &progress);
}

/* Find the rows that are wanted.  False if the graph does not give them. */
static bool
find_wanted(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	bool		was_spent;
	bool		is_good;

	while (!settle(scan))
	{
		/* all that have a distance have been looked at */
		if (state->phase == OMEN_SCAN_CLOSING)
			break;
		/* nothing that is farther passes */
		if (state->is_beyond && can_be_relied_on(state))
			break;
		was_spent = omen_filtered_is_spent(state);
		state->is_cut = search_was_cut(state);
		is_good = is_worth_while(state);
		/* what was left pending comes first, but for a walk that is on its way */
		if (is_good && was_spent && !omen_filtered_is_spent(state) &&
			!(state->is_cut && omen_filter_is_inside(state->filter)) &&
			(state->nnodes > 0 || state->nheld >= state->filter->wanted))
		{
			limit_search(state);
			continue;
		}
		is_good = is_good && search_further(state);
		unsettle(state);
		if (!is_good)
			return false;
	}
	state->is_settled = true;
	return true;
}

/*
 * Look at all nodes that may pass, instead of searching on.  False if that
 * cannot be: rows have gone out already, or there are too many nodes.
 */
bool
omen_filtered_close(IndexScanDesc scan)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old;
	bool		is_closed;

	if (state->no_distance || state->phase == OMEN_SCAN_EXACT ||
		state->sent.count > 0)
		return false;
	old = MemoryContextSwitchTo(state->query_context);
	/* what is tested may be more than the search knew that gave up */
	omen_filtered_start(state);
	state->nheld = 0;
	is_closed = true;
	if (state->key_tests && state->key_tests->never)
		state->phase = OMEN_SCAN_DONE;
	else
		is_closed = omen_scan_close(scan, state->filter->memory);
	MemoryContextSwitchTo(old);
	return is_closed;
}

/*
 * After all nodes: the rows that have no distance, whose lists are looked
 * through.
 */
static bool
next_without_distance(IndexScanDesc scan, OmenPendingRow *row)
{
	OmenScanState *state = scan->opaque;

	for (;;)
	{
		if (state->phase == OMEN_SCAN_CLOSING)
			omen_scan_side_list(state, OMEN_SIDE_NAN, OMEN_SCAN_SIDE_NAN);
		while (state->next_tid < state->tids.count)
		{
			ItemPointer tid = &state->tids.tids[state->next_tid++];

			CHECK_FOR_INTERRUPTS();
			if ((state->filter->may_pass == NULL ||
				 state->filter->may_pass(state->filter->arg, tid)) &&
				omen_rerank_fetch(scan, tid, row) != OMEN_ROW_GONE)
				return true;
		}
		if (state->phase != OMEN_SCAN_SIDE_NAN)
			return false;
		omen_scan_side_list(state, OMEN_SIDE_NULL, OMEN_SCAN_SIDE_NULL);
	}
}

/* ---------- the exact pass ---------- */

/* By distance, then by place, so that no two rows are equal. */
static int
compare_rows(const void *a, const void *b)
{
	OmenPendingRow *x = (OmenPendingRow *) a;
	OmenPendingRow *y = (OmenPendingRow *) b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return ItemPointerCompare(&x->version, &y->version);
}

static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare((ItemPointer) a, (ItemPointer) b);
}

/* Keep the nearer half of the rows, and where the others begin. */
static void
cut_rows(OmenScanState *state)
{
	qsort(state->rows, state->nrows, sizeof(OmenPendingRow), compare_rows);
	state->nrows /= 2;
	state->cut = state->rows[state->nrows];
	state->has_cut = true;
}

/* Take in a row of an exact pass. */
static void
take_exact(IndexScanDesc scan, OmenFetched fetched, OmenPendingRow *row,
		   const OmenPendingRow *after)
{
	OmenScanState *state = scan->opaque;
	Size		most = state->filter->memory / sizeof(OmenPendingRow);

	if (fetched == OMEN_ROW_GONE ||
		(state->sent.count > 0 &&
		 bsearch(&row->version, state->sent.tids, state->sent.count,
				 sizeof(ItemPointerData), compare_tids)))
		return;
	if (fetched == OMEN_ROW_NULL || isnan(row->distance))
	{
		if (after == NULL)
			omen_tid_list_add(fetched == OMEN_ROW_NULL ? &state->nulls
													   : &state->nans,
							  &row->version);
		return;
	}
	if (after != NULL && compare_rows(row, after) < 0)
		return;
	if (row->distance < state->last_distance)
	{
		state->search->counters.late++;
		return;
	}
	if (state->has_cut && compare_rows(row, &state->cut) >= 0)
		return;
	omen_rerank_add_row(state, *row);
	if (state->nrows >= Max(most, 64))
		cut_rows(state);
}

/* Look at all rows of the table. */
static void
pass_over_table(IndexScanDesc scan, const OmenPendingRow *after)
{
	Relation	heap = scan->heapRelation;
	TupleTableSlot *slot = table_slot_create(heap, NULL);
	TableScanDesc table = table_beginscan(heap, scan->xs_snapshot, 0, NULL);
	OmenPendingRow row;

	while (table_scan_getnextslot(table, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		take_exact(scan, omen_rerank_measure(scan, slot, &row), &row, after);
	}
	table_endscan(table);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * Look at all rows that a source names.  They lie all over the table: so that they need
 * not be waited for one by one the next ones are fetched while some are looked at.
 */
static void
pass_over_rows(IndexScanDesc scan, OmenTidSource source, void *arg,
			   const OmenPendingRow *after)
{
	Relation	heap = scan->heapRelation;
	ItemPointerData tids[ROWS_AT_A_TIME];
	OmenPendingRow row;
	int			count;

	do
	{
		for (count = 0; count < ROWS_AT_A_TIME && source(arg, &tids[count]);
			 count++)
			omen_heap_prefetch(heap, &tids[count]);
		for (int i = 0; i < count; i++)
			omen_heap_prefetch_row(heap, &tids[i]);
		for (int i = 0; i < count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			/* of another index, if that is damaged; passed over as elsewhere */
			if (omen_rerank_may_be_row(scan, &tids[i]))
				take_exact(scan, omen_rerank_fetch(scan, &tids[i], &row), &row,
						   after);
		}
	} while (count == ROWS_AT_A_TIME);
}

/*
 * Look at all rows that a source names, or at the whole table if it is NULL.
 * What the graph has found is forgotten, but not what has gone out.
 */
void
omen_filtered_exact(IndexScanDesc scan, OmenTidSource source, void *arg)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);
	OmenPendingRow cut = state->cut;
	OmenPendingRow *after =
		state->phase == OMEN_SCAN_EXACT && state->has_cut ? &cut : NULL;

	if (after == NULL)
	{
		qsort(state->sent.tids, state->sent.count, sizeof(ItemPointerData),
			  compare_tids);
		state->nans.count = 0;
		state->nulls.count = 0;
		state->next_tid = 0;
	}
	state->nnodes = 0;
	state->nrows = 0;
	state->nheld = 0;
	state->next_held = 0;
	state->has_cut = false;
	if (source == NULL)
		pass_over_table(scan, after);
	else
		pass_over_rows(scan, source, arg, after);
	state->phase = OMEN_SCAN_EXACT;
	omen_toast_reader_pause(state->toast);
	MemoryContextSwitchTo(old);
}

/* The next row of an exact pass. */
static OmenFilteredResult
next_exact(IndexScanDesc scan, ItemPointer version)
{
	OmenScanState *state = scan->opaque;
	OmenPendingRow row;

	if (omen_rerank_take(scan, &row))
	{
		omen_rerank_send(scan, &row);
		*version = row.version;
		return OMEN_FILTERED_ROW;
	}
	if (state->has_cut)
		return OMEN_FILTERED_GAVE_UP;
	/* NaN sorts above all numbers and below NULL */
	if (state->next_tid < state->nans.count)
		*version = state->nans.tids[state->next_tid++];
	else if (state->next_tid < state->nans.count + state->nulls.count)
		*version = state->nulls.tids[state->next_tid++ - state->nans.count];
	else
		return OMEN_FILTERED_END;
	return OMEN_FILTERED_ROW;
}

/* ---------- the next row ---------- */

/*
 * The next row that passes; `version` is the tuple that the snapshot sees.  If
 * the scan gives up, the caller is to call omen_filtered_close() or
 * omen_filtered_exact(), and may then go on.
 */
OmenFilteredResult
omen_filtered_next(IndexScanDesc scan, ItemPointer version)
{
	OmenScanState *state = scan->opaque;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);
	OmenFilteredResult result = OMEN_FILTERED_GAVE_UP;
	OmenPendingRow row;
	bool		found = false;

	omen_forget_distance(NULL);
	if (state->phase == OMEN_SCAN_START)
		omen_scan_start(scan);
	if (state->phase == OMEN_SCAN_DONE)
		result = OMEN_FILTERED_END;
	else if (state->phase == OMEN_SCAN_EXACT)
		result = next_exact(scan, version);
	else if (!state->no_distance && (state->is_settled || find_wanted(scan)))
	{
		if (state->next_held < state->nheld)
		{
			row = state->held[state->next_held++];
			found = true;
		}
		while (!found && !(found = omen_rerank_take(scan, &row)) &&
			   state->phase == OMEN_SCAN_GRAPH)
		{
			if (state->is_beyond && can_be_relied_on(state))
				break;
			state->is_beyond = false;
			if (!search_further(state))
				break;
		}
		if (!found && state->is_beyond && can_be_relied_on(state))
			result = OMEN_FILTERED_END;
		else if (!found && state->phase >= OMEN_SCAN_CLOSING)
		{
			result = OMEN_FILTERED_END;
			if (next_without_distance(scan, &row))
			{
				*version = row.version;
				result = OMEN_FILTERED_ROW;
			}
		}
		if (found)
		{
			omen_rerank_send(scan, &row);
			omen_tid_list_add(&state->sent, &row.version);
			*version = row.version;
			result = OMEN_FILTERED_ROW;
		}
	}
	omen_toast_reader_pause(state->toast);
	omen_last_scan_counters = state->search->counters;
	MemoryContextSwitchTo(old);
	return result;
}
