/*-------------------------------------------------------------------------
 *
 * columns.h
 *	  Which column of an index is the vector's, and which are to filter by.
 *
 * The operator classes tell, not the numbers of the columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_COLUMNS_H
#define OMEN_COLUMNS_H

#include "postgres.h"

#include "utils/relcache.h"

/* The key columns of an index, by their attribute numbers. */
typedef struct OmenIndexColumns
{
	int			count;			/* of all */
	int			vectors;		/* of those with a vector's operator class */
	int			vector;			/* the first of these; 0 if there is none */
	int			first_filter;	/* the first to filter by: after the vector */
	int			filters;		/* how many there are of these, to the last */
} OmenIndexColumns;

extern OmenIndexColumns omen_index_columns(Relation index);
extern int32 omen_vector_typmod(Relation index);
extern bool omen_opclass_is_vector(Oid opclass);

#endif							/* OMEN_COLUMNS_H */
