/*-------------------------------------------------------------------------
 *
 * group_read.c
 *	  In an index of groups: going through them one by one.
 *
 * Where on disk a group has its place follows from those before it, so it is
 * counted on the way, by whoever reads.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/partition/groups.h"

void
omen_groups_open(OmenGroupReader *reader, OmenBuild *build, uint32 part)
{
	reader->build = build;
	reader->left = build->groups->parts[part].groups;
	reader->record = build->groups->parts[part].first_record;
	reader->node = build->groups->parts[part].first_node;
	omen_unspill_begin(&reader->un, build, OMEN_SPILL_GROUPS, 0, part);
}

/* The next group, and its place.  False, and the end of reading, if none. */
bool
omen_groups_next(OmenGroupReader *reader)
{
	OmenBuildGroup *group = &reader->group;
	uint32		first_id =
		reader->build->groups->record_block * OMEN_GROUPS_PER_PAGE;

	if (reader->left == 0)
	{
		omen_unspill_end(&reader->un, false);
		return false;
	}
	reader->left--;
	if (!omen_unspill_next(&reader->un, group, sizeof(OmenBuildGroup)))
		elog(ERROR, "a group of an index build is missing");
	omen_unspill_rest(&reader->un, reader->key, group->key_bytes);
	reader->participant = reader->un.source.participant;
	/* the record comes after the rest of its key */
	reader->record += omen_group_slots(group->key_bytes);
	reader->place.group.id = first_id + reader->record - 1;
	reader->place.group.version = 0;
	reader->place.first_node = reader->node;
	if (group->kind == OMEN_GROUP_LIST)
		reader->node += group->nodes;
	return true;
}
