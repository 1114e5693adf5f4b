/*-------------------------------------------------------------------------
 *
 * exact.c
 *	  The exact scan: all rows that may pass a filter, one by one, without a
 *	  look at their codes; by TIDs that the caller has, or else those of the
 *	  groups that are asked for, or of the whole table.
 *
 * May come after rows have gone out, if more are asked for than were wanted.
 * Then those rows are left out, and what should have come before the last of
 * them is late, as in any scan.
 *
 * What is found is kept within the memory allowed: each time that it is full
 * the nearer half is kept.  When that has gone out the scan gives up, and its
 * caller begins another exact scan, for what comes after.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tableam.h"
#include "heap/heap.h"
#include "hnsw/scan/filtered_state.h"
#include "miscadmin.h"
#include "utils/memutils.h"

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
truncate_rows(OmenExactScan *exact, OmenPending *pending)
{
	qsort(pending->rows, pending->nrows, sizeof(OmenPendingRow), compare_rows);
	pending->nrows /= 2;
	exact->truncated_from = pending->rows[pending->nrows];
	exact->is_truncated = true;
}

/* Has a row gone out before?  The list of those is sorted by now. */
static bool
was_sent(const OmenFilteredState *filtered, OmenPendingRow *row)
{
	return filtered->sent.count > 0 &&
		   bsearch(&row->version, filtered->sent.tids, filtered->sent.count,
				   sizeof(ItemPointerData), compare_tids) != NULL;
}

/* Keep a row that has a distance, if it is one of the nearest `most`. */
static void
keep_row(OmenScanState *state, OmenPendingRow *row, Size most)
{
	OmenExactScan *exact = &state->filtered->exact;
	OmenPending *pending = &state->pending;

	if (row->distance < pending->last_distance)
	{
		state->search->counters.late++;
		return;
	}
	if (exact->is_truncated && compare_rows(row, &exact->truncated_from) >= 0)
		return;
	row->group = 0;				/* whose it is does not matter any more */
	omen_pending_add_row(state, *row);
	if (pending->nrows >= most)
		truncate_rows(exact, pending);
}

/*
 * Take in a row.  If `after` is not NULL, rows before that one and those
 * without a distance were taken in by the exact scan before.
 */
static void
take_exact(OmenScanState *state, OmenFetched fetched, OmenPendingRow *row,
		   const OmenPendingRow *after)
{
	OmenFilteredState *filtered = state->filtered;
	Size		most = filtered->filter.memory / sizeof(OmenPendingRow);

	if (fetched == OMEN_ROW_GONE || was_sent(filtered, row))
		return;
	if (fetched == OMEN_ROW_NULL || isnan(row->distance))
	{
		if (after == NULL)
			omen_tid_list_add(fetched == OMEN_ROW_NULL ? &filtered->exact.nulls
													   : &filtered->exact.nans,
							  &row->version);
		return;
	}
	if (after == NULL || compare_rows(row, after) >= 0)
		keep_row(state, row, Max(most, OMEN_MIN_EXACT_ROWS));
}

/* Look at all rows of the table. */
static void
scan_table(IndexScanDesc scan, const OmenPendingRow *after)
{
	OmenScanState *state = scan->opaque;
	Relation	heap = scan->heapRelation;
	TupleTableSlot *slot = table_slot_create(heap, NULL);
	TableScanDesc table = table_beginscan(heap, scan->xs_snapshot, 0, NULL);
	OmenPendingRow row;

	while (table_scan_getnextslot(table, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		take_exact(state, omen_fetch_measure(scan, slot, &row), &row, after);
	}
	table_endscan(table);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * Look at all rows that a source names.  They lie all over the table: so that
 * they need not be waited for one by one the next ones are fetched while some
 * are looked at.
 */
static void
scan_tids(IndexScanDesc scan, OmenTidSource source, void *arg,
		  const OmenPendingRow *after)
{
	OmenScanState *state = scan->opaque;
	Relation	heap = scan->heapRelation;
	ItemPointerData tids[OMEN_ROWS_TOGETHER];
	OmenPendingRow row;
	int			count;

	do
	{
		for (count = 0; count < OMEN_ROWS_TOGETHER && source(arg, &tids[count]);
			 count++)
			omen_heap_prefetch(heap, &tids[count]);
		for (int i = 0; i < count; i++)
			omen_heap_prefetch_row(heap, &tids[i], OMEN_ROW_HEAD_BYTES);
		for (int i = 0; i < count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			/* of another index, if that is damaged; passed over as elsewhere */
			if (omen_fetch_may_be_row(scan, &tids[i]))
				take_exact(state, omen_fetch_row(scan, &tids[i], &row), &row,
						   after);
		}
	} while (count == OMEN_ROWS_TOGETHER);
}

/* The next TID of the groups asked for: of nodes, then of side lists. */
static bool
next_of_groups(void *arg, ItemPointer tid)
{
	OmenScanState *state = arg;
	ItemPointer next;

	while ((next = omen_side_next_tid(&state->unordered)) == NULL)
	{
		if (!omen_side_advance(state))
			return false;
	}
	*tid = *next;
	return true;
}

/* Look at all rows of the groups that are asked for. */
static void
scan_groups(IndexScanDesc scan, const OmenPendingRow *after)
{
	OmenScanState *state = scan->opaque;

	if (state->groups.count == 0)
		return;
	omen_side_begin_all(state);
	scan_tids(scan, next_of_groups, state, after);
}

/* Forget what the graph has found, but not what has gone out. */
static void
begin_first(OmenScanState *state)
{
	OmenFilteredState *filtered = state->filtered;

	if (filtered->sent.count == 0)
		state->pending.last_distance = -INFINITY;
	qsort(filtered->sent.tids, filtered->sent.count, sizeof(ItemPointerData),
		  compare_tids);
	omen_exact_reset(&filtered->exact);
}

/*
 * Look at all rows that a source names; if it is NULL, at those of the groups
 * that are asked for, or at the whole table if it may be any.
 * If an exact scan came before that had no room for all, at those that it left
 * out.
 */
void
omen_filtered_exact(IndexScanDesc scan, OmenTidSource source, void *arg)
{
	OmenScanState *state = scan->opaque;
	OmenFilteredState *filtered = state->filtered;
	OmenExactScan *exact = &filtered->exact;
	MemoryContext old = MemoryContextSwitchTo(state->query_context);
	OmenPendingRow first = exact->truncated_from;
	OmenPendingRow *after = NULL;

	if (state->phase == OMEN_SCAN_EXACT && exact->is_truncated)
		after = &first;
	else
		begin_first(state);
	exact->is_truncated = false;
	filtered->nheld = 0;
	filtered->next_held = 0;
	omen_pending_clear(state);
	if (source != NULL)
		scan_tids(scan, source, arg, after);
	else if (state->groups.is_any)
		scan_table(scan, after);
	else
		scan_groups(scan, after);
	state->phase = OMEN_SCAN_EXACT;
	omen_toast_reader_pause(state->fetch.toast);
	MemoryContextSwitchTo(old);
}

/* Nothing was found so far. */
void
omen_exact_reset(OmenExactScan *exact)
{
	exact->nans.count = 0;
	exact->nulls.count = 0;
	exact->next_unordered = 0;
	exact->is_truncated = false;
}

/* The next of the rows without a distance: NaN sorts below NULL. */
static bool
next_unordered(OmenExactScan *exact, ItemPointer version)
{
	uint32		next = exact->next_unordered;

	if (next < exact->nans.count)
		*version = exact->nans.tids[next];
	else if (next < exact->nans.count + exact->nulls.count)
		*version = exact->nulls.tids[next - exact->nans.count];
	else
		return false;
	exact->next_unordered++;
	return true;
}

/* The next row of an exact scan. */
OmenFilteredResult
omen_exact_next(IndexScanDesc scan, ItemPointer version)
{
	OmenScanState *state = scan->opaque;
	OmenExactScan *exact = &state->filtered->exact;
	OmenPendingRow row;

	if (omen_rerank_take(&state->pending, &row))
	{
		omen_rerank_send(state, &row);
		*version = row.version;
		return OMEN_FILTERED_ROW;
	}
	if (exact->is_truncated)
		return OMEN_FILTERED_GAVE_UP;
	return next_unordered(exact, version) ? OMEN_FILTERED_ROW
										  : OMEN_FILTERED_END;
}
