# Shell functions that run each kind of test, and say what they try and for how
# long they may.  Sourced after lib.sh by test/run and by test/mutants/run: what
# a mutant is tried with is what CI runs, no more and no less.
#
# They expect the sources in $work/source and $testtools, the folder of the test
# programs that come with the server's headers.

# Tests look at these to choose how much they try.  test/run sets them from its
# options; without one, a run on the installed PostgreSQL, both are empty.
quick=
soak=

selection()
{
	say "OMEN_TEST_QUICK=${OMEN_TEST_QUICK:-${quick:+1}}"
	say "OMEN_TEST_SOAK=${OMEN_TEST_SOAK:-${soak:+1}}"
}

# ---------- limits ----------

# How long a suite may take, or a TAP test, in seconds: four times what the
# longest takes, which is so long only because others run beside it.  It is a
# limit for what hangs.
SUITE_LIMIT=600

# How long a test may wait for something that comes at once, in seconds:
# PostgreSQL's own default.
WAIT_LIMIT=180

# All of that on a machine where the first build of the library takes as many
# seconds as this, on as many cores: an AMD EPYC of 2025 (family 26) in a virtual
# machine, PostgreSQL 15 with bitcode.
REFERENCE_SECONDS=12
REFERENCE_JOBS=2

# How many percent of what the reference takes this machine takes, as busy as it
# is: never less than 100.
slowness=100

# measure_machine MILLISECONDS: what that build took here.  It does not use more
# than eight cores well.
measure_machine()
{
	local cores=$((jobs < 8 ? jobs : 8))

	slowness=$(($1 * cores / (REFERENCE_SECONDS * REFERENCE_JOBS * 10)))
	[ "$slowness" -ge 100 ] || slowness=100
}

# scaled SECONDS: so long on this machine.
scaled()
{
	say "$(($1 * slowness / 100))"
}

# How long a test may wait here, in seconds.
wait_limit()
{
	say "${PG_TEST_TIMEOUT_DEFAULT:-$(scaled "$WAIT_LIMIT")}"
}

# What one suite or TAP test may take here, in seconds.  Whoever wants another
# limit says so in OMEN_SUITE_SECONDS.
suite_limit()
{
	if [ -n "${OMEN_SUITE_SECONDS:-}" ]; then
		say "$OMEN_SUITE_SECONDS"
	elif [ -n "$soak" ]; then
		say 86400
	else
		scaled "$SUITE_LIMIT"
	fi
}

# Run a command in the sources.  One that takes longer than $limit, if that is
# set, or than a suite may is ended: then 124 is returned, and nothing else that
# it might return looks so.
in_source()
{
	local seconds=${limit:-$(suite_limit)} status=0 start=$SECONDS

	as_user timeout --kill-after=30 "$seconds" env -C "$work/source" "$@" ||
		status=$?
	# it had to be killed
	if [ "$status" = 137 ] && [ "$((SECONDS - start))" -ge "$seconds" ]; then
		status=124
	fi
	return "$status"
}

# running_test SUITE LOG: which test of a suite that was ended was running, by
# what it had printed.
running_test()
{
	local name

	case $1 in
		regress | regress-scalar | regress-jit | isolation)
			# some versions name a test before it ends, others do not
			for name in $("names_of_${1%%-*}" "$1"); do
				grep -qE "^test +$name +\.\.\. +(ok|FAILED|failed) |^(not )?ok +[0-9]+ +[-+] +$name +" "$2" ||
					{ say "$name"; return; }
			done
			say "none of its tests"
			;;
		unit* | fuzz)
			name=$(sed -n 's/^== //p' "$2" | tail -n 1)
			say "${name:-make, which builds its programs}"
			;;
		*)
			# whatever prints names of files, or else the last that it said
			name=$(grep -oE '^[^ ]+\.(sql|pl|md|py)\b' "$2" | tail -n 1)
			say "${name:-what follows \"$(tail -n 1 "$2" | cut -c -70)\"}"
			;;
	esac
}

# ---------- kinds of tests ----------

# unit [PROGRAM...]: of test/unit, with the sanitizers.
unit()
{
	in_source make -s -j "$jobs" -C test/unit ${1:+TESTS="$*"} check
}

# unit_arm PROGRAM: the same on 64-bit Arm, emulated.
unit_arm()
{
	in_source make -s -j "$jobs" -C test/unit CLANG=clang-14 TESTS="$1" \
		TABLE_TESTS="$1" ARM_CLANG_TESTS="$1" check-arm
}

# What pg_regress runs in a suite.
names_of_regress()
{
	if [ "$1" = regress-jit ]; then
		say "$jit_tests"
	else
		(cd "$work/source/sql" && ls ./*.sql) | sed 's,^\./,,; s,\.sql$,,'
	fi
}

# regress [NAME...]: files of sql.
regress()
{
	in_source make -s installcheck ${1:+REGRESS="$*"}
}

names_of_isolation()
{
	(cd "$work/source/test/isolation/specs" && ls ./*.spec) |
		sed 's,^\./,,; s,\.spec$,,'
}

# isolation [NAME...]: specs of test/isolation.
isolation()
{
	if [ $# = 0 ]; then
		# shellcheck disable=SC2046
		set -- $(names_of_isolation)
	fi
	as_user mkdir -p "$work/isolation"
	in_source "$testtools/isolation/pg_isolation_regress" \
		--inputdir=test/isolation --outputdir="$work/isolation" \
		--load-extension=omendb --dbname=isolation_regression "$@"
}

pgtap()
{
	as_user createdb pgtap &&
		as_user psql -qX -v ON_ERROR_STOP=1 -d pgtap \
			-c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION omendb' &&
		in_source pg_prove -v -d pgtap test/pgtap/*.sql
}

# tap_file FILE: a script in test/t.  Its servers are its own, on sockets in
# folders of their own; all files together keep to one list of ports.
tap_file()
{
	as_user mkdir -p "$work/tap" "$work/tap/ports"
	# shellcheck disable=SC2046
	in_source env -u PGHOST -u PGUSER PGPORT=65432 $(selection) \
		PG_TEST_TIMEOUT_DEFAULT="$(wait_limit)" \
		TESTDIR="$work/tap" TESTDATADIR="$work/tap" TESTLOGDIR="$work/tap" \
		PG_TEST_PORT_DIR="$work/tap/ports" \
		PG_REGRESS="$testtools/regress/pg_regress" \
		prove -v --timer -I "$testtools/perl" -I test/perl "$1"
}

# stop_tap_servers [NAME]: stop what TAP tests that were ended have left running,
# or that one.
stop_tap_servers()
{
	local file

	while read -r file; do
		as_user pg_ctl -s -m immediate -D "$(dirname "$file")" stop
	done < <(find "$work/tap" -path "*/t_${1:-}*" -name postmaster.pid \
		2>/dev/null)
}
