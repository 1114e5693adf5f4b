/*-------------------------------------------------------------------------
 *
 * omendb.h
 *	  What every file of the extension that talks to PostgreSQL shares.
 *
 * Limits and the macro that declares a function SQL may call.  Nothing here
 * may depend on one layer of the source tree.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_OMENDB_H
#define OMEN_OMENDB_H

#include "postgres.h"
#include "fmgr.h"

/* Dimensions that a vector, and an index on vectors, may have. */
#define OMEN_MAX_DIM 16000

/*
 * Declare and register a function that SQL calls.  The library is built with
 * hidden visibility; before PostgreSQL 16, PG_FUNCTION_INFO_V1 declares the
 * function itself without PGDLLEXPORT, so it is declared here first.
 */
#define OMEN_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

#endif							/* OMEN_OMENDB_H */
