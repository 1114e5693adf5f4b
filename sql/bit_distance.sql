-- Distances of bit strings.
SELECT hamming_distance(B'1010', B'1010') AS same, hamming_distance(B'1010', B'0110') AS two, hamming_distance(B'1111', B'0000') AS all,
	hamming_distance('', '') AS empty, hamming_distance(B'1', B'0') AS one;
SELECT jaccard_distance(B'1010', B'1010') AS same, jaccard_distance(B'1110', B'0111') AS half, jaccard_distance(B'1100', B'0011') AS nothing,
	jaccard_distance(B'0000', B'0000') AS zeros, jaccard_distance(B'0000', B'0100') AS zero, jaccard_distance('', '') AS empty,
	jaccard_distance(B'111', B'100') AS third;
SELECT B'10110' <~> B'01110' AS hamming, B'10110' <%> B'01110' AS jaccard, '10110' <~> B'01110' AS untyped;
SELECT pg_typeof(B'1' <~> B'0'), pg_typeof(B'1' <%> B'0');
SELECT B'1' <~> NULL AS hamming, NULL <%> B'1' AS jaccard;

-- What is no bit string of one length is not compared.
SELECT hamming_distance(B'101', B'10');
SELECT jaccard_distance(B'1', B'');
SELECT B'101' <~> B'1010';
SELECT B'' <%> B'1';
-- A bit string of varying length is one, all the same.
SELECT hamming_distance('1011'::varbit(6), B'0011'), jaccard_distance('1011'::varbit, B'0011');
SELECT hamming_distance('10'::varbit(6), B'101');
SELECT hamming_distance(1, 2);

-- All lengths up to some 1,100 bits, and the longest that an index takes, by each instruction set: as counted bit by bit.
CREATE FUNCTION random_bits(length int, seed int) RETURNS varbit LANGUAGE sql IMMUTABLE AS $$
	SELECT substring(string_agg(('x' || md5(format('%s.%s', seed, i)))::bit(128)::text, '')::varbit, 1, length)
	FROM generate_series(0, length / 128) i
$$;
CREATE TABLE pair AS SELECT length, random_bits(length, 1) AS a, random_bits(length, 2) AS b
	FROM (SELECT generate_series(1, 1100, 7) UNION SELECT generate_series(1, 140) UNION VALUES (1023), (1024), (1025), (1099), (1100), (63999), (64000)) l (length);
CREATE VIEW counted AS SELECT length, bit_count(a # b) AS differing, bit_count(a & b) AS common, bit_count(a | b) AS either FROM pair;
CREATE FUNCTION wrong(simd text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('omendb.simd', simd, true);
	RETURN count(*) FROM pair JOIN counted USING (length)
		WHERE a <~> b <> differing OR a <%> b <> CASE WHEN common = 0 THEN 1 ELSE 1 - common / either::float8 END
			OR a <~> a <> 0 OR a <~> ~a <> length OR a <%> ~a <> 1;
EXCEPTION WHEN invalid_parameter_value THEN
	-- not on this machine
	RETURN 0;
END $$;
SELECT count(*), min(length), max(length) FROM pair;
SELECT wrong('scalar'), wrong('avx2'), wrong('avx512'), wrong('neon'), wrong('auto');
DROP VIEW counted;
DROP TABLE pair;

-- Spheres. They are beside sphere(vector, float8), whose calls with untyped arguments stay what they are.
SELECT bit_sphere(B'101', 2), (bit_sphere(B'101', 2)).radius, pg_typeof(bit_sphere(B'10110', 1));
SELECT '(10110,3)'::bit_sphere;
SELECT B'111' <<~>> bit_sphere(B'100', 2) AS on_edge, B'111' <<~>> bit_sphere(B'100', 2.5) AS inside, B'111' <<~>> bit_sphere(B'100', 'NaN') AS nan;
SELECT B'111' <<%>> bit_sphere(B'110', 0.3) AS outside, B'111' <<%>> bit_sphere(B'110', 0.34) AS inside, B'000' <<%>> bit_sphere(B'000', 1) AS zeros;
SELECT B'111' <<~>> bit_sphere(NULL, 1) AS no_center, B'111' <<~>> bit_sphere(B'111', NULL) AS no_radius, B'111' <<~>> NULL AS nothing;
SELECT B'11' <<~>> bit_sphere(B'1', 1);
SELECT pg_typeof(sphere('[1,5]', 3));
PREPARE untyped AS SELECT pg_typeof(sphere($1, $2));
EXECUTE untyped('[1,5]', 3);
DEALLOCATE untyped;
SELECT count(*) FROM pg_proc WHERE proname = 'sphere';

-- A value in the TOAST table, and one that is compressed.
CREATE TABLE long (id int, plain bit(60000), packed bit(60000));
ALTER TABLE long ALTER plain SET STORAGE external;
INSERT INTO long SELECT i, repeat(i::text, 60000)::bit(60000), repeat(i::text, 60000)::bit(60000) FROM generate_series(0, 1) i;
SELECT a.id, b.id, a.plain <~> b.packed AS hamming, a.packed <%> b.plain AS jaccard FROM long a, long b ORDER BY 1, 2;
DROP TABLE long;

-- What binary_quantize returns is of the length of its vector.
SELECT binary_quantize('[1,-1,0,2]'::vector) <~> binary_quantize('[1,1,1,-2]'::vector) AS hamming;
SELECT binary_quantize('[1,-1]'::vector) <~> binary_quantize('[1,1,1]'::vector);

DROP FUNCTION wrong, random_bits;
