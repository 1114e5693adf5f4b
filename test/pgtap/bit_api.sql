-- What users of bit strings rely on: names, signatures, properties of functions,
-- operators, operator classes.
BEGIN;
SET client_min_messages = warning;
SELECT no_plan();

-- Functions
SELECT is(
	(SELECT format('%s %s %s %s', p.prorettype::regtype, p.provolatile, p.proisstrict, p.proparallel) FROM pg_proc p
		WHERE p.oid = to_regprocedure(name)),
	properties,
	format('%s has the properties that its callers count on', name))
FROM (VALUES
	('hamming_distance(bit,bit)', 'double precision i t s'),
	('jaccard_distance(bit,bit)', 'double precision i t s'),
	('bit_sphere(bit,double precision)', 'bit_sphere i f s'),
	('bit_hamming_within(bit,bit_sphere)', 'boolean i t s'),
	('bit_jaccard_within(bit,bit_sphere)', 'boolean i t s'))
	v (name, properties);
SELECT is(p.prosupport::regproc::text, 'omen_bit_distance_support', format('%s tells the planner what it costs', p.oid::regprocedure))
FROM pg_proc p WHERE p.proname ~ '^(hamming|jaccard)_distance$|^bit_(hamming|jaccard)_within$';
SELECT is((SELECT count(*) FROM pg_proc WHERE proname = 'sphere'), 1::bigint, 'there is no other function sphere');

-- A sphere takes a center of any length.
SELECT results_eq(
	$$SELECT attname::text COLLATE "default", format_type(atttypid, atttypmod) FROM pg_attribute
		WHERE attrelid = 'bit_sphere'::regclass AND attnum > 0 ORDER BY attnum$$,
	$$VALUES ('center', '"bit"'), ('radius', 'double precision')$$,
	'a sphere has a center and a radius');

-- Operators: function, commutator, selectivity
SELECT is(
	(SELECT concat_ws(' ', o.oprcode, coalesce(c.oprname, 'none'), o.oprrest, o.oprjoin)
		FROM pg_operator o LEFT JOIN pg_operator c ON c.oid = o.oprcom
		WHERE o.oid = to_regoperator(name)),
	properties,
	name)
FROM (VALUES
	('<~>(bit,bit)', 'hamming_distance <~> - -'),
	('<%>(bit,bit)', 'jaccard_distance <%> - -'),
	('<<~>>(bit,bit_sphere)', 'bit_hamming_within none contsel contjoinsel'),
	('<<%>>(bit,bit_sphere)', 'bit_jaccard_within none contsel contjoinsel'))
	v (name, properties);

-- Operator classes: the operator that they order by, the support functions
SELECT results_eq(
	$$SELECT c.opcname::text COLLATE "default", c.opcdefault, f.opfname::text COLLATE "default", o.amopopr::regoperator::text,
			o.amopstrategy::int, o.amoppurpose::text, s.opfname::text COLLATE "default",
			(SELECT string_agg(concat_ws(' ', amprocnum, amproc::regprocedure), ' ' ORDER BY amprocnum) FROM pg_amproc WHERE amprocfamily = f.oid),
			amvalidate(c.oid)
		FROM pg_opclass c
			JOIN pg_am a ON a.oid = c.opcmethod
			JOIN pg_opfamily f ON f.oid = c.opcfamily
			JOIN pg_amop o ON o.amopfamily = f.oid
			JOIN pg_opfamily s ON s.oid = o.amopsortfamily
		WHERE a.amname = 'omen_hnsw' AND c.opcintype = 'bit'::regtype ORDER BY 1$$,
	$$VALUES
		('bit_hamming_ops', true, 'bit_hamming_ops', '<~>(bit,bit)', 1, 'o', 'float_ops',
			'1 omen_bit_hamming_support(internal) 2 bit_hamming_within(bit,bit_sphere)', true),
		('bit_jaccard_ops', false, 'bit_jaccard_ops', '<%>(bit,bit)', 1, 'o', 'float_ops',
			'1 omen_bit_jaccard_support(internal) 2 bit_jaccard_within(bit,bit_sphere)', true)$$,
	'operator classes for bit, Hamming distance by default');

-- It works in any schema.
SELECT lives_ok('CREATE SCHEMA elsewhere');
SELECT lives_ok('ALTER EXTENSION omendb SET SCHEMA elsewhere');
SELECT is(B'1010' OPERATOR(elsewhere.<~>) B'1001', 2::float8, 'distances can be told in any schema');
SELECT is(B'1010' OPERATOR(elsewhere.<<%>>) elsewhere.bit_sphere(B'1010', 1), true, 'and spheres made');

SELECT * FROM finish();
ROLLBACK;
