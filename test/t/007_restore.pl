# Restoring: a base backup that is taken under load, recovery to points in the
# middle of inserts, of a conversion, of VACUUM and of CREATE INDEX, promotion
# under a running scan, and a former primary that is rewound.  Data checksums
# are on, and whoever replays compares each page with the one that was written.
# OMEN_TEST_SOAK=1 restores to many more points, OMEN_TEST_QUICK=1 to fewer.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $points = $ENV{OMEN_TEST_SOAK} ? 25 : $ENV{OMEN_TEST_QUICK} ? 1 : 2;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, has_archiving => 1, extra => ['--data-checksums']);
$primary->append_conf('postgresql.conf', "$_\n")
  for ('autovacuum = off', 'fsync = off', 'shared_buffers = 8MB', 'checkpoint_timeout = 30s',
	'max_wal_size = 4GB', 'wal_keep_size = 4GB', 'wal_log_hints = on', 'hot_standby = on',
	q{wal_consistency_checking = 'generic'});
$primary->start;
create_helpers($primary);
create_made_vector($primary);
$primary->safe_psql('postgres', q{
	CREATE EXTENSION amcheck;
	CREATE TABLE item (id int PRIMARY KEY, v vector(8));
	CREATE INDEX item_index ON item USING omen_hnsw (v, (id % 4)) WITH (m = 4, ef_construction = 16);
	CREATE TABLE wide (id serial PRIMARY KEY, v vector(2500));
	CREATE INDEX wide_index ON wide USING omen_hnsw (v vector_cosine_ops) WITH (storage = full, m = 4, ef_construction = 16);
	CREATE SEQUENCE fresh START 2001;
	INSERT INTO item SELECT i, made_vector(i, 8, 50) FROM generate_series(1, 2000) i;
	INSERT INTO wide (v) SELECT made_vector(i, 2500, 50) FROM generate_series(1, 20) i;
});

# Test a server that has left recovery: both indexes are sound, scans meet all
# rows, and rows can be added.  Before VACUUM there may be leftovers, and nothing
# else.
sub sound_and_usable
{
	my ($node, $when) = @_;

	for my $index ('item_index', 'wide_index')
	{
		is($node->safe_psql('postgres', "SELECT severity, kind, block, slot, detail FROM omen_hnsw_check('$index', true)
				WHERE severity = 'error' LIMIT 20"),
			'', "$index is sound $when, before VACUUM");
	}
	$node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP ON) $_") for ('item', 'wide');
	check_index($node, $_, "$when and VACUUM") for ('item_index', 'wide_index');
	my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM item');
	# with so small an m the search finds many only when it looks further
	walk_all($node, '<->', 'SELECT min(id) FROM item', $rows / 2, $when) if $rows > 0;
	$node->safe_psql('postgres', q{
		INSERT INTO item SELECT i, made_vector(i, 8, 50) FROM generate_series(1000001, 1000100) i;
		INSERT INTO wide (v) SELECT made_vector(i, 2500, 50) FROM generate_series(1000001, 1000003) i});
	check_index($node, $_, "$when and inserts") for ('item_index', 'wide_index');
	is($node->safe_psql('postgres', "SET enable_seqscan = off;
			SELECT id FROM item ORDER BY v <-> made_vector(1000050, 8, 50) LIMIT 1"),
		'1000050', "and they are found $when");
	return;
}

# Test the files of a server that is stopped.
sub checksums_agree
{
	my ($node, $when) = @_;

	command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ], "checksums agree $when");
	return;
}

# A server from a base backup that leaves recovery when that is over, or at a
# place in the archive.
sub restore
{
	my ($name, $backup, $target) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init_from_backup($primary, $backup, has_restoring => defined $target, standby => 0);
	$node->append_conf('postgresql.conf', "archive_mode = off\n");
	$node->append_conf('postgresql.conf', "recovery_target_lsn = '$target'\nrecovery_target_action = 'promote'\n")
	  if defined $target;
	$node->start;
	$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()')
	  or die "$name did not leave recovery";
	return $node;
}

#
# A base backup under load
#

my $dir = PostgreSQL::Test::Utils::tempdir();
my %script = (
	insert => q{INSERT INTO item SELECT nextval('fresh'), made_vector((random() * 100000)::int, 8, 50) FROM generate_series(1, 3);
		INSERT INTO wide (v) SELECT made_vector((random() * 100000)::int, 2500, 50) WHERE random() < 0.1;},
	delete => q{DELETE FROM item WHERE id IN (SELECT id FROM item ORDER BY random() LIMIT 3);
		DELETE FROM wide WHERE random() < 0.01;},
	vacuum => "DELETE FROM item WHERE id % 20 = (random() * 20)::int;\nVACUUM (INDEX_CLEANUP ON) item;\nVACUUM wide;\nSELECT pg_sleep(0.1);\n");
my @loads;
for my $name (keys %script)
{
	my $output = '';

	append_to_file("$dir/$name.sql", $script{$name});
	push @loads, { output => \$output,
		run => IPC::Run::start([ 'pgbench', '-n', '-c', $name eq 'insert' ? 2 : 1, '-T', 10 * $PostgreSQL::Test::Utils::timeout_default, '-f', "$dir/$name.sql",
				'-h', $primary->host, '-p', $primary->port, 'postgres' ], '<', \undef, '&>', \$output) };
}
$primary->poll_query_until('postgres', "SELECT last_value > 2050 FROM fresh");
# slow enough that much is written meanwhile; slower where others are busy
my ($backup, $before, $after);
for my $rate (20, 10, 5, 2)
{
	$backup = "busy$rate";
	$before = $primary->safe_psql('postgres', 'SELECT last_value FROM fresh');
	$primary->backup($backup, backup_options => [ '--max-rate', "${rate}M" ]);
	$after = $primary->safe_psql('postgres', 'SELECT last_value FROM fresh');
	last if $after > $before + 100;
}
cmp_ok($after, '>', $before + 100, 'rows came during the backup');
for (@loads)
{
	ok($_->{run}->pumpable, 'the load was not stopped by an error') or diag(${ $_->{output} });
	$_->{run}->kill_kill;
	unlike(${ $_->{output} }, qr/ERROR/, 'and got no error');
}

# A standby that starts from it replays all that follows.
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, $backup, has_streaming => 1);
$standby->append_conf('postgresql.conf', "archive_mode = off\nmax_standby_streaming_delay = -1\n");
$standby->start;

my $restored = restore('restored', $backup);
sound_and_usable($restored, 'after a backup under load');
command_ok([ 'pg_amcheck', '-h', $restored->host, '-p', $restored->port, 'postgres' ], 'pg_amcheck finds nothing after a backup under load');
command_ok([ 'pg_dump', '-f', "$dir/dump.sql", '-d', $restored->connstr('postgres') ], 'and it can be dumped');
$restored->stop;
checksums_agree($restored, 'after a backup under load');
$restored->clean_node;

#
# To points in time
#
# Everything is done by one session, so that what a point has is known, and the
# points are chosen among the records that it wrote for an index.
#

$primary->safe_psql('postgres', 'TRUNCATE item; TRUNCATE wide; VACUUM pg_catalog.pg_class');
$primary->backup('quiet');

# Run something; returns the places of the records that were written for an
# index meanwhile.
sub records
{
	my ($index, $sql) = @_;
	my $begin = $primary->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');

	$primary->safe_psql('postgres', $sql);
	# what VACUUM writes last is flushed by somebody else's commit
	my $end = $primary->safe_psql('postgres', 'CREATE TEMP TABLE t (); SELECT pg_current_wal_flush_lsn()');
	my $path = $primary->safe_psql('postgres', "SELECT 'rel [0-9]+/' || substr(pg_relation_filepath('$index'), 6) || ' '");
	my ($out, $err) = run_command([ 'pg_waldump', '-p', $primary->data_dir . '/pg_wal', '-s', $begin, '-e', $end ]);
	my @places = map { m{lsn: ([0-9A-F]+/[0-9A-F]+),.*$path} ? $1 : () } split /\n/, $out;

	note(scalar @places . " records of $index");
	return @places;
}

# So many places, evenly spread.
sub spread
{
	my ($count, @places) = @_;

	die 'no records' unless @places;
	return map { $places[ int(@places * ($_ - 0.5) / $count) ] } 1 .. $count;
}

# Rows come ten in a transaction.  In the middle of that the list becomes a
# graph, which makes by far the most records.
my @flat = records('item_index', q{
	DO $$ BEGIN FOR n IN 0 .. 89 LOOP
		INSERT INTO item SELECT i, made_vector(i, 8, 50) FROM generate_series(10 * n + 1, 10 * n + 10) i;
		COMMIT;
	END LOOP; END $$});
my @graph = records('item_index', q{
	DO $$ BEGIN FOR n IN 90 .. 139 LOOP
		INSERT INTO item SELECT i, made_vector(i, 8, 50) FROM generate_series(10 * n + 1, 10 * n + 10) i;
		COMMIT;
	END LOOP; END $$});
my @wide = records('wide_index', q{
	DO $$ BEGIN FOR n IN 1 .. 30 LOOP
		INSERT INTO wide (v) SELECT made_vector(n, 2500, 50);
		COMMIT;
	END LOOP; END $$});
is($primary->safe_psql('postgres', "SELECT mode FROM omen_hnsw_info('item_index')"), 'graph', 'the list became a graph');
# what VACUUM repairs: 40 % of the nodes
$primary->safe_psql('postgres', 'DELETE FROM item WHERE id % 5 < 2; DELETE FROM wide WHERE id % 5 < 2');
my @vacuum = records('item_index', 'VACUUM (INDEX_CLEANUP ON) item');
my @wide_vacuum = records('wide_index', 'VACUUM (INDEX_CLEANUP ON) wide');
$primary->safe_psql('postgres', q{
	CREATE TABLE later (id int, v vector(8));
	INSERT INTO later SELECT i, made_vector(i, 8, 50) FROM generate_series(1, 5000) i;
	-- after the backup, so that their files come from WAL alone
	CREATE UNLOGGED TABLE fleeting (id int, v vector(3), w vector(2500));
	INSERT INTO fleeting SELECT i, ARRAY[i, 1, 2]::vector FROM generate_series(1, 10) i;
	CREATE INDEX fleeting_index ON fleeting USING omen_hnsw (v, id);
	CREATE INDEX fleeting_wide ON fleeting USING omen_hnsw (w vector_ip_ops) WITH (storage = full)});
my @build = records('later_index', 'CREATE INDEX later_index ON later USING omen_hnsw (v)');
my @concurrent = records('later_again', 'CREATE INDEX CONCURRENTLY later_again ON later USING omen_hnsw (v) WITH (storage = full)');
my $end = $primary->safe_psql('postgres', 'SELECT pg_create_restore_point($$end$$)');
my $last = $primary->safe_psql('postgres', 'SELECT pg_walfile_name(pg_switch_wal())');
$primary->poll_query_until('postgres', "SELECT last_archived_wal >= '$last' FROM pg_stat_archiver")
  or die 'the archive does not get the log';

my $number = 0;
sub restore_to
{
	my ($target, $what, $test) = @_;
	my $node = restore('point' . ++$number, 'quiet', $target);
	my $when = sprintf 'after recovery to %s, in the middle of %s', $target, $what;

	$test->($node, $when);
	$node->stop;
	$node->clean_node;
	return;
}

# The rows of whole transactions, as they were inserted.
sub all_rows
{
	my ($node, $table, $dims, $multiple, $when) = @_;
	my ($rows, $whole) = split /\|/, $node->safe_psql('postgres', "
		SELECT count(*), count(*) % $multiple = 0 AND count(*) = coalesce(max(id), 0)
			AND coalesce(bool_and(v = made_vector(id, $dims, 50)), true) FROM $table");

	is($whole, 't', "$table has the $rows rows that were committed $when");
	return;
}

for my $target (spread($points, @flat), spread(2 * $points, @graph), spread(1, @wide))
{
	restore_to($target, 'inserts', sub {
		my ($node, $when) = @_;

		note($node->safe_psql('postgres', "SELECT mode, nodes FROM omen_hnsw_info('item_index')"));
		all_rows($node, 'item', 8, 10, $when);
		sound_and_usable($node, $when);
	});
}
for my $target (spread($points, @vacuum), spread(1, @wide_vacuum))
{
	restore_to($target, 'VACUUM', sub {
		my ($node, $when) = @_;

		is($node->safe_psql('postgres', 'SELECT count(*), bool_and(id % 5 >= 2) FROM item'), '840|t', "item has its rows $when");
		is($node->safe_psql('postgres', 'SELECT count(*), bool_and(id % 5 >= 2) FROM wide'), '18|t', "wide has its rows $when");
		sound_and_usable($node, $when);
	});
}
for my $target (spread(1, @build), spread(1, @concurrent), $end)
{
	my $what = $target eq $end ? 'nothing' : 'CREATE INDEX';

	restore_to($target, $what, sub {
		my ($node, $when) = @_;

		# all but the last have no such index, or one that is not valid
		is($node->safe_psql('postgres', "SELECT count(*) FROM pg_index WHERE indrelid = 'later'::regclass AND indisvalid"),
			$target eq $end ? 2 : $target ge $concurrent[0] ? 1 : 0, "later has its valid indexes $when");
		$node->safe_psql('postgres', 'DROP INDEX IF EXISTS later_index, later_again; CREATE INDEX later_index ON later USING omen_hnsw (v)')
		  if $target ne $end;
		check_index($node, 'later_index', $when);
		is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM later ORDER BY v <-> made_vector(4321, 8, 50) LIMIT 1"),
			'4321', "and finds rows $when");
		unlogged_is_empty($node, $when);
	});
}

# The indexes of a table that was emptied by recovery, and which can be filled.
sub unlogged_is_empty
{
	my ($node, $when) = @_;

	is($node->safe_psql('postgres', "SELECT count(*) FROM fleeting"), '0', "an unlogged table is empty $when");
	check_index($node, $_, "empty, $when") for ('fleeting_index', 'fleeting_wide');
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM fleeting ORDER BY v <-> '[1,2,3]' LIMIT 3"),
		'', "and so is its index $when");
	$node->safe_psql('postgres', q{
		INSERT INTO fleeting SELECT i, ARRAY[i, 1, 2]::vector FROM generate_series(1, 1300) i;
		INSERT INTO fleeting SELECT -i, NULL, made_vector(i, 2500, 50) FROM generate_series(1, 5) i});
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM fleeting ORDER BY v <-> '[777.25,1,2]' LIMIT 3"),
		"777\n778\n776", "which can be filled again $when");
	check_index($node, $_, "filled, $when") for ('fleeting_index', 'fleeting_wide');
	return;
}

#
# The standby
#

$primary->wait_for_catchup($standby);
for my $index ('item_index', 'wide_index', 'later_index', 'later_again')
{
	check_index($standby, $index, 'on the standby');
	is($standby->safe_psql('postgres', "SELECT * FROM omen_hnsw_info('$index')"),
		$primary->safe_psql('postgres', "SELECT * FROM omen_hnsw_info('$index')"), "$index is the same on both");
}

# A scan that has given some rows when the standby is promoted, and goes on while
# what it is to give is deleted, vacuumed and replaced.
my $reader = $standby->background_psql('postgres');
my $query = 'SELECT id, v <-> made_vector(17, 8, 50) AS d FROM item ORDER BY 2';
$reader->query_safe("
	BEGIN ISOLATION LEVEL REPEATABLE READ;
	SET enable_seqscan = off;
	DECLARE by_distance CURSOR FOR $query;");
my @got = split /\n/, $reader->query_safe('FETCH 25 FROM by_distance');
is(scalar @got, 25, 'a scan on the standby has given some rows');
$standby->promote;
push @got, split /\n/, $reader->query_safe('FETCH 25 FROM by_distance');
is(scalar @got, 50, 'it goes on after promotion');
$standby->safe_psql('postgres', 'DELETE FROM item WHERE id % 2 = 0');
$standby->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) item');
$standby->safe_psql('postgres', 'INSERT INTO item SELECT i, made_vector(i % 1000, 8, 50) FROM generate_series(2001, 2600) i');
push @got, split /\n/, $reader->query_safe('FETCH ALL FROM by_distance');
my ($late) = split /\n/, $reader->query_safe('SELECT late FROM omen_hnsw_last_scan()');
$reader->query_safe('CLOSE by_distance; SET enable_seqscan = on; SET enable_indexscan = off');
my @wanted = split /\n/, $reader->query_safe($query);
$reader->query_safe('COMMIT');
$reader->quit;
my %wanted = map { $_ => 1 } @wanted;
my @distances = map { (split /\|/)[1] } @got;

is(scalar @wanted, 840, 'its snapshot has the rows that there were');
is(scalar(grep { !$wanted{$_} } @got), 0, 'it gives rows of its snapshot, with their distances');
is(scalar(keys %{ { map { $_ => 1 } @got } }), scalar @got, 'each once');
is(scalar(@got) + $late, scalar @wanted, 'and all of them');
is(scalar(grep { $distances[$_] < $distances[ $_ - 1 ] } 1 .. $#distances), 0, 'in order');
cmp_ok($late, '<', 40, 'few of them too late');

sound_and_usable($standby, 'after promotion under a scan');
unlogged_is_empty($standby, 'after promotion');
# what a crash leaves of them has never been in a checkpoint
$standby->stop('immediate');
$standby->start;
$standby->safe_psql('postgres', 'DELETE FROM item WHERE id > 1000000');
sound_and_usable($standby, 'after promotion and a crash');
unlogged_is_empty($standby, 'after promotion and a crash');

#
# The former primary, which did not know, is rewound
#

$primary->safe_psql('postgres', q{
	DELETE FROM item WHERE id % 3 = 0;
	INSERT INTO item SELECT i, made_vector(i, 8, 50) FROM generate_series(3001, 3500) i});
$primary->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) item');
check_index($primary, 'item_index', 'on the former primary');
$primary->stop;
checksums_agree($primary, 'on the former primary');
$standby->safe_psql('postgres', 'CHECKPOINT');
# pg_rewind replaces the settings by the other server's
my $settings = slurp_file($primary->data_dir . '/postgresql.conf');
command_ok([ 'pg_rewind', '--no-sync', '--target-pgdata', $primary->data_dir, '--source-server', $standby->connstr('postgres') ],
	'the former primary is rewound');
unlink $primary->data_dir . '/postgresql.conf';
append_to_file($primary->data_dir . '/postgresql.conf', $settings);
$primary->enable_streaming($standby);
$primary->start;
$standby->wait_for_catchup($primary);
for my $index ('item_index', 'wide_index', 'later_index', 'later_again')
{
	check_index($primary, $index, 'after rewinding');
}
is($primary->safe_psql('postgres', 'SELECT count(*), sum(id) FROM item'),
	$standby->safe_psql('postgres', 'SELECT count(*), sum(id) FROM item'), 'it has the rows of the new primary');
$primary->stop;
$standby->stop;
checksums_agree($standby, 'on the promoted standby');
checksums_agree($primary, 'after rewinding');
unlike(slurp_file($_->logfile), qr/WARNING|PANIC|TRAP|inconsistent page/, 'the log of ' . $_->name . ' has no complaints')
  for ($primary, $standby);
done_testing();
