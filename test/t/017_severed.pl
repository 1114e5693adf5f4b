# An index whose edges in layer 0 are gone, first those of the root: a check says
# so.  Then those of all nodes: a search meets one node, and a scan gives all rows
# none the less, by a look at all nodes; those that are nearer than what went out
# before are left out, so that the order holds.
use strict;
use warnings;

use OmenFormat;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Without checksums, which the server would complain of first.
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => $node->pg_version >= 18 ? ['--no-data-checksums'] : []);
$node->append_conf('postgresql.conf', "fsync = off\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION omendb');
$node->safe_psql('postgres', q{
	CREATE TABLE item (id int, v vector(16));
	INSERT INTO item SELECT i, (SELECT array_agg(hashint4(i * 100 + d) % 1000) FROM generate_series(1, 16) d)::vector
		FROM generate_series(1, 3000) i;
	CREATE INDEX item_index ON item USING omen_hnsw (v) WITH (m = 8, ef_construction = 32);
});
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('item_index')");

# Take the edges from those nodes that a test accepts by their ids.  Returns how
# many.
sub sever
{
	my ($accept) = @_;
	my $severed = 0;

	$node->stop;
	open(my $file, '+<:raw', $path) or die "could not open $path: $!";
	my $content = do { local $/; <$file> };
	my $stride = unpack('L', substr($content, META_NODE_STRIDE, 4));
	my $per_page = int((SPECIAL - PAGE_START) / $stride);
	my $root = unpack('L', substr($content, META_ROOT, 4));

	for my $block (1 .. length($content) / PAGE - 1)
	{
		my $kind = unpack('C', substr($content, $block * PAGE + PAGE_KIND, 1));
		my $used = unpack('S', substr($content, $block * PAGE + PAGE_USED, 2));

		next if $kind != KIND_NODE;
		for my $slot (0 .. $used - 1)
		{
			next if !$accept->($block * $per_page + $slot, $root);
			substr($content, $block * PAGE + PAGE_START + $slot * $stride + SLOT_DEGREE, 2) = pack('S', 0);
			$severed++;
		}
	}
	seek($file, 0, 0);
	print $file $content;
	close($file) or die "could not write $path: $!";
	$node->start;
	return $severed;
}

is(sever(sub { my ($id, $root) = @_; return $id == $root }), 1, 'the root has no edge any more');
is($node->safe_psql('postgres', q{SELECT kind, count(*) > 0, count(*) > 2000 FROM omen_hnsw_check('item_index') GROUP BY 1 ORDER BY 1}),
	"parent|t|f\nunreachable|t|t", 'its children have no parent, and nothing leads to theirs');

is(sever(sub { return 1 }), 3000, 'no node has an edge any more');
my ($rows, $different, $in_order, $late) = split /\|/, $node->safe_psql('postgres', q{
	SET enable_seqscan = off;
	SET enable_sort = off;
	SET omendb.enable_scan = off;
	SELECT s.*, late FROM (SELECT count(*) AS n, count(DISTINCT id), bool_and(d >= previous) FROM
		(SELECT id, d, lag(d, 1, 0::float8) OVER () AS previous FROM
			(SELECT id, v <-> (SELECT array_agg(100 * i) FROM generate_series(1, 16) i)::vector AS d
			 FROM item ORDER BY d LIMIT 5000) s) s) s, LATERAL (SELECT late FROM omen_hnsw_last_scan() WHERE s.n > 0) l});
is($in_order, 't', 'rows come in order');
is($different, $rows, 'each once');
is($rows + $late, 3000, 'and all but those that are late');
cmp_ok($late, '>', 0, 'of which there are some');
cmp_ok($rows, '>', 1, 'but not all others');
$node->stop('immediate');
done_testing();
