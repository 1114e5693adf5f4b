# hnsw.ef_search beside omendb.ef_search: which of them counts, by how locally
# they are set; what is said of it; and that text that is no number does no harm.
# In a server that has never seen pgvector, where the parameter is a placeholder.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main', 'fsync = off');

$node->safe_psql('postgres', q{
	CREATE TABLE item (id int, v vector(4));
	INSERT INTO item SELECT i, ARRAY[i % 7, i % 11, i % 13, i]::vector FROM generate_series(1, 5000) i;
	CREATE INDEX item_v ON item USING omen_hnsw (v);
	CREATE ROLE reader LOGIN SUPERUSER;
	CREATE FUNCTION search() RETURNS text LANGUAGE plpgsql SET enable_seqscan = off AS $$
	BEGIN
		PERFORM id FROM item ORDER BY v <-> '[1,2,3,4]' LIMIT 3;
		RETURN (SELECT concat_ws(' ', ef_search, ef_search_from) FROM omen_hnsw_last_scan());
	END $$;
	CREATE FUNCTION search_by_function() RETURNS text LANGUAGE sql SET hnsw.ef_search = 77 AS 'SELECT search()'});
$node->safe_psql('template1', 'CREATE DATABASE other TEMPLATE postgres');

# What a search goes by after some statements, in a session of its own.
sub goes_by
{
	my ($before, %params) = @_;
	local $ENV{PGOPTIONS} = $params{options} // '';

	return (split /\n/, $node->safe_psql($params{database} // 'postgres', "$before; SELECT search()",
			extra_params => [ '-U', $params{role} // scalar getpwuid($<) ]))[-1];
}

is(goes_by('SELECT'), '50 default', 'nothing is set');

my ($ours, $theirs) = ('omendb.ef_search', 'hnsw.ef_search');
my @places = (
	[ 'session', sub { "SET $_[0] = $_[1]" } ],
	[ 'transaction', sub { "SET LOCAL $_[0] = $_[1]" } ]);

# one against the other, each as local as the other or more
for my $i (0 .. $#places)
{
	for my $j (0 .. $#places)
	{
		my ($place, $set) = @{ $places[$i] };
		my ($their_place, $set_theirs) = @{ $places[$j] };
		my $wanted = $j > $i ? "90 $theirs ($their_place)" : "70 $ours ($place)";

		is(goes_by('BEGIN; ' . $set->($ours, 70) . '; ' . $set_theirs->($theirs, 90)), $wanted,
			"ours by $place, theirs by $their_place");
	}
}
is(goes_by("SET $theirs = 90"), "90 $theirs (session)", 'theirs alone');
is(goes_by("SET $theirs = ' 90 '"), "90 $theirs (session)", 'theirs as text');
is(goes_by("SET $theirs = 90; RESET $theirs"), '50 default', 'theirs no more');
is(goes_by("SET $theirs = 90; BEGIN; SET LOCAL $ours = 70; COMMIT"), "90 $theirs (session)", 'ours for a transaction that is over');
is(goes_by("BEGIN; SET LOCAL $theirs = 90; SAVEPOINT s; SET $ours = 70; ROLLBACK TO s"), "90 $theirs (transaction)",
	'ours for a subtransaction that was rolled back');
is(goes_by("BEGIN; SET LOCAL $theirs = 90; SAVEPOINT s; SET LOCAL $theirs = 30; RELEASE s"), "30 $theirs (transaction)",
	'theirs for a subtransaction that went on');
is($node->safe_psql('postgres', 'SET omendb.ef_search = 70; SELECT search_by_function()'), "77 $theirs (transaction)", 'theirs of a function');

# less local
$node->safe_psql('postgres', "ALTER DATABASE other SET $theirs = 60; ALTER ROLE reader SET $ours = 61");
is(goes_by('SELECT', database => 'other'), "60 $theirs (database or role)", 'theirs of a database');
is(goes_by('SELECT', database => 'other', role => 'reader'), "61 $ours (database or role)", 'ours of a role, theirs of a database');
is(goes_by("SET $theirs = 90", role => 'reader'), "90 $theirs (session)", 'ours of a role, theirs by session');
is(goes_by('SELECT', role => 'reader', options => "-c $theirs=63"), "63 $theirs (connection)", 'ours of a role, theirs of the connection');
is(goes_by("SET $ours = 70", options => "-c $theirs=63"), "70 $ours (session)", 'theirs of the connection, ours by session');
$node->append_conf('postgresql.conf', "$ours = 64\n$theirs = 65\n");
$node->reload;
is(goes_by('SELECT'), "64 $ours (configuration)", 'both in the configuration');
is(goes_by('SELECT', database => 'other'), "60 $theirs (database or role)", 'ours in the configuration, theirs of a database');
is(goes_by("SET $theirs = 10"), "10 $theirs (session)", 'both in the configuration, theirs by session');

# The list is as long as is said: more is looked at.
my $visits = q{SET enable_seqscan = off; SET hnsw.ef_search = %d; SELECT count(*) FROM (SELECT id FROM item ORDER BY v <-> '[1,2,3,4]' LIMIT 3) s;
	SELECT visits FROM omen_hnsw_last_scan()};
my ($few, $many) = map { (split /\n/, $node->safe_psql('postgres', sprintf $visits, $_))[-1] } (10, 400);
cmp_ok($many, '>', 2 * $few, "a longer list is a longer search ($few and $many visits)");

# EXPLAIN says so, where it is not our setting.
my $explain = q{EXPLAIN (COSTS OFF) SELECT id FROM item WHERE id % 2 = 0 ORDER BY v <-> '[1,2,3,4]' LIMIT 3};
like($node->safe_psql('postgres', "SET hnsw.ef_search = 90; $explain"), qr/Candidate List: 90 by hnsw.ef_search \(session\)/, 'EXPLAIN names it');
unlike($node->safe_psql('postgres', "SET hnsw.ef_search = 90; SET omendb.ef_search = 70; $explain"), qr/Candidate List/, 'EXPLAIN does not where it does not count');
SKIP:
{
	skip 'EXPLAIN tells of index scans from PostgreSQL 18 on', 1 if $node->pg_version < 18;
	like($node->safe_psql('postgres', q{SET enable_seqscan = off; SET hnsw.ef_search = 90;
			EXPLAIN (ANALYZE, COSTS OFF) SELECT id FROM item ORDER BY v <-> '[1,2,3,4]' LIMIT 3}),
		qr/Index Scan.*Candidate List: 90 by hnsw.ef_search \(session\)/s, 'EXPLAIN (ANALYZE) of an index scan names it');
}

# What is no number is ignored, and said so once a session.
for my $value ('many', '0', '10001', '1e9', '12 kB', '')
{
	my ($out, $err);

	$node->psql('postgres', "SET hnsw.ef_search = '$value'; SELECT search(); SELECT search()", stdout => \$out, stderr => \$err);
	is($out, "64 $ours (configuration)\n64 $ours (configuration)", "\"$value\" is ignored");
	is(scalar(() = $err =~ /WARNING:  parameter "hnsw.ef_search" is ignored: "$value" is not an integer from 1 to 10000/g), 1,
		"\"$value\" is warned of once");
}

# What else clients send does no harm, and nothing of ours stands in the way of pgvector's library.
is(goes_by(q{SET hnsw.iterative_scan = strict_order; SET hnsw.max_scan_tuples = 20000; SET hnsw.scan_mem_multiplier = 2;
		SET ivfflat.probes = 10; SET ivfflat.iterative_scan = relaxed_order}), "64 $ours (configuration)", 'other settings are accepted');
is($node->safe_psql('postgres', q{LOAD 'omendb'; SELECT count(*) FROM pg_settings WHERE name ~ '^(hnsw|ivfflat)\.' AND short_desc IS NOT NULL}), '0',
	'nothing of that name is defined');

$node->stop;
done_testing();
