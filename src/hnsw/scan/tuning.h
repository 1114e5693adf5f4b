/*-------------------------------------------------------------------------
 *
 * tuning.h
 *	  The numbers by which a filtered scan sizes its candidate list.
 *
 * Used by growth.c and by whoever chooses the first size of the list.  A number
 * is a guess unless it says that it was measured; see filter/README.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_SCAN_TUNING_H
#define OMEN_SCAN_TUNING_H

/*
 * A list of all nodes, whether they pass or not, becomes at most this many
 * times ef_search for the sake of recall alone.  Measured (filter/README).
 */
#define OMEN_MAX_STRETCH 2.3

/*
 * A post-filtering list counts as long enough if by what was seen it should be
 * at most this many times as long.
 */
#define OMEN_LIST_SLACK 1.25

/*
 * How far a post-filtering list grows towards where enough rows are expected to
 * pass: this part of the way, but to at least and at most these multiples of
 * its size.  Steps cost less than going too far, and going by half of the
 * expected is too far half of the time.
 */
#define OMEN_LIST_STEP 0.6
#define OMEN_LIST_MIN_GROWTH 1.15
#define OMEN_LIST_MAX_GROWTH 3.0

/* Any other list grows to this many times its size. */
#define OMEN_LIST_GROWTH 2

/*
 * If enough rows have passed, and the list is shorter than the number of nodes
 * tested by less than 1 / NEARLY of its size, it becomes that number and
 * 1 / MARGIN of its size longer, in place of twice as long.
 */
#define OMEN_LIST_NEARLY 2
#define OMEN_LIST_MARGIN 8

/*
 * An in-filter traversal that took less than 1 / SHORT of the usual visits has
 * found rows that lie nearer than others do, and is not relied on with a list
 * shorter than ef_search.
 */
#define OMEN_WALK_SHORT 5

/*
 * One that took this many times the usual visits has found rows that lie
 * farther than others do, and is not relied on before its list is this many
 * times as long as the one that it began with.
 */
#define OMEN_WALK_LONG 2
#define OMEN_WALK_LONG_LIST 2

#endif							/* OMEN_SCAN_TUNING_H */
