# Where what the steps of a build pass on is kept: in memory as long as there is
# some, then in temporary files.  Whichever it is, and how often the memory was
# used before, the index is the same, and nothing is left behind.
use strict;
use warnings;

use Digest::MD5;
use File::Basename 'dirname';
use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Shared memory is on a "disk" that can be full; see test/perl/full_disk.c.
my $dir = PostgreSQL::Test::Utils::tempdir();
my $library = "$dir/full_disk.so";
my $plenty = 1 << 40;
system_or_bail($ENV{CC} || 'gcc', '-shared', '-fPIC', '-O1', '-o', $library, dirname(__FILE__) . '/../perl/full_disk.c', '-ldl');
$ENV{OMEN_DISK_FREE} = "$dir/free";

sub set_free
{
	my ($bytes, $afterwards) = @_;
	my $new = !-e "$dir/free";

	open my $out, $new ? '>' : '+<', "$dir/free" or die "$dir/free: $!";
	binmode $out;
	print $out pack('q2', $bytes, $afterwards // $bytes);
	close $out or die "$dir/free: $!";
	return;
}

sub get_free
{
	return unpack 'q', slurp_file("$dir/free");
}

set_free($plenty);
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "$_\n")
  for ('autovacuum = off', 'fsync = off', 'shared_buffers = 64MB', 'max_wal_size = 2GB', 'max_worker_processes = 8',
	'max_parallel_workers = 8', 'dynamic_shared_memory_type = mmap', 'log_temp_files = 0', "statement_timeout = $PostgreSQL::Test::Utils::timeout_default" . 's');
$ENV{OMEN_DISK_FOLDER} = $node->data_dir . '/pg_dynshmem/';
$ENV{LD_PRELOAD} = $library;
$node->start;
delete $ENV{LD_PRELOAD};
create_helpers($node);
create_made_vector($node);

# Also rows that are copies of others, NULL, or dead.
$node->safe_psql('postgres', q{
	CREATE TABLE item (id int, v vector(32));
	WITH part AS MATERIALIZED (SELECT i, made_vector(i, 32, 50) AS v FROM generate_series(1, 160) i)
	INSERT INTO item SELECT row_number() OVER (), a.v + b.v FROM part a, part b WHERE a.i <= b.i;
	INSERT INTO item SELECT -id, CASE WHEN id % 2 = 0 THEN v END FROM item WHERE id % 10 = 0;
	DELETE FROM item WHERE id % 97 = 0;
	ANALYZE item});

# Build with so many workers.  Returns what was said, and of the index a digest,
# without LSNs and checksums, if there is one.
sub build
{
	my ($workers, @settings) = @_;
	my $from = -s $node->logfile;
	my ($out, $err);
	my $result = $node->psql('postgres', join(";\n", "ALTER TABLE item SET (parallel_workers = $workers)",
			"SET max_parallel_maintenance_workers = $workers", 'SET client_min_messages = debug1',
			(map { "SET $_" } @settings), 'CREATE INDEX item_index ON item USING omen_hnsw (v)'),
		stdout => \$out, stderr => \$err, on_error_die => 0, on_error_stop => 1);
	my @said = $err =~ /DEBUG:  ((?:building index "\w+" with|build of index).*)/g;
	my $files = () = slurp_file($node->logfile, $from) =~ m{temporary file: path}g;

	s/\d+ kB/N kB/ for @said;
	return ([@said], $files, undef, $err) if $result != 0;
	check_index($node, 'item_index', "with $workers workers, " . join ', ', @settings);
	my ($path, $size) = split /\|/, $node->safe_psql('postgres',
		q{CHECKPOINT; SELECT pg_relation_filepath('item_index'), current_setting('block_size')});
	my $data = slurp_file($node->data_dir . "/$path");
	my $digest = Digest::MD5->new;
	for (my $at = 0; $at < length($data); $at += $size)
	{
		$digest->add(substr($data, $at + 10, $size - 10));
	}
	$node->safe_psql('postgres', 'DROP INDEX item_index');
	return ([@said], $files, length($data) . ' ' . $digest->hexdigest, $err);
}

my $clean = build_leftovers($node, 'item');

sub nothing_left
{
	my ($when) = @_;

	wait_for_sessions($node);
	is(build_leftovers($node, 'item'), $clean, "nothing is left over $when");
	return;
}

# No file where memory is enough, not even if none may be; else what the server
# says of temp_file_limit.
my $wanted;
my $written = 'build of index "item_index" wrote N kB to temporary files';
for my $workers (0, 2)
{
	my $begun = qq(building index "item_index" with $workers parallel workers);

	for my $memory ('64MB', '1GB')
	{
		my ($said, $files, $digest) = build($workers, "maintenance_work_mem = '$memory'", 'temp_file_limit = 0');

		$wanted //= $digest;
		is($digest, $wanted, "an index is built with $workers workers in $memory without files");
		is($files, 0, "there were none with $workers workers in $memory");
		is_deeply($said, [$begun], "it is told with $workers workers in $memory");
	}
	for my $memory ('1MB', '4MB', '12MB')
	{
		my ($said, $files, $digest) = build($workers, "maintenance_work_mem = '$memory'");

		is($digest, $wanted, "the same index is built with $workers workers in $memory");
		cmp_ok($files, '>', 0, "with files, with $workers workers in $memory");
		is_deeply($said, [ $begun, $written ], "it is told with $workers workers in $memory");

		($said, $files, $digest, my $error) = build($workers, "maintenance_work_mem = '$memory'", 'temp_file_limit = 0');
		is($digest, undef, "no index is built with $workers workers in $memory without files");
		like($error, qr/ERROR:  temporary file size exceeds ("?)temp_file_limit\1 \(0kB\)/, 'the error is the server\'s');
		nothing_left("after that with $workers workers in $memory");
	}
	nothing_left("after builds with $workers workers");
}

# Many rows that are copies of few.
$node->safe_psql('postgres', q{
	CREATE TABLE whole AS TABLE item;
	TRUNCATE item;
	INSERT INTO item SELECT i, made_vector(i % 3000, 32, 50) FROM generate_series(1, 80000) i;
	VACUUM ANALYZE item});
my $copies;
for my $workers (0, 2)
{
	for my $memory ('64MB', '16MB')
	{
		my ($said, $files, $digest) =
		  build($workers, "maintenance_work_mem = '$memory'", $memory eq '64MB' ? 'temp_file_limit = 0' : ());

		$copies //= $digest;
		is($digest, $copies, "copies are found with $workers workers in $memory");
		is($files > 0 ? 1 : 0, $memory eq '64MB' ? 0 : 1, "with files or not, with $workers workers in $memory");
		is(scalar @$said, $memory eq '64MB' ? 1 : 2, "which is told with $workers workers in $memory");
	}
}
nothing_left('after builds of copies');
$node->safe_psql('postgres', 'TRUNCATE item; INSERT INTO item TABLE whole; VACUUM ANALYZE item');
(undef, undef, $wanted) = build(0);

# The server has less shared memory than a build may take: all that is there at
# first, or plenty once some was refused.
my $before = get_free();
build(2);
my $need = $before - get_free();
my $alone = 2 * 1024 * 1024;    # what a parallel query needs anyway
note("a build with 2 workers takes $need bytes of shared memory");
cmp_ok($need, '>', 3 * $alone, 'and that is much');
my $moved = 0;
for my $step (0 .. 12)
{
	my $free = int($alone + ($need - $alone) * $step / 12);

	set_free($free, $plenty);
	my ($said, $files, $digest) = build(2);
	is($digest, $wanted, "the same index is built where shared memory ends at $free bytes");
	$moved++ if $files > 0;

	set_free($free, 0);
	($said, $files, $digest, my $error) = build(2);
	if (defined $digest)
	{
		is($digest, $wanted, "the same index is built with no more than $free bytes of shared memory");
	}
	else
	{
		like($error, qr/ERROR:  could not (?:get \d+ bytes of shared memory for the build of index "item_index"|resize shared memory)/,
			"the build says what it lacks with no more than $free bytes");
	}
	set_free($plenty);
	nothing_left("with $free bytes of shared memory");
}
cmp_ok($moved, '>', 5, 'files stood in for shared memory');

# One job after the other, with the same participants and memory.
SKIP:
{
	skip 'the extension is built without points to pause at', 1
	  unless $node->safe_psql('postgres', "LOAD 'omendb'; SELECT count(*) FROM pg_settings WHERE name = 'omendb.build_rounds'");
	for my $workers (0, 2)
	{
		for my $memory ('64MB', '4MB')
		{
			my (undef, $files, $digest) = build($workers, "maintenance_work_mem = '$memory'", 'omendb.build_rounds = 3');

			is($digest, $wanted, "the third job makes the same index with $workers workers in $memory");
			is($files > 0 ? 1 : 0, $memory eq '4MB' ? 1 : 0, "in memory as long as the first");
			nothing_left("after three jobs with $workers workers in $memory");
		}
	}
}
unlike(slurp_file($node->logfile), qr/WARNING|PANIC|TRAP|leak/, 'the server had nothing to complain about');

$node->stop;
done_testing();
