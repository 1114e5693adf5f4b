-- EXISTS and IN beside an order by distance, whether they stand in the query or in
-- a view: a part of our scan's WHERE, and not a join that takes rows away from it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir '/sql/include/knn.sql'
CREATE SCHEMA hnsw_semi_join;
SET search_path = hnsw_semi_join, public;
\set ECHO none
\i :include
\set ECHO all

CREATE TABLE item (id int PRIMARY KEY, v vector(8));
INSERT INTO item SELECT i, pseudo_random(i, 8) FROM generate_series(1, 4000) i;
CREATE INDEX item_v ON item USING omen_hnsw (v);
CREATE TABLE reader (item int, usr int);
INSERT INTO reader SELECT i, u FROM generate_series(1, 4000) i, generate_series(1, 20) u WHERE hashint4(i + 10000 * u) % 2 = 0;
ANALYZE item, reader;
CREATE FUNCTION query() RETURNS vector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT array_fill(7, ARRAY[8])::vector $$;

-- How a query is run: the node with our filter, whether anything is joined, and
-- whether subqueries are hashed; and how many rows it gives.
CREATE FUNCTION way(query text) RETURNS TABLE (is_filter boolean, is_join boolean, is_hashed boolean, rows bigint)
LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	SELECT false, false, false INTO is_filter, is_join, is_hashed;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		is_filter := is_filter OR line ~ 'Omen Scan';
		is_join := is_join OR line ~ 'Join|Nested Loop';
		is_hashed := is_hashed OR line ~ 'Filter:.*hashed';
	END LOOP;
	EXECUTE format('SELECT count(*) FROM (%s) s', query) INTO rows;
	RETURN NEXT;
END $$;

-- In the WHERE of the query, of a view, and of a view of a view.
CREATE VIEW seen AS SELECT * FROM item WHERE EXISTS (SELECT FROM reader r WHERE r.item = item.id AND usr = 1);
CREATE VIEW seen_by_both AS SELECT id, v AS place FROM seen WHERE id IN (SELECT r.item FROM reader r WHERE usr = 2);
CREATE VIEW unseen AS SELECT * FROM item WHERE NOT EXISTS (SELECT FROM reader r WHERE r.item = item.id AND usr = 1);
SELECT * FROM way($$SELECT id FROM item WHERE EXISTS (SELECT FROM reader r WHERE r.item = item.id AND usr = 1) ORDER BY v <-> query() LIMIT 5$$);
SELECT * FROM way($$SELECT id FROM seen ORDER BY v <-> query() LIMIT 5$$);
SELECT * FROM way($$SELECT id FROM seen_by_both ORDER BY place <-> query() LIMIT 5$$);
SELECT * FROM way($$SELECT id FROM unseen ORDER BY v <-> query() LIMIT 5$$);
SELECT * FROM way($$SELECT id FROM seen WHERE id % 3 = 0 ORDER BY v <-> query() LIMIT 5$$);
SELECT * FROM way($$SELECT id FROM (SELECT * FROM item WHERE id IN (SELECT r.item FROM reader r WHERE usr = 3)) s ORDER BY v <-> query() LIMIT 5$$);

-- A view that the planner keeps to itself has no order for us.
CREATE VIEW seen_barrier WITH (security_barrier) AS SELECT * FROM seen;
SELECT * FROM way($$SELECT id FROM seen_barrier ORDER BY v <-> query() LIMIT 5$$);

-- Run for each row where an index makes that the cheaper way: for few rows, but
-- not for all.
CREATE INDEX reader_item ON reader (item, usr);
SELECT * FROM way($$SELECT id FROM seen ORDER BY v <-> query() LIMIT 5$$);
SELECT * FROM way($$SELECT id FROM seen ORDER BY v <-> query() LIMIT 1500$$);

SET client_min_messages = warning;
DROP SCHEMA hnsw_semi_join CASCADE;
