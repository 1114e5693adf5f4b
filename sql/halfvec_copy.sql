-- Loading halfvecs: COPY as text, CSV and in the binary form.

-- There and back, short and long values, NULL, both zeroes.
CREATE TABLE sent (id int, v halfvec);
INSERT INTO sent VALUES (1, '[1]'), (2, '[0,-0,5.9604645e-08,-65504]'), (3, NULL);
INSERT INTO sent SELECT 4, array_agg(sin(i))::halfvec FROM generate_series(1, 16000) i;
CREATE TABLE received (LIKE sent);
\copy sent TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
SELECT id, s.v::text IS NOT DISTINCT FROM r.v::text AS same FROM sent s JOIN received r USING (id) ORDER BY id;
TRUNCATE received;
\copy sent TO 'results/halfvec_copy.txt'
\copy received FROM 'results/halfvec_copy.txt'
SELECT id, s.v::text IS NOT DISTINCT FROM r.v::text AS same FROM sent s JOIN received r USING (id) ORDER BY id;
TRUNCATE received;
\copy sent TO 'results/halfvec_copy.csv' WITH (FORMAT csv, HEADER)
\copy received FROM 'results/halfvec_copy.csv' WITH (FORMAT csv, HEADER)
SELECT id, s.v::text IS NOT DISTINCT FROM r.v::text AS same FROM sent s JOIN received r USING (id) ORDER BY id;
DROP TABLE sent, received;

-- The bytes: int16 dimensions, int16 zero, halves, most significant byte first.
SELECT halfvec_send('[1,-2,0.5,65504,5.9604645e-08]');
SELECT length(halfvec_send(array_fill(1, ARRAY[16000])::halfvec));

-- Since the binary form of bytea is its bytes, a column can be given any
-- message.
CREATE TABLE received (v halfvec, w halfvec(2));
\copy (SELECT '\x00020000 3c00 c000'::bytea, '\x00020000 0000 8000'::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
SELECT * FROM received;

-- The column's own number of dimensions
\copy (SELECT NULL::bytea, '\x00010000 0000'::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
COPY received (w) FROM stdin;
[1,2,3]
\.
COPY received (w) FROM stdin WITH (FORMAT csv);
"[1,65520]"
\.
-- none, a negative number, too many
\copy (SELECT '\x00000000'::bytea, NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\xffff0000 0000'::bytea, NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\x3e810000'::bytea || decode(repeat('00', 32002), 'hex'), NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
-- a second field that is not zero
\copy (SELECT '\x00010007 0000'::bytea, NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
-- fewer elements than announced, a broken one, more
\copy (SELECT '\x3e800000 0000'::bytea, NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\x00020000 0000 00'::bytea, NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\x00010000 0000 00'::bytea, NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
-- a broken header, and nothing at all
\copy (SELECT '\x000100'::bytea, NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\x'::bytea, NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
-- elements that are not finite
\copy (SELECT '\x00020000 0000 7e00'::bytea, NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\x00010000 7c01'::bytea, NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\x00010000 fc00'::bytea, NULL::bytea) TO 'results/halfvec_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/halfvec_copy.bin' WITH (FORMAT binary)

-- Nothing of that arrived.
SELECT count(*) FROM received;
DROP TABLE received;
