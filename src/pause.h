/*-------------------------------------------------------------------------
 *
 * pause.h
 *	  Points where a test can make a session wait.
 *
 * A race is tested by stopping one session in the middle of what it does while
 * another goes past.  OMEN_PAUSE("name") marks such a point; it is nothing
 * unless OMEN_PAUSE_POINTS is defined, as it is for the tests only.  Then a
 * session that has set omendb.pause_at to the name waits there for as long as
 * another one has pg_advisory_lock(hashtext('omendb'), hashtext('name')): the
 * isolation tester sees that it waits, and for whom.
 *
 * Nothing may be locked at such a point that others need to go past, in
 * particular no buffer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_PAUSE_H
#define OMEN_PAUSE_H

#ifdef OMEN_PAUSE_POINTS
extern void omen_pause_init(void);
extern void omen_pause(const char *name);
#define OMEN_PAUSE(name) omen_pause(name)
#else
#define OMEN_PAUSE(name) ((void) 0)
#endif

#endif							/* OMEN_PAUSE_H */
