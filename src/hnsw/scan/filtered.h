/*-------------------------------------------------------------------------
 *
 * filtered.h
 *	  Filtered index scans, for whoever runs one.
 *
 * omen_filtered_begin() after amrescan, then omen_filtered_next() for each
 * row.  When that gives up, omen_filtered_close() or omen_filtered_exact()
 * find the rest by other means, and omen_filtered_next() goes on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_FILTERED_H
#define OMEN_FILTERED_H

#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "hnsw/scan/filter.h"

/* exact.c */
extern void omen_filtered_exact(IndexScanDesc scan, OmenTidSource source,
								void *arg);

/* groups.c */
extern bool omen_filtered_groups(IndexScanDesc scan,
								 const struct OmenKeyStep *steps, uint32 *count,
								 double *nodes);

/* filtered.c */
extern void omen_filtered_begin(IndexScanDesc scan, const OmenFilter *filter);
extern OmenFilteredResult omen_filtered_next(IndexScanDesc scan,
											 ItemPointer version);
extern bool omen_filtered_close(IndexScanDesc scan, const OmenFilter *filter);
extern void omen_filtered_allow(IndexScanDesc scan, OmenScanBudget budget);

#endif							/* OMEN_FILTERED_H */
