-- Leading columns of types that take different bytes as equal, or are compared in
-- ways of their own, and several columns with and without NULLs: which rows make
-- a group, and that queries find what they find without an index.
SET client_min_messages = warning;
SET enable_seqscan = off;
SET enable_bitmapscan = off;

CREATE FUNCTION make_vector(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg((hashint8extended(i * 100 + d, 0) % 1000)::float4 ORDER BY d)::vector(6) FROM generate_series(1, 6) d $$;

-- What conditions on column k find, by an index and without: how many rows, whether
-- they are the same, and whether the index was used.
CREATE FUNCTION compare(conditions text[]) RETURNS TABLE (condition text, rows bigint, same bool, by_index bool) LANGUAGE plpgsql AS $$
DECLARE
	query text;
	line text;
	wanted int[];
	got int[];
BEGIN
	FOREACH condition IN ARRAY conditions LOOP
		query := format('SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM of_type WHERE %s ORDER BY v <-> make_vector(1) LIMIT 1000) s', condition);
		by_index := false;
		FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
			by_index := by_index OR line SIMILAR TO '%(Index Scan using of_type_index|Omen Scan)%';
		END LOOP;
		EXECUTE query INTO got;
		EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (SELECT * FROM of_type OFFSET 0) s WHERE %s', condition) INTO wanted;
		same := got IS NOT DISTINCT FROM wanted;
		rows := coalesce(cardinality(got), 0);
		condition := left(condition, 60);
		RETURN NEXT;
	END LOOP;
END $$;

-- A table of that; each value four times, first one by one, then all together.
CREATE PROCEDURE fill(type text, given text[]) LANGUAGE plpgsql AS $$
BEGIN
	DROP TABLE IF EXISTS of_type;
	EXECUTE format('CREATE TABLE of_type (id int GENERATED ALWAYS AS IDENTITY, k %s, v vector(6))', type);
	CREATE INDEX of_type_index ON of_type USING omen_hnsw (k, v);
	FOR i IN 1 .. 3 LOOP
		EXECUTE 'INSERT INTO of_type (k, v) SELECT s.k, make_vector(n) FROM (SELECT $1) a (a), LATERAL (SELECT (json_populate_record(NULL::of_type, json_build_object(''k'', g))).k, n::int FROM unnest(a) WITH ORDINALITY u (g, n)) s' USING given;
	END LOOP;
	INSERT INTO of_type (k, v) SELECT k, v FROM of_type WHERE id <= cardinality(given);
END $$;

-- ---------- collations ----------

CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION sighted (provider = icu, locale = 'und');
CALL fill('text COLLATE blind', array['a', 'A', 'b', 'B', 'ä', 'Ä', 'a ', '', NULL, repeat('xY', 500), repeat('Xy', 500)]);
SELECT * FROM compare(array['k = ''a''', 'k = ''A''', 'k = ''b''', 'k = ''Ä''', 'k = ''ä''', 'k = ''a ''', 'k = ''''', 'k IS NULL', 'k = ''c''', 'k = repeat(''XY'', 500)',
	'k IN (''A'', ''a'', ''B'', NULL)', 'k = ANY (ARRAY[''B'', ''none''])',
	'k = ''a'' COLLATE "C"', 'k = ''A'' COLLATE sighted', 'k = ''a'' COLLATE "C" AND k = ''A'' COLLATE blind', 'k = ''a''::varchar', 'k = ''a''::char(3)']);
SELECT * FROM omen_hnsw_check('of_type_index', true);
UPDATE of_type SET k = upper(k);
SELECT * FROM compare(array['k = ''a''', 'k = ''A''', 'k IN (''A'', ''b'')']);
VACUUM of_type;
SELECT * FROM omen_hnsw_check('of_type_index', true);
DELETE FROM of_type WHERE k = 'a';
VACUUM of_type;
INSERT INTO of_type (k, v) VALUES ('a', make_vector(1)), ('A', make_vector(2));
SELECT * FROM compare(array['k = ''a''', 'k = ''A''', 'k IN (''A'', ''b'')']);
SELECT * FROM omen_hnsw_check('of_type_index', true);

CALL fill('text COLLATE "C"', '{a,A,b,NULL}');
SELECT * FROM compare(array['k = ''a''', 'k = ''A''', 'k = ''a'' COLLATE blind', 'k = ''a'' COLLATE sighted', 'k IN (''a'' COLLATE blind, ''b'')']);
CALL fill('varchar(5) COLLATE blind', '{a,A,b,NULL}');
SELECT * FROM compare(array['k = ''a''', 'k = ''A''', 'k IN (''a'', ''b'')', 'k = ''B''::text']);
SELECT * FROM omen_hnsw_check('of_type_index', true);
CALL fill('char(5) COLLATE blind', '{a,A,b,"a  ",NULL}');
SELECT * FROM compare(array['k = ''a''', 'k = ''A    ''', 'k IN (''a'', ''b'')', 'k = ''A''::text', 'k = ''A''::char(9)']);
SELECT * FROM omen_hnsw_check('of_type_index', true);
CALL fill('text[] COLLATE blind', '{"{a,b}","{A,B}","{a}","{}",NULL,"{NULL}","{{a},{b}}"}');
SELECT * FROM compare(array['k = ''{A,b}''', 'k = ''{A}''', 'k = ''{}''', 'k = ''{NULL}''', 'k = ''{{A},{B}}''', 'k = ''[2:3]={a,b}''', 'k IS NULL']);
SELECT * FROM omen_hnsw_check('of_type_index', true);

-- ---------- citext ----------

CREATE EXTENSION citext;
-- that warns, by a name that is not the same in each version
SET client_min_messages = error;
CALL fill('citext', '{a,A,b,NULL}');
SET client_min_messages = warning;
SELECT * FROM compare(array['k = ''a''', 'k = ''A''', 'k = ''a''::citext', 'k::text = ''a''', 'k IN (''a'', ''B'')', 'k IS NULL']);
SELECT * FROM omen_hnsw_check('of_type_index', true);
CREATE OPERATOR CLASS citext_ops DEFAULT FOR TYPE citext USING omen_hnsw AS OPERATOR 3 =, FUNCTION 1 omen_key_support(internal);
CALL fill('citext', array['a', 'A', 'b', 'aB', 'AB', NULL, repeat('xY', 900), repeat('XY', 900)]);
SELECT * FROM compare(array['k = ''a''', 'k = ''A''', 'k = ''ab''::citext', 'k::text = ''a''', 'k IN (''a'', ''B'')', 'k IS NULL', 'k = repeat(''Xy'', 900)::citext']);
SELECT * FROM omen_hnsw_check('of_type_index', true);

-- ---------- numbers ----------

CALL fill('numeric', '{1,1.0,1.000,-0,0,0.00,NaN,Infinity,-Infinity,1e-30,100000000000000000000.5,100000000000000000000.50,NULL}');
SELECT * FROM compare(array['k = 1', 'k = 1.0000000', 'k = -0.0', 'k = ''NaN''', 'k = ''Infinity''', 'k = 1e-30', 'k = 100000000000000000000.500', 'k = 1::float8', 'k IN (1, 2, 0.0, NULL, 1.0)', 'k IS NULL', 'k = 2']);
SELECT * FROM omen_hnsw_check('of_type_index', true);
CALL fill('numeric(6,2)', '{1,1.001,1.5,NULL}');
SELECT * FROM compare(array['k = 1', 'k = 1.001', 'k = 1.50000', 'k = 1e10']);
CALL fill('float8[]', '{"{0}","{-0}","{NaN}","{0,NULL}",NULL}');
SELECT * FROM compare(array['k = ''{-0}''', 'k = ''{0}''', 'k = ''{NaN}''', 'k = ''{-0,NULL}''']);
SELECT * FROM omen_hnsw_check('of_type_index', true);
CALL fill('numeric[]', '{"{1.0}","{1.00}","{1,2}","{1.000,2.0}",NULL}');
SELECT * FROM compare(array['k = ''{1}''', 'k = ''{1.0,2}''', 'k = ''{1,2,3}''']);
SELECT * FROM omen_hnsw_check('of_type_index', true);
CALL fill('float4', '{0,-0,NaN,0.1,3.4e38,1e-45,NULL}');
SELECT * FROM compare(array['k = 0', 'k = ''-0''::float8', 'k = ''NaN''', 'k = 0.1::float8', 'k = 0.1::float4', 'k = 1e300', 'k = -1e300', 'k = 1e-45::float4', 'k = 1e-46::float8',
	'k = ANY (''{0,NaN,1e300,0.1}''::float8[])', 'k = ''Infinity''::float8']);
CALL fill('int2', '{0,-1,32767,-32768,NULL}');
SELECT * FROM compare(array['k = 0', 'k = 32767::int8', 'k = 32768', 'k = 65535', 'k = -32769', 'k = 4294967295::int8', 'k = ANY (''{32767,32768,65536,-1}''::int8[])', 'k = ANY (''{0,65536}''::int4[])', 'k = 0::numeric']);
CALL fill('int8', '{0,9223372036854775807,-9223372036854775808,NULL}');
SELECT * FROM compare(array['k = 0::int2', 'k = ANY (''{0,1}''::int2[])', 'k = 9223372036854775807', 'k = 9223372036854775807::float8']);
CALL fill('oid', '{0,4294967295,1,NULL}');
SELECT * FROM compare(array['k = 0', 'k = 4294967295', 'k = ''pg_class''::regclass', 'k = 1::int8', 'k IN (0, 1, 2)']);

-- ---------- times ----------

CALL fill('date', '{2000-01-01,1999-12-31,0044-03-15 BC,infinity,-infinity,5874897-12-31,NULL}');
SELECT * FROM compare(array['k = ''2000-01-01''::timestamp', 'k = ''1999-12-31 00:00''::timestamp', 'k = ''1999-12-31 23:59:59.999999''::timestamp', 'k = ''0044-03-15 BC''::timestamp',
	'k = ''-infinity''::timestamp', 'k = ''infinity''::date', 'k = ''5874897-12-31''::date', 'k = ''2000-01-01''::timestamptz', 'k = ANY (''{2000-01-01,1999-12-31 12:00}''::timestamp[])', 'k IN (''2000-01-01'', NULL)']);
SELECT * FROM omen_hnsw_check('of_type_index', true);
CALL fill('timestamp', '{2000-01-01,1999-12-31 12:00,infinity,-infinity,294276-12-31,NULL}');
SELECT * FROM compare(array['k = ''2000-01-01''::date', 'k = ''1999-12-31''::date', 'k = ''infinity''::date', 'k = ''294276-12-31''::date', 'k = ''5874897-12-31''::date', 'k = ''2000-01-01''::timestamptz', 'k = ANY (''{2000-01-01,infinity}''::date[])']);

-- ---------- domains, enums ----------

CREATE DOMAIN small AS int2 CHECK (value < 100);
CREATE DOMAIN smaller AS small;
CREATE DOMAIN blind_text AS text COLLATE blind;
CREATE DOMAIN labels AS text[];
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN my_mood AS mood;
CALL fill('smaller', '{1,2,NULL}');
SELECT * FROM compare(array['k = 1', 'k = 1::int8', 'k = 70000', 'k = ANY (''{1,70000}''::int4[])', 'k IN (1::smaller, 2::smaller)']);
CALL fill('blind_text', '{a,A,b,NULL}');
SELECT * FROM compare(array['k = ''a''', 'k = ''A''::blind_text', 'k IN (''a'', ''B'')']);
SELECT * FROM omen_hnsw_check('of_type_index', true);
CALL fill('labels', '{"{a,b}","{}",NULL}');
SELECT * FROM compare(array['k = ''{a,b}''', 'k = ''{a,b}''::text[]', 'k = ''{a}''']);
CALL fill('my_mood', '{sad,NULL,happy}');
ALTER TYPE mood ADD VALUE 'ok' BEFORE 'happy';
SELECT * FROM compare(array['k::mood = ''sad''', 'k::mood = ''ok''', 'k::mood IN (''happy'', ''ok'')', 'k::mood = ANY (''{sad,ok}''::mood[])', 'k IS NULL']);
INSERT INTO of_type (k, v) VALUES ('ok', make_vector(1));
SELECT * FROM compare(array['k::mood = ''ok''', 'k::mood = ''sad'' AND k::mood IN (''ok'', ''sad'')', 'k IS NULL AND k::mood = ''sad''']);
SELECT * FROM omen_hnsw_check('of_type_index', true);

-- ---------- long ones ----------

CALL fill('text', array[repeat('x', 36), repeat('x', 35) || 'y', repeat('x', 37), repeat('x', 36 + 156), repeat('x', 36 + 156) || 'z', repeat('x', 2000), repeat('x', 1999), repeat('x', 1999) || 'y']);
SELECT * FROM compare(array(SELECT format('k = repeat(''x'', %s)', n) FROM unnest('{35,36,37,191,192,193,348,1999,2000,2001,20000}'::int[]) n) || array['k = repeat(''x'', 1999) || ''y''', 'k = repeat(''x'', 2000) || ''y''']);
INSERT INTO of_type (k, v) VALUES (repeat('x', 2001), make_vector(1));
INSERT INTO of_type (k, v) SELECT string_agg(md5(i::text), ''), make_vector(1) FROM generate_series(1, 5000) i;
SELECT * FROM compare(array['k = repeat(''x'', 2001)']);
SELECT * FROM omen_hnsw_check('of_type_index', true);
-- a long value of which equal ones are short
CALL fill('numeric', '{1}');
SELECT * FROM compare(array['k = 1.' || repeat('0', 10000)]);

-- ---------- several columns ----------

CREATE TABLE four (id int GENERATED ALWAYS AS IDENTITY, a text, b numeric, c int[], d char(3), v vector(6), e int);
CREATE INDEX four_index ON four USING omen_hnsw (a, b, c, d, v, e);
CREATE TABLE some_values (a text, b text, c text, d text);
INSERT INTO some_values VALUES (NULL, NULL, NULL, NULL), ('', '1', '{}', ''), ('x', '1.0', '{1}', 'x'), (repeat('y', 70), '-1', '{1,1}', 'y');
INSERT INTO four (a, b, c, d, v, e) SELECT a.a, b.b::numeric, c.c::int[], d.d, make_vector(n), n
	FROM some_values a, some_values b, some_values c, some_values d, generate_series(1, 2) n;
SELECT * FROM omen_hnsw_check('four_index', true);
-- each combination that there is, and some that there is not
CREATE FUNCTION compare_all() RETURNS TABLE (asked bigint, got bigint, wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
	condition text;
	r record;
BEGIN
	asked := 0;
	got := 0;
	wrong := 0;
	FOR condition IN SELECT array_to_string(array[coalesce('a = ' || quote_literal(a.a), 'a IS NULL'), coalesce('b = ' || b.b, 'b IS NULL'), coalesce('c = ' || quote_literal(c.c), 'c IS NULL'), coalesce('d = ' || quote_literal(d.d), 'd IS NULL')], ' AND ')
		FROM (TABLE some_values UNION VALUES ('z', '7', '{2}', 'zz')) a, (TABLE some_values UNION VALUES ('z', '7', '{2}', 'zz')) b, (TABLE some_values UNION VALUES ('z', '7', '{2}', 'zz')) c, (TABLE some_values UNION VALUES ('z', '7', '{2}', 'zz')) d
	LOOP
		EXECUTE format('SELECT (SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM four WHERE %1$s ORDER BY v <-> make_vector(1) LIMIT 100) s) AS got,
			(SELECT array_agg(id ORDER BY id) FROM (SELECT * FROM four OFFSET 0) s WHERE %1$s) AS wanted', condition) INTO r;
		asked := asked + 1;
		got := got + coalesce(cardinality(r.got), 0);
		wrong := wrong + (r.got IS DISTINCT FROM r.wanted)::int;
	END LOOP;
	RETURN NEXT;
END $$;
SELECT * FROM compare_all();
UPDATE four SET b = b + 0.00 WHERE id % 3 = 0;
UPDATE four SET a = NULL WHERE id % 5 = 0;
DELETE FROM four WHERE id % 7 = 0;
VACUUM four;
SELECT * FROM compare_all();
SELECT * FROM omen_hnsw_check('four_index', true);
-- several values of several columns; a column that nothing is said of
DROP TABLE of_type;
ALTER TABLE four RENAME TO of_type;
ALTER INDEX four_index RENAME TO of_type_index;
-- (which of them an index is used for depends on the version of PostgreSQL)
SELECT condition, rows, same FROM compare(array['a IN ('''', ''x'') AND b IN (1, -1.00) AND c = ''{1}'' AND d IN (''x'', NULL, ''y'')', 'a = ''x'' AND b = 1 AND c = ''{1,1}'' AND d = ANY (ARRAY[''x  '', ''y'', ''none''])',
	'a = ''x'' AND b IN (1, 1.0, 1.00, 7) AND c = ''{1}'' AND d = ''x'' AND e = 2', 'a = ''x'' AND b = 1 AND d = ''x''', 'b = 1 AND c = ''{1}'' AND d = ''x''', 'a = ''x'' AND b > 0 AND c = ''{1}'' AND d = ''x''',
	'a = ''x'' AND a IS NULL AND b = 1 AND c = ''{1}'' AND d = ''x''', 'a = ''x'' AND b IS NOT NULL AND c = ''{1}'' AND d = ''x''', 'a = ''x'' AND b = 1 AND b <> 1.0 AND c = ''{1}'' AND d = ''x''',
	'a = ''x'' AND b = 1 AND c = ''{1}'' AND d = ''x '' AND e > 1', '(a, b) = (''x'', 1) AND c = ''{1}'' AND d = ''x''', 'a = ''x'' AND b = NULL AND c = ''{1}'' AND d = ''x''']);
-- what is before a value does not become part of it
CREATE TABLE borders (a text, b text, c bytea, v vector(6));
CREATE INDEX borders_index ON borders USING omen_hnsw (a, b, v);
INSERT INTO borders SELECT left('abcabc', i), substr('abcabc', i + 1), NULL, make_vector(i) FROM generate_series(0, 6) i;
SELECT a, b, (SELECT count(*) FROM (SELECT FROM borders i WHERE i.a = o.a AND i.b = o.b ORDER BY v <-> make_vector(1) LIMIT 10) s) FROM borders o ORDER BY 1;
SELECT * FROM omen_hnsw_check('borders_index', true);

-- ---------- very many ----------

-- Leaves of the directory are split, and what is above them.
CREATE TABLE many (tenant int, n int, v vector(2)) WITH (vacuum_truncate = off);
CREATE INDEX many_index ON many USING omen_hnsw (tenant, v) WITH (m = 2, ef_construction = 4);
INSERT INTO many SELECT i % 3000, i / 3000, ARRAY[i % 7, i / 3000]::vector FROM generate_series(0, 5999) i;
CREATE FUNCTION wrong_many(OUT asked bigint, OUT found numeric, OUT wrong bigint) LANGUAGE sql AS $$
	SELECT count(*), sum(got), count(*) FILTER (WHERE got <> coalesce(wanted, 0) OR others > 0) FROM generate_series(-5, 3100) t
		LEFT JOIN (SELECT tenant, count(*) AS wanted FROM (SELECT * FROM many OFFSET 0) m GROUP BY 1) w ON w.tenant = t,
		LATERAL (SELECT count(*) AS got, count(*) FILTER (WHERE s.tenant <> t) AS others FROM (SELECT * FROM many WHERE many.tenant = t ORDER BY v <-> '[0,0]' LIMIT 10) s) s
$$;
SELECT * FROM wrong_many();
SELECT * FROM omen_hnsw_check('many_index', true);
DELETE FROM many WHERE tenant % 3 > 0;
VACUUM many;
SELECT * FROM wrong_many();
SELECT * FROM omen_hnsw_check('many_index', true);
INSERT INTO many SELECT i, 5, ARRAY[i % 7, 5]::vector FROM generate_series(1, 3050) i;
SELECT * FROM wrong_many();
SELECT * FROM omen_hnsw_check('many_index', true);

-- Groups that never had a row but one without a vector go as well.
CREATE TABLE bare (tenant int, v vector(2)) WITH (vacuum_truncate = off);
CREATE INDEX bare_index ON bare USING omen_hnsw (tenant, v);
INSERT INTO bare SELECT i, NULL FROM generate_series(1, 1500) i;
CREATE TABLE bare_pages AS SELECT pg_relation_size('bare_index') AS size;
DELETE FROM bare;
VACUUM bare;
INSERT INTO bare SELECT i, NULL FROM generate_series(1501, 3000) i;
SELECT * FROM omen_hnsw_check('bare_index', true);
DELETE FROM bare;
VACUUM bare;
INSERT INTO bare SELECT i, NULL FROM generate_series(3001, 4500) i;
SELECT pg_relation_size('bare_index') <= 1.2 * size AS no_larger FROM bare_pages;
SELECT count(*) FROM (SELECT FROM bare WHERE tenant = 3500 ORDER BY v <-> '[0,0]' LIMIT 10) s;
SELECT * FROM omen_hnsw_check('bare_index', true);

DROP TABLE bare, bare_pages, of_type, some_values, borders, many;
DROP EXTENSION citext CASCADE;
DROP DOMAIN smaller, small, blind_text, labels, my_mood;
DROP TYPE mood;
DROP COLLATION blind, sighted;
DROP PROCEDURE fill;
DROP FUNCTION compare, compare_all, wrong_many, make_vector;
