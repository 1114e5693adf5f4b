-- Indexes by operators of another library, as omendb_pgvector has them on
-- pgvector's types: what its operator classes are made of, here on our own type
-- by an operator that the planner is told nothing of.
CREATE SCHEMA hnsw_peer;
SET search_path = hnsw_peer, public;
CREATE FUNCTION peer_distance(vector, vector) RETURNS float8 AS '$libdir/omendb', 'omen_vector_l2_distance' LANGUAGE C IMMUTABLE STRICT;
CREATE OPERATOR <~~> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = peer_distance);
CREATE TYPE peer_sphere AS (center vector, radius float8);
CREATE FUNCTION peer_within(vector, peer_sphere) RETURNS boolean AS '$libdir/omendb', 'omen_peer_within' LANGUAGE C IMMUTABLE STRICT;
CREATE OPERATOR <<~~>> (LEFTARG = vector, RIGHTARG = peer_sphere, FUNCTION = peer_within, RESTRICT = contsel);
CREATE FUNCTION peer_repeated(vector, vector) RETURNS float8 AS '$libdir/omendb', 'omen_peer_distance' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION peer_support(internal) RETURNS internal AS '$libdir/omendb', 'omen_peer_vector_l2_support' LANGUAGE C IMMUTABLE STRICT;

-- Without an operator class the functions do not know which distance is meant.
SELECT peer_within('[1,2]', ('[1,2]', 1)::peer_sphere);
SELECT peer_repeated('[1,2]', '[1,3]');

CREATE OPERATOR CLASS peer_ops FOR TYPE vector USING omen_hnsw AS
	OPERATOR 1 <~~> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 peer_support(internal),
	FUNCTION 2 peer_within(vector, peer_sphere),
	FUNCTION 3 peer_repeated(vector, vector);
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'peer_ops';
SELECT peer_within('[1,2]', ('[1,3]', 1)::peer_sphere), peer_within('[1,2]', ('[1,3]', 1.01)::peer_sphere), peer_within('[1,2]', (NULL, 1)::peer_sphere);
SELECT peer_repeated('[1,2]', '[1,3]');

-- TOASTed vectors, of which the planner is not told what comparing them costs.
CREATE TABLE item (id int, v vector(700));
INSERT INTO item SELECT i, (SELECT array_agg(sin(i * d * 0.37) ORDER BY d) FROM generate_series(1, 700) d)::real[] FROM generate_series(1, 1200) i;
CREATE INDEX item_v ON item USING omen_hnsw (v peer_ops);
ANALYZE item;
CREATE FUNCTION question() RETURNS vector LANGUAGE sql STABLE AS 'SELECT v FROM hnsw_peer.item WHERE id = 600';
CREATE VIEW nearest AS SELECT id, v <~~> (SELECT question()) AS d FROM item ORDER BY v <~~> (SELECT question()) LIMIT 8;
-- A plan, with what stands for a value that a subquery gives named alike by every
-- version of PostgreSQL.
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		line := regexp_replace(line, ' \(returns \$\d+\)', '');
		RETURN NEXT regexp_replace(line, '\$\d+|\(InitPlan \d+\)\.col1', '$n', 'g');
	END LOOP;
END $$;
SELECT plan($$SELECT id FROM item ORDER BY v <~~> (SELECT question()) LIMIT 8$$);
SELECT plan($$SELECT id FROM item WHERE id % 2 = 0 ORDER BY v <~~> (SELECT question()) LIMIT 8$$);
SELECT omen_hnsw_check('item_v', true);

-- A sequential scan and a sort cost what they do with our own operator.
CREATE FUNCTION price(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN (plan #>> '{0,Plan,Total Cost}')::numeric;
END $$;
SET enable_indexscan = off;
SET max_parallel_workers_per_gather = 0;
SELECT abs(price('SELECT id FROM item ORDER BY v <~~> (SELECT question()) LIMIT 8') /
	price('SELECT id FROM item ORDER BY v <-> (SELECT question()) LIMIT 8') - 1) < 0.01 AS as_dear;
RESET enable_indexscan;
SELECT price('SELECT id FROM item ORDER BY v <~~> (SELECT question()) LIMIT 8') <
	price('SELECT id FROM item ORDER BY v <-> (SELECT question()) LIMIT 8') / 5 AS cheaper_by_index;

-- The distance of a row that the index returns is not computed again: the
-- operator's function is called by the scan only, which nobody counts.
SET track_functions = 'all';
CREATE FUNCTION calls() RETURNS TABLE (name text, calls bigint) LANGUAGE sql AS $$
	SELECT p.name, coalesce(pg_stat_get_function_calls(oid), 0) FROM unnest('{peer_distance,peer_repeated}'::text[]) p (name), pg_proc
	WHERE proname = p.name AND pronamespace = 'hnsw_peer'::regnamespace
$$;
SET enable_seqscan = off;
SELECT count(*) FROM nearest;
SELECT id, v <~~> (SELECT question()) = v <-> (SELECT question()) AS same FROM item ORDER BY v <~~> (SELECT question()) LIMIT 3;
SELECT count(*) FROM (SELECT id FROM item WHERE id % 2 = 0 ORDER BY v <~~> (SELECT question()) LIMIT 5) s;
SELECT pg_stat_force_next_flush();
SELECT * FROM calls();
-- also where nothing is known
SELECT bool_and(d = (SELECT v <-> question() FROM item i WHERE i.id = n.id)) AS same FROM nearest n;

-- Parts of a table are no other; what has been counted is left out.
CREATE TABLE whole (id int, v vector(700)) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF whole DEFAULT;
INSERT INTO whole SELECT * FROM item;
CREATE INDEX ON whole USING omen_hnsw (v peer_ops);
ANALYZE whole;
SELECT pg_stat_force_next_flush();
CREATE TEMP TABLE before AS SELECT * FROM calls();
SELECT count(*) FROM (SELECT id FROM whole ORDER BY v <~~> (SELECT question()) LIMIT 3) s;
SELECT pg_stat_force_next_flush();
SELECT name, c.calls - b.calls AS calls FROM calls() c JOIN before b USING (name) ORDER BY name;
RESET track_functions;

-- Whoever may not call the function that is called in place of the operator's
-- has the operator's called, even if he might when the plan was made.
CREATE ROLE regress_hnsw_peer;
GRANT USAGE ON SCHEMA hnsw_peer TO regress_hnsw_peer;
GRANT SELECT ON item TO regress_hnsw_peer;
SET ROLE regress_hnsw_peer;
SET plan_cache_mode = force_generic_plan;
PREPARE near AS SELECT id FROM item ORDER BY v <~~> (SELECT question()) LIMIT 1;
EXECUTE near;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION peer_repeated FROM PUBLIC;
SET ROLE regress_hnsw_peer;
EXECUTE near;
RESET ROLE;
-- and nobody gets a distance that he may not have
GRANT EXECUTE ON FUNCTION peer_repeated TO PUBLIC;
REVOKE EXECUTE ON FUNCTION peer_distance FROM PUBLIC;
SET ROLE regress_hnsw_peer;
EXECUTE near;
SELECT peer_repeated('[1,2]', '[1,3]');
SELECT peer_within('[1,2]', ('[1,3]', 1)::peer_sphere);
RESET ROLE;
GRANT EXECUTE ON FUNCTION peer_distance TO PUBLIC;
DEALLOCATE near;
RESET plan_cache_mode;

-- Which distance a function is for is known anew when its class is another.
CREATE FUNCTION far(vector, vector) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT 7::float8';
CREATE FUNCTION other_repeated(vector, vector) RETURNS float8 AS '$libdir/omendb', 'omen_peer_distance' LANGUAGE C IMMUTABLE STRICT;
CREATE OPERATOR <~!~> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = far);
CREATE OPERATOR CLASS other_ops FOR TYPE vector USING omen_hnsw AS OPERATOR 1 <~~> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 peer_support(internal), FUNCTION 3 other_repeated(vector, vector);
SELECT other_repeated('[1,2]', '[1,3]'), other_repeated('[1,2]', '[1,3]');
DROP OPERATOR FAMILY other_ops USING omen_hnsw;
SELECT other_repeated('[1,2]', '[1,3]');
CREATE OPERATOR CLASS other_ops FOR TYPE vector USING omen_hnsw AS OPERATOR 1 <~!~> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 peer_support(internal), FUNCTION 3 other_repeated(vector, vector);
SELECT other_repeated('[1,2]', '[1,3]'), peer_repeated('[1,2]', '[1,3]'), other_repeated('[1,2]', '[1,3]');

-- Within a sphere, with and without the index.
SET enable_seqscan = off;
SELECT plan($$SELECT id FROM item WHERE v <<~~>> ((SELECT question()), 25.6)::peer_sphere ORDER BY v <~~> (SELECT question()) LIMIT 2000$$);
SELECT count(*) AS by_index FROM (SELECT id FROM item WHERE v <<~~>> ((SELECT question()), 25.6)::peer_sphere ORDER BY v <~~> (SELECT question()) LIMIT 2000) s;
SELECT visits < 1200 AS ends_at_radius FROM omen_hnsw_last_scan();
RESET enable_seqscan;
SELECT count(*) FILTER (WHERE v <<~~>> ((SELECT question()), 25.6)::peer_sphere) AS within, count(*) FILTER (WHERE v <-> (SELECT question()) < 25.6) AS nearer FROM item;

SET client_min_messages = warning;
DROP SCHEMA hnsw_peer CASCADE;
DROP ROLE regress_hnsw_peer;
