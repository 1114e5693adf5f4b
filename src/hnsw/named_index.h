/*-------------------------------------------------------------------------
 *
 * named_index.h
 *	  What the SQL functions that look into an index share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_NAMED_INDEX_H
#define OMEN_NAMED_INDEX_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/rel.h"

/* named_index.c */
extern void omen_require_hnsw_index(Relation index);
extern bool omen_has_no_contents(Relation index);
extern void omen_require_contents(Relation index);
extern Datum omen_return_row(FunctionCallInfo fcinfo, Datum *values,
							 bool *nulls);

#endif							/* OMEN_NAMED_INDEX_H */
