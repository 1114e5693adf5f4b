# A build whose process, or one of whose workers, is killed: the server comes
# back, and of the build there is nothing left but the file of the index, as with
# PostgreSQL's own indexes.  And long statements notice a cancel at once.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

# A phase of a build that does not come, in seconds.
my $patience = $PostgreSQL::Test::Utils::timeout_default;

my $node = start_node('main', 'fsync = off', 'shared_buffers = 128MB', 'max_wal_size = 2GB',
	'max_worker_processes = 8', 'max_parallel_workers = 8', 'dynamic_shared_memory_type = mmap',
	'restart_after_crash = on', 'log_min_messages = fatal', 'autovacuum = off');
create_made_vector($node);
$node->safe_psql('postgres', q{
	CREATE TABLE item (id serial, v vector(64)) WITH (parallel_workers = 2);
	WITH part AS MATERIALIZED (SELECT i, made_vector(i, 64, 50) AS v FROM generate_series(1, 250) i)
	INSERT INTO item (v) SELECT a.v + b.v FROM part a, part b WHERE a.i <= b.i;
	CREATE INDEX whole ON item USING omen_hnsw (v);

	-- A process of the build that comes, when it is in some phase.  NULL if the build is over before that was seen.
	CREATE FUNCTION builder(type text, wanted text) RETURNS int LANGUAGE plpgsql AS $$
	DECLARE
		process int;
		seen bool := false;
	BEGIN
		LOOP
			PERFORM pg_stat_clear_snapshot();
			SELECT a.pid INTO process FROM pg_stat_progress_create_index p, pg_stat_activity a
				WHERE p.phase ~ wanted AND a.backend_type = type AND p.pid IN (a.pid, a.leader_pid) LIMIT 1;
			EXIT WHEN FOUND;
			PERFORM 1 FROM pg_stat_progress_create_index;
			EXIT WHEN seen AND NOT FOUND;
			seen := seen OR FOUND;
			PERFORM pg_sleep(0.001);
		END LOOP;
		RETURN process;
	END $$;
	CHECKPOINT;
});

# Files of the database that no relation has.
sub strange_files
{
	my $folder = $node->data_dir . '/base/' . $node->safe_psql('postgres',
		"SELECT oid FROM pg_database WHERE datname = 'postgres'");
	my %known = map { $_ => 1 } split /\n/, $node->safe_psql('postgres',
		'SELECT pg_relation_filenode(oid) FROM pg_class WHERE pg_relation_filenode(oid) IS NOT NULL');

	return grep { m{/(\d+)[^/]*$} && !$known{$1} } glob("$folder/[0-9]*");
}

# What builds may leave elsewhere; the server has a segment of its own, which gets
# another number when it starts anew.
sub leftovers
{
	my $files = build_leftovers($node, 'item');

	$files =~ s/mmap\.\d+/mmap/g;
	return $files;
}

# ---------- crashes ----------

my $round = 0;
for my $case (
	[ 'the leader', 'client backend', 'scanning' ],
	[ 'the leader', 'client backend', 'leaves' ],
	[ 'a worker', 'parallel worker', 'leaves' ],
	[ 'the leader', 'client backend', 'neighbors' ],
	[ 'a worker', 'parallel worker', 'leaves' ])
{
	my ($who, $type, $phase) = @$case;
	my $memory = $round++ % 2 ? '64MB' : '1GB';
	my $output = '';
	my $before = () = strange_files();
	my $leftovers = leftovers();

	my ($build, $pid);
	# again if whoever watches was kept from it for as long as the phase lasted
	for (1 .. 20)
	{
		$build = IPC::Run::start(
			[
				'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SET maintenance_work_mem = '$memory'",
				'-c', 'CREATE INDEX item_index ON item USING omen_hnsw (v) WITH (m = 24, ef_construction = 200)'
			],
			'<', \undef, '&>', \$output);
		$pid = $node->safe_psql('postgres', "SET statement_timeout = '${patience}s'; SELECT builder('$type', '$phase')");
		last if $pid ne '';
		$build->finish;
		$node->safe_psql('postgres', 'DROP INDEX item_index');
	}
	ok($pid ne '' && kill('KILL', $pid), "$who was killed, $phase, with $memory");
	$build->finish;
	like($output, qr/connection|terminated/, 'the build ended');
	wait_for_recovery($node);
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'item_index'"), '0', 'there is no index');
	is(leftovers(), $leftovers, 'and nothing else is left behind');
	cmp_ok(scalar(() = strange_files()), '<=', $before + 1, 'but one file at most');
	check_index($node, 'whole', 'the index that was there before');
}
$node->safe_psql('postgres', 'CREATE INDEX item_index ON item USING omen_hnsw (v)');
check_index($node, 'item_index', 'after all');

# ---------- cancels ----------

# What takes long, made to take longer where it would not.
my %long = (
	'scan' => "SELECT count(d) FROM generate_series(1, 100) i, LATERAL
		(SELECT v <-> '[" . join(',', (1) x 64) . "]' AS d FROM item ORDER BY d LIMIT 100000 + i) s",
	'check' => "SELECT omen_hnsw_check('item_index', true) FROM generate_series(1, 100)",
	'info' => "SELECT omen_hnsw_info('item_index') FROM generate_series(1, 10000)",
	'filtered scan' => "SET omendb.filter_strategy = sweep; SELECT id FROM item WHERE id % 10007 = 5 AND pg_sleep(0.0001) IS NOT NULL
		ORDER BY v <-> '[" . join(',', (1) x 64) . "]' LIMIT 1000",
	'inserts' => 'INSERT INTO item (v) SELECT v + v FROM item',
	'vacuum' => 'VACUUM item');
$node->safe_psql('postgres', 'DELETE FROM item WHERE id % 2 = 0');
for my $what (sort keys %long)
{
	my $settings = "SET statement_timeout = '200ms'; SET enable_seqscan = off; SET vacuum_cost_delay = '1ms'; SET vacuum_cost_limit = 10;";
	my ($status, $output, $error) = $node->psql('postgres', "$settings\n$long{$what};\nSELECT cpu_seconds(pg_backend_pid())",
		on_error_stop => 0);
	my ($seconds) = $output =~ /(\S+)\z/;

	like($error, qr/canceling statement due to statement timeout/, "$what is canceled");
	# all that the session ever did
	cmp_ok($seconds, '<', 3, sprintf '%s notices that within moments (%.2f s)', $what, $seconds);
}
$node->safe_psql('postgres', 'VACUUM item');
check_index($node, $_, 'after cancels') for ('whole', 'item_index');
$node->stop;
done_testing();
