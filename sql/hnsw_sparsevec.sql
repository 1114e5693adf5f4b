-- omen_hnsw indexes on sparse vectors: which rows come, in which order.
CREATE SCHEMA hnsw_sparsevec;
SET search_path = hnsw_sparsevec, public;
SET enable_seqscan = off;

-- Do index and sequential scan give the same distances, in the same order?  With
-- approximately, how many of those of the sequential scan the index finds, and
-- whether what it finds is in order.
CREATE FUNCTION agrees(operator text, query sparsevec, k int DEFAULT 10, condition text DEFAULT 'true', approximately boolean DEFAULT false)
RETURNS text LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = on AS $$
DECLARE
	statement text := format('SELECT v %s %L::sparsevec FROM item WHERE %s ORDER BY 1 LIMIT %s', operator, query, condition, k);
	node text;
	found float8[];
	wanted float8[];
	used boolean := false;
BEGIN
	FOR node IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		used := used OR node ~ 'Index Scan using|Omen Scan';
	END LOOP;
	IF NOT used THEN
		RETURN 'the index is not used';
	END IF;
	EXECUTE format('SELECT array_agg(d) FROM (%s) s (d)', statement) INTO found;
	EXECUTE format('SELECT array_agg(d) FROM (SELECT v %s %L::sparsevec FROM (SELECT * FROM item OFFSET 0) item WHERE %s ORDER BY 1 LIMIT %s) s (d)',
		operator, query, condition, k) INTO wanted;
	IF approximately THEN
		RETURN format('%s, %s', (SELECT count(*) FROM unnest(found) d WHERE d <= wanted[k]),
			CASE WHEN found = (SELECT array_agg(d ORDER BY d) FROM unnest(found) d) THEN 'in order' ELSE 'out of order' END);
	END IF;
	RETURN CASE WHEN found IS NOT DISTINCT FROM wanted THEN format('%s rows', coalesce(cardinality(found), 0))
		ELSE format('found %s, wanted %s', found, wanted) END;
END
$$;

-- ---------- few dimensions: as of vectors ----------

CREATE TABLE item (id int, v sparsevec(3));
INSERT INTO item VALUES (1, '{}/3'), (2, '{1:1,2:2,3:2}/3'), (3, '{1:3,2:4}/3'), (4, '{1:-1,2:-2,3:-2}/3'),
	(5, '{1:2,2:1,3:2}/3'), (6, NULL), (7, '{1:6,2:8}/3'), (8, '{3:5}/3'), (9, NULL);
CREATE INDEX item_index ON item USING omen_hnsw (v);
EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <-> '{1:3,2:4}/3' LIMIT 2;
SELECT id, round((v <-> '{1:3,2:4}/3')::numeric, 4) AS distance FROM item ORDER BY v <-> '{1:3,2:4}/3', id;
SELECT id FROM item ORDER BY '{1:3,2:4}/3' <-> v LIMIT 3;
SELECT agrees('<->', '{1:3,2:4}/3', 100);
SELECT id FROM item ORDER BY v <-> '[3,4,0.1]'::vector LIMIT 2;
SELECT id FROM item ORDER BY v <-> NULL LIMIT 0;
DROP INDEX item_index;
CREATE INDEX item_index ON item USING omen_hnsw (v sparsevec_ip_ops);
SELECT id, v <#> '{1:1,2:1,3:1}/3' AS distance FROM item ORDER BY v <#> '{1:1,2:1,3:1}/3' LIMIT 2;
SELECT agrees('<#>', '{1:1,3:1}/3', 100);
DROP INDEX item_index;
CREATE INDEX item_index ON item USING omen_hnsw (v sparsevec_l1_ops);
SELECT id, v <+> '{1:4,2:4,3:1}/3' AS distance FROM item ORDER BY v <+> '{1:4,2:4,3:1}/3' LIMIT 3;
SELECT agrees('<+>', '{1:1,3:1}/3', 100);
DROP INDEX item_index;
CREATE INDEX item_index ON item USING omen_hnsw (v sparsevec_cosine_ops);
SELECT agrees('<=>', '{1:3,2:4}/3', 100);
INSERT INTO item VALUES (10, NULL), (11, '{}/3'), (12, '{1:3,2:4,3:1}/3');
SELECT agrees('<=>', '{1:3,2:4}/3', 100);
SELECT * FROM omen_hnsw_check('item_index', true);
SELECT metric, storage, dims FROM omen_hnsw_info('item_index');
INSERT INTO item VALUES (13, '{}/4');
SELECT id FROM item ORDER BY v <=> '{1:1}/4' LIMIT 1;
DROP TABLE item;

-- ---------- what there can be an index on ----------

CREATE TABLE item (v sparsevec);
CREATE INDEX ON item USING omen_hnsw (v);
CREATE INDEX item_index ON item USING omen_hnsw ((v::sparsevec(5)));
SELECT v FROM item ORDER BY v::sparsevec(5) <-> '{6:1}/6' LIMIT 1;
INSERT INTO item VALUES ('{1:1}/5');
INSERT INTO item VALUES ('{1:1}/6');
DROP TABLE item;
CREATE TABLE item (v sparsevec(1000000000));
CREATE INDEX item_index ON item USING omen_hnsw (v sparsevec_l1_ops) WITH (storage = sq4);
INSERT INTO item VALUES ('{1000000000:1}/1000000000'), ('{1:1,1000000000:1}/1000000000'), ('{}/1000000000');
SELECT v, v <+> '{1000000000:2}/1000000000' AS distance FROM item ORDER BY v <+> '{1000000000:2}/1000000000';
SELECT metric, storage, dims FROM omen_hnsw_info('item_index');
DROP TABLE item;
-- with few dimensions L1 distances are those of vectors
CREATE TABLE item (v sparsevec(1024));
CREATE INDEX ON item USING omen_hnsw (v sparsevec_l1_ops) WITH (storage = sq4);
DROP TABLE item;

-- ---------- many dimensions: by sketches ----------

-- A vector of small integers about a topic, of which each has words of its own,
-- the first of them in most texts.
CREATE FUNCTION made(seed int, topic int) RETURNS sparsevec LANGUAGE sql IMMUTABLE AS $$
	SELECT ('{' || string_agg(index || ':' || weight, ',') || '}/30522')::sparsevec FROM (
		SELECT 1 + (hashint4(topic * 7919 + floor(exp(5.3 * (hashint4(seed * 1009 + i) & 65535) / 65536))::int) & 16777215) % 30522 AS index,
			sum(1 + (hashint4(seed + i) & 3)) AS weight
		FROM generate_series(1, 20 + abs(seed) % 60) i GROUP BY 1) words
$$;
CREATE TABLE item (id int, k int, v sparsevec(30522));
INSERT INTO item SELECT i, i % 10, made(i, i % 40) FROM generate_series(1, 3000) i;
INSERT INTO item VALUES (0, 0, NULL), (-1, 0, '{}/30522');
INSERT INTO item SELECT -2, 0, ('{' || string_agg(i || ':' || i % 3 - 1.5, ',') || '}/30522')::sparsevec FROM generate_series(1, 16000) i;
CREATE INDEX item_l2 ON item USING omen_hnsw (v sparsevec_l2_ops, k);
CREATE INDEX item_ip ON item USING omen_hnsw (v sparsevec_ip_ops, k);
CREATE INDEX item_cosine ON item USING omen_hnsw (v sparsevec_cosine_ops, k);
CREATE INDEX item_l1 ON item USING omen_hnsw (v sparsevec_l1_ops, k);
SELECT i, mode, metric, storage, dims FROM unnest('{item_l2,item_ip,item_cosine,item_l1}'::regclass[]) i, omen_hnsw_info(i);
SELECT i, c.* FROM unnest('{item_l2,item_ip,item_cosine,item_l1}'::regclass[]) i, omen_hnsw_check(i, true) c;

-- Of the ten nearest at least nine, always in the order of the true distances.
CREATE FUNCTION found(queries int[], condition text DEFAULT 'true') RETURNS TABLE (operator text, most_found boolean, in_order boolean) LANGUAGE sql AS $$
	SELECT operator, avg(split_part(result, ',', 1)::int) >= 9, bool_and(result LIKE '%, in order')
	FROM unnest('{<->,<#>,<=>,<+>}'::text[]) operator, unnest(queries) q, LATERAL (SELECT agrees(operator, made(-q, q), 10, condition, true) AS result) a
	GROUP BY operator ORDER BY operator COLLATE "C"
$$;
SELECT * FROM found('{1,7,18,22,30}');
SELECT * FROM found('{1,7,18,22,30}', 'k = 3');
SELECT * FROM found('{1,7,18,22,30}', 'k < 9');

-- Rows where the column has no order, or no direction, come last; all come.
SELECT count(*), count(v), max(id) FROM (SELECT id, v FROM item ORDER BY v <=> made(-1, 1) OFFSET 3001) t;

-- Within a radius: exactly the rows that are nearer.
SELECT operator, bool_and(by_index = by_table) AS same, max(by_table) > 10 AS some
FROM (SELECT '<->' AS operator, count(*) AS by_index, (SELECT count(*) FROM (SELECT * FROM item OFFSET 0) t WHERE v <-> made(-7, 7) < 22) AS by_table
		FROM (SELECT id FROM item WHERE v <<->> sparsevec_sphere(made(-7, 7), 22) ORDER BY v <-> made(-7, 7)) t
	UNION ALL
	SELECT '<=>', count(*), (SELECT count(*) FROM (SELECT * FROM item OFFSET 0) t WHERE v <=> made(-7, 7) < 0.5)
		FROM (SELECT id FROM item WHERE v <<=>> sparsevec_sphere(made(-7, 7), 0.5) ORDER BY v <=> made(-7, 7)) t) s
GROUP BY operator ORDER BY operator COLLATE "C";

-- Inserted, deleted, vacuumed.
INSERT INTO item SELECT i, i % 10, made(i, i % 40) FROM generate_series(3001, 4000) i;
SELECT * FROM found('{1,7,18,22,30}', 'id > 3000');
DELETE FROM item WHERE id % 3 = 0;
VACUUM item;
SELECT * FROM found('{1,7,18,22,30}');
SELECT i, c.* FROM unnest('{item_l2,item_ip,item_cosine,item_l1}'::regclass[]) i, omen_hnsw_check(i, true) c;

-- What overflows floats on its way is found all the same.
INSERT INTO item VALUES (5000, 0, '{1:3e38,2:3e38,3:-3e38}/30522'), (5001, 0, '{1:1e-45}/30522'), (5002, 0, '{30522:-3e38}/30522');
SELECT i, c.* FROM unnest('{item_l2,item_ip,item_cosine,item_l1}'::regclass[]) i, omen_hnsw_check(i, true) c;
SELECT id FROM item WHERE id >= 5000 ORDER BY v <#> '{1:1}/30522' LIMIT 1;
SELECT id FROM item WHERE id >= 5000 ORDER BY v <=> '{1:1}/30522' LIMIT 1;
SELECT id FROM item WHERE id >= 5000 ORDER BY v <+> '{1:1}/30522' LIMIT 1;

-- Nor does it matter for inner products how long vectors are, if they all are: as
-- built, and as inserted.
CREATE FUNCTION times(v sparsevec, exponent text) RETURNS sparsevec LANGUAGE sql IMMUTABLE AS $$
	SELECT regexp_replace(v::text, ':(\d+)', ':\1' || exponent, 'g')::sparsevec
$$;
CREATE FUNCTION found_times(exponent text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	ALTER TABLE item RENAME TO usual;
	EXECUTE format('CREATE TABLE item AS SELECT id, k, times(v, %L)::sparsevec(30522) AS v FROM usual WHERE id BETWEEN 1 AND 4000', exponent);
	CREATE INDEX item_times ON item USING omen_hnsw (v sparsevec_ip_ops);
	INSERT INTO item SELECT 10000 + i, 0, times(made(10000 + i, i % 40), exponent) FROM generate_series(1, 1500) i;
	RETURN (SELECT avg(split_part(agrees('<#>', made(-q, q), 10, 'true', true), ',', 1)::int) >= 9 FROM unnest('{1,7,18,22,30}'::int[]) q)
		AND NOT EXISTS (SELECT FROM omen_hnsw_check('item_times', true));
END
$$;
SELECT found_times('e20');
DROP TABLE item;
ALTER TABLE usual RENAME TO item;
SELECT found_times('e-25');
DROP TABLE item;
ALTER TABLE usual RENAME TO item;

-- Sketches are not asked for the order of rows that are far away: all rows are
-- looked at instead of a walk through all of the graph, and the planner knows.
SET omendb.ef_search = 10;
SET omendb.enable_scan = off;
CREATE FUNCTION cost(statement text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	RETURN (plan->0->'Plan'->>'Total Cost')::numeric;
END
$$;
SELECT count(*) > 900 AS most_come, bool_and(d >= before) AS in_order
FROM (SELECT d, lag(d, 1, d) OVER () AS before FROM (SELECT v <-> made(-1, 1) AS d FROM item ORDER BY d LIMIT 1000) s) s;
SELECT visits < 2500 AS no_walk, distances > 2000 AS all_nodes, reranked > 2000 AS all_rows FROM omen_hnsw_last_scan();
ANALYZE item;
SELECT cost('SELECT id FROM item ORDER BY v <-> ''{1:1}/30522'' LIMIT 161') > 2 * cost('SELECT id FROM item ORDER BY v <-> ''{1:1}/30522'' LIMIT 160') AS priced;
RESET omendb.enable_scan;
RESET omendb.ef_search;

-- With each kind of codes.
DROP INDEX item_l2, item_ip, item_cosine, item_l1;
CREATE INDEX item_sq8 ON item USING omen_hnsw (v sparsevec_ip_ops) WITH (storage = sq8);
SELECT * FROM omen_hnsw_check('item_sq8', true);
SELECT agrees('<#>', made(-5, 5), 10, 'true', true) LIKE '%, in order';
DROP INDEX item_sq8;
CREATE INDEX item_full ON item USING omen_hnsw (v sparsevec_cosine_ops) WITH (storage = full);
SELECT * FROM omen_hnsw_check('item_full', true);
SELECT agrees('<=>', made(-5, 5), 10, 'true', true) LIKE '%, in order';

-- What the planner takes a distance for does not grow with zeroes.
CREATE TABLE narrow (v sparsevec(1000));
CREATE TABLE wide (v sparsevec(1000000000));
SET enable_seqscan = on;
SELECT cost('SELECT v <-> ''{}/1000'' FROM narrow') = cost('SELECT v <-> ''{}/1000000000'' FROM wide') AS same;
SET client_min_messages = warning;
DROP SCHEMA hnsw_sparsevec CASCADE;
