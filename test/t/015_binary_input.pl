# Send vectors, halfvecs, and sparsevecs in their binary form with bytes changed at
# random: each message is either taken as it is, or refused with the error that is due, and of a
# COPY that has a bad one nothing stays.
#
#	OMEN_TEST_SEED=n	begin with other random numbers than usual
#	OMEN_TEST_SOAK=1	a hundred times as many, from a seed that differs each time
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $soak = $ENV{OMEN_TEST_SOAK};
my $seed = int($ENV{OMEN_TEST_SEED} // ($soak ? time() % 1_000_000 : 15));
my $batches = $soak ? 600 : 6;
my $batch = 300;

note("OMEN_TEST_SEED=$seed");
srand($seed);

sub choose { return $_[ int(rand(@_)) ]; }

# Elements: how they are packed, their bytes, and the bits of the exponent, all
# of which infinities and what is not a number have.
my %element = (
	vector => { pack => 'N', bytes => 4, exponent => 0x7F800000,
		special => [ 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7F800001, 0x7FFFFFFF, 0x7F7FFFFF, 0x80000000, 1 ] },
	halfvec => { pack => 'n', bytes => 2, exponent => 0x7C00,
		special => [ 0x7C00, 0xFC00, 0x7E00, 0xFE00, 0x7C01, 0x7FFF, 0x7BFF, 0x8000, 1 ] });
my $type;

# The same of a sparsevec: a header of 12 bytes, indices, values.
sub wanted_sparse_error
{
	my ($message, $typmod) = @_;

	return '08P01' if length($message) < 12;
	my ($dim, $count, $unused) = unpack('l>l>l>', $message);
	return '22000' if $dim < 1;
	return '54000' if $dim > 1_000_000_000;
	return '22000' if $count < 0;
	return '54000' if $count > 16000;
	return '54000' if $count > $dim;
	return '22000' if ($typmod && $dim != $typmod) || $unused != 0;
	return '08P01' if length($message) < 12 + 8 * $count;
	my @indices = unpack("x12 l>$count", $message);
	foreach my $i (0 .. $#indices)
	{
		return '22000' if $indices[$i] < 0 || $indices[$i] >= $dim || ($i > 0 && $indices[$i] <= $indices[ $i - 1 ]);
	}
	foreach my $bits (unpack('x' . (12 + 4 * $count) . " N$count", $message))
	{
		return '22000' if ($bits & 0x7F800000) == 0x7F800000 || ($bits & 0x7FFFFFFF) == 0;
	}
	return '22P03' if length($message) > 12 + 8 * $count;
	return '';
}

# The SQLSTATE that a message must fail with, or nothing.
sub wanted_error
{
	my ($message, $typmod) = @_;
	return wanted_sparse_error(@_) if $type eq 'sparsevec';
	my %of = %{ $element{$type} };

	return '08P01' if length($message) < 4;
	my ($dim, $unused) = unpack('s>s>', $message);
	return '22000' if $dim < 1;
	return '54000' if $dim > 16000;
	return '22000' if $typmod && $dim != $typmod;
	return '22000' if $unused != 0;
	return '08P01' if length($message) < 4 + $of{bytes} * $dim;
	foreach my $bits (unpack("x4 $of{pack}$dim", $message))
	{
		return '22000' if ($bits & $of{exponent}) == $of{exponent};
	}
	return '22P03' if length($message) > 4 + $of{bytes} * $dim;
	return '';
}

# One that is fine: indices in order, finite values of any size but zero.
sub good_sparse_message
{
	my $dim = choose(1, 3, 3, 3, 1 + int(rand(40)), 30522, 1_000_000_000);
	my $count = choose(0, 1, 1 + int(rand(40)), choose(1999, 15999, 16000));
	my %indices = map { int(rand($dim)) => 1 } 1 .. $count;
	my @indices = sort { $a <=> $b } keys %indices;

	return pack('l>l>l>l>*', $dim, scalar @indices, 0, @indices)
	  . pack('N*', map { my $bits = int(rand(2**32)); ($bits & 0x7F800000) == 0x7F800000 ? $bits & ~0x7F800000 | 1 : $bits | 1 } @indices);
}

# The same with something changed, mostly.
sub sparse_message
{
	my $message = good_sparse_message();
	my $how = rand();
	my $count = unpack('x4 l>', $message);

	return $message if $how < 0.1;
	if ($how < 0.25)
	{
		# other dimensions, or another number of elements than there are
		substr($message, choose(0, 4), 4) =
		  pack('l>', choose(0, -1, 1, 2, 3, 4, 16000, 16001, 1_000_000_000, 1_000_000_001, 0x7FFFFFFF, -0x80000000, int(rand(2**32)) - 2**31));
	}
	elsif ($how < 0.35)
	{
		substr($message, 8, 4) = pack('l>', choose(1, -1, 256, 0x7FFFFFFF, -0x80000000, int(rand(2**32)) - 2**31));
	}
	elsif ($how < 0.5)
	{
		$message = substr($message, 0, choose(0 .. 20, int(rand(length($message) + 1)), length($message) - 1));
	}
	elsif ($how < 0.6)
	{
		$message .= pack('C*', map { int(rand(256)) } 1 .. choose(1, 2, 3, 4, 8, 100));
	}
	elsif ($how < 0.7 && $count > 0)
	{
		# not finite, or zero
		substr($message, 12 + 4 * $count + 4 * int(rand($count)), 4) =
		  pack('N', choose(@{ $element{vector}{special} }, 0, 0x80000000));
	}
	elsif ($how < 0.8 && $count > 0)
	{
		# an index out of its place, or of bounds
		my $other = unpack('x' . (12 + 4 * int(rand($count))) . ' l>', $message);

		substr($message, 12 + 4 * int(rand($count)), 4) =
		  pack('l>', choose($other, $other + 1, -1, -0x80000000, 0x7FFFFFFF, unpack('l>', $message)));
	}
	elsif ($how < 0.9)
	{
		vec($message, int(rand(8 * length($message))), 1) ^= 1 for 1 .. choose(1, 2, 5);
	}
	else
	{
		$message = pack('C*', map { int(rand(256)) } 1 .. int(rand(60)));
	}
	return $message;
}

# A message that is fine: finite elements of any size.
sub good_message
{
	my %of = %{ $element{$type} };
	my $dim = choose(1, 1, 2, 3, 3, 3, 1 + int(rand(40)), 1 + int(rand(40)), choose(1999, 4000, 15999, 16000));

	return pack('s>s>', $dim, 0)
	  . pack("$of{pack}*", map { my $bits = int(rand(2**(8 * $of{bytes}))); ($bits & $of{exponent}) == $of{exponent} ? $bits & ~$of{exponent} : $bits } 1 .. $dim);
}

# The same with something changed, mostly.
sub message
{
	return sparse_message() if $type eq 'sparsevec';
	my $message = good_message();
	my $how = rand();
	my %of = %{ $element{$type} };

	return $message if $how < 0.1;
	if ($how < 0.25)
	{
		# another number of dimensions than there are elements
		substr($message, 0, 2) = pack('s>', choose(0, -1, 1, 2, 3, 4, 16000, 16001, 32767, -32768, int(rand(65536)) - 32768));
	}
	elsif ($how < 0.35)
	{
		substr($message, 2, 2) = pack('s>', choose(1, -1, 256, 32767, -32768, int(rand(65536)) - 32768));
	}
	elsif ($how < 0.5)
	{
		$message = substr($message, 0, choose(0 .. 9, int(rand(length($message) + 1)), length($message) - 1));
	}
	elsif ($how < 0.6)
	{
		$message .= pack('C*', map { int(rand(256)) } 1 .. choose(1, 2, 3, 4, 8, 100));
	}
	elsif ($how < 0.75)
	{
		# not finite, in one place or two
		my $elements = (length($message) - 4) / $of{bytes};

		substr($message, 4 + $of{bytes} * int(rand($elements)), $of{bytes}) = pack($of{pack}, choose(@{ $of{special} }))
		  for 1 .. choose(1, 1, 2);
	}
	elsif ($how < 0.9)
	{
		vec($message, int(rand(8 * length($message))), 1) ^= 1 for 1 .. choose(1, 2, 5);
	}
	else
	{
		$message = pack('C*', map { int(rand(256)) } 1 .. int(rand(60)));
	}
	return $message;
}

# ---------- frames ----------

my $header = "PGCOPY\n\xFF\r\n\0" . pack('NN', 0, 0);
my $trailer = pack('s>', -1);

sub field { my ($value) = @_; return defined $value ? pack('N', length($value)) . $value : pack('N', 0xFFFFFFFF); }

# Rows of a number and a vector.
sub copy_file
{
	my ($path, @rows) = @_;

	open(my $file, '>:raw', $path) or die "could not open $path: $!";
	print $file $header, (map { pack('s>', 2) . field(pack('N', $_->[0])) . field($_->[1]) } @rows), $trailer;
	close($file) or die "could not write $path: $!";
	return;
}

my $node = PostgreSQL::Test::Cluster->new('binary');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = off\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION omendb;
	CREATE TABLE free (id integer, v vector);
	CREATE TABLE three (id integer, v vector(3));
	CREATE TABLE half_free (id integer, v halfvec);
	CREATE TABLE half_three (id integer, v halfvec(3));
	CREATE TABLE sparse_free (id integer, v sparsevec);
	CREATE TABLE sparse_three (id integer, v sparsevec(3));
	INSERT INTO sparse_free VALUES (-1, '{1:1}/2');
	INSERT INTO sparse_three VALUES (-1, '{1:1}/3');
	INSERT INTO free VALUES (-1, '[1,2]');
	INSERT INTO three VALUES (-1, '[1,2,3]');
	INSERT INTO half_free VALUES (-1, '[1,2]');
	INSERT INTO half_three VALUES (-1, '[1,2,3]');

	-- Load files: what each says, an SQLSTATE or nothing.
	CREATE FUNCTION load_files(directory text, target text, files int) RETURNS SETOF text LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 0 .. files - 1 LOOP
			BEGIN
				EXECUTE format('COPY %I FROM %L WITH (FORMAT binary)', target, directory || '/' || i);
				RETURN NEXT i || ':';
			EXCEPTION WHEN OTHERS THEN
				RETURN NEXT i || ':' || SQLSTATE || ' ' || SQLERRM;
			END;
		END LOOP;
	END $$;
});

my $directory = $node->basedir . '/messages';
my %seen;
my $messages = 0;
my $wrong = 0;

mkdir $directory or die "$directory: $!";
my @types = ([ 'vector', '' ], [ 'halfvec', 'half_' ], [ 'sparsevec', 'sparse_' ]);
for my $n (1 .. @types * $batches)
{
	# each third batch of a type is for a column of three dimensions
	my $typmod = int(($n - 1) / @types) % 3 == 2 ? 3 : 0;
	my $table = $types[ $n % @types ][1] . ($typmod ? 'three' : 'free');

	$type = $types[ $n % @types ][0];
	my (@sent, @expected);

	foreach my $i (0 .. $batch - 1)
	{
		my $message = message();
		# a good row before and after, which go with a bad one
		my $good = $type eq 'sparsevec' ? pack('l>l>l>l>l>NN', 3, 2, 0, 0, 2, 0x3F800000, 1)
		  : pack("s>s>$element{$type}{pack}3", 3, 0, $type eq 'vector' ? (0x3F800000, 0, 0x80000000) : (0x3C00, 0, 0x8000));

		copy_file("$directory/$i", [ 100_000 + $i, $good ], [ $i, $message ], [ 200_000 + $i, $good ]);
		push @sent, $message;
		push @expected, wanted_error($message, $typmod);
	}
	my @said = split /\n/, $node->safe_psql('postgres', "SELECT load_files('$directory', '$table', $batch)");
	my %stored = map { split /\|/ } split /\n/, $node->safe_psql('postgres', "SELECT id, encode(${type}_send(v), 'hex') FROM $table");

	foreach my $i (0 .. $batch - 1)
	{
		my ($code) = $said[$i] =~ /^$i:(\w*)/;
		my $is_there = defined $stored{$i} && defined $stored{ 100_000 + $i } && defined $stored{ 200_000 + $i };
		my $is_absent = !defined $stored{$i} && !defined $stored{ 100_000 + $i } && !defined $stored{ 200_000 + $i };

		$messages++;
		$seen{ $code || 'none' }++;
		next if $code eq $expected[$i]
			&& ($code eq '' ? $is_there && $stored{$i} eq unpack('H*', $sent[$i]) : $is_absent);
		next if ++$wrong > 10;
		fail("OMEN_TEST_SEED=$seed, batch $n, message $i into $table");
		diag('sent ' . unpack('H*', substr($sent[$i], 0, 60)) . ', ' . length($sent[$i]) . ' bytes');
		diag("expected '$expected[$i]', got '$said[$i]'; " . ($is_there ? 'all stored' : $is_absent ? 'none stored' : 'some stored'));
	}
	is($node->safe_psql('postgres', "DELETE FROM $table WHERE id >= 0; SELECT count(*) FROM $table"), '1', "what was there before batch $n is there")
	  if $typmod;
	$node->safe_psql('postgres', "DELETE FROM $table WHERE id >= 0; VACUUM $table");
}
is($wrong, 0, "$messages messages were taken as they are, or refused as they should be");
note("$seen{$_} times $_") foreach sort keys %seen;
cmp_ok($seen{$_} // 0, '>', 0, "messages ended in $_") foreach qw(none 08P01 22000 22P03 54000);

# The frame around the messages is COPY's own; whatever it says, it is refused.
$type = 'vector';
my $whole = $header . join('', map { pack('s>', 2) . field(pack('N', $_)) . field(good_message()) } 1 .. 3) . $trailer;
my $files = $soak ? 5000 : 200;
foreach my $i (0 .. $files - 1)
{
	my $bytes = $whole;

	if (rand() < 0.3)
	{
		$bytes = substr($bytes, 0, int(rand(length($bytes))));
	}
	else
	{
		# fields' lengths above all
		my $at = choose(21, 29, int(rand(40)), int(rand(length($bytes) - 4)));

		substr($bytes, $at, 4) = pack('N', choose(0, 1, 0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0x3FFFFFFF, 0x10000, int(rand(2**32))));
	}
	open(my $file, '>:raw', "$directory/$i") or die "$directory/$i: $!";
	print $file $bytes;
	close($file);
}
my %others;
foreach my $line (split /\n/, $node->safe_psql('postgres', "SELECT load_files('$directory', 'free', $files)"))
{
	my ($code, $message) = $line =~ /^\d+:(\w*) ?(.*)/;

	$others{"$code $message"}++ if $code !~ /^(|08P01|22000|22P03|22P04|54000)$/;
}
is(join("\n", map { "$others{$_} times $_" } sort keys %others), '', 'damaged frames are refused');
is($node->safe_psql('postgres', "SELECT v FROM free WHERE id = -1"), '[1,2]', 'the server is there, and so is what it had');
unlike(slurp_file($node->logfile), qr/terminated by signal|TRAP|PANIC/, 'no process crashed');
$node->stop;

done_testing();
