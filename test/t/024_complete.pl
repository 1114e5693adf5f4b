# A query by distance with a LIMIT gives as many rows as there are, up to that
# many, in exact order and none twice: random tables, settings and statements,
# each compared with a sequential scan.  Rows at one distance come in the order
# that is asked for next, pages of a result fit together, and EXISTS and IN take
# no rows away.
#
# The same tables each time, from a seed that is printed.
#	OMEN_TEST_QUICK=1	fewer tables and statements
#	OMEN_TEST_SOAK=1	many more
#	OMEN_TEST_SEED		another seed
use strict;
use warnings;

use List::Util qw(max min);
use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{OMEN_TEST_SEED} // 1;
my ($tables, $joined) = $ENV{OMEN_TEST_SOAK} ? (250, 50) : $ENV{OMEN_TEST_QUICK} ? (16, 4) : (80, 16);
my %operator = (l2 => '<->', ip => '<#>', cosine => '<=>', l1 => '<+>');
my $node = start_node('main', 'fsync = off', 'full_page_writes = off', 'shared_buffers = 128MB', 'max_wal_size = 2GB');

note("OMEN_TEST_SEED=$seed");

# Seeds that are near each other would begin alike.
sub begin_again
{
	my ($number) = @_;

	srand((1000 * $seed + $number) * 2654435761 % 4294967296);
	rand() for 1 .. 10;
	return;
}

sub choose { return $_[ int(rand(@_)) ]; }

sub literal { return '[' . join(',', map { sprintf '%.6g', $_ } @_) . ']'; }

# ---------- statements and what they give ----------

# Run statements of one session.  In place of a line "#name" stands a mark, and
# what the statements after it give, up to the next, is returned by that name, as
# a list of lines.
sub run_marked
{
	my (@lines) = @_;
	my $file = $node->basedir . '/statements.sql';
	my $name = '';
	my %given;

	open my $out, '>', $file or die "$file: $!";
	print $out map { (/^#/ ? "\\echo $_" : $_) . "\n" } @lines;
	close $out or die "$file: $!";
	for my $line (split /\n/, $node->safe_psql('postgres', "\\i $file"))
	{
		if ($line =~ /^#(.*)/)
		{
			$name = $1;
			$given{$name} = [];
		}
		else
		{
			push @{ $given{$name} }, $line;
		}
	}
	return \%given;
}

# Lines that run a statement with its settings, and what gives all rows that it is
# about, with their distances.  Puts the statement into its case:
#	name, distance, where, by_id, may_miss_copies, limit, offset, settings
#	is_prepared		LIMIT is a parameter of a generic plan
#	is_subquery		it stands in another
#	plan_like		what its plan must look like
sub lines_of
{
	my ($case) = @_;
	my $select = "SELECT id, $case->{distance} FROM t" . ($case->{where} ? " WHERE $case->{where}" : '');
	my $ordered = "$select ORDER BY $case->{distance}" . ($case->{by_id} ? ', id' : '');
	my $offset = $case->{offset} ? " OFFSET $case->{offset}" : '';

	$case->{statement} =
		$case->{is_prepared}  ? "PREPARE p (bigint) AS $ordered LIMIT \$1$offset; EXECUTE p ($case->{limit})"
	  : $case->{is_subquery}  ? "SELECT * FROM ($ordered LIMIT $case->{limit}$offset) s"
	  :                         "$ordered LIMIT $case->{limit}$offset";
	return (
		(map { "SET $_;" } @{ $case->{settings} }),
		$case->{is_prepared} ? 'SET plan_cache_mode = force_generic_plan;' : (),
		"#rows $case->{name}", "$case->{statement};",
		$case->{plan_like} ? ("#plan $case->{name}", "EXPLAIN (COSTS OFF) $case->{statement};") : (),
		$case->{is_prepared} ? 'DEALLOCATE p;' : (),
		'RESET ALL;', 'SET omendb.enable_scan = off;', 'SET enable_indexscan = off;',
		"#all $case->{name}", "$select ORDER BY 2, 1;", 'RESET ALL;');
}

sub is_same_distance
{
	my ($a, $b) = @_;

	return $a eq $b || ("$a$b" =~ /\d/ && $a ne '' && $b ne '' && "$a$b" !~ /NaN/ && $a == $b);
}

# The rows of a table by distance and id: the place of each id among different
# distances, and its distance.
sub places_of
{
	my ($all) = @_;
	my (%place, %distance);
	my $place = 0;
	my $previous;

	for (@$all)
	{
		my ($id, $distance) = split /\|/, $_, -1;

		$place++ if defined $previous && !is_same_distance($previous, $distance);
		$place{$id} = $place;
		$distance{$id} = $distance;
		$previous = $distance;
	}
	return (\%place, \%distance);
}

# What is wrong with the rows that a statement has given; nothing if they are
# right.
sub flaw_of_rows
{
	my ($case, $rows, $all) = @_;
	my ($place, $distance) = places_of($all);
	my $wanted = min($case->{limit}, max(0, @$all - ($case->{offset} || 0)));
	my %seen;
	my $previous;

	for (@$rows)
	{
		my ($id, $told) = split /\|/, $_, -1;

		return "row $id is not one that the statement is about" if !defined $place->{$id};
		return "row $id comes twice" if $seen{$id}++;
		return "row $id has distance $distance->{$id}, not $told" if !is_same_distance($distance->{$id}, $told);
		if (defined $previous)
		{
			return "row $id comes after row $previous, which is farther" if $place->{$id} < $place->{$previous};
			return "row $id comes after row $previous at the same distance"
			  if $case->{by_id} && $place->{$id} == $place->{$previous} && $id < $previous;
		}
		$previous = $id;
	}
	return @$rows . " rows, not $wanted" if @$rows != $wanted;
	return;
}

# Whether the distances that were given are the least.  Then the ids must be those
# that come first by distance and id; what is wrong with them, if anything is.
sub flaw_of_ties
{
	my ($case, $rows, $all) = @_;
	my ($place) = places_of($all);
	my @ids = map { s/\|.*//r } @$rows;
	my $first = $case->{offset} || 0;
	my @right = map { s/\|.*//r } @{$all}[ $first .. $first + $#ids ];

	for (0 .. $#ids)
	{
		return (0, '') if $place->{ $ids[$_] } != $place->{ $right[$_] };
	}
	for (0 .. $#ids)
	{
		return (1, "row $ids[$_] in place of row $right[$_], at the same distance") if $ids[$_] != $right[$_];
	}
	return (1, '');
}

# Test what statements on table t give, which was made by some others.  Returns
# the rows of each.
sub try_cases
{
	my ($what, $before, @cases) = @_;
	my $given = run_marked(@$before, map { lines_of($_) } @cases);

	for my $case (@cases)
	{
		my ($rows, $all, $plan) = map { $given->{"$_ $case->{name}"} } ('rows', 'all', 'plan');
		my $flaw = flaw_of_rows($case, $rows, $all);
		my $like = $case->{plan_like};

		if (!$flaw && $case->{by_id} && !$case->{may_miss_copies})
		{
			my ($is_exact, $tie) = flaw_of_ties($case, $rows, $all);

			$case->{is_exact} = $is_exact;
			$flaw = $tie if $tie;
		}
		$flaw = join("\n", 'its plan is another', @$plan) if !$flaw && $like && "@$plan" !~ $like;
		ok(!$flaw, "statement $case->{name} on $what")
		  or diag("$flaw\n$what\n", map({ "SET $_;\n" } @{ $case->{settings} }), $case->{statement});
	}
	return map { $given->{"rows $_->{name}"} } @cases;
}

# ---------- random tables ----------

my $incremental = qr/Incremental Sort.*Custom Scan \(Omen Scan\)/;

# Lines that fill table t with rows that have vectors with so many dimensions.
sub copy_of
{
	my ($rows, $dims, $groups) = @_;
	my $is_wide = rand() < 0.3;
	my $is_whole = rand() < 0.2;
	my $shift = choose(0, 3);
	my @lines = ('COPY t (id, grp, e) FROM stdin;');

	for my $id (0 .. $rows - 1)
	{
		my $length = $is_wide ? exp(1.5 * random_normal()) : 1;
		my @values = map { random_normal() * $length + $shift } 1 .. $dims;
		my $kind = rand();

		@values = map { sprintf '%.0f', $_ } @values if $is_whole;
		@values = (0) x $dims if $kind > 0.99;
		push @lines, join("\t", $id, int(rand($groups)), $kind < 0.02 ? '\N' : literal(@values));
	}
	return (($is_wide ? ', long and short' : '') . ($is_whole ? ', whole numbers' : '') . ", around $shift", @lines, '\.');
}

# A table of random rows: what it is like, the statements that make it, its
# metric and dimensions, and how many rows it has.
sub random_table
{
	my $rows = choose(300, 1500, 1500, 3000, 3000, $ENV{OMEN_TEST_QUICK} ? () : 6000);
	my $dims = choose(2, 3, 6, 16, 64);
	my $metric = choose(sort keys %operator);
	my $storage = choose('sq8', 'full', $metric eq 'l1' ? () : 'sq4');
	my $m = choose(4, 8, 16);
	my $is_first = rand() < ($dims * $rows > 100_000 && !$ENV{OMEN_TEST_SOAK} ? 0 : 0.3);
	my $key = rand() < 0.25 ? ', grp' : '';
	my $index = "CREATE INDEX t_e ON t USING omen_hnsw (e vector_${metric}_ops$key)"
	  . " WITH (m = $m, ef_construction = " . (2 * $m + 8) . ", storage = $storage);";
	my ($like, @copy) = copy_of($rows, $dims, 50);
	my $what = "$rows rows of $dims dimensions$like; " . ($is_first ? 'before: ' : '') . $index;
	my %live = map { $_ => 1 } 0 .. $rows - 1;
	my @lines = (
		'DROP TABLE IF EXISTS t CASCADE;',
		"CREATE TABLE t (id int PRIMARY KEY, grp int, e vector($dims));",
		$is_first ? ($index, @copy) : (@copy, $index));

	if (rand() < 0.4)
	{
		my $part = choose(0.1, 0.5, 0.9, 0.99);
		my @gone = grep { rand() < $part } 0 .. $rows - 1;

		push @lines, "DELETE FROM t WHERE id = ANY ('{" . join(',', @gone) . "}');";
		delete @live{@gone};
		$what .= " $part of them deleted.";
		if (rand() < 0.6)
		{
			push @lines, 'VACUUM t;';
			$what .= ' Vacuumed.';
		}
		if (rand() < 0.3)
		{
			push @lines, 'INSERT INTO t SELECT id + 100000, grp, e FROM t WHERE id % 3 = 1;';
			@live{ map { $_ + 100000 } grep { $_ % 3 == 1 } keys %live } = ();
			$what .= ' Some inserted again.';
		}
	}
	push @lines, 'CREATE INDEX t_grp ON t (grp);' if rand() < 0.3;
	push @lines, 'ANALYZE t;' if rand() < 0.7;
	return ($what, \@lines, $metric, $dims, scalar keys %live);
}

sub random_query
{
	my ($dims) = @_;
	my $length = choose(1, 0.01, 5);

	return rand() < 0.05 ? literal((0) x $dims) : literal(map { $length * random_normal() } 1 .. $dims);
}

# A random statement on such a table.
sub random_case
{
	my ($name, $metric, $dims, $rows) = @_;

	return {
		name => $name,
		distance => "e $operator{$metric} '" . random_query($dims) . "'",
		where => choose('', '', '', 'grp < 25', 'grp < ' . int(rand(50)), 'grp = 7', '(grp + id) % 7 = 3', 'grp >= 2', 'grp IS NULL'),
		limit => choose(1, 5, 10, 39, 40, 41, 100, 500, max(1, $rows - 1), max(1, $rows), $rows + 1000, 2000),
		offset => choose(0, 0, 0, 5, 30),
		by_id => rand() < 0.3,
		is_prepared => rand() < 0.1,
		settings => [
			'omendb.ef_search = ' . choose(10, 40, 40, 100),
			"omendb.scan_mem = '" . choose('64MB', '64kB', '1MB') . "'",
			'enable_seqscan = ' . (rand() < 0.8 ? 'off' : 'on') ] };
}

# Statements that ask for one page after another, and one that asks for all.
sub page_cases
{
	my ($name, $metric, $dims) = @_;
	my $distance = "e $operator{$metric} '" . random_query($dims) . "'";

	return map {
		{
			name => "$name of $_->[1] from $_->[0] on",
			distance => $distance,
			limit => $_->[1],
			offset => $_->[0],
			settings => [ 'omendb.ef_search = 40', 'enable_seqscan = off' ] }
	} ([ 0, 110 ], map { [ 10 * $_, 10 ] } 0 .. 10);
}

# Test that pages have the rows of the whole.  Rows at one distance may change
# places.
sub pages_fit
{
	my ($what, $whole, @pages) = @_;
	my %times;
	my @twice;

	$times{$_}++ for map { @$_ } @pages;
	@twice = grep { $times{$_} > 1 } sort keys %times;
	is_deeply(\@twice, [], "no row is on two pages of $what");
	is_deeply([ sort map { @$_ } @pages ], [ sort @$whole ], "pages have the rows of the whole of $what");
	is_deeply([ map { s/.*\|//r } map { @$_ } @pages ], [ map { s/.*\|//r } @$whole ], "pages follow each other in $what");
	return;
}

my ($compared, $paged) = (0, 0);

for my $number (1 .. $tables)
{
	begin_again($number);
	my ($what, $lines, $metric, $dims, $rows) = random_table();
	my @cases = map { random_case("$number.$_", $metric, $dims, $rows) } 1 .. 4;
	my $tie = random_case("$number.ties", $metric, $dims, $rows);
	my @pages = page_cases("$number.pages", $metric, $dims);

	$tie = { %$tie, where => '', limit => choose(5, 20, 45), by_id => 1, is_prepared => 0,
		settings => [ 'omendb.ef_search = 40', 'enable_seqscan = off' ], plan_like => $rows > 1000 ? $incremental : undef };
	# copies that lie far from all else may be on several nodes of an index that
	# was there before them, and a search may miss one of these
	$tie->{may_miss_copies} = $what =~ /before: /;
	$what = "table $number of seed $seed: $what";

	# all are looked at where there are no more than a thousand
	my $has_pages = 4 * 110 < $rows;
	my (@given) = try_cases($what, $lines, @cases, $tie, $has_pages ? @pages : ());

	$compared += $tie->{is_exact} // 0;
	next if !$has_pages;
	$paged++;
	splice @given, 0, 5;
	pages_fit($what, @given);
}
cmp_ok($paged, '>', $tables / 3, 'pages are asked for from many tables');
cmp_ok($compared, '>', $tables / 3, 'ids are compared for many tables');

# ---------- ties ----------

# Fifty rows at one distance from the query, from the 21st place on: permutations
# of one vector, and copies of it.
sub tie_lines
{
	my ($metric, $is_copied) = @_;
	my @lines = ('DROP TABLE IF EXISTS t CASCADE;', 'CREATE TABLE t (id int PRIMARY KEY, grp int, e vector(8));', 'COPY t (id, e) FROM stdin;');
	my @ids = sort { $a->[1] <=> $b->[1] } map { [ $_, rand() ] } 1 .. 3000;
	# further from ten times as many ones, or at a wider angle
	my %row = (
		l2 => sub { return map { 10 + $_[0] * $_ } @_[ 1 .. 8 ] },
		l1 => sub { return map { 10 + $_[0] * $_ } @_[ 1 .. 8 ] },
		ip => sub { return map { 100 - 10 * $_[0] + $_ } @_[ 1 .. 8 ] },
		cosine => sub { return map { 100 + $_[0] * $_ } @_[ 1 .. 8 ] });

	for my $place (0 .. 2999)
	{
		my @step = map { $_->[0] } sort { $a->[1] <=> $b->[1] } map { [ $_, $is_copied && $place >= 20 && $place < 70 ? $_ : rand() ] } (1 .. 8);
		my $far = $place < 20 ? 1 : $place < 70 ? 2 : 3 + int(rand(4));

		push @lines, "$ids[$place][0]\t" . literal($row{$metric}->($far, @step));
	}
	return (@lines, '\.', "CREATE INDEX t_e ON t USING omen_hnsw (e vector_${metric}_ops);", 'ANALYZE t;');
}

my $tied = 0;
$compared = 0;
for my $metric (sort keys %operator)
{
	for my $is_copied (0, 1)
	{
		begin_again($is_copied);
		my $what = "ties of $metric, seed $seed, " . ($is_copied ? 'copies' : 'permutations');
		my @lines = tie_lines($metric, $is_copied);
		my @asked = ([ 21, '' ], [ 30, '' ], [ 40, '' ], [ 45, '' ], [ 69, '' ], [ 70, '' ], [ 71, '' ], [ 15, 'id % 2 = 0' ], [ 30, 'id % 2 = 0' ]);
		my @cases;

		# the least distances are a matter of recall: one node has all copies
		for my $ef_search (40, 200)
		{
			push @cases, map {
				my ($limit, $where) = @$_;
				{
					name => "$metric.$is_copied.$ef_search.$limit$where",
					distance => "e $operator{$metric} '[10,10,10,10,10,10,10,10]'",
					where => $where,
					limit => $limit,
					by_id => 1,
					settings => [ 'enable_seqscan = off', "omendb.ef_search = $ef_search" ],
					plan_like => $where ? qr/Sort.*Custom Scan \(Omen Scan\)/ : $incremental }
			} @asked;
		}

		try_cases($what, \@lines, @cases);
		my $exact = grep { $_->{is_exact} } @cases;

		note("$exact of " . @cases . " statements have the least distances: $what");
		$compared += $exact;
		$tied += @cases;
	}
}

cmp_ok($compared, '>=', 0.8 * $tied, "ids of ties are compared for most of $tied statements");

# ---------- EXISTS and IN ----------

# A table, and one beside it of who may see which rows of it: five readers, who
# see from hardly any to most.
sub random_pair
{
	my $rows = choose($ENV{OMEN_TEST_QUICK} ? 2000 : (2000, 5000, 8000), $ENV{OMEN_TEST_SOAK} ? 20000 : ());
	my $dims = choose(4, 8, 32);
	my $metric = choose(sort keys %operator);
	my $has_policy = rand() < 0.3;
	my @may_see;
	my @lines = (
		'DROP TABLE IF EXISTS t, acl CASCADE;',
		"CREATE TABLE t (id int PRIMARY KEY, grp int, e vector($dims));",
		'CREATE TABLE acl (doc int, usr int, grp int);',
		'COPY t (id, grp, e) FROM stdin;');
	my @parts = (0.0005, 0.002, 0.02, 0.2, 0.7);

	for my $id (0 .. $rows - 1)
	{
		my $group = int(rand(20));

		push @lines, join("\t", $id, $group, literal(map { random_normal() } 1 .. $dims));
		for my $user (0 .. $#parts)
		{
			push @may_see, join("\t", $id, $user, $group + (rand() < 0.3 ? 1 : 0)) if rand() < $parts[$user];
		}
	}
	for my $user (0 .. $#parts)
	{
		push @may_see, "\\N\t$user\t\\N" if rand() < 0.4;
	}
	push @lines, '\.', 'COPY acl FROM stdin;', @may_see, '\.';
	for my $index (
		[ 0.8, 'acl (usr)' ], [ 0.8, 'acl (doc)' ], [ 0.3, 't (grp)' ],
		[ 1, "t USING omen_hnsw (e vector_${metric}_ops" . (rand() < 0.3 ? ', grp)' : ')') ])
	{
		push @lines, "CREATE INDEX ON $index->[1];" if rand() < $index->[0];
	}
	push @lines, 'ANALYZE t; ANALYZE acl;' if rand() < 0.8;
	push @lines,
	  'ALTER TABLE acl ENABLE ROW LEVEL SECURITY;',
	  'CREATE POLICY some_of_them ON acl USING (usr % 2 = 0 OR grp < 15);',
	  'GRANT SELECT ON acl, t TO reader;', 'SET ROLE reader;'
	  if $has_policy;
	return ("$rows rows of $dims dimensions by $metric" . ($has_policy ? ', with a policy' : ''), \@lines, $metric, $dims, $rows);
}

# A random condition with subqueries.
sub random_condition
{
	my $user = int(rand(5));
	my $fewer = int(rand(3));
	my $next = $user + 1;
	my $condition = choose(
		"EXISTS (SELECT FROM acl WHERE doc = t.id AND usr = $user)",
		"id IN (SELECT doc FROM acl WHERE usr = $user)",
		"NOT EXISTS (SELECT FROM acl WHERE doc = t.id AND usr = $user)",
		"EXISTS (SELECT FROM acl WHERE doc = t.id AND acl.grp = t.grp AND usr = $user)",
		"EXISTS (SELECT FROM acl WHERE doc = t.id AND acl.grp > t.grp AND usr < $next)",
		"EXISTS (SELECT FROM acl WHERE doc = t.id AND usr = $user) AND EXISTS (SELECT FROM acl WHERE doc = t.id AND usr = 4)",
		"NOT EXISTS (SELECT FROM acl WHERE doc = t.id AND usr = $user) AND id IN (SELECT doc FROM acl WHERE usr = 3)",
		# run for each row by some versions
		"id IN (SELECT doc FROM acl WHERE usr = $fewer AND grp = t.grp)",
		"(id, grp) IN (SELECT doc, grp FROM acl WHERE usr = $user)",
		"id = ANY (SELECT doc FROM acl WHERE usr = $user)",
		"id NOT IN (SELECT doc FROM acl WHERE usr = $user AND doc IS NOT NULL)");

	$condition .= ' AND grp < ' . (1 + int(rand(19))) if rand() < 0.3;
	return $condition;
}

sub join_case
{
	my ($name, $metric, $dims, $rows) = @_;

	return {
		name => $name,
		distance => "e $operator{$metric} '" . literal(map { random_normal() } 1 .. $dims) . "'",
		where => random_condition(),
		limit => choose(1, 5, 12, 40, 100, 100, $rows),
		by_id => rand() < 0.15,
		is_subquery => rand() < 0.15 };
}

$node->safe_psql('postgres', 'CREATE ROLE reader');
for my $number (1 .. $joined)
{
	begin_again($number);
	my ($what, $lines, $metric, $dims, $rows) = random_pair();

	try_cases("pair $number of seed $seed: $what", $lines, map { join_case("join $number.$_", $metric, $dims, $rows) } 1 .. 20);
}

# Where far fewer rows match than the planner believes: most of what is listed
# is gone.
begin_again(0);
my @few = (
	'DROP TABLE IF EXISTS t, acl CASCADE;',
	'CREATE TABLE t (id int PRIMARY KEY, grp int, e vector(8));',
	'CREATE TABLE acl (doc int, usr int, grp int);',
	'COPY t (id, grp, e) FROM stdin;',
	(map { join("\t", $_, $_ % 20, literal(map { random_normal() } 1 .. 8)) } 0 .. 7999), '\.',
	'INSERT INTO acl SELECT CASE WHEN i < 400 THEN 20 * i ELSE i + 1000000 END, 0, 20 * i % 20 FROM generate_series(0, 3999) i;',
	'CREATE INDEX ON acl (doc);',
	'CREATE INDEX ON t USING omen_hnsw (e vector_l2_ops) WITH (m = 4, ef_construction = 16);',
	'ANALYZE t; ANALYZE acl;');
my @matching = map {
	my ($condition, $limit) = @$_;
	map { {
		name => "few.$limit.$_ $condition",
		distance => "e <-> '" . literal(map { random_normal() } 1 .. 8) . "'",
		where => $condition,
		limit => $limit } } 1 .. ($ENV{OMEN_TEST_QUICK} ? 5 : 20)
} (
	[ 'EXISTS (SELECT FROM acl WHERE doc = t.id AND usr = 0)', 400 ],
	[ 'id IN (SELECT doc FROM acl WHERE usr = 0)', 400 ],
	[ 'id IN (SELECT doc FROM acl WHERE usr = 0)', 12 ],
	[ 'EXISTS (SELECT FROM acl WHERE doc = t.id AND usr = 0 AND acl.grp = t.grp)', 401 ]);

try_cases("a table with 400 rows that match, seed $seed", \@few, @matching);

$node->stop;
done_testing();
