-- Leading columns: which rows make a group.
SET client_min_messages = warning;
SET enable_seqscan = off;

CREATE FUNCTION make_vector(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg((hashint8extended(i * 100 + d, 0) % 1000)::float4 ORDER BY d)::vector(6) FROM generate_series(1, 6) d $$;

-- A table of one leading column, some values and what they are asked for with.
-- Each answer is compared with what the table says without the index.
CREATE FUNCTION compare(type text, given text[], asked text[], op text DEFAULT '=')
RETURNS TABLE (value text, rows bigint, same bool, by_index bool) LANGUAGE plpgsql AS $$
DECLARE
	query text;
	plan text;
	wanted text[];
	got text[];
BEGIN
	EXECUTE format('CREATE TABLE of_type (id int GENERATED ALWAYS AS IDENTITY, k %s, v vector(6))', type);
	EXECUTE 'CREATE INDEX of_type_index ON of_type USING omen_hnsw (k, v)';
	FOR i IN 1 .. 3 LOOP
		EXECUTE format('INSERT INTO of_type (k, v) SELECT g::%s, make_vector(n::int) FROM unnest($1) WITH ORDINALITY u (g, n)', type) USING given;
	END LOOP;
	FOREACH value IN ARRAY asked LOOP
		query := format('SELECT array_agg(id || '' '' || coalesce(k::text, ''NULL'') ORDER BY id) FROM (SELECT * FROM of_type WHERE k %s ORDER BY v <-> make_vector(1) LIMIT 100) s',
						CASE WHEN value IS NULL THEN 'IS NULL' ELSE op || ' ' || value END);
		EXECUTE 'EXPLAIN ' || query INTO plan;
		by_index := false;
		FOR plan IN EXECUTE 'EXPLAIN ' || query LOOP
			by_index := by_index OR plan SIMILAR TO '%(Index Scan using of_type_index|Omen Scan)%';
		END LOOP;
		EXECUTE query INTO got;
		SET LOCAL enable_indexscan = off;
		EXECUTE query INTO wanted;
		SET LOCAL enable_indexscan = on;
		same := got IS NOT DISTINCT FROM wanted;
		rows := coalesce(cardinality(got), 0);
		value := left(value, 30);
		RETURN NEXT;
	END LOOP;
	value := 'violations';
	rows := (SELECT count(*) FROM omen_hnsw_check('of_type_index', true));
	same := NULL;
	by_index := NULL;
	RETURN NEXT;
	DROP TABLE of_type;
END $$;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN label AS text CHECK (value <> 'never');

SELECT * FROM compare('int4', '{0,-1,2147483647,-2147483648,NULL,7}',
	'{0,-1,2147483647,-2147483648,7,8,NULL,7::int8,7::int2,2147483648,-2147483649,4294967303}');
SELECT * FROM compare('int2', '{0,-1,32767,NULL}', '{0,-1,32767,32768,-1::int8,65535}');
SELECT * FROM compare('int8', '{0,-1,9223372036854775807,NULL}', '{0::int2,-1,9223372036854775807,1::int2}');
SELECT * FROM compare('bool', '{t,f,NULL}', '{true,false,NULL}');
SELECT * FROM compare('float8', '{0,-0,NaN,1.5,Infinity,-Infinity,0.1,NULL}',
	'{0,''-0''::float8,''NaN''::float8,1.5::float4,''Infinity''::float8,0.1,0.1::float4,NULL}');
SELECT * FROM compare('float4', '{0,-0,NaN,1.5,0.1,NULL}', '{0::float4,''-0''::float8,''NaN''::float8,1.5::float8,0.1::float8,0.1::float4,1e300::float8}');
SELECT * FROM compare('numeric', '{1,1.0,1.000,0,-0.00,NaN,1e100,NULL}', array['1','1.00000','0','''NaN''::numeric','1e100',NULL,'1.' || repeat('0', 5000)]);
SELECT * FROM compare('text', '{a,A,"",NULL,ä,"a "}', '{''a'',''A'','''',''ä'',''a '',''b'',NULL}');
SELECT * FROM compare('text COLLATE "C"', '{a,A,"",NULL,ä,"a "}', '{''a'',''A''}');
SELECT * FROM compare('varchar(10)', '{a,A,"",NULL}', '{''a'',''A'','''',NULL}');
SELECT * FROM compare('char(5)', '{a,"a  ",A,"",NULL}', '{''a'',''a    '',''A'','''',''b''}');
SELECT * FROM compare('label', '{a,b,NULL}', '{''a'',''c'',NULL}');
SELECT * FROM compare('mood', '{sad,ok,NULL}', '{''sad'',''ok'',''happy'',NULL}');
SELECT * FROM compare('uuid', '{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002,NULL}',
	'{''00000000-0000-0000-0000-000000000001'',''00000000-0000-0000-0000-000000000003'',NULL}');
SELECT * FROM compare('oid', '{1,4000000000,NULL}', '{1,4000000000,2}');
SELECT * FROM compare('date', '{2020-01-01,1990-05-05,infinity,-infinity,NULL}',
	'{''2020-01-01''::date,''2020-01-01 00:00''::timestamp,''2020-01-01 00:01''::timestamp,''1990-05-05 00:00''::timestamp,''1990-05-04 23:59:59.999999''::timestamp,''infinity''::timestamp,''-infinity''::date,NULL}');
SELECT * FROM compare('timestamp', '{2020-01-01,2020-01-01 00:01,infinity,NULL}',
	'{''2020-01-01''::date,''2020-01-01 00:01''::timestamp,''infinity''::date,''2021-01-01''::date}');
SELECT * FROM compare('timestamptz', '{2020-01-01 00:00+00,infinity,NULL}', '{''2020-01-01 00:00+00''::timestamptz,''infinity''::timestamptz,''2020-01-01''::timestamp}');
SELECT * FROM compare('inet', '{10.0.0.1,10.0.0.1/32,10.0.0.1/8,::1,NULL}', '{''10.0.0.1'',''10.0.0.1/8'',''::1'',''10.0.0.2''}');
SELECT * FROM compare('int[]', '{"{}","{1}","{1,2}","{1,NULL}",NULL}', array['''{}''', '''{1}''', '''{1,2}''', '''{1,NULL}''', '''{2,1}''', NULL]);

-- Long ones.
SELECT * FROM compare('text', array[repeat('x', 36), repeat('x', 37), repeat('x', 192), repeat('x', 193), repeat('x', 2000), repeat('x', 1999) || 'y'],
	array[quote_literal(repeat('x', 36)), quote_literal(repeat('x', 37)), quote_literal(repeat('x', 192)), quote_literal(repeat('x', 193)),
		  quote_literal(repeat('x', 2000)), quote_literal(repeat('x', 1999) || 'y'), quote_literal(repeat('x', 2001)), quote_literal(repeat('x', 38))]);
CREATE TABLE long (k text, l text, v vector(6));
CREATE INDEX long_index ON long USING omen_hnsw (k, l, v);
INSERT INTO long VALUES (repeat('x', 2001), NULL, make_vector(1));
INSERT INTO long VALUES (repeat('x', 1000), repeat('y', 999), make_vector(1));
INSERT INTO long VALUES (repeat('x', 1000), repeat('y', 998), make_vector(1));
INSERT INTO long VALUES (repeat('x', 999), repeat('xy', 499) || 'x', make_vector(1));
INSERT INTO long VALUES (NULL, repeat('x', 1998), make_vector(1)), (repeat('x', 1998), NULL, make_vector(1)), (NULL, NULL, make_vector(1));
SELECT count(*) FROM (SELECT FROM long WHERE k IS NULL AND l IS NULL ORDER BY v <-> make_vector(1) LIMIT 10) s;
SELECT count(*) FROM (SELECT FROM long WHERE k IS NULL AND l = repeat('x', 1998) ORDER BY v <-> make_vector(1) LIMIT 10) s;
SELECT count(*) FROM (SELECT FROM long WHERE k = repeat('x', 999) AND l = repeat('xy', 499) || 'x' ORDER BY v <-> make_vector(1) LIMIT 10) s;
SELECT count(*) FROM (SELECT FROM long WHERE k = repeat('x', 1000) AND l = repeat('y', 998) ORDER BY v <-> make_vector(1) LIMIT 10) s;
SELECT * FROM omen_hnsw_check('long_index', true);
DROP TABLE long;

-- What cannot be so.
CREATE TABLE wrong (id int, v vector(6), w vector(6), p point, m money, a int, b int, c int, d int, e int, ms money[], t tsvector, bits bit(8));
CREATE INDEX ON wrong USING omen_hnsw (id);
CREATE INDEX ON wrong USING omen_hnsw (p, v);
CREATE INDEX ON wrong USING omen_hnsw (v, id, w);
CREATE INDEX ON wrong USING omen_hnsw (a, b, c, d, e, v);
CREATE INDEX ON wrong USING omen_hnsw (a, b, c, d, v, e, id);
CREATE INDEX ON wrong USING omen_hnsw (ms, v);
CREATE OPERATOR CLASS money_ops FOR TYPE money USING omen_hnsw AS OPERATOR 3 =, FUNCTION 1 omen_key_support(internal);
CREATE INDEX ON wrong USING omen_hnsw (m money_ops, v);
CREATE OPERATOR CLASS less_ops FOR TYPE int USING omen_hnsw AS OPERATOR 1 <, FUNCTION 1 omen_key_support(internal);
CREATE INDEX ON wrong USING omen_hnsw (id less_ops, v);
DROP OPERATOR FAMILY less_ops USING omen_hnsw;
CREATE INDEX ON wrong USING omen_hnsw (m, v);
CREATE INDEX ON wrong USING omen_hnsw (t, v);
CREATE INDEX ON wrong USING omen_hnsw (bits, v);
CREATE INDEX ON wrong USING omen_hnsw (bits bit_hamming_ops, v);
CREATE INDEX ON wrong USING omen_hnsw (id DESC, v);
CREATE INDEX ON wrong USING omen_hnsw (id, v) INCLUDE (a);
CREATE UNIQUE INDEX ON wrong USING omen_hnsw (id, v);
-- A type of its own that text_ops would take, and compare as text.
CREATE TYPE odd;
CREATE FUNCTION odd_in(cstring) RETURNS odd LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION odd_out(odd) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE odd (INPUT = odd_in, OUTPUT = odd_out, LIKE = text, COLLATABLE = true);
CREATE CAST (odd AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE FUNCTION odd_lower(odd) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT lower($1::text) $$;
CREATE FUNCTION odd_eq(odd, odd) RETURNS bool LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT odd_lower($1) = odd_lower($2) $$;
CREATE FUNCTION odd_cmp(odd, odd) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT bttextcmp(odd_lower($1), odd_lower($2)) $$;
CREATE FUNCTION odd_hash(odd) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT hashtext(odd_lower($1)) $$;
CREATE FUNCTION odd_hash8(odd, int8) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT hashtextextended(odd_lower($1), $2) $$;
CREATE OPERATOR = (LEFTARG = odd, RIGHTARG = odd, FUNCTION = odd_eq, COMMUTATOR = =, HASHES, RESTRICT = eqsel);
CREATE OPERATOR CLASS odd_hash_ops DEFAULT FOR TYPE odd USING hash AS OPERATOR 1 =, FUNCTION 1 odd_hash(odd), FUNCTION 2 odd_hash8(odd, int8);
CREATE OPERATOR CLASS odd_btree_ops DEFAULT FOR TYPE odd USING btree AS OPERATOR 3 =, FUNCTION 1 odd_cmp(odd, odd);
CREATE TABLE of_odd (k odd, v vector(6));
SET client_min_messages = notice;
CREATE INDEX of_odd_index ON of_odd USING omen_hnsw (k, v);
DROP INDEX of_odd_index;
CREATE OPERATOR CLASS odd_ops DEFAULT FOR TYPE odd USING omen_hnsw AS OPERATOR 3 =, FUNCTION 1 omen_key_support(internal);
CREATE INDEX of_odd_index ON of_odd USING omen_hnsw (k, v);
SET client_min_messages = warning;
INSERT INTO of_odd SELECT (array['Aa', 'aA', 'b'])[1 + i % 3]::odd, make_vector(i) FROM generate_series(1, 30) i;
SELECT count(*), array_agg(DISTINCT k::text ORDER BY k::text) FROM (SELECT * FROM of_odd WHERE k = 'AA' ORDER BY v <-> make_vector(1) LIMIT 100) s;
SELECT * FROM omen_hnsw_check('of_odd_index', true);
DROP TABLE of_odd, wrong;
DROP OPERATOR CLASS odd_ops USING omen_hnsw;
DROP OPERATOR FAMILY odd_ops USING omen_hnsw;
DROP TYPE odd CASCADE;
DROP OPERATOR FAMILY money_ops USING omen_hnsw;

DROP FUNCTION compare;
DROP TYPE mood;
DROP DOMAIN label;
DROP FUNCTION make_vector;
