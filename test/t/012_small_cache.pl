# Searches in an index that does not fit in shared buffers, while its pages come
# and go: what a search peeks at may be replaced at any moment.
use strict;
use warnings;

use IPC::Run;
use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main', 'fsync = off', 'full_page_writes = off', 'shared_buffers = 1MB', 'max_wal_size = 1GB');
my $rows = 6000;
my @vectors = clustered_vectors(2 * $rows, 64, 1);

$node->safe_psql('postgres', '
	CREATE TABLE item (id int PRIMARY KEY, v vector(64));
	CREATE TABLE question (id int, q vector(64))');
load_vectors($node, 'question', 1, clustered_vectors(100, 64, 2));
load_vectors($node, 'item', 1, @vectors[ 0 .. $rows - 1 ]);
$node->safe_psql('postgres', 'CREATE INDEX item_index ON item USING omen_hnsw (v)');
cmp_ok($node->safe_psql('postgres', "SELECT pg_relation_size('item_index')"), '>', 1024 * 1024,
	'the index is larger than shared buffers');
measure_recall($node, '<->', 0.97, 0.97, 'in a small cache');
walk_all($node, '<->', 17, $rows / 20, 'in a small cache');

# Two sessions search over and over, two others read other pages and write to the
# index.  They search for some seconds, and longer where others are busy, until it
# was many times.
$node->safe_psql('postgres', q{
	CREATE FUNCTION search_for(seconds float8, OUT n bigint, OUT missed bigint, OUT disordered bigint)
	LANGUAGE plpgsql AS $$
	DECLARE
		until timestamptz := clock_timestamp() + seconds * interval '1 s';
		own int;
		found float8[];
		in_order boolean;
	BEGIN
		n := 0;
		missed := 0;
		disordered := 0;
		WHILE clock_timestamp() < until OR n <= 100 LOOP
			n := n + 1;
			own := n * 7919 % 6000 + 1;
			found := distances((SELECT v FROM item WHERE id = own), 10, '<->', true);
			SELECT bool_and(d >= before) INTO in_order
			FROM (SELECT d, lag(d, 1, 0::float8) OVER (ORDER BY place) AS before FROM unnest(found) WITH ORDINALITY u (d, place)) s;
			missed := missed + (found[1] <> 0)::int;
			disordered := disordered + (NOT in_order OR cardinality(found) <> 10)::int;
		END LOOP;
	END $$;
	CREATE TABLE other AS SELECT i, repeat('x', 200) AS filler FROM generate_series(1, 40000) i;
});
load_vectors($node, 'question', 1000, @vectors[ $rows .. 2 * $rows - 1 ]);
# Start to run something in a session of its own.
sub start
{
	my ($sql) = @_;
	my %session = (output => '');

	$session{run} = IPC::Run::start([ 'psql', '-qXAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', $sql ],
		'<', \undef, '&>', \$session{output});
	return \%session;
}

my $seconds = $ENV{OMEN_TEST_QUICK} ? 3 : 8;
my @searches = map { start("SELECT * FROM search_for($seconds)") } 1 .. 2;
my @others = (
	start('DO $$ BEGIN FOR n IN 1 .. 60 LOOP PERFORM count(*) FROM other; PERFORM pg_sleep(0.05); END LOOP; END $$'),
	start(q{DO $$ BEGIN FOR n IN 0 .. 39 LOOP
		INSERT INTO item SELECT id + 10000, q FROM question WHERE id > 1000 AND id % 40 = n;
		DELETE FROM item WHERE id > 10000 AND id % 3 = 0;
		COMMIT;
	END LOOP; END $$}));

for (@others)
{
	$_->{run}->finish;
	is($_->{output}, '', 'a session that writes or reads much else has no complaints');
}
for (@searches)
{
	$_->{run}->finish;
	my ($n, $missed, $disordered) = $_->{output} =~ /^(\d+)\|(\d+)\|(\d+)$/;

	note("searches $_->{output}");
	cmp_ok($n, '>', 100, 'a session searched while pages came and went');
	cmp_ok($missed, '<=', 0.05 * $n, 'it found nearly all rows that it looked for');
	is($disordered, 0, 'and always ten, in order');
}
$node->safe_psql('postgres', 'VACUUM item');
check_index($node, 'item_index', 'after that');
$node->safe_psql('postgres', 'DELETE FROM question WHERE id >= 1000');
measure_recall($node, '<->', 0.97, 0.97, 'in a small cache, after that');

$node->stop;
done_testing();
