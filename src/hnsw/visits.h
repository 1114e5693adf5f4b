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

#endif							/* OMEN_VISITS_H */
