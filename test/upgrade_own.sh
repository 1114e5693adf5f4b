# What test/upgrade puts into the old cluster and asks of both: omendb and its own
# types.  Sourced by it.

old_suite=bookworm
old_major=15
old_packages=build

index_count=17
answer_count=150

# All kinds of indexes, of rows of all kinds: some without a direction, without a
# vector, equal, deleted and not vacuumed, vacuumed and filled again.
fill()
{
	sql <<'SQL'
CREATE EXTENSION omendb;
CREATE FUNCTION made(key bigint, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((hashint8extended(key % 40, d) % 1000 / 250.0 + hashint8extended(key, d) % 1000 / 1000.0)::real ORDER BY d)::vector
	FROM generate_series(1, dims) d
$$;
CREATE TABLE item (id int PRIMARY KEY, v vector(16), k int, t text, tags text[]);
CREATE INDEX grown ON item USING omen_hnsw (v, k, t);
INSERT INTO item SELECT i, made(i, 16), i % 7, 'tenant ' || i % 5, ARRAY['a' || i % 3, 'b' || i % 11] FROM generate_series(1, 2500) i;
INSERT INTO item SELECT 10000 + i, made(i % 20, 16), i % 2, NULL, NULL FROM generate_series(1, 100) i;
INSERT INTO item SELECT 20000 + i, NULL, i, NULL, NULL FROM generate_series(1, 10) i;
INSERT INTO item SELECT 30000 + i, array_fill(0, ARRAY[16]), i, NULL, NULL FROM generate_series(1, 10) i;
DELETE FROM item WHERE id % 3 = 0;
VACUUM item;
INSERT INTO item SELECT i, made(i, 16), i % 7, 'tenant ' || i % 5, ARRAY['a' || i % 3, 'b' || i % 11] FROM generate_series(3001, 3600) i;
CREATE INDEX built ON item USING omen_hnsw (v) WITH (m = 8, ef_construction = 40);
CREATE INDEX keyed ON item USING omen_hnsw (v, k, tags);
CREATE INDEX cosine ON item USING omen_hnsw (v vector_cosine_ops) WITH (storage = sq4);
CREATE INDEX product ON item USING omen_hnsw (v vector_ip_ops) WITH (storage = full);
CREATE INDEX taxicab ON item USING omen_hnsw (v vector_l1_ops);
CREATE INDEX part ON item USING omen_hnsw ((subvector(v, 1, 4)::vector(4))) WHERE k = 3;
DELETE FROM item WHERE id % 17 = 0;
CREATE TABLE few (id int, v vector(3));
INSERT INTO few SELECT i, ARRAY[i, i % 3, 1]::vector FROM generate_series(1, 200) i;
CREATE INDEX flat ON few USING omen_hnsw (v);
CREATE INDEX flat_cosine ON few USING omen_hnsw (v vector_cosine_ops) WITH (storage = full);
CREATE TABLE wide (id int, v vector(2500));
INSERT INTO wide SELECT i, (made(i, 20)::real[] || array_fill(1::real, ARRAY[2480]))::vector FROM generate_series(1, 1200) i;
CREATE INDEX wide_built ON wide USING omen_hnsw (v) WITH (storage = full, m = 6, ef_construction = 20);
CREATE INDEX wide_cosine ON wide USING omen_hnsw (v vector_cosine_ops);
CREATE TABLE other (id int PRIMARY KEY, h halfvec(16), s sparsevec(200), b bit(16));
CREATE INDEX other_grown ON other USING omen_hnsw (h halfvec_l1_ops);
INSERT INTO other SELECT i, h, (h || array_fill(0, ARRAY[184])::vector::halfvec)::sparsevec(200), binary_quantize(h - array_fill(2.5, ARRAY[16])::vector::halfvec)
	FROM generate_series(1, 1500) i, LATERAL (SELECT made(i, 16)::halfvec AS h) m;
CREATE INDEX other_half ON other USING omen_hnsw (h halfvec_cosine_ops, id);
CREATE INDEX other_sparse ON other USING omen_hnsw (s sparsevec_l2_ops);
CREATE INDEX other_hamming ON other USING omen_hnsw (b bit_hamming_ops);
CREATE INDEX other_jaccard ON other USING omen_hnsw (b bit_jaccard_ops);
DELETE FROM other WHERE id % 13 = 0;
CREATE UNLOGGED TABLE fleeting (id int, v vector(16), k int);
INSERT INTO fleeting SELECT id, v, k FROM item;
CREATE INDEX unlogged ON fleeting USING omen_hnsw (v, k);
SQL
}

# The nearest rows in many ways.  Which index answers is said by the operator and
# the table, but for those of item's L2 distance: one of three takes turns.
ask()
{
	local operator

	for operator in '<->' '<=>' '<#>' '<+>'; do
		say "WITH question AS MATERIALIZED (SELECT q, made(q, 16) AS x FROM generate_series(7, 4000, 400) q)
			SELECT '$operator', q, (SELECT array_agg(ROW(id, d)) FROM
				(SELECT id, v $operator x AS d FROM item ORDER BY 2 LIMIT 20) s) FROM question;"
	done
	for operator in '<->' '<=>'; do
		say "WITH question AS MATERIALIZED (SELECT q, (made(q, 20)::real[] || array_fill(1::real, ARRAY[2480]))::vector AS x
				FROM generate_series(7, 4000, 800) q)
			SELECT 'wide $operator', q, (SELECT array_agg(ROW(id, d)) FROM
				(SELECT id, v $operator x AS d FROM wide ORDER BY 2 LIMIT 10) s) FROM question;
			SELECT 'few $operator', array_agg(ROW(id, d)) FROM (SELECT id, v $operator '[17.3,1,1]' AS d FROM few ORDER BY 2, 1 LIMIT 10) s;"
	done
	say "WITH question AS MATERIALIZED (SELECT id AS q, h, s, b FROM other WHERE id % 200 = 1)
		SELECT 'other', q, (SELECT array_agg(ROW(x.*)) FROM (SELECT id, o.h <=> question.h AS d FROM other o ORDER BY 2, 1 LIMIT 10) x),
			(SELECT array_agg(ROW(x.*)) FROM (SELECT id, o.h <+> question.h AS d FROM other o ORDER BY 2, 1 LIMIT 10) x),
			(SELECT array_agg(ROW(x.*)) FROM (SELECT id, o.s <-> question.s AS d FROM other o ORDER BY 2, 1 LIMIT 10) x),
			(SELECT array_agg(ROW(x.*)) FROM (SELECT id, o.b <~> question.b AS d FROM other o ORDER BY 2, 1 LIMIT 10) x),
			(SELECT array_agg(ROW(x.*)) FROM (SELECT id, o.b <%> question.b AS d FROM other o ORDER BY 2, 1 LIMIT 10) x)
		FROM question;"
	# with so large a candidate list a filtered query finds the same, however
	# it is planned
	say "SET omendb.ef_search = 1000;
		WITH question AS MATERIALIZED (SELECT q, made(q, 16) AS x FROM generate_series(7, 4000, 400) q)
		SELECT 'filter', q, (SELECT array_agg(ROW(id, d)) FROM
				(SELECT id, v <-> x AS d FROM item WHERE k = 3 AND t = 'tenant 2' ORDER BY 2, 1 LIMIT 10) s),
			(SELECT array_agg(ROW(id, d)) FROM (SELECT id, v <-> x AS d FROM item WHERE tags @> '{b4}' ORDER BY 2, 1 LIMIT 10) s),
			(SELECT array_agg(d) FROM (SELECT subvector(v, 1, 4)::vector(4) <-> subvector(x, 1, 4) AS d
				FROM item WHERE k = 3 ORDER BY 1 LIMIT 10) s),
			(SELECT array_agg(ROW(id, d)) FROM (SELECT id, v <-> x AS d FROM fleeting ORDER BY 2, 1 LIMIT 10) s)
		FROM question;"
}

# The L2 indexes of item answer one after another: the others are hidden.
answers()
{
	local index other

	for index in grown built keyed; do
		{
			say 'SET enable_seqscan = off; BEGIN;'
			for other in grown built keyed; do
				[ "$other" = "$index" ] ||
					say "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '$other'::regclass;"
			done
			say "SELECT '$index';"
			ask
			say 'ROLLBACK;'
		} | sql || return 1
	done
}

write_and_vacuum()
{
	sql <<'SQL'
DELETE FROM item WHERE id % 5 = 1;
DELETE FROM wide WHERE id % 3 = 0;
DELETE FROM few WHERE id % 2 = 0;
DELETE FROM fleeting WHERE id % 2 = 0;
DELETE FROM other WHERE id % 2 = 0;
UPDATE item SET k = k + 1 WHERE id % 10 = 2;
VACUUM (INDEX_CLEANUP ON) item;
VACUUM (INDEX_CLEANUP ON) wide;
VACUUM (INDEX_CLEANUP ON) few;
VACUUM (INDEX_CLEANUP ON) fleeting;
VACUUM (INDEX_CLEANUP ON) other;
INSERT INTO item SELECT i, made(i, 16), i % 7, 'tenant ' || i % 5, ARRAY['a' || i % 3] FROM generate_series(50001, 51000) i;
INSERT INTO wide SELECT i, (made(i, 20)::real[] || array_fill(1::real, ARRAY[2480]))::vector FROM generate_series(50001, 50100) i;
-- a list becomes a graph
INSERT INTO few SELECT i, ARRAY[i, i % 3, 1]::vector FROM generate_series(1001, 2200) i;
INSERT INTO fleeting SELECT id, v, k FROM item WHERE id > 50000;
INSERT INTO other SELECT 50000 + id, h + h, s, ~b FROM other;
SQL
}

is_found()
{
	local found

	found=$(sql -c "SET enable_seqscan = off" \
		-c "SELECT id FROM item ORDER BY v <-> made(50777, 16) LIMIT 1" \
		-c "SELECT id FROM wide ORDER BY v <=> (made(50077, 20)::real[] || array_fill(1::real, ARRAY[2480]))::vector LIMIT 1" \
		-c "SELECT id FROM few ORDER BY v <-> '[1777.25,1,1]' LIMIT 1") || return 1
	[ "$(say "$found" | tr '\n' ' ')" = '50777 50077 1777 ' ] || { say "$found"; return 1; }
}

# The init fork came from the old cluster.
unlogged_is_reset()
{
	[ "$(sql -c 'SELECT count(*) FROM fleeting' -c "SELECT mode, nodes FROM omen_hnsw_info('unlogged')" | tr '\n' ' ')" = '0 flat|0 ' ] &&
		sql -c "INSERT INTO fleeting SELECT id, v, k FROM item" &&
		no_flaws
}

# Before the upgrade, in the old cluster that runs.
before_upgrade()
{
	true
}

# After the upgrade, in the new cluster that runs.
go_on()
{
	ok "rows come and go" write_and_vacuum
	ok "the indexes are sound after that" no_flaws
	ok "what came is found" is_found
	ok "a list became a graph" test "$(sql -c "SELECT mode FROM omen_hnsw_info('flat')")" = graph
	ok "an index is built anew" sql -c "REINDEX INDEX keyed" -c "REINDEX INDEX CONCURRENTLY wide_built"
	ok "the indexes are sound after that, too" no_flaws
	ok "the new server crashes" control "$server_bin" "$work/data.new" -m immediate stop
	ok "and recovers" control "$server_bin" "$work/data.new" start
	ok "the unlogged index is empty, and can be filled" unlogged_is_reset
}
