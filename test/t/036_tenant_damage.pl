# Damaged pages of an index of groups: rows of the group that they are of may be
# missing, or an error says that the index is damaged, but nobody finds another
# group's rows, all others find all of theirs, whatever is done to that one, and no
# server crashes.
#
#	OMEN_TEST_SEED=n	begin with other random numbers than usual
#	OMEN_TEST_SOAK=1	more damages, other ones each time
use strict;
use warnings;

use OmenEdges qw(pack_edges unpack_edges);
use OmenFormat;
use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($soak, $quick) = @ENV{qw(OMEN_TEST_SOAK OMEN_TEST_QUICK)};
my $seed = $ENV{OMEN_TEST_SEED} // ($soak ? time() % 1_000_000 : 7);
my $damages = $soak ? 400 : $quick ? 8 : 30;
my $key_damages = $soak ? 300 : $quick ? 8 : 24;

note("OMEN_TEST_SEED=$seed");
srand($seed);
my $primary = start_without_checksums('primary', 'fsync = off', 'shared_buffers = 64MB', 'jit = off', 'max_parallel_workers_per_gather = 0');

# ---------- one group ----------

# Tables that look alike, whose indexes get the pages of one that is sound, but for
# what is damaged: of tenant 1 only, a graph.  Its rows may be missing then, or it
# may be said that the index is damaged.  All others find all of theirs, whatever
# is done to it, and nobody finds any that are not.
$primary->safe_psql('postgres', q{
	CREATE FUNCTION pattern(n int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		$$ SELECT array_agg(((n * d * 0.61803398875 + d * 0.41421356237) % 1.0 - 0.5)::real ORDER BY d)::vector FROM generate_series(1, 8) d $$;
	CREATE TABLE hurt (id int, tenant int, v vector(8));
	INSERT INTO hurt SELECT i, 1, pattern(i) FROM generate_series(1, 1200) i;
	INSERT INTO hurt SELECT 2000 + i, 2, pattern(i) FROM generate_series(1, 1200) i;
	INSERT INTO hurt SELECT 4000 + i, 3 + i % 60, pattern(i) FROM generate_series(1, 900) i;
	CREATE INDEX hurt_index ON hurt USING omen_hnsw (tenant, v) WITH (m = 4, ef_construction = 16);

	-- What is wrong with the answers that tenants get, but for the rows that those of the given one miss.  Where groups share
	-- hashes, as in a build for tests, one that is damaged is met on the way to others.
	CREATE TABLE hashes (are_shared boolean);
	CREATE FUNCTION wrong(of text, hurt int, most int) RETURNS SETOF text LANGUAGE plpgsql
	SET enable_seqscan = off SET enable_bitmapscan = off SET omendb.ef_search = 1300 AS $$
	DECLARE
		r record;
	BEGIN
		FOR tenant IN 1 .. most LOOP
			BEGIN
				EXECUTE format('SELECT (SELECT count(*) FROM (SELECT * FROM %1$I OFFSET 0) h WHERE tenant = $1) AS wanted, count(*) AS found,
					count(*) FILTER (WHERE (tenant + 0) <> $1) AS others, count(DISTINCT id) AS different
					FROM (SELECT * FROM %1$I WHERE tenant = $1 ORDER BY v <-> pattern(5) LIMIT 5000) s', of) INTO r USING tenant;
				IF r.others > 0 OR r.different < r.found OR (tenant <> hurt AND r.found < (CASE WHEN tenant = 2 THEN 0.95 ELSE 1 END) * r.wanted) THEN
					RETURN NEXT format('tenant %s gets %s of %s rows, %s of others, %s twice', tenant, r.found, r.wanted, r.others, r.found - r.different);
				END IF;
			EXCEPTION WHEN index_corrupted THEN
				IF tenant <> hurt AND NOT (SELECT are_shared FROM hashes) THEN
					RETURN NEXT format('tenant %s: %s', tenant, sqlerrm);
				END IF;
			END;
		END LOOP;
		BEGIN
			EXECUTE format('SELECT count(*) AS found, count(*) FILTER (WHERE (tenant + 0) NOT IN (2, 5, 7)) AS others FROM (SELECT * FROM %I WHERE tenant IN (2, 5, 7, 5, NULL, 999) ORDER BY v <-> pattern(6)) s', of) INTO r;
			IF r.others > 0 THEN
				RETURN NEXT format('%s of %s rows of some tenants are of others', r.others, r.found);
			END IF;
			EXECUTE format('SELECT count(*) AS found, count(*) FILTER (WHERE (tenant + 0) NOT IN (1, 3)) AS others FROM (SELECT * FROM %I WHERE tenant IN (1, 3) ORDER BY v <-> pattern(6)) s', of) INTO r;
			IF r.others > 0 THEN
				RETURN NEXT format('%s of %s rows of tenants 1 and 3 are of others', r.others, r.found);
			END IF;
		EXCEPTION WHEN index_corrupted THEN
			NULL;
		END;
	END $$;

	-- Rows of others that a search of tenant 1 fetches.
	CREATE FUNCTION fetched(of text) RETURNS SETOF text LANGUAGE plpgsql SET enable_seqscan = off SET omendb.enable_scan = off SET omendb.ef_search = 400 AS $$
	DECLARE
		plan jsonb;
	BEGIN
		FOR n IN 1 .. 12 LOOP
			EXECUTE format('EXPLAIN (ANALYZE, FORMAT json) SELECT FROM %I WHERE tenant = 1 ORDER BY v <-> pattern(%s) LIMIT 100', of, n * 100) INTO plan;
			plan := plan -> 0 -> 'Plan' -> 'Plans' -> 0;
			IF coalesce((plan ->> 'Rows Removed by Index Recheck')::bigint, 0) + coalesce((plan ->> 'Rows Removed by Filter')::bigint, 0) > 0 THEN
				RETURN NEXT format('others are fetched: %s', plan);
			END IF;
		END LOOP;
	EXCEPTION WHEN index_corrupted THEN
		NULL;
	END $$;
});
# for tables that have its file and began later
$primary->safe_psql('postgres', 'VACUUM (FREEZE) hurt');
is($primary->safe_psql('postgres', q{SELECT * FROM wrong('hurt', 0, 62) UNION ALL SELECT * FROM fetched('hurt')}), '', 'nothing is hurt yet');

my %page_at = fields('PAGE');
my %slot_at = fields('SLOT');
my %upper_at = fields('UPPER');
my %group_at = fields('GROUP');
my %graph_at = map { ($_ => [ { fields('META') }->{$_}[0] - { fields('META') }->{root}[0] + GROUP_GRAPH, { fields('META') }->{$_}[1] ]) }
  qw(root entry root_version entry_version entry_level side_null side_nan);
my $sound = slurp_file($primary->data_dir . '/' . $primary->safe_psql('postgres', "CHECKPOINT; SELECT pg_relation_filepath('hurt_index')"));
my %stride = (KIND_NODE, unpack("\@$_->{node_stride}[0] L", $sound), KIND_UPPER, unpack("\@$_->{upper_stride}[0] L", $sound), KIND_GROUP, GROUP)
  for { fields('META') };
my ($m, $code_bytes) = (4, 8);
my $word_at = HEADER + $code_bytes;
my $edges_at = $word_at + 8;

# A number at a place of a file, a page, a record or a slot; and another in its stead.
sub get
{
	my ($at, $field) = @_;

	return unpack '@' . ($at + $field->[0]) . $field->[1], $sound;
}

sub put
{
	my ($data, $at, $field, $value) = @_;

	my $bytes = pack $field->[1], $value;

	substr($$data, $at + $field->[0], length $bytes) = $bytes;
	return;
}

# Where slots of a kind are, by their ids; only those in use.
sub slots_of
{
	my ($kind, $data) = (@_, $sound);
	my $per_page = int((SPECIAL - PAGE_START) / $stride{$kind});
	my %slots;

	for my $block (1 .. length($data) / PAGE - 1)
	{
		my ($page_kind, $used) = map { unpack '@' . ($block * PAGE + $_->[0]) . $_->[1], $data } @page_at{qw(kind used)};

		next if $page_kind != $kind;
		for my $slot (0 .. $used - 1)
		{
			my $at = $block * PAGE + PAGE_START + $slot * $stride{$kind};

			$slots{ $block * $per_page + $slot } = $at if ord(substr $data, $at, 1) & USED;
		}
	}
	return \%slots;
}

my $records = slots_of(KIND_GROUP);
my ($one, $two, $five) = map {
	my $tenant = $_;
	(grep { get($records->{$_}, [ GROUP_KEY, 'L' ]) == $tenant } sort { $a <=> $b } keys %$records)[0]
} 1, 2, 5;
my %slots = map { ($_ => slots_of($_)) } KIND_NODE, KIND_UPPER;

# Ids of the slots of a group.
sub ids_of
{
	my ($kind, $group) = @_;

	return grep { get($slots{$kind}{$_}, [ $word_at, 'L' ]) == $group } sort { $a <=> $b } keys $slots{$kind}->%*;
}

# Pages that are a group's own.
sub pages_of
{
	my ($group) = @_;

	return grep { get($_ * PAGE, $page_at{owner}) == $group } 1 .. length($sound) / PAGE - 1;
}
my @pages_of_one = pages_of($one);

my %hashes = map { (get($_, $group_at{hash}) => 1) } values %$records;
$primary->safe_psql('postgres', 'INSERT INTO hashes VALUES (' . (keys %hashes < keys %$records ? 'true' : 'false') . ')');
cmp_ok(scalar(ids_of(KIND_NODE, $one)), '>', 1000, 'there is a graph to be damaged');
cmp_ok(scalar(ids_of(KIND_UPPER, $one)), '>', 10, 'with upper layers');
cmp_ok(scalar(@pages_of_one), '>', 10, 'on pages of its own');

sub any { return $_[ int(rand(@_)) ]; }

# The edges of the slot at a place of a file, each [id, tag].
sub edges_of
{
	my ($data, $kind, $at) = @_;

	return unpack_edges(substr($data, $at + $edges_at, $stride{$kind} - $edges_at), unpack('@' . ($at + $slot_at{degree}[0]) . $slot_at{degree}[1], $data));
}

# Let edges of a group's slots lead to another's, whose versions look right: each
# one, or some; children stay, or do not.
sub lead_astray
{
	my ($data, $kind, $part, $children) = @_;
	my @others = ids_of($kind, $two);

	for my $id (ids_of($kind, $one))
	{
		my $at = $slots{$kind}{$id};
		my @edges = edges_of($sound, $kind, $at);

		for my $edge (@edges)
		{
			my $other = any(@others);

			next if rand() > $part || ($edge->[1] & PARENT) && !$children;
			$edge = [ $other, get($slots{$kind}{$other}, $slot_at{version}) & 127 | $edge->[1] & PARENT ];
		}
		# what does not fit is left out
		pop @edges while length(pack_edges(@edges)) > $stride{$kind} - $edges_at;
		put($data, $at, $slot_at{degree}, scalar @edges);
		put($data, $at, [ $edges_at, 'a*' ], pack_edges(@edges));
	}
	return;
}

# Give a field of the record of tenant 1 the value that it has in tenant 2's.
sub take_over
{
	my ($data, @fields) = @_;

	put($data, $records->{$one}, $_, get($records->{$two}, $_)) for @fields;
	return;
}

# Edges that lead from one group to another, whose versions look right, a line
# each; but for those that were there when a slot was damaged.
sub ways_out
{
	my ($data, $before) = @_;
	my $number = sub { return unpack "\@$_[0] $_[1]", $data; };
	my @found;

	for my $kind (KIND_NODE, KIND_UPPER)
	{
		my $now = slots_of($kind, $data);

		while (my ($id, $at) = each %$now)
		{
			my $group = $number->($at + $word_at, 'L');
			my $version = $number->($at + $slot_at{version}[0], 'S');

			my $old = $slots{$kind}{$id};
			my $is_old = defined $old && get($old, $slot_at{version}) == $version;
			my %there = !$is_old ? () : map { ($_->[0] => 1) } edges_of($before, $kind, $old);

			for my $edge (edges_of($data, $kind, $at))
			{
				my ($other, $tag) = @$edge;

				push @found, "slot $id of group $group has an edge to slot $other, which is another's"
				  if !$there{$other} && exists $now->{$other} && $number->($now->{$other} + $word_at, 'L') != $group
				  && ($number->($now->{$other} + $slot_at{version}[0], 'S') & 127) == ($tag & 127);
			}
		}
	}
	return @found;
}

my @damages = (
	[ 'edges lead to others', sub { lead_astray($_[0], KIND_NODE, 0.5, 0) } ],
	[ 'all edges lead to others', sub { lead_astray($_[0], KIND_NODE, 1, 1) } ],
	[ 'edges above lead to others', sub { lead_astray($_[0], KIND_UPPER, 0.5, 1) } ],
	[ 'a few edges lead to others', sub { lead_astray($_[0], KIND_NODE, 0.05, 1); lead_astray($_[0], KIND_UPPER, 0.05, 1) } ],
	[ 'root and entry point of another', sub { take_over($_[0], @graph_at{qw(root root_version entry entry_version entry_level)}) } ],
	[ 'root of another', sub { take_over($_[0], @graph_at{qw(root root_version)}) } ],
	[ 'entry point of another', sub { take_over($_[0], @graph_at{qw(entry entry_version entry_level)}) } ],
	[ 'chain of another', sub { take_over($_[0], $group_at{chain}) } ],
	[ 'chains of another', sub { take_over($_[0], @group_at{qw(chain upper_chain room_node room_upper)}) } ],
	[ 'pages with room of another', sub { take_over($_[0], @group_at{qw(room_node room_upper)}) } ],
	[ 'all but the key of another', sub { take_over($_[0], (map { [ GROUP_GRAPH + 4 * $_, 'L' ] } 0 .. 15), @group_at{qw(chain upper_chain room_node room_upper)}, map { [ GROUP_BLOCKS + 4 * $_, 'L' ] } 0 .. 7) } ],
	[ 'key of another', sub { take_over($_[0], [ GROUP_KEY, 'L' ]) } ],
	[ 'hash and key of another', sub { take_over($_[0], [ GROUP_KEY, 'L' ], $group_at{hash}) } ],
	[ 'version of a record', sub { put($_[0], $records->{$one}, $group_at{version}, 77) } ],
	[ 'hash of a record', sub { put($_[0], $records->{$one}, $group_at{hash}, int(rand(1 << 30))) } ],
	[ 'flags of a record', sub { put($_[0], $records->{$one}, $group_at{flags}, any(0, 2, 4, 5, 7, 255)) } ],
	[ 'shared pages of a record', sub { put($_[0], $records->{$one}, [ GROUP_BLOCKS, 'L' ], any(0, 1, pages_of($two), length($sound) / PAGE + 1)) } ],
	[ 'groups of slots', sub { put($_[0], $slots{ +KIND_NODE }{$_}, [ $word_at, 'L' ], any($two, 0, 12345, 4294967295)) for grep { rand() < 0.3 } ids_of(KIND_NODE, $one) } ],
	[ 'groups of upper slots', sub { put($_[0], $slots{ +KIND_UPPER }{$_}, [ $word_at, 'L' ], $two) for grep { rand() < 0.3 } ids_of(KIND_UPPER, $one) } ],
	[ 'owner of pages', sub { put($_[0], $_ * PAGE, $page_at{owner}, any($two, 0, 12345)) for grep { rand() < 0.3 } @pages_of_one } ],
	[ 'chain on pages', sub { put($_[0], $_ * PAGE, $page_at{chain}, any(0, pages_of($two), @pages_of_one)) for grep { rand() < 0.3 } @pages_of_one } ],
	[ 'rows of others', sub {
		my @others = ids_of(KIND_NODE, $two);

		substr(${ $_[0] }, $slots{ +KIND_NODE }{$_} + NODE_TID, 6) = substr $sound, $slots{ +KIND_NODE }{ any(@others) } + NODE_TID, 6
		  for grep { rand() < 0.5 } ids_of(KIND_NODE, $one);
	} ],
	[ 'slots of others below', sub {
		my @others = ids_of(KIND_NODE, $two);

		for my $id (ids_of(KIND_UPPER, $one))
		{
			my $other = any(@others);

			put($_[0], $slots{ +KIND_UPPER }{$id}, $upper_at{$_}, $other) for qw(node down);
			put($_[0], $slots{ +KIND_UPPER }{$id}, $upper_at{$_}, get($slots{ +KIND_NODE }{$other}, $slot_at{version})) for qw(node_version down_version);
		}
	} ],
	[ 'bytes of pages', sub { substr(${ $_[0] }, any(@pages_of_one) * PAGE + PAGE_START + int(rand(SPECIAL - PAGE_START)), 1) = chr rand(256) for 1 .. 40 } ],
	[ 'stretches of pages', sub { substr(${ $_[0] }, any(@pages_of_one) * PAGE + PAGE_START + int(rand(6000)), 400) = join '', map { chr rand(256) } 1 .. 400 for 1 .. 5 } ],
	[ 'zeros for pages', sub { substr(${ $_[0] }, any(@pages_of_one) * PAGE, PAGE) = "\0" x PAGE for 1 .. 2 } ],
	[ 'bytes of the record', sub { substr(${ $_[0] }, $records->{$one} + int(rand(GROUP)), 1) = chr rand(256) for 1 .. 1 + rand(6) } ],
	# an entry leads to another group; which, does not matter
	[ 'entries of the directory', sub {
		for my $block (1 .. length($sound) / PAGE - 1)
		{
			next if get($block * PAGE, $page_at{kind}) != KIND_DIRECTORY;
			for my $entry (0 .. get($block * PAGE, $page_at{used}) - 1)
			{
				my $at = $block * PAGE + DIRECTORY_LEVEL + 4 + $entry * DIRECTORY_ENTRY;

				put($_[0], $at, [ 8, 'L' ], any($two, $five)) if get($at, [ 8, 'L' ]) == $one;
			}
		}
	} ]);

# Each of these once, or as many as there is time for, in any order.
my @order = sort { rand() <=> 0.5 } 0 .. $#damages;
my @chosen = map { $order[ $_ % @order ] } 0 .. $damages - 1;
my @tables = map { "hurt_$_" } 0 .. $#chosen;

$primary->safe_psql('postgres', join '', map { "
	CREATE TABLE $_ (LIKE hurt) WITH (vacuum_truncate = off, vacuum_index_cleanup = on);
	CREATE INDEX ${_}_index ON $_ USING omen_hnsw (tenant, v) WITH (m = 4, ef_construction = 16);" } @tables);
my $paths_of = sub {
	return split /\n/, $primary->safe_psql('postgres',
		'SELECT pg_relation_filepath(r::regclass) FROM unnest(ARRAY[' . join(',', map { "'$_'" } @_) . ']) WITH ORDINALITY u (r, n) ORDER BY n');
};
my @index_paths = $paths_of->(map { "${_}_index" } @tables);
my ($rows_path, @table_paths) = $paths_of->('hurt', @tables);

sub write_file
{
	my ($path, $data) = @_;

	open my $out, '+<', $primary->data_dir . "/$path" or die "$path: $!";
	binmode $out;
	print $out $data;
	close $out or die "$path: $!";
	return;
}

my @damaged;

$primary->stop;
for my $i (0 .. $#chosen)
{
	$damaged[$i] = $sound;
	$damages[ $chosen[$i] ][1]->(\$damaged[$i]);
	write_file($index_paths[$i], $damaged[$i]);
	write_file($table_paths[$i], slurp_file($primary->data_dir . "/$rows_path"));
}
$primary->start;
for my $i (0 .. $#chosen)
{
	my $table = $tables[$i];
	my $name = $damages[ $chosen[$i] ][0];
	my @faults;
	my $is_above_rows = $name !~ /^(rows of others|bytes|stretches|slots of others|groups of slots|key of|hash and)/;

	my $do = sub {
		my ($some_out, $some_err) = ('', '');

		$primary->psql('postgres', "
			\\set VERBOSITY verbose
			SET client_min_messages = error;
			SET statement_timeout = '60s';
			$_[0]
			SELECT 'survived';", stdout => \$some_out, stderr => \$some_err, on_error_stop => 0);
		push @faults, 'the session did not survive' if $some_out !~ /^survived$/m;
		push @faults, grep { /^(at first|after|without)/ } split /\n/, $some_out;
		# an error says that the index is damaged
		push @faults, grep { /(ERROR|FATAL|PANIC)/ && !/ERROR:  XX002:/ } split /\n/, $some_err;
	};

	$do->("
		SELECT 'at first: ' || w FROM wrong('$table', 1, 62) w;
		" . ($is_above_rows ? "SELECT 'at first: ' || f FROM fetched('$table') f;" : '') . "
		INSERT INTO $table SELECT 10000 + i, 2 + i % 70, pattern(i) FROM generate_series(1, 140) i;
		INSERT INTO $table SELECT 11000 + i, 1, pattern(i) FROM generate_series(1, 30) i;
		INSERT INTO $table SELECT 12000 + i, 1, pattern(5000 + i) FROM generate_series(1, 30) i;
		SELECT 'after inserts: ' || w FROM wrong('$table', 1, 72) w;
		DELETE FROM $table WHERE tenant = 1 AND id % 4 = 0;
		VACUUM $table;
		SELECT 'after VACUUM: ' || w FROM wrong('$table', 1, 72) w;
		INSERT INTO $table SELECT 13000 + i, 1 + i % 2, pattern(6000 + i) FROM generate_series(1, 60) i;
		CHECKPOINT;");
	push @faults, (ways_out(slurp_file($primary->data_dir . "/$index_paths[$i]"), $damaged[$i]))[ 0 .. 4 ] if $name =~ /edges/;
	$do->("
		DELETE FROM $table WHERE tenant = 1;
		VACUUM $table;
		INSERT INTO $table SELECT 14000 + i, 71 + i % 3, pattern(i) FROM generate_series(1, 300) i;
		SELECT 'without it: ' || w FROM wrong('$table', 1, 75) w;
		SELECT count(*) FROM omen_hnsw_check('${table}_index', true);"
		  . ($i % 6 > 0 ? '' : "
		REINDEX INDEX ${table}_index;
		SELECT 'after REINDEX: ' || c FROM omen_hnsw_check('${table}_index', true) c;
		SELECT 'after REINDEX: ' || w FROM wrong('$table', 0, 75) w;"));
	is(join("\n", grep { defined } @faults), '', "damage $i, $name: others notice nothing");
}

# ---------- keys ----------

# Of types whose "=" is asked, with what is damaged as its argument.
my @types = ('text[]', 'numeric', 'inet', 'text COLLATE blind', 'int[]');
my $has_icu = $primary->psql('postgres', q{CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)}) == 0;

splice @types, 3, 1 unless $has_icu;
$primary->safe_psql('postgres', q{
	-- Ask for each value that there is: what is wrong, but for rows that are missing.
	CREATE FUNCTION wrong_keys(of text, most int) RETURNS SETOF text LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
	DECLARE
		others bigint;
		got bigint;
	BEGIN
		FOR n IN 1 .. most LOOP
			BEGIN
				EXECUTE format('SELECT count(*), count(*) FILTER (WHERE k <> key_of_%1$s($1)) FROM (SELECT k FROM %1$I WHERE k = key_of_%1$s($1) ORDER BY v <-> pattern(5) LIMIT 100) s', of) INTO got, others USING n;
				IF others > 0 THEN
					RETURN NEXT format('%s of %s rows are of others', others, got);
				END IF;
			EXCEPTION WHEN index_corrupted THEN
				NULL;
			WHEN OTHERS THEN
				RETURN NEXT format('%s: %s', sqlstate, sqlerrm);
			END;
		END LOOP;
	END $$;
});
my @keys = map {
	my $type = $types[$_];
	my $made = $type eq 'text[]' ? "ARRAY['a' || n % 7, repeat('b', n * 3), NULL, 'c' || n]" : $type eq 'numeric' ? '(n * 1.50) ^ (n % 30)' : $type eq 'inet' ? "('10.0.' || n || '.1/' || n % 32)::inet"
	  : $type eq 'int[]' ? 'array_fill(n, ARRAY[1 + n % 60, 1 + n % 2])' : "repeat('Xy', n * 4) || n";

	{ name => "key_$_", type => $type, made => $made };
} 0 .. $#types;
for my $key (@keys)
{
	$primary->safe_psql('postgres', "
		CREATE TABLE $key->{name} (id int, k $key->{type}, v vector(8));
		CREATE FUNCTION key_of_$key->{name}(n int) RETURNS " . ($key->{type} =~ s/ COLLATE.*//r) . " LANGUAGE sql IMMUTABLE AS \$\$ SELECT $key->{made} \$\$;
		INSERT INTO $key->{name} SELECT i, key_of_$key->{name}(1 + i % 60), pattern(i) FROM generate_series(1, 240) i;
		CREATE INDEX $key->{name}_index ON $key->{name} USING omen_hnsw (k, v);");
	is($primary->safe_psql('postgres', "SELECT * FROM wrong_keys('$key->{name}', 70)"), '', "keys of type $key->{type} are whole yet");
	($key->{path}) = $paths_of->("$key->{name}_index");
}
$primary->safe_psql('postgres', 'CHECKPOINT');
$_->{data} = slurp_file($primary->data_dir . "/$_->{path}") for @keys;
for my $round (0 .. $key_damages / @keys)
{
	$primary->stop;
	for my $key (@keys)
	{
		my $data = $key->{data};

		for my $block (1 .. length($data) / PAGE - 1)
		{
			next if unpack('@' . ($block * PAGE + $page_at{kind}[0]) . $page_at{kind}[1], $data) != KIND_GROUP;
			for my $slot (0 .. unpack('@' . ($block * PAGE + $page_at{used}[0]) . $page_at{used}[1], $data) - 1)
			{
				my $at = $block * PAGE + PAGE_START + $slot * GROUP;
				# a part of a key, or a record, whose length may be another as well
				my ($from, $bytes) = ord(substr $data, $at, 1) & USED ? (GROUP_KEY, GROUP - GROUP_KEY) : (12, GROUP - 12);

				substr($data, $at + $from + int(rand($bytes)), 1) = chr any(0, 1, 2, 3, 18, 127, 128, 255, int(rand(256))) for 1 .. 1 + int(rand(4));
				substr($data, $at + GROUP_KEY_BYTES, 1) = chr any(0, 1, 3, 4, 20, 35, 36) if $from == GROUP_KEY && rand() < 0.2;
			}
		}
		write_file($key->{path}, $data);
	}
	$primary->start;
	for my $key (@keys)
	{
		my ($out, $err) = ('', '');

		$primary->psql('postgres', "
			SELECT * FROM wrong_keys('$key->{name}', 70);
			SELECT count(*) FROM omen_hnsw_check('$key->{name}_index', true);
			INSERT INTO $key->{name} SELECT 1000 + i, key_of_$key->{name}(i), pattern(i) FROM generate_series(1, 70) i;
			SELECT * FROM wrong_keys('$key->{name}', 70);
			SELECT 'survived';", stdout => \$out, stderr => \$err, on_error_stop => 0);
		my @faults = grep { $_ ne '' && !/^(\d+|survived)$/ } split /\n/, $out;

		push @faults, 'the session did not survive' if $out !~ /^survived$/m;
		push @faults, grep { /ERROR|FATAL/ && !/is corrupted/ } split /\n/, $err;
		is(join("\n", @faults), '', "damaged keys of type $key->{type}");
	}
}
$primary->stop;
done_testing();
