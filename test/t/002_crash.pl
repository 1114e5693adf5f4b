# Crashes under load: after recovery the index is sound, and has every row that
# the table has.  Also an index of an unlogged table, which a crash empties.
# OMEN_TEST_QUICK=1 has fewer crashes.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Few buffers, so that pages are written out in the middle of things.
my $node = start_node('main', 'fsync = off', 'shared_buffers = 2MB',
	'checkpoint_timeout = 30s', 'restart_after_crash = on', 'log_min_messages = fatal');

$node->safe_psql('postgres', q{
	CREATE TABLE item (id serial PRIMARY KEY, v vector(24));
	CREATE INDEX item_index ON item USING omen_hnsw (v, (id % 4), (id::text)) WITH (m = 6, ef_construction = 24);
	CREATE TABLE wide (id serial PRIMARY KEY, v vector(2500));
	CREATE INDEX wide_index ON wide USING omen_hnsw (v) WITH (storage = full, m = 4, ef_construction = 16);
	CREATE UNLOGGED TABLE fleeting (id int, v vector(3));
	CREATE INDEX fleeting_index ON fleeting USING omen_hnsw (v);
	INSERT INTO fleeting SELECT i, ARRAY[i, 1, 2]::vector FROM generate_series(1, 1500) i;

	CREATE FUNCTION random_vector(dims int, kinds int) RETURNS vector LANGUAGE sql VOLATILE AS $$
		SELECT array_agg(hashint4(seed + d) % 100)::vector
		FROM (SELECT (random() * kinds)::int * 1000 AS seed) s, generate_series(1, dims) d
	$$;
});

my $dir = PostgreSQL::Test::Utils::tempdir();
my %script = (
	# one in some is a copy; some transactions roll back
	insert => q{
		\set fate random(1, 10)
		BEGIN;
		INSERT INTO item (v) SELECT random_vector(24, 20000) FROM generate_series(1, 5);
		\if :fate < 3
		ROLLBACK;
		\else
		COMMIT;
		\endif
	},
	delete => 'DELETE FROM item WHERE id IN (SELECT id FROM item ORDER BY random() LIMIT 4);',
	update => 'UPDATE item SET v = random_vector(24, 20000) WHERE id = (SELECT max(id) - 50 FROM item);',
	wide => q{
		INSERT INTO wide (v) VALUES (random_vector(2500, 1000000));
		DELETE FROM wide WHERE id = (SELECT id FROM wide ORDER BY random() LIMIT 1) AND random() < 0.5;
	},
	vacuum => "VACUUM item;\nVACUUM wide;\nCHECKPOINT;\nSELECT pg_sleep(0.05);\n");
for my $name (keys %script)
{
	append_to_file("$dir/$name.sql", $script{$name});
}

# Start pgbench with some of the scripts, for far longer than a round takes
# wherever it runs.
sub start_load
{
	my ($output, @arguments) = @_;
	local $ENV{PGAPPNAME} = 'load';

	return IPC::Run::start(
		[ 'pgbench', '-n', '-T', 10 * $PostgreSQL::Test::Utils::timeout_default, '-h', $node->host, '-p', $node->port, @arguments, 'postgres' ],
		'<', \undef, '&>', $output);
}

sub sound_after
{
	my ($when) = @_;

	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) item');
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) wide');
	check_index($node, $_, $when) for ('item_index', 'wide_index');
	my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM item');
	note("$rows rows, " . $node->safe_psql('postgres', 'SELECT count(*) FROM wide') . ' wide ones');
	walk_all($node, '<->', '(SELECT min(id) FROM item)', $rows / 10, $when);
	return;
}

$node->safe_psql('postgres', 'INSERT INTO item (v) SELECT random_vector(24, 20000) FROM generate_series(1, 300)');
my @settings = ('synchronous_commit=on', 'synchronous_commit=off');
for my $round (1 .. ($ENV{OMEN_TEST_QUICK} ? 3 : 6))
{
	my ($output, $vacuum_output) = ('', '');
	local $ENV{PGOPTIONS} = '-c ' . $settings[ $round % 2 ];
	my $load = start_load(\$output, '-c', '4', '-f', "$dir/insert.sql\@6",
		'-f', "$dir/delete.sql\@3", '-f', "$dir/update.sql\@2", '-f', "$dir/wide.sql\@2");
	my $vacuum = start_load(\$vacuum_output, '-c', '1', '-f', "$dir/vacuum.sql");

	$node->poll_query_until('postgres',
		"SELECT count(*) >= 3 FROM pg_stat_activity WHERE application_name = 'load'");
	select undef, undef, undef, 1 + 0.37 * $round;
	if ($round % 3 == 0)
	{
		# the whole server at once
		$node->stop('immediate');
	}
	else
	{
		# a process in the middle of its work; the others follow
		my $pid = '';
		my $busy = $round % 3 == 1 ? 'INSERT INTO item|DELETE FROM item' : 'VACUUM|wide';

		for (1 .. 500)
		{
			$pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity
				WHERE state = 'active' AND application_name = 'load' AND query ~ '$busy' LIMIT 1");
			last if $pid ne '';
		}
		ok($pid ne '' && kill('KILL', $pid), "a busy process was killed in round $round");
	}
	$load->finish;
	$vacuum->finish;
	$node->start if $round % 3 == 0;
	wait_for_recovery($node);
	like($output . $vacuum_output, qr/connection|terminated|shutting down/,
		"the crash of round $round cut the load");
	unlike($output . $vacuum_output, qr/ERROR:  |PANIC/, "and nothing else went wrong");
	sound_after("after crash $round");

	if ($round == 1)
	{
		is($node->safe_psql('postgres', 'SELECT count(*) FROM fleeting'), '0', 'an unlogged table is empty after a crash');
		is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM fleeting ORDER BY v <-> '[1,2,3]' LIMIT 3"),
			'', 'and so is its index');
		$node->safe_psql('postgres', 'INSERT INTO fleeting SELECT i, ARRAY[i, 1, 2]::vector FROM generate_series(1, 1500) i');
		is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM fleeting ORDER BY v <-> '[777.25,1,2]' LIMIT 3"),
			"777\n778\n776", 'which can be filled again');
		check_index($node, 'fleeting_index', 'after a crash and inserts');
	}
}

$node->stop;
done_testing();
