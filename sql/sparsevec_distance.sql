-- Distances of sparse vectors: functions, operators, spheres.

SELECT a, b, l2_distance(a, b), inner_product(a, b), cosine_distance(a, b), l1_distance(a, b), sparsevec_l2_squared_distance(a, b) AS l2sq
FROM (VALUES
	('{1:3}/2'::sparsevec, '{2:4}/2'::sparsevec),
	('{1:1,2:2}/2', '{1:2,2:4}/2'),
	('{1:1,2:2}/2', '{1:-2,2:-4}/2'),
	('{1:1}/9', '{}/9'),
	('{}/9', '{}/9'),
	('{1:1,4:2,7:3}/9', '{4:5,9:1}/9'),
	('{2:1,4:2}/9', '{1:1,3:2,5:3}/9'),
	('{1:3e38}/1', '{1:-3e38}/1'),
	('{1:1e20}/2', '{1:1e20,2:1}/2')) AS v (a, b);
SELECT '{1:3}/2'::sparsevec <-> '{2:4}/2', '{1:3}/2'::sparsevec <#> '{1:4}/2', '{1:3}/2'::sparsevec <=> '{1:4}/2', '{1:3}/2'::sparsevec <+> '{2:4}/2';
SELECT sparsevec_negative_inner_product('{1:3}/2', '{1:4}/2');
SELECT l2_distance('{}/2'::sparsevec, '{}/3');
SELECT cosine_distance('{}/2'::sparsevec, '{}/3');

-- Norms.
SELECT l2_norm('{1:3,9:4}/9'::sparsevec), l2_norm('{}/9'::sparsevec), l2_norm('{1:3e38,2:3e38}/2'::sparsevec);
SELECT l2_normalize('{1:3,9:4}/9'::sparsevec), l2_normalize('{}/9'::sparsevec), l2_normalize('{1:3e38}/1'::sparsevec);
-- what becomes zero is left out
SELECT l2_normalize('{1:1e38,2:1e-45}/2'::sparsevec);

-- The distances are those of the vectors with all their zeroes, with every
-- instruction set: small integers, so exactly.
CREATE TABLE pair AS
	SELECT i, array_agg(CASE WHEN hashint4(i * 1000 + j) % 3 = 0 THEN hashint4(i + j) % 8 ELSE 0 END ORDER BY j)::vector AS a,
		array_agg(CASE WHEN hashint4(i * 1000 - j) % (1 + i % 5) = 0 THEN hashint4(i - j) % 8 ELSE 0 END ORDER BY j)::vector AS b
	FROM generate_series(1, 300) i, LATERAL (SELECT j FROM generate_series(1, 1 + i) j) d GROUP BY i;
CREATE FUNCTION different() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (SELECT a, b, a::sparsevec AS p, b::sparsevec AS q FROM pair) t
	WHERE a <-> b <> p <-> q OR a <#> b <> p <#> q OR a <+> b <> p <+> q
		OR (a <=> b)::text <> (p <=> q)::text OR vector_norm(a) <> l2_norm(p) OR l2_normalize(a)::sparsevec <> l2_normalize(p)
$$;
SET omendb.simd = 'scalar';
SELECT different();
RESET omendb.simd;
SELECT different();
DROP FUNCTION different;
DROP TABLE pair;

-- Spheres: as the distance says.
SELECT sparsevec_sphere('{1:1}/2', 3), pg_typeof(sparsevec_sphere('{1:1}/2', 3));
SELECT v, v <<->> s AS l2, v <<#>> s AS ip, v <<=>> s AS cosine, v <<+>> s AS l1
FROM (VALUES ('{1:1}/2'::sparsevec), ('{2:3}/2'), ('{1:1,2:1}/2'), ('{}/2'), (NULL)) AS t (v), (SELECT sparsevec_sphere('{1:1}/2', 1)) AS c (s);
SELECT '{}/2'::sparsevec <<->> sparsevec_sphere(NULL, 1), '{}/2'::sparsevec <<->> sparsevec_sphere('{}/2', NULL), '{}/2'::sparsevec <<->> NULL;
SELECT '{}/2'::sparsevec <<->> sparsevec_sphere('{}/3', 1);
