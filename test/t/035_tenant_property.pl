# Whatever is asked of an index of groups, and whatever has become of it, no row
# of a group that was not asked for is among the answers, and none that was is
# missing: random queries by leading columns are compared with the table, while
# rows come, go and change groups, and VACUUM gives slots to others until their
# versions begin anew; after a crash, and on a standby.  With damaged pages:
# 036_tenant_damage.pl.
#
# The executor tests clauses on leading columns again, so that nobody would see a
# row of another group.  So it is counted, too, how many rows that leaves out: none,
# where nothing is damaged.
#
#	OMEN_TEST_SEED=n	begin with other random numbers than usual
#	OMEN_TEST_SOAK=1	100,000 queries, other ones each time
use strict;
use warnings;

use OmenFormat;
use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($soak, $quick) = @ENV{qw(OMEN_TEST_SOAK OMEN_TEST_QUICK)};
my $seed = $ENV{OMEN_TEST_SEED} // ($soak ? time() % 1_000_000 : 7);
my $queries = $soak ? 100_000 : $quick ? 600 : 4000;
my $turns = 145;				# versions of slots have 7 bits in an edge

note("OMEN_TEST_SEED=$seed");
srand($seed);
my $primary = start_node('primary', 'fsync = off', 'shared_buffers = 64MB', 'max_wal_senders = 4', 'hot_standby = on',
	'wal_keep_size = 2GB', 'jit = off', 'max_parallel_workers_per_gather = 0');

# ---------- what there is, and what is asked ----------

# Tenant 0 is a graph.  Those from 100 on have a few rows each, others some
# hundred; tenants 300 to 400 are not there.
$primary->safe_psql('postgres', q{
	CREATE TABLE item (id serial, tenant int, sub text, v vector(8), color int) WITH (vacuum_truncate = off);
	CREATE INDEX item_index ON item USING omen_hnsw (tenant, v, color) WITH (m = 6, ef_construction = 24);
	CREATE INDEX both_index ON item USING omen_hnsw (sub, tenant, v vector_cosine_ops) WITH (m = 6, ef_construction = 24, storage = sq4);

	CREATE FUNCTION some_tenant() RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT CASE WHEN random() < 0.5 THEN (1 + random() * 8)::int ELSE (100 + random() * 190)::int END $$;
	CREATE FUNCTION some_vector() RETURNS vector LANGUAGE sql VOLATILE AS $$
		SELECT array_agg(hashint4(seed * 31 + d) % 50)::vector FROM (SELECT (random() * 3000)::int AS seed) s, generate_series(1, 8) d
	$$;
	CREATE PROCEDURE add_rows(n int) LANGUAGE sql AS $$
		INSERT INTO item (tenant, sub, v, color) SELECT CASE WHEN random() < 0.02 THEN NULL ELSE some_tenant() END, CASE WHEN i % 11 > 0 THEN (i % 3)::text END,
			CASE WHEN i % 61 = 0 THEN NULL WHEN i % 67 = 0 THEN '[0,0,0,0,0,0,0,0]' ELSE some_vector() END, i % 7
		FROM generate_series(1, n) i
	$$;
	CREATE UNLOGGED TABLE unlogged_item (tenant int, v vector(2));
	CREATE INDEX unlogged_index ON unlogged_item USING omen_hnsw (tenant, v);
	INSERT INTO unlogged_item SELECT i % 20, ARRAY[i, 1]::vector FROM generate_series(1, 500) i;
	CALL add_rows(3000);
	INSERT INTO item (tenant, sub, v, color) SELECT 0, NULL, some_vector(), i % 7 FROM generate_series(1, 1500) i;

	-- A condition on leading columns, and maybe on others: for tenant it may be one value, none, NULL, or several.
	CREATE FUNCTION some_condition(by_sub boolean) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
	DECLARE
		result text;
		number int := floor(random() * 14);
		one int := CASE WHEN random() < 0.1 THEN 0 WHEN random() < 0.1 THEN 300 + (random() * 100)::int ELSE some_tenant() END;
	BEGIN
		IF number < 4 THEN
			result := format('tenant = %s', one);
		ELSIF number < 6 THEN
			result := format('tenant = (SELECT %s)', one);
		ELSIF number = 6 THEN
			result := 'tenant IS NULL';
		ELSIF number = 12 THEN
			result := format((ARRAY['(tenant = %s OR color = 2)', '(tenant = %s OR tenant = 1)', '(tenant = %s OR tenant IS NULL)', 'NOT (tenant <> %s)', 'tenant BETWEEN %s - 1 AND 5',
				'tenant > %s', 'tenant = %1$s AND tenant = %1$s + 1', 'tenant = %1$s AND tenant IN (1, %1$s)', '(tenant, color) = (%s, 2)'])[1 + floor(random() * 9)], one);
		ELSIF number = 7 THEN
			result := format('tenant = %s::int8', CASE WHEN random() < 0.2 THEN one + 4294967296 ELSE one END);
		ELSE
			SELECT format('tenant = ANY (%L::int[])', array_agg(CASE WHEN random() < 0.05 THEN NULL WHEN random() < 0.1 THEN one ELSE (random() * 320)::int END)) INTO result
			FROM generate_series(1, CASE WHEN number = 8 THEN 300 ELSE 1 + (random() * 5)::int END);
		END IF;
		IF by_sub THEN
			result := result || CASE floor(random() * 4) WHEN 0 THEN ' AND sub IS NULL' WHEN 1 THEN ' AND sub = ''1''' WHEN 2 THEN ' AND sub IN (''1'', ''none'', NULL, ''1'', ''2'')' ELSE ' AND sub = ''7''' END;
		END IF;
		RETURN result || CASE floor(random() * 8) WHEN 0 THEN format(' AND color = %s', (random() * 8)::int) WHEN 1 THEN ' AND color IN (1, 5, NULL)'
			WHEN 2 THEN ' AND id % 5 = 1' WHEN 3 THEN ' AND (color < 3 OR id % 3 = 0)' ELSE '' END;
	END $$;

	-- Ask so many random queries, and say what is wrong with the answers.  Other queries see the same rows of the table, without
	-- an index.  A graph may take some rows for further away than they are; tenants below a number (NULL as 9) may be one, and be asked for with others.
	CREATE FUNCTION ask(number int, fate float8, below int, OUT problem text) RETURNS SETOF text LANGUAGE plpgsql
	SET enable_seqscan = off SET enable_sort = on AS $$
	DECLARE
		by_sub boolean;
		scan boolean;				-- as Omen Scan, which knows the LIMIT
		condition text;
		op text;
		wanted int;
		q vector;
		r record;
		met bigint := 0;
		graphs bigint := 0;
		graph_hits bigint := 0;
		graph_wanted bigint := 0;
	BEGIN
		PERFORM setseed(fate);
		FOR i IN 1 .. number LOOP
			by_sub := random() < 0.25;
			condition := some_condition(by_sub);
			op := CASE WHEN by_sub THEN '<=>' ELSE '<->' END;
			wanted := (ARRAY[1, 3, 10, 10, 100, 5000])[1 + floor(random() * 6)];
			q := CASE WHEN random() < 0.03 THEN NULL ELSE some_vector() END;
			scan := random() < 0.8;
			PERFORM set_config('omendb.enable_scan', scan::text, true),
				set_config('omendb.filter_strategy', CASE WHEN random() < 0.2 THEN 'graph' ELSE 'auto' END, true),
				set_config('plan_cache_mode', CASE WHEN random() < 0.2 THEN 'force_generic_plan' ELSE 'auto' END, true);
			EXECUTE format('
				WITH got AS MATERIALIZED (SELECT * FROM (SELECT *, v %1$s $1 AS d FROM item WHERE %2$s ORDER BY v %1$s $1 LIMIT %3$s) s),
					really AS MATERIALIZED (SELECT id, v %1$s $1 AS d FROM (SELECT * FROM item OFFSET 0) i WHERE %2$s ORDER BY v %1$s $1 LIMIT %3$s)
				SELECT (SELECT count(*) FROM got) AS rows, (SELECT count(DISTINCT id) FROM got) AS different, (SELECT count(*) FROM really) AS wanted,
					(SELECT count(*) FROM got WHERE (%4$s) IS NOT TRUE) AS others,
					(SELECT array_agg(d) FROM got) IS NOT DISTINCT FROM (SELECT array_agg(d) FROM really) AS same,
					(SELECT count(*) FROM got WHERE d <= (SELECT max(d) FROM really)) AS hits,
					(SELECT bool_or(coalesce(tenant, 9) < %5$s) FROM (SELECT tenant FROM got UNION ALL SELECT tenant FROM item WHERE id IN (SELECT id FROM really)) s) AS of_graph', op, condition, wanted, replace(replace(condition, 'tenant', '(tenant + 0)'), 'sub', '(sub || '''')'), below)
				INTO r USING q;
			met := met + r.rows;
			IF r.others > 0 THEN
				RETURN QUERY SELECT format('%s rows of others WHERE %s ORDER BY %s %s LIMIT %s', r.others, condition, op, q, wanted);
			ELSIF r.rows <> r.different THEN
				RETURN QUERY SELECT format('%s of %s rows came twice WHERE %s ORDER BY %s %s LIMIT %s', r.rows - r.different, r.rows, condition, op, q, wanted);
			ELSIF r.of_graph AND q IS NOT NULL THEN
				graphs := graphs + 1;
				graph_hits := graph_hits + r.hits;
				graph_wanted := graph_wanted + r.wanted;
				IF r.rows < r.wanted AND (scan OR wanted < 500) THEN
					RETURN QUERY SELECT format('%s instead of %s rows WHERE %s ORDER BY %s %s LIMIT %s', r.rows, r.wanted, condition, op, q, wanted);
				END IF;
			ELSIF NOT r.same THEN
				RETURN QUERY SELECT format('%s rows, where %s others are nearer, WHERE %s ORDER BY %s %s LIMIT %s', r.rows, r.wanted, condition, op, q, wanted);
			END IF;
		END LOOP;
		IF graph_hits < 0.9 * graph_wanted THEN
			RETURN QUERY SELECT format('of a graph %s of %s rows are among the nearest', graph_hits, graph_wanted);
		END IF;
		RAISE LOG 'asked % queries, % of a graph, and got % rows', number, graphs, met;
	END $$;

	-- How many rows the executor leaves out, all of a tenant being asked for.
	CREATE FUNCTION rechecked(condition text, op text) RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off SET omendb.enable_scan = off AS $$
	DECLARE
		plan jsonb;
	BEGIN
		EXECUTE format('EXPLAIN (ANALYZE, FORMAT json) SELECT FROM item WHERE %s ORDER BY v %s ''[1,2,3,4,5,6,7,8]'' LIMIT 5000', condition, op) INTO plan;
		plan := plan -> 0 -> 'Plan' -> 'Plans' -> 0;
		IF plan ->> 'Node Type' <> 'Index Scan' THEN
			RAISE 'no index scan: %', plan;
		END IF;
		RETURN coalesce((plan ->> 'Rows Removed by Index Recheck')::bigint, 0) + coalesce((plan ->> 'Rows Removed by Filter')::bigint, 0);
	END $$;
});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'max_standby_streaming_delay = -1');
$standby->start;

# A part of all queries; nothing is wrong.
sub all_answers
{
	my ($node, $part, $when) = @_;

	is($node->safe_psql('postgres', sprintf 'SELECT * FROM ask(%d, %f, %d) LIMIT 10', $queries * $part, rand(2) - 1, $soak ? 10 : 1), '', "answers are right $when");
	return;
}

# Nor is it with the indexes, and no row of others is fetched.
sub all_sound
{
	my ($node, $when) = @_;

	is($node->safe_psql('postgres', "SELECT * FROM omen_hnsw_check('$_', true) WHERE severity = 'error' LIMIT 20"), '', "$_ is sound $when")
	  for ('item_index', 'both_index');
	is($node->safe_psql('postgres', q{
			SELECT t, rechecked('tenant = ' || t, '<->') FROM generate_series(0, 300, 3) t WHERE rechecked('tenant = ' || t, '<->') > 0
			UNION ALL SELECT t, rechecked('sub = ''1'' AND tenant = ' || t, '<=>') FROM generate_series(0, 300, 7) t WHERE rechecked('sub = ''1'' AND tenant = ' || t, '<=>') > 0}),
		'', "no row of another group is fetched $when");
	return;
}

all_answers($primary, 0.15, 'after inserts');
all_sound($primary, 'after inserts');

# ---------- rows that go ----------

$primary->safe_psql('postgres', q{
	DELETE FROM item WHERE tenant % 10 = 3;
	UPDATE item SET tenant = some_tenant() WHERE id % 13 = 0 AND tenant > 0;
	UPDATE item SET v = some_vector() WHERE id % 17 = 0;
	UPDATE item SET sub = '2' WHERE id % 19 = 0;
});
all_answers($primary, 0.1, 'after changes');
$primary->safe_psql('postgres', 'VACUUM item');
all_answers($primary, 0.15, 'after VACUUM');
all_sound($primary, 'after VACUUM');
$primary->safe_psql('postgres', 'CALL add_rows(1000)');

# ---------- slots that go to and fro ----------

# The numbers that slots of an index's pages of a kind have as their versions.
sub versions
{
	my ($index, $kind) = @_;
	my ($path, $stride) = split /\|/, $primary->safe_psql('postgres', "CHECKPOINT; SELECT pg_relation_filepath('$index')");
	my $data = slurp_file($primary->data_dir . "/$path");
	my ($version_at, $template) = { fields('SLOT') }->{version}->@*;
	my %meta = fields('META');
	my %page = fields('PAGE');
	my $name = $kind == KIND_NODE ? 'node_stride' : 'upper_stride';
	my @found;

	$stride = unpack "\@$meta{$name}[0] L", $data;
	for (my $at = PAGE; $at < length $data; $at += PAGE)
	{
		my $page = substr $data, $at, PAGE;
		my $used = unpack "\@$page{used}[0] $page{used}[1]", $page;

		next if unpack("\@$page{kind}[0] $page{kind}[1]", $page) != $kind;
		push @found, map { unpack '@' . (PAGE_START + $_ * $stride + $version_at) . $template, $page } 0 .. $used - 1;
	}
	return @found;
}

# Two tenants that take turns, beside one that stays and has slots on the same
# pages: at first on pages that are shared, then on pages of their own.
$primary->safe_psql('postgres', q{
	CREATE TABLE turn (tenant int, id int, v vector(8)) WITH (vacuum_truncate = off, vacuum_index_cleanup = on);
	CREATE INDEX turn_index ON turn USING omen_hnsw (tenant, v) WITH (m = 4, ef_construction = 8);
	INSERT INTO turn SELECT 9, i, some_vector() FROM generate_series(1, 3) i;
	CREATE FUNCTION missed() RETURNS numeric LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
	BEGIN
		RETURN (SELECT sum(abs(coalesce(met, 0) - wanted) + coalesce(others, 0)) FROM
			(SELECT t, (SELECT count(*) FROM (SELECT * FROM turn OFFSET 0) i WHERE tenant = t) AS wanted FROM generate_series(1, 9) t) w
			LEFT JOIN LATERAL (SELECT count(*) AS met, count(*) FILTER (WHERE tenant <> t) AS others
				FROM (SELECT * FROM turn WHERE tenant = t ORDER BY v <-> '[1,1,1,1,1,1,1,1]' LIMIT 1000) s) s ON true);
	END $$;
});
my $take_turns = sub {
	my ($rows) = @_;

	return "SET client_min_messages = warning;\n" . join '', map { "
		INSERT INTO turn SELECT 1 + $_ % 2, i, some_vector() FROM generate_series(1, $rows) i;
		SELECT 'turn $_: ' || missed() WHERE missed() > 0;
		DELETE FROM turn WHERE tenant < 9;
		VACUUM turn;
	" } 1 .. $turns;
};
is($primary->safe_psql('postgres', $take_turns->(9)), '', "tenants that take turns see their own rows");
my $most = (sort { $b <=> $a } versions('turn_index', KIND_NODE))[0];
cmp_ok($most, '>', 128, 'and slots got so many versions that those of edges begin anew');
is($primary->safe_psql('postgres', "SELECT * FROM omen_hnsw_check('turn_index', true)"), '', 'and the index is sound');
my $pages = $primary->safe_psql('postgres', "SELECT pg_relation_size('turn_index') / 8192");
cmp_ok($pages, '<', 12, 'and no larger than it was');

# ---------- many who make groups ----------

# Sessions whose rows are the first of the same groups, in whatever order; the
# directory is split all the time, and some groups go again.
my $dir = PostgreSQL::Test::Utils::tempdir();
$primary->safe_psql('postgres', q{
	CREATE SEQUENCE some_window;
	CREATE TABLE fresh (tenant int, who int, v vector(2)) WITH (vacuum_truncate = off);
	CREATE INDEX fresh_index ON fresh USING omen_hnsw (tenant, v) WITH (m = 2, ef_construction = 4);
	CREATE FUNCTION of_fresh(OUT tenants bigint, OUT wrong bigint) LANGUAGE sql SET enable_seqscan = off AS $$
		SELECT count(*), count(*) FILTER (WHERE met <> wanted OR others > 0) FROM (SELECT tenant AS t, count(*) AS wanted FROM (SELECT * FROM fresh OFFSET 0) f GROUP BY 1) w,
			LATERAL (SELECT count(*) AS met, count(*) FILTER (WHERE tenant <> t) AS others FROM (SELECT * FROM fresh WHERE tenant = t ORDER BY v <-> '[0,0]' LIMIT 1000) s) s
	$$;
});
append_to_file("$dir/fresh.sql", "INSERT INTO fresh SELECT k * 20 + i, :client_id, ARRAY[i, :client_id]::vector FROM (SELECT nextval('some_window') / 3 AS k) w, generate_series(0, 19) i ORDER BY i * (:client_id % 2 - 0.5);\n");
append_to_file("$dir/fresh_away.sql", "DELETE FROM fresh WHERE tenant % 50 = (random() * 50)::int;\nVACUUM fresh;\n");
my ($made, $error) = ('', '');
my $making = IPC::Run::start([ 'pgbench', '-n', '-T', $soak ? 30 : $quick ? 1 : 3, '-c', 4, '-f', "$dir/fresh.sql\@20", '-f', "$dir/fresh_away.sql\@1",
		'-h', $primary->host, '-p', $primary->port, 'postgres' ], '<', \undef, '>', \$made, '2>', \$error);
$making->finish;
is(join("\n", grep { /ERROR|aborted|TRAP/ } split /\n/, $error), '', 'sessions that make the same groups get no error');
my ($tenants, $wrong) = split /\|/, $primary->safe_psql('postgres', 'SELECT * FROM of_fresh()');
cmp_ok($tenants, '>', 600, 'there are more groups than a page of the directory has room for');
is($wrong, 0, 'and each has its rows');
is($primary->safe_psql('postgres', "SELECT * FROM omen_hnsw_check('fresh_index', true) WHERE severity = 'error'"), '', 'and the index is sound');
if ($soak)
{
	# three levels
	$primary->safe_psql('postgres', "INSERT INTO fresh SELECT 1000000 + i, 0, ARRAY[i % 7, i % 5]::vector FROM generate_series(1, 250000) i");
	is($primary->safe_psql('postgres', 'SELECT wrong FROM of_fresh()'), 0, 'each of very many groups has its rows');
	is($primary->safe_psql('postgres', "SELECT * FROM omen_hnsw_check('fresh_index', true) WHERE severity = 'error'"), '', 'and the index with them is sound');
}
$primary->safe_psql('postgres', 'DROP TABLE fresh');

# ---------- a standby, a crash ----------

my %script = (
	add => 'CALL add_rows(10);',
	move => "UPDATE item SET tenant = some_tenant() WHERE id = (1 + random() * 5000)::int;\nUPDATE item SET color = color + 1 WHERE id = (1 + random() * 5000)::int;\n",
	delete => "DELETE FROM item WHERE id = (1 + random() * 5000)::int;\nDELETE FROM item WHERE tenant = 100 + (random() * 190)::int AND random() < 0.9;\n",
	go_away => "DELETE FROM item WHERE tenant = 100 + (random() * 190)::int;\n",
	vacuum => "VACUUM item;\nSELECT pg_sleep(0.01);\n");
append_to_file("$dir/$_.sql", $script{$_}) for keys %script;
my $churn = sub {
	my $output = '';
	my $run = IPC::Run::start([ 'pgbench', '-n', '-T', 1000, '-c', 3, (map { ('-f', "$dir/$_.sql") } sort keys %script),
			'-h', $primary->host, '-p', $primary->port, 'postgres' ], '<', \undef, '&>', \$output);

	# some of it, before anybody looks
	$primary->poll_query_until('postgres', "SELECT n_tup_upd > 0 FROM pg_stat_user_tables WHERE relname = 'item'");
	return ($run, \$output);
};
my ($run, $output) = $churn->();
all_answers($primary, 0.15, 'while rows come and go');
all_answers($standby, 0.15, 'on a standby while groups go');
$primary->stop('immediate');
$run->finish;
my @lines = grep { /ERROR|division|TRAP/ } split /\n/, $$output;
is(join("\n", @lines), '', 'no statement failed before the crash');
$primary->start;
all_sound($primary, 'after a crash');
is($primary->safe_psql('postgres', "
		INSERT INTO unlogged_item SELECT i % 3, ARRAY[i, 1]::vector FROM generate_series(1, 30) i;
		SET enable_seqscan = off;
		SELECT count(*), count(*) FILTER (WHERE tenant <> 2) FROM (SELECT tenant FROM unlogged_item WHERE tenant = 2 ORDER BY v <-> '[0,0]' LIMIT 100) s"),
	'10|0', 'an unlogged index of groups is empty after a crash, and works');
all_answers($primary, 0.1, 'after a crash');
$primary->safe_psql('postgres', 'CALL add_rows(300); VACUUM item;');
all_answers($primary, 0.1, 'after a crash, more rows, and VACUUM');
$primary->wait_for_catchup($standby);
all_sound($standby, 'on a standby');
all_answers($standby, 0.1, 'on a standby');

# standby_group: a group goes, and others get its pages and its record, while
# somebody on the standby is on the way to it.  (Omen Scan has a row's page of the
# table pinned on the way to the next, and replay does not wait long for that.)
SKIP:
{
	skip 'not a build with points to pause at', 8
	  if $primary->safe_psql('postgres', "LOAD 'omendb'; SELECT count(*) FROM pg_settings WHERE name = 'omendb.pause_at'") == 0;
	$primary->safe_psql('postgres', q{
		CREATE TABLE away (k text, id int, v vector(8)) WITH (vacuum_truncate = off);
		CREATE INDEX away_index ON away USING omen_hnsw (k, v) WITH (m = 4, ef_construction = 16);
		INSERT INTO away SELECT repeat('goes', 30) || p, i, some_vector() FROM generate_series(0, 3) p, generate_series(1, 300) i;
		INSERT INTO away SELECT 'k' || i, i, some_vector() FROM generate_series(1, 100) i;
	});
	my @points = ('directory-page', 'group-read', 'groups-found', 'group-page');
	for my $i (0 .. $#points)
	{
		my $key = "hashtext('omendb'), hashtext('$points[$i]')";
		my ($found, $failed, $ignored) = ('', '', '');
		my @psql = ('psql', '-XAtq', '-h', $standby->host, '-p', $standby->port, 'postgres', '-c');

		$primary->safe_psql('postgres', "DELETE FROM away WHERE k = repeat('goes', 30) || $i");
		$primary->wait_for_catchup($standby);
		my $gate = IPC::Run::start([ @psql, "SELECT pg_advisory_lock($key), pg_sleep(1000)" ], '<', \undef, '&>', \$ignored);
		$standby->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND granted");
		my $reader = IPC::Run::start([ @psql, "SET enable_seqscan = off; SET omendb.enable_scan = off; SET omendb.pause_at = '$points[$i]'; SELECT left(k, 10), id FROM away WHERE k = repeat('goes', 30) || $i ORDER BY v <-> '[1,1,1,1,1,1,1,1]' LIMIT 1000" ],
			'<', \undef, '>', \$found, '2>', \$failed);
		ok($standby->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), "a reader on a standby waits at $points[$i]");
		$primary->safe_psql('postgres', "VACUUM away; INSERT INTO away SELECT repeat('comes', 30) || $i, i, some_vector() FROM generate_series(1, 300) i");
		$primary->wait_for_catchup($standby);
		$standby->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted");
		$reader->finish;
		eval { $gate->finish };
		is("$found$failed", '', 'and meets nothing, and no error, as its group has gone');
	}
}
$standby->stop;
$primary->stop;
done_testing();
