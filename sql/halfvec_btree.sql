-- The order of halfvecs and their hashes, and plans that are built on them.

-- All comparisons of each pair: the first element that differs decides, then
-- the length; zero equals minus zero.
SELECT a, b, halfvec_cmp(a, b) AS cmp, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt
FROM (VALUES
	('[1,2]'::halfvec, '[1,2]'::halfvec),
	('[1,2]', '[1,3]'),
	('[2]', '[1,9]'),
	('[1]', '[1,0]'),
	('[1]', '[1,-5]'),
	('[0,1]', '[-0,1]'),
	('[-0]', '[0,0]'),
	('[-1]', '[-2]'),
	('[-1]', '[1]'),
	('[5.9604645e-08]', '[0]'),
	('[-5.9604645e-08]', '[0]')) AS v (a, b);

-- Each comparison agrees with its mirror image, its negation, and with that of
-- the vectors that have these elements.
SELECT count(*) FILTER (WHERE (a < b) <> (b > a) OR (a <= b) <> (b >= a) OR (a = b) <> (b = a)
	OR (a < b) = (a >= b) OR (a > b) = (a <= b) OR (a = b) = (a <> b)
	OR halfvec_cmp(a, b) <> -halfvec_cmp(b, a)
	OR halfvec_cmp(a, b) <> vector_cmp(a::vector, b::vector)) AS contradictions, count(*) AS pairs
FROM (SELECT ARRAY[x, y / 3.0]::halfvec AS a FROM generate_series(-1, 1) x, generate_series(-2, 2) y UNION ALL SELECT '[0]' UNION ALL SELECT '[-0,0,0]' UNION ALL SELECT '[-65504]') AS l,
	(SELECT ARRAY[x, y / 3.0]::halfvec AS b FROM generate_series(-1, 1) x, generate_series(-2, 2) y UNION ALL SELECT '[0]' UNION ALL SELECT '[-0,0,0]' UNION ALL SELECT '[65504]') AS r;

CREATE TABLE item (id int, v halfvec);
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
SELECT id FROM item WHERE v IS NULL;
EXPLAIN (COSTS OFF) SELECT v FROM item ORDER BY v;
SELECT v FROM item ORDER BY v;
RESET enable_seqscan;
RESET enable_bitmapscan;

-- Uniqueness is equality, so one of the zeroes.
CREATE TABLE only_one (v halfvec UNIQUE);
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

-- Equal halfvecs have equal hashes, the two zeroes included; without a seed the
-- low half of the extended hash is the plain one.
SELECT halfvec_hash('[0,1]') = halfvec_hash('[-0,1]') AS plain,
	halfvec_hash_extended('[0,1]', 42) = halfvec_hash_extended('[-0,1]', 42) AS extended;
SELECT count(*) AS different
FROM (SELECT array_fill(i, ARRAY[i])::halfvec AS v FROM generate_series(1, 200) i) AS t
WHERE halfvec_hash(v) <> ((halfvec_hash_extended(v, 0) << 32) >> 32)::integer;
SELECT halfvec_hash('[1,2]') <> halfvec_hash('[2,1]') AS place, halfvec_hash('[0]') <> halfvec_hash('[0,0]') AS number,
	halfvec_hash('[1]') <> halfvec_hash('[1.001]') AS last_bit,
	halfvec_hash_extended('[1]', 1) <> halfvec_hash_extended('[1]', 2) AS seed;
SELECT count(DISTINCT halfvec_hash(ARRAY[i % 100, i / 100]::halfvec)) > 9990 AS spread FROM generate_series(1, 10000) i;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM item GROUP BY v;
SELECT v, count(*) FROM item GROUP BY v ORDER BY count(*), v;
RESET enable_sort;
CREATE INDEX item_hash ON item USING hash (v);
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM item a JOIN item b USING (v);
SELECT count(*) FROM item a JOIN item b USING (v);
RESET enable_mergejoin;
RESET enable_nestloop;
CREATE TABLE part (v halfvec) PARTITION BY HASH (v);
CREATE TABLE part_0 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part_1 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO part SELECT ARRAY[i]::halfvec FROM generate_series(0, 99) i;
INSERT INTO part VALUES ('[-0]');
SELECT count(DISTINCT tableoid) AS partitions, count(*) FROM part;
SELECT count(*), count(DISTINCT tableoid) AS partitions FROM part WHERE v = '[0]';

-- Many entries, of values stored inline and out of line.
CREATE TABLE many AS SELECT i AS id, array_fill(i % 100, ARRAY[1 + i % 1100])::halfvec AS v FROM generate_series(1, 3000) i;
CREATE INDEX many_v ON many (v);
SET enable_seqscan = off;
SELECT count(*) FROM many WHERE v = (SELECT v FROM many m WHERE m.id = 2424);
SELECT count(*), count(DISTINCT v) FROM many WHERE v > '[98]';
RESET enable_seqscan;
SELECT bool_and(ordered) FROM (SELECT v >= lag(v) OVER (ORDER BY v) AS ordered FROM many) AS t;

SELECT opcname, amvalidate(oid) FROM pg_opclass WHERE opcintype = 'halfvec'::regtype ORDER BY opcname COLLATE "C";
DROP TABLE item, only_one, many, part;
