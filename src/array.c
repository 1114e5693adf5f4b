/*-------------------------------------------------------------------------
 *
 * array.c
 *	  Arrays that grow.
 *
 * The room at least doubles each time, so that adding items one by one takes
 * linear time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "array.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

/* The room of an array's first allocation. */
#define MIN_ROOM 64

/* See OMEN_GROW. */
void *
omen_grow_array(MemoryContext context, void *array, uint32 *room, uint32 needed,
				Size item)
{
	uint64		twice = Min((uint64) *room * 2, PG_UINT32_MAX);
	uint32		larger = Max(needed, (uint32) Max(twice, MIN_ROOM));
	Size		bytes = mul_size(larger, item);

	array = array ? repalloc_huge(array, bytes)
				  : MemoryContextAllocHuge(context, bytes);
	*room = larger;
	return array;
}
