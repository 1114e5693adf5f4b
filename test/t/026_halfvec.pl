# Indexes on halfvecs: what they find of the true nearest neighbors for each
# metric, built, inserted into, and after deletes and vacuum, with filters and
# without; that a build does not depend on workers or instructions; and that
# halfvecs and their indexes travel by dumps and by logical replication.
# OMEN_TEST_QUICK=1 leaves out some metrics.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my %opclass = (
	'<->' => 'halfvec_l2_ops',
	'<#>' => 'halfvec_ip_ops',
	'<=>' => 'halfvec_cosine_ops',
	'<+>' => 'halfvec_l1_ops');
my %index = (
	'<->' => 'item_l2',
	'<#>' => 'item_ip',
	'<=>' => 'item_cosine',
	'<+>' => 'item_l1');
my @all = $ENV{OMEN_TEST_QUICK} ? ('<#>', '<->') : sort keys %opclass;
# Inner product has no triangle inequality, and its recall is the lowest.
my %least = ('<->' => 0.97, '<#>' => 0.9, '<=>' => 0.97, '<+>' => 0.96);

my $node = start_node('main', 'fsync = off', 'full_page_writes = off', 'shared_buffers = 128MB',
	'max_wal_size = 2GB', 'wal_level = logical', 'max_parallel_maintenance_workers = 2');

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub create_table
{
	my ($dims) = @_;

	sql("DROP TABLE IF EXISTS item, question;
		CREATE TABLE item (id int PRIMARY KEY, v halfvec($dims), kind int GENERATED ALWAYS AS (id % 20) STORED);
		CREATE TABLE question (id int, q halfvec($dims))");
	return;
}

sub create_indexes
{
	my ($options) = @_;

	sql("CREATE INDEX $index{$_} ON item USING omen_hnsw (v $opclass{$_}, kind)" . ($options ? " WITH ($options)" : '')) for @all;
	return;
}

sub look
{
	my ($when) = @_;

	for my $operator (@all)
	{
		measure_recall($node, $operator, $least{$operator}, $least{$operator}, $when);
		measure_filtered($node, $operator, $_, $least{$operator}, $when) for ('kind = 7', 'id % 3 = 1');
		check_index($node, $index{$operator}, $when);
	}
	return;
}

# ---------- clusters, one in ten a copy ----------

my $rows = 3000;
my @vectors = clustered_vectors(2 * $rows, 32, 1);

sub churn
{
	my ($when) = @_;

	sql('DELETE FROM item WHERE hashint4(id) % 3 = 0');
	sql('VACUUM item');
	look("$when, after deletes");
	load_vectors($node, 'item (id, v)', 2 * $rows, @vectors[ $rows .. 1.4 * $rows ]);
	look("$when, after inserts in their place");
	walk_all($node, $all[0], '17, 18', $rows / 20, $when);
	return;
}

create_table(32);
load_vectors($node, 'question', 1, clustered_vectors(60, 32, 2));
load_vectors($node, 'item (id, v)', 1, @vectors[ 0 .. $rows - 1 ]);
create_indexes('');
look('on clusters, built');
churn('on clusters, built');

create_table(32);
load_vectors($node, 'question', 1, clustered_vectors(60, 32, 2));
create_indexes('');
load_vectors($node, 'item (id, v)', 1, @vectors[ 0 .. $rows - 1 ]);
look('on clusters, inserted');
churn('on clusters, inserted');

# ---------- real images, stored out of line ----------

SKIP:
{
	my @images = fashion_vectors('train', 3000);

	skip 'dataset-fashion-mnist is not installed', 1 unless @images;
	create_table(784);
	load_vectors($node, 'question', 1, fashion_vectors('t10k', 40));
	load_vectors($node, 'item (id, v)', 1, @images[ 0 .. 2499 ]);
	create_indexes('');
	look('on images');

	# The floats that a halfvec stands for are what is indexed: to the byte, an
	# index of halfvecs is one of vectors that have these elements.
	sql('CREATE INDEX item_half ON item USING omen_hnsw (v, kind)');
	sql('CREATE INDEX item_vector ON item USING omen_hnsw ((v::vector(784)), kind)');
	is(index_digest($node, 'item_half'), index_digest($node, 'item_vector'), 'an index of halfvecs is the one of vectors');
	sql('DROP INDEX item_half, item_vector');
	load_vectors($node, 'item (id, v)', 10_000, @images[ 2500 .. 2999 ]);
	look('on images, some inserted');
}

# ---------- the same bytes, whatever builds it ----------

create_table(24);
sql("INSERT INTO item SELECT i, CASE WHEN i % 500 = 0 THEN NULL WHEN i % 500 = 1 THEN array_fill(0, ARRAY[24])::halfvec
	ELSE ARRAY(SELECT (hashint8extended(i % 60, d) % 1000) / 250.0 + (hashint8extended(i, d) % 1000) / 1000.0 FROM generate_series(1, 24) d)::halfvec END
	FROM generate_series(1, 6000) i");
sql('ALTER TABLE item SET (parallel_workers = 2)');
for my $storage ('sq8', 'full')
{
	my %hashes;

	for my $settings ('max_parallel_maintenance_workers = 0; SET omendb.simd = scalar', 'max_parallel_maintenance_workers = 0; SET omendb.simd = auto',
		'max_parallel_maintenance_workers = 2')
	{
		sql("SET $settings; SET min_parallel_table_scan_size = 0;
			CREATE INDEX item_index ON item USING omen_hnsw (v halfvec_l2_ops) WITH (storage = $storage)");
		push @{ $hashes{ index_digest($node, 'item_index') } }, $settings;
		check_index($node, 'item_index', "built in $storage with $settings");
		sql('DROP INDEX item_index');
	}
	is(scalar(keys %hashes), 1, "the same index of $storage codes from scalar code, from others, and in parallel")
	  or diag explain \%hashes;
}

# ---------- dumps ----------

sql(q{
	DROP TABLE item, question;
	CREATE TABLE item (id int PRIMARY KEY, v halfvec(16), w halfvec, e vector(16));
	INSERT INTO item SELECT i, ARRAY(SELECT (hashint8extended(i, d) % 1000) / 300.0 FROM generate_series(1, 16) d)::halfvec,
			CASE WHEN i % 9 <> 0 THEN ARRAY[i, i / 3.0]::halfvec END, ARRAY(SELECT (hashint8extended(i, d) % 1000) / 300.0 FROM generate_series(1, 16) d)::vector
		FROM generate_series(1, 1500) i;
	INSERT INTO item VALUES (9000, array_fill(1, ARRAY[16]), '[5.9604645e-08,-6.1035156e-05,65504,-65504,-0,0,0.1,2049]', NULL);
	CREATE INDEX item_l2 ON item USING omen_hnsw (v) WITH (m = 8, ef_construction = 40);
	CREATE INDEX item_cosine ON item USING omen_hnsw (v halfvec_cosine_ops, id) WITH (storage = sq4);
	CREATE INDEX item_cast ON item USING omen_hnsw ((e::halfvec(16)) halfvec_ip_ops);
	CREATE INDEX item_part ON item USING omen_hnsw ((subvector(v, 1, 4)::halfvec(4)) halfvec_l1_ops);
	CREATE INDEX item_order ON item (w);
	CREATE VIEW near AS SELECT id FROM item WHERE v <<->> halfvec_sphere(array_fill(1, ARRAY[16])::halfvec, 5)});
my @indexes = ('item_l2', 'item_cosine', 'item_cast', 'item_part');
my $what = q{SELECT md5(string_agg(item::text || coalesce(halfvec_send(w)::text, ''), ' ' ORDER BY id)) FROM item;
	SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index WHERE indrelid = 'item'::regclass ORDER BY 1;
	SELECT count(*) FROM near;
	SET enable_seqscan = off; SET omendb.ef_search = 1000;
	SELECT array_agg(id) FROM (SELECT id FROM item ORDER BY v <-> array_fill(1, ARRAY[16])::halfvec LIMIT 10) s;
	SELECT array_agg(id) FROM (SELECT id FROM item ORDER BY e::halfvec(16) <#> array_fill(1, ARRAY[16])::halfvec LIMIT 10) s};
my $wanted = sql($what);
my $dir = PostgreSQL::Test::Utils::tempdir();

command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", '-d', $node->connstr('postgres') ], 'dump');
sql('CREATE DATABASE restored');
command_ok([ 'pg_restore', '-e', '-j', '2', '-d', $node->connstr('restored'), "$dir/custom" ], 'restore');
is($node->safe_psql('restored', $what), $wanted, 'what was restored is the same');
is($node->safe_psql('restored', "SELECT * FROM omen_hnsw_check('$_', true)"), '', "$_ is sound when restored") for @indexes;

# ---------- logical replication, as text and as binary ----------

my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\n");
$subscriber->start;
sql(q{
	CREATE TABLE keyed (v halfvec(3) PRIMARY KEY, n int);
	INSERT INTO keyed SELECT ARRAY[i, -i, i / 8.0]::halfvec, i FROM generate_series(1, 100) i;
	CREATE PUBLICATION everything FOR TABLE item, keyed});
for my $binary ('false', 'true')
{
	my $database = "binary_$binary";
	my $connection = $node->connstr =~ s/'/''/gr . ' dbname=postgres';
	my $keyed = 'SELECT v, n FROM keyed ORDER BY v';

	$subscriber->safe_psql('postgres', "CREATE DATABASE $database");
	command_ok([ 'pg_dump', '-Fc', '-s', '--no-publications', '-f', "$dir/$database", '-d', $node->connstr('postgres') ], 'dump the schema');
	command_ok([ 'pg_restore', '-e', '-d', $subscriber->connstr($database), "$dir/$database" ], 'and restore it');
	$subscriber->safe_psql($database, "CREATE SUBSCRIPTION $database CONNECTION '$connection' PUBLICATION everything WITH (binary = $binary)");
	$subscriber->wait_for_subscription_sync($node, $database) if $subscriber->can('wait_for_subscription_sync');
	$subscriber->poll_query_until($database, q{SELECT bool_and(srsubstate IN ('r', 's')) AND count(*) = 2 FROM pg_subscription_rel})
	  or die 'the first copy does not end';
	sql(q{
		UPDATE item SET v = v * array_fill(-1, ARRAY[16])::halfvec WHERE id % 7 = 0;
		UPDATE item SET w = w || '[0.3,-0]' WHERE id % 10 = 0;
		DELETE FROM item WHERE id % 50 = 3;
		UPDATE keyed SET n = n + 1 WHERE n % 3 = 0;
		UPDATE keyed SET v = v + '[0.5,0,0]' WHERE n % 10 = 0});
	$node->wait_for_catchup($database);
	is($subscriber->safe_psql($database, $what), sql($what), "rows and answers are the same, binary = $binary");
	is($subscriber->safe_psql($database, $keyed), sql($keyed), "rows that are found by a halfvec, too, binary = $binary");
	is($subscriber->safe_psql($database, "SELECT * FROM omen_hnsw_check('$_', true)"), '', "$_ is sound, binary = $binary") for @indexes;
	$subscriber->safe_psql($database, "DROP SUBSCRIPTION $database");
}
unlike(slurp_file($subscriber->logfile), qr/WARNING|PANIC|TRAP/, 'the subscriber had nothing to complain about');

$subscriber->stop;
$node->stop;
done_testing();
