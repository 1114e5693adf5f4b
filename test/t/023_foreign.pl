# Foreign tables of postgres_fdw, here of the same server: what an index can
# answer goes to the server that has it, as the query's order, its limit and the
# sphere that bounds it, with constants and with parameters.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main', 'fsync = off');

if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'}) == 0)
{
	$node->stop;
	plan skip_all => 'postgres_fdw is not installed';
}

my $host = $node->host;
my $port = $node->port;

$node->safe_psql('postgres', qq{
	CREATE EXTENSION postgres_fdw;
	CREATE TABLE item (id int, v vector(3));
	INSERT INTO item SELECT i, ARRAY[i, i % 7, 1]::vector FROM generate_series(1, 3000) i;
	CREATE INDEX item_index ON item USING omen_hnsw (v);
	VACUUM ANALYZE item;
	CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw
		OPTIONS (host '$host', port '$port', dbname 'postgres', extensions 'omendb', use_remote_estimate 'true');
	CREATE USER MAPPING FOR CURRENT_USER SERVER loopback;
	CREATE FOREIGN TABLE far (id int, v vector(3)) SERVER loopback OPTIONS (table_name 'item');
});

# The query that goes to the other server.
sub remote_query
{
	my ($prepare, $statement) = @_;
	my $plan = $node->safe_psql('postgres', "$prepare; SET plan_cache_mode = force_generic_plan;
		EXPLAIN (VERBOSE, COSTS OFF) $statement");

	return $plan =~ /Remote SQL: (.*)/ ? $1 : $plan;
}

# Nearest first, within a sphere; of the table and of the foreign one.
sub nearest
{
	my ($table, $center, $radius) = @_;

	return "SELECT id FROM $table WHERE v <<->> sphere($center, $radius) ORDER BY v <-> $center LIMIT 10";
}

my $center = q{'[1500.25,3,1]'};
my $prepare = 'PREPARE near_by(vector, real) AS ' . nearest('far', '$1', '$2');
my $remote = remote_query($prepare, "EXECUTE near_by($center, 4)");

like($remote, qr/sphere\(\$1\S*, \$2\S*\)/, 'a sphere of parameters is sent as a call');
like($remote, qr/ORDER BY .* LIMIT 10/, 'with the order and the limit');
unlike($remote, qr/ROW\(/, 'and not as a row');
is($node->safe_psql('postgres', "$prepare; SET plan_cache_mode = force_generic_plan; EXECUTE near_by($center, 4)"),
	$node->safe_psql('postgres', nearest('item', $center, 4)),
	'it finds the rows that the table has');

like(remote_query('SELECT 1', nearest('far', $center, 4)),
	qr/'\("\[1500\.25,3,1\]",4\)'::public\.vector_sphere.* LIMIT 10/, 'one of constants is sent as a constant');
is($node->safe_psql('postgres', nearest('far', $center, 4)),
	$node->safe_psql('postgres', nearest('item', $center, 4)),
	'and finds the same rows');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (' . nearest('far', $center, 4) . ') s'), 6, 'which are those within');

$node->stop;
done_testing();
