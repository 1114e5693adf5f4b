-- omen_hnsw_groups(): which groups an index has, and who may see that.
SET client_min_messages = warning;
SET datestyle = iso;

CREATE FUNCTION make_vector(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg((hashint8extended(i * 100 + d, 0) % 1000)::float4 ORDER BY d)::vector(6) FROM generate_series(1, 6) d $$;

-- One row a group, whichever rows it has, or had until VACUUM.
CREATE TABLE item (id int, tenant int, v vector(6));
CREATE INDEX item_index ON item USING omen_hnsw (tenant, v);
SELECT * FROM omen_hnsw_groups('item_index');
SELECT mode, leading_columns, groups, graph_groups, nodes, levels, group_pages, directory_pages FROM omen_hnsw_info('item_index');
INSERT INTO item SELECT i, CASE WHEN i <= 2000 THEN 1 WHEN i <= 2100 THEN 2 WHEN i <= 2110 THEN 3 END, make_vector(i) FROM generate_series(1, 2112) i;
INSERT INTO item VALUES (3000, 4, NULL);
SELECT key, mode, levels > 0 AS has_levels, max_nodes BETWEEN has AND 1.5 * has + 30 AS near,
	dead_nodes, shared_pages > 0 AS shares, has_own_pages
FROM omen_hnsw_groups('item_index'), LATERAL (SELECT count(v) AS has FROM item WHERE tenant::text IS NOT DISTINCT FROM key[1]) s ORDER BY key;
SELECT mode, leading_columns, groups, graph_groups, nodes, rows, levels > 0 AS has_levels, group_pages, directory_pages,
	pages - node_pages - upper_pages - posting_pages - payload_pages - group_pages - directory_pages - free_pages AS others FROM omen_hnsw_info('item_index');
SELECT count(*), count(DISTINCT id), min(id) > 0 AS real FROM omen_hnsw_groups('item_index');
BEGIN;
INSERT INTO item VALUES (4000, 5, make_vector(1));
ROLLBACK;
SELECT array_agg(key[1] ORDER BY key[1]) FROM omen_hnsw_groups('item_index');
DELETE FROM item WHERE tenant IN (2, 3) OR id % 5 = 0;
SELECT array_agg(key[1] ORDER BY key[1]) FROM omen_hnsw_groups('item_index');
VACUUM item;
SELECT key, mode, dead_nodes FROM omen_hnsw_groups('item_index') ORDER BY key;
SELECT groups, graph_groups, nodes FROM omen_hnsw_info('item_index');
INSERT INTO item SELECT i, i, make_vector(i) FROM generate_series(10001, 16000) i;
SELECT count(*), count(DISTINCT key), count(*) FILTER (WHERE key[1]::int > 10000) FROM omen_hnsw_groups('item_index');
SELECT groups, directory_pages > 10 AS has_levels FROM omen_hnsw_info('item_index');
-- a part of it, twice at a time
SELECT count(*) FROM (SELECT FROM omen_hnsw_groups('item_index') LIMIT 3) s;
SELECT count(*) FROM omen_hnsw_groups('item_index') a JOIN omen_hnsw_groups('item_index') b USING (id, key);
TRUNCATE item;
SELECT * FROM omen_hnsw_groups('item_index');

-- Values as their types write them.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN label AS text CHECK (value <> 'never');
CREATE DOMAIN numbers AS int[];
CREATE FUNCTION keys_of(type text, given text[]) RETURNS TABLE (key text[]) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE of_type (k %s, v vector(6))', type);
	CREATE INDEX of_type_index ON of_type USING omen_hnsw (k, v);
	EXECUTE format('INSERT INTO of_type SELECT g::%s, make_vector(n::int) FROM unnest($1) WITH ORDINALITY u (g, n)', type) USING given;
	RETURN QUERY SELECT g.key FROM omen_hnsw_groups('of_type_index') g ORDER BY g.key COLLATE "C";
	DROP TABLE of_type;
END $$;
SELECT type, array_agg(key[1]) FROM (VALUES
	('int2', '{-1,7,NULL}'::text[]), ('int8', '{-9223372036854775808,7}'), ('bool', '{t,f,NULL}'), ('oid', '{4000000000}'),
	('float4', '{0,-0,NaN,1.5}'), ('float8', '{0,-0,NaN,1.5,-Infinity}'), ('numeric', '{1.00,1,-0.00,NaN}'),
	('text', '{a,A,"",NULL,ä,"a "}'), ('varchar(10)', '{a,A,""}'), ('char(5)', '{a,"a  ",""}'), ('label', '{a,b}'), ('mood', '{sad,happy}'),
	('uuid', '{00000000-0000-0000-0000-000000000001}'), ('date', '{2020-01-01,infinity}'), ('timestamp', '{2020-01-01 00:01}'),
	('inet', '{10.0.0.1,10.0.0.1/8,::1}'), ('int[]', '{"{}","{1}","{1,NULL}","{{1,2},{3,4}}","[2:3]={1,2}",NULL}'),
	('text[]', '{"{a,NULL,\"b c\"}","{\"\"}"}'), ('uuid[]', '{"{00000000-0000-0000-0000-000000000001}"}'), ('numbers', '{"{1,2}"}'), ('mood[]', '{"{ok,NULL,sad}"}'))
	t (type, given), keys_of(type, given) GROUP BY type ORDER BY type;
SELECT length(key[1]), key[1] = repeat('xy', 1000) AS whole FROM keys_of('text', array[repeat('xy', 1000)]);
CREATE TABLE four (a text, b int, c text[], d bool, v vector(6));
CREATE INDEX four_index ON four USING omen_hnsw (lower(a), b, c, d, v);
INSERT INTO four VALUES ('A', 1, '{x,NULL}', true, make_vector(1)), ('a', 1, '{x,NULL}', true, make_vector(2)), (NULL, NULL, NULL, NULL, make_vector(3)), (NULL, 7, '{}', NULL, make_vector(3));
SELECT key, key[2]::int AS b FROM omen_hnsw_groups('four_index') ORDER BY key;
SELECT leading_columns, groups FROM omen_hnsw_info('four_index');
DROP TABLE four;

-- Who may.
CREATE ROLE omen_reader;
CREATE ROLE omen_owner;
CREATE TABLE secret (id int, tenant text, team text, v vector(6));
CREATE INDEX secret_index ON secret USING omen_hnsw (tenant, team, v);
CREATE INDEX secret_lower ON secret USING omen_hnsw (lower(tenant), v);
CREATE INDEX secret_part ON secret USING omen_hnsw (tenant, v) WHERE team > 'a';
INSERT INTO secret VALUES (1, 'a', 'b', make_vector(1));
CREATE FUNCTION asked(index regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	RETURN (SELECT array_agg(key::text) FROM omen_hnsw_groups(index));
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', sqlstate, sqlerrm, nullif(detail, ''));
END $$;
SET ROLE omen_reader;
SELECT asked('secret_index');
RESET ROLE;
GRANT EXECUTE ON FUNCTION omen_hnsw_groups TO omen_reader, omen_owner;
SET ROLE omen_reader;
SELECT asked('secret_index');
RESET ROLE;
GRANT SELECT (tenant, v) ON secret TO omen_reader;
SET ROLE omen_reader;
SELECT asked('secret_index'), asked('secret_lower'), asked('secret_part');
RESET ROLE;
GRANT SELECT (team) ON secret TO omen_reader;
SET ROLE omen_reader;
SELECT asked('secret_index'), asked('secret_lower'), asked('secret_part');
RESET ROLE;
GRANT SELECT ON secret TO omen_reader;
SET ROLE omen_reader;
SELECT asked('secret_index'), asked('secret_lower'), asked('secret_part');
RESET ROLE;
-- row-level security: not those to whom it applies
ALTER TABLE secret OWNER TO omen_owner;
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secret USING (tenant = current_user);
SELECT asked('secret_index');
SET ROLE omen_owner;
SELECT asked('secret_index');
SET ROLE omen_reader;
SELECT asked('secret_index');
SET row_security = off;
SELECT asked('secret_index');
RESET row_security;
RESET ROLE;
ALTER TABLE secret FORCE ROW LEVEL SECURITY;
SET ROLE omen_owner;
SELECT asked('secret_index');
RESET ROLE;
ALTER ROLE omen_reader BYPASSRLS;
SET ROLE omen_reader;
SELECT asked('secret_index');
RESET ROLE;
DROP TABLE secret;
REVOKE ALL ON FUNCTION omen_hnsw_groups FROM omen_reader, omen_owner;
DROP ROLE omen_reader, omen_owner;

-- What has no groups.
CREATE TABLE plain (id int, v vector(6));
CREATE INDEX plain_index ON plain USING omen_hnsw (v, id);
CREATE INDEX plain_btree ON plain (id);
CREATE TABLE parted (tenant int, v vector(6)) PARTITION BY HASH (tenant);
CREATE INDEX parted_index ON parted USING omen_hnsw (tenant, v);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT i % 10, make_vector(i) FROM generate_series(1, 100) i;
SELECT * FROM omen_hnsw_groups('plain_index');
SELECT * FROM omen_hnsw_groups('plain_btree');
SELECT * FROM omen_hnsw_groups('plain');
SELECT * FROM omen_hnsw_groups('parted_index');
SELECT * FROM omen_hnsw_groups(NULL);
SELECT leading_columns, groups, graph_groups, group_pages, directory_pages FROM omen_hnsw_info('plain_index');
SELECT array_agg(key[1] ORDER BY key[1]) FROM pg_partition_tree('parted_index') p, omen_hnsw_groups(p.relid) WHERE p.isleaf;

DROP TABLE item, plain, parted;
DROP FUNCTION keys_of, asked, make_vector;
DROP TYPE mood;
DROP DOMAIN label, numbers;
