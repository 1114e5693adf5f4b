# The extension vector, omendb by pgvector's names: that it is not installed over
# pgvector; that it, omendb and omendb_pgvector exclude each other in a database;
# its access methods; how it reads hnsw.ef_search; dump and restore.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir();
my $copy = "$folder/copy";
chomp(my $sharedir = `$ENV{PG_CONFIG} --sharedir`);

# Run a target of the Makefile for a folder: whether it succeeds, and what it says.
sub make
{
	my ($target, $destination) = @_;
	my $said = `make -s $target DESTDIR=$destination 2>&1`;

	return ($? == 0, $said);
}

# ---------- installing ----------

my $files = "$folder/files$sharedir/extension";
my ($good, $said) = make('install-vector-files', "$folder/files");
ok($good && -e "$files/vector.control" && -e "$files/vector--0.8.7.sql", 'installed where there is nothing') or diag $said;
($good, $said) = make('install-vector-files', "$folder/files");
ok($good, 'installed over itself') or diag $said;
($good, $said) = make('uninstall-vector', "$folder/files");
ok($good && !glob("$files/vector*"), 'uninstalled') or diag $said;

my $theirs = "comment = 'vector data type and ivfflat and hnsw access methods'\nmodule_pathname = '\$libdir/vector'\n";
append_to_file("$files/vector.control", $theirs);
for my $target ('install-vector', 'install-vector-files', 'uninstall-vector')
{
	($good, $said) = make($target, "$folder/files");
	ok(!$good, "$target refuses where another vector is");
	like($said, qr/vector\.control is another extension's.*CREATE EXTENSION omendb_pgvector/s, "$target says why, and what to do");
}
is(slurp_file("$files/vector.control"), $theirs, 'the other one is as it was');
is(join(' ', map { s,.*/,,r } glob "$files/*"), 'vector.control', 'and nothing else is there');

copy_installation($copy);
# of pgvector, if it is installed: here it is as if it were not
unlink glob "$copy$sharedir/extension/vector*";
($good, $said) = make('install-vector-files', $copy);
ok($good, 'installed in a server') or diag $said;

my $node = start_copy('main', $copy);

# ---------- one in a database ----------

sub refused
{
	my ($present, $wanted, $message, $hint, $name) = @_;
	my ($out, $err);

	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS pair');
	$node->safe_psql('postgres', 'CREATE DATABASE pair');
	$node->safe_psql('pair', "CREATE SCHEMA elsewhere; CREATE EXTENSION $present SCHEMA elsewhere");
	isnt($node->psql('pair', "CREATE EXTENSION $wanted", stdout => \$out, stderr => \$err, on_error_stop => 1), 0, "$wanted beside $present is refused");
	like($err, $message, "$wanted beside $present: the error");
	like($err, $hint, "$wanted beside $present: the hint");
	is($node->safe_psql('pair', q{SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension WHERE extname <> 'plpgsql'}), $present,
		"$wanted beside $present: nothing is left of it");
	return;
}

refused('omendb', 'vector', qr/ERROR:  extension "vector" cannot be created beside extension "omendb"/, qr/HINT:  Extension omendb has the types/);
refused('vector', 'omendb', qr/ERROR:  extension "omendb" cannot be created beside extension "vector"/, qr/HINT:  Extension vector is omendb here/);
refused('vector', 'omendb_pgvector', qr/ERROR:  extension "omendb_pgvector" cannot be created beside omendb's extension "vector"/,
	qr/HINT:  .*CREATE INDEX \.\.\. USING omen_hnsw/);
# without pgvector there is only ours that it could be made with
refused('omendb', 'omendb_pgvector CASCADE', qr/ERROR:  extension "vector" cannot be created beside extension "omendb"/,
	qr/HINT:  Extension omendb has the types/);
# (omendb_pgvector first takes pgvector: 031_companion.pl)

# ---------- what it is ----------

$node->safe_psql('postgres', 'CREATE EXTENSION vector');
my $release = (slurp_file('META.json') =~ /"version"\s*:\s*"([^"]*)"/)[0];
is($node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'vector'}), '0.8.7', 'the version is that of the surface');
is($node->safe_psql('postgres', 'SELECT omendb_version()'), $release, 'omendb_version() says whose it is');
like($node->safe_psql('postgres', q{SELECT comment FROM pg_available_extensions WHERE name = 'vector'}), qr/^omendb /, 'so does the comment');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname IN ('hnsw', 'omen_hnsw') AND NOT amvalidate(c.oid)}),
	'0', 'operator classes are sound');
my $classes = q{SELECT string_agg(concat_ws(' ', opcname, opcintype::regtype, %s), ', ' ORDER BY opcname, opcintype) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
	WHERE amname = '%s'};
is($node->safe_psql('postgres', sprintf $classes, "''", 'hnsw'), $node->safe_psql('postgres', sprintf $classes, "''", 'omen_hnsw'),
	'both access methods have the same classes');
is($node->safe_psql('postgres', q{SELECT string_agg(opcname, ' ') FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod JOIN pg_amop ON amopfamily = opcfamily
	WHERE amname = 'hnsw' AND amoppurpose = 'o' AND opcdefault}), '', 'hnsw has none by default');

# ---------- indexes ----------

$node->safe_psql('postgres', q{
	CREATE TABLE item (id int PRIMARY KEY, v vector(16), kind int);
	CREATE FUNCTION vectors(int, int) RETURNS SETOF vector LANGUAGE sql AS $$
		SELECT (SELECT array_agg(sin(i * 7.3 + d * (i % 31) * 1.7)::real ORDER BY d) FROM generate_series(1, 16) d)::vector FROM generate_series($1, $2) i
	$$;
	INSERT INTO item SELECT n, v, n % 50 FROM vectors(1, 4000) WITH ORDINALITY s (v, n);
	CREATE INDEX item_hnsw ON item USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 32);
	CREATE INDEX item_keys ON item USING hnsw (v vector_cosine_ops, kind);
	CREATE INDEX item_omen ON item USING omen_hnsw (v vector_ip_ops);
	ANALYZE item});
for my $index ('item_hnsw', 'item_keys', 'item_omen')
{
	is($node->safe_psql('postgres', "SELECT * FROM omen_hnsw_check('$index', true)"), '', "$index is sound");
}
my $query = q{(SELECT v FROM item WHERE id = 17)};
sub plan_of
{
	return $node->safe_psql('postgres', "EXPLAIN (COSTS OFF) $_[0]");
}
like(plan_of("SELECT id FROM item ORDER BY v <-> $query LIMIT 5"), qr/Index Scan using item_hnsw/, 'hnsw is used');
like(plan_of("SELECT id FROM item WHERE kind = 7 ORDER BY v <=> $query LIMIT 5"), qr/Omen Scan.*Index: item_keys.*Key Filter: \(item\.kind = 7\)/s,
	'hnsw with a key is used');
like(plan_of("SELECT id FROM item ORDER BY v <#> $query LIMIT 5"), qr/Index Scan using item_omen/, 'omen_hnsw is used');
my $nearest = "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM item WHERE kind = 7 ORDER BY v <=> $query LIMIT 5) s";
is($node->safe_psql('postgres', $nearest), $node->safe_psql('postgres', "SET enable_indexscan = off; $nearest"), 'it finds what there is');

for my $case (
	[ 'hnsw (v)', qr/ERROR:  data type vector has no default operator class for access method "hnsw"/, 'no class' ],
	[ 'hnsw (v vector_l2_ops) WITH (m = 32, ef_construction = 63)', qr/ERROR:  ef_construction must be greater than or equal to 2 \* m/, 'too short a list' ],
	[ 'hnsw (v vector_l2_ops) WITH (ef_construction = 20)', qr/ERROR:  ef_construction must be greater than or equal to 2 \* m/, 'too short a list for the default of m' ],
	[ 'ivfflat (v vector_l2_ops) WITH (lists = 10)', qr/ERROR:  access method "ivfflat" is not supported.*HINT:  Write USING hnsw/s, 'ivfflat' ],
	[ 'ivfflat (v)', qr/ERROR:  access method "ivfflat" is not supported.*HINT:  Write USING hnsw/s, 'ivfflat without a class' ])
{
	my ($out, $err);

	$node->psql('postgres', "CREATE INDEX ON item USING $case->[0]", stdout => \$out, stderr => \$err);
	like($err, $case->[1], "error: $case->[2]");
}

# ---------- hnsw.ef_search ----------

# What a search by an index goes by.
sub goes_by
{
	my ($setting, $order) = @_;

	return (split /\n/, $node->safe_psql('postgres', "$setting; SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM item ORDER BY $order $query LIMIT 3) s;
		SELECT concat_ws(' ', ef_search, ef_search_from) FROM omen_hnsw_last_scan()"))[-1];
}

my $factor = (slurp_file('src/tuning.h') =~ /#define OMEN_ALIAS_EF_FACTOR ([0-9.]+)/)[0];
cmp_ok($factor, '>', 1, 'a number of pgvector means more');
is(goes_by('SET hnsw.ef_search = 40', 'v <->'), 40 * $factor . ' hnsw.ef_search (session)', 'for an index by the name of hnsw');
is(goes_by('SELECT', 'v <->'), 40 * $factor . ' default', 'also by default');
is(goes_by('SET omendb.ef_search = 40', 'v <->'), '40 omendb.ef_search (session)', 'our own number is what it is');
is(goes_by('SET hnsw.ef_search = 9999', 'v <->'), '10000 hnsw.ef_search (session)', 'up to what a list can hold');
is(goes_by('SET hnsw.ef_search = 40', 'v <#>'), '40 hnsw.ef_search (session)', 'an index by the name of omen_hnsw takes it as it is');
is(goes_by('SELECT', 'v <#>'), '50 default', 'and has its own default');

# ---------- dump and restore ----------

my $definitions = q{SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index WHERE indrelid = 'item'::regclass ORDER BY 1};
my $rows = 'SELECT md5(string_agg(item::text, $$ $$ ORDER BY id)) FROM item';
for my $format ('plain', 'custom')
{
	$node->command_ok([ 'pg_dump', "-F$format", '-f', "$folder/$format", '-d', $node->connstr('postgres') ], "dump, $format");
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	$node->command_ok($format eq 'plain' ? [ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', "$folder/plain", '-d', $node->connstr('plain') ]
		: [ 'pg_restore', '-e', '-d', $node->connstr('custom'), "$folder/custom" ], "restore, $format");
	is($node->safe_psql($format, $definitions), $node->safe_psql('postgres', $definitions), "the indexes are as they were, $format");
	is($node->safe_psql($format, $rows), $node->safe_psql('postgres', $rows), "the rows are as they were, $format");
	is($node->safe_psql($format, q{SELECT * FROM omen_hnsw_check('item_hnsw', true)}), '', "the index is sound, $format");
}

# ---------- moving, and going away ----------

$node->safe_psql('postgres', 'CREATE SCHEMA elsewhere; ALTER EXTENSION vector SET SCHEMA elsewhere');
like($node->safe_psql('postgres', "SET search_path = public, elsewhere; EXPLAIN (COSTS OFF) SELECT id FROM item ORDER BY v <-> $query LIMIT 5"),
	qr/Index Scan using item_hnsw/, 'in another schema the index goes on');
$node->safe_psql('postgres', 'DROP EXTENSION vector CASCADE');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_am WHERE amname IN ('hnsw', 'omen_hnsw', 'ivfflat')}), '0', 'nothing is left of it');

$node->stop;
done_testing();
