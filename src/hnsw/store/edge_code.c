/*-------------------------------------------------------------------------
 *
 * edge_code.c
 *	  Edges packed into the bytes of a slot.
 *
 * Ids stand in increasing order, as Elias and Fano have it (P. Elias, Efficient
 * storage and retrieval by content and address of static files, J. ACM 21,
 * 1974): of each id less the smallest the low bits as they are, and the high
 * ones in unary, so that n edges among N slots take about n (2 + log2(N / n))
 * bits wherever they lead, and fewer if they lead to slots near one another.
 * Most tags are 0, after a build all but those of parents; only others take a
 * byte.
 *
 *	  OFFSET		SIZE			DESCRIPTION
 *	  0				4				the smallest id
 *	  4				1				low: bits of an id that stand as they are
 *	  5				(n + 7) / 8		bit i: edge i has a tag that is not 0
 *	  then			(n low + 7) / 8	low bits of each id less the smallest
 *	  then			as needed		bit (high bits of id i) + i is set
 *	  then			1 each			tags that are not 0
 *
 * Bits count from the lowest of a byte on.  n is not part of it: slots have it
 * in their header.  The same edges always make the same bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/edge_code.h"
#include "port/pg_bitutils.h"

#define HEADER_BYTES 5
#define MAX_LOW 31

/*
 * No edges take more: 31 low bits at most, a tag and a bit that says so, and
 * what is unary, of less than three bits an edge.
 */
#define MOST_BYTES(count) (HEADER_BYTES + 6 * (count))

/*
 * What a room is made for: edges to slots all over an index of so many, of
 * which one in so many has a tag.  In an index a hundred times as large two
 * thirds of them fit.
 */
#define ROOM_SLOTS (1024 * 1024)
#define ROOM_EDGES_PER_TAG 16

/* ---------- packing ---------- */

/* Bring edges into the order in which they are packed. */
void
omen_pack_sort(const uint32 *ids, const uint8 *tags, uint32 count,
			   OmenPackedEdge *sorted)
{
	/* those that were unpacked and got some more are almost in order */
	for (uint32 i = 0; i < count; i++)
	{
		OmenPackedEdge edge = (uint64) ids[i] << 8 | tags[i];
		uint32		at = i;

		for (; at > 0 && sorted[at - 1] > edge; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = edge;
	}
}

static inline uint32
edge_id(OmenPackedEdge edge)
{
	return (uint32) (edge >> 8);
}

static uint32
span_of(const OmenPackedEdge *sorted, uint32 count)
{
	return edge_id(sorted[count - 1]) - edge_id(sorted[0]);
}

/*
 * How many low bits make the fewest bytes: each more halves the unary part, and
 * takes a bit of each edge.
 */
static uint32
choose_low(uint32 span, uint32 count)
{
	uint32		low = 0;

	while (low < MAX_LOW && (span >> low) - (span >> (low + 1)) > count)
		low++;
	return low;
}

static inline uint32
low_mask(uint32 low)
{
	return (UINT64CONST(1) << low) - 1;
}

/* Where the unary part begins. */
static uint32
high_offset(uint32 count, uint32 low)
{
	return HEADER_BYTES + (count + 7) / 8 + (count * low + 7) / 8;
}

/* Bytes without the tags. */
static uint32
bytes_of_ids(uint32 span, uint32 count, uint32 low)
{
	return high_offset(count, low) + ((span >> low) + count + 7) / 8;
}

/* How many bytes edges take. */
uint32
omen_pack_bytes(const OmenPackedEdge *sorted, uint32 count)
{
	uint32		span;
	uint32		ntags = 0;

	if (count == 0)
		return 0;
	span = span_of(sorted, count);
	for (uint32 i = 0; i < count; i++)
		ntags += (sorted[i] & 0xFF) != 0;
	return bytes_of_ids(span, count, choose_low(span, count)) + ntags;
}

static inline uint64
load(const uint8 *bytes)
{
	uint64		word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Set bits from the n-th on to those of a number that is below 2^32. */
static inline void
set_bits(uint8 *bytes, uint32 n, uint32 number)
{
	uint64		word = load(bytes + n / 8) | (uint64) number << (n % 8);

	memcpy(bytes + n / 8, &word, sizeof(word));
}

/* Pack edges into as many bytes as omen_pack_bytes() says. */
void
omen_pack(const OmenPackedEdge *sorted, uint32 count, uint8 *bytes)
{
	uint8		space[MOST_BYTES(OMEN_MAX_PACKED) + sizeof(uint64)];
	uint32		smallest;
	uint32		span;
	uint32		low;
	uint32		lows;			/* bits of the parts, and */
	uint32		highs;
	uint32		at;				/* byte of the next tag */

	Assert(count <= OMEN_MAX_PACKED);
	if (count == 0)
		return;
	smallest = edge_id(sorted[0]);
	span = span_of(sorted, count);
	low = choose_low(span, count);
	lows = 8 * (HEADER_BYTES + (count + 7) / 8);
	highs = 8 * high_offset(count, low);
	at = bytes_of_ids(span, count, low);
	memset(space, 0, sizeof(space));
	memcpy(space, &smallest, sizeof(smallest));
	space[4] = low;
	for (uint32 i = 0; i < count; i++)
	{
		uint32		id = edge_id(sorted[i]) - smallest;

		set_bits(space, lows + i * low, id & low_mask(low));
		set_bits(space, highs + (id >> low) + i, 1);
		set_bits(space, 8 * HEADER_BYTES + i, (uint8) sorted[i] != 0);
	}
	for (uint32 i = 0; i < count; i++)
	{
		if ((uint8) sorted[i] != 0)
			space[at++] = (uint8) sorted[i];
	}
	memcpy(bytes, space, at);
}

/* ---------- unpacking ---------- */

/* The tags, of which the bits say which edges have one.  False: too many. */
static bool
unpack_tags(const uint8 *bits, uint32 count, const uint8 *from,
			const uint8 *end, uint8 *tags)
{
	memset(tags, 0, count);
	for (uint32 at = 0; at < count; at += 64)
	{
		uint64		word = load(bits + at / 8);

		if (count - at < 64)
			word &= (UINT64CONST(1) << (count - at)) - 1;
		for (; word != 0; word &= word - 1)
		{
			if (from >= end)
				return false;
			tags[at + pg_rightmost_one_pos64(word)] = *from++;
		}
	}
	return true;
}

/*
 * Unpack so many edges from a room; they come in order.  False if these bytes
 * are no such edges.  Bytes may be any, and may change meanwhile: nothing
 * beyond the room is read, and nothing beyond count written.
 */
bool
omen_unpack(const uint8 *room_bytes, uint32 room, uint32 count, uint32 *ids,
			uint8 *tags)
{
	/* words may be read from its last byte on */
	uint8		bytes[MOST_BYTES(OMEN_MAX_PACKED) + sizeof(uint64)];
	uint32		smallest;
	uint32		low;
	uint32		at;				/* byte of the word */
	uint32		base;			/* of its bits, less the number of the edge */
	uint32		lows;			/* bit of the next low part */
	uint64		word;

	if (count == 0)
		return true;
	room = Min(room, MOST_BYTES(OMEN_MAX_PACKED));
	memcpy(bytes, room_bytes, room);
	memset(bytes + room, 0, sizeof(uint64));
	memcpy(&smallest, bytes, sizeof(smallest));
	low = bytes[4];
	if (count > OMEN_MAX_PACKED || low > MAX_LOW ||
		high_offset(count, low) >= room)
		return false;
	lows = 8 * (HEADER_BYTES + (count + 7) / 8);
	at = high_offset(count, low);
	base = 0;
	word = load(bytes + at);
	for (uint32 i = 0; i < count; i++)
	{
		uint32		bit;

		while (word == 0)
		{
			at += sizeof(uint64);
			base += 64;
			if (at >= room)
				return false;
			word = load(bytes + at);
		}
		bit = pg_rightmost_one_pos64(word);
		word &= word - 1;
		ids[i] =
			smallest + ((base + bit - i) << low) +
			((uint32) (load(bytes + lows / 8) >> (lows % 8)) & low_mask(low));
		lows += low;
		if (i == count - 1)
			at += bit / 8 + 1;
	}
	return unpack_tags(bytes + HEADER_BYTES, count, bytes + at, bytes + room,
					   tags);
}

/* ---------- room ---------- */

/* Bytes of the room for so many edges. */
uint32
omen_pack_room(uint32 count)
{
	uint32		low = choose_low(ROOM_SLOTS, count);

	/* what is unary has three bits an edge at most: see choose_low() */
	return high_offset(count, low) + (3 * count + 7) / 8 +
		   count / ROOM_EDGES_PER_TAG;
}

/* Bytes that so many edges never take more of. */
uint32
omen_pack_most(uint32 count)
{
	return MOST_BYTES(count);
}
