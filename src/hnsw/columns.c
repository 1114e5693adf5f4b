/*-------------------------------------------------------------------------
 *
 * columns.c
 *	  Which column of an index is the vector's, and which are to filter by.
 *
 * Asks the support functions of the operator classes.  What an index may have
 * is opclass.c's question; images of columns are made in keys/.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "fmgr.h"
#include "hnsw/columns.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static const OmenOpclass *
column_opclass(Relation index, int attno)
{
	FmgrInfo   *procinfo = index_getprocinfo(index, attno, OMEN_SUPPORT_PROC);

	return (const OmenOpclass *) DatumGetPointer(
		FunctionCall1(procinfo, PointerGetDatum(NULL)));
}

/* The columns of an index, by what they are for. */
OmenIndexColumns
omen_index_columns(Relation index)
{
	OmenIndexColumns columns = {0};

	columns.count = IndexRelationGetNumberOfKeyAttributes(index);
	for (int attno = 1; attno <= columns.count; attno++)
	{
		if (!column_opclass(index, attno)->is_vector)
			continue;
		if (columns.vectors++ == 0)
			columns.vector = attno;
	}
	columns.first_filter = columns.vector + 1;
	columns.filters = columns.count - columns.vector;
	return columns;
}

/* The operator class of an index's vector. */
const OmenOpclass *
omen_opclass(Relation index)
{
	return column_opclass(index, omen_index_columns(index).vector);
}

/* The dimensions that the vector's column is declared with; or less than 1. */
int32
omen_vector_typmod(Relation index)
{
	int			attno = omen_index_columns(index).vector;

	return TupleDescAttr(RelationGetDescr(index), attno - 1)->atttypmod;
}

/* Is this an operator class for vectors? */
bool
omen_opclass_is_vector(Oid opclass)
{
	const OmenOpclass *told;
	Oid			family;
	Oid			type;
	Oid			proc;

	if (!get_opclass_opfamily_and_input_type(opclass, &family, &type))
		return false;
	proc = get_opfamily_proc(family, type, type, OMEN_SUPPORT_PROC);
	if (!OidIsValid(proc))
		return false;
	told = (const OmenOpclass *) DatumGetPointer(
		OidFunctionCall1(proc, PointerGetDatum(NULL)));
	return told->is_vector;
}
