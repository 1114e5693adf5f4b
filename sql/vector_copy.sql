-- The binary form of vectors, over COPY.

-- There and back, short and long values, NULL, both zeroes.
CREATE TABLE sent (id int, v vector);
INSERT INTO sent VALUES (1, '[1]'), (2, '[0,-0,1e-45,-3.4028235e38]'), (3, NULL);
INSERT INTO sent SELECT 4, array_agg(sin(i))::vector FROM generate_series(1, 16000) i;
CREATE TABLE received (LIKE sent);
\copy sent TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
SELECT id, s.v::text IS NOT DISTINCT FROM r.v::text AS same FROM sent s JOIN received r USING (id) ORDER BY id;
TRUNCATE received;
\copy sent TO 'results/vector_copy.txt'
\copy received FROM 'results/vector_copy.txt'
SELECT id, s.v::text IS NOT DISTINCT FROM r.v::text AS same FROM sent s JOIN received r USING (id) ORDER BY id;
DROP TABLE sent, received;

-- The bytes: int16 dimensions, int16 zero, float4 elements, most significant
-- byte first.
SELECT vector_send('[1,-2,0.5]');
SELECT length(vector_send(array_fill(1, ARRAY[16000])::vector));

-- Since the binary form of bytea is its bytes, a vector column can be given
-- any message.
CREATE TABLE received (v vector, w vector(2));
\copy (SELECT '\x00020000 3f800000 c0000000'::bytea, '\x00020000 00000000 80000000'::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
SELECT * FROM received;

-- The column's own number of dimensions
\copy (SELECT NULL::bytea, '\x00010000 00000000'::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
COPY received (w) FROM stdin;
[1,2,3]
\.
-- none, a negative number, too many
\copy (SELECT '\x00000000'::bytea, NULL::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\xffff0000 00000000'::bytea, NULL::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\x3e810000'::bytea || decode(repeat('00', 64004), 'hex'), NULL::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
-- a second field that is not zero
\copy (SELECT '\x00010007 00000000'::bytea, NULL::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
-- fewer elements than announced, a broken one, more
\copy (SELECT '\x3e800000 00000000'::bytea, NULL::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\x00020000 00000000 0000'::bytea, NULL::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\x00010000 00000000 00'::bytea, NULL::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
-- a broken header, and nothing at all
\copy (SELECT '\x000100'::bytea, NULL::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\x'::bytea, NULL::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
-- elements that are not finite
\copy (SELECT '\x00020000 00000000 7fc00000'::bytea, NULL::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)
\copy (SELECT '\x00010000 ff800000'::bytea, NULL::bytea) TO 'results/vector_copy.bin' WITH (FORMAT binary)
\copy received FROM 'results/vector_copy.bin' WITH (FORMAT binary)

-- Nothing of that arrived.
SELECT count(*) FROM received;
DROP TABLE received;
