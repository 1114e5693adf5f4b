# What the TAP tests share: servers with the extension, test data, and the
# comparison of what an index gives with what a sequential scan gives.  Tests
# nothing by itself but what its functions say that they test.
package OmenTest;

use strict;
use warnings;

use Digest::MD5;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(
  start_node start_without_checksums create_helpers fashion_vectors clustered_vectors load_vectors
  check_index walk_all measure_recall measure_filtered start_psql finish random_normal
  create_made_vector build_leftovers index_digest wait_for_sessions
  wait_for_recovery copy_installation start_copy);

# A running server with the extension and the helpers.  Arguments after the
# name are lines for postgresql.conf.
sub start_node { return start_with([], @_); }

# One whose pages can be damaged without the server's complaint.
sub start_without_checksums { return start_with(['--no-data-checksums'], @_); }

sub start_with
{
	my ($options, $name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	# before 18 there are none unless they are asked for
	$node->init(allows_streaming => 1, extra => $node->pg_version >= 18 ? $options : []);
	$node->append_conf('postgresql.conf', "$_\n")
	  for ('autovacuum = off', @settings);
	$node->start;
	create_helpers($node);
	return $node;
}

# The extension, and functions that measure an index on table item (id, v).
sub create_helpers
{
	my ($node) = @_;

	$node->safe_psql('postgres', q{
		CREATE EXTENSION omendb;
		SET check_function_bodies = off;

		-- CPU time that a process on this machine has taken, in seconds; NULL if there is none of that number.  How long
		-- something takes is measured by that: it does not take longer where others are busy.
		CREATE FUNCTION cpu_seconds(process int) RETURNS float8
		LANGUAGE plpgsql AS $$
		DECLARE
			fields text[];
		BEGIN
			-- what follows the name: the twelfth and thirteenth are ticks of a hundredth
			fields := string_to_array(regexp_replace(pg_read_file(format('/proc/%s/stat', process), 0, 4096, true), '^.*[)] ', ''), ' ');
			RETURN (fields[12]::float8 + fields[13]::float8) / 100;
		EXCEPTION WHEN io_error OR undefined_file OR internal_error THEN
			-- it went while its file was read
			RETURN NULL;
		END $$;

		-- Parts of the true nearest and of the true ten nearest that an index
		-- finds for the rows of table question, and whether each list is in
		-- order.
		CREATE FUNCTION recall(operator text, OUT at_1 numeric, OUT at_10 numeric, OUT in_order boolean)
		LANGUAGE sql AS $$
			SELECT avg((found[1] <= wanted[1])::int),
				avg((SELECT count(*) FROM unnest(found) d WHERE d <= wanted[10]) / 10.0),
				bool_and(found = (SELECT array_agg(d ORDER BY d) FROM unnest(found) d))
			FROM (SELECT distances(q, 10, operator, true) AS found,
					distances(q, 10, operator, false) AS wanted FROM question) s
		$$;

		-- Distances of the nearest ten that pass a filter, for each row of table
		-- question, by the index or without it.
		CREATE FUNCTION filtered_distances(operator text, condition text, by_index boolean) RETURNS SETOF float8[] LANGUAGE plpgsql
		SET enable_seqscan = on SET enable_indexscan = on AS $$
		BEGIN
			PERFORM set_config(CASE WHEN by_index THEN 'enable_seqscan' ELSE 'enable_indexscan' END, 'off', true);
			RETURN QUERY EXECUTE format('SELECT array(SELECT v %s q FROM item WHERE %s ORDER BY v %1$s q LIMIT 10) FROM question ORDER BY id',
				operator, condition);
		END $$;
	});
	create_helpers_of($node, $_) for ('vector', 'halfvec', 'sparsevec');
	return;
}

# Those that take a value of a type.
sub create_helpers_of
{
	my ($node, $type) = @_;
	my $functions = q{
		SET check_function_bodies = off;

		-- Distances of the k nearest rows, as they come.
		CREATE FUNCTION distances(q TYPE, k int, operator text, by_index boolean)
		RETURNS float8[] LANGUAGE plpgsql
		SET enable_seqscan = on SET enable_indexscan = on AS $$
		DECLARE
			found float8[];
		BEGIN
			PERFORM set_config(CASE WHEN by_index THEN 'enable_seqscan' ELSE 'enable_indexscan' END, 'off', true);
			EXECUTE format('SELECT array_agg(d) FROM (SELECT v %s $1 FROM item ORDER BY v %1$s $1 LIMIT $2) s (d)', operator)
				INTO found USING q, k;
			RETURN found;
		END $$;

		-- Fetch all rows of item by distance from a row: how many, how many
		-- different ones, how many were dropped to keep the order, how many
		-- vectors these have, and whether the order was kept.
		CREATE FUNCTION walk(operator text, q TYPE, OUT fetched bigint, OUT different bigint,
			OUT late bigint, OUT late_vectors bigint, OUT in_order boolean)
		LANGUAGE plpgsql SET enable_seqscan = off AS $$
		DECLARE
			rows refcursor;
			row record;
			previous float8 := '-infinity';
			ids int[] := '{}';
		BEGIN
			OPEN rows FOR EXECUTE format('SELECT id, v %s $1 AS d FROM item ORDER BY 2', operator) USING q;
			in_order := true;
			LOOP
				FETCH rows INTO row;
				EXIT WHEN NOT FOUND;
				ids := ids || row.id;
				in_order := in_order AND coalesce(previous <= row.d, row.d IS NULL);
				previous := row.d;
			END LOOP;
			CLOSE rows;
			late := l.late FROM omen_hnsw_last_scan() l;
			IF (SELECT visits = 0 FROM omen_hnsw_last_scan()) THEN
				RAISE 'the index was not used';
			END IF;
			fetched := cardinality(ids);
			different := count(DISTINCT i) FROM unnest(ids) i;
			late_vectors := count(DISTINCT v) FROM item LEFT JOIN unnest(ids) i ON i = id WHERE i IS NULL;
		END $$;
	};

	$node->safe_psql('postgres', $functions =~ s/\bTYPE\b/$type/gr);
	return;
}

# The first vectors of Fashion-MNIST's training or test images ("train" or
# "t10k"), as text, 784 dimensions.  Nothing if the data set is not installed.
sub fashion_vectors
{
	my ($set, $count) = @_;
	my $file = "/usr/share/datasets/fashion-mnist/$set-images-idx3-ubyte.gz";
	my ($images, $header, $image);
	my @vectors;

	return unless -r $file;
	open $images, '-|', 'gzip', '-dc', $file or die "gzip: $!";
	binmode $images;
	read $images, $header, 16;
	my ($magic, $total, $rows, $columns) = unpack 'N4', $header;
	die "$file: not images" if $magic != 2051;
	while (@vectors < $count
		&& read($images, $image, $rows * $columns) == $rows * $columns)
	{
		push @vectors, '[' . join(',', unpack('C*', $image)) . ']';
	}
	close $images;
	return @vectors;
}

# Vectors in clusters of very different sizes and widths, one in ten a copy of
# an earlier one; the same at every call with equal arguments.
sub clustered_vectors
{
	my ($count, $dims, $seed) = @_;
	my (@centers, @vectors);

	srand(77);
	for my $cluster (1 .. 60)
	{
		push @centers, [ map { sprintf '%.3f', rand(8) - 4 } 1 .. $dims ];
	}
	srand($seed);
	while (@vectors < $count)
	{
		if (@vectors > 10 && rand() < 0.1)
		{
			push @vectors, $vectors[ int(rand(@vectors)) ];
			next;
		}
		my $cluster = int(60 * rand()**2);
		my $width = ($cluster % 7 + 1) / 4;
		push @vectors, '['
		  . join(',',
			map { sprintf '%.4f', $_ + $width * (rand() + rand() + rand() - 1.5) }
			  @{ $centers[$cluster] })
		  . ']';
	}
	return @vectors;
}

# A random number, normally distributed.
sub random_normal
{
	return sqrt(-2 * log(1 - rand())) * cos(6.28318530717959 * rand());
}

# Add vectors to table item, with ids from $first on, or to table question.
sub load_vectors
{
	my ($node, $table, $first, @vectors) = @_;
	my $file = $node->basedir . '/vectors.txt';
	my $id = $first;

	open my $out, '>', $file or die "$file: $!";
	print $out $id++, "\t$_\n" for @vectors;
	close $out or die "$file: $!";
	$node->safe_psql('postgres', "COPY $table FROM '$file'");
	unlink $file;
	return;
}

# A function that makes vectors in the server, faster than they can be loaded:
# equal for equal keys, in so many clusters of different widths.
sub create_made_vector
{
	my ($node) = @_;

	$node->safe_psql('postgres', q{
		CREATE FUNCTION made_vector(key bigint, dims int, clusters int) RETURNS vector
		LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
			SELECT array_agg(((hashint8extended(key % clusters, d) % 1000) / 250.0
				+ (hashint8extended(key, d) % 1000) / 4000.0 * (key % clusters % 7 + 1))::real)::vector
			FROM generate_series(1, dims) d
		$$;
	});
	return;
}

# Wait until sessions that have been closed are gone, with their memory.
sub wait_for_sessions
{
	my ($node) = @_;

	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'");
	return;
}

# What a build must not leave behind, a line for each: temporary files, shared
# memory, workers, and others' locks on a table and its indexes.  The server's
# shared memory must be files (dynamic_shared_memory_type = mmap), since what
# is in /dev/shm may be another server's.  Statistics have segments as well,
# which come and go: those are of whole megabytes.
sub build_leftovers
{
	my ($node, $table) = @_;
	my $data = $node->data_dir;
	my @files = glob("$data/base/pgsql_tmp/*");

	push @files, grep { ((-s $_) // 0) % 1048576 != 0 } glob("$data/pg_dynshmem/*");
	s{^.*/(.*/)}{$1} for @files;
	return join "\n", @files,
	  $node->safe_psql('postgres', "
		SELECT 'process ' || backend_type || ' ' || coalesce(query, '') FROM pg_stat_activity
		WHERE backend_type = 'parallel worker'
		UNION ALL
		SELECT 'lock ' || mode || ' on ' || relation::regclass FROM pg_locks
		WHERE pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = 'postgres')
			AND (relation = '$table'::regclass OR relation IN
				(SELECT indexrelid FROM pg_index WHERE indrelid = '$table'::regclass))");
}

# A digest of the file of an index, without LSNs and checksums.
sub index_digest
{
	my ($node, $index) = @_;
	my ($path, $size) = split /\|/,
	  $node->safe_psql('postgres', "CHECKPOINT; SELECT pg_relation_filepath('$index'), current_setting('block_size')");
	my $data = slurp_file($node->data_dir . "/$path");
	my $digest = Digest::MD5->new;

	die "$path is no whole number of pages" if length($data) == 0 || length($data) % $size != 0;
	for (my $at = 0; $at < length($data); $at += $size)
	{
		$digest->add(substr($data, $at + 10, $size - 10));
	}
	return length($data) . ' ' . $digest->hexdigest;
}

# Test that the checker finds nothing wrong, and every row of the table.
sub check_index
{
	my ($node, $index, $when) = @_;

	is( $node->safe_psql(
			'postgres',
			"SELECT severity, kind, block, slot, detail FROM omen_hnsw_check('$index', true) LIMIT 20"
		),
		'',
		"$index is sound $when");
	return;
}

# Test that scans without a bound give each row of item once, in order, by
# distance from the rows with some ids: one, or a query for several.  At most
# $allowed different vectors, on average, may be missing because they turned up
# too late; not rows, since a node far from all others may be one of those, and
# it may have any number of rows.
sub walk_all
{
	my ($node, $operator, $ids, $allowed, $when) = @_;
	my ($scans, $twice, $lost, $late, $unordered) = split /\|/, $node->safe_psql('postgres', "
		WITH start AS MATERIALIZED (SELECT v FROM item WHERE id IN ($ids))
		SELECT count(*), max(fetched - different), max(abs((SELECT count(*) FROM item) - fetched - late)), avg(late_vectors),
			count(*) FILTER (WHERE NOT in_order)
		FROM start, walk('$operator', v) w");

	cmp_ok($scans, '>', 0, "there are rows to scan from $when");
	is($twice, 0, "no row comes twice from a scan $when");
	is($lost, 0, "a scan meets all rows $when");
	cmp_ok($late, '<=', $allowed, "vectors that turn up late are few $when");
	is($unordered, 0, "all rows of a scan come in order $when");
	return;
}

# Test what the index for an operator finds for the rows of table question.
sub measure_recall
{
	my ($node, $operator, $least_1, $least_10, $when) = @_;
	my ($at_1, $at_10, $in_order) =
	  split /\|/, $node->safe_psql('postgres', "SELECT * FROM recall('$operator')");

	note(sprintf "%s %s: recall\@1 %.4f, recall\@10 %.4f", $operator, $when, $at_1, $at_10);
	cmp_ok($at_1, '>=', $least_1, "recall\@1 of $operator $when");
	cmp_ok($at_10, '>=', $least_10, "recall\@10 of $operator $when");
	is($in_order, 't', "rows by $operator come in order $when");
	return;
}

# Test what the index for an operator finds for them of the nearest ten that pass a
# condition: how much of it, and that there are as many rows as there are, in order.
sub measure_filtered
{
	my ($node, $operator, $condition, $least, $when) = @_;
	my ($recall, $rows, $wanted, $in_order) = split /\|/, $node->safe_psql('postgres', "
		SELECT avg((SELECT count(*) FROM unnest(f) d WHERE d <= w[cardinality(w)])::float8 / cardinality(w)), sum(cardinality(f)), sum(cardinality(w)),
			bool_and(f = ARRAY(SELECT d FROM unnest(f) d ORDER BY d))
		FROM ROWS FROM (filtered_distances('$operator', '$condition', true), filtered_distances('$operator', '$condition', false)) s (f, w)");

	note("$operator where $condition, $when: $recall");
	cmp_ok($recall, '>=', $least, "recall of $operator where $condition, $when");
	is("$rows|$in_order", "$wanted|t", "$operator gives as many rows as there are where $condition, in order, $when");
	return;
}

# Wait until a server takes connections again after a crash.  Not by psql, which
# may be gone before it is given its statement.
sub wait_for_recovery
{
	my ($node) = @_;

	for my $try (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if system('pg_isready', '-q', '-h', $node->host, '-p', $node->port) == 0;
		select(undef, undef, undef, 0.1);
	}
	die 'timed out waiting for the server to recover';
}

# Copy the server's installation below a folder, so that a test may add
# extensions to it.
sub copy_installation
{
	my ($folder) = @_;

	for my $part ('bindir', 'pkglibdir', 'sharedir')
	{
		chomp(my $from = `pg_config --$part`);
		chomp(my $place = `$ENV{PG_CONFIG} --$part`);
		system('mkdir', '-p', "$folder$place") == 0
		  && system('cp', '-a', "$from/.", "$folder$place") == 0
		  or die "could not copy $from to $folder$place";
	}
	return;
}

# A running server of such a copy, without our extension.
sub start_copy
{
	my ($name, $folder, @settings) = @_;
	chomp(my $bindir = `$ENV{PG_CONFIG} --bindir`);
	my $node = PostgreSQL::Test::Cluster->new($name,
		install_path => $folder . ($bindir =~ s,/bin$,,r));

	$node->init;
	$node->append_conf('postgresql.conf', "$_\n")
	  for ('autovacuum = off', 'fsync = off', @settings);
	$node->start;
	return $node;
}

1;
