-- The sparsevec type: text form, type modifier, limits, storage.

-- What reading a text as a sparse vector says: nothing, or the error with its
-- SQLSTATE and detail.
CREATE FUNCTION refusal(input text, type text DEFAULT 'sparsevec') RETURNS text
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

-- Elements come back in order, without zeroes, as the shortest decimals.
SELECT input, input::sparsevec AS output
FROM (VALUES
	('{}/1'),
	('{1:0}/1'),
	('{1:1.5,3:3.5}/5'),
	('{3:3.5,1:1.5}/5'),
	('{2:0,1:-0,3:1}/3'),
	('{0:0,9:0,1:0,1:1}/1'),
	('{+1:.5,02:5.,3:+5}/3'),
	('{1:16777217}/1'),
	('{1:3.4028235e38,2:-1e-45}/2'),
	('{1:0x1p4,2:0e5,3:0x0p9}/3'),
	('{1:1,1000000000:2}/1000000000'),
	(E' \t{\n1\r:\f1\x0b,\t2 :2\n}\r/ 3 ')) AS v (input);

-- Every way not to be one.
SELECT input, refusal(input)
FROM (VALUES
	(''), ('1'), ('[1,2]'), ('{'), ('{1:1'), ('{1:1}'), ('{1:1}5'), ('{1:1}/'), ('{1:1}/x'), ('{1:1}/1x'), ('{1:1}/1.5'),
	('{,}/1'), ('{1:1,}/1'), ('{,1:1}/1'), ('{1}/1'), ('{1:}/1'), ('{:1}/1'), ('{1:1 2:2}/2'), ('{1:1:1}/1'), ('{a:1}/1'), ('{1:a}/1'),
	('{1.5:1}/2'), ('{1: :1}/1'), ('{ }/1 }'), ('{{}}/1')) AS v (input)
WHERE refusal(input) IS NOT NULL;
SELECT refusal('{1:NaN}/1'), refusal('{1:inf}/1'), refusal('{1:-Infinity}/1');
SELECT refusal('{1:4e38}/1'), refusal('{1:-1e400}/1'), refusal('{1:1e-46}/1'), refusal('{1:-0x1p-200}/1'), refusal('{1:0.00000000000000000000000000000000000000000000000000001}/1');

-- Indices are in 1 to the dimensions, none twice; numbers beyond what an
-- integer holds are beyond the limits, not something else.
SELECT input, refusal(input)
FROM (VALUES
	('{0:1}/1'), ('{2:1}/1'), ('{-1:1}/1'), ('{1:1,1:2}/1'), ('{2:1,1:1,2:2}/2'),
	('{2147483647:1}/1'), ('{2147483648:1}/1'), ('{-2147483648:1}/1'), ('{-2147483649:1}/1'), ('{4294967297:1}/1'),
	('{99999999999999999999:1}/1'), ('{-99999999999999999999:1}/1'),
	('{}/0'), ('{}/-1'), ('{}/1000000001'), ('{}/2147483648'), ('{}/4294967297'), ('{}/99999999999999999999'), ('{}/-99999999999999999999')) AS v (input);

-- Up to 16,000 elements; zeroes count while they are read.
SELECT length(('{' || string_agg(i || ':1', ',') || '}/16000')::sparsevec::text) FROM generate_series(1, 16000) i;
SELECT refusal('{' || string_agg(i || ':1', ',') || '}/16001') FROM generate_series(1, 16001) i;
SELECT refusal('{' || string_agg(i || ':0', ',') || '}/16001') FROM generate_series(1, 16001) i;

-- The type modifier is the number of dimensions.
SELECT '{1:1}/3'::sparsevec(3), refusal('{1:1}/2', 'sparsevec(3)');
SELECT modifier, refusal('{1:1}/3', 'sparsevec' || modifier)
FROM (VALUES ('(0)'), ('(-1)'), ('(1000000000)'), ('(1000000001)'), ('(1,2)'), ('(x)')) AS m (modifier);
CREATE TABLE item (v sparsevec(3));
SELECT format_type(atttypid, atttypmod), attstorage FROM pg_attribute WHERE attrelid = 'item'::regclass AND attnum > 0;
INSERT INTO item VALUES ('{1:1}/4');
INSERT INTO item VALUES ('{1:1}/3');
DROP TABLE item;

-- 16 bytes and 8 an element; in one piece out of line.
SELECT pg_column_size('{}/9'::sparsevec), pg_column_size('{1:1,9:9}/9'::sparsevec);

-- The binary form: int32 dimensions, elements, zero; indices from 0; float4.
SELECT sparsevec_send('{1:1,3:-2,1000:0.5}/1000');
SELECT sparsevec_send('{}/1');
DROP FUNCTION refusal;
