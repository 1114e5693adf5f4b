-- The halfvec type: text form, rounding, type modifier, limits, storage.

-- What reading a text as a halfvec says: nothing, or the error with its
-- SQLSTATE and detail.
CREATE FUNCTION half_refusal(input text, type text DEFAULT 'halfvec') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE format('SELECT %L::%s', input, type);
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', SQLSTATE, SQLERRM, nullif(detail, ''));
END
$$;

-- Each number becomes the nearest half, of two as near the even one, and is
-- printed as the shortest decimal of that as a float.
SELECT input, input::halfvec AS output
FROM (VALUES
	('[0,-0]'),
	('[7,-8,9.50]'),
	('[.5,5.,+5]'),
	('[0.1,0.3333,-3.14159265]'),
	('[2048,2049,2050,2051,2053]'),
	('[1.00048828125,1.00048828126,1.00146484375]'),
	('[65504,-65504,65519,65519.996]'),
	('[6.1035156e-05,6.0975552e-05]'),
	('[5.9604645e-08,2.9802326e-08,2.9802322e-08,8.940697e-08]'),
	('[1e-8,-1e-8,1e-50]'),
	('[1e3,-1E-3]'),
	('[0x1p4]')) AS v (input);
SELECT E' \t\n[\r1\f,\x0b2 , 3\n] \t'::halfvec;

-- Every way not to be a halfvec.
SELECT input, half_refusal(input)
FROM (VALUES
	(''),
	('1,2'),
	('{1,2}'),
	('[]'),
	('['),
	('[1'),
	('[1,'),
	('[1,]'),
	('[,1]'),
	('[1,,2]'),
	('[1 2]'),
	('[one]'),
	('[1]x'),
	('[1,2],'),
	('[nan]'),
	('[1,-NaN]'),
	('[inf]'),
	('[1,-infinity]'),
	('[65520]'),
	('[-65520,1]'),
	('[1,100000]'),
	('[1e39]'),
	('[1,-9e99999,2]'),
	('[null]')) AS v (input);

-- Where the server has soft errors, bad input is one.
DO $$
BEGIN
	IF current_setting('server_version_num')::int >= 160000 THEN
		ASSERT pg_input_is_valid('[1,2]', 'halfvec');
		ASSERT pg_input_is_valid('[1,2]', 'halfvec(2)');
		ASSERT NOT pg_input_is_valid('[1,2]', 'halfvec(3)');
		ASSERT NOT pg_input_is_valid('[1,2', 'halfvec');
		ASSERT NOT pg_input_is_valid('[]', 'halfvec');
		ASSERT NOT pg_input_is_valid('[nan]', 'halfvec');
		ASSERT NOT pg_input_is_valid('[inf]', 'halfvec');
		ASSERT NOT pg_input_is_valid('[65520]', 'halfvec');
	END IF;
END
$$;

-- The modifier is the number of dimensions itself, in the catalog too.
CREATE TABLE item (id int PRIMARY KEY, free halfvec, fixed halfvec(3), list halfvec(2)[]);
SELECT attname, atttypmod, format_type(atttypid, atttypmod)
FROM pg_attribute WHERE attrelid = 'item'::regclass AND attnum > 1 ORDER BY attnum;
INSERT INTO item VALUES
	(1, '[1]', '[1,2,3]', '{"[1,2]","[3,4]"}'),
	(2, '[1,2,3,4,5]', NULL, '{NULL}');
INSERT INTO item (id, fixed) VALUES (3, '[1,2]');
INSERT INTO item (id, fixed) VALUES (3, '[1,2,3]'::halfvec || '[4]');
INSERT INTO item (id, list) VALUES (3, '{"[1,2]","[3]"}');
UPDATE item SET fixed = free WHERE id = 2;
SELECT * FROM item ORDER BY id;
SELECT e FROM item, unnest(list) e ORDER BY id, e;
ALTER TABLE item ALTER free TYPE halfvec(1);
SELECT list[2], list[2] + '[1,1]' AS plus FROM item WHERE id = 1;

SELECT type, half_refusal('[1]', type)
FROM (VALUES
	('halfvec(1)'),
	('halfvec(2)'),
	('halfvec(16000)'),
	('halfvec(0)'),
	('halfvec(-1)'),
	('halfvec(16001)'),
	('halfvec(1, 1)'),
	('halfvec(one)')) AS v (type);

-- Limits.
CREATE FUNCTION half_ones(dim int) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT '[1' || repeat(',1', dim - 1) || ']' $$;
SELECT vector_dims(half_ones(16000)::halfvec), l2_norm(half_ones(16000)::halfvec) ^ 2 AS squared;
SELECT half_refusal(half_ones(16001));
SELECT half_refusal(half_ones(16000), 'halfvec(15999)');

-- Storage: 8 bytes and 2 for each element, out of line but never compressed.
SELECT typlen, typbyval, typalign, typstorage, typmodout FROM pg_type WHERE typname = 'halfvec';
SELECT dim, pg_column_size(half_ones(dim)::halfvec) AS size FROM (VALUES (1), (3), (768), (16000)) AS v (dim);
CREATE TABLE wide (dim int, v halfvec);
INSERT INTO wide SELECT dim, half_ones(dim)::halfvec FROM (VALUES (1), (59), (60), (61), (1000), (1536), (16000)) AS v (dim);
SELECT dim, pg_column_size(v) AS stored, v = half_ones(dim)::halfvec AS same, v::text = half_ones(dim) AS same_text
FROM wide ORDER BY dim;

-- Every finite half is what it was printed as, with its sign.
SELECT count(*) AS halves, count(*) FILTER (WHERE halfvec_send(v::text::halfvec) <> halfvec_send(v)) AS different
FROM (SELECT ARRAY[sign * CASE WHEN e = 0 THEN m * 2.0 ^ -24 ELSE (1024 + m) * 2.0 ^ (e - 25) END]::double precision[]::halfvec AS v
	FROM generate_series(0, 30) e, generate_series(0, 1023) m, (VALUES (1), (-1)) AS s (sign)) t;

-- Calls with NULL.
SELECT vector_dims(NULL::halfvec), NULL::halfvec <-> '[1]', NULL::halfvec = '[1]', NULL::halfvec + '[1]';

DROP TABLE item, wide;
DROP FUNCTION half_refusal, half_ones;
