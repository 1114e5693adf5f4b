-- omen_hnsw indexes on halfvecs, and on expressions that make halfvecs of
-- vectors: which rows come, in which order.
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir '/sql/include/knn.sql'
CREATE SCHEMA hnsw_halfvec;
SET search_path = hnsw_halfvec, public;
\set ECHO none
\i :include
\set ECHO all
SET enable_seqscan = off;
-- as knn.sql has it, of a halfvec
CREATE FUNCTION half_agrees(relation regclass, operator text, query vector, k int DEFAULT 10, condition text DEFAULT 'true',
	item text DEFAULT 'v')
RETURNS text LANGUAGE sql AS $$ SELECT agrees(relation, operator, query, k, condition, item, 'halfvec') $$;

-- One table for the four metrics.  NULL comes last, and what has no direction
-- before it under cosine distance.
CREATE TABLE item (id int, v halfvec(3));
INSERT INTO item VALUES
	(1, '[0,0,0]'), (2, '[1,2,2]'), (3, '[3,4,0]'), (4, '[-1,-2,-2]'),
	(5, '[2,1,2]'), (6, NULL), (7, '[6,8,0]'), (8, '[0,0,5]'), (9, NULL);
CREATE INDEX item_index ON item USING omen_hnsw (v);
SELECT id, round((v <-> '[3,4,0]')::numeric, 4) AS distance FROM item ORDER BY v <-> '[3,4,0]', id;
SELECT id FROM item ORDER BY '[3,4,0]' <-> v LIMIT 3;
SELECT id FROM item WHERE id > 3 ORDER BY v <-> '[3,4,0]' LIMIT 2;
SELECT half_agrees('item', '<->', '[3,4,0]', 100);
SELECT * FROM walk('item', '<->', '[0,0,0]', 'halfvec');
-- A query that is a vector becomes a halfvec.
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <-> '[3,4,0.1]'::vector LIMIT 2;
SELECT id FROM item ORDER BY v <-> '[3,4,0.1]'::vector LIMIT 2;
DROP INDEX item_index;
CREATE INDEX item_index ON item USING omen_hnsw (v halfvec_ip_ops);
SELECT id, v <#> '[1,1,1]' AS distance FROM item ORDER BY v <#> '[1,1,1]' LIMIT 2;
SELECT half_agrees('item', '<#>', '[1,1,1]', 100);
DROP INDEX item_index;
CREATE INDEX item_index ON item USING omen_hnsw (v halfvec_l1_ops);
SELECT id, v <+> '[4,4,1]' AS distance FROM item ORDER BY v <+> '[4,4,1]' LIMIT 3;
SELECT half_agrees('item', '<+>', '[1,1,1]', 100);
DROP INDEX item_index;
CREATE INDEX item_index ON item USING omen_hnsw (v halfvec_cosine_ops);
SELECT half_agrees('item', '<=>', '[3,4,0]', 100);
SELECT * FROM walk('item', '<=>', '[3,4,0]', 'halfvec');
INSERT INTO item VALUES (10, NULL), (11, '[0,0,0]'), (12, '[3,4,1]');
SELECT half_agrees('item', '<=>', '[3,4,0]', 100);
SELECT * FROM omen_hnsw_check('item_index', true);
DROP TABLE item;

-- Numbers at the ends of what a half can hold.
CREATE TABLE item (id int, v halfvec(2));
INSERT INTO item VALUES
	(1, '[65504,65504]'), (2, '[-65504,65504]'), (3, '[6e4,-6e4]'), (4, '[6e-8,0]'), (5, '[0,0]'), (6, '[1,1]'),
	(7, '[65504,-65504]'), (8, '[-65504,-65504]'), (9, NULL), (10, '[-6e-8,1.2e-7]');
CREATE INDEX item_l2 ON item USING omen_hnsw (v halfvec_l2_ops);
CREATE INDEX item_ip ON item USING omen_hnsw (v halfvec_ip_ops);
CREATE INDEX item_cosine ON item USING omen_hnsw (v halfvec_cosine_ops) WITH (storage = full);
CREATE INDEX item_l1 ON item USING omen_hnsw (v halfvec_l1_ops);
SELECT operator, half_agrees('item', operator, query, 100)
FROM unnest('{<->,<#>,<=>,<+>}'::text[]) operator, unnest('{"[65504,65504]","[1e-4,0]","[-6e-8,1]"}'::vector[]) query;
SELECT i, c.* FROM unnest('{item_l2,item_ip,item_cosine,item_l1}'::regclass[]) i, omen_hnsw_check(i, true) c;
DROP TABLE item;

-- Halfvecs so close together that their codes are alike: the order is that of
-- the halfvecs themselves.
CREATE TABLE item (id int, v halfvec(4));
INSERT INTO item SELECT i, ARRAY[-1000, 1000, i / 1024.0, 1 - i / 1024.0]::halfvec FROM generate_series(1, 512) i;
CREATE INDEX item_index ON item USING omen_hnsw (v);
SELECT id FROM item ORDER BY v <-> '[-1000,1000,0.25,0.75]' LIMIT 1;
SELECT half_agrees('item', '<->', '[-1000,1000,0.25,0.75]', 600);
INSERT INTO item SELECT i, ARRAY[-1000, 1000, i / 1024.0, 1 - i / 1024.0]::halfvec FROM generate_series(513, 800) i;
SELECT half_agrees('item', '<->', '[-1000,1000,0.5,0.5]', 900);
SELECT * FROM omen_hnsw_check('item_index', true);
DROP TABLE item;

-- Each kind of code, with key columns to filter by, built and inserted into.
-- More rows than a flat list has.
CREATE TABLE item (id int PRIMARY KEY, kind int, v halfvec(16));
INSERT INTO item SELECT i, i % 20, pseudo_random(i, 16)::halfvec FROM generate_series(1, 2000) i;
INSERT INTO item VALUES (-1, 1, NULL);
CREATE INDEX item_sq8 ON item USING omen_hnsw (v halfvec_l2_ops, kind) WITH (storage = sq8);
CREATE INDEX item_sq4 ON item USING omen_hnsw (v halfvec_cosine_ops, kind) WITH (storage = sq4);
CREATE INDEX item_full ON item USING omen_hnsw (v halfvec_l1_ops, kind) WITH (storage = full);
CREATE INDEX item_ip ON item USING omen_hnsw (v halfvec_ip_ops, kind);
CREATE FUNCTION sound() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT i || ' ' || c.detail FROM unnest('{item_sq8,item_sq4,item_full,item_ip}'::regclass[]) i, omen_hnsw_check(i, true) c $$;
SELECT * FROM sound();
SELECT indexrelid::regclass AS index, metric, storage, dims FROM pg_index, omen_hnsw_info(indexrelid) AS info
WHERE indrelid = 'item'::regclass AND indexrelid::regclass::text ~ 'sq|full|ip' ORDER BY indexrelid;
SET omendb.ef_search = 400;
SELECT operator, half_agrees('item', operator, pseudo_random(-7, 16), 10) FROM unnest('{<->,<#>,<=>,<+>}'::text[]) operator;
SELECT operator, half_agrees('item', operator, pseudo_random(-7, 16), 30, 'kind = 3') FROM unnest('{<->,<#>,<=>,<+>}'::text[]) operator;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE kind = 3 ORDER BY v <=> '[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]' LIMIT 5;
INSERT INTO item SELECT i, i % 20, pseudo_random(i, 16)::halfvec FROM generate_series(2001, 2600) i;
DELETE FROM item WHERE id % 3 = 0;
VACUUM item;
INSERT INTO item SELECT i, i % 20, pseudo_random(i, 16)::halfvec FROM generate_series(3000, 3200) i;
SELECT * FROM sound();
SELECT operator, half_agrees('item', operator, pseudo_random(-8, 16), 10) FROM unnest('{<->,<#>,<=>,<+>}'::text[]) operator;
SELECT operator, half_agrees('item', operator, pseudo_random(-8, 16), 200, 'kind = 3') FROM unnest('{<->,<#>,<=>,<+>}'::text[]) operator;

-- Within a radius: the search ends there.
RESET omendb.ef_search;
SET omendb.filter_strategy = 'sweep';
SELECT count(*) AS within, max(d) < 118 AS nearer FROM (SELECT v <-> pseudo_random(-8, 16)::halfvec AS d FROM item
	WHERE v <<->> halfvec_sphere(pseudo_random(-8, 16), 118) ORDER BY v <-> pseudo_random(-8, 16)::halfvec LIMIT 1000) s;
SELECT visits BETWEEN 1 AND 1500 AS ended, late FROM omen_hnsw_last_scan();
RESET omendb.filter_strategy;
SET omendb.ef_search = 400;
SELECT half_agrees('item', '<->', pseudo_random(-8, 16), 1000, 'v <<->> halfvec_sphere(pseudo_random(-8, 16), 118)');
SELECT half_agrees('item', '<+>', pseudo_random(-8, 16), 1000, 'v <<+>> halfvec_sphere(pseudo_random(-8, 16), 400) AND kind < 10');
SELECT half_agrees('item', '<=>', pseudo_random(-8, 16), 1000, 'v <<=>> halfvec_sphere(pseudo_random(-8, 16), 0.5)');
SELECT half_agrees('item', '<#>', pseudo_random(-8, 16), 1000, 'v <<#>> halfvec_sphere(pseudo_random(-8, 16), -2500)');
-- around something else, and no sphere at all
SELECT half_agrees('item', '<->', pseudo_random(-8, 16), 1000, 'v <<->> halfvec_sphere(pseudo_random(-9, 16), 118)');
SELECT half_agrees('item', '<->', pseudo_random(-8, 16), 1000, 'v <<->> halfvec_sphere(pseudo_random(-8, 16), NULL)');
RESET omendb.ef_search;
DROP TABLE item;

-- Stored out of line: distances to what the rows are ordered by, to something
-- else, and after the value has changed.
CREATE TABLE item (id int, v halfvec(1400));
INSERT INTO item SELECT i, pseudo_random(i, 1400)::halfvec FROM generate_series(1, 200) i;
CREATE INDEX item_index ON item USING omen_hnsw (v);
CREATE VIEW nearest AS
	SELECT id, v <-> pseudo_random(-1, 1400)::halfvec AS d, v <-> pseudo_random(-2, 1400)::halfvec AS other,
		v <#> pseudo_random(-1, 1400)::halfvec AS product
	FROM item a ORDER BY v <-> pseudo_random(-1, 1400)::halfvec LIMIT 40;
SELECT uses_index('SELECT * FROM nearest');
CREATE TABLE by_index AS SELECT * FROM nearest;
SET enable_seqscan = on;
SET enable_indexscan = off;
SELECT count(*) FROM (TABLE by_index EXCEPT ALL TABLE nearest) s;
RESET enable_indexscan;
SET enable_seqscan = off;
UPDATE item SET v = pseudo_random(-1, 1400)::halfvec WHERE id = 5;
SELECT id, d FROM nearest LIMIT 1;
DROP VIEW nearest;
DROP TABLE item, by_index;

-- What an index must know, and its limit.
CREATE TABLE anything (v halfvec);
CREATE INDEX ON anything USING omen_hnsw (v);
INSERT INTO anything VALUES ('[1,2]'), ('[1,2,3]');
CREATE INDEX ON anything USING omen_hnsw ((v::halfvec(3)));
DELETE FROM anything WHERE vector_dims(v) <> 3;
CREATE INDEX ON anything USING omen_hnsw ((v::halfvec(3)));
INSERT INTO anything VALUES ('[1,2]');
SELECT v FROM anything ORDER BY v::halfvec(3) <-> '[1,1,1]' LIMIT 1;
SELECT v FROM anything ORDER BY v::halfvec(3) <-> '[1,2]' LIMIT 1;
CREATE TABLE wide (v halfvec(16000));
INSERT INTO wide SELECT array_fill(i, ARRAY[16000])::halfvec FROM generate_series(1, 3) i;
CREATE INDEX wide_index ON wide USING omen_hnsw (v halfvec_ip_ops);
SELECT v <#> array_fill(1, ARRAY[16000])::halfvec AS d FROM wide ORDER BY 1 LIMIT 1;
SELECT * FROM omen_hnsw_check('wide_index', true);
CREATE INDEX ON wide USING omen_hnsw (v vector_l2_ops);
CREATE INDEX ON wide USING omen_hnsw ((v::vector(16000)) halfvec_l2_ops);

-- Expressions, as people write them: a table of vectors, an index of halfvecs.
CREATE TABLE doc (id int PRIMARY KEY, kind int, embedding vector(48));
INSERT INTO doc SELECT i, i % 10, (SELECT array_agg((hashint4(i * 20011 + d) % 1000) / 700.0) FROM generate_series(1, 48) d)::vector
FROM generate_series(1, 1500) i;
CREATE INDEX doc_half ON doc USING omen_hnsw ((embedding::halfvec(48)) halfvec_l2_ops);
CREATE INDEX doc_keys ON doc USING omen_hnsw ((embedding::halfvec(48)) halfvec_cosine_ops, kind) WITH (storage = sq4);
CREATE INDEX doc_part ON doc USING omen_hnsw ((subvector(embedding, 1, 16)::vector(16)) vector_l2_ops);
CREATE INDEX doc_half_part ON doc USING omen_hnsw ((subvector(embedding, 1, 16)::halfvec(16)) halfvec_ip_ops);
SELECT c.* FROM unnest('{doc_half,doc_keys,doc_part,doc_half_part}'::regclass[]) i, omen_hnsw_check(i, true) c;
SET omendb.ef_search = 200;
PREPARE by_half(vector) AS SELECT id FROM doc ORDER BY embedding::halfvec(48) <-> $1::halfvec(48) LIMIT 5;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE by_half(NULL);
RESET plan_cache_mode;
DEALLOCATE by_half;
SELECT half_agrees('doc', '<->', array_fill(0.3, ARRAY[48])::vector, 20, 'true', 'embedding::halfvec(48)');
SELECT half_agrees('doc', '<=>', array_fill(0.3, ARRAY[48])::vector, 20, 'true', 'embedding::halfvec(48)');
SELECT half_agrees('doc', '<=>', array_fill(0.3, ARRAY[48])::vector, 20, 'kind = 7', 'embedding::halfvec(48)');
SELECT half_agrees('doc', '<->', array_fill(0.3, ARRAY[48])::vector, 20, 'id % 9 = 2', 'embedding::halfvec(48)');
SELECT half_agrees('doc', '<->', array_fill(0.3, ARRAY[48])::vector, 50,
	'embedding::halfvec(48) <<->> halfvec_sphere(array_fill(0.3, ARRAY[48])::vector, 5)', 'embedding::halfvec(48)');
SELECT agrees('doc', '<->', array_fill(0.3, ARRAY[16])::vector, 20, 'kind = 7', 'subvector(embedding, 1, 16)::vector(16)');
SELECT half_agrees('doc', '<#>', array_fill(0.3, ARRAY[16])::vector, 20, 'kind = 7', 'subvector(embedding, 1, 16)::halfvec(16)');
-- First by halves, then by the vectors themselves.
SELECT uses_index($$SELECT id FROM (SELECT id, embedding FROM doc ORDER BY embedding::halfvec(48) <-> array_fill(0.3, ARRAY[48])::halfvec(48) LIMIT 50) s
	ORDER BY embedding <-> array_fill(0.3, ARRAY[48])::vector LIMIT 5$$);
INSERT INTO doc SELECT i, i % 10, (SELECT array_agg((hashint4(i * 20011 + d) % 1000) / 700.0) FROM generate_series(1, 48) d)::vector
FROM generate_series(1501, 1700) i;
SELECT half_agrees('doc', '<->', array_fill(0.3, ARRAY[48])::vector, 20, 'true', 'embedding::halfvec(48)');
-- A number that is too large for a half is refused where it is to be indexed.
INSERT INTO doc VALUES (2000, 1, array_fill(70000, ARRAY[48])::vector);
SELECT c.* FROM unnest('{doc_half,doc_keys,doc_part,doc_half_part}'::regclass[]) i, omen_hnsw_check(i, true) c;
RESET omendb.ef_search;
DROP TABLE doc;

-- The planner knows that vectors out of line are to be fetched for an expression,
-- too, and that a halfvec may be in line where a vector is not.
CREATE TABLE doc (id int, v vector(900), h halfvec(900), s vector(100));
INSERT INTO doc SELECT i, pseudo_random(i, 900), NULL, NULL FROM generate_series(1, 50) i;
ANALYZE doc;
CREATE FUNCTION cost_of(expression text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) SELECT ' || expression || ' FROM doc' INTO plan;
	RETURN round((plan -> 0 -> 'Plan' ->> 'Total Cost')::numeric / 50, 2);
END
$$;
SELECT expression, trunc(cost_of(expression) - cost_of('id'), 1) AS a_row
FROM (VALUES ('s <-> s'), ('v <-> v'), ('v::halfvec(900) <-> h'), ('subvector(v, 1, 2)::vector(2) <-> ''[1,2]'''),
	('l2_normalize(v)'), ('binary_quantize(v)'), ('h <-> h'), ('v <-> h')) AS e (expression);
DROP TABLE doc;

-- The type of an indexed column: other dimensions, and from vector to halfvec,
-- are other indexes; from one to the other an operator class of the one type
-- does not fit the other, and the index has to go first.
CREATE TABLE doc (id int PRIMARY KEY, embedding vector(8), note text);
INSERT INTO doc SELECT i, pseudo_random(i, 8) FROM generate_series(1, 1200) i;
CREATE INDEX doc_index ON doc USING omen_hnsw (embedding) WITH (m = 8);
ALTER TABLE doc ALTER embedding TYPE halfvec(8);
\d doc_index
SELECT mode, dims, rows FROM omen_hnsw_info('doc_index');
SELECT * FROM omen_hnsw_check('doc_index', true);
SELECT half_agrees('doc', '<->', pseudo_random(-3, 8), 5, 'true', 'embedding');
ALTER TABLE doc ALTER embedding TYPE vector(8);
SELECT mode, dims, rows FROM omen_hnsw_info('doc_index');
SELECT agrees('doc', '<->', pseudo_random(-3, 8), 5, 'true', 'embedding');
ALTER TABLE doc ALTER embedding TYPE halfvec(6) USING subvector(embedding, 1, 6)::halfvec(6);
SELECT mode, dims, rows FROM omen_hnsw_info('doc_index');
SELECT * FROM omen_hnsw_check('doc_index', true);
ALTER TABLE doc ALTER embedding TYPE halfvec;
DROP INDEX doc_index;
CREATE INDEX doc_index ON doc USING omen_hnsw ((embedding::halfvec(6)) halfvec_cosine_ops);
ALTER TABLE doc ALTER embedding TYPE vector(6);
SELECT pg_get_indexdef('doc_index'::regclass);
DROP INDEX doc_index;
CREATE INDEX doc_index ON doc USING omen_hnsw (embedding vector_cosine_ops);
ALTER TABLE doc ALTER embedding TYPE halfvec(6);
DROP INDEX doc_index;
ALTER TABLE doc ALTER embedding TYPE halfvec(6);
CREATE INDEX doc_index ON doc USING omen_hnsw (embedding halfvec_cosine_ops);
SELECT * FROM omen_hnsw_check('doc_index', true);

SET client_min_messages = warning;
DROP SCHEMA hnsw_halfvec CASCADE;
