/*-------------------------------------------------------------------------
 *
 * extension.c
 *	  The extensions that this library is behind, and which of them may be in
 *	  one database.
 *
 * They are three: omendb; omendb_pgvector, our index on pgvector's types; and
 * vector, our types and index by pgvector's names.  All have the access method
 * omen_hnsw, so a database has one of them.  Their scripts ask the functions
 * here, and drop them again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "omendb.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* The release; test/versions compares it with what else names it. */
#define OMEN_RELEASE "1.0.0"

#define COMPANION "omendb_pgvector"

/* What pgvector's functions are in, and the versions that we know. */
#define PEER "vector"
#define PEER_LIBRARY "$libdir/vector"
#define PEER_VERSIONS "0.8."

OMEN_FUNCTION(omendb_version);
OMEN_FUNCTION(omen_require_alone);
OMEN_FUNCTION(omen_require_peer);

/* The release of omendb that is behind an extension of another name. */
Datum
omendb_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(OMEN_RELEASE));
}

/* The first column of the first row of a query, in our memory; NULL if none. */
static char *
query_value(const char *query)
{
	MemoryContext mine = CurrentMemoryContext;
	char	   *value = NULL;

	SPI_connect();
	if (SPI_execute(query, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the catalogs");
	if (SPI_processed > 0)
		value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (value)
		value = MemoryContextStrdup(mine, value);
	SPI_finish();
	return value;
}

/* The library that functions of an extension are in; NULL if there are none. */
static char *
library_of_extension(Oid extension)
{
	return query_value(psprintf(
		"SELECT p.probin FROM pg_catalog.pg_depend d"
		" JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) d.objid"
		" WHERE d.classid OPERATOR(pg_catalog.=) %u"
		" AND d.refclassid OPERATOR(pg_catalog.=) %u"
		" AND d.refobjid OPERATOR(pg_catalog.=) %u"
		" AND d.deptype OPERATOR(pg_catalog.=) 'e' AND p.probin IS NOT NULL",
		ProcedureRelationId, ExtensionRelationId, extension));
}

/* The library that a function is in. */
static char *
library_of_function(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	char	   *library;
	bool		isnull;
	Datum		probin;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	probin = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &isnull);
	library = isnull ? pstrdup("") : TextDatumGetCString(probin);
	ReleaseSysCache(tuple);
	return library;
}

static char *
version_of_extension(Oid extension)
{
	return query_value(psprintf("SELECT extversion FROM pg_catalog.pg_extension"
								" WHERE oid OPERATOR(pg_catalog.=) %u",
								extension));
}

/* Is this extension in the database, and ours? */
static bool
is_there(const char *name, const char *our_library)
{
	Oid			extension = get_extension_oid(name, true);
	char	   *library;

	if (!OidIsValid(extension))
		return false;
	library = library_of_extension(extension);
	return library != NULL && strcmp(library, our_library) == 0;
}

/* The extension whose script is running. */
static char *
extension_being_created(void)
{
	if (!creating_extension)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this function is for scripts of extensions")));
	return get_extension_name(CurrentExtensionObject);
}

/* Is pgvector here, and of a version that we know? */
static void
require_peer_library(const char *our_library)
{
	Oid			extension = get_extension_oid(PEER, false);
	char	   *version = version_of_extension(extension);
	char	   *library = library_of_extension(extension);

	if (is_there(PEER, our_library))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"%s\" cannot be created beside omendb's "
						"extension \"%s\"",
						COMPANION, PEER),
				 errhint("That has the access method omen_hnsw already: write "
						 "CREATE INDEX ... USING omen_hnsw.")));
	if (library == NULL || strcmp(library, PEER_LIBRARY) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"%s\" is not pgvector", PEER),
				 errdetail("Its functions are in library \"%s\", those of "
						   "pgvector in \"%s\".",
						   library ? library : "", PEER_LIBRARY)));
	if (strncmp(version, PEER_VERSIONS, strlen(PEER_VERSIONS)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("version %s of extension \"%s\" is not supported",
						version, PEER),
				 errhint("Update it with ALTER EXTENSION %s UPDATE to a "
						 "version %sx, which extension \"%s\" is made for.",
						 PEER, PEER_VERSIONS, COMPANION)));
}

/* What to do about two extensions that exclude each other. */
static const char *
hint_for(const char *present)
{
	if (strcmp(present, COMPANION) == 0)
		return "Extension omendb_pgvector is the index for databases whose "
			   "vectors are pgvector's.  To have omendb's own types, drop it "
			   "first.";
	if (strcmp(present, PEER) == 0)
		return "Extension vector is omendb here, with its types and its access "
			   "method omen_hnsw: nothing else is needed.";
	return "Extension omendb has the types and the access method omen_hnsw: "
		   "nothing else is needed.";
}

/*
 * Raise an error if the extension that is being created cannot be here: for
 * another of ours, or for what its types are not.
 */
Datum
omen_require_alone(PG_FUNCTION_ARGS)
{
	static const char *const ours[] = {"omendb", COMPANION, PEER};
	char	   *created = extension_being_created();
	char	   *our_library = library_of_function(fcinfo->flinfo->fn_oid);

	for (int i = 0; i < (int) lengthof(ours); i++)
	{
		if (strcmp(ours[i], created) == 0 ||
			(strcmp(created, COMPANION) == 0 && strcmp(ours[i], PEER) == 0))
			continue;
		if (is_there(ours[i], our_library))
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("extension \"%s\" cannot be created beside "
								   "extension \"%s\"",
								   created, ours[i]),
							errhint("%s", hint_for(ours[i]))));
	}
	if (strcmp(created, COMPANION) == 0)
		require_peer_library(our_library);
	PG_RETURN_VOID();
}

/*
 * Raise an error unless all distances that the access method orders by are
 * pgvector's: names in a script are found by a search path.
 */
Datum
omen_require_peer(PG_FUNCTION_ARGS)
{
	char	   *other = query_value(psprintf(
		"SELECT o.amopopr::pg_catalog.regoperator FROM pg_catalog.pg_amop o"
		" JOIN pg_catalog.pg_am a ON a.oid OPERATOR(pg_catalog.=) o.amopmethod"
		" WHERE a.amname OPERATOR(pg_catalog.=) 'omen_hnsw'"
		" AND o.amoppurpose OPERATOR(pg_catalog.=) 'o' AND NOT EXISTS"
		" (SELECT FROM pg_catalog.pg_depend d"
		" WHERE d.classid OPERATOR(pg_catalog.=) %u"
		" AND d.objid OPERATOR(pg_catalog.=) o.amopopr"
		" AND d.refclassid OPERATOR(pg_catalog.=) %u"
		" AND d.refobjid OPERATOR(pg_catalog.=) %u)",
		OperatorRelationId, ExtensionRelationId,
		get_extension_oid(PEER, false)));

	if (other != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("operator %s is not one of extension \"%s\"", other,
						PEER),
				 errhint("Create extension \"%s\" in a schema that has no "
						 "types and operators of these names.",
						 extension_being_created())));
	PG_RETURN_VOID();
}
