-- Casts of sparse vectors from and to vectors and arrays.

SELECT '[0,1.5,0,-3.5]'::vector::sparsevec, '[0,-0]'::vector::sparsevec, '{2:1.5,4:-3.5}/4'::sparsevec::vector, '{}/2'::sparsevec::vector;
SELECT ARRAY[0,1,2]::sparsevec, ARRAY[0.5,0]::real[]::sparsevec, ARRAY[0,1e-3]::float8[]::sparsevec, ARRAY[1.25,0.0]::numeric[]::sparsevec;

-- With a type modifier the dimensions must be right.
SELECT '[0,1]'::vector::sparsevec(2), '{2:1}/2'::sparsevec::vector(2), ARRAY[0,1]::sparsevec(2), '{2:1}/2'::sparsevec::sparsevec(2);
SELECT '[0,1]'::vector::sparsevec(3);
SELECT '{2:1}/2'::sparsevec::vector(3);
SELECT ARRAY[0,1]::sparsevec(3);
SELECT '{2:1}/2'::sparsevec::sparsevec(3);

-- From and to halfvec, which may be too small a number for it.
SELECT '[0,1.5]'::halfvec::sparsevec, '{2:1.5}/2'::sparsevec::halfvec, '{2:1e-9}/2'::sparsevec::halfvec(2), '[0,1]'::halfvec::sparsevec(2);
SELECT '{1:65520}/1'::sparsevec::halfvec;
SELECT '{2:1}/2'::sparsevec::halfvec(3);
SELECT '[1]'::halfvec::sparsevec(2);

-- What cannot be one.
SELECT '{}'::real[]::sparsevec;
SELECT '{NULL,1}'::real[]::sparsevec;
SELECT '{NaN}'::real[]::sparsevec;
SELECT '{1e40}'::float8[]::sparsevec;
SELECT '{-Infinity,0}'::float8[]::sparsevec;
SELECT '{{1}}'::real[]::sparsevec;
SELECT '{}/16001'::sparsevec::vector;
SELECT array_fill(1, ARRAY[16001])::sparsevec;

-- An array may be longer, and a number too small for a float is a zero.
SELECT (array_fill(0, ARRAY[99999]) || 7)::sparsevec, ARRAY[1e-60,1]::float8[]::sparsevec;
SELECT length(array_fill(1, ARRAY[16000])::sparsevec::vector::text);

-- Implicit from a vector, on assignment to it.
CREATE TABLE item (s sparsevec(3), v vector(3));
INSERT INTO item VALUES ('[1,0,2]'::vector, '{1:1,3:2}/3'::sparsevec), (ARRAY[1,0,2], ARRAY[1,0,2]);
SELECT s, v, s = v::sparsevec AS same, l2_distance(s, v) FROM item;
DROP TABLE item;

-- Nothing that was clear without the type is ambiguous with it.
SELECT ARRAY[1,2,3] = ARRAY[1,2,3], '[1,2]' = '[1,2]'::vector, '[1,2]'::vector <-> '[1,3]', '{1:1}/2' <-> '{2:1}/2'::sparsevec;
SELECT (sphere('[1,5]', 3)).center, pg_typeof(sphere('[1,5]', 3));
PREPARE untyped AS SELECT pg_typeof(sphere($1, 3)), pg_typeof($1);
EXECUTE untyped ('[1,2]');
DEALLOCATE untyped;
