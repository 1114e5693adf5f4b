# Damage the pages of indexes, one promise at a time: omen_hnsw_check() must
# find each, and neither it nor any other use of the index may crash or hang.
# With OMEN_TEST_QUICK=1 one in four.
use strict;
use warnings FATAL => 'all';

use OmenEdges qw(pack_edges unpack_edges);
use OmenFormat;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
	DIMS => 16,
	M => 8,
};

# ---------- pages in files ----------

sub read_index
{
	my ($path) = @_;
	my $content = slurp_file_binary($path);
	my @pages = unpack('(a8192)*', $content);

	return { pages => \@pages };
}

sub slurp_file_binary
{
	my ($path) = @_;

	open(my $file, '<:raw', $path) or die "could not open $path: $!";
	local $/;
	my $content = <$file>;
	close($file);
	return $content;
}

sub write_file
{
	my ($path, $content) = @_;

	open(my $file, '>:raw', $path) or die "could not open $path: $!";
	print $file $content;
	close($file) or die "could not write $path: $!";
}

sub peek
{
	my ($index, $block, $offset, $template) = @_;

	return unpack("\@$offset $template", $index->{pages}[$block]);
}

sub poke
{
	my ($index, $block, $offset, $template, @values) = @_;
	my $bytes = pack($template, @values);

	substr($index->{pages}[$block], $offset, length($bytes)) = $bytes;
	return;
}

# ---------- slots ----------

sub stride
{
	my ($index, $kind) = @_;

	return CHUNK if $kind == KIND_POSTING;
	return peek($index, 0,
		$kind == KIND_NODE ? META_NODE_STRIDE : META_UPPER_STRIDE, 'L');
}

sub per_page
{
	my ($index, $kind) = @_;

	return int((SPECIAL - PAGE_START) / stride($index, $kind));
}

sub page_kind
{
	my ($index, $block) = @_;

	return peek($index, $block, PAGE_KIND, 'C');
}

# Blocks of a kind.
sub blocks_of
{
	my ($index, $kind) = @_;

	return grep { page_kind($index, $_) == $kind } 0 .. $#{ $index->{pages} };
}

# All slots in use of a kind: id, where it is, and where in the page.
sub slots_of
{
	my ($index, $kind) = @_;
	my $stride = stride($index, $kind);
	my $per_page = per_page($index, $kind);
	my @slots;

	foreach my $block (blocks_of($index, $kind))
	{
		my $used = peek($index, $block, PAGE_USED, 'S');

		foreach my $slot (0 .. $used - 1)
		{
			my $at = PAGE_START + $slot * $stride;
			my $flags = peek($index, $block,
				$at + ($kind == KIND_POSTING ? CHUNK_FLAGS : SLOT_FLAGS), 'C');

			next if ($flags & USED) == 0;
			push @slots,
			  {
				id => $block * $per_page + $slot,
				kind => $kind,
				block => $block,
				slot => $slot,
				at => $at,
			  };
		}
	}
	return @slots;
}

sub get
{
	my ($index, $slot, $offset, $template) = @_;

	return peek($index, $slot->{block}, $slot->{at} + $offset, $template);
}

sub set
{
	my ($index, $slot, $offset, $template, @values) = @_;

	poke($index, $slot->{block}, $slot->{at} + $offset, $template, @values);
	return;
}

sub level { my ($index, $slot) = @_; return get($index, $slot, SLOT_LEVEL, 'C'); }

sub degree { my ($index, $slot) = @_; return get($index, $slot, SLOT_DEGREE, 'S'); }

# Where the edges stand in a slot with inline codes.
use constant EDGES => HEADER + DIMS;

sub edge_room { my ($index, $slot) = @_; return stride($index, $slot->{kind}) - EDGES; }

# Edges of a slot: [id, tag].
sub edges
{
	my ($index, $slot) = @_;

	return unpack_edges(get($index, $slot, EDGES, 'a' . edge_room($index, $slot)), degree($index, $slot));
}

# Give a slot other edges; where these do not fit, the last that are no parent's
# give way.
sub set_edges
{
	my ($index, $slot, @edges) = @_;
	my $keep = $edges[0];

	while (length(pack_edges(@edges)) > edge_room($index, $slot))
	{
		my ($last) = grep { $edges[$_] != $keep && ($edges[$_][1] & PARENT) == 0 } reverse 0 .. $#edges;
		splice @edges, $last, 1;
	}
	set($index, $slot, SLOT_DEGREE, 'S', scalar @edges);
	set($index, $slot, EDGES, 'a*', pack_edges(@edges));
	return;
}

sub set_edge
{
	my ($index, $slot, $i, $id, $tag) = @_;
	my @edges = edges($index, $slot);

	splice @edges, $i, 1;
	set_edges($index, $slot, [ $id, $tag ], @edges);
	return;
}

sub set_id { my ($index, $slot, $i, $id) = @_; return set_edge($index, $slot, $i, $id, (edges($index, $slot))[$i][1]); }

sub set_tag { my ($index, $slot, $i, $tag) = @_; return set_edge($index, $slot, $i, (edges($index, $slot))[$i][0], $tag); }

sub tag { my ($index, $slot, $i) = @_; return (edges($index, $slot))[$i][1]; }

# The children of each node, by the edges with the parent flag.
sub children
{
	my ($index) = @_;
	my %children;

	foreach my $node (slots_of($index, KIND_NODE))
	{
		my @edges = edges($index, $node);

		foreach my $i (0 .. $#edges)
		{
			push @{ $children{ $node->{id} } }, { id => $edges[$i][0], edge => $i }
			  if ($edges[$i][1] & PARENT) != 0;
		}
	}
	return \%children;
}

# The first slot that a test accepts.
sub pick
{
	my ($index, $kind, $accept) = @_;

	foreach my $slot (slots_of($index, $kind))
	{
		local $_ = $slot;
		return $slot if $accept->();
	}
	die "found no slot of kind $kind to damage";
}

sub by_id
{
	my ($index, $kind, $id) = @_;

	return pick($index, $kind, sub { $_->{id} == $id });
}

# A node in the graph that is not the root.
sub any_node
{
	my ($index) = @_;
	my $root = peek($index, 0, META_ROOT, 'L');

	return pick($index, KIND_NODE,
		sub { $_->{id} != $root && $_->{block} != int($root / per_page($index, KIND_NODE))
			  && degree($index, $_) > 2 });
}

# The first chunk of a chain of several, and the node that owns it.
sub long_chain
{
	my ($index) = @_;
	my $chunk = pick($index, KIND_POSTING,
		sub { get($index, $_, CHUNK_FLAGS, 'C') == USED && get($index, $_, CHUNK_NEXT, 'L') != NONE });
	my $owner = by_id($index, KIND_NODE, get($index, $chunk, CHUNK_OWNER, 'L'));
	my $first = by_id($index, KIND_POSTING, get($index, $owner, NODE_POSTING, 'L'));

	return ($owner, $first);
}

# Swap two numbers of a code that differ: its sums stay as they are.
sub swap_numbers
{
	my ($index, $slot) = @_;
	my @code = get($index, $slot, HEADER, 'C' . DIMS);
	my ($i) = grep { $code[$_] != $code[0] } 1 .. DIMS - 1;

	@code[ 0, $i ] = @code[ $i, 0 ];
	set($index, $slot, HEADER, 'C' . DIMS, @code);
	return;
}

# Take the first page off a list, as an insert does that finds it full; returns it.
sub unlist
{
	my ($index, $room) = @_;
	my $block = peek($index, 0, $room, 'L');

	poke($index, 0, $room, 'L', peek($index, $block, PAGE_NEXT, 'L'));
	poke($index, $block, PAGE_NEXT, 'L', NONE);
	poke($index, $block, PAGE_FLAGS, 'C', 0);
	return { block => $block };
}

# ---------- damages of a graph ----------

# Each: what it is, the kind of violation that must be among those found, and
# how to do it.  If that returns a slot, or { block }, the violation must be
# there.  "of a row": found only if the table is looked at, too.
my @graph_damages = (
	[ 'magic number', 'meta', sub { poke($_[0], 0, META_MAGIC, 'L', 1); return } ],
	[ 'format version', 'meta', sub { poke($_[0], 0, META_VERSION, 'L', 99); return } ],
	[ 'complement of the format version', 'meta', sub { poke($_[0], 0, META_VERSION_COMPLEMENT, 'L', 1); return } ],
	[ 'later format version', 'meta',
		sub { poke($_[0], 0, META_VERSION, 'LL', FORMAT_VERSION + 1, ~(FORMAT_VERSION + 1) & 0xFFFFFFFF); return } ],
	[ 'earlier format version', 'meta', sub { poke($_[0], 0, META_VERSION, 'L', 1); return } ],
	[ 'encoder', 'meta', sub { poke($_[0], 0, META_ENCODER, 'S', 77); return } ],
	[ 'no encoder', 'meta', sub { poke($_[0], 0, META_ENCODER, 'S', 0); return } ],
	[ 'second mean', 'meta', sub { poke($_[0], 0, META_SECOND_MEAN, 'L', (blocks_of($_[0], KIND_MEAN))[0]); return } ],
	[ 'epoch of a second mean', 'meta', sub { poke($_[0], 0, META_SECOND_EPOCH, 'S', 2); return } ],
	[ 'calibration', 'meta', sub { poke($_[0], 0, META_CALIBRATION, 'L', 1); return } ],
	[ 'first reserved field', 'meta', sub { poke($_[0], 0, META_RESERVED1, 'C', 1); return } ],
	[ 'second reserved field', 'meta', sub { poke($_[0], 0, META_RESERVED2, 'S', 1); return } ],
	[ 'last reserved byte', 'meta', sub { poke($_[0], 0, META_RESERVED4 + 47, 'C', 1); return } ],
	[ 'dimensions of values', 'meta', sub { poke($_[0], 0, META_VALUE_DIMS, 'L', DIMS + 1); return } ],
	[ 'no dimensions of values', 'meta', sub { poke($_[0], 0, META_VALUE_DIMS, 'L', 0); return } ],
	[ 'ef_construction', 'meta', sub { poke($_[0], 0, META_EF_CONSTRUCTION, 'S', 0); return } ],
	[ 'nodes that VACUUM has counted', 'meta', sub { poke($_[0], 0, META_VACUUM_NODES, 'Q', 1_000_000); return } ],
	[ 'dead nodes that VACUUM has counted', 'meta', sub { poke($_[0], 0, META_VACUUM_DEAD, 'Q', ~0); return } ],
	[ 'version of no root', 'meta',
		sub { poke($_[0], 0, META_ROOT, 'L', NONE); poke($_[0], 0, META_ROOT_VERSION, 'S', 1); return } ],
	[ 'metapage on a list', 'list', sub { poke($_[0], 0, PAGE_FLAGS, 'C', LISTED); return { block => 0 } } ],
	[ 'slots in the metapage', 'page', sub { poke($_[0], 0, PAGE_LIVE, 'S', 1); return { block => 0 } } ],
	[ 'dimensions', 'meta', sub { poke($_[0], 0, META_DIMS, 'L', DIMS + 1); return } ],
	[ 'mode', 'meta', sub { poke($_[0], 0, META_MODE, 'C', 7); return } ],
	[ 'stride', 'meta', sub { poke($_[0], 0, META_NODE_STRIDE, 'L', 8); return } ],
	[ 'epoch', 'meta', sub { poke($_[0], 0, META_EPOCH, 'S', 9); return } ],
	[ 'node limit', 'meta', sub { poke($_[0], 0, META_NODE_LIMIT, 'Q', 3); return } ],
	[ 'no dimensions', 'meta', sub { poke($_[0], 0, META_DIMS, 'L', 0); return } ],
	[ 'm', 'meta', sub { poke($_[0], 0, META_M, 'S', 1); return } ],
	[ 'unknown layout', 'meta', sub { poke($_[0], 0, META_LAYOUT, 'C', 1); return } ],
	[ 'another metric than the column\'s', 'meta', sub { poke($_[0], 0, META_METRIC, 'C', 2); return } ],
	[ 'other dimensions than the column\'s', 'meta',
		sub { poke($_[0], 0, META_DIMS, 'L', DIMS + 1); poke($_[0], 0, META_NODE_STRIDE, 'LL', 152, 112); return } ],
	[ 'epoch without a mean', 'meta', sub { poke($_[0], 0, META_MEAN, 'L', NONE); return } ],
	[ 'radius', 'meta', sub { poke($_[0], 0, META_RADIUS, 'f', 1); return } ],
	[ 'layer of the entry point', 'meta', sub { poke($_[0], 0, META_ENTRY_LEVEL, 'S', 16); return } ],
	[ 'reserved field', 'meta', sub { poke($_[0], 0, META_RESERVED, 'C', 3); return } ],
	[ 'metapage of zeros', 'meta', sub { $_[0]{pages}[0] = "\0" x 8192; return } ],
	[ 'metapage that is a page of nodes', 'meta',
		sub { my ($b) = blocks_of($_[0], KIND_NODE); $_[0]{pages}[0] = $_[0]{pages}[$b]; return } ],
	[ 'unreadable metapage', 'page',
		sub { poke($_[0], 0, PD_LOWER, 'S', 9000); return { block => 0 } } ],
	[ 'no file', 'meta', sub { $_[0]{pages} = []; return } ],

	[ 'page identifier', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PAGE_ID, 'S', 1);
			return { block => $n->{block} } } ],
	[ 'unreadable page', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PD_LOWER, 'SS', 8000, 100);
			return { block => $n->{block} } } ],
	[ 'special space elsewhere', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PD_UPPER, 'SS', 8192, 8192);
			return { block => $n->{block} } } ],
	[ 'unknown page kind', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PAGE_KIND, 'C', 77);
			return { block => $n->{block} } } ],
	[ 'second metapage', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PAGE_KIND, 'C', KIND_META);
			return { block => $n->{block} } } ],
	[ 'page flags', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PAGE_FLAGS, 'C', 0x40);
			return { block => $n->{block} } } ],
	[ 'pd_lower', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PD_LOWER, 'S', PAGE_START);
			return { block => $n->{block} } } ],
	[ 'end of the free space', 'page',
		sub { my $b = peek($_[0], 0, META_ROOM_NODE, 'L');
			poke($_[0], $b, PD_UPPER, 'S', peek($_[0], $b, PD_LOWER, 'S')); return { block => $b } } ],
	[ 'more slots than fit', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PAGE_USED, 'S', 60000);
			return { block => $n->{block} } } ],
	[ 'number of slots in use', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PAGE_LIVE, 'S', 3);
			return { block => $n->{block} } } ],
	[ 'slots where there are none', 'page',
		sub { my ($b) = blocks_of($_[0], KIND_MEAN); poke($_[0], $b, PAGE_USED, 'S', 1);
			return { block => $b } } ],
	[ 'bytes beyond the slots', 'page',
		sub { my ($b) = blocks_of($_[0], KIND_MEAN); poke($_[0], $b, SPECIAL - 8, 'L', 3);
			return { block => $b } } ],
	[ 'copy of another page', 'page',
		sub { my ($b, $other) = blocks_of($_[0], KIND_NODE); $_[0]{pages}[$b] = $_[0]{pages}[$other];
			return { block => $b } } ],
	[ 'pages swapped', 'page',
		sub { my ($b, $other) = blocks_of($_[0], KIND_UPPER);
			@{ $_[0]{pages} }[ $b, $other ] = @{ $_[0]{pages} }[ $other, $b ]; return { block => $other } } ],
	[ 'owner of a page', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PAGE_OWNER, 'L', 1); return { block => $n->{block} } } ],
	[ 'chain of pages', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PAGE_CHAIN, 'L', 2); return { block => $n->{block} } } ],
	[ 'flags of a page header', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PD_FLAGS, 'S', 4); return { block => $n->{block} } } ],
	[ 'change that is yet to come', 'page',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PD_LSN, 'LL', 0x7000, 0); return { block => $n->{block} } } ],
	[ 'random bytes', 'page',
		sub { my $n = any_node($_[0]); srand(1);
			$_[0]{pages}[ $n->{block} ] = join('', map { chr(int(rand(256))) } 1 .. 8192);
			return { block => $n->{block} } } ],

	[ 'list in a circle', 'list',
		sub { my $b = peek($_[0], 0, META_ROOM_NODE, 'L');
			poke($_[0], $b, PAGE_NEXT, 'L', $b); return { block => $b } } ],
	[ 'list that leads nowhere', 'list',
		sub { my $b = peek($_[0], 0, META_ROOM_UPPER, 'L');
			poke($_[0], $b, PAGE_NEXT, 'L', 1_000_000); return } ],
	[ 'list that leads to another kind', 'list',
		sub { my ($b) = blocks_of($_[0], KIND_UPPER);
			poke($_[0], 0, META_ROOM_NODE, 'L', $b); return { block => $b } } ],
	[ 'list that leads to the page that looks for room', 'list',
		sub { my ($n) = long_chain($_[0]);
			poke($_[0], 0, META_ROOM_POSTING, 'L', $n->{block}); return { block => $n->{block} } } ],
	[ 'list that begins beyond the file', 'list',
		sub { poke($_[0], 0, META_ROOM_NODE, 'L', 1_000_000); return } ],
	[ 'list that leads to a damaged page', 'list',
		sub { my $b = peek($_[0], 0, META_ROOM_NODE, 'L');
			poke($_[0], $b, PAGE_ID, 'S', 1); return { block => $b } } ],
	[ 'page on a list of a kind without', 'list',
		sub { my ($b) = blocks_of($_[0], KIND_MEAN); poke($_[0], $b, PAGE_FLAGS, 'C', 1);
			return { block => $b } } ],
	[ 'listed page on no list', 'list',
		sub { my $b = peek($_[0], 0, META_ROOM_NODE, 'L');
			poke($_[0], 0, META_ROOM_NODE, 'L', NONE); return { block => $b } } ],
	[ 'page on a list that does not know it', 'list',
		sub { my $b = peek($_[0], 0, META_ROOM_POSTING, 'L');
			poke($_[0], $b, PAGE_FLAGS, 'C', 0); return { block => $b } } ],
	[ 'page that leads on from no list', 'list',
		sub { my $n = any_node($_[0]); poke($_[0], $n->{block}, PAGE_NEXT, 'L', 2);
			return { block => $n->{block} } } ],
	[ 'free list that leads to a node', 'list',
		sub { my $n = any_node($_[0]);
			poke($_[0], 0, META_ROOM_FREE, 'L', $n->{block}); return } ],

	[ 'flags', 'slot', sub { my $n = any_node($_[0]); set($_[0], $n, SLOT_FLAGS, 'C', USED | RESERVED); return $n } ],
	[ 'row in a node that is about to be freed', 'slot',
		sub { my $n = any_node($_[0]); set($_[0], $n, SLOT_FLAGS, 'C', USED | CONDEMNED); return $n } ],
	[ 'flags of a slot not in use', 'slot',
		sub { my $n = any_node($_[0]); set($_[0], $n, SLOT_FLAGS, 'C', LINKING); return $n } ],
	[ 'level', 'slot', sub { my $n = any_node($_[0]); set($_[0], $n, SLOT_LEVEL, 'C', 200); return $n } ],
	[ 'reserved field of a node', 'slot',
		sub { my $n = any_node($_[0]); set($_[0], $n, NODE_KEY_NULLS, 'S', 1); return $n } ],
	[ 'heap TID without a table block', 'slot',
		sub { my $n = any_node($_[0]); set($_[0], $n, NODE_TID, 'SSS', 9, 9, 1); return $n } ],
	[ 'heap TID that would be the next page', 'slot',
		sub { my $n = any_node($_[0]); set($_[0], $n, NODE_TID, 'SSS', 0xFFFF, 0xFFFF, 1); return $n } ],
	[ 'heap TID with a large offset', 'slot',
		sub { my $n = any_node($_[0]); set($_[0], $n, NODE_TID + TID_OFFSET, 'S', 40000); return $n } ],
	[ 'half a heap TID', 'slot',
		sub { my $n = any_node($_[0]); set($_[0], $n, NODE_TID + TID_OFFSET, 'S', 0); return $n } ],
	[ 'slot that is free and not empty', 'slot',
		sub { my ($u) = slots_of($_[0], KIND_UPPER); set($_[0], $u, SLOT_FLAGS, 'C', 0); return $u } ],
	[ 'chunk that is free and not empty', 'slot',
		sub { my ($c) = slots_of($_[0], KIND_POSTING); set($_[0], $c, CHUNK_FLAGS, 'C', 0); return $c } ],
	[ 'chunk of two side lists', 'slot',
		sub { my ($c) = slots_of($_[0], KIND_POSTING);
			set($_[0], $c, CHUNK_FLAGS, 'C', USED | SIDE_NULL | SIDE_NAN); return $c } ],
	[ 'row in a node that is not linked', 'slot of a row',
		sub { my $n = any_node($_[0]); set($_[0], $n, SLOT_FLAGS, 'C', USED | LINKING); return $n } ],
	[ 'flags of an upper slot', 'slot',
		sub { my ($u) = slots_of($_[0], KIND_UPPER); set($_[0], $u, SLOT_FLAGS, 'C', USED | FLAT); return $u } ],
	[ 'layer of an upper slot', 'slot',
		sub { my ($u) = slots_of($_[0], KIND_UPPER); set($_[0], $u, SLOT_LEVEL, 'C', 0); return $u } ],
	[ 'flags of a chunk', 'slot',
		sub { my ($c) = slots_of($_[0], KIND_POSTING); set($_[0], $c, CHUNK_FLAGS, 'C', 0x21); return $c } ],
	[ 'payload where there is none', 'slot',
		sub { my $n = any_node($_[0]); set($_[0], $n, SLOT_PAYLOAD, 'L', 5); return $n } ],
	[ 'payload of an upper slot where there is none', 'slot',
		sub { my ($u) = slots_of($_[0], KIND_UPPER); set($_[0], $u, SLOT_PAYLOAD, 'L', 5); return $u } ],
	[ 'upper slots of what claims to be a list', 'slot',
		sub { poke($_[0], 0, META_MODE, 'C', 0); return (slots_of($_[0], KIND_UPPER))[0] } ],
	[ 'graph that claims to be a list', 'slot',
		sub { poke($_[0], 0, META_MODE, 'C', 0); return any_node($_[0]) } ],

	[ 'degree', 'degree', sub { my $n = any_node($_[0]); set($_[0], $n, SLOT_DEGREE, 'S', 2 * M + 1); return $n } ],
	[ 'degree beyond the page', 'degree',
		sub { my $n = any_node($_[0]); set($_[0], $n, SLOT_DEGREE, 'S', 65535); return $n } ],
	[ 'degree of an upper slot', 'degree',
		sub { my ($u) = slots_of($_[0], KIND_UPPER); set($_[0], $u, SLOT_DEGREE, 'S', M + 1); return $u } ],

	[ 'bits of ids', 'edge',
		sub { my $n = any_node($_[0]); set($_[0], $n, EDGES + 4, 'C', 32); return $n } ],
	[ 'fewer ids than edges', 'edge',
		sub { my $n = any_node($_[0]); my $degree = degree($_[0], $n);
			my $from = EDGES + 5 + int(($degree + 7) / 8) + int(($degree * get($_[0], $n, EDGES + 4, 'C') + 7) / 8);
			set($_[0], $n, $from, 'a*', "\0" x (stride($_[0], KIND_NODE) - $from)); return $n } ],
	[ 'more tags than the room has', 'edge',
		sub { my $n = any_node($_[0]); my $room = edge_room($_[0], $n);
			set($_[0], $n, EDGES + 5, 'S', 0xFFFF); set($_[0], $n, SLOT_DEGREE, 'S', 2 * M);
			set($_[0], $n, EDGES + 4, 'C', 16); set($_[0], $n, EDGES + 7 + 32, 'a*', "\xFF" x ($room - 39)); return $n } ],
	[ 'edge beyond the file', 'edge',
		sub { my $n = any_node($_[0]); set_id($_[0], $n, 1, 0xFFFFFF00); return $n } ],
	[ 'edge to the largest id', 'edge',
		sub { my $n = any_node($_[0]); set_id($_[0], $n, 1, NONE); return $n } ],
	[ 'edge to the metapage', 'edge',
		sub { my $n = any_node($_[0]); set_id($_[0], $n, 1, 0); return $n } ],
	[ 'edge to a page of another kind', 'edge',
		sub { my ($b) = blocks_of($_[0], KIND_POSTING); my $n = any_node($_[0]);
			set_id($_[0], $n, 1, $b * per_page($_[0], KIND_NODE)); return $n } ],
	[ 'edge to a slot never used', 'edge',
		sub { my $b = peek($_[0], 0, META_ROOM_NODE, 'L'); my $n = any_node($_[0]);
			my $used = peek($_[0], $b, PAGE_USED, 'S');
			set_id($_[0], $n, 1, $b * per_page($_[0], KIND_NODE) + $used); return $n } ],
	[ 'edge between layers', 'edge',
		sub { my ($index) = @_;
			my $low = pick($index, KIND_UPPER, sub { level($index, $_) == 1 && degree($index, $_) > 0 });
			my $high = pick($index, KIND_UPPER, sub { level($index, $_) == 2 });
			set_edge($index, $low, 0, $high->{id}, get($index, $high, SLOT_VERSION, 'S') & 0x7F); return $low } ],
	[ 'half of the file cut off', 'edge',
		sub { my $pages = $_[0]{pages}; splice @{$pages}, @{$pages} / 2; return } ],
	[ 'edge to itself', 'self_edge',
		sub { my $n = any_node($_[0]); set_edge($_[0], $n, 1, $n->{id}, get($_[0], $n, SLOT_VERSION, 'S') & 0x7F); return $n } ],
	[ 'edge twice', 'duplicate_edge',
		sub { my $n = any_node($_[0]); my @e = edges($_[0], $n);
			set_edge($_[0], $n, 1, $e[0][0], $e[0][1] & 0x7F); return $n } ],
	[ 'edge of an upper slot twice', 'duplicate_edge',
		sub { my ($index) = @_; my $u = pick($index, KIND_UPPER, sub { degree($index, $_) > 1 });
			set_edge($index, $u, 1, (edges($index, $u))[0]->@*); return $u } ],

	[ 'parent flag gone', 'parent',
		sub { my ($index) = @_; my $children = children($index);
			my $n = pick($index, KIND_NODE, sub { exists $children->{ $_->{id} } });
			my $child = $children->{ $n->{id} }[0];
			set_tag($index, $n, $child->{edge}, tag($index, $n, $child->{edge}) & 0x7F);
			return by_id($index, KIND_NODE, $child->{id}) } ],
	[ 'parent edge to an older version', 'parent',
		sub { my ($index) = @_; my $children = children($index);
			my $n = pick($index, KIND_NODE, sub { exists $children->{ $_->{id} } });
			set_tag($index, $n, $children->{ $n->{id} }[0]{edge}, tag($index, $n, $children->{ $n->{id} }[0]{edge}) ^ 1); return $n } ],
	[ 'parent edge in an upper layer', 'parent',
		sub { my ($index) = @_; my $u = pick($index, KIND_UPPER, sub { degree($index, $_) > 0 });
			set_tag($index, $u, 0, tag($index, $u, 0) | PARENT); return $u } ],
	[ 'parents in a circle', 'unreachable',
		sub { my ($index) = @_; my $children = children($index); my ($n, $child, $grandchild);
			$n = pick($index, KIND_NODE, sub {
				foreach my $c (@{ $children->{ $_->{id} } // [] })
				{
					my $g = $children->{ $c->{id} } or next;
					($child, $grandchild) = ($c, by_id($index, KIND_NODE, $g->[0]{id}));
					return 1 if degree($index, $grandchild) > 0
						&& !exists $children->{ $grandchild->{id} };
				}
				return 0; });
			set_tag($index, $n, $child->{edge}, tag($index, $n, $child->{edge}) & 0x7F);
			my $c = by_id($index, KIND_NODE, $child->{id});
			set_edge($index, $grandchild, 0, $c->{id}, (get($index, $c, SLOT_VERSION, 'S') & 0x7F) | PARENT);
			return $c } ],
	[ 'node left out of the graph', 'unlinked',
		sub { my $n = any_node($_[0]); set($_[0], $n, SLOT_FLAGS, 'C', USED | FLAT); return $n } ],

	[ 'root of another version', 'root', sub { poke($_[0], 0, META_ROOT_VERSION, 'S', 77); return } ],
	[ 'root about to be freed', 'root',
		sub { my ($index) = @_;
			my $n = by_id($index, KIND_NODE, peek($index, 0, META_ROOT, 'L'));
			set($index, $n, SLOT_FLAGS, 'C', USED | CONDEMNED); return } ],
	[ 'root beyond the file', 'root', sub { poke($_[0], 0, META_ROOT, 'L', 0xFFFFFF00); return } ],
	[ 'no root', 'root', sub { poke($_[0], 0, META_ROOT, 'L', NONE); return } ],
	[ 'entry point of another version', 'entry', sub { poke($_[0], 0, META_ENTRY_VERSION, 'S', 77); return } ],
	[ 'entry point beyond the file', 'entry', sub { poke($_[0], 0, META_ENTRY, 'L', 0xFFFFFF00); return } ],
	[ 'entry point in another layer', 'entry', sub { poke($_[0], 0, META_ENTRY_LEVEL, 'S', 11); return } ],
	[ 'no entry point', 'entry', sub { poke($_[0], 0, META_ENTRY, 'L', NONE); return } ],
	[ 'entry point below the top', 'entry',
		sub { my ($index) = @_; my $u = pick($index, KIND_UPPER, sub { level($index, $_) == 1 });
			poke($index, 0, META_ENTRY, 'L', $u->{id});
			poke($index, 0, META_ENTRY_VERSION, 'SS', get($index, $u, SLOT_VERSION, 'S'), 1); return } ],

	[ 'upper slot of another version of its node', 'upper',
		sub { my ($u) = slots_of($_[0], KIND_UPPER); set($_[0], $u, UPPER_NODE_VERSION, 'S', 77); return $u } ],
	[ 'upper slot about to be freed, of a node that stays', 'upper',
		sub { my ($u) = slots_of($_[0], KIND_UPPER); set($_[0], $u, SLOT_FLAGS, 'C', USED | CONDEMNED); return $u } ],
	[ 'upper slot of no node', 'upper',
		sub { my ($u) = slots_of($_[0], KIND_UPPER); set($_[0], $u, UPPER_NODE, 'L', 0xFFFFFF00); return $u } ],
	[ 'upper slot of a node not in use', 'upper',
		sub { my ($index) = @_; my ($u) = slots_of($index, KIND_UPPER);
			set($index, by_id($index, KIND_NODE, get($index, $u, UPPER_NODE, 'L')), SLOT_FLAGS, 'C', 0); return $u } ],
	[ 'upper slot above the level of its node', 'upper',
		sub { my ($index) = @_; my ($u) = slots_of($index, KIND_UPPER);
			set($index, by_id($index, KIND_NODE, get($index, $u, UPPER_NODE, 'L')), SLOT_LEVEL, 'C', 0); return $u } ],
	[ 'error bound of an upper slot that is none', 'code',
		sub { my ($u) = slots_of($_[0], KIND_UPPER); set($_[0], $u, CODE_ERROR_BOUND, 'f', -1); return $u } ],
	[ 'step of an upper slot other than its node\'s', 'upper',
		sub { my ($u) = slots_of($_[0], KIND_UPPER); set($_[0], $u, CODE_STEP, 'f', 1); return $u } ],
	[ 'code of an upper slot other than its node\'s', 'upper',
		sub { my ($index) = @_; my ($u) = slots_of($index, KIND_UPPER); swap_numbers($index, $u); return $u } ],
	[ 'slot below of another version', 'upper',
		sub { my ($index) = @_; my $u = pick($index, KIND_UPPER, sub { level($index, $_) == 2 });
			set($index, $u, UPPER_DOWN_VERSION, 'S', 77); return $u } ],
	[ 'slot below beyond the file', 'upper',
		sub { my ($index) = @_; my $u = pick($index, KIND_UPPER, sub { level($index, $_) == 2 });
			set($index, $u, UPPER_DOWN, 'L', 0xFFFFFF00); return $u } ],
	[ 'slot below not in use', 'upper',
		sub { my ($index) = @_; my $u = pick($index, KIND_UPPER, sub { level($index, $_) == 2 });
			set($index, by_id($index, KIND_UPPER, get($index, $u, UPPER_DOWN, 'L')), SLOT_FLAGS, 'C', 0); return $u } ],
	[ 'slot below of another node', 'upper',
		sub { my ($index) = @_; my $u = pick($index, KIND_UPPER, sub { level($index, $_) == 2 });
			my $other = pick($index, KIND_UPPER,
				sub { level($index, $_) == 1 && get($index, $_, UPPER_NODE, 'L') != get($index, $u, UPPER_NODE, 'L') });
			set($index, $u, UPPER_DOWN, 'L', $other->{id}); return $u } ],
	[ 'slot below itself', 'upper',
		sub { my ($index) = @_; my $u = pick($index, KIND_UPPER, sub { level($index, $_) == 2 });
			set($index, $u, UPPER_DOWN, 'L', $u->{id}); return $u } ],
	[ 'slot below layer 1', 'upper',
		sub { my ($index) = @_; my $u = pick($index, KIND_UPPER, sub { level($index, $_) == 1 });
			set($index, $u, UPPER_DOWN, 'L', $u->{id}); return $u } ],
	[ 'node without its upper slot', 'upper',
		sub { my ($index) = @_; my $n = pick($index, KIND_NODE, sub { level($index, $_) == 0 });
			set($index, $n, SLOT_LEVEL, 'C', 1); return $n } ],

	[ 'chain in a circle', 'posting',
		sub { my ($owner, $chunk) = long_chain($_[0]); set($_[0], $chunk, CHUNK_NEXT, 'L', $chunk->{id}); return $owner } ],
	[ 'chain that leads to the page of its node', 'posting',
		sub { my ($n) = long_chain($_[0]);
			set($_[0], $n, NODE_POSTING, 'L', $n->{block} * per_page($_[0], KIND_POSTING)); return $n } ],
	[ 'chain that leads nowhere', 'posting',
		sub { my ($owner, $chunk) = long_chain($_[0]); set($_[0], $chunk, CHUNK_NEXT, 'L', 0xFFFFFF00); return $owner } ],
	[ 'chain cut off', 'posting',
		sub { my ($owner, $chunk) = long_chain($_[0]); my $next = get($_[0], $chunk, CHUNK_NEXT, 'L');
			set($_[0], $owner, NODE_POSTING, 'L', NONE); return $chunk } ],
	[ 'chain to a chunk not in use', 'posting',
		sub { my ($owner, $chunk) = long_chain($_[0]);
			set($_[0], by_id($_[0], KIND_POSTING, get($_[0], $chunk, CHUNK_NEXT, 'L')), CHUNK_FLAGS, 'C', 0); return $owner } ],
	[ 'chain to a damaged page', 'posting',
		sub { my ($owner, $chunk) = long_chain($_[0]);
			poke($_[0], $chunk->{block}, PAGE_ID, 'S', 1); return $owner } ],
	[ 'chain of another node', 'posting',
		sub { my ($owner, $chunk) = long_chain($_[0]); my $n = any_node($_[0]);
			set($_[0], $n, NODE_POSTING, 'L', $chunk->{id}); return $n } ],
	[ 'owner of a chunk', 'posting',
		sub { my ($owner, $chunk) = long_chain($_[0]); set($_[0], $chunk, CHUNK_OWNER, 'L', $owner->{id} + 1); return $chunk } ],
	[ 'version of the owner of a chunk', 'posting',
		sub { my ($owner, $chunk) = long_chain($_[0]); set($_[0], $chunk, CHUNK_OWNER_VERSION, 'S', 77); return $chunk } ],
	[ 'number of TIDs in a chunk', 'posting',
		sub { my ($owner, $chunk) = long_chain($_[0]); set($_[0], $chunk, CHUNK_COUNT, 'C', 255); return $chunk } ],
	[ 'heap TID in a chunk', 'posting',
		sub { my ($owner, $chunk) = long_chain($_[0]); set($_[0], $chunk, CHUNK_TIDS, 'SSS', 0, 0, 0); return $chunk } ],
	[ 'no list of NULLs', 'posting', sub { poke($_[0], 0, META_SIDE_NULL, 'L', NONE); return } ],
	[ 'list of NULLs that is a node\'s', 'posting',
		sub { my ($owner, $chunk) = long_chain($_[0]); poke($_[0], 0, META_SIDE_NULL, 'L', $chunk->{id});
			return { block => 0 } } ],

	[ 'heap TID twice', 'tid_duplicate',
		sub { my ($index) = @_; my ($a, $b) = slots_of($index, KIND_NODE);
			set($index, $b, NODE_TID, 'SSS', get($index, $a, NODE_TID, 'SSS')); return } ],
	[ 'row that is not there', 'heap of a row',
		sub { my $n = any_node($_[0]); set($_[0], $n, NODE_TID, 'SSS', 0xFFFF, 0xFFFF, 0); return } ],
	[ 'all rows gone', 'heap of a row', sub { $#{ $_[0]{pages} } = 0; return } ],

	[ 'code', 'code', sub { my $n = any_node($_[0]);
			set($_[0], $n, HEADER, 'C', get($_[0], $n, HEADER, 'C') ^ 0x10); return $n } ],
	[ 'code of an upper slot', 'code', sub { my ($u) = slots_of($_[0], KIND_UPPER);
			set($_[0], $u, HEADER, 'C', get($_[0], $u, HEADER, 'C') ^ 0x10); return $u } ],
	[ 'code of the same sums', 'other_code of a row',
		sub { my $n = any_node($_[0]); swap_numbers($_[0], $n); return $n } ],
	[ 'product with the mean where there is none', 'code',
		sub { my $n = any_node($_[0]); set($_[0], $n, CODE_MEAN_DOT, 'f', 1); return $n } ],
	[ 'another mean', 'other_code of a row',
		sub { my ($b) = blocks_of($_[0], KIND_MEAN); poke($_[0], $b, PAYLOAD_START, 'f', 0.125); return } ],
	[ 'another seed', 'other_code of a row', sub { poke($_[0], 0, META_SEED, 'Q', 5); return } ],
	[ 'epoch of the code of an upper slot', 'code',
		sub { my ($u) = slots_of($_[0], KIND_UPPER); set($_[0], $u, SLOT_EPOCH, 'S', 0); return $u } ],
	[ 'epoch of a code', 'code', sub { my $n = any_node($_[0]); set($_[0], $n, SLOT_EPOCH, 'S', 0); return $n } ],
	[ 'offset of a code', 'code', sub { my $n = any_node($_[0]); set($_[0], $n, CODE_OFFSET, 'f', 'inf'); return $n } ],
	[ 'step of a code', 'code', sub { my $n = any_node($_[0]); set($_[0], $n, CODE_STEP, 'f', 'nan'); return $n } ],
	[ 'negative step of a code', 'code', sub { my $n = any_node($_[0]); set($_[0], $n, CODE_STEP, 'f', -1); return $n } ],
	[ 'product of a code and the mean', 'code', sub { my $n = any_node($_[0]); set($_[0], $n, CODE_MEAN_DOT, 'f', 'nan'); return $n } ],
	[ 'error bound that is none', 'code', sub { my $n = any_node($_[0]); set($_[0], $n, CODE_ERROR_BOUND, 'f', 'nan'); return $n } ],
	[ 'error bound too small', 'code of a row', sub { my $n = any_node($_[0]); set($_[0], $n, CODE_ERROR_BOUND, 'f', 0); return $n } ],
	[ 'offset of a code that is finite', 'code of a row', sub { my $n = any_node($_[0]); set($_[0], $n, CODE_OFFSET, 'f', 3); return $n } ],
	[ 'vector on the list of NULLs', 'code of a row',
		sub { my ($index) = @_; my $n = any_node($index);
			my $c = pick($index, KIND_POSTING, sub { get($index, $_, CHUNK_FLAGS, 'C') == (USED | SIDE_NULL) });
			my @tid = get($index, $n, NODE_TID, 'SSS');
			set($index, $n, NODE_TID, 'SSS', get($index, $c, CHUNK_TIDS, 'SSS')); set($index, $c, CHUNK_TIDS, 'SSS', @tid); return $c } ],
	[ 'NULL in a node', 'code of a row',
		sub { my ($index) = @_; my $n = any_node($index);
			my $c = pick($index, KIND_POSTING, sub { get($index, $_, CHUNK_FLAGS, 'C') == (USED | SIDE_NULL) });
			my @tid = get($index, $n, NODE_TID, 'SSS');
			set($index, $n, NODE_TID, 'SSS', get($index, $c, CHUNK_TIDS, 'SSS')); set($index, $c, CHUNK_TIDS, 'SSS', @tid); return $n } ],

	[ 'mean of another epoch', 'payload',
		sub { my ($b) = blocks_of($_[0], KIND_MEAN); poke($_[0], $b, PAYLOAD_OWNER_VERSION, 'S', 77); return } ],
	[ 'mean that is not finite', 'payload',
		sub { my ($b) = blocks_of($_[0], KIND_MEAN); poke($_[0], $b, PAYLOAD_START, 'f', 'nan');
			return { block => $b } } ],
	[ 'mean beyond the file', 'payload', sub { poke($_[0], 0, META_MEAN, 'L', 1_000_000); return } ],
	[ 'mean on a page of another kind', 'payload',
		sub { poke($_[0], 0, META_MEAN, 'L', any_node($_[0])->{block}); return } ],
	[ 'number of bytes of the mean', 'payload',
		sub { my ($b) = blocks_of($_[0], KIND_MEAN); poke($_[0], $b, PAYLOAD_BYTES, 'L', 100_000);
			return { block => $b } } ],);

# ---------- damages of a flat list with codes out of line ----------

# The first node, and the blocks of its payload.
sub payload_of
{
	my ($index, $n) = @_;
	my $node = (slots_of($index, KIND_NODE))[ $n // 0 ];
	my $first = get($index, $node, SLOT_PAYLOAD, 'L');

	return ($node, $first, peek($index, $first, PAGE_NEXT, 'L'));
}

my @list_damages = (
	[ 'payload of another node', 'payload',
		sub { my ($n, $first) = payload_of($_[0]); poke($_[0], $first, PAYLOAD_OWNER, 'L', 1); return $n } ],
	# in the room for edges of a member, behind the headers
	[ 'hash of a code', 'code', sub { my ($n) = payload_of($_[0]); set($_[0], $n, HEADER, 'L', 77); return $n } ],
	[ 'payload of another version', 'payload',
		sub { my ($n, $first) = payload_of($_[0]); poke($_[0], $first, PAYLOAD_OWNER_VERSION, 'S', 7); return $n } ],
	[ 'parts in another order', 'payload',
		sub { my ($n, $first, $second) = payload_of($_[0]);
			poke($_[0], $first, PAYLOAD_PART, 'S', 1); return $n } ],
	[ 'payload in a circle', 'payload',
		sub { my ($n, $first) = payload_of($_[0]); poke($_[0], $first, PAGE_NEXT, 'L', $first); return $n } ],
	[ 'payload that ends too early', 'payload',
		sub { my ($n, $first) = payload_of($_[0]); poke($_[0], $first, PAGE_NEXT, 'L', NONE); return $n } ],
	[ 'payload that ends too late', 'payload',
		sub { my ($n, $first, $second) = payload_of($_[0]); poke($_[0], $second, PAGE_NEXT, 'L', $first); return $n } ],
	[ 'payload beyond the file', 'payload',
		sub { my ($n, $first) = payload_of($_[0]); poke($_[0], $first, PAGE_NEXT, 'L', 1_000_000); return $n } ],
	[ 'number of bytes on a page', 'payload',
		sub { my ($n, $first) = payload_of($_[0]); poke($_[0], $first, PAYLOAD_BYTES, 'L', 0xFFFFFFFF);
			return { block => $first } } ],
	[ 'few bytes on a page', 'payload',
		sub { my ($n, $first) = payload_of($_[0]); poke($_[0], $first, PAYLOAD_BYTES, 'L', 4);
			return $n } ],
	[ 'payload of two nodes', 'payload',
		sub { my ($n, $first) = payload_of($_[0], 0); my ($other) = payload_of($_[0], 1);
			set($_[0], $other, SLOT_PAYLOAD, 'L', $first); return $other } ],
	[ 'payload of no node', 'orphan_payload',
		sub { my ($n, $first) = payload_of($_[0]); set($_[0], $n, SLOT_PAYLOAD, 'L', NONE); return { block => $first } } ],
	[ 'row without a code', 'slot of a row',
		sub { my ($n, $first) = payload_of($_[0]); set($_[0], $n, SLOT_PAYLOAD, 'L', NONE); return $n } ],
	[ 'page that was never written', 'lost_space',
		sub { my $b = peek($_[0], 0, META_ROOM_FREE, 'L'); $_[0]{pages}[$b] = "\0" x 8192; return { block => $b } } ],
	[ 'free page on no list', 'lost_space', sub { return unlist($_[0], META_ROOM_FREE) } ],
	[ 'page with room on no list', 'lost_space', sub { return unlist($_[0], META_ROOM_NODE) } ],
	[ 'payload on a damaged page', 'payload',
		sub { my ($n, $first) = payload_of($_[0]); poke($_[0], $first, PAGE_ID, 'S', 1); return $n } ],
	[ 'step of a code of floats', 'code',
		sub { my ($n) = payload_of($_[0]); set($_[0], $n, CODE_STEP, 'f', 1); return $n } ],
	[ 'norm of a code of floats', 'code',
		sub { my ($n) = payload_of($_[0]); set($_[0], $n, CODE_OFFSET, 'f', 1); return $n } ],
	[ 'payload of zeros', 'payload',
		sub { my ($n, $first) = payload_of($_[0]); $_[0]{pages}[$first] = "\0" x 8192; return $n } ],
	[ 'coordinate that is not finite', 'code',
		sub { my ($n, $first) = payload_of($_[0]); poke($_[0], $first, PAYLOAD_START, 'f', 'nan'); return $n } ],
	[ 'another coordinate', 'code of a row',
		sub { my ($n, $first) = payload_of($_[0]); poke($_[0], $first, PAYLOAD_START, 'f', 100); return $n } ],
	[ 'edges in a flat list', 'slot',
		sub { my ($n) = payload_of($_[0]); set($_[0], $n, SLOT_DEGREE, 'S', 1); return $n } ],
	[ 'epoch of codes that have no mean', 'meta',
		sub { poke($_[0], 0, META_EPOCH, 'S', 1); poke($_[0], 0, META_MEAN, 'L', (payload_of($_[0]))[1]); return } ],
	[ 'root of a flat list', 'meta', sub { poke($_[0], 0, META_ROOT, 'L', 60); return } ],
	[ 'list that claims to be a graph', 'unlinked',
		sub { poke($_[0], 0, META_MODE, 'C', 2); return (payload_of($_[0]))[0] } ],
	[ 'list of free pages in a circle', 'list',
		sub { my $b = peek($_[0], 0, META_ROOM_FREE, 'L');
			poke($_[0], $b, PAGE_NEXT, 'L', $b); return { block => $b } } ],
	[ 'page that is not free on the list of free pages', 'list',
		sub { my ($n, $first) = payload_of($_[0]); poke($_[0], 0, META_ROOM_FREE, 'L', $first);
			return { block => $first } } ],
	[ 'bytes on a free page', 'page',
		sub { my $b = peek($_[0], 0, META_ROOM_FREE, 'L');
			poke($_[0], $b, 1000, 'L', 1); return { block => $b } } ],);

# ---------- damages of rows without a direction ----------

# Swap the heap TIDs of a node and of a row on the list of those without a
# direction; returns both slots.
sub swap_direction
{
	my ($index) = @_;
	my ($n) = slots_of($index, KIND_NODE);
	my $c = pick($index, KIND_POSTING, sub { get($index, $_, CHUNK_FLAGS, 'C') == (USED | SIDE_NAN) });
	my @tid = get($index, $n, NODE_TID, 'SSS');

	set($index, $n, NODE_TID, 'SSS', get($index, $c, CHUNK_TIDS, 'SSS'));
	set($index, $c, CHUNK_TIDS, 'SSS', @tid);
	return ($n, $c);
}

my @cosine_damages = (
	[ 'no direction in a node', 'code of a row', sub { return (swap_direction($_[0]))[0] } ],
	[ 'direction on the list of those without', 'code of a row', sub { return (swap_direction($_[0]))[1] } ],
	[ 'chunk of the list of those without a direction', 'posting',
		sub { my ($c) = slots_of($_[0], KIND_POSTING); set($_[0], $c, CHUNK_FLAGS, 'C', USED | SIDE_NULL); return $c } ],);

# ---------- damages of filter keys ----------

# Where the key of the one column is, which is a number.
use constant KEY => HEADER + DIMS;

my @key_damages = (
	[ 'another key', 'key of a row',
		sub { my ($n) = slots_of($_[0], KIND_NODE); set($_[0], $n, KEY, 'Q', get($_[0], $n, KEY, 'Q') + 1); return $n } ],
	[ 'key that is NULL', 'key of a row',
		sub { my ($n) = slots_of($_[0], KIND_NODE); set($_[0], $n, NODE_KEY_NULLS, 'S', 1); return $n } ],
	[ 'NULL in a column that there is not', 'slot',
		sub { my ($n) = slots_of($_[0], KIND_NODE); set($_[0], $n, NODE_KEY_NULLS, 'S', 2); return $n } ],
	[ 'keys of a node that has other rows, too', 'key of a row',
		sub { my ($index) = @_; my $n = pick($index, KIND_NODE, sub { (get($index, $_, SLOT_FLAGS, 'C') & MIXED) != 0 });
			set($index, $n, SLOT_FLAGS, 'C', get($index, $n, SLOT_FLAGS, 'C') & ~MIXED); return } ],
	[ 'fewer keys than columns', 'meta', sub { poke($_[0], 0, META_KEY_BYTES, 'S', 0); return { block => 0 } } ],
	[ 'half a key', 'meta', sub { poke($_[0], 0, META_KEY_BYTES, 'S', 4); return { block => 0 } } ],);

# ---------- the server ----------

my $node = PostgreSQL::Test::Cluster->new('damage');
my $no_checksums = $node->pg_version >= 18 ? ['--no-data-checksums'] : [];
$node->init(extra => $no_checksums);
# a crash must show as one, and damaged pages must not reach a disk
$node->append_conf('postgresql.conf', "restart_after_crash = off\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION omendb;
	CREATE FUNCTION pattern(n integer, dims integer) RETURNS vector
	LANGUAGE sql IMMUTABLE AS $$
		SELECT array_agg((n * d * 0.61803398875 + d * 0.41421356237)
						 % 1.0 - 0.5 ORDER BY d)::float8[]::vector
			FROM generate_series(1, dims) d
	$$;
	CREATE TABLE graph (id integer, v vector(16));
	INSERT INTO graph SELECT i, pattern(i, 16) FROM generate_series(1, 2000) i;
	INSERT INTO graph SELECT i, pattern(5, 16) FROM generate_series(1, 40) i;
	INSERT INTO graph SELECT i, NULL FROM generate_series(1, 40) i;
	CREATE INDEX graph_index ON graph USING omen_hnsw (v) WITH (m = 8, ef_construction = 32);
	CREATE TABLE list (id integer, v vector(2400));
	INSERT INTO list SELECT i, pattern(i, 2400) FROM generate_series(1, 12) i;
	VACUUM (FREEZE) graph;

	-- the first is deleted, but VACUUM has not seen that yet
	CREATE TABLE cut (id integer, v vector(2400));
	INSERT INTO cut SELECT i, pattern(i, 2400) FROM generate_series(1, 1100) i;
	CREATE INDEX cut_index ON cut USING omen_hnsw (v) WITH (storage = full, m = 4, ef_construction = 16);
	DELETE FROM cut WHERE id = 1;
	CREATE TABLE condemned (id integer, v vector(16));
	INSERT INTO condemned SELECT i, pattern(i, 16) FROM generate_series(1, 2000) i;
	CREATE INDEX condemned_index ON condemned USING omen_hnsw (v) WITH (m = 8, ef_construction = 32);
	DELETE FROM condemned WHERE id = 1;
});

sub file_of
{
	my ($relation) = @_;

	return $node->data_dir . '/'
	  . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$relation')");
}

if ($ENV{OMEN_TEST_QUICK})
{
	@$_ = @$_[ grep { $_ % 4 == 0 } 0 .. $#$_ ] for (\@graph_damages, \@list_damages);
}

# A table and an index for each damage.  Those with a graph get the pages of
# one that was built once.
my @cases;
foreach my $i (0 .. $#graph_damages)
{
	$node->safe_psql('postgres', qq{
		CREATE TABLE graph_$i (LIKE graph);
		CREATE INDEX graph_${i}_index ON graph_$i USING omen_hnsw (v)
			WITH (m = 8, ef_construction = 32);});
	push @cases, [ "graph_$i", 16, $graph_damages[$i]->@* ];
}
foreach my $i (0 .. $#list_damages)
{
	$node->safe_psql('postgres', qq{
		CREATE TABLE list_$i (LIKE list);
		CREATE INDEX list_${i}_index ON list_$i USING omen_hnsw (v) WITH (storage = full);
		INSERT INTO list_$i SELECT * FROM list;
		DELETE FROM list_$i WHERE id > 8;
		VACUUM list_$i;});
	push @cases, [ "list_$i", 2400, $list_damages[$i]->@* ];
}
foreach my $i (0 .. $#cosine_damages)
{
	$node->safe_psql('postgres', qq{
		CREATE TABLE cosine_$i (LIKE graph);
		CREATE INDEX cosine_${i}_index ON cosine_$i USING omen_hnsw (v vector_cosine_ops);
		INSERT INTO cosine_$i SELECT i, pattern(i, 16) FROM generate_series(1, 5) i;
		INSERT INTO cosine_$i SELECT i, pattern(1, 16) - pattern(1, 16) FROM generate_series(1, 5) i;});
	push @cases, [ "cosine_$i", 16, $cosine_damages[$i]->@* ];
}
foreach my $i (0 .. $#key_damages)
{
	$node->safe_psql('postgres', qq{
		CREATE TABLE key_$i (LIKE graph);
		CREATE INDEX key_${i}_index ON key_$i USING omen_hnsw (v, id);
		INSERT INTO key_$i SELECT i, pattern(i, 16) FROM generate_series(1, 10) i;
		INSERT INTO key_$i SELECT i, pattern(11, 16) FROM generate_series(11, 20) i;});
	push @cases, [ "key_$i", 16, $key_damages[$i]->@* ];
}
is($node->safe_psql('postgres', "SELECT severity, kind, detail FROM omen_hnsw_check('key_0_index', true)"),
	'', 'the index with keys is healthy before');
is($node->safe_psql('postgres', "SELECT severity, kind, detail FROM omen_hnsw_check('graph_index', true)"),
	'', 'the graph is healthy before');
is($node->safe_psql('postgres', "SELECT severity, kind, detail FROM omen_hnsw_check('list_0_index', true)"),
	'', 'the flat list is healthy before');
is($node->safe_psql('postgres', "SELECT severity, kind, detail FROM omen_hnsw_check('cosine_0_index', true)"),
	'', 'the list of rows without a direction is healthy before');

my %heap_files = map { $_->[0] => file_of($_->[0]) } @cases;
my %index_files = map { $_->[0] => file_of("$_->[0]_index") } @cases;
my $graph_heap = file_of('graph');
my $graph_index = file_of('graph_index');
my $cut_index = file_of('cut_index');
my $condemned_index = file_of('condemned_index');
$node->stop;

my %places;
my $heap_pages = slurp_file_binary($graph_heap);
foreach my $case (@cases)
{
	my ($table, undef, undef, undef, $damage) = @$case;
	my $from_graph = $table =~ /^graph/;
	my $index = read_index($from_graph ? $graph_index : $index_files{$table});

	$places{$table} = $damage->($index);
	write_file($heap_files{$table}, $heap_pages) if $from_graph;
	write_file($index_files{$table}, join('', @{ $index->{pages} }));
}

# The node of the first row of a table, if that has a node of its own.
sub first_node
{
	my ($index) = @_;

	return pick($index, KIND_NODE, sub { join(',', get($index, $_, NODE_TID, 'SSS')) eq '0,0,1' });
}

# The node of the deleted row, as if its insert had been cut before it pointed
# at its payload.
my $cut = read_index($cut_index);
my $cut_node = first_node($cut);
my $cut_payload = get($cut, $cut_node, SLOT_PAYLOAD, 'L');
set($cut, $cut_node, SLOT_FLAGS, 'C', USED | LINKING);
set($cut, $cut_node, SLOT_PAYLOAD, 'L', NONE);
write_file($cut_index, join('', @{ $cut->{pages} }));

# The same, as if a VACUUM had been cut before it freed the last of its nodes, and
# others before they listed the pages that they had freed slots on.
my $condemned = read_index($condemned_index);
set($condemned, first_node($condemned), SLOT_FLAGS, 'C', USED | CONDEMNED);
unlist($condemned, META_ROOM_NODE);
unlist($condemned, META_ROOM_UPPER);
write_file($condemned_index, join('', @{ $condemned->{pages} }));
$node->start;

# One dead node among many is not freed, but what nobody can use any more is.
my $orphans = "SELECT count(*) FILTER (WHERE block = $cut_payload), count(*) FROM omen_hnsw_check('cut_index') WHERE kind = 'orphan_payload'";
is($node->safe_psql('postgres', $orphans), '1|2', 'payload of a cut insert is found');
is($node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP ON) cut; SELECT dead_nodes FROM omen_hnsw_info('cut_index')"),
	'1', 'VACUUM leaves the node of a cut insert');
is($node->safe_psql('postgres', $orphans), '0|0', 'and frees its payload');

# It is freed if a VACUUM had begun to, and what has room is listed.
is($node->safe_psql('postgres', "SELECT count(*) FROM omen_hnsw_check('condemned_index') WHERE kind = 'lost_space' AND severity = 'leftover'"),
	'2', 'pages with room on no list are found');
is($node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP ON) condemned; SELECT dead_nodes FROM omen_hnsw_info('condemned_index')"),
	'0', 'VACUUM finishes what another began');
is($node->safe_psql('postgres', "SELECT severity, kind, detail FROM omen_hnsw_check('condemned_index', true)"),
	'', 'and leaves a sound index');

# ---------- what is found ----------

# A damaged index may make everything as slow as a pass over its pages.
my $timeout = $PostgreSQL::Test::Utils::timeout_default / 3;

# All that one may do to a table.  Each statement may fail, none may crash or
# take for ever.
sub use_table
{
	my ($table, $dims) = @_;

	return qq{
		SET enable_seqscan = off;
		SET statement_timeout = '${timeout}s';
		SET client_min_messages = error;
		SELECT count(*) FROM (SELECT id FROM $table ORDER BY v <-> pattern(1, $dims) LIMIT 50) s;
		SELECT count(*) FROM (SELECT id FROM $table ORDER BY v <-> pattern(5, $dims)) s;
		SELECT count(*) FROM (SELECT id FROM $table ORDER BY v <-> NULL::vector) s;
		SELECT count(*) FROM (SELECT id FROM $table WHERE id < 5 ORDER BY v <-> pattern(1, $dims) LIMIT 50) s;
		SELECT * FROM omen_hnsw_info('${table}_index');
		INSERT INTO $table SELECT i, pattern(i + 9000, $dims) FROM generate_series(1, 80) i;
		INSERT INTO $table SELECT i, pattern(5, $dims) FROM generate_series(1, 15) i;
		INSERT INTO $table SELECT i, NULL FROM generate_series(1, 15) i;
		DELETE FROM $table WHERE id % 3 = 0;
		VACUUM $table;
		INSERT INTO $table VALUES (1, pattern(9200, $dims));
		SELECT count(*) FROM omen_hnsw_check('${table}_index', true);
		SELECT 'survived';
	};
}

foreach my $case (@cases)
{
	my ($table, $dims, $name, $expected, undef) = @$case;
	my ($kind, $of_row) = $expected =~ /^(\w+)( of a row)?$/;
	my $check = "omen_hnsw_check('${table}_index', " . ($of_row ? 'true' : 'false') . ')';
	my $place = $places{$table};
	my $where = '';
	my ($out, $err);

	# what a crash may leave is no error
	$where .= " AND severity = '" . ($kind =~ /^(?:orphan_|lost_)/ ? 'leftover' : 'error') . "'";
	$where .= " AND block = $place->{block}" if $place;
	$where .= " AND slot = $place->{slot}" if $place && defined $place->{slot};
	$node->psql('postgres', "SELECT count(*) > 0 FROM $check WHERE kind = '$kind'$where",
		stdout => \$out, stderr => \$err);
	is("$out$err", 't', "$name: found as $kind")
	  or diag($node->safe_psql('postgres', "SELECT severity, kind, block, slot, detail FROM $check LIMIT 20"));

	my $timed_out = 0;
	$node->psql('postgres', use_table($table, $dims), on_error_stop => 0,
		stdout => \$out, stderr => \$err, timeout => $timeout, timed_out => \$timed_out);
	ok(!$timed_out && $err !~ /statement timeout/, "$name: no statement takes for ever");
	# of the storage manager, which knows files and no indexes
	unlike($err, qr/could not (?:read|open)/, "$name: errors name the index");
	next if like($out, qr/survived\z/, "$name: the session survives use of the index");
	diag($err);
	$node->stop('immediate', fail_ok => 1);
	$node->start;
}
unlike(slurp_file($node->logfile), qr/terminated by signal|TRAP|PANIC/,
	'no process crashed');
$node->stop('immediate');

done_testing();
