-- Indexes of groups: when the planner takes them, and what it knows of groups.
\getenv abs_srcdir PG_ABS_SRCDIR
\set include :abs_srcdir '/sql/include/knn.sql'
SET client_min_messages = warning;
CREATE SCHEMA groups_plan;
SET search_path = groups_plan, public;
\set ECHO none
\i :include
\set ECHO all

-- Tenant 0 has most rows, 1 some thousands, 2 some hundreds, others a few; they
-- lie all over the table.
CREATE TABLE item (id int PRIMARY KEY, tenant int, flag bool, sub text, color int, note int, v vector(32));
INSERT INTO item SELECT i, CASE WHEN i % 10 < 5 THEN 0 WHEN i % 10 < 8 THEN 1 WHEN i % 10 = 8 AND i % 3 = 0 THEN 2 WHEN i % 50 = 9 THEN NULL ELSE 10 + i % 397 END,
	i % 2 = 0, 's' || abs(hashint4(-i)) % 3, i % 7, abs(hashint4(i)) % 100, pseudo_random(i, 32) FROM generate_series(1, 12000) i;
CREATE TABLE owner (id int PRIMARY KEY, tenant int);
INSERT INTO owner SELECT i, i FROM generate_series(0, 400) i;
CREATE INDEX item_tenant ON item USING omen_hnsw (tenant, v);
ANALYZE;
CREATE FUNCTION query() RETURNS vector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT array_fill(7, ARRAY[32])::vector $$;

-- What a plan reads: tables, indexes of ours by PostgreSQL ("scan") or by us
-- ("search"), which versions differ in, and others.
CREATE FUNCTION reads(node jsonb) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	child jsonb;
BEGIN
	CASE node->>'Node Type'
		WHEN 'Index Scan' THEN RETURN NEXT 'scan of ' || (node->>'Index Name');
		WHEN 'Index Only Scan' THEN RETURN NEXT 'scan of ' || (node->>'Index Name');
		WHEN 'Custom Scan' THEN RETURN NEXT 'search of ' || (node->>'Index');
		WHEN 'Bitmap Index Scan' THEN RETURN NEXT 'bitmap of ' || (node->>'Index Name');
		WHEN 'Seq Scan' THEN RETURN NEXT 'table ' || (node->>'Relation Name');
		WHEN 'Sort' THEN RETURN NEXT 'sort';
		ELSE NULL;
	END CASE;
	FOR child IN SELECT * FROM jsonb_array_elements(node->'Plans') LOOP
		RETURN QUERY SELECT * FROM reads(child);
	END LOOP;
END $$;
CREATE FUNCTION way(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (COSTS OFF, FORMAT JSON) ' || query INTO plan;
	RETURN (SELECT string_agg(r, ', ') FROM reads(plan->0->'Plan') r);
END $$;
-- The same of an index whoever scans it.
CREATE FUNCTION uses(query text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(way(query), '(scan|search) of', 'use of') $$;
-- Of rows where a condition holds, as many as asked for or as there are, in the
-- right order, and no others?
CREATE FUNCTION nearest(condition text, k int DEFAULT 10) RETURNS text LANGUAGE sql SET omendb.ef_search = 1000 AS $$ SELECT agrees('item', '<->', query(), k, condition) $$;

-- One group, however it is told.
SELECT way($$SELECT id FROM item WHERE tenant = 0 ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant = 2 ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE 15::bigint = tenant ORDER BY query() <-> v LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant IS NULL ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant = 1 ORDER BY tenant, v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant = (SELECT tenant FROM owner WHERE id = 5) ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT s.* FROM owner o, LATERAL (SELECT id FROM item i WHERE i.tenant = o.tenant ORDER BY v <-> query() LIMIT 3) s WHERE o.id < 5$$);
SELECT way($$SELECT i.id FROM item i JOIN owner o ON i.tenant = o.tenant WHERE o.tenant = 1 ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant = 1 AND tenant IN (1, 2) ORDER BY v <-> query() LIMIT 10$$);
SET plan_cache_mode = force_generic_plan;
PREPARE of_tenant (int) AS SELECT id FROM item WHERE tenant = $1 ORDER BY v <-> query() LIMIT 10;
SELECT way('EXECUTE of_tenant (1)');
PREPARE of_tenants (int[], int) AS SELECT id FROM item WHERE tenant = ANY ($1) ORDER BY v <-> query() LIMIT $2;
SELECT way('EXECUTE of_tenants (NULL, 10)');
RESET plan_cache_mode;

-- More rows than a candidate list holds, or in a further order, and filters.
SELECT way($$SELECT id FROM item WHERE tenant = 0 ORDER BY v <-> query() LIMIT 100$$);
SELECT way($$SELECT id FROM item WHERE tenant = 0 ORDER BY v <-> query() FETCH FIRST 10 ROWS WITH TIES$$);
SELECT way($$SELECT id FROM item WHERE tenant = 0 AND color = 3 ORDER BY v <-> query() LIMIT 10$$);
SELECT nearest('tenant = 0'), nearest('tenant = 0 AND color = 3'), nearest('tenant = 15'), nearest('tenant IS NULL AND color = 1');
SELECT nearest('tenant = 2', 10000), nearest('tenant = 2 AND color = 3', 10000), nearest('tenant = 0 AND note = 3', 10000), nearest('tenant = -1');

-- A generic plan does not know the group; when it runs it goes by the very one.
CREATE FUNCTION strategies(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) ' || query INTO plan;
	RETURN jsonb_path_query_first(plan, '$.**."Strategies Used"') #>> '{}';
END $$;
SET plan_cache_mode = force_generic_plan;
PREPARE some_of_tenant (int, int) AS SELECT id FROM item WHERE tenant = $1 ORDER BY v <-> query() LIMIT $2;
PREPARE few_of_tenant (int, int) AS SELECT id FROM item WHERE tenant = $1 AND color = $2 ORDER BY v <-> query() LIMIT 10;
SELECT t, strategies(format('EXECUTE some_of_tenant (%s, 60)', t)) AS some, strategies(format('EXECUTE few_of_tenant (%s, 3)', t)) AS few FROM (VALUES (0), (15)) v (t);
RESET plan_cache_mode;
-- All rows are looked at if a quarter of them is wanted: of those that there are,
-- and not of all that would have room since VACUUM.
CREATE TABLE small (id int, tenant int, v vector(32)) WITH (autovacuum_enabled = off);
INSERT INTO small SELECT i, i % 100, pseudo_random(i, 32) FROM generate_series(1, 1000) i;
CREATE INDEX small_tenant ON small USING omen_hnsw (tenant, v);
ANALYZE small;
SELECT l, strategies(format('SELECT id FROM small WHERE tenant = ANY (ARRAY(SELECT generate_series(0, 79))) ORDER BY v <-> query() LIMIT %s', l)) FROM (VALUES (120), (280)) v (l);
DELETE FROM small WHERE id <= 100;
VACUUM small;
SELECT l, strategies(format('SELECT id FROM small WHERE tenant = ANY (ARRAY(SELECT generate_series(0, 79))) ORDER BY v <-> query() LIMIT %s', l)) FROM (VALUES (120), (280)) v (l);
DROP TABLE small;

-- Several.
SELECT uses($$SELECT id FROM item WHERE tenant IN (0, 1, 1, 15) ORDER BY v <-> query() LIMIT 10$$);
SELECT uses($$SELECT id FROM item WHERE tenant = 2 OR tenant = 15 ORDER BY v <-> query() LIMIT 10$$);
SELECT uses($$SELECT id FROM item WHERE tenant = ANY (ARRAY(SELECT tenant FROM owner WHERE id < 5)) ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant IN (0, 1, 1, 15) AND color = 3 ORDER BY v <-> query() LIMIT 10$$);
SELECT nearest('tenant IN (2, 15, NULL, 2)'), nearest('tenant IN (0, 1, 15) AND color = 3'), nearest('tenant = 2 OR tenant = 15'), nearest('tenant IN (2, 15) AND color = 3', 10000);

-- Not taken: a group is not known, there is no order, or it would be of no use.
SELECT way($$SELECT id FROM item ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant > 0 ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant = 2 OR color = 3 ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant = 2 OR tenant IS NULL ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE color = 3 ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant = 2$$);
SELECT way($$SELECT id FROM item WHERE tenant = 2 LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant = 2 ORDER BY v <-> query()$$);
SELECT way($$SELECT i.id FROM item i JOIN owner o ON i.tenant = o.tenant WHERE o.id = 1 ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant IN (SELECT tenant FROM owner WHERE id < 5) ORDER BY v <-> query() LIMIT 10$$);
SET enable_seqscan = off;
SET enable_sort = off;
SELECT count(*) FROM (SELECT id FROM item WHERE tenant > 0 ORDER BY v <-> query() LIMIT 20) s;
SELECT array_agg(id) = (SELECT array_agg(id) FROM (SELECT id FROM (SELECT * FROM item OFFSET 0) i ORDER BY v <-> query(), id LIMIT 20) s) AS same FROM (SELECT id FROM item ORDER BY v <-> query(), id LIMIT 20) s;
RESET enable_seqscan;
RESET enable_sort;

-- Columns that PostgreSQL does not see in every version: boolean ones, and IN on
-- a later one.
CREATE INDEX item_flag ON item USING omen_hnsw (flag, v);
SELECT uses($$SELECT id FROM item WHERE flag ORDER BY v <-> query() LIMIT 10$$);
SELECT uses($$SELECT id FROM item WHERE NOT flag ORDER BY v <-> query() LIMIT 10$$);
SELECT uses($$SELECT id FROM item WHERE flag = true ORDER BY v <-> query() LIMIT 10$$);
SELECT uses($$SELECT id FROM item WHERE flag IS FALSE ORDER BY v <-> query() LIMIT 10$$);
SELECT nearest('flag'), nearest('NOT flag AND color = 3'), nearest('flag IS FALSE', 100);
DROP INDEX item_flag;
CREATE INDEX item_tenant_sub ON item USING omen_hnsw (tenant, sub, v);
SELECT uses($$SELECT id FROM item WHERE tenant = 0 AND sub = 's1' ORDER BY v <-> query() LIMIT 10$$);
SELECT uses($$SELECT id FROM item WHERE tenant = 0 AND sub IN ('s1') ORDER BY v <-> query() LIMIT 10$$);
DROP INDEX item_tenant;
SELECT uses($$SELECT id FROM item WHERE tenant = 2 AND sub IN ('s1', 's2', 'x') ORDER BY v <-> query() LIMIT 10$$);
SELECT uses($$SELECT id FROM item WHERE tenant IN (2, 15) AND sub IN ('s1', 's2') ORDER BY v <-> query() LIMIT 10$$);
SELECT uses($$SELECT id FROM item WHERE tenant = 2 AND (sub = 's1' OR sub = 's2') ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant = 2 ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE sub = 's1' ORDER BY v <-> query() LIMIT 10$$);
SELECT nearest($$tenant = 0 AND sub = 's1'$$), nearest($$tenant = 2 AND sub IN ('s1', 's2', 'x')$$), nearest($$tenant IN (2, 15) AND sub IN ('s1', 's2')$$, 10000), nearest($$tenant = 2 AND sub IN ('s1', 's2') AND color = 3$$);
DROP INDEX item_tenant_sub;

-- Beside other indexes: by how large the tenant is.  A bitmap knows the rest of
-- the WHERE; that it knows the tenant, too, is of no use by itself.
CREATE INDEX item_tenant ON item USING omen_hnsw (tenant, v);
CREATE INDEX item_v ON item USING omen_hnsw (v);
CREATE INDEX item_v_tenant ON item USING omen_hnsw (v, tenant);
CREATE INDEX item_b ON item (tenant);
ANALYZE item;
SELECT t, way(format('SELECT id FROM item WHERE tenant = %s ORDER BY v <-> query() LIMIT 10', t)) FROM generate_series(0, 2) t;
SELECT way($$SELECT id FROM item WHERE tenant = 0 AND color = 3 ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant = 1 AND color = 3 ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item ORDER BY v <-> query() LIMIT 10$$);
CREATE INDEX item_note ON item (note);
SELECT way($$SELECT id FROM item WHERE tenant = 0 AND note = 3 ORDER BY v <-> query() LIMIT 10$$);
SELECT way($$SELECT id FROM item WHERE tenant = 1 AND note < 10 ORDER BY v <-> query() LIMIT 10$$);
CREATE INDEX item_tenant_note ON item (tenant, note);
SELECT way($$SELECT id FROM item WHERE tenant = 1 AND note = 3 ORDER BY v <-> query() LIMIT 10$$);
DROP INDEX item_v, item_v_tenant, item_b, item_note, item_tenant_note;

-- The index knows how large a group is, where statistics do not.
CREATE FUNCTION cost(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN plan->0->'Plan'->'Total Cost';
END $$;
CREATE FUNCTION cost_of(condition text) RETURNS float8 LANGUAGE sql AS $$ SELECT cost(format('SELECT id FROM secret WHERE %s ORDER BY v <-> query() LIMIT 10', condition)) $$;
CREATE TABLE secret (id int, tenant int, account numeric, color int, v vector(32)) WITH (autovacuum_enabled = off);
INSERT INTO secret SELECT i, CASE WHEN i <= 5 THEN 1 WHEN i <= 10 THEN 2 WHEN i < 2500 THEN 3 ELSE 4 END, 1, i % 7, pseudo_random(i, 32) FROM generate_series(1, 5000) i;
UPDATE secret SET account = tenant;
CREATE INDEX secret_tenant ON secret USING omen_hnsw (tenant, v);
CREATE INDEX secret_account ON secret USING omen_hnsw (account, v);
SELECT cost_of('tenant = 1') = cost_of('tenant = 2') AS same, cost_of('tenant = 1') < cost_of('tenant = 3') AS less, cost_of('tenant = 9') < cost_of('tenant = 1') AS none;
SELECT cost_of('account = 1') = cost_of('account = 2') AS same, cost_of('account = 1') < cost_of('account = 3') AS less;
SELECT cost_of('tenant IN (1, 2)') < cost_of('tenant IN (1, 3)') AS less, cost_of('tenant IN (1, 3)') < cost_of('tenant IN (3, 4)') AS less;
SELECT cost_of('tenant = 1 AND color = 3') < cost_of('tenant = 3 AND color = 3') AS less;
SET app.tenant = '1';
CREATE FUNCTION own_tenant() RETURNS int LANGUAGE sql STABLE AS $$ SELECT current_setting('app.tenant')::int $$;
SELECT cost_of('tenant = own_tenant()') = cost_of('tenant = 1') AS same;
SELECT cost_of('tenant = (SELECT 1)') = cost_of('tenant = (SELECT 3)') AS same;
-- It is asked once, however many paths are priced: for each value some pages are
-- read, and the metapage.
CREATE FUNCTION pages_read(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
	least int;
BEGIN
	-- catalogs are read at first
	FOR i IN 1 .. 5 LOOP
		EXECUTE 'EXPLAIN (BUFFERS, FORMAT JSON) ' || query INTO plan;
		least := least(least, (plan->0->'Planning'->>'Shared Hit Blocks')::int);
	END LOOP;
	RETURN least;
END $$;
SELECT pages_read('SELECT id FROM secret WHERE tenant = 3 ORDER BY v <-> query() LIMIT 10') BETWEEN 3 AND 6 AS few,
	pages_read('SELECT id FROM secret WHERE tenant IN (1, 2, 3, 4) AND color = 3 ORDER BY v <-> query() LIMIT 10') BETWEEN 9 AND 20 AS few;
-- Of these it tells nobody what he could not see.
CREATE ROLE omen_planned;
GRANT USAGE ON SCHEMA groups_plan TO omen_planned;
GRANT SELECT ON secret TO omen_planned;
SET ROLE omen_planned;
SELECT cost_of('tenant = 1') < cost_of('tenant = 3') AS less;
RESET ROLE;
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
-- A policy on the leading column: his own group.
CREATE POLICY own ON secret USING (tenant = current_setting('app.tenant')::int);
SET ROLE omen_planned;
SELECT way('SELECT id FROM secret ORDER BY v <-> query() LIMIT 10');
SELECT way('SELECT id FROM secret WHERE color = 3 ORDER BY v <-> query() LIMIT 10');
SELECT count(*), min(tenant), max(tenant) FROM (SELECT tenant FROM secret ORDER BY v <-> query() LIMIT 10) s;
SELECT cost_of('tenant = 3') = cost_of('tenant = 2') AS same, cost_of('tenant IN (1, 3)') = cost_of('tenant IN (1, 2)') AS same;
SELECT cost_of('tenant = 3 AND color = 3') = cost_of('tenant = 2 AND color = 3') AS same;
CREATE TEMP TABLE costs (tenant text, cost float8);
INSERT INTO costs VALUES ('1', cost_of('true'));
SET app.tenant = '3';
INSERT INTO costs VALUES ('3', cost_of('true'));
SELECT min(cost) FILTER (WHERE tenant = '1') < min(cost) FILTER (WHERE tenant = '3') AS less FROM costs;
SET app.tenant = '1';
RESET ROLE;
-- Another beside it that restricts: then not all of the group is his own.
CREATE POLICY few ON secret AS RESTRICTIVE USING (color < 3);
SET ROLE omen_planned;
SELECT way('SELECT id FROM secret ORDER BY v <-> query() LIMIT 10');
SELECT count(*), min(tenant), max(tenant), max(color) FROM (SELECT tenant, color FROM secret ORDER BY v <-> query() LIMIT 10) s;
TRUNCATE costs;
INSERT INTO costs VALUES ('1', cost_of('true'));
SET app.tenant = '3';
INSERT INTO costs VALUES ('3', cost_of('true'));
SELECT count(DISTINCT cost) = 1 AS same FROM costs;
RESET ROLE;
-- One on another column only: the group is asked for by the user.
DROP POLICY own ON secret;
DROP POLICY few ON secret;
-- A policy that lists groups says nothing of one that it does not list.
CREATE POLICY own ON secret USING (tenant = ANY (current_setting('app.tenants')::int[]));
SET app.tenants = '{1}';
SET omendb.enable_scan = off;
SET ROLE omen_planned;
SELECT cost_of('tenant = 3') = cost_of('tenant = 2') AS same;
RESET ROLE;
RESET omendb.enable_scan;
DROP POLICY own ON secret;
CREATE POLICY few ON secret USING (color < 3);
SET ROLE omen_planned;
SELECT way('SELECT id FROM secret WHERE tenant = 3 ORDER BY v <-> query() LIMIT 10');
SELECT cost_of('tenant = 3') = cost_of('tenant = 2') AS same;
-- The "=" of numeric may tell what it is called with, so not before the policy.
SELECT way('SELECT id FROM secret WHERE account = 3 ORDER BY v <-> query() LIMIT 10');
SELECT cost_of('account = 3') = cost_of('account = 2') AS same;
RESET ROLE;
DROP POLICY few ON secret;
CREATE POLICY own ON secret USING (account = current_setting('app.tenant')::numeric);
SET ROLE omen_planned;
SELECT way('SELECT id FROM secret ORDER BY v <-> query() LIMIT 10');
SELECT count(*), min(tenant), max(tenant) FROM (SELECT tenant FROM secret ORDER BY v <-> query() LIMIT 10) s;
RESET ROLE;
-- Of several that permit one has to.
DROP POLICY own ON secret;
CREATE POLICY own ON secret USING (tenant = 1);
CREATE POLICY shared ON secret USING (tenant = 2);
SET ROLE omen_planned;
SELECT uses('SELECT id FROM secret ORDER BY v <-> query() LIMIT 10');
SELECT count(*), min(tenant), max(tenant) FROM (SELECT tenant FROM secret ORDER BY v <-> query() LIMIT 20) s;
RESET ROLE;
DROP POLICY own ON secret;
DROP POLICY shared ON secret;
ALTER TABLE secret DISABLE ROW LEVEL SECURITY;
-- Views of somebody else.
REVOKE SELECT ON secret FROM omen_planned;
CREATE VIEW nearest_three WITH (security_barrier) AS SELECT * FROM secret WHERE tenant = own_tenant() ORDER BY v <-> query() LIMIT 3;
GRANT SELECT ON nearest_three TO omen_planned;
SET ROLE omen_planned;
SET app.tenant = '3';
SELECT cost('SELECT * FROM nearest_three') AS with_3 \gset
SET app.tenant = '2';
SELECT cost('SELECT * FROM nearest_three') = :with_3 AS same;
RESET ROLE;

-- Arrays of which each value is compared with each: a query is planned without
-- that, and can be interrupted while a scan does it.  What ends before the timeout
-- waits for it, so that it never comes after the block that catches it.
CREATE FUNCTION ends_soon(command text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz := clock_timestamp();
	ended timestamptz;
	many text;
BEGIN
	BEGIN
		many := (SELECT array_agg(i) FROM generate_series(1000001, 1120000) i);
		EXECUTE command || format($q$SELECT id FROM item WHERE tenant = ANY (%L::int[]) AND tenant < ANY (%L::int[]) ORDER BY v <-> query() LIMIT 3$q$,
								  many, replace(replace(many, ',', ',-'), '{', '{-'));
		ended := clock_timestamp();
		PERFORM pg_sleep(600);
	EXCEPTION WHEN query_canceled THEN
		NULL;
	END;
	RETURN coalesce(ended, clock_timestamp()) < began + interval '20 seconds';
END $$;
SET statement_timeout = '1s';
SELECT ends_soon('EXPLAIN ');
SET enable_seqscan = off;
SET enable_sort = off;
SELECT ends_soon('');
RESET enable_sort;
RESET enable_seqscan;
RESET statement_timeout;

-- Partitions have indexes of groups each.
CREATE TABLE part (id int, tenant int, v vector(32)) PARTITION BY HASH (tenant);
SELECT format('CREATE TABLE part_%s PARTITION OF part FOR VALUES WITH (MODULUS 4, REMAINDER %s)', i, i) FROM generate_series(0, 3) i \gexec
INSERT INTO part SELECT i, abs(hashint4(i)) % 40, pseudo_random(i, 32) FROM generate_series(1, 4000) i;
CREATE INDEX part_tenant ON part USING omen_hnsw (tenant, v);
ANALYZE part;
SELECT uses('SELECT id FROM part WHERE tenant = 5 ORDER BY v <-> query() LIMIT 10') ~ '^use of part_._tenant_v_idx$' AS one;
SELECT uses('SELECT id FROM part WHERE tenant IN (5, 6, 7, 8, 9) ORDER BY v <-> query() LIMIT 10') ~ 'sort|table' AS sorts;
SET plan_cache_mode = force_generic_plan;
PREPARE of_part (int) AS SELECT id FROM part WHERE tenant = $1 ORDER BY v <-> query(), id LIMIT 3;
SELECT way('EXECUTE of_part (5)') ~ 'table' AS reads_tables;
EXECUTE of_part (5);
RESET plan_cache_mode;
SELECT id FROM (SELECT * FROM part OFFSET 0) p WHERE tenant = 5 ORDER BY v <-> query(), id LIMIT 3;
SELECT agrees('part', '<->', query(), 10, 'tenant = 5'), agrees('part', '<->', query(), 10, 'tenant IN (5, 6, 7, 8)'), agrees('part', '<->', query(), 1000, 'tenant = 7');
CREATE TABLE by_id (id int, tenant int, v vector(32)) PARTITION BY HASH (id);
SELECT format('CREATE TABLE by_id_%s PARTITION OF by_id FOR VALUES WITH (MODULUS 3, REMAINDER %s)', i, i) FROM generate_series(0, 2) i \gexec
INSERT INTO by_id SELECT * FROM part;
CREATE INDEX by_id_tenant ON by_id USING omen_hnsw (tenant, v);
ANALYZE by_id;
SELECT way('SELECT id FROM by_id WHERE tenant = 5 ORDER BY v <-> query() LIMIT 10') ~ '^(scan of by_id_._tenant_v_idx(, )?){3}$' AS all;
SELECT agrees('by_id', '<->', query(), 10, 'tenant = 5'), agrees('by_id', '<->', query(), 1000, 'tenant = 7');

DROP TABLE costs;
DROP SCHEMA groups_plan CASCADE;
DROP ROLE omen_planned;
