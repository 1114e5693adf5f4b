-- omen_hnsw_check() finds nothing wrong with healthy indexes of every kind,
-- and says what it cannot look at.
SET client_min_messages = warning;

-- Vectors that are the same in every run: the fraction part of multiples of
-- irrational numbers.
CREATE FUNCTION pattern(n integer, dims integer) RETURNS vector
LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((n * d * 0.61803398875 + d * 0.41421356237)
					 % 1.0 - 0.5 ORDER BY d)::float8[]::vector
		FROM generate_series(1, dims) d
$$;

-- Vectors too long to make number by number.
CREATE FUNCTION long_pattern(n integer, dims integer) RETURNS vector
LANGUAGE sql IMMUTABLE AS $$
	SELECT (a || a || a || a || a || a || a || a || a || a || a || a || a || a || a || a)
		FROM (SELECT b || b || b || b || b AS a FROM (SELECT pattern(n, dims / 80) AS b) s) s
$$;

-- All that the check says of an index, and what the index is.
CREATE FUNCTION check_all(index regclass, OUT mode text, OUT nodes bigint,
						  OUT dead_nodes bigint, OUT rows bigint,
						  OUT violations text)
LANGUAGE sql AS $$
	SELECT i.mode, i.nodes, i.dead_nodes, i.rows,
		   (SELECT string_agg(format('%s: %s.%s: %s', kind, block, slot, detail), E'\n')
			FROM omen_hnsw_check(index, true))
		FROM omen_hnsw_info(index) i
$$;

-- A flat list: empty, with rows, with duplicates, NULLs, updates and holes
CREATE TABLE flat (id integer, v vector(3));
CREATE INDEX flat_index ON flat USING omen_hnsw (v);
SELECT * FROM check_all('flat_index');
INSERT INTO flat SELECT i, pattern(i, 3) FROM generate_series(1, 100) i;
INSERT INTO flat SELECT i, pattern(i % 10, 3) FROM generate_series(1, 300) i;
INSERT INTO flat SELECT i, NULL FROM generate_series(1, 50) i;
SELECT * FROM check_all('flat_index');
DELETE FROM flat WHERE id % 2 = 0;
SELECT * FROM check_all('flat_index');
VACUUM flat;
SELECT * FROM check_all('flat_index');
UPDATE flat SET v = pattern(id + 1000, 3) WHERE id < 50;
VACUUM flat;
SELECT * FROM check_all('flat_index');
TRUNCATE flat;
SELECT * FROM check_all('flat_index');

-- A graph that the flat list becomes, and one that is built
CREATE TABLE graph (id integer, tenant integer, v vector(16));
CREATE INDEX grown ON graph USING omen_hnsw (v);
CREATE INDEX grown_sq4 ON graph USING omen_hnsw (v) WITH (storage = sq4);
INSERT INTO graph SELECT i, i % 3, pattern(i, 16) FROM generate_series(1, 1500) i;
INSERT INTO graph SELECT i, i % 3, pattern(i, 16) FROM generate_series(1, 40) i, generate_series(1, 15);
INSERT INTO graph SELECT i, i % 3, NULL FROM generate_series(1, 30) i;
INSERT INTO graph SELECT i, i % 3, pattern(0, 16) - pattern(0, 16) FROM generate_series(1, 30) i;
CREATE INDEX built ON graph USING omen_hnsw (v);
CREATE INDEX built_ip ON graph USING omen_hnsw (v vector_ip_ops);
CREATE INDEX built_cosine ON graph USING omen_hnsw (v vector_cosine_ops);
CREATE INDEX built_l1 ON graph USING omen_hnsw (v vector_l1_ops);
CREATE INDEX built_full ON graph USING omen_hnsw (v) WITH (storage = full);
CREATE INDEX built_full_ip ON graph USING omen_hnsw (v vector_ip_ops) WITH (storage = full, m = 2, ef_construction = 10);
CREATE INDEX built_full_cosine ON graph USING omen_hnsw (v vector_cosine_ops) WITH (storage = full, m = 48, ef_construction = 100);
CREATE INDEX built_sq4 ON graph USING omen_hnsw (v) WITH (storage = sq4);
CREATE INDEX built_sq4_ip ON graph USING omen_hnsw (v vector_ip_ops) WITH (storage = sq4);
CREATE INDEX built_sq4_cosine ON graph USING omen_hnsw (v vector_cosine_ops) WITH (storage = sq4, m = 6, ef_construction = 20);
CREATE INDEX built_full_l1 ON graph USING omen_hnsw (v vector_l1_ops) WITH (storage = full);
CREATE INDEX built_partial ON graph USING omen_hnsw (v) WHERE tenant = 1;
CREATE INDEX built_expression ON graph USING omen_hnsw ((l2_normalize(v)::vector(16)) vector_l2_ops);
CREATE VIEW graph_indexes AS
	SELECT c.relname, c.oid::regclass AS index
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = 'graph'::regclass;
SELECT relname, mode, rows, violations
	FROM graph_indexes, check_all(index) ORDER BY relname;
SELECT metric, storage, dims, m, ef_construction, epoch, format_version,
		nodes + dead_nodes > 0 AS has_nodes, levels > 0 AS has_levels,
		mean_degree > 1 AND mean_degree <= 2 * m AS degree_in_range,
		pages = 1 + node_pages + upper_pages + posting_pages + payload_pages +
			free_pages + CASE WHEN epoch > 0 THEN 1 ELSE 0 END AS all_pages,
		round((bytes_per_node * nodes)::numeric / current_setting('block_size')::int) = pages AS bytes
	FROM graph_indexes, omen_hnsw_info(index) ORDER BY relname;
DELETE FROM graph WHERE id % 3 = 0;
UPDATE graph SET v = pattern(id + 2000, 16) WHERE id % 7 = 1;
VACUUM graph;
INSERT INTO graph SELECT i, i % 3, pattern(i, 16) FROM generate_series(2000, 2200) i;
SELECT relname, mode, rows, violations
	FROM graph_indexes, check_all(index) ORDER BY relname;
DELETE FROM graph;
VACUUM graph;
SELECT relname, rows, violations
	FROM graph_indexes, check_all(index) ORDER BY relname;
DROP TABLE graph CASCADE;

-- Codes out of line
CREATE TABLE long (id integer, v vector(16000));
CREATE INDEX long_sq8 ON long USING omen_hnsw (v) WITH (storage = sq8);
CREATE INDEX long_full ON long USING omen_hnsw (v vector_cosine_ops) WITH (storage = full);
INSERT INTO long SELECT i, long_pattern(i, 16000) FROM generate_series(1, 10) i;
INSERT INTO long SELECT i, long_pattern(1, 16000) FROM generate_series(1, 3) i;
SELECT * FROM check_all('long_sq8');
SELECT * FROM check_all('long_full');
DELETE FROM long WHERE id > 5;
VACUUM long;
SELECT * FROM check_all('long_sq8');
SELECT * FROM check_all('long_full');
SELECT payload_pages, free_pages FROM omen_hnsw_info('long_full');
REINDEX INDEX long_full;
SELECT * FROM check_all('long_full');
DROP TABLE long;
CREATE TABLE long (id integer, v vector(2400));
CREATE INDEX long_grown ON long USING omen_hnsw (v) WITH (storage = full, m = 6, ef_construction = 12);
INSERT INTO long SELECT i, long_pattern(i, 2400) FROM generate_series(1, 1100) i;
CREATE INDEX long_built ON long USING omen_hnsw (v) WITH (storage = full, m = 6, ef_construction = 12);
SELECT * FROM check_all('long_grown');
SELECT * FROM check_all('long_built');
DELETE FROM long WHERE id % 10 = 0;
VACUUM long;
SELECT mode, rows, violations FROM check_all('long_grown');
SELECT mode, rows, violations FROM check_all('long_built');
DROP TABLE long;

-- Numbers that float32 cannot hold are as they should be: the product of a code
-- and the mean, the bound of a norm, an error bound, the radius
CREATE TABLE huge (id integer, v vector(2));
INSERT INTO huge SELECT i, v::vector FROM generate_series(1, 600) i, unnest(ARRAY['[3e19,3e19]', '[0,0]']) v;
CREATE INDEX huge_index ON huge USING omen_hnsw (v vector_ip_ops);
SELECT * FROM omen_hnsw_check('huge_index', true);
DROP TABLE huge;
CREATE TABLE huge (id integer, v vector(3));
CREATE FUNCTION check_huge(size numeric, OUT ops text, OUT storage text, OUT way text, OUT violations bigint, OUT example text)
RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	FOR ops, storage, way IN SELECT * FROM unnest(ARRAY['l2', 'ip', 'cosine', 'l1']) o, unnest(ARRAY['sq8', 'full', 'sq4']) s, unnest(ARRAY['built', 'grown']) w
			WHERE NOT (o = 'l1' AND s = 'sq4')
	LOOP
		TRUNCATE huge;
		EXECUTE format('DROP INDEX IF EXISTS huge_index; CREATE INDEX huge_index ON huge USING omen_hnsw (v vector_%s_ops)
			WITH (storage = %s, m = 4, ef_construction = 16)', ops, storage);
		INSERT INTO huge SELECT i, format('[%s,%s,%s]', size * (i % 37) / 37, size * (i * 7 % 41 - 20) / 41, i % 5)::vector
			FROM generate_series(1, 1100) i;
		IF way = 'built' THEN
			REINDEX INDEX huge_index;
		END IF;
		SELECT count(*), min(c::text) INTO violations, example FROM omen_hnsw_check('huge_index', true) c;
		CONTINUE WHEN violations = 0;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT s.size, c.* FROM unnest(ARRAY[1e-37, 2e19, 3e19, 1e29, 3.3e38]) s (size), check_huge(size) c;
DROP TABLE huge;
DROP FUNCTION check_huge(numeric);

-- Unlogged and temporary
CREATE UNLOGGED TABLE unlogged (id integer, v vector(3));
CREATE INDEX unlogged_index ON unlogged USING omen_hnsw (v);
INSERT INTO unlogged SELECT i, pattern(i, 3) FROM generate_series(1, 20) i;
SELECT * FROM check_all('unlogged_index');
CREATE TEMPORARY TABLE temporary (id integer, v vector(3));
CREATE INDEX temporary_index ON temporary USING omen_hnsw (v);
INSERT INTO temporary SELECT i, pattern(i, 3) FROM generate_series(1, 20) i;
SELECT * FROM check_all('temporary_index');

-- Rows of the own transaction count; the locks are gone afterwards
BEGIN;
INSERT INTO flat SELECT i, pattern(i, 3) FROM generate_series(1, 10) i;
SELECT * FROM check_all('flat_index');
SELECT mode, granted FROM pg_locks WHERE relation = 'flat_index'::regclass AND mode = 'ShareLock';
ROLLBACK;
SELECT * FROM check_all('flat_index');

-- What cannot be checked
SELECT * FROM omen_hnsw_check(NULL);
SELECT * FROM omen_hnsw_check(0);
SELECT * FROM omen_hnsw_check('flat');
SELECT * FROM omen_hnsw_info('flat');
CREATE INDEX flat_btree ON flat (id);
SELECT * FROM omen_hnsw_check('flat_btree');
SELECT * FROM omen_hnsw_info('flat_btree');
CREATE TABLE parted (id integer, v vector(3)) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE INDEX parted_index ON parted USING omen_hnsw (v);
INSERT INTO parted SELECT i, pattern(i, 3) FROM generate_series(1, 10) i;
SELECT * FROM omen_hnsw_check('parted_index');
SELECT * FROM omen_hnsw_info('parted_index');
SELECT * FROM check_all('parted_1_v_idx');

-- Only those who have been granted it may run the check
CREATE ROLE omen_check_user;
SET ROLE omen_check_user;
SELECT * FROM omen_hnsw_check('flat_index');
SELECT mode, nodes FROM omen_hnsw_info('flat_index');
RESET ROLE;
GRANT EXECUTE ON FUNCTION omen_hnsw_check(regclass, boolean) TO omen_check_user;
SET ROLE omen_check_user;
SELECT * FROM omen_hnsw_check('flat_index', true);
RESET ROLE;

-- Expressions run as the table's owner, and may not do what they like
CREATE TABLE owned (v vector(3));
CREATE FUNCTION who(v vector) RETURNS vector(3) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RAISE WARNING 'running as %', current_user;
	RETURN v;
END $$;
INSERT INTO owned VALUES ('[1,2,3]');
ALTER TABLE owned OWNER TO omen_check_user;
SET client_min_messages = error;
CREATE INDEX owned_index ON owned USING omen_hnsw ((who(v)::vector(3)) vector_l2_ops);
SET client_min_messages = warning;
SELECT * FROM omen_hnsw_check('owned_index', true);
SELECT current_user = session_user AS restored;
DROP TABLE owned;
REVOKE ALL ON FUNCTION omen_hnsw_check(regclass, boolean) FROM omen_check_user;
DROP ROLE omen_check_user;

-- A check reads each page of an index once, if maintenance_work_mem has room for it.
CREATE TABLE many (v vector(256));
INSERT INTO many SELECT pattern(i, 256) FROM generate_series(1, 4000) i;
CREATE INDEX many_index ON many USING omen_hnsw (v);
CREATE FUNCTION pages_read(OUT often float8) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE $q$EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM omen_hnsw_check('many_index')$q$ INTO plan;
	plan := plan #> '{0,Plan}';
	often := ((plan ->> 'Shared Hit Blocks')::int + (plan ->> 'Shared Read Blocks')::int)
		/ (pg_relation_size('many_index') / current_setting('block_size')::float8);
END $$;
SELECT count(*) FROM omen_hnsw_check('many_index');
SELECT pages_read() BETWEEN 1 AND 1.3 AS once;
SET maintenance_work_mem = '1MB';
SELECT pages_read() BETWEEN 1.3 AND 2.3 AS more;
RESET maintenance_work_mem;
DROP TABLE many;
DROP FUNCTION pages_read();

-- Codes of two bits: of a list that became a graph, and built at once; with rows that
-- share a node, and after VACUUM
CREATE TABLE wide (id integer, v vector(259));
CREATE INDEX wide_grown ON wide USING omen_hnsw (v) WITH (storage = sq2);
INSERT INTO wide SELECT i, pattern(i, 259) FROM generate_series(1, 1300) i;
INSERT INTO wide SELECT i, pattern(i, 259) FROM generate_series(1, 40) i, generate_series(1, 15);
CREATE INDEX wide_built ON wide USING omen_hnsw (v) WITH (storage = sq2);
CREATE INDEX wide_built_ip ON wide USING omen_hnsw (v vector_ip_ops) WITH (storage = sq2, m = 6, ef_construction = 40);
CREATE INDEX wide_built_cosine ON wide USING omen_hnsw (v vector_cosine_ops) WITH (storage = sq2);
INSERT INTO wide SELECT i, pattern(i, 259) FROM generate_series(1301, 1350) i, generate_series(1, 2);
SELECT relname, c.* FROM pg_class, check_all(oid) c WHERE relname ~ '^wide_' ORDER BY relname;
DELETE FROM wide WHERE id % 3 = 0;
VACUUM wide;
SELECT relname, c.* FROM pg_class, check_all(oid) c WHERE relname ~ '^wide_' ORDER BY relname;
DROP TABLE wide;

-- Rows of one vector are on one node: members of a list that became a graph get the
-- code that the vector has, unless whoever inserts may not see the rows and the
-- vector is an expression
CREATE TABLE doubled (id integer, v vector(16));
CREATE INDEX doubled_column ON doubled USING omen_hnsw (v) WITH (storage = sq4);
CREATE INDEX doubled_expression ON doubled USING omen_hnsw ((v::halfvec(16)) halfvec_l2_ops) WITH (storage = sq4);
CREATE ROLE regress_omendb_inserter;
GRANT INSERT ON doubled TO regress_omendb_inserter;
INSERT INTO doubled SELECT i, pattern(i, 16) FROM generate_series(1, 1500) i;
INSERT INTO doubled SELECT i, pattern(i, 16) FROM generate_series(1, 500) i;
SELECT relname, c.* FROM pg_class, check_all(oid) c WHERE relname ~ '^doubled_' ORDER BY relname;
TRUNCATE doubled;
SET ROLE regress_omendb_inserter;
INSERT INTO doubled SELECT i, pattern(i, 16) FROM generate_series(1, 1500) i;
INSERT INTO doubled SELECT i, pattern(i, 16) FROM generate_series(1, 500) i;
RESET ROLE;
SELECT relname, mode, nodes > 1900 AS on_other_nodes, rows, violations FROM pg_class, check_all(oid) c WHERE relname ~ '^doubled_' ORDER BY relname;
TRUNCATE doubled;
GRANT SELECT ON doubled TO regress_omendb_inserter;
ALTER TABLE doubled ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_in ON doubled FOR INSERT WITH CHECK (true);
SET ROLE regress_omendb_inserter;
INSERT INTO doubled SELECT i, pattern(i, 16) FROM generate_series(1, 1500) i;
INSERT INTO doubled SELECT i, pattern(i, 16) FROM generate_series(1, 500) i;
RESET ROLE;
SELECT relname, mode, nodes > 1900 AS on_other_nodes, rows, violations FROM pg_class, check_all(oid) c WHERE relname ~ '^doubled_' ORDER BY relname;
DROP TABLE doubled;
DROP ROLE regress_omendb_inserter;

-- What the last scan took
SET enable_seqscan = off;
INSERT INTO flat SELECT i, pattern(i, 3) FROM generate_series(1, 200) i;
SELECT count(*) FROM (SELECT id FROM flat ORDER BY v <-> '[0.1,0.2,0.3]' LIMIT 10) s;
SELECT visits > 0 AS visits, distances, reranked BETWEEN 10 AND 200 AS reranked, late FROM omen_hnsw_last_scan();
RESET enable_seqscan;

DROP TABLE flat, unlogged, parted;
DROP FUNCTION who(vector);
DROP FUNCTION check_all(regclass);
DROP FUNCTION long_pattern(integer, integer);
DROP FUNCTION pattern(integer, integer);
