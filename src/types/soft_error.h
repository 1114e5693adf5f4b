/*-------------------------------------------------------------------------
 *
 * soft_error.h
 *	  Report invalid input in a way that a caller may survive.
 *
 * PostgreSQL 16 brought ereturn() for input functions; before, every error
 * is raised.  Nothing else belongs here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_SOFT_ERROR_H
#define OMEN_SOFT_ERROR_H

#include "postgres.h"

#ifndef ereturn
#define ereturn(context, dummy_value, ...) \
	do \
	{ \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

#endif							/* OMEN_SOFT_ERROR_H */
