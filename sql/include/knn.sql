-- Functions for the tests of omen_hnsw: what an index gives, compared with
-- what a sequential scan gives.  Included with \i, never run by itself.

-- A vector of small integers, so that sums of products and of squares are
-- exact on every instruction set.
CREATE FUNCTION pseudo_random(seed int, dims int) RETURNS vector
LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(hashint4(seed * 20011 + i) % 50)::vector
	FROM generate_series(1, dims) i
$$;

-- The nodes of a query's plan, without what differs between versions.
CREATE FUNCTION plan(query text) RETURNS TABLE (node text)
LANGUAGE plpgsql AS $$
BEGIN
	FOR node IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		CONTINUE WHEN node ~ ':|^ *(InitPlan|SubPlan)';
		node := regexp_replace(node, '( on \w+) \w+$', '\1');
		RETURN NEXT;
	END LOOP;
END
$$;

-- Is any part of a query's plan a scan of an index of ours?
CREATE FUNCTION uses_index(query text) RETURNS boolean
LANGUAGE sql AS $$
	SELECT bool_or(node ~ 'Index Scan using|Omen Scan') FROM plan(query)
$$;

-- Do index and sequential scan give the same distances, in the same order?
-- Rows at equal distances may come in any order, so ids are not compared.
CREATE FUNCTION agrees(relation regclass, operator text, query vector,
	k int DEFAULT 10, condition text DEFAULT 'true', item text DEFAULT 'v',
	type text DEFAULT 'vector')
RETURNS text
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_indexscan = on
AS $$
DECLARE
	statement text;
	found float8[];
	wanted float8[];
BEGIN
	statement := format(
		'SELECT %s %s %L::%s FROM %s WHERE %s ORDER BY 1 LIMIT %s',
		item, operator, query, type, relation, condition, k);
	IF NOT uses_index(statement) THEN
		RETURN 'the index is not used';
	END IF;
	EXECUTE format('SELECT array_agg(d) FROM (%s) s (d)', statement)
		INTO found;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	IF uses_index(statement) THEN
		RETURN 'there is no other way than the index';
	END IF;
	EXECUTE format('SELECT array_agg(d) FROM (%s) s (d)', statement)
		INTO wanted;
	IF found IS DISTINCT FROM wanted THEN
		RETURN format('found %s, wanted %s', found, wanted);
	END IF;
	RETURN format('%s rows', coalesce(cardinality(found), 0));
END
$$;

-- Fetch all rows from a cursor, one by one: how many, how many different ones,
-- whether in order (numbers, then NaN, then NULL), how many of the relation
-- are missing beyond those that were dropped to keep the order.
CREATE FUNCTION walk(relation regclass, operator text, query vector,
	type text DEFAULT 'vector', OUT fetched int, OUT different int, OUT in_order boolean, OUT missing bigint)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_indexscan = on
AS $$
DECLARE
	rows refcursor;
	statement text;
	row_id int;
	distance float8;
	previous float8 := '-infinity';
	ids int[] := '{}';
BEGIN
	statement := format('SELECT id, v %s %L::%s FROM %s ORDER BY 2',
		operator, query, type, relation);
	IF NOT uses_index('DECLARE c CURSOR FOR ' || statement) THEN
		RAISE EXCEPTION 'the index is not used';
	END IF;
	OPEN rows FOR EXECUTE statement;
	in_order := true;
	LOOP
		FETCH rows INTO row_id, distance;
		EXIT WHEN NOT FOUND;
		ids := ids || row_id;
		in_order := in_order AND
			coalesce(previous <= distance, distance IS NULL);
		previous := distance;
	END LOOP;
	CLOSE rows;
	fetched := cardinality(ids);
	different := (SELECT count(DISTINCT i) FROM unnest(ids) i);
	SET LOCAL enable_indexscan = off;
	EXECUTE format('SELECT count(*) FROM %s', relation) INTO missing;
	missing := missing - fetched - (SELECT late FROM omen_hnsw_last_scan());
END
$$;
