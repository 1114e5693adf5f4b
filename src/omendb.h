/*-------------------------------------------------------------------------
 *
 * omendb.h
 *	  What every file of the extension that talks to PostgreSQL shares.
 *
 * The macro that declares a function SQL may call.  Nothing here may depend on
 * one layer of the source tree.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_OMENDB_H
#define OMEN_OMENDB_H

#include "postgres.h"
#include "fmgr.h"

/*
 * The library is built with hidden visibility.  PostgreSQL 15 does not expect
 * that and defines PGDLLEXPORT as nothing, which would hide every function.
 */
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))

/*
 * Declare and register a function that SQL calls.  Before PostgreSQL 16,
 * PG_FUNCTION_INFO_V1 declares the function itself without PGDLLEXPORT, so it
 * is declared here first.
 */
#define OMEN_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

#endif							/* OMEN_OMENDB_H */
