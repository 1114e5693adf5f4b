-- What clients of the sparsevec type rely on: names, signatures, properties.
BEGIN;
SET client_min_messages = warning;
SELECT no_plan();

-- Type
SELECT has_type('sparsevec');
SELECT has_type('_sparsevec');
SELECT is(to_regtype('sparsevec')::text, 'sparsevec', 'clients find sparsevec by name');
SELECT is(format_type('sparsevec'::regtype, 3), 'sparsevec(3)', 'the modifier prints as the number of dimensions');
SELECT results_eq(
	$$SELECT typlen::int, typbyval, typalign::text, typstorage::text, typcategory::text, typdelim::text, typsubscript::text, typanalyze::text
		FROM pg_type WHERE oid = 'sparsevec'::regtype$$,
	$$VALUES (-1, false, 'i', 'e', 'U', ',', '-', '-')$$,
	'sparsevec is stored as clients and other extensions expect');
SELECT results_eq(
	$$SELECT typinput::text, typoutput::text, typreceive::text, typsend::text, typmodin::text, typmodout::text
		FROM pg_type WHERE oid = 'sparsevec'::regtype$$,
	$$VALUES ('sparsevec_in', 'sparsevec_out', 'sparsevec_recv', 'sparsevec_send', 'sparsevec_typmod_in', '-')$$,
	'sparsevec has its input and output functions');

-- Functions: name, arguments, result
CREATE TEMP TABLE expected_function (name text, arguments text, result text);
INSERT INTO expected_function VALUES
	('sparsevec_in', 'cstring, oid, integer', 'sparsevec'),
	('sparsevec_out', 'sparsevec', 'cstring'),
	('sparsevec_typmod_in', 'cstring[]', 'integer'),
	('sparsevec_recv', 'internal, oid, integer', 'sparsevec'),
	('sparsevec_send', 'sparsevec', 'bytea'),
	('l2_distance', 'sparsevec, sparsevec', 'double precision'),
	('inner_product', 'sparsevec, sparsevec', 'double precision'),
	('cosine_distance', 'sparsevec, sparsevec', 'double precision'),
	('l1_distance', 'sparsevec, sparsevec', 'double precision'),
	('sparsevec_l2_squared_distance', 'sparsevec, sparsevec', 'double precision'),
	('sparsevec_negative_inner_product', 'sparsevec, sparsevec', 'double precision'),
	('l2_norm', 'sparsevec', 'double precision'),
	('l2_normalize', 'sparsevec', 'sparsevec'),
	('sparsevec_lt', 'sparsevec, sparsevec', 'boolean'),
	('sparsevec_le', 'sparsevec, sparsevec', 'boolean'),
	('sparsevec_eq', 'sparsevec, sparsevec', 'boolean'),
	('sparsevec_ne', 'sparsevec, sparsevec', 'boolean'),
	('sparsevec_ge', 'sparsevec, sparsevec', 'boolean'),
	('sparsevec_gt', 'sparsevec, sparsevec', 'boolean'),
	('sparsevec_cmp', 'sparsevec, sparsevec', 'integer'),
	('sparsevec_hash', 'sparsevec', 'integer'),
	('sparsevec_hash_extended', 'sparsevec, bigint', 'bigint'),
	('sparsevec', 'sparsevec, integer, boolean', 'sparsevec'),
	('vector_to_sparsevec', 'vector, integer, boolean', 'sparsevec'),
	('sparsevec_to_vector', 'sparsevec, integer, boolean', 'vector'),
	('halfvec_to_sparsevec', 'halfvec, integer, boolean', 'sparsevec'),
	('sparsevec_to_halfvec', 'sparsevec, integer, boolean', 'halfvec'),
	('array_to_sparsevec', 'integer[], integer, boolean', 'sparsevec'),
	('array_to_sparsevec', 'real[], integer, boolean', 'sparsevec'),
	('array_to_sparsevec', 'double precision[], integer, boolean', 'sparsevec'),
	('array_to_sparsevec', 'numeric[], integer, boolean', 'sparsevec'),
	('sparsevec_l2_within', 'sparsevec, sparsevec_sphere', 'boolean'),
	('sparsevec_ip_within', 'sparsevec, sparsevec_sphere', 'boolean'),
	('sparsevec_cosine_within', 'sparsevec, sparsevec_sphere', 'boolean'),
	('sparsevec_l1_within', 'sparsevec, sparsevec_sphere', 'boolean');
SELECT is(
	(SELECT format('%s %s %s %s', p.prorettype::regtype, p.provolatile, p.proisstrict, p.proparallel) FROM pg_proc p
		WHERE p.oid = to_regprocedure(format('%I(%s)', name, arguments))),
	result || ' i t s',
	format('%s(%s) exists, is immutable, strict and parallel safe', name, arguments))
FROM expected_function;
SELECT is((SELECT count(*)::int FROM pg_proc WHERE proname = 'sphere'), 1, 'only vectors have a function sphere()');

-- Operators: function, commutator, negator, selectivity
CREATE TEMP TABLE expected_operator (name text, function text, commutator text, negator text, restriction text, joining text);
INSERT INTO expected_operator VALUES
	('<->', 'l2_distance', '<->', NULL, '-', '-'),
	('<#>', 'sparsevec_negative_inner_product', '<#>', NULL, '-', '-'),
	('<=>', 'cosine_distance', '<=>', NULL, '-', '-'),
	('<+>', 'l1_distance', '<+>', NULL, '-', '-'),
	('<', 'sparsevec_lt', '>', '>=', 'scalarltsel', 'scalarltjoinsel'),
	('<=', 'sparsevec_le', '>=', '>', 'scalarlesel', 'scalarlejoinsel'),
	('=', 'sparsevec_eq', '=', '<>', 'eqsel', 'eqjoinsel'),
	('<>', 'sparsevec_ne', '<>', '=', 'neqsel', 'neqjoinsel'),
	('>=', 'sparsevec_ge', '<=', '<', 'scalargesel', 'scalargejoinsel'),
	('>', 'sparsevec_gt', '<', '<=', 'scalargtsel', 'scalargtjoinsel');
SELECT is(
	(SELECT concat_ws(' ', (SELECT proname FROM pg_proc WHERE oid = o.oprcode), coalesce(c.oprname, 'none'), coalesce(n.oprname, 'none'), o.oprrest, o.oprjoin)
		FROM pg_operator o LEFT JOIN pg_operator c ON c.oid = o.oprcom LEFT JOIN pg_operator n ON n.oid = o.oprnegate
		WHERE o.oid = to_regoperator(format('%s(sparsevec,sparsevec)', name))),
	concat_ws(' ', function, coalesce(commutator, 'none'), coalesce(negator, 'none'), restriction, joining),
	format('sparsevec %s sparsevec', name))
FROM expected_operator;
SELECT results_eq(
	$$SELECT oprcanhash, oprcanmerge FROM pg_operator WHERE oid = '=(sparsevec,sparsevec)'::regoperator$$,
	$$VALUES (true, true)$$, 'equality of sparse vectors can be hashed and merged');
SELECT results_eq(
	$$SELECT oprname::text COLLATE "default", oprcode::text, oprrest::text, oprjoin::text FROM pg_operator
		WHERE oprleft = 'sparsevec'::regtype AND oprright = 'sparsevec_sphere'::regtype ORDER BY oprcode::text$$,
	$$VALUES ('<<=>>', 'sparsevec_cosine_within', 'contsel', 'contjoinsel'), ('<<#>>', 'sparsevec_ip_within', 'contsel', 'contjoinsel'),
		('<<+>>', 'sparsevec_l1_within', 'contsel', 'contjoinsel'), ('<<->>', 'sparsevec_l2_within', 'contsel', 'contjoinsel')$$,
	'operators with spheres');

-- Casts: from a vector anywhere, to one and from arrays by assignment
SELECT results_eq(
	$$SELECT castsource::regtype::text, casttarget::regtype::text, castcontext::text, castfunc::regprocedure::text FROM pg_cast
		WHERE 'sparsevec'::regtype IN (castsource, casttarget)
		ORDER BY 1, 2$$,
	$$VALUES
		('double precision[]', 'sparsevec', 'a', 'array_to_sparsevec(double precision[],integer,boolean)'),
		('halfvec', 'sparsevec', 'i', 'halfvec_to_sparsevec(halfvec,integer,boolean)'),
		('integer[]', 'sparsevec', 'a', 'array_to_sparsevec(integer[],integer,boolean)'),
		('numeric[]', 'sparsevec', 'a', 'array_to_sparsevec(numeric[],integer,boolean)'),
		('real[]', 'sparsevec', 'a', 'array_to_sparsevec(real[],integer,boolean)'),
		('sparsevec', 'halfvec', 'a', 'sparsevec_to_halfvec(sparsevec,integer,boolean)'),
		('sparsevec', 'sparsevec', 'i', 'sparsevec(sparsevec,integer,boolean)'),
		('sparsevec', 'vector', 'a', 'sparsevec_to_vector(sparsevec,integer,boolean)'),
		('vector', 'sparsevec', 'i', 'vector_to_sparsevec(vector,integer,boolean)')$$,
	'casts of sparse vectors');

-- Operator classes of the access methods of core
SELECT results_eq(
	$$SELECT am.amname::text COLLATE "default", c.opcname::text COLLATE "default", c.opcdefault FROM pg_opclass c JOIN pg_am am ON am.oid = c.opcmethod
		WHERE c.opcintype = 'sparsevec'::regtype AND am.amname IN ('btree', 'hash') ORDER BY 1$$,
	$$VALUES ('btree', 'sparsevec_ops', true), ('hash', 'sparsevec_hash_ops', true)$$,
	'sparse vectors have an order and a hash by default');

SELECT finish();
ROLLBACK;
