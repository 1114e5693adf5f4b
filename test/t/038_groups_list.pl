# omen_hnsw_groups(): on a standby it says what it says on the primary; damaged
# records, keys and directories are an error, and never a crash or a value that
# no row has.
use strict;
use warnings FATAL => 'all';

use OmenFormat;
use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = start_without_checksums('primary', 'wal_keep_size = 1GB');

$primary->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE fleeting (k int, v vector(3));
	CREATE INDEX fleeting_index ON fleeting USING omen_hnsw (k, v);
});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# What a table's rows have as k, each of them as text.
my %values = (
	number => [ 'int', map { $_ * 1000 } 1 .. 3000 ],
	word => [ 'text', 'plain', 'größer', 'x' x 36, 'y' x 37, 'z' x 1500 ],
	list => [ 'text[]', '{one,two}', '{NULL,"three and more"}', '{{1,2},{3,4}}', '{}' ],
	precise => [ 'numeric', '1.5', '-123456789.123456789' ],
	precise_list => [ 'numeric[]', '{1.5}' ],
	address => [ 'inet', '10.1.2.3' ],
);
foreach my $table (sort keys %values)
{
	my ($type, @given) = @{ $values{$table} };
	my $given = join(',', map { "(\$value\$$_\$value\$)" } @given);

	$primary->safe_psql('postgres', qq{
		CREATE TABLE $table (k $type, v vector(3));
		CREATE INDEX ${table}_index ON $table USING omen_hnsw (k, v);
		INSERT INTO $table SELECT k::$type, ARRAY[1, 2, (row_number() OVER ())::int]::vector FROM (VALUES $given) s (k);
		CHECKPOINT;
	});
}

my $said = sub {
	my ($node, $table) = @_;

	return $node->safe_psql('postgres', "SELECT * FROM omen_hnsw_groups('${table}_index') ORDER BY id");
};
$primary->wait_for_catchup($standby);
foreach my $table (sort keys %values)
{
	is($primary->safe_psql('postgres', "SELECT count(*) FROM (SELECT format('%s', k) FROM $table EXCEPT SELECT key[1] FROM omen_hnsw_groups('${table}_index')) s"),
		'0', "$table: each value has its group");
	is($said->($standby, $table), $said->($primary, $table), "$table: the same on the standby");
}
my ($code, $out, $err) = $standby->psql('postgres', "SELECT * FROM omen_hnsw_groups('fleeting_index')");
like($err, qr/unlogged and has no contents during recovery/, 'an unlogged index has no groups on a standby');
$standby->stop;

# ---------- damage ----------

my %intact;
my %path;
foreach my $table (sort keys %values)
{
	$path{$table} = $primary->data_dir . '/' . $primary->safe_psql('postgres', "SELECT pg_relation_filepath('${table}_index')");
}
$primary->stop;
foreach my $table (sort keys %values)
{
	open(my $file, '<:raw', $path{$table}) or die "could not open $path{$table}: $!";
	local $/;
	$intact{$table} = <$file>;
	close($file);
}

sub blocks_of
{
	my ($table, $kind) = @_;

	return grep { unpack('C', substr($intact{$table}, $_ * 8192 + PAGE_KIND, 1)) == $kind }
	  0 .. length($intact{$table}) / 8192 - 1;
}

# Where a record stands, of a number among those of the table's first page of groups.
sub record_at
{
	my ($table, $number) = @_;
	my ($block) = blocks_of($table, KIND_GROUP);

	return $block * 8192 + PAGE_START + $number * GROUP;
}

# The record whose key has some bytes.
sub record_with
{
	my ($table, $bytes) = @_;
	my ($block) = blocks_of($table, KIND_GROUP);

	for my $number (0 .. 20)
	{
		my $at = record_at($table, $number);

		# what goes on with a long key looks much like a record
		return $at
		  if unpack('C', substr($intact{$table}, $at + GROUP_FLAGS, 1)) == USED
		  && index(substr($intact{$table}, $at + GROUP_KEY, 36), $bytes) >= 0;
	}
	die "no group of $table has $bytes in its key";
}

# Builds that test what becomes of different keys of one hash have sixteen of these.
my $few_hashes = !grep { unpack('Q', substr($intact{number}, record_at('number', $_) + GROUP_HASH, 8)) > 15 } 0 .. 20;

# The id of the slot there.
sub id_of
{
	my ($at) = @_;

	return int($at / 8192) * int((PAGE_NEXT - PAGE_START) / GROUP) + ($at % 8192 - PAGE_START) / GROUP;
}

my $leaf = sub {
	foreach my $block (blocks_of('number', KIND_DIRECTORY))
	{
		return $block * 8192 if unpack('S', substr($intact{number}, $block * 8192 + DIRECTORY_LEVEL, 2)) == 0;
	}
};
my $first_entry = DIRECTORY_RESERVED + 2;
my $root = sub { return unpack('L', substr($intact{number}, META_DIRECTORY, 4)) * 8192 };
my $text = sub { return record_with('word', 'plain') };
my $long = sub { return record_with('word', 'zzzz') };
my $array = sub { return record_with('list', 'one') };
my $numeric = sub { return record_at('precise', 0) };

# What is done to which table: where, and the bytes there; 1 if only the hash of the
# key tells.
my @cases = (
	[ 'number', 'the sum of a key', sub { record_at('number', 3) + GROUP_KEY_SUM }, pack('S', 7) ],
	[ 'number', 'another value in a key', sub { record_at('number', 3) + GROUP_KEY }, pack('l', 7), 1 ],
	[ 'number', 'a hash', sub { record_at('number', 3) + GROUP_HASH }, pack('Q', 12345) ],
	[ 'number', 'a key that is too short', sub { record_at('number', 3) + GROUP_KEY_BYTES }, pack('S', 3) ],
	[ 'number', 'a key that is too long', sub { record_at('number', 3) + GROUP_KEY_BYTES }, pack('S', 5) ],
	[ 'number', 'a key that is far too long', sub { record_at('number', 3) + GROUP_KEY_BYTES }, pack('S', 60000) ],
	[ 'number', 'a NULL', sub { record_at('number', 3) + GROUP_NULLS }, pack('C', 1) ],
	[ 'number', 'a NULL in a column that there is not', sub { record_at('number', 3) + GROUP_NULLS }, pack('C', 8) ],
	[ 'number', 'a mode', sub { record_at('number', 3) + GROUP_GRAPH + META_MODE - META_ROOT }, pack('C', 9) ],
	[ 'number', 'the hash of an entry', sub { $leaf->() + $first_entry }, pack('Q', 1) ],
	[ 'number', 'the level of a leaf', sub { $leaf->() + DIRECTORY_LEVEL }, pack('S', 3) ],
	[ 'number', 'the kind of a leaf', sub { $leaf->() + PAGE_KIND }, pack('C', KIND_PAYLOAD) ],
	[ 'number', 'a leaf with more entries than there is room for', sub { $leaf->() + PAGE_USED }, pack('S', 60000) ],
	[ 'number', 'a root that leads to itself', sub { $root->() + $first_entry + 12 }, pack('L', $root->() / 8192) ],
	[ 'number', 'a root that leads nowhere', sub { $root->() + $first_entry + 12 }, pack('L', 1_000_000) ],
	[ 'word', 'bytes that are no text', sub { $text->() + GROUP_KEY }, "\xff\xfe", 1 ],
	[ 'word', 'a letter', sub { $text->() + GROUP_KEY }, 'q', 1 ],
	[ 'word', 'a zero in a text', sub { $text->() + GROUP_KEY + 2 }, "\0", 1 ],
	[ 'word', 'a key that breaks off', sub { $long->() + GROUP_MORE }, pack('L', 4_000_000_000) ],
	[ 'word', 'a key that goes on in a group', sub { $long->() + GROUP_MORE }, pack('L', id_of($text->())) ],
	[ 'list', 'the dimensions of an array', sub { $array->() + GROUP_KEY }, pack('l', 1_000_000) ],
	[ 'list', 'a negative number of these', sub { $array->() + GROUP_KEY }, pack('l', -1) ],
	[ 'list', 'where its elements are', sub { $array->() + GROUP_KEY + 4 }, pack('l', 2_000_000_000) ],
	[ 'list', 'the type of its elements', sub { $array->() + GROUP_KEY + 8 }, pack('L', 23) ],
	[ 'list', 'how many there are', sub { $array->() + GROUP_KEY + 12 }, pack('l', 2_000_000_000) ],
	[ 'list', 'how long the first is', sub { $array->() + GROUP_KEY + 20 }, pack('L', 0xfffffffc) ],
	[ 'list', 'that the first is compressed', sub { $array->() + GROUP_KEY + 20 }, pack('L', 30) ],
	[ 'list', 'that the first is elsewhere', sub { $array->() + GROUP_KEY + 20 }, pack('CC', 1, 18) ],
	[ 'precise', 'the scale of a number', sub { $numeric->() + GROUP_KEY }, pack('S', 0x3fff), 1 ],
	[ 'precise', 'an empty number', sub { $numeric->() + GROUP_KEY_BYTES }, pack('S', 0) ],
	[ 'precise_list', 'an empty number in an array', sub { record_at('precise_list', 0) + GROUP_KEY + 20 }, pack('L', 4 << 2) ],
	[ 'address', 'the kind of an address', sub { record_at('address', 0) + GROUP_KEY }, pack('C', 77) ],
	[ 'address', 'an address that is too short', sub { record_at('address', 0) + GROUP_KEY_BYTES }, pack('S', 3) ],
);

# The sum of a key, as the server makes it.
sub sum_of
{
	my ($key) = @_;
	my $crc = 0xFFFFFFFF;

	foreach my $byte (unpack 'C*', $key)
	{
		$crc ^= $byte;
		$crc = $crc & 1 ? ($crc >> 1) ^ 0x82F63B78 : $crc >> 1 for 1 .. 8;
	}
	$crc ^= 0xFFFFFFFF;
	return ($crc ^ $crc >> 16) & 0xFFFF;
}

# Give the record of a damaged key the sum that it would have: what if that agrees
# by accident?
sub agree
{
	my ($data, $place) = @_;
	my $at = $place - ($place % 8192 - PAGE_START) % GROUP;
	my $bytes = unpack('S', substr($$data, $at + GROUP_KEY_BYTES, 2));

	substr($$data, $at + GROUP_KEY_SUM, 2) = pack('S', sum_of(substr $$data, $at + GROUP_KEY, $bytes))
	  if unpack('C', substr($$data, $place - $place % 8192 + PAGE_KIND, 1)) == KIND_GROUP && $bytes <= 36;
	return;
}

is(unpack('S', substr($intact{word}, $text->() + GROUP_KEY_SUM, 2)), sum_of('plain'), 'a key has its sum');
foreach my $case (@cases)
{
	my ($table, $name, $place, $bytes, $by_hash) = @$case;
	next if $by_hash && $few_hashes;
	my $damaged = $intact{$table};

	substr($damaged, $place->(), length($bytes)) = $bytes;
	agree(\$damaged, $place->()) unless $name =~ /sum/;
	open(my $file, '>:raw', $path{$table}) or die "could not open $path{$table}: $!";
	print $file $damaged;
	close($file);
	$primary->start;
	($code, $out, $err) = $primary->psql('postgres',
		"SET statement_timeout = '60s';\n\\set VERBOSITY verbose\nSELECT count(*) FROM omen_hnsw_groups('${table}_index');");
	like($err, qr/ERROR:  (?:XX002|XX001)/, "$table, $name: an error") or diag("$out$err");
	# nor does anything else that looks keys up crash, or show a row of another value
	my ($type, @given) = @{ $values{$table} };
	my $foreign = '';
	foreach my $value (map { "\$value\$$_\$value\$::$type" } grep { defined } @given[ 0 .. 3 ])
	{
		($code, $out, $err) = $primary->psql('postgres',
			"SET statement_timeout = '60s'; SET enable_seqscan = off;\n\\set VERBOSITY verbose\nSELECT count(*) FROM (SELECT k FROM $table WHERE k = $value ORDER BY v <-> '[1,2,3]' LIMIT 10) s WHERE k <> $value;\nBEGIN; INSERT INTO $table VALUES ($value, '[1,2,3]'); ROLLBACK;",
			on_error_stop => 0);
		$foreign .= "$value: $out$err" if $out =~ /[1-9]/ || $err =~ /ERROR(?!:  (?:XX00[12]|25P02))|connection|FATAL/;
	}
	is($foreign, '', "$table, $name: scans and inserts");
	($code, $out, $err) = $primary->psql('postgres', "SELECT kind FROM omen_hnsw_check('${table}_index', true)");
	ok($out ne '' || $err ne '', "$table, $name: a check tells of it") or diag("$out$err");
	is($primary->safe_psql('postgres', "SELECT groups >= 0 FROM omen_hnsw_info('${table}_index')"), 't', "$table, $name: counts")
	  unless $name =~ /leaf with more|mode/;
	$primary->stop;
	open($file, '>:raw', $path{$table}) or die "could not open $path{$table}: $!";
	print $file $intact{$table};
	close($file);
}
unlike(slurp_file($primary->logfile), qr/terminated by signal|TRAP|PANIC/, 'nothing crashed');

done_testing();
