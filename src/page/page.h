/*-------------------------------------------------------------------------
 *
 * page.h
 *	  The pages of an index, whatever its access method: visiting them at the
 *	  least cost, and changing them with WAL.
 *
 * Knows the special space that all pages of ours end with, and nothing of what
 * stands before it.  Kinds of pages are the access method's; see its format.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_PAGE_H
#define OMEN_PAGE_H

#include "postgres.h"

#include "access/generic_xlog.h"
#include "compat.h"
#include "storage/block.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/rel.h"

/*
 * Special space: all in the last cache line of a page.
 *
 *	  OFFSET	SIZE	DESCRIPTION
 *	  0			4		next: next page of this kind with room, if the kind has
 *						a list of such; or the next part of a chain; or
 *						InvalidBlockNumber
 *	  4			4		block: number of this page, so that a page that was
 *						copied over another is told
 *	  8			4		owner: the part of an index that alone has the page, or
 *						0
 *	  12		4		chain: next page of its owner, or InvalidBlockNumber; 0
 *						without an owner
 *	  16		1		kind: of the access method's enum
 *	  17		1		flags: OMEN_PAGE_LISTED
 *	  18		2		used: slots ever handed out; those beyond are zero
 *	  20		2		live: slots in use
 *	  22		2		page_id: OMEN_PAGE_ID, for tools that identify pages;
 *						the last two bytes of a page in any version of the
 *						format
 */
typedef struct OmenPageOpaqueData
{
	BlockNumber next;
	BlockNumber block;
	uint32		owner;
	BlockNumber chain;
	uint8		kind;
	uint8		flags;
	uint16		used;
	uint16		live;
	uint16		page_id;
} OmenPageOpaqueData;

typedef OmenPageOpaqueData *OmenPageOpaque;

#define OMEN_PAGE_ID 0xFFB0
#define OMEN_PAGE_LISTED 0x01	/* on the list of its kind */

/*
 * Kinds: a free page is of the same kind everywhere; omen_hnsw has 0x10 to
 * 0x1F.  The access method that comes next takes 0x20 to 0x2F, in a format.h
 * of its own, and notes it here.
 */
#define OMEN_KIND_FREE 0x00

/* Every page's special space stands at the same place. */
#define OmenPageGetOpaque(page) \
	((OmenPageOpaque) ((char *) (page) + BLCKSZ - \
					   MAXALIGN(sizeof(OmenPageOpaqueData))))

/* Bytes between the page header and the special space. */
#define OMEN_PAGE_START MAXALIGN(SizeOfPageHeaderData)
#define OMEN_PAGE_CAPACITY \
	(BLCKSZ - OMEN_PAGE_START - MAXALIGN(sizeof(OmenPageOpaqueData)))

/* An index whose pages somebody works with; the relation is the caller's. */
typedef struct OmenPages
{
	Relation	rel;
	bool		building;		/* by ambuild: nobody else sees the index, and
								 * changes are not logged one by one */
	BlockNumber nblocks;		/* blocks that are known to exist */
} OmenPages;

/* ---------- buffers.c ---------- */

extern Buffer omen_remembered_buffer(Relation rel, BlockNumber block);
extern void omen_remember_buffer(Relation rel, BlockNumber block,
								 Buffer buffer);
extern bool omen_pin_remembered(Relation rel, BlockNumber block, Buffer buffer);
extern Buffer omen_pin(OmenPages *pages, BlockNumber block);
extern void omen_prefetch_page(Buffer buffer, int start, int end);
extern Page omen_prefetch_pinning(OmenPages *pages, BlockNumber block);
extern Page omen_peek_page(OmenPages *pages, BlockNumber block, uint8 kind,
						   uint32 slotno, Buffer *buffer);
extern bool omen_peek_held(OmenPages *pages, BlockNumber block, Buffer buffer);
extern bool omen_block_exists(OmenPages *pages, BlockNumber block);
extern void omen_fetch_ahead(OmenPages *pages, BlockNumber block);
extern OmenPageOpaque omen_check_page(Relation rel, Buffer buf);
extern bool omen_page_seems(Buffer buf, uint8 kind);

/* ---------- frame.c ---------- */

extern void omen_page_init(Page page, BlockNumber block, uint8 kind);
pg_noreturn extern void omen_report_corruption(Relation rel, Buffer buf);

/* ---------- wal.c ---------- */

typedef struct OmenChange
{
	Relation	rel;
	bool		direct;			/* pages are changed in place, unlogged */
	GenericXLogState *xlog;
	int			nbuffers;
	Buffer		buffers[MAX_GENERIC_XLOG_PAGES];
} OmenChange;

extern void omen_change_begin(OmenChange *change, OmenPages *pages);
extern Page omen_change_page(OmenChange *change, Buffer buf);
extern Page omen_change_new_page(OmenChange *change, Buffer buf);
extern void omen_change_commit(OmenChange *change);
extern void omen_change_abort(OmenChange *change);
extern void omen_put_page(OmenPages *pages, Page page);

/* ---------- list.c ---------- */

/*
 * The lists of pages with room that an access method keeps, one for each of
 * some kinds, that of free pages among them.  A list's head stands on a page of
 * its own choice: its home, which is locked after all others.
 */
typedef struct OmenPageLists
{
	/* block of the home of a kind's list */
	BlockNumber (*home)(const struct OmenPageLists *lists, uint8 kind);
	/* where the head stands on it */
	BlockNumber *(*head)(const struct OmenPageLists *lists, Page home,
						 uint8 kind);
	/* slots that a page of the kind has */
	uint32 (*slots)(const struct OmenPageLists *lists, uint8 kind);
	/*
	 * The page that is told when another page of the kind is first, locked
	 * exclusively; InvalidBuffer if none is.  It is locked before the home, and
	 * may be the home itself.  NULL: none is told of any kind.
	 */
	Buffer (*lock_told)(const struct OmenPageLists *lists, uint8 kind);
	/* another page of the kind is first from now on: note that there */
	void (*opened)(const struct OmenPageLists *lists, Page told, uint8 kind);
	/*
	 * No page of the kind has room: make one of elsewhere the first, instead of
	 * a new one.  False if there is none.  Or NULL.
	 */
	bool (*take_spare)(const struct OmenPageLists *lists, uint8 kind);
	/* a page has been given a kind, and is first: note whose it is.  Or NULL */
	void (*started)(const struct OmenPageLists *lists, Page page, Page home);
	uint32		max_id;			/* largest id that a slot may have */
	const void *am;				/* the access method's own */
} OmenPageLists;

extern Buffer omen_list_page_with_room(OmenPages *pages,
									   const OmenPageLists *lists, uint8 kind);
extern Buffer omen_list_free_page(OmenPages *pages, const OmenPageLists *lists);
extern uint32 omen_list_first_free(OmenPages *pages, const OmenPageLists *lists,
								   uint8 kind);
extern void omen_list_add(OmenPages *pages, const OmenPageLists *lists,
						  Buffer buf);

/* Bring bytes towards the processor; they may be anywhere. */
static inline void
omen_prefetch_bytes(const void *start, Size bytes)
{
	const uintptr_t cache_line = 64;
	uintptr_t	at = (uintptr_t) start & ~(cache_line - 1);

	for (; at < (uintptr_t) start + bytes; at += cache_line)
		__builtin_prefetch((const void *) at);
}

/*
 * The same of as many cache lines wherever they start, so that a processor
 * learns when that ends: for what is prefetched hundreds of times a query.  The
 * last bytes may not be among them, or some beyond.
 */
static inline void
omen_prefetch_about(const void *start, Size bytes)
{
	const uintptr_t cache_line = 64;
	uintptr_t	at = (uintptr_t) start & ~(cache_line - 1);

	for (Size done = 0; done < bytes + cache_line / 2; done += cache_line)
		__builtin_prefetch((const void *) (at + done));
}

#endif							/* OMEN_PAGE_H */
