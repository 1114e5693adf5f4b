# Graphs built from whole tables, with and without parallel workers: the same
# bytes however they are built, sound on tables of any kind, good to search,
# whole after crashes, and nothing left behind.  OMEN_TEST_QUICK=1 leaves out some
# metrics and storages.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Files and workers of each build are read from the server's log.
my $node = start_node('main', 'fsync = off', 'shared_buffers = 64MB', 'max_wal_size = 2GB',
	'max_worker_processes = 8', 'max_parallel_workers = 8', 'dynamic_shared_memory_type = mmap',
	'log_min_messages = debug1', 'log_temp_files = 0', "statement_timeout = $PostgreSQL::Test::Utils::timeout_default" . 's');
create_made_vector($node);

my %opclass = (
	l2 => 'vector_l2_ops',
	ip => 'vector_ip_ops',
	cosine => 'vector_cosine_ops',
	l1 => 'vector_l1_ops');
my %operator = (l2 => '<->', ip => '<#>', cosine => '<=>', l1 => '<+>');

sub sql { return $node->safe_psql('postgres', join('; ', @_)); }

# Make table item of rows with an id and a vector of so many dimensions.
sub create_item
{
	my ($dims, $select, $kind) = @_;

	$kind ||= '';
	sql('DROP TABLE IF EXISTS item', "CREATE $kind TABLE item (id int, v vector($dims))",
		"INSERT INTO item $select", 'ANALYZE item');
	return;
}

# Run a statement that builds with so many workers, and settings.  Returns how
# many workers were started, how many took part, and the names of the files.
sub build
{
	my ($workers, $statement, @settings) = @_;
	my $from = -s $node->logfile;

	sql("ALTER TABLE item SET (parallel_workers = $workers)");
	sql("SET max_parallel_maintenance_workers = $workers", (map { "SET $_" } @settings), $statement);

	my $log = slurp_file($node->logfile, $from);
	my $started = () = $log =~ /starting background worker process "parallel worker/g;
	my (%files, %participants);
	while ($log =~ m{temporary file: path "\S+\.fileset/(\w+)\.\d+\.(\d+)\.[\d.]+"}g)
	{
		$files{$1} = 1;
		$participants{$2} = 1;
	}
	delete $participants{0};

	# a graph's build says as much
	if ($log =~ /building index "\w+" with (\d+) parallel workers/)
	{
		is($1, $started, "the workers of $statement are told");
		is($log =~ /build of index "\w+" wrote \d+ kB to temporary files/ ? 1 : 0,
			%files ? 1 : 0, "whether $statement took files is told");
	}
	return ($started, scalar keys %participants, %files);
}

sub create_index
{
	my ($metric, $with) = @_;

	return "CREATE INDEX item_index ON item USING omen_hnsw (v $opclass{$metric})"
	  . ($with ? " WITH ($with)" : '');
}

sub digest { return index_digest($node, @_); }

my $clean = build_leftovers($node, 'pg_class');
unlike($clean, qr/pgsql_tmp|process|lock/, 'at first there is nothing left over');

sub nothing_left
{
	my ($when, $table) = @_;

	wait_for_sessions($node);
	is(build_leftovers($node, $table // 'item'), $clean, "nothing is left over $when");
	return;
}

# The same bytes.  Also rows that are NULL, have no direction, are copies of
# others, are dead, or were updated in place.
# Of so many dimensions that narrow codes are compared, which do not tell the
# nearest in some of the clusters.
create_item(72, "SELECT i, CASE WHEN i % 500 = 0 THEN NULL WHEN i % 500 = 1 THEN array_fill(0, ARRAY[72])::vector
	ELSE made_vector(i - i % 10 / 9, 72, 50) END FROM generate_series(1, 10500) i");
sql("DELETE FROM item WHERE id % 17 = 0");
sql("UPDATE item SET id = -id WHERE id % 19 = 0");

my $quick = $ENV{OMEN_TEST_QUICK};
my ($parallel, $took_part) = (0, 0);
for my $metric ($quick ? 'l2' : sort keys %opclass)
{
	for my $storage ('sq8', 'full')
	{
		my $of = "by $metric in $storage";
		my $create = create_index($metric, "storage = $storage");
		my $wanted;

		for my $variant (
			[ 0, 'omendb.simd = scalar' ],
			[ 0 ],
			($storage eq 'sq8' ? [ 1 ] : ()),
			[ 3 ],
			[ 0, "maintenance_work_mem = '1MB'" ],
			[ 3, "maintenance_work_mem = '1MB'" ],
			($of eq 'by l2 in sq8' ? [ 2, 'omendb.simd = scalar', "maintenance_work_mem = '1MB'" ] : ()))
		{
			my ($workers, @settings) = @{$variant};
			my $with = join ', ', "$workers workers", @settings;
			my ($started, $participants, %files) = build($workers, $create, @settings);
			# workers may come too late where others are busy
			for (my $again = 0; $again < 5 && $workers > 0 && $participants == 0; $again++)
			{
				sql('DROP INDEX item_index');
				($started, $participants, %files) = build($workers, $create, @settings);
			}
			my $digest = digest('item_index');

			check_index($node, 'item_index', $of) unless defined $wanted;
			$wanted //= $digest;
			is($digest, $wanted, "the same index $of with $with");
			is($started, $workers, "workers started $of with $with");
			my $little = $with =~ /1MB/ ? 1 : 0;
			is($files{points} // 0, $little, "points in files or not $of with $with");
			is(%files ? 1 : 0, $little, "any files or none $of with $with");
			if ($workers == 0)
			{
				is($participants, 0, "nobody else took part $of with $with");
			}
			elsif ($little)
			{
				# who wrote files took part
				$parallel++;
				$took_part++ if $participants > 0;
			}
			sql('DROP INDEX item_index');
		}
		nothing_left("after builds $of");
	}
}
note("workers wrote files in $took_part of $parallel builds");
cmp_ok($took_part, '>', $parallel / 2, 'workers took part in most of the builds that had some');

# Seeds.
my %seen;
for my $with ('', 'seed = 7', 'seed = 8')
{
	for my $workers (0, 2)
	{
		build($workers, create_index('l2', $with));
		push @{ $seen{$with} }, digest('item_index');
		check_index($node, 'item_index', "of '$with' with $workers workers");
		sql('DROP INDEX item_index');
	}
	is($seen{$with}[1], $seen{$with}[0], "the same index of '$with'");
}
is(scalar(keys %{ { map { $_->[0] => 1 } values %seen } }), 3, 'another index of another seed');
create_item(8, 'SELECT i, made_vector(i, 8, 30) FROM generate_series(1, 500) i');
sql(create_index('l2', 'seed = 7'));
is(sql("SELECT mode FROM omen_hnsw_info('item_index')"), 'flat', 'a small table is no graph');
check_index($node, 'item_index', 'of a small table');

# Workers that cannot be had.
create_item(16, 'SELECT i, made_vector(i, 16, 30) FROM generate_series(1, 6000) i');
build(0, create_index('l2'));
my $alone = digest('item_index');
for my $available (0, 1)
{
	my ($started) = build(3, 'REINDEX INDEX item_index', "max_parallel_workers = $available");

	is($started, $available, "of three workers wanted $available started");
	is(digest('item_index'), $alone, "the same index with $available of three workers");
	check_index($node, 'item_index', "with $available of three workers");
}
nothing_left('without the workers that were wanted');

# Built while others may write, in both ways.
for my $workers (0, 2)
{
	for my $statement ('REINDEX INDEX CONCURRENTLY item_index',
		'CREATE INDEX CONCURRENTLY item_other ON item USING omen_hnsw (v)')
	{
		my $index = $statement =~ /item_other/ ? 'item_other' : 'item_index';
		my ($started) = build($workers, $statement);

		is($started, $workers, "$workers workers started for $statement");
		is(digest($index), $alone, "the same index by $statement with $workers workers");
		check_index($node, $index, "after $statement with $workers workers");
	}
	sql('DROP INDEX item_other');
}
nothing_left('after concurrent builds');

# Part of the rows, and an expression.
for my $workers (0, 2)
{
	for my $what ('(v) WHERE id % 3 = 0', '(((v + v)::vector(16)))',
		'(((v + v)::vector(16)) vector_cosine_ops) WHERE id > 2000')
	{
		my ($started) = build($workers, "CREATE INDEX item_other ON item USING omen_hnsw $what");
		my $digest = digest('item_other');

		$seen{$what} //= $digest;
		is($digest, $seen{$what}, "the same index on $what with $workers workers");
		is($started, $workers, "$workers workers started for an index on $what");
		check_index($node, 'item_other', "on $what with $workers workers");
		is(sql("SELECT mode FROM omen_hnsw_info('item_other')"), 'graph', "an index on $what is a graph");
		sql('DROP INDEX item_other');
	}
}

# Columns that cannot be indexed: known before the first row is read.
sql(q{CREATE FUNCTION refuse(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
	BEGIN RAISE 'a row was read'; END $$});
for my $workers (0, 2)
{
	for (
		[ '(refuse(v))', 'column does not have dimensions' ],
		[ '(refuse(v)::vector(16))', 'a row was read' ])
	{
		my ($expression, $message) = @{$_};
		my ($status, $out, $error) = $node->psql('postgres', "ALTER TABLE item SET (parallel_workers = $workers);
			SET max_parallel_maintenance_workers = $workers;
			CREATE INDEX item_other ON item USING omen_hnsw ($expression)");

		like($error, qr/ERROR:  $message/, "an index on $expression fails with $workers workers");
	}
}

# A row in the middle that does not have the column's dimensions, as after
# damage to the catalog.  Whoever meets it fails, and all others with him.
sql(q{CREATE TABLE other (id int, v vector)},
	q{INSERT INTO other SELECT i, made_vector(i, CASE i WHEN 15000 THEN 7 ELSE 8 END, 30) FROM generate_series(1, 20000) i},
	q{UPDATE pg_attribute SET atttypmod = 8 WHERE attrelid = 'other'::regclass AND attname = 'v'});
for my $workers (0, 2)
{
	my ($status, $out, $error) = $node->psql('postgres', "ALTER TABLE other SET (parallel_workers = $workers);
		SET max_parallel_maintenance_workers = $workers;
		CREATE INDEX other_index ON other USING omen_hnsw (v)");

	like($error, qr/ERROR:  expected 8 dimensions, not 7/, "a vector of other dimensions is met with $workers workers");
	nothing_left("after an error with $workers workers", 'other');
}
sql('DROP TABLE other');

# Tables of many kinds, each with a number of workers of its own.
my $made = 'made_vector(i, %d, 40)';
for (
	[ 'three rows in ten are copies', 16, 'SELECT i, made_vector(CASE WHEN i % 10 < 3 THEN i / 100 * 100 + 5 ELSE i END, 16, 40) FROM generate_series(1, 12000) i' ],
	[ 'all rows are equal', 16, q{SELECT i, array_fill(0.5, ARRAY[16])::vector FROM generate_series(1, 30000) i} ],
	[ 'two vectors', 16, q{SELECT i, array_fill(i % 2 + 1, ARRAY[16])::vector FROM generate_series(1, 5000) i} ],
	[ 'multiples with copies', 16, 'SELECT i, made_vector(i % 300, 16, 40) * array_fill((i % 7 + 1)::real, ARRAY[16])::vector
		FROM generate_series(1, 6000) i', 'l1' ],
	[ 'NULL and zero', 16, q{SELECT i, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN array_fill(0, ARRAY[16])::vector
		ELSE made_vector(i, 16, 40) END FROM generate_series(1, 9000) i}, 'cosine' ],
	[ 'only NULL and zero', 16, q{SELECT i, CASE i % 3 WHEN 0 THEN NULL ELSE array_fill(0, ARRAY[16])::vector END
		FROM generate_series(1, 4000) i}, 'cosine' ],
	[ 'only NULL', 16, 'SELECT i, NULL FROM generate_series(1, 4000) i' ],
	[ 'sorted rows', 16, q{SELECT i, made_vector(i % 40, 16, 40) + array_fill(i / 1000.0, ARRAY[16])::vector
		FROM generate_series(1, 8000) i} ],
	[ 'sorted clusters', 16, 'SELECT i, made_vector(i, 16, 40) FROM generate_series(1, 8000) i ORDER BY i % 40' ],
	[ 'huge and small vectors', 16, q{SELECT i, CASE WHEN i % 4 = 0 THEN made_vector(i, 16, 40) * array_fill(1e30::real, ARRAY[16])::vector
		ELSE made_vector(i, 16, 40) END FROM generate_series(1, 3000) i}, 'l2', 'ip', 'cosine', 'l1' ],
	[ 'tiny vectors', 16, q{SELECT i, made_vector(i, 16, 40) * array_fill(1e-35::real, ARRAY[16])::vector FROM generate_series(1, 2000) i}, 'l2', 'ip' ],
	[ 'one dimension, all different', 1, q{SELECT i, ARRAY[hashint4(i) / 1000]::vector FROM generate_series(1, 3000) i}, 'l2', 'ip', 'cosine', 'l1' ],
	[ 'one dimension, copies', 1, q{SELECT i, ARRAY[i % 50]::vector FROM generate_series(1, 6000) i}, 'l2', 'l1' ],
	(map { [ "$_ dimensions", $_, sprintf("SELECT i, $made FROM generate_series(1, 4000) i", $_), $_ == 3 ? 'l2' : ('l2', 'ip', 'cosine', 'l1') ] } 2, 3, 5),
	)
{
	my ($name, $dims, $select, @metrics) = @{$_};
	my ($workers, %seen) = 0;

	create_item($dims, $select);
	@metrics = ('l2') unless @metrics;
	@metrics = ($metrics[0]) if $quick;
	for my $metric (@metrics)
	{
		for my $storage ($quick ? ('sq8') : ('sq8', 'full'))
		{
			my @digests;

			$workers = ($workers + 2) % 3;
			for (0, $workers)
			{
				build($_, create_index($metric, "storage = $storage"));
				push @digests, digest('item_index');
				last if $workers == 0;
				sql('DROP INDEX item_index') if $_ == 0;
			}
			check_index($node, 'item_index', "by $metric in $storage: $name");
			is($digests[-1], $digests[0], "the same index by $metric in $storage with $workers workers: $name");
			sql('DROP INDEX item_index');
		}
	}
	# as inserts would, a node for each code
	my ($nodes) = $name =~ /rows are equal/ ? 1 : $name =~ /two vectors/ ? 2 : $name =~ /one dimension, copies/ ? 50
		: $name =~ /multiples/ ? 2100 : undef;
	if (defined $nodes)
	{
		build(2, create_index($metrics[0]));
		is(sql("SELECT nodes, rows = (SELECT count(*) FROM item) FROM omen_hnsw_info('item_index')"),
			"$nodes|t", "copies share a node: $name");
		sql('DROP INDEX item_index');
	}
	if ($name =~ /three rows|sorted|one dimension/)
	{
		build(2, create_index('l2'));
		walk_all($node, '<->', 17, sql('SELECT count(*) / 20 FROM item'), "of a built index: $name");
		sql('DROP INDEX item_index');
	}
	nothing_left("after builds: $name");
}

# Codes on pages of their own.
create_item(2040, 'SELECT i, made_vector(i, 2040, 10) FROM generate_series(1, 1200) i');
for my $workers (0, 2)
{
	build($workers, create_index('l2', 'storage = full'));
	$seen{wide} //= digest('item_index');
	is(digest('item_index'), $seen{wide}, "the same index of codes out of line with $workers workers");
	is(sql("SELECT mode, payload_pages >= 1200 FROM omen_hnsw_info('item_index')"), 'graph|t', 'there are codes out of line');
	check_index($node, 'item_index', "with codes out of line with $workers workers");
	sql('DROP INDEX item_index');
}

# So many rows that the leader looks for copies in several passes where there
# is little memory.
create_item(3, 'SELECT i, ARRAY[i % 35000, i % 35000 % 200, i % 35000 % 17]::vector FROM generate_series(1, 70000) i');
for ([ 0, '64MB' ], [ 2, '1MB' ])
{
	my ($workers, $memory) = @{$_};

	build($workers, create_index('l2', 'storage = full, m = 4, ef_construction = 8'), "maintenance_work_mem = '$memory'");
	my $digest = digest('item_index');
	$seen{many} //= $digest;
	is($digest, $seen{many}, "the same index of many rows with $workers workers in $memory");
	is(sql("SELECT nodes, rows FROM omen_hnsw_info('item_index')"), '35000|70000', "copies among many rows are found with $workers workers in $memory");
	check_index($node, 'item_index', "of many rows with $workers workers in $memory");
	sql('DROP INDEX item_index');
}
nothing_left('after a build in little memory');

# What searches find.  Inner product has no triangle inequality, and its
# recall is the lowest.
my $rows = 4500;
my @vectors = clustered_vectors($rows * 1.2, 32, 3);
sql('DROP TABLE item', 'CREATE TABLE item (id int, v vector(32))', 'CREATE TABLE question (id int, q vector(32))');
load_vectors($node, 'question', 1, clustered_vectors(80, 32, 4));
load_vectors($node, 'item', 1, @vectors[ 0 .. $rows - 1 ]);
for my $metric (sort keys %opclass)
{
	my $create = create_index($metric);

	$create =~ s/item_index/item_$metric/;
	build(2, $create);
	measure_recall($node, $operator{$metric}, $metric eq 'ip' ? (0.9, 0.9) : (0.97, 0.97), 'built');
}
load_vectors($node, 'item', $rows + 1, @vectors[ $rows .. $#vectors ]);
for my $metric (sort keys %opclass)
{
	measure_recall($node, $operator{$metric}, $metric eq 'ip' ? (0.9, 0.9) : (0.97, 0.97), 'built, after inserts');
	check_index($node, "item_$metric", 'built, after inserts');
}

# An unlogged table keeps what was built through a restart.
create_item(16, 'SELECT i, made_vector(i, 16, 30) FROM generate_series(1, 6000) i', 'UNLOGGED');
build(2, create_index('l2'));
# a checkpoint does not write what is not logged
$node->restart;
is(digest('item_index'), $alone, 'the same index of an unlogged table after a restart');
check_index($node, 'item_index', 'of an unlogged table after a restart');

# A temporary table, which workers cannot see.
is(sql('CREATE TEMPORARY TABLE fleeting (LIKE item) WITH (parallel_workers = 2)', 'INSERT INTO fleeting SELECT * FROM item',
		'CREATE INDEX fleeting_index ON fleeting USING omen_hnsw (v)', "SELECT count(*) FROM omen_hnsw_check('fleeting_index', true)"),
	'0', 'an index of a temporary table is sound');

# Crashes right after builds, which are then made anew from WAL.
create_item(16, 'SELECT i, made_vector(i, 16, 30) FROM generate_series(1, 6000) i');
for my $workers (0, 2)
{
	sql('CHECKPOINT');
	build($workers, create_index('l2'));
	$node->stop('immediate');
	$node->start;
	check_index($node, 'item_index', "after a crash, built with $workers workers");
	is(digest('item_index'), $alone, "the same index after a crash, built with $workers workers");
	sql('DROP INDEX item_index');
}

# The same without WAL: in the transaction that makes the table.
$node->append_conf('postgresql.conf', "wal_level = minimal\nmax_wal_senders = 0\n");
$node->restart;
for my $workers (0, 2)
{
	# synced, or logged at commit
	for my $threshold ('0', '1GB')
	{
		my $when = "built with $workers workers without WAL, wal_skip_threshold = $threshold";

		sql('DROP TABLE item', 'CHECKPOINT');
		sql("SET max_parallel_maintenance_workers = $workers", "SET wal_skip_threshold = '$threshold'", 'BEGIN',
			"CREATE TABLE item (id int, v vector(16)) WITH (parallel_workers = $workers)",
			'INSERT INTO item SELECT i, made_vector(i, 16, 30) FROM generate_series(1, 6000) i', create_index('l2'), 'COMMIT');
		$node->stop('immediate');
		$node->start;
		check_index($node, 'item_index', "after a crash, $when");
		is(digest('item_index'), $alone, "the same index after a crash, $when");
	}
}

$node->restart;
unlike(build_leftovers($node, 'item'), qr/pgsql_tmp|process|lock/, 'nothing is left over at the end');
unlike(slurp_file($node->logfile), qr/WARNING|PANIC|TRAP|leak/, 'the server had nothing to complain about');
$node->stop;
done_testing();
