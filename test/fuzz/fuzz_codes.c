/*
 * fuzz_codes.c
 *		Fuzz target of reading codes from damaged pages.
 *
 * Purpose: a code, its header and a quantizer's mean may be any bytes when they
 * come from a page that is damaged.  What is computed from them means nothing,
 * but must be computed without touching memory outside of them and without
 * undefined behaviour, and a code that is made from a damaged one must be one
 * that can be read.  A broken promise aborts.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/quantize/augment.h"
#include "../../src/quantize/codes.h"

#define MAX_DIM 100

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input, taken from the front; zeros after its end. */
typedef struct Input
{
	const uint8_t *data;
	size_t		size;
} Input;

static void
take(Input *input, void *to, size_t bytes)
{
	size_t		have = bytes < input->size ? bytes : input->size;

	memset(to, 0, bytes);
	if (have > 0)
		memcpy(to, input->data, have);
	input->data += have;
	input->size -= have;
}

static void *
allocate(size_t bytes)
{
	void	   *memory = calloc(1, bytes > 0 ? bytes : 1);

	if (memory == NULL)
		abort();
	return memory;
}

static OmenQuantizer *
make_quantizer(OmenMetric metric, OmenStorage storage, uint32_t dim,
			   const float *mean)
{
	OmenQuantizer *q = allocate(omen_quantizer_size(metric, storage, dim));

	omen_quantizer_init(q, metric, storage, dim, 42, mean);
	return q;
}

/* Everything that is done with a node's code, with one table of kernels. */
static void
use_code(const OmenQuantizer *q, const OmenQuantizer *origin, const float *x,
		 double radius, const OmenCodeHeader *node, const void *code)
{
	float	   *scratch = allocate(sizeof(float) * q->dim);
	float	   *rest = allocate(sizeof(float) * q->dim);
	void	   *query_code = allocate(omen_query_bytes(q));
	void	   *own = allocate(omen_code_bytes(q));
	OmenQueryHeader query;
	OmenCodeHeader header;
	OmenCodeHeader again;
	OmenQueryRest about = {0};
	char		flaw[100];

	if (omen_encode_query(q, x, rest, &query, query_code, &about))
	{
		float distance = omen_query_distance(q, &query, query_code, node, code);

		(void) omen_lower_bound(q, &query, node, distance);
		(void) omen_certain_bound(q, &query, node, distance);
		if (about.is_known)
			(void) omen_refined_bound(q, &query, rest, &about, node, code,
									  distance);
	}
	if (omen_encode(q, x, scratch, &header, own))
		(void) omen_link_distance(q, radius, &header, own, node, code);
	(void) omen_link_distance(q, radius, node, code, node, code);
	omen_decode(q, node, code, scratch);
	(void) omen_code_error(q, x, scratch, node, code);
	(void) omen_header_flaw((OmenStorage) q->storage, (OmenMetric) q->metric,
							node, true);
	(void) omen_code_flaw((OmenStorage) q->storage, q->dim, node, code, flaw,
						  sizeof(flaw));

	/* as the conversion of a flat list does */
	omen_recode(origin, q, node, code, scratch, &again, own);
	(void) omen_link_distance(q, radius, &again, own, node, code);
	omen_decode(q, &again, own, scratch);

	free(own);
	free(query_code);
	free(rest);
	free(scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		input = {data, size};
	uint8_t		choice[4];
	float		x[MAX_DIM];
	float		mean[MAX_DIM];
	float		radius;
	OmenCodeHeader node;
	/* codes of floats */
	static const OmenStorage storages[3] = {OMEN_STORAGE_SQ8, OMEN_STORAGE_FULL,
											OMEN_STORAGE_SQ4};
	OmenMetric	metric;
	OmenStorage storage;
	uint32_t	dim;
	void	   *code;
	OmenQuantizer *origin;
	OmenQuantizer *q;

	take(&input, choice, sizeof(choice));
	metric = (OmenMetric) (choice[0] % 4);
	storage = storages[choice[1] % 3];
	dim = 1 + choice[2] % MAX_DIM;
	if (!omen_storage_fits(storage, metric))
		return 0;
	take(&input, &node, sizeof(node));
	take(&input, &radius, sizeof(radius));
	code = allocate(omen_storage_bytes(storage, dim));
	take(&input, code, omen_storage_bytes(storage, dim));
	take(&input, mean, sizeof(float) * dim);
	/* queries do not come from pages, and are finite */
	take(&input, x, sizeof(float) * dim);
	for (uint32_t i = 0; i < dim; i++)
		if (!isfinite(x[i]))
			x[i] = (float) i;

	origin = make_quantizer(metric, storage, dim, NULL);
	q = make_quantizer(metric, storage, dim, choice[3] % 2 ? mean : NULL);
	(void) omen_kernels_select("scalar");
	use_code(q, origin, x, radius, &node, code);
	(void) omen_kernels_select("auto");
	use_code(q, origin, x, radius, &node, code);

	free(q);
	free(origin);
	free(code);
	return 0;
}
