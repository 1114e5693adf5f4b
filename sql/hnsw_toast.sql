-- Vectors that lie in the TOAST table, as an index scan fetches them: where
-- they were found before, and where they no longer are.
\set VERBOSITY terse
CREATE SCHEMA hnsw_toast;
SET search_path = hnsw_toast, public;

-- As many rows as a scan looks at all of: the answers are exact.
CREATE FUNCTION pattern(seed int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT (SELECT array_agg((hashint4extended(d, seed) % 1000)::real ORDER BY d) FROM generate_series(1, dims) d)::vector $$;
CREATE FUNCTION disagree(tab regclass, queries int, dims int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	found text[];
	sorted text[];
	wrong bigint := 0;
BEGIN
	FOR n IN 1 .. queries LOOP
		SET LOCAL enable_seqscan = off;
		SET LOCAL enable_sort = off;
		EXECUTE format('SELECT array_agg(id || '' '' || d) FROM (SELECT id, v <-> $1 AS d FROM %s ORDER BY v <-> $1 LIMIT 20) s', tab)
			INTO found USING pattern(-n, dims);
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_sort = on;
		SET LOCAL enable_indexscan = off;
		EXECUTE format('SELECT array_agg(id || '' '' || d) FROM (SELECT id, v <-> $1 AS d FROM %s ORDER BY v <-> $1, id LIMIT 20) s', tab)
			INTO sorted USING pattern(-n, dims);
		SET LOCAL enable_indexscan = on;
		wrong := wrong + (found IS DISTINCT FROM sorted)::int;
	END LOOP;
	RETURN wrong;
END
$$;

-- Two chunks each, some on one page and some on two; five on several.
CREATE TABLE two (id int, v vector(784));
INSERT INTO two SELECT i, pattern(i, 784) FROM generate_series(1, 300) i;
CREATE INDEX two_index ON two USING omen_hnsw (v);
CREATE TABLE five (id int, v vector(2200));
INSERT INTO five SELECT i, pattern(i, 2200) FROM generate_series(1, 100) i;
CREATE INDEX five_index ON five USING omen_hnsw (v);
SELECT disagree('two', 20, 784) AS two, disagree('five', 20, 2200) AS five;
-- again, from where they were found
SELECT disagree('two', 20, 784) AS two, disagree('five', 20, 2200) AS five;

-- Other values come where old ones were.
DELETE FROM two WHERE id % 2 = 0;
VACUUM two;
INSERT INTO two SELECT i, pattern(i, 784) FROM generate_series(301, 450) i;
SELECT disagree('two', 20, 784) AS two;
UPDATE two SET v = pattern(id + 1000, 784) WHERE id % 3 = 0;
SELECT disagree('two', 20, 784) AS two;
VACUUM two;
INSERT INTO two SELECT i, pattern(i, 784) FROM generate_series(500, 550) i;
SELECT disagree('two', 20, 784) AS two;

-- The same values lie elsewhere.
VACUUM FULL two;
SELECT disagree('two', 20, 784) AS two;
SELECT disagree('two', 20, 784) AS two;
DO $$ BEGIN EXECUTE (SELECT 'REINDEX TABLE ' || reltoastrelid::regclass FROM pg_class WHERE oid = 'two'::regclass); END $$;
SELECT disagree('two', 20, 784) AS two;
TRUNCATE two;
INSERT INTO two SELECT i, pattern(i + 7, 784) FROM generate_series(1, 100) i;
SELECT disagree('two', 20, 784) AS two;

-- What aborted is not there.
BEGIN;
UPDATE two SET v = pattern(id + 2000, 784);
SELECT disagree('two', 5, 784) AS two;
ROLLBACK;
SELECT disagree('two', 20, 784) AS two;

-- A cursor that outlives what changes; each scan of a join.
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM two ORDER BY v <-> pattern(-1, 784);
FETCH 3 FROM c;
SAVEPOINT s;
UPDATE two SET v = pattern(id + 3000, 784);
FETCH 3 FROM c;
ROLLBACK TO s;
FETCH 3 FROM c;
COMMIT;
SELECT id FROM two ORDER BY v <-> pattern(-1, 784) LIMIT 9;
SELECT count(DISTINCT near.id) FROM two q, LATERAL (SELECT id FROM two ORDER BY v <-> q.v LIMIT 1) near;

-- Compressed, inline, and in memory of the session's own.
CREATE TABLE other (id int, v vector(1200));
ALTER TABLE other ALTER v SET STORAGE EXTENDED;
INSERT INTO other SELECT i, (array_fill(i % 7, ARRAY[1190])::real[] || pattern(i, 10)::real[])::vector FROM generate_series(1, 60) i;
ALTER TABLE other ALTER v SET STORAGE MAIN;
INSERT INTO other SELECT i, (array_fill(i % 7, ARRAY[1190])::real[] || pattern(i, 10)::real[])::vector FROM generate_series(61, 120) i;
ALTER TABLE other ALTER v SET STORAGE EXTERNAL;
INSERT INTO other SELECT i, pattern(i, 1200) FROM generate_series(121, 200) i;
CREATE INDEX other_index ON other USING omen_hnsw (v);
SELECT disagree('other', 20, 1200) AS other;
CREATE TEMP TABLE mine AS SELECT * FROM two;
CREATE INDEX ON mine USING omen_hnsw ((v::vector(784)));
SELECT id FROM mine ORDER BY v::vector(784) <-> pattern(-1, 784) LIMIT 9;
SELECT id FROM mine ORDER BY v::vector(784) <-> pattern(-1, 784) LIMIT 9;

-- What a scan knows of a row is its distance from its own query, no other's.
SET enable_seqscan = off;
SELECT count(*), count(*) FILTER (WHERE d = other) AS same
	FROM (SELECT v <-> pattern(-1, 784) AS d, v <-> pattern(-2, 784) AS other FROM two ORDER BY d LIMIT 20) s;

DROP SCHEMA hnsw_toast CASCADE;
