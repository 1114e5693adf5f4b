# Filtered scans on real images: as many rows as match, in order, and nearly all
# of the right ones, by each strategy, for filters that have nothing to do with
# the query, go with it or go against it; from the session's first query on, in
# parallel workers, on a standby, and thousands of times in one statement.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @images = fashion_vectors('train', 6000);
my @queries = fashion_vectors('t10k', 20);
if (!@images)
{
	plan skip_all => 'dataset-fashion-mnist is not installed';
}

my $node = start_node('main', 'fsync = off', 'shared_buffers = 128MB', 'max_wal_senders = 4', 'hot_standby = on', 'wal_keep_size = 2GB');
$node->safe_psql('postgres', 'CREATE TABLE item (id int, v vector(784)); CREATE TABLE question (id int, v vector(784))');
load_vectors($node, 'item', 1, @images);
load_vectors($node, 'question', 0, @queries);
$node->safe_psql('postgres', q{
	-- kind: nothing to do with the images; light: a property of each
	ALTER TABLE item ADD kind int, ADD light int, ADD note int;
	UPDATE item SET kind = hashint4(id) & 1023, light = vector_norm(v);
	CREATE INDEX item_v ON item USING omen_hnsw (v);
	CREATE INDEX item_kind ON item (kind);
	CREATE INDEX item_light ON item (light);
	VACUUM ANALYZE item;

	-- For each row of question, of ten rows or all that match: which part is right, and whether all came and in order.
	CREATE FUNCTION filtered(condition text, strategy text, OUT recall numeric, OUT complete bool, OUT in_order bool, OUT by_us bool)
	LANGUAGE plpgsql AS $$
	DECLARE
		statement text := format('SELECT v <-> $1 FROM item WHERE %s ORDER BY v <-> $1 LIMIT 10', condition);
		asked question;
		found float8[];
		wanted float8[];
		line text;
		right_ones numeric := 0;
		of_all numeric := 0;
	BEGIN
		complete := true;
		in_order := true;
		by_us := false;
		FOR asked IN SELECT * FROM question LOOP
			PERFORM set_config('omendb.filter_strategy', strategy, true), set_config('enable_seqscan', 'off', true),
				set_config('enable_sort', 'off', true), set_config('enable_indexscan', 'on', true);
			EXECUTE format('SELECT ARRAY(%s)', statement) INTO found USING asked.v;
			FOR line IN EXECUTE format('EXPLAIN %s', replace(statement, '$1', quote_literal(asked.v) || '::vector')) LOOP
				by_us := by_us OR line ~ 'Omen Scan';
			END LOOP;
			PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true),
				set_config('enable_sort', 'on', true);
			EXECUTE format('SELECT ARRAY(%s)', statement) INTO wanted USING asked.v;
			complete := complete AND cardinality(found) = cardinality(wanted);
			in_order := in_order AND found = ARRAY(SELECT d FROM unnest(found) d ORDER BY d);
			of_all := of_all + cardinality(wanted);
			right_ones := right_ones + (SELECT count(*) FROM unnest(found) d WHERE d <= wanted[cardinality(wanted)]);
		END LOOP;
		recall := CASE WHEN of_all = 0 THEN 1 ELSE right_ones / of_all END;
	END $$;
});

# With indexes of the columns, and with the columns in the one index.
sub try_filters
{
	my ($with) = @_;

	for my $filter (
		'kind < 2', 'kind < 40', 'kind < 400', 'kind >= 20', 'light < 5000', 'light BETWEEN 9000 AND 9300', 'light > 13000',
		'kind < 100 AND light > 9000', 'kind < 30 OR light < 3000', '(kind + 0) % 50 = 3', '(light + 0) % 1000 = 7', 'kind = 5000')
	{
		for my $strategy ('auto', 'exact', 'graph', 'sweep')
		{
			my ($recall, $complete, $in_order, $by_us) =
			  split /\|/, $node->safe_psql('postgres', "SELECT * FROM filtered('$filter', '$strategy')");

			note("$filter by $strategy, $with: recall $recall");
			is("$complete$in_order$by_us", 'ttt', "all rows come in order for $filter by $strategy, $with");
			cmp_ok($recall, '>=', $strategy eq 'exact' ? 1 : 0.95, "recall for $filter by $strategy, $with");
		}
	}
	return;
}

try_filters('with indexes of their own');
$node->safe_psql('postgres', 'DROP INDEX item_v, item_kind, item_light; CREATE INDEX item_v ON item USING omen_hnsw (v, kind, light)');
try_filters('in the index');
check_index($node, 'item_v', 'with keys');
like($node->safe_psql('postgres', "EXPLAIN SELECT id FROM item WHERE kind < 400 ORDER BY v <-> '$queries[3]' LIMIT 10"), qr/Key Filter: \(kind < 400\)/,
	'the columns are used');
$node->safe_psql('postgres', 'CREATE INDEX item_kind ON item (kind); CREATE INDEX item_light ON item (light)');

my $nearest = "FROM item WHERE kind < 40 ORDER BY v <-> '$queries[3]' LIMIT 10";

# Nothing was loaded before by this session.
like($node->safe_psql('postgres', "EXPLAIN SELECT id $nearest"), qr/Omen Scan/, 'the first query of a session takes it');

# In a parallel worker.
my $force = $node->safe_psql('postgres', "SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");
for my $strategy ('exact', 'graph', 'sweep')
{
	my $settings = "SET omendb.filter_strategy = $strategy; SET $force = on; SET enable_seqscan = off; SET enable_sort = off";

	like($node->safe_psql('postgres', "$settings; EXPLAIN SELECT id $nearest"), qr/Gather.*Omen Scan/s,
		"the plan goes to a worker ($strategy)");
	is($node->safe_psql('postgres', "$settings; SELECT id $nearest"),
		$node->safe_psql('postgres', "SET enable_indexscan = off; SELECT id $nearest"), "a worker gives the same rows ($strategy)");
}

# What each of thousands of scans leaves in memory.
for my $strategy ('exact', 'graph', 'sweep')
{
	my $growth = $node->safe_psql('postgres', qq{
		SET omendb.filter_strategy = $strategy; SET enable_seqscan = off; SET enable_sort = off; SET enable_memoize = off;
		SELECT max(used) FILTER (WHERE n = 2000) - max(used) FILTER (WHERE n = 500) FROM
			(SELECT n, (SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE n IN (500, 2000) AND near > 0) AS used
			FROM (SELECT n, (SELECT count(*) FROM (SELECT id FROM item WHERE kind < n % 50 ORDER BY v <-> q.v LIMIT 3) s) AS near
				FROM generate_series(1, 2000) n JOIN question q ON q.id = n % 20 OFFSET 0) s) s});

	cmp_ok($growth, '<', 100_000, "1,500 scans leave nothing in memory ($strategy)");
}

# On a standby, while VACUUM replays there.
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->safe_psql('postgres', 'DELETE FROM item WHERE id % 7 = 3; UPDATE item SET note = 1 WHERE id % 5 = 1; VACUUM item;
	INSERT INTO item (id, kind, light, v) SELECT id + 10000, kind, light, v FROM item WHERE id % 9 = 1');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
for my $strategy ('exact', 'graph', 'sweep')
{
	my $settings = "SET omendb.filter_strategy = $strategy; SET enable_seqscan = off; SET enable_sort = off";
	my $ids = 'SELECT id ' . $nearest =~ s/LIMIT/, id LIMIT/r;

	is($standby->safe_psql('postgres', "$settings; $ids"), $node->safe_psql('postgres', "SET enable_indexscan = off; $ids"),
		"a standby gives the rows of the primary ($strategy)");
}
check_index($node, 'item_v', 'in the end');

$standby->stop;
$node->stop;
done_testing();
