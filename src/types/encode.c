/*-------------------------------------------------------------------------
 *
 * encode.c
 *	  From a value of any type to its code.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "types/encode.h"

OmenEncodeSpace
omen_encode_space(const OmenType *type, uint32 dims)
{
	OmenEncodeSpace space = {NULL, NULL};

	if (type->floats != NULL)
	{
		space.floats = palloc(dims * sizeof(float));
		space.scratch = palloc(dims * sizeof(float));
	}
	return space;
}

bool
omen_encode_value(const OmenType *type, const OmenQuantizer *q,
				  const struct varlena *value, const OmenEncodeSpace *space,
				  OmenCodeHeader *header, void *code)
{
	if (type->floats == NULL)
		return type->encode(q, value, header, code);
	return omen_encode(q, type->floats(value, q, space->floats), space->scratch,
					   header, code);
}

/* The rest of the query is in space->scratch. */
bool
omen_encode_query_value(const OmenType *type, const OmenQuantizer *q,
						const struct varlena *value,
						const OmenEncodeSpace *space, OmenQueryHeader *query,
						void *code, OmenQueryRest *about_rest)
{
	if (type->floats == NULL)
	{
		about_rest->is_known = false;
		return type->encode_query(q, value, query, code);
	}
	return omen_encode_query(q, type->floats(value, q, space->floats),
							 space->scratch, query, code, about_rest);
}
