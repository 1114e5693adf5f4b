/*-------------------------------------------------------------------------
 *
 * visits.h
 *	  How many slots a search of an index visits.
 *
 * Plain C, without a server: what searches cost follows from this, for the
 * planner (cost.c) and while they run (filter/).
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_VISITS_H
#define OMEN_VISITS_H

#include <stdbool.h>

/*
 * Does a scan with a candidate list of ef look at all nodes of an index,
 * because they are few?  That is as fast as a search then, and exact.
 */
extern bool omen_scans_all_nodes(double nodes, double ef);

/* Slots visited by one search with a candidate list of ef. */
extern double omen_expected_visits(double nodes, double m, double ef);

/*
 * Where distances are those of sketches: the longest list of a search that
 * begins with one of ef, and the rows that it gives.  For more all nodes are
 * looked at, and most rows, as bounds are not certain.
 */
extern double omen_longest_sketch_list(double ef);
extern double omen_rows_by_sketches(double ef);

#endif							/* OMEN_VISITS_H */
