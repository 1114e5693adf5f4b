# Bit strings: what an index finds of the nearest by Hamming and by Jaccard
# distance, of vectors of which a bit of each element is kept; after a build,
# after inserts, after deletes and vacuum, by each strategy of a filter and
# within a radius; the same index by each instruction set; and on a standby.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 3000;
my %opclass = ('<~>' => 'bit_hamming_ops', '<%>' => 'bit_jaccard_ops');
my %index = ('<~>' => 'item_hamming', '<%>' => 'item_jaccard');
my @operators = sort keys %opclass;

my $node = start_node('main', 'fsync = off', 'shared_buffers = 64MB', 'max_wal_size = 2GB', 'max_worker_processes = 8',
	q{wal_consistency_checking = 'all'}, 'max_wal_senders = 4', 'hot_standby = on', 'wal_keep_size = 2GB');
create_made_vector($node);
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

sub sql { return $node->safe_psql('postgres', join('; ', @_)); }

# A row in fifty is a copy of another, and one in a hundred has no bit set.
sql(q{
	CREATE TABLE source AS SELECT i AS id, made_vector(i - i % 50 / 49, 256, 40) AS v FROM generate_series(1, } . 3 * $rows / 2 . q{) i;
	CREATE TABLE question AS SELECT i AS id, made_vector(1000000 + i, 256, 40) AS v FROM generate_series(1, 80) i;
	CREATE TABLE middle AS SELECT avg(v) AS v FROM source;
	CREATE TABLE bits AS SELECT id, id % 100 AS k,
		CASE WHEN id % 100 = 7 THEN 0::bit(256) ELSE binary_quantize(source.v - middle.v) END::bit(256) AS b FROM source, middle;
	ALTER TABLE question ADD b bit(256);
	UPDATE question SET b = binary_quantize(question.v - middle.v) FROM middle;
	CREATE TABLE item (id int, k int, b bit(256));

	-- For each question the nearest that pass a condition: which part is right (rows as near as the last that is right), whether
	-- all came, and whether they came by distance and, of one distance, in the order of the table.
	CREATE FUNCTION found(operator text, condition text, wanted int, OUT recall numeric, OUT complete bool, OUT in_order bool, OUT ties_in_order bool, OUT by_index bool)
	LANGUAGE plpgsql SET check_function_bodies = off AS $$
	DECLARE
		statement text := format('SELECT ARRAY(SELECT ROW(b %s $1, ctid)::place FROM item WHERE %2$s ORDER BY b %1$s $1 LIMIT %3$s)', operator, condition, wanted);
		asked question;
		got place[];
		truth place[];
		line text;
		right_ones numeric := 0;
		of_all numeric := 0;
	BEGIN
		complete := true;
		in_order := true;
		ties_in_order := true;
		by_index := true;
		FOR asked IN SELECT * FROM question LOOP
			PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
				set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'on', true);
			EXECUTE statement INTO got USING asked.b;
			IF asked.id = 1 THEN
				by_index := false;
				FOR line IN EXECUTE format('EXPLAIN %s', replace(statement, '$1', quote_literal(asked.b) || '::"bit"')) LOOP
					by_index := by_index OR line ~ 'Omen Scan|Index Scan using item_(hamming|jaccard)';
				END LOOP;
			END IF;
			PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true),
				set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'off', true);
			EXECUTE statement INTO truth USING asked.b;
			complete := complete AND cardinality(got) = cardinality(truth);
			in_order := in_order AND ARRAY(SELECT (p).distance FROM unnest(got) p) = ARRAY(SELECT (p).distance FROM unnest(got) p ORDER BY 1);
			ties_in_order := ties_in_order AND got = ARRAY(SELECT p FROM unnest(got) p ORDER BY (p).distance, (p).tid);
			of_all := of_all + cardinality(truth);
			right_ones := right_ones + (SELECT count(*) FROM unnest(got) p WHERE (p).distance <= (truth[cardinality(truth)]).distance);
		END LOOP;
		recall := right_ones / nullif(of_all, 0);
	END $$;
	CREATE TYPE place AS (distance float8, tid tid);
});

# Test what is found of the nearest that pass.
sub finds
{
	my ($operator, $condition, $wanted, $least, $when, @settings) = @_;
	my ($recall, $complete, $in_order, $ties_in_order, $by_index) = split /\|/,
	  sql((map { "SET $_" } @settings), "SELECT * FROM found('$operator', '$condition', $wanted)");

	note("$operator $condition $when: recall $recall");
	cmp_ok($recall, '>=', $least, "recall of $operator with $condition $when");
	is($complete, 't', "as many rows by $operator with $condition as match $when");
	is($in_order, 't', "by $operator with $condition in order $when");
	# beyond the candidate list rows come as they are found
	is($ties_in_order, 't', 'and of one distance in the order of the table') if $wanted <= 10;
	is($by_index, 't', "and by an index of ours");
	return;
}

sub create_indexes
{
	sql("CREATE INDEX $index{$_} ON item USING omen_hnsw (b $opclass{$_}, k)") for @operators;
	return;
}

sub all_sound
{
	my ($when) = @_;

	check_index($node, $index{$_}, $when) for @operators;
	return;
}

# The same bytes, however it is built.
sql("INSERT INTO item SELECT id, k, b FROM bits WHERE id <= $rows");
for my $operator (@operators)
{
	my $wanted;

	for my $variant (
		[ 0, 'omendb.simd = scalar' ],
		[ 0, 'omendb.simd = avx2' ],
		[ 0, 'omendb.simd = neon' ],
		[ 0 ],
		[ 2 ],
		[ 0, "maintenance_work_mem = '1MB'" ],
		[ 2, "maintenance_work_mem = '1MB'" ])
	{
		my ($workers, @settings) = @{$variant};
		my $create = "CREATE INDEX $index{$operator} ON item USING omen_hnsw (b $opclass{$operator}, k)";
		my $status = $node->psql('postgres', join '; ', "ALTER TABLE item SET (parallel_workers = $workers)",
			(map { "SET $_" } @settings), "SET max_parallel_maintenance_workers = $workers", $create);
		my $with = join ', ', "$workers workers", @settings;

		SKIP:
		{
			skip "no $with on this machine", 1 if $status != 0 && $with =~ /avx2|neon/;
			my $digest = index_digest($node, $index{$operator});
			$wanted //= $digest;
			is($digest, $wanted, "the same index by $operator with $with");
			sql("DROP INDEX $index{$operator}");
		}
	}
}

create_indexes();
sql('VACUUM ANALYZE item');
all_sound('built');
for my $operator (@operators)
{
	finds($operator, 'true', 10, 0.97, 'built');
	finds($operator, 'true', 100, 0.95, 'built');
}

# A filter, by each strategy: one that the index has, one that it does not have,
# one that goes against the query, and one that a row in a hundred passes.
for my $operator (@operators)
{
	for my $strategy ('auto', 'graph', 'sweep', 'exact')
	{
		my $set = "omendb.filter_strategy = $strategy";

		finds($operator, 'k < 20', 10, 0.95, $strategy, $set);
		finds($operator, 'id % 7 = 3', 10, 0.95, $strategy, $set);
		finds($operator, 'k = 42', 10, 0.95, $strategy, $set);
	}
}

# Within a radius: all rows and no others.
for my $case ([ '<~>', '<<~>>', 40 ], [ '<%>', '<<%>>', 0.3 ])
{
	my ($operator, $within, $radius) = @{$case};
	my $asked = "SELECT count(*), sum(n) FROM question, LATERAL
		(SELECT count(*) AS n FROM (SELECT id FROM item WHERE b $within bit_sphere(question.b, $radius) ORDER BY b $operator question.b LIMIT 50) s) s";
	my $by_index = sql('SET enable_seqscan = off', 'SET enable_sort = off', $asked);
	my $by_sort = sql('SET enable_indexscan = off', 'SET omendb.enable_scan = off', $asked);
	my ($found, $wanted) = map { (split /\|/)[1] } $by_index, $by_sort;

	cmp_ok($wanted, '>', 50, "rows within a radius by $operator");
	cmp_ok($found, '<=', $wanted, "no others by $operator");
	cmp_ok($found, '>=', 0.97 * $wanted, "nearly all of them by $operator");
}

# Pages: no row comes twice, and together they are what one query gives.
for my $operator (@operators)
{
	my $page = "SELECT id FROM item ORDER BY b $operator (SELECT b FROM question WHERE id = 17) LIMIT";
	my $pages = join ',', map { split /\n/, sql('SET enable_seqscan = off', "$page 20 OFFSET $_") } map { 20 * $_ } 0 .. 9;
	my %different = map { $_ => 1 } split /,/, $pages;

	is($pages, join(',', split /\n/, sql('SET enable_seqscan = off', "$page 200")), "pages by $operator are those of one list");
	is(scalar keys %different, 200, "of different rows by $operator");
}

# Rows come and go.
sql("DELETE FROM item WHERE id IN (SELECT id FROM item ORDER BY hashint4(id) LIMIT $rows / 2)");
sql('VACUUM item');
sql("INSERT INTO item SELECT id, k, b FROM bits WHERE id > $rows AND id <= $rows * 3 / 2");
all_sound('after deletes and inserts');
finds($_, 'true', 10, 0.97, 'after deletes and inserts') for @operators;
finds($_, 'k < 20', 10, 0.95, 'after deletes and inserts') for @operators;
sql('DELETE FROM item WHERE k >= 10');
sql('VACUUM item');
all_sound('after most rows went');
finds($_, 'true', 10, 0.95, 'after most rows went') for @operators;

# Inserted one by one, from a flat list on.
sql('DROP TABLE item', 'CREATE TABLE item (id int, k int, b bit(256))');
create_indexes();
sql("INSERT INTO item SELECT id, k, b FROM bits WHERE id <= $rows / 2");
sql('VACUUM ANALYZE item');
all_sound('inserted');
finds($_, 'true', 10, 0.97, 'inserted') for @operators;

# The standby has replayed all of it, page by page to the same bytes.
my $nearest = join '; ', 'SET enable_seqscan = off', map {
	"SELECT question.id, array_agg(ROW(s.id, s.d)) FROM question,
		LATERAL (SELECT id, item.b $_ question.b AS d FROM item ORDER BY item.b $_ question.b LIMIT 10) s GROUP BY 1 ORDER BY 1"
} @operators;
$node->wait_for_catchup($standby);
my $wanted = sql($nearest);
isnt($wanted, '', 'the primary finds something');
is($standby->safe_psql('postgres', $nearest), $wanted, 'the standby finds the same');
check_index($standby, $index{$_}, 'on the standby') for @operators;
$standby->stop;
$node->stop;
done_testing();
