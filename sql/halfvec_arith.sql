-- Functions that make halfvecs and numbers out of halfvecs.

-- Element by element, rounded once.
SELECT '[1,2,3]'::halfvec + '[10,20,30.5]' AS plus,
	'[1,2,3]'::halfvec - '[10,20,30.5]' AS minus,
	'[1,2,3]'::halfvec * '[10,-20,0.5]' AS times;
SELECT '[2048]'::halfvec + '[1]' AS even, '[2048]'::halfvec + '[3]' AS up, '[1.001]'::halfvec * '[1.001]' AS product,
	'[0,-0]'::halfvec + '[0,-0]' AS zeroes, '[5.9604645e-08]'::halfvec - '[5.9604645e-08]' AS denormals;

-- A result that no half can hold is an error; one that rounds is not.
SELECT '[65504]'::halfvec + '[15]' AS rounded, '[256]'::halfvec * '[255.75]' AS largest;
SELECT '[0,65504]'::halfvec + '[0,16]';
SELECT '[-65504,0]'::halfvec - '[65504,0]';
SELECT '[300]'::halfvec * '[-300]';
SELECT '[1,1e-4]'::halfvec * '[1,1e-4]';
SELECT '[0,1e-4]'::halfvec * '[1e-4,0]' AS exact_zero, '[1e-4]'::halfvec * '[1e-3]' AS small;
-- 2^-24 times a half is in the middle of zero and that; anything more is not nothing.
SELECT '[5.9604645e-08]'::halfvec * '[0.5]';
SELECT '[5.9604645e-08]'::halfvec * '[0.5004883]' AS small;

-- Both must have the same number of dimensions.
SELECT '[1]'::halfvec + '[1,2]';
SELECT '[1,2,3]'::halfvec - '[1,2]';
SELECT '[1,2]'::halfvec * '[1]';

-- One after the other.
SELECT '[1]'::halfvec || '[2,3]' || '[4]' AS concatenated;
SELECT vector_dims(array_fill(1, ARRAY[15999])::halfvec || '[1]');
SELECT array_fill(1, ARRAY[8001])::halfvec || array_fill(1, ARRAY[8000])::halfvec;

-- Length and direction.
SELECT vector_dims('[5]'::halfvec), vector_dims('[5,6,7]'::halfvec(3));
SELECT l2_norm('[2,3,6]'::halfvec), l2_norm('[0,0,0]'::halfvec), l2_norm('[-5]'::halfvec),
	l2_norm('[5.9604645e-08]'::halfvec) > 0 AS denormal, l2_norm('[65504,65504]'::halfvec)::real AS no_overflow;
SELECT l2_normalize('[0,0,-5]'::halfvec), l2_normalize('[8,0,-6]'::halfvec), l2_normalize('[0,-0]'::halfvec) AS zero,
	l2_normalize('[5.9604645e-08]'::halfvec) AS denormal, l2_normalize('[-65504,0]'::halfvec) AS large;
SELECT abs(l2_norm(l2_normalize(array_agg(sin(i))::halfvec)) - 1) < 1e-3 AS unit
FROM generate_series(1, 1000) i;

-- Parts, as substring() counts them.
SELECT start, count, subvector('[1,2,3,4,5]'::halfvec, start, count)
FROM (VALUES (1, 5), (1, 1), (5, 1), (2, 3), (4, 100), (0, 2), (-2, 4), (-2147483640, 2147483647),
	(1, 2147483647), (5, 2147483647)) AS v (start, count);
SELECT subvector('[1,2,3]'::halfvec, 4, 1);
SELECT subvector('[1,2,3]'::halfvec, 2, 0);
SELECT subvector('[1,2,3]'::halfvec, -2147483648, -2147483648);
SELECT subvector('[1,2,3]'::halfvec, 2147483647, 2147483647);

-- One bit for each element, set where it is positive; zeroes are not.
SELECT binary_quantize('[1]'::halfvec), binary_quantize('[-1]'::halfvec), binary_quantize('[0,-0,5.9604645e-08,-5.9604645e-08]'::halfvec);
SELECT dim, binary_quantize(array_agg(CASE WHEN i % 3 = 0 THEN 1 ELSE -1 END)::halfvec) AS bits
FROM (VALUES (7), (8), (9), (16), (17)) AS v (dim), generate_series(1, dim) i GROUP BY dim ORDER BY dim;
SELECT length(bits), bits = repeat('1', 16000)::bit(16000) AS all_set
FROM binary_quantize(array_fill(1, ARRAY[16000])::halfvec) bits;
