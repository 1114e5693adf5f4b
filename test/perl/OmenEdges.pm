# The edges of a slot as they stand in an index (src/hnsw/store/edge_code.c):
# packed and unpacked by what the format says, not by the code that is tested.
package OmenEdges;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';

our @EXPORT_OK = qw(pack_edges unpack_edges);

use constant HEADER_BYTES => 5;

sub bytes_of { my ($bits) = @_; return int(($bits + 7) / 8); }

# Edges, each [id, tag], of the bytes of a room.
sub unpack_edges
{
	my ($room, $count) = @_;
	my ($smallest, $low) = unpack('LC', $room);
	my @edges;

	return () if $count == 0;
	my $bits = unpack('b*', $room);
	my $lows = 8 * (HEADER_BYTES + bytes_of($count));
	my $highs = $lows + 8 * bytes_of($count * $low);
	my $at = -1;

	foreach my $i (0 .. $count - 1)
	{
		$at = index($bits, '1', $highs + $at + 1) - $highs;
		my $part = reverse(substr($bits, $lows + $i * $low, $low));
		push @edges, [ $smallest + (($at - $i) << $low) + ($low > 0 ? oct("0b$part") : 0), 0 ];
	}
	my $tag = ($highs + $at) / 8;
	foreach my $i (0 .. $count - 1)
	{
		$edges[$i][1] = unpack('C', substr($room, ++$tag, 1))
		  if substr($bits, 8 * HEADER_BYTES + $i, 1);
	}
	return @edges;
}

# The bytes of edges.
sub pack_edges
{
	my @edges = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @_;
	my $count = @edges;
	my $low = 0;

	return '' if $count == 0;
	my $smallest = $edges[0][0];
	my $span = $edges[-1][0] - $smallest;
	$low++ while $low < 31 && ($span >> $low) - ($span >> ($low + 1)) > $count;

	my $tagged = join('', map { $_->[1] != 0 ? 1 : 0 } @edges);
	my $lows = join('', map { my $n = $_->[0] - $smallest; map { $n >> $_ & 1 } 0 .. $low - 1 } @edges);
	my $highs = '0' x (($span >> $low) + $count);
	substr($highs, (($edges[$_][0] - $smallest) >> $low) + $_, 1) = '1' foreach 0 .. $count - 1;
	return pack('LC', $smallest, $low) . join('', map { pack('b*', $_) } $tagged, $lows, $highs)
	  . pack('C*', grep { $_ != 0 } map { $_->[1] } @edges);
}

1;
