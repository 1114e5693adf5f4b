/*
 * codec_bits.c
 *		OMEN_STORAGE_BITS: the value of a bit string, byte by byte.
 *
 * Purpose: an OmenCodec (codec.h) for types that encode by themselves.  The
 * value is its own code: nothing is lost, and its header would be all zeros, so
 * none is stored.
 */
#include "codec.h"

#include <stdio.h>

#include "../distance/bits.h"

static size_t
bytes(uint32_t dim)
{
	return OMEN_BIT_BYTES(dim);
}

static float
hamming(const OmenQuantizer *q, const OmenCodeHeader *ha, const void *ca,
		const OmenCodeHeader *hb, const void *cb)
{
	(void) ha;
	(void) hb;
	return (float) omen_kernels->bits->hamming((const uint8_t *) ca,
											   (const uint8_t *) cb,
											   OMEN_BIT_BYTES(q->dim));
}

static float
jaccard(const OmenQuantizer *q, const OmenCodeHeader *ha, const void *ca,
		const OmenCodeHeader *hb, const void *cb)
{
	uint32_t	both;
	uint32_t	either;

	(void) ha;
	(void) hb;
	omen_kernels->bits->overlap((const uint8_t *) ca, (const uint8_t *) cb,
								OMEN_BIT_BYTES(q->dim), &both, &either);
	return omen_jaccard_float(both, either);
}

static float
hamming_of_query(const OmenQuantizer *q, const OmenQueryHeader *query,
				 const void *query_code, const OmenCodeHeader *node,
				 const void *code)
{
	return hamming(q, &query->code, query_code, node, code);
}

static float
jaccard_of_query(const OmenQuantizer *q, const OmenQueryHeader *query,
				 const void *query_code, const OmenCodeHeader *node,
				 const void *code)
{
	return jaccard(q, &query->code, query_code, node, code);
}

static double
exact_hamming(const OmenQuantizer *q, const void *query_code, const void *code)
{
	return omen_kernels->bits->hamming((const uint8_t *) query_code,
									   (const uint8_t *) code,
									   OMEN_BIT_BYTES(q->dim));
}

static double
exact_jaccard(const OmenQuantizer *q, const void *query_code, const void *code)
{
	uint32_t	both;
	uint32_t	either;

	omen_kernels->bits->overlap((const uint8_t *) query_code,
								(const uint8_t *) code, OMEN_BIT_BYTES(q->dim),
								&both, &either);
	return omen_jaccard(both, either);
}

/* ---------- checks ---------- */

static const char *
header_flaw(const OmenMetricTraits *metric, const OmenCodeHeader *hdr)
{
	(void) metric;
	(void) hdr;
	return NULL;				/* there is none on disk */
}

/* Bits beyond the last would count in distances. */
static bool
code_flaw(uint32_t dim, const OmenCodeHeader *hdr, const void *code, char *flaw,
		  size_t room)
{
	const uint8_t *last = (const uint8_t *) code + OMEN_BIT_BYTES(dim) - 1;

	(void) hdr;
	if (dim % 8 == 0 || (*last & (0xff >> dim % 8)) == 0)
		return false;
	snprintf(flaw, room, "bits behind the last one are set");
	return true;
}

const OmenCodec omen_codec_bits = {
	.name = "bits",
	.encoder = 1,
	.header_bytes = 0,
	.max_dim = OMEN_MAX_BITS,
	.is_implied = true,
	.is_build_code = true,
	.bytes = bytes,
	.query_bytes = bytes,
	.metrics = {[OMEN_METRIC_HAMMING] = {hamming, hamming_of_query, NULL,
										 exact_hamming},
				[OMEN_METRIC_JACCARD] = {jaccard, jaccard_of_query, NULL,
										 exact_jaccard}},
	.header_flaw = header_flaw,
	.code_flaw = code_flaw,
};
