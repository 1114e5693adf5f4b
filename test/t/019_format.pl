# What says of which format an index is, and of a page which one: indexes of other
# versions are refused with advice, pages that were copied over others are errors
# and never rows, and what copies whole files keeps all of it.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use OmenFormat;
use OmenTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Without checksums, which the server would complain of first.
my $node = PostgreSQL::Test::Cluster->new('format');
my $no_checksums = $node->pg_version >= 18 ? ['--no-data-checksums'] : [];
$node->init(extra => $no_checksums);
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION omendb;
	CREATE FUNCTION made(n int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
		SELECT array_agg((n * d * 0.61803398875 + d * 0.41421356237) % 1.0 ORDER BY d)::float8[]::vector
			FROM generate_series(1, dims) d $$;
	CREATE TABLE item (id int, v vector(3));
	INSERT INTO item SELECT i, ARRAY[i, i % 3, 1]::vector FROM generate_series(1, 9) i;
	CREATE INDEX item_index ON item USING omen_hnsw (v);
	CREATE TABLE many (id int, k int, v vector(8));
	INSERT INTO many SELECT i, i % 3, made(i, 8) FROM generate_series(1, 2000) i;
	INSERT INTO many SELECT 2000 + i, 1, made(5, 8) FROM generate_series(1, 1500) i;
	INSERT INTO many SELECT 4000 + i, 1, NULL FROM generate_series(1, 600) i;
	CREATE INDEX many_index ON many USING omen_hnsw (v, k) WITH (m = 4, ef_construction = 16);
	CREATE TABLE wide (id int, v vector(2400));
	INSERT INTO wide SELECT i, made(i, 2400) FROM generate_series(1, 30) i;
	CREATE INDEX wide_index ON wide USING omen_hnsw (v) WITH (storage = full);
	DELETE FROM wide WHERE id % 5 = 0;
	VACUUM wide;
	CREATE UNLOGGED TABLE fleeting (id int, v vector(3));
	INSERT INTO fleeting SELECT * FROM item;
	CREATE INDEX fleeting_index ON fleeting USING omen_hnsw (v);
});

# ---------- files ----------

# Change the file of an index: a list of its pages, by a function.
sub change
{
	my ($index, $function) = @_;
	my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$index')");

	$node->stop;
	open(my $file, '+<:raw', $path) or die "could not open $path: $!";
	my @pages = do { local $/; unpack('(a' . PAGE . ')*', <$file>) };
	$function->(\@pages);
	seek($file, 0, 0);
	truncate($file, 0);
	print $file join('', @pages);
	close($file) or die "could not write $path: $!";
	$node->start;
	return;
}

sub peek { my ($page, $offset, $template) = @_; return unpack("\@$offset $template", $page); }

# The pages that stand in one of the files of test/t/data.
sub fixture
{
	my ($name) = @_;
	my $bytes = '';

	foreach my $line (split /\n/, slurp_file(abs_path(dirname(__FILE__)) . "/data/$name"))
	{
		my ($offset, $hex) = $line =~ /^([0-9a-f]+) ([0-9a-f]+)$/ or next;

		$bytes .= "\0" x (hex($offset) - length($bytes)) . pack('H*', $hex);
	}
	return unpack('(a' . PAGE . ')*', $bytes);
}

# ---------- versions ----------

# All that reads an index fails with the same error, which has a hint.
sub refuses
{
	my ($code, $message, $hint, $name) = @_;
	my %statements = (
		SELECT => "SET enable_seqscan = off; SELECT id FROM item ORDER BY v <-> '[4,1,1]' LIMIT 1",
		INSERT => "INSERT INTO item VALUES (10, '[1,2,3]')",
		VACUUM => 'VACUUM (INDEX_CLEANUP ON) item',
		omen_hnsw_info => "SELECT * FROM omen_hnsw_info('item_index')");

	$node->safe_psql('postgres', 'DELETE FROM item WHERE id = 9');
	foreach my $statement (sort keys %statements)
	{
		my ($out, $err) = ('', '');

		$node->psql('postgres', "\\set VERBOSITY verbose\n$statements{$statement}",
			on_error_stop => 0, stdout => \$out, stderr => \$err);
		like($err, qr/ERROR:  $code: $message.*^HINT:  $hint$/ms, "$name: $statement says so");
		is($out, '', "$name: $statement returns nothing");
	}
	is($node->safe_psql('postgres', "SELECT id FROM item ORDER BY v <-> '[4,1,1]', id LIMIT 1"), '4',
		"$name: the table can be read without the index");
	return;
}

sub mended
{
	my ($name) = @_;

	$node->safe_psql('postgres', 'REINDEX INDEX item_index; VACUUM item; INSERT INTO item SELECT 9, ARRAY[9, 0, 1]::vector');
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM item ORDER BY v <-> '[4,1,1]' LIMIT 1"), '4',
		"$name: REINDEX mends it");
	check_index($node, 'item_index', "after that ($name)");
	return;
}

sub reports
{
	my ($expected, $name) = @_;

	is($node->safe_psql('postgres', "SELECT * FROM omen_hnsw_check('item_index', true)"), $expected, "$name: a check says so");
	return;
}

my $damaged = 'metapage of index "item_index" is corrupted';
my $made = 'index "item_index" was made by';
my $reindex = 'Please REINDEX it.';
my $update = 'Update omendb, or REINDEX the index.';
my @versions = (
	[ 'version 1', '0A000', "$made an earlier version of omendb", $reindex,
		'error|meta|0||metapage: was made by an earlier version of omendb',
		sub { @{ $_[0] } = fixture('format_1.txt') } ],
	[ 'a later version', '0A000', "$made a later version of omendb", $update,
		'error|meta|0||metapage: was made by a later version of omendb',
		# of which nothing else is known
		sub { substr($_[0][0], META_VERSION) = pack('LL', FORMAT_VERSION + 1, ~(FORMAT_VERSION + 1) & 0xFFFFFFFF)
				. chr(7) x (PAGE - META_VERSION - 8) } ],
	[ 'a later encoder', '0A000', "$made a later version of omendb", $update,
		'error|meta|0||metapage: was made by a later version of omendb',
		sub { substr($_[0][0], META_ENCODER, 2) = pack('S', 1000) } ],
	# codes of eight bits are made as ever, those of four bits are not
	[ 'an earlier encoder', '0A000', "$made an earlier version of omendb", $reindex,
		'error|meta|0||metapage: was made by an earlier version of omendb',
		sub { substr($_[0][0], META_STORAGE, 1) = pack('C', 2); substr($_[0][0], META_ENCODER, 2) = pack('S', 1) } ],
	[ 'two versions', 'XX002', $damaged, $reindex, 'error|meta|0||metapage: does not tell its version',
		sub { substr($_[0][0], META_VERSION, 4) = pack('L', FORMAT_VERSION + 1) } ],
	[ 'no version', 'XX002', $damaged, $reindex, 'error|meta|0||metapage: does not tell its version',
		sub { substr($_[0][0], META_VERSION, 8) = pack('LL', 0, 0xFFFFFFFF) } ],
	[ 'no encoder', 'XX002', $damaged, $reindex, 'error|meta|0||metapage: does not tell its version',
		sub { substr($_[0][0], META_ENCODER, 2) = pack('S', 0) } ],
	[ 'a calibration', 'XX002', $damaged, $reindex, 'error|meta|0||metapage: has reserved fields in use',
		sub { substr($_[0][0], META_CALIBRATION, 4) = pack('L', 1) } ],
	[ 'a page of nodes', 'XX002', 'index "item_index" is not an omen_hnsw index', $reindex,
		'error|meta|0||metapage: is not that of an omen_hnsw index', sub { $_[0][0] = $_[0][1] } ],
	[ 'another metapage', 'XX002', 'index "item_index" contains corrupted page at block 0', $reindex,
		'error|meta|0||metapage: page is a copy of that of block 7',
		sub { substr($_[0][0], PAGE_BLOCK, 4) = pack('L', 7) } ]);
# the fixture is of a machine with the other byte order
shift @versions if unpack('C', pack('S', 1)) == 0;
foreach my $version (@versions)
{
	my ($name, $code, $message, $hint, $report, $function) = @$version;

	change('item_index', $function);
	refuses($code, $message, $hint, $name);
	reports($report, $name);
	mended($name);
}

# One of version 2 is read, and written to; it had no dimensions of values.
SKIP:
{
	skip 'the fixture is of a machine with the other byte order', 5 if unpack('C', pack('S', 1)) == 0;
	change('item_index', sub { @{ $_[0] } = fixture('format_2.txt') });
	check_index($node, 'item_index', 'of version 2');
	$node->safe_psql('postgres', 'INSERT INTO item SELECT i, ARRAY[i, i % 3, 1]::vector FROM generate_series(10, 1200) i');
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM item ORDER BY v <-> '[4.2,1,1]' LIMIT 3"), "4\n5\n3",
		'an index of version 2 is searched');
	check_index($node, 'item_index', 'of version 2, with more rows');
	change('item_index', sub { is(peek($_[0][0], META_VERSION, 'L'), 2, 'and stays one'); });
	$node->safe_psql('postgres', 'DELETE FROM item WHERE id > 9; VACUUM item; REINDEX INDEX item_index');
	change('item_index', sub { is(peek($_[0][0], META_VERSION, 'L'), FORMAT_VERSION, 'until it is made anew'); });
}

# An index keeps the version that the codes of its kind were changed in last.
foreach my $kind ([ 'sq8', 1 ], [ 'sq4', 2 ], [ 'sq2', 2 ], [ 'full', 1 ])
{
	my ($storage, $encoder) = @$kind;

	$node->safe_psql('postgres', "CREATE INDEX kind_index ON wide USING omen_hnsw (v) WITH (storage = $storage)");
	change('kind_index', sub { is(peek($_[0][0], META_ENCODER, 'S'), $encoder, "the encoder of $storage"); });
	$node->safe_psql('postgres', 'DROP INDEX kind_index');
}

# ---------- pages in the place of others ----------

# Put a page of a kind in the place of another of the kind, and see that whatever
# reads it fails, and that what is returned meanwhile is right.
sub displaced
{
	my ($table, $kind, $name, $place, @statements) = @_;
	my $index = "${table}_index";
	my $saved;

	change($index, sub {
		my ($pages) = @_;
		my @blocks = grep { peek($pages->[$_], PAGE_KIND, 'C') == $kind } 0 .. $#$pages;

		die "too few pages of $name" if @blocks < 2;
		$saved = [@$pages];
		$pages->[ $blocks[$place] ] = $pages->[ $blocks[ 1 - $place ] ];
	});
	my $found = $node->safe_psql('postgres',
		"SELECT count(*) FROM omen_hnsw_check('$index') WHERE severity = 'error' AND kind = 'page' AND detail ~ 'copy'");
	is($found, 1, "$name: a check finds it");
	foreach my $statement (@statements)
	{
		my ($out, $err) = ('', '');
		# without a WHERE an index scan, which reads pages however many rows there are
		my $scan = $statement =~ /WHERE/ ? 'on' : 'off';

		$node->psql('postgres', "\\set VERBOSITY verbose\nSET enable_seqscan = off;\nSET enable_sort = off;\nSET omendb.enable_scan = $scan;\nBEGIN;\n$statement;\nROLLBACK;",
			on_error_stop => 0, stdout => \$out, stderr => \$err);
		like($err, qr/ERROR:  XX002: index "$index" contains corrupted page at block \d+.*^HINT:  $reindex$/ms,
			"$name: " . ($statement =~ /^(\w+)/)[0] . ' says so');
		is($out, '', 'and returns nothing');
	}
	change($index, sub { @{ $_[0] } = @$saved });
	return;
}

my $all = 'SELECT count(*) FROM (SELECT id FROM many ORDER BY v <-> made(5, 8) LIMIT 5000) s';
my $rows = "INSERT INTO many SELECT i, 1, made(i, 8) FROM generate_series(6000, 6100) i";

foreach my $place (0, 1)
{
	displaced('many', KIND_NODE, "page of nodes, $place", $place, $all, $rows,
		"SELECT count(*) FROM (SELECT id FROM many WHERE k = 2 ORDER BY v <-> made(5, 8) LIMIT 1000) s");
	displaced('many', KIND_POSTING, "page of posting chunks, $place", $place, $all,
		'SELECT id FROM many ORDER BY v <-> (SELECT NULL::vector) LIMIT 5000');
}
displaced('many', KIND_UPPER, 'page of upper slots', 0, $rows, $all);
displaced('wide', KIND_PAYLOAD, 'page of payload', 0, 'SELECT id FROM wide ORDER BY v <-> made(5, 2400) LIMIT 50');
displaced('wide', KIND_FREE, 'free page', 0, 'INSERT INTO wide SELECT i, made(i, 2400) FROM generate_series(100, 110) i');

# VACUUM cannot be rolled back, so comes last.
change('many_index', sub {
	my ($pages) = @_;
	my ($first, $second) = grep { peek($pages->[$_], PAGE_KIND, 'C') == KIND_NODE } 0 .. $#$pages;

	@$pages[ $first, $second ] = @$pages[ $second, $first ];
});
my ($out, $err) = ('', '');
$node->psql('postgres', "DELETE FROM many WHERE id % 7 = 0;\nVACUUM (INDEX_CLEANUP ON) many;",
	on_error_stop => 0, stdout => \$out, stderr => \$err);
like($err, qr/ERROR:  index "many_index" contains corrupted page at block \d+/, 'VACUUM finds two pages that were swapped');
$node->safe_psql('postgres', 'REINDEX INDEX many_index; VACUUM (INDEX_CLEANUP ON) many');
check_index($node, $_, 'after all') for ('many_index', 'wide_index');

# ---------- another metapage while a statement runs ----------

my $small = PostgreSQL::Test::Cluster->new('small');
$small->init(extra => $no_checksums);
$small->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nshared_buffers = 1MB\n");
$small->start;
$small->safe_psql('postgres', q{
	CREATE EXTENSION omendb;
	CREATE TABLE item AS SELECT i AS id, ARRAY[i % 37, i % 11, i]::vector(3) AS v FROM generate_series(1, 2000) i;
	CREATE TABLE twin AS SELECT * FROM item;
	CREATE TABLE filler AS SELECT i, repeat('x', 500) AS x FROM generate_series(1, 10000) i;
	CREATE INDEX item_index ON item USING omen_hnsw (v);
	CREATE INDEX twin_index ON twin USING omen_hnsw (v) WITH (m = 8);
	CREATE INDEX filler_index ON filler (i);
	-- put another metapage in the file, and read it by reading much else
	CREATE FUNCTION swap(part text, whole text) RETURNS bool LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
	BEGIN
		EXECUTE format('COPY (SELECT) TO PROGRAM %L', format('cat >/dev/null; dd if=%s of=%s bs=8192 count=1 conv=notrunc 2>/dev/null', part, whole));
		RETURN (SELECT sum(length(x)) > 0 FROM filler WHERE i > 0);
	END $$});
my ($twin, $item) = map { $small->data_dir . '/' . $small->safe_psql('postgres', "SELECT pg_relation_filepath('$_')") } ('twin_index', 'item_index');
$small->safe_psql('postgres', 'CHECKPOINT');
my ($given, $said) = ('', '');
$small->psql('postgres', "\\set VERBOSITY verbose\nSET enable_seqscan = off; SET omendb.enable_scan = off;
	SELECT n, CASE WHEN n = 2 THEN swap('$twin', '$item') END, (SELECT id FROM item ORDER BY v <-> ARRAY[n, n, 7 * n]::vector LIMIT 1) FROM generate_series(1, 3) n",
	on_error_stop => 0, stdout => \$given, stderr => \$said);
like($said, qr/ERROR:  XX002: metapage of index "item_index" is corrupted.*^DETAIL:  It is of another index than it was\.$/ms,
	'a metapage that is of another index all at once is an error');
$small->stop;

# ---------- copies of all pages ----------

my $facts = q{SELECT c, i.*, (SELECT array_agg(f) FROM omen_hnsw_check(c, true) f) FROM
	unnest(ARRAY['item_index', 'many_index', 'wide_index', 'fleeting_index']::regclass[]) c, omen_hnsw_info(c) i ORDER BY c::text};
my $answers = q{SET enable_seqscan = off; SELECT array_agg(id) FROM (SELECT id FROM many ORDER BY v <-> made(77, 8) LIMIT 30) s;
	SELECT array_agg(id) FROM (SELECT id FROM wide ORDER BY v <-> made(7, 2400) LIMIT 50) s};
my $before = $node->safe_psql('postgres', $facts);
my $answered = $node->safe_psql('postgres', $answers);

unlike($before, qr/error|leftover/, 'indexes are sound before they are copied');
foreach my $strategy ('wal_log', 'file_copy')
{
	$node->safe_psql('template1', "CREATE DATABASE $strategy TEMPLATE postgres STRATEGY $strategy");
	is($node->safe_psql($strategy, $facts), $before, "indexes are the same in a database by $strategy");
	is($node->safe_psql($strategy, $answers), $answered, 'and give the same answers');
	$node->safe_psql($strategy, 'INSERT INTO many SELECT i, 1, made(i, 8) FROM generate_series(7001, 7100) i;
		DELETE FROM many WHERE id % 3 = 0; VACUUM (INDEX_CLEANUP ON) many;');
	is($node->safe_psql($strategy, "SELECT * FROM omen_hnsw_check('many_index', true)"), '', 'and take rows');
}
$node->safe_psql('postgres', 'SET allow_in_place_tablespaces = on; CREATE TABLESPACE elsewhere LOCATION $$$$');
$node->safe_psql('postgres', 'ALTER INDEX many_index SET TABLESPACE elsewhere; ALTER TABLE fleeting SET LOGGED; ALTER TABLE fleeting SET UNLOGGED');
is($node->safe_psql('postgres', $facts), $before, 'indexes are the same in other files');
$node->safe_psql('postgres', 'ALTER INDEX many_index SET TABLESPACE pg_default; DROP TABLESPACE elsewhere');
$node->safe_psql('postgres', "DROP DATABASE $_") for ('wal_log', 'file_copy');
$node->stop;

# pg_upgrade from this version to itself; test/upgrade does it from another.
my $new = PostgreSQL::Test::Cluster->new('upgraded');
$new->init(extra => $no_checksums);
$new->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\n");
my $bin = dirname((grep { -x } map { "$_/pg_upgrade" } split /:/, $ENV{PATH})[0]);
chdir(PostgreSQL::Test::Utils::tempdir());
command_ok([ 'pg_upgrade', '-b', $bin, '-B', $bin, '-d', $node->data_dir, '-D', $new->data_dir,
		'-s', $new->host, '-p', $node->port, '-P', $new->port ],
	'pg_upgrade succeeds');
$new->start;
is($new->safe_psql('postgres', $facts), $before, 'indexes are the same after pg_upgrade');
is($new->safe_psql('postgres', $answers), $answered, 'and give the same answers');
$new->stop;
done_testing();
