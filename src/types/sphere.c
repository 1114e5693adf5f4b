/*-------------------------------------------------------------------------
 *
 * sphere.c
 *	  Whether a vector lies within a sphere: operators that ask for a range.
 *
 * A sphere is a row (center, radius), of a type for each type of centers.  By
 * themselves these operators say the same as "distance < radius"; as a filter
 * of a search by the same distance from the same center they let the search end
 * at the radius, see filter/README.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "types/sphere.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/*
 * The type is looked up by the function, as it may be in any schema; and it
 * must still have the columns that it was created with.
 */
Datum
omen_make_sphere(FunctionCallInfo fcinfo)
{
	Oid		   *argtypes;
	int			nargs;
	Oid type = get_func_signature(fcinfo->flinfo->fn_oid, &argtypes, &nargs);
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	Datum		values[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	bool		isnull[2] = {PG_ARGISNULL(0), PG_ARGISNULL(1)};
	HeapTuple	tuple;

	if (nargs != 2 || desc->natts != 2 ||
		TupleDescAttr(desc, 0)->atttypid != argtypes[0] ||
		TupleDescAttr(desc, 1)->atttypid != argtypes[1])
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("type %s is not a center and a radius",
							   format_type_be(type))));
	tuple = heap_form_tuple(desc, values, isnull);
	ReleaseTupleDesc(desc);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}

bool
omen_sphere_parts(Datum sphere, Datum *center, double *radius)
{
	HeapTupleHeader tuple = DatumGetHeapTupleHeader(sphere);
	bool		center_is_null;
	bool		radius_is_null;
	Datum		value;

	*center = GetAttributeByNum(tuple, 1, &center_is_null);
	value = GetAttributeByNum(tuple, 2, &radius_is_null);
	if (center_is_null || radius_is_null)
		return false;
	*radius = DatumGetFloat8(value);
	return true;
}

Datum
omen_within(FunctionCallInfo fcinfo, PGFunction distance)
{
	Datum		center;
	double		radius;

	if (!omen_sphere_parts(PG_GETARG_DATUM(1), &center, &radius))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(
		DatumGetFloat8(DirectFunctionCall2(distance, PG_GETARG_DATUM(0),
										   center)) < radius);
}
