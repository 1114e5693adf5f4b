# omen_hnsw_check() on a standby: no lock keeps replay away, so a check either
# is of one state of the index, or says that there was none.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
# each page that replay changes is compared with the primary's, which takes time:
# WAL has to wait for the standby
$primary->append_conf('postgresql.conf', "wal_consistency_checking = all\nautovacuum = off\nwal_keep_size = 2GB\n");
$primary->start;
$primary->safe_psql('postgres', q{
	CREATE EXTENSION omendb;
	CREATE FUNCTION pattern(n integer, dims integer) RETURNS vector
	LANGUAGE sql IMMUTABLE AS $$
		SELECT array_agg((n * d * 0.61803398875 + d * 0.41421356237)
						 % 1.0 - 0.5 ORDER BY d)::float8[]::vector
			FROM generate_series(1, dims) d
	$$;
	CREATE TABLE graph (id integer, v vector(16));
	CREATE INDEX graph_index ON graph USING omen_hnsw (v);
	CREATE UNLOGGED TABLE unlogged (id integer, v vector(16));
	CREATE INDEX unlogged_index ON unlogged USING omen_hnsw (v);
});
$primary->backup('backup');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

# A list that becomes a graph, duplicates, NULLs, dead rows
$primary->safe_psql('postgres', q{
	INSERT INTO graph SELECT i, pattern(i, 16) FROM generate_series(1, 1500) i;
	INSERT INTO graph SELECT i, pattern(i % 7, 16) FROM generate_series(1, 200) i;
	INSERT INTO graph SELECT i, NULL FROM generate_series(1, 20) i;
	DELETE FROM graph WHERE id % 4 = 0;
	VACUUM graph;
	CREATE INDEX built_index ON graph USING omen_hnsw (v) WITH (storage = full);
	INSERT INTO graph SELECT i, pattern(i, 16) FROM generate_series(2000, 2200) i;
});
$primary->wait_for_catchup($standby);

foreach my $index (qw(graph_index built_index))
{
	foreach my $server ($primary, $standby)
	{
		is($server->safe_psql('postgres',
				"SELECT severity, kind, block, slot, detail FROM omen_hnsw_check('$index', true)"),
			'', "$index is healthy on the " . $server->name);
	}
	is($standby->safe_psql('postgres', "SELECT * FROM omen_hnsw_info('$index')"),
		$primary->safe_psql('postgres', "SELECT * FROM omen_hnsw_info('$index')"),
		"$index is the same on both");
}

# Unlogged indexes have no pages there
my ($out, $err);
$standby->psql('postgres', "SELECT * FROM omen_hnsw_check('unlogged_index')",
	stdout => \$out, stderr => \$err);
is($out, '', 'an unlogged index has nothing to check on a standby');
like($err, qr/NOTICE:.*unlogged/, 'and the check says so');
$standby->psql('postgres', "SELECT * FROM omen_hnsw_info('unlogged_index')",
	stdout => \$out, stderr => \$err);
like($err, qr/ERROR:.*unlogged/, 'nor is there anything to inspect');

# While replay goes on, as often as it takes for a check to meet a change
my ($clean, $changed, @other) = (0, 0);
for (my $round = 1; $round <= 30 && $changed == 0; $round++)
{
	my $writer = $primary->background_psql('postgres', on_error_stop => 0);

	$writer->query_until(qr/started/, q{
\echo started
INSERT INTO graph SELECT i, pattern(i, 16) FROM generate_series(3000, 8000) i;
});
	foreach my $i (1 .. 30)
	{
		$standby->psql('postgres', "SELECT severity, kind, block, slot, detail FROM omen_hnsw_check('graph_index', true)",
			stdout => \$out, stderr => \$err);
		if ($out eq '' && $err eq '') { $clean++ }
		elsif ($out eq '' && $err =~ /changed while it was being checked/) { $changed++ }
		else { push @other, "$out$err" }
	}
	$writer->quit;
}
note("$clean checks found nothing, $changed that the index had changed");
is_deeply(\@other, [], 'a check beside replay finds no damage that is none');
cmp_ok($changed, '>', 0, 'a check beside replay notices that the index changes');

# Paused, and after the end of recovery
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
is($standby->safe_psql('postgres', "SELECT kind, detail FROM omen_hnsw_check('graph_index', true)"),
	'', 'the index is healthy while replay is paused');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
$primary->wait_for_catchup($standby);
$standby->promote;
is($standby->safe_psql('postgres', "SELECT kind, detail FROM omen_hnsw_check('graph_index', true)"),
	'', 'the index is healthy after promotion');
is($standby->safe_psql('postgres', "SELECT count(*) FROM omen_hnsw_check('unlogged_index', true)"),
	'0', 'and so is the unlogged one');
is($standby->safe_psql('postgres', "SELECT mode, nodes FROM omen_hnsw_info('unlogged_index')"),
	'flat|0', 'which is empty');
$standby->stop;
$primary->stop;

done_testing();
