/*-------------------------------------------------------------------------
 *
 * visits.c
 *	  How many slots a search of an index visits.
 *
 * Plain C, without a server.  Nothing here reads an index.
 *
 *-------------------------------------------------------------------------
 */
#include "hnsw/visits.h"

#include <math.h>

#include "tuning.h"

bool
omen_scans_all_nodes(double nodes, double ef)
{
	return nodes <= fmax(OMEN_FLAT_NODES, OMEN_FLAT_NODES_OF_LIST * ef);
}

double
omen_expected_visits(double nodes, double m, double ef)
{
	double		visits =
		OMEN_VISITS_FACTOR * m *
		pow(fmin(ef, OMEN_VISITS_KNEE), OMEN_VISITS_POWER) *
		pow(fmax(ef / OMEN_VISITS_KNEE, 1.0), OMEN_VISITS_LONG_POWER) *
		log(fmax(nodes, 2.0));

	if (omen_scans_all_nodes(nodes, ef))
		return nodes;
	return fmin(visits, nodes);
}

double
omen_longest_sketch_list(double ef)
{
	return OMEN_SKETCH_MAX_LIST * ef;
}

double
omen_rows_by_sketches(double ef)
{
	return omen_longest_sketch_list(ef) / OMEN_SKETCH_LIST_OF_TAKEN;
}
