# Builds that are canceled, terminated or fail, at random moments in each of
# their phases, with and without parallel workers: they end at once and leave
# nothing behind.  OMEN_TEST_MOMENTS is how many moments in each phase, without
# workers and with them: more with OMEN_TEST_SOAK=1, fewer with OMEN_TEST_QUICK=1.
use strict;
use warnings;

use OmenTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'time';

# A build must notice within so many seconds of CPU time; it should within one.
my $patience = 3;
my $moments = $ENV{OMEN_TEST_MOMENTS} || ($ENV{OMEN_TEST_SOAK} ? 20 : $ENV{OMEN_TEST_QUICK} ? 1 : 4);
my $timeout = $PostgreSQL::Test::Utils::timeout_default;

# Vectors are sums of two, which are made quickly; one in six is a copy.
my $node = start_node('main', 'fsync = off', 'shared_buffers = 128MB', 'max_wal_size = 2GB',
	'max_worker_processes = 8', 'max_parallel_workers = 8', 'dynamic_shared_memory_type = mmap',
	"statement_timeout = ${timeout}s");
create_made_vector($node);
$node->safe_psql('postgres', q{
	CREATE TABLE item (id serial, v vector(64));
	WITH part AS MATERIALIZED (SELECT i, made_vector(i, 64, 50) AS v FROM generate_series(1, 310) i)
	INSERT INTO item (v) SELECT a.v + b.v FROM part a, part b WHERE a.i <= b.i;
	INSERT INTO item (v) SELECT v FROM item WHERE id % 5 = 0;
	ANALYZE item;

	-- Wait for a phase of a build, and some seconds more; then end it.  The phase is NULL if the build was over before;
	-- seconds are the CPU time that it takes until it is gone, with its workers.
	CREATE FUNCTION strike(how text, wanted text, delay float8, OUT phase text, OUT seconds float8)
	LANGUAGE plpgsql AS $$
	DECLARE
		build record;
		builder int;
		processes int[];
		cpu float8[];
		cpu_before float8[];
	BEGIN
		FOR i IN 1 .. 100000 LOOP
			PERFORM pg_stat_clear_snapshot();
			SELECT p.pid, p.phase, p.tuples_total INTO build FROM pg_stat_progress_create_index p;
			IF NOT FOUND THEN
				EXIT WHEN builder IS NOT NULL;
			ELSE
				builder := build.pid;
				-- upper layers come first, and are over at once
				EXIT WHEN build.phase = 'building index: ' || wanted
					AND (wanted !~ 'leaves|neighbors|pages' OR build.tuples_total > 20000);
			END IF;
			PERFORM pg_sleep(0.001);
		END LOOP;
		IF builder IS NULL THEN
			RAISE 'there was no build';
		END IF;
		PERFORM pg_sleep(delay);

		PERFORM pg_stat_clear_snapshot();
		SELECT p.phase INTO phase FROM pg_stat_progress_create_index p;
		IF NOT FOUND THEN
			RETURN;
		END IF;
		processes := ARRAY(SELECT a.pid FROM pg_stat_activity a WHERE builder IN (a.pid, a.leader_pid));
		cpu_before := ARRAY(SELECT cpu_seconds(p) FROM unnest(processes) p);
		cpu := cpu_before;
		IF how = 'cancel' THEN
			PERFORM pg_cancel_backend(builder);
		ELSE
			PERFORM pg_terminate_backend(builder);
		END IF;
		LOOP
			PERFORM pg_stat_clear_snapshot();
			PERFORM 1 FROM pg_stat_activity WHERE pid = builder AND (how <> 'cancel' OR state = 'active');
			EXIT WHEN NOT FOUND;
			PERFORM pg_sleep(0.001);
			cpu := ARRAY(SELECT coalesce(cpu_seconds(p), c) FROM unnest(processes, cpu) u (p, c));
		END LOOP;
		seconds := (SELECT coalesce(sum(c - b), 0) FROM unnest(cpu, cpu_before) u (c, b));
	END $$;

	-- Watch a build from beginning to end: the seconds that each phase takes.
	-- What comes for upper layers first is of the same name, and is over at
	-- once.
	CREATE FUNCTION watch() RETURNS TABLE (phase text, seconds float8)
	LANGUAGE plpgsql AS $$
	DECLARE
		now_in text;
		was_in text;
		began timestamptz;
		seen bool := false;
	BEGIN
		LOOP
			PERFORM pg_stat_clear_snapshot();
			now_in := (SELECT replace(p.phase, 'building index: ', '') FROM pg_stat_progress_create_index p);
			IF now_in IS DISTINCT FROM was_in THEN
				IF was_in IS NOT NULL THEN
					phase := was_in;
					seconds := extract(epoch FROM clock_timestamp() - began);
					RETURN NEXT;
				END IF;
				began := clock_timestamp();
				was_in := now_in;
			END IF;
			seen := seen OR now_in IS NOT NULL;
			EXIT WHEN seen AND now_in IS NULL;
			PERFORM pg_sleep(0.001);
		END LOOP;
	END $$;
});
note($node->safe_psql('postgres', 'SELECT count(*) FROM item') . ' rows');

# Start to build in a session of its own, which stays when that is done.  A
# session keeps some shared memory from its first parallel query on: so that
# comes first, and what is there then is clean.
sub start_build
{
	my ($workers, @settings) = @_;
	my %build = (input => join(";\n", "ALTER TABLE item SET (parallel_workers = $workers)",
			'SET parallel_setup_cost = 0', 'SET parallel_tuple_cost = 0', 'SELECT min(id) FROM item') . ";\n\\echo ready\n",
		output => '');

	$build{run} = IPC::Run::start([ 'psql', '-qXAt', '-d', $node->connstr('postgres'), '-f', '-' ],
		'<', \$build{input}, '&>', \$build{output});
	$build{run}->pump while $build{output} !~ /^1\nready\n/;
	$build{output} = '';
	$build{clean} = build_leftovers($node, 'item');
	$build{input} = join(";\n", "SET max_parallel_maintenance_workers = $workers", @settings,
		'CREATE INDEX item_index ON item USING omen_hnsw (v)') . ";\n\\echo done\n";
	$build{run}->pump_nb while length $build{input};
	return \%build;
}

# Wait until it is done or its session is gone.  Returns its messages.
sub wait_for_build
{
	my ($build) = @_;

	while ($build->{output} !~ /^done$/m)
	{
		eval { $build->{run}->pump; 1 } or last;
	}
	$build->{output} =~ s/^done\n//m;
	return $build->{output};
}

sub end_session { $_[0]{run}->finish; return; }

# The same at once: a build from beginning to end.
sub whole_build
{
	my $build = start_build(@_);
	my $output = wait_for_build($build);

	end_session($build);
	return $output;
}

my $clean = build_leftovers($node, 'item');
unlike($clean, qr/pgsql_tmp|process|lock/, 'at first there is nothing left over');

# Files of the database, once those of dropped relations are gone.
sub files
{
	return $node->safe_psql('postgres', "CHECKPOINT;
		SELECT count(*) FROM pg_ls_dir('base/' || (SELECT oid FROM pg_database WHERE datname = 'postgres')) f
		WHERE f ~ '^[0-9]+\$'");
}

# What a build that did not succeed left, a line for each thing.  Its session
# may be there or not.
sub remains
{
	my ($build) = @_;

	wait_for_sessions($node) unless $build;
	my $found = build_leftovers($node, 'item');
	my $index = $node->safe_psql('postgres', "SELECT 'index ' || relname FROM pg_class WHERE relname ~ 'item_index'");

	return ($found eq $clean || $found eq ($build->{clean} // '') ? '' : $found) . $index;
}

# End a build.  Returns the phase that it was in, or nothing if it was over.
sub end_build
{
	my ($how, $workers, $wanted, $delay, $when, @settings) = @_;
	my $build = start_build($workers, @settings);
	my ($phase, $seconds) = split /\|/,
	  $node->safe_psql('postgres', sprintf("SELECT * FROM strike('%s', '%s', %f)", $how, $wanted, $delay));

	my $output = wait_for_build($build);
	# too late, or so late that the build could not be stopped any more
	if ($phase eq '' || $output eq '')
	{
		is($output, '', "nothing went wrong $when, which was too late");
		end_session($build);
		$node->safe_psql('postgres', 'DROP INDEX item_index');
		return;
	}
	$phase =~ s/^building index: //;
	like($output, $how eq 'cancel' ? qr/ERROR:  canceling statement due to user request/
		: qr/FATAL:  terminating connection due to administrator command/, "a build ends $when ($phase)");
	unlike($output, qr/WARNING|PANIC|leak/, "without complaints $when");
	cmp_ok($seconds, '<', $patience, "soon $when ($phase)");
	is(remains($build), '', "nothing is left over $when ($phase)");
	end_session($build);
	return $phase;
}

# How long builds take, which warms the caches, too.
my %duration;
for my $workers (0, 2)
{
	for (1 .. 3)
	{
		my $start = time;
		my $output = whole_build($workers);

		$start = time - $start;
		$duration{$workers} = $start if $start < ($duration{$workers} // 1000);
		is($output, '', "a build with $workers workers");
		$node->safe_psql('postgres', 'DROP INDEX item_index');
	}
	note(sprintf '%d workers: %.2f s', $workers, $duration{$workers});
	is(remains(), '', "nothing is left over after builds with $workers workers");
}
my $files = files();

# Phases in their order.  Those that last are not to be missed; the others
# take a few thousandths of a second.
my @phases = (
	[ 'sampling vectors', 0 ],
	[ 'scanning table', 1 ],
	[ 'finding equal vectors', 0 ],
	[ 'assigning vectors to leaves', 1 ],
	[ 'ordering vectors', 0 ],
	[ 'comparing vectors within leaves', 1 ],
	[ 'choosing neighbors', 1 ],
	[ 'writing pages', 1 ],
	[ 'choosing parents', 0 ],
	[ 'attaching equal vectors', 0 ],
	[ 'writing WAL', 0 ]);

# How long each phase of a build takes: the longest that is seen of it.
sub phase_seconds
{
	my ($workers) = @_;
	my $build = start_build($workers);
	my %seconds;

	for (split /\n/, $node->safe_psql('postgres', 'SELECT * FROM watch()'))
	{
		my ($phase, $seconds) = split /\|/;

		$seconds{$phase} = $seconds if $seconds > ($seconds{$phase} // 0);
	}
	is(wait_for_build($build), '', "a build with $workers workers that is watched");
	end_session($build);
	$node->safe_psql('postgres', 'DROP INDEX item_index');
	return \%seconds;
}

srand(20);
for my $workers (0, 2)
{
	my $seconds = phase_seconds($workers);
	my $phases_hit = 0;

	for (@phases)
	{
		my ($wanted, $lasts) = @{$_};
		my $hits = 0;
		my $length = $seconds->{$wanted} // 0;

		# each in its own part of the phase, the last a little before its end;
		# sooner if this build turns out to be faster than the one watched, and
		# often, as whoever strikes may get no processor in time
		for my $try (1 .. $moments)
		{
			my $delay = ($try - rand) / ($moments + 1) * $length;
			my $phase = '';

			for (my $attempt = 1; $phase ne $wanted && $attempt <= ($lasts ? 40 : 1); $attempt++, $delay /= 2)
			{
				$phase = end_build('cancel', $workers, $wanted, $delay,
					"after canceling it when $wanted with $workers workers, moment $try, attempt $attempt") // '';
			}
			$hits++ if $phase eq $wanted;
		}
		cmp_ok($hits, '>=', $moments / 2, "most moments when $wanted with $workers workers were in time") if $lasts;
		note(sprintf '%s with %d workers: %.3f s, %d of %d moments', $wanted, $workers, $length, $hits, $moments);
		$phases_hit++ if $hits;
	}
	note("$phases_hit of " . @phases . " phases were hit with $workers workers");
	cmp_ok($phases_hit, '>=', 7, "most phases were hit with $workers workers");
}

# Where comparing takes many times as long, so that it matters that it looks
# for interrupts.
for my $workers (0, 2)
{
	for my $delay (0, 0.2)
	{
		my $slow = 'comparing vectors within leaves';
		my $phase;

		# less than that where comparing does not take so long
		for (my $sooner = $delay; ($phase // '') ne $slow && ($sooner == $delay || $sooner > 0.01); $sooner /= 2)
		{
			$phase = end_build('cancel', $workers, $slow, $sooner,
				"after canceling it $sooner s into slow comparisons with $workers workers", 'SET omendb.simd = scalar');
		}
		is($phase, $slow, "slow comparisons were hit after $delay s or sooner with $workers workers");
	}
}

# The backend itself goes.
for my $workers (0, 2)
{
	my $phase = end_build('terminate', $workers, 'comparing vectors within leaves', 0.05 * $duration{$workers},
		"after terminating the backend with $workers workers");

	ok(defined $phase, "a backend was terminated with $workers workers");
}

# No room for temporary files.
for my $workers (0, 2)
{
	my $build = start_build($workers, q{SET temp_file_limit = '1MB'});

	like(wait_for_build($build), qr/ERROR:  temporary file size exceeds ("?)temp_file_limit\1 /,
		"a build that exceeds temp_file_limit fails with $workers workers");
	is(remains($build), '', "nothing is left over after a build that exceeds temp_file_limit with $workers workers");
	end_session($build);
}

# A transaction that goes on after it.
for my $workers (0, 2)
{
	is($node->safe_psql('postgres', "ALTER TABLE item SET (parallel_workers = $workers);
		SET max_parallel_maintenance_workers = $workers; SET client_min_messages = error;
		BEGIN; SAVEPOINT before; CREATE INDEX item_index ON item USING omen_hnsw (v); ROLLBACK TO before;
		DO 'BEGIN SET LOCAL temp_file_limit = 1024; CREATE INDEX item_index ON item USING omen_hnsw (v);
			EXCEPTION WHEN configuration_limit_exceeded THEN NULL; END';
		CREATE INDEX item_index ON item USING omen_hnsw (v); COMMIT;
		SELECT count(*) FROM omen_hnsw_check('item_index', true); DROP INDEX item_index"),
		'0', "a transaction builds after failing to, with $workers workers");
	is(remains(), '', "nothing is left over after that, with $workers workers");
}

is(files(), $files, 'no files of indexes remain');

for my $workers (0, 2)
{
	is(whole_build($workers), '', "a build with $workers workers succeeds after all that");
	check_index($node, 'item_index', "after all that, with $workers workers");
	$node->safe_psql('postgres', 'DROP INDEX item_index');
}
unlike(slurp_file($node->logfile), qr/WARNING|PANIC|TRAP|leak/, 'the server had nothing to complain about');

$node->stop;
done_testing();
