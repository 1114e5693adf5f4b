/*
 * grid_distances.h
 *		What entries of codecs on a grid have in common: distances, from inner
 *		products of their numbers, and sizes.
 *
 * Purpose: to be included by a codec_*.c that has defined dot_numbers (of two
 * codes) and dot_query (of a query's and a node's), so that these are part of
 * the functions made here: a call for each distance would be felt.
 */

static float
l2_distance(const OmenQuantizer *q, const OmenCodeHeader *ha, const void *ca,
			const OmenCodeHeader *hb, const void *cb)
{
	return omen_grid_l2sq(q, ha, hb, dot_numbers(q, ca, cb));
}

static float
ip_distance(const OmenQuantizer *q, const OmenCodeHeader *ha, const void *ca,
			const OmenCodeHeader *hb, const void *cb)
{
	return omen_grid_product(q, ha, hb, dot_numbers(q, ca, cb));
}

static float
l2_of_query(const OmenQuantizer *q, const OmenQueryHeader *query,
			const void *query_code, const OmenCodeHeader *node,
			const void *code)
{
	return omen_grid_l2sq(q, &query->code, node,
						  dot_query(q, query_code, code));
}

static float
ip_of_query(const OmenQuantizer *q, const OmenQueryHeader *query,
			const void *query_code, const OmenCodeHeader *node,
			const void *code)
{
	return omen_grid_query_product(q, query, node,
								   dot_query(q, query_code, code));
}

#define L2_METRIC \
	{ \
		.distance = l2_distance, .query_distance = l2_of_query, \
		.decoded_bound = omen_grid_bound_l2sq \
	}
#define IP_METRIC \
	{ \
		.distance = ip_distance, .query_distance = ip_of_query, \
		.decoded_bound = omen_grid_bound_product \
	}

/* What goes with every such kind. */
#define GRID_METRICS \
	[OMEN_METRIC_L2] = L2_METRIC, [OMEN_METRIC_IP] = IP_METRIC, \
	[OMEN_METRIC_COSINE] = L2_METRIC, \
	OMEN_SKETCH_METRICS(L2_METRIC, IP_METRIC)

/* Members of an OmenCodec, the first of one that goes with what is rotated. */
#define ROTATED_METRICS .metrics = {GRID_METRICS}
#define BYTE_QUERY \
	.query_bytes = omen_grid_bytes, .encode_query = omen_grid_encode_bytes
#define GRID_HOOKS \
	.header_bytes = sizeof(OmenCodeHeader), .max_dim = OMEN_MAX_DIM, \
	.sumsq = omen_grid_sumsq, .norm_bound = omen_grid_norm_bound, \
	.query_norm_bound = omen_grid_query_norm_bound, \
	.sumsq_bound = omen_grid_sumsq_bound, .largest = omen_grid_largest, \
	.header_flaw = omen_grid_header_flaw
