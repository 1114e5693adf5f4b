# Dump and restore: the indexes come back with their operator classes and
# parameters, and find the same; the rows travel as text and as binary.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main', 'fsync = off');
my $dir = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', q{
	CREATE SCHEMA elsewhere;
	CREATE TABLE item (id int PRIMARY KEY, v vector(16), w vector);
	CREATE INDEX item_l2 ON item USING omen_hnsw (v) WITH (m = 8, ef_construction = 40);
	CREATE INDEX item_cosine ON item USING omen_hnsw (v vector_cosine_ops) WITH (storage = full) WHERE id % 2 = 0;
	CREATE INDEX item_part ON item USING omen_hnsw ((subvector(v, 1, 4)::vector(4)) vector_ip_ops);
	CREATE INDEX item_cast ON item USING omen_hnsw ((w::vector(2)) vector_l1_ops);
	CREATE MATERIALIZED VIEW elsewhere.few AS SELECT id, v FROM item WHERE id < 100;
	CREATE INDEX few_index ON elsewhere.few USING omen_hnsw (v);
	ALTER DATABASE postgres SET omendb.ef_search = 60;
	CREATE TABLE question (id int, q vector(16));
});
load_vectors($node, 'question', 1, clustered_vectors(10, 16, 6));
{
	my @vectors = clustered_vectors(2500, 16, 5);
	my $id = 0;
	load_vectors($node, 'item (id, v)', 1, @vectors);
	$node->safe_psql('postgres', q{
		UPDATE item SET w = ARRAY[id % 17, id % 13]::vector;
		UPDATE item SET v = NULL WHERE id % 50 = 0;
		REFRESH MATERIALIZED VIEW elsewhere.few});
}

my $definitions = q{
	SELECT indexrelid::regclass, pg_get_indexdef(indexrelid), indisvalid FROM pg_index
	WHERE pg_get_indexdef(indexrelid) LIKE '%omen_hnsw%' ORDER BY 2};
my $answers = q{
	SET enable_seqscan = off;
	SELECT array_agg(ROW(s.id, s.d)) FROM question, LATERAL (SELECT id, v <-> q AS d FROM item ORDER BY v <-> q LIMIT 10) s;
	SELECT array_agg(id) FROM (SELECT id FROM item WHERE id % 2 = 0 ORDER BY v <=> (SELECT q FROM question WHERE id = 2) LIMIT 10) s;
	SELECT array_agg(d) FROM (SELECT w::vector(2) <+> '[3,4]' AS d FROM item ORDER BY 1 LIMIT 10) s};
my @indexes = ('item_l2', 'item_cosine', 'item_part', 'item_cast', 'elsewhere.few_index');
my $wanted_definitions = $node->safe_psql('postgres', $definitions);
my $wanted_answers = $node->safe_psql('postgres', $answers);

is(scalar(split /\n/, $wanted_definitions), 5, 'there are five indexes to dump');

command_ok([ 'pg_dump', '-Fp', '-f', "$dir/plain.sql", '-d', $node->connstr('postgres') ], 'dump as a script');
command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", '-d', $node->connstr('postgres') ], 'dump as an archive');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->safe_psql('postgres', 'CREATE DATABASE custom');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql", '-d', $node->connstr('plain') ],
	'restore from a script');
command_ok([ 'pg_restore', '-e', '-j', '2', '-d', $node->connstr('custom'), "$dir/custom" ], 'restore from an archive, in parallel');
for my $database ('plain', 'custom')
{
	is($node->safe_psql($database, $definitions), $wanted_definitions, "the indexes are as they were in $database");
	# the graph may be another one, since rows come in another order
	is(scalar(split /\n/, $node->safe_psql($database, $answers)), scalar(split /\n/, $wanted_answers), "queries run in $database");
	for my $index (@indexes)
	{
		is($node->safe_psql($database, "SELECT * FROM omen_hnsw_check('$index', true)"), '', "$index is sound in $database");
	}
	is($node->safe_psql($database, 'SELECT md5(string_agg(item::text, $$ $$ ORDER BY id)) FROM item'),
		$node->safe_psql('postgres', 'SELECT md5(string_agg(item::text, $$ $$ ORDER BY id)) FROM item'),
		"the rows are the same in $database");
}

# A dump of the restored database is the dump itself.
command_ok([ 'pg_dump', '-Fp', '-f', "$dir/again.sql", '-d', $node->connstr('plain') ], 'dump again');
my ($first, $second) = map { join '', grep { !/^\\(un)?restrict / } split /^/, slurp_file($_) } ("$dir/plain.sql", "$dir/again.sql");
is($second, $first, 'a dump of what was restored is the same');

$node->stop;
done_testing();
