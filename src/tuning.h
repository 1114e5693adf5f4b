/*-------------------------------------------------------------------------
 *
 * tuning.h
 *	  The numbers that decide how an index is scanned, and what that costs.
 *
 * Used by hnsw/store/, hnsw/graph/, hnsw/visits.c, hnsw/cost.c, hnsw/scan/,
 * filter/ and planner/, each above or beside the others; so they stand in a
 * file of their own.  Constants only.  Each comment says what a number is for,
 * its unit, and where it comes from: "measured", with the figure, or "guess".
 * Which command gives a figure, and on what machine and commit, is in
 * bench/RESULTS.md; formulas and what the words mean are in filter/README.
 *
 * Words: a glance is a short look at the nearest rows, a sweep goes through
 * rows by distance and tests each (post-filtering), a walk keeps what cannot
 * pass out of the candidate list (in-filter traversal), exact is a look at all
 * rows that may pass (pre-filtering).
 *
 *-------------------------------------------------------------------------
 */
#ifndef OMEN_TUNING_H
#define OMEN_TUNING_H

/*
 * What is divided by in place of a part that is nothing.  Parts of 1.  No
 * guess: small beside one row of any table
 */
#define OMEN_TINY_PART 1e-9

/* ---------- pgvector's numbers ---------- */

/*
 * hnsw.ef_search by default, and what a number of that is multiplied by for an
 * index made by the name of hnsw, so that no fewer of the true nearest are
 * found than pgvector finds.  Parts of 1.  measured on sets of 30,000 rows at
 * 10 to 320: 1.8 is not enough for all of them (bench/run --alias)
 */
#define OMEN_PEER_EF_SEARCH 40
#define OMEN_ALIAS_EF_FACTOR 2

/* ---------- small indexes ---------- */

/*
 * An index of at most this many nodes is a flat list, and a scan of one with at
 * most this many live nodes looks at all of them.  Nodes.  guess
 */
#define OMEN_FLAT_NODES 1000

/*
 * When it becomes a graph, codes are made anew from so many rows at most, since
 * an insert waits for that.  Rows.  guess
 */
#define OMEN_CONVERT_MAX_ROWS 100000

/*
 * So does a scan of one with at most this many times the length of its
 * candidate list.  Nodes in an entry of the list.  guess
 */
#define OMEN_FLAT_NODES_OF_LIST 4.0

/* ---------- the way down ---------- */

/*
 * ef of the search of layer 1, and of those above it, as in the paper.  What
 * layer 1 misses is lost where vectors form clusters that lie apart: a search
 * of layer 0 that begins in the wrong one stays there.  Results.  guess
 */
#define OMEN_LAYER_1_EF 4
#define OMEN_UPPER_EF 1

/*
 * The same for inner product where vectors are of different lengths, and how
 * many of the results the search of the layer below begins at.  The greatest
 * products may be in another cluster than greater ones on the way.  Results.
 * measured: of 300 queries on clusters, m = 6, the others leave 16 without any
 * of their ten nearest, these 1 (bench/products.py)
 */
#define OMEN_PRODUCT_LAYER_1_EF 48
#define OMEN_PRODUCT_UPPER_EF 32
#define OMEN_PRODUCT_STARTS 16

/*
 * Lengths are different if one of some nodes looked at has a squared norm
 * smaller than that of the longest by this part; codes of four bits of vectors
 * of one length differ by 0.02.  Parts of 1, and nodes of each layer.  guess
 */
#define OMEN_NORMS_DIFFER 0.15
#define OMEN_NORMS_LOOKED_AT 8

/* ---------- what a search visits ---------- */

/*
 * Slots visited by one search: FACTOR m ef^POWER log(nodes), and above the KNEE
 * growing with ef^LONG_POWER only, since longer lists, as filters make them,
 * hold most of each other's neighbors.  measured up to the knee: fitted to
 * counts over 100,000 to 10,000,000 rows and ef_search of 40 to 400; above it a
 * guess
 */
#define OMEN_VISITS_FACTOR 0.157
#define OMEN_VISITS_POWER 0.85
#define OMEN_VISITS_KNEE 400
#define OMEN_VISITS_LONG_POWER 0.6

/* ---------- costs, for the planner and for choosing at run time ---------- */

/*
 * The following make a unit of the planner's two to three microseconds.  Times
 * are of 60,000 images of 784 dimensions, in the cache, on an AMD EPYC with
 * AVX-512 (bench/run --filtered, and a query's times by function).
 */

/*
 * Visiting a slot in a search: its page, the test whether it was met, its place
 * in the heaps.  In cpu_index_tuple_cost.  measured: 0.25 to 0.45 microseconds,
 * the comparison of codes included
 */
#define OMEN_VISIT_COST 16.0

/* Comparing codes.  Bytes in a cpu_operator_cost.  guess */
#define OMEN_CODE_BYTES_PER_OPERATOR 128.0

/*
 * Looking at a node in a full scan of them, in the order of pages.  In
 * cpu_index_tuple_cost.  measured: 0.025 to 0.04 microseconds
 */
#define OMEN_FULL_SCAN_NODE_COST 2.8

/*
 * What a node that may pass takes more there: its code is compared to the last
 * bit, and it is put in order.  In visits of slots.  measured: 0.3 microseconds
 */
#define OMEN_FULL_SCAN_CODE_COST 1.5

/* Looking a node's TID up in a set there.  In cpu_operator_cost.  guess */
#define OMEN_SET_TEST_COST 6

/* Taking a TID from a bitmap into a set.  In cpu_operator_cost.  guess */
#define OMEN_SET_TID_COST 3

/*
 * Fetching a row from a cached page in the order of the table, 32 together.  In
 * cpu_tuple_cost.  measured: 0.8 to 1.1 microseconds, its distance included
 */
#define OMEN_ROW_COST 16

/*
 * Looking a row up in the order of distance, which lies anywhere, and whose
 * node is looked at again; but it was fetched ahead, and no vector is.  In rows
 * fetched in the order of the table.  measured: 1.2 microseconds
 */
#define OMEN_LOOKUP_COST 1.5

/*
 * Rows whose distance is computed for one that is returned: of a filtered scan,
 * which holds rows back until as many as are wanted are sure, and of a plain
 * one, which need not look beyond the last row.  Rows in a row.  guess
 */
#define OMEN_FILTERED_ROWS_PER_RESULT 1.3
#define OMEN_PLAIN_ROWS_PER_RESULT 1.2

/* Computing a distance.  Dimensions in a cpu_operator_cost.  guess */
#define OMEN_VECTOR_DIMS_PER_OPERATOR 128.0

/*
 * Bits are counted faster than they come from memory.  measured: 7,200 bits in
 * 70 to 100 ns, 1,024 in no more than 10, beside 13 for an operator on integers
 */
#define OMEN_BIT_DIMS_PER_OPERATOR 1000.0

/*
 * The same of halves.  measured: they take 1.1 to 1.5 times as long as floats
 * with AVX2, and 1.6 to 1.9 times with AVX-512, of 768 dimensions in the first
 * level of cache (make -C test/unit bench)
 */
#define OMEN_HALFVEC_DIMS_PER_OPERATOR 80.0

/*
 * The same of sparse vectors.  Elements in a cpu_operator_cost.  measured: 3 to
 * 4 nanoseconds for each of either vector
 */
#define OMEN_SPARSEVEC_ELEMENTS_PER_OPERATOR 4.0

/* Elements of a sparse vector that are not zero.  Elements.  guess */
#define OMEN_SPARSEVEC_TYPICAL_ELEMENTS 128

/*
 * Fetching a value from a TOAST table: finding it, and each of its chunks.  In
 * units of the planner.  measured: 3.7 microseconds for one of two chunks,
 * through the TOAST table's index
 */
#define OMEN_TOAST_FETCH_COST 0.6
#define OMEN_TOAST_CHUNK_COST 0.3

/*
 * The same for a scan of ours, which remembers where values are.  measured:
 * 0.55 microseconds for one of two chunks
 */
#define OMEN_TOAST_SCAN_FETCH_COST 0.2
#define OMEN_TOAST_SCAN_CHUNK_COST 0.06

/*
 * Comparing two rows while they are sorted.  In cpu_operator_cost.  As in
 * PostgreSQL's cost_sort()
 */
#define OMEN_SORT_COMPARISON_COST 2

/*
 * PostgreSQL's cost of reading a table, most of which is cached as a rule, is
 * of units that take this part of the time of ours.  measured: without it a
 * sweep that the planner was wrong about took 2.4 times as long as exact
 * (60,000 images, a filter that 0.1 % pass)
 */
#define OMEN_TABLE_UNIT 0.6

/*
 * Of a path that nothing is to prefer, not even what the user has disabled.
 * Units of the planner.  Not infinite, since costs are subtracted and divided,
 * and NaN compares as less.
 */
#define OMEN_UNWANTED_COST 1.0e20

/* ---------- what the planner assumes ---------- */

/*
 * How many rows are wanted at most if the planner says only which part of all.
 * Rows.  guess
 */
#define OMEN_MAX_WANTED_UNKNOWN 100

/*
 * Pages read to find a group.  Pages.  As hnsw/README has it of up to a hundred
 * thousand groups
 */
#define OMEN_GROUP_LOOKUP_PAGES 3

/*
 * Groups whose sizes are looked up while a query is planned; what more are
 * asked for counts as these do.  Groups.  guess
 */
#define OMEN_MAX_GROUPS_PRICED 50

/*
 * A search may turn out to be in vain and all rows be looked at after it, so it
 * is priced at no more than this many times exact.  guess
 */
#define OMEN_MAX_COST_OF_EXACT 2

/*
 * Without a filter all rows are looked at if this part of them is wanted.
 * Parts of 1.  guess
 */
#define OMEN_EXACT_PART 0.25

/*
 * What a scan costs is paid before its first row but for 1 / this part, which
 * the rows that are wanted share evenly.  guess
 */
#define OMEN_RUN_COST_PART 2

/*
 * Comparisons in an OR of filter keys, which are tested at each node.  (What
 * compares one column with "=" is one.)  guess
 */
#define OMEN_MAX_OR_COMPARISONS 64

/* ---------- candidate lists ---------- */

/*
 * A list of all nodes, whether they pass or not, becomes at most this many
 * times ef_search for the sake of recall alone.  measured: recall@10 of 40
 * queries on 500,000 x 128 is 0.973 without a filter; where 0.1 of the rows
 * pass, and where 0.2 do and half of these are far, 0.943 with 2.0, 0.950 with
 * 2.3, 0.960 and 0.953 with 2.6; where more pass 0.968 and above
 */
#define OMEN_MAX_STRETCH 2.3

/*
 * A post-filtering list counts as long enough if by what was seen it should be
 * at most this many times as long.  guess
 */
#define OMEN_LIST_SLACK 1.25

/*
 * How far a post-filtering list grows towards where enough rows are expected to
 * pass: this part of the way, but to at least and at most these multiples of
 * its size.  Steps cost less than going too far, and going by half of the
 * expected is too far half of the time.  guess
 */
#define OMEN_LIST_STEP 0.6
#define OMEN_LIST_MIN_GROWTH 1.15
#define OMEN_LIST_MAX_GROWTH 3.0

/*
 * Without a filter a list that has grown gives one row of so many that it
 * holds.  guess
 */
#define OMEN_LIST_OF_TAKEN 1.3

/*
 * The same where distances are those of sketches, of any list: one of fewer
 * rows lacks some that are nearer than what it gives.  And the longest such
 * list, in ef_search; for more all rows are looked at: so far out most are as
 * near as each other, and sketches say little of their order.  guesses
 */
#define OMEN_SKETCH_LIST_OF_TAKEN 4.0
#define OMEN_SKETCH_MAX_LIST 64

/* Any other list grows to this many times its size.  guess */
#define OMEN_LIST_GROWTH 2

/*
 * If enough rows have passed, and the list is shorter than the number of nodes
 * tested by less than 1 / NEARLY of its size, it becomes that number and
 * 1 / MARGIN of its size longer, in place of twice as long.  guess
 */
#define OMEN_LIST_NEARLY 2
#define OMEN_LIST_MARGIN 8

/*
 * The list of a walk has room for at least this many times the rows that are
 * wanted, and for 1 / PART of ef_search: one as short as what is wanted finds
 * only a part of it.  guess
 */
#define OMEN_WALK_LIST_OF_WANTED 1.5
#define OMEN_WALK_LIST_PART 3.0

/*
 * A walk that took less than 1 / SHORT of the usual visits has found rows that
 * lie nearer than others do, and is not relied on with a list shorter than
 * ef_search.  guess
 */
#define OMEN_WALK_SHORT 5

/*
 * One that took LONG times the usual visits has found rows that lie farther
 * than others do, and is not relied on before its list is LONG_LIST times as
 * long as the one that it began with.  guess
 */
#define OMEN_WALK_LONG 2
#define OMEN_WALK_LONG_LIST 2

/* No search begins with a longer list.  Entries.  guess */
#define OMEN_MAX_FIRST_LIST 10000

/*
 * A glance begins with a list of this many times what is wanted, or of
 * ef_search if that is between the two.  guess
 */
#define OMEN_GLANCE_STRETCH 1.5

/*
 * A plain scan looks ahead for as many rows as its candidate list holds if it
 * has looked up so many nodes and less than this part of them had a row that is
 * visible.  Nodes, and parts of 1.  guess
 */
#define OMEN_BLOAT_MIN_TESTED 8
#define OMEN_BLOAT_SHARE 0.5

/* ---------- how much a search may do ---------- */

/* Visits that every search may make.  guess */
#define OMEN_MIN_WORK 100

/*
 * What goes on may take this many times what it is expected to take by then.
 * guess
 */
#define OMEN_SLACK 1.5

/*
 * A glance may take this part of what is planned: before a set of TIDs is made
 * or used, or before an exact pass.  So may a walk, of exact, where exact seems
 * cheaper.  guess
 */
#define OMEN_GLANCE_SHARE 0.2

/*
 * A glance goes on as a sweep if that is expected to take no more than this
 * part of what anything else takes, and not because one row of a few passes by
 * chance: where 1 % pass, one of the 15 that are nearest does in one look of
 * seven.  guess
 */
#define OMEN_GLANCE_GOES_ON_SHARE 0.5

/*
 * What a sweep may do whatever it sees: this many times what is expected of it,
 * or this part of exact if that is less.  measured: with 0.5 of exact a sweep
 * in vain took as long as reading the table in order, where 0.1 % of 60,000
 * rows pass and 0.5 % were expected to
 */
#define OMEN_SWEEP_FIRST_OF_EXPECTED 1.2
#define OMEN_SWEEP_FIRST_SHARE 0.3

/*
 * A sweep goes on only as long as it takes no more in all than this many times
 * what anything else takes.  guess
 */
#define OMEN_SWEEP_MAX_OF_OTHER 1.2

/*
 * What a walk may do before it is seen how it is going, as a part of exact: the
 * first one; one within a radius, where nothing is seen; one by a set after
 * another search, and that if it is short as a rule, which it is if it is
 * expected to take less than the LIMIT.  guess
 */
#define OMEN_WALK_FIRST_SHARE 0.25
#define OMEN_WALK_RADIUS_SHARE 0.5
#define OMEN_WALK_SECOND_SHARE 0.15
#define OMEN_WALK_SHORT_SHARE 0.3
#define OMEN_WALK_SHORT_LIMIT 0.05

/*
 * But no more than this many times what it would cost if rows passed at random:
 * what takes longer leads away from the query, to where it finds only a part of
 * the nearest.  Or, if that is more, this part of exact.  guess
 */
#define OMEN_WALK_FIRST_OF_USUAL 20
#define OMEN_WALK_MIN_FIRST_SHARE 0.06

/*
 * A walk where exact seems cheaper may take this many times what a search
 * without a filter does.  guess
 */
#define OMEN_DOUBTFUL_WALK_OF_NEAREST 1.5

/*
 * What a walk that goes well may do in all, as a part of exact; and that before
 * or after another search.  measured: walks where they are expected to take
 * less than exact take 1.5 milliseconds where exact takes 1.7 (60,000 images,
 * 1 % pass by keys), or 2.8 and 4.0 if half of these are far; the lesser one is
 * a guess
 */
#define OMEN_WALK_TOTAL_SHARE 1.0
#define OMEN_WALK_TOTAL_SHARE_OF_TWO 0.6

/*
 * This many times that if its list is full, and it is to end soon.  measured:
 * 2.73 milliseconds in place of 3.37 (60,000 images, 1 % pass by keys, half of
 * these far)
 */
#define OMEN_WALK_TOTAL_IF_FULL 1.3

/* When the list of a walk is full it still looks around.  guess */
#define OMEN_WALK_SLACK 1.3

/* ---------- which way ---------- */

/*
 * Exact is taken if it costs no more than this many times a search without a
 * filter.  guess
 */
#define OMEN_EXACT_OF_NEAREST 2

/*
 * Keys that let no more than this many times the rows of a set pass tell as
 * much as the set.  guess
 */
#define OMEN_KEYS_TELL_ALL 1.2

/*
 * A bitmap that knows of the groups that are searched is made use of if it has
 * no more than this part of their rows.  Parts of 1.  guess
 */
#define OMEN_BITMAP_TELLS_MORE 0.5

/* ---------- rows fetched ahead ---------- */

/*
 * Rows of an exact pass that are fetched together.  measured: 3.9 milliseconds
 * in place of 6.8 one by one, for 5,000 rows all over a table of 500,000 x 128
 */
#define OMEN_ROWS_TOGETHER 32

/*
 * Pending rows that a sweep fetches ahead: as many as stay in the processor's
 * caches until their turn comes.  Rows.  guess (measured is what fetching ahead
 * does: 0.8 milliseconds in place of 1.1 where 3 % of 60,000 images pass)
 */
#define OMEN_MAX_ROWS_AHEAD 2000

/*
 * Pending nodes whose vectors are fetched ahead.  More would be fetched in vain
 * when no further row is asked for.  Nodes.  guess
 */
#define OMEN_VECTORS_AHEAD 3

/*
 * What is prefetched of a row that a filter is about to test: its header, and
 * the columns that the filter is likely to be on.  Bytes.  guess
 */
#define OMEN_ROW_HEAD_BYTES 128

/* ---------- prefetching slots ---------- */

/*
 * What is prefetched of a slot; the hardware goes on from there.  Bytes.
 * measured: 256 of 784 take 1.4 times as long.  That there is more to long ones
 * than this is a guess
 */
#define OMEN_SLOT_PREFETCH_BYTES 1024

/*
 * What is prefetched beyond the slot that is looked at: a third of a
 * first-level cache; and what is prefetched beside each slot, to tell where it
 * is.  Bytes.  measured: a third of this takes 1.03 to 1.1 times as long, as
 * slots come too late; three times this up to 1.03, as they are gone again
 */
#define OMEN_BYTES_AHEAD 12288
#define OMEN_BYTES_BESIDE 128

/*
 * Of many prefetches at once some come to nothing, so the first slots of a hop
 * are asked for twice if this much of each is prefetched.  Bytes.  measured:
 * 0.95 to 0.98 of the time with 672 to 816, 1.01 to 1.03 with 544 or fewer
 */
#define OMEN_ASK_TWICE_BYTES 608

/* Rows that an exact pass keeps however little memory is allowed.  guess */
#define OMEN_MIN_EXACT_ROWS 64

#endif							/* OMEN_TUNING_H */
