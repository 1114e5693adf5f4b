-- What clients of the vector type rely on: names, signatures, properties.
BEGIN;
SET client_min_messages = warning;
SELECT no_plan();

SELECT has_extension('public', 'omendb', 'the extension is in the schema where clients look');

-- Type
SELECT has_type('vector');
SELECT has_type('_vector');
SELECT is(to_regtype('vector')::text, 'vector', 'clients find vector by name');
SELECT is(format_type('vector'::regtype, 3), 'vector(3)', 'the modifier prints as the number of dimensions');
SELECT results_eq(
	$$SELECT typlen::int, typbyval, typalign::text, typstorage::text, typcategory::text, typdelim::text, typsubscript::text, typanalyze::text
		FROM pg_type WHERE oid = 'vector'::regtype$$,
	$$VALUES (-1, false, 'i', 'e', 'U', ',', '-', '-')$$,
	'vector is stored as clients and other extensions expect');
SELECT results_eq(
	$$SELECT typinput::text, typoutput::text, typreceive::text, typsend::text, typmodin::text, typmodout::text
		FROM pg_type WHERE oid = 'vector'::regtype$$,
	$$VALUES ('vector_in', 'vector_out', 'vector_recv', 'vector_send', 'vector_typmod_in', '-')$$,
	'vector has its input and output functions');

-- Functions: name, arguments, result
CREATE TEMP TABLE expected_function (name text, arguments text, result text);
INSERT INTO expected_function VALUES
	('vector_in', 'cstring, oid, integer', 'vector'),
	('vector_out', 'vector', 'cstring'),
	('vector_typmod_in', 'cstring[]', 'integer'),
	('vector_recv', 'internal, oid, integer', 'vector'),
	('vector_send', 'vector', 'bytea'),
	('l2_distance', 'vector, vector', 'double precision'),
	('inner_product', 'vector, vector', 'double precision'),
	('cosine_distance', 'vector, vector', 'double precision'),
	('l1_distance', 'vector, vector', 'double precision'),
	('vector_dims', 'vector', 'integer'),
	('vector_norm', 'vector', 'double precision'),
	('l2_normalize', 'vector', 'vector'),
	('binary_quantize', 'vector', 'bit'),
	('subvector', 'vector, integer, integer', 'vector'),
	('vector_add', 'vector, vector', 'vector'),
	('vector_sub', 'vector, vector', 'vector'),
	('vector_mul', 'vector, vector', 'vector'),
	('vector_concat', 'vector, vector', 'vector'),
	('vector_lt', 'vector, vector', 'boolean'),
	('vector_le', 'vector, vector', 'boolean'),
	('vector_eq', 'vector, vector', 'boolean'),
	('vector_ne', 'vector, vector', 'boolean'),
	('vector_ge', 'vector, vector', 'boolean'),
	('vector_gt', 'vector, vector', 'boolean'),
	('vector_cmp', 'vector, vector', 'integer'),
	('vector_hash', 'vector', 'integer'),
	('vector_hash_extended', 'vector, bigint', 'bigint'),
	('vector_l2_squared_distance', 'vector, vector', 'double precision'),
	('vector_negative_inner_product', 'vector, vector', 'double precision'),
	('vector_spherical_distance', 'vector, vector', 'double precision'),
	('vector_accum', 'double precision[], vector', 'double precision[]'),
	('vector_combine', 'double precision[], double precision[]', 'double precision[]'),
	('vector_avg', 'double precision[]', 'vector'),
	('vector', 'vector, integer, boolean', 'vector'),
	('array_to_vector', 'integer[], integer, boolean', 'vector'),
	('array_to_vector', 'real[], integer, boolean', 'vector'),
	('array_to_vector', 'double precision[], integer, boolean', 'vector'),
	('array_to_vector', 'numeric[], integer, boolean', 'vector'),
	('vector_to_float4', 'vector, integer, boolean', 'real[]');
SELECT is(
	(SELECT format('%s %s %s %s', p.prorettype::regtype, p.provolatile, p.proisstrict, p.proparallel) FROM pg_proc p
		WHERE p.oid = to_regprocedure(format('%I(%s)', name, arguments))),
	result || ' i t s',
	format('%s(%s) exists, is immutable, strict and parallel safe', name, arguments))
FROM expected_function;

-- Aggregates
SELECT is_aggregate('public', aggregate, ARRAY['vector'], format('%s(vector) is an aggregate', aggregate)) FROM unnest(ARRAY['avg', 'sum']) aggregate;
SELECT results_eq(
	$$SELECT p.proname::text COLLATE "default", a.aggtransfn::text, a.aggfinalfn::text, a.aggcombinefn::text, a.aggtranstype::regtype::text, a.agginitval COLLATE "default", p.proparallel::text
		FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid WHERE p.proargtypes::text = 'vector'::regtype::oid::text ORDER BY 1$$,
	$$VALUES ('avg', 'vector_accum', 'vector_avg', 'vector_combine', 'double precision[]', '{0}', 's'),
		('sum', 'vector_add', '-', 'vector_add', 'vector', NULL, 's')$$,
	'aggregates can be computed in parallel');

-- Operators: function, commutator, negator, selectivity
CREATE TEMP TABLE expected_operator (name text, function text, commutator text, negator text, restriction text, joining text);
INSERT INTO expected_operator VALUES
	('<->', 'l2_distance', '<->', NULL, '-', '-'),
	('<#>', 'vector_negative_inner_product', '<#>', NULL, '-', '-'),
	('<=>', 'cosine_distance', '<=>', NULL, '-', '-'),
	('<+>', 'l1_distance', '<+>', NULL, '-', '-'),
	('+', 'vector_add', '+', NULL, '-', '-'),
	('-', 'vector_sub', NULL, NULL, '-', '-'),
	('*', 'vector_mul', '*', NULL, '-', '-'),
	('||', 'vector_concat', NULL, NULL, '-', '-'),
	('<', 'vector_lt', '>', '>=', 'scalarltsel', 'scalarltjoinsel'),
	('<=', 'vector_le', '>=', '>', 'scalarlesel', 'scalarlejoinsel'),
	('=', 'vector_eq', '=', '<>', 'eqsel', 'eqjoinsel'),
	('<>', 'vector_ne', '<>', '=', 'neqsel', 'neqjoinsel'),
	('>=', 'vector_ge', '<=', '<', 'scalargesel', 'scalargejoinsel'),
	('>', 'vector_gt', '<', '<=', 'scalargtsel', 'scalargtjoinsel');
SELECT is(
	(SELECT concat_ws(' ', f.proname, coalesce(c.oprname, 'none'), coalesce(n.oprname, 'none'), o.oprrest, o.oprjoin)
		FROM pg_operator o JOIN pg_proc f ON f.oid = o.oprcode LEFT JOIN pg_operator c ON c.oid = o.oprcom LEFT JOIN pg_operator n ON n.oid = o.oprnegate
		WHERE o.oid = to_regoperator(format('%s(vector,vector)', name))),
	concat_ws(' ', function, coalesce(commutator, 'none'), coalesce(negator, 'none'), restriction, joining),
	format('vector %s vector', name))
FROM expected_operator;
SELECT results_eq(
	$$SELECT oprcanhash, oprcanmerge FROM pg_operator WHERE oid = '=(vector,vector)'::regoperator$$,
	$$VALUES (true, true)$$, 'equality of vectors can be hashed and merged');

-- Casts: an array needs an assignment, a vector is an array anywhere
SELECT results_eq(
	$$SELECT castsource::regtype::text, casttarget::regtype::text, castcontext::text, castfunc::regprocedure::text FROM pg_cast
		WHERE 'vector'::regtype IN (castsource, casttarget) AND (castsource = 'vector'::regtype OR castsource::regtype::text LIKE '%[]')
			AND (casttarget = 'vector'::regtype OR casttarget::regtype::text LIKE '%[]') ORDER BY 1, 2$$,
	$$VALUES
		('double precision[]', 'vector', 'a', 'array_to_vector(double precision[],integer,boolean)'),
		('integer[]', 'vector', 'a', 'array_to_vector(integer[],integer,boolean)'),
		('numeric[]', 'vector', 'a', 'array_to_vector(numeric[],integer,boolean)'),
		('real[]', 'vector', 'a', 'array_to_vector(real[],integer,boolean)'),
		('vector', 'real[]', 'i', 'vector_to_float4(vector,integer,boolean)'),
		('vector', 'vector', 'i', 'vector(vector,integer,boolean)')$$,
	'casts between vectors and arrays');

-- Operator classes of the access methods of core
SELECT results_eq(
	$$SELECT am.amname::text COLLATE "default", c.opcname::text COLLATE "default", c.opcdefault FROM pg_opclass c JOIN pg_am am ON am.oid = c.opcmethod
		WHERE c.opcintype = 'vector'::regtype AND am.amname IN ('btree', 'hash') ORDER BY 1$$,
	$$VALUES ('btree', 'vector_ops', true), ('hash', 'vector_hash_ops', true)$$,
	'vectors have an order and a hash by default');

-- Every object of the extension says what it is for.
SELECT is_empty(
	$$SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
		WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
			AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'omendb')
			AND obj_description(objid, classid::regclass::name) IS NULL
			AND NOT (classid = 'pg_type'::regclass AND objid IN (SELECT typarray FROM pg_type))$$,
	'every object has a comment');

-- It can move to another schema, and be dropped.
SELECT lives_ok('CREATE SCHEMA elsewhere');
SELECT lives_ok('ALTER EXTENSION omendb SET SCHEMA elsewhere');
SELECT is(('[1]'::elsewhere.vector OPERATOR(elsewhere.<->) '[3]')::text, '2', 'it works in any schema');
SELECT lives_ok('DROP EXTENSION omendb');

SELECT * FROM finish();
ROLLBACK;
