# What test/upgrade puts into the old cluster and asks of both: pgvector with
# omendb_pgvector beside it, an index of each on columns of each type.  The new
# suite has a newer pgvector, so its extension is updated as well.  Sourced by it.

old_suite=trixie
old_major=17
old_packages="build peer"

index_count=5
answer_count=50

fill()
{
	sql <<'SQL'
CREATE EXTENSION omendb_pgvector CASCADE;
CREATE FUNCTION made(key bigint, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((hashint8extended(key % 40, d) % 1000 / 250.0 + hashint8extended(key, d) % 1000 / 1000.0)::real ORDER BY d)::vector
	FROM generate_series(1, dims) d
$$;
CREATE TABLE item (id int PRIMARY KEY, k int, v vector(16), h halfvec(16), s sparsevec(200), b bit(32));
CREATE FUNCTION fill(integer, integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO item SELECT i, i % 7, m, m::halfvec, (m::real[] || array_fill(0::real, ARRAY[184]))::vector::sparsevec, binary_quantize(made(i, 32))
	FROM generate_series($1, $2) i, made(i, 16) m
$$;
CREATE INDEX v_ours ON item USING omen_hnsw (v vector_cosine_ops, k);
SELECT fill(1, 2500);
INSERT INTO item (id, k) SELECT 20000 + i, i FROM generate_series(1, 10) i;
INSERT INTO item (id, k, v) SELECT 30000 + i, i, array_fill(0, ARRAY[16])::vector FROM generate_series(1, 10) i;
CREATE INDEX v_theirs ON item USING hnsw (v vector_cosine_ops);
CREATE INDEX h_ours ON item USING omen_hnsw (h halfvec_l2_ops);
CREATE INDEX h_theirs ON item USING hnsw (h halfvec_l2_ops);
CREATE INDEX s_ours ON item USING omen_hnsw (s sparsevec_ip_ops);
CREATE INDEX s_theirs ON item USING hnsw (s sparsevec_ip_ops);
CREATE INDEX b_ours ON item USING omen_hnsw (b bit_hamming_ops);
CREATE INDEX b_theirs ON item USING ivfflat (b bit_hamming_ops) WITH (lists = 10);
DELETE FROM item WHERE id % 3 = 0;
VACUUM item;
SELECT fill(3001, 3600);
CREATE INDEX expression ON item USING omen_hnsw ((v::halfvec(16)) halfvec_l2_ops) WHERE k = 3;
SQL
}

# The nearest by our indexes, or by pgvector's: the others are hidden.  Distances
# are pgvector's, whose last digits may be others in another version.
ask()
{
	local column operator

	say "SET enable_seqscan = off; BEGIN;
		UPDATE pg_index SET indisvalid = false FROM pg_class c WHERE c.oid = indexrelid AND relname LIKE '%$1';"
	for column in 'v <=>' 'h <->' 's <#>' 'b <~>'; do
		operator=${column#* }
		column=${column% *}
		say "SELECT '$2 $column', q.id, (SELECT array_agg(ROW(id, d)) FROM (SELECT id, round(($column $operator q.$column)::numeric, 3) AS d
				FROM item ORDER BY $column $operator q.$column LIMIT 10) s) FROM item q WHERE id % 400 = 1 AND id < 20000 ORDER BY id;
			SELECT '$2 filtered $column', q.id, (SELECT array_agg(ROW(id, d)) FROM (SELECT id, round(($column $operator q.$column)::numeric, 3) AS d
				FROM item WHERE k = 2 ORDER BY $column $operator q.$column LIMIT 10) s) FROM item q WHERE id % 400 = 1 AND id < 20000 ORDER BY id;"
	done
	say 'ROLLBACK;'
}

answers()
{
	{ ask theirs ours; ask ours theirs; } | sql
}

version_is()
{
	[ "$(sql -c "SELECT extversion FROM pg_extension WHERE extname = 'vector'")" = "$1" ]
}

write_and_vacuum()
{
	sql <<'SQL'
DELETE FROM item WHERE id % 5 = 1;
UPDATE item SET k = k + 1 WHERE id % 10 = 2;
VACUUM (INDEX_CLEANUP ON) item;
SELECT fill(50001, 51000);
SQL
}

is_found()
{
	local other

	for other in ours theirs; do
		[ "$(sql -c "SET enable_seqscan = off" -c "BEGIN" -c "UPDATE pg_index SET indisvalid = false FROM pg_class c WHERE c.oid = indexrelid AND relname LIKE '%$other'" \
			-c "SELECT id FROM item ORDER BY v <=> made(50777, 16) LIMIT 1" -c "ROLLBACK")" = 50777 ] || return 1
	done
}

# The companion goes, and comes again.
go_back()
{
	sql -c "DROP EXTENSION omendb_pgvector CASCADE" &&
		[ "$(sql -c "SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY 1) FROM pg_index WHERE indrelid = 'item'::regclass")" = \
			"b_theirs h_theirs item_pkey s_theirs v_theirs" ] &&
		sql -c "CREATE EXTENSION omendb_pgvector" -c "CREATE INDEX v_ours ON item USING omen_hnsw (v vector_cosine_ops)" &&
		no_flaws
}

# Before the upgrade, in the old cluster that runs.  PostgreSQL 17.12 notes a
# version in each column's options.  An 18 of before that refuses them, whatever the
# table is: so 17.12 cannot be upgraded to 18.6 as it is.
before_upgrade()
{
	grep -q pg_attver "$server_bin/postgres" ||
		sql -c "UPDATE pg_attribute SET attoptions = NULL WHERE attoptions::text ~ '^{pg_attver=[^,]*}$'"
}

# After the upgrade, in the new cluster that runs.
go_on()
{
	local old_version new_version

	old_version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" \
		"$work/old/usr/share/postgresql/$old_major/extension/vector.control")
	new_version=$(sql -c "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'")
	ok "there is a newer pgvector than $old_version" test "$old_version" != "$new_version"
	ok "its extension is the old one" version_is "$old_version"
	ok "rows come and go" write_and_vacuum
	ok "the indexes are sound after that" no_flaws
	ok "what came is found" is_found
	answers >"$work/answers"
	ok "pgvector's extension is updated" sql -c "ALTER EXTENSION vector UPDATE"
	ok "to $new_version" version_is "$new_version"
	ok "all indexes are sound after that, too" no_flaws
	ok "they give the same answers" same "$work/answers" answers
	ok "rows come and go again" sql -c "SELECT fill(60001, 60500)" -c "DELETE FROM item WHERE id % 11 = 0" -c "VACUUM (INDEX_CLEANUP ON) item"
	ok "indexes are built anew" sql -c "REINDEX INDEX v_ours" -c "REINDEX INDEX CONCURRENTLY s_ours"
	ok "the indexes are sound" no_flaws
	ok "what came is found, now" is_found
	ok "the companion goes, and comes again" go_back
}
