/*-------------------------------------------------------------------------
 *
 * choose.c
 *	  Which candidates become neighbors, in a build.
 *
 * The rule of graph/select.c: algorithm 4 of the HNSW paper, without extending
 * the candidates; of those that it leaves out only as many are kept as a point
 * needs to have a few neighbors at all.  There it works on slots that change
 * under it, here on points by position.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/choose.h"

#define ST_SORT sort_near
#define ST_ELEMENT_TYPE OmenNear
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : (*(a) > *(b) ? 1 : 0))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* More sorted runs than leaves give are sorted in the ordinary way. */
#define MAX_RUNS (OMEN_MAX_OVERLAP + 4)

struct OmenChooser
{
	OmenBuild  *build;
	OmenPoints *points;
	char	   *space;			/* for the chosen and one more */
	char	   *own;			/* for the point whose candidates they are */
	const char *chosen[OMEN_MAX_CAPACITY + 1];
};

OmenChooser *
omen_chooser_create(OmenBuild *build, OmenPoints *points)
{
	OmenChooser *chooser = palloc(sizeof(OmenChooser));

	chooser->build = build;
	chooser->points = points;
	chooser->space =
		omen_alloc(mul_size(OMEN_MAX_CAPACITY + 1, build->shape.point_bytes));
	chooser->own = palloc(build->shape.point_bytes);
	return chooser;
}

/* Merge two sorted runs; neither is empty. */
static void
merge_runs(const OmenNear *a, const OmenNear *a_end, const OmenNear *b,
		   const OmenNear *b_end, OmenNear *out)
{
	while (a < a_end && b < b_end)
	{
		/* without a branch: which one is nearer cannot be predicted */
		bool		from_b = *b < *a;

		*out++ = from_b ? *b : *a;
		b += from_b;
		a += !from_b;
	}
	memcpy(out, a, (a_end - a) * sizeof(OmenNear));
	out += a_end - a;
	memcpy(out, b, (b_end - b) * sizeof(OmenNear));
}

/* Where the sorted runs of an array end; 0 if there are too many. */
static uint32
find_runs(const OmenNear *near, uint32 count, uint32 *ends)
{
	uint32		runs = 0;

	for (uint32 i = 1; i <= count; i++)
	{
		if (i < count && near[i] >= near[i - 1])
			continue;
		if (runs == MAX_RUNS)
			return 0;
		ends[runs++] = i;
	}
	return runs;
}

/*
 * Sort what consists of a few sorted runs, as what comes from leaves does.
 */
static void
sort_runs(OmenNear *near, uint32 count)
{
	OmenNear	space[OMEN_MAX_CANDIDATES];
	uint32		ends[MAX_RUNS];
	uint32 runs = count <= lengthof(space) ? find_runs(near, count, ends) : 0;
	OmenNear   *from = near;
	OmenNear   *to = space;

	if (runs == 0)
	{
		sort_near(near, count);
		return;
	}
	while (runs > 1)
	{
		uint32		merged = 0;
		uint32		start = 0;

		for (uint32 r = 0; r < runs; r += 2)
		{
			uint32		middle = ends[r];
			uint32		end = r + 1 < runs ? ends[r + 1] : middle;

			merge_runs(from + start, from + middle, from + middle, from + end,
					   to + start);
			ends[merged++] = end;
			start = end;
		}
		runs = merged;
		to = from;
		from = from == near ? space : near;
	}
	if (from != near)
		memcpy(near, from, count * sizeof(OmenNear));
}

/*
 * Sort by distance, then position, and drop what comes twice.  Returns how
 * many are left.
 */
uint32
omen_sort_near(OmenNear *near, uint32 count)
{
	uint32		kept = 0;

	sort_runs(near, count);
	for (uint32 i = 0; i < count; i++)
	{
		if (kept == 0 || near[i] != near[kept - 1])
			near[kept++] = near[i];
	}
	return kept;
}

/*
 * Sort by insertion what is nearly sorted, and drop what comes twice.  Returns
 * how many are left.
 */
static uint32
resort_near(OmenNear *near, uint32 count)
{
	uint32		kept = 0;

	for (uint32 i = 0; i < count; i++)
	{
		OmenNear	this = near[i];
		uint32		at = kept;

		while (at > 0 && near[at - 1] > this)
			at--;
		if (at > 0 && near[at - 1] == this)
			continue;
		memmove(near + at + 1, near + at, (kept - at) * sizeof(OmenNear));
		near[at] = this;
		kept++;
	}
	return kept;
}

/* A candidate with its distance as whole codes tell it. */
static OmenNear
measured(OmenChooser *chooser, const char *own, const char *point,
		 OmenNear candidate)
{
	return omen_near(omen_point_distance(&chooser->build->shape, own, point),
					 (uint32) candidate) |
		   (candidate & OMEN_COARSE);
}

/*
 * Distances from a point to its candidates, which were told by narrow codes,
 * are computed from whole ones: the rule below compares them with those of
 * candidates from each other.  Sorts them again, drops what comes twice, and
 * returns how many are left.
 */
uint32
omen_measure_near(OmenChooser *chooser, uint32 position, OmenNear *near,
				  uint32 count)
{
	const char *point =
		omen_points_get(chooser->points, position, chooser->own);
	uint32		kept = 0;

	for (uint32 i = 0; i < count; i++)
	{
		OmenNear	candidate = near[i];
		const char *other;

		if (i + 2 < count)
			omen_points_prefetch(chooser->points, (uint32) near[i + 2]);
		other = omen_points_get(chooser->points, (uint32) candidate,
								chooser->space);
		candidate = measured(chooser, point, other, candidate);
		if (omen_near_distance(candidate) < INFINITY)
			near[kept++] = candidate;
	}
	return resort_near(near, kept);
}

/*
 * Do narrow codes tell a point's candidates, which are sorted, from each other
 * and from the point?  They do if even its nearest is far enough: then the rule
 * below decides by differences that are large beside their errors.
 */
bool
omen_is_clear(OmenChooser *chooser, uint32 position, const OmenNear *near,
			  uint32 count)
{
	const OmenBuildShape *shape = &chooser->build->shape;
	const char *point =
		omen_points_get(chooser->points, position, chooser->own);

	return count == 0 ||
		   omen_narrow_is_clear(shape,
								omen_narrow_terms(shape,
												  omen_point_code(point)),
								omen_near_distance(near[0]));
}

/*
 * Choose at most `most` of the candidates of a point, which are sorted; moves
 * them to the front.  If the rule chooses fewer than `least`, the nearest of
 * those that it left out are added.  Returns how many are chosen.
 *
 * With is_narrow, narrow codes told some of the distances.  Those of the chosen
 * are computed from whole ones: an edge has the same distance from both of its
 * ends, by which it is known there for the same.
 */
uint32
omen_choose(OmenChooser *chooser, uint32 position, bool is_narrow,
			OmenNear *near, uint32 count, uint32 most, uint32 least)
{
	const OmenBuildShape *shape = &chooser->build->shape;
	OmenNear	left_out[OMEN_MAX_PER_LEAF];
	const char *own = NULL;
	uint32		nleft_out = 0;
	uint32		nchosen = 0;

	Assert(most <= OMEN_MAX_CAPACITY && least <= lengthof(left_out));
	if (is_narrow)
		own = omen_points_get(chooser->points, position, chooser->own);
	for (uint32 i = 0; i < count && nchosen < most; i++)
	{
		float		distance = omen_near_distance(near[i]);
		const char *point;
		bool		good = true;

		if (i + 2 < count)
			omen_points_prefetch(chooser->points, (uint32) near[i + 2]);
		point = omen_points_get(chooser->points, (uint32) near[i],
								chooser->space +
									(Size) nchosen * shape->point_bytes);
		for (uint32 j = 0; j < nchosen && good; j++)
			good = omen_point_distance(shape, point, chooser->chosen[j]) >=
				   distance;
		if (!good && nleft_out == least)
			continue;
		if (is_narrow)
			near[i] = measured(chooser, own, point, near[i]);
		if (good)
		{
			chooser->chosen[nchosen] = point;
			near[nchosen++] = near[i];
		}
		else
			left_out[nleft_out++] = near[i];
	}
	for (uint32 i = 0; i < nleft_out && nchosen < least; i++)
		near[nchosen++] = left_out[i];
	return nchosen;
}
