-- The order of sparse vectors, B-trees and hashes over it.

-- All comparisons of each pair: as of the vectors with all their zeroes.
SELECT a, b, sparsevec_cmp(a, b) AS cmp, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt
FROM (VALUES
	('{1:1,2:2}/2'::sparsevec, '{1:1,2:2}/2'::sparsevec),
	('{1:1,2:2}/2', '{1:1,2:3}/2'),
	('{1:1}/2', '{2:1}/2'),
	('{1:-1}/2', '{2:1}/2'),
	('{1:-1}/2', '{2:-1}/2'),
	('{}/2', '{2:1}/2'),
	('{}/2', '{2:-1}/2'),
	('{}/2', '{3:-1}/3'),
	('{}/2', '{}/3'),
	('{2:1}/2', '{2:1}/3'),
	('{2:1}/2', '{2:1,3:-1}/3')) AS v (a, b);

-- They agree with those of vectors and arrays, and so do hashes.
CREATE TABLE small AS
	SELECT ARRAY[x, y, z]::vector AS v FROM generate_series(-1, 1) x, generate_series(-1, 1) y, generate_series(-1, 1) z
	UNION ALL SELECT ARRAY[x, y]::vector FROM generate_series(-1, 1) x, generate_series(-1, 1) y
	UNION ALL SELECT ARRAY[x]::vector FROM generate_series(-1, 1) x;
SELECT count(*) AS pairs, count(*) FILTER (WHERE vector_cmp(a, b) <> sparsevec_cmp(p, q)) AS order_differs,
	count(*) FILTER (WHERE sparsevec_cmp(p, q) <> -sparsevec_cmp(q, p)) AS contradictions,
	count(*) FILTER (WHERE (p = q) <> (sparsevec_hash(p) = sparsevec_hash(q))) AS hash_differs,
	count(*) FILTER (WHERE (p = q) <> (sparsevec_hash_extended(p, 5) = sparsevec_hash_extended(q, 5))) AS extended_differs
FROM (SELECT v AS a, v::sparsevec AS p FROM small) l, (SELECT v AS b, v::sparsevec AS q FROM small) r;
SELECT count(*) AS different FROM small WHERE sparsevec_hash(v::sparsevec) <> ((sparsevec_hash_extended(v::sparsevec, 0) << 32) >> 32)::integer;

-- Sorting, an index, hash aggregates and joins.
CREATE TABLE item AS SELECT row_number() OVER (ORDER BY v)::int AS id, v::sparsevec AS v FROM small;
INSERT INTO item VALUES (0, NULL), (100, '{2:1}/3');
CREATE INDEX item_v ON item (v);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE v = '{2:1}/3' ORDER BY id;
SELECT id FROM item WHERE v = '{2:1}/3' ORDER BY id;
SELECT count(*) FROM item WHERE v < '{2:1}/3';
SELECT count(*) FILTER (WHERE id < before) AS out_of_order FROM (SELECT id, lag(id) OVER (ORDER BY v) AS before FROM item WHERE id <> 100 AND v IS NOT NULL) t;
RESET enable_seqscan;
RESET enable_bitmapscan;
DROP INDEX item_v;
SET enable_sort = off;
SELECT v, count(*) FROM item GROUP BY v HAVING count(*) > 1;
RESET enable_sort;
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM item a JOIN item b USING (v);
SELECT count(*) FROM item a JOIN item b USING (v);
RESET enable_mergejoin;
RESET enable_nestloop;
SELECT opcname, amvalidate(oid) FROM pg_opclass WHERE opcname IN ('sparsevec_ops', 'sparsevec_hash_ops') ORDER BY 1;
DROP TABLE item, small;
