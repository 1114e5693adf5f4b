# Where things are on the pages of an index, for tests that damage them: as in
# src/hnsw/store/format.h.
package OmenFormat;

use strict;
use warnings;

use Exporter 'import';

my %places;

BEGIN
{
	%places = (
		PAGE => 8192,
		PAGE_START => 24,
		SPECIAL => 8192 - 16,
		# bytes of a slot before its edges, and of a chunk
		HEADER => 48,
		CHUNK => 72,
		KIND_FREE => 0,
		KIND_NODE => 1,
		KIND_UPPER => 2,
		KIND_POSTING => 3,
		KIND_PAYLOAD => 4,
		KIND_MEAN => 5,
		KIND_META => 6);
}
use constant \%places;

our @EXPORT = keys %places;

1;
