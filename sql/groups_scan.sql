-- Indexes of groups: queries, and what becomes of groups.
SET client_min_messages = warning;
SET enable_seqscan = off;

CREATE FUNCTION make_vector(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg((hashint8extended(i * 100 + d, 0) % 1000)::float4 ORDER BY d)::vector(12) FROM generate_series(1, 12) d $$;

-- Tenant 0 is a graph, 1 to 9 have some hundred rows, others a few; each vector
-- is there in two tenants.
CREATE TABLE item (id int, tenant int, v vector(12), color int);
INSERT INTO item SELECT i, CASE WHEN i % 2 = 0 THEN 0 WHEN i % 5 = 0 THEN 10 + i % 300 ELSE i % 10 END,
	CASE WHEN i % 997 = 0 THEN NULL ELSE make_vector(i / 2) END, i % 7 FROM generate_series(1, 5000) i;
INSERT INTO item SELECT 10000 + i, NULL, make_vector(i), i % 7 FROM generate_series(1, 50) i;
CREATE INDEX item_index ON item USING omen_hnsw (tenant, v, color);
ANALYZE item;
SELECT * FROM omen_hnsw_check('item_index', true);

-- How many rows a query finds, how many of these are others', and how many of
-- those that it should find.
CREATE FUNCTION compare(tenants int[], wanted int) RETURNS TABLE (tenant int, rows bigint, foreign_rows bigint, nearest bigint)
LANGUAGE plpgsql AS $$
DECLARE
	got int[];
BEGIN
	SET LOCAL omendb.ef_search = 1000;
	FOREACH tenant IN ARRAY tenants LOOP
		SELECT array_agg(s.id) INTO got FROM (SELECT * FROM item i WHERE i.tenant = compare.tenant ORDER BY v <-> make_vector(77) LIMIT wanted) s;
		rows := cardinality(got);
		SELECT count(*) INTO foreign_rows FROM item i WHERE i.id = ANY (got) AND i.tenant IS DISTINCT FROM compare.tenant;
		SELECT count(*) INTO nearest FROM (SELECT id FROM (SELECT * FROM item OFFSET 0) i WHERE i.tenant = compare.tenant ORDER BY v <-> make_vector(77), id LIMIT wanted) s WHERE id = ANY (got);
		RETURN NEXT;
	END LOOP;
END $$;

SELECT * FROM compare('{0,1,2,3,9,15,25,299,305,12345}', 10);
SELECT * FROM compare('{0,1,2,3,9,15,25,299,305,12345}', 10000);

-- How the planner has it.
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE tenant = 3 ORDER BY v <-> make_vector(1) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE tenant IS NULL ORDER BY v <-> make_vector(1) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE tenant = 3 AND color = 2 ORDER BY v <-> make_vector(1) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE tenant = 3 ORDER BY tenant, v <-> make_vector(1) LIMIT 10;
SET enable_seqscan = on;
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <-> make_vector(1) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE tenant > 3 ORDER BY v <-> make_vector(1) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE tenant = 3;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE color = 3 ORDER BY v <-> make_vector(1) LIMIT 10;
SET enable_seqscan = off;

-- A look at one group: few slots are visited.
SELECT id FROM item WHERE tenant = 15 ORDER BY v <-> make_vector(1) LIMIT 3;
SELECT visits <= 8 AS few FROM omen_hnsw_last_scan();

-- Parameters, subqueries, LATERAL.
SET plan_cache_mode = force_generic_plan;
PREPARE nearest (int, int) AS SELECT id, tenant FROM item WHERE tenant = $1 ORDER BY v <-> make_vector($2), id LIMIT 3;
EXECUTE nearest (15, 1);
EXECUTE nearest (NULL, 1);
EXECUTE nearest (1, 1);
EXPLAIN (COSTS OFF) EXECUTE nearest (15, 1);
DEALLOCATE nearest;
RESET plan_cache_mode;
SELECT id, tenant FROM item WHERE tenant = (SELECT 15) ORDER BY v <-> make_vector(1) LIMIT 2;
SELECT t, count(*), count(*) FILTER (WHERE s.tenant <> t) FROM generate_series(0, 400, 45) t, LATERAL (SELECT tenant FROM item WHERE tenant = t ORDER BY v <-> make_vector(t) LIMIT 5) s GROUP BY 1 ORDER BY 1;
SELECT count(*), count(*) FILTER (WHERE s.tenant <> t) FROM generate_series(-10, 400) t, LATERAL (SELECT tenant FROM item WHERE tenant = t ORDER BY v <-> make_vector(t) LIMIT 5) s;
SELECT count(*) FROM (SELECT FROM item WHERE tenant = 0 AND tenant = 15 ORDER BY v <-> make_vector(1) LIMIT 10) s;
SELECT count(*), count(DISTINCT color) FROM (SELECT color FROM item WHERE tenant = 0 AND color = 3 ORDER BY v <-> make_vector(1) LIMIT 50) s;

-- Several groups at once, in order of distance.
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE tenant IN (3, 15, 1000) ORDER BY v <-> make_vector(1) LIMIT 10;
CREATE FUNCTION compare_some(VARIADIC tenants int[]) RETURNS TABLE (rows bigint, foreign_rows bigint, missing bigint, in_order bool)
LANGUAGE plpgsql AS $$
DECLARE
	got int[];
BEGIN
	SELECT array_agg(s.id), bool_and(s.d >= previous) IS NOT FALSE INTO got, in_order FROM
		(SELECT *, lag(d) OVER () AS previous FROM (SELECT *, v <-> make_vector(77) AS d FROM item i WHERE i.tenant = ANY (tenants) ORDER BY v <-> make_vector(77) LIMIT 100000) s) s;
	rows := coalesce(cardinality(got), 0);
	SELECT count(*) INTO foreign_rows FROM item i WHERE i.id = ANY (got) AND (i.tenant = ANY (tenants)) IS NOT TRUE;
	SELECT count(*) INTO missing FROM (SELECT * FROM item OFFSET 0) i WHERE i.tenant = ANY (tenants) AND i.id <> ALL (got);
	RETURN NEXT;
END $$;
SELECT * FROM compare_some(3, 15);
SELECT * FROM compare_some(0, 1, 2, 3, 3, 0, NULL, 12345);
SELECT * FROM compare_some(12345);
SELECT * FROM compare_some(NULL, NULL);
SELECT * FROM compare_some(VARIADIC '{}');
SELECT * FROM compare_some(VARIADIC (SELECT array_agg(i) FROM generate_series(1, 300) i));
SELECT * FROM compare_some(VARIADIC (SELECT array_agg(i) FROM generate_series(1, 1200) i));
SELECT count(*) FROM (SELECT v FROM item WHERE tenant IN (7, 8, 9) ORDER BY v <-> NULL LIMIT 10000) s;
SELECT count(*) FROM (SELECT v FROM item WHERE tenant = ANY (ARRAY(SELECT DISTINCT tenant FROM item WHERE tenant BETWEEN 7 AND 9)) ORDER BY v <-> make_vector(1) LIMIT 10000) s;
SELECT count(*) FROM (SELECT v FROM item WHERE tenant = ANY ('{7,8,9999999999}'::int8[]) ORDER BY v <-> make_vector(1) LIMIT 10000) s;

-- Rows without a place in a graph come last, and without a distance all come.
SELECT count(*), count(v) FROM (SELECT v FROM item WHERE tenant = 7 ORDER BY v <-> make_vector(1) LIMIT 1000) s;
SELECT count(*), count(v) FROM (SELECT v FROM item WHERE tenant = 7 ORDER BY v <-> NULL LIMIT 1000) s;
SELECT count(*) FROM (SELECT v FROM item WHERE tenant IS NULL ORDER BY v <-> make_vector(1) LIMIT 1000) s;
SELECT count(*) FROM (SELECT v FROM item WHERE tenant IS NULL AND tenant = 1 ORDER BY v <-> make_vector(1) LIMIT 1000) s;

-- Groups come, grow, and lose rows; rows go from one to another.
INSERT INTO item SELECT 20000 + i, CASE WHEN i % 3 = 0 THEN 3 ELSE 1000 + i % 200 END, make_vector(i), i % 7 FROM generate_series(1, 4000) i;
SELECT * FROM compare('{0,3,9,1000,1199}', 10);
SELECT * FROM omen_hnsw_check('item_index', true);
UPDATE item SET tenant = tenant + 1 WHERE id % 4 = 0;
SELECT * FROM compare('{0,1,3,4,9,1000,1199}', 10000);
DELETE FROM item WHERE tenant % 3 = 0;
VACUUM item;
SELECT * FROM omen_hnsw_check('item_index', true);
SELECT * FROM compare('{0,1,3,4,9,1000,1199}', 10000);
INSERT INTO item SELECT 30000 + i, i % 400, make_vector(i), i % 7 FROM generate_series(1, 4000) i;
SELECT * FROM omen_hnsw_check('item_index', true);
SELECT * FROM compare('{0,1,3,4,9,1000,1199}', 10000);
REINDEX INDEX CONCURRENTLY item_index;
SELECT * FROM omen_hnsw_check('item_index', true);
SELECT * FROM compare('{0,1,3,4,9,1000,1199}', 10000);

-- Groups without rows give their pages to others, whatever these are like.
CREATE TABLE come_and_go (tenant int, v vector(12));
CREATE INDEX come_and_go_index ON come_and_go USING omen_hnsw (tenant, v) WITH (m = 4, ef_construction = 16);
CREATE FUNCTION come(round int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO come_and_go SELECT round * 1000 + i % 100, CASE WHEN i % 10 = 0 THEN NULL ELSE make_vector(i) END FROM generate_series(1, 3000) i;
	INSERT INTO come_and_go SELECT round * 1000 + 500, make_vector(i) FROM generate_series(1, 1500) i;
	RETURN pg_relation_size('come_and_go_index') / 8192;
END $$;
CREATE TABLE pages AS SELECT 1 AS round, come(1) AS pages;
DELETE FROM come_and_go;
VACUUM come_and_go;
SELECT * FROM omen_hnsw_check('come_and_go_index', true);
SELECT nodes, rows FROM omen_hnsw_info('come_and_go_index');
INSERT INTO pages SELECT 2, come(2);
SELECT * FROM omen_hnsw_check('come_and_go_index', true);
DELETE FROM come_and_go;
VACUUM come_and_go;
INSERT INTO pages SELECT 3, come(3);
DELETE FROM come_and_go WHERE tenant <> 3500;
VACUUM come_and_go;
SELECT * FROM omen_hnsw_check('come_and_go_index', true);
SELECT count(*) FROM (SELECT FROM come_and_go WHERE tenant = 3500 ORDER BY v <-> make_vector(1) LIMIT 5000) s;
DELETE FROM come_and_go;
VACUUM come_and_go;
INSERT INTO pages SELECT 4, come(4);
SELECT max(pages) <= 1.1 * min(pages) AS no_more_pages FROM pages;
SELECT * FROM omen_hnsw_check('come_and_go_index', true);
DROP TABLE come_and_go, pages;
DROP FUNCTION come;

-- Of other kinds of tables, and metrics.
CREATE TEMP TABLE short (tenant int, v vector(12));
INSERT INTO short SELECT i % 3, make_vector(i) FROM generate_series(1, 100) i;
CREATE INDEX short_index ON short USING omen_hnsw (tenant, v vector_cosine_ops);
INSERT INTO short SELECT 1, make_vector(i) FROM generate_series(1, 1200) i;
INSERT INTO short VALUES (1, '[0,0,0,0,0,0,0,0,0,0,0,0]'), (2, '[0,0,0,0,0,0,0,0,0,0,0,0]');
SELECT count(*) FROM (SELECT FROM short WHERE tenant = 1 ORDER BY v <=> make_vector(1) LIMIT 5000) s;
SELECT count(*) FROM (SELECT FROM short WHERE tenant = 1 ORDER BY v <=> '[0,0,0,0,0,0,0,0,0,0,0,0]' LIMIT 5000) s;
SELECT count(*) FROM (SELECT FROM short WHERE tenant = 2 ORDER BY v <=> make_vector(1) LIMIT 5000) s;
SELECT * FROM omen_hnsw_check('short_index', true);
DELETE FROM short WHERE v = '[0,0,0,0,0,0,0,0,0,0,0,0]';
VACUUM short;
SELECT * FROM omen_hnsw_check('short_index', true);
CREATE UNLOGGED TABLE light (tenant int, sub text, v vector(12));
CREATE INDEX light_index ON light USING omen_hnsw (tenant, sub, v vector_ip_ops) WITH (storage = full);
INSERT INTO light SELECT i % 2, 'x' || i % 3, make_vector(i) FROM generate_series(1, 9000) i;
SELECT count(*) FROM (SELECT FROM light WHERE tenant = 1 AND sub = 'x2' ORDER BY v <#> make_vector(1) LIMIT 5000) s;
SELECT count(*) FROM (SELECT FROM light WHERE tenant = 1 AND sub = 'y' ORDER BY v <#> make_vector(1) LIMIT 5000) s;
SELECT * FROM omen_hnsw_check('light_index', true);
CREATE TABLE wide (tenant int, v vector(1600));
CREATE INDEX wide_index ON wide USING omen_hnsw (tenant, v) WITH (m = 4, ef_construction = 8, storage = full);
INSERT INTO wide SELECT i % 7, (SELECT array_agg((i * d) % 17)::vector(1600) FROM generate_series(1, 1600) d) FROM generate_series(1, 60) i;
SELECT count(*) FROM (SELECT FROM wide WHERE tenant = 3 ORDER BY v <-> (SELECT v FROM wide LIMIT 1) LIMIT 50) s;
DELETE FROM wide WHERE tenant = 3;
VACUUM wide;
INSERT INTO wide SELECT i % 7, (SELECT array_agg((i * d) % 17)::vector(1600) FROM generate_series(1, 1600) d) FROM generate_series(1, 60) i;
SELECT * FROM omen_hnsw_check('wide_index', true);
CREATE TABLE bits (tenant uuid, b bit(64));
INSERT INTO bits SELECT lpad((i % 5)::text, 32, '0')::uuid, i::bit(64) FROM generate_series(1, 500) i;
CREATE INDEX bits_index ON bits USING omen_hnsw (tenant, b bit_hamming_ops);
SELECT count(*) FROM (SELECT FROM bits WHERE tenant = lpad('3', 32, '0')::uuid ORDER BY b <~> 3::bit(64) LIMIT 5000) s;
SELECT * FROM omen_hnsw_check('bits_index', true);

-- Row-level security: a group of one's own.
CREATE ROLE omen_tenant;
ALTER TABLE item ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON item USING (tenant = current_setting('app.tenant')::int);
GRANT SELECT ON item TO omen_tenant;
SET app.tenant = '4';
SET ROLE omen_tenant;
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <-> make_vector(1) LIMIT 10;
SELECT count(*), count(*) FILTER (WHERE tenant <> 4) FROM (SELECT tenant FROM item ORDER BY v <-> make_vector(1) LIMIT 20) s;
RESET ROLE;
DROP TABLE item, short, light, wide, bits;
DROP ROLE omen_tenant;
DROP FUNCTION compare, compare_some, make_vector;
