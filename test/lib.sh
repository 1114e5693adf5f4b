# Shell functions that the commands under test/ and bench/ share.  Sourced,
# never run.  A server never starts from the system's own installation: it
# runs from a private copy, so that no other cluster sees our library.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# An ordinary user that every Debian has; servers refuse to run as root.
ORDINARY_USER=nobody

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf '%s\n' "$*" >&2
	exit 1
}

# PostgreSQL's major version: the one asked for, else of pg_config if it belongs
# to a server that one can build against, else of the suite that apt installs
# from.
postgres_major()
{
	local config=${PG_CONFIG:-pg_config} makefile

	if [ -n "${OMEN_PG_MAJOR:-}" ]; then
		say "$OMEN_PG_MAJOR"
		return
	fi
	makefile=$("$config" --pgxs 2>/dev/null || true)
	if [ -n "$makefile" ] && [ -e "$makefile" ]; then
		"$config" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/'
	else
		apt-cache show --no-all-versions postgresql 2>/dev/null |
			sed -n -E 's/^Version: ([0-9]+)\+.*/\1/p' | head -n 1
	fi
}

# Export PG_CONFIG as an absolute path: once the private copy's programs come
# first in PATH, the bare name would mean the copy's.
fix_pg_config()
{
	PG_CONFIG=$("${PG_CONFIG:-pg_config}" --bindir)/pg_config
	export PG_CONFIG
}

# Run a command as the ordinary user, with $work as its home.  What is not
# root already is one.
as_user()
{
	local environment=(HOME="$work" TMPDIR="$work/tmp" LC_ALL=C.UTF-8
		PATH="${server_bin:+$server_bin:}$PATH")

	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid="$ORDINARY_USER" --regid="$(id -g "$ORDINARY_USER")" \
			--clear-groups -- env "${environment[@]}" "$@"
	else
		env "${environment[@]}" "$@"
	fi
}

# Make $work, a folder of the ordinary user's, and copy the sources there:
# that user may not be able to read the checkout.
make_work()
{
	umask 022
	work=$(mktemp -d "/tmp/omendb-$1.XXXXXX")
	chmod 755 "$work"
	mkdir "$work/tmp" "$work/log" "$work/socket"
	copy_sources "$work/source"
	if [ "$(id -u)" = 0 ]; then
		chown -R "$ORDINARY_USER:$(id -g "$ORDINARY_USER")" "$work"
	fi
}

# Copy the sources, without what was built from them, to folder $1.
copy_sources()
{
	mkdir -p "$1"
	tar -C "$top" -c --exclude-vcs --exclude='*.o' --exclude='*.bc' \
		--exclude='*.so' --exclude='*.d' --exclude='__pycache__' \
		--exclude='./results' --exclude='./tmp_check' --exclude='./build' \
		--exclude='./bench/out' --exclude='./demo.png' . |
		tar -C "$1" -x --no-same-owner
}

# install_privately FOLDER [VARIABLE=VALUE...]: copy the server's installation
# under $work/server and install the extension built in the folder into the
# copy.  PostgreSQL finds its files relative to its programs, so the copy is
# complete in itself.  Sets server_bin.
install_privately()
{
	local part path

	for part in bindir pkglibdir sharedir; do
		path=$("$PG_CONFIG" "--$part")
		if ! [ -d "$work/server$path" ]; then
			as_user mkdir -p "$work/server$path"
			as_user cp -a "$path/." "$work/server$path"
		fi
	done
	server_bin=$work/server$("$PG_CONFIG" --bindir)
	as_user make -s -C "$1" install DESTDIR="$work/server" "${@:2}"
}

# Start a cluster of our own in $work/data that listens on a unix socket in
# $work/socket only.  Arguments are further settings, name=value.
start_server()
{
	local setting

	as_user initdb --no-sync -A trust -U postgres -E UTF8 --no-locale \
		-D "$work/data" >"$work/log/initdb.log" 2>&1 ||
		{ cat "$work/log/initdb.log"; return 1; }
	for setting in "listen_addresses=''" "port=5432" \
		"unix_socket_directories='$work/socket'" fsync=off jit=off "$@"; do
		say "$setting"
	done | as_user tee -a "$work/data/postgresql.conf" >/dev/null
	as_user pg_ctl -s -w -D "$work/data" -l "$work/log/postgres.log" start ||
		{ tail -n 20 "$work/log/postgres.log"; return 1; }
	export PGHOST=$work/socket PGPORT=5432 PGUSER=postgres
}

stop_server()
{
	if [ -n "${work:-}" ] && [ -e "$work/data/postmaster.pid" ]; then
		as_user pg_ctl -s -m immediate -D "$work/data" stop || true
	fi
}
