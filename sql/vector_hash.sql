-- Hashes of vectors, and every plan that is built on them.

-- Equal vectors have equal hashes, the two zeroes included.
SELECT vector_hash('[0,1]') = vector_hash('[-0,1]') AS plain,
	vector_hash_extended('[0,1]', 42) = vector_hash_extended('[-0,1]', 42) AS extended;

-- Without a seed, the low half of the extended hash is the plain one.
SELECT count(*) AS different
FROM (SELECT array_fill(i, ARRAY[i])::vector AS v FROM generate_series(1, 200) i) AS t
WHERE vector_hash(v) <> ((vector_hash_extended(v, 0) << 32) >> 32)::integer;

-- The hash depends on the values, on their place, on their number and on the
-- seed.
SELECT vector_hash('[1,2]') <> vector_hash('[2,1]') AS place, vector_hash('[0]') <> vector_hash('[0,0]') AS number,
	vector_hash('[1]') <> vector_hash('[1.0000001]') AS last_bit,
	vector_hash_extended('[1]', 1) <> vector_hash_extended('[1]', 2) AS seed;
SELECT count(DISTINCT vector_hash(ARRAY[i, -i, i * 3]::vector)) > 9990 AS spread FROM generate_series(1, 10000) i;

CREATE TABLE item (id int, v vector);
INSERT INTO item SELECT i, ARRAY[i % 3, i % 2]::vector FROM generate_series(1, 12) i;
INSERT INTO item VALUES (13, '[-0,-0]'), (14, NULL), (15, NULL);

-- Hash aggregate
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM item GROUP BY v;
SELECT v, count(*) FROM item GROUP BY v ORDER BY count(*), v;
RESET enable_sort;

-- Hash join
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM item a JOIN item b USING (v);
SELECT count(*) FROM item a JOIN item b USING (v);
SELECT count(*) FROM item a WHERE NOT EXISTS (SELECT FROM item b WHERE b.v = a.v AND b.id <> a.id);
RESET enable_mergejoin;
RESET enable_nestloop;

-- Hash index
CREATE INDEX item_v ON item USING hash (v);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE v = '[0,0]';
SELECT array_agg(id ORDER BY id) FROM item WHERE v = '[0,0]';
SELECT array_agg(id ORDER BY id) FROM item WHERE v = '[0,0,0]';
RESET enable_seqscan;
RESET enable_bitmapscan;

-- Hash partitions
CREATE TABLE part (v vector) PARTITION BY HASH (v);
CREATE TABLE part_0 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part_1 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO part SELECT ARRAY[i]::vector FROM generate_series(0, 99) i;
INSERT INTO part VALUES ('[-0]');
SELECT count(DISTINCT tableoid) AS partitions, count(*) FROM part;
SELECT count(*), count(DISTINCT tableoid) AS partitions FROM part WHERE v = '[0]';

SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'vector_hash_ops';
DROP TABLE item, part;
