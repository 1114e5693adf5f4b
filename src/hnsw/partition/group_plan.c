/*-------------------------------------------------------------------------
 *
 * group_plan.c
 *	  In an index of groups: where each has its place, and what is made when.
 *
 * When rows have been cut into groups, the number of records and of nodes of
 * lists is known, so each list has its place, in the order of the groups.  The
 * leader writes records and directory.  Then all participants write lists, and
 * make graphs, one each, the largest first; what these may have in disorder,
 * rows of equal codes and those without a place in a graph, the leader adds
 * afterwards.  Last come the largest graphs, one after the other, which all
 * participants make together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "array.h"
#include "hnsw/partition/groups.h"
#include "miscadmin.h"

/* ---------- places ---------- */

static BlockNumber
pages_for(uint64 slots, uint32 per_page)
{
	return (BlockNumber) ((slots + per_page - 1) / per_page);
}

/*
 * Add the pages of records and of lists; returns the first of the directory's.
 */
static BlockNumber
place_parts(OmenBuild *build)
{
	OmenBuildGroups *groups = build->groups;
	const OmenLayout *layout = &build->ix->layout;
	uint64		records = 0;
	uint64		nodes = 0;
	uint64		count = 0;

	for (uint32 i = 0; i < groups->count; i++)
	{
		groups->parts[i].first_record = (uint32) records;
		groups->parts[i].first_node = (uint32) nodes;
		records += groups->parts[i].records;
		nodes += groups->parts[i].nodes;
		count += groups->parts[i].groups;
		omen_check_slots(build, Max(records, nodes));
	}
	groups->record_block =
		omen_add_blocks(build, pages_for(records, OMEN_GROUPS_PER_PAGE));
	groups->node_block =
		omen_add_blocks(build, pages_for(nodes, layout->node.per_page));
	omen_check_slots(build,
					 ((uint64) groups->node_block + 1) * layout->node.per_page +
						 nodes);
	groups->payload_block = InvalidBlockNumber;
	if (layout->out_of_line)
		groups->payload_block =
			omen_add_blocks(build,
							nodes * omen_payload_parts(layout->code_bytes));
	return omen_add_blocks(build, omen_directory_pages(count));
}

/*
 * Which pages a list has: those that its nodes fill are its own, on others are
 * those of its neighbors, too.
 */
static void
note_list_pages(const OmenBuild *build, const OmenGroupReader *reader,
				OmenGroupRecord *record)
{
	uint32		per_page = build->ix->layout.node.per_page;
	BlockNumber base = build->groups->node_block;
	uint32		first = reader->place.first_node;
	uint32		end = first + reader->group.nodes;
	int			shared = 0;

	record->graph.node_limit = reader->group.nodes;
	if (end == first)
		return;
	if ((first + per_page - 1) / per_page < end / per_page)
		record->chain = base + (first + per_page - 1) / per_page;
	if (first % per_page != 0)
		record->blocks[shared++] = base + first / per_page;
	if (end % per_page != 0 &&
		(shared == 0 || end / per_page != first / per_page))
		record->blocks[shared++] = base + end / per_page;
}

/* ---------- graphs ---------- */

/* Graphs that are to be made. */
typedef struct GraphPlans
{
	OmenGraphPlan *list;
	uint32		count;
	uint32		room;
} GraphPlans;

#define ST_SORT sort_plans
#define ST_ELEMENT_TYPE OmenGraphPlan
#define ST_COMPARE(a, b) \
	((a)->rows != (b)->rows ? ((a)->rows > (b)->rows ? -1 : 1) \
							: ((a)->group.id < (b)->group.id ? -1 : 1))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static void
plan_graph(GraphPlans *plans, const OmenGroupReader *reader, uint32 part)
{
	OmenGraphPlan plan;

	memset(&plan, 0, sizeof(plan));
	plan.group = reader->place.group;
	plan.kind = reader->group.kind == OMEN_GROUP_LARGE ? OMEN_SPILL_LARGE
													   : OMEN_SPILL_GRAPHS;
	plan.part = part;
	plan.participant = reader->participant;
	plan.start = reader->group.start;
	plan.rows = reader->group.rows;
	plan.longest = reader->group.longest;
	plan.blocks = reader->group.blocks;
	OMEN_GROW(CurrentMemoryContext, plans->list, plans->room, plans->count + 1);
	plans->list[plans->count++] = plan;
}

/* Add the pages of all graphs that are made by one participant each. */
static void
place_graphs(OmenBuild *build, GraphPlans *plans)
{
	uint64		blocks = 0;
	BlockNumber first;

	for (uint32 i = 0; i < plans->count; i++)
		blocks += plans->list[i].blocks;
	first = omen_add_blocks(build, blocks);
	for (uint32 i = 0; i < plans->count; i++)
	{
		plans->list[i].block = first;
		first += plans->list[i].blocks;
	}
}

/* Have them made, the largest first, and forget their rows. */
static void
make_graphs(OmenBuild *build, GraphPlans *plans)
{
	OmenSpill  *spill;
	uint64		rows = 0;

	place_graphs(build, plans);
	sort_plans(plans->list, plans->count);
	spill = omen_spill_begin(build, OMEN_SPILL_PLANS, 0, 1);
	for (uint32 i = 0; i < plans->count; i++)
	{
		omen_spill_write(spill, 0, &plans->list[i], sizeof(OmenGraphPlan));
		rows += plans->list[i].rows;
	}
	omen_spill_end(spill);
	omen_run_step(build, OMEN_STEP_GRAPHS, plans->count, rows);
	omen_spill_delete(build, OMEN_SPILL_PLANS, 0, 0);
	omen_spill_forget(build, OMEN_SPILL_PLANS, 0);
	for (uint32 part = 0; part < build->groups->count; part++)
		omen_spill_delete(build, OMEN_SPILL_GRAPHS, 0, part);
	omen_spill_forget(build, OMEN_SPILL_GRAPHS, 0);
}

/* Make the largest, everybody together. */
static void
make_large_graphs(OmenBuild *build, GraphPlans *plans)
{
	OmenNodeRef none = {0, 0};

	for (uint32 i = 0; i < plans->count; i++)
		omen_make_graph(build, build, &plans->list[i]);
	for (uint32 part = 0; part < build->groups->count; part++)
		omen_spill_delete(build, OMEN_SPILL_LARGE, 0, part);
	omen_spill_forget(build, OMEN_SPILL_LARGE, 0);
	omen_graph_choose(build->graph, none);
	omen_graph_refresh(build->graph);
}

/* ---------- records ---------- */

/*
 * Write the records of all groups and the directory, and plan what graphs are
 * to be made.
 */
static void
write_records(OmenBuild *build, GraphPlans *graphs, GraphPlans *large)
{
	BlockNumber directory_block = place_parts(build);
	OmenDirectoryWriter *directory = palloc(sizeof(OmenDirectoryWriter));
	OmenGroupWriter *writer = palloc(sizeof(OmenGroupWriter));
	OmenGroupReader *reader = palloc(sizeof(OmenGroupReader));

	omen_directory_write_begin(directory, build->ix, directory_block);
	omen_group_write_begin(writer, build->ix, build->groups->record_block);
	for (uint32 part = 0; part < build->groups->count; part++)
	{
		omen_groups_open(reader, build, part);
		while (omen_groups_next(reader))
		{
			const OmenBuildGroup *group = &reader->group;
			OmenGroupRecord record = {0};

			omen_group_record_init(&record, group->hash, group->nulls,
								   reader->key, group->key_bytes);
			if (group->kind == OMEN_GROUP_LIST)
				note_list_pages(build, reader, &record);
			else
				plan_graph(group->kind == OMEN_GROUP_LARGE ? large : graphs,
						   reader, part);
			if (omen_group_write(writer, &record, reader->key) !=
				reader->place.group.id)
				elog(ERROR, "record of a group was written elsewhere");
			omen_directory_write(directory, group->hash, reader->place.group.id,
								 0);
		}
	}
	omen_group_write_end(writer);
	omen_directory_write_end(directory);
	pfree(reader);
	pfree(writer);
	pfree(directory);
}

/* ---------- rows without a place in a graph ---------- */

/* Those of a group come one after the other, in the order of groups. */
static void
add_side_rows(OmenBuild *build, uint32 part)
{
	OmenGroupReader *reader = palloc(sizeof(OmenGroupReader));
	OmenUnspill un;
	OmenSideRow row;

	omen_groups_open(reader, build, part);
	omen_unspill_begin(&un, build, OMEN_SPILL_SIDE, 0, part);
	while (omen_groups_next(reader))
	{
		omen_graph_choose(build->graph, reader->place.group);
		for (uint32 i = 0; i < reader->group.side_rows; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!omen_unspill_next(&un, &row, sizeof(row)))
				elog(ERROR, "rows of an index build are missing");
			omen_posting_attach_side(build->graph, row.side, &row.tid);
		}
	}
	omen_unspill_end(&un, true);
	omen_spill_delete(build, OMEN_SPILL_GROUPS, 0, part);
	pfree(reader);
}

/* Add what the leader adds, in one order, and forget all but the largest. */
static void
add_rest(OmenBuild *build)
{
	omen_attach_copies(build, 0);
	omen_attach_copies(build, 1);
	for (uint32 part = 0; part < build->groups->count; part++)
		add_side_rows(build, part);
	omen_spill_forget(build, OMEN_SPILL_SIDE, 0);
	omen_spill_forget(build, OMEN_SPILL_GROUPS, 0);
}

/* The last page of lists has room, unless they fill it. */
static void
list_last_page(OmenBuild *build)
{
	const OmenBuildGroups *groups = build->groups;
	const OmenGroupPart *last = &groups->parts[groups->count - 1];
	uint32		nodes = last->first_node + last->nodes;
	Buffer		buf;

	if (nodes % build->ix->layout.node.per_page == 0)
		return;
	buf = ReadBuffer(build->index, groups->node_block +
									   nodes / build->ix->layout.node.per_page);
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	omen_page_list(build->ix, buf);
	UnlockReleaseBuffer(buf);
}

/* ---------- the whole ---------- */

/* Build the groups of the rows that have been read. */
void
omen_build_groups(OmenBuild *build)
{
	GraphPlans	graphs = {0};
	GraphPlans	large = {0};
	uint64		rows = pg_atomic_read_u64(&build->team->index_tuples);

	omen_run_step(build, OMEN_STEP_CUT, build->groups->count, rows);
	omen_spill_forget(build, OMEN_SPILL_BY_HASH, 0);
	write_records(build, &graphs, &large);
	omen_run_step(build, OMEN_STEP_LISTS, build->groups->count, rows);
	omen_spill_forget(build, OMEN_SPILL_LISTS, 0);
	list_last_page(build);
	make_graphs(build, &graphs);
	add_rest(build);
	make_large_graphs(build, &large);
	/* nothing is left for another build */
	Assert(build->pool->used == 0);
}
