/*-------------------------------------------------------------------------
 *
 * list.c
 *	  Pages with room: which page takes the next slot of a kind.
 *
 * An access method heads, for each listed kind, a chain of pages that have a
 * free slot (for OMEN_KIND_FREE: of pages that belong to nobody).  The chain is
 * WAL-logged with the pages, so that it is exact after a crash and on a
 * standby, where a free space map would not be.  Only the first page of a
 * chain is filled; it leaves the chain when somebody finds it full.  So the
 * page with the head, its home, is written once per page of slots, not once per
 * slot.
 *
 * Where heads stand is the access method's to say (OmenPageLists); nothing here
 * knows what is in a slot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "miscadmin.h"
#include "page/page.h"
#include "pause.h"

/* Times that the head of the list of free pages is asked for. */
#define MAX_TRIES 1000

/* Pin and lock the home of a kind's list. */
static Buffer
lock_home(OmenPages *pages, const OmenPageLists *lists, uint8 kind,
		  int lockmode)
{
	Buffer		buf = ReadBuffer(pages->rel, lists->home(lists, kind));

	LockBuffer(buf, lockmode);
	return buf;
}

/* The pages that change when another page becomes the first of a kind. */
typedef struct LockedHead
{
	Buffer		home;
	Buffer		told;			/* invalid if none is told */
} LockedHead;

static LockedHead
lock_head(OmenPages *pages, const OmenPageLists *lists, uint8 kind)
{
	LockedHead	head;

	head.told =
		lists->lock_told ? lists->lock_told(lists, kind) : InvalidBuffer;
	if (BufferIsValid(head.told) &&
		BufferGetBlockNumber(head.told) == lists->home(lists, kind))
		head.home = head.told;
	else
		head.home = lock_home(pages, lists, kind, BUFFER_LOCK_EXCLUSIVE);
	return head;
}

static void
unlock_head(LockedHead head)
{
	UnlockReleaseBuffer(head.home);
	if (BufferIsValid(head.told) && head.told != head.home)
		UnlockReleaseBuffer(head.told);
}

/* The page that is told, to be written to in a change that has the home. */
static Page
told_page(OmenChange *change, LockedHead head, Page home)
{
	if (!BufferIsValid(head.told))
		return NULL;
	return head.told == head.home ? home : omen_change_page(change, head.told);
}

static void
report_damaged_list(OmenPages *pages, BlockNumber block)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" has a damaged list of pages with room at "
					"block %u",
					RelationGetRelationName(pages->rel), block),
			 errhint("Please REINDEX it.")));
}

static BlockNumber
first_with_room(OmenPages *pages, const OmenPageLists *lists, uint8 kind)
{
	Buffer		homebuf = lock_home(pages, lists, kind, BUFFER_LOCK_SHARE);
	BlockNumber block = *lists->head(lists, BufferGetPage(homebuf), kind);

	UnlockReleaseBuffer(homebuf);
	return block;
}

/*
 * Take an exclusively locked page off the head of its chain.  Does nothing if
 * somebody else changed the head meanwhile.
 */
static void
unlist(OmenPages *pages, const OmenPageLists *lists, Buffer buf, uint8 kind)
{
	LockedHead	locked = lock_head(pages, lists, kind);
	OmenPageOpaque opaque = OmenPageGetOpaque(BufferGetPage(buf));

	if (*lists->head(lists, BufferGetPage(locked.home), kind) ==
			BufferGetBlockNumber(buf) &&
		(opaque->flags & OMEN_PAGE_LISTED) != 0)
	{
		OmenChange	change;
		Page		home;
		Page		page;
		Page		told;

		omen_change_begin(&change, pages);
		page = omen_change_page(&change, buf);
		home = omen_change_page(&change, locked.home);
		told = told_page(&change, locked, home);
		opaque = OmenPageGetOpaque(page);
		*lists->head(lists, home, kind) = opaque->next;
		/* the next page's free slots may all get rows now */
		if (told && opaque->next != InvalidBlockNumber)
			lists->opened(lists, told, kind);
		opaque->next = InvalidBlockNumber;
		opaque->flags &= ~OMEN_PAGE_LISTED;
		omen_change_commit(&change);
	}
	unlock_head(locked);
}

/*
 * A page that belongs to nobody, exclusively locked.  Its contents are
 * whatever they are: the caller initializes it in the change that gives it a
 * purpose.  A crash before that leaks the page until the next VACUUM.
 */
Buffer
omen_list_free_page(OmenPages *pages, const OmenPageLists *lists)
{
	BlockNumber block;

	/* others may be faster, but not for ever: then the list is damaged */
	for (int tries = 0;
		 tries < MAX_TRIES &&
		 (block = first_with_room(pages, lists, OMEN_KIND_FREE)) !=
			 InvalidBlockNumber;
		 tries++)
	{
		OmenPageOpaque opaque;
		Buffer		buf;
		bool		listed;

		if (!omen_block_exists(pages, block))
			break;
		buf = ReadBuffer(pages->rel, block);
		if (!omen_page_seems(buf, OMEN_KIND_FREE))
		{
			ReleaseBuffer(buf);
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
		opaque = omen_check_page(pages->rel, buf);
		listed = opaque != NULL && opaque->kind == OMEN_KIND_FREE &&
				 (opaque->flags & OMEN_PAGE_LISTED) != 0;
		if (listed)
		{
			unlist(pages, lists, buf, OMEN_KIND_FREE);
			if ((opaque->flags & OMEN_PAGE_LISTED) == 0)
				return buf;
		}
		UnlockReleaseBuffer(buf);
		CHECK_FOR_INTERRUPTS();
	}
	return omen_extend_fork(pages->rel, MAIN_FORKNUM);
}

/* Raise an error if slots of a page would have ids beyond the largest. */
static void
check_ids(OmenPages *pages, const OmenPageLists *lists, Buffer buf, uint8 kind)
{
	uint64		block = BufferGetBlockNumber(buf);

	if ((block + 1) * lists->slots(lists, kind) > lists->max_id)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" cannot have more than %u slots",
						RelationGetRelationName(pages->rel), lists->max_id)));
}

/* Give a page a kind and make it the head of the kind's chain. */
static void
start_page(OmenPages *pages, const OmenPageLists *lists, Buffer buf, uint8 kind)
{
	LockedHead	locked = lock_head(pages, lists, kind);
	BlockNumber block = BufferGetBlockNumber(buf);
	OmenChange	change;
	OmenPageOpaque opaque;
	BlockNumber *head;
	Page		home;
	Page		page;
	Page		told;

	omen_change_begin(&change, pages);
	page = omen_change_new_page(&change, buf);
	home = omen_change_page(&change, locked.home);
	told = told_page(&change, locked, home);
	head = lists->head(lists, home, kind);
	omen_page_init(page, block, kind);
	opaque = OmenPageGetOpaque(page);
	opaque->flags = OMEN_PAGE_LISTED;
	opaque->next = *head;
	*head = block;
	if (told)
		lists->opened(lists, told, kind);
	if (lists->started)
		lists->started(lists, page, home);
	omen_change_commit(&change);
	unlock_head(locked);
}

/*
 * The first page of the kind that has a free slot, pinned and exclusively
 * locked; InvalidBuffer if there is none.
 */
static Buffer
listed_page_with_room(OmenPages *pages, const OmenPageLists *lists, uint8 kind)
{
	BlockNumber block;

	for (int tries = 0;
		 (block = first_with_room(pages, lists, kind)) != InvalidBlockNumber;
		 tries++)
	{
		OmenPageOpaque opaque;
		Buffer		buf;

		if (!omen_block_exists(pages, block))
			report_damaged_list(pages, block);
		OMEN_PAUSE("list-head");
		buf = ReadBuffer(pages->rel, block);
		if (!omen_page_seems(buf, kind) || tries == MAX_TRIES)
			report_damaged_list(pages, block);
		LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
		opaque = omen_check_page(pages->rel, buf);
		if (opaque == NULL || opaque->kind != kind)
			report_damaged_list(pages, block);
		if (opaque->live < lists->slots(lists, kind))
			return buf;
		unlist(pages, lists, buf, kind);
		UnlockReleaseBuffer(buf);
		CHECK_FOR_INTERRUPTS();
	}
	return InvalidBuffer;
}

/*
 * A page of the kind that has a free slot, pinned and exclusively locked.  What
 * the caller may have locked is the access method's to say; nothing of this
 * kind, and no home.
 */
Buffer
omen_list_page_with_room(OmenPages *pages, const OmenPageLists *lists,
						 uint8 kind)
{
	Buffer		buf = listed_page_with_room(pages, lists, kind);

	if (!BufferIsValid(buf) && lists->take_spare &&
		lists->take_spare(lists, kind))
		buf = listed_page_with_room(pages, lists, kind);
	if (BufferIsValid(buf))
		return buf;
	buf = omen_list_free_page(pages, lists);
	check_ids(pages, lists, buf, kind);
	start_page(pages, lists, buf, kind);
	return buf;
}

/* How many free slots the first page of the kind has; 0 if there is none. */
uint32
omen_list_first_free(OmenPages *pages, const OmenPageLists *lists, uint8 kind)
{
	BlockNumber block = first_with_room(pages, lists, kind);
	OmenPageOpaque opaque;
	uint32		free = 0;
	Buffer		buf;

	if (block == InvalidBlockNumber || !omen_block_exists(pages, block))
		return 0;
	buf = ReadBuffer(pages->rel, block);
	LockBuffer(buf, BUFFER_LOCK_SHARE);
	opaque = omen_check_page(pages->rel, buf);
	if (opaque != NULL && opaque->kind == kind &&
		opaque->live < lists->slots(lists, kind))
		free = lists->slots(lists, kind) - opaque->live;
	UnlockReleaseBuffer(buf);
	return free;
}

/*
 * Put a page that has room, or that is to be free, on the chain of its kind
 * unless it is there.  The buffer is pinned and exclusively locked.  A page
 * that no kind can use any more has become OMEN_KIND_FREE before.
 */
void
omen_list_add(OmenPages *pages, const OmenPageLists *lists, Buffer buf)
{
	OmenPageOpaque opaque = OmenPageGetOpaque(BufferGetPage(buf));
	uint8		kind = opaque->kind;
	OmenChange	change;
	BlockNumber *head;
	Buffer		homebuf;

	if ((opaque->flags & OMEN_PAGE_LISTED) != 0)
		return;
	homebuf = lock_home(pages, lists, kind, BUFFER_LOCK_EXCLUSIVE);
	omen_change_begin(&change, pages);
	opaque = OmenPageGetOpaque(omen_change_page(&change, buf));
	head = lists->head(lists, omen_change_page(&change, homebuf), kind);
	opaque->next = *head;
	opaque->flags |= OMEN_PAGE_LISTED;
	*head = BufferGetBlockNumber(buf);
	omen_change_commit(&change);
	UnlockReleaseBuffer(homebuf);
}
