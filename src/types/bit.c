/*-------------------------------------------------------------------------
 *
 * bit.c
 *	  Bit strings: their distances, as SQL calls them, and the type bit as the
 *	  index and the planner know it.
 *
 * The type is PostgreSQL's own.  A dimension is a bit.  The last byte of a
 * value ends in zeros, so that the kernels need not know where in it a string
 * ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "distance/bits.h"
#include "omendb.h"
#include "tuning.h"
#include "types/detoast.h"
#include "types/type.h"
#include "types/sphere.h"
#include "utils/varbit.h"

OMEN_FUNCTION(omen_hamming_distance);
OMEN_FUNCTION(omen_jaccard_distance);
OMEN_FUNCTION(omen_bit_sphere);
OMEN_FUNCTION(omen_bit_hamming_within);
OMEN_FUNCTION(omen_bit_jaccard_within);

/* ---------- distances ---------- */

/* The two arguments, of equal lengths. */
static void
get_args(FunctionCallInfo fcinfo, VarBit **a, VarBit **b)
{
	*a = (VarBit *) omen_getarg_detoasted(fcinfo, 0);
	*b = (VarBit *) omen_getarg_detoasted(fcinfo, 1);
	if (VARBITLEN(*a) != VARBITLEN(*b))
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("different bit lengths %d and %d", VARBITLEN(*a),
							   VARBITLEN(*b))));
}

Datum
omen_hamming_distance(PG_FUNCTION_ARGS)
{
	VarBit	   *a;
	VarBit	   *b;
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	get_args(fcinfo, &a, &b);
	PG_RETURN_FLOAT8((double) omen_kernels->bits->hamming(VARBITS(a),
														  VARBITS(b),
														  VARBITBYTES(a)));
}

/* Of two strings without a bit that is set the distance is 1. */
Datum
omen_jaccard_distance(PG_FUNCTION_ARGS)
{
	VarBit	   *a;
	VarBit	   *b;
	uint32		both;
	uint32		either;
	double		known;

	if (omen_distance_known(fcinfo, &known))
		PG_RETURN_FLOAT8(known);
	get_args(fcinfo, &a, &b);
	omen_kernels->bits->overlap(VARBITS(a), VARBITS(b), VARBITBYTES(a), &both,
								&either);
	PG_RETURN_FLOAT8(omen_jaccard(both, either));
}

Datum
omen_bit_sphere(PG_FUNCTION_ARGS)
{
	return omen_make_sphere(fcinfo);
}

Datum
omen_bit_hamming_within(PG_FUNCTION_ARGS)
{
	return omen_within(fcinfo, omen_hamming_distance);
}

Datum
omen_bit_jaccard_within(PG_FUNCTION_ARGS)
{
	return omen_within(fcinfo, omen_jaccard_distance);
}

/* ---------- the type ---------- */

static int
bit_dims(const struct varlena *value)
{
	return VARBITLEN(value);
}

static Size
bit_bytes(int dims)
{
	return VARBITTOTALLEN(dims);
}

static bool
bit_equal(const struct varlena *a, const struct varlena *b)
{
	return VARBITLEN(a) == VARBITLEN(b) &&
		   memcmp(VARBITS(a), VARBITS(b), VARBITBYTES(a)) == 0;
}

/* The code is the value. */
static bool
bit_encode(const OmenQuantizer *q, const struct varlena *value,
		   OmenCodeHeader *header, void *code)
{
	Assert(VARBITBYTES(value) == omen_code_bytes(q));
	memset(header, 0, sizeof(OmenCodeHeader));
	memcpy(code, VARBITS(value), VARBITBYTES(value));
	return true;
}

static bool
bit_encode_query(const OmenQuantizer *q, const struct varlena *value,
				 OmenQueryHeader *query, void *code)
{
	memset(query, 0, sizeof(OmenQueryHeader));
	query->scale = 1;
	query->share = 1;
	return bit_encode(q, value, &query->code, code);
}

const OmenType omen_bit_type = {
	.name = "bit",
	.lengths = "bit lengths",
	.max_dims = OMEN_MAX_BITS,
	.dims_per_operator = OMEN_BIT_DIMS_PER_OPERATOR,
	.dims = bit_dims,
	.encode = bit_encode,
	.encode_query = bit_encode_query,
	.bytes = bit_bytes,
	.equal = bit_equal,
};
