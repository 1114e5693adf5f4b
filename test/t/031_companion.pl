# The extension omendb_pgvector, our index on pgvector's types, beside pgvector as
# it is packaged: what it takes and what it leaves; that searches are in the exact
# order of pgvector's own operators, for each type and distance; that each index
# is used when the other is gone; dump, restore, moving and updating extensions.
# Skipped where pgvector is not installed.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

chomp(my $extensions = `pg_config --sharedir`);
$extensions .= '/extension';
if (!-e "$extensions/vector.control")
{
	plan skip_all => '######## SKIPPED: pgvector is not installed ########';
}

my $folder = PostgreSQL::Test::Utils::tempdir();
my $copy = "$folder/copy";
chomp(my $sharedir = `$ENV{PG_CONFIG} --sharedir`);
copy_installation($copy);
my ($version) = slurp_file("$extensions/vector.control") =~ /default_version = '([^']*)'/;
# what an update of pgvector, and one of a kind that is not known, could be
append_to_file("$copy$sharedir/extension/vector--$version--0.8.99.sql", "SELECT 1;\n");
append_to_file("$copy$sharedir/extension/vector--$version--0.9.0.sql", "SELECT 1;\n");

my $node = start_copy('main', $copy, 'max_parallel_workers_per_gather = 0');

# Run statements that fail; returns the error.
sub fails
{
	my ($sql, $database) = @_;
	my ($out, $err);

	isnt($node->psql($database // 'postgres', $sql, stdout => \$out, stderr => \$err, on_error_stop => 1), 0, "fails: $sql");
	return $err;
}

# ---------- what may be in a database ----------

$node->safe_psql('postgres', "CREATE DATABASE $_") for ('pair', 'late', 'updated', 'moved');
like(fails('CREATE EXTENSION omendb_pgvector', 'pair'), qr/required extension "vector" is not installed/, 'without pgvector');
$node->safe_psql('pair', 'CREATE SCHEMA ours; CREATE EXTENSION omendb SCHEMA ours');
like(fails('CREATE EXTENSION omendb_pgvector CASCADE', 'pair'),
	qr/ERROR:  extension "omendb_pgvector" cannot be created beside extension "omendb"\nHINT:  Extension omendb has the types/, 'beside omendb');
is($node->safe_psql('pair', q{DROP EXTENSION omendb; CREATE EXTENSION omendb_pgvector CASCADE; SELECT 1}), '1', 'with pgvector, by CASCADE');
like(fails('CREATE EXTENSION omendb SCHEMA ours', 'pair'),
	qr/ERROR:  extension "omendb" cannot be created beside extension "omendb_pgvector"\nHINT:  Extension omendb_pgvector is the index/, 'omendb beside it');
is($node->safe_psql('pair', q{DROP EXTENSION omendb_pgvector; SELECT string_agg(extname, ' ') FROM pg_extension WHERE extname <> 'plpgsql'}), 'vector',
	'it goes and leaves pgvector');

# pgvector of another version
$node->safe_psql('late', "CREATE EXTENSION vector; ALTER EXTENSION vector UPDATE TO '0.9.0'");
like(fails('CREATE EXTENSION omendb_pgvector', 'late'), qr/ERROR:  version 0\.9\.0 of extension "vector" is not supported\nHINT:  Update it/, 'a version that is not known');

# types of the same names that come first
$node->safe_psql('moved', 'CREATE SCHEMA theirs; CREATE EXTENSION vector SCHEMA theirs; CREATE TYPE vector AS (x float8);
	CREATE FUNCTION d(vector, vector) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT 0::float8 $$; CREATE OPERATOR <-> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = d);
	CREATE OPERATOR <#> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = d); CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = d);
	CREATE OPERATOR <+> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = d)');
like(fails('CREATE EXTENSION omendb_pgvector', 'moved'), qr/ERROR:  operator .* is not one of extension "vector"\nHINT:  Create extension "omendb_pgvector" in a schema/,
	'a type vector that is not pgvector\'s');
$node->safe_psql('moved', 'DROP TYPE vector CASCADE');

# ---------- its columns ----------

my $dims = 40;
my @columns = (
	[ 'v', "vector($dims)", 'vector', [ 'l2', '<->' ], [ 'ip', '<#>' ], [ 'cosine', '<=>' ], [ 'l1', '<+>' ] ],
	[ 'h', "halfvec($dims)", 'halfvec', [ 'l2', '<->' ], [ 'ip', '<#>' ], [ 'cosine', '<=>' ], [ 'l1', '<+>' ] ],
	[ 's', "sparsevec($dims)", 'sparsevec', [ 'l2', '<->' ], [ 'ip', '<#>' ], [ 'cosine', '<=>' ], [ 'l1', '<+>' ] ],
	[ 'b', "bit($dims)", 'bit', [ 'hamming', '<~>' ], [ 'jaccard', '<%>' ] ]);

$node->safe_psql('postgres', qq{
	CREATE EXTENSION omendb_pgvector CASCADE;
	CREATE TABLE item (id int PRIMARY KEY, kind int, v vector($dims), h halfvec($dims), s sparsevec($dims), b bit($dims));
	CREATE FUNCTION fill(int, int) RETURNS void LANGUAGE sql AS \$\$
		INSERT INTO item SELECT i, i % 25, x::vector, x::vector::halfvec, (SELECT array_agg(CASE WHEN (d + i) % 5 = 0 THEN e ELSE 0 END ORDER BY d)
				FROM unnest(x) WITH ORDINALITY u (e, d))::vector::sparsevec, binary_quantize(x::vector)
		FROM generate_series(\$1, \$2) i, LATERAL (SELECT (SELECT array_agg(sin(i * 12.9898 + d * 78.233) * cos(i % 40 * d)::real ORDER BY d) FROM generate_series(1, $dims) d)::real[] x) y
	\$\$;
	SELECT fill(1, 4000)});

# The distances of the rows by distance from a row, as they come: k of them.
sub distances
{
	my ($column, $operator, $where, $by_index) = @_;
	my $q = "(SELECT $column FROM item WHERE id = 77)";

	return $node->safe_psql('postgres', 'SET enable_' . ($by_index ? 'seqscan' : 'indexscan') . ' = off; SET enable_sort = ' . ($by_index ? 'off' : 'on') . ";
		SELECT string_agg(concat(d), ' ') FROM (SELECT $column $operator $q AS d FROM item $where ORDER BY $column $operator $q LIMIT 60) s");
}

for my $c (@columns)
{
	my ($column, $type, $name, @metrics) = @$c;

	for my $m (@metrics)
	{
		my ($metric, $operator) = @$m;
		my $index = "item_${column}_$metric";

		$node->safe_psql('postgres', "CREATE INDEX $index ON item USING omen_hnsw ($column ${name}_${metric}_ops, kind); ANALYZE item");
		is($node->safe_psql('postgres', "SELECT * FROM omen_hnsw_check('$index', true)"), '', "$index is sound");
		for my $where ('', 'WHERE kind = 7', 'WHERE id % 3 = 0')
		{
			my $what = "$name $operator" . ($where ? " $where" : '');
			my $q = "(SELECT $column FROM item WHERE id = 77)";
			my @found = split / /, distances($column, $operator, $where, 1);
			my @wanted = split / /, distances($column, $operator, $where, 0);
			my %known = map { $_ => 1 } @wanted;

			like($node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; EXPLAIN (COSTS OFF) SELECT id FROM item $where ORDER BY $column $operator $q LIMIT 60"),
				qr/$index/, "$what: by our index");
			is(scalar(@found), scalar(@wanted), "$what: as many rows");
			is(join(' ', @found), join(' ', sort { $a <=> $b } @found), "$what: in order");
			cmp_ok(scalar(grep { $known{$_} } @found), '>=', 0.9 * @wanted, "$what: nearly all of the nearest");
		}
		$node->safe_psql('postgres', "DROP INDEX $index");
	}
}

# Within a sphere: the same as by the distance, on its border too.
for my $c ([ 'v', '<->', 'sphere', 'vector_l2_ops' ], [ 'h', '<=>', 'halfvec_sphere', 'halfvec_cosine_ops' ], [ 's', '<+>', 'sparsevec_sphere', 'sparsevec_l1_ops' ],
	[ 'b', '<~>', 'bit_sphere', 'bit_hamming_ops' ])
{
	my ($column, $operator, $sphere, $class) = @$c;
	my $q = "(SELECT $column FROM item WHERE id = 77)";
	my $radius = $node->safe_psql('postgres', "SELECT $column $operator $q FROM item ORDER BY 1 OFFSET 20 LIMIT 1");
	my $by_distance = $node->safe_psql('postgres', "SELECT count(*) FROM item WHERE $column $operator $q < $radius");

	is($node->safe_psql('postgres', "SELECT count(*) FROM item WHERE $column <$operator> $sphere($q, $radius)"), $by_distance, "a sphere by $operator has the rows that are nearer");
	$node->safe_psql('postgres', "CREATE INDEX item_sphere ON item USING omen_hnsw ($column $class)");
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM item WHERE $column <$operator> $sphere($q, $radius) ORDER BY $column $operator $q LIMIT 1000) s"),
		$by_distance, "so has a search by $operator");
	$node->safe_psql('postgres', 'DROP INDEX item_sphere');
}

# ---------- beside pgvector's own index ----------

my $search = 'SELECT id, v <=> (SELECT v FROM item WHERE id = 77) AS d FROM item ORDER BY v <=> (SELECT v FROM item WHERE id = 77) LIMIT 5';
my $filtered = 'SELECT id FROM item WHERE kind = 3 ORDER BY v <=> (SELECT v FROM item WHERE id = 77) LIMIT 5';
my $nearest = $node->safe_psql('postgres', $search);
$node->safe_psql('postgres', 'CREATE INDEX theirs ON item USING hnsw (v vector_cosine_ops); CREATE INDEX ours ON item USING omen_hnsw (v vector_cosine_ops, kind); ANALYZE item');
like($node->safe_psql('postgres', "EXPLAIN (COSTS OFF) $search"), qr/Index Scan using (ours|theirs)/, 'one of both is used');
is($node->safe_psql('postgres', $search), $nearest, 'and gives the nearest');
like($node->safe_psql('postgres', "BEGIN; DROP INDEX theirs; EXPLAIN (COSTS OFF) $search"), qr/Index Scan using ours/, 'ours when theirs is gone');
is($node->safe_psql('postgres', "BEGIN; DROP INDEX theirs; $search"), $nearest, 'and it gives the nearest');
like($node->safe_psql('postgres', "BEGIN; DROP INDEX ours; EXPLAIN (COSTS OFF) $search"), qr/Index Scan using theirs/, 'theirs when ours is gone');
like($node->safe_psql('postgres', "EXPLAIN (COSTS OFF) $filtered"), qr/Omen Scan.*Index: ours.*Key Filter: \(item\.kind = 3\)/s, 'a filter is for ours');
is($node->safe_psql('postgres', $filtered), $node->safe_psql('postgres', "SET enable_indexscan = off; $filtered"), 'and it finds all that match');

# rows that come and go
$node->safe_psql('postgres', 'SELECT fill(5001, 5200); DELETE FROM item WHERE id % 4 = 1 AND id <> 77; UPDATE item SET v = v + v WHERE id % 10 = 0; VACUUM item');
is($node->safe_psql('postgres', q{SELECT * FROM omen_hnsw_check('ours', true)}), '', 'sound after inserts, deletes and VACUUM');
is($node->safe_psql('postgres', "BEGIN; DROP INDEX theirs; $search"), $node->safe_psql('postgres', "SET enable_indexscan = off; $search"), 'and finds what is left');

# pgvector's parameter, once its library is there
my $goes_by = q{SET enable_seqscan = off; BEGIN; DROP INDEX theirs; DO $$ BEGIN PERFORM id FROM item ORDER BY v <=> (SELECT v FROM item WHERE id = 77) LIMIT 5; END $$;
	SELECT concat_ws(' ', ef_search, ef_search_from) FROM omen_hnsw_last_scan()};
for my $load ("LOAD 'vector'; LOAD 'omendb';", "LOAD 'omendb'; LOAD 'vector';", "LOAD 'omendb';")
{
	is($node->safe_psql('postgres', "$load SET hnsw.ef_search = 90; $goes_by"), '90 hnsw.ef_search (session)', "$load pgvector's parameter counts");
	is($node->safe_psql('postgres', "$load $goes_by"), '50 default', "$load its default does not");
}
is($node->safe_psql('postgres', "SET hnsw.ef_search = 90; LOAD 'omendb'; LOAD 'vector'; SHOW hnsw.ef_search"), '90', 'set before pgvector is there');

# a distance that is returned is that of pgvector's operator, where vectors are TOASTed too
$node->safe_psql('postgres', q{
	CREATE TABLE big (id int, v vector(700));
	INSERT INTO big SELECT i, (SELECT array_agg(sin(i * d) ORDER BY d) FROM generate_series(1, 700) d)::real[] FROM generate_series(1, 1500) i;
	CREATE INDEX big_v ON big USING omen_hnsw (v); ANALYZE big});
my $big = 'SELECT id, v <-> (SELECT v FROM big WHERE id = 5) FROM big ORDER BY v <-> (SELECT v FROM big WHERE id = 5) LIMIT 20';
like($node->safe_psql('postgres', "LOAD 'omendb'; EXPLAIN (COSTS OFF) $big"), qr/Index Scan using big_v/, 'TOASTed vectors: by our index');
is($node->safe_psql('postgres', "LOAD 'omendb'; SET omendb.ef_search = 1000; $big"), $node->safe_psql('postgres', "SET enable_indexscan = off; $big"), 'TOASTed vectors: the same distances');
is($node->safe_psql('postgres', "LOAD 'omendb'; SET omendb.ef_search = 1000; $big FOR UPDATE"), $node->safe_psql('postgres', "SET enable_indexscan = off; $big"), 'the same with rows locked');

# a table's parts are known to be by that distance, too: what it costs, and what a scan knows
my $calls = q{SELECT pg_stat_force_next_flush(); SELECT coalesce(pg_stat_get_function_calls('l2_distance(vector, vector)'::regprocedure), 0)};
$node->safe_psql('postgres', q{CREATE TABLE whole (id int, v vector(700)) PARTITION BY HASH (id);
	CREATE TABLE part_1 PARTITION OF whole FOR VALUES WITH (modulus 2, remainder 0); CREATE TABLE part_2 PARTITION OF whole FOR VALUES WITH (modulus 2, remainder 1);
	INSERT INTO whole SELECT * FROM big; CREATE INDEX ON whole USING omen_hnsw (v); ANALYZE whole});
my $of_parts = 'SELECT id FROM whole ORDER BY v <-> (SELECT v FROM big WHERE id = 5) LIMIT 20';
my @costs = map { my ($plan) = $node->safe_psql('postgres', "LOAD 'omendb'; SET enable_indexscan = off; EXPLAIN $_") =~ /^Limit  \(cost=([0-9.]+)/m; $plan }
	($of_parts, $of_parts =~ s/whole/big/r);
cmp_ok($costs[0], '>', 0.9 * $costs[1], 'partitions: a sort costs what it does without them');
like($node->safe_psql('postgres', "LOAD 'omendb'; EXPLAIN (COSTS OFF) $of_parts"), qr/Merge Append.*Index Scan using part_1_v_idx.*Index Scan using part_2_v_idx/s, 'partitions: by our indexes');
my $found = $node->safe_psql('postgres', "LOAD 'omendb'; SET omendb.ef_search = 1000; SET track_functions = 'all'; $of_parts");
is($found, $node->safe_psql('postgres', "SET enable_indexscan = off; $of_parts"), 'partitions: the nearest');
is($node->safe_psql('postgres', $calls), "\n0", 'partitions: no distance is computed again');

# ---------- moving and updating ----------

my $definitions = q{SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indrelid = 'item'::regclass ORDER BY 1};
$node->safe_psql('postgres', 'CREATE SCHEMA theirs; ALTER EXTENSION vector SET SCHEMA theirs');
my $path = 'SET search_path = public, theirs;';
like($node->safe_psql('postgres', "$path BEGIN; DROP INDEX public.theirs; EXPLAIN (COSTS OFF) $search"), qr/Index Scan using ours/, 'pgvector in another schema: ours is used');
is($node->safe_psql('postgres', "$path BEGIN; DROP INDEX public.theirs; $search"), $node->safe_psql('postgres', "$path SET enable_indexscan = off; $search"), 'and finds the same');
is($node->safe_psql('postgres', "$path INSERT INTO item SELECT id + 10000, kind, v, h, s, b FROM item WHERE id < 50; SELECT * FROM omen_hnsw_check('ours', true)"), '', 'and takes rows');
is($node->safe_psql('postgres', "SELECT count(*) FROM item i, item q WHERE q.id = 77 AND i.v OPERATOR(public.<<=>>) sphere(q.v, 0.5)"),
	$node->safe_psql('postgres', "SELECT count(*) FROM item i, item q WHERE q.id = 77 AND i.v OPERATOR(theirs.<=>) q.v < 0.5"), 'spheres, without a search path');
$node->safe_psql('postgres', 'CREATE SCHEMA mine; ALTER EXTENSION omendb_pgvector SET SCHEMA mine');
like($node->safe_psql('postgres', "$path BEGIN; DROP INDEX public.theirs; EXPLAIN (COSTS OFF) $search"), qr/Index Scan using ours/, 'the companion in another schema');
$node->safe_psql('updated', 'CREATE EXTENSION omendb_pgvector CASCADE; CREATE TABLE item (id int, v vector(3)); INSERT INTO item SELECT i, ARRAY[i, 1, 2] FROM generate_series(1, 100) i;
	CREATE INDEX item_v ON item USING omen_hnsw (v)');
$node->safe_psql('updated', "ALTER EXTENSION vector UPDATE TO '0.8.99'");
is($node->safe_psql('updated', q{SET enable_seqscan = off; SELECT id FROM item ORDER BY v <-> '[7,1,2]' LIMIT 1}), '7', 'pgvector is updated below it');

for my $format ('plain', 'custom')
{
	$node->command_ok([ 'pg_dump', "-F$format", '-f', "$folder/$format", '-d', $node->connstr('postgres') ], "dump, $format");
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	$node->command_ok($format eq 'plain' ? [ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/plain", '-d', $node->connstr('plain') ]
		: [ 'pg_restore', '-e', '-d', $node->connstr('custom'), "$folder/custom" ], "restore, $format");
	is($node->safe_psql($format, $definitions), $node->safe_psql('postgres', $definitions), "the indexes are as they were, $format");
	is($node->safe_psql($format, q{SELECT * FROM mine.omen_hnsw_check('ours', true)}), '', "ours is sound, $format");
}

# ---------- going back ----------

like(fails('DROP EXTENSION vector'), qr/extension omendb_pgvector depends on extension vector/, 'pgvector does not go before the companion');
like(fails('DROP EXTENSION omendb_pgvector'), qr/index ours depends on operator class/, 'nor the companion before its indexes');
my $rows = q{SELECT md5(string_agg(item::text, ' ' ORDER BY id)) FROM item};
my $before = $node->safe_psql('postgres', $rows);
$node->safe_psql('postgres', 'DROP EXTENSION omendb_pgvector CASCADE');
is($node->safe_psql('postgres', $definitions), "item_pkey|t\ntheirs|t", 'CASCADE takes its indexes, and no others');
is($node->safe_psql('postgres', $rows), $before, 'and leaves the rows');
is($node->safe_psql('postgres', q{SELECT string_agg(extname, ' ') FROM pg_extension WHERE extname <> 'plpgsql'}), 'vector', 'and pgvector');
like($node->safe_psql('postgres', "$path EXPLAIN (COSTS OFF) $search"), qr/Index Scan using theirs/, 'whose index is used');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_amop o LEFT JOIN pg_am a ON a.oid = amopmethod WHERE a.oid IS NULL}), '0', 'nothing is left behind');

$node->stop;
done_testing();
