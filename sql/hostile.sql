-- What somebody may try who means no good, or does not know better: values at
-- and beyond all limits, functions that are not made to be called, objects of
-- the same names.  Each is refused by an error that says why, and harms nothing.
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir '/sql/include/strange_functions.sql'
CREATE SCHEMA hostile;
SET search_path = hostile, public;

-- What running a statement says: nothing, or the error with its SQLSTATE.  (Not
-- all versions name the schema of what an error is about.)
CREATE FUNCTION refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || replace(SQLERRM, 'public.', '');
END
$$;

-- ---------- type modifiers, where the parser does not look at them first ----------

SELECT modifiers, refusal(format('SELECT vector_typmod_in(%L)', modifiers))
FROM (VALUES
	('{}'),
	('{NULL}'),
	('{""}'),
	('{" 3 "}'),
	('{3.0}'),
	('{1e2}'),
	('{x}'),
	('{3,3}'),
	('{{3},{3}}'),
	('{0}'),
	('{-1}'),
	('{1}'),
	('{16000}'),
	('{16001}'),
	('{2147483647}'),
	('{-2147483648}'),
	('{2147483648}')) AS v (modifiers);
SELECT refusal('SELECT vector_typmod_in(NULL)');
SELECT type, refusal(format('CREATE TABLE refused (v %s)', type))
FROM (VALUES ('vector()'), ('vector(3.5)'), ('vector(NULL)'), ('vector(''3'', ''x'')'), ('vector(0)[]'), ('vector(16001)[]')) AS v (type);

-- The functions take any modifier; only -1 means none.
SELECT typmod,
	refusal(format('SELECT vector_in(''[1,2]'', 0, %s)', typmod)) AS input,
	refusal(format('SELECT vector(''[1,2]''::vector, %s, true)', typmod)) AS cast,
	refusal(format('SELECT array_to_vector(ARRAY[1,2], %s, false)', typmod)) AS array,
	refusal(format('SELECT vector_to_float4(''[1,2]'', %s, false)', typmod)) AS to_array
FROM (VALUES (-2147483648), (-2), (-1), (0), (2), (16001), (2147483647)) AS v (typmod);
SELECT vector_in(NULL, 0, -1), vector(NULL::vector, -1, NULL), array_to_vector(ARRAY[1], NULL, false), vector_to_float4(NULL, -1, false);

-- ---------- arrays ----------

SELECT input, type, left(refusal(format('SELECT %L::%s[]::vector', input, type)), 50)
FROM (VALUES
	('{NULL}', 'integer'),
	('{1,NULL,3}', 'numeric'),
	('{{1},{2}}', 'integer'),
	('{{{1}}}', 'real'),
	('{}', 'numeric'),
	('{NaN}', 'double precision'),
	('{-NaN}', 'real'),
	('{-Infinity}', 'real'),
	('{3.5e38}', 'double precision'),
	('{-3.5e38}', 'double precision'),
	('{3.4028235677973366e38}', 'double precision'),
	('{3.4028235677973362e38}', 'double precision'),
	('{1e-400}', 'numeric'),
	('{-1e400}', 'numeric'),
	('{2147483647,-2147483648}', 'integer'),
	('[2147483646:2147483646]={1}', 'integer'),
	('[-2147483648:-2147483647]={1,2}', 'integer')) AS v (input, type);
SELECT dims, refusal(format('SELECT array_fill(1::%s, ARRAY[%s])::vector', type, dims))
FROM (VALUES (16000, 'real'), (16001, 'real'), (16001, 'double precision'), (16001, 'numeric'), (1000000, 'integer')) AS v (dims, type);
SELECT refusal('SELECT array_fill(1, ARRAY[200,100])::vector');
-- one too many, after it was right
SELECT refusal('SELECT array_fill(1, ARRAY[16000])::vector || ''[1]''');
SELECT vector_dims(array_fill(1, ARRAY[15999])::vector || '[1]');

-- ---------- aggregates ----------

SELECT refusal(format('SELECT %s(v) FROM (VALUES (''[1,2]''::vector), (NULL), (''[1,2,3]''), (''[1]'')) AS t (v)', f))
FROM (VALUES ('sum'), ('avg')) AS v (f);
SELECT refusal(format('SELECT %s(v) OVER (ORDER BY i) FROM (VALUES (1, ''[1,2]''::vector), (2, ''[1]'')) AS t (i, v)', f))
FROM (VALUES ('sum'), ('avg')) AS v (f);
SELECT refusal('SELECT sum(v) FROM (SELECT ''[3.4028235e38]''::vector AS v FROM generate_series(1, 2)) s');
SELECT refusal('SELECT avg(v) FROM (SELECT ''[3.4028235e38]''::vector AS v FROM generate_series(1, 3)) s');

-- ---------- storage parameters ----------

CREATE TABLE item (id int, v vector(3), w vector(16000), x vector, t text);
SELECT parameters, refusal(format('CREATE INDEX refused ON item USING omen_hnsw (v) WITH (%s); DROP INDEX refused', parameters))
FROM (VALUES
	('m'),
	('m = NULL'),
	('m = '''''),
	('m = -1'),
	('m = 2147483648'),
	('m = 99999999999999999999'),
	('m = 8.5'),
	('m = 8.0'),
	('m = 1e1'),
	('m = ''8 kB'''),
	('m = true'),
	('m = 8, m = 9'),
	('"M" = 8'),
	('toast.m = 8'),
	('omendb.m = 8'),
	('ef_construction = -2147483648'),
	('ef_construction = ''many'''),
	('m = 2, ef_construction = 3'),
	('m = 2, ef_construction = 4'),
	('m = 100, ef_construction = 199'),
	('m = 100, ef_construction = 1000'),
	('storage'),
	('storage = '''''),
	('storage = ''SQ8'''),
	('storage = sq8x'),
	('storage = 1'),
	('autosummarize = true'),
	('autovacuum_enabled = false')) AS v (parameters);
CREATE INDEX item_v ON item USING omen_hnsw (v);
SELECT change, refusal('ALTER INDEX item_v ' || change)
FROM (VALUES
	('SET (m = 101)'),
	('SET (m = 50, ef_construction = 4)'),
	('SET (storage = sq3)'),
	('SET (lists = 1)'),
	('RESET (lists)'),
	('RESET (m = 1)'),
	('ALTER COLUMN 1 SET STATISTICS 100'),
	('SET TABLESPACE nowhere')) AS v (change);
-- what cannot be built is noticed by the build, and the index stays
SELECT refusal('ALTER INDEX item_v SET (m = 100)'), refusal('REINDEX INDEX item_v'), refusal('INSERT INTO item (v) VALUES (''[1,2,3]'')');
SELECT * FROM omen_hnsw_check('item_v', true);
ALTER INDEX item_v RESET (m);

-- ---------- indexes ----------

SELECT definition, refusal(format('CREATE INDEX refused ON item USING omen_hnsw (%s; DROP INDEX refused', definition))
FROM (VALUES
	('w)'),
	('w vector_ip_ops) WITH (m = 100, storage = full)'),
	('x)'),
	('(x::vector(16000)))'),
	('(x::vector))'),
	('v, v)'),
	('id, v)'),
	('id)'),
	('v DESC)'),
	('v NULLS FIRST)'),
	('v COLLATE "C")'),
	('v) INCLUDE (id)'),
	('v vector_l2_ops (m = 8))'),
	('v vector_ops)'),
	('v int4_ops)'),
	('v, id, id, id, id, id, id, id, id, id, id, id, id, id, id, id, id)'),
	('v, id, id, id, id, id, id, id, id, id, id, id, id, id, id, id, id, id)'),
	('v) WHERE random() > 0.5')) AS v (definition);
SELECT refusal('CREATE UNIQUE INDEX ON item USING omen_hnsw (v)');
SELECT refusal('ALTER TABLE item ADD EXCLUDE USING omen_hnsw (v WITH =)');
SELECT refusal('CLUSTER item USING item_v');

-- The longest vectors there are, in every storage.
CREATE INDEX item_full ON item USING omen_hnsw (w) WITH (storage = full);
CREATE INDEX item_sq8 ON item USING omen_hnsw (w vector_cosine_ops) WITH (storage = sq8);
CREATE INDEX item_sq4 ON item USING omen_hnsw (w vector_ip_ops) WITH (storage = sq4);
INSERT INTO item (id, w) SELECT i, array_fill(i, ARRAY[16000]) FROM generate_series(1, 3) i;
SELECT refusal('INSERT INTO item (id, w) VALUES (4, array_fill(1, ARRAY[15999]))');
SELECT refusal('INSERT INTO item (id, w) VALUES (4, array_fill(1, ARRAY[16001]))');
INSERT INTO item (id, w) VALUES (5, array_fill(3.4e38::real, ARRAY[16000])), (6, array_fill(1e-45::real, ARRAY[16000]));
SELECT relname, c.* FROM pg_class, omen_hnsw_check(oid::regclass, true) c WHERE relname IN ('item_full', 'item_sq8', 'item_sq4');
SET enable_seqscan = off;
SELECT id FROM item ORDER BY w <-> array_fill(2, ARRAY[16000])::vector LIMIT 3;
-- a query of other dimensions than the column's
SELECT refusal('SELECT id FROM item ORDER BY w <-> ''[1]'' LIMIT 3');
SELECT refusal('SELECT id FROM item ORDER BY v <-> ''[1,2]'' LIMIT 3');
RESET enable_seqscan;
DROP INDEX item_full, item_sq8, item_sq4;

-- ---------- settings ----------

-- (Not all versions say the bounds with a unit.)
SELECT setting, value, regexp_replace(refusal(format('SELECT set_config(%L, %L, true)', 'omendb.' || setting, value)), ' [(].*', '')
FROM (VALUES
	('ef_search', '1'),
	('ef_search', '10000'),
	('ef_search', '0'),
	('ef_search', '10001'),
	('ef_search', '-1'),
	('ef_search', '99999999999'),
	('ef_search', '40 kB'),
	('ef_search', ''),
	('scan_mem', '63'),
	('scan_mem', '64'),
	('scan_mem', '64kB'),
	('scan_mem', '1B'),
	('scan_mem', '0'),
	('scan_mem', '-1'),
	('scan_mem', '2147483647'),
	('scan_mem', '2147483648'),
	('scan_mem', '1 parsec'),
	('filter_strategy', 'AUTO'),
	('filter_strategy', 'best'),
	('filter_strategy', ''),
	('enable_scan', 'maybe'),
	('enable_scan', ''),
	('simd', 'AVX2'),
	('simd', 'sse9'),
	('simd', repeat('x', 30)),
	('nothing', '1'),
	('', '1'),
	('ef_search.more', '1')) AS v (setting, value);
-- from wherever it comes
SELECT refusal('ALTER ROLE CURRENT_USER SET omendb.ef_search = 0');
SELECT regexp_replace(refusal('CREATE FUNCTION refused() RETURNS int LANGUAGE sql SET omendb.scan_mem = 1 AS ''SELECT 1'''), ' [(].*', '');
SELECT refusal(format('ALTER DATABASE %I SET omendb.filter_strategy = best', current_database()));
-- the most that may be set may be used
SET omendb.ef_search = 10000;
SET omendb.scan_mem = 2147483647;
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM item WHERE id > 1 ORDER BY v <-> '[1,2,3]' LIMIT 10000) s;
RESET ALL;
SET search_path = hostile, public;

-- ---------- who may do what ----------

-- What PUBLIC may not execute.
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'omendb')
	AND NOT EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) a WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE')
ORDER BY 1;
-- Nothing runs with the rights of the extension's owner, and nothing that leaks
-- its arguments says that it does not.
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'omendb')
	AND (prosecdef OR proleakproof);

CREATE ROLE omen_hostile;
GRANT CREATE, USAGE ON SCHEMA hostile TO omen_hostile;
SET ROLE omen_hostile;
SELECT refusal('SELECT * FROM omen_hnsw_check(''item_v'')');
SELECT refusal('SELECT * FROM omen_hnsw_check(''item_v'', true)');
-- how many rows an index has is for who may look into all tables
SELECT refusal('SELECT * FROM omen_hnsw_info(''item_v'')');
RESET ROLE;
GRANT pg_stat_scan_tables TO omen_hostile;
SET ROLE omen_hostile;
SELECT refusal('SELECT * FROM omen_hnsw_info(''item_v'')');
SELECT refusal('SELECT * FROM omen_hnsw_last_scan()');
-- nobody makes a type or an access method of its functions
SELECT refusal('CREATE ACCESS METHOD hostile_hnsw TYPE INDEX HANDLER omen_hnsw_handler');
SELECT refusal('CREATE OPERATOR CLASS hostile_ops FOR TYPE real USING omen_hnsw AS FUNCTION 1 omen_vector_l2_support(internal)');
SELECT refusal('CREATE FUNCTION hostile_in(cstring, oid, integer) RETURNS vector LANGUAGE c AS ''$libdir/omendb'', ''omen_vector_in''');
SELECT refusal('ALTER FUNCTION omen_hnsw_check(regclass, boolean) OWNER TO omen_hostile');
SELECT refusal('GRANT EXECUTE ON FUNCTION omen_hnsw_check(regclass, boolean) TO omen_hostile');
RESET ROLE;

-- A superuser who makes one for another type is told that it will not do.
SELECT refusal('CREATE OPERATOR CLASS hostile_ops FOR TYPE real USING omen_hnsw AS FUNCTION 1 omen_vector_l2_support(internal);
	CREATE TABLE refused (r real); CREATE INDEX ON refused USING omen_hnsw (r hostile_ops)');

-- ---------- functions that are not made to be called ----------

SELECT f, refusal(format('SELECT %s', f))
FROM (VALUES
	('omen_hnsw_handler(0)'),
	('omen_hnsw_handler(NULL)'),
	('omen_hnsw_handler(''x'')'),
	('omen_vector_l2_support(1)'),
	('omen_vector_l2_support(''x'')'),
	('omen_vector_ip_support(NULL)'),
	('omen_vector_cosine_support(NULL)'),
	('omen_vector_l1_support(NULL)'),
	('omen_key_support(NULL)'),
	('omen_key_support(''x'')'),
	('omen_distance_support(NULL)'),
	('omen_distance_support(''x'')'),
	('vector_recv(NULL, 0, -1)'),
	('vector_recv(''x'', 0, -1)'),
	('vector_out(NULL)'),
	('vector_send(NULL)')) AS v (f);

-- Everything that takes an index, given what is none.
CREATE TABLE parted (id int, v vector(3)) PARTITION BY RANGE (id);
CREATE INDEX parted_index ON parted USING omen_hnsw (v);
CREATE INDEX item_btree ON item (id);
CREATE VIEW item_view AS SELECT * FROM item;
CREATE SEQUENCE item_sequence;
CREATE TYPE item_type AS (v vector);
SELECT f, relation, refusal(format('SELECT * FROM %s(%s)', f, relation))
FROM (VALUES ('omen_hnsw_check'), ('omen_hnsw_info')) AS f (f),
	(VALUES
		('NULL'),
		('0'),
		('4294967295'),
		('-1'),
		('''item'''),
		('''item_btree'''),
		('''item_view'''),
		('''item_sequence'''),
		('''item_type'''),
		('''parted'''),
		('''parted_index'''),
		('''pg_class'''),
		('''pg_class_oid_index'''),
		('''nowhere'''),
		('''item_v''')) AS r (relation)
ORDER BY 1, 2;
SELECT refusal('SELECT * FROM omen_hnsw_check(''item_v'', NULL)');
-- An index whose build failed
INSERT INTO item (id, x) VALUES (7, '[1]');
CREATE INDEX CONCURRENTLY item_invalid ON item USING omen_hnsw ((x::vector(2)));
SELECT refusal('SELECT * FROM omen_hnsw_check(''item_invalid'')');
SELECT refusal('SELECT * FROM omen_hnsw_info(''item_invalid'')');
DROP INDEX item_invalid;

-- A sphere without a center or a radius is none.
SELECT '[1]'::vector <<->> NULL AS "null", '[1]'::vector <<->> ROW(NULL, 1)::vector_sphere AS no_center,
	'[1]'::vector <<->> ROW('[1]', NULL)::vector_sphere AS no_radius, '[1]'::vector <<->> sphere('[1]', 'NaN') AS nan,
	'[1]'::vector <<->> sphere('[1]', '-Infinity') AS negative;
SELECT refusal('SELECT ''[1]''::vector <<->> sphere(''[1,2]'', 1)');
SELECT refusal('SELECT ''[1]''::vector <<->> ROW(1, 2, 3)');
SELECT sphere(NULL, 1) AS no_center, sphere('[1]', NULL) AS no_radius, sphere(NULL, NULL) AS nothing, sphere(NULL, NULL) IS NOT DISTINCT FROM NULL AS is_null;
-- Nor is a row of other columns.
BEGIN;
ALTER TYPE vector_sphere ADD ATTRIBUTE name text;
SELECT refusal('SELECT sphere(''[1]'', 1)');
ALTER TYPE vector_sphere DROP ATTRIBUTE name;
SELECT refusal('SELECT sphere(''[1]'', 1)');
ROLLBACK;
SELECT sphere('[1]', 1);

-- ---------- objects of the same names ----------

-- All that operators, operator classes, casts and aggregates of the extension
-- call is the extension's own, or the system's.
\set ECHO none
\i :include
\set ECHO all
SELECT * FROM strange_functions();

-- Somebody has made objects where the extension is going to be: operators and
-- functions of its names that fit any type, and of those that it takes from the
-- system; types of the names that it uses.  None gets called or becomes part of
-- it.  (It takes a database of its own to make the extension again.)
\set main :DBNAME
CREATE DATABASE omendb_hostile TEMPLATE template0;
\c omendb_hostile
SET client_min_messages = warning;
CREATE SCHEMA attack;
GRANT CREATE, USAGE ON SCHEMA attack TO omen_hostile;
GRANT TEMPORARY ON DATABASE omendb_hostile TO omen_hostile;
SET ROLE omen_hostile;
CREATE FUNCTION attack.captured(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN RAISE WARNING 'captured'; RETURN true; END $$;
CREATE FUNCTION attack.captured_distance(anyelement, anyelement) RETURNS double precision LANGUAGE plpgsql AS $$
BEGIN RAISE WARNING 'captured'; RETURN 0; END $$;
CREATE FUNCTION attack.captured_integer(integer, integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN RAISE WARNING 'captured'; RETURN true; END $$;
DO $$
DECLARE
	name text;
	body text := 'BEGIN RAISE WARNING ''captured''; RETURN $1; END';
BEGIN
	FOREACH name IN ARRAY '{<,<=,=,>=,>,<>,&&,@>,<@}'::text[] LOOP
		EXECUTE format('CREATE OPERATOR attack.%s (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = attack.captured)', name);
		EXECUTE format('CREATE OPERATOR attack.%s (LEFTARG = integer, RIGHTARG = integer, FUNCTION = attack.captured_integer)', name);
	END LOOP;
	FOREACH name IN ARRAY '{<->,<#>,<=>,<+>,<<->>,+,-,*,||}'::text[] LOOP
		EXECUTE format('CREATE OPERATOR attack.%s (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = attack.captured_distance)', name);
	END LOOP;
	FOREACH name IN ARRAY '{l2_distance,cosine_distance,l1_distance,vector_negative_inner_product,vector_eq,vector_lt,vector_add,vector_l2_within,sphere,vector_accum}'::text[] LOOP
		EXECUTE format('CREATE FUNCTION attack.%s(anyelement, anyelement) RETURNS anyelement LANGUAGE plpgsql AS %L', name, body);
	END LOOP;
	FOREACH name IN ARRAY '{vector_hash,vector_norm,vector_dims,vector_avg,sum,avg}'::text[] LOOP
		EXECUTE format('CREATE FUNCTION attack.%s(anyelement) RETURNS anyelement LANGUAGE plpgsql AS %L', name, body);
	END LOOP;
	FOREACH name IN ARRAY '{int2,int4,int8,float4,float8,bool,text,cstring,internal,oid,bytea,regclass,numeric,record,anyarray,anyenum,index_am_handler}'::text[] LOOP
		EXECUTE format('CREATE DOMAIN attack.%I AS point', name);
	END LOOP;
END $$;
CREATE TEMPORARY TABLE vector (x integer);
CREATE TEMPORARY TABLE vector_sphere (x integer);
RESET ROLE;
CREATE EXTENSION omendb SCHEMA attack;
\set ECHO none
\i :include
\set ECHO all
SELECT * FROM strange_functions();
SELECT typname, typnamespace::regnamespace FROM pg_type t JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid
WHERE d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'omendb') AND typelem = 0
ORDER BY 1;

-- It works with whatever path, that of maintenance commands and that of an attack.
CREATE TABLE attack.item (id int, tags int[], v attack.vector(2));
INSERT INTO attack.item SELECT i, ARRAY[i], ARRAY[i, 1] FROM generate_series(1, 20) i;
SET search_path = attack;
CREATE INDEX item_index ON attack.item USING omen_hnsw (v, id, tags);
CREATE INDEX item_btree ON attack.item (v);
CREATE INDEX item_hash ON attack.item USING hash (v);
SELECT * FROM attack.omen_hnsw_check('attack.item_index', true);
SELECT (attack.sphere('[1,2]'::attack.vector, 1::double precision)).radius;
REINDEX TABLE attack.item;
VACUUM ANALYZE attack.item;
SET search_path = attack, pg_catalog;
SELECT * FROM attack.omen_hnsw_check('attack.item_index', true);
REINDEX TABLE attack.item;
SET search_path = pg_catalog;
SET enable_seqscan = off;
SELECT id FROM attack.item ORDER BY v OPERATOR(attack.<->) '[3,1]'::attack.vector LIMIT 1;
SELECT id FROM attack.item WHERE id = 7 AND tags @> '{7}' ORDER BY v OPERATOR(attack.<->) '[3,1]'::attack.vector LIMIT 1;
SELECT id FROM attack.item WHERE v OPERATOR(attack.=) '[3,1]'::attack.vector;
SELECT count(DISTINCT v), attack.sum(v), attack.avg(v) FROM attack.item;
DROP TABLE attack.item;
DROP EXTENSION omendb;

-- What is in the way of the extension's own objects stops it, and nothing of it
-- remains.
SET ROLE omen_hostile;
\set VERBOSITY terse
CREATE FUNCTION attack.omen_simd() RETURNS text LANGUAGE sql AS $$ SELECT 'captured' $$;
RESET ROLE;
CREATE EXTENSION omendb SCHEMA attack;
DROP FUNCTION attack.omen_simd();
CREATE TYPE attack.vector;
CREATE EXTENSION omendb SCHEMA attack;
SELECT count(*) FROM pg_proc WHERE probin LIKE '%omendb%';
\c :main
DROP DATABASE omendb_hostile;
SET client_min_messages = warning;
DROP SCHEMA hostile CASCADE;
DROP ROLE omen_hostile;
