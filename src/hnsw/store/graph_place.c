/*-------------------------------------------------------------------------
 *
 * graph_place.c
 *	  Where the data of a graph lie.
 *
 * An index has one graph, of id 0, whose OmenGraphData is in the metapage; or
 * each of its groups is one, and the data are in the group's record.  Nobody
 * else knows that.  (Of the data of graph 0 an index of groups has the epoch
 * and the mean that all of them share.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "hnsw/store/store.h"

/* Find the page of a graph's data, and their place on it. */
void
omen_graph_locate(OmenGraph *graph)
{
	if (omen_graph_is_group(graph))
	{
		graph->block = graph->id / OMEN_GROUPS_PER_PAGE;
		graph->offset =
			OMEN_PAGE_START +
			graph->id % OMEN_GROUPS_PER_PAGE * sizeof(OmenGroupRecord) +
			offsetof(OmenGroupRecord, graph);
		return;
	}
	if (graph->id != 0)
		elog(ERROR, "index \"%s\" has no graph %u",
			 RelationGetRelationName(graph->ix->pages.rel), graph->id);
	graph->block = OMEN_META_BLOCK;
	graph->offset = OMEN_PAGE_START + offsetof(OmenMetaPageData, graph);
}

/*
 * Work with a group from now on; of id 0 with the whole index.  It is for the
 * caller to read the data.
 */
void
omen_graph_choose(OmenGraph *graph, OmenNodeRef group)
{
	graph->id = group.id;
	graph->version = group.version;
	omen_graph_locate(graph);
}

/* The data on their page, whoever has that locked. */
OmenGraphData *
omen_graph_data_on(const OmenGraph *graph, Page page)
{
	return (OmenGraphData *) ((char *) page + graph->offset);
}

/*
 * The data of graph 0, whose mean is that of the index's quantizer, in a copy
 * of the metapage.
 */
OmenGraphData
omen_meta_graph_data(const OmenMetaPageData *meta)
{
	return meta->graph;
}

/* What a new metapage says of the graph: it is an empty list. */
void
omen_meta_init_graph(OmenMetaPageData *meta)
{
	omen_graph_data_init(&meta->graph);
}

/* What an empty list has. */
void
omen_graph_data_init(OmenGraphData *data)
{
	memset(data, 0, sizeof(OmenGraphData));
	data->mode = OMEN_MODE_FLAT;
	data->root = OMEN_INVALID_ID;
	data->entry = OMEN_INVALID_ID;
	data->mean = InvalidBlockNumber;
	data->side_null = OMEN_INVALID_ID;
	data->side_nan = OMEN_INVALID_ID;
}

/*
 * Lock the page of the data exclusively; the caller unlocks and releases it.
 * Of the pages that are locked together it is the last, or the last before the
 * metapage.
 */
Buffer
omen_graph_lock(const OmenGraph *graph)
{
	Buffer		buf;

	if (omen_graph_is_group(graph))
	{
		OmenGroupRecord *record =
			omen_group_visit(graph->ix, graph->id, BUFFER_LOCK_EXCLUSIVE, &buf);

		if (record == NULL || record->version != graph->version)
			omen_group_report(graph->ix, graph->id);
		return buf;
	}
	buf = ReadBuffer(graph->ix->pages.rel, graph->block);
	LockBuffer(buf, BUFFER_LOCK_EXCLUSIVE);
	return buf;
}

/*
 * Let the data take part in a change of other pages.  buf is their page, from
 * omen_graph_lock().  It may be part of the change already.
 */
OmenGraphData *
omen_graph_join(const OmenGraph *graph, OmenChange *change, Buffer buf)
{
	Assert(BufferGetBlockNumber(buf) == graph->block);
	return omen_graph_data_on(graph, omen_change_page(change, buf));
}
