/*-------------------------------------------------------------------------
 *
 * options.c
 *	  Storage parameters of omen_hnsw indexes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/hnsw.h"
#include "utils/guc.h"

static relopt_kind options_kind;

/* An OmenStorage, or what omen_storage_default() says. */
#define STORAGE_AUTO (-1)

/* "auto", the kinds of codes that one may ask for, and the end of the list. */
static relopt_enum_elt_def storage_values[OMEN_STORAGES + 2];

static void
list_storage_values(void)
{
	int			count = 0;

	storage_values[count].string_val = "auto";
	storage_values[count++].symbol_val = STORAGE_AUTO;
	for (int i = 0; i < OMEN_STORAGES; i++)
	{
		if (omen_codecs[i] == NULL || omen_codecs[i]->is_implied)
			continue;
		storage_values[count].string_val = omen_codecs[i]->name;
		storage_values[count++].symbol_val = i;
	}
}

/* The message below names them all. */
StaticAssertDecl(OMEN_STORAGES == 5, "a kind of code is new");

/* Register the parameters; once, from _PG_init. */
void
omen_options_init(void)
{
	options_kind = add_reloption_kind();
	list_storage_values();
	add_int_reloption(options_kind, "m",
					  "Number of neighbors of a node in each upper layer, half "
					  "of the room for them in layer 0",
					  OMEN_DEFAULT_M, OMEN_MIN_M, OMEN_MAX_M,
					  AccessExclusiveLock);
	add_int_reloption(options_kind, "ef_construction",
					  "Size of the candidate list when a node is linked",
					  OMEN_DEFAULT_EF_CONSTRUCTION, OMEN_MIN_EF_CONSTRUCTION,
					  OMEN_MAX_EF_CONSTRUCTION, AccessExclusiveLock);
	add_int_reloption(options_kind, "seed",
					  "What random choices of a build are drawn from", 0, 0,
					  PG_INT32_MAX, AccessExclusiveLock);
	add_enum_reloption(options_kind, "storage",
					   "What a node keeps of its vector", storage_values,
					   STORAGE_AUTO,
					   "Valid values are \"auto\", \"sq8\", \"sq4\", \"sq2\" "
					   "and \"full\".",
					   AccessExclusiveLock);
}

bytea *
omen_hnsw_options(Datum reloptions, bool validate)
{
	static const relopt_parse_elt table[] = {
		{"m", RELOPT_TYPE_INT, offsetof(OmenOptions, m)},
		{"ef_construction", RELOPT_TYPE_INT,
		 offsetof(OmenOptions, ef_construction)},
		{"seed", RELOPT_TYPE_INT, offsetof(OmenOptions, seed)},
		{"storage", RELOPT_TYPE_ENUM, offsetof(OmenOptions, storage)},
	};

	return (bytea *) build_reloptions(reloptions, validate, options_kind,
									  sizeof(OmenOptions), table,
									  lengthof(table));
}

/*
 * Those of an index by the name of hnsw.  They are the same; but by who reads
 * them such an index is known.
 */
bytea *
omen_alias_options(Datum reloptions, bool validate)
{
	return omen_hnsw_options(reloptions, validate);
}

/* Is this an index by that name? */
bool
omen_is_alias(Relation index)
{
	return index->rd_indam->amoptions == omen_alias_options;
}

int
omen_options_m(Relation index)
{
	OmenOptions *options = (OmenOptions *) index->rd_options;

	return options ? options->m : OMEN_DEFAULT_M;
}

int
omen_options_ef_construction(Relation index)
{
	OmenOptions *options = (OmenOptions *) index->rd_options;

	return options ? options->ef_construction : OMEN_DEFAULT_EF_CONSTRUCTION;
}

/* 0 is the seed that all indexes share. */
int
omen_options_seed(Relation index)
{
	OmenOptions *options = (OmenOptions *) index->rd_options;

	return options ? options->seed : 0;
}

/* What an index for a metric and so many dimensions is to store. */
OmenStorage
omen_options_storage(Relation index, OmenMetric metric, int dims)
{
	OmenOptions *options = (OmenOptions *) index->rd_options;

	if (options == NULL || options->storage == STORAGE_AUTO)
		return omen_storage_default(metric, dims);
	return (OmenStorage) options->storage;
}

/* Report a storage that the metric, or so few dimensions, do not go with. */
void
omen_options_check_storage(OmenStorage storage, OmenMetric metric, uint32 dims)
{
	const OmenCodec *codec = omen_codecs[storage];
	const OmenCodec *usual = omen_codecs[omen_storage_default(metric, dims)];

	if (!omen_storage_fits(storage, metric))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("storage \"%s\" is not supported for %s", codec->name,
						omen_metrics[metric].label),
				 usual->is_implied
					 ? errhint("Leave out the storage parameter: a node keeps "
							   "the value itself.")
					 : errhint("Use storage \"%s\".",
							   omen_codecs[omen_storage_default(metric, 1)]
								   ->name)));
	if (dims < codec->least_dims)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("storage \"%s\" needs at least %u dimensions, not %u",
						codec->name, codec->least_dims, dims),
				 errhint("Use storage \"%s\".", usual->name)));
}
