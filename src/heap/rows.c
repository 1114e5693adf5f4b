/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Fetching rows of a table with fewer waits for memory.
 *
 * Lets a fetch find its page pinned already, by what page/buffers.c remembers,
 * and brings rows towards the processor before they are fetched.  Only for the
 * heap access method; with any other nothing is done.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "heap/heap.h"
#include "page/page.h"
#include "storage/bufpage.h"

/*
 * Let a fetch of heap rows find the page that it needs next pinned already, if
 * that is where it was seen last.  The heap access method looks at the page it
 * has before it looks for another.  It would also prune a page that it comes to
 * anew, so that is done here.
 */
void
omen_heap_expect(IndexFetchTableData *fetch, BlockNumber block)
{
	IndexFetchHeapData *heap_fetch = (IndexFetchHeapData *) fetch;
	Relation	rel = fetch->rel;
	Buffer		hint;

	if (rel->rd_tableam != GetHeapamTableAmRoutine() ||
		(BufferIsValid(heap_fetch->xs_cbuf) &&
		 BufferGetBlockNumber(heap_fetch->xs_cbuf) == block))
		return;
	hint = omen_remembered_buffer(rel, block);
	if (!omen_pin_remembered(rel, block, hint))
		return;
	if (BufferIsValid(heap_fetch->xs_cbuf))
		ReleaseBuffer(heap_fetch->xs_cbuf);
	heap_fetch->xs_cbuf = hint;
	heap_page_prune_opt(rel, hint);
}

/* Remember where the heap page is that a fetch has pinned. */
void
omen_heap_remember(IndexFetchTableData *fetch, BlockNumber block)
{
	IndexFetchHeapData *heap_fetch = (IndexFetchHeapData *) fetch;

	if (fetch->rel->rd_tableam == GetHeapamTableAmRoutine())
		omen_remember_buffer(fetch->rel, block, heap_fetch->xs_cbuf);
}

/* Bring a row's line pointer towards the processor. */
void
omen_heap_prefetch(Relation rel, const ItemPointerData *tid)
{
	int			at = offsetof(PageHeaderData, pd_linp) +
			 (ItemPointerGetOffsetNumberNoCheck(tid) - 1) * sizeof(ItemIdData);

	omen_prefetch_page(
		omen_remembered_buffer(rel, ItemPointerGetBlockNumberNoCheck(tid)), at,
		at + 1);
}

/*
 * Bring a row itself, or so many bytes of it.  Waits for its line pointer if
 * that was not prefetched.  The page is read without a pin or lock, so what is
 * found there may be nonsense; it only says what to prefetch, and that lies
 * within the page.
 */
void
omen_heap_prefetch_row(Relation rel, const ItemPointerData *tid, Size bytes)
{
	Buffer		hint =
		omen_remembered_buffer(rel, ItemPointerGetBlockNumberNoCheck(tid));
	Page		page;
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(tid);
	uint32		line_pointer;
	ItemIdData	item;
	int			at;

	if (unlikely(hint <= 0) || offset == InvalidOffsetNumber ||
		offset > MaxHeapTuplesPerPage)
		return;
	page = BufferGetPage(hint);
	/* read once, since it may change meanwhile */
	StaticAssertStmt(sizeof(item) == sizeof(line_pointer),
					 "a line pointer is not one word");
	line_pointer = *(volatile uint32 *) PageGetItemId(page, offset);
	memcpy(&item, &line_pointer, sizeof(item));
	at = ItemIdGetOffset(&item);
	if (at < BLCKSZ)
		omen_prefetch_bytes((const char *) page + at,
							Min(Min(bytes, ItemIdGetLength(&item)),
								(Size) (BLCKSZ - at)));
}
