/*-------------------------------------------------------------------------
 *
 * growth.c
 *	  How long the candidate list of a filtered search has to be.
 *
 * Plain C, without a server.  Decides by what it is given, and changes nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "hnsw/scan/growth.h"

#include <math.h>

#include "tuning.h"

/*
 * Size of the candidate list, of nodes whether they pass or not, that finds as
 * large a part of the nearest rows that pass as ef_search does of all rows.
 * The wanted rows are spread over more of the list then, and at its end it
 * lacks more than at its beginning.  There is a limit, since where few pass
 * more rows are looked at anyway.
 */
double
omen_list_size(double selectivity, double ef_search)
{
	return ef_search *
		   fmin(1 / sqrt(fmax(selectivity, OMEN_TINY_PART)), OMEN_MAX_STRETCH);
}

/*
 * How many nodes have to be tested until as many rows pass as are wanted, given
 * the part of them that is expected to pass, and how many were tested and
 * passed so far.  What was expected counts as much as one row that passed (the
 * mean of a Gamma distribution with that prior).
 */
double
omen_rows_to_test(uint64_t wanted, double pass_rate, uint64_t tested,
				  uint64_t passed)
{
	double		rate =
		(passed + 1.0) / (tested + 1 / fmax(pass_rate, OMEN_TINY_PART));
	uint64_t	missing = passed < wanted ? wanted - passed : 0;

	return tested + missing / rate;
}

/* The size that a post-filtering list should have, by what it has seen. */
static double
list_as_seen(const OmenSearchTerms *terms, const OmenSearchProgress *progress)
{
	double		tested = fmax(progress->tested, 1);

	return omen_list_size(progress->passed / tested, terms->ef_search);
}

/*
 * The size in which enough rows are expected to pass, or one on the way there.
 * It is never shorter than ef_search.
 */
static uint32_t
grow_towards_wanted(const OmenSearchTerms *terms,
					const OmenSearchProgress *progress)
{
	double		tested = (double) progress->tested;
	double		tests = omen_rows_to_test(terms->wanted, terms->pass_rate,
									 progress->tested, progress->passed);
	double		least = progress->ef * OMEN_LIST_MIN_GROWTH + 1;
	double		most = fmin(progress->ef * OMEN_LIST_MAX_GROWTH, INT32_MAX);

	tests = tested + OMEN_LIST_STEP * (tests - tested);
	return (uint32_t) fmax(fmin(fmax(tests, least), most), terms->ef_search);
}

/*
 * The next size of a post-filtering list: as long as enough rows need to pass;
 * then as long as is expected to find them all, by what passed so far; then a
 * bit more than the nodes that were tested, to be sure of these; or else the
 * same growth as any list's.
 */
static uint32_t
next_list_post_filtering(const OmenSearchTerms *terms,
						 const OmenSearchProgress *progress)
{
	uint32_t	ef = progress->ef;
	uint64_t	tested = progress->tested;

	if (progress->passed < terms->wanted)
		return grow_towards_wanted(terms, progress);
	if (ef < list_as_seen(terms, progress))
		return (uint32_t) list_as_seen(terms, progress) + 1;
	if (tested > ef && tested < ef + ef / OMEN_LIST_NEARLY)
		return (uint32_t) tested + ef / OMEN_LIST_MARGIN + 1;
	return ef * OMEN_LIST_GROWTH;
}

/*
 * The size of the candidate list if the search goes on.  One that stopped at
 * its limit goes on with the list that it has.
 */
uint32_t
omen_next_list(const OmenSearchTerms *terms, const OmenSearchProgress *progress)
{
	if (progress->hit_limit)
		return progress->ef;
	if (omen_search_is_inside(terms))
		return progress->ef * OMEN_LIST_GROWTH;
	return next_list_post_filtering(terms, progress);
}

/* Is a post-filtering list long enough, by what it has seen? */
static bool
suffices_post_filtering(const OmenSearchTerms *terms,
						const OmenSearchProgress *progress)
{
	/* a short look is to see what passes, and then becomes a search as any */
	return progress->ef >= terms->ef_search &&
		   progress->ef * OMEN_LIST_SLACK >= list_as_seen(terms, progress);
}

/*
 * Do rows that pass lie nearer to the query than others do?  Then the list is
 * not one of many more nodes that do not pass, and what is expected of a list
 * of ef_search is had for little.
 */
static bool
was_short(const OmenSearchTerms *terms, const OmenSearchProgress *progress)
{
	return progress->ef < terms->ef_search &&
		   progress->visits < terms->usual_visits / OMEN_WALK_SHORT;
}

/*
 * Do rows that pass lie farther from the query than others do?  There a search
 * comes in at a few places only, and needs a longer list.
 */
static bool
was_long(const OmenSearchTerms *terms, const OmenSearchProgress *progress)
{
	return progress->visits >= OMEN_WALK_LONG * terms->usual_visits &&
		   progress->ef < OMEN_WALK_LONG_LIST * terms->ef;
}

/*
 * Has a search that went to its end gone far enough to rely on what it found?
 */
bool
omen_list_suffices(const OmenSearchTerms *terms,
				   const OmenSearchProgress *progress)
{
	/* keys need not say all, a set does */
	if (!terms->tests_tids && progress->ef < progress->tested)
		return false;
	if (!omen_search_is_inside(terms))
		return suffices_post_filtering(terms, progress);
	if (terms->is_unfiltered)
		return true;
	return !was_short(terms, progress) && !was_long(terms, progress);
}
