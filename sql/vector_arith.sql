-- Functions that make vectors and numbers out of vectors.

-- Element by element.
SELECT '[1,2,3]'::vector + '[10,20,30.5]' AS plus,
	'[1,2,3]'::vector - '[10,20,30.5]' AS minus,
	'[1,2,3]'::vector * '[10,-20,0.5]' AS times;
SELECT '[0,-0]'::vector + '[0,-0]' AS zeroes, '[1e-45]'::vector - '[1e-45]' AS denormals;

-- A result that no float can hold is an error; one that rounds is not.
SELECT '[3.4028235e38]'::vector + '[1e30]' AS rounded;
SELECT '[0,3.4028235e38]'::vector + '[0,1e32]';
SELECT '[-3.4028235e38,0]'::vector - '[3.4028235e38,0]';
SELECT '[1e20]'::vector * '[-1e20]';
SELECT '[1,1e-30]'::vector * '[1,1e-30]';
SELECT '[0,1e-30]'::vector * '[1e-30,0]' AS exact_zero, '[1e-20]'::vector * '[1e-20]' AS small;

-- The vectors must have the same number of dimensions.
SELECT '[1]'::vector + '[1,2]';
SELECT '[1,2,3]'::vector - '[1,2]';
SELECT '[1,2]'::vector * '[1]';

-- One after the other.
SELECT '[1]'::vector || '[2,3]' || '[4]' AS concatenated;
SELECT vector_dims(array_fill(1, ARRAY[15999])::vector || '[1]');
SELECT array_fill(1, ARRAY[8001])::vector || array_fill(1, ARRAY[8000])::vector;

-- Length and direction.
SELECT vector_dims('[5]'::vector), vector_dims('[5,6,7]'::vector(3));
SELECT vector_norm('[2,3,6]'), vector_norm('[0,0,0]'), vector_norm('[-5]'),
	vector_norm('[1e-40]') > 0 AS denormal,
	vector_norm('[3e38,3e38]') BETWEEN 4.2e38 AND 4.3e38 AS no_overflow;
SELECT l2_normalize('[0,0,-5]'::vector), l2_normalize('[8,0,-6]'::vector), l2_normalize('[0,-0]'::vector) AS zero,
	l2_normalize('[1e-45]'::vector) AS denormal, l2_normalize('[-3e38,0]'::vector) AS large;
SELECT abs(vector_norm(l2_normalize(array_agg(sin(i))::vector)) - 1) < 1e-6 AS unit
FROM generate_series(1, 1000) i;

-- Parts, as substring() counts them.
SELECT start, count, subvector('[1,2,3,4,5]'::vector, start, count)
FROM (VALUES (1, 5), (1, 1), (5, 1), (2, 3), (4, 100), (0, 2), (-2, 4), (-2147483640, 2147483647),
	(1, 2147483647), (5, 2147483647)) AS v (start, count);
SELECT subvector('[1,2,3]'::vector, 4, 1);
SELECT subvector('[1,2,3]'::vector, 0, 1);
SELECT subvector('[1,2,3]'::vector, 2, 0);
SELECT subvector('[1,2,3]'::vector, 2, -2147483648);
SELECT subvector('[1,2,3]'::vector, -2147483648, -2147483648);
SELECT subvector('[1,2,3]'::vector, 2147483647, 2147483647);

-- One bit for each element, set where it is positive; zeroes are not.
SELECT binary_quantize('[1]'::vector), binary_quantize('[-1]'::vector), binary_quantize('[0,-0,1e-45,-1e-45]'::vector);
SELECT dim, binary_quantize(array_agg(CASE WHEN i % 3 = 0 THEN 1 ELSE -1 END)::vector) AS bits
FROM (VALUES (7), (8), (9), (16), (17)) AS v (dim), generate_series(1, dim) i GROUP BY dim ORDER BY dim;
SELECT length(bits), bits = repeat('1', 16000)::bit(16000) AS all_set
FROM binary_quantize(array_fill(1, ARRAY[16000])::vector) bits;
