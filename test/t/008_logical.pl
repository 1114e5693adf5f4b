# Logical replication: vectors travel as text and as binary, in the first copy
# and in changes, large ones and those of replica identities among them; the
# subscriber's own indexes are sound and find what the publisher's do.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
# transactions are decoded to disk, and sent before they end to who wants that
$publisher->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nlogical_decoding_work_mem = 64kB\n");
$publisher->start;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nmax_logical_replication_workers = 12\n"
	. "max_worker_processes = 20\nmax_sync_workers_per_subscription = 4\n");
$subscriber->start;

# Numbers whose text needs all their digits, and the ends of their range.
my $tables = q{
	CREATE EXTENSION omendb;
	CREATE TABLE item (id int PRIMARY KEY, v vector(16), w vector);
	CREATE TABLE wide (id int PRIMARY KEY, v vector(2500), n int);
	-- without a key; rows are found by all that they have
	CREATE TABLE pair (v vector(4), w vector(2500), n int);
	ALTER TABLE pair REPLICA IDENTITY FULL;
	ALTER TABLE pair ALTER w SET STORAGE EXTERNAL;
	-- a vector is the key
	CREATE TABLE keyed (v vector(3) PRIMARY KEY, n int)};
# The tables with their indexes, and what the first copy brings.
$publisher->safe_psql('postgres', $tables);
create_made_vector($publisher);
$publisher->safe_psql('postgres', q{
	CREATE INDEX item_index ON item USING omen_hnsw (v);
	INSERT INTO item SELECT i, made_vector(i, 16, 50), made_vector(i, i % 20 + 1, 7) FROM generate_series(1, 1400) i;
	INSERT INTO item SELECT i, NULL, NULL FROM generate_series(1401, 1410) i;
	INSERT INTO item VALUES
		(2000, array_fill(1, ARRAY[16]), '[1e-45,-1.17549435e-38,3.4028235e38,-3.4028235e38,-0,0,0.1,16777217,1.0000001]');
	-- halves and thirds of all sizes
	INSERT INTO item SELECT 2000 + i, array_fill(1.0 / i, ARRAY[16]), ARRAY[i / 3.0, 1e-30 / i, 1e30 / i]::vector
		FROM generate_series(1, 90) i;
	INSERT INTO wide SELECT i, made_vector(i, 2500, 10), i FROM generate_series(1, 30) i;
	INSERT INTO pair SELECT made_vector(i % 40, 4, 5), made_vector(i, 2500, 10), i FROM generate_series(1, 80) i;
	INSERT INTO pair SELECT NULL, NULL, NULL FROM generate_series(1, 3) i;
	INSERT INTO keyed SELECT ARRAY[i, -i, 0.1 * i]::vector, i FROM generate_series(1, 200) i;
	CREATE PUBLICATION everything FOR TABLE item, wide, pair, keyed});

my %options = (as_text => 'binary = false, streaming = off', as_binary => 'binary = true, streaming = on');
for my $way (sort keys %options)
{
	$subscriber->safe_psql('postgres', "CREATE DATABASE $way");
	$subscriber->safe_psql($way, $tables);
	create_made_vector_in($way);
	$subscriber->safe_psql($way, q{
		CREATE INDEX item_index ON item USING omen_hnsw (v) WITH (m = 8, ef_construction = 32);
		CREATE INDEX wide_index ON wide USING omen_hnsw (v vector_cosine_ops, n) WITH (storage = full);
		-- the only indexes of a table whose rows are to be found by what they have
		CREATE INDEX pair_index ON pair USING omen_hnsw (v, n);
		CREATE INDEX pair_wide ON pair USING omen_hnsw (w vector_ip_ops);
		CREATE INDEX keyed_index ON keyed USING omen_hnsw (v vector_l1_ops)});
	$subscriber->safe_psql($way, "CREATE SUBSCRIPTION $way CONNECTION '" . $publisher->connstr =~ s/'/''/gr
		  . " dbname=postgres' PUBLICATION everything WITH ($options{$way})");
}

sub create_made_vector_in
{
	my ($database) = @_;

	$subscriber->safe_psql($database, $publisher->safe_psql('postgres', "SELECT pg_get_functiondef('made_vector'::regproc)"));
	return;
}

# Rows, to the last bit: a text of a float names it exactly, but for the sign of
# zero, which the bytes on the wire have.
my $rows = join ';', map { "SELECT '$_', count(*), md5(string_agg(md5(row), '' ORDER BY row))
	FROM (SELECT t::text" . ($_ eq 'item' ? " || coalesce(vector_send(w)::text, '')" : '') . " AS row FROM $_ t) s" }
  ('item', 'wide', 'pair', 'keyed');
# Ten nearest of some vectors.  With so large a candidate list the graph does not
# matter.  No operator but that of item_index has an index on both.
my $nearest = q{
	SET enable_seqscan = off;
	SET omendb.ef_search = 1000;
	WITH question AS MATERIALIZED (SELECT q, made_vector(q, 16, 50) AS x FROM generate_series(1, 1400, 100) q)
	SELECT q, (SELECT array_agg(ROW(s.*)) FROM (SELECT id, v <-> x AS d FROM item ORDER BY 2, 1 LIMIT 10) s) FROM question;
	WITH question AS MATERIALIZED (SELECT q, made_vector(q, 2500, 10) AS x FROM generate_series(1, 30, 5) q)
	SELECT q, (SELECT array_agg(s.id) FROM (SELECT id FROM wide ORDER BY v <=> x LIMIT 5) s) FROM question;
	WITH question AS MATERIALIZED (SELECT q, made_vector(q, 4, 5) AS x FROM generate_series(1, 40, 5) q)
	SELECT q, (SELECT array_agg(s.d) FROM (SELECT v <-> x AS d FROM pair ORDER BY 1 LIMIT 10) s) FROM question;
	SELECT q, (SELECT array_agg(s.n) FROM (SELECT n FROM keyed ORDER BY v <+> ARRAY[q, 0.3, 0]::vector LIMIT 5) s)
		FROM generate_series(1, 40, 5) q};

sub same
{
	my ($when) = @_;
	my $wanted_rows = $publisher->safe_psql('postgres', $rows);
	my $wanted = $publisher->safe_psql('postgres', $nearest);

	note($wanted_rows);
	for my $way (sort keys %options)
	{
		$publisher->wait_for_catchup($way);
		is($subscriber->safe_psql($way, $rows), $wanted_rows, "the rows are the same $when, $way");
		is($subscriber->safe_psql($way, $nearest), $wanted, "queries find the same $when, $way");
		for my $index ('item_index', 'wide_index', 'pair_index', 'pair_wide', 'keyed_index')
		{
			is($subscriber->safe_psql($way, "SELECT severity, kind, block, slot, detail FROM omen_hnsw_check('$index', true)"),
				'', "$index is sound $when, $way");
		}
	}
	return;
}

for my $way (sort keys %options)
{
	$subscriber->poll_query_until($way, q{SELECT bool_and(srsubstate IN ('r', 's')) AND count(*) = 4 FROM pg_subscription_rel})
	  or die "the first copy $way does not end";
	like($subscriber->safe_psql($way, "EXPLAIN SELECT id FROM item ORDER BY v <-> made_vector(1, 16, 50) LIMIT 10"),
		qr/item_index/, "a subscriber's query uses its index, $way");
}
same('after the first copy');

# Changes, in small transactions and in one that is sent before it ends, with
# parts that are rolled back.
$publisher->safe_psql('postgres', q{
	INSERT INTO item SELECT i, made_vector(i, 16, 50) FROM generate_series(3001, 3200) i;
	UPDATE item SET v = made_vector(id + 7, 16, 50) WHERE id % 9 = 0;
	UPDATE item SET v = NULL WHERE id % 90 = 1;
	UPDATE item SET w = w || '[0.3]' WHERE id % 5 = 0;
	UPDATE item SET id = id + 10000 WHERE id % 70 = 3;
	DELETE FROM item WHERE id % 11 = 0;
	-- the large value is not sent, since it has not changed
	UPDATE wide SET n = -n WHERE id % 2 = 0;
	UPDATE wide SET v = made_vector(id + 100, 2500, 10) WHERE id % 3 = 0;
	DELETE FROM wide WHERE id % 5 = 0});
same('after changes');
$publisher->safe_psql('postgres', q{
	UPDATE pair SET n = n + 1000 WHERE n % 4 = 0;
	UPDATE pair SET v = v + '[0.1,0.2,0.3,0.4]' WHERE n % 4 = 1;
	UPDATE pair SET w = made_vector(n + 500, 2500, 10) WHERE n % 4 = 2;
	-- of two equal rows one
	DELETE FROM pair WHERE ctid = (SELECT min(ctid) FROM pair WHERE v IS NULL);
	UPDATE pair SET v = '[0,-0,1e-45,-1e-45]' WHERE ctid = (SELECT min(ctid) FROM pair WHERE v IS NULL);
	UPDATE pair SET v = '[1,1,1,1]' WHERE v = '[0,0,1e-45,-1e-45]';
	DELETE FROM pair WHERE n % 5 = 0;
	UPDATE keyed SET n = -n WHERE n % 3 = 0;
	UPDATE keyed SET v = v * '[2,2,2]' WHERE n % 7 = 0 AND n > 100;
	DELETE FROM keyed WHERE v IN (SELECT v FROM keyed ORDER BY v DESC LIMIT 20)});
same('after changes of rows that are found by vectors');
$publisher->safe_psql('postgres', q{
	BEGIN;
	INSERT INTO item SELECT i, made_vector(i, 16, 50), made_vector(i, 40, 50) FROM generate_series(4001, 4400) i;
	SAVEPOINT s;
	INSERT INTO item SELECT i, made_vector(i, 16, 50), made_vector(i, 40, 50) FROM generate_series(4401, 5000) i;
	DELETE FROM wide;
	DELETE FROM pair;
	ROLLBACK TO s;
	INSERT INTO wide SELECT i, made_vector(i + 1000, 2500, 10), i FROM generate_series(101, 120) i;
	UPDATE item SET v = made_vector(id + 1, 16, 50) WHERE id > 4200;
	COMMIT;
	DELETE FROM item WHERE id BETWEEN 500 AND 900});
same('after a large transaction');
cmp_ok($publisher->safe_psql('postgres', "SELECT stream_count FROM pg_stat_replication_slots WHERE slot_name = 'as_binary'"),
	'>', 0, 'which was sent before its end');

# The slots that VACUUM frees are used again by what comes next.
for my $way (sort keys %options)
{
	$subscriber->safe_psql($way, "VACUUM (INDEX_CLEANUP ON) $_") for ('item', 'wide', 'pair', 'keyed');
}
$publisher->safe_psql('postgres', q{INSERT INTO item SELECT i, made_vector(i, 16, 50) FROM generate_series(500, 900) i;
	TRUNCATE wide;
	INSERT INTO wide SELECT i, made_vector(i, 2500, 10), i FROM generate_series(1, 30) i});
same('after VACUUM and inserts');
unlike(slurp_file($subscriber->logfile), qr/ERROR|WARNING|PANIC|TRAP/, 'the subscriber had nothing to complain about');

$subscriber->safe_psql($_, "DROP SUBSCRIPTION $_") for (sort keys %options);
$subscriber->stop;
$publisher->stop;
done_testing();
