# Shell functions to make and enter chroots of Debian suites.  Sourced after
# lib.sh by what runs as root.  The mirror, its proxy and its options are
# those of the machine's own apt.

chroot_home=${OMEN_CHROOT_DIR:-/var/cache/omendb-chroot}
archive_keys=/usr/share/keyrings/debian-archive-keyring.gpg

# Where the sources go inside: in root's home, which the ordinary user that
# the tests run as cannot read.
chroot_source=~root/omendb

# The mirror that apt takes this release's main archive from.
mirror()
{
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		'Origin: Debian' 'Label: Debian' | head -n 1
}

# What apt was told about how to fetch, in the form of a configuration file.
fetch_settings()
{
	apt-config dump |
		grep -E '^Acquire::(http|https|Retries|ForceIPv|Check-)' || true
}

# bootstrap SUITE FOLDER [ARCHITECTURE]: install a minimal system.  Suites that
# this debootstrap does not know yet are made by the script for unstable.
bootstrap()
{
	local suite=$1 folder=$2 arch=${3:-} script= keys=$archive_keys proxy= source

	[ -e "/usr/share/debootstrap/scripts/$suite" ] ||
		script=/usr/share/debootstrap/scripts/sid
	# A suite may be signed with keys that are newer than this machine.
	# Trixie's keyring package, verified when trixie was made, has them.
	if [ "$suite" = forky ] && [ -e "$chroot_home/trixie$archive_keys" ]; then
		keys=$chroot_home/trixie$archive_keys
	fi
	source=$(mirror)
	[ -n "$source" ] || { say "apt names no mirror of Debian"; return 1; }
	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	env ${proxy:+http_proxy="$proxy"} debootstrap --variant=minbase \
		${arch:+--arch="$arch"} --keyring="$keys" --include=ca-certificates \
		"$suite" "$folder" "$source" $script </dev/null
}

# configure FOLDER: let apt inside work as apt outside does, start nothing.
configure()
{
	cp -L /etc/resolv.conf "$1/etc/resolv.conf" 2>/dev/null || true
	if [ -d /etc/apt/auth.conf.d ]; then
		cp -a /etc/apt/auth.conf.d "$1/etc/apt/"
	fi
	{
		fetch_settings
		say 'Acquire::Languages "none";'
		# A suite in preparation may have a stale mirror.
		say 'Acquire::Check-Valid-Until "false";'
	} >"$1/etc/apt/apt.conf.d/90omendb"
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
}

# chroot_make SUITE [ARCHITECTURE]: make the suite's chroot, of the machine's own
# architecture or another that it can run, unless it is there; sets
# chroot_folder.  Made beside its place and moved, so that a run that was cut
# short leaves nothing that looks complete.
chroot_make()
{
	chroot_folder=$chroot_home/$1${2:+-$2}
	mkdir -p "$chroot_home"
	(
		flock 9
		if ! [ -d "$chroot_folder" ]; then
			rm -rf --one-file-system "$chroot_folder.new"
			bootstrap "$1" "$chroot_folder.new" "${2:-}" || exit 1
			mv "$chroot_folder.new" "$chroot_folder" || exit 1
		fi
		configure "$chroot_folder"
	) 9>"$chroot_folder.lock"
}

# chroot_run FOLDER COMMAND...: run a command inside, as root.  Mounts and
# processes live in namespaces of their own and go when the command ends,
# however it ends.
chroot_run()
{
	# shellcheck disable=SC2016
	unshare --mount --pid --fork --kill-child --propagation private \
		bash -c '
			folder=$1
			shift
			mount -t proc proc "$folder/proc" || exit 1
			mkdir -p "$folder/dev/shm" &&
				mount -t tmpfs -o mode=1777 shm "$folder/dev/shm" || exit 1
			for node in null zero full random urandom; do
				if ! [ -c "$folder/dev/$node" ]; then
					: >"$folder/dev/$node"
					mount --bind "/dev/$node" "$folder/dev/$node" || exit 1
				fi
			done
			chroot "$folder" env -i HOME=/root LC_ALL=C.UTF-8 \
				PATH=/usr/sbin:/usr/bin:/sbin:/bin \
				${http_proxy:+http_proxy="$http_proxy"} \
				${https_proxy:+https_proxy="$https_proxy"} "$@"
			exit $?' bash "$@" </dev/null
}

# chroot_sources FOLDER: put a fresh copy of the sources inside.
chroot_sources()
{
	rm -rf --one-file-system "$1$chroot_source"
	copy_sources "$1$chroot_source"
}
