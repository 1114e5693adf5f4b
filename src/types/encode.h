/*-------------------------------------------------------------------------
 *
 * encode.h
 *	  From a value of any type to its code.
 *
 * Who encodes values need not know whether a type is made of floats.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_ENCODE_H
#define OMEN_ENCODE_H

#include "postgres.h"

#include "types/type.h"

/* Space to encode values of a type in; nothing of one that needs none. */
typedef struct OmenEncodeSpace
{
	float	   *floats;			/* for a value that has to be converted */
	float	   *scratch;
} OmenEncodeSpace;

/* Allocated in the current memory context. */
extern OmenEncodeSpace omen_encode_space(const OmenType *type, uint32 dims);

/*
 * Encode a detoasted value of the right number of dimensions, as omen_encode
 * does.  False if it has no direction where that matters.
 */
extern bool omen_encode_value(const OmenType *type, const OmenQuantizer *q,
							  const struct varlena *value,
							  const OmenEncodeSpace *space,
							  OmenCodeHeader *header, void *code);

/* The same of a query, as omen_encode_query does. */
extern bool omen_encode_query_value(const OmenType *type,
									const OmenQuantizer *q,
									const struct varlena *value,
									const OmenEncodeSpace *space,
									OmenQueryHeader *query, void *code,
									OmenQueryRest *about_rest);

#endif							/* OMEN_ENCODE_H */
