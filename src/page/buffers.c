/*-------------------------------------------------------------------------
 *
 * buffers.c
 *	  Visiting pages at the least cost that the buffer manager allows.
 *
 * A search visits hundreds of pages, nearly all of them cached.  Looking a
 * page up in the shared hash table of buffers costs more than all else there
 * (measured: 75-90 ns a visit over a few thousand pages, 400 ns over 100,000;
 * with a remembered buffer 47-64 ns).  So every backend remembers in which
 * buffer it met a block last, in a table without keys: ReadRecentBuffer()
 * verifies the buffer's tag itself, so a wrong memory costs one look and is
 * never wrong.
 *
 * Every trick with the buffer manager belongs here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "compat.h"
#include "miscadmin.h"
#include "page/page.h"
#include "pgstat.h"
#include "port/pg_bitutils.h"
#include "storage/buf_internals.h"
#include "utils/memutils.h"

/* One visit in this many raises its buffer's usage count. */
#define WARMING_INTERVAL 8

/* More entries than this are not worth their cache lines. */
#define MAX_HINTS (1 << 20)

static Buffer *hints = NULL;
static uint32 hint_mask;
static uint32 visits = 0;

static void
init_hints(void)
{
	uint32		size = Min(pg_nextpower2_32(Max(NBuffers, 1024)), MAX_HINTS);

	hints = MemoryContextAllocZero(TopMemoryContext, size * sizeof(Buffer));
	hint_mask = size - 1;
}

static inline Buffer *
hint_of(Relation rel, BlockNumber block)
{
	/* Blocks of one index keep their order; indexes start anywhere. */
	return &hints[(murmurhash32(OmenRelNumber(rel)) + block) & hint_mask];
}

/*
 * The buffer in which a block was seen last; 0 or less if there is none to use.
 */
Buffer
omen_remembered_buffer(Relation rel, BlockNumber block)
{
	return likely(hints != NULL) ? *hint_of(rel, block) : InvalidBuffer;
}

/*
 * A block was seen in a buffer.  Nothing if no page of an index was seen yet.
 */
void
omen_remember_buffer(Relation rel, BlockNumber block, Buffer buffer)
{
	if (likely(hints != NULL))
		*hint_of(rel, block) = buffer;
}

/*
 * Raise a buffer's usage count, as ReadBuffer() does for a page that it
 * finds, and ReadRecentBuffer() does not: a page that is hot here must not look
 * cold to the clock sweep.  If somebody else is changing the state, let it be.
 * The buffer need not be pinned: if it has another page by now, that is the
 * page that stays a bit longer.
 */
static void
keep_warm(Buffer buffer)
{
	BufferDesc *desc = GetBufferDescriptor(buffer - 1);
	uint32		state = pg_atomic_read_u32(&desc->state);

	if ((state & BM_LOCKED) == 0 &&
		BUF_STATE_GET_USAGECOUNT(state) < BM_MAX_USAGE_COUNT)
		(void) pg_atomic_compare_exchange_u32(&desc->state, &state,
											  state + BUF_USAGECOUNT_ONE);
}

/*
 * Pin a block if it is in the buffer in which it was seen; else false.  Not for
 * a temporary relation: its buffers are found by a hash table of this backend's
 * own, and ReadRecentBuffer() was wrong about them before 15.4.
 */
bool
omen_pin_remembered(Relation rel, BlockNumber block, Buffer buffer)
{
	if (buffer <= 0 || RelationUsesLocalBuffers(rel) ||
		!ReadRecentBuffer(OmenRelLocator(rel), MAIN_FORKNUM, block, buffer))
		return false;
	pgstat_count_buffer_read(rel);
	pgstat_count_buffer_hit(rel);
	if (++visits % WARMING_INTERVAL == 0)
		keep_warm(buffer);
	return true;
}

/*
 * Pin a block of the index.  The block must exist.
 */
Buffer
omen_pin(OmenPages *pages, BlockNumber block)
{
	Buffer	   *hint;

	if (unlikely(hints == NULL))
		init_hints();
	hint = hint_of(pages->rel, block);
	if (unlikely(!omen_pin_remembered(pages->rel, block, *hint)))
		*hint = ReadBuffer(pages->rel, block);
	return *hint;
}

/*
 * Bring part of a page towards the processor: its buffer's descriptor, its
 * header, and the bytes from `start` to `end` as far as the page has them.
 */
void
omen_prefetch_page(Buffer buffer, int start, int end)
{
	const char *page;

	if (buffer <= 0)
		return;
	__builtin_prefetch(GetBufferDescriptor(buffer - 1), 1);
	page = BufferGetPage(buffer);
	__builtin_prefetch(page);
	start = Max(start, 0);
	end = Min(end, BLCKSZ);
	if (start < end)
		omen_prefetch_bytes(page + start, end - start);
}

/*
 * A page of the index where it was seen last, to prefetch from only: it is
 * neither pinned nor locked, and may be another by now.  NULL if nobody knows.
 * What it takes to pin it and to tell its kind is brought towards the
 * processor.
 */
Page
omen_prefetch_pinning(OmenPages *pages, BlockNumber block)
{
	Buffer		hint = omen_remembered_buffer(pages->rel, block);
	Page		page;

	if (unlikely(hint <= 0))
		return NULL;
	__builtin_prefetch(GetBufferDescriptor(hint - 1), 1);
	page = BufferGetPage(hint);
	__builtin_prefetch(OmenPageGetOpaque(page));
	return page;
}

/*
 * Have a block read that is about to be asked for, if it is not in memory.
 */
void
omen_fetch_ahead(OmenPages *pages, BlockNumber block)
{
	if (omen_block_exists(pages, block))
		(void) PrefetchBuffer(pages->rel, MAIN_FORKNUM, block);
}

/*
 * Is the block there?  An id read from a damaged page, or from a page newer
 * than what this backend knows of, may point anywhere.
 */
bool
omen_block_exists(OmenPages *pages, BlockNumber block)
{
	if (likely(block < pages->nblocks))
		return true;
	pages->nblocks = RelationGetNumberOfBlocks(pages->rel);
	return block < pages->nblocks;
}

/* ---------- what a page says that it is ---------- */

/* BufferGetBlockNumber(), of a buffer that is known to be pinned. */
static inline BlockNumber
block_of(Buffer buf)
{
	return BufferIsLocal(buf) ? BufferGetBlockNumber(buf)
							  : GetBufferDescriptor(buf - 1)->tag.blockNum;
}

/*
 * The special space of a locked page, after a check that it is one of ours, and
 * the one that was asked for: a copy of another page would be read like any,
 * and rows be found twice or not at all.  A page that was added but never
 * written (a crash does that) is all zeros: NULL.
 *
 * The page's header is not looked at unless something is wrong: a search would
 * wait for one more cache line on each of its visits.
 */
OmenPageOpaque
omen_check_page(Relation rel, Buffer buf)
{
	Page		page = BufferGetPage(buf);
	OmenPageOpaque opaque = OmenPageGetOpaque(page);

	if (likely(opaque->page_id == OMEN_PAGE_ID &&
			   opaque->block == block_of(buf)))
		return opaque;
	if (opaque->page_id == OMEN_PAGE_ID || !PageIsNew(page))
		omen_report_corruption(rel, buf);
	return NULL;
}

/*
 * Is a pinned page of the kind, as far as one can tell without a lock?
 *
 * For pages that are looked up while another is locked.  A damaged id may lead
 * to the very page that is locked, and nobody can interrupt who waits for
 * himself.  That page has been found to be one of ours and where it belongs,
 * and is of another kind.  Pages that slots are on keep theirs for life; a page
 * that is to become payload has done so before anything points at it.  So where
 * this says no, there is nothing to be found; where it says yes the caller
 * looks again under the lock, and that is where a page that is not ours, or
 * names another block, is reported: without a lock it may be in the middle of a
 * change. (During recovery a page is all zeros for a moment, before a full
 * image is put in its place.)
 */
bool
omen_page_seems(Buffer buf, uint8 kind)
{
	OmenPageOpaque opaque = OmenPageGetOpaque(BufferGetPage(buf));

	return opaque->page_id != OMEN_PAGE_ID || opaque->kind == kind ||
		   opaque->block != block_of(buf);
}

/* ---------- looking at pages without a pin ---------- */

/*
 * Is the block in this buffer, at this moment?  A buffer that gets another page
 * has its tag changed while its header is locked, and is not valid until the
 * page has been read; so the tag is looked at first.
 */
static inline bool
is_in_buffer(Relation rel, BlockNumber block, Buffer buffer)
{
	BufferDesc *desc = GetBufferDescriptor(buffer - 1);

	if (!OmenTagIs(&desc->tag, rel, block))
		return false;
	pg_read_barrier();
	return (pg_atomic_read_u32(&desc->state) & (BM_VALID | BM_LOCKED)) ==
		   BM_VALID;
}

/*
 * A page as it stands in a buffer, with neither pin nor lock, or NULL if it is
 * not where it was seen last, or not of the kind, or names another block, or
 * has no such slot: then visit it.  Whether it is damaged shows under its lock.
 *
 * What the caller reads there may be changing, and the page may be replaced by
 * another.  So whatever is read may be any bytes.  Copy what matters, check it
 * as if it came from a damaged page, and then ask omen_peek_held(): if that is
 * false, forget it.  Even if it is true a change of the same page can have come
 * between: what was read may be part old and part new.
 *
 * Writes no memory that backends share, but for a usage count now and then.
 */
Page
omen_peek_page(OmenPages *pages, BlockNumber block, uint8 kind, uint32 slotno,
			   Buffer *buffer)
{
	Page		page;
	OmenPageOpaque opaque;

	if (unlikely(hints == NULL))
		return NULL;
	*buffer = *hint_of(pages->rel, block);
	if (unlikely(*buffer <= 0 || !is_in_buffer(pages->rel, block, *buffer)))
		return NULL;
	/* the tag is read before the page is */
	pg_read_barrier();
	page = BufferGetPage(*buffer);
	opaque = OmenPageGetOpaque(page);
	if (unlikely(opaque->page_id != OMEN_PAGE_ID || opaque->block != block ||
				 opaque->kind != kind || slotno >= opaque->used))
		return NULL;
	pgBufferUsage.shared_blks_hit++;
	pgstat_count_buffer_read(pages->rel);
	pgstat_count_buffer_hit(pages->rel);
	if (++visits % WARMING_INTERVAL == 0)
		keep_warm(*buffer);
	return page;
}

/* Was the page in the buffer all the while since omen_peek_page()? */
bool
omen_peek_held(OmenPages *pages, BlockNumber block, Buffer buffer)
{
	pg_read_barrier();
	return is_in_buffer(pages->rel, block, buffer);
}
