# Shell functions that try clients: the virtual environment that they are in, the
# servers that they try, and how they are run.  Sourced after lib.sh by test/run
# and by test/clients/run.

# Where virtual environments are kept, one for each list of packages.
if [ "$(id -u)" = 0 ]; then
	clients_home=${OMEN_CLIENTS_DIR:-/var/cache/omendb-clients}
else
	clients_home=${OMEN_CLIENTS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/omendb-clients}
fi

# Debian's own, which every user can run.
clients_python=/usr/bin/python3

# What find_clients returns where clients cannot be had and need not be tried.
NO_CLIENTS=3

# Lines of pytest's log, one for each case.
CASE_PASSED='^[^ ]+::.* PASSED +\[ *[0-9]+%\]$'
CASE_FAILED='^[^ ]+::.* (FAILED|ERROR) +\[ *[0-9]+%\]$'

# ---------- packages ----------

# make_clients FOLDER: install what is listed and no more, so that versions are
# those of the list.  From the registry that pip is set up with.
make_clients()
{
	local file files=()

	for file in "$top"/test/clients/requirements*.txt; do
		files+=(-r "$file")
	done
	rm -rf --one-file-system "$1.new"
	"$clients_python" -m venv "$1.new" || return
	"$1.new/bin/python" -m pip install -q --disable-pip-version-check \
		--no-input --no-deps --only-binary :all: --retries 2 "${files[@]}" ||
		return
	# whose tests are tried, too
	"$1.new/bin/python" -m pip download -q --disable-pip-version-check \
		--no-input --no-deps --no-binary pgvector --no-build-isolation \
		--retries 2 -d "$1.new/sources" \
		"$(grep -h '^pgvector==' "$top"/test/clients/requirements*.txt)" || return
	chmod -R a+rX "$1.new"
	# programs in it name its folder, and none of them is run
	mv "$1.new" "$1"
}

# Find the virtual environment, or make it.  Sets clients_folder.  Made beside its
# place and moved, so that a run that was cut short leaves nothing that looks
# complete.  One that none has asked for in a month goes.
find_clients()
{
	local key

	key=$(cat "$top"/test/clients/requirements*.txt | sha256sum | cut -c -16)
	clients_folder=$clients_home/$("$clients_python" -c \
		'import sys; print("%d.%d" % sys.version_info[:2])')-$key || return 1
	mkdir -p "$clients_home"
	(
		flock 9
		[ -d "$clients_folder" ] ||
			{ prepare_python && make_clients "$clients_folder"; } || exit 1
		touch "$clients_folder"
		find "$clients_home" -mindepth 1 -maxdepth 1 -type d -mtime +30 \
			-exec rm -rf --one-file-system {} +
	) 9>"$clients_home/lock" && return
	if [ "${OMEN_CI:-}" = 1 ]; then
		say "the packages of test/clients/requirements*.txt could not be had"
		return 1
	fi
	say "######## SKIPPED: clients, for PyPI's packages could not be had ########"
	return "$NO_CLIENTS"
}

# A python that makes virtual environments.
prepare_python()
{
	"$clients_python" -c 'import venv, ensurepip' 2>/dev/null ||
		"$top/test/install" clients
}

# ---------- servers ----------

# serve_routes SOURCE: start a server for each route that there is here, from
# copies of the installation in $work/server, with what is built in the folder.
# Each has a folder of its own below $work/routes.
serve_routes()
{
	local files

	files=$("$PG_CONFIG" --sharedir)/extension
	make_route vector &&
		rm -f "$work/routes/vector/server$files"/vector* &&
		as_user make -s -C "$1" install-vector-files \
			DESTDIR="$work/routes/vector/server" &&
		serve_route vector || return
	if [ -e "$files/vector.control" ]; then
		make_route companion && serve_route companion
	fi
}

# Files are linked: what replaces one makes it anew.
make_route()
{
	as_user mkdir -p "$work/routes/$1" &&
		as_user mkdir "$work/routes/$1"/{tmp,log,socket} &&
		as_user cp -al "$work/server" "$work/routes/$1/server"
}

# Plans go to the log, where a test reads them, for EXPLAIN is not what a client
# says.
serve_route()
(
	work=$work/routes/$1
	server_bin=$work/server$("$PG_CONFIG" --bindir)
	start_server autovacuum=off max_connections=50 \
		"session_preload_libraries='auto_explain'" \
		auto_explain.log_min_duration=0 auto_explain.log_format=json \
		"log_line_prefix='omendb %d '"
)

stop_routes()
{
	local folder

	for folder in "${work:-/nowhere}"/routes/*/; do
		! [ -e "$folder/data/postmaster.pid" ] || (work=${folder%/} stop_server)
	done
}

# ---------- tests ----------

# try_clients SERVERS [FILE...] [-- OPTION...]: run the tests against the servers
# in a folder, as the ordinary user, without a network.
try_clients()
{
	local servers=$1 apart=(unshare --net)

	shift
	if [ "$(id -u)" != 0 ]; then
		apart=(unshare --user --map-current-user --keep-caps --net)
	fi
	# who may not have a network apart has the tests alone see to it
	"${apart[@]}" true 2>/dev/null || apart=()
	env apart="${apart[*]}" work="$work" clients_folder="$clients_folder" \
		${server_bin:+server_bin="$server_bin"} \
		"${apart[@]}" "$top/test/clients/run" --offline "$servers" "$@"
}

# clients SOURCE: what is built in the folder, and installed in $work/server, tried
# with all of them, for as long as a suite may take.
clients()
{
	local status=0

	serve_routes "$1" &&
		OMEN_LIMIT=$(suite_limit) try_clients "$work" || status=$?
	stop_routes
	return "$status"
}

# The same as try_clients, there.
offline()
{
	local servers=$1 files=() limit=()

	shift
	while [ $# != 0 ] && [ "$1" != -- ]; do
		files+=("$(basename "$1")")
		shift
	done
	[ $# = 0 ] || shift
	[ -z "${OMEN_LIMIT:-}" ] || limit=(timeout --kill-after=30 "$OMEN_LIMIT")
	# in a network of its own nothing is there yet
	[ -z "${apart:-}" ] || "$top/test/clients/loopback" || return
	as_user env -C "$work/source/test/clients" -u PGHOST -u PGUSER -u PGPORT \
		OMEN_SERVERS="$servers/routes" PYTHONDONTWRITEBYTECODE=1 \
		"${limit[@]}" "$clients_folder/bin/python" -m pytest -c pytest.ini \
		"$@" "${files[@]}"
}
