# Sessions that insert, update, delete, roll back, search, vacuum and build
# indexes at the same time, from an empty table on, so that a flat list turns
# into a graph under them; many vectors are equal.  Nothing may fail, searches
# give ordered rows, and the indexes end up sound.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

# VACUUM does the indexes of a table in parallel.
my $node = start_node('main', 'fsync = off', 'shared_buffers = 32MB', 'max_connections = 60',
	'min_parallel_index_scan_size = 0', 'max_parallel_maintenance_workers = 2');

# With OMEN_TEST_SOAK=1 more sessions go on for minutes, with OMEN_TEST_QUICK=1 as
# many for a shorter time.
my ($times_seconds, $times_clients) = $ENV{OMEN_TEST_SOAK} ? (25, 3) : $ENV{OMEN_TEST_QUICK} ? (0.2, 1) : (1, 1);

$node->safe_psql('postgres', q{
	CREATE TABLE item (id serial PRIMARY KEY, v vector(12), note int) WITH (fillfactor = 70);
	CREATE INDEX item_index ON item USING omen_hnsw (v) WITH (m = 6, ef_construction = 24);
	CREATE TABLE question (id int, q vector(12));
	CREATE TABLE keyed (id serial PRIMARY KEY, v vector(12), kind int, name text);
	CREATE INDEX keyed_index ON keyed USING omen_hnsw (v, kind, name) WITH (m = 6, ef_construction = 24);

	-- one of some thousands of vectors, a few of them far more often
	CREATE FUNCTION some_vector() RETURNS vector LANGUAGE sql VOLATILE AS $$
		SELECT array_agg(hashint4(seed + d) % 50)::vector
		FROM (SELECT (random() ^ 3 * 4000)::int * 100 AS seed) s, generate_series(1, 12) d
	$$;
});

# Together with what tests a promise in SQL: division by zero where it fails.
my %script = (
	insert => "INSERT INTO item (v) SELECT some_vector() FROM generate_series(1, 3);\n",
	roll_back => q{
		BEGIN;
		INSERT INTO item (v) SELECT some_vector() FROM generate_series(1, 2);
		SAVEPOINT here;
		INSERT INTO item (v) VALUES (some_vector());
		ROLLBACK TO here;
		INSERT INTO item (v) VALUES (some_vector());
		ROLLBACK;
	},
	same => "INSERT INTO item (v) VALUES ('[1,1,1,1,1,1,1,1,1,1,1,1]'), (NULL);\n",
	update => q{
		\set which random(1, 3000)
		UPDATE item SET v = some_vector() WHERE id = :which;
		UPDATE item SET note = note + 1 WHERE id = :which + 1;
	},
	delete => q{
		\set which random(1, 3000)
		DELETE FROM item WHERE id BETWEEN :which AND :which + 2;
	},
	# the order, and no row twice
	search => q{
		SET enable_seqscan = off;
		SELECT 1 / (count(*) FILTER (WHERE d < previous) = 0 AND count(*) = count(DISTINCT id))::int FROM
			(SELECT id, d, lag(d) OVER () AS previous FROM
				(SELECT id, v <-> some_vector() AS d FROM item ORDER BY v <-> '[2,2,2,2,2,2,2,2,2,2,2,2]' LIMIT 0) s) s;
		SELECT 1 / (count(*) FILTER (WHERE d < previous) = 0 AND count(*) = count(DISTINCT id))::int FROM
			(SELECT id, d, lag(d) OVER () AS previous FROM
				(SELECT id, v <-> '[2,2,2,2,2,2,2,2,2,2,2,2]' AS d FROM item ORDER BY v <-> '[2,2,2,2,2,2,2,2,2,2,2,2]' LIMIT 60) s) s;
	},
	# what a transaction wrote it finds at once
	read_own => q{
		SET enable_seqscan = off;
		BEGIN;
		SELECT some_vector() AS mine \gset
		INSERT INTO item (v) VALUES (':mine') RETURNING id \gset
		SELECT 1 / count(*) FROM (SELECT v <-> ':mine' AS d FROM item ORDER BY v <-> ':mine' LIMIT 1) s WHERE d = 0;
		COMMIT;
	},
	# filter keys that come, go and change, of vectors that many rows share
	key_insert => "INSERT INTO keyed (v, kind, name) SELECT some_vector(), k, nullif(k % 3, 1)::text FROM generate_series(0, 4) k;\n",
	key_update => q{
		\set which random(1, 2000)
		UPDATE keyed SET kind = (kind + 1) % 5 WHERE id = :which;
		UPDATE keyed SET name = nullif(name, '0') WHERE id = :which + 1;
		DELETE FROM keyed WHERE id BETWEEN :which + 3 AND :which + 6;
	},
	# all rows that pass by their keys, whatever becomes of them meanwhile
	key_search => q{
		\set kind random(0, 4)
		SET omendb.filter_strategy = graph;
		SET enable_seqscan = off;
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		SELECT 1 / (found = really)::int FROM
			(SELECT count(DISTINCT id) AS found FROM (SELECT id FROM keyed WHERE kind = :kind AND name IS NULL
				ORDER BY v <-> '[2,2,2,2,2,2,2,2,2,2,2,2]' LIMIT 100000) s) s,
			(SELECT count(*) AS really FROM keyed WHERE (kind + 0) = :kind AND (name || '') IS NULL) r;
		COMMIT;
	},
	key_vacuum => "VACUUM keyed;\nSELECT pg_sleep(0.02);\n",
	vacuum => "VACUUM item;\nSELECT pg_sleep(0.02);\n",
	rebuild => q{
		REINDEX INDEX CONCURRENTLY item_index;
		CREATE INDEX CONCURRENTLY item_other ON item USING omen_hnsw (v vector_cosine_ops) WITH (m = 4);
		SELECT pg_sleep(0.1);
		DROP INDEX CONCURRENTLY item_other;
	});

my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/$_.sql", $script{$_}) for keys %script;

# Run some scripts, given as names with weights, each set of them in a pgbench
# of its own with a number of clients, for so many seconds.
sub run_together
{
	my ($seconds, $when, @sets) = @_;
	my @outputs = map { '' } @sets;
	my @runs;

	for my $i (0 .. $#sets)
	{
		my ($clients, %weights) = @{ $sets[$i] };

		push @runs, IPC::Run::start(
			[
				'pgbench', '-n', '-T', int($seconds * $times_seconds + 0.9),
				'-c', $clients == 1 ? 1 : $clients * $times_clients,
				(map { ('-f', "$dir/$_.sql\@$weights{$_}") } sort keys %weights),
				'-h', $node->host, '-p', $node->port, 'postgres'
			],
			'<', \undef, '&>', \$outputs[$i]);
	}
	$_->finish for @runs;
	for my $i (0 .. $#sets)
	{
		my @lines = grep { /ERROR|aborted|FATAL|WARNING|division/ } split /\n/, $outputs[$i];

		is(join("\n", @lines), '', join(' ', sort grep { !/^\d+$/ } @{ $sets[$i] }) . ": no error $when");
		is($runs[$i]->result(0), 0, "pgbench was content $when");
	}
	return;
}

sub all_sound
{
	my ($when) = @_;
	my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM item');

	note("$rows rows $when");
	check_index($node, 'item_index', $when);
	walk_all($node, '<->', 'SELECT id FROM item WHERE v IS NOT NULL ORDER BY id LIMIT 10',
		$node->safe_psql('postgres', 'SELECT count(DISTINCT v) / 20 FROM item'), $when);
	$node->safe_psql('postgres', 'VACUUM item');
	check_index($node, 'item_index', "$when and vacuum");
	return;
}

# The conversion under concurrent inserts, alone and with vacuum, a few times,
# since it lasts only moments.
for my $round (1 .. 3)
{
	my $mode = 'flat';

	# longer where others are busy
	for (my $again = 0; $mode ne 'graph' && $again < 20; $again++)
	{
		run_together(3, "while a graph comes into being ($round)",
			[ 6, insert => 10, same => 1, roll_back => 2, read_own => 2, delete => $round == 3 ? 2 : 0 ],
			[ 2, search => 1 ], ($round > 1 ? [ 1, vacuum => 1 ] : ()));
		$mode = $node->safe_psql('postgres', "SELECT mode FROM omen_hnsw_info('item_index')");
	}
	is($mode, 'graph', "there is a graph ($round)");
	all_sound("after a graph came into being ($round)");
	$node->safe_psql('postgres', 'TRUNCATE item RESTART IDENTITY') if $round < 3;
}

run_together(8, 'with vacuum',
	[ 4, insert => 4, roll_back => 2, same => 1, update => 4, delete => 4, read_own => 2 ],
	[ 1, search => 1 ], [ 1, vacuum => 1 ]);
all_sound('after changes with vacuum');

run_together(8, 'while indexes are built',
	[ 4, insert => 2, roll_back => 2, same => 1, update => 4, delete => 6, read_own => 1 ],
	[ 1, search => 1 ], [ 1, rebuild => 1 ]);
all_sound('after changes and builds');

my $keyed = 0;
for (my $again = 0; $keyed <= 1000 && $again < 10; $again++)
{
	run_together(6, 'with filter keys', [ 4, key_insert => 2, key_update => 4 ], [ 2, key_search => 1 ], [ 1, key_vacuum => 1 ]);
	$keyed = $node->safe_psql('postgres', 'SELECT count(*) FROM keyed');
}
check_index($node, 'keyed_index', 'after changes of filter keys');
cmp_ok($keyed, '>', 1000, 'many rows came of it');

# Only dead rows, then slots used again by all at once.
$node->safe_psql('postgres', 'DELETE FROM item');
run_together(4, 'on an index that dies', [ 4, insert => 4, same => 2, delete => 4 ],
	[ 1, search => 1 ], [ 1, vacuum => 1 ]);
all_sound('after the index died');

# The same on payload pages.
$node->safe_psql('postgres', q{
	DROP TABLE item;
	CREATE TABLE item (id serial PRIMARY KEY, v vector(2500), note int);
	CREATE INDEX item_index ON item USING omen_hnsw (v) WITH (storage = full, m = 4, ef_construction = 12);
	CREATE OR REPLACE FUNCTION some_vector() RETURNS vector LANGUAGE sql VOLATILE AS $$
		SELECT (array_fill(i, ARRAY[1500]) || array_fill(j, ARRAY[1000]))::vector
		FROM (SELECT (random() * 60)::int AS i, (random() * 60)::int AS j) s
	$$;
});
run_together(6, 'with codes out of line', [ 4, insert => 4, roll_back => 2, update => 2, delete => 2 ], [ 1, vacuum => 1 ]);
all_sound('with codes out of line');

$node->stop;
done_testing();
