-- When the planner takes an omen_hnsw index: for an ORDER BY the distance with
-- a bound on the number of rows, and only then.
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir '/sql/include/knn.sql'
CREATE SCHEMA hnsw_planner;
SET search_path = hnsw_planner, public;
\set ECHO none
\i :include
\set ECHO all

CREATE TABLE item (id int PRIMARY KEY, kind int, v vector(32));
INSERT INTO item SELECT i, i % 10, (SELECT array_agg(hashint4(i * 101 + d) % 100) FROM generate_series(1, 32) d)::vector
FROM generate_series(1, 3000) i;
CREATE INDEX item_v ON item USING omen_hnsw (v);
ANALYZE item;
CREATE FUNCTION query() RETURNS vector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT array_fill(7, ARRAY[32])::vector $$;

-- Taken, without any nudge.
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <-> query() LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY query() <-> v LIMIT 5$$);
SELECT * FROM plan($$SELECT id, v <-> query() AS distance FROM item ORDER BY distance LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <-> query() LIMIT 5 OFFSET 10$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <-> query() FETCH FIRST 5 ROWS ONLY$$);
SELECT * FROM plan($$SELECT id FROM item WHERE kind <> 3 ORDER BY v <-> query() LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <-> (SELECT v FROM item WHERE id = 1) LIMIT 5$$);
SELECT * FROM plan($$SELECT avg(id) FROM (SELECT id FROM item ORDER BY v <-> query() LIMIT 5) s$$);
SELECT * FROM plan($$SELECT a.id, b.id FROM (SELECT * FROM item WHERE id < 4) a,
	LATERAL (SELECT id FROM item ORDER BY item.v <-> a.v LIMIT 5) b$$);
SELECT * FROM plan($$DECLARE nearest CURSOR FOR SELECT id FROM item ORDER BY v <-> query()$$);
PREPARE nearest(int) AS SELECT id FROM item ORDER BY v <-> query() LIMIT $1;
PREPARE nearest_to(vector, int) AS SELECT id FROM item ORDER BY v <-> $1 LIMIT $2;
SET plan_cache_mode = force_generic_plan;
SELECT * FROM plan($$EXECUTE nearest(5)$$);
SELECT * FROM plan($$EXECUTE nearest_to(query(), 5)$$);
SET plan_cache_mode = force_custom_plan;
SELECT * FROM plan($$EXECUTE nearest_to(array_fill(7, ARRAY[32])::vector, 5)$$);
RESET plan_cache_mode;

-- Not taken, even when a sequential scan is not wanted: that would give too
-- few rows, or the wrong ones.
SET enable_seqscan = off;
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <-> query()$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <-> query() LIMIT ALL$$);
SELECT * FROM plan($$SELECT v FROM item$$);
SELECT * FROM plan($$SELECT v FROM item LIMIT 5$$);
SELECT * FROM plan($$SELECT count(*) FROM item WHERE v IS NOT NULL$$);
SELECT * FROM plan($$SELECT v FROM item WHERE v <-> query() < 10 LIMIT 5$$);
SELECT * FROM plan($$SELECT v FROM item WHERE v = query() LIMIT 5$$);
SELECT * FROM plan($$SELECT v FROM item ORDER BY v LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <-> query() DESC LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <-> query() NULLS FIRST LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <#> query() LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <=> query() LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <+> query() LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY (v <-> query()) + 1 LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <-> v LIMIT 5$$);
SELECT * FROM plan($$SELECT sum(v <-> query()) FROM item$$);
SET cursor_tuple_fraction = 1;
SELECT * FROM plan($$DECLARE nearest CURSOR FOR SELECT id FROM item ORDER BY v <-> query()$$);
RESET cursor_tuple_fraction;
RESET enable_seqscan;

-- So the number of rows never depends on the index.
SELECT count(*) FROM (SELECT id FROM item ORDER BY v <-> query()) s;
SELECT count(*) FROM (SELECT id FROM item ORDER BY v <-> query() LIMIT 2900) s;
SELECT count(*) FROM (SELECT id FROM item WHERE kind = 3 ORDER BY v <-> query() LIMIT 250) s;

-- A cursor that may go to the end of a scan with a filter is not thought to take
-- longer, once the first row is there, than looking at all rows and sorting them:
-- the scan does that in the end.
CREATE FUNCTION cost(query text, part text DEFAULT 'Total Cost') RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN plan->0->'Plan'->part;
END $$;
CREATE FUNCTION exact_cost(query text) RETURNS float8 LANGUAGE sql SET enable_indexscan = off AS 'SELECT cost(query)';
SET cursor_tuple_fraction = 0.0005;
SELECT filter, by_scan, cost(query) < cost(query, 'Startup Cost') + 1.1 * exact_cost(query) AS bounded
FROM unnest(ARRAY['kind < 10', 'kind < 5', 'kind = 3', 'id % 2 = 0']) filter,
	format('DECLARE nearest CURSOR FOR SELECT id FROM item WHERE %s ORDER BY v <-> query()', filter) query,
	LATERAL (SELECT bool_or(node ~ 'Omen Scan') AS by_scan FROM plan(query)) p;
RESET cursor_tuple_fraction;

-- Few rows pass: going to them is cheaper than to go by distance.
CREATE INDEX item_kind ON item (kind);
SELECT * FROM plan($$SELECT id FROM item WHERE id = 17 ORDER BY v <-> query() LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item WHERE id BETWEEN 17 AND 25 ORDER BY v <-> query() LIMIT 5$$);
DROP INDEX item_kind;

-- A partial index must not be read for the sake of its condition.
DROP INDEX item_v;
CREATE INDEX item_three ON item USING omen_hnsw (v) WHERE kind = 3;
SELECT * FROM plan($$SELECT id FROM item WHERE kind = 3$$);
SELECT * FROM plan($$SELECT count(*) FROM item WHERE kind = 3 LIMIT 5$$);
SET enable_seqscan = off;
SELECT * FROM plan($$SELECT id FROM item WHERE kind = 3$$);
SELECT * FROM plan($$SELECT id FROM item WHERE kind = 3 LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item WHERE kind = 3 ORDER BY v <-> query() LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item WHERE kind = 4 ORDER BY v <-> query() LIMIT 5$$);
SELECT count(*) FROM item WHERE kind = 3;
RESET enable_seqscan;
DROP TABLE item CASCADE;

-- Partitions: each gives its rows in order, and they are merged.
CREATE TABLE item (id int, v vector(32)) PARTITION BY RANGE (id);
CREATE TABLE item_low PARTITION OF item FOR VALUES FROM (0) TO (1500);
CREATE TABLE item_high PARTITION OF item FOR VALUES FROM (1500) TO (5000);
INSERT INTO item SELECT i, (SELECT array_agg(hashint4(i * 101 + d) % 100) FROM generate_series(1, 32) d)::vector
FROM generate_series(1, 3000) i;
CREATE INDEX item_v ON item USING omen_hnsw (v);
ANALYZE item;
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <-> query() LIMIT 5$$);
SELECT * FROM plan($$SELECT id FROM item ORDER BY v <-> query()$$);

SET client_min_messages = warning;
DROP SCHEMA hnsw_planner CASCADE;
