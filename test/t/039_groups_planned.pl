# The planner looks into an index of groups, for how large they are.  What is
# damaged there makes a worse estimate, and neither an error nor anything left
# behind in the session; the scan reports it.  A standby plans likewise.
use strict;
use warnings FATAL => 'all';

use OmenFormat;
use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = start_node('primary', 'autovacuum = off');

$primary->safe_psql('postgres', q{
	CREATE TABLE item (k int, v vector(3));
	CREATE INDEX item_index ON item USING omen_hnsw (k, v);
	INSERT INTO item SELECT CASE WHEN i < 500 THEN 0 ELSE i END, ARRAY[i, 2, 3]::vector FROM generate_series(1, 3000) i;
	CHECKPOINT;
});

# Plans with costs, of the groups of some values, in one session.
sub plans
{
	my ($node, @values) = @_;
	my $explain = join('', map { "EXPLAIN SELECT k FROM item WHERE k = $_ ORDER BY v <-> '[1,2,3]' LIMIT 5;\n" } @values);
	my ($code, $out, $err) = $node->psql('postgres', "SET statement_timeout = '60s';\n$explain");

	is($err, '', 'no error, and nothing that was left behind');
	return [ $out =~ /Limit +\(cost=[\d.]+\.\.([\d.]+)/g ];
}

my $costs = plans($primary, 0, 1000);
ok($costs->[0] > 2 * $costs->[1], 'a large group is dearer than a small one');

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
is_deeply(plans($standby, 0, 1000), $costs, 'the same on a standby');
$standby->stop;

my $path = $primary->data_dir . '/' . $primary->safe_psql('postgres', q{SELECT pg_relation_filepath('item_index')});
$primary->stop;
my $intact = slurp_file($path);

sub blocks_of
{
	my ($kind) = @_;

	return grep { unpack('C', substr($intact, $_ * 8192 + PAGE_KIND, 1)) == $kind } 1 .. length($intact) / 8192 - 1;
}

# What is damaged on all pages of a kind: where, and the bytes there.
my @cases = (
	[ 'the kind of pages of the directory', KIND_DIRECTORY, PAGE_KIND, pack('C', KIND_PAYLOAD) ],
	[ 'the number of their entries', KIND_DIRECTORY, PAGE_USED, pack('S', 60000) ],
	[ 'their blocks', KIND_DIRECTORY, PAGE_BLOCK, pack('L', 7) ],
	[ 'the kind of pages of records', KIND_GROUP, PAGE_KIND, pack('C', KIND_PAYLOAD) ],
	[ 'the blocks of these', KIND_GROUP, PAGE_BLOCK, pack('L', 7) ],
	[ 'the metapage', undef, META_DIRECTORY, pack('L', 1_000_000) ],
);
foreach my $case (@cases)
{
	my ($name, $kind, $place, $bytes) = @$case;
	my $damaged = $intact;

	foreach my $block (defined $kind ? blocks_of($kind) : 0)
	{
		substr($damaged, $block * 8192 + $place, length($bytes)) = $bytes;
	}
	open(my $file, '>:raw', $path) or die "could not open $path: $!";
	print $file $damaged;
	close($file);
	$primary->start;
	my $now = plans($primary, 0, 1000, 0);
	is($now->[0], $now->[1], "$name: groups of one size, by statistics");
	my ($code, $out, $err) = $primary->psql('postgres',
		"SET enable_seqscan = off;\nSET enable_sort = off;\n\\set VERBOSITY verbose\nSELECT k FROM item WHERE k = 0 ORDER BY v <-> '[1,2,3]' LIMIT 5;");
	like($err, qr/ERROR:  (?:XX002|XX001)/, "$name: the scan reports it") or diag("$out$err");
	$primary->stop;
}
unlike(slurp_file($primary->logfile), qr/leak|TRAP|PANIC|terminated by signal/, 'nothing leaked or crashed');

done_testing();
