# Values of every type on their ways into a database and out of it: COPY as
# text, CSV and binary, arrays, JSON, dump and restore, logical replication as
# text and as binary, a replica.  Rows are the same to the last bit, and the
# indexes there are sound and find what is nearest.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\n");
$node->start;

my $tables = q{
	CREATE EXTENSION omendb;
	CREATE TABLE item (id int PRIMARY KEY, v vector(24), h halfvec(24), s sparsevec(1000), b bit(24),
		many halfvec[], few sparsevec[]);
	CREATE INDEX item_v ON item USING omen_hnsw (v vector_cosine_ops);
	CREATE INDEX item_h ON item USING omen_hnsw (h halfvec_l2_ops);
	CREATE INDEX item_s ON item USING omen_hnsw (s sparsevec_ip_ops);
	CREATE INDEX item_b ON item USING omen_hnsw (b bit_hamming_ops)};
my @indexes = ('item_v', 'item_h', 'item_s', 'item_b');

$node->safe_psql('postgres', $tables);
create_made_vector($node);
$node->safe_psql('postgres', q{
	INSERT INTO item (id, v) SELECT i, made_vector(i, 24, 30) FROM generate_series(1, 1500) i;
	UPDATE item SET h = v, b = binary_quantize(v - '[0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3]'),
		s = (SELECT ('{' || string_agg(format('%s:%s', 1 + (abs(hashint8(id % 30 * 100 + d)) % 1000), 1 + abs(hashint8(id * 50 + d)) % 1000 / 1000.0), ',')
			|| '}/1000')::sparsevec FROM (SELECT DISTINCT ON (abs(hashint8(id % 30 * 100 + d)) % 1000) d FROM generate_series(1, 20) d) x);
	UPDATE item SET many = ARRAY[h, NULL, h * h], few = ARRAY[s, '{}/3'] WHERE id % 3 = 0;
	INSERT INTO item VALUES (2000, NULL, NULL, NULL, NULL, NULL, NULL),
		(2001, array_fill(1e-45, ARRAY[24]), array_fill(5.9604645e-8, ARRAY[24]), '{1:1e-45,1000:-3.4028235e38}/1000', repeat('1', 24)::bit(24), '{}', '{}'),
		(2002, array_fill(3.4e38, ARRAY[24]), array_fill(-65504, ARRAY[24]), '{}/1000', repeat('0', 24)::bit(24), NULL, '{"{2:-1}/2"}')});

# Rows to the last bit, and what is nearest, with so large a list that graphs
# do not matter.
my $rows = q{SELECT count(*), md5(string_agg(id || ' ' || coalesce(vector_send(v)::text, '') || coalesce(halfvec_send(h)::text, '') ||
	coalesce(sparsevec_send(s)::text, '') || coalesce(b::text, '') || coalesce(many::text, '') || coalesce(few::text, ''), ';' ORDER BY id)) FROM item};
my $nearest = q{
	SET enable_seqscan = off;
	SET omendb.ef_search = 2000;
	SELECT array_agg(id) FROM (SELECT id FROM item ORDER BY v <=> (SELECT v FROM item WHERE id = 7), id LIMIT 10) s;
	SELECT array_agg(id) FROM (SELECT id FROM item ORDER BY h <-> (SELECT h FROM item WHERE id = 7), id LIMIT 10) s;
	SELECT array_agg(id) FROM (SELECT id FROM item ORDER BY s <#> (SELECT s FROM item WHERE id = 7), id LIMIT 10) s;
	SELECT array_agg(id) FROM (SELECT id FROM item ORDER BY b <~> (SELECT b FROM item WHERE id = 7), id LIMIT 10) s};
my $wanted_rows = $node->safe_psql('postgres', $rows);
my $wanted = $node->safe_psql('postgres', $nearest);
is($wanted, $node->safe_psql('postgres', $nearest =~ s/SET enable_seqscan = off/SET enable_indexscan = off; SET omendb.enable_scan = off/r),
	'indexes find what looking at all rows does');
like($node->safe_psql('postgres', 'SET enable_seqscan = off; EXPLAIN SELECT id FROM item ORDER BY s <#> (SELECT s FROM item WHERE id = 7) LIMIT 10'),
	qr/item_s/, 'and are used');

sub is_the_same
{
	my ($server, $database, $how) = @_;

	is($server->safe_psql($database, $rows), $wanted_rows, "rows are the same $how");
	is($server->safe_psql($database, $nearest), $wanted, "queries find the same $how");
	for my $index (@indexes)
	{
		is($server->safe_psql($database, "SELECT severity, kind, block, slot, detail FROM omen_hnsw_check('$index', true)"),
			'', "$index is sound $how");
	}
	return;
}

# COPY
for my $format ('text', 'csv', 'binary')
{
	my $file = PostgreSQL::Test::Utils::tempdir() . "/$format";

	$node->safe_psql('postgres', "COPY item TO '$file' (FORMAT $format)");
	$node->safe_psql('postgres', "CREATE DATABASE by_$format");
	$node->safe_psql("by_$format", "$tables; COPY item FROM '$file' (FORMAT $format)");
	is_the_same($node, "by_$format", "after COPY as $format");
}

# Arrays of values, and arrays and JSON as values.
is($node->safe_psql('postgres', q{
	SELECT count(*), sum(vector_dims(x)), avg(x) = avg(x) FROM item, unnest(many) x WHERE id <= 1500;
	SELECT count(x) FROM item, unnest(few) x WHERE id <= 1500}),
	$node->safe_psql('postgres', q{
	SELECT 3 * count(*), 2 * 24 * count(*), true FROM item WHERE id <= 1500 AND id % 3 = 0;
	SELECT 2 * count(*) FROM item WHERE id <= 1500 AND id % 3 = 0}),
	'arrays of each type are taken apart');
is($node->safe_psql('postgres', q{
	WITH j AS (SELECT '{"e": [1, -2.5, 0]}'::jsonb AS j)
	SELECT (j->'e')::text::vector(3), (j->'e')::text::halfvec(3), (j->'e')::text::vector(3)::sparsevec(3) FROM j;
	SELECT ARRAY[1, 0, 2]::vector::sparsevec, ARRAY[1.5, 0]::halfvec, ARRAY[0, 2]::real[]::sparsevec, ARRAY[1, 0]::numeric[]::sparsevec}),
	"[1,-2.5,0]|[1,-2.5,0]|{1:1,2:-2.5}/3\n{1:1,3:2}/3|[1.5,0]|{2:2}/2|{1:1}/2", 'arrays and JSON arrays become values');

# Dump and restore.
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_restore', '-e', '-d', $node->connstr('restored'), $dump ], 'restore');
is_the_same($node, 'restored', 'after dump and restore');

# Logical replication.
$node->safe_psql('postgres', 'CREATE PUBLICATION everything FOR TABLE item');
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\n");
$subscriber->start;
for my $binary ('false', 'true')
{
	$subscriber->safe_psql('postgres', "CREATE DATABASE binary_$binary");
	$subscriber->safe_psql("binary_$binary", $tables);
	$subscriber->safe_psql("binary_$binary", "CREATE SUBSCRIPTION binary_$binary CONNECTION '"
		  . $node->connstr =~ s/'/''/gr . " dbname=postgres' PUBLICATION everything WITH (binary = $binary)");
	$subscriber->poll_query_until("binary_$binary", q{SELECT bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel})
	  or die 'the first copy does not end';
}
$node->safe_psql('postgres', q{
	UPDATE item SET h = h + h, s = (SELECT s FROM item o WHERE o.id = item.id % 50 + 1) WHERE id % 10 = 1 AND id <= 1500;
	DELETE FROM item WHERE id % 10 = 2 AND id < 2000;
	INSERT INTO item (id, h, s, b) SELECT 10000 + id, h, s, b FROM item WHERE id % 10 = 3 AND id < 2000});
$wanted_rows = $node->safe_psql('postgres', $rows);
$wanted = $node->safe_psql('postgres', $nearest);
for my $binary ('false', 'true')
{
	$node->wait_for_catchup("binary_$binary");
	is_the_same($subscriber, "binary_$binary", "on a subscriber, binary = $binary");
	$subscriber->safe_psql("binary_$binary", "DROP SUBSCRIPTION binary_$binary");
}
$subscriber->stop;

# A replica, of what is written while it follows.
$node->backup('base');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($node, 'base', has_streaming => 1);
$replica->start;
$node->safe_psql('postgres', q{
	INSERT INTO item (id, v, h, s, b) SELECT 20000 + id, v, h + h, s, ~b FROM item WHERE id % 10 = 4 AND id < 2000;
	DELETE FROM item WHERE id % 10 = 5 AND id < 2000;
	VACUUM item});
$wanted_rows = $node->safe_psql('postgres', $rows);
$wanted = $node->safe_psql('postgres', $nearest);
$node->wait_for_catchup($replica, 'replay');
is_the_same($replica, 'postgres', 'on a replica');
is_the_same($node, 'postgres', 'after VACUUM');
$replica->stop;
$node->stop;
done_testing();
