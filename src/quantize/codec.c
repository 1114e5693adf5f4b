/*
 * codec.c
 *		The table of kinds of codes; see codec.h.
 */
#include "codec.h"

#include <string.h>

const OmenCodec *const omen_codecs[OMEN_STORAGES] = {
	[OMEN_STORAGE_SQ8] = &omen_codec_sq8,
	[OMEN_STORAGE_FULL] = &omen_codec_full,
	[OMEN_STORAGE_SQ4] = &omen_codec_sq4,
	[OMEN_STORAGE_SQ2] = &omen_codec_sq2,
	[OMEN_STORAGE_BITS] = &omen_codec_bits,
};

/*
 * From so many dimensions on, four bits of each coordinate are the better
 * choice: the errors of coordinates cancel out in a distance, the more so the
 * more there are, and half the bytes are read.  Figures in the README of
 * hnsw/.
 */
#define SQ4_DIMS 1000

OmenStorage
omen_storage_default(OmenMetric metric, uint32_t dims)
{
	if (omen_storage_fits(OMEN_STORAGE_BITS, metric))
		return OMEN_STORAGE_BITS;
	return dims >= SQ4_DIMS && omen_storage_fits(OMEN_STORAGE_SQ4, metric)
			   ? OMEN_STORAGE_SQ4
			   : OMEN_STORAGE_SQ8;
}

bool
omen_storage_find(const char *name, OmenStorage *storage)
{
	for (int i = 0; i < OMEN_STORAGES; i++)
	{
		if (omen_codecs[i] != NULL && strcmp(omen_codecs[i]->name, name) == 0)
		{
			*storage = (OmenStorage) i;
			return true;
		}
	}
	return false;
}
