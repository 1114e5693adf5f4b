-- Distances between halfvecs, and spheres.

-- Each function beside its operator.
SELECT l2_distance('[1,2,3]'::halfvec, '[3,5,9]') AS l2, '[1,2,3]'::halfvec <-> '[3,5,9]' AS operator;
SELECT inner_product('[1,2,3]'::halfvec, '[3,5,-9]') AS ip, '[1,2,3]'::halfvec <#> '[3,5,-9]' AS operator;
SELECT cosine_distance('[1,0,0]'::halfvec, '[3,0,4]')::real AS cosine, ('[1,0,0]'::halfvec <=> '[3,0,4]')::real AS operator;
SELECT l1_distance('[1,2,3]'::halfvec, '[3,5,-9]') AS l1, '[1,2,3]'::halfvec <+> '[3,5,-9]' AS operator;
SELECT halfvec_l2_squared_distance('[1,2,3]', '[3,5,9]') AS squared,
	halfvec_negative_inner_product('[1,2,3]', '[3,5,-9]') AS negative;

-- Of a halfvec to itself, and to its opposite.
SELECT v, v <-> v AS l2, v <=> v AS cosine, v <+> v AS l1, v <=> v * '[-2,-2,-2]' AS opposite
FROM (VALUES ('[1,2,3]'::halfvec), ('[1e-3,1e3,1]'), ('[-7,0,0]')) AS t (v);

-- The cosine of what has no direction is not a number; what is smallest has one.
SELECT '[0,0]'::halfvec <=> '[1,2]' AS zero, '[1,2]'::halfvec <=> '[0,0]' AS zero, '[5.9604645e-08]'::halfvec <=> '[5.9604645e-08]' AS smallest;

-- An angle, divided by pi.
SELECT halfvec_spherical_distance('[1,0]', '[1,0]') AS same, halfvec_spherical_distance('[1,0]', '[0,-1]') AS right_angle,
	halfvec_spherical_distance('[1,0]', '[-1,0]') AS opposite, halfvec_spherical_distance('[2,0]', '[2,0]') AS clamped;

-- No distance is out of range: sums are of floats.
SELECT '[65504]'::halfvec <-> '[-65504]' AS l2, '[65504]'::halfvec <#> '[65504]' AS ip, '[65504]'::halfvec <+> '[-65504]' AS l1;

-- Both must have the same number of dimensions.
SELECT '[1,2]'::halfvec <-> '[1]';
SELECT '[1,2]'::halfvec <#> '[1,2,3]';
SELECT '[1]'::halfvec <=> '[1,2]';
SELECT '[1,2]'::halfvec <+> '[1]';
SELECT halfvec_l2_squared_distance('[1,2]', '[1]');
SELECT inner_product('[1,2]'::halfvec, '[1]');
SELECT halfvec_spherical_distance('[1,2]', '[1]');

-- Any number of dimensions, against sums in double precision.
CREATE TABLE pair AS
SELECT dim, array_agg(sin(i * dim) ORDER BY i)::halfvec AS va, array_agg(cos(i * 3 + dim) ORDER BY i)::halfvec AS vb
FROM generate_series(1, 130) dim, generate_series(1, dim) i GROUP BY dim
UNION ALL
SELECT 16000, array_agg(sin(i) ORDER BY i)::halfvec, array_agg(cos(i * 3) ORDER BY i)::halfvec FROM generate_series(1, 16000) i;
CREATE TABLE exact AS
SELECT dim, va, vb, e.* FROM pair, LATERAL (
	SELECT sqrt(sum((x - y) ^ 2)) AS l2, sum(x * y) AS ip, 1 - sum(x * y) / sqrt(sum(x ^ 2) * sum(y ^ 2)) AS cosine,
		sum(abs(x - y)) AS l1, sum(abs(x * y)) AS terms
	FROM (SELECT u.x::double precision, u.y::double precision FROM unnest(va::real[], vb::real[]) AS u (x, y)) AS element) AS e;
SELECT count(*) AS pairs,
	count(*) FILTER (WHERE abs((va <-> vb) - l2) <= 1e-5 * l2) AS l2,
	count(*) FILTER (WHERE abs((va <#> vb) + ip) <= 1e-5 * terms) AS ip,
	count(*) FILTER (WHERE abs((va <=> vb) - cosine) <= 1e-5) AS cosine,
	count(*) FILTER (WHERE abs((va <+> vb) - l1) <= 1e-5 * l1) AS l1,
	count(*) FILTER (WHERE (va <-> vb) = (vb <-> va) AND (va <#> vb) = (vb <#> va)
		AND (va <=> vb) = (vb <=> va) AND (va <+> vb) = (vb <+> va)) AS symmetric
FROM exact;
-- The same number as of the vectors that have these elements.
SELECT count(*) FILTER (WHERE (va <-> vb) <> (va::vector <-> vb::vector) OR (va <#> vb) <> (va::vector <#> vb::vector)
	OR (va <=> vb) <> (va::vector <=> vb::vector) OR (va <+> vb) <> (va::vector <+> vb::vector)) AS different FROM exact;
DROP TABLE pair, exact;

-- Within a sphere: nearer than the radius.
CREATE TABLE item (id int, v halfvec(2));
INSERT INTO item VALUES (1, '[0,0]'), (2, '[3,4]'), (3, NULL), (4, '[1,1]'), (5, '[-1,5]');
SELECT halfvec_sphere('[1,2]', 3), (halfvec_sphere('[1,2]', 3)).center, (halfvec_sphere('[1,2]', 3)).radius;
SELECT id FROM item WHERE v <<->> halfvec_sphere('[0,0]', 5) ORDER BY id;
SELECT id FROM item WHERE v <<->> halfvec_sphere('[0,0]', 5.0001) ORDER BY id;
SELECT id FROM item WHERE v <<#>> halfvec_sphere('[1,1]', -2) ORDER BY id;
SELECT id FROM item WHERE v <<=>> halfvec_sphere('[3,4]', 0.02) ORDER BY id;
SELECT id FROM item WHERE v <<+>> halfvec_sphere('[0,0]', 6.5) ORDER BY id;
SELECT v <<->> halfvec_sphere(NULL, 1) AS no_center, v <<->> halfvec_sphere('[1,1]', NULL) AS no_radius, v <<->> NULL AS nothing
FROM item WHERE id = 1;
SELECT id FROM item WHERE v <<->> halfvec_sphere('[0,0,0]', 5);
-- A center that is a vector becomes a halfvec.
SELECT id FROM item WHERE v <<->> halfvec_sphere('[0,0]'::vector, 5) ORDER BY id;

-- There is one function named sphere, so that nobody has to say of what type a
-- center is.
SELECT proname, proargtypes::regtype[], prorettype::regtype FROM pg_proc WHERE proname ~ 'sphere$' ORDER BY proname COLLATE "C";
SELECT sphere('[1,5]', 3), '[1,2]'::vector <<->> sphere('[1,5]', 3) AS outside, '[1,2]'::vector <<->> sphere('[1,5]', 3.5) AS inside;
PREPARE sphere_of AS SELECT sphere($1, 3), '[1,2]'::vector <<->> sphere($1, $2) AS inside;
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'sphere_of';
EXECUTE sphere_of('[1,5]', 3.5);
PREPARE half_sphere_of AS SELECT '[1,2]'::halfvec <<->> halfvec_sphere($1, $2) AS inside;
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'half_sphere_of';
EXECUTE half_sphere_of('[1,5]', 3.5);
DEALLOCATE sphere_of;
DEALLOCATE half_sphere_of;

-- Ordering by a distance needs no index; rows without one come last.
SELECT id, v <-> '[1,2]' AS distance FROM item ORDER BY v <-> '[1,2]' LIMIT 3;
SELECT id, v <#> '[1,2]' AS distance FROM item ORDER BY v <#> '[1,2]', id;
SELECT id, round((v <=> '[1,2]')::numeric, 3) AS distance FROM item ORDER BY v <=> '[1,2]', id;
SELECT id, v <+> '[1,2]' AS distance FROM item ORDER BY v <+> '[1,2]', id;
DROP TABLE item;
