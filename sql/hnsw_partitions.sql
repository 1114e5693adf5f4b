-- Indexes of partitioned tables: what the functions that look into one say.
CREATE SCHEMA hnsw_partitions;
SET search_path = hnsw_partitions, public;

CREATE TABLE event (id int, day int, v vector(3)) PARTITION BY RANGE (day);
CREATE INDEX event_v ON event USING omen_hnsw (v);
SELECT omen_hnsw_info('event_v');
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (2);
SELECT * FROM omen_hnsw_check('event_v');
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (2) TO (4) PARTITION BY LIST (day);
CREATE TABLE event_2_2 PARTITION OF event_2 FOR VALUES IN (2);
CREATE TABLE event_2_3 PARTITION OF event_2 FOR VALUES IN (3);
INSERT INTO event SELECT i, 1 + i % 3, ARRAY[i, 2 * i, 1]::vector FROM generate_series(1, 30) i;
SELECT omen_hnsw_info('event_v');
SELECT * FROM omen_hnsw_check('event_2_v_idx', true);

-- One row for each index that has pages.
SELECT relid, i.rows FROM pg_partition_tree('event_v') p, omen_hnsw_info(p.relid) i WHERE isleaf ORDER BY relid::text;
SELECT relid, c.kind, c.detail FROM pg_partition_tree('event_v') p, omen_hnsw_check(p.relid, true) c WHERE isleaf;

-- No more than ten are named.
CREATE TABLE many (id int, v vector(3)) PARTITION BY LIST (id);
CREATE INDEX many_v ON many USING omen_hnsw (v);
SELECT format('CREATE TABLE many_%s PARTITION OF many FOR VALUES IN (%s)', i, i) FROM generate_series(1, 12) i \gexec
SELECT omen_hnsw_info('many_v');

-- The index of another access method is none of ours, partitioned or not.
CREATE INDEX event_id ON event (id);
SELECT omen_hnsw_info('event_id');

-- Of all partitions as many rows as are asked for, or as there are.
SET enable_seqscan = off;
SELECT id FROM event ORDER BY v <-> '[7,14,1]', id LIMIT 3;
SELECT count(*) FROM (SELECT id FROM event ORDER BY v <-> '[1,2,1]' LIMIT 60) s;
SELECT count(*) FROM (SELECT id FROM event WHERE EXISTS (SELECT FROM event_1 o WHERE o.id = event.id) ORDER BY v <-> '[1,2,1]' LIMIT 60) s;
SELECT index IN (SELECT relid FROM pg_partition_tree('event_v') WHERE isleaf) AS is_one_of_them FROM omen_hnsw_last_scan();

SET client_min_messages = warning;
DROP SCHEMA hnsw_partitions CASCADE;
