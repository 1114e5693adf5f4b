-- Indexes of groups: queries for several groups at once, against exact answers.
SET client_min_messages = warning;

-- Some clusters.  Tenants 0 to 3 are graphs, 4 to 12 lists, others have a few rows.
CREATE TABLE item (id int, tenant int, v vector(8), color int, note text, filler text DEFAULT repeat('.', 300));
CREATE FUNCTION place(cluster int, spread float8) RETURNS vector LANGUAGE sql AS
	$$ SELECT array_agg((hashint4extended(cluster * 8 + d, 1) % 1000 / 100.0 + spread * (random() + random() - 1))::float4)::vector(8) FROM generate_series(1, 8) d $$;
SELECT setseed(0.25);
CREATE INDEX item_index ON item USING omen_hnsw (tenant, v, color) ;
INSERT INTO item (id, tenant, v, color, note) SELECT i, CASE WHEN i % 10 < 3 THEN 0 WHEN i % 10 < 5 THEN 1 WHEN i % 10 = 5 THEN 2 WHEN i % 10 = 6 THEN 3
		WHEN i % 10 = 7 THEN 4 + i / 10 % 9 WHEN i % 100 = 8 THEN NULL ELSE 13 + i / 10 % 100 END,
	CASE WHEN i % 501 = 0 THEN NULL ELSE place(i % 40, 4) END, i % 7, CASE WHEN i % 5 = 0 THEN 'fifth' END
	FROM generate_series(1, 11000) i;
-- all of one tenant in one place, and another of equal vectors
INSERT INTO item (id, tenant, v, color) SELECT 20000 + i, 3, place(7, 1), i % 7 FROM generate_series(1, 200) i;
INSERT INTO item (id, tenant, v, color) SELECT 30000 + i, 4, (SELECT v FROM item WHERE id = 1), i % 7 FROM generate_series(1, 30) i;
ANALYZE item;
SELECT * FROM omen_hnsw_check('item_index', true);

-- Random groups, filters and limits.  Rows have to be in order, of the groups,
-- as many as there are or are wanted, and nearly all of them of the nearest; all
-- where no group is a graph.
CREATE TABLE answer (query int, groups int[], filter text, wanted int, graphs bool, got float8[], expected float8[], bad bigint);
CREATE FUNCTION try(queries int, filters text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	text text;
	q vector;
	a answer;
	ids int[];
BEGIN
	FOR i IN 1 .. queries LOOP
		a.query := i;
		a.groups := CASE i % 10 WHEN 0 THEN ARRAY(SELECT (random() * 300)::int FROM generate_series(1, 300))
			WHEN 1 THEN ARRAY(SELECT 4 + (random() * 8)::int FROM generate_series(1, 6))
			WHEN 2 THEN ARRAY(SELECT (random() * 3)::int FROM generate_series(1, 4))
			WHEN 3 THEN ARRAY[(random() * 12)::int]
			ELSE ARRAY(SELECT CASE WHEN random() < 0.05 THEN NULL WHEN random() < 0.5 THEN (random() * 5)::int ELSE (random() * 130)::int END FROM generate_series(1, (i % 7) + 1)) END;
		a.filter := filters[1 + floor(random() * cardinality(filters))::int];
		a.wanted := (ARRAY[1, 3, 10, 10, 40, 150])[1 + floor(random() * 6)::int];
		a.graphs := a.groups && '{0,1,2,3}';
		q := place((random() * 39)::int, 6);
		text := format('SELECT coalesce(array_agg(d ORDER BY n), ''{}''), array_agg(id) FROM (SELECT *, row_number() OVER () AS n FROM (SELECT id, v <-> $1 AS d FROM %%s WHERE tenant = ANY ($2) AND %s ORDER BY v <-> $1 LIMIT $3) s) s', a.filter);
		SET LOCAL enable_seqscan = off;
		SET LOCAL enable_indexscan = on;
		SET LOCAL omendb.enable_scan = on;
		SET LOCAL omendb.ef_search = 100;
		EXECUTE format(text, 'item') INTO a.got, ids USING q, a.groups, a.wanted;
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_indexscan = off;
		SET LOCAL omendb.enable_scan = off;
		EXECUTE format(text, '(SELECT * FROM item OFFSET 0) item') INTO a.expected USING q, a.groups, a.wanted;
		EXECUTE format('SELECT count(*) FROM item WHERE id = ANY ($1) AND (tenant = ANY ($2) AND %s) IS NOT TRUE', a.filter) INTO a.bad USING ids, a.groups;
		INSERT INTO answer SELECT (a).*;
	END LOOP;
END $$;
-- Rows without a distance, which are NULL here, come last and count as found.
CREATE FUNCTION summary() RETURNS TABLE (queries bigint, foreign_rows numeric, disorder bigint, short bigint, inexact_lists bigint, recall bool)
LANGUAGE sql AS $$
	SELECT count(*), sum(bad), count(*) FILTER (WHERE got <> ARRAY(SELECT d FROM unnest(got) d ORDER BY d)),
		count(*) FILTER (WHERE cardinality(got) <> cardinality(expected)),
		count(*) FILTER (WHERE NOT graphs AND got <> expected),
		sum((SELECT count(*) FROM unnest(got) d WHERE d <= expected[cardinality(expected)] OR d IS NULL)) >= 0.98 * sum(cardinality(expected))
	FROM answer
$$;

SELECT try(150, '{true}');
SELECT * FROM summary();
TRUNCATE answer;
SELECT try(250, '{color = 3,"color IN (1, 2)","color < 5 AND mod(id, 2) = 0","mod(id, 3) = 0","note IS NOT NULL","color = 2 AND note = ''fifth''","id < 600",color = 99}');
SELECT * FROM summary();

-- A few groups are searched, and not looked at as a whole; of small ones all is.
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT FROM item WHERE tenant IN (0, 1, 2) ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 10) s;
SELECT distances BETWEEN 300 AND 2500 AS searched FROM omen_hnsw_last_scan();
SELECT count(*) FROM (SELECT FROM item WHERE tenant IN (5, 20, 21, 5, 12345) ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 10) s;
SELECT distances = (SELECT count(*) FROM item WHERE tenant IN (5, 20, 21) AND v IS NOT NULL) AS all FROM omen_hnsw_last_scan();

-- What is near may be of one group alone, whose list is used up first.
CREATE FUNCTION part_found(filter text, wanted int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	text text := format('SELECT array_agg(id) FROM (SELECT id FROM %%s WHERE tenant IN (0, 1, 3) AND %s ORDER BY v <-> (SELECT v FROM item WHERE id = 20001) LIMIT %s) s', filter, wanted);
	got int[];
	expected int[];
BEGIN
	SET LOCAL enable_seqscan = off;
	EXECUTE format(text, 'item') INTO got;
	EXECUTE format(text, '(SELECT * FROM item OFFSET 0) item') INTO expected;
	RETURN (SELECT count(*) FROM unnest(got) g WHERE g = ANY (expected)) / cardinality(expected)::float8;
END $$;
SELECT part_found('true', 180) >= 0.95, part_found('color < 5', 120) >= 0.95, part_found('mod(id, 2) = 0', 90) >= 0.95;

-- A plan that was made for any group fits a large and a small one.
SET plan_cache_mode = force_generic_plan;
PREPARE nearest (int) AS SELECT id FROM item WHERE tenant = $1 AND mod(id, 3) = 0 ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 10;
PREPARE many (int) AS SELECT id FROM item WHERE tenant = $1 ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 60;
CREATE FUNCTION run(name text, tenant int) RETURNS TABLE (rows int, distances bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('EXECUTE %s (%s)', name, tenant);
	GET DIAGNOSTICS rows = ROW_COUNT;
	SELECT s.distances INTO distances FROM omen_hnsw_last_scan() s;
	RETURN NEXT;
END $$;
SELECT rows, distances < 2000 AS searched FROM run('nearest', 0);
SELECT rows, distances < 2000 AS searched FROM run('nearest', 1);
SELECT rows, distances < 60 AS few FROM run('nearest', 20);
SELECT rows, distances FROM run('nearest', 12345);
SELECT rows, distances < 2000 AS searched FROM run('many', 0);
SELECT rows, distances < 60 AS few FROM run('many', 20);
DEALLOCATE nearest;
DEALLOCATE many;
RESET plan_cache_mode;

-- Whatever is looked at as a whole, it is the group's own pages.
CREATE FUNCTION pages(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, COSTS OFF, FORMAT JSON) ' || query INTO plan;
	RETURN (plan->0->'Plan'->>'Shared Hit Blocks')::int + (plan->0->'Plan'->>'Shared Read Blocks')::int;
END $$;
SELECT pg_relation_size('item') / 8192 > 500 AS large_table, pg_relation_size('item_index') / 8192 > 200 AS large_index;
CREATE TABLE kind (number int, query text);
INSERT INTO kind VALUES (1, 'ORDER BY v <-> ''[5,5,5,5,5,5,5,5]'' LIMIT 1000'), (2, 'ORDER BY v <-> (SELECT NULL::vector) LIMIT 1000'),
	(3, 'AND color = 3 ORDER BY v <-> ''[5,5,5,5,5,5,5,5]'' LIMIT 1000'), (4, 'AND color = 3 ORDER BY v <-> (SELECT NULL::vector) LIMIT 1000'),
	(5, 'AND mod(id, 3) = 0 ORDER BY v <-> ''[5,5,5,5,5,5,5,5]'' LIMIT 1000'), (6, 'AND mod(id, 3) = 0 ORDER BY v <-> (SELECT NULL::vector) LIMIT 3');
SELECT strategy, number, pages(format('SELECT id FROM item WHERE tenant = 20 %s', query)) < 200 AS few
FROM unnest('{auto,exact,graph,sweep}'::text[]) strategy, set_config('omendb.filter_strategy', strategy, false), kind ORDER BY 1, 2;
RESET omendb.filter_strategy;

-- More than was wanted: what was asked for beyond, and all that memory has no room
-- for, comes from the group's rows, too.
BEGIN;
DECLARE beyond CURSOR FOR SELECT id, v <-> '[5,5,5,5,5,5,5,5]' AS d FROM item WHERE tenant = 1 AND mod(id, 4) = 0 AND v IS NOT NULL ORDER BY v <-> '[5,5,5,5,5,5,5,5]';
CREATE FUNCTION fetch_all() RETURNS TABLE (rows bigint, others bigint, in_order bool) LANGUAGE plpgsql AS $$
DECLARE
	c refcursor := 'beyond';
	r record;
	last float8 := 0;
BEGIN
	rows := 0;
	in_order := true;
	others := 0;
	LOOP
		FETCH c INTO r;
		EXIT WHEN NOT FOUND;
		rows := rows + 1;
		in_order := in_order AND r.d >= last;
		last := r.d;
		others := others + (SELECT count(*) FROM item WHERE id = r.id AND (tenant <> 1 OR mod(id, 4) <> 0));
	END LOOP;
	RETURN NEXT;
END $$;
SELECT rows >= 0.95 * (SELECT count(*) FROM item WHERE tenant = 1 AND mod(id, 4) = 0 AND v IS NOT NULL) AS all, others, in_order FROM fetch_all();
ROLLBACK;
SET omendb.scan_mem = '64kB';
SELECT count(*) FROM (SELECT id FROM item WHERE tenant IN (0, 1) AND mod(id, 4) = 0 ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 5000) s;
SELECT count(*) FROM item WHERE tenant IN (0, 1) AND mod(id, 4) = 0;
RESET omendb.scan_mem;

-- An index whose groups are not those of its rows, as damage may make it, loses
-- rows, and shows none of other groups.
CREATE FUNCTION group_of(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN id % 3; END';
CREATE TABLE damaged (id int, v vector(8), color int);
INSERT INTO damaged SELECT i, place(i % 40, 4), i % 2 FROM generate_series(1, 300) i;
CREATE INDEX damaged_index ON damaged USING omen_hnsw (group_of(id), v, color);
CREATE OR REPLACE FUNCTION group_of(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (id + 1) % 3; END';
EXPLAIN (COSTS OFF) SELECT id FROM damaged WHERE group_of(id) = 1 ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM damaged WHERE group_of(id) = 1 AND color = 1 ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM damaged WHERE group_of(id) IN (1, 2) ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 40;
SELECT count(*) FROM (SELECT FROM damaged WHERE group_of(id) = 1 ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 10) s;
SELECT count(*) FROM (SELECT FROM damaged WHERE group_of(id) = 1 ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 200) s;
SELECT count(*) FROM (SELECT FROM damaged WHERE group_of(id) = 1 AND color = 1 ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 10) s;
SELECT count(*) FROM (SELECT FROM damaged WHERE group_of(id) = 1 AND mod(id, 2) = 1 ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 10) s;
SELECT count(*), count(*) FILTER (WHERE g NOT IN (1, 2)) FROM (SELECT group_of(id) AS g FROM damaged WHERE group_of(id) IN (1, 2) ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 40) s;
SELECT count(*), count(*) FILTER (WHERE g NOT IN (1, 2)) FROM (SELECT group_of(id) AS g FROM damaged WHERE group_of(id) IN (1, 2) ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 250) s;
SELECT count(*), count(*) FILTER (WHERE g NOT IN (1, 2)) FROM (SELECT group_of(id) AS g FROM damaged WHERE group_of(id) IN (1, 2) AND color = 1 ORDER BY v <-> '[5,5,5,5,5,5,5,5]' LIMIT 250) s;
SET enable_indexscan = off;
SET omendb.enable_scan = off;
SELECT group_of(id), count(*) FROM damaged GROUP BY 1 ORDER BY 1;

-- Rows without a direction come of each group, whichever of them is used up last.
SET enable_indexscan = on;
CREATE TABLE sides (id int, tenant int, v vector(8));
INSERT INTO sides SELECT i, CASE WHEN i <= 600 THEN 10 + i % 6 ELSE 2 END, CASE WHEN i % 50 < 6 THEN array_fill(0, ARRAY[8])::vector ELSE place(i % 40, 4) END FROM generate_series(1, 2900) i;
CREATE INDEX sides_index ON sides USING omen_hnsw (tenant, v vector_cosine_ops);
ANALYZE sides;
SET omendb.ef_search = 10;
SELECT tenant, count(*) FROM (SELECT * FROM sides WHERE tenant IN (2, 10, 11, 12, 13, 14, 15) ORDER BY v <=> '[1,2,3,4,5,6,7,8]' LIMIT 100000) s WHERE v = array_fill(0, ARRAY[8])::vector GROUP BY 1 ORDER BY 1;
SELECT tenant, count(*) FROM (SELECT * FROM sides WHERE tenant IN (10, 11, 2, 15) ORDER BY v <=> '[8,2,3,4,5,6,7,1]' LIMIT 100000) s WHERE v = array_fill(0, ARRAY[8])::vector GROUP BY 1 ORDER BY 1;
SET omendb.enable_scan = on;
SELECT tenant, count(*) FROM (SELECT * FROM sides WHERE tenant IN (2, 10, 11, 12, 13, 14, 15) ORDER BY v <=> '[1,2,3,4,5,6,7,8]' LIMIT 100000) s WHERE v = array_fill(0, ARRAY[8])::vector GROUP BY 1 ORDER BY 1;
RESET omendb.ef_search;

DROP TABLE item, answer, kind, damaged, sides;
DROP FUNCTION place, try, summary, part_found, run, pages, group_of;
