-- The order of vectors, and B-trees over it.

-- All comparisons of each pair: the first element that differs decides, then
-- the length; zero equals minus zero.
SELECT a, b, vector_cmp(a, b) AS cmp, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt
FROM (VALUES
	('[1,2]'::vector, '[1,2]'::vector),
	('[1,2]', '[1,3]'),
	('[2]', '[1,9]'),
	('[1]', '[1,0]'),
	('[1]', '[1,-5]'),
	('[0,1]', '[-0,1]'),
	('[-0]', '[0,0]'),
	('[-1]', '[-2]'),
	('[1e-45]', '[0]')) AS v (a, b);

-- Each comparison agrees with its mirror image and its negation.
SELECT count(*) FILTER (WHERE (a < b) <> (b > a) OR (a <= b) <> (b >= a) OR (a = b) <> (b = a)
	OR (a < b) = (a >= b) OR (a > b) = (a <= b) OR (a = b) = (a <> b)
	OR vector_cmp(a, b) <> -vector_cmp(b, a)) AS contradictions, count(*) AS pairs
FROM (SELECT ARRAY[x, y]::vector AS a FROM generate_series(-1, 1) x, generate_series(-1, 1) y UNION ALL SELECT '[0]' UNION ALL SELECT '[-0,0,0]') AS l,
	(SELECT ARRAY[x, y]::vector AS b FROM generate_series(-1, 1) x, generate_series(-1, 1) y UNION ALL SELECT '[0]' UNION ALL SELECT '[-0,0,0]') AS r;

CREATE TABLE item (id int, v vector);
INSERT INTO item VALUES (1, '[2,1]'), (2, '[1]'), (3, '[1,0]'), (4, NULL), (5, '[1,-1]'), (6, '[-0]'), (7, '[1]');
SELECT id, v FROM item ORDER BY v, id;
SELECT id, v FROM item ORDER BY v DESC, id;
SELECT DISTINCT v FROM item ORDER BY v;

-- The same through an index.
CREATE INDEX item_v ON item (v);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE v = '[1]' ORDER BY id;
SELECT id FROM item WHERE v = '[1]' ORDER BY id;
SELECT id FROM item WHERE v = '[0]' ORDER BY id;
SELECT id FROM item WHERE v >= '[1]' AND v < '[1,0]' ORDER BY id;
SELECT id FROM item WHERE v > '[1]' ORDER BY id;
SELECT id FROM item WHERE v <= '[0]' ORDER BY id;
SELECT id FROM item WHERE v = ANY (ARRAY['[2,1]', '[0]']::vector[]) ORDER BY id;
SELECT id FROM item WHERE v IS NULL;
EXPLAIN (COSTS OFF) SELECT v FROM item ORDER BY v;
SELECT v FROM item ORDER BY v;
RESET enable_seqscan;
RESET enable_bitmapscan;

-- Uniqueness is equality, so one of the zeroes.
CREATE TABLE only_one (v vector UNIQUE);
INSERT INTO only_one VALUES ('[0,1]'), ('[0]'), (NULL), (NULL);
INSERT INTO only_one VALUES ('[-0,1]');
INSERT INTO only_one VALUES ('[1]') ON CONFLICT DO NOTHING;
INSERT INTO only_one VALUES ('[1]') ON CONFLICT DO NOTHING;
SELECT v FROM only_one ORDER BY v;

-- Merge join.
ANALYZE item, only_one;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_hashjoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT id FROM item JOIN only_one USING (v) ORDER BY id;
SELECT id FROM item JOIN only_one USING (v) ORDER BY id;
RESET enable_indexscan;
RESET enable_indexonlyscan;
RESET enable_hashjoin;
RESET enable_nestloop;

-- Many entries, of values stored inline and out of line.
CREATE TABLE many AS SELECT i AS id, array_fill(i % 100, ARRAY[1 + i % 600])::vector AS v FROM generate_series(1, 5000) i;
CREATE INDEX many_v ON many (v);
SET enable_seqscan = off;
SELECT count(*) FROM many WHERE v = (SELECT v FROM many m WHERE m.id = 4242);
SELECT count(*), count(DISTINCT v) FROM many WHERE v > '[98]';
RESET enable_seqscan;
SELECT bool_and(ordered) FROM (SELECT v >= lag(v) OVER (ORDER BY v) AS ordered FROM many) AS t;

SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'vector_ops';
DROP TABLE item, only_one, many;
