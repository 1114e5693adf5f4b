/*-------------------------------------------------------------------------
 *
 * binary_heap.h
 *	  Template of a binary heap: of items as such, in an array of the caller's.
 *
 * To be included once for each kind of heap, after defining
 *
 *	  OMEN_HEAP_NAME			what the names of its functions begin with
 *	  OMEN_HEAP_ITEM			the type of its items
 *	  OMEN_HEAP_ABOVE(a, b)		is the item *a to come out before *b?
 *
 * which are undefined again.  Defines
 *
 *	  void NAME_push(ITEM *heap, uint32 *count, ITEM item)
 *			the array has room for it
 *	  ITEM NAME_pop(ITEM *heap, uint32 *count)
 *			take the top, which is heap[0], of a heap that is not empty
 *	  void NAME_replace(ITEM *heap, uint32 count, ITEM item)
 *			put an item in place of the top
 *
 * The server's own heaps are of pointers or Datums with a comparison that is
 * called; here items are compared inline and lie next to each other.
 *
 *-------------------------------------------------------------------------
 */
#define HEAP_JOIN_(a, b) a##_##b
#define HEAP_JOIN(a, b) HEAP_JOIN_(a, b)
#define HEAP_FUNCTION(name) HEAP_JOIN(OMEN_HEAP_NAME, name)

/* Put an item in place of the top, and then down to where it belongs. */
static inline void
HEAP_FUNCTION(replace)(OMEN_HEAP_ITEM *heap, uint32 count, OMEN_HEAP_ITEM item)
{
	uint32		place = 0;

	for (;;)
	{
		uint32		child = 2 * place + 1;

		if (child >= count)
			break;
		if (child + 1 < count &&
			OMEN_HEAP_ABOVE(&heap[child + 1], &heap[child]))
			child++;
		if (!OMEN_HEAP_ABOVE(&heap[child], &item))
			break;
		heap[place] = heap[child];
		place = child;
	}
	heap[place] = item;
}

static inline void
HEAP_FUNCTION(push)(OMEN_HEAP_ITEM *heap, uint32 *count, OMEN_HEAP_ITEM item)
{
	uint32		place = (*count)++;

	while (place > 0 && OMEN_HEAP_ABOVE(&item, &heap[(place - 1) / 2]))
	{
		heap[place] = heap[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	heap[place] = item;
}

static inline OMEN_HEAP_ITEM
HEAP_FUNCTION(pop)(OMEN_HEAP_ITEM *heap, uint32 *count)
{
	OMEN_HEAP_ITEM top = heap[0];

	/* what was last becomes the top, and goes to where it belongs */
	(*count)--;
	HEAP_FUNCTION(replace)(heap, *count, heap[*count]);
	return top;
}

#undef HEAP_FUNCTION
#undef HEAP_JOIN
#undef HEAP_JOIN_
#undef OMEN_HEAP_NAME
#undef OMEN_HEAP_ITEM
#undef OMEN_HEAP_ABOVE
