-- Storage parameters of omen_hnsw indexes and the settings of the extension.
CREATE SCHEMA hnsw_options;
SET search_path = hnsw_options, public;
CREATE TABLE item (v vector(3));
INSERT INTO item VALUES ('[1,2,3]'), ('[4,5,6]');

-- m from 2 to 100, ef_construction from 4 to 1000 and at least twice m.
CREATE INDEX ON item USING omen_hnsw (v) WITH (m = 1);
CREATE INDEX ON item USING omen_hnsw (v) WITH (m = 101);
CREATE INDEX ON item USING omen_hnsw (v) WITH (m = many);
CREATE INDEX ON item USING omen_hnsw (v) WITH (ef_construction = 3);
CREATE INDEX ON item USING omen_hnsw (v) WITH (ef_construction = 1001);
CREATE INDEX ON item USING omen_hnsw (v) WITH (m = 16, ef_construction = 31);
CREATE INDEX ON item USING omen_hnsw (v) WITH (m = 33);
CREATE INDEX ON item USING omen_hnsw (v) WITH (storage = sq9);
CREATE INDEX ON item USING omen_hnsw (v) WITH (lists = 10);
CREATE INDEX ON item USING omen_hnsw (v) WITH (fillfactor = 50);
CREATE INDEX item_least ON item USING omen_hnsw (v) WITH (m = 2, ef_construction = 4);
CREATE INDEX item_most ON item USING omen_hnsw (v) WITH (m = 100, ef_construction = 1000);
CREATE INDEX item_equal ON item USING omen_hnsw (v) WITH (m = 32, ef_construction = 64);
CREATE INDEX item_sq8 ON item USING omen_hnsw (v) WITH (storage = sq8);
CREATE INDEX item_full ON item USING omen_hnsw (v) WITH (storage = 'full', m = 8);
SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'hnsw_options'::regnamespace AND relkind = 'i' ORDER BY relname COLLATE "C";

-- Parameters can change, and take effect with the next build.
ALTER INDEX item_sq8 SET (m = 1);
ALTER INDEX item_sq8 SET (storage = half_full);
ALTER INDEX item_sq8 SET (m = 8, ef_construction = 100);
ALTER INDEX item_sq8 SET (storage = full);
INSERT INTO item VALUES ('[7,8,9]');
REINDEX INDEX item_sq8;
INSERT INTO item VALUES ('[10,11,12]');
ALTER INDEX item_sq8 RESET (m, storage);
SELECT reloptions FROM pg_class WHERE relname = 'item_sq8';
INSERT INTO item VALUES ('[13,14,15]');
ALTER INDEX item_sq8 SET (m = 60);
REINDEX INDEX item_sq8;
ALTER INDEX item_sq8 SET (m = 60, ef_construction = 120);
REINDEX INDEX item_sq8;
SELECT * FROM omen_hnsw_check('item_sq8', true);
SELECT * FROM omen_hnsw_check('item_least', true);
SELECT * FROM omen_hnsw_check('item_most', true);
SELECT * FROM omen_hnsw_check('item_full', true);

-- Settings.
SHOW omendb.ef_search;
SET omendb.ef_search = 0;
SET omendb.ef_search = 10001;
SET omendb.ef_search = 'all';
SET omendb.ef_search = 10000;
SET enable_seqscan = off;
SELECT v FROM item ORDER BY v <-> '[5,6,7]' LIMIT 2;
SET omendb.ef_search = 1;
SELECT v FROM item ORDER BY v <-> '[5,6,7]' LIMIT 3;
RESET omendb.ef_search;
SELECT name, context, vartype, min_val, max_val, boot_val FROM pg_settings
WHERE name LIKE 'omendb.%' AND name NOT IN ('omendb.build_rounds', 'omendb.pause_at') /* of builds for tests */ ORDER BY name COLLATE "C";

-- Instruction sets: the scalar one is everywhere, and others give the same
-- up to rounding.
SET omendb.simd = 'mmx';
SET omendb.simd = '';
SET omendb.simd = 'scalar';
SELECT omen_simd();
SELECT v <-> '[1,2,4]' AS distance FROM item ORDER BY v <-> '[1,2,4]' LIMIT 1;
SET omendb.simd = 'auto';
SELECT omen_simd() IN ('scalar', 'avx2', 'avx512', 'neon', 'neon_dotprod', 'neon_i8mm');
SELECT v <-> '[1,2,4]' AS distance FROM item ORDER BY v <-> '[1,2,4]' LIMIT 1;

-- A setting that does not exist is a mistake, not a placeholder.
SET omendb.ef = 10;
SELECT set_config('omendb.probes', '1', false);

SET client_min_messages = warning;
DROP SCHEMA hnsw_options CASCADE;

-- What is stored if nobody says depends on the dimensions.
CREATE TABLE plain (v vector(999), w vector(1000));
CREATE INDEX plain_999 ON plain USING omen_hnsw (v);
CREATE INDEX plain_1000 ON plain USING omen_hnsw (w);
CREATE INDEX plain_cosine ON plain USING omen_hnsw (w vector_cosine_ops) WITH (storage = auto);
CREATE INDEX plain_l1 ON plain USING omen_hnsw (w vector_l1_ops);
CREATE INDEX plain_sq8 ON plain USING omen_hnsw (w) WITH (storage = sq8);
SELECT relname, storage FROM pg_class, omen_hnsw_info(oid::regclass) WHERE relname ~ '^plain_' ORDER BY relname;
DROP TABLE plain;

-- A setting that was renamed says so.
SET omendb.enable_filtered_scan = off;
