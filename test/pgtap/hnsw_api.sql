-- What users of the access method omen_hnsw rely on: names, signatures,
-- properties of functions, operator classes, settings.
BEGIN;
SET client_min_messages = warning;
SELECT no_plan();

-- The access method
SELECT results_eq(
	$$SELECT amtype::text, amhandler::text FROM pg_am WHERE amname = 'omen_hnsw'$$,
	$$VALUES ('i', 'omen_hnsw_handler')$$,
	'omen_hnsw is an index access method');

-- Functions: name, arguments, result, volatility, strictness, parallel safety,
-- whether each row is one of a set, and whether everybody may call it
CREATE TEMP TABLE expected_function (name text, arguments text, properties text);
INSERT INTO expected_function VALUES
	('omen_simd', '', 'text s t s f t'),
	('omen_hnsw_handler', 'internal', 'index_am_handler v f u f t'),
	('omen_vector_l2_support', 'internal', 'internal i t s f t'),
	('omen_vector_ip_support', 'internal', 'internal i t s f t'),
	('omen_vector_cosine_support', 'internal', 'internal i t s f t'),
	('omen_vector_l1_support', 'internal', 'internal i t s f t'),
	('omen_halfvec_l2_support', 'internal', 'internal i t s f t'),
	('omen_halfvec_ip_support', 'internal', 'internal i t s f t'),
	('omen_halfvec_cosine_support', 'internal', 'internal i t s f t'),
	('omen_halfvec_l1_support', 'internal', 'internal i t s f t'),
	('omen_halfvec_distance_support', 'internal', 'internal i t s f t'),
	('omen_distance_support', 'internal', 'internal i t s f t'),
	('omen_sparsevec_l2_support', 'internal', 'internal i t s f t'),
	('omen_sparsevec_ip_support', 'internal', 'internal i t s f t'),
	('omen_sparsevec_cosine_support', 'internal', 'internal i t s f t'),
	('omen_sparsevec_l1_support', 'internal', 'internal i t s f t'),
	('omen_sparsevec_distance_support', 'internal', 'internal i t s f t'),
	('omen_bit_hamming_support', 'internal', 'internal i t s f t'),
	('omen_bit_jaccard_support', 'internal', 'internal i t s f t'),
	('omen_bit_distance_support', 'internal', 'internal i t s f t'),
	('omen_key_support', 'internal', 'internal i t s f t'),
	('omen_hnsw_check', 'regclass, boolean', 'record v t u t f'),
	('omen_hnsw_info', 'regclass', 'record v t r f t'),
	('omen_hnsw_groups', 'regclass', 'record v t r t f'),
	('omen_hnsw_last_scan', '', 'record v t r f t'),
	('omen_hnsw_build_estimate', 'bigint, integer, integer, integer, text, text, integer', 'record s t s f t');
SELECT is(
	(SELECT format('%s %s %s %s %s %s', p.prorettype::regtype, p.provolatile, p.proisstrict, p.proparallel, p.proretset,
			has_function_privilege('public', p.oid, 'EXECUTE'))
		FROM pg_proc p WHERE p.oid = to_regprocedure(format('%I(%s)', name, arguments))),
	properties,
	format('%s(%s) has the properties that its callers count on', name, arguments))
FROM expected_function;
SELECT bag_eq(
	$$SELECT p.oid::regprocedure FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
		WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
			AND p.proname LIKE 'omen\_%'$$,
	$$SELECT format('%I(%s)', name, arguments)::regprocedure FROM expected_function$$,
	'there are no other functions of that name');

-- Columns that queries name
SELECT is(
	(SELECT array_agg(name || ' ' || format_type(type, NULL) ORDER BY ordinality) FROM pg_proc,
		ROWS FROM (unnest(proargnames), unnest(proallargtypes), unnest(proargmodes)) WITH ORDINALITY a (name, type, mode, ordinality)
		WHERE pg_proc.oid = function::regprocedure AND mode = 'o'),
	columns, format('columns of %s', function))
FROM (VALUES
	('omen_hnsw_check(regclass, boolean)', ARRAY['severity text', 'kind text', 'block bigint', 'slot integer', 'detail text']),
	('omen_hnsw_info(regclass)', ARRAY['mode text', 'metric text', 'storage text', 'dims integer', 'm integer',
		'ef_construction integer', 'epoch integer', 'format_version integer', 'leading_columns integer', 'groups bigint', 'graph_groups bigint',
		'nodes bigint', 'dead_nodes bigint', 'rows bigint', 'levels integer', 'mean_degree double precision', 'pages bigint', 'node_pages bigint',
		'upper_pages bigint', 'posting_pages bigint', 'payload_pages bigint', 'group_pages bigint', 'directory_pages bigint', 'free_pages bigint',
		'bytes_per_node double precision']),
	('omen_hnsw_groups(regclass)', ARRAY['id bigint', 'key text[]', 'mode text', 'levels integer', 'max_nodes bigint', 'dead_nodes bigint',
		'shared_pages integer', 'has_own_pages boolean']),
	('omen_hnsw_last_scan()', ARRAY['hops bigint', 'visits bigint', 'distances bigint', 'reranked bigint', 'late bigint', 'index regclass',
		'ef_search integer', 'ef_search_from text']),
	('omen_hnsw_build_estimate(bigint, integer, integer, integer, text, text, integer)',
		ARRAY['index_bytes bigint', 'memory_bytes bigint', 'temporary_bytes bigint']))
	v (function, columns);
SELECT is(pg_get_function_arguments('omen_hnsw_check(regclass, boolean)'::regprocedure) ~ 'heapallindexed boolean DEFAULT false', true,
	'heapallindexed can be named and left out');

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
		WHERE a.amname = 'omen_hnsw' AND c.opcintype IN ('vector'::regtype, 'halfvec'::regtype) ORDER BY 1$$,
	$$VALUES
		('halfvec_cosine_ops', false, 'halfvec_cosine_ops', '<=>(halfvec,halfvec)', 1, 'o', 'float_ops',
			'1 omen_halfvec_cosine_support(internal) 2 halfvec_cosine_within(halfvec,halfvec_sphere)', true),
		('halfvec_ip_ops', false, 'halfvec_ip_ops', '<#>(halfvec,halfvec)', 1, 'o', 'float_ops',
			'1 omen_halfvec_ip_support(internal) 2 halfvec_ip_within(halfvec,halfvec_sphere)', true),
		('halfvec_l1_ops', false, 'halfvec_l1_ops', '<+>(halfvec,halfvec)', 1, 'o', 'float_ops',
			'1 omen_halfvec_l1_support(internal) 2 halfvec_l1_within(halfvec,halfvec_sphere)', true),
		('halfvec_l2_ops', true, 'halfvec_l2_ops', '<->(halfvec,halfvec)', 1, 'o', 'float_ops',
			'1 omen_halfvec_l2_support(internal) 2 halfvec_l2_within(halfvec,halfvec_sphere)', true),
		('vector_cosine_ops', false, 'vector_cosine_ops', '<=>(vector,vector)', 1, 'o', 'float_ops',
			'1 omen_vector_cosine_support(internal) 2 vector_cosine_within(vector,vector_sphere)', true),
		('vector_ip_ops', false, 'vector_ip_ops', '<#>(vector,vector)', 1, 'o', 'float_ops',
			'1 omen_vector_ip_support(internal) 2 vector_ip_within(vector,vector_sphere)', true),
		('vector_l1_ops', false, 'vector_l1_ops', '<+>(vector,vector)', 1, 'o', 'float_ops',
			'1 omen_vector_l1_support(internal) 2 vector_l1_within(vector,vector_sphere)', true),
		('vector_l2_ops', true, 'vector_l2_ops', '<->(vector,vector)', 1, 'o', 'float_ops',
			'1 omen_vector_l2_support(internal) 2 vector_l2_within(vector,vector_sphere)', true)$$,
	'operator classes for each type, L2 distance by default');

-- Columns to filter by: types that have a default operator class, and the numbers
-- of the operators that it has
SELECT results_eq(
	$$SELECT f.opfname::text COLLATE "default", string_agg(DISTINCT format('%s %s', c.opcname, c.opcintype::regtype), ', ') COLLATE "default",
			string_agg(DISTINCT format('%s %s', o.amopstrategy, n.oprname), ', ') COLLATE "default",
			count(DISTINCT (o.amoplefttype, o.amoprighttype)),
			bool_and(c.opcdefault AND o.amoppurpose = 's' AND amvalidate(c.oid))
		FROM pg_opclass c
			JOIN pg_am a ON a.oid = c.opcmethod
			JOIN pg_opfamily f ON f.oid = c.opcfamily
			JOIN pg_amop o ON o.amopfamily = f.oid
			JOIN pg_operator n ON n.oid = o.amopopr
			JOIN pg_amproc p ON p.amprocfamily = f.oid AND p.amproc = 'omen_key_support'::regproc
		WHERE a.amname = 'omen_hnsw' GROUP BY f.oid, f.opfname ORDER BY 1$$,
	$$VALUES
		('array_ops', 'array_ops anyarray', '3 =, 6 &&, 7 @>, 8 <@', 1::bigint, true),
		('boolean_ops', 'bool_ops boolean', '1 <, 2 <=, 3 =, 4 >=, 5 >', 1, true),
		('bpchar_ops', 'bpchar_ops character', '3 =', 1, true),
		('datetime_ops', 'date_ops date, timestamp_ops timestamp without time zone, timestamptz_ops timestamp with time zone',
			'1 <, 2 <=, 3 =, 4 >=, 5 >', 7, true),
		('enum_ops', 'enum_ops anyenum', '3 =', 1, true),
		('float_ops', 'float4_ops real, float8_ops double precision', '1 <, 2 <=, 3 =, 4 >=, 5 >', 4, true),
		('integer_ops', 'int2_ops smallint, int4_ops integer, int8_ops bigint', '1 <, 2 <=, 3 =, 4 >=, 5 >', 9, true),
		('network_ops', 'inet_ops inet', '3 =', 1, true),
		('numeric_ops', 'numeric_ops numeric', '1 <, 2 <=, 3 =, 4 >=, 5 >', 1, true),
		('oid_ops', 'oid_ops oid', '1 <, 2 <=, 3 =, 4 >=, 5 >', 1, true),
		('text_ops', 'text_ops text', '1 <, 2 <=, 3 =, 4 >=, 5 >', 1, true),
		('uuid_ops', 'uuid_ops uuid', '1 <, 2 <=, 3 =, 4 >=, 5 >', 1, true)$$,
	'operator classes for columns to filter by');

-- Distance operators can be swapped, which lets the planner use the index for
-- a constant on either side
SELECT is(oprcom::regoperator::text, oid::regoperator::text, format('%s is its own commutator', oprname))
FROM pg_operator WHERE oprname IN ('<->', '<#>', '<=>', '<+>') AND oprleft = 'vector'::regtype;

-- Settings
SELECT results_eq(
	$$SELECT name COLLATE "default", vartype COLLATE "default", context COLLATE "default", boot_val COLLATE "default" FROM pg_settings
		WHERE name LIKE 'omendb.%' AND name NOT IN ('omendb.pause_at', 'omendb.build_rounds') ORDER BY 1$$,
	$$VALUES ('omendb.ef_search', 'integer', 'user', '50'), ('omendb.enable_scan', 'bool', 'user', 'on'),
		('omendb.filter_strategy', 'enum', 'user', 'auto'), ('omendb.scan_mem', 'integer', 'user', '65536'),
		('omendb.simd', 'string', 'user', 'auto')$$,
	'settings and their defaults');

-- What only some may do
CREATE ROLE omen_somebody;
CREATE TABLE public.omen_item (v vector(3));
CREATE INDEX omen_item_index ON public.omen_item USING omen_hnsw (v);
SET ROLE omen_somebody;
SELECT throws_ok($$SELECT * FROM omen_hnsw_check('omen_item_index')$$, '42501', NULL, 'not everybody may check an index');
RESET ROLE;
GRANT EXECUTE ON FUNCTION omen_hnsw_check TO omen_somebody;
SET ROLE omen_somebody;
SELECT lives_ok($$SELECT count(*) FROM omen_hnsw_check('omen_item_index')$$, 'but those may whom it was granted');
RESET ROLE;

CREATE TABLE public.omen_tenant (tenant int, v vector(3));
CREATE INDEX omen_tenant_index ON public.omen_tenant USING omen_hnsw (tenant, v);
SET ROLE omen_somebody;
SELECT throws_ok($$SELECT * FROM omen_hnsw_groups('omen_tenant_index')$$, '42501', 'permission denied for function omen_hnsw_groups',
	'not everybody may see the groups of an index');
RESET ROLE;
GRANT EXECUTE ON FUNCTION omen_hnsw_groups TO omen_somebody;
SET ROLE omen_somebody;
SELECT throws_ok($$SELECT * FROM omen_hnsw_groups('omen_tenant_index')$$, '42501', 'permission denied for table omen_tenant',
	'nor those who may not read the leading columns');
RESET ROLE;
GRANT SELECT (tenant) ON public.omen_tenant TO omen_somebody;
SET ROLE omen_somebody;
SELECT is_empty($$SELECT * FROM omen_hnsw_groups('omen_tenant_index')$$, 'but those who may');
RESET ROLE;
ALTER TABLE public.omen_tenant ENABLE ROW LEVEL SECURITY;
SET ROLE omen_somebody;
SELECT throws_ok($$SELECT * FROM omen_hnsw_groups('omen_tenant_index')$$, '42501', 'cannot show the groups of index "omen_tenant_index"',
	'and where row-level security applies to them not any more');
RESET ROLE;

-- Functions have a comment, all of them
SELECT is_empty($$SELECT name FROM expected_function WHERE obj_description(format('%I(%s)', name, arguments)::regprocedure, 'pg_proc') IS NULL$$,
	'each function has a comment');

-- Only indexes of the access method can be asked about
SELECT throws_ok(format('SELECT * FROM %s(%L)', function, relation), code, NULL, format('%s(%s) is refused', function, relation))
FROM (VALUES ('omen_hnsw_check'), ('omen_hnsw_info'), ('omen_hnsw_groups')) f (function),
	(VALUES ('omen_item', '42809'), ('pg_class_oid_index', '42809')) r (relation, code);

-- What a scan took: of all scans of a node in EXPLAIN, where the server lets us
-- say so, and of the last one
CREATE TABLE scanned (id int, v vector(3));
INSERT INTO scanned SELECT i, ARRAY[i, i % 7, i % 11]::vector FROM generate_series(1, 500) i;
CREATE INDEX ON scanned USING omen_hnsw (v);
CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) ' || query;
END $$;
SELECT matches(
	(SELECT coalesce(string_agg(trim(line), ';'), 'nothing') FROM explained(
			'SELECT near.id FROM generate_series(1, 3) g, LATERAL
				(SELECT id FROM scanned ORDER BY v <-> ARRAY[g, 1, 1]::vector LIMIT 4) near') line
		WHERE line ~ 'distances'),
	CASE WHEN current_setting('server_version_num')::int >= 180000
		THEN '^Graph: hops=0 visits=\d+ distances=1500 reranked=\d+ late=0$' ELSE '^nothing$' END,
	'EXPLAIN (ANALYZE) says what scans took, from PostgreSQL 18 on');
SELECT ok(reranked BETWEEN 4 AND 40 AND distances = 500, 'and so does a function, of the last one')
	FROM omen_hnsw_last_scan();
SELECT is(
	(SELECT count(*) FROM explained('SELECT id FROM scanned ORDER BY id') line WHERE line ~ 'distances'),
	0::bigint, 'other nodes have no such line');

SELECT * FROM finish();
ROLLBACK;
