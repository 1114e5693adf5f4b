/*-------------------------------------------------------------------------
 *
 * read.c
 *	  Getting at the pages of an index that may be damaged, and telling what
 *	  is wrong with it.
 *
 * A page that the server refuses to read (a wrong checksum, a header without
 * sense) is a finding, not an error.  Nothing here judges what is on a page.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "hnsw/check/check.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

static void
add_row(OmenCheck *check, const char *severity, const char *kind, int64 block,
		int slot, const char *detail)
{
	Datum		values[OMEN_CHECK_COLUMNS] = {0};
	bool		nulls[OMEN_CHECK_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(severity);
	values[1] = CStringGetTextDatum(kind);
	values[2] = Int64GetDatum(block);
	nulls[2] = block == OMEN_CHECK_NOWHERE;
	values[3] = Int32GetDatum(slot);
	nulls[3] = slot == OMEN_CHECK_PAGE;
	values[4] = CStringGetTextDatum(detail);
	tuplestore_putvalues(check->result->setResult, check->result->setDesc,
						 values, nulls);
	pfree(DatumGetPointer(values[0]));
	pfree(DatumGetPointer(values[1]));
	pfree(DatumGetPointer(values[4]));
}

/*
 * Add a violation to the result.  block may be OMEN_CHECK_NOWHERE, and slot
 * OMEN_CHECK_PAGE if it is about the whole page.
 */
void
omen_check_report(OmenCheck *check, const char *kind, int64 block, int slot,
				  const char *format, ...)
{
	char		detail[1024];
	va_list		args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	add_row(check, "error", kind, block, slot, detail);
}

/* Add what a crash or a failed insert may leave behind, and does no harm. */
void
omen_check_report_leftover(OmenCheck *check, const char *kind, int64 block,
						   int slot, const char *format, ...)
{
	char		detail[1024];
	va_list		args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	add_row(check, "leftover", kind, block, slot, detail);
}

static void
copy_block(OmenCheck *check, BlockNumber block, Page copy)
{
	Buffer		buf = ReadBufferExtended(check->index, MAIN_FORKNUM, block,
									RBM_NORMAL, check->strategy);

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	memcpy(copy, BufferGetPage(buf), BLCKSZ);
	UnlockReleaseBuffer(buf);
}

/*
 * Keep a page for the passes to come, so that it need not be read again: the
 * first of the index, as far as maintenance_work_mem goes.
 */
static void
keep_page(OmenCheck *check, BlockNumber block, Page page)
{
	if (check->kept == NULL)
	{
		check->kept_blocks =
			Min(check->nblocks, (Size) maintenance_work_mem * 1024 / BLCKSZ);
		check->kept =
			palloc_extended(mul_size(check->kept_blocks, sizeof(char *)),
							MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	}
	if (block >= check->kept_blocks)
		return;
	check->kept[block] =
		MemoryContextAlloc(GetMemoryChunkContext(check), BLCKSZ);
	memcpy(check->kept[block], page, BLCKSZ);
}

/*
 * Copy a page (to BLCKSZ aligned bytes).  False, and a violation, if it cannot
 * be read.
 *
 * A failed read leaves things behind that only the end of a transaction clears
 * away, hence a subtransaction.
 */
bool
omen_check_read(OmenCheck *check, BlockNumber block, Page copy)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	CHECK_FOR_INTERRUPTS();
	if (block < check->kept_blocks && check->kept[block] != NULL)
	{
		memcpy(copy, check->kept[block], BLCKSZ);
		return true;
	}
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		copy_block(check, block, copy);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_DATA_CORRUPTED)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error != NULL)
	{
		omen_check_report(check, "page", block, OMEN_CHECK_PAGE,
						  "cannot be read: %s", error->message);
		FreeErrorData(error);
		return false;
	}
	if (!XLogRecPtrIsInvalid(check->since) && PageGetLSN(copy) > check->since)
		check->changed = true;
	keep_page(check, block, copy);
	return true;
}

/*
 * Make room for one more item than there are in an array (NULL at first);
 * returns the array.
 */
void *
omen_check_grow(void *array, Size item, uint64 count, uint64 *room)
{
	if (count < *room)
		return array;
	*room = Max(1024, *room * 2);
	if (array == NULL)
		return palloc_extended(mul_size(*room, item), MCXT_ALLOC_HUGE);
	return repalloc_huge(array, mul_size(*room, item));
}
