/*-------------------------------------------------------------------------
 *
 * pause.h
 *	  Points where a test can make a session wait.
 *
 * A race is tested by stopping one session in the middle of what it does while
 * another goes past.  OMEN_PAUSE("name") marks such a point; it is nothing
 * unless OMEN_PAUSE_POINTS is defined, as it is for the tests only.  Then a
 * session that has set omendb.pause_at to the name, or to several with commas
 * between, waits there for as long as another one has
 * pg_advisory_lock(hashtext('omendb'), hashtext('name')): the isolation tester
 * sees that it waits, and for whom.
 *
 * With omendb.build_rounds a build makes its graph several times over, as
 * builds of several graphs would one after the other.
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

/* Times that a build makes its index, the last of which stays. */
extern int	omen_build_rounds;

/* Points are passed by: what goes on may not wait, whoever else comes there. */
extern bool omen_passes_by;

#define OMEN_PAUSE(name) omen_pause(name)
#define OMEN_PASS_BY(yes) (omen_passes_by = (yes))
#else
#define OMEN_PAUSE(name) ((void) 0)
#define OMEN_PASS_BY(yes) ((void) 0)
#endif

#endif							/* OMEN_PAUSE_H */
