# docs/moving.md, command by command: a database of pgvector is moved on each way
# that the page describes, and back, by what stands there, and what it had before is
# there after: rows, answers, indexes.  No command of the page is left out.
#
# OMEN_MOVING_ROWS says how many rows there are, 2,000 if it does not.  Times go into
# the log.  Skipped where pgvector is not installed.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

chomp(my $extensions = `pg_config --sharedir`);
if (!-e "$extensions/extension/vector.control")
{
	plan skip_all => '######## SKIPPED: pgvector is not installed ########';
}

my $page = 'docs/moving.md';
my $rows = $ENV{OMEN_MOVING_ROWS} // 2000;
my $folder = PostgreSQL::Test::Utils::tempdir();
chomp(my $sharedir = `$ENV{PG_CONFIG} --sharedir`);
chomp(my $pkglibdir = `$ENV{PG_CONFIG} --pkglibdir`);
chomp(my $bindir = `$ENV{PG_CONFIG} --bindir`);

# ---------- the page ----------

# Its fenced blocks of commands, SQL and shell, by the heading that they follow: [kind,
# line, text, what is to be printed].
sub blocks_of_page
{
	my %blocks;
	my ($heading, $kind, $after, $text) = ('', undef, undef, '');
	my $line = 0;

	for (split /\n/, slurp_file($page))
	{
		$line++;
		if (defined $kind && /^```/)
		{
			if ($kind eq 'text')
			{
				$after->[3] = $text if defined $after;
				undef $after;
			}
			elsif ($kind eq 'sql' || $kind eq 'sh')
			{
				$after = [ $kind, $line, $text ];
				push @{ $blocks{$heading} }, $after;
			}
			undef $kind;
		}
		elsif (defined $kind)
		{
			$text .= "$_\n";
		}
		elsif (/^```(.*)/)
		{
			($kind, $text) = ($1, '');
		}
		elsif (/^#+ (.*)/)
		{
			$heading = $1;
			undef $after;
		}
		elsif (/\S/)
		{
			undef $after;
		}
	}
	die "a block of $page does not end" if defined $kind;
	return %blocks;
}

my %blocks = blocks_of_page();
my $where = '.';    # a shell's folder

# Run a command as ours; what it prints, and whether it did well.
sub run_block
{
	my ($block, $database) = @_;
	my ($kind, $line, $text) = @$block;
	my ($out, $err) = ('', '');
	my @command = $kind eq 'sh' ? ('bash', '-euo', 'pipefail', '-c', "cd '$where'\n$text")
	  : ('psql', '-X', '-q', '-P', 'pager=off', '-v', 'ON_ERROR_STOP=1', '-d', $database);
	my $start = time;
	my $good = IPC::Run::run(\@command, '<', $kind eq 'sh' ? \'' : \$text, '>', \$out, '2>', \$err);

	note(sprintf 'line %d: %.2f s', $line, time - $start);
	return ($good, $out, $err);
}

sub trimmed
{
	return join "\n", grep { $_ ne '' } map { s/\s+$//r } split /\n/, $_[0];
}

# Run the next blocks of a section, all of them if no number is given, in a database
# for those of SQL; what they print is tested if there are as many rows as the page
# was written for.
sub follow
{
	my ($heading, $database, $count) = @_;
	my $section = $blocks{$heading} or die "$page has no commands left under \"$heading\"";
	my $printed = '';

	for my $block (splice @$section, 0, $count // scalar @$section)
	{
		my ($good, $out, $err) = run_block($block, $database);

		ok($good, "$heading: line $block->[1]") or diag $err;
		is(trimmed($out), trimmed($block->[3]), "$heading: line $block->[1] prints what the page says")
		  if defined $block->[3] && $rows == 2000;
		$printed .= $out;
	}
	delete $blocks{$heading} if @$section == 0;
	return $printed;
}

# ---------- servers ----------

# One with pgvector, and one that never had it.
my ($with, $without) = ("$folder/with", "$folder/without");
copy_installation($with);
copy_installation($without);
unlink glob("$without$sharedir/extension/vector*"), "$without$pkglibdir/vector.so";

# "sudo make install-vector" installs into the second.  What is built there without
# bitcode is installed without.
mkdir "$folder/bin";
append_to_file("$folder/bin/sudo", "#!/bin/sh\nexec \"\$@\"\n");
chmod 0755, "$folder/bin/sudo";
$ENV{PATH} = "$folder/bin:$with$bindir:$ENV{PATH}";
$ENV{DESTDIR} = $without;
$ENV{MAKEFLAGS} = '-s' . (-e 'src/omendb.bc' ? '' : ' with_llvm=no');

my @settings = ('wal_level = logical', 'max_wal_senders = 10', 'max_replication_slots = 10', 'max_parallel_workers_per_gather = 0', 'maintenance_work_mem = 512MB', 'max_wal_size = 4GB', 'shared_buffers = 256MB');
my $old = start_copy('old', $with, @settings);
my $new;

# ---------- a database of pgvector's ----------

$old->safe_psql('postgres', 'CREATE DATABASE shop; ALTER DATABASE shop SET hnsw.ef_search = 100');
$old->safe_psql('shop', qq{
	CREATE EXTENSION vector;
	-- values in clusters, equal for equal keys
	CREATE FUNCTION made(key bigint, dims int) RETURNS real[] LANGUAGE sql IMMUTABLE AS \$\$
		SELECT array_agg((hashint8extended(key % 50, d) % 1000 / 500.0 + hashint8extended(key, d) % 1000 / 1000.0)::real ORDER BY d)
		FROM generate_series(1, dims) d
	\$\$;
	CREATE TABLE items (id bigserial PRIMARY KEY, tenant int NOT NULL, embedding vector(64));
	INSERT INTO items (tenant, embedding) SELECT i % 100, made(i, 64)::vector FROM generate_series(1, $rows) i;
	INSERT INTO items (tenant) VALUES (1);
	INSERT INTO items (tenant, embedding) VALUES (2, array_fill(0, ARRAY[64])::vector);
	CREATE TABLE papers (id int PRIMARY KEY, abstract halfvec(64), terms sparsevec(1000), signs bit(64));
	INSERT INTO papers SELECT i, v::halfvec, (v::real[] || array_fill(0::real, ARRAY[936]))::vector::sparsevec, binary_quantize(v)
	FROM (SELECT i, made(i, 64)::vector AS v FROM generate_series(1, $rows / 10) i) s;
	CREATE INDEX items_embedding_idx ON items USING hnsw (embedding vector_cosine_ops);
	CREATE INDEX papers_abstract_idx ON papers USING ivfflat (abstract halfvec_l2_ops) WITH (lists = 10);
	CREATE INDEX papers_signs_idx ON papers USING hnsw (signs bit_hamming_ops) WITH (m = 8);
	CREATE VIEW tenant_center AS SELECT tenant, avg(embedding) AS center FROM items GROUP BY tenant;
	CREATE TABLE asked AS SELECT id, embedding FROM items WHERE id % ($rows / 20) = 7;
	ALTER TABLE asked ALTER embedding TYPE real[];
	ANALYZE});

# Start each way from the same database.
sub another
{
	my ($name) = @_;

	$old->safe_psql('postgres', "DROP DATABASE IF EXISTS $name");
	$old->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE shop");
	return $old->connstr($name);
}

# ---------- what must stay the same ----------

my $content = q{SELECT md5(string_agg(items::text, ' ' ORDER BY id)) FROM items;
	SELECT md5(string_agg(papers::text, ' ' ORDER BY id)) FROM papers;
	SELECT md5(string_agg(round((center::real[])[1]::numeric, 5)::text, ' ' ORDER BY tenant)) FROM tenant_center};
my $truth = q{SELECT a.id, ARRAY(SELECT i.id FROM items i ORDER BY (i.embedding <=> a.embedding::vector) + 0, i.id LIMIT 10) FROM asked a ORDER BY a.id;
	SELECT ARRAY(SELECT p.id FROM papers p ORDER BY (p.abstract <-> q.abstract) + 0, p.id LIMIT 10),
		ARRAY(SELECT p.id FROM papers p ORDER BY (p.signs <~> q.signs) + 0, p.id LIMIT 10) FROM papers q WHERE id % 40 = 1 ORDER BY id};
my %before = map { $_ => $old->safe_psql('shop', $_) } ($content, $truth);

# How many of the nearest ten are found by an index, and that it is used; with filter,
# too.
sub finds
{
	my ($server, $database, $index, $what) = @_;
	my $nearest = 'SELECT i.id FROM items i WHERE %s ORDER BY i.embedding <=> a.embedding::vector LIMIT 10';

	like($server->safe_psql($database, 'SET enable_seqscan = off; EXPLAIN (COSTS OFF) SELECT id FROM items ORDER BY embedding <=> (SELECT embedding::vector FROM asked LIMIT 1) LIMIT 10'),
		qr/$index/, "$what: $index is used");
	# with a filter pgvector's may lack rows
	for my $where ('true', $index eq 'items_embedding_idx' && $server == $old ? () : 'i.tenant % 2 = 1')
	{
		my $found = $server->safe_psql($database, 'SET enable_seqscan = off; SET hnsw.ef_search = 200; SELECT avg((SELECT count(*) FROM unnest(found) f WHERE f = ANY (wanted)) / 10.0) FROM (SELECT '
			  . 'ARRAY(' . sprintf($nearest, $where) . ') AS found, ARRAY(' . sprintf($nearest =~ s/ORDER BY (.*) LIMIT/ORDER BY ($1) + 0 LIMIT/r, $where) . ') AS wanted FROM asked a) s');

		cmp_ok($found, '>=', 0.9, "$what: $index finds the nearest, WHERE $where");
	}
	return;
}

sub is_sound
{
	my ($server, $database, $what) = @_;

	is($server->safe_psql($database, q{SELECT c.relname, k.* FROM pg_class c JOIN pg_am m ON m.oid = relam, omen_hnsw_check(c.oid::regclass, true) k
		WHERE amname IN ('omen_hnsw', 'hnsw') AND (SELECT probin FROM pg_proc WHERE oid = amhandler) LIKE '%omendb'}), '', "$what: all indexes are sound");
	return;
}

sub is_same
{
	my ($server, $database, $what) = @_;

	is($server->safe_psql($database, $content), $before{$content}, "$what: rows and view are the same");
	is($server->safe_psql($database, $truth), $before{$truth}, "$what: the nearest are the same");
	return;
}

# ---------- what there is ----------

$ENV{OLD} = $old->connstr('shop');
follow('What is there to move?', $ENV{OLD});

# ---------- the index ----------

my $index_only = another('index_only');
{
	# what the page begins with is what it says again below
	my $first = delete $blocks{'Moving from pgvector'};

	is(scalar(@$first), 1, 'the short answer is one block');
	is(index($blocks{'Only the index'}[0][2], $first->[0][2]), 0, 'which stands in its place as well');
}
follow('Only the index', $index_only, 2);
is_sound($old, 'index_only', 'companion');
finds($old, 'index_only', 'items_(embedding_idx|omen)', 'companion');

follow('How do I compare before the switch?', $index_only, 2);
my $compared = follow('How do I compare before the switch?', $index_only, 1);
note($compared);
for my $index ('items_embedding_idx', 'items_omen')
{
	my ($recall, $ms) = $compared =~ /^ $index *\| *([0-9.]+) \| *([0-9.]+)$/m;

	cmp_ok($recall // 0, '>=', 0.8, "$index has a recall");
	cmp_ok($ms // 0, '>', 0, "$index has a time");
}
like($compared, qr/\(2 rows\)/, 'and there is one line for each');
is($old->safe_psql('index_only', 'SELECT count(*) FROM pg_index WHERE NOT indisvalid'), '0', 'after which all indexes are valid');
{
	# try_index asks the index that it is told to
	my $scans = q{SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = '%s'};

	for my $index ('items_embedding_idx', 'items_omen')
	{
		my $count = $old->safe_psql('index_only', sprintf $scans, $index);

		$old->safe_psql('index_only', "SELECT try_index('$index', embedding) FROM questions LIMIT 30");
		# a session's counts come when it has ended
		ok($old->poll_query_until('index_only', sprintf("$scans", $index), $count + 60), "try_index('$index') asks that index, twice");
	}
}

follow('How do I compare before the switch?', $index_only);

# what a framework has made
$old->safe_psql('index_only', q{CREATE TABLE haystack_documents (id text PRIMARY KEY, embedding vector(64), meta jsonb);
	INSERT INTO haystack_documents SELECT id, embedding, jsonb_build_object('topic', tenant) FROM items WHERE embedding IS NOT NULL;
	CREATE INDEX haystack_hnsw_index ON haystack_documents USING hnsw (embedding vector_cosine_ops)});
follow('Frameworks', $index_only);
like($old->safe_psql('index_only', q{EXPLAIN (COSTS OFF) SELECT id FROM haystack_documents WHERE meta ->> 'topic' = '3'
	ORDER BY embedding <=> (SELECT embedding FROM items WHERE id = 7) LIMIT 10}), qr/Index: haystack_hnsw_index.*Key Filter: /s, 'a framework\'s filter is a key');
$old->safe_psql('index_only', 'DROP TABLE haystack_documents');

# up to the way back
follow('Only the index', $index_only, 1);
finds($old, 'index_only', 'items_omen', 'companion alone');
is_same($old, 'index_only', 'companion alone');

# what does not depend on the way is tried on the one that leaves a column without index
my $in_place = another('in_place');
my $types = 'omendb\'s types in the same database';
my $used = 'Is my index used at all?';
follow($types, $in_place, 1);
follow($used, $in_place, 1);
$old->poll_query_until('index_only', q{SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = 'items_omen'});
{
	my $scans = follow($used, $index_only, 1);

	like($scans, qr/^ items_omen *\| omen_hnsw *\| *[1-9]/m, 'the index has been searched');
	like($scans, qr/^ papers_terms_omen *\| omen_hnsw *\| *0$/m, 'another one has not');
}
like(follow($used, $index_only), qr/Omen Scan.*Index: items_omen/s, 'EXPLAIN names the index');

follow('Only the index', $index_only);
is($old->safe_psql('index_only', q{SELECT string_agg(extname, ' ') FROM pg_extension WHERE extname <> 'plpgsql'}), 'vector', 'back: only pgvector is left');
finds($old, 'index_only', 'items_embedding_idx', 'companion, back');
is_same($old, 'index_only', 'companion, back');

# ---------- the types ----------

is($old->safe_psql('in_place', q{SELECT string_agg(extname, ' ') FROM pg_extension WHERE extname <> 'plpgsql'}), 'omendb', 'types: only omendb is left');
is_sound($old, 'in_place', 'types');
finds($old, 'in_place', 'items_omen', 'types');
is_same($old, 'in_place', 'types');
follow($types, $in_place);
is($old->safe_psql('in_place', q{SELECT string_agg(extname, ' ') FROM pg_extension WHERE extname <> 'plpgsql'}), 'vector', 'types, back: only pgvector is left');
finds($old, 'in_place', 'items_embedding_idx', 'types, back');
is_same($old, 'in_place', 'types, back');

# without rewriting, where that can be
my $notes = another('notes');
$old->safe_psql('notes', 'CREATE TABLE notes (id int PRIMARY KEY, embedding vector); INSERT INTO notes SELECT id, embedding FROM items');
my $file = $old->safe_psql('notes', q{SELECT pg_relation_filenode('notes')});
my $digest = q{SELECT md5(string_agg(notes::text, ' ' ORDER BY id)) FROM notes};
my $values = $old->safe_psql('notes', $digest);
follow('Can it be done without rewriting the table?', $notes);
is($old->safe_psql('notes', q{SELECT pg_relation_filenode('notes')}), $file, 'a column without dimensions is not rewritten');
is($old->safe_psql('notes', "SET search_path = omen, public; $digest"), $values, 'and has the same values');
is($old->safe_psql('notes', q{SELECT count(*) FROM notes n JOIN items i USING (id)
	WHERE n.embedding::real[] IS DISTINCT FROM i.embedding::real[] OR omen.vector_send(n.embedding) IS DISTINCT FROM public.vector_send(i.embedding)}), '0', 'to the last bit');
$old->safe_psql('notes', 'CREATE INDEX ON notes USING omen_hnsw ((embedding::omen.vector(64)) omen.vector_l2_ops); ANALYZE notes');
is($old->safe_psql('notes', q{SELECT * FROM omen.omen_hnsw_check('notes_embedding_idx', true)}), '', 'an index of an expression on it is sound');
is($old->safe_psql('notes', q{SET search_path = omen, public; SET enable_seqscan = off; SELECT id FROM notes
	ORDER BY embedding::vector(64) <-> (SELECT embedding::vector(64) FROM notes WHERE id = 77) LIMIT 1}), '77', 'and finds what it is asked for');
for my $number ("vector(64)", "vector(64) USING embedding::omen.vector(64)")
{
	$file = $old->safe_psql('notes', q{SELECT pg_relation_filenode('notes')});
	$old->safe_psql('notes', "ALTER TABLE notes ALTER embedding TYPE omen.$number; ALTER TABLE notes ALTER embedding TYPE omen.vector");
	isnt($old->safe_psql('notes', q{SELECT pg_relation_filenode('notes')}), $file, 'one that gets a number of dimensions is');
}
is($old->safe_psql('notes', "SET search_path = omen, public; $digest"), $values, 'with the same values again');

# ---------- another database ----------

follow('Another database', undef, 1);
ok(-e "$without$sharedir/extension/vector.control", 'the package is installed');
$new = start_copy('new', $without, @settings);
{
	# of a server that has pgvector it refuses
	local $ENV{DESTDIR} = $with;
	my $out = `make install-vector 2>&1`;

	isnt($?, 0, 'beside pgvector it is not');
	like($out, qr/vector\.control is another extension's/, 'as it says');
}

# An empty database on a server, as $OLD or $NEW.
sub empty
{
	my ($server, $variable, $name) = @_;

	$server->safe_psql('postgres', "CREATE DATABASE $name");
	$ENV{$variable} = $server->connstr($name);
	return;
}

my $dump = 'Dump and restore';
$where = $folder;
empty($new, 'NEW', 'package');
follow($dump, undef, 1);
is_sound($new, 'package', 'dump, package');
finds($new, 'package', 'items_embedding_idx', 'dump, package');
is_same($new, 'package', 'dump, package');
is($new->safe_psql('package', q{SELECT string_agg(indexrelname, ' ' ORDER BY 1) FROM pg_stat_user_indexes JOIN pg_class c ON c.oid = indexrelid JOIN pg_am m ON m.oid = relam WHERE amname = 'hnsw'}),
	'items_embedding_idx papers_abstract_idx papers_signs_idx', 'dump, package: all indexes are there');

my $package = $ENV{NEW};
empty($new, 'NEW', 'omendb');
my $omendb = $ENV{NEW};
follow($dump, undef, 1);
is_sound($new, 'omendb', 'dump, omendb');
finds($new, 'omendb', 'items_embedding_idx', 'dump, omendb');
is_same($new, 'omendb', 'dump, omendb');
is($new->safe_psql('omendb', q{SELECT string_agg(indexrelname, ' ' ORDER BY 1) FROM pg_stat_user_indexes JOIN pg_class c ON c.oid = indexrelid JOIN pg_am m ON m.oid = relam WHERE amname = 'omen_hnsw'}),
	'items_embedding_idx papers_abstract_idx papers_signs_idx', 'dump, omendb: all indexes are there');

for my $case ([ 'from_package', $package, 1 ], [ 'from_omendb', $omendb, 2 ])
{
	$ENV{NEW} = $case->[1];
	empty($old, 'OLD', $case->[0]);
	follow($dump, $ENV{OLD}, $case->[2]);
	finds($old, $case->[0], 'items_embedding_idx', "dump, back $case->[0]");
	is_same($old, $case->[0], "dump, back $case->[0]");
	is($old->safe_psql($case->[0], q{SELECT count(*) FROM pg_stat_user_indexes JOIN pg_class c ON c.oid = indexrelid JOIN pg_am m ON m.oid = relam WHERE amname IN ('hnsw', 'ivfflat')}),
		3, "dump, back $case->[0]: all indexes are there");
}

# ---------- logical replication ----------

my $replication = 'Logical replication';
$ENV{OLD} = another('replicated');
empty($new, 'NEW', 'replica');
follow($replication, undef, 1);
$new->poll_query_until('replica', q{SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate <> 'r'}) or die 'timed out waiting for the copy';
follow($replication, $ENV{NEW}, 1);
is_same($new, 'replica', 'replication, once copied');
# rows come, change and go while its indexes are built
my $write = q{INSERT INTO items (tenant, embedding) SELECT tenant, made(id + %d, 64)::vector FROM items WHERE id <= 50; UPDATE items SET tenant = tenant + 1 WHERE id %% 50 = %d;
	DELETE FROM items WHERE id %% 70 = %d};
$old->safe_psql('replicated', sprintf $write, 1000000, 3, 9);
follow($replication, $ENV{NEW}, 1);
is_sound($new, 'replica', 'replication');
$old->safe_psql('replicated', sprintf $write, 2000000, 4, 10);
my ($asked) = splice @{ $blocks{$replication} }, 0, 1;
sub wait_until_there
{
	my ($server, $slot) = @_;
	my $question = $asked->[2] =~ s/'moving'/'$slot'/r;

	for my $try (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my ($good, $out, $err) = run_block([ 'sql', $asked->[1], $question ], $server);

		die $err if !$good;
		return if $out =~ /^ t$/m;
		select(undef, undef, undef, 0.1);
	}
	die 'timed out waiting for what was written';
}
wait_until_there($ENV{OLD}, 'moving');
is($new->safe_psql('replica', $content), $old->safe_psql('replicated', $content), 'replication: what was written meanwhile is there');
follow($replication, undef, 1);
finds($new, 'replica', 'items_embedding_idx', 'replication');
# the sequence goes on where it was, and the old database follows
$new->safe_psql('replica', q{INSERT INTO items (tenant, embedding) SELECT 5, made(77, 64)::vector});
$new->safe_psql('replica', sprintf $write, 3000000, 5, 11);
wait_until_there($ENV{NEW}, 'back');
is($old->safe_psql('replicated', $content), $new->safe_psql('replica', $content), 'replication: the old database follows');
follow($replication, undef);
$old->safe_psql('replicated', q{INSERT INTO items (tenant, embedding) SELECT 5, made(78, 64)::vector});
finds($old, 'replicated', 'items_embedding_idx', 'replication, back');
is($new->safe_psql('replica', 'SELECT count(*) FROM pg_replication_slots') . $old->safe_psql('replicated', 'SELECT count(*) FROM pg_replication_slots'), '00',
	'replication, back: no slot is left');

# ---------- without pgvector's library ----------

my $without_library = another('without_library');
my $remove = 'Can I remove pgvector\'s package?';
rename "$with$pkglibdir/vector.so", "$folder/vector.so" or die;
my ($good, $out, $err) = run_block($blocks{$remove}[0], $without_library);
ok(!$good, "$remove: line $blocks{$remove}[0][1] fails");
like($err, qr/ERROR:  could not access file "(\$libdir\/)?vector"/, "$remove: and says what the page says");
shift @{ $blocks{$remove} };
rename "$folder/vector.so", "$with$pkglibdir/vector.so" or die;
like(follow($remove, $without_library), qr/\b0\.8\./, 'the extension is there');
is_same($old, 'without_library', 'once the library is back');

# ---------- all of it ----------

is(join(', ', map { "$_: line $blocks{$_}[0][1]" } grep { @{ $blocks{$_} } } sort keys %blocks), '', 'no command was left out');

$new->stop;
$old->stop;
done_testing();
