-- Indexes of groups: queries for several groups at once, against exact answers.
SET client_min_messages = warning;

-- Some clusters.  Tenants 0 to 3 are graphs, 4 to 12 lists, others have a few rows.
CREATE TABLE item (id int, tenant int, v vector(8), color int, note text);
CREATE FUNCTION place(cluster int, spread float8) RETURNS vector LANGUAGE sql AS
	$$ SELECT array_agg((hashint4extended(cluster * 8 + d, 1) % 1000 / 100.0 + spread * (random() + random() - 1))::float4)::vector(8) FROM generate_series(1, 8) d $$;
SELECT setseed(0.25);
CREATE INDEX item_index ON item USING omen_hnsw (tenant, v, color) WITH (m = 8, ef_construction = 40);
INSERT INTO item SELECT i, CASE WHEN i % 10 < 3 THEN 0 WHEN i % 10 < 5 THEN 1 WHEN i % 10 = 5 THEN 2 WHEN i % 10 = 6 THEN 3
		WHEN i % 10 = 7 THEN 4 + i / 10 % 9 WHEN i % 100 = 8 THEN NULL ELSE 13 + i / 10 % 100 END,
	CASE WHEN i % 501 = 0 THEN NULL ELSE place(i % 40, 4) END, i % 7, CASE WHEN i % 5 = 0 THEN 'fifth' END
	FROM generate_series(1, 11000) i;
-- all of one tenant in one place, and another of equal vectors
INSERT INTO item SELECT 20000 + i, 3, place(7, 1), i % 7 FROM generate_series(1, 200) i;
INSERT INTO item SELECT 30000 + i, 4, (SELECT v FROM item WHERE id = 1), i % 7 FROM generate_series(1, 30) i;
ANALYZE item;
SELECT * FROM omen_hnsw_check('item_index', true);

-- Random groups, filters and limits.  Rows have to be in order, of the groups,
-- as many as there are or are wanted, and nearly all of them of the nearest; all
-- where no group is a graph.
CREATE TABLE answer (query int, groups int[], filter text, wanted int, graphs bool, got float8[], expected float8[], bad bigint);
CREATE FUNCTION try(queries int, filters text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	text text;
	q vector;
	a answer;
	ids int[];
BEGIN
	FOR i IN 1 .. queries LOOP
		a.query := i;
		a.groups := CASE i % 10 WHEN 0 THEN ARRAY(SELECT (random() * 300)::int FROM generate_series(1, 300))
			WHEN 1 THEN ARRAY(SELECT 4 + (random() * 8)::int FROM generate_series(1, 6))
			WHEN 2 THEN ARRAY(SELECT (random() * 3)::int FROM generate_series(1, 4))
			WHEN 3 THEN ARRAY[(random() * 12)::int]
			ELSE ARRAY(SELECT CASE WHEN random() < 0.05 THEN NULL WHEN random() < 0.5 THEN (random() * 5)::int ELSE (random() * 130)::int END FROM generate_series(1, (i % 7) + 1)) END;
		a.filter := filters[1 + floor(random() * cardinality(filters))::int];
		a.wanted := (ARRAY[1, 3, 10, 10, 40, 150])[1 + floor(random() * 6)::int];
		a.graphs := a.groups && '{0,1,2,3}';
		q := place((random() * 39)::int, 6);
		text := format('SELECT coalesce(array_agg(d ORDER BY n), ''{}''), array_agg(id) FROM (SELECT *, row_number() OVER () AS n FROM (SELECT id, v <-> $1 AS d FROM %%s WHERE tenant = ANY ($2) AND %s ORDER BY v <-> $1 LIMIT $3) s) s', a.filter);
		SET LOCAL enable_seqscan = off;
		SET LOCAL enable_indexscan = on;
		SET LOCAL omendb.enable_scan = on;
		EXECUTE format(text, 'item') INTO a.got, ids USING q, a.groups, a.wanted;
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_indexscan = off;
		SET LOCAL omendb.enable_scan = off;
		EXECUTE format(text, '(SELECT * FROM item OFFSET 0) item') INTO a.expected USING q, a.groups, a.wanted;
		EXECUTE format('SELECT count(*) FROM item WHERE id = ANY ($1) AND (tenant = ANY ($2) AND %s) IS NOT TRUE', a.filter) INTO a.bad USING ids, a.groups;
		INSERT INTO answer SELECT (a).*;
	END LOOP;
END $$;
-- Rows without a distance, which are NULL here, come last and count as found.
CREATE FUNCTION summary() RETURNS TABLE (queries bigint, foreign_rows numeric, disorder bigint, short bigint, inexact_lists bigint, recall numeric)
LANGUAGE sql AS $$
	SELECT count(*), sum(bad), count(*) FILTER (WHERE got <> ARRAY(SELECT d FROM unnest(got) d ORDER BY d)),
		count(*) FILTER (WHERE cardinality(got) <> cardinality(expected)),
		count(*) FILTER (WHERE NOT graphs AND got <> expected),
		round(sum((SELECT count(*) FROM unnest(got) d WHERE d <= expected[cardinality(expected)] OR d IS NULL)) / sum(cardinality(expected)), 3)
	FROM answer
$$;

SELECT try(150, '{true}');
SELECT * FROM summary();
TRUNCATE answer;
SELECT try(250, '{color = 3,"color IN (1, 2)","color < 5 AND id % 2 = 0","id % 3 = 0","note IS NOT NULL","color = 2 AND note = ''fifth''","id < 600",color = 99}');
SELECT * FROM summary();
