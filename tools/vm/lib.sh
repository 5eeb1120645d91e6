# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the scripts of the VM lab share: places, messages, locks, archive access.

lab_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top_dir=$(cd "$lab_dir/../.." && pwd)
build_dir=$top_dir/build
cache_dir=${SHIFTFS_CACHE:-$build_dir/cache}
mkdir -p "$cache_dir" "$build_dir"
cache_dir=$(cd "$cache_dir" && pwd)
lab_flavour=${FLAVOUR:-cloud-amd64}

# sbin is not in every caller's PATH, but mke2fs and depmod live there
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

trap 'say "stopped at line $LINENO: $BASH_COMMAND"' ERR

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$*"
	exit 1
}

# lab_name KERNEL: what the files of a kernel are called below build/
lab_name() {
	case $1,$lab_flavour in
	*/*,* | debug,* | *,cloud-amd64) echo "${1##*/}" ;;
	*) echo "$1-$lab_flavour" ;;
	esac
}

need_root() {
	[ "$(id -u)" = 0 ] || die "must be run as root: it makes chroots and mounts"
}

# with_progress TEXT COMMAND...: run a long command, its output in a log, and
# say every ten seconds that it is still at work; the log is shown on failure.
with_progress() {
	local text=$1 log pid start=$SECONDS status=0
	shift
	log=$(mktemp "${TMPDIR:-/tmp}/lab-log.XXXXXX")
	say "$text ..."
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		if [ $(((SECONDS - start) % 10)) = 0 ]; then
			say "$text ... $((SECONDS - start)) s"
		fi
	done
	wait "$pid" || status=$?
	if [ "$status" != 0 ]; then
		tail -n 40 "$log" >&2
		say "$text: failed with status $status after $((SECONDS - start)) s"
	else
		say "$text: done in $((SECONDS - start)) s"
	fi
	rm -f "$log"
	return "$status"
}

# lock NAME: hold cache_dir/lock.NAME until this process ends. Children inherit
# the descriptor, so a guest that outlives us still holds it.
lock() {
	local fd
	exec {fd}>"$cache_dir/lock.$1"
	if ! flock -n "$fd"; then
		say "waiting for another process that uses $1"
		flock "$fd"
	fi
	printf -v "lock_$1" %s "$fd"
}

# lock_one NAME N: hold one of the N locks cache_dir/lock.NAME, lock.NAME.1 ...
# until this process ends.
lock_one() {
	local fd i suffix waited=''
	while true; do
		for ((i = 0; i < $2; i++)); do
			suffix=.$i
			exec {fd}>"$cache_dir/lock.$1${suffix#.0}"
			! flock -n "$fd" || return 0
			exec {fd}>&-
		done
		[ -n "$waited" ] || say "waiting for one of $2 that use $1"
		waited=1
		sleep 1
	done
}

# unlock NAME
unlock() {
	local name=lock_$1
	local fd=${!name}
	exec {fd}>&-
}

# replace_dir NEW FINAL: put a finished directory where the old one was. The
# caller holds the lock that guards FINAL.
replace_dir() {
	rm -rf "$2.old"
	if [ -e "$2" ]; then
		mv -T "$2" "$2.old"
	fi
	mv -T "$1" "$2"
	rm -rf "$2.old"
}

# debian_uris: print "main-uri security-uri" of this machine's own apt sources.
# apt itself is asked, so every format of sources and every mirror is covered.
debian_uris() {
	local codename uris empty main security
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[ -n "$codename" ] || die "/etc/os-release names no Debian suite"
	empty=$(mktemp -d)
	uris=$(apt-get -o "Dir::State::lists=$empty" update --print-uris 2>/dev/null |
		sed -n "s,^'\(.*\)/dists/\(.*\)/InRelease' .*,\2 \1,p") || true
	rm -rf "$empty"
	main=$(awk -v s="$codename" '$1 == s {print $2; exit}' <<<"$uris")
	security=$(awk -v s="$codename" \
		'$1 == s "-security" || $1 == s "/updates" {print $2; exit}' <<<"$uris")
	[ -n "$main" ] || die "apt's sources on this machine have no Debian suite $codename: add it to /etc/apt/sources.list.d"
	echo "$main" "$security"
}

# debian_sources SUITE...: print lines for sources.list
debian_sources() {
	local main security suite keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	read -r main security <<<"$(debian_uris)"
	for suite; do
		case $suite in
		*-security)
			[ -z "$security" ] ||
				echo "deb [signed-by=$keyring] $security $suite main"
			;;
		*)
			echo "deb [signed-by=$keyring] $main $suite main"
			;;
		esac
	done
}

# archive_pins DIR: let the newest version of a package be the one to install,
# in whichever suite it is. apt alone takes nothing from backports that is not
# named, so a kernel from there would lack what it depends on.
archive_pins() {
	mkdir -p "$1/etc/preferences.d"
	printf 'Package: *\nPin: release a=*\nPin-Priority: 500\n' >"$1/etc/preferences.d/suites"
}

# archive_setup: a private apt (own sources, state and cache, signatures
# checked against debian-archive-keyring), so the host's apt is not changed.
# Its lists are read again when older than a day, or with LAB_REFRESH=1.
archive_setup() {
	local dir=$cache_dir/apt line
	lock apt
	archive_pins "$dir"
	if [ -e "$dir/stamp" ] && [ -z "${LAB_REFRESH:-}" ] &&
		[ -z "$(find "$dir/stamp" -mmin +1440)" ]; then
		unlock apt
		export APT_CONFIG=$dir/apt.conf
		return
	fi
	mkdir -p "$dir"/{etc/apt.conf.d,etc/preferences.d,state/lists/partial,cache/archives/partial}
	: >"$dir/state/status"
	apt-config dump |
		grep -E '^Acquire::(http|https|ftp|Retries|ForceIPv)' >"$dir/apt.conf.new" || true
	cat >>"$dir/apt.conf.new" <<-CONF
		Dir::Etc "$dir/etc";
		Dir::State "$dir/state";
		Dir::State::status "$dir/state/status";
		Dir::Cache "$dir/cache";
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; };
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "3";
	CONF
	mv "$dir/apt.conf.new" "$dir/apt.conf"
	debian_sources bookworm bookworm-security bookworm-backports \
		trixie trixie-security trixie-backports >"$dir/etc/sources.list"
	export APT_CONFIG=$dir/apt.conf
	if ! with_progress "reading Debian's package lists" apt-get update; then
		# A suite that has left the archive shall not cost us the others.
		mv "$dir/etc/sources.list" "$dir/etc/all"
		while read -r line; do
			echo "$line" >"$dir/etc/one"
			if apt-get -qq -o "Dir::Etc::sourcelist=$dir/etc/one" \
				-o APT::Get::List-Cleanup=false update 2>/dev/null; then
				echo "$line" >>"$dir/etc/sources.list"
			else
				say "going on without: $line"
			fi
		done <"$dir/etc/all"
		[ -s "$dir/etc/sources.list" ] ||
			die "apt-get update failed with each of the sources in $dir/etc/all"
	fi
	touch "$dir/stamp"
	unlock apt
}
