-- Building omen_hnsw indexes: sizes around the crossing from a flat list to a
-- graph, equal vectors, kinds of tables and of indexes, storage, dimensions.
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir '/sql/include/knn.sql'
CREATE SCHEMA hnsw_build;
SET search_path = hnsw_build, public;
\set ECHO none
\i :include
\set ECHO all
-- Compiling each of thousands of small queries would take minutes.
SET jit = off;

-- An index of few rows is a flat list, and exact.  With ef_search at a quarter
-- of the rows a graph is searched in full, hence exact, too.
SET omendb.ef_search = 500;
CREATE TABLE item (id int, v vector(8));
CREATE FUNCTION fill(first int, last int, different int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO item SELECT i, pseudo_random(i % different, 8) FROM generate_series(first, last) i
$$;

-- What an index on the rows there are gives for a few queries.
CREATE FUNCTION outcome(OUT mode text, OUT answers text[], OUT all_rows text, OUT faults bigint)
LANGUAGE plpgsql AS $$
DECLARE
	index regclass := to_regclass('item_index');
BEGIN
	mode := i.mode FROM omen_hnsw_info(index) i;
	answers := array_agg(DISTINCT agrees('item', '<->', pseudo_random(-i, 8), 20)) FROM generate_series(1, 5) i;
	all_rows := w::text FROM walk('item', '<->', pseudo_random(-6, 8)) w;
	faults := count(*) FROM omen_hnsw_check(index, true);
END
$$;

-- Built on 0, 1, 900, 1000, 1001, 1400 rows.
CREATE FUNCTION build(rows int, different int) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE item;
	DROP INDEX IF EXISTS item_index;
	PERFORM fill(1, rows, different);
	CREATE INDEX item_index ON item USING omen_hnsw (v) WITH (m = 8);
	RETURN QUERY SELECT * FROM outcome();
END
$$;
SET client_min_messages = warning;
SELECT rows, o.* FROM unnest('{0,1,900,1000,1001,1400}'::int[]) rows,
	build(rows, 1000000) o (mode text, answers text[], all_rows text, faults bigint);

-- Built on nothing, then filled.
TRUNCATE item;
SELECT fill(1, 900, 1000000);
SELECT * FROM outcome();
SELECT fill(901, 1000, 1000000);
SELECT * FROM outcome();
SELECT fill(1001, 1400, 1000000);
SELECT * FROM outcome();
DELETE FROM item WHERE id % 3 = 0;
SELECT * FROM outcome();
VACUUM item;
SELECT * FROM outcome();
SELECT fill(1401, 1900, 1000000);
SELECT * FROM outcome();

-- Without the searching of everything: rows may be late, but neither twice nor
-- out of order, nor missing.
SET omendb.ef_search = 10;
SELECT different = fetched AS different, in_order, missing FROM walk('item', '<->', pseudo_random(-6, 8));
SET omendb.ef_search = 500;

-- Three rows in ten are copies of others; a few different vectors; all equal.
-- Built, and inserted.
SELECT different, o.* FROM unnest('{1050,100,1}'::int[]) different,
	build(1500, different) o (mode text, answers text[], all_rows text, faults bigint);
SELECT fill(1501, 1800, 1);
SELECT * FROM outcome();
TRUNCATE item;
SELECT fill(1, 1500, 1050);
SELECT * FROM outcome();
TRUNCATE item;
SELECT fill(1, 1800, 1);
SELECT * FROM outcome();
DELETE FROM item WHERE id % 10 <> 0;
VACUUM item;
SELECT * FROM outcome();
SELECT fill(2001, 3500, 1);
SELECT * FROM outcome();
SELECT fill(4001, 4400, 1000000);
SELECT * FROM outcome();

-- Rows without a vector beside more than a flat list takes of others.
TRUNCATE item;
INSERT INTO item SELECT i, CASE WHEN i % 2 = 0 THEN pseudo_random(i, 8) END FROM generate_series(1, 2600) i;
SET omendb.ef_search = 1000;
SELECT * FROM outcome();
REINDEX INDEX item_index;
SELECT * FROM outcome();
INSERT INTO item SELECT i, CASE WHEN i % 2 = 0 THEN pseudo_random(i, 8) END FROM generate_series(2601, 2800) i;
SELECT * FROM outcome();
DELETE FROM item WHERE v IS NULL AND id > 10;
VACUUM item;
SELECT * FROM outcome();

-- REINDEX and CONCURRENTLY.
REINDEX INDEX CONCURRENTLY item_index;
SELECT * FROM outcome();
DROP INDEX item_index;
CREATE INDEX CONCURRENTLY item_index ON item USING omen_hnsw (v);
SELECT * FROM outcome();
CREATE TABLE bare (v vector);
CREATE INDEX CONCURRENTLY bare_index ON bare USING omen_hnsw (v);
SELECT relname FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid WHERE NOT indisvalid AND relname = 'bare_index';

-- UNLOGGED and back.
ALTER TABLE item SET UNLOGGED;
SELECT * FROM outcome();
SELECT fill(6001, 6100, 1000000);
SELECT * FROM outcome();
ALTER TABLE item SET LOGGED;
SELECT * FROM outcome();
DROP TABLE item CASCADE;
CREATE UNLOGGED TABLE item (id int, v vector(8));
CREATE INDEX item_index ON item USING omen_hnsw (v vector_l2_ops);
SELECT fill(1, 1300, 1000000);
SELECT * FROM outcome();
DROP TABLE item;

-- TEMP.
CREATE TEMP TABLE item (id int, v vector(8));
CREATE INDEX item_index ON item USING omen_hnsw (v);
SELECT fill(1, 1300, 1000000);
SELECT * FROM outcome();
DROP TABLE item;
CREATE TEMP TABLE item (id int, v vector(8)) ON COMMIT DELETE ROWS;
CREATE INDEX item_index ON item USING omen_hnsw (v);
BEGIN;
SELECT fill(1, 1300, 1000000);
SELECT * FROM outcome();
COMMIT;
BEGIN;
SELECT fill(1, 30, 1000000);
SELECT * FROM outcome();
COMMIT;
DROP TABLE item;

-- Partitions.
CREATE TABLE item (id int, v vector(8)) PARTITION BY RANGE (id);
CREATE TABLE item_low PARTITION OF item FOR VALUES FROM (0) TO (700);
CREATE TABLE item_middle PARTITION OF item FOR VALUES FROM (700) TO (1000);
CREATE INDEX item_index ON item USING omen_hnsw (v);
CREATE TABLE item_high PARTITION OF item FOR VALUES FROM (1000) TO (10000);
SELECT fill(1, 2500, 1000000);
SELECT agrees('item', '<->', pseudo_random(-i, 8), 50) FROM generate_series(1, 3) i;
SELECT indexrelid::regclass, faults.* FROM pg_index LEFT JOIN omen_hnsw_check(indexrelid, true) faults ON true
WHERE indrelid IN ('item_low'::regclass, 'item_middle'::regclass, 'item_high'::regclass) ORDER BY 1;
DROP TABLE item;

-- Partial and expression indexes.
CREATE TABLE item (id int, v vector(8));
SELECT fill(1, 3000, 1000000);
CREATE INDEX item_partial ON item USING omen_hnsw (v vector_l1_ops) WHERE id % 2 = 0;
CREATE INDEX item_part ON item USING omen_hnsw ((subvector(v, 1, 3)::vector(3)));
SELECT fill(3001, 3200, 1000000);
SELECT agrees('item', '<+>', pseudo_random(-1, 8), 50, 'id % 2 = 0');
SELECT agrees('item', '<->', '[1,2,3]', 50, 'true', 'subvector(v, 1, 3)::vector(3)');
UPDATE item SET id = id + 1 WHERE id > 3100;
DELETE FROM item WHERE id < 1000;
VACUUM item;
SELECT agrees('item', '<+>', pseudo_random(-1, 8), 50, 'id % 2 = 0');
SELECT agrees('item', '<->', '[1,2,3]', 50, 'true', 'subvector(v, 1, 3)::vector(3)');
SELECT * FROM omen_hnsw_check('item_partial', true);
SELECT * FROM omen_hnsw_check('item_part', true);
DROP TABLE item;

-- All kinds of storage, from few to the most dimensions, built and inserted;
-- copies, a NULL and a zero among them.
CREATE FUNCTION dimensions(dims int, storage text, operator text, opclass text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answers text[];
BEGIN
	EXECUTE format('CREATE TABLE wide (id int, v vector(%s))', dims);
	INSERT INTO wide SELECT i, CASE WHEN i <> 7 THEN pseudo_random(i % 19, dims) END FROM generate_series(1, 20) i;
	EXECUTE format('CREATE INDEX wide_index ON wide USING omen_hnsw (v %s) WITH (storage = %s)', opclass, storage);
	INSERT INTO wide SELECT i, pseudo_random(i % 29, dims) FROM generate_series(21, 40) i;
	INSERT INTO wide VALUES (41, array_fill(0, ARRAY[dims])::vector);
	DELETE FROM wide WHERE id IN (9, 23);
	answers := ARRAY[agrees('wide', operator, pseudo_random(5, dims), 100),
		(SELECT w::text FROM walk('wide', operator, pseudo_random(-1, dims)) w),
		(SELECT count(*) FROM omen_hnsw_check('wide_index', true)) || ' faults'];
	DROP TABLE wide;
	RETURN answers;
END
$$;
SELECT dims, storage, dimensions(dims, storage, '<->', 'vector_l2_ops')
FROM unnest('{1,3,128,2000,8000,16000}'::int[]) dims, unnest('{full,sq8,sq4}'::text[]) storage;
SELECT dims, storage, operator, dimensions(dims, storage, operator, opclass)
FROM unnest('{2,16000}'::int[]) dims, unnest('{full,sq8,sq4}'::text[]) storage,
	(VALUES ('<=>', 'vector_cosine_ops'), ('<#>', 'vector_ip_ops'), ('<+>', 'vector_l1_ops')) o (operator, opclass)
WHERE storage <> 'sq4' OR operator <> '<+>';
SELECT dims, operator, dimensions(dims, 'sq2', operator, opclass)
FROM unnest('{256,257,1534,16000}'::int[]) dims,
	(VALUES ('<->', 'vector_l2_ops'), ('<=>', 'vector_cosine_ops'), ('<#>', 'vector_ip_ops')) o (operator, opclass);

-- Four bits do not go with L1, whatever the size of the table, nor do two; and two not with
-- few dimensions.
CREATE TABLE item (id int, v vector(3));
CREATE INDEX ON item USING omen_hnsw (v vector_l1_ops) WITH (storage = sq4);
CREATE INDEX ON item USING omen_hnsw (v vector_l1_ops) WITH (storage = sq2);
CREATE INDEX ON item USING omen_hnsw (v) WITH (storage = sq2);
INSERT INTO item SELECT i, pseudo_random(i, 3) FROM generate_series(1, 2000) i;
CREATE INDEX ON item USING omen_hnsw (v vector_l1_ops) WITH (storage = sq4);
CREATE INDEX ON item USING omen_hnsw (v) WITH (storage = sq2);
DROP TABLE item;
CREATE TABLE item (id int, v vector(255));
CREATE INDEX ON item USING omen_hnsw (v) WITH (storage = sq2);
DROP TABLE item;

-- A graph with codes out of line, and its vacuum.
CREATE TABLE item (id int, v vector(3000));
ALTER TABLE item ALTER v SET STORAGE EXTERNAL;
INSERT INTO item SELECT i, pseudo_random(i, 30)::real[] || array_fill(i % 5, ARRAY[2970])::real[] FROM generate_series(1, 1100) i;
CREATE INDEX item_index ON item USING omen_hnsw (v) WITH (storage = full, m = 4, ef_construction = 20);
SELECT mode FROM omen_hnsw_info('item_index');
SELECT agrees('item', '<->', (SELECT v FROM item WHERE id = 500), 20);
DELETE FROM item WHERE id % 2 = 0;
VACUUM item;
INSERT INTO item SELECT i, pseudo_random(i, 30)::real[] || array_fill(i % 5, ARRAY[2970])::real[] FROM generate_series(1101, 1500) i;
SELECT agrees('item', '<->', (SELECT v FROM item WHERE id = 501), 20);
SELECT * FROM walk('item', '<->', (SELECT v FROM item WHERE id = 501));
SELECT * FROM omen_hnsw_check('item_index', true);

DROP SCHEMA hnsw_build CASCADE;
