-- Scans of omen_hnsw indexes on vectors: which rows come, in which order.
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir '/sql/include/knn.sql'
CREATE SCHEMA hnsw_vector;
SET search_path = hnsw_vector, public;
\set ECHO none
\i :include
\set ECHO all
SET enable_seqscan = off;

-- One table for the four metrics.  NULL comes last, and the zero vector, which
-- has no direction, before it under cosine distance.
CREATE TABLE item (id int, v vector(3));
INSERT INTO item VALUES
	(1, '[0,0,0]'), (2, '[1,2,2]'), (3, '[3,4,0]'), (4, '[-1,-2,-2]'),
	(5, '[2,1,2]'), (6, NULL), (7, '[6,8,0]'), (8, '[0,0,5]'), (9, NULL);

CREATE INDEX item_index ON item USING omen_hnsw (v);
SELECT id, round((v <-> '[3,4,0]')::numeric, 4) AS distance FROM item ORDER BY v <-> '[3,4,0]', id;
SELECT id FROM item ORDER BY v <-> '[3,4,0]' LIMIT 3;
SELECT id FROM item ORDER BY '[3,4,0]' <-> v LIMIT 3;
SELECT id FROM item ORDER BY v <-> '[3,4,0]' LIMIT 2 OFFSET 1;
SELECT id FROM item ORDER BY v <-> '[3,4,0]' LIMIT 0;
SELECT id FROM item WHERE id > 3 ORDER BY v <-> '[3,4,0]' LIMIT 2;
SELECT agrees('item', '<->', '[3,4,0]', 100);
SELECT agrees('item', '<->', '[3,4,0]', 100, 'v IS NOT NULL');
SELECT * FROM walk('item', '<->', '[0,0,0]');

-- NULL has no distance to anything: all rows, in any order.
SET plan_cache_mode = force_generic_plan;
PREPARE from_null(vector) AS SELECT id FROM item ORDER BY v <-> $1 LIMIT 100;
SELECT uses_index('EXECUTE from_null(NULL)');
CREATE TEMP TABLE found AS EXECUTE from_null(NULL);
SELECT count(*), count(DISTINCT id) FROM found;
DROP TABLE found;
DEALLOCATE from_null;
RESET plan_cache_mode;
DROP INDEX item_index;

CREATE INDEX item_index ON item USING omen_hnsw (v vector_ip_ops);
SELECT id, v <#> '[1,1,1]' AS distance FROM item ORDER BY v <#> '[1,1,1]' LIMIT 2;
SELECT agrees('item', '<#>', '[1,1,1]', 100);
SELECT * FROM walk('item', '<#>', '[1,1,1]');
DROP INDEX item_index;

CREATE INDEX item_index ON item USING omen_hnsw (v vector_l1_ops);
SELECT id, v <+> '[4,4,1]' AS distance FROM item ORDER BY v <+> '[4,4,1]' LIMIT 3;
SELECT agrees('item', '<+>', '[1,1,1]', 100);
SELECT * FROM walk('item', '<+>', '[1,1,1]');
DROP INDEX item_index;

CREATE INDEX item_index ON item USING omen_hnsw (v vector_cosine_ops);
SELECT CASE WHEN v IS NULL THEN 0 ELSE id END AS id, round((v <=> '[3,4,1]')::numeric, 4) AS distance
FROM (SELECT * FROM item WHERE id <> 7 ORDER BY v <=> '[3,4,1]' LIMIT 100) s;
SELECT agrees('item', '<=>', '[3,4,0]', 100);
SELECT * FROM walk('item', '<=>', '[3,4,0]');
-- Nothing has a direction relative to the zero vector: all rows.
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM item ORDER BY v <=> '[0,0,0]' LIMIT 100) s;
-- The same for rows that come after the index.
INSERT INTO item VALUES (10, NULL), (11, '[0,0,0]'), (12, '[3,4,1]');
SELECT id FROM (SELECT id FROM item ORDER BY v <=> '[3,4,0]' LIMIT 3) s ORDER BY id;
SELECT agrees('item', '<=>', '[3,4,0]', 100);
SELECT * FROM walk('item', '<=>', '[3,4,0]');
SELECT * FROM omen_hnsw_check('item_index', true);
DROP TABLE item;

-- Numbers at the ends of what a float can hold: Infinity sorts above all
-- finite distances, and NaN above Infinity.
CREATE TABLE item (id int, v vector(2));
INSERT INTO item VALUES
	(1, '[3e38,3e38]'), (2, '[-3e38,3e38]'), (3, '[1e38,-1e38]'),
	(4, '[1e-45,0]'), (5, '[0,0]'), (6, '[1,1]'), (7, '[3e38,-3e38]'),
	(8, '[-3e38,-3e38]'), (9, NULL);
CREATE INDEX item_l2 ON item USING omen_hnsw (v vector_l2_ops);
SELECT agrees('item', '<->', query, 100) FROM unnest('{"[3e38,3e38]","[0,0]","[-1e-45,1]"}'::vector[]) query;
SELECT fetched, different, in_order, missing FROM unnest('{"[3e38,3e38]","[0,0]"}'::vector[]) query, walk('item', '<->', query);
DROP INDEX item_l2;
CREATE INDEX item_ip ON item USING omen_hnsw (v vector_ip_ops);
SELECT agrees('item', '<#>', query, 100) FROM unnest('{"[3e38,3e38]","[0,0]","[-1e-45,1]"}'::vector[]) query;
DROP INDEX item_ip;
CREATE INDEX item_l1 ON item USING omen_hnsw (v vector_l1_ops);
SELECT agrees('item', '<+>', query, 100) FROM unnest('{"[3e38,3e38]","[0,0]","[-1e-45,1]"}'::vector[]) query;
DROP INDEX item_l1;
CREATE INDEX item_cosine ON item USING omen_hnsw (v vector_cosine_ops);
SELECT agrees('item', '<=>', query, 100) FROM unnest('{"[3e38,3e38]","[1e-45,0]","[1e-20,1]"}'::vector[]) query;
SELECT fetched, different, in_order, missing FROM unnest('{"[3e38,3e38]","[1,0]"}'::vector[]) query, walk('item', '<=>', query);
SELECT * FROM omen_hnsw_check('item_cosine', true);
DROP TABLE item;

-- Vectors so close together that their codes are alike: the order is that of
-- the vectors themselves.
CREATE TABLE item (id int, v vector(4));
INSERT INTO item SELECT i, ARRAY[-1000, 1000, i / 1024.0, 1 - i / 1024.0]::vector FROM generate_series(1, 512) i;
CREATE INDEX item_index ON item USING omen_hnsw (v);
SELECT id FROM item ORDER BY v <-> '[-1000,1000,0.25,0.75]' LIMIT 1;
SELECT agrees('item', '<->', '[-1000,1000,0.25,0.75]', 600);
SELECT agrees('item', '<->', '[-1000,1000,0,1]', 600);
INSERT INTO item SELECT i, ARRAY[-1000, 1000, i / 1024.0, 1 - i / 1024.0]::vector FROM generate_series(513, 800) i;
SELECT agrees('item', '<->', '[-1000,1000,0.5,0.5]', 900);
SELECT * FROM omen_hnsw_check('item_index', true);
DROP TABLE item;

-- Vectors so short that their distances vanish, and codes with them.
CREATE TABLE item (id int, v vector(2));
INSERT INTO item SELECT i, ARRAY[i * 1e-30, -i * 1e-30]::vector FROM generate_series(1, 60) i;
CREATE INDEX item_sq8 ON item USING omen_hnsw (v);
SELECT agrees('item', '<->', query, 100) FROM unnest('{"[0,0]","[3e-29,-3e-29]","[1e20,1]"}'::vector[]) query;
SELECT * FROM omen_hnsw_check('item_sq8', true);
DROP INDEX item_sq8;
CREATE INDEX item_full ON item USING omen_hnsw (v) WITH (storage = full);
INSERT INTO item SELECT 100 + i, ARRAY[i * 1e-30, i * 1e-30]::vector FROM generate_series(1, 60) i;
SELECT agrees('item', '<->', query, 200) FROM unnest('{"[0,0]","[3e-29,-3e-29]","[1e20,1]"}'::vector[]) query;
SELECT * FROM omen_hnsw_check('item_full', true);
DROP TABLE item;

-- Vectors that are stored out of line: distances to what the rows are ordered
-- by, to something else, of other rows, and after the vector has changed.
CREATE TABLE item (id int, v vector(700));
INSERT INTO item SELECT i, pseudo_random(i, 700) FROM generate_series(1, 300) i;
CREATE INDEX item_index ON item USING omen_hnsw (v);
CREATE VIEW nearest AS
	SELECT id, v <-> pseudo_random(-1, 700) AS d, v <-> pseudo_random(-2, 700) AS other,
		v <#> pseudo_random(-1, 700) AS product, pseudo_random(-1, 700) <-> v AS swapped,
		(SELECT b.v <-> a.v FROM item b WHERE b.id = a.id % 300 + 1) AS next
	FROM item a ORDER BY v <-> pseudo_random(-1, 700) LIMIT 40;
SELECT uses_index('SELECT * FROM nearest');
CREATE TABLE by_index AS SELECT * FROM nearest;
SET enable_seqscan = on;
SET enable_indexscan = off;
SELECT count(*) FROM (TABLE by_index EXCEPT ALL TABLE nearest) s;
RESET enable_indexscan;
SET enable_seqscan = off;
BEGIN;
DECLARE nearest CURSOR FOR SELECT id, (v <-> pseudo_random(-1, 700))::int AS d FROM item ORDER BY v <-> pseudo_random(-1, 700);
FETCH 1 FROM nearest;
UPDATE item SET v = pseudo_random(-1, 700) WHERE id = 5;
SELECT id, v <-> pseudo_random(-1, 700) AS d FROM item WHERE id = 5;
FETCH 1 FROM nearest;
COMMIT;
SELECT agrees('item', '<->', pseudo_random(-1, 700), 1000);
DROP VIEW nearest;
DROP TABLE item;
DROP TABLE by_index;

-- Many rescans, each with answers of its own.
CREATE TABLE item (id int, v vector(8));
INSERT INTO item SELECT i, pseudo_random(i, 8) FROM generate_series(1, 900) i;
INSERT INTO item VALUES (901, NULL), (902, NULL);
CREATE INDEX item_index ON item USING omen_hnsw (v);
CREATE FUNCTION rescans() RETURNS TABLE (number int, ds float8[]) LANGUAGE sql STABLE AS $$
	SELECT i, (SELECT array_agg(d) FROM (SELECT v <-> q AS d FROM item ORDER BY v <-> q LIMIT 1 + i % 9) s)
	FROM (SELECT i, CASE WHEN i % 11 <> 0 THEN pseudo_random(-i, 8) END AS q FROM generate_series(1, 100) i) s
$$;
SELECT uses_index('SELECT * FROM rescans()');
CREATE TABLE by_index AS SELECT * FROM rescans();
SET enable_seqscan = on;
SET enable_indexscan = off;
SELECT count(*) FROM (TABLE by_index EXCEPT ALL SELECT * FROM rescans()) s WHERE number % 11 <> 0;
RESET enable_indexscan;
SET enable_seqscan = off;
DROP TABLE item, by_index;

-- Rescans: each outer row asks anew, NULL and the zero vector among them.
CREATE TABLE item (id int, v vector(3));
INSERT INTO item SELECT i, ARRAY[i, 0, 0]::vector FROM generate_series(1, 50) i;
CREATE INDEX item_index ON item USING omen_hnsw (v);
CREATE TABLE question (number int, q vector(3));
INSERT INTO question VALUES (1, '[10.25,0,0]'), (2, '[0,0,0]'), (3, NULL), (4, '[48.75,0,1]'), (5, '[10.25,0,0]');
SELECT number, q, count(id), CASE WHEN q IS NOT NULL THEN array_agg(id) END AS ids
FROM question, LATERAL (SELECT id FROM item ORDER BY v <-> q LIMIT 3) s
GROUP BY number, q ORDER BY number;
SELECT number, (SELECT id FROM item ORDER BY v <-> q LIMIT 1) FROM question WHERE q IS NOT NULL ORDER BY number;

-- A cursor that stops, goes on, and is rewound.
BEGIN;
DECLARE nearest SCROLL CURSOR FOR SELECT id FROM item ORDER BY v <-> '[20.25,0,0]';
FETCH 3 FROM nearest;
MOVE ABSOLUTE 0 FROM nearest;
FETCH 2 FROM nearest;
FETCH BACKWARD 1 FROM nearest;
MOVE FORWARD 46 FROM nearest;
FETCH ALL FROM nearest;
COMMIT;

-- A cursor sees the table as it was when it was opened.
BEGIN;
DECLARE nearest CURSOR FOR SELECT id FROM item ORDER BY v <-> '[20.25,0,0]';
FETCH 1 FROM nearest;
DELETE FROM item WHERE id = 21;
INSERT INTO item VALUES (100, '[19.5,0,0]');
FETCH 2 FROM nearest;
ROLLBACK;

-- UPDATE of the vector and of other columns, DELETE, TRUNCATE.
UPDATE item SET v = '[200,0,0]' WHERE id = 10;
UPDATE item SET id = 111 WHERE id = 11;
DELETE FROM item WHERE id = 12;
SELECT id FROM item ORDER BY v <-> '[10.25,0,0]' LIMIT 4;
SELECT id FROM item ORDER BY v <-> '[300,0,0]' LIMIT 2;
UPDATE item SET v = NULL WHERE id = 9;
UPDATE item SET v = '[11.5,0,0]' WHERE id = 9;
SELECT id FROM item ORDER BY v <-> '[11.75,0,0]' LIMIT 2;
SELECT agrees('item', '<->', '[11.75,0,0]', 100);
VACUUM item;
SELECT agrees('item', '<->', '[11.75,0,0]', 100);
SELECT * FROM walk('item', '<->', '[0,0,0]');
SELECT * FROM omen_hnsw_check('item_index', true);
TRUNCATE item;
SELECT id FROM item ORDER BY v <-> '[1,1,1]' LIMIT 2;
INSERT INTO item VALUES (1, '[1,2,3]');
SELECT id FROM item ORDER BY v <-> '[1,1,1]' LIMIT 2;
BEGIN;
TRUNCATE item;
INSERT INTO item VALUES (2, '[1,2,3]');
SELECT id FROM item ORDER BY v <-> '[1,1,1]' LIMIT 2;
ROLLBACK;
SELECT id FROM item ORDER BY v <-> '[1,1,1]' LIMIT 2;
SELECT * FROM omen_hnsw_check('item_index', true);

-- Every vector of an index has as many dimensions as the column.
SELECT id FROM item ORDER BY v <-> '[1,2]' LIMIT 1;
SELECT id FROM item ORDER BY v <-> '[1,2,3,4]'::vector LIMIT 1;
INSERT INTO item VALUES (3, '[1,2]');
TRUNCATE item;
SELECT id FROM item ORDER BY v <-> '[1,2]' LIMIT 1;
CREATE TABLE anything (v vector);
CREATE INDEX ON anything USING omen_hnsw (v);
INSERT INTO anything VALUES ('[1,2]'), ('[1,2,3]');
CREATE INDEX ON anything USING omen_hnsw ((v::vector(3)));
DELETE FROM anything WHERE vector_dims(v) <> 3;
CREATE INDEX ON anything USING omen_hnsw ((v::vector(3)));
INSERT INTO anything VALUES ('[1,2]');
SELECT v FROM anything ORDER BY v::vector(3) <-> '[1,1,1]' LIMIT 1;

-- Rows share a node only if their codes are the same, not the sums of these
-- alone; the error bound of the node is that of the farthest of its rows.
CREATE TABLE alike (id int, v vector(4));
INSERT INTO alike VALUES (1, '[0,255,100,200]'), (2, '[0,255,100.4,199.7]');
CREATE INDEX alike_index ON alike USING omen_hnsw (v vector_l1_ops);
INSERT INTO alike VALUES (3, '[0,255,200,100]'), (4, '[0,255,99.55,200]');
SELECT nodes, rows FROM omen_hnsw_info('alike_index');
SELECT * FROM omen_hnsw_check('alike_index', true);

-- What cannot be indexed.
CREATE TABLE wrong (id int, v vector(3), w vector(3), a int[]);
CREATE INDEX ON wrong USING omen_hnsw (id);
CREATE INDEX ON wrong USING omen_hnsw (a);
CREATE INDEX ON wrong USING omen_hnsw (v, w);
CREATE UNIQUE INDEX ON wrong USING omen_hnsw (v);
CREATE INDEX ON wrong USING omen_hnsw (v) INCLUDE (id);
CREATE INDEX ON wrong USING omen_hnsw (v DESC);
CREATE INDEX ON wrong USING omen_hnsw (v NULLS FIRST);

SET client_min_messages = warning;
DROP SCHEMA hnsw_vector CASCADE;
