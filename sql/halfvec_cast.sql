-- Casts to and from halfvec.

-- Arrays of four types become halfvecs.
SELECT ARRAY[1,-2,2049]::halfvec AS "integer", ARRAY[1.5,-2,0.1]::real[]::halfvec AS "real",
	ARRAY[1.5,-2,0.1]::double precision[]::halfvec AS double, ARRAY[1.5,-2,0.1]::numeric[]::halfvec AS "numeric";
SELECT ARRAY[1,2]::bigint[]::halfvec;
SELECT ARRAY['1','2']::text[]::halfvec;

-- The number of dimensions is checked.
SELECT ARRAY[1,2,3]::halfvec(3), ARRAY[1.5,2.5]::halfvec(2), '[1,2]'::vector::halfvec(2), '[1,2]'::halfvec::vector(2);
SELECT ARRAY[1,2,3]::halfvec(2);
SELECT ARRAY[1,2,3]::real[]::halfvec(4);
SELECT ARRAY[1,2,3]::double precision[]::halfvec(4);
SELECT ARRAY[1,2,3]::numeric[]::halfvec(4);
SELECT '[1,2,3]'::halfvec::halfvec(3);
SELECT '[1,2,3]'::halfvec::halfvec(4);
SELECT '[1,2,3]'::vector::halfvec(4);
SELECT '[1,2,3]'::halfvec::vector(2);
SELECT halfvec('[1,2,3]', -1, true), array_to_halfvec(ARRAY[1,2,3], -1, false), halfvec_to_float4('[1,2,3]', -1, false),
	halfvec_to_vector('[1,2,3]', -1, false), vector_to_halfvec('[1,2,3]', -1, true);

-- Bounds do not matter, nor does a null bitmap without nulls.
SELECT '[5:7]={1,2,3}'::real[]::halfvec, '[0:1]={1,2}'::integer[]::halfvec;
SELECT (ARRAY[NULL,2,3]::real[])[2:3]::halfvec, (ARRAY[NULL,2,3]::numeric[])[2:3]::halfvec;

-- What is not a halfvec.
SELECT '{}'::integer[]::halfvec;
SELECT '{1,NULL}'::real[]::halfvec;
SELECT '{{1,2},{3,4}}'::double precision[]::halfvec;
SELECT '{1,NaN}'::real[]::halfvec;
SELECT '{Infinity}'::double precision[]::halfvec;
SELECT '{1e39}'::double precision[]::halfvec;
SELECT '{NaN}'::numeric[]::halfvec;
SELECT array_fill(1, ARRAY[16001])::halfvec;
SELECT vector_dims(array_fill(1, ARRAY[16000])::halfvec);

-- The largest numbers, and what would be rounded to more.
SELECT ARRAY[65504,65519,-65519]::halfvec, '{65519.99,-1e-9}'::real[]::halfvec, '[65519]'::vector::halfvec;
SELECT ARRAY[1,65520]::halfvec;
SELECT '{-65520}'::real[]::halfvec;
SELECT '{65520.5}'::double precision[]::halfvec;
SELECT '{1e5}'::numeric[]::halfvec;
SELECT '[1,65520]'::vector::halfvec;
SELECT '[-3e38]'::vector::halfvec;

-- A vector becomes a halfvec wherever one is expected, the other way only where
-- it is stored, or asked for; nothing is lost on that way.
SELECT l2_distance('[1,2]'::halfvec, '[1,2.0001]'::vector), '[1,2]'::vector <-> '[1,3]'::halfvec AS mixed;
SELECT '[0.1,-2,65504,5.9604645e-08]'::halfvec::vector, '[0.1,-2,65504,5.9604645e-08]'::halfvec::vector::halfvec = '[0.1,-2,65504,5.9604645e-08]' AS same;
SELECT '[1]'::halfvec + '[1]'::vector AS sum;
SELECT vector_norm('[1]'::halfvec);
CREATE TABLE item (id int, v vector(3), h halfvec(3), a real[]);
INSERT INTO item (id, h) VALUES (1, ARRAY[1,2,3]), (2, ARRAY[1.5,2.5,3.5]), (3, '{4,5,6}'::real[]), (4, '[0.1,0.2,0.3]'::vector);
INSERT INTO item (id, h) SELECT 5, array_agg(i::double precision) FROM generate_series(7, 9) i;
INSERT INTO item (id, h) SELECT 6, array_agg(e::real) FROM json_array_elements_text('[1, 2.25, 3e2]') e;
INSERT INTO item (id, h) VALUES (7, ARRAY[1,2]);
INSERT INTO item (id, h) VALUES (7, '[1,2]'::vector);
UPDATE item SET a = h, v = h;
SELECT * FROM item ORDER BY id;
ALTER TABLE item ALTER v TYPE halfvec(3);
SELECT v = h AS same FROM item ORDER BY id;
ALTER TABLE item ALTER h TYPE vector(3);
SELECT pg_typeof(h), pg_typeof(v), h FROM item WHERE id = 4;
DROP TABLE item;

SELECT '[1,2.5,-3]'::halfvec::real[], ('[1,2.5,-3]'::halfvec::real[])[2], array_dims('[1,2]'::halfvec::real[]);
SELECT h::real[]::halfvec = h AS same, h::vector::halfvec = h AS same
FROM (SELECT array_agg(sin(i))::halfvec AS h FROM generate_series(1, 16000) i) AS t;

-- Casts of our own must not make expressions of core's or vector's ambiguous.
SELECT ARRAY[1,2] = ARRAY[1,2] AS equal, ARRAY[1.5] || ARRAY[2.5] AS concatenated, ARRAY[1,2]::real[] < ARRAY[1,3]::real[] AS less;
SELECT '[1,2]'::vector = '[1,2]' AS equal, '[1,2]'::vector = ARRAY[1,2]::vector AS equal, '[1,2]'::halfvec = '[1,2]'::vector AS equal;
SELECT '[1,2]'::vector::real[] || '[3]'::vector::real[] AS concatenated;

SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
WHERE 'halfvec'::regtype IN (castsource, casttarget) ORDER BY castsource::regtype::text, casttarget::regtype::text;
