/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  Functions that the files of this folder share.
 *
 * In the order of floors: a file calls those above it in this list only, and
 * none of filtered scans, which stand on top of all (filtered_state.h).
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_SCAN_H
#define OMEN_SCAN_H

#include "hnsw/scan/scan_state.h"

/* ---------- query.c ---------- */

extern void omen_query_encode(IndexScanDesc scan);
extern void omen_query_encode_origin(OmenScanState *state);
extern void omen_query_compile_keys(IndexScanDesc scan,
									const struct OmenKeyStep *steps);
extern bool omen_query_bound(OmenScanState *state, uint32 id,
							 OmenSlotHeader *slot, bool is_certain,
							 double *bound);
extern double omen_query_refined_bound(OmenScanState *state, uint32 id,
									   OmenSlotHeader *slot);

/* ---------- fetch.c ---------- */

/* What became of a row that was looked up. */
typedef enum OmenFetched
{
	OMEN_ROW_GONE,				/* not visible, or filtered out */
	OMEN_ROW_NULL,				/* has no value */
	OMEN_ROW_FOUND
} OmenFetched;

extern void omen_fetch_prepare(IndexScanDesc scan);
extern bool omen_fetch_may_be_row(IndexScanDesc scan, ItemPointer tid);
extern void omen_fetch_check_tid(IndexScanDesc scan, ItemPointer tid);
extern OmenFetched omen_fetch_row(IndexScanDesc scan, ItemPointer tid,
								  OmenPendingRow *row);
extern OmenFetched omen_fetch_known_row(IndexScanDesc scan, ItemPointer tid,
										double distance, OmenPendingRow *row);
extern OmenFetched omen_fetch_measure(IndexScanDesc scan, TupleTableSlot *slot,
									  OmenPendingRow *row);
extern void omen_fetch_locate(IndexScanDesc scan, OmenPendingNode *node);
extern void omen_fetch_located(IndexScanDesc scan, OmenPendingNode *node,
							   OmenPendingRow *row);
extern void omen_fetch_tell_distance(OmenScanState *state,
									 const OmenPendingRow *row);
extern void omen_fetch_forget_distance(void *arg);

/* ---------- pending.c ---------- */

extern OmenPendingNode omen_pending_node(const OmenScanState *state, uint32 id,
										 const OmenSlotHeader *slot);
extern void omen_pending_read_tid(OmenPendingNode *node,
								  const OmenSlotHeader *slot);
extern void omen_pending_add_node(OmenScanState *state, OmenPendingNode node);
extern void omen_pending_add_row(OmenScanState *state, OmenPendingRow row);
extern OmenPendingNode omen_pending_take_node(OmenPending *pending);
extern OmenPendingRow omen_pending_take_row(OmenPending *pending);
extern void omen_pending_clear(OmenScanState *state);

/*
 * The block of the table that a node's row lies in; 0 if there may be several
 * rows, in any block.
 */
static inline BlockNumber
omen_pending_block(const OmenPendingNode *node)
{
	return ItemPointerIsValid(&node->tid)
			   ? ItemPointerGetBlockNumberNoCheck(&node->tid)
			   : 0;
}

/* ---------- groups.c ---------- */

extern void omen_scan_choose_groups(IndexScanDesc scan,
									const struct OmenKeyStep *steps);
extern void omen_scan_refresh_groups(OmenScanState *state);
extern void omen_scan_turn_to(OmenScanState *state, uint32 which);
extern bool omen_scan_next_group(OmenScanState *state);
extern void omen_scan_own_search(OmenScanState *state);
extern void omen_scan_share_search(OmenScanState *state);
extern void omen_scan_forget_groups(OmenScanState *state);
extern bool omen_scan_is_whole(const OmenScanState *state);

/* ---------- side.c ---------- */

extern void omen_side_begin(OmenScanState *state, OmenSide side,
							OmenScanPhase phase);
extern bool omen_side_next_page(OmenScanState *state);
extern void omen_side_begin_all(OmenScanState *state);
extern bool omen_side_advance(OmenScanState *state);
extern ItemPointer omen_side_next_tid(OmenUnordered *unordered);

/* ---------- rerank.c ---------- */

extern bool omen_rerank_is_dry(const OmenScanState *state, uint32 group);
extern bool omen_rerank_is_used_up(const OmenScanState *state, uint32 group);
extern bool omen_rerank_waits_for(const OmenScanState *state, uint32 group);
extern bool omen_rerank_waits(const OmenScanState *state);
extern bool omen_rerank_lacks_some(const OmenScanState *state, bool used_up);
extern bool omen_rerank_take(OmenPending *pending, OmenPendingRow *row);
extern void omen_rerank_nearest(IndexScanDesc scan);
extern void omen_rerank_send(OmenScanState *state, const OmenPendingRow *row);

/* ---------- state.c ---------- */

extern void omen_scan_note_last(IndexScanDesc scan);
extern void omen_scan_prepare(IndexScanDesc scan,
							  const struct OmenKeyStep *steps);

/* ---------- full_scan.c ---------- */

extern bool omen_full_scan(IndexScanDesc scan, Size memory);
extern bool omen_full_scan_rest(IndexScanDesc scan, Size memory);
extern bool omen_full_scan_afresh(IndexScanDesc scan, Size memory);

/* ---------- candidates.c ---------- */

extern void omen_candidates_start(IndexScanDesc scan);
extern bool omen_candidates_search_on(OmenScanState *state, uint32 next_ef);

#endif							/* OMEN_SCAN_H */
