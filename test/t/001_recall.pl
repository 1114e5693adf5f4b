# What an index finds of the true nearest neighbors, on real images and on
# clustered vectors, for each metric: after a build, after inserts alone, after
# rounds of deletes, vacuum and inserts.  And how its size grows meanwhile.
# OMEN_TEST_QUICK=1 leaves out some metrics.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my %opclass = (
	'<->' => 'vector_l2_ops',
	'<#>' => 'vector_ip_ops',
	'<=>' => 'vector_cosine_ops',
	'<+>' => 'vector_l1_ops');
my %index = (
	'<->' => 'item_l2',
	'<#>' => 'item_ip',
	'<=>' => 'item_cosine',
	'<+>' => 'item_l1');

my $node = start_node('main', 'fsync = off', 'full_page_writes = off',
	'shared_buffers = 128MB', 'max_wal_size = 2GB');

sub create_table
{
	my ($dims) = @_;

	$node->safe_psql('postgres', "
		DROP TABLE IF EXISTS item, question;
		CREATE TABLE item (id int PRIMARY KEY, v vector($dims));
		CREATE TABLE question (id int, q vector($dims))");
	return;
}

sub create_indexes_with
{
	my ($options, @operators) = @_;

	$node->safe_psql('postgres',
		"CREATE INDEX $index{$_} ON item USING omen_hnsw (v $opclass{$_})" . ($options ? " WITH ($options)" : ''))
	  for @operators;
	return;
}

sub create_indexes { return create_indexes_with('', @_); }

# With each instruction set a query finds the same ten rows.
sub same_everywhere
{
	my ($when) = @_;
	my %found;

	for my $simd ('scalar', 'avx2', 'avx512', 'neon', 'neon_dotprod', 'neon_i8mm')
	{
		my ($status, $output) = $node->psql('postgres', "SET omendb.simd = $simd; SET enable_seqscan = off;
			SELECT string_agg(near, ';' ORDER BY question.id) FROM question, LATERAL
				(SELECT string_agg(id::text, ',' ORDER BY id) FROM
					(SELECT id FROM item ORDER BY v <-> q LIMIT 10) s) t (near)");

		$found{$simd} = $output if $status == 0;
	}
	is($found{$_}, $found{scalar}, "$_ finds what scalar code does $when")
	  for grep { $_ ne 'scalar' } sort keys %found;
	ok(exists $found{scalar}, "scalar code finds something $when");
	return;
}

# Replace a third of the rows by others of the same kind, a few times; then the
# indexes must find as much, and be hardly larger than when built anew.
sub churn
{
	my ($rounds, $rows, $spare, $when, %least) = @_;
	my @operators = sort keys %least;
	my $next = $node->safe_psql('postgres', 'SELECT max(id) + 1 FROM item');
	my $per_round = int($rows / 3);

	for my $round (1 .. $rounds)
	{
		my @fresh = @{$spare}[ ($round - 1) * $per_round .. $round * $per_round - 1 ];

		$node->safe_psql('postgres', "DELETE FROM item WHERE id IN
			(SELECT id FROM item ORDER BY hashint4(id + $round) LIMIT $per_round)");
		$node->safe_psql('postgres', 'VACUUM item');
		load_vectors($node, 'item', $next, @fresh);
		$next += @fresh;
	}
	for (@operators)
	{
		measure_recall($node, $_, @{ $least{$_} }, "$when, after churn");
		check_index($node, $index{$_}, "$when, after churn");
		not_grown($index{$_}, "$when, after churn");
	}
	return;
}

sub not_grown
{
	my ($name, $when) = @_;
	my $churned = $node->safe_psql('postgres', "SELECT pg_relation_size('$name')");
	my $anew = $node->safe_psql('postgres', "REINDEX INDEX $name; SELECT pg_relation_size('$name')");

	cmp_ok($churned, '<=', 1.05 * $anew, "$name of $churned bytes has not grown $when, rebuilt it has $anew");
	return;
}

sub all_sound
{
	my ($when, @operators) = @_;

	check_index($node, $index{$_}, $when) for @operators;
	return;
}

my @all = $ENV{OMEN_TEST_QUICK} ? ('<#>', '<->') : sort keys %opclass;
my %is_tried = map { $_ => 1 } @all;

# Clustered vectors, one in ten a copy.
my $rows = 4500;
my @vectors = clustered_vectors(2 * $rows, 32, 1);
# Inner product has no triangle inequality, and its recall is the lowest.
my %least = map { $_ => $_ eq '<#>' ? [ 0.9, 0.9 ] : [ 0.97, 0.97 ] } keys %opclass;
create_table(32);
load_vectors($node, 'question', 1, clustered_vectors(100, 32, 2));
load_vectors($node, 'item', 1, @vectors[ 0 .. $rows - 1 ]);
create_indexes(@all);
measure_recall($node, $_, @{ $least{$_} }, 'on clusters, built') for @all;
walk_all($node, '<->', 17, $rows / 20, 'on clusters, built');
walk_all($node, '<=>', 18, $rows / 20, 'on clusters, built') if $is_tried{'<=>'};
churn(2, $rows, [ @vectors[ $rows .. 2 * $rows - 1 ] ], 'on clusters, built', map { $_ => $least{$_} } @all);

create_table(32);
load_vectors($node, 'question', 1, clustered_vectors(100, 32, 2));
create_indexes(@all);
load_vectors($node, 'item', 1, @vectors[ 0 .. $rows - 1 ]);
measure_recall($node, $_, @{ $least{$_} }, 'on clusters, inserted') for @all;
walk_all($node, '<#>', 17, $rows / 20, 'on clusters, inserted');
walk_all($node, '<+>', 18, $rows / 20, 'on clusters, inserted') if $is_tried{'<+>'};
churn(2, $rows, [ @vectors[ $rows .. 2 * $rows - 1 ] ], 'on clusters, inserted', map { $_ => $least{$_} } @all);

# Real images.
SKIP:
{
	$rows = 3000;
	my @images = fashion_vectors('train', 2 * $rows);
	my @questions = fashion_vectors('t10k', 60);
	skip 'dataset-fashion-mnist is not installed', 1 unless @images;

	create_table(784);
	load_vectors($node, 'question', 1, @questions);
	load_vectors($node, 'item', 1, @images[ 0 .. $rows - 1 ]);
	create_indexes(@all);
	measure_recall($node, $_, @{ $least{$_} }, 'on images, built') for @all;
	all_sound('on images, built', @all);
	same_everywhere('on images');

	# codes of two bits and of four, of which the latter go on
	my @there = @all;
	foreach my $storage ('sq2', 'sq4')
	{
		$node->safe_psql('postgres', "DROP INDEX $index{$_}") for @there;
		@there = ('<->', '<#>', '<=>');
		create_indexes_with("storage = $storage", '<->', '<#>', '<=>');
		measure_recall($node, $_, @{ $least{$_} }, "on images, $storage") for ('<->', '<#>', '<=>');
		walk_all($node, '<->', 17, $rows / 20, "on images, $storage");
		all_sound("on images, $storage", '<->', '<#>', '<=>');
		same_everywhere("on images, $storage");
	}
	churn(1, $rows, [ @images[ $rows .. 2 * $rows - 1 ] ], 'on images, in four bits',
		map { $_ => $least{$_} } ('<->', '<=>'));

	create_table(784);
	load_vectors($node, 'question', 1, @questions);
	create_indexes('<->', '<=>');
	load_vectors($node, 'item', 1, @images[ 0 .. $rows - 1 ]);
	%least = map { $_ => $least{$_} } ('<->', '<=>');
	measure_recall($node, $_, @{ $least{$_} }, 'on images, inserted') for sort keys %least;
	walk_all($node, '<->', 17, $rows / 20, 'on images, inserted');
	churn(2, $rows, [ @images[ $rows .. 2 * $rows - 1 ] ], 'on images, inserted', %least);
	walk_all($node, '<=>', '(SELECT max(id) FROM item)', $rows / 20, 'on images, churned');
	all_sound('on images, churned and rebuilt', sort keys %least);
}

$node->stop;
done_testing();
