# A standby: every page is replayed to the same bytes, queries give the same
# rows there, while rows are deleted and slots used again, and after promotion.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = start_node('primary', 'fsync = off', 'shared_buffers = 16MB',
	q{wal_consistency_checking = 'all'}, 'max_wal_senders = 4', 'hot_standby = on', 'wal_keep_size = 2GB');
$primary->safe_psql('postgres', q{
	CREATE TABLE item (id int PRIMARY KEY, v vector(16));
	CREATE INDEX item_index ON item USING omen_hnsw (v, (id % 4));
	CREATE TABLE high (id int, v vector(16000));
	CREATE INDEX high_index ON high USING omen_hnsw (v vector_cosine_ops) WITH (storage = full);
	CREATE UNLOGGED TABLE fleeting (id int, v vector(3));
	CREATE INDEX fleeting_index ON fleeting USING omen_hnsw (v);
	CREATE TABLE question (id int, q vector(16));
});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

load_vectors($primary, 'question', 1, clustered_vectors(20, 16, 3));

# The ten nearest of each question, with their distances.
my $nearest = q{
	SET enable_seqscan = off;
	SELECT question.id, array_agg(ROW(s.id, s.d)) FROM question,
		LATERAL (SELECT id, v <-> q AS d FROM item ORDER BY v <-> q LIMIT 10) s
	GROUP BY 1 ORDER BY 1};

sub same_as_primary
{
	my ($when) = @_;

	$primary->wait_for_catchup($standby);
	my $wanted = $primary->safe_psql('postgres', $nearest);
	is($standby->safe_psql('postgres', $nearest), $wanted, "the standby finds what the primary does $when");
	isnt($wanted, '', "and that is something $when");
	check_index($standby, $_, "on the standby $when") for ('item_index', 'high_index');
	return;
}

my @vectors = clustered_vectors(5000, 16, 4);
load_vectors($primary, 'item', 1, @vectors[ 0 .. 899 ]);
$primary->safe_psql('postgres', 'INSERT INTO high SELECT i, array_fill(i, ARRAY[100]) || array_fill(1, ARRAY[15900]) FROM generate_series(1, 20) i');
same_as_primary('with a flat list');
load_vectors($primary, 'item', 901, @vectors[ 900 .. 1799 ]);
same_as_primary('with a graph');
for my $round (1 .. 4)
{
	my $first = 1201 + 600 * $round;

	$primary->safe_psql('postgres', "DELETE FROM item WHERE id IN (SELECT id FROM item ORDER BY hashint4(id + $round) LIMIT 600)");
	$primary->safe_psql('postgres', 'DELETE FROM high WHERE id % 4 = ' . $round % 4);
	$primary->safe_psql('postgres', 'VACUUM item');
	$primary->safe_psql('postgres', 'VACUUM high');
	same_as_primary("after deletes $round") if $round % 2 == 0;
	load_vectors($primary, 'item', $first, @vectors[ $first .. $first + 599 ]);
	$primary->safe_psql('postgres', "INSERT INTO high SELECT i, array_fill(i, ARRAY[100]) || array_fill(1, ARRAY[15900]) FROM generate_series($first, $first + 3) i");
	$primary->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY item_index') if $round == 3;
	same_as_primary("after inserts $round");
}

# Scans on the standby while VACUUM and inserts are replayed below them: no
# errors but conflicts with recovery, rows in order.
my $reads = '';
my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/read.sql", q{
	\set number random(1, 20)
	SET enable_seqscan = off;
	SELECT 1 / (count(*) FILTER (WHERE d < previous) = 0)::int FROM
		(SELECT d, lag(d) OVER () AS previous FROM
			(SELECT v <-> (SELECT q FROM question WHERE id = :number) AS d FROM item ORDER BY 1 LIMIT 50) s) s;
});
my $readers = IPC::Run::start(
	[ 'pgbench', '-n', '-c', '2', '-T', 10 * $PostgreSQL::Test::Utils::timeout_default, '-f', "$dir/read.sql", '-h', $standby->host, '-p', $standby->port, 'postgres' ],
	'<', \undef, '&>', \$reads);
for my $round (1 .. 5)
{
	$primary->safe_psql('postgres', "DELETE FROM item WHERE id % 5 = $round % 5");
	$primary->safe_psql('postgres', 'VACUUM item');
	my $first = 10000 * $round;
	$primary->safe_psql('postgres', "INSERT INTO item SELECT $first + i, (SELECT array_agg(hashint4($first + i + d * 7) % 9) FROM generate_series(1, 16) d)::vector FROM generate_series(1, 400) i");
}
$primary->wait_for_catchup($standby);
ok($readers->pumpable, 'readers on the standby were not stopped by an error') or diag($reads);
$readers->kill_kill;
unlike($reads, qr/ERROR(?!:  canceling statement due to conflict with recovery)/, 'and got no error');
same_as_primary('after changes below readers');

# Promotion.
$standby->promote;
my $before = $primary->safe_psql('postgres', $nearest);
$primary->stop;
is($standby->safe_psql('postgres', $nearest), $before, 'a promoted standby finds the same');
$standby->safe_psql('postgres', q{
	DELETE FROM item WHERE id % 3 = 0;
	INSERT INTO fleeting SELECT i, ARRAY[i, 1, 2]::vector FROM generate_series(1, 1200) i;
});
$standby->safe_psql('postgres', 'VACUUM item');
load_vectors($standby, 'item', 100001, @vectors[ 0 .. 899 ]);
check_index($standby, $_, 'after promotion, vacuum and inserts') for ('item_index', 'high_index', 'fleeting_index');
walk_all($standby, '<->', 100017, 300, 'after promotion');
is($standby->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM fleeting ORDER BY v <-> '[777.25,1,2]' LIMIT 3"),
	"777\n778\n776", 'the index of an unlogged table can be used after promotion');
$standby->stop;
done_testing();
