/*-------------------------------------------------------------------------
 *
 * array.h
 *	  Arrays that grow.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_ARRAY_H
#define OMEN_ARRAY_H

#include "postgres.h"

#include "utils/palloc.h"

extern void *omen_grow_array(MemoryContext context, void *array, uint32 *room,
							 uint32 needed, Size item);

/*
 * Make room for at least `needed` items in an array, which may move.  It lives
 * in the context, or is NULL while its room is 0.  More than fits into memory,
 * or into MaxAllocHugeSize, is an error that leaves the array as it was.
 */
#define OMEN_GROW(context, array, room, needed) \
	do \
	{ \
		if (unlikely((needed) > (room))) \
			(array) = omen_grow_array((context), (array), &(room), (needed), \
									  sizeof(*(array))); \
	} while (0)

#endif							/* OMEN_ARRAY_H */
