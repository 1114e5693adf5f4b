/*-------------------------------------------------------------------------
 *
 * ef_search.c
 *	  How long the candidate list of a search is, and which setting says so.
 *
 * Clients of pgvector set hnsw.ef_search.  It is read as what it is: a
 * parameter of pgvector's library, or where that is not loaded a placeholder
 * that anybody may set to any text.  Nothing of ours defines it, or pgvector's
 * library could not be loaded any more.
 *
 * Of several settings the most local one counts, in the order of
 * OmenSettingRank; of equally local ones the first of the table below.  (What
 * is set by SET LOCAL counts as set by SET in a parallel worker, which is not
 * told the difference.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "hnsw/ef_search.h"
#include "hnsw/hnsw.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"

/* omendb.ef_search, which guc.c registers. */
int			omen_ef_search = OMEN_DEFAULT_EF_SEARCH;

/* The settings, the first before the second if both are as local. */
static const char *const settings[] = {"omendb.ef_search", "hnsw.ef_search"};

/* What is known of one of them. */
typedef struct Setting
{
	OmenSettingRank rank;
	int			value;
} Setting;

/* Was a parameter's value set for the transaction, or for a function, only? */
static bool
is_set_locally(const struct config_generic *parameter)
{
	return parameter->stack != NULL && parameter->stack->state != GUC_SET;
}

static OmenSettingRank
rank_of(const struct config_generic *parameter)
{
	if (is_set_locally(parameter))
		return OMEN_SET_LOCAL;
	switch (parameter->source)
	{
		case PGC_S_DEFAULT:
		case PGC_S_DYNAMIC_DEFAULT:
			return OMEN_SET_NOWHERE;
		case PGC_S_ENV_VAR:
		case PGC_S_FILE:
		case PGC_S_ARGV:
			return OMEN_SET_CONFIGURATION;
		case PGC_S_GLOBAL:
		case PGC_S_DATABASE:
		case PGC_S_USER:
		case PGC_S_DATABASE_USER:
			return OMEN_SET_DATABASE;
		case PGC_S_CLIENT:
			return OMEN_SET_CONNECTION;
		default:
			return OMEN_SET_SESSION;
	}
}

/* Say once a session that a value is of no use. */
static void
warn_of_value(const char *name, const char *value)
{
	static bool warned = false;

	if (warned)
		return;
	warned = true;
	ereport(WARNING,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("parameter \"%s\" is ignored: \"%s\" is not an integer "
					"from %d to %d",
					name, value, OMEN_MIN_EF_SEARCH, OMEN_MAX_EF_SEARCH)));
}

/* Read a setting; one that is of no use is set nowhere. */
static Setting
read_setting(const char *name)
{
	const struct config_generic *parameter = omen_find_parameter(name);
	Setting		setting = {OMEN_SET_NOWHERE, OMEN_DEFAULT_EF_SEARCH};
	const char *text;
	OmenSettingRank rank;

	if (parameter == NULL)
		return setting;
	rank = rank_of(parameter);
	if (rank == OMEN_SET_NOWHERE)
		return setting;
	text = GetConfigOption(name, true, false);
	if (text == NULL || !parse_int(text, &setting.value, 0, NULL) ||
		setting.value < OMEN_MIN_EF_SEARCH ||
		setting.value > OMEN_MAX_EF_SEARCH)
	{
		warn_of_value(name, text ? text : "");
		setting.value = OMEN_DEFAULT_EF_SEARCH;
		return setting;
	}
	setting.rank = rank;
	return setting;
}

/*
 * What a number of pgvector's means for an index by the name of hnsw, so that
 * no fewer of the true nearest are found than there.
 */
static int
by_alias(int ef_search)
{
	double		mapped = ceil(ef_search * OMEN_ALIAS_EF_FACTOR);

	return (int) Min(mapped, OMEN_MAX_EF_SEARCH);
}

/* The setting that counts for an index, as of now. */
OmenEfSearch
omen_ef_search_of(Relation index)
{
	bool		is_alias = omen_is_alias(index);
	Setting		ours = read_setting(settings[0]);
	Setting		theirs = read_setting(settings[1]);
	OmenEfSearch result;

	if (theirs.rank > ours.rank)
	{
		result.value = is_alias ? by_alias(theirs.value) : theirs.value;
		result.name = settings[1];
		result.rank = theirs.rank;
		return result;
	}
	result.value = ours.value;
	result.name = settings[0];
	result.rank = ours.rank;
	if (ours.rank == OMEN_SET_NOWHERE && is_alias)
		result.value = by_alias(OMEN_PEER_EF_SEARCH);
	return result;
}

/* The same of an index that is not open. */
int
omen_ef_search_of_oid(Oid indexoid)
{
	Relation	index = index_open(indexoid, NoLock);
	int			value = omen_ef_search_of(index).value;

	index_close(index, NoLock);
	return value;
}

/* Where a value is from, for users. */
char *
omen_ef_search_origin(const OmenEfSearch *ef_search)
{
	static const char *const places[] = {[OMEN_SET_INDEX] = "index",
										 [OMEN_SET_CONFIGURATION] =
											 "configuration",
										 [OMEN_SET_DATABASE] =
											 "database or role",
										 [OMEN_SET_CONNECTION] = "connection",
										 [OMEN_SET_SESSION] = "session",
										 [OMEN_SET_LOCAL] = "transaction"};

	if (ef_search->rank == OMEN_SET_NOWHERE)
		return pstrdup("default");
	return psprintf("%s (%s)", ef_search->name, places[ef_search->rank]);
}
