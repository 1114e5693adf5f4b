# A full disk: inserts, conversions and builds fail with the SQLSTATE of that and
# leave nothing behind, searches and VACUUM work, nothing that was committed is
# lost, and with room all goes on.  The disk is one in name only, since an
# ordinary user cannot mount one; see test/perl/full_disk.c.  OMEN_TEST_SOAK=1
# fills it at many more moments.
use strict;
use warnings;

use Cwd 'realpath';
use File::Basename 'dirname';
use File::Find;
use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $soak = $ENV{OMEN_TEST_SOAK};
my $quick = $ENV{OMEN_TEST_QUICK};
my $page = 8192;
my $plenty = 1 << 40;

# The disk
my $dir = realpath(PostgreSQL::Test::Utils::tempdir());
my $library = "$dir/full_disk.so";
mkdir "$dir/disk" or die "$dir/disk: $!";
system_or_bail($ENV{CC} || 'gcc', '-shared', '-fPIC', '-O1', '-o', $library, dirname(__FILE__) . '/../perl/full_disk.c', '-ldl');
$ENV{OMEN_DISK_FOLDER} = "$dir/disk/";
$ENV{OMEN_DISK_FREE} = "$dir/free";

sub set_free
{
	my ($bytes, $afterwards) = @_;
	my $new = !-e "$dir/free";

	# the servers have the file mapped
	open my $out, $new ? '>' : '+<', "$dir/free" or die "$dir/free: $!";
	binmode $out;
	print $out pack('q2', $bytes, $afterwards // 0);
	close $out or die "$dir/free: $!";
	return;
}

sub get_free
{
	return unpack 'q', slurp_file("$dir/free");
}

# What is on the disk, but for files that are empty: dropped ones, until the
# next checkpoint.
sub files
{
	my @found;

	find({ no_chdir => 1, wanted => sub { push @found, $_ if -f && -s _ } }, "$dir/disk");
	return join "\n", sort map { s{^\Q$dir\E/disk/}{}r } @found;
}

set_free($plenty);
$ENV{LD_PRELOAD} = $library;
my $node = start_node('main', 'fsync = off', 'shared_buffers = 16MB', 'max_wal_size = 2GB', 'dynamic_shared_memory_type = mmap',
	'maintenance_work_mem = 1MB', 'min_parallel_table_scan_size = 0', "statement_timeout = $PostgreSQL::Test::Utils::timeout_default" . 's');
delete $ENV{LD_PRELOAD};
create_made_vector($node);
$node->safe_psql('postgres', "CREATE TABLESPACE disk LOCATION '$dir/disk'");
$node->safe_psql('postgres', q{
	CREATE TABLE item (id serial PRIMARY KEY, v vector(24));
	CREATE INDEX item_index ON item USING omen_hnsw (v, (id % 4)) WITH (m = 6, ef_construction = 24) TABLESPACE disk;
	CREATE TABLE wide (id serial PRIMARY KEY, v vector(2500));
	CREATE INDEX wide_index ON wide USING omen_hnsw (v) WITH (storage = full, m = 4, ef_construction = 16) TABLESPACE disk;

	-- Insert rows, each in a transaction, until there is no room.  One in five is of so few kinds that their rows fill
	-- chains of chunks.
	CREATE PROCEDURE fill(name text, dims int, count int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. count LOOP
			EXECUTE format('INSERT INTO %I (v) SELECT made_vector(CASE WHEN n %% 5 = 0 THEN n %% 3 ELSE n END, $1, 50)
				FROM nextval(%L) n', name, name || '_id_seq') USING dims;
			COMMIT;
		END LOOP;
	END $$});

# Run what needs room while there are so many bytes, and so many after the first
# failure.  Returns whether it succeeded; tests that otherwise the error was the right one.
sub with_room
{
	my ($bytes, $sql, $when, $afterwards) = @_;
	my ($out, $err);

	set_free($bytes, $afterwards);
	my $result = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", stdout => \$out, stderr => \$err, on_error_die => 0);
	return 1 if $result == 0 && $err !~ /ERROR/;
	like($err, qr/ERROR:  53100: could not (?:extend|write)/, "it is the error of a full disk $when");
	unlike($err, qr/FATAL|PANIC|WARNING/, "and no more than that $when");
	return 0;
}

# The index is sound, before VACUUM but for what failed inserts have left, and
# gives all rows.
sub sound
{
	my ($index, $when) = @_;

	is($node->safe_psql('postgres', "SELECT severity, kind, block, slot, detail FROM omen_hnsw_check('$index', true)
			WHERE severity = 'error' LIMIT 20"),
		'', "$index is sound $when");
	return;
}

# Inserts into a list, page by page; into a graph; and of rows whose codes are out
# of line.
my @room = $soak ? map { $_ / 2 } 0 .. 40 : (0, 0.5, 1, 2, 3.5);
for my $table ([ 'item', 24, 'list' ], [ 'wide', 2500, 'list' ], [ 'item', 24, 'graph' ], [ 'wide', 2500, 'graph' ])
{
	my ($name, $dims, $mode) = @{$table};

	if ($mode eq 'graph')
	{
		set_free($plenty);
		$node->safe_psql('postgres', $name eq 'item' ? "CALL fill('item', 24, 1100)"
			: 'INSERT INTO wide (v) SELECT (made_vector(i, 20, 50)::real[] || array_fill(1::real, ARRAY[2480]))::vector FROM generate_series(1, 1050) i');
	}
	is($node->safe_psql('postgres', "SELECT mode FROM omen_hnsw_info('${name}_index')"), $mode eq 'list' ? 'flat' : $mode,
		"$name has a $mode");
	for my $pages (@room)
	{
		my $when = "when $name, a $mode, had room for $pages pages";
		my $full = !with_room($pages * $page, "CALL fill('$name', $dims, 3000)", $when);

		ok($full, "the disk is full $when");
		sound("${name}_index", $when) if $pages != int $pages || $pages == 0;
	}
	walk_all($node, '<->', 'SELECT min(id) FROM item', 400, "on the full disk, $name a $mode") if $name eq 'item';
	set_free($plenty);
	$node->safe_psql('postgres', "CALL fill('$name', $dims, 20)");
	sound("${name}_index", 'with room');
}

# A list that is about to become a graph.  Each time there is room for a page
# more, until it is enough.
$node->safe_psql('postgres', q{
	CREATE TABLE grow (id serial, v vector(24));
	CREATE INDEX grow_index ON grow USING omen_hnsw (v) WITH (m = 6, ef_construction = 24) TABLESPACE disk;
	INSERT INTO grow (v) SELECT made_vector(i, 24, 50) FROM generate_series(1, 950) i});
my $refused = 0;
while ($refused < 100)
{
	last if with_room($page * 1.5, "CALL fill('grow', 24, 100)", "in conversion, after $refused failures");
	sound('grow_index', "in conversion, after $refused failures") if $refused % 4 == 0;
	$refused++;
}
note("$refused times no room to convert");
cmp_ok($refused, '>', 1, 'there was no room to convert, several times');
is($node->safe_psql('postgres', "SELECT mode FROM omen_hnsw_info('grow_index')"), 'graph', 'then there was');
set_free($plenty);
$node->safe_psql('postgres', "CALL fill('grow', 24, 100)");
sound('grow_index', 'after conversion');

# VACUUM takes no room, and what it frees is used.
$node->safe_psql('postgres', 'DELETE FROM item WHERE id % 5 < 2; DELETE FROM wide WHERE id % 2 = 0; DELETE FROM grow WHERE id % 2 = 0');
set_free(0);
my $size = files();
$node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP ON) $_") for ('item', 'wide', 'grow');
check_index($node, $_, 'after VACUUM on a full disk') for ('item_index', 'wide_index', 'grow_index');
$node->safe_psql('postgres', "CALL fill('item', 24, 100); CALL fill('wide', 2500, 5)");
is(get_free(), 0, 'rows found room on a full disk after VACUUM');
check_index($node, $_, 'after that') for ('item_index', 'wide_index', 'grow_index');

# A crash, and recovery on a disk that still is full
$node->safe_psql('postgres', 'CHECKPOINT');
ok(!with_room(3 * $page, "CALL fill('item', 24, 3000)", 'before a crash'), 'the disk is full before a crash');
ok(!with_room(5 * $page, "CALL fill('wide', 2500, 3000)", 'before a crash'), 'and again');
$node->stop('immediate');
set_free(0);
$ENV{LD_PRELOAD} = $library;
$node->start;
delete $ENV{LD_PRELOAD};
sound($_, 'after recovery on a full disk') for ('item_index', 'wide_index', 'grow_index');
set_free($plenty);
for my $name ('item', 'wide', 'grow')
{
	$node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP ON) $name");
	$node->safe_psql('postgres', "CALL fill('$name', " . ($name eq 'wide' ? 2500 : 24) . ', 20)');
	check_index($node, "${name}_index", 'with room after recovery');
}

#
# CREATE INDEX, with its temporary files on the same disk
#

$node->safe_psql('postgres', q{
	CREATE TABLE built (id int, v vector(32));
	WITH part AS MATERIALIZED (SELECT i, made_vector(i, 32, 50) AS v FROM generate_series(1, 170) i)
	INSERT INTO built SELECT row_number() OVER (), a.v + b.v FROM part a, part b WHERE a.i <= b.i;
	CREATE INDEX built_index ON built USING omen_hnsw (v) TABLESPACE disk;
	CREATE TABLE few (id int, v vector(32));
	INSERT INTO few SELECT * FROM built LIMIT 700;
	ANALYZE});
$node->safe_psql('postgres', 'CHECKPOINT');
my $clean_files = files();
my $clean = build_leftovers($node, 'built');
my $nearest = "SET enable_seqscan = off; SELECT array_agg(id) FROM (SELECT id FROM built ORDER BY v <-> made_vector(7, 32, 50) LIMIT 20) s";
my $answer = $node->safe_psql('postgres', $nearest);

sub left_over
{
	wait_for_sessions($node);
	my $found = build_leftovers($node, 'built');

	$node->safe_psql('postgres', 'CHECKPOINT');
	return ($found eq $clean ? '' : $found) . (files() eq $clean_files ? '' : files());
}

is(left_over(), '', 'nothing is left over at first');
for my $build ([ 'built', 0, '' ], [ 'built', 2, '' ], [ 'few', 0, '' ], [ 'built', 0, 'CONCURRENTLY' ])
{
	my ($name, $workers, $how) = @{$build};
	my $settings = "SET max_parallel_maintenance_workers = $workers;\nSET temp_tablespaces = disk;\n"
	  . "ALTER TABLE $name SET (parallel_workers = $workers);\n";
	my $sql = "${settings}CREATE INDEX $how new_index ON $name USING omen_hnsw (v) TABLESPACE disk";

	# how much it takes
	ok(with_room($plenty, $sql, ''), "$name is built with $workers workers $how");
	my $need = $plenty - get_free();
	my $main = $node->safe_psql('postgres', "SELECT pg_relation_size('new_index')");
	$node->safe_psql('postgres', 'DROP INDEX new_index');
	note("$name with $workers workers: $need bytes, $main of them the index");

	my $count = $soak ? 40 : $name eq 'few' || $quick ? 3 : 6;
	for my $try (0 .. $count)
	{
		# the last is short of a page, if chance does not make it need less
		my $bytes = $try == $count ? $need - $page : $need * $try / $count;
		my $when = sprintf 'building %s with %d workers %s and %d %% of the room', $name, $workers, $how, 100 * $bytes / $need;
		my $built = with_room($bytes, $sql, $when);

		ok(!$built || ($try == $count && $workers > 0), "there is not enough $when");
		$node->safe_psql('postgres', 'DROP INDEX IF EXISTS new_index') if $built || $how;
		is(left_over(), '', "nothing is left over after $when");

		# where somebody else makes room at once, a write that was cut may go
		# on, but none is left out
		next if $how;
		if (with_room($bytes, $sql, "$when at first", $plenty))
		{
			check_index($node, 'new_index', "after $when at first");
			$node->safe_psql('postgres', 'DROP INDEX new_index');
		}
		is(left_over(), '', "nothing is left over after $when at first");
	}
}
for my $how ('', 'CONCURRENTLY')
{
	ok(!with_room(10 * $page, "REINDEX INDEX $how built_index", "rebuilding $how"), "there is not enough room to rebuild $how");
	is($node->safe_psql('postgres', $nearest), $answer, "the old index answers after rebuilding $how");
	$node->safe_psql('postgres', 'DROP INDEX IF EXISTS built_index_ccnew');
	is(left_over(), '', "nothing is left over after rebuilding $how");
}
check_index($node, 'built_index', 'after failed builds');
set_free($plenty);
$node->safe_psql('postgres', 'REINDEX INDEX built_index');
check_index($node, 'built_index', 'built with room');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_index WHERE NOT indisvalid'), '0', 'all indexes are valid');
unlike(slurp_file($node->logfile), qr/WARNING|PANIC|TRAP|leak|terminated by signal/, 'the server had nothing to complain about');

$node->stop;
done_testing();
