/*-------------------------------------------------------------------------
 *
 * detoast.h
 *	  Fetching TOASTed values no more often than needed.
 *
 * A vector of more than a few hundred dimensions lies in the TOAST table, and
 * fetching it costs several times what the distance costs.  A query's vector
 * that comes from a table is fetched anew for each row; and the distance of
 * a row that an index scan returns is computed by the scan, to order by it,
 * and again by the executor, to return it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_DETOAST_H
#define OMEN_DETOAST_H

#include "postgres.h"

#include "fmgr.h"

/*
 * Argument of a function, 0 or 1, detoasted.  One that lies in a TOAST table
 * and is passed again by the next call, as a constant of the query is, is kept
 * from call to call.  The result is not to be changed or freed.
 */
extern struct varlena *omen_getarg_detoasted(FunctionCallInfo fcinfo,
											 int argno);

/*
 * A distance that is known: of the row that an index scan has just returned.
 * The value is named by its TOAST pointer, and so must lie in a TOAST table.
 */
typedef struct OmenKnownDistance
{
	Oid			function;		/* of the operator; InvalidOid: nothing known */
	Oid			toast_relid;
	Oid			toast_valueid;
	const struct varlena *query;	/* detoasted second argument */
	double		result;
} OmenKnownDistance;

/*
 * Valid from when a scan returns a row until the scan is asked for the next:
 * meanwhile the scan's snapshot keeps the TOASTed value in its place.  Whoever
 * sets it clears it.
 */
extern OmenKnownDistance omen_known_distance;

/* The TOAST pointer's identity; false if the value is not in a TOAST table. */
extern bool omen_toast_identity(Datum value, Oid *relid, Oid *valueid);

/* Is the function's result known?  Then it is in *result. */
extern bool omen_distance_known(FunctionCallInfo fcinfo, double *result);

#endif							/* OMEN_DETOAST_H */
