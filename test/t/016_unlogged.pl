# An index of an unlogged table after a crash that comes before any checkpoint:
# it is made anew from its init fork, which must be in the log for that.
use strict;
use warnings;

use OmenTest;
use Test::More;

# Nobody writes the pages of the init fork out before the crash.
my $node = start_node('main', 'fsync = off', 'checkpoint_timeout = 1h', 'bgwriter_lru_maxpages = 0');
$node->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE fleeting (id int, v vector(3));
	CREATE INDEX fleeting_index ON fleeting USING omen_hnsw (v);
	INSERT INTO fleeting SELECT i, ARRAY[i, 1, 2]::vector FROM generate_series(1, 1500) i;
});
$node->stop('immediate');
$node->start;

my $nearest = "SET enable_seqscan = off; SELECT id FROM fleeting ORDER BY v <-> '[777.25,1,2]' LIMIT 3";
is($node->safe_psql('postgres', $nearest), '', 'the index is empty after a crash');
$node->safe_psql('postgres', 'INSERT INTO fleeting SELECT i, ARRAY[i, 1, 2]::vector FROM generate_series(1, 1500) i');
is($node->safe_psql('postgres', $nearest), "777\n778\n776", 'and can be filled again');
check_index($node, 'fleeting_index', 'after a crash and inserts');
$node->stop;
done_testing();
