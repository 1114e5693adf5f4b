/*-------------------------------------------------------------------------
 *
 * dense_agg.c
 *	  The transition functions of avg() of dense vectors.
 *
 * The state is a float8[]: the number of vectors, then the sum of each
 * element.  {0} is the state of no vectors, whose dimensions are open.  SQL
 * may call these functions with any float8[], so the state is checked every
 * time.  sum() needs nothing from here, it adds up vectors.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "types/dense.h"
#include "utils/array.h"
#include "utils/float.h"

/* States of all types are alike, and so is what adds them up. */
OMEN_FUNCTION(omen_vector_combine);

/* Raise an error unless state can be one; caller names the SQL function. */
static void
check_state(ArrayType *state, const char *caller)
{
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] < 1 || ARR_HASNULL(state) ||
		ARR_ELEMTYPE(state) != FLOAT8OID)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("%s: expected state array", caller)));
}

static int
state_dim(ArrayType *state)
{
	return ARR_DIMS(state)[0] - 1;
}

/* The count, followed by the sums. */
static float8 *
state_values(ArrayType *state)
{
	return (float8 *) ARR_DATA_PTR(state);
}

/* Allocate a state with all values zero; dim may be 0. */
static ArrayType *
new_state(int dim)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * (dim + 1);
	ArrayType  *result;

	if (dim > 0)
		omen_check_dim("vector", dim, OMEN_MAX_DIM, NULL);

	result = (ArrayType *) palloc0(size);
	SET_VARSIZE(result, size);
	result->ndim = 1;
	result->dataoffset = 0;		/* no null bitmap */
	result->elemtype = FLOAT8OID;
	ARR_DIMS(result)[0] = dim + 1;
	ARR_LBOUND(result)[0] = 1;
	return result;
}

/*
 * The state to write the result into: inside an aggregate the old state
 * itself if it has the right size, else a copy or an enlargement of it.
 */
static ArrayType *
writable_state(FunctionCallInfo fcinfo, ArrayType *state, int dim)
{
	ArrayType  *result;

	if (state_dim(state) == dim && AggCheckCallContext(fcinfo, NULL))
		return state;

	result = new_state(dim);
	memcpy(state_values(result), state_values(state),
		   sizeof(float8) * (state_dim(state) + 1));
	return result;
}

static void
add_to_sum(float8 *sum, float8 value)
{
	*sum += value;
	if (unlikely(isinf(*sum)))
		float_overflow_error();
}

Datum
omen_dense_accum(const OmenDenseType *type, const char *name,
				 FunctionCallInfo fcinfo)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	OmenDense  *vector = PG_GETARG_OMEN_DENSE_P(1);
	const float *x;
	float8	   *values;

	check_state(state, name);
	if (state_dim(state) > 0)
		omen_check_typmod(state_dim(state), vector->dim, NULL);

	state = writable_state(fcinfo, state, vector->dim);
	values = state_values(state);
	values[0] += 1.0;
	x = omen_dense_floats(type, vector);
	for (int i = 0; i < vector->dim; i++)
		add_to_sum(&values[i + 1], x[i]);

	PG_RETURN_ARRAYTYPE_P(state);
}

Datum
omen_vector_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *other = PG_GETARG_ARRAYTYPE_P(1);
	int			dim;
	int			other_dim;
	float8	   *values;
	float8	   *other_values;

	check_state(state, "vector_combine");
	check_state(other, "vector_combine");
	dim = state_dim(state);
	other_dim = state_dim(other);

	if (dim > 0)
		omen_check_dim("vector", dim, OMEN_MAX_DIM, NULL);
	if (dim > 0 && other_dim > 0)
		omen_check_typmod(dim, other_dim, NULL);

	state = writable_state(fcinfo, state, Max(dim, other_dim));
	values = state_values(state);
	other_values = state_values(other);
	values[0] += other_values[0];
	for (int i = 1; i <= other_dim; i++)
		add_to_sum(&values[i], other_values[i]);

	PG_RETURN_ARRAYTYPE_P(state);
}

Datum
omen_dense_avg(const OmenDenseType *type, const char *name,
			   FunctionCallInfo fcinfo)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	float8	   *values;
	OmenDense  *result;
	float	   *x;

	check_state(state, name);
	values = state_values(state);

	/* SQL defines the average of no values as null. */
	if (values[0] == 0.0)
		PG_RETURN_NULL();

	result = omen_dense_new(type, state_dim(state));
	x = omen_dense_room(type, result);
	for (int i = 0; i < result->dim; i++)
		x[i] = (float) (values[i + 1] / values[0]);
	omen_dense_converted(type, x, result);

	PG_RETURN_POINTER(result);
}
