-- Sparse vectors over COPY, in text, CSV and binary form.

CREATE TABLE sent (id int, v sparsevec);
INSERT INTO sent VALUES (1, '{}/1'), (2, '{1:-3.4028235e38,1000000000:1e-45}/1000000000'), (3, NULL);
INSERT INTO sent SELECT 4, array_agg(i)::sparsevec FROM generate_series(1, 16000) i;
CREATE TABLE received (LIKE sent);
\copy sent TO 'results/sparsevec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/sparsevec_copy.bin' WITH (FORMAT binary)
\copy sent TO 'results/sparsevec_copy.txt'
\copy received FROM 'results/sparsevec_copy.txt'
\copy sent TO 'results/sparsevec_copy.csv' WITH (FORMAT csv)
\copy received FROM 'results/sparsevec_copy.csv' WITH (FORMAT csv)
SELECT id, count(*), bool_and(s.v::text IS NOT DISTINCT FROM r.v::text) AS same FROM sent s JOIN received r USING (id) GROUP BY id ORDER BY id;
DROP TABLE sent, received;

-- Any message there is, as the only field of the only row of a binary COPY.
CREATE TABLE item (v sparsevec(3));
CREATE FUNCTION receive(message bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	file bytea := '\x5047434f50590aff0d0a00 00000000 00000000 0001' || int4send(length(message)) || message || '\xffff';
BEGIN
	TRUNCATE item;
	EXECUTE format('COPY item FROM PROGRAM %L WITH (FORMAT binary)',
		(SELECT 'printf "' || string_agg(format('\%s%s%s', b >> 6, b >> 3 & 7, b & 7), '' ORDER BY i) || '"'
			FROM generate_series(0, length(file) - 1) i, LATERAL (SELECT get_byte(file, i)) g (b)));
	RETURN (SELECT v::text FROM item);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT what, receive(bytes)
FROM (VALUES
	('good', '\x00000003 00000002 00000000 00000000 00000002 3f800000 c0000000'::bytea),
	('empty', '\x00000003 00000000 00000000'),
	('other dimensions', '\x00000004 00000000 00000000'),
	('no dimensions', '\x00000000 00000000 00000000'),
	('too many dimensions', '\x3b9aca01 00000000 00000000'),
	('negative dimensions', '\xffffffff 00000000 00000000'),
	('more elements than dimensions', '\x00000003 00000004 00000000'),
	('negative elements', '\x00000003 ffffffff 00000000'),
	('too many elements', '\x3b9aca00 00003e81 00000000'),
	('unused', '\x00000003 00000000 00000001'),
	('cut in the header', '\x00000003 00000000 0000'),
	('cut in the indices', '\x00000003 00000002 00000000 00000000'),
	('cut in the values', '\x00000003 00000001 00000000 00000000 3f8000'),
	('too long', '\x00000003 00000000 00000000 00'),
	('index too large', '\x00000003 00000001 00000000 00000003 3f800000'),
	('index negative', '\x00000003 00000001 00000000 ffffffff 3f800000'),
	('out of order', '\x00000003 00000002 00000000 00000002 00000001 3f800000 3f800000'),
	('twice', '\x00000003 00000002 00000000 00000001 00000001 3f800000 3f800000'),
	('zero', '\x00000003 00000001 00000000 00000001 00000000'),
	('minus zero', '\x00000003 00000001 00000000 00000001 80000000'),
	('infinite', '\x00000003 00000001 00000000 00000001 7f800000'),
	('no number', '\x00000003 00000001 00000000 00000001 7fc00000'),
	('smallest', '\x00000003 00000001 00000000 00000001 00000001')) AS m (what, bytes);
DROP FUNCTION receive;
DROP TABLE item;
