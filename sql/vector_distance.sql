-- Distances between vectors.

-- Each function beside its operator.
SELECT l2_distance('[1,2,3]'::vector, '[3,5,9]') AS l2, '[1,2,3]'::vector <-> '[3,5,9]' AS operator;
SELECT inner_product('[1,2,3]'::vector, '[3,5,-9]') AS ip, '[1,2,3]'::vector <#> '[3,5,-9]' AS operator;
SELECT cosine_distance('[1,0,0]'::vector, '[3,0,4]')::real AS cosine, ('[1,0,0]'::vector <=> '[3,0,4]')::real AS operator;
SELECT l1_distance('[1,2,3]'::vector, '[3,5,-9]') AS l1, '[1,2,3]'::vector <+> '[3,5,-9]' AS operator;
SELECT vector_l2_squared_distance('[1,2,3]', '[3,5,9]') AS squared,
	vector_negative_inner_product('[1,2,3]', '[3,5,-9]') AS negative;

-- Of a vector to itself, and to its opposite.
SELECT v, v <-> v AS l2, v <=> v AS cosine, v <+> v AS l1, v <=> v * '[-2,-2,-2]' AS opposite
FROM (VALUES ('[1,2,3]'::vector), ('[1e-3,1e3,1]'), ('[-7,0,0]')) AS t (v);

-- The cosine of a vector without a direction is not a number.
SELECT '[0,0]'::vector <=> '[1,2]' AS zero, '[1,2]'::vector <=> '[0,0]' AS zero, '[1e-30]'::vector <=> '[1e-30]' AS vanishing;

-- An angle, divided by pi.
SELECT vector_spherical_distance('[1,0]', '[1,0]') AS same, vector_spherical_distance('[1,0]', '[0,-1]') AS right_angle,
	vector_spherical_distance('[1,0]', '[-1,0]') AS opposite, vector_spherical_distance('[2,0]', '[2,0]') AS clamped;

-- What does not fit into a float is infinite.
SELECT '[3e38]'::vector <-> '[-3e38]' AS l2, '[3e38]'::vector <#> '[3e38]' AS ip, '[3e38]'::vector <+> '[-3e38]' AS l1;

-- The vectors must have the same number of dimensions.
SELECT '[1,2]'::vector <-> '[1]';
SELECT '[1,2]'::vector <#> '[1,2,3]';
SELECT '[1]'::vector <=> '[1,2]';
SELECT '[1,2]'::vector <+> '[1]';
SELECT vector_l2_squared_distance('[1,2]', '[1]');
SELECT inner_product('[1,2]'::vector, '[1]');
SELECT vector_spherical_distance('[1,2]', '[1]');

-- Any number of dimensions, against sums in double precision.
CREATE TABLE pair AS
SELECT dim, array_agg(sin(i * dim)::real ORDER BY i) AS a, array_agg(cos(i * 3 + dim)::real ORDER BY i) AS b
FROM generate_series(1, 130) dim, generate_series(1, dim) i GROUP BY dim
UNION ALL
SELECT 16000, array_agg(sin(i)::real ORDER BY i), array_agg(cos(i * 3)::real ORDER BY i) FROM generate_series(1, 16000) i;
CREATE TABLE exact AS
SELECT dim, a::vector AS va, b::vector AS vb, e.* FROM pair, LATERAL (
	SELECT sqrt(sum((x - y) ^ 2)) AS l2, sum(x * y) AS ip, 1 - sum(x * y) / sqrt(sum(x ^ 2) * sum(y ^ 2)) AS cosine,
		sum(abs(x - y)) AS l1, sum(abs(x * y)) AS terms
	FROM (SELECT u.x::double precision, u.y::double precision FROM unnest(a, b) AS u (x, y)) AS element) AS e;
SELECT count(*) AS pairs,
	count(*) FILTER (WHERE abs((va <-> vb) - l2) <= 1e-5 * l2) AS l2,
	count(*) FILTER (WHERE abs((va <#> vb) + ip) <= 1e-5 * terms) AS ip,
	count(*) FILTER (WHERE abs((va <=> vb) - cosine) <= 1e-5) AS cosine,
	count(*) FILTER (WHERE abs((va <+> vb) - l1) <= 1e-5 * l1) AS l1,
	count(*) FILTER (WHERE (va <-> vb) = (vb <-> va) AND (va <#> vb) = (vb <#> va)
		AND (va <=> vb) = (vb <=> va) AND (va <+> vb) = (vb <+> va)) AS symmetric
FROM exact;
DROP TABLE pair, exact;

-- Ordering by a distance needs no index; rows without one come last.
CREATE TABLE item (id int, v vector(2));
INSERT INTO item VALUES (1, '[0,0]'), (2, '[3,4]'), (3, NULL), (4, '[1,1]'), (5, '[-1,5]');
SELECT id, v <-> '[1,2]' AS distance FROM item ORDER BY v <-> '[1,2]' LIMIT 3;
SELECT id, v <#> '[1,2]' AS distance FROM item ORDER BY v <#> '[1,2]', id;
SELECT id, round((v <=> '[1,2]')::numeric, 3) AS distance FROM item ORDER BY v <=> '[1,2]', id;
SELECT id, v <+> '[1,2]' AS distance FROM item ORDER BY v <+> '[1,2]', id;
DROP TABLE item;
