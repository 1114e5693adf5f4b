/*-------------------------------------------------------------------------
 *
 * ef_search.h
 *	  How long the candidate list of a search is, and which setting says so.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_EF_SEARCH_H
#define OMEN_EF_SEARCH_H

#include "postgres.h"

#include "utils/relcache.h"

/* How locally a setting is set: a greater one wins. */
typedef enum OmenSettingRank
{
	OMEN_SET_NOWHERE,			/* the default */
	OMEN_SET_INDEX,				/* a storage parameter */
	OMEN_SET_CONFIGURATION,		/* postgresql.conf, the server's command line */
	OMEN_SET_DATABASE,			/* ALTER DATABASE, ALTER ROLE */
	OMEN_SET_CONNECTION,		/* what the client connected with */
	OMEN_SET_SESSION,			/* SET */
	OMEN_SET_LOCAL				/* SET LOCAL, or of a function */
} OmenSettingRank;

typedef struct OmenEfSearch
{
	int			value;
	const char *name;			/* of the setting; static */
	OmenSettingRank rank;
} OmenEfSearch;

extern char *omen_ef_search_origin(const OmenEfSearch *ef_search);
extern OmenEfSearch omen_ef_search_of(Relation index);
extern int	omen_ef_search_of_oid(Oid indexoid);

#endif							/* OMEN_EF_SEARCH_H */
