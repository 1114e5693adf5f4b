/*-------------------------------------------------------------------------
 *
 * wal.c
 *	  One way to change pages, logged or not.
 *
 * A change is a set of at most MAX_GENERIC_XLOG_PAGES pages that are altered
 * together: with a relation that is logged, in one generic WAL record;
 * while an index is built (ambuild logs the whole relation at the end) or
 * with an unlogged or temporary one, in place.  The caller holds an exclusive
 * lock on every buffer from omen_change_page() to omen_change_commit(), and
 * writes only through the pages that these functions return.
 *
 * Between the first write and the commit nothing may raise an error: in place
 * there is no way back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "page/page.h"
#include "utils/rel.h"

void
omen_change_begin(OmenChange *change, OmenPages *pages)
{
	change->rel = pages->rel;
	change->direct = pages->building || !RelationNeedsWAL(pages->rel);
	change->nbuffers = 0;
	change->xlog = change->direct ? NULL : GenericXLogStart(pages->rel);
}

static Page
register_buffer(OmenChange *change, Buffer buf, int flags)
{
	for (int i = 0; i < change->nbuffers; i++)
	{
		if (change->buffers[i] == buf)
			return change->direct
					   ? BufferGetPage(buf)
					   : GenericXLogRegisterBuffer(change->xlog, buf, flags);
	}
	Assert(change->nbuffers < MAX_GENERIC_XLOG_PAGES);
	change->buffers[change->nbuffers++] = buf;
	if (change->direct)
		return BufferGetPage(buf);
	return GenericXLogRegisterBuffer(change->xlog, buf, flags);
}

/*
 * Raise an error unless a page is one of ours, and the one that was asked for,
 * and the bounds in its header are those that all our pages have.  Generic WAL
 * zeroes what lies between them, and would run past the page if a new slot came
 * to end behind a bound that is damaged.
 */
static void
check_frame(Relation rel, Buffer buf)
{
	PageHeader	header = (PageHeader) BufferGetPage(buf);

	if (omen_check_page(rel, buf) == NULL ||
		header->pd_special != OMEN_PAGE_START + OMEN_PAGE_CAPACITY ||
		header->pd_upper != header->pd_special ||
		header->pd_lower < OMEN_PAGE_START ||
		header->pd_lower > header->pd_upper)
		omen_report_corruption(rel, buf);
}

/*
 * The page of a buffer, to be altered in parts.  An error if it is damaged, so
 * all pages of a change are asked for before one of them is written to.
 */
Page
omen_change_page(OmenChange *change, Buffer buf)
{
	check_frame(change->rel, buf);
	return register_buffer(change, buf, 0);
}

/* The page of a buffer, to be written anew from start to end. */
Page
omen_change_new_page(OmenChange *change, Buffer buf)
{
	return register_buffer(change, buf, GENERIC_XLOG_FULL_IMAGE);
}

void
omen_change_commit(OmenChange *change)
{
	if (!change->direct)
	{
		GenericXLogFinish(change->xlog);
		return;
	}
	for (int i = 0; i < change->nbuffers; i++)
		MarkBufferDirty(change->buffers[i]);
}

/*
 * Write a whole page of an index that is being built, over whatever its block
 * has.  It has been made in private memory.
 */
void
omen_put_page(OmenPages *pages, Page page)
{
	Buffer		buf = ReadBufferExtended(pages->rel, MAIN_FORKNUM,
									OmenPageGetOpaque(page)->block,
									RBM_ZERO_AND_LOCK, NULL);

	Assert(pages->building);
	memcpy(BufferGetPage(buf), page, BLCKSZ);
	MarkBufferDirty(buf);
	UnlockReleaseBuffer(buf);
}

/* Forget a change; nothing may have been written yet. */
void
omen_change_abort(OmenChange *change)
{
	if (!change->direct)
		GenericXLogAbort(change->xlog);
}
