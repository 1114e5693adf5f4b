/*-------------------------------------------------------------------------
 *
 * toast.h
 *	  Reading many TOASTed values of one table.
 *
 * The server opens the TOAST table and its index, and descends the index, for
 * each value anew; that takes longer than comparing hundreds of codes.  A
 * reader opens them once, and remembers where values were found.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_TOAST_H
#define OMEN_TOAST_H

#include "postgres.h"

typedef struct OmenToastReader OmenToastReader;

/*
 * With `once` each value is read once, in the order of the table, and nothing
 * is remembered.
 *
 * What the reader opens belongs to the resource owner that is current at the
 * first read, which has to be that of all other reads; its memory to the
 * context that is current here.
 */
extern OmenToastReader *omen_toast_reader_create(bool once);

/* Can a reader do better with the value than the server? */
extern bool omen_toast_is_read_here(Datum value);

/*
 * A varlena value as plain bytes.  The result is valid until the next read, or
 * as long as the value if that is plain itself, or palloc'd if it was
 * compressed.  Needs an active or registered snapshot that sees the value's
 * row.  A value whose chunks are missing or odd is an error of
 * ERRCODE_DATA_CORRUPTED.
 */
extern struct varlena *omen_toast_read(OmenToastReader *reader, Datum value);

/*
 * Bring a value towards the processor that is going to be read soon.  Does
 * nothing if it is not known where that is.
 */
extern void omen_toast_prefetch(Datum value);

/* Release pins that the last read left, as before waiting for something. */
extern void omen_toast_reader_pause(OmenToastReader *reader);

/*
 * Close what is open; a further read opens it again.  Until then the TOAST
 * table and its indexes are locked in AccessShareLock.  Without this an abort
 * releases them.
 */
extern void omen_toast_reader_end(OmenToastReader *reader);

#endif							/* OMEN_TOAST_H */
