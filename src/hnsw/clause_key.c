/*-------------------------------------------------------------------------
 *
 * clause_key.c
 *	  A clause on a column of an index, as a scan key.
 *
 * The clause has the column on its left: a comparison, one with = ANY, or IS
 * [NOT] NULL.  What it compares with is for the caller to evaluate.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/hnsw.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* What a clause compares with, its operator, and flags for the scan key. */
static Expr *
take_apart(Expr *clause, Oid *opno, Oid *collation, int *flags)
{
	*opno = InvalidOid;
	*collation = InvalidOid;
	switch (nodeTag(clause))
	{
		case T_NullTest:
			*flags = SK_ISNULL | (((NullTest *) clause)->nulltesttype == IS_NULL
									  ? SK_SEARCHNULL
									  : SK_SEARCHNOTNULL);
			return NULL;
		case T_OpExpr:
			*flags = 0;
			*opno = ((OpExpr *) clause)->opno;
			*collation = ((OpExpr *) clause)->inputcollid;
			return lsecond(((OpExpr *) clause)->args);
		case T_ScalarArrayOpExpr:
			*flags = SK_SEARCHARRAY;
			*opno = ((ScalarArrayOpExpr *) clause)->opno;
			*collation = ((ScalarArrayOpExpr *) clause)->inputcollid;
			return lsecond(((ScalarArrayOpExpr *) clause)->args);
		default:
			elog(ERROR, "unrecognized node type: %d", (int) nodeTag(clause));
			return NULL;
	}
}

/*
 * Prepare a scan key for a clause on an index's column, whose number is from 1
 * on.  Returns what the clause compares with, or NULL.
 */
Expr *
omen_clause_key(Relation index, Expr *clause, int column, ScanKey key)
{
	Oid			left = InvalidOid;
	Oid			right = InvalidOid;
	int			strategy = InvalidStrategy;
	Oid			opno;
	Oid			collation;
	int			flags;
	Expr	   *value = take_apart(clause, &opno, &collation, &flags);

	if (OidIsValid(opno))
		get_op_opfamily_properties(opno, index->rd_opfamily[column - 1], false,
								   &strategy, &left, &right);
	ScanKeyEntryInitialize(key, flags, (AttrNumber) column,
						   (StrategyNumber) strategy, right, collation,
						   OidIsValid(opno) ? get_opcode(opno) : InvalidOid,
						   (Datum) 0);
	return value;
}

/* Give a scan key what its clause compares with. */
void
omen_key_set_value(ScanKey key, Datum value, bool isnull)
{
	key->sk_argument = value;
	key->sk_flags &= ~SK_ISNULL;
	if (isnull)
		key->sk_flags |= SK_ISNULL;
}
