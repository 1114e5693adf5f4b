# Indexes on sparse vectors like those that models of text make: what they find of
# the true nearest neighbors for each metric, built, inserted into, and after
# deletes and vacuum, with filters and without; that a build does not depend on
# workers or instructions; vectors of very many elements; a crash; dumps and
# logical replication.  OMEN_TEST_QUICK=1 leaves out some metrics.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 30522;
my %opclass = (
	'<->' => 'sparsevec_l2_ops',
	'<#>' => 'sparsevec_ip_ops',
	'<=>' => 'sparsevec_cosine_ops',
	'<+>' => 'sparsevec_l1_ops');
my %index = (
	'<->' => 'item_l2',
	'<#>' => 'item_ip',
	'<=>' => 'item_cosine',
	'<+>' => 'item_l1');
my @all = $ENV{OMEN_TEST_QUICK} ? ('<#>', '<+>') : sort keys %opclass;
# A search knows distances to a few parts in a hundred; and the nearest of all to a
# short text by L2 and L1 is often a short one that has little to do with it.
my $least = 0.9;
my $least_1 = 0.8;

my $node = start_node('main', 'full_page_writes = on', 'shared_buffers = 128MB', 'max_wal_size = 2GB',
	'wal_level = logical', 'max_parallel_maintenance_workers = 2');

sub sql { return $node->safe_psql('postgres', $_[0]); }

# ---------- texts ----------

# A text of about so many words out of one or two topics, of which each has an
# order of its own of all words, by Zipf's law; one word in seven is out of an
# order that all share.  Frequent words weigh more.
my $topics = 150;
my $prime = 30517;

sub text_vector
{
	my ($words) = @_;
	my @topics = (1 + int(rand($topics)), 1 + int(rand($topics)));
	my %count;

	for (1 .. 4 * $words)
	{
		my $topic = rand() < 0.15 ? 0 : rand() < 0.7 ? $topics[0] : $topics[1];
		my $rank = int(3 / (1 - rand())**1.6);

		# each word has another place in each topic's order
		$count{ 1 + ($rank * (7 + 131 * $topic) + 977 * $topic) % $prime }++;
	}
	my @most = (sort { $count{$b} <=> $count{$a} || $a <=> $b } keys %count);
	splice(@most, $words) if @most > $words;
	return '{' . join(',', map { sprintf('%d:%.4g', $_, log(1 + $count{$_}) * (0.7 + rand(0.6))) } sort { $a <=> $b } @most) . "}/$dims";
}

sub text_vectors
{
	my ($n, $seed, $longest) = @_;

	srand($seed);
	return map { text_vector(int(20 * ($longest / 20)**rand())) } 1 .. $n;
}

# ---------- what is looked at ----------

sub create_table
{
	sql("DROP TABLE IF EXISTS item, question;
		CREATE TABLE item (id int PRIMARY KEY, v sparsevec($dims), kind int GENERATED ALWAYS AS (id % 20) STORED);
		CREATE TABLE question (id int, q sparsevec($dims))");
	load_vectors($node, 'question', 1, text_vectors(40, 2, 60));
	return;
}

sub create_indexes
{
	sql("CREATE INDEX $index{$_} ON item USING omen_hnsw (v $opclass{$_}, kind)") for @all;
	return;
}

sub look
{
	my ($when) = @_;

	for my $operator (@all)
	{
		measure_recall($node, $operator, $least_1, $least, $when);
		measure_filtered($node, $operator, $_, $least, $when) for ('kind = 7', 'id % 3 = 1');
		check_index($node, $index{$operator}, $when);
	}
	return;
}

my $rows = 3000;
my @texts = text_vectors(1.5 * $rows, 1, 300);

create_table();
load_vectors($node, 'item (id, v)', 1, @texts[ 0 .. $rows - 1 ]);
create_indexes();
look('built');
sql('DELETE FROM item WHERE hashint4(id) % 3 = 0');
sql('VACUUM item');
look('after deletes');
load_vectors($node, 'item (id, v)', 2 * $rows, @texts[ $rows .. 1.4 * $rows ]);
look('after inserts in their place');
walk_all($node, $_, '17, 19', $rows / 10, "of sketches") for @all;

create_table();
create_indexes();
load_vectors($node, 'item (id, v)', 1, @texts[ 0 .. $rows / 2 ]);
look('inserted');

# ---------- a crash ----------

sql("INSERT INTO item SELECT i, ('{' || string_agg((1 + (i * 7919 + j * 104729) % $dims) || ':' || j, ',') || '}/$dims')::sparsevec
	FROM generate_series(20001, 20200) i, generate_series(1, 30) j GROUP BY i");
$node->stop('immediate');
$node->start;
look('after a crash');

# ---------- as many elements as there may be, and as few ----------

sql("INSERT INTO item SELECT 30000 + k, ('{' || string_agg((i + k) || ':' || (i % 7 + k % 3 - 3.5), ',') || '}/$dims')::sparsevec
	FROM generate_series(1, 16000) i, generate_series(1, 20) k GROUP BY k");
sql("INSERT INTO item VALUES (30100, '{}/$dims'), (30101, '{30522:1}/$dims'), (30102, NULL)");
check_index($node, $_, 'with vectors of 16,000 elements') for map { $index{$_} } @all;
# With so large a list all nodes are looked at: what lies as far from all else as
# these may be missed by a search.
for my $operator (@all)
{
	is( sql("SET enable_seqscan = off; SET omendb.ef_search = 2000; SELECT id FROM item ORDER BY v $operator (SELECT v FROM item WHERE id = 30007) LIMIT 1"),
		sql("SET enable_indexscan = off; SELECT id FROM item ORDER BY v $operator (SELECT v FROM item WHERE id = 30007) LIMIT 1"),
		"one of 16,000 elements is found by $operator");
}

# ---------- the same bytes, whatever builds it ----------

sql('DROP INDEX ' . join(', ', map { $index{$_} } @all) . '; ALTER TABLE item SET (parallel_workers = 2)');
load_vectors($node, 'item (id, v)', 40_000, @texts);
for my $operator (@all)
{
	my %hashes;

	for my $settings ('max_parallel_maintenance_workers = 0; SET omendb.simd = scalar', 'max_parallel_maintenance_workers = 0; SET omendb.simd = auto',
		'max_parallel_maintenance_workers = 2')
	{
		sql("SET $settings; SET min_parallel_table_scan_size = 0;
			CREATE INDEX item_index ON item USING omen_hnsw (v $opclass{$operator})");
		push @{ $hashes{ index_digest($node, 'item_index') } }, $settings;
		check_index($node, 'item_index', "built for $operator with $settings");
		sql('DROP INDEX item_index');
	}
	is(scalar(keys %hashes), 1, "the same index for $operator from scalar code, from other code, and in parallel")
	  or diag explain \%hashes;
}

# ---------- dumps, and logical replication ----------

sql(q{
	DROP TABLE item, question;
	CREATE TABLE item (id int PRIMARY KEY, v sparsevec(5000), w sparsevec);
	INSERT INTO item SELECT i, ('{' || string_agg((1 + (i * 7919 + j * 104729) % 5000) || ':' || (i + j) % 9 + 1, ',') || '}/5000')::sparsevec,
			CASE WHEN i % 9 <> 0 THEN ARRAY[i, 0, i / 3.0]::sparsevec END
		FROM generate_series(1, 1500) i, generate_series(1, 20) j GROUP BY i;
	INSERT INTO item VALUES (9000, '{1:1}/5000', '{1:-1e-45,1000000000:3.4028235e+38}/1000000000');
	CREATE INDEX item_ip ON item USING omen_hnsw (v sparsevec_ip_ops) WITH (m = 8, ef_construction = 40);
	CREATE INDEX item_cosine ON item USING omen_hnsw (v sparsevec_cosine_ops, id) WITH (storage = sq8);
	CREATE INDEX item_part ON item USING omen_hnsw ((v::sparsevec(5000)) sparsevec_l1_ops);
	CREATE INDEX item_order ON item (w);
	CREATE VIEW near AS SELECT id FROM item WHERE v <<->> sparsevec_sphere('{1:1}/5000', 20)});
my @indexes = ('item_ip', 'item_cosine', 'item_part');
my $what = q{SELECT md5(string_agg(item::text || coalesce(sparsevec_send(w)::text, ''), ' ' ORDER BY id)) FROM item;
	SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index WHERE indrelid = 'item'::regclass ORDER BY 1;
	SELECT count(*) FROM near};
my $wanted = sql($what);
my $dir = PostgreSQL::Test::Utils::tempdir();

command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", '-d', $node->connstr('postgres') ], 'dump');
sql('CREATE DATABASE restored');
command_ok([ 'pg_restore', '-e', '-j', '2', '-d', $node->connstr('restored'), "$dir/custom" ], 'restore');
is($node->safe_psql('restored', $what), $wanted, 'what was restored is the same');
is($node->safe_psql('restored', "SELECT * FROM omen_hnsw_check('$_', true)"), '', "$_ is sound when restored") for @indexes;

my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\n");
$subscriber->start;
sql('CREATE PUBLICATION everything FOR TABLE item');
for my $binary ('false', 'true')
{
	my $database = "binary_$binary";
	my $connection = $node->connstr =~ s/'/''/gr . ' dbname=postgres';

	$subscriber->safe_psql('postgres', "CREATE DATABASE $database");
	command_ok([ 'pg_dump', '-Fc', '-s', '--no-publications', '-f', "$dir/$database", '-d', $node->connstr('postgres') ], 'dump the schema');
	command_ok([ 'pg_restore', '-e', '-d', $subscriber->connstr($database), "$dir/$database" ], 'and restore it');
	$subscriber->safe_psql($database, "CREATE SUBSCRIPTION $database CONNECTION '$connection' PUBLICATION everything WITH (binary = $binary)");
	$subscriber->poll_query_until($database, q{SELECT bool_and(srsubstate IN ('r', 's')) AND count(*) = 1 FROM pg_subscription_rel})
	  or die 'the first copy does not end';
	sql(q{
		UPDATE item SET v = l2_normalize(v) WHERE id % 7 = 0;
		DELETE FROM item WHERE id % 50 = 3});
	$node->wait_for_catchup($database);
	is($subscriber->safe_psql($database, $what), sql($what), "rows are the same, binary = $binary");
	is($subscriber->safe_psql($database, "SELECT * FROM omen_hnsw_check('$_', true)"), '', "$_ is sound, binary = $binary") for @indexes;
	$subscriber->safe_psql($database, "DROP SUBSCRIPTION $database");
}
unlike(slurp_file($subscriber->logfile), qr/WARNING|PANIC|TRAP/, 'the subscriber had nothing to complain about');

$subscriber->stop;
$node->stop;
done_testing();
