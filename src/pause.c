/*-------------------------------------------------------------------------
 *
 * pause.c
 *	  Points where a test can make a session wait.  See pause.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pause.h"

#ifdef OMEN_PAUSE_POINTS

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/guc.h"

static char *pause_at = NULL;

bool		omen_passes_by = false;
int			omen_build_rounds = 1;

void
omen_pause_init(void)
{
	DefineCustomStringVariable("omendb.pause_at",
							   "Where this session waits for a test.", NULL,
							   &pause_at, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("omendb.build_rounds",
							"How often a build makes its graph.", NULL,
							&omen_build_rounds, 1, 1, 10, PGC_USERSET, 0, NULL,
							NULL, NULL);
}

/* As hashtext() of a string. */
static uint32
hash_of(const char *string)
{
	return hash_bytes((const unsigned char *) string, strlen(string));
}

/* Is the point one of those where the session is to pause? */
static bool
is_awaited(const char *name)
{
	size_t		length = strlen(name);

	for (const char *at = pause_at; at != NULL && *at != '\0';)
	{
		size_t		point = strcspn(at, ",");

		if (point == length && strncmp(at, name, length) == 0)
			return true;
		at += point + (at[point] == ',');
	}
	return false;
}

/*
 * Wait while somebody has the lock of this point, if it is one of those, given
 * with commas between, where the session is to pause.
 */
void
omen_pause(const char *name)
{
	LOCKTAG		tag;

	if (omen_passes_by || !is_awaited(name))
		return;

	/* a buffer's lock holds off interrupts */
	Assert(InterruptHoldoffCount == 0);

	/* of the kind that has two keys */
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, hash_of("omendb"), hash_of(name),
						 2);
	(void) LockAcquire(&tag, ShareLock, false, false);
	(void) LockRelease(&tag, ShareLock, false);
}

#endif							/* OMEN_PAUSE_POINTS */
