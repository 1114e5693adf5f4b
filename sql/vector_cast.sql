-- Casts to and from vector.

-- Arrays of four types become vectors.
SELECT ARRAY[1,-2,2147483647]::vector AS "integer", ARRAY[1.5,-2,0.1]::real[]::vector AS "real",
	ARRAY[1.5,-2,0.1]::double precision[]::vector AS double, ARRAY[1.5,-2,0.1]::numeric[]::vector AS "numeric";
SELECT ARRAY[1,2]::bigint[]::vector;
SELECT ARRAY['1','2']::text[]::vector;

-- The number of dimensions is checked.
SELECT ARRAY[1,2,3]::vector(3), ARRAY[1.5,2.5]::vector(2);
SELECT ARRAY[1,2,3]::vector(2);
SELECT ARRAY[1,2,3]::real[]::vector(4);
SELECT ARRAY[1,2,3]::double precision[]::vector(4);
SELECT ARRAY[1,2,3]::numeric[]::vector(4);
SELECT '[1,2,3]'::vector::vector(3);
SELECT '[1,2,3]'::vector::vector(4);
SELECT vector('[1,2,3]', -1, true), array_to_vector(ARRAY[1,2,3], -1, false), vector_to_float4('[1,2,3]', -1, false);

-- Bounds do not matter, nor does a null bitmap without nulls.
SELECT '[5:7]={1,2,3}'::real[]::vector, '[0:1]={1,2}'::integer[]::vector;
SELECT (ARRAY[NULL,2,3]::real[])[2:3]::vector, (ARRAY[NULL,2,3]::double precision[])[2:3]::vector,
	(ARRAY[NULL,2,3]::integer[])[2:3]::vector, (ARRAY[NULL,2,3]::numeric[])[2:3]::vector;

-- What is not a vector.
SELECT '{}'::integer[]::vector;
SELECT '{1,NULL}'::real[]::vector;
SELECT '{{1,2},{3,4}}'::double precision[]::vector;
SELECT '{1,NaN}'::real[]::vector;
SELECT '{Infinity}'::double precision[]::vector;
SELECT '{1e39}'::double precision[]::vector;
SELECT '{NaN}'::numeric[]::vector;
SELECT '{1e39}'::numeric[]::vector;
SELECT '{1e-50,-1e-50}'::double precision[]::vector;
SELECT array_fill(1, ARRAY[16001])::vector;
SELECT vector_dims(array_fill(1, ARRAY[16000])::vector);

-- The functions are tied to their types by the script alone.
CREATE FUNCTION text_to_vector(text[], integer, boolean) RETURNS vector
AS '$libdir/omendb', 'omen_array_to_vector' LANGUAGE C STRICT;
SELECT text_to_vector(ARRAY['1'], -1, false);
DROP FUNCTION text_to_vector;

-- A vector is an array where one is expected.
SELECT '[1,2.5,-3]'::vector::real[], ('[1,2.5,-3]'::vector::real[])[2], array_dims('[1,2]'::vector::real[]);
SELECT array_agg(x ORDER BY x) FROM unnest('[3,1,2]'::vector::real[]) x;
SELECT v::real[]::vector = v AS same FROM (SELECT array_agg(sin(i))::vector AS v FROM generate_series(1, 16000) i) AS t;

-- An array is a vector where it is stored, not in an expression.
CREATE TABLE item (id int, v vector(3), a real[]);
INSERT INTO item (id, v) VALUES (1, ARRAY[1,2,3]), (2, ARRAY[1.5,2.5,3.5]), (3, '{4,5,6}'::real[]);
INSERT INTO item (id, v) SELECT 4, array_agg(i::double precision) FROM generate_series(7, 9) i;
INSERT INTO item (id, v) VALUES (5, ARRAY[1,2]);
UPDATE item SET a = v;
SELECT * FROM item ORDER BY id;
SELECT l2_distance(ARRAY[1,2], ARRAY[3,4]);
DROP TABLE item;

-- Casts of our own must not make core expressions ambiguous.
SELECT ARRAY[1,2] = ARRAY[1,2] AS equal, ARRAY[1.5] || ARRAY[2.5] AS concatenated, ARRAY[1,2]::real[] < ARRAY[1,3]::real[] AS less;
SELECT '[1,2]'::vector = '[1,2]' AS equal, '[1,2]'::vector = ARRAY[1,2]::vector AS equal;

SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
WHERE 'vector'::regtype IN (castsource, casttarget) ORDER BY castsource::regtype::text, casttarget::regtype::text;
