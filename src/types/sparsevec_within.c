/*-------------------------------------------------------------------------
 *
 * sparsevec_within.c
 *	  Whether a sparse vector lies within a sphere: operators that ask for a
 *	  range.
 *
 * A sphere is a sparsevec_sphere (center, radius); see vector_within.c for
 * what these are for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "omendb.h"
#include "types/sparsevec_within.h"
#include "types/vector_within.h"

OMEN_FUNCTION(omen_sparsevec_l2_within);
OMEN_FUNCTION(omen_sparsevec_ip_within);
OMEN_FUNCTION(omen_sparsevec_cosine_within);
OMEN_FUNCTION(omen_sparsevec_l1_within);

Datum
omen_sparsevec_l2_within(PG_FUNCTION_ARGS)
{
	return omen_within(fcinfo, omen_sparsevec_l2_distance);
}

Datum
omen_sparsevec_ip_within(PG_FUNCTION_ARGS)
{
	return omen_within(fcinfo, omen_sparsevec_negative_inner_product);
}

Datum
omen_sparsevec_cosine_within(PG_FUNCTION_ARGS)
{
	return omen_within(fcinfo, omen_sparsevec_cosine_distance);
}

Datum
omen_sparsevec_l1_within(PG_FUNCTION_ARGS)
{
	return omen_within(fcinfo, omen_sparsevec_l1_distance);
}
