-- Filtered scans: as many rows as there are, in the right order, whatever the
-- strategy, the filter, and the shape of the query.
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir '/sql/include/knn.sql'
CREATE SCHEMA hnsw_filter;
SET search_path = hnsw_filter, public;
\set ECHO none
\i :include
\set ECHO all

-- Kinds are independent of the vectors; ranks follow the distance from the
-- query; some rows have no vector, and one has no attributes.
CREATE TABLE item (id int PRIMARY KEY, kind int, label text, tags int[], doc jsonb, flag bool, rank int, v vector(24));
CREATE FUNCTION query() RETURNS vector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT array_fill(50, ARRAY[24])::vector $$;
INSERT INTO item (id, kind, label, tags, doc, flag, v)
SELECT i, i % 50, 'label ' || i % 7, ARRAY[i % 3, i % 5], jsonb_build_object('n', i % 11), i % 4 = 0,
	CASE WHEN i % 200 <> 0 THEN (SELECT array_agg(hashint4(i * 101 + d) % 100) FROM generate_series(1, 24) d)::vector END
FROM generate_series(1, 6000) i;
UPDATE item SET rank = r FROM (SELECT id, rank() OVER (ORDER BY v <-> query()) AS r FROM item) s WHERE s.id = item.id;
INSERT INTO item (id, v) VALUES (6001, query());
CREATE INDEX item_v ON item USING omen_hnsw (v);
CREATE INDEX item_kind ON item (kind);
CREATE INDEX item_rank ON item (rank);
CREATE INDEX item_tags ON item USING gin (tags);
CREATE INDEX item_doc ON item USING gin (doc);
CREATE INDEX item_brin ON item USING brin (id) WITH (pages_per_range = 1);
VACUUM ANALYZE item;

-- The node, with a bitmap of what passes where an index has it.
CREATE FUNCTION plan_costs(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS off) ' || query;
END $$;
EXPLAIN (COSTS off) SELECT id FROM item WHERE kind = 3 ORDER BY v <-> query() LIMIT 5;
EXPLAIN (COSTS off) SELECT id FROM item WHERE kind = 3 AND label = 'label 2' ORDER BY v <-> query() LIMIT 5;
EXPLAIN (COSTS off) SELECT id FROM item WHERE label = 'label 2' ORDER BY v <-> query() LIMIT 5;
EXPLAIN (COSTS off) SELECT id FROM item WHERE kind = 3 OR rank < 20 ORDER BY v <-> query() LIMIT 5;
SELECT line FROM plan_costs($$SELECT id FROM item WHERE tags && '{4}' AND doc @> '{"n": 3}' ORDER BY v <-> query() LIMIT 5$$) line
	WHERE line ~ 'Omen|Bitmap' ORDER BY line COLLATE "C";
EXPLAIN (COSTS off) SELECT id FROM item WHERE flag ORDER BY v <-> query(), id LIMIT 5;

-- Compare what a query returns with what a sequential scan and a sort return:
-- distances, and so how many rows.  With all strategies, and with little
-- memory.
CREATE FUNCTION answers(query text, strategy text) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
	found float8[];
BEGIN
	PERFORM set_config('enable_seqscan', CASE strategy WHEN 'none' THEN 'on' ELSE 'off' END, true),
		set_config('enable_indexscan', CASE strategy WHEN 'none' THEN 'off' ELSE 'on' END, true),
		set_config('enable_sort', CASE strategy WHEN 'none' THEN 'on' ELSE 'off' END, true),
		set_config('omendb.enable_scan', (strategy <> 'none')::text, true);
	IF strategy <> 'none' THEN
		PERFORM set_config('omendb.filter_strategy', strategy, true);
		IF NOT EXISTS (SELECT FROM plan_costs(query) l WHERE l ~ 'Omen Scan') THEN
			RAISE 'another plan';
		END IF;
	END IF;
	EXECUTE format('SELECT array_agg(d) FROM (%s) s (d)', query) INTO found;
	RETURN coalesce(found, '{}');
END $$;
CREATE FUNCTION compare(filter text, k int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT v <-> query() FROM item WHERE %s ORDER BY v <-> query() LIMIT %s', filter, k);
	wanted float8[] := answers(query, 'none');
	strategy text;
	found float8[];
	said text[];
BEGIN
	FOREACH strategy IN ARRAY ARRAY['auto', 'exact', 'graph', 'sweep'] LOOP
		found := answers(query, strategy);
		-- all of them, in order, and the right ones, but that a search may miss some
		IF cardinality(found) <> cardinality(wanted) THEN
			said := said || format('%s: %s rows', strategy, cardinality(found));
		ELSIF found IS DISTINCT FROM ARRAY(SELECT d FROM unnest(found) d ORDER BY d) THEN
			said := said || format('%s: order', strategy);
		ELSIF strategy = 'exact' AND found IS DISTINCT FROM wanted
			OR (SELECT count(*) FROM unnest(found, wanted) p (f, w) WHERE f IS DISTINCT FROM w AND f > wanted[cardinality(wanted)]) > cardinality(wanted) * 0.1 THEN
			said := said || format('%s: other rows', strategy);
		END IF;
	END LOOP;
	RETURN cardinality(wanted) || ' rows' || coalesce(', ' || array_to_string(said, ', '), '');
END $$;
CREATE TABLE filter (n serial, filter text);
INSERT INTO filter (filter) VALUES
	('kind = 3'), ('kind < 5'), ('kind < 25'), ('kind <> 3'), ('kind = 51'), ('kind IS NULL'), ('kind IN (1, 2, 49)'),
	('rank < 4'), ('rank < 300'), ('rank > 5500'), ('rank BETWEEN 3000 AND 3060'),
	('label = ''label 2'''), ('label ~ ''[12]'''), ('flag'), ('NOT flag'), ('flag IS NULL'),
	('tags && ''{4}'''), ('tags @> ''{1,1}'''), ('doc @> ''{"n": 3}'''),
	('kind = 3 AND label = ''label 2'''), ('kind = 3 AND rank > 5000'), ('kind = 3 OR rank = 7'), ('kind = 3 OR label = ''label 1'''),
	('id BETWEEN 100 AND 900'), ('id = 77'), ('(id * 7) % 13 = 2'), ('v IS NULL'), ('v IS NOT NULL AND kind = 9'), ('false AND kind = 3');
INSERT INTO filter (filter) SELECT format(f, d) FROM (SELECT v <-> query() AS d FROM item WHERE rank = 60) s,
	unnest('{v <-> query() < %s,v <-> query() <= %s AND kind < 25}'::text[]) f;
SELECT f.filter, compare(f.filter, 10) AS "10", compare(f.filter, 1) AS "1", compare(f.filter, 100) AS "100"
FROM filter f WHERE f.filter !~ '^false' ORDER BY n;
SET omendb.scan_mem = 64;
SELECT f.filter, compare(f.filter, 300) AS "300" FROM filter f WHERE f.filter !~ '^false' ORDER BY n;
SET work_mem = 64;
SELECT f.filter, compare(f.filter, 10) AS "10" FROM filter f WHERE f.filter !~ '^false' ORDER BY n;
RESET work_mem;
RESET omendb.scan_mem;
SELECT id FROM item WHERE false AND kind = 3 ORDER BY v <-> query() LIMIT 5;
-- What does not depend on the row is tested once.
SELECT count(*) FROM (SELECT id FROM item WHERE kind = 3 AND now() > '2000-01-01' ORDER BY v <-> query() LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM item WHERE kind = 3 AND (SELECT max(id) < 0 FROM filter f JOIN item i ON i.id = f.n) ORDER BY v <-> query() LIMIT 5) s;

-- Other forms: OFFSET, ties broken by another column, parameters.
SET enable_seqscan = off;
SET enable_sort = off;
SELECT array_agg(id) = (SELECT array_agg(id) FROM (SELECT id FROM item WHERE rank BETWEEN 101 AND 110 ORDER BY rank) s) AS same
FROM (SELECT id FROM item WHERE rank > 95 ORDER BY v <-> query() LIMIT 10 OFFSET 5) s;
SELECT count(*), bool_and(d >= before) FROM (SELECT d, lag(d, 1, 0) OVER () AS before FROM
	(SELECT id, v <-> query() AS d FROM item WHERE kind < 10 ORDER BY v <-> query(), id LIMIT 50) s) s;
SELECT count(*) FROM (SELECT id FROM item WHERE kind = 3 ORDER BY v <-> query() FETCH FIRST 200 ROWS WITH TIES) s;
SELECT count(*) FROM (SELECT id FROM item WHERE kind IS NULL OR kind = 3 ORDER BY l2_distance(v, v) * 0 FETCH FIRST 1 ROW WITH TIES) s;
PREPARE by_kind(int, bigint, bigint) AS SELECT id FROM item WHERE kind = $1 ORDER BY v <-> query() LIMIT $2 OFFSET $3;
SET plan_cache_mode = force_generic_plan;
SELECT * FROM plan('EXECUTE by_kind(3, 5, 0)');
EXECUTE by_kind(51, 5, 0);
CREATE FUNCTION rows_of(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint := 0;
	r record;
BEGIN
	FOR r IN EXECUTE query LOOP
		n := n + 1;
	END LOOP;
	RETURN n;
END $$;
SELECT rows_of('EXECUTE by_kind(3, 5, 0)'), rows_of('EXECUTE by_kind(3, 1000, 0)'), rows_of('EXECUTE by_kind(3, 1000, 100)'),
	rows_of('EXECUTE by_kind(3, NULL, 10)'), rows_of('EXECUTE by_kind(3, 0, NULL)'), rows_of('EXECUTE by_kind(NULL, 3, 0)');
EXECUTE by_kind(3, -1, 0);
EXECUTE by_kind(3, 1, -1);
RESET plan_cache_mode;
-- The number of rows comes from a query of its own.
SELECT count(*) FROM (SELECT id FROM item WHERE kind = 3 ORDER BY v <-> query() LIMIT (SELECT 7)) s;
-- No query vector, or one of another size.
SELECT count(*), count(v) FROM (SELECT v FROM item WHERE kind = 3 ORDER BY v <-> NULL LIMIT 7) s;
SELECT id FROM item WHERE kind = 3 ORDER BY v <-> '[1,2]' LIMIT 7;
SELECT id FROM item WHERE kind < 30 ORDER BY v <-> '[1,2]' LIMIT 7;

-- Within a sphere around the query: no further than that.  Around something
-- else, or by another distance, it is a filter as any.
SELECT v <-> query() AS radius FROM item WHERE rank = 40 \gset
SELECT count(*) FROM (SELECT id FROM item WHERE v <<->> sphere(query(), :radius) ORDER BY v <-> query() LIMIT 1000) s;
SELECT visits < 2000 AS few_visits, reranked < 100 AS few_rows FROM omen_hnsw_last_scan();
SELECT count(*) FROM (SELECT id FROM item WHERE v <<->> sphere(query(), :radius) AND kind < 25 ORDER BY v <-> query() LIMIT 1000) s;
SELECT count(*) FROM (SELECT id FROM item WHERE v <<->> sphere(query(), :radius) ORDER BY v <-> query() LIMIT 10) s;
SELECT count(*) = (SELECT count(*) FROM item WHERE v <-> query() * query() < 900) AS same
	FROM (SELECT id FROM item WHERE v <<->> sphere(query() * query(), 900) ORDER BY v <-> query() LIMIT 10000) s;
SELECT count(*) FROM (SELECT id FROM item WHERE v <<=>> sphere(query(), 0) ORDER BY v <-> query() LIMIT 1000) s;
SELECT count(*) FROM (SELECT id FROM item WHERE v <<->> sphere(query(), NULL) ORDER BY v <-> query() LIMIT 1000) s;
SELECT count(*) FROM (SELECT id FROM item WHERE v <<->> sphere(NULL, 5) ORDER BY v <-> query() LIMIT 1000) s;
SELECT count(*) FROM (SELECT id FROM item WHERE v <<->> sphere(query(), 'NaN') AND kind = 3 ORDER BY v <-> query() LIMIT 1000) s;
SELECT count(*) FROM (SELECT id FROM item WHERE v <<->> sphere(query() * query(), 20000) AND v <<->> sphere(query(), :radius) AND v <<->> sphere(query(), 1000)
	ORDER BY v <-> query() LIMIT 1000) s;
SELECT visits < 2000 AS few_visits FROM omen_hnsw_last_scan();
-- With little memory, as far as a cursor asks.
SET omendb.scan_mem = 64;
CREATE FUNCTION rows_within(radius float8) RETURNS bigint LANGUAGE plpgsql SET cursor_tuple_fraction = 0.0001 AS $$
DECLARE
	it refcursor;
	r record;
	n bigint := 0;
BEGIN
	OPEN it FOR SELECT id FROM item WHERE v <<->> sphere(query(), radius) ORDER BY v <-> query();
	LOOP
		FETCH it INTO r;
		EXIT WHEN NOT FOUND;
		n := n + 1;
	END LOOP;
	RETURN n;
END $$;
SET omendb.ef_search = 40;
SELECT rows_within(1.2 * :radius) >= 0.98 * count(*) AS nearly_all FROM item WHERE v <-> query() < 1.2 * :radius;
RESET omendb.ef_search;
RESET omendb.scan_mem;
PREPARE within(vector, float8) AS SELECT id FROM item WHERE v <<->> sphere($1, $2) ORDER BY v <-> $1 LIMIT 100;
SET plan_cache_mode = force_generic_plan;
SELECT * FROM plan('EXECUTE within(query(), 100)');
-- The sphere stays a call, which other servers know as well.
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE within(query(), 100);
RESET plan_cache_mode;
SET enable_seqscan = on;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM item WHERE v <<->> sphere('[1,2]', 3);
SET enable_seqscan = off;
SELECT '[1,2]'::vector <<->> sphere('[1,5]', 3) AS at, '[1,2]'::vector <<->> sphere('[1,5]', 3.1) AS l2, '[1,2]'::vector <<#>> sphere('[1,5]', -10) AS ip,
	'[1,2]'::vector <<=>> sphere('[2,4]', 0.01) AS cosine, '[0,0]'::vector <<=>> sphere('[2,4]', 2) AS zero, '[1,2]'::vector <<+>> sphere('[3,5]', 5.5) AS l1;
SELECT '[1,2]'::vector <<->> sphere('[1,5,6]', 3);

-- More rows pass than the planner thinks: no more is looked at than that takes.
SET omendb.filter_strategy = sweep;
SELECT count(*) FROM (SELECT id FROM item WHERE id % 4 = 3 ORDER BY v <-> query() LIMIT 10) s;
SELECT hops < 300 AS few_hops FROM omen_hnsw_last_scan();
RESET omendb.filter_strategy;

-- A short look first, where much is planned: if rows that pass are those that are
-- near, they are found as well as by any search, and no set is made.  If not, that set
-- is what is looked at, without another search.
CREATE FUNCTION strategies(filter text, OUT planned text, OUT used text, OUT bitmap text) LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT id FROM item WHERE %s ORDER BY v <-> query() LIMIT 5', filter) LOOP
		planned := coalesce(planned, substring(line FROM 'Strategy: (.*)'));
		used := coalesce(used, substring(line FROM 'Strategies Used: (.*)'));
		bitmap := coalesce(bitmap, substring(line FROM 'Bitmap Index Scan.*(never executed)'));
	END LOOP;
END $$;
SELECT * FROM strategies('rank < 455');
SELECT hops >= current_setting('omendb.ef_search')::int AS goes_as_far FROM omen_hnsw_last_scan();
SELECT * FROM strategies('rank BETWEEN 5000 AND 5454');

-- Where fewer rows are seen to pass than were expected the list becomes longer.
SELECT used FROM strategies('rank % 3 = 0 OR rank > 300');
SELECT hops > 1.5 * current_setting('omendb.ef_search')::int AS goes_farther FROM omen_hnsw_last_scan();

-- A walk goes on as long as its list fills up, and gives up soon where rows that pass lie
-- elsewhere; then no other walk follows that would know no more.
CREATE INDEX item_keys ON item USING omen_hnsw (v, rank, kind);
SELECT * FROM strategies('kind < 10');
SELECT * FROM strategies('rank BETWEEN 5000 AND 5900');
SELECT hops < 100 AS gave_up_soon FROM omen_hnsw_last_scan();
DROP INDEX item_keys;

-- Once for each row of another table.
CREATE TABLE question (id int, kind int, q vector(24));
INSERT INTO question SELECT i, i * 3, (SELECT array_agg(hashint4(i * 7 + d) % 100) FROM generate_series(1, 24) d)::vector FROM generate_series(1, 15) i;
SELECT * FROM plan($$SELECT q.id, n.id FROM question q, LATERAL (SELECT id FROM item WHERE item.kind = q.kind ORDER BY v <-> q.q LIMIT 3) n$$);
SELECT count(*), count(DISTINCT n.id) FROM question q, LATERAL (SELECT id, v <-> q.q AS d FROM item WHERE item.kind = q.kind ORDER BY v <-> q.q LIMIT 3) n;
SELECT count(*), count(DISTINCT n.id) FROM question q, LATERAL (SELECT id FROM item WHERE item.kind IN (q.kind, q.kind + 1) ORDER BY v <-> q.q LIMIT 3) n;
SELECT bool_and(n.d = e.d) AS same FROM question q,
	LATERAL (SELECT array_agg(d) AS d FROM (SELECT v <-> q.q AS d FROM item WHERE item.kind = q.kind ORDER BY v <-> q.q LIMIT 3) s) n,
	LATERAL (SELECT (array_agg(v <-> q.q ORDER BY v <-> q.q))[1:3] AS d FROM item WHERE item.kind = q.kind) e;

-- A cursor goes beyond what was expected of it, and does not go back.
BEGIN;
DECLARE nearest CURSOR FOR SELECT kind, v <-> query() AS d FROM item WHERE kind IN (3, 4) ORDER BY v <-> query();
FETCH FORWARD 2 FROM nearest \g /dev/null
MOVE FORWARD ALL IN nearest;
FETCH FORWARD 1 FROM nearest;
COMMIT;
-- Nor does it give a row twice when what is left is found in another way.
CREATE FUNCTION walk(strategy text, OUT given int, OUT different bigint) LANGUAGE plpgsql SET cursor_tuple_fraction = 0.0001 AS $$
DECLARE
	it refcursor;
	r record;
	ids int[] := '{}';
BEGIN
	PERFORM set_config('omendb.filter_strategy', strategy, true);
	OPEN it FOR SELECT id FROM item WHERE kind IN (3, 4) ORDER BY v <-> query();
	LOOP
		FETCH it INTO r;
		EXIT WHEN NOT FOUND;
		ids := ids || r.id;
	END LOOP;
	given := cardinality(ids);
	different := count(DISTINCT i) FROM unnest(ids) i;
END $$;
SELECT strategy, different = given AS each_once, given > 100 AS many
	FROM unnest(array['graph', 'sweep', 'exact']) strategy, walk(strategy);

-- Rows that are locked are looked at again.
BEGIN;
SELECT count(*) FROM (SELECT id FROM item WHERE kind = 3 ORDER BY v <-> query() LIMIT 4 FOR UPDATE) s;
COMMIT;

-- Rows that came, went or changed by HOT update since; and in a subtransaction.
BEGIN;
INSERT INTO item (id, kind, v) VALUES (7001, 3, query()), (7002, 3, NULL), (7003, 4, query());
UPDATE item SET label = 'changed' WHERE id = 7003;
UPDATE item SET kind = 3 WHERE id = 7003;
DELETE FROM item WHERE kind = 3 AND id % 3 = 0;
UPDATE item SET label = 'changed' WHERE kind = 3 AND id % 3 = 1;
SELECT compare('kind = 3', 200), compare('label = ''changed''', 50), compare('kind = 3 AND label = ''changed''', 5);
ROLLBACK;

-- A filter that must not see rows of others: row level security.
CREATE ROLE omen_reader;
GRANT USAGE ON SCHEMA hnsw_filter TO omen_reader;
GRANT SELECT ON item TO omen_reader;
ALTER TABLE item ENABLE ROW LEVEL SECURITY;
CREATE POLICY some_kinds ON item USING (kind < 10);
CREATE FUNCTION leak(kind int) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
	IF kind >= 10 OR kind IS NULL THEN
		RAISE NOTICE 'saw %', kind;
	END IF;
	RETURN true;
END $$;
SET ROLE omen_reader;
SELECT count(*), max(kind) FROM (SELECT kind FROM item WHERE leak(kind) ORDER BY v <-> query() LIMIT 20) s;
SET omendb.filter_strategy = sweep;
SELECT count(*), max(kind) FROM (SELECT kind FROM item WHERE leak(kind) AND kind > 3 ORDER BY v <-> query() LIMIT 20) s;
SET omendb.filter_strategy = graph;
SELECT count(*), max(kind) FROM (SELECT kind FROM item WHERE leak(kind) AND kind > 3 ORDER BY v <-> query() LIMIT 20) s;
RESET omendb.filter_strategy;
RESET ROLE;
ALTER TABLE item DISABLE ROW LEVEL SECURITY;
DROP POLICY some_kinds ON item;
REVOKE ALL ON item FROM omen_reader;
REVOKE ALL ON SCHEMA hnsw_filter FROM omen_reader;
DROP ROLE omen_reader;
-- A filter that fails on rows that are gone, or that others filter out.
BEGIN;
UPDATE item SET rank = 0 WHERE id = 1;
DELETE FROM item WHERE rank = 0;
SELECT count(*) FROM (SELECT id FROM item WHERE 1000 / rank >= 0 AND kind = 1 ORDER BY v <-> query() LIMIT 200) s;
ROLLBACK;

-- Not without a bound, nor where all rows count, nor in another order.
RESET enable_seqscan;
RESET enable_sort;
SELECT * FROM plan($$SELECT id FROM item WHERE kind = 3 ORDER BY v <-> query()$$);
SELECT * FROM plan($$SELECT id FROM item WHERE kind = 3 ORDER BY v <-> query() DESC LIMIT 3$$);
SELECT * FROM plan($$SELECT id FROM item WHERE kind = 3 LIMIT 3$$);
SELECT bool_or(node ~ 'item_v|Omen') AS by_us FROM plan($$SELECT id, count(*) OVER () FROM item WHERE kind = 3 ORDER BY v <-> query() LIMIT 3$$);
SELECT bool_or(node ~ 'item_v|Omen') AS by_us FROM plan($$SELECT count(*) FROM item WHERE kind = 3 GROUP BY v <-> query() ORDER BY v <-> query() LIMIT 3$$);
SELECT bool_or(node ~ 'item_v|Omen') AS by_us FROM plan($$SELECT 1 WHERE 7 NOT IN (SELECT id FROM item WHERE kind = 3 ORDER BY v <-> query())$$);
SET omendb.enable_scan = off;
SELECT * FROM plan($$SELECT id FROM item WHERE kind < 30 ORDER BY v <-> query() LIMIT 3$$);
RESET omendb.enable_scan;

-- Partial indexes and indexes on expressions; other distances.
CREATE INDEX item_partial ON item USING omen_hnsw (v vector_cosine_ops) WHERE kind < 20;
CREATE INDEX item_expression ON item USING omen_hnsw ((subvector(v, 1, 12)::vector(12)));
SET enable_seqscan = off;
SET enable_sort = off;
SELECT * FROM plan($$SELECT id FROM item WHERE kind < 20 AND flag ORDER BY v <=> query() LIMIT 3$$);
SELECT * FROM plan($$SELECT id FROM item WHERE kind < 21 AND flag ORDER BY v <=> query() LIMIT 3$$);
SELECT array_agg(d) = (SELECT (array_agg(v <=> query() ORDER BY v <=> query()))[1:10] FROM item WHERE kind < 20 AND flag) AS same
FROM (SELECT v <=> query() AS d FROM item WHERE kind < 20 AND flag ORDER BY v <=> query() LIMIT 10) s;
SELECT * FROM plan($$SELECT id FROM item WHERE kind = 4 ORDER BY subvector(v, 1, 12)::vector(12) <-> subvector(query(), 1, 12) LIMIT 3$$);
SELECT array_agg(d) = (SELECT (array_agg(subvector(v, 1, 12) <-> subvector(query(), 1, 12) ORDER BY subvector(v, 1, 12) <-> subvector(query(), 1, 12)))[1:10]
	FROM item WHERE kind = 4) AS same
FROM (SELECT subvector(v, 1, 12)::vector(12) <-> subvector(query(), 1, 12) AS d FROM item WHERE kind = 4
	ORDER BY subvector(v, 1, 12)::vector(12) <-> subvector(query(), 1, 12) LIMIT 10) s;

-- Partitions are merged.
CREATE TABLE part (id int, kind int, v vector(24)) PARTITION BY RANGE (id);
CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (3000);
CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (3000) TO (10000);
INSERT INTO part SELECT id, kind, v FROM item WHERE id <= 6000;
CREATE INDEX part_v ON part USING omen_hnsw (v);
CREATE INDEX part_kind ON part (kind);
VACUUM ANALYZE part;
SELECT * FROM plan($$SELECT id FROM part WHERE kind = 7 ORDER BY v <-> query() LIMIT 5$$);
SELECT array_agg(d) = (SELECT (array_agg(v <-> query() ORDER BY v <-> query()))[1:50] FROM part WHERE kind = 7) AS same
FROM (SELECT v <-> query() AS d FROM part WHERE kind = 7 ORDER BY v <-> query() LIMIT 50) s;

SET client_min_messages = warning;
DROP SCHEMA hnsw_filter CASCADE;
