/*
 * test_edge_code.c
 *		Unit tests of edges packed into slots.
 *
 * Purpose: what is packed comes out again, takes no more bytes than it says, and
 * fits the room that is made for it; what is no edges does no harm, whatever it
 * is.
 *
 * The sources include the server's headers; nothing of the server is called.
 */
#include "postgres.h"

#include "hnsw/graph/graph.h"
#include "hnsw/store/edge_code.h"

/* the server has its own */
#undef fprintf
#undef printf
#undef vfprintf
#include "check.h"
#include "random.h"

#define ROUNDS 20000

/* Distinct ids below a limit, in no order, and tags of which some are not 0. */
static void
make_edges(uint32 count, uint32 limit, uint32 tags_in_16, uint32 *ids,
		   uint8 *tags)
{
	uint32		first = random_u64() % limit;
	uint32		stride = limit / count;

	for (uint32 i = 0; i < count; i++)
	{
		ids[i] = (uint32) (((uint64) first + (uint64) i * stride +
							random_u64() % stride) %
						   limit);
		tags[i] = random_u64() % 16 < tags_in_16 ? random_u64() : 0;
	}
	for (uint32 i = count - 1; i > 0; i--)
	{
		uint32		j = random_u64() % (i + 1);
		uint32		id = ids[i];

		ids[i] = ids[j];
		ids[j] = id;
	}
}

/* Pack, unpack, and compare; returns how many bytes it took. */
static uint32
check_round_trip(uint32 count, const uint32 *ids, const uint8 *tags)
{
	OmenPackedEdge sorted[OMEN_MAX_PACKED];
	uint8		bytes[6 * OMEN_MAX_PACKED + 16];
	uint32		got_ids[OMEN_MAX_PACKED + 1];
	uint8		got_tags[OMEN_MAX_PACKED + 1];
	uint32		size;
	bool		same = true;

	omen_pack_sort(ids, tags, count, sorted);
	size = omen_pack_bytes(sorted, count);
	memset(bytes, 0xA5, sizeof(bytes));
	omen_pack(sorted, count, bytes);
	CHECK(bytes[size] == 0xA5 && size <= omen_pack_most(count));
	got_ids[count] = 77;
	got_tags[count] = 77;
	CHECK(omen_unpack(bytes, size, count, got_ids, got_tags));
	for (uint32 i = 0; i < count; i++)
		same &= sorted[i] == ((uint64) got_ids[i] << 8 | got_tags[i]);
	CHECK_MSG(same, "%u edges are others when they are unpacked", count);
	CHECK(got_ids[count] == 77 && got_tags[count] == 77);
	/* one byte less is too little, if the last is that of a tag */
	if (tags[0] != 0)
		CHECK(!omen_unpack(bytes, size - 1, count, got_ids, got_tags));
	return size;
}

static void
test_round_trips(void)
{
	uint32		ids[OMEN_MAX_PACKED];
	uint8		tags[OMEN_MAX_PACKED];

	for (int round = 0; round < ROUNDS; round++)
	{
		uint32		count = 1 + random_u64() % OMEN_MAX_PACKED;
		uint32		limit = (uint32) random_u64() >> random_u64() % 24;

		make_edges(count, Max(count, limit), random_u64() % 17, ids, tags);
		(void) check_round_trip(count, ids, tags);
	}
}

/* The ends of what ids may be, and the same id twice. */
static void
test_extremes(void)
{
	const uint32 ids[4] = {0xFFFFFFF0, 0, 0xFFFFFFF0, 5};
	const uint8 tags[4] = {255, 1, 3, 0};
	uint32		same[OMEN_MAX_PACKED];
	uint8		none[OMEN_MAX_PACKED] = {0};

	for (uint32 count = 1; count <= 4; count++)
		(void) check_round_trip(count, ids, tags);
	for (uint32 i = 0; i < OMEN_MAX_PACKED; i++)
		same[i] = 4000000000U;
	(void) check_round_trip(OMEN_MAX_PACKED, same, none);
	for (uint32 i = 0; i < OMEN_MAX_PACKED; i++)
		same[i] = i;
	(void) check_round_trip(OMEN_MAX_PACKED, same, none);
}

/*
 * The room for edges has room for as many, without tags, in an index of a
 * million slots, and for two thirds of them in one of a hundred million.
 */
static void
test_room(void)
{
	uint32		ids[OMEN_MAX_PACKED];
	uint8		tags[OMEN_MAX_PACKED];

	for (uint32 count = 2; count <= OMEN_MAX_PACKED; count++)
	{
		for (int round = 0; round < 50; round++)
		{
			uint32		part = count - (count + 2) / 3;

			make_edges(count, 1000000, 0, ids, tags);
			CHECK_MSG(check_round_trip(count, ids, tags) <=
						  omen_pack_room(count),
					  "no room for %u edges", count);
			make_edges(part, 100000000, 0, ids, tags);
			CHECK_MSG(check_round_trip(part, ids, tags) <=
						  omen_pack_room(count),
					  "no room for %u edges", part);
		}
	}
}

/* Any bytes: read within the room, written within the arrays. */
static void
test_noise(void)
{
	for (int round = 0; round < 10 * ROUNDS; round++)
	{
		uint32		room = 1 + random_u64() % 400;
		uint32		count = random_u64() % (OMEN_MAX_PACKED + 2);
		uint8	   *bytes = malloc(room);
		uint32	   *ids = malloc((count + 1) * sizeof(uint32));
		uint8	   *tags = malloc(count + 1);

		for (uint32 i = 0; i < room; i++)
			bytes[i] = random_u64();
		if (room > 4 && round % 2 == 0)
			bytes[4] %= 40;
		if (count > OMEN_MAX_PACKED)
			CHECK(!omen_unpack(bytes, room, count, ids, tags));
		else
			(void) omen_unpack(bytes, room, count, ids, tags);
		free(bytes);
		free(ids);
		free(tags);
	}
}

/* Slots of both formats. */
static void
test_slots(void)
{
	static union
	{
		OmenSlotHeader header;
		uint8		bytes[1024];
	}			slot;
	OmenPlane	plane = {0};
	uint32		ids[32];
	uint8		tags[32];
	uint32		got_ids[32];
	uint8		got_tags[32];

	plane.capacity = 32;
	plane.edges_offset = 64;
	for (int packed = 0; packed < 2; packed++)
	{
		plane.is_packed = packed;
		plane.edge_bytes = packed ? omen_pack_room(32) : 160;
		make_edges(32, 100000, 0, ids, tags);
		CHECK(omen_slot_fits(&plane, ids, tags, 32));
		omen_slot_put_edges(&plane, &slot.header, ids, tags, 32);
		CHECK(slot.header.degree == 32);
		CHECK(omen_slot_get_edges(&plane, &slot.header, got_ids, got_tags) ==
			  32);
		CHECK(packed ? got_ids[0] < got_ids[1]
					 : memcmp(ids, got_ids, sizeof(ids)) == 0);
		CHECK(!omen_slot_fits(&plane, ids, tags, 33));
		make_edges(32, 0xFFFFFFF0, 16, ids, tags);
		CHECK(omen_slot_fits(&plane, ids, tags, 32) == !packed);
		slot.header.degree = 33;
		CHECK(omen_slot_get_edges(&plane, &slot.header, got_ids, got_tags) ==
			  -1);
	}
}

/* ---------- what does not fit ---------- */

/* A slot with room for few bytes, and as many edges as fit, some of children. */
static void
make_full(OmenPlane *plane, OmenEdges *edges, uint32 children)
{
	memset(plane, 0, sizeof(OmenPlane));
	memset(edges, 0, sizeof(OmenEdges));
	plane->capacity = 32;
	plane->is_packed = true;
	plane->edge_bytes = 60;
	for (uint32 i = 0;; i++)
	{
		uint8		tag = i < children ? OMEN_TAG_PARENT : 0;

		if (!omen_edges_add(plane, edges, (i * 7919) % 32 * 100000, tag))
			break;
	}
	CHECK(edges->degree > 12 && edges->degree < 32 &&
		  omen_edges_fit(plane, edges));
}

static void
test_add(void)
{
	OmenPlane	plane;
	OmenEdges	edges;
	OmenEdges	before;

	make_full(&plane, &edges, 4);
	before = edges;
	CHECK(!omen_edges_add(&plane, &edges, 4000000, 5));
	CHECK(edges.degree == before.degree &&
		  memcmp(edges.ids, before.ids, edges.degree * sizeof(uint32)) == 0);
	plane.edge_bytes = 400;
	while (edges.degree < 32)
		CHECK(omen_edges_add(&plane, &edges, edges.degree * 11, 0));
	CHECK(!omen_edges_add(&plane, &edges, 4000000, 0));
}

/*
 * As many of some edges as fit, the first of them, whichever ids these have; and
 * what is spared is room for tags.
 */
static void
test_put_first(void)
{
	static union
	{
		OmenSlotHeader header;
		uint8		bytes[256];
	}			slot;
	OmenPlane	plane;
	OmenEdges	edges;
	uint32		ids[33];
	uint8		tags[33] = {0};
	uint32		got_ids[32];
	uint8		got_tags[32];
	int			count;

	make_full(&plane, &edges, 0);
	plane.edges_offset = 64;
	for (uint32 i = 0; i < 32; i++)
		ids[i] = (31 - i) * 100000;
	memset(&slot, 0x5A, sizeof(slot));
	omen_slot_put_first(&plane, &slot.header, ids, tags, 32, 8);
	count = omen_slot_get_edges(&plane, &slot.header, got_ids, got_tags);
	CHECK(count > 8 && count < 32 && got_ids[0] == ids[count - 1] &&
		  got_ids[count - 1] == ids[0]);
	CHECK(slot.bytes[64 + plane.edge_bytes] == 0x5A);
	memset(got_tags, 1, 8);
	CHECK(omen_slot_fits(&plane, got_ids, got_tags, count));
	/* not one more */
	memset(tags, 1, 8);
	CHECK(!omen_slot_fits(&plane, ids, tags, count + 1));
}

/* The last edges give way, never those of children. */
static void
test_trim(void)
{
	OmenPlane	plane;
	OmenEdges	edges;
	OmenEdges	before;
	uint32		parents = 0;

	make_full(&plane, &edges, 4);
	before = edges;
	CHECK(omen_edges_trim(&plane, &edges) && edges.degree == before.degree);
	omen_edges_append(&edges, 0xFFFFFFF0, OMEN_TAG_PARENT | 3);
	CHECK(!omen_edges_fit(&plane, &edges));
	CHECK(omen_edges_trim(&plane, &edges) && omen_edges_fit(&plane, &edges));
	for (int i = 0; i < edges.degree; i++)
		parents += (edges.tags[i] & OMEN_TAG_PARENT) != 0;
	CHECK(parents == 5 && edges.degree > 6 && edges.degree <= before.degree);
	CHECK(edges.ids[edges.degree - 1] == 0xFFFFFFF0);
	CHECK(memcmp(edges.ids, before.ids, (edges.degree - 1) * sizeof(uint32)) ==
		  0);

	/* children alone do not fit */
	make_full(&plane, &edges, 32);
	omen_edges_append(&edges, 0xFFFFFFF0, OMEN_TAG_PARENT);
	before = edges;
	CHECK(!omen_edges_trim(&plane, &edges));
	CHECK(edges.degree == before.degree);
}

int
main(void)
{
	test_round_trips();
	test_extremes();
	test_room();
	test_noise();
	test_slots();
	test_add();
	test_put_first();
	test_trim();
	return check_finish();
}
