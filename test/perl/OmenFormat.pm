# Where things are on the pages of an index, for tests that look at them or damage
# them: what test/unit/print_format.c says, by the names that it has for them.
# Each is a constant.  fields('META') are all fields of a part, by their names in
# lower case, as [offset, template of pack].
package OmenFormat;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);

my %values;
my %sizes;

BEGIN
{
	my $folder = abs_path(dirname(__FILE__)) . '/../unit';
	my $output = qx{make -s -C '$folder' print-format 2>&1};

	die "could not tell the offsets in pages:\n$output" if $? != 0;
	foreach my $line (split /\n/, $output)
	{
		my ($name, $value, $size) = $line =~ /^(\w+) (\d+)(?: (\d+))?$/
		  or die "cannot make sense of \"$line\"";

		$values{$name} = $value + 0;
		$sizes{$name} = $size + 0 if defined $size;
	}
}
use constant \%values;

our @EXPORT = ('fields', keys %values);

my %templates = (1 => 'C', 2 => 'S', 4 => 'L', 8 => 'Q');

# Fields that one number can hold.
sub fields
{
	my ($part) = @_;
	my %fields;

	foreach my $name (keys %sizes)
	{
		my ($field) = $name =~ /^${part}_(\w+)$/ or next;

		$fields{ lc($field) } = [ $values{$name}, $templates{ $sizes{$name} } ] if $templates{ $sizes{$name} };
	}
	return %fields;
}

1;
