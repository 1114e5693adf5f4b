# Where an index would lose rows: inner product with queries of any length and
# vectors of very different ones, candidate lists that had to grow, an index that
# VACUUM has taken much from, a table whose rows are dead but not vacuumed, and
# products beyond float32.
# OMEN_TEST_QUICK=1 has fewer rows and fewer storages.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $quick = $ENV{OMEN_TEST_QUICK};
my $node = start_node('main', 'fsync = off', 'full_page_writes = off', 'shared_buffers = 128MB', 'max_wal_size = 2GB');

$node->safe_psql('postgres', q{
	-- The part of the nearest rows that an index finds for the rows of table question times a factor, how many rows it
	-- fetched for each, and for how many questions it found none of them.
	CREATE FUNCTION found_part(operator text, factor float8, k int, OUT recall float8, OUT fetched float8, OUT missed int)
	LANGUAGE plpgsql AS $$
	DECLARE
		statement text := format('SELECT ARRAY(SELECT v %s $1 FROM item ORDER BY v %1$s $1 LIMIT $2)', operator);
		asked vector;
		found float8[];
		wanted float8[];
		hits int;
		questions int := 0;
	BEGIN
		SELECT 0, 0, 0 INTO recall, fetched, missed;
		FOR asked IN SELECT (SELECT array_agg((c * factor)::real ORDER BY place) FROM unnest(q::real[]) WITH ORDINALITY u (c, place))::vector
			FROM question ORDER BY id LOOP
			PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'on', true);
			EXECUTE statement INTO found USING asked, k;
			fetched := fetched + (SELECT reranked FROM omen_hnsw_last_scan());
			PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true);
			EXECUTE statement INTO wanted USING asked, k;
			hits := count(*) FROM unnest(found) d WHERE d <= wanted[k];
			recall := recall + hits / k::float8;
			missed := missed + (hits = 0)::int;
			questions := questions + 1;
		END LOOP;
		recall := recall / questions;
		fetched := fetched / questions;
	END $$;
});

sub literal { return '[' . join(',', map { sprintf '%.6g', $_ } @_) . ']'; }

sub create_table
{
	my ($dims) = @_;

	$node->safe_psql('postgres', "
		DROP TABLE IF EXISTS item, question;
		CREATE TABLE item (id int, v vector($dims));
		CREATE TABLE question (id int, q vector($dims))");
	return;
}

# What the index finds of the k nearest: its part, rows fetched, and questions
# without any.
sub found_part
{
	my ($operator, $factor, $k, $ef_search, $when) = @_;
	my ($recall, $rows, $none) = split /\|/,
	  $node->safe_psql('postgres', "SET omendb.ef_search = $ef_search; SELECT * FROM found_part('$operator', $factor, $k)");

	note(sprintf "%s times %g %s: recall %.4f, %.0f rows, %d without any", $operator, $factor, $when, $recall, $rows, $none);
	return ($recall, $rows, $none);
}

# ---------- inner product ----------

# Vectors of whole numbers that are not negative, in a hundred clusters; most
# coordinates of a center are small, a few are large.
sub count_vectors
{
	my ($count) = @_;
	my @centers = map { [ map { 24 * (-log(1 - rand()))**1.6 } 1 .. 64 ] } 1 .. 100;

	return map {
		literal(map { my $c = $_ + 18 * random_normal(); int($c < 0 ? 0 : $c > 255 ? 255 : $c + 0.5) } @{ $centers[ int(rand(100)) ] })
	} 1 .. $count;
}

srand(1);
create_table(64);
my $questions = $quick ? 100 : 200;
my @counts = count_vectors(4000 + $questions);
load_vectors($node, 'question', 1, splice(@counts, 0, $questions));
load_vectors($node, 'item', 1, @counts);
for my $with ('storage = full', 'storage = sq8', 'storage = sq4', 'm = 6')
{
	$node->safe_psql('postgres', "DROP INDEX IF EXISTS item_v; CREATE INDEX item_v ON item USING omen_hnsw (v vector_ip_ops) WITH ($with)");
	my ($recall, $rows, $none) = found_part('<#>', 1, 10, 50, "with $with");

	cmp_ok($recall, '>=', 0.9, "recall by inner product with $with");
	cmp_ok($none, '<=', 0.01 * $questions, "questions without any of the nearest with $with");
	for my $factor ($with eq 'm = 6' ? () : $quick ? (1e-4, 1e4) : (1e-4, 0.01, 100, 1e4))
	{
		my ($recall_here, $rows_here) = found_part('<#>', $factor, 10, 50, "with $with");

		cmp_ok(abs($recall_here - $recall), '<=', 0.01, "recall by inner product times $factor with $with");
		cmp_ok($rows_here, '<=', 1.5 * $rows, "rows fetched for inner product times $factor with $with");
	}
}

# ---------- lists that had to grow ----------

# One that has grown gives some of the rows it holds and grows again: at its end
# it lacks most.
create_table(6);
load_vectors($node, 'question', 1, map { literal(map { rand() } 1 .. 6) } 1 .. $questions);
load_vectors($node, 'item', 1, map { literal(map { rand() } 1 .. 6) } 1 .. 4000);
$node->safe_psql('postgres', 'CREATE INDEX item_v ON item USING omen_hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 16, storage = full)');
my ($recall_grown) = found_part('<->', 1, 320, 40, 'from a list that had to grow');
cmp_ok($recall_grown, '>=', 0.98, 'recall of rows from a list that had to grow');

# ---------- deletes ----------

# Delete rows, vacuum, and see what is found then and by an index built anew.
sub found_after
{
	my ($with, $condition, $k, $ef_search, $when) = @_;

	$node->safe_psql('postgres', "CREATE INDEX item_v ON item USING omen_hnsw (v vector_l2_ops) WITH ($with)");
	$node->safe_psql('postgres', "DELETE FROM item WHERE $condition");
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) item');
	check_index($node, 'item_v', $when);
	my ($recall) = found_part('<->', 1, $k, $ef_search, $when);
	$node->safe_psql('postgres', 'REINDEX INDEX item_v');
	my ($anew) = found_part('<->', 1, $k, $ef_search, "$when and built anew");

	return ($recall, $anew);
}

# uniform, of few dimensions and edges
create_table(3);
load_vectors($node, 'question', 1, map { literal(map { rand() } 1 .. 3) } 1 .. 400);
load_vectors($node, 'item', 1, map { literal(map { rand() } 1 .. 3) } 1 .. 10000);
my ($recall) = found_after('m = 4, ef_construction = 8', 'hashint4(id) % 4 <> 0', 20, 20, 'with three quarters deleted');
cmp_ok($recall, '>=', 0.97, 'recall of uniform points with three quarters deleted');

# in a hundred clusters, that go by the last digits of the id
sub in_clusters
{
	my ($dims, $first, $count, $centers) = @_;

	return map {
		my $center = $centers->[ $_ % 100 ];
		literal(map { $_ + random_normal() } @$center)
	} $first .. $first + $count - 1;
}

my $many = $quick ? 12000 : 20000;
my %tables = ('random rows' => 1, 'whole clusters' => 3);
my %deleted = ('random rows' => 'hashint4(id) % 10 <> 0', 'whole clusters' => 'id % 100 < 90');
for my $what (sort keys %tables)
{
	my ($total, $total_anew) = (0, 0);

	for (1 .. $tables{$what})
	{
		my @centers = map { [ map { 2 * random_normal() } 1 .. 64 ] } 1 .. 100;

		create_table(64);
		load_vectors($node, 'question', 1, in_clusters(64, 1, $questions, \@centers));
		load_vectors($node, 'item', 1, in_clusters(64, 1, $many, \@centers));
		my ($repaired, $anew) = found_after('m = 16', $deleted{$what}, 20, 40, "with $what deleted, nine of ten");
		$total += $repaired / $tables{$what};
		$total_anew += $anew / $tables{$what};
	}
	# questions are from all clusters; for those far from what is left chance
	# decides whether they find their way, in an index built anew as well
	my $slack = $tables{$what} > 1 ? 0.02 : 0.01;
	cmp_ok($total, '>=', $total_anew - $slack, "recall of clusters with $what deleted, nine of ten");
}

# ---------- products beyond float32 ----------

for my $try ([ 1e19, 0, 1, 1e18, 3e19 ], [ 3e19, 0, 1, 1e18, 3e19 ], [ 3e19, 1, 1, 1e18, 3e19 ])
{
	my ($size, $shift, @lengths) = @$try;

	create_table(8);
	load_vectors($node, 'item', 1, map { literal(map { $size * ($shift + random_normal()) } 1 .. 8) } 1 .. 3000);
	$node->safe_psql('postgres', 'CREATE INDEX item_v ON item USING omen_hnsw (v vector_ip_ops)');
	for my $length (@lengths)
	{
		my $query = literal(map { $length * ($shift + random_normal()) } 1 .. 8);

		is($node->safe_psql('postgres', "SELECT fetched, different, late, in_order FROM walk('<#>', '$query'::vector)"),
			'3000|3000|0|t', "all rows come for a query of $length where vectors are of $size around $shift");
	}
}

# ---------- rows that are dead and not vacuumed ----------

# Test that a table with few rows left gives all of them.
sub gives_those_left
{
	my ($operator, $opclass, $dims, $left) = @_;
	my $when = "with $left of 5000 rows of $dims dimensions left, by $operator";

	create_table($dims);
	load_vectors($node, 'item', 1, map { literal(map { random_normal() } 1 .. $dims) } 1 .. 5000);
	load_vectors($node, 'question', 1, map { literal(map { random_normal() } 1 .. $dims) } 1 .. 50);
	$node->safe_psql('postgres', "CREATE INDEX item_v ON item USING omen_hnsw (v $opclass); ANALYZE item;
		DELETE FROM item WHERE id NOT IN (SELECT id FROM item ORDER BY hashint4(id) LIMIT $left)");
	is($node->safe_psql('postgres', "SET enable_seqscan = off;
			SELECT DISTINCT cardinality(ids), cardinality(ARRAY(SELECT DISTINCT i FROM unnest(ids) i)), distances = ARRAY(SELECT d FROM unnest(distances) d ORDER BY d)
			FROM (SELECT array_agg(s.id) AS ids, array_agg(d) AS distances FROM question,
				LATERAL (SELECT item.id, v $operator q AS d FROM item ORDER BY v $operator q LIMIT 40) s GROUP BY question.id) s"),
		"$left|$left|t", "all rows come $when");
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM item ORDER BY v $operator (SELECT q FROM question LIMIT 1) LIMIT 40") =~ tr/\n// + 1,
		$left, "all rows of one query come $when");
	return;
}

for my $try ([ '<->', 'vector_l2_ops', 8 ], $quick ? () : ([ '<->', 'vector_l2_ops', 64 ], [ '<#>', 'vector_ip_ops', 16 ]))
{
	gives_those_left(@$try, $_) for ($quick ? 30 : (5, 30));
}

$node->stop;
done_testing();
