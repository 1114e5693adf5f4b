# Indexes of groups built from whole tables, with and without parallel workers:
# the same bytes however they are built, sound, and nothing left behind, be the
# build done or canceled; built while others write; whole after a crash and on a
# standby.  OMEN_TEST_QUICK=1 leaves out some operator classes.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main', 'fsync = off', 'shared_buffers = 64MB', 'max_wal_size = 2GB', 'hot_standby = on', 'max_wal_senders = 4',
	'max_worker_processes = 8', 'max_parallel_workers = 8', 'dynamic_shared_memory_type = mmap',
	'log_min_messages = debug1', "statement_timeout = $PostgreSQL::Test::Utils::timeout_default" . 's');
create_made_vector($node);

sub sql { return $node->safe_psql('postgres', join('; ', @_)); }

# Groups of one to four rows, of some hundred, and three that are graphs; among
# them rows of equal vectors, without a vector, or without a direction, dead rows
# and rows that were updated in place.
sql('CREATE TABLE item (id int, tenant int, size numeric, v vector(24), note int) WITH (fillfactor = 80)',
	q{INSERT INTO item SELECT i, CASE WHEN i % 2 = 0 THEN 1 WHEN i % 8 = 1 THEN 2 WHEN i % 8 = 3 THEN NULL
		WHEN i % 8 = 5 THEN i % 5 + 3 ELSE 100 + i / 32 END, CASE i % 2 WHEN 0 THEN 1.0 ELSE 1.00 END + i % 9,
		CASE WHEN i % 500 < 3 THEN NULL WHEN i % 400 < 3 THEN array_fill(0, ARRAY[24])::vector
		ELSE made_vector(i - i % 10 / 9 - i % 11 / 10, 24, 50) END, i % 4
		FROM generate_series(1, 12000) i},
	'DELETE FROM item WHERE id % 17 = 0', 'UPDATE item SET id = -id WHERE id % 19 = 0', 'ANALYZE item');

my $clean = build_leftovers($node, 'item');
unlike($clean, qr/pgsql_tmp|process|lock/, 'at first there is nothing left over');

sub nothing_left
{
	my ($when) = @_;

	wait_for_sessions($node);
	is(build_leftovers($node, 'item'), $clean, "nothing is left over $when");
	return;
}

# Build with so many workers, and settings.  Returns how many were started.
sub build
{
	my ($workers, $statement, @settings) = @_;
	my $from = -s $node->logfile;

	sql("ALTER TABLE item SET (parallel_workers = $workers)");
	sql("SET max_parallel_maintenance_workers = $workers", (map { "SET $_" } @settings), $statement);
	return scalar(() = slurp_file($node->logfile, $from) =~ /starting background worker process "parallel worker/g);
}

# With little memory the largest groups are made by all together, and with a
# little more by one of them: then they have other places.
my @columns = ('tenant, v', 'tenant, v vector_cosine_ops, note', 'size, v vector_ip_ops', 'tenant, size, v vector_l1_ops');
for my $columns ($ENV{OMEN_TEST_QUICK} ? $columns[0] : @columns)
{
	for my $storage ('sq8', 'full')
	{
		for my $memory ('64MB', '1MB')
		{
			my $wanted;

			for my $workers (0, 1, 2)
			{
				my $with = "of ($columns) in $storage with $memory and $workers workers";
				my $started = build($workers, "CREATE INDEX item_index ON item USING omen_hnsw ($columns) WITH (storage = $storage)",
					"maintenance_work_mem = '$memory'");
				my $digest = index_digest($node, 'item_index');

				is($started, $workers, "workers started $with");
				$wanted //= $digest;
				is($digest, $wanted, "the same index $with");
				check_index($node, 'item_index', $with) if $workers == 0 || $storage eq 'sq8';
				sql('DROP INDEX item_index');
			}
		}
	}
	nothing_left("after builds of ($columns)");
}

# Built while others may write: the validation that follows finds no row twice.
build(0, 'CREATE INDEX item_index ON item USING omen_hnsw (tenant, v)');
my $alone = index_digest($node, 'item_index');
for my $workers (0, 2)
{
	build($workers, 'REINDEX INDEX CONCURRENTLY item_index');
	is(index_digest($node, 'item_index'), $alone, "the same index by REINDEX CONCURRENTLY with $workers workers");
	check_index($node, 'item_index', "after REINDEX CONCURRENTLY with $workers workers");
}
my $writer = $node->background_psql('postgres');
$writer->query_safe(q{BEGIN; INSERT INTO item (id, tenant, v) VALUES (20001, 1, made_vector(20001, 24, 50)), (20002, 7777, made_vector(20002, 24, 50))});
my $build = IPC::Run::start([ 'psql', '-qXAt', '-d', $node->connstr('postgres'), '-c', 'CREATE INDEX CONCURRENTLY late_index ON item USING omen_hnsw (tenant, v)' ]);
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'});
$writer->query_safe('COMMIT');
$writer->quit;
ok($build->finish, 'an index is built concurrently');
check_index($node, 'late_index', 'with rows that came meanwhile');
sql('DROP INDEX late_index');
nothing_left('after concurrent builds');

# Canceled at some moments of it.
sql(q{INSERT INTO item SELECT 30000 + i, i % 6, i % 3, made_vector(i, 24, 50), 0 FROM generate_series(1, 20000) i}, 'DROP INDEX item_index');
for my $workers (0, 2)
{
	for my $delay ($ENV{OMEN_TEST_QUICK} ? (0.1) : (0.02, 0.1, 0.2, 0.4, 0.6, 0.8))
	{
		my ($status, $out, $error) = $node->psql('postgres', "ALTER TABLE item SET (parallel_workers = $workers);
			SET max_parallel_maintenance_workers = $workers; SET maintenance_work_mem = '4MB';
			SET statement_timeout = '${\($delay * 1000)}ms';
			CREATE INDEX item_index ON item USING omen_hnsw (tenant, v)");

		like($error, qr/^$|canceling statement due to statement timeout/, "a build ends after $delay s with $workers workers");
		nothing_left("by a build of $delay s with $workers workers");
		sql('DROP INDEX IF EXISTS item_index');
	}
}

# A crash, and a standby.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
build(2, 'CREATE INDEX item_index ON item USING omen_hnsw (tenant, v)');
my $digest = index_digest($node, 'item_index');
$node->wait_for_catchup($standby);
check_index($standby, 'item_index', 'on a standby');
$standby->stop;
$node->stop('immediate');
$node->start;
is(index_digest($node, 'item_index'), $digest, 'the same index after a crash');
check_index($node, 'item_index', 'after a crash');
$node->stop;
done_testing();
