-- What clients of the halfvec type rely on: names, signatures, properties.
BEGIN;
SET client_min_messages = warning;
SELECT no_plan();

-- Type
SELECT has_type('halfvec');
SELECT has_type('_halfvec');
SELECT is(to_regtype('halfvec')::text, 'halfvec', 'clients find halfvec by name');
SELECT is(format_type('halfvec'::regtype, 3), 'halfvec(3)', 'the modifier prints as the number of dimensions');
SELECT results_eq(
	$$SELECT typlen::int, typbyval, typalign::text, typstorage::text, typcategory::text, typdelim::text, typsubscript::text, typanalyze::text
		FROM pg_type WHERE oid = 'halfvec'::regtype$$,
	$$VALUES (-1, false, 'i', 'e', 'U', ',', '-', '-')$$,
	'halfvec is stored as clients and other extensions expect');
SELECT results_eq(
	$$SELECT typinput::text, typoutput::text, typreceive::text, typsend::text, typmodin::text, typmodout::text
		FROM pg_type WHERE oid = 'halfvec'::regtype$$,
	$$VALUES ('halfvec_in', 'halfvec_out', 'halfvec_recv', 'halfvec_send', 'halfvec_typmod_in', '-')$$,
	'halfvec has its input and output functions');

-- Functions: name, arguments, result
CREATE TEMP TABLE expected_function (name text, arguments text, result text);
INSERT INTO expected_function VALUES
	('halfvec_in', 'cstring, oid, integer', 'halfvec'),
	('halfvec_out', 'halfvec', 'cstring'),
	('halfvec_typmod_in', 'cstring[]', 'integer'),
	('halfvec_recv', 'internal, oid, integer', 'halfvec'),
	('halfvec_send', 'halfvec', 'bytea'),
	('l2_distance', 'halfvec, halfvec', 'double precision'),
	('inner_product', 'halfvec, halfvec', 'double precision'),
	('cosine_distance', 'halfvec, halfvec', 'double precision'),
	('l1_distance', 'halfvec, halfvec', 'double precision'),
	('vector_dims', 'halfvec', 'integer'),
	('l2_norm', 'halfvec', 'double precision'),
	('l2_normalize', 'halfvec', 'halfvec'),
	('binary_quantize', 'halfvec', 'bit'),
	('subvector', 'halfvec, integer, integer', 'halfvec'),
	('halfvec_add', 'halfvec, halfvec', 'halfvec'),
	('halfvec_sub', 'halfvec, halfvec', 'halfvec'),
	('halfvec_mul', 'halfvec, halfvec', 'halfvec'),
	('halfvec_concat', 'halfvec, halfvec', 'halfvec'),
	('halfvec_lt', 'halfvec, halfvec', 'boolean'),
	('halfvec_le', 'halfvec, halfvec', 'boolean'),
	('halfvec_eq', 'halfvec, halfvec', 'boolean'),
	('halfvec_ne', 'halfvec, halfvec', 'boolean'),
	('halfvec_ge', 'halfvec, halfvec', 'boolean'),
	('halfvec_gt', 'halfvec, halfvec', 'boolean'),
	('halfvec_cmp', 'halfvec, halfvec', 'integer'),
	('halfvec_hash', 'halfvec', 'integer'),
	('halfvec_hash_extended', 'halfvec, bigint', 'bigint'),
	('halfvec_l2_squared_distance', 'halfvec, halfvec', 'double precision'),
	('halfvec_negative_inner_product', 'halfvec, halfvec', 'double precision'),
	('halfvec_spherical_distance', 'halfvec, halfvec', 'double precision'),
	('halfvec_accum', 'double precision[], halfvec', 'double precision[]'),
	('halfvec_combine', 'double precision[], double precision[]', 'double precision[]'),
	('halfvec_avg', 'double precision[]', 'halfvec'),
	('halfvec', 'halfvec, integer, boolean', 'halfvec'),
	('array_to_halfvec', 'integer[], integer, boolean', 'halfvec'),
	('array_to_halfvec', 'real[], integer, boolean', 'halfvec'),
	('array_to_halfvec', 'double precision[], integer, boolean', 'halfvec'),
	('array_to_halfvec', 'numeric[], integer, boolean', 'halfvec'),
	('halfvec_to_float4', 'halfvec, integer, boolean', 'real[]'),
	('halfvec_to_vector', 'halfvec, integer, boolean', 'vector'),
	('vector_to_halfvec', 'vector, integer, boolean', 'halfvec'),
	('halfvec_l2_within', 'halfvec, halfvec_sphere', 'boolean'),
	('halfvec_ip_within', 'halfvec, halfvec_sphere', 'boolean'),
	('halfvec_cosine_within', 'halfvec, halfvec_sphere', 'boolean'),
	('halfvec_l1_within', 'halfvec, halfvec_sphere', 'boolean');
SELECT is(
	(SELECT format('%s %s %s %s', p.prorettype::regtype, p.provolatile, p.proisstrict, p.proparallel) FROM pg_proc p
		WHERE p.oid = to_regprocedure(format('%I(%s)', name, arguments))),
	result || ' i t s',
	format('%s(%s) exists, is immutable, strict and parallel safe', name, arguments))
FROM expected_function;

-- Aggregates
SELECT is_aggregate('public', aggregate, ARRAY['halfvec'], format('%s(halfvec) is an aggregate', aggregate)) FROM unnest(ARRAY['avg', 'sum']) aggregate;
SELECT results_eq(
	$$SELECT p.proname::text COLLATE "default", a.aggtransfn::text, a.aggfinalfn::text, a.aggcombinefn::text, a.aggtranstype::regtype::text, a.agginitval COLLATE "default", p.proparallel::text
		FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid WHERE p.proargtypes::text = 'halfvec'::regtype::oid::text ORDER BY 1$$,
	$$VALUES ('avg', 'halfvec_accum', 'halfvec_avg', 'halfvec_combine', 'double precision[]', '{0}', 's'),
		('sum', 'halfvec_add', '-', 'halfvec_add', 'halfvec', NULL, 's')$$,
	'aggregates can be computed in parallel');

-- Operators: function, commutator, negator, selectivity
CREATE TEMP TABLE expected_operator (name text, function text, commutator text, negator text, restriction text, joining text);
INSERT INTO expected_operator VALUES
	('<->', 'l2_distance', '<->', NULL, '-', '-'),
	('<#>', 'halfvec_negative_inner_product', '<#>', NULL, '-', '-'),
	('<=>', 'cosine_distance', '<=>', NULL, '-', '-'),
	('<+>', 'l1_distance', '<+>', NULL, '-', '-'),
	('+', 'halfvec_add', '+', NULL, '-', '-'),
	('-', 'halfvec_sub', NULL, NULL, '-', '-'),
	('*', 'halfvec_mul', '*', NULL, '-', '-'),
	('||', 'halfvec_concat', NULL, NULL, '-', '-'),
	('<', 'halfvec_lt', '>', '>=', 'scalarltsel', 'scalarltjoinsel'),
	('<=', 'halfvec_le', '>=', '>', 'scalarlesel', 'scalarlejoinsel'),
	('=', 'halfvec_eq', '=', '<>', 'eqsel', 'eqjoinsel'),
	('<>', 'halfvec_ne', '<>', '=', 'neqsel', 'neqjoinsel'),
	('>=', 'halfvec_ge', '<=', '<', 'scalargesel', 'scalargejoinsel'),
	('>', 'halfvec_gt', '<', '<=', 'scalargtsel', 'scalargtjoinsel');
SELECT is(
	(SELECT concat_ws(' ', f.proname, coalesce(c.oprname, 'none'), coalesce(n.oprname, 'none'), o.oprrest, o.oprjoin)
		FROM pg_operator o JOIN pg_proc f ON f.oid = o.oprcode LEFT JOIN pg_operator c ON c.oid = o.oprcom LEFT JOIN pg_operator n ON n.oid = o.oprnegate
		WHERE o.oid = to_regoperator(format('%s(halfvec,halfvec)', name))),
	concat_ws(' ', function, coalesce(commutator, 'none'), coalesce(negator, 'none'), restriction, joining),
	format('halfvec %s halfvec', name))
FROM expected_operator;
SELECT results_eq(
	$$SELECT oprcanhash, oprcanmerge FROM pg_operator WHERE oid = '=(halfvec,halfvec)'::regoperator$$,
	$$VALUES (true, true)$$, 'equality of halfvecs can be hashed and merged');

-- Spheres
SELECT is(
	(SELECT string_agg(format('%s %s %s', attname, atttypid::regtype, attnum), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'halfvec_sphere'::regclass),
	'center halfvec 1, radius double precision 2', 'a sphere of halfvecs has a center and a radius');
SELECT results_eq(
	$$SELECT o.oprname::text COLLATE "default", o.oprcode::text COLLATE "default" FROM pg_operator o WHERE oprleft = 'halfvec'::regtype AND oprright = 'halfvec_sphere'::regtype ORDER BY o.oprname COLLATE "C"$$,
	$$VALUES ('<<#>>', 'halfvec_ip_within'), ('<<+>>', 'halfvec_l1_within'), ('<<->>', 'halfvec_l2_within'), ('<<=>>', 'halfvec_cosine_within')$$,
	'operators ask whether a halfvec is within a sphere');
SELECT is(
	(SELECT format('%s %s %s %s', p.prorettype::regtype, p.provolatile, p.proisstrict, p.proparallel) FROM pg_proc p WHERE oid = 'halfvec_sphere(halfvec, double precision)'::regprocedure),
	'halfvec_sphere i f s', 'a sphere may lack a part');
SELECT is((SELECT count(*)::int FROM pg_proc WHERE proname = 'sphere'), 1, 'one function is named sphere');

-- Casts: only a vector becomes a halfvec by itself
SELECT results_eq(
	$$SELECT castsource::regtype::text, casttarget::regtype::text, castcontext::text, castfunc::regprocedure::text FROM pg_cast
		WHERE 'halfvec'::regtype IN (castsource, casttarget)
			AND (castsource IN ('halfvec'::regtype, 'vector'::regtype) OR castsource::regtype::text LIKE '%[]')
			AND (casttarget IN ('halfvec'::regtype, 'vector'::regtype) OR casttarget::regtype::text LIKE '%[]') ORDER BY 1, 2$$,
	$$VALUES
		('double precision[]', 'halfvec', 'a', 'array_to_halfvec(double precision[],integer,boolean)'),
		('halfvec', 'halfvec', 'i', 'halfvec(halfvec,integer,boolean)'),
		('halfvec', 'real[]', 'a', 'halfvec_to_float4(halfvec,integer,boolean)'),
		('halfvec', 'vector', 'a', 'halfvec_to_vector(halfvec,integer,boolean)'),
		('integer[]', 'halfvec', 'a', 'array_to_halfvec(integer[],integer,boolean)'),
		('numeric[]', 'halfvec', 'a', 'array_to_halfvec(numeric[],integer,boolean)'),
		('real[]', 'halfvec', 'a', 'array_to_halfvec(real[],integer,boolean)'),
		('vector', 'halfvec', 'i', 'vector_to_halfvec(vector,integer,boolean)')$$,
	'casts between halfvecs, vectors and arrays');

-- Operator classes of the access methods of core
SELECT results_eq(
	$$SELECT am.amname::text COLLATE "default", c.opcname::text COLLATE "default", c.opcdefault FROM pg_opclass c JOIN pg_am am ON am.oid = c.opcmethod
		WHERE c.opcintype = 'halfvec'::regtype AND am.amname IN ('btree', 'hash') ORDER BY 1$$,
	$$VALUES ('btree', 'halfvec_ops', true), ('hash', 'halfvec_hash_ops', true)$$,
	'halfvecs have an order and a hash by default');

SELECT * FROM finish();
ROLLBACK;
