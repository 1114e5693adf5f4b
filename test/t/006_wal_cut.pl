# What recovery finds when the log ends between any two records of what is done
# to an index: an insert, VACUUM, the conversion of a list, a build.
#
# Each scenario runs once, in a server that writes no data file meanwhile and
# is then stopped as by a crash.  What that leaves is copied for each cut: the
# log is overwritten with zeros from a record on, and the server started.  Then
# the table must have the rows that were committed, the index each of them and
# no flaw that VACUUM does not mend, and all must go on.
#
# A sample of the records is cut, a small one with OMEN_TEST_QUICK=1; with
# OMEN_TEST_SOAK=1 each of them, but in the conversions, which have thousands.
# OMEN_TEST_ONLY is a pattern of names of scenarios.
use strict;
use warnings;

use Digest::MD5 'md5_hex';
use File::Find;
use OmenTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

my $soak = $ENV{OMEN_TEST_SOAK};
my $quick = $ENV{OMEN_TEST_QUICK};

# So small that little has to be overwritten and copied.
my $segment_bytes = 1 << 20;

my $vacuum = 'VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) item';
my $narrow = 'made_vector(%s, 8, 20)';

# Two pages of payload each, with storage = full and sq8; most is zero, so that
# the table is small.
my $wide = '(made_vector(%s, 8, 20)::real[] || array_fill(0::real, ARRAY[2492]))::vector';
my $widest = '(made_vector(%s, 8, 20)::real[] || array_fill(0::real, ARRAY[8292]))::vector';

# A row of the scenario's kind for each key.
sub insert_rows
{
	my ($scenario, $first, $last) = @_;

	return sprintf "INSERT INTO item (v, kind) SELECT $scenario->{vector}, i %% 3 FROM generate_series($first, $last) i;", 'i';
}

# As many rows as a list can take: one fewer than another list had when it
# became a graph.
sub full_list
{
	my ($vector, $options) = @_;

	return sprintf "
		CREATE TABLE twin AS SELECT v FROM item WITH NO DATA;
		CREATE INDEX twin_index ON twin USING omen_hnsw (v) WITH $options;
		DO \$\$
		DECLARE
			i int := 0;
		BEGIN
			WHILE (SELECT mode = 'flat' FROM omen_hnsw_info('twin_index')) LOOP
				i := i + 1;
				INSERT INTO twin (v) VALUES ($vector);
			END LOOP;
			INSERT INTO item (v, kind) SELECT $vector, k %% 3 FROM generate_series(1, i - 1) k;
		END \$\$;
		DROP TABLE twin;", 'i', 'k';
}

# Of each scenario:
#	vector		an SQL expression of a key
#	rows		so many there are when the index is made
#	index		what follows CREATE INDEX ... USING omen_hnsw; nothing if that is the operation
#	setup		more that is there before the operation
#	operation	what is cut
#	again		does it again, if the same words do not
#	cuts		so many, unless it has fewer records; soak_cuts with OMEN_TEST_SOAK, or all
#	first		and so many at the beginning, where each record is of another kind
#	records		so many the index writes at least, or there is little to cut
#	ordinary	kinds of leftovers that a cut may leave until VACUUM comes, beside
#				lost_space
#	for_good	and those that stay
#	settings	a line for postgresql.conf
#	operator	the index's, if it is not <->
#	finally		a query that complains if the operation was not finished
my @scenarios = (
	{
		# the next row comes to a place in the table that gives its node two
		# upper layers, and has full neighbors in all of them
		name => 'insert',
		rows => 1223,
		index => '(v) WITH (m = 4, ef_construction = 16)',
		operation => 'INSERT INTO item (v) SELECT made_vector(2017, 8, 20)',
		cuts => 30,
		records => 12,
	},
	{
		name => 'insert without full pages',
		rows => 1200,
		index => '(v) WITH (m = 2, ef_construction = 16)',
		settings => 'full_page_writes = off',
		operation => 'INSERT INTO item (v) SELECT made_vector(i, 8, 20) FROM generate_series(2001, 2003) i',
		cuts => 4,
		records => 9,
	},
	{
		# the tenth and the next ones of a chunk, which start another, and the
		# first of a chain
		name => 'equal rows',
		rows => 1050,
		index => '(v) WITH (m = 4, ef_construction = 16)',
		setup => 'INSERT INTO item (v) SELECT v FROM item, generate_series(1, 9) WHERE id = 77;',
		operation => "INSERT INTO item (v) SELECT v FROM unnest(ARRAY[77, 77, 77, 78, 78]) k, LATERAL (SELECT v FROM item WHERE id = k LIMIT 1) i",
		cuts => 20,
		records => 5,
	},
	{
		name => 'rows without a direction',
		operator => '<=>',
		rows => 200,
		index => '(v vector_cosine_ops) WITH (m = 4, ef_construction = 16)',
		operation => 'INSERT INTO item (v) SELECT unnest(ARRAY[NULL, array_fill(0, ARRAY[8])::vector]) FROM generate_series(1, 11)',
		cuts => 5,
		records => 22,
	},
	{
		name => 'keys',
		rows => 1050,
		index => '(v, kind) WITH (m = 4, ef_construction = 16)',
		operation => 'INSERT INTO item (v, kind) SELECT v, i FROM item, generate_series(11, 17) i WHERE id = 77',
		cuts => 6,
		records => 20,
	},
	{
		# of groups: some are new, some get their first pages, keys go on
		name => 'groups',
		rows => 120,
		index => "(kind, (repeat('x', kind * 20)), v) WITH (m = 4, ef_construction = 16)",
		operation => 'INSERT INTO item (v, kind) SELECT made_vector(i, 8, 20), i % 12 FROM generate_series(2001, 2060) i',
		ordinary => ['orphan_key'],
		for_good => ['orphan_key'],
		cuts => 24,
		first => 12,
		records => 80,
	},
	{
		name => 'groups that become graphs',
		rows => 2990,
		index => '(kind, v) WITH (m = 4, ef_construction = 16)',
		operation => 'INSERT INTO item (v, kind) SELECT made_vector(i, 8, 20), i % 2 FROM generate_series(3001, 3400) i',
		ordinary => ['orphan_payload'],
		for_good => ['orphan_payload'],
		cuts => 16,
		soak_cuts => 200,
		records => 1000,
	},
	{
		name => 'VACUUM of groups',
		rows => 4200,
		index => '(kind, v) WITH (m = 4, ef_construction = 16)',
		setup => 'UPDATE item SET kind = 3 + id % 40 WHERE id % 4 = 1; DELETE FROM item WHERE id % 5 = 2;',
		operation => $vacuum,
		again => "INSERT INTO item (v, kind) SELECT made_vector(i, 8, 20), i % 20 FROM generate_series(1, 40) i; $vacuum",
		ordinary => ['orphan_chunk'],
		cuts => 16,
		soak_cuts => 200,
		records => 60,
	},
	{
		name => 'groups that go',
		rows => 1500,
		index => "(kind, (repeat('x', kind)), v) WITH (m = 4, ef_construction = 16)",
		setup => 'INSERT INTO item (v, kind) SELECT CASE WHEN i % 9 > 0 THEN made_vector(i, 8, 20) END, 50 + i % 3 FROM generate_series(1, 30) i;
			INSERT INTO item (v, kind) SELECT made_vector(i, 8, 20), 60 FROM generate_series(1, 1300) i; DELETE FROM item WHERE kind >= 50;',
		operation => $vacuum,
		again => "INSERT INTO item (v, kind) SELECT made_vector(i, 8, 20), 50 + i % 20 FROM generate_series(1, 40) i; $vacuum",
		ordinary => [ 'orphan_chunk', 'orphan_key' ],
		for_good => ['orphan_key'],
		cuts => 24,
		soak_cuts => 200,
		records => 60,
	},
	{
		name => 'insert out of line',
		vector => $wide,
		rows => 1010,
		index => '(v) WITH (storage = full, m = 4, ef_construction = 16)',
		operation => 'INSERT INTO item (v) VALUES (' . sprintf($wide, 2001) . ')',
		ordinary => ['orphan_payload'],
		cuts => 7,
		records => 8,
	},
	{
		name => 'VACUUM',
		rows => 1100,
		index => '(v) WITH (m = 4, ef_construction = 16)',
		setup => 'INSERT INTO item (v) SELECT v FROM item, generate_series(1, 25) WHERE id IN (50, 60);
			DELETE FROM item WHERE id % 10 = 7 AND id < 1000 OR id BETWEEN 1105 AND 1145 OR v = (SELECT v FROM item WHERE id = 50);',
		operation => $vacuum,
		again => "INSERT INTO item (v) SELECT made_vector(50, 8, 20) FROM generate_series(1, 4); $vacuum",
		ordinary => ['orphan_chunk'],
		cuts => 18,
		records => 70,
	},
	{
		name => 'VACUUM out of line',
		vector => $wide,
		rows => 1010,
		index => '(v) WITH (storage = full, m = 4, ef_construction = 16)',
		setup => 'DELETE FROM item WHERE id % 20 = 7 AND id < 700;',
		operation => $vacuum,
		ordinary => ['orphan_payload'],
		cuts => 5,
		records => 150,
	},
	{
		name => 'VACUUM of a list',
		rows => 300,
		index => '(v)',
		setup => 'INSERT INTO item (v) SELECT v FROM item, generate_series(1, 25) WHERE id IN (50, 60);
			DELETE FROM item WHERE id % 25 = 0 OR id BETWEEN 305 AND 345 OR v = (SELECT v FROM item WHERE id = 50);',
		operation => $vacuum,
		again => "INSERT INTO item (v) SELECT made_vector(50, 8, 20) FROM generate_series(1, 4); $vacuum",
		ordinary => ['orphan_chunk'],
		cuts => 5,
		records => 20,
	},
	{
		name => 'conversion',
		rows => 0,
		index => '(v) WITH (m = 4, ef_construction = 8)',
		setup => full_list($narrow, '(m = 4, ef_construction = 8)'),
		operation => 'INSERT INTO item (v) VALUES (made_vector(2001, 8, 20))',
		finally => "SELECT 'it is a list still' FROM omen_hnsw_info('item_index') WHERE mode <> 'graph'",
		# pages of a mean that the index was not told of
		ordinary => ['orphan_payload'],
		for_good => ['orphan_payload'],
		cuts => 5,
		first => 10,
		soak_cuts => 1000,
		records => 5000,
	},
	{
		name => 'conversion out of line',
		vector => $widest,
		rows => 0,
		index => '(v) WITH (storage = sq8, m = 4, ef_construction = 8)',
		setup => full_list($widest, '(storage = sq8, m = 4, ef_construction = 8)'),
		operation => 'INSERT INTO item (v) VALUES (' . sprintf($widest, 2001) . ')',
		finally => "SELECT 'it is a list still' FROM omen_hnsw_info('item_index') WHERE mode <> 'graph'",
		ordinary => ['orphan_payload'],
		for_good => ['orphan_payload'],
		cuts => 0,
		first => 40,
		soak_cuts => 200,
		records => 10000,
	},
	{
		name => 'build',
		rows => 1100,
		operation => 'CREATE INDEX item_index ON item USING omen_hnsw (v, kind) WITH (m = 4, ef_construction = 16)',
		again => 'DROP INDEX IF EXISTS item_index; CREATE INDEX item_index ON item USING omen_hnsw (v, kind) WITH (m = 4, ef_construction = 16)',
		cuts => 6,
		records => 1,
	});

# ---------- the log ----------

sub lsn_number
{
	my ($lsn) = @_;
	my ($high, $low) = split m{/}, $lsn;

	return (hex($high) << 32) + hex($low);
}

# The records from one position to another.  An index writes generic ones, and
# full images when it is built.
sub list_records
{
	my ($data, $from, $to) = @_;
	my @records;

	open my $dump, '-|', 'pg_waldump', '-p', "$data/pg_wal", '-s', $from, '-e', $to
	  or die "pg_waldump: $!";
	while (my $line = <$dump>)
	{
		next unless $line =~ m{^rmgr: (\S+) .* lsn: (\S+), prev \S+ desc: (\S*)};
		push @records, { what => "$1 $3", lsn => $2, is_own => $1 eq 'Generic' || $3 eq 'FPI' };
	}
	close $dump;
	return @records;
}

# End the log at a position, as if nothing from there on had been written.
sub cut_log
{
	my ($data, $lsn) = @_;
	my $per_number = (1 << 32) / $segment_bytes;
	my $number = int(lsn_number($lsn) / $segment_bytes);
	my $offset = lsn_number($lsn) % $segment_bytes;
	my $name = sprintf '%08X%08X%08X', 1, int($number / $per_number), $number % $per_number;

	for my $path (glob "$data/pg_wal/????????????????????????")
	{
		unlink $path if $path =~ m{/([0-9A-F]+)$} && $1 gt $name;
	}
	open my $segment, '+<', "$data/pg_wal/$name" or die "$name: $!";
	binmode $segment;
	seek $segment, $offset, 0;
	print $segment "\0" x ($segment_bytes - $offset);
	close $segment or die "$name: $!";
	return;
}

# ---------- servers ----------

my $node = PostgreSQL::Test::Cluster->new('main');
my $data = $node->data_dir;
my $base = $node->basedir . '/base';
my $template = $node->basedir . '/template';

# What tells whether a file is another: length and time, by path.
sub list_tree
{
	my ($folder) = @_;
	my %found;

	return {} unless -e $folder;
	find(
		sub {
			my @stat = Time::HiRes::stat($_);
			$found{ substr $File::Find::name, 1 + length $folder } = "$stat[7] $stat[9]" if -f _;
		},
		$folder);
	return \%found;
}

# Make a folder like another.  Only files that differ are copied: to make all
# takes longer than the rest of a cut.
sub copy_data
{
	my ($from, $to) = @_;
	my ($wanted, $there) = (list_tree($from), list_tree($to));
	my @missing = grep { ($there->{$_} // '') ne $wanted->{$_} } sort keys %$wanted;

	if (!-e $to)
	{
		system('cp', '-a', $from, $to) == 0 or die "cp $from failed";
		return;
	}
	unlink "$to/$_" for grep { !exists $wanted->{$_} } keys %$there;
	system('env', '-C', $from, 'cp', '-a', '--parents', @missing, $to) == 0 or die "cp in $from failed"
	  if @missing;
	return;
}

# A stopped server that the scenarios begin with.
sub make_base
{
	$node->init(allows_streaming => 1, extra => ['--wal-segsize=1']);
	# Nothing but the operation itself writes the log, and nothing the data.
	# Pages may not leave the buffers either.
	$node->append_conf('postgresql.conf', $_)
	  for ('autovacuum = off', 'bgwriter_lru_maxpages = 0', 'checkpoint_timeout = 1h', 'max_wal_size = 1GB',
		'shared_buffers = 128MB', "statement_timeout = $PostgreSQL::Test::Utils::timeout_default" . 's', 'log_statement = none', 'jit = off',
		'max_parallel_maintenance_workers = 0');
	$node->start;
	create_helpers($node);
	create_made_vector($node);
	$node->safe_psql('postgres', q{
		SET check_function_bodies = off;

		-- What is wrong with the index, a line each; what is ordinary with that
		-- word before it.
		CREATE FUNCTION complaints(stage text, operator text, ordinary text[]) RETURNS SETOF text
		LANGUAGE plpgsql AS $$
		DECLARE
			q vector := (SELECT v FROM item WHERE id = 1);
			total bigint := count(*) FROM item;
			wrong bigint;
			w record;
			ef int;
		BEGIN
			-- as after a build that was cut
			IF to_regclass('item_index') IS NULL THEN
				RETURN;
			END IF;
			RETURN QUERY SELECT format('%s%s: %s in block %s, slot %s: %s', CASE WHEN severity = 'leftover' AND kind = ANY (ordinary) THEN 'ordinary ' END,
					stage, kind, block, slot, detail)
				FROM omen_hnsw_check('item_index', true) LIMIT 10;

			-- by searches of the graph, and by looking at all nodes; not of groups,
			-- each of which is searched by itself
			FOREACH ef IN ARRAY CASE WHEN pg_get_indexdef('item_index'::regclass, 1, false) = 'v' THEN ARRAY[10, 1000] ELSE '{}' END LOOP
				PERFORM set_config('omendb.ef_search', ef::text, true);
				w := walk(operator, q);
				IF w.fetched <> w.different OR w.fetched + w.late <> total OR NOT w.in_order OR (ef = 1000 AND w.late > 0) THEN
					RETURN NEXT format('%s: of %s rows a walk with ef %s fetched %s, %s different ones, %s late, in order: %s',
						stage, total, ef, w.fetched, w.different, w.late, w.in_order);
				END IF;
			END LOOP;
			PERFORM set_config('omendb.ef_search', '40', true);
			PERFORM set_config('enable_seqscan', 'off', true);
			EXECUTE format('SELECT count(*) FROM item s WHERE id %% 60 = 1
				AND (SELECT i.v %s s.v FROM item i ORDER BY i.v %1$s s.v LIMIT 1) > 0.0001', operator) INTO wrong;
			IF wrong > 2 THEN
				RETURN NEXT format('%s: %s rows are not found by their own vector', stage, wrong);
			END IF;
			EXECUTE format('SELECT count(*) FROM (SELECT kind, count(*) FROM item GROUP BY kind) k
				WHERE count <> (SELECT count(*) FROM (SELECT FROM item i WHERE i.kind = k.kind ORDER BY i.v %s $1 LIMIT 10000) s)', operator)
				INTO wrong USING q;
			IF wrong > 0 THEN
				RETURN NEXT format('%s: of %s kinds a search does not find all rows', stage, wrong);
			END IF;
		END $$;

		CREATE FUNCTION contents() RETURNS text LANGUAGE sql AS
			'SELECT count(*) || $$ rows, sum of ids $$ || coalesce(sum(id), 0) FROM item';
		CREATE TABLE marker (i int);
	});
	# two thirds of the files to copy
	$node->safe_psql('postgres', "UPDATE pg_database SET datistemplate = false");
	$node->safe_psql('postgres', "DROP DATABASE $_") for ('template0', 'template1');
	$node->stop;
	copy_data($data, $base);
	return;
}

# Files of the table and its index: paths and lengths.
sub list_files
{
	my %files = map { split /\|/ } split /\n/, $node->safe_psql('postgres', "
		SELECT pg_relation_filepath(c), pg_relation_size(c)
		FROM unnest(ARRAY[to_regclass('item'), to_regclass('item_index')]) c WHERE c IS NOT NULL");

	return \%files;
}

# What a file has up to a length, and whether anything but zeros follows.
sub summary
{
	my ($file, $length) = @_;
	my $bytes = slurp_file($file);

	return md5_hex(substr $bytes, 0, $length)
	  . (substr($bytes, $length) =~ /[^\0]/ ? ' and more' : '');
}

# Run a scenario's operation, and keep what a crash after it leaves.
sub run_scenario
{
	my ($scenario) = @_;
	my %written;

	copy_data($base, $data);
	$node->append_conf('postgresql.conf', $scenario->{settings}) if $scenario->{settings};
	$node->start;
	$scenario->{vector} //= $narrow;
	$scenario->{operator} //= '<->';
	my $dims = $node->safe_psql('postgres', sprintf "SELECT vector_dims($scenario->{vector})", 1);
	$node->safe_psql('postgres', "
		CREATE TABLE item (id serial, v vector($dims), kind int DEFAULT 0);
		ALTER TABLE item ALTER v SET STORAGE main;"
		  . insert_rows($scenario, 1, $scenario->{rows})
		  . ($scenario->{index} ? "CREATE INDEX item_index ON item USING omen_hnsw $scenario->{index};" : '')
		  . ($scenario->{setup} // ''));
	$node->safe_psql('postgres', 'VACUUM (FREEZE, INDEX_CLEANUP OFF) item') unless $scenario->{operation} eq $vacuum;
	$node->safe_psql('postgres', 'CHECKPOINT');

	$scenario->{files} = list_files();
	$written{$_} = summary("$data/$_", $scenario->{files}{$_}) for keys %{ $scenario->{files} };
	$scenario->{before} = $node->safe_psql('postgres', 'SELECT contents()');
	my $from = $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
	$node->safe_psql('postgres', $scenario->{operation});
	my $to = $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
	$scenario->{after} = $node->safe_psql('postgres', 'SELECT contents()');
	# writes the log as far as it goes
	$node->safe_psql('postgres', 'INSERT INTO marker VALUES (1)');
	is($node->safe_psql('postgres', 'SELECT contents()'), $scenario->{after}, "$scenario->{name}: was run");
	is(join("\n", $node->safe_psql('postgres', "SELECT * FROM complaints('after the operation', '$scenario->{operator}', '{}')")),
		'', "$scenario->{name}: and is sound uncut");
	$node->stop('immediate');

	for my $file (keys %written)
	{
		is(summary("$data/$file", $scenario->{files}{$file}), $written{$file},
			"$scenario->{name}: no page of $file was written meanwhile");
	}
	copy_data($data, $template);
	my @records = list_records($template, $from, $to);
	my $own = grep { $_->{is_own} } @records;
	cmp_ok($own, '>=', $scenario->{records}, "$scenario->{name}: the index wrote what it was to write");
	$scenario->{records} = [ @records, { what => 'the end', lsn => $to } ];
	return;
}

# ---------- cuts ----------

# Numbers from 0 to last, evenly spread, with both ends.
sub spread
{
	my ($last, $count) = @_;

	return 0 .. $last if $count > $last;
	return map { int($_ * $last / ($count - 1) + 0.5) } 0 .. $count - 1;
}

# The cuts to be made, by the number of the first record that is lost: a sample
# of those beside a record of the index, or all.
sub choose_cuts
{
	my ($scenario) = @_;
	my $records = $scenario->{records};
	my @all = 0 .. $#$records;
	my @beside = grep { $_ == 0 || $_ == $#all || $records->[$_]{is_own} || $records->[ $_ - 1 ]{is_own} } @all;

	my @from = $soak ? @all : @beside;
	my $count = $soak ? $scenario->{soak_cuts} // @all : $quick ? int($scenario->{cuts} / 3) + 2 : $scenario->{cuts};
	my %chosen = map { $_ => 1 } spread($#from, $count), grep { $_ < @from } 0 .. ($quick ? 0 : $scenario->{first} // 0);

	return map { $from[$_] } sort { $a <=> $b } keys %chosen;
}

# What is done after each cut.  Every other time VACUUM comes before the
# operation is done again.
sub script
{
	my ($scenario, $number, $expected) = @_;
	# a page may be added, or a slot freed, and no more
	my $ordinary = "'{" . join(',', 'lost_space', @{ $scenario->{ordinary} // [] }) . "}'";
	my $for_good = "'{" . join(',', @{ $scenario->{for_good} // [] }) . "}'";
	# VACUUM does not look at an index if there is no dead row
	my $for_now = "'{" . join(',', 'lost_space', @{ $scenario->{for_good} // [] }) . "}'";
	my $complain = sub { return "SELECT * FROM complaints('$_[0]', '$scenario->{operator}', $_[1]);" };
	my $again = $scenario->{again} // $scenario->{operation};

	return join "\n",
	  'SET client_min_messages = warning;',
	  "SELECT 'the table has ' || contents() || ', not $expected' WHERE contents() <> '$expected';",
	  $complain->('after recovery', $ordinary),
	  $number % 2
	  ? ("$vacuum;", $complain->('after VACUUM', $for_now), "$again;", $complain->('done again', $for_now))
	  : ("$again;", $complain->('done again', $ordinary), "$vacuum;", $complain->('after that and VACUUM', $for_now)),
	  ($scenario->{finally} ? "$scenario->{finally};" : ()),
	  insert_rows($scenario, 3001, 3010),
	  'DELETE FROM item WHERE id % 7 = 2;',
	  "$vacuum;",
	  $complain->('in the end', $for_good);
}

sub try_cut
{
	my ($scenario, $number) = @_;
	my @records = @{ $scenario->{records} };
	my $lsn = $records[$number]{lsn};
	my $name = "$scenario->{name}: cut $number of $#records, at $lsn before $records[$number]{what}";
	my $log_from = -s $node->logfile;
	my $is_committed = grep { $_->{what} eq 'Transaction COMMIT' } @records[ 0 .. $number - 1 ];
	my ($out, $err) = ('', '');

	copy_data($template, $data);
	cut_log($data, $lsn);
	# Files grow without a record; that may have been lost as well.
	if ($number % 4 > 1)
	{
		for my $file (keys %{ $scenario->{files} })
		{
			truncate "$data/$file", $scenario->{files}{$file} or die "$file: $!";
		}
	}
	if ($node->start(fail_ok => 1))
	{
		$node->psql('postgres',
			script($scenario, $number, $scenario->{ $is_committed ? 'after' : 'before' }),
			stdout => \$out, stderr => \$err, on_error_stop => 1);
		$node->stop('immediate', fail_ok => 1);
	}
	else
	{
		$err = 'the server did not start';
	}
	my $log = slurp_file($node->logfile, $log_from);
	if ($number > 0
		&& !($log =~ m{redo done at (\S+)} && lsn_number($1) == lsn_number($records[ $number - 1 ]{lsn})))
	{
		$err .= "\nrecovery did not end with the record before the cut";
	}
	$err .= "\n$1" while $log =~ /((TRAP|PANIC|WARNING|FATAL).*)/g;
	$scenario->{seen}{$1}++ while $out =~ /^ordinary (.*?) in block/mg;
	is(join("\n", grep { !/^ordinary / } split(/\n/, $out), $err), '', $name);
	return;
}

make_base();
for my $scenario (@scenarios)
{
	next if $ENV{OMEN_TEST_ONLY} && $scenario->{name} !~ /^($ENV{OMEN_TEST_ONLY})$/;
	next unless $soak || $scenario->{cuts};
	my $start = time;
	run_scenario($scenario);
	my @cuts = choose_cuts($scenario);
	try_cut($scenario, $_) for @cuts;
	note(sprintf '%s: %d of %d cuts in %.1f s', $scenario->{name}, scalar @cuts, scalar @{ $scenario->{records} }, time - $start);
	note("$_: $scenario->{seen}{$_}") for sort keys %{ $scenario->{seen} // {} };
}

done_testing();
