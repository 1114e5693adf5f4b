/*-------------------------------------------------------------------------
 *
 * prefix_text.c
 *	  The values of leading columns as text, for people.
 *
 * A key comes from pages that may be damaged; prefix_sound.c looks at it first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/keys/prefix.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

struct OmenPrefixTexts
{
	OmenPrefix *prefix;
	FmgrInfo	output[OMEN_MAX_LEADING];
};

/* In the current memory context, in which the prefix is, too. */
OmenPrefixTexts *
omen_prefix_texts_open(OmenPrefix *prefix)
{
	OmenPrefixTexts *texts = palloc0(sizeof(OmenPrefixTexts));

	texts->prefix = prefix;
	for (uint32 i = 0; i < prefix->count; i++)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(prefix->columns[i].value_type, &output, &is_varlena);
		fmgr_info(output, &texts->output[i]);
	}
	return texts;
}

/*
 * What a key says, as Datums of type text, one for each leading column.  False
 * if no values have this key and hash.  May leave memory behind.
 */
bool
omen_prefix_texts(OmenPrefixTexts *texts, uint64 hash, uint8 nulls,
				  const uint8 *bytes, uint32 count, Datum *values, bool *isnull)
{
	if (!omen_prefix_values(texts->prefix, hash, nulls, bytes, count, values,
							isnull))
		return false;
	for (uint32 i = 0; i < texts->prefix->count; i++)
	{
		char	   *text;

		if (isnull[i])
			continue;
		text = OutputFunctionCall(&texts->output[i], values[i]);
		if (!pg_verifymbstr(text, strlen(text), true))
			return false;
		values[i] = CStringGetTextDatum(text);
	}
	return true;
}
