/*-------------------------------------------------------------------------
 *
 * pending.c
 *	  Candidates and rows that wait for their turn, in two heaps.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "array.h"
#include "hnsw/scan/scan.h"

/* Lowest bound on top; ties in the order in which their rows may come. */
#define OMEN_HEAP_NAME nodes
#define OMEN_HEAP_ITEM OmenPendingNode
#define OMEN_HEAP_ABOVE(a, b) \
	((a)->bound < (b)->bound || \
	 ((a)->bound == (b)->bound && \
	  omen_pending_block(a) < omen_pending_block(b)))
#include "binary_heap.h"

/* Nearest on top; ties in the order of the table, whatever found them. */
#define OMEN_HEAP_NAME rows
#define OMEN_HEAP_ITEM OmenPendingRow
#define OMEN_HEAP_ABOVE(a, b) \
	((a)->distance < (b)->distance || \
	 ((a)->distance == (b)->distance && \
	  ItemPointerCompare(&(a)->version, &(b)->version) < 0))
#include "binary_heap.h"

/*
 * Note the TID of a node that stands for one row, so that it need not be
 * visited again.
 */
void
omen_pending_read_tid(OmenPendingNode *node, const OmenSlotHeader *slot)
{
	node->tid = slot->u.node.heaptid;
	if (slot->u.node.posting != OMEN_INVALID_ID)
		ItemPointerSetInvalid(&node->tid);
}

/* A node of the group in use, to be made pending, whose bound is to come. */
OmenPendingNode
omen_pending_node(const OmenScanState *state, uint32 id,
				  const OmenSlotHeader *slot)
{
	OmenPendingNode node;

	memset(&node, 0, offsetof(OmenPendingNode, pointer));
	node.group = state->groups.current;
	node.node.id = id;
	node.node.version = slot->version;
	omen_pending_read_tid(&node, slot);
	return node;
}

/* Let a candidate wait for its turn. */
void
omen_pending_add_node(OmenScanState *state, OmenPendingNode node)
{
	OmenPending *pending = &state->pending;

	OMEN_GROW(state->context, pending->nodes, pending->nodes_room,
			  pending->nnodes + 1);
	nodes_push(pending->nodes, &pending->nnodes, node);
	pending->groups[node.group].waiting++;
}

/* Let a row wait for its turn. */
void
omen_pending_add_row(OmenScanState *state, OmenPendingRow row)
{
	OmenPending *pending = &state->pending;

	OMEN_GROW(state->context, pending->rows, pending->rows_room,
			  pending->nrows + 1);
	rows_push(pending->rows, &pending->nrows, row);
	pending->groups[row.group].waiting++;
}

/* Take the candidate of the lowest bound; there is one. */
OmenPendingNode
omen_pending_take_node(OmenPending *pending)
{
	OmenPendingNode node = nodes_pop(pending->nodes, &pending->nnodes);

	pending->groups[node.group].waiting--;
	return node;
}

/* Take the nearest row; there is one. */
OmenPendingRow
omen_pending_take_row(OmenPending *pending)
{
	OmenPendingRow row = rows_pop(pending->rows, &pending->nrows);

	pending->groups[row.group].waiting--;
	return row;
}

/* Forget what was found. */
void
omen_pending_clear(OmenScanState *state)
{
	OmenPending *pending = &state->pending;

	for (uint32 i = 0; i < state->groups.count; i++)
		pending->groups[i].waiting = 0;
	pending->nnodes = 0;
	pending->nrows = 0;
	pending->nans.count = 0;
}
