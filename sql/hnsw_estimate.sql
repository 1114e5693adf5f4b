-- What a build is said to take, beside what it takes.
CREATE SCHEMA hnsw_estimate;
SET search_path = hnsw_estimate, public;

-- Every combination: all numbers are positive, and grow with the rows; with so
-- little memory that hardly a table does without files.
SET maintenance_work_mem = '1MB';
CREATE TABLE estimate AS
	SELECT rows, dims, m, storage, metric, workers, e.*
	FROM unnest(ARRAY[1, 500, 2000, 10000, 50000, 200000, 1000000, 5000000]) rows,
		unnest(ARRAY[1, 3, 32, 768, 2000]) dims, unnest(ARRAY[4, 16]) m,
		unnest(ARRAY['sq8', 'full']) storage, unnest(ARRAY['l2', 'ip', 'cosine', 'l1']) metric,
		unnest(ARRAY[0, 2]) workers,
		LATERAL omen_hnsw_build_estimate(rows, dims, m, 64, storage, metric, workers) e;
SELECT count(*), bool_and(index_bytes > 0 AND memory_bytes > 0 AND (temporary_bytes > 0 OR rows <= 500)) AS positive FROM estimate;
SELECT count(*) FILTER (WHERE index_bytes < (previous).index_bytes) AS index_shrinks,
	count(*) FILTER (WHERE temporary_bytes < (previous).temporary_bytes) AS temporary_shrinks
FROM (SELECT *, lag(e) OVER (PARTITION BY dims, m, storage, metric, workers ORDER BY rows) AS previous FROM estimate e) s;
SELECT rows, dims, m, storage, metric, workers FROM estimate WHERE index_bytes % current_setting('block_size')::int <> 0;

-- A larger code, or more neighbors, take more; the metric and workers do not
-- change the index.
SELECT count(*) FILTER (WHERE f.index_bytes <= s.index_bytes) AS full_not_larger,
	count(*) FILTER (WHERE f.temporary_bytes <= s.temporary_bytes) AS full_needs_no_more
FROM estimate s JOIN estimate f USING (rows, dims, m, metric, workers)
WHERE s.storage = 'sq8' AND f.storage = 'full' AND rows >= 10000 AND dims >= 32;
SELECT count(*) AS more_neighbors_not_larger
FROM estimate few JOIN estimate many USING (rows, dims, storage, metric, workers)
WHERE few.m = 4 AND many.m = 16 AND rows >= 10000 AND dims <= 32 AND many.index_bytes <= few.index_bytes;
SELECT count(*) AS longer_not_larger
FROM estimate short JOIN estimate long USING (rows, m, storage, metric, workers)
WHERE short.dims = 32 AND long.dims = 768 AND rows >= 10000
	AND (long.index_bytes <= short.index_bytes OR long.temporary_bytes <= short.temporary_bytes);
SELECT max(kinds) FROM (SELECT count(DISTINCT index_bytes) AS kinds FROM estimate GROUP BY rows, dims, m, storage) s;

RESET maintenance_work_mem;
-- What is left out has the defaults of indexes.
SELECT e = d AS defaults FROM omen_hnsw_build_estimate(10000, 32) e,
	omen_hnsw_build_estimate(10000, 32, 16, 64, 'sq8', 'l2', 0) d;

-- Memory stays about within maintenance_work_mem, if that is not absurdly little
-- for the table.
CREATE FUNCTION excess(memory text, rows bigint, dims int, storage text, metric text, workers int) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('maintenance_work_mem', memory, true);
	RETURN (SELECT memory_bytes FROM omen_hnsw_build_estimate(rows, dims, storage => storage, metric => metric, workers => workers))
		- pg_size_bytes(memory);
END $$;
SELECT memory, rows, dims, storage, metric, workers
FROM unnest(ARRAY['1MB', '16MB', '64MB', '256MB', '1GB', '8GB']) memory, unnest(ARRAY[1, 5000, 100000, 1000000, 10000000]) rows,
	unnest(ARRAY[3, 128, 768]) dims, unnest(ARRAY['sq8', 'full']) storage, unnest(ARRAY['l2', 'l1']) metric,
	unnest(ARRAY[0, 2]) workers
WHERE pg_size_bytes(memory) >= 64 * rows AND excess(memory, rows, dims, storage, metric, workers) > 64 * 1024 * 1024;
-- More of it is used where there is more, until everything fits.
SELECT excess('4GB', 1000000, 768, 'sq8', 'l2', 0) + pg_size_bytes('4GB') > excess('64MB', 1000000, 768, 'sq8', 'l2', 0) + pg_size_bytes('64MB') AS uses_more,
	excess('4GB', 1000000, 768, 'sq8', 'l2', 0) < 0 AS not_all;

-- Beside real indexes.
CREATE TABLE item (id int, v vector(32));
INSERT INTO item SELECT i, (SELECT array_agg((hashint8extended(i, d) % 1000)::real) FROM generate_series(1, 32) d)::vector
	FROM generate_series(1, 5000) i;
CREATE FUNCTION compare(m int, storage text, metric text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	real_size float8;
	said float8;
BEGIN
	EXECUTE format('CREATE INDEX item_index ON item USING omen_hnsw (v vector_%s_ops) WITH (m = %s, storage = %s)', metric, m, storage);
	real_size := pg_relation_size('item_index');
	DROP INDEX item_index;
	said := (SELECT index_bytes FROM omen_hnsw_build_estimate(5000, 32, m, 64, storage, metric));
	RETURN CASE WHEN said BETWEEN 0.85 * real_size AND 1.15 * real_size THEN 'close' ELSE format('%s, not %s', said, real_size) END;
END $$;
SELECT m, storage, metric, compare(m, storage, metric)
FROM unnest(ARRAY[4, 16, 32]) m, unnest(ARRAY['sq8', 'full', 'sq4']) storage, unnest(ARRAY['l2', 'l1']) metric
WHERE storage <> 'sq4' OR metric <> 'l1'
ORDER BY m, storage, metric;
-- Where no temporary files are said to be needed, a build does without, with equal
-- rows and rows without a vector as well; else it fails if there may be none.
INSERT INTO item SELECT -id, CASE WHEN id % 4 > 0 THEN v END FROM item WHERE id <= 1000;
CREATE FUNCTION without_files(memory text, storage text, metric text, OUT said_to_need bool, OUT outcome text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('maintenance_work_mem', memory, true), set_config('temp_file_limit', '0', true);
	said_to_need := temporary_bytes > 0 FROM omen_hnsw_build_estimate(5000, 32, 16, 64, storage, metric);
	EXECUTE format('CREATE INDEX item_index ON item USING omen_hnsw (v vector_%s_ops) WITH (storage = %s)', metric, storage);
	outcome := count(*) || ' faults' FROM omen_hnsw_check('item_index', true);
	DROP INDEX item_index;
EXCEPTION WHEN configuration_limit_exceeded THEN
	outcome := SQLSTATE;
END $$;
SELECT memory, storage, metric, w.*
FROM unnest(ARRAY['1MB', '16MB', '64MB']) memory, unnest(ARRAY['sq8', 'full', 'sq4']) storage, unnest(ARRAY['ip', 'l1']) metric,
	LATERAL without_files(memory, storage, metric) w
WHERE storage <> 'sq4' OR metric <> 'l1'
ORDER BY memory, storage, metric;
-- Codes of two bits.
CREATE TABLE wide (v vector(511));
INSERT INTO wide SELECT (SELECT array_agg((hashint8extended(i, d) % 1000)::real) FROM generate_series(1, 511) d)::vector
	FROM generate_series(1, 3000) i;
CREATE INDEX wide_index ON wide USING omen_hnsw (v) WITH (storage = sq2);
SELECT index_bytes BETWEEN 0.85 * pg_relation_size('wide_index') AND 1.15 * pg_relation_size('wide_index') AS close
FROM omen_hnsw_build_estimate(3000, 511, storage => 'sq2');
SELECT storage, mode FROM omen_hnsw_info('wide_index');
DROP TABLE wide;
-- Codes out of line.
CREATE TABLE wide (v vector(2000));
INSERT INTO wide SELECT (SELECT array_agg((hashint8extended(i, d) % 1000)::real) FROM generate_series(1, 2000) d)::vector
	FROM generate_series(1, 1100) i;
CREATE INDEX wide_index ON wide USING omen_hnsw (v) WITH (storage = full);
SELECT index_bytes BETWEEN 0.85 * pg_relation_size('wide_index') AND 1.15 * pg_relation_size('wide_index') AS close
FROM omen_hnsw_build_estimate(1100, 2000, storage => 'full');

-- What cannot be.
SELECT omen_hnsw_build_estimate(0, 32);
SELECT omen_hnsw_build_estimate(-1, 32);
SELECT omen_hnsw_build_estimate(9223372036854775807, 32);
SELECT omen_hnsw_build_estimate(1000, 0);
SELECT omen_hnsw_build_estimate(1000, 16001);
SELECT omen_hnsw_build_estimate(1000, 32, 1);
SELECT omen_hnsw_build_estimate(1000, 32, 101);
SELECT omen_hnsw_build_estimate(1000, 32, 16, 31);
SELECT omen_hnsw_build_estimate(1000, 32, 16, 1001);
SELECT omen_hnsw_build_estimate(1000, 32, 100, 199);
SELECT omen_hnsw_build_estimate(1000, 32, storage => 'sq9');
SELECT omen_hnsw_build_estimate(1000, 32, storage => 'sq4', metric => 'l1');
SELECT omen_hnsw_build_estimate(1000, 512, storage => 'sq2', metric => 'l1');
SELECT omen_hnsw_build_estimate(1000, 255, storage => 'sq2');
SELECT omen_hnsw_build_estimate(1000, 32, storage => '');
SELECT omen_hnsw_build_estimate(1000, 32, storage => 'SQ8');
SELECT omen_hnsw_build_estimate(1000, 32, metric => 'l3');
SELECT omen_hnsw_build_estimate(1000, 32, workers => -1);
SELECT omen_hnsw_build_estimate(1000, 32, workers => 1025);
-- The limits themselves.
SELECT index_bytes > 0 FROM omen_hnsw_build_estimate(1, 1, 2, 4);
SELECT index_bytes > 0 FROM omen_hnsw_build_estimate(1000, 16000, 100, 1000, 'full', 'l1', 1024);

-- Of nothing, nothing.
SELECT count(*) FILTER (WHERE e IS NULL) AS nothing, count(*) FROM (VALUES
	(omen_hnsw_build_estimate(NULL, 32)), (omen_hnsw_build_estimate(1000, NULL)),
	(omen_hnsw_build_estimate(1000, 32, NULL)), (omen_hnsw_build_estimate(1000, 32, 16, NULL)),
	(omen_hnsw_build_estimate(1000, 32, storage => NULL)), (omen_hnsw_build_estimate(1000, 32, metric => NULL)),
	(omen_hnsw_build_estimate(1000, 32, workers => NULL))) s (e);

SET client_min_messages = warning;
DROP SCHEMA hnsw_estimate CASCADE;
