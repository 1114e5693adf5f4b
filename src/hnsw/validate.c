/*-------------------------------------------------------------------------
 *
 * validate.c
 *	  Is an operator class for omen_hnsw sound?  And what can an index do?
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "hnsw/hnsw.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

static void
complain(const char *family, const char *what)
{
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("operator family \"%s\" of access method %s contains %s",
					family, "omen_hnsw", what)));
}

/* Is this an operator family for key columns?  Its support function says so. */
static bool
is_for_keys(CatCList *procs)
{
	for (int i = 0; i < procs->n_members; i++)
	{
		Form_pg_amproc proc =
			(Form_pg_amproc) GETSTRUCT(&procs->members[i]->tuple);
		FmgrInfo	info;

		fmgr_info(proc->amproc, &info);
		if (info.fn_addr == omen_key_support)
			return true;
	}
	return false;
}

/* Does a function ask of a value of the type whether it is within a sphere? */
static bool
is_within(const FormData_pg_amproc *proc)
{
	Oid		   *types;
	int			ntypes;

	return get_func_signature(proc->amproc, &types, &ntypes) == BOOLOID &&
		   ntypes == 2 && types[0] == proc->amproclefttype &&
		   get_typtype(types[1]) == TYPTYPE_COMPOSITE;
}

/* Has a support function the arguments and the result that its number asks? */
static bool
has_signature(const FormData_pg_amproc *proc)
{
	if (proc->amprocnum == OMEN_WITHIN_PROC)
		return is_within(proc);
	if (proc->amprocnum == OMEN_REPEATED_PROC)
		return check_amproc_signature(proc->amproc, FLOAT8OID, true, 2, 2,
									  proc->amproclefttype,
									  proc->amproclefttype);
	return check_amproc_signature(proc->amproc, INTERNALOID, true, 1, 1,
								  INTERNALOID);
}

/*
 * Every support function must be number 1, from internal to internal, or for
 * vectors number 2, of a vector and a sphere, or 3, a distance.
 */
static bool
validate_procs(const char *family, CatCList *procs, bool for_keys)
{
	int			last = for_keys ? OMEN_SUPPORT_PROC : OMEN_SUPPORT_PROCS;
	bool		valid = true;

	for (int i = 0; i < procs->n_members; i++)
	{
		Form_pg_amproc proc =
			(Form_pg_amproc) GETSTRUCT(&procs->members[i]->tuple);

		if (proc->amprocnum < OMEN_SUPPORT_PROC || proc->amprocnum > last)
		{
			complain(family,
					 psprintf("function %s with invalid support number %d",
							  format_procedure(proc->amproc), proc->amprocnum));
			valid = false;
		}
		else if (!has_signature(proc))
		{
			complain(
				family,
				psprintf(
					"function %s with wrong signature for support number %d",
					format_procedure(proc->amproc), proc->amprocnum));
			valid = false;
		}
	}
	return valid;
}

/*
 * Every operator must be the distance, ordered by a btree family of float8; or
 * of keys a comparison with a known number.
 */
static bool
validate_operators(const char *family, CatCList *operators, bool for_keys)
{
	int			last = for_keys ? OMEN_KEY_STRATEGIES : OMEN_DISTANCE_STRATEGY;
	char		purpose = for_keys ? AMOP_SEARCH : AMOP_ORDER;
	bool		valid = true;

	for (int i = 0; i < operators->n_members; i++)
	{
		Form_pg_amop op =
			(Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple);
		const char *flaws[3] = {NULL, NULL, NULL};

		if (op->amopstrategy < 1 || op->amopstrategy > last)
			flaws[0] = psprintf("operator %s with invalid strategy number %d",
								format_operator(op->amopopr), op->amopstrategy);
		if (op->amoppurpose != purpose)
			flaws[1] =
				psprintf(for_keys ? "operator %s that is not for searching"
								  : "operator %s that is not for ordering",
						 format_operator(op->amopopr));
		else if (!for_keys &&
				 !opfamily_can_sort_type(op->amopsortfamily,
										 get_op_rettype(op->amopopr)))
			flaws[1] = psprintf(
				"operator %s with an incorrect ORDER BY operator family",
				format_operator(op->amopopr));
		if (!check_amop_signature(op->amopopr, for_keys ? BOOLOID : FLOAT8OID,
								  op->amoplefttype, op->amoprighttype))
			flaws[2] = psprintf("operator %s with wrong signature",
								format_operator(op->amopopr));
		for (int j = 0; j < (int) lengthof(flaws); j++)
		{
			if (flaws[j] == NULL)
				continue;
			complain(family, flaws[j]);
			valid = false;
		}
	}
	return valid;
}

/*
 * The class itself must have its function, and its operator: the distance, or
 * for keys one of any number.
 */
static bool
validate_members(const char *opclass, const char *family, Oid type,
				 CatCList *procs, CatCList *operators, bool for_keys)
{
	List	   *groups = identify_opfamily_groups(operators, procs);
	ListCell   *lc;

	foreach (lc, groups)
	{
		OpFamilyOpFuncGroup *group = lfirst(lc);

		if (group->lefttype == type && group->righttype == type &&
			(for_keys ? group->operatorset
					  : group->operatorset &
							(UINT64CONST(1) << OMEN_DISTANCE_STRATEGY)) != 0 &&
			(group->functionset & (UINT64CONST(1) << OMEN_SUPPORT_PROC)) != 0)
			return true;
	}
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg(for_keys ? "operator class \"%s\" of access method %s is "
							   "missing its operators or its support function"
							 : "operator class \"%s\" of access method %s is "
							   "missing its distance operator or its support "
							   "function",
					opclass, "omen_hnsw")));
	return false;
}

bool
omen_hnsw_validate(Oid opclassoid)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclassoid));
	HeapTuple	family_tuple;
	Form_pg_opclass opclass;
	char	   *family;
	CatCList   *procs;
	CatCList   *operators;
	bool		for_keys;
	bool		valid;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclassoid);
	opclass = (Form_pg_opclass) GETSTRUCT(tuple);
	family_tuple =
		SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(opclass->opcfamily));
	if (!HeapTupleIsValid(family_tuple))
		elog(ERROR, "cache lookup failed for operator family %u",
			 opclass->opcfamily);
	family = NameStr(((Form_pg_opfamily) GETSTRUCT(family_tuple))->opfname);
	operators =
		SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(opclass->opcfamily));
	procs =
		SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(opclass->opcfamily));

	for_keys = is_for_keys(procs);
	valid = validate_procs(family, procs, for_keys);
	valid &= validate_operators(family, operators, for_keys);
	valid &= validate_members(NameStr(opclass->opcname), family,
							  opclass->opcintype, procs, operators, for_keys);

	ReleaseCatCacheList(procs);
	ReleaseCatCacheList(operators);
	ReleaseSysCache(family_tuple);
	ReleaseSysCache(tuple);
	return valid;
}

/*
 * The one property that PostgreSQL cannot work out: the vector's column can be
 * ordered by a distance.
 */
bool
omen_hnsw_property(Oid index_oid, int attno, IndexAMProperty prop,
				   const char *propname, bool *res, bool *isnull)
{
	if (attno == 0 || prop != AMPROP_DISTANCE_ORDERABLE)
		return false;
	*res = omen_opclass_is_vector(get_index_column_opclass(index_oid, attno));
	return true;
}
