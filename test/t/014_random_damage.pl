# Damage the pages of small indexes at random, round after round: whatever is
# done with them then works, or fails with an error that says that the index is
# corrupted and that REINDEX helps, which it does.  Nothing crashes, hangs or
# fails in another way, and rows that are returned are in order.
#
#	OMEN_TEST_SEED=n	begin with other random numbers than usual
#	OMEN_TEST_SOAK=1	go on for an hour, from a seed that is different each time
#	OMEN_TEST_SECONDS=n	go on for so long
#	OMEN_TEST_ROUNDS=n	do so many rounds, however long it takes
#	OMEN_TEST_ROUND=n	do this round only, as the message of a failure says
#	OMEN_TEST_UNREPORTED=1	damage one thing of each index, do nothing but check it,
#				and say what omen_hnsw_check() did not report
#
# A round makes a database of a template by copying its files, damages one index
# of each kind in it before anybody has read a page, and then uses the tables.
# What a round does follows from the seed and its number alone.
use strict;
use warnings FATAL => 'all';

use OmenFormat;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my %kind_names = (
	KIND_FREE, 'free', KIND_NODE, 'node', KIND_UPPER, 'upper', KIND_POSTING, 'posting',
	KIND_PAYLOAD, 'payload', KIND_MEAN, 'mean', KIND_GROUP, 'group', KIND_DIRECTORY, 'directory', KIND_META, 'meta');

# Fields: where, and how they are packed.  LSN and checksum are the server's.
my %pd_fields = fields('PD');
my %page_fields = (fields('PAGE'), map { ("pd_$_" => $pd_fields{$_}) } grep { !/lsn|checksum/ } keys %pd_fields);
my %meta_fields = fields('META');
my %slot_fields = (fields('SLOT'), fields('CODE'));
my %tid_fields = fields('TID');

# Parts of a heap TID that begins there; the first two numbers as one, too.
sub tid_fields
{
	my ($at) = @_;

	return (tid_block => [ $at, 'L' ], map { ("tid_$_" => [ $at + $tid_fields{$_}[0], 'S' ]) } keys %tid_fields);
}

my %node_fields = (%slot_fields, fields('NODE'), tid_fields(NODE_TID));
my %upper_fields = (%slot_fields, fields('UPPER'));
my %chunk_fields = (fields('CHUNK'), tid_fields(CHUNK_TIDS));
my %payload_fields = fields('PAYLOAD');
my %group_fields = fields('GROUP');
my %directory_fields = fields('DIRECTORY');

# ---------- how much ----------

my $soak = $ENV{OMEN_TEST_SOAK};
my $seed = $ENV{OMEN_TEST_SEED} // ($soak ? time() % 1_000_000 : 20);
my $seconds = $ENV{OMEN_TEST_SECONDS} // ($soak ? 3600 : $ENV{OMEN_TEST_QUICK} ? 5 : 40);
my $rounds = $ENV{OMEN_TEST_ROUNDS};
my $only_round = $ENV{OMEN_TEST_ROUND};
my $unreported = $ENV{OMEN_TEST_UNREPORTED};
my $most_failures = 10;

# No statement on tables as small as these takes for ever, whatever the machine.
my $statement_timeout = $PostgreSQL::Test::Utils::timeout_default / 6;

$seed = int($seed);
note("OMEN_TEST_SEED=$seed");

sub choose { return $_[ int(rand(@_)) ]; }

# The numbers from 1 to a limit, small ones more often.
sub few { return 1 + int($_[0] * rand()**3); }

# ---------- the server ----------

my $node = PostgreSQL::Test::Cluster->new('random_damage');
my $no_checksums = $node->pg_version >= 18 ? ['--no-data-checksums'] : [];
$node->init(extra => $no_checksums);
# a crash must show as one; databases are copied often
$node->append_conf('postgresql.conf', q{
	restart_after_crash = off
	autovacuum = off
	fsync = off
	wal_level = minimal
	max_wal_senders = 0
	max_wal_size = 4GB
	shared_buffers = 64MB
	jit = off
	log_min_messages = error
	log_error_verbosity = verbose
});
$node->start;

# Vectors of many dimensions are zeros but for the first, so that they are
# compressed and stay in their row.
$node->safe_psql('postgres', q{
	CREATE DATABASE small;
	CREATE DATABASE large;
});
my $prepare = q{
	CREATE EXTENSION omendb;
	CREATE FUNCTION pattern(n integer, dims integer) RETURNS vector
	LANGUAGE sql IMMUTABLE AS $$
		SELECT (array_agg(((n * d * 0.61803398875 + d * 0.41421356237)
						  % 1.0 - 0.5)::real ORDER BY d) ||
				array_fill(0::real, ARRAY[greatest(dims - 40, 0)]))::vector
			FROM generate_series(1, least(dims, 40)) d
	$$;
};

# A table, and a first index of it: name, dimensions, columns of the index,
# operator, storage parameters, rows, and what else is done to it.
my %databases = (
	small => [
		[ 'list', 8, 'v', '<->', '', 250, '' ],
		[ 'full_list', 4, 'v', '<->', 'm = 4, ef_construction = 16', 0,
			'INSERT INTO full_list SELECT i, i % 10, i::text, pattern(i, 4) FROM generate_series(1, 985) i' ],
		[ 'graph', 8, 'v', '<->', 'm = 4, ef_construction = 16', 1300, '' ],
		[ 'keys', 8, 'v vector_cosine_ops, k, t', '<=>', 'm = 6, ef_construction = 16', 1300, '' ],
		[ 'codes', 16, 'v vector_ip_ops, k', '<#>', 'storage = sq4, m = 8, ef_construction = 16', 1300, 'ALTER TABLE codes SET UNLOGGED' ],
		[ 'tenants', 8, 'k, v, t', '<->', 'm = 4, ef_construction = 16', 400,
			'INSERT INTO tenants SELECT i, 3, 1, pattern(i, 8) FROM generate_series(1, 1300) i; INSERT INTO tenants SELECT i, 100 + i, 1, pattern(i, 8) FROM generate_series(1, 1100) i' ],
		[ 'texts', 8, "(repeat('x', k * 20) || t), v vector_ip_ops", '<#>', 'm = 4, ef_construction = 16', 300, '' ],
		[ 'long', 2100, 'v', '<->', 'storage = full, m = 4, ef_construction = 16', 30, '' ],
	],
	large => [
		[ 'wide', 2100, 'v', '<->', 'm = 4, ef_construction = 16, storage = sq8', 1100,
			'DELETE FROM wide WHERE id % 8 <> 0; VACUUM wide; INSERT INTO wide SELECT i, i, 1, pattern(i, 2100) FROM generate_series(5000, 5010) i' ],
		[ 'apart', 8300, 'v vector_l2_ops, k', '<->', 'm = 4, ef_construction = 16, storage = sq8', 1100,
			'DELETE FROM apart WHERE id % 8 <> 0; VACUUM apart; INSERT INTO apart SELECT i, i, 1, pattern(i, 8300) FROM generate_series(5000, 5010) i' ],
	]);
my %tables;
foreach my $database (sort keys %databases)
{
	my $sql = $prepare;

	foreach my $table ($databases{$database}->@*)
	{
		my ($name, $dims, $columns, $operator, $with, $rows, $more) = @$table;

		$with = "WITH ($with)" if $with;
		$sql .= qq{
			CREATE TABLE $name (id integer, k integer, t text, v vector($dims));
			ALTER TABLE $name ALTER v SET STORAGE main;
			INSERT INTO $name SELECT i, i % 10, (i % 7)::text, pattern(i, $dims) FROM generate_series(1, $rows) i;
			INSERT INTO $name SELECT i, i % 2, i % 2, pattern(5, $dims) FROM generate_series(1, 60) i;
			INSERT INTO $name SELECT i, 1, 1, pattern(i, $dims) FROM generate_series(20, 40) i, generate_series(1, 4);
			INSERT INTO $name SELECT i, 1, NULL, NULL FROM generate_series(1, 40) i;
			INSERT INTO $name SELECT i, NULL, '1', pattern(1, $dims) - pattern(1, $dims) FROM generate_series(1, 25) i;
			CREATE INDEX ${name}_index ON $name USING omen_hnsw ($columns) $with;
			DELETE FROM $name WHERE id % 9 = 0;
			VACUUM $name;
			$more;
			DELETE FROM $name WHERE id % 50 = 7;
		};
		$tables{$name} = { name => $name, dims => $dims, operator => $operator, database => $database };
	}
	$node->safe_psql($database, $sql);
	$node->safe_psql($database, 'VACUUM (FREEZE, INDEX_CLEANUP OFF)');
}
# a checkpoint would not write what is unlogged
$node->restart;
foreach my $name (sort keys %tables)
{
	my $table = $tables{$name};

	is($node->safe_psql($table->{database}, "SELECT severity, kind, block, slot, detail FROM omen_hnsw_check('${name}_index', true) LIMIT 9"),
		'', "the index of $name is sound before");
	$table->{file} = $node->safe_psql($table->{database}, "SELECT pg_relation_filepath('${name}_index')");
	note("$name: " . $node->safe_psql($table->{database},
			"SELECT string_agg(format('%s %s', key, value), ', ') FROM omen_hnsw_info('${name}_index') i, json_each_text(to_json(i)) WHERE key ~ 'pages|mode|nodes|levels'"));
	open(my $file, '<:raw', $node->data_dir . "/$table->{file}") or die "$table->{file}: $!";
	local $/;
	$table->{pages} = [ unpack('(a8192)*', <$file>) ];
	close($file);
	$table->{node_stride} = unpack('@' . META_NODE_STRIDE . 'L', $table->{pages}[0]);
	$table->{upper_stride} = unpack('@' . META_UPPER_STRIDE . 'L', $table->{pages}[0]);
	foreach my $block (0 .. $#{ $table->{pages} })
	{
		my ($kind) = unpack('@' . PAGE_KIND . 'C', $table->{pages}[$block]);
		my ($used) = unpack('@' . PAGE_USED . 'S', $table->{pages}[$block]);

		push $table->{blocks}{$kind}->@*, $block;
		$table->{used}[$block] = $used;
	}
}

# ---------- damage ----------

# A value for a field that is not its own: none, all, something near, that of
# the same field elsewhere, or any.
sub other_value
{
	my ($template, $old, $elsewhere, @more) = @_;
	my $bits = 8 * length(pack($template, 0));
	my $all = $bits == 64 ? ~0 : (1 << $bits) - 1;
	my $value = choose(
		0, $all,
		($old + 1) & $all, ($old - 1) & $all,
		$old ^ (1 << int(rand($bits))),
		$elsewhere, $elsewhere,
		int(rand(2**($bits > 32 ? 32 : $bits))) & $all,
		int(rand(300)) & $all,
		(map { $_ & $all } @more, @more),
		# floats: not a number, infinity, huge, negative
		$bits == 32 ? (0x7FC00000, 0x7F800000, 0x7F7FFFFF, $old ^ 0x80000000) : ());

	return $value;
}

# What there is to damage of a page: [name, offset, template, offsets of the
# same field elsewhere].
sub fields_of
{
	my ($table, $block, $kind) = @_;
	my @fields;

	# frames of pages are a few fields among many
	if (rand() < 0.25 || $kind == KIND_FREE)
	{
		my $of_server = rand() < 0.2;

		return map { [ $_, $page_fields{$_}->@* ] } grep { !/^pd_/ == !$of_server } sort keys %page_fields;
	}
	return map { [ $_, $meta_fields{$_}->@* ] } sort keys %meta_fields if $kind == KIND_META;
	return map { [ $_, $payload_fields{$_}->@* ] } sort keys %payload_fields
	  if $kind == KIND_PAYLOAD || $kind == KIND_MEAN;

	if ($kind == KIND_DIRECTORY)
	{
		my $offset = PAGE_START + 4 * int(rand(4 + ($table->{used}[$block] || 1) * DIRECTORY_ENTRY / 4));

		return map { [ $_, $directory_fields{$_}->@* ] } sort keys %directory_fields if rand() < 0.4;
		return ([ "byte $offset", $offset, 'L', DIRECTORY_ENTRY ], [ "byte $offset", $offset, 'S' ]);
	}
	if ($kind == KIND_GROUP)
	{
		my $record = int(rand($table->{used}[$block] || 1));
		my $at = PAGE_START + $record * GROUP;
		my $offset = 4 * int(rand(GROUP / 4));

		return map { [ "record $record $_", $at + $group_fields{$_}[0], $group_fields{$_}[1], GROUP ] } sort keys %group_fields
		  if rand() < 0.5;
		return ([ "record $record + $offset", $at + $offset, 'L', GROUP ], [ "record $record + $offset", $at + $offset, 'C' ]);
	}

	my $stride = $kind == KIND_POSTING ? CHUNK : $kind == KIND_NODE ? $table->{node_stride} : $table->{upper_stride};
	my $used = $table->{used}[$block] || 1;
	my $slot = int(rand($used));
	my $at = PAGE_START + $slot * $stride;
	my $fields = $kind == KIND_POSTING ? \%chunk_fields : $kind == KIND_NODE ? \%node_fields : \%upper_fields;

	# what follows a slot's header: code, keys, edges; by any four bytes or one
	if ($kind != KIND_POSTING && rand() < 0.4)
	{
		my $offset = HEADER + 4 * int(rand(($stride - HEADER) / 4));

		return ([ "slot $slot + $offset", $at + $offset, 'L' ],
			[ "slot $slot + $offset", $at + $offset, 'C' ]);
	}
	return map { [ "slot $slot $_", $at + $fields->{$_}[0], $fields->{$_}[1], $stride ] } sort keys %$fields;
}

# Ids of a page's slots, in whatever way an id may be meant.
sub ids_in
{
	my ($table, $block) = @_;

	return map { $block * int((SPECIAL - PAGE_START) / $_) + int(rand(3)) }
	  CHUNK, $table->{node_stride}, $table->{upper_stride};
}

# Damage one thing on one page; returns what.
sub damage_page
{
	my ($table, $pages, $changed) = @_;
	# most damages of these are noticed at once, and nothing else is tried
	my %alone = (KIND_META, 1, KIND_MEAN, 1);
	my $kind = rand() < 0.1 ? choose(grep { $alone{$_} } sort keys $table->{blocks}->%*) : choose(grep { !$alone{$_} } sort keys $table->{blocks}->%*);
	my $block = choose($table->{blocks}{$kind}->@*);
	my $other_kind = choose(sort keys $table->{blocks}->%*);
	my $other = choose($table->{blocks}{$other_kind}->@*);
	my $where = "$kind_names{$kind} page $block";
	my $how = rand();

	return "$where is beyond the end" if !defined $pages->[$block] || !defined $pages->[$other];
	$changed->{$block} = 1;
	if ($how < 0.70)
	{
		my ($name, $offset, $template, $stride) = @{ choose(fields_of($table, $block, $kind)) };
		my $old = unpack("\@$offset $template", $pages->[$block]);
		my $elsewhere = unpack("\@$offset $template", $pages->[$other]);
		my @within = $name =~ /^pd_/ ? map { 8 * int(rand(PAGE / 8)) } 1 .. 12 : ();
		my $value = other_value($template, $old, $elsewhere, $block, $other,
			ids_in($table, $block), ids_in($table, $other), @within);

		substr($pages->[$block], $offset, length(pack($template, 0))) = pack($template, $value);
		return "$where: $name $old -> $value";
	}
	if ($how < 0.78)
	{
		my $count = few(64);
		my $offset = int(rand(PAGE - $count));

		substr($pages->[$block], $offset, $count) = pack('C*', map { int(rand(256)) } 1 .. $count);
		return "$where: $count random bytes at $offset";
	}
	if ($how < 0.86)
	{
		my $count = few(40);
		my $used = $kind == KIND_META ? META_END : PAGE;

		vec($pages->[$block], int(rand(8 * $used)), 1) ^= 1 for 1 .. $count;
		return "$where: $count random bits";
	}
	if ($how < 0.89)
	{
		# all of its contents, in a frame that is sound
		substr($pages->[$block], PAGE_START, SPECIAL - PAGE_START) =
		  pack('L*', map { int(rand(2**32)) } 1 .. (SPECIAL - PAGE_START) / 4);
		return "$where: random contents";
	}
	if ($how < 0.92)
	{
		$pages->[$block] = "\0" x PAGE;
		return "$where: zeros";
	}
	if ($how < 0.96)
	{
		$pages->[$block] = $pages->[$other];
		return "$where: contents of $kind_names{$other_kind} page $other";
	}
	@$pages[ $block, $other ] = @$pages[ $other, $block ];
	$changed->{$other} = 1;
	return "$where: swapped with $kind_names{$other_kind} page $other";
}

# Damage an index in the copy of its database that is in a directory of the
# data directory; returns what was done.
sub damage_index
{
	my ($table, $directory) = @_;
	my @pages = $table->{pages}->@*;
	my $path = $node->data_dir . "/$directory/" . ($table->{file} =~ s{^.*/}{}r);
	my %changed;
	my @done;

	if ($unreported)
	{
		# one thing, other than it was
		do { @done = (damage_page($table, \@pages, \%changed)) }
		  until grep { $pages[$_] ne $table->{pages}[$_] } keys %changed;
	}
	else
	{
		push @done, damage_page($table, \@pages, \%changed) for 1 .. few(5);
	}
	open(my $file, '+<:raw', $path) or die "could not open $path: $!";
	foreach my $block (sort { $a <=> $b } keys %changed)
	{
		seek($file, $block * PAGE, 0) or die "could not seek in $path: $!";
		print $file $pages[$block] or die "could not write $path: $!";
	}
	close($file) or die "could not write $path: $!";
	if (rand() < 0.04 && !$unreported)
	{
		my $blocks = int(rand(@pages));

		truncate($path, $blocks * PAGE) or die "could not truncate $path: $!";
		push @done, "truncated to $blocks pages";
	}
	return join('; ', @done);
}

# ---------- use ----------

# What is done with a table, a statement a line.
sub statements
{
	my ($table) = @_;
	my ($name, $dims, $operator) = @$table{qw(name dims operator)};
	my $q = int(rand(2000));
	my $near = "v $operator pattern($q, $dims)";
	my @strategies = qw(auto exact graph sweep);

	# are the rows of a query in order?
	my $ordered = sub {
		my ($where, $limit) = @_;
		my $query = "SELECT $near AS d FROM $name $where ORDER BY $near LIMIT $limit";

		return "SELECT 'in order: ' || coalesce(bool_and(d >= p), true) FROM (SELECT d, lag(d) OVER () AS p FROM ($query) r) s;";
	};
	my @searches = (
		$ordered->('', 30),
		$ordered->('', 'ALL'),
		"SELECT count(*) FROM (SELECT id FROM $name ORDER BY v $operator pattern(5, $dims) LIMIT 70) s;",
		"SELECT count(*) FROM (SELECT id FROM $name ORDER BY v $operator NULL::vector) s;",
		(map {; "SET omendb.filter_strategy = $_;", $ordered->('WHERE k < 3', 20), $ordered->("WHERE t = '1' AND k = 1", 'ALL') }
			choose(@strategies), choose(@strategies)),
		$ordered->('WHERE id < 100', 10),
		$name ne 'tenants' ? () : (
			(map { $ordered->("WHERE k = $_", 30), $ordered->("WHERE k = $_", 'ALL') } 3, int(rand(10)), 100 + int(rand(1200))),
			$ordered->('WHERE k = 3 AND id < 500', 10), $ordered->("WHERE k = 3 AND t = '1'", 10), $ordered->('WHERE k IN (1, 2, 500)', 20),
			$ordered->('WHERE k IS NULL', 20),
			# by a subquery, so that nobody knows that none can pass
			map {; "SELECT 'foreign: ' || count(*) FROM (SELECT k FROM tenants WHERE k = (SELECT $_) ORDER BY $near LIMIT 200) s WHERE k <> $_;" } 3, int(rand(10)), 100 + int(rand(1200))),
		$name ne 'texts' ? () : (
			map { $ordered->("WHERE (repeat('x', k * 20) || t) = repeat('x', $_ * 20) || '$_'", $_ * 10) } 1 .. 6),
		$operator eq '<->' ? $ordered->("WHERE v <<->> sphere(pattern($q, $dims), 0.4)", 'ALL') : (),
		"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM $name WHERE k = 1 ORDER BY $near LIMIT 10;",
		"SET omendb.enable_scan = off;",
		$ordered->('WHERE k = 3', 10),
		"RESET omendb.enable_scan;");
	my @inspections = (
		"SELECT count(*) FROM omen_hnsw_info('${name}_index');",
		"SELECT count(*) FROM omen_hnsw_check('${name}_index');",
		"SELECT count(*) FROM omen_hnsw_check('${name}_index', true);");
	my @inserts = (
		"INSERT INTO $name SELECT i, i % 10, i % 7, pattern(i + $q, $dims) FROM generate_series(1, 12) i;",
		"INSERT INTO $name VALUES (1, 1, 1, pattern(7000, $dims));",
		"INSERT INTO $name VALUES (1, 1, 1, pattern(5, $dims));",
		"INSERT INTO $name SELECT i, i % 2, 1, pattern(5, $dims) FROM generate_series(1, 12) i;",
		"INSERT INTO $name SELECT i, 1, 1, NULL FROM generate_series(1, 12) i;",
		"INSERT INTO $name VALUES (1, 1, 1, pattern(1, $dims) - pattern(1, $dims));",
		"UPDATE $name SET t = 'a' WHERE id IN (5, 6, 7);",
		"UPDATE $name SET id = -id WHERE id IN (15, 16, 17);");
	my @deletes = (
		"DELETE FROM $name WHERE id % 3 = " . int(rand(3)) . ';',
		"VACUUM (INDEX_CLEANUP ON) $name;",
		"VACUUM (INDEX_CLEANUP ON) $name;");
	my @parts = (\@searches, \@inspections, \@inserts, \@deletes);
	my $order = choose([ 0, 1, 2, 3 ], [ 2, 3, 0, 1 ], [ 3, 1, 2, 0 ], [ 1, 2, 3, 0 ], [ 3, 2, 0, 1 ]);
	my @all = map { $parts[$_]->@* } @$order;

	# what REINDEX makes of it is sound
	push @all, "REINDEX INDEX ${name}_index;",
	  "SELECT 'left: ' || c FROM omen_hnsw_check('${name}_index', true) c LIMIT 5;",
	  $ordered->('', 30)
	  if $table->{database} eq 'small' || rand() < 0.2;
	return (
		'\set VERBOSITY verbose',
		'SET enable_seqscan = off;',
		"SET statement_timeout = '${statement_timeout}s';",
		'SET client_min_messages = error;', @all, "SELECT 'survived';");
}

my %errors_seen;

# What was wrong with how a table's statements went: a line for each fault.
sub faults
{
	my ($lines, $out, $err, $timed_out) = @_;
	my @faults;

	push @faults, 'a statement could not be canceled' if $timed_out;
	push @faults, map { "out of order" } grep { /^in order: f/ } split /\n/, $out;
	push @faults, map { "a row of another group" } grep { /^foreign: [^0]/ } split /\n/, $out;
	push @faults, map { "after REINDEX: $_" } grep { /^left: / } split /\n/, $out;
	push @faults, 'the session did not survive' if $out !~ /^survived$/m;

	# each error, with its hint
	foreach my $error (split /^(?=psql:)/m, $err)
	{
		my ($line, $code, $message) = $error =~ /^psql:[^:]*:(\d+): (?:ERROR|FATAL|PANIC): +(\w+): (.*)/;

		if (defined $code)
		{
			my $statement = $lines->[ $line - 1 ];
			my $general = $message =~ s/\d+/N/gr =~ s/"[^"]*"/"X"/gr;

			$errors_seen{"$code $general"}++;
			if ($statement !~ /REINDEX/)
			{
				next if $code eq 'XX002' && $error =~ /^HINT: .*REINDEX/m;
				next if $code eq '0A000' && $message =~ /was made by an? \w+ version of omendb/ && $error =~ /^HINT: .*REINDEX/m;
				next if $code eq 'XX001' && $message =~ /^invalid page in block \d+ of relation/;
			}
			push @faults, "$statement\n$error";
		}
		else
		{
			push @faults, $error;
		}
	}
	return @faults;
}

my $failures = 0;
my $tests = 0;
my $round;
my $begin = time();

# How many damages there were, and which of them a check does not find.
my ($checked, $missed) = (0, 0);

sub say_unreported
{
	my ($damage) = @_;

	foreach my $name (sort keys %$damage)
	{
		my ($out, $err) = ('', '');

		$node->psql('damaged', "SET client_min_messages = error; SELECT count(*) FROM omen_hnsw_check('${name}_index', true)",
			stdout => \$out, stderr => \$err);
		$checked++;
		$tests++;
		next if $err ne '' || $out ne '0';
		$missed++;
		diag("round $round, $name: $damage->{$name}");
	}
}

sub one_round
{
	srand($seed * 1_000_003 + $round);
	my $template = $round % 8 == 0 ? 'large' : 'small';
	my $directory = 'base/' . $node->safe_psql('postgres', qq{
		SET client_min_messages = error;
		DROP DATABASE IF EXISTS damaged WITH (FORCE);
		CREATE DATABASE damaged TEMPLATE $template STRATEGY file_copy;
		SELECT oid FROM pg_database WHERE datname = 'damaged';});
	my @names = map { $_->[0] } $databases{$template}->@*;
	my %damage = map { $_ => damage_index($tables{$_}, $directory) } @names;

	if ($unreported)
	{
		say_unreported(\%damage);
		return;
	}
	foreach my $name (@names)
	{
		my @lines = statements($tables{$name});
		my ($out, $err, $timed_out) = ('', '', 0);
		my @faults;

		$node->psql('damaged', join("\n", @lines), on_error_stop => 0, stdout => \$out, stderr => \$err,
			timeout => 3 * $statement_timeout, timed_out => \$timed_out);
		@faults = faults(\@lines, $out, $err, $timed_out);
		$tests++;
		next if !@faults;
		$failures++;
		fail("OMEN_TEST_SEED=$seed OMEN_TEST_ROUND=$round, $name");
		diag("damaged: $damage{$name}");
		diag($_) foreach @faults;
		if ($timed_out || $out !~ /^survived$/m)
		{
			$node->stop('immediate', fail_ok => 1);
			$node->start;
			return;
		}
	}
}

if (defined $only_round)
{
	$round = $only_round;
	one_round();
}
else
{
	for ($round = 1; $rounds ? $round <= $rounds : time() - $begin < $seconds; $round++)
	{
		one_round();
		last if $failures >= $most_failures;
	}
}
note("$tests indexes were damaged in " . ($round // 0) . ' rounds, ' . int(time() - $begin) . ' seconds');
diag("$missed of $checked damages are not reported") if $unreported;
note("$errors_seen{$_} times $_") foreach sort keys %errors_seen;
is($failures, 0, 'use of damaged indexes works or says that they are damaged');
cmp_ok($tests, '>', 0, 'indexes were damaged');
unlike(slurp_file($node->logfile), qr/terminated by signal|TRAP|PANIC/, 'no process crashed');
$node->stop('immediate');

done_testing();
