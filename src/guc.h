/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  Configuration parameters.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_GUC_H
#define OMEN_GUC_H

/* Define all parameters; once, from _PG_init. */
extern void omen_guc_init(void);

#endif							/* OMEN_GUC_H */
