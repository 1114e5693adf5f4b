-- Indexes of groups: row-level security keeps rows of others out before they are
-- looked at, and so nobody learns how many there are.
SET client_min_messages = warning;
CREATE SCHEMA groups_policy;
SET search_path = groups_policy, public;

-- Tenants 1 to 9 have as many hundred rows.
CREATE TABLE item (id int, tenant int, sub text, color int, v vector(4)) WITH (autovacuum_enabled = off);
INSERT INTO item SELECT i, n, 's' || i % 2, i % 7, ARRAY[i, i % 7, i % 11, n]::vector FROM generate_series(1, 9) n, generate_series(1, n * 100) i;
INSERT INTO item SELECT i, NULL, 's0', i % 7, ARRAY[i, 1, 1, 1]::vector FROM generate_series(1, 50) i;
CREATE INDEX item_tenant ON item USING omen_hnsw (tenant, v);
CREATE ROLE omen_tenant;
GRANT USAGE ON SCHEMA groups_policy TO omen_tenant;
GRANT SELECT ON item TO omen_tenant;
ALTER TABLE item ENABLE ROW LEVEL SECURITY;

-- What a query reads: how many rows come, and how many are thrown away; * if not
-- by an index of ours.
CREATE FUNCTION reads(node jsonb) RETURNS TABLE (kind text, got bigint, removed bigint) LANGUAGE sql AS $$
	SELECT n->>'Node Type', (n->>'Actual Rows')::numeric::bigint, coalesce((n->>'Rows Removed by Filter')::bigint, 0) + coalesce((n->>'Rows Removed by Index Recheck')::bigint, 0)
	FROM jsonb_path_query(node, 'strict $.**?(exists(@."Relation Name"))') n
$$;
CREATE FUNCTION looks(condition text, wanted int DEFAULT 10) RETURNS text LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE format('EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, FORMAT JSON) SELECT id FROM item WHERE %s ORDER BY v <-> ''[1,1,1,1]'' LIMIT %s', condition, wanted) INTO plan;
	RETURN (SELECT string_agg(format('%s got, %s removed%s', got, removed, CASE WHEN kind NOT IN ('Index Scan', 'Custom Scan') THEN ' *' END), ', ') FROM reads(plan));
END $$;

CREATE POLICY own ON item USING (tenant = ANY (current_setting('app.tenants')::int[]));
SET app.tenants = '{1, 3, 4, NULL}';
CREATE TABLE asked (condition text);
INSERT INTO asked VALUES ('true'), ('tenant = 7'), ('tenant = 3'), ('tenant IN (5, 7)'), ('tenant IN (3, 7, 8, 9)'), ('tenant = 7 OR tenant = 9'),
	('tenant = 8::bigint'), ('tenant IN (8::bigint, 4, 4294967297)'), ('tenant IS NULL'), ('tenant = 7 AND color = 3'), ('tenant IN (3, 7) AND color = 3'),
	('tenant = (SELECT 7)'), ('tenant = ANY (ARRAY(SELECT generate_series(3, 9)))'), ('tenant IN (1, 7, 3) AND tenant IN (3, 7)'), ('tenant = 7 AND tenant IN (3, 7)'),
	('tenant = 3 AND tenant > 2'), ('tenant = 3 AND tenant > 3'), ('tenant = ANY (ARRAY(SELECT generate_series(2, 5000)))');
GRANT SELECT ON asked TO omen_tenant;
SET ROLE omen_tenant;
SELECT condition, looks(condition, 500) FROM asked;
SELECT condition, looks(condition) FROM asked WHERE condition !~ 'color';
-- The same of PostgreSQL's scan, which has no OR in all versions.
SET omendb.enable_scan = off;
SELECT condition, looks(condition, 500) FROM asked WHERE condition !~ 'OR';
RESET omendb.enable_scan;
-- The right rows come.
SELECT array_agg(id) = (SELECT array_agg(id) FROM (SELECT id FROM (SELECT * FROM item OFFSET 0) i WHERE tenant IN (3, 7) ORDER BY v <-> '[1,1,1,1]', id LIMIT 20) s) AS same, max(tenant)
	FROM (SELECT id, tenant FROM item WHERE tenant IN (3, 7) ORDER BY v <-> '[1,1,1,1]', id LIMIT 20) s;
-- What a plan costs tells of one's own groups, and nothing of others.  (Statistics
-- may, but there are none.)
RESET ROLE;
CREATE FUNCTION cost_of(condition text) RETURNS float8 LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT id FROM item WHERE %s ORDER BY v <-> ''[1,1,1,1]'' LIMIT 10', condition) INTO plan;
	RETURN plan->0->'Plan'->'Total Cost';
END $$;
SET ROLE omen_tenant;
SELECT cost_of('tenant = 7') = cost_of('tenant = 9') AS same, cost_of('tenant IN (3, 7)') = cost_of('tenant IN (3, 9)') AS same,
	cost_of('tenant = 7 AND color = 3') = cost_of('tenant = 9 AND color = 3') AS same, cost_of('tenant = 1') < cost_of('tenant = 4') AS less;
RESET ROLE;

-- Policies of other forms.
DROP POLICY own ON item;
CREATE POLICY one ON item USING (tenant = 1);
CREATE POLICY other ON item USING (tenant = 3);
SET ROLE omen_tenant;
SELECT condition, looks(condition, 500) FROM asked WHERE condition !~ 'OR';
RESET ROLE;
DROP POLICY one ON item;
DROP POLICY other ON item;
CREATE POLICY own ON item USING (tenant < 5);
SET ROLE omen_tenant;
SELECT looks('tenant = 3', 500), looks('tenant = 7', 500), looks('tenant IN (4, 5, 6)', 500), looks('tenant IS NULL', 500);
RESET ROLE;
DROP POLICY own ON item;
CREATE POLICY own ON item USING (tenant < ANY ('{3, NULL, 5}'));
SET ROLE omen_tenant;
SELECT looks('tenant = 3', 500), looks('tenant = 7', 500), looks('tenant IN (4, 5, 6)', 500);
SELECT cost_of('tenant = 7') = cost_of('tenant = 9') AS same, cost_of('tenant = 1') < cost_of('tenant = 4') AS less;
RESET ROLE;
DROP POLICY own ON item;
CREATE POLICY own ON item USING (tenant IS NOT NULL);
SET ROLE omen_tenant;
SELECT looks('tenant = 3', 500), looks('tenant IS NULL', 500), looks('tenant = 3 OR tenant = 4', 500);
RESET ROLE;
DROP POLICY own ON item;
-- On the second of two columns.
DROP INDEX item_tenant;
CREATE INDEX item_tenant_sub ON item USING omen_hnsw (tenant, sub, v);
CREATE POLICY own ON item USING (sub = ANY ('{s0,s2}'));
SET ROLE omen_tenant;
SELECT looks($$tenant = 3 AND sub = 's1'$$, 500), looks($$tenant = 3 AND sub = 's0'$$, 500), looks('tenant = 3', 500), looks($$tenant IN (3, 5) AND sub IN ('s0', 's1')$$, 500);
RESET ROLE;
DROP POLICY own ON item;
ALTER TABLE item DISABLE ROW LEVEL SECURITY;

-- Values that are equal and not the same.
DROP INDEX item_tenant_sub;
CREATE COLLATION alike (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
CREATE TABLE odd (n numeric, f float8, c char(3), t text COLLATE alike, v vector(2));
INSERT INTO odd SELECT CASE WHEN i % 3 = 0 THEN 1.0 WHEN i % 3 = 1 THEN 1.00 ELSE 2 END, CASE WHEN i % 3 = 0 THEN 0 WHEN i % 3 = 1 THEN '-0' ELSE 'NaN'::float8 END,
	CASE WHEN i % 3 = 2 THEN 'b' ELSE 'a' END, CASE WHEN i % 3 = 0 THEN 'x' WHEN i % 3 = 1 THEN 'X' ELSE 'y' END, ARRAY[i, 1]::vector FROM generate_series(1, 300) i;
CREATE FUNCTION counts(columns text, condition text) RETURNS text LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE format('CREATE INDEX odd_index ON odd USING omen_hnsw (%s, v)', columns);
	EXECUTE format('EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, FORMAT JSON) SELECT FROM odd WHERE %s ORDER BY v <-> ''[1,1]'' LIMIT 1000', condition) INTO plan;
	DROP INDEX odd_index;
	RETURN (SELECT string_agg(format('%s got, %s removed%s', got, removed, CASE WHEN kind NOT IN ('Index Scan', 'Custom Scan') THEN ' *' END), ', ') FROM reads(plan));
END $$;
SELECT c.*, counts(c.columns, c.condition) FROM (VALUES ('n', 'n IN (1.000, 7, NULL) AND n IN (1, 2)'), ('n', 'n IN (1.000, 2) AND n IN (2.0)'), ('n', 'n = 1 AND n IN (2, 3)'),
	('f', $$f IN (0, 1) AND f IN ('-0', 'NaN')$$), ('f', $$f IN (0, 'NaN'::float4) AND f IN ('NaN', 3)$$), ('c', $$c IN ('a', 'b  ') AND c IN ('a ', 'c')$$),
	('t', $$t IN ('X', 'z') AND t IN ('x', 'y')$$), ('t', $$t IN ('X', 'y') AND t IN ('Y')$$),
	('n, f', $$n IN (1, 2) AND n IN (1.0, 3) AND f IN (0, 'NaN') AND f = ANY ('{0}')$$), ('n, f', $$n IN (1, 2) AND n IN (3) AND f = 0$$)) c (columns, condition);

-- A policy of which PostgreSQL makes a range that has more than it allows.
CREATE TABLE named (name text COLLATE "C", v vector(4)) WITH (autovacuum_enabled = off);
INSERT INTO named SELECT CASE WHEN i <= 2000 THEN 'abcd' WHEN i <= 2010 THEN 'abce' ELSE 'ab' || i % 10 END, ARRAY[i, i % 7, i % 11, 1]::vector FROM generate_series(1, 2100) i;
CREATE INDEX named_index ON named USING omen_hnsw (name, v);
CREATE POLICY short ON named USING (name LIKE 'ab_');
ALTER TABLE named ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON named TO omen_tenant;
CREATE FUNCTION cost_of_name(name text) RETURNS float8 LANGUAGE plpgsql SET enable_seqscan = off SET omendb.enable_scan = off AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM named WHERE name = %L ORDER BY v <-> ''[1,1,1,1]'' LIMIT 10', name) INTO plan;
	RETURN plan->0->'Plan'->'Total Cost';
END $$;
SET ROLE omen_tenant;
SELECT cost_of_name('abcd') = cost_of_name('abce') AS same;
RESET ROLE;

DROP SCHEMA groups_policy CASCADE;
DROP ROLE omen_tenant;
