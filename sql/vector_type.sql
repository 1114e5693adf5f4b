-- The vector type: text form, type modifier, limits, storage.

-- What reading a text as a vector says: nothing, or the error with its
-- SQLSTATE and detail.
CREATE FUNCTION refusal(input text, type text DEFAULT 'vector') RETURNS text
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

-- Numbers come back as the shortest decimal that reads the same.
SELECT input, input::vector AS output
FROM (VALUES
	('[0]'),
	('[7,-8,9.50]'),
	('[.5,5.,+5]'),
	('[0.1,0.30000001]'),
	('[16777216,16777217,16777218]'),
	('[1e10,-1E-10]'),
	('[3.4028235e38,-3.4028235e38]'),
	('[1.1754944e-38,1e-45]'),
	('[0,-0]'),
	('[1e-50,-1e-50]'),
	('[0x1p4]')) AS v (input);

-- Whitespace may stand anywhere but inside a number, and anything that is
-- whitespace to SQL counts.
SELECT E' \t\n[\r1\f,\x0b2 , 3\n] \t'::vector;
SELECT refusal('[1 2]');
SELECT refusal('[- 1]');

-- Every way not to be a vector.
SELECT input, refusal(input)
FROM (VALUES
	(''),
	('   '),
	('1,2'),
	('{1,2}'),
	('[]'),
	('[ ]'),
	('[]]'),
	('['),
	('[1'),
	('[1 '),
	('[1,'),
	('[1,]'),
	('[,1]'),
	('[1,,2]'),
	('[1;2]'),
	('[1}'),
	('[one]'),
	('[1two]'),
	('[[1]]'),
	('["1"]'),
	('[1]x'),
	('[1] [2]'),
	('[1,2],'),
	('[nan]'),
	('[1,-NaN]'),
	('[inf]'),
	('[1,-infinity]'),
	('[1e39]'),
	('[1,-9e99999,2]'),
	('[null]')) AS v (input);

-- Where the server has soft errors, bad input is one.
DO $$
BEGIN
	IF current_setting('server_version_num')::int >= 160000 THEN
		ASSERT pg_input_is_valid('[1,2]', 'vector');
		ASSERT pg_input_is_valid('[1,2]', 'vector(2)');
		ASSERT NOT pg_input_is_valid('[1,2]', 'vector(3)');
		ASSERT NOT pg_input_is_valid('[1,2', 'vector');
		ASSERT NOT pg_input_is_valid('[]', 'vector');
		ASSERT NOT pg_input_is_valid('[nan]', 'vector');
		ASSERT NOT pg_input_is_valid('[inf]', 'vector');
		ASSERT NOT pg_input_is_valid('[1e99]', 'vector');
	END IF;
END
$$;

-- The modifier is the number of dimensions itself, in the catalog too.
CREATE TABLE item (id int PRIMARY KEY, free vector, fixed vector(3), list vector(2)[]);
SELECT attname, atttypmod, format_type(atttypid, atttypmod)
FROM pg_attribute WHERE attrelid = 'item'::regclass AND attnum > 1 ORDER BY attnum;
INSERT INTO item VALUES
	(1, '[1]', '[1,2,3]', '{"[1,2]","[3,4]"}'),
	(2, '[1,2,3,4,5]', NULL, '{NULL}');
INSERT INTO item (id, fixed) VALUES (3, '[1,2]');
INSERT INTO item (id, fixed) VALUES (3, '[1,2,3]'::vector || '[4]');
INSERT INTO item (id, list) VALUES (3, '{"[1,2]","[3]"}');
UPDATE item SET fixed = free WHERE id = 2;
SELECT * FROM item ORDER BY id;
ALTER TABLE item ALTER free TYPE vector(1);
SELECT list[2], list[2] + '[1,1]' AS plus FROM item WHERE id = 1;

SELECT type, refusal('[1]', type)
FROM (VALUES
	('vector(1)'),
	('vector(2)'),
	('vector(16000)'),
	('vector(0)'),
	('vector(-1)'),
	('vector(16001)'),
	('vector(99999999999)'),
	('vector(1, 1)'),
	('vector(one)')) AS v (type);

-- Limits.
CREATE FUNCTION ones(dim int) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT '[1' || repeat(',1', dim - 1) || ']' $$;
SELECT vector_dims(ones(16000)::vector), vector_norm(ones(16000)::vector) ^ 2 AS squared;
SELECT refusal(ones(16001));
SELECT refusal(ones(100000));
SELECT refusal(ones(16000), 'vector(15999)');

-- Storage: 8 bytes and 4 for each element, out of line but never compressed.
SELECT typlen, typbyval, typalign, typstorage, typmodout FROM pg_type WHERE typname = 'vector';
SELECT dim, pg_column_size(ones(dim)::vector) AS size FROM (VALUES (1), (3), (768), (16000)) AS v (dim);
CREATE TABLE wide (dim int, v vector);
INSERT INTO wide SELECT dim, ones(dim)::vector FROM (VALUES (1), (29), (30), (31), (500), (768), (16000)) AS v (dim);
SELECT dim, pg_column_size(v) AS stored, v = ones(dim)::vector AS same, v::text = ones(dim) AS same_text
FROM wide ORDER BY dim;

-- Calls with NULL.
SELECT vector_dims(NULL::vector), NULL::vector <-> '[1]', NULL::vector = '[1]', NULL::vector + '[1]';

DROP TABLE item, wide;
DROP FUNCTION refusal, ones;
