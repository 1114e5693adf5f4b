/*-------------------------------------------------------------------------
 *
 * sparsevec_within.h
 *	  Distances of sparse vectors, and whether one lies within a sphere.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_SPARSEVEC_WITHIN_H
#define OMEN_SPARSEVEC_WITHIN_H

#include "postgres.h"

#include "fmgr.h"

extern PGDLLEXPORT Datum omen_sparsevec_l2_distance(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum
	omen_sparsevec_negative_inner_product(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_sparsevec_cosine_distance(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_sparsevec_l1_distance(PG_FUNCTION_ARGS);

extern PGDLLEXPORT Datum omen_sparsevec_l2_within(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_sparsevec_ip_within(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_sparsevec_cosine_within(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omen_sparsevec_l1_within(PG_FUNCTION_ARGS);

#endif							/* OMEN_SPARSEVEC_WITHIN_H */
