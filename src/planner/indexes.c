/*-------------------------------------------------------------------------
 *
 * indexes.c
 *	  What the indexes of a table know of a query: ours its order, and others
 *	  which rows pass.
 *
 * PostgreSQL itself is asked for the paths that it would make.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "planner/indexes.h"
#include "planner/wanted.h"
#include "tuning.h"

/* ---------- what PostgreSQL's own paths have to say ---------- */

bool
omen_is_ours(const IndexOptInfo *index)
{
	return index->amcostestimate == omen_hnsw_cost_estimate;
}

/* What an index was like before it was changed for a while. */
typedef struct ChangedIndex
{
	IndexOptInfo *index;
	bool		amhasgettuple;
	List	   *indrestrictinfo;
} ChangedIndex;

/* Have an index give bitmaps only, by all clauses but for some. */
static IndexOptInfo *
bitmaps_only(IndexOptInfo *index, const List *without, List **changed)
{
	ChangedIndex *before = palloc(sizeof(ChangedIndex));

	before->index = index;
	before->amhasgettuple = index->amhasgettuple;
	before->indrestrictinfo = index->indrestrictinfo;
	*changed = lappend(*changed, before);
	index->amhasgettuple = false;
	index->indrestrictinfo =
		list_difference_ptr(index->indrestrictinfo, without);
	return index;
}

static void
restore_indexes(const List *changed)
{
	ListCell   *lc;

	foreach (lc, changed)
	{
		ChangedIndex *before = lfirst(lc);

		before->index->amhasgettuple = before->amhasgettuple;
		before->index->indrestrictinfo = before->indrestrictinfo;
	}
}

/*
 * The paths that PostgreSQL makes for a table from one index of ours, or from
 * all others as bitmaps only, by all clauses of the WHERE but for some.
 *
 * create_index_paths() knows only the lists of the table's RelOptInfo and adds
 * what it finds to them.  So for its sake these are others for a while: the
 * indexes are those that are asked about, no path is there that could suppress
 * one of theirs, and an index of others has no plain scan, so that bitmaps are
 * all that it gives.  Everything is put back before anybody else looks.  (An
 * error in between ends the planning of the query, and with it the RelOptInfo
 * and the PlannerInfo, which live in its memory; nothing here outlives them.)
 */
static List *
paths_by_indexes(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *ours,
				 const List *without)
{
	List	   *indexes = rel->indexlist;
	List	   *pathlist = rel->pathlist;
	List	   *partial = rel->partial_pathlist;
	List	   *clauses = rel->baserestrictinfo;
	List	   *pathkeys = root->query_pathkeys;
	List	   *changed = NIL;
	List	   *found;
	ListCell   *lc;

	rel->indexlist = NIL;
	rel->pathlist = NIL;
	rel->partial_pathlist = NIL;
	rel->baserestrictinfo = list_difference_ptr(clauses, without);
	foreach (lc, indexes)
	{
		IndexOptInfo *index = lfirst(lc);

		if (ours ? index != ours : omen_is_ours(index))
			continue;
		if (!ours)
			index = bitmaps_only(index, without, &changed);
		rel->indexlist = lappend(rel->indexlist, index);
	}
	/* of ORDER BY distance, id we are responsible for the distance */
	if (ours)
		root->query_pathkeys = list_make1(linitial(pathkeys));

	create_index_paths(root, rel);

	found = rel->pathlist;
	restore_indexes(changed);
	list_free(rel->indexlist);
	rel->baserestrictinfo = clauses;
	rel->indexlist = indexes;
	rel->pathlist = pathlist;
	rel->partial_pathlist = partial;
	root->query_pathkeys = pathkeys;
	return found;
}

/* Is an index one of groups? */
bool
omen_has_groups(const IndexOptInfo *index)
{
	return omen_leading_columns(index) > 0;
}

/* The path by an index of ours in the order that is wanted, or NULL. */
static IndexPath *
ordered_path_by(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index)
{
	ListCell   *lc;

	foreach (lc, paths_by_indexes(root, rel, index, NIL))
	{
		IndexPath  *path = lfirst(lc);

		if (IsA(path, IndexPath) && path->path.pathkeys != NIL &&
			list_length(path->indexorderbys) == 1 &&
			path->path.param_info == NULL)
			return path;
	}
	return NULL;
}

/* The part of the rows that pass by clauses; 1 if there are none. */
static double
part_passing(PlannerInfo *root, RelOptInfo *rel, const List *clauses)
{
	double part = clauselist_selectivity(root, (List *) clauses, rel->relid,
										 JOIN_INNER, NULL);

	return Max(part, OMEN_TINY_PART);
}

/* ---------- indexes in the order that is wanted ---------- */

/*
 * Is nothing to be filtered: is there no WHERE, or does it ask for groups only?
 * What a partial index's condition implies is none.
 */
bool
omen_is_unfiltered(const OrderedIndex *ordered)
{
	return list_difference_ptr(ordered->path->indexinfo->indrestrictinfo,
							   ordered->keys.prefix.infos) == NIL;
}

/*
 * Has PostgreSQL seen all that is said of the groups?  What it has not it only
 * tests on rows.
 */
static bool
has_seen_groups(const OrderedIndex *ordered)
{
	const IndexPath *path = ordered->path;
	ListCell   *lc;
	ListCell   *lk;

	if (path->path.total_cost >= OMEN_UNWANTED_COST)
		return false;
	foreach (lc, ordered->keys.prefix.infos)
	{
		bool		found = false;

		foreach (lk, path->indexclauses)
			found |= lfirst_node(IndexClause, lk)->rinfo == lfirst(lc);
		if (!found)
			return false;
	}
	return true;
}

/*
 * Is an index of groups to be scanned as PostgreSQL has it?  If it is not known
 * which are asked for; or if nothing but these are, where an index without
 * groups would be, and PostgreSQL has seen which.
 */
static bool
is_for_plain_scan(PlannerInfo *root, const OrderedIndex *ordered)
{
	return ordered->is_of_groups &&
		   (!ordered->keys.tells_groups ||
			(omen_is_unfiltered(ordered) &&
			 !omen_needs_count(root, ordered->path->indexinfo) &&
			 has_seen_groups(ordered)));
}

/*
 * The path that PostgreSQL would make if it knew all the clauses that say which
 * groups are asked for.  Before 17 it drops = ANY on a later column from a path
 * with an order, and before 16 it knows no boolean columns of ours.
 */
static IndexPath *
path_of_groups(PlannerInfo *root, const OrderedIndex *ordered)
{
	const OmenGroupClauses *told = &ordered->keys.prefix;
	const IndexPath *path = ordered->path;
	List	   *clauses = NIL;

	for (int i = 0; i < list_length(told->clauses); i++)
	{
		IndexClause *clause = makeNode(IndexClause);

		clause->rinfo = list_nth(told->infos, i);
		clause->indexquals = list_make1(
			make_simple_restrictinfo(root, list_nth(told->clauses, i)));
		clause->indexcol = list_nth_int(told->columns, i) - 1;
		clauses = lappend(clauses, clause);
	}
	return create_index_path(root, path->indexinfo, clauses,
							 path->indexorderbys, path->indexorderbycols,
							 path->path.pathkeys, ForwardScanDirection, false,
							 NULL, 1.0, false);
}

/*
 * What there is to know of an index of ours.  False if it is of no use, or
 * PostgreSQL is to scan it.
 */
static bool
look_at_index(PlannerInfo *root, RelOptInfo *rel, IndexOptInfo *index,
			  OrderedIndex *ordered)
{
	int			leading = omen_leading_columns(index);

	memset(ordered, 0, sizeof(OrderedIndex));
	ordered->path = ordered_path_by(root, rel, index);
	if (ordered->path == NULL)
		return false;
	ordered->is_of_groups = leading > 0;
	ordered->part = 1;
	omen_filter_keys_find(root, rel, index, &ordered->keys);
	if (is_for_plain_scan(root, ordered))
		return false;
	ordered->key_selectivity = part_passing(root, rel, ordered->keys.told);
	if (leading == 0)
		return true;
	omen_groups_asked(root, index, leading, &ordered->keys.prefix,
					  &ordered->asked);
	ordered->part = Max(Min(ordered->asked.nodes / Max(index->tuples, 1), 1),
						OMEN_TINY_PART);
	ordered->path = path_of_groups(root, ordered);
	return true;
}

/*
 * The best of these paths, by indexes of groups or by others: by the index
 * whose keys let the fewest rows pass, and of such the cheapest.  *others has
 * the indexes that PostgreSQL is to scan.
 */
OrderedIndex
omen_find_ordered_index(PlannerInfo *root, RelOptInfo *rel, bool of_groups,
						List **others)
{
	OrderedIndex best = {.key_selectivity = INFINITY, .part = 1};
	ListCell   *lc;

	foreach (lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(lc);
		OrderedIndex ordered;

		if (!omen_is_ours(index) || omen_has_groups(index) != of_groups)
			continue;
		if (!look_at_index(root, rel, index, &ordered))
		{
			*others = lappend(*others, index);
			continue;
		}
		if (ordered.part * ordered.key_selectivity <
				best.part * best.key_selectivity ||
			(ordered.part * ordered.key_selectivity ==
				 best.part * best.key_selectivity &&
			 ordered.path->path.total_cost < best.path->path.total_cost))
			best = ordered;
	}
	return best;
}

/* ---------- bitmaps of other indexes ---------- */

/* The best bitmap of rows that pass all clauses but for some, or NULL. */
BitmapHeapPath *
omen_best_bitmap_path(PlannerInfo *root, RelOptInfo *rel, const List *without)
{
	ListCell   *lc;

	foreach (lc, paths_by_indexes(root, rel, NULL, without))
	{
		BitmapHeapPath *path = lfirst(lc);

		if (IsA(path, BitmapHeapPath) && path->path.param_info == NULL)
			return path;
	}
	return NULL;
}

/* The part of a table's rows that a bitmap has. */
static double
part_in_bitmap(const BitmapHeapPath *bitmap)
{
	Selectivity part;
	Cost		cost;

	cost_bitmap_tree_node(bitmap->bitmapqual, &cost, &part);
	return part;
}

/*
 * Does a bitmap tell more than which rows are in the groups that are searched?
 * What it knows of the clauses that ask for these is of no use by itself.
 */
bool
omen_tells_more(PlannerInfo *root, RelOptInfo *rel, const OrderedIndex *ordered,
				const BitmapHeapPath *bitmap)
{
	return part_in_bitmap(bitmap) <=
		   OMEN_BITMAP_TELLS_MORE *
			   part_passing(root, rel, ordered->keys.prefix.infos);
}
