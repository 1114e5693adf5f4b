-- Filter keys: columns after the vector.
SET client_min_messages = warning;
SET enable_seqscan = off;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN label AS text;

CREATE TABLE item (
	id int, embedding vector(24), tenant int, small int2, big int8, flag bool,
	real_number float4, double_number float8, number numeric, name text,
	code text COLLATE "C", short varchar(20), padded char(8), domained label,
	uid uuid, object oid, day date, moment timestamp, instant timestamptz,
	address inet, feeling mood, tags int[], big_tags int8[], words text[]
);

CREATE FUNCTION pseudo(i int, d int) RETURNS float4 LANGUAGE sql IMMUTABLE AS
	$$ SELECT (hashint8extended(i * 1000 + d, 0) % 1000)::float4 / 1000 $$;

CREATE FUNCTION make_vector(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(pseudo(i, d) ORDER BY d)::vector(24) FROM generate_series(1, 24) d $$;

CREATE FUNCTION fill(first int, last int) RETURNS void LANGUAGE sql AS $$
INSERT INTO item SELECT i, make_vector(i), nullif(i % 50, 49), i % 300 - 150,
	i * 1000000007::int8, i % 3 = 0, i / 10.0, -i / 7.0, (i % 977) * 1.0000000000000001,
	's' || (i % 97), 'c' || (i % 1000), 'v' || i % 10, 'p' || i % 20, 'd' || i % 5,
	lpad(to_hex(i % 211), 32, '0')::uuid, 3000000000::int8 + i % 40,
	CASE WHEN i % 500 = 0 THEN 'infinity' ELSE date '2020-01-01' + i % 700 END,
	CASE WHEN i % 500 = 0 THEN '-infinity' ELSE timestamp '2020-01-01 00:30' + i * interval '1 hour' END,
	timestamptz '2020-01-01 00:00+00' + i * interval '1 hour',
	('10.0.' || i % 200 || '.0/24')::inet, (array['sad', 'ok', 'happy'])[1 + i % 3]::mood,
	CASE WHEN i % 100 = 0 THEN '{}' ELSE array[i % 30, i % 7, 100 + i % 11, NULL] END,
	array[i % 30, i % 7]::int8[], array['w' || i % 40, 'x' || i % 3]
FROM generate_series(first, last) i $$;

SELECT fill(1, 2500);
INSERT INTO item (id, embedding) VALUES (0, make_vector(0));
CREATE INDEX item_index ON item USING omen_hnsw (embedding, tenant, small, big, flag,
	real_number, double_number, number, name, code, short, padded);
CREATE INDEX other_index ON item USING omen_hnsw (embedding vector_cosine_ops, domained,
	uid, object, day, moment, instant, address, feeling, tags, big_tags, words) WITH (storage = full);
-- and through inserts, one of them into a graph
SELECT fill(2501, 3000);
VACUUM ANALYZE item;
SELECT * FROM omen_hnsw_check('item_index', true);
SELECT * FROM omen_hnsw_check('other_index', true);

-- For a condition: how many of the rows that pass a walk through the graph gives
-- and an exact pass, of how many, and how many rows it had to look up in vain.
-- Both go by the keys: there is no other index.
CREATE FUNCTION try_key(condition text, operator text DEFAULT '<->') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	query text := format('FROM item WHERE %s ORDER BY embedding %s %L', condition, operator, make_vector(-1));
	expected int;
	line text;
	found int;
	result text := '';
BEGIN
	SET LOCAL omendb.enable_scan = off;
	EXECUTE 'SELECT count(*) FROM item WHERE ' || condition INTO expected;
	SET LOCAL omendb.enable_scan = on;
	FOREACH line IN ARRAY array['graph', 'exact'] LOOP
		PERFORM set_config('omendb.filter_strategy', line, true);
		EXECUTE format('SELECT count(DISTINCT id) FROM (SELECT id %s LIMIT 5000) x', query) INTO found;
		result := result || found || ' ';
	END LOOP;
	SET LOCAL omendb.filter_strategy = graph;
	result := result || 'of ' || expected;
	FOR line IN EXECUTE format('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id %s LIMIT 10', query) LOOP
		IF line LIKE '%Key Filter:%' THEN
			result := result || ', by' || regexp_replace(substring(line from 'Key Filter:(.*)'),
				'item\.tenant = .*', 'item.tenant = a parameter)');
		ELSIF line ~ 'Rows Removed by Filter' THEN
			result := result || ', some in vain';
		END IF;
	END LOOP;
	SET LOCAL omendb.filter_strategy = auto;
	RETURN result;
END $$;

SELECT condition, try_key(condition) FROM unnest(array[
	'tenant = 7', 'tenant = 7::int8', '7::int2 = tenant', 'tenant < 3', '3 > tenant',
	'tenant <= 3', 'tenant >= 47', 'tenant > 47', 'tenant <> 7', 'tenant IN (3, 4, 5)',
	'tenant = 3 OR tenant = 4', 'tenant = 3 OR small = 4', 'tenant < ANY (array[2, 3])',
	'tenant > ALL (array[46, 47])', 'tenant IS NULL', 'tenant IS NOT NULL', 'tenant = NULL::int',
	'tenant = ANY (NULL::int[])', 'tenant = ANY (array[NULL, 4])', 'tenant BETWEEN 10 AND 12 AND flag',
	'tenant + 1 = 8', 'tenant = small', 'tenant = (SELECT 7)', 'tenant = 7 AND id % 100 = 7',
	'small = -150', 'small < -140::int8', 'small = 40000', 'big = 5000000035', 'big < 5000000035',
	'big > 2147483647::int4 AND big < 20000000000', 'flag', 'NOT flag', 'flag = true', 'flag IS TRUE',
	'flag IS FALSE', 'flag IS NOT TRUE', 'flag IS UNKNOWN',
	'real_number < 10.5', 'real_number = 0.5', 'real_number = 0.1::float4', 'real_number > ''NaN''::float8',
	'double_number < -300::float4', 'double_number = -1', 'double_number >= -0.0',
	'number = 5 * 1.0000000000000001', 'number = 5', 'number < 5', 'number > 970', 'number > ''NaN''',
	'name = ''s5''', 'name IN (''s5'', ''s6'')', 'code < ''c1''', 'code BETWEEN ''c2'' AND ''c3''',
	'code > ''c99999999''', 'code = ''''', 'short = ''v3''', 'padded = ''p3''', 'padded = ''p3     ''::char(8)']) condition;

SELECT condition, try_key(condition, '<=>') FROM unnest(array[
	'domained = ''d3''', 'uid = ''00000000-0000-0000-0000-000000000005''',
	'uid < ''00000000-0000-0000-0000-000000000005''', 'uid > ''00000000-0000-0000-0000-000000000005''',
	'object = 3000000005', 'object > 3000000037', 'day = ''2020-03-01''', 'day = ''infinity''',
	'day < ''2020-01-05''', 'day < timestamp ''2020-01-05 00:00''', 'day < timestamp ''2020-01-05 00:01''',
	'day <= timestamp ''2020-01-05 00:01''', 'day = timestamp ''2020-01-05 00:00''',
	'day = timestamp ''2020-01-05 00:01''', 'day >= timestamp ''2021-11-25 00:01''',
	'day > timestamp ''infinity''', 'day >= timestamp ''infinity''', 'day > timestamp ''1999-12-31 23:59''',
	'day < timestamptz ''2020-01-05 00:00+00''',
	'moment < date ''2020-01-03''', 'moment = ''-infinity''', 'moment > ''2020-05-03 12:00''',
	'moment < date ''5000000-01-01''', 'moment < timestamptz ''2020-01-03 00:00+00''',
	'instant < ''2020-01-03 00:00+00''', 'instant < date ''2020-01-03''', 'instant <= timestamp ''2020-01-03 00:00''',
	'address = ''10.0.7.0/24''', 'address = ''10.0.7.0''', 'address > ''10.0.190.1''', 'address << ''10.0.0.0/16''',
	'feeling = ''ok''', 'feeling > ''ok''', 'feeling IN (''sad'', ''happy'')',
	'tags && array[3]', 'tags && array[3, 4]', 'tags && ''{}''', 'tags && array[NULL::int]', 'tags @> array[3, 105]',
	'tags @> ''{}''', 'tags @> array[3, NULL]', 'tags <@ array[1, 2, 3, 4, 5, 6, 0, 100, 101]',
	'tags = array[3, 3, 103, NULL]', 'tags = ''{}''', 'tags IS NULL', '3 = ANY (tags)',
	'big_tags && array[3::int8]', 'words && array[''w5'', ''w6'']', 'words @> array[''w5'', ''x2'']',
	'words = array[''w5'', ''x2'']', 'domained = ''d3'' AND words @> array[''w3''] AND tags && array[1, 2, 3]']) condition;

-- Joined by OR and AND, of several columns.
SELECT condition, try_key(condition) FROM unnest(array[
	'tenant = 3 OR tenant IS NULL', 'tenant = 3 OR small = 4 AND flag', 'tenant = 3 AND small < 0 OR flag AND small > 147',
	'tenant = 3 AND (small < -100 OR flag AND (small > 100 OR number < 50)) OR tenant = 4 AND small = 4',
	'(tenant = 3 OR small = 4) AND (flag OR number < 100)', 'NOT (tenant <> 3 AND small <> 4)',
	'tenant IN (3, 5) OR small < ANY (array[-148, -149])', 'small = 40000 OR number = 5', 'small = 40000 AND flag OR tenant = 3',
	'(tenant = 3 OR flag) AND small = 40000', 'tenant = 3 AND id > 1500 OR small = 4', 'id > 1500 AND (tenant = 3 OR small = 4)',
	'tenant = 3 OR id = 5', 'tenant = 3 OR small = 4 AND id < 2000 OR id = 5', 'tenant = 3 OR code < ''c1''',
	'tenant = (SELECT NULL::int) OR small = 4', 'tenant = (SELECT NULL::int) OR small = (SELECT NULL::int)',
	'tenant = 3 OR tenant <> 4 AND small = 4']) condition;
SELECT try_key(string_agg(format('tenant = %s AND small = %s', i % 50, i), ' OR '))
FROM generate_series(0, 40) i;
SELECT condition, try_key(condition, '<=>') FROM unnest(array[
	'tags @> array[3] OR words && array[''w5'']', 'tags && array[3] AND words && array[''x2''] OR feeling = ''sad'' AND day < ''2020-01-05''',
	'tags <@ array[1, 8, 101] OR tags IS NULL']) condition;
PREPARE joined(int, int) AS SELECT id FROM item WHERE tenant = $1 AND flag OR small = $2 ORDER BY embedding <-> make_vector(-1) LIMIT 100;
SET plan_cache_mode = force_generic_plan;
CREATE FUNCTION try_joined(parameters text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE joined ' || parameters LOOP
		result := result || coalesce(substring(line from '(?:Key Filter: |Rows Removed).*|actual rows=\d+') || '; ', '');
	END LOOP;
	RETURN result;
END $$;
SELECT try_joined(p) FROM unnest('{"(3, 4)","(NULL, 4)","(3, NULL)","(NULL, NULL)"}'::text[]) p;
RESET plan_cache_mode;
SELECT t, count(id), bool_and(tenant = t OR small = 2 * t) FROM generate_series(3, 5) t LEFT JOIN LATERAL (
	SELECT * FROM item WHERE tenant = t OR small = 2 * t ORDER BY embedding <-> make_vector(-1) LIMIT 40) x ON true GROUP BY t ORDER BY t;

-- The index whose columns tell more is taken, and what OR would spare is not
-- evaluated.
CREATE INDEX plain_index ON item USING omen_hnsw (embedding);
SELECT try_key('tenant IN (3, 4) AND flag');
SELECT try_key('tenant = 3 OR tenant = 4 / (small - small + 1)');
SELECT count(*) FROM (SELECT id FROM item WHERE small IS NOT NULL AND tenant IS NOT NULL OR tenant = (SELECT 1 / (count(*) - 1)::int FROM pg_class WHERE relname = 'item') ORDER BY embedding <-> make_vector(-1) LIMIT 10) x;
SELECT count(*) FROM (SELECT id FROM item WHERE tenant IS NOT NULL OR tenant = 1 / (SELECT 0) ORDER BY embedding <-> make_vector(-1) LIMIT 10) x;
DROP INDEX plain_index;
-- A sweep that ends goes on by the keys.
SET omendb.filter_strategy = sweep;
SELECT count(*), bool_and(tenant = 7) FROM (SELECT * FROM item WHERE tenant = 7 ORDER BY embedding <-> make_vector(-1) LIMIT 1000) x;
-- It looked up all 3,001 rows once; the pass that comes then goes by the keys, too.
DO $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
		SELECT id FROM item WHERE tenant = 7 ORDER BY embedding <-> %L LIMIT 1000', make_vector(-1)) LOOP
		IF line ~ 'Rows Removed by Filter' AND substring(line from '\d+')::int > 3001 THEN
			RAISE WARNING '%', line;
		END IF;
	END LOOP;
END $$;
-- An exact pass goes by the keys where they tell much, and over the table where they tell little.
SET omendb.filter_strategy = exact;
SELECT count(*) FROM (SELECT id FROM item WHERE tenant = 7 ORDER BY embedding <-> make_vector(-1) LIMIT 10) x;
SELECT visits > 0 AS by_keys FROM omen_hnsw_last_scan();
SELECT count(*) FROM (SELECT id FROM item WHERE tenant IS NOT NULL AND id % 2 = 0 ORDER BY embedding <-> make_vector(-1) LIMIT 10) x;
SELECT visits > 0 AS by_keys FROM omen_hnsw_last_scan();
SET omendb.filter_strategy = sweep;
-- Of more elements than are worth looking for one by one.
SELECT count(*) FROM (SELECT * FROM item WHERE tags && (SELECT array_agg(i) FROM generate_series(3, 700) i) ORDER BY embedding <=> make_vector(-1) LIMIT 5000) x;
RESET omendb.filter_strategy;

-- A walk by keys finds the nearest.
SET omendb.filter_strategy = graph;
WITH nearest AS MATERIALIZED (
	SELECT id FROM item WHERE tenant IN (3, 14, 15, 9, 2, 6, 5, 35, 8) ORDER BY embedding <-> make_vector(-1) LIMIT 20
), exact AS MATERIALIZED (
	SELECT id FROM item WHERE tenant IN (3, 14, 15, 9, 2, 6, 5, 35, 8) ORDER BY (embedding <-> make_vector(-1)) + 0 LIMIT 20
)
SELECT count(*) >= 19 AS near FROM nearest JOIN exact USING (id);

-- So do plain index scans, where PostgreSQL hands conditions to them.
SET omendb.enable_scan = off;
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE tenant = 7 AND number < 500 ORDER BY embedding <-> make_vector(-1) LIMIT 3;
SELECT count(*), count(DISTINCT id), bool_and(tenant = 7 AND number < 500) FROM (
	SELECT * FROM item WHERE tenant = 7 AND number < 500 ORDER BY embedding <-> make_vector(-1) LIMIT 1000) x;
SELECT count(*) FROM item WHERE (tenant + 0) = 7 AND (number + 0) < 500;
SELECT count(*) FROM (SELECT id FROM item WHERE tenant IS NULL ORDER BY embedding <-> make_vector(-1) LIMIT 1000) x;
SELECT count(*) FROM (SELECT id FROM item WHERE embedding IS NULL AND tenant IS NULL ORDER BY embedding <-> make_vector(-1) LIMIT 1000) x;
SELECT count(*) FROM (SELECT id FROM item WHERE tenant = (SELECT NULL::int) ORDER BY embedding <-> make_vector(-1) LIMIT 1000) x;
SELECT sum(n) FROM (VALUES (3), (4), (NULL), (1000)) q(tenant), LATERAL (SELECT count(*) AS n FROM (
	SELECT id FROM item WHERE item.tenant = q.tenant ORDER BY embedding <-> make_vector(-1) LIMIT 25) x) y;
RESET omendb.enable_scan;

-- Keys that are parameters, in a plan that is used again and again.
SET plan_cache_mode = force_generic_plan;
PREPARE by_tenant (int, int) AS SELECT count(*), min(tenant), max(tenant) FROM (
	SELECT tenant FROM item WHERE tenant = $1 ORDER BY embedding <-> make_vector(-1) LIMIT $2) x;
EXECUTE by_tenant (7, 10);
EXECUTE by_tenant (8, 1000);
EXECUTE by_tenant (NULL, 10);
EXECUTE by_tenant (-1, 10);
SELECT sum(n) FROM (VALUES (3), (4), (NULL), (1000)) q(tenant), LATERAL (SELECT count(*) AS n FROM (
	SELECT id FROM item WHERE item.tenant = q.tenant ORDER BY embedding <-> make_vector(-1) LIMIT 25) x) y;
RESET plan_cache_mode;
RESET omendb.filter_strategy;

-- Rows without a vector come last, of those that pass.
INSERT INTO item (id, embedding, tenant) VALUES (-1, NULL, 7), (-2, NULL, 8), (-3, make_vector(-3), 7);
SELECT count(*), count(embedding), bool_and(tenant = 7) FROM (
	SELECT * FROM item WHERE tenant = 7 ORDER BY embedding <-> make_vector(-1) LIMIT 1000) x;
SELECT array_agg(id) FROM (SELECT id FROM item WHERE tenant = 7 ORDER BY embedding <-> make_vector(-1) OFFSET 60) x;

-- UPDATE of a key alone.  The node has to follow.
UPDATE item SET tenant = 100 WHERE id BETWEEN 100 AND 150;
SELECT try_key('tenant = 100');
SELECT try_key('tenant = 7');
UPDATE item SET tenant = 101 WHERE id BETWEEN 100 AND 110;
VACUUM item;
SELECT try_key('tenant = 100');
SELECT try_key('tenant = 101');
UPDATE item SET tenant = NULL WHERE id BETWEEN 100 AND 110;
SELECT try_key('tenant IS NULL');
SELECT try_key('tenant = 101');
DELETE FROM item WHERE id BETWEEN 120 AND 2000;
VACUUM item;
SELECT fill(120, 2000);
SELECT try_key('tenant = 100');
SELECT try_key('tenant = 7');
SELECT * FROM omen_hnsw_check('item_index', true);
SELECT * FROM omen_hnsw_check('other_index', true);
DROP TABLE item;

-- Rows of one vector and different keys: a few nodes, then one for all others,
-- whose keys say nothing.
CREATE TABLE item (id int, embedding vector(24), tenant int);
INSERT INTO item SELECT i, make_vector(i), i % 10 FROM generate_series(1, 1500) i;
INSERT INTO item SELECT i, make_vector(0), i % 10 FROM generate_series(2001, 2100) i;
CREATE INDEX item_index ON item USING omen_hnsw (embedding, tenant);
SELECT nodes FROM omen_hnsw_info('item_index');
SELECT try_key('tenant = 7');
INSERT INTO item SELECT i, make_vector(-5), i % 10 FROM generate_series(3001, 3100) i;
SELECT nodes FROM omen_hnsw_info('item_index');
SELECT try_key('tenant = 7');
-- rows of one vector and equal keys share a node that has keys
INSERT INTO item SELECT i, make_vector(-6), 77 FROM generate_series(4001, 4100) i;
SELECT nodes FROM omen_hnsw_info('item_index');
SELECT try_key('tenant = 77');
-- what was shared by rows that are gone has keys again, of a new row
DELETE FROM item WHERE id BETWEEN 2001 AND 3100;
VACUUM item;
INSERT INTO item SELECT i, make_vector(0), 78 FROM generate_series(5001, 5010) i;
SELECT try_key('tenant = 78');
SELECT * FROM omen_hnsw_check('item_index', true);
REINDEX INDEX item_index;
SELECT try_key('tenant = 77');
SELECT * FROM omen_hnsw_check('item_index', true);
DROP TABLE item;

-- A short list, which becomes a graph; concurrently; of an expression, in part.
CREATE TABLE item (id int, embedding vector(24), tenant int, attributes jsonb);
CREATE INDEX item_index ON item USING omen_hnsw (embedding, tenant, ((attributes ->> 'color')), lower(attributes ->> 'color'));
INSERT INTO item SELECT i, make_vector(i), i % 10, format('{"color": "Red%s"}', i % 4)::jsonb FROM generate_series(1, 500) i;
SELECT try_key('tenant = 7');
SELECT try_key('attributes ->> ''color'' = ''Red3''');
UPDATE item SET tenant = 11 WHERE id <= 20;
INSERT INTO item SELECT i, make_vector(i), i % 10, format('{"color": "Red%s"}', i % 4)::jsonb FROM generate_series(501, 1800) i;
SELECT mode FROM omen_hnsw_info('item_index');
SELECT try_key('tenant = 7');
SELECT try_key('tenant = 11');
SELECT try_key('lower(attributes ->> ''color'') = ''red3'' AND tenant = 7');
CREATE INDEX CONCURRENTLY part_index ON item USING omen_hnsw (embedding vector_l1_ops, tenant) WHERE tenant < 5;
SELECT try_key('tenant < 5 AND tenant IN (3, 8)', '<+>');
SELECT try_key('tenant < 5', '<+>');
SELECT * FROM omen_hnsw_check('item_index', true);
SELECT * FROM omen_hnsw_check('part_index', true);
DROP TABLE item;

-- What cannot be so.
CREATE TABLE item (id int, embedding vector(3), other vector(3), point point, many int);
CREATE INDEX ON item USING omen_hnsw (embedding, other);
CREATE INDEX ON item USING omen_hnsw (embedding, point);
CREATE INDEX ON item USING omen_hnsw (embedding, id DESC);
CREATE INDEX ON item USING omen_hnsw (embedding, id vector_l2_ops);
CREATE INDEX ON item USING omen_hnsw (embedding, (id+0), (id+1), (id+2), (id+3), (id+4), (id+5), (id+6), (id+7), (id+8),
	(id+9), (id+10), (id+11), (id+12), (id+13), (id+14), (id+15), (id+16));
DROP TABLE item;
DROP TYPE mood;
DROP DOMAIN label;
DROP FUNCTION try_key, fill, make_vector, pseudo;
