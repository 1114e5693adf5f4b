-- Builds compare narrow codes from 64 dimensions on.  Where these do not tell who is
-- near, they compare whole ones: the graph finds its rows all the same.
SET client_min_messages = warning;
-- sums of three random numbers, so that most are small
CREATE FUNCTION scattered(seed int, size float8) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(size * ((h & 1023) + (h >> 10 & 1023) + (h >> 20 & 1023)))::vector
	FROM (SELECT hashint8extended(seed * 1009::bigint + generate_series(1, 64), 1) AS h) s
$$;
CREATE TABLE item (id int, v vector(64));
CREATE TABLE question (id int, q vector(64), nearest int[]);
CREATE FUNCTION make_clusters(rows int, clusters int, size float8) RETURNS void LANGUAGE sql AS $$
	TRUNCATE item, question;
	INSERT INTO item SELECT i, c + scattered(10000 + i, size) FROM
		(SELECT k, scattered(k, 1) AS c FROM generate_series(0, clusters - 1) k) s, generate_series(k, rows - 1, clusters) i;
	INSERT INTO question SELECT i, scattered(i % clusters, 1) + scattered(1000000 + i, size) FROM generate_series(1, 60) i;
	UPDATE question SET nearest = (SELECT array_agg(id) FROM (SELECT item.id FROM item ORDER BY v <-> q LIMIT 5) n);
$$;
-- of the five nearest of each, with three seeds
CREATE FUNCTION recall(ef int) RETURNS numeric LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
	found numeric := 0;
BEGIN
	PERFORM set_config('omendb.ef_search', ef::text, true);
	FOR s IN 1 .. 3 LOOP
		EXECUTE format('CREATE INDEX item_index ON item USING omen_hnsw (v) WITH (seed = %s)', s);
		found := found + (SELECT count(*) FILTER (WHERE n.id = ANY (nearest))::numeric / (5 * 60) FROM question,
			LATERAL (SELECT item.id FROM item ORDER BY v <-> q LIMIT 5) n);
		DROP INDEX item_index;
	END LOOP;
	RETURN round(found / 3, 3);
END $$;

-- a few clusters, each larger than what is compared at a time
SELECT make_clusters(6000, 4, 0.01);
SELECT recall(40) > 0.7 AS found;
-- many of a few rows each: a row's tenth nearest is far, and clear
SELECT make_clusters(4800, 800, 0.002);
SELECT recall(10) > 0.9 AS found;
-- Rows some of whose nearest are clear, and which are near such as have others: an
-- edge is told the same from both ends, and no slot has it twice.
TRUNCATE item, question;
INSERT INTO item SELECT i, scattered(i % 400, 1) + scattered(10000 + i, CASE WHEN i % 2 = 0 THEN 0.01 ELSE 0.1 END) FROM generate_series(1, 6000) i;
CREATE INDEX item_index ON item USING omen_hnsw (v);
SELECT mode, nodes FROM omen_hnsw_info('item_index');
SELECT count(*), min(detail) FROM omen_hnsw_check('item_index', true);
DROP TABLE item, question;
DROP FUNCTION scattered, make_clusters, recall;
